//! What every answer copies from its request (RFC 3261 §8.2.6), and what the ACK and CANCEL of a request copy
//! from it (§9.1, §17.1.1.3).

use alloc::vec::Vec;
use core::mem;
use core::net::IpAddr;
use core::time::Duration;

use super::build::check_line;
use super::name_addr::TAG;
use super::write::{Value, write_line, write_status_line};
use super::{
    BuildError, Builder, First, Host, Line, List, Message, Method, Name, Span, StatusCode, Via, lanes, scan,
};
use crate::random::Token;

/// Room for what an answer adds to what it copies: status line, tag, Contact, Allow and the like.
const ADDED_LEN: usize = 288;

/// The room below which a request counts as one that cannot be answered: twice what is usual, for Server, Warning and the like.
const LEAST_ROOM: usize = 2 * ADDED_LEN;

impl Message {
    /// Begins the answer to this request: Via, From, To, Call-ID, CSeq, and Record-Route where the answer can form a
    /// dialog (§12.1.1). A 100 echoes Timestamp (§8.2.6.1) and takes no `tag`; any other answer gets
    /// `tag` in To unless the request had one.
    ///
    /// The topmost Via tells where the request came from, if [`Message::source`] is known: `received` where sent-by is
    /// another host, and both `received` and `rport` for a client that asks (§18.2.1, RFC 3581 §4).
    ///
    /// ```
    /// use sip_proto::StatusCode;
    /// use sip_proto::message::Message;
    ///
    /// let mut request = Message::parse(&b"OPTIONS sip:b@h SIP/2.0\r\n\
    ///     Via: SIP/2.0/UDP pc33;branch=z9hG4bK1;rport\r\n\
    ///     From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"[..])?;
    /// request.set_source("192.0.2.9:5070".parse().unwrap());
    /// let answer = request.answer(StatusCode::OK, "OK", "2").finish().unwrap();
    /// assert_eq!(answer.top_via()?.rport(), Some(5070));
    /// assert_eq!(answer.to()?.tag(), Some("2"));
    /// # Ok::<(), sip_proto::message::ParseError>(())
    /// ```
    #[inline(always)]
    pub fn answer(&self, status: StatusCode, reason: &str, tag: &str) -> Builder {
        let mut builder = Builder::new();
        self.begin_answer(&mut builder, (status, reason), tag);
        builder
    }

    #[inline(never)]
    fn begin_answer(&self, builder: &mut Builder, line: (StatusCode, &str), tag: &str) {
        let tag = if self.adds_tag(line.0) { tag } else { "" };
        // Nearly all tags are letters and digits.
        let is_refused = lanes::has(tag.as_bytes(), |lanes| !lanes.is_alphanumeric()) && !scan::is_token(tag);
        builder.fault = check_line(line.1).err().or(is_refused.then_some(BuildError::Tag));
        let changes = Changes { tag: tag.as_bytes(), delay: Duration::ZERO };
        self.write_beginning(builder, line, &changes, ADDED_LEN);
    }

    /// Like [`Message::answer`], with room for `added` bytes beyond what is copied: enough of it, and the answer is written
    /// without moving. A 100 says in Timestamp how long after the request it goes out, if that is a millisecond or more (§8.2.6.1).
    /// In the reason phrase no control character may stand.
    pub(crate) fn answer_with_room(
        &self,
        builder: &mut Builder,
        line: (StatusCode, &str),
        tag: &Token,
        added: usize,
        delay: Duration,
    ) {
        let tag = if self.adds_tag(line.0) { tag.as_bytes() } else { &[] };
        self.write_beginning(builder, line, &Changes { tag, delay }, added);
    }

    /// Begins another answer to the request that this one answers. What both copy from it is the same where both have a tag and both can
    /// form a dialog: then this is what [`Message::answer_with_room`] of the request says, for less.
    pub(crate) fn answer_again(
        &self,
        builder: &mut Builder,
        (status, reason): (StatusCode, &str),
        added: usize,
    ) {
        let is_echoed = |line: &&Line| line.name <= Name::CSeq || line.name == Name::RecordRoute;
        let count = self.lines.iter().take_while(is_echoed).count();
        let echoed = self.lines.get(..count).unwrap_or_default();
        let at = echoed.first().map_or(0, |line| line.name_at);
        let end = echoed.last().map_or(0, |line| line.value.end.wrapping_add(2));
        let octets = self.raw(Span { at, end });
        let bytes = &mut builder.bytes;
        bytes.reserve_exact(octets.len().saturating_add(added));
        builder.start = write_status_line(bytes, status, reason);
        let moved = (bytes.len() as u16).wrapping_sub(at);
        bytes.extend_from_slice(octets);
        let noted = self.first.lines.iter().take(Name::Contact as usize);
        for (place, noted) in builder.first.lines.iter_mut().zip(noted) {
            *place = *noted;
        }
        for line in echoed {
            builder.first.names |= First::bit(line.name);
            let mut line = *line;
            line.move_by(moved);
            builder.lines.push(line);
        }
        (builder.method, builder.cseq) = (self.method.clone(), self.cseq);
    }

    /// Writes what every answer begins with, with room for `added` bytes more. Part of either caller, where half of what it is given is known.
    #[inline(always)]
    fn write_beginning(
        &self,
        builder: &mut Builder,
        (status, reason): (StatusCode, &str),
        changes: &Changes<'_>,
        added: usize,
    ) {
        let has_routes = self.method.creates_dialog() && !status.is_failure();
        let other = match has_routes {
            _ if status == StatusCode::TRYING => Name::Timestamp,
            true => Name::RecordRoute,
            false => Name::Via,
        };
        let Builder { bytes, first, lines, .. } = builder;
        for line in &self.lines {
            let is_echoed = match line.name {
                // A broken request may repeat the others.
                name if name <= Name::CSeq => first.note_first(name, lines.len()) || name == Name::Via,
                name => name == other,
            };
            if is_echoed {
                first.names |= First::bit(line.name);
                lines.push(*line);
            }
        }
        bytes.reserve_exact(spanned_len(lines).saturating_add(added));
        builder.start = write_status_line(bytes, status, reason);
        self.write_echo(bytes, lines, changes);
        (builder.method, builder.cseq) = (self.method.clone(), self.cseq);
    }

    /// Writes these lines of the request, and has them say where they stand in the answer.
    #[inline(always)]
    fn write_echo(&self, bytes: &mut Vec<u8>, lines: &mut [Line], changes: &Changes<'_>) {
        let octets = &*self.bytes;
        let mut run = lines.first().map_or(Run::default(), |line| Run::new(line.name_at, bytes));
        let mut says_source = self.says_source;
        for line in lines {
            let is_changed = match line.name {
                Name::Via => mem::take(&mut says_source),
                Name::To => !changes.tag.is_empty(),
                Name::Timestamp => changes.says_delay(),
                _ => false,
            };
            if !line.is_plain_in(octets) || is_changed && !self.goes_on(octets, line) {
                run.end(octets, bytes);
                *line = self.write_anew(bytes, line, is_changed, changes);
                run = Run::default();
                continue;
            }
            if line.name_at != run.end {
                run.end(octets, bytes);
                run = Run::new(line.name_at, bytes);
            }
            let end = line.value.end;
            line.move_by(run.moved);
            run.end = end.wrapping_add(2);
            if is_changed {
                run.end = end;
                run.end(octets, bytes);
                self.write_more(&mut Value(bytes), line.name, changes);
                run = Run::new(end, bytes);
                run.end = end.wrapping_add(2);
                line.value.end = bytes.len() as u16;
            }
        }
        run.end(octets, bytes);
    }

    /// Whether an answer with this status adds a tag to To.
    #[inline]
    fn adds_tag(&self, status: StatusCode) -> bool {
        status != StatusCode::TRYING && !self.has_to_tag()
    }

    /// Whether To or the topmost Via can be copied as it stands, with [what it says more](Self::write_more) behind its value: it has its usual
    /// name, and the Via says nothing that does not stand.
    #[inline]
    fn goes_on(&self, octets: &[u8], line: &Line) -> bool {
        let label = octets.get(usize::from(line.name_at)..usize::from(line.value.at));
        match line.name {
            Name::To => label == Some(b"To: "),
            Name::Via => label == Some(b"Via: ") && !self.is_restamped(line),
            _ => false,
        }
    }

    /// Whether the topmost Via has to be written anew to say where the request came from.
    fn is_restamped(&self, top: &Line) -> bool {
        let is_asked = self.return_hop().is_some_and(|hop| hop.wants_rport || hop.is_stamped);
        is_asked || lanes::has(self.raw(top.value), |lanes| lanes.is(b','))
    }

    /// Writes what To or the topmost Via says more in the answer.
    #[inline]
    fn write_more(&self, value: &mut Value<'_>, name: Name, changes: &Changes<'_>) {
        if name != Name::To {
            return self.write_received(value);
        }
        value.text(TAG);
        value.raw(changes.tag);
    }

    /// Writes the address that the request came from.
    #[inline(never)]
    fn write_received(&self, value: &mut Value<'_>) {
        let Some((ip, _)) = self.source else { return };
        value.text(";received=");
        match ip {
            IpAddr::V4(_) => value.host(Host::Ip(ip)),
            // RFC 3261 §25.1 writes `received` without brackets (RFC 5118 §4.5).
            IpAddr::V6(ip) => _ = core::fmt::write(value, format_args!("{ip}")),
        }
    }

    /// Writes a line that cannot be copied: without white space behind its value, and with its change if it `is_changed`.
    #[inline(never)]
    fn write_anew(&self, bytes: &mut Vec<u8>, line: &Line, is_changed: bool, changes: &Changes<'_>) -> Line {
        match line.name {
            Name::Timestamp if is_changed => write_timestamp(bytes, self.text(line.value), changes.delay),
            Name::Via if is_changed && self.is_restamped(line) => self.write_stamped_via(bytes, line),
            name => {
                let spelling = if is_changed { name.as_str() } else { self.line_name(line) };
                write_line(bytes, name, spelling, |value| {
                    value.raw(self.raw(line.value));
                    if is_changed {
                        self.write_more(value, name, changes);
                    }
                })
            }
        }
    }

    /// Writes the topmost Via with where the request came from. What the client itself claimed is left out.
    fn write_stamped_via(&self, bytes: &mut Vec<u8>, top: &Line) -> Line {
        let hop = self.return_hop();
        let wants_rport = hop.is_some_and(|hop| hop.wants_rport);
        let is_asked = hop.is_some_and(|hop| hop.wants_rport || hop.is_stamped);
        let mut elements = List::new(self.text(top.value));
        let written = elements.next().unwrap_or_default();
        write_line(bytes, Name::Via, Name::Via.as_str(), |line| {
            match is_asked.then(|| self.top_via()) {
                Some(Ok(via)) => write_unstamped(line, written, &via),
                _ => line.text(written),
            }
            self.write_received(line);
            if let (true, Some((_, port))) = (wants_rport, self.source) {
                line.text(";rport=");
                line.number(port.into());
            }
            for element in elements {
                line.text(", ");
                line.text(element);
            }
        })
    }

    /// Whether To has a tag; one that cannot be read counts as tagged, since nothing may be added to it.
    #[inline]
    fn has_to_tag(&self) -> bool {
        let ends_with_uri =
            self.first_line(Name::To).is_some_and(|line| self.raw(line.value).ends_with(b">"));
        !ends_with_uri && self.has_more_than_uri_in_to()
    }

    #[inline(never)]
    fn has_more_than_uri_in_to(&self) -> bool {
        !self.tag_in_to().is_empty() || self.to().is_err()
    }

    /// The ACK for a non-2xx final `response` to this INVITE (§17.1.1.3): its Request-URI, topmost Via, From, Call-ID, CSeq number and
    /// Route; the response's To.
    ///
    /// # Errors
    /// When the parts do not fit one message.
    pub fn ack_for(&self, response: &Message) -> Result<Message, BuildError> {
        let mut builder = self.hop_builder(&Method::Ack, response.value(Name::To).unwrap_or_default());
        // §22.1: the ACK repeats the credentials, since it cannot be challenged.
        builder.copy_all(self, Name::Authorization);
        builder.copy_all(self, Name::ProxyAuthorization);
        builder.finish()
    }

    /// The CANCEL for this request (§9.1). Extra headers, Reason for one, may be added to the builder's message by the
    /// application.
    pub fn cancel(&self) -> Builder {
        self.hop_builder(&Method::Cancel, self.value(Name::To).unwrap_or_default())
    }

    /// A request that travels with this one: same next hop, same branch, same sequence number.
    fn hop_builder(&self, method: &Method, to: &str) -> Builder {
        let mut builder = Builder::request(method, self.request_uri().unwrap_or_default());
        let via = self.values(Name::Via).next().and_then(|value| List::new(value).next());
        builder.relayed_line(Name::Via, |line| line.text(via.unwrap_or_default()));
        builder.copy_all(self, Name::Route);
        builder.line(Name::MaxForwards, |line| line.text("70"));
        builder.copy_first(self, Name::From);
        builder.relayed_line(Name::To, |line| line.text(to));
        builder.copy_first(self, Name::CallId);
        builder.cseq(self.cseq, method);
        builder
    }

    /// This request with another topmost Via, written `via`, and another `contact` if one is given: for a transport that was not known when the
    /// request was made.
    ///
    /// # Errors
    /// When the result does not fit.
    pub(crate) fn with_top_via(&self, via: &str, contact: Option<&str>) -> Result<Message, BuildError> {
        let mut builder = Builder::request(&self.method, self.request_uri().unwrap_or_default());
        let mut is_top = true;
        for line in &self.lines {
            match line.name {
                Name::Via if is_top => {
                    builder.line(Name::Via, |value| value.text(via));
                    is_top = false;
                }
                Name::ContentType | Name::ContentLength => {}
                Name::CSeq => _ = builder.cseq(self.cseq, &self.method),
                Name::Contact => match contact {
                    Some(contact) => _ = builder.line(Name::Contact, |value| value.text(contact)),
                    None => builder.copy(self, line),
                },
                _ => builder.copy(self, line),
            }
        }
        let body = self.value(Name::ContentType).map(|content_type| super::Body {
            content_type: alloc::string::String::from(content_type).into(),
            bytes: bytes::Bytes::copy_from_slice(self.body()),
        });
        builder.finish_with(body.as_ref())
    }
}

/// How many octets these lines of a request take with what stands between them: in most requests little.
#[inline]
fn spanned_len(lines: &[Line]) -> usize {
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return 0 };
    usize::from(last.value.end.wrapping_sub(first.name_at)).wrapping_add(2)
}

fn is_stamp(name: &str) -> bool {
    name.eq_ignore_ascii_case("rport") || name.eq_ignore_ascii_case("received")
}

impl Message {
    /// Whether an answer to this request has room for what it adds to the lines that it copies: a head ends at 65,535 octets.
    pub(crate) fn leaves_room(&self) -> bool {
        let most = usize::from(u16::MAX).saturating_sub(LEAST_ROOM);
        let is_copied = |line: &&Line| {
            First::covers(line.name) || matches!(line.name, Name::RecordRoute | Name::Timestamp)
        };
        let length = |line: &Line| usize::from(line.value.end.saturating_sub(line.name_at)).saturating_add(2);
        self.head_len() <= most
            || self.lines.iter().filter(is_copied).map(length).fold(0, usize::saturating_add) <= most
    }
}

/// What an answer says in the lines that it copies: the tag in To, unless empty; in Timestamp how long it took.
struct Changes<'a> {
    tag: &'a [u8],
    delay: Duration,
}

impl Changes<'_> {
    #[cold]
    fn says_delay(&self) -> bool {
        self.delay >= Duration::from_millis(1)
    }
}

/// Lines that follow one another and are to be copied in one go. No line begins at 0.
#[derive(Clone, Copy, Default)]
struct Run {
    at: u16,
    end: u16,
    /// How much further on they will stand.
    moved: u16,
}

impl Run {
    /// A run that begins at `at` of the request and at the end of `to`.
    #[inline]
    fn new(at: u16, to: &[u8]) -> Self {
        Self { at, end: at, moved: (to.len() as u16).wrapping_sub(at) }
    }

    /// Copies it.
    #[inline]
    fn end(self, from: &[u8], to: &mut Vec<u8>) {
        to.extend_from_slice(from.get(usize::from(self.at)..usize::from(self.end)).unwrap_or_default());
    }
}

/// Writes Timestamp with how long the answer took (RFC 3261 §8.2.6.1). What stands behind the time is a delay of somebody else's.
fn write_timestamp(bytes: &mut Vec<u8>, text: &str, delay: Duration) -> Line {
    write_line(bytes, Name::Timestamp, Name::Timestamp.as_str(), |value| {
        value.text(text.split([' ', '\t']).next().unwrap_or(text));
        value.text(" ");
        value.number(u32::try_from(delay.as_secs()).unwrap_or(u32::MAX));
        value.text(".");
        let millis = delay.subsec_millis();
        for digit in [millis / 100, millis / 10 % 10, millis % 10] {
            value.number(digit);
        }
    })
}

/// Writes a Via value without `received` and `rport`.
fn write_unstamped(line: &mut Value<'_>, written: &str, via: &Via<'_>) {
    let sent_by = written.len().saturating_sub(via.params.as_str().len());
    line.text(written.get(..sent_by).unwrap_or_default().trim_end());
    for param in via.params.iter().filter(|param| !is_stamp(param.name)) {
        line.text(";");
        line.text(param.name);
        if let Some(value) = param.value {
            line.text("=");
            line.text(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn invite(via: &str, to: &str) -> Message {
        let text = alloc::format!(
            "INVITE sip:b@h SIP/2.0\r\nVia: {via}\r\nVia: SIP/2.0/TCP last\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\n\
             Route: <sip:p0;lr>\r\nFrom: <sip:a@h>;tag=1\r\nTo: {to}\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\nTimestamp: 54\r\n\
             Content-Type: a/b\r\nContent-Length: 1\r\n\r\nx"
        );
        Message::parse(text).unwrap()
    }

    fn top(via: &str, source: &str) -> String {
        let mut request = invite(via, "<sip:b@h>");
        request.set_source(source.parse().unwrap());
        let answer = request.answer(StatusCode::OK, "OK", "t").finish().unwrap();
        let value = answer.value(Name::Via).unwrap().into();
        assert_eq!(answer.values(Name::Via).last(), Some("SIP/2.0/TCP last"));
        value
    }

    // Holds: 3261-18.2.1-5, 3581-4-2
    #[test]
    fn via_says_where_the_request_came_from() {
        // RFC 3261 §18.2.1: received, if sent-by is a name or another address.
        assert_eq!(
            top("SIP/2.0/UDP pc33;branch=z9hG4bK1", "192.0.2.9:1"),
            "SIP/2.0/UDP pc33;branch=z9hG4bK1;received=192.0.2.9"
        );
        assert_eq!(
            top("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1", "192.0.2.9:1"),
            "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1"
        );
        // RFC 3581 §4: with rport, received too, even if the addresses agree.
        assert_eq!(
            top("SIP/2.0/UDP 192.0.2.9 ;rport;branch=z9hG4bK1, SIP/2.0/UDP two", "192.0.2.9:4540"),
            "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1;received=192.0.2.9;rport=4540, SIP/2.0/UDP two"
        );
        // What a client claims for itself does not stand.
        assert_eq!(
            top("SIP/2.0/UDP h;received=1.2.3.4", "[2001:db8::1]:1"),
            "SIP/2.0/UDP h;received=2001:db8::1"
        );
    }

    /// What stands as it should is copied to the octet; the rest is written anew. The index is that of a parsed answer.
    #[test]
    fn lines_are_copied_as_they_stand() {
        // RFC 3261 §8.2.6.2, §18.2.1; RFC 3581 §4.
        let tops = [
            ("Via: SIP/2.0/UDP h;branch=z9hG4bK1", "Via: SIP/2.0/UDP h;branch=z9hG4bK1;received=192.0.2.9"),
            ("Via: SIP/2.0/UDP h;x ", "Via: SIP/2.0/UDP h;x;received=192.0.2.9"),
            ("v:SIP/2.0/UDP h;rport", "Via: SIP/2.0/UDP h;received=192.0.2.9;rport=5070"),
            ("Via: SIP/2.0/UDP h ,SIP/2.0/UDP i", "Via: SIP/2.0/UDP h;received=192.0.2.9, SIP/2.0/UDP i"),
            ("VIA: SIP/2.0/UDP 192.0.2.9", "VIA: SIP/2.0/UDP 192.0.2.9"),
        ];
        let seconds =
            [("via:SIP/2.0/TCP x", "via:SIP/2.0/TCP x"), ("v:  SIP/2.0/TCP x  ", "v: SIP/2.0/TCP x")];
        let froms = [("From:<sip:a@h>;tag=1", "From:<sip:a@h>;tag=1"), ("f:<sip:a@h> ", "f: <sip:a@h>")];
        let tos = [
            ("To: <sip:b@h>", "To: <sip:b@h>;tag=t"),
            ("t: <sip:b@h>", "To: <sip:b@h>;tag=t"),
            ("To: <sip:b@h>\t", "To: <sip:b@h>;tag=t"),
            ("TO:<sip:b@h>;tag=x", "TO:<sip:b@h>;tag=x"),
        ];
        let alike = |line: &'static str| (line, line);
        let others = [("Subject: y", ""), alike("Record-Route: <sip:p;lr>"), ("Max-Forwards: 70", "")];
        for top in tops {
            for (second, from) in seconds.into_iter().flat_map(|second| froms.map(|from| (second, from))) {
                for to in tos {
                    let [subject, route, forwards] = others;
                    let ids = (alike("Call-ID: c"), alike("CSeq: 7 INVITE"));
                    for lines in [
                        [top, second, route, forwards, from, to, ids.0, ids.1, subject],
                        [top, forwards, to, from, second, ids.0, subject, ids.1, route],
                        [to, top, ids.1, subject, second, from, ids.0, forwards, route],
                    ] {
                        let head: String = lines.iter().flat_map(|(asked, _)| [asked, "\r\n"]).collect();
                        let text = alloc::format!("INVITE sip:b@h SIP/2.0\r\n{head}\r\n");
                        let mut request = Message::parse(text).unwrap();
                        request.set_source("192.0.2.9:5070".parse().unwrap());
                        let answer = request.answer(StatusCode::OK, "Fine", "t").finish().unwrap();
                        let echoed = lines.iter().filter(|(_, given)| !given.is_empty());
                        let head: String = echoed.flat_map(|(_, given)| [given, "\r\n"]).collect();
                        let wanted = alloc::format!("SIP/2.0 200 Fine\r\n{head}Content-Length: 0\r\n\r\n");
                        assert_eq!(core::str::from_utf8(answer.as_bytes()), Ok(&*wanted));
                        assert_eq!(Message::parse(wanted).unwrap(), answer);
                        // From an answer that says the same of the request.
                        let mut ringing = request.answer(StatusCode::RINGING, "", "t");
                        let ringing = ringing.header(Name::Contact, "<sip:bob@h>").finish().unwrap();
                        let mut again = Builder::new();
                        ringing.answer_again(&mut again, (StatusCode::OK, "Fine"), 0);
                        assert_eq!(again.finish().unwrap(), answer);
                    }
                }
            }
        }
    }

    #[test]
    fn of_a_request_without_lines_nothing_is_copied() {
        // RFC 3261 §8.2.6.2: broken as it is, it gets what there is.
        let broken = bytes::Bytes::from_static(b"INVITE sip:b@h SIP/2.0\r\n\r\n");
        let crate::message::Datagram::Broken(request, _) =
            crate::message::Datagram::read(broken, &crate::limits::Limits::DEFAULT)
        else {
            panic!("a request without Via")
        };
        let answer = |status| request.answer(status, "", "t").finish().unwrap();
        let ok = answer(StatusCode::OK);
        assert_eq!(ok.as_bytes(), b"SIP/2.0 200 \r\nContent-Length: 0\r\n\r\n");
        let mut again = Builder::new();
        answer(StatusCode::RINGING).answer_again(&mut again, (StatusCode::OK, ""), 0);
        assert_eq!(again.finish().unwrap(), ok);
    }

    #[test]
    fn tags_and_record_routes_by_status() {
        let answer = |status| invite("SIP/2.0/UDP h", "<sip:b@h>").answer(status, "", "t").finish().unwrap();
        // RFC 3261 §8.2.6.1: a 100 echoes Timestamp; it creates no dialog and needs no tag.
        let trying = answer(StatusCode::TRYING);
        assert_eq!((trying.to().unwrap().tag(), trying.value(Name::Timestamp)), (None, Some("54")));
        assert_eq!(trying.record_routes().count(), 0);
        // RFC 3261 §12.1.1: dialog-forming answers copy Record-Route.
        let ringing = answer(StatusCode::RINGING);
        assert_eq!((ringing.to().unwrap().tag(), ringing.record_routes().count()), (Some("t"), 2));
        assert_eq!(answer(StatusCode::BUSY_HERE).record_routes().count(), 0);
        let within =
            invite("SIP/2.0/UDP h", "<sip:b@h>;tag=old").answer(StatusCode::OK, "", "t").finish().unwrap();
        assert_eq!(within.to().unwrap().tag(), Some("old"));
    }

    #[test]
    fn ack_and_cancel_travel_with_their_invite() {
        let invite = invite("SIP/2.0/UDP h;branch=z9hG4bK1", "<sip:b@h>");
        let busy = invite.answer(StatusCode::BUSY_HERE, "", "t").finish().unwrap();
        for (request, to, method) in [
            (invite.ack_for(&busy).unwrap(), "<sip:b@h>;tag=t", Method::Ack),
            (invite.cancel().finish().unwrap(), "<sip:b@h>", Method::Cancel),
        ] {
            assert_eq!(request.values(Name::Via).collect::<Vec<_>>(), ["SIP/2.0/UDP h;branch=z9hG4bK1"]);
            assert_eq!((request.method(), request.cseq(), request.value(Name::To)), (&method, 7, Some(to)));
            assert_eq!((request.request_uri(), request.routes().count()), (Some("sip:b@h"), 1));
            assert_eq!((request.call_id(), request.from().unwrap().tag()), ("c", Some("1")));
            assert_eq!(Message::parse(request.as_bytes().to_vec()).unwrap(), request);
        }
    }

    #[test]
    fn the_top_via_can_be_replaced() {
        let changed = invite("SIP/2.0/UDP h;branch=z9hG4bK1", "<sip:b@h>")
            .with_top_via("SIP/2.0/TCP x;branch=z9hG4bK2", None)
            .unwrap();
        let vias: Vec<_> = changed.values(Name::Via).collect();
        assert_eq!(vias, ["SIP/2.0/TCP x;branch=z9hG4bK2", "SIP/2.0/TCP last"]);
        assert_eq!(
            (changed.body(), changed.value(Name::ContentType), changed.cseq()),
            (&b"x"[..], Some("a/b"), 7)
        );
    }
}
