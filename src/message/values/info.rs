//! What a message tells people and applications: reasons, warnings, links, user-to-user data.

use alloc::borrow::Cow;
use core::fmt;

use super::cursor::Cursor;
use crate::message::{Params, ParseError, Uri, scan, unquote};

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
    /// Where the protocol is no token, or a parameter is none.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        let protocol = cursor.token("a protocol")?;
        Ok(Self { protocol, params: cursor.params()? })
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

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.protocol, self.params)
    }
}

/// One value of `Warning` (RFC 3261 §20.43).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning<'a> {
    /// Three digits: 300 to 399 are SIP's.
    pub code: u16,
    /// Who warns: a host with or without a port, or a pseudonym.
    pub agent: &'a str,
    /// What is told to a person, in its quotes.
    pub raw_text: &'a str,
}

impl<'a> Warning<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where the code has not three digits, or the agent or the quoted text is missing.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        const CODE: &str = "a warning code of three digits";
        let mut cursor = Cursor::new(value);
        let start = cursor;
        let digits = cursor.span(CODE, |byte| byte.is_ascii_digit())?;
        let code = scan::number(digits).filter(|_| digits.len() == 3).ok_or(start.fault(CODE))?;
        cursor.space()?;
        let is_agent = |byte| scan::is_token_byte(byte) || matches!(byte, b':' | b'[' | b']');
        let agent = cursor.span("a host or a pseudonym", is_agent)?;
        cursor.space()?;
        let raw_text = cursor.quoted("a quoted text")?;
        cursor.end().map(|()| Self { code, agent, raw_text })
    }

    /// The text, without quotes.
    pub fn text(&self) -> Cow<'a, str> {
        unquote(self.raw_text)
    }
}

impl fmt::Display for Warning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {} {}", self.code, self.agent, self.raw_text)
    }
}

/// A URI in angle brackets with parameters: one element of `Alert-Info`, `Call-Info`, `Error-Info` or `Geolocation`
/// (RFC 3261 §20.4, §20.9, §20.18; RFC 6442 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The URI's text, without the brackets.
    pub uri: &'a str,
    /// `purpose` and others.
    pub params: Params<'a>,
}

impl<'a> Link<'a> {
    /// The one element that is all of `value`.
    ///
    /// # Errors
    /// Where there is no URI in brackets, or a parameter is none.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        cursor.literal("<", "'<'")?;
        let uri_at = cursor.fault("").at;
        let uri = cursor.span("a URI", |byte| byte != b'>')?;
        Uri::parse(uri).map_err(|fault| ParseError { at: fault.at.saturating_add(uri_at), ..fault })?;
        cursor.literal(">", "'>'")?;
        Ok(Self { uri, params: cursor.params()? })
    }

    /// The URI, opened.
    ///
    /// # Errors
    /// As [`Uri::parse`], where the link was not parsed but made.
    pub fn parse_uri(&self) -> Result<Uri<'a>, ParseError> {
        Uri::parse(self.uri)
    }

    /// What the link is for: `icon`, `info`, `card` and others (RFC 3261 §20.9).
    pub fn purpose(&self) -> Option<&'a str> {
        self.params.value("purpose")
    }
}

impl fmt::Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// `Geolocation-Error` (RFC 6442 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeolocationError<'a> {
    /// Up to three digits.
    pub code: u16,
    /// `code`, the text for a person, and others.
    pub params: Params<'a>,
}

impl<'a> GeolocationError<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where the code is no number of one to three digits, or a parameter is none.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        const CODE: &str = "a code of one to three digits";
        let mut cursor = Cursor::new(value);
        let start = cursor;
        let digits = cursor.span(CODE, |byte| byte.is_ascii_digit())?;
        let code = scan::number(digits).filter(|_| digits.len() <= 3).ok_or(start.fault(CODE))?;
        Ok(Self { code, params: cursor.params()? })
    }

    /// The text for a person, without quotes.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        self.params.value("code").map(unquote)
    }
}

impl fmt::Display for GeolocationError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.code, self.params)
    }
}

/// One value of `User-to-User` (RFC 7433 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserToUser<'a> {
    /// A token, or a quoted string in its quotes.
    pub raw_data: &'a str,
    /// `purpose`, `content`, `encoding` and others.
    pub params: Params<'a>,
}

impl<'a> UserToUser<'a> {
    /// The one value that is all of `value`.
    ///
    /// # Errors
    /// Where the data is neither a token nor a quoted string, or a parameter is none.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        const DATA: &str = "a token or a quoted string";
        let mut cursor = Cursor::new(value);
        let raw_data = match cursor.rest().starts_with('"') {
            true => cursor.quoted(DATA)?,
            false => cursor.token(DATA)?,
        };
        let params = cursor.params()?;
        for name in ["purpose", "content", "encoding"] {
            cursor.param(params, name, "a token", |value| scan::is_token(value).then_some(()))?;
        }
        Ok(Self { raw_data, params })
    }

    /// The data, without quotes, in the encoding that it came in.
    pub fn data(&self) -> Cow<'a, str> {
        unquote(self.raw_data)
    }

    /// The package that the data belongs to; `isdn-uui` where nothing is said.
    pub fn purpose(&self) -> Option<&'a str> {
        self.params.value("purpose")
    }

    /// What the data is.
    pub fn content(&self) -> Option<&'a str> {
        self.params.value("content")
    }

    /// How the data is written: `hex` and others.
    pub fn encoding(&self) -> Option<&'a str> {
        self.params.value("encoding")
    }
}

impl fmt::Display for UserToUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.raw_data, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn fault<T>(result: Result<T, ParseError>) -> (&'static str, usize) {
        result.map(|_| ()).map_err(|fault| (fault.expected, fault.at)).unwrap_err()
    }

    #[test]
    fn reason_with_cause_and_text() {
        // RFC 3326 §2.
        let reason = Reason::parse("SIP ;cause=200 ;text=\"Call completed elsewhere\"").unwrap();
        assert_eq!((reason.protocol, reason.cause()), ("SIP", Some(200)));
        assert_eq!(reason.text().unwrap(), "Call completed elsewhere");
        assert_eq!(reason.to_string(), "SIP;cause=200 ;text=\"Call completed elsewhere\"");
        assert_eq!(fault(Reason::parse("Q.850 16")), ("';'", 6));
    }

    #[test]
    fn warnings() {
        // RFC 3261 §20.43.
        let value = "301 isi.edu:5060 \"Incompatible network \\\"address\\\" type\"";
        let warning = Warning::parse(value).unwrap();
        assert_eq!((warning.code, warning.agent), (301, "isi.edu:5060"));
        assert_eq!(warning.text(), "Incompatible network \"address\" type");
        assert_eq!(warning.to_string(), value);
        assert_eq!(Warning::parse("399 [2001:db8::1]:5060 \"\"").unwrap().agent, "[2001:db8::1]:5060");
        assert_eq!(fault(Warning::parse("30 a \"\"")), ("a warning code of three digits", 0));
        assert_eq!(fault(Warning::parse("0301 a \"\"")), ("a warning code of three digits", 0));
        // RFC 4475 §3.1.2.5: more than three digits.
        assert_eq!(
            fault(Warning::parse("1812 overture \"In Progress\"")),
            ("a warning code of three digits", 0)
        );
        assert_eq!(fault(Warning::parse("307 isi.edu text")), ("a quoted text", 12));
        assert_eq!(fault(Warning::parse("307 isi.edu \"text")), ("a closing quote", 12));
        assert_eq!(fault(Warning::parse("307 isi.edu")), ("white space", 11));
        assert_eq!(fault(Warning::parse("307 isi.edu \"\" x")), ("the end of the value", 14));
    }

    #[test]
    fn links() {
        // RFC 3261 §20.9.
        let link = Link::parse("<http://www.example.com/alice/> ;purpose=info").unwrap();
        assert_eq!((link.uri, link.purpose()), ("http://www.example.com/alice/", Some("info")));
        assert_eq!(link.to_string(), "<http://www.example.com/alice/>;purpose=info");
        assert!(link.parse_uri().is_ok());
        assert_eq!(fault(Link::parse("http://x")), ("'<'", 0));
        assert_eq!(fault(Link::parse("<>")), ("a URI", 1));
        assert_eq!(fault(Link::parse("<sip:a@>")), ("a host", 7));
        assert_eq!(fault(Link::parse("<cid:a@b")), ("'>'", 8));
        assert_eq!(fault(Link::parse("<cid:a@b> x")), ("';'", 10));
    }

    #[test]
    fn geolocation_errors() {
        // RFC 6442 §4.3.
        let error = GeolocationError::parse("200 ;code=\"Permission To Use Location Information\"").unwrap();
        assert_eq!(
            (error.code, error.text().unwrap().as_ref()),
            (200, "Permission To Use Location Information")
        );
        assert_eq!(fault(GeolocationError::parse("1000")), ("a code of one to three digits", 0));
    }

    #[test]
    fn user_to_user() {
        // RFC 7433 §4.2.
        let data = UserToUser::parse("56a390f3d2b7310023a2;encoding=hex;purpose=foo;content=bar").unwrap();
        assert_eq!(data.data(), "56a390f3d2b7310023a2");
        assert_eq!(
            (data.encoding(), data.purpose(), data.content()),
            (Some("hex"), Some("foo"), Some("bar"))
        );
        assert_eq!(UserToUser::parse("\"a;\\\"b\"").unwrap().data(), "a;\"b");
        assert_eq!(fault(UserToUser::parse("")), ("a token or a quoted string", 0));
        assert_eq!(fault(UserToUser::parse("\"a")), ("a closing quote", 0));
        assert_eq!(fault(UserToUser::parse("a;encoding=\"x\"")), ("a token", 11));
    }
}
