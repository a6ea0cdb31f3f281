//! Reliable provisional answers between user agents (RFC 3262): PRACK both ways, offer and answer in it, what waits for it, and its
//! races.

use crate::support::{CONTACT, Req, SDP, Ua, answer, millis, secs};
use sip_proto::context::{Cause, Invite, Rel100, Reply};
use sip_proto::dialog::{DialogError, DialogState, Modify};
use sip_proto::endpoint::Handling;
use sip_proto::message::Name;
use sip_proto::sdp::Refusal;
use sip_proto::{Config, DialogId, Event, Message, Method, Refused, RequestId, ServerEvent, ServerId};

/// Bob, who takes part in reliable provisional answers as far as `policy` says.
fn bob(policy: Rel100) -> Ua {
    Ua::with(|config: &mut Config| config.settings.rel100 = policy)
}

const SUPPORTED: &str = "Supported: 100rel";
const REQUIRED: &str = "Require: 100rel";

/// Alice's INVITE with an offer.
fn invite() -> Req {
    Req::invite().line(SUPPORTED).body("application/sdp", SDP)
}

/// The PRACK of `ours`.
fn prack(ours: &Message, cseq: u32) -> Req {
    let rack = format!("RAck: {} {} INVITE", ours.rseq().unwrap().unwrap(), ours.cseq());
    Req::within(ours, "PRACK", cseq).line(&rack)
}

/// What Bob answers with, when it is not [`SDP`].
const OURS: &str =
    "v=0\r\no=- 4 1 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n";
/// Another description.
const THEIRS: &str =
    "v=0\r\no=- 9 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 7000 RTP/AVP 0\r\n";
const PROGRESS: &str = "183 Session Progress (INVITE)";

/// Alice's description with her stream moved.
fn moved() -> String {
    SDP.replace("o=- 1 1", "o=- 1 2").replace("4000", "4002")
}

/// Bob, called by Alice, who has answered with this reliably; the answer.
fn ringing(reply: Reply) -> (Ua, ServerId, Message) {
    let mut ua = bob(Rel100::Supported);
    let server = ua.hear(invite().text()).server();
    let heard = ua.progress(server, reply.reliable()).unwrap();
    let sent = heard.sent().remove(0);
    (ua, server, sent)
}

/// State, our description, the peer's.
fn session(ua: &mut Ua, dialog: DialogId) -> (DialogState, String, String) {
    let slot = ua.sip.dialog(dialog).unwrap();
    let dialog = slot.get().unwrap();
    let text = |sdp: &[u8]| String::from_utf8(sdp.to_vec()).unwrap();
    (dialog.state(), text(dialog.local().sdp), text(dialog.remote().sdp))
}

// The server side.

/// RFC 3262 §3, §5: repeated until its PRACK, which is answered 200; then the 2xx goes out, without repeating the answer.
// Holds: 3262-3-12, 3262-3-20, 3262-5-5, 3262-5-6
#[test]
fn a_2xx_waits_for_the_prack() {
    let mut ua = bob(Rel100::Supported);
    let server = ua.hear(invite().text()).server();
    let heard = ua.progress(server, Reply::code(183).sdp(SDP).reliable()).unwrap();
    assert_eq!(heard.lines(), ["183 Session Progress (INVITE) +body", "* progress 183 reliable"]);
    let progress = heard.message(PROGRESS);
    let dialog = heard.dialog();
    assert!(progress.contact().unwrap().is_some(), "RFC 3262 §4: it makes a dialog");
    assert_eq!(progress.require().collect::<Vec<_>>(), ["100rel"]);
    assert!(ua.accept(server, Reply::new()).unwrap().lines().is_empty(), "it waits");
    assert_eq!(ua.pass(millis(500)).lines(), ["183 Session Progress (INVITE) +body"]);
    let heard = ua.hear(prack(&progress, 2).text());
    assert_eq!(heard.lines(), ["200 OK (PRACK)", "* pracked", "200 OK (INVITE)", "* accepted 200"]);
    assert_eq!(session(&mut ua, dialog), (DialogState::Confirmed, SDP.into(), SDP.into()));
    let ok = heard.message("200 OK (INVITE)");
    assert_eq!(ua.hear(Req::within(&ok, "ACK", 1).text()).lines(), ["* confirmed"]);
    assert_eq!(ua.hear(Req::within(&ok, "BYE", 3).text()).lines()[0], "200 OK (BYE)");
    ua.pass_all();
}

/// The other order: the PRACK before the 2xx. And a 2xx that need not wait, whose PRACK comes after it, before and after the ACK.
#[test]
fn the_prack_before_and_after_the_2xx() {
    let (mut ua, server, progress) = ringing(Reply::code(183).sdp(SDP));
    assert_eq!(ua.hear(prack(&progress, 2).text()).lines(), ["200 OK (PRACK)", "* pracked"]);
    assert_eq!(ua.accept(server, Reply::new()).unwrap().lines(), ["200 OK (INVITE)", "* accepted 200"]);
    for is_after_ack in [false, true] {
        let (mut ua, server, progress) = ringing(Reply::code(180));
        let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
        assert_eq!(heard.lines(), ["200 OK (INVITE) +body", "* accepted 200"]);
        let ok = heard.message("200 OK (INVITE)");
        let ack = Req::within(&ok, "ACK", 1).text();
        if is_after_ack {
            ua.hear(ack.clone());
        }
        assert_eq!(ua.hear(prack(&progress, 2).text()).lines(), ["200 OK (PRACK)", "* pracked"], "§3");
        if !is_after_ack {
            assert_eq!(ua.hear(ack).lines(), ["* confirmed"]);
        }
        ua.hear(Req::within(&ok, "BYE", 3).text());
        ua.pass_all();
    }
}

/// RFC 3262 §3: 481 for a PRACK that matches nothing that is out; a PRACK again gets its answer again.
// Holds: 3262-3-11, 3262-3-12, 3262-3-14
#[test]
fn a_prack_that_matches_nothing_is_481() {
    let (mut ua, _, progress) = ringing(Reply::code(183).sdp(SDP));
    let rseq = progress.rseq().unwrap().unwrap();
    let unknown = "481 Call/Transaction Does Not Exist (PRACK)";
    for (n, rack) in [
        format!("{} 1 INVITE", rseq + 1),
        format!("{rseq} 2 INVITE"),
        format!("{rseq} 1 UPDATE"),
        format!("{rseq} 1 invite"),
    ]
    .into_iter()
    .enumerate()
    {
        let stray = Req::within(&progress, "PRACK", 2).branch(&format!("z9hG4bK{n}"));
        assert_eq!(ua.hear(stray.line(&format!("RAck: {rack}")).text()).lines(), [unknown], "{rack}");
    }
    for lines in ["X: y", "RAck: 0 1 INVITE", "RAck: x"] {
        let broken = Req::within(&progress, "PRACK", 2).line(lines);
        assert_eq!(ua.hear(broken.text()).lines(), ["400 Bad Request (PRACK)"], "{lines}");
    }
    let stranger = prack(&progress, 2).to("<sip:bob@192.0.2.4>;tag=other");
    assert_eq!(ua.hear(stranger.text()).lines(), [unknown], "another dialog");
    let outside = prack(&progress, 2).to("<sip:bob@192.0.2.4>");
    assert_eq!(ua.hear(outside.text()).lines(), [unknown], "none");
    assert_eq!(
        ua.hear(prack(&progress, 1).text()).lines(),
        ["500 Internal Server Error (PRACK)"],
        "its number"
    );

    assert_eq!(ua.hear(prack(&progress, 2).text()).lines(), ["200 OK (PRACK)", "* pracked"]);
    assert_eq!(ua.hear(prack(&progress, 2).text()).lines(), ["200 OK (PRACK)"], "a retransmission");
    let again = prack(&progress, 3).branch("z9hG4bKagain");
    assert_eq!(ua.hear(again.text()).lines(), [unknown], "it is acknowledged once");
}

/// RFC 3262 §3: no PRACK within 64·T1: 504, and the early dialog is over; a 2xx that waits is never sent.
// Holds: 3262-3-15
#[test]
fn without_a_prack_the_invite_is_rejected() {
    for is_accepted in [false, true] {
        let (mut ua, server, _) = ringing(Reply::code(183).sdp(SDP));
        if is_accepted {
            ua.accept(server, Reply::new()).unwrap();
        }
        let heard = ua.pass(secs(32));
        let again = heard.times("183 Session Progress (INVITE) +body");
        assert_eq!(again, [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
        let end = [
            "504 Server Time-out (INVITE)",
            "* rejected 504",
            "* failed 504 Server Time-out",
            "* destroy by Local: Failed(504)",
        ];
        assert_eq!(heard.lines()[6..], end);
        let causes = heard.events().into_iter().filter_map(|event| match event {
            Event::Server { event: ServerEvent::Failed(report), .. } => report.cause,
            _ => None,
        });
        assert_eq!(causes.collect::<Vec<_>>(), [Cause::NoPrack]);
        ua.pass_all();
    }
}

/// RFC 3262 §3: 420 where we will not; RFC 3261 §21.4.16: 421 where we must and the peer cannot. What is accepted says so.
// Holds: 3262-3-2, 3261-8.2.4-3, 3261-8.2.4-4
#[test]
fn policies_on_the_wire() {
    for (policy, lines, status, said) in [
        (Rel100::Unsupported, REQUIRED, Some("420 Bad Extension (INVITE)"), (Name::Unsupported, "100rel")),
        (Rel100::Required, "X: y", Some("421 Extension Required (INVITE)"), (Name::Require, "100rel")),
        (Rel100::Unsupported, SUPPORTED, None, (Name::Supported, "")),
        (Rel100::Supported, REQUIRED, None, (Name::Supported, "100rel")),
        (Rel100::Supported, "X: y", None, (Name::Supported, "100rel")),
        (Rel100::Required, SUPPORTED, None, (Name::Supported, "100rel")),
        (Rel100::Required, REQUIRED, None, (Name::Supported, "100rel")),
    ] {
        let mut ua = bob(policy);
        let heard = ua.hear(Req::invite().line(lines).text());
        let answer = match status {
            Some(status) => heard.message(status),
            None => ua.accept(heard.server(), Reply::new()).unwrap().message("200 OK (INVITE)"),
        };
        assert_eq!(answer.value(said.0).unwrap_or_default(), said.1, "{policy:?} {lines}");
        let is_allowed = answer.allow().any(|method| method == "PRACK");
        assert_eq!(is_allowed, status.is_none() && policy != Rel100::Unsupported, "{policy:?} {lines}");
    }
    // What the application lists beside it stays; 100rel is the policy's to say.
    let mut ua = Ua::with(|config| config.supported = vec!["timer".into(), "100rel".into()]);
    let heard = ua.hear(Req::new("OPTIONS").text());
    assert_eq!(heard.message("200 OK (OPTIONS)").value(Name::Supported), Some("timer"));
    let heard = ua.hear(Req::invite().line(REQUIRED).text());
    assert_eq!(heard.lines(), ["420 Bad Extension (INVITE)"]);
}

/// RFC 3262 §5: an INVITE without an offer gets it in the first reliable answer, and the answer is in the PRACK.
// Holds: 3262-5-6, 3261-13.2.1-5, 3261-13.3.1-2
#[test]
fn the_offer_in_a_provisional_answer() {
    for has_answer in [true, false] {
        let mut ua = bob(Rel100::Supported);
        let server = ua.hear(Req::invite().line(REQUIRED).text()).server();
        let heard = ua.progress(server, Reply::code(183).sdp(SDP)).unwrap();
        assert_eq!(heard.lines()[1], "* progress 183 reliable");
        let (progress, dialog) = (heard.message(PROGRESS), heard.dialog());
        assert_eq!(session(&mut ua, dialog), (DialogState::Early, String::new(), String::new()));
        let mut prack = prack(&progress, 2);
        if has_answer {
            prack = prack.body("application/sdp", THEIRS);
            assert_eq!(ua.hear(prack.text()).lines(), ["200 OK (PRACK)", "* pracked"]);
            assert_eq!(session(&mut ua, dialog), (DialogState::Early, SDP.into(), THEIRS.into()));
            let heard = ua.accept(server, Reply::new()).unwrap();
            assert_eq!(heard.lines(), ["200 OK (INVITE)", "* accepted 200"]);
            assert_eq!(session(&mut ua, dialog), (DialogState::Confirmed, SDP.into(), THEIRS.into()));
        } else {
            let lines = ua.hear(prack.text()).lines();
            assert_eq!(lines[..3], ["200 OK (PRACK)", "* pracked", "488 Not Acceptable Here (INVITE)"]);
            ua.pass_all();
        }
    }
}

/// RFC 3262 §5: a PRACK may offer anew; the answer is in its 2xx. By default it is made of the current description.
// Holds: 3262-5-3, 3262-5-6
#[test]
fn an_offer_in_a_prack_is_answered() {
    let (mut ua, server, progress) = ringing(Reply::code(183).sdp(OURS));
    let dialog = ua.sip.server(server).unwrap().dialog().unwrap();
    let heard = ua.hear(prack(&progress, 2).body("application/sdp", &moved()).text());
    assert_eq!(heard.lines(), ["200 OK (PRACK) +body", "* pracked", "* PRACK answered 200"]);
    let (state, ours, theirs) = session(&mut ua, dialog);
    assert_eq!((state, theirs), (DialogState::Early, moved()));
    assert_eq!(ours.as_bytes(), heard.message("200 OK (PRACK)").body());
    assert_eq!(ua.accept(server, Reply::new()).unwrap().lines(), ["200 OK (INVITE)", "* accepted 200"]);
}

/// The same, asked of the application. Until it has answered, the answer that is acknowledged is repeated, and a 2xx waits.
#[test]
fn an_offer_in_a_prack_can_be_asked_for() {
    for is_refused in [false, true] {
        let mut ua = Ua::with(|config| {
            config.settings.rel100 = Rel100::Supported;
            config.policy.set_in_dialog(Method::Prack, Handling::Ask);
        });
        let server = ua.hear(invite().text()).server();
        let heard = ua.progress(server, Reply::code(183).sdp(OURS).reliable()).unwrap();
        let (progress, dialog) = (heard.message(PROGRESS), heard.dialog());
        assert!(ua.accept(server, Reply::new()).unwrap().lines().is_empty());
        let heard = ua.hear(prack(&progress, 2).body("application/sdp", &moved()).text());
        assert_eq!(heard.lines(), ["* PRACK asks"]);
        let asked = heard.server();
        assert_eq!(ua.pass(millis(500)).lines(), ["183 Session Progress (INVITE) +body"]);
        if is_refused {
            let lines = ua.reject(asked, Reply::code(488)).unwrap().lines();
            assert_eq!(lines[0], "488 Not Acceptable Here (PRACK)");
            // RFC 6337 §2.3: it is acknowledged again without an offer.
            let heard = ua.hear(prack(&progress, 3).text());
            let lines = ["200 OK (PRACK)", "* pracked", "200 OK (INVITE)", "* accepted 200"];
            assert_eq!(heard.lines(), lines);
            assert_eq!(session(&mut ua, dialog), (DialogState::Confirmed, OURS.into(), SDP.into()));
        } else {
            let lines = ua.accept(asked, Reply::new().sdp(THEIRS)).unwrap().lines();
            let expected =
                ["200 OK (PRACK) +body", "* accepted 200", "* pracked", "200 OK (INVITE)", "* accepted 200"];
            assert_eq!(lines, expected);
            assert_eq!(session(&mut ua, dialog), (DialogState::Confirmed, THEIRS.into(), moved()));
        }
    }
}

/// RFC 6337 §2.3: an offer in a PRACK that cannot be answered is 488, and the PRACK comes again without.
#[test]
fn an_unusable_offer_in_a_prack_is_488() {
    let (mut ua, _, progress) = ringing(Reply::code(183).sdp(OURS));
    let video = moved().replace("m=audio 4002 RTP/AVP 0", "m=video 4002 RTP/AVP 31");
    let heard = ua.hear(prack(&progress, 2).body("application/sdp", &video).text());
    assert_eq!(heard.lines()[0], "488 Not Acceptable Here (PRACK)");
    assert_eq!(ua.pass(millis(500)).lines(), ["183 Session Progress (INVITE) +body"]);
    assert_eq!(ua.hear(prack(&progress, 3).text()).lines(), ["200 OK (PRACK)", "* pracked"]);
}

/// RFC 3261 §9.2, RFC 3262 §3: CANCEL and PRACK in both orders. The PRACK after the 487 is still answered 200.
#[test]
fn cancel_and_prack() {
    for is_accepted in [false, true] {
        for is_pracked_first in [false, true] {
            let (mut ua, server, progress) = ringing(Reply::code(183).sdp(SDP));
            if is_accepted {
                ua.accept(server, Reply::new()).unwrap();
            }
            let cancel = invite().follow("CANCEL").text();
            if is_pracked_first {
                let lines = ua.hear(prack(&progress, 2).text()).lines();
                assert_eq!(lines[..2], ["200 OK (PRACK)", "* pracked"]);
                let lines = ua.hear(cancel).lines();
                match is_accepted {
                    true => assert_eq!(lines, ["200 OK (CANCEL)", "* cancel too late"]),
                    false => assert_eq!(lines[2], "487 Request Terminated (INVITE)"),
                }
                continue;
            }
            let lines = ua.hear(cancel).lines();
            assert_eq!(lines[..3], ["200 OK (CANCEL)", "* cancelled", "487 Request Terminated (INVITE)"]);
            assert_eq!(lines.last().unwrap(), "* destroy by Remote: Cancelled");
            assert_eq!(ua.hear(prack(&progress, 2).text()).lines(), ["200 OK (PRACK)", "* pracked"]);
            assert_eq!(ua.hear(prack(&progress, 2).text()).lines(), ["200 OK (PRACK)"], "a retransmission");
            ua.hear(invite().follow("ACK").to(progress.value(Name::To).unwrap()).text());
            ua.pass_all();
        }
    }
}

/// RFC 3262 §3: any other final answer goes at once, and the PRACK that it crosses is answered 200, the next one 481.
// Holds: 3262-3-22
#[test]
fn a_rejection_and_prack() {
    let (mut ua, server, progress) = ringing(Reply::code(183).sdp(SDP));
    assert_eq!(ua.reject(server, Reply::code(486)).unwrap().lines()[0], "486 Busy Here (INVITE)");
    assert_eq!(ua.hear(prack(&progress, 2).text()).lines(), ["200 OK (PRACK)", "* pracked"]);
    let again = prack(&progress, 3).branch("z9hG4bKagain");
    assert_eq!(ua.hear(again.text()).lines(), ["481 Call/Transaction Does Not Exist (PRACK)"]);
    ua.hear(invite().follow("ACK").to(progress.value(Name::To).unwrap()).text());
    ua.pass_all();
}

/// DESIGN.md §2 contract 2: the PRACK that a rejection crosses has no more room than any request has (RFC 3261 §21.5.4).
#[test]
fn a_prack_behind_a_rejection_needs_room() {
    let mut ua = Ua::with(|config| {
        config.settings.rel100 = Rel100::Supported;
        config.limits.servers = 1;
    });
    let server = ua.hear(invite().text()).server();
    let progress = ua.progress(server, Reply::code(183).sdp(SDP).reliable()).unwrap().sent().remove(0);
    ua.reject(server, Reply::code(486)).unwrap();
    assert_eq!(ua.hear(prack(&progress, 2).text()).lines(), ["503 Service Unavailable (PRACK)"]);
    assert_eq!((ua.sip.counts()[0], ua.sip.counters().overloaded), (1, 1));
}

/// While a 2xx waits, the call is not up: BYE and `destroy` end it with a rejection.
#[test]
fn the_end_of_a_call_whose_2xx_waits() {
    let (mut ua, server, progress) = ringing(Reply::code(183).sdp(SDP));
    ua.accept(server, Reply::new()).unwrap();
    let lines = ua.hear(Req::within(&progress, "BYE", 2).text()).lines();
    assert_eq!(lines[..2], ["200 OK (BYE)", "487 Request Terminated (INVITE)"]);
    assert_eq!(lines.iter().filter(|line| line.contains("destroy")).count(), 1);
    ua.hear(invite().follow("ACK").to(progress.value(Name::To).unwrap()).text());
    ua.pass_all();

    let (mut ua, server, _) = ringing(Reply::code(183).sdp(SDP));
    ua.accept(server, Reply::new()).unwrap();
    let dialog = ua.sip.server(server).unwrap().dialog().unwrap();
    assert_eq!(ua.destroy(dialog).lines()[0], "480 Temporarily Unavailable (INVITE)");
    ua.pass_all();
}

/// RFC 3262 §3: one at a time, in order, each told when it is sent.
// Holds: 3262-3-16
#[test]
fn one_answer_is_out_at_a_time() {
    let (mut ua, server, first) = ringing(Reply::code(183).sdp(SDP));
    assert!(ua.progress(server, Reply::code(180).reliable()).unwrap().lines().is_empty());
    let heard = ua.hear(prack(&first, 2).text());
    let lines = ["200 OK (PRACK)", "* pracked", "180 Ringing (INVITE)", "* progress 180 reliable"];
    assert_eq!(heard.lines(), lines);
    let second = heard.message("180 Ringing (INVITE)");
    assert_eq!(second.rseq().unwrap(), first.rseq().unwrap().map(|rseq| rseq + 1));
    assert_eq!(ua.hear(prack(&second, 3).text()).lines(), ["200 OK (PRACK)", "* pracked"]);
    assert_eq!(ua.accept(server, Reply::new()).unwrap().lines(), ["200 OK (INVITE)", "* accepted 200"]);
}

/// RFC 3262 §4: an INVITE that insists has all its answers reliable, without the application's doing; not the 100.
// Holds: 3262-3-1, 3262-3-3
#[test]
fn an_invite_that_insists() {
    let mut ua = bob(Rel100::Supported);
    let server = ua.hear(Req::invite().line(REQUIRED).body("application/sdp", SDP).text()).server();
    let trying = ua.pass(millis(200)).only();
    assert_eq!((trying.status().unwrap().code(), trying.value(Name::RSeq)), (100, None));
    let heard = ua.progress(server, Reply::new()).unwrap();
    assert_eq!(heard.lines(), ["180 Ringing (INVITE)", "* progress 180 reliable"]);
}

/// A PRACK is not held back: what it acknowledges would be repeated.
#[test]
fn a_prack_is_not_held_back() {
    let (mut ua, server, progress) = ringing(Reply::code(183).sdp(SDP));
    let dialog = ua.sip.server(server).unwrap().dialog().unwrap();
    ua.sip.dialog(dialog).unwrap().hold_back(ua.now, true).unwrap();
    assert_eq!(ua.hear(prack(&progress, 2).text()).lines(), ["200 OK (PRACK)", "* pracked"]);
}

/// RFC 3262 §4 and §3: a re-INVITE can be answered so too.
#[test]
fn a_re_invite_with_a_reliable_answer() {
    let mut ua = bob(Rel100::Supported);
    let server = ua.hear(invite().text()).server();
    let ok = ua.accept(server, Reply::new().sdp(SDP)).unwrap().message("200 OK (INVITE)");
    ua.hear(Req::within(&ok, "ACK", 1).text());
    let offer = THEIRS.replace("192.0.2.9", "192.0.2.8");
    let again = Req::within(&ok, "INVITE", 2).line("Contact: <sip:alice@192.0.2.1>").line(SUPPORTED);
    let heard = ua.hear(again.body("application/sdp", &offer).text());
    let (server, dialog) = (heard.server(), heard.dialog());
    let heard = ua.progress(server, Reply::code(183).sdp(OURS).reliable()).unwrap();
    let progress = heard.message(PROGRESS);
    assert!(ua.accept(server, Reply::new()).unwrap().lines().is_empty());
    let heard = ua.hear(prack(&progress, 3).text());
    assert_eq!(heard.lines(), ["200 OK (PRACK)", "* pracked", "200 OK (INVITE)", "* accepted 200"]);
    assert_eq!(ua.hear(Req::within(&ok, "ACK", 2).text()).lines(), ["* ack"]);
    assert_eq!(session(&mut ua, dialog), (DialogState::Confirmed, OURS.into(), offer));
}

// The client side.

/// Bob, who has called Alice with an offer; his INVITE.
fn calling() -> (Ua, RequestId, Message) {
    let mut ua = bob(Rel100::Supported);
    let (id, invite) = ua.call_alice();
    (ua, id, invite)
}

/// Alice's reliable provisional answer.
fn reliable(invite: &Message, code: u16, tag: &str, rseq: u32, sdp: Option<&str>) -> String {
    let text = answer(invite, code, tag, &format!("{CONTACT}{REQUIRED}\r\nRSeq: {rseq}\r\n"));
    match sdp {
        Some(sdp) => with_sdp(&text, sdp),
        None => text,
    }
}

fn with_sdp(text: &str, sdp: &str) -> String {
    let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
    text.replace("Content-Length: 0\r\n\r\n", &body)
}

/// RFC 3262 §4, §7.2; D18: acknowledged at once within the early dialog, with the dialog's next number; the ACK has the INVITE's.
// Holds: 3262-4-6, 3262-4-7, 3262-4-8, 3262-4-9, 3262-5-4
#[test]
fn a_reliable_answer_is_acknowledged() {
    for policy in [Rel100::Unsupported, Rel100::Supported, Rel100::Required] {
        let mut ua = bob(policy);
        let (_, invite) = ua.call_alice();
        let route = "Record-Route: <sip:192.0.2.70;lr>\r\n";
        let progress =
            reliable(&invite, 183, "a", 776_656, Some(THEIRS)).replace(CONTACT, &format!("{route}{CONTACT}"));
        let heard = ua.hear(progress.clone());
        assert_eq!(heard.lines(), ["PRACK", "* got 183 X (INVITE) +body"]);
        let (prack, dialog) = (heard.message("PRACK"), heard.dialog());
        assert_eq!(prack.value(Name::RAck), Some("776656 1 INVITE"));
        assert_eq!(
            (prack.cseq(), prack.to().unwrap().tag(), prack.call_id()),
            (2, Some("a"), invite.call_id())
        );
        assert_eq!((prack.request_uri(), prack.routes().count()), (Some("sip:alice@192.0.2.1"), 1));
        assert_eq!(heard.transmits()[0].flow.remote, crate::support::address("192.0.2.70:5060"));
        assert_eq!(prack.value(Name::Require), None, "RFC 3262 §4: in INVITE only");
        assert_eq!(session(&mut ua, dialog), (DialogState::Early, SDP.into(), THEIRS.into()));

        assert!(ua.hear(progress).lines().is_empty(), "RFC 3262 §4: a retransmission is dropped");
        assert_eq!(ua.pass(millis(500)).lines(), ["PRACK"], "the PRACK repeats itself");
        assert!(ua.hear(answer(&prack, 200, "", "")).lines().is_empty());
        let heard = ua.hear(answer(&invite, 200, "a", &format!("{route}{CONTACT}")));
        assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"]);
        assert_eq!(heard.message("ACK").cseq(), 1);
        assert_eq!(ua.destroy(dialog).only().cseq(), 3);
    }
}

/// RFC 3262 §4: only the next one is acknowledged, and told of; each fork has its own numbers.
// Holds: 3262-4-12, 3262-4-13, 3262-4-14
#[test]
fn answers_out_of_order_are_dropped() {
    let (mut ua, _, invite) = calling();
    for (tag, rseq, lines) in [
        ("a", 7, &["PRACK", "* got 183 X (INVITE)"][..]),
        ("a", 9, &[]),
        ("a", 6, &[]),
        ("b", 9, &["PRACK", "* got 183 X (INVITE)"]),
        ("a", 8, &["PRACK", "* got 183 X (INVITE)"]),
        ("a", 9, &["PRACK", "* got 183 X (INVITE)"]),
    ] {
        let heard = ua.hear(reliable(&invite, 183, tag, rseq, None));
        assert_eq!(heard.lines(), lines, "{tag} {rseq}");
        if !lines.is_empty() {
            let prack = heard.message("PRACK");
            assert_eq!(prack.to().unwrap().tag(), Some(tag));
            assert_eq!(prack.value(Name::RAck).unwrap(), format!("{rseq} 1 INVITE"));
        }
    }
    // Neither is one that only looks so, nor one after the final answer.
    for lines in ["RSeq: 1\r\n", "Require: 100rel\r\n"] {
        let ordinary = answer(&invite, 180, "c", &format!("{CONTACT}{lines}"));
        assert_eq!(ua.hear(ordinary).lines(), ["* got 180 X (INVITE)"]);
    }
    ua.hear(answer(&invite, 200, "a", CONTACT));
    assert!(ua.hear(reliable(&invite, 183, "b", 10, None)).lines().is_empty());
}

/// RFC 3262 §5: an offer in the answer is answered in the PRACK, by the application.
// Holds: 3262-5-2, 3262-5-6
#[test]
fn the_peers_offer_is_answered_in_the_prack() {
    let mut ua = bob(Rel100::Supported);
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1"));
    let invite = heard.message("INVITE");
    let heard = ua.hear(reliable(&invite, 183, "a", 1, Some(THEIRS)));
    assert_eq!(heard.lines(), ["* got 183 X (INVITE) +body", "* offer: answer due"]);
    let dialog = heard.dialog();
    assert!(ua.hear(reliable(&invite, 183, "a", 1, Some(THEIRS))).lines().is_empty());
    ua.sip.dialog(dialog).unwrap().answer(ua.now, OURS).unwrap();
    let prack = ua.drain().only();
    assert_eq!((prack.method(), prack.body()), (&Method::Prack, OURS.as_bytes()));
    assert_eq!(session(&mut ua, dialog), (DialogState::Early, OURS.into(), THEIRS.into()));
    let refused = ua.sip.dialog(dialog).unwrap().answer(ua.now, OURS);
    assert_eq!(refused, Err(Refused::Dialog(DialogError::NoOffer)), "once");
    ua.hear(answer(&prack, 200, "", ""));
    let heard = ua.hear(answer(&invite, 200, "a", CONTACT));
    assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"]);
    assert!(heard.message("ACK").body().is_empty());
    assert_eq!(session(&mut ua, dialog), (DialogState::Confirmed, OURS.into(), THEIRS.into()));
}

/// Where the application gives no answer, the INVITE is cancelled: a PRACK would have to have one.
#[test]
fn an_offer_that_is_not_answered_ends_the_call() {
    let mut ua = bob(Rel100::Supported);
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1"));
    let invite = heard.message("INVITE");
    ua.hear(reliable(&invite, 183, "a", 1, Some(THEIRS)));
    assert_eq!(ua.pass(secs(31)).lines(), [] as [&str; 0]);
    assert_eq!(ua.pass(millis(500)).timed(), ["31.5 CANCEL"]);
    let lines = ua.hear(answer(&invite, 487, "a", "")).lines();
    assert_eq!(lines, ["ACK", "* destroy by Local: Cancelled", "* failed 487 X (INVITE)"]);
    ua.pass_all();
}

/// What becomes of the PRACK is the server's to judge: the INVITE goes on.
#[test]
fn a_prack_that_fails_ends_nothing() {
    for code in [481, 500, 408] {
        let (mut ua, _, invite) = calling();
        let prack = ua.hear(reliable(&invite, 183, "a", 1, Some(THEIRS))).message("PRACK");
        assert!(ua.hear(answer(&prack, code, "", "")).lines().is_empty());
        let heard = ua.hear(answer(&invite, 200, "a", CONTACT));
        assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"], "{code}");
    }
    let (mut ua, _, invite) = calling();
    ua.hear(reliable(&invite, 183, "a", 1, None));
    let lines = ua.pass(secs(33)).lines();
    assert!(lines.iter().all(|line| line == "PRACK"), "{lines:?}");
    ua.hear(answer(&invite, 504, "a", ""));
    ua.pass_all();
}

/// PRACK × 200 on its way: the 200 to the INVITE overtakes the one to the PRACK (RFC 3262 §3).
#[test]
fn the_2xx_overtakes_the_answer_to_the_prack() {
    let (mut ua, _, invite) = calling();
    let heard = ua.hear(reliable(&invite, 183, "a", 1, Some(THEIRS)));
    let (prack, dialog) = (heard.message("PRACK"), heard.dialog());
    let lines = ua.hear(answer(&invite, 200, "a", CONTACT)).lines();
    assert_eq!(lines, ["ACK", "* accepted 200 X (INVITE)"]);
    assert!(ua.hear(answer(&prack, 200, "", "")).lines().is_empty());
    assert_eq!(session(&mut ua, dialog), (DialogState::Confirmed, SDP.into(), THEIRS.into()));
    let bye = ua.destroy(dialog).only();
    ua.hear(answer(&bye, 200, "", ""));
    ua.pass_all();
}

/// CANCEL × PRACK: what comes reliably after the CANCEL is acknowledged too, in both orders.
#[test]
fn cancel_and_a_reliable_answer() {
    for is_cancelled_first in [true, false] {
        let (mut ua, id, invite) = calling();
        if is_cancelled_first {
            assert!(ua.cancel(id).lines().is_empty(), "RFC 3261 §9.1: it waits");
        }
        let heard = ua.hear(reliable(&invite, 183, "a", 1, Some(THEIRS)));
        let prack = heard.message("PRACK");
        let cancel = match is_cancelled_first {
            true => heard.message("CANCEL"),
            false => ua.cancel(id).message("CANCEL"),
        };
        ua.hear(answer(&cancel, 200, "a", ""));
        assert_eq!(ua.hear(reliable(&invite, 183, "a", 2, None)).lines()[0], "PRACK");
        let lines = ua.hear(answer(&invite, 487, "a", "")).lines();
        assert_eq!(lines, ["ACK", "* destroy by Local: Cancelled", "* failed 487 X (INVITE)"]);
        ua.hear(answer(&prack, 481, "", ""));
        ua.pass_all();
    }
}

/// RFC 6228 §4, §6: a 199 that is sent reliably is acknowledged, and ends its early dialog.
#[test]
fn a_reliable_199() {
    let (mut ua, _, invite) = calling();
    ua.hear(reliable(&invite, 180, "a", 1, None));
    let lines = ua.hear(reliable(&invite, 199, "a", 2, None)).lines();
    assert_eq!(lines, ["PRACK", "* got 199 X (INVITE)", "* destroy by Remote: OtherFork"]);
}

/// RFC 3262 §4: what an INVITE of ours says, as configured or as the application says of it.
// Holds: 3262-4-1, 3262-4-2, 3261-8.1.1.9-1, 3261-8.1.1.9-3, 3261-13.2.1-3
#[test]
fn what_our_invites_say() {
    use Rel100::{Required, Supported, Unsupported};
    for config in [Unsupported, Supported, Required] {
        for own in [None, Some(Unsupported), Some(Supported), Some(Required)] {
            let mut ua = bob(config);
            let mut invite = Invite::to("sip:alice@192.0.2.1").sdp(SDP);
            invite.rel100 = own;
            let (_, heard) = ua.invite(invite);
            let invite = heard.message("INVITE");
            let policy = own.unwrap_or(config);
            let said = (policy != Unsupported).then_some("100rel");
            assert_eq!(invite.supported().next(), said, "{config:?} {own:?}");
            let required = (policy == Required).then_some("100rel");
            assert_eq!(invite.require().next(), required, "{config:?} {own:?}");
            assert_eq!(Rel100::of(&invite), policy);
        }
    }
    let mut ua = bob(Required);
    let own = Invite::to("sip:alice@192.0.2.1").header("Require", "precondition, 100REL");
    let (_, heard) = ua.invite(own);
    assert_eq!(heard.message("INVITE").values(Name::Require).collect::<Vec<_>>(), ["precondition, 100REL"]);
    let request = sip_proto::context::Request::new(Method::Message, "sip:alice@192.0.2.1");
    ua.sip.request(ua.now, request).unwrap();
    assert_eq!(ua.drain().message("MESSAGE").value(Name::Require), None, "in INVITE only");
}

/// DESIGN.md §2 contract 2: what cannot be acknowledged for want of room is as good as lost, and acknowledged when it comes again.
#[test]
fn without_room_an_answer_is_as_good_as_lost() {
    let mut ua = Ua::with(|config| config.limits.clients = 2);
    let (_, invite) = ua.call_alice();
    let other = Invite::to("sip:carol@192.0.2.1").sdp(SDP);
    let (_, heard) = ua.invite(other);
    assert!(ua.hear(reliable(&invite, 183, "a", 1, None)).lines().is_empty());
    assert_eq!(ua.sip.counters().overloaded, 1);
    ua.hear(answer(&heard.message("INVITE"), 486, "c", ""));
    ua.pass(secs(33));
    let (mut ua, _, invite) = calling();
    for rseq in 1..50 {
        ua.hear(reliable(&invite, 183, "a", rseq, None));
    }
    assert_eq!(ua.sip.counts(), [0, 50, 1]);
}

/// A re-INVITE of ours whose reliable answer brings the peer's description (RFC 3262 §4, §5).
#[test]
fn a_re_invite_of_ours_with_a_reliable_answer() {
    let mut ua = bob(Rel100::Supported);
    let (_, invite) = ua.call_alice();
    let heard = ua.hear(with_sdp(&answer(&invite, 200, "a", CONTACT), THEIRS));
    let dialog = heard.dialog();
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Sdp(moved().into())).unwrap();
    let again = ua.drain().only();
    let heard = ua.hear(reliable(&again, 183, "a", 5, Some(OURS)));
    assert_eq!(heard.lines(), ["PRACK", "* got 183 X (INVITE) +body"]);
    let prack = heard.message("PRACK");
    assert_eq!((prack.value(Name::RAck), prack.cseq()), (Some("5 2 INVITE"), 3));
    assert_eq!(session(&mut ua, dialog), (DialogState::Confirmed, moved(), OURS.into()));
    ua.hear(answer(&prack, 200, "", ""));
    let heard = ua.hear(answer(&again, 200, "a", CONTACT));
    assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"]);
    assert_eq!(session(&mut ua, dialog), (DialogState::Confirmed, moved(), OURS.into()));
}

/// RFC 3261 §14.2: a re-INVITE that is refused while ours is under way takes nothing from ours.
#[test]
fn what_is_refused_leaves_our_offer_in_place() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let ok = with_sdp(&answer(&invite, 200, "a", CONTACT), THEIRS);
    let heard = ua.hear(ok.clone());
    let dialog = heard.dialog();
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Sdp(moved().into())).unwrap();
    let ours = ua.drain().only();
    let theirs = Req::back(&invite, &crate::support::parse(&ok), "INVITE", 1).line(CONTACT.trim_end());
    let heard = ua.hear(theirs.body("application/sdp", OURS).text());
    assert_eq!(heard.lines()[0], "491 Request Pending (INVITE)");
    ua.hear(with_sdp(&answer(&ours, 200, "a", CONTACT), OURS));
    assert_eq!(session(&mut ua, dialog), (DialogState::Confirmed, moved(), OURS.into()));
}

/// RFC 3261 §13.2.1: our offer is out in a reliable 183. The 2xx may say it again, and nothing else.
#[test]
fn a_2xx_may_say_the_offer_again_that_is_out() {
    let mut ua = bob(Rel100::Supported);
    let server = ua.hear(Req::invite().line(SUPPORTED).text()).server();
    let heard = ua.progress(server, Reply::code(183).sdp(SDP).reliable()).unwrap();
    let progress = heard.sent().remove(0);
    let other = ua.accept(server, Reply::new().sdp(SDP.replace("4000", "4002"))).unwrap_err();
    assert_eq!(other, Refused::Dialog(DialogError::Session(Refusal::SdpMisplaced)));
    assert_eq!(ua.accept(server, Reply::new().sdp(SDP)).unwrap().lines(), [""; 0]);
    let answered = prack(&progress, 2).body("application/sdp", SDP);
    assert_eq!(ua.hear(answered.text()).message("200 OK (INVITE)").body(), SDP.as_bytes());
}
