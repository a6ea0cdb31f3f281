//! URIs by the grammar: SIP and SIPS (RFC 3261 §19.1.1, §25.1), tel (RFC 3966 §3), any other scheme (RFC 3261 §25.1).

use super::super::scan::is_unreserved;
use super::cursor::{Cursor, Match, Miss, number, token};
use super::host::{host, host_port, is_name};
use super::params::{Known, Once, Value, one};

const SIP: &str = "RFC 3261 §19.1.1";
const TEL: &str = "RFC 3966 §3";
const GENERIC: &str = "RFC 3261 §25.1";

/// The URI that is all of the cursor's text.
pub(super) fn uri(c: &mut Cursor<'_>) -> Match {
    if c.eat_text("sip:") || c.eat_text("sips:") {
        return sip_uri(c).map_err(|miss| miss.in_section(SIP));
    }
    if c.eat_text("tel:") {
        return tel_uri(c).map_err(|miss| miss.in_section(TEL));
    }
    absolute_uri(c).map_err(|miss| miss.in_section(GENERIC))
}

/// Unreserved and escaped characters, and those of `more`; how many octets.
fn characters(c: &mut Cursor<'_>, more: &[u8]) -> Result<usize, Miss> {
    let start = c.at();
    loop {
        c.take(|byte| is_unreserved(byte) || more.contains(&byte));
        if c.peek() != Some(b'%') {
            return Ok(c.at().saturating_sub(start));
        }
        match c.rest() {
            [_, high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => c.advance(3),
            _ => return c.miss("two hexadecimal digits after '%'"),
        }
    }
}

fn some_characters(c: &mut Cursor<'_>, more: &[u8], expected: &'static str) -> Match {
    if characters(c, more)? == 0 { c.miss(expected) } else { Ok(()) }
}

fn sip_uri(c: &mut Cursor<'_>) -> Match {
    if let Some(length) = memchr::memchr(b'@', c.rest()) {
        let mut info = c.within(length);
        some_characters(&mut info, b"&=+$,;?/", "a user before '@'")?;
        if info.eat(b':') {
            characters(&mut info, b"&=+$,")?;
        }
        info.end("a character of a user part")?;
        c.advance(length.saturating_add(1));
    }
    host_port(c)?;
    let mut once = Once::new(SIP);
    while c.eat(b';') {
        let start = c.at();
        some_characters(c, PARAMETER, "a parameter name")?;
        let name = c.since(start);
        once.note(c, start)?;
        match PARAMETERS.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)) {
            Some((_, Value::Flag)) => {}
            Some((_, Value::Must(rule) | Value::May(rule))) => {
                c.expect(b'=', "'=' and a value")?;
                rule(c)?;
            }
            None if c.eat(b'=') => some_characters(c, PARAMETER, "a parameter value")?,
            None => {}
        }
    }
    if c.eat(b'?') {
        headers(c)?;
    }
    c.end("';', '?' or the end of the URI")
}

/// `param-unreserved`
const PARAMETER: &[u8] = b"[]/:&+$";

const PARAMETERS: &[Known] = &[
    ("transport", Value::Must(token)),
    ("user", Value::Must(token)),
    ("method", Value::Must(token)),
    ("ttl", Value::Must(ttl)),
    ("maddr", Value::Must(host)),
    ("lr", Value::Flag),
];

/// `header *( "&" header )`
fn headers(c: &mut Cursor<'_>) -> Match {
    const MORE: &[u8] = b"[]/?:+$";
    loop {
        some_characters(c, MORE, "a header name")?;
        c.expect(b'=', "'='")?;
        characters(c, MORE)?;
        if !c.eat(b'&') {
            return Ok(());
        }
    }
}

/// `ttl`: 0 to 255 in up to three digits.
pub(super) fn ttl(c: &mut Cursor<'_>) -> Match {
    let start = *c;
    number(c, 255, "a number up to 255")?;
    if c.since(start.at()).len() > 3 { start.miss("at most three digits") } else { Ok(()) }
}

/// What follows `tel:`.
fn tel_uri(c: &mut Cursor<'_>) -> Match {
    let is_global = c.peek() == Some(b'+');
    let number = if is_global { global_number(c) } else { local_number(c) };
    number?;
    let mut has_context = false;
    let mut once = Once::new(TEL);
    while c.eat(b';') {
        let start = c.at();
        let name = c.take(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if name.is_empty() {
            return c.miss("a parameter name");
        }
        once.note(c, start)?;
        if name.eq_ignore_ascii_case(b"phone-context") {
            has_context = true;
            c.expect(b'=', "'=' and a value")?;
            if c.peek() == Some(b'+') { global_number(c)? } else { domain(c)? }
        } else if name.eq_ignore_ascii_case(b"ext") {
            c.expect(b'=', "'=' and a value")?;
            digits_of(c, |byte| byte.is_ascii_digit())?;
        } else if name.eq_ignore_ascii_case(b"isub") {
            c.expect(b'=', "'=' and a value")?;
            some_characters(c, RESERVED_IN_VALUE, "a subaddress")?;
        } else if c.eat(b'=') {
            some_characters(c, PARAMETER, "a parameter value")?;
        }
    }
    c.end("';' or the end of the number")?;
    // RFC 3966 §5.1.5: a local number says where it is one.
    if is_global || has_context { Ok(()) } else { c.miss("phone-context") }
}

/// `reserved` without what ends a parameter.
const RESERVED_IN_VALUE: &[u8] = b"/?:@&=+$,";

fn domain(c: &mut Cursor<'_>) -> Match {
    let start = *c;
    let text = c.take(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if is_name(text) { Ok(()) } else { start.miss("a domain name or a global number") }
}

fn global_number(c: &mut Cursor<'_>) -> Match {
    c.expect(b'+', "'+'")?;
    digits_of(c, |byte| byte.is_ascii_digit())
}

fn local_number(c: &mut Cursor<'_>) -> Match {
    digits_of(c, |byte| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#'))
}

/// Digits with visual separators among them.
fn digits_of(c: &mut Cursor<'_>, is_digit: impl Fn(u8) -> bool) -> Match {
    let start = *c;
    let text = c.take(|byte| is_digit(byte) || matches!(byte, b'-' | b'.' | b'(' | b')'));
    if text.iter().any(|byte| is_digit(*byte)) { Ok(()) } else { start.miss("a telephone number") }
}

/// `absoluteURI`
pub(super) fn absolute_uri(c: &mut Cursor<'_>) -> Match {
    let start = *c;
    let scheme = c.take(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if !scheme.first().is_some_and(u8::is_ascii_alphabetic) || !c.eat(b':') {
        return start.miss("a URI scheme");
    }
    if c.is_at_end() {
        return c.miss("more than a scheme");
    }
    if c.peek() != Some(b'/') {
        characters(c, b";/?:@&=+$,")?;
        return c.end("a character of a URI");
    }
    if c.eat_text("//") {
        authority(c)?;
    }
    characters(c, b"/;:@&=+$,")?;
    if c.eat(b'?') {
        characters(c, b";/?:@&=+$,")?;
    }
    c.end("a character of a URI")
}

fn authority(c: &mut Cursor<'_>) -> Match {
    let start = c.at();
    characters(c, b"$,;:@&=+")?;
    if c.peek() != Some(b'[') {
        return Ok(());
    }
    // A server may be an address in brackets.
    if !matches!(c.since(start).last(), None | Some(b'@')) {
        return c.miss("'@' before the host");
    }
    host_port(c)?;
    match c.peek() {
        None | Some(b'/' | b'?') => Ok(()),
        Some(_) => c.miss("'/', '?' or the end of the authority"),
    }
}

/// `*uric`
pub(super) fn uric(c: &mut Cursor<'_>) -> Match {
    characters(c, b";/?:@&=+$,").map(|_| ())
}

/// `URI` of a challenge's domain: an absolute one or a path.
pub(super) fn uri_or_path(c: &mut Cursor<'_>) -> Match {
    if c.peek() != Some(b'/') {
        return uri(c);
    }
    characters(c, b"/;:@&=+$,")?;
    c.end("a character of a path")
}

/// Parts of a SIP URI that a Request-URI may not have (§19.1.1, table 1): header fields and the method.
pub(super) fn check_request_uri(whole: Cursor<'_>) -> Match {
    let mut c = whole;
    if !c.eat_text("sip:") && !c.eat_text("sips:") {
        return Ok(());
    }
    if let Some(at) = memchr::memchr(b'@', c.rest()) {
        c.advance(at.saturating_add(1));
    }
    if let Some(at) = memchr::memchr(b'?', c.rest()) {
        c.advance(at);
        return c.miss("no header fields in a Request-URI");
    }
    while let Some(at) = memchr::memchr(b';', c.rest()) {
        c.advance(at.saturating_add(1));
        if one(c, "method") {
            return c.miss("no method in a Request-URI");
        }
    }
    Ok(())
}
