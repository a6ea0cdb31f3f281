//! Whole calls: over both transports, through loss and proxies, with requests inside, and every way for them to end.

use core::time::Duration;

use crate::ladder::golden;
use crate::lossy::{Lossy, SIDES, Side};
use crate::support::{ALICE, CONTACT, Heard, Req, SDP, Ua, address, answer, millis, secs};
use sip_proto::context::{Invite, Reply};
use sip_proto::dialog::{DialogError, DialogState, InDialog, Role};
use sip_proto::endpoint::{Answer, By, Handling, Why};
use sip_proto::message::{Header, Name};
use sip_proto::testing::{Network, Node};
use sip_proto::{
    ClientEvent, DialogEvent, DialogId, Event, Input, Message, Method, Output, RequestId, ServerEvent,
    StatusCode, Timestamp, Transport,
};

// ---- Whole calls between two endpoints ----

/// Two parties.
fn two() -> (Network, Node, Node) {
    let mut net = Network::new(7);
    let alice = net.node("alice", "192.0.2.1");
    let bob = net.node("bob", "192.0.2.4");
    (net, alice, bob)
}

/// Carries a call through: Bob rings and answers, `hangs_up` ends it once it is up for them. Every `Destroy` on the way.
fn carry_through(net: &mut Network, alice: Node, hangs_up: Side) -> Vec<(Node, By, Why)> {
    let mut ends = Vec::new();
    while let Some((who, event)) = net.next_event() {
        let now = net.now();
        match event {
            Event::Incoming { server, .. } => {
                let mut server = net.endpoint(who).server(server).unwrap();
                server.progress(now, Reply::new()).unwrap().accept(now, Reply::new().sdp(SDP)).unwrap();
            }
            Event::Client { event: ClientEvent::Accepted { dialog: Some(dialog), .. }, .. }
                if hangs_up == Side::Caller =>
            {
                assert_eq!(who, alice);
                net.endpoint(who).dialog(dialog).unwrap().destroy(now).unwrap();
            }
            Event::Dialog { dialog, event: DialogEvent::Confirmed { .. } } if hangs_up == Side::Callee => {
                net.endpoint(who).dialog(dialog).unwrap().destroy(now).unwrap();
            }
            Event::Dialog { event: DialogEvent::Destroy { by, why, .. }, .. } => ends.push((who, by, why)),
            _ => {}
        }
    }
    ends
}

/// RFC 3261 §4, §13, §15: over both transports, ended by both sides, one `Destroy` each and nothing left.
// Holds: 3261-18-3
#[test]
fn a_call_from_beginning_to_end() {
    for uri in ["sip:bob@192.0.2.4", "sip:bob@192.0.2.4;transport=tcp"] {
        for hangs_up in SIDES {
            let (mut net, alice, bob) = two();
            net.endpoint(alice).invite(Timestamp::ZERO, Invite::to(uri).sdp(SDP)).unwrap();
            let mut ends = carry_through(&mut net, alice, hangs_up);
            ends.sort_by_key(|(who, ..)| *who);
            let by = |side| if side == hangs_up { By::Local } else { By::Remote };
            let expected = [(alice, by(Side::Caller), Why::Bye), (bob, by(Side::Callee), Why::Bye)];
            assert_eq!(ends, expected, "{uri} {hangs_up:?}\n{}", net.ladder());
            assert!(net.is_empty(), "{uri} {hangs_up:?}");
        }
    }
}

/// RFC 3261 §17, §13.3.1.4: calls survive a bad link, and end everywhere.
#[test]
fn calls_over_a_bad_link_leave_nothing() {
    for seed in 0..40 {
        let mut net: Network = Network::new(seed);
        let alice = net.node("alice", "192.0.2.1");
        net.node("bob", "192.0.2.4");
        (net.link.loss, net.link.duplication, net.link.reordering) = (0.2, 0.1, 0.2);
        net.link.jitter = millis(30);
        net.endpoint(alice).invite(Timestamp::ZERO, Invite::to("sip:bob@192.0.2.4").sdp(SDP)).unwrap();
        let ends = carry_through(&mut net, alice, SIDES[seed as usize % 2]);
        let caller = ends.iter().filter(|(who, ..)| *who == alice).count();
        let callee = ends.len() - caller;
        assert!(caller <= 1 && callee <= 1, "{seed}\n{}", net.ladder());
        assert!(net.is_empty(), "{seed}\n{}", net.ladder());
    }
}

/// A call over a wire that loses these datagrams.
fn lossy_call(lost: &[usize], hangs_up: Side) -> Lossy {
    let invite = Invite::to("sip:bob@192.0.2.4").sdp(SDP);
    Lossy::call([Ua::new(), Ua::new()], lost, invite, &mut |sip, now, side, event| match event {
        Event::Incoming { server, .. } => {
            let mut server = sip.server(server).unwrap();
            server.progress(now, Reply::new()).unwrap().accept(now, Reply::new().sdp(SDP)).unwrap();
        }
        Event::Client { event: ClientEvent::Accepted { dialog: Some(dialog), .. }, .. }
        | Event::Server { event: ServerEvent::Accepted { dialog: Some(dialog), .. }, .. }
            if side == hangs_up =>
        {
            sip.dialog(dialog).unwrap().destroy(now).unwrap();
        }
        _ => {}
    })
}

/// RFC 3261 §17, §13.3.1.4, DESIGN.md §2 contract 6: no packet is so important that its loss, or that of two, would
/// leave something behind or tell the end twice.
#[test]
fn the_loss_of_any_packets_of_a_call_is_survived() {
    for hangs_up in SIDES {
        for first in 0..8 {
            for second in first..9 {
                let pair = lossy_call(&[first, second], hangs_up);
                let what = format!("{hangs_up:?} ends, packets {first} and {second} of {} lost", pair.sent);
                pair.assert_over(hangs_up, &what);
            }
        }
    }
}

// ---- Route sets (RFC 3261 §12.1, §12.2.1.1, §16.12.1) ----

fn routes(message: &Message) -> Vec<String> {
    message.routes().map(|route| route.unwrap().uri.to_string()).collect()
}

const LOOSE: &str =
    "Record-Route: <sip:192.0.2.72;lr>\r\nRecord-Route: <sip:192.0.2.71;lr>, <sip:192.0.2.70;lr>\r\n";
const STRICT: &str = "Record-Route: <sip:192.0.2.72;lr>, <sip:192.0.2.71;lr>, <sip:192.0.2.70:5070>\r\n";

/// RFC 3261 §12.1.2, §12.2.1.1: a caller's route set is that of the 2xx, reversed; through loose routers the target stays
/// the Request-URI.
// Holds: 3261-12.1.2-4, 3261-12.2.1.1-13, 3261-12.2.1.1-14, 3261-8.1.2-6
#[test]
fn a_callers_requests_through_loose_routers() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let heard = ua.hear(answer(&invite, 200, "a", &format!("{CONTACT}{LOOSE}")));
    let bye = ua.destroy(heard.dialog());
    for (message, to) in [
        (heard.message("ACK"), heard.transmits()[0].flow.remote),
        (bye.only(), bye.transmits()[0].flow.remote),
    ] {
        assert_eq!(message.request_uri(), Some("sip:alice@192.0.2.1"));
        assert_eq!(routes(&message), ["sip:192.0.2.70;lr", "sip:192.0.2.71;lr", "sip:192.0.2.72;lr"]);
        assert_eq!(to, address("192.0.2.70:5060"));
    }
}

/// RFC 3261 §12.2.1.1: a strict router becomes the Request-URI, and the target the last Route.
// Holds: 3261-8.1.2-2
#[test]
fn a_callers_requests_through_a_strict_router() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let heard = ua.hear(answer(&invite, 200, "a", &format!("{CONTACT}{STRICT}")));
    let ack = heard.message("ACK");
    assert_eq!(ack.request_uri(), Some("sip:192.0.2.70:5070"));
    assert_eq!(routes(&ack), ["sip:192.0.2.71;lr", "sip:192.0.2.72;lr", "sip:alice@192.0.2.1"]);
    assert_eq!(heard.transmits()[0].flow.remote, address("192.0.2.70:5070"));
}

/// RFC 3261 §12.1.1: a callee's route set is that of the INVITE, in order.
// Holds: 3261-12.1.1-8, 3261-8.1.2-2
#[test]
fn a_callees_requests_through_routers() {
    for (lines, uri, expected, to) in [
        (
            LOOSE,
            "sip:alice@192.0.2.1",
            vec!["sip:192.0.2.72;lr", "sip:192.0.2.71;lr", "sip:192.0.2.70;lr"],
            "192.0.2.72:5060",
        ),
        (
            "Record-Route: <sip:192.0.2.70>, <sip:192.0.2.71;lr>\r\n",
            "sip:192.0.2.70",
            vec!["sip:192.0.2.71;lr", "sip:alice@192.0.2.1"],
            "192.0.2.70:5060",
        ),
    ] {
        let mut ua = Ua::new();
        let server = ua.hear(Req::invite().line(lines.trim_end()).text()).server();
        let heard = ua.accept(server, Reply::new()).unwrap();
        let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
        ua.hear(Req::within(&ok, "ACK", 1).text());
        let bye = ua.destroy(dialog);
        assert_eq!(
            (bye.only().request_uri(), routes(&bye.only())),
            (Some(uri), expected.into_iter().map(String::from).collect())
        );
        assert_eq!(bye.transmits()[0].flow.remote, address(to));
    }
}

/// RFC 3261 §12.2: a route set never changes within a dialog, the target does.
#[test]
fn the_route_set_stays_and_the_target_moves() {
    let mut ua = Ua::new();
    let server = ua.hear(Req::invite().line("Record-Route: <sip:192.0.2.70;lr>").text()).server();
    let heard = ua.accept(server, Reply::new()).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    ua.hear(Req::within(&ok, "ACK", 1).text());
    let reinvite = Req::within(&ok, "INVITE", 2)
        .line("Record-Route: <sip:192.0.2.99;lr>")
        .line("Contact: <sip:alice@192.0.2.55>");
    let server = ua.hear(reinvite.text()).server();
    ua.accept(server, Reply::new()).unwrap();
    ua.hear(Req::within(&ok, "ACK", 2).text());
    let bye = ua.destroy(dialog).only();
    assert_eq!(
        (bye.request_uri(), routes(&bye)),
        (Some("sip:alice@192.0.2.55"), vec!["sip:192.0.2.70;lr".into()])
    );
}

// ---- Requests within a call ----

/// RFC 3261 §12.2.1.1: From, To, Call-ID and CSeq of what we send, from both sides.
// Holds: 3261-8.1.1.4-1, 3261-12.2.1.1-2, 3261-12.2.1.1-4, 3261-12.2.1.1-6, 3261-12.2.1.1-8
#[test]
fn requests_within_a_dialog_carry_its_id() {
    let mut ua = Ua::new();
    let (invite, ok, dialog) = ua.placed_call();
    for cseq in [2, 3] {
        ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
        let info = ua.drain().only();
        assert_eq!((info.cseq(), info.call_id()), (cseq, invite.call_id()));
        assert_eq!(info.from().unwrap().tag(), invite.from().unwrap().tag());
        assert_eq!(info.to().unwrap().tag(), Some("a"));
        assert_eq!((info.body(), info.value(Name::ContentType)), (&b"x"[..], Some("text/plain")));
        assert_ne!(info.top_via().unwrap().branch(), invite.top_via().unwrap().branch());
        assert_eq!(ua.hear(answer(&info, 200, "", "")).lines(), ["* accepted 200 X (INFO)"]);
    }
    assert_eq!(ok.to().unwrap().tag(), Some("a"));
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
    let info = ua.drain().only();
    assert_eq!(info.from().unwrap().tag(), ok.to().unwrap().tag());
    assert_eq!((info.to().unwrap().tag(), info.request_uri()), (Some("alice"), Some("sip:alice@192.0.2.1")));
    assert!(info.cseq() < 1 << 31);
}

/// PEERS.md B.3: INFO, MESSAGE and OPTIONS are answered alone, then told.
// Holds: 3261-8.2.6.1-2
#[test]
fn documented_requests_are_answered_alone() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    for (cseq, method) in [(2, "INFO"), (3, "MESSAGE"), (4, "OPTIONS")] {
        let heard = ua.hear(Req::within(&ok, method, cseq).body("text/plain", "x").text());
        assert_eq!(heard.lines(), [format!("200 OK ({method})"), format!("* {method} answered 200")]);
        assert_eq!(heard.dialog(), dialog);
        let Event::Dialog { event, .. } = heard.events()[0] else { panic!() };
        let (DialogEvent::Info(asked) | DialogEvent::Message(asked) | DialogEvent::Options(asked)) = event
        else {
            panic!("{event:?}")
        };
        assert_eq!((asked.request.body(), asked.answer), (&b"x"[..], Answer::Auto(StatusCode::OK)));
        if method == "OPTIONS" {
            assert!(heard.sent()[0].allow().count() > 5 && heard.sent()[0].value(Name::Accept).is_some());
        }
    }
}

/// PEERS.md B.3, D24: by policy the application answers them.
#[test]
fn documented_requests_can_be_asked_for() {
    let mut ua = Ua::with(|config| config.policy.set_in_dialog(Method::Info, Handling::Ask));
    let (ok, _) = ua.answered_call();
    let heard = ua.hear(Req::within(&ok, "INFO", 2).text());
    assert_eq!(heard.lines(), ["* INFO asks"]);
    let heard = ua.reject(heard.server(), Reply::code(469).header("Recv-Info", "")).unwrap();
    assert_eq!(heard.lines()[0], "469 Bad Info Package (INFO)");
    assert!(heard.lines().iter().all(|line| !line.contains("destroy")), "the dialog lives");
}

/// RFC 3261 §8.2.1, PEERS.md B.3: a method that nobody knows is 501 within a dialog too where all is automatic; by default the application is asked.
#[test]
fn an_unknown_method_within_a_dialog() {
    let mut ua = Ua::with(|config| config.policy.set_automatic());
    let (ok, _) = ua.answered_call();
    let lines = ["501 Not Implemented (JUMP)", "* JUMP answered 501"];
    assert_eq!(ua.hear(Req::within(&ok, "JUMP", 2).text()).lines(), lines);
    let lines = ["489 Bad Event (SUBSCRIBE)", "* SUBSCRIBE answered 489"];
    assert_eq!(ua.hear(Req::within(&ok, "SUBSCRIBE", 3).text()).lines(), lines);
    let mut ua = Ua::new();
    let (ok, _) = ua.answered_call();
    let heard = ua.hear(Req::within(&ok, "JUMP", 2).text());
    assert_eq!(heard.lines(), ["* JUMP asks"]);
    assert_eq!(ua.accept(heard.server(), Reply::new()).unwrap().lines()[0], "200 OK (JUMP)");
}

/// RFC 3261 §12.2.2: a lower number, and one used before, is 500; a gap is fine.
// Holds: 3261-12.2.2-3, 3261-12.2.2-4
#[test]
fn numbers_out_of_order_are_500() {
    let mut ua = Ua::new();
    let server = ua.hear(Req::invite().cseq(100).text()).server();
    let ok = ua.accept(server, Reply::new()).unwrap().message("200 OK (INVITE)");
    ua.hear(Req::within(&ok, "ACK", 100).text());
    let info = |ua: &mut Ua, cseq, branch| {
        let request = Req::within(&ok, "INFO", cseq).branch(branch);
        ua.hear(request.text()).sent()[0].status().unwrap().code()
    };
    assert_eq!(info(&mut ua, 100, "z9hG4bK1"), 500);
    assert_eq!(info(&mut ua, 99, "z9hG4bK2"), 500);
    assert_eq!(info(&mut ua, 5_000, "z9hG4bK3"), 200);
    assert_eq!(info(&mut ua, 5_000, "z9hG4bK4"), 500);
    assert_eq!(info(&mut ua, 101, "z9hG4bK5"), 500);
    assert_eq!(info(&mut ua, 5_001, "z9hG4bK6"), 200);
    assert_eq!(info(&mut ua, 5_001, "z9hG4bK6"), 200, "the same request again is a retransmission");
}

/// RFC 3261 §12.2.2: whatever the method: nothing is told of what is out of order, and nothing is taken from it.
// Holds: 3261-12.2.2-3
#[test]
fn an_older_number_is_500_for_every_method() {
    for method in
        ["INVITE", "UPDATE", "INFO", "OPTIONS", "MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER", "PUBLISH", "JUMP"]
    {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence", secs(600)).unwrap();
        let subscribe = ua.drain().only();
        ua.hear(answer(&subscribe, 200, "", &format!("{CONTACT}Expires: 600\r\n")));
        ua.hear(Req::within(&ok, "OPTIONS", 100).text());
        let older = Req::within(&ok, method, 99)
            .line("Contact: <sip:alice@192.0.2.66>")
            .line("Event: presence")
            .line("Subscription-State: active;expires=9")
            .line("Refer-To: <sip:c@h>");
        let heard = ua.hear(older.text());
        assert_eq!(heard.lines(), [format!("500 Internal Server Error ({method})")]);
        assert_eq!(ua.destroy(dialog).only().request_uri(), Some("sip:alice@192.0.2.1"), "{method}");
    }
}

/// RFC 3261 §12.2.2: the callee's numbers are their own, and may begin anywhere.
// Holds: 3261-12.1.2-8
#[test]
fn each_side_counts_for_itself() {
    let mut ua = Ua::new();
    let (invite, ok, dialog) = ua.placed_call();
    assert_eq!(ua.sip.dialog(dialog).unwrap().get().unwrap().remote_cseq(), None);
    let request = Req::back(&invite, &ok, "INFO", 0);
    assert_eq!(ua.hear(request.text()).lines()[0], "200 OK (INFO)");
    assert_eq!(ua.hear(Req::back(&invite, &ok, "INFO", 77).text()).lines()[0], "200 OK (INFO)");
}

/// RFC 3261 §12.2.2: another tag or Call-ID is another dialog: 481.
// Holds: 3261-12.2.2-1, 3261-15.1.2-1
#[test]
fn another_tag_is_481() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let bye = Req::within(&ok, "BYE", 2);
    for stranger in [
        bye.clone().from("<sip:alice@192.0.2.1>;tag=mallory"),
        bye.clone().from("<sip:alice@192.0.2.1>"),
        bye.clone().to("<sip:bob@192.0.2.4>;tag=guess"),
        bye.clone().call_id("CALL-1"),
    ] {
        let heard = ua.hear(stranger.text());
        assert_eq!(heard.lines(), ["481 Call/Transaction Does Not Exist (BYE)"]);
    }
    assert!(ua.sip.dialog(dialog).is_ok());
    let shouted = bye.from("<sip:alice@192.0.2.1>;tag=ALICE");
    assert_eq!(ua.hear(shouted.text()).lines()[0], "200 OK (BYE)", "tags compare without case");
}

/// RFC 3261 §12.2.2: a To tag of no dialog is 481 whatever the method, served outside dialogs or not.
// Holds: 3261-12.2.2-1
#[test]
fn a_request_of_no_dialog_is_481_for_every_method() {
    let methods = [
        "INVITE",
        "UPDATE",
        "INFO",
        "PRACK",
        "BYE",
        "OPTIONS",
        "MESSAGE",
        "SUBSCRIBE",
        "NOTIFY",
        "REFER",
        "PUBLISH",
        "JUMP",
    ];
    for method in methods {
        let mut ua = Ua::new();
        let request = Req::new(method).tagged("nowhere").line(CONTACT.trim_end()).line("RAck: 1 1 INVITE");
        let request = request.line("Event: presence").line("Refer-To: <sip:c@h>");
        let heard = ua.hear(request.line("Subscription-State: active").text());
        assert_eq!(heard.lines(), [format!("481 Call/Transaction Does Not Exist ({method})")]);
        assert!(ua.sip.is_empty());
    }
}

/// RFC 3261 §8.2.2.3, §8.2.3: what a request within a dialog requires, and its body, are looked at like those of any other; one that is refused changes
/// nothing.
// Holds: 3261-8.2.2.3-1, 3261-8.2.3-1, 3261-8.2-2
#[test]
fn a_request_within_a_dialog_is_looked_at_like_others() {
    for method in
        ["INVITE", "UPDATE", "INFO", "OPTIONS", "MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER", "PUBLISH", "JUMP"]
    {
        for (line, code) in [("Require: teleport", 420), ("Content-Encoding: gzip", 415)] {
            let mut ua = Ua::new();
            let (ok, dialog) = ua.answered_call();
            ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence", secs(600)).unwrap();
            let subscribe = ua.drain().only();
            ua.hear(answer(&subscribe, 200, "", &format!("{CONTACT}Expires: 600\r\n")));
            let request = Req::within(&ok, method, 9)
                .line("Contact: <sip:alice@192.0.2.66>")
                .line("Event: presence")
                .line("Subscription-State: terminated")
                .line("Refer-To: <sip:c@h>");
            let heard = ua.hear(request.line(line).body("application/sdp", SDP).text());
            assert_eq!(heard.only().status(), StatusCode::new(code), "{method}");
            assert_eq!(ua.destroy(dialog).only().request_uri(), Some("sip:alice@192.0.2.1"), "{method}");
        }
    }
}

/// PEERS.md B.1: what a dialog tells of itself.
#[test]
fn the_members_of_a_dialog() {
    let mut ua = Ua::new();
    let server = ua.hear(Req::invite().body("application/sdp", "v=0\r\ns=theirs\r\n").text()).server();
    let heard = ua.accept(server, Reply::new().sdp("v=0\r\ns=ours\r\n")).unwrap();
    let ok = heard.message("200 OK (INVITE)");
    let mut handle = ua.sip.dialog(heard.dialog()).unwrap();
    let dialog = handle.get().unwrap();
    assert_eq!((dialog.role(), dialog.state()), (Role::Uas, DialogState::Confirmed));
    assert_eq!((dialog.sip().call_id, dialog.sip().remote_tag), ("call-1", "alice"));
    assert_eq!(Some(dialog.sip().local_tag), ok.to().unwrap().tag());
    assert_eq!(
        (dialog.local().contact, dialog.remote().contact),
        ("sip:bob@192.0.2.4:5060", "sip:alice@192.0.2.1")
    );
    assert_eq!(
        (dialog.local().sdp, dialog.remote().sdp),
        (&b"v=0\r\ns=ours\r\n"[..], &b"v=0\r\ns=theirs\r\n"[..])
    );
    *handle.data().unwrap() = 5;
    let (_, _, dialog) = Ua::new().placed_call();
    assert_ne!(format!("{dialog:?}"), "");
}

// ---- How calls end (RFC 3261 §15) ----

/// The one `Destroy` of this dialog, with the BYE and the answer to it.
fn end(heard: &Heard, id: DialogId) -> (By, Why, Option<String>, Option<u16>) {
    let ends: Vec<_> = heard
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Dialog { dialog, event: DialogEvent::Destroy { by, why, message, response, .. } } => {
                let message = message.as_ref().map(|message| message.method().to_string());
                let code = response.as_ref().map(|response| response.status().unwrap().code());
                (*dialog == id).then_some((*by, *why, message, code))
            }
            _ => None,
        })
        .collect();
    assert_eq!(ends.len(), 1, "{heard:?}");
    ends[0].clone()
}

fn bye() -> Option<String> {
    Some("BYE".into())
}

/// RFC 3261 §15.1.1, PEERS.md B.2: `Destroy` comes with the answer to our BYE, whatever it is; made up if none comes.
// Holds: 5057-4.1-2, 3261-15.1.1-1, 3261-15.1.1-2
#[test]
fn our_bye_ends_the_call_with_any_answer() {
    for (code, shown) in [(200, 200), (481, 481), (408, 408), (500, 500), (0, 408)] {
        let mut ua = Ua::new();
        let (_, dialog) = ua.answered_call();
        let sent = ua.destroy(dialog).only();
        assert_eq!(sent.method(), &Method::Bye);
        assert_eq!(ua.sip.dialog(dialog).unwrap().get().unwrap().state(), DialogState::Terminated);
        let heard = match code {
            0 => ua.pass(secs(40)),
            code => ua.hear(answer(&sent, code, "", "")),
        };
        assert_eq!(end(&heard, dialog), (By::Local, Why::Bye, bye(), Some(shown)));
        ua.pass_all();
    }
}

/// RFC 3261 §15.1.2, RFC 3326: a BYE is answered 200 and ends the call; its Reason can be read.
// Holds: 3261-15-1, 3261-15.1.2-3, 3261-15.1.2-4
#[test]
fn their_bye_ends_the_call() {
    let mut ua = Ua::new();
    let (invite, ok, dialog) = ua.placed_call();
    let request = Req::back(&invite, &ok, "BYE", 1).line("Reason: Q.850;cause=16").text();
    let heard = ua.hear(request.clone());
    assert_eq!(heard.lines(), ["200 OK (BYE)", "* destroy by Remote: Bye"]);
    assert_eq!(end(&heard, dialog), (By::Remote, Why::Bye, bye(), None));
    assert_eq!(ua.hear(request).only(), heard.sent()[0], "its retransmission is absorbed");
    assert_eq!(ua.pass_all().lines(), ["* client ended"]);
}

/// PEERS.md B.2: the BYE carries what headers the application gives; one that is not its to set is refused.
#[test]
fn headers_of_a_bye() {
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    let now = ua.now;
    let bad = vec![Header::new("To", "x")];
    assert!(ua.sip.dialog(dialog).unwrap().destroy_with(now, bad).is_err());
    assert_eq!(ua.drain().lines(), [""; 0]);
    let reason = vec![Header::new("Reason", "SIP;cause=200")];
    ua.sip.dialog(dialog).unwrap().destroy_with(now, reason).unwrap();
    assert_eq!(ua.drain().only().value(Name::Reason), Some("SIP;cause=200"));
}

/// PEERS.md B.2: a second `destroy` sends no second BYE, and nothing else goes out after the first.
#[test]
fn a_second_destroy_is_harmless() {
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    let sent = ua.destroy(dialog).only();
    assert_eq!(ua.destroy(dialog).lines(), [""; 0]);
    assert!(ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").is_err());
    let info = ua.sip.dialog(dialog).unwrap().request(ua.now, InDialog::new(Method::Bye));
    assert!(info.is_err(), "BYE is `destroy`'s to send");
    let heard = ua.hear(answer(&sent, 200, "", ""));
    assert_eq!(heard.lines(), ["* destroy by Local: Bye"]);
    assert!(ua.sip.dialog(dialog).is_err());
    ua.pass_all();
}

/// RFC 3261 §15: BYEs that cross are both answered, and the call ends once.
#[test]
fn a_bye_that_crosses_ours() {
    for answer_first in [false, true] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        let ours = answer(&ua.destroy(dialog).only(), 200, "", "");
        let theirs = Req::within(&ok, "BYE", 2).text();
        let mut heard = ua.hear(if answer_first { ours.clone() } else { theirs.clone() });
        heard.0.extend(ua.hear(if answer_first { theirs } else { ours }).0);
        assert_eq!(end(&heard, dialog), (By::Local, Why::Bye, bye(), Some(200)));
        let answered = heard.sent().remove(0).status().unwrap().code();
        assert_eq!(answered, if answer_first { 481 } else { 200 });
        ua.pass_all();
    }
}

/// RFC 3261 §15: a BYE that overtakes the ACK shows that the 2xx has come: it ends the call and the waiting.
#[test]
fn a_bye_before_the_ack() {
    let mut ua = Ua::new();
    let server = ua.called();
    let heard = ua.accept(server, Reply::new()).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    let heard = ua.hear(Req::within(&ok, "BYE", 2).text());
    assert_eq!(end(&heard, dialog), (By::Remote, Why::Bye, bye(), None));
    assert_eq!(ua.hear(Req::within(&ok, "ACK", 1).text()).lines(), [""; 0]);
    assert_eq!(ua.sip.counters().stray_acks, 1);
    assert_eq!(ua.pass_all().lines(), ["* server ended Done"], "and the 200 is not repeated");
}

/// RFC 3261 §15: a callee may not send BYE before the ACK: `destroy` waits for it.
// Holds: 3261-15-4
#[test]
fn a_destroy_before_the_ack_waits_for_it() {
    let mut ua = Ua::new();
    let server = ua.called();
    let heard = ua.accept(server, Reply::new()).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    let reason = vec![Header::new("Reason", "SIP;cause=480")];
    ua.sip.dialog(dialog).unwrap().destroy_with(ua.now, reason).unwrap();
    assert_eq!(ua.destroy(dialog).lines(), [""; 0], "a second one changes nothing");
    assert_eq!(ua.pass(millis(600)).lines(), ["200 OK (INVITE)"], "the 2xx is still repeated");
    let heard = ua.hear(Req::within(&ok, "ACK", 1).text());
    assert_eq!(heard.lines(), ["* confirmed", "BYE"]);
    let sent = heard.message("BYE");
    assert_eq!(sent.value(Name::Reason), Some("SIP;cause=480"));
    let heard = ua.hear(answer(&sent, 200, "", ""));
    assert_eq!(end(&heard, dialog), (By::Local, Why::Bye, bye(), Some(200)));
    ua.pass_all();
}

/// RFC 3261 §15: so it does before the ACK of a re-INVITE's 2xx, whoever made the call.
// Holds: 3261-15-4
#[test]
fn a_destroy_before_the_ack_of_a_reinvite_waits_for_it() {
    for is_caller in [false, true] {
        let mut ua = Ua::new();
        let (dialog, theirs) = match is_caller {
            true => {
                let (invite, ok, dialog) = ua.placed_call();
                (dialog, Req::back(&invite, &ok, "INVITE", 2))
            }
            false => {
                let (ok, dialog) = ua.answered_call();
                (dialog, Req::within(&ok, "INVITE", 2))
            }
        };
        let moved = SDP.replace("4000", "4002");
        let server = ua.hear(theirs.clone().line(CONTACT.trim_end()).body("application/sdp", &moved).text());
        ua.accept(server.server(), Reply::new().sdp(SDP)).unwrap();
        assert_eq!(ua.destroy(dialog).lines(), [""; 0], "{is_caller}");
        assert_eq!(ua.pass(millis(600)).lines(), ["200 OK (INVITE) +body"]);
        let ack = theirs.follow("ACK").branch("z9hG4bK-ack");
        assert_eq!(ua.hear(ack.text()).lines(), ["* ack", "BYE"], "{is_caller}");
    }
}

/// RFC 3261 §13.3.1.4: a 200 goes out again T1 to T2 on every transport; 64·T1 without ACK: BYE, one `Destroy`.
// Holds: 3261-13.3.1.4-4, 3261-15-4
#[test]
fn an_ack_that_never_comes() {
    for (deferred, is_stream) in [(false, false), (true, false), (false, true)] {
        let mut ua = Ua::new();
        let flow = ua.tcp(ALICE, 1);
        let heard = match is_stream {
            true => {
                let invite = Req::new("INVITE").via("SIP/2.0/TCP 192.0.2.1");
                ua.hear_on(flow, invite.line("Contact: <sip:alice@192.0.2.1;transport=tcp>").text())
            }
            false => ua.hear(Req::invite().text()),
        };
        let dialog = ua.accept(heard.server(), Reply::new()).unwrap().dialog();
        if deferred {
            ua.destroy(dialog);
        }
        let heard = ua.pass(millis(32_100));
        let schedule = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
        assert_eq!(heard.times("200 OK (INVITE)"), schedule);
        assert_eq!(heard.times("BYE"), [32_000]);
        assert_eq!(end(&heard, dialog), (By::Local, Why::NoAck, bye(), None));
        ua.hear(answer(&heard.message("BYE"), 200, "", ""));
        let mut events = heard.lines();
        events.retain(|line| line.starts_with('*'));
        assert_eq!(events, ["* destroy by Local: NoAck", "* server ended NoAck"]);
        ua.pass_all();
    }
}

/// RFC 3261 §13.3.1.4: an ACK in between stops it; a second one means nothing.
#[test]
fn a_late_ack_stops_the_200() {
    let mut ua = Ua::new();
    let server = ua.called();
    let ok = ua.accept(server, Reply::new()).unwrap().message("200 OK (INVITE)");
    assert_eq!(ua.pass(secs(5)).times("200 OK (INVITE)"), [500, 1_500, 3_500]);
    let ack = Req::within(&ok, "ACK", 1).text();
    assert_eq!(ua.hear(ack.clone()).lines(), ["* confirmed"]);
    assert_eq!(ua.hear(ack).lines(), [""; 0]);
    assert_eq!(ua.pass(secs(60)).lines(), ["* server ended Done"]);
}

/// RFC 3261 §13.3.1.4, §17.1.1.3: an ACK with another number, tag or Call-ID does not stop it; one with the INVITE's
/// branch, as some peers send it, does.
#[test]
fn whose_ack_it_is() {
    let mut ua = Ua::new();
    let server = ua.called();
    let ok = ua.accept(server, Reply::new()).unwrap().message("200 OK (INVITE)");
    let ack = Req::within(&ok, "ACK", 1);
    for other in [
        ack.clone().cseq(2),
        ack.clone().from("<sip:alice@192.0.2.1>;tag=other"),
        ack.clone().to("<sip:bob@192.0.2.4>;tag=other"),
        ack.clone().call_id("other"),
    ] {
        assert_eq!(ua.hear(other.text()).lines(), [""; 0]);
    }
    assert_eq!(ua.sip.counters().stray_acks, 4);
    assert_eq!(ua.hear(ack.branch("z9hG4bK-INVITE").text()).lines(), ["* confirmed"]);
}

/// RFC 3261 §13.2.1: where the 2xx carried the offer, the ACK carries the answer, and the dialog keeps it.
// Holds: 3261-13.2.1-12
#[test]
fn an_answer_in_the_ack_is_kept() {
    let mut ua = Ua::new();
    let server = ua.hear(Req::invite().text()).server();
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    let ack = Req::within(&heard.message("200 OK (INVITE)"), "ACK", 1)
        .body("application/sdp", "v=0\r\ns=theirs\r\n");
    ua.hear(ack.text());
    let mut dialog = ua.sip.dialog(heard.dialog()).unwrap();
    assert_eq!(dialog.get().unwrap().remote().sdp, b"v=0\r\ns=theirs\r\n");
    assert!(dialog.data().is_some());
}

/// RFC 3261 §15, §9.1: a caller who gives up while it rings sends CANCEL.
#[test]
fn a_caller_destroys_an_early_dialog() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let dialog = ua.hear(answer(&invite, 180, "a", CONTACT)).dialog();
    let cancel = ua.destroy(dialog).only();
    assert_eq!(cancel.method(), &Method::Cancel);
    assert_eq!(ua.destroy(dialog).lines(), [""; 0]);
    ua.hear(answer(&cancel, 200, "a", ""));
    let heard = ua.hear(answer(&invite, 487, "a", ""));
    assert_eq!(end(&heard, dialog), (By::Local, Why::Cancelled, None, None));
    assert_eq!(heard.lines()[0], "ACK");
    assert_eq!(ua.pass_all().lines(), ["* client ended"]);
}

/// RFC 3261 §15: a callee who gives up while it rings rejects.
// Holds: 3261-15-3
#[test]
fn a_callee_destroys_an_early_dialog() {
    let mut ua = Ua::new();
    let server = ua.called();
    let dialog = ua.progress(server, Reply::new()).unwrap().dialog();
    let heard = ua.destroy(dialog);
    assert_eq!(
        heard.lines()[..3],
        ["480 Temporarily Unavailable (INVITE)", "* rejected 480", "* failed 480 Temporarily Unavailable"]
    );
    assert_eq!(
        end(&heard, dialog),
        (By::Local, Why::Failed(StatusCode::TEMPORARILY_UNAVAILABLE), None, None)
    );
    assert!(ua.sip.dialog(dialog).is_err());
    assert_eq!([heard.times("BYE"), ua.pass(secs(40)).times("BYE")], [[0; 0]; 2]);
}

/// RFC 3261 §12.2.1.2: 481 and 408, a time-out among them, to a request within a call end it with a BYE.
// Holds: 3261-12.2.1.2-2, 3261-12.2.1.2-3
#[test]
fn a_481_or_408_within_a_call_ends_it() {
    let all = [Method::Info, Method::Invite, Method::Update];
    for (method, (code, status)) in all
        .into_iter()
        .flat_map(|method| [(481, 481), (408, 408), (0, 408)].map(|codes| (method.clone(), codes)))
    {
        let mut ua = Ua::new();
        let (_, dialog) = ua.answered_call();
        let request = InDialog::new(method).sdp(SDP);
        ua.sip.dialog(dialog).unwrap().request(ua.now, request).unwrap();
        let request = ua.drain().only();
        let heard = match code {
            0 => ua.pass(secs(33)),
            code => ua.hear(answer(&request, code, "", "")),
        };
        let why = Why::Response(StatusCode::new(status).unwrap());
        assert_eq!(end(&heard, dialog), (By::Local, why, bye(), None));
        assert_eq!(heard.message("BYE").cseq(), request.cseq() + 1);
        ua.hear(answer(&heard.message("BYE"), 481, "", ""));
        ua.pass_all();
    }
}

/// RFC 5057 §5.1: other failures leave the call alone.
#[test]
fn other_failures_leave_the_call_alone() {
    for code in [400, 403, 415, 469, 486, 488, 491, 500, 503, 603] {
        let mut ua = Ua::new();
        let (_, dialog) = ua.answered_call();
        ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
        let info = ua.drain().only();
        let heard = ua.hear(answer(&info, code, "", ""));
        assert_eq!(heard.lines(), [format!("* failed {code} X (INFO)")]);
        assert!(ua.sip.dialog(dialog).is_ok());
    }
}

// ---- re-INVITE, as far as the first issue goes (RFC 3261 §14) ----

fn reinvite(ua: &mut Ua, dialog: DialogId) -> (RequestId, Message) {
    let request = InDialog::new(Method::Invite).sdp(SDP);
    let id = ua.sip.dialog(dialog).unwrap().request(ua.now, request).unwrap();
    (id, ua.drain().only())
}

/// RFC 3261 §14.1, §13.2.2.4: our re-INVITE, its 2xx, and the ACK, also when the 2xx comes again.
// Holds: 3261-12.2.1.2-1, 3261-13.2.2.4-5
#[test]
fn our_reinvite_is_accepted() {
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    let (_, invite) = reinvite(&mut ua, dialog);
    assert_eq!(invite.contact().unwrap().unwrap().uri, "sip:bob@192.0.2.4:5060");
    let ok = answer(&invite, 200, "", "Contact: <sip:alice@192.0.2.66>\r\n");
    let heard = ua.hear(ok.clone());
    assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"]);
    let ack = heard.message("ACK");
    assert_eq!((ack.cseq(), ack.request_uri()), (invite.cseq(), Some("sip:alice@192.0.2.66")));
    assert_eq!(ua.hear(ok).only(), ack);
    let sent = ua.destroy(dialog);
    assert_eq!(
        (sent.only().request_uri(), sent.transmits()[0].flow.remote),
        (Some("sip:alice@192.0.2.66"), address("192.0.2.66:5060"))
    );
}

/// RFC 3261 §14.1: a rejected re-INVITE is acknowledged, and the call lives on as it was.
// Holds: 3261-14.1-5
#[test]
fn our_reinvite_is_rejected() {
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    let (_, invite) = reinvite(&mut ua, dialog);
    let heard = ua.hear(answer(&invite, 488, "", "Contact: <sip:elsewhere@192.0.2.66>\r\n"));
    assert_eq!(heard.lines(), ["ACK", "* failed 488 X (INVITE)"]);
    assert_eq!(heard.message("ACK").top_via().unwrap().branch(), invite.top_via().unwrap().branch());
    let mut handle = ua.sip.dialog(dialog).unwrap();
    assert_eq!(handle.get().unwrap().remote().contact, "sip:alice@192.0.2.1");
    assert!(handle.data().is_some());
    assert_eq!(reinvite(&mut ua, dialog).1.cseq(), invite.cseq() + 1);
}

/// RFC 3261 §14.2: their re-INVITE waits for the application; its 2xx is repeated until the ACK, which is told.
// Holds: 5057-2-4, 3261-8.2-1, 3261-12.2.2-6
#[test]
fn their_reinvite_is_accepted() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let request = Req::within(&ok, "INVITE", 2)
        .line("Contact: <sip:alice@192.0.2.66>")
        .body("application/sdp", &SDP.replace("4000", "4002"));
    let heard = ua.hear(request.text());
    assert_eq!((heard.lines(), heard.dialog()), (vec!["* INVITE asks".into()], dialog));
    let heard = ua.accept(heard.server(), Reply::new().sdp(SDP)).unwrap();
    assert_eq!(heard.lines(), ["200 OK (INVITE) +body", "* accepted 200"]);
    assert!(heard.sent()[0].contact().unwrap().is_some(), "RFC 3261 §12.2.2: a target refresh has a Contact");
    assert_eq!(heard.sent()[0].to().unwrap().tag(), ok.to().unwrap().tag());
    assert_eq!(ua.pass(secs(2)).times("200 OK (INVITE) +body").len(), 2);
    assert_eq!(ua.hear(Req::within(&ok, "ACK", 2).text()).lines(), ["* ack"]);
    assert_eq!(ua.pass(secs(10)).lines(), [""; 0]);
    assert_eq!(ua.destroy(dialog).only().request_uri(), Some("sip:alice@192.0.2.66"));
}

/// RFC 3261 §14.2: a rejected re-INVITE leaves the call, its target and its number as they were.
// Holds: 3261-8.2-2
#[test]
fn their_reinvite_is_rejected() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let request = Req::within(&ok, "INVITE", 2).line("Contact: <sip:alice@192.0.2.66>");
    let server = ua.hear(request.text()).server();
    let heard = ua.reject(server, Reply::code(488)).unwrap();
    assert_eq!(
        heard.lines(),
        ["488 Not Acceptable Here (INVITE)", "* rejected 488", "* failed 488 Not Acceptable Here"]
    );
    assert_eq!(ua.hear(request.follow("ACK").text()).lines(), [""; 0]);
    assert_eq!(ua.sip.counters().stray_acks, 0);
    assert_eq!(ua.destroy(dialog).only().request_uri(), Some("sip:alice@192.0.2.1"));
}

/// RFC 3261 §9.2: a CANCEL ends a pending re-INVITE, and not the call.
#[test]
fn their_reinvite_is_cancelled() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let request = Req::within(&ok, "INVITE", 2).line("Contact: <sip:alice@192.0.2.1>");
    ua.hear(request.text());
    let lines = [
        "200 OK (CANCEL)",
        "* cancelled",
        "487 Request Terminated (INVITE)",
        "* rejected 487",
        "* failed 487 Request Terminated",
    ];
    assert_eq!(ua.hear(request.follow("CANCEL").text()).lines(), lines);
    assert!(ua.sip.dialog(dialog).is_ok());
}

/// RFC 3261 §15.1.2: a BYE ends a pending re-INVITE with 487.
// Holds: 3261-15.1.2-5, 3261-15.1.2-6
#[test]
fn a_pending_reinvite_is_487_on_bye() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let request = Req::within(&ok, "INVITE", 2).line("Contact: <sip:alice@192.0.2.1>");
    ua.hear(request.text());
    let heard = ua.hear(Req::within(&ok, "BYE", 3).text());
    let lines = [
        "200 OK (BYE)",
        "487 Request Terminated (INVITE)",
        "* rejected 487",
        "* failed 487 Request Terminated",
        "* destroy by Remote: Bye",
    ];
    assert_eq!(heard.lines(), lines);
    assert_eq!(end(&heard, dialog), (By::Remote, Why::Bye, bye(), None));
    ua.hear(request.follow("ACK").text());
    ua.pass_all();
}

/// RFC 3261 §13.3.1.4, DESIGN.md §5: a re-INVITE's 2xx without ACK ends the call like the first one's.
// Holds: 3261-14.2-7
#[test]
fn a_reinvites_ack_that_never_comes() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let request = Req::within(&ok, "INVITE", 2).line("Contact: <sip:alice@192.0.2.1>");
    let server = ua.hear(request.text()).server();
    ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    let heard = ua.pass(millis(32_100));
    assert_eq!(heard.times("BYE"), [32_000]);
    assert_eq!(end(&heard, dialog), (By::Local, Why::NoAck, bye(), None));
    ua.hear(answer(&heard.message("BYE"), 200, "", ""));
    ua.pass_all();
}

/// RFC 3261 §13.2.2.4, PEERS.md D8: the first 200 that comes again during a re-INVITE gets its own ACK.
#[test]
fn a_200_that_comes_again_during_a_reinvite() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let ok = answer(&invite, 200, "a", CONTACT);
    let heard = ua.hear(ok.clone());
    let (_, second) = reinvite(&mut ua, heard.dialog());
    assert_eq!(ua.hear(ok).only(), heard.message("ACK"));
    assert_eq!(ua.hear(answer(&second, 200, "", CONTACT)).lines()[0], "ACK");
}

/// RFC 3261 §9.1: a 200 that crosses the CANCEL of our re-INVITE is its result, and the call lives.
#[test]
fn a_200_that_crosses_the_cancel_of_our_reinvite() {
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    let (id, invite) = reinvite(&mut ua, dialog);
    ua.hear(answer(&invite, 100, "", ""));
    assert_eq!(ua.cancel(id).lines(), ["CANCEL"]);
    let heard = ua.hear(answer(&invite, 200, "", CONTACT));
    assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"]);
    assert!(ua.sip.dialog(dialog).is_ok());
}

// ---- Streams and names ----

/// RFC 3261 §18: within a call over TCP requests use the connection that is there, and a new one when it is gone.
#[test]
fn a_call_over_tcp_whose_connection_breaks() {
    let (mut net, alice, bob) = two();
    let invite = Invite::to("sip:bob@192.0.2.4;transport=tcp").sdp(SDP);
    net.endpoint(alice).invite(Timestamp::ZERO, invite).unwrap();
    let mut dialog = None;
    while let Some((who, event)) = net.next_event_until(Timestamp::from_secs(1)) {
        let now = net.now();
        match event {
            Event::Incoming { server, .. } => {
                _ = net.endpoint(who).server(server).unwrap().accept(now, Reply::new().sdp(SDP)).unwrap();
            }
            Event::Dialog { dialog: id, event: DialogEvent::Confirmed { .. } } => dialog = Some(id),
            _ => {}
        }
    }
    net.break_streams(alice, bob);
    net.run_for(secs(1));
    let now = net.now();
    net.endpoint(bob).dialog(dialog.unwrap()).unwrap().destroy(now).unwrap();
    let events = net.run_for(secs(60));
    let ends = events.iter().filter(|(_, event)| matches!(event, Event::Dialog { .. })).count();
    assert_eq!(ends, 2, "{}", net.ladder());
    assert!(net.is_empty());
}

/// DESIGN.md §3: calls to a name over either transport, from beginning to end.
#[test]
fn a_call_to_a_name() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let (mut net, alice, bob) = two();
        net.name("bob.example.com", transport, bob);
        net.endpoint(alice).invite(Timestamp::ZERO, Invite::to("sip:bob@bob.example.com").sdp(SDP)).unwrap();
        assert_eq!(carry_through(&mut net, alice, Side::Callee).len(), 2, "{}", net.ladder());
        assert!(net.is_empty());
    }
}

// ---- Names, ends and refusals: what review found ----

fn ends(heard: &Heard) -> Vec<(By, Why, Option<String>)> {
    let ends = heard.events().into_iter().filter_map(|event| match event {
        Event::Dialog { event: DialogEvent::Destroy { by, why, message, .. }, .. } => {
            Some((*by, *why, message.as_ref().map(|message| message.method().to_string())))
        }
        _ => None,
    });
    ends.collect()
}

/// Answers every look-up in `heard` with Alice over UDP.
fn resolve(ua: &mut Ua, heard: &Heard) -> Heard {
    let mut all = Heard(vec![]);
    for (_, output) in &heard.0 {
        if let Output::Resolve(resolve) = output {
            let targets = vec![(Transport::Udp, address(ALICE))];
            all.0.extend(ua.input(Input::Resolved { query: resolve.query, targets }).0);
        }
    }
    all
}

const NAMED: &str = "Contact: <sip:alice@alice.example.com>\r\n";

/// RFC 3261 §15.1.2: a BYE in an early dialog ends the dialog: the peer did, with a BYE.
#[test]
fn a_bye_while_early() {
    let mut ua = Ua::new();
    let server = ua.called();
    let ringing = ua.progress(server, Reply::new()).unwrap().message("180 Ringing (INVITE)");
    let heard = ua.hear(Req::within(&ringing, "BYE", 2).text());
    assert_eq!(heard.lines()[..2], ["200 OK (BYE)", "487 Request Terminated (INVITE)"]);
    assert_eq!(ends(&heard), [(By::Remote, Why::Bye, Some("BYE".into()))]);
}

/// DESIGN.md §3: a named next hop is resolved once: ACK asks, BYE does not; be it a Contact, also one that says what no Request-URI may (RFC 3261 §19.1.1,
/// table 1), or a loose or strict router (§12.2.1.1).
#[test]
fn a_named_hop_is_resolved_once() {
    for hop in [
        NAMED,
        "Contact: <sip:alice@alice.example.com?Subject=x>\r\n",
        "Contact: <sip:alice@alice.example.com;method=INVITE>\r\n",
        &format!("{CONTACT}Record-Route: <sip:alice.example.com;lr>\r\n"),
        &format!("{CONTACT}Record-Route: <sip:alice.example.com>\r\n"),
    ] {
        let mut ua = Ua::new();
        let (_, invite) = ua.call_alice();
        let heard = ua.hear(answer(&invite, 200, "a", hop));
        assert_eq!(heard.lines(), ["resolve alice.example.com", "* accepted 200 X (INVITE)"], "{hop}");
        assert_eq!(resolve(&mut ua, &heard).lines(), ["ACK"], "{hop}");
        assert_eq!(ua.destroy(heard.dialog()).lines(), ["BYE"], "{hop}");
    }
}

/// DESIGN.md §3: a name that was resolved for the INVITE is not asked for again for ACK and BYE.
#[test]
fn the_name_of_the_invite_is_not_asked_for_again() {
    let mut ua = Ua::new();
    let (_, asked) = ua.invite(Invite::to("sip:alice@alice.example.com").sdp(SDP));
    let invite = resolve(&mut ua, &asked).only();
    let heard = ua.hear(answer(&invite, 200, "a", NAMED));
    assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"]);
}

/// DESIGN.md §3: nor is that of an outbound proxy that records its route.
#[test]
fn the_name_of_the_proxy_is_not_asked_for_again() {
    let mut ua = Ua::new();
    let proxy = "<sip:proxy.example.com;lr>";
    let (_, asked) = ua.invite(Invite::to("sip:alice@192.0.2.1").route(proxy).sdp(SDP));
    let invite = resolve(&mut ua, &asked).only();
    let heard = ua.hear(answer(&invite, 200, "a", &format!("{CONTACT}Record-Route: {proxy}\r\n")));
    assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"]);
}

/// DESIGN.md §3: ACK and BYE of a crossed call ask once.
#[test]
fn ack_and_bye_of_a_crossed_call_ask_once() {
    let mut ua = Ua::new();
    let (id, invite) = ua.call_alice();
    ua.hear(answer(&invite, 100, "", ""));
    ua.cancel(id);
    let heard = ua.hear(answer(&invite, 200, "a", NAMED));
    let asked = heard.lines().iter().filter(|line| line.starts_with("resolve")).count();
    assert_eq!(asked, 1, "{:?}", heard.lines());
    assert_eq!(resolve(&mut ua, &heard).lines(), ["ACK", "BYE"]);
}

/// DESIGN.md §3: a target refresh that names the same target does not ask again.
#[test]
fn a_refresh_with_the_same_target_does_not_ask_again() {
    let mut ua = Ua::new();
    let server = ua.hear(Req::new("INVITE").line(NAMED.trim_end()).text()).server();
    let heard = ua.accept(server, Reply::new()).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    ua.hear(Req::within(&ok, "ACK", 1).text());
    ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
    let asked = ua.drain();
    assert_eq!(resolve(&mut ua, &asked).lines(), ["INFO +body"]);
    let reinvite = Req::within(&ok, "INVITE", 2).line(NAMED.trim_end());
    let server = ua.hear(reinvite.text()).server();
    ua.accept(server, Reply::new()).unwrap();
    ua.hear(Req::within(&ok, "ACK", 2).text());
    assert_eq!(ua.destroy(dialog).lines(), ["BYE"]);
}

/// RFC 3261 §15: a callee's BYE waits for the ACK, also when a 481 is what ends the call.
// Holds: 3261-15-4
#[test]
fn a_481_before_the_ack() {
    let mut ua = Ua::new();
    let server = ua.called();
    let heard = ua.accept(server, Reply::new()).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
    let info = ua.drain().only();
    let heard = ua.hear(answer(&info, 481, "", ""));
    assert_eq!(heard.times("BYE"), [0; 0], "{:?}", heard.lines());
    assert!(ua.hear(Req::within(&ok, "ACK", 1).text()).lines().contains(&"BYE".into()));
}

/// RFC 3261 §15: a callee must not send BYE on an early dialog.
// Holds: 3261-15-3
#[test]
fn a_callee_sends_no_bye_on_an_early_dialog() {
    let mut ua = Ua::new();
    let server = ua.called();
    let dialog = ua.progress(server, Reply::new()).unwrap().dialog();
    ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
    let info = ua.drain().only();
    let heard = ua.hear(answer(&info, 481, "", ""));
    assert_eq!(heard.times("BYE"), [0; 0], "{:?}", heard.lines());
}

/// RFC 3261 §15.1.2: pending requests of any method are answered 487 on BYE.
// Holds: 3261-15.1.2-5, 3261-15.1.2-6
#[test]
fn a_pending_request_is_487_on_bye() {
    for method in ["INFO", "UPDATE", "OPTIONS", "MESSAGE", "REFER", "PUBLISH", "JUMP"] {
        let mut ua = Ua::with(|config| {
            for method in [Method::Info, Method::Update, Method::Options, Method::Message] {
                config.policy.set_in_dialog(method, Handling::Ask);
            }
            config.policy.session = Handling::Ask;
        });
        let (ok, _) = ua.answered_call();
        let pending = Req::within(&ok, method, 2).line(CONTACT.trim_end()).line("Refer-To: <sip:c@h>");
        assert!(ua.hear(pending.text()).lines()[0].ends_with("asks"), "{method}");
        let heard = ua.hear(Req::within(&ok, "BYE", 3).text());
        assert_eq!(heard.lines()[..2], ["200 OK (BYE)".into(), format!("487 Request Terminated ({method})")]);
    }
}

/// DESIGN.md §2, contract 6: a re-INVITE that was pending when we hung up is not left for the three-minute guard.
#[test]
fn a_reinvite_pending_at_our_bye_ends() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let reinvite = Req::within(&ok, "INVITE", 2).line(CONTACT.trim_end());
    ua.hear(reinvite.text());
    let bye = ua.destroy(dialog).message("BYE");
    ua.hear(answer(&bye, 200, "", ""));
    ua.hear(reinvite.follow("ACK").text());
    ua.pass(secs(70));
    assert!(ua.sip.is_empty(), "{:?}", ua.sip.counts());
}

/// RFC 3261 §17.2.1, §8.2.7: the same request gets the same answer, a 491 that was lost too.
#[test]
fn a_refusal_within_a_dialog_is_the_same_when_repeated() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().request(ua.now, InDialog::new(Method::Invite).sdp(SDP)).unwrap();
    ua.drain();
    let theirs = Req::within(&ok, "INVITE", 2).line(CONTACT.trim_end()).text();
    let first = ua.hear(theirs.clone()).sent();
    assert_eq!(first[0].status(), Some(StatusCode::REQUEST_PENDING));
    let second = ua.hear(theirs).sent();
    assert_eq!(second[0].status(), Some(StatusCode::REQUEST_PENDING));
}

/// DESIGN.md §2, contract 2: BYEs that come while ours is under way do not grow the queue past its bound.
#[test]
fn a_flood_of_byes() {
    let mut ua = Ua::with(|config| config.limits.queue = 8);
    let (ok, dialog) = ua.answered_call();
    ua.destroy(dialog);
    let flow = ua.udp(ALICE);
    for cseq in 2..1_000 {
        let payload = Req::within(&ok, "BYE", cseq).text().into();
        ua.sip.handle_input(ua.now, Input::Datagram { flow, payload });
    }
    assert!(ua.drain().lines().len() <= 8);
}

// ---- Golden ladders ----

/// Bob's one pending call.
fn answer_call(net: &mut Network, bob: Node, server: sip_proto::ServerId) {
    let now = net.now();
    net.endpoint(bob).server(server).unwrap().accept(now, Reply::new().sdp(SDP)).unwrap();
}

/// Runs to Bob's `Incoming`.
fn incoming(net: &mut Network) -> sip_proto::ServerId {
    while let Some((_, event)) = net.next_event() {
        if let Event::Incoming { server, .. } = event {
            return server;
        }
    }
    panic!("nobody called");
}

/// Places a call to `uri`, lets Bob ring, and returns when `ringing` has passed.
fn ringing(uri: &'static str, ringing: Duration) -> (Network, [Node; 2], RequestId, sip_proto::ServerId) {
    let (mut net, alice, bob) = two();
    let call = net.endpoint(alice).invite(Timestamp::ZERO, Invite::to(uri).sdp(SDP)).unwrap();
    let server = incoming(&mut net);
    let now = net.now();
    net.endpoint(bob).server(server).unwrap().progress(now, Reply::new()).unwrap();
    net.run_for(ringing);
    (net, [alice, bob], call, server)
}

/// Lets time pass; then the side hangs up in the one dialog that its events named.
fn talk_and_hang_up(net: &mut Network, who: Node, talking: Duration) {
    let dialog = net.run_for(talking).into_iter().find_map(|(node, event)| match event {
        Event::Client { event: ClientEvent::Accepted { dialog, .. }, .. } if node == who => dialog,
        Event::Dialog { dialog, event: DialogEvent::Confirmed { .. } } if node == who => Some(dialog),
        _ => None,
    });
    let now = net.now();
    net.endpoint(who).dialog(dialog.unwrap()).unwrap().destroy(now).unwrap();
    net.run_until_idle();
}

/// RFC 3665 §3.1: a call over UDP.
#[test]
fn ladder_of_a_call() {
    let (mut net, [alice, bob], _, server) = ringing("sip:bob@192.0.2.4", secs(2));
    answer_call(&mut net, bob, server);
    talk_and_hang_up(&mut net, alice, secs(3));
    assert!(net.is_empty());
    golden("call_udp", &net);
}

/// RFC 3665 §3.1: the same over TCP, ended by the callee.
#[test]
fn ladder_of_a_call_over_tcp() {
    let (mut net, [_, bob], _, server) = ringing("sip:bob@192.0.2.4;transport=tcp", secs(2));
    answer_call(&mut net, bob, server);
    talk_and_hang_up(&mut net, bob, secs(3));
    assert!(net.is_empty());
    golden("call_tcp", &net);
}

/// RFC 3665 §3.8: a call that its caller cancels.
#[test]
fn ladder_of_a_cancelled_call() {
    let (mut net, [alice, _], call, _) = ringing("sip:bob@192.0.2.4", secs(2));
    let now = net.now();
    net.endpoint(alice).client(call).unwrap().cancel(now).unwrap();
    net.run_until_idle();
    assert!(net.is_empty());
    golden("cancelled", &net);
}

/// RFC 3665 §3.9: a call that its callee rejects.
#[test]
fn ladder_of_a_rejected_call() {
    let (mut net, [_, bob], _, server) = ringing("sip:bob@192.0.2.4", secs(2));
    let now = net.now();
    net.endpoint(bob).server(server).unwrap().reject(now, Reply::code(486)).unwrap();
    net.run_until_idle();
    assert!(net.is_empty());
    golden("rejected", &net);
}

/// RFC 3261 §13.3.1.4: two ACKs are lost, and the 200 comes again.
#[test]
fn ladder_of_a_lost_ack() {
    let (mut net, [alice, bob], _, server) = ringing("sip:bob@192.0.2.4", secs(2));
    net.drop_next(alice, 2);
    answer_call(&mut net, bob, server);
    talk_and_hang_up(&mut net, bob, secs(3));
    assert!(net.is_empty());
    golden("lost_ack", &net);
}

/// RFC 3261 §9.1: a 200 and a CANCEL that cross.
#[test]
fn ladder_of_a_200_that_crosses_a_cancel() {
    let (mut net, [alice, bob], call, server) = ringing("sip:bob@192.0.2.4", secs(2));
    answer_call(&mut net, bob, server);
    net.run_for(millis(5));
    let now = net.now();
    net.endpoint(alice).client(call).unwrap().cancel(now).unwrap();
    net.run_until_idle();
    assert!(net.is_empty());
    golden("crossing", &net);
}

/// RFC 3261 §15.1.1, §15.1.2: with our BYE the session is over: a re-INVITE or UPDATE of the peer's that waits is not accepted any more, and is answered 487
/// when the BYE has its answer; no 2xx is repeated that nobody acknowledges.
#[test]
fn a_change_of_the_peers_behind_our_bye() {
    for method in ["INVITE", "UPDATE"] {
        let mut ua = Ua::with(|config| config.policy.set_in_dialog(Method::Update, Handling::Ask));
        let (ok, dialog) = ua.answered_call();
        let moved = SDP.replace("4000", "4002");
        let change = Req::within(&ok, method, 2).line(CONTACT.trim_end()).body("application/sdp", &moved);
        let server = ua.hear(change.text()).server();
        let bye = ua.destroy(dialog).message("BYE");
        let late = ua.accept(server, Reply::new().sdp(SDP)).unwrap_err();
        assert_eq!(late, sip_proto::Refused::Dialog(DialogError::Terminated));
        assert!(ua.drain().0.is_empty());
        let heard = ua.hear(answer(&bye, 200, "", ""));
        assert_eq!(heard.lines()[0], format!("487 Request Terminated ({method})"));
        ua.hear(change.follow("ACK").text());
        ua.pass_all();
        // The same for one that was held back.
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        ua.sip.dialog(dialog).unwrap().hold_back(ua.now, true).unwrap();
        let refresh = Req::within(&ok, method, 2).line(CONTACT.trim_end()).body("application/sdp", SDP);
        assert_eq!(ua.hear(refresh.text()).sent(), []);
        ua.destroy(dialog);
        ua.sip.dialog(dialog).unwrap().hold_back(ua.now, false).unwrap();
        let lines = ua.drain().lines();
        assert_eq!(
            lines,
            [format!("487 Request Terminated ({method})"), format!("* refresh: {method} answered 487")]
        );
    }
}
