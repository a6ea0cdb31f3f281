//! Parameters by the grammar (RFC 3261 §7.3.1, §25.1).

use super::cursor::{Cursor, Match, Miss, Rule, quoted_string, token_of};
use super::host::host;
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
        Some(b'[') => host(c),
        _ => token_of(c, "a parameter value"),
    }
}

pub(super) fn token_or_quoted(c: &mut Cursor<'_>) -> Match {
    if c.peek() == Some(b'"') { quoted_string(c) } else { token_of(c, "a token or a quoted string") }
}
