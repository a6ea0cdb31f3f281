//! Writing into one buffer: lines, and what stands in them.

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr};

use super::{Host, Line, Name, Span, Start, StatusCode};

/// Writes a status line (RFC 3261 §7.2).
#[inline(always)]
pub(super) fn write_status_line(bytes: &mut Vec<u8>, status: StatusCode, reason: &str) -> Start {
    bytes.extend_from_slice(&status.before_reason());
    let at = bytes.len() as u16;
    bytes.extend_from_slice(reason.as_bytes());
    let reason = Span { at, end: bytes.len() as u16 };
    bytes.extend_from_slice(b"\r\n");
    Start::Response { status, reason }
}

/// Writes a line, and says where it stands.
#[inline]
pub(super) fn write_line(
    bytes: &mut Vec<u8>,
    name: Name,
    spelling: &str,
    write: impl FnOnce(&mut Value<'_>),
) -> Line {
    let name_at = bytes.len() as u16;
    bytes.extend_from_slice(spelling.as_bytes());
    bytes.extend_from_slice(b": ");
    let at = bytes.len() as u16;
    write(&mut Value(bytes));
    let value = Span { at, end: bytes.len() as u16 };
    bytes.extend_from_slice(b"\r\n");
    Line { name, name_len: spelling.len() as u8, name_at, value }
}

/// Where the value of a header line is written.
pub struct Value<'a>(pub(super) &'a mut Vec<u8>);

impl Value<'_> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes text.
    pub fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Writes what stands in a message, which may be no UTF-8.
    pub(super) fn raw(&mut self, octets: &[u8]) {
        self.0.extend_from_slice(octets);
    }

    /// Writes a number in decimal.
    pub fn number(&mut self, number: u32) {
        if let Ok(digit @ 0..10) = u8::try_from(number) {
            return self.0.push(b'0'.wrapping_add(digit));
        }
        let mut digits = [b'0'; 10];
        let mut rest = number;
        let mut len = 0_usize;
        for place in digits.iter_mut().rev() {
            *place = b'0'.wrapping_add((rest % 10) as u8);
            rest /= 10;
            len = len.saturating_add(1);
            if rest == 0 {
                break;
            }
        }
        let start = digits.len().saturating_sub(len);
        self.0.extend_from_slice(digits.get(start..).unwrap_or_default());
    }

    /// Writes a host: an IPv6 address in brackets.
    pub fn host(&mut self, host: Host<'_>) {
        match host {
            Host::Ip(IpAddr::V4(ip)) => self.dotted(ip),
            Host::Ip(IpAddr::V6(_)) => _ = fmt::write(self, format_args!("{host}")),
            Host::Name(name) => self.text(name),
        }
    }
}

impl Value<'_> {
    fn dotted(&mut self, ip: Ipv4Addr) {
        for (digits, len) in ip.octets().iter().filter_map(|octet| OCTETS.get(usize::from(*octet))) {
            self.0.extend_from_slice(digits);
            let surplus = digits.len().wrapping_sub(usize::from(*len));
            self.0.truncate(self.0.len().wrapping_sub(surplus));
        }
        self.0.pop();
    }
}

/// Each octet of an IPv4 address in decimal, with the dot behind it, and how long both are.
#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
static OCTETS: [([u8; 4], u8); 256] = {
    let mut table = [([b'.'; 4], 2); 256];
    let mut octet = 0;
    while octet < 256 {
        let digits = [octet / 100, octet / 10 % 10, octet % 10];
        let leading = if octet < 10 {
            2
        } else if octet < 100 {
            1
        } else {
            0
        };
        let mut place = leading;
        while place < 3 {
            table[octet].0[place - leading] = b'0' + digits[place] as u8;
            place += 1;
        }
        table[octet].1 = 4 - leading as u8;
        octet += 1;
    }
    table
};

impl fmt::Write for Value<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn numbers_and_addresses_are_decimal() {
        let written = |write: &dyn Fn(&mut Value<'_>)| {
            let mut bytes = Vec::new();
            write(&mut Value(&mut bytes));
            alloc::string::String::from_utf8(bytes).unwrap()
        };
        for number in (0..1_200).chain([99_999, 1_000_000, u32::MAX]) {
            assert_eq!(written(&|value| value.number(number)), number.to_string());
        }
        // RFC 3261 §25.1 IPv4address: no leading zeros.
        for octet in 0..=u8::MAX {
            let ip = Ipv4Addr::from([octet, octet.reverse_bits(), 255 - octet, octet]);
            assert_eq!(written(&|value| value.host(Host::Ip(ip.into()))), ip.to_string());
        }
    }
}
