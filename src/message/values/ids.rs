//! What names a request, a response or a dialog: CSeq, RAck, Replaces, Join.

use core::fmt;

use super::cursor::Cursor;
use crate::message::{Method, ParseError, scan};

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

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// What a response number is expected to be.
const RESPONSE_NUMBER: &str = "a response number from 1 to 2^32 - 1";

/// `RSeq`: the number of a reliable provisional response (RFC 3262 §7.1).
pub(in crate::message) fn rseq(value: &str) -> Result<u32, ParseError> {
    let mut cursor = Cursor::new(value);
    let number = response_number(&mut cursor)?;
    cursor.end().map(|()| number)
}

fn response_number(cursor: &mut Cursor<'_>) -> Result<u32, ParseError> {
    let start = *cursor;
    match cursor.number(RESPONSE_NUMBER)? {
        0 => Err(start.fault(RESPONSE_NUMBER)),
        number => Ok(number),
    }
}

/// `RAck`: which reliable provisional response a PRACK acknowledges (RFC 3262 §7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The response's RSeq: 1 to 2³² − 1.
    pub rseq: u32,
    /// The number in the response's CSeq.
    pub cseq: u32,
    /// The method in the response's CSeq.
    pub method: Method,
}

impl RAck {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where a number does not fit or the method is no token.
    pub fn parse(value: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        let rseq = response_number(&mut cursor)?;
        cursor.space()?;
        let cseq = cursor.number("a sequence number below 2^32")?;
        cursor.space()?;
        let method = Method::parse(cursor.rest()).ok_or(cursor.fault("a method"))?;
        Ok(Self { rseq, cseq, method })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.rseq, self.cseq, self.method)
    }
}

/// `Replaces`: the dialog in whose place the new one is to stand (RFC 3891 §6.1).
///
/// Parameters other than these have no meaning and are not kept. A tag of `0` also stands for no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaces<'a> {
    /// The dialog's Call-ID.
    pub call_id: &'a str,
    /// The receiver's tag.
    pub to_tag: &'a str,
    /// The other party's tag.
    pub from_tag: &'a str,
    /// Whether only an early dialog is to be replaced.
    pub early_only: bool,
}

impl<'a> Replaces<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where there is no Call-ID or not exactly one tag of each kind.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        dialog(value)
    }
}

impl fmt::Display for Replaces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call_id, to_tag, from_tag, early_only } = self;
        let early = if *early_only { ";early-only" } else { "" };
        write!(f, "{call_id};to-tag={to_tag};from-tag={from_tag}{early}")
    }
}

/// `Join`: the dialog whose conversation the new one is to join (RFC 3911 §7.1).
///
/// Parameters other than these have no meaning and are not kept. A tag of `0` also stands for no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Join<'a> {
    /// The dialog's Call-ID.
    pub call_id: &'a str,
    /// The receiver's tag.
    pub to_tag: &'a str,
    /// The other party's tag.
    pub from_tag: &'a str,
}

impl<'a> Join<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where there is no Call-ID or not exactly one tag of each kind.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        dialog(value).map(|Replaces { call_id, to_tag, from_tag, .. }| Self { call_id, to_tag, from_tag })
    }
}

impl fmt::Display for Join<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)
    }
}

/// A Call-ID and two tags.
fn dialog(value: &str) -> Result<Replaces<'_>, ParseError> {
    let mut cursor = Cursor::new(value);
    let start = cursor;
    let call_id = cursor.span("a Call-ID", is_call_id_byte)?;
    if !is_call_id(call_id) {
        return Err(start.fault("a Call-ID"));
    }
    let params = cursor.params()?;
    let tag = |name: &str, expected: &'static str| {
        let mut same = params.iter().filter(|param| param.name.eq_ignore_ascii_case(name));
        let value = same.next().and_then(|param| param.value).filter(|value| scan::is_token(value));
        match (value, same.next()) {
            (Some(value), None) => Ok(value),
            (_, Some(second)) => Err(cursor.fault_at(expected, second.name)),
            (None, None) => Err(cursor.fault(expected)),
        }
    };
    let to_tag = tag("to-tag", "one to-tag")?;
    let from_tag = tag("from-tag", "one from-tag")?;
    Ok(Replaces { call_id, to_tag, from_tag, early_only: params.get("early-only").is_some() })
}

/// A byte of `callid` (RFC 3261 §25.1): of two words with `@` between them.
fn is_call_id_byte(byte: u8) -> bool {
    let in_word = matches!(
        byte,
        b'(' | b')' | b'<' | b'>' | b':' | b'\\' | b'"' | b'/' | b'[' | b']' | b'?' | b'{' | b'}'
    );
    scan::is_token_byte(byte) || in_word || byte == b'@'
}

/// One word, or two with `@` between them (RFC 3261 §25.1 `callid`).
pub(in crate::message) fn is_call_id(text: &str) -> bool {
    let mut words = text.split('@');
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_call_id_byte);
    words.next().is_some_and(is_word) && words.next().is_none_or(is_word) && words.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn fault<T>(result: Result<T, ParseError>) -> (&'static str, usize) {
        result.map(|_| ()).map_err(|fault| (fault.expected, fault.at)).unwrap_err()
    }

    #[test]
    fn cseq_is_a_number_and_a_method() {
        let cseq = CSeq::parse(" 0009  INVITE").unwrap(); // RFC 4475 §3.1.1.1: leading zeros
        assert_eq!((cseq.number, cseq.to_string().as_str()), (9, "9 INVITE"));
        assert_eq!(cseq.method, Method::Invite);
        assert!(CSeq::parse("36893488147419103232 REGISTER").is_err()); // RFC 4475 §3.1.2.4
        assert_eq!(CSeq::parse("4294967295 ACK").unwrap().number, u32::MAX);
        assert_eq!(fault(CSeq::parse("1INVITE")), ("a method", 1));
        assert_eq!(fault(CSeq::parse("1")), ("a method", 1));
    }

    #[test]
    fn reliable_responses_are_numbered_from_one() {
        // RFC 3262 §7.1, §7.2.
        assert_eq!((rseq("988789"), rseq(" 4294967295 ")), (Ok(988_789), Ok(u32::MAX)));
        for none in ["0", "4294967296", "", "x"] {
            assert_eq!(fault(rseq(none)), (RESPONSE_NUMBER, 0), "{none}");
        }
        assert_eq!(fault(rseq("1 2")), ("the end of the value", 1));
        let rack = RAck::parse("776656 1  INVITE").unwrap();
        assert_eq!((rack.rseq, rack.cseq, &rack.method), (776_656, 1, &Method::Invite));
        assert_eq!(rack.to_string(), "776656 1 INVITE");
        assert_eq!(fault(RAck::parse("776656")), ("white space", 6));
        assert_eq!(fault(RAck::parse("1 x")), ("a sequence number below 2^32", 2));
        assert_eq!(fault(RAck::parse("1 2 ")), ("white space", 3));
        assert_eq!(fault(RAck::parse("1 2 A B")), ("a method", 4));
    }

    #[test]
    fn a_dialog_is_named_by_call_id_and_one_tag_of_each_kind() {
        // RFC 3891 §6.1.
        let replaces = Replaces::parse("12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only").unwrap();
        assert_eq!((replaces.to_tag, replaces.from_tag, replaces.early_only), ("12345", "54321", true));
        let replaces = Replaces::parse("98732@sip.example.com\t;from-tag=r33th4x0r ;to-tag=ff87ff").unwrap();
        assert_eq!(replaces.to_string(), "98732@sip.example.com;to-tag=ff87ff;from-tag=r33th4x0r");
        assert_eq!(fault(Replaces::parse("a;to-tag=1")), ("one from-tag", 10));
        assert_eq!(fault(Replaces::parse("a;to-tag=1;from-tag=2;To-Tag=3")), ("one to-tag", 22));
        assert_eq!(fault(Replaces::parse("a;to-tag;from-tag=2")), ("one to-tag", 19));
        assert_eq!(fault(Replaces::parse("a@b@c;to-tag=1;from-tag=2")), ("a Call-ID", 0));
        assert_eq!(fault(Replaces::parse(";to-tag=1;from-tag=2")), ("a Call-ID", 0));
        assert_eq!(fault(Replaces::parse("a, b")), ("';'", 1));
        // RFC 3911 §7.1.
        let join = Join::parse("12adf2f34456gs5;to-tag=12345;from-tag=54321;x=y").unwrap();
        assert_eq!(join.to_string(), "12adf2f34456gs5;to-tag=12345;from-tag=54321");
    }

    #[test]
    fn call_ids_are_words() {
        // RFC 3261 §25.1 callid.
        for call_id in ["a", "a@b", "<\"{?}\\:/>[1]"] {
            assert!(is_call_id(call_id), "{call_id}");
        }
        for none in ["", "@", "a@", "@b", "a@b@c", "a b", "a;b", "a,b", "\u{e9}"] {
            assert!(!is_call_id(none), "{none}");
        }
    }
}
