//! What `Debug` must not show: bodies, credentials, passwords, keys. Logs are read by others.

use core::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use sip_proto::context::{
    ClientContext, Identifiers, Invite, Reply, Report, Request, ServerContext, Settings,
};
use sip_proto::dialog::{Dialog, InDialog, Modify, Sipfrag};
use sip_proto::endpoint::{Action, Command, Payload};
use sip_proto::message::{
    Address, Body, BodyPart, Builder, Challenge, Contact, Credentials, Datagram, Escaped, Framer, Header,
    List, Name, SecurityMechanism, Unit, Uri, quote,
};
use sip_proto::random::{Random, Token};
use sip_proto::sdp::{Ours, Session};
use sip_proto::transaction::HashKey;
use sip_proto::{
    Config, Endpoint, Event, Flow, Input, Limits, Message, Method, Operation, Output, StatusCode, Timestamp,
};

use crate::support::{ALICE, BOB, Req, address, parse};

/// Stands in every body, credential, password and key.
const SECRET: &str = "tEllNobody";

const AUTHORIZATION: &str = "Digest username=\"tEllNobody\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", response=\"tEllNobody\", cnonce=\"tEllNobody\"";
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=tEllNobody\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:tEllNobody\r\n";
const URI: &str = "sip:alice:tEllNobody@192.0.2.1;x=1?Subject=tEllNobody&body=tEllNobody";

/// Neither form of `Debug` shows the secret, as text or as numbers; and it shows something.
#[track_caller]
fn hides(value: &impl Debug) {
    let numbers = format!("{:?}", SECRET.as_bytes());
    let numbers = numbers.trim_matches(['[', ']']);
    let spread = SECRET.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>();
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        let is_spread =
            text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let is_spread = is_spread.windows(spread.len()).any(|part| part == spread);
        assert!(!text.contains(SECRET) && !text.contains(numbers) && !is_spread, "{text}");
        assert!(!text.is_empty());
    }
}

fn request() -> Req {
    Req::invite()
        .line(&format!("Authorization: {AUTHORIZATION}"))
        .line(&format!("Proxy-Authorization: {AUTHORIZATION}"))
        .line(&format!("Refer-To: <{URI}>"))
        .body("application/sdp", SDP)
}

fn message() -> Message {
    parse(&request().text())
}

fn headers() -> Vec<Header> {
    let named = |name: &'static str| Header::new(name, AUTHORIZATION);
    ["Authorization", "proxy-authorization", "Authentication-Info", "Proxy-Authentication-Info"]
        .map(named)
        .into()
}

fn body() -> Body {
    Body::new("text/plain", SECRET)
}

fn flow() -> Flow {
    Flow::udp(address(BOB), address(ALICE))
}

#[test]
fn messages_and_what_is_read_of_them() {
    let message = message();
    hides(&message);
    let datagram = Datagram::read(Bytes::from(request().text()), &Limits::DEFAULT);
    assert!(matches!(datagram, Datagram::Valid(_)));
    hides(&datagram);
    hides(&Datagram::read(Bytes::from(request().text().replace("CSeq: 1", "CSeq: x")), &Limits::DEFAULT));
    hides(&message.authorization().collect::<Vec<_>>());
    hides(&message.proxy_authorization().collect::<Vec<_>>());
    hides(&Credentials::parse(AUTHORIZATION).unwrap().params);
    hides(&Challenge::parse(&AUTHORIZATION.replace("username", "opaque")).unwrap());
    hides(&SecurityMechanism::parse("digest;d-ver=\"tEllNobody\"").unwrap());
    hides(&message.refer_to());
    hides(&message.parts());
    hides(&message.findings().collect::<Vec<_>>());
    hides(&List::new(AUTHORIZATION));
    hides(&Uri::parse(URI).unwrap());
    hides(&Uri::parse(URI).unwrap().sip().unwrap().header_fields().collect::<Vec<_>>());
    hides(&Address::parse(&format!("<{URI}>")).unwrap());
    hides(&Contact::parse(&format!("<{URI}>")).unwrap());
    hides(message.answer(StatusCode::OK, "OK", "t").header(Name::Authorization, AUTHORIZATION));
}

#[test]
fn what_is_written() {
    for header in headers() {
        hides(&header);
    }
    assert_eq!(format!("{:?}", Header::new("X-Any", "1")), "Header { name: \"X-Any\", value: \"1\" }");
    hides(&body());
    hides(&BodyPart { body: body(), headers: headers() });
    hides(&quote(SECRET));
    hides(&sip_proto::message::escape(SECRET, sip_proto::message::Component::Password) as &Escaped<'_>);
    let mut builder = Builder::request(&Method::Info, "sip:a@h");
    builder.line(Name::Authorization, |line| {
        line.text(AUTHORIZATION);
        hides(line);
    });
    hides(&builder);
    let parts = Body::multipart("mixed", "b", &[BodyPart::new(body())]).unwrap();
    hides(&parts);
    let text = request()
        .text()
        .replace("application/sdp", "multipart/mixed;boundary=b")
        .replace(SDP, "--b\r\n\r\ntEllNobody\r\n--b--");
    let text = text.replace(&format!("Content-Length: {}", SDP.len()), "Content-Length: 24");
    let message = parse(&text);
    let parts = message.parts().unwrap().unwrap();
    hides(&parts);
    hides(&parts.collect::<Vec<_>>());
}

#[test]
fn streams() {
    let text = request().text();
    let mut framer = Framer::new();
    framer.push(text.as_bytes());
    hides(&framer);
    let unit = framer.next(&Limits::DEFAULT).unwrap().unwrap();
    assert!(matches!(unit, Unit::Message(_)));
    hides(&unit);
}

#[test]
fn requests_and_answers_of_the_application() {
    let request = Request::new(Method::Message, URI)
        .from(URI)
        .to(URI)
        .route(format!("<{URI}>"))
        .body("text/plain", SECRET);
    hides(&Request { headers: headers(), ..request.clone() });
    hides(&Invite { request: Request { headers: headers(), ..request }, ..Invite::to(URI).sdp(SDP) });
    hides(&Reply { headers: headers(), ..Reply::new().body("text/plain", SECRET) });
    hides(&InDialog { headers: headers(), ..InDialog::new(Method::Info).body("text/plain", SECRET) });
    hides(&Modify::Sdp(SDP.into()));
    hides(&Identifiers { identity: URI, contact: URI, ..Identifiers::default() });
    hides(&Sipfrag { status: StatusCode::OK, reason: "OK" });
    let mut config = Config::new(URI.split('?').next().unwrap()).unwrap();
    (config.contact, config.outbound_proxy) = (format!("<{URI}>").into(), format!("<{URI}>").into());
    hides(&config);
    hides(&Session::parse(SDP.as_bytes()).unwrap());
    hides(&Session::parse(SDP.as_bytes()).unwrap().streams().collect::<Vec<_>>());
    hides(&Ours::new(SDP.as_bytes()));
}

#[test]
fn machines() {
    let (now, settings) = (Timestamp::ZERO, Settings::DEFAULT);
    let message = Arc::new(message());
    let context = ServerContext::new(now, message.clone(), false, Token::from_bits(1), &settings);
    hides(&context);
    let (mut client, _) = ClientContext::new(now, message.clone(), false, None, &settings);
    client.cancel(now, &headers()[..1], &settings).unwrap();
    hides(&client);
    let contact = format!("<{}>", URI.split('?').next().unwrap());
    let mut ok = message.answer(StatusCode::OK, "OK", "t");
    let ok = ok.header(Name::Contact, &contact).finish_with(Some(&Body::sdp(SDP))).unwrap();
    let dialog = Dialog::uas(&message, &ok).unwrap();
    hides(&dialog);
    hides(&dialog.local());
    hides(&dialog.remote());
    hides(&Report::of(Arc::new(ok)));
    let seed: [u8; 32] = std::array::from_fn(|at| SECRET.as_bytes()[at % SECRET.len()]);
    hides(&Random::from_seed(seed));
    hides(&HashKey::new(std::array::from_fn(|at| SECRET.as_bytes()[at % SECRET.len()])));
}

#[test]
fn inputs_and_commands() {
    let payload = || Bytes::from(request().text());
    let flow = flow();
    let inputs = [
        Input::Datagram { flow, payload: payload() },
        Input::Stream { flow, payload: payload() },
        Input::Message { flow, payload: payload() },
    ];
    for input in inputs {
        hides(&input);
        assert!(format!("{input:?}").contains("192.0.2.1:5060"), "{input:?}");
        hides(&Operation { at: Timestamp::ZERO, action: Action::Input(input) });
    }
    let (mut sip, [server, dialog, client]) = busy();
    let (server, dialog, client) = match (server, dialog, client) {
        (Id::Server(server), Id::Dialog(dialog), Id::Client(client)) => (server, dialog, client),
        _ => unreachable!(),
    };
    let reply = || Reply { headers: headers(), ..Reply::new().body("text/plain", SECRET) };
    let within = InDialog { headers: headers(), ..InDialog::new(Method::Info).body("text/plain", SECRET) };
    let commands = [
        Command::Invite(Invite::to(URI).sdp(SDP)),
        Command::Request(Request {
            headers: headers(),
            ..Request::new(Method::Message, URI).body("text/plain", SECRET)
        }),
        Command::Cancel(client, headers()),
        Command::Progress(server, reply()),
        Command::Accept(server, reply()),
        Command::Reject(server, reply()),
        Command::Reply(server, reply()),
        Command::Send(dialog, within),
        Command::Modify(dialog, Modify::Sdp(SDP.into()), headers()),
        Command::Answer(dialog, SDP.into()),
        Command::Destroy(dialog, headers()),
    ];
    for command in commands {
        hides(&command);
        let operation = Operation { at: Timestamp::ZERO, action: Action::Command(command) };
        hides(&operation);
        hides(&sip.apply(operation));
        hides(&sip);
    }
}

enum Id {
    Server(sip_proto::ServerId),
    Dialog(sip_proto::DialogId),
    Client(sip_proto::RequestId),
}

/// An endpoint with a request that waits, a call, and a request of its own, all of whose outputs were looked at.
fn busy() -> (Endpoint, [Id; 3]) {
    let now = Timestamp::ZERO;
    let mut sip: Endpoint = Endpoint::new(Config::new("sip:bob@192.0.2.4").unwrap(), [1; 32]);
    let mut servers = Vec::new();
    for n in 0..2 {
        let text = request().branch(&format!("z9hG4bK{n}")).call_id(&format!("c{n}")).text();
        sip.handle_input(now, Input::Datagram { flow: flow(), payload: text.into() });
        let output = sip.poll_output().unwrap();
        hides(&output);
        let Output::Event(Event::Incoming { server, .. }) = output else { panic!() };
        servers.push(server);
    }
    let reply = Reply { headers: headers()[2..3].into(), ..Reply::new().sdp(SDP) };
    let mut answered = sip.server(servers[1]).unwrap();
    hides(&answered);
    let dialog = answered.accept(now, reply).unwrap().dialog().unwrap();
    let offer = Invite {
        request: Request { headers: headers()[..2].into(), ..Request::new(Method::Invite, URI) },
        ..Invite::to(URI)
    };
    let client = sip.invite(now, offer.sdp(SDP)).unwrap();
    hides(&sip.client(client).unwrap());
    hides(&sip.dialog(dialog).unwrap());
    let mut count = 0;
    while let Some(output) = sip.poll_output() {
        hides(&output);
        if let Output::Transmit(transmit) = &output {
            assert!(
                transmit.payload.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()),
                "{output:?}"
            );
            hides(&transmit.payload as &Payload);
        }
        count += 1;
    }
    assert!(count >= 3);
    hides(&sip);
    (sip, [Id::Server(servers[0]), Id::Dialog(dialog), Id::Client(client)])
}

/// The values beside them are seen: a log that hides everything tells nothing.
#[test]
fn what_is_no_secret_is_shown() {
    let shown = format!("{:?}", Uri::parse(URI).unwrap());
    assert!(shown.contains("alice") && shown.contains("192.0.2.1"), "{shown}");
    let shown = format!("{:?}", Request::new(Method::Message, URI).header("Subject", "hello"));
    assert!(
        shown.contains("sip:alice") && shown.contains("@192.0.2.1;x=1") && shown.contains("hello"),
        "{shown}"
    );
    let shown = format!("{:?}", headers());
    assert!(shown.contains("Authorization"), "{shown}");
}
