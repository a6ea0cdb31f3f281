//! What goes in below the endpoint: builders, and the machines when each is used alone. Their text is borrowed.

use std::sync::Arc;

use sip_proto::context::{
    ClientContext, Defaults, Hop, Identifiers, Reply, Request, ServerContext, Settings,
};
use sip_proto::dialog::{Dialog, InDialog, Sipfrag, Within};
use sip_proto::message::{
    Address, Body, BuildError, Builder, Component, Header, Message, Name, Params, escape, quote,
};
use sip_proto::random::Token;
use sip_proto::{Method, StatusCode, Timestamp, Transport};

use super::{ANY_VALUE, Entry, Written};
use crate::support::{CONTACT, Req, SDP, answer, parse};

pub(super) fn entries() -> Vec<Entry> {
    [builders(), machines(), values()].into_iter().flatten().collect()
}

fn one(built: Result<Message, impl ToString>) -> Written {
    built.map(|message| [message].into()).map_err(|fault| fault.to_string())
}

const FOO: Method = Method::Options;

fn begun(uri: &str) -> Builder {
    let mut builder = Builder::request(&FOO, uri);
    builder
        .header(Name::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
        .header(Name::MaxForwards, "70")
        .header(Name::From, "<sip:alice@192.0.2.1>;tag=1")
        .header(Name::To, "<sip:bob@192.0.2.4>")
        .header(Name::CallId, "c");
    builder
}

fn request() -> Builder {
    let mut builder = begun("sip:bob@192.0.2.4");
    builder.cseq(1, &FOO);
    builder
}

fn received() -> Message {
    parse(&Req::invite().text())
}

fn builders() -> Vec<Entry> {
    let entry = |what, covers, good, may_hold, write| Entry { what, covers, good, may_hold, write };
    vec![
        entry("Builder::request", &["build.rs::request"], "sip:bob@192.0.2.4", ";", |text| {
            one(begun(&text).cseq(1, &FOO).finish())
        }),
        entry("the method of Builder::request", &[], "FOO", "", |text| {
            let method = Method::Other(text.into());
            let mut builder = Builder::request(&method, "sip:bob@192.0.2.4");
            builder.header(Name::Via, "SIP/2.0/UDP h;branch=z9hG4bK1");
            builder.header(Name::MaxForwards, "70").header(Name::From, "<sip:alice@h>;tag=1");
            one(builder.header(Name::To, "<sip:bob@h>").header(Name::CallId, "c").cseq(1, &method).finish())
        }),
        entry("the method of Builder::cseq", &["build.rs::cseq"], "FOO", "", |text| {
            let mut builder = Builder::response(StatusCode::OK, "OK");
            builder.header(Name::Via, "SIP/2.0/UDP h;branch=z9hG4bK1");
            builder.header(Name::From, "<sip:alice@h>;tag=1").header(Name::To, "<sip:bob@h>;tag=2");
            one(builder.header(Name::CallId, "c").cseq(1, &Method::Other(text.into())).finish())
        }),
        entry("Builder::response", &["build.rs::response"], "OK", ANY_VALUE, |text| {
            let mut builder = Builder::response(StatusCode::OK, &text);
            builder.header(Name::Via, "SIP/2.0/UDP h;branch=z9hG4bK1");
            builder.header(Name::From, "<sip:alice@h>;tag=1").header(Name::To, "<sip:bob@h>;tag=2");
            one(builder.header(Name::CallId, "c").cseq(1, &FOO).finish())
        }),
        entry("Builder::header", &["build.rs::header"], "hello", ANY_VALUE, |text| {
            one(request().header(Name::Subject, &text).finish())
        }),
        entry("Builder::line", &["build.rs::line", "build.rs::text"], "hello", ANY_VALUE, |text| {
            let mut builder = request();
            builder.line(Name::Subject, |line| line.text(&text));
            one(builder.finish())
        }),
        entry("Builder::extra", &["build.rs::extra"], "hello", ANY_VALUE, |text| {
            one(request().extra(&Header::new("Subject", text)).finish())
        }),
        entry("Builder::finish_with", &["build.rs::finish_with"], "text/plain", ";", |text| {
            one(request().finish_with(Some(&Body::new(text, "x"))))
        }),
        entry("the reason of Message::answer", &["answer.rs::answer"], "OK", ANY_VALUE, |text| {
            one(received().answer(StatusCode::OK, &text, "t").finish())
        }),
        entry("the tag of Message::answer", &[], "t", "", |text| {
            one(received().answer(StatusCode::OK, "OK", &text).finish())
        }),
        entry("a header of Message::cancel", &["answer.rs::cancel"], "hello", ANY_VALUE, |text| {
            one(received().cancel().extra(&Header::new("Subject", text)).finish())
        }),
    ]
}

const IDS: Identifiers<'_> = Identifiers {
    call_id: "c",
    tag: "t",
    cseq: 1,
    identity: "<sip:bob@192.0.2.4>",
    contact: "<sip:bob@192.0.2.4>",
    allow: "INVITE",
    supported: "path",
    user_agent: "example",
};

const DEFAULTS: Defaults<'_> =
    Defaults { contact: "<sip:bob@192.0.2.4>", allow: "INVITE", supported: "path", server: "example" };

const WITHIN: Within<'_> = Within { allow: "INVITE", supported: "path", user_agent: "example" };

fn hop(sent_by: &str) -> Hop<'_> {
    Hop { transport: Transport::Udp, sent_by, branch: Token::from_bits(1) }
}

fn identified(ids: &Identifiers<'_>, sent_by: &str) -> Written {
    one(Request::new(Method::Invite, "sip:alice@192.0.2.1").build(ids, &hop(sent_by)))
}

fn answered(defaults: &Defaults<'_>) -> Written {
    let settings = Settings::DEFAULT;
    let mut context =
        ServerContext::new(Timestamp::ZERO, Arc::new(received()), false, Token::from_bits(1), &settings);
    let result = context.accept(Timestamp::ZERO, &Reply::new().sdp(SDP), defaults, &settings);
    result.map_err(|refused| refused.to_string())?;
    Ok([(**context.response().unwrap()).clone()].into())
}

fn dialog() -> Dialog {
    let invite = received();
    let ok = invite
        .answer(StatusCode::OK, "OK", "t")
        .header(Name::Contact, "<sip:bob@192.0.2.4>")
        .finish()
        .unwrap();
    Dialog::uas(&invite, &ok).unwrap()
}

fn within(request: InDialog, within: &Within<'_>, sent_by: &str) -> Written {
    one(dialog().request(&request, &hop(sent_by), within))
}

fn machines() -> Vec<Entry> {
    let entry = |what, covers, good, may_hold, write| Entry { what, covers, good, may_hold, write };
    vec![
        entry("Identifiers::call_id", &["request.rs::call_id"], "c", "\">", |text| {
            identified(&Identifiers { call_id: &text, ..IDS }, "192.0.2.4")
        }),
        entry("Identifiers::tag", &["request.rs::tag"], "t", "", |text| {
            identified(&Identifiers { tag: &text, ..IDS }, "192.0.2.4")
        }),
        entry("Identifiers::identity", &["request.rs::identity"], "<sip:bob@192.0.2.4>", ";", |text| {
            identified(&Identifiers { identity: &text, ..IDS }, "192.0.2.4")
        }),
        entry("Identifiers::contact", &["request.rs::contact"], "<sip:bob@192.0.2.4>", ANY_VALUE, |text| {
            identified(&Identifiers { contact: &text, ..IDS }, "192.0.2.4")
        }),
        entry("Identifiers::allow", &["request.rs::allow"], "INVITE", ANY_VALUE, |text| {
            identified(&Identifiers { allow: &text, ..IDS }, "192.0.2.4")
        }),
        entry("Identifiers::supported", &["request.rs::supported"], "path", ANY_VALUE, |text| {
            identified(&Identifiers { supported: &text, ..IDS }, "192.0.2.4")
        }),
        entry("Identifiers::user_agent", &["request.rs::user_agent"], "example", ANY_VALUE, |text| {
            identified(&Identifiers { user_agent: &text, ..IDS }, "192.0.2.4")
        }),
        entry("Hop::sent_by", &["request.rs::sent_by"], "192.0.2.4:5060", "", |text| identified(&IDS, &text)),
        entry("Hop::sent_by within a dialog", &[], "192.0.2.4:5060", "", |text| {
            within(InDialog::new(Method::Info), &WITHIN, &text)
        }),
        entry("Within::allow", &["outgoing.rs::allow"], "INVITE", ANY_VALUE, |text| {
            within(InDialog::new(Method::Invite), &Within { allow: &text, ..WITHIN }, "192.0.2.4")
        }),
        entry("Within::supported", &["outgoing.rs::supported"], "path", ANY_VALUE, |text| {
            within(InDialog::new(Method::Invite), &Within { supported: &text, ..WITHIN }, "192.0.2.4")
        }),
        entry("Within::user_agent", &["outgoing.rs::user_agent"], "example", ANY_VALUE, |text| {
            within(InDialog::new(Method::Info), &Within { user_agent: &text, ..WITHIN }, "192.0.2.4")
        }),
        entry("the headers of Dialog::ack", &["outgoing.rs::ack"], "1", ANY_VALUE, |text| {
            one(dialog().ack(1, [Header::new("X-Any", text)].into(), None, &hop("192.0.2.4")))
        }),
        entry("Defaults::contact", &["reply.rs::contact"], "<sip:bob@192.0.2.4>", ANY_VALUE, |text| {
            answered(&Defaults { contact: &text, ..DEFAULTS })
        }),
        entry("Defaults::allow", &["reply.rs::allow"], "INVITE", ANY_VALUE, |text| {
            answered(&Defaults { allow: &text, ..DEFAULTS })
        }),
        entry("Defaults::supported", &["reply.rs::supported"], "path", ANY_VALUE, |text| {
            answered(&Defaults { supported: &text, ..DEFAULTS })
        }),
        entry("Defaults::server", &["reply.rs::server"], "example", ANY_VALUE, |text| {
            answered(&Defaults { server: &text, ..DEFAULTS })
        }),
        entry("ClientContext::cancel", &["client.rs::cancel"], "1", ANY_VALUE, |text| {
            let (now, settings) = (Timestamp::ZERO, Settings::DEFAULT);
            let invite =
                Request::new(Method::Invite, "sip:alice@192.0.2.1").build(&IDS, &hop("192.0.2.4")).unwrap();
            let ringing = parse(&answer(&invite, 180, "a", CONTACT));
            let (mut context, _) = ClientContext::new(now, Arc::new(invite), false, None, &settings);
            context.receive(now, &ringing, &settings);
            let result = context.cancel(now, &[Header::new("X-Any", text)], &settings);
            result.map_err(|refused| refused.to_string())?;
            Ok(context.take_cancel().map(|cancel| (*cancel).clone()).into_iter().collect())
        }),
    ]
}

/// Text that is written by what writes it safely: nothing of it can be taken for structure.
fn values() -> Vec<Entry> {
    let entry = |what, covers, good, may_hold, write| Entry { what, covers, good, may_hold, write };
    vec![
        entry("quote", &["write.rs::quote"], "Bob", "", |text| {
            let contact = format!("{} <sip:bob@192.0.2.4>", quote(&text));
            let built = request().extra(&Header::new("Contact", contact)).finish();
            if let Ok(built) = &built {
                assert_eq!(built.contact().unwrap().unwrap().display_name().unwrap(), text);
            }
            one(built)
        }),
        entry("Header::of", &["build.rs::of"], "Bob", "", |text| {
            let name = quote(&text).to_string();
            let address =
                Address { raw_display_name: &name, uri: "sip:bob@192.0.2.4", params: Params::new("") };
            one(request().extra(&Header::of(Name::Contact, address)).finish())
        }),
        entry("escape", &["escape.rs::escape"], "bob", "", |text| {
            let uri = format!("sip:{}@192.0.2.4", escape(&text, Component::User));
            one(request().extra(&Header::new("Contact", format!("<{uri}>"))).finish())
        }),
        entry("Sipfrag::reason", &["refer.rs::reason"], "OK", ANY_VALUE, |text| {
            let frag = Sipfrag { status: StatusCode::OK, reason: &text }.to_string();
            assert_eq!(frag.lines().count(), 1, "{frag:?}");
            assert!(frag.ends_with("\r\n") && !frag.trim_end().contains(['\r', '\n', '\0']), "{frag:?}");
            let built = Ok::<_, BuildError>(request().finish().unwrap());
            one(built)
        }),
    ]
}
