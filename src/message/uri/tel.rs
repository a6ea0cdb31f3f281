//! `tel:`, and the telephone number in a SIP URI's user part (RFC 3966).

use super::escape::{Unit, octets, units};
use super::{Params, ParseError, scan};
use crate::message::Param;

/// A telephone number (RFC 3966 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelUri<'a> {
    /// The number, visual separators and all; a global one begins with `+`.
    pub number: &'a str,
    /// `;`-parameters: ext, isub, phone-context and others.
    pub params: Params<'a>,
}

/// What a local number is valid within (RFC 3966 §5.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneContext<'a> {
    /// The leading digits of global numbers, `+` and visual separators included.
    Digits(&'a str),
    /// A domain name of whoever manages the context.
    Domain(&'a str),
}

impl<'a> TelUri<'a> {
    pub(super) fn parse(whole: &'a str, rest: &'a str) -> Result<Self, ParseError> {
        let end = rest.find(';').unwrap_or(rest.len());
        let (number, params) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if !is_number(number) {
            return scan::fault("a telephone number", whole, rest);
        }
        Ok(Self { number, params: Params::new(params) })
    }

    /// Whether the number is a global one: unambiguous everywhere (RFC 3966 §5.1.4).
    pub fn is_global(self) -> bool {
        self.number.starts_with('+')
    }

    /// The number's digits without visual separators, escapes undone (RFC 3966 §5.1.1).
    ///
    /// ```
    /// use sip_proto::message::Uri;
    ///
    /// let tel = Uri::parse("tel:+1-(201)-555.0123")?.tel().unwrap();
    /// assert_eq!(tel.digits().collect::<String>(), "+12015550123");
    /// # Ok::<(), sip_proto::message::ParseError>(())
    /// ```
    pub fn digits(self) -> impl Iterator<Item = char> {
        octets(self.number).filter(|byte| !is_visual_separator(*byte)).map(char::from)
    }

    /// The `phone-context` parameter, which every local number has (RFC 3966 §5.1.5).
    pub fn phone_context(self) -> Option<PhoneContext<'a>> {
        let context = self.params.value("phone-context")?;
        Some(match context.starts_with('+') {
            true => PhoneContext::Digits(context),
            false => PhoneContext::Domain(context),
        })
    }

    /// The `ext` parameter: the extension, visual separators and all (RFC 3966 §5.3).
    pub fn extension(self) -> Option<&'a str> {
        self.params.value("ext")
    }

    /// The `isub` parameter: the ISDN subaddress, escapes and all (RFC 3966 §5.2).
    pub fn isdn_subaddress(self) -> Option<&'a str> {
        self.params.value("isub")
    }

    /// The parameters that must be understood by whoever uses the number: their names begin with `m-`
    /// (RFC 3966 §5.4).
    pub fn mandatory(self) -> impl Iterator<Item = Param<'a>> {
        self.params
            .iter()
            .filter(|param| param.name.get(..2).is_some_and(|head| head.eq_ignore_ascii_case("m-")))
    }
}

/// Separators that only help the eye (RFC 3966 §3 `visual-separator`).
pub(super) const fn is_visual_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')')
}

/// Whether `text` is a global or local number (RFC 3966 §3). `#` may be escaped: a SIP URI's user part has no other form
/// of it (RFC 3261 §19.1.2).
fn is_number(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#');
    let belongs = |byte: u8| is_digit(byte) || byte == b'+' || is_visual_separator(byte);
    let plain = |unit| match unit {
        Unit::Plain(byte) => Some(byte),
        Unit::Reserved(_) => None,
    };
    units(text).map(plain).all(|byte| byte.is_some_and(belongs)) && octets(text).any(is_digit)
}
