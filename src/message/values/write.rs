//! Writing the values that have files of their own: parameters, addresses, Via; and quoting.
//!
//! What is written is parsed as the same value. Fields are written as they stand: text that is not known to be a token
//! goes through [`quote`] first.

use core::fmt::{self, Write as _};

use crate::message::{Address, Contact, Param, Params, Via};

/// Text as a quoted string, in its quotes and with its escapes (RFC 3261 §25.1).
///
/// CR and LF cannot be quoted: they are written as they are, and a builder refuses the value.
///
/// ```
/// use sip_proto::message::{quote, unquote};
///
/// let quoted = quote("Bob \"B\"").to_string();
/// assert_eq!(quoted, "\"Bob \\\"B\\\"\"");
/// assert_eq!(unquote(&quoted), "Bob \"B\"");
/// ```
pub fn quote(text: &str) -> Quoted<'_> {
    Quoted { text }
}

/// Text that is written in quotes: see [`quote`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Quoted<'a> {
    text: &'a str,
}

impl Quoted<'_> {
    pub(in crate::message) fn len(&self) -> usize {
        self.text.len()
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.text.chars() {
            let is_control = c.is_ascii_control() && !matches!(c, '\t' | '\r' | '\n');
            if is_control || matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}

impl fmt::Display for Params<'_> {
    /// The parameters as they were written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Param<'_> {
    /// The parameter with its semicolon, so that several in a row make [`Params`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ";{}", self.name)?;
        self.value.map_or(Ok(()), |value| write!(f, "={value}"))
    }
}

impl fmt::Display for Address<'_> {
    /// The URI in angle brackets, so that none of its parameters is taken for the header's (RFC 3261 §20.10).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.raw_display_name.is_empty() {
            write!(f, "{} ", self.raw_display_name)?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

impl fmt::Display for Contact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Star => f.write_char('*'),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for Via<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::unquote;
    use alloc::string::ToString;

    #[test]
    fn quoting_escapes_what_would_end_or_hide() {
        // RFC 3261 §25.1: qdtext has neither quote nor backslash nor control characters.
        assert_eq!(quote("a\"b\\c\u{7}\t\u{e9}").to_string(), "\"a\\\"b\\\\c\\\u{7}\t\u{e9}\"");
        for text in ["", "\\", "\"", "\\\"", "a b", "\u{1}\u{7f}"] {
            assert_eq!(unquote(&quote(text).to_string()), text);
        }
    }

    #[test]
    fn parameters_in_a_row() {
        // RFC 3261 §7.3.1: without a value, and with an empty one.
        let params = Params::new(" ; a = \"b;c\" ;d;e=");
        let written: alloc::string::String = params.iter().map(|param| param.to_string()).collect();
        assert_eq!(written, ";a=\"b;c\";d;e=");
        assert!(Params::new(&written).iter().eq(params.iter()));
    }

    #[test]
    fn addresses_are_written_in_brackets() {
        // RFC 3261 §20.10, §20.34.
        let written = |value: &str| Address::parse(value).unwrap().to_string();
        assert_eq!(written("sip:a@b ; tag=1"), "<sip:a@b>; tag=1");
        assert_eq!(
            written("\"Mr. Watson\"<sip:watson@b;lr> ;q=0.7"),
            "\"Mr. Watson\" <sip:watson@b;lr>;q=0.7"
        );
        assert_eq!(Contact::Star.to_string(), "*");
    }

    #[test]
    fn via_is_written_without_white_space_that_it_needs_not() {
        // RFC 3261 §20.42.
        let via = Via::parse("SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1").unwrap();
        assert_eq!(via.to_string(), "SIP/2.0/UDP first.example.com:4000;ttl=16 ;maddr=224.2.0.1");
        let via = Via::parse("SIP/2.0/TLS [2001:db8::9]").unwrap();
        assert_eq!(via.to_string(), "SIP/2.0/TLS [2001:db8::9]");
    }
}
