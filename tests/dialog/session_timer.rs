//! The session timer alone: the rules of RFC 4028, section by section, and two timers wired together.

#![allow(clippy::arithmetic_side_effects, reason = "test")]

use std::time::Duration;

use proptest::prelude::*;
use sip_proto::dialog::{
    Failure, RefreshBy, SessionEffects, SessionTerms, SessionTimer, SessionTimers, TimerMode, Unacceptable,
};
use sip_proto::message::Refresher;
use sip_proto::sdp::Side;
use sip_proto::{Method, StatusCode, Timestamp};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn settings(mode: TimerMode) -> SessionTimers {
    SessionTimers { mode, ..SessionTimers::DEFAULT }
}

fn timer(mode: TimerMode) -> SessionTimer {
    SessionTimer::new(settings(mode))
}

/// What an INVITE of another user agent says.
fn asks(
    supported: bool,
    interval: Option<u64>,
    refresher: Option<Refresher>,
    min_se: Option<u64>,
) -> SessionTerms {
    SessionTerms {
        supported,
        required: false,
        interval: interval.map(secs),
        refresher,
        min_se: min_se.map(secs),
    }
}

/// What a 2xx says.
fn agrees(interval: u64, refresher: Refresher) -> SessionTerms {
    SessionTerms {
        supported: true,
        required: true,
        interval: Some(secs(interval)),
        refresher: Some(refresher),
        min_se: None,
    }
}

const MODES: [TimerMode; 4] =
    [TimerMode::Off, TimerMode::Supported, TimerMode::Requested, TimerMode::Required];

// ---- §7.1: the first request ----

// Holds: 4028-7.1-2, 4028-7.1-3
#[test]
fn the_first_request() {
    let said = MODES.map(|mode| {
        let terms = timer(mode).request();
        (terms.supported, terms.required, terms.interval.map(|interval| interval.as_secs()))
    });
    assert_eq!(
        said,
        [(false, false, None), (true, false, None), (true, false, Some(1800)), (true, true, Some(1800))]
    );
}

/// §7.1: the refresher is left out, or is ourselves; of a peer that is not known nothing is asked (§7.4).
// Holds: 4028-7.1-6
#[test]
fn the_refresher_of_the_first_request() {
    for (refresh_by, refresher) in
        [(RefreshBy::Either, None), (RefreshBy::Us, Some(Refresher::Uac)), (RefreshBy::Peer, None)]
    {
        let settings = SessionTimers { refresh_by, ..settings(TimerMode::Requested) };
        assert_eq!(SessionTimer::new(settings).request().refresher, refresher, "{refresh_by:?}");
    }
    let settings = SessionTimers { refresh_by: RefreshBy::Peer, ..settings(TimerMode::Requested) };
    let mut known = SessionTimer::new(settings);
    known.receive(&asks(true, None, None, None)).unwrap();
    assert_eq!(known.request().refresher, Some(Refresher::Uas));
}

/// §7.1: Min-SE of our own, where it says more than its absence; Session-Expires is not less.
// Holds: 4028-7.1-5
#[test]
fn a_minimum_of_our_own() {
    let own = SessionTimers { min_se: secs(300), interval: secs(300), ..settings(TimerMode::Requested) };
    let terms = SessionTimer::new(own).request();
    assert_eq!((terms.min_se, terms.interval), (Some(secs(300)), Some(secs(300))));
    assert_eq!(timer(TimerMode::Requested).request().min_se, None);
}

// ---- §7.2: the 2xx ----

/// What the answer says, what then holds, and when something is due, for a request with an interval of 1800 s.
// Holds: 4028-7.2-1, 4028-7.2-2, 4028-7.2-3, 4028-7.2-4
#[test]
fn what_a_2xx_to_our_request_sets() {
    let silent = SessionTerms::default();
    let knows = SessionTerms { supported: true, ..silent };
    let proxy = SessionTerms { supported: false, ..agrees(600, Refresher::Uac) };
    let bare = SessionTerms { refresher: None, ..agrees(600, Refresher::Uac) };
    for (mode, answer, expected) in [
        (TimerMode::Requested, agrees(600, Refresher::Uac), Some((600, Side::Ours, 300))),
        (TimerMode::Requested, agrees(600, Refresher::Uas), Some((600, Side::Theirs, 568))),
        // Asked for by nobody on this side.
        (TimerMode::Supported, agrees(600, Refresher::Uac), Some((600, Side::Ours, 300))),
        // Written by a proxy, for a callee that does not know the extension.
        (TimerMode::Supported, proxy, Some((600, Side::Ours, 300))),
        // "Will be present": without it, somebody has to refresh.
        (TimerMode::Requested, bare, Some((600, Side::Ours, 300))),
        // The callee does not know the extension, and we still wish.
        (TimerMode::Requested, silent, Some((1800, Side::Ours, 900))),
        (TimerMode::Supported, silent, None),
        // The callee knows it and wants none.
        (TimerMode::Requested, knows, None),
        (TimerMode::Off, agrees(600, Refresher::Uac), None),
        // §9: no UAS may choose less than 90 s.
        (TimerMode::Requested, agrees(10, Refresher::Uac), Some((90, Side::Ours, 45))),
        (TimerMode::Requested, agrees(10, Refresher::Uas), Some((90, Side::Theirs, 60))),
    ] {
        let mut timer = timer(mode);
        let sent = timer.request();
        timer.accepted(at(0), &sent, &answer);
        let holds = timer.interval().map(|interval| {
            (interval.as_secs(), timer.refresher().unwrap(), timer.deadline().unwrap().as_millis() / 1000)
        });
        assert_eq!(holds, expected, "{mode:?} {answer:?}");
    }
}

/// §7.2: a 2xx without Session-Expires turns the timer off in the middle of a call.
// Holds: 4028-4-5, 4028-7.2-5
#[test]
fn turned_off_in_the_middle() {
    let mut timer = timer(TimerMode::Requested);
    timer.accepted(at(0), &timer.request(), &agrees(600, Refresher::Uac));
    let knows = SessionTerms { supported: true, ..SessionTerms::default() };
    timer.accepted(at(300), &timer.request(), &knows);
    assert_eq!((timer.interval(), timer.deadline()), (None, None));
    assert_eq!(timer.step(at(10_000)), SessionEffects::empty());
}

/// §7.2: every 2xx renegotiates, whatever its request was for; here the roles change.
// Holds: 4028-7.2-6, 4028-7.2-8, 4028-9-15, 4028-9-17
#[test]
fn every_2xx_counts() {
    let mut timer = timer(TimerMode::Requested);
    timer.accepted(at(0), &timer.request(), &agrees(600, Refresher::Uac));
    assert_eq!(timer.deadline(), Some(at(300)));
    timer.accepted(at(100), &timer.request(), &agrees(600, Refresher::Uac));
    assert_eq!(timer.deadline(), Some(at(400)));
    let invite = asks(true, Some(120), Some(Refresher::Uac), None);
    timer.receive(&invite).unwrap();
    let answer = timer.answer(&invite);
    timer.answered(at(200), &answer);
    assert_eq!((timer.refresher(), timer.deadline()), (Some(Side::Theirs), Some(at(288))));
}

// ---- §7.3, §7.4: 422, and the requests that follow ----

// Holds: 4028-5-1, 4028-7.4-6
#[test]
fn a_422_is_met() {
    let mut timer = timer(TimerMode::Requested);
    let sent = timer.request();
    assert!(timer.too_small(&sent, Some(secs(3600))));
    let again = timer.request();
    assert_eq!((again.min_se, again.interval), (Some(secs(3600)), Some(secs(3600))));
    // The largest of all (§7.4).
    assert!(timer.too_small(&sent, Some(secs(600))));
    assert_eq!(timer.request().min_se, Some(secs(3600)));
    // The same again is of no use (§10), nor is one that names no minimum.
    assert!(!timer.too_small(&again, Some(secs(3600))));
    assert!(!timer.too_small(&again, None));
    // §5: a Min-SE under 90 s is none.
    let mut other = SessionTimer::new(settings(TimerMode::Requested));
    assert!(other.too_small(&sent, Some(secs(5))));
    assert_eq!(other.request().min_se, Some(secs(90)));
}

/// §7.4: a Min-SE in a request of the peer's counts too; the interval stays, the roles stay.
// Holds: 4028-7.4-3, 4028-7.4-7, 4028-7.4-8, 4028-7.4-9
#[test]
fn requests_within_the_dialog() {
    for (refresher, names) in [(Refresher::Uac, Refresher::Uac), (Refresher::Uas, Refresher::Uas)] {
        let mut timer = timer(TimerMode::Requested);
        timer.accepted(at(0), &timer.request(), &agrees(600, refresher));
        let terms = timer.request();
        assert_eq!((terms.interval, terms.refresher, terms.min_se), (Some(secs(600)), Some(names), None));
        timer.receive(&asks(true, Some(1000), None, Some(700))).unwrap();
        let terms = timer.request();
        assert_eq!((terms.interval, terms.min_se), (Some(secs(700)), Some(secs(700))));
    }
}

// ---- §9: the UAS ----

/// Table 2, and the Require that goes with each row.
// Holds: 4028-9-9, 4028-9-10, 4028-9-11, 4028-9-12, 4028-9-13
#[test]
fn the_table_of_refreshers() {
    use Refresher::{Uac, Uas};
    for (supported, asked, expected, required) in [
        (false, None, [Uas, Uas, Uas], false),
        // "Not applicable": disallowed, but only we can refresh.
        (false, Some(Uac), [Uas, Uas, Uas], false),
        (false, Some(Uas), [Uas, Uas, Uas], false),
        (true, None, [Uac, Uas, Uac], true),
        (true, Some(Uac), [Uac, Uac, Uac], true),
        (true, Some(Uas), [Uas, Uas, Uas], true),
    ] {
        let preferences = [RefreshBy::Either, RefreshBy::Us, RefreshBy::Peer];
        for (refresh_by, expected) in preferences.into_iter().zip(expected) {
            let mut timer = SessionTimer::new(SessionTimers { refresh_by, ..SessionTimers::DEFAULT });
            let invite = asks(supported, Some(600), asked, None);
            timer.receive(&invite).unwrap();
            let answer = timer.answer(&invite);
            let what = format!("{supported} {asked:?} {refresh_by:?}");
            assert_eq!((answer.refresher, answer.required), (Some(expected), required), "{what}");
            assert_eq!(answer.interval, Some(secs(600)), "{what}");
            timer.answered(at(0), &answer);
            let refreshes = if expected == Uas { Side::Ours } else { Side::Theirs };
            assert_eq!(timer.refresher(), Some(refreshes), "{what}");
        }
    }
}

/// §9: the interval may be reduced down to Min-SE or 90 s, and is never raised.
// Holds: 4028-9-4, 4028-9-5, 4028-9-6, 4028-9-7
#[test]
fn the_interval_in_the_2xx() {
    for (mode, asked, min_se, expected) in [
        (TimerMode::Supported, Some(600), None, Some(600)),
        (TimerMode::Supported, Some(7200), None, Some(1800)),
        (TimerMode::Supported, Some(7200), Some(3600), Some(3600)),
        (TimerMode::Supported, Some(90), None, Some(90)),
        // Asked for by nobody, and by us alone.
        (TimerMode::Supported, None, None, None),
        (TimerMode::Requested, None, None, Some(1800)),
        (TimerMode::Requested, None, Some(3600), Some(3600)),
        (TimerMode::Off, Some(600), None, None),
    ] {
        let answer = timer(mode).answer(&asks(true, asked, None, min_se));
        assert_eq!(answer.interval, expected.map(secs), "{mode:?} {asked:?} {min_se:?}");
    }
}

/// §9: 422 below our minimum, only to a peer that knows the extension; another gets no timer, since nothing could be raised.
// Holds: 4028-9-1
#[test]
fn an_interval_that_is_too_small() {
    let own = SessionTimers { min_se: secs(300), ..SessionTimers::DEFAULT };
    let mut uas = SessionTimer::new(own);
    assert_eq!(uas.receive(&asks(true, Some(299), None, None)), Err(Unacceptable::TooSmall(secs(300))));
    assert_eq!(uas.receive(&asks(true, Some(300), None, None)), Ok(()));
    assert_eq!(
        timer(TimerMode::Supported).receive(&asks(true, Some(89), None, None)),
        Err(Unacceptable::TooSmall(secs(90)))
    );
    let old = asks(false, Some(60), None, None);
    assert_eq!(uas.receive(&old), Ok(()));
    assert_eq!(uas.answer(&old).interval, None);
    // Without the extension there is no 422.
    assert_eq!(timer(TimerMode::Off).receive(&asks(true, Some(5), None, None)), Ok(()));
}

/// RFC 3261 §21.4.16: required of the caller, too.
#[test]
fn a_caller_that_does_not_know_it() {
    let mut uas = timer(TimerMode::Required);
    assert_eq!(uas.receive(&asks(false, None, None, None)), Err(Unacceptable::Unsupported));
    assert_eq!(uas.receive(&asks(true, None, None, None)), Ok(()));
    assert_eq!(timer(TimerMode::Requested).receive(&asks(false, None, None, None)), Ok(()));
}

/// §9: a re-INVITE that is silent about the timer does not end it.
#[test]
fn a_silent_request_changes_nothing() {
    for refresher in [Refresher::Uac, Refresher::Uas] {
        let mut uas = timer(TimerMode::Supported);
        let invite = asks(true, Some(600), Some(refresher), None);
        uas.answered(at(0), &uas.answer(&invite));
        let who = uas.refresher();
        uas.answered(at(100), &uas.answer(&asks(true, None, None, None)));
        assert_eq!((uas.interval(), uas.refresher()), (Some(secs(600)), who));
    }
}

/// §9: where our own last 2xx says nothing of a timer, there is none.
// Holds: 4028-9-16
#[test]
fn a_2xx_of_ours_that_is_silent() {
    for refresher in [Refresher::Uac, Refresher::Uas] {
        let mut uas = timer(TimerMode::Supported);
        uas.answered(at(0), &uas.answer(&asks(true, Some(600), Some(refresher), None)));
        assert!(uas.deadline().is_some());
        uas.answered(at(100), &SessionTerms { supported: true, ..SessionTerms::default() });
        assert_eq!((uas.interval(), uas.refresher(), uas.deadline()), (None, None, None));
        assert_eq!(uas.step(at(10_000)), SessionEffects::empty());
    }
}

// ---- §10: refreshing, and the end ----

/// The refresh at half the interval; the end at the interval.
// Holds: 4028-7.2-9, 4028-7.2-10, 4028-10-1
#[test]
fn the_refresher() {
    let mut timer = timer(TimerMode::Requested);
    timer.accepted(at(10), &timer.request(), &agrees(600, Refresher::Uac));
    assert_eq!(timer.step(at(309)), SessionEffects::empty());
    assert_eq!((timer.step(at(310)), timer.is_refresh_due()), (SessionEffects::REFRESH, true));
    assert_eq!(timer.step(at(311)), SessionEffects::empty(), "asked for once");
    assert_eq!(timer.deadline(), Some(at(610)));
    assert_eq!(timer.step(at(610)), SessionEffects::EXPIRED);
    assert_eq!((timer.step(at(611)), timer.deadline()), (SessionEffects::empty(), None));
}

/// The BYE of the other side: min(32 s, a third) before the end.
// Holds: 4028-10-5, 4028-10-6
#[test]
fn the_other_side() {
    for (interval, ends) in [(1800, 1768), (96, 64), (93, 62), (90, 60), (97, 65)] {
        let mut timer = timer(TimerMode::Requested);
        timer.accepted(at(0), &timer.request(), &agrees(interval, Refresher::Uas));
        assert_eq!(timer.deadline(), Some(at(ends)), "{interval}");
        assert_eq!(timer.step(at(ends - 1)), SessionEffects::empty());
        assert_eq!(timer.step(at(ends)), SessionEffects::EXPIRED, "{interval}");
    }
}

/// A driver that is very late does one thing.
#[test]
fn a_late_step_ends_the_session() {
    let mut timer = timer(TimerMode::Requested);
    timer.accepted(at(0), &timer.request(), &agrees(600, Refresher::Uac));
    assert_eq!(timer.step(at(5000)), SessionEffects::EXPIRED);
}

/// A timer whose refresh has just been asked for, at 300 s of 600.
fn refreshing() -> SessionTimer {
    let mut timer = timer(TimerMode::Requested);
    timer.accepted(at(0), &timer.request(), &agrees(600, Refresher::Uac));
    assert_eq!(timer.step(at(300)), SessionEffects::REFRESH);
    timer
}

fn response(code: u16) -> Failure {
    Failure::response(StatusCode::new(code).unwrap())
}

/// §10: 408, 481 and silence end the session; RFC 5057 §5.1: and what else leaves no usage.
#[test]
fn failures_that_end_the_session() {
    for method in [Method::Update, Method::Invite] {
        for failure in [Failure::Timeout, response(408), response(481), response(404), response(480)] {
            let mut timer = refreshing();
            let effects = timer.failed(at(301), &method, failure, secs(3));
            assert_eq!((effects, timer.deadline()), (SessionEffects::EXPIRED, None), "{failure:?}");
        }
    }
}

/// RFC 3261 §14.1: after a 491 the random pause, three times; from then on the middle of what is left (§10: not continuously).
#[test]
fn glare_is_tried_again() {
    let mut timer = refreshing();
    let mut now = at(301);
    for _ in 0..3 {
        assert_eq!(timer.failed(now, &Method::Invite, response(491), secs(3)), SessionEffects::empty());
        assert_eq!(timer.deadline(), Some(now + secs(3)));
        now = now + secs(3);
        assert_eq!(timer.step(now), SessionEffects::REFRESH);
    }
    timer.failed(now, &Method::Invite, response(491), secs(3));
    assert_eq!(timer.deadline(), Some(now + secs(145)));
}

/// §10: other failures, with Retry-After and without; the session does not last any longer for it, and the tries come to an end.
// Holds: 4028-10-3, 4028-10-4
#[test]
fn other_failures_are_tried_again() {
    let mut timer = refreshing();
    assert_eq!(timer.failed(at(300), &Method::Update, response(500), secs(3)), SessionEffects::empty());
    assert_eq!(timer.deadline(), Some(at(450)));
    assert_eq!(timer.step(at(450)), SessionEffects::REFRESH);
    let later = Failure::Response { status: StatusCode::SERVICE_UNAVAILABLE, retry_after: Some(secs(100)) };
    timer.failed(at(450), &Method::Update, later, secs(3));
    assert_eq!(timer.deadline(), Some(at(550)));
    assert_eq!(timer.step(at(550)), SessionEffects::REFRESH);
    timer.failed(at(550), &Method::Update, later, secs(3));
    assert_eq!(timer.step(at(600)), SessionEffects::EXPIRED);

    let mut timer = refreshing();
    let mut tries = 0;
    let mut now = at(300);
    loop {
        timer.failed(now, &Method::Update, response(500), secs(3));
        now = timer.deadline().unwrap();
        match timer.step(now) {
            SessionEffects::REFRESH => tries += 1,
            _ => break,
        }
    }
    assert_eq!((now, tries), (at(600), 6));
}

/// §10: a refresh that meets a 422 goes out again at once with more; the end has not moved.
#[test]
fn a_refresh_meets_a_422() {
    let mut timer = refreshing();
    let sent = timer.request();
    assert!(timer.too_small(&sent, Some(secs(3600))));
    timer.refresh_now(at(301));
    assert_eq!(timer.step(at(301)), SessionEffects::REFRESH);
    assert_eq!(timer.request().interval, Some(secs(3600)));
    assert_eq!(timer.deadline(), Some(at(600)));
    timer.accepted(at(302), &timer.request(), &agrees(3600, Refresher::Uac));
    assert_eq!(timer.deadline(), Some(at(302 + 1800)));
}

/// §7.2: a refresh that waits behind another request of ours is needless once that one got its 2xx.
#[test]
fn another_request_refreshes_too() {
    let mut timer = refreshing();
    timer.accepted(at(310), &timer.request(), &agrees(600, Refresher::Uac));
    assert!(!timer.is_refresh_due());
    // The failure of a request that was no refresh is none of the timer's business.
    assert_eq!(timer.failed(at(311), &Method::Invite, response(488), secs(3)), SessionEffects::empty());
    assert_eq!(timer.deadline(), Some(at(610)));
    timer.stop();
    assert_eq!(timer.deadline(), None);
}

// ---- Two of them ----

fn any_settings() -> impl Strategy<Value = SessionTimers> {
    let modes = prop::sample::select(&MODES[1..]);
    let refresh_by = prop::sample::select(vec![RefreshBy::Either, RefreshBy::Us, RefreshBy::Peer]);
    (modes, refresh_by, 90..2000_u64, 0..2000_u64).prop_map(|(mode, refresh_by, least, more)| SessionTimers {
        interval: secs(least + more),
        min_se: secs(least),
        refresh_by,
        mode,
    })
}

/// One INVITE or UPDATE of `uac`, with the retry that a 422 asks for; true where it got its 2xx.
fn exchange(now: Timestamp, uac: &mut SessionTimer, uas: &mut SessionTimer) -> bool {
    for _ in 0..2 {
        let sent = uac.request();
        match uas.receive(&sent) {
            Ok(()) => {
                let answer = uas.answer(&sent);
                uas.answered(now, &answer);
                uac.accepted(now, &sent, &answer);
                return true;
            }
            Err(Unacceptable::TooSmall(least)) => assert!(uac.too_small(&sent, Some(least))),
            Err(Unacceptable::Unsupported) => return false,
        }
    }
    false
}

proptest! {
    /// §7, §9, §10: whatever the two want, both see the same interval, not under the minimum of either, and one refresher; and while refreshes
    /// arrive, and either side asks for other things in between, nobody's session ends.
    // Holds: 4028-4-2
    #[test]
    fn two_timers_agree(
        caller in any_settings(),
        callee in any_settings(),
        others in prop::collection::vec((0..5000_u64, any::<bool>()), 0..8),
    ) {
        let mut sides = [SessionTimer::new(caller), SessionTimer::new(callee)];
        let [alice, bob] = &mut sides;
        prop_assert!(exchange(at(0), alice, bob), "a 422 is met once, and no more");
        let is_asked = caller.mode >= TimerMode::Requested || callee.mode >= TimerMode::Requested;
        let mut others: Vec<_> = others.into_iter().map(|(when, who)| (at(when), who)).collect();
        others.sort_unstable();
        let mut others = others.into_iter().peekable();
        for _ in 0..40 {
            let [alice, bob] = &mut sides;
            prop_assert_eq!(alice.interval(), bob.interval());
            prop_assert_eq!(alice.interval().is_some(), is_asked);
            let Some(interval) = alice.interval() else { break };
            prop_assert!(interval >= caller.min_se.max(callee.min_se));
            prop_assert_ne!(alice.refresher(), bob.refresher());
            let due = alice.deadline().min(bob.deadline()).unwrap();
            if let Some((when, by_alice)) = others.next_if(|(when, _)| *when < due) {
                let (uac, uas) = if by_alice { (alice, bob) } else { (bob, alice) };
                prop_assert!(exchange(when, uac, uas));
                continue;
            }
            let effects = [alice.step(due), bob.step(due)];
            let (uac, uas) = match effects {
                [SessionEffects::REFRESH, other] if other.is_empty() => (alice, bob),
                [other, SessionEffects::REFRESH] if other.is_empty() => (bob, alice),
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert!(exchange(due, uac, uas));
        }
    }

    /// DESIGN.md §2 contracts 2 and 4: whatever is said and whenever, a step does something only at its deadline and moves it.
    #[test]
    fn any_terms_are_survived(
        ours in any_settings(),
        heard in prop::collection::vec((any::<u8>(), any::<u32>(), any::<u32>(), any::<bool>(), 0..3_u8), 1..20),
    ) {
        let mut timer = SessionTimer::new(ours);
        let mut now = at(0);
        for (what, interval, min_se, supported, refresher) in heard {
            let refresher = match refresher { 0 => None, 1 => Some(Refresher::Uac), _ => Some(Refresher::Uas) };
            let interval = (interval % 3 > 0).then_some(u64::from(interval));
            let terms = asks(supported, interval, refresher, (min_se % 3 == 0).then_some(u64::from(min_se)));
            match what % 5 {
                0 => _ = timer.receive(&terms).map(|()| timer.answered(now, &timer.answer(&terms))),
                1 => timer.accepted(now, &timer.request(), &terms),
                2 => _ = timer.failed(now, &Method::Update, response(400 + u16::from(what)), secs(3)),
                3 => _ = timer.too_small(&timer.request(), terms.min_se),
                _ => timer.refresh_now(now),
            }
            let request = timer.request();
            prop_assert!(request.interval.is_none_or(|interval| interval >= request.floor()));
            if let Some(due) = timer.deadline() {
                prop_assert!(timer.clone().step(due) != SessionEffects::empty());
                now = due;
                timer.step(now);
                prop_assert!(timer.deadline().is_none_or(|next| next > now));
            }
        }
    }
}

// ---- The values, the modes, the last moment ----

/// RFC 4028 §4, §5: the values that are asked for, those of the RFC else.
#[test]
fn an_interval_that_is_asked_for() {
    let timers = SessionTimers::requested(secs(600));
    assert_eq!((timers.interval, timers.mode), (secs(600), TimerMode::Requested));
    assert_eq!((timers.min_se, timers.refresh_by), (secs(90), RefreshBy::Either));
}

/// RFC 4028 §7.1: who does nothing about session timers says so.
#[test]
fn a_timer_is_off_in_one_mode() {
    for (mode, is_off) in [
        (TimerMode::Off, true),
        (TimerMode::Supported, false),
        (TimerMode::Requested, false),
        (TimerMode::Required, false),
    ] {
        let settings = SessionTimers { mode, ..SessionTimers::DEFAULT };
        assert_eq!(SessionTimer::new(settings).is_off(), is_off, "{mode:?}");
    }
}

/// RFC 4028 §9: an answer without a session interval says all the same that the extension is known.
#[test]
fn an_answer_without_an_interval_knows_the_extension() {
    let timer = SessionTimer::new(SessionTimers::DEFAULT);
    let silent = SessionTerms::default();
    assert_eq!(timer.answer(&silent), SessionTerms { supported: true, ..silent });
}

/// RFC 4028 §10: a refresh that fails is sent again in the middle of what is left, up to eight seconds before the end; nearer to it, not again.
#[test]
fn the_last_moment_of_a_refresh() {
    for (failed_at, next) in [(90, 95), (92, 96), (93, 100), (99, 100)] {
        let mut timer = SessionTimer::new(SessionTimers::requested(secs(100)));
        let asked = timer.request();
        let agreed = SessionTerms { refresher: Some(Refresher::Uac), ..asked };
        timer.accepted(at(0), &asked, &agreed);
        assert_eq!(timer.step(at(50)), SessionEffects::REFRESH);
        let failure = Failure::response(StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(timer.failed(at(failed_at), &Method::Update, failure, secs(1)), SessionEffects::empty());
        assert_eq!(timer.deadline(), Some(at(next)), "failed at {failed_at} s");
    }
}
