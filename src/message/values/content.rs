//! What a body is, and which bodies are welcome: media types, encodings, languages, dispositions.

use core::fmt;

use super::cursor::Cursor;
use crate::message::{Params, ParseError, scan};

/// `Content-Type`, and one range of `Accept` (RFC 3261 §20.1, §20.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// `application` in `application/sdp`; `*` in a range.
    pub main: &'a str,
    /// `sdp` in `application/sdp`; `*` in a range.
    pub sub: &'a str,
    /// boundary, charset and others; in a range also `q`.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// The value that is all of `value`. A semicolon behind the last parameter is forgiven: peers send it.
    ///
    /// # Errors
    /// Where type or subtype is missing, or a parameter is none.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(without_last_semicolon(value));
        let main = cursor.token("a media type")?;
        cursor.mark('/', "'/'")?;
        let sub = cursor.token("a media subtype")?;
        Ok(Self { main, sub, params: cursor.params()? })
    }

    /// As [`MediaType::parse`], for an element of Accept: `q` must be one.
    ///
    /// # Errors
    /// As [`MediaType::parse`], and where `q` is no number from 0 to 1.
    pub fn parse_range(value: &'a str) -> Result<Self, ParseError> {
        let range = Self::parse(value)?;
        check_q(value, range.params).map(|()| range)
    }

    /// Whether this is the type `main/sub`, compared without case.
    pub fn is(&self, main: &str, sub: &str) -> bool {
        self.main.eq_ignore_ascii_case(main) && self.sub.eq_ignore_ascii_case(sub)
    }

    /// Whether the range holds the type `main/sub`: it is that type, `main/*` or `*/*`.
    pub fn covers(&self, main: &str, sub: &str) -> bool {
        let is_main = self.main == "*" || self.main.eq_ignore_ascii_case(main);
        is_main && (self.sub == "*" || self.sub.eq_ignore_ascii_case(sub))
    }

    /// How welcome the type is; 1 where nothing is said.
    pub fn q(&self) -> QValue {
        q_of(self.params)
    }
}

fn without_last_semicolon(value: &str) -> &str {
    value.trim_end_matches([' ', '\t']).strip_suffix(';').unwrap_or(value)
}

impl fmt::Display for MediaType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.main, self.sub, self.params)
    }
}

/// One element of `Accept-Encoding` or `Accept-Language` (RFC 3261 §20.2, §20.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preference<'a> {
    /// A content coding or a language range; `*` for any other.
    pub range: &'a str,
    /// `q` and others.
    pub params: Params<'a>,
}

impl<'a> Preference<'a> {
    /// The content coding that is all of `value`.
    ///
    /// # Errors
    /// Where it is no token, or `q` is no number from 0 to 1.
    pub fn parse_encoding(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        let range = cursor.token("a content coding")?;
        let params = cursor.params()?;
        check_q(value, params).map(|()| Self { range, params })
    }

    /// The language range that is all of `value`. Subtags may have digits, as BCP 47 has them.
    ///
    /// # Errors
    /// Where it is no language range, or `q` is no number from 0 to 1.
    pub fn parse_language(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        let start = cursor;
        let range = cursor.token("a language")?;
        if range != "*" && !is_language(range) {
            return Err(start.fault("a language"));
        }
        let params = cursor.params()?;
        check_q(value, params).map(|()| Self { range, params })
    }

    /// How welcome it is; 1 where nothing is said.
    pub fn q(&self) -> QValue {
        q_of(self.params)
    }
}

impl fmt::Display for Preference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.range, self.params)
    }
}

/// Pieces of one to eight characters with hyphens between them, the first of letters.
fn is_language(range: &str) -> bool {
    let is_short = |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric());
    let mut tags = range.split('-');
    tags.next().is_some_and(|tag| is_short(tag) && tag.bytes().all(|b| b.is_ascii_alphabetic()))
        && tags.all(is_short)
}

/// `Content-Disposition` (RFC 3261 §20.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disposition<'a> {
    /// `session`, `render`, `icon`, `alert`, `early-session` and others, compared without case.
    pub kind: &'a str,
    /// `handling` and others.
    pub params: Params<'a>,
}

/// What to do with a body that is not understood (RFC 3261 §20.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling<'a> {
    /// Answer 415.
    Required,
    /// Leave the body out of account.
    Optional,
    /// Another token.
    Other(&'a str),
}

impl<'a> Disposition<'a> {
    /// The value that is all of `value`. A semicolon behind the last parameter is forgiven: peers send it.
    ///
    /// # Errors
    /// Where the type is no token, or `handling` has no token.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(without_last_semicolon(value));
        let kind = cursor.token("a disposition type")?;
        let params = cursor.params()?;
        cursor.param(params, "handling", "a token", |value| scan::is_token(value).then_some(()))?;
        Ok(Self { kind, params })
    }

    /// What to do with a body that is not understood; required where nothing is said.
    pub fn handling(&self) -> Handling<'a> {
        match self.params.value("handling") {
            Some(value) if value.eq_ignore_ascii_case("optional") => Handling::Optional,
            Some(value) if !value.eq_ignore_ascii_case("required") => Handling::Other(value),
            Some(_) | None => Handling::Required,
        }
    }
}

impl fmt::Display for Disposition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, self.params)
    }
}

/// `MIME-Version` (RFC 3261 §20.24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MimeVersion {
    /// 1 in `1.0`.
    pub major: u32,
    /// 0 in `1.0`.
    pub minor: u32,
}

impl MimeVersion {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where it is not two numbers below 2³² with a dot between them.
    pub fn parse(value: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        let major = cursor.number("a version number")?;
        cursor.literal(".", "'.'")?;
        let minor = cursor.number("a version number")?;
        cursor.end().map(|()| Self { major, minor })
    }
}

impl fmt::Display for MimeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A preference from 0 to 1 in thousandths (RFC 3261 §25.1 `qvalue`). Greater is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QValue(u16);

impl QValue {
    /// Not at all.
    pub const ZERO: Self = Self(0);
    /// As good as can be.
    pub const ONE: Self = Self(1000);

    /// `thousandths` of one; `None` above 1000.
    pub const fn from_thousandths(thousandths: u16) -> Option<Self> {
        if thousandths <= 1000 { Some(Self(thousandths)) } else { None }
    }

    /// How many thousandths of one: 0 to 1000.
    pub const fn thousandths(self) -> u16 {
        self.0
    }

    /// The value that is all of `text`: 0 or 1 and up to three decimals, at most 1.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::read(text).ok_or(ParseError::new(Q, 0))
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        if !matches!(whole, "0" | "1") || decimals.len() > 3 {
            return None;
        }
        let digits = whole.bytes().chain(decimals.bytes()).chain(*b"000").take(4);
        let mut thousandths = 0_u16;
        for digit in digits {
            let digit = digit.is_ascii_digit().then(|| u16::from(digit.wrapping_sub(b'0')))?;
            thousandths = thousandths.checked_mul(10)?.checked_add(digit)?;
        }
        Self::from_thousandths(thousandths)
    }
}

impl fmt::Display for QValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 1000, self.0 % 1000) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, part) if part % 100 == 0 => write!(f, "{whole}.{}", part / 100),
            (whole, part) if part % 10 == 0 => write!(f, "{whole}.{:02}", part / 10),
            (whole, part) => write!(f, "{whole}.{part:03}"),
        }
    }
}

pub(super) const Q: &str = "a number from 0 to 1 with up to three decimals";

pub(super) fn check_q(value: &str, params: Params<'_>) -> Result<(), ParseError> {
    Cursor::new(value).param(params, "q", Q, QValue::read).map(|_| ())
}

pub(super) fn q_of(params: Params<'_>) -> QValue {
    params.value("q").and_then(QValue::read).unwrap_or(QValue::ONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn fault<T>(result: Result<T, ParseError>) -> (&'static str, usize) {
        result.map(|_| ()).map_err(|fault| (fault.expected, fault.at)).unwrap_err()
    }

    #[test]
    fn media_types() {
        assert!(MediaType::parse("Application / SDP ;charset=utf-8").unwrap().is("application", "sdp"));
        assert_eq!(fault(MediaType::parse("application")), ("'/'", 11));
        assert_eq!(fault(MediaType::parse("a/")), ("a media subtype", 2));
        assert_eq!(fault(MediaType::parse("a/b c")), ("';'", 4));
    }

    #[test]
    fn one_semicolon_too_many_is_forgiven() {
        let written = |value| MediaType::parse(value).map(|kind| kind.to_string());
        assert_eq!(written("application/sdp;").as_deref(), Ok("application/sdp"));
        assert_eq!(written("text/plain;charset=\";\" ; ").as_deref(), Ok("text/plain;charset=\";\""));
        assert_eq!(fault(MediaType::parse("a/b;;")), ("a parameter name", 4));
        assert_eq!(fault(MediaType::parse("a/b;c=\";")), ("a closing quote", 6));
        assert_eq!(Disposition::parse("session;").map(|session| session.kind), Ok("session"));
    }

    #[test]
    fn ranges_with_a_preference() {
        // RFC 3261 §20.1.
        let range = MediaType::parse_range("application/sdp;level=1").unwrap();
        assert_eq!((range.q(), range.params.value("level")), (QValue::ONE, Some("1")));
        let range = MediaType::parse_range("text/*;q=0.25").unwrap();
        assert!(range.covers("TEXT", "html") && !range.covers("image", "html"));
        assert_eq!((range.q().thousandths(), range.to_string().as_str()), (250, "text/*;q=0.25"));
        assert_eq!(fault(MediaType::parse_range("a/b;q=2")), (Q, 6));
        assert_eq!(fault(MediaType::parse_range("a/b;x;q")), (Q, 3));
    }

    #[test]
    fn encodings_and_languages() {
        // RFC 3261 §20.2, §20.3.
        assert_eq!(Preference::parse_encoding("gzip").unwrap().range, "gzip");
        assert_eq!(Preference::parse_encoding("*;q=0").unwrap().q(), QValue::ZERO);
        assert_eq!(Preference::parse_language("en-gb;q=0.8").unwrap().q().thousandths(), 800);
        for language in ["da", "*", "zh-Hant-TW", "es-419"] {
            assert_eq!(Preference::parse_language(language).unwrap().range, language);
        }
        for none in ["en_gb", "toolongtag", "1a", "en-", "*-a"] {
            assert_eq!(fault(Preference::parse_language(none)), ("a language", 0), "{none}");
        }
    }

    #[test]
    fn dispositions() {
        // RFC 3261 §20.11: handling is required unless it is said to be optional.
        assert_eq!(Disposition::parse("session").unwrap().handling(), Handling::Required);
        let body = Disposition::parse("icon ; Handling=OPTIONAL").unwrap();
        assert_eq!((body.kind, body.handling()), ("icon", Handling::Optional));
        assert_eq!(Disposition::parse("x;handling=y").unwrap().handling(), Handling::Other("y"));
        assert_eq!(fault(Disposition::parse("x;handling=\"y\"")), ("a token", 11));
    }

    #[test]
    fn versions() {
        // RFC 3261 §20.24.
        assert_eq!(MimeVersion::parse("1.0"), Ok(MimeVersion { major: 1, minor: 0 }));
        assert_eq!(fault(MimeVersion::parse("1")), ("'.'", 1));
        assert_eq!(fault(MimeVersion::parse("1. 0")), ("a version number", 2));
        assert_eq!(fault(MimeVersion::parse("1.0.1")), ("the end of the value", 3));
        assert_eq!(fault(MimeVersion::parse("1.4294967296")), ("a version number", 2));
    }

    #[test]
    fn preferences_are_thousandths() {
        // RFC 3261 §25.1 qvalue.
        for (text, thousandths, written) in
            [("0", 0, "0"), ("0.", 0, "0"), ("0.5", 500, "0.5"), ("0.050", 50, "0.05"), ("1.000", 1000, "1")]
        {
            let q = QValue::parse(text).unwrap();
            assert_eq!((q.thousandths(), q.to_string().as_str()), (thousandths, written));
        }
        for none in ["", ".5", "2", "1.001", "0.1234", "-0", "0,5", "00.1", "0.+1"] {
            assert!(QValue::parse(none).is_err(), "{none}");
        }
        assert_eq!(QValue::from_thousandths(1001), None);
    }
}
