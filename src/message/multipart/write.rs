//! Writing multipart bodies (RFC 2046 §5.1.1).

use alloc::vec::Vec;

use super::{Delimiter, scan};
use crate::message::build::{check_line, is_media_type};
use crate::message::{Body, BuildError, Header};

/// A part to be written: a body, and header fields besides its Content-Type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyPart {
    /// The octets and their type.
    pub body: Body,
    /// Content-Disposition, Content-ID and others.
    pub headers: Vec<Header>,
}

impl BodyPart {
    /// A part without further header fields.
    pub fn new(body: Body) -> Self {
        Self { body, headers: Vec::new() }
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, header: Header) -> Self {
        self.headers.push(header);
        self
    }

    fn write(&self, text: &mut Vec<u8>) -> Result<(), BuildError> {
        check_line(&self.body.content_type)?;
        let content_type = scan::trim(&self.body.content_type);
        if !is_media_type(content_type) {
            return Err(BuildError::Body);
        }
        self.headers.iter().try_for_each(Header::check)?;
        let headers = self.headers.iter().map(|header| (&*header.name, scan::trim(&header.value)));
        for (name, value) in core::iter::once(("Content-Type", content_type)).chain(headers) {
            for piece in [name, ": ", value, "\r\n"] {
                text.extend_from_slice(piece.as_bytes());
            }
        }
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(&self.body.bytes);
        Ok(())
    }
}

impl Body {
    /// A body of type `multipart/subtype`, its parts in order, between lines of two hyphens and `boundary`.
    ///
    /// # Errors
    /// When the subtype is no token or there is no part; when `boundary` is not 1 to 70 characters of RFC 2046 §5.1.1
    /// `bchars`, ends with a space, or occurs behind two hyphens in a part; when a header of a part is refused, as
    /// [`Header::check`] does.
    ///
    /// ```
    /// use sip_proto::message::{Body, BodyPart, Header};
    ///
    /// let offer = BodyPart::new(Body::sdp("v=0\r\n"));
    /// let list = BodyPart::new(Body::new("application/resource-lists+xml", "<resource-lists/>"))
    ///     .header(Header::new("Content-Disposition", "recipient-list"));
    /// let body = Body::multipart("mixed", "boundary1", &[offer, list])?;
    /// assert_eq!(body.content_type, "multipart/mixed;boundary=\"boundary1\"");
    /// # Ok::<(), sip_proto::message::BuildError>(())
    /// ```
    pub fn multipart(subtype: &str, boundary: &str, parts: &[BodyPart]) -> Result<Self, BuildError> {
        let delimiter = Delimiter::new(boundary.bytes()).ok_or(BuildError::Boundary)?;
        if parts.is_empty() || !scan::is_token(subtype) {
            return Err(BuildError::Multipart);
        }
        let mut text = Vec::new();
        for part in parts {
            text.extend_from_slice(delimiter.as_bytes());
            text.extend_from_slice(b"\r\n");
            let start = text.len();
            part.write(&mut text)?;
            let written = text.get(start..).unwrap_or_default();
            if memchr::memmem::find(written, delimiter.as_bytes()).is_some() {
                return Err(BuildError::Boundary);
            }
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(delimiter.as_bytes());
        text.extend_from_slice(b"--\r\n");
        // No character of a boundary needs an escape in quotes, and some need the quotes.
        Ok(Self::new(alloc::format!("multipart/{subtype};boundary=\"{boundary}\""), text))
    }
}
