//! The event package `refer`: what became of a REFER (RFC 3515 §2.4, RFC 4488, RFC 7647).

use core::fmt::{self, Write as _};
use core::time::Duration;

use crate::message::{Message, Method, StatusCode};

/// The name of the package (RFC 3515 §3.1).
pub const REFER: &str = "refer";

/// The type of the body of each NOTIFY (RFC 3515 §2.4.5).
pub const SIPFRAG: &str = "message/sipfrag;version=2.0";

/// The least time between two NOTIFYs of a subscription (RFC 3515 §3.10).
pub const REFER_PACE: Duration = Duration::from_secs(1);

/// The option tag of a REFER without subscription (RFC 4488 §4).
pub const NOREFERSUB: &str = "norefersub";

/// The status line that a NOTIFY carries: how far the referred request has come (RFC 3515 §2.4.5).
///
/// ```
/// use sip_proto::StatusCode;
/// use sip_proto::dialog::Sipfrag;
///
/// let ringing = Sipfrag::new(StatusCode::RINGING);
/// assert_eq!(ringing.to_string(), "SIP/2.0 180 Ringing\r\n");
/// assert_eq!(Sipfrag::parse(b"SIP/2.0 180 Ringing\r\n"), Some(ringing));
/// assert!(!ringing.is_final());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sipfrag<'a> {
    /// The status code.
    pub status: StatusCode,
    /// The reason phrase.
    pub reason: &'a str,
}

impl<'a> Sipfrag<'a> {
    /// The status line with the usual phrase.
    pub fn new(status: StatusCode) -> Self {
        Self { status, reason: status.reason() }
    }

    /// The status line that `body` begins with; headers may follow it. A line without its end, or without a phrase, will do.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let line = body.split(|b| matches!(b, b'\r' | b'\n')).next()?;
        let line = core::str::from_utf8(line).ok()?;
        let (version, rest) = line.split_once(' ')?;
        let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let is_code = version.eq_ignore_ascii_case("SIP/2.0")
            && code.len() == 3
            && code.bytes().all(|b| b.is_ascii_digit());
        let status = StatusCode::new(code.parse().ok().filter(|_| is_code)?)?;
        Some(Self { status, reason })
    }

    /// Whether this is the result. The NOTIFY that tells it ends the subscription, with [`Noresource`](super::Reason::Noresource) (RFC 3515 §2.4.7).
    pub fn is_final(&self) -> bool {
        !self.status.is_provisional()
    }
}

impl fmt::Display for Sipfrag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0 {} ", self.status.code())?;
        // A phrase is one line (RFC 3261 §25.1).
        self.reason.chars().filter(|c| !c.is_control()).try_for_each(|c| f.write_char(c))?;
        f.write_str("\r\n")
    }
}

/// Whether `refer` asks that no subscription be made of it: Refer-Sub: false (RFC 4488 §4). Whoever grants that says the same in the 2xx.
pub fn declines_subscription(refer: &Message) -> bool {
    refer.refer_sub().ok().flatten().is_some_and(|value| !value.subscribe)
}

/// Whether `answer`, a 2xx, makes a subscription of `refer` (RFC 3515 §2.4.4): unless both say Refer-Sub: false (RFC 4488 §4), or `refer` requires that
/// there be none, or one that is asked for by itself (RFC 7614).
pub fn makes_subscription(refer: &Message, answer: &Message) -> bool {
    let forbids = |tag: &str| ["nosub", "explicitsub"].iter().any(|known| known.eq_ignore_ascii_case(tag));
    let is_forbidden = *refer.method() == Method::Refer && refer.require().any(forbids);
    let is_declined = || declines_subscription(refer) && declines_subscription(answer);
    !is_forbidden && !is_declined()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// RFC 3515 §2.4.5.
    // Holds: 3515-2.4.5-2
    #[test]
    fn status_lines() {
        let decline = Sipfrag::parse(b"SIP/2.0 603 Declined\r\nWarning: 399 h \"x\"\r\n").unwrap();
        assert_eq!(
            (decline.status, decline.reason, decline.is_final()),
            (StatusCode::DECLINE, "Declined", true)
        );
        assert_eq!(decline.to_string(), "SIP/2.0 603 Declined\r\n");
        for body in [&b"SIP/2.0 100 Trying"[..], b"sip/2.0 100 Trying\n", b"SIP/2.0 100 Trying\r\n\r\n"] {
            assert_eq!(Sipfrag::parse(body), Some(Sipfrag::new(StatusCode::TRYING)));
        }
        assert_eq!(Sipfrag::parse(b"SIP/2.0 200").map(|line| line.reason), Some(""));
        for body in [
            &b""[..],
            b"INVITE sip:h SIP/2.0",
            b"SIP/2.0 20 OK",
            b"SIP/2.0 +20 OK",
            b"SIP/2.0 999 X",
            b"SIP/2.0 200OK",
            b"\xff",
        ] {
            assert_eq!(Sipfrag::parse(body), None, "{body:?}");
        }
    }

    /// RFC 4488 §4.
    #[test]
    fn refer_without_subscription() {
        let refer = |line: &str| {
            let text = alloc::format!(
                "REFER sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
                 Call-ID: c\r\nCSeq: 7 REFER\r\nRefer-To: <sip:c@h>\r\n{line}\r\n"
            );
            Message::parse(text).unwrap()
        };
        let answer = |line: &str| {
            let text = alloc::format!(
                "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\n\
                 Call-ID: c\r\nCSeq: 7 REFER\r\n{line}\r\n"
            );
            Message::parse(text).unwrap()
        };
        let (no, yes) = ("Refer-Sub: false\r\n", "Refer-Sub: TRUE\r\n");
        assert!(declines_subscription(&refer(no)));
        for (asked, said, makes) in
            [("", "", true), (no, "", true), (no, yes, true), (no, no, false), ("", no, true)]
        {
            assert_eq!(makes_subscription(&refer(asked), &answer(said)), makes, "{asked:?} {said:?}");
        }
    }
}
