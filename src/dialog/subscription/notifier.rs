//! The notifier's side of a subscription (RFC 6665 §4.2).

use core::fmt;
use core::time::Duration;

use super::{Reason, SubscriptionEffects};
use crate::dialog::usage::{Failure, Impact};
use crate::message::Method;
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
}

/// The SUBSCRIBE asks for too little: 423, with this Min-Expires (§4.2.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooBrief(pub Duration);

const HOUR: Duration = Duration::from_secs(3600);

impl Granting {
    /// The default.
    pub const DEFAULT: Self =
        Self { unasked: HOUR, least: Duration::ZERO, most: Duration::from_secs(24 * 3600) };

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
}

impl Notifier {
    /// The subscription that our 2xx, sent now, makes; `granted` is its Expires, and 0 for a fetch. A NOTIFY goes out at once in any case
    /// (§4.2.1.2): the 2xx first.
    pub fn new(now: Timestamp, granted: Duration, is_authorised: bool) -> (Self, SubscriptionEffects) {
        let state = if is_authorised { NotifierState::Active } else { NotifierState::Pending };
        let mut notifier = Self { state, expires: now, reason: None, retry_after: None };
        let effects = notifier.refreshed(now, granted);
        (notifier, effects)
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
        SubscriptionEffects::ENDED
    }

    /// What is due: the end of the subscription, which a NOTIFY tells (§4.2.1.4).
    pub fn step(&mut self, now: Timestamp) -> SubscriptionEffects {
        match self.deadline() {
            Some(due) if due <= now => self.terminate(Some(Reason::Timeout), None),
            _ => SubscriptionEffects::empty(),
        }
    }

    /// When the next step has something to do; `None` once it is over.
    pub fn deadline(&self) -> Option<Timestamp> {
        (self.state != NotifierState::Terminated).then_some(self.expires)
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
