//! The other side of a script: what it has sent and heard, and how it puts messages into words.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;

use super::words::{
    CODES, CONTACTS, EVENTS, EXPIRES, METHODS, OWED, ROUTES, SDP, STATES, TAGS, TERMS, URIS, WITHIN,
};
use super::{Answering, Asking, Damage};
use crate::endpoint::{Connect, Flow, Input, Output, Payload, Resolve, Token};
use crate::message::{Message, Method, Name, StatusCode, Transport};

/// What a peer remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    /// How many messages it made, so that each can be told from others.
    count: u32,
    /// What came in so far.
    inputs: Vec<Input>,
    /// What it asked outside dialogs.
    asked: Vec<Asked>,
    /// What the endpoint asks it.
    requests: Vec<(Arc<Message>, Flow)>,
    /// Final answers to its INVITEs.
    finals: Vec<Arc<Message>>,
    /// What the next PRACK acknowledges.
    rack: Option<String>,
    dialogs: Vec<Known>,
    pub(super) tokens: Vec<Token>,
    pub(super) connects: Vec<Connect>,
    pub(super) queries: Vec<Resolve>,
    /// Connections that the endpoint asked for and got.
    pub(super) flows: Vec<Flow>,
}

/// A request that the peer sent.
#[derive(Clone, Debug)]
struct Asked {
    method: &'static str,
    uri: &'static str,
    via: String,
    from: String,
    to: String,
    call_id: String,
    cseq: u32,
}

/// A dialog as the peer sees it.
#[derive(Clone, Debug)]
struct Known {
    call_id: String,
    /// The peer's From.
    local: String,
    /// The peer's To.
    remote: String,
    cseq: u32,
}

/// How octets come in.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Datagram,
    Stream,
    Chunks,
    Message,
}

/// The first of a table's entries that mean something odd: half of all numbers are below.
const ODD: u8 = 16;

pub(super) fn pick<T>(list: &[T], number: u8) -> Option<&T> {
    list.get(usize::from(number) % list.len().max(1))
}

/// Counted from the newest.
pub(super) fn newest<T>(list: &[T], number: u8) -> Option<&T> {
    let back = usize::from(number) % list.len().max(1);
    list.get(list.len().checked_sub(1 + back)?)
}

/// The endpoint's own address.
pub(super) fn bob(v4: bool) -> SocketAddr {
    let ip: IpAddr = if v4 {
        Ipv4Addr::new(192, 0, 2, 4).into()
    } else {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 4).into()
    };
    SocketAddr::new(ip, 5060)
}

fn flow(way: u8) -> (Flow, Manner) {
    let v4 = |last, port| SocketAddr::new(Ipv4Addr::new(192, 0, 2, last).into(), port);
    let stream = |transport, last, conn| Flow { transport, local: bob(true), remote: v4(last, 5060), conn };
    match way % 16 {
        0..=8 => (Flow::udp(bob(true), v4(1, 5060)), Manner::Datagram),
        9 => (Flow::udp(bob(true), v4(2, 5070)), Manner::Datagram),
        10 => {
            let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
            (Flow::udp(bob(false), SocketAddr::new(v6.into(), 5060)), Manner::Datagram)
        }
        11 => (stream(Transport::Tcp, 1, 7), Manner::Stream),
        12 => (stream(Transport::Tcp, 1, 7), Manner::Chunks),
        13 => (stream(Transport::Tcp, 2, 8), Manner::Stream),
        14 => (stream(Transport::Tls, 1, 9), Manner::Chunks),
        _ => (stream(Transport::Ws, 1, 10), Manner::Message),
    }
}

impl Peer {
    /// Learns from what the endpoint puts out.
    pub(super) fn hear(&mut self, output: &Output) {
        match output {
            Output::Connect(connect) => self.connects.push(connect.clone()),
            Output::Resolve(query) => self.queries.push(query.clone()),
            Output::Transmit(transmit) => {
                self.tokens.push(transmit.token);
                if let Payload::Message(message) = &transmit.payload {
                    self.hear_message(message, transmit.flow);
                }
            }
            Output::Event(_) | Output::Close { .. } => {}
        }
    }

    fn hear_message(&mut self, message: &Arc<Message>, flow: Flow) {
        if message.is_request() {
            let known = self.requests.iter().any(|(known, _)| known == message);
            if !known && *message.method() != Method::Ack {
                self.requests.push((message.clone(), flow));
            }
            return;
        }
        if *message.method() != Method::Invite || message.to().is_ok_and(|to| to.tag().is_none()) {
            return;
        }
        if let Ok(Some(rseq)) = message.rseq() {
            self.rack = Some(format!("{rseq} {} INVITE", message.cseq()));
        }
        if message.status().is_some_and(StatusCode::is_final) && !self.finals.contains(message) {
            self.finals.push(message.clone());
        }
        let text = |name| String::from(message.value(name).unwrap_or_default());
        if message.status().is_some_and(|status| !status.is_failure()) {
            self.know(text(Name::CallId), text(Name::From), text(Name::To), message.cseq());
        }
    }

    fn know(&mut self, call_id: String, local: String, remote: String, cseq: u32) {
        let known =
            |dialog: &Known| dialog.call_id == call_id && dialog.local == local && dialog.remote == remote;
        if !self.dialogs.iter().any(known) {
            self.dialogs.push(Known { call_id, local, remote, cseq });
        }
    }

    /// The inputs that bring octets in, by the way that a number chooses.
    pub(super) fn bring(&mut self, way: u8, octets: Vec<u8>) -> Vec<Input> {
        let (flow, manner) = flow(way);
        let mut payload = Bytes::from(octets);
        let inputs: Vec<Input> = match manner {
            Manner::Datagram => [Input::Datagram { flow, payload }].into(),
            Manner::Stream => [Input::Stream { flow, payload }].into(),
            Manner::Message => [Input::Message { flow, payload }].into(),
            Manner::Chunks => {
                let head = payload.split_to(payload.len() / 2);
                [Input::Stream { flow, payload: head }, Input::Stream { flow, payload }].into()
            }
        };
        self.inputs.extend(inputs.iter().cloned());
        inputs
    }

    /// The connections that octets come in by.
    pub(super) fn flow(&self, number: u8) -> Flow {
        match number % 8 {
            0..=3 => flow(11 + number % 4).0,
            _ => pick(&self.flows, number).copied().unwrap_or(flow(11).0),
        }
    }

    /// An earlier input again.
    pub(super) fn again(&self, number: u8, way: Option<u8>) -> Option<Input> {
        let input = newest(&self.inputs, number)?.clone();
        let payload = match &input {
            Input::Datagram { payload, .. }
            | Input::Stream { payload, .. }
            | Input::Message { payload, .. } => payload.clone(),
            _ => return None,
        };
        let Some(way) = way else { return Some(input) };
        let (flow, manner) = flow(way);
        Some(match manner {
            Manner::Datagram => Input::Datagram { flow, payload },
            Manner::Message => Input::Message { flow, payload },
            Manner::Stream | Manner::Chunks => Input::Stream { flow, payload },
        })
    }

    /// A request outside dialogs.
    pub(super) fn request(&mut self, asking: &Asking) -> Vec<u8> {
        self.count += 1;
        let count = self.count;
        let method = *pick(&METHODS, asking.method).unwrap_or(&"INVITE");
        let uri = *pick(&URIS, asking.uri).unwrap_or(&"sip:bob@192.0.2.4");
        let odd = asking.odd % 32;
        let mut asked = Asked {
            method,
            uri,
            via: self.via(asking.way, odd),
            from: format!("<sip:alice@192.0.2.1>;tag=f{count}"),
            to: "<sip:bob@192.0.2.4>".into(),
            call_id: format!("call{count}"),
            cseq: 1,
        };
        match odd.checked_sub(ODD) {
            Some(2) => asked.from = "\"\\\0\\\u{7f}\" <sip:alice@192.0.2.1>;tag=f".into(),
            Some(3) => asked.from = "sip:alice@192.0.2.1".into(),
            Some(14) => asked.from = "\"\\\rX-Smuggled: 1\" <sip:alice@192.0.2.1>;tag=f".into(),
            Some(15) => asked.from = "\"\rX-Smuggled: 1\" <sip:alice@192.0.2.1>;tag=f".into(),
            Some(4) => asked.to = "<sip:bob@192.0.2.4>;tag=nobody".into(),
            Some(5) => {
                if let Some(twin) = self.asked.last() {
                    (asked.from, asked.call_id, asked.cseq) =
                        (twin.from.clone(), twin.call_id.clone(), twin.cseq);
                }
            }
            Some(6) => asked.cseq = u32::MAX,
            _ => {}
        }
        let octets = self.write(&asked, asking, odd);
        self.asked.push(asked);
        octets
    }

    /// A request within a dialog.
    pub(super) fn within(&mut self, dialog: u8, asking: &Asking) -> Option<Vec<u8>> {
        self.count += 1;
        let odd = asking.odd % 32;
        let via = self.via(asking.way, odd);
        let back = usize::from(dialog) % self.dialogs.len().max(1);
        let at = self.dialogs.len().checked_sub(1 + back)?;
        let known = self.dialogs.get_mut(at)?;
        known.cseq = match odd.checked_sub(ODD) {
            Some(5) => known.cseq,
            Some(6) => known.cseq.saturating_add(1 << 30),
            _ => known.cseq.saturating_add(1),
        };
        let mut asked = Asked {
            method: pick(&WITHIN, asking.method).unwrap_or(&"INFO"),
            uri: pick(&URIS, asking.uri).unwrap_or(&"sip:bob@192.0.2.4"),
            via,
            from: known.local.clone(),
            to: known.remote.clone(),
            call_id: known.call_id.clone(),
            cseq: known.cseq,
        };
        match odd.checked_sub(ODD) {
            Some(3) => asked.from.push('x'),
            Some(4) => asked.to.push('x'),
            _ => {}
        }
        let octets = self.write(&asked, asking, odd);
        self.asked.push(asked);
        Some(octets)
    }

    fn via(&self, way: u8, odd: u8) -> String {
        let (Flow { transport, remote, .. }, count) = (flow(way).0, self.count);
        match odd.checked_sub(ODD) {
            Some(0) => format!("SIP/2.0/{transport} {remote}"),
            Some(1) => format!("SIP/2.0/{transport} {remote};maddr=192.0.2.3;branch=z9hG4bK{count}"),
            Some(7) => format!("SIP/2.0/{transport} pc33;branch=z9hG4bK{count}"),
            _ => format!("SIP/2.0/{transport} {remote};branch=z9hG4bK{count};rport"),
        }
    }

    fn write(&self, asked: &Asked, asking: &Asking, odd: u8) -> Vec<u8> {
        let Asked { method, uri, via, from, to, call_id, cseq } = asked;
        let mut head = format!(
            "{method} {uri} SIP/2.0\r\nv: {via}\r\nMax-Forwards: 70\r\nf: {from}\r\nt: {to}\r\ni: {call_id}\r\nCSeq: {cseq} {method}\r\n"
        );
        add(&mut head, "Contact", pick(&CONTACTS, asking.contact));
        add(&mut head, "Record-Route", pick(&ROUTES, asking.routes));
        match odd.checked_sub(ODD) {
            Some(8) => head += "Expires: 1\r\n",
            Some(9) => head += "Expires: 0\r\n",
            Some(10) => head += "Require: 100rel,\r\n foo\r\n",
            Some(11) => head += "X-Folded:\r\n folded\r\nX-Smuggled : 1\r\n",
            Some(12) => head = head.replace("Max-Forwards: 70\r\n", ""),
            Some(13) => pad(&mut head),
            _ => {}
        }
        // The upper half of a number that chooses among sixteen.
        let (first, second) = (asking.contact / 16, asking.routes / 16);
        match *method {
            "INVITE" | "UPDATE" => head += pick(&TERMS, second).unwrap_or(&""),
            "SUBSCRIBE" => {
                add(&mut head, "Event", pick(&EVENTS, first));
                add(&mut head, "Expires", pick(&EXPIRES, second));
            }
            "NOTIFY" => {
                add(&mut head, "Event", pick(&EVENTS, first));
                add(&mut head, "Subscription-State", pick(&STATES, second));
            }
            "REFER" => {
                let targets = ["<sip:carol@192.0.2.9>", "<sip:carol@192.0.2.9?Replaces=x>", "r", ""];
                add(&mut head, "Refer-To", pick(&targets, first / 4));
                add(&mut head, "Refer-Sub", ["true", "false"].get(usize::from(second)));
            }
            _ => {}
        }
        match (*method, asking.odd) {
            ("PRACK", 240..) => head += "RAck: 77 1 INVITE\r\n",
            ("INVITE", 192..=207) => head += "Require: 100rel\r\n",
            ("INVITE", 224..=239) => head += "Supported: 100rel\r\n",
            ("PUBLISH", _) => head += "Event: presence\r\nExpires: 60\r\n",
            ("PRACK", _) => add(&mut head, "RAck", self.rack.as_deref().as_ref()),
            _ => {}
        }
        finish(head, asking.body, asking.damage)
    }

    /// The ACK of a final answer.
    pub(super) fn acknowledge(&mut self, answer: u8, odd: u8, way: u8) -> Option<Vec<u8>> {
        let message = newest(&self.finals, answer)?.clone();
        self.count += 1;
        let is_success = message.status().is_some_and(StatusCode::is_success);
        let via = match message.value(Name::Via) {
            Some(via) if !is_success || odd % 8 == 7 => via.into(),
            _ => self.via(way, 0),
        };
        let value = |name| message.value(name).unwrap_or_default();
        let cseq = if odd % 16 == 14 { message.cseq().wrapping_add(1) } else { message.cseq() };
        let head = format!(
            "ACK sip:bob@192.0.2.4 SIP/2.0\r\nVia: {via}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} ACK\r\n",
            value(Name::From),
            value(Name::To),
            value(Name::CallId)
        );
        Some(finish(head, odd, Damage { odds: 0, at: 0, with: 0 }))
    }

    /// The CANCEL of a request.
    pub(super) fn cancel(&mut self, request: u8, odd: u8) -> Option<Vec<u8>> {
        let Asked { method, uri, via, from, to, call_id, cseq } = newest(&self.asked, request)?;
        let number = if odd % 16 == 15 { cseq.wrapping_add(1) } else { *cseq };
        let name = if odd % 16 == 14 { method } else { "CANCEL" };
        let head = format!(
            "CANCEL {uri} SIP/2.0\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {number} {name}\r\nReason: SIP;cause=200\r\n"
        );
        Some(finish(head, 0, Damage { odds: 0, at: 0, with: 0 }))
    }

    /// A NOTIFY for a SUBSCRIBE or REFER of the endpoint's.
    pub(super) fn tell(&mut self, request: u8, tag: u8, state: u8, odd: u8, way: u8) -> Option<Vec<u8>> {
        let subscribes = |(message, _): &&(Arc<Message>, Flow)| {
            matches!(message.method(), Method::Subscribe | Method::Refer)
        };
        let all: Vec<_> =
            self.requests.iter().filter(subscribes).map(|(message, _)| message.clone()).collect();
        let message = newest(&all, request)?.clone();
        self.count += 1;
        let text = |name| String::from(message.value(name).unwrap_or_default());
        let has_tag = message.to().is_ok_and(|to| to.tag().is_some());
        let (call_id, to, mut from) = (text(Name::CallId), text(Name::From), text(Name::To));
        let tag = *pick(&TAGS, tag)?;
        if !has_tag && !tag.is_empty() {
            from = format!("{from};tag={tag}");
        }
        self.know(call_id.clone(), from.clone(), to.clone(), 1);
        let known =
            |dialog: &&mut Known| dialog.call_id == call_id && dialog.local == from && dialog.remote == to;
        let cseq = self.dialogs.iter_mut().find(known).map_or(1, |dialog| {
            dialog.cseq = dialog.cseq.saturating_add(1);
            dialog.cseq
        });
        let event = match message.method() {
            Method::Refer if odd % 4 == 3 => format!("refer;id={}", message.cseq()),
            Method::Refer => "refer".into(),
            _ if odd % 16 == 15 => "other".into(),
            _ => text(Name::Event),
        };
        let mut head = format!(
            "NOTIFY sip:bob@192.0.2.4 SIP/2.0\r\nVia: {}\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} NOTIFY\r\n\
             Contact: <sip:alice@192.0.2.1>\r\nEvent: {event}\r\n",
            self.via(way, 0)
        );
        add(&mut head, "Subscription-State", pick(&STATES, state));
        Some(finish(head, 0, Damage { odds: 0, at: 0, with: 0 }))
    }

    /// An answer to a request of the endpoint's, and the input that brings it.
    pub(super) fn answer(&mut self, answering: &Answering) -> Option<Input> {
        let (request, flow) = newest(&self.requests, answering.request)?.clone();
        let text = |name| String::from(request.value(name).unwrap_or_default());
        let code = *pick(&CODES, answering.code)?;
        let tag = *pick(&TAGS, answering.tag)?;
        let odd = (answering.odd % 32).checked_sub(ODD);
        let (mut via, mut from, mut call_id) = (text(Name::Via), text(Name::From), text(Name::CallId));
        let mut to = text(Name::To);
        let has_tag = request.to().is_ok_and(|to| to.tag().is_some());
        let (mut cseq, mut method) = (request.cseq(), String::from(request.method().as_str()));
        match odd {
            Some(0) => from.push('x'),
            Some(1) => call_id.push('x'),
            Some(2) => via += ", SIP/2.0/UDP 192.0.2.99",
            Some(3) => method = "OPTIONS".into(),
            Some(4) => cseq = cseq.wrapping_add(1),
            Some(5) => via = via.replace("192.0.2.4", "192.0.2.5"),
            Some(6) => to = format!("<sip:{}@h>", "x".repeat(65_000)),
            Some(7) if has_tag => to = format!("<sip:alice@192.0.2.1>;tag={tag}"),
            _ => {}
        }
        if !has_tag && !tag.is_empty() && code > 100 {
            to = format!("{to};tag={tag}");
            if *request.method() == Method::Invite && code < 300 {
                self.know(call_id.clone(), to.clone(), from.clone(), 1);
            }
        }
        let mut head = format!(
            "SIP/2.0 {code} Whatever\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
        );
        add(&mut head, "Contact", pick(&CONTACTS, answering.contact));
        add(&mut head, "Record-Route", pick(&ROUTES, answering.routes));
        match request.method() {
            Method::Invite | Method::Update => head += pick(&TERMS, answering.routes / 16).unwrap_or(&""),
            Method::Subscribe => add(&mut head, "Expires", pick(&EXPIRES, answering.routes / 16)),
            Method::Refer if answering.routes >= 224 => head += "Refer-Sub: false\r\n",
            _ => {}
        }
        head += OWED.iter().find(|(owing, _)| *owing == code).map_or("", |(_, line)| line);
        if let 192..=207 = answering.odd {
            head += &format!("Require: 100rel\r\nRSeq: {}\r\n", 1 + (answering.odd & 3));
        }
        let payload = Bytes::from(finish(head, answering.body, answering.damage));
        let input = match flow.transport.is_reliable() {
            true => Input::Stream { flow, payload },
            false => Input::Datagram { flow, payload },
        };
        self.inputs.push(input.clone());
        Some(input)
    }
}

fn add(head: &mut String, name: &str, value: Option<&&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        *head += &format!("{name}: {value}\r\n");
    }
}

/// Makes a head about as long as a head can be, of lines that an answer copies.
fn pad(head: &mut String) {
    for _ in 0..150 {
        head.push_str("v: SIP/2.0/UDP h\r\n");
    }
    let room = 65_300_usize.saturating_sub(head.len());
    *head += &format!("v: SIP/2.0/UDP h;x={}\r\n", "x".repeat(room));
}

/// A description: as always, elsewhere, or with another direction.
fn sdp(number: u8) -> String {
    match number % 8 {
        0..=3 => SDP.into(),
        4 => SDP.replace("4000", "4002"),
        5 => format!("{SDP}a=inactive\r\n"),
        _ => format!("{SDP}a=sendonly\r\n"),
    }
}

fn finish(mut head: String, body: u8, damage: Damage) -> Vec<u8> {
    let sdp = sdp(body / 8);
    match body % 8 {
        0..=3 => head += "Content-Length: 0\r\n\r\n",
        4 => head += &format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len()),
        5 => {
            head += "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n";
            head += &format!("c: application/sdp\r\nl: {}\r\n\r\n{sdp}", sdp.len());
        }
        6 => head += "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi",
        _ => head += "\r\n",
    }
    let mut octets = head.into_bytes();
    let count = usize::from(damage.odds.saturating_sub(216) / 8);
    for place in 0..count {
        let length = octets.len();
        if let Some(octet) = octets.get_mut((usize::from(damage.at) + place * 7) % length) {
            *octet = damage.with.wrapping_mul(place as u8 + 1);
        }
    }
    octets
}
