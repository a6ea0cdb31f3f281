//! The user agent server: examining requests, answering them, where answers go, CANCEL, guards.

use crate::support::{ALICE, BOB, CONTACT, Heard, Req, SDP, Ua, address, millis, secs};
use sip_proto::context::{Cause, ContextError, EndReason, Reply};
use sip_proto::dialog::Impact;
use sip_proto::endpoint::{By, Handling, Why};
use sip_proto::message::{Name, StatusCode};
use sip_proto::{DialogEvent, Event, Input, Method, Output, Refused, ServerEvent, Transport};

// ---- The order of examination (RFC 3261 §8.2; DESIGN.md §5) ----

/// What may be wrong with a request, in the order in which a UAS finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Version,
    Broken,
    UnknownDialog,
    Method,
    Scheme,
    User,
    Merged,
    Extension,
    Content,
    NoContact,
}

const FAULTS: [Fault; 10] = [
    Fault::Version,
    Fault::Broken,
    Fault::UnknownDialog,
    Fault::Method,
    Fault::Scheme,
    Fault::User,
    Fault::Merged,
    Fault::Extension,
    Fault::Content,
    Fault::NoContact,
];

impl Fault {
    fn put(self, mut request: Req) -> Req {
        match self {
            Self::Version => request.version = "SIP/3.0",
            Self::Broken => request = request.line("Max-Forwards: many"),
            Self::UnknownDialog => request = request.tagged("nowhere"),
            Self::Method => request.method = "REGISTER".into(),
            Self::Scheme => request = request.uri("http://192.0.2.4"),
            Self::User => request = request.uri("sip:nobody@192.0.2.4"),
            Self::Merged => request = request.branch("z9hG4bK-another-way"),
            Self::Extension => request = request.line("Require: teleport"),
            Self::Content => request = request.body("text/plain", "hello"),
            Self::NoContact => request.lines = request.lines.replace(CONTACT, ""),
        }
        request
    }

    fn status(self) -> u16 {
        match self {
            Self::Version => 505,
            Self::Broken | Self::NoContact => 400,
            Self::UnknownDialog => 481,
            Self::Method => 405,
            Self::Scheme => 416,
            Self::User => 404,
            Self::Merged => 482,
            Self::Extension => 420,
            Self::Content => 415,
        }
    }

    /// Two faults that one message cannot have, or that would not be told apart.
    fn excludes(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Scheme, Self::User) | (Self::Broken, Self::NoContact) | (Self::Method, Self::NoContact)
        )
    }
}

/// A user agent that has users, and types that it understands; the INVITE that a merged one is the twin of has come.
fn picky() -> Ua {
    let mut ua = Ua::with(|config| {
        config.policy.users = Some(vec!["bob".into()]);
        config.policy.accept = vec!["application/sdp".into()];
    });
    ua.called();
    ua
}

fn status(heard: &Heard) -> u16 {
    heard.only().status().unwrap().code()
}

/// A request of a new call, which has nothing to do with the first.
fn fresh(faults: &[Fault]) -> Req {
    let request = match faults.contains(&Fault::Merged) {
        true => Req::invite(),
        false => Req::invite().call_id("call-2").branch("z9hG4bK-2"),
    };
    faults.iter().fold(request, |request, fault| fault.put(request))
}

/// RFC 3261 §8.2: each fault alone has its answer.
// Holds: 3261-8.2.2.1-3, 3261-8.2.2.1-4, 3261-8.2.2.2-1, 3261-8.2.2.2-2, 3261-8.2.2.3-1
#[test]
fn every_fault_has_its_answer() {
    for fault in FAULTS {
        assert_eq!(status(&picky().hear(fresh(&[fault]).text())), fault.status(), "{fault:?}");
    }
}

/// RFC 3261 §8.2, DESIGN.md §5: of two faults in one message the earlier one is answered.
// Holds: 3261-8.2-3, 3261-8.2.1-1
#[test]
fn of_two_faults_the_earlier_one_is_answered() {
    for (place, first) in FAULTS.into_iter().enumerate() {
        for second in FAULTS.into_iter().skip(place + 1).filter(|second| !first.excludes(*second)) {
            let request = fresh(&[first, second]);
            assert_eq!(status(&picky().hear(request.text())), first.status(), "{first:?} and {second:?}");
        }
    }
}

/// RFC 3261 §8.2.7: a stateless answer to a retransmission is the same, To tag and all.
// Holds: 3261-8.2.7-5
#[test]
fn a_stateless_answer_is_the_same_when_repeated() {
    for fault in FAULTS {
        let mut ua = picky();
        let request = fresh(&[fault]).text();
        let first = ua.hear(request.clone()).only();
        assert!(first.to().is_err() || first.to().unwrap().tag().is_some(), "{fault:?}");
        assert_eq!(ua.hear(request).only(), first, "{fault:?}");
        assert_eq!(ua.sip.counts()[0], 1, "{fault:?}: nothing but the first call's context is kept");
    }
}

/// RFC 3261 §21.4.6, §20.5: a 405 says which methods are allowed.
// Holds: 3261-8.2.1-2, 3261-8.2.1-3, 3261-8.2.1-4
#[test]
fn a_405_has_allow() {
    let answer = Ua::new().hear(Req::new("REGISTER").text()).only();
    let allow: Vec<_> = answer.allow().collect();
    assert_eq!(answer.status(), Some(StatusCode::METHOD_NOT_ALLOWED));
    for method in ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "MESSAGE", "INFO"] {
        assert!(allow.contains(&method), "{method} in {allow:?}");
    }
}

/// RFC 3261 §21.5.2: a method that nobody knows is 501; RFC 4475 §3.1.1.2: with the methods that somebody does.
#[test]
fn an_unknown_method_is_501() {
    let answer = Ua::new().hear(Req::new("JUMP").text()).only();
    assert_eq!(answer.status(), Some(StatusCode::NOT_IMPLEMENTED));
    assert!(answer.allow().any(|method| method == "INVITE"));
}

/// RFC 3261 §12.2.2, §15.1.2: what only lives in a dialog is 481 without one.
// Holds: 3261-15.1.2-1
#[test]
fn methods_of_dialogs_are_481_outside() {
    for method in ["BYE", "INFO", "UPDATE", "PRACK", "NOTIFY"] {
        assert_eq!(status(&Ua::new().hear(Req::new(method).text())), 481, "{method}");
    }
}

/// RFC 3261 §8.2.2.3: a 420 names what is not supported, and only that.
// Holds: 3261-8.2.2.3-1, 3261-8.2.2.3-2
#[test]
fn a_420_names_the_unsupported() {
    let mut ua = Ua::with(|config| config.supported = vec!["timer".into()]);
    let request = Req::new("OPTIONS").line("Require: timer, teleport").line("Require: TIMER, magic");
    let answer = ua.hear(request.text()).only();
    assert_eq!(answer.status(), Some(StatusCode::BAD_EXTENSION));
    assert_eq!(answer.unsupported().collect::<Vec<_>>(), ["teleport", "magic"]);
}

/// RFC 3261 §8.2.3: a 415 says what would do; the right type passes, in any case, with parameters.
// Holds: 3261-8.2.3-2
#[test]
fn a_415_has_accept() {
    let mut ua = picky();
    let answer = ua.hear(fresh(&[Fault::Content]).text()).only();
    assert_eq!(answer.value(Name::Accept), Some("application/sdp"));
    let fine = fresh(&[]).body("Application/SDP;charset=x", SDP);
    assert_eq!(ua.hear(fine.text()).lines(), ["* incoming INVITE"]);
}

/// RFC 3261 §8.2.2.3: Require has no meaning in ACK and CANCEL, and must be ignored there.
// Holds: 3261-8.2.2.3-4
#[test]
fn require_is_ignored_in_cancel_and_ack() {
    let mut ua = Ua::new();
    ua.called();
    let cancel = Req::invite().follow("CANCEL").line("Require: teleport").line("Proxy-Require: teleport");
    assert_eq!(ua.hear(cancel.text()).lines()[0], "200 OK (CANCEL)");
    let ack = Req::invite().follow("ACK").line("Require: teleport").line("Proxy-Require: teleport");
    assert_eq!(ua.hear(ack.text()).lines(), [""; 0]);
    assert_eq!(ua.pass(secs(4)).lines(), [""; 0], "the ACK has stopped the 487");
    let mut ua = Ua::new();
    let server = ua.called();
    let ok = ua.accept(server, Reply::new()).unwrap().message("200 OK (INVITE)");
    let ack = Req::within(&ok, "ACK", 1).line("Require: teleport");
    assert_eq!(ua.hear(ack.text()).lines(), ["* confirmed"]);
}

/// RFC 3261 §8.2 (DESIGN.md §5): a UAS, which forwards nothing, serves a request with Max-Forwards 0.
#[test]
fn max_forwards_zero_is_served() {
    assert_eq!(status(&Ua::new().hear(Req::new("OPTIONS").line("Max-Forwards: 0").text())), 200);
}

/// RFC 3261 §21.4.12.
#[test]
fn a_long_request_uri_is_414() {
    let mut ua = Ua::with(|config| config.limits.uri = 100);
    let uri = format!("sip:{}@192.0.2.4", "b".repeat(100));
    assert_eq!(status(&ua.hear(Req::invite().uri(&uri).text())), 414);
    assert_eq!(ua.hear(Req::new("ACK").uri(&uri).text()).lines(), [""; 0]);
}

/// RFC 3261 §8.1.1.8, §12.1.1: an INVITE needs one Contact that can be sent to.
#[test]
fn an_invite_without_usable_contact_is_400() {
    for contact in ["", "Contact: *\r\n", "Contact: <sip:>\r\n", "Contact: \r\n"] {
        let mut request = Req::new("INVITE");
        request.lines = contact.into();
        let mut ua = Ua::new();
        assert_eq!(status(&ua.hear(request.text())), 400, "{contact:?}");
        assert!(ua.sip.is_empty());
    }
}

/// RFC 3261 §20.5, §13.2.1: what is refused outside dialogs and served within them is allowed: the peer of a call may change it.
#[test]
fn allow_names_what_is_served_within_dialogs_alone() {
    for handling in [Handling::Reject(StatusCode::FORBIDDEN), Handling::Ask] {
        let mut ua = Ua::with(|config| {
            config.policy.set_initial(Method::Invite, handling);
            config.policy.set_initial(Method::Publish, Handling::Reject(StatusCode::FORBIDDEN));
            config.policy.set_in_dialog(Method::Publish, Handling::Reject(StatusCode::FORBIDDEN));
        });
        let (_, invite) = ua.call_alice();
        let allow = |method: &str| invite.allow().filter(|known| *known == method).count();
        assert_eq!(["INVITE", "MESSAGE", "UPDATE", "PUBLISH"].map(allow), [1, 1, 1, 0], "{handling:?}");
    }
}

/// RFC 3261 §8.2.2.2: the same request by another way is 482; once the first is over, it is a new one.
// Holds: 3261-8.2.2.2-1, 3261-8.2.2.2-2
#[test]
fn a_merged_request_is_482_while_its_twin_lives() {
    let mut ua = Ua::new();
    let server = ua.hear(Req::new("MESSAGE").text()).server();
    let twin = Req::new("MESSAGE").branch("z9hG4bK-twin").text();
    assert_eq!(status(&ua.hear(twin.clone())), 482);
    let other = Req::new("OPTIONS").branch("z9hG4bK-other");
    assert_eq!(status(&ua.hear(other.text())), 200, "another method is no twin");
    ua.accept(server, Reply::new()).unwrap();
    assert_eq!(status(&ua.hear(twin.clone())), 482, "Timer J still runs");
    ua.pass_all();
    assert_eq!(ua.hear(twin).lines(), ["* incoming MESSAGE"]);
    for method in ["INVITE", "SUBSCRIBE"] {
        let mut ua = Ua::with(|config| config.policy.set_initial(Method::Subscribe, Handling::Ask));
        let request = Req::new(method).line(CONTACT.trim_end()).line("Event: presence");
        ua.hear(request.text());
        assert_eq!(status(&ua.hear(request.branch("z9hG4bK-twin").text())), 482, "{method}");
    }
}

// ---- Broken and strange input (RFC 3261 §18, RFC 5626; DESIGN.md §5) ----

/// RFC 3261 §21.4.1: the reason phrase says what is wrong.
#[test]
fn a_broken_request_is_answered_400_with_a_reason() {
    for (broken, word) in [
        (Req::invite().line("Max-Forwards: -1"), "Max-Forwards"),
        (Req::invite().from("<sip:alice@192.0.2.1>;;tag=1"), "From"),
        (Req::invite().line("CSeq: 2 INVITE"), "CSeq"),
        // RFC 3261 §25.1 `tag-param`: with such a tag no dialog could be made.
        (Req::invite().to("<sip:bob@192.0.2.4>;tag"), "To"),
        (Req::invite().from("sip:alice@192.0.2.1;x;TAG;tag=1"), "From"),
        (Req::invite().via("SIP/2.0/UDP 192.0.2.1;;,;,,"), "Via"),
    ] {
        let mut ua = Ua::new();
        let answer = ua.hear(broken.text()).only();
        assert_eq!(answer.status(), Some(StatusCode::BAD_REQUEST));
        assert!(answer.reason_phrase().contains(word), "{}", answer.reason_phrase());
        assert_eq!(ua.sip.counters().broken_answered, 1);
        assert!(ua.sip.is_empty());
    }
}

/// RFC 3261 §18.3: a datagram whose body is shorter than Content-Length is 400; one with more octets is cut.
// Holds: 3261-18.3-1, 3261-18.3-3
#[test]
fn a_body_shorter_than_its_length_is_400() {
    let mut ua = Ua::new();
    let short = Req::new("MESSAGE").body("text/plain", "hello").text();
    assert_eq!(status(&ua.hear(short[..short.len() - 1].to_string())), 400);
    let Output::Event(Event::Incoming { request, .. }) = ua.hear(short + "+more").0.remove(0).1 else {
        panic!()
    };
    assert_eq!(request.body(), b"hello");
}

/// RFC 3261 §17.1.3: without what an answer finds its request by there is none. RFC 4475 §3.3.1: without the rest there is.
#[test]
fn a_request_without_a_header_that_it_must_have() {
    let whole = Req::invite().text();
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let lines = whole.split_inclusive("\r\n").filter(|line| !line.starts_with(&format!("{name}:")));
        let mut ua = Ua::new();
        let heard = ua.hear(lines.collect::<String>());
        if matches!(name, "Via" | "CSeq") {
            assert_eq!(heard.lines(), [""; 0], "{name}");
            assert_eq!(ua.sip.counters().broken_dropped, 1, "{name}");
        } else {
            assert_eq!(status(&heard), 400, "{name}");
            assert_eq!(heard.only().headers(name).next(), None, "nothing is made up");
            assert_eq!(heard.only().lines().count(), 5, "the other four, and Content-Length");
        }
    }
}

/// RFC 4475 §3.1.2.16: another version's Via may be another version's too; the answer goes back to where it came from.
#[test]
fn another_version_is_505_whatever_its_via_says() {
    let request = Req { version: "SIP/3.0", ..Req::new("OPTIONS").via("SIP/3.0/UDP 192.0.2.1:9") };
    let heard = Ua::new().hear(request.text());
    assert_eq!(status(&heard), 505);
    assert_eq!(heard.transmits()[0].flow.remote, address(ALICE));
    let other = Req::new("OPTIONS").via("SIP/3.0/UDP 192.0.2.1");
    assert_eq!(Ua::new().hear(other.text()).lines(), [""; 0], "the request is of our version");
}

/// RFC 4475 §3.1.2.7, §3.1.2.8, RFC 5118 §4.2: a Request-URI that cannot be read is 400, whatever else there is to say.
#[test]
fn a_malformed_request_uri_is_400() {
    for uri in ["<sip:bob@192.0.2.4>", "sip:bob@192.0.2.4; lr", "sip:2001:db8::10"] {
        assert_eq!(status(&Ua::new().hear(Req::invite().uri(uri).text())), 400, "{uri}");
        assert_eq!(status(&Ua::new().hear(Req::invite().uri(uri).tagged("x").text())), 400, "{uri}");
        assert_eq!(status(&Ua::new().hear(Req::new("REGISTER").uri(uri).text())), 400, "{uri}");
    }
}

/// RFC 3261 §19.1.2, RFC 4475 §3.1.1.3: an escaped character of a user is the character, once.
#[test]
fn an_escaped_user_is_the_user() {
    for (user, code) in [("%62o%62", 200), ("BOB", 404), ("bob%00", 404), ("%2562ob", 404), ("a%25b", 200)] {
        let mut ua = Ua::with(|config| config.policy.users = Some(vec!["bob".into(), "a%25b".into()]));
        let request = Req::new("OPTIONS").uri(&format!("sip:{user}@192.0.2.4"));
        assert_eq!(status(&ua.hear(request.text())), code, "{user}");
    }
}

/// RFC 3261 §20.1, §21.4.7, RFC 4475 §3.3.15: who accepts no session description cannot have the answer to an INVITE.
#[test]
fn an_invite_that_accepts_no_session_description_is_406() {
    for refused in ["text/plain", "", "application/sdp;q=0.0", "text/*, application/isup"] {
        let answer = Ua::new().hear(Req::invite().line(&format!("Accept: {refused}")).text()).only();
        assert_eq!(answer.status(), Some(StatusCode::NOT_ACCEPTABLE), "{refused}");
        assert!(answer.value(Name::Warning).unwrap().starts_with("399 192.0.2.4 \""), "{refused}");
    }
    for fine in ["text/plain, Application/SDP;q=0.1", "*/*", "application/*"] {
        let heard = Ua::new().hear(Req::invite().line(&format!("Accept: {fine}")).text());
        assert_eq!(heard.lines(), ["* incoming INVITE"], "{fine}");
    }
    let options = Req::new("OPTIONS").line("Accept: text/plain");
    assert_eq!(status(&Ua::new().hear(options.text())), 200, "OPTIONS is answered without one");
    let mut ua = Ua::new();
    let (ok, _) = ua.answered_call();
    let again =
        Req::within(&ok, "INVITE", 2).line("Contact: <sip:alice@192.0.2.1>").line("Accept: text/plain");
    assert_eq!(status(&ua.hear(again.text())), 406, "a re-INVITE too");
}

/// RFC 4475 §3.4.1: a peer of RFC 2543's may leave out branch, From tag, Max-Forwards and Contact, and the call goes through.
// Holds: 6026-6-3
#[test]
fn a_call_from_an_rfc_2543_peer() {
    let request = Req::new("INVITE")
        .branch("")
        .from("<sip:alice@192.0.2.1>")
        .body("application/sdp", SDP)
        .text()
        .replace("Max-Forwards: 70\r\n", "");
    let mut ua = Ua::new();
    let server = ua.hear(request.clone()).server();
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    assert_eq!(ua.hear(request).lines(), [""; 0]);
    assert_eq!(ua.sip.counters().retransmissions, 1, "known again by its headers (RFC 3261 §17.2.3)");
    let ack = Req::within(&ok, "ACK", 1).branch("");
    assert_eq!(ua.hear(ack.text()).lines(), ["* confirmed"]);
    let bye = ua.destroy(dialog).message("BYE");
    assert_eq!(bye.request_uri(), Some("sip:alice@192.0.2.1"), "From says where");
    assert_eq!(bye.to().unwrap().tag(), None);
    ua.hear(crate::support::answer(&bye, 200, "", ""));
    ua.pass_all();
}

/// RFC 3261 §17.1.1.3, §8.2: nothing ever answers an ACK.
#[test]
fn an_ack_is_never_answered() {
    let broken = Req::new("ACK").line("Max-Forwards: many");
    let other_version = Req { version: "SIP/3.0", ..Req::new("ACK") };
    for ack in [Req::new("ACK"), Req::new("ACK").tagged("x"), broken, other_version] {
        let mut ua = Ua::new();
        assert_eq!(ua.hear(ack.text()).lines(), [""; 0], "{ack:?}");
        let counters = ua.sip.counters();
        assert_eq!(counters.stray_acks + counters.broken_dropped, 1);
    }
}

/// RFC 3261 §18.1.2: a broken response is dropped.
#[test]
fn a_broken_response_is_dropped() {
    let mut ua = Ua::new();
    let response = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK1\r\nFrom: <sip:b@h>;;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n";
    assert_eq!(ua.hear(response).lines(), [""; 0]);
    assert_eq!((ua.sip.counters().broken_dropped, ua.sip.counters().stray_responses), (1, 0));
}

/// RFC 5626 §3.5, DESIGN.md §5: CRLF, single NULs and STUN are keep-alives on UDP, counted and not answered.
#[test]
fn keep_alives_are_counted() {
    let mut ua = Ua::new();
    for alive in [&b"\r\n\r\n"[..], b"\r\n", b"\0", b"", b"\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl"] {
        assert_eq!(ua.hear(alive).lines(), [""; 0]);
    }
    assert_eq!((ua.sip.counters().keep_alives, ua.sip.counters().not_sip), (5, 0));
    assert_eq!(ua.hear(&b"\x16\x03\x01 no SIP at all"[..]).lines(), [""; 0]);
    assert_eq!(ua.sip.counters().not_sip, 1);
}

/// RFC 5626 §3.5.1: a double CRLF on a stream is answered by a single one.
#[test]
fn a_ping_on_a_stream_is_answered() {
    let mut ua = Ua::new();
    let flow = ua.tcp(ALICE, 1);
    assert_eq!(ua.hear_on(flow, "\r\n").lines(), [""; 0]);
    let heard = ua.hear_on(flow, "\r\n");
    let pong = heard.transmits()[0];
    assert_eq!((&*pong.payload, pong.flow), (&b"\r\n"[..], flow));
    assert_eq!(ua.sip.counters().keep_alives, 1);
}

/// RFC 3261 §20.14, §18.3: a stream without Content-Length is out of step: closed, counted.
#[test]
fn a_stream_out_of_step_is_closed() {
    let mut ua = Ua::new();
    let flow = ua.tcp(ALICE, 1);
    let text = Req::new("OPTIONS").text().replace("Content-Length: 0\r\n", "");
    assert_eq!(ua.hear_on(flow, text).lines(), ["close"]);
    assert_eq!(ua.sip.counters().streams_lost, 1);
}

// ---- Where answers go (RFC 3261 §18.2, RFC 3581) ----

/// The address that the answer to this OPTIONS goes to, and its Via.
fn answered(ua: &mut Ua, from: &str, via: &str) -> (String, String) {
    let heard = ua.hear_from(from, Req::new("OPTIONS").via(via).text());
    let via = heard.only().value(Name::Via).unwrap().to_string();
    (heard.transmits()[0].flow.remote.to_string(), via)
}

/// RFC 3261 §18.2.2, RFC 3581 §4: each kind of Via, and where it leads.
// Holds: 3261-18.2.2-1, 3261-18.2.2-5, 3261-18.2.2-7, 3261-18.2.2-9, 3581-4-3
#[test]
fn answers_over_udp_go_where_the_via_says() {
    let rows = [
        // No rport: the source address, the port of sent-by.
        ("192.0.2.1:9", "SIP/2.0/UDP 192.0.2.1:5070", "192.0.2.1:5070"),
        ("192.0.2.1:9", "SIP/2.0/UDP 192.0.2.1", "192.0.2.1:5060"),
        ("192.0.2.9:9", "SIP/2.0/UDP 192.0.2.1:5070", "192.0.2.9:5070"),
        ("192.0.2.9:9", "SIP/2.0/UDP pc33.example.com", "192.0.2.9:5060"),
        // With rport: source address and source port.
        ("192.0.2.1:9", "SIP/2.0/UDP 192.0.2.1:5070;rport", "192.0.2.1:9"),
        ("192.0.2.9:9", "SIP/2.0/UDP pc33.example.com;rport", "192.0.2.9:9"),
        ("192.0.2.1:9", "SIP/2.0/UDP 192.0.2.1:5070;rport=7", "192.0.2.1:9"),
        // maddr comes first.
        ("192.0.2.1:9", "SIP/2.0/UDP 192.0.2.1:5070;maddr=192.0.2.7", "192.0.2.7:5070"),
        ("192.0.2.1:9", "SIP/2.0/UDP 192.0.2.1;maddr=192.0.2.7", "192.0.2.7:5060"),
    ];
    for (from, via, to) in rows {
        assert_eq!(answered(&mut Ua::new(), from, via).0, to, "{via} from {from}");
    }
}

/// DESIGN.md §5 by policy: who does not trust strangers does not send where they point.
#[test]
fn maddr_can_be_ignored() {
    let mut ua = Ua::with(|config| config.policy.honour_maddr = false);
    let via = "SIP/2.0/UDP 192.0.2.1:5070;maddr=192.0.2.7";
    assert_eq!(answered(&mut ua, "192.0.2.1:9", via).0, "192.0.2.1:5070");
}

/// RFC 3261 §18.2.1, RFC 3581 §4: received where the source differs, received and rport where rport asks.
// Holds: 3261-18.2.1-5, 3261-18.2.1-6, 3581-4-1, 3581-4-2
#[test]
fn the_via_of_an_answer_says_where_the_request_came_from() {
    let via = |from, via| answered(&mut Ua::new(), from, via).1;
    let branch = ";branch=z9hG4bK-OPTIONS";
    assert_eq!(
        via("192.0.2.1:5070", "SIP/2.0/UDP 192.0.2.1:5070"),
        format!("SIP/2.0/UDP 192.0.2.1:5070{branch}")
    );
    assert_eq!(
        via("192.0.2.9:9", "SIP/2.0/UDP 192.0.2.1:5070"),
        format!("SIP/2.0/UDP 192.0.2.1:5070{branch};received=192.0.2.9")
    );
    assert_eq!(
        via("192.0.2.1:9", "SIP/2.0/UDP pc33.example.com"),
        format!("SIP/2.0/UDP pc33.example.com{branch};received=192.0.2.1")
    );
    assert_eq!(
        via("192.0.2.1:9", "SIP/2.0/UDP 192.0.2.1:5070;rport"),
        format!("SIP/2.0/UDP 192.0.2.1:5070{branch};received=192.0.2.1;rport=9")
    );
}

/// RFC 3261 §18.2.2: a new connection is opened for the answer to a MESSAGE too, whose transaction is over at once (§17.2.2).
// Holds: 3261-18.2.2-3
#[test]
fn the_answer_to_a_message_whose_connection_is_gone() {
    for is_opened in [true, false] {
        let mut ua = Ua::new();
        let flow = ua.tcp("192.0.2.1:40000", 1);
        let server = ua.hear_on(flow, Req::new("MESSAGE").via("SIP/2.0/TCP 192.0.2.1:5060").text()).server();
        ua.input(Input::Closed { flow });
        let heard = ua.accept(server, Reply::new()).unwrap();
        assert_eq!(heard.lines(), ["connect TCP 192.0.2.1:5060", "* accepted 200"]);
        assert_eq!(ua.pass(millis(10)).lines(), [""; 0]);
        let (token, flow) = (heard.token(), ua.tcp(ALICE, 2));
        let heard = match is_opened {
            true => ua.input(Input::Connected { token, flow }),
            false => ua.input(Input::SendFailed { token }),
        };
        let done = if is_opened { "200 OK (MESSAGE)" } else { "* send failed 200" };
        assert_eq!(heard.lines(), [done, "* server ended Done"]);
        assert!(ua.sip.is_empty());
    }
}

/// RFC 3261 §18.2.2: the same over IPv6.
// Holds: 3261-18.2.1-5
#[test]
fn answers_over_ipv6() {
    let mut ua = Ua::new();
    let (to, via) = answered(&mut ua, "[2001:db8::9]:9", "SIP/2.0/UDP [2001:db8::1]:5070");
    assert_eq!(to, "[2001:db8::9]:5070");
    assert!(via.ends_with(";received=2001:db8::9"), "{via}");
    let (to, via) = answered(&mut ua, "[2001:db8::1]:9", "SIP/2.0/UDP [2001:db8::1];rport");
    assert_eq!(to, "[2001:db8::1]:9");
    assert!(via.ends_with(";received=2001:db8::1;rport=9"), "{via}");
    let (to, _) = answered(&mut ua, "[2001:db8::1]:9", "SIP/2.0/UDP [2001:db8::1];maddr=[2001:db8::7]");
    assert_eq!(to, "[2001:db8::7]:5060");
}

/// RFC 3261 §18.2.1: `received` is the address that the packet came from, not the way in which a socket for both families writes it.
// Holds: 3261-18.2.1-5
#[test]
fn answers_over_ipv4_from_a_socket_for_both_families() {
    let (to, via) = answered(&mut Ua::new(), "[::ffff:192.0.2.1]:9", "SIP/2.0/UDP 192.0.2.1:5070");
    assert_eq!(
        (&*to, &*via),
        ("[::ffff:192.0.2.1]:5070", "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK-OPTIONS")
    );
    let (to, via) = answered(&mut Ua::new(), "[::ffff:192.0.2.1]:9", "SIP/2.0/UDP 192.0.2.1;rport");
    assert_eq!(to, "[::ffff:192.0.2.1]:9");
    assert!(via.ends_with(";received=192.0.2.1;rport=9"), "{via}");
}

/// RFC 3261 §8.2.6.2: every Via is copied, in order; only the topmost is changed.
// Holds: 3261-8.2.6.2-4, 3261-8.2.6.2-5
#[test]
fn all_vias_are_copied() {
    let request = Req::new("OPTIONS").line("Via: SIP/2.0/TCP second;branch=z9hG4bK2, SIP/2.0/TLS third");
    let text = request.text().replace("Via: SIP/2.0/UDP 192.0.2.1:5060", "v: SIP/2.0/UDP pc33;rport");
    let heard = Ua::new().hear(text);
    let answer = heard.only();
    let vias: Vec<_> = answer.values(Name::Via).collect();
    assert_eq!(vias.len(), 2);
    assert_eq!(vias[1], "SIP/2.0/TCP second;branch=z9hG4bK2, SIP/2.0/TLS third");
    assert!(vias[0].ends_with(";received=192.0.2.1;rport=5060"), "{}", vias[0]);
}

/// RFC 3261 §18.2.2: the answer to a request on a stream goes back on that connection, whatever its Via says.
// Holds: 3261-18.2.2-2
#[test]
fn answers_on_a_stream_go_back_on_it() {
    let mut ua = Ua::new();
    let flow = ua.tcp("192.0.2.1:40000", 7);
    let request = Req::new("MESSAGE").via("SIP/2.0/TCP 192.0.2.99:5070;maddr=192.0.2.7");
    let server = ua.hear_on(flow, request.text()).server();
    let heard = ua.accept(server, Reply::new()).unwrap();
    assert_eq!(heard.transmits()[0].flow, flow);
}

/// RFC 3261 §18.2.2: if it is closed, a new connection leads to the source address and the port of sent-by.
// Holds: 3261-18.2.2-3
#[test]
fn an_answer_whose_connection_is_gone_takes_a_new_one() {
    for (via, to) in [
        ("SIP/2.0/TCP 192.0.2.99:5070", "192.0.2.1:5070"),
        ("SIP/2.0/TCP pc33.example.com", "192.0.2.1:5060"),
    ] {
        let mut ua = Ua::new();
        let old = ua.tcp("192.0.2.1:40000", 7);
        let server = ua.hear_on(old, Req::new("MESSAGE").via(via).text()).server();
        assert_eq!(ua.input(Input::Closed { flow: old }).lines(), [""; 0]);
        let heard = ua.accept(server, Reply::new()).unwrap();
        assert_eq!(heard.lines(), [format!("connect TCP {to}"), "* accepted 200".into()]);
        let new = ua.tcp(to, 8);
        let heard = ua.input(Input::Connected { token: heard.token(), flow: new });
        assert_eq!(heard.lines(), ["200 OK (MESSAGE)"]);
        assert_eq!(heard.transmits()[0].flow, new);
        assert_eq!(ua.pass_all().lines(), ["* server ended Done"]);
    }
}

/// RFC 6026 §7.1, DESIGN.md §5: a new connection that fails is told, and the context ends in its own time.
// Holds: 3261-17.2.4-1, 6026-8.8-1
#[test]
fn an_answer_that_finds_no_connection_is_told() {
    let mut ua = Ua::new();
    let old = ua.tcp("192.0.2.1:40000", 7);
    let request = Req::invite().via("SIP/2.0/TCP 192.0.2.1:5070");
    let server = ua.hear_on(old, request.text()).server();
    ua.input(Input::Closed { flow: old });
    let token = ua.reject(server, Reply::code(486)).unwrap().token();
    assert_eq!(ua.input(Input::SendFailed { token }).lines(), ["* send failed 486"]);
    assert_eq!(ua.pass_all().lines(), ["* server ended NoAck"]);
}

/// RFC 3261 §18.2.2: another connection from the same address is another flow.
#[test]
fn a_reconnected_socket_is_another_flow() {
    let mut ua = Ua::new();
    let (old, new) = (ua.tcp("192.0.2.1:40000", 7), ua.tcp("192.0.2.1:40000", 8));
    let via = "SIP/2.0/TCP 192.0.2.1:5070";
    let server = ua.hear_on(old, Req::new("MESSAGE").via(via).text()).server();
    ua.input(Input::Closed { flow: old });
    assert_eq!(ua.hear_on(new, Req::new("OPTIONS").via(via).text()).transmits()[0].flow, new);
    assert_eq!(ua.accept(server, Reply::new()).unwrap().lines()[0], "connect TCP 192.0.2.1:5070");
}

// ---- OPTIONS (RFC 3261 §11) ----

/// RFC 3261 §11.2: a 200 with Allow, Accept and Supported, and no event.
// Holds: 3261-11-1
#[test]
fn options_are_answered_alone() {
    let mut ua = Ua::with(|config| {
        config.supported = vec!["timer".into()];
        config.settings.rel100 = sip_proto::context::Rel100::Supported;
        config.policy.accept = vec!["application/sdp".into()];
        config.server = "test/1".into();
    });
    let answer = ua.hear(Req::new("OPTIONS").text()).only();
    assert_eq!(answer.status(), Some(StatusCode::OK));
    assert!(answer.to().unwrap().tag().is_some());
    assert!(answer.allow().any(|method| method == "INVITE"));
    assert_eq!(answer.supported().collect::<Vec<_>>(), ["timer", "100rel"]);
    assert_eq!(
        (answer.value(Name::Accept), answer.value(Name::Server)),
        (Some("application/sdp"), Some("test/1"))
    );
    assert_eq!(ua.hear(Req::new("OPTIONS").text()).only(), answer, "a retransmission gets the same");
    assert_eq!(ua.sip.counters().retransmissions, 1);
    ua.pass_all();
}

/// RFC 3261 §11.2, §20.37: Supported SHOULD be there, empty if there is nothing.
#[test]
fn options_say_that_nothing_is_supported() {
    let answer = Ua::new().hear(Req::new("OPTIONS").text()).only();
    assert!(answer.value(Name::Supported).is_some());
}

/// DESIGN.md §5 (PEERS.md D24): every automatic answer can be the application's instead.
#[test]
fn options_can_be_asked_for() {
    let mut ua = Ua::with(|config| config.policy.set_initial(Method::Options, Handling::Ask));
    let server = ua.hear(Req::new("OPTIONS").text()).server();
    let heard = ua.reject(server, Reply::code(486)).unwrap();
    assert_eq!(heard.lines(), ["486 Busy Here (OPTIONS)", "* rejected 486", "* failed 486 Busy Here"]);
    assert_eq!(ua.pass_all().lines(), ["* server ended Done"]);
}

// ---- Contexts: events and their order (PEERS.md A.1 to A.8) ----

/// PEERS.md A.3: each answer, then its event; 180, 200, 480 by default.
#[test]
fn events_follow_their_answers() {
    let mut ua = Ua::new();
    let server = ua.called();
    let heard = ua.progress(server, Reply::new()).unwrap();
    assert_eq!(heard.lines(), ["180 Ringing (INVITE)", "* progress 180"]);
    let heard = ua.progress(server, Reply::code(183).sdp(SDP)).unwrap();
    assert_eq!(heard.lines(), ["183 Session Progress (INVITE) +body", "* progress 183"]);
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    assert_eq!(heard.lines(), ["200 OK (INVITE) +body", "* accepted 200"]);

    let mut ua = Ua::new();
    let server = ua.called();
    let heard = ua.reject(server, Reply::new()).unwrap();
    let lines =
        ["480 Temporarily Unavailable (INVITE)", "* rejected 480", "* failed 480 Temporarily Unavailable"];
    assert_eq!(heard.lines(), lines);
}

/// PEERS.md A.3, DESIGN.md §5: events follow the answer, not the method that gave it.
#[test]
fn reply_fires_what_its_code_means() {
    let mut ua = Ua::new();
    let server = ua.called();
    let heard = ua.reply(server, Reply::code(100)).unwrap();
    assert_eq!(heard.lines(), ["100 Trying (INVITE)", "* progress 100"]);
    assert_eq!(heard.sent()[0].to().unwrap().tag(), None);
    assert_eq!(
        ua.reply(server, Reply::code(182)).unwrap().lines(),
        ["182 Queued (INVITE)", "* progress 182"]
    );
    let heard = ua.reply(server, Reply::code(486)).unwrap();
    let lines = [
        "486 Busy Here (INVITE)",
        "* rejected 486",
        "* failed 486 Busy Here",
        "* destroy by Local: Failed(486 Busy Here)",
    ];
    assert_eq!(heard.lines()[..3], lines[..3]);
    assert!(heard.lines()[3].starts_with("* destroy by Local: Failed("), "{:?}", heard.lines());
    let mut ua = Ua::new();
    let server = ua.called();
    assert_eq!(
        ua.reply(server, Reply::code(202)).unwrap().lines(),
        ["202 Accepted (INVITE)", "* accepted 202"]
    );
}

/// PEERS.md A.3: a code outside the method's range is refused, and so is `reply` without one.
#[test]
fn codes_out_of_range_change_nothing() {
    let mut ua = Ua::new();
    let server = ua.called();
    let (now, before) = (ua.now, ua.sip.counters());
    for code in [0, 99, 200, 700] {
        assert!(ua.sip.server(server).unwrap().progress(now, Reply::code(code)).is_err());
    }
    for code in [0, 100, 199, 300, 700] {
        assert!(ua.sip.server(server).unwrap().accept(now, Reply::code(code)).is_err());
    }
    for code in [0, 100, 200, 299, 700] {
        assert!(ua.sip.server(server).unwrap().reject(now, Reply::code(code)).is_err());
    }
    for code in [0, 99, 700, u16::MAX] {
        assert!(ua.sip.server(server).unwrap().reply(now, Reply::code(code)).is_err());
    }
    let missing = ua.sip.server(server).unwrap().reply(now, Reply::new()).unwrap_err();
    assert_eq!(missing, Refused::Context(ContextError::CodeMissing));
    assert_eq!((ua.drain().lines(), ua.sip.counters()), (vec![], before));
    assert!(ua.accept(server, Reply::code(299)).is_ok());
}

/// DESIGN.md §5: a second final is refused and changes nothing, whatever the first was.
#[test]
fn a_final_after_a_final_is_refused() {
    for first in [200, 486] {
        let mut ua = Ua::new();
        let server = ua.called();
        ua.reply(server, Reply::code(first)).unwrap();
        for second in [180, 200, 486] {
            let refused = ua.reply(server, Reply::code(second)).unwrap_err();
            let status = StatusCode::new(first).unwrap();
            assert_eq!(refused, Refused::Context(ContextError::AlreadyFinal(status)));
        }
        assert_eq!(ua.drain().lines(), [""; 0]);
    }
}

/// PEERS.md A.5: the refusal names the final answer that was given.
#[test]
fn the_refusal_names_the_answer() {
    let mut ua = Ua::new();
    let server = ua.called();
    let ok = ua.accept(server, Reply::code(202)).unwrap().message("202 Accepted (INVITE)");
    ua.hear(Req::within(&ok, "ACK", 1).text());
    let refused = ua.reject(server, Reply::new()).unwrap_err();
    assert_eq!(refused, Refused::Context(ContextError::AlreadyFinal(StatusCode::ACCEPTED)));
}

/// RFC 3261 §8.2.6.2, §12.1.1 (DESIGN.md §5): one To tag for all; Contact and Record-Route where a dialog forms.
// Holds: 3261-8.2.6.1-3, 3261-8.2.6.2-9, 3261-12.1.1-3
#[test]
fn answers_carry_what_they_must() {
    let mut ua = Ua::new();
    let request = Req::invite()
        .line("Record-Route: <sip:p1.example.com;lr>")
        .line("Record-Route: <sip:p2.example.com;lr>, <sip:p3.example.com;lr>")
        .line("Timestamp: 54")
        .body("application/sdp", SDP);
    let server = ua.hear(request.text()).server();
    let trying = ua.reply(server, Reply::code(100)).unwrap().sent().remove(0);
    assert_eq!((trying.to().unwrap().tag(), trying.value(Name::Timestamp)), (None, Some("54")));
    assert_eq!(trying.record_routes().count(), 0);
    let ringing = ua.progress(server, Reply::new()).unwrap().sent().remove(0);
    let ok = ua.accept(server, Reply::new()).unwrap().sent().remove(0);
    for answer in [&ringing, &ok] {
        let routes: Vec<_> = answer.record_routes().map(|route| route.unwrap().uri.to_string()).collect();
        assert_eq!(routes, ["sip:p1.example.com;lr", "sip:p2.example.com;lr", "sip:p3.example.com;lr"]);
        assert_eq!(answer.contact().unwrap().unwrap().uri, "sip:bob@192.0.2.4:5060");
        assert_eq!(answer.from().unwrap().tag(), Some("alice"));
    }
    assert_eq!(ringing.to().unwrap().tag(), ok.to().unwrap().tag());
    assert!(ok.allow().any(|method| method == "BYE"));
}

/// RFC 3261 §12.1.1: a rejection forms no dialog: no Contact, no Record-Route, but the tag of the 180.
#[test]
fn a_rejection_has_the_tag_of_the_180() {
    let mut ua = Ua::new();
    let server = ua.hear(Req::invite().line("Record-Route: <sip:p1.example.com;lr>").text()).server();
    let ringing = ua.progress(server, Reply::new()).unwrap().sent().remove(0);
    let busy = ua.reject(server, Reply::code(486)).unwrap().sent().remove(0);
    assert_eq!(busy.to().unwrap().tag(), ringing.to().unwrap().tag());
    assert_eq!((busy.contacts().count(), busy.record_routes().count()), (0, 0));
}

/// PEERS.md A.3: reason phrase, extra headers in order, body with its type; what would break the message is refused.
#[test]
fn the_options_of_an_answer() {
    let mut ua = Ua::new();
    let server = ua.called();
    for bad in [
        Reply::new().reason("a\r\nX: y"),
        Reply::new().header("X", "a\nY: z"),
        Reply::new().header("X: y", "z"),
        Reply::new().header("To", "<sip:x@h>"),
        Reply::new().header("cseq", "1 INVITE"),
        Reply::new().header("l", "7"),
        Reply::new().body("", "x"),
    ] {
        assert!(ua.accept(server, bad.clone()).is_err(), "{bad:?}");
    }
    let reply = Reply::code(298).header("X-One", "1").header("X-Two", "2").body("text/plain", "hi");
    let answer = ua.accept(server, reply).unwrap().sent().remove(0);
    let text = core::str::from_utf8(answer.as_bytes()).unwrap();
    assert!(text.starts_with("SIP/2.0 298 \r\n"), "a code without a phrase of its own has none: {text}");
    assert!(text.contains("X-One: 1\r\nX-Two: 2\r\n"), "{text}");
    assert!(text.ends_with("Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"), "{text}");

    let mut ua = Ua::new();
    let server = ua.called();
    let answer = ua.reject(server, Reply::code(486).reason("")).unwrap().sent().remove(0);
    assert!(answer.as_bytes().starts_with(b"SIP/2.0 486 \r\n"), "an empty phrase is kept");
}

/// PEERS.md A.2: what a context tells of its request.
#[test]
fn the_attributes_of_a_context() {
    let mut ua = Ua::new();
    let request = Req::new("MESSAGE")
        .line("P-Asserted-Identity: \"Alice\" <sip:alice@example.com>")
        .body("text/plain", "hello");
    let server = ua.hear(request.text()).server();
    let mut context = ua.sip.server(server).unwrap();
    assert_eq!(context.method(), Some(&Method::Message));
    assert_eq!(context.local_identity().unwrap().unwrap().uri, "sip:bob@192.0.2.4");
    assert_eq!(context.remote_identity().unwrap().unwrap().tag(), Some("alice"));
    assert_eq!(context.asserted_identity().unwrap().unwrap().uri, "sip:alice@example.com");
    assert_eq!((context.body(), context.content_type()), (&b"hello"[..], Some("text/plain")));
    assert_eq!(context.ua().identity(), "sip:bob@192.0.2.4");
    *context.data().unwrap() = 7;
    ua.accept(server, Reply::new()).unwrap();
    let heard = ua.pass_all();
    let Event::Server { event: ServerEvent::Ended { why, data }, .. } = heard.events()[0] else { panic!() };
    assert_eq!((*why, *data), (EndReason::Done, Some(7)));
}

/// RFC 4320 §4.1, §4.2: a non-INVITE request takes no 101–199, no early 100 over UDP, and never 408.
// Holds: 4320-4.1-1, 4320-4.1-2, 4320-4.1-3, 4320-4.2-1, 3261-8.2.6.1-1
#[test]
fn what_a_non_invite_request_is_never_answered() {
    let mut ua = Ua::new();
    let server = ua.hear(Req::new("MESSAGE").text()).server();
    let refused = |ua: &mut Ua, code| match ua.reply(server, Reply::code(code)) {
        Err(Refused::Context(refused)) => refused,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&mut ua, 100), ContextError::TryingTooEarly);
    assert_eq!(refused(&mut ua, 180), ContextError::ProvisionalToNonInvite);
    assert_eq!(refused(&mut ua, 408), ContextError::TimeoutToNonInvite);
    let now = ua.now;
    let default = ua.sip.server(server).unwrap().progress(now, Reply::new()).unwrap_err();
    assert_eq!(default, Refused::Context(ContextError::ProvisionalToNonInvite));
    assert_eq!(ua.pass(millis(3_499)).lines(), [""; 0]);
    assert_eq!(ua.pass(millis(1)).lines(), ["100 Trying (MESSAGE)"], "at 3.5 s, by itself, without an event");
    assert_eq!(ua.accept(server, Reply::new()).unwrap().lines()[0], "200 OK (MESSAGE)");
}

/// RFC 4320 §4.1: on any transport; over a reliable one the application may do so at once.
// Holds: 4320-4.1-3
#[test]
fn a_100_for_a_slow_message_over_tcp() {
    let mut ua = Ua::new();
    let flow = ua.tcp(ALICE, 1);
    let request = Req::new("MESSAGE").via("SIP/2.0/TCP 192.0.2.1");
    let server = ua.hear_on(flow, request.text()).server();
    assert_eq!(ua.pass(secs(4)).timed(), ["3.5 100 Trying (MESSAGE)"]);
    assert!(ua.reply(server, Reply::code(100)).is_ok());
}

/// DESIGN.md §3: the application's data goes from the context to the dialog, and out with its `Destroy`.
#[test]
fn data_moves_to_the_dialog_and_comes_back() {
    let mut ua = Ua::new();
    let server = ua.called();
    *ua.sip.server(server).unwrap().data().unwrap() = 42;
    let dialog = ua.progress(server, Reply::new()).unwrap().dialog();
    assert_eq!(ua.sip.server(server).unwrap().data(), Some(&mut 42), "an early dialog takes nothing over");
    let heard = ua.accept(server, Reply::new()).unwrap();
    let ok = heard.message("200 OK (INVITE)");
    assert_eq!(ua.sip.server(server).unwrap().data(), None);
    assert_eq!(ua.sip.dialog(dialog).unwrap().data(), Some(&mut 42));
    ua.hear(Req::within(&ok, "ACK", 1).text());
    let heard = ua.hear(Req::within(&ok, "BYE", 2).text());
    let Event::Dialog { event: DialogEvent::Destroy { by, why, data, message, .. }, .. } = heard.events()[0]
    else {
        panic!("{heard:?}")
    };
    assert_eq!((*by, *why, *data), (By::Remote, Why::Bye, 42));
    assert_eq!(message.as_ref().unwrap().method(), &Method::Bye);
    let heard = ua.pass_all();
    let Event::Server { event: ServerEvent::Ended { data, .. }, .. } = heard.events()[0] else { panic!() };
    assert_eq!(*data, None);
}

/// DESIGN.md §3: data of a call that never came up comes back in `Ended`, and that of the early dialog in `Destroy`.
#[test]
fn data_of_a_rejected_call_comes_back_in_ended() {
    let mut ua = Ua::new();
    let server = ua.called();
    *ua.sip.server(server).unwrap().data().unwrap() = 42;
    ua.progress(server, Reply::new()).unwrap();
    ua.reject(server, Reply::new()).unwrap();
    ua.hear(Req::invite().follow("ACK").text());
    let heard = ua.pass_all();
    let Event::Server { event: ServerEvent::Ended { data, .. }, .. } = heard.events()[0] else { panic!() };
    assert_eq!(*data, Some(42));
}

/// RFC 3261 §8.1.1.8, §12.1.1: where nothing could be sent to the peer, the Contact being no SIP or SIPS URI, or one with a transport that nobody here knows,
/// no call is begun; behind a proxy that has recorded a route, it is the proxy that is sent to.
#[test]
fn an_invite_whose_contact_leads_nowhere() {
    for contact in ["<tel:+15551234>", "<mailto:alice@example.com>", "<sip:alice@192.0.2.1;transport=sctp>"] {
        let with = |lines: &str| Req::new("INVITE").line(&format!("Contact: {contact}{lines}"));
        let mut ua = Ua::new();
        let refusal = ua.hear(with("").text()).only();
        assert_eq!(refusal.status(), Some(StatusCode::BAD_REQUEST), "{contact}");
        let warning = refusal.value(Name::Warning).unwrap();
        assert!(warning.starts_with("399 ") && warning.contains("Contact"), "{warning}");
        let routed = with("\r\nRecord-Route: <sip:192.0.2.70;lr>, <tel:+1>");
        let server = ua.hear(routed.body("application/sdp", SDP).text()).server();
        let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
        let ok = heard.message("200 OK (INVITE)");
        ua.hear(Req::within(&ok, "ACK", 1).text());
        let bye = ua.destroy(heard.dialog());
        assert_eq!(bye.transmits()[0].flow.remote, address("192.0.2.70:5060"));
    }
    for route in ["<tel:+1>", "\"P\" <sip:192.0.2.70;lr;transport=sctp>"] {
        let mut ua = Ua::new();
        let refusal = ua.hear(Req::invite().line(&format!("Record-Route: {route}")).text()).only();
        assert_eq!(refusal.status(), Some(StatusCode::BAD_REQUEST), "{route}");
        assert!(refusal.value(Name::Warning).unwrap().contains("Record-Route"));
    }
}

/// RFC 3261 §17.2.1: an INVITE that comes again gets the last answer again, provisional or final; a 2xx goes by itself.
// Holds: 3261-17.2.1-5, 3261-17.2.1-11, 6026-6-1
#[test]
fn a_retransmitted_invite_gets_the_last_answer_again() {
    let invite = Req::invite().text();
    let mut ua = Ua::new();
    let server = ua.called();
    assert_eq!(ua.hear(invite.clone()).lines(), [""; 0], "nothing to send yet");
    let ringing = ua.progress(server, Reply::new()).unwrap().sent();
    assert_eq!(ua.hear(invite.clone()).sent(), ringing);
    let busy = ua.reject(server, Reply::code(486)).unwrap().sent();
    assert_eq!(ua.hear(invite.clone()).sent(), busy, "in Completed too (PEERS.md A.5)");
    assert_eq!(ua.hear(Req::invite().follow("ACK").text()).lines(), [""; 0]);
    assert_eq!(ua.hear(invite.clone()).lines(), [""; 0], "absorbed in Confirmed");
    assert_eq!(ua.sip.counters().retransmissions, 4);
    let mut ua = Ua::new();
    let server = ua.called();
    ua.accept(server, Reply::new()).unwrap();
    assert_eq!(ua.hear(invite).lines(), [""; 0], "RFC 6026 §7.1: absorbed in Accepted");
}

/// RFC 3261 §17.2.1: a rejection is repeated from T1 to T2 until its ACK; Timer H ends it without a second `Failed`.
// Holds: 3261-17.2.1-14
#[test]
fn a_rejection_without_ack_is_repeated_and_ends() {
    let mut ua = Ua::new();
    let server = ua.called();
    ua.reject(server, Reply::code(486)).unwrap();
    let heard = ua.pass_all();
    let at: Vec<_> = heard.times("486 Busy Here (INVITE)");
    assert_eq!(at, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert_eq!(heard.timed().last().unwrap(), "32.0 * server ended NoAck");
    assert_eq!(heard.events().len(), 1);
}

/// RFC 3261 §17.2.1: over a stream it is sent once.
#[test]
fn a_rejection_over_a_stream_is_sent_once() {
    let mut ua = Ua::new();
    let flow = ua.tcp(ALICE, 1);
    let request = Req::invite().via("SIP/2.0/TCP 192.0.2.1");
    let server = ua.hear_on(flow, request.text()).server();
    ua.reject(server, Reply::code(486)).unwrap();
    assert_eq!(ua.pass_all().lines(), ["* server ended NoAck"]);
}

/// RFC 6026 §7.1, DESIGN.md §5: an answer that could not be sent is told; the context lives on.
#[test]
fn an_answer_that_could_not_be_sent_is_told() {
    let mut ua = Ua::new();
    let server = ua.called();
    let token = ua.progress(server, Reply::new()).unwrap().token();
    assert_eq!(ua.input(Input::SendFailed { token }).lines(), ["* send failed 180"]);
    assert_eq!(ua.accept(server, Reply::new()).unwrap().lines(), ["200 OK (INVITE)", "* accepted 200"]);
}

// ---- CANCEL (RFC 3261 §9.2; DESIGN.md §5) ----

const REASON: &str = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"";

fn cancel() -> String {
    Req::invite().follow("CANCEL").line(REASON).text()
}

/// DESIGN.md §5, PEERS.md D4: a CANCEL that came before the application looked is not lost.
#[test]
fn a_cancel_before_the_application_looked_is_not_lost() {
    let mut ua = Ua::new();
    let flow = ua.udp(ALICE);
    let now = ua.now;
    ua.sip.handle_input(now, Input::Datagram { flow, payload: Req::invite().text().into() });
    ua.sip.handle_input(now, Input::Datagram { flow, payload: cancel().into() });
    let heard = ua.drain();
    let lines = [
        "* incoming INVITE",
        "200 OK (CANCEL)",
        "* cancelled",
        "487 Request Terminated (INVITE)",
        "* rejected 487",
        "* failed 487 Request Terminated",
    ];
    assert_eq!(heard.lines(), lines);
    let server = heard.server();
    for code in [180, 200, 480] {
        let refused = ua.reply(server, Reply::code(code)).unwrap_err();
        assert_eq!(refused, Refused::Context(ContextError::Cancelled));
    }
    assert!(ua.sip.server(server).unwrap().context().unwrap().is_cancelled());
    assert_eq!(ua.drain().lines(), [""; 0]);
    ua.hear(Req::invite().follow("ACK").text());
    assert_eq!(ua.pass_all().lines(), ["* server ended Done"]);
}

/// RFC 3261 §9.2, RFC 3326: the order while it rings; one tag in all answers; the Reason reaches the application.
// Holds: 3261-9.2-2, 3261-9.2-3, 3261-8.2.6.2-9
#[test]
fn a_cancel_during_ringing() {
    let mut ua = Ua::new();
    let server = ua.called();
    let ringing = ua.progress(server, Reply::new()).unwrap().sent().remove(0);
    let heard = ua.hear(cancel());
    let lines = [
        "200 OK (CANCEL)",
        "* cancelled",
        "487 Request Terminated (INVITE)",
        "* rejected 487",
        "* failed 487 Request Terminated",
        "* destroy by Remote: Cancelled",
    ];
    assert_eq!(heard.lines(), lines);
    let tag = ringing.to().unwrap().tag().map(str::to_string);
    for answer in heard.sent() {
        assert_eq!(answer.to().unwrap().tag().map(str::to_string), tag);
    }
    let cancelled = heard.events().into_iter().find_map(|event| match event {
        Event::Server { event: ServerEvent::Cancelled { request }, .. } => Some(request.clone()),
        _ => None,
    });
    let cancelled = cancelled.unwrap();
    let reason = cancelled.reasons().next().unwrap().unwrap();
    assert_eq!(reason.cause(), Some(200));
    ua.hear(Req::invite().follow("ACK").text());
    assert_eq!(ua.pass_all().lines(), ["* server ended Done"]);
}

/// RFC 3261 §9.2, PEERS.md B.6: after our 2xx a CANCEL is answered 200, changes nothing, and is told.
// Holds: 3261-13.1-1
#[test]
fn a_cancel_after_the_2xx_is_too_late() {
    let mut ua = Ua::new();
    let server = ua.called();
    let ok = ua.accept(server, Reply::new()).unwrap().message("200 OK (INVITE)");
    let heard = ua.hear(cancel());
    assert_eq!(heard.lines(), ["200 OK (CANCEL)", "* cancel too late"]);
    assert_eq!(heard.sent()[0].to().unwrap().tag(), ok.to().unwrap().tag());
    assert_eq!(ua.hear(Req::within(&ok, "ACK", 1).text()).lines(), ["* confirmed"]);
    assert_eq!(
        ua.hear(Req::within(&ok, "BYE", 2).text()).lines(),
        ["200 OK (BYE)", "* destroy by Remote: Bye"]
    );
    ua.pass_all();
}

/// RFC 3261 §9.2: after our rejection a CANCEL is answered 200 and nothing happens.
#[test]
fn a_cancel_after_a_rejection_changes_nothing() {
    let mut ua = Ua::new();
    let server = ua.called();
    ua.reject(server, Reply::code(486)).unwrap();
    assert_eq!(ua.hear(cancel()).lines(), ["200 OK (CANCEL)"]);
}

/// RFC 3261 §9.2: a CANCEL that cancels nothing is 481; so is one with another branch or sent-by.
// Holds: 3261-9.2-1
#[test]
fn a_cancel_of_nothing_is_481() {
    let mut ua = Ua::new();
    let invite = Req::invite();
    assert_eq!(status(&ua.hear(cancel())), 481);
    ua.called();
    for other in [
        invite.clone().branch("z9hG4bK-else"),
        invite.clone().via("SIP/2.0/UDP 192.0.2.1:5061"),
        invite.via("SIP/2.0/UDP 192.0.2.2:5060"),
    ] {
        assert_eq!(status(&ua.hear(other.follow("CANCEL").text())), 481);
    }
}

/// RFC 3261 §17.2.2: a CANCEL has a transaction of its own, which absorbs its retransmissions.
#[test]
fn a_retransmitted_cancel_is_absorbed() {
    let mut ua = Ua::new();
    ua.called();
    let ok = ua.hear(cancel()).sent().remove(0);
    assert_eq!(ua.hear(cancel()).only(), ok);
    assert_eq!(ua.sip.counters().retransmissions, 1);
}

// ---- Guards ----

/// RFC 3261 §17.2.1, §13.3.1.1; PEERS.md A.9: 100 at 200 ms, 180 each minute, 480 after three; automatic 100s fire nothing.
// Holds: 3261-13.3.1.1-2
#[test]
fn an_invite_that_nobody_answers() {
    let mut ua = Ua::new();
    ua.called();
    let heard = ua.pass(secs(180));
    let lines = [
        "0.2 100 Trying (INVITE)",
        "60.0 180 Ringing (INVITE)",
        "60.0 * progress 180",
        "120.0 180 Ringing (INVITE)",
        "180.0 480 Temporarily Unavailable (INVITE)",
        "180.0 * rejected 480",
        "180.0 * failed 480 Temporarily Unavailable",
    ];
    assert_eq!(heard.timed()[..7], lines);
    assert_eq!(heard.lines().len(), 8);
    assert!(heard.lines()[7].starts_with("* destroy by Local: Failed("));
    ua.hear(Req::invite().follow("ACK").text());
    ua.pass_all();
}

/// RFC 3261 §13.3.1.1: the minute's repeat is the last provisional answer, and counts from it.
// Holds: 3261-13.3.1.1-2
#[test]
fn the_last_provisional_repeats_each_minute() {
    let mut ua = Ua::new();
    let server = ua.called();
    ua.pass(secs(10));
    let progress = ua.progress(server, Reply::code(183).sdp(SDP)).unwrap().sent();
    let heard = ua.pass(secs(130));
    assert_eq!(heard.times("183 Session Progress (INVITE) +body"), [70_000, 130_000]);
    assert_eq!(heard.lines().len(), 2, "a repeat fires nothing");
    assert_eq!(heard.sent()[0], progress[0]);
}

/// RFC 3261 §13.3.1: an Expires that runs out first is 487.
// Holds: 3261-13.3.1-1
#[test]
fn an_expired_invite_is_487() {
    let mut ua = Ua::new();
    ua.hear(Req::invite().line("Expires: 30").text());
    let heard = ua.pass(secs(40));
    assert_eq!(heard.times("487 Request Terminated (INVITE)")[0], 30_000);
    assert_eq!(heard.events().len(), 2, "rejected, failed");
    let mut ua = Ua::with(|config| config.settings.honour_expires = false);
    ua.hear(Req::invite().line("Expires: 30").text());
    assert_eq!(ua.pass(secs(40)).lines(), ["100 Trying (INVITE)"]);
}

/// RFC 5057 §5.1: a re-INVITE that nobody answers fails alone. A 480 would end the call on the peer's side.
#[test]
fn a_re_invite_that_nobody_answers_ends_no_call() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let moved = SDP.replace("o=- 1 1", "o=- 1 2").replace("4000", "4002");
    let again = Req::within(&ok, "INVITE", 2).line("Contact: <sip:alice@192.0.2.1>");
    let again = again.body("application/sdp", &moved);
    ua.hear(again.text());
    let heard = ua.pass(secs(180));
    let code = heard.sent().last().unwrap().status().unwrap();
    assert_eq!(code.code(), 504);
    assert_eq!(Impact::of(code), Impact::Transaction);
    ua.hear(again.follow("ACK").text());
    assert!(ua.sip.dialog(dialog).is_ok());
}

/// PEERS.md A.7, A.9: what the failure of a call comes down to, where the code alone does not tell.
#[test]
fn what_the_failure_of_a_call_comes_down_to() {
    let causes = |heard: &Heard| {
        let reports = heard.events().into_iter().filter_map(|event| match event {
            Event::Server { event: ServerEvent::Rejected(report) | ServerEvent::Failed(report), .. } => {
                Some((report.code, report.cause.unwrap()))
            }
            _ => None,
        });
        reports.collect::<Vec<_>>()
    };
    let call = |line: &str| {
        let mut ua = Ua::new();
        let server = ua.hear(Req::invite().line(line).text()).server();
        (ua, server)
    };
    let (mut ua, _) = call("Subject: x");
    assert_eq!(causes(&ua.hear(cancel())), [(487, Cause::Canceled); 2]);
    let (mut ua, _) = call("Subject: x");
    assert_eq!(causes(&ua.pass(secs(180))), [(480, Cause::NoAnswer); 2]);
    let (mut ua, _) = call("Expires: 30");
    assert_eq!(causes(&ua.pass(secs(30))), [(487, Cause::Expires); 2]);
    // What the application says is what it says.
    for (code, cause) in [(480, Cause::Unavailable), (487, Cause::SipFailureCode), (486, Cause::Busy)] {
        let (mut ua, server) = call("Expires: 30");
        assert_eq!(causes(&ua.reject(server, Reply::code(code)).unwrap()), [(code, cause); 2]);
    }
}

/// PEERS.md A.6 (DESIGN.md §5): a MESSAGE that nobody answers fails with code 0 and ends.
#[test]
fn an_unanswered_message_ends() {
    let mut ua = Ua::new();
    let server = ua.hear(Req::new("MESSAGE").text()).server();
    let heard = ua.pass_all();
    let lines =
        ["3.5 100 Trying (MESSAGE)", "32.0 * failed 0 Request Timeout", "32.0 * server ended Unanswered"];
    assert_eq!(heard.timed(), lines);
    assert_eq!(ua.accept(server, Reply::new()).unwrap_err(), Refused::Gone);
}

/// DESIGN.md §3: the loop of the README goes on after a refusal; a call that was cancelled between poll and accept is one.
#[test]
fn the_loop_goes_on_after_a_refusal() {
    let mut ua = Ua::new();
    let (flow, now) = (ua.udp(ALICE), ua.now);
    let mut refused = Vec::new();
    let second = Req::invite().branch("z9hG4bK-second").call_id("call-2");
    for text in [Req::invite().text(), cancel(), second.text()] {
        ua.sip.handle_input(now, Input::Datagram { flow, payload: text.into() });
    }
    let on_incoming = |sip: &mut sip_proto::Endpoint<u32>, server| -> Result<(), Refused> {
        sip.server(server)?.progress(now, Reply::new())?.accept(now, Reply::new())?;
        Ok(())
    };
    let mut accepted = 0;
    while let Some(output) = ua.sip.poll_output() {
        match output {
            Output::Event(Event::Incoming { server, .. }) => {
                refused.extend(on_incoming(&mut ua.sip, server).err());
            }
            Output::Event(Event::Server { event: ServerEvent::Accepted { .. }, .. }) => accepted += 1,
            _ => {}
        }
    }
    assert_eq!(refused, [Refused::Context(ContextError::Cancelled)]);
    assert_eq!(accepted, 1);
}

// ---- Peers of RFC 2543 (RFC 3261 §17.2.3) ----

fn old(method: &str) -> Req {
    Req::new(method).via("SIP/2.0/UDP 192.0.2.1:5060").branch("")
}

/// RFC 3261 §17.2.3: without the magic cookie, Request-URI, tags, Call-ID, CSeq and Via match a retransmission and an ACK.
#[test]
fn an_old_peers_retransmission_and_ack() {
    let invite = old("INVITE").line("Contact: <sip:alice@192.0.2.1>");
    let mut ua = Ua::new();
    let server = ua.hear(invite.text()).server();
    let busy = ua.reject(server, Reply::code(486)).unwrap().sent().remove(0);
    assert_eq!(ua.hear(invite.text()).only(), busy);
    assert_eq!(ua.hear(invite.follow("ACK").tagged("other").text()).lines(), [""; 0]);
    assert_eq!(ua.sip.counters().stray_acks, 1, "another To tag is another's ACK");
    let ack = invite.follow("ACK").tagged(busy.to().unwrap().tag().unwrap());
    assert_eq!(ua.hear(ack.text()).lines(), [""; 0]);
    assert_eq!(ua.pass_all().lines(), ["* server ended Done"]);
}

/// RFC 3261 §17.2.3: another Request-URI, From tag, Call-ID, CSeq or Via is another request.
#[test]
fn an_old_peers_other_request_is_another() {
    let invite = old("INVITE").line("Contact: <sip:alice@192.0.2.1>");
    for other in [
        invite.clone().uri("sip:carol@192.0.2.4"),
        invite.clone().from("<sip:alice@192.0.2.1>;tag=other"),
        invite.clone().call_id("other"),
        invite.clone().cseq(2),
        invite.clone().via("SIP/2.0/UDP 192.0.2.1:5061"),
    ] {
        let mut ua = Ua::new();
        ua.hear(invite.text());
        ua.hear(other.text());
        assert_eq!(ua.sip.counters().retransmissions, 0, "{other:?}");
    }
}

/// RFC 3261 §9.2, §17.2.3: an old peer's CANCEL finds its INVITE.
#[test]
fn an_old_peers_cancel() {
    let invite = old("INVITE").line("Contact: <sip:alice@192.0.2.1>");
    let mut ua = Ua::new();
    ua.hear(invite.text());
    let cancel = invite.follow("CANCEL").text();
    assert_eq!(ua.hear(cancel.clone()).lines()[..2], ["200 OK (CANCEL)", "* cancelled"]);
    assert_eq!(ua.hear(cancel).lines(), ["200 OK (CANCEL)"]);
}

/// RFC 3261 §12.1.1: a peer without tags has the empty tag; its dialog works.
// Holds: 3261-12.1.1-16, 3261-12.2.1.1-5
#[test]
fn an_old_peer_without_a_tag_has_a_dialog() {
    let mut ua = Ua::new();
    let invite = old("INVITE").from("<sip:alice@192.0.2.1>").line("Contact: <sip:alice@192.0.2.1>");
    let server = ua.hear(invite.text()).server();
    let heard = ua.accept(server, Reply::new()).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    assert_eq!(ua.hear(Req::within(&ok, "ACK", 1).branch("").text()).lines(), ["* confirmed"]);
    assert_eq!(ua.sip.dialog(dialog).unwrap().get().unwrap().sip().remote_tag, "");
    let bye = ua.destroy(dialog).only();
    assert_eq!(bye.to().unwrap().tag(), None);
}

// ---- Limits and counters (DESIGN.md §2) ----

/// DESIGN.md §2, RFC 3261 §21.5.4: a full table is 503 with Retry-After, without state.
#[test]
fn a_full_table_is_503() {
    let mut ua = Ua::with(|config| config.limits.servers = 1);
    ua.called();
    let request = Req::invite().branch("z9hG4bK-second").call_id("call-2").text();
    let answer = ua.hear(request.clone()).only();
    assert_eq!(answer.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert!(answer.retry_after().unwrap().is_some());
    assert_eq!(ua.hear(request).only(), answer);
    assert_eq!((ua.sip.counters().overloaded, ua.sip.counts()[0]), (2, 1));
}

/// DESIGN.md §2: no room for a dialog is 503 too.
#[test]
fn no_room_for_a_dialog_is_503() {
    let mut ua = Ua::with(|config| config.limits.dialogs = 1);
    ua.answered_call();
    let request = Req::invite().branch("z9hG4bK-second").call_id("call-2").text();
    assert_eq!(status(&ua.hear(request)), 503);
}

/// DESIGN.md §2, contract 3: at the queue's bound new requests are lost and counted; what a call is owed still fits.
#[test]
fn the_queue_is_bounded() {
    let mut ua = Ua::with(|config| config.limits.queue = 8);
    let (ok, _) = ua.answered_call();
    let (flow, now) = (ua.udp(ALICE), ua.now);
    for n in 0..1_000 {
        let request = Req::new("OPTIONS").branch(&format!("z9hG4bK-{n}")).call_id(&format!("flood-{n}"));
        ua.sip.handle_input(now, Input::Datagram { flow, payload: request.text().into() });
    }
    let bye = Req::within(&ok, "BYE", 2).text();
    ua.sip.handle_input(now, Input::Datagram { flow, payload: bye.into() });
    let heard = ua.drain();
    assert_eq!(heard.lines().len(), 10);
    assert_eq!(heard.lines()[8..], ["200 OK (BYE)", "* destroy by Remote: Bye"]);
    assert_eq!(ua.sip.counters().queue_full, 992);
    assert_eq!(ua.sip.counts()[0], 10, "what was lost has left nothing behind");
    ua.pass_all();
}

/// DESIGN.md §2: what is refused without state is bounded by the queue as well.
#[test]
fn stateless_answers_are_bounded() {
    let mut ua = Ua::with(|config| config.limits.queue = 8);
    let (flow, now) = (ua.udp(ALICE), ua.now);
    for n in 0..100 {
        for request in [
            Req::new("BYE"),
            Req::new("INFO").tagged("x"),
            Req::new("CANCEL"),
            Req { version: "SIP/9", ..Req::new("INVITE") },
        ] {
            let payload = request.branch(&format!("z9hG4bK-{n}")).text().into();
            ua.sip.handle_input(now, Input::Datagram { flow, payload });
        }
        ua.sip.handle_input(
            now,
            Input::Stream {
                flow: sip_proto::Flow { transport: Transport::Tcp, conn: 1, ..flow },
                payload: "\r\n\r\n".into(),
            },
        );
    }
    assert_eq!(ua.drain().lines().len(), 8);
    assert!(ua.sip.is_empty());
}

/// DESIGN.md §2: nothing that arrives is lost without being counted.
#[test]
fn every_counter_moves_when_it_should() {
    let mut ua = Ua::new();
    let count = |ua: &Ua| ua.sip.counters();
    ua.hear(Req::new("OPTIONS").text());
    assert_eq!((count(&ua).received, count(&ua).sent), (1, 1));
    ua.hear(Req::new("OPTIONS").text());
    assert_eq!((count(&ua).received, count(&ua).sent, count(&ua).retransmissions), (2, 2, 1));
    ua.hear(Req::new("REGISTER").text());
    assert_eq!(count(&ua).refused, 1);
    ua.hear(Req::new("ACK").text());
    assert_eq!(count(&ua).stray_acks, 1);
    ua.hear(crate::support::answer(&crate::support::parse(&Req::new("OPTIONS").text()), 200, "x", ""));
    assert_eq!(count(&ua).stray_responses, 1);
    ua.hear(Req::new("OPTIONS").line("Max-Forwards: x").text());
    assert_eq!(count(&ua).broken_answered, 1);
    ua.hear(Req::new("ACK").line("Max-Forwards: x").text());
    assert_eq!(count(&ua).broken_dropped, 1);
    ua.hear("nonsense");
    assert_eq!(count(&ua).not_sip, 1);
    ua.hear("\r\n\r\n");
    assert_eq!(count(&ua).keep_alives, 1);
}

/// DESIGN.md §2: streams beyond the limit of flows are closed and counted.
#[test]
fn streams_beyond_the_limit_are_closed() {
    let mut ua = Ua::with(|config| config.limits.flows = 2);
    for conn in 1..=3 {
        let flow = ua.tcp(&format!("192.0.2.1:4000{conn}"), conn);
        let heard = ua.hear_on(
            flow,
            Req::new("OPTIONS").branch(&format!("z9hG4bK{conn}")).call_id(&format!("{conn}")).text(),
        );
        assert_eq!(heard.lines(), [if conn < 3 { "200 OK (OPTIONS)" } else { "close" }]);
    }
    assert_eq!(ua.sip.counters().streams_lost, 1);
    let flow = ua.tcp("192.0.2.1:40001", 1);
    ua.input(Input::Closed { flow });
    let flow = ua.tcp("192.0.2.1:40009", 9);
    assert_eq!(ua.hear_on(flow, "\r\n\r\n").lines(), ["pong"], "a closed one has made room");
}

/// DESIGN.md §2, contract 5: an older timestamp is the newest seen.
#[test]
fn time_does_not_run_backwards() {
    let mut ua = Ua::new();
    ua.pass(secs(100));
    let (flow, payload) = (ua.udp(ALICE), Req::invite().text().into());
    ua.sip.handle_input(sip_proto::Timestamp::ZERO, Input::Datagram { flow, payload });
    ua.drain();
    assert_eq!(ua.pass(secs(1)).timed(), ["100.2 100 Trying (INVITE)"]);
    assert_eq!(address(BOB).port(), 5060);
}

// ---- What review found ----

/// RFC 3261 §9.2: a CANCEL that matches a request of another method is 200, and changes nothing.
#[test]
fn a_cancel_of_another_method() {
    let mut ua = Ua::new();
    let server = ua.hear(Req::new("MESSAGE").text()).server();
    assert_eq!(ua.hear(Req::new("MESSAGE").follow("CANCEL").text()).lines(), ["200 OK (CANCEL)"]);
    assert!(ua.accept(server, Reply::new()).is_ok());
}

/// RFC 3261 §17.2.3: an old peer's ACK has the topmost Via only; that is what is compared.
#[test]
fn an_old_peers_ack_behind_a_proxy() {
    let one = "SIP/2.0/UDP 192.0.2.1:5060";
    let invite = Req::new("INVITE").branch("").line(CONTACT.trim_end());
    let mut ua = Ua::new();
    let server = ua.hear(invite.clone().via(&format!("{one}, SIP/2.0/UDP 192.0.2.99")).text()).server();
    let busy = ua.reject(server, Reply::code(486)).unwrap().sent().remove(0);
    ua.hear(invite.follow("ACK").tagged(busy.to().unwrap().tag().unwrap()).via(one).text());
    assert_eq!(ua.sip.counters().stray_acks, 0);
}

/// DESIGN.md §2, contract 3: what existing calls are owed always fits: their BYE, in a full table.
#[test]
fn a_bye_in_a_full_table() {
    let mut ua = Ua::with(|config| config.limits.servers = 1);
    let (ok, _) = ua.answered_call();
    let heard = ua.hear(Req::within(&ok, "BYE", 2).text());
    assert_eq!(heard.lines(), ["200 OK (BYE)", "* destroy by Remote: Bye"]);
}

/// Counters' own docs: `stray_acks` are those that match neither transaction nor dialog.
#[test]
fn an_ack_that_comes_again_is_no_stray() {
    let mut ua = Ua::new();
    let (ok, _) = ua.answered_call();
    ua.hear(Req::within(&ok, "ACK", 1).branch("z9hG4bK-again").text());
    assert_eq!(ua.sip.counters().stray_acks, 0);
}

/// Counters' own docs: `refused` are requests that were answered.
#[test]
fn what_is_lost_was_not_refused() {
    let mut ua = Ua::with(|config| config.limits.queue = 0);
    ua.hear(Req::new("BYE").tagged("x").text());
    assert_eq!((ua.sip.counters().refused, ua.sip.counters().queue_full), (0, 1));
}

/// RFC 3261 §18.2.2: an answer that waits for its connection goes out once.
#[test]
fn an_answer_that_waits_for_its_connection() {
    let mut ua = Ua::new();
    let old = ua.tcp("192.0.2.1:40000", 7);
    let server = ua.hear_on(old, Req::invite().via("SIP/2.0/TCP 192.0.2.1:5070").text()).server();
    ua.input(Input::Closed { flow: old });
    let token = ua.accept(server, Reply::new()).unwrap().token();
    assert_eq!(ua.pass(secs(4)).lines(), [""; 0]);
    let flow = ua.tcp("192.0.2.1:5070", 8);
    assert_eq!(ua.input(Input::Connected { token, flow }).lines(), ["200 OK (INVITE)"]);
}

/// RFC 6228 §4: a 199 makes no dialog.
#[test]
fn our_199_makes_no_dialog() {
    let mut ua = Ua::new();
    let server = ua.called();
    ua.progress(server, Reply::code(199)).unwrap();
    assert_eq!(ua.sip.counts()[2], 0);
}

/// RFC 3261 §21.5.6, DESIGN.md §5: 505 comes before 400, whatever is wrong with the rest.
#[test]
fn the_version_before_a_head_that_had_to_be_mended() {
    let mut ua = Ua::new();
    let request = Req { version: "SIP/3.0", ..Req::invite() }.line("X-Bad\u{1}: a");
    let text = request.text().replace("Max-Forwards: 70", "Max-Forwards:\r\n 70");
    let heard = ua.hear(text);
    assert_eq!(heard.sent()[0].status(), Some(StatusCode::VERSION_NOT_SUPPORTED));
}
