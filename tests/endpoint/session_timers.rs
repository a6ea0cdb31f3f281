//! Session timers between endpoints, and against peers written by hand (RFC 4028).

#![allow(clippy::arithmetic_side_effects, reason = "test")]

use crate::ladder::golden;
use crate::support::{CONTACT, Heard, Req, SDP, Ua, answer, secs};
use sip_proto::context::{Invite, Reply};
use sip_proto::dialog::{Modify, RefreshBy, SessionTimers, TimerMode};
use sip_proto::endpoint::{By, Handling, Why};
use sip_proto::message::Name;
use sip_proto::sdp::Side;
use sip_proto::testing::{Network, Node};
use sip_proto::{ClientEvent, Config, DialogEvent, DialogId, Event, Message, Method, StatusCode, Timestamp};

const ASKS: SessionTimers = SessionTimers {
    interval: secs_of(90),
    min_se: secs_of(90),
    refresh_by: RefreshBy::Either,
    mode: TimerMode::Requested,
};

const fn secs_of(seconds: u64) -> std::time::Duration {
    std::time::Duration::from_secs(seconds)
}

/// A user agent with these session timers, that takes UPDATE or not.
fn config(name: &str, ip: &str, timers: SessionTimers, updates: bool) -> Config {
    let mut config = Config::new(&format!("sip:{name}@{ip}")).unwrap();
    config.set_session_timers(timers).unwrap();
    if !updates {
        config.policy.in_dialog.retain(|(method, _)| *method != Method::Update);
        config.policy.other = Handling::Reject(StatusCode::NOT_IMPLEMENTED);
    }
    config
}

/// A call between two such user agents, up at both sides.
fn call(seed: u64, timers: [SessionTimers; 2], updates: bool) -> (Network, [(Node, DialogId); 2]) {
    let mut net = Network::new(seed);
    let alice = net.node_with("alice", "192.0.2.1", config("alice", "192.0.2.1", timers[0], updates));
    let bob = net.node_with("bob", "192.0.2.4", config("bob", "192.0.2.4", timers[1], updates));
    net.endpoint(alice).invite(Timestamp::ZERO, Invite::to("sip:bob@192.0.2.4").sdp(SDP)).unwrap();
    let (mut ours, mut theirs) = (None, None);
    while ours.is_none() || theirs.is_none() {
        let (_, event) = net.next_event().expect("the call comes up");
        let now = net.now();
        match event {
            Event::Incoming { server, .. } => {
                net.endpoint(bob).server(server).unwrap().accept(now, Reply::new().sdp(SDP)).unwrap();
            }
            Event::Client { event: ClientEvent::Accepted { dialog, .. }, .. } => ours = dialog,
            Event::Dialog { dialog, event: DialogEvent::Confirmed { .. } } => theirs = Some(dialog),
            _ => {}
        }
    }
    (net, [(alice, ours.unwrap()), (bob, theirs.unwrap())])
}

fn hang_up(net: &mut Network, (who, dialog): (Node, DialogId)) {
    let now = net.now();
    net.endpoint(who).dialog(dialog).unwrap().destroy(now).unwrap();
    net.run_until_idle();
    assert!(net.is_empty(), "{}", net.ladder());
}

/// Every `Destroy` in these events.
fn ends(events: &[(Node, Event)]) -> Vec<(Node, By, Why)> {
    let ends = events.iter().filter_map(|(who, event)| match event {
        Event::Dialog { event: DialogEvent::Destroy { by, why, .. }, .. } => Some((*who, *by, *why)),
        _ => None,
    });
    ends.collect()
}

/// When `who` heard of a refresh, in seconds.
fn refreshed(events: &[(Node, Event)], who: Node) -> usize {
    let heard = |event: &Event| matches!(event, Event::Dialog { event: DialogEvent::Refresh(_), .. });
    events.iter().filter(|(node, event)| *node == who && heard(event)).count()
}

// ---- Two endpoints ----

/// §7.4, §10: refreshed at half the interval, by UPDATE without an offer.
// Holds: 4028-7.2-9, 4028-7.2-10, 4028-7.4-10
#[test]
fn ladder_of_a_refresh_by_update() {
    let (mut net, sides) = call(1, [ASKS, ASKS], true);
    let events = net.run_for(secs(100));
    assert_eq!(refreshed(&events, sides[1].0), 2, "{}", net.ladder());
    hang_up(&mut net, sides[0]);
    golden("session_timer_update", &net);
}

/// §7.4: by re-INVITE with an unchanged offer where UPDATE is not taken.
#[test]
fn ladder_of_a_refresh_by_invite() {
    let (mut net, sides) = call(1, [ASKS, ASKS], false);
    let events = net.run_for(secs(60));
    assert_eq!(refreshed(&events, sides[1].0), 1, "{}", net.ladder());
    hang_up(&mut net, sides[1]);
    golden("session_timer_invite", &net);
}

/// §10: neither side hears of the other any more. The one that refreshes gives up with its transaction, the other min(32 s, a third) before the
/// end.
// Holds: 4028-10-2, 4028-10-5
#[test]
fn ladder_of_a_session_that_nobody_refreshes() {
    let (mut net, [alice, bob]) = call(1, [ASKS, ASKS], true);
    net.cut = vec![bob.0];
    let events = net.run_for(secs(200));
    let timeout = Why::Response(StatusCode::REQUEST_TIMEOUT);
    assert_eq!(ends(&events), [(bob.0, By::Local, Why::Expired), (alice.0, By::Local, timeout)]);
    assert!(net.is_empty(), "{}", net.ladder());
    golden("session_timer_expires", &net);
}

/// §7.3, §9: an interval that is too small for the callee: 422, a second INVITE, one result.
#[test]
fn ladder_of_a_422() {
    let strict = SessionTimers { min_se: secs(300), interval: secs(300), ..ASKS };
    let (mut net, sides) = call(1, [ASKS, strict], true);
    for (who, dialog) in sides {
        let timer = net.endpoint(who).dialog(dialog).unwrap().session_timer().unwrap().clone();
        assert_eq!(timer.interval(), Some(secs(300)));
    }
    let events = net.run_for(secs(160));
    assert_eq!((refreshed(&events, sides[1].0), ends(&events)), (1, vec![]), "{}", net.ladder());
    hang_up(&mut net, sides[0]);
    golden("session_timer_422", &net);
}

/// Table 2: whoever is asked to refresh does; over hours both sides stay.
#[test]
fn either_side_can_refresh() {
    for (caller, callee, expected) in [
        (RefreshBy::Either, RefreshBy::Either, Side::Ours),
        (RefreshBy::Either, RefreshBy::Us, Side::Theirs),
        (RefreshBy::Us, RefreshBy::Us, Side::Ours),
        (RefreshBy::Peer, RefreshBy::Us, Side::Theirs),
    ] {
        for updates in [true, false] {
            let timers = [caller, callee].map(|refresh_by| SessionTimers { refresh_by, ..ASKS });
            let (mut net, [alice, bob]) = call(1, timers, updates);
            let events = net.run_for(secs(7200));
            let timer = net.endpoint(alice.0).dialog(alice.1).unwrap().session_timer().unwrap().clone();
            assert_eq!(timer.refresher(), Some(expected), "{caller:?} {callee:?}");
            let hears = if expected == Side::Ours { bob } else { alice };
            let count = refreshed(&events, hears.0);
            assert!((155..=160).contains(&count), "{caller:?} {callee:?}: {count}");
            assert_eq!(ends(&events), []);
            hang_up(&mut net, alice);
        }
    }
}

/// §7.2: a peer that knows nothing of it is refreshed all the same, by the one who cares, caller or callee.
// Holds: 4028-7.2-4
#[test]
fn a_peer_without_session_timers() {
    let off = SessionTimers { mode: TimerMode::Off, ..ASKS };
    for timers in [[ASKS, off], [off, ASKS]] {
        let (mut net, [alice, bob]) = call(1, timers, true);
        let keeper = if timers[0].mode == TimerMode::Off { bob } else { alice };
        let events = net.run_for(secs(400));
        assert!(refreshed(&events, if keeper == bob { alice.0 } else { bob.0 }) >= 8, "{}", net.ladder());
        net.cut = vec![alice.0];
        let events = net.run_for(secs(200));
        assert!(ends(&events).iter().any(|(who, ..)| *who == keeper.0), "{}", net.ladder());
    }
}

/// §7.2: whatever gets a 2xx refreshes. A hold at 30 s moves the refresh from 45 s to 75 s; one that waits behind it is not sent.
// Holds: 4028-7.2-11
#[test]
fn other_requests_refresh_too() {
    let (mut net, [alice, bob]) = call(1, [ASKS, ASKS], true);
    net.run_for(secs(30));
    let now = net.now();
    net.endpoint(alice.0).dialog(alice.1).unwrap().modify(now, Modify::Hold).unwrap();
    let events = net.run_for(secs(44));
    assert_eq!(refreshed(&events, bob.0), 0, "{}", net.ladder());
    assert_eq!(refreshed(&net.run_for(secs(2)), bob.0), 1, "{}", net.ladder());
    // The peer's, too.
    let now = net.now();
    net.endpoint(bob.0).dialog(bob.1).unwrap().modify(now, Modify::Hold).unwrap();
    net.run_for(secs(1));
    let due = net.endpoint(alice.0).dialog(alice.1).unwrap().session_timer().unwrap().deadline();
    assert!(due > Some(now + secs(44)), "{due:?}");
    hang_up(&mut net, alice);
}

/// §10: over bad links sessions live as long as they are wanted, and leave nothing.
#[test]
fn sessions_over_a_bad_link() {
    for seed in 0..30 {
        let (mut net, sides) = call(seed, [ASKS, ASKS], seed % 2 == 0);
        (net.link.loss, net.link.duplication, net.link.reordering) = (0.15, 0.1, 0.1);
        let events = net.run_for(secs(900));
        assert_eq!(ends(&events), [], "{seed}\n{}", net.ladder());
        hang_up(&mut net, sides[(seed / 2 % 2) as usize]);
    }
}

// ---- A callee (§9) ----

fn with_timers(timers: SessionTimers) -> Ua {
    Ua::with(|config| config.set_session_timers(timers).unwrap())
}

/// A call from Alice, whose INVITE has these lines, answered: our 200.
fn called_with(timers: SessionTimers, lines: &[&str]) -> (Ua, Message, Heard) {
    let mut ua = with_timers(timers);
    let invite = lines.iter().fold(Req::invite(), |invite, line| invite.line(line));
    let server = ua.hear(invite.body("application/sdp", SDP).text()).server();
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    let ok = heard.message("200 OK (INVITE)");
    (ua, ok, heard)
}

/// §9, Table 2: what the 200 says.
// Holds: 4028-4-6, 4028-9-8, 4028-9-13, 4028-9-14
#[test]
fn the_200_of_a_callee() {
    let supported = SessionTimers { mode: TimerMode::Supported, ..SessionTimers::DEFAULT };
    for (lines, expires, requires) in [
        (&["Supported: timer", "Session-Expires: 600"][..], Some("600;refresher=uac"), true),
        (&["Supported: timer", "x: 600;refresher=uas"], Some("600;refresher=uas"), true),
        (&["Require: timer", "Session-Expires: 9000", "Min-SE: 2000"], Some("2000;refresher=uac"), true),
        (&["Session-Expires: 600"], Some("600;refresher=uas"), false),
        (&["Supported: timer"], None, false),
        (&[], None, false),
    ] {
        let (_, ok, _) = called_with(supported, lines);
        assert_eq!(ok.value(Name::SessionExpires), expires, "{lines:?}");
        assert_eq!(ok.require().any(|tag| tag == "timer"), requires, "{lines:?}");
        assert_eq!(ok.value(Name::Supported), Some("timer"), "{lines:?}");
    }
    let off = SessionTimers { mode: TimerMode::Off, ..supported };
    let (_, ok, _) = called_with(off, &["Supported: timer", "Session-Expires: 600"]);
    assert_eq!(ok.value(Name::SessionExpires), None);
}

/// §4, §5: Session-Expires stands in INVITE and UPDATE and their 2xx only, Min-SE in no answer but 422.
// Holds: 4028-4-4, 4028-5-3
#[test]
fn where_the_headers_stand() {
    let mut ua = with_timers(SessionTimers { min_se: secs(120), interval: secs(600), ..ASKS });
    let invite = Req::invite().line("Supported: timer").line("Session-Expires: 600").line("Min-SE: 200");
    let server = ua.hear(invite.body("application/sdp", SDP).text()).server();
    let mut sent = ua.progress(server, Reply::new()).unwrap().sent();
    let other = Req::invite().call_id("other").branch("z9hG4bK-other").line("Supported: timer");
    let refused = ua.hear(other.line("Session-Expires: 600").body("application/sdp", SDP).text()).server();
    sent.extend(ua.reject(refused, Reply::new()).unwrap().sent());
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    sent.push(ok.clone());
    ua.hear(Req::within(&ok, "ACK", 1).text());
    let update = Req::within(&ok, "UPDATE", 2).line("Supported: timer").line("Session-Expires: 600");
    sent.extend(ua.hear(update.text()).sent());
    let brief = Req::within(&ok, "UPDATE", 3).line("Supported: timer").line("Session-Expires: 90");
    sent.extend(ua.hear(brief.text()).sent());
    sent.extend(ua.hear(Req::within(&ok, "OPTIONS", 4).line("Supported: timer").text()).sent());
    let mut handle = ua.sip.dialog(dialog).unwrap();
    handle.info(ua.now, "text/plain", "x").unwrap();
    handle.options(ua.now).unwrap();
    handle.update(ua.now, None).unwrap();
    sent.extend(ua.drain().sent());
    sent.extend(ua.destroy(dialog).sent());
    assert_eq!(sent.len(), 10, "{sent:?}");
    for message in sent {
        let (method, status) = (message.method().clone(), message.status().map_or(0, StatusCode::code));
        let has_session = matches!(method, Method::Invite | Method::Update) && [0, 200].contains(&status);
        assert_eq!(message.value(Name::SessionExpires).is_some(), has_session, "{message:?}");
        let names_least = (method == Method::Update && status == 0) || status == 422;
        assert_eq!(message.value(Name::MinSe).is_some(), names_least, "{message:?}");
    }
}

/// §9: the application's own Session-Expires stands, and holds.
#[test]
fn what_the_application_says_holds() {
    let mut ua = with_timers(SessionTimers { mode: TimerMode::Supported, ..SessionTimers::DEFAULT });
    let invite = Req::invite().line("Supported: timer").body("application/sdp", SDP);
    let server = ua.hear(invite.text()).server();
    let reply = Reply::new().sdp(SDP).header("Session-Expires", "120;refresher=uas");
    let heard = ua.accept(server, reply).unwrap();
    let timer = ua.sip.dialog(heard.dialog()).unwrap().session_timer().unwrap().clone();
    assert_eq!((timer.interval(), timer.refresher()), (Some(secs(120)), Some(Side::Ours)));
}

/// §9: but not where no UAS may say it: more than was asked for, less than is allowed, nobody to refresh or another than was asked for.
// Holds: 4028-9-4, 4028-9-6, 4028-9-8, 4028-9-9, 4028-9-11
#[test]
fn what_the_application_may_not_say_is_not_said() {
    let asks = "Session-Expires: 600";
    for (lines, own, said) in [
        (&["Supported: timer", asks][..], "300;refresher=uas", Some("300;refresher=uas")),
        (&["Supported: timer", asks], "600;refresher=uas", Some("600;refresher=uas")),
        (&["Supported: timer", asks], "601;refresher=uas", Some("600;refresher=uac")),
        (&["Supported: timer", asks], "300", Some("600;refresher=uac")),
        (&["Supported: timer", asks, "Min-SE: 400"], "300;refresher=uas", Some("600;refresher=uac")),
        (
            &["Supported: timer", "Session-Expires: 600;refresher=uac"],
            "300;refresher=uas",
            Some("600;refresher=uac"),
        ),
        (&[asks], "300;refresher=uac", Some("600;refresher=uas")),
        (&["Supported: timer"], "89;refresher=uas", None),
        (&["Supported: timer"], "soon", None),
    ] {
        let mut ua = with_timers(SessionTimers { mode: TimerMode::Supported, ..SessionTimers::DEFAULT });
        let invite = lines.iter().fold(Req::invite(), |invite, line| invite.line(line));
        let server = ua.hear(invite.body("application/sdp", SDP).text()).server();
        let heard = ua.accept(server, Reply::new().sdp(SDP).header("Session-Expires", own)).unwrap();
        let ok = heard.message("200 OK (INVITE)");
        assert_eq!(ok.value(Name::SessionExpires), said, "{lines:?} {own}");
        let timer = ua.sip.dialog(heard.dialog()).unwrap().session_timer().unwrap().clone();
        let interval =
            said.and_then(|said| said.split(';').next()).map(|seconds| secs(seconds.parse().unwrap()));
        assert_eq!(timer.interval(), interval, "{lines:?} {own}");
    }
}

/// §9: 422 with Min-SE, for INVITE and within the dialog; 400 for what cannot be read; 421 where it is required; 420 without the extension.
// Holds: 4028-6-1, 4028-9-2
#[test]
fn refusals_of_a_callee() {
    let mode = |mode| SessionTimers { mode, ..SessionTimers::DEFAULT };
    for (timers, lines, status, header) in [
        (
            mode(TimerMode::Supported),
            &["Supported: timer", "Session-Expires: 89"][..],
            422,
            Some((Name::MinSe, "90")),
        ),
        (mode(TimerMode::Supported), &["Supported: timer", "Session-Expires: soon"], 400, None),
        (mode(TimerMode::Required), &[], 421, Some((Name::Require, "timer"))),
        (mode(TimerMode::Off), &["Require: timer"], 420, Some((Name::Unsupported, "timer"))),
    ] {
        let mut ua = with_timers(timers);
        let invite = lines.iter().fold(Req::invite(), |invite, line| invite.line(line));
        let refusal = ua.hear(invite.body("application/sdp", SDP).text()).only();
        assert_eq!(refusal.status().unwrap().code(), status, "{lines:?}");
        if let Some((name, value)) = header {
            assert_eq!(refusal.value(name), Some(value), "{lines:?}");
        }
    }
    let (mut ua, ok, _) = called_with(ASKS, &["Supported: timer"]);
    ua.hear(Req::within(&ok, "ACK", 1).text());
    for (cseq, method) in [(2, "UPDATE"), (3, "INVITE")] {
        let request = Req::within(&ok, method, cseq).line(CONTACT.trim_end()).line("Supported: timer");
        let refusal = ua.hear(request.line("Session-Expires: 10").text()).only();
        assert_eq!(
            (refusal.status().unwrap().code(), refusal.value(Name::MinSe)),
            (422, Some("90")),
            "{method}"
        );
    }
}

/// §9, §10: a callee that refreshes counts from its 2xx.
// Holds: 4028-7.4-11, 4028-9-17, 4028-9-18, 4028-9-19
#[test]
fn a_callee_refreshes() {
    let (mut ua, ok, heard) = called_with(
        ASKS,
        &["Supported: timer", "Allow: INVITE, UPDATE", "Session-Expires: 100;refresher=uas"],
    );
    let dialog = heard.dialog();
    ua.hear(Req::within(&ok, "ACK", 1).text());
    let heard = ua.pass(secs(50));
    let update = heard.message("UPDATE");
    assert_eq!(heard.times("UPDATE")[0], 45_000, "the answer brought it down to 90 s");
    assert_eq!(update.value(Name::SessionExpires), Some("90;refresher=uac"));
    assert!(update.body().is_empty());
    // The peer answers with the roles changed: it refreshes from now on.
    let said = "Session-Expires: 90;refresher=uas\r\nRequire: timer\r\n";
    assert_eq!(ua.hear(answer(&update, 200, "", &format!("{CONTACT}{said}"))).lines(), Vec::<String>::new());
    let timer = ua.sip.dialog(dialog).unwrap().session_timer().unwrap().clone();
    assert_eq!((timer.refresher(), timer.deadline()), (Some(Side::Theirs), Some(ua.now + secs(60))));
    let heard = ua.pass(secs(60));
    let bye = heard.message("BYE");
    assert_eq!(bye.value(Name::Reason), Some("SIP;cause=408;text=\"Session timer expired\""));
    assert_eq!(heard.lines().last().unwrap(), "* destroy by Local: Expired");
}

// ---- A caller (§7) ----

/// A call to Alice, answered with these lines.
fn placed_with(timers: SessionTimers, lines: &str) -> (Ua, Message, DialogId) {
    let mut ua = with_timers(timers);
    let (_, invite) = ua.call_alice();
    let ok = answer(&invite, 200, "a", &format!("{CONTACT}{lines}Content-Type: application/sdp\r\n"));
    let ok = ok.replace("Content-Length: 0\r\n\r\n", &format!("Content-Length: {}\r\n\r\n{SDP}", SDP.len()));
    let heard = ua.hear(ok);
    let dialog = heard.dialog();
    (ua, invite, dialog)
}

/// §7.1: what the INVITE says; §7.4: in a request within the dialog what is agreed, and nothing in others.
// Holds: 4028-7.4-9
#[test]
fn what_a_caller_says() {
    let timers = SessionTimers { min_se: secs(120), interval: secs(600), ..ASKS };
    let (mut ua, invite, dialog) =
        placed_with(timers, "Session-Expires: 400;refresher=uac\r\nAllow: UPDATE\r\n");
    assert_eq!(invite.value(Name::SessionExpires), Some("600"));
    assert_eq!((invite.value(Name::MinSe), invite.value(Name::Supported)), (Some("120"), Some("timer")));
    ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "hi").unwrap();
    let info = ua.drain().message("INFO");
    ua.hear(answer(&info, 200, "a", ""));
    assert_eq!(info.value(Name::SessionExpires), None);
    let update = ua.pass(secs(200)).message("UPDATE");
    assert_eq!(update.value(Name::SessionExpires), Some("400;refresher=uac"));
    assert_eq!((update.value(Name::MinSe), update.value(Name::Supported)), (Some("120"), Some("timer")));
}

/// §7.1, §7.4: what is required is also supported, in the first INVITE and in what refreshes; by default nothing is.
// Holds: 4028-7.1-3, 4028-7.1-4, 4028-7.4-1
#[test]
fn what_is_required_is_supported() {
    for (mode, requires) in [(TimerMode::Requested, None), (TimerMode::Required, Some("timer"))] {
        let said = "Session-Expires: 90;refresher=uac\r\nAllow: UPDATE\r\n";
        let (mut ua, invite, _) = placed_with(SessionTimers { mode, ..ASKS }, said);
        let update = ua.pass(secs(45)).message("UPDATE");
        for request in [&invite, &update] {
            assert_eq!(request.value(Name::Require), requires, "{mode:?}");
            assert_eq!(request.value(Name::Supported), Some("timer"));
            assert_eq!(request.value(Name::ProxyRequire), None);
        }
    }
}

/// §7.2: the dialogs of one INVITE that forked have their own intervals, or none.
// Holds: 4028-7.2-7
#[test]
fn forks_have_timers_of_their_own() {
    let mut ua = Ua::with(|config| {
        config.set_session_timers(ASKS).unwrap();
        config.policy.keep_forks = true;
    });
    let (_, invite) = ua.call_alice();
    let mut dialogs = Vec::new();
    for (tag, lines) in [
        ("a", "Session-Expires: 100;refresher=uac\r\n"),
        ("b", "Session-Expires: 300;refresher=uas\r\n"),
        ("c", "Supported: timer\r\n"),
    ] {
        dialogs.push(ua.hear(answer(&invite, 200, tag, &format!("{CONTACT}{lines}"))).dialog());
    }
    let timers = dialogs.into_iter().map(|dialog| {
        let timer = ua.sip.dialog(dialog).unwrap().session_timer().unwrap().clone();
        (timer.interval(), timer.refresher())
    });
    let expected = [(Some(secs(100)), Some(Side::Ours)), (Some(secs(300)), Some(Side::Theirs)), (None, None)];
    assert_eq!(timers.collect::<Vec<_>>(), expected);
}

/// §7.4: what the 422s before the dialog asked for is forgotten in it; what the peer's own requests and 422s ask for there is not.
// Holds: 4028-7.4-2, 4028-7.4-3, 4028-7.4-5, 4028-7.4-6, 4028-7.4-15
#[test]
fn the_least_of_the_dialog() {
    let mut ua = with_timers(ASKS);
    let (_, first) = ua.call_alice();
    let second = ua.hear(answer(&first, 422, "a", "Min-SE: 200\r\n")).message("INVITE");
    let third = ua.hear(answer(&second, 422, "a", "Min-SE: 300\r\n")).message("INVITE");
    assert_eq!((second.value(Name::MinSe), third.value(Name::MinSe)), (Some("200"), Some("300")));
    let said = "Supported: timer\r\nAllow: UPDATE\r\nSession-Expires: 300;refresher=uac\r\n";
    let ok = answer(&third, 200, "a", &format!("{CONTACT}{said}"));
    ua.hear(ok.clone());
    let update = ua.pass(secs(150)).message("UPDATE");
    assert_eq!(
        (update.value(Name::MinSe), update.value(Name::SessionExpires)),
        (None, Some("300;refresher=uac"))
    );
    ua.hear(answer(&update, 422, "a", "Min-SE: 400\r\n"));
    let update = ua.pass(secs(1)).message("UPDATE");
    assert_eq!(update.value(Name::MinSe), Some("400"));
    ua.hear(answer(&update, 200, "a", &format!("{CONTACT}Session-Expires: 400;refresher=uac\r\n")));
    let theirs = Req::back(&third, &crate::support::parse(&ok), "UPDATE", 1)
        .line("Supported: timer")
        .line("Session-Expires: 500;refresher=uas")
        .line("Min-SE: 450");
    let heard = ua.hear(theirs.text());
    assert_eq!(
        heard.message("200 OK (UPDATE)").value(Name::SessionExpires),
        Some("450;refresher=uas"),
        "ours"
    );
    let update = ua.pass(secs(225)).message("UPDATE");
    assert_eq!(
        (update.value(Name::MinSe), update.value(Name::SessionExpires)),
        (Some("450"), Some("450;refresher=uac"))
    );
}

/// §7.3: the second INVITE has the Call-ID, From and To of the first, and the next number; a third is for a greater minimum only.
// Holds: 4028-7.3-1, 4028-7.3-2, 4028-7.4-4, 3261-8.1.3.5-6
#[test]
fn a_caller_meets_422() {
    let mut ua = with_timers(ASKS);
    let (request, first) = ua.call_alice();
    let heard = ua.hear(answer(&first, 422, "a", "Min-SE: 200\r\n"));
    assert_eq!(heard.lines(), ["ACK", "INVITE +body"]);
    let second = heard.message("INVITE");
    assert_eq!((second.value(Name::SessionExpires), second.value(Name::MinSe)), (Some("200"), Some("200")));
    for name in [Name::CallId, Name::From, Name::To, Name::Contact, Name::Supported, Name::Allow] {
        assert_eq!(second.value(name), first.value(name), "{name:?}");
    }
    assert_eq!((second.cseq(), second.body()), (2, first.body()));
    assert_ne!(second.top_via().unwrap().branch(), first.top_via().unwrap().branch());
    // The first one's 422 again is acknowledged again.
    assert_eq!(ua.hear(answer(&first, 422, "a", "Min-SE: 200\r\n")).lines(), ["ACK"]);
    let heard = ua.hear(answer(&second, 422, "a", "Min-SE: 200\r\n"));
    assert_eq!(heard.lines(), ["ACK", "* failed 422 X (INVITE)"]);
    let failed = heard.events()[0];
    assert!(matches!(failed, Event::Client { request: id, .. } if *id == request));
    ua.pass_all();
}

/// §7.3: between the two INVITEs nothing is lost: the call can be cancelled, and answered.
#[test]
fn a_second_invite_is_as_good_as_the_first() {
    let mut ua = with_timers(ASKS);
    let (request, first) = ua.call_alice();
    let second = ua.hear(answer(&first, 422, "a", "Min-SE: 200\r\n")).message("INVITE");
    ua.hear(answer(&second, 180, "b", CONTACT));
    let cancel = ua.cancel(request).message("CANCEL");
    assert_eq!(cancel.cseq(), 2);
    let heard = ua.hear(answer(&second, 487, "b", ""));
    assert!(heard.lines().contains(&"* failed 487 X (INVITE)".into()), "{heard:?}");
    ua.pass_all();

    let mut ua = with_timers(ASKS);
    let (_, first) = ua.call_alice();
    let second = ua.hear(answer(&first, 422, "a", "Min-SE: 200\r\n")).message("INVITE");
    let said = "Supported: timer\r\nSession-Expires: 200;refresher=uas\r\n";
    let heard = ua.hear(answer(&second, 200, "b", &format!("{CONTACT}{said}")));
    assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"]);
    assert_eq!(heard.message("ACK").cseq(), 2);
    let timer = ua.sip.dialog(heard.dialog()).unwrap().session_timer().unwrap().clone();
    assert_eq!(timer.interval(), Some(secs(200)));
}

const BY_US: &str = "Session-Expires: 90;refresher=uac\r\nAllow: INVITE, UPDATE\r\nSupported: timer\r\n";

/// §10: 408, 481 and silence end the call, once.
// Holds: 4028-10-2
#[test]
fn a_refresh_that_ends_the_call() {
    for code in [408, 481] {
        let (mut ua, ..) = placed_with(ASKS, BY_US);
        let update = ua.pass(secs(45)).message("UPDATE");
        let heard = ua.hear(answer(&update, code, "a", ""));
        assert_eq!(heard.lines(), ["BYE".into(), format!("* destroy by Local: Response({code})")]);
        ua.pass_all();
    }
}

/// §10, RFC 3261 §14.1: a refresh that collides is sent again after a while, and the application hears nothing of it.
#[test]
fn a_refresh_collides() {
    let (mut ua, ..) = placed_with(ASKS, BY_US);
    let mut update = ua.pass(secs(45)).message("UPDATE");
    for _ in 0..3 {
        assert_eq!(ua.hear(answer(&update, 491, "a", "")).lines(), Vec::<String>::new());
        let heard = ua.pass(secs(4));
        update = heard.message("UPDATE");
    }
    let said = "Session-Expires: 90;refresher=uac\r\n";
    assert_eq!(ua.hear(answer(&update, 200, "a", &format!("{CONTACT}{said}"))).lines(), Vec::<String>::new());
    assert_eq!(ua.pass(secs(44)).lines(), Vec::<String>::new());
}

/// §7.4: a peer that does not take UPDATE after all is sent a re-INVITE; §10: 422 is met; 500 is tried again half way to the end.
// Holds: 4028-7.4-8, 4028-7.4-12, 4028-7.4-13, 4028-10-3
#[test]
fn refreshes_that_fail() {
    let (mut ua, ..) = placed_with(ASKS, BY_US);
    let update = ua.pass(secs(45)).message("UPDATE");
    ua.hear(answer(&update, 405, "a", ""));
    let invite = ua.pass(secs(1)).message("INVITE");
    assert_eq!(invite.body(), SDP.as_bytes(), "the offer has not changed (§7.4)");
    assert_eq!(invite.value(Name::SessionExpires), Some("90;refresher=uac"));

    let (mut ua, ..) = placed_with(ASKS, BY_US);
    let update = ua.pass(secs(45)).message("UPDATE");
    ua.hear(answer(&update, 422, "a", "Min-SE: 300\r\n"));
    let again = ua.pass(secs(1)).message("UPDATE");
    assert_eq!(again.value(Name::SessionExpires), Some("300;refresher=uac"));
    assert_eq!(again.value(Name::MinSe), Some("300"));

    let (mut ua, ..) = placed_with(ASKS, BY_US);
    let update = ua.pass(secs(45)).message("UPDATE");
    assert_eq!(ua.hear(answer(&update, 500, "a", "")).lines(), Vec::<String>::new());
    let heard = ua.pass(secs(23));
    assert_eq!(heard.times("UPDATE")[0], 67_500);
}

/// §10: the end comes all the same while refreshes fail; the BYE says why.
// Holds: 4028-10-1
#[test]
fn the_end_of_a_session_that_is_never_refreshed() {
    let (mut ua, ..) = placed_with(ASKS, BY_US);
    let mut sent = 0;
    let mut heard = ua.pass(secs(45));
    while let Some(update) = heard.sent().into_iter().find(|message| *message.method() == Method::Update) {
        sent += 1;
        ua.hear(answer(&update, 500, "a", ""));
        let next = ua.sip.poll_timeout().unwrap() - ua.now;
        heard = ua.pass(next);
        while heard.sent().is_empty() {
            heard = ua.pass(ua.sip.poll_timeout().unwrap() - ua.now);
        }
    }
    assert_eq!((sent, ua.now), (4, Timestamp::from_secs(90)));
    assert_eq!(heard.lines(), ["BYE", "* destroy by Local: Expired"]);
    ua.pass_all();
}

/// DESIGN.md §2 contract 6: a session timer keeps nothing alive: a call that is being ended is not refreshed.
#[test]
fn no_refresh_after_the_end() {
    let (mut ua, _, dialog) = placed_with(ASKS, BY_US);
    let bye = ua.destroy(dialog).only();
    assert_eq!(*bye.method(), Method::Bye);
    let heard = ua.pass_all();
    assert!(heard.sent().iter().all(|message| *message.method() == Method::Bye), "{heard:?}");
}

/// §7.4, §13 message 18: what a 422 has asked for before there was a dialog no refresh in it says any more; the interval stays.
// Holds: 4028-7.4-15
#[test]
fn a_refresh_says_nothing_of_a_422_before_the_dialog() {
    for allows in ["", "Allow: INVITE, UPDATE\r\n"] {
        let mut ua = with_timers(ASKS);
        let (_, first) = ua.call_alice();
        let second = ua.hear(answer(&first, 422, "a", "Min-SE: 200\r\n")).message("INVITE");
        let said = format!("{CONTACT}{allows}Supported: timer\r\nSession-Expires: 200;refresher=uac\r\n");
        ua.hear(answer(&second, 200, "b", &said));
        let heard = ua.pass(secs(100));
        let refresh = heard.message(if allows.is_empty() { "INVITE" } else { "UPDATE" });
        assert_eq!(
            (refresh.value(Name::SessionExpires), refresh.value(Name::MinSe)),
            (Some("200;refresher=uac"), None)
        );
    }
}

/// §7.1: `timer` stands in Supported of every request but ACK, outside dialogs and within, where session timers are on.
// Holds: 4028-7.1-1, 4028-7.1-2
#[test]
fn every_request_but_ack_says_that_timers_are_supported() {
    use sip_proto::context::Request;
    use sip_proto::dialog::InDialog;
    use sip_proto::message::Body;
    for mode in [TimerMode::Supported, TimerMode::Requested, TimerMode::Required, TimerMode::Off] {
        let mut ua = with_timers(SessionTimers { mode, ..ASKS });
        let mut sent = Vec::new();
        // A call that is cancelled, one that is refused.
        let (call, invite) = ua.call_alice();
        ua.hear(answer(&invite, 180, "a", CONTACT));
        let cancel = ua.cancel(call).message("CANCEL");
        ua.hear(answer(&cancel, 200, "a", ""));
        sent.push(ua.hear(answer(&invite, 487, "a", "")).message("ACK"));
        sent.extend([invite, cancel]);
        for method in [Method::Options, Method::Message, Method::Register, Method::Subscribe, Method::Refer] {
            let request = Request::new(method, "sip:alice@192.0.2.1")
                .header("Event", "presence")
                .header("Refer-To", "<sip:carol@192.0.2.9>");
            ua.sip.request(ua.now, request).unwrap();
            sent.extend(ua.drain().sent());
        }
        // A call that is up, with a reliable 180 in it.
        let (_, invite) = ua.call_alice();
        let reliable = format!("{CONTACT}Require: 100rel\r\nRSeq: 7\r\n");
        sent.push(ua.hear(answer(&invite, 180, "b", &reliable)).message("PRACK"));
        let lines = format!("{CONTACT}Allow: INVITE, UPDATE\r\nContent-Type: application/sdp\r\n");
        let ok = answer(&invite, 200, "b", &lines);
        let body = format!("Content-Length: {}\r\n\r\n{SDP}", SDP.len());
        let heard = ua.hear(ok.replace("Content-Length: 0\r\n\r\n", &body));
        sent.push(heard.message("ACK"));
        let dialog = heard.dialog();
        for method in [Method::Info, Method::Update, Method::Notify, Method::Publish, Method::Refer] {
            let request = InDialog::new(method).header("Refer-To", "<sip:carol@192.0.2.9>");
            ua.sip.dialog(dialog).unwrap().request(ua.now, request).unwrap();
            let message = ua.drain().only();
            ua.hear(answer(&message, 200, "b", CONTACT));
            sent.push(message);
        }
        ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
        let again = ua.drain().only();
        ua.hear(answer(&again, 488, "b", ""));
        sent.push(again);
        ua.sip.dialog(dialog).unwrap().notify(ua.now, "x", "active", None::<Body>).unwrap();
        sent.extend(ua.drain().sent());
        sent.push(ua.destroy(dialog).message("BYE"));
        let methods: std::collections::BTreeSet<_> =
            sent.iter().map(|message| message.method().as_str().to_string()).collect();
        assert_eq!(methods.len(), 14, "{methods:?}");
        for message in sent {
            let is_said = message.supported().any(|tag| tag == "timer");
            assert_eq!(
                is_said,
                mode != TimerMode::Off && *message.method() != Method::Ack,
                "{mode:?} {message:?}"
            );
            assert!(message.supported().count() <= 1);
        }
    }
}
