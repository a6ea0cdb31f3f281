//! The transition table: (machine, state, stimulus, reliability) → (state, effects, timers).
//!
//! It is data over `Copy` enums, so that all of it can be enumerated: `tests/transaction/table.rs` holds every cell against
//! a transcription of RFC 3261 figures 5 to 8 as RFC 6026 changed them.

use super::timers::{Timer, TimerSet};

/// Which of the four machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Kind {
    /// RFC 3261 §17.1.1.
    InviteClient,
    /// RFC 3261 §17.1.2.
    NonInviteClient,
    /// RFC 3261 §17.2.1.
    InviteServer,
    /// RFC 3261 §17.2.2.
    NonInviteServer,
}

/// The states of all four machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum State {
    /// Before [`Stimulus::Start`]; no transaction rests here.
    Initial,
    /// INVITE client: nothing heard yet.
    Calling,
    /// Non-INVITE: nothing heard or answered yet.
    Trying,
    /// A provisional answer was received or may be sent.
    Proceeding,
    /// A final answer was received or sent; for INVITE a 3xx to 6xx.
    Completed,
    /// INVITE server: the ACK came.
    Confirmed,
    /// INVITE: a 2xx was received or sent (RFC 6026).
    Accepted,
    /// Over; to be dropped at once.
    Terminated,
}

/// What can happen to a transaction. For a client, answers are received; for a server, the transaction user passes
/// them down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Stimulus {
    /// The transaction begins: its request is to be sent, or was received.
    Start,
    /// A 1xx answer.
    Provisional,
    /// A 2xx answer.
    Success,
    /// A 3xx to 6xx answer.
    Failure,
    /// Server: the request again.
    Request,
    /// INVITE server: the ACK.
    Ack,
    /// The transport could not send.
    TransportError,
    /// A timer fired.
    Timer(Timer),
}

bitflags::bitflags! {
    /// What a step asks of whoever drives the machine: a set without payload.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub struct Effects: u8 {
        /// Send the message that was just passed in.
        const SEND = 1 << 0;
        /// Send the stored message again: the request of a client, the last answer of a server.
        const RESEND = 1 << 1;
        /// Client: send the ACK for a non-2xx final, the first time or again.
        const ACK = 1 << 2;
        /// Pass the message that was just received up.
        const UP = 1 << 3;
        /// Tell the user of the transaction that it timed out.
        const TIMEOUT = 1 << 4;
        /// Tell the user of the transaction that the transport failed.
        const TRANSPORT_ERROR = 1 << 5;
        /// The transaction is over.
        const END = 1 << 6;
    }
}

impl Effects {
    /// Nothing.
    pub const NONE: Self = Self::empty();
}

/// One cell of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// The state that follows.
    pub next: State,
    /// What is to be done.
    pub effects: Effects,
    /// The timers to arm.
    pub set: TimerSet,
    /// The timers to stop.
    pub clear: TimerSet,
}

/// The transition of `kind` from `state` on `stimulus`. A stimulus that means nothing in a state changes nothing.
pub fn transition(kind: Kind, state: State, stimulus: Stimulus, reliable: bool) -> Transition {
    let [unreliable, on_reliable] = &TABLE;
    let table = if reliable { on_reliable } else { unreliable };
    let row = table.get(kind as usize).and_then(|machine| machine.get(state as usize));
    let cell = row.and_then(|row| row.get(stimulus.place()));
    cell.copied().unwrap_or(Transition::none(state))
}

impl Transition {
    const fn none(state: State) -> Self {
        Self { next: state, effects: Effects::NONE, set: TimerSet::NONE, clear: TimerSet::NONE }
    }
}

impl Stimulus {
    /// Where it stands in a row of the table.
    const fn place(self) -> usize {
        match self {
            Self::Start => 0,
            Self::Provisional => 1,
            Self::Success => 2,
            Self::Failure => 3,
            Self::Request => 4,
            Self::Ack => 5,
            Self::TransportError => 6,
            Self::Timer(timer) => Self::OTHERS.len().wrapping_add(timer as usize),
        }
    }

    /// Those that are no timers, each in its place.
    const OTHERS: [Self; 7] = [
        Self::Start,
        Self::Provisional,
        Self::Success,
        Self::Failure,
        Self::Request,
        Self::Ack,
        Self::TransportError,
    ];
}

const KINDS: [Kind; 4] =
    [Kind::InviteClient, Kind::NonInviteClient, Kind::InviteServer, Kind::NonInviteServer];
const STATES: [State; 8] = [
    State::Initial,
    State::Calling,
    State::Trying,
    State::Proceeding,
    State::Completed,
    State::Confirmed,
    State::Accepted,
    State::Terminated,
];
const STIMULI: usize = Stimulus::OTHERS.len() + Timer::ALL.len();

/// Every transition, by reliability, machine, state and stimulus: made when the crate is built.
static TABLE: [[[[Transition; STIMULI]; STATES.len()]; KINDS.len()]; 2] = [table(false), table(true)];

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "it runs when the crate is built"
)]
const fn table(reliable: bool) -> [[[Transition; STIMULI]; STATES.len()]; KINDS.len()] {
    let mut table = [[[Transition::none(State::Initial); STIMULI]; STATES.len()]; KINDS.len()];
    let mut at = 0;
    while at < KINDS.len() * STATES.len() * STIMULI {
        let (kind, state, place) = (at / STIMULI / STATES.len(), at / STIMULI % STATES.len(), at % STIMULI);
        let stimulus = match place.checked_sub(Stimulus::OTHERS.len()) {
            Some(timer) => Stimulus::Timer(Timer::ALL[timer]),
            None => Stimulus::OTHERS[place],
        };
        table[kind][state][place] = cell(KINDS[kind], STATES[state], stimulus, reliable);
        at += 1;
    }
    table
}

const fn cell(kind: Kind, state: State, stimulus: Stimulus, reliable: bool) -> Transition {
    let cell = match kind {
        Kind::InviteClient => invite_client(state, stimulus),
        Kind::NonInviteClient => non_invite_client(state, stimulus),
        Kind::InviteServer => invite_server(state, stimulus),
        Kind::NonInviteServer => non_invite_server(state, stimulus),
    };
    let before = running(kind, state, reliable);
    let Some((next, effects, set)) = cell else { return Transition::none(state) };
    let fired = match stimulus {
        Stimulus::Timer(timer) if !before.contains(timer) => return Transition::none(state),
        Stimulus::Timer(timer) => TimerSet::of(&[timer]),
        _ => TimerSet::NONE,
    };
    Transition {
        next,
        effects,
        set: TimerSet::of(set).without(unused(reliable)),
        clear: before.without(running(kind, next, reliable)).without(fired),
    }
}

/// What does not run where the transport retransmits.
const fn unused(reliable: bool) -> TimerSet {
    if reliable { TimerSet::REPEATING } else { TimerSet::NONE }
}

/// The timers that can be running in a state.
pub const fn running(kind: Kind, state: State, reliable: bool) -> TimerSet {
    let timers = match (kind, state) {
        (Kind::InviteClient, State::Calling) => TimerSet::of(&[Timer::A, Timer::B]),
        (Kind::InviteClient, State::Completed) => TimerSet::of(&[Timer::D]),
        (Kind::InviteClient, State::Accepted) => TimerSet::of(&[Timer::M]),
        (Kind::NonInviteClient, State::Trying | State::Proceeding) => TimerSet::of(&[Timer::E, Timer::F]),
        (Kind::NonInviteClient, State::Completed) => TimerSet::of(&[Timer::K]),
        (Kind::InviteServer, State::Completed) => TimerSet::of(&[Timer::G, Timer::H]),
        (Kind::InviteServer, State::Confirmed) => TimerSet::of(&[Timer::I]),
        (Kind::InviteServer, State::Accepted) => TimerSet::of(&[Timer::L]),
        (Kind::NonInviteServer, State::Completed) => TimerSet::of(&[Timer::J]),
        _ => TimerSet::NONE,
    };
    timers.without(unused(reliable))
}

/// A cell that does something; all others are `None`.
type Cell = Option<(State, Effects, &'static [Timer])>;

const ENDED_BY_TIMEOUT: Effects = Effects::END.union(Effects::TIMEOUT);
const ENDED_BY_TRANSPORT: Effects = Effects::END.union(Effects::TRANSPORT_ERROR);

/// RFC 3261 §17.1.1.2 and figure 5, RFC 6026 §8.4.
const fn invite_client(state: State, stimulus: Stimulus) -> Cell {
    use {State::*, Stimulus as S, Timer::*};
    Some(match (state, stimulus) {
        (Initial, S::Start) => (Calling, Effects::SEND, &[A, B]),
        (Calling, S::Timer(A)) => (Calling, Effects::RESEND, &[A]),
        (Calling, S::Timer(B)) => (Terminated, ENDED_BY_TIMEOUT, &[]),
        (Calling | Proceeding, S::Provisional) => (Proceeding, Effects::UP, &[]),
        (Calling | Proceeding, S::Success) => (Accepted, Effects::UP, &[M]),
        (Calling | Proceeding, S::Failure) => (Completed, Effects::UP.union(Effects::ACK), &[D]),
        (Completed, S::Failure) => (Completed, Effects::ACK, &[]),
        (Completed, S::Timer(D)) => (Terminated, Effects::END, &[]),
        (Accepted, S::Success) => (Accepted, Effects::UP, &[]),
        (Accepted, S::Timer(M)) => (Terminated, Effects::END, &[]),
        // RFC 3261 §17.1.4 and figure 5: in the states that send. Heard of late, after an answer, it is no failure.
        (Calling | Completed, S::TransportError) => (Terminated, ENDED_BY_TRANSPORT, &[]),
        _ => return None,
    })
}

/// RFC 3261 §17.1.2.2 and figure 6.
const fn non_invite_client(state: State, stimulus: Stimulus) -> Cell {
    use {State::*, Stimulus as S, Timer::*};
    Some(match (state, stimulus) {
        (Initial, S::Start) => (Trying, Effects::SEND, &[E, F]),
        (Trying | Proceeding, S::Timer(E)) => (state, Effects::RESEND, &[E]),
        (Trying | Proceeding, S::Timer(F)) => (Terminated, ENDED_BY_TIMEOUT, &[]),
        (Trying | Proceeding, S::Provisional) => (Proceeding, Effects::UP, &[]),
        (Trying | Proceeding, S::Success | S::Failure) => (Completed, Effects::UP, &[K]),
        (Completed, S::Timer(K)) => (Terminated, Effects::END, &[]),
        // RFC 3261 §17.1.4.
        (Trying | Proceeding, S::TransportError) => (Terminated, ENDED_BY_TRANSPORT, &[]),
        _ => return None,
    })
}

/// RFC 3261 §17.2.1 and figure 7, RFC 6026 §§7.1, 8.5 to 8.8.
const fn invite_server(state: State, stimulus: Stimulus) -> Cell {
    use {State::*, Stimulus as S, Timer::*};
    Some(match (state, stimulus) {
        (Initial, S::Start) => (Proceeding, Effects::UP, &[]),
        (Proceeding, S::Provisional) => (Proceeding, Effects::SEND, &[]),
        (Proceeding, S::Success) => (Accepted, Effects::SEND, &[L]),
        (Proceeding, S::Failure) => (Completed, Effects::SEND, &[G, H]),
        (Proceeding | Completed, S::Request) => (state, Effects::RESEND, &[]),
        (Completed, S::Timer(G)) => (Completed, Effects::RESEND, &[G]),
        (Completed, S::Timer(H)) => (Terminated, ENDED_BY_TIMEOUT, &[]),
        (Completed, S::Ack) => (Confirmed, Effects::NONE, &[I]),
        (Confirmed, S::Timer(I)) => (Terminated, Effects::END, &[]),
        (Accepted, S::Success) => (Accepted, Effects::SEND, &[]),
        (Accepted, S::Ack) => (Accepted, Effects::UP, &[]),
        (Accepted, S::Timer(L)) => (Terminated, Effects::END, &[]),
        // RFC 6026 §8.8: the state stays, to absorb the request's retransmissions.
        (Proceeding | Completed | Confirmed | Accepted, S::TransportError) => {
            (state, Effects::TRANSPORT_ERROR, &[])
        }
        _ => return None,
    })
}

/// RFC 3261 §17.2.2 and figure 8, RFC 6026 §8.8.
const fn non_invite_server(state: State, stimulus: Stimulus) -> Cell {
    use {State::*, Stimulus as S, Timer::*};
    Some(match (state, stimulus) {
        (Initial, S::Start) => (Trying, Effects::UP, &[]),
        (Trying | Proceeding, S::Provisional) => (Proceeding, Effects::SEND, &[]),
        (Trying | Proceeding, S::Success | S::Failure) => (Completed, Effects::SEND, &[J]),
        (Proceeding | Completed, S::Request) => (state, Effects::RESEND, &[]),
        (Completed, S::Timer(J)) => (Terminated, Effects::END, &[]),
        (Proceeding | Completed, S::TransportError) => (state, Effects::TRANSPORT_ERROR, &[]),
        _ => return None,
    })
}
