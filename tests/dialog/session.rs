//! The session of a dialog: what is left of a change that fails, who holds whom, and what the answer to an offer says.

use sip_proto::dialog::{Dialog, Modify};
use sip_proto::sdp::{Direction, Meaning, Session, Side};
use sip_proto::{Message, Method};

const ALICE: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
const BOB: &str =
    "v=0\r\no=- 4 1 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n";

/// A message of a call between Alice, whose tag is `a`, and Bob. `by` starts it: a request, or the answer to one of the other.
fn message(start: &str, method: &str, cseq: u32, lines: &str, sdp: &str) -> Message {
    let body = match sdp {
        "" => String::from("\r\n"),
        sdp => format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len()),
    };
    Message::parse(format!(
        "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:alice@h>;tag=a\r\nTo: <sip:bob@h>;tag=b\r\n\
         Call-ID: c\r\nCSeq: {cseq} {method}\r\nContact: <sip:alice@h>\r\n{lines}{body}"
    ))
    .unwrap()
}

fn request(method: &str, cseq: u32, sdp: &str) -> Message {
    message(&format!("{method} sip:bob@h SIP/2.0"), method, cseq, "", sdp)
}

fn answer(code: u16, method: &str, cseq: u32, sdp: &str) -> Message {
    message(&format!("SIP/2.0 {code} X"), method, cseq, "", sdp)
}

/// A reliable provisional answer (RFC 3262).
fn reliable(cseq: u32, sdp: &str) -> Message {
    message("SIP/2.0 183 X", "INVITE", cseq, "Require: 100rel\r\nRSeq: 1\r\n", sdp)
}

fn stating(sdp: &str, version: u32, direction: &str) -> String {
    format!("{}a={direction}\r\n", sdp.replacen(" 1 IN", &format!(" {version} IN"), 1))
}

/// Bob's dialog, up and acknowledged.
fn call() -> Dialog {
    let mut dialog = Dialog::uas(&request("INVITE", 1, ALICE), &answer(200, "INVITE", 1, BOB)).unwrap();
    assert_eq!(dialog.note(Side::Theirs, &request("ACK", 1, "")), Ok(Meaning::Nothing));
    assert!(dialog.negotiation().is_stable());
    dialog
}

fn holds(dialog: &Dialog) -> (bool, bool) {
    (dialog.local_hold(), dialog.remote_hold())
}

fn directions(sdp: &[u8]) -> Vec<Direction> {
    Session::parse(sdp).unwrap().streams().map(|stream| stream.direction).collect()
}

/// RFC 3261 §14.1, RFC 3311 §5.3: a request that ends without an answer takes its offer with it, and another may follow; a method that
/// carries no offer takes none.
#[test]
fn a_request_that_nobody_answers_takes_its_offer_with_it() {
    let offer = stating(ALICE, 2, "sendonly");
    for (name, method) in [("INVITE", Method::Invite), ("UPDATE", Method::Update)] {
        for by in [Side::Ours, Side::Theirs] {
            let mut dialog = call();
            assert_eq!(dialog.note(by, &request(name, 2, &offer)), Ok(Meaning::Offer), "{name}");
            dialog.note_unanswered(by, &Method::Info);
            assert!(!dialog.negotiation().is_stable(), "an INFO is not {name}");
            dialog.note_unanswered(by, &method);
            assert!(dialog.negotiation().is_stable(), "{name} of {by:?}");
            assert_eq!((dialog.local().sdp, dialog.remote().sdp), (BOB.as_bytes(), ALICE.as_bytes()));
            assert_eq!(holds(&dialog), (false, false));
            assert_eq!(dialog.note(by, &request(name, 3, &offer)), Ok(Meaning::Offer), "{name} again");
        }
    }
}

/// RFC 3262 §5: the same for an answer that a PRACK was to bring, or an offer.
#[test]
fn a_prack_that_nobody_answers_takes_its_offer_with_it() {
    let offer = stating(ALICE, 2, "sendonly");
    let mut dialog = call();
    dialog.note(Side::Theirs, &request("INVITE", 2, ALICE)).unwrap();
    dialog.note_sent(&reliable(2, BOB));
    assert_eq!(dialog.note(Side::Theirs, &request("PRACK", 3, &offer)), Ok(Meaning::Offer));
    assert!(!dialog.negotiation().is_stable());
    dialog.note_unanswered(Side::Theirs, &Method::Prack);
    assert!(dialog.negotiation().is_stable());
}

/// RFC 3261 §14.1, RFC 6141 §3: a hold that was agreed in a reliable provisional answer ends with its INVITE when that fails; one from
/// before stays.
#[test]
fn a_hold_agreed_within_an_invite_that_fails_ends_with_it() {
    for (by, held) in [(Side::Ours, (true, false)), (Side::Theirs, (false, true))] {
        let (offerer, answerer) = if by == Side::Ours { (BOB, ALICE) } else { (ALICE, BOB) };
        let hold = |dialog: &mut Dialog, version, cseq| {
            dialog.note(by, &request("INVITE", cseq, &stating(offerer, version, "sendonly"))).unwrap();
            let answer = stating(answerer, version, "recvonly");
            assert_eq!(dialog.note(by.other(), &reliable(cseq, &answer)), Ok(Meaning::Answer));
            assert_eq!(holds(dialog), held, "{by:?}");
        };
        // There was no hold before.
        let mut dialog = call();
        hold(&mut dialog, 2, 2);
        assert_eq!(dialog.note(by.other(), &answer(488, "INVITE", 2, "")), Ok(Meaning::RolledBack));
        assert_eq!(holds(&dialog), (false, false), "{by:?}");
        // There was one.
        let mut dialog = call();
        dialog.note(by, &request("UPDATE", 2, &stating(offerer, 2, "sendonly"))).unwrap();
        let held_before = stating(answerer, 2, "recvonly");
        assert_eq!(dialog.note(by.other(), &answer(200, "UPDATE", 2, &held_before)), Ok(Meaning::Answer));
        hold(&mut dialog, 3, 3);
        assert_eq!(dialog.note(by.other(), &answer(488, "INVITE", 3, "")), Ok(Meaning::RolledBack));
        assert_eq!(holds(&dialog), held, "{by:?}");
    }
}

/// RFC 3264 §6.1, §8.3.2: an offer that leaves a format out changes the session, though its streams go where they went: the answer that is made for it
/// leaves the format out as well.
#[test]
fn an_answer_has_no_format_that_the_offer_left_out() {
    let two = |sdp: &str| sdp.replace("RTP/AVP 0", "RTP/AVP 0 8");
    let (invite, ok) = (request("INVITE", 1, &two(ALICE)), answer(200, "INVITE", 1, &two(BOB)));
    let dialog = Dialog::uas(&invite, &ok).unwrap();
    let answer_to =
        |offer: &str| String::from_utf8(dialog.answer_to(offer.as_bytes()).unwrap().to_vec()).unwrap();
    assert_eq!(answer_to(&two(ALICE)), two(BOB), "nothing has changed");
    let fewer = ALICE.replacen(" 1 IN", " 2 IN", 1);
    let answer = answer_to(&fewer);
    assert!(answer.contains("m=audio 6000 RTP/AVP 0\r\n"), "{answer}");
}

/// RFC 3261 §21.1.1, §13.2.1: a 100 is of the next hop. What it describes is no answer, and not what the answer will be.
#[test]
fn a_100_describes_nothing() {
    let mut dialog = call();
    assert_eq!(dialog.note(Side::Ours, &request("INVITE", 2, BOB)), Ok(Meaning::Offer));
    assert_eq!(dialog.note(Side::Theirs, &answer(100, "INVITE", 2, ALICE)), Ok(Meaning::Nothing));
    assert_eq!(dialog.negotiation().preview(), None);
    assert_eq!(dialog.note(Side::Theirs, &answer(180, "INVITE", 2, ALICE)), Ok(Meaning::Preview));
    assert_eq!(dialog.negotiation().preview(), Some(ALICE.as_bytes()));
}

/// RFC 3264 §8.4: who holds whom does not depend on whether somebody asked in between.
#[test]
fn who_holds_whom_is_known_whenever_it_is_asked() {
    let directions = ["sendrecv", "sendonly", "recvonly", "inactive"];
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..directions.len().pow(4) {
        let direction = |place: u32| directions[number / directions.len().pow(place) % directions.len()];
        for (by, fails) in
            [(Side::Ours, false), (Side::Theirs, false), (Side::Ours, true), (Side::Theirs, true)]
        {
            let run = |asks: bool| {
                let offer = request("INVITE", 1, &stating(ALICE, 1, direction(0)));
                let ok = answer(200, "INVITE", 1, &stating(BOB, 1, direction(1)));
                let mut dialog = Dialog::uas(&offer, &ok).unwrap();
                dialog.note(Side::Theirs, &request("ACK", 1, "")).unwrap();
                let first = asks.then(|| holds(&dialog));
                let (one, two) = if by == Side::Ours { (BOB, ALICE) } else { (ALICE, BOB) };
                dialog.note(by, &request("INVITE", 2, &stating(one, 2, direction(2)))).unwrap();
                let second = stating(two, 2, direction(3));
                match fails {
                    true => {
                        assert_eq!(dialog.note(by.other(), &reliable(2, &second)), Ok(Meaning::Answer));
                        let failure = answer(488, "INVITE", 2, "");
                        assert_eq!(dialog.note(by.other(), &failure), Ok(Meaning::RolledBack));
                    }
                    false => {
                        let ok = answer(200, "INVITE", 2, &second);
                        assert_eq!(dialog.note(by.other(), &ok), Ok(Meaning::Answer));
                    }
                }
                (first, holds(&dialog), dialog.offer_of(&Modify::Unhold))
            };
            let (asked, unasked) = (run(true), run(false));
            assert_eq!((asked.1, &asked.2), (unasked.1, &unasked.2), "{number} {by:?} {fails}");
            seen.insert((asked.0, asked.1));
        }
    }
    assert!(seen.len() > 8, "{seen:?}");
}

/// RFC 3264 §6.1, §8.4, RFC 6337 §5.3: who is held only listens, and says so in a refresh too. A peer that answers this as if it were not holding has ended
/// nothing; and when it does end its hold, who only listened talks again.
#[test]
fn a_hold_outlasts_a_refresh_by_who_is_held() {
    let mut dialog = call();
    let listening = stating(BOB, 2, "recvonly");
    for (by, offer, answered) in [
        (Side::Theirs, stating(ALICE, 2, "sendonly"), listening.clone()),
        (Side::Ours, listening, ALICE.replacen(" 1 IN", " 3 IN", 1)),
    ] {
        assert_eq!(dialog.note(by, &request("INVITE", 2, &offer)), Ok(Meaning::Offer));
        assert_eq!(dialog.note(by.other(), &answer(200, "INVITE", 2, &answered)), Ok(Meaning::Answer));
        assert_eq!(dialog.note(by, &request("ACK", 2, "")), Ok(Meaning::Nothing));
        assert_eq!(holds(&dialog), (false, true), "{by:?}");
    }
    let answer = dialog.answer_to(stating(ALICE, 4, "sendrecv").as_bytes()).unwrap();
    assert_eq!(directions(&answer), [Direction::SendRecv]);
}

/// RFC 3264 §6.1: the same where the call began with the hold.
#[test]
fn a_first_hold_outlasts_a_refresh_by_who_is_held() {
    let (holding, listening) = (stating(ALICE, 1, "sendonly"), stating(BOB, 1, "recvonly"));
    let mut dialog =
        Dialog::uas(&request("INVITE", 1, &holding), &answer(200, "INVITE", 1, &listening)).unwrap();
    dialog.note(Side::Theirs, &request("ACK", 1, "")).unwrap();
    dialog.note(Side::Ours, &request("INVITE", 2, &listening)).unwrap();
    let silent = answer(200, "INVITE", 2, &ALICE.replacen(" 1 IN", " 2 IN", 1));
    assert_eq!(dialog.note(Side::Theirs, &silent), Ok(Meaning::Answer));
    assert_eq!(holds(&dialog), (false, true));
}

/// RFC 3264 §6.1, §8.4: the same for a hold of ours; when it ends, each stream goes where it went before.
#[test]
fn a_hold_of_ours_outlasts_a_refresh_by_the_peer() {
    let two = |sdp: &str, version: u32, audio: &str, video: &str| {
        let sdp = sdp.replacen(" 1 IN", &format!(" {version} IN"), 1);
        format!("{sdp}{audio}m=video 6002 RTP/AVP 31\r\n{video}")
    };
    let listening = two(ALICE, 2, "a=recvonly\r\n", "a=recvonly\r\n");
    let invite = request("INVITE", 1, &two(ALICE, 1, "", ""));
    let mut dialog =
        Dialog::uas(&invite, &answer(200, "INVITE", 1, &two(BOB, 1, "", "a=sendonly\r\n"))).unwrap();
    dialog.note(Side::Theirs, &request("ACK", 1, "")).unwrap();
    let hold = String::from_utf8(dialog.offer_of(&Modify::Hold).unwrap().unwrap().to_vec()).unwrap();
    let silent = two(BOB, 3, "", "");
    for (by, offer, answered) in [(Side::Ours, &hold, &listening), (Side::Theirs, &listening, &silent)] {
        assert_eq!(dialog.note(by, &request("INVITE", 2, offer)), Ok(Meaning::Offer));
        assert_eq!(dialog.note(by.other(), &answer(200, "INVITE", 2, answered)), Ok(Meaning::Answer));
        assert_eq!(dialog.note(by, &request("ACK", 2, "")), Ok(Meaning::Nothing));
        assert_eq!(holds(&dialog), (true, false), "{by:?}");
    }
    let unhold = dialog.offer_of(&Modify::Unhold).unwrap().unwrap();
    assert_eq!(directions(&unhold), [Direction::SendRecv, Direction::SendOnly]);
}

/// RFC 3311 §4: Allow says whether the peer takes UPDATE, also in the answer that takes a change of the session back.
#[test]
fn what_the_peer_allows_is_not_taken_back() {
    let mut dialog = call();
    dialog.note(Side::Ours, &request("UPDATE", 2, &stating(BOB, 2, "sendonly"))).unwrap();
    dialog.note(Side::Theirs, &answer(200, "UPDATE", 2, &stating(ALICE, 2, "recvonly"))).unwrap();
    dialog.note(Side::Ours, &request("INVITE", 3, &stating(BOB, 3, "sendrecv"))).unwrap();
    dialog.note(Side::Theirs, &reliable(3, &stating(ALICE, 3, "sendrecv"))).unwrap();
    assert_eq!((holds(&dialog), dialog.peer_updates()), ((false, false), false));
    let refusal = message("SIP/2.0 488 X", "INVITE", 3, "Allow: INVITE, ACK, BYE, UPDATE\r\n", "");
    assert_eq!(dialog.note(Side::Theirs, &refusal), Ok(Meaning::RolledBack));
    assert_eq!((holds(&dialog), dialog.peer_updates()), ((true, false), true));
}

/// RFC 3261 §14.1: a first exchange that its INVITE takes with it leaves no hold.
#[test]
fn a_first_hold_that_is_taken_back_is_none() {
    let invite = request("INVITE", 1, &stating(ALICE, 1, "sendonly"));
    let mut dialog = Dialog::uas(&invite, &reliable(1, &stating(BOB, 1, "recvonly"))).unwrap();
    assert_eq!(holds(&dialog), (false, true));
    assert_eq!(dialog.note(Side::Ours, &answer(488, "INVITE", 1, "")), Ok(Meaning::RolledBack));
    assert_eq!(holds(&dialog), (false, false));
    assert_eq!(dialog.negotiation().local(), None);
}

/// RFC 3264 §8: a version that was refused is spent, also where the description in force is offered again, and refused, after it.
#[test]
fn a_version_that_was_refused_stays_spent() {
    let mut dialog = call();
    let hold = dialog.offer_of(&Modify::Hold).unwrap().unwrap();
    for (cseq, offer) in [(1, std::str::from_utf8(&hold).unwrap()), (2, BOB)] {
        assert_eq!(dialog.note(Side::Ours, &request("INVITE", cseq, offer)), Ok(Meaning::Offer));
        assert_eq!(dialog.note(Side::Theirs, &answer(491, "INVITE", cseq, "")), Ok(Meaning::RolledBack));
    }
    // The versions of the peer's are its own.
    assert_eq!(
        dialog.note(Side::Theirs, &request("INVITE", 2, &stating(ALICE, 9, "sendonly"))),
        Ok(Meaning::Offer)
    );
    assert_eq!(dialog.note(Side::Ours, &answer(488, "INVITE", 2, "")), Ok(Meaning::RolledBack));
    let version = |sdp: &[u8]| Session::parse(sdp).unwrap().origin.version;
    let answer = dialog.answer_to(stating(ALICE, 2, "inactive").as_bytes()).unwrap();
    assert_eq!((version(&hold), version(&answer)), (2, 3));
    assert_eq!(dialog.offer_of(&Modify::Hold).unwrap(), Some(hold), "what was refused may be offered again");
}
