//! The notifier's side of a subscription (RFC 6665 §4.2).

use core::fmt;
use core::time::Duration;

use super::{Reason, SubscriptionEffects};
use crate::dialog::usage::{Failure, Impact};
use crate::message::{Method, SubscriptionState, Substate};
use crate::time::Timestamp;

/// The states of Figure 2 (§4.2.2), from our 2xx on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NotifierState {
    /// Whether the subscriber may be told is not known yet.
    Pending,
    /// The subscriber is told.
    Active,
    /// Over, but for the NOTIFY that says so.
    Terminated,
}

/// How long subscriptions may last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Granting {
    /// For a SUBSCRIBE without Expires: the event package's own value (§3.1.1). An hour by default.
    pub unasked: Duration,
    /// The least, under which a SUBSCRIBE is answered 423; none by default.
    pub least: Duration,
    /// The most. A day by default.
    pub most: Duration,
    /// The least time between two NOTIFYs of one subscription: the event package says (RFC 6665 §5.4.10). None by default; `refer` has a second
    /// at least. Of what the application tells within it only the last goes out, so a package whose NOTIFYs say no more than what has changed
    /// cannot have one.
    pub pace: Duration,
}

/// The SUBSCRIBE asks for too little: 423, with this Min-Expires (§4.2.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooBrief(pub Duration);

const HOUR: Duration = Duration::from_secs(3600);

impl Granting {
    /// The default.
    pub const DEFAULT: Self = Self {
        unasked: HOUR,
        least: Duration::ZERO,
        most: Duration::from_secs(24 * 3600),
        pace: Duration::ZERO,
    };

    /// The Expires of the 2xx to a SUBSCRIBE that asks for `asked`: never more than that (§3.1.1, §4.2.1.4).
    ///
    /// # Errors
    /// When it asks for too little: for more than nothing, less than an hour and less than `least` (§4.2.1.1).
    pub fn grant(&self, asked: Option<Duration>) -> Result<Duration, TooBrief> {
        match asked {
            None => Ok(self.unasked.min(self.most)),
            Some(asked) if !asked.is_zero() && asked < HOUR && asked < self.least => {
                Err(TooBrief(self.least))
            }
            Some(asked) => Ok(asked.min(self.most)),
        }
    }
}

impl Default for Granting {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One subscription, seen from its notifier.
///
/// ```
/// use core::time::Duration;
/// use sip_proto::Timestamp;
/// use sip_proto::dialog::{Notifier, SubscriptionEffects};
///
/// let (mut notifier, effects) = Notifier::new(Timestamp::ZERO, Duration::from_secs(600), true);
/// assert_eq!(effects, SubscriptionEffects::NOTIFY);
/// assert_eq!(notifier.line(Timestamp::from_secs(10)).to_string(), "active;expires=590");
/// assert_eq!(notifier.step(Timestamp::from_secs(600)), SubscriptionEffects::NOTIFY);
/// assert_eq!(notifier.line(Timestamp::from_secs(600)).to_string(), "terminated;reason=timeout");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notifier {
    state: NotifierState,
    expires: Timestamp,
    reason: Option<Reason>,
    retry_after: Option<Duration>,
    /// The least time between two NOTIFYs.
    pace: Duration,
    /// When the next one may go.
    next: Timestamp,
    /// Whether one waits for that.
    waits: bool,
    /// The last one was challenged: until then another may go out in its place.
    challenged: Option<Timestamp>,
    /// What has ended it, where that was the failure of a NOTIFY.
    failure: Option<Failure>,
}

impl Notifier {
    /// The subscription that our 2xx, sent now, makes; `granted` is its Expires, and 0 for a fetch. A NOTIFY goes out at once in any case
    /// (§4.2.1.2): the 2xx first.
    pub fn new(now: Timestamp, granted: Duration, is_authorised: bool) -> (Self, SubscriptionEffects) {
        let state = if is_authorised { NotifierState::Active } else { NotifierState::Pending };
        let mut notifier = Self {
            state,
            expires: now,
            reason: None,
            retry_after: None,
            pace: Duration::ZERO,
            next: now,
            waits: false,
            challenged: None,
            failure: None,
        };
        let effects = notifier.refreshed(now, granted);
        (notifier, effects)
    }

    /// Sets the least time between two NOTIFYs (§5.4.10). None by default.
    #[must_use]
    pub fn paced(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// Asks to send a NOTIFY now. True: it goes, and the next one not before the pace allows it. False: it is too soon, and
    /// [`step`](Self::step) asks for it when it is time.
    pub fn take_turn(&mut self, now: Timestamp) -> bool {
        self.waits = now < self.next;
        if !self.waits {
            self.sent(now);
        }
        !self.waits
    }

    /// Takes note of a NOTIFY that is sent now, whatever the pace: one that follows upon a 2xx goes at once (§4.2.1.2).
    pub fn sent(&mut self, now: Timestamp) {
        self.waits = false;
        self.challenged = None;
        self.next = now + self.pace;
    }

    /// Takes over what a NOTIFY that the application has worded says in Subscription-State (§4.2.2): permission, an earlier end, the end. False, and nothing
    /// has changed, where the subscription is over or cannot become what it says.
    ///
    /// A state that this crate does not know changes nothing.
    pub fn says(&mut self, now: Timestamp, said: &SubscriptionState<'_>) -> bool {
        match (self.state, said.state) {
            (NotifierState::Terminated, Substate::Terminated) if self.may_say_again() => return true,
            (NotifierState::Terminated, _) | (NotifierState::Active, Substate::Pending) => return false,
            (_, Substate::Terminated) => {
                _ = self.terminate(said.reason().and_then(Reason::parse), said.retry_after());
            }
            (_, Substate::Active) => _ = self.authorise(),
            (_, Substate::Pending | Substate::Other(_)) => {}
        }
        if let Some(left) = said.expires() {
            self.shorten(now, left);
        }
        true
    }

    /// Takes note of our 2xx to a further SUBSCRIBE; 0 ends the subscription (§4.2.1.4).
    pub fn refreshed(&mut self, now: Timestamp, granted: Duration) -> SubscriptionEffects {
        if self.state == NotifierState::Terminated {
            return SubscriptionEffects::empty();
        }
        self.expires = now + granted;
        if granted.is_zero() {
            return self.terminate(Some(Reason::Timeout), None);
        }
        SubscriptionEffects::NOTIFY
    }

    /// The subscriber may be told: pending becomes active (§4.2.2).
    pub fn authorise(&mut self) -> SubscriptionEffects {
        match self.state {
            NotifierState::Pending => {
                self.state = NotifierState::Active;
                SubscriptionEffects::NOTIFY
            }
            NotifierState::Active | NotifierState::Terminated => SubscriptionEffects::empty(),
        }
    }

    /// Ends the subscription sooner than agreed, never later (§4.2.2); the next NOTIFY says so.
    pub fn shorten(&mut self, now: Timestamp, left: Duration) {
        self.expires = self.expires.min(now + left);
    }

    /// Ends the subscription with one last NOTIFY. Without effect on one that has ended.
    pub fn terminate(
        &mut self,
        reason: Option<Reason>,
        retry_after: Option<Duration>,
    ) -> SubscriptionEffects {
        if self.state == NotifierState::Terminated {
            return SubscriptionEffects::empty();
        }
        self.state = NotifierState::Terminated;
        (self.reason, self.retry_after) = (reason, retry_after);
        SubscriptionEffects::NOTIFY
    }

    /// Takes in the 2xx to a NOTIFY of ours; `is_last` when that one said `terminated`. Only then is the subscription gone (§4.4.1).
    pub fn answered(&mut self, is_last: bool) -> SubscriptionEffects {
        if is_last { SubscriptionEffects::ENDED } else { SubscriptionEffects::empty() }
    }

    /// Takes in the failure of a NOTIFY of ours. Where it takes the subscription with it, nothing more is sent (§4.2.2).
    pub fn failed(&mut self, failure: Failure, is_last: bool) -> SubscriptionEffects {
        if !is_last && failure.impact(&Method::Notify) == Impact::Transaction {
            return SubscriptionEffects::empty();
        }
        self.state = NotifierState::Terminated;
        self.waits = false;
        self.failure = Some(failure);
        SubscriptionEffects::ENDED
    }

    /// The failure of a NOTIFY that has ended it.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// Takes in that the last NOTIFY was challenged (RFC 3261 §22.2, §22.3): another one with credentials is waited for until then (RFC 5057 §5.1, remark 17).
    pub(crate) fn challenged(&mut self, until: Timestamp) {
        self.challenged = Some(until);
    }

    /// Whether another NOTIFY may go out in place of the last one, which was challenged.
    pub(crate) fn may_say_again(&self) -> bool {
        self.challenged.is_some()
    }

    /// What is due: the end of the subscription, which a NOTIFY tells (§4.2.1.4), or a NOTIFY whose [turn](Self::take_turn) has come.
    pub fn step(&mut self, now: Timestamp) -> SubscriptionEffects {
        if self.challenged.is_some_and(|until| until <= now) {
            self.challenged = None;
            return SubscriptionEffects::ENDED;
        }
        if self.state != NotifierState::Terminated && self.expires <= now {
            return self.terminate(Some(Reason::Timeout), None);
        }
        if self.waits && self.next <= now {
            self.waits = false;
            return SubscriptionEffects::NOTIFY;
        }
        SubscriptionEffects::empty()
    }

    /// When the next step has something to do; `None` once it is over and said so.
    pub fn deadline(&self) -> Option<Timestamp> {
        let expires = (self.state != NotifierState::Terminated).then_some(self.expires);
        expires.into_iter().chain(self.waits.then_some(self.next)).chain(self.challenged).min()
    }

    /// Whether it is over, and the NOTIFY that says so does not wait for its turn.
    pub(crate) fn is_through(&self) -> bool {
        self.state == NotifierState::Terminated && !self.waits
    }

    /// The state.
    pub fn state(&self) -> NotifierState {
        self.state
    }

    /// What Subscription-State says in a NOTIFY that is sent now.
    pub fn line(&self, now: Timestamp) -> StateLine {
        StateLine {
            state: self.state,
            left: self.expires - now,
            reason: self.reason,
            retry_after: self.retry_after,
        }
    }
}

/// The value of Subscription-State in a NOTIFY (§4.2.2): with the time that is left, or the reason why none is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StateLine {
    /// The state.
    pub state: NotifierState,
    /// How long the subscription still lasts; written in whole seconds.
    pub left: Duration,
    /// Why it is over.
    pub reason: Option<Reason>,
    /// When to subscribe again.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for StateLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            NotifierState::Pending => "pending",
            NotifierState::Active => "active",
            NotifierState::Terminated => "terminated",
        };
        f.write_str(state)?;
        if self.state != NotifierState::Terminated {
            return write!(f, ";expires={}", self.left.as_secs());
        }
        if let Some(reason) = self.reason {
            write!(f, ";reason={}", reason.as_str())?;
        }
        self.retry_after.map_or(Ok(()), |after| write!(f, ";retry-after={}", after.as_secs()))
    }
}
