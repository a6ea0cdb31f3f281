//! The transaction timers and their durations (RFC 3261 Table 4, RFC 6026 §§8.4, 8.7).

use core::fmt;
use core::time::Duration;

/// A timer of the transaction machines, by its letter. (C belongs to proxies.)
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Timer {
    /// INVITE client: retransmits the request.
    A,
    /// INVITE client: gives up.
    B,
    /// INVITE client: absorbs retransmitted finals.
    D,
    /// Non-INVITE client: retransmits the request.
    E,
    /// Non-INVITE client: gives up.
    F,
    /// INVITE server: retransmits the final.
    G,
    /// INVITE server: gives up waiting for the ACK.
    H,
    /// INVITE server: absorbs retransmitted ACKs.
    I,
    /// Non-INVITE server: absorbs retransmitted requests.
    J,
    /// Non-INVITE client: absorbs retransmitted finals.
    K,
    /// INVITE server: absorbs retransmitted INVITEs after a 2xx.
    L,
    /// INVITE client: gathers further 2xx.
    M,
}

impl Timer {
    /// Every timer.
    pub const ALL: [Self; 12] = [
        Self::A,
        Self::B,
        Self::D,
        Self::E,
        Self::F,
        Self::G,
        Self::H,
        Self::I,
        Self::J,
        Self::K,
        Self::L,
        Self::M,
    ];

    /// Whether it re-arms itself: A, E and G, which run on unreliable transports only.
    pub const fn repeats(self) -> bool {
        matches!(self, Self::A | Self::E | Self::G)
    }
}

/// A set of timers.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct TimerSet(u16);

impl TimerSet {
    /// No timer.
    pub const NONE: Self = Self(0);

    /// The set of these timers.
    pub const fn of(timers: &[Timer]) -> Self {
        let mut bits = 0;
        let mut rest = timers;
        while let [timer, tail @ ..] = rest {
            bits |= 1 << *timer as u16;
            rest = tail;
        }
        Self(bits)
    }

    /// Those that re-arm themselves.
    pub(super) const REPEATING: Self = Self::of(&[Timer::A, Timer::E, Timer::G]);

    /// Whether `timer` is in the set.
    pub const fn contains(self, timer: Timer) -> bool {
        self.0 & (1 << timer as u16) != 0
    }

    /// The timers of this set that are not in `other`.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the sets have a timer in common.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The timers in the set, in the order of their letters.
    pub fn iter(self) -> impl Iterator<Item = Timer> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let timer = Timer::ALL.get(left.trailing_zeros() as usize).copied();
            left &= left.wrapping_sub(1);
            timer
        })
    }
}

impl fmt::Debug for TimerSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The three values that every duration is made of (RFC 3261 §17.1.1.1, §17.1.2.2).
///
/// ```
/// use core::time::Duration;
/// use sip_proto::transaction::{Timer, Timers};
///
/// let timers = Timers::default();
/// assert_eq!(timers.first(Timer::B, false), Some(Duration::from_secs(32)));
/// assert_eq!(timers.first(Timer::A, true), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// The round-trip time estimate, 500 ms by default.
    pub t1: Duration,
    /// The longest interval between retransmissions of non-INVITE requests and of INVITE finals, 4 s by default.
    pub t2: Duration,
    /// How long a message may stay in the network, 5 s by default.
    pub t4: Duration,
}

impl Timers {
    /// The values of RFC 3261.
    pub const DEFAULT: Self =
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) };

    /// 64·T1: how long a transaction, an ACK or an unanswered CANCEL is waited for.
    pub fn give_up(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// How long `timer` runs when it is first armed; `None` when it never runs on that kind of transport.
    pub fn first(&self, timer: Timer, reliable: bool) -> Option<Duration> {
        match timer {
            Timer::A | Timer::E | Timer::G => (!reliable).then_some(self.t1),
            Timer::B | Timer::F | Timer::H | Timer::L | Timer::M => Some(self.give_up()),
            // RFC 6026 §8.4: at least 32 s, whatever T1 is.
            Timer::D if !reliable => Some(self.give_up().max(Duration::from_secs(32))),
            Timer::J if !reliable => Some(self.give_up()),
            Timer::I | Timer::K if !reliable => Some(self.t4),
            Timer::D | Timer::I | Timer::J | Timer::K => Some(Duration::ZERO),
        }
    }

    /// How long a repeating `timer` runs after it ran for `interval`: twice as long, E and G up to T2.
    pub fn next(&self, timer: Timer, interval: Duration) -> Duration {
        let doubled = interval.saturating_mul(2);
        match timer {
            Timer::E | Timer::G => doubled.min(self.t2),
            _ => doubled,
        }
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self::DEFAULT
    }
}
