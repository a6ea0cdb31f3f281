//! Tables and queues that are full: strangers are turned away, with 503 and Retry-After where there is room for an answer; calls go on (DESIGN.md
//! §2, §3; RFC 3261 §21.5.4).

use std::time::Duration;

use sip_proto::context::Invite;
use sip_proto::dialog::Modify;
use sip_proto::{Limits, Output, Refused};

use crate::attacks::{PENDING, request};
use crate::scene::{App, Scene, live, peak};

const CALLS: usize = 10;

fn full(app: App, limits: Limits) -> Scene {
    Scene::new(CALLS, app, |config| config.limits = limits)
}

/// What the stranger gets whom there is no room for.
fn turned_away(scene: &mut Scene, n: u64) {
    let sip_proto::Input::Datagram { flow, payload } = request(n, "INVITE", &format!("full{n}"), "") else {
        unreachable!()
    };
    scene.sip.handle_input(scene.now, sip_proto::Input::Datagram { flow, payload });
    let Some(Output::Transmit(answer)) = scene.sip.poll_output() else { panic!("no answer") };
    let message = answer.payload.message().unwrap();
    assert_eq!(message.status().unwrap().code(), 503);
    let after = message.retry_after().unwrap().unwrap();
    assert!(after.after >= Duration::from_secs(1), "{after:?}");
    assert_eq!(answer.flow.remote, flow.remote);
    assert!(scene.sip.poll_output().is_none());
}

/// `Limits::servers`: requests of strangers fill their share of the table; what calls ask for is served all the same.
#[test]
fn a_full_table_of_requests() {
    const SERVERS: usize = 800;
    let mut scene = full(App::Ignores, Limits { servers: SERVERS, ..Limits::DEFAULT });
    for n in 0..3_000 {
        scene.take(request(n, "INVITE", &format!("b{n}"), ""));
    }
    let taken = scene.sip.counts()[0];
    assert!(taken <= SERVERS - SERVERS / 8 && taken >= SERVERS / 2, "{taken}");
    assert_eq!(scene.sip.counters().overloaded, 3_000 - taken as u64);
    let before = live();
    for n in 3_000..4_000 {
        turned_away(&mut scene, n);
    }
    assert_eq!(live(), before, "nothing is held for whom there is no room");
    for n in 0..4 * CALLS {
        scene.exercise(n % CALLS);
    }
    // Calls change, too: ours by re-INVITE, and the peer's come to an end.
    let dialog = scene.calls[0].dialog;
    let now = scene.now;
    scene.sip.dialog(dialog).unwrap().modify(now, Modify::Hold).unwrap();
    assert_eq!(scene.drain().sent, 1);
    assert!(scene.sip.counts()[0] <= 2 * SERVERS);
    // When the strangers have been answered, others are served.
    scene.pass(Duration::from_secs(250));
    let came = scene.take(request(9_999, "INVITE", "later", ""));
    assert_eq!((came.events, came.sent), (1, 0));
}

/// RFC 3261 §9.2: a CANCEL goes with its INVITE. Where the table is full of INVITEs it is answered without state, and the calls have their share all the same.
#[test]
fn cancels_in_a_full_table() {
    const SERVERS: usize = 400;
    let mut scene = full(App::Ignores, Limits { servers: SERVERS, ..Limits::DEFAULT });
    for n in 0..SERVERS as u64 {
        scene.take(request(n, "INVITE", &format!("b{n}"), ""));
    }
    for n in 0..2 * SERVERS as u64 {
        scene.take(request(n, "CANCEL", &format!("b{n}"), ""));
        scene.take(request(n, "CANCEL", &format!("b{n}"), ""));
        assert!(scene.sip.counts()[0] <= SERVERS - SERVERS / 8);
    }
    assert_eq!(scene.sip.counters().overloaded, SERVERS as u64 / 8);
    (0..CALLS).for_each(|n| scene.exercise(n));
    scene.pass(Duration::from_secs(64));
    assert_eq!(scene.sip.counts(), [0, 0, CALLS]);
    scene.end();
}

/// `Limits::dialogs`: an application that accepts everybody has its table filled; calls that are up go on.
#[test]
fn a_full_table_of_dialogs() {
    const DIALOGS: usize = 200;
    let mut scene = full(App::Accepts, Limits { dialogs: DIALOGS, ..Limits::DEFAULT });
    for n in 0..600 {
        scene.take(request(n, "INVITE", &format!("b{n}"), ""));
    }
    assert_eq!(scene.sip.counts()[2], DIALOGS);
    turned_away(&mut scene, 10_000);
    (0..CALLS).for_each(|n| scene.exercise(n));
    // Nobody acknowledges: each gets a BYE, and the room is there again.
    scene.pass(Duration::from_secs(100));
    assert_eq!(scene.sip.counts(), [0, 0, CALLS]);
    scene.end();
}

/// `Limits::clients`: commands beyond it are refused, and calls can still be ended.
#[test]
fn a_full_table_of_requests_of_ours() {
    const CLIENTS: usize = 50;
    let mut scene = full(App::Ignores, Limits { clients: CLIENTS, ..Limits::DEFAULT });
    let now = scene.now;
    for n in 0..3 * CLIENTS {
        let result = scene.sip.invite(now, Invite::to(format!("sip:x@11.0.0.{n}")));
        assert_eq!(result.is_ok(), n < CLIENTS, "{n}");
        assert!(result.is_ok() || result == Err(Refused::Full));
        scene.drain();
    }
    (0..CALLS).for_each(|n| scene.exercise(n));
    let dialog = scene.calls[0].dialog;
    scene.sip.dialog(dialog).unwrap().destroy(now).unwrap();
    assert_eq!(scene.drain().sent, 1, "a BYE is not kept back");
    scene.calls.remove(0);
    scene.pass(Duration::from_secs(100));
    scene.end();
}

/// `Limits::queue`: nobody drains. The queue stays within its bound, strangers are lost and counted, and each call's BYE has its answer.
#[test]
fn a_queue_that_nobody_drains() {
    const QUEUE: usize = 100;
    let mut scene = full(App::Ignores, Limits { queue: QUEUE, ..Limits::DEFAULT });
    let before = live();
    peak();
    for n in 0..5_000 {
        for method in ["INVITE", "OPTIONS", "BYE", "CANCEL", "FOO"] {
            let input = request(n, method, &format!("b{n}"), "");
            scene.sip.handle_input(scene.now, input);
        }
    }
    assert!(scene.sip.counters().queue_full > 20_000);
    let held = peak() - before;
    assert!(held <= 2 * QUEUE * (PENDING + 1_000), "{held} bytes held");
    let came = scene.drain();
    // A CANCEL of what waits is owed its answers: five outputs for each of few.
    assert!(came.sent + came.events <= 2 * QUEUE, "{came:?}");
    (0..CALLS).for_each(|n| scene.exercise(n));
    scene.pass(Duration::from_secs(400));
    scene.end();
}
