//! Via (RFC 3261 §20.42).

use core::net::IpAddr;

use super::{Host, Params, ParseError, Transport, scan};

/// What every branch of an RFC 3261 element begins with (§8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// Whether a branch begins with the magic cookie and goes on (RFC 3261 §8.1.1.7).
pub(super) fn is_rfc3261(branch: &[u8]) -> bool {
    match branch.split_first_chunk() {
        Some((cookie, rest)) => !rest.is_empty() && (cookie == COOKIE || cookie.eq_ignore_ascii_case(COOKIE)),
        None => false,
    }
}

const COOKIE: &[u8; MAGIC_COOKIE.len()] = match MAGIC_COOKIE.as_bytes().first_chunk() {
    Some(cookie) => cookie,
    None => unreachable!(),
};

/// One hop of the path that a request took.
///
/// ```
/// use sip_proto::message::{Host, Via};
///
/// let via = Via::parse("SIP/2.0/UDP pc33.example.com:5066;branch=z9hG4bK776;rport")?;
/// assert_eq!((via.host, via.port), (Host::Name("pc33.example.com"), Some(5066)));
/// assert_eq!(via.branch(), Some("z9hG4bK776"));
/// assert!(via.wants_rport());
/// # Ok::<(), sip_proto::message::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// The transport as written: `UDP`, `TCP`, or one that this crate does not know.
    pub transport: &'a str,
    /// The host of `sent-by`.
    pub host: Host<'a>,
    /// The port of `sent-by`, where given.
    pub port: Option<u16>,
    /// branch, received, rport, maddr, ttl and others.
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    /// The one Via value that is all of `value`.
    ///
    /// # Errors
    /// Where protocol, transport or sent-by is missing or malformed.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        match Self::usual(value) {
            Some(via) => Ok(via),
            None => Self::unusual(value),
        }
    }

    /// Every form.
    fn unusual(value: &'a str) -> Result<Self, ParseError> {
        let text = scan::trim_start(value);
        match text.strip_prefix("SIP/2.0/") {
            Some(rest) if !rest.starts_with([' ', '\t']) => Self::after_version(value, rest),
            _ => Self::after_version(value, Self::version(value, text)?),
        }
    }

    /// A value in the form that nearly all have, one space and no other: for what is not, `None`.
    #[inline]
    fn usual(value: &'a str) -> Option<Self> {
        let text = value.strip_prefix("SIP/2.0/")?;
        let len = match text.as_bytes() {
            [_, _, b' ', ..] => 2,
            [_, _, _, b' ', ..] => 3,
            _ => return None,
        };
        let (transport, rest) = text.split_at_checked(len)?;
        if !matches!(transport, "UDP" | "TCP" | "TLS" | "WS" | "WSS") {
            return None;
        }
        let (name, after) = scan::Set::Host.span(rest.get(1..)?);
        if name.is_empty() {
            return None;
        }
        let (port, params) = match after.strip_prefix(':') {
            Some(number) => scan::leading_number(number).map(|(port, rest)| (Some(port), rest))?,
            None => (None, after),
        };
        let port = port.map(u16::try_from).transpose().ok()?;
        let ends = match params.as_bytes() {
            [] => true,
            [one] => *one == b';',
            [first, .., last] => *first == b';' && !scan::is_lws(*last),
        };
        let host = Host::name_or_v4(name);
        ends.then(|| Self { transport, host, port, params: Params::new(params) })
    }

    /// `SIP / 2.0 /` in any spacing; what follows it.
    fn version(value: &'a str, text: &'a str) -> Result<&'a str, ParseError> {
        let (name, rest) = slash_token(value, text, "\"SIP\"")?;
        if !name.eq_ignore_ascii_case("SIP") {
            return scan::fault("\"SIP\"", value, text);
        }
        let (version, transport) = slash_token(value, rest, "\"2.0\"")?;
        match version {
            "2.0" => Ok(transport),
            _ => scan::fault("\"2.0\"", value, rest),
        }
    }

    fn after_version(value: &'a str, text: &'a str) -> Result<Self, ParseError> {
        let Some((transport, rest)) = scan::token(text) else {
            return scan::fault("a transport", value, text);
        };
        let sent_by = scan::trim_start(rest);
        if sent_by.len() == rest.len() {
            return scan::fault("white space and sent-by", value, rest);
        }
        let (host, port, rest) = Host::parse_with_port(value, sent_by)?;
        let params = scan::trim(rest);
        if !params.is_empty() && !params.starts_with(';') {
            return scan::fault("';'", value, scan::trim_start(rest));
        }
        Ok(Self { transport, host, port, params: Params::new(params) })
    }

    /// The transport, if this crate knows it.
    pub fn known_transport(&self) -> Option<Transport> {
        Transport::parse(self.transport)
    }

    /// The `branch` parameter.
    pub fn branch(&self) -> Option<&'a str> {
        self.params.value("branch").filter(|branch| !branch.is_empty())
    }

    /// The branch, if it is one of RFC 3261's: it begins with the magic cookie and goes on after it.
    /// Branches compare without case (§7.3.1).
    pub fn rfc3261_branch(&self) -> Option<&'a str> {
        self.branch().filter(|branch| is_rfc3261(branch.as_bytes()))
    }

    /// The port of sent-by, or the transport's default (§18.2.2; 5060 for an unknown transport).
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or_else(|| self.known_transport().map_or(5060, Transport::default_port))
    }

    /// The `received` address (§18.2.1).
    pub fn received(&self) -> Option<IpAddr> {
        self.params.value("received").and_then(Host::parse).and_then(Host::ip)
    }

    /// The port in `rport`, once the server has filled it in (RFC 3581 §4).
    pub fn rport(&self) -> Option<u16> {
        self.params.value("rport").and_then(scan::number)
    }

    /// Whether the client asks for symmetric response routing: `rport`, with or without a value (RFC 3581 §3).
    pub fn wants_rport(&self) -> bool {
        self.params.get("rport").is_some()
    }

    /// The `maddr` parameter.
    pub fn maddr(&self) -> Option<Host<'a>> {
        self.params.value("maddr").and_then(Host::parse)
    }

    /// Checks the parameters, which parsing leaves unopened.
    ///
    /// # Errors
    /// At the first byte that the grammar does not allow.
    pub fn check(&self, value: &str) -> Result<(), ParseError> {
        let end = scan::trim(value);
        self.params.check(end)
    }
}

/// A token, then a slash; white space may surround the slash (§25.1 `SLASH`).
fn slash_token<'a>(
    whole: &str,
    text: &'a str,
    expected: &'static str,
) -> Result<(&'a str, &'a str), ParseError> {
    let Some((token, rest)) = scan::token(text) else { return scan::fault(expected, whole, text) };
    let rest = scan::trim_start(rest);
    match rest.strip_prefix('/') {
        Some(rest) => Ok((token, scan::trim_start(rest))),
        None => scan::fault("'/'", whole, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_allowed_where_the_grammar_has_it() {
        // RFC 4475 §3.1.1.1.
        let via = Via::parse("SIP  / 2.0\t/UDP   192.0.2.2 : 5070 ;branch = z9hG4bK390skdjuw").unwrap();
        assert_eq!((via.transport, via.port), ("UDP", Some(5070)));
        assert_eq!(via.rfc3261_branch(), Some("z9hG4bK390skdjuw"));
    }

    #[test]
    fn the_usual_form_is_read_as_any() {
        let heads =
            ["SIP/2.0/UDP ", "SIP/2.0/ws ", "SIP/2.0/TLS  ", "sip/2.0/TCP ", "SIP/2.0/XY ", "SIP/2.0/UDP"];
        let hosts = ["h", "h.example.com", "192.0.2.1", "1.2.3.4.5", "[::1]", "", "h,x", "h;", "\u{e9}"];
        let ports = ["", ":5060", ": 5060", ":0", ":65536", ":", ":5060x", " :1", ":99999999999"];
        let tails = ["", ";branch=z9hG4bK1", ";x;y ", " ;x", "x", ";", ", SIP/2.0/UDP two", ";a=\"b;c\"\t"];
        let mut usual = 0;
        for head in heads {
            for host in hosts {
                for port in ports {
                    for tail in tails {
                        let value = alloc::format!("{head}{host}{port}{tail}");
                        if let Some(via) = Via::usual(&value) {
                            assert_eq!(Via::unusual(&value), Ok(via), "{value}");
                            usual += 1;
                        }
                    }
                }
            }
        }
        assert!(usual >= 2 * 4 * 3 * 3, "{usual}");
    }

    #[test]
    fn a_cookie_alone_is_no_branch() {
        assert!(is_rfc3261(alloc::format!("{MAGIC_COOKIE}1").as_bytes()));
        // RFC 4475 §3.3.? badbranch: nothing follows the cookie.
        let via = Via::parse("SIP/2.0/UDP h;branch=z9hG4bK").unwrap();
        assert_eq!((via.branch(), via.rfc3261_branch()), (Some("z9hG4bK"), None));
        let via = Via::parse("SIP/2.0/UDP h;branch=Z9HG4BKx").unwrap();
        assert_eq!(via.rfc3261_branch(), Some("Z9HG4BKx"));
    }

    #[test]
    fn received_and_rport() {
        let via = Via::parse("SIP/2.0/UDP h;received=[2001:db8::9];rport=9988").unwrap();
        assert_eq!((via.received(), via.rport()), ("2001:db8::9".parse().ok(), Some(9988)));
        // RFC 5118 §4.5: without brackets too.
        assert_eq!(
            Via::parse("SIP/2.0/UDP h;received=2001:db8::9").unwrap().received(),
            "2001:db8::9".parse().ok()
        );
        assert_eq!(Via::parse("SIP/2.0/TLS h").unwrap().port_or_default(), 5061);
        assert_eq!(Via::parse("SIP/2.0/UDP h;rport").unwrap().rport(), None);
    }

    #[test]
    fn faults_name_their_place() {
        let fault = |value: &str| Via::parse(value).map_err(|e| (e.expected, e.at)).unwrap_err();
        assert_eq!(fault("SIP/7.0/UDP h"), ("\"2.0\"", 4));
        assert_eq!(fault("HTTP/2.0/UDP h"), ("\"SIP\"", 0));
        assert_eq!(fault("SIP/2.0/UDP"), ("white space and sent-by", 11));
        assert_eq!(fault("SIP/2.0/UDP ;branch=1"), ("a host", 12));
    }
}
