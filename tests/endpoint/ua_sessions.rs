//! Rules of sessions that take more than one message to see: whose description counts, which INVITE waits for which, what a BYE is held to (RFC 3261 §13.2.1,
//! §14, §15).

use std::collections::BTreeSet;

use crate::support::{CONTACT, Heard, Req, SDP, Ua, answer, millis, parse, secs};
use sip_proto::context::{Invite, Reply};
use sip_proto::dialog::{InDialog, Modify};
use sip_proto::endpoint::{By, Why};
use sip_proto::{DialogId, Message, Method, StatusCode};

/// Another description.
fn other() -> String {
    SDP.replace("4000", "4002").replace("1 1 IN", "1 2 IN")
}

/// An answer of Alice's with a description.
fn with_sdp(request: &Message, code: u16, tag: &str, sdp: &str) -> String {
    let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
    answer(request, code, tag, CONTACT).replace("Content-Length: 0\r\n\r\n", &body)
}

fn reinvite(ok: &Message, cseq: u32) -> Req {
    Req::within(ok, "INVITE", cseq).line(CONTACT.trim_end()).body("application/sdp", &other())
}

fn remote_sdp(ua: &mut Ua, dialog: DialogId) -> String {
    let handle = ua.sip.dialog(dialog).unwrap();
    String::from_utf8(handle.get().unwrap().remote().sdp.to_vec()).unwrap()
}

// ---- Descriptions (§13.2.1) ----

/// RFC 3261 §13.2.1, RFC 6337 §3.1.1: the first description that comes is the answer, what others say later is not looked at; each fork has its own.
// Holds: 3261-13.2.1-7, 3261-13.2.1-8
#[test]
fn the_first_description_is_the_answer() {
    for code in [180, 183] {
        let mut ua = Ua::new();
        let (_, invite) = ua.call_alice();
        ua.hear(with_sdp(&invite, code, "a", SDP));
        ua.hear(with_sdp(&invite, 183, "a", &other()));
        let dialog = ua.hear(with_sdp(&invite, 200, "a", &other())).dialog();
        assert_eq!(remote_sdp(&mut ua, dialog), SDP, "{code}");
        // It is in force: the other one would be a change.
        let ok = parse(&with_sdp(&invite, 200, "a", &other()));
        let again =
            Req::back(&invite, &ok, "INVITE", 1).line(CONTACT.trim_end()).body("application/sdp", SDP);
        let event = ua.hear(again.text()).lines().pop().unwrap();
        assert!(event.starts_with("* refresh"), "{event}");
    }
    let mut ua = Ua::with(|config| config.policy.keep_forks = true);
    let (_, invite) = ua.call_alice();
    ua.hear(with_sdp(&invite, 183, "a", SDP));
    let dialog = ua.hear(with_sdp(&invite, 200, "b", &other())).dialog();
    assert_eq!(remote_sdp(&mut ua, dialog), other(), "another fork's");
}

/// RFC 3261 §13.2.1, RFC 3262 §5: an answer given reliably is given; a 2xx cannot bring another description.
// Holds: 3261-13.2.1-10
#[test]
fn no_second_description_in_the_answers_to_an_invite() {
    let mut ua = Ua::with(|config| config.settings.rel100 = sip_proto::context::Rel100::Supported);
    let invite = Req::invite().line("Supported: 100rel").body("application/sdp", SDP);
    let server = ua.hear(invite.text()).server();
    let progress = ua.progress(server, Reply::code(183).sdp(SDP).reliable()).unwrap().sent().remove(0);
    let rack = format!("RAck: {} 1 INVITE", progress.rseq().unwrap().unwrap());
    ua.hear(Req::within(&progress, "PRACK", 2).line(&rack).text());
    for reply in [Reply::code(183).sdp(other()), Reply::code(200).sdp(other())] {
        assert!(ua.reply(server, reply).is_err(), "another description");
    }
    assert_eq!(ua.drain().lines(), [""; 0]);
    let ok = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    assert_eq!(ok.lines()[0], "200 OK (INVITE) +body", "the same one may stand there again");
}

/// RFC 3261 §13.2.1: the answer stands in the 2xx. What an unreliable 183 has said of it is that answer, unless the 2xx says another; where the
/// 183 was reliable it was given.
#[test]
fn the_answer_of_an_unreliable_183_is_that_of_the_2xx() {
    for is_reinvite in [false, true] {
        let own = Reply::new().body("text/plain", "x");
        for (reply, body) in [(Reply::new(), SDP), (Reply::new().sdp(other()), &*other()), (own, "x")] {
            let mut ua = Ua::new();
            let server = match is_reinvite {
                false => ua.called(),
                true => {
                    let (ok, _) = ua.answered_call();
                    ua.hear(reinvite(&ok, 2).text()).server()
                }
            };
            ua.progress(server, Reply::code(183).sdp(SDP)).unwrap();
            // What comes between has none.
            ua.progress(server, Reply::new()).unwrap();
            let ok = ua.accept(server, reply).unwrap().sent().remove(0);
            assert_eq!(core::str::from_utf8(ok.body()), Ok(body), "{is_reinvite}");
        }
    }
    let mut ua = Ua::new();
    let server = ua.called();
    ua.progress(server, Reply::code(183).sdp(SDP)).unwrap();
    let rejection = ua.reject(server, Reply::new()).unwrap().sent().remove(0);
    assert!(rejection.body().is_empty());
}

/// RFC 3261 §13.2.1: the offer to an INVITE without one stands in the first reliable answer: what a 183 has said that could not be reliable is
/// said again by the 2xx, unless that says another.
#[test]
fn the_offer_of_an_unreliable_183_is_that_of_the_2xx() {
    for is_reinvite in [false, true] {
        for (reply, offer) in [(Reply::new(), SDP), (Reply::new().sdp(other()), &*other())] {
            let mut ua = Ua::new();
            let (ok, _) = ua.answered_call();
            let invite = match is_reinvite {
                false => Req::invite().call_id("second").branch("z9hG4bK-second"),
                true => Req::within(&ok, "INVITE", 2).line(CONTACT.trim_end()),
            };
            let server = ua.hear(invite.text()).server();
            ua.progress(server, Reply::code(183).sdp(SDP).reliable()).unwrap();
            ua.progress(server, Reply::new()).unwrap();
            let heard = ua.accept(server, reply).unwrap();
            let ok = heard.message("200 OK (INVITE)");
            assert_eq!(core::str::from_utf8(ok.body()), Ok(offer), "{is_reinvite}");
            let ack = Req::within(&ok, "ACK", ok.cseq()).body("application/sdp", SDP);
            assert!(ua.hear(ack.text()).sent().is_empty(), "no BYE: the offer has its answer");
            assert_eq!(ua.sip.counts()[2], 2 - usize::from(is_reinvite));
        }
    }
    // Carried elsewhere, it is not waited for.
    let mut ua = Ua::new();
    let server = ua.hear(Req::invite().text()).server();
    ua.progress(server, Reply::code(183).sdp(SDP)).unwrap();
    let ok = ua.accept(server, Reply::new().body("text/plain", "x")).unwrap().message("200 OK (INVITE)");
    assert_eq!(ok.body(), b"x");
    assert!(ua.hear(Req::within(&ok, "ACK", 1).text()).sent().is_empty());
}

/// What an ACK says of the session: how many streams, and the port of each.
fn answered(ack: &Message, offer: &str) {
    let text = core::str::from_utf8(ack.session_description().expect("an answer")).unwrap();
    let session = sip_proto::sdp::Session::parse(text.as_bytes()).unwrap();
    let streams = |text: &str| text.lines().filter(|line| line.starts_with("m=")).count();
    assert_eq!(streams(text), streams(offer), "RFC 3264 §6: a stream for each that is offered");
    assert!(session.streams().all(|stream| stream.is_disabled()), "{text}");
    assert!(
        text.starts_with("v=0\r\no=") && text.contains("\r\ns=") && text.contains("\r\nt=0 0\r\n"),
        "{text}"
    );
}

/// RFC 3261 §13.2.2.4, §14.2: an offer in a 2xx has its answer in the ACK, even if nobody wants it: then all streams are refused, and a BYE
/// follows. However the call ends meanwhile.
// Holds: 3261-13.2.2.4-8, 3261-13.2.2.4-9, 3261-14.2-11
#[test]
fn an_offer_that_nobody_wants_is_answered_all_the_same() {
    let offer = &format!("{SDP}m=video 4004/2 RTP/AVP 31 32\r\n")[..];
    // Nobody answers; the application hangs up; the peer does; it crosses our CANCEL; it is a further fork; it has no Contact.
    type End = fn(&mut Ua, &Message, Heard) -> Heard;
    let rows: [(&str, End); 3] = [
        ("nobody answers", |ua, _, _| ua.pass(millis(31_500))),
        ("we hang up", |ua, _, heard| ua.destroy(heard.dialog())),
        ("she hangs up", |ua, invite, _| {
            let ok = parse(&answer(invite, 200, "a", CONTACT));
            ua.hear(Req::back(invite, &ok, "BYE", 1).text())
        }),
    ];
    for (what, end) in rows {
        let mut ua = Ua::new();
        let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1"));
        let invite = heard.only();
        let ok = with_sdp(&invite, 200, "a", offer);
        let heard = ua.hear(ok.clone());
        let heard = end(&mut ua, &invite, heard);
        let ack = heard.message("ACK");
        answered(&ack, offer);
        assert_eq!(heard.times("BYE").len(), usize::from(what != "she hangs up"), "{what}");
        assert_eq!(ua.hear(ok).sent()[0], ack, "{what}: the same again");
    }
    let mut ua = Ua::new();
    let (id, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1"));
    let invite = heard.only();
    ua.hear(answer(&invite, 180, "a", CONTACT));
    ua.cancel(id);
    answered(&ua.hear(with_sdp(&invite, 200, "a", offer)).message("ACK"), offer);
    let mut ua = Ua::new();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1"));
    let invite = heard.only();
    ua.hear(with_sdp(&invite, 200, "a", offer));
    answered(&ua.hear(with_sdp(&invite, 200, "b", offer)).message("ACK"), offer);
    let no_contact = with_sdp(&invite, 200, "c", offer).replace(CONTACT, "");
    answered(&ua.hear(no_contact).message("ACK"), offer);
}

/// RFC 3261 §13.2.2.4, RFC 3264 §8: the same in a call that has a session: the origin is ours, its version one higher. What is no description has no answer.
// Holds: 3261-13.2.2.4-8, 3261-13.2.2.4-9
#[test]
fn an_offer_in_the_middle_of_a_call_that_nobody_wants() {
    for is_after_bye in [false, true] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Offerless).unwrap();
        let invite = ua.drain().only();
        let heard = if is_after_bye {
            ua.hear(Req::within(&ok, "BYE", 2).text());
            ua.hear(with_sdp(&invite, 200, "", &other()))
        } else {
            ua.hear(with_sdp(&invite, 200, "", &other()));
            ua.pass(millis(31_500))
        };
        let ack = heard.message("ACK");
        answered(&ack, &other());
        assert!(ack.body().starts_with(b"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\n"), "{:?}", ack.body());
    }
    let mut ua = Ua::new();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1"));
    let invite = heard.only();
    let dialog = ua.hear(with_sdp(&invite, 200, "a", "hello")).dialog();
    let heard = ua.destroy(dialog);
    assert_eq!(heard.lines(), ["ACK", "BYE"]);
}

// ---- One INVITE at a time (§14.1, §14.2) ----

/// RFC 3261 §14.1: our re-INVITE waits until the peer's is over: until its ACK has come, or is waited for no longer; after a 2xx, a failure, a CANCEL.
// Holds: 3261-14.1-2, 3261-14.1-4
#[test]
fn our_invite_waits_for_the_end_of_theirs() {
    for (code, is_acknowledged) in [(200, true), (488, true), (487, true), (488, false), (487, false)] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        let theirs = reinvite(&ok, 2);
        let server = ua.hear(theirs.text()).server();
        ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Sdp(other().into())).unwrap();
        assert_eq!(ua.drain().lines(), [""; 0], "{code}: theirs has no answer");
        let heard = match code {
            487 => ua.hear(theirs.follow("CANCEL").text()),
            code if code < 300 => ua.accept(server, Reply::new().sdp(SDP)).unwrap(),
            code => ua.reject(server, Reply::code(code)).unwrap(),
        };
        assert_eq!(heard.times("INVITE +body"), [0; 0], "{code}: its answer is not acknowledged");
        let heard = match is_acknowledged {
            true if code < 300 => ua.hear(Req::within(&ok, "ACK", 2).text()),
            true => ua.hear(theirs.follow("ACK").text()),
            false => ua.pass(secs(33)),
        };
        let at = if is_acknowledged { 0 } else { 32_000 };
        assert_eq!(heard.times("INVITE +body").first(), Some(&at), "{code}");
    }
    // One that was never answered differently: refused at once, since ours was out.
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let change = |ua: &mut Ua| {
        ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Sdp(other().into())).unwrap();
        ua.drain()
    };
    let ours = change(&mut ua).only();
    let theirs = reinvite(&ok, 2);
    assert_eq!(ua.hear(theirs.text()).lines(), ["491 Request Pending (INVITE)"]);
    ua.hear(with_sdp(&ours, 200, "", SDP));
    assert_eq!(change(&mut ua).lines(), [""; 0], "the 491 is not acknowledged");
    assert_eq!(ua.hear(theirs.follow("ACK").text()).lines(), ["INVITE +body"]);
}

/// RFC 3261 §13.2.2.4, RFC 5407 §3.1.4: an ACK has the number of its INVITE. One that comes late, after a newer INVITE was answered with our offer,
/// is not the answer that is missing: the call goes on, the newer 2xx waits for its own ACK, and so do our INVITE and our BYE (§14.1, §15).
#[test]
fn an_older_ack_is_not_that_of_a_newer_2xx() {
    for hangs_up in [false, true] {
        let mut ua = Ua::new();
        let server = ua.hear(Req::invite().body("application/sdp", SDP).text()).server();
        let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
        let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
        let offerless = Req::within(&ok, "INVITE", 2).line(CONTACT.trim_end());
        let server = ua.hear(offerless.text()).server();
        ua.accept(server, Reply::new().sdp(SDP)).unwrap();
        match hangs_up {
            true => ua.sip.dialog(dialog).unwrap().destroy(ua.now).unwrap(),
            false => _ = ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap(),
        }
        let late = ua.hear(Req::within(&ok, "ACK", 1).text());
        assert_eq!(late.lines(), ["* confirmed"]);
        let again = ua.pass(millis(600));
        assert_eq!(again.lines(), ["200 OK (INVITE) +body"], "the newer 2xx is still repeated");
        let ack = Req::within(&ok, "ACK", 2).body("application/sdp", &other());
        let lines = ua.hear(ack.text()).lines();
        assert_eq!(lines, ["* ack", if hangs_up { "BYE" } else { "INVITE +body" }]);
        if !hangs_up {
            assert_eq!(remote_sdp(&mut ua, dialog), other());
        }
    }
}

/// RFC 3261 §14.2: a second re-INVITE before the first is answered is 500 with Retry-After, a random number from 0 to 10.
// Holds: 3261-14.2-1, 3261-14.2-2
#[test]
fn a_second_reinvite_is_500_with_retry_after() {
    let mut ua = Ua::new();
    let (ok, _) = ua.answered_call();
    ua.hear(reinvite(&ok, 2).text()).server();
    let mut waits = BTreeSet::new();
    for cseq in 3..60 {
        let answer = ua.hear(reinvite(&ok, cseq).text()).only();
        assert_eq!(answer.status(), Some(StatusCode::INTERNAL_SERVER_ERROR));
        ua.hear(reinvite(&ok, cseq).follow("ACK").text());
        waits.insert(answer.retry_after().unwrap().unwrap().after.as_secs());
    }
    assert!(waits.iter().all(|wait| (0..=10).contains(wait)), "{waits:?}");
    assert!(waits.len() > 5, "random: {waits:?}");
}

/// RFC 3261 §14.2: an INVITE that comes while ours is under way is 491, before the first provisional answer and after it.
// Holds: 3261-14.2-3
#[test]
fn an_invite_that_meets_ours_is_491() {
    for has_trying in [false, true] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Sdp(other().into())).unwrap();
        let ours = ua.drain().only();
        if has_trying {
            ua.hear(answer(&ours, 100, "", ""));
        }
        assert_eq!(ua.hear(reinvite(&ok, 2).text()).lines(), ["491 Request Pending (INVITE)"]);
        ua.hear(reinvite(&ok, 2).follow("ACK").text());
        ua.hear(answer(&ours, 488, "", ""));
        assert_eq!(ua.hear(reinvite(&ok, 3).text()).lines(), ["* INVITE asks"], "ours is over");
    }
}

/// RFC 3261 §14.2, RFC 6141 §3.5: the INVITE that makes the dialog is one of them, on either side; so is one without a description.
// Holds: 3261-14.2-1, 3261-14.2-3, 6141-3.5-1
#[test]
fn one_invite_at_a_time_from_the_first_on() {
    let within = |message: &Message, cseq: u32| Req::within(message, "INVITE", cseq).line(CONTACT.trim_end());
    let mut ua = Ua::new();
    let server = ua.hear(Req::invite().text()).server();
    let ringing = ua.progress(server, Reply::new()).unwrap().sent().remove(0);
    for (cseq, request) in [(2, within(&ringing, 2)), (3, reinvite(&ringing, 3))] {
        let second = ua.hear(request.text()).only();
        assert_eq!(second.status(), Some(StatusCode::INTERNAL_SERVER_ERROR), "{cseq}");
        assert!(second.retry_after().unwrap().is_some_and(|wait| wait.after <= secs(10)), "{cseq}");
    }
    assert_eq!(ua.accept(server, Reply::new().sdp(SDP)).unwrap().lines()[0], "200 OK (INVITE) +body");

    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let ringing = parse(&answer(&invite, 180, "a", CONTACT));
    ua.hear(answer(&invite, 180, "a", CONTACT));
    for (cseq, has_offer) in [(1, false), (2, true)] {
        let back = Req::back(&invite, &ringing, "INVITE", cseq).line(CONTACT.trim_end());
        let back = if has_offer { back.body("application/sdp", SDP) } else { back };
        assert_eq!(ua.hear(back.text()).lines(), ["491 Request Pending (INVITE)"], "{cseq}");
    }
    ua.hear(with_sdp(&invite, 200, "a", SDP));

    // Within a call: ours has an offer, and theirs has none; and the other way round.
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Sdp(other().into())).unwrap();
    ua.drain();
    assert_eq!(ua.hear(within(&ok, 2).text()).lines(), ["491 Request Pending (INVITE)"]);
    for ours in [InDialog::new(Method::Invite), InDialog::new(Method::Invite).sdp(SDP)] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        ua.sip.dialog(dialog).unwrap().request(ua.now, ours).unwrap();
        ua.drain();
        for theirs in [within(&ok, 2), reinvite(&ok, 3)] {
            assert_eq!(ua.hear(theirs.text()).lines(), ["491 Request Pending (INVITE)"]);
        }
    }
}

// ---- BYE (§15.1.2) ----

/// RFC 3261 §15.1.2, §12.2.2: a BYE is a request within a dialog like others: out of order it is 500 and ends nothing; what it requires is looked at.
// Holds: 3261-15.1.2-2
#[test]
fn a_bye_is_held_to_the_rules_of_its_dialog() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    assert_eq!(ua.hear(Req::within(&ok, "INFO", 5).text()).lines()[0], "200 OK (INFO)");
    for cseq in [1, 4, 5] {
        let heard = ua.hear(Req::within(&ok, "BYE", cseq).text());
        assert_eq!(heard.lines(), ["500 Internal Server Error (BYE)"], "{cseq}");
    }
    let heard = ua.hear(Req::within(&ok, "BYE", 6).line("Require: teleport").text());
    assert_eq!(heard.lines(), ["420 Bad Extension (BYE)"]);
    assert!(ua.sip.dialog(dialog).is_ok());
    let heard = ua.hear(Req::within(&ok, "BYE", 100).text());
    assert_eq!(heard.lines(), ["200 OK (BYE)", "* destroy by Remote: Bye"]);
    assert_eq!(heard.ends(), [(By::Remote, Why::Bye)]);
}
