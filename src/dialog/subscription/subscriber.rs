//! The subscriber's side of a subscription (RFC 6665 §4.1).

use core::time::Duration;

use super::{Again, SubscriptionEffects};
use crate::dialog::usage::{Failure, Impact, part};
use crate::message::{Method, StatusCode, SubscriptionState, Substate};
use crate::time::Timestamp;
use crate::transaction::Timers;

/// The states of Figure 1 (§4.1.2), from the first SUBSCRIBE on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SubscriberState {
    /// No NOTIFY came yet.
    NotifyWait,
    /// The notifier does not know yet whether it may tell us.
    Pending,
    /// The subscription holds.
    Active,
    /// Over.
    Terminated,
}

/// How a subscription ended, seen from its subscriber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SubscriberEnd {
    /// The notifier ended it, and advises this.
    Notified(Again),
    /// No NOTIFY came within 64·T1 after a SUBSCRIBE: Timer N (§4.1.2.4).
    NoNotify,
    /// Its time was over, and 64·T1 later nothing had been heard of that.
    Expired,
    /// A SUBSCRIBE was refused in a way that leaves nothing (§4.1.2.1, §4.1.2.2).
    Refused(Failure),
}

/// One subscription, seen from its subscriber.
///
/// ```
/// use core::time::Duration;
/// use sip_proto::dialog::{Subscriber, SubscriberState, SubscriptionEffects};
/// use sip_proto::message::SubscriptionState;
/// use sip_proto::transaction::Timers;
/// use sip_proto::{StatusCode, Timestamp};
///
/// let (now, hour) = (Timestamp::ZERO, Duration::from_secs(3600));
/// let mut subscriber = Subscriber::new(now, hour, &Timers::DEFAULT);
/// subscriber.answered(now, StatusCode::OK, Some(hour));
/// let notify = SubscriptionState::parse("active;expires=3600").unwrap();
/// assert_eq!(subscriber.notified(now, &notify), SubscriptionEffects::STARTED);
/// assert_eq!(subscriber.state(), SubscriberState::Active);
/// // 64·T1 before the end there is time for one more SUBSCRIBE.
/// assert_eq!(subscriber.deadline(), Some(Timestamp::from_secs(3600 - 32)));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscriber {
    state: SubscriberState,
    end: Option<SubscriberEnd>,
    /// What the last SUBSCRIBE asked for; `None` for a subscription that a REFER made.
    asked: Option<Duration>,
    /// The last SUBSCRIBE was to end it, or to fetch the state once.
    is_leaving: bool,
    /// A NOTIFY has told the duration since the last SUBSCRIBE was sent.
    is_told: bool,
    timer_n: Option<Timestamp>,
    refresh: Option<Timestamp>,
    expires: Option<Timestamp>,
    /// 64·T1.
    give_up: Duration,
}

/// How long a subscription without any stated duration is kept: RFC 6665 §4.2.2 wants one stated, older notifiers of `refer` leave it out.
const UNSTATED: Duration = Duration::from_secs(3600);

/// However short a time a notifier grants, SUBSCRIBE does not follow upon SUBSCRIBE faster.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

impl Subscriber {
    /// The subscription that a SUBSCRIBE, sent now, asks for; `asked` is its Expires. With 0 it is a fetch: one NOTIFY, and it is over
    /// (§4.4.3).
    pub fn new(now: Timestamp, asked: Duration, timers: &Timers) -> Self {
        let mut subscriber = Self::implicit(now, timers);
        subscriber.sent(now, asked);
        subscriber
    }

    /// The subscription that a REFER, sent now, asks for (RFC 3515 §2.4.4). It is not refreshed unless that is [asked for](Self::sent).
    pub fn implicit(now: Timestamp, timers: &Timers) -> Self {
        let give_up = timers.give_up();
        Self {
            state: SubscriberState::NotifyWait,
            end: None,
            asked: None,
            is_leaving: false,
            is_told: false,
            timer_n: Some(now + give_up),
            refresh: None,
            expires: None,
            give_up,
        }
    }

    /// Takes note of a further SUBSCRIBE that is sent now: a refresh, or, with 0, the end of the subscription (§4.1.2.2, §4.1.2.3).
    pub fn sent(&mut self, now: Timestamp, asked: Duration) {
        if self.state == SubscriberState::Terminated {
            return;
        }
        self.asked = Some(asked);
        self.is_leaving = asked.is_zero();
        self.is_told = false;
        self.refresh = None;
        self.timer_n = Some(now + self.give_up);
    }

    /// Takes note that what [`sent`](Self::sent) tells of waits for its way: Timer N does not run yet.
    pub(crate) fn parked(&mut self) {
        self.timer_n = None;
    }

    /// Takes note that it goes now: Timer N runs from here (§4.1.2.4).
    pub(crate) fn launched(&mut self, now: Timestamp) {
        if self.state != SubscriberState::Terminated {
            self.timer_n = Some(now + self.give_up);
        }
    }

    /// Takes in the 2xx to a SUBSCRIBE or REFER of ours; `granted` is its Expires. 202 is 200 (§8.3.1); after a 204 no NOTIFY comes (§4.1.2.2).
    pub fn answered(&mut self, now: Timestamp, status: StatusCode, granted: Option<Duration>) {
        let Some(asked) = self.asked.filter(|_| self.state != SubscriberState::Terminated) else { return };
        if status == StatusCode::NO_NOTIFICATION {
            self.timer_n = None;
        }
        // §3.1.1: never longer than asked for.
        let granted = granted.unwrap_or(asked).min(asked);
        if granted.is_zero() {
            self.is_leaving = true;
            self.refresh = None;
            // Nor does one tell of the end.
            if status == StatusCode::NO_NOTIFICATION {
                self.expires = Some(now);
            }
        } else if !self.is_told {
            self.lasts(now, granted);
        }
    }

    /// Takes in the failure of a SUBSCRIBE or REFER of ours (§4.1.2.1, §4.1.2.2).
    pub fn failed(&mut self, now: Timestamp, failure: Failure) -> SubscriptionEffects {
        if self.state == SubscriberState::Terminated {
            return SubscriptionEffects::empty();
        }
        let impact = match self.is_leaving {
            true => failure.impact_on_ending(&Method::Subscribe),
            false => failure.impact(&Method::Subscribe),
        };
        // A NOTIFY may still come where no answer did: Timer N decides.
        let is_silence = failure.status() == StatusCode::REQUEST_TIMEOUT;
        if self.state == SubscriberState::NotifyWait && !is_silence || impact != Impact::Transaction {
            return self.over(SubscriberEnd::Refused(failure));
        }
        if is_silence {
            return SubscriptionEffects::empty();
        }
        // It still holds for as long as was last agreed.
        self.timer_n = None;
        let left = self.expires.map_or(Duration::ZERO, |expires| expires - now);
        if !self.is_leaving && left > self.give_up {
            let pause = failure.retry_after().unwrap_or(Duration::ZERO).max(part(left, 2));
            self.refresh = Some(now + pause);
        }
        SubscriptionEffects::empty()
    }

    /// Takes in a 403 to a SUBSCRIBE of ours that was to end the subscription of a REFER: the notifier knows of none (RFC 3515 §2.4.4).
    pub(crate) fn unknown(&mut self, failure: Failure) -> SubscriptionEffects {
        self.over(SubscriberEnd::Refused(failure))
    }

    /// Takes in a 423 to a refresh of ours, with its Min-Expires; true when it makes sense to send another that asks for that much
    /// (RFC 3261 §21.4.17).
    pub fn too_brief(&mut self, now: Timestamp, min_expires: Option<Duration>) -> bool {
        let Some(least) = min_expires.filter(|least| self.asked.is_some_and(|asked| asked < *least)) else {
            return false;
        };
        let is_wanted = self.state != SubscriberState::Terminated && !self.is_leaving;
        if is_wanted {
            self.asked = Some(least);
            self.timer_n = None;
            self.refresh = Some(now);
        }
        is_wanted
    }

    /// Takes in the Subscription-State of a NOTIFY that matches the subscription (§4.1.3).
    pub fn notified(&mut self, now: Timestamp, state: &SubscriptionState<'_>) -> SubscriptionEffects {
        if self.state == SubscriberState::Terminated {
            return SubscriptionEffects::empty();
        }
        let started = match self.state {
            SubscriberState::NotifyWait => SubscriptionEffects::STARTED,
            _ => SubscriptionEffects::empty(),
        };
        if state.is_terminated() {
            return started | self.over(SubscriberEnd::Notified(Again::of(state)));
        }
        self.state = match state.state {
            Substate::Active => SubscriberState::Active,
            Substate::Pending => SubscriberState::Pending,
            // A state of an extension says at least that the subscription is there.
            Substate::Other(_) | Substate::Terminated if !started.is_empty() => SubscriberState::Pending,
            Substate::Other(_) | Substate::Terminated => self.state,
        };
        // One that crossed our farewell is not the one that is waited for.
        if !self.is_leaving {
            self.timer_n = None;
        }
        match state.expires() {
            Some(left) => {
                self.is_told = true;
                self.lasts(now, left);
            }
            None if self.expires.is_none() => self.lasts(now, self.asked.unwrap_or(UNSTATED)),
            None => {}
        }
        started
    }

    /// What is due: that it is over before that it is to be refreshed.
    pub fn step(&mut self, now: Timestamp) -> SubscriptionEffects {
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_due(self.timer_n) {
            return self.over(SubscriberEnd::NoNotify);
        }
        if is_due(self.gone()) {
            return self.over(SubscriberEnd::Expired);
        }
        if is_due(self.refresh()) {
            self.refresh = None;
            return SubscriptionEffects::REFRESH;
        }
        SubscriptionEffects::empty()
    }

    /// When the next step has something to do; `None` once it is over.
    pub fn deadline(&self) -> Option<Timestamp> {
        [self.timer_n, self.gone(), self.refresh()].into_iter().flatten().min()
    }

    /// The state.
    pub fn state(&self) -> SubscriberState {
        self.state
    }

    /// Whether the last SUBSCRIBE was to end it.
    pub fn is_leaving(&self) -> bool {
        self.is_leaving
    }

    /// How it ended; `None` while it has not.
    pub fn end(&self) -> Option<SubscriberEnd> {
        self.end
    }

    /// What the next refresh asks for: as much as the last SUBSCRIBE. For the subscription of a REFER, which asked for nothing, an hour.
    pub fn asks(&self) -> Duration {
        self.asked.unwrap_or(UNSTATED)
    }

    /// When it ends unless it is refreshed; `None` where no duration is known.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Sets the end, and the refresh so long before it that a SUBSCRIBE can still fail and be sent again, or half way.
    fn lasts(&mut self, now: Timestamp, left: Duration) {
        self.expires = Some(now + left);
        let is_refreshed = self.asked.is_some() && !self.is_leaving && !left.is_zero();
        let ahead = self.give_up.min(part(left, 2));
        self.refresh = is_refreshed.then(|| now + left.saturating_sub(ahead).max(LEAST_PAUSE));
    }

    /// When the next refresh goes: not while the NOTIFY of the last one is awaited, whose Timer N it would put off (§4.1.2.2).
    fn refresh(&self) -> Option<Timestamp> {
        self.refresh.filter(|_| self.timer_n.is_none())
    }

    /// When nothing more is waited for: the notifier's own word of the end takes a moment to arrive.
    fn gone(&self) -> Option<Timestamp> {
        self.expires.map(|expires| expires + self.give_up)
    }

    fn over(&mut self, end: SubscriberEnd) -> SubscriptionEffects {
        self.state = SubscriberState::Terminated;
        self.end = Some(end);
        (self.timer_n, self.refresh, self.expires) = (None, None, None);
        SubscriptionEffects::ENDED
    }
}
