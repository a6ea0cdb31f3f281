//! Requests that overtake each other: stale, equal and gapped numbers (RFC 3261 §12.2.2).

use sip_proto::Method;
use sip_proto::dialog::{InDialog, Modify};

use crate::scene::{ALICE, BOB, Scene, Start, flow, plain};
use crate::support::{CONTACT, Req, SDP, Ua, millis, secs};

fn info() -> InDialog {
    InDialog::new(Method::Info).body("text/plain", "x")
}

/// What Alice sends next takes 50 ms longer.
fn delay_next(scene: &mut Scene) {
    scene.net.delay(scene.net.datagrams(), millis(50));
}

/// RFC 3261 §12.2.2: the INFO that overtakes leaves a gap, which is fine; the one that is overtaken has a lower number: 500. Whatever its 500 means to
/// its own transaction, the call goes on.
#[test]
fn an_info_overtakes_an_info() {
    let begin = |transport| Scene::begin(Start::Up, transport, plain);
    flow("cseq_info_info", begin, |scene| {
        delay_next(scene);
        scene.request(ALICE, info()).unwrap();
        scene.run(millis(5));
        scene.request(ALICE, info()).unwrap();
        scene.run(secs(5));
        scene.modify(ALICE, Modify::Hold).unwrap();
    });
}

/// RFC 3261 §12.2.2, §14.1: a re-INVITE is overtaken: its change has not happened, on either side.
#[test]
fn an_info_overtakes_a_reinvite() {
    let begin = |transport| Scene::begin(Start::Up, transport, plain);
    flow("cseq_reinvite_info", begin, |scene| {
        delay_next(scene);
        scene.move_media(ALICE).unwrap();
        scene.run(millis(5));
        scene.request(ALICE, info()).unwrap();
        scene.run(secs(5));
        // That of the INFO was lost where it was: then this is the second change.
        _ = scene.modify(ALICE, Modify::Hold);
    });
}

/// RFC 3311 §5.2, RFC 3261 §12.2.2: the same for UPDATE.
#[test]
fn an_info_overtakes_an_update() {
    let begin =
        |transport| Scene::begin(Start::Up, transport, |_, config| config.policy.modify_by_update = true);
    flow("cseq_update_info", begin, |scene| {
        delay_next(scene);
        scene.move_media(ALICE).unwrap();
        scene.run(millis(5));
        scene.request(ALICE, info()).unwrap();
        scene.run(secs(5));
        _ = scene.modify(ALICE, Modify::Hold);
    });
}

/// RFC 5407 §3.2.2, RFC 3261 §15.1.2: the BYE overtakes a re-INVITE of the same side: that one is 481, no 500.
#[test]
fn a_bye_overtakes_a_reinvite() {
    let begin = |transport| Scene::begin(Start::Up, transport, plain);
    flow("cseq_reinvite_bye", begin, |scene| {
        delay_next(scene);
        scene.modify(ALICE, Modify::Hold).unwrap();
        scene.run(millis(5));
        scene.destroy(ALICE).unwrap();
    });
}

/// RFC 3261 §12.2.2, §13.3.1.4: the ACK of a 200 is overtaken by an INFO, which has a higher number: both count.
#[test]
fn an_info_overtakes_the_ack() {
    let begin = |transport| Scene::begin(Start::Ringing, transport, plain);
    flow("ack_info", begin, |scene| {
        scene.accept().unwrap();
        scene.net.delay(scene.net.datagrams() + 1, millis(50));
        scene.run(millis(15));
        _ = scene.request(ALICE, info());
    });
    flow("info_ack", begin, |scene| {
        scene.accept().unwrap();
        scene.run(millis(15));
        _ = scene.request(ALICE, info());
    });
}

/// RFC 3261 §13.2.2.4, RFC 6337 §2: the same where the ACK has the answer.
#[test]
fn an_info_overtakes_the_ack_that_answers() {
    let begin = |transport| Scene::called(transport, plain, false).brought_to(Start::Ringing);
    flow("ack_answer_info", begin, |scene| {
        scene.accept().unwrap();
        scene.net.delay(scene.net.datagrams() + 1, millis(50));
        scene.run(millis(15));
        _ = scene.request(ALICE, info());
    });
}

/// RFC 3261 §14.1, §17.1.1.3: the ACK of a refused re-INVITE is overtaken by the next re-INVITE.
#[test]
fn a_reinvite_overtakes_the_ack_of_another() {
    let begin = |transport| Scene::begin(Start::Up, transport, plain);
    flow("ack_reinvite", begin, |scene| {
        scene.modify(ALICE, Modify::Hold).unwrap();
        scene.net.delay(scene.net.datagrams() + 2, millis(50));
        scene.run(millis(25));
        _ = scene.modify(ALICE, Modify::Unhold);
        scene.run(millis(5));
        _ = scene.modify(BOB, Modify::Hold);
    });
}

/// RFC 3261 §12.2.2: a lower number, and one that was used before by another request, is 500 and changes nothing, a BYE's as well; a gap is fine,
/// up to the highest number.
#[test]
fn stale_equal_and_gapped_numbers() {
    for method in ["INFO", "INVITE", "UPDATE", "MESSAGE", "OPTIONS", "BYE"] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        let request = |cseq| {
            let request = Req::within(&ok, method, cseq).line(CONTACT.trim_end());
            let moved = SDP.replace("4000", "4002");
            if method == "INVITE" || method == "UPDATE" {
                request.body("application/sdp", &moved)
            } else {
                request
            }
        };
        ua.hear(Req::within(&ok, "INFO", 7).text());
        for cseq in [6, 1, 0, 7] {
            let refused = request(cseq).branch(&format!("z9hG4bK-{cseq}"));
            let heard = ua.hear(refused.text());
            assert_eq!(heard.lines(), [format!("500 Internal Server Error ({method})")], "{cseq}");
            if method == "INVITE" {
                assert_eq!(ua.hear(refused.follow("ACK").text()).lines(), [""; 0]);
            }
            let dialog = ua.sip.dialog(dialog).unwrap();
            let dialog = dialog.get().unwrap();
            assert_eq!((dialog.remote_cseq(), dialog.remote().sdp), (Some(7), SDP.as_bytes()));
        }
        let gapped = ua.hear(request(0x7fff_ffff).text());
        assert!(!gapped.lines()[0].starts_with("500"), "{method}: {:?}", gapped.lines());
        if method != "BYE" {
            assert_eq!(ua.sip.dialog(dialog).unwrap().get().unwrap().remote_cseq(), Some(0x7fff_ffff));
        }
    }
}

/// RFC 3261 §12.2.2: their stale re-INVITE leaves our own one, which is under way, alone.
#[test]
fn a_stale_reinvite_beside_ours() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    ua.hear(Req::within(&ok, "INFO", 7).text());
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
    let ours = ua.drain().message("INVITE");
    let stale = Req::within(&ok, "INVITE", 5).line(CONTACT.trim_end()).body("application/sdp", SDP);
    assert_eq!(ua.hear(stale.text()).lines(), ["500 Internal Server Error (INVITE)"]);
    let heard = ua.hear(crate::peer::answer_with_sdp(&ours, 200, ""));
    assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE) +body"]);
    assert!(ua.sip.dialog(dialog).unwrap().get().unwrap().local_hold());
}
