//! A place in the head of a message, and the lexical rules that start there (RFC 3261 §25.1).

use crate::message::{Date, scan};

/// Where recognition stands. The text begins at the message's first byte, so that places need no
/// translation, and ends where the value under examination does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

/// What was expected where; the section when it is another than the header's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Miss {
    pub(super) expected: &'static str,
    pub(super) at: usize,
    pub(super) section: Option<&'static str>,
}

pub(super) type Match = Result<(), Miss>;

/// Recognises one rule of the grammar and moves the cursor behind it.
pub(super) type Rule = fn(&mut Cursor<'_>) -> Match;

impl Miss {
    /// The same, with a section of its own if it had none.
    pub(super) fn in_section(self, section: &'static str) -> Self {
        Self { section: self.section.or(Some(section)), ..self }
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8], at: usize) -> Self {
        Self { text, at }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The octets from `start` to here.
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.text.len());
    }

    /// A cursor at the same place whose text ends `length` octets further on.
    pub(super) fn within(&self, length: usize) -> Self {
        let end = self.at.saturating_add(length).min(self.text.len());
        Self { text: self.text.get(..end).unwrap_or_default(), at: self.at }
    }

    pub(super) fn miss<T>(&self, expected: &'static str) -> Result<T, Miss> {
        Err(Miss { expected, at: self.at, section: None })
    }

    /// The end of the text.
    pub(super) fn end(&self, expected: &'static str) -> Match {
        if self.is_at_end() { Ok(()) } else { self.miss(expected) }
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        if is_there {
            self.advance(1);
        }
        is_there
    }

    pub(super) fn expect(&mut self, byte: u8, expected: &'static str) -> Match {
        if self.eat(byte) { Ok(()) } else { self.miss(expected) }
    }

    /// Literal text, which the grammar compares without case.
    pub(super) fn eat_text(&mut self, text: &str) -> bool {
        let head = self.rest().get(..text.len());
        let is_there = head.is_some_and(|head| head.eq_ignore_ascii_case(text.as_bytes()));
        if is_there {
            self.advance(text.len());
        }
        is_there
    }

    /// The octets that satisfy `belongs`, as many as stand here.
    pub(super) fn take(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len());
        self.advance(length);
        rest.get(..length).unwrap_or_default()
    }

    /// `LWS`; folds are blanks by now (§7.3.1).
    pub(super) fn lws(&mut self) -> bool {
        !self.take(is_blank).is_empty()
    }

    /// `SWS`
    pub(super) fn sws(&mut self) {
        self.take(is_blank);
    }

    /// `SEMI`, `COMMA`, `EQUAL`, `SLASH`, `COLON`: white space is free on both sides. Without the separator nothing is taken.
    pub(super) fn separator(&mut self, byte: u8) -> bool {
        let mut ahead = *self;
        ahead.sws();
        if !ahead.eat(byte) {
            return false;
        }
        ahead.sws();
        *self = ahead;
        true
    }

    /// As [`Cursor::separator`], where one must stand.
    pub(super) fn need(&mut self, byte: u8, expected: &'static str) -> Match {
        if self.separator(byte) {
            return Ok(());
        }
        self.sws();
        self.miss(expected)
    }
}

pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// `TEXT-UTF8char`. That octets beyond ASCII are UTF-8 is a matter of the whole head.
pub(super) const fn is_text(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f
}

/// `token`
pub(super) fn token(c: &mut Cursor<'_>) -> Match {
    token_of(c, "a token")
}

pub(super) fn token_of(c: &mut Cursor<'_>, expected: &'static str) -> Match {
    if c.take(scan::is_token_byte).is_empty() { c.miss(expected) } else { Ok(()) }
}

/// `word`, of which Call-IDs are made.
pub(super) fn word(c: &mut Cursor<'_>) -> Match {
    let belongs = |byte| {
        scan::is_token_byte(byte)
            || matches!(
                byte,
                b'(' | b')' | b'<' | b'>' | b':' | b'\\' | b'"' | b'/' | b'[' | b']' | b'?' | b'{' | b'}'
            )
    };
    if c.take(belongs).is_empty() { c.miss("a word") } else { Ok(()) }
}

/// `quoted-string`, without the white space before it.
pub(super) fn quoted_string(c: &mut Cursor<'_>) -> Match {
    let open = *c;
    c.expect(b'"', "a quoted string")?;
    loop {
        c.take(|byte| (is_text(byte) || is_blank(byte)) && !matches!(byte, b'"' | b'\\'));
        match c.peek() {
            Some(b'"') => {
                c.advance(1);
                return Ok(());
            }
            Some(b'\\') => quoted_pair(c)?,
            Some(_) => return c.miss("no control character"),
            None => return open.miss("a closing quote"),
        }
    }
}

/// `quoted-pair`: any of ASCII but CR and LF may be escaped.
fn quoted_pair(c: &mut Cursor<'_>) -> Match {
    c.advance(1);
    match c.peek() {
        Some(byte) if byte.is_ascii() && !matches!(byte, b'\r' | b'\n') => {
            c.advance(1);
            Ok(())
        }
        _ => c.miss("a character that can be escaped"),
    }
}

/// `comment`: they nest, and white space around the parentheses is free.
pub(super) fn comment(c: &mut Cursor<'_>) -> Match {
    let open = *c;
    c.expect(b'(', "a comment")?;
    let mut depth = 1_usize;
    while depth > 0 {
        c.take(|byte| (is_text(byte) || is_blank(byte)) && !matches!(byte, b'(' | b')' | b'\\'));
        match c.peek() {
            Some(b'(') => depth = depth.saturating_add(1),
            Some(b')') => depth = depth.saturating_sub(1),
            Some(b'\\') => {
                quoted_pair(c)?;
                continue;
            }
            Some(_) => return c.miss("no control character"),
            None => return open.miss("a closing parenthesis"),
        }
        c.advance(1);
    }
    Ok(())
}

/// `TEXT-UTF8-TRIM`, which may be absent: no white space at its end.
pub(super) fn trimmed_text(c: &mut Cursor<'_>) -> Match {
    let text = c.take(|byte| is_text(byte) || is_blank(byte));
    match text.last() {
        Some(last) if is_blank(*last) && c.is_at_end() => c.miss("no white space at the end"),
        _ => c.end("no control character"),
    }
}

/// `header-value` of a header that no grammar is known for.
pub(super) fn any_text(c: &mut Cursor<'_>) -> Match {
    c.take(|byte| is_text(byte) || is_blank(byte));
    c.end("no control character")
}

/// `1*DIGIT` up to `most`.
pub(super) fn number(c: &mut Cursor<'_>, most: u64, expected: &'static str) -> Match {
    let start = *c;
    let digits = c.take(|byte| byte.is_ascii_digit());
    let value = digits.iter().fold(0_u64, |value, digit| {
        value.saturating_mul(10).saturating_add(u64::from(digit.wrapping_sub(b'0')))
    });
    if digits.is_empty() || value > most { start.miss(expected) } else { Ok(()) }
}

/// `1*DIGIT` from 1 up to `most`.
pub(super) fn positive(c: &mut Cursor<'_>, most: u64, expected: &'static str) -> Match {
    let start = *c;
    number(c, most, expected)?;
    match c.since(start.at()).iter().all(|digit| *digit == b'0') {
        true => start.miss("a number above 0"),
        false => Ok(()),
    }
}

/// `index-val` (RFC 7044 §5): numbers without leading zeros, dots between them.
pub(super) fn history_index(c: &mut Cursor<'_>) -> Match {
    const EXPECTED: &str = "numbers with dots between them";
    loop {
        let start = *c;
        number(c, u64::MAX, EXPECTED)?;
        if c.since(start.at()).len() > 1 && start.peek() == Some(b'0') {
            return start.miss(EXPECTED);
        }
        if !c.eat(b'.') {
            return Ok(());
        }
    }
}

/// `1*mDIGIT`.
pub(super) fn few_digits(c: &mut Cursor<'_>, most: usize, expected: &'static str) -> Match {
    let start = *c;
    let count = c.take(|byte| byte.is_ascii_digit()).len();
    if (1..=most).contains(&count) { Ok(()) } else { start.miss(expected) }
}

/// `n*mDIGIT` of exactly this many digits.
pub(super) fn digits(c: &mut Cursor<'_>, count: usize, expected: &'static str) -> Match {
    let start = *c;
    if c.take(|byte| byte.is_ascii_digit()).len() == count { Ok(()) } else { start.miss(expected) }
}

/// `delta-seconds`, of 32 bits (§20.19).
pub(super) fn delta_seconds(c: &mut Cursor<'_>) -> Match {
    number(c, u32::MAX.into(), "seconds below 2^32")
}

/// `qvalue`: from 0 to 1 with up to three decimals.
pub(super) fn qvalue(c: &mut Cursor<'_>) -> Match {
    let start = *c;
    let whole = c.take(|byte| byte.is_ascii_digit());
    let decimals = if c.eat(b'.') { c.take(|byte| byte.is_ascii_digit()) } else { &[] };
    let is_in_range = match whole {
        b"0" => true,
        b"1" => decimals.iter().all(|digit| *digit == b'0'),
        _ => false,
    };
    if is_in_range && decimals.len() <= 3 { Ok(()) } else { start.miss("a q-value from 0 to 1") }
}

/// `element *(COMMA element)`
pub(super) fn list(c: &mut Cursor<'_>, element: Rule) -> Match {
    element(c)?;
    while c.separator(b',') {
        element(c)?;
    }
    Ok(())
}

/// A list that may be empty.
pub(super) fn optional_list(c: &mut Cursor<'_>, element: Rule) -> Match {
    if c.is_at_end() { Ok(()) } else { list(c, element) }
}

/// `SIP-date`: RFC 1123 in GMT, with case (§20.17). Its view has the same grammar.
pub(super) fn date(c: &mut Cursor<'_>) -> Match {
    let parsed = Date::parse(scan::text(c.rest()).trim_end_matches([' ', '\t']));
    c.advance(parsed.map_or_else(|fault| fault.at, |_| Date::LEN));
    parsed.map_or_else(|fault| c.miss(fault.expected), |_| Ok(()))
}

pub(super) fn one_of(c: &mut Cursor<'_>, words: &[&str], expected: &'static str) -> Match {
    if words.iter().any(|word| c.eat_text(word)) { Ok(()) } else { c.miss(expected) }
}
