//! What `Debug` does not show: credentials, passwords, and what URIs would put into a request. Logs are read by others.

use core::fmt;

use super::{Address, Escaped, Header, List, Name, Quoted, SecurityMechanism, SipUri, UriHeader, Value};

/// A URI, or an address with one, whose password and header fields are left out (RFC 3261 §19.1.1).
pub(crate) struct Hidden<'a>(pub(crate) &'a str);

/// Text or octets by their length.
pub(crate) struct Length(pub(crate) usize);

const LEFT_OUT: &str = "***";

impl fmt::Display for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((before, after)) = rest.split_once('@') {
            // A comma may be a part of the password.
            let start = before.rfind(['<', '"', ' ']).map_or(0, |at| at.saturating_add(1));
            let (head, user_info) = before.split_at_checked(start).unwrap_or(("", before));
            f.write_str(head)?;
            match after_user(user_info) {
                Some(end) => write!(f, "{}:{LEFT_OUT}@", user_info.get(..end).unwrap_or_default())?,
                None => write!(f, "{user_info}@")?,
            }
            rest = write_host(f, after)?;
        }
        let start = rest.rfind('<').map_or(0, |at| at.saturating_add(1));
        let (head, uri) = rest.split_at_checked(start).unwrap_or(("", rest));
        f.write_str(head)?;
        let rest = if scheme_of(uri).is_some() { write_host(f, uri)? } else { uri };
        f.write_str(rest)
    }
}

/// Where the colon behind the scheme of a URI stands.
fn scheme_of(uri: &str) -> Option<usize> {
    let colon = uri.find(':')?;
    let is_scheme =
        |scheme: &str| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic());
    uri.get(..colon).is_some_and(is_scheme).then_some(colon)
}

/// Where the colon between user and password stands, in what precedes the `@` of a URI.
fn after_user(user_info: &str) -> Option<usize> {
    scheme_of(user_info)?;
    user_info.match_indices(':').nth(1).map(|(colon, _)| colon)
}

/// Writes host, port and parameters, and what follows them by three asterisks; yields what is left behind the URI.
fn write_host<'a>(f: &mut fmt::Formatter<'_>, text: &'a str) -> Result<&'a str, fmt::Error> {
    let end = text.find(['>', ' ', '"']).unwrap_or(text.len());
    let (uri, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    match uri.split_once('?') {
        Some((host, _)) => write!(f, "{host}?{LEFT_OUT}")?,
        None if uri.contains('@') => return Ok(text),
        None => f.write_str(uri)?,
    }
    Ok(rest)
}

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&alloc::format!("{self}"), f)
    }
}

impl fmt::Debug for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_secret = match Name::find(&self.name) {
            Name::Authorization | Name::ProxyAuthorization | Name::AuthenticationInfo => true,
            Name::Unknown => self.name.eq_ignore_ascii_case("Proxy-Authentication-Info"),
            _ => false,
        };
        let mut shown = f.debug_struct("Header");
        shown.field("name", &self.name);
        match is_secret {
            true => shown.field("value", &Length(self.value.len())),
            false => shown.field("value", &Hidden(&self.value)),
        };
        shown.finish()
    }
}

impl fmt::Debug for SipUri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SipUri")
            .field("secure", &self.secure)
            .field("user", &self.user)
            .field("password", &self.password.map(|password| Length(password.len())))
            .field("host", &self.host)
            .field("port", &self.port)
            .field("params", &self.params)
            .field("headers", &self.headers.map(|headers| Length(headers.len())))
            .finish()
    }
}

impl fmt::Debug for UriHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = Length(self.value.len());
        f.debug_struct("UriHeader").field("name", &self.name).field("value", &value).finish()
    }
}

impl fmt::Debug for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("raw_display_name", &self.raw_display_name)
            .field("uri", &Hidden(self.uri))
            .field("params", &self.params)
            .finish()
    }
}

/// `d-ver` is a digest (RFC 3329 §2.2).
impl fmt::Debug for SecurityMechanism<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params = Length(self.params.as_str().len());
        f.debug_struct("SecurityMechanism").field("name", &self.name).field("params", &params).finish()
    }
}

impl fmt::Debug for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({} bytes)", self.len())
    }
}

impl fmt::Debug for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quoted({} bytes)", self.len())
    }
}

impl fmt::Debug for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Escaped({} bytes)", self.len())
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_header_fields_are_left_out() {
        let shown = |text: &str| alloc::format!("{}", Hidden(text));
        for same in
            ["sip:a@h", "\"A: B\" <sips:a@h;lr>;tag=1", "sip:h:5060", "tel:+1;x=y", "", "<", "a:b", "h:1;x=<"]
        {
            assert_eq!(shown(same), same);
        }
        assert_eq!(shown("sip:a:pw@h;x=y"), "sip:a:***@h;x=y");
        assert_eq!(shown("\"A@B:C@\" <sip:a:p;w=1@h:5060>;q=1"), "\"A@B:C@\" <sip:a:***@h:5060>;q=1");
        assert_eq!(shown("<sip:a?b:pw@h?X=y&body=z>;x"), "<sip:a?b:***@h?***>;x");
        assert_eq!(shown("sip:h?body=z"), "sip:h?***");
        assert_eq!(shown("<sip:a:p@h>, <sip:b:p,w@i?x>;y"), "<sip:a:***@h>, <sip:b:***@i?***>;y");
        assert_eq!(shown("<sip:h?x=y>, A <sip:i?x=y>"), "<sip:h?x=y>, A <sip:i?***>");
    }
}
