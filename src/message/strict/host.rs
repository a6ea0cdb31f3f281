//! Hosts and ports by the grammar (RFC 3261 §25.1), with the addresses of RFC 5954 §4.1, which corrected them.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::cursor::{Cursor, Match, Miss, number};

/// `hostport`
pub(super) fn host_port(c: &mut Cursor<'_>) -> Match {
    host(c)?;
    if c.eat(b':') { port(c) } else { Ok(()) }
}

pub(super) fn port(c: &mut Cursor<'_>) -> Match {
    number(c, u16::MAX.into(), "a port")
}

/// `host`: a name, an IPv4 address or an IPv6 address in brackets.
pub(super) fn host(c: &mut Cursor<'_>) -> Match {
    if c.peek() == Some(b'[') {
        return bracketed(c);
    }
    let start = *c;
    let text = c.take(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if is_name(text) || parse::<Ipv4Addr>(text) { Ok(()) } else { start.miss("a host") }
}

/// `IPv6reference`
fn bracketed(c: &mut Cursor<'_>) -> Match {
    let start = *c;
    c.advance(1);
    let inner = c.take(|byte| byte != b']');
    if parse::<Ipv6Addr>(inner) && c.eat(b']') {
        return Ok(());
    }
    start.miss("an IPv6 address in brackets").map_err(|miss: Miss| miss.in_section("RFC 5954 §4.1"))
}

/// The address in `received`: IPv6 stands there without brackets.
pub(super) fn bare_address(c: &mut Cursor<'_>) -> Match {
    let start = *c;
    let text = c.take(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'));
    let is_address = parse::<Ipv4Addr>(text) || parse::<Ipv6Addr>(text);
    if is_address { Ok(()) } else { start.miss("an IP address without brackets") }
}

fn parse<T: core::str::FromStr>(text: &[u8]) -> bool {
    core::str::from_utf8(text).is_ok_and(|text| text.parse::<T>().is_ok())
}

/// `hostname`: labels of letters, digits and inner hyphens, the last of which begins with a letter.
pub(super) fn is_name(text: &[u8]) -> bool {
    let text = text.strip_suffix(b".").unwrap_or(text);
    let is_label = |label: &[u8]| {
        label.first().is_some_and(u8::is_ascii_alphanumeric)
            && label.last().is_some_and(u8::is_ascii_alphanumeric)
    };
    let top = text.rsplit(|byte| *byte == b'.').next().and_then(|label| label.first());
    text.split(|byte| *byte == b'.').all(is_label) && top.is_some_and(u8::is_ascii_alphabetic)
}
