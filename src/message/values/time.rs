//! Spans of time: how long to wait, how long something lives, when it was sent.

use core::fmt;
use core::time::Duration;

use super::cursor::Cursor;
use crate::message::{Params, ParseError, scan};

/// What a number of seconds is expected to be (RFC 3261 §25.1 `delta-seconds`).
pub(super) const SECONDS: &str = "seconds below 2^32";

/// Whole seconds as they are written: what does not fit 32 bits as the greatest number that does.
pub(super) fn whole(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}

/// `delta-seconds` that fit 32 bits.
pub(super) fn span(digits: &str) -> Option<Duration> {
    scan::number::<u32>(digits).map(|seconds| Duration::from_secs(seconds.into()))
}

/// A number of seconds alone: Expires, Min-Expires (RFC 3261 §20.19, §20.23).
pub(in crate::message) fn seconds(value: &str) -> Result<Duration, ParseError> {
    let mut cursor = Cursor::new(value);
    let seconds: u32 = cursor.number(SECONDS)?;
    cursor.end().map(|()| Duration::from_secs(seconds.into()))
}

/// `Retry-After` (RFC 3261 §20.33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter<'a> {
    /// How long to wait, in whole seconds.
    pub after: Duration,
    /// What stands in parentheses, escapes and all.
    pub comment: Option<&'a str>,
    /// `duration` and others.
    pub params: Params<'a>,
}

impl<'a> RetryAfter<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where the seconds do not fit 32 bits, a comment does not close, or a parameter is none.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        let seconds: u32 = cursor.number("seconds")?;
        let comment = cursor.comment()?;
        let params = cursor.params()?;
        cursor.param(params, "duration", SECONDS, span)?;
        Ok(Self { after: Duration::from_secs(seconds.into()), comment, params })
    }

    /// How long the callee can then be reached.
    pub fn duration(&self) -> Option<Duration> {
        self.params.value("duration").and_then(span)
    }
}

impl fmt::Display for RetryAfter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", whole(self.after))?;
        if let Some(comment) = self.comment {
            write!(f, " ({comment})")?;
        }
        self.params.fmt(f)
    }
}

/// `Timestamp`: when the client sent the request, and how long the server sat on it (RFC 3261 §20.38).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampValue<'a> {
    /// The client's time, to be echoed as written.
    pub sent: &'a str,
    /// The server's delay as written.
    pub delay: Option<&'a str>,
}

impl<'a> TimestampValue<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where a part is no decimal number.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let text = scan::trim(value);
        let (sent, rest) = scan::span(text, |b| b.is_ascii_digit() || b == b'.');
        let delay = scan::trim_start(rest);
        if !sent.starts_with(|c: char| c.is_ascii_digit()) || !is_decimal(sent) {
            return scan::fault("seconds", text, text);
        }
        if !is_decimal(delay) {
            return scan::fault("a delay in seconds", text, delay);
        }
        Ok(Self { sent, delay: (!delay.is_empty()).then_some(delay) })
    }
}

impl fmt::Display for TimestampValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sent)?;
        self.delay.map_or(Ok(()), |delay| write!(f, " {delay}"))
    }
}

fn is_decimal(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.bytes().filter(|b| *b == b'.').count() <= 1
}

/// `Session-Expires` (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires<'a> {
    /// The session interval, in whole seconds.
    pub interval: Duration,
    /// `refresher` and others.
    pub params: Params<'a>,
}

/// Who refreshes the session (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The client of the transaction in which this stands.
    Uac,
    /// Its server.
    Uas,
}

impl Refresher {
    /// The refresher that `text` names, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Uac, Self::Uas].into_iter().find(|refresher| refresher.as_str().eq_ignore_ascii_case(text))
    }

    /// `uac` or `uas`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uac => "uac",
            Self::Uas => "uas",
        }
    }
}

impl<'a> SessionExpires<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where the seconds do not fit 32 bits, or the refresher is neither `uac` nor `uas`.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        let seconds: u32 = cursor.number(SECONDS)?;
        let params = cursor.params()?;
        cursor.param(params, "refresher", "uac or uas", Refresher::parse)?;
        Ok(Self { interval: Duration::from_secs(seconds.into()), params })
    }

    /// Who refreshes, if that is said.
    pub fn refresher(&self) -> Option<Refresher> {
        self.params.value("refresher").and_then(Refresher::parse)
    }
}

impl fmt::Display for SessionExpires<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", whole(self.interval), self.params)
    }
}

/// `Min-SE` (RFC 4028 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinSe<'a> {
    /// The least session interval, in whole seconds.
    pub interval: Duration,
    /// None are defined.
    pub params: Params<'a>,
}

impl<'a> MinSe<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where the seconds do not fit 32 bits, or a parameter is none.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        let seconds: u32 = cursor.number(SECONDS)?;
        Ok(Self { interval: Duration::from_secs(seconds.into()), params: cursor.params()? })
    }
}

impl fmt::Display for MinSe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", whole(self.interval), self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn retry_after_with_a_comment() {
        // RFC 3261 §20.33.
        let retry = RetryAfter::parse("18000 (I'm (still) in \\) a meeting) ;duration=3600").unwrap();
        assert_eq!((retry.after.as_secs(), retry.comment), (18_000, Some("I'm (still) in \\) a meeting")));
        assert_eq!(retry.duration(), Some(Duration::from_secs(3600)));
        assert_eq!(retry.to_string(), "18000 (I'm (still) in \\) a meeting);duration=3600");
        assert_eq!(RetryAfter::parse("5 (x").unwrap_err().expected, "')'");
        assert_eq!(RetryAfter::parse("5;duration=x").unwrap_err(), ParseError::new(SECONDS, 11));
    }

    #[test]
    fn timestamps() {
        // RFC 3261 §20.38.
        let stamp = TimestampValue::parse("54.21  0.1").unwrap();
        assert_eq!(stamp, TimestampValue { sent: "54.21", delay: Some("0.1") });
        assert_eq!(stamp.to_string(), "54.21 0.1");
        assert!(TimestampValue::parse("5.4.2").is_err());
    }

    // Holds: 4028-4-6
    #[test]
    fn session_timers() {
        // RFC 4028 §4, §5.
        let timer = SessionExpires::parse("4000 ; Refresher = UAC").unwrap();
        assert_eq!((timer.interval.as_secs(), timer.refresher()), (4000, Some(Refresher::Uac)));
        assert_eq!(SessionExpires::parse("90").unwrap().refresher(), None);
        let fault = SessionExpires::parse("90;refresher=proxy").unwrap_err();
        assert_eq!(fault, ParseError::new("uac or uas", 13));
        assert_eq!(MinSe::parse("3600;x").unwrap().to_string(), "3600;x");
        assert_eq!(MinSe::parse("4294967296").unwrap_err(), ParseError::new(SECONDS, 0));
        assert_eq!(MinSe::parse("9 0").unwrap_err(), ParseError::new("';'", 2));
    }

    #[test]
    fn seconds_fit_32_bits() {
        // RFC 3261 §20.19, RFC 4475 §3.1.2.4.
        assert_eq!(seconds("4294967295").unwrap().as_secs(), u64::from(u32::MAX));
        assert_eq!(seconds("10000000000000000000000000").unwrap_err(), ParseError::new(SECONDS, 0));
        assert_eq!(seconds("5 x").unwrap_err(), ParseError::new("the end of the value", 1));
        assert_eq!(whole(Duration::MAX), u32::MAX);
    }
}
