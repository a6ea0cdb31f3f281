//! Where two features meet.

#![allow(clippy::arithmetic_side_effects, reason = "test")]

use crate::support::{ALICE, BOB, CONTACT, Heard, Req, SDP, Ua, address, answer, secs};
use sip_proto::context::{Invite, Reply, Request};
use sip_proto::dialog::Modify;
use sip_proto::endpoint::{Answer, Handling, Input};
use sip_proto::message::{Header, Name};
use sip_proto::{Event, Message, Method, Output, ServerId, Transport};

/// RFC 3261 §9.1: a re-INVITE that the application has cancelled is not tried again when its 491, or 422, crosses the CANCEL.
#[test]
fn a_cancelled_change_is_not_tried_again() {
    for (code, lines) in [(491, ""), (422, "Min-SE: 4000\r\n")] {
        let mut ua = Ua::new();
        let (_, dialog) = ua.answered_call();
        let id = ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
        let invite = ua.drain().message("INVITE");
        ua.hear(answer(&invite, 100, "", ""));
        let cancel = ua.cancel(id).only();
        let heard = ua.hear(answer(&invite, code, "", lines)).lines();
        assert_eq!(heard[0], "ACK");
        assert!(heard.iter().any(|line| line.starts_with(&format!("* failed {code}"))), "{heard:?}");
        ua.hear(answer(&cancel, 200, "", ""));
        assert_eq!(ua.pass(secs(10)).lines().iter().filter(|line| line.starts_with("INVITE")).count(), 0);
    }
}

/// RFC 3261 §15: a change that waits for the ACK does not go out with the BYE that waits for it too.
#[test]
fn a_change_before_the_bye_that_waits() {
    let mut ua = Ua::new();
    let server = ua.called();
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
    assert_eq!(ua.drain().lines(), [""; 0]);
    assert_eq!(ua.destroy(dialog).lines(), [""; 0]);
    let heard = ua.hear(Req::within(&ok, "ACK", 1).text());
    assert_eq!(heard.lines(), ["* confirmed", "BYE"]);
    let heard = ua.hear(answer(&heard.message("BYE"), 200, "", "")).lines();
    assert!(heard.iter().any(|line| line.starts_with("* failed 487")), "{heard:?}");
    ua.pass_all();
    assert!(ua.sip.is_empty());
}

fn question(heard: &Heard) -> sip_proto::endpoint::QueryId {
    let query = heard.0.iter().find_map(|(_, output)| match output {
        Output::Resolve(resolve) => Some(resolve.query),
        _ => None,
    });
    query.unwrap()
}

/// RFC 6665 §4.1.2.4: Timer N runs from when the SUBSCRIBE is sent, however long its address took to be found.
#[test]
fn timer_n_begins_with_the_subscribe() {
    let mut ua = Ua::new();
    let request = Request::new(Method::Subscribe, "sip:alice@example.com;transport=udp")
        .header("Event", "presence")
        .header("Expires", "600");
    ua.sip.request(ua.now, request).unwrap();
    let query = question(&ua.drain());
    ua.pass(secs(30));
    let heard = ua.input(Input::Resolved { query, targets: vec![(Transport::Udp, address(ALICE))] });
    let sent = heard.message("SUBSCRIBE");
    ua.hear(answer(&sent, 200, "n", &format!("{CONTACT}Expires: 600\r\n")));
    assert_eq!(ua.pass(secs(5)).lines(), [""; 0]);
    let notify = Req::back(&sent, &crate::support::parse(&answer(&sent, 200, "n", "")), "NOTIFY", 1)
        .line(CONTACT.trim_end())
        .line("Event: presence")
        .line("Subscription-State: active;expires=600");
    let heard = ua.hear(notify.text()).lines();
    assert!(heard.contains(&"200 OK (NOTIFY)".into()), "{heard:?}");
}

fn asking(heard: &Heard) -> ServerId {
    let mut all = heard.events().into_iter().filter_map(|event| match event {
        Event::Dialog { event, .. } => match event.asked()?.answer {
            Answer::Ask(server) => Some(server),
            Answer::Auto(_) => None,
        },
        _ => None,
    });
    all.next().unwrap()
}

fn refer(ok: &Message, cseq: u32, sub: &str) -> Req {
    let refer = Req::within(ok, "REFER", cseq).line(CONTACT.trim_end()).line("Refer-To: <sip:c@192.0.2.9>");
    if sub.is_empty() { refer } else { refer.line(sub) }
}

/// RFC 3515 §2.4.6: what tells of the second REFER that was received names it, whatever became of the first.
#[test]
fn the_second_refer_is_named_though_the_first_was_refused() {
    for first in ["refused", "without", "pending"] {
        let mut ua = Ua::with(|config| config.policy.set_in_dialog(Method::Refer, Handling::Ask));
        let (ok, _) = ua.answered_call();
        let sub = if first == "without" { "Refer-Sub: false" } else { "" };
        let one = asking(&ua.hear(refer(&ok, 2, sub).text()));
        match first {
            "refused" => _ = ua.reject(one, Reply::code(603)).unwrap(),
            "without" => _ = ua.accept(one, Reply::new().header("Refer-Sub", "false")).unwrap(),
            _ => {}
        }
        let two = asking(&ua.hear(refer(&ok, 3, "").text()));
        let notify = ua.accept(two, Reply::new()).unwrap().message("NOTIFY");
        assert_eq!(notify.value(Name::Event), Some("refer;id=3"), "{first}");
        if first == "pending" {
            let notify = ua.accept(one, Reply::new()).unwrap().message("NOTIFY");
            assert_eq!(notify.value(Name::Event), Some("refer"));
        }
    }
}

/// RFC 3261 §13.2.2.4: early dialogs, however many there may be, do not stand in the way of the 200 of another place, which is the call.
#[test]
fn a_200_of_another_place_at_the_limit_of_forks() {
    let mut ua = Ua::with(|config| config.limits.forks = 1);
    let (_, invite) = ua.call_alice();
    ua.hear(answer(&invite, 180, "a", CONTACT));
    assert_eq!(ua.hear(answer(&invite, 180, "b", CONTACT)).lines(), ["* got 180 X (INVITE)"]);
    let heard = ua.hear(answer(&invite, 200, "b", CONTACT));
    assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"]);
    let heard = ua.destroy(heard.dialog());
    ua.hear(answer(&heard.message("BYE"), 200, "", ""));
    ua.pass_all();
    assert!(ua.sip.is_empty());
}

/// RFC 3261 §13.2.2.4: the ACK is tried again each time that the 2xx comes: one whose connection could not be opened, or whose address was
/// not found, too.
#[test]
fn an_ack_that_found_no_way_is_tried_again() {
    for contact in
        ["Contact: <sip:alice@192.0.2.1;transport=tcp>\r\n", "Contact: <sip:alice@example.com>\r\n"]
    {
        let mut ua = Ua::new();
        let (_, invite) = ua.call_alice();
        let ok = answer(&invite, 200, "a", contact);
        let fail = |ua: &mut Ua, heard: &Heard| match &heard.0[0].1 {
            Output::Connect(connect) => ua.input(Input::SendFailed { token: connect.token }),
            Output::Resolve(asked) => ua.input(Input::Resolved { query: asked.query, targets: vec![] }),
            other => panic!("{other:?}"),
        };
        let heard = ua.hear(ok.clone());
        let asked = heard.lines()[0].clone();
        assert_eq!(ua.hear(ok.clone()).lines(), [""; 0], "it waits");
        fail(&mut ua, &heard);
        let heard = ua.hear(ok.clone());
        assert_eq!(heard.lines(), std::slice::from_ref(&asked));
        fail(&mut ua, &heard);
        let heard = ua.hear(ok.clone());
        assert_eq!(heard.lines(), [asked]);
        let heard = match &heard.0[0].1 {
            Output::Connect(connect) => {
                let flow = ua.tcp(ALICE, 1);
                ua.input(Input::Connected { token: connect.token, flow })
            }
            _ => {
                let targets = vec![(Transport::Udp, address(ALICE))];
                ua.input(Input::Resolved { query: question(&heard), targets })
            }
        };
        assert_eq!(heard.lines(), ["ACK"]);
    }
}

/// However many changes wait that have become impossible, each has its result (RFC 3261 §12.2.1.1).
#[test]
fn many_changes_that_have_become_impossible() {
    const MANY: usize = 20_000;
    let mut ua = Ua::with(|config| config.limits.clients = 2 * MANY);
    let (ok, dialog) = ua.answered_call();
    let theirs = Req::within(&ok, "INVITE", 2)
        .line("Contact: <tel:+15551234>")
        .body("application/sdp", &SDP.replace("4000", "4002"));
    let server = ua.hear(theirs.text()).server();
    for _ in 0..MANY {
        ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
    }
    let sent = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    let heard = ua.hear(theirs.follow("ACK").text()).lines();
    let failed = heard.iter().chain(&sent.lines()).filter(|line| line.starts_with("* failed 488")).count();
    assert_eq!(failed, MANY);
}

/// RFC 3261 §9.1, §8.1.2: the socket is another one since the INVITE: the CANCEL still has its Via; what comes later goes by the new socket.
#[test]
fn another_socket_is_bound_while_a_call_is_up() {
    let mut ua = Ua::new();
    let (id, invite) = ua.call_alice();
    ua.hear(answer(&invite, 100, "", ""));
    ua.bind(Transport::Udp, "192.0.2.44:5070");
    let cancel = ua.cancel(id).only();
    assert_eq!(cancel.value(Name::Via), invite.value(Name::Via));

    let mut ua = Ua::new();
    let (_, _, dialog) = ua.placed_call();
    ua.bind(Transport::Udp, "192.0.2.44:5070");
    ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
    let heard = ua.drain();
    assert!(heard.only().value(Name::Via).unwrap().contains("192.0.2.44:5070"));
    assert_eq!(heard.transmits()[0].flow.local, address("192.0.2.44:5070"));
}

/// RFC 3261 §8.1.1.8, §12.2.1.1, §12.2.2: who was reached by a socket that is another one now says so in what refreshes the target, until the peer has taken it.
/// What waits for an address meanwhile says it too.
#[test]
fn another_socket_is_where_we_are_reached() {
    let contact = |message: &Message| message.contact().unwrap().unwrap().uri.to_string();
    let local =
        |ua: &mut Ua, dialog| ua.sip.dialog(dialog).unwrap().get().unwrap().local().contact.to_string();
    let mut ua = Ua::new();
    let (_, _, dialog) = ua.placed_call();
    ua.bind(Transport::Udp, "192.0.2.44:5070");
    ua.bind(Transport::Udp, "192.0.2.45:5070");
    for code in [488, 200, 200] {
        ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Offerless).unwrap();
        let invite = ua.drain().only();
        assert_eq!((contact(&invite), invite.contacts().count()), ("sip:bob@192.0.2.45:5070".into(), 1));
        let text = answer(&invite, code, "", CONTACT);
        let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}", SDP.len());
        ua.hear(if code == 488 { text } else { text.replace("Content-Length: 0\r\n\r\n", &body) });
        if code == 488 {
            assert_eq!(local(&mut ua, dialog), "sip:bob@192.0.2.4:5060");
        } else {
            ua.sip.dialog(dialog).unwrap().answer(ua.now, SDP).unwrap();
            ua.drain();
            assert_eq!(local(&mut ua, dialog), "sip:bob@192.0.2.45:5070");
        }
    }
    // Back again, and what the application says itself.
    ua.bind(Transport::Udp, BOB);
    for (own, expected) in
        [(None, "sip:bob@192.0.2.4:5060"), (Some("<sip:bob@192.0.2.99>"), "sip:bob@192.0.2.99")]
    {
        let headers = own.map(|own| Header::new("Contact", own)).into_iter().collect();
        let id = ua.sip.dialog(dialog).unwrap().modify_with(ua.now, Modify::Hold, headers).unwrap();
        let invite = ua.drain().only();
        assert_eq!(contact(&invite), expected);
        ua.hear(answer(&invite, 488, "", ""));
        assert!(ua.sip.client(id).is_ok());
    }

    let mut ua = Ua::new();
    let (_, asked) = ua.invite(Invite::to("sip:alice@example.com").sdp(SDP));
    let Output::Resolve(question) = asked.0[0].1.clone() else { panic!() };
    ua.bind(Transport::Udp, "192.0.2.44:5070");
    let targets = vec![(Transport::Udp, address("192.0.2.1:5060"))];
    let invite = ua.input(Input::Resolved { query: question.query, targets }).only();
    assert_eq!(contact(&invite), "sip:bob@192.0.2.44:5070");

    // Within a dialog too.
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let named = "Contact: <sip:alice@alice.example.com>\r\n";
    let heard = ua.hear(answer(&invite, 200, "a", named));
    let dialog = heard.dialog();
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Offerless).unwrap();
    ua.bind(Transport::Udp, "192.0.2.44:5070");
    let Output::Resolve(question) = heard.0[0].1.clone() else { panic!("{heard:?}") };
    let targets = vec![(Transport::Udp, address("192.0.2.1:5060"))];
    let heard = ua.input(Input::Resolved { query: question.query, targets });
    assert_eq!(contact(&heard.message("INVITE")), "sip:bob@192.0.2.44:5070");
}

/// RFC 3261 §18.1.1: a long INVITE that TCP refuses, and an ACK that is asked for again, go by the socket that is bound by then, which their Via names.
#[test]
fn another_socket_is_bound_before_it_goes_by_udp() {
    let mut ua = Ua::new();
    let long = format!("{SDP}{}", "a=x:0123456789\r\n".repeat(100));
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1").sdp(long));
    let token = heard.token();
    ua.bind(Transport::Udp, "192.0.2.44:5070");
    let goes_by = |heard: &Heard, place: &str| {
        assert_eq!(heard.transmits()[0].flow.local, address(place));
        assert!(heard.sent()[0].value(Name::Via).unwrap().contains(place), "{heard:?}");
    };
    let heard = ua.input(Input::SendFailed { token });
    goes_by(&heard, "192.0.2.44:5070");
    let ok = answer(&heard.only(), 200, "a", CONTACT);
    goes_by(&ua.hear(ok.clone()), "192.0.2.44:5070");
    ua.bind(Transport::Udp, "192.0.2.45:5070");
    goes_by(&ua.hear(ok), "192.0.2.45:5070");
}
