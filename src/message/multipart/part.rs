//! One part of a multipart body (RFC 2046 §5.1, RFC 5621 §8).

use core::fmt;

use super::{Parts, is_multipart, scan, split_line};
use crate::message::{Disposition, Handling, MediaType, Name, ParseError};

/// One part of a multipart body. `Debug` shows its type and length only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The header lines, as they stand.
    pub head: &'a [u8],
    /// The octets behind the empty line; none where there is no such line.
    pub body: &'a [u8],
}

impl<'a> Part<'a> {
    /// The part that is all of `text`, from behind one delimiter line to the next.
    pub(super) fn new(text: &'a [u8]) -> Self {
        let mut rest = text;
        loop {
            let at = text.len().saturating_sub(rest.len());
            let (line, after) = split_line(rest);
            match (line, after) {
                ([], body) => {
                    return Self { head: text.get(..at).unwrap_or_default(), body: body.unwrap_or_default() };
                }
                (_, Some(after)) => rest = after,
                (_, None) => return Self { head: text, body: &[] },
            }
        }
    }

    /// The header fields in order, as name and value. A value that is folded keeps its line ends, which every typed view
    /// reads as white space (RFC 3261 §7.3.1); one that is not UTF-8 is empty. Lines that are no header field are left out.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = Some(self.head);
        core::iter::from_fn(move || {
            let text = rest?;
            let (field, after) = split_field(text);
            rest = after;
            Some(field)
        })
        .filter_map(|field| {
            let colon = memchr::memchr(b':', field)?;
            let (name, value) = field.split_at_checked(colon)?;
            let name = scan::trim(scan::text(name));
            scan::is_token(name).then(|| (name, scan::trim(scan::text(value.get(1..).unwrap_or_default()))))
        })
    }

    /// The value of the first header field with this name, in any case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Content-Type; `None` when it is absent, which means `text/plain` (RFC 2046 §5.1).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn content_type(&self) -> Result<Option<MediaType<'a>>, ParseError> {
        let value = self.header("Content-Type");
        value
            .map(|value| MediaType::parse(value).map_err(|fault| fault.within(Name::ContentType, 0)))
            .transpose()
    }

    /// Content-Disposition: `session` is meant where `application/sdp` has none, `render` elsewhere (RFC 3261 §20.11).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn content_disposition(&self) -> Result<Option<Disposition<'a>>, ParseError> {
        let value = self.header("Content-Disposition");
        value
            .map(|value| Disposition::parse(value).map_err(|fault| fault.within(Name::ContentDisposition, 0)))
            .transpose()
    }

    /// Whether a request must be refused with 415 when this part is not understood: unless its disposition says
    /// `handling=optional` (RFC 5621 §8.1). Inside `multipart/alternative` it is the whole's that counts (§8.3).
    pub fn is_required(&self) -> bool {
        let disposition = self.content_disposition().ok().flatten();
        disposition.is_none_or(|disposition| disposition.handling() != Handling::Optional)
    }

    /// The parts of this one, when it is multipart itself (RFC 5621 §4.2).
    ///
    /// # Errors
    /// When Content-Type is malformed, or multipart without a boundary.
    pub fn parts(&self) -> Result<Option<Parts<'a>>, ParseError> {
        let Some(content_type) = self.content_type()?.filter(is_multipart) else { return Ok(None) };
        Parts::new(&content_type, self.body).map(Some).map_err(|fault| fault.within(Name::ContentType, 0))
    }
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content_type() {
            Ok(Some(kind)) => write!(f, "Part({}/{}, {} bytes)", kind.main, kind.sub, self.body.len()),
            Ok(None) | Err(_) => write!(f, "Part({} bytes)", self.body.len()),
        }
    }
}

/// The first header field of `text` with its folded lines, and what follows; `None` at the end.
fn split_field(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut rest = text;
    loop {
        let Some(after) = split_line(rest).1.filter(|after| !after.is_empty()) else { return (text, None) };
        if !after.starts_with(b" ") && !after.starts_with(b"\t") {
            let end = text.len().saturating_sub(after.len());
            return (text.get(..end).unwrap_or_default(), Some(after));
        }
        rest = after;
    }
}
