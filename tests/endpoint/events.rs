//! What subscribers and notifiers put on the wire, and what they make of what they hear (RFC 6665), beside `subscriptions.rs`.

use crate::support::{CONTACT, Heard, Req, SDP, Ua, answer, secs};
use sip_proto::context::{Reply, Request};
use sip_proto::dialog::{Again, InDialog, SubscriberEnd};
use sip_proto::endpoint::Handling;
use sip_proto::message::Name;
use sip_proto::{DialogEvent, Event, Message, Method, Refused};

fn subscribing(ua: &mut Ua) -> Message {
    let request = Request::new(Method::Subscribe, "sip:alice@192.0.2.1")
        .header("Event", "presence")
        .header("Expires", "600");
    ua.sip.request(ua.now, request).unwrap();
    ua.drain().message("SUBSCRIBE")
}

/// A NOTIFY of Alice's to a SUBSCRIBE of ours.
fn notify(subscribe: &Message, tag: &str, cseq: u32, state: &str) -> Req {
    Req::new("NOTIFY")
        .from(&format!("<sip:alice@192.0.2.1>;tag={tag}"))
        .to(subscribe.value(Name::From).unwrap())
        .call_id(subscribe.call_id())
        .branch(&format!("z9hG4bK-notify-{tag}-{cseq}"))
        .cseq(cseq)
        .line(CONTACT.trim_end())
        .line("Event: presence")
        .line(&format!("Subscription-State: {state}"))
}

fn asks(expires: &str) -> Req {
    Req::new("SUBSCRIBE")
        .line(CONTACT.trim_end())
        .line("Event: presence;id=7")
        .line(&format!("Expires: {expires}"))
}

fn notifier() -> Ua {
    Ua::with(|config| config.policy.set_initial(Method::Subscribe, Handling::Ask))
}

fn over(heard: &Heard) -> Option<SubscriberEnd> {
    heard.events().into_iter().find_map(|event| match event {
        Event::Dialog { event: DialogEvent::SubscriptionEnded { end, .. }, .. } => *end,
        _ => None,
    })
}

// ---- The subscriber ----

/// §3.1.1, §3.1.2: a SUBSCRIBE has one Event; the endpoint's own have Expires, too. One without, or with several, is not sent.
// Holds: 6665-3.1.1-1, 6665-3.1.2-1, 6665-8.2.1-2
#[test]
fn what_a_subscribe_says() {
    let mut ua = Ua::new();
    for events in [&[][..], &["presence", "dialog"]] {
        let request = Request::new(Method::Subscribe, "sip:alice@192.0.2.1");
        let request = events.iter().fold(request, |request, event| request.header("Event", *event));
        assert_eq!(ua.sip.request(ua.now, request), Err(Refused::Lacks(Name::Event)));
    }
    let sent = subscribing(&mut ua);
    assert_eq!(sent.values(Name::Event).collect::<Vec<_>>(), ["presence"]);
    ua.hear(notify(&sent, "n", 1, "active;expires=100").text());
    let refresh = ua.pass(secs(69)).message("SUBSCRIBE");
    assert_eq!(refresh.values(Name::Event).collect::<Vec<_>>(), ["presence"]);
    assert_eq!(refresh.value(Name::Expires), Some("600"));
    let (_, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "kpml", secs(60)).unwrap();
    assert_eq!(ua.drain().message("SUBSCRIBE").value(Name::Expires), Some("60"));
}

/// §4.1.2.2, §4.4.2: a new attempt has a Call-ID and a From tag of its own, and no route set of what was before.
// Holds: 6665-4.1.2.2-2, 6665-4.4.2-1, 6665-4.1.3-11
#[test]
fn another_attempt_is_another_dialog() {
    let mut ua = Ua::new();
    let first = subscribing(&mut ua);
    let told = notify(&first, "n", 1, "active;expires=100").line("Record-Route: <sip:192.0.2.70;lr>");
    ua.hear(told.text());
    ua.hear(answer(&first, 200, "n", &format!("{CONTACT}Expires: 600\r\n")));
    let heard = ua.hear(notify(&first, "n", 2, "terminated;reason=deactivated").text());
    assert_eq!(over(&heard), Some(SubscriberEnd::Notified(Again::Now)));
    let second = subscribing(&mut ua);
    assert_ne!(second.call_id(), first.call_id());
    assert_ne!(second.from().unwrap().tag(), first.from().unwrap().tag());
    assert_eq!((second.to().unwrap().tag(), second.value(Name::Route)), (None, None));
}

/// §4.1.3: what the application hears of the reasons of an end, and of the pause that goes with some of them.
// Holds: 6665-4.1.3-12, 6665-4.1.3-13, 6665-4.1.3-14, 6665-4.1.3-16, 6665-4.1.3-17
#[test]
fn when_to_try_again() {
    for (state, expected) in [
        ("terminated;reason=probation", Again::Later),
        ("terminated;reason=probation;retry-after=60", Again::After(secs(60))),
        ("terminated;reason=rejected;retry-after=60", Again::Never),
        ("terminated;reason=giveup;retry-after=60", Again::After(secs(60))),
        ("terminated;reason=giveup", Again::Now),
        ("terminated;reason=noresource", Again::Never),
        ("terminated;reason=invariant;retry-after=31536000", Again::Never),
    ] {
        let mut ua = Ua::new();
        let sent = subscribing(&mut ua);
        ua.hear(notify(&sent, "n", 1, "active;expires=100").text());
        ua.hear(answer(&sent, 200, "n", &format!("{CONTACT}Expires: 600\r\n")));
        let heard = ua.hear(notify(&sent, "n", 2, state).text());
        assert_eq!(over(&heard), Some(SubscriberEnd::Notified(expected)), "{state}");
        assert_eq!(
            ua.pass(secs(60)).times("SUBSCRIBE"),
            [0; 0],
            "nothing is tried behind the application's back"
        );
    }
}

/// §4.1.3: `expires` beside `terminated` means nothing: the subscription is over.
// Holds: 6665-4.1.3-9, 6665-4.1.3-7
#[test]
fn terminated_has_no_duration() {
    let mut ua = Ua::new();
    let sent = subscribing(&mut ua);
    let heard = ua.hear(notify(&sent, "n", 1, "active;expires=100").text());
    let dialog = heard.dialog();
    let heard = ua.hear(notify(&sent, "n", 2, "terminated;expires=500").text());
    assert_eq!(heard.lines()[0], "200 OK (NOTIFY)");
    assert_eq!(over(&heard), Some(SubscriberEnd::Notified(Again::Now)));
    assert!(ua.sip.dialog(dialog).is_err());
}

/// §4.1.3, §4.1.4: NOTIFY is answered at once, with 200, also where its tag is not that of the 2xx.
// Holds: 6665-4.1.3-6, 6665-4.1.3-18, 6665-4.1.3-19, 6665-4.1.4-1, 6665-8.3.1-1
#[test]
fn a_notify_is_answered_at_once() {
    let mut ua = Ua::new();
    let sent = subscribing(&mut ua);
    ua.hear(answer(&sent, 202, "other", &format!("{CONTACT}Expires: 600\r\n")));
    let heard = ua.hear(notify(&sent, "n", 1, "pending;expires=100").text());
    assert_eq!(heard.timed(), ["0.0 200 OK (NOTIFY)", "0.0 * NOTIFY answered 200"]);
    assert_eq!(ua.pass(secs(69)).message("SUBSCRIBE").to().unwrap().tag(), Some("n"));
}

/// §4.4.1: a NOTIFY matches by the tag that our SUBSCRIBE had, too.
// Holds: 6665-4.4.1-3
#[test]
fn a_notify_to_another_tag() {
    let mut ua = Ua::new();
    let sent = subscribing(&mut ua);
    let stray = notify(&sent, "n", 1, "active;expires=100").to("<sip:bob@192.0.2.4>;tag=other");
    assert_eq!(ua.hear(stray.text()).lines(), ["481 Call/Transaction Does Not Exist (NOTIFY)"]);
    assert_eq!(ua.hear(notify(&sent, "n", 2, "active;expires=100").text()).lines().len(), 2);
}

/// §4.5.2, RFC 5057 §5.5: two subscriptions of one dialog: each is refreshed by its id and in its time, and leaves the other's alone.
// Holds: 5057-2-2, 5057-5.5-1, 6665-4.5.2-3, 6665-4.5.2-6
#[test]
fn two_subscriptions_of_one_dialog() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let mut cseq = 1;
    for (event, expires) in [("presence;id=1", 100), ("presence;id=2", 400)] {
        ua.sip.dialog(dialog).unwrap().subscribe(ua.now, event, secs(expires)).unwrap();
        let sent = ua.drain().only();
        ua.hear(answer(&sent, 200, "", &format!("{CONTACT}Expires: {expires}\r\n")));
    }
    let mut tell = |ua: &mut Ua, event: &str, expires: u64| {
        cseq += 1;
        let told = Req::within(&ok, "NOTIFY", cseq)
            .line(CONTACT.trim_end())
            .line(&format!("Event: {event}"))
            .line(&format!("Subscription-State: active;expires={expires}"));
        assert_eq!(ua.hear(told.text()).lines()[0], "200 OK (NOTIFY)");
    };
    tell(&mut ua, "presence;id=1", 100);
    tell(&mut ua, "presence;id=2", 400);
    let mut refreshes = Vec::new();
    while ua.now < sip_proto::Timestamp::from_secs(400) {
        let heard = ua.pass(secs(1));
        for sent in heard.sent() {
            assert_eq!(*sent.method(), Method::Subscribe);
            let event = sent.value(Name::Event).unwrap().to_string();
            refreshes.push((ua.now.as_millis() / 1000, event.clone()));
            let expires = sent.value(Name::Expires).unwrap().to_string();
            ua.hear(answer(&sent, 200, "", &format!("{CONTACT}Expires: {expires}\r\n")));
            tell(&mut ua, &event, expires.parse().unwrap());
        }
    }
    let second: Vec<_> = refreshes.iter().filter(|(_, event)| event == "presence;id=2").collect();
    assert_eq!(second, [&(368, "presence;id=2".into())], "{refreshes:?}");
    assert_eq!(refreshes[0], (68, "presence;id=1".into()));
    assert_eq!(refreshes.len(), 6, "{refreshes:?}");
}

// ---- The notifier ----

/// §4.5.2, §4.2.2, §3.2.1: the id of the SUBSCRIBE is in all its NOTIFYs, which name the package once, the state once, and the time that is left.
// Holds: 6665-3.2.1-1, 6665-3.2.1-2, 6665-4.1.3-4, 6665-4.2.2-6, 6665-4.5.2-5
#[test]
fn what_a_notify_says() {
    let mut ua = notifier();
    let heard = ua.hear(asks("600").text());
    let heard = ua.accept(heard.server(), Reply::new().body("text/plain", "here")).unwrap();
    let (ok, mut told) = (heard.message("200 OK (SUBSCRIBE)"), vec![heard.message("NOTIFY")]);
    let dialog = heard.dialog();
    ua.hear(answer(&told[0], 200, "", ""));
    ua.pass(secs(100));
    let usage = ua.sip.dialog(dialog).unwrap().subscriptions().unwrap()[0].id();
    ua.sip.dialog(dialog).unwrap().tell(ua.now, usage, None).unwrap();
    told.push(ua.drain().message("NOTIFY"));
    ua.hear(answer(&told[1], 200, "", ""));
    let refresh = Req::within(&ok, "SUBSCRIBE", 2)
        .line(CONTACT.trim_end())
        .line("Event: presence;id=7")
        .line("Expires: 300");
    let heard = ua.hear(refresh.text());
    assert_eq!(heard.message("200 OK (SUBSCRIBE)").value(Name::Expires), Some("300"));
    told.push(heard.message("NOTIFY"));
    ua.hear(answer(&told[2], 200, "", ""));
    let heard = ua.pass(secs(300));
    told.push(heard.message("NOTIFY"));
    let states: Vec<_> = told.iter().map(|notify| notify.value(Name::SubscriptionState).unwrap()).collect();
    let expected =
        ["active;expires=600", "active;expires=500", "active;expires=300", "terminated;reason=timeout"];
    assert_eq!(states, expected);
    for notify in &told {
        assert_eq!(notify.values(Name::Event).collect::<Vec<_>>(), ["presence;id=7"]);
        assert_eq!(notify.values(Name::SubscriptionState).count(), 1);
        assert_eq!((notify.call_id(), notify.from().unwrap().tag()), (ok.call_id(), ok.to().unwrap().tag()));
    }
}

/// §3.1.1, §4.4.3: with Expires 0 a subscription is a fetch: 200 with Expires 0, and one NOTIFY that ends it.
// Holds: 6665-4.4.3-3, 6665-3.1.1-2, 6665-4.2.2-1, 6665-4.2.1.2-2
#[test]
fn a_fetch() {
    let mut ua = notifier();
    let heard = ua.hear(asks("0").text());
    let heard = ua.accept(heard.server(), Reply::new().body("text/plain", "here")).unwrap();
    assert_eq!(heard.message("200 OK (SUBSCRIBE)").value(Name::Expires), Some("0"));
    let notify = heard.message("NOTIFY");
    assert_eq!(notify.value(Name::SubscriptionState), Some("terminated;reason=timeout"));
    assert_eq!(notify.body(), b"here");
    let ok = heard.message("200 OK (SUBSCRIBE)");
    assert_eq!((notify.call_id(), notify.from().unwrap().tag()), (ok.call_id(), ok.to().unwrap().tag()));
    assert_eq!(notify.to().unwrap().tag(), Some("alice"));
    ua.hear(answer(&notify, 200, "", ""));
    ua.pass_all();
}

/// §4.2.1.1: 423 only for more than nothing, less than an hour and less than our least; it says how much would do.
// Holds: 6665-4.2.1.1-5
#[test]
fn too_brief() {
    for (least, expires, refused) in
        [(60, "59", true), (60, "60", false), (60, "0", false), (7200, "3600", false), (7200, "3599", true)]
    {
        let mut ua = Ua::with(|config| {
            config.policy.set_initial(Method::Subscribe, Handling::Ask);
            config.granting.least = secs(least);
        });
        let heard = ua.hear(asks(expires).text());
        match refused {
            true => {
                let answer = heard.message("423 Interval Too Brief (SUBSCRIBE)");
                assert_eq!(answer.value(Name::MinExpires), Some(&*least.to_string()));
            }
            false => assert_eq!(heard.lines(), ["* incoming SUBSCRIBE"], "{expires}"),
        }
    }
}

/// §4.2.1.4: a refresh is weighed as the first SUBSCRIBE was: 423 for too little, and no more than was asked for.
// Holds: 6665-4.2.1.4-1, 6665-4.2.1.4-2
#[test]
fn a_refresh_is_granted_no_more() {
    let mut ua = Ua::with(|config| {
        config.policy.set_initial(Method::Subscribe, Handling::Ask);
        (config.granting.least, config.granting.most) = (secs(60), secs(1000));
    });
    let heard = ua.hear(asks("600").text());
    let ok = ua.accept(heard.server(), Reply::new()).unwrap().message("200 OK (SUBSCRIBE)");
    let mut cseq = 1;
    let mut refresh = |expires: &str| {
        cseq += 1;
        let request =
            Req::within(&ok, "SUBSCRIBE", cseq).line(CONTACT.trim_end()).line("Event: presence;id=7");
        ua.hear(request.line(&format!("Expires: {expires}")).text()).sent().remove(0)
    };
    let brief = refresh("59");
    assert_eq!((brief.status().unwrap().code(), brief.value(Name::MinExpires)), (423, Some("60")));
    for (asked, granted) in [("60", "60"), ("999", "999"), ("5000", "1000")] {
        assert_eq!(refresh(asked).value(Name::Expires), Some(granted));
    }
}

/// §4.2.1: only an accepted SUBSCRIBE or REFER makes a subscription.
// Holds: 6665-4.2.1-1
#[test]
fn what_makes_a_subscription() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().notify(ua.now, "presence", "active;expires=60", None).unwrap();
    ua.drain();
    let info = Req::within(&ok, "INFO", 2).line("Event: presence").line("Expires: 60");
    ua.hear(info.text());
    let subscribe = |cseq| {
        Req::within(&ok, "SUBSCRIBE", cseq)
            .line(CONTACT.trim_end())
            .line("Event: presence")
            .line("Expires: 60")
    };
    let asked = |heard: &Heard| {
        heard.events().into_iter().find_map(|event| match event {
            Event::Dialog { event, .. } => match event.asked()?.answer {
                sip_proto::endpoint::Answer::Ask(server) => Some(server),
                sip_proto::endpoint::Answer::Auto(_) => None,
            },
            _ => None,
        })
    };
    let refused = asked(&ua.hear(subscribe(3).text())).unwrap();
    ua.reject(refused, Reply::code(403)).unwrap();
    assert!(ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().is_empty());
    let accepted = asked(&ua.hear(subscribe(4).text())).unwrap();
    ua.accept(accepted, Reply::new()).unwrap();
    assert_eq!(ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().len(), 1);
}

/// §4.2.2, RFC 5057 §5.1: a NOTIFY that is refused or not answered ends the subscription; what follows for it is 481.
// Holds: 5057-5.1-9, 5057-5.1-10, 6665-4.2.2-3, 6665-4.2.2-4
#[test]
fn a_notify_that_fails() {
    for code in [404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604, 0] {
        let mut ua = notifier();
        let heard = ua.hear(asks("600").text());
        let heard = ua.accept(heard.server(), Reply::new()).unwrap();
        let (ok, notify) = (heard.message("200 OK (SUBSCRIBE)"), heard.message("NOTIFY"));
        match code {
            0 => _ = ua.pass(secs(33)),
            code => _ = ua.hear(answer(&notify, code, "", "")),
        }
        let refresh = Req::within(&ok, "SUBSCRIBE", 2).line("Event: presence;id=7").line("Expires: 600");
        let unknown = ["481 Call/Transaction Does Not Exist (SUBSCRIBE)"];
        assert_eq!(ua.hear(refresh.line(CONTACT.trim_end()).text()).lines(), unknown, "{code}");
        assert!(ua.pass_all().sent().iter().all(|sent| *sent.method() != Method::Notify), "{code}");
    }
}

/// RFC 5057 §5.1: a NOTIFY that is refused otherwise takes nothing with it; and of two subscriptions the other one only where the dialog is over.
// Holds: 5057-5.1-1, 5057-5.1-4, 5057-5.1-5, 5057-5.1-6, 5057-5.1-7
#[test]
fn what_the_failure_of_a_notify_leaves() {
    let others = [(481, [false, true]), (489, [false, true]), (404, [false; 2]), (604, [false; 2])];
    let spared = [400, 401, 403, 420, 423, 488, 500, 503, 600, 603].map(|code| (code, [true; 2]));
    for (code, is_left) in others.into_iter().chain(spared) {
        let mut ua = notifier();
        let heard = ua.hear(asks("600").text());
        let heard = ua.accept(heard.server(), Reply::new()).unwrap();
        let (ok, notify) = (heard.message("200 OK (SUBSCRIBE)"), heard.message("NOTIFY"));
        let within = |id: u32, cseq: u32| {
            let request = Req::within(&ok, "SUBSCRIBE", cseq).line(CONTACT.trim_end()).line("Expires: 600");
            request.line(&format!("Event: presence;id={id}"))
        };
        let heard = ua.hear(within(8, 2).text());
        let told = ua.accept(heard.server(), Reply::new()).unwrap().message("NOTIFY");
        ua.hear(answer(&told, 200, "", ""));
        ua.hear(answer(&notify, code, "", ""));
        for (id, is_left) in [7, 8].into_iter().zip(is_left) {
            let heard = ua.hear(within(id, id).text());
            let is_refreshed = heard.lines()[0] == "200 OK (SUBSCRIBE)";
            assert_eq!(is_refreshed, is_left, "{code} {id}: {heard:?}");
        }
    }
}

/// §4.6: a CANCEL of a SUBSCRIBE or NOTIFY is answered, and changes nothing; we send none.
// Holds: 6665-4.6-1, 6665-4.6-2, 6665-4.6-3
#[test]
fn cancels() {
    let mut ua = notifier();
    let request = asks("600");
    let heard = ua.hear(request.text());
    assert_eq!(ua.hear(request.follow("CANCEL").text()).lines(), ["200 OK (CANCEL)"]);
    let heard = ua.accept(heard.server(), Reply::new()).unwrap();
    assert_eq!(heard.lines(), ["200 OK (SUBSCRIBE)", "* accepted 200", "NOTIFY"]);

    let mut ua = Ua::new();
    let sent = subscribing(&mut ua);
    let request = notify(&sent, "n", 1, "active;expires=100");
    let dialog = ua.hear(request.text()).dialog();
    assert_eq!(ua.hear(request.follow("CANCEL").text()).lines(), ["200 OK (CANCEL)"]);
    assert_eq!(ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().len(), 1);
    // Within a call, whoever answers it.
    let (ok, _) = ua.answered_call();
    let request =
        Req::within(&ok, "SUBSCRIBE", 2).line(CONTACT.trim_end()).line("Event: kpml").line("Expires: 60");
    let heard = ua.hear(request.text());
    assert_eq!(heard.lines(), ["* SUBSCRIBE asks"]);
    assert_eq!(ua.hear(request.follow("CANCEL").text()).lines(), ["200 OK (CANCEL)"]);

    let mut ua = Ua::new();
    let request = Request::new(Method::Subscribe, "sip:alice@192.0.2.1").header("Event", "presence");
    let id = ua.sip.request(ua.now, request).unwrap();
    ua.drain();
    assert!(ua.sip.client(id).unwrap().cancel(ua.now).is_err());
    assert_eq!(ua.drain().lines(), [""; 0]);
}

/// §8.2.1, §8.2.3: Event stands in SUBSCRIBE and NOTIFY, Subscription-State in NOTIFY, and in nothing else of ours.
// Holds: 6665-8.2.1-3, 6665-8.2.3-1
#[test]
fn where_the_headers_stand() {
    let mut ua = notifier();
    let mut sent = vec![ua.call_alice().1];
    let heard = ua.hear(asks("600").text());
    sent.extend(ua.accept(heard.server(), Reply::new()).unwrap().sent());
    let subscribe = subscribing(&mut ua);
    sent.push(subscribe.clone());
    sent.extend(ua.hear(notify(&subscribe, "n", 1, "active;expires=100").text()).sent());
    sent.extend(ua.pass(secs(70)).sent());
    let (ok, dialog) = ua.answered_call();
    sent.extend([ok]);
    ua.sip
        .dialog(dialog)
        .unwrap()
        .request(ua.now, InDialog::new(Method::Info).body("text/plain", "x"))
        .unwrap();
    ua.sip.dialog(dialog).unwrap().update(ua.now, Some(SDP.into())).unwrap();
    ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
    sent.extend(ua.drain().sent());
    sent.extend(ua.destroy(dialog).sent());
    assert!(sent.len() > 10, "{sent:?}");
    for message in sent {
        let (is_request, method) = (message.status().is_none(), message.method());
        let has_event = is_request && matches!(method, Method::Subscribe | Method::Notify);
        assert_eq!(message.value(Name::Event).is_some(), has_event, "{message:?}");
        let has_state = is_request && *method == Method::Notify;
        assert_eq!(message.value(Name::SubscriptionState).is_some(), has_state, "{message:?}");
    }
}

// ---- Several usages of one dialog (§4.5.2, RFC 5057) ----

/// RFC 5057 §5.6, §5.1: what a dialog has no room for, and a session where it has none, is refused with 603, which ends nothing.
// Holds: 5057-5.6-1
#[test]
fn a_usage_too_many() {
    let mut ua = notifier();
    let heard = ua.hear(asks("600").text());
    let heard = ua.accept(heard.server(), Reply::new()).unwrap();
    let (ok, dialog) = (heard.message("200 OK (SUBSCRIBE)"), heard.dialog());
    let invite = Req::within(&ok, "INVITE", 2).line(CONTACT.trim_end()).body("application/sdp", SDP);
    assert_eq!(ua.hear(invite.text()).lines(), ["603 Decline (INVITE)"]);
    let mut cseq = 3;
    let mut another = |ua: &mut Ua| {
        let request = Req::within(&ok, "SUBSCRIBE", cseq)
            .line(CONTACT.trim_end())
            .line(&format!("Event: presence;id={}", cseq + 100))
            .line("Expires: 600");
        cseq += 1;
        ua.hear(request.text())
    };
    for _ in 1..sip_proto::dialog::Usages::MOST {
        let heard = another(&mut ua);
        let asked = heard.events().into_iter().find_map(|event| match event {
            Event::Dialog { event, .. } => match event.asked()?.answer {
                sip_proto::endpoint::Answer::Ask(server) => Some(server),
                sip_proto::endpoint::Answer::Auto(_) => None,
            },
            _ => None,
        });
        ua.accept(asked.unwrap(), Reply::new()).unwrap();
    }
    assert_eq!(another(&mut ua).lines(), ["603 Decline (SUBSCRIBE)"]);
    let held = ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().len();
    assert_eq!(held, sip_proto::dialog::Usages::MOST);
}

/// RFC 5057 §5.1 to §5.3: what fails for a request of no usage, or for one usage, leaves the others; what ends the dialog ends all.
// Holds: 5057-5.1-14, 5057-5.1-18, 5057-5.3-3, 5057-5.3-4, 5057-5.3-5
#[test]
fn what_a_failure_takes_with_it() {
    for (method, code, session, subscription) in [
        (Method::Options, 481, true, true),
        (Method::Options, 408, true, true),
        (Method::Options, 404, false, false),
        (Method::Message, 500, true, true),
        (Method::Message, 481, true, true),
        (Method::Other("JUMP".into()), 501, true, true),
        (Method::Info, 489, true, true),
        (Method::Info, 405, true, true),
        (Method::Info, 422, true, true),
        (Method::Info, 486, true, true),
        (Method::Info, 481, false, true),
        (Method::Info, 408, false, true),
        (Method::Info, 604, false, false),
        (Method::Subscribe, 481, true, false),
        (Method::Subscribe, 403, true, true),
        (Method::Subscribe, 410, false, false),
    ] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "presence", secs(600)).unwrap();
        let sent = ua.drain().only();
        ua.hear(answer(&sent, 200, "", &format!("{CONTACT}Expires: 600\r\n")));
        let told = Req::within(&ok, "NOTIFY", 2)
            .line(CONTACT.trim_end())
            .line("Event: presence")
            .line("Subscription-State: active;expires=600");
        ua.hear(told.text());
        let request = match method {
            Method::Subscribe => {
                InDialog::new(Method::Subscribe).header("Event", "presence").header("Expires", "600")
            }
            ref method => InDialog::new(method.clone()),
        };
        ua.sip.dialog(dialog).unwrap().request(ua.now, request).unwrap();
        let sent = ua.drain().only();
        let heard = ua.hear(answer(&sent, code, "", ""));
        let has_ended = |what: &str| heard.lines().iter().any(|line| line.starts_with(what));
        let (bye, over, gone) = (has_ended("BYE"), has_ended("* subscription ended"), has_ended("* destroy"));
        let what = format!("{method:?} {code}: {heard:?}");
        assert_eq!(bye, !session, "{what}");
        assert_eq!(gone, !session && !subscription, "{what}");
        assert!(!session || over != subscription, "{what}");
        assert_eq!(ua.sip.dialog(dialog).is_ok(), session || subscription, "{what}");
    }
}

/// §3.1.1: Expires is the 2xx's; a refusal has none, and keeps its body.
#[test]
fn a_refusal_has_no_expires() {
    let mut ua = notifier();
    let heard = ua.hear(asks("600").text());
    let heard = ua.reject(heard.server(), Reply::new().body("text/plain", "not now")).unwrap();
    let refusal = heard.message("480 Temporarily Unavailable (SUBSCRIBE)");
    assert_eq!((refusal.value(Name::Expires), refusal.body()), (None, &b"not now"[..]));
}
