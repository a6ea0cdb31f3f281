//! What the scenario tests share: a user agent driven by hand with raw datagrams, and messages as a peer would write them.

use core::fmt::Write as _;
use core::net::SocketAddr;
use core::time::Duration;

use bytes::Bytes;
use sip_proto::context::{Invite, Reply};
use sip_proto::endpoint::{Answer, By, Resolve, Token, Transmit, Why};
use sip_proto::message::Name;
use sip_proto::testing::{describe_event, describe_message};
use sip_proto::{
    Bound, ClientEvent, Config, DialogEvent, DialogId, Endpoint, Event, Flow, Input, Message, Output,
    Refused, RequestId, ServerEvent, ServerId, Timestamp, Transport,
};

/// Where the user agent under test is.
pub(crate) const BOB: &str = "192.0.2.4:5060";
/// Where its peer is, unless said otherwise.
pub(crate) const ALICE: &str = "192.0.2.1:5060";
/// An offer or answer.
pub(crate) const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A user agent without a network: the test is its peer.
pub(crate) struct Ua {
    pub(crate) sip: Endpoint<u32>,
    pub(crate) now: Timestamp,
    local: SocketAddr,
}

/// What an endpoint asked for, and when.
#[derive(Debug)]
pub(crate) struct Heard(pub(crate) Vec<(Timestamp, Output<u32>)>);

impl Ua {
    /// `sip:bob@192.0.2.4`, with the default configuration.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// With a configuration that `change` has changed.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new("sip:bob@192.0.2.4").unwrap();
        change(&mut config);
        let mut ua = Self { sip: Endpoint::new(config, [4; 32]), now: Timestamp::ZERO, local: address(BOB) };
        ua.bind(Transport::Udp, BOB);
        ua.bind(Transport::Tcp, BOB);
        ua
    }

    pub(crate) fn bind(&mut self, transport: Transport, local: &str) {
        let bound = Bound { transport, local: address(local), advertised: None };
        self.sip.handle_input(self.now, Input::Bound(bound));
    }

    /// The flow of datagrams between us and `remote`.
    pub(crate) fn udp(&self, remote: &str) -> Flow {
        Flow::udp(self.local, address(remote))
    }

    /// A connection between us and `remote`.
    pub(crate) fn tcp(&self, remote: &str, conn: u32) -> Flow {
        Flow { transport: Transport::Tcp, local: self.local, remote: address(remote), conn }
    }

    /// A datagram from Alice.
    pub(crate) fn hear(&mut self, text: impl Into<Bytes>) -> Heard {
        self.hear_from(ALICE, text)
    }

    /// A datagram from `remote`.
    pub(crate) fn hear_from(&mut self, remote: &str, text: impl Into<Bytes>) -> Heard {
        let flow = self.udp(remote);
        self.input(Input::Datagram { flow, payload: text.into() })
    }

    /// Octets on a connection.
    pub(crate) fn hear_on(&mut self, flow: Flow, text: impl Into<Bytes>) -> Heard {
        self.input(Input::Stream { flow, payload: text.into() })
    }

    pub(crate) fn input(&mut self, input: Input) -> Heard {
        self.sip.handle_input(self.now, input);
        self.drain()
    }

    pub(crate) fn drain(&mut self) -> Heard {
        let now = self.now;
        Heard(core::iter::from_fn(|| self.sip.poll_output()).map(|output| (now, output)).collect())
    }

    /// Lets time pass, firing every timer when it is due.
    pub(crate) fn pass(&mut self, length: Duration) -> Heard {
        let end = self.now + length;
        let mut heard = self.drain();
        while let Some(at) = self.sip.poll_timeout().filter(|at| *at <= end) {
            assert!(at >= self.now, "a deadline in the past");
            self.now = at;
            self.sip.handle_timeout(at);
            heard.0.extend(self.drain().0);
        }
        self.now = end;
        self.sip.handle_timeout(end);
        assert!(self.sip.poll_output().is_none(), "something happened before its deadline");
        heard
    }

    /// Lets time pass until nothing is left to happen.
    pub(crate) fn pass_all(&mut self) -> Heard {
        let heard = self.pass(secs(400));
        assert!(self.sip.is_empty(), "left behind: {:?} {:?}", self.sip, self.sip.counts());
        heard
    }

    pub(crate) fn progress(&mut self, server: ServerId, reply: Reply) -> Result<Heard, Refused> {
        self.sip.server(server)?.progress(self.now, reply)?;
        Ok(self.drain())
    }

    pub(crate) fn accept(&mut self, server: ServerId, reply: Reply) -> Result<Heard, Refused> {
        self.sip.server(server)?.accept(self.now, reply)?;
        Ok(self.drain())
    }

    pub(crate) fn reject(&mut self, server: ServerId, reply: Reply) -> Result<Heard, Refused> {
        self.sip.server(server)?.reject(self.now, reply)?;
        Ok(self.drain())
    }

    pub(crate) fn reply(&mut self, server: ServerId, reply: Reply) -> Result<Heard, Refused> {
        self.sip.server(server)?.reply(self.now, reply)?;
        Ok(self.drain())
    }

    pub(crate) fn destroy(&mut self, dialog: DialogId) -> Heard {
        self.sip.dialog(dialog).unwrap().destroy(self.now).unwrap();
        self.drain()
    }

    pub(crate) fn invite(&mut self, invite: Invite) -> (RequestId, Heard) {
        let id = self.sip.invite(self.now, invite).unwrap();
        (id, self.drain())
    }

    /// An INVITE to Alice, over UDP, and the INVITE as sent.
    pub(crate) fn call_alice(&mut self) -> (RequestId, Message) {
        let (id, heard) = self.invite(Invite::to("sip:alice@192.0.2.1").sdp(SDP));
        (id, heard.message("INVITE"))
    }

    pub(crate) fn cancel(&mut self, request: RequestId) -> Heard {
        self.sip.client(request).unwrap().cancel(self.now).unwrap();
        self.drain()
    }

    /// Alice's INVITE, heard; its context.
    pub(crate) fn called(&mut self) -> ServerId {
        self.hear(Req::invite().body("application/sdp", SDP).text()).server()
    }

    /// A call from Alice that was answered and acknowledged: our 200, and the dialog.
    pub(crate) fn answered_call(&mut self) -> (Message, DialogId) {
        let server = self.called();
        let heard = self.accept(server, Reply::new().sdp(SDP)).unwrap();
        let ok = heard.message("200 OK (INVITE)");
        let dialog = heard.dialog();
        assert_eq!(self.hear(Req::within(&ok, "ACK", 1).text()).lines(), ["* confirmed"]);
        (ok, dialog)
    }

    /// A call to Alice that she answered, with a contact of her own: our INVITE, her 200, and the dialog.
    pub(crate) fn placed_call(&mut self) -> (Message, Message, DialogId) {
        let (_, invite) = self.call_alice();
        let ok = answer(&invite, 200, "a", CONTACT);
        let heard = self.hear(ok.clone());
        assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"]);
        (invite, parse(&ok), heard.dialog())
    }
}

/// A Contact line of Alice's.
pub(crate) const CONTACT: &str = "Contact: <sip:alice@192.0.2.1>\r\n";

pub(crate) fn parse(text: &str) -> Message {
    Message::parse(text.as_bytes().to_vec()).unwrap()
}

impl Heard {
    /// Every output in a few words: packets as `200 OK (INVITE)`, events behind a star.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.iter().map(|(_, output)| describe(output)).collect()
    }

    /// The same, with the seconds at which each came.
    pub(crate) fn timed(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|(at, output)| format!("{:.1} {}", at.as_millis() as f64 / 1e3, describe(output)))
            .collect()
    }

    /// When outputs with this description came, in milliseconds.
    pub(crate) fn times(&self, line: &str) -> Vec<u64> {
        self.0.iter().filter(|(_, output)| describe(output) == line).map(|(at, _)| at.as_millis()).collect()
    }

    pub(crate) fn transmits(&self) -> Vec<&Transmit> {
        let transmits = self.0.iter().filter_map(|(_, output)| match output {
            Output::Transmit(transmit) => Some(transmit),
            _ => None,
        });
        transmits.collect()
    }

    pub(crate) fn events(&self) -> Vec<&Event<u32>> {
        let events = self.0.iter().filter_map(|(_, output)| match output {
            Output::Event(event) => Some(event),
            _ => None,
        });
        events.collect()
    }

    /// How dialogs ended.
    pub(crate) fn ends(&self) -> Vec<(By, Why)> {
        let ends = self.events().into_iter().filter_map(|event| match event {
            Event::Dialog { event: DialogEvent::Destroy { by, why, .. }, .. } => Some((*by, *why)),
            _ => None,
        });
        ends.collect()
    }

    /// The messages that were sent.
    pub(crate) fn sent(&self) -> Vec<Message> {
        self.transmits().into_iter().filter_map(|transmit| transmit.payload.message().cloned()).collect()
    }

    /// The one output, which is a message sent.
    pub(crate) fn only(&self) -> Message {
        assert_eq!(self.0.len(), 1, "{self:?}");
        self.sent().remove(0)
    }

    /// The first message that is described so, body or no body.
    pub(crate) fn message(&self, line: &str) -> Message {
        let found = self.sent().into_iter().find(|m| describe_message(m).trim_end_matches(" +body") == line);
        found.unwrap_or_else(|| panic!("no {line} in {self:?}"))
    }

    /// The context that asks for an answer.
    pub(crate) fn server(&self) -> ServerId {
        let asked = self.events().into_iter().find_map(|event| match event {
            Event::Incoming { server, .. } => Some(*server),
            Event::Dialog {
                event:
                    DialogEvent::Info(asked)
                    | DialogEvent::Modify(asked)
                    | DialogEvent::Message(asked)
                    | DialogEvent::Options(asked)
                    | DialogEvent::Update(asked)
                    | DialogEvent::Prack(asked)
                    | DialogEvent::Notify(asked)
                    | DialogEvent::Subscribe(asked)
                    | DialogEvent::Other(asked),
                ..
            } => match asked.answer {
                Answer::Ask(server) => Some(server),
                Answer::Auto(_) => None,
            },
            _ => None,
        });
        asked.unwrap_or_else(|| panic!("nothing asks in {self:?}"))
    }

    /// The dialog that an event names.
    pub(crate) fn dialog(&self) -> DialogId {
        use sip_proto::ClientEvent as C;
        let named = self.events().into_iter().find_map(|event| match event {
            Event::Dialog { dialog, .. } => Some(*dialog),
            Event::Server {
                event: ServerEvent::Accepted { dialog, .. } | ServerEvent::Progress { dialog, .. },
                ..
            } => *dialog,
            Event::Client { event: C::Accepted { dialog, .. } | C::Progress { dialog, .. }, .. } => *dialog,
            Event::Client { event: C::Forked { dialog, .. }, .. } => Some(*dialog),
            _ => None,
        });
        named.unwrap_or_else(|| panic!("no dialog in {self:?}"))
    }

    /// The token of what was asked to connect or to be sent first.
    pub(crate) fn token(&self) -> Token {
        let token = self.0.iter().find_map(|(_, output)| match output {
            Output::Transmit(transmit) => Some(transmit.token),
            Output::Connect(connect) => Some(connect.token),
            _ => None,
        });
        token.unwrap_or_else(|| panic!("no token in {self:?}"))
    }
}

/// The results of this request.
pub(crate) fn results(heard: &Heard, id: RequestId) -> Vec<u16> {
    let of = |event: &Event<u32>| match event {
        Event::Client {
            request,
            event: ClientEvent::Accepted { response, .. } | ClientEvent::Failed { response, .. },
        } if *request == id => Some(response.status()?.code()),
        _ => None,
    };
    heard.events().into_iter().filter_map(of).collect()
}

/// The question that was asked: its id and what it was about.
pub(crate) fn question(heard: &Heard) -> Resolve {
    let questions: Vec<_> = heard
        .0
        .iter()
        .filter_map(|(_, output)| match output {
            Output::Resolve(resolve) => Some(resolve.clone()),
            _ => None,
        })
        .collect();
    assert_eq!((questions.len(), heard.0.len()), (1, 1), "{heard:?}");
    questions[0].clone()
}

fn describe(output: &Output<u32>) -> String {
    match output {
        Output::Transmit(transmit) => transmit.payload.message().map_or("pong".into(), describe_message),
        Output::Event(event) => format!("* {}", describe_event(event)),
        Output::Connect(connect) => format!("connect {} {}", connect.transport, connect.remote),
        Output::Resolve(resolve) => format!("resolve {}", resolve.host),
        Output::Close { .. } => "close".into(),
        other => format!("{other:?}"),
    }
}

/// A request as a peer would write it.
#[derive(Clone, Debug)]
pub(crate) struct Req {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) version: &'static str,
    /// The value of the topmost Via, without its branch.
    pub(crate) via: String,
    pub(crate) branch: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    /// More header lines, each ended by CRLF.
    pub(crate) lines: String,
    pub(crate) body: String,
}

impl Req {
    /// A request from Alice outside dialogs. It has no Contact.
    pub(crate) fn new(method: &str) -> Self {
        Self {
            method: method.into(),
            uri: "sip:bob@192.0.2.4".into(),
            version: "SIP/2.0",
            via: "SIP/2.0/UDP 192.0.2.1:5060".into(),
            branch: format!("z9hG4bK-{method}"),
            from: "<sip:alice@192.0.2.1>;tag=alice".into(),
            to: "<sip:bob@192.0.2.4>".into(),
            call_id: "call-1".into(),
            cseq: 1,
            lines: String::new(),
            body: String::new(),
        }
    }

    /// An INVITE with a Contact.
    pub(crate) fn invite() -> Self {
        Self::new("INVITE").line("Contact: <sip:alice@192.0.2.1>")
    }

    /// A request from Alice in the dialog that `ours`, an answer of ours, made.
    pub(crate) fn within(ours: &Message, method: &str, cseq: u32) -> Self {
        Self {
            uri: ours.contact().unwrap().unwrap().uri.into(),
            branch: format!("z9hG4bK-{method}-{cseq}-in"),
            from: ours.value(Name::From).unwrap().into(),
            to: ours.value(Name::To).unwrap().into(),
            call_id: ours.call_id().into(),
            cseq,
            ..Self::new(method)
        }
    }

    /// A request from Alice in the dialog that `theirs`, an answer of hers to `ours`, made.
    pub(crate) fn back(ours: &Message, theirs: &Message, method: &str, cseq: u32) -> Self {
        Self {
            uri: ours.contact().unwrap().unwrap().uri.into(),
            branch: format!("z9hG4bK-{method}-{cseq}-back"),
            from: theirs.value(Name::To).unwrap().into(),
            to: theirs.value(Name::From).unwrap().into(),
            call_id: ours.call_id().into(),
            cseq,
            ..Self::new(method)
        }
    }

    /// The CANCEL or the ACK of a non-2xx for this request: same branch, same number.
    pub(crate) fn follow(&self, method: &str) -> Self {
        Self { method: method.into(), lines: String::new(), body: String::new(), ..self.clone() }
    }

    pub(crate) fn uri(mut self, uri: &str) -> Self {
        self.uri = uri.into();
        self
    }

    pub(crate) fn via(mut self, via: &str) -> Self {
        self.via = via.into();
        self
    }

    pub(crate) fn branch(mut self, branch: &str) -> Self {
        self.branch = branch.into();
        self
    }

    pub(crate) fn from(mut self, from: &str) -> Self {
        self.from = from.into();
        self
    }

    pub(crate) fn to(mut self, to: &str) -> Self {
        self.to = to.into();
        self
    }

    pub(crate) fn tagged(mut self, tag: &str) -> Self {
        _ = write!(self.to, ";tag={tag}");
        self
    }

    pub(crate) fn call_id(mut self, call_id: &str) -> Self {
        self.call_id = call_id.into();
        self
    }

    pub(crate) fn cseq(mut self, cseq: u32) -> Self {
        self.cseq = cseq;
        self
    }

    /// Adds a header line.
    pub(crate) fn line(mut self, line: &str) -> Self {
        _ = write!(self.lines, "{line}\r\n");
        self
    }

    pub(crate) fn body(mut self, content_type: &str, body: &str) -> Self {
        self.body = body.into();
        self.line(&format!("Content-Type: {content_type}"))
    }

    /// The octets. A Max-Forwards is added unless a line has one.
    pub(crate) fn text(&self) -> String {
        let Self { method, uri, version, via, branch, from, to, call_id, cseq, lines, body } = self;
        let branch = if branch.is_empty() { String::new() } else { format!(";branch={branch}") };
        let hops = if lines.contains("Max-Forwards") { "" } else { "Max-Forwards: 70\r\n" };
        let length = body.len();
        format!(
            "{method} {uri} {version}\r\nVia: {via}{branch}\r\n{hops}From: {from}\r\nTo: {to}\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{lines}Content-Length: {length}\r\n\r\n{body}"
        )
    }
}

/// A peer's answer to a request of ours. `lines` are more header lines, each ended by CRLF. An empty tag adds none.
pub(crate) fn answer(request: &Message, code: u16, tag: &str, lines: &str) -> String {
    let vias: String = request.values(Name::Via).map(|via| format!("Via: {via}\r\n")).collect();
    let value = |name| request.value(name).unwrap();
    let mut to = value(Name::To).to_string();
    if !tag.is_empty() && !to.contains(";tag=") {
        _ = write!(to, ";tag={tag}");
    }
    format!(
        "SIP/2.0 {code} X\r\n{vias}From: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n{lines}Content-Length: 0\r\n\r\n",
        value(Name::From),
        request.call_id(),
        value(Name::CSeq),
    )
}
