//! Strictness: whether a message is what the grammar says, to the octet.
//!
//! RFC 3261 §25.1 and the grammars of its extensions; beyond grammar, what every message owes: headers that must be there or
//! stand once, a CSeq of the request's method, a typed body (§§7.3, 8.1.1, 20). What only an endpoint can judge is no finding: an unknown
//! method, scheme or option, Max-Forwards 0.
//!
//! [`Message::parse`] and the checks on receipt are more lenient. [`LENIENCIES`] says where and why:
//!
#![doc = include_str!("leniencies.md")]
//!
//! A fold and a blank are not told apart, since a recipient may take one for the other (§7.3.1).
//!
//! | file | subject |
//! |---|---|
//! | `cursor` | lexical rules |
//! | `host`, `params`, `uri`, `address`, `auth` | what several headers share |
//! | `headers` | the table of headers and their grammars |
//! | `values`, `extensions` | the grammars that only one header has |
//! | `start`, `owed` | the start line; what a message owes as a whole |
//! | `leniency` | where receiving is more lenient |

mod address;
mod auth;
mod cursor;
mod extensions;
mod headers;
mod host;
mod leniency;
mod owed;
mod params;
mod start;
mod uri;
mod values;

use core::fmt;

pub(super) use leniency::Lost;
pub use leniency::{LENIENCIES, Leniency};
pub(crate) use owed::lacking_in;

use super::{Line, Message, Name, ParseError};
use cursor::{Cursor, Miss, is_blank};

/// The section of rules that belong to no header.
const GRAMMAR: &str = "RFC 3261 §25.1";

/// One respect in which a message is not what its grammar says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was expected, in which header, at which byte of the message.
    pub fault: ParseError,
    /// Where that is written, as in `RFC 3261 §25.1`.
    pub section: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.fault, self.section)
    }
}

impl core::error::Error for Finding {}

impl Finding {
    fn new(expected: &'static str, at: usize, section: &'static str) -> Self {
        Self { fault: ParseError::new(expected, at), section }
    }

    fn within(self, header: Name) -> Self {
        Self { fault: self.fault.within(header, 0), ..self }
    }

    fn of(miss: Miss, section: &'static str) -> Self {
        Self::new(miss.expected, miss.at, miss.section.unwrap_or(section))
    }
}

impl Message {
    /// Whether the message is what the grammar of RFC 3261 §25.1 and of the extension RFCs says.
    ///
    /// Every message that passes also parses.
    ///
    /// # Errors
    /// The first of [`Message::findings`].
    ///
    /// ```
    /// use sip_proto::message::Message;
    ///
    /// let bytes = b"OPTIONS sip:b@example.com SIP/2.0\r\n\
    ///     Via: SIP/2.0/UDP example.com;branch=z9hG4bK1\r\n\
    ///     Max-Forwards: 70\r\n\
    ///     From: <sip:a@example.com>;tag=1\r\n\
    ///     To: <sip:b@example.com>\r\n\
    ///     Call-ID: c\r\n\
    ///     CSeq: 1 OPTIONS\r\n\
    ///     Date: Fri, 01 Jan 2010 16:00:00 EST\r\n\r\n";
    /// let message = Message::parse(&bytes[..])?;
    /// let finding = message.validate().unwrap_err();
    /// assert_eq!(finding.to_string(), "Date: expected GMT at byte 218 (RFC 3261 §20.17)");
    /// # Ok::<(), sip_proto::message::ParseError>(())
    /// ```
    pub fn validate(&self) -> Result<(), Finding> {
        self.findings().next().map_or(Ok(()), Err)
    }

    /// Every respect in which the message is not what the grammar says: a few at most for the start line, for each header line, for
    /// the whole. Offsets count from the first byte of [`Message::as_bytes`]. Nothing is allocated, and the work is linear.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        let mut seen = 0_u128;
        let lines = self.lines.iter().flat_map(move |line| {
            let bit = 1_u128.checked_shl(line.name as u32).unwrap_or(0);
            let is_repeated = seen & bit != 0;
            seen |= bit;
            [self.one_too_many(line, is_repeated), self.line_end(line), self.grammar_of(line)]
        });
        let whole = owed::CHECKS.iter().map(|check| check(self));
        let start = [self.lost(), start::check(self).err(), start::line_end(self)];
        start.into_iter().chain(lines).chain([self.head_end()]).flatten().chain(whole.flatten())
    }

    /// A second line of a name that stands once (§7.3.1).
    fn one_too_many(&self, line: &Line, is_repeated: bool) -> Option<Finding> {
        let is_one_too_many =
            is_repeated && line.name != Name::Unknown && headers::grammar(line.name).is_single;
        is_one_too_many.then(|| {
            Finding::new("one header of this name", line.name_at.into(), "RFC 3261 §7.3.1").within(line.name)
        })
    }

    /// The octets after the value up to the line feed, and where that stands.
    fn line_feed(&self, line: &Line) -> usize {
        let from = usize::from(line.value.end);
        let rest = self.bytes.get(from..self.head_len()).unwrap_or_default();
        from.saturating_add(memchr::memchr(b'\n', rest).unwrap_or(rest.len()))
    }

    fn line_end(&self, line: &Line) -> Option<Finding> {
        let at = self.line_feed(line);
        let before = self.bytes.get(at.saturating_sub(1));
        (before != Some(&b'\r')).then(|| Finding::new("CR and LF", at, "RFC 3261 §7").within(line.name))
    }

    /// The empty line at the head's end.
    fn head_end(&self) -> Option<Finding> {
        let at = self.head_len().saturating_sub(2);
        let is_empty_line = self.bytes.get(at..self.head_len()) == Some(b"\r\n");
        (!is_empty_line).then(|| Finding::new("CR and LF", at.saturating_add(1), "RFC 3261 §7"))
    }

    /// The line from its name to its end.
    fn grammar_of(&self, line: &Line) -> Option<Finding> {
        let end = self.line_feed(line);
        let text = self.bytes.get(..end).unwrap_or_default();
        let mut c = Cursor::new(text.strip_suffix(b"\r").unwrap_or(text), line.name_at.into());
        let grammar = headers::grammar(line.name);
        value(&mut c, grammar.rule).err().map(|miss| Finding::of(miss, grammar.section).within(line.name))
    }
}

/// `name HCOLON value`
fn value(c: &mut Cursor<'_>, rule: cursor::Rule) -> cursor::Match {
    cursor::token_of(c, "a header name").map_err(|miss| miss.in_section(GRAMMAR))?;
    c.sws();
    c.expect(b':', "a header name and ':'").map_err(|miss| miss.in_section(GRAMMAR))?;
    c.sws();
    rule(c)?;
    let is_blank_rest = c.rest().iter().all(|byte| is_blank(*byte));
    let end = c.end(if is_blank_rest { "no white space at the end" } else { "the end of the value" });
    end.map_err(|miss| if is_blank_rest { miss.in_section(GRAMMAR) } else { miss })
}
