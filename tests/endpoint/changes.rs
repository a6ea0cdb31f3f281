//! The life of a session where one thing meets another: changes, provisional answers, timers and the end (RFC 3261 §14, RFC 3262, RFC 3311, RFC 4028).

use crate::support::{CONTACT, Heard, Req, SDP, Ua, answer, secs};
use sip_proto::context::{Invite, Rel100, Reply};
use sip_proto::dialog::{InDialog, Modify, RefreshBy, SessionTimers};
use sip_proto::endpoint::{By, Handling, Why};
use sip_proto::message::Name;
use sip_proto::{DialogId, Message, Method, StatusCode};

const PROGRESS: &str = "183 Session Progress (INVITE)";

/// A description that moves the stream, in this version.
fn moved(version: u32) -> String {
    SDP.replace("1 1 IN", &format!("1 {version} IN")).replace("4000", &format!("40{version:02}"))
}

fn ua() -> Ua {
    Ua::with(|config| {
        config.settings.rel100 = Rel100::Supported;
        config.policy.modify_by_update = true;
        config.policy.set_in_dialog(Method::Update, Handling::Ask);
        config.policy.set_in_dialog(Method::Prack, Handling::Ask);
    })
}

fn with_sdp(text: &str, sdp: &str) -> String {
    let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
    text.replace("Content-Length: 0\r\n\r\n", &body)
}

/// A reliable provisional answer of Alice's.
fn reliable(invite: &Message, code: u16, rseq: u32, sdp: Option<&str>) -> String {
    let lines = format!("{CONTACT}Allow: INVITE, UPDATE, PRACK\r\nRequire: 100rel\r\nRSeq: {rseq}\r\n");
    let text = answer(invite, code, "a", &lines);
    sdp.map_or(text.clone(), |sdp| with_sdp(&text, sdp))
}

/// A request of Alice's within the dialog that `ok` made.
fn theirs(ok: &Message, method: &str, cseq: u32, sdp: Option<&str>) -> Req {
    let request = Req::within(ok, method, cseq).line(CONTACT.trim_end()).line("Supported: 100rel");
    sdp.map_or(request.clone(), |sdp| request.body("application/sdp", sdp))
}

fn prack(progress: &Message, ok: &Message, cseq: u32) -> Req {
    let rack = format!("RAck: {} {} INVITE", progress.rseq().unwrap().unwrap(), progress.cseq());
    Req::within(ok, "PRACK", cseq).line(&rack)
}

fn modify(ua: &mut Ua, dialog: DialogId, modify: Modify) -> Heard {
    ua.sip.dialog(dialog).unwrap().modify(ua.now, modify).unwrap();
    ua.drain()
}

// ---- What waits, and what goes first ----

/// RFC 3261 §12.2.2, §14.2: a peer that tries again after our 491 with the number it had is understood; a number that was taken is not taken again.
#[test]
fn a_number_that_was_refused_491_may_come_again() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let ours = modify(&mut ua, dialog, Modify::Hold).only();
    let again = |branch: &str| Req { branch: branch.into(), ..theirs(&ok, "INVITE", 2, Some(&moved(2))) };
    assert_eq!(ua.hear(again("z9hG4bKa").text()).lines()[0], "491 Request Pending (INVITE)");
    assert_eq!(ua.hear(again("z9hG4bKa").text()).lines(), ["491 Request Pending (INVITE)"], "the same");
    ua.hear(Req { branch: "z9hG4bKa".into(), ..Req::within(&ok, "ACK", 2) }.text());
    ua.hear(with_sdp(&answer(&ours, 200, "a", CONTACT), SDP));
    assert_eq!(
        ua.hear(theirs(&ok, "INVITE", 1, None).text()).lines(),
        ["500 Internal Server Error (INVITE)"]
    );
    let server = ua.hear(again("z9hG4bKb").text()).server();
    assert_eq!(ua.accept(server, Reply::new().sdp(SDP)).unwrap().lines()[0], "200 OK (INVITE) +body");
    assert_eq!(ua.hear(again("z9hG4bKc").text()).lines(), ["500 Internal Server Error (INVITE)"]);
}

/// RFC 3264 §4: a change that has waited for our answer to the peer's offer goes out behind that answer, not before it.
#[test]
fn the_answer_goes_before_what_waited_for_it() {
    for modify_by_update in [false, true] {
        let mut ua = Ua::with(|config| {
            config.policy.set_in_dialog(Method::Update, Handling::Ask);
            config.policy.modify_by_update = modify_by_update;
        });
        let (ok, dialog) = ua.answered_call();
        let update = theirs(&ok, "UPDATE", 2, Some(&moved(2))).line("Allow: INVITE, UPDATE");
        let server = ua.hear(update.text()).server();
        assert_eq!(modify(&mut ua, dialog, Modify::Sdp(moved(3).into())).lines(), [""; 0]);
        let sent = ua.accept(server, Reply::new().sdp(SDP)).unwrap().sent();
        let method = if modify_by_update { Method::Update } else { Method::Invite };
        assert_eq!(sent[0].status().map(StatusCode::code), Some(200), "{sent:?}");
        assert_eq!((sent[1].method(), sent[1].status()), (&method, None), "{sent:?}");
    }
}

/// RFC 3311 §5.1: an offer that may not go in an UPDATE yet waits, as it would in a re-INVITE: for the PRACK, for our answer, for what the peer says.
#[test]
fn a_change_by_update_waits_for_its_turn() {
    let mut ua = ua();
    let (ok, dialog) = ua.answered_call();
    let server = ua.hear(theirs(&ok, "INVITE", 2, Some(&moved(2))).line("Allow: UPDATE").text()).server();
    assert_eq!(modify(&mut ua, dialog, Modify::Sdp(moved(3).into())).lines(), [""; 0], "we owe an answer");
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap().lines();
    assert_eq!(heard, ["200 OK (INVITE) +body", "* accepted 200", "UPDATE +body"]);
    // What waits behind another does not become impossible meanwhile.
    let mut ua = self::ua();
    let (ok, dialog) = ua.answered_call();
    ua.hear(theirs(&ok, "OPTIONS", 2, None).line("Allow: INVITE, UPDATE").text());
    let server = ua.hear(theirs(&ok, "UPDATE", 3, None).line("Allow: UPDATE").text());
    assert_eq!(server.lines(), ["200 OK (UPDATE)", "* refresh: UPDATE answered 200"]);
    let first = ua.sip.dialog(dialog).unwrap().update(ua.now, None).unwrap();
    let sent = ua.drain().message("UPDATE");
    assert_eq!(modify(&mut ua, dialog, Modify::Sdp(moved(3).into())).lines(), [""; 0]);
    let asked = ua.hear(theirs(&ok, "UPDATE", 4, Some(&moved(2))).text()).server();
    let heard = ua.hear(answer(&sent, 200, "", CONTACT)).lines();
    assert_eq!(heard, ["* accepted 200 X (UPDATE)"], "{first:?}: our answer is owed");
    let heard = ua.accept(asked, Reply::new().sdp(SDP)).unwrap().lines();
    assert_eq!(heard, ["200 OK (UPDATE) +body", "* accepted 200", "UPDATE +body"]);
}

/// RFC 3264 §4, RFC 3261 §13.2.1: a description is one wherever it stands, in a part of the body and however its type is spelled.
#[test]
fn a_description_in_a_part_is_one_too() {
    let parts = format!("--b\r\nContent-Type: application/sdp\r\n\r\n{}\r\n--b--\r\n", moved(3));
    for (kind, body) in [("multipart/mixed;boundary=b", parts), ("Application/SDP", moved(3))] {
        let mut ua = ua();
        let (ok, dialog) = ua.answered_call();
        let server = ua.hear(theirs(&ok, "INVITE", 2, Some(&moved(2))).text()).server();
        let update = InDialog::new(Method::Update).body(kind, body.clone());
        ua.sip.dialog(dialog).unwrap().request(ua.now, update).unwrap();
        assert_eq!(ua.drain().lines(), [""; 0], "{kind}: an offer beside the one that waits");
        let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
        assert_eq!(heard.lines().last().unwrap(), "UPDATE +body", "{kind}");
        // Another description than the one that was given reliably.
        let mut ua = self::ua();
        let invite = Req::invite().line("Supported: 100rel").body("application/sdp", SDP);
        let server = ua.hear(invite.text()).server();
        let progress = ua.progress(server, Reply::code(183).sdp(SDP).reliable()).unwrap().message(PROGRESS);
        ua.hear(prack(&progress, &progress, 2).text());
        let other = Reply { body: Some(sip_proto::message::Body::new(kind, body)), ..Reply::new() };
        assert!(ua.accept(server, other).is_err(), "{kind}");
        assert_eq!(ua.accept(server, Reply::new()).unwrap().lines()[0], "200 OK (INVITE)");
    }
}

/// RFC 6337 §3.1.1: what an unreliable answer to a re-INVITE says is the answer, whatever its 2xx says, as with the first INVITE.
#[test]
fn the_first_description_in_answers_to_a_reinvite() {
    for later in [None, Some(moved(3))] {
        let mut ua = Ua::new();
        let (_, dialog) = ua.answered_call();
        let invite = modify(&mut ua, dialog, Modify::Sdp(moved(2).into())).message("INVITE");
        ua.hear(with_sdp(&answer(&invite, 183, "", CONTACT), &moved(5)));
        let ok = answer(&invite, 200, "", CONTACT);
        let heard = ua.hear(later.as_ref().map_or(ok.clone(), |sdp| with_sdp(&ok, sdp)));
        assert_eq!(heard.lines()[0], "ACK");
        let handle = ua.sip.dialog(dialog).unwrap();
        let (local, remote) = (handle.get().unwrap().local().sdp, handle.get().unwrap().remote().sdp);
        assert_eq!((local, remote), (moved(2).as_bytes(), moved(5).as_bytes()), "{later:?}");
    }
}

/// RFC 3261 §8.2.1, §20.5: an UPDATE that the policy rejects is not in Allow, and is rejected whatever it would change.
#[test]
fn an_update_that_is_not_allowed() {
    let not_allowed = Handling::Reject(StatusCode::METHOD_NOT_ALLOWED);
    let mut ua = Ua::with(|config| config.policy.set_in_dialog(Method::Update, not_allowed));
    let (ok, _) = ua.answered_call();
    assert!(!ok.allow().any(|method| method == "UPDATE"));
    let hold = format!("{}a=sendonly\r\n", SDP.replace("1 1 IN", "1 2 IN"));
    for (cseq, sdp) in [(2, None), (3, Some(SDP)), (4, Some(&*hold)), (5, Some(&*moved(2)))] {
        let heard = ua.hear(theirs(&ok, "UPDATE", cseq, sdp).text());
        let refusal = heard.message("405 Method Not Allowed (UPDATE)");
        assert!(refusal.allow().any(|method| method == "INVITE"), "{sdp:?}");
    }
    assert_eq!(ua.hear(theirs(&ok, "INVITE", 6, Some(SDP)).text()).lines()[0], "200 OK (INVITE) +body");
}

// ---- Reliable provisional answers (RFC 3262) ----

/// RFC 3311 §5.1: an offer waits for the answer to the PRACK that acknowledged a description; that to another PRACK is not it.
#[test]
fn the_answer_to_another_prack() {
    let mut ua = ua();
    let (_, invite) = ua.call_alice();
    let heard = ua.hear(reliable(&invite, 180, 1, None));
    let (first, dialog) = (heard.message("PRACK"), heard.dialog());
    // The answer to the first PRACK is overtaken by the next provisional answer.
    let second = ua.hear(reliable(&invite, 183, 2, Some(SDP))).message("PRACK");
    assert_eq!(modify(&mut ua, dialog, Modify::Sdp(moved(2).into())).lines(), [""; 0]);
    assert_eq!(ua.hear(answer(&first, 200, "", "")).lines(), [""; 0]);
    assert_eq!(ua.hear(answer(&second, 200, "", "")).lines(), ["UPDATE +body"]);
}

/// RFC 3262 §3: a PRACK that was lost comes after the ACK: it is one of a re-INVITE as well.
#[test]
fn the_prack_of_a_reinvite_after_its_ack() {
    let mut ua = ua();
    let (ok, dialog) = ua.answered_call();
    let server = ua.hear(theirs(&ok, "INVITE", 2, Some(&moved(2))).text()).server();
    let ringing = ua.progress(server, Reply::code(180).reliable()).unwrap().message("180 Ringing (INVITE)");
    ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    assert_eq!(ua.hear(Req::within(&ok, "ACK", 2).text()).lines(), ["* ack"]);
    let late = prack(&ringing, &ok, 3);
    assert_eq!(ua.hear(late.text()).lines(), ["200 OK (PRACK)", "* pracked"]);
    let again = late.cseq(4).branch("z9hG4bK-again");
    assert_eq!(ua.hear(again.text()).lines(), ["481 Call/Transaction Does Not Exist (PRACK)"]);
    let bye = ua.destroy(dialog).only();
    ua.hear(answer(&bye, 200, "", ""));
    ua.pass_all();
}

/// RFC 3262 §5, RFC 3264 §4: the offer of a PRACK has its answer, though the INVITE that it belongs to was refused and is forgotten: others may follow.
#[test]
fn the_answer_to_a_prack_after_its_invite() {
    let mut ua = ua();
    let (ok, _) = ua.answered_call();
    let invite = theirs(&ok, "INVITE", 2, Some(&moved(2)));
    let server = ua.hear(invite.text()).server();
    let progress = ua.progress(server, Reply::code(183).sdp(SDP).reliable()).unwrap().message(PROGRESS);
    let asked = ua.hear(prack(&progress, &ok, 3).body("application/sdp", &moved(3)).text()).server();
    ua.reject(server, Reply::code(488)).unwrap();
    ua.hear(invite.follow("ACK").text());
    assert!(ua.pass(secs(6)).lines().contains(&"* server ended Done".into()));
    ua.accept(asked, Reply::new().sdp(SDP)).unwrap();
    let heard = ua.hear(theirs(&ok, "INVITE", 4, Some(&moved(4))).text());
    assert_eq!(heard.lines(), ["* INVITE asks"]);
}

/// RFC 3261 §14.1: the offer in a provisional answer to a re-INVITE needs no answer once the re-INVITE has failed.
#[test]
fn no_answer_to_an_offer_that_has_failed() {
    for code in [488, 491] {
        let mut ua = ua();
        let (_, dialog) = ua.answered_call();
        let invite = modify(&mut ua, dialog, Modify::Offerless).message("INVITE");
        let heard = ua.hear(reliable(&invite, 183, 1, Some(&moved(2))));
        assert_eq!(heard.lines().last().unwrap(), "* offer: answer due");
        ua.hear(answer(&invite, code, "", ""));
        assert!(ua.sip.dialog(dialog).unwrap().answer(ua.now, SDP).is_err(), "{code}");
        assert_eq!(ua.drain().lines(), [""; 0]);
        // Neither is anything cancelled for want of it.
        let heard = ua.pass(secs(40)).lines();
        assert!(!heard.iter().any(|line| line.contains("CANCEL")), "{code}: {heard:?}");
    }
}

/// RFC 3262 §5, RFC 3261 §13.2.1: a 2xx that did not wait for the PRACK: the offer still needs its answer. Where none comes the call ends.
#[test]
fn a_2xx_that_does_not_wait_for_the_answer_in_prack() {
    for answers in [true, false] {
        let mut ua = ua();
        let invite = ua.invite(Invite::to("sip:alice@192.0.2.1")).1.only();
        let dialog = ua.hear(reliable(&invite, 183, 1, Some(SDP))).dialog();
        let ok = answer(&invite, 200, "a", CONTACT);
        assert_eq!(ua.hear(ok).lines()[0], "ACK");
        if answers {
            ua.sip.dialog(dialog).unwrap().answer(ua.now, SDP).unwrap();
            let prack = ua.drain().message("PRACK");
            ua.hear(answer(&prack, 200, "", ""));
        }
        let heard = ua.pass(secs(35));
        let end = if answers { vec![] } else { vec![(By::Local, Why::NoAnswer)] };
        assert_eq!(heard.ends(), end);
        assert_eq!(heard.times("BYE").first(), if answers { None } else { Some(&31_500) });
    }
}

/// RFC 3262 §5: the offer is answered in the PRACK of the answer that brought it, though another one came meanwhile, whose PRACK goes at once.
#[test]
fn another_answer_while_an_offer_waits() {
    let mut ua = ua();
    let invite = ua.invite(Invite::to("sip:alice@192.0.2.1")).1.only();
    let rack = |heard: &Heard| heard.message("PRACK").value(Name::RAck).map(String::from);
    let dialog = ua.hear(reliable(&invite, 183, 1, Some(SDP))).dialog();
    let heard = ua.hear(reliable(&invite, 180, 2, None));
    assert_eq!(heard.lines(), ["PRACK", "* got 180 X (INVITE)"]);
    assert_eq!(rack(&heard).as_deref(), Some("2 1 INVITE"));
    ua.sip.dialog(dialog).unwrap().answer(ua.now, SDP).unwrap();
    let heard = ua.drain();
    assert_eq!((heard.lines(), rack(&heard).as_deref()), (vec!["PRACK +body".into()], Some("1 1 INVITE")));
}

// ---- The end ----

/// RFC 3261 §13.2.2.4: a 2xx with an offer that crosses our BYE is acknowledged at once: nobody will answer it.
#[test]
fn an_offer_that_crosses_our_bye() {
    let mut ua = ua();
    let (_, dialog) = ua.answered_call();
    let invite = modify(&mut ua, dialog, Modify::Offerless).message("INVITE");
    let bye = ua.destroy(dialog).only();
    let ok = with_sdp(&answer(&invite, 200, "", CONTACT), &moved(2));
    let heard = ua.hear(ok.clone());
    assert_eq!(heard.lines(), ["ACK +body", "* accepted 200 X (INVITE) +body"]);
    ua.hear(answer(&bye, 200, "", ""));
    assert_eq!(ua.hear(ok).sent(), heard.sent(), "the same again");
    ua.pass_all();
}

// ---- Session timers (RFC 4028) ----

/// A call to Alice with a session interval of 90 s, which we refresh.
fn refreshing(lines: &str) -> (Ua, DialogId) {
    let mut ua = Ua::with(|config| config.set_session_timers(SessionTimers::requested(secs(90))).unwrap());
    let (_, invite) = ua.call_alice();
    let said = format!("{CONTACT}{lines}Require: timer\r\nSession-Expires: 90;refresher=uac\r\n");
    let heard = ua.hear(with_sdp(&answer(&invite, 200, "a", &said), SDP));
    let dialog = heard.dialog();
    (ua, dialog)
}

/// RFC 4028 §10: a refresh that waits behind a change goes out when the change has failed; nothing was wrong with it.
#[test]
fn a_change_that_fails_leaves_the_refresh_alone() {
    let (mut ua, dialog) = refreshing("");
    ua.pass(secs(40));
    let invite = modify(&mut ua, dialog, Modify::Sdp(moved(2).into())).message("INVITE");
    ua.hear(answer(&invite, 180, "", ""));
    ua.pass(secs(43));
    let heard = ua.hear(answer(&invite, 488, "", ""));
    assert_eq!(heard.lines(), ["ACK", "* failed 488 X (INVITE)", "INVITE +body"]);
    let said = format!("{CONTACT}Require: timer\r\nSession-Expires: 90;refresher=uac\r\n");
    ua.hear(with_sdp(&answer(&heard.message("INVITE"), 200, "", &said), SDP));
    assert_eq!(ua.pass(secs(40)).ends(), []);
    // Nor is one sent for an UPDATE of the application's that the peer does not know (§7.4).
    let (mut ua, dialog) = refreshing("Allow: INVITE, UPDATE\r\n");
    ua.pass(secs(10));
    ua.sip.dialog(dialog).unwrap().update(ua.now, None).unwrap();
    let update = ua.drain().message("UPDATE");
    ua.hear(answer(&update, 405, "", ""));
    let heard = ua.pass(secs(36));
    assert_eq!(heard.times("INVITE +body").first(), Some(&45_000), "by re-INVITE, when it is due");
}

/// RFC 4028 §7.2: the 2xx to an UPDATE of an early dialog, which could not say when the session expires, takes back nothing that the INVITE's 2xx has agreed.
#[test]
fn the_2xx_to_an_early_update_after_that_to_the_invite() {
    let mut ua = Ua::with(|config| {
        config.set_session_timers(SessionTimers::requested(secs(90))).unwrap();
        config.settings.rel100 = Rel100::Supported;
    });
    let (_, invite) = ua.call_alice();
    let heard = ua.hear(reliable(&invite, 183, 1, Some(SDP)));
    let dialog = heard.dialog();
    ua.hear(answer(&heard.message("PRACK"), 200, "", ""));
    let update = modify(&mut ua, dialog, Modify::Sdp(moved(2).into())).message("UPDATE");
    let said = format!("{CONTACT}Require: timer\r\nSession-Expires: 90;refresher=uac\r\n");
    ua.hear(answer(&invite, 200, "a", &said));
    ua.hear(with_sdp(&answer(&update, 200, "", CONTACT), SDP));
    let timer = ua.sip.dialog(dialog).unwrap().session_timer().unwrap().clone();
    assert_eq!(timer.interval(), Some(secs(90)));
    assert_eq!(ua.pass(secs(46)).times("UPDATE"), [45_000, 45_500]);
}

/// RFC 4028 §10: once the BYE is out the session does not run out any more: the BYE may be sent with credentials, and its answer is the end.
#[test]
fn a_session_does_not_run_out_behind_its_bye() {
    let mut ua = Ua::with(|config| config.set_session_timers(SessionTimers::requested(secs(90))).unwrap());
    let expires = "Session-Expires: 90;refresher=uac";
    let invite = Req::invite().line("Supported: timer").line(expires).body("application/sdp", SDP);
    let server = ua.hear(invite.text()).server();
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    ua.hear(Req::within(&ok, "ACK", 1).text());
    ua.pass(secs(59));
    let bye = ua.destroy(dialog).only();
    ua.hear(answer(&bye, 401, "", "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n"));
    assert_eq!(ua.pass(secs(2)).lines(), [""; 0]);
    let bye = ua.destroy(dialog).only();
    let heard = ua.hear(answer(&bye, 200, "", ""));
    assert_eq!(heard.ends(), [(By::Local, Why::Bye)]);
    ua.pass_all();
}

/// RFC 4028 §9: while the INVITE waits no 2xx of ours to an UPDATE says when the session expires: nobody would refresh it.
#[test]
fn no_session_expires_before_there_is_a_session() {
    let timers = SessionTimers { refresh_by: RefreshBy::Us, ..SessionTimers::requested(secs(90)) };
    let mut ua = Ua::with(|config| {
        config.set_session_timers(timers).unwrap();
        config.settings.rel100 = Rel100::Supported;
    });
    let invite = Req::invite().line("Supported: 100rel, timer").body("application/sdp", SDP);
    let server = ua.hear(invite.text()).server();
    let progress = ua.progress(server, Reply::code(183).sdp(SDP).reliable()).unwrap().message(PROGRESS);
    ua.hear(prack(&progress, &progress, 2).text());
    for (cseq, line) in [(3, "Supported: timer"), (4, "Session-Expires: 90;refresher=uas")] {
        let update = theirs(&progress, "UPDATE", cseq, Some(SDP)).line("Supported: timer").line(line);
        let ok = ua.hear(update.text()).message("200 OK (UPDATE)");
        assert_eq!((ok.value(Name::SessionExpires), ok.require().count()), (None, 0), "{line}");
    }
    let ok = ua.accept(server, Reply::new()).unwrap().message("200 OK (INVITE)");
    assert_eq!(ok.value(Name::SessionExpires), Some("90;refresher=uas"));
    ua.hear(Req::within(&ok, "ACK", 1).text());
    let update = theirs(&ok, "UPDATE", 5, None).line("Supported: timer");
    let ok = ua.hear(update.text()).message("200 OK (UPDATE)");
    assert_eq!(ok.value(Name::SessionExpires), Some("90;refresher=uas"));
}

// ---- Holds ----

/// RFC 3261 §14.1, RFC 3264 §8.4: who holds whom is as before when an end of the hold, answered in a provisional answer, fails with its re-INVITE.
#[test]
fn an_end_of_a_hold_that_fails() {
    let mut ua = Ua::with(|config| config.settings.rel100 = Rel100::Supported);
    let (ok, dialog) = ua.answered_call();
    let answered = |direction: &str| format!("{SDP}a={direction}\r\n");
    let invite = modify(&mut ua, dialog, Modify::Hold).message("INVITE");
    ua.hear(with_sdp(&answer(&invite, 200, "", CONTACT), &answered("recvonly")));
    let before = ua.sip.dialog(dialog).unwrap().get().unwrap().local().sdp.to_vec();
    for _ in 0..2 {
        let invite = modify(&mut ua, dialog, Modify::Unhold).message("INVITE");
        let prack = ua.hear(reliable(&invite, 183, 1, Some(&answered("sendrecv")))).message("PRACK");
        ua.hear(answer(&prack, 200, "", ""));
        assert!(!ua.sip.dialog(dialog).unwrap().get().unwrap().local_hold());
        ua.hear(answer(&invite, 488, "", ""));
        let handle = ua.sip.dialog(dialog).unwrap();
        let state = handle.get().unwrap();
        assert_eq!((state.local().sdp, state.local_hold()), (&*before, true));
    }
    let invite = modify(&mut ua, dialog, Modify::Unhold).message("INVITE");
    ua.hear(with_sdp(&answer(&invite, 200, "", CONTACT), &answered("sendrecv")));
    assert!(!ua.sip.dialog(dialog).unwrap().get().unwrap().local_hold());
    // The peer's.
    let theirs_in =
        |version: u32, direction: &str| answered(direction).replace("1 1 IN", &format!("1 {version} IN"));
    let hold = theirs(&ok, "INVITE", 2, Some(&theirs_in(2, "sendonly")));
    assert_eq!(ua.hear(hold.text()).lines()[0], "200 OK (INVITE) +body");
    ua.hear(Req::within(&ok, "ACK", 2).text());
    assert!(ua.sip.dialog(dialog).unwrap().get().unwrap().remote_hold());
    let unhold = format!("{}a=foo\r\n", theirs_in(3, "sendrecv").replace("4000", "4008"));
    let invite = theirs(&ok, "INVITE", 3, Some(&unhold));
    let server = ua.hear(invite.text()).server();
    let progress = ua.progress(server, Reply::code(183).sdp(answered("sendrecv")).reliable()).unwrap();
    ua.hear(prack(&progress.message(PROGRESS), &ok, 4).text());
    assert!(!ua.sip.dialog(dialog).unwrap().get().unwrap().remote_hold());
    ua.reject(server, Reply::code(488)).unwrap();
    assert!(ua.sip.dialog(dialog).unwrap().get().unwrap().remote_hold());
}
