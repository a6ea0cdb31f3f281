//! Bodies of several parts, split lazily (RFC 2046 §5.1, RFC 5621).
//!
//! [`Parts`] looks for one delimiter line at a time, copies nothing and opens no nested part by itself. A delimiter line is the
//! boundary behind two hyphens at the start of a line, and nothing but white space after it (RFC 2046 §5.1.1): lines that
//! only begin like it belong to a part. What stands before the first and after the closing line is left out. A line may end
//! with a bare LF, and the closing line may be missing: [`Parts::check`] tells.
//!
//! | file | subject |
//! |---|---|
//! | `mod` | delimiter lines and what is between them |
//! | `part` | one part: its header fields and its body |
//! | `session` | the session description, wherever it stands in a body |
//! | `write` | writing a multipart body |

mod part;
mod session;
mod write;

use core::fmt;

use super::{MediaType, Message, Name, ParseError, scan};

pub use part::Part;
pub use write::BodyPart;

/// The parts of a multipart body, in order.
///
/// ```
/// use sip_proto::message::{MediaType, Parts};
///
/// let content_type = MediaType::parse("multipart/mixed;boundary=\"boundary1\"")?;
/// let body = b"--boundary1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--boundary1--\r\n";
/// let mut parts = Parts::new(&content_type, body)?;
/// let part = parts.next().unwrap();
/// assert!(part.content_type()?.is_some_and(|kind| kind.is("application", "sdp")));
/// assert_eq!(part.body, b"v=0");
/// assert!(parts.next().is_none());
/// # Ok::<(), sip_proto::message::ParseError>(())
/// ```
#[derive(Clone)]
pub struct Parts<'a> {
    body: &'a [u8],
    delimiter: Delimiter,
    place: Place<'a>,
}

/// How far the parts have been read.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// Before the first delimiter line.
    Preamble,
    /// Behind a delimiter line: what follows it.
    Part(&'a [u8]),
    /// At the body's end, without a closing line.
    Open,
    /// Behind the closing line.
    Closed,
}

impl<'a> Parts<'a> {
    /// The parts of `body`, whose Content-Type is `content_type`.
    ///
    /// # Errors
    /// When the type is not `multipart`, or has no boundary of 1 to 70 characters of RFC 2046 §5.1.1 `bchars`.
    pub fn new(content_type: &MediaType<'_>, body: &'a [u8]) -> Result<Self, ParseError> {
        if !is_multipart(content_type) {
            return Err(ParseError::new("a multipart type", 0));
        }
        let boundary = content_type.params.value("boundary").and_then(Delimiter::of_parameter);
        let delimiter = boundary.ok_or(ParseError::new("a boundary of 1 to 70 characters", 0))?;
        Ok(Self { body, delimiter, place: Place::Preamble })
    }

    /// Checks what reading forgives in the whole body: that there is a part, and a closing line behind the last one.
    ///
    /// # Errors
    /// At the body's end, when a delimiter line is missing.
    pub fn check(&self) -> Result<(), ParseError> {
        let mut parts = Self { place: Place::Preamble, ..self.clone() };
        let count = parts.by_ref().count();
        match parts.place {
            Place::Closed if count > 0 => Ok(()),
            _ if count == 0 => Err(ParseError::new("a part", self.body.len())),
            _ => Err(ParseError::new("a closing delimiter line", self.body.len())),
        }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if let Place::Preamble = self.place {
            self.place = self.delimiter.find(self.body).map_or(Place::Open, Found::place);
        }
        let Place::Part(text) = self.place else { return None };
        let found = self.delimiter.find(text);
        self.place = found.map_or(Place::Open, Found::place);
        Some(Part::new(found.map_or(text, |found| found.before)))
    }
}

impl core::iter::FusedIterator for Parts<'_> {}

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parts({} bytes)", self.body.len())
    }
}

impl Message {
    /// The parts of a multipart body; `None` when the body is of another type, or there is none.
    ///
    /// # Errors
    /// When Content-Type is malformed, or multipart without a boundary.
    pub fn parts(&self) -> Result<Option<Parts<'_>>, ParseError> {
        let Some(content_type) = self.content_type()?.filter(is_multipart) else { return Ok(None) };
        let at = self.first_line(Name::ContentType).map_or(0, |line| usize::from(line.value.at));
        Parts::new(&content_type, self.body()).map(Some).map_err(|fault| fault.within(Name::ContentType, at))
    }
}

fn is_multipart(content_type: &MediaType<'_>) -> bool {
    content_type.main.eq_ignore_ascii_case("multipart")
}

/// The longest boundary (RFC 2046 §5.1.1).
const LONGEST: usize = 70;

/// Two hyphens and the boundary.
#[derive(Clone, Copy)]
struct Delimiter {
    octets: [u8; LONGEST + 2],
    len: usize,
}

impl Delimiter {
    /// From the text of a boundary; `None` unless it is one.
    fn new(boundary: impl Iterator<Item = u8>) -> Option<Self> {
        let mut octets = [b'-'; LONGEST + 2];
        let mut len = 2_usize;
        for byte in boundary {
            *octets.get_mut(len).filter(|_| is_boundary_byte(byte))? = byte;
            len = len.checked_add(1)?;
        }
        let delimiter = Self { octets, len };
        // The last character is no space: white space behind a boundary is padding.
        (len > 2 && delimiter.as_bytes().last() != Some(&b' ')).then_some(delimiter)
    }

    /// From the value of a `boundary` parameter, quoted or not.
    fn of_parameter(value: &str) -> Option<Self> {
        let quoted = value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
        let Some(inner) = quoted else { return Self::new(value.bytes()) };
        let mut bytes = inner.bytes();
        Self::new(core::iter::from_fn(move || match bytes.next() {
            Some(b'\\') => bytes.next(),
            byte => byte,
        }))
    }

    fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }

    /// The first delimiter line in `text`, whose start is the start of a line.
    fn find<'a>(&self, text: &'a [u8]) -> Option<Found<'a>> {
        let finder = memchr::memmem::Finder::new(self.as_bytes());
        let mut from = 0_usize;
        loop {
            let at = finder.find(text.get(from..)?)?.checked_add(from)?;
            let (before, after) = (text.get(..at)?, text.get(at.checked_add(self.len)?..)?);
            if (before.is_empty() || before.ends_with(b"\n"))
                && let Some((after, is_close)) = behind(after)
            {
                return Some(Found { before: without_line_end(before), after, is_close });
            }
            // Inside a line, or with more behind it: the next line is the next place to look.
            from = memchr::memchr(b'\n', text.get(at..)?)?.checked_add(at)?.checked_add(1)?;
        }
    }
}

/// RFC 2046 §5.1.1 `bchars`.
fn is_boundary_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'\'' | b'(' | b')' | b'+' | b'_' | b',' | b'-' | b'.' | b'/' | b':' | b'=' | b'?' | b' '
        )
}

/// What follows the delimiter line of which `text` is the rest, when nothing but padding is left in it: `None` at the end
/// of the body. And whether it is the closing line.
fn behind(text: &[u8]) -> Option<(Option<&[u8]>, bool)> {
    let (text, is_close) = match text.strip_prefix(b"--") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let Some(end) = text.iter().position(|byte| !matches!(byte, b' ' | b'\t')) else {
        return Some((None, is_close));
    };
    let rest = text.get(end..)?;
    let rest = rest.strip_prefix(b"\r").unwrap_or(rest);
    Some((Some(rest.strip_prefix(b"\n")?), is_close))
}

/// A delimiter line.
#[derive(Clone, Copy)]
struct Found<'a> {
    /// What stands before it, without the line end that belongs to it.
    before: &'a [u8],
    /// What follows it; `None` at the body's end.
    after: Option<&'a [u8]>,
    is_close: bool,
}

impl<'a> Found<'a> {
    fn place(self) -> Place<'a> {
        match self.after {
            _ if self.is_close => Place::Closed,
            Some(after) => Place::Part(after),
            None => Place::Open,
        }
    }
}

fn without_line_end(text: &[u8]) -> &[u8] {
    let Some(text) = text.strip_suffix(b"\n") else { return text };
    text.strip_suffix(b"\r").unwrap_or(text)
}

/// The first line of `text` without its end, and what follows; `None` when nothing ends the line.
fn split_line(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some(at) = memchr::memchr(b'\n', text) else { return (text, None) };
    let (line, rest) = text.split_at_checked(at).unwrap_or((text, &[]));
    (line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..))
}
