//! What parsing, reading, building and a whole call cost, each beside `httparse` on the same head in the same run.
//!
//! `cargo bench`. The yardstick is `httparse::parse_headers` on the header lines of the same message: the ratio to it carries over from machine to
//! machine, a time does not.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use sip_proto::context::Reply;
use sip_proto::message::{Message, Name};
use sip_proto::{Bound, Config, Endpoint, Event, Flow, Input, Output, StatusCode, Timestamp, Transport};

const MESSAGES: [(&str, &str); 4] = [
    ("options", include_str!("../tests/messages/options.sip")),
    ("invite", include_str!("../tests/messages/invite.sip")),
    ("ok", include_str!("../tests/messages/ok.sip")),
    ("register", include_str!("../tests/messages/register.sip")),
];

fn wire(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

/// The six fields that routing and matching read, by their typed accessors: each says what its header's full view would.
fn six_fields(message: &Message) -> (usize, u32) {
    let branch = message.branch().unwrap_or_default();
    let (from, to) = (message.from_tag().unwrap_or_default(), message.to_tag().unwrap_or_default());
    let uri = message.contact_uri().and_then(sip_proto::message::Uri::sip);
    let user = uri.and_then(|uri| uri.user).unwrap_or_default();
    (branch.len() + from.len() + to.len() + message.call_id().len() + user.len(), message.cseq())
}

fn messages(c: &mut Criterion) {
    for (name, text) in MESSAGES {
        // Static octets: a clone of them costs nothing, so that only parsing is measured.
        let bytes = Bytes::from_static(wire(text).leak());
        let headers_at = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let mut group = c.benchmark_group(name);
        group.bench_function("0 httparse", |b| {
            b.iter(|| {
                let mut headers = [httparse::EMPTY_HEADER; 64];
                let parsed = httparse::parse_headers(black_box(&bytes[headers_at..]), &mut headers);
                black_box(parsed.is_ok())
            });
        });
        group.bench_function("1 parse", |b| {
            b.iter(|| black_box(Message::parse(black_box(&bytes).clone()).is_ok()));
        });
        group.bench_function("2 parse and six fields", |b| {
            b.iter(|| {
                let parsed = Message::parse(black_box(&bytes).clone());
                black_box(parsed.as_ref().ok().map(six_fields))
            });
        });
        let request = Message::parse(bytes.clone()).unwrap();
        if request.is_request() {
            group.bench_function("3 build a 200", |b| {
                b.iter(|| {
                    let mut answer = black_box(&request).answer(StatusCode::OK, "OK", "8321234356");
                    black_box(&answer.header(Name::Contact, "<sip:bob@192.0.2.4>").finish()).is_ok()
                });
            });
        }
        group.finish();
    }
}

fn uas_call(c: &mut Criterion) {
    let invite = wire(MESSAGES[1].1);
    let headers_at = invite.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut group = c.benchmark_group("call");
    group.bench_function("0 httparse", |b| {
        b.iter(|| {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let parsed = httparse::parse_headers(black_box(&invite[headers_at..]), &mut headers);
            black_box(parsed.is_ok())
        });
    });
    group.bench_function("1 answered by a UAS", |b| {
        let mut uas = Uas::new();
        b.iter_custom(|calls| (0..calls).map(|_| uas.timed_call()).sum());
    });
    group.finish();
}

/// An endpoint that serves a call each 64 ms: the two transactions of each linger for 32 s, a thousand at a time. The octets of
/// a call are made before it is timed, and what is due by then is done.
struct Uas {
    calls: u64,
    sip: Endpoint,
    /// Hears the same first: same seed, same To tag, which ACK and BYE have to carry.
    rehearsal: Endpoint,
}

struct Call {
    at: Timestamp,
    invite: Bytes,
    ack: Bytes,
    bye: Bytes,
}

impl Uas {
    fn new() -> Self {
        let mut sip: Endpoint = Endpoint::new(Config::new("sip:bob@192.0.2.4").unwrap(), [3; 32]);
        let bound = Bound { transport: Transport::Udp, local: BOB.parse().unwrap(), advertised: None };
        sip.handle_input(Timestamp::ZERO, Input::Bound(bound));
        Self { calls: 0, rehearsal: sip.clone(), sip }
    }

    fn timed_call(&mut self) -> Duration {
        self.calls += 1;
        let at = Timestamp::from_millis(64 * self.calls);
        for sip in [&mut self.rehearsal, &mut self.sip] {
            while sip.poll_timeout().is_some_and(|due| due <= at) {
                sip.handle_timeout(at);
                while sip.poll_output().is_some() {}
            }
        }
        let call = self.rehearsed(at);
        let begun = Instant::now();
        answer_call(&mut self.sip, call);
        begun.elapsed()
    }

    /// The next call's INVITE, ACK and BYE.
    fn rehearsed(&mut self, at: Timestamp) -> Call {
        let (call_id, branch) = (format!("Call-ID: {}", self.calls), format!("z9hG4bK{}", self.calls));
        let text = MESSAGES[1].1.replace("Call-ID: ", &call_id).replace("z9hG4bK", &branch);
        let invite = Bytes::from_owner(wire(&text));
        let ok = serve(&mut self.rehearsal, at, invite.clone()).unwrap();
        let within = |method: &str, cseq: u32| {
            let text = format!(
                "{method} sip:bob@192.0.2.4:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch={branch}{method}\r\nMax-Forwards: 70\r\n\
                 From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
                ok.value(Name::From).unwrap(),
                ok.value(Name::To).unwrap(),
                ok.call_id(),
            );
            Bytes::from_owner(text.into_bytes())
        };
        let (ack, bye) = (within("ACK", ok.cseq()), within("BYE", ok.cseq() + 1));
        let call = Call { at, invite, ack, bye };
        hear(&mut self.rehearsal, at, [call.ack.clone(), call.bye.clone()]);
        call
    }
}

const BOB: &str = "192.0.2.4:5060";

fn datagram(payload: Bytes) -> Input {
    let bob = std::net::SocketAddr::from(([192, 0, 2, 4], 5060));
    let alice = std::net::SocketAddr::from(([192, 0, 2, 1], 5060));
    Input::Datagram { flow: Flow::udp(bob, alice), payload }
}

/// INVITE in; 100, 180 and 200 out. Yields the 200.
fn serve(sip: &mut Endpoint, at: Timestamp, invite: Bytes) -> Option<std::sync::Arc<Message>> {
    sip.handle_input(at, datagram(invite));
    let mut ok = None;
    while let Some(output) = sip.poll_output() {
        match output {
            Output::Event(Event::Incoming { server, .. }) => {
                let mut server = sip.server(server).ok()?;
                server.reply(at, Reply::code(100)).ok()?;
                server.progress(at, Reply::new()).ok()?;
                server.accept(at, Reply::new().sdp(Bytes::from_static(b"v=0\r\n"))).ok()?;
            }
            Output::Transmit(transmit) => match transmit.payload {
                sip_proto::endpoint::Payload::Message(message) => ok = Some(message),
                other => drop(black_box(other)),
            },
            other => drop(black_box(other)),
        }
    }
    ok
}

/// The whole call: INVITE, 100, 180, 200, ACK, BYE, 200.
fn answer_call(sip: &mut Endpoint, call: Call) {
    let Call { at, invite, ack, bye } = call;
    black_box(serve(sip, at, invite));
    hear(sip, at, [ack, bye]);
    assert_eq!(sip.counts()[2], 0);
}

/// Datagrams in, whatever comes out.
fn hear(sip: &mut Endpoint, at: Timestamp, payloads: [Bytes; 2]) {
    for payload in payloads {
        sip.handle_input(at, datagram(payload));
        while let Some(output) = sip.poll_output() {
            black_box(output);
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(60).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = messages, uas_call
}
criterion_main!(benches);
