//! Percent-escapes, and which component of a URI needs which (RFC 3261 §19.1.2, §25.1).

use super::super::scan::is_unreserved;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A component of a URI, with its own set of characters that stand unescaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Component {
    /// The user part (RFC 3261 §25.1 `user`).
    User,
    /// The password (RFC 3261 §25.1 `password`).
    Password,
    /// Name or value of a parameter, of `tel:` too (RFC 3261 §25.1 `paramchar`, RFC 3966 §3).
    Parameter,
    /// Name or value of a header field (RFC 3261 §25.1 `hname`, `hvalue`).
    Header,
}

impl Component {
    /// Whether `byte` stands in this component as itself.
    fn allows(self, byte: u8) -> bool {
        is_unreserved(byte)
            || match self {
                Self::User => {
                    matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/')
                }
                Self::Password => matches!(byte, b'&' | b'=' | b'+' | b'$' | b','),
                Self::Parameter => matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$'),
                Self::Header => matches!(byte, b'[' | b']' | b'/' | b'?' | b':' | b'+' | b'$'),
            }
    }
}

/// Writes `text` with the escapes that it needs in `component`, `%` included: [`unescape`] gives it back.
///
/// ```
/// use sip_proto::message::{Component, escape};
///
/// assert_eq!(escape("j@s0n", Component::User).to_string(), "j%40s0n");
/// assert_eq!(escape("project x", Component::Header).to_string(), "project%20x");
/// ```
pub fn escape(text: &str, component: Component) -> Escaped<'_> {
    Escaped { text, component }
}

/// Text that is escaped when it is written: see [`escape`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Escaped<'a> {
    text: &'a str,
    component: Component,
}

impl Escaped<'_> {
    /// The length of the text without escapes.
    pub(in crate::message) fn len(&self) -> usize {
        self.text.len()
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.text;
        while !rest.is_empty() {
            let plain = rest.bytes().take_while(|byte| self.component.allows(*byte)).count();
            let (plain, after) = rest.split_at_checked(plain).unwrap_or((rest, ""));
            f.write_str(plain)?;
            let next = after.chars().next().map_or(0, char::len_utf8);
            let (character, after) = after.split_at_checked(next).unwrap_or((after, ""));
            for byte in character.bytes() {
                write!(f, "%{byte:02X}")?;
            }
            rest = after;
        }
        Ok(())
    }
}

/// `text` without percent-escapes, borrowed when it has none. A `%` that begins no escape stays.
/// `None` when what was escaped is not UTF-8: then see [`octets`].
///
/// The result may hold anything, CR, LF and NUL included (RFC 4475 §3.1.1.4).
///
/// ```
/// use sip_proto::message::unescape;
///
/// assert_eq!(unescape("sips%3Auser%40example.com").unwrap(), "sips:user@example.com");
/// assert_eq!(unescape("%ff"), None);
/// ```
pub fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if memchr::memchr(b'%', text.as_bytes()).is_none() {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = Vec::with_capacity(text.len());
    plain.extend(octets(text));
    String::from_utf8(plain).ok().map(Cow::Owned)
}

/// The octets that `text` stands for, percent-escapes undone, without allocation.
pub fn octets(text: &str) -> impl Iterator<Item = u8> {
    units(text).map(|unit| match unit {
        Unit::Plain(byte) | Unit::Reserved(byte) => byte,
    })
}

/// One character as URIs are compared: an escape is its character unless that is reserved (RFC 3261 §19.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    /// The character, escaped or not.
    Plain(u8),
    /// An escape whose character, unescaped, would mean something else.
    Reserved(u8),
}

impl Unit {
    /// The same without case.
    pub(super) fn folded(self) -> Self {
        match self {
            Self::Plain(byte) => Self::Plain(byte.to_ascii_lowercase()),
            Self::Reserved(byte) => Self::Reserved(byte),
        }
    }
}

/// The units of `text`.
pub(super) fn units(text: &str) -> impl Iterator<Item = Unit> {
    let mut rest = text.as_bytes();
    core::iter::from_fn(move || {
        let (first, after) = rest.split_first()?;
        rest = after;
        if *first != b'%' {
            return Some(Unit::Plain(*first));
        }
        let Some((byte, after)) = escaped(after) else { return Some(Unit::Plain(b'%')) };
        rest = after;
        Some(if is_reserved(byte) { Unit::Reserved(byte) } else { Unit::Plain(byte) })
    })
}

/// The octet that two hexadecimal digits at the start of `text` stand for, and what follows them.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], after) = text.split_first_chunk::<2>()?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = digit(*high)?.checked_mul(16)?.checked_add(digit(*low)?)?;
    Some((u8::try_from(byte).ok()?, after))
}

/// RFC 3261 §25.1 `reserved`; `%` too, which bare begins an escape.
fn is_reserved(byte: u8) -> bool {
    matches!(byte, b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn each_component_has_its_own_alphabet() {
        // RFC 3261 §25.1: user-unreserved, password, param-unreserved, hnv-unreserved.
        let all = "aZ9-_.!~*'()&=+$,;?/[]:@%# \"";
        let written = |component| escape(all, component).to_string();
        assert_eq!(written(Component::User), "aZ9-_.!~*'()&=+$,;?/%5B%5D%3A%40%25%23%20%22");
        assert_eq!(written(Component::Password), "aZ9-_.!~*'()&=+$,%3B%3F%2F%5B%5D%3A%40%25%23%20%22");
        assert_eq!(written(Component::Parameter), "aZ9-_.!~*'()&%3D+$%2C%3B%3F/[]:%40%25%23%20%22");
        assert_eq!(written(Component::Header), "aZ9-_.!~*'()%26%3D+$%2C%3B?/[]:%40%25%23%20%22");
        assert_eq!(escape("\u{fc}\0", Component::User).to_string(), "%C3%BC%00");
    }

    #[test]
    fn what_needs_no_escape_is_borrowed() {
        assert!(matches!(unescape("alice"), Some(Cow::Borrowed("alice"))));
        assert_eq!(unescape("%61lice%C3%bc").unwrap(), "alice\u{fc}");
        // RFC 4475 §3.1.1.4: an escaped NUL is a character like others.
        assert_eq!(unescape("null-%00-null").unwrap(), "null-\0-null");
        assert_eq!(octets("%ff%").collect::<Vec<_>>(), [0xff, b'%']);
    }

    #[test]
    fn a_broken_escape_stays() {
        for text in ["%", "%4", "%4g", "%+1", "a%%"] {
            assert_eq!(unescape(text).unwrap(), text);
        }
        // Escapes are undone once.
        assert_eq!(unescape("%2541").unwrap(), "%41");
    }
}
