//! Writing messages: once, front to back, into one buffer, with the index that parsing would have made.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::{fmt, mem};

use bytes::Bytes;
use smallvec::SmallVec;

use super::keys::Keys;
use super::lanes::{self, Lanes};
use super::strict::Lost;
use super::write::{Value, write_line, write_status_line};
use super::{
    Buffer, BuildError, First, Line, MediaType, Message, Method, Name, Span, Start, StatusCode, Uri, scan,
};

/// A header that the application adds.
///
/// Static text costs nothing; anything that may hold CR, LF or NUL is refused when the message is built.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// The field name, a token.
    pub name: Cow<'static, str>,
    /// The field value, on one line.
    pub value: Cow<'static, str>,
}

impl Header {
    /// The header `name: value`.
    pub fn new(name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), value: value.into() }
    }

    /// The header `name` with a typed value, written in full.
    ///
    /// A value's fields are written as they stand: text that is not known to be a token goes through [`quote`](super::quote) first.
    ///
    /// ```
    /// use sip_proto::message::{Header, MediaType, Name};
    ///
    /// let accept = MediaType::parse("application/sdp")?;
    /// assert_eq!(Header::of(Name::Accept, accept), Header::new("Accept", "application/sdp"));
    /// # Ok::<(), sip_proto::message::ParseError>(())
    /// ```
    pub fn of(name: Name, value: impl fmt::Display) -> Self {
        Self { name: Cow::Borrowed(name.as_str()), value: Cow::Owned(alloc::format!("{value}")) }
    }

    /// Whether the application may add this header to a message.
    ///
    /// # Errors
    /// When the name is no token, the value would end its line, or the header is the library's to write.
    pub fn check(&self) -> Result<(), BuildError> {
        if !scan::is_token(&self.name) || self.name.len() > usize::from(u8::MAX) {
            return Err(BuildError::Name);
        }
        check_line(&self.value)?;
        match Name::find(&self.name) {
            reserved @ (Name::Via
            | Name::From
            | Name::To
            | Name::CallId
            | Name::CSeq
            | Name::ContentLength
            | Name::ContentType) => Err(BuildError::Reserved(reserved)),
            _ => Ok(()),
        }
    }
}

/// Whether `name` is among the application's headers, of which there are mostly none.
#[inline]
pub(crate) fn supplies(headers: &[Header], name: Name) -> bool {
    !headers.is_empty() && finds(headers, name)
}

#[inline(never)]
fn finds(headers: &[Header], name: Name) -> bool {
    headers.iter().any(|header| Name::find(&header.name) == name)
}

pub(super) const SDP: &str = "application/sdp";

/// A body with its content type. `Debug` shows the type and the length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// The value of Content-Type.
    pub content_type: Cow<'static, str>,
    /// The octets.
    pub bytes: Bytes,
}

impl Body {
    /// A body of the given type.
    pub fn new(content_type: impl Into<Cow<'static, str>>, bytes: impl Into<Bytes>) -> Self {
        Self { content_type: content_type.into(), bytes: bytes.into() }
    }

    /// A session description: `application/sdp`.
    pub fn sdp(bytes: impl Into<Bytes>) -> Self {
        Self::new(SDP, bytes)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.content_type, self.bytes.len())
    }
}

/// Whether `text` holds no control character (§25.1 `TEXT-UTF8-TRIM`): one might end its line.
pub(crate) fn check_line(text: &str) -> Result<(), BuildError> {
    match has_control(text.as_bytes()) {
        true => Err(BuildError::ControlCharacter),
        false => Ok(()),
    }
}

/// Whether `method` is what its text is parsed as: a token, under its own name where it has one.
fn check_method(method: &Method) -> Result<(), BuildError> {
    match method {
        Method::Other(text) if Method::parse(text).as_ref() != Some(method) => Err(BuildError::Method),
        _ => Ok(()),
    }
}

/// Whether `value` can stand in Content-Type (RFC 3261 §20.15).
pub(super) fn is_media_type(value: &str) -> bool {
    !value.ends_with(';') && MediaType::parse(value).is_ok()
}

fn has_control(octets: &[u8]) -> bool {
    let is_control = |lanes: Lanes| (lanes.is_in(0, 0x1f) & !lanes.is(b'\t')) | lanes.is(0x7f);
    lanes::has(octets, is_control)
}

/// Writes one message. Headers come out in the order in which they are added.
///
/// Whoever writes a whole message by hand supplies every header; contexts and dialogs add their own.
///
/// ```
/// use sip_proto::Method;
/// use sip_proto::message::{Builder, Name};
///
/// let message = Builder::request(&Method::Options, "sip:carol@chicago.com")
///     .header(Name::Via, "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKhjhs8ass877")
///     .header(Name::From, "<sip:alice@atlanta.com>;tag=1928301774")
///     .header(Name::To, "<sip:carol@chicago.com>")
///     .header(Name::CallId, "a84b4c76e66710")
///     .cseq(63104, &Method::Options)
///     .finish()?;
/// assert!(message.as_bytes().ends_with(b"CSeq: 63104 OPTIONS\r\nContent-Length: 0\r\n\r\n"));
/// # Ok::<(), sip_proto::message::BuildError>(())
/// ```
pub struct Builder {
    pub(super) bytes: Vec<u8>,
    pub(super) start: Start,
    pub(super) method: Method,
    pub(super) cseq: u32,
    pub(super) lines: SmallVec<[Line; super::INLINE_LINES]>,
    pub(super) first: First,
    /// The first thing that was refused.
    pub(super) fault: Option<BuildError>,
}

/// The bytes that a message usually needs: enough for one allocation.
const USUAL_LEN: usize = 640;

impl Builder {
    /// Nothing is written yet.
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            start: Start::Request { uri: Span::EMPTY },
            method: Method::Ack,
            cseq: 0,
            lines: SmallVec::new(),
            first: First::EMPTY,
            fault: None,
        }
    }

    /// A request with this method and Request-URI.
    pub fn request(method: &Method, uri: &str) -> Self {
        let mut builder = Self::new();
        builder.fault = check_method(method).and(Uri::parse(uri).map(|_| ()).map_err(BuildError::Uri)).err();
        builder.bytes.reserve(USUAL_LEN);
        builder.bytes.extend_from_slice(method.as_str().as_bytes());
        builder.bytes.push(b' ');
        let at = builder.bytes.len() as u16;
        builder.bytes.extend_from_slice(uri.as_bytes());
        builder.start = Start::Request { uri: Span { at, end: builder.bytes.len() as u16 } };
        builder.bytes.extend_from_slice(b" SIP/2.0\r\n");
        builder.method = method.clone();
        builder
    }

    /// A response with this status; `reason` is the phrase, which may be empty.
    pub fn response(status: StatusCode, reason: &str) -> Self {
        let mut builder = Self::new();
        builder.fault = check_line(reason).err();
        builder.bytes.reserve(USUAL_LEN);
        builder.start = write_status_line(&mut builder.bytes, status, reason);
        builder
    }

    /// Adds the header `name: value`.
    #[inline]
    pub fn header(&mut self, name: Name, value: &str) -> &mut Self {
        self.text_line(name, name.as_str(), value);
        self
    }

    /// Adds a header of the application's, after [`Header::check`].
    pub fn extra(&mut self, header: &Header) -> &mut Self {
        match header.check() {
            Ok(()) => self.text_line(Name::find(&header.name), &header.name, &header.value),
            Err(fault) => self.refuse(fault),
        }
        self
    }

    /// Adds the application's headers, and before them those `defaults` that have a value and that it does not supply itself.
    pub(crate) fn extras<'a>(
        &mut self,
        defaults: impl IntoIterator<Item = (Name, &'a str)>,
        headers: &[Header],
    ) -> &mut Self {
        for (name, value) in defaults {
            if !value.is_empty() && !supplies(headers, name) {
                self.text_line(name, name.as_str(), value);
            }
        }
        headers.iter().fold(self, Self::extra)
    }

    /// Adds CSeq.
    pub fn cseq(&mut self, number: u32, method: &Method) -> &mut Self {
        if let Err(fault) = check_method(method) {
            self.refuse(fault);
        }
        (self.method, self.cseq) = (method.clone(), number);
        self.line(Name::CSeq, |line| {
            line.number(number);
            line.text(" ");
            line.text(method.as_str());
        })
    }

    /// Adds a line whose value `write` writes.
    pub fn line(&mut self, name: Name, write: impl FnOnce(&mut Value<'_>)) -> &mut Self {
        let value = self.named_line(name, name.as_str(), write);
        let written = self.bytes.get(usize::from(value.at)..usize::from(value.end)).unwrap_or_default();
        if has_control(written) {
            self.refuse(BuildError::ControlCharacter);
        }
        self
    }

    /// Adds a line whose value comes from a parsed message, where a quoted pair may hold what an application may not
    /// write.
    pub(crate) fn relayed_line(&mut self, name: Name, write: impl FnOnce(&mut Value<'_>)) {
        self.named_line(name, name.as_str(), write);
    }

    fn named_line(&mut self, name: Name, spelling: &str, write: impl FnOnce(&mut Value<'_>)) -> Span {
        let line = write_line(&mut self.bytes, name, spelling, write);
        self.note(line);
        line.value
    }

    /// Adds the line `name: value`, in which no control character may stand.
    #[inline(never)]
    fn text_line(&mut self, name: Name, spelling: &str, value: &str) {
        let is_white = |octet: Option<&u8>| octet.is_some_and(|octet| scan::is_lws(*octet));
        let octets = value.as_bytes();
        let value =
            if is_white(octets.first()) || is_white(octets.last()) { scan::trim(value) } else { value };
        if has_control(value.as_bytes()) {
            self.refuse(BuildError::ControlCharacter);
        }
        self.named_line(name, spelling, |line| line.text(value));
    }

    /// Copies all lines of this name from another message, as they are.
    pub(super) fn copy_all(&mut self, from: &Message, name: Name) {
        from.lines_of(name).for_each(|line| self.copy(from, line));
    }

    /// Copies the first line of this name.
    pub(super) fn copy_first(&mut self, from: &Message, name: Name) {
        if let Some(line) = from.first_line(name) {
            self.copy(from, line);
        }
    }

    /// Copies a line as it stands, name and line end included.
    pub(super) fn copy(&mut self, from: &Message, line: &Line) {
        if !line.is_plain_in(&from.bytes) {
            let value = from.raw(line.value);
            self.named_line(line.name, from.line_name(line), |copy| copy.raw(value));
            return;
        }
        let moved = (self.bytes.len() as u16).wrapping_sub(line.name_at);
        let whole = Span { at: line.name_at, end: line.value.end.wrapping_add(2) };
        self.bytes.extend_from_slice(from.raw(whole));
        let mut copied = *line;
        copied.move_by(moved);
        self.note(copied);
    }

    /// Has [`Builder::finish`] fail with this, unless something was refused before.
    pub(crate) fn refuse(&mut self, fault: BuildError) {
        self.fault = self.fault.or(Some(fault));
    }

    fn note(&mut self, line: Line) {
        self.first.note(line.name, self.lines.len());
        self.lines.push(line);
    }

    /// Writes Content-Length, and yields the message: one without a body. A builder writes one message only.
    ///
    /// # Errors
    /// The first thing that was refused on the way; [`BuildError::Finished`] for what is built already.
    pub fn finish(&mut self) -> Result<Message, BuildError> {
        self.finish_with(None)
    }

    /// Writes Content-Type, Content-Length and the body, and yields the message. A builder writes one message only.
    ///
    /// # Errors
    /// The first thing that was refused on the way; [`BuildError::Finished`] for what is built already.
    pub fn finish_with(&mut self, body: Option<&Body>) -> Result<Message, BuildError> {
        let body_at = self.end(body)?;
        Ok(self.take(body_at))
    }

    /// Like [`Builder::finish_with`], for several owners.
    pub(crate) fn finish_shared(&mut self, body: Option<&Body>) -> Result<Arc<Message>, BuildError> {
        let body_at = self.end(body)?;
        Ok(Arc::new(self.take(body_at)))
    }

    /// Writes Content-Type, Content-Length and the body: where the body is then.
    fn end(&mut self, body: Option<&Body>) -> Result<u16, BuildError> {
        match body {
            Some(body) => self.end_with_body(body),
            None => self.end_without_body(),
        }
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let body_at = u16::try_from(self.bytes.len()).map_err(|_| BuildError::TooLong)?;
        if let Some(body) = body {
            self.bytes.reserve_exact(body.bytes.len());
            self.bytes.extend_from_slice(&body.bytes);
        }
        // Kept until its transaction is over, a long message takes no more than it is long.
        if self.bytes.capacity().saturating_sub(self.bytes.len()) > USUAL_LEN {
            self.bytes.shrink_to_fit();
        }
        self.fault = Some(BuildError::Finished);
        Ok(body_at)
    }

    /// What was written, with a body at `body_at`.
    #[inline]
    fn take(&mut self, body_at: u16) -> Message {
        Message {
            bytes: Buffer::Built(mem::take(&mut self.bytes)),
            start: self.start,
            method: mem::replace(&mut self.method, Method::Ack),
            cseq: self.cseq,
            body_at,
            lines: mem::take(&mut self.lines),
            first: self.first,
            source: None,
            lost: Lost::empty(),
            keys: Keys::NONE,
            says_source: false,
        }
    }

    /// Ends the head of a message with this body.
    fn end_with_body(&mut self, body: &Body) {
        let content_type = scan::trim(&body.content_type);
        if body.content_type != SDP {
            let fault = check_line(&body.content_type).err();
            if let Some(fault) = fault.or((!is_media_type(content_type)).then_some(BuildError::Body)) {
                self.refuse(fault);
            }
        }
        self.relayed_line(Name::ContentType, |line| line.text(content_type));
        let length = u32::try_from(body.bytes.len()).unwrap_or(u32::MAX);
        self.relayed_line(Name::ContentLength, |line| line.number(length));
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// Ends the head of a message without a body.
    fn end_without_body(&mut self) {
        const END: &str = "Content-Length: 0\r\n\r\n";
        let name_at = self.bytes.len() as u16;
        self.bytes.extend_from_slice(END.as_bytes());
        let name_len = Name::ContentLength.as_str().len() as u8;
        let at = name_at.wrapping_add(u16::from(name_len).wrapping_add(2));
        let value = Span { at, end: at.wrapping_add(1) };
        self.note(Line { name: Name::ContentLength, name_len, name_at, value });
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Builder({}, {} bytes)", self.method, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> Builder {
        let mut builder = Builder::request(&Method::Message, "sip:bob@h");
        builder
            .header(Name::Via, "SIP/2.0/UDP h;branch=z9hG4bK1")
            .header(Name::From, "<sip:a@h>;tag=1")
            .header(Name::To, "<sip:b@h>")
            .header(Name::CallId, "c")
            .cseq(u32::MAX, &Method::Message);
        builder
    }

    #[test]
    fn what_is_built_is_what_would_be_parsed() {
        let built = builder().extra(&Header::new("X-Any", "")).finish_with(Some(&Body::sdp("v=0"))).unwrap();
        let parsed = Message::parse(built.as_bytes().to_vec()).unwrap();
        assert_eq!(built, parsed);
        assert_eq!((parsed.cseq(), parsed.body()), (u32::MAX, &b"v=0"[..]));
    }

    #[test]
    fn injection_is_refused() {
        let refused = |header: Header| builder().extra(&header).finish().unwrap_err();
        for value in ["x\r\nVia: y", "x\ny", "x\ry", "x\0", "x\u{1}", "x\u{7f}"] {
            assert_eq!(refused(Header::new("X-Any", value)), BuildError::ControlCharacter);
        }
        for name in ["", "X Any", "X:", "X\r\n", "\u{e9}"] {
            assert_eq!(refused(Header::new(name, "v")), BuildError::Name);
        }
        for (name, known) in [("v", Name::Via), ("CALL-ID", Name::CallId), ("l", Name::ContentLength)] {
            assert_eq!(refused(Header::new(name, "v")), BuildError::Reserved(known));
        }
        let mut uri = Builder::request(&Method::Options, "sip:b@h SIP/2.0\r\nX: y");
        assert!(matches!(uri.finish(), Err(BuildError::Uri(_))));
        let mut phrase = Builder::response(StatusCode::OK, "OK\r\nX: y");
        assert_eq!(phrase.finish().unwrap_err(), BuildError::ControlCharacter);
        for (content_type, fault) in [("a/b\r\nX: y", BuildError::ControlCharacter), ("", BuildError::Body)] {
            assert_eq!(builder().finish_with(Some(&Body::new(content_type, "z"))).unwrap_err(), fault);
        }
        let long = alloc::string::String::from_utf8(alloc::vec![b'a'; 70_000]).unwrap();
        assert_eq!(refused(Header::new("X-Any", long)), BuildError::TooLong);
    }
}
