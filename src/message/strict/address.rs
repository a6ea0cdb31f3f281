//! Addresses by the grammar (RFC 3261 §20.10, §25.1).

use super::cursor::{Cursor, Match, Miss, Rule, list, quoted_string};
use super::params::generic_params;
use super::uri::uri;
use crate::message::scan;

/// `name-addr`. RFC 4475 §3.1.1.6: that a token needs white space before '<' is a mistake of the grammar.
pub(super) fn name_addr(c: &mut Cursor<'_>) -> Match {
    c.sws();
    if c.peek() == Some(b'"') {
        quoted_string(c)?;
    } else {
        display_tokens(c);
    }
    c.sws();
    bracketed(c, uri)
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
    uri(&mut inner)?;
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
