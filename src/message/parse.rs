//! From bytes to an indexed message (RFC 3261 §7).
//!
//! The start line is read here; header lines are tokenised by `httparse`. What that does not take, though
//! SIP allows it, goes through `normalise` once and then the same way.

use bytes::Bytes;
use smallvec::SmallVec;

use super::keys::Keys;
use super::lanes::Lanes;
use super::name::Known;
use super::scan::{digits, many_digits};
use super::stream::SHORTER_BODY;
use super::strict::Lost;
use super::{
    Buffer, CSeq, First, INLINE_LINES, Line, Message, Method, Name, ParseError, Span, Start, StatusCode,
    lanes, normalise,
};
use crate::limits::Limits;

impl Message {
    /// Parses one message that is all of `bytes`, as in a datagram: a body longer than Content-Length is cut,
    /// one that is shorter refused (RFC 3261 §18.3).
    ///
    /// # Errors
    /// The first fault in what framing and matching rest on: start line, header lines, the presence of Via, From, To,
    /// Call-ID and CSeq, the latter's value, Content-Length. Other headers are examined when they are read.
    #[inline(always)]
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, ParseError> {
        // Filled in where the caller keeps it: what was just written piece by piece is slow to move as a whole.
        let mut parsed = Ok(Self::blank(bytes.into()));
        if let Ok(message) = &mut parsed
            && let Some(Flaw::NotSip(fault) | Flaw::Broken(fault)) = message.read(&Limits::DEFAULT)
        {
            parsed = Err(fault);
        }
        parsed
    }

    /// A message of which nothing is known but its octets.
    #[inline]
    pub(crate) fn blank(bytes: Bytes) -> Self {
        Self {
            bytes: Buffer::Received(bytes),
            start: Start::Request { uri: Span::EMPTY },
            method: Method::Ack,
            cseq: 0,
            body_at: 0,
            lines: SmallVec::from_buf([Line::EMPTY; INLINE_LINES]),
            first: First::EMPTY,
            source: None,
            lost: Lost::empty(),
            keys: Keys::NONE,
            says_source: false,
        }
    }

    /// Reads the octets of a blank message: what is wrong with it. The message is filled in where it stands.
    pub(super) fn read(&mut self, limits: &Limits) -> Option<Flaw> {
        self.read_masked(None, limits)
    }

    /// The same once the head is rewritten, unless it is already and its lines cannot be told apart all the same.
    #[cold]
    fn read_normal(&mut self, is_normal: bool, limits: &Limits) -> Option<Flaw> {
        if is_normal {
            return Some(Flaw::NotSip(ParseError::new("header lines", 0)));
        }
        let normal = normalise::normalise(&self.bytes);
        *self = Self::blank(normal.bytes);
        self.lost = normal.lost;
        match self.read_masked(Some(&normal.mask), limits) {
            Some(Flaw::NotSip(fault)) => Some(Flaw::NotSip(fault)),
            // 505 comes before 400 (RFC 3261 §8.2).
            Some(Flaw::Broken(fault)) if fault.header.is_none() && fault.expected == VERSION => {
                Some(Flaw::Broken(fault))
            }
            defect => normal.defect.map(Flaw::Broken).or(defect),
        }
    }

    /// Indexes start line and header lines and reads what framing rests on. `mask` is as long as the octets and free of raw control characters.
    #[inline(never)]
    fn read_masked(&mut self, mask: Option<&[u8]>, limits: &Limits) -> Option<Flaw> {
        let not_sip = |expected, at| Some(Flaw::NotSip(ParseError::new(expected, at)));
        let bytes: &[u8] = &self.bytes;
        let leading = match bytes {
            [b'\r' | b'\n', ..] => bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count(),
            _ => 0,
        };
        let Some((line, line_len)) = bytes.get(leading..).and_then(first_line) else {
            return not_sip("a start line", leading);
        };
        let mut defect = match start_line(line, leading, (&mut self.start, &mut self.method)) {
            Ok(()) => None,
            Err(flaw @ Flaw::NotSip(_)) => return Some(flaw),
            Err(Flaw::Broken(fault)) => Some(fault),
        };

        let headers_at = leading.wrapping_add(line_len).wrapping_add(1);
        let masked = mask.unwrap_or(bytes);
        let Some(headers) = masked.get(headers_at..) else { return not_sip("header lines", 0) };
        let (lines, first) = (&mut self.lines, &mut self.first);
        let origin = masked.as_ptr() as usize;
        // A short head hardly ever has many lines, and room for many takes its time to be cleared.
        let (mut few, mut many);
        let mut tokenised = match headers.len() {
            0..SHORT => {
                few = [httparse::EMPTY_HEADER; INLINE_LINES / 2];
                httparse::parse_headers(headers, &mut few)
            }
            _ => Err(httparse::Error::TooManyHeaders),
        };
        if let Err(httparse::Error::TooManyHeaders) = tokenised {
            many = [httparse::EMPTY_HEADER; INLINE_LINES];
            tokenised = httparse::parse_headers(headers, &mut many);
        }
        let (length, odd) = match tokenised {
            Ok(httparse::Status::Complete((length, tokens))) => {
                let odd = fill(lines, first, tokens, origin);
                lines.truncate(tokens.len());
                (length, odd)
            }
            Err(httparse::Error::TooManyHeaders) => match fill_many(lines, first, headers, origin, limits) {
                Ok(httparse::Status::Complete(filled)) => filled,
                Err(httparse::Error::TooManyHeaders) => return not_sip("fewer header lines", headers_at),
                Ok(httparse::Status::Partial) | Err(_) => return self.read_normal(mask.is_some(), limits),
            },
            Ok(httparse::Status::Partial) | Err(_) => return self.read_normal(mask.is_some(), limits),
        };
        let head_len = headers_at.wrapping_add(length);
        if head_len > limits.head.min(usize::from(u16::MAX)) {
            return not_sip("a shorter head", limits.head);
        }
        self.body_at = head_len as u16;
        if odd.has_long_name {
            return not_sip("header names of at most 255 bytes", headers_at);
        }
        if odd.repeats_single {
            defect = defect.or_else(|| self.repeated_single());
        }
        if !self.read_usual() {
            defect = self.read_unusual(limits, defect);
        }
        defect.map(Flaw::Broken)
    }

    /// Reads CSeq and Content-Length, and looks that nothing is missing, in a message in which nothing is amiss. Otherwise `false`.
    #[inline(always)]
    fn read_usual(&mut self) -> bool {
        let lines = self.lines.as_slice();
        let value = |name| lines.get(self.first.line(name)).map(|line| line.value);
        let is_filled = |name| value(name).is_some_and(|value| value.at < value.end);
        let Some((number, [b' ', method @ ..])) =
            value(Name::CSeq).and_then(|cseq| many_digits(self.raw(cseq)))
        else {
            return false;
        };
        if !NEEDED.into_iter().all(is_filled) {
            return false;
        }
        let length = match value(Name::ContentLength).map(|length| digits(self.raw(length))) {
            None => None,
            Some(Some((length, []))) => Some(length),
            Some(_) => return false,
        };
        match self.start {
            Start::Request { .. } if method == self.method.as_str().as_bytes() => {}
            Start::Request { .. } => return false,
            Start::Response { .. } => match Method::known_at(method) {
                Some((method, [])) => self.method = method,
                _ => return false,
            },
        }
        self.cseq = number;
        length.is_none_or(|length| self.cut_body(length))
    }

    /// The same for all others: the first thing that is wrong, if `earlier` is none.
    #[cold]
    fn read_unusual(&mut self, limits: &Limits, earlier: Option<ParseError>) -> Option<ParseError> {
        let cseq = self.read_cseq().err();
        let body = self.frame_body(limits).err();
        earlier.or(cseq).or(body).or_else(|| self.missing())
    }

    /// The first line that repeats a header of which a message has at most one (RFC 3261 §7.3.1).
    #[cold]
    fn repeated_single(&self) -> Option<ParseError> {
        let is_repeated = |(at, line): &(usize, &Line)| {
            First::covers(line.name) && SINGLE.contains(&line.name) && self.first.line(line.name) != *at
        };
        let (_, line) = self.lines.iter().enumerate().find(is_repeated)?;
        Some(ParseError::new("one header of this name", 0).within(line.name, line.name_at.into()))
    }
}

/// With fewer octets behind the start line a message hardly ever has more than a dozen header lines.
const SHORT: usize = 512;

/// Headers that every message has (RFC 3261 §8.1.1) and that matching and framing use.
const NEEDED: [Name; 5] = [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq];

/// Headers of which a message has at most one (RFC 3261 §7.3.1), among those that matching and framing use.
const SINGLE: [Name; 6] =
    [Name::From, Name::To, Name::CallId, Name::CSeq, Name::MaxForwards, Name::ContentLength];

/// What is wrong with what came.
pub(super) enum Flaw {
    /// No head could be found: this is not SIP.
    NotSip(ParseError),
    /// A message that is legible all the same.
    Broken(ParseError),
}

/// The value of up to nine decimal digits.
fn decimal(text: &[u8]) -> Option<u32> {
    digits(text).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
}

/// How many line ends there are before an empty line, or before the end.
fn count_lines(headers: &[u8]) -> usize {
    let mut count = 0_usize;
    let mut from = 0_usize;
    for end in memchr::memchr_iter(b'\n', headers) {
        if matches!(headers.get(from..end), Some(b"" | b"\r")) {
            break;
        }
        count = count.saturating_add(1);
        from = end.saturating_add(1);
    }
    count
}

/// The line at the start of `octets`, which has an end, and its length.
#[inline]
fn first_line(octets: &[u8]) -> Option<(&[u8], usize)> {
    let is_end = |lanes: Lanes| lanes.is(b'\n');
    let len = lanes::position_in_sight(octets, is_end).or_else(|| lanes::position(octets, is_end))?;
    Some((octets.get(..len)?, len))
}

/// What is rarely so with all lines together.
struct Odd {
    has_long_name: bool,
    /// Whether a header of which a message has at most one has more lines.
    repeats_single: bool,
}

/// Writes the lines of `tokens` in a buffer that begins at `origin`. A head is at most 65,535 bytes long, as the caller checks. By itself, since
/// the loop wants all registers.
#[inline(never)]
fn fill(lines: &mut [Line], first: &mut First, tokens: &[httparse::Header<'_>], origin: usize) -> Odd {
    let mut names = 0;
    let mut firsts = [First::NONE; Known::PLACES];
    let mut counts = [0_u16; Known::PLACES];
    // From the last to the first, so that the first stays.
    for (at, (line, token)) in lines.iter_mut().zip(tokens).enumerate().rev() {
        let name = token.name.as_bytes();
        let known = Known::find(name).unwrap_or_else(|| Known::find_rare(name));
        let value_at = (token.value.as_ptr() as usize).wrapping_sub(origin);
        *line = Line {
            name: known.name,
            name_len: name.len() as u8,
            name_at: (name.as_ptr() as usize).wrapping_sub(origin) as u16,
            value: Span { at: value_at as u16, end: value_at.wrapping_add(token.value.len()) as u16 },
        };
        names |= First::bit(known.name);
        if let (Some(first), Some(count)) = (firsts.get_mut(known.place()), counts.get_mut(known.place())) {
            *first = at as u16;
            // A head has no room for as many lines as a count can say.
            *count = count.wrapping_add(1);
        }
    }
    let [lines @ .., _, _, _, _, _, _, _, _] = firsts;
    *first = First { names, lines };
    let count = |place: usize| counts.get(place).copied().unwrap_or_default();
    Odd {
        has_long_name: count(Known::TOO_LONG.place()) > 0,
        repeats_single: SINGLE.iter().fold(0, |all, name| all | count(*name as usize)) > 1,
    }
}

/// The same of a head with more lines than most have: its length too, as far as `limits` allow.
#[cold]
fn fill_many(
    lines: &mut SmallVec<[Line; INLINE_LINES]>,
    first: &mut First,
    headers: &[u8],
    origin: usize,
    limits: &Limits,
) -> httparse::Result<(usize, Odd)> {
    let mut tokens = alloc::vec![httparse::EMPTY_HEADER; count_lines(headers).min(limits.headers)];
    Ok(match httparse::parse_headers(headers, &mut tokens)? {
        httparse::Status::Complete((length, tokens)) => {
            lines.resize(tokens.len(), Line::EMPTY);
            let odd = fill(lines, first, tokens, origin);
            httparse::Status::Complete((length, odd))
        }
        httparse::Status::Partial => httparse::Status::Partial,
    })
}

/// Reads the start line, which begins at `at`. What is legible is kept even if something is amiss.
#[inline(always)]
fn start_line(line: &[u8], at: usize, (start, method): (&mut Start, &mut Method)) -> Result<(), Flaw> {
    if let Some(([b'S', b'I', b'P', b'/', b'2', b'.', b'0', b' ', a, b, c, b' '], phrase)) =
        line.split_first_chunk()
        && let Some((b'\r', phrase)) = phrase.split_last()
        && let Some(status) = decimal(&[*a, *b, *c]).and_then(|code| StatusCode::new(code as u16))
    {
        let reason_at = at.wrapping_add(12);
        let reason = Span { at: reason_at as u16, end: reason_at.wrapping_add(phrase.len()) as u16 };
        *start = Start::Response { status, reason };
        return Ok(());
    }
    // The usual request line: one space on either side of the URI.
    if let Some((known, [b' ', uri @ ..])) = Method::known_at(line)
        && let Some(uri) = uri.strip_suffix(b" SIP/2.0\r")
        && let [first, .., last] = uri
        && !first.is_ascii_whitespace()
        && !last.is_ascii_whitespace()
    {
        let uri_at = at.wrapping_add(line.len().wrapping_sub(uri.len()).wrapping_sub(9));
        *method = known;
        // A head that goes on beyond what a span can say is refused.
        let uri = Span { at: uri_at as u16, end: uri_at.wrapping_add(uri.len()) as u16 };
        *start = Start::Request { uri };
        return Ok(());
    }
    unusual_line(line.strip_suffix(b"\r").unwrap_or(line), at, start, method)
}

/// The same for all others.
#[cold]
fn unusual_line(line: &[u8], at: usize, start: &mut Start, method: &mut Method) -> Result<(), Flaw> {
    if is_status_line(line) {
        *start = status_line(line, at).map_err(Flaw::NotSip)?;
        return Ok(());
    }
    match request_line(line, at, start, method).map_err(Flaw::NotSip)? {
        Some(defect) => Err(Flaw::Broken(defect)),
        None => Ok(()),
    }
}

fn is_status_line(line: &[u8]) -> bool {
    line.first_chunk::<4>().is_some_and(|head| head.eq_ignore_ascii_case(b"SIP/"))
}

/// `SIP/2.0 200 OK` (§7.2).
fn status_line(line: &[u8], at: usize) -> Result<Start, ParseError> {
    let not_sip = |expected, rest: &[u8]| ParseError::new(expected, place_of(line, rest, at));
    let space =
        lanes::position(line, |lanes| lanes.is(b' ')).ok_or_else(|| not_sip("a status line", line))?;
    let (version, rest) = line.split_at_checked(space).unwrap_or((line, &[]));
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Err(not_sip("SIP/2.0", line));
    }
    let rest = rest.trim_ascii_start();
    let (digits, reason) = rest.split_at_checked(3).unwrap_or((rest, &[]));
    let status = decimal(digits).and_then(|code| StatusCode::new(code as u16));
    let reason = match reason {
        [] => Some(reason),
        [b' ', phrase @ ..] => Some(phrase),
        _ => None,
    };
    match (status, reason) {
        (Some(status), Some(reason)) => Ok(Start::Response { status, reason: span_of(line, reason, at) }),
        _ => Err(not_sip("a status code from 100 to 699", rest)),
    }
}

/// `INVITE sip:bob@example.com SIP/2.0` (§7.1). More white space than the grammar has is tolerated.
#[cold]
fn request_line(
    line: &[u8],
    at: usize,
    start: &mut Start,
    method: &mut Method,
) -> Result<Option<ParseError>, ParseError> {
    let not_sip = |expected, rest: &[u8]| ParseError::new(expected, place_of(line, rest, at));
    let space = line.iter().position(|byte| *byte == b' ').ok_or_else(|| not_sip("a request line", line))?;
    let (name, rest) = line.split_at_checked(space).unwrap_or((line, &[]));
    let (uri, defect) = match rest.strip_suffix(b" SIP/2.0") {
        Some(uri) => (uri, None),
        None => {
            let rest = rest.trim_ascii_end();
            let end = rest.iter().rposition(|byte| matches!(byte, b' ' | b'\t')).unwrap_or_default();
            let (uri, version) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            let version = version.trim_ascii_start();
            if !version.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"SIP/")) {
                return Err(not_sip("SIP/2.0", version));
            }
            let is_ours = version.eq_ignore_ascii_case(b"SIP/2.0");
            (uri, (!is_ours).then_some(ParseError::new(VERSION, at)))
        }
    };
    *method = Method::from_bytes(name).ok_or_else(|| not_sip("a method", line))?;
    *start = Start::Request { uri: span_of(line, uri.trim_ascii(), at) };
    Ok(defect)
}

/// What a request of another version lacks: the endpoint answers it 505.
pub(super) const VERSION: &str = "version SIP/2.0";

/// Where `part`, a slice of a line that begins at `at`, stands; the line's end for an empty slice from elsewhere.
fn place_of(line: &[u8], part: &[u8], at: usize) -> usize {
    let offset = (part.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
    at.saturating_add(offset.min(line.len()))
}

fn span_of(line: &[u8], part: &[u8], at: usize) -> Span {
    let start = place_of(line, part, at);
    match u16::try_from(start.saturating_add(part.len())) {
        Ok(end) => Span { at: start as u16, end },
        Err(_) => Span::EMPTY,
    }
}

impl Message {
    /// Reads CSeq; the method in a request's must be its own (RFC 3261 §8.1.1.5).
    fn read_cseq(&mut self) -> Result<(), ParseError> {
        let Some(line) = self.first_line(Name::CSeq) else { return Ok(()) };
        let at = usize::from(line.value.at);
        let cseq = CSeq::parse(self.text(line.value)).map_err(|fault| fault.within(Name::CSeq, at))?;
        self.cseq = cseq.number;
        if !self.is_request() {
            self.method = cseq.method;
        } else if self.method != cseq.method {
            return Err(ParseError::new("the request's method", 0).within(Name::CSeq, at));
        }
        Ok(())
    }

    /// Cuts what follows the body that Content-Length measures (§18.3).
    fn frame_body(&mut self, limits: &Limits) -> Result<(), ParseError> {
        let Some(line) = self.first_line(Name::ContentLength) else { return Ok(()) };
        let length = match decimal(self.raw(line.value)) {
            Some(length) => length,
            None => self.content_length()?.unwrap_or_default(),
        };
        if !self.cut_body(length) {
            // Of a message that is too long a stream hands out the head alone.
            let is_too_long = self.bytes.len() == self.head_len() && length as usize > limits.body;
            let expected = if is_too_long { SHORTER_BODY } else { "a body as long as announced" };
            let fault = ParseError::new(expected, 0);
            return Err(fault.within(Name::ContentLength, self.bytes.len()));
        }
        Ok(())
    }

    /// Cuts what follows a body of this length; `false` where there is less. It is no part of the message: neither kept nor compared.
    #[inline(always)]
    fn cut_body(&mut self, length: u32) -> bool {
        let end = self.head_len().saturating_add(length as usize);
        let is_there = end <= self.bytes.len();
        if let Buffer::Received(bytes) = &mut self.bytes
            && is_there
        {
            bytes.truncate(end);
        }
        is_there
    }

    /// The first absent header of those that every message has (§8.1.1; Max-Forwards is forgiven, as
    /// RFC 2543 peers do not send it).
    fn missing(&self) -> Option<ParseError> {
        let lines = self.lines.as_slice();
        let is_filled = |name: &Name| {
            lines.get(self.first.line(*name)).is_some_and(|line| line.value.end > line.value.at)
        };
        let absent = NEEDED.into_iter().find(|name| !is_filled(name))?;
        Some(ParseError::new("the header", self.head_len()).within(absent, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn request(start: &str, headers: &str) -> String {
        let head = headers.replace('\n', "\r\n");
        alloc::format!("{start}\r\n{head}\r\n\r\n")
    }

    const USUAL: &str = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: <sip:a@h>;tag=1\nTo: <sip:b@h>\nCall-ID: c\nCSeq: 1 OPTIONS";

    fn fault(text: &str) -> String {
        alloc::format!("{}", Message::parse(text.as_bytes().to_vec()).unwrap_err())
    }

    #[test]
    fn start_lines() {
        let message = Message::parse(request("OPTIONS sip:b@h SIP/2.0", USUAL)).unwrap();
        assert_eq!((message.method(), message.request_uri()), (&Method::Options, Some("sip:b@h")));
        // RFC 4475 §3.1.2.9 and §3.1.2.10: more white space than the grammar has.
        let message = Message::parse(request("OPTIONS  sip:b@h  SIP/2.0  ", USUAL)).unwrap();
        assert_eq!(message.request_uri(), Some("sip:b@h"));
        let response = Message::parse(request("sip/2.0 200 Fine, thanks", USUAL)).unwrap();
        assert_eq!((response.status(), response.reason_phrase()), (Some(StatusCode::OK), "Fine, thanks"));
        // RFC 4475 §3.1.1.13: an empty reason phrase, with and without its space.
        for line in ["SIP/2.0 100 ", "SIP/2.0 100"] {
            assert_eq!(Message::parse(request(line, USUAL)).unwrap().reason_phrase(), "");
        }
    }

    #[test]
    fn what_is_not_sip() {
        assert_eq!(fault("hello"), "Expected a start line at byte 0");
        assert_eq!(fault("GET / HTTP/1.1\r\n\r\n"), "Expected SIP/2.0 at byte 6");
        // RFC 4475 §3.1.2.19: response code beyond the range.
        assert_eq!(
            fault(&request("SIP/2.0 4294967301 better", USUAL)),
            "Expected a status code from 100 to 699 at byte 8"
        );
        assert_eq!(
            fault(&request("SIP/2.0 099 x", USUAL)),
            "Expected a status code from 100 to 699 at byte 8"
        );
    }

    #[test]
    fn a_datagram_may_begin_with_empty_lines() {
        // RFC 3261 §7.5.
        let text = alloc::format!("\r\n\r\n{}", request("OPTIONS sip:b@h SIP/2.0", USUAL));
        assert_eq!(Message::parse(text).unwrap().request_uri(), Some("sip:b@h"));
    }

    #[test]
    fn defects_name_header_and_byte() {
        let start = "OPTIONS sip:b@h SIP/2.0";
        let at = |text: &str, what: &str| text.find(what).unwrap();
        let with = |extra: &str| request(start, &alloc::format!("{USUAL}\n{extra}"));
        let text = with("Content-Length: 5");
        assert_eq!(
            fault(&text),
            alloc::format!("Content-Length: expected a body as long as announced at byte {}", text.len())
        );
        let text = with("Content-Length: -999");
        assert_eq!(
            fault(&text),
            alloc::format!("Content-Length: expected a length in bytes at byte {}", at(&text, "-999"))
        );
        let text = with("To: <sip:x@y>");
        assert_eq!(
            fault(&text),
            alloc::format!("To: expected one header of this name at byte {}", at(&text, "To: <sip:x"))
        );
        let text = request(start, &USUAL.replace("Call-ID: c\n", ""));
        assert_eq!(fault(&text), alloc::format!("Call-ID: expected the header at byte {}", text.len()));
        let text = request("INVITE sip:b@h SIP/2.0", USUAL);
        assert_eq!(
            fault(&text),
            alloc::format!("CSeq: expected the request's method at byte {}", at(&text, "1 OPTIONS"))
        );
        assert_eq!(fault(&request("OPTIONS sip:b@h SIP/7.0", USUAL)), "Expected version SIP/2.0 at byte 0");
    }

    #[test]
    fn the_slow_path_reads_what_httparse_does_not() {
        // Folding, white space before the colon, raw control characters in quoted pairs.
        let headers = "Via:\n SIP/2.0/UDP h\n\t;branch=z9hG4bK1\nFrom  : \"x\\\u{7}y\" <sip:a@h>\n  ;tag=1\nt: <sip:b@h>\nCall-ID\t: c\nCSeq: 1\n OPTIONS\nX-Empty:\nX-Utf: \u{fc}";
        let message = Message::parse(request("OPTIONS sip:b@h SIP/2.0", headers)).unwrap();
        assert_eq!(message.top_via().unwrap().branch(), Some("z9hG4bK1"));
        assert_eq!(message.from().unwrap().display_name().unwrap(), "x\u{7}y");
        assert_eq!(message.from().unwrap().tag(), Some("1"));
        assert_eq!((message.cseq(), message.call_id()), (1, "c"));
        assert_eq!(message.headers("x-empty").collect::<Vec<_>>(), [""]);
        assert_eq!(message.headers("X-UTF").collect::<Vec<_>>(), ["\u{fc}"]);
    }

    #[test]
    fn more_headers_than_fit_inline() {
        let many: String = (0..100).map(|i| alloc::format!("\nX-{i}: {i}")).collect();
        let message =
            Message::parse(request("OPTIONS sip:b@h SIP/2.0", &alloc::format!("{USUAL}{many}"))).unwrap();
        assert_eq!(message.headers("X-99").next(), Some("99"));
        let too_many: String = (0..300).map(|i| alloc::format!("\nX-{i}: {i}")).collect();
        assert!(
            fault(&request("OPTIONS sip:b@h SIP/2.0", &alloc::format!("{USUAL}{too_many}")))
                .contains("fewer header lines")
        );
    }
}
