//! What a message says of the session timer, and what this user agent wants of it (RFC 4028 §4, §5, §7.1).

use core::fmt::Write;
use core::time::Duration;

use alloc::string::String;

use crate::message::{Header, Message, Name, ParseError, Refresher, SessionExpires};

/// The option tag of the extension (RFC 4028 §12).
pub const TIMER: &str = "timer";

/// The least session interval there is, and what Min-SE is where it is absent (§4, §5).
pub const LEAST_INTERVAL: Duration = Duration::from_secs(90);

/// How much this user agent does about session timers. Each mode includes what the one before it does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum TimerMode {
    /// Nothing: Session-Expires is not understood.
    Off,
    /// `timer` stands in Supported. A session has a timer where the peer or a proxy asks for one.
    #[default]
    Supported,
    /// Session-Expires stands in INVITE and in the 2xx: a session has a timer, kept by us alone where the peer does not know the
    /// extension (§7.2).
    Requested,
    /// `timer` stands in Require: there is no session with a peer that does not know the extension. Not recommended (§7.1).
    Required,
}

/// Who should refresh, where we may choose.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum RefreshBy {
    /// The caller leaves the choice to the callee, as recommended (§7.1); the callee leaves it to the caller.
    #[default]
    Either,
    /// This user agent, in calls made and received.
    Us,
    /// The peer where it can. A caller cannot know that before it has heard of the peer, and leaves the choice to it (§7.4).
    Peer,
}

/// What this user agent wants of session timers.
///
/// ```
/// use core::time::Duration;
/// use sip_proto::dialog::{SessionTimers, TimerMode};
///
/// let timers = SessionTimers { interval: Duration::from_secs(600), mode: TimerMode::Requested, ..SessionTimers::DEFAULT };
/// assert!(timers.check().is_ok());
/// assert!(SessionTimers { interval: Duration::from_secs(60), ..timers }.check().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionTimers {
    /// The session interval asked for, and the longest agreed to: whole seconds from `min_se` up to 2³² − 1. 1800 s by default (§4).
    pub interval: Duration,
    /// The shortest session interval agreed to: whole seconds, 90 at least and by default (§5).
    pub min_se: Duration,
    /// Who should refresh.
    pub refresh_by: RefreshBy,
    /// How much is done at all.
    pub mode: TimerMode,
}

/// A value of [`SessionTimers`] that is out of its range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionTimersError {
    /// `min_se` is under 90 s, over 2³² − 1 s or no whole number of seconds.
    #[error("min_se is not a whole number of seconds from 90 to 2^32 - 1 (RFC 4028 §5)")]
    MinSe,
    /// `interval` is under `min_se`, over 2³² − 1 s or no whole number of seconds.
    #[error("interval is not a whole number of seconds from min_se to 2^32 - 1 (RFC 4028 §7.1)")]
    Interval,
}

impl SessionTimers {
    /// The mode [`Supported`](TimerMode::Supported) with the RFC's values.
    pub const DEFAULT: Self = Self {
        interval: Duration::from_secs(1800),
        min_se: LEAST_INTERVAL,
        refresh_by: RefreshBy::Either,
        mode: TimerMode::Supported,
    };

    /// The mode [`Requested`](TimerMode::Requested) with this interval, and the RFC's values else.
    pub fn requested(interval: Duration) -> Self {
        Self { interval, mode: TimerMode::Requested, ..Self::DEFAULT }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the value that is out of its range.
    pub fn check(&self) -> Result<(), SessionTimersError> {
        let fits = |value: Duration| value.subsec_nanos() == 0 && value.as_secs() <= u64::from(u32::MAX);
        if self.min_se < LEAST_INTERVAL || !fits(self.min_se) {
            return Err(SessionTimersError::MinSe);
        }
        if self.interval < self.min_se || !fits(self.interval) {
            return Err(SessionTimersError::Interval);
        }
        Ok(())
    }
}

impl Default for SessionTimers {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What one INVITE, UPDATE or answer to it says of the session timer.
///
/// ```
/// use sip_proto::Message;
/// use sip_proto::dialog::SessionTerms;
/// use sip_proto::message::Refresher;
///
/// let update = Message::parse(&b"UPDATE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
///     From: <sip:alice@h>;tag=1\r\nTo: <sip:bob@h>;tag=2\r\nCall-ID: c\r\nCSeq: 7 UPDATE\r\n\
///     Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n\r\n"[..])?;
/// let terms = SessionTerms::of(&update)?;
/// assert_eq!((terms.interval.unwrap().as_secs(), terms.refresher), (600, Some(Refresher::Uac)));
/// # Ok::<(), sip_proto::message::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SessionTerms {
    /// Whether `timer` stands in Supported.
    pub supported: bool,
    /// Whether `timer` stands in Require.
    pub required: bool,
    /// Session-Expires.
    pub interval: Option<Duration>,
    /// The refresher in it.
    pub refresher: Option<Refresher>,
    /// Min-SE.
    pub min_se: Option<Duration>,
}

impl SessionTerms {
    /// What `message` says.
    ///
    /// # Errors
    /// When Session-Expires or Min-SE is malformed: a request with either is answered 400.
    pub fn of(message: &Message) -> Result<Self, ParseError> {
        let is_timer = |tag: &str| tag.eq_ignore_ascii_case(TIMER);
        let expires = message.session_expires()?;
        Ok(Self {
            supported: message.supported().any(is_timer),
            required: message.require().any(is_timer),
            interval: expires.map(|value| value.interval),
            refresher: expires.and_then(|value| value.refresher()),
            min_se: message.min_se()?.map(|value| value.interval),
        })
    }

    /// The headers that say it: Require, Session-Expires and Min-SE. Supported lists the option tags of the whole user agent and is not
    /// among them.
    pub fn headers(&self) -> impl Iterator<Item = Header> + use<> {
        let require = self.required.then(|| Header::new(Name::Require.as_str(), TIMER));
        let expires = self.interval.map(|interval| {
            let mut value = seconds(interval);
            if let Some(refresher) = self.refresher {
                // Writing to a string does not fail.
                _ = write!(value, ";refresher={}", refresher.as_str());
            }
            Header::new(Name::SessionExpires.as_str(), value)
        });
        let min_se = self.min_se.map(|least| Header::new(Name::MinSe.as_str(), seconds(least)));
        [require, expires, min_se].into_iter().flatten()
    }

    /// The shortest interval that these terms allow: Min-SE, 90 s where it is absent or less (§5).
    pub fn floor(&self) -> Duration {
        self.min_se.map_or(LEAST_INTERVAL, |least| least.max(LEAST_INTERVAL))
    }

    /// Whether the 2xx to a request with these terms may say this in Session-Expires: no more than was asked for, no less than is allowed, and who refreshes,
    /// as the request has it (§9, Table 2).
    pub(crate) fn may_be_answered(&self, value: &str) -> bool {
        let Ok(said) = SessionExpires::parse(value) else { return false };
        let is_raised = self.interval.is_some_and(|asked| said.interval > asked);
        let may_refresh = |by: Refresher| match self.knows_timers() {
            true => self.refresher.is_none_or(|asked| asked == by),
            false => by == Refresher::Uas,
        };
        !is_raised && said.interval >= self.floor() && said.refresher().is_some_and(may_refresh)
    }

    /// Whether the sender of a request knows the extension. (Of a 2xx this tells nothing where a proxy added Require, §8.2.)
    pub fn knows_timers(&self) -> bool {
        self.supported || self.required
    }
}

fn seconds(span: Duration) -> String {
    alloc::format!("{}", span.as_secs().min(u32::MAX.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// RFC 4028 §4, §5.
    // Holds: 4028-4-1, 4028-4-3, 4028-5-2
    #[test]
    fn the_constants_are_the_rfcs() {
        assert_eq!(LEAST_INTERVAL, secs(90));
        assert_eq!((SessionTimers::DEFAULT.interval, SessionTimers::DEFAULT.min_se), (secs(1800), secs(90)));
        assert_eq!(SessionTimers::DEFAULT.check(), Ok(()));
    }

    /// RFC 4028 §5, §7.1.
    // Holds: 4028-5-1, 4028-7.1-5, 4028-9-3
    #[test]
    fn ranges_are_checked() {
        let of = |interval, min_se| SessionTimers { interval, min_se, ..SessionTimers::DEFAULT }.check();
        let last = secs(u64::from(u32::MAX));
        assert_eq!(of(secs(90), secs(90)), Ok(()));
        assert_eq!(of(last, last), Ok(()));
        assert_eq!(of(secs(1800), secs(89)), Err(SessionTimersError::MinSe));
        assert_eq!(of(secs(1800), Duration::from_millis(90_500)), Err(SessionTimersError::MinSe));
        assert_eq!(of(secs(120), secs(121)), Err(SessionTimersError::Interval));
        assert_eq!(of(Duration::from_millis(91_500), secs(90)), Err(SessionTimersError::Interval));
        assert_eq!(of(last + secs(1), secs(90)), Err(SessionTimersError::Interval));
    }

    /// RFC 4028 §4, §5: what is written is read.
    #[test]
    fn terms_are_written_and_read() {
        let terms = SessionTerms {
            supported: true,
            required: true,
            interval: Some(secs(600)),
            refresher: Some(Refresher::Uas),
            min_se: Some(secs(120)),
        };
        let headers: Vec<_> =
            terms.headers().map(|header| alloc::format!("{}: {}", header.name, header.value)).collect();
        assert_eq!(headers, ["Require: timer", "Session-Expires: 600;refresher=uas", "Min-SE: 120"]);
        let text = alloc::format!(
            "UPDATE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 7 UPDATE\r\nSupported: 100rel, Timer\r\n{}\r\n\r\n",
            headers.join("\r\n")
        );
        assert_eq!(SessionTerms::of(&Message::parse(text).unwrap()), Ok(terms));
        assert_eq!(SessionTerms::default().headers().count(), 0);
        assert_eq!(SessionTerms { min_se: Some(secs(5)), ..terms }.floor(), secs(90));
    }
}
