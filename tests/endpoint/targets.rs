//! Where requests within a dialog go: what refreshes a target, on either side, and what does not (RFC 6141 §4, RFC 5057 §5.4).

use crate::support::{CONTACT, Req, SDP, Ua, answer, secs};
use sip_proto::context::{Invite, Rel100, Reply};
use sip_proto::dialog::{InDialog, Modify};
use sip_proto::message::{Header, Name};
use sip_proto::{DialogId, Input, Message, Method, RequestId};

/// A description of Alice's that moves her stream.
fn moved() -> String {
    SDP.replace("1 1 IN", "1 2 IN").replace("4000", "4002")
}

fn ua() -> Ua {
    Ua::with(|config| config.settings.rel100 = Rel100::Supported)
}

fn with_sdp(text: &str, sdp: &str) -> String {
    let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
    text.replace("Content-Length: 0\r\n\r\n", &body)
}

/// A Contact line of Alice's, who is at 192.0.2.`host`.
fn contact(host: u8) -> String {
    format!("Contact: <sip:alice@192.0.2.{host}>\r\n")
}

/// A provisional answer of hers, reliable if it has a number, from 192.0.2.`host`.
fn progress(request: &Message, rseq: Option<u32>, host: u8) -> String {
    let rseq = rseq.map_or(String::new(), |rseq| format!("Require: 100rel\r\nRSeq: {rseq}\r\n"));
    answer(request, 183, "a", &format!("{}{rseq}", contact(host)))
}

/// A request of hers within the dialog of `ok`, our answer, from 192.0.2.`host`.
fn within(ok: &Message, method: &str, cseq: u32, host: u8) -> Req {
    Req::within(ok, method, cseq).line(contact(host).trim_end())
}

/// Where requests to her go.
fn remote(ua: &mut Ua, dialog: DialogId) -> String {
    ua.sip.dialog(dialog).unwrap().get().unwrap().remote().contact.into()
}

/// Where she is told that we are.
fn local(ua: &mut Ua, dialog: DialogId) -> String {
    ua.sip.dialog(dialog).unwrap().get().unwrap().local().contact.into()
}

fn at(host: u8) -> String {
    format!("sip:alice@192.0.2.{host}")
}

/// A re-INVITE of ours that says where we are now.
fn our_reinvite(ua: &mut Ua, dialog: DialogId) -> (RequestId, Message) {
    let headers = vec![Header::new("Contact", "<sip:bob@192.0.2.44>")];
    let wish = Modify::Sdp(moved().into());
    let id = ua.sip.dialog(dialog).unwrap().modify_with(ua.now, wish, headers).unwrap();
    (id, ua.drain().message("INVITE"))
}

// ---- Answers of the peer's ----

/// RFC 6141 §4.7, §4.3: a reliable provisional answer to our re-INVITE moves both targets, and the error that follows takes nothing back; an
/// unreliable one moves neither.
// Holds: 6141-4.7-1, 6141-4.7-2
#[test]
fn a_provisional_answer_to_our_reinvite() {
    for is_reliable in [true, false] {
        let mut ua = ua();
        let (ok, dialog) = ua.answered_call();
        let (_, request) = our_reinvite(&mut ua, dialog);
        let heard = ua.hear(progress(&request, is_reliable.then_some(7), 21));
        let (theirs, ours) = match is_reliable {
            true => (at(21), "sip:bob@192.0.2.44"),
            false => (at(1), "sip:bob@192.0.2.4:5060"),
        };
        if is_reliable {
            assert_eq!(heard.message("PRACK").request_uri(), Some(&*theirs));
        }
        assert_eq!((remote(&mut ua, dialog), &*local(&mut ua, dialog)), (theirs.clone(), ours));
        ua.hear(answer(&request, 488, "", &contact(22)));
        assert_eq!((remote(&mut ua, dialog), &*local(&mut ua, dialog)), (theirs.clone(), ours));
        assert_eq!(ua.destroy(dialog).only().request_uri(), Some(&*theirs));
        drop(ok);
    }
}

/// RFC 6141 §4.9: the same in an early dialog: an unreliable 180 that comes later leaves its target, a reliable 183 moves it.
// Holds: 6141-4.9-1, 6141-4.7-1
#[test]
fn provisional_answers_of_an_early_dialog() {
    let mut ua = ua();
    let (_, invite) = ua.call_alice();
    let dialog = ua.hear(answer(&invite, 180, "a", &contact(20))).dialog();
    assert_eq!(remote(&mut ua, dialog), at(20));
    ua.hear(answer(&invite, 180, "a", &contact(21)));
    assert_eq!(remote(&mut ua, dialog), at(20));
    let heard = ua.hear(progress(&invite, Some(1), 22));
    assert_eq!(heard.message("PRACK").request_uri(), Some(&*at(22)));
    assert_eq!(remote(&mut ua, dialog), at(22));
}

/// RFC 6141 §4.7: a 2xx moves the target, an error does not, for each method that refreshes it; one that does not, never.
// Holds: 5057-5.4-1, 6141-4.7-1, 6665-3.1-1
#[test]
fn final_answers_of_the_peers() {
    let methods = [Method::Update, Method::Subscribe, Method::Notify, Method::Refer, Method::Info];
    for (method, code) in methods.into_iter().flat_map(|method| [200, 403].map(|code| (method.clone(), code)))
    {
        let mut ua = ua();
        let (_, dialog) = ua.answered_call();
        let refreshes = method != Method::Info && code == 200;
        let request = InDialog::new(method.clone())
            .header("Event", "presence")
            .header("Subscription-State", "active;expires=60")
            .header("Refer-To", "<sip:carol@192.0.2.9>");
        ua.sip.dialog(dialog).unwrap().request(ua.now, request).unwrap();
        let request = ua.drain().only();
        assert_eq!(request.contact().unwrap().is_some(), method != Method::Info, "{method:?}");
        ua.hear(answer(&request, code, "", &contact(21)));
        assert_eq!(remote(&mut ua, dialog), at(if refreshes { 21 } else { 1 }), "{method:?} {code}");
    }
}

// ---- Requests of the peer's ----

/// RFC 6141 §4.6, §4.5: our reliable provisional answer takes the re-INVITE's target, and tells ours; a later rejection takes nothing back.
// Holds: 6141-4.5-1, 6141-4.6-3, 6141-4.6-5
#[test]
fn a_provisional_answer_of_ours() {
    for is_reliable in [true, false] {
        let mut ua = ua();
        let (ok, dialog) = ua.answered_call();
        let request =
            within(&ok, "INVITE", 2, 55).line("Supported: 100rel").body("application/sdp", &moved());
        let server = ua.hear(request.text()).server();
        assert_eq!(remote(&mut ua, dialog), at(1), "not before an answer");
        let reply = Reply::code(183).header("Contact", "<sip:bob@192.0.2.44>");
        let heard = ua.progress(server, if is_reliable { reply.reliable() } else { reply }).unwrap();
        let sent = heard.sent().remove(0);
        assert_eq!(sent.contact().unwrap().unwrap().uri, "sip:bob@192.0.2.44");
        let expected = match is_reliable {
            true => (at(55), "sip:bob@192.0.2.44".to_string()),
            false => (at(1), "sip:bob@192.0.2.4:5060".to_string()),
        };
        assert_eq!((remote(&mut ua, dialog), local(&mut ua, dialog)), expected);
        ua.reject(server, Reply::code(488)).unwrap();
        assert_eq!((remote(&mut ua, dialog), local(&mut ua, dialog)), expected);
        assert_eq!(ua.destroy(dialog).message("BYE").request_uri(), Some(&*expected.0));
    }
}

/// RFC 6141 §4.6, RFC 5057 §5.4: a 2xx of ours takes the target of each request that refreshes it, for whatever else is in the dialog; a
/// refusal does not.
// Holds: 6141-4.6-3, 6141-4.6-5, 5057-5.4-1, 5057-5.4-2, 6665-3.1-1
#[test]
fn final_answers_of_ours() {
    for (method, accepts) in ["INVITE", "UPDATE", "SUBSCRIBE", "REFER", "INFO"]
        .into_iter()
        .flat_map(|method| [true, false].map(|accepts| (method, accepts)))
    {
        let mut ua = Ua::with(|config| {
            let all = [Method::Invite, Method::Update, Method::Subscribe, Method::Refer, Method::Info];
            for method in all {
                config.policy.set_in_dialog(method, sip_proto::endpoint::Handling::Ask);
            }
        });
        let (ok, dialog) = ua.answered_call();
        let request = within(&ok, method, 2, 55).line("Event: presence").line("Refer-To: <sip:c@192.0.2.9>");
        let request = match method {
            "INVITE" | "UPDATE" => request.body("application/sdp", &moved()),
            _ => request,
        };
        let heard = ua.hear(request.text());
        let server = asked(&heard);
        match accepts {
            true => _ = ua.accept(server, Reply::new().sdp(SDP)).unwrap(),
            false => _ = ua.reject(server, Reply::code(603)).unwrap(),
        }
        let refreshes = accepts && method != "INFO";
        assert_eq!(remote(&mut ua, dialog), at(if refreshes { 55 } else { 1 }), "{method} {accepts}");
        if accepts && method == "INVITE" {
            ua.hear(Req::within(&ok, "ACK", 2).text());
        }
        // The session's request goes there, whichever usage it was that moved.
        let bye = ua.destroy(dialog).message("BYE");
        assert_eq!(bye.request_uri(), Some(&*at(if refreshes { 55 } else { 1 })), "{method} {accepts}");
    }
}

fn asked(heard: &crate::support::Heard) -> sip_proto::ServerId {
    use sip_proto::endpoint::Answer;
    let asked = heard.events().into_iter().find_map(|event| match event {
        sip_proto::Event::Dialog { event, .. } => match event.asked()?.answer {
            Answer::Ask(server) => Some(server),
            Answer::Auto(_) => None,
        },
        _ => None,
    });
    asked.unwrap_or_else(|| panic!("nothing asks in {heard:?}"))
}

/// RFC 5057 §5.4: a NOTIFY that we answer moves the target too: the refresh of the subscription, and the session's BYE, go there.
// Holds: 5057-5.4-1, 5057-5.4-2, 6665-3.2-1
#[test]
fn a_notify_moves_the_target_of_all_usages() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence", secs(100)).unwrap();
    let subscribe = ua.drain().only();
    ua.hear(answer(&subscribe, 200, "", &format!("{}Expires: 100\r\n", contact(1))));
    let notify =
        within(&ok, "NOTIFY", 2, 55).line("Event: presence").line("Subscription-State: active;expires=100");
    assert_eq!(ua.hear(notify.text()).lines()[0], "200 OK (NOTIFY)");
    assert_eq!(remote(&mut ua, dialog), at(55));
    assert_eq!(ua.pass(secs(70)).message("SUBSCRIBE").request_uri(), Some(&*at(55)));
    assert_eq!(ua.destroy(dialog).message("BYE").request_uri(), Some(&*at(55)));
}

/// RFC 3261 §12.2.1.1, §12.2.2: where we say that we are, in a request that refreshes the target or in the 2xx to one, there we are from then on; what is
/// refused says nothing.
// Holds: 3261-12.2.1.1-19
#[test]
fn our_own_target_follows_every_refresh() {
    let place = |accepts: bool| if accepts { "sip:bob@192.0.2.44" } else { "sip:bob@192.0.2.4:5060" };
    let said_next = |ua: &mut Ua, dialog: DialogId| {
        ua.sip.dialog(dialog).unwrap().options(ua.now).unwrap();
        ua.drain().message("OPTIONS").contact().unwrap().unwrap().uri.to_string()
    };
    let methods = [Method::Invite, Method::Update, Method::Subscribe, Method::Notify, Method::Refer];
    for (method, accepts) in
        methods.into_iter().flat_map(|method| [true, false].map(|yes| (method.clone(), yes)))
    {
        let mut ua = ua();
        let (_, dialog) = ua.answered_call();
        let request = InDialog::new(method.clone())
            .header("Contact", "<sip:bob@192.0.2.44>")
            .header("Event", "presence")
            .header("Subscription-State", "active;expires=60")
            .header("Refer-To", "<sip:carol@192.0.2.9>");
        ua.sip.dialog(dialog).unwrap().request(ua.now, request).unwrap();
        let request = ua.drain().only();
        ua.hear(answer(&request, if accepts { 200 } else { 403 }, "", &contact(1)));
        assert_eq!(said_next(&mut ua, dialog), place(accepts), "{method:?}");
    }
    for (method, accepts) in ["INVITE", "UPDATE", "SUBSCRIBE", "REFER"]
        .into_iter()
        .flat_map(|method| [true, false].map(|yes| (method, yes)))
    {
        let mut ua = Ua::with(|config| {
            for method in [Method::Invite, Method::Update, Method::Subscribe, Method::Refer] {
                config.policy.set_in_dialog(method, sip_proto::endpoint::Handling::Ask);
            }
        });
        let (ok, dialog) = ua.answered_call();
        let request = within(&ok, method, 2, 1).line("Event: presence").line("Refer-To: <sip:c@192.0.2.9>");
        let request = match method {
            "INVITE" | "UPDATE" => request.body("application/sdp", &moved()),
            _ => request,
        };
        let server = asked(&ua.hear(request.text()));
        let reply = Reply::new().header("Contact", "<sip:bob@192.0.2.44>");
        match accepts {
            true => _ = ua.accept(server, reply.sdp(SDP)).unwrap(),
            false => _ = ua.reject(server, Reply { code: Some(603), ..reply }).unwrap(),
        }
        assert_eq!(said_next(&mut ua, dialog), place(accepts), "{method}");
    }
}

// ---- Peers that lose their address during a re-INVITE (RFC 6141 §5) ----

/// RFC 6141 §5.3: the peer has moved within our re-INVITE; the ACK of its rejection cannot be sent: the call goes on.
// Holds: 6141-5.3-1
#[test]
fn an_ack_that_finds_nobody_ends_nothing() {
    let mut ua = ua();
    let (ok, dialog) = ua.answered_call();
    let (_, request) = our_reinvite(&mut ua, dialog);
    assert_eq!(ua.hear(within(&ok, "UPDATE", 2, 55).text()).lines()[0], "200 OK (UPDATE)");
    let heard = ua.hear(answer(&request, 488, "", ""));
    assert_eq!(heard.lines(), ["ACK", "* failed 488 X (INVITE)"]);
    let token = heard.token();
    assert_eq!(ua.input(Input::SendFailed { token }).lines(), [""; 0]);
    let heard = ua.pass(secs(60));
    assert_eq!((heard.sent(), heard.lines().last().unwrap().as_str()), (vec![], "* client ended"));
    assert_eq!(remote(&mut ua, dialog), at(55));
    assert_eq!(ua.destroy(dialog).only().request_uri(), Some(&*at(55)));
}

/// RFC 6141 §5.4: the peer has moved in a re-INVITE whose 2xx it never saw, and has sent another: the first one's missing ACK ends
/// nothing, the second one's would.
// Holds: 6141-5.4-1
#[test]
fn a_missing_ack_after_another_reinvite() {
    for is_acknowledged in [true, false] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        let first = within(&ok, "INVITE", 2, 55).body("application/sdp", &moved());
        let server = ua.hear(first.text()).server();
        ua.accept(server, Reply::new().sdp(SDP)).unwrap();
        ua.pass(secs(10));
        let second =
            within(&ok, "INVITE", 3, 56).body("application/sdp", &moved().replace("1 2 IN", "1 3 IN"));
        let heard = ua.hear(second.text());
        match heard.lines().contains(&"* INVITE asks".into()) {
            true => _ = ua.accept(heard.server(), Reply::new().sdp(SDP)).unwrap(),
            false => assert!(heard.lines()[0].starts_with("200 OK (INVITE)"), "{heard:?}"),
        }
        if is_acknowledged {
            assert_eq!(ua.hear(Req::within(&ok, "ACK", 3).text()).lines(), ["* ack"]);
        }
        let heard = ua.pass(secs(23));
        assert_eq!(heard.times("BYE"), [0; 0], "{:?}", heard.timed());
        let heard = ua.pass(secs(20));
        assert_eq!(heard.times("BYE").is_empty(), is_acknowledged, "{:?}", heard.timed());
        assert_eq!(ua.sip.dialog(dialog).is_ok(), is_acknowledged);
    }
}

/// RFC 3261 §13.3.1.4, RFC 3264 §4: where the second was refused because the offer in the first one's 2xx is open, only an ACK could close that: without it no
/// offer can ever follow, and the session ends.
#[test]
fn a_missing_ack_after_a_reinvite_that_was_refused() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let server = ua.hear(within(&ok, "INVITE", 2, 1).text()).server();
    let offered = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    assert_eq!(offered.message("200 OK (INVITE)").body(), SDP.as_bytes());
    ua.pass(secs(10));
    let second = within(&ok, "INVITE", 3, 1).body("application/sdp", &moved());
    assert_eq!(ua.hear(second.text()).lines()[0], "491 Request Pending (INVITE)");
    let heard = ua.pass(secs(23));
    assert!(!heard.times("BYE").is_empty(), "{:?}", heard.timed());
    assert!(ua.sip.dialog(dialog).is_err());
}

/// RFC 6141 §4.9, RFC 3261 §13.2.2.4: the 2xx sets target and route set anew, whatever the early dialog had.
// Holds: 6141-4.9-2
#[test]
fn the_2xx_to_the_first_invite() {
    let mut ua = ua();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1").sdp(SDP));
    let invite = heard.message("INVITE");
    let route = "Record-Route: <sip:192.0.2.70;lr>\r\n";
    ua.hear(with_sdp(&progress(&invite, Some(1), 20).replace("Require", &format!("{route}Require")), SDP));
    let heard = ua.hear(answer(&invite, 200, "a", CONTACT));
    let ack = heard.message("ACK");
    assert_eq!((ack.request_uri(), ack.value(Name::Route)), (Some(&*at(1)), None));
}

/// RFC 6141 §4.8, RFC 3261 §12.2.2: an UPDATE within a re-INVITE is newer than it: the re-INVITE's 2xx does not take the target back; nor
/// does the answer to an older request of ours.
#[test]
fn an_older_request_takes_nothing_back() {
    let mut ua = ua();
    let (ok, dialog) = ua.answered_call();
    let server = ua.hear(within(&ok, "INVITE", 2, 55).body("application/sdp", &moved()).text()).server();
    assert_eq!(ua.hear(within(&ok, "UPDATE", 3, 56).text()).lines()[0], "200 OK (UPDATE)");
    ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    ua.hear(Req::within(&ok, "ACK", 2).text());
    assert_eq!(remote(&mut ua, dialog), at(56));

    // Ours: a REFER that went out before, and is answered after.
    ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
    let refer = ua.drain().only();
    let (_, request) = our_reinvite(&mut ua, dialog);
    ua.hear(with_sdp(&answer(&request, 200, "", &contact(56)), SDP));
    ua.hear(answer(&refer, 200, "", &contact(56)));
    assert_eq!(local(&mut ua, dialog), "sip:bob@192.0.2.44");
}

/// RFC 6141 §4.4, §4.9, RFC 3261 §13.2.2.4: the 2xx sets the peer's side anew, not ours: where an UPDATE of ours has moved us in the early dialog, there we are.
#[test]
fn the_2xx_to_the_first_invite_leaves_our_own_target() {
    let mut ua = ua();
    let (_, invite) = ua.call_alice();
    let early = progress(&invite, Some(1), 21).replace("Require", "Allow: UPDATE\r\nRequire");
    let heard = ua.hear(with_sdp(&early, SDP));
    let dialog = heard.dialog();
    ua.hear(answer(&heard.message("PRACK"), 200, "", ""));
    let update = InDialog::new(Method::Update).header("Contact", "<sip:bob@192.0.2.44>");
    ua.sip.dialog(dialog).unwrap().request(ua.now, update).unwrap();
    let update = ua.drain().message("UPDATE");
    ua.hear(answer(&update, 200, "", &contact(21)));
    assert_eq!(local(&mut ua, dialog), "sip:bob@192.0.2.44");
    ua.hear(answer(&invite, 200, "a", &contact(22)));
    assert_eq!((remote(&mut ua, dialog), &*local(&mut ua, dialog)), (at(22), "sip:bob@192.0.2.44"));
}

/// RFC 3261 §12.2.1.1, §12.2.2: what goes out late, to where she was, does not say where the next request goes.
#[test]
fn a_request_that_waits_while_the_target_moves() {
    let mut ua = Ua::new();
    let server =
        ua.hear(Req::new("INVITE").line("Contact: <sip:alice@192.0.2.1;transport=tcp>").text()).server();
    ua.sip.server(server).unwrap().accept(ua.now, Reply::new().sdp(SDP)).unwrap();
    let heard = ua.drain();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    ua.hear(Req::within(&ok, "ACK", 1).body("application/sdp", SDP).text());
    ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
    let connect = ua.drain();
    assert_eq!(connect.lines(), ["connect TCP 192.0.2.1:5060"]);
    ua.hear(within(&ok, "UPDATE", 2, 9).text());
    assert_eq!(remote(&mut ua, dialog), at(9));
    let flow = ua.tcp("192.0.2.1:5060", 1);
    let info = ua.input(Input::Connected { token: connect.token(), flow });
    assert_eq!(
        (info.transmits()[0].flow, info.only().request_uri()),
        (flow, Some("sip:alice@192.0.2.1;transport=tcp"))
    );
    let bye = ua.destroy(dialog);
    assert_eq!(bye.only().request_uri(), Some(&*at(9)));
    assert_eq!(bye.transmits()[0].flow, ua.udp("192.0.2.9:5060"));
}

/// RFC 3261 §13.2.2.4: nor does what waited in the early dialog, whose route set the 2xx has taken back.
#[test]
fn a_request_that_waits_while_the_call_is_answered() {
    let mut ua = ua();
    let (_, invite) = ua.call_alice();
    let early = format!(
        "{}Record-Route: <sip:192.0.2.80;transport=tcp;lr>\r\nRequire: 100rel\r\nRSeq: 1\r\n",
        contact(1)
    );
    let connect = ua.hear(answer(&invite, 183, "a", &early));
    assert_eq!(connect.lines()[0], "connect TCP 192.0.2.80:5060");
    let heard = ua.hear(answer(&invite, 200, "a", &contact(1)));
    assert_eq!(heard.transmits()[0].flow, ua.udp("192.0.2.1:5060"));
    let flow = ua.tcp("192.0.2.80:5060", 1);
    assert_eq!(ua.input(Input::Connected { token: connect.token(), flow }).lines(), ["PRACK"]);
    assert_eq!(ua.destroy(heard.dialog()).transmits()[0].flow, ua.udp("192.0.2.1:5060"));

    // Behind a strict router the same proxy stands first in Route, and is not the first hop.
    let mut ua = self::ua();
    let (_, invite) = ua.call_alice();
    let [strict, loose] =
        ["Record-Route: <sip:192.0.2.79;transport=tcp>\r\n", "Record-Route: <sip:192.0.2.80;lr>\r\n"];
    let early = format!("{}{loose}{strict}Require: 100rel\r\nRSeq: 1\r\n", contact(1));
    let connect = ua.hear(answer(&invite, 183, "a", &early));
    assert_eq!(connect.lines()[0], "connect TCP 192.0.2.79:5060");
    let heard = ua.hear(answer(&invite, 200, "a", &format!("{}{loose}", contact(1))));
    assert_eq!(heard.transmits()[0].flow, ua.udp("192.0.2.80:5060"));
    let flow = ua.tcp("192.0.2.79:5060", 1);
    assert_eq!(ua.input(Input::Connected { token: connect.token(), flow }).lines(), ["PRACK"]);
    assert_eq!(ua.destroy(heard.dialog()).transmits()[0].flow, ua.udp("192.0.2.80:5060"));
}
