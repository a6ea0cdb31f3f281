//! The session description, alone or inside a multipart body (RFC 5621 §4, §6).

use bytes::Bytes;

use super::{Part, Parts, is_multipart};
use crate::message::build::SDP;
use crate::message::{
    Body, Builder, Disposition, Header, List, MediaType, Message, Name, ParseError, StatusCode,
};

/// How deep multipart bodies may be nested for a description to be found inside: each level is read once more.
const DEEPEST: usize = 8;

impl Message {
    /// The session description: the body itself or the part that is `application/sdp` with disposition `session`, which is
    /// its default (RFC 3261 §20.11).
    ///
    /// Of `multipart/alternative` it is the last one (RFC 5621 §6.1); of `multipart/mixed`, and of subtypes that are read as
    /// such (§4.2), the first. Nested bodies are looked into, up to eight deep. What is encoded or compressed is left out.
    ///
    /// ```
    /// use sip_proto::message::Message;
    ///
    /// let text = "ACK sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
    ///     Call-ID: c\r\nCSeq: 1 ACK\r\nContent-Type: multipart/mixed;boundary=x\r\n\r\n\
    ///     --x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--x--\r\n";
    /// assert_eq!(Message::parse(text)?.session_description(), Some(&b"v=0"[..]));
    /// # Ok::<(), sip_proto::message::ParseError>(())
    /// ```
    pub fn session_description(&self) -> Option<&[u8]> {
        let body = Some(self.body()).filter(|body| !body.is_empty())?;
        let others = [Name::ContentDisposition, Name::ContentEncoding, Name::Unknown];
        let content_type = self.first_line(Name::ContentType).map(|line| self.raw(line.value));
        match content_type == Some(b"application/sdp") && others.iter().all(|name| !self.has(*name)) {
            true => Some(body),
            false => self.description_within(body),
        }
    }

    /// The same where headers say more of the body, or it is another one.
    #[cold]
    fn description_within<'a>(&'a self, body: &'a [u8]) -> Option<&'a [u8]> {
        let entity = Entity {
            content_type: self.content_type().ok()??,
            disposition: self.content_disposition(),
            is_plain: self.headers("Content-Encoding").all(is_plain)
                && self.headers("Content-Transfer-Encoding").all(is_plain),
            body,
        };
        entity.session_description(0).filter(|body| !body.is_empty())
    }
}

impl Body {
    /// The session description that a message with this body and these of its headers has.
    pub(crate) fn description(&self, headers: &[Header]) -> Option<Bytes> {
        let is_about = |header: &&Header| {
            is_encoding(&header.name)
                || matches!(Name::find(&header.name), Name::ContentDisposition | Name::ContentEncoding)
        };
        let mut about = headers.iter().filter(is_about).peekable();
        if self.content_type == SDP && about.peek().is_none() {
            return Some(self.bytes.clone()).filter(|body| !body.is_empty());
        }
        let mut draft = Builder::response(StatusCode::OK, "");
        let message = about.fold(&mut draft, Builder::extra).finish_with(Some(self)).ok()?;
        message.session_description().map(Bytes::copy_from_slice)
    }
}

/// A body and what its header fields say of it.
struct Entity<'a> {
    content_type: MediaType<'a>,
    disposition: Result<Option<Disposition<'a>>, ParseError>,
    /// Whether the octets are as they were, neither encoded nor compressed.
    is_plain: bool,
    body: &'a [u8],
}

impl<'a> Entity<'a> {
    fn of_part(part: &Part<'a>) -> Option<Self> {
        Some(Self {
            content_type: part.content_type().ok()??,
            disposition: part.content_disposition(),
            is_plain: part.headers().all(|(name, value)| !is_encoding(name) || is_plain(value)),
            body: part.body,
        })
    }

    fn session_description(&self, depth: usize) -> Option<&'a [u8]> {
        if !self.is_plain {
            return None;
        }
        if self.content_type.is("application", "sdp") {
            return is_session(&self.disposition).then_some(self.body);
        }
        if depth >= DEEPEST || !is_multipart(&self.content_type) {
            return None;
        }
        let parts = Parts::new(&self.content_type, self.body).ok()?;
        let deeper = depth.saturating_add(1);
        let mut found = parts.filter_map(|part| Self::of_part(&part)?.session_description(deeper));
        match self.content_type.sub.eq_ignore_ascii_case("alternative") {
            true => found.last(),
            false => found.next(),
        }
    }
}

fn is_encoding(name: &str) -> bool {
    ["Content-Encoding", "Content-Transfer-Encoding"]
        .iter()
        .any(|encoding| encoding.eq_ignore_ascii_case(name))
}

/// Whether octets so encoded, one way after another, are as they were (RFC 3261 §20.12, RFC 2045 §6).
fn is_plain(encodings: &str) -> bool {
    const PLAIN: [&str; 4] = ["identity", "binary", "8bit", "7bit"];
    List::new(encodings).all(|encoding| PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(encoding)))
}

/// Whether the body describes the session: what an `application/sdp` is for unless something else is said (RFC 3261 §20.11).
fn is_session(disposition: &Result<Option<Disposition<'_>>, ParseError>) -> bool {
    match disposition {
        Ok(None) => true,
        Ok(Some(disposition)) => disposition.kind.eq_ignore_ascii_case("session"),
        Err(_) => false,
    }
}
