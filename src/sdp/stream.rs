//! One stream: an `m=` line and the lines below it (RFC 8866 §5.14).

use core::fmt;

use super::Direction;
use super::connection::{Connection, parse_connection};
use super::lines::{Fields, Line, Lines, number};
use crate::message::ParseError;

/// A stream of a session. It borrows the body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stream<'a> {
    /// `audio`, `video`, `image`, …
    pub media: &'a str,
    /// The port to send to; 0 means that the stream is disabled (RFC 3264 §5.1, §8.2).
    pub port: u16,
    /// How many ports, at least 1: what follows the slash in `49170/2`.
    pub count: u16,
    /// The transport protocol: `RTP/AVP`, `udptl`, …
    pub proto: &'a str,
    /// Where media is to be sent: the stream's own `c=`, or the session's; `None` only for a disabled stream.
    pub connection: Option<Connection<'a>>,
    /// The direction: the stream's own, or the session's, or else `sendrecv` (RFC 3264 §5.1).
    pub direction: Direction,
    /// The direction that the stream itself states.
    pub own_direction: Option<Direction>,
    formats: &'a str,
    section: &'a [u8],
    at: usize,
}

/// What a session says for all streams that do not say it themselves.
pub(super) struct OfAll<'a> {
    pub(super) connection: Option<Connection<'a>>,
    pub(super) direction: Option<Direction>,
}

impl<'a> Stream<'a> {
    pub(super) fn parse(section: &'a [u8], at: usize, of_all: OfAll<'a>) -> Result<Self, ParseError> {
        let mut lines = Lines::new(section, at);
        let Some(line) = lines.next() else { return Err(ParseError::new("a stream (m=)", at)) };
        let Some(text) = line.text() else { return line.fault("a stream (m=) in UTF-8") };
        let mut fields = Fields::new(text, line.value_at());
        let media = fields.expect("a media type in a stream (m=)")?;
        let port_at = fields.at();
        let ports = fields.expect("a port in a stream (m=)")?;
        let (port, count) =
            parse_ports(ports).ok_or(ParseError::new("a port below 65,536 in a stream (m=)", port_at))?;
        let proto = fields.expect("a protocol in a stream (m=)")?;
        let formats = fields.rest();
        if formats.is_empty() && port != 0 {
            return Err(ParseError::new("a format in a stream (m=)", fields.at()));
        }
        let (mut connection, mut own_direction) = (None, None);
        for line in lines {
            match line.kind {
                Some(b'c') if connection.is_none() => connection = Some(parse_connection(&line)?),
                Some(b'a') => own_direction = direction_of(&line).or(own_direction),
                _ => {}
            }
        }
        let connection = connection.or(of_all.connection);
        if connection.is_none() && port != 0 {
            return line.fault("a connection (c=) for the stream");
        }
        let direction = own_direction.or(of_all.direction).unwrap_or_default();
        Ok(Self { media, port, count, proto, connection, direction, own_direction, formats, section, at })
    }

    /// The formats, the preferred one first: payload types for RTP.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        Fields::new(self.formats, 0)
    }

    /// The stream's own attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.section)
    }

    /// Whether the stream is switched off, or was refused: port 0.
    pub fn is_disabled(&self) -> bool {
        self.port == 0
    }

    /// Whether nothing is to be sent to the writer on this stream (RFC 3264 §8.4).
    pub fn is_hold(&self) -> bool {
        !self.direction.receives() || self.connection.is_some_and(|connection| connection.is_nowhere())
    }

    /// Whether its formats are payload types (RFC 8866 §5.14).
    pub fn is_rtp(&self) -> bool {
        self.proto.split('/').any(|part| part.eq_ignore_ascii_case("RTP"))
    }

    /// The `m=` line and those below it.
    pub(super) fn lines(&self) -> Lines<'a> {
        Lines::new(self.section, self.at)
    }

    pub(super) fn section(&self) -> &'a [u8] {
        self.section
    }
}

impl fmt::Debug for Stream<'_> {
    /// One line, without attributes: they may be keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("media", &self.media)
            .field("port", &self.port)
            .field("proto", &self.proto)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

fn parse_ports(text: &str) -> Option<(u16, u16)> {
    match text.split_once('/') {
        Some((port, count)) => {
            let count = number(count).filter(|count| *count > 0)?;
            Some((number(port)?, count))
        }
        None => Some((number(text)?, 1)),
    }
}

/// An `a=` line: a property, or a name and a value (RFC 8866 §5.13).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The name.
    pub name: &'a str,
    /// What follows the colon; `None` without one.
    pub value: Option<&'a str>,
}

/// The value by its length: it may be a key (RFC 4568 §4).
impl fmt::Debug for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attribute({}, {} bytes)", self.name, self.value.map_or(0, str::len))
    }
}

/// The attributes of a session or a stream, in their order; those in another charset than UTF-8 are left out.
#[derive(Clone)]
pub struct Attributes<'a> {
    lines: Lines<'a>,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self { lines: Lines::new(octets, 0) }
    }
}

impl fmt::Debug for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attributes").finish_non_exhaustive()
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        self.lines.by_ref().find_map(|line| attribute_of(&line))
    }
}

/// The attribute that a line is.
pub(super) fn attribute_of<'a>(line: &Line<'a>) -> Option<Attribute<'a>> {
    let text = line.is(b'a').then(|| line.text()).flatten()?.trim_ascii_end();
    Some(match text.split_once(':') {
        Some((name, value)) => Attribute { name, value: Some(value) },
        None => Attribute { name: text, value: None },
    })
}

/// The direction that a line states. The last one at a level counts.
pub(super) fn direction_of(line: &Line<'_>) -> Option<Direction> {
    let attribute = attribute_of(line)?;
    attribute.value.is_none().then(|| Direction::parse(attribute.name)).flatten()
}
