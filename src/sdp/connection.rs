//! Where media is to be sent: a `c=` line (RFC 8866 §5.7).

use core::net::{Ipv4Addr, Ipv6Addr};

use super::lines::{Fields, Line};
use crate::message::ParseError;

/// Where media is to be sent (RFC 8866 §5.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connection<'a> {
    /// The network type: `IN`.
    pub network: &'a str,
    /// The address type: `IP4` or `IP6`.
    pub address_type: &'a str,
    /// The address, with `/ttl` and `/count` where they are written.
    pub address: &'a str,
}

impl Connection<'_> {
    /// Whether it is `0.0.0.0`, to which nothing is sent: how RFC 2543 held a call (RFC 3264 §8.4).
    pub fn is_nowhere(&self) -> bool {
        self.address == "0.0.0.0"
    }

    /// Whether the address is one of a group: IPv4 from 224.0.0.0 to 239.255.255.255, IPv6 under ff00::/8.
    pub fn is_multicast(&self) -> bool {
        let address = self.address.split('/').next().unwrap_or_default();
        match self.address_type.eq_ignore_ascii_case("IP6") {
            true => address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_multicast()),
            false => address.parse::<Ipv4Addr>().is_ok_and(|address| address.is_multicast()),
        }
    }
}

pub(super) fn parse_connection<'a>(line: &Line<'a>) -> Result<Connection<'a>, ParseError> {
    let Some(text) = line.text() else { return line.fault("a connection (c=) in UTF-8") };
    let mut fields = Fields::new(text, line.value_at());
    Ok(Connection {
        network: fields.expect("a network type in a connection (c=)")?,
        address_type: fields.expect("an address type in a connection (c=)")?,
        address: fields.expect("an address in a connection (c=)")?,
    })
}
