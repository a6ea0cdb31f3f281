//! INVITEs that are redirected, and what else decides where a request goes first: Route, the outbound proxy, names (RFC 3261 §8.1.1,
//! §8.1.2, §8.1.3.4, §19.1.5).

use crate::support::{CONTACT, Heard, SDP, Ua, address, answer, results, secs};
use sip_proto::context::{Invite, Reply, Request};
use sip_proto::dialog::{DialogState, SessionTimers, TimerMode};
use sip_proto::endpoint::Why;
use sip_proto::message::Name;
use sip_proto::testing::Network;
use sip_proto::{
    ClientEvent, DialogEvent, Event, Input, Message, Method, Refused, RequestId, Timestamp, Transport,
};

/// A call to Alice that follows up to this many redirections: our INVITE.
fn call(ua: &mut Ua, most: u8) -> (RequestId, Message) {
    call_with(ua, Invite::to("sip:alice@192.0.2.1").sdp(SDP).follow_redirects(most))
}

fn call_with(ua: &mut Ua, invite: Invite) -> (RequestId, Message) {
    let (id, heard) = ua.invite(invite);
    (id, heard.message("INVITE"))
}

/// 302 to these contacts.
fn moved(invite: &Message, contacts: &str) -> String {
    answer(invite, 302, "r", &format!("Contact: {contacts}\r\n"))
}

/// What came of a redirection: the next INVITE.
fn next(heard: &Heard) -> Message {
    let lines = heard.lines();
    assert_eq!(lines[0], "ACK", "{lines:?}");
    assert!(lines[1].starts_with("* redirected by "), "{lines:?}");
    assert_eq!(lines[2..], ["INVITE +body"], "{lines:?}");
    heard.message("INVITE")
}

fn uri(message: &Message) -> &str {
    message.request_uri().unwrap()
}

fn connect_token(heard: &Heard) -> sip_proto::endpoint::Token {
    let token = heard.0.iter().find_map(|(_, output)| match output {
        sip_proto::Output::Connect(connect) => Some(connect.token),
        _ => None,
    });
    token.unwrap()
}

// ---- Redirections ----

/// RFC 3261 §8.1.3.4: a new transaction for the contact, with the Call-ID, From and To of the first, its headers and its body; the call then lives
/// where it was answered.
// Holds: 3261-8.1.3.4-1, 3261-8.1.3.4-7, 3261-8.1.3.4-8, 3261-8.1.3.4-9
#[test]
fn a_redirected_call() {
    for code in [300, 301, 302, 399] {
        let mut ua = Ua::new();
        let invite = Invite::to("sip:alice@192.0.2.1").sdp(SDP).header("Subject", "lunch");
        let (id, first) = call_with(&mut ua, invite.header("X-Any", "1").follow_redirects(1));
        let redirect = answer(&first, code, "r", "Contact: <sip:alice@192.0.2.9:5070>\r\n");
        let heard = ua.hear(redirect.clone());
        let second = next(&heard);
        assert_eq!(heard.transmits()[1].flow.remote, address("192.0.2.9:5070"));
        assert_eq!((uri(&second), second.cseq()), ("sip:alice@192.0.2.9:5070", first.cseq() + 1));
        for name in [Name::From, Name::To, Name::CallId, Name::Contact, Name::Subject, Name::Allow] {
            assert_eq!(second.value(name), first.value(name), "{name:?}");
        }
        assert!(second.lines().any(|line| line == ("X-Any", "1")));
        assert_eq!(
            (second.body(), second.value(Name::ContentType)),
            (SDP.as_bytes(), Some("application/sdp"))
        );
        assert_ne!(second.top_via().unwrap().branch(), first.top_via().unwrap().branch());
        // The event has both.
        let Event::Client { request, event: ClientEvent::Redirected { response, request: sent } } =
            heard.events()[0]
        else {
            panic!("{heard:?}")
        };
        assert_eq!((*request, response.status().unwrap().code(), &**sent), (id, code, &second));
        // The first transaction still acknowledges.
        assert_eq!(ua.hear(redirect).lines(), ["ACK"]);
        let heard =
            ua.hear_from("192.0.2.9:5070", answer(&second, 200, "a", "Contact: <sip:a@192.0.2.9:5070>\r\n"));
        assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"]);
        assert_eq!((results(&heard, id), heard.message("ACK").cseq()), (vec![200], 2));
        let bye = ua.destroy(heard.dialog()).only();
        assert_eq!((bye.cseq(), uri(&bye)), (3, "sip:a@192.0.2.9:5070"));
        ua.hear(answer(&bye, 200, "", ""));
        ua.pass_all();
    }
}

/// The default leaves redirections to the application; the policy can say otherwise, and an INVITE otherwise again.
#[test]
fn redirections_are_followed_by_option() {
    let usual = || Invite::to("sip:alice@192.0.2.1").sdp(SDP);
    for (policy, invite, is_followed) in [
        (0, usual(), false),
        (0, usual().follow_redirects(1), true),
        (5, usual(), true),
        (5, usual().follow_redirects(0), false),
    ] {
        let mut ua = Ua::with(|config| config.policy.redirects = policy);
        let (id, first) = call_with(&mut ua, invite);
        let heard = ua.hear(moved(&first, "<sip:alice@192.0.2.9>"));
        assert_eq!(results(&heard, id).is_empty(), is_followed);
        assert_eq!(heard.sent().len(), if is_followed { 2 } else { 1 });
    }
    assert_eq!(Invite::USUAL_REDIRECTS, 5);
}

/// RFC 3261 §21.3.4, §21.3.5: 305 and 380 are results.
#[test]
fn other_3xx_are_results() {
    for code in [305, 380] {
        let mut ua = Ua::new();
        let (id, first) = call(&mut ua, 5);
        let heard = ua.hear(answer(&first, code, "r", "Contact: <sip:alice@192.0.2.9>\r\n"));
        assert_eq!(heard.lines()[0], "ACK");
        assert_eq!((results(&heard, id), heard.sent().len()), (vec![code], 1));
    }
}

/// RFC 3261 §8.1.3.4, §20.10: in the order of `q`, 1 where none is given, the order in the message among equals. A target that fails, by an answer or without
/// one, leads to the next; the last failure is the result.
// Holds: 3261-8.1.3.4-4, 3261-8.1.3.4-5
#[test]
fn targets_are_tried_in_order() {
    let mut ua = Ua::new();
    let (id, first) = call(&mut ua, 9);
    let contacts = "<sip:c@192.0.2.23>;q=0.5, <sip:b@192.0.2.22>, <sip:e@192.0.2.25>;q=0, \
                    <sip:a@192.0.2.21>;q=1.0, <sip:d@192.0.2.24>;q=0.5";
    let mut invite = next(&ua.hear(moved(&first, contacts)));
    for (cseq, (expected, code)) in (2..).zip([("b", 486), ("a", 404), ("c", 503), ("d", 488)]) {
        assert!(uri(&invite).starts_with(&format!("sip:{expected}@")), "{}", uri(&invite));
        assert_eq!(invite.cseq(), cseq);
        invite = next(&ua.hear(answer(&invite, code, "x", "")));
    }
    assert_eq!(uri(&invite), "sip:e@192.0.2.25");
    let heard = ua.hear(answer(&invite, 480, "x", ""));
    assert_eq!((heard.lines()[0].as_str(), results(&heard, id)), ("ACK", vec![480]));
    ua.pass_all();
}

/// RFC 3261 §8.1.3.4: one that never answers, or cannot be sent to, is a failure too.
#[test]
fn targets_that_are_silent() {
    let mut ua = Ua::new();
    let (id, first) = call(&mut ua, 3);
    next(&ua.hear(moved(
        &first,
        "<sip:a@192.0.2.21>, <sip:b@192.0.2.22;transport=tcp>, <sip:c@nowhere.example>",
    )));
    let heard = ua.pass(secs(32));
    let lines = heard.lines();
    assert!(lines.contains(&"* redirected by 408 Request Timeout (INVITE)".into()), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "connect TCP 192.0.2.22:5060");
    let heard = ua.input(Input::SendFailed { token: connect_token(&heard) });
    assert_eq!(
        heard.lines(),
        ["* redirected by 503 Service Unavailable (INVITE)", "resolve nowhere.example"]
    );
    let sip_proto::Output::Resolve(question) = &heard.0[1].1 else { panic!() };
    let heard = ua.input(Input::Resolved { query: question.query, targets: vec![] });
    assert_eq!(heard.lines(), ["* failed 503 Service Unavailable (INVITE) (made up)", "* client ended"]);
    assert_eq!(results(&heard, id), [503]);
    ua.pass_all();
}

/// RFC 3261 §8.1.3.4, §19.1.4: a URI is tried once, however it is written; two that point to each other end it.
// Holds: 3261-8.1.3.4-2
#[test]
fn no_loop() {
    let mut ua = Ua::new();
    let (id, first) = call(&mut ua, 200);
    let second =
        next(&ua.hear(moved(&first, "<sip:alice@192.0.2.1>, <sip:b@192.0.2.9>, <sip:b@192.0.2.9;x=y>")));
    assert_eq!(uri(&second), "sip:b@192.0.2.9");
    let heard = ua.hear(moved(
        &second,
        "<SIP:%61lice@192.0.2.1>, <sip:b@192.0.2.9?Subject=x>, <sip:b@192.0.2.9;method=INVITE>",
    ));
    assert_eq!(results(&heard, id), [302]);
    assert_eq!(heard.sent().len(), 1, "the ACK alone: {heard:?}");
    ua.pass_all();
}

/// The limit counts requests after the first.
#[test]
fn the_hop_limit() {
    for most in [1, 2, 5] {
        let mut ua = Ua::new();
        let (id, mut invite) = call(&mut ua, most);
        for hop in 0..most {
            invite = next(&ua.hear(moved(&invite, &format!("<sip:a@192.0.2.{}>", 50 + hop))));
        }
        let heard = ua.hear(moved(&invite, "<sip:a@192.0.2.99>"));
        assert_eq!((results(&heard, id), heard.sent().len()), (vec![302], 1));
        assert_eq!(invite.cseq(), u32::from(most) + 1);
        ua.pass_all();
    }
}

/// A 3xx without a usable contact is a failure: of the call, or of that target.
#[test]
fn contacts_that_are_none() {
    for contacts in ["*", "<mailto:alice@example.com>", "<sip:>", "<sip:a@192.0.2.9;method=BYE>"] {
        let mut ua = Ua::new();
        let (id, first) = call(&mut ua, 5);
        let heard = ua.hear(moved(&first, contacts));
        assert_eq!((results(&heard, id), heard.sent().len()), (vec![302], 1), "{contacts}");
        ua.pass_all();
    }
    let mut ua = Ua::new();
    let (_, first) = call(&mut ua, 5);
    let second = next(&ua.hear(moved(&first, "<mailto:a@h>, <sip:b@192.0.2.22>, <sip:c@192.0.2.23>")));
    assert_eq!(uri(&second), "sip:b@192.0.2.22");
    assert_eq!(uri(&next(&ua.hear(answer(&second, 301, "x", "")))), "sip:c@192.0.2.23");
}

/// RFC 3261 §8.1.3.5, §21.6: a challenge is for who has credentials, a 6xx speaks for all places.
#[test]
fn some_failures_are_final() {
    for code in [401, 407, 600, 603, 604] {
        let mut ua = Ua::new();
        let (id, first) = call(&mut ua, 5);
        let second = next(&ua.hear(moved(&first, "<sip:b@192.0.2.22>, <sip:c@192.0.2.23>")));
        let heard = ua.hear(answer(&second, code, "x", ""));
        assert_eq!((results(&heard, id), heard.sent().len()), (vec![code], 1));
    }
}

/// A call that fails before it is redirected has failed.
#[test]
fn a_failure_without_a_target() {
    let mut ua = Ua::new();
    let (id, first) = call(&mut ua, 5);
    let heard = ua.hear(answer(&first, 486, "x", ""));
    assert_eq!(results(&heard, id), [486]);
}

/// RFC 3261 §8.1.3.4: who calls securely is not led elsewhere unseen.
// Holds: 3261-8.1.3.4-3
#[test]
fn from_sips_only_to_sips() {
    let mut ua = Ua::new();
    let invite = Invite::to("sips:alice@192.0.2.1").sdp(SDP).follow_redirects(5);
    let (id, heard) = ua.invite(invite);
    let tls = sip_proto::Flow { transport: Transport::Tls, ..ua.tcp("192.0.2.1:5061", 1) };
    let heard = ua.input(Input::Connected { token: heard.token(), flow: tls });
    let first = heard.message("INVITE");
    let heard = ua.hear_on(tls, moved(&first, "<sip:a@192.0.2.9>, <sips:b@192.0.2.1>"));
    assert_eq!(uri(&heard.message("INVITE")), "sips:b@192.0.2.1");
    let heard = ua.hear_on(tls, moved(&heard.message("INVITE"), "<sip:a@192.0.2.9>"));
    assert_eq!(results(&heard, id), [302]);
}

/// RFC 3261 §8.1.3.4, §19.1.5: the URI without `method` and headers; the headers in the request, those that would lie left out.
// Holds: 3261-8.1.3.4-6
#[test]
fn headers_and_parameters_of_a_contact() {
    let mut ua = Ua::new();
    let invite = Invite::to("sip:alice@192.0.2.1").sdp(SDP).header("Subject", "lunch");
    let invite = invite.header("Call-Info", "<http://a>").header("X-Any", "1").follow_redirects(5);
    let (_, first) = call_with(&mut ua, invite);
    let contact = "<sip:b@192.0.2.22;transport=udp;x=y;method=INVITE;user=phone\
                   ?Subject=dinner%20at%208&Call-Info=%3chttp://b%3e&call-info=%3chttp://c%3e&X-any=2&Priority=urgent\
                   &From=%3csip:eve@h%3e&To=%3csip:eve@h%3e&Call-ID=z&CSeq=9%20INVITE&Via=v&Route=%3csip:evil%3e\
                   &Record-Route=%3csip:evil%3e&Contact=%3csip:evil%3e&Allow=NONE&Supported=none&User-Agent=evil\
                   &Accept=text/plain&Organization=evil&Content-Type=text/plain&Content-Length=1&Date=now\
                   &Timestamp=1&Max-Forwards=1&Authorization=x&body=evil>";
    let second = next(&ua.hear(moved(&first, contact)));
    assert_eq!(uri(&second), "sip:b@192.0.2.22;transport=udp;x=y;user=phone");
    assert_eq!(
        (second.value(Name::Subject), second.value(Name::Priority)),
        (Some("dinner at 8"), Some("urgent"))
    );
    let infos: Vec<_> = second.elements(Name::CallInfo).collect();
    assert_eq!(infos, ["<http://a>", "<http://b>", "<http://c>"]);
    let any: Vec<_> = second.lines().filter(|(name, _)| name.eq_ignore_ascii_case("X-Any")).collect();
    assert_eq!(any, [("X-any", "2")]);
    for name in [
        Name::From,
        Name::To,
        Name::CallId,
        Name::Contact,
        Name::Allow,
        Name::Supported,
        Name::UserAgent,
        Name::Accept,
        Name::Organization,
        Name::ContentType,
        Name::Date,
        Name::Timestamp,
        Name::MaxForwards,
        Name::Authorization,
        Name::Route,
        Name::RecordRoute,
    ] {
        assert_eq!(second.value(name), first.value(name), "{name:?}");
    }
    assert_eq!((second.body(), second.via().count(), second.cseq()), (SDP.as_bytes(), 1, 2));
}

/// RFC 3261 §19.1.5: what cannot be said, or asks for what we do not have, is not sent.
#[test]
fn headers_that_make_a_target_unusable() {
    for bad in ["X-A=%0d%0aY:%20z", "Require=100rel", "X-A%0d=1", "Subject=%00"] {
        let mut ua = Ua::new();
        let (_, first) = call(&mut ua, 5);
        let second = next(&ua.hear(moved(&first, &format!("<sip:a@192.0.2.9?{bad}>, <sip:b@192.0.2.22>"))));
        assert_eq!(uri(&second), "sip:b@192.0.2.22", "{bad}");
    }
}

/// Early dialogs of a place that redirects end, once; the next place's are its own.
#[test]
fn early_dialogs_end_with_their_place() {
    let mut ua = Ua::new();
    let (id, first) = call(&mut ua, 5);
    let early = ua.hear(answer(&first, 180, "x", CONTACT)).dialog();
    let heard = ua.hear(answer(&first, 302, "x", "Contact: <sip:b@192.0.2.22>\r\n"));
    let ends: Vec<_> = heard
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Dialog { dialog, event: DialogEvent::Destroy { why, .. } } => Some((*dialog, *why)),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [(early, Why::Failed(sip_proto::StatusCode::MOVED_TEMPORARILY))]);
    let second = heard.message("INVITE");
    let heard = ua.hear(answer(&second, 180, "y", CONTACT));
    let dialog = heard.dialog();
    assert_eq!(ua.sip.dialog(dialog).unwrap().get().unwrap().state(), DialogState::Early);
    let heard = ua.hear(answer(&second, 200, "y", CONTACT));
    assert_eq!((heard.dialog(), results(&heard, id)), (dialog, vec![200]));
}

/// RFC 3261 §9.1: a cancelled call goes nowhere any more, before the 3xx or after it.
#[test]
fn a_cancelled_call_is_not_redirected() {
    let mut ua = Ua::new();
    let (id, first) = call(&mut ua, 5);
    ua.hear(answer(&first, 180, "x", CONTACT));
    ua.cancel(id);
    let heard = ua.hear(moved(&first, "<sip:b@192.0.2.22>"));
    assert_eq!(results(&heard, id), [302]);

    let mut ua = Ua::new();
    let (id, first) = call(&mut ua, 5);
    let second = next(&ua.hear(moved(&first, "<sip:b@192.0.2.22>, <sip:c@192.0.2.23>")));
    ua.hear(answer(&second, 180, "x", CONTACT));
    let cancel = ua.cancel(id).only();
    assert_eq!((cancel.cseq(), uri(&cancel)), (2, "sip:b@192.0.2.22"));
    ua.hear(answer(&cancel, 200, "", ""));
    let heard = ua.hear(answer(&second, 487, "x", ""));
    assert_eq!((results(&heard, id), heard.sent().len()), (vec![487], 1));
    ua.pass_all();

    // While the next place's address is looked for: no packet at all.
    let mut ua = Ua::new();
    let (id, first) = call(&mut ua, 5);
    let heard = ua.hear(moved(&first, "<sip:b@example.com>, <sip:c@192.0.2.23>"));
    assert_eq!(heard.lines().last().unwrap(), "resolve example.com");
    let heard = ua.cancel(id);
    assert_eq!((results(&heard, id), heard.sent().len()), (vec![487], 0));
}

/// The Route that the application gave, or the outbound proxy, stays; only the target changes.
#[test]
fn a_route_stays() {
    let mut ua = Ua::new();
    let invite =
        Invite::to("sip:alice@example.com").route("<sip:192.0.2.70;lr>").sdp(SDP).follow_redirects(5);
    let (_, first) = call_with(&mut ua, invite);
    let heard = ua.hear_from("192.0.2.70:5060", moved(&first, "<sip:b@elsewhere.example>, <tel:+1234>"));
    let second = next(&heard);
    assert_eq!(heard.transmits()[1].flow.remote, address("192.0.2.70:5060"));
    assert_eq!(uri(&second), "sip:b@elsewhere.example");
    assert_eq!(second.value(Name::Route), Some("<sip:192.0.2.70;lr>"));
    let heard = ua.hear_from("192.0.2.70:5060", answer(&second, 404, "x", ""));
    assert_eq!(uri(&next(&heard)), "tel:+1234", "the proxy knows what to do with it");
    // Behind a strict router the target is not the Request-URI: there the 3xx is the result.
    let mut ua = Ua::new();
    let invite = Invite::to("sip:alice@example.com").route("<sip:192.0.2.70>").sdp(SDP).follow_redirects(5);
    let (id, first) = call_with(&mut ua, invite);
    let heard = ua.hear_from("192.0.2.70:5060", moved(&first, "<sip:b@192.0.2.22>"));
    assert_eq!(results(&heard, id), [302]);
}

/// A whole redirected call between three endpoints, with a link that loses every packet once.
#[test]
fn a_redirected_call_over_a_bad_link() {
    for seed in 0..20 {
        let mut net: Network = Network::new(seed);
        let alice = net.node("alice", "192.0.2.1");
        let desk = net.node("desk", "192.0.2.4");
        let mobile = net.node("mobile", "192.0.2.5");
        (net.link.loss, net.link.duplication) = (0.2, 0.1);
        let invite = Invite::to("sip:bob@192.0.2.4").sdp(SDP).follow_redirects(Invite::USUAL_REDIRECTS);
        net.endpoint(alice).invite(Timestamp::ZERO, invite).unwrap();
        let (mut results, mut redirected) = (0, 0);
        while let Some((who, event)) = net.next_event() {
            let now = net.now();
            match event {
                Event::Incoming { server, .. } if who == desk => {
                    let reply = Reply::code(302).header("Contact", "<sip:bob@192.0.2.5;transport=tcp>");
                    net.endpoint(who).server(server).unwrap().reject(now, reply).unwrap();
                }
                Event::Incoming { server, .. } => {
                    assert_eq!(who, mobile);
                    net.endpoint(who).server(server).unwrap().accept(now, Reply::new().sdp(SDP)).unwrap();
                }
                Event::Client { event: ClientEvent::Redirected { .. }, .. } => redirected += 1,
                Event::Client { event: ClientEvent::Failed { .. }, .. } => results += 1,
                Event::Client { event: ClientEvent::Accepted { dialog: Some(dialog), .. }, .. } => {
                    results += 1;
                    net.endpoint(who).dialog(dialog).unwrap().destroy(now).unwrap();
                }
                _ => {}
            }
        }
        assert_eq!((results, redirected), (1, 1), "{}", net.ladder());
        assert!(net.is_empty(), "{}", net.ladder());
    }
}

// ---- Extra headers, names, Route, the outbound proxy ----

/// RFC 3261 §8.1.1.2, §8.1.1.3, §20: names and headers as the application gives them.
#[test]
fn names_and_headers() {
    let mut ua =
        Ua::with(|config| *config = sip_proto::Config::new("\"Bob B.\" <sip:bob@192.0.2.4>").unwrap());
    let (_, plain) = call_with(&mut ua, Invite::to("sip:alice@192.0.2.1").sdp(SDP));
    assert_eq!(plain.from().unwrap().display_name().as_deref(), Some("Bob B."));
    assert_eq!(plain.to().unwrap().display_name(), None);
    let invite = Invite::to("sip:alice@192.0.2.1")
        .addressed("\"Alice \\\"A\\\"\" <sip:alice@example.com>")
        .from("Anonymous <sip:anonymous@anonymous.invalid>")
        .header("P-Preferred-Identity", "<sip:bob@example.com>")
        .header("X-Any", "1")
        .header("X-Any", "2")
        .header("Contact", "<sip:bob@192.0.2.44>")
        .sdp(SDP);
    let (_, sent) = call_with(&mut ua, invite);
    assert_eq!(uri(&sent), "sip:alice@192.0.2.1");
    let to = sent.to().unwrap();
    assert_eq!((to.uri, to.display_name().as_deref()), ("sip:alice@example.com", Some("Alice \"A\"")));
    assert_eq!((to.tag(), sent.from().unwrap().uri), (None, "sip:anonymous@anonymous.invalid"));
    assert_eq!(sent.from().unwrap().display_name().as_deref(), Some("Anonymous"));
    assert!(sent.from().unwrap().tag().is_some());
    assert_eq!(sent.lines().filter(|(name, _)| *name == "X-Any").count(), 2);
    assert_eq!(sent.contact().unwrap().unwrap().uri, "sip:bob@192.0.2.44");
    // What is the library's to say, and what would end a line.
    for (name, value) in [("Via", "x"), ("Call-ID", "x"), ("CSeq", "1 INVITE"), ("X", "a\r\nb")] {
        let invite = Invite::to("sip:alice@192.0.2.1").header(name, value);
        assert!(ua.sip.invite(ua.now, invite).is_err(), "{name}");
    }
    assert_eq!(ua.drain().lines(), [""; 0]);
}

/// RFC 3261 §8.1.2, §12.2.1.1: the initial Route leads out; in the call the route set does.
// Holds: 3261-8.1.1.1-3, 3261-8.1.2-6
#[test]
fn an_initial_route() {
    let mut ua = Ua::new();
    let invite =
        Invite::to("sip:alice@example.com").route("<sip:192.0.2.70;lr>").route("<sip:192.0.2.71;lr>");
    let (_, heard) = ua.invite(invite.sdp(SDP));
    assert_eq!(heard.transmits()[0].flow.remote, address("192.0.2.70:5060"));
    let invite = heard.message("INVITE");
    let routes: Vec<_> = invite.routes().map(|route| route.unwrap().uri.to_string()).collect();
    assert_eq!(routes, ["sip:192.0.2.70;lr", "sip:192.0.2.71;lr"]);
    let heard = ua.hear_from("192.0.2.70:5060", answer(&invite, 200, "a", CONTACT));
    let ack = heard.message("ACK");
    assert_eq!(
        (ack.value(Name::Route), uri(&ack)),
        (None, "sip:alice@192.0.2.1"),
        "no Record-Route, no Route"
    );
}

/// RFC 3261 §8.1.2: a preloaded Route for every request outside dialogs that has none of its own; it is no part of a dialog.
// Holds: 3261-8.1.1.1-2, 3261-8.1.2-1, 3261-8.1.2-5, 3261-8.1.2-7, 3261-9.1-5
#[test]
fn an_outbound_proxy() {
    let with = |proxy: &'static str| Ua::with(|config| config.outbound_proxy = proxy.into());
    let mut ua = with("<sip:192.0.2.80:5080;lr>");
    let (_, heard) = ua.invite(Invite::to("sip:alice@example.com").sdp(SDP));
    assert_eq!(heard.transmits()[0].flow.remote, address("192.0.2.80:5080"));
    let invite = heard.message("INVITE");
    assert_eq!(invite.value(Name::Route), Some("<sip:192.0.2.80:5080;lr>"));
    assert_eq!(uri(&invite), "sip:alice@example.com");
    let lines = format!("{CONTACT}Record-Route: <sip:192.0.2.81;lr>\r\n");
    let heard = ua.hear_from("192.0.2.80:5080", answer(&invite, 200, "a", &lines));
    assert_eq!(heard.message("ACK").value(Name::Route), Some("<sip:192.0.2.81;lr>"));
    assert_eq!(heard.transmits()[0].flow.remote, address("192.0.2.81:5060"));
    // CANCEL and the ACK of a failure go where the INVITE went (RFC 3261 §9.1, §17.1.1.3).
    let (id, heard) = ua.invite(Invite::to("sip:alice@example.com").sdp(SDP));
    let invite = heard.message("INVITE");
    ua.hear_from("192.0.2.80:5080", answer(&invite, 180, "b", ""));
    let heard = ua.cancel(id);
    assert_eq!(heard.transmits()[0].flow.remote, address("192.0.2.80:5080"));
    assert_eq!(heard.only().value(Name::Route), Some("<sip:192.0.2.80:5080;lr>"));
    // Any method; a Route of the application's takes its place.
    ua.sip.request(ua.now, Request::new(Method::Options, "sip:alice@example.com")).unwrap();
    assert_eq!(ua.drain().transmits()[0].flow.remote, address("192.0.2.80:5080"));
    let request = Request::new(Method::Options, "sip:alice@example.com").route("<sip:192.0.2.70;lr>");
    ua.sip.request(ua.now, request).unwrap();
    let heard = ua.drain();
    assert_eq!(heard.transmits()[0].flow.remote, address("192.0.2.70:5060"));
    assert_eq!(heard.only().routes().count(), 1);
    // By name and over a stream; strict; none at all.
    let mut ua = with("<sip:proxy.example.com;transport=tcp;lr>");
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1").sdp(SDP));
    assert_eq!(heard.lines(), ["resolve proxy.example.com"]);
    let mut ua = with("<sip:192.0.2.80>");
    let (_, heard) = ua.invite(Invite::to("sip:alice@example.com").sdp(SDP));
    let sent = heard.only();
    assert_eq!((uri(&sent), sent.value(Name::Route)), ("sip:192.0.2.80", Some("<sip:alice@example.com>")));
    let mut ua = with("<mailto:proxy@example.com>");
    let refused = ua.sip.invite(ua.now, Invite::to("sip:alice@192.0.2.1"));
    assert!(matches!(refused, Err(Refused::Unroutable(_))), "{refused:?}");
}

/// RFC 3261 §8.1.3.4: what could not be sent was the request before the redirection; the one that follows it does not mind.
#[test]
fn a_late_failure_to_send_is_the_first_requests() {
    let mut ua = Ua::new();
    let (id, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1").sdp(SDP).follow_redirects(1));
    let (token, first) = (heard.token(), heard.message("INVITE"));
    let second = next(&ua.hear(moved(&first, "<sip:a@192.0.2.21>")));
    assert_eq!(ua.input(Input::SendFailed { token }).lines(), [""; 0]);
    let heard = ua.hear(answer(&second, 486, "x", ""));
    assert_eq!(results(&heard, id), [486]);
    ua.pass_all();
}

/// RFC 4028 §7.3: a session interval that is too small is met however often the INVITE was redirected before.
#[test]
fn an_interval_that_is_too_small_after_redirections() {
    let timers = SessionTimers { mode: TimerMode::Requested, interval: secs(100), ..SessionTimers::DEFAULT };
    let mut ua = Ua::with(|config| config.set_session_timers(timers).unwrap());
    let (id, mut invite) = call(&mut ua, 9);
    for user in ["a", "b", "c", "d"] {
        invite = next(&ua.hear(moved(&invite, &format!("<sip:{user}@192.0.2.21>"))));
    }
    let heard = ua.hear(answer(&invite, 422, "x", "Min-SE: 200\r\n"));
    assert_eq!(heard.lines(), ["ACK", "INVITE +body"]);
    let again = heard.message("INVITE");
    assert_eq!((uri(&again), again.value(Name::SessionExpires)), (uri(&invite), Some("200")));
    assert_eq!(results(&ua.hear(answer(&again, 486, "x", "")), id), [486]);
    ua.pass_all();
}

/// RFC 4028 §7.3, RFC 3261 §8.1.2, §8.1.3.4: redirected by way of the outbound proxy, refused there with 422, then by the place itself: the Route stays, the
/// interval is kept for the places that follow, and the call has its one result.
#[test]
fn an_interval_that_is_too_small_behind_a_proxy() {
    let mut ua = timed(100, |config| config.outbound_proxy = "<sip:192.0.2.80:5080;lr>".into());
    let proxy = "192.0.2.80:5080";
    let (id, heard) = ua.invite(Invite::to("sip:alice@example.com").sdp(SDP).follow_redirects(9));
    let sent = |heard: &Heard, uri_: &str, terms: (&str, Option<&str>)| {
        let invite = heard.message("INVITE");
        let place = heard.transmits().last().unwrap().flow.remote;
        assert_eq!((uri(&invite), place), (uri_, address(proxy)));
        assert_eq!(invite.value(Name::Route), Some("<sip:192.0.2.80:5080;lr>"));
        assert_eq!((invite.value(Name::SessionExpires).unwrap(), invite.value(Name::MinSe)), terms);
        invite
    };
    let first = sent(&heard, "sip:alice@example.com", ("100", None));
    // The proxy itself, before any redirection (§8.1).
    let heard = ua.hear_from(proxy, answer(&first, 422, "p", "Min-SE: 120\r\n"));
    assert_eq!(heard.lines(), ["ACK", "INVITE +body"]);
    let second = sent(&heard, "sip:alice@example.com", ("120", Some("120")));
    let heard = ua.hear_from(proxy, moved(&second, "<sip:b@example.com>, <sip:c@example.com>"));
    let third = sent(&heard, "sip:b@example.com", ("120", Some("120")));
    let heard = ua.hear_from(proxy, answer(&third, 422, "b", "Min-SE: 300\r\n"));
    let fourth = sent(&heard, "sip:b@example.com", ("300", Some("300")));
    let heard = ua.hear_from(proxy, answer(&fourth, 486, "b", ""));
    let fifth = sent(&heard, "sip:c@example.com", ("300", Some("300")));
    // What we have said already is nothing to say again: the place has failed.
    let heard = ua.hear_from(proxy, answer(&fifth, 422, "c", "Min-SE: 200\r\n"));
    assert_eq!((results(&heard, id), heard.sent().len()), (vec![422], 1));
    assert_eq!([&second, &third, &fourth, &fifth].map(Message::cseq), [2, 3, 4, 5]);
    ua.pass_all();
}

/// RFC 4028 §7.3: each place has its own least interval, and as many tries to find it out.
#[test]
fn every_place_may_ask_for_more() {
    let mut ua = timed(100, |_| {});
    let (id, mut invite) = call(&mut ua, 9);
    let mut least = 100;
    for place in 0..4 {
        invite = next(&ua.hear(moved(&invite, &format!("<sip:p{place}@192.0.2.21>"))));
        for _ in 0..3 {
            least += 10;
            let heard = ua.hear(answer(&invite, 422, "x", &format!("Min-SE: {least}\r\n")));
            assert_eq!(heard.lines(), ["ACK", "INVITE +body"], "{place} {least}");
            invite = heard.message("INVITE");
            assert_eq!(invite.value(Name::MinSe), Some(least.to_string().as_str()));
        }
    }
    // One that never has enough has failed.
    let heard = ua.hear(answer(&invite, 422, "x", "Min-SE: 9000\r\n"));
    assert_eq!((results(&heard, id), heard.sent().len()), (vec![422], 1));
    ua.pass_all();
}

/// RFC 4028 §7.3, RFC 3261 §18.1.1: the second INVITE goes where the first one went: nobody asks for the proxy's name again, and a connection that is
/// gone is made anew.
#[test]
fn a_422_from_a_proxy_with_a_name() {
    for is_closed in [false, true] {
        let mut ua =
            timed(100, |config| config.outbound_proxy = "<sip:proxy.example.com;transport=tcp;lr>".into());
        let (id, heard) = ua.invite(Invite::to("sip:alice@example.com").sdp(SDP));
        let sip_proto::Output::Resolve(question) = &heard.0[0].1 else { panic!("{heard:?}") };
        let targets = vec![(Transport::Tcp, address("192.0.2.80:5060"))];
        let heard = ua.input(Input::Resolved { query: question.query, targets });
        let flow = ua.tcp("192.0.2.80:5060", 1);
        let first = ua.input(Input::Connected { token: connect_token(&heard), flow }).message("INVITE");
        let text = answer(&first, 422, "p", "Min-SE: 200\r\n");
        let heard = match is_closed {
            false => ua.hear_on(flow, text),
            true => {
                // §18.2.2: then the answer comes by a connection of the proxy's.
                ua.input(Input::Closed { flow });
                let heard = ua.hear_on(ua.tcp("192.0.2.80:40000", 2), text);
                assert_eq!(heard.lines(), ["connect TCP 192.0.2.80:5060"]);
                let flow = ua.tcp("192.0.2.80:5060", 3);
                ua.input(Input::Connected { token: connect_token(&heard), flow })
            }
        };
        let flow = if is_closed { ua.tcp("192.0.2.80:5060", 3) } else { flow };
        assert_eq!(heard.lines(), ["ACK", "INVITE +body"]);
        assert!(heard.transmits().iter().all(|transmit| transmit.flow == flow), "{heard:?}");
        let second = heard.message("INVITE");
        assert_eq!((second.value(Name::SessionExpires), second.cseq()), (Some("200"), 2));
        assert_eq!(second.value(Name::Route), first.value(Name::Route));
        let heard = ua.hear_on(flow, answer(&second, 486, "x", ""));
        assert_eq!(results(&heard, id), [486]);
        ua.pass_all();
    }
}

/// A user agent that asks for a session interval of so many seconds.
fn timed(interval: u64, change: impl FnOnce(&mut sip_proto::Config)) -> Ua {
    let interval = secs(interval);
    let timers = SessionTimers { mode: TimerMode::Requested, interval, ..SessionTimers::DEFAULT };
    Ua::with(|config| {
        config.set_session_timers(timers).unwrap();
        change(config);
    })
}

// ---- The Request-URI stays ----

fn kept(to: &'static str) -> Invite {
    Invite::to(to).sdp(SDP).follow_redirects(5).keep_uri_on_redirect(true)
}

/// The model's `keepUriOnRedirect`; RFC 3261 §8.1.2: a contact is where the request goes, and no more.
#[test]
fn a_redirection_may_leave_the_uri() {
    for (policy, own, keeps) in
        [(false, None, false), (true, None, true), (true, Some(false), false), (false, Some(true), true)]
    {
        let mut ua = Ua::with(|config| config.policy.redirects_keep_uri = policy);
        let mut invite = Invite::to("sip:alice@192.0.2.1;x=y").sdp(SDP).follow_redirects(1);
        invite.keeps_uri = own;
        let (id, first) = call_with(&mut ua, invite);
        let heard = ua.hear(moved(&first, "<sip:other@192.0.2.9:5070>"));
        let second = next(&heard);
        let expected = if keeps { "sip:alice@192.0.2.1;x=y" } else { "sip:other@192.0.2.9:5070" };
        assert_eq!((uri(&second), second.value(Name::Route)), (expected, None));
        assert_eq!(heard.transmits()[1].flow.remote, address("192.0.2.9:5070"));
        assert_eq!((second.cseq(), second.value(Name::To)), (2, first.value(Name::To)));
        // CANCEL goes where the INVITE went (RFC 3261 §9.1).
        ua.hear_from("192.0.2.9:5070", answer(&second, 180, "a", ""));
        let heard = ua.cancel(id);
        assert_eq!(
            (uri(&heard.only()), heard.transmits()[0].flow.remote),
            (expected, address("192.0.2.9:5070"))
        );
        let heard = ua.hear_from("192.0.2.9:5070", answer(&second, 487, "a", ""));
        assert_eq!(
            (results(&heard, id), heard.transmits()[0].flow.remote),
            (vec![487], address("192.0.2.9:5070"))
        );
    }
}

/// RFC 3261 §8.1.2, §12.2.1.1: a target takes the place of the first hop, be it a Route of the application's or the outbound proxy; what lies behind it stays. Behind a
/// strict router the 3xx is the result.
#[test]
fn a_target_takes_the_first_hops_place() {
    for (routes, expected) in [
        (vec!["<sip:192.0.2.70;lr>"], Some(vec![])),
        (
            vec!["<sip:192.0.2.70;lr>", "<sip:192.0.2.71;lr>", "<sip:192.0.2.72;lr>"],
            Some(vec!["sip:192.0.2.71;lr", "sip:192.0.2.72;lr"]),
        ),
        (vec![], Some(vec![])),
        (vec!["<sip:192.0.2.70>"], None),
    ] {
        let mut ua = Ua::with(|config| config.outbound_proxy = "<sip:192.0.2.80;lr>".into());
        let invite = routes.iter().fold(kept("sip:alice@example.com"), |invite, route| invite.route(*route));
        let (id, first) = call_with(&mut ua, invite);
        let first_hop = if routes.is_empty() { "192.0.2.80:5060" } else { "192.0.2.70:5060" };
        let heard = ua.hear_from(first_hop, moved(&first, "<sip:192.0.2.9>"));
        let Some(expected) = expected else {
            assert_eq!(results(&heard, id), [302]);
            continue;
        };
        let second = next(&heard);
        assert_eq!(
            (uri(&second), heard.transmits()[1].flow.remote),
            ("sip:alice@example.com", address("192.0.2.9:5060"))
        );
        let left: Vec<_> = second.routes().map(|route| route.unwrap().uri.to_string()).collect();
        assert_eq!(left, expected);
        // Again, from the new place to another.
        let heard = ua.hear(moved(&second, "<sip:192.0.2.10:5070;transport=udp>"));
        assert_eq!(heard.transmits()[1].flow.remote, address("192.0.2.10:5070"));
        ua.hear(answer(&heard.message("INVITE"), 486, "x", ""));
        ua.pass_all();
    }
}

/// RFC 3261 §8.1.3.4: each hop is tried once, whatever the Request-URI is: the one that was called in its own place, too, where a proxy has redirected.
#[test]
fn hops_are_tried_once() {
    let mut ua = Ua::with(|config| config.outbound_proxy = "<sip:192.0.2.80;lr>".into());
    let (id, first) = call_with(&mut ua, kept("sip:alice@192.0.2.1"));
    let heard = ua.hear_from(
        "192.0.2.80:5060",
        moved(&first, "<sip:192.0.2.80;lr>, <sip:alice@192.0.2.1>, <sip:192.0.2.22>;q=0.5"),
    );
    let second = next(&heard);
    assert_eq!(
        (uri(&second), heard.transmits()[1].flow.remote),
        ("sip:alice@192.0.2.1", address("192.0.2.1:5060"))
    );
    let heard = ua.hear(moved(&second, "<sip:192.0.2.80;lr>, <sip:192.0.2.22>"));
    let third = next(&heard);
    assert_eq!(
        (uri(&third), heard.transmits()[1].flow.remote),
        ("sip:alice@192.0.2.1", address("192.0.2.22:5060"))
    );
    let heard = ua.hear_from("192.0.2.22:5060", moved(&third, "<sip:192.0.2.80;lr>, <sip:alice@192.0.2.1>"));
    assert_eq!((results(&heard, id), heard.sent().len()), (vec![302], 1));
    ua.pass_all();
}

/// RFC 3261 §19.1.5: the headers of a URI are for a request to that URI; §8.1.3.4: what nobody can send to is passed over; a SIPS call stays one.
#[test]
fn contacts_that_are_hops() {
    let mut ua = Ua::new();
    let (_, first) = call_with(&mut ua, kept("sip:alice@192.0.2.1"));
    let contacts =
        "<tel:+1234>, <sip:a@192.0.2.9;method=BYE>, <sip:b@192.0.2.22?Subject=dinner&Require=nothing>";
    let heard = ua.hear(moved(&first, contacts));
    let second = next(&heard);
    assert_eq!(heard.transmits()[1].flow.remote, address("192.0.2.22:5060"));
    assert_eq!((second.value(Name::Subject), second.value(Name::Require)), (None, None));
    let heard = ua
        .hear_from("192.0.2.22:5060", moved(&second, "<sip:192.0.2.23;transport=tcp>, <sip:proxy.example>"));
    assert_eq!(heard.lines()[2..], ["connect TCP 192.0.2.23:5060"]);
    let heard = ua.input(Input::SendFailed { token: connect_token(&heard) });
    assert_eq!(heard.lines()[1..], ["resolve proxy.example"]);

    let mut ua = Ua::new();
    let (id, heard) = ua.invite(kept("sips:alice@192.0.2.1"));
    let tls = sip_proto::Flow { transport: Transport::Tls, ..ua.tcp("192.0.2.1:5061", 1) };
    let first = ua.input(Input::Connected { token: heard.token(), flow: tls }).message("INVITE");
    let heard = ua.hear_on(tls, moved(&first, "<sip:192.0.2.9>"));
    assert_eq!(results(&heard, id), [302]);
}

/// RFC 4028 §7.3: a 422 of the place that a redirection led to leaves both as they are.
#[test]
fn a_422_leaves_the_uri_and_the_place() {
    let mut ua = timed(100, |config| config.outbound_proxy = "<sip:192.0.2.80;lr>".into());
    let (id, first) = call_with(&mut ua, kept("sip:alice@example.com"));
    let second = next(&ua.hear_from("192.0.2.80:5060", moved(&first, "<sip:192.0.2.9>")));
    let heard = ua.hear_from("192.0.2.9:5060", answer(&second, 422, "x", "Min-SE: 200\r\n"));
    let third = heard.message("INVITE");
    assert_eq!((uri(&third), third.value(Name::Route)), ("sip:alice@example.com", None));
    assert_eq!((third.value(Name::SessionExpires), third.cseq()), (Some("200"), 3));
    assert_eq!(heard.transmits()[1].flow.remote, address("192.0.2.9:5060"));
    let heard = ua.hear_from("192.0.2.9:5060", answer(&third, 200, "x", CONTACT));
    assert_eq!(results(&heard, id), [200]);
    let bye = ua.destroy(heard.dialog()).only();
    assert_eq!(uri(&bye), "sip:alice@192.0.2.1");
}

/// RFC 3261 §18.1.1, RFC 4028 §7.3: the INVITE after a 422 goes by the socket that is bound now, which its Via names.
#[test]
fn a_422_after_another_socket_was_bound() {
    let mut ua = timed(100, |_| {});
    let (_, first) = call(&mut ua, 0);
    ua.bind(Transport::Udp, "192.0.2.44:5060");
    let heard = ua.hear(answer(&first, 422, "x", "Min-SE: 200\r\n"));
    assert_eq!(heard.lines(), ["ACK", "INVITE +body"]);
    let [ack, invite] = [0, 1].map(|at| heard.transmits()[at].flow.local);
    assert_eq!((ack, invite), (address("192.0.2.4:5060"), address("192.0.2.44:5060")));
    let via = heard.message("INVITE");
    assert!(via.value(Name::Via).unwrap().contains("192.0.2.44:5060"));
    assert_eq!(via.value(Name::Contact), Some("<sip:bob@192.0.2.44:5060>"));
}

/// RFC 3261 §8.1.1.8, §8.1.3.4: a target of the other family, or by another transport, is told where it reaches us.
#[test]
fn the_contact_follows_the_target() {
    let mut ua = Ua::new();
    ua.bind(Transport::Udp, "[2001:db8::4]:5060");
    let (_, first) = call(&mut ua, 5);
    let contact = |invite: &Message| invite.contact().unwrap().unwrap().uri.to_string();
    assert_eq!(contact(&first), "sip:bob@192.0.2.4:5060");
    let second = next(&ua.hear(moved(&first, "<sip:alice@[2001:db8::1]>")));
    assert_eq!((contact(&second), second.contacts().count()), ("sip:bob@[2001:db8::4]:5060".into(), 1));
    let third = next(&ua.hear(moved(&second, "<sip:alice@192.0.2.9>")));
    assert_eq!(contact(&third), "sip:bob@192.0.2.4:5060");
}

/// RFC 3261 §8.1.3.4: targets that nothing can be sent to do not stand in the way of one that is good, and do not count.
#[test]
fn targets_of_no_use() {
    for useless in
        ["<tel:+15551234>", "<sip:x@192.0.2.8?Require=teleport>", "<sip:x@192.0.2.8;transport=sctp>"]
    {
        let mut ua = Ua::new();
        let (id, first) = call(&mut ua, 1);
        let contacts = format!("{useless};q=1.0, <sip:carol@192.0.2.9>;q=0.5");
        let heard = ua.hear(moved(&first, &contacts));
        let second = next(&heard);
        assert_eq!(uri(&second), "sip:carol@192.0.2.9", "{useless}");
        let heard = ua.hear_from("192.0.2.9:5060", moved(&second, "<sip:dave@192.0.2.10>"));
        assert_eq!(results(&heard, id), [302], "one may follow");
    }
}
