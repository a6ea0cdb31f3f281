//! Hosts: names and addresses (RFC 3261 §25.1 as corrected by RFC 5954 §4.1).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{ParseError, scan};

/// A host: a domain name or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host<'a> {
    /// A domain name.
    Name(&'a str),
    /// A numeric address.
    Ip(IpAddr),
}

impl<'a> Host<'a> {
    /// The host that is all of `text`; IPv6 in brackets or, as `received` and `maddr` are seen in the
    /// wild (RFC 5118 §4.5), without.
    pub fn parse(text: &'a str) -> Option<Self> {
        if scan::Set::Host.has_all(text) {
            return (!text.is_empty()).then(|| Self::name_or_v4(text));
        }
        let inner = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        ipv6(inner.unwrap_or(text)).map(|ip| Self::Ip(ip.into()))
    }

    /// The host that `text`, which has no other characters than a host's, is.
    pub(in crate::message) fn name_or_v4(text: &'a str) -> Self {
        let is_numeric = text.as_bytes().first().is_some_and(u8::is_ascii_digit);
        match is_numeric.then(|| text.parse::<Ipv4Addr>()) {
            Some(Ok(ip)) => Self::Ip(ip.into()),
            _ => Self::Name(text),
        }
    }

    /// `host [":" port]` at the start of `rest`, white space allowed around the colon as in Via.
    pub(in crate::message) fn parse_with_port(
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
                let (text, after) = scan::Set::Host.span(rest);
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

    /// Whether both name the same host: names without case, addresses by value (RFC 5954 §4.2). An IPv4 address and
    /// its IPv4-mapped IPv6 form are two addresses.
    pub fn is_same(self, other: Host<'_>) -> bool {
        match (self, other) {
            (Self::Name(one), Host::Name(two)) => one.eq_ignore_ascii_case(two),
            (Self::Ip(one), Host::Ip(two)) => one == two,
            (Self::Name(_), Host::Ip(_)) | (Self::Ip(_), Host::Name(_)) => false,
        }
    }
}

/// An IPv6 address. The grammar of RFC 3261 has a colon too many before an IPv4 address, which is left out (RFC 5118 §4.10).
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().or_else(|| {
        let (head, tail) = text.split_at_checked(text.find(":::")?.saturating_add(2))?;
        let high = head.parse::<Ipv6Addr>().ok()?.to_bits();
        let low = tail.strip_prefix(':')?.parse::<Ipv4Addr>().ok()?.to_bits();
        (high & u128::from(u32::MAX) == 0).then(|| Ipv6Addr::from_bits(high | u128::from(low)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_too_many_before_an_ipv4_address_is_forgiven() {
        // RFC 5118 §4.10.
        let right = Host::parse("[2001:db8::192.0.2.1]");
        assert!(right.is_some());
        assert_eq!(Host::parse("[2001:db8:::192.0.2.1]"), right);
        assert_eq!(Host::parse("[:::192.0.2.1]").and_then(Host::ip), "::192.0.2.1".parse().ok());
        for wrong in ["[2001:db8:::1]", "[2001::::192.0.2.1]", "[1:2:3:4:5:6:7:::192.0.2.1]", "[:::]"] {
            assert_eq!(Host::parse(wrong), None, "{wrong}");
        }
    }
}
