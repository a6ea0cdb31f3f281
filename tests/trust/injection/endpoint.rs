//! What goes in by an endpoint: configuration, requests, answers, requests within dialogs.

use sip_proto::context::{Invite, Reply, Request};
use sip_proto::dialog::{InDialog, Modify};
use sip_proto::endpoint::Handling;
use sip_proto::message::{Body, BodyPart, Header};
use sip_proto::{Bound, Config, Endpoint, Event, Input, Method, Output, Timestamp, Transport};

use super::{ANY_VALUE, Entry, Written, outcome, owned};
use crate::support::{ALICE, BOB, CONTACT, Req, SDP, Ua, address, answer, secs};

pub(super) fn entries() -> Vec<Entry> {
    [configured(), requests(), answers(), within()].into_iter().flatten().collect()
}

/// What an endpoint of this configuration says: an automatic answer, an answer to a call, a request.
fn speaks(config: Config, advertised: Option<Box<str>>) -> Written {
    let now = Timestamp::ZERO;
    let mut sip: Endpoint = Endpoint::new(config, [4; 32]);
    sip.handle_input(now, Input::Bound(Bound { transport: Transport::Udp, local: address(BOB), advertised }));
    let flow = sip_proto::Flow::udp(address(BOB), address(ALICE));
    let mut sent = Vec::new();
    for request in [Req::new("OPTIONS"), Req::new("SUBSCRIBE"), Req::invite()] {
        let text = request.clone().branch(&format!("z9hG4bK{}", request.method)).text();
        sip.handle_input(now, Input::Datagram { flow, payload: text.into() });
        while let Some(output) = sip.poll_output() {
            match output {
                Output::Transmit(transmit) => sent.extend(transmit.payload.message().cloned()),
                Output::Event(Event::Incoming { server, .. }) => {
                    let mut server = sip.server(server).map_err(|refused| refused.to_string())?;
                    server.accept(now, Reply::new().sdp(SDP)).map_err(|refused| refused.to_string())?;
                }
                _ => {}
            }
        }
    }
    let invite = Invite::to("sip:alice@192.0.2.1").sdp(SDP);
    sip.invite(now, invite).map_err(|refused| refused.to_string())?;
    while let Some(output) = sip.poll_output() {
        if let Output::Transmit(transmit) = output {
            sent.extend(transmit.payload.message().cloned());
        }
    }
    match sip.counters().answers_lost {
        0 => Ok(sent),
        lost => Err(format!("{lost} answers lost, and counted")),
    }
}

fn configure(change: impl FnOnce(&mut Config)) -> Written {
    let mut config = Config::new("sip:bob@192.0.2.4").unwrap();
    change(&mut config);
    speaks(config, None)
}

fn configured() -> Vec<Entry> {
    let entry = |what, covers, good, may_hold, write| Entry { what, covers, good, may_hold, write };
    vec![
        entry("Config::new", &["config.rs::new"], "\"Bob\" <sip:bob@192.0.2.4>", ";", |text| {
            speaks(Config::new(&text).map_err(|fault| fault.to_string())?, None)
        }),
        entry("the display name of an identity", &[], "Bob", "", |text| {
            speaks(
                Config::new(&format!("{text} <sip:bob@192.0.2.4>")).map_err(|fault| fault.to_string())?,
                None,
            )
        }),
        entry("the user of an identity", &[], "bob", ";", |text| {
            speaks(Config::new(&format!("sip:{text}@192.0.2.4")).map_err(|fault| fault.to_string())?, None)
        }),
        entry("Config::server", &["config.rs/server"], "example/1.0", ANY_VALUE, |text| {
            configure(|config| config.server = text.into())
        }),
        entry("Config::user_agent", &["config.rs/user_agent"], "example/1.0", ANY_VALUE, |text| {
            configure(|config| config.user_agent = text.into())
        }),
        entry("Config::contact", &["config.rs/contact"], "<sip:bob@192.0.2.4>", ANY_VALUE, |text| {
            configure(|config| config.contact = text.into())
        }),
        entry("Config::outbound_proxy", &["config.rs/outbound_proxy"], "<sip:192.0.2.8;lr>", ";", |text| {
            configure(|config| config.outbound_proxy = text.into())
        }),
        entry("Config::supported", &["config.rs/supported"], "path", "", |text| {
            configure(|config| config.supported = [text.into()].into())
        }),
        entry("Policy::accept", &["policy.rs/accept"], "application/sdp", ANY_VALUE, |text| {
            configure(|config| config.policy.accept = ["application/sdp".into(), text.into()].into())
        }),
        entry("Policy::encodings", &["policy.rs/encodings"], "gzip", "", |text| {
            configure(|config| config.policy.encodings = [text.into()].into())
        }),
        entry("Policy::languages", &["policy.rs/languages"], "en", "", |text| {
            configure(|config| config.policy.languages = ["de".into(), text.into()].into())
        }),
        entry("a method of Policy::initial", &[], "FOO", "", |text| {
            configure(|config| config.policy.set_initial(Method::Other(text.into()), Handling::Auto))
        }),
        entry("a method of Policy::in_dialog", &[], "FOO", "", |text| {
            configure(|config| config.policy.set_in_dialog(Method::Other(text.into()), Handling::Auto))
        }),
        entry("Bound::advertised", &["flow.rs/advertised"], "sip.example.com:5070", "", |text| {
            speaks(Config::new("sip:bob@192.0.2.4").unwrap(), Some(text.into()))
        }),
    ]
}

fn request(request: Request) -> Written {
    let mut ua = Ua::new();
    let result = ua.sip.request(ua.now, request);
    outcome(&mut ua, result)
}

fn invite(invite: Invite) -> Written {
    let mut ua = Ua::new();
    let result = ua.sip.invite(ua.now, invite);
    outcome(&mut ua, result)
}

fn message() -> Request {
    Request::new(Method::Message, "sip:alice@192.0.2.1")
}

fn call() -> Invite {
    Invite::to("sip:alice@192.0.2.1")
}

fn requests() -> Vec<Entry> {
    let entry = |what, covers, good, may_hold, write| Entry { what, covers, good, may_hold, write };
    vec![
        entry("Request::method", &[], "FOO", "", |text| {
            request(Request::new(Method::Other(text.into()), "sip:alice@192.0.2.1"))
        }),
        entry("Request::new", &["request.rs/new", "request.rs/uri"], "sip:alice@192.0.2.1", ";", |text| {
            request(Request::new(Method::Message, text))
        }),
        entry("a target behind a strict router", &[], "sip:alice@192.0.2.1", ";", |text| {
            request(Request::new(Method::Message, text).to("sip:alice@192.0.2.1").route("<sip:192.0.2.8>"))
        }),
        entry("Request::from", &["request.rs/from"], "\"Alice\" <sip:alice@192.0.2.1>", ";", |text| {
            request(message().from(text))
        }),
        entry("a display name in From", &[], "Alice", "", |text| {
            request(message().from(format!("{text} <sip:alice@192.0.2.1>")))
        }),
        entry("a display name in From that is not ASCII", &[], "\u{c5}sa", "", |text| {
            request(message().from(format!("{text} <sip:alice@192.0.2.1>")))
        }),
        entry("Request::to", &["request.rs/to"], "\"Alice\" <sip:alice@192.0.2.1>", ";", |text| {
            request(message().to(text))
        }),
        entry("a bare To", &[], "sip:alice@192.0.2.1", ";", |text| request(message().to(text))),
        entry("a display name in To", &[], "Alice", "", |text| {
            request(message().to(format!("{text} <sip:alice@192.0.2.1>")))
        }),
        entry("Request::route", &["request.rs/route"], "<sip:192.0.2.8;lr>", ";", |text| {
            request(message().route(text).route("<sip:192.0.2.9;lr>"))
        }),
        entry("a second route", &[], "<sip:192.0.2.9;lr>", ";", |text| {
            request(message().route("<sip:192.0.2.8;lr>").route(text))
        }),
        entry(
            "a header's name",
            &["request.rs/header", "build.rs/new", "build.rs/name"],
            "X-Any",
            "",
            |text| request(message().header(text, "1")),
        ),
        entry("a header's value", &["build.rs/value"], "1", ANY_VALUE, |text| {
            request(message().header("X-Any", text))
        }),
        entry("Request::body", &["request.rs/body", "build.rs/content_type"], "text/plain", ";", |text| {
            request(message().body(text, "hello"))
        }),
        entry("Invite::to", &[], "sip:alice@192.0.2.1", ";", |text| invite(Invite::to(text))),
        entry("Invite::from", &[], "sip:alice@192.0.2.1", ";", |text| invite(call().from(text))),
        entry("Invite::route", &[], "<sip:192.0.2.8;lr>", ";", |text| invite(call().route(text))),
        entry("Invite::header", &[], "1", ANY_VALUE, |text| invite(call().header("X-Any", text))),
        entry(
            "Invite::addressed",
            &["request.rs/addressed"],
            "\"Alice\" <sip:alice@192.0.2.1>",
            ";",
            |text| invite(call().addressed(text)),
        ),
        entry("ClientRef::cancel_with", &["handles.rs::cancel_with"], "SIP;cause=200", ANY_VALUE, |text| {
            let mut ua = Ua::new();
            let (call, invite) = ua.call_alice();
            ua.hear(answer(&invite, 180, "a", CONTACT));
            let (now, header) = (ua.now, Header::new("Reason", text));
            let result = ua.sip.client(call).unwrap().cancel_with(now, &[header]);
            outcome(&mut ua, result)
        }),
    ]
}

fn respond(reply: Reply) -> Written {
    let mut ua = Ua::new();
    let server = ua.called();
    let now = ua.now;
    let result = ua.sip.server(server).unwrap().accept(now, reply).map(|_| ());
    outcome(&mut ua, result)
}

fn answers() -> Vec<Entry> {
    let entry = |what, covers, good, may_hold, write| Entry { what, covers, good, may_hold, write };
    vec![
        entry("Reply::reason", &["reply.rs/reason"], "Fine", ANY_VALUE, |text| {
            respond(Reply::new().reason(text))
        }),
        entry("the name of a header of an answer", &["reply.rs/header"], "X-Any", "", |text| {
            respond(Reply::new().header(text, "1"))
        }),
        entry("a header of an answer", &[], "1", ANY_VALUE, |text| {
            respond(Reply::new().header("X-Any", text))
        }),
        entry("Reply::body", &["reply.rs/body"], "application/sdp", ";", |text| {
            respond(Reply::new().body(text, SDP))
        }),
        entry("a header of a rejection", &[], "1", ANY_VALUE, |text| {
            let mut ua = Ua::new();
            let server = ua.called();
            let (now, reply) = (ua.now, Reply::code(486).reason(text.clone()).header("X-Any", text));
            let result = ua.sip.server(server).unwrap().reject(now, reply).map(|_| ());
            outcome(&mut ua, result)
        }),
    ]
}

fn dialog(
    ask: impl FnOnce(&mut sip_proto::endpoint::DialogRef<'_, u32>) -> Result<(), sip_proto::Refused>,
) -> Written {
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    let result = ask(&mut ua.sip.dialog(dialog).unwrap());
    outcome(&mut ua, result)
}

const NOW: Timestamp = Timestamp::ZERO;

fn within() -> Vec<Entry> {
    let entry = |what, covers, good, may_hold, write| Entry { what, covers, good, may_hold, write };
    vec![
        entry("InDialog::method", &[], "FOO", "", |text| {
            dialog(|dialog| dialog.request(NOW, InDialog::new(Method::Other(text.into()))).map(|_| ()))
        }),
        entry("the name of a header within a dialog", &["outgoing.rs/header"], "X-Any", "", |text| {
            dialog(|dialog| dialog.request(NOW, InDialog::new(Method::Info).header(text, "1")).map(|_| ()))
        }),
        entry("a header within a dialog", &[], "1", ANY_VALUE, |text| {
            dialog(|dialog| {
                dialog.request(NOW, InDialog::new(Method::Info).header("X-Any", text)).map(|_| ())
            })
        }),
        entry("InDialog::body", &["outgoing.rs/body"], "text/plain", ";", |text| {
            dialog(|dialog| dialog.request(NOW, InDialog::new(Method::Info).body(text, "x")).map(|_| ()))
        }),
        entry("DialogRef::info", &["handles.rs/info"], "text/plain", ";", |text| {
            dialog(|dialog| dialog.info(NOW, text, "x").map(|_| ()))
        }),
        entry("DialogRef::message", &["shortcuts.rs/message"], "text/plain", ";", |text| {
            dialog(|dialog| dialog.message(NOW, text, "x").map(|_| ()))
        }),
        entry("DialogRef::refer", &["shortcuts.rs/refer"], "<sip:carol@192.0.2.3>", ";", |text| {
            dialog(|dialog| dialog.refer(NOW, text).map(|_| ()))
        }),
        entry("DialogRef::refer to a bare URI", &[], "sip:carol@192.0.2.3", ";", |text| {
            dialog(|dialog| dialog.refer(NOW, text).map(|_| ()))
        }),
        entry("the event of DialogRef::notify", &["shortcuts.rs/notify"], "presence", ";", |text| {
            dialog(|dialog| dialog.notify(NOW, text, "active", None).map(|_| ()))
        }),
        entry("the state of DialogRef::notify", &[], "active", ";", |text| {
            dialog(|dialog| dialog.notify(NOW, "presence", text, None).map(|_| ()))
        }),
        entry("DialogRef::subscribe", &["shortcuts.rs/subscribe"], "presence", ";", |text| {
            dialog(|dialog| dialog.subscribe(NOW, text, secs(60)).map(|_| ()))
        }),
        entry("DialogRef::publish", &["shortcuts.rs/publish"], "presence", ";", |text| {
            dialog(|dialog| dialog.publish(NOW, text, None).map(|_| ()))
        }),
        entry("DialogRef::modify_with", &["handles.rs::modify_with"], "1", ANY_VALUE, |text| {
            let header = Header::new("X-Any", text);
            dialog(|dialog| dialog.modify_with(NOW, Modify::Hold, [header].into()).map(|_| ()))
        }),
        entry("DialogRef::destroy_with", &["handles.rs::destroy_with"], "1", ANY_VALUE, |text| {
            let header = Header::new("X-Any", text);
            dialog(|dialog| dialog.destroy_with(NOW, [header].into()))
        }),
        entry("the type of a part", &["write.rs::BodyPart"], "text/plain", ";", |text| {
            part(text, BodyPart::new)
        }),
        entry("a header of a part", &["write.rs::header"], "1", ANY_VALUE, |text| {
            let header = Header::new("Content-ID", text);
            part("text/plain".into(), |body| BodyPart::new(body).header(header.clone()))
        }),
        entry("the name of a header of a part", &[], "Content-ID", "", |text| {
            let header = Header::new(owned(text), "1");
            part("text/plain".into(), |body| BodyPart::new(body).header(header.clone()))
        }),
        entry("the subtype of a body of parts", &["write.rs::multipart"], "mixed", "", |text| {
            let body = Body::multipart(&text, "b", &[BodyPart::new(Body::sdp(SDP))]);
            send_body(body.map_err(|fault| fault.to_string())?)
        }),
        entry("the boundary of a body of parts", &[], "b", ANY_VALUE, |text| {
            let body = Body::multipart("mixed", &text, &[BodyPart::new(Body::sdp(SDP))]);
            send_body(body.map_err(|fault| fault.to_string())?)
        }),
    ]
}

/// A body of one part, sent and read again: it has one part, and that one header more than its type at most.
fn part(content_type: String, make: impl Fn(Body) -> BodyPart) -> Written {
    let body = Body::multipart("mixed", "b", &[make(Body::new(content_type, "x"))]);
    let sent = send_body(body.map_err(|fault| fault.to_string())?)?;
    let parts: Vec<_> = sent[0].parts().unwrap().unwrap().collect();
    let headers = make(Body::sdp("")).headers.len() + 1;
    assert_eq!(
        (parts.len(), parts[0].headers().count(), parts[0].body),
        (1, headers, &b"x"[..]),
        "{:?}",
        sent[0].body()
    );
    Ok(sent)
}

fn send_body(body: Body) -> Written {
    dialog(|dialog| {
        let request = InDialog { body: Some(body), ..InDialog::new(Method::Info) };
        dialog.request(NOW, request).map(|_| ())
    })
}
