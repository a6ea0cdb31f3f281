//! The table of offer and answer, held against a transcription of RFC 6337 §2.2 and §4, RFC 3311 §5, RFC 3261 §14 and RFC 5407 §3.1; and what
//! must be so in every state that can be reached.

use std::collections::{HashMap, HashSet, VecDeque};

use sip_proto::sdp::Carrier::{
    Ack, Failure, Invite as Inv, Prack, PrackFailure, PrackSuccess, Provisional, Reliable, Success, Update,
    UpdateFailure, UpdateSuccess,
};
use sip_proto::sdp::{
    Body, Carrier, Invite, Meaning, Negotiation, Refusal, Round, Side, State, Stimulus, Taken, step,
};

const WITH: bool = true;
const WITHOUT: bool = false;

fn stimulus(by: Side, carrier: Carrier, has_sdp: bool) -> Stimulus {
    Stimulus { by, carrier, has_sdp }
}

/// The state after messages: who sends (`>` us, `<` the peer), which, and whether with a description.
fn after(messages: &[(char, Carrier, bool)]) -> State {
    messages.iter().fold(State::default(), |state, (arrow, carrier, has_sdp)| {
        step(state, stimulus(side(*arrow), *carrier, *has_sdp))
            .unwrap_or_else(|refusal| panic!("{carrier:?}: {refusal}"))
            .0
    })
}

fn side(arrow: char) -> Side {
    if arrow == '>' { Side::Ours } else { Side::Theirs }
}

fn mirrored(state: State) -> State {
    State {
        round: match state.round {
            Round::Stable => Round::Stable,
            Round::Open(side, carrier) => Round::Open(side.other(), carrier),
        },
        invite: match state.invite {
            Invite::None => Invite::None,
            Invite::Open(side, phase) => Invite::Open(side.other(), phase),
        },
        update_ours: state.update_theirs,
        update_theirs: state.update_ours,
    }
}

fn stimuli() -> impl Iterator<Item = Stimulus> {
    [Side::Ours, Side::Theirs].into_iter().flat_map(|by| {
        Carrier::ALL
            .into_iter()
            .flat_map(move |carrier| [WITH, WITHOUT].map(|sdp| stimulus(by, carrier, sdp)))
    })
}

fn reachable() -> Vec<State> {
    let mut seen = HashSet::from([State::default()]);
    let mut queue = VecDeque::from([State::default()]);
    while let Some(state) = queue.pop_front() {
        for (next, _) in stimuli().filter_map(|stimulus| step(state, stimulus).ok()) {
            if seen.insert(next) {
                queue.push_back(next);
            }
        }
    }
    seen.into_iter().collect()
}

/// RFC 6337 Table 1: offer, answer, and whether the pattern serves for the first exchange (Ini), in an established dialog (Est), and to modify in an early
/// one (Early). From the client's side of the INVITE and from the server's.
// Holds: 3261-13.2.1-5, 3261-13.2.1-6, 3261-13.2.1-11
#[test]
fn the_patterns_of_rfc_6337() {
    let table = [
        (Inv, Success, true, true, false),
        (Success, Ack, true, true, false),
        (Inv, Reliable, true, true, false),
        (Reliable, Prack, true, true, false),
        (Prack, PrackSuccess, false, true, true),
        (Update, UpdateSuccess, false, true, true),
    ];
    // What goes before the offer: of the first exchange nothing, or an INVITE without one; in an established dialog the same, or an
    // exchange in the re-INVITE; in an early dialog an exchange in the INVITE, acknowledged or about to be.
    let first: &[&[(bool, Carrier, bool)]] = &[&[], &[(true, Inv, WITHOUT)]];
    let early: &[&[(bool, Carrier, bool)]] = &[
        &[(true, Inv, WITH), (false, Reliable, WITH)],
        &[(true, Inv, WITH), (false, Reliable, WITH), (true, Prack, WITHOUT), (false, PrackSuccess, WITHOUT)],
        &[(true, Inv, WITHOUT), (false, Reliable, WITH), (true, Prack, WITH), (false, PrackSuccess, WITHOUT)],
    ];
    let established: &[&[(bool, Carrier, bool)]] =
        &[&[], &[(true, Inv, WITHOUT)], &[(true, Inv, WITH), (false, Reliable, WITH)]];
    for client in [Side::Ours, Side::Theirs] {
        let by = |is_client: bool| if is_client { client } else { client.other() };
        let works = |before: &[(bool, Carrier, bool)], offer: Carrier, answer: Carrier| {
            let state = before.iter().try_fold(State::default(), |state, (is_client, carrier, sdp)| {
                step(state, stimulus(by(*is_client), *carrier, *sdp)).map(|(state, _)| state)
            });
            let is_client = matches!(offer, Inv | Prack | Update);
            let offered = state.and_then(|state| step(state, stimulus(by(is_client), offer, WITH)));
            let Ok((state, Meaning::Offer)) = offered else { return false };
            let answered = step(state, stimulus(by(!is_client), answer, WITH));
            matches!(answered, Ok((state, Meaning::Answer)) if state.round == Round::Stable)
        };
        for (offer, answer, initial, est, in_early) in table {
            let any = |preludes: &[&[(bool, Carrier, bool)]]| {
                preludes.iter().any(|before| works(before, offer, answer))
            };
            // There is no dialog for an UPDATE before the first INVITE.
            let preludes = if offer == Update { &first[1..] } else { first };
            assert_eq!(any(preludes), initial, "{offer:?}/{answer:?} for the first exchange");
            assert_eq!(any(established), est, "{offer:?}/{answer:?} in an established dialog");
            assert_eq!(any(early), in_early, "{offer:?}/{answer:?} in an early dialog");
        }
    }
}

/// The rules of RFC 6337 §4.3 for what we must not send, and its figures for what the peer is answered; RFC 3311 §5.1, §5.2.
// Holds: 3264-4-2, 3264-4-3, 3311-5.2-4, 3311-5.2-5, 6141-3.5-1
#[test]
fn requests_that_are_in_each_others_way() {
    use Refusal::{AnswerOwed, OfferOut, Unacknowledged};
    let early =
        [('>', Inv, WITH), ('<', Reliable, WITH), ('>', Prack, WITHOUT), ('<', PrackSuccess, WITHOUT)];
    let early_uas =
        [('<', Inv, WITH), ('>', Reliable, WITH), ('<', Prack, WITHOUT), ('>', PrackSuccess, WITHOUT)];
    type Message = (char, Carrier, bool);
    let table: Vec<(&str, Vec<Message>, Message, Option<Refusal>)> = vec![
        // RFC 3261 §14.1, §14.2; UAC-II, UAS-IcI, UAS-IsI
        ("UAC-II", vec![('>', Inv, WITH)], ('>', Inv, WITH), Some(OfferOut)),
        ("UAC-II", vec![('>', Inv, WITHOUT)], ('>', Inv, WITHOUT), Some(OfferOut)),
        ("UAC-II, the other's", vec![('<', Inv, WITH)], ('>', Inv, WITH), Some(AnswerOwed)),
        (
            "RFC 3261 §14.1 (2)",
            vec![('<', Inv, WITH), ('>', Success, WITH)],
            ('>', Inv, WITH),
            Some(Unacknowledged),
        ),
        ("UAS-IcI", vec![('>', Inv, WITH)], ('<', Inv, WITH), Some(OfferOut)),
        ("UAS-IcI", vec![('>', Inv, WITHOUT)], ('<', Inv, WITHOUT), Some(OfferOut)),
        ("UAS-IcI, ACK", vec![('>', Inv, WITHOUT), ('<', Success, WITH)], ('<', Inv, WITH), Some(OfferOut)),
        ("UAS-IsI", vec![('<', Inv, WITH)], ('<', Inv, WITH), Some(AnswerOwed)),
        ("UAS-IsI", vec![('<', Inv, WITHOUT)], ('<', Inv, WITH), Some(AnswerOwed)),
        ("UAS-IsI", early_uas.to_vec(), ('<', Inv, WITH), Some(AnswerOwed)),
        ("RFC 5407 §3.1.4", vec![('<', Inv, WITH), ('>', Success, WITH)], ('<', Inv, WITH), None),
        (
            "RFC 5407 §3.1.5",
            vec![('<', Inv, WITHOUT), ('>', Success, WITH)],
            ('<', Inv, WITH),
            Some(OfferOut),
        ),
        // UAC-UU, UAS-UcU, UAS-UsU
        ("UAC-UU", vec![('>', Update, WITH)], ('>', Update, WITH), Some(OfferOut)),
        ("UAC-UU", vec![('>', Update, WITHOUT)], ('>', Update, WITHOUT), Some(OfferOut)),
        ("RFC 3311 §5.1", vec![('<', Update, WITH)], ('>', Update, WITH), Some(AnswerOwed)),
        ("UAS-UcU, Figure 14", vec![('>', Update, WITH)], ('<', Update, WITH), Some(OfferOut)),
        ("UAS-UsU, Figure 15", vec![('<', Update, WITH)], ('<', Update, WITH), Some(AnswerOwed)),
        ("RFC 3311 §5.2", vec![('<', Update, WITHOUT)], ('<', Update, WITHOUT), Some(AnswerOwed)),
        ("no offers", vec![('>', Update, WITHOUT)], ('<', Update, WITHOUT), None),
        // UAC-UI, UAS-UcI, UAS-UsI
        ("UAC-UI", vec![('>', Update, WITH)], ('>', Inv, WITH), Some(OfferOut)),
        ("UAC-UI", vec![('>', Update, WITH)], ('>', Inv, WITHOUT), Some(OfferOut)),
        ("UAS-UcI, Figure 16", vec![('>', Update, WITH)], ('<', Inv, WITHOUT), Some(OfferOut)),
        ("UAS-UsI, Figure 17", vec![('<', Update, WITH)], ('<', Inv, WITHOUT), Some(AnswerOwed)),
        // UAC-IU, UAS-IcU, UAS-IsU
        ("UAC-IU", vec![('>', Inv, WITH)], ('>', Update, WITH), Some(OfferOut)),
        (
            "UAC-IU, Figure 9",
            vec![('<', Inv, WITH), ('>', Reliable, WITH)],
            ('>', Update, WITH),
            Some(Unacknowledged),
        ),
        (
            "UAC-IU, Figure 6",
            vec![('>', Inv, WITHOUT), ('<', Reliable, WITH), ('>', Prack, WITH)],
            ('>', Update, WITH),
            Some(Unacknowledged),
        ),
        ("UAC-IU, Figure 5", vec![('>', Inv, WITHOUT)], ('>', Update, WITH), Some(Unacknowledged)),
        ("after the PRACK", early.to_vec(), ('>', Update, WITH), None),
        ("after the PRACK", early_uas.to_vec(), ('>', Update, WITH), None),
        ("after the PRACK", early.to_vec(), ('<', Update, WITH), None),
        ("after the PRACK", early_uas.to_vec(), ('<', Update, WITH), None),
        ("UAS-IcU, Figure 7", vec![('>', Inv, WITH)], ('<', Update, WITH), Some(OfferOut)),
        (
            "UAS-IcU, Figure 7",
            vec![('>', Inv, WITH), ('<', Reliable, WITH)],
            ('<', Update, WITH),
            Some(OfferOut),
        ),
        (
            "UAS-IcU, Figure 18",
            vec![('>', Inv, WITHOUT), ('<', Reliable, WITH)],
            ('<', Update, WITH),
            Some(OfferOut),
        ),
        (
            "UAS-IcU, Table 3",
            [&early[..2], &[('>', Prack, WITH)]].concat(),
            ('<', Update, WITH),
            Some(OfferOut),
        ),
        (
            "UAS-IsU, Figure 6",
            vec![('<', Inv, WITHOUT), ('>', Reliable, WITH)],
            ('<', Update, WITH),
            Some(AnswerOwed),
        ),
        (
            "UAS-IsU, Figure 12",
            vec![('<', Inv, WITHOUT), ('>', Success, WITH)],
            ('<', Update, WITH),
            Some(AnswerOwed),
        ),
        ("UAS-IsU, Figure 5", vec![('<', Inv, WITHOUT)], ('<', Update, WITH), Some(AnswerOwed)),
        ("UAS-IsU", vec![('<', Inv, WITH)], ('<', Update, WITH), Some(AnswerOwed)),
        ("Figure 8, after the 2xx", vec![('>', Inv, WITH), ('<', Success, WITH)], ('<', Update, WITH), None),
        (
            "RFC 3311 Figure 1",
            [&early[..], &[('>', Update, WITH), ('<', UpdateSuccess, WITH)]].concat(),
            ('<', Update, WITH),
            None,
        ),
        // Without an offer UPDATE is in nobody's way.
        ("no offer", vec![('>', Inv, WITH)], ('<', Update, WITHOUT), None),
        ("no offer", vec![('<', Inv, WITH)], ('>', Update, WITHOUT), None),
        ("no offer", vec![('>', Update, WITHOUT)], ('>', Inv, WITH), None),
        ("no offer", vec![('<', Update, WITHOUT)], ('<', Inv, WITH), None),
    ];
    for (rule, before, (arrow, carrier, has_sdp), expected) in table {
        let state = after(&before);
        let result = step(state, stimulus(side(arrow), carrier, has_sdp));
        assert_eq!(result.err(), expected, "{rule}: {before:?}, then {arrow} {carrier:?}");
    }
    let status = |refusal: Refusal| refusal.status().code();
    assert_eq!((status(OfferOut), status(AnswerOwed)), (491, 500));
}

type Sent = (char, Carrier, bool);

/// Whether an UPDATE of ours may have an offer after these messages.
fn may_update(parts: &[&[Sent]]) -> bool {
    step(after(&parts.concat()), stimulus(Side::Ours, Update, WITH)).is_ok()
}

const OURS: Sent = ('>', Update, WITH);
const THEIRS: Sent = ('<', Update, WITH);

/// RFC 3311 §5.1, the three rules of the caller.
// Holds: 3311-5.1-4, 3311-5.1-5, 3311-5.1-6, 3311-5.1-7, 3311-5.1-8
#[test]
fn offers_in_an_update_of_the_caller() {
    let offered = [('>', Inv, WITH)];
    let answered =
        [('>', Inv, WITH), ('<', Reliable, WITH), ('>', Prack, WITHOUT), ('<', PrackSuccess, WITHOUT)];
    assert!(!may_update(&[&offered]) && !may_update(&[&offered, &[('<', Provisional, WITH)]]));
    assert!(may_update(&[&answered]));
    assert!(!may_update(&[&answered, &[OURS]]) && !may_update(&[&answered, &[THEIRS]]));
    assert!(!may_update(&[&answered[..2], &[('>', Prack, WITH)]]));
    assert!(may_update(&[&answered, &[OURS, ('<', UpdateSuccess, WITH)]]));
    assert!(may_update(&[&answered, &[THEIRS, ('>', UpdateSuccess, WITH)]]));

    let asked =
        [('>', Inv, WITHOUT), ('<', Reliable, WITH), ('>', Prack, WITH), ('<', PrackSuccess, WITHOUT)];
    assert!(!may_update(&[&asked[..1]]) && !may_update(&[&asked[..2]]));
    assert!(may_update(&[&asked]));
    assert!(!may_update(&[&asked, &[OURS]]) && !may_update(&[&asked, &[THEIRS]]));
}

/// RFC 3311 §5.1, the three rules of the callee; the last is the caller's, too.
// Holds: 3311-5.1-9, 3311-5.1-10, 3311-5.1-11, 3311-5.1-12, 3311-5.1-13
#[test]
fn offers_in_an_update_of_the_callee() {
    let answered =
        [('<', Inv, WITH), ('>', Reliable, WITH), ('<', Prack, WITHOUT), ('>', PrackSuccess, WITHOUT)];
    assert!(!may_update(&[&answered[..1]]) && !may_update(&[&answered[..1], &[('>', Provisional, WITH)]]));
    assert!(!may_update(&[&answered[..2]]), "no PRACK");
    assert!(may_update(&[&answered]));
    assert!(!may_update(&[&answered, &[OURS]]) && !may_update(&[&answered, &[THEIRS]]));
    assert!(!may_update(&[&answered[..2], &[('<', Prack, WITH)]]));

    let asked =
        [('<', Inv, WITHOUT), ('>', Reliable, WITH), ('<', Prack, WITH), ('>', PrackSuccess, WITHOUT)];
    assert!(!may_update(&[&asked[..1]]) && !may_update(&[&asked[..2]]));
    assert!(may_update(&[&asked]));
    assert!(!may_update(&[&asked, &[OURS]]) && !may_update(&[&asked, &[THEIRS]]));

    for (one, other) in [('>', '<'), ('<', '>')] {
        let up = [(one, Inv, WITH), (other, Success, WITH), (one, Ack, WITHOUT)];
        assert!(may_update(&[&up]));
        for open in [OURS, THEIRS, ('>', Inv, WITH), ('<', Inv, WITH)] {
            assert!(!may_update(&[&up, &[open]]), "{open:?}");
        }
    }
}

/// What a message of ours has to carry: RFC 3261 §13.2.1, RFC 3262 §5, RFC 6337 §3.1.
// Holds: 3261-13.2.1-5, 3261-13.2.1-6, 3261-13.3.1-2, 3261-13.3.1.4-2, 3261-13.3.1.4-3
#[test]
fn what_messages_carry() {
    use Meaning::{Answer, Offer, Preview};
    type Row<'a> = (&'a [(char, Carrier, bool)], Carrier, Result<Body, Refusal>);
    let table: &[Row<'_>] = &[
        (&[], Inv, Ok(Body::May(Offer))),
        (&[], Update, Ok(Body::May(Offer))),
        (&[('<', Inv, WITH)], Provisional, Ok(Body::May(Preview))),
        (&[('<', Inv, WITH)], Reliable, Ok(Body::May(Answer))),
        (&[('<', Inv, WITH)], Success, Ok(Body::Must(Answer))),
        (&[('<', Inv, WITHOUT)], Provisional, Ok(Body::Nothing)),
        (&[('<', Inv, WITHOUT)], Reliable, Ok(Body::Must(Offer))),
        (&[('<', Inv, WITHOUT)], Success, Ok(Body::Must(Offer))),
        (&[('<', Inv, WITH), ('>', Reliable, WITH)], Success, Err(Refusal::Unacknowledged)),
        (&[('<', Inv, WITHOUT), ('>', Reliable, WITH)], Success, Err(Refusal::Unacknowledged)),
        (&[('<', Inv, WITH), ('>', Reliable, WITHOUT)], Success, Ok(Body::Must(Answer))),
        (&[('<', Inv, WITH), ('>', Reliable, WITH), ('<', Prack, WITHOUT)], Success, Ok(Body::Nothing)),
        (&[('<', Inv, WITH), ('>', Reliable, WITH), ('<', Prack, WITHOUT)], Reliable, Ok(Body::Nothing)),
        (
            &[('<', Inv, WITH), ('>', Reliable, WITH), ('<', Prack, WITH)],
            PrackSuccess,
            Ok(Body::Must(Answer)),
        ),
        (&[('>', Inv, WITH), ('<', Reliable, WITHOUT)], Prack, Ok(Body::Nothing)),
        (&[('>', Inv, WITH), ('<', Reliable, WITH)], Prack, Ok(Body::May(Offer))),
        (&[('>', Inv, WITHOUT), ('<', Reliable, WITH)], Prack, Ok(Body::Must(Answer))),
        (&[('>', Inv, WITHOUT), ('<', Success, WITH)], Ack, Ok(Body::Must(Answer))),
        (&[('>', Inv, WITH), ('<', Success, WITH)], Ack, Ok(Body::Nothing)),
        (&[('<', Update, WITH)], UpdateSuccess, Ok(Body::Must(Answer))),
        (&[('<', Update, WITHOUT)], UpdateSuccess, Ok(Body::Nothing)),
        (&[], UpdateSuccess, Err(Refusal::Stray)),
        (&[], Success, Err(Refusal::Stray)),
    ];
    for (before, carrier, expected) in table {
        let mut negotiation = Negotiation::new();
        for (arrow, carrier, has_sdp) in *before {
            let sdp = has_sdp.then_some(&b"sdp"[..]);
            match side(*arrow) {
                Side::Ours => _ = negotiation.sent(*carrier, sdp).unwrap(),
                Side::Theirs => assert!(matches!(negotiation.received(*carrier, sdp), Taken::As(_))),
            }
        }
        assert_eq!(negotiation.needs(*carrier), *expected, "{before:?}, then {carrier:?}");
    }
}

#[test]
fn every_cell_is_in_order() {
    let states = reachable();
    assert!((20..200).contains(&states.len()), "{} states", states.len());
    for state in &states {
        for stimulus in stimuli() {
            let Stimulus { by, carrier, has_sdp } = stimulus;
            let is_request = matches!(carrier, Inv | Prack | Update);
            let result = step(*state, stimulus);
            let context = format!("{state:?} {stimulus:?} {result:?}");
            let Ok((next, meaning)) = result else {
                assert!(by == Side::Ours || is_request, "a response of the peer is taken: {context}");
                continue;
            };
            match meaning {
                Meaning::Offer => {
                    assert_eq!(
                        (state.round, next.round),
                        (Round::Stable, Round::Open(by, carrier)),
                        "{context}"
                    );
                }
                Meaning::Answer => {
                    assert!(matches!(state.round, Round::Open(side, _) if side == by.other()), "{context}");
                    assert_eq!(next.round, Round::Stable, "{context}");
                }
                Meaning::RolledBack => {
                    assert!(state.round != Round::Stable && next.round == Round::Stable, "{context}");
                }
                Meaning::Missing => {
                    assert!(by == Side::Theirs && !has_sdp && next.round == Round::Stable, "{context}");
                }
                Meaning::Nothing | Meaning::Preview | Meaning::Ignored => {
                    assert_eq!(state.round, next.round, "{context}");
                }
            }
            let is_failure = matches!(carrier, Failure | PrackFailure | UpdateFailure);
            let is_about_sdp =
                matches!(meaning, Meaning::Offer | Meaning::Answer | Meaning::Preview | Meaning::Ignored);
            assert!(is_about_sdp == has_sdp || is_failure, "{context}");
            assert!(!(by == Side::Ours && meaning == Meaning::Ignored), "{context}");
        }
    }
}

/// What one end may send, the other takes, and means the same by it, when nothing crosses.
#[test]
fn two_ends_agree_when_nothing_crosses() {
    for state in reachable() {
        for stimulus in stimuli().filter(|stimulus| stimulus.by == Side::Ours) {
            let Ok((next, meaning)) = step(state, stimulus) else { continue };
            let there = step(mirrored(state), Stimulus { by: Side::Theirs, ..stimulus });
            assert_eq!(there, Ok((mirrored(next), meaning)), "{state:?} {stimulus:?}");
        }
    }
}

/// From every state our own messages and the peer's lead back to rest.
#[test]
fn everything_ends() {
    let states = reachable();
    let edges: HashMap<State, Vec<State>> = states
        .iter()
        .map(|state| {
            (*state, stimuli().filter_map(|it| step(*state, it).ok()).map(|(next, _)| next).collect())
        })
        .collect();
    let mut at_rest = HashSet::from([State::default()]);
    while let Some(more) =
        states.iter().find(|it| !at_rest.contains(it) && edges[it].iter().any(|next| at_rest.contains(next)))
    {
        at_rest.insert(*more);
    }
    assert_eq!(at_rest.len(), states.len());
}
