//! Parameters and addresses by the grammar (RFC 3261 §20.10, §25.1).

use super::cursor::{Cursor, Match, Miss, Rule, list, quoted_string, token_of};
use super::uri;
use crate::message::scan;

/// A parameter that has a production of its own.
pub(super) type Known = (&'static str, Value);

/// What follows a known parameter's name.
#[derive(Clone, Copy)]
pub(super) enum Value {
    /// `=` and this.
    Must(Rule),
    /// `=` and this, or nothing.
    May(Rule),
    /// Nothing.
    Flag,
}

/// Names seen, since none may come twice. The first few are remembered, so that the work stays linear.
pub(super) struct Once<'a> {
    names: [&'a [u8]; Once::NAMES],
    count: usize,
    section: &'static str,
}

impl<'a> Once<'a> {
    const NAMES: usize = 24;

    /// None yet. That they come once is written in `section`.
    pub(super) fn new(section: &'static str) -> Self {
        Self { names: [&[]; Self::NAMES], count: 0, section }
    }

    /// Notes the name from `start` to where `c` stands.
    pub(super) fn note(&mut self, c: &Cursor<'a>, start: usize) -> Match {
        let name = c.since(start);
        let seen = self.names.get(..self.count).unwrap_or_default();
        if seen.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            let miss = Miss { expected: "each parameter once", at: start, section: Some(self.section) };
            return Err(miss);
        }
        if let Some(place) = self.names.get_mut(self.count) {
            *place = name;
            self.count = self.count.saturating_add(1);
        }
        Ok(())
    }
}

/// Whether the parameter named `name` stands here.
pub(super) fn one(mut c: Cursor<'_>, name: &str) -> bool {
    c.eat_text(name) && !c.peek().is_some_and(scan::is_token_byte)
}

/// `*( SEMI parameter )`, those in `known` by their own production, others by `generic-param`.
pub(super) fn params(c: &mut Cursor<'_>, known: &[Known]) -> Match {
    let mut once = Once::new("RFC 3261 §7.3.1");
    while c.separator(b';') {
        param(c, known, &mut once)?;
    }
    Ok(())
}

fn param<'a>(c: &mut Cursor<'a>, known: &[Known], once: &mut Once<'a>) -> Match {
    let start = c.at();
    token_of(c, "a parameter name")?;
    let name = c.since(start);
    once.note(c, start)?;
    match known.iter().find(|(text, _)| text.as_bytes().eq_ignore_ascii_case(name)) {
        Some((_, Value::Must(rule))) => {
            c.need(b'=', "'=' and a value")?;
            rule(c)
        }
        Some((_, Value::May(rule))) if c.separator(b'=') => rule(c),
        Some((_, Value::Flag)) if c.separator(b'=') => c.miss("no value"),
        None if c.separator(b'=') => gen_value(c),
        Some(_) | None => Ok(()),
    }
}

/// `generic-param` only.
pub(super) fn generic_params(c: &mut Cursor<'_>) -> Match {
    params(c, &[])
}

/// `gen-value`: a token, a host or a quoted string.
pub(super) fn gen_value(c: &mut Cursor<'_>) -> Match {
    match c.peek() {
        Some(b'"') => quoted_string(c),
        Some(b'[') => uri::host(c),
        _ => token_of(c, "a parameter value"),
    }
}

pub(super) fn token_or_quoted(c: &mut Cursor<'_>) -> Match {
    if c.peek() == Some(b'"') { quoted_string(c) } else { token_of(c, "a token or a quoted string") }
}

/// `name-addr`. RFC 4475 §3.1.1.6: that a token needs white space before '<' is a mistake of the grammar.
pub(super) fn name_addr(c: &mut Cursor<'_>) -> Match {
    c.sws();
    if c.peek() == Some(b'"') {
        quoted_string(c)?;
    } else {
        display_tokens(c);
    }
    c.sws();
    bracketed(c, uri::uri)
}

/// A URI between angle brackets, and the white space behind them.
pub(super) fn bracketed(c: &mut Cursor<'_>, rule: Rule) -> Match {
    c.expect(b'<', "'<'")?;
    let Some(length) = memchr::memchr(b'>', c.rest()) else {
        c.advance(usize::MAX);
        return c.miss("'>'");
    };
    let mut inner = c.within(length);
    rule(&mut inner)?;
    inner.end("the end of the URI")?;
    c.advance(length.saturating_add(1));
    c.sws();
    Ok(())
}

fn display_tokens(c: &mut Cursor<'_>) {
    while !c.take(scan::is_token_byte).is_empty() {
        c.sws();
    }
}

/// `name-addr / addr-spec`
pub(super) fn address(c: &mut Cursor<'_>) -> Match {
    c.sws();
    let mut ahead = *c;
    display_tokens(&mut ahead);
    match (c.peek(), ahead.peek()) {
        (Some(b'"'), _) | (_, Some(b'<')) => name_addr(c),
        // `Bell, Alexander <sip:…>`: no scheme begins here, but a name.
        (_, next) if next != Some(b':') && c.rest().contains(&b'<') => {
            ahead.miss("'<' after a display name of tokens")
        }
        _ => bare(c),
    }
}

/// A bare `addr-spec`: with a comma, a question mark or a semicolon it needs brackets (§20.10).
fn bare(c: &mut Cursor<'_>) -> Match {
    let rest = c.rest();
    let ends = |byte: &u8| matches!(byte, b';' | b',' | b'?' | b' ' | b'\t' | b'>');
    let length = rest.iter().position(ends).unwrap_or(rest.len());
    let mut inner = c.within(length);
    uri::uri(&mut inner)?;
    inner.end("the end of the URI")?;
    c.advance(length);
    if c.peek() == Some(b'?') {
        let miss = Miss {
            expected: "'<' and '>' around a URI with '?'",
            at: c.at(),
            section: Some("RFC 3261 §20.10"),
        };
        return Err(miss);
    }
    Ok(())
}

/// `name-addr *( SEMI generic-param )`, as in Route.
pub(super) fn route(c: &mut Cursor<'_>) -> Match {
    name_addr(c)?;
    generic_params(c)
}

pub(super) fn routes(c: &mut Cursor<'_>) -> Match {
    list(c, route)
}

/// `( name-addr / addr-spec ) *( SEMI generic-param )`, as in Reply-To and Refer-To.
pub(super) fn address_with_params(c: &mut Cursor<'_>) -> Match {
    address(c)?;
    generic_params(c)
}
