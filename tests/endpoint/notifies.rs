//! What a notifier says and when: subscriptions that are pending, denied or declined, the pace of NOTIFYs, NOTIFYs that the application words itself
//! (RFC 6665 §4.2, RFC 3515 §2.4, §3.10).

#![allow(clippy::arithmetic_side_effects, reason = "test")]

use crate::support::{Heard, Req, Ua, answer, millis, secs};
use sip_proto::context::{self, Reply, Request};
use sip_proto::dialog::{
    DialogError, InDialog, NotifierState, Party, Reason, Sipfrag, SubscriberState, Subscription, UsageId,
};
use sip_proto::endpoint::{Answer, Handling};
use sip_proto::message::{Body, BuildError, Header, Name};
use sip_proto::testing::Network;
use sip_proto::{
    ClientEvent, Config, DialogEvent, DialogId, Event, Message, Method, Refused, RequestId, ServerEvent,
    ServerId, StatusCode, Timestamp,
};

/// A user agent that serves SUBSCRIBE and REFER outside dialogs, with this pace.
fn bob(pace: u64) -> Ua {
    Ua::with(|config| {
        config.policy.set_initial(Method::Subscribe, Handling::Ask);
        config.policy.set_initial(Method::Refer, Handling::Ask);
        config.granting.pace = secs(pace);
    })
}

fn subscribe() -> Req {
    Req::new("SUBSCRIBE").line("Contact: <sip:alice@192.0.2.1>").line("Event: presence").line("Expires: 600")
}

fn refer() -> Req {
    Req::new("REFER").line("Contact: <sip:alice@192.0.2.1>").line("Refer-To: <sip:carol@192.0.2.3>")
}

/// A SUBSCRIBE or REFER of Alice's, answered so: our 200, the NOTIFY that follows, which she answers, and the subscription.
fn answered(ua: &mut Ua, request: &Req, reply: Reply) -> (Message, Message, DialogId, UsageId) {
    let server = ua.hear(request.clone().text()).server();
    let heard = ua.accept(server, reply).unwrap();
    let (ok, told) = (heard.message(&format!("200 OK ({})", request.method)), heard.message("NOTIFY"));
    assert_eq!(heard.lines()[..2], [format!("200 OK ({})", request.method), "* accepted 200".into()]);
    assert_eq!(heard.sent().len(), 2, "the answer and one NOTIFY");
    let dialog = heard.dialog();
    let usage = held(ua, dialog)[0].id();
    ua.hear(answer(&told, 200, "", ""));
    (ok, told, dialog, usage)
}

fn held(ua: &mut Ua, dialog: DialogId) -> Vec<Subscription> {
    ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().to_vec()
}

fn state(ua: &mut Ua, dialog: DialogId) -> NotifierState {
    match &held(ua, dialog)[0].party {
        Party::Notifier(notifier) => notifier.state(),
        Party::Subscriber(subscriber) => panic!("{subscriber:?}"),
    }
}

/// What a NOTIFY says of its subscription, and its body.
fn says(notify: &Message) -> (&str, &str) {
    assert_eq!(*notify.method(), Method::Notify);
    (notify.value(Name::SubscriptionState).unwrap(), std::str::from_utf8(notify.body()).unwrap())
}

fn text(state: &'static str) -> Option<Body> {
    Some(Body::new("text/plain", state))
}

fn report(ua: &mut Ua, dialog: DialogId, usage: UsageId, code: u16) -> Result<RequestId, Refused> {
    let status = StatusCode::new(code).unwrap();
    ua.sip.dialog(dialog).unwrap().report_refer(ua.now, usage, status)
}

/// The results of a request of ours.
fn results(heard: &Heard, id: RequestId) -> Vec<(u16, bool)> {
    let of = |event: &Event<u32>| match event {
        Event::Client { request, event: ClientEvent::Accepted { response, .. } } if *request == id => {
            Some((response.status()?.code(), false))
        }
        Event::Client { request, event: ClientEvent::Failed { response, synthetic, .. } }
            if *request == id =>
        {
            Some((response.status()?.code(), *synthetic))
        }
        _ => None,
    };
    heard.events().into_iter().filter_map(of).collect()
}

/// When NOTIFYs were sent for the first time, in milliseconds, and what they say.
fn told(heard: &Heard) -> Vec<(u64, String, String)> {
    let mut all: Vec<(u64, String, String)> = Vec::new();
    for (at, output) in &heard.0 {
        if let sip_proto::Output::Transmit(transmit) = output
            && let Some(message) = transmit.payload.message()
            && *message.method() == Method::Notify
            && message.request_uri().is_some()
        {
            let (state, body) = says(message);
            all.push((at.as_millis(), state.into(), body.into()));
        }
    }
    all
}

/// Lets time pass; Alice answers every NOTIFY.
fn pass_answering(ua: &mut Ua, length: std::time::Duration) -> Heard {
    let end = ua.now + length;
    let mut all = Vec::new();
    let mut heard = ua.drain();
    loop {
        let sent: Vec<Message> = heard.sent();
        all.extend(heard.0);
        let answers: Vec<String> = sent
            .iter()
            .filter(|message| *message.method() == Method::Notify && message.request_uri().is_some())
            .map(|notify| answer(notify, 200, "", ""))
            .collect();
        if answers.is_empty() {
            if ua.now >= end {
                return Heard(all);
            }
            let next = ua.sip.poll_timeout().map_or(end, |at| at.min(end));
            heard = ua.pass(next - ua.now);
            continue;
        }
        heard = Heard(Vec::new());
        for answer in answers {
            heard.0.extend(ua.hear(answer).0);
        }
    }
}

// ---- Pending ----

/// §4.2.2, Figure 2: pending at first, active when the application has found permission.
#[test]
fn a_pending_subscription_is_authorised_later() {
    let mut ua = bob(0);
    let reply = Reply::new().pending().body("text/plain", "nothing yet");
    let (_, first, dialog, usage) = answered(&mut ua, &subscribe(), reply);
    assert_eq!(says(&first), ("pending;expires=600", "nothing yet"));
    assert_eq!(state(&mut ua, dialog), NotifierState::Pending);
    ua.pass(secs(10));
    // What is told while it is pending does not make it active.
    ua.sip.dialog(dialog).unwrap().tell(ua.now, usage, text("still nothing")).unwrap();
    let heard = ua.drain();
    assert_eq!(says(&heard.message("NOTIFY")), ("pending;expires=590", "still nothing"));
    ua.hear(answer(&heard.message("NOTIFY"), 200, "", ""));
    let id = ua.sip.dialog(dialog).unwrap().authorise(ua.now, usage, text("open")).unwrap();
    let heard = ua.drain();
    assert_eq!(says(&heard.only()), ("active;expires=590", "open"));
    assert_eq!(state(&mut ua, dialog), NotifierState::Active);
    assert_eq!(results(&ua.hear(answer(&heard.only(), 200, "", "")), id), [(200, false)]);
    // Once.
    let refused = ua.sip.dialog(dialog).unwrap().authorise(ua.now, usage, None);
    assert_eq!(refused, Err(DialogError::Substate.into()));
    assert_eq!(ua.drain().lines(), [""; 0]);
    let last = pass_answering(&mut ua, secs(700));
    assert_eq!(told(&last), [(600_000, "terminated;reason=timeout".into(), String::new())]);
    assert!(ua.sip.is_empty());
}

/// §4.2.1.3: permission that is denied later is told with `rejected`; §4.2.1.4: one that nobody decides on runs out.
#[test]
fn a_pending_subscription_is_denied_later_or_runs_out() {
    let mut ua = bob(0);
    let (_, _, dialog, usage) = answered(&mut ua, &subscribe(), Reply::new().pending());
    ua.sip.dialog(dialog).unwrap().terminate(ua.now, usage, Reason::Rejected, None).unwrap();
    let last = ua.drain().only();
    assert_eq!(says(&last), ("terminated;reason=rejected", ""));
    let refused = ua.sip.dialog(dialog).unwrap().authorise(ua.now, usage, None);
    assert_eq!(refused, Err(DialogError::Terminated.into()));
    let heard = ua.hear(answer(&last, 200, "", ""));
    assert!(heard.lines().contains(&"* destroy by Local: Unsubscribed".into()), "{heard:?}");
    ua.pass_all();

    let mut ua = bob(0);
    answered(&mut ua, &subscribe(), Reply::new().pending());
    let heard = pass_answering(&mut ua, secs(700));
    assert_eq!(told(&heard), [(600_000, "terminated;reason=timeout".into(), String::new())]);
    assert!(ua.sip.is_empty());
}

/// §4.2.1.2, §4.2.1.4: a refresh is answered and told at once, and leaves the subscription pending.
#[test]
fn a_refresh_leaves_it_pending() {
    let mut ua = bob(0);
    let (ok, _, dialog, _) = answered(&mut ua, &subscribe(), Reply::new().pending());
    let again = Req::within(&ok, "SUBSCRIBE", 2)
        .line("Contact: <sip:alice@192.0.2.1>")
        .line("Event: presence")
        .line("Expires: 300");
    let heard = ua.hear(again.text());
    assert_eq!(says(&heard.message("NOTIFY")), ("pending;expires=300", ""));
    assert_eq!(state(&mut ua, dialog), NotifierState::Pending);
}

/// §4.2.2, §4.1.2: both sides of a subscription that is granted after a while, over a bad link.
#[test]
fn two_endpoints_wait_for_permission() {
    for seed in 0..20 {
        let mut net: Network = Network::new(seed);
        let alice = net.node("alice", "192.0.2.1");
        let mut config = Config::new("sip:bob@192.0.2.4").unwrap();
        config.policy.set_initial(Method::Subscribe, Handling::Ask);
        let bob = net.node_with("bob", "192.0.2.4", config);
        (net.link.loss, net.link.duplication) = (0.2, 0.1);
        let request = Request::new(Method::Subscribe, "sip:bob@192.0.2.4")
            .header("Event", "presence")
            .header("Expires", "600");
        net.endpoint(alice).request(Timestamp::ZERO, request).unwrap();
        let (mut theirs, mut ours) = (None, None);
        let mut states = Vec::new();
        let mut events = Vec::new();
        while ours.is_none() || theirs.is_none() {
            events.push(net.next_event().expect("a subscription").1);
            let now = net.now();
            match events.last() {
                Some(Event::Incoming { server, .. }) => {
                    net.endpoint(bob).server(*server).unwrap().accept(now, Reply::new().pending()).unwrap();
                }
                Some(Event::Server { event: ServerEvent::Accepted { dialog, .. }, .. }) => theirs = *dialog,
                Some(Event::Dialog { dialog, event: DialogEvent::Notify(_) }) => ours = Some(*dialog),
                _ => {}
            }
        }
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        for turn in 0..2 {
            net.run_for(secs(40));
            let now = net.now();
            let held = net.endpoint(alice).dialog(ours).unwrap().subscriptions().unwrap()[0].clone();
            if let Party::Subscriber(subscriber) = held.party {
                states.push(subscriber.state());
            }
            if turn == 0 {
                let usage = net.endpoint(bob).dialog(theirs).unwrap().subscriptions().unwrap()[0].id();
                net.endpoint(bob).dialog(theirs).unwrap().authorise(now, usage, text("open")).unwrap();
            }
        }
        assert_eq!(states, [SubscriberState::Pending, SubscriberState::Active], "{}", net.ladder());
    }
}

// ---- Denied and declined ----

/// RFC 6665 §4.2.1.3: accepted, but not allowed: one NOTIFY, which says so.
#[test]
fn a_subscription_that_is_denied_at_once() {
    let mut ua = bob(0);
    let server = ua.hear(subscribe().text()).server();
    let heard = ua.accept(server, Reply::new().denied()).unwrap();
    assert_eq!(heard.lines(), ["200 OK (SUBSCRIBE)", "* accepted 200", "NOTIFY"]);
    assert_eq!(says(&heard.message("NOTIFY")), ("terminated;reason=rejected", ""));
    let heard = ua.hear(answer(&heard.message("NOTIFY"), 200, "", ""));
    assert_eq!(heard.lines()[..2], ["* subscription ended: presence", "* destroy by Local: Unsubscribed"]);
    let heard = ua.pass_all();
    assert_eq!(told(&heard), []);
}

/// RFC 3515 §2.4.5, §2.4.7: a REFER that is accepted although nobody is to follow it: one NOTIFY, with 603, which ends the subscription.
#[test]
fn a_refer_that_policy_refuses_has_one_notify() {
    let asked = |ua: &mut Ua, server: ServerId| ua.accept(server, Reply::new().denied()).unwrap();
    for is_auto in [true, false] {
        let mut ua = Ua::with(|config| {
            let handling = if is_auto { Handling::Auto } else { Handling::Ask };
            config.policy.set_initial(Method::Refer, handling);
        });
        let heard = ua.hear(refer().text());
        let heard = if is_auto { heard } else { asked(&mut ua, heard.server()) };
        let sent = heard.sent();
        assert_eq!(sent.len(), 2, "{heard:?}");
        assert_eq!(sent[0].status(), Some(StatusCode::OK));
        assert_eq!(says(&sent[1]), ("terminated;reason=noresource", "SIP/2.0 603 Decline\r\n"));
        ua.hear(answer(&sent[1], 200, "", ""));
        assert_eq!(told(&ua.pass_all()), []);
    }
}

/// RFC 3515 §2.4.2: a REFER that is declined has one answer, however often it comes, and no NOTIFY at all: by the application and by policy, within a call
/// and outside. RFC 6665 §4.2.1.3: the same holds for a SUBSCRIBE.
#[test]
fn who_is_declined_is_told_once() {
    for (within, by_policy) in [(false, false), (false, true), (true, false), (true, true)] {
        for (method, code) in [("REFER", 603), ("REFER", 480), ("SUBSCRIBE", 403), ("SUBSCRIBE", 603)] {
            let mut ua = Ua::with(|config| {
                let refuses = Handling::Reject(StatusCode::new(code).unwrap());
                let handling = if by_policy { refuses } else { Handling::Ask };
                for method in [Method::Refer, Method::Subscribe] {
                    config.policy.set_initial(method.clone(), handling);
                    config.policy.set_in_dialog(method, handling);
                }
            });
            let call = within.then(|| ua.answered_call());
            let asks = if method == "REFER" { refer() } else { subscribe() };
            let asks = match &call {
                Some((ok, _)) => Req { lines: asks.lines.clone(), ..Req::within(ok, method, 2) },
                None => asks,
            };
            let mut heard = ua.hear(asks.clone().text());
            let server = heard.events().into_iter().find_map(|event| match event {
                Event::Incoming { server, .. } => Some(*server),
                Event::Dialog {
                    event: DialogEvent::Refer(asked) | DialogEvent::Subscribe(asked), ..
                } => match asked.answer {
                    Answer::Ask(server) => Some(server),
                    Answer::Auto(_) => None,
                },
                _ => None,
            });
            if let Some(server) = server {
                heard.0.extend(ua.reject(server, Reply::code(code)).unwrap().0);
            }
            let sent = heard.sent();
            assert_eq!(sent.len(), 1, "{method} {within} {by_policy}: {heard:?}");
            assert_eq!(sent[0].status().unwrap().code(), code);
            let again = ua.hear(asks.text()).only();
            assert_eq!(again, sent[0]);
            if let Some((_, dialog)) = call {
                assert_eq!(held(&mut ua, dialog), []);
                assert_eq!(told(&ua.pass(secs(400))), []);
                assert!(ua.sip.dialog(dialog).is_ok(), "the call goes on");
            } else {
                assert_eq!(told(&ua.pass_all()), []);
            }
        }
    }
}

/// RFC 3515 §2.4.2: 400 to a REFER with no Refer-To, with two, or with one that is none.
#[test]
fn a_refer_to_one_place_only() {
    let mut ua = bob(0);
    let (ok, _) = ua.answered_call();
    let lines = [
        "",
        "Refer-To: <sip:carol@192.0.2.3>\r\nRefer-To: <sip:dave@192.0.2.3>\r\n",
        "Refer-To: <sip:carol@192.0.2.3>, <sip:dave@192.0.2.3>\r\n",
        "Refer-To: \r\n",
        "r: <sip:carol@192.0.2.3>\r\nRefer-To: <sip:dave@192.0.2.3>\r\n",
    ];
    for (cseq, lines) in (2..).zip(lines) {
        let lines = format!("Contact: <sip:alice@192.0.2.1>\r\n{lines}");
        let outside = Req { lines: lines.clone(), ..Req::new("REFER").branch(&format!("z9hG4bK-o{cseq}")) };
        let within = Req { lines, ..Req::within(&ok, "REFER", cseq) };
        for request in [outside, within] {
            assert_eq!(ua.hear(request.clone().text()).lines(), ["400 Bad Request (REFER)"], "{request:?}");
        }
    }
    let good = Req { lines: refer().lines, ..Req::within(&ok, "REFER", 20) };
    assert_eq!(ua.hear(good.text()).lines(), ["* REFER asks"]);
}

/// RFC 3515 §2.4.5, §2.4.7: accepted before anybody is asked, then refused: the NOTIFY that every 2xx has, and one that ends it.
#[test]
fn a_refer_that_is_refused_later() {
    let mut ua = bob(0);
    let (_, first, dialog, usage) = answered(&mut ua, &refer(), Reply::new().pending());
    assert_eq!(says(&first), ("pending;expires=300", "SIP/2.0 100 Trying\r\n"));
    assert_eq!(first.value(Name::ContentType), Some("message/sipfrag;version=2.0"));
    ua.pass(secs(20));
    report(&mut ua, dialog, usage, 603).unwrap();
    for code in [100, 180, 200, 603] {
        assert_eq!(report(&mut ua, dialog, usage, code), Err(DialogError::Terminated.into()));
    }
    let heard = pass_answering(&mut ua, secs(400));
    let last = (20_000, "terminated;reason=noresource".into(), "SIP/2.0 603 Decline\r\n".into());
    assert_eq!(told(&heard), [last]);
    assert!(ua.sip.is_empty());
}

// ---- The pace ----

/// RFC 3515 §3.10: no more than one NOTIFY a second. What came in between is not told; the result is.
// Holds: 3515-3.10-1
#[test]
fn notifies_of_a_refer_keep_a_second_apart() {
    for (reports, expected) in [
        (vec![(200, 180), (300, 183), (400, 200)], vec![(1000, "terminated;reason=noresource", 200)]),
        (
            vec![(200, 180), (1500, 200)],
            vec![(1000, "active;expires=299", 180), (2000, "terminated;reason=noresource", 200)],
        ),
        (
            vec![(999, 180), (1001, 183), (1500, 180), (3000, 486)],
            vec![
                (1000, "active;expires=299", 180),
                (2000, "active;expires=298", 180),
                (3000, "terminated;reason=noresource", 486),
            ],
        ),
        (vec![(5000, 603)], vec![(5000, "terminated;reason=noresource", 603)]),
    ] {
        let mut ua = bob(0);
        let (_, _, dialog, usage) = answered(&mut ua, &refer(), Reply::new());
        let mut heard = Heard(Vec::new());
        for (at, code) in &reports {
            let pause = millis(*at) - millis(ua.now.as_millis());
            heard.0.extend(pass_answering(&mut ua, pause).0);
            report(&mut ua, dialog, usage, *code).unwrap();
        }
        heard.0.extend(pass_answering(&mut ua, secs(400)).0);
        let told: Vec<_> = told(&heard)
            .into_iter()
            .map(|(at, state, body)| (at, state, Sipfrag::parse(body.as_bytes()).unwrap().status.code()))
            .collect();
        let expected: Vec<_> =
            expected.into_iter().map(|(at, state, code)| (at, state.to_string(), code)).collect();
        assert_eq!(told, expected, "{reports:?}");
        assert!(ua.sip.is_empty());
    }
}

/// DESIGN.md §2 contract 6: what is told while a NOTIFY waits is that one request, with one result.
#[test]
fn what_is_told_meanwhile_is_one_request() {
    let mut ua = bob(5);
    let (_, _, dialog, usage) = answered(&mut ua, &subscribe(), Reply::new());
    let ids = ["a", "b", "c"].map(|state| {
        ua.now = ua.now + millis(100);
        ua.sip.dialog(dialog).unwrap().tell(ua.now, usage, text(state)).unwrap()
    });
    assert_eq!((ids[0], ids[1]), (ids[1], ids[2]));
    assert_eq!(ua.drain().lines(), [""; 0]);
    assert!(ua.sip.client(ids[0]).unwrap().request().is_none(), "not written yet");
    // RFC 3261 §9.1: there is nothing to cancel.
    assert!(ua.sip.client(ids[0]).unwrap().cancel(ua.now).is_err());
    let heard = pass_answering(&mut ua, secs(20));
    assert_eq!(told(&heard), [(5000, "active;expires=595".into(), "c".into())]);
    assert_eq!(results(&heard, ids[0]), [(200, false)]);
    // The next one is another, and goes at once.
    let id = ua.sip.dialog(dialog).unwrap().tell(ua.now, usage, text("d")).unwrap();
    assert_ne!(id, ids[0]);
    let sent = ua.drain().only();
    assert_eq!(says(&sent).1, "d");
    ua.hear(answer(&sent, 200, "", ""));
    // An end without a state does not swallow the one that waits.
    ua.sip.dialog(dialog).unwrap().tell(ua.now, usage, text("e")).unwrap();
    ua.sip.dialog(dialog).unwrap().terminate(ua.now, usage, Reason::Noresource, None).unwrap();
    let heard = pass_answering(&mut ua, secs(400));
    assert_eq!(told(&heard), [(25_300, "terminated;reason=noresource".into(), "e".into())]);
    assert!(ua.sip.is_empty());
}

/// RFC 6665 §4.2.1.2: the NOTIFY after a refresh, or after the end, has the state, which the application knows: it is asked where SUBSCRIBE's entry says so.
#[test]
fn the_state_after_a_refresh() {
    for (expires, said) in [("600", "active;expires=600"), ("0", "terminated;reason=timeout")] {
        let mut ua = Ua::with(|config| {
            config.policy.set_initial(Method::Subscribe, Handling::Ask);
            config.policy.set_in_dialog(Method::Subscribe, Handling::Ask);
        });
        let first = Reply::new().body("text/plain", "away");
        let (ok, told, dialog, _) = answered(&mut ua, &subscribe(), first);
        assert_eq!(says(&told), ("active;expires=600", "away"));
        ua.pass(secs(40));
        let again = Req::within(&ok, "SUBSCRIBE", 2).line("Contact: <sip:alice@192.0.2.1>");
        let again = again.line("Event: presence").line(&format!("Expires: {expires}"));
        let heard = ua.hear(again.text());
        assert_eq!(heard.0.len(), 1, "nothing goes out unasked: {heard:?}");
        let asked = match heard.events()[0] {
            Event::Dialog { event, .. } => event.asked().map(|asked| asked.answer),
            _ => None,
        };
        let Some(Answer::Ask(server)) = asked else { panic!("{heard:?}") };
        let heard = ua.accept(server, Reply::new().body("text/plain", "here")).unwrap();
        assert_eq!(heard.message("200 OK (SUBSCRIBE)").value(Name::Expires), Some(expires));
        let told = heard.message("NOTIFY");
        assert_eq!(says(&told), (said, "here"));
        ua.hear(answer(&told, 200, "", ""));
        assert_eq!(ua.sip.dialog(dialog).is_ok(), expires != "0");
    }
}

/// RFC 6665 §4.2.1.2: the NOTIFY after a refresh goes at once, with what waits; §4.2.1.4: the end of its time keeps the pace.
#[test]
fn a_refresh_does_not_wait() {
    let mut ua = bob(5);
    let (ok, _, dialog, usage) = answered(&mut ua, &subscribe(), Reply::new());
    ua.pass(secs(1));
    let id = ua.sip.dialog(dialog).unwrap().tell(ua.now, usage, text("new")).unwrap();
    let again = |cseq, expires: &str| {
        Req::within(&ok, "SUBSCRIBE", cseq)
            .line("Contact: <sip:alice@192.0.2.1>")
            .line("Event: presence")
            .line(&format!("Expires: {expires}"))
    };
    let heard = ua.hear(again(2, "8").text());
    assert_eq!(heard.lines(), ["200 OK (SUBSCRIBE)", "NOTIFY +body", "* SUBSCRIBE answered 200"]);
    assert_eq!(says(&heard.message("NOTIFY")), ("active;expires=8", "new"));
    assert_eq!(results(&ua.hear(answer(&heard.message("NOTIFY"), 200, "", "")), id), [(200, false)]);
    // At 6 s the next one may go, at 9 s the subscription ends: not before 11 s may be said so.
    ua.pass(secs(5));
    ua.sip.dialog(dialog).unwrap().tell(ua.now, usage, text("newer")).unwrap();
    let heard = pass_answering(&mut ua, secs(400));
    let expected = [
        (6000, "active;expires=3".to_string(), "newer".to_string()),
        (11_000, "terminated;reason=timeout".into(), String::new()),
    ];
    assert_eq!(told(&heard), expected);
    assert!(ua.sip.is_empty());
}

/// DESIGN.md §2 contract 6: a NOTIFY that waits has its result when its subscription, or its dialog, ends before its turn.
#[test]
fn what_waits_has_a_result_when_all_ends() {
    // The NOTIFY before it fails, and takes the subscription along (RFC 6665 §4.2.2).
    let mut ua = bob(5);
    let server = ua.hear(subscribe().text()).server();
    let heard = ua.accept(server, Reply::new()).unwrap();
    let (dialog, first) = (heard.dialog(), heard.message("NOTIFY"));
    let usage = held(&mut ua, dialog)[0].id();
    let id = ua.sip.dialog(dialog).unwrap().tell(ua.now, usage, text("a")).unwrap();
    let heard = ua.hear(answer(&first, 481, "", ""));
    assert_eq!(results(&heard, id).len(), 1);
    assert!(heard.lines().contains(&"* destroy by Remote: Unsubscribed".into()), "{heard:?}");
    assert_eq!(told(&ua.pass_all()), []);
    // The dialog ends with it: RFC 5057 §5.1.
    let mut ua = bob(5);
    let (ok, call) = ua.answered_call();
    let asks = Req { lines: subscribe().lines, ..Req::within(&ok, "SUBSCRIBE", 2) };
    let heard = ua.hear(asks.text());
    let Some(Event::Dialog { event: DialogEvent::Subscribe(asked), .. }) = heard.events().first().copied()
    else {
        panic!("{heard:?}")
    };
    let Answer::Ask(server) = asked.answer else { panic!("{asked:?}") };
    let first = ua.accept(server, Reply::new()).unwrap().message("NOTIFY");
    let usage = held(&mut ua, call)[0].id();
    let id = ua.sip.dialog(call).unwrap().tell(ua.now, usage, text("a")).unwrap();
    let heard = ua.hear(answer(&first, 404, "", ""));
    assert_eq!(results(&heard, id).len(), 1, "{heard:?}");
    ua.pass_all();
}

/// RFC 3515 §2.4.7, §3.10, contract 6: a dialog that is destroyed while a NOTIFY waits says the end in its place.
#[test]
fn a_destroyed_dialog_tells_its_end_in_turn() {
    let mut ua = bob(0);
    let (_, _, dialog, usage) = answered(&mut ua, &refer(), Reply::new());
    let id = report(&mut ua, dialog, usage, 180).unwrap();
    assert_eq!(ua.destroy(dialog).lines(), [""; 0]);
    assert_eq!(ua.destroy(dialog).lines(), [""; 0]);
    let heard = pass_answering(&mut ua, secs(400));
    let last = (1000, "terminated;reason=noresource".into(), "SIP/2.0 180 Ringing\r\n".into());
    assert_eq!(told(&heard), [last]);
    assert_eq!(results(&heard, id), [(200, false)]);
    assert!(ua.sip.is_empty());
}

/// DESIGN.md §2 contract 7: a NOTIFY that cannot be kept or written is refused, and nothing has changed.
#[test]
fn what_cannot_wait_is_refused() {
    let mut ua = Ua::with(|config| {
        config.policy.set_initial(Method::Refer, Handling::Ask);
        config.limits.clients = 1;
    });
    let (_, _, dialog, usage) = answered(&mut ua, &refer(), Reply::new());
    assert_eq!(report(&mut ua, dialog, usage, 200), Err(Refused::Full), "the first NOTIFY is still there");
    assert_eq!(state(&mut ua, dialog), NotifierState::Active);
    let mut ua = bob(5);
    let (_, _, dialog, usage) = answered(&mut ua, &subscribe(), Reply::new());
    let bad = Some(Body::new("text/plain\r\nX: y", "a"));
    assert!(ua.sip.dialog(dialog).unwrap().tell(ua.now, usage, bad.clone()).is_err());
    assert!(ua.sip.dialog(dialog).unwrap().terminate(ua.now, usage, Reason::Giveup, bad).is_err());
    assert_eq!(state(&mut ua, dialog), NotifierState::Active);
    let heard = pass_answering(&mut ua, secs(20));
    assert_eq!(told(&heard), []);
}

/// RFC 3515 §2.4.5: whatever sends it, a NOTIFY about a REFER has a status: the last one that was told.
#[test]
fn no_notify_of_a_refer_without_a_status() {
    let mut ua = bob(0);
    let (ok, _, dialog, usage) = answered(&mut ua, &refer(), Reply::new());
    pass_answering(&mut ua, secs(2));
    report(&mut ua, dialog, usage, 180).unwrap();
    pass_answering(&mut ua, secs(2));
    ua.sip.dialog(dialog).unwrap().tell(ua.now, usage, None).unwrap();
    let heard = pass_answering(&mut ua, secs(2));
    assert_eq!(told(&heard)[0].2, "SIP/2.0 180 Ringing\r\n");
    let again = Req::within(&ok, "SUBSCRIBE", 2)
        .line("Contact: <sip:alice@192.0.2.1>")
        .line("Event: refer")
        .line("Expires: 10");
    let heard = ua.hear(again.text());
    let notify = heard.message("NOTIFY");
    assert_eq!(says(&notify), ("active;expires=10", "SIP/2.0 180 Ringing\r\n"));
    ua.hear(answer(&notify, 200, "", ""));
    let heard = pass_answering(&mut ua, secs(400));
    let last = (16_000, "terminated;reason=timeout".into(), "SIP/2.0 180 Ringing\r\n".into());
    assert_eq!(told(&heard), [last]);
}

/// RFC 3515 §2.4.7: who reports progress has approval: a REFER that was pending is active.
#[test]
fn progress_is_permission() {
    let mut ua = bob(0);
    let (_, _, dialog, usage) = answered(&mut ua, &refer(), Reply::new().pending());
    ua.pass(secs(2));
    report(&mut ua, dialog, usage, 100).unwrap();
    let first = ua.drain().only();
    assert_eq!(says(&first).0, "pending;expires=298");
    ua.hear(answer(&first, 200, "", ""));
    ua.pass(secs(2));
    report(&mut ua, dialog, usage, 183).unwrap();
    assert_eq!(says(&ua.drain().only()), ("active;expires=296", "SIP/2.0 183 Session Progress\r\n"));
}

// ---- NOTIFYs in the application's words ----

/// RFC 6665 §4.2.2: a NOTIFY for a subscription of the peer's changes that subscription, however it is sent.
#[test]
fn a_worded_notify_is_the_subscriptions() {
    let mut ua = bob(0);
    let (_, _, dialog, usage) = answered(&mut ua, &subscribe(), Reply::new().pending());
    let say = |ua: &mut Ua, state: &'static str| {
        ua.sip.dialog(dialog).unwrap().notify(ua.now, "presence", state, text("x")).map(|id| (id, ua.drain()))
    };
    ua.pass(secs(10));
    let (id, heard) = say(&mut ua, "active").unwrap();
    assert_eq!(says(&heard.only()), ("active;expires=590", "x"), "the time that is left");
    assert_eq!(state(&mut ua, dialog), NotifierState::Active);
    assert_eq!(results(&ua.hear(answer(&heard.only(), 200, "", "")), id), [(200, false)]);
    // There is no way back to pending, and no longer a life.
    assert_eq!(say(&mut ua, "pending").unwrap_err(), DialogError::Substate.into());
    assert!(matches!(
        say(&mut ua, "active;expires=x").unwrap_err(),
        Refused::Context(context::ContextError::Build(BuildError::Value(_)))
    ));
    assert_eq!(ua.drain().lines(), [""; 0]);
    let (_, heard) = say(&mut ua, "active;expires=9000").unwrap();
    assert_eq!(says(&heard.only()).0, "active;expires=590");
    ua.hear(answer(&heard.only(), 200, "", ""));
    let (_, heard) = say(&mut ua, "active;expires=100").unwrap();
    assert_eq!(says(&heard.only()).0, "active;expires=100");
    ua.hear(answer(&heard.only(), 200, "", ""));
    let (_, heard) = say(&mut ua, "terminated;reason=probation;retry-after=60").unwrap();
    assert_eq!(says(&heard.only()).0, "terminated;reason=probation;retry-after=60");
    assert_eq!(state(&mut ua, dialog), NotifierState::Terminated);
    assert_eq!(ua.sip.dialog(dialog).unwrap().tell(ua.now, usage, None), Err(DialogError::Terminated.into()));
    assert_eq!(say(&mut ua, "active").unwrap_err(), DialogError::Terminated.into());
    let heard = ua.hear(answer(&heard.only(), 200, "", ""));
    assert!(heard.lines().contains(&"* subscription ended: presence".into()), "{heard:?}");
    ua.pass_all();
}

/// RFC 6665 §4.2.2: the shortened life is the one that is kept.
#[test]
fn a_worded_notify_shortens() {
    let mut ua = bob(0);
    let (_, _, dialog, _) = answered(&mut ua, &subscribe(), Reply::new());
    ua.sip.dialog(dialog).unwrap().notify(ua.now, "presence", "active;expires=100", None).unwrap();
    let heard = pass_answering(&mut ua, secs(200));
    assert_eq!(told(&heard)[1], (100_000, "terminated;reason=timeout".into(), String::new()));
    assert!(ua.sip.is_empty());
}

/// The same by [`InDialog`]: its headers stay, Event and Subscription-State need not be there twice; another event is nobody's, and goes as it is.
#[test]
fn a_worded_notify_keeps_its_headers() {
    let mut ua = bob(5);
    let (_, _, dialog, _) = answered(&mut ua, &subscribe(), Reply::new());
    let notify = |event: &'static str| InDialog::new(Method::Notify).header("o", event).header("X-Any", "1");
    let with = notify("presence").header("Subscription-State", "active;x=y");
    let first = ua.sip.dialog(dialog).unwrap().request(ua.now, with).unwrap();
    // It keeps the pace, and one without a state says what holds.
    let second =
        ua.sip.dialog(dialog).unwrap().request(ua.now, notify("presence").body("text/plain", "x")).unwrap();
    assert_eq!(first, second);
    let other = notify("dialog").header("Subscription-State", "active;x=y");
    ua.sip.dialog(dialog).unwrap().request(ua.now, other).unwrap();
    let sent = ua.drain().only();
    assert_eq!(sent.value(Name::SubscriptionState), Some("active;x=y"));
    ua.hear(answer(&sent, 200, "", ""));
    let sent = ua.pass(secs(5)).message("NOTIFY");
    assert_eq!(says(&sent), ("active;expires=595", "x"));
    assert_eq!((sent.values(Name::Event).count(), sent.values(Name::SubscriptionState).count()), (1, 1));
    assert_eq!(sent.lines().filter(|(name, _)| *name == "X-Any").count(), 1);
}

/// RFC 6665 §4.4.1: a NOTIFY that waits while its subscription runs out says that it is over, whatever it was to say.
#[test]
fn a_worded_notify_does_not_outlive_its_subscription() {
    let mut ua = bob(5);
    let brief = Req { lines: subscribe().lines.replace("600", "3"), ..subscribe() };
    let (_, _, dialog, _) = answered(&mut ua, &brief, Reply::new());
    ua.sip.dialog(dialog).unwrap().notify(ua.now, "presence", "waiting", text("x")).unwrap();
    let heard = pass_answering(&mut ua, secs(400));
    assert_eq!(told(&heard), [(5000, "terminated;reason=timeout".into(), "x".into())]);
    assert!(ua.sip.is_empty());
}

/// RFC 3515 §3.10, contract 6: reports over a bad link, with the call ended in between: the result is told, and nothing is left.
#[test]
fn reports_over_a_bad_link() {
    for seed in 0..30 {
        let mut net: Network = Network::new(seed);
        let alice = net.node("alice", "192.0.2.1");
        let mut config = Config::new("sip:bob@192.0.2.4").unwrap();
        config.policy.set_initial(Method::Refer, Handling::Ask);
        let bob = net.node_with("bob", "192.0.2.4", config);
        (net.link.loss, net.link.duplication, net.link.reordering) = (0.15, 0.1, 0.1);
        let request =
            Request::new(Method::Refer, "sip:bob@192.0.2.4").header("Refer-To", "<sip:carol@192.0.2.9>");
        net.endpoint(alice).request(Timestamp::ZERO, request).unwrap();
        let mut theirs = None;
        while theirs.is_none() {
            let now = net.now();
            match net.next_event().expect("a REFER").1 {
                Event::Incoming { server, .. } => {
                    net.endpoint(bob).server(server).unwrap().accept(now, Reply::new().pending()).unwrap();
                }
                Event::Server { event: ServerEvent::Accepted { dialog, .. }, .. } => theirs = dialog,
                _ => {}
            }
        }
        let mut events = Vec::new();
        let usage = net.endpoint(bob).dialog(theirs.unwrap()).unwrap().subscriptions().unwrap()[0].id();
        for (pause, code) in [(300, 180), (300, 183), (900, 180), (100, 200)] {
            events.extend(net.run_for(millis(pause)));
            let (now, status) = (net.now(), StatusCode::new(code).unwrap());
            net.endpoint(bob).dialog(theirs.unwrap()).unwrap().report_refer(now, usage, status).unwrap();
        }
        events.extend(net.run_for(secs(400)));
        let results = events.iter().filter(|(who, event)| {
            let is_result = matches!(
                event,
                Event::Client { event: ClientEvent::Accepted { .. } | ClientEvent::Failed { .. }, .. }
            );
            *who == bob && is_result
        });
        assert!((1..=4).contains(&results.count()), "{}", net.ladder());
        assert!(net.is_empty(), "{seed}\n{}", net.ladder());
    }
}

// ---- All of it, at random ----

/// Numbers that depend on a seed alone.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What one run has brought.
#[derive(Default)]
struct Run {
    /// The ids that were handed out, and the results of each.
    ids: std::collections::BTreeMap<RequestId, usize>,
    /// When NOTIFYs went out for the first time, in milliseconds, and whether a 2xx went out at that time.
    notifies: Vec<(u64, bool)>,
    open: Vec<Message>,
    ends: usize,
}

impl Run {
    fn take(&mut self, heard: &Heard) {
        for (at, output) in &heard.0 {
            match output {
                sip_proto::Output::Transmit(transmit) => {
                    let message = transmit.payload.message().unwrap();
                    let is_new = !self.open.contains(message);
                    if *message.method() == Method::Notify && message.request_uri().is_some() && is_new {
                        let answers = heard.sent().iter().any(|sent| sent.status() == Some(StatusCode::OK));
                        self.notifies.push((at.as_millis(), answers));
                        self.open.push(message.clone());
                    }
                }
                sip_proto::Output::Event(Event::Client {
                    request,
                    event: ClientEvent::Accepted { .. } | ClientEvent::Failed { .. },
                }) => *self.ids.get_mut(request).expect("a result without a request") += 1,
                sip_proto::Output::Event(Event::Dialog { event: DialogEvent::Destroy { .. }, .. }) => {
                    self.ends += 1;
                }
                _ => {}
            }
        }
    }
}

/// DESIGN.md §2 contracts 4, 6 and 7, RFC 6665 §4.2.1.2, §5.4.10: whatever an application tells and a peer answers, each id has one result, refused commands
/// send nothing, NOTIFYs keep their pace unless a 2xx asks for one, and at the end nothing is left.
#[test]
fn notifiers_at_random() {
    for seed in 0..600 {
        let mut dice = Dice(seed);
        let pace = dice.below(4);
        let mut ua = bob(pace);
        let is_refer = dice.below(2) == 0;
        let reply = if dice.below(2) == 0 { Reply::new().pending() } else { Reply::new() };
        let server = ua.hear(if is_refer { refer() } else { subscribe() }.text()).server();
        let mut run = Run::default();
        let heard = ua.accept(server, reply).unwrap();
        let (ok, dialog) = (heard.sent()[0].clone(), heard.dialog());
        run.take(&heard);
        let usage = held(&mut ua, dialog)[0].id();
        let mut cseq = 1;
        for _ in 0..30 {
            let due = ua.pass(millis(dice.below(900)));
            run.take(&due);
            let now = ua.now;
            let asked = match (dice.below(12), ua.sip.dialog(dialog)) {
                (_, Err(_)) => break,
                (0..=2, Ok(mut dialog)) => {
                    let code = [100, 180, 183, 200, 486][dice.below(5) as usize];
                    Some(dialog.report_refer(now, usage, StatusCode::new(code).unwrap()))
                }
                (3, Ok(mut dialog)) => Some(dialog.tell(now, usage, text("x"))),
                (4, Ok(mut dialog)) => Some(dialog.authorise(now, usage, None)),
                (5, Ok(mut dialog)) => {
                    let event = if is_refer { "refer" } else { "presence" };
                    let state =
                        ["active", "pending", "active;expires=3", "terminated", "x"][dice.below(5) as usize];
                    Some(dialog.notify(now, event, state, None))
                }
                (6, Ok(mut dialog)) => Some(dialog.terminate(now, usage, Reason::Giveup, None)),
                (7, Ok(mut dialog)) if dice.below(4) == 0 => {
                    dialog.destroy(now).unwrap();
                    None
                }
                (8, Ok(_)) => {
                    cseq += 1;
                    let event = if is_refer { "refer" } else { "presence" };
                    let again = Req::within(&ok, "SUBSCRIBE", cseq)
                        .line("Contact: <sip:alice@192.0.2.1>")
                        .line(&format!("Event: {event}"))
                        .line(&format!("Expires: {}", dice.below(9)));
                    run.take(&ua.hear(again.text()));
                    None
                }
                _ if !run.open.is_empty() => {
                    let notify = run.open.remove(dice.below(run.open.len() as u64) as usize);
                    let code = if dice.below(8) == 0 { [481, 500, 404][dice.below(3) as usize] } else { 200 };
                    run.take(&ua.hear(answer(&notify, code, "", "")));
                    None
                }
                _ => None,
            };
            match asked {
                Some(Ok(id)) => _ = run.ids.entry(id).or_default(),
                Some(Err(_)) => assert_eq!(ua.drain().lines(), [""; 0], "{seed}"),
                None => {}
            }
            run.take(&ua.drain());
        }
        if let Ok(mut dialog) = ua.sip.dialog(dialog) {
            dialog.destroy(ua.now).unwrap();
        }
        run.take(&ua.pass(secs(400)));
        assert!(ua.sip.is_empty(), "{seed}: {:?}", ua.sip);
        assert!(run.ids.values().all(|results| *results == 1), "{seed}: {:?}", run.ids);
        assert_eq!(run.ends, 1, "{seed}");
        let least = if is_refer { pace.max(1) } else { pace } * 1000;
        for pair in run.notifies.windows(2) {
            assert!(pair[1].0 - pair[0].0 >= least || pair[1].1, "{seed}: {:?}", run.notifies);
        }
    }
}

/// RFC 6665 §4.2.1.4, §4.2.1.3: a refresh is for who is still allowed to be told: a 2xx that denies it is followed by the last NOTIFY.
#[test]
fn a_refresh_that_is_denied() {
    let mut ua = Ua::with(|config| {
        config.policy.set_initial(Method::Subscribe, Handling::Ask);
        config.policy.set_in_dialog(Method::Subscribe, Handling::Ask);
    });
    let (ok, _, dialog, _) = answered(&mut ua, &subscribe(), Reply::new());
    let again = Req::within(&ok, "SUBSCRIBE", 2).line("Contact: <sip:alice@192.0.2.1>");
    let heard = ua.hear(again.line("Event: presence").line("Expires: 600").text());
    let asked = match heard.events()[0] {
        Event::Dialog { event, .. } => event.asked().map(|asked| asked.answer),
        _ => None,
    };
    let Some(Answer::Ask(server)) = asked else { panic!("{heard:?}") };
    let heard = ua.accept(server, Reply::new().denied()).unwrap();
    let last = heard.message("NOTIFY");
    assert_eq!(says(&last), ("terminated;reason=rejected", ""));
    ua.hear(answer(&last, 200, "", ""));
    assert!(ua.sip.dialog(dialog).is_err());
    ua.pass_all();
}

/// RFC 3261 §12.2.2: a BYE that a NOTIFY of ours has overtaken is refused, and the peer's session goes on: another BYE follows it, as the application worded it.
#[test]
fn a_bye_that_a_notify_has_overtaken_is_sent_anew() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let mut request = Req::within(&ok, "SUBSCRIBE", 2).line("Event: presence").line("Expires: 600");
    request.lines = format!("Contact: <sip:alice@192.0.2.1>\r\n{}", request.lines);
    let heard = ua.hear(request.text());
    let Event::Dialog { event, .. } = heard.events()[0] else { panic!("{heard:?}") };
    let Some(Answer::Ask(server)) = event.asked().map(|asked| asked.answer) else { panic!("{heard:?}") };
    let reason = Header::new("Reason", "SIP;cause=200");
    ua.sip.dialog(dialog).unwrap().destroy_with(ua.now, vec![reason]).unwrap();
    let bye = ua.drain().only();
    let notify = ua.accept(server, Reply::new()).unwrap().message("NOTIFY");
    assert!(notify.cseq() > bye.cseq());
    ua.hear(answer(&notify, 200, "", ""));
    let heard = ua.hear(answer(&bye, 500, "", ""));
    assert_eq!(heard.lines(), ["BYE"]);
    let again = heard.only();
    assert!(again.cseq() > notify.cseq());
    assert_eq!(again.value(Name::Reason), Some("SIP;cause=200"));
    assert_eq!(again.lines().count(), bye.lines().count());
    assert_eq!(ua.hear(answer(&again, 200, "", "")).lines(), ["* session ended by Local: Bye"]);
}

/// A BYE that nothing has overtaken and that is refused all the same ends the session (RFC 3261 §15.1.1).
#[test]
fn a_bye_that_is_refused_in_its_turn_is_the_end() {
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    let bye = ua.destroy(dialog).only();
    let heard = ua.hear(answer(&bye, 500, "", ""));
    assert_eq!((heard.sent().len(), heard.ends().len()), (0, 1));
}
