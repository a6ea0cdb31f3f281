//! Subscribers and notifiers alone: the rules of RFC 6665 and RFC 3515, section by section, and the two wired together.

#![allow(clippy::arithmetic_side_effects, reason = "test")]

use std::time::Duration;

use proptest::prelude::*;
use sip_proto::dialog::{
    Again, Failure, Granting, Notifier, NotifierState, REFER_PACE, Reason, Sipfrag, StateLine, Subscriber,
    SubscriberEnd, SubscriberState, SubscriptionEffects, TooBrief,
};
use sip_proto::message::SubscriptionState;
use sip_proto::transaction::Timers;
use sip_proto::{StatusCode, Timestamp};

const NOTHING: SubscriptionEffects = SubscriptionEffects::empty();
const ENDED: SubscriptionEffects = SubscriptionEffects::ENDED;
const NOTIFY: SubscriptionEffects = SubscriptionEffects::NOTIFY;
const REFRESH: SubscriptionEffects = SubscriptionEffects::REFRESH;
const STARTED: SubscriptionEffects = SubscriptionEffects::STARTED;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn state(text: &str) -> SubscriptionState<'_> {
    SubscriptionState::parse(text).unwrap()
}

fn response(code: u16) -> Failure {
    Failure::response(StatusCode::new(code).unwrap())
}

/// A subscription of 3600 s, asked for and granted at 0, active.
fn active() -> Subscriber {
    let mut subscriber = Subscriber::new(at(0), secs(3600), &Timers::DEFAULT);
    subscriber.answered(at(0), StatusCode::OK, Some(secs(3600)));
    assert_eq!(subscriber.notified(at(0), &state("active;expires=3600")), STARTED);
    subscriber
}

// ---- The subscriber ----

/// RFC 6665 §4.1.2, Figure 1, from notify_wait.
// Holds: 6665-4.1.3-7, 6665-4.4.1-1
#[test]
fn the_first_notify() {
    for (text, expected, effects) in [
        ("active;expires=600", SubscriberState::Active, STARTED),
        ("pending;expires=600", SubscriberState::Pending, STARTED),
        ("terminated;reason=rejected", SubscriberState::Terminated, STARTED | ENDED),
        ("waiting", SubscriberState::Pending, STARTED),
    ] {
        let mut subscriber = Subscriber::new(at(0), secs(600), &Timers::DEFAULT);
        assert_eq!(subscriber.state(), SubscriberState::NotifyWait);
        assert_eq!(subscriber.notified(at(1), &state(text)), effects, "{text}");
        assert_eq!(subscriber.state(), expected, "{text}");
        assert!(effects.contains(ENDED) || subscriber.step(at(32)).is_empty(), "Timer N is off: {text}");
    }
}

/// §4.1.2.4: Timer N is 64·T1 from the SUBSCRIBE, whatever its answer.
// Holds: 6665-4.1.2.4-1, 6665-4.1.2.4-3
#[test]
fn timer_n() {
    let timers = Timers { t1: Duration::from_millis(100), ..Timers::DEFAULT };
    for (timers, fires) in [(Timers::DEFAULT, Duration::from_secs(32)), (timers, Duration::from_millis(6400))]
    {
        for granted in [None, Some(secs(3600)), Some(secs(0))] {
            let mut subscriber = Subscriber::new(at(5), secs(3600), &timers);
            subscriber.answered(at(6), StatusCode::OK, granted);
            assert_eq!(subscriber.deadline(), Some(at(5) + fires));
            assert_eq!(subscriber.step(at(5) + fires), ENDED);
            assert_eq!(subscriber.end(), Some(SubscriberEnd::NoNotify));
            // §4.1.2.4: what comes now is answered 481.
            assert_eq!(subscriber.notified(at(60), &state("active;expires=600")), NOTHING);
            assert_eq!((subscriber.state(), subscriber.deadline()), (SubscriberState::Terminated, None));
        }
    }
}

/// §4.1.2.1: any refusal of the first SUBSCRIBE; silence is Timer N's matter, since a NOTIFY may come all the same.
// Holds: 6665-4.1.2.1-1
#[test]
fn the_first_subscribe_is_refused() {
    for failure in [response(403), response(489), response(500), response(302), Failure::TransportError] {
        let mut subscriber = Subscriber::new(at(0), secs(600), &Timers::DEFAULT);
        assert_eq!(subscriber.failed(at(1), failure), ENDED, "{failure:?}");
        assert_eq!(subscriber.end(), Some(SubscriberEnd::Refused(failure)));
    }
    let mut subscriber = Subscriber::new(at(0), secs(600), &Timers::DEFAULT);
    assert_eq!(subscriber.failed(at(31), Failure::Timeout), NOTHING);
    assert_eq!(subscriber.notified(at(31), &state("active;expires=600")), STARTED);
}

/// §3.1.1, §4.1.3: the answer grants no more than was asked for; a NOTIFY before it or after it has the last word.
// Holds: 6665-3.1.1-4, 6665-4.1.3-5, 6665-8.3.1-1
#[test]
fn how_long_it_lasts() {
    for (granted, expected) in [(None, 600), (Some(300), 300), (Some(9000), 600)] {
        let mut subscriber = Subscriber::new(at(0), secs(600), &Timers::DEFAULT);
        subscriber.answered(at(0), StatusCode::ACCEPTED, granted.map(secs));
        subscriber.notified(at(0), &state("active"));
        assert_eq!(subscriber.expires(), Some(at(expected)), "{granted:?}");
    }
    let mut subscriber = Subscriber::new(at(0), secs(600), &Timers::DEFAULT);
    subscriber.notified(at(1), &state("active;expires=100"));
    subscriber.answered(at(2), StatusCode::OK, Some(secs(600)));
    assert_eq!(subscriber.expires(), Some(at(101)));
    subscriber.notified(at(50), &state("active;expires=20"));
    assert_eq!(subscriber.expires(), Some(at(70)));
    // Told by nobody: as asked.
    let mut subscriber = Subscriber::new(at(0), secs(600), &Timers::DEFAULT);
    subscriber.notified(at(3), &state("pending"));
    assert_eq!(subscriber.expires(), Some(at(603)));
}

/// §4.1.2.2: a refresh while there is time for its transaction, and Timer N again.
// Holds: 6665-4.1.2.2-4
#[test]
fn refreshing() {
    let mut subscriber = active();
    assert_eq!(subscriber.step(at(3567)), NOTHING);
    assert_eq!(subscriber.step(at(3568)), REFRESH);
    assert_eq!(subscriber.step(at(3568)), NOTHING, "asked for once");
    subscriber.sent(at(3568), subscriber.asks());
    subscriber.answered(at(3569), StatusCode::OK, Some(secs(3600)));
    assert_eq!(subscriber.deadline(), Some(at(3600)), "Timer N");
    assert_eq!(subscriber.clone().step(at(3600)), ENDED);
    subscriber.notified(at(3570), &state("active;expires=3600"));
    assert_eq!(subscriber.deadline(), Some(at(3570 + 3600 - 32)));
    // Half of a short one.
    subscriber.notified(at(4000), &state("active;expires=30"));
    assert_eq!(subscriber.deadline(), Some(at(4015)));
    // A notifier cannot make us hurry (DESIGN.md §2 contract 2).
    subscriber.notified(at(4000), &state("active;expires=1"));
    assert_eq!(subscriber.deadline(), Some(at(4001)));
    subscriber.notified(at(4000), &state("active;expires=0"));
    assert_eq!(subscriber.step(at(4001)), NOTHING);
}

/// §4.1.2.2 (RFC 5839): no NOTIFY comes after a 204.
// Holds: 6665-4.1.2.2-5
#[test]
fn nothing_new() {
    let mut subscriber = active();
    subscriber.sent(at(100), secs(3600));
    subscriber.answered(at(101), StatusCode::NO_NOTIFICATION, Some(secs(3600)));
    assert_eq!(subscriber.deadline(), Some(at(101 + 3568)));
}

/// §4.1.2.2: which refusals of a refresh end the subscription, and that others leave it as it was.
// Holds: 6665-4.1.2.2-1, 6665-4.1.2.2-3
#[test]
fn a_refresh_is_refused() {
    for code in [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604] {
        let mut subscriber = active();
        subscriber.sent(at(100), secs(3600));
        assert_eq!(subscriber.failed(at(101), response(code)), ENDED, "{code}");
        assert_eq!(subscriber.end(), Some(SubscriberEnd::Refused(response(code))));
    }
    for code in [400, 403, 420, 491, 500, 503, 600, 603] {
        let mut subscriber = active();
        subscriber.sent(at(100), secs(3600));
        assert_eq!(subscriber.failed(at(100), response(code)), NOTHING, "{code}");
        assert_eq!(subscriber.expires(), Some(at(3600)), "{code}");
        // Timer N is off; it is tried again in the middle of what is left.
        assert_eq!(subscriber.deadline(), Some(at(1850)), "{code}");
        assert_eq!(subscriber.step(at(1850)), REFRESH);
    }
    // Silence: Timer N ends it (Figure 1, "re-subscription times out").
    let mut subscriber = active();
    subscriber.sent(at(100), secs(3600));
    assert_eq!(subscriber.failed(at(131), Failure::Timeout), NOTHING);
    assert_eq!(subscriber.step(at(132)), ENDED);
}

/// RFC 3261 §21.4.17: 423 asks for more, and gets it once.
#[test]
fn a_refresh_is_too_brief() {
    let mut subscriber = active();
    subscriber.sent(at(100), secs(600));
    assert!(subscriber.too_brief(at(101), Some(secs(900))));
    assert_eq!((subscriber.step(at(101)), subscriber.asks()), (REFRESH, secs(900)));
    subscriber.sent(at(101), subscriber.asks());
    assert!(!subscriber.too_brief(at(102), Some(secs(900))));
    assert!(!subscriber.too_brief(at(102), None));
    subscriber.sent(at(103), secs(0));
    assert!(!subscriber.too_brief(at(104), Some(secs(900))), "a farewell is not too brief");
}

/// §4.1.2.3: unsubscribing waits for the final NOTIFY; one that crossed is not it.
// Holds: 6665-4.1.2.3-1
#[test]
fn unsubscribing() {
    let mut subscriber = active();
    subscriber.sent(at(100), secs(0));
    subscriber.notified(at(101), &state("active;expires=3499"));
    subscriber.answered(at(101), StatusCode::OK, Some(secs(0)));
    assert_eq!(subscriber.state(), SubscriberState::Active);
    assert_eq!(subscriber.deadline(), Some(at(132)));
    let mut forgotten = subscriber.clone();
    assert_eq!((forgotten.step(at(132)), forgotten.end()), (ENDED, Some(SubscriberEnd::NoNotify)));
    assert_eq!(subscriber.notified(at(102), &state("terminated;reason=timeout")), ENDED);
    assert_eq!(subscriber.end(), Some(SubscriberEnd::Notified(Again::Now)));
    // RFC 5057 §5.1 remark (13).
    let mut refused = active();
    refused.sent(at(100), secs(0));
    assert_eq!(refused.failed(at(101), response(500)), ENDED);
}

/// §4.4.3: a fetch is one NOTIFY.
#[test]
fn fetching() {
    let mut subscriber = Subscriber::new(at(0), secs(0), &Timers::DEFAULT);
    subscriber.answered(at(1), StatusCode::OK, Some(secs(0)));
    assert_eq!(subscriber.deadline(), Some(at(32)));
    assert_eq!(subscriber.notified(at(2), &state("terminated;reason=timeout")), STARTED | ENDED);
    assert_eq!(subscriber.deadline(), None);
}

/// RFC 5057 §4.2: an end that no NOTIFY tells of, some time after it.
// Holds: 5057-4.2-4
#[test]
fn the_end_that_nobody_tells() {
    let mut subscriber = Subscriber::implicit(at(0), &Timers::DEFAULT);
    subscriber.notified(at(1), &state("active;expires=180"));
    assert_eq!(subscriber.deadline(), Some(at(181 + 32)));
    assert_eq!(subscriber.step(at(213)), ENDED);
    assert_eq!(subscriber.end(), Some(SubscriberEnd::Expired));
}

/// RFC 3515 §2.4.4: the subscription of a REFER: Timer N, no refresh of its own accord, one if it is wanted.
#[test]
fn the_subscription_of_a_refer() {
    let mut subscriber = Subscriber::implicit(at(0), &Timers::DEFAULT);
    subscriber.answered(at(1), StatusCode::ACCEPTED, None);
    assert_eq!(subscriber.deadline(), Some(at(32)));
    subscriber.notified(at(2), &state("pending"));
    assert_eq!(subscriber.expires(), Some(at(3602)), "older notifiers say no duration");
    subscriber.notified(at(3), &state("active;expires=60"));
    subscriber.sent(at(40), secs(60));
    subscriber.answered(at(40), StatusCode::OK, Some(secs(60)));
    subscriber.notified(at(40), &state("active;expires=60"));
    assert_eq!(subscriber.deadline(), Some(at(70)));
    assert_eq!(subscriber.notified(at(41), &state("terminated;reason=noresource")), ENDED);
    assert_eq!(subscriber.end(), Some(SubscriberEnd::Notified(Again::Never)));
}

// ---- The notifier ----

/// §3.1.1, §4.2.1.1: never more than asked for; 423 only between nothing and an hour.
// Holds: 6665-3.1.1-3, 6665-4.2.1.1-5, 6665-4.2.1.1-6
#[test]
fn granting() {
    let granting = Granting { unasked: secs(1800), least: secs(300), most: secs(7200), ..Granting::DEFAULT };
    for (asked, expected) in [
        (None, Ok(secs(1800))),
        (Some(0), Ok(secs(0))),
        (Some(1), Err(TooBrief(secs(300)))),
        (Some(299), Err(TooBrief(secs(300)))),
        (Some(300), Ok(secs(300))),
        (Some(9000), Ok(secs(7200))),
    ] {
        assert_eq!(granting.grant(asked.map(secs)), expected, "{asked:?}");
    }
    let strict = Granting { least: secs(5000), ..granting };
    assert_eq!(strict.grant(Some(secs(3599))), Err(TooBrief(secs(5000))));
    assert_eq!(strict.grant(Some(secs(3600))), Ok(secs(3600)));
}

/// §4.2.1.2, §4.2.2: a NOTIFY after each 2xx, authorised or not, and what it says.
// Holds: 6665-4.2.1.2-1, 6665-4.2.2-1, 6665-4.2.2-5, 6665-4.2.2-6, 6665-4.4.3-3
#[test]
fn a_notify_after_every_2xx() {
    for (granted, is_authorised, says) in [
        (600, true, "active;expires=600"),
        (600, false, "pending;expires=600"),
        (0, true, "terminated;reason=timeout"),
        (0, false, "terminated;reason=timeout"),
    ] {
        let (notifier, effects) = Notifier::new(at(0), secs(granted), is_authorised);
        assert_eq!((effects, notifier.line(at(0)).to_string().as_str()), (NOTIFY, says));
    }
    let (mut notifier, _) = Notifier::new(at(0), secs(600), true);
    assert_eq!(notifier.refreshed(at(500), secs(300)), NOTIFY);
    assert_eq!(notifier.line(at(501)).to_string(), "active;expires=299");
    assert_eq!(notifier.deadline(), Some(at(800)));
    assert_eq!(notifier.refreshed(at(502), secs(0)), NOTIFY);
    assert_eq!(notifier.line(at(502)).to_string(), "terminated;reason=timeout");
    assert_eq!((notifier.refreshed(at(503), secs(60)), notifier.deadline()), (NOTHING, None));
}

/// §4.2.2, Figure 2: permission comes, or does not.
#[test]
fn pending() {
    let (mut notifier, _) = Notifier::new(at(0), secs(600), false);
    assert_eq!((notifier.authorise(), notifier.state()), (NOTIFY, NotifierState::Active));
    assert_eq!(notifier.authorise(), NOTHING);
    let (mut notifier, _) = Notifier::new(at(0), secs(600), false);
    assert_eq!(notifier.terminate(Some(Reason::Giveup), Some(secs(60))), NOTIFY);
    assert_eq!(notifier.line(at(1)).to_string(), "terminated;reason=giveup;retry-after=60");
    assert_eq!((notifier.authorise(), notifier.terminate(None, None)), (NOTHING, NOTHING));
    assert_eq!(notifier.line(at(1)).reason, Some(Reason::Giveup));
}

/// §4.2.1.4: the end is told, with its reason; §4.4.1: the subscription is there until that NOTIFY is through.
// Holds: 6665-4.2.1.4-3, 6665-4.2.1.4-4, 6665-4.2.2-7
#[test]
fn the_end_of_its_time() {
    let (mut notifier, _) = Notifier::new(at(0), secs(600), true);
    assert_eq!(notifier.step(at(599)), NOTHING);
    assert_eq!(notifier.step(at(600)), NOTIFY);
    assert_eq!(notifier.line(at(600)).to_string(), "terminated;reason=timeout");
    assert_eq!((notifier.step(at(601)), notifier.deadline()), (NOTHING, None));
    assert_eq!(notifier.answered(false), NOTHING, "of an earlier NOTIFY");
    assert_eq!(notifier.answered(true), ENDED);
    // §4.2.2: shortened, never lengthened.
    let (mut notifier, _) = Notifier::new(at(0), secs(600), true);
    notifier.shorten(at(100), secs(60));
    notifier.shorten(at(100), secs(900));
    assert_eq!(notifier.line(at(100)).to_string(), "active;expires=60");
}

/// §4.2.2: failed NOTIFYs that remove the subscription, without another word; and those that do not.
// Holds: 6665-4.2.2-3, 6665-4.2.2-4
#[test]
fn a_notify_fails() {
    let removes = [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604].map(response);
    for failure in removes.into_iter().chain([Failure::Timeout, response(408)]) {
        let (mut notifier, _) = Notifier::new(at(0), secs(600), true);
        assert_eq!(notifier.failed(failure, false), ENDED, "{failure:?}");
        assert_eq!((notifier.step(at(600)), notifier.deadline()), (NOTHING, None));
    }
    for failure in [response(500), response(403), response(491), Failure::TransportError] {
        let (mut notifier, _) = Notifier::new(at(0), secs(600), true);
        assert_eq!(notifier.failed(failure, false), NOTHING, "{failure:?}");
        assert_eq!(notifier.state(), NotifierState::Active);
        notifier.terminate(None, None);
        assert_eq!(notifier.failed(failure, true), ENDED, "the last one is the last");
    }
}

/// §4.1.3, §4.2.2: what a notifier writes a subscriber reads.
// Holds: 6665-4.1.3-8, 6665-4.2.2-8
#[test]
fn states_are_written_and_read() {
    for reason in Reason::ALL {
        let line = StateLine {
            state: NotifierState::Terminated,
            left: secs(9),
            reason: Some(reason),
            retry_after: Some(secs(31_536_000)),
        };
        let text = line.to_string();
        let read = state(&text);
        assert_eq!(read.reason().and_then(Reason::parse), Some(reason));
        assert_eq!((read.expires(), read.retry_after()), (None, Some(secs(31_536_000))));
    }
}

/// RFC 3515 §2.4.5, §2.4.7: provisional answers leave the subscription, the final one ends it.
#[test]
fn a_refer_reports() {
    let (mut notifier, _) = Notifier::new(at(0), secs(180), true);
    let mut subscriber = Subscriber::implicit(at(0), &Timers::DEFAULT);
    let mut ends = Vec::new();
    for code in [100, 180, 200] {
        let body = Sipfrag::new(StatusCode::new(code).unwrap()).to_string();
        let told = Sipfrag::parse(body.as_bytes()).unwrap();
        if told.is_final() {
            notifier.terminate(Some(Reason::Noresource), None);
        }
        let line = notifier.line(at(code.into())).to_string();
        ends.push(subscriber.notified(at(code.into()), &state(&line)).contains(ENDED));
    }
    assert_eq!(ends, [false, false, true]);
}

// ---- The two of them ----

proptest! {
    /// §4.1, §4.2: over a link without loss a subscription lasts until one of them ends it, never longer at one side than what the other granted;
    /// then both are over.
    #[test]
    fn two_shells_agree(asked in 0..10_000_u64, least in 0..4000_u64, most in 1..10_000_u64, refreshes in 0..5_usize) {
        let granting = Granting { unasked: secs(600), least: secs(least.min(most)), most: secs(most), ..Granting::DEFAULT };
        let asked = match granting.grant(Some(secs(asked))) {
            Ok(_) => secs(asked),
            Err(TooBrief(least)) => least,
        };
        let granted = granting.grant(Some(asked)).expect("what a 423 asks for is granted");
        prop_assert!(granted <= asked);
        let mut now = at(0);
        let mut subscriber = Subscriber::new(now, asked, &Timers::DEFAULT);
        let (mut notifier, effects) = Notifier::new(now, granted, true);
        prop_assert_eq!(effects, NOTIFY);
        subscriber.answered(now, StatusCode::OK, Some(granted));
        let first = notifier.line(now).to_string();
        subscriber.notified(now, &state(&first));
        for turn in 0..=refreshes {
            if subscriber.state() == SubscriberState::Terminated {
                break;
            }
            prop_assert_eq!(subscriber.expires(), notifier.deadline());
            now = subscriber.deadline().into_iter().chain(notifier.deadline()).min().unwrap();
            let effects = subscriber.step(now);
            let asks = if turn == refreshes { secs(0) } else { subscriber.asks() };
            if effects == REFRESH {
                subscriber.sent(now, asks);
                let granted = granting.grant(Some(asks)).unwrap();
                prop_assert_eq!(notifier.refreshed(now, granted), NOTIFY);
                subscriber.answered(now, StatusCode::OK, Some(granted));
            } else {
                // So short that it ends before a second has passed.
                prop_assert_eq!(notifier.step(now), NOTIFY);
            }
            let line = notifier.line(now).to_string();
            subscriber.notified(now, &state(&line));
        }
        prop_assert_eq!(subscriber.state(), SubscriberState::Terminated);
        prop_assert_eq!((subscriber.deadline(), notifier.deadline()), (None, None));
    }

    /// DESIGN.md §2 contracts 2, 4 and 6: whatever a notifier says, a step does something only at its deadline, moves it, and once nothing more is
    /// heard the subscription ends.
    #[test]
    fn any_notify_is_survived(asked in any::<u32>(), said in prop::collection::vec((0..4_usize, 0..3_u64, any::<u16>()), 0..20)) {
        let mut now = at(0);
        let mut subscriber = Subscriber::new(now, secs(asked.into()), &Timers::DEFAULT);
        for (what, later, seconds) in said {
            let text = ["active", "pending", "other", "terminated"][what];
            let text = format!("{text};expires={}", seconds.leading_zeros() * u32::from(seconds));
            match what {
                2 => _ = subscriber.failed(now, response(400 + seconds % 300)),
                _ => _ = subscriber.notified(now, &state(&text)),
            }
            now = now + secs(later);
            if subscriber.step(now) == REFRESH {
                subscriber.sent(now, subscriber.asks());
            }
        }
        let mut steps = 0;
        while let Some(due) = subscriber.deadline() {
            prop_assert!(!subscriber.step(due.max(now)).is_empty());
            now = due.max(now);
            steps += 1;
        }
        prop_assert!(steps <= 3);
        prop_assert_eq!(subscriber.state(), SubscriberState::Terminated);
        prop_assert!(subscriber.end().is_some());
    }
}

// ---- The pace of NOTIFYs ----

/// RFC 3515 §3.10: "refer" has a second.
#[test]
fn the_pace_of_refer() {
    assert_eq!(REFER_PACE, secs(1));
    assert_eq!(Granting::DEFAULT.pace, secs(0), "RFC 6665 §5.4.10: other packages say themselves");
}

/// RFC 6665 §4.2.2, §5.4.10: a NOTIFY that comes too soon is asked for when it is time, once; one that a 2xx asks for goes at once, and counts.
#[test]
fn turns() {
    let (notifier, _) = Notifier::new(at(0), secs(600), true);
    let mut notifier = notifier.paced(secs(5));
    notifier.sent(at(0));
    assert!(!notifier.take_turn(at(1)) && !notifier.take_turn(at(4)));
    assert_eq!((notifier.step(at(4)), notifier.deadline()), (NOTHING, Some(at(5))));
    assert_eq!(notifier.step(at(5)), NOTIFY);
    assert_eq!(notifier.step(at(5)), NOTHING);
    assert!(notifier.take_turn(at(5)));
    assert_eq!(notifier.deadline(), Some(at(600)));
    // A refresh in between takes what waits along.
    assert!(!notifier.take_turn(at(6)));
    assert_eq!(notifier.refreshed(at(7), secs(600)), NOTIFY);
    notifier.sent(at(7));
    assert_eq!(notifier.deadline(), Some(at(607)));
    assert!(!notifier.take_turn(at(11)) && notifier.take_turn(at(12)));
    // Without a pace it is always its turn.
    let (mut notifier, _) = Notifier::new(at(0), secs(600), true);
    assert!(notifier.take_turn(at(0)) && notifier.take_turn(at(0)));
}

/// The same at the end of its time: it is over when its last NOTIFY has had its turn.
#[test]
fn the_last_one_has_its_turn() {
    let (notifier, _) = Notifier::new(at(0), secs(10), true);
    let mut notifier = notifier.paced(secs(5));
    notifier.sent(at(8));
    assert_eq!(notifier.step(at(10)), NOTIFY);
    assert!(!notifier.take_turn(at(10)));
    assert_eq!((notifier.state(), notifier.deadline()), (NotifierState::Terminated, Some(at(13))));
    assert_eq!(notifier.step(at(12)), NOTHING);
    assert_eq!(notifier.step(at(13)), NOTIFY);
    assert!(notifier.take_turn(at(13)));
    assert_eq!(notifier.deadline(), None);
    // One that fails is followed by none (§4.2.2).
    let (notifier, _) = Notifier::new(at(0), secs(10), true);
    let mut notifier = notifier.paced(secs(5));
    notifier.sent(at(0));
    assert!(!notifier.take_turn(at(1)));
    assert_eq!((notifier.failed(response(481), false), notifier.deadline()), (ENDED, None));
}

/// §4.2.2, Figure 2: what a NOTIFY in the application's words makes of the subscription.
#[test]
fn words_that_change_a_subscription() {
    for (is_authorised, says, taken, then) in [
        (false, "pending", true, "pending;expires=590"),
        (false, "active", true, "active;expires=590"),
        (false, "terminated;reason=rejected", true, "terminated;reason=rejected"),
        (true, "active;expires=60", true, "active;expires=60"),
        (true, "active;expires=6000", true, "active;expires=590"),
        (true, "pending", false, "active;expires=590"),
        (
            true,
            "terminated;reason=probation;retry-after=9",
            true,
            "terminated;reason=probation;retry-after=9",
        ),
        (true, "terminated", true, "terminated"),
        (true, "waiting", true, "active;expires=590"),
        (false, "waiting;expires=9", true, "pending;expires=9"),
    ] {
        let (mut notifier, _) = Notifier::new(at(0), secs(600), is_authorised);
        assert_eq!(notifier.says(at(10), &state(says)), taken, "{says}");
        assert_eq!(notifier.line(at(10)).to_string(), then, "{says}");
    }
    let (mut notifier, _) = Notifier::new(at(0), secs(0), true);
    for says in ["active", "pending", "terminated", "waiting"] {
        assert!(!notifier.says(at(0), &state(says)), "{says}");
    }
}

proptest! {
    /// §5.4.10: however a state changes, and whenever time is looked at, no two NOTIFYs are less than the pace apart, and after the last change one follows.
    #[test]
    fn the_pace_is_kept(pace in 1..20_u64, changes in proptest::collection::vec(0..10_u64, 1..40)) {
        let (notifier, _) = Notifier::new(at(0), secs(10_000), true);
        let mut notifier = notifier.paced(secs(pace));
        notifier.sent(at(0));
        let (mut now, mut sent, mut is_told) = (0, vec![0], true);
        for pause in changes.into_iter().chain([100]) {
            let until = now + pause;
            while let Some(due) = notifier.deadline().filter(|due| *due <= at(until)) {
                prop_assert_eq!(notifier.step(due), NOTIFY);
                prop_assert!(notifier.take_turn(due));
                sent.push(due.as_millis() / 1000);
                is_told = true;
            }
            now = until;
            if pause != 100 {
                is_told = notifier.take_turn(at(now));
                if is_told {
                    sent.push(now);
                }
            }
        }
        prop_assert!(is_told);
        prop_assert!(sent.windows(2).all(|pair| pair[1] - pair[0] >= pace), "{:?}", sent);
    }
}

// ---- Just in time, and just not ----

/// RFC 6665 §4.1.2, §8.4: a state of an extension says that the subscription is there; once that is known it says nothing more.
#[test]
fn a_state_that_is_not_known_changes_none_that_is() {
    let mut subscriber = Subscriber::new(at(0), secs(600), &Timers::DEFAULT);
    for (text, effects, expected) in [
        ("waiting", STARTED, SubscriberState::Pending),
        ("active;expires=600", NOTHING, SubscriberState::Active),
        ("waiting", NOTHING, SubscriberState::Active),
    ] {
        assert_eq!(subscriber.notified(at(0), &state(text)), effects, "{text}");
        assert_eq!(subscriber.state(), expected, "{text}");
    }
}

/// RFC 6665 §4.1.2.2, §4.1.2.4: a refresh that is refused for now is sent again in the middle of what is left, where 64·T1 are left for it; a farewell
/// that is challenged is not made a refresh.
#[test]
fn a_refused_refresh_is_tried_again_while_there_is_time() {
    for (asked, failed_at, code, next) in [
        (3600, 3500, 500, 3550),
        (3600, 3567, 500, 3583),
        (3600, 3568, 500, 3632),
        (3600, 3590, 500, 3632),
        (0, 100, 401, 3632),
    ] {
        let mut subscriber = Subscriber::new(at(0), secs(3600), &Timers::DEFAULT);
        subscriber.answered(at(0), StatusCode::OK, Some(secs(3600)));
        subscriber.notified(at(0), &state("active;expires=3600"));
        subscriber.sent(at(failed_at), secs(asked));
        assert_eq!(subscriber.failed(at(failed_at), response(code)), NOTHING);
        let deadline = subscriber.deadline().unwrap().as_millis() / 1000;
        assert_eq!(deadline, next, "{asked} {failed_at} {code}");
    }
}

/// RFC 3515 §2.4.5, RFC 3261 §7.2: version and code are both those of a status line, three digits and no sign.
#[test]
fn a_body_that_is_no_status_line() {
    assert!(Sipfrag::parse(b"SIP/2.0 200 OK").is_some());
    for body in [
        &b"HTTP/1.1 200 OK"[..],
        b"SIP/3.0 200 OK",
        b"SIP/2.0 0200 OK",
        b"SIP/2.0 +200 OK",
        b"HTTP/1.1 +200 OK",
        b"SIP/2.0 2x0 OK",
    ] {
        assert_eq!(Sipfrag::parse(body), None, "{}", String::from_utf8_lossy(body));
    }
}

/// RFC 6665 §3.1.1, §4.2.1.1: what is granted unless it is configured otherwise: an hour to who asks for nothing, a day at most.
#[test]
fn what_is_granted_by_default() {
    let day = 24 * 60 * 60;
    for (asked, granted) in [(None, 3600), (Some(1), 1), (Some(day), day), (Some(day + 1), day)] {
        assert_eq!(Granting::DEFAULT.grant(asked.map(secs)), Ok(secs(granted)), "{asked:?}");
    }
}

/// RFC 6665 §4.1.2.2, §4.1.2.4: however short a time is granted, no SUBSCRIBE follows before the NOTIFY of the last: Timer N is not put off.
#[test]
fn a_refresh_does_not_put_timer_n_off() {
    let mut subscriber = Subscriber::new(at(0), secs(600), &Timers::DEFAULT);
    subscriber.answered(at(1), StatusCode::OK, Some(secs(10)));
    assert_eq!((subscriber.step(at(31)), subscriber.deadline()), (NOTHING, Some(at(32))));
    let mut told = subscriber.clone();
    assert_eq!(subscriber.step(at(32)), ENDED);
    // It is due when the NOTIFY has come, and has told no other time.
    told.notified(at(31), &state("active"));
    assert_eq!(told.step(at(31)), REFRESH);
}

/// RFC 6665 §4.1.2.2 (RFC 5839): no NOTIFY after a 204 tells that a fetch or a subscription is over, but its time is.
#[test]
fn nothing_new_and_the_end() {
    for mut subscriber in [Subscriber::new(at(100), secs(0), &Timers::DEFAULT), active()] {
        subscriber.sent(at(100), secs(0));
        subscriber.answered(at(101), StatusCode::NO_NOTIFICATION, Some(secs(0)));
        assert_eq!(subscriber.deadline(), Some(at(133)));
        assert_eq!((subscriber.step(at(133)), subscriber.end()), (ENDED, Some(SubscriberEnd::Expired)));
    }
}
