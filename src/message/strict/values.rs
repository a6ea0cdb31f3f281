//! The headers of RFC 3261 §20, each by its production in §25.1, with what other RFCs add to their parameters.

use super::address::{address, bracketed};
use super::cursor::{
    Cursor, Match, comment, delta_seconds, digits, history_index, is_blank, list, number, optional_list,
    positive, quoted_string, qvalue, token, token_of, word,
};
use super::host::{bare_address, host, port};
use super::params::{Known, Once, Value, params, token_or_quoted};
use super::uri::{ttl, uri, uric};

pub(super) fn tokens(c: &mut Cursor<'_>) -> Match {
    list(c, token)
}

pub(super) fn optional_tokens(c: &mut Cursor<'_>) -> Match {
    optional_list(c, token)
}

pub(super) fn via(c: &mut Cursor<'_>) -> Match {
    const KNOWN: &[Known] = &[
        ("ttl", Value::Must(ttl)),
        ("maddr", Value::Must(host)),
        ("received", Value::Must(bare_address)),
        ("branch", Value::Must(token)),
        ("rport", Value::May(rport)),
    ];
    list(c, |c| {
        // §8.1.1.7: SIP and 2.0 are the only name and version.
        if !c.eat_text("SIP") {
            return c.miss("\"SIP\"");
        }
        c.need(b'/', "'/'")?;
        if !c.eat_text("2.0") {
            return c.miss("\"2.0\"");
        }
        c.need(b'/', "'/'")?;
        token_of(c, "a transport")?;
        if !c.lws() {
            return c.miss("white space and sent-by");
        }
        host(c)?;
        if c.separator(b':') {
            port(c)?;
        }
        params(c, KNOWN)
    })
}

pub(super) fn tagged(c: &mut Cursor<'_>) -> Match {
    address(c)?;
    params(c, &[("tag", Value::Must(token))])
}

pub(super) fn call_id(c: &mut Cursor<'_>) -> Match {
    word(c)?;
    if c.eat(b'@') { word(c) } else { Ok(()) }
}

pub(super) fn in_reply_to(c: &mut Cursor<'_>) -> Match {
    list(c, call_id)
}

pub(super) fn cseq(c: &mut Cursor<'_>) -> Match {
    // §8.1.1.5: 31 bits.
    number(c, 0x7fff_ffff, "a sequence number below 2^31")
        .map_err(|miss| miss.in_section("RFC 3261 §8.1.1.5"))?;
    method_after_blank(c)
}

pub(super) fn method_after_blank(c: &mut Cursor<'_>) -> Match {
    if c.lws() { token_of(c, "a method") } else { c.miss("white space and a method") }
}

/// RFC 3581 §3.
fn rport(c: &mut Cursor<'_>) -> Match {
    port(c).map_err(|miss| miss.in_section("RFC 3581 §3"))
}

/// RFC 5626 §10: from 1 to 2³¹ − 1.
fn reg_id(c: &mut Cursor<'_>) -> Match {
    positive(c, 0x7fff_ffff, "a number below 2^31").map_err(|miss| miss.in_section("RFC 5626 §10"))
}

/// A URN in angle brackets in quotes, of `uric` (RFC 5626 §10).
fn instance(c: &mut Cursor<'_>) -> Match {
    urn_in_quotes(c).map_err(|miss| miss.in_section("RFC 5626 §10"))
}

fn urn_in_quotes(c: &mut Cursor<'_>) -> Match {
    let start = *c;
    quoted_string(c)?;
    let quoted = c.since(start.at());
    let Some(urn) = quoted.strip_prefix(b"\"<").and_then(|text| text.strip_suffix(b">\"")) else {
        return start.miss("'<' and '>' within the quotes");
    };
    if urn.is_empty() {
        return start.miss("'<' and '>' within the quotes");
    }
    let mut inner = start;
    inner.advance(2);
    let mut inner = inner.within(urn.len());
    uric(&mut inner)?;
    inner.end("a character of a URI")
}

pub(super) fn contact(c: &mut Cursor<'_>) -> Match {
    const KNOWN: &[Known] = &[
        ("q", Value::Must(qvalue)),
        ("expires", Value::Must(delta_seconds)),
        ("reg-id", Value::Must(reg_id)),
        ("+sip.instance", Value::Must(instance)),
        // RFC 5627 §7, RFC 7044 §5.
        ("temp-gruu", Value::Must(quoted_string)),
        ("pub-gruu", Value::Must(quoted_string)),
        ("rc", Value::Must(history_index)),
        ("mp", Value::Must(history_index)),
        ("np", Value::Must(history_index)),
    ];
    c.sws();
    if let [b'*', blanks @ ..] = c.rest()
        && blanks.iter().all(|byte| is_blank(*byte))
    {
        c.advance(usize::MAX);
        return Ok(());
    }
    list(c, |c| {
        address(c)?;
        params(c, KNOWN)
    })
}

pub(super) fn max_forwards(c: &mut Cursor<'_>) -> Match {
    number(c, 255, "a number up to 255")
}

pub(super) fn content_length(c: &mut Cursor<'_>) -> Match {
    number(c, u32::MAX.into(), "a length in bytes")
}

/// `attribute=value`, as media types have them: none without a value.
fn media_params(c: &mut Cursor<'_>) -> Match {
    let mut once = Once::new("RFC 3261 §7.3.1");
    while c.separator(b';') {
        let start = c.at();
        token_of(c, "a parameter name")?;
        once.note(c, start)?;
        c.need(b'=', "'=' and a value")?;
        token_or_quoted(c)?;
    }
    Ok(())
}

pub(super) fn content_type(c: &mut Cursor<'_>) -> Match {
    token_of(c, "a media type")?;
    c.need(b'/', "'/'")?;
    token_of(c, "a media subtype")?;
    media_params(c)
}

const WEIGHTED: &[Known] = &[("q", Value::Must(qvalue))];

pub(super) fn accept(c: &mut Cursor<'_>) -> Match {
    optional_list(c, |c| {
        token_of(c, "a media range")?;
        c.need(b'/', "'/'")?;
        token_of(c, "a media range")?;
        params(c, WEIGHTED)
    })
}

pub(super) fn accept_encoding(c: &mut Cursor<'_>) -> Match {
    optional_list(c, |c| {
        token(c)?;
        params(c, WEIGHTED)
    })
}

pub(super) fn accept_language(c: &mut Cursor<'_>) -> Match {
    optional_list(c, |c| {
        if !c.eat(b'*') {
            language_tag(c)?;
        }
        params(c, WEIGHTED)
    })
}

pub(super) fn content_language(c: &mut Cursor<'_>) -> Match {
    list(c, language_tag)
}

/// Letters in pieces of at most eight.
fn language_tag(c: &mut Cursor<'_>) -> Match {
    loop {
        let start = *c;
        if !(1..=8).contains(&c.take(|byte| byte.is_ascii_alphabetic()).len()) {
            return start.miss("one to eight letters");
        }
        if !c.eat(b'-') {
            return Ok(());
        }
    }
}

/// Alert-Info and its kin: URIs in brackets with parameters.
pub(super) fn infos(c: &mut Cursor<'_>) -> Match {
    list(c, |c| info(c, &[]))
}

pub(super) fn call_info(c: &mut Cursor<'_>) -> Match {
    list(c, |c| info(c, &[("purpose", Value::Must(token))]))
}

fn info(c: &mut Cursor<'_>, known: &[Known]) -> Match {
    c.sws();
    bracketed(c, uri)?;
    params(c, known)
}

pub(super) fn content_disposition(c: &mut Cursor<'_>) -> Match {
    token_of(c, "a disposition")?;
    params(c, &[("handling", Value::Must(token))])
}

pub(super) fn mime_version(c: &mut Cursor<'_>) -> Match {
    number(c, u32::MAX.into(), "a version below 2^32")?;
    c.expect(b'.', "'.'")?;
    number(c, u32::MAX.into(), "a version below 2^32")
}

pub(super) fn retry_after(c: &mut Cursor<'_>) -> Match {
    delta_seconds(c)?;
    let mut ahead = *c;
    ahead.sws();
    if ahead.peek() == Some(b'(') {
        *c = ahead;
        comment(c)?;
        c.sws();
    }
    params(c, &[("duration", Value::Must(delta_seconds))])
}

/// `server-val *(LWS server-val)`
pub(super) fn products(c: &mut Cursor<'_>) -> Match {
    loop {
        if c.peek() == Some(b'(') {
            comment(c)?;
        } else {
            token_of(c, "a product or a comment")?;
            if c.separator(b'/') {
                token_of(c, "a product version")?;
            }
        }
        let ends_comment = c.since(c.at().saturating_sub(1)) == b")";
        let mut ahead = *c;
        let is_apart = ahead.lws();
        if ahead.is_at_end() {
            // The white space behind a comment is the comment's.
            *c = if ends_comment { ahead } else { *c };
            return c.end("no white space at the end");
        }
        if !is_apart {
            return c.miss("white space");
        }
        *c = ahead;
    }
}

pub(super) fn timestamp(c: &mut Cursor<'_>) -> Match {
    number(c, u64::MAX, "a time in seconds")?;
    if c.eat(b'.') {
        c.take(|byte| byte.is_ascii_digit());
    }
    if c.lws() {
        c.take(|byte| byte.is_ascii_digit());
        if c.eat(b'.') {
            c.take(|byte| byte.is_ascii_digit());
        }
    }
    Ok(())
}

/// `hostport`, or a pseudonym, which is a token and has no port. So is every host that is no address in brackets.
fn warn_agent(c: &mut Cursor<'_>) -> Match {
    let mut ahead = *c;
    match host(&mut ahead) {
        Ok(()) if ahead.eat(b':') => {
            *c = ahead;
            port(c)
        }
        is_host if c.peek() == Some(b'[') => {
            *c = ahead;
            is_host
        }
        _ => token_of(c, "an agent"),
    }
}

pub(super) fn warning(c: &mut Cursor<'_>) -> Match {
    list(c, |c| {
        digits(c, 3, "a code of three digits")?;
        c.expect(b' ', "one space")?;
        warn_agent(c)?;
        c.expect(b' ', "one space")?;
        c.sws();
        quoted_string(c)
    })
}
