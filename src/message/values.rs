//! The small header values: numbers, times, tokens with parameters.

use alloc::borrow::Cow;
use core::time::Duration;

use super::address::unquote;
use super::{Method, Params, ParseError, scan};

/// `CSeq`: the request's number within its dialog, and its method (RFC 3261 §20.16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2³¹ (§8.1.1.5); up to 2³² − 1 is read.
    pub number: u32,
    /// The request's method.
    pub method: Method,
}

impl CSeq {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where the number does not fit 32 bits or the method is no token.
    pub fn parse(value: &str) -> Result<Self, ParseError> {
        let text = scan::trim(value);
        let (digits, rest) = scan::span(text, |b| b.is_ascii_digit());
        let Some(number) = scan::number(digits) else {
            return scan::fault("a sequence number below 2^32", text, text);
        };
        let method = scan::trim_start(rest);
        match Method::parse(method) {
            Some(method) if rest.starts_with(|c: char| c.is_ascii_whitespace()) => {
                Ok(Self { number, method })
            }
            _ => scan::fault("a method", text, method),
        }
    }
}

/// `Content-Type` (RFC 3261 §20.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// `application` in `application/sdp`.
    pub main: &'a str,
    /// `sdp` in `application/sdp`.
    pub sub: &'a str,
    /// boundary, charset and others.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where type or subtype is missing.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let text = scan::trim(value);
        let Some((main, rest)) = scan::token(text) else { return scan::fault("a media type", text, text) };
        let Some(sub) = scan::trim_start(rest).strip_prefix('/') else {
            return scan::fault("'/'", text, rest);
        };
        let sub = scan::trim_start(sub);
        let Some((sub, rest)) = scan::token(sub) else { return scan::fault("a media subtype", text, sub) };
        let params = scan::trim_start(rest);
        if !params.is_empty() && !params.starts_with(';') {
            return scan::fault("';'", text, params);
        }
        Ok(Self { main, sub, params: Params::new(params) })
    }

    /// Whether this is the type `main/sub`, compared without case.
    pub fn is(&self, main: &str, sub: &str) -> bool {
        self.main.eq_ignore_ascii_case(main) && self.sub.eq_ignore_ascii_case(sub)
    }
}

/// `Retry-After` (RFC 3261 §20.33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter<'a> {
    /// How long to wait.
    pub after: Duration,
    /// What stands in parentheses.
    pub comment: Option<&'a str>,
    /// `duration` and others.
    pub params: Params<'a>,
}

impl<'a> RetryAfter<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where the seconds do not fit 32 bits or a comment does not close.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let text = scan::trim(value);
        let (digits, rest) = scan::span(text, |b| b.is_ascii_digit());
        let Some(seconds) = scan::number::<u32>(digits) else { return scan::fault("seconds", text, text) };
        let rest = scan::trim_start(rest);
        let (comment, rest) = match rest.strip_prefix('(') {
            Some(inner) => match comment_len(inner).and_then(|end| inner.split_at_checked(end)) {
                Some((comment, rest)) => (Some(comment), rest.get(1..).unwrap_or_default()),
                None => return scan::fault("')'", text, ""),
            },
            None => (None, rest),
        };
        let params = scan::trim_start(rest);
        if !params.is_empty() && !params.starts_with(';') {
            return scan::fault("';'", text, params);
        }
        Ok(Self { after: Duration::from_secs(seconds.into()), comment, params: Params::new(params) })
    }

    /// How long the callee can then be reached.
    pub fn duration(&self) -> Option<Duration> {
        self.params
            .value("duration")
            .and_then(scan::number::<u32>)
            .map(|secs| Duration::from_secs(secs.into()))
    }
}

/// The length of a comment's inside; comments nest and escape (RFC 3261 §25.1).
fn comment_len(inner: &str) -> Option<usize> {
    let mut depth = 1_usize;
    let mut bytes = inner.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => _ = bytes.next(),
            b'(' => depth = depth.saturating_add(1),
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// One value of `Reason` (RFC 3326).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'a> {
    /// `SIP`, `Q.850`, or another protocol.
    pub protocol: &'a str,
    /// `cause`, `text` and others.
    pub params: Params<'a>,
}

impl<'a> Reason<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where the protocol is no token.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let text = scan::trim(value);
        let Some((protocol, rest)) = scan::token(text) else { return scan::fault("a protocol", text, text) };
        let params = scan::trim_start(rest);
        if !params.is_empty() && !params.starts_with(';') {
            return scan::fault("';'", text, params);
        }
        Ok(Self { protocol, params: Params::new(params) })
    }

    /// The protocol's cause: a status code for `SIP`.
    pub fn cause(&self) -> Option<u16> {
        self.params.value("cause").and_then(scan::number)
    }

    /// The text, without quotes.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        self.params.value("text").map(unquote)
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

fn is_decimal(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.bytes().filter(|b| *b == b'.').count() <= 1
}

/// A number of seconds or of anything else: Expires, Content-Length, Max-Forwards, Min-Expires.
pub(super) fn number<T: core::str::FromStr>(value: &str, expected: &'static str) -> Result<T, ParseError> {
    let text = scan::trim(value);
    scan::number(text).ok_or(ParseError::new(expected, 0))
}

/// `Expires`: seconds. A malformed value is read as 3600 where the RFC allows it (RFC 3261 §20.19).
pub(super) fn seconds(value: &str) -> Result<Duration, ParseError> {
    number::<u32>(value, "seconds below 2^32").map(|secs| Duration::from_secs(secs.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cseq_is_a_number_and_a_method() {
        let cseq = CSeq::parse(" 0009  INVITE").unwrap(); // RFC 4475 §3.1.1.1: leading zeros
        assert_eq!((cseq.number, cseq.method), (9, Method::Invite));
        assert!(CSeq::parse("36893488147419103232 REGISTER").is_err()); // RFC 4475 §3.1.2.4
        assert_eq!(CSeq::parse("4294967295 ACK").unwrap().number, u32::MAX);
        assert_eq!(CSeq::parse("1INVITE").unwrap_err().expected, "a method");
        assert_eq!(CSeq::parse("1").unwrap_err().at, 1);
    }

    #[test]
    fn retry_after_with_a_comment() {
        // RFC 3261 §20.33.
        let retry = RetryAfter::parse("18000 (I'm (still) in \\) a meeting) ;duration=3600").unwrap();
        assert_eq!((retry.after.as_secs(), retry.comment), (18_000, Some("I'm (still) in \\) a meeting")));
        assert_eq!(retry.duration(), Some(Duration::from_secs(3600)));
        assert_eq!(RetryAfter::parse("5 (x").unwrap_err().expected, "')'");
    }

    #[test]
    fn reason_with_cause_and_text() {
        // RFC 3326 §2.
        let reason = Reason::parse("SIP ;cause=200 ;text=\"Call completed elsewhere\"").unwrap();
        assert_eq!((reason.protocol, reason.cause()), ("SIP", Some(200)));
        assert_eq!(reason.text().unwrap(), "Call completed elsewhere");
    }

    #[test]
    fn media_types_and_times() {
        assert!(MediaType::parse("Application / SDP ;charset=utf-8").unwrap().is("application", "sdp"));
        assert!(MediaType::parse("application").is_err());
        assert_eq!(
            TimestampValue::parse("54.21 0.1").unwrap(),
            TimestampValue { sent: "54.21", delay: Some("0.1") }
        );
        assert!(TimestampValue::parse("5.4.2").is_err());
        assert!(seconds("10000000000000000000000000").is_err());
    }
}
