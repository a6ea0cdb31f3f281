//! What bounds a message on the wire, through an endpoint: head, body, header lines, Request-URI; on datagrams, streams and WebSockets
//! (RFC 3261 §18.3, §21.4.12; RFC 7118 §5).

use crate::support::{ALICE, Heard, Req, Ua, address};
use bytes::Bytes;
use sip_proto::message::{Datagram, Name};
use sip_proto::{Event, Flow, Input, Limits, Output, Transport};

fn status(heard: &Heard) -> u16 {
    heard.only().status().unwrap().code()
}

/// A request whose Request-URI is this long.
fn with_uri(length: usize) -> Req {
    let user = "b".repeat(length - "sip:@192.0.2.4".len());
    Req::new("OPTIONS").uri(&format!("sip:{user}@192.0.2.4"))
}

fn web_socket() -> (Ua, Flow) {
    let mut ua = Ua::new();
    ua.bind(Transport::Ws, "192.0.2.4:80");
    let flow =
        Flow { transport: Transport::Ws, local: address("192.0.2.4:80"), remote: address(ALICE), conn: 7 };
    (ua, flow)
}

/// What the application hears of a WebSocket message.
fn body_of(heard: Heard) -> Vec<u8> {
    let Some((_, Output::Event(Event::Incoming { request, .. }))) = heard.0.into_iter().next() else {
        panic!()
    };
    request.body().to_vec()
}

/// RFC 3261 §21.4.12: on every transport, and no octet sooner.
#[test]
fn a_request_uri_beyond_its_limit_is_414() {
    const LONGEST: usize = 100;
    let long = || Ua::with(|config| config.limits.uri = LONGEST);
    assert_eq!(status(&long().hear(with_uri(LONGEST + 1).text())), 414);
    assert_ne!(status(&long().hear(with_uri(LONGEST).text())), 414);
    let mut ua = long();
    let flow = ua.tcp(ALICE, 1);
    let heard = ua.hear_on(flow, with_uri(LONGEST + 1).via("SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1").text());
    assert_eq!((status(&heard), ua.sip.counters().refused), (414, 1));
    assert!(ua.hear_on(flow, Req::new("OPTIONS").text()).only().status().is_some(), "the stream goes on");
}

/// Beyond the limits of a head nothing is indexed, so that nothing can be answered: counted.
#[test]
fn a_datagram_beyond_the_limits_of_a_head_is_dropped() {
    let text = Req::new("OPTIONS").text();
    let head = text.len();
    let lines = text.matches("\r\n").count() - 2;
    let exact =
        |head, headers| Ua::with(|config| config.limits = Limits { head, headers, ..Limits::DEFAULT });
    assert_eq!(status(&exact(head, lines).hear(text.clone())), 200);
    let mut ua = exact(head - 1, lines);
    assert_eq!(ua.hear(text.clone()).lines(), [""; 0]);
    assert_eq!(ua.sip.counters().not_sip, 1, "RFC 3261 §21.5.7 asks for no answer");
    // Header lines are counted where there are more than a few.
    let many = Req::new("OPTIONS").line("X-Any: y\r\n".repeat(60).trim_end()).text();
    let lines = many.matches("\r\n").count() - 2;
    assert_eq!(status(&exact(65_535, lines).hear(many.clone())), 200);
    let mut ua = exact(65_535, lines - 1);
    assert_eq!(ua.hear(many).lines(), [""; 0]);
    assert_eq!(ua.sip.counters().not_sip, 1);
}

/// Whatever the limits say, a head beyond what the index can hold is no message.
#[test]
fn a_head_is_at_most_65535_octets() {
    let limits = Limits { head: usize::MAX, headers: usize::MAX, ..Limits::DEFAULT };
    let of_length = |length: usize| {
        let text = Req::new("OPTIONS").line("Subject: ?").text();
        text.replace('?', &"x".repeat(length - text.len() + 1))
    };
    assert!(matches!(Datagram::read(Bytes::from(of_length(65_535)), &limits), Datagram::Valid(_)));
    assert!(matches!(Datagram::read(Bytes::from(of_length(65_536)), &limits), Datagram::NotSip(_)));
}

/// RFC 3261 §18.3: a stream that would have to be held beyond its limits is given up; nothing is held of it.
#[test]
fn a_stream_beyond_its_limits_is_closed() {
    let limits = Limits { head: 1_000, body: 100, ..Limits::DEFAULT };
    let ua = || Ua::with(|config| config.limits = limits);
    let message = |body: usize| Req::new("MESSAGE").body("text/plain", &"x".repeat(body)).text();
    let endless = format!("OPTIONS sip:bob@192.0.2.4 SIP/2.0\r\nSubject: {}", "x".repeat(1_000));
    for (text, is_closed) in [(message(100), false), (message(101), true), (endless, true)] {
        let mut ua = ua();
        let flow = ua.tcp(ALICE, 1);
        let heard = ua.hear_on(flow, text.clone()).lines();
        // RFC 3261 §21.5.7: the head can be told apart, and is answered.
        let is_answered = text.contains("Content-Length: 101");
        assert_eq!(heard.first().is_some_and(|line| line.starts_with("513 ")), is_answered, "{heard:?}");
        assert_eq!(heard.last().is_some_and(|line| line == "close"), is_closed, "{heard:?}");
        assert_eq!(ua.sip.counters().streams_lost, u64::from(is_closed));
    }
}

/// RFC 3261 §18.3: what a datagram lacks is 400, what it has too much is cut.
#[test]
fn a_datagram_has_the_body_that_it_announces() {
    let text = Req::new("MESSAGE").body("text/plain", "hello").text();
    for cut in 1..=5 {
        let mut ua = Ua::new();
        let answer = ua.hear(text[..text.len() - cut].to_owned()).only();
        assert_eq!(answer.status().unwrap().code(), 400);
        assert!(answer.reason_phrase().starts_with("Content-Length: "), "{}", answer.reason_phrase());
    }
    for more in ["", "x", "\r\n\r\n", &text] {
        assert_eq!(body_of(Ua::new().hear(format!("{text}{more}"))), b"hello");
    }
    // §20.14: without a Content-Length the body goes to the end.
    let untold = text.replace("Content-Length: 5\r\n", "");
    assert_eq!(body_of(Ua::new().hear(untold)), b"hello");
}

/// RFC 7118 §5: one message a frame, so that Content-Length is optional.
#[test]
fn a_web_socket_message_needs_no_content_length() {
    let request =
        |body: &str| Req::new("MESSAGE").via("SIP/2.0/WS x.invalid;branch=z9hG4bK1").body("text/plain", body);
    let text = request("hello").text();
    for text in [text.clone(), text.replace("Content-Length: 5\r\n", "")] {
        let (mut ua, flow) = web_socket();
        assert_eq!(body_of(ua.input(Input::Message { flow, payload: text.into() })), b"hello");
    }
    let (mut ua, flow) = web_socket();
    let short = text[..text.len() - 1].to_owned();
    assert_eq!(status(&ua.input(Input::Message { flow, payload: short.into() })), 400);
    // Two messages in a frame: the second is no part of the first.
    let (mut ua, flow) = web_socket();
    assert_eq!(body_of(ua.input(Input::Message { flow, payload: text.repeat(2).into() })), b"hello");
}

/// RFC 5626 §3.5, RFC 8489 §5: what keeps a flow open is counted as such on every transport, and is never malformed.
#[test]
fn keep_alives_are_no_messages() {
    let stun = &b"\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl"[..];
    let (mut ua, flow) = web_socket();
    for alive in [stun, b"\0", b"\r\n", b"\r\n\r\n", b"", b"\n"] {
        ua.hear(alive.to_vec());
        ua.input(Input::Message { flow, payload: Bytes::from_static(alive) });
    }
    assert_eq!((ua.sip.counters().keep_alives, ua.sip.counters().not_sip), (12, 0));
    // A STUN method or cookie that is none.
    for strange in [&b"\0\x01\0\0\x21\x12\xa4"[..], b"\x40\x01\0\0\x21\x12\xa4\x42abcdefghijkl", b"\0\0"] {
        ua.hear(strange.to_vec());
    }
    assert_eq!((ua.sip.counters().keep_alives, ua.sip.counters().not_sip), (12, 3));
}

/// RFC 5626 §3.5.1, §4.4.1, RFC 7118 §6: a ping in a WebSocket message is answered, or its client takes the flow for failed. One over UDP is not.
#[test]
fn a_ping_on_a_web_socket_is_answered() {
    let (mut ua, flow) = web_socket();
    let heard = ua.input(Input::Message { flow, payload: Bytes::from_static(b"\r\n\r\n") });
    assert_eq!((heard.lines(), heard.transmits()[0].flow), (vec!["pong".to_string()], flow));
    let single = ua.input(Input::Message { flow, payload: Bytes::from_static(b"\r\n") });
    assert_eq!((single.lines(), ua.hear("\r\n\r\n").lines()), (vec![], vec![]));
    assert_eq!(ua.sip.counters().keep_alives, 3);
}

/// RFC 3261 §7.5: line ends before a message are no part of it, on streams and in datagrams.
#[test]
fn leading_line_ends_are_left_out() {
    let text = Req::new("OPTIONS").text();
    for before in ["\r\n", "\n", "\r\n\r\n\r\n"] {
        assert_eq!(status(&Ua::new().hear(format!("{before}{text}"))), 200);
    }
    let mut ua = Ua::new();
    let flow = ua.tcp(ALICE, 1);
    let heard = ua.hear_on(flow, format!("\r\n{text}\r\n\r\n\r\n{}", text.replace("z9hG4bK", "z9hG4bKa")));
    let answers = heard.sent().iter().filter(|sent| sent.value(Name::CSeq).is_some()).count();
    assert_eq!((answers, ua.sip.counters().keep_alives), (2, 1));
}

/// RFC 3261 §21.5.7: a request whose answers have no room for what they add is answered 513 and begins nothing: it could be rung and never be rejected.
#[test]
fn what_cannot_be_answered_is_not_begun() {
    for (length, expected) in [(60_000, "incoming INVITE"), (65_000, "513 Message Too Large (INVITE)")] {
        let mut ua = Ua::with(|config| config.settings.answer_within = None);
        let via = format!("Via: SIP/2.0/UDP h;x={}", "x".repeat(length));
        let heard = ua.hear(Req::new("INVITE").line("Contact: <sip:alice@192.0.2.1>").line(&via).text());
        assert!(heard.lines()[0].contains(expected), "{length}: {:?}", heard.lines());
        assert_eq!(ua.sip.is_empty(), length > 64_000);
    }
}
