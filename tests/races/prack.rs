//! Reliable provisional answers and what crosses their PRACK (RFC 3262 §3–§5, RFC 3311 §5).

use sip_proto::context::{Rel100, Reply};
use sip_proto::dialog::Modify;
use sip_proto::endpoint::Config;

use crate::scene::{ALICE, BOB, Race, Scene, Start, flow, sdp};
use crate::support::millis;

fn reliable(_: usize, config: &mut Config) {
    config.settings.rel100 = Rel100::Supported;
    config.policy.modify_by_update = true;
}

fn required(_: usize, config: &mut Config) {
    config.settings.rel100 = Rel100::Required;
}

/// RFC 3262 §3, §5: PRACK × 200: the offer was in the 183, so the 200 waits for the PRACK with its answer.
#[test]
fn prack_with_the_answer_and_200() {
    let race = Race {
        name: "prack_answer_200",
        start: Start::Offered,
        config: reliable,
        alice: Scene::answer,
        bob: |scene| scene.accept_with(Reply::new()),
    };
    race.run();
}

/// RFC 3262 §5, RFC 3261 §9: PRACK × CANCEL where the PRACK has the answer: Alice gives it, and gives up.
#[test]
fn prack_with_the_answer_and_cancel() {
    let race = Race {
        name: "prack_answer_cancel",
        start: Start::Offered,
        config: reliable,
        alice: Scene::answer,
        bob: Scene::cancel,
    };
    race.run();
}

/// RFC 3262 §3, §4: PRACK × CANCEL: a reliable 183 crosses the CANCEL, and is acknowledged while its call ends.
#[test]
fn prack_and_cancel() {
    let race = Race {
        name: "prack_and_cancel",
        start: Start::Ringing,
        config: reliable,
        alice: Scene::cancel,
        bob: |scene| scene.progress(Reply::code(183).sdp(sdp(BOB, 1)).reliable()),
    };
    race.run();
}

/// RFC 3262 §3: the CANCEL overtakes the PRACK, which comes after the 487, and after its ACK: it is answered all the same.
#[test]
fn a_cancel_that_overtakes_the_prack() {
    for (name, late) in [("prack_overtaken_by_cancel", 5), ("prack_after_its_cancelled_call", 40)] {
        let begin = |transport| Scene::begin(Start::Ringing, transport, reliable);
        flow(name, begin, |scene| {
            scene.progress(Reply::code(183).sdp(sdp(BOB, 1)).reliable()).unwrap();
            scene.net.delay(scene.net.datagrams() + 1, millis(late));
            scene.run(millis(11));
            _ = scene.cancel();
        });
    }
}

/// RFC 3262 §3: PRACK × 200: a reliable 180 without a description does not keep the 200 back: the PRACK comes before it went out, crosses it,
/// or is only sent with it.
#[test]
fn prack_and_200() {
    for (name, gap) in [("prack_200_later", 25), ("prack_200_crossing", 15), ("prack_200_at_once", 5)] {
        for config in [reliable, required] {
            let begin = |transport| Scene::begin(Start::Called, transport, config);
            flow(name, begin, |scene| {
                scene.progress(Reply::new().reliable()).unwrap();
                scene.run(millis(gap));
                scene.accept().unwrap();
            });
        }
    }
}

/// RFC 3262 §3: a reliable 183 with the answer keeps the 200 back until its PRACK has come.
#[test]
fn a_200_that_waits_for_the_prack() {
    for (name, gap) in [("prack_answered_200_crossing", 15), ("prack_answered_200_at_once", 5)] {
        let begin = |transport| Scene::begin(Start::Called, transport, reliable);
        flow(name, begin, |scene| {
            scene.progress(Reply::code(183).sdp(sdp(BOB, 1)).reliable()).unwrap();
            scene.run(millis(gap));
            scene.accept_with(Reply::new()).unwrap();
        });
    }
}

/// RFC 3262 §3, §4: the 200 overtakes the 180, which nobody waits for any more.
#[test]
fn a_200_that_overtakes_the_180() {
    let begin = |transport| Scene::begin(Start::Called, transport, reliable);
    flow("prack_180_after_200", begin, |scene| {
        scene.net.delay(scene.net.datagrams(), millis(30));
        scene.progress(Reply::new().reliable()).unwrap();
        scene.accept().unwrap();
    });
}

/// RFC 3262 §3, §4: two reliable answers, the second of which overtakes the first: each is acknowledged in its turn.
#[test]
fn reliable_answers_out_of_order() {
    let begin = |transport| Scene::begin(Start::Called, transport, reliable);
    flow("prack_out_of_order", begin, |scene| {
        scene.progress(Reply::new().reliable()).unwrap();
        scene.run(millis(100));
        scene.net.delay(scene.net.datagrams(), millis(30));
        scene.progress(Reply::code(183).sdp(sdp(BOB, 1)).reliable()).unwrap();
        scene.run(millis(5));
        scene.progress(Reply::code(182).reliable()).unwrap();
        scene.run(millis(5));
        scene.accept_with(Reply::new()).unwrap();
    });
}

/// RFC 3311 §5.1, §5.2: UPDATE × 200: the session that the 183 agreed on is changed while the call is answered.
#[test]
fn early_update_and_200() {
    let race = Race {
        name: "early_update_200",
        start: Start::Previewed,
        config: reliable,
        alice: |scene| scene.modify(ALICE, Modify::Hold),
        bob: |scene| scene.accept_with(Reply::new()),
    };
    race.run();
}

/// RFC 3311 §5.2: UPDATE × UPDATE in an early dialog.
#[test]
fn early_update_and_update() {
    let race = Race {
        name: "early_update_update",
        start: Start::Previewed,
        config: reliable,
        alice: |scene| scene.modify(ALICE, Modify::Hold),
        bob: |scene| scene.move_media(BOB),
    };
    race.run();
}

/// RFC 3311 §5.2, RFC 3261 §9: UPDATE × CANCEL's 487 in an early dialog.
#[test]
fn early_update_and_cancel() {
    let race = Race {
        name: "early_update_cancel",
        start: Start::Previewed,
        config: reliable,
        alice: Scene::cancel,
        bob: |scene| scene.modify(BOB, Modify::Hold),
    };
    race.run();
}

/// RFC 3262 §3: a rejection needs no PRACK to wait for: it goes out at once, and the PRACK comes too late.
#[test]
fn prack_and_rejection() {
    let begin = |transport| Scene::begin(Start::Called, transport, reliable);
    flow("prack_rejection", begin, |scene| {
        scene.progress(Reply::code(183).sdp(sdp(BOB, 1)).reliable()).unwrap();
        scene.run(millis(15));
        scene.destroy(BOB).unwrap();
    });
}
