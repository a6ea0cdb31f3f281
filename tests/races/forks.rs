//! Forked INVITEs: two user agents are called, and the proxy between passes on what they say (RFC 3261 §13.2.2.4, §16.7; RFC 5407 §2).

use sip_proto::Transport;
use sip_proto::context::Reply;
use sip_proto::endpoint::{By, Config, Why};

use crate::proxy::{Manner, Proxy};
use crate::scene::plain;
use crate::support::{millis, secs};
use crate::wire::{CALLER, FIRST, SECOND, Wire, WireRace};

fn keeps(_: usize, config: &mut Config) {
    config.policy.keep_forks = true;
}

fn called(transport: Transport, manner: Manner, config: fn(usize, &mut Config), rings: bool) -> Wire {
    let proxy = Proxy::new(manner, transport, &["bob@192.0.2.4", "carol@192.0.2.5"]);
    let mut wire = Wire::new(transport, 3, Some(proxy), config);
    wire.rings = rings;
    wire.call();
    wire.run_until(|wire| [FIRST, SECOND].iter().all(|who| wire.parties[*who].server.is_some()));
    if rings {
        wire.run_until(|wire| wire.parties[CALLER].dialogs.len() == 2);
        wire.run(secs(1));
    }
    wire
}

fn ringing(transport: Transport) -> Wire {
    called(transport, Manner::Forks, plain, true)
}

/// Why the caller's dialogs ended, in the order in which they began.
fn ends(wire: &Wire) -> Vec<(By, Why)> {
    let caller = &wire.parties[CALLER];
    caller.dialogs.iter().map(|dialog| caller.ends[dialog][0]).collect()
}

/// RFC 3261 §12.1.2, RFC 5407 §2: two 180s are two early dialogs; the CANCEL ends both.
#[test]
fn forked_180s() {
    let race = WireRace {
        name: "fork_180_180",
        begin: |transport| called(transport, Manner::Forks, plain, false),
        acts: [
            ("bob", |wire| wire.progress(FIRST, Reply::new())),
            ("carol", |wire| wire.progress(SECOND, Reply::new())),
        ],
        check: |wire, lost| {
            let all = ends(wire);
            assert!(all.iter().all(|end| *end == (By::Local, Why::Cancelled)), "{all:?}");
            assert!(lost || all.len() == 2);
        },
    };
    race.run();
}

/// RFC 3261 §13.2.2.4: two 200s: the first is the call, the second is acknowledged and ended.
#[test]
fn forked_200s() {
    let race = WireRace {
        name: "fork_200_200",
        begin: ringing,
        acts: [("bob", |wire| wire.accept(FIRST)), ("carol", |wire| wire.accept(SECOND))],
        check: |wire, _| {
            let byes = ends(wire).iter().filter(|end| **end == (By::Local, Why::Bye)).count();
            assert_eq!(byes, 1, "one of them was the call: {:?}", ends(wire));
        },
    };
    race.run();
}

/// RFC 3261 §13.2.2.4: the same where the application keeps all of them: two calls.
#[test]
fn forked_200s_that_are_kept() {
    let race = WireRace {
        name: "fork_200_200_kept",
        begin: |transport| called(transport, Manner::Forks, keeps, true),
        acts: [("bob", |wire| wire.accept(FIRST)), ("carol", |wire| wire.accept(SECOND))],
        check: |wire, _| {
            let all = ends(wire);
            let is_usual =
                |end: &(By, Why)| matches!(end, (By::Local, Why::Bye) | (By::Remote, Why::OtherFork));
            assert!(all.iter().all(is_usual), "{all:?}");
        },
    };
    race.run();
}

/// RFC 3261 §16.7 step 6: one rejects, the other answers: the failure is the proxy's to keep.
#[test]
fn a_fork_rejects_and_another_answers() {
    let race = WireRace {
        name: "fork_486_200",
        begin: ringing,
        acts: [("bob", |wire| wire.reject(FIRST, 486)), ("carol", |wire| wire.accept(SECOND))],
        check: |wire, _| assert!(ends(wire).contains(&(By::Local, Why::Bye)), "{:?}", ends(wire)),
    };
    race.run();
}

/// RFC 3261 §9.1, §15, RFC 5407 §3.1.2: CANCEL × the 200 of one fork, while the other one gives its 487.
#[test]
fn cancel_and_the_200_of_a_fork() {
    let race = WireRace {
        name: "fork_cancel_200",
        begin: ringing,
        acts: [("alice", Wire::cancel), ("carol", |wire| wire.accept(SECOND))],
        check: |wire, _| assert!(wire.calls(CALLER).is_empty()),
    };
    race.run();
}

/// RFC 3261 §16.7 step 5, §17.1.1.2: the proxy has passed the 487 of one fork on when the 200 of the other one comes. The caller has its result
/// then; nobody acknowledges the 200, and its 64·T1 ends what it made. In the other order the 200 is the one that counts: its call is ended.
#[test]
fn a_2xx_after_another_forks_487() {
    let race = WireRace {
        name: "fork_487_200",
        begin: |transport| called(transport, Manner::HastyForks, plain, true),
        acts: [
            ("alice", |wire| {
                wire.cancel()?;
                wire.run(millis(30));
                Ok(())
            }),
            ("carol", |wire| wire.accept(SECOND)),
        ],
        check: |wire, _| assert!(wire.calls(SECOND).is_empty()),
    };
    race.run();
}
