//! Races that two endpoints of this crate do not come to, since one of them would not send what makes them: the peer is played by hand.

use sip_proto::context::{Invite, Reply};
use sip_proto::dialog::Modify;
use sip_proto::endpoint::{By, Why};
use sip_proto::{DialogId, Message};

use crate::support::{CONTACT, Req, SDP, Ua, answer, millis, secs};

/// An answer with a session description.
pub(crate) fn answer_with_sdp(request: &Message, code: u16, tag: &str) -> String {
    let lines = format!("{CONTACT}Content-Type: application/sdp\r\n");
    let text = answer(request, code, tag, &lines);
    text.replace("Content-Length: 0\r\n\r\n", &format!("Content-Length: {}\r\n\r\n{SDP}", SDP.len()))
}

/// Our re-INVITE in a call of theirs.
fn modified(ua: &mut Ua, modify: Modify) -> (Message, DialogId, Message) {
    let (ok, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().modify(ua.now, modify).unwrap();
    let invite = ua.drain().message("INVITE");
    (ok, dialog, invite)
}

fn reinvite(ok: &Message, cseq: u32) -> Req {
    Req::within(ok, "INVITE", cseq).line(CONTACT.trim_end()).body("application/sdp", SDP)
}

/// RFC 5407 §3.2.3, RFC 3261 §13.2.2.4: the 200 to our re-INVITE comes after the BYE that ended the call: it is acknowledged, and each
/// time that it comes again.
#[test]
fn a_200_to_our_reinvite_after_their_bye() {
    for (modify, ack) in [(Modify::Hold, "ACK"), (Modify::Offerless, "ACK +body")] {
        let mut ua = Ua::new();
        let (ok, _, invite) = modified(&mut ua, modify);
        let heard = ua.hear(Req::within(&ok, "BYE", 2).text());
        assert_eq!(heard.lines(), ["200 OK (BYE)", "* destroy by Remote: Bye"]);
        let heard = ua.hear(answer_with_sdp(&invite, 200, ""));
        assert_eq!(heard.lines(), [ack, "* accepted 200 X (INVITE) +body"]);
        let ack = heard.message("ACK");
        assert_eq!((ack.cseq(), ack.request_uri()), (invite.cseq(), Some("sip:alice@192.0.2.1")));
        assert_eq!(ua.hear(answer_with_sdp(&invite, 200, "")).only(), ack);
        ua.pass_all();
    }
}

/// RFC 5407 §3.2.3: the same after our own BYE.
#[test]
fn a_200_to_our_reinvite_after_our_bye() {
    let mut ua = Ua::new();
    let (_, dialog, invite) = modified(&mut ua, Modify::Hold);
    let bye = ua.destroy(dialog).only();
    assert_eq!(ua.hear(answer(&bye, 200, "", "")).ends(), [(By::Local, Why::Bye)]);
    assert_eq!(ua.hear(answer_with_sdp(&invite, 200, "")).lines()[0], "ACK");
    ua.pass_all();
}

/// RFC 3261 §14.2: what we refuse with 491 leaves our own offer alone.
#[test]
fn a_491_of_ours_leaves_our_offer_alone() {
    let mut ua = Ua::new();
    let (ok, dialog, invite) = modified(&mut ua, Modify::Hold);
    assert_eq!(ua.hear(reinvite(&ok, 2).text()).lines(), ["491 Request Pending (INVITE)"]);
    ua.hear(answer_with_sdp(&invite, 200, ""));
    assert!(ua.sip.dialog(dialog).unwrap().get().unwrap().local_hold());
}

/// RFC 3261 §14.2: a second re-INVITE that is refused with 500 leaves the first one alone.
#[test]
fn a_500_to_a_second_reinvite_leaves_the_first_alone() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let moved = SDP.replace("4000", "4002");
    let first = Req::within(&ok, "INVITE", 2).line(CONTACT.trim_end()).body("application/sdp", &moved);
    let server = ua.hear(first.text()).server();
    assert_eq!(ua.hear(reinvite(&ok, 3).text()).lines(), ["500 Internal Server Error (INVITE)"]);
    ua.hear(reinvite(&ok, 3).follow("ACK").text());
    ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    let dialog = ua.sip.dialog(dialog).unwrap();
    assert_eq!(dialog.get().unwrap().remote().sdp, moved.as_bytes());
}

/// RFC 3261 §13.2.1, §13.3.1.4: the offer in the 2xx is not answered: ACK and BYE go out just before the peer gives up, at 64·T1.
#[test]
fn a_late_offer_that_nobody_answers() {
    let mut ua = Ua::new();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1"));
    let invite = heard.message("INVITE");
    let heard = ua.hear(answer_with_sdp(&invite, 200, "a"));
    assert_eq!(heard.lines(), ["* accepted 200 X (INVITE) +body", "* offer: answer due"]);
    let heard = ua.pass(millis(32_000));
    assert_eq!(heard.times("ACK +body"), [31_500]);
    assert_eq!(heard.times("BYE"), [31_500, 32_000]);
    assert_eq!(heard.ends(), [(By::Local, Why::NoAnswer)]);
    ua.hear(answer(&heard.message("BYE"), 200, "", ""));
    ua.pass_all();
}

/// RFC 3261 §13.2.2.4: their BYE comes while the answer is due: the 2xx is acknowledged all the same.
#[test]
fn a_bye_while_an_answer_is_due() {
    let mut ua = Ua::new();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1"));
    let invite = heard.message("INVITE");
    let ok = answer_with_sdp(&invite, 200, "a");
    let dialog = ua.hear(ok.clone()).dialog();
    let theirs = crate::support::parse(&ok);
    let heard = ua.hear(Req::back(&invite, &theirs, "BYE", 1).text());
    assert_eq!(heard.lines(), ["200 OK (BYE)", "ACK +body", "* destroy by Remote: Bye"]);
    assert!(ua.sip.dialog(dialog).is_err());
    assert_eq!(ua.hear(ok).lines(), ["ACK +body"]);
    ua.pass_all();
}

/// RFC 3261 §13.3.1.4: an INFO overtakes the ACK: both count.
#[test]
fn an_info_overtakes_the_ack() {
    let mut ua = Ua::new();
    let server = ua.called();
    let ok = ua.accept(server, Reply::new().sdp(SDP)).unwrap().message("200 OK (INVITE)");
    let info = Req::within(&ok, "INFO", 2).body("text/plain", "x");
    assert_eq!(ua.hear(info.text()).lines(), ["200 OK (INFO)", "* INFO answered 200"]);
    assert_eq!(ua.hear(Req::within(&ok, "ACK", 1).text()).lines(), ["* confirmed"]);
    assert_eq!(ua.pass(secs(20)).times("200 OK (INVITE) +body"), [0; 0]);
}

/// RFC 5407 §3.1.3: a BYE that was sent while the dialog was early comes after our 200: it ends the call, the 200 does not come again,
/// and the ACK means nothing any more.
#[test]
fn an_early_bye_crosses_the_200() {
    let mut ua = Ua::new();
    let server = ua.called();
    ua.progress(server, Reply::new()).unwrap();
    let ok = ua.accept(server, Reply::new().sdp(SDP)).unwrap().message("200 OK (INVITE)");
    let heard = ua.hear(Req::within(&ok, "BYE", 2).text());
    assert_eq!(heard.lines(), ["200 OK (BYE)", "* destroy by Remote: Bye"]);
    assert_eq!(ua.hear(Req::within(&ok, "ACK", 1).text()).lines(), [""; 0]);
    assert_eq!(ua.pass_all().sent(), [], "RFC 5407 §3.1.6");
}

/// RFC 5407 §2 figure 2, RFC 3261 §15.1.2: a BYE comes while we ring: it is answered, and the INVITE gets 487. Our own 200 comes too late.
#[test]
fn a_bye_while_ringing() {
    let mut ua = Ua::new();
    let server = ua.called();
    let ringing = ua.progress(server, Reply::new()).unwrap().message("180 Ringing (INVITE)");
    let heard = ua.hear(Req::within(&ringing, "BYE", 2).text());
    assert_eq!(heard.lines()[..2], ["200 OK (BYE)", "487 Request Terminated (INVITE)"]);
    assert_eq!(heard.ends(), [(By::Remote, Why::Bye)]);
    assert!(ua.accept(server, Reply::new().sdp(SDP)).is_err());
    let ack = Req::invite().body("application/sdp", SDP).follow("ACK");
    let to = ringing.value(sip_proto::message::Name::To).unwrap();
    assert_eq!(ua.hear(ack.to(to).text()).sent(), []);
    ua.pass_all();
}

/// RFC 5407 §3.2.4: the ACK of the call comes while our BYE, deferred to the guard's end, is under way; and after it.
#[test]
fn an_ack_after_our_bye() {
    let mut ua = Ua::new();
    let server = ua.called();
    let ok = ua.accept(server, Reply::new().sdp(SDP)).unwrap().message("200 OK (INVITE)");
    let heard = ua.pass(millis(32_000));
    let bye = heard.message("BYE");
    assert_eq!(heard.ends(), [(By::Local, Why::NoAck)]);
    let ack = Req::within(&ok, "ACK", 1).text();
    assert_eq!(ua.hear(ack.clone()).lines(), [""; 0]);
    ua.hear(answer(&bye, 200, "", ""));
    assert_eq!(ua.hear(ack).lines(), [""; 0]);
    ua.pass_all();
}

/// RFC 5407 §3.2.2, §3.3.3: once our BYE is under way, everything but a BYE is answered 481.
#[test]
fn requests_after_our_bye() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let bye = ua.destroy(dialog).only();
    for (cseq, method) in [(2, "REFER"), (3, "INVITE"), (4, "UPDATE"), (5, "INFO"), (6, "NOTIFY")] {
        let request = Req::within(&ok, method, cseq).line("Refer-To: <sip:c@h>").line(CONTACT.trim_end());
        let line = format!("481 Call/Transaction Does Not Exist ({method})");
        assert_eq!(ua.hear(request.text()).lines(), [line]);
    }
    assert_eq!(ua.hear(Req::within(&ok, "BYE", 7).text()).lines(), ["200 OK (BYE)"]);
    assert_eq!(ua.hear(answer(&bye, 481, "", "")).ends(), [(By::Local, Why::Bye)]);
    ua.pass_all();
}

/// RFC 3261 §17.1.1.2, figure 5: a fork answers 200 after another one's 487 was the result of our CANCEL. Its own 64·T1 ends it: here there is no
/// dialog and no second result.
#[test]
fn a_2xx_after_another_forks_487() {
    let mut ua = Ua::new();
    let (id, invite) = ua.call_alice();
    ua.hear(answer(&invite, 180, "a", CONTACT));
    ua.hear(answer(&invite, 180, "b", CONTACT));
    ua.cancel(id);
    let heard = ua.hear(answer(&invite, 487, "a", ""));
    assert_eq!(heard.lines()[0], "ACK");
    assert_eq!(heard.ends(), [(By::Local, Why::Cancelled); 2]);
    let ok = answer_with_sdp(&invite, 200, "b");
    assert_eq!(ua.hear(ok.clone()).lines(), [""; 0]);
    let bye = Req::back(&invite, &crate::support::parse(&ok), "BYE", 1);
    assert_eq!(ua.hear(bye.text()).lines(), ["481 Call/Transaction Does Not Exist (BYE)"]);
    ua.pass_all();
}

/// RFC 5407 §3.1.3, RFC 3261 §15: we hang an early dialog up, since a request in it was answered 481, and its 200 crosses our BYE: it is
/// acknowledged, and no call comes of it.
#[test]
fn a_200_after_the_bye_of_its_early_dialog() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let dialog = ua.hear(answer(&invite, 180, "a", CONTACT)).dialog();
    ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
    let info = ua.drain().only();
    let heard = ua.hear(answer(&info, 481, "", ""));
    let bye = heard.message("BYE");
    let heard = ua.hear(answer_with_sdp(&invite, 200, "a"));
    assert_eq!(heard.lines(), ["ACK", "BYE", "* failed 487 Request Terminated (INVITE) (made up)"]);
    assert_eq!(ua.sip.counts()[2], 0, "no call");
    ua.hear(answer(&bye, 200, "", ""));
    ua.hear(answer(&heard.message("BYE"), 481, "", ""));
    ua.pass_all();
}

/// RFC 3261 §14.1: a change that is answered 491 is tried again, three times; the owner of the Call-ID waits 2.1 to 4 s, the other up to 2 s.
#[test]
fn a_change_that_always_collides() {
    for (is_owner, waits) in [(true, 2_100..=4_000), (false, 0..=2_000)] {
        let mut ua = Ua::new();
        let dialog = if is_owner { ua.placed_call().2 } else { ua.answered_call().1 };
        let offer = SDP.replace("4000", "4002");
        ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Sdp(offer.into())).unwrap();
        let mut invite = ua.drain().message("INVITE");
        for attempt in 0..3 {
            let heard = ua.hear(answer(&invite, 491, "", ""));
            assert_eq!(heard.lines(), ["ACK"], "{attempt}");
            let since = ua.now.as_millis();
            let heard = ua.pass(millis(4_000));
            let at = heard.times("INVITE +body")[0];
            assert!(waits.contains(&(at - since)), "{attempt}: {} ms", at - since);
            assert_eq!(heard.message("INVITE").cseq(), invite.cseq() + 1);
            invite = heard.message("INVITE");
        }
        let heard = ua.hear(answer(&invite, 491, "", ""));
        assert_eq!(heard.lines(), ["ACK", "* failed 491 X (INVITE)"]);
        let heard = ua.destroy(dialog);
        ua.hear(answer(&heard.message("BYE"), 200, "", ""));
        ua.pass_all();
    }
}

/// DESIGN.md §2, contract 6: our re-INVITE has had a 100 when the BYE comes, and never gets a final answer: 64·T1 later it is over.
#[test]
fn a_reinvite_that_nobody_answers_after_the_bye() {
    let mut ua = Ua::new();
    let (ok, _, invite) = modified(&mut ua, Modify::Hold);
    ua.hear(answer(&invite, 100, "", ""));
    ua.hear(Req::within(&ok, "BYE", 2).text());
    let heard = ua.pass(millis(32_000));
    assert_eq!(heard.times("* failed 408 Request Timeout (INVITE) (made up)"), [32_000]);
    ua.pass(secs(1));
    assert!(ua.sip.is_empty());
}

/// A description that only receives.
fn receiving(text: String) -> String {
    let longer = text.replace("t=0 0\r\n", "t=0 0\r\na=recvonly\r\n");
    let length = |more: usize| format!("Content-Length: {}", SDP.len() + more);
    longer.replace(&length(0), &length("a=recvonly\r\n".len()))
}

/// RFC 3261 §14.1: a refused change leaves the hold as it was, also where our last description, an answer to one who does not send, says
/// nothing of it.
#[test]
fn a_refused_change_leaves_the_hold() {
    let mut ua = Ua::new();
    let (_, dialog, hold) = modified(&mut ua, Modify::Hold);
    ua.hear(receiving(answer_with_sdp(&hold, 200, "")));
    let change = |ua: &mut Ua, modify| {
        ua.sip.dialog(dialog).unwrap().modify(ua.now, modify).unwrap();
        ua.drain().message("INVITE")
    };
    let is_held = |ua: &mut Ua| ua.sip.dialog(dialog).unwrap().get().unwrap().local_hold();
    let offerless = change(&mut ua, Modify::Offerless);
    ua.hear(receiving(answer_with_sdp(&offerless, 200, "")));
    ua.sip.dialog(dialog).unwrap().answer(ua.now, SDP).unwrap();
    assert_eq!(ua.drain().lines(), ["ACK +body"]);
    assert!(is_held(&mut ua));
    let refused = change(&mut ua, Modify::Sdp(SDP.replace("4000", "4002").into()));
    ua.hear(answer(&refused, 488, "", ""));
    assert!(is_held(&mut ua));
}

/// RFC 6337 §2.2: a description in an unreliable 183 to an INVITE without one means nothing to either side: the offer is in our 200, the
/// answer in the ACK.
#[test]
fn a_description_before_the_offer() {
    let mut ua = Ua::new();
    let server = ua.hear(Req::invite().text()).server();
    ua.progress(server, Reply::code(183).sdp(SDP)).unwrap();
    let offer = SDP.replace("4000", "4002");
    let heard = ua.accept(server, Reply::new().sdp(offer.clone())).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    ua.hear(Req::within(&ok, "ACK", 1).body("application/sdp", SDP).text());
    let dialog = ua.sip.dialog(dialog).unwrap();
    let dialog = dialog.get().unwrap();
    assert_eq!((dialog.local().sdp, dialog.remote().sdp), (offer.as_bytes(), SDP.as_bytes()));
}
