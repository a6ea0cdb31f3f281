//! Subscriptions (RFC 6665): the shells that every event package stands in.
//!
//! A [`Subscriber`] and a [`Notifier`] are each one subscription seen from one side. They know states, timers and what must be sent when; of
//! what the package is about they know nothing. [`Sipfrag`] and its neighbours are the one package that this crate brings: `refer`, whose
//! subscriptions a REFER makes (RFC 3515).
//!
//! ```text
//! subscriber (§4.1.2)                                          notifier (§4.2.2)
//!
//!     SUBSCRIBE                                                    SUBSCRIBE, our 2xx: NOTIFY at once
//!         ▼                                                            │                 │
//!  ┌ notify_wait ──────────────── Timer N, refusal ─┐                  ▼                 ▼
//!  │      │ NOTIFY pending                          │               pending ──────────▶ active
//!  │      ▼                                         │                  │   permission    │
//!  │   pending ──────── 481 …, Timer N, the end ────┤                  │                 │ the end, a failed
//!  │      │ NOTIFY active                           ▼                  ▼                 ▼ NOTIFY, policy
//!  └──▶ active ──────── NOTIFY terminated ────▶ terminated           terminated ◀────────┘
//! ```
//!
//! A notifier keeps the pace that an event package sets: a NOTIFY that comes too soon after the last one waits for its turn, and says then
//! what holds then (RFC 6665 §5.4.10, RFC 3515 §3.10).

mod notifier;
mod refer;
mod subscriber;

use core::time::Duration;

pub use notifier::{Granting, Notifier, NotifierState, StateLine, TooBrief};
pub use refer::{NOREFERSUB, REFER, REFER_PACE, SIPFRAG, Sipfrag, declines_subscription, makes_subscription};
pub use subscriber::{Subscriber, SubscriberEnd, SubscriberState};

use crate::message::SubscriptionState;

bitflags::bitflags! {
    /// What a subscription asks of whoever drives it.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub struct SubscriptionEffects: u8 {
        /// Subscriber: the first NOTIFY came, and the subscription is there (§4.4.1).
        const STARTED = 1 << 0;
        /// Subscriber: send a SUBSCRIBE within the dialog before the subscription ends.
        const REFRESH = 1 << 1;
        /// Notifier: send a NOTIFY with the state as it is now.
        const NOTIFY = 1 << 2;
        /// The subscription is over.
        const ENDED = 1 << 3;
    }
}

/// Why a subscription was ended by its notifier (§4.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reason {
    /// To be made anew at once, perhaps elsewhere.
    Deactivated,
    /// To be tried again later.
    Probation,
    /// Not allowed any more.
    Rejected,
    /// Not refreshed in time; or fetched once.
    Timeout,
    /// Nobody could be found to allow it.
    Giveup,
    /// What it was about is gone.
    Noresource,
    /// What it is about does not change.
    Invariant,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Deactivated,
        Self::Probation,
        Self::Rejected,
        Self::Timeout,
        Self::Giveup,
        Self::Noresource,
        Self::Invariant,
    ];

    /// The reason that `token` names, in any case.
    pub fn parse(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str().eq_ignore_ascii_case(token))
    }

    /// The token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deactivated => "deactivated",
            Self::Probation => "probation",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::Giveup => "giveup",
            Self::Noresource => "noresource",
            Self::Invariant => "invariant",
        }
    }
}

/// Whether, and when, to subscribe anew after a subscription was ended by its notifier (§4.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Again {
    /// Not at all.
    Never,
    /// At once, if it is still wanted.
    Now,
    /// Later, at a time of one's own choice.
    Later,
    /// Not before so much time has passed.
    After(Duration),
}

impl Again {
    /// What a Subscription-State with `terminated` advises.
    pub fn of(state: &SubscriptionState<'_>) -> Self {
        let after = state.retry_after().map(Self::After);
        match state.reason().and_then(Reason::parse) {
            Some(Reason::Deactivated | Reason::Timeout) => Self::Now,
            Some(Reason::Rejected | Reason::Noresource | Reason::Invariant) => Self::Never,
            Some(Reason::Probation) => after.unwrap_or(Self::Later),
            Some(Reason::Giveup) | None => after.unwrap_or(Self::Now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6665 §4.1.3, reason by reason; and RFC 3261 §7.3.1: tokens in any case.
    // Holds: 6665-4.1.3-10, 6665-4.1.3-11, 6665-4.1.3-13, 6665-4.1.3-15, 6665-4.1.3-17
    #[test]
    fn when_to_subscribe_again() {
        let after = |seconds| Again::After(Duration::from_secs(seconds));
        for (reason, alone, with_retry_after) in [
            (";reason=deactivated", Again::Now, Again::Now),
            (";reason=probation", Again::Later, after(60)),
            (";reason=rejected", Again::Never, Again::Never),
            (";reason=timeout", Again::Now, Again::Now),
            (";reason=giveup", Again::Now, after(60)),
            (";reason=noresource", Again::Never, Again::Never),
            (";reason=invariant", Again::Never, Again::Never),
            (";reason=NoResource", Again::Never, Again::Never),
            (";reason=expired", Again::Now, after(60)),
            ("", Again::Now, after(60)),
        ] {
            let of = |text: &str| Again::of(&SubscriptionState::parse(text).unwrap());
            assert_eq!(of(&alloc::format!("terminated{reason}")), alone, "{reason}");
            let text = alloc::format!("terminated{reason};retry-after=60");
            assert_eq!(of(&text), with_retry_after, "{text}");
        }
    }
}
