//! The body and what bodies are welcome.

use crate::message::{Disposition, MediaType, Message, MimeVersion, Name, ParseError, Preference, values};

impl Message {
    /// Content-Length in bytes (§20.14).
    ///
    /// # Errors
    /// When it is no number that fits 32 bits.
    pub fn content_length(&self) -> Result<Option<u32>, ParseError> {
        self.parsed(Name::ContentLength, |value| values::number(value, "a length in bytes"))
    }

    /// Content-Type (§20.15).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn content_type(&self) -> Result<Option<MediaType<'_>>, ParseError> {
        self.parsed(Name::ContentType, MediaType::parse)
    }

    /// Content-Disposition (§20.11).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn content_disposition(&self) -> Result<Option<Disposition<'_>>, ParseError> {
        self.parsed(Name::ContentDisposition, Disposition::parse)
    }

    /// The codings in Content-Encoding, in the order in which they were applied (§20.12).
    pub fn content_encoding(&self) -> impl Iterator<Item = &str> {
        self.elements(Name::ContentEncoding)
    }

    /// The languages in Content-Language (§20.13).
    pub fn content_language(&self) -> impl Iterator<Item = &str> {
        self.elements(Name::ContentLanguage)
    }

    /// MIME-Version (§20.24).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn mime_version(&self) -> Result<Option<MimeVersion>, ParseError> {
        self.parsed(Name::MimeVersion, MimeVersion::parse)
    }

    /// The media ranges in Accept (§20.1). A header without any says that no body is welcome, its absence that `application/sdp`
    /// is: `value(Name::Accept)` tells them apart.
    pub fn accept(&self) -> impl Iterator<Item = Result<MediaType<'_>, ParseError>> {
        self.each(Name::Accept, MediaType::parse_range)
    }

    /// The codings in Accept-Encoding (§20.2).
    pub fn accept_encoding(&self) -> impl Iterator<Item = Result<Preference<'_>, ParseError>> {
        self.each(Name::AcceptEncoding, Preference::parse_encoding)
    }

    /// The languages in Accept-Language (§20.3).
    pub fn accept_language(&self) -> impl Iterator<Item = Result<Preference<'_>, ParseError>> {
        self.each(Name::AcceptLanguage, Preference::parse_language)
    }
}
