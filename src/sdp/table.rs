//! Whose turn it is: the table of the offer/answer machine (RFC 3264 §4; RFC 3261 §13.2.1, §14; RFC 3262 §5; RFC 3311 §5; RFC 6337
//! §2.2, §4).
//!
//! It is data over `Copy` enums, so that all of it can be enumerated: `tests/sdp/table.rs` holds it against the patterns of RFC 6337
//! Table 1 and the rules of its §4.3. It knows which messages passed and whether they had a description; [`super::Negotiation`]
//! keeps the descriptions.

use super::state::{Carrier, Invite, Meaning, Phase, Refusal, Round, Side, State, Stimulus};

type Step = Result<(State, Meaning), Refusal>;

/// The machine: what `stimulus` makes of `state`, and what it means; or why it cannot be, and then nothing changes.
///
/// # Errors
/// [`Refusal`]: of our own message, it must not be sent; of the peer's, it is refused. A peer's response or ACK is never refused but as [`Refusal::Stray`].
pub fn step(state: State, stimulus: Stimulus) -> Step {
    let Stimulus { by, carrier, has_sdp } = stimulus;
    match carrier {
        Carrier::Invite => invite(state, by, has_sdp),
        Carrier::Provisional => provisional(state, by, has_sdp),
        Carrier::Reliable => reliable(state, by, has_sdp),
        Carrier::Success => success(state, by, has_sdp),
        Carrier::Failure => failure(state, by),
        Carrier::Ack => ack(state, by, has_sdp),
        Carrier::Prack => prack(state, by, has_sdp),
        Carrier::PrackSuccess => prack_success(state, by, has_sdp),
        Carrier::PrackFailure => prack_failure(state, by),
        Carrier::Update => update(state, by, has_sdp),
        Carrier::UpdateSuccess => update_success(state, by, has_sdp),
        Carrier::UpdateFailure => update_failure(state, by),
    }
}

/// Why a request has to wait for a transaction whose client is this side: with ours 491 is the answer, with theirs 500. The rules are those of RFC 6337 §4.3, under
/// their names there, UAC-II to UAS-IsU.
fn in_the_way(client: Side) -> Refusal {
    match client {
        Side::Ours => Refusal::OfferOut,
        Side::Theirs => Refusal::AnswerOwed,
    }
}

/// Whose transaction the open round belongs to: an offer in a response belongs to the one who sent the INVITE.
fn owner(by: Side, carrier: Carrier) -> Side {
    match carrier {
        Carrier::Reliable | Carrier::Success => by.other(),
        _ => by,
    }
}

fn invite(state: State, by: Side, has_sdp: bool) -> Step {
    match state.invite {
        Invite::None => {}
        // RFC 3261 §14.1: ours waits for the ACK.
        Invite::Open(_, Phase::Accepted) if by == Side::Ours => return Err(Refusal::Unacknowledged),
        // RFC 5407 §3.1.4: the peer need not wait for it, if offer and answer are exchanged.
        Invite::Open(_, Phase::Accepted) => {}
        // UAC-II, UAS-IcI, UAS-IsI.
        Invite::Open(side, _) => return Err(in_the_way(side)),
    }
    match state.round {
        Round::Stable => {}
        // UAC-UI, UAS-UcI; RFC 5407 §3.1.5: with an offer of ours in the 2xx, 491.
        Round::Open(Side::Ours, _) => return Err(Refusal::OfferOut),
        // UAS-UsI; and UAS-IcI when the answer belongs in an ACK of ours.
        Round::Open(Side::Theirs, carrier) => return Err(in_the_way(owner(Side::Theirs, carrier))),
    }
    let state = State { invite: Invite::Open(by, Phase::Pending), ..state };
    Ok(match has_sdp {
        true => (state.with(Round::Open(by, Carrier::Invite), None), Meaning::Offer),
        false => (state, Meaning::Nothing),
    })
}

/// A description that has no place: one of ours must not be sent, one of the peer is ignored.
fn surplus(state: State, by: Side, has_sdp: bool) -> Step {
    match (has_sdp, by) {
        (false, _) => Ok((state, Meaning::Nothing)),
        (true, Side::Ours) => Err(Refusal::SdpMisplaced),
        (true, Side::Theirs) => Ok((state, Meaning::Ignored)),
    }
}

/// A description that has to be there: without it, one of ours must not be sent, and after one of the peer `without` follows.
fn required(with: (State, Meaning), without: State, by: Side, has_sdp: bool) -> Step {
    match (has_sdp, by) {
        (true, _) => Ok(with),
        (false, Side::Ours) => Err(Refusal::SdpMissing),
        (false, Side::Theirs) => Ok((without, Meaning::Missing)),
    }
}

fn provisional(state: State, by: Side, has_sdp: bool) -> Step {
    match state.phase_of(by.other()) {
        None | Some(Phase::Accepted) => surplus_or_stray(state, by, has_sdp),
        Some(_) if has_sdp && state.round == Round::Open(by.other(), Carrier::Invite) => {
            Ok((state, Meaning::Preview))
        }
        Some(_) => surplus(state, by, has_sdp),
    }
}

/// A response to nothing: a repetition or a late one.
fn surplus_or_stray(state: State, by: Side, has_sdp: bool) -> Step {
    match by {
        Side::Ours => Err(Refusal::Stray),
        Side::Theirs => surplus(state, by, has_sdp),
    }
}

/// Patterns 3 and 4.
fn reliable(state: State, by: Side, has_sdp: bool) -> Step {
    let client = by.other();
    match (state.phase_of(client), state.round) {
        (None | Some(Phase::Accepted), _) => surplus_or_stray(state, by, has_sdp),
        // The first ones may come without the answer (RFC 6337 §2.2).
        (Some(Phase::Pending), Round::Open(side, Carrier::Invite)) if side == client => Ok(match has_sdp {
            true => (state.with(Round::Stable, Some(Phase::Answered)), Meaning::Answer),
            false => (state, Meaning::Nothing),
        }),
        // RFC 3262 §5: the first one must bring the offer that INVITE did not.
        (Some(Phase::Pending), Round::Stable) => {
            let offered = state.with(Round::Open(by, Carrier::Reliable), None);
            required((offered, Meaning::Offer), state, by, has_sdp)
        }
        (Some(_), _) => surplus(state, by, has_sdp),
    }
}

/// Patterns 1 and 2.
fn success(state: State, by: Side, has_sdp: bool) -> Step {
    let client = by.other();
    match (state.phase_of(client), state.round) {
        (None | Some(Phase::Accepted), _) => surplus_or_stray(state, by, has_sdp),
        (Some(Phase::Pending), Round::Open(side, Carrier::Invite)) if side == client => {
            let accepted = state.with(Round::Stable, Some(Phase::Accepted));
            required((accepted, Meaning::Answer), accepted, by, has_sdp)
        }
        (Some(Phase::Pending), Round::Stable) => {
            let offered = state.with(Round::Open(by, Carrier::Success), Some(Phase::Accepted));
            let accepted = state.with(Round::Stable, Some(Phase::Accepted));
            required((offered, Meaning::Offer), accepted, by, has_sdp)
        }
        // RFC 3262 §3: a 2xx waits until the descriptions before it are acknowledged.
        (Some(Phase::Pending | Phase::Answered), _) if by == Side::Ours => Err(Refusal::Unacknowledged),
        (Some(Phase::Pending | Phase::Answered | Phase::Pracked | Phase::Complete), round) => {
            surplus(state.with(round, Some(Phase::Accepted)), by, has_sdp)
        }
    }
}

/// RFC 3261 §14.1.
fn failure(state: State, by: Side) -> Step {
    let client = by.other();
    match (state.phase_of(client), by) {
        (None | Some(Phase::Accepted), Side::Ours) => return Err(Refusal::Stray),
        (None | Some(Phase::Accepted), Side::Theirs) => return Ok((state, Meaning::Nothing)),
        (Some(_), _) => {}
    }
    let state = State { invite: Invite::None, ..state };
    Ok(match state.without(client, Carrier::Invite) {
        (state, Meaning::Nothing) => state.without(by, Carrier::Reliable),
        rolled_back => rolled_back,
    })
}

fn ack(state: State, by: Side, has_sdp: bool) -> Step {
    if state.round == Round::Open(by.other(), Carrier::Success) {
        let ended = State { round: Round::Stable, invite: Invite::None, ..state };
        return required((ended, Meaning::Answer), ended, by, has_sdp);
    }
    match state.phase_of(by) {
        Some(Phase::Accepted) => surplus(State { invite: Invite::None, ..state }, by, has_sdp),
        _ => surplus(state, by, has_sdp),
    }
}

/// The answer of pattern 4 and the offer of pattern 5.
fn prack(state: State, by: Side, has_sdp: bool) -> Step {
    let phase = state.phase_of(by);
    let pracked = phase.filter(|phase| *phase != Phase::Accepted).map(|_| Phase::Pracked);
    if state.round == Round::Open(by.other(), Carrier::Reliable) {
        let done = state.with(Round::Stable, pracked);
        return required((done, Meaning::Answer), done, by, has_sdp);
    }
    match (phase, has_sdp) {
        // Late, after the 2xx or the failure: it means nothing any more.
        (None | Some(Phase::Accepted), _) => surplus(state, by, has_sdp),
        (Some(Phase::Answered), false) => Ok((state.with(state.round, pracked), Meaning::Nothing)),
        (Some(Phase::Answered), true) => match state.round {
            Round::Stable => Ok((state.with(Round::Open(by, Carrier::Prack), pracked), Meaning::Offer)),
            Round::Open(side, _) => Err(in_the_way(side)),
        },
        (Some(_), false) => Ok((state, Meaning::Nothing)),
        // RFC 6337 §2.2: only the PRACK of an answer may bring an offer.
        (Some(_), true) => Err(Refusal::SdpMisplaced),
    }
}

fn prack_success(state: State, by: Side, has_sdp: bool) -> Step {
    let client = by.other();
    let complete = (state.phase_of(client) == Some(Phase::Pracked)).then_some(Phase::Complete);
    if state.round == Round::Open(client, Carrier::Prack) {
        let done = state.with(Round::Stable, complete);
        return required((done, Meaning::Answer), done, by, has_sdp);
    }
    surplus(state.with(state.round, complete), by, has_sdp)
}

/// RFC 6337 §2.3: the same response may be acknowledged again, without an offer.
fn prack_failure(state: State, by: Side) -> Step {
    let client = by.other();
    let answered = (state.phase_of(client) == Some(Phase::Pracked)).then_some(Phase::Answered);
    Ok(state.with(state.round, answered).without(client, Carrier::Prack))
}

/// Pattern 6.
fn update(state: State, by: Side, has_sdp: bool) -> Step {
    // UAC-UU; UAS-UsU, RFC 3311 §5.2: with or without a description.
    if state.has_update(by) {
        return Err(in_the_way(by));
    }
    let state = state.with_update(by, true);
    if !has_sdp {
        return Ok((state, Meaning::Nothing));
    }
    // UAS-UcU, UAS-IcU, UAS-IsU, UAC-IU; RFC 3311 §5.1.
    if let Round::Open(side, carrier) = state.round {
        return Err(in_the_way(owner(side, carrier)));
    }
    match state.invite {
        Invite::None | Invite::Open(_, Phase::Complete | Phase::Accepted) => {}
        Invite::Open(..) if by == Side::Ours => return Err(Refusal::Unacknowledged),
        Invite::Open(side, _) => return Err(in_the_way(side)),
    }
    Ok((state.with(Round::Open(by, Carrier::Update), None), Meaning::Offer))
}

fn update_success(state: State, by: Side, has_sdp: bool) -> Step {
    let client = by.other();
    if !state.has_update(client) {
        return surplus_or_stray(state, by, has_sdp);
    }
    let done = state.with_update(client, false);
    match done.round == Round::Open(client, Carrier::Update) {
        true => {
            let done = done.with(Round::Stable, None);
            required((done, Meaning::Answer), done, by, has_sdp)
        }
        false => surplus(done, by, has_sdp),
    }
}

/// RFC 3311 §5.3.
fn update_failure(state: State, by: Side) -> Step {
    let client = by.other();
    match (state.has_update(client), by) {
        (true, _) => Ok(state.with_update(client, false).without(client, Carrier::Update)),
        (false, Side::Ours) => Err(Refusal::Stray),
        (false, Side::Theirs) => Ok((state, Meaning::Nothing)),
    }
}
