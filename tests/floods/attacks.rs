//! The floods: what the n-th message of each is, and what the endpoint may hold of it.

#![allow(dead_code, reason = "tests and benchmark each use their part")]

use std::cell::OnceCell;
use std::net::SocketAddr;

use sip_proto::message::Name;
use sip_proto::{Flow, Input};

use crate::collisions::{self, Collisions};
use crate::scene::{App, Scene, local, stranger};

/// One kind of flood.
pub(crate) struct Attack {
    pub(crate) what: &'static str,
    pub(crate) app: App,
    /// Bytes that may live for each message while the flood lasts, its own octets aside; 0 where nothing may be kept.
    pub(crate) kept: usize,
    /// How many times fewer messages than others it takes: they are larger.
    pub(crate) fewer: u64,
    pub(crate) input: Box<dyn Fn(&Scene, u64) -> Input>,
}

/// What a request that waits may take beside its octets: slot, context, index, timer, message.
pub(crate) const PENDING: usize = 2_400;
/// The same for one that was answered: its answer is kept for 64·T1, its octets are not.
pub(crate) const ANSWERED: usize = 2_400;

pub(crate) fn datagram(from: SocketAddr, text: String) -> Input {
    // A buffer of its own size: a message keeps the one that it came in.
    let payload = text.into_bytes().into_boxed_slice().into();
    Input::Datagram { flow: Flow::udp(local(), from), payload }
}

/// A request of a stranger's outside dialogs.
pub(crate) fn request(n: u64, method: &str, branch: &str, lines: &str) -> Input {
    let from = stranger(n);
    let text = format!(
        "{method} sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n\
         From: <sip:x@{from}>;tag=f{n}\r\nTo: <sip:bob@192.0.2.4>\r\nCall-ID: flood{n}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:x@{from}>\r\n{lines}Content-Length: 0\r\n\r\n"
    );
    datagram(from, text)
}

/// A request that pretends to belong to a call: `forge` makes it of the peer's own.
fn forged(scene: &Scene, n: u64, method: &str, forge: impl Fn(&str, &str) -> String) -> Input {
    let call = n as usize % scene.calls.len();
    let text = scene.within(call, method, 1_000 + n as u32, "");
    let ok = &scene.calls[call].ok;
    datagram(stranger(n), forge(&text, ok.to().unwrap().tag().unwrap()))
}

/// Bit `n % 128` of a tag guessed wrong, so to speak.
fn guessed(text: &str, tag: &str, n: u64) -> String {
    let at = n as usize % tag.len();
    let (head, tail) = tag.split_at(at);
    let other = if tail.starts_with('a') { 'b' } else { 'a' };
    text.replace(tag, &format!("{head}{other}{}", &tail[1..]))
}

/// All floods; `count` is how many messages the longest is to have.
pub(crate) fn attacks(count: u64) -> Vec<Attack> {
    let attack = |what, app, kept, fewer, input: Box<dyn Fn(&Scene, u64) -> Input>| Attack {
        what,
        app,
        kept,
        fewer,
        input,
    };
    let colliding = |what, find: fn(u64) -> Collisions| {
        // They take a while to find: only when they are asked for.
        let found = OnceCell::new();
        let input =
            move |_: &Scene, n| request(n, "INVITE", &found.get_or_init(|| find(count)).branch(n), "");
        attack(what, App::Ignores, PENDING, 1, Box::new(input))
    };
    let plain = |what, app, kept, method: &'static str| {
        attack(what, app, kept, 1, Box::new(move |_, n| request(n, method, &format!("b{n}"), "")))
    };
    let within = |what, method: &'static str| {
        let input = move |scene: &Scene, n| forged(scene, n, method, |text, tag| guessed(text, tag, n));
        attack(what, App::Ignores, 0, 1, Box::new(input))
    };
    let long = |what, app, kept, fewer, method: &'static str, line: fn() -> String| {
        let text = OnceCell::new();
        let input = move |_: &Scene, n| request(n, method, &format!("b{n}"), text.get_or_init(line));
        attack(what, app, kept, fewer, Box::new(input))
    };
    vec![
        plain("INVITE, left unanswered", App::Ignores, PENDING, "INVITE"),
        plain("INVITE, rejected", App::Rejects, ANSWERED, "INVITE"),
        plain("INVITE, accepted", App::Accepts, 2 * ANSWERED, "INVITE"),
        colliding("INVITE, branches that collide in FxHash", collisions::fx),
        colliding("INVITE, branches that collide in FNV-1a, 32 bits", collisions::fnv),
        colliding("INVITE, branches that collide in h · 31 + c", collisions::times_31),
        plain("OPTIONS", App::Ignores, ANSWERED, "OPTIONS"),
        plain("CANCEL of nothing", App::Ignores, 0, "CANCEL"),
        attack(
            "ACK of nothing",
            App::Ignores,
            0,
            1,
            Box::new(|scene, n| forged(scene, n, "ACK", |text, _| text.replace("Call-ID: ", "Call-ID: no"))),
        ),
        attack(
            "BYE of nothing",
            App::Ignores,
            0,
            1,
            Box::new(|scene, n| forged(scene, n, "BYE", |text, _| text.replace("Call-ID: ", "Call-ID: no"))),
        ),
        attack(
            "200 of nothing",
            App::Ignores,
            0,
            1,
            Box::new(|_, n| {
                let from = stranger(n);
                let text = format!(
                    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK{n}\r\nFrom: <sip:bob@192.0.2.4>;tag=b\r\n\
                 To: <sip:x@{from}>;tag=x\r\nCall-ID: c{n}\r\nCSeq: 1 INVITE\r\nContact: <sip:x@{from}>\r\nContent-Length: 0\r\n\r\n"
                );
                datagram(from, text)
            }),
        ),
        within("ACK of a call, tag guessed", "ACK"),
        within("BYE of a call, tag guessed", "BYE"),
        within("INVITE of a call, tag guessed", "INVITE"),
        attack(
            "CANCEL of a call's INVITE",
            App::Ignores,
            0,
            1,
            Box::new(|scene, n| {
                forged(scene, n, "CANCEL", |text, tag| text.replace(&format!(";tag={tag}"), ""))
            }),
        ),
        long("OPTIONS with a header of 60 KB", App::Ignores, ANSWERED, 50, "OPTIONS", || {
            format!("Subject: {}\r\n", "x".repeat(60_000))
        }),
        long("INVITE with a header of 60 KB", App::Ignores, PENDING + 2_000, 50, "INVITE", || {
            format!("Subject: {}\r\n", "x".repeat(60_000))
        }),
        long("INVITE with 250 headers", App::Ignores, PENDING + 5_000, 20, "INVITE", || {
            "X-Any: y\r\n".repeat(240)
        }),
        long("OPTIONS with 10,000 headers", App::Ignores, 0, 50, "OPTIONS", || "X: y\r\n".repeat(10_000)),
        long("OPTIONS with 10,000 Vias", App::Ignores, 0, 50, "OPTIONS", || {
            "v:SIP/2.0/UDP h\r\n".repeat(10_000)
        }),
        long("OPTIONS with 4,000 Vias in a line", App::Ignores, 64_000, 50, "OPTIONS", || {
            format!("Via: {}SIP/2.0/UDP h\r\n", "SIP/2.0/UDP h,".repeat(4_000))
        }),
        attack(
            "octets of no sense",
            App::Ignores,
            0,
            1,
            Box::new(|_, n| {
                let noise: Vec<u8> = (0..400)
                    .map(|at| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(at) >> 24) as u8)
                    .collect();
                Input::Datagram { flow: Flow::udp(local(), stranger(n)), payload: noise.into() }
            }),
        ),
    ]
}

/// Whether an INVITE of a flood has a Call-ID of its own: floods share none with the calls.
pub(crate) fn call_id_of(scene: &Scene, n: usize) -> &str {
    scene.calls[n].ok.value(Name::CallId).unwrap_or_default()
}
