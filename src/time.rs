//! Points in time, as the embedding program counts them.
//!
//! The crate reads no clock. The embedder picks an epoch (program start will do) and passes
//! microseconds since then with every call.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

/// Microseconds since an epoch of the embedder's choice; 64 bits of them last 584,000 years.
///
/// Arithmetic saturates: no timestamp can make a state machine overflow. [`Timestamp::MAX`] means never: what would fall due then does not.
///
/// ```
/// use core::time::Duration;
/// use sip_proto::Timestamp;
///
/// let later = Timestamp::ZERO + Duration::from_millis(500);
/// assert_eq!(later - Timestamp::ZERO, Duration::from_millis(500));
/// assert_eq!(Timestamp::ZERO - later, Duration::ZERO);
/// assert_eq!(later + Duration::MAX, Timestamp::MAX);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The embedder's epoch.
    pub const ZERO: Self = Self(0);
    /// The last instant that can be named.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `micros` microseconds after the epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The instant `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// The instant `secs` seconds after the epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// The instant that is `duration` after this one.
    pub const fn saturating_add(self, duration: Duration) -> Self {
        let micros =
            duration.as_secs().saturating_mul(1_000_000).saturating_add(duration.subsec_micros() as u64);
        Self(self.0.saturating_add(micros))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.saturating_add(duration)
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_micros(self.0))
    }
}
