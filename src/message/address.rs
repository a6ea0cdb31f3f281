//! `name-addr` and `addr-spec` with parameters: From, To, Contact, Route and their kin
//! (RFC 3261 §20.10, §25.1).

use alloc::borrow::Cow;

use super::{Params, ParseError, Uri, scan};

/// An address as From, To, Contact, Route, Record-Route or P-Asserted-Identity carry it.
///
/// ```
/// use sip_proto::message::Address;
///
/// let from = Address::parse("\"Bob \\\"B\\\"\" <sip:bob@example.com>;tag=a6c8")?;
/// assert_eq!(from.display_name().unwrap(), "Bob \"B\"");
/// assert_eq!(from.uri, "sip:bob@example.com");
/// assert_eq!(from.tag(), Some("a6c8"));
/// # Ok::<(), sip_proto::message::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    /// The display name as written, quotes and all; empty when there is none.
    pub raw_display_name: &'a str,
    /// The URI's text, without the angle brackets.
    pub uri: &'a str,
    /// Parameters of the header: without brackets, everything from the first `;` on.
    pub params: Params<'a>,
}

impl<'a> Address<'a> {
    /// The address that is all of `value`. The URI is delimited, not parsed: see [`Address::parse_uri`].
    ///
    /// # Errors
    /// Where a quote or bracket is not closed, or no URI stands.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let text = scan::trim_start(value);
        if text.starts_with('"') {
            let Some((name, rest)) = scan::quoted(text) else {
                return scan::fault("a closing quote", value, text);
            };
            let after = scan::trim_start(rest);
            return match after.strip_prefix('<') {
                Some(uri) => Self::in_brackets(value, name, uri),
                None => scan::fault("'<'", value, after),
            };
        }
        match scan::cut(text, b'<') {
            Some((name, uri)) if scan::find(name, b'"').is_none() => {
                Self::in_brackets(value, scan::trim(name), uri)
            }
            _ => Self::bare(value, text),
        }
    }

    fn in_brackets(value: &'a str, name: &'a str, text: &'a str) -> Result<Self, ParseError> {
        let Some((uri, rest)) = scan::cut(text, b'>') else {
            return scan::fault("'>'", value, "");
        };
        if uri.is_empty() {
            return scan::fault("a URI", value, text);
        }
        let params = scan::trim(rest);
        if !params.is_empty() && !params.starts_with(';') {
            return scan::fault("';'", value, scan::trim_start(rest));
        }
        Ok(Self { raw_display_name: name, uri, params: Params::new(params) })
    }

    /// An `addr-spec` without brackets: its first `;` begins the header's parameters (RFC 3261 §20.10).
    fn bare(value: &'a str, text: &'a str) -> Result<Self, ParseError> {
        let text = scan::trim(text);
        let end = scan::find(text, b';').unwrap_or(text.len());
        let (uri, params) = text.split_at_checked(end).unwrap_or((text, ""));
        let uri = scan::trim(uri);
        if uri.is_empty() {
            return scan::fault("a URI", value, text);
        }
        Ok(Self { raw_display_name: "", uri, params: Params::new(params) })
    }

    /// The URI, opened.
    ///
    /// # Errors
    /// As [`Uri::parse`].
    pub fn parse_uri(&self) -> Result<Uri<'a>, ParseError> {
        Uri::parse(self.uri)
    }

    /// The display name without quotes and escapes.
    pub fn display_name(&self) -> Option<Cow<'a, str>> {
        let raw = self.raw_display_name;
        (!raw.is_empty()).then(|| unquote(raw))
    }

    /// The `tag` parameter (RFC 3261 §19.3).
    pub fn tag(&self) -> Option<&'a str> {
        self.params.value("tag").filter(|tag| !tag.is_empty())
    }

    /// Checks everything that delimiting alone leaves open: display name, URI and parameters.
    ///
    /// # Errors
    /// At the first byte that the grammar does not allow.
    pub fn check(&self, value: &str) -> Result<(), ParseError> {
        let name = self.raw_display_name;
        let is_tokens = |name: &str| name.bytes().all(|b| scan::is_token_byte(b) || scan::is_lws(b));
        if !name.starts_with('"') && !is_tokens(name) && name.is_ascii() {
            return Err(ParseError::new("a display name", 0));
        }
        let at = (self.uri.as_ptr() as usize).saturating_sub(value.as_ptr() as usize);
        self.parse_uri().map_err(|fault| ParseError { at: fault.at.saturating_add(at), ..fault })?;
        let end = scan::trim(value);
        self.params.check(end).map_err(|fault| ParseError {
            at: fault.at.saturating_add((end.as_ptr() as usize).saturating_sub(value.as_ptr() as usize)),
            ..fault
        })
    }
}

/// A quoted string without its quotes and escapes; other text as it is.
pub fn unquote(text: &str) -> Cow<'_, str> {
    let is_quoted = text.starts_with('"') && scan::quoted_len(text) == Some(text.len());
    let Some(inner) = text.get(1..text.len().saturating_sub(1)).filter(|_| is_quoted) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = alloc::string::String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(value: &str) -> (&str, &str, &str) {
        let address = Address::parse(value).unwrap();
        (address.raw_display_name, address.uri, address.params.as_str())
    }

    #[test]
    fn the_forms_of_an_address() {
        assert_eq!(parts("<sip:a@b;lr>;x=1"), ("", "sip:a@b;lr", ";x=1"));
        assert_eq!(parts("A B <sip:a@b>"), ("A B", "sip:a@b", ""));
        assert_eq!(parts("\"<a>\" <sip:a@b> ;tag=1"), ("\"<a>\"", "sip:a@b", ";tag=1"));
        // RFC 3261 §20.10: without brackets, parameters belong to the header.
        assert_eq!(parts("sip:a@b;tag=1"), ("", "sip:a@b", ";tag=1"));
    }

    #[test]
    fn faults_name_their_place() {
        let fault = |value: &str| Address::parse(value).map_err(|e| (e.expected, e.at)).unwrap_err();
        // RFC 4475 §3.1.2.6: unterminated quoted string.
        assert_eq!(fault("\"Mr. J. User <sip:j.user@example.com>"), ("a closing quote", 0));
        assert_eq!(fault("<sip:a@b"), ("'>'", 8));
        assert_eq!(fault(""), ("a URI", 0));
        assert_eq!(fault("<>"), ("a URI", 1));
        assert_eq!(fault("<sip:a@b> x"), ("';'", 10));
    }

    #[test]
    fn check_looks_inside() {
        let check = |value: &str| Address::parse(value).unwrap().check(value).map_err(|e| (e.expected, e.at));
        assert_eq!(check("Bob <sip:a@b>;tag=1"), Ok(()));
        assert_eq!(check("<sip:a@>"), Err(("a host", 7)));
        assert_eq!(check("Bell, Alexander <sip:a@b>;tag=43"), Err(("a display name", 0)));
        assert_eq!(check("<sip:a@b>;;x "), Err(("a parameter name", 10)));
    }
}
