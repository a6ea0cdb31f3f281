//! What is wrong with a message, and where.

use core::fmt;

use super::Name;

/// A fault in bytes that a peer sent: what was expected, in which header, at which byte.
///
/// The text is fit to be the reason phrase of a 400 (RFC 3261 §21.4.1): it quotes nothing of the input.
///
/// ```
/// use sip_proto::message::Uri;
///
/// let fault = Uri::parse("sip:bob@").unwrap_err();
/// assert_eq!(fault.to_string(), "Expected a host at byte 8");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}xpected {expected} at byte {at}", Place(*header))]
pub struct ParseError {
    /// What the grammar asks for at this place.
    pub expected: &'static str,
    /// The header in which the fault lies; `None` for the start line, the framing, or a bare value.
    pub header: Option<Name>,
    /// The byte: counted from the message's start, or from the value's for a value parsed alone. Where the head had to be normalised
    /// (folds, white space before a colon, no CR), the message is its normal form: see [`Message::as_bytes`](super::Message::as_bytes).
    pub at: usize,
}

impl ParseError {
    pub(crate) fn new(expected: &'static str, at: usize) -> Self {
        Self { expected, header: None, at }
    }

    /// The fault as seen from the message that holds the value.
    pub(crate) fn within(self, header: Name, base: usize) -> Self {
        Self { header: Some(header), at: self.at.saturating_add(base), ..self }
    }
}

struct Place(Option<Name>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Name::Unknown) => f.write_str("Header: e"),
            Some(name) => write!(f, "{}: e", name.as_str()),
            None => f.write_str("E"),
        }
    }
}

/// Why the builder would not write something that the application supplied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A name is not a token (RFC 3261 §25.1).
    #[error("header name is not a token")]
    Name,
    /// A method is not a token, or has a variant of its own (RFC 3261 §25.1).
    #[error("method is not a token, or has a variant of its own")]
    Method,
    /// A tag is not a token (RFC 3261 §19.3).
    #[error("tag is not a token")]
    Tag,
    /// A Call-ID is not one or two words (RFC 3261 §25.1 `callid`).
    #[error("Call-ID is not one or two words")]
    CallId,
    /// Where answers are expected is no host with or without a port (RFC 3261 §25.1 `sent-by`).
    #[error("sent-by is no host with or without a port")]
    SentBy,
    /// A value or phrase holds a control character: CR or LF would start a header of its own.
    #[error("control character in a value")]
    ControlCharacter,
    /// The header is written by the library: Via, From, To, Call-ID, CSeq, Content-Length; in a request of ours Route too, which has a method of its own.
    #[error("header {} is not the application's to set", .0.as_str())]
    Reserved(Name),
    /// A body was given without a content type, or its type is none (RFC 3261 §20.15).
    #[error("body without a content type that is one")]
    Body,
    /// A boundary is malformed, or occurs in what it delimits (RFC 2046 §5.1.1).
    #[error("boundary is malformed, or occurs in a part")]
    Boundary,
    /// A multipart body has no part, or its subtype is not a token (RFC 2046 §5.1).
    #[error("multipart body without a part or a subtype")]
    Multipart,
    /// A URI does not parse (RFC 3261 §19.1, RFC 3966).
    #[error("URI: {0}")]
    Uri(ParseError),
    /// A header's value does not parse.
    #[error("{0}")]
    Value(ParseError),
    /// The start line and headers exceed 65,535 bytes.
    #[error("start line and headers exceed 65,535 bytes")]
    TooLong,
    /// The builder has given its message already.
    #[error("message built already")]
    Finished,
}
