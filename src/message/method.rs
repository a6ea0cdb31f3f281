//! Request methods.

use alloc::sync::Arc;
use core::fmt;

/// A request method (RFC 3261 §7.1), an open set: any token is one. Methods compare with case.
///
/// ```
/// use sip_proto::Method;
///
/// assert_eq!(Method::parse("INVITE"), Some(Method::Invite));
/// assert_eq!(Method::parse("invite").unwrap().as_str(), "invite"); // another method
/// assert_eq!(Method::parse("A B"), None);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Method {
    /// RFC 3261 §13.
    Invite,
    /// RFC 3261 §13, §17.1.1.3.
    Ack,
    /// RFC 3261 §15.
    Bye,
    /// RFC 3261 §9.
    Cancel,
    /// RFC 3261 §11.
    Options,
    /// RFC 3261 §10.
    Register,
    /// RFC 3262.
    Prack,
    /// RFC 6665.
    Subscribe,
    /// RFC 6665.
    Notify,
    /// RFC 3903.
    Publish,
    /// RFC 6086.
    Info,
    /// RFC 3515.
    Refer,
    /// RFC 3428.
    Message,
    /// RFC 3311.
    Update,
    /// Any other token.
    Other(Arc<str>),
}

impl Method {
    /// The methods that this crate knows by name.
    pub const KNOWN: [Self; 14] = [
        Self::Invite,
        Self::Ack,
        Self::Bye,
        Self::Cancel,
        Self::Options,
        Self::Register,
        Self::Prack,
        Self::Subscribe,
        Self::Notify,
        Self::Publish,
        Self::Info,
        Self::Refer,
        Self::Message,
        Self::Update,
    ];

    /// The method that `text` names; `None` when it is not a token (RFC 3261 §25.1).
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_bytes(text.as_bytes())
    }

    pub(super) fn from_bytes(text: &[u8]) -> Option<Self> {
        match Self::known_at(text) {
            Some((known, [])) => Some(known),
            _ => Self::other(text),
        }
    }

    /// The known method at the start of `text`, and what follows.
    #[inline(always)]
    pub(super) fn known_at(text: &[u8]) -> Option<(Self, &[u8])> {
        let (known, rest) = match text.first()? {
            b'A' => (Self::Ack, text.strip_prefix(b"ACK")),
            b'B' => (Self::Bye, text.strip_prefix(b"BYE")),
            b'C' => (Self::Cancel, text.strip_prefix(b"CANCEL")),
            b'I' => match text.strip_prefix(b"INVITE") {
                None => (Self::Info, text.strip_prefix(b"INFO")),
                rest => (Self::Invite, rest),
            },
            b'M' => (Self::Message, text.strip_prefix(b"MESSAGE")),
            b'N' => (Self::Notify, text.strip_prefix(b"NOTIFY")),
            b'O' => (Self::Options, text.strip_prefix(b"OPTIONS")),
            b'P' => match text.strip_prefix(b"PRACK") {
                None => (Self::Publish, text.strip_prefix(b"PUBLISH")),
                rest => (Self::Prack, rest),
            },
            b'R' => match text.strip_prefix(b"REGISTER") {
                None => (Self::Refer, text.strip_prefix(b"REFER")),
                rest => (Self::Register, rest),
            },
            b'S' => (Self::Subscribe, text.strip_prefix(b"SUBSCRIBE")),
            b'U' => (Self::Update, text.strip_prefix(b"UPDATE")),
            _ => return None,
        };
        Some((known, rest?))
    }

    #[cold]
    #[inline(never)]
    fn other(text: &[u8]) -> Option<Self> {
        Some(Self::Other(super::scan::token_text(text)?.into()))
    }

    /// The method's text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Options => "OPTIONS",
            Self::Register => "REGISTER",
            Self::Prack => "PRACK",
            Self::Subscribe => "SUBSCRIBE",
            Self::Notify => "NOTIFY",
            Self::Publish => "PUBLISH",
            Self::Info => "INFO",
            Self::Refer => "REFER",
            Self::Message => "MESSAGE",
            Self::Update => "UPDATE",
            Self::Other(text) => text,
        }
    }

    /// Whether this is a method that the crate knows by name, as 501 asks (RFC 3261 §21.5.2).
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Other(_))
    }

    /// Whether a request of this method can create a dialog (RFC 3261 §12.1, RFC 6665 §4.1, RFC 3515 §3).
    pub fn creates_dialog(&self) -> bool {
        matches!(self, Self::Invite | Self::Subscribe | Self::Refer)
    }

    /// Whether a request of this method refreshes the remote target
    /// (RFC 3261 §12.2, RFC 3311 §5.1, RFC 6665 §4.4.1, RFC 3515 §2.4.3).
    pub fn refreshes_target(&self) -> bool {
        matches!(self, Self::Invite | Self::Update | Self::Subscribe | Self::Notify | Self::Refer)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_methods_parse_to_themselves() {
        for method in Method::KNOWN {
            assert_eq!(Method::parse(method.as_str()), Some(method.clone()));
            assert!(method.is_known());
        }
    }

    #[test]
    fn others_are_tokens_with_case() {
        assert_eq!(Method::parse("Invite"), Some(Method::Other("Invite".into())));
        assert_eq!(Method::parse(""), None);
        assert_eq!(Method::parse("A,B"), None);
        assert!(!Method::parse("FOO").unwrap().is_known());
    }
}
