//! What every answer of a user agent server keeps to, and what it makes of requests that are strange but not wrong (RFC 3261 §8.2, §11.2,
//! §12.1.1).

use crate::support::{CONTACT, Req, SDP, Ua, answer, secs};
use sip_proto::context::Reply;
use sip_proto::message::Name;
use sip_proto::{Flow, Message, Method, StatusCode, Transport};

/// A change of the configuration.
type Change = fn(&mut sip_proto::Config);

fn code(message: &Message) -> u16 {
    message.status().unwrap().code()
}

// ---- Headers and bodies that are not understood (§8.2.2, §8.2.3) ----

/// RFC 3261 §8.2.2: what is not understood is passed over, and so is what is malformed and not needed.
// Holds: 3261-8.2.2-1, 3261-8.2.2-2
#[test]
fn strange_headers_are_passed_over() {
    for line in [
        "X-Unknown: <\"(((",
        "Unknown: a, b;c",
        "Organization:",
        "Expires: soon",
        "Date: yesterday",
        "Priority: <>",
        "Alert-Info: what",
        "Reply-To: <sip:",
    ] {
        let mut ua = Ua::new();
        assert_eq!(ua.hear(Req::invite().line(line).text()).lines(), ["* incoming INVITE"], "{line}");
        let mut ua = Ua::new();
        let answer = ua.hear(Req::new("OPTIONS").line(line).text()).only();
        assert_eq!(code(&answer), 200, "{line}");
    }
}

/// RFC 3261 §8.2.3: a body in a coding that nobody here undoes is 415 with Accept-Encoding; `identity` and what the policy names are fine.
// Holds: 3261-8.2.3-1, 3261-8.2.3-3
#[test]
fn a_body_in_another_encoding_is_415() {
    let message = |encoding: &str| {
        Req::new("MESSAGE").body("text/plain", "hello").line(&format!("Content-Encoding: {encoding}")).text()
    };
    for encoding in ["gzip", "identity, gzip", "x-mine"] {
        let answer = Ua::new().hear(message(encoding)).only();
        assert_eq!(answer.status(), Some(StatusCode::UNSUPPORTED_MEDIA_TYPE), "{encoding}");
        assert_eq!(answer.value(Name::AcceptEncoding), Some("identity"), "{encoding}");
    }
    assert_eq!(Ua::new().hear(message("Identity")).lines(), ["* incoming MESSAGE"]);
    let gzip = || Ua::with(|config| config.policy.encodings = vec!["gzip".into()]);
    assert_eq!(gzip().hear(message("GZIP")).lines(), ["* incoming MESSAGE"]);
    let answer = gzip().hear(message("deflate")).only();
    assert_eq!(answer.value(Name::AcceptEncoding), Some("identity, gzip"));
    let bare = Req::new("MESSAGE").line("Content-Encoding: gzip").text();
    assert_eq!(Ua::new().hear(bare).lines(), ["* incoming MESSAGE"], "there is no body");
    let mut ua = Ua::new();
    let (ok, _) = ua.answered_call();
    let info = Req::within(&ok, "INFO", 2).body("text/plain", "x").line("Content-Encoding: gzip");
    assert_eq!(code(&ua.hear(info.text()).sent()[0]), 415, "within a dialog too");
}

/// RFC 3261 §8.2.3: a body in a language that is not among ours is 415 with Accept-Language; by default all languages are.
// Holds: 3261-8.2.3-1, 3261-8.2.3-4
#[test]
fn a_body_in_another_language_is_415() {
    let message = |language: &str| {
        Req::new("MESSAGE").body("text/plain", "hello").line(&format!("Content-Language: {language}")).text()
    };
    assert_eq!(Ua::new().hear(message("tlh")).lines(), ["* incoming MESSAGE"]);
    let picky = || Ua::with(|config| config.policy.languages = vec!["en".into(), "de-CH".into()]);
    for language in ["en", "EN-gb", "de-ch", "fr, en"] {
        assert_eq!(picky().hear(message(language)).lines(), ["* incoming MESSAGE"], "{language}");
    }
    for language in ["fr", "de", "english"] {
        let answer = picky().hear(message(language)).only();
        assert_eq!(code(&answer), 415, "{language}");
        assert_eq!(answer.value(Name::AcceptLanguage), Some("en, de-CH"), "{language}");
        assert_eq!(answer.value(Name::Accept), None, "the type would have done");
    }
}

/// RFC 3261 §8.2.3, §20.11: a body of a type that is not understood is 415 with Accept, unless it is optional; then nothing about it matters.
// Holds: 3261-8.2.3-1, 3261-8.2.3-2
#[test]
fn a_body_that_is_optional_is_no_reason_to_refuse() {
    let picky = || {
        Ua::with(|config| {
            config.policy.accept = vec!["application/sdp".into()];
            config.policy.languages = vec!["en".into()];
        })
    };
    let strange =
        Req::invite().body("image/png", "x").line("Content-Encoding: gzip").line("Content-Language: fr");
    let optional = |line: &str| strange.clone().line(line).text();
    for line in ["Content-Disposition: icon;handling=optional", "Content-Disposition: x; Handling=Optional"] {
        assert_eq!(picky().hear(optional(line)).lines(), ["* incoming INVITE"], "{line}");
    }
    for line in ["Content-Disposition: icon", "Content-Disposition: icon;handling=required", "X-Any: 1"] {
        let answer = picky().hear(optional(line)).only();
        assert_eq!((code(&answer), answer.value(Name::Accept)), (415, Some("application/sdp")), "{line}");
    }
}

/// RFC 3261 §8.2.2.1: whom To names is no matter of ours, whatever the scheme; the Request-URI is.
// Holds: 3261-8.2.2.1-1
#[test]
fn a_strange_to_is_taken() {
    for to in ["<tel:+49123>", "<sip:nobody@elsewhere.example>", "<unknown:scheme>"] {
        let mut ua = Ua::with(|config| config.policy.users = Some(vec!["bob".into()]));
        let heard = ua.hear(Req::invite().to(to).text());
        assert_eq!(heard.lines(), ["* incoming INVITE"], "{to}");
        let ok = ua.accept(heard.server(), Reply::new()).unwrap().sent().remove(0);
        assert!(ok.value(Name::To).unwrap().starts_with(&format!("{to};tag=")), "{to}");
    }
}

// ---- Answers without state (§8.2.7) ----

/// RFC 3261 §8.2.7: what is answered without state is answered finally, once for each time that it comes; its ACK means nothing.
// Holds: 3261-8.2.7-1, 3261-8.2.7-2, 3261-8.2.7-3
#[test]
fn a_stateless_answer_goes_out_once() {
    let full = |config: &mut sip_proto::Config| config.limits.servers = 0;
    let requests: [(Change, Req); 4] = [
        (|_| {}, Req::invite().line("Require: teleport")),
        (|_| {}, Req::invite().uri("http://192.0.2.4")),
        (|_| {}, Req { version: "SIP/3.0", ..Req::invite() }),
        (full, Req::invite()),
    ];
    for (change, request) in requests {
        let mut ua = Ua::with(change);
        let first = ua.hear(request.text()).only();
        assert!(code(&first) >= 400, "{first:?}");
        assert_eq!(ua.sip.counts(), [0; 3]);
        assert_eq!(ua.pass(secs(5)).lines(), [""; 0], "nothing comes again by itself");
        assert_eq!(ua.hear(request.text()).only(), first);
        let ack = request.follow("ACK").tagged(first.to().unwrap().tag().unwrap());
        assert_eq!(ua.hear(ack.text()).lines(), [""; 0]);
        assert_eq!(ua.pass(secs(60)).lines(), [""; 0]);
        assert!(ua.sip.is_empty());
    }
}

// ---- OPTIONS (§11.2) ----

/// RFC 3261 §11.2: OPTIONS is answered as an INVITE would be: by the same refusal, and 200 where the INVITE could be taken.
// Holds: 3261-11.2-1
#[test]
fn options_get_the_code_of_an_invite() {
    let nothing: Change = |_| {};
    let rows: [(Change, &str, &str, &str); 7] = [
        (nothing, "sip:bob@192.0.2.4", "X-Any: 1", "200"),
        (nothing, "sip:bob@192.0.2.4", "Require: teleport", "420"),
        (nothing, "http://192.0.2.4", "X-Any: 1", "416"),
        (|config| config.policy.users = Some(vec!["carol".into()]), "sip:bob@192.0.2.4", "X-Any: 1", "404"),
        (|config| config.limits.servers = 0, "sip:bob@192.0.2.4", "X-Any: 1", "503"),
        (|config| config.limits.dialogs = 0, "sip:bob@192.0.2.4", "X-Any: 1", "503"),
        (|config| config.limits.uri = 5, "sip:bob@192.0.2.4", "X-Any: 1", "414"),
    ];
    for (change, uri, line, expected) in rows {
        for method in ["INVITE", "OPTIONS"] {
            let request = Req { method: method.into(), ..Req::invite() }.uri(uri).line(line);
            let heard = Ua::with(change).hear(request.text());
            let got = heard.lines().remove(0);
            let is_taken = expected == "200" && got == "* incoming INVITE";
            assert!(got.starts_with(expected) || is_taken, "{method}, not {expected}: {got}");
        }
    }
    let busy = |config: &mut sip_proto::Config| {
        for method in [Method::Invite, Method::Options] {
            config.policy.set_initial(method, sip_proto::endpoint::Handling::Reject(StatusCode::BUSY_HERE));
        }
    };
    for request in [Req::invite(), Req::new("OPTIONS")] {
        assert_eq!(code(&Ua::with(busy).hear(request.text()).sent()[0]), 486);
    }
}

/// RFC 3261 §11.2: the 200 says what is taken: methods, types, codings, languages, extensions.
// Holds: 3261-11.2-2
#[test]
fn options_say_what_is_taken() {
    let five = [Name::Allow, Name::Accept, Name::AcceptEncoding, Name::AcceptLanguage, Name::Supported];
    let plain = Ua::new().hear(Req::new("OPTIONS").text()).only();
    assert!(
        five.into_iter().all(|name| plain.value(name).is_some()),
        "{:?}",
        plain.lines().collect::<Vec<_>>()
    );
    let mut ua = Ua::with(|config| {
        config.policy.encodings = vec!["gzip".into()];
        config.policy.languages = vec!["de".into()];
    });
    let answer = ua.hear(Req::new("OPTIONS").text()).only();
    assert_eq!(answer.value(Name::AcceptEncoding), Some("identity, gzip"));
    assert_eq!(answer.value(Name::AcceptLanguage), Some("de"));
    let (ok, _) = ua.answered_call();
    let answer = ua.hear(Req::within(&ok, "OPTIONS", 2).text()).sent().remove(0);
    assert!(five.into_iter().all(|name| answer.value(name).is_some()), "within a dialog too");
}

// ---- Answers that form a dialog (§12.1.1) ----

/// RFC 3261 §12.1.1: Record-Route goes back as it came: every value in order, with all parameters, known or not.
// Holds: 3261-12.1.1-1, 3261-12.1.1-2
#[test]
fn record_route_goes_back_as_it_came() {
    let lines = [
        "Record-Route: \"P, three\" <sip:p3.example.com;lr;x=1?a=b>;unknown=\"a, b\";y",
        "Record-Route: <sip:p2.example.com;lr;transport=tcp>,<sips:u@p1.example.com:5070;foo=%20>;ftag=7",
    ];
    let request = lines.iter().fold(Req::invite(), |request, line| request.line(line));
    let mut ua = Ua::new();
    let server = ua.hear(request.text()).server();
    let ringing = ua.progress(server, Reply::new()).unwrap().sent().remove(0);
    let ok = ua.accept(server, Reply::new()).unwrap().sent().remove(0);
    let came = crate::support::parse(&request.text());
    for answer in [ringing, ok] {
        assert!(answer.elements(Name::RecordRoute).eq(came.elements(Name::RecordRoute)), "{answer:?}");
        assert_eq!(answer.elements(Name::RecordRoute).count(), 3);
    }
}

/// RFC 3261 §12.1.1: Contact is there, and a SIP or SIPS URI; one of the application's that is none is refused, and nothing has changed.
// Holds: 3261-12.1.1-3, 3261-12.1.1-4
#[test]
fn a_dialog_forming_answer_has_a_sip_contact() {
    let mut ua = Ua::new();
    let server = ua.called();
    for contact in ["<tel:+49123>", "*", "<sip:a@h>, <sip:b@h>", "<mailto:bob@example.com>"] {
        for reply in [Reply::code(180), Reply::code(183), Reply::code(200)] {
            let refused = ua.reply(server, reply.header("Contact", contact));
            assert!(refused.is_err(), "{contact}");
        }
    }
    assert_eq!(ua.sip.counts()[2], 0);
    let ringing = ua.progress(server, Reply::new()).unwrap().sent().remove(0);
    assert_eq!(ringing.contact().unwrap().unwrap().uri, "sip:bob@192.0.2.4:5060");
    let ok = ua.accept(server, Reply::new().header("Contact", "<sips:bob@h>")).unwrap().sent().remove(0);
    assert_eq!(ok.contact().unwrap().unwrap().uri, "sips:bob@h");
    let mut ua = Ua::new();
    let server = ua.called();
    let elsewhere = Reply::code(302).header("Contact", "<tel:+49123>").header("Contact", "<sip:b@h>");
    assert_eq!(
        code(&ua.reject(server, elsewhere).unwrap().sent()[0]),
        302,
        "a redirection may lead anywhere"
    );
}

/// RFC 3261 §12.1.1, §12.2.1.1: Contact is a SIPS URI where the Request-URI is one, or the topmost Record-Route, or the Contact where no route was recorded;
/// and goes on being one.
// Holds: 3261-12.1.1-5, 3261-12.2.1.1-20
#[test]
fn a_secure_call_is_answered_with_a_sips_contact() {
    let (sip, sips) = ("sip:bob@192.0.2.4", "sips:bob@192.0.2.4");
    let rows = [
        (sip, "", "sip:alice@192.0.2.1", false),
        (sips, "", "sip:alice@192.0.2.1", true),
        (sip, "", "sips:alice@192.0.2.1", true),
        (sip, "Record-Route: <sips:192.0.2.1;lr>, <sip:h;lr>", "sip:alice@192.0.2.1", true),
        (sip, "Record-Route: <sip:192.0.2.1;lr>, <sips:h;lr>", "sips:alice@192.0.2.1", false),
    ];
    for (uri, route, contact, is_secure) in rows {
        let mut ua = Ua::new();
        ua.bind(Transport::Tls, "192.0.2.4:5061");
        let flow = Flow { transport: Transport::Tls, ..ua.tcp("192.0.2.1:40000", 1) };
        let request = Req::invite().uri(uri).via("SIP/2.0/TLS 192.0.2.1").body("application/sdp", SDP);
        let request = Req { lines: request.lines.replace("sip:alice@192.0.2.1", contact), ..request };
        let request = if route.is_empty() { request } else { request.line(route) };
        let server = ua.hear_on(flow, request.text()).server();
        let uris = [
            ua.progress(server, Reply::new()).unwrap().sent().remove(0),
            ua.accept(server, Reply::new().sdp(SDP)).unwrap().sent().remove(0),
        ]
        .map(|answer| answer.contact().unwrap().unwrap().uri.to_string());
        let expected =
            if is_secure { "sips:bob@192.0.2.4:5061" } else { "sip:bob@192.0.2.4:5061;transport=tls" };
        assert_eq!(uris, [expected; 2], "{uri} {route} {contact}");
    }
    // By itself too, and in what follows.
    let mut ua = Ua::new();
    ua.bind(Transport::Tls, "192.0.2.4:5061");
    let flow = Flow { transport: Transport::Tls, ..ua.tcp("192.0.2.1:5060", 1) };
    let request = Req::invite().uri(sips).via("SIP/2.0/TLS 192.0.2.1").body("application/sdp", SDP);
    let server = ua.hear_on(flow, request.text()).server();
    let ringing = ua.pass(secs(61)).message("180 Ringing (INVITE)");
    assert_eq!(ringing.contact().unwrap().unwrap().uri, "sips:bob@192.0.2.4:5061");
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    let again = Req::within(&ok, "INVITE", 2).via("SIP/2.0/TLS 192.0.2.1").line(CONTACT.trim_end());
    ua.hear_on(flow, Req::within(&ok, "ACK", 1).via("SIP/2.0/TLS 192.0.2.1").text());
    let heard = ua.hear_on(flow, again.text());
    let ok = ua.accept(heard.server(), Reply::new()).unwrap().sent().remove(0);
    assert_eq!(ok.contact().unwrap().unwrap().uri, "sips:bob@192.0.2.4:5061", "a re-INVITE");
    assert!(ua.sip.dialog(dialog).is_ok());
}

/// RFC 3261 §12.1.1: the server keeps the dialog as it was for as long as nobody ends it.
// Holds: 3261-12.1.1-7
#[test]
fn a_callees_dialog_lasts() {
    let mut ua = Ua::new();
    let server = ua.hear(Req::invite().line("Record-Route: <sip:192.0.2.7;lr>").text()).server();
    let heard = ua.accept(server, Reply::new()).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    ua.hear(Req::within(&ok, "ACK", 1).text());
    assert_eq!(ua.pass(secs(48 * 3_600)).lines(), ["* server ended Done"]);
    assert_eq!(ua.hear(Req::within(&ok, "INFO", 1).text()).lines(), ["500 Internal Server Error (INFO)"]);
    assert_eq!(ua.hear(Req::within(&ok, "INFO", 2).text()).lines()[0], "200 OK (INFO)");
    let bye = ua.destroy(dialog).only();
    assert_eq!(
        (bye.value(Name::Route), bye.to().unwrap().tag()),
        (Some("<sip:192.0.2.7;lr>"), Some("alice"))
    );
    assert_eq!((bye.request_uri(), bye.call_id()), (Some("sip:alice@192.0.2.1"), "call-1"));
    ua.hear(answer(&bye, 200, "", ""));
    ua.pass_all();
}

/// RFC 3261 §21.4 (§20.27, §20.40, §20.44), RFC 4028 §6, RFC 6086 §4.2.2: a refusal of the application's has what it owes by its status. What the endpoint
/// knows it adds; without what only the application knows nothing is sent.
#[test]
fn what_a_refusal_of_the_applications_owes() {
    use sip_proto::Refused;
    let owed = [
        (401, "WWW-Authenticate", "Digest realm=\"a\", nonce=\"b\""),
        (407, "Proxy-Authenticate", "Digest realm=\"a\", nonce=\"b\""),
        (415, "Accept", "text/plain"),
        (420, "Unsupported", "foo"),
        (421, "Require", "foo"),
        (422, "Min-SE", "300"),
        (423, "Min-Expires", "300"),
        (469, "Recv-Info", ""),
    ];
    for (status, name, value) in owed {
        let mut ua = Ua::new();
        let server = ua.hear(Req::new("MESSAGE").body("text/plain", "x").text()).server();
        let missing = Name::find(name);
        assert_eq!(ua.reject(server, Reply::code(status)).unwrap_err(), Refused::AnswerLacks(missing));
        assert_eq!(ua.reply(server, Reply::code(status)).unwrap_err(), Refused::AnswerLacks(missing));
        assert!(ua.drain().0.is_empty());
        let answer = ua.reject(server, Reply::code(status).header(name, value)).unwrap().sent().remove(0);
        assert_eq!((code(&answer), answer.value(missing)), (status, Some(value)));
        assert!(
            matches!(ua.reject(server, Reply::code(status)), Err(Refused::Context(_))),
            "too late before all"
        );
    }
    let mut ua = Ua::new();
    let server = ua.hear(Req::new("MESSAGE").body("text/plain", "x").text()).server();
    let answer = ua.reject(server, Reply::code(405)).unwrap().sent().remove(0);
    assert!(answer.value(Name::Allow).is_some(), "{answer:?}");
    // What is accepted is known where the policy says it; what the application says stands.
    let with = |config: &mut sip_proto::Config| config.policy.accept = vec!["text/plain".into()];
    for (own, accept, encoding) in
        [(None, Some("text/plain"), None), (Some(("Accept-Encoding", "gzip")), None, Some("gzip"))]
    {
        let mut ua = Ua::with(with);
        let server = ua.hear(Req::new("MESSAGE").body("text/plain", "x").text()).server();
        let reply = own.into_iter().fold(Reply::code(415), |reply, (name, value)| reply.header(name, value));
        let answer = ua.reject(server, reply).unwrap().sent().remove(0);
        assert_eq!((answer.value(Name::Accept), answer.value(Name::AcceptEncoding)), (accept, encoding));
    }
    let mut ua = Ua::new();
    let optional = "Content-Encoding: gzip\r\nContent-Disposition: render;handling=optional";
    let server = ua.hear(Req::new("MESSAGE").line(optional).body("text/plain", "x").text()).server();
    let answer = ua.reject(server, Reply::code(415)).unwrap().sent().remove(0);
    assert_eq!((answer.value(Name::Accept), answer.value(Name::AcceptEncoding)), (None, Some("identity")));
    // What the policy refuses goes out, whatever is known of it.
    let mut ua = Ua::with(|config| {
        config
            .policy
            .set_initial(Method::Message, sip_proto::endpoint::Handling::Reject(StatusCode::UNAUTHORIZED));
    });
    assert_eq!(code(&ua.hear(Req::new("MESSAGE").text()).only()), 401);
}
