//! One request and its answers: [`ServerContext`] for a request that was received, [`ClientContext`] for one that was sent.
//!
//! RFC 3261 §§8, 9, 13; RFC 3262; RFC 4320. A context contains its transaction by value and adds what the transaction's user
//! owes: the To tag, the stored answer, the retransmission of a 2xx and of reliable provisional answers and the wait for their ACK and PRACK, CANCEL, the ACK of every 2xx, the guards
//! that make everything end. What a dialog is, and where messages go, it leaves to others.
//!
//! Contexts step like transactions: a command or a message goes in, a payload-free set of effects comes out, and the
//! messages to send are read from the context.
//!
//! ```text
//! ServerContext                            ClientContext
//! Pending ─ accept ──▶ Accepted ─ ACK ─▶   Calling ─ 1xx ─▶ Proceeding ─ 2xx ─▶ Accepted
//!    │  └── reject ──▶ Rejected  ─ ACK ─▶     │                 │  └─ 3xx–6xx ─▶ Failed
//!    └───── CANCEL ──▶ Cancelled ─ ACK ─▶     └── cancel waits ─┴─ CANCEL ─ 487 ─▶ Failed
//! ```

mod cause;
mod client;
mod earlier;
mod effects;
mod error;
mod headers;
mod reliable;
mod reply;
mod request;
mod server;

use core::time::Duration;

pub use cause::Cause;
pub use client::{ClientContext, ClientEffects, Synthetic};
pub use earlier::Earlier;
pub use effects::{EndReason, ServerEffects};
pub use error::ContextError;
pub(crate) use headers::{check_cancel, check_headers, check_no_route};
pub use reliable::Rel100;
pub(crate) use reliable::{OPTION_TAG, rack};
pub(crate) use reply::answers_with_contact;
pub use reply::{Defaults, Permission, Reply, Report};
pub use request::{Hop, Identifiers, Invite, Request};
pub(crate) use request::{Routing, again, as_request_uri, carries_contact, check_address, check_contact};
pub use server::ServerContext;
pub(crate) use server::Verb;

use crate::transaction::Timers;

/// How long contexts wait, and what they do on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// T1, T2, T4.
    pub timers: Timers,
    /// How long the application may think before an INVITE is answered 100 for it: 200 ms by default
    /// (RFC 3261 §17.2.1).
    pub trying_after: Duration,
    /// How often an unanswered INVITE gets its last provisional answer again: 1 minute by default (§13.3.1.1); zero for never. Where
    /// that one was reliable it takes two and a half times as long (RFC 3262 §3).
    pub repeat_every: Duration,
    /// Whether that is a 180 when the application has sent no provisional answer. True by default.
    pub repeat_ringing: bool,
    /// When an INVITE that the application has not answered gets 480, a re-INVITE 504: after 3 minutes by default; `None` for never.
    pub answer_within: Option<Duration>,
    /// Whether an INVITE that is not answered when its Expires runs out gets 487 (§13.3.1). True by default.
    pub honour_expires: bool,
    /// When an INVITE of ours that got a provisional answer but no final one is cancelled; `None` for never. Four minutes by
    /// default, so that a peer which gives up after three, as proxies may (§16.6 item 11), answers first. Any INVITE may
    /// set its own.
    pub ring_within: Option<Duration>,
    /// Whether the provisional answers that we give are acknowledged (RFC 3262): not supported by default.
    pub rel100: Rel100,
}

impl Settings {
    /// The default settings.
    pub const DEFAULT: Self = Self {
        timers: Timers::DEFAULT,
        trying_after: Duration::from_millis(200),
        repeat_every: Duration::from_secs(60),
        repeat_ringing: true,
        answer_within: Some(Duration::from_secs(180)),
        honour_expires: true,
        ring_within: Some(Duration::from_secs(240)),
        rel100: Rel100::Unsupported,
    };

    /// When a non-INVITE request that is not answered gets its 100: the time that Timer E takes to reach T2
    /// (RFC 4320 §4.1), 3.5 s by default.
    pub fn trying_non_invite_after(&self) -> Duration {
        let Timers { t1, t2, .. } = self.timers;
        // The intervals before one of T2, each twice as long as the one before, last as long as that does less the first.
        let mut interval = t1.saturating_add(t1);
        while interval < t2 && !interval.is_zero() {
            interval = interval.saturating_add(interval);
        }
        interval.saturating_sub(t1)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_100_to_another_than_invite_waits_for_timer_e_to_reach_t2() {
        // RFC 4320 §4.1: T1, 2·T1 and so on, as long as they are less than T2.
        for (t1, t2, sum) in
            [(500, 4_000, 3_500), (300, 1_000, 900), (5_000, 4_000, 5_000), (1, 2, 1), (0, 4, 0)]
        {
            let (t1, t2) = (Duration::from_millis(t1), Duration::from_millis(t2));
            let settings = Settings { timers: Timers { t1, t2, ..Timers::DEFAULT }, ..Settings::DEFAULT };
            assert_eq!(settings.trying_non_invite_after(), Duration::from_millis(sum), "{t1:?} {t2:?}");
        }
    }
}
