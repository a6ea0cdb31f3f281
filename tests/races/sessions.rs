//! Changes of a session that cross each other or the ACK of the call (RFC 5407 §3.1.4, §3.1.5, §3.3; RFC 3261 §14; RFC 3311 §5.2).

use sip_proto::dialog::{InDialog, Modify};
use sip_proto::endpoint::{Config, Why};
use sip_proto::{Method, Transport};

use crate::scene::{ALICE, BOB, Race, Scene, Start, flow, plain};
use crate::support::{millis, secs};

fn updates(_: usize, config: &mut Config) {
    config.policy.modify_by_update = true;
}

fn alice_updates(who: usize, config: &mut Config) {
    config.policy.modify_by_update = who == ALICE;
}

/// RFC 5407 §3.3.1, RFC 3261 §14.1: re-INVITE × re-INVITE: 491 for both; the owner of the Call-ID waits 2.1 to 4 s, the other up to 2 s.
#[test]
fn reinvite_and_reinvite() {
    let race = Race {
        name: "reinvite_reinvite",
        start: Start::Up,
        config: plain,
        alice: |scene| scene.modify(ALICE, Modify::Hold),
        bob: |scene| scene.move_media(BOB),
    };
    race.run();
}

/// RFC 5407 §3.3.1, its example: a refresh by re-INVITE with the same description × hold, and the reverse: 491 for both, and both are tried again.
#[test]
fn refresh_by_reinvite_and_move() {
    let race = Race {
        name: "reinvite_refresh_move",
        start: Start::Up,
        config: plain,
        alice: |scene| scene.move_media(ALICE),
        bob: |scene| scene.modify(BOB, Modify::Sdp(crate::scene::sdp(BOB, 1).into())),
    };
    race.run();
}

/// RFC 3264 §8.4: both hold at once.
#[test]
fn hold_and_hold() {
    let race = Race {
        name: "hold_hold",
        start: Start::Up,
        config: plain,
        alice: |scene| scene.modify(ALICE, Modify::Hold),
        bob: |scene| scene.modify(BOB, Modify::Hold),
    };
    race.run();
}

/// RFC 3311 §5.2: UPDATE × UPDATE.
#[test]
fn update_and_update() {
    let race = Race {
        name: "update_update",
        start: Start::Up,
        config: updates,
        alice: |scene| scene.modify(ALICE, Modify::Hold),
        bob: |scene| scene.move_media(BOB),
    };
    race.run();
}

/// RFC 5407 §3.3.2: UPDATE × re-INVITE.
#[test]
fn update_and_reinvite() {
    let race = Race {
        name: "update_reinvite",
        start: Start::Up,
        config: alice_updates,
        alice: |scene| scene.modify(ALICE, Modify::Hold),
        bob: |scene| scene.move_media(BOB),
    };
    race.run();
}

/// RFC 3261 §14.1, RFC 6337 §4.3: a re-INVITE without offer × a re-INVITE with one.
#[test]
fn offerless_and_reinvite() {
    let race = Race {
        name: "offerless_reinvite",
        start: Start::Up,
        config: plain,
        alice: |scene| scene.modify(ALICE, Modify::Offerless),
        bob: |scene| scene.move_media(BOB),
    };
    race.run();
}

/// RFC 3261 §14.1: both ask for an offer.
#[test]
fn offerless_and_offerless() {
    let race = Race {
        name: "offerless_offerless",
        start: Start::Up,
        config: plain,
        alice: |scene| scene.modify(ALICE, Modify::Offerless),
        bob: |scene| scene.modify(BOB, Modify::Offerless),
    };
    race.run();
}

/// RFC 4028 §7.4, RFC 3264 §8.4: a refresh by UPDATE without a description × hold: both pass.
#[test]
fn refresh_and_hold() {
    let race = Race {
        name: "refresh_hold",
        start: Start::Up,
        config: plain,
        alice: |scene| scene.request(ALICE, InDialog::new(Method::Update)),
        bob: |scene| scene.modify(BOB, Modify::Hold),
    };
    race.run();
}

/// RFC 5407 §3.3.2: UPDATE × UPDATE of which one has no description: both pass.
#[test]
fn refresh_and_update() {
    let race = Race {
        name: "refresh_update",
        start: Start::Up,
        config: updates,
        alice: |scene| scene.request(ALICE, InDialog::new(Method::Update)),
        bob: |scene| scene.modify(BOB, Modify::Hold),
    };
    race.run();
}

/// RFC 4028 §7.4: a refresh by a re-INVITE with the same description × hold.
#[test]
fn refresh_by_reinvite_and_hold() {
    let race = Race {
        name: "reinvite_refresh_hold",
        start: Start::Up,
        config: plain,
        alice: |scene| scene.modify(ALICE, Modify::Sdp(crate::scene::sdp(ALICE, 1).into())),
        bob: |scene| scene.modify(BOB, Modify::Hold),
    };
    race.run();
}

/// RFC 3261 §14.1: several changes wait for their turn while another comes.
#[test]
fn a_queue_of_changes() {
    let race = Race {
        name: "queue",
        start: Start::Up,
        config: plain,
        alice: |scene| {
            scene.modify(ALICE, Modify::Hold)?;
            scene.move_media(ALICE)?;
            scene.modify(ALICE, Modify::Offerless)
        },
        bob: |scene| scene.modify(BOB, Modify::Hold),
    };
    race.run();
}

/// RFC 5407 §3.1.4: the ACK of the call is lost, and a re-INVITE comes before it: it is served, offer and answer being complete. The first 200
/// comes again during the re-INVITE and gets its own ACK.
#[test]
fn a_reinvite_before_the_ack() {
    let begin = |transport| Scene::begin(Start::Ringing, transport, plain);
    flow("reinvite_before_ack", begin, |scene| {
        scene.net.drop_next(scene.nodes[ALICE], 1);
        scene.accept().unwrap();
        scene.run(millis(100));
        _ = scene.modify(ALICE, Modify::Hold);
    });
}

/// RFC 5407 §3.1.5: the same where the lost ACK has the answer: 491 until it has come.
#[test]
fn a_reinvite_before_the_ack_that_answers() {
    let begin = |transport| Scene::called(transport, plain, false).brought_to(Start::Ringing);
    flow("reinvite_before_answer", begin, |scene| {
        scene.net.drop_next(scene.nodes[ALICE], 1);
        scene.accept().unwrap();
        scene.run(millis(100));
        _ = scene.modify(ALICE, Modify::Hold);
    });
}

/// RFC 5407 §3.1.4, §3.1.5, RFC 3311 §5.2: the same two for UPDATE: served where offer and answer are complete, refused where the answer is owed.
#[test]
fn an_update_before_the_ack() {
    for (name, offers) in [("update_before_ack", true), ("update_before_answer", false)] {
        let begin = |transport| Scene::called(transport, updates, offers).brought_to(Start::Ringing);
        flow(name, begin, |scene| {
            scene.net.drop_next(scene.nodes[ALICE], 1);
            scene.accept().unwrap();
            scene.run(millis(100));
            _ = scene.modify(ALICE, Modify::Hold);
        });
    }
}

/// RFC 5407 §3.1.4: the re-INVITE crosses the 200 that comes again.
#[test]
fn a_reinvite_crosses_the_200_again() {
    let begin = |transport| Scene::begin(Start::Ringing, transport, plain);
    flow("reinvite_200_again", begin, |scene| {
        scene.net.drop_next(scene.nodes[ALICE], 1);
        scene.accept().unwrap();
        scene.run(millis(495));
        _ = scene.modify(ALICE, Modify::Hold);
    });
}

/// RFC 3261 §14.1: Bob's change waits for the ACK of the call, which is lost.
#[test]
fn a_change_of_the_callee_waits_for_the_ack() {
    let begin = |transport| Scene::begin(Start::Ringing, transport, plain);
    flow("change_waits_for_ack", begin, |scene| {
        scene.net.drop_next(scene.nodes[ALICE], 1);
        scene.accept().unwrap();
        _ = scene.modify(BOB, Modify::Hold);
        scene.run(millis(100));
    });
}

/// RFC 3261 §13.2.2.4, RFC 3725: the 200 brings the offer, the ACK the answer.
#[test]
fn a_late_offer_answered() {
    let begin = |transport| Scene::called(transport, plain, false).brought_to(Start::Ringing);
    flow("late_offer", begin, |scene| {
        scene.accept().unwrap();
        scene.run(secs(1));
        scene.check_agreement("late offer");
    });
}

/// RFC 3261 §13.2.1, §13.3.1.4: nobody answers the offer in the 200: Alice ends the call just before Bob would, who is first where she heard of it late. (Bob alone: see `peer`.)
#[test]
fn a_late_offer_not_answered() {
    let begin = |transport| {
        let mut scene = Scene::called(transport, plain, false).brought_to(Start::Ringing);
        scene.answers_offers = false;
        scene
    };
    flow("late_offer_unanswered", begin, |scene| {
        scene.accept().unwrap();
        scene.run(secs(60));
        let whys = [ALICE, BOB].map(|side| scene.ends[side].iter().map(|(_, why)| *why).collect::<Vec<_>>());
        let unanswered = [Why::NoAnswer, Why::NoAck];
        assert!(whys.iter().any(|whys| unanswered.contains(&whys[0])), "{}", scene.net.ladder());
        assert!(whys.iter().all(|whys| whys.len() == 1));
    });
}

/// RFC 3261 §13.2.2.4, §15: the caller gives up before the answer: ACK, then BYE.
#[test]
fn a_late_offer_destroyed() {
    let begin = |transport| {
        let mut scene = Scene::called(transport, plain, false).brought_to(Start::Ringing);
        scene.answers_offers = false;
        scene
    };
    flow("late_offer_destroyed", begin, |scene| {
        scene.accept().unwrap();
        scene.run(secs(1));
        _ = scene.destroy(ALICE);
    });
}

/// RFC 3261 §14.1, §14.2: the same three for a re-INVITE, in the middle of a call.
#[test]
fn an_offerless_reinvite() {
    let begin = |transport: Transport| Scene::begin(Start::Up, transport, plain);
    flow("offerless", begin, |scene| {
        scene.modify(BOB, Modify::Offerless).unwrap();
    });
    flow("offerless_unanswered", begin, |scene| {
        scene.answers_offers = false;
        scene.modify(BOB, Modify::Offerless).unwrap();
        scene.run(secs(60));
    });
    flow("offerless_destroyed_there", begin, |scene| {
        scene.answers_offers = false;
        scene.modify(BOB, Modify::Offerless).unwrap();
        scene.run(secs(1));
        _ = scene.destroy(ALICE);
        scene.run(secs(60));
    });
    flow("offerless_destroyed_here", begin, |scene| {
        scene.answers_offers = false;
        scene.modify(BOB, Modify::Offerless).unwrap();
        scene.run(secs(1));
        _ = scene.destroy(BOB);
    });
}
