//! The slow path: a head rewritten once into the form that `httparse` takes.
//!
//! SIP allows what HTTP no longer does: folded lines (RFC 3261 §7.3.1), white space before the colon (§25.1 `HCOLON`), control
//! characters in a quoted pair (§25.1 `quoted-pair`). A datagram without the empty line at its end is
//! taken as all head.

use alloc::vec::Vec;

use bytes::Bytes;

use super::strict::Lost;
use super::{Name, ParseError, scan};

/// A message in normal form.
pub(super) struct Normal {
    /// Start line, one line a header, the body.
    pub(super) bytes: Bytes,
    /// The same length, with a filler for each raw control character of the head.
    pub(super) mask: Vec<u8>,
    /// What of the grammar's breaches the normal form no longer shows.
    pub(super) lost: Lost,
    /// The first thing that no reading allows.
    pub(super) defect: Option<ParseError>,
}

const FILLER: u8 = b'_';

/// Rewrites `message`, whose head `httparse` refused.
pub(super) fn normalise(message: &[u8]) -> Normal {
    let bytes = Vec::with_capacity(message.len().saturating_add(4));
    let mut writer = Writer {
        bytes,
        defect: None,
        lost: Lost::empty(),
        headers: 0,
        name: Name::Unknown,
        double_fold_from: None,
        is_behind_blank: false,
        is_left_out: false,
    };
    let leading = message.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    writer.lost.set(Lost::EMPTY_LINES, leading > 0);
    let mut rest = message.get(leading..).unwrap_or_default();
    let mut is_start_line = true;
    let body = loop {
        let (line, after) = split_line(rest);
        // What follows a line without its end begins with that: CR, or LF alone, or nothing.
        match rest.get(line.len()) {
            Some(b'\r') => {}
            Some(_) => writer.lost |= Lost::BARE_LF,
            None => writer.lost |= Lost::NO_EMPTY_LINE,
        }
        match (line, after) {
            ([], after) => break after.unwrap_or_default(),
            (line, _) if is_start_line => writer.line(line),
            ([b' ' | b'\t', ..], _) => writer.fold(line),
            (line, _) => writer.header(line),
        }
        is_start_line = false;
        match after {
            Some(after) => rest = after,
            None => break &[],
        }
    };
    writer.bytes.extend_from_slice(b"\r\n");
    let head_len = writer.bytes.len();
    writer.bytes.extend_from_slice(body);
    let Writer { bytes, mut defect, lost, .. } = writer;
    let mask = mask(&bytes, head_len, &mut defect);
    Normal { bytes: bytes.into(), mask, lost, defect }
}

/// The first line without its end, and what follows; `None` when nothing ends the line.
fn split_line(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some(at) = memchr::memchr(b'\n', text) else { return (text, None) };
    let (line, rest) = text.split_at_checked(at).unwrap_or((text, &[]));
    (line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..))
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

struct Writer {
    bytes: Vec<u8>,
    defect: Option<ParseError>,
    lost: Lost,
    headers: usize,
    /// The name of the header before.
    name: Name,
    /// Where that begins, until two folds were seen together in it.
    double_fold_from: Option<usize>,
    /// Whether the line before was a fold of blanks alone.
    is_behind_blank: bool,
    /// Whether the line before was left out: then what continues it is, too.
    is_left_out: bool,
}

impl Writer {
    fn line(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// A line that begins with white space continues the one before it: both join with one space.
    fn fold(&mut self, line: &[u8]) {
        if self.is_left_out {
            return;
        }
        self.lost.set(Lost::START_FOLDED, self.lost.contains(Lost::START_FOLDED) || self.headers == 0);
        self.bytes.truncate(self.bytes.len().saturating_sub(2));
        let escapes = self.bytes.iter().rev().take_while(|byte| **byte == b'\\').count();
        if escapes % 2 == 1 && !self.may_end_with_backslash() {
            self.lost |= Lost::ESCAPED_FOLD;
        }
        if self.is_behind_blank && self.is_double_fold_odd() {
            self.lost |= Lost::BLANK_FOLD;
        }
        let blanks = line.iter().take_while(|byte| is_blank(**byte)).count();
        self.is_behind_blank = blanks == line.len();
        self.bytes.push(b' ');
        self.line(line.get(blanks..).unwrap_or_default());
    }

    /// Whether the header is text all through, where a backslash is a character like others and `LWS` may be repeated (RFC 3261 §25.1).
    fn is_text(&self) -> bool {
        matches!(self.name, Name::Unknown | Name::Subject | Name::Organization)
    }

    /// Whether a backslash may stand before a fold: in text, and at a Call-ID's end. Elsewhere it begins a quoted pair, which holds no CR.
    fn may_end_with_backslash(&self) -> bool {
        self.is_text() || matches!(self.name, Name::CallId | Name::InReplyTo | Name::Replaces | Name::Join)
    }

    /// Whether the header's grammar has `LWS` once only (RFC 3261 §25.1), which holds one fold. Text has it repeatedly: in quotes, in
    /// comments, and in headers that are text all through. Looks at each header once, so that the work stays linear.
    fn is_double_fold_odd(&mut self) -> bool {
        let line = self.double_fold_from.take().and_then(|from| self.bytes.get(from..));
        !self.is_text() && line.is_some_and(|line| memchr::memchr2(b'"', b'(', line).is_none())
    }

    /// A header line, without white space before its colon. One without a name is left out.
    fn header(&mut self, line: &[u8]) {
        let colon = memchr::memchr(b':', line);
        let (name, value) = line.split_at_checked(colon.unwrap_or(line.len())).unwrap_or((line, &[]));
        let end = name.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last.saturating_add(1));
        let name = name.get(..end).unwrap_or_default();
        let is_name = !name.is_empty() && name.iter().all(|byte| scan::is_token_byte(*byte));
        if colon.is_none() || !is_name {
            let defect = ParseError::new("a header name and ':'", self.bytes.len());
            self.defect = self.defect.or(Some(defect));
            self.lost |= Lost::LEFT_OUT;
            self.is_left_out = true;
            return;
        }
        self.is_left_out = false;
        self.headers = self.headers.saturating_add(1);
        self.name = Name::find_bytes(name);
        self.double_fold_from = Some(self.bytes.len());
        self.is_behind_blank = false;
        self.bytes.extend_from_slice(name);
        self.line(value);
    }
}

/// `bytes` with a filler for each control character of the head. One outside a quoted pair is a defect.
fn mask(bytes: &[u8], head_len: usize, defect: &mut Option<ParseError>) -> Vec<u8> {
    let mut mask = bytes.to_vec();
    let mut escaped = false;
    for (at, byte) in mask.iter_mut().take(head_len).enumerate() {
        let ends_line = bytes.get(at..).is_some_and(|rest| rest.starts_with(b"\r\n")) || *byte == b'\n';
        let is_control = (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
        if is_control && !ends_line {
            // §25.1: a quoted pair holds any of ASCII but CR and LF.
            if !escaped || *byte == b'\r' {
                *defect = defect.or(Some(ParseError::new("no control character", at)));
            }
            *byte = FILLER;
        }
        escaped = *byte == b'\\' && !escaped;
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_unfolded_and_colons_closed() {
        let normal = normalise(b"A b c\r\nX :\r\n\t1,\r\n  2\r\nno colon\r\n\r\nbody");
        assert_eq!(&normal.bytes[..], b"A b c\r\nX: 1, 2\r\n\r\nbody");
        assert_eq!(normal.defect.map(|fault| fault.at), Some(16), "where the line would stand");
        assert_eq!(normal.mask, normal.bytes);
    }

    #[test]
    fn control_characters_are_masked() {
        let normal = normalise(b"A b c\nX: \"\\\0\"\nY: \x01\n");
        assert_eq!(&normal.bytes[..], b"A b c\r\nX: \"\\\0\"\r\nY: \x01\r\n\r\n");
        assert_eq!(normal.mask, b"A b c\r\nX: \"\\_\"\r\nY: _\r\n\r\n");
        assert_eq!(normal.defect.map(|fault| fault.expected), Some("no control character"));
    }
}
