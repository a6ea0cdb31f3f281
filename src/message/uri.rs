//! URIs: `sip:`, `sips:`, `tel:`, and any other scheme unopened.
//!
//! RFC 3261 §19.1, RFC 3966. Unknown schemes parse, so that a request for one can be answered 416.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Params, ParseError, Transport, scan};

/// A URI, borrowed from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Uri<'a> {
    /// `sip:` or `sips:`.
    Sip(SipUri<'a>),
    /// `tel:`.
    Tel(TelUri<'a>),
    /// Any other scheme.
    Other {
        /// The scheme, before the colon.
        scheme: &'a str,
        /// What follows the colon.
        opaque: &'a str,
    },
}

/// A SIP or SIPS URI (RFC 3261 §19.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SipUri<'a> {
    /// Whether the scheme is `sips`.
    pub secure: bool,
    /// The user part, escapes and all; `None` without `@`.
    pub user: Option<&'a str>,
    /// The password after the user's colon.
    pub password: Option<&'a str>,
    /// The host.
    pub host: Host<'a>,
    /// The port, where one is given.
    pub port: Option<u16>,
    /// `;`-parameters: transport, user, method, ttl, maddr, lr and others.
    pub params: Params<'a>,
    /// What follows `?`: header fields for a request made from this URI.
    pub headers: Option<&'a str>,
}

/// A telephone number (RFC 3966 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelUri<'a> {
    /// The number, visual separators and all; a global one begins with `+`.
    pub number: &'a str,
    /// `;`-parameters: ext, isub, phone-context and others.
    pub params: Params<'a>,
}

/// A host: a domain name or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host<'a> {
    /// A domain name.
    Name(&'a str),
    /// A numeric address.
    Ip(IpAddr),
}

impl<'a> Uri<'a> {
    /// The URI that is all of `text`.
    ///
    /// # Errors
    /// Where the scheme, the host, the port or the number is missing or malformed (RFC 3261 §25.1, RFC 3966 §3).
    ///
    /// ```
    /// use sip_proto::message::{Host, Uri};
    ///
    /// let Uri::Sip(uri) = Uri::parse("sip:bob@example.com:5070;lr")? else { panic!() };
    /// assert_eq!((uri.user, uri.host, uri.port), (Some("bob"), Host::Name("example.com"), Some(5070)));
    /// assert!(uri.is_loose());
    /// # Ok::<(), sip_proto::message::ParseError>(())
    /// ```
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        if let Some(rest) = after_scheme(text, "sip:") {
            return SipUri::parse(text, rest, false).map(Self::Sip);
        }
        if let Some(rest) = after_scheme(text, "sips:") {
            return SipUri::parse(text, rest, true).map(Self::Sip);
        }
        let (scheme, rest) =
            scan::span(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        let named = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
        let Some(rest) = rest.strip_prefix(':').filter(|_| named) else {
            return scan::fault("a URI scheme", text, text);
        };
        check_characters(text, rest)?;
        if scheme.eq_ignore_ascii_case("tel") {
            return TelUri::parse(text, rest).map(Self::Tel);
        }
        if rest.is_empty() {
            return scan::fault("more than a scheme", text, rest);
        }
        Ok(Self::Other { scheme, opaque: rest })
    }

    /// The SIP or SIPS URI, if it is one.
    pub fn sip(self) -> Option<SipUri<'a>> {
        match self {
            Self::Sip(uri) => Some(uri),
            Self::Tel(_) | Self::Other { .. } => None,
        }
    }
}

/// What follows `scheme`, written with its colon, in `text`; schemes compare without case.
fn after_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(scheme.len())?;
    (head == scheme || head.eq_ignore_ascii_case(scheme)).then_some(rest)
}

/// Checks that `end`, with which `whole` ends, has only characters that a URI may have.
fn check_characters(whole: &str, end: &str) -> Result<(), ParseError> {
    match scan::URI.span(end) {
        (_, "") => Ok(()),
        (_, bad) => scan::fault("a character of a URI", whole, bad),
    }
}

impl<'a> SipUri<'a> {
    fn parse(whole: &'a str, rest: &'a str, secure: bool) -> Result<Self, ParseError> {
        let (user_info, after) = scan::USER_INFO.span(rest);
        let (user, password, rest) = match (after.strip_prefix('@'), after) {
            (Some(rest), _) => match scan::cut(user_info, b':') {
                Some((user, password)) => (Some(user), Some(password), rest),
                None => (Some(user_info), None, rest),
            },
            (None, "") => (None, None, rest),
            (None, bad) => return scan::fault("a character of a URI", whole, bad),
        };
        if user == Some("") {
            return scan::fault("a user before '@'", whole, rest);
        }
        let (host, port, rest) = Host::parse_with_port(whole, rest)?;
        let (params, after) = scan::URI_PARAMS.span(rest);
        let headers = after.strip_prefix('?');
        check_characters(whole, headers.unwrap_or(after))?;
        if !params.is_empty() && !params.starts_with(';') {
            return scan::fault("';', '?' or the end of the URI", whole, rest);
        }
        Ok(Self { secure, user, password, host, port, params: Params::new(params), headers })
    }

    /// The `transport` parameter, if it names one that this crate knows.
    pub fn transport(self) -> Option<Transport> {
        self.params.value("transport").and_then(Transport::parse)
    }

    /// Whether the `lr` parameter marks a loose router (RFC 3261 §16.12).
    pub fn is_loose(self) -> bool {
        self.params.get("lr").is_some()
    }

    /// The `maddr` parameter: the host to send to in place of `host`.
    pub fn maddr(self) -> Option<Host<'a>> {
        self.params.value("maddr").and_then(Host::parse)
    }
}

impl<'a> TelUri<'a> {
    fn parse(whole: &'a str, rest: &'a str) -> Result<Self, ParseError> {
        let end = rest.find(';').unwrap_or(rest.len());
        let (number, params) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let belongs =
            |b: u8| b.is_ascii_hexdigit() || matches!(b, b'+' | b'*' | b'#' | b'-' | b'.' | b'(' | b')');
        let has_digit = number.bytes().any(|b| b.is_ascii_hexdigit() || matches!(b, b'*' | b'#'));
        if !has_digit || !number.bytes().all(belongs) {
            return scan::fault("a telephone number", whole, rest);
        }
        Ok(Self { number, params: Params::new(params) })
    }
}

impl<'a> Host<'a> {
    /// The host that is all of `text`; IPv6 in brackets or, as `received` and `maddr` are seen in the
    /// wild (RFC 5118 §4.5), without.
    pub fn parse(text: &'a str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            return inner.parse::<Ipv6Addr>().ok().map(|ip| Self::Ip(ip.into()));
        }
        if text.bytes().any(|b| b == b':') {
            return text.parse::<Ipv6Addr>().ok().map(|ip| Self::Ip(ip.into()));
        }
        let is_host = !text.is_empty() && scan::HOST.has_all(text);
        is_host.then(|| Self::name_or_v4(text))
    }

    /// The host that `text`, which has no other characters than a host's, is.
    fn name_or_v4(text: &'a str) -> Self {
        let is_numeric = text.as_bytes().first().is_some_and(u8::is_ascii_digit);
        match is_numeric.then(|| text.parse::<Ipv4Addr>()) {
            Some(Ok(ip)) => Self::Ip(ip.into()),
            _ => Self::Name(text),
        }
    }

    /// `host [":" port]` at the start of `rest`, white space allowed around the colon as in Via.
    pub(super) fn parse_with_port(
        whole: &str,
        rest: &'a str,
    ) -> Result<(Self, Option<u16>, &'a str), ParseError> {
        let (host, after) = match rest.starts_with('[') {
            true => {
                let end = memchr::memchr(b']', rest.as_bytes()).map_or(rest.len(), |at| at.saturating_add(1));
                let (text, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (Self::parse(text), after)
            }
            false => {
                let (text, after) = scan::HOST.span(rest);
                ((!text.is_empty()).then(|| Self::name_or_v4(text)), after)
            }
        };
        let Some(host) = host else { return scan::fault("a host", whole, rest) };
        let Some(port) = scan::trim_start(after).strip_prefix(':') else { return Ok((host, None, after)) };
        let port = scan::trim_start(port);
        match scan::leading_number(port).map(|(number, after)| (u16::try_from(number), after)) {
            Some((Ok(number), after)) => Ok((host, Some(number), after)),
            _ => scan::fault("a port", whole, port),
        }
    }

    /// The address, unless this is a name.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(ip),
            Self::Name(_) => None,
        }
    }

    /// Whether both name the same host: names without case, addresses by value.
    pub fn is_same(self, other: Host<'_>) -> bool {
        match (self, other) {
            (Self::Name(one), Host::Name(two)) => one.eq_ignore_ascii_case(two),
            (Self::Ip(one), Host::Ip(two)) => one == two,
            (Self::Name(_), Host::Ip(_)) | (Self::Ip(_), Host::Name(_)) => false,
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sip(text: &str) -> SipUri<'_> {
        Uri::parse(text).unwrap().sip().unwrap()
    }

    #[test]
    fn the_parts_of_a_sip_uri() {
        let uri = sip("sips:alice:secret;x@atlanta.example.com:5061;transport=tcp;lr?subject=a&to=b%40c");
        assert!(uri.secure && uri.is_loose());
        assert_eq!((uri.user, uri.password), (Some("alice"), Some("secret;x")));
        assert_eq!((uri.host, uri.port), (Host::Name("atlanta.example.com"), Some(5061)));
        assert_eq!(uri.transport(), Some(Transport::Tcp));
        assert_eq!(uri.headers, Some("subject=a&to=b%40c"));
    }

    #[test]
    fn a_user_may_hold_what_ends_a_host() {
        // RFC 3261 §25.1: user-unreserved includes ';', '?' and '/'.
        assert_eq!(sip("sip:a;b?c/d@h").user, Some("a;b?c/d"));
    }

    #[test]
    fn addresses_are_numbers() {
        assert_eq!(sip("sip:192.0.2.1").host, Host::Ip([192, 0, 2, 1].into()));
        let six = sip("sip:[2001:db8::10]:5070");
        assert_eq!((six.host.ip(), six.port), ("2001:db8::10".parse().ok(), Some(5070)));
        assert_eq!(alloc::format!("{}", six.host), "[2001:db8::10]");
        // RFC 5118 §4.2: the digits of "5070" belong to an ambiguous, but legal, address.
        assert_eq!(sip("sip:[2001:db8::10:5070]").port, None);
    }

    #[test]
    fn other_schemes_are_left_unopened() {
        let Uri::Tel(tel) = Uri::parse("tel:+1-201-555-0123;phone-context=x").unwrap() else { panic!() };
        assert_eq!(tel.number, "+1-201-555-0123");
        assert_eq!(
            Uri::parse("nobodyKnowsThisScheme:totally"),
            Ok(Uri::Other { scheme: "nobodyKnowsThisScheme", opaque: "totally" })
        );
    }

    #[test]
    fn faults_name_their_place() {
        let fault = |text: &str| Uri::parse(text).map_err(|e| (e.expected, e.at)).unwrap_err();
        assert_eq!(fault("bob"), ("a URI scheme", 0));
        assert_eq!(fault("sip:bob@"), ("a host", 8));
        assert_eq!(fault("sip:@h"), ("a user before '@'", 5));
        assert_eq!(fault("sip:h:99999"), ("a port", 6));
        assert_eq!(fault("sip:h:"), ("a port", 6));
        assert_eq!(fault("sip:a b@h"), ("a character of a URI", 5));
        assert_eq!(fault("sip:h,x"), ("';', '?' or the end of the URI", 5));
        assert_eq!(fault("sip:[::1"), ("a host", 4));
        assert_eq!(fault("tel:abc-xyz"), ("a telephone number", 4));
    }
}
