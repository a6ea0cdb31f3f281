//! The start line by the grammar (RFC 3261 §§7.1, 7.2, 25.1).

use super::Finding;
use super::cursor::{Cursor, Match, Miss, digits, token_of};
use super::uri::{check_request_uri, uri};
use crate::message::Message;

/// Checks the line up to its end.
pub(super) fn check(message: &Message) -> Result<(), Finding> {
    let (mut c, _) = line(message);
    match message.is_request() {
        true => request_line(&mut c).map_err(|miss| Finding::of(miss, "RFC 3261 §7.1")),
        false => status_line(&mut c).map_err(|miss| Finding::of(miss, "RFC 3261 §7.2")),
    }
}

pub(super) fn line_end(message: &Message) -> Option<Finding> {
    let (_, feed) = line(message);
    let before = message.bytes.get(feed.saturating_sub(1));
    (before != Some(&b'\r')).then(|| Finding::new("CR and LF", feed, "RFC 3261 §7"))
}

/// The line without its end, and where its line feed stands.
fn line(message: &Message) -> (Cursor<'_>, usize) {
    let head = message.bytes.get(..message.head_len()).unwrap_or_default();
    let at = leading(message);
    let rest = head.get(at..).unwrap_or_default();
    let feed = at.saturating_add(memchr::memchr(b'\n', rest).unwrap_or(rest.len()));
    let text = head.get(..feed).unwrap_or_default();
    (Cursor::new(text.strip_suffix(b"\r").unwrap_or(text), at), feed)
}

/// How many octets of empty lines stand before the start line.
pub(super) fn leading(message: &Message) -> usize {
    message.bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

fn one_space(c: &mut Cursor<'_>) -> Match {
    c.expect(b' ', "one space")?;
    if matches!(c.peek(), Some(b' ' | b'\t')) { c.miss("one space only") } else { Ok(()) }
}

fn request_line(c: &mut Cursor<'_>) -> Match {
    token_of(c, "a method")?;
    one_space(c)?;
    let rest = c.rest();
    let mut inner = c.within(memchr::memchr(b' ', rest).unwrap_or(rest.len()));
    let whole = inner;
    uri(&mut inner)?;
    check_request_uri(whole).map_err(|miss| miss.in_section("RFC 3261 §19.1.1"))?;
    inner.end("the end of the URI")?;
    c.advance(inner.at().saturating_sub(c.at()));
    one_space(c)?;
    version(c)?;
    c.end("the end of the line")
}

fn version(c: &mut Cursor<'_>) -> Match {
    if c.eat_text("SIP/2.0") { Ok(()) } else { c.miss("version SIP/2.0") }
}

fn status_line(c: &mut Cursor<'_>) -> Match {
    version(c)?;
    one_space(c)?;
    let start = *c;
    digits(c, 3, "a status code of three digits")?;
    if !matches!(start.peek(), Some(b'1'..=b'6')) {
        return start.miss("a status code from 100 to 699");
    }
    c.expect(b' ', "one space")?;
    reason_phrase(c)
}

/// `Reason-Phrase`: reserved, unreserved and escaped characters, blanks, anything beyond ASCII.
fn reason_phrase(c: &mut Cursor<'_>) -> Match {
    const MARKS: &[u8] = b";/?:@&=+$,-_.!~*'() \t";
    loop {
        c.take(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii() || MARKS.contains(&byte));
        match c.rest() {
            [] => return Ok(()),
            [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => c.advance(3),
            _ => {
                return c
                    .miss("a character of a reason phrase")
                    .map_err(|miss: Miss| miss.in_section(super::GRAMMAR));
            }
        }
    }
}
