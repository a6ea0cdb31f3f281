//! The words of the offer/answer machine: messages, states, meanings, refusals.

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

impl State {
    pub(super) fn with(self, round: Round, phase: Option<Phase>) -> Self {
        let invite = match (self.invite, phase) {
            (Invite::Open(side, _), Some(phase)) => Invite::Open(side, phase),
            (invite, _) => invite,
        };
        Self { round, invite, ..self }
    }

    /// How far the INVITE of this side has come.
    pub(super) fn phase_of(self, side: Side) -> Option<Phase> {
        match self.invite {
            Invite::Open(by, phase) if by == side => Some(phase),
            _ => None,
        }
    }

    pub(super) fn has_update(self, side: Side) -> bool {
        match side {
            Side::Ours => self.update_ours,
            Side::Theirs => self.update_theirs,
        }
    }

    pub(super) fn with_update(self, side: Side, is_open: bool) -> Self {
        match side {
            Side::Ours => Self { update_ours: is_open, ..self },
            Side::Theirs => Self { update_theirs: is_open, ..self },
        }
    }

    /// Closes the round, if it is this one.
    pub(super) fn without(self, side: Side, carrier: Carrier) -> (Self, Meaning) {
        match self.round == Round::Open(side, carrier) {
            true => (Self { round: Round::Stable, ..self }, Meaning::RolledBack),
            false => (self, Meaning::Nothing),
        }
    }
}
