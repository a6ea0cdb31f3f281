//! What every answer copies from its request (RFC 3261 §8.2.6), and what the ACK and CANCEL of a request copy
//! from it (§9.1, §17.1.1.3).

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::{BuildError, Builder, First, Host, Line, List, Message, Method, Name, StatusCode, Via, scan};

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
    pub fn answer(&self, status: StatusCode, reason: &str, tag: &str) -> Builder {
        self.answer_with_room(status, reason, tag, ADDED_LEN, Duration::ZERO)
    }

    /// Like [`Message::answer`], with room for `added` bytes beyond what is copied: enough of it, and the answer is written
    /// without moving. A 100 says in Timestamp how long after the request it goes out, if that is a millisecond or more (§8.2.6.1).
    pub(crate) fn answer_with_room(
        &self,
        status: StatusCode,
        reason: &str,
        tag: &str,
        added: usize,
        delay: Duration,
    ) -> Builder {
        let is_trying = status == StatusCode::TRYING;
        let has_routes = self.method.creates_dialog() && !is_trying && !status.is_failure();
        // What every answer copies stands together in most requests.
        let keys = [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq];
        let (start, end) = keys
            .iter()
            .filter_map(|name| self.first_line(*name))
            .fold((u16::MAX, 0), |(start, end), line| (start.min(line.name_at), end.max(line.value.end)));
        let copied = usize::from(end.saturating_sub(start)).saturating_add(2);
        let mut builder = Builder::response_sized(status, reason, copied.saturating_add(added));

        let source = self.source().filter(|_| self.says_source);
        let has_tag = is_trying || tag.is_empty() || self.has_to_tag();
        if !has_tag && !scan::is_token(tag) {
            builder.refuse(BuildError::Tag);
        }
        let mut copy = builder.copier(self);
        let mut is_top = true;
        for (at, line) in self.lines.iter().enumerate() {
            let is_copied = match line.name {
                Name::Via => true,
                // A broken request may repeat them.
                Name::From | Name::To | Name::CallId | Name::CSeq => self.first.line(line.name) == at,
                Name::RecordRoute => has_routes,
                Name::Timestamp => is_trying,
                _ => false,
            };
            if !is_copied {
                continue;
            }
            match (line.name, source) {
                (Name::Via, Some(source)) if is_top => {
                    copy.insert(|builder| self.write_stamped_via(builder, line, source));
                }
                (Name::To, _) if !has_tag => copy.insert(|builder| {
                    builder.relayed_line(Name::To, |value| {
                        value.text(self.text(line.value));
                        value.text(";tag=");
                        value.text(tag);
                    });
                }),
                (Name::Timestamp, _) if delay >= Duration::from_millis(1) => {
                    copy.insert(|builder| write_timestamp(builder, self.text(line.value), delay));
                }
                _ => copy.line(line),
            }
            is_top &= line.name != Name::Via;
        }
        copy.end();
        builder.set_cseq(self.cseq, self.method.clone());
        builder
    }

    /// Writes the topmost Via's line with where the request came from. What the client itself claimed is left out.
    fn write_stamped_via(&self, builder: &mut Builder, top: &Line, source: SocketAddr) {
        let Ok(hop) = self.top_hop() else { return };
        let mut elements = List::new(self.text(top.value));
        let written = elements.next().unwrap_or_default();
        builder.relayed_line(Name::Via, |line| {
            let is_asked = hop.wants_rport || hop.is_stamped;
            match is_asked.then(|| self.top_via()) {
                Some(Ok(via)) => write_unstamped(line, written, &via),
                _ => line.text(written),
            }
            line.text(";received=");
            match source.ip() {
                IpAddr::V4(ip) => line.host(Host::Ip(ip.into())),
                // RFC 3261 §25.1 writes `received` without brackets (RFC 5118 §4.5).
                IpAddr::V6(ip) => _ = core::fmt::write(line, format_args!("{ip}")),
            }
            if hop.wants_rport {
                line.text(";rport=");
                line.number(source.port().into());
            }
            for element in elements {
                line.text(", ");
                line.text(element);
            }
        });
    }

    /// Whether To has a tag; one that cannot be read counts as tagged, since nothing may be added to it.
    fn has_to_tag(&self) -> bool {
        let ends_with_uri =
            self.first_line(Name::To).is_some_and(|line| self.raw(line.value).ends_with(b">"));
        !ends_with_uri && (!self.tag_in_to().is_empty() || self.to().is_err())
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
        builder.cseq(self.cseq, method)
    }

    /// This request with another topmost Via, written `via`: for a transport that was not known when the
    /// request was made.
    ///
    /// # Errors
    /// When the result does not fit.
    pub(crate) fn with_top_via(&self, via: &str) -> Result<Message, BuildError> {
        let mut builder = Builder::request(&self.method, self.request_uri().unwrap_or_default());
        let mut is_top = true;
        for line in &self.lines {
            match line.name {
                Name::Via if is_top => {
                    builder.line(Name::Via, |value| value.text(via));
                    is_top = false;
                }
                Name::ContentType | Name::ContentLength => {}
                Name::CSeq => builder = builder.cseq(self.cseq, &self.method),
                _ => builder.copy(self, line),
            }
        }
        let body = self.value(Name::ContentType).map(|content_type| super::Body {
            content_type: alloc::string::String::from(content_type).into(),
            bytes: bytes::Bytes::copy_from_slice(self.body()),
        });
        builder.body(body).finish()
    }
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

/// Writes Timestamp with how long the answer took (RFC 3261 §8.2.6.1). What stands behind the time is a delay of somebody else's.
fn write_timestamp(builder: &mut Builder, text: &str, delay: Duration) {
    builder.relayed_line(Name::Timestamp, |value| {
        value.text(text.split([' ', '\t']).next().unwrap_or(text));
        value.text(" ");
        value.number(u32::try_from(delay.as_secs()).unwrap_or(u32::MAX));
        value.text(".");
        let millis = delay.subsec_millis();
        for digit in [millis / 100, millis / 10 % 10, millis % 10] {
            value.number(digit);
        }
    });
}

/// Writes a Via value without `received` and `rport`.
fn write_unstamped(line: &mut super::Value<'_>, written: &str, via: &Via<'_>) {
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
    use alloc::vec::Vec;

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
            .with_top_via("SIP/2.0/TCP x;branch=z9hG4bK2")
            .unwrap();
        let vias: Vec<_> = changed.values(Name::Via).collect();
        assert_eq!(vias, ["SIP/2.0/TCP x;branch=z9hG4bK2", "SIP/2.0/TCP last"]);
        assert_eq!(
            (changed.body(), changed.value(Name::ContentType), changed.cseq()),
            (&b"x"[..], Some("a/b"), 7)
        );
    }
}
