//! Whose turn it is: the table of the offer/answer machine (RFC 3264 §4; RFC 3261 §13.2.1, §14; RFC 3262 §5; RFC 3311 §5; RFC 6337
//! §2.2, §4).
//!
//! It is data over `Copy` enums, so that all of it can be enumerated: `tests/sdp_table.rs` holds it against the patterns of RFC 6337
//! Table 1 and the rules of its §4.3. It knows which messages passed and whether they had a description; [`super::Negotiation`]
//! keeps the descriptions.

use crate::message::StatusCode;

/// One of the two ends of a dialog.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Side {
    /// This one.
    Ours,
    /// The peer.
    Theirs,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Ours => Self::Theirs,
            Self::Theirs => Self::Ours,
        }
    }
}

/// The messages that make or end an offer/answer round. The responses are told apart by what they answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Carrier {
    /// An INVITE, the first or a later one.
    Invite,
    /// A 1xx to INVITE that is not reliable: its description is a preview (RFC 6337 §3.1.1).
    Provisional,
    /// A reliable 1xx to INVITE (RFC 3262).
    Reliable,
    /// A 2xx to INVITE.
    Success,
    /// INVITE ends without a 2xx: a final response, CANCEL, a timeout.
    Failure,
    /// The ACK of a 2xx.
    Ack,
    /// A PRACK.
    Prack,
    /// A 2xx to PRACK.
    PrackSuccess,
    /// PRACK ends without a 2xx.
    PrackFailure,
    /// An UPDATE.
    Update,
    /// A 2xx to UPDATE.
    UpdateSuccess,
    /// UPDATE ends without a 2xx.
    UpdateFailure,
}

impl Carrier {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Invite,
        Self::Provisional,
        Self::Reliable,
        Self::Success,
        Self::Failure,
        Self::Ack,
        Self::Prack,
        Self::PrackSuccess,
        Self::PrackFailure,
        Self::Update,
        Self::UpdateSuccess,
        Self::UpdateFailure,
    ];
}

/// A message that one side sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Stimulus {
    /// Who sends it.
    pub by: Side,
    /// Which message it is. A failure that nobody sends, like a timeout, is the server's.
    pub carrier: Carrier,
    /// Whether it has a session description (RFC 3261 §13.2.1: of disposition `session`).
    pub has_sdp: bool,
}

/// Whether an offer waits for its answer.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Hash)]
pub enum Round {
    /// None does.
    #[default]
    Stable,
    /// This side made an offer in this message.
    Open(Side, Carrier),
}

/// How far an INVITE that is not over has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Phase {
    /// Its own offer and answer are not both exchanged.
    Pending,
    /// The answer went in a reliable 1xx whose PRACK is awaited.
    Answered,
    /// A PRACK of the description in a reliable 1xx is under way.
    Pracked,
    /// Offer and answer are exchanged, the final response is awaited.
    Complete,
    /// A 2xx passed, its ACK is awaited.
    Accepted,
}

/// The INVITE of a dialog.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Hash)]
pub enum Invite {
    /// There is none.
    #[default]
    None,
    /// One that this side sent.
    Open(Side, Phase),
}

/// The state of the offer/answer machine of a dialog.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Hash)]
pub struct State {
    /// The offer that waits.
    pub round: Round,
    /// The INVITE that is not over.
    pub invite: Invite,
    /// Whether an UPDATE of ours waits for its final response.
    pub update_ours: bool,
    /// Whether an UPDATE of the peer waits for our final response.
    pub update_theirs: bool,
}

/// What a message means to offer and answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Meaning {
    /// Nothing: it has no description, and needs none.
    Nothing,
    /// Its description is an offer.
    Offer,
    /// Its description is the answer: the round is complete.
    Answer,
    /// Its description shows what the answer will be; the round stays open (RFC 6337 §3.1.1).
    Preview,
    /// Its description is neither, and is to be ignored (RFC 3261 §13.2.1, RFC 6337 §3.1).
    Ignored,
    /// The offer that waited is void: all is as before it (RFC 3261 §14.1, RFC 3311 §5.3).
    RolledBack,
    /// It should have brought an answer and did not: the offer is void. (Or a 2xx an offer.)
    Missing,
}

/// Why a message cannot be: for one of ours it must not be sent, for one of the peer it is to be answered with [`Refusal::status`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
pub enum Refusal {
    /// We have an offer out, or a request that may bring one: 491.
    #[error("an offer of ours waits for its answer (RFC 3261 §14.2, RFC 3311 §5.2)")]
    OfferOut,
    /// We owe the peer an answer, or a final response: 500 with Retry-After.
    #[error("an offer of the peer waits for our answer (RFC 3261 §14.2, RFC 3311 §5.2)")]
    AnswerOwed,
    /// The PRACK or ACK of a description is awaited: the message must wait for it.
    #[error("a description waits to be acknowledged (RFC 3262 §5, RFC 6337 §4.3)")]
    Unacknowledged,
    /// The message must have a description.
    #[error("an offer or an answer belongs in this message (RFC 3261 §13.2.1)")]
    SdpMissing,
    /// The message must not have a description: 488 where it is a request.
    #[error("neither offer nor answer belongs in this message (RFC 6337 §2.2)")]
    SdpMisplaced,
    /// There is no request to which the message belongs.
    #[error("no request is open to which this message belongs")]
    Stray,
}

impl Refusal {
    /// The status that refuses a request of the peer; for 500 a Retry-After of 0 to 10 s goes with it (RFC 3261 §14.2, RFC 3311 §5.2).
    pub const fn status(self) -> StatusCode {
        match self {
            Self::OfferOut => StatusCode::REQUEST_PENDING,
            Self::AnswerOwed | Self::Unacknowledged => StatusCode::INTERNAL_SERVER_ERROR,
            Self::SdpMissing | Self::SdpMisplaced => StatusCode::NOT_ACCEPTABLE_HERE,
            Self::Stray => StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST,
        }
    }
}

/// What a message that we are about to send has to carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Body {
    /// No description.
    Nothing,
    /// A description, or none; with one it means this.
    May(Meaning),
    /// A description, which means this.
    Must(Meaning),
}

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

impl State {
    fn with(self, round: Round, phase: Option<Phase>) -> Self {
        let invite = match (self.invite, phase) {
            (Invite::Open(side, _), Some(phase)) => Invite::Open(side, phase),
            (invite, _) => invite,
        };
        Self { round, invite, ..self }
    }

    /// How far the INVITE of this side has come.
    fn phase_of(self, side: Side) -> Option<Phase> {
        match self.invite {
            Invite::Open(by, phase) if by == side => Some(phase),
            _ => None,
        }
    }

    fn has_update(self, side: Side) -> bool {
        match side {
            Side::Ours => self.update_ours,
            Side::Theirs => self.update_theirs,
        }
    }

    fn with_update(self, side: Side, is_open: bool) -> Self {
        match side {
            Side::Ours => Self { update_ours: is_open, ..self },
            Side::Theirs => Self { update_theirs: is_open, ..self },
        }
    }

    /// Closes the round, if it is this one.
    fn without(self, side: Side, carrier: Carrier) -> (Self, Meaning) {
        match self.round == Round::Open(side, carrier) {
            true => (Self { round: Round::Stable, ..self }, Meaning::RolledBack),
            false => (self, Meaning::Nothing),
        }
    }
}

/// Why a request that opens something may not be, seen from the side that has `side`'s state: RFC 6337 §4.3 has the rules UAC-II to UAS-IsU, and the first letter
/// after the hyphen is the transaction that is in the way.
///
/// A client in the way is 491, a server 500. For our own requests the two are told apart likewise.
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
        // RFC 5407 §3.1.4: a 2xx that completed the exchange need not be acknowledged before the peer may come again. Of ours
        // nothing is in the way but our own ACK.
        Invite::Open(side, Phase::Accepted) if side == by && state.round == Round::Stable => {
            if by == Side::Ours {
                return Err(Refusal::Unacknowledged);
            }
        }
        // RFC 3261 §14.1: ours waits until the ACK of theirs came.
        Invite::Open(Side::Theirs, Phase::Accepted) if by == Side::Ours => {
            return Err(Refusal::Unacknowledged);
        }
        Invite::Open(Side::Ours, Phase::Accepted) if state.round == Round::Stable => {}
        // RFC 5407 §3.1.5: with an offer of ours in the 2xx, 491.
        Invite::Open(Side::Theirs, Phase::Accepted) => {}
        // UAC-II, UAS-IcI, UAS-IsI.
        Invite::Open(side, _) => return Err(in_the_way(side)),
        Invite::None => {}
    }
    // UAC-UI, UAS-UcI, UAS-UsI; and RFC 3264 §4.
    if let Round::Open(side, _) = state.round {
        return Err(in_the_way(side));
    }
    if by == Side::Ours && state.update_ours {
        return Err(Refusal::OfferOut);
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

/// RFC 3261 §14.1. What was agreed meanwhile stays agreed (RFC 6141 §3.4).
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
