//! Streams whose peers dribble, never finish, or open and leave: what a connection may hold is bounded by `Limits`, and a small message that is
//! kept does not keep a large one with it (RFC 3261 §18.3).

use std::net::SocketAddr;
use std::time::Duration;

use sip_proto::{Flow, Input, Limits, Transport};

use crate::scene::{App, Scene, live, local, peak, pieces, stranger};

const CALLS: usize = 5;
const LIMITS: Limits = Limits { head: 4_000, body: 8_000, flows: 200, ..Limits::DEFAULT };
/// What a connection takes beside its octets: its places in two tables.
const PER_FLOW: usize = 600;
/// What an answer to a call takes for 64·T1.
const PER_ANSWER: usize = 2_000;

fn flow(n: u64) -> Flow {
    let SocketAddr::V4(remote) = stranger(n) else { unreachable!() };
    Flow { transport: Transport::Tcp, local: local(), remote: remote.into(), conn: n as u32 }
}

fn scene() -> Scene {
    Scene::new(CALLS, App::Ignores, |config| config.limits = LIMITS)
}

fn exercise(scene: &mut Scene) {
    (0..CALLS).for_each(|n| scene.exercise(n));
}

/// Every flow is given one piece after the other, until nothing more is in store; what is held for each of them at most.
fn dribble(scene: &mut Scene, flows: u64, pieces: impl Fn(u64) -> Vec<String>) -> usize {
    let before = live();
    peak();
    let stores: Vec<Vec<String>> = (0..flows).map(pieces).collect();
    let stored = live();
    peak();
    let mut exercises = 1;
    let longest = stores.iter().map(Vec::len).max().unwrap_or_default();
    for at in 0..longest {
        for (n, store) in (0..).zip(&stores) {
            if let Some(piece) = store.get(at) {
                scene.take(Input::Stream { flow: flow(n), payload: piece.clone().into() });
            }
        }
        if at % 1_000 == 0 {
            exercise(scene);
            exercises += 1;
        }
    }
    exercise(scene);
    let most = peak().saturating_sub(stored + exercises * CALLS * PER_ANSWER) / flows as usize;
    drop(stores);
    assert!(live() >= before);
    most
}

/// One octet at a time, and the head never ends.
#[test]
fn heads_that_never_end() {
    let mut scene = scene();
    let most = dribble(&mut scene, 20, |n| {
        let endless =
            format!("INVITE sip:bob@192.0.2.4 SIP/2.0\r\nX-Slow{n}: {}", "x".repeat(LIMITS.head - 50));
        endless.chars().map(String::from).collect()
    });
    assert!(most <= 2 * LIMITS.head + PER_FLOW, "{most} bytes held for a connection");
    assert_eq!(scene.sip.counters().streams_lost, 0);
    // One more octet than the limit each, and they are closed; nothing of them is left but the room in tables.
    let came =
        (0..20).map(|n| scene.take(Input::Stream { flow: flow(n), payload: "x".repeat(100).into() }).closed);
    assert_eq!(came.sum::<usize>(), 20);
    scene.end();
}

/// A body that is announced and never comes whole.
#[test]
fn bodies_that_never_end() {
    let mut scene = scene();
    let most = dribble(&mut scene, 20, |n| {
        let head = format!(
            "MESSAGE sip:bob@192.0.2.4 SIP/2.0\r\nX-Slow: {n}\r\nContent-Length: {}\r\n\r\n",
            LIMITS.body
        );
        let body = "x".repeat(LIMITS.body - 1);
        head.chars()
            .map(String::from)
            .chain(body.as_bytes().chunks(7).map(|piece| String::from_utf8_lossy(piece).into()))
            .collect()
    });
    assert!(most <= 2 * (LIMITS.head + LIMITS.body) + PER_FLOW, "{most} bytes held for a connection");
    scene.end();
}

/// A length is a promise of the peer's: nothing is set aside for it.
#[test]
fn a_length_takes_no_room() {
    let mut scene = Scene::new(CALLS, App::Ignores, |_| {});
    let most = dribble(&mut scene, 50, |_| {
        [format!("MESSAGE sip:bob@192.0.2.4 SIP/2.0\r\nContent-Length: {}\r\n\r\n", Limits::DEFAULT.body)]
            .into()
    });
    assert!(most <= 400 + PER_FLOW, "{most} bytes held for a connection");
    scene.end();
}

/// Line ends without number are keep-alives, and are not kept.
#[test]
fn line_ends_are_not_kept() {
    let mut scene = scene();
    let most = dribble(&mut scene, 10, |_| (0..3_000).map(|_| "\r\n\r".into()).collect());
    assert!(most <= 200 + PER_FLOW, "{most} bytes held for a connection");
    scene.end();
}

/// `Limits::flows`: connections beyond it are closed at once, and nothing is held for them.
#[test]
fn connections_beyond_the_limit_are_closed() {
    let mut scene = scene();
    let open = |n| Input::Stream { flow: flow(n), payload: "\r\n".into() };
    for n in 0..LIMITS.flows as u64 {
        assert_eq!(scene.take(open(n)).closed, 0);
    }
    let before = pieces();
    for n in 0..1_000 {
        assert_eq!(scene.take(open(10_000 + n)).closed, 1);
        if n % 100 == 0 {
            exercise(&mut scene);
        }
    }
    scene.pass(Duration::from_secs(64));
    assert!(pieces() <= before + 2, "the calls' own tables");
    assert_eq!(scene.sip.counters().streams_lost, 1_000);
    scene.end();
}

/// Peers that come and go leave nothing.
#[test]
fn connections_that_are_closed_leave_nothing() {
    let mut scene = scene();
    let mut visit = |n: u64| {
        scene.take(Input::Stream {
            flow: flow(n),
            payload: "INVITE sip:bob@192.0.2.4 SIP/2.0\r\nTo: ".into(),
        });
        scene.take(Input::Closed { flow: flow(n) });
    };
    (0..100).for_each(&mut visit);
    let before = live();
    (100..3_000).for_each(&mut visit);
    assert_eq!(live(), before);
    scene.end();
}

fn request(n: u64, method: &str, body: usize) -> String {
    let from = stranger(n);
    format!(
        "{method} sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/TCP {from};branch=z9hG4bK{method}{n}\r\nMax-Forwards: 70\r\n\
         From: <sip:x@{from}>;tag=f{n}\r\nTo: <sip:bob@192.0.2.4>\r\nCall-ID: {method}{n}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:x@{from}>\r\nContent-Type: text/plain\r\nContent-Length: {body}\r\n\r\n{}",
        "x".repeat(body)
    )
}

/// DESIGN.md §4: what is kept long pins nothing that is large. An INVITE that waits was part of a stream with a large message before, behind or around it.
#[test]
fn a_small_message_does_not_keep_a_large_one() {
    const BODY: usize = 200_000;
    const COUNT: u64 = 20;
    for (what, pieces) in [
        ("before it", &["OPTIONS", "INVITE"][..]),
        ("behind it", &["INVITE", "OPTIONS"]),
        ("around it", &["OPTIONS", "INVITE", "OPTIONS"]),
    ] {
        for chunk in [usize::MAX, 50_000, 1_400] {
            let mut scene = Scene::new(CALLS, App::Ignores, |_| {});
            let before = live();
            for n in 0..COUNT {
                let texts = pieces.iter().enumerate().map(|(at, method)| {
                    request(n * 10 + at as u64, method, if *method == "INVITE" { 0 } else { BODY })
                });
                let stream = texts.collect::<String>();
                let octets = stream.as_bytes();
                for piece in octets.chunks(chunk.min(octets.len())) {
                    scene
                        .take(Input::Stream { flow: flow(n), payload: bytes::Bytes::copy_from_slice(piece) });
                }
            }
            // The large ones have had their answers, and their transactions on streams are over.
            scene.pass(Duration::from_secs(1));
            assert_eq!(scene.sip.counts()[0], COUNT as usize, "{what}");
            let each = (live() - before) / COUNT as usize;
            assert!(each <= 6_000, "{what}, in pieces of {chunk}: {each} bytes for an INVITE that waits");
            scene.end();
        }
    }
}
