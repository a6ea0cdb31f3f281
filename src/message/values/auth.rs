//! Challenges and credentials, and what a server says of itself (RFC 3261 §22, RFC 7616, RFC 3329). Nothing here computes.

use alloc::borrow::Cow;
use core::fmt;

use super::content::{QValue, check_q, q_of};
use super::cursor::Cursor;
use crate::message::{List, Param, Params, ParseError, scan, unquote};

/// Parameters with commas between them, still as text (RFC 3261 §25.1 `auth-param`).
///
/// Names compare without case; of several with one name the first counts. `Debug` shows no more than the length.
///
/// ```
/// use sip_proto::message::AuthParams;
///
/// let params = AuthParams::new("realm=\"atlanta.example.com\", stale=FALSE");
/// assert_eq!(params.text("realm").unwrap(), "atlanta.example.com");
/// assert_eq!(params.value("Stale"), Some("FALSE"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthParams<'a> {
    text: &'a str,
}

impl<'a> AuthParams<'a> {
    /// The parameters in `text`, `name=value` each.
    pub fn new(text: &'a str) -> Self {
        Self { text: scan::trim(text) }
    }

    /// The text. For a scheme without parameters it is what the scheme has in their place.
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// The parameters in order. A quoted value keeps its quotes.
    pub fn iter(self) -> impl Iterator<Item = Param<'a>> {
        List::new(self.text).filter_map(|element| {
            let (name, value) = scan::cut(element, b'=')?;
            let (name, value) = (scan::trim(name), scan::trim(value));
            // What a scheme has in place of parameters may end in `=` too.
            let is_param = scan::is_token(name) && (scan::is_token(value) || value.starts_with('"'));
            is_param.then_some(Param { name, value: Some(value) })
        })
    }

    /// The value of the first parameter named `name`, as it was written.
    pub fn value(self, name: &str) -> Option<&'a str> {
        self.iter().find(|param| param.name.eq_ignore_ascii_case(name)).and_then(|param| param.value)
    }

    /// The value of the first parameter named `name`, without quotes and escapes.
    pub fn text(self, name: &str) -> Option<Cow<'a, str>> {
        self.value(name).map(unquote)
    }

    /// The qualities of protection in a `qop`, quoted or not.
    fn qop(self) -> impl Iterator<Item = &'a str> {
        let list = self.value("qop").unwrap_or_default();
        list.trim_matches('"').split(',').map(scan::trim).filter(|qop| !qop.is_empty())
    }

    /// The nonce count: eight hexadecimal digits.
    fn nc(self) -> Option<u32> {
        self.value("nc").and_then(nonce_count)
    }
}

impl fmt::Debug for AuthParams<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthParams({} bytes)", self.text.len())
    }
}

impl fmt::Display for AuthParams<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

fn nonce_count(digits: &str) -> Option<u32> {
    let is_hex = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// `name=value` and commas up to the end; elements may be empty (RFC 3261 §7.3.1).
fn list<'a>(mut cursor: Cursor<'a>) -> Result<AuthParams<'a>, ParseError> {
    let (text, start) = (cursor.rest(), cursor);
    let mut count = 0_usize;
    while !cursor.rest().is_empty() {
        if !cursor.rest().starts_with(',') {
            cursor.token("a parameter name")?;
            cursor.mark('=', "'='")?;
            match cursor.rest().starts_with('"') {
                true => cursor.quoted("a parameter value")?,
                false => cursor.token("a parameter value")?,
            };
            count = count.saturating_add(1);
        }
        if !scan::trim_start(cursor.rest()).is_empty() {
            cursor.mark(',', "','")?;
        }
    }
    match count {
        0 => Err(start.fault("a parameter name")),
        _ => Ok(AuthParams { text }),
    }
}

/// Digest's nonce count, where there is one, is eight hexadecimal digits. Other schemes may have an `nc` of their own.
fn check_count(value: &str, params: AuthParams<'_>) -> Result<(), ParseError> {
    match params.value("nc") {
        Some(digits) if nonce_count(digits).is_none() => {
            Err(Cursor::new(value).fault_at("eight hexadecimal digits", digits))
        }
        _ => Ok(()),
    }
}

/// A scheme, and its parameters or what it has in their place.
fn scheme_and_params(value: &str) -> Result<(&str, AuthParams<'_>), ParseError> {
    let mut cursor = Cursor::new(value);
    let scheme = cursor.token("an authentication scheme")?;
    let is_digest = is_digest(scheme);
    if cursor.rest().is_empty() && !is_digest {
        return Ok((scheme, AuthParams::default()));
    }
    cursor.space()?;
    match list(cursor) {
        Ok(params) => Ok((scheme, params)),
        Err(_) if !is_digest && is_token68(cursor.rest()) => Ok((scheme, AuthParams { text: cursor.rest() })),
        Err(fault) => Err(fault),
    }
}

/// What other schemes have in place of parameters: Base64 and its kin, padded at the end (RFC 7235 §2.1).
fn is_token68(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let belongs = |byte: u8| scan::is_token_byte(byte) || byte == b'/';
    !digits.is_empty() && digits.bytes().all(belongs)
}

fn is_digest(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("Digest")
}

/// One value of `WWW-Authenticate` or `Proxy-Authenticate` (RFC 3261 §20.27, §20.44). There is one to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// `Digest`, or another scheme; compared without case.
    pub scheme: &'a str,
    /// realm, nonce and others.
    pub params: AuthParams<'a>,
}

impl<'a> Challenge<'a> {
    /// The value that is all of `value`. Of a scheme other than Digest, text that is no list of parameters is kept as it is.
    ///
    /// # Errors
    /// Where the scheme is no token, or a parameter is none.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        scheme_and_params(value).map(|(scheme, params)| Self { scheme, params })
    }

    /// Whether the scheme is Digest.
    pub fn is_digest(&self) -> bool {
        is_digest(self.scheme)
    }

    /// Whose credentials are asked for.
    pub fn realm(&self) -> Option<Cow<'a, str>> {
        self.params.text("realm")
    }

    /// The server's nonce.
    pub fn nonce(&self) -> Option<Cow<'a, str>> {
        self.params.text("nonce")
    }

    /// What the client returns as it is.
    pub fn opaque(&self) -> Option<Cow<'a, str>> {
        self.params.text("opaque")
    }

    /// The hash: `MD5`, `SHA-256`, `SHA-512-256`, with or without `-sess`; MD5 where nothing is said.
    pub fn algorithm(&self) -> Option<Cow<'a, str>> {
        self.params.text("algorithm")
    }

    /// The qualities of protection that the server knows: `auth`, `auth-int` and others.
    pub fn qop(&self) -> impl Iterator<Item = &'a str> {
        self.params.qop()
    }

    /// Whether only the nonce was too old. Any other value than `true` says no (RFC 7616 §3.3).
    pub fn stale(&self) -> bool {
        self.params.text("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"))
    }

    /// Whether the user's name may come hashed (RFC 7616 §3.3).
    pub fn userhash(&self) -> bool {
        self.params.text("userhash").is_some_and(|userhash| userhash.eq_ignore_ascii_case("true"))
    }

    /// The URIs for which the credentials hold.
    pub fn domain(&self) -> impl Iterator<Item = &'a str> {
        self.params.value("domain").unwrap_or_default().trim_matches('"').split_ascii_whitespace()
    }
}

impl fmt::Display for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scheme(f, self.scheme, self.params)
    }
}

/// One value of `Authorization` or `Proxy-Authorization` (RFC 3261 §20.7, §20.28). There is one to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// `Digest`, or another scheme; compared without case.
    pub scheme: &'a str,
    /// username, realm, nonce, uri, response and others.
    pub params: AuthParams<'a>,
}

impl<'a> Credentials<'a> {
    /// The value that is all of `value`. Of a scheme other than Digest, text that is no list of parameters is kept as it is.
    ///
    /// # Errors
    /// Where the scheme is no token, a parameter is none, or Digest's nonce count has not eight digits.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let (scheme, params) = scheme_and_params(value)?;
        if is_digest(scheme) {
            check_count(value, params)?;
        }
        Ok(Self { scheme, params })
    }

    /// Whether the scheme is Digest.
    pub fn is_digest(&self) -> bool {
        is_digest(self.scheme)
    }

    /// The user's name, or its hash where `userhash` says so.
    pub fn username(&self) -> Option<Cow<'a, str>> {
        self.params.text("username")
    }

    /// Whether the user's name came hashed (RFC 7616 §3.4.4).
    pub fn userhash(&self) -> bool {
        self.params.text("userhash").is_some_and(|userhash| userhash.eq_ignore_ascii_case("true"))
    }

    /// Whose credentials these are.
    pub fn realm(&self) -> Option<Cow<'a, str>> {
        self.params.text("realm")
    }

    /// The server's nonce.
    pub fn nonce(&self) -> Option<Cow<'a, str>> {
        self.params.text("nonce")
    }

    /// The Request-URI that was hashed.
    pub fn uri(&self) -> Option<Cow<'a, str>> {
        self.params.text("uri")
    }

    /// The proof, in hexadecimal.
    pub fn response(&self) -> Option<Cow<'a, str>> {
        self.params.text("response")
    }

    /// The hash; MD5 where nothing is said.
    pub fn algorithm(&self) -> Option<Cow<'a, str>> {
        self.params.text("algorithm")
    }

    /// The client's nonce.
    pub fn cnonce(&self) -> Option<Cow<'a, str>> {
        self.params.text("cnonce")
    }

    /// What the server wanted back as it was.
    pub fn opaque(&self) -> Option<Cow<'a, str>> {
        self.params.text("opaque")
    }

    /// The quality of protection that the client chose.
    pub fn qop(&self) -> Option<&'a str> {
        self.params.qop().next()
    }

    /// How many requests the client has sent with this nonce.
    pub fn nc(&self) -> Option<u32> {
        self.params.nc()
    }
}

impl fmt::Display for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scheme(f, self.scheme, self.params)
    }
}

fn write_scheme(f: &mut fmt::Formatter<'_>, scheme: &str, params: AuthParams<'_>) -> fmt::Result {
    f.write_str(scheme)?;
    if params.as_str().is_empty() { Ok(()) } else { write!(f, " {params}") }
}

/// `Authentication-Info` (RFC 3261 §20.6, RFC 7616 §3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthenticationInfo<'a> {
    /// nextnonce, qop, rspauth, cnonce, nc and others.
    pub params: AuthParams<'a>,
}

impl<'a> AuthenticationInfo<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where a parameter is none, or a nonce count has not eight digits.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let params = list(Cursor::new(value))?;
        check_count(value, params).map(|()| Self { params })
    }

    /// The nonce for the next request.
    pub fn nextnonce(&self) -> Option<Cow<'a, str>> {
        self.params.text("nextnonce")
    }

    /// The quality of protection of the answer.
    pub fn qop(&self) -> Option<&'a str> {
        self.params.qop().next()
    }

    /// The server's proof, in hexadecimal.
    pub fn rspauth(&self) -> Option<Cow<'a, str>> {
        self.params.text("rspauth")
    }

    /// The client's nonce.
    pub fn cnonce(&self) -> Option<Cow<'a, str>> {
        self.params.text("cnonce")
    }

    /// The count of the request that is answered.
    pub fn nc(&self) -> Option<u32> {
        self.params.nc()
    }
}

impl fmt::Display for AuthenticationInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.params.fmt(f)
    }
}

/// One element of `Security-Client`, `Security-Server` or `Security-Verify` (RFC 3329 §2.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecurityMechanism<'a> {
    /// `digest`, `tls`, `ipsec-ike`, `ipsec-man` and others.
    pub name: &'a str,
    /// `q`, `d-alg`, `d-qop`, `d-ver` and others.
    pub params: Params<'a>,
}

impl<'a> SecurityMechanism<'a> {
    /// The element that is all of `value`.
    ///
    /// # Errors
    /// Where the name is no token, or `q` is no number from 0 to 1.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        let name = cursor.token("a security mechanism")?;
        let params = cursor.params()?;
        check_q(value, params).map(|()| Self { name, params })
    }

    /// How much the mechanism is preferred; 1 where nothing is said.
    pub fn q(&self) -> QValue {
        q_of(self.params)
    }
}

impl fmt::Display for SecurityMechanism<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn fault<T>(result: Result<T, ParseError>) -> (&'static str, usize) {
        result.map(|_| ()).map_err(|fault| (fault.expected, fault.at)).unwrap_err()
    }

    #[test]
    fn challenges() {
        // RFC 3261 §20.44.
        let value = "Digest realm=\"atlanta.com\",domain=\"sip:boxesbybob.com sip:b\", qop=\"auth, auth-int\",\
            nonce=\"f84f1cec41e6cbe5aea9c8e88d359\",opaque=\"\", stale=FALSE, algorithm=MD5";
        let challenge = Challenge::parse(value).unwrap();
        assert!(challenge.is_digest() && !challenge.stale() && !challenge.userhash());
        assert_eq!(challenge.realm().unwrap(), "atlanta.com");
        assert_eq!(challenge.nonce().unwrap(), "f84f1cec41e6cbe5aea9c8e88d359");
        assert_eq!(
            (challenge.opaque().unwrap().as_ref(), challenge.algorithm().unwrap().as_ref()),
            ("", "MD5")
        );
        assert_eq!(challenge.qop().collect::<Vec<_>>(), ["auth", "auth-int"]);
        assert_eq!(challenge.domain().collect::<Vec<_>>(), ["sip:boxesbybob.com", "sip:b"]);
        assert_eq!(challenge.to_string(), value);
        assert!(Challenge::parse("digest stale = True ,, realm=\"a\\\"b\"").unwrap().stale());
    }

    #[test]
    fn credentials() {
        // RFC 3261 §20.7, RFC 7616 §3.9.
        let value = "Digest username=\"Alice\", realm=\"atlanta.com\", nonce=\"84a4cc6f3082121f32b42a2187831a9e\", \
            response=\"7587245234b3434cc3412213e5f113a5432\", uri=\"sip:b\", nc=0000000a, qop=auth, cnonce=\"c\"";
        let credentials = Credentials::parse(value).unwrap();
        assert_eq!(credentials.username().unwrap(), "Alice");
        assert_eq!(credentials.response().unwrap(), "7587245234b3434cc3412213e5f113a5432");
        assert_eq!((credentials.nc(), credentials.qop()), (Some(10), Some("auth")));
        assert_eq!(credentials.uri().unwrap(), "sip:b");
        assert_eq!(credentials.cnonce().unwrap(), "c");
        let star = Credentials::parse("Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe").unwrap();
        assert_eq!(star.params.value("username*"), Some("UTF-8''J%C3%A4s%C3%B8n%20Doe"));
        assert!(!alloc::format!("{credentials:?}").contains("7587245234"));
    }

    #[test]
    fn faults_of_digest() {
        assert_eq!(fault(Credentials::parse("Digest")), ("white space", 6));
        assert_eq!(fault(Credentials::parse("Digest ,")), ("a parameter name", 7));
        assert_eq!(fault(Credentials::parse("Digest a=\"b")), ("a closing quote", 9));
        assert_eq!(fault(Credentials::parse("Digest a=1 b=2")), ("','", 11));
        assert_eq!(fault(Credentials::parse("Digest a")), ("'='", 8));
        assert_eq!(fault(Credentials::parse("Digest a=,")), ("a parameter value", 9));
        assert_eq!(fault(Credentials::parse("Digest nc=1")), ("eight hexadecimal digits", 10));
        assert_eq!(fault(Credentials::parse("Digest nc=\"00000001\"")), ("eight hexadecimal digits", 10));
        assert_eq!(fault(Credentials::parse("\"Digest\" a=b")), ("an authentication scheme", 0));
    }

    #[test]
    fn other_schemes_keep_what_they_have() {
        // RFC 4475 §3.3.8: an unknown scheme with parameters of its own.
        let value = "NoOneKnowsThisScheme opaque-data=here";
        assert_eq!(Credentials::parse(value).unwrap().params.value("opaque-data"), Some("here"));
        let basic = Credentials::parse("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert_eq!((basic.scheme, basic.params.as_str()), ("Basic", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!(basic.params.iter().count(), 0);
        let bare = Challenge::parse("Negotiate").unwrap();
        assert_eq!((bare.params.as_str(), bare.to_string().as_str()), ("", "Negotiate"));
        // RFC 3261 §25.1: only Digest's credentials have a `nonce-count`.
        assert_eq!(Credentials::parse("Other nc=1").map(|other| other.nc()), Ok(None));
        assert_eq!(Challenge::parse("Digest nc=1").map(|other| other.params.value("nc")), Ok(Some("1")));
        assert_eq!(fault(Challenge::parse("Other \"x")), ("a parameter name", 6));
    }

    #[test]
    fn what_a_server_says_of_itself() {
        // RFC 3261 §20.6.
        let info =
            AuthenticationInfo::parse("nextnonce=\"47364c23432d2e131a5fb210812c\", nc=00000001").unwrap();
        assert_eq!(info.nextnonce().unwrap(), "47364c23432d2e131a5fb210812c");
        assert_eq!((info.nc(), info.rspauth(), info.qop(), info.cnonce()), (Some(1), None, None, None));
        assert_eq!(fault(AuthenticationInfo::parse("")), ("a parameter name", 0));
    }

    #[test]
    fn security_mechanisms() {
        // RFC 3329 §2.2.
        let mechanism = SecurityMechanism::parse("ipsec-ike;q=0.1").unwrap();
        assert_eq!((mechanism.name, mechanism.q().thousandths()), ("ipsec-ike", 100));
        assert_eq!(SecurityMechanism::parse("tls").unwrap().q(), QValue::ONE);
        assert_eq!(fault(SecurityMechanism::parse("tls;q=a")), (super::super::content::Q, 6));
    }
}
