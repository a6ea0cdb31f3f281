//! What ends a call, and what crosses it (RFC 5407 §3.1.1, §3.1.2, §3.1.6, §3.2; RFC 3261 §9, §15).

use sip_proto::Method;
use sip_proto::dialog::{InDialog, Modify};

use crate::scene::{ALICE, BOB, Race, Scene, Start, flow, plain};
use crate::support::{millis, secs};

/// RFC 5407 §3.1.2, RFC 3261 §9.1: CANCEL × 200.
#[test]
fn cancel_and_200() {
    let race = Race {
        name: "cancel_200",
        start: Start::Ringing,
        config: plain,
        alice: Scene::cancel,
        bob: Scene::accept,
    };
    race.run();
}

/// RFC 3261 §9, §15: the same by `destroy` of the early dialog.
#[test]
fn destroy_while_early_and_200() {
    let race = Race {
        name: "destroy_early_200",
        start: Start::Ringing,
        config: plain,
        alice: |scene| scene.destroy(ALICE),
        bob: Scene::accept,
    };
    race.run();
}

/// RFC 3261 §9.2: both give an early dialog up.
#[test]
fn cancel_and_rejection() {
    let race = Race {
        name: "cancel_rejection",
        start: Start::Ringing,
        config: plain,
        alice: Scene::cancel,
        bob: |scene| scene.destroy(BOB),
    };
    race.run();
}

/// RFC 5407 §3.2.1: BYE × BYE.
#[test]
fn bye_and_bye() {
    let race = Race {
        name: "bye_bye",
        start: Start::Up,
        config: plain,
        alice: |scene| scene.destroy(ALICE),
        bob: |scene| scene.destroy(BOB),
    };
    race.run();
}

/// RFC 5407 §3.2.2: BYE × re-INVITE.
#[test]
fn bye_and_reinvite() {
    let race = Race {
        name: "bye_reinvite",
        start: Start::Up,
        config: plain,
        alice: |scene| scene.destroy(ALICE),
        bob: |scene| scene.modify(BOB, Modify::Hold),
    };
    race.run();
}

/// RFC 5407 §3.2.2, RFC 3311 §5.2: BYE × UPDATE.
#[test]
fn bye_and_update() {
    let race = Race {
        name: "bye_update",
        start: Start::Up,
        config: |_, config| config.policy.modify_by_update = true,
        alice: |scene| scene.destroy(ALICE),
        bob: |scene| scene.modify(BOB, Modify::Hold),
    };
    race.run();
}

/// RFC 5407 §3.2.3: Alice hangs up while her own re-INVITE is under way; its 200 is acknowledged all the same.
#[test]
fn bye_during_a_reinvite_of_ones_own() {
    let race = Race {
        name: "own_reinvite_bye",
        start: Start::Up,
        config: plain,
        alice: |scene| scene.modify(ALICE, Modify::Hold),
        bob: |scene| scene.destroy(ALICE),
    };
    race.run();
}

/// RFC 5407 §3.3.3: REFER × BYE.
#[test]
fn refer_and_bye() {
    let race = Race {
        name: "refer_bye",
        start: Start::Up,
        config: plain,
        alice: |scene| {
            let refer = InDialog::new(Method::Refer).header("Refer-To", "<sip:carol@192.0.2.9>");
            scene.request(ALICE, refer)
        },
        bob: |scene| scene.destroy(BOB),
    };
    race.run();
}

/// RFC 3261 §15, DESIGN.md §5: a BYE while changes wait for their turn: each has its one result.
#[test]
fn destroy_while_a_modify_is_queued() {
    let race = Race {
        name: "destroy_queued",
        start: Start::Up,
        config: plain,
        alice: |scene| {
            scene.modify(ALICE, Modify::Hold)?;
            scene.move_media(ALICE)?;
            scene.modify(ALICE, Modify::Offerless)?;
            scene.destroy(ALICE)
        },
        bob: |scene| scene.move_media(BOB),
    };
    race.run();
}

/// DESIGN.md §5: a second `destroy` is harmless, on whichever side.
#[test]
fn destroy_twice() {
    let race = Race {
        name: "destroy_twice",
        start: Start::Up,
        config: plain,
        alice: |scene| scene.destroy(ALICE).and_then(|()| scene.destroy(ALICE)),
        bob: |scene| scene.destroy(BOB).and_then(|()| scene.destroy(BOB)),
    };
    race.run();
}

/// RFC 3261 §15.1.2: what was held back is answered 487 when its dialog ends.
#[test]
fn destroy_with_requests_held_back() {
    let begin = |transport| {
        let mut scene = Scene::begin(Start::Up, transport, plain);
        scene.hold_back(BOB, true).unwrap();
        scene
    };
    for (name, who) in [("destroy_held_alice", ALICE), ("destroy_held_bob", BOB)] {
        flow(name, begin, |scene| {
            scene.modify(ALICE, Modify::Hold).unwrap();
            scene.request(ALICE, InDialog::new(Method::Info).body("text/plain", "x")).unwrap();
            scene.run(secs(1));
            scene.destroy(who).unwrap();
        });
    }
}

/// The model's `queueRequests`: what was held back is answered in its order when it is let go.
#[test]
fn held_back_and_let_go() {
    let begin = |transport| Scene::begin(Start::Up, transport, plain);
    flow("held_let_go", begin, |scene| {
        scene.hold_back(BOB, true).unwrap();
        scene.modify(ALICE, Modify::Hold).unwrap();
        scene.request(ALICE, InDialog::new(Method::Info).body("text/plain", "x")).unwrap();
        scene.run(secs(1));
        scene.hold_back(BOB, false).unwrap();
        scene.run(secs(5));
        // One that was lost on the way came after the INFO: 500 (RFC 3261 §12.2.2).
        _ = scene.modify(ALICE, Modify::Unhold);
    });
}

/// RFC 5407 §3.1.1: the 180 is lost, and the INVITE that comes again crosses the 200.
#[test]
fn the_invite_comes_again_during_the_200() {
    let begin = |transport| Scene::called(transport, plain, true);
    flow("invite_again_200", begin, |scene| {
        scene.net.lose(1);
        scene.run_until(|scene| scene.server.is_some());
        scene.run(millis(485));
        scene.accept().unwrap();
    });
}

/// RFC 5407 §3.1.6: the ACK is lost, and the BYE crosses the 200 that comes again.
#[test]
fn bye_and_200_again() {
    let begin = |transport| Scene::begin(Start::Ringing, transport, plain);
    flow("bye_200_again", begin, |scene| {
        scene.net.drop_next(scene.nodes[ALICE], 1);
        scene.accept().unwrap();
        scene.run(millis(495));
        scene.destroy(ALICE).unwrap();
    });
}

/// RFC 5407 §3.1.6: the same where the ACK has the answer: it comes after the BYE, and starts nothing.
#[test]
fn bye_and_200_again_with_an_offer() {
    let begin = |transport| Scene::called(transport, plain, false).brought_to(Start::Ringing);
    flow("bye_200_again_offer", begin, |scene| {
        scene.net.drop_next(scene.nodes[ALICE], 1);
        scene.accept().unwrap();
        scene.run(millis(495));
        _ = scene.destroy(ALICE);
    });
}

/// RFC 5407 §3.2.4, RFC 3261 §15: Bob hangs up while the ACK is under way: his BYE waits for it; with an answer in the ACK too.
#[test]
fn bye_and_ack() {
    for (name, offers) in [("bye_ack", true), ("bye_ack_answer", false)] {
        let begin = |transport| Scene::called(transport, plain, offers).brought_to(Start::Ringing);
        flow(name, begin, |scene| {
            scene.accept().unwrap();
            scene.run(millis(15));
            _ = scene.destroy(BOB);
        });
    }
}

/// RFC 5407 §3.2.3, RFC 3261 §15: Alice hangs up as soon as Bob's 200 to her re-INVITE is under way, and Bob hears of it before the ACK.
#[test]
fn bye_and_the_200_of_a_reinvite() {
    let begin = |transport| Scene::begin(Start::Up, transport, plain);
    flow("reinvite_200_bye", begin, |scene| {
        scene.modify(ALICE, Modify::Hold).unwrap();
        scene.run(millis(15));
        _ = scene.destroy(ALICE);
    });
    flow("reinvite_200_bye_there", begin, |scene| {
        scene.modify(ALICE, Modify::Hold).unwrap();
        scene.run(millis(15));
        _ = scene.destroy(BOB);
    });
}

/// RFC 3261 §13.3.1.4, §15: the ACK is lost, and Bob hangs up: his BYE waits for it.
#[test]
fn a_bye_that_waits_for_a_lost_ack() {
    let begin = |transport| Scene::begin(Start::Ringing, transport, plain);
    flow("bye_waits_for_ack", begin, |scene| {
        scene.net.drop_next(scene.nodes[ALICE], 1);
        scene.accept().unwrap();
        scene.run(millis(100));
        scene.destroy(BOB).unwrap();
    });
}

/// RFC 3261 §13.3.1.4: no ACK comes at all: Bob ends the call.
#[test]
fn no_ack_at_all() {
    let begin = |transport| Scene::begin(Start::Ringing, transport, plain);
    flow("no_ack", begin, |scene| {
        scene.net.drop_next(scene.nodes[ALICE], 11);
        scene.accept().unwrap();
        scene.run(secs(40));
    });
}
