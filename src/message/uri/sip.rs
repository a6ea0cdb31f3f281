//! `sip:` and `sips:` (RFC 3261 §19.1.1).

use super::{Host, Params, ParseError, TelUri, Transport, check_characters, scan};
use crate::message::lanes;

/// A SIP or SIPS URI (RFC 3261 §19.1.1).
#[derive(Clone, Copy, PartialEq, Eq)]
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

/// A header field in a SIP URI, escapes and all (RFC 3261 §19.1.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UriHeader<'a> {
    /// The field name, or `body`.
    pub name: &'a str,
    /// The field value; empty where there is none.
    pub value: &'a str,
}

impl<'a> SipUri<'a> {
    /// The SIP URI behind its scheme in the form that nearly all have, where user and host are told by one look: `user@host:port;params`.
    /// For what is not, faults included, `None`.
    #[inline(always)]
    pub(super) fn usual(text: &'a str, secure: bool) -> Option<Self> {
        let octets = text.as_bytes();
        let mut marks = lanes::marks(octets, |lanes| scan::Set::Host.outside(lanes));
        let first = marks.trailing_zeros() as usize;
        let (user, rest) = match octets.get(first) {
            Some(b'@') if first > 0 => {
                marks &= marks.wrapping_sub(1);
                (text.get(..first), text.get(first.wrapping_add(1)..)?)
            }
            _ => (None, text),
        };
        // Without a mark the host goes on to the end, if that is in sight.
        let host_end = match marks {
            0 if octets.len() > lanes::MARKED => return None,
            0 => octets.len(),
            marks => marks.trailing_zeros() as usize,
        };
        let host_at = octets.len().wrapping_sub(rest.len());
        let (name, after) = rest.split_at_checked(host_end.wrapping_sub(host_at))?;
        let (port, params) = match after.strip_prefix(':') {
            Some(number) => {
                let (port, rest) = scan::digits(number.as_bytes())?;
                (Some(u16::try_from(port).ok()?), number.get(number.len().wrapping_sub(rest.len())..)?)
            }
            None => (None, after),
        };
        let is_end = params.is_empty() || (params.starts_with(';') && scan::Set::UriParams.has_all(params));
        // A user may hold what ends a host.
        if !is_end || name.is_empty() || (user.is_none() && scan::find(params, b'@').is_some()) {
            return None;
        }
        let host = Host::name_or_v4(name);
        let (password, params, headers) = (None, Params::new(params), None);
        Some(Self { secure, user, password, host, port, params, headers })
    }

    /// The same in every form.
    #[inline(never)]
    pub(super) fn unusual(whole: &'a str, rest: &'a str, secure: bool) -> Result<Self, ParseError> {
        let (first, after) = scan::Set::User.span(rest);
        let (user, password, rest) = match after.strip_prefix('@') {
            Some(rest) => (Some(first), None, rest),
            None if after.is_empty() => (None, None, rest),
            None => Self::user_info(whole, rest)?,
        };
        if user == Some("") {
            return scan::fault("a user before '@'", whole, rest);
        }
        let (host, port, after) = Host::parse_with_port(whole, rest)?;
        if port.is_some() {
            // White space around the colon is Via's alone (RFC 3261 §25.1 `COLON`).
            check_characters(whole, rest.get(..scan::offset(rest, after)).unwrap_or_default())?;
        }
        let (params, rest) = scan::Set::UriParams.span(after);
        let headers = rest.strip_prefix('?');
        check_characters(whole, headers.unwrap_or(rest))?;
        if !params.is_empty() && !params.starts_with(';') {
            return scan::fault("';', '?' or the end of the URI", whole, after);
        }
        Ok(Self { secure, user, password, host, port, params: Params::new(params), headers })
    }

    /// User, password and what follows `@`, if there is one.
    fn user_info(
        whole: &str,
        text: &'a str,
    ) -> Result<(Option<&'a str>, Option<&'a str>, &'a str), ParseError> {
        let (user_info, after) = scan::Set::UserInfo.span(text);
        match (after.strip_prefix('@'), after) {
            (Some(rest), _) => Ok(match scan::cut(user_info, b':') {
                Some((user, password)) => (Some(user), Some(password), rest),
                None => (Some(user_info), None, rest),
            }),
            (None, "") => Ok((None, None, text)),
            (None, bad) => scan::fault("a character of a URI", whole, bad),
        }
    }

    /// `sip` or `sips`.
    pub fn scheme(self) -> &'static str {
        if self.secure { "sips" } else { "sip" }
    }

    /// The `transport` parameter, if it names one that this crate knows.
    pub fn transport(self) -> Option<Transport> {
        self.params.value("transport").and_then(Transport::parse)
    }

    /// The transport that a request to this URI goes by, if it names one.
    ///
    /// # Errors
    /// When it names one that this crate does not know: no other will do (RFC 3263 §4.1).
    pub(crate) fn named_transport(self) -> Result<Option<Transport>, ParseError> {
        let unknown = ParseError { expected: "a transport that is known", header: None, at: 0 };
        let known = |name| Transport::parse(name).ok_or(unknown);
        self.params.value("transport").map(known).transpose()
    }

    /// Whether the `lr` parameter marks a loose router (RFC 3261 §16.12).
    pub fn is_loose(self) -> bool {
        self.params.get("lr").is_some()
    }

    /// The `maddr` parameter: the host to send to in place of `host`.
    pub fn maddr(self) -> Option<Host<'a>> {
        self.params.value("maddr").and_then(Host::parse)
    }

    /// The `ttl` parameter, 0 to 255: how far a multicast packet goes.
    pub fn ttl(self) -> Option<u8> {
        self.params.value("ttl").and_then(scan::number)
    }

    /// The `method` parameter as written: the method of a request made from this URI, compared with case.
    pub fn method(self) -> Option<&'a str> {
        self.params.value("method")
    }

    /// The `user` parameter as written: `phone`, `ip` or another token.
    pub fn user_kind(self) -> Option<&'a str> {
        self.params.value("user")
    }

    /// The telephone number in the user part, when `user=phone` says that it is one (RFC 3261 §19.1.6).
    /// Its escapes are still there.
    ///
    /// ```
    /// use sip_proto::message::Uri;
    ///
    /// let uri = Uri::parse("sip:+358-555-1234567;postd=pp22@foo.com;user=phone")?.sip().unwrap();
    /// let phone = uri.phone().unwrap();
    /// assert_eq!((phone.number, phone.params.value("postd")), ("+358-555-1234567", Some("pp22")));
    /// # Ok::<(), sip_proto::message::ParseError>(())
    /// ```
    pub fn phone(self) -> Option<TelUri<'a>> {
        let is_phone = self.user_kind().is_some_and(|kind| kind.eq_ignore_ascii_case("phone"));
        self.user.filter(|_| is_phone).and_then(|user| TelUri::parse(user, user).ok())
    }

    /// Whether the `ob` parameter asks for the flow that registered this contact (RFC 5626 §4.3).
    pub fn is_outbound(self) -> bool {
        self.params.get("ob").is_some()
    }

    /// The `gr` parameter, which makes this a GRUU: `Some(None)` for a temporary one, which has no value
    /// (RFC 5627 §3.1).
    pub fn gruu(self) -> Option<Option<&'a str>> {
        self.params.get("gr")
    }

    /// The header fields behind `?`, in order, escapes and all; `body` names the body. One without `=` has an
    /// empty value; one without a name is left out.
    ///
    /// Never put them into a request unseen: RFC 3261 §19.1.5 lists those that do harm.
    ///
    /// ```
    /// use sip_proto::message::{Uri, unescape};
    ///
    /// let uri = Uri::parse("sips:alice@atlanta.com?subject=project%20x&priority=urgent")?.sip().unwrap();
    /// let subject = uri.header_fields().next().unwrap();
    /// assert_eq!((subject.name, unescape(subject.value).unwrap()), ("subject", "project x".into()));
    /// # Ok::<(), sip_proto::message::ParseError>(())
    /// ```
    pub fn header_fields(self) -> impl Iterator<Item = UriHeader<'a>> {
        let mut rest = self.headers;
        core::iter::from_fn(move || {
            let field = match scan::cut(rest?, b'&') {
                Some((field, after)) => {
                    rest = Some(after);
                    field
                }
                None => rest.take()?,
            };
            let (name, value) = scan::cut(field, b'=').unwrap_or((field, ""));
            Some(UriHeader { name, value })
        })
        .filter(|field| !field.name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use proptest::prelude::*;

    /// What URIs are made of, and what does not belong in them.
    const PIECES: [&str; 26] = [
        "a",
        "bob",
        "@",
        ":",
        ";",
        "?",
        "=",
        "h.example.com",
        "192.0.2.4",
        "[2001:db8::1]",
        ":5060",
        ":70000",
        ":01",
        ";lr",
        ";transport=udp",
        "0123456789abcdef",
        "a-long.name_of-a.host.somewhere.example.com",
        "%41",
        "~",
        "/",
        " ",
        "<",
        "\u{e9}",
        "&a=b",
        "256.1.1.1",
        "0123456789",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        /// RFC 3261 §19.1.1: what is said at one look is what is said of every form.
        #[test]
        fn the_usual_form_says_what_every_form_says(
            pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..7)
        ) {
            let text: String = pieces.concat();
            let every = SipUri::unusual(&text, &text, false).ok();
            if let Some(uri) = SipUri::usual(&text, false) {
                prop_assert_eq!(Some(uri), every, "{}", text);
            }
        }
    }

    #[test]
    fn the_usual_form_is_usual() {
        for text in [
            "h",
            "h.example.com",
            "192.0.2.4:5060",
            "bob@h",
            "bob@192.0.2.4",
            "bob@client.biloxi.example.com:5060;transport=udp",
            "h;lr",
            "a.b-c_d@a-long-name-of-a-host.example.com:5061;transport=tcp;ob;and=much-more",
        ] {
            assert_eq!(SipUri::usual(text, true), SipUri::unusual(text, text, true).ok());
            assert!(SipUri::usual(text, true).is_some(), "{text}");
        }
    }
}
