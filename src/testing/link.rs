//! How a virtual network treats datagrams.

use core::time::Duration;

/// The manners of every link. Streams are delayed too, but neither lose nor reorder.
///
/// ```
/// use core::time::Duration;
/// use sip_proto::testing::Link;
///
/// let bad = Link { loss: 0.2, jitter: Duration::from_millis(50), ..Link::default() };
/// # _ = bad;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// How long every packet takes.
    pub delay: Duration,
    /// How much longer it takes at the most. Packets that take longer are overtaken.
    pub jitter: Duration,
    /// The share of datagrams that are lost, 0 to 1.
    pub loss: f64,
    /// The share of datagrams that arrive twice, 0 to 1.
    pub duplication: f64,
    /// The share of datagrams that take ten times as long, 0 to 1.
    pub reordering: f64,
}

impl Default for Link {
    /// Ten milliseconds, and nothing goes wrong.
    fn default() -> Self {
        let delay = Duration::from_millis(10);
        Self { delay, jitter: Duration::ZERO, loss: 0.0, duplication: 0.0, reordering: 0.0 }
    }
}
