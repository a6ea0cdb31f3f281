//! An endpoint with calls in progress, and what is measured of it: bytes that live, outputs, instructions where the benchmark counts them.

#![allow(dead_code, reason = "tests and benchmark each use their part")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use sip_proto::context::Reply;
use sip_proto::endpoint::{By, Why};
use sip_proto::message::Name;
use sip_proto::{
    Bound, Config, DialogEvent, DialogId, Endpoint, Event, Flow, Input, Message, Output, ServerId, Timestamp,
    Transport,
};

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
    static PIECES: Cell<usize> = const { Cell::new(0) };
}

/// Counts the bytes that this thread holds.
pub(crate) struct Counting;

fn note(more: usize, less: usize) {
    LIVE.with(|live| {
        let now = live.get().wrapping_add(more).wrapping_sub(less);
        live.set(now);
        PEAK.with(|peak| peak.set(peak.get().max(now)));
    });
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        PIECES.with(|pieces| pieces.set(pieces.get().wrapping_add(1)));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, layout.size());
        PIECES.with(|pieces| pieces.set(pieces.get().wrapping_sub(1)));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size, layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Bytes that live now.
pub(crate) fn live() -> usize {
    LIVE.with(Cell::get)
}

/// In how many pieces they live: a table that has grown is one piece as before.
pub(crate) fn pieces() -> usize {
    PIECES.with(Cell::get)
}

/// The most that lived since this was last asked.
pub(crate) fn peak() -> usize {
    PEAK.with(|peak| peak.replace(live()))
}

pub(crate) const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 4);
const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

pub(crate) fn local() -> SocketAddr {
    (LOCAL, 5060).into()
}

/// A stranger's address.
pub(crate) fn stranger(n: u64) -> SocketAddr {
    (Ipv4Addr::from(0x0b00_0000 | (n as u32 & 0xff_ffff)), 5060).into()
}

/// What the application does with a request of a stranger's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum App {
    Ignores,
    Rejects,
    Accepts,
}

/// A call that is up.
pub(crate) struct Call {
    pub(crate) ok: Message,
    pub(crate) dialog: DialogId,
    pub(crate) peer: SocketAddr,
    cseq: u32,
}

/// What came out since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) sent: usize,
    pub(crate) octets: usize,
    pub(crate) events: usize,
    pub(crate) closed: usize,
    pub(crate) others: usize,
    /// Answers by their class: 1xx, 2xx, 3xx, 4xx, 5xx, 6xx.
    pub(crate) answers: [usize; 7],
}

pub(crate) struct Scene {
    pub(crate) sip: Endpoint,
    pub(crate) now: Timestamp,
    pub(crate) calls: Vec<Call>,
    pub(crate) app: App,
}

impl Scene {
    /// This many calls, up and at rest.
    pub(crate) fn new(calls: usize, app: App, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new("sip:bob@192.0.2.4").unwrap();
        change(&mut config);
        let mut sip = Endpoint::new(config, [9; 32]);
        for transport in [Transport::Udp, Transport::Tcp] {
            sip.handle_input(
                Timestamp::ZERO,
                Input::Bound(Bound { transport, local: local(), advertised: None }),
            );
        }
        let mut scene = Self { sip, now: Timestamp::ZERO, calls: Vec::new(), app };
        for n in 0..calls {
            scene.establish(n);
        }
        scene.pass(Duration::from_secs(60));
        scene
    }

    fn establish(&mut self, n: usize) {
        let peer = SocketAddr::from((Ipv4Addr::from(0x0a00_0001 + n as u32), 5060));
        let invite = format!(
            "INVITE sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP {peer};branch=z9hG4bKcall{n}\r\nMax-Forwards: 70\r\n\
             From: <sip:peer{n}@{peer}>;tag=peer{n}\r\nTo: <sip:bob@192.0.2.4>\r\nCall-ID: call{n}\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:peer{n}@{peer}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
            SDP.len()
        );
        self.hear(peer, invite);
        let Some(Output::Event(Event::Incoming { server, .. })) = self.sip.poll_output() else { panic!() };
        let accepted =
            self.sip.server(server).unwrap().accept(self.now, Reply::new().sdp(SDP)).unwrap().dialog();
        let Some(Output::Transmit(transmit)) = self.sip.poll_output() else { panic!() };
        let ok = transmit.payload.message().unwrap().clone();
        self.calls.push(Call { ok, dialog: accepted.unwrap(), peer, cseq: 1 });
        let ack = self.within(n, "ACK", 1, "");
        self.hear(peer, ack);
        while self.sip.poll_output().is_some() {}
    }

    /// A request of the peer's within a call.
    pub(crate) fn within(&self, n: usize, method: &str, cseq: u32, lines: &str) -> String {
        let Call { ok, peer, .. } = &self.calls[n];
        let value = |name| ok.value(name).unwrap();
        format!(
            "{method} sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP {peer};branch=z9hG4bK{method}{cseq}in{n}\r\nMax-Forwards: 70\r\n\
             From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n{lines}Content-Length: 0\r\n\r\n",
            value(Name::From),
            value(Name::To),
            ok.call_id(),
        )
    }

    pub(crate) fn hear(&mut self, from: SocketAddr, text: String) {
        let input = Input::Datagram { flow: Flow::udp(local(), from), payload: text.into() };
        self.sip.handle_input(self.now, input);
    }

    /// Takes an input in, has the application do what it does, and counts what comes out.
    pub(crate) fn take(&mut self, input: Input) -> Came {
        self.sip.handle_input(self.now, input);
        self.drain()
    }

    pub(crate) fn drain(&mut self) -> Came {
        let mut came = Came::default();
        while let Some(output) = self.sip.poll_output() {
            match output {
                Output::Transmit(transmit) => {
                    came.sent += 1;
                    came.octets += transmit.payload.len();
                    let status = transmit.payload.message().and_then(|message| message.status());
                    if let Some(status) = status {
                        came.answers[usize::from(status.code() / 100)] += 1;
                    }
                }
                Output::Event(Event::Incoming { server, .. }) => {
                    came.events += 1;
                    self.answer(server);
                }
                Output::Event(_) => came.events += 1,
                Output::Close { .. } => came.closed += 1,
                _ => came.others += 1,
            }
        }
        came
    }

    fn answer(&mut self, server: ServerId) {
        let now = self.now;
        let mut server = self.sip.server(server).unwrap();
        match self.app {
            App::Ignores => {}
            App::Rejects => _ = server.reject(now, Reply::code(486)).map(|_| ()),
            App::Accepts => _ = server.accept(now, Reply::new().sdp(SDP)).map(|_| ()),
        }
    }

    /// Lets time pass, firing every timer when it is due.
    pub(crate) fn pass(&mut self, length: Duration) -> Came {
        let end = self.now + length;
        let mut all = self.drain();
        while let Some(at) = self.sip.poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.sip.handle_timeout(at);
            all.add(self.drain());
        }
        self.now = end;
        all
    }

    /// The peer of a call sends INFO and has his one 200.
    pub(crate) fn exercise(&mut self, n: usize) {
        self.calls[n].cseq += 1;
        let (peer, cseq) = (self.calls[n].peer, self.calls[n].cseq);
        let info = self.within(n, "INFO", cseq, "");
        self.hear(peer, info);
        let is_answer = |output: &Output| match output {
            Output::Transmit(transmit) => {
                let answer = transmit.payload.message().unwrap();
                transmit.flow.remote == peer
                    && answer.status().unwrap().code() == 200
                    && answer.cseq() == cseq
            }
            _ => false,
        };
        let outputs: Vec<_> = std::iter::from_fn(|| self.sip.poll_output()).collect();
        assert_eq!(outputs.iter().filter(|output| is_answer(output)).count(), 1, "{outputs:?}");
        let told = |output: &Output| {
            matches!(output, Output::Event(Event::Dialog { event: DialogEvent::Info(_), .. }))
        };
        assert_eq!(outputs.iter().filter(|output| told(output)).count(), 1, "{outputs:?}");
        assert_eq!(outputs.len(), 2, "{outputs:?}");
    }

    /// The peer of every call hangs up: his 200, one `Destroy`; and all ends.
    pub(crate) fn end(mut self) {
        for n in 0..self.calls.len() {
            self.calls[n].cseq += 1;
            let (peer, cseq, dialog) = (self.calls[n].peer, self.calls[n].cseq, self.calls[n].dialog);
            let bye = self.within(n, "BYE", cseq, "");
            self.hear(peer, bye);
            let outputs: Vec<_> = std::iter::from_fn(|| self.sip.poll_output()).collect();
            let [Output::Transmit(answer), Output::Event(Event::Dialog { dialog: ended, event })] =
                &outputs[..]
            else {
                panic!("{outputs:?}")
            };
            assert_eq!(answer.payload.message().unwrap().status().unwrap().code(), 200);
            assert!(
                *ended == dialog
                    && matches!(event, DialogEvent::Destroy { by: By::Remote, why: Why::Bye, .. })
            );
        }
        self.pass(Duration::from_secs(400));
        assert!(self.sip.is_empty(), "{:?}", self.sip);
    }
}

impl Came {
    pub(crate) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.octets += other.octets;
        self.events += other.events;
        self.closed += other.closed;
        self.others += other.others;
        for (sum, more) in self.answers.iter_mut().zip(other.answers) {
            *sum += more;
        }
    }
}
