//! What the steps of a server context ask for, and how it ends.

bitflags::bitflags! {
    /// What a step of a server context asks of its driver: a set without payload. The answer to send is
    /// [`ServerContext::response`](super::ServerContext::response).
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub struct ServerEffects: u16 {
        /// Send the stored answer, for the first time or again.
        const SEND = 1 << 0;
        /// The peer cancelled the request.
        const CANCELLED = 1 << 1;
        /// A CANCEL came after a 2xx: it changes nothing (§9.2).
        const CANCEL_TOO_LATE = 1 << 2;
        /// A provisional answer was given.
        const PROGRESS = 1 << 3;
        /// A 2xx was given.
        const ACCEPTED = 1 << 4;
        /// A 3xx to 6xx was given: the request was rejected and has failed.
        const REJECTED = 1 << 5;
        /// The ACK of a 2xx came, for the first time.
        const ACKED = 1 << 6;
        /// 64·T1 passed without the ACK of a 2xx: the session is to be ended (§13.3.1.4).
        const NO_ACK = 1 << 7;
        /// The transport could not send an answer. The context lives on (RFC 6026 §8.8).
        const SEND_FAILED = 1 << 8;
        /// The application never answered a non-INVITE request, and its client has given up.
        const UNANSWERED = 1 << 9;
        /// The context is over; see [`ServerContext::end_reason`](super::ServerContext::end_reason).
        const END = 1 << 10;
        /// A PRACK acknowledged a reliable provisional answer (RFC 3262 §3): it is to be answered 2xx. Without this effect, 481.
        const PRACKED = 1 << 11;
        /// 64·T1 passed without the PRACK of a reliable provisional answer: the request is rejected (RFC 3262 §3).
        const NO_PRACK = 1 << 12;
        /// The answer that was given waits for the PRACK of an earlier one: it is sent, and has its effects, then.
        const HELD = 1 << 13;
        /// The application has not answered an INVITE [in time](super::Settings::answer_within): it is rejected.
        const NO_ANSWER = 1 << 14;
        /// The Expires of an INVITE ran out before the application answered it: it is rejected (§13.3.1).
        const EXPIRED = 1 << 15;
    }
}

impl ServerEffects {
    /// Nothing.
    pub const NONE: Self = Self::empty();

    pub(super) fn when(condition: bool, effects: Self) -> Self {
        if condition { effects } else { Self::NONE }
    }
}

/// How a server context came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum EndReason {
    /// Answered, and its retransmissions absorbed.
    Done,
    /// A final answer to an INVITE was never acknowledged.
    NoAck,
    /// The application never answered a non-INVITE request.
    Unanswered,
}
