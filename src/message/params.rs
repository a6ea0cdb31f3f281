//! Header parameters: `;name` and `;name=value`.

use super::{ParseError, scan};

/// The parameters behind a header value or a URI, still as text (RFC 3261 §7.3.1).
///
/// Names compare without case. A parameter without a value and one with an empty value are told apart.
///
/// ```
/// use sip_proto::message::Params;
///
/// let params = Params::new(";rport;branch=z9hG4bK1;q=\"\"");
/// assert_eq!(params.get("BRANCH"), Some(Some("z9hG4bK1")));
/// assert_eq!(params.get("rport"), Some(None));
/// assert_eq!(params.get("ttl"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Params<'a> {
    text: &'a str,
}

/// One parameter. A quoted value keeps its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// The name, as it was written.
    pub name: &'a str,
    /// The value; `None` without `=`.
    pub value: Option<&'a str>,
}

impl<'a> Params<'a> {
    /// The parameters in `text`, which is empty or begins with `;`.
    pub fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// The text, from the first `;` on.
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// The parameters in order.
    pub fn iter(self) -> impl Iterator<Item = Param<'a>> {
        let mut rest = self.after_semicolon();
        core::iter::from_fn(move || {
            let text = rest?;
            let (param, tail) = plain(text).unwrap_or_else(|| {
                let (param, tail) = scan::split_outside(text, b';');
                let (name, value) = match scan::cut(param, b'=') {
                    Some((name, value)) => (scan::trim(name), Some(scan::trim(value))),
                    None => (scan::trim(param), None),
                };
                (Param { name, value }, tail)
            });
            rest = tail;
            Some(param)
        })
        .filter(|param| !param.name.is_empty())
    }

    /// The value of the first parameter named `name`: `Some(None)` when it has none.
    #[inline]
    pub fn get(self, name: &str) -> Option<Option<&'a str>> {
        let mut rest = self.text;
        while let Some(text) = rest.strip_prefix(';') {
            // Usual parameters of other names are passed over without being taken apart.
            let (value, after) = match after_name(text, name) {
                Some(after) if after.is_empty() || after.starts_with(';') => return Some(None),
                Some(after) if after.starts_with('=') => {
                    let (value, after) = plain_prefix(after.get(1..)?);
                    (Some(value), after)
                }
                _ => (None, plain_prefix(text).1),
            };
            match (after.is_empty() || after.starts_with(';'), value) {
                (true, Some(value)) => return Some(Some(value)),
                (true, None) => rest = after,
                (false, _) => return Self::new(rest).get_listed(name),
            }
        }
        if rest.is_empty() { None } else { Self::new(rest).get_listed(name) }
    }

    #[cold]
    fn get_listed(self, name: &str) -> Option<Option<&'a str>> {
        self.iter().find(|param| param.name.eq_ignore_ascii_case(name)).map(|param| param.value)
    }

    /// The value of the first parameter named `name`; `None` when it is absent or has no value.
    #[inline]
    pub fn value(self, name: &str) -> Option<&'a str> {
        self.get(name).flatten()
    }

    /// Checks names and values against `generic-param` (RFC 3261 §25.1), offsets counted in `whole`,
    /// of which this is the end.
    pub(super) fn check(self, whole: &str) -> Result<(), ParseError> {
        self.walk(whole, |_| {})
    }

    /// The same, each parameter shown to `see`.
    pub(super) fn walk(self, whole: &str, mut see: impl FnMut(Param<'a>)) -> Result<(), ParseError> {
        let mut rest = self.text;
        while !rest.is_empty() {
            let Some(text) = rest.strip_prefix(';') else { return scan::fault("';'", whole, rest) };
            let text = scan::trim_start(text);
            let Some((name, after)) = scan::token(text) else {
                return scan::fault("a parameter name", whole, text);
            };
            let after = scan::trim_start(after);
            let Some(text) = after.strip_prefix('=') else {
                see(Param { name, value: None });
                rest = after;
                continue;
            };
            let text = scan::trim_start(text);
            let after = after_value(text, whole)?;
            see(Param { name, value: text.get(..scan::offset(text, after)) });
            rest = scan::trim_start(after);
        }
        Ok(())
    }

    fn after_semicolon(self) -> Option<&'a str> {
        self.text.strip_prefix(';').or_else(|| scan::cut(self.text, b';').map(|(_, rest)| rest))
    }
}

/// What follows the parameter value at the start of `text`: a token, a host or a quoted string.
fn after_value<'a>(text: &'a str, whole: &str) -> Result<&'a str, ParseError> {
    if text.starts_with('"') {
        return match scan::quoted(text) {
            Some((_, rest)) => Ok(rest),
            None => scan::fault("a closing quote", whole, text),
        };
    }
    let (token, rest) = scan::Set::Token.span(text);
    if !token.is_empty() && (rest.is_empty() || rest.starts_with(';')) {
        return Ok(rest);
    }
    let belongs = |byte| {
        scan::is_token_byte(byte)
            || matches!(byte, b'[' | b']' | b':' | b'/' | b'@' | b'$' | b'&' | b'+' | b'=')
    };
    let (value, rest) = scan::span(text, belongs);
    if value.is_empty() { scan::fault("a parameter value", whole, text) } else { Ok(rest) }
}

/// The parameter at the start of `text` in its usual form, without quotes, brackets and white space, and what follows its `;`.
fn plain(text: &str) -> Option<(Param<'_>, Option<&str>)> {
    let (param, after) = plain_prefix(text);
    let tail = match after.as_bytes().first() {
        None => None,
        Some(b';') => Some(after.get(1..)?),
        Some(_) => return None,
    };
    let param = match scan::cut(param, b'=') {
        Some((name, value)) => Param { name, value: Some(value) },
        None => Param { name: param, value: None },
    };
    Some((param, tail))
}

/// What follows `name`, in any case, at the start of `text`.
#[inline]
fn after_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(name.len())?;
    (head == name || head.eq_ignore_ascii_case(name)).then_some(rest)
}

fn plain_prefix(text: &str) -> (&str, &str) {
    scan::Set::Plain.span(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn quotes_hide_separators() {
        let params = Params::new(r#"; a="x;y=\";z" ;b = 1;;c="#);
        let all: Vec<_> = params.iter().map(|p| (p.name, p.value)).collect();
        assert_eq!(all, [("a", Some(r#""x;y=\";z""#)), ("b", Some("1")), ("c", Some(""))]);
    }

    #[test]
    fn the_shortcut_finds_what_the_list_has() {
        let pieces = [";", "=", "a", "ab", "A", "\"", "\\", " ", "<", ">", "b", "\u{e9}"];
        // Every text of up to five pieces.
        for number in 0..pieces.len().pow(5) {
            let piece = |place: u32| pieces[number / pieces.len().pow(place) % pieces.len()];
            let text: alloc::string::String = (0..5).map(piece).collect();
            for name in ["a", "ab"] {
                let params = Params::new(&text);
                let listed = params.iter().find(|param| param.name.eq_ignore_ascii_case(name));
                assert_eq!(params.get(name), listed.map(|param| param.value), "{name} in {text}");
            }
        }
    }

    #[test]
    fn check_finds_what_is_no_parameter() {
        let check = |text: &str| Params::new(text).check(text);
        assert_eq!(check(";tag=1;x;y=\"z\";id=x=y=="), Ok(()));
        assert_eq!(check(";;x").unwrap_err().expected, "a parameter name");
        assert_eq!(check(";x=\"y").unwrap_err().expected, "a closing quote");
        assert_eq!(check(";x=").unwrap_err().at, 3);
    }
}
