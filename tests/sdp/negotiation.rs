//! The descriptions that offer and answer leave in a dialog: commitment, rollback, previews, missing and late answers; and two ends whose messages cross.

use std::collections::VecDeque;

use proptest::prelude::*;
use sip_proto::sdp::Carrier::{
    self, Ack, Failure, Invite as Inv, Prack, PrackFailure, PrackSuccess, Provisional, Reliable, Success,
    Update, UpdateFailure, UpdateSuccess,
};
use sip_proto::sdp::{Body, Meaning, Negotiation, Refusal, Side, State, Taken};

fn agreed(negotiation: &Negotiation) -> (&str, &str) {
    (text(negotiation.local()), text(negotiation.remote()))
}

fn text(sdp: Option<&[u8]>) -> &str {
    sdp.map_or("-", |sdp| str::from_utf8(sdp).unwrap())
}

fn call() -> Negotiation {
    let mut negotiation = Negotiation::new();
    negotiation.sent(Inv, Some(b"a")).unwrap();
    assert_eq!(agreed(&negotiation), ("-", "-"), "only a complete round counts");
    assert_eq!(negotiation.received(Success, Some(b"b")), Taken::As(Meaning::Answer));
    negotiation.sent(Ack, None).unwrap();
    assert_eq!(agreed(&negotiation), ("a", "b"));
    negotiation
}

/// RFC 3261 §14.1: as if it had never been.
// Holds: 3264-4-1, 3311-5.3-2, 6141-3.1-1
#[test]
fn a_failed_offer_leaves_no_trace() {
    for (request, failure) in [(Inv, Failure), (Update, UpdateFailure)] {
        let before = call();
        let mut negotiation = before.clone();
        negotiation.sent(request, Some(b"c")).unwrap();
        assert_eq!(negotiation.offer(), Some((Side::Ours, &b"c"[..])));
        assert_eq!(negotiation.received(failure, None), Taken::As(Meaning::RolledBack));
        assert_eq!(
            (agreed(&negotiation), negotiation.state()),
            (("a", "b"), State::default()),
            "{request:?}"
        );
        assert_eq!(negotiation.received(request, Some(b"d")), Taken::As(Meaning::Offer));
        assert_eq!(negotiation.sent(failure, None), Ok(Meaning::RolledBack));
        assert_eq!((agreed(&negotiation), negotiation.offer()), (("a", "b"), None));
    }
}

/// RFC 6141 §3.4: what an UPDATE within the re-INVITE changed stays, and its sender is told to look after it.
#[test]
fn what_was_agreed_within_a_failed_reinvite_stays() {
    let mut negotiation = call();
    negotiation.sent(Inv, Some(b"c")).unwrap();
    assert!(!negotiation.is_changed());
    assert_eq!(negotiation.received(Reliable, Some(b"d")), Taken::As(Meaning::Answer));
    negotiation.sent(Prack, None).unwrap();
    assert_eq!(negotiation.received(PrackSuccess, None), Taken::As(Meaning::Nothing));
    assert_eq!(negotiation.received(Update, Some(b"e")), Taken::As(Meaning::Offer));
    negotiation.sent(UpdateSuccess, Some(b"f")).unwrap();
    assert_eq!(negotiation.received(Failure, None), Taken::As(Meaning::Nothing));
    assert_eq!(agreed(&negotiation), ("f", "e"));
    assert!(negotiation.is_changed() && negotiation.is_stable());
}

/// RFC 3261 §14.1: what the re-INVITE itself agreed goes with it, in patterns 3 and 4.
// Holds: 6141-3.1-1
#[test]
fn what_a_failed_reinvite_agreed_goes_with_it() {
    let mut negotiation = call();
    negotiation.sent(Inv, Some(b"c")).unwrap();
    assert_eq!(negotiation.received(Reliable, Some(b"d")), Taken::As(Meaning::Answer));
    negotiation.sent(Prack, None).unwrap();
    assert_eq!(agreed(&negotiation), ("c", "d"));
    assert_eq!(negotiation.received(Failure, None), Taken::As(Meaning::RolledBack));
    assert_eq!(agreed(&negotiation), ("a", "b"));
    assert!(negotiation.is_changed());
    assert_eq!(negotiation.received(Inv, None), Taken::As(Meaning::Nothing));
    negotiation.sent(Reliable, Some(b"e")).unwrap();
    assert_eq!(negotiation.received(Prack, Some(b"f")), Taken::As(Meaning::Answer));
    assert_eq!(agreed(&negotiation), ("e", "f"));
    let mut other = negotiation.clone();
    assert_eq!(negotiation.sent(Failure, None), Ok(Meaning::RolledBack));
    assert_eq!(agreed(&negotiation), ("a", "b"));
    other.sent(PrackSuccess, None).unwrap();
    other.sent(Success, None).unwrap();
    assert_eq!(other.received(Ack, None), Taken::As(Meaning::Nothing));
    assert_eq!(other.received(Failure, None), Taken::As(Meaning::Nothing), "too late");
    assert_eq!(agreed(&other), ("e", "f"));
}

#[test]
fn refusals_change_nothing() {
    let mut negotiation = call();
    negotiation.sent(Update, Some(b"c")).unwrap();
    let before = negotiation.clone();
    assert_eq!(negotiation.received(Inv, Some(b"x")), Taken::Refused(Refusal::OfferOut));
    assert_eq!(negotiation.sent(Inv, None), Err(Refusal::OfferOut));
    assert_eq!(negotiation.may_offer(Inv), Err(Refusal::OfferOut));
    assert_eq!(negotiation, before);
}

#[test]
fn a_late_answer_answers_nothing() {
    let mut negotiation = call();
    negotiation.sent(Update, Some(b"c")).unwrap();
    assert_eq!(negotiation.received(UpdateFailure, None), Taken::As(Meaning::RolledBack), "a timeout");
    assert_eq!(negotiation.received(UpdateSuccess, Some(b"late")), Taken::As(Meaning::Ignored));
    assert_eq!(negotiation.received(Success, Some(b"late")), Taken::As(Meaning::Ignored));
    assert_eq!(negotiation.received(Ack, Some(b"late")), Taken::As(Meaning::Ignored));
    assert_eq!((agreed(&negotiation), negotiation.state()), (("a", "b"), State::default()));
}

/// RFC 3261 §13.2.1, RFC 6337 §3.1.1.
// Holds: 3261-13.2.1-7, 3261-13.2.1-8
#[test]
fn a_preview_is_the_answer_once_there_is_one() {
    let mut negotiation = Negotiation::new();
    negotiation.sent(Inv, Some(b"a")).unwrap();
    assert_eq!(negotiation.received(Provisional, Some(b"p")), Taken::As(Meaning::Preview));
    assert_eq!((agreed(&negotiation), negotiation.preview()), (("-", "-"), Some(&b"p"[..])));
    assert_eq!(negotiation.may_offer(Update), Err(Refusal::OfferOut), "the round is open still");
    assert_eq!(negotiation.received(Provisional, Some(b"q")), Taken::As(Meaning::Preview));
    assert_eq!(negotiation.preview(), Some(&b"p"[..]), "the first one counts");
    assert_eq!(negotiation.received(Reliable, None), Taken::As(Meaning::Nothing));
    for (carrier, sdp) in [(Success, Some(&b"b"[..])), (Success, None), (Reliable, Some(b"b"))] {
        let mut negotiation = negotiation.clone();
        assert_eq!(negotiation.received(carrier, sdp), Taken::As(Meaning::Answer));
        assert_eq!((agreed(&negotiation), negotiation.preview()), (("a", "p"), None), "{carrier:?}");
    }
}

#[test]
fn a_peer_that_does_not_answer() {
    let mut negotiation = call();
    negotiation.sent(Inv, Some(b"c")).unwrap();
    assert_eq!(negotiation.received(Success, None), Taken::As(Meaning::Missing));
    negotiation.sent(Ack, None).unwrap();
    assert_eq!((agreed(&negotiation), negotiation.state()), (("a", "b"), State::default()));
    assert_eq!(negotiation.received(Inv, None), Taken::As(Meaning::Nothing));
    negotiation.sent(Success, Some(b"c")).unwrap();
    assert_eq!(
        negotiation.received(Ack, None),
        Taken::As(Meaning::Missing),
        "RFC 3261 §13.2.1: an answer belongs there"
    );
    assert_eq!((agreed(&negotiation), negotiation.state()), (("a", "b"), State::default()));
}

#[test]
fn clones_share_and_debug_tells_nothing_of_descriptions() {
    let negotiation = call();
    assert_eq!(negotiation.clone(), negotiation);
    let shown = format!("{negotiation:?}");
    assert!(!shown.contains("98") && !shown.contains("\"a\""), "{shown}");
    assert!(size_of::<Negotiation>() <= 128, "{}", size_of::<Negotiation>());
}

/// One end and what it has sent but the other has not seen.
#[derive(Default)]
struct End {
    negotiation: Negotiation,
    inbox: VecDeque<(Carrier, Option<Vec<u8>>)>,
    /// Requests of the peer that were taken and are not answered.
    owed: Vec<Carrier>,
    /// A 2xx came whose ACK is not sent, a 1xx whose PRACK is not.
    acknowledgements: Vec<Carrier>,
}

/// `ends[who]` sends, if it may.
fn send(ends: &mut [End; 2], who: usize, carrier: Carrier, sdp: Option<Vec<u8>>) -> bool {
    let is_sent = ends[who].negotiation.sent(carrier, sdp.as_deref()).is_ok();
    if is_sent {
        ends[1 - who].inbox.push_back((carrier, sdp));
    }
    is_sent
}

/// Sends with a description where one must be, and where one may be by `choice`.
fn send_as_needed(ends: &mut [End; 2], who: usize, carrier: Carrier, sdp: &[u8], choice: bool) -> bool {
    let Ok(body) = ends[who].negotiation.needs(carrier) else { return false };
    let has_sdp = matches!(body, Body::Must(_)) || (choice && matches!(body, Body::May(_)));
    send(ends, who, carrier, has_sdp.then(|| sdp.to_vec()))
}

fn deliver(ends: &mut [End; 2], who: usize) -> bool {
    let Some((carrier, sdp)) = ends[who].inbox.pop_front() else { return false };
    match (ends[who].negotiation.received(carrier, sdp.as_deref()), carrier) {
        (Taken::Refused(_), Inv) => ends[1 - who].inbox.push_back((Failure, None)),
        (Taken::Refused(_), Prack) => ends[1 - who].inbox.push_back((PrackFailure, None)),
        (Taken::Refused(_), _) => ends[1 - who].inbox.push_back((UpdateFailure, None)),
        (Taken::As(_), Inv | Prack | Update) => ends[who].owed.push(carrier),
        (Taken::As(_), Success) => ends[who].acknowledgements.push(Ack),
        // The PRACK of a 1xx without a description is nobody's business here.
        (Taken::As(_), Reliable) if sdp.is_none() => {}
        (Taken::As(_), Reliable) => ends[who].acknowledgements.push(Prack),
        (Taken::As(_), _) => {}
    }
    true
}

/// What an end may do next: acknowledge, answer, refuse, begin.
fn act(ends: &mut [End; 2], who: usize, choice: u8, sdp: &[u8]) -> bool {
    let with = choice & 1 == 1;
    if let Some(carrier) = ends[who].acknowledgements.first().copied() {
        if !send_as_needed(ends, who, carrier, sdp, with) {
            return false;
        }
        ends[who].acknowledgements.remove(0);
        return true;
    }
    let answers = |request: Carrier| match (request, choice % 5) {
        (Inv, 0) => Failure,
        (Inv, 1 | 2) => Reliable,
        (Inv, _) => Success,
        (Prack, _) => PrackSuccess,
        (_, 0) => UpdateFailure,
        (_, _) => UpdateSuccess,
    };
    let owed = ends[who].owed.clone();
    for (at, request) in owed.into_iter().enumerate() {
        let answer = answers(request);
        if send_as_needed(ends, who, answer, sdp, with) {
            if answer != Reliable {
                ends[who].owed.remove(at);
            }
            return true;
        }
    }
    let request = if choice & 2 == 0 { Inv } else { Update };
    choice >= 128 && send_as_needed(ends, who, request, sdp, with)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever crosses, when all is quiet both ends agree on the pair of descriptions (RFC 3264 §4).
    #[test]
    fn two_ends_agree_when_all_is_quiet(steps in prop::collection::vec((any::<bool>(), any::<bool>(), any::<u8>()), 0..80)) {
        let mut ends = [End::default(), End::default()];
        let mut count = 0_u32;
        for (is_first, is_delivery, choice) in steps {
            let who = usize::from(is_first);
            count = count.wrapping_add(1);
            let sdp = format!("{who}/{count}").into_bytes();
            if is_delivery { deliver(&mut ends, who) } else { act(&mut ends, who, choice, &sdp) };
        }
        // No new requests; what is open is answered: the INVITEs with a 2xx.
        for round in 0_u32..1000 {
            let who = usize::from(round % 2 == 0);
            let sdp = format!("{who}/end{round}").into_bytes();
            while deliver(&mut ends, 0) || deliver(&mut ends, 1) {}
            act(&mut ends, who, 3, &sdp);
        }
        let [one, two] = &ends;
        prop_assert_eq!(one.negotiation.state(), State::default());
        prop_assert_eq!(two.negotiation.state(), State::default());
        prop_assert_eq!(one.negotiation.local(), two.negotiation.remote());
        prop_assert_eq!(one.negotiation.remote(), two.negotiation.local());
    }
}
