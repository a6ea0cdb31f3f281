//! Subscriptions between endpoints, and against peers written by hand (RFC 6665, RFC 3515, RFC 5057).

#![allow(clippy::arithmetic_side_effects, reason = "test")]

use crate::ladder::golden;
use crate::support::{CONTACT, Req, SDP, Ua, answer, millis, secs};
use sip_proto::context::{Invite, Reply, Request};
use sip_proto::dialog::{Again, DialogError, InDialog, Modify, Reason, Sipfrag, SubscriberEnd, UsageId};
use sip_proto::endpoint::{Answer, By, Handling, Why};
use sip_proto::message::{Body, Name};
use sip_proto::testing::{Network, Node};
use sip_proto::{
    ClientEvent, Config, DialogEvent, DialogId, Event, Message, Method, Refused, ServerEvent, ServerId,
    StatusCode, Timestamp,
};

/// A user agent that serves SUBSCRIBE and REFER outside dialogs.
fn config(name: &str, ip: &str) -> Config {
    let mut config = Config::new(&format!("sip:{name}@{ip}")).unwrap();
    for method in [Method::Subscribe, Method::Refer] {
        config.policy.set_initial(method, Handling::Ask);
    }
    config
}

fn two() -> (Network, Node, Node) {
    let mut net = Network::new(11);
    let alice = net.node_with("alice", "192.0.2.1", config("alice", "192.0.2.1"));
    let bob = net.node_with("bob", "192.0.2.4", config("bob", "192.0.2.4"));
    (net, alice, bob)
}

fn subscribe(expires: &'static str) -> Request {
    Request::new(Method::Subscribe, "sip:bob@192.0.2.4")
        .header("Event", "presence")
        .header("Expires", expires)
}

/// Answers what asks at `who` with 200 and this body.
fn accept(net: &mut Network, who: Node, server: ServerId, state: &'static str) {
    let now = net.now();
    let reply = Reply::new().body("application/pidf+xml", state);
    net.endpoint(who).server(server).unwrap().accept(now, reply).unwrap();
}

/// A subscription of Alice's to Bob's presence: her dialog, and his.
fn subscribed(net: &mut Network, alice: Node, bob: Node, expires: &'static str) -> [DialogId; 2] {
    let now = net.now();
    net.endpoint(alice).request(now, subscribe(expires)).unwrap();
    let (mut ours, mut theirs) = (None, None);
    while ours.is_none() || theirs.is_none() {
        let (_, event) = net.next_event().expect("the subscription comes up");
        match event {
            Event::Incoming { server, .. } => accept(net, bob, server, "<open/>"),
            Event::Dialog { dialog, event: DialogEvent::Notify(asked) } => {
                assert_eq!(asked.request.body(), b"<open/>");
                ours = Some(dialog);
            }
            Event::Server { event: ServerEvent::Accepted { dialog, .. }, .. } => theirs = dialog,
            _ => {}
        }
    }
    [ours.unwrap(), theirs.unwrap()]
}

/// The one subscription in a dialog.
fn usage(net: &mut Network, who: Node, dialog: DialogId) -> UsageId {
    let all: Vec<UsageId> = net
        .endpoint(who)
        .dialog(dialog)
        .unwrap()
        .subscriptions()
        .unwrap()
        .iter()
        .map(sip_proto::dialog::Subscription::id)
        .collect();
    assert_eq!(all.len(), 1);
    all[0]
}

fn ends(events: &[(Node, Event)]) -> Vec<(Node, By, Why)> {
    let ends = events.iter().filter_map(|(who, event)| match event {
        Event::Dialog { event: DialogEvent::Destroy { by, why, .. }, .. } => Some((*who, *by, *why)),
        _ => None,
    });
    let mut ends: Vec<_> = ends.collect();
    ends.sort_by_key(|(who, ..)| *who);
    ends
}

/// How the subscriptions of `who` ended.
fn over(events: &[(Node, Event)], who: Node) -> Vec<Option<SubscriberEnd>> {
    let ends = events.iter().filter_map(|(node, event)| match event {
        Event::Dialog { event: DialogEvent::SubscriptionEnded { end, .. }, .. } if *node == who => Some(*end),
        _ => None,
    });
    ends.collect()
}

// ---- SUBSCRIBE outside dialogs ----

/// §4.1.2, §4.2.1: made, told of, refreshed, ended by the subscriber.
#[test]
fn ladder_of_a_subscription() {
    let (mut net, alice, bob) = two();
    let [ours, theirs] = subscribed(&mut net, alice, bob, "120");
    net.run_for(secs(10));
    let (now, usage) = (net.now(), usage(&mut net, bob, theirs));
    let state = Some(Body::new("application/pidf+xml", "<closed/>"));
    net.endpoint(bob).dialog(theirs).unwrap().tell(now, usage, state).unwrap();
    let events = net.run_for(secs(100));
    assert_eq!(ends(&events), [], "{}", net.ladder());
    let now = net.now();
    net.endpoint(alice).dialog(ours).unwrap().destroy(now).unwrap();
    net.endpoint(alice).dialog(ours).unwrap().destroy(now).unwrap();
    let events = net.run_for(secs(1));
    let expected = [(alice, By::Remote, Why::Unsubscribed), (bob, By::Local, Why::Unsubscribed)];
    assert_eq!(ends(&events), expected, "{}", net.ladder());
    net.run_until_idle();
    assert!(net.is_empty(), "{}", net.ladder());
    golden("subscription", &net);
}

/// §4.2.2: ended by the notifier, with its reason, or by its `destroy`.
// Holds: 5057-4.2-1, 5057-4.2-2
#[test]
fn a_notifier_ends_it() {
    for by_destroy in [true, false] {
        let (mut net, alice, bob) = two();
        let [_, theirs] = subscribed(&mut net, alice, bob, "120");
        let (now, usage) = (net.now(), usage(&mut net, bob, theirs));
        let again = match by_destroy {
            true => {
                net.endpoint(bob).dialog(theirs).unwrap().destroy(now).unwrap();
                Again::Now
            }
            false => {
                let dialog = net.endpoint(bob);
                dialog.dialog(theirs).unwrap().terminate(now, usage, Reason::Noresource, None).unwrap();
                Again::Never
            }
        };
        let events = net.run_for(secs(100));
        assert_eq!(over(&events, alice), [Some(SubscriberEnd::Notified(again))], "{}", net.ladder());
        assert_eq!(ends(&events).len(), 2, "{}", net.ladder());
        net.run_until_idle();
        assert!(net.is_empty(), "{}", net.ladder());
    }
}

/// §4.4.3: a fetch is one NOTIFY, with the state, and leaves nothing.
#[test]
fn ladder_of_a_fetch() {
    let (mut net, alice, bob) = two();
    subscribed(&mut net, alice, bob, "0");
    net.run_until_idle();
    assert!(net.is_empty(), "{}", net.ladder());
    golden("subscription_fetch", &net);
}

/// DESIGN.md §2 contract 6: over bad links subscriptions hold, and when they are ended nothing is left.
#[test]
fn subscriptions_over_a_bad_link() {
    for seed in 0..30 {
        let mut net = Network::new(seed);
        let alice = net.node_with("alice", "192.0.2.1", config("alice", "192.0.2.1"));
        let bob = net.node_with("bob", "192.0.2.4", config("bob", "192.0.2.4"));
        (net.link.loss, net.link.duplication, net.link.reordering) = (0.15, 0.1, 0.1);
        let [ours, theirs] = subscribed(&mut net, alice, bob, "200");
        let events = net.run_for(secs(1000));
        assert_eq!(ends(&events), [], "{seed}\n{}", net.ladder());
        let (who, dialog) = if seed % 2 == 0 { (alice, ours) } else { (bob, theirs) };
        let now = net.now();
        net.endpoint(who).dialog(dialog).unwrap().destroy(now).unwrap();
        let events = net.run_for(secs(400));
        assert_eq!(ends(&events).len(), 2, "{seed}\n{}", net.ladder());
        assert!(net.is_empty(), "{seed}\n{}", net.ladder());
    }
}

/// §4.1.2.2, §4.2.2: neither side hears of the other: a refresh and a NOTIFY both find that out.
// Holds: 5057-4.2-3, 6665-4.1.2.2-4
#[test]
fn a_link_that_is_cut() {
    let (mut net, alice, bob) = two();
    subscribed(&mut net, alice, bob, "120");
    net.cut = vec![bob];
    let events = net.run_for(secs(400));
    assert_eq!(ends(&events).len(), 2, "{}", net.ladder());
    assert_eq!(over(&events, alice), [Some(SubscriberEnd::NoNotify)]);
    assert!(net.is_empty(), "{}", net.ladder());
}

/// What a NOTIFY of Alice's to a SUBSCRIBE of ours looks like.
fn notify(subscribe: &Message, tag: &str, cseq: u32, state: &str) -> Req {
    let from = format!("<sip:alice@192.0.2.1>;tag={tag}");
    Req::new("NOTIFY")
        .from(&from)
        .to(subscribe.value(Name::From).unwrap())
        .call_id(subscribe.call_id())
        .branch(&format!("z9hG4bK-notify-{tag}-{cseq}"))
        .cseq(cseq)
        .line("Event: presence")
        .line(&format!("Subscription-State: {state}"))
        .line("Contact: <sip:alice@192.0.2.1:5099>")
}

fn subscribing(ua: &mut Ua) -> Message {
    let request = Request::new(Method::Subscribe, "sip:alice@192.0.2.1")
        .header("Event", "presence")
        .header("Expires", "600");
    ua.sip.request(ua.now, request).unwrap();
    ua.drain().message("SUBSCRIBE")
}

/// §4.1.2.4, §4.4.1: the NOTIFY may come before the 2xx; it makes the dialog, whose route set is its own.
// Holds: 6665-4.1.2.4-4, 6665-4.4.1-1, 6665-4.4.1-2
#[test]
fn a_notify_before_the_200() {
    let mut ua = Ua::new();
    let sent = subscribing(&mut ua);
    let first = notify(&sent, "n", 9, "active;expires=100").line("Record-Route: <sip:192.0.2.70;lr>");
    let heard = ua.hear(first.text());
    assert_eq!(heard.lines(), ["200 OK (NOTIFY)", "* NOTIFY answered 200"]);
    let dialog = heard.dialog();
    let heard = ua.hear(answer(&sent, 200, "n", &format!("{CONTACT}Expires: 600\r\n")));
    assert_eq!(heard.lines(), ["* accepted 200 X (SUBSCRIBE)"]);
    assert_eq!(heard.dialog(), dialog);
    let refresh = ua.pass(secs(68)).message("SUBSCRIBE");
    assert_eq!(refresh.request_uri(), Some("sip:alice@192.0.2.1:5099"));
    assert_eq!(
        (refresh.value(Name::Route), refresh.value(Name::Expires)),
        (Some("<sip:192.0.2.70;lr>"), Some("600"))
    );
    assert_eq!((refresh.value(Name::Event), refresh.cseq()), (Some("presence"), 2));
}

/// §4.1.3: a NOTIFY that matches nothing: another package, another id, another call, no state, a second fork.
// Holds: 6665-4.1.3-1, 6665-4.4.1-3, 6665-5.4.9-1
#[test]
fn notifies_that_match_nothing() {
    let mut ua = Ua::new();
    let sent = subscribing(&mut ua);
    let strange = notify(&sent, "n", 1, "active;expires=100");
    let other = strange.clone().text().replace("Event: presence", "Event: presence;id=1");
    assert_eq!(ua.hear(other).lines(), ["481 Call/Transaction Does Not Exist (NOTIFY)"]);
    assert_eq!(
        ua.hear(strange.clone().call_id("x").branch("z9hG4bK-x").text()).lines(),
        ["481 Call/Transaction Does Not Exist (NOTIFY)"]
    );
    let first = notify(&sent, "n", 2, "active;expires=100");
    assert_eq!(ua.hear(first.text()).lines().len(), 2);
    let fork = notify(&sent, "m", 2, "active;expires=100");
    assert_eq!(ua.hear(fork.text()).lines(), ["481 Call/Transaction Does Not Exist (NOTIFY)"]);
    let other = notify(&sent, "n", 3, "active").text().replace("Event: presence", "Event: dialog");
    assert_eq!(ua.hear(other).lines(), ["481 Call/Transaction Does Not Exist (NOTIFY)"]);
    let stateless = notify(&sent, "n", 4, "active").text().replace("Subscription-State: active\r\n", "");
    assert_eq!(ua.hear(stateless).lines(), ["400 Bad Request (NOTIFY)"]);
}

/// §4.1.4: with the policy that keeps forks, each makes a dialog of its own.
// Holds: 6665-4.1.2.4-2, 6665-4.1.2.4-3
#[test]
fn forks_of_a_subscribe() {
    let mut ua = Ua::with(|config| config.policy.keep_forks = true);
    let sent = subscribing(&mut ua);
    let dialogs = ["n", "m"].map(|tag| ua.hear(notify(&sent, tag, 1, "active;expires=100").text()).dialog());
    assert_ne!(dialogs[0], dialogs[1]);
    ua.hear(answer(&sent, 200, "n", &format!("{CONTACT}Expires: 600\r\n")));
    // Timer N: no more after it.
    ua.pass(secs(33));
    let late = ua.hear(notify(&sent, "o", 1, "active;expires=100").text());
    assert_eq!(late.lines(), ["481 Call/Transaction Does Not Exist (NOTIFY)"]);
    for (tag, dialog) in ["n", "m"].into_iter().zip(dialogs) {
        let heard = ua.hear(notify(&sent, tag, 2, "terminated;reason=noresource").text());
        assert_eq!(
            heard.lines()[2..],
            ["* subscription ended: presence", "* destroy by Remote: Unsubscribed"]
        );
        assert_eq!(heard.dialog(), dialog);
    }
    ua.pass_all();
}

/// §4.1.2.4: a 2xx, but no NOTIFY; §4.1.2.1: a refusal. Each request has one result and one end.
// Holds: 6665-4.1.2.1-1, 6665-4.1.2.4-1
#[test]
fn no_subscription_comes_of_it() {
    let mut ua = Ua::new();
    let sent = subscribing(&mut ua);
    assert_eq!(
        ua.hear(answer(&sent, 200, "n", &format!("{CONTACT}Expires: 600\r\n"))).lines(),
        ["* accepted 200 X (SUBSCRIBE)"]
    );
    let heard = ua.pass_all();
    assert_eq!(heard.timed(), ["32.0 * no notify", "32.0 * client ended"]);

    let mut ua = Ua::new();
    let sent = subscribing(&mut ua);
    assert_eq!(ua.hear(answer(&sent, 489, "n", "")).lines(), ["* failed 489 X (SUBSCRIBE)"]);
    assert_eq!(
        ua.hear(notify(&sent, "n", 1, "active").text()).lines(),
        ["481 Call/Transaction Does Not Exist (NOTIFY)"]
    );
    ua.pass_all();

    let mut ua = Ua::new();
    subscribing(&mut ua);
    let heard = ua.pass_all();
    let events: Vec<_> = heard.lines().into_iter().filter(|line| line.starts_with('*')).collect();
    assert_eq!(events, ["* failed 408 Request Timeout (SUBSCRIBE) (made up)", "* client ended"]);
}

/// A refresh that is refused: which codes end the subscription, and with it the dialog.
#[test]
fn a_refresh_is_refused() {
    for (code, is_over) in [(481, true), (404, true), (500, false), (403, false)] {
        let mut ua = Ua::new();
        let sent = subscribing(&mut ua);
        ua.hear(notify(&sent, "n", 1, "active;expires=100").text());
        ua.hear(answer(&sent, 200, "n", &format!("{CONTACT}Expires: 600\r\n")));
        let refresh = ua.pass(secs(68)).message("SUBSCRIBE");
        let heard = ua.hear(answer(&refresh, code, "", ""));
        assert_eq!(heard.lines().len(), if is_over { 2 } else { 0 }, "{code} {heard:?}");
    }
}

// ---- The notifier ----

/// A SUBSCRIBE of Alice's.
fn asks(event: &str, expires: &str) -> Req {
    Req::new("SUBSCRIBE")
        .line("Contact: <sip:alice@192.0.2.1>")
        .line(&format!("Event: {event}"))
        .line(&format!("Expires: {expires}"))
}

fn notifier() -> Ua {
    Ua::with(|config| {
        config.policy.set_initial(Method::Subscribe, Handling::Ask);
        config.granting.least = secs(60);
        config.granting.most = secs(1000);
    })
}

/// §3.1.1, §4.2.1.1, §4.2.1.4: nor is it more than was asked for where the application says how long: who fetches the state has not subscribed.
// Holds: 6665-3.1.1-3, 6665-4.2.1.1-6
#[test]
fn the_applications_own_expires() {
    let rows = [
        ("600", "60", "60", "active;expires=60"),
        ("600", "600", "600", "active;expires=600"),
        ("600", "5000", "600", "active;expires=600"),
        ("600", "soon", "600", "active;expires=600"),
        ("600", "0", "0", "terminated;reason=timeout"),
        ("0", "600", "0", "terminated;reason=timeout"),
    ];
    for (asked, own, granted, state) in rows {
        let mut ua = notifier();
        let server = ua.hear(asks("presence", asked).text()).server();
        let heard = ua.accept(server, Reply::new().header("expires", own)).unwrap();
        let (ok, notify) = (heard.message("200 OK (SUBSCRIBE)"), heard.message("NOTIFY"));
        let all: Vec<_> = ok.values(Name::Expires).collect();
        let said = (all, notify.value(Name::SubscriptionState));
        assert_eq!(said, (vec![granted], Some(state)), "{asked} {own}");
    }
}

/// §3.1.1, §4.2.1.1: granted no more than asked; the 200 first, the NOTIFY at once; 423; §4.2.3: no Event; RFC 3515 §2.4.4: refer is not for SUBSCRIBE.
// Holds: 6665-3.1.1-2, 6665-3.1.1-3, 6665-4.2.1.1-6, 6665-4.2.3-1, 6665-8.3.1-2
#[test]
fn a_subscribe_is_answered() {
    for (expires, granted) in [("600", "600"), ("5000", "1000")] {
        let mut ua = notifier();
        let server = ua.hear(asks("presence", expires).text()).server();
        let heard = ua.accept(server, Reply::code(202).body("text/plain", "here")).unwrap();
        assert_eq!(heard.lines(), ["200 OK (SUBSCRIBE)", "* accepted 200", "NOTIFY +body"]);
        let ok = heard.message("200 OK (SUBSCRIBE)");
        assert_eq!((ok.value(Name::Expires), ok.body().len()), (Some(granted), 0));
        assert!(ok.value(Name::Contact).is_some());
        let notify = heard.message("NOTIFY");
        assert_eq!(notify.value(Name::Event), Some("presence"));
        assert_eq!(notify.value(Name::SubscriptionState), Some(format!("active;expires={granted}").as_str()));
        assert_eq!(notify.body(), b"here");
    }
    let mut ua = notifier();
    let brief = ua.hear(asks("presence", "59").text()).only();
    assert_eq!((brief.status().unwrap().code(), brief.value(Name::MinExpires)), (423, Some("60")));
    assert_eq!(
        ua.hear(asks("refer", "600").branch("z9hG4bK-r").text()).lines(),
        ["403 Forbidden (SUBSCRIBE)"]
    );
    let bare = asks("x", "600").branch("z9hG4bK-b").text().replace("Event: x\r\n", "");
    assert_eq!(ua.hear(bare).lines(), ["489 Bad Event (SUBSCRIBE)"]);
}

/// §4.2.1.4: refreshed and ended by the subscriber, answered and told without asking anybody; §4.2.2: a NOTIFY that fails.
// Holds: 6665-3.1.1-5, 6665-4.2.1.2-1, 6665-4.4.1-4
#[test]
fn a_subscription_goes_on() {
    let mut ua = notifier();
    let server = ua.hear(asks("presence", "600").text()).server();
    let heard = ua.accept(server, Reply::new()).unwrap();
    let (ok, told) = (heard.message("200 OK (SUBSCRIBE)"), heard.message("NOTIFY"));
    ua.hear(answer(&told, 200, "", ""));
    let within = |cseq, expires: &str| {
        Req::within(&ok, "SUBSCRIBE", cseq)
            .line("Contact: <sip:alice@192.0.2.1>")
            .line("Event: presence")
            .line(&format!("Expires: {expires}"))
    };
    let heard = ua.hear(within(2, "300").text());
    assert_eq!(heard.lines(), ["200 OK (SUBSCRIBE)", "NOTIFY", "* SUBSCRIBE answered 200"]);
    assert_eq!(heard.message("NOTIFY").value(Name::SubscriptionState), Some("active;expires=300"));
    ua.hear(answer(&heard.message("NOTIFY"), 200, "", ""));
    let heard = ua.hear(within(3, "0").text());
    assert_eq!(heard.lines(), ["200 OK (SUBSCRIBE)", "NOTIFY", "* unsubscribe: SUBSCRIBE answered 200"]);
    let last = heard.message("NOTIFY");
    assert_eq!(last.value(Name::SubscriptionState), Some("terminated;reason=timeout"));
    let heard = ua.hear(answer(&last, 200, "", ""));
    assert_eq!(heard.lines(), ["* subscription ended: presence", "* destroy by Local: Unsubscribed"]);
    ua.pass_all();

    let mut ua = notifier();
    let server = ua.hear(asks("presence", "600").text()).server();
    let told = ua.accept(server, Reply::new()).unwrap().message("NOTIFY");
    let heard = ua.hear(answer(&told, 481, "", ""));
    assert_eq!(heard.lines(), ["* subscription ended: presence", "* destroy by Remote: Unsubscribed"]);
    ua.pass_all();
}

/// §4.1.2.2: a SUBSCRIBE that the application has not answered when the dialog ends is told that there is nothing to subscribe to, or to leave: with
/// another refusal than 481 the subscriber would take its subscription to go on for as long as it was to last.
#[test]
fn a_subscribe_that_waits_when_the_dialog_ends() {
    let mut ua = notifier();
    let server = ua.hear(asks("presence", "600").text()).server();
    let heard = ua.accept(server, Reply::new()).unwrap();
    let (ok, told, dialog) = (heard.message("200 OK (SUBSCRIBE)"), heard.message("NOTIFY"), heard.dialog());
    ua.hear(answer(&told, 200, "", ""));
    let other = Req::within(&ok, "SUBSCRIBE", 2).line(CONTACT.trim_end()).line("Event: x-other");
    assert_eq!(ua.hear(other.line("Expires: 0").text()).lines(), ["* SUBSCRIBE asks"]);
    ua.sip.dialog(dialog).unwrap().destroy(ua.now).unwrap();
    let last = ua.drain().message("NOTIFY");
    let heard = ua.hear(answer(&last, 200, "", ""));
    assert!(heard.lines().contains(&"481 Call/Transaction Does Not Exist (SUBSCRIBE)".into()), "{heard:?}");
    ua.pass_all();
}

/// §4.2.1.4: nobody refreshes: the notifier says so and is done, answered or not.
// Holds: 6665-4.2.1.4-3, 6665-4.2.1.4-4
#[test]
fn a_subscription_runs_out() {
    let mut ua = notifier();
    let server = ua.hear(asks("presence", "100").text()).server();
    let told = ua.accept(server, Reply::new()).unwrap().message("NOTIFY");
    ua.hear(answer(&told, 200, "", ""));
    let heard = ua.pass_all();
    assert_eq!(heard.times("NOTIFY")[0], 100_000);
    assert_eq!(heard.message("NOTIFY").value(Name::SubscriptionState), Some("terminated;reason=timeout"));
    assert_eq!(heard.lines().last().unwrap(), "* destroy by Remote: Unsubscribed");
}

// ---- REFER, and several usages in one dialog ----

/// A call between Alice and Bob, up at both sides.
fn call(net: &mut Network, alice: Node, bob: Node) -> [DialogId; 2] {
    let now = net.now();
    net.endpoint(alice).invite(now, Invite::to("sip:bob@192.0.2.4").sdp(SDP)).unwrap();
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
    [ours.unwrap(), theirs.unwrap()]
}

fn refer() -> InDialog {
    InDialog::new(Method::Refer).header("Refer-To", "<sip:carol@192.0.2.9>")
}

/// Runs to the REFER that asks at Bob's, and accepts it with these headers.
fn accept_refer(net: &mut Network, bob: Node, headers: &[(&'static str, &'static str)]) -> DialogId {
    loop {
        let (_, event) = net.next_event().expect("a REFER");
        if let Event::Dialog { dialog, event: DialogEvent::Refer(asked) } = event {
            let Answer::Ask(server) = asked.answer else { panic!("{asked:?}") };
            let now = net.now();
            let reply = headers.iter().fold(Reply::new(), |reply, (name, value)| reply.header(*name, *value));
            net.endpoint(bob).server(server).unwrap().accept(now, reply).unwrap();
            return dialog;
        }
    }
}

/// The status lines that `who` was told.
fn told(events: &[(Node, Event)], who: Node) -> Vec<u16> {
    let lines = events.iter().filter_map(|(node, event)| match event {
        Event::Dialog { event: DialogEvent::Notify(asked), .. } if *node == who => {
            Some(Sipfrag::parse(asked.request.body())?.status.code())
        }
        _ => None,
    });
    lines.collect()
}

/// RFC 3515 §2.4, RFC 5057 §3.1: REFER in a call, its NOTIFYs, and the call goes on.
// Holds: 5057-5.5-2
#[test]
fn ladder_of_a_refer() {
    let (mut net, alice, bob) = two();
    let [ours, _] = call(&mut net, alice, bob);
    net.run_for(secs(1));
    let now = net.now();
    net.endpoint(alice).dialog(ours).unwrap().request(now, refer()).unwrap();
    let theirs = accept_refer(&mut net, bob, &[]);
    let mut events = net.run_for(secs(1));
    for code in [180, 200] {
        let (now, usage) = (net.now(), usage(&mut net, bob, theirs));
        let status = StatusCode::new(code).unwrap();
        net.endpoint(bob).dialog(theirs).unwrap().report_refer(now, usage, status).unwrap();
        events.extend(net.run_for(secs(1)));
    }
    assert_eq!(told(&events, alice), [100, 180, 200], "{}", net.ladder());
    assert_eq!(over(&events, alice), [Some(SubscriberEnd::Notified(Again::Never))]);
    assert_eq!(over(&events, bob), [None]);
    assert_eq!(ends(&events), []);
    let now = net.now();
    net.endpoint(alice).dialog(ours).unwrap().destroy(now).unwrap();
    net.run_until_idle();
    assert!(net.is_empty(), "{}", net.ladder());
    golden("refer", &net);
}

/// RFC 5057 §4, §5.5: the BYE ends the session, and the NOTIFYs of the REFER go on; the dialog ends with the last of them.
// Holds: 5057-5.5-3, 5057-2-3, 6665-4.5.2-4
#[test]
fn ladder_of_a_refer_that_outlives_its_call() {
    let (mut net, alice, bob) = two();
    let [ours, _] = call(&mut net, alice, bob);
    let now = net.now();
    net.endpoint(alice).dialog(ours).unwrap().request(now, refer()).unwrap();
    let theirs = accept_refer(&mut net, bob, &[]);
    net.run_for(secs(1));
    let now = net.now();
    net.endpoint(alice).dialog(ours).unwrap().destroy(now).unwrap();
    let events = net.run_for(secs(1));
    assert_eq!(ends(&events), [], "{}", net.ladder());
    let sessions = events
        .iter()
        .filter(|(_, event)| matches!(event, Event::Dialog { event: DialogEvent::SessionEnded { .. }, .. }));
    assert_eq!(sessions.count(), 2, "{}", net.ladder());
    let (now, usage) = (net.now(), usage(&mut net, bob, theirs));
    net.endpoint(bob).dialog(theirs).unwrap().report_refer(now, usage, StatusCode::OK).unwrap();
    let events = net.run_for(secs(1));
    assert_eq!(told(&events, alice), [200], "{}", net.ladder());
    assert_eq!(ends(&events), [(alice, By::Remote, Why::Unsubscribed), (bob, By::Local, Why::Unsubscribed)]);
    net.run_until_idle();
    assert!(net.is_empty(), "{}", net.ladder());
    golden("refer_outlives_call", &net);
}

/// RFC 5057 §4, §5.5, RFC 3261 §15.1.1: the session is over once its BYE is sent. What is about it is refused from then on, though subscriptions go
/// on in the dialog: an INVITE that overtook the BYE would make that an old request (§12.2.2), and the peer's session would go on.
#[test]
fn a_session_that_has_ended_is_not_changed() {
    let (mut net, alice, bob) = two();
    let [ours, theirs] = call(&mut net, alice, bob);
    let now = net.now();
    net.endpoint(alice).dialog(ours).unwrap().request(now, refer()).unwrap();
    accept_refer(&mut net, bob, &[]);
    net.run_for(secs(1));
    let now = net.now();
    net.endpoint(alice).dialog(ours).unwrap().destroy(now).unwrap();
    for wait in [0, 1] {
        net.run_for(secs(wait));
        let now = net.now();
        let sides = if wait == 0 { vec![(alice, ours)] } else { vec![(alice, ours), (bob, theirs)] };
        for (who, dialog) in sides {
            let mut dialog = net.endpoint(who).dialog(dialog).unwrap();
            for modify in [Modify::Offerless, Modify::Hold, Modify::Sdp(SDP.into())] {
                let refused = dialog.modify(now, modify).unwrap_err();
                assert!(matches!(refused, Refused::Dialog(DialogError::Terminated)), "{refused:?}");
            }
            for method in [Method::Invite, Method::Update, Method::Info] {
                let refused = dialog.request(now, InDialog::new(method)).unwrap_err();
                assert!(matches!(refused, Refused::Dialog(DialogError::Terminated)), "{refused:?}");
            }
        }
    }
    let now = net.now();
    let mut dialog = net.endpoint(alice).dialog(ours).unwrap();
    assert!(dialog.request(now, InDialog::new(Method::Options)).is_ok(), "RFC 5057 §5.3: of no usage");
}

/// RFC 3515 §2.4.6: two REFERs in one dialog: the NOTIFYs of the second say which.
// Holds: 3515-2.4.6-1
#[test]
fn two_refers() {
    let (mut net, alice, bob) = two();
    let [ours, theirs] = call(&mut net, alice, bob);
    let mut events = Vec::new();
    for _ in 0..2 {
        let now = net.now();
        net.endpoint(alice).dialog(ours).unwrap().request(now, refer()).unwrap();
        accept_refer(&mut net, bob, &[]);
        events.extend(net.run_for(secs(1)));
    }
    let told: Vec<_> = events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Dialog { event: DialogEvent::Notify(asked), .. } => asked.request.value(Name::Event),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["refer", "refer;id=3"], "{}", net.ladder());
    let held = net.endpoint(bob).dialog(theirs).unwrap().subscriptions().unwrap().len();
    assert_eq!(held, 2);
}

/// RFC 4488 §4: no subscription where both say so.
#[test]
fn a_refer_without_subscription() {
    for (asks, says, makes) in [(true, true, false), (true, false, true), (false, false, true)] {
        let (mut net, alice, bob) = two();
        let [ours, theirs] = call(&mut net, alice, bob);
        let now = net.now();
        let request = if asks { refer().header("Refer-Sub", "false") } else { refer() };
        net.endpoint(alice).dialog(ours).unwrap().request(now, request).unwrap();
        let headers = [("Refer-Sub", "false")];
        accept_refer(&mut net, bob, if says { &headers } else { &[] });
        let events = net.run_for(secs(1));
        assert_eq!(told(&events, alice).len(), usize::from(makes), "{}", net.ladder());
        for (who, dialog) in [(alice, ours), (bob, theirs)] {
            let held = net.endpoint(who).dialog(dialog).unwrap().subscriptions().unwrap().len();
            assert_eq!(held, usize::from(makes), "{asks} {says}");
        }
    }
}

/// RFC 3515 §2.4.4, RFC 3261 §12: a REFER outside dialogs makes a dialog of its own.
// Holds: 3515-2.4.4-1, 3515-2.4.2-6
#[test]
fn a_refer_outside_dialogs() {
    let (mut net, alice, bob) = two();
    let request =
        Request::new(Method::Refer, "sip:bob@192.0.2.4").header("Refer-To", "<sip:carol@192.0.2.9>");
    net.endpoint(alice).request(Timestamp::ZERO, request).unwrap();
    let mut theirs = None;
    while theirs.is_none() {
        match net.next_event().expect("a REFER").1 {
            Event::Incoming { server, .. } => {
                let now = net.now();
                net.endpoint(bob).server(server).unwrap().accept(now, Reply::new()).unwrap();
            }
            Event::Server { event: ServerEvent::Accepted { dialog, .. }, .. } => theirs = dialog,
            _ => {}
        }
    }
    let mut events = net.run_for(secs(1));
    let (now, usage) = (net.now(), usage(&mut net, bob, theirs.unwrap()));
    net.endpoint(bob)
        .dialog(theirs.unwrap())
        .unwrap()
        .report_refer(now, usage, StatusCode::BUSY_HERE)
        .unwrap();
    events.extend(net.run_for(secs(1)));
    assert_eq!(told(&events, alice), [100, 486], "{}", net.ladder());
    assert_eq!(ends(&events).len(), 2);
    net.run_until_idle();
    assert!(net.is_empty(), "{}", net.ladder());
}

/// DESIGN.md §5, RFC 3515 §2.4.5, §2.4.7: a REFER that nobody serves is answered 200, and its one NOTIFY, with 603, ends it.
#[test]
fn a_refer_that_nobody_serves() {
    let mut net = Network::new(3);
    let alice = net.node("alice", "192.0.2.1");
    let mut config = config("bob", "192.0.2.4");
    config.policy.set_automatic();
    let bob = net.node_with("bob", "192.0.2.4", config);
    let [ours, _] = call(&mut net, alice, bob);
    let now = net.now();
    net.endpoint(alice).dialog(ours).unwrap().request(now, refer()).unwrap();
    let events = net.run_for(secs(1));
    assert_eq!(told(&events, alice), [603], "{}", net.ladder());
    assert_eq!(over(&events, alice), [Some(SubscriberEnd::Notified(Again::Never))]);
    assert_eq!(ends(&events), []);
}

/// RFC 5057 §3.2, §5.1: a subscription inside a call, ended by a 481 of its own; the call goes on.
// Holds: 5057-5.5-2
#[test]
fn a_subscription_inside_a_call() {
    let (mut net, alice, bob) = two();
    let [ours, theirs] = call(&mut net, alice, bob);
    let now = net.now();
    let request = InDialog::new(Method::Subscribe).header("Event", "kpml").header("Expires", "100");
    net.endpoint(alice).dialog(ours).unwrap().request(now, request).unwrap();
    loop {
        let (_, event) = net.next_event().expect("a SUBSCRIBE");
        if let Event::Dialog { event: DialogEvent::Subscribe(asked), .. } = event {
            let Answer::Ask(server) = asked.answer else { panic!("{asked:?}") };
            accept(&mut net, bob, server, "<none/>");
            break;
        }
    }
    let events = net.run_for(secs(1000));
    assert_eq!((ends(&events), over(&events, alice)), (vec![], vec![]), "{}", net.ladder());
    let (now, usage) = (net.now(), usage(&mut net, bob, theirs));
    net.endpoint(bob).dialog(theirs).unwrap().terminate(now, usage, Reason::Deactivated, None).unwrap();
    let events = net.run_for(secs(1));
    assert_eq!((ends(&events), over(&events, bob)), (vec![], vec![None]), "{}", net.ladder());
    let now = net.now();
    net.endpoint(bob).dialog(theirs).unwrap().destroy(now).unwrap();
    let events = net.run_for(secs(100));
    assert_eq!(ends(&events), [(alice, By::Remote, Why::Bye), (bob, By::Local, Why::Bye)]);
    assert!(net.is_empty(), "{}", net.ladder());
}

/// RFC 3515 §2.4.4, contract 6: a NOTIFY that fails at once, for want of a connection, ends its subscription as a later failure does.
#[test]
fn a_notify_that_cannot_be_sent_ends_its_subscription() {
    let mut ua = Ua::with(|config| {
        config.policy.set_initial(Method::Refer, Handling::Auto);
        config.limits.flows = 0;
    });
    let refer = Req::new("REFER")
        .line("Contact: <sip:alice@192.0.2.1>")
        .line("Refer-To: <sip:carol@192.0.2.3>")
        .line("Record-Route: <sip:192.0.2.9;lr;transport=tcp>");
    assert_eq!(ua.hear(refer.text()).lines()[0], "200 OK (REFER)");
    ua.pass_all();
}

/// DESIGN.md §2 contract 6, RFC 5057 §4: a subscription is to be refreshed while the BYE of its session waits for its answer, and cannot be: it is
/// over, and does not keep its dialog.
#[test]
fn a_refresh_that_cannot_be_sent() {
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence", secs(600)).unwrap();
    let subscribe = ua.drain().only();
    ua.hear(answer(&subscribe, 200, "", "Expires: 60\r\n"));
    ua.destroy(dialog);
    ua.pass_all();
}

/// A NOTIFY of Alice's for a SUBSCRIBE of ours outside dialogs, without its state.
fn first_notify(subscribe: &Message, cseq: u32) -> Req {
    let value = |name| subscribe.value(name).unwrap();
    let notify = Req {
        from: format!("{};tag=t", value(Name::To)),
        to: value(Name::From).into(),
        call_id: subscribe.call_id().into(),
        branch: format!("z9hG4bK-first-{cseq}"),
        cseq,
        ..Req::new("NOTIFY")
    };
    notify.line(CONTACT.trim_end()).line("Event: presence")
}

/// RFC 6665 §4.1.2.1, RFC 5057 §5.1: a SUBSCRIBE is answered 500 after its first NOTIFY came. Another subscription in the dialog that this made is none of
/// its business.
#[test]
fn a_late_refusal_is_for_its_own_subscription() {
    let mut ua = Ua::new();
    ua.sip.request(ua.now, subscribe("600")).unwrap();
    let first = ua.drain().only();
    let notify = first_notify(&first, 1).line("Subscription-State: active");
    let dialog = ua.hear(notify.text()).dialog();
    ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "dialog", secs(600)).unwrap();
    ua.drain();
    let heard = ua.hear(answer(&first, 500, "t", ""));
    assert_eq!(heard.lines(), ["* failed 500 X (SUBSCRIBE)"]);
    assert_eq!(ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().len(), 2);
    ua.sip.dialog(dialog).unwrap().destroy(ua.now).unwrap();
    ua.pass_all();
}

/// RFC 5057 §5.1 remark (17), DESIGN.md §2 contract 6: a SUBSCRIBE with Expires 0 is refused: the subscription is over all the same, and its dialog with it.
#[test]
fn a_farewell_that_is_refused() {
    for code in [500, 503, 600] {
        let mut ua = Ua::new();
        ua.sip.request(ua.now, subscribe("600")).unwrap();
        let first = ua.drain().only();
        ua.hear(answer(&first, 200, "t", "Expires: 600\r\n"));
        let notify = first_notify(&first, 1).line("Subscription-State: active");
        let dialog = ua.hear(notify.text()).dialog();
        ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence", secs(0)).unwrap();
        let farewell = ua.drain().only();
        let lines = ua.hear(answer(&farewell, code, "", "")).lines();
        let destroyed = format!("* destroy by Remote: Response({code})");
        assert_eq!(lines[1..], ["* subscription ended: presence".into(), destroyed]);
        ua.pass_all();
    }
}

/// RFC 6665 §4.4.1, DESIGN.md §2 contract 6: a first NOTIFY that is refused, or lost for want of room, begins no dialog; a better one does.
#[test]
fn a_first_notify_that_is_refused() {
    let mut ua = Ua::with(|config| config.limits.queue = 4);
    ua.sip.request(ua.now, subscribe("600")).unwrap();
    let first = ua.drain().only();
    let required = first_notify(&first, 1).line("Subscription-State: active").line("Require: foo");
    assert_eq!(ua.hear(required.text()).lines(), ["420 Bad Extension (NOTIFY)"]);
    assert_eq!(ua.sip.counts()[2], 0, "no dialog");
    // The queue is full.
    let flow = ua.udp(crate::support::ALICE);
    for number in 0..4 {
        let options =
            Req::new("OPTIONS").branch(&format!("z9hG4bK-o{number}")).call_id(&format!("o{number}"));
        ua.sip.handle_input(ua.now, sip_proto::Input::Datagram { flow, payload: options.text().into() });
    }
    let notify = first_notify(&first, 2).line("Subscription-State: active");
    ua.sip.handle_input(ua.now, sip_proto::Input::Datagram { flow, payload: notify.text().into() });
    assert!(!ua.drain().lines().contains(&"200 OK (NOTIFY)".into()));
    assert_eq!(ua.sip.counts()[2], 0, "no dialog");
    let dialog = ua.hear(notify.text()).dialog();
    ua.sip.dialog(dialog).unwrap().destroy(ua.now).unwrap();
    ua.pass_all();
}

/// RFC 3261 §15.1.2, DESIGN.md §2 contract 6: a BYE in an early dialog in which we have subscribed ends all of it, once.
#[test]
fn a_bye_while_early_and_subscribed() {
    let mut ua = Ua::new();
    let server = ua.called();
    let ringing = ua.progress(server, Reply::new()).unwrap();
    let dialog = ringing.dialog();
    ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence", secs(600)).unwrap();
    let heard = ua.hear(Req::within(&ringing.message("180 Ringing (INVITE)"), "BYE", 2).text());
    let lines = heard.lines();
    assert_eq!(lines.last().map(String::as_str), Some("* destroy by Remote: Bye"), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("* session ended")), "{lines:?}");
    ua.pass_all();
}

/// RFC 5057 §4.1, §4.2: a BYE ends the session and nothing else. The subscription beside it is refreshed for as long as the application wants it, and
/// `destroy` then ends it (RFC 6665 §4.1.2.3), and the dialog with it.
#[test]
fn a_second_destroy_ends_what_outlives_the_session() {
    for by_notifier in [false, true] {
        let (mut net, alice, bob) = two();
        let [ours, theirs] = call(&mut net, alice, bob);
        let now = net.now();
        net.endpoint(alice).dialog(ours).unwrap().subscribe(now, "presence", secs(600)).unwrap();
        while let Some((_, event)) = net.next_event() {
            let Event::Dialog { event: DialogEvent::Subscribe(asked), .. } = event else { continue };
            let Answer::Ask(server) = asked.answer else { panic!("{asked:?}") };
            accept(&mut net, bob, server, "<open/>");
            break;
        }
        net.run_for(secs(1));
        let now = net.now();
        // Both hang up at once; asked again before the answer has come, neither does anything.
        for (who, dialog) in [(alice, ours), (bob, theirs), (alice, ours)] {
            net.endpoint(who).dialog(dialog).unwrap().destroy(now).unwrap();
        }
        let events = net.run_for(secs(3_600));
        assert_eq!((ends(&events), over(&events, alice)), (vec![], vec![]), "{}", net.ladder());
        let now = net.now();
        let (who, dialog) = if by_notifier { (bob, theirs) } else { (alice, ours) };
        net.endpoint(who).dialog(dialog).unwrap().destroy(now).unwrap();
        let events = net.run_for(secs(60));
        let expected = [(alice, By::Remote, Why::Unsubscribed), (bob, By::Local, Why::Unsubscribed)];
        assert_eq!(ends(&events), expected, "{}", net.ladder());
        assert!(net.is_empty(), "{}", net.ladder());
    }
}

/// RFC 6665 §4.1.2.1, RFC 5057 §5.1: the answer to a SUBSCRIBE comes when its subscription was over already. It is for no other one in the dialog.
#[test]
fn an_answer_after_the_end_is_for_no_other_subscription() {
    for code in [200, 403] {
        let mut ua = Ua::new();
        ua.sip.request(ua.now, subscribe("600")).unwrap();
        let first = ua.drain().only();
        let dialog = ua.hear(first_notify(&first, 1).line("Subscription-State: active").text()).dialog();
        ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "dialog", secs(900)).unwrap();
        ua.drain();
        let heard =
            ua.hear(first_notify(&first, 2).line("Subscription-State: terminated;reason=noresource").text());
        assert!(heard.lines().contains(&"* subscription ended: presence".into()), "{heard:?}");
        let before = ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().to_vec();
        assert_eq!(before.len(), 1);
        ua.hear(answer(&first, code, "t", &format!("{CONTACT}Expires: 60\r\n")));
        assert_eq!(ua.sip.dialog(dialog).unwrap().subscriptions().unwrap(), before, "{code}");
    }
}

/// RFC 6665 §4.1.2.1, §4.2.1.1: the NOTIFY came first and told no duration. The 2xx that comes then does: the refresh goes in time for it.
#[test]
fn a_2xx_after_the_notify_tells_how_long_it_lasts() {
    let mut ua = Ua::new();
    ua.sip.request(ua.now, subscribe("600")).unwrap();
    let first = ua.drain().only();
    ua.hear(first_notify(&first, 1).line("Subscription-State: active").text());
    ua.hear(answer(&first, 200, "t", &format!("{CONTACT}Expires: 100\r\n")));
    let heard = ua.pass(secs(100));
    assert_eq!(heard.times("SUBSCRIBE").first(), Some(&68_000), "{heard:?}");
}

/// RFC 6665 §4.1.2.4: Timer N is 64·T1 from the SUBSCRIBE, however short a time was granted: a NOTIFY until then makes the dialog, and is told of no more after.
#[test]
fn a_short_subscription_waits_as_long_for_its_first_notify() {
    let short = format!("{CONTACT}Expires: 20\r\n");
    let mut ua = Ua::new();
    let sent = subscribing(&mut ua);
    ua.hear(answer(&sent, 200, "n", &short));
    ua.pass(secs(15));
    let heard = ua.hear(notify(&sent, "n", 1, "active;expires=20").text());
    assert_eq!(heard.lines()[1..], ["200 OK (NOTIFY)", "* NOTIFY answered 200"]);
    assert_eq!(ua.pass(secs(10)).times("SUBSCRIBE"), [25_000]);

    let mut ua = Ua::new();
    let sent = subscribing(&mut ua);
    ua.hear(answer(&sent, 200, "n", &short));
    assert_eq!(ua.pass_all().timed(), ["32.0 * no notify", "32.0 * client ended"]);

    // Within a dialog, too: none goes out again before the NOTIFY of the last.
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence", secs(600)).unwrap();
    let sent = ua.drain().only();
    ua.hear(answer(&sent, 200, "", &short));
    let heard = ua.pass(secs(100));
    assert_eq!(heard.times("* subscription ended: presence"), [32_000]);
    assert!(heard.sent().is_empty(), "{heard:?}");
}

/// RFC 6665 §4.1.2.2 (RFC 5839): a 204 is followed by no NOTIFY. A fetch or a farewell that is answered so is over, in and out of dialogs.
#[test]
fn a_fetch_that_brings_nothing_new() {
    let mut ua = Ua::new();
    ua.sip.request(ua.now, subscribe("0")).unwrap();
    let sent = ua.drain().only();
    let heard = ua.hear(answer(&sent, 204, "n", &format!("{CONTACT}Expires: 0\r\n")));
    assert_eq!(heard.lines(), ["* accepted 204 X (SUBSCRIBE)"]);
    assert_eq!(ua.pass_all().lines(), ["* client ended"]);

    for is_known in [false, true] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        if is_known {
            ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence", secs(600)).unwrap();
            let sent = ua.drain().only();
            ua.hear(answer(&sent, 200, "", &format!("{CONTACT}Expires: 600\r\n")));
            let told = Req::within(&ok, "NOTIFY", 2)
                .line(CONTACT.trim_end())
                .line("Event: presence")
                .line("Subscription-State: active;expires=600");
            ua.hear(told.text());
        }
        ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence", secs(0)).unwrap();
        let sent = ua.drain().only();
        ua.hear(answer(&sent, 204, "", &format!("{CONTACT}Expires: 0\r\n")));
        let heard = ua.pass(secs(64));
        assert_eq!(heard.times("* subscription ended: presence"), [32_000], "{is_known} {heard:?}");
        assert!(ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().is_empty());
    }
}

/// RFC 6665 §4.1.2.2, §4.1.2.3, RFC 5057 §5.6: a dialog has as many subscriptions as it may: what is there is refreshed and ended all the same.
#[test]
fn a_full_dialog_refreshes_what_it_has() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    for n in 0..sip_proto::dialog::Usages::MOST {
        ua.sip.dialog(dialog).unwrap().subscribe(ua.now, format!("presence;id={n}"), secs(600)).unwrap();
    }
    ua.drain();
    let before = ua.sip.dialog(dialog).unwrap().get().unwrap().local_cseq();
    assert!(ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence", secs(600)).is_err());
    assert_eq!(ua.sip.dialog(dialog).unwrap().get().unwrap().local_cseq(), before);
    ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence;id=7", secs(0)).unwrap();
    assert_eq!(ua.drain().only().value(Name::Event), Some("presence;id=7"));
    // §4.1.3: what matches nothing is told so, and what says too little, too.
    let told = |cseq, event: &str| {
        Req::within(&ok, "NOTIFY", cseq).line(CONTACT.trim_end()).line(&format!("Event: {event}"))
    };
    let strange = told(2, "presence").line("Subscription-State: active");
    assert_eq!(ua.hear(strange.text()).lines(), ["481 Call/Transaction Does Not Exist (NOTIFY)"]);
    assert_eq!(ua.hear(told(3, "presence;id=7").text()).lines(), ["400 Bad Request (NOTIFY)"]);
}

/// RFC 6665 §8.3.1: 202 is 200, whichever method of the application's says it; to a NOTIFY that the application answers, too.
// Holds: 6665-8.3.1-2
#[test]
fn accepted_by_any_method() {
    let mut ua = Ua::with(|config| config.policy.set_in_dialog(Method::Notify, Handling::Ask));
    let (ok, _) = ua.answered_call();
    let notify = Req::within(&ok, "NOTIFY", 2).line("Event: talk").line("Subscription-State: active");
    let server = ua.hear(notify.text()).server();
    let heard = ua.reply(server, Reply::code(202).reason("So be it").body("text/plain", "x")).unwrap();
    assert_eq!(heard.lines()[0], "200 So be it (NOTIFY) +body");

    let mut ua = notifier();
    let server = ua.hear(asks("presence", "600").text()).server();
    let heard = ua.reply(server, Reply::code(202)).unwrap();
    assert_eq!(heard.lines(), ["200 OK (SUBSCRIBE)", "* accepted 200", "NOTIFY"]);
}

/// RFC 3261 §21.4.17, RFC 6665 §4.2.1.1: a refresh that is 423 goes again with as much as Min-Expires says, in the next number; one that says nothing leaves
/// the subscription as long as it was to last.
#[test]
fn a_refresh_that_is_too_brief_goes_again() {
    for (least, again) in [("Min-Expires: 900\r\n", Some("900")), ("Min-Expires: 100\r\n", None), ("", None)]
    {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence", secs(600)).unwrap();
        let sent = ua.drain().only();
        ua.hear(answer(&sent, 200, "", &format!("{CONTACT}Expires: 600\r\n")));
        let told = Req::within(&ok, "NOTIFY", 2).line(CONTACT.trim_end()).line("Event: presence");
        ua.hear(told.line("Subscription-State: active;expires=600").text());
        let refresh = ua.pass(secs(568)).message("SUBSCRIBE");
        let heard = ua.hear(answer(&refresh, 423, "", least));
        let sent = [heard.sent(), ua.pass(millis(400)).sent()].concat();
        let expires: Vec<_> = sent.iter().map(|sent| sent.value(Name::Expires)).collect();
        assert_eq!(expires, Vec::from_iter(again.map(Some)), "{least}");
        assert!(sent.iter().all(|sent| sent.cseq() == refresh.cseq() + 1));
        assert_eq!(ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().len(), 1);
    }
}

/// RFC 6665 §4.1.2.2, §4.1.2.3: a refresh is as the first SUBSCRIBE: the parameters of its package (RFC 4235 §3.2) and what it accepts are said again, until the
/// application says others; and so is the farewell.
#[test]
fn a_refresh_says_again_what_the_first_said() {
    const EVENT: &str = "dialog;call-id=\"a@h\";id=7;to-tag=1;include-session-description";
    const AGAIN: &str = "dialog;id=7;call-id=\"a@h\";to-tag=1;include-session-description";
    let said = |sent: &Message| {
        let value = |name| sent.value(name).unwrap_or_default().to_string();
        [Name::Event, Name::Accept, Name::Expires].map(value)
    };
    let told = |cseq| {
        let told = Req::new("NOTIFY").line(CONTACT.trim_end()).line("Event: dialog;id=7");
        told.line("Subscription-State: active;expires=100").cseq(cseq)
    };
    // Outside dialogs.
    let mut ua = Ua::new();
    let request = Request::new(Method::Subscribe, "sip:alice@192.0.2.1")
        .header("Event", EVENT)
        .header("Accept", "application/dialog-info+xml")
        .header("Expires", "100");
    ua.sip.request(ua.now, request).unwrap();
    let sent = ua.drain().only();
    let told_first = Req {
        from: format!("{};tag=n", sent.value(Name::To).unwrap()),
        to: sent.value(Name::From).unwrap().into(),
        call_id: sent.call_id().into(),
        ..told(1)
    };
    let dialog = ua.hear(told_first.text()).dialog();
    ua.hear(answer(&sent, 200, "n", &format!("{CONTACT}Expires: 100\r\n")));
    let refresh = ua.pass(secs(68)).message("SUBSCRIBE");
    assert_eq!(said(&refresh), [AGAIN, "application/dialog-info+xml", "100"]);
    ua.hear(answer(&refresh, 200, "", &format!("{CONTACT}Expires: 100\r\n")));
    assert_eq!(said(&ua.destroy(dialog).only()), [AGAIN, "application/dialog-info+xml", "0"]);

    // Within one.
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let subscribe = |event: &'static str| InDialog::new(Method::Subscribe).header("Event", event);
    let first = subscribe(EVENT).header("Accept", "a/b").header("Accept", "c/d").header("Expires", "100");
    ua.sip.dialog(dialog).unwrap().request(ua.now, first).unwrap();
    let sent = ua.drain().only();
    ua.hear(answer(&sent, 200, "", &format!("{CONTACT}Expires: 100\r\n")));
    let within = Req { lines: told(2).lines, ..Req::within(&ok, "NOTIFY", 2) };
    ua.hear(within.text());
    let refresh = ua.pass(secs(68)).message("SUBSCRIBE");
    assert_eq!(said(&refresh), [AGAIN, "a/b, c/d", "100"]);
    let other = subscribe("dialog;id=7").header("Expires", "100");
    ua.sip.dialog(dialog).unwrap().request(ua.now, other).unwrap();
    ua.drain();
    ua.hear(Req::within(&ok, "BYE", 3).text());
    assert_eq!(said(&ua.destroy(dialog).only()), ["dialog;id=7", "", "0"]);
}

/// RFC 6665 §4.1.2.2: the same where the first SUBSCRIBE said only one of the two.
#[test]
fn a_refresh_says_again_the_one_thing_that_was_said() {
    for (event, accept) in [("dialog;to-tag=1", None), ("dialog", Some("a/b"))] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        let request = InDialog::new(Method::Subscribe).header("Event", event).header("Expires", "100");
        let request = accept.into_iter().fold(request, |request, accept| request.header("Accept", accept));
        ua.sip.dialog(dialog).unwrap().request(ua.now, request).unwrap();
        let sent = ua.drain().only();
        ua.hear(answer(&sent, 200, "", &format!("{CONTACT}Expires: 100\r\n")));
        let told = Req::within(&ok, "NOTIFY", 2).line(CONTACT.trim_end()).line("Event: dialog");
        ua.hear(told.line("Subscription-State: active;expires=100").text());
        let refresh = ua.pass(secs(68)).message("SUBSCRIBE");
        assert_eq!((refresh.value(Name::Event), refresh.value(Name::Accept)), (Some(event), accept));
    }
}

/// RFC 6665 §4.2.1.2, §4.4.1: the last NOTIFY of a subscription is under way when the peer, who has it, subscribes anew: that makes another subscription. One
/// that would only end it is answered.
#[test]
fn a_subscribe_while_the_last_notify_is_under_way() {
    for leaves in [false, true] {
        let mut ua = notifier();
        let (ok, dialog) = ua.answered_call();
        let within = |cseq: u32, expires: &str| {
            let request = Req::within(&ok, "SUBSCRIBE", cseq).line(CONTACT.trim_end());
            request.line("Event: presence").line(&format!("Expires: {expires}"))
        };
        let subscribe = |ua: &mut Ua, cseq: u32| {
            let heard = ua.hear(within(cseq, "600").text());
            let Some(Event::Dialog { event: DialogEvent::Subscribe(asked), .. }) = heard.events().pop()
            else {
                panic!("{heard:?}")
            };
            let Answer::Ask(server) = asked.answer else { panic!("{heard:?}") };
            ua.accept(server, Reply::new()).unwrap()
        };
        let heard = subscribe(&mut ua, 2);
        assert_eq!(heard.lines()[0], "200 OK (SUBSCRIBE)");
        ua.hear(answer(&heard.message("NOTIFY"), 200, "", ""));
        let first = ua.sip.dialog(dialog).unwrap().subscriptions().unwrap()[0].id();
        ua.sip.dialog(dialog).unwrap().terminate(ua.now, first, Reason::Deactivated, None).unwrap();
        let last = ua.drain().message("NOTIFY");
        if leaves {
            let heard = ua.hear(within(3, "0").text());
            assert_eq!(heard.lines()[0], "200 OK (SUBSCRIBE)");
            assert_eq!(heard.sent().len(), 1, "it is told already: {heard:?}");
        } else {
            let heard = subscribe(&mut ua, 3);
            assert_eq!(heard.lines()[0], "200 OK (SUBSCRIBE)");
            assert_eq!(heard.message("NOTIFY").value(Name::SubscriptionState), Some("active;expires=600"));
            ua.hear(answer(&heard.message("NOTIFY"), 200, "", ""));
        }
        let heard = ua.hear(answer(&last, 200, "", ""));
        assert_eq!(heard.times("* subscription ended: presence").len(), 1);
        assert_eq!(ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().len(), usize::from(!leaves));
    }
}

/// RFC 6665 §4.1.2.4, §4.4.1: where forks are kept, a late NOTIFY of a subscription that is over begins no other.
#[test]
fn a_late_notify_of_a_fork_that_is_over() {
    let mut ua = Ua::with(|config| config.policy.keep_forks = true);
    let sent = subscribing(&mut ua);
    ua.hear(answer(&sent, 200, "n", &format!("{CONTACT}Expires: 600\r\n")));
    ua.hear(notify(&sent, "n", 1, "active;expires=600").text());
    ua.hear(notify(&sent, "n", 3, "terminated;reason=noresource").text());
    for tag in ["n", "N"] {
        let late = ua.hear(notify(&sent, tag, 2, "active;expires=600").text());
        assert_eq!(late.lines(), ["481 Call/Transaction Does Not Exist (NOTIFY)"]);
    }
    assert_eq!(ua.hear(notify(&sent, "m", 1, "active").text()).lines()[0], "200 OK (NOTIFY)");
}

/// RFC 5057 §5.6, RFC 6665 §4.2.1.2: a 2xx whose subscription has no room is refused, since no NOTIFY would follow it: the application may decline.
#[test]
fn more_are_asked_for_than_a_dialog_holds() {
    let mut ua = notifier();
    let (ok, dialog) = ua.answered_call();
    let most = sip_proto::dialog::Usages::MOST;
    let servers: Vec<_> = (0..=most as u32)
        .map(|n| {
            let request = Req::within(&ok, "SUBSCRIBE", 2 + n).line(CONTACT.trim_end());
            let heard = ua.hear(request.line(&format!("Event: presence;id={n}")).line("Expires: 600").text());
            let Some(Event::Dialog { event: DialogEvent::Subscribe(asked), .. }) = heard.events().pop()
            else {
                panic!("{heard:?}")
            };
            let Answer::Ask(server) = asked.answer else { panic!("{heard:?}") };
            server
        })
        .collect();
    for server in &servers[..most] {
        assert_eq!(ua.accept(*server, Reply::new()).unwrap().sent().len(), 2);
    }
    assert!(ua.accept(servers[most], Reply::new()).is_err());
    assert_eq!(ua.reject(servers[most], Reply::code(603)).unwrap().lines()[0], "603 Decline (SUBSCRIBE)");
    assert_eq!(ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().len(), most);
}

/// RFC 6665 §4.1.2.2, §4.1.2.4: Timer N is for a SUBSCRIBE that was sent. One whose next hop nobody finds fails, and the subscription goes on as it was.
#[test]
fn a_refresh_that_finds_no_way() {
    for moves in [false, true] {
        let mut ua = Ua::new();
        let sent = subscribing(&mut ua);
        let first = notify(&sent, "n", 1, "active;expires=600").text();
        let first = if moves { first.replace("192.0.2.1:5099", "alice.example") } else { first };
        let dialog = ua.hear(first).dialog();
        ua.hear(answer(&sent, 200, "n", &format!("{CONTACT}Expires: 600\r\n")));
        ua.pass(secs(100));
        ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence", secs(600)).unwrap();
        let heard = ua.pass(secs(32));
        let failed = heard.times("* failed 503 Service Unavailable (SUBSCRIBE) (made up)");
        assert_eq!(failed.len(), usize::from(moves), "{heard:?}");
        assert_eq!(ua.sip.dialog(dialog).is_ok(), moves, "{heard:?}");
    }
}

/// RFC 5057 §5.1: an answer to a NOTIFY that ends the dialog ends its session, and is why.
#[test]
fn an_answer_to_a_notify_that_ends_a_call() {
    for (code, why) in [(404, Some(404)), (481, None)] {
        let mut ua = notifier();
        let (ok, dialog) = ua.answered_call();
        let request = Req::within(&ok, "SUBSCRIBE", 2).line(CONTACT.trim_end()).line("Event: presence");
        let heard = ua.hear(request.line("Expires: 600").text());
        let Some(Event::Dialog { event: DialogEvent::Subscribe(asked), .. }) = heard.events().pop() else {
            panic!("{heard:?}")
        };
        let Answer::Ask(server) = asked.answer else { panic!("{heard:?}") };
        let heard = ua.accept(server, Reply::new()).unwrap();
        let heard = ua.hear(answer(&heard.message("NOTIFY"), code, "", ""));
        let ended = heard.events().into_iter().find_map(|event| match event {
            Event::Dialog { event: DialogEvent::Destroy { why: Why::Response(status), .. }, .. } => {
                Some(status.code())
            }
            _ => None,
        });
        assert_eq!((ended, ua.sip.dialog(dialog).is_ok()), (why, why.is_none()), "{heard:?}");
    }
}

/// DESIGN.md §2, contract 6: the NOTIFY that makes a dialog is told of, and the dialog ends, though the end of what asked for it (RFC 6665 §4.4.1) fills the
/// queue.
#[test]
fn a_first_notify_fits_where_the_end_of_its_subscribe_fills_the_queue() {
    let mut ua = Ua::with(|config| config.limits.queue = 1);
    let subscribe = Request::new(Method::Subscribe, "sip:alice@192.0.2.1").header("Event", "presence");
    ua.sip.request(ua.now, subscribe).unwrap();
    let subscribe = ua.drain().only();
    ua.hear(answer(&subscribe, 200, "a", CONTACT));
    ua.pass(secs(6));
    let mut notify = Req::new("NOTIFY").line(CONTACT.trim_end()).line("Event: presence");
    notify.call_id = subscribe.call_id().into();
    let notify = notify.line("Subscription-State: terminated").from("<sip:alice@192.0.2.1>;tag=a");
    let heard = ua.hear(notify.to(subscribe.value(Name::From).unwrap()).text());
    assert_eq!(heard.lines()[..3], ["* client ended", "200 OK (NOTIFY)", "* NOTIFY answered 200"]);
    assert_eq!(heard.ends().len(), 1, "{heard:?}");
    ua.pass_all();
}
