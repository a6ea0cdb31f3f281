//! Via, From, To, Contact and Record-Route in the form that nearly all peers write, read from the octets where they stand.
//!
//! Matching and routing read these of every message (RFC 3261 §20.10, §20.20, §20.39, §20.42). Of what is written otherwise, faults
//! included, nothing is said here: `None`, and the views decide. Where something is said they say the same, and the whole value is ASCII.
//! Nothing looks past the value's line, whose end no set has.

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
    /// The bits of an IPv4 address.
    V4(u32),
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
    let at = usize::from(value.at);
    let protocol: &[u8; 12] = octets.get(at..)?.first_chunk()?;
    hop.port = match () {
        () if protocol == b"SIP/2.0/UDP " || protocol == b"SIP/2.0/TCP " => 5060,
        () if protocol == b"SIP/2.0/TLS " => 5061,
        () => return None,
    };
    let at = at.wrapping_add(protocol.len());
    let mut end = end_of(octets, at, |lanes| !is_of_host(lanes)).filter(|end| *end > at)?;
    hop.host = match ipv4(octets.get(at..end)?) {
        Some(ip) => Sender::V4(ip.to_bits()),
        None => Sender::At(span(at, end)),
    };
    if octets.get(end) == Some(&b':') {
        let (port, rest) = scan::digits(octets.get(end.wrapping_add(1)..)?)?;
        (hop.port, end) = (u16::try_from(port).ok()?, octets.len().wrapping_sub(rest.len()));
    }
    // Nearly always the branch is the first parameter, often the only one.
    let branch_at = end.wrapping_add(8);
    let has_branch = octets.get(end..branch_at) == Some(b";branch=");
    if has_branch {
        end = word_end(octets, branch_at)?;
        hop.branch = span(branch_at, end);
    }
    match end == usize::from(value.end) {
        true => Some(()),
        false => read_params(octets, value, end, hop, has_branch),
    }
}

/// The same of the parameters, which begin at `at`.
#[inline(never)]
fn read_params(octets: &[u8], value: Span, mut at: usize, hop: &mut Hop, mut has_branch: bool) -> Option<()> {
    while octets.get(at) == Some(&b';') {
        let param = Param::read(octets, at.wrapping_add(1))?;
        if param.name == b"branch" {
            // Of each name the first parameter counts.
            if !has_branch {
                hop.branch = param.value;
            }
            has_branch = true;
        } else if param.name == b"rport" {
            hop.wants_rport = true;
        } else if param.name == b"received" {
            hop.is_stamped = true;
        } else if param.name == b"maddr" {
            hop.has_maddr = true;
        } else if param.may_be_known() {
            return None;
        }
        at = param.end;
    }
    let rest = octets.get(at..value.end.into())?;
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
    let at = usize::from(bracketed(octets, value)?.end).wrapping_add(1);
    // Nearly always there is no other parameter.
    only_tag(octets, value, at).or_else(|| tag_among(octets, value, at))
}

/// The tag from `at` on to the end of `value`, if nothing else stands there; empty where there is none.
#[inline(always)]
fn only_tag(octets: &[u8], value: Span, at: usize) -> Option<Span> {
    if at == usize::from(value.end) {
        return Some(Span::EMPTY);
    }
    let tag_at = at.wrapping_add(5);
    let is_tag = octets.get(at..tag_at)? == b";tag=" && word_end(octets, tag_at)? == usize::from(value.end);
    is_tag.then_some(Span { at: tag_at as u16, ..value })
}

/// The tag among several parameters, which begin at `at`.
#[inline(never)]
fn tag_among(octets: &[u8], value: Span, mut at: usize) -> Option<Span> {
    let mut tag = Span::EMPTY;
    while octets.get(at) == Some(&b';') {
        let param = Param::read(octets, at.wrapping_add(1))?;
        if param.name == b"tag" {
            // One without a value is no tag.
            if param.value == Span::EMPTY {
                return None;
            }
            // Of each name the first parameter counts.
            if tag == Span::EMPTY {
                tag = param.value;
            }
        } else if param.may_be_known() {
            return None;
        }
        at = param.end;
    }
    (at == usize::from(value.end)).then_some(tag)
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
    only_tag(octets, value, end.into()).filter(|_| is_written_so).map(|_| end)
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
    (octets.get(end) == Some(&b'>') && end > at).then_some(span(at, end))
}

/// The place, from `at` on, of the first octet that `is_end` marks, or of one that is in no usual form.
#[inline(always)]
fn find(octets: &[u8], at: usize, is_end: impl Fn(Lanes) -> Hits) -> Option<usize> {
    end_of(octets, at, |lanes| is_end(lanes) | lanes.is_odd())
}

/// The place, from `at` on, of the first octet that `is_end` marks; `None` where it is out of sight.
#[inline(always)]
fn end_of(octets: &[u8], at: usize, is_end: impl Fn(Lanes) -> Hits) -> Option<usize> {
    Some(at.wrapping_add(lanes::position_in_sight(octets.get(at..)?, is_end)?))
}

/// A parameter, made of words.
struct Param<'a> {
    name: &'a [u8],
    /// Empty where there is none.
    value: Span,
    end: usize,
}

impl<'a> Param<'a> {
    /// The one that begins at `at`.
    #[inline]
    fn read(octets: &'a [u8], at: usize) -> Option<Self> {
        let end = word_end(octets, at)?;
        let name = octets.get(at..end)?;
        if octets.get(end) != Some(&b'=') {
            return Some(Self { name, value: Span::EMPTY, end });
        }
        let at = end.wrapping_add(1);
        let end = word_end(octets, at)?;
        Some(Self { name, value: span(at, end), end })
    }

    /// Whether its name might be one that is looked for, in another case.
    fn may_be_known(&self) -> bool {
        self.name.iter().any(u8::is_ascii_uppercase)
    }
}

/// Where the word at `at` ends.
#[inline(always)]
fn word_end(octets: &[u8], at: usize) -> Option<usize> {
    let len = word_len(octets.get(at..)?);
    (len > 0).then_some(at.wrapping_add(len))
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

/// A head is at most 65,535 octets long.
#[inline]
fn span(at: usize, end: usize) -> Span {
    Span { at: at as u16, end: end as u16 }
}
