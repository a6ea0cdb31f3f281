//! URIs: `sip:`, `sips:`, `tel:`, and any other scheme unopened.
//!
//! RFC 3261 §19.1, RFC 3966, RFC 5954. Unknown schemes parse, so that a request for one can be answered 416.
//! Parsing only finds where the parts are: they keep their escapes, see [`unescape`] and [`escape`].
//!
//! | file | subject |
//! |---|---|
//! | `sip`, `tel`, `host` | the parts of each kind |
//! | `escape` | percent-escapes, and which component needs which |
//! | `compare` | equality by RFC 3261 §19.1.4 and RFC 3966 §4 |
//! | `write` | URIs back to text |

mod compare;
mod escape;
mod host;
mod sip;
mod tel;
mod write;

use super::{Params, ParseError, Transport, scan};

pub use escape::{Component, Escaped, escape, octets, unescape};
pub use host::Host;
pub(super) use host::ipv4;
pub use sip::{SipUri, UriHeader};
pub use tel::{PhoneContext, TelUri};

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

/// Whether a request can be sent to this URI: it is a SIP or SIPS URI (RFC 3261 §8.1.1.8), and names no transport but those that are known.
pub(crate) fn is_sendable(uri: &str) -> bool {
    matches!(Uri::parse(uri), Ok(Uri::Sip(uri)) if uri.named_transport().is_ok())
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
        let sip = after_scheme(text, "sip:").map(|rest| (rest, false));
        if let Some((rest, secure)) = sip.or_else(|| after_scheme(text, "sips:").map(|rest| (rest, true))) {
            return match SipUri::usual(rest, secure) {
                Some(uri) => Ok(Self::Sip(uri)),
                None => SipUri::unusual(text, rest, secure).map(Self::Sip),
            };
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

    /// The telephone number, if it is a `tel:` URI.
    pub fn tel(self) -> Option<TelUri<'a>> {
        match self {
            Self::Tel(uri) => Some(uri),
            Self::Sip(_) | Self::Other { .. } => None,
        }
    }

    /// The scheme, without its colon; in lower case unless it is one that is left unopened.
    pub fn scheme(self) -> &'a str {
        match self {
            Self::Sip(uri) => uri.scheme(),
            Self::Tel(_) => "tel",
            Self::Other { scheme, .. } => scheme,
        }
    }
}

/// Whether this is a SIPS URI (RFC 3261 §19.1), well-formed or not.
pub(crate) fn is_sips(uri: &str) -> bool {
    // A SIP URI, as most are, has its colon elsewhere.
    uri.as_bytes().get(4) == Some(&b':') && after_scheme(uri, "sips:").is_some()
}

/// What follows `scheme`, written with its colon, in `text`; schemes compare without case.
fn after_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(scheme.len())?;
    (head == scheme || head.eq_ignore_ascii_case(scheme)).then_some(rest)
}

/// Checks that `part`, a piece of `whole`, has only characters that a URI may have.
fn check_characters(whole: &str, part: &str) -> Result<(), ParseError> {
    let (good, bad) = scan::Set::Uri.span(part);
    if bad.is_empty() {
        return Ok(());
    }
    let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    Err(ParseError::new("a character of a URI", start.saturating_add(good.len())))
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
        // RFC 3261 §25.1: only Via has white space around the colon.
        assert_eq!(fault("sip:h :5060"), ("a character of a URI", 5));
        assert_eq!(fault("sip:h: 5060"), ("a character of a URI", 6));
        assert_eq!(fault("sip:h,x"), ("';', '?' or the end of the URI", 5));
        assert_eq!(fault("sip:[::1"), ("a host", 4));
        assert_eq!(fault("tel:abc-xyz"), ("a telephone number", 4));
    }
}
