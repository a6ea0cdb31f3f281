//! Challenges and credentials by the grammar (RFC 3261 §25.1, with the digests of RFC 8760 §2.6).

use super::cursor::{Cursor, Match, Rule, one_of, quoted_string, token, token_of};
use super::params::token_or_quoted;
use super::uri::{uri, uri_or_path};

type Known = (&'static str, Rule);

/// `challenge`
pub(super) fn challenge(c: &mut Cursor<'_>) -> Match {
    const DIGEST: &[Known] = &[
        ("realm", quoted_string),
        ("domain", quoted_uris),
        ("nonce", quoted_string),
        ("opaque", quoted_string),
        ("stale", truth),
        ("algorithm", token),
        ("qop", quoted_tokens),
    ];
    scheme(c, DIGEST)
}

/// `credentials`
pub(super) fn credentials(c: &mut Cursor<'_>) -> Match {
    const DIGEST: &[Known] = &[
        ("username", quoted_string),
        ("realm", quoted_string),
        ("nonce", quoted_string),
        ("uri", quoted_uri),
        ("response", digest),
        ("algorithm", token),
        ("cnonce", quoted_string),
        ("opaque", quoted_string),
        ("qop", token),
        ("nc", nonce_count),
    ];
    scheme(c, DIGEST)
}

pub(super) fn authentication_info(c: &mut Cursor<'_>) -> Match {
    const KNOWN: &[Known] = &[
        ("nextnonce", quoted_string),
        ("qop", token),
        ("rspauth", digest),
        ("cnonce", quoted_string),
        ("nc", nonce_count),
    ];
    auth_params(c, KNOWN)
}

/// A scheme, then its parameters; those of Digest have productions of their own.
fn scheme(c: &mut Cursor<'_>, digest: &[Known]) -> Match {
    let start = c.at();
    token_of(c, "an authentication scheme")?;
    let is_digest = c.since(start).eq_ignore_ascii_case(b"Digest");
    if !c.lws() {
        return c.miss("white space and parameters");
    }
    auth_params(c, if is_digest { digest } else { &[] })
}

/// `auth-param *(COMMA auth-param)`
fn auth_params(c: &mut Cursor<'_>, known: &[Known]) -> Match {
    loop {
        let start = c.at();
        token_of(c, "a parameter name")?;
        let name = c.since(start);
        c.need(b'=', "'=' and a value")?;
        let own = known.iter().find(|(text, _)| text.as_bytes().eq_ignore_ascii_case(name));
        own.map_or(token_or_quoted as Rule, |(_, rule)| *rule)(c)?;
        if !c.separator(b',') {
            return Ok(());
        }
    }
}

fn truth(c: &mut Cursor<'_>) -> Match {
    one_of(c, &["true", "false"], "true or false")
}

/// Tokens with commas between them in quotes, and no white space.
fn quoted_tokens(c: &mut Cursor<'_>) -> Match {
    c.expect(b'"', "a quoted list")?;
    loop {
        token(c)?;
        if !c.eat(b',') {
            return closing_quote(c, "a closing quote");
        }
    }
}

/// URIs with spaces between them in quotes.
fn quoted_uris(c: &mut Cursor<'_>) -> Match {
    c.expect(b'"', "quoted URIs")?;
    loop {
        let rest = c.rest();
        let length = rest.iter().position(|byte| matches!(byte, b' ' | b'"')).unwrap_or(rest.len());
        uri_or_path(&mut c.within(length))?;
        c.advance(length);
        if c.take(|byte| byte == b' ').is_empty() {
            return closing_quote(c, "a closing quote");
        }
    }
}

/// A Request-URI in quotes (§22.4).
fn quoted_uri(c: &mut Cursor<'_>) -> Match {
    c.expect(b'"', "a quoted URI")?;
    let rest = c.rest();
    let length = memchr::memchr(b'"', rest).unwrap_or(rest.len());
    let mut inner = c.within(length);
    uri(&mut inner)?;
    inner.end("the end of the URI")?;
    c.advance(length);
    closing_quote(c, "a closing quote")
}

/// `RDQUOT`, which takes the white space behind it.
pub(super) fn closing_quote(c: &mut Cursor<'_>, expected: &'static str) -> Match {
    c.expect(b'"', expected)?;
    c.sws();
    Ok(())
}

/// Lower-case hexadecimal digits in quotes, as many as the algorithm gives.
pub(super) fn digest(c: &mut Cursor<'_>) -> Match {
    c.expect(b'"', "a quoted digest")?;
    c.take(is_lower_hex);
    closing_quote(c, "lower-case hexadecimal digits")
}

/// `8LHEX`
fn nonce_count(c: &mut Cursor<'_>) -> Match {
    let start = *c;
    if c.take(is_lower_hex).len() == 8 { Ok(()) } else { start.miss("eight lower-case hexadecimal digits") }
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
