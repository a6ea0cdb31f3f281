//! Calls that come in at one endpoint that lives on, at a pace that lets as many transactions linger as is asked for.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_proto::context::Reply;
use sip_proto::endpoint::Payload;
use sip_proto::message::{Message, Name};
use sip_proto::{Bound, Config, Endpoint, Event, Flow, Input, Output, Timestamp, Transport};

const INVITE: &str = include_str!("../../tests/messages/invite.sip");
pub(crate) const ANSWER: &[u8] = b"v=0\r\n";
/// Both transactions of a call linger this long (Timer L, Timer J).
const LINGER: Duration = Duration::from_secs(32);
const TRANSACTIONS: u32 = 2;
/// So many calls make one sample; the table has the eighth part of the samples that took least: a neighbour disturbs the others.
const SAMPLE: u32 = 256;
const SAMPLES: usize = 64;
/// So many calls are counted under Valgrind.
const COUNTED: u32 = 2_000;

/// An endpoint, its clock, and the next call.
pub(crate) struct Scene {
    pub(crate) sip: Endpoint,
    pub(crate) now: Timestamp,
    /// Virtual time between calls.
    pub(crate) step: Duration,
    parts: [String; 4],
    calls: u64,
}

/// A call that was answered: its 200.
pub(crate) type Answered = Arc<Message>;

impl Scene {
    /// At this pace so many transactions linger.
    pub(crate) fn lingering(transactions: usize) -> Self {
        let step = LINGER * TRANSACTIONS / u32::try_from(transactions).expect("a count");
        Self::new(Config::new("sip:bob@192.0.2.4").expect("an identity"), step)
    }

    pub(crate) fn new(config: Config, step: Duration) -> Self {
        let mut sip = Endpoint::new(config, [3; 32]);
        let bound = Bound { transport: Transport::Udp, local: bob(), advertised: None };
        sip.handle_input(Timestamp::ZERO, Input::Bound(bound));
        let text = INVITE.replace('\n', "\r\n");
        let (start, rest) = text.split_once("z9hG4bK721e4.1").expect("the branch");
        let (to_tag, rest) = rest.split_once("9fxced76sl").expect("the tag");
        let (to_id, rest) = rest.split_once("2xTb9vxSit55XU7p8").expect("the Call-ID");
        let parts = [start, to_tag, to_id, rest].map(String::from);
        Self { sip, now: Timestamp::from_secs(1), step, parts, calls: 0 }
    }

    /// The INVITE of the next call: branch, tag and Call-ID are its own.
    pub(crate) fn invite(&mut self) -> Bytes {
        self.calls += 1;
        let ([start, to_tag, to_id, rest], n) = (&self.parts, self.calls);
        Bytes::from(format!("{start}z9hG4bK{n:08}i{to_tag}9fx{n:08}{to_id}2xTb9vxSi{n:08}{rest}"))
    }

    /// Time passes; what has fallen due is done.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        timeout(&mut self.sip, self.now);
    }

    /// A whole call; how long it took the endpoint.
    pub(crate) fn call(&mut self, invite: Bytes) -> Duration {
        self.now = self.now + self.step;
        let begun = Instant::now();
        let ok = answer(&mut self.sip, self.now, invite);
        let took = begun.elapsed();
        let (ack, bye) = (within(&ok, "ACK", ok.cseq()), within(&ok, "BYE", ok.cseq() + 1));
        drop(ok);
        let begun = Instant::now();
        end(&mut self.sip, self.now, ack, bye);
        took + begun.elapsed()
    }

    /// A call that stays up.
    pub(crate) fn dialog(&mut self) {
        self.wait(self.step);
        let invite = self.invite();
        let ok = answer(&mut self.sip, self.now, invite);
        let ack = within(&ok, "ACK", ok.cseq());
        self.sip.handle_input(self.now, datagram(ack));
        drain(&mut self.sip);
    }

    pub(crate) fn warm_up(&mut self, calls: usize) {
        for _ in 0..calls {
            let invite = self.invite();
            self.call(invite);
        }
    }

    fn sample(&mut self) -> f64 {
        let invites: Vec<Bytes> = (0..SAMPLE).map(|_| self.invite()).collect();
        let took: Duration = invites.into_iter().map(|invite| self.call(invite)).sum();
        took.as_nanos() as f64 / f64::from(SAMPLE)
    }

    fn quiet(&mut self) -> f64 {
        let mut samples: Vec<f64> = (0..SAMPLES).map(|_| self.sample()).collect();
        samples.sort_by(f64::total_cmp);
        samples[SAMPLES / 8]
    }
}

/// The row of so many transactions that linger.
pub(crate) fn lingering(transactions: usize) {
    let mut scene = Scene::lingering(transactions);
    scene.warm_up(transactions * 11 / 20 + 200);
    let [servers, ..] = scene.sip.counts();
    println!("{transactions:>9}  {:>8.0} ns  ({servers} transactions)", scene.quiet());
}

/// The row of so many dialogs that are up.
pub(crate) fn dialogs(dialogs: usize) {
    let mut scene = with_dialogs(dialogs);
    println!("{dialogs:>9}  {:>8.0} ns  ({} dialogs)", scene.quiet(), scene.sip.counts()[2]);
}

/// So many dialogs, and calls beside them at the pace of a thousand transactions.
fn with_dialogs(dialogs: usize) -> Scene {
    let mut scene = Scene::lingering(1_000);
    let step = std::mem::replace(&mut scene.step, Duration::from_millis(1));
    (0..dialogs).for_each(|_| scene.dialog());
    scene.wait(Duration::from_secs(60));
    scene.step = step;
    scene.warm_up(1_000);
    scene
}

/// Some calls, for Valgrind to count: see `benches/instructions.sh`.
pub(crate) fn instructions(table: &str, size: usize) {
    let mut scene = match table {
        "lingering" => Scene::lingering(size),
        "dialogs" => with_dialogs(size),
        other => panic!("{other} is no table"),
    };
    if table == "lingering" {
        scene.warm_up(size * 11 / 20 + 200);
    }
    start_instrumentation();
    scene.warm_up(COUNTED as usize);
    println!("calls: {COUNTED}");
}

/// Valgrind's client request `CALLGRIND_START_INSTRUMENTATION`; nothing where Valgrind does not run.
fn start_instrumentation() {
    #[cfg(target_arch = "x86_64")]
    {
        const START: u64 = (b'C' as u64) << 24 | (b'T' as u64) << 16 | 4;
        let request: [u64; 6] = [START, 0, 0, 0, 0, 0];
        // SAFETY: outside Valgrind these instructions change nothing; within it, they read `request`.
        unsafe {
            std::arch::asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") request.as_ptr(),
                inout("rdx") 0_u64 => _,
                inout("rdi") 0_u64 => _,
            );
        }
    }
}

pub(crate) fn bob() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 4], 5060))
}

pub(crate) fn datagram(payload: Bytes) -> Input {
    Input::Datagram { flow: Flow::udp(bob(), SocketAddr::from(([192, 0, 2, 1], 5060))), payload }
}

/// INVITE in; 100, 180 and 200 out. What has fallen due before is done first. Yields the 200.
#[inline(never)]
pub(crate) fn answer(sip: &mut Endpoint, now: Timestamp, invite: Bytes) -> Answered {
    timeout(sip, now);
    sip.handle_input(now, datagram(invite));
    let mut ok = None;
    while let Some(output) = sip.poll_output() {
        match output {
            Output::Event(Event::Incoming { server, .. }) => {
                let mut server = sip.server(server).expect("it waits");
                server.reply(now, Reply::code(100)).expect("100");
                server.progress(now, Reply::new()).expect("180");
                server.accept(now, Reply::new().sdp(Bytes::from_static(ANSWER))).expect("200");
            }
            Output::Transmit(transmit) => match transmit.payload {
                Payload::Message(message) => ok = Some(message),
                other => drop(black_box(other)),
            },
            other => drop(black_box(other)),
        }
    }
    ok.expect("an answer")
}

/// ACK in; BYE in, 200 out.
#[inline(never)]
pub(crate) fn end(sip: &mut Endpoint, now: Timestamp, ack: Bytes, bye: Bytes) {
    for payload in [ack, bye] {
        sip.handle_input(now, datagram(payload));
        drain(sip);
    }
}

fn timeout(sip: &mut Endpoint, now: Timestamp) {
    if sip.poll_timeout().is_some_and(|at| at <= now) {
        sip.handle_timeout(now);
        drain(sip);
    }
}

pub(crate) fn drain(sip: &mut Endpoint) {
    while let Some(output) = sip.poll_output() {
        black_box(output);
    }
}

/// A request of the caller's within the dialog that `ok` made.
pub(crate) fn within(ok: &Message, method: &str, cseq: u32) -> Bytes {
    let id = ok.call_id();
    Bytes::from(format!(
        "{method} sip:bob@192.0.2.4:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP ss2.biloxi.example.com:5060;branch=z9hG4bK{method}{}\r\n\
         Via: SIP/2.0/UDP client.atlanta.example.com:5060;branch=z9hG4bK74{method};received=192.0.2.101\r\n\
         Max-Forwards: 69\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
        id.split_once('@').map_or(id, |(id, _)| id),
        ok.value(Name::From).expect("From"),
        ok.value(Name::To).expect("To"),
    ))
}
