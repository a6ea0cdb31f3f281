//! What a context refuses. A refusal changes nothing, and is a normal outcome of a race.

use crate::message::{BuildError, StatusCode};

/// Why a command on a context was not carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// The code is outside the range of the method: 100–199 for `progress`, 200–299 for `accept`, 300–699 for `reject`,
    /// 100–699 for `reply`.
    #[error("status code {code} is not within {lowest} to {highest}")]
    CodeOutOfRange {
        /// The code that was asked for.
        code: u16,
        /// The least that the method sends.
        lowest: u16,
        /// The most that the method sends.
        highest: u16,
    },
    /// `reply` was given no code, and has no default.
    #[error("reply needs a status code")]
    CodeMissing,
    /// A final answer was sent before.
    #[error("the request was already answered {0}")]
    AlreadyFinal(StatusCode),
    /// The peer cancelled the request, which was answered 487.
    #[error("the request was cancelled")]
    Cancelled,
    /// A non-INVITE request is answered with no provisional code but 100 (RFC 4320 §4.1). This is what `progress` asks for by default.
    #[error("101 to 199 do not answer a non-INVITE request (RFC 4320 §4.1)")]
    ProvisionalToNonInvite,
    /// Over UDP, a non-INVITE request is not answered 100 before Timer E reaches T2 (RFC 4320 §4.1).
    #[error("100 to a non-INVITE request over UDP waits until Timer E reaches T2 (RFC 4320 §4.1)")]
    TryingTooEarly,
    /// A non-INVITE request is never answered 408: the client that could be told has already given up (RFC 4320 §4.2).
    #[error("408 does not answer a non-INVITE request (RFC 4320 §4.2)")]
    TimeoutToNonInvite,
    /// As many reliable provisional answers as may wait for their PRACK do (RFC 3262 §3).
    #[error("too many provisional answers wait for their PRACK (RFC 3262 §3)")]
    Unacknowledged,
    /// The first reliable provisional answer to an INVITE without an offer has to have one (RFC 3262 §5).
    #[error("the first reliable answer to an INVITE without an offer needs one (RFC 3262 §5)")]
    OfferMissing,
    /// The context has ended without an answer.
    #[error("the context has ended")]
    Ended,
    /// Only an INVITE can be cancelled (RFC 3261 §9.1).
    #[error("only an INVITE can be cancelled (RFC 3261 §9.1)")]
    NotInvite,
    /// The message could not be written.
    #[error(transparent)]
    Build(#[from] BuildError),
}
