//! The wire: parse, view, build. It knows no time and keeps no state.
//!
//! RFC 3261 §§7, 18.3, 19, 20 and 25. A [`Message`] is one buffer and an index of ranges into it. Parsing
//! copies and allocates nothing for a normal message; typed access is lazy and borrowed:
//!
//! ```
//! use sip_proto::message::Message;
//!
//! let bytes = b"OPTIONS sip:carol@chicago.com SIP/2.0\r\n\
//!     Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKhjhs8ass877\r\n\
//!     Max-Forwards: 70\r\n\
//!     To: <sip:carol@chicago.com>\r\n\
//!     From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n\
//!     Call-ID: a84b4c76e66710\r\n\
//!     CSeq: 63104 OPTIONS\r\n\
//!     Content-Length: 0\r\n\r\n";
//! let message = Message::parse(&bytes[..])?;
//! assert_eq!(message.from()?.tag(), Some("1928301774"));
//! assert_eq!(message.headers("max-forwards").next(), Some("70"));
//! # Ok::<(), sip_proto::message::ParseError>(())
//! ```
//!
//! | file | subject |
//! |---|---|
//! | `parse`, `normalise` | bytes to index; the slow path for what `httparse` does not take |
//! | `receive`, `keys` | what a datagram is: keep-alive, not SIP, broken, or a message; what matching reads of it |
//! | `hop` | the topmost Via, as matching and answering go by it |
//! | `usual` | Via, From, To, Contact and Record-Route as nearly all write them, read from the octets |
//! | `name_addr` | addresses as a dialog keeps them |
//! | `stream` | messages out of a byte stream |
//! | `strict` | whether a message is what the grammar says, to the octet |
//! | `view` | typed access to a message's headers |
//! | `name`, `method`, `status`, `transport` | the open sets |
//! | `uri`, `address`, `via`, `params`, `scan`, `lanes` | what header values are made of |
//! | `values` | header values, parsed and written |
//! | `multipart` | bodies of several parts |
//! | `build`, `answer`, `write` | writing messages |
//! | `hidden` | what `Debug` does not show |

mod address;
mod answer;
mod build;
mod error;
mod hidden;
mod hop;
mod keys;
mod lanes;
mod method;
mod multipart;
mod name;
mod name_addr;
mod normalise;
mod params;
mod parse;
mod receive;
mod scan;
mod status;
mod stream;
mod strict;
mod transport;
mod uri;
mod usual;
mod values;
mod via;
mod view;
mod write;

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::ops::Deref;

use bytes::Bytes;
use smallvec::SmallVec;

pub use address::{Address, unquote};
pub use build::{Body, Builder, Header};
pub(crate) use build::{check_line, supplies};
pub use error::{BuildError, ParseError};
pub(crate) use hidden::{Hidden, Length};
pub(crate) use hop::TopVia;
pub(crate) use keys::DialogKeys;
pub(crate) use lanes::any_place;
pub use method::Method;
pub use multipart::{BodyPart, Part, Parts};
pub use name::Name;
pub(crate) use name_addr::{Party, TAG};
pub use params::{Param, Params};
pub use receive::{Datagram, KeepAlive};
pub use scan::List;
pub use status::StatusCode;
pub use stream::{Framer, Unit};
pub(crate) use strict::lacking_in;
pub use strict::{Finding, LENIENCIES, Leniency};
pub use transport::Transport;
pub use uri::{
    Component, Escaped, Host, PhoneContext, SipUri, TelUri, Uri, UriHeader, escape, octets, unescape,
};
pub(crate) use uri::{is_sendable, is_sips};
pub use values::auth::{AuthParams, AuthenticationInfo, Challenge, Credentials, SecurityMechanism};
pub use values::caller::FeatureSet;
pub use values::content::{Disposition, Handling, MediaType, MimeVersion, Preference, QValue};
pub use values::date::Date;
pub use values::events::{EventPackage, InfoPackage, ReferSub, SubscriptionState, Substate};
pub use values::identity::{Contact, Diversion, HistoryInfo};
pub use values::ids::{CSeq, Join, RAck, Replaces};
pub use values::info::{GeolocationError, Link, Reason, UserToUser, Warning};
pub use values::time::{MinSe, Refresher, RetryAfter, SessionExpires, TimestampValue};
pub use values::write::{Quoted, quote};
pub use via::{MAGIC_COOKIE, Via};
pub use write::Value;

/// Whether `text` is a token (RFC 3261 §25.1).
pub(crate) fn is_token(text: &str) -> bool {
    scan::is_token(text)
}

/// Whether `text` is a Call-ID (RFC 3261 §25.1 `callid`).
pub(crate) fn is_call_id(text: &str) -> bool {
    values::ids::is_call_id(text)
}

/// A request or a response: its bytes, and where in them everything stands.
///
/// Made by [`Message::parse`], by a [`Builder`], or by the endpoint for what arrives.
/// `Debug` shows one line and never a body.
#[derive(Clone, PartialEq)]
pub struct Message {
    lines: SmallVec<[Line; INLINE_LINES]>,
    bytes: Buffer,
    start: Start,
    method: Method,
    cseq: u32,
    body_at: u16,
    first: First,
    source: Option<(IpAddr, u16)>,
    lost: strict::Lost,
    keys: keys::Keys,
    /// Whether an answer says where the request came from.
    says_source: bool,
}

/// The octets: shared with whoever received them, or written here. Built messages stay in the vector they
/// were written to, since turning one into `Bytes` would allocate again.
#[derive(Clone)]
enum Buffer {
    Received(Bytes),
    Built(Vec<u8>),
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Received(bytes) => bytes,
            Self::Built(bytes) => bytes,
        }
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

/// Headers of a normal message, kept without allocation.
const INLINE_LINES: usize = 24;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Request { uri: Span },
    Response { status: StatusCode, reason: Span },
}

impl Line {
    const EMPTY: Self = Self { name: Name::Unknown, name_len: 0, name_at: 0, value: Span::EMPTY };

    /// Whether no white space that is not part of the value stands before the line's end.
    #[inline]
    fn is_plain_in(&self, octets: &[u8]) -> bool {
        let end = usize::from(self.value.end);
        octets.get(end..end.wrapping_add(2)) == Some(b"\r\n")
    }

    /// Has the line stand so much further on.
    #[inline]
    fn move_by(&mut self, by: u16) {
        for place in [&mut self.name_at, &mut self.value.at, &mut self.value.end] {
            *place = place.wrapping_add(by);
        }
    }
}

/// A range of the head, which is at most 65,535 bytes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    at: u16,
    end: u16,
}

impl Span {
    const EMPTY: Self = Self { at: 0, end: 0 };
}

/// One header line.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Line {
    name: Name,
    name_len: u8,
    name_at: u16,
    value: Span,
}

/// Which names there are, and where the first line of each of the transaction layer's stands.
#[derive(Clone, Copy, PartialEq, Eq)]
struct First {
    /// A bit for each name that has a line; some names share one.
    names: u64,
    /// Line numbers by the name's number.
    lines: [u16; First::NAMES],
}

impl First {
    /// Via, From, To, Call-ID, CSeq, Contact, Max-Forwards, Content-Length.
    const NAMES: usize = 8;
    const NONE: u16 = u16::MAX;
    const EMPTY: Self = Self { names: 0, lines: [Self::NONE; Self::NAMES] };

    const fn bit(name: Name) -> u64 {
        1 << (name as u64 % 64)
    }

    /// Notes a line that follows those noted before.
    #[inline]
    fn note(&mut self, name: Name, line: usize) {
        self.names |= Self::bit(name);
        _ = self.note_first(name, line);
    }

    /// Whether a line may have this name: if not, none has.
    #[inline]
    fn may_have(&self, name: Name) -> bool {
        self.names & Self::bit(name) != 0
    }

    /// Notes where the first line with this name stands; `false` where one is noted.
    #[inline]
    fn note_first(&mut self, name: Name, line: usize) -> bool {
        let place = self.lines.get_mut(name as usize).filter(|place| **place == Self::NONE);
        place.map(|place| *place = line as u16).is_some()
    }

    /// The number of the first line; one that no message has if there is none.
    #[inline]
    fn line(&self, name: Name) -> usize {
        self.lines.get(name as usize).copied().unwrap_or(Self::NONE).into()
    }

    const fn covers(name: Name) -> bool {
        (name as usize) < Self::NAMES
    }
}

impl Message {
    /// The message's octets, as they go over the wire. A head that had to be normalised is in its
    /// normal form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The body; empty when there is none.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.head_len()..).unwrap_or_default()
    }

    /// Whether this is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// The method: a request's own, or that in a response's CSeq.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The sequence number (RFC 3261 §20.16).
    pub fn cseq(&self) -> u32 {
        self.cseq
    }

    /// The Request-URI's text; `None` for a response.
    pub fn request_uri(&self) -> Option<&str> {
        match self.start {
            Start::Request { uri } => Some(self.text(uri)),
            Start::Response { .. } => None,
        }
    }

    /// The status code; `None` for a request.
    pub fn status(&self) -> Option<StatusCode> {
        match self.start {
            Start::Response { status, .. } => Some(status),
            Start::Request { .. } => None,
        }
    }

    /// The reason phrase; empty for a request.
    pub fn reason_phrase(&self) -> &str {
        match self.start {
            Start::Response { reason, .. } => self.text(reason),
            Start::Request { .. } => "",
        }
    }

    /// The values of all lines named `name`, long or compact, in any case, in order. A value may hold
    /// several elements: see [`List`].
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let known = Name::find(name);
        self.lines.iter().filter_map(move |line| {
            let same = line.name == known
                && (known != Name::Unknown || self.line_name(line).eq_ignore_ascii_case(name));
            same.then(|| self.text(line.value))
        })
    }

    /// The values of all lines with this known name.
    pub fn values(&self, name: Name) -> impl Iterator<Item = &str> {
        self.lines_of(name).map(|line| self.text(line.value))
    }

    /// The value of the first line with this known name.
    pub fn value(&self, name: Name) -> Option<&str> {
        self.first_line(name).map(|line| self.text(line.value))
    }

    /// Every header line as name and value, in order.
    pub fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().map(|line| (self.line_name(line), self.text(line.value)))
    }

    /// Where the message came from, as the transport saw it (RFC 3261 §18.2.1). An answer to it carries
    /// that in `received` and `rport`.
    pub fn source(&self) -> Option<SocketAddr> {
        self.source.map(SocketAddr::from)
    }

    /// Notes where the message came from. An IPv4 address as sockets of IPv6 write it is that IPv4 address.
    pub fn set_source(&mut self, mut source: SocketAddr) {
        source.set_ip(source.ip().to_canonical());
        self.says_source = self.is_request() && self.must_say(source);
        self.source = Some((source.ip(), source.port()));
    }

    /// The length of the head: start line, header lines, empty line.
    fn head_len(&self) -> usize {
        self.body_at.into()
    }

    /// Whether a line has this known name, or for [`Name::Unknown`] a name that is not known.
    fn has(&self, name: Name) -> bool {
        self.first_line(name).is_some()
    }

    #[inline]
    fn first_line(&self, name: Name) -> Option<&Line> {
        if First::covers(name) {
            return self.lines.get(self.first.line(name));
        }
        self.lines_of(name).next()
    }

    /// The lines with this name. Of a name that no line has, most often the case, none is looked at.
    #[inline]
    fn lines_of(&self, name: Name) -> impl Iterator<Item = &Line> {
        let lines = if self.first.may_have(name) { self.lines.as_slice() } else { &[] };
        lines.iter().filter(move |line| line.name == name)
    }

    fn line_name(&self, line: &Line) -> &str {
        let end = line.name_at.saturating_add(line.name_len.into());
        self.text(Span { at: line.name_at, end })
    }

    fn raw(&self, span: Span) -> &[u8] {
        self.bytes.get(usize::from(span.at)..usize::from(span.end)).unwrap_or_default()
    }

    /// A head is UTF-8, as a receiver checks; what is not reads as empty.
    fn text(&self, span: Span) -> &str {
        scan::text_in(&self.bytes, span.at.into(), span.end.into())
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status() {
            Some(status) => write!(f, "{status} {}", self.reason_phrase())?,
            None => write!(f, "{}", self.method)?,
        }
        let (id, cseq, method) = (self.call_id(), self.cseq, &self.method);
        write!(f, " (Call-ID {id}, CSeq {cseq} {method}, {} bytes)", self.bytes.len())
    }
}
