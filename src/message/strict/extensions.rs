//! The headers and parameters of the extension RFCs, each by its own grammar.

use super::address::{address, name_addr};
use super::auth::{closing_quote, digest};
use super::cursor::{
    Cursor, Match, Miss, delta_seconds, few_digits, history_index, list, number, one_of, optional_list,
    positive, quoted_string, qvalue, token, token_of,
};
use super::host::host;
use super::params::{Known, Once, Value, gen_value, generic_params, params, token_or_quoted};
use super::values::{call_id, method_after_blank};
use crate::message::scan;

fn event_type(c: &mut Cursor<'_>) -> Match {
    loop {
        if c.take(|byte| scan::is_token_byte(byte) && byte != b'.').is_empty() {
            return c.miss("an event package");
        }
        if !c.eat(b'.') {
            return Ok(());
        }
    }
}

pub(super) fn event(c: &mut Cursor<'_>) -> Match {
    event_type(c)?;
    params(c, &[("id", Value::Must(token))])
}

pub(super) fn allow_events(c: &mut Cursor<'_>) -> Match {
    list(c, event_type)
}

pub(super) fn subscription_state(c: &mut Cursor<'_>) -> Match {
    const KNOWN: &[Known] = &[
        ("reason", Value::Must(token)),
        ("expires", Value::Must(delta_seconds)),
        ("retry-after", Value::Must(delta_seconds)),
    ];
    token_of(c, "a state")?;
    params(c, KNOWN)
}

pub(super) fn accept_contact(c: &mut Cursor<'_>) -> Match {
    list(c, |c| {
        c.expect(b'*', "'*'")?;
        params(c, &[("require", Value::Flag), ("explicit", Value::Flag)])
    })
}

pub(super) fn reject_contact(c: &mut Cursor<'_>) -> Match {
    list(c, |c| {
        c.expect(b'*', "'*'")?;
        generic_params(c)
    })
}

pub(super) fn disposition(c: &mut Cursor<'_>) -> Match {
    const WORDS: [&str; 12] = [
        "proxy",
        "redirect",
        "cancel",
        "no-cancel",
        "fork",
        "no-fork",
        "recurse",
        "no-recurse",
        "parallel",
        "sequential",
        "queue",
        "no-queue",
    ];
    list(c, |c| {
        one_of(c, &WORDS, "a directive")?;
        if c.peek().is_some_and(scan::is_token_byte) { c.miss("a directive") } else { Ok(()) }
    })
}

pub(super) fn diversion(c: &mut Cursor<'_>) -> Match {
    const KNOWN: &[Known] = &[
        ("reason", Value::Must(token_or_quoted)),
        ("counter", Value::Must(two_digits)),
        ("limit", Value::Must(two_digits)),
        ("privacy", Value::Must(token_or_quoted)),
        ("screen", Value::Must(token_or_quoted)),
    ];
    list(c, |c| {
        name_addr(c)?;
        params(c, KNOWN)
    })
}

fn two_digits(c: &mut Cursor<'_>) -> Match {
    few_digits(c, 2, "one or two digits")
}

pub(super) fn geolocation_error(c: &mut Cursor<'_>) -> Match {
    few_digits(c, 3, "a code of one to three digits")?;
    params(c, &[("code", Value::Must(quoted_string))])
}

pub(super) fn history_info(c: &mut Cursor<'_>) -> Match {
    const KNOWN: &[Known] = &[
        ("index", Value::Must(history_index)),
        ("rc", Value::Must(history_index)),
        ("mp", Value::Must(history_index)),
        ("np", Value::Must(history_index)),
    ];
    list(c, |c| {
        name_addr(c)?;
        let start = *c;
        params(c, KNOWN)?;
        if has(start, "index") { Ok(()) } else { c.miss("an index") }
    })
}

pub(super) fn identities(c: &mut Cursor<'_>) -> Match {
    list(c, address)
}

pub(super) fn min_se(c: &mut Cursor<'_>) -> Match {
    delta_seconds(c)?;
    generic_params(c)
}

pub(super) fn session_expires(c: &mut Cursor<'_>) -> Match {
    delta_seconds(c)?;
    params(c, &[("refresher", Value::Must(refresher))])
}

fn refresher(c: &mut Cursor<'_>) -> Match {
    one_of(c, &["uas", "uac"], "uas or uac")
}

/// No white space around these semicolons, and no value twice.
pub(super) fn privacy(c: &mut Cursor<'_>) -> Match {
    let mut once = Once::new("RFC 3323 §4.2");
    loop {
        let start = c.at();
        token(c)?;
        once.note(c, start).map_err(|miss| Miss { expected: "each value once", ..miss })?;
        if !c.eat(b';') {
            return Ok(());
        }
    }
}

/// From 1 to 2³² − 1.
pub(super) fn sequence(c: &mut Cursor<'_>) -> Match {
    positive(c, u32::MAX.into(), "a number below 2^32")
}

pub(super) fn rack(c: &mut Cursor<'_>) -> Match {
    sequence(c)?;
    if !c.lws() {
        return c.miss("white space and a CSeq number");
    }
    number(c, 0x7fff_ffff, "a sequence number below 2^31")?;
    method_after_blank(c)
}

pub(super) fn reason(c: &mut Cursor<'_>) -> Match {
    list(c, |c| {
        token_of(c, "a protocol")?;
        params(c, &[("cause", Value::Must(cause)), ("text", Value::Must(quoted_string))])
    })
}

fn cause(c: &mut Cursor<'_>) -> Match {
    number(c, u64::MAX, "a cause")
}

pub(super) fn package(c: &mut Cursor<'_>) -> Match {
    token_of(c, "an Info package")?;
    generic_params(c)
}

pub(super) fn recv_info(c: &mut Cursor<'_>) -> Match {
    optional_list(c, package)
}

pub(super) fn refer_sub(c: &mut Cursor<'_>) -> Match {
    one_of(c, &["true", "false"], "true or false")?;
    generic_params(c)
}

pub(super) fn referred_by(c: &mut Cursor<'_>) -> Match {
    address(c)?;
    params(c, &[("cid", Value::Must(content_id))])
}

/// A message identifier without white space and comments, in quotes.
fn content_id(c: &mut Cursor<'_>) -> Match {
    c.expect(b'"', "a quoted message identifier")?;
    dot_atom(c)?;
    c.expect(b'@', "'@'")?;
    let mut ahead = *c;
    let is_host = host(&mut ahead);
    if is_host.is_ok() && ahead.peek() == Some(b'"') {
        *c = ahead;
    } else {
        dot_atom(c)?;
    }
    closing_quote(c, "a closing quote")
}

fn dot_atom(c: &mut Cursor<'_>) -> Match {
    loop {
        if c.take(|byte| scan::is_token_byte(byte) && byte != b'.').is_empty() {
            return c.miss("an atom");
        }
        if !c.eat(b'.') {
            return Ok(());
        }
    }
}

pub(super) fn replaces(c: &mut Cursor<'_>) -> Match {
    const KNOWN: &[Known] =
        &[("to-tag", Value::Must(token)), ("from-tag", Value::Must(token)), ("early-only", Value::Flag)];
    dialog(c, KNOWN)
}

pub(super) fn join(c: &mut Cursor<'_>) -> Match {
    dialog(c, &[("to-tag", Value::Must(token)), ("from-tag", Value::Must(token))])
}

/// A Call-ID and both tags.
fn dialog(c: &mut Cursor<'_>, known: &[Known]) -> Match {
    call_id(c)?;
    let start = *c;
    params(c, known)?;
    if has(start, "to-tag") && has(start, "from-tag") { Ok(()) } else { c.miss("to-tag and from-tag") }
}

/// Whether a parameter named `name` is among those that start here, which are known to be well-formed.
fn has(mut c: Cursor<'_>, name: &str) -> bool {
    while c.separator(b';') {
        let start = c.at();
        c.take(scan::is_token_byte);
        if c.since(start).eq_ignore_ascii_case(name.as_bytes()) {
            return true;
        }
        if c.separator(b'=') && gen_value(&mut c).is_err() {
            return false;
        }
    }
    false
}

pub(super) fn security(c: &mut Cursor<'_>) -> Match {
    const KNOWN: &[Known] = &[
        ("q", Value::Must(qvalue)),
        ("d-alg", Value::Must(token)),
        ("d-qop", Value::Must(token)),
        ("d-ver", Value::Must(digest)),
    ];
    list(c, |c| {
        token_of(c, "a mechanism")?;
        params(c, KNOWN)
    })
}

pub(super) fn user_to_user(c: &mut Cursor<'_>) -> Match {
    const KNOWN: &[Known] =
        &[("purpose", Value::Must(token)), ("content", Value::Must(token)), ("encoding", Value::Must(token))];
    list(c, |c| {
        token_or_quoted(c)?;
        params(c, KNOWN)
    })
}
