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
        ipv4(text.as_bytes()).map_or(Self::Name(text), |ip| Self::Ip(ip.into()))
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

/// An IPv4 address: what the standard library reads as one, in a fraction of the steps.
#[inline]
pub(in crate::message) fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    // A name, most often.
    if text.first()?.is_ascii_digit() { numeric(text) } else { None }
}

#[inline(never)]
fn numeric(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut address, mut rest) = part(text)?;
    for _ in 0..3 {
        let (number, after) = part(rest.strip_prefix(b".")?)?;
        (address, rest) = ((address << 8) | number, after);
    }
    rest.is_empty().then(|| Ipv4Addr::from_bits(address))
}

/// The number from 0 to 255 at the start of `text`, and what follows. None but zero itself begins with a zero.
#[inline]
fn part(text: &[u8]) -> Option<(u32, &[u8])> {
    let digit =
        |at: usize| text.get(at).map(|byte| u32::from(byte.wrapping_sub(b'0'))).filter(|digit| *digit <= 9);
    let (number, len) = match (digit(0)?, digit(1)) {
        (ones, None) => (ones, 1),
        (0, Some(_)) => return None,
        (first, Some(second)) => {
            let tens = first.wrapping_mul(10).wrapping_add(second);
            digit(2).map_or((tens, 2), |ones| (tens.wrapping_mul(10).wrapping_add(ones), 3))
        }
    };
    Some((number, text.get(len..)?)).filter(|_| number <= 255)
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

    proptest::proptest! {
        #[test]
        fn addresses_are_those_of_the_standard_library(text in "[0-9.]{0,16}", near in "[0-2]?[0-9]{1,2}(\\.[0-2]?[0-5]?[0-9]){2,4}.?") {
            for text in [&text, &near] {
                proptest::prop_assert_eq!(ipv4(text.as_bytes()), text.parse().ok(), "{}", text);
            }
        }
    }

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
