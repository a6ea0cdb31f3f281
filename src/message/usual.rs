//! Via, From, To, Contact and Record-Route in the form that nearly all peers write, read from the octets where they stand.
//!
//! Matching and routing read these of every message (RFC 3261 §20.10, §20.20, §20.39, §20.42). Of what is written otherwise, faults
//! included, nothing is said here: `None`, and the views decide. Where something is said they say the same, and the whole value is ASCII.
//! Nothing looks past the value's line, whose end no set has.

use core::net::Ipv4Addr;

use super::Span;
use super::lanes::{self, Hits, Lanes};
use super::scan;
use super::uri::ipv4;

/// The topmost Via, as far as matching and routing go by it.
#[derive(Clone, Copy)]
pub(super) struct Hop {
    /// The value of the first `branch`; empty where there is none.
    pub(super) branch: Span,
    /// The host of sent-by.
    pub(super) host: Sender,
    /// The port of sent-by or, where none is given, its transport's.
    pub(super) port: u16,
    /// Whether there is `rport`, with a value or without.
    pub(super) wants_rport: bool,
    /// Whether there is `received`.
    pub(super) is_stamped: bool,
    /// Whether there is `maddr`.
    pub(super) has_maddr: bool,
}

/// The host of sent-by: an address, or where one stands that is yet to be opened.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sender {
    V4(Ipv4Addr),
    At(Span),
}

impl Hop {
    pub(super) const NONE: Self = Self {
        branch: Span::EMPTY,
        host: Sender::At(Span::EMPTY),
        port: 0,
        wants_rport: false,
        is_stamped: false,
        has_maddr: false,
    };
}

/// Reads the first Via in `value` into `hop`, which is new: `SIP/2.0/UDP host:port;branch=z9hG4bK1;rport`.
#[inline(never)]
pub(super) fn top_via(octets: &[u8], value: Span, hop: &mut Hop) -> Option<()> {
    read_top_via(octets, value, hop)
}

/// The value of its first `branch`; empty where there is none.
pub(super) fn branch(octets: &[u8], value: Span) -> Option<Span> {
    let mut hop = Hop::NONE;
    read_top_via(octets, value, &mut hop)?;
    Some(hop.branch)
}

#[inline(always)]
fn read_top_via(octets: &[u8], value: Span, hop: &mut Hop) -> Option<()> {
    let text = octets.get(value.at.into()..)?;
    let (protocol, text) = text.split_first_chunk::<12>()?;
    hop.port = match () {
        () if protocol == b"SIP/2.0/UDP " || protocol == b"SIP/2.0/TCP " => 5060,
        () if protocol == b"SIP/2.0/TLS " => 5061,
        () => return None,
    };
    let len = lanes::position_in_sight(text, |lanes| !is_of_host(lanes)).filter(|len| *len > 0)?;
    let (written, mut rest) = text.split_at_checked(len)?;
    hop.host = match ipv4(written) {
        Some(ip) => Sender::V4(ip),
        None => Sender::At(span(octets, text, rest)),
    };
    if let Some(digits) = rest.strip_prefix(b":") {
        (hop.port, rest) = port(digits)?;
    }
    // Nearly always the branch is the first parameter, often the only one.
    let mut has_branch = false;
    if let Some(branch) = rest.strip_prefix(b";branch=") {
        rest = word(branch)?;
        hop.branch = span(octets, branch, rest);
        has_branch = true;
    }
    let rest = remainder(octets, rest, value)?;
    match rest.is_empty() {
        true => Some(()),
        false => read_params(octets, hop, has_branch, value, rest.len()),
    }
}

/// The same of the parameters that are the last octets of `value`, `left` of them.
#[inline(never)]
fn read_params(octets: &[u8], hop: &mut Hop, mut has_branch: bool, value: Span, left: usize) -> Option<()> {
    let mut rest = octets.get(usize::from(value.end).checked_sub(left)?..)?;
    while let Some(text) = rest.strip_prefix(b";") {
        let param = Param::read(text)?;
        let (name, value) = (param.name, param.value);
        if name == b"branch" {
            // Of each name the first parameter counts.
            if !has_branch {
                hop.branch = span(octets, value, param.after);
            }
            has_branch = true;
        } else if name == b"rport" {
            hop.wants_rport = true;
        } else if name == b"received" {
            hop.is_stamped = true;
        } else if name == b"maddr" {
            hop.has_maddr = true;
        } else if param.may_be_known() {
            return None;
        }
        rest = param.after;
    }
    let rest = remainder(octets, rest, value)?;
    (rest.is_empty() || (rest.starts_with(b",") && scan::is_ascii(rest))).then_some(())
}

/// The tag in `value`, a From or To: `"Bob" <sip:bob@example.com>;tag=a6c8`. Empty where there is none.
#[inline(never)]
pub(super) fn tag(octets: &[u8], value: Span) -> Option<Span> {
    read_tag(octets, value)
}

/// The same as a part of whoever asks.
#[inline(always)]
pub(super) fn read_tag(octets: &[u8], value: Span) -> Option<Span> {
    let end = bracketed(octets, value)?.end.wrapping_add(1);
    // Nearly always there is no other parameter.
    only_tag(octets, end, value).or_else(|| tag_among(octets, octets.get(end.into()..)?, value))
}

/// The tag from `at` on to the end of `value`, if nothing else stands there; empty where there is none.
#[inline(always)]
fn only_tag(octets: &[u8], at: u16, value: Span) -> Option<Span> {
    if at == value.end {
        return Some(Span::default());
    }
    let tag = octets.get(at.into()..)?.strip_prefix(b";tag=")?;
    let at = at.wrapping_add(5);
    let len = word_len(tag);
    (len > 0 && usize::from(at).wrapping_add(len) == value.end.into()).then_some(Span { at, end: value.end })
}

/// The tag among several parameters.
#[inline(never)]
fn tag_among(octets: &[u8], params: &[u8], value: Span) -> Option<Span> {
    let mut rest = params;
    let mut tag = None;
    while let Some(text) = rest.strip_prefix(b";") {
        let param = Param::read(text)?;
        if param.name == b"tag" {
            // One without a value is no tag.
            if param.value.len() == param.after.len() {
                return None;
            }
            tag = tag.or(Some(span(octets, param.value, param.after)));
        } else if param.may_be_known() {
            return None;
        }
        rest = param.after;
    }
    remainder(octets, rest, value)?.is_empty().then(|| tag.unwrap_or_default())
}

/// The URI of the first Contact in `value`: `<sip:bob@192.0.2.4:5060;transport=tcp>;expires=3600`.
pub(super) fn contact(octets: &[u8], value: Span) -> Option<Span> {
    // A name without quotes may hold a comma, which would end the element.
    let is_plain = matches!(octets.get(usize::from(value.at))?, b'<' | b'"');
    let uri = is_plain.then(|| bracketed(octets, value)).flatten()?;
    let rest = octets.get(usize::from(uri.end).wrapping_add(1)..value.end.into())?;
    (rest.is_empty() || (matches!(rest.first(), Some(b';' | b',')) && scan::is_ascii(rest))).then_some(uri)
}

/// Where the name-addr ends in `value`, a From or To that is written as it would be anew: `"Bob" <sip:bob@example.com>;tag=a6c8`, its tag, if there is one,
/// the only parameter.
pub(super) fn party(octets: &[u8], value: Span) -> Option<u16> {
    let uri = bracketed(octets, value)?;
    let name = octets.get(value.at.into()..usize::from(uri.at).wrapping_sub(1))?;
    let is_written_so = match name {
        [] => true,
        [.., last, b' '] => *last != b' ',
        _ => false,
    };
    let end = uri.end.wrapping_add(1);
    only_tag(octets, end, value).filter(|_| is_written_so).map(|_| end)
}

/// Whether `value`, a Record-Route, is one address without a name: `<sip:p1.example.com;lr>;x=1`.
pub(super) fn is_route(octets: &[u8], value: Span) -> bool {
    let is_bare = octets.get(usize::from(value.at)) == Some(&b'<');
    let Some(uri) = bracketed(octets, value).filter(|_| is_bare) else { return false };
    match octets.get(usize::from(uri.end).wrapping_add(1)..value.end.into()) {
        Some([]) => true,
        Some([b';', params @ ..]) => {
            params.iter().all(|octet| matches!(octet, b'!'..=b'~') && !matches!(octet, b',' | b'"' | b'<'))
        }
        _ => false,
    }
}

/// The URI between the brackets of the `name-addr` in `value`.
#[inline(always)]
fn bracketed(octets: &[u8], value: Span) -> Option<Span> {
    let at = usize::from(value.at);
    let open = match octets.get(at)? {
        b'<' => at,
        b'"' => {
            let quote = find(octets, at.wrapping_add(1), |lanes| lanes.is(b'"') | lanes.is(b'\\'))?;
            match octets.get(quote..quote.wrapping_add(3))? {
                b"\" <" => quote.wrapping_add(2),
                [b'"', b'<', _] => quote.wrapping_add(1),
                _ => return None,
            }
        }
        _ => find(octets, at, |lanes| lanes.is(b'"') | lanes.is(b'<'))
            .filter(|open| octets.get(*open) == Some(&b'<'))?,
    };
    let at = open.wrapping_add(1);
    let end = find(octets, at, |lanes| lanes.is(b'>'))?;
    (octets.get(end) == Some(&b'>') && end > at).then_some(Span { at: at as u16, end: end as u16 })
}

/// The place, from `at` on, of the first octet that `is_end` marks, or of one that is in no usual form.
#[inline(always)]
fn find(octets: &[u8], at: usize, is_end: impl Fn(Lanes) -> Hits) -> Option<usize> {
    let len = lanes::position_in_sight(octets.get(at..)?, |lanes| is_end(lanes) | lanes.is_odd())?;
    Some(at.wrapping_add(len))
}

/// A parameter, made of words.
struct Param<'a> {
    name: &'a [u8],
    /// From its value on; without `=`, from what follows.
    value: &'a [u8],
    after: &'a [u8],
}

impl<'a> Param<'a> {
    /// The one at the start of `text`.
    #[inline]
    fn read(text: &'a [u8]) -> Option<Self> {
        let rest = word(text)?;
        let name = text.get(..text.len().wrapping_sub(rest.len()))?;
        Some(match rest.strip_prefix(b"=") {
            Some(value) => Self { name, value, after: word(value)? },
            None => Self { name, value: rest, after: rest },
        })
    }

    /// Whether its name might be one that is looked for, in another case.
    fn may_be_known(&self) -> bool {
        self.name.iter().any(u8::is_ascii_uppercase)
    }
}

/// What follows the word at the start of `text`.
#[inline]
fn word(text: &[u8]) -> Option<&[u8]> {
    text.get(word_len(text)..).filter(|after| after.len() < text.len())
}

/// The length of the word at the start of `text`; zero if there is none or its end is out of sight. Tokens are hardly ever made of other octets.
#[inline(never)]
fn word_len(text: &[u8]) -> usize {
    lanes::position_in_sight(text, |lanes| !(is_of_host(lanes) | lanes.is(b'~'))).unwrap_or_default()
}

/// Letters, digits, `-`, `.` and `_`.
#[inline]
fn is_of_host(lanes: Lanes) -> Hits {
    lanes.is_alphanumeric() | lanes.is_in(b'-', b'.') | lanes.is(b'_')
}

/// The port at the start of `text`, and what follows.
#[inline]
fn port(text: &[u8]) -> Option<(u16, &[u8])> {
    let (port, rest) = scan::digits(text)?;
    Some((u16::try_from(port).ok()?, rest))
}

/// What is left of `value` where `rest` begins.
#[inline]
fn remainder<'a>(octets: &'a [u8], rest: &[u8], value: Span) -> Option<&'a [u8]> {
    octets.get(octets.len().wrapping_sub(rest.len())..value.end.into())
}

/// From where `text` begins to where `after` begins, both of them ends of `octets`. A head is at most 65,535 octets long.
#[inline]
fn span(octets: &[u8], text: &[u8], after: &[u8]) -> Span {
    let at = |end: &[u8]| octets.len().wrapping_sub(end.len()) as u16;
    match text.len() == after.len() {
        true => Span::default(),
        false => Span { at: at(text), end: at(after) },
    }
}
