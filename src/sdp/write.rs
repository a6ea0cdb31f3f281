//! Writing lines, and the version of the origin.

use alloc::vec::Vec;

use super::lines::Line;
use super::{Origin, Session, Stream};

/// Writes the parts as one line, ended by CRLF.
pub(super) fn line(out: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out.extend_from_slice(b"\r\n");
}

/// Writes a line as it is, but ended.
pub(super) fn copy(out: &mut Vec<u8>, line: &Line<'_>) {
    out.extend_from_slice(line.raw);
    end(out);
}

/// Ends the last line, if it is not ended.
fn end(out: &mut Vec<u8>) {
    if !out.ends_with(b"\n") {
        out.extend_from_slice(if out.ends_with(b"\r") { b"\n" } else { b"\r\n" });
    }
}

/// Writes a line's kind and value anew, ended by CRLF.
pub(super) fn copy_value(out: &mut Vec<u8>, line: &Line<'_>) {
    let Some(kind) = line.kind else { return };
    self::line(out, &[&[kind, b'='], line.value]);
}

/// Writes a number in decimal digits.
pub(super) fn number(out: &mut Vec<u8>, mut number: u64) {
    let start = out.len();
    loop {
        out.push(b'0'.saturating_add(u8::try_from(number % 10).unwrap_or_default()));
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// Writes the origin of `session`, ended by CRLF or as it was, in its next version when `next`: one higher (RFC 3264 §8). After the highest
/// comes 0.
pub(super) fn origin(out: &mut Vec<u8>, session: &Session<'_>, line: &Line<'_>, next: bool) {
    let (from, to) = session.version_range();
    let (from, to) = (from.saturating_sub(line.at), to.saturating_sub(line.at));
    let Some((before, after)) = line.raw.get(..from).zip(line.raw.get(to..)).filter(|_| next) else {
        return copy(out, line);
    };
    out.extend_from_slice(before);
    number(out, session.origin.version.wrapping_add(1));
    out.extend_from_slice(after);
    end(out);
}

/// Writes an origin from its parts.
pub(super) fn origin_as(out: &mut Vec<u8>, origin: &Origin<'_>) {
    out.extend_from_slice(b"o=");
    for part in [origin.username, origin.session_id] {
        out.extend_from_slice(part.as_bytes());
        out.push(b' ');
    }
    number(out, origin.version);
    let parts = [origin.network, origin.address_type, origin.address].map(str::as_bytes);
    let [network, address_type, address] = parts;
    line(out, &[b" ", network, b" ", address_type, b" ", address]);
}

/// Writes `m=` up to the formats: the kind of `stream`, on these ports.
pub(super) fn media(out: &mut Vec<u8>, stream: &Stream<'_>, port: u16, count: u16) {
    out.extend_from_slice(b"m=");
    out.extend_from_slice(stream.media.as_bytes());
    out.push(b' ');
    number(out, port.into());
    if count > 1 {
        out.push(b'/');
        number(out, count.into());
    }
    out.push(b' ');
    out.extend_from_slice(stream.proto.as_bytes());
}

/// Writes `stream` switched off in the description of `session`: port 0 and one format (RFC 3264 §6, §8.2), with an address when
/// the session has none (RFC 8866 §5.7).
pub(super) fn disabled(out: &mut Vec<u8>, stream: &Stream<'_>, session: &Session<'_>) {
    media(out, stream, 0, 1);
    line(out, &[b" ", stream.formats().next().unwrap_or("0").as_bytes()]);
    if session.connection.is_none() {
        let origin = &session.origin;
        let parts = [origin.network, origin.address_type, origin.address].map(str::as_bytes);
        let [network, address_type, address] = parts;
        line(out, &[b"c=", network, b" ", address_type, b" ", address]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_format_does() {
        for value in [0, 1, 9, 10, 2_890_844_526, u64::MAX] {
            let mut out = alloc::vec![b'x'];
            number(&mut out, value);
            assert_eq!(out, alloc::format!("x{value}").as_bytes());
        }
    }
}
