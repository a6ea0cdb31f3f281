//! A whole description: its origin and what it says once for all streams (RFC 8866 §5).

use core::fmt;

use super::Direction;
use super::connection::{Connection, parse_connection};
use super::lines::{Fields, Line, Lines, number};
use super::stream::{self, Attributes, OfAll, Stream};
use crate::message::ParseError;

/// Who made a description, and which version of it this is (RFC 8866 §5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin<'a> {
    /// The user's name on the host, or `-`.
    pub username: &'a str,
    /// The session's number, as it is written: some peers make it longer than any integer.
    pub session_id: &'a str,
    /// The version of this description.
    pub version: u64,
    /// The network type: `IN`.
    pub network: &'a str,
    /// The address type: `IP4` or `IP6`.
    pub address_type: &'a str,
    /// The address.
    pub address: &'a str,
}

impl Origin<'_> {
    /// Whether both are of one session, in whatever versions: all but the version is the same (RFC 3264 §8).
    pub fn is_same_session(&self, other: &Self) -> bool {
        Self { version: other.version, ..*self } == *other
    }
}

/// A description that was found in order. It borrows the body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Session<'a> {
    octets: &'a [u8],
    /// The lines before the first `m=`.
    head: &'a [u8],
    /// The rest.
    media: &'a [u8],
    /// `o=`.
    pub origin: Origin<'a>,
    /// The session's `c=`, for streams without their own.
    pub connection: Option<Connection<'a>>,
    /// The session's direction, for streams without their own.
    pub direction: Option<Direction>,
    version: (usize, usize),
}

impl<'a> Session<'a> {
    /// Reads a body of type `application/sdp`, one session description.
    ///
    /// # Errors
    /// Says what is missing, and at which byte: the version (`v=0`) as the first line, one origin (`o=`) of six fields, media
    /// lines (`m=`) of four fields or more, an address (`c=`) for every stream that is not disabled; a line that is none.
    pub fn parse(octets: &'a [u8]) -> Result<Self, ParseError> {
        check_lines(octets)?;
        let media_at = Lines::new(octets, 0).find(|line| line.is(b'm')).map_or(octets.len(), |line| line.at);
        let (head, media) = octets.split_at_checked(media_at).unwrap_or((octets, &[]));
        let mut origin = None;
        let (mut connection, mut direction) = (None, None);
        for line in Lines::new(head, 0) {
            match line.kind {
                Some(b'o') if origin.is_none() => origin = Some(parse_origin(&line)?),
                Some(b'o') => return line.fault("a single origin (o=)"),
                Some(b'c') if connection.is_none() => connection = Some(parse_connection(&line)?),
                Some(b'a') => direction = stream::direction_of(&line).or(direction),
                _ => {}
            }
        }
        let Some((origin, version)) = origin else {
            return Err(ParseError::new("an origin (o=) before the streams", media_at));
        };
        let session = Self { octets, head, media, origin, connection, direction, version };
        for (section, at) in session.sections() {
            Stream::parse(section, at, session.of_all())?;
        }
        Ok(session)
    }

    /// The streams, in their order, disabled ones included.
    pub fn streams(&self) -> impl Iterator<Item = Stream<'a>> + use<'a> {
        let session = *self;
        session.sections().filter_map(move |(section, at)| Stream::parse(section, at, session.of_all()).ok())
    }

    /// The session's own attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.head)
    }

    /// Whether the offer that this description is holds its receiver: no stream in use is to be sent to, because all are
    /// `sendonly` or `inactive`, or their address is `0.0.0.0` (RFC 3264 §8.4). Without a stream in use it holds nobody.
    ///
    /// A device that can only send says the same (RFC 6337 §5.3). For an answer, see [`Session::is_hold_answering`].
    pub fn is_hold(&self) -> bool {
        let mut streams = self.streams().filter(|stream| !stream.is_disabled()).peekable();
        streams.peek().is_some() && streams.all(|stream| stream.is_hold())
    }

    /// Whether the answer that this description is holds whoever made `offer`. `None` when the offer left no choice in any stream,
    /// because it did not want to send: then what was so before stays so (RFC 3264 §6.1, RFC 6337 §5.3).
    pub fn is_hold_answering(&self, offer: &Session<'_>) -> Option<bool> {
        let pairs = offer.streams().zip(self.streams());
        let mut chosen = pairs
            .filter(|(offered, answered)| !answered.is_disabled() && offered.direction.sends())
            .map(|(_, answered)| answered.is_hold())
            .peekable();
        chosen.peek()?;
        Some(chosen.all(|is_hold| is_hold))
    }

    /// The octets.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.octets
    }

    pub(super) fn head(&self) -> Lines<'a> {
        Lines::new(self.head, 0)
    }

    /// The octets of the version in `o=`: where they begin and end.
    pub(super) fn version_range(&self) -> (usize, usize) {
        self.version
    }

    /// What holds for streams that do not say it themselves.
    fn of_all(&self) -> OfAll<'a> {
        OfAll { connection: self.connection, direction: self.direction }
    }

    /// Each stream's lines, and where they begin.
    fn sections(&self) -> Sections<'a> {
        Sections { rest: self.media, at: self.head.len() }
    }
}

impl fmt::Debug for Session<'_> {
    /// The origin and the number of streams: a description may carry keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("origin", &self.origin)
            .field("streams", &self.streams().count())
            .finish_non_exhaustive()
    }
}

/// The form of every line, and of the first.
fn check_lines(octets: &[u8]) -> Result<(), ParseError> {
    for (number, line) in Lines::new(octets, 0).enumerate() {
        if number == 0 && !(line.is(b'v') && line.value.trim_ascii_end() == b"0") {
            return line.fault("the version (v=0)");
        }
        if number > 0 && line.is(b'v') {
            return line.fault("a single session description");
        }
        if line.kind.is_none() && !line.is_blank() {
            return line.fault("a letter and an equals sign");
        }
        if let Some(at) = memchr::memchr2(0, b'\r', line.value) {
            return Err(ParseError::new("no NUL or CR in a line", line.value_at().saturating_add(at)));
        }
    }
    match octets.is_empty() {
        true => Err(ParseError::new("the version (v=0)", 0)),
        false => Ok(()),
    }
}

fn parse_origin<'a>(line: &Line<'a>) -> Result<(Origin<'a>, (usize, usize)), ParseError> {
    let Some(text) = line.text() else { return line.fault("an origin (o=) in UTF-8") };
    let mut fields = Fields::new(text, line.value_at());
    let username = fields.expect("a user name in the origin (o=)")?;
    let session_id = fields.expect("a session's number in the origin (o=)")?;
    let at = fields.at();
    let written = fields.expect("a version in the origin (o=)")?;
    let version = number(written).ok_or(ParseError::new("a version of digits in the origin (o=)", at))?;
    let origin = Origin {
        username,
        session_id,
        version,
        network: fields.expect("a network type in the origin (o=)")?,
        address_type: fields.expect("an address type in the origin (o=)")?,
        address: fields.expect("an address in the origin (o=)")?,
    };
    match fields.next() {
        Some(_) => line.fault("six fields in the origin (o=)"),
        None => Ok((origin, (at, at.saturating_add(written.len())))),
    }
}

/// Cuts the media part before every `m=`.
struct Sections<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Sections<'a> {
    type Item = (&'a [u8], usize);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let next = Lines::new(self.rest, 0).skip(1).find(|line| line.is(b'm'));
        let end = next.map_or(self.rest.len(), |line| line.at);
        let (section, rest) = self.rest.split_at_checked(end)?;
        let at = self.at;
        self.rest = rest;
        self.at = at.saturating_add(section.len());
        Some((section, at))
    }
}
