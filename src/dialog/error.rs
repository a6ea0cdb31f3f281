//! Why a dialog cannot be made, or will not send.

use crate::message::{BuildError, Name, ParseError};
use crate::sdp::Refusal;

/// What a dialog refuses. A refusal changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialogError {
    /// A header that the dialog is made of, or its tag, is missing (RFC 3261 §12.1).
    #[error("{} or its tag is missing (RFC 3261 §12.1)", .0.as_str())]
    Missing(Name),
    /// A header that the dialog is made of is malformed.
    #[error(transparent)]
    Malformed(#[from] ParseError),
    /// This request and answer make, or confirm, no dialog (RFC 3261 §12.1).
    #[error("this request and answer make no dialog (RFC 3261 §12.1)")]
    NoDialog,
    /// The dialog is over.
    #[error("the dialog has ended")]
    Terminated,
    /// The method is not for the application to send on its own: ACK, CANCEL, and BYE within a dialog, which `destroy` sends.
    #[error("ACK, CANCEL and BYE are not the application's to send: accepting, `cancel` and `destroy` do")]
    Method,
    /// There is no session description of ours yet: nothing to hold (RFC 3264 §8.4).
    #[error("there is no session to hold (RFC 3264 §8.4)")]
    NoSession,
    /// We do not hold the peer.
    #[error("the peer is not held")]
    NotHeld,
    /// The peer waits for no answer of ours.
    #[error("no answer is owed (RFC 3261 §13.2.1)")]
    NoOffer,
    /// Offer and answer forbid it now (RFC 3261 §14, RFC 3311 §5).
    #[error(transparent)]
    Session(#[from] Refusal),
    /// The subscription has no such next state: one that is not pending cannot be authorised, one that is active is not pending again
    /// (RFC 6665 §4.2.2, Figure 2).
    #[error("the subscription has no such next state (RFC 6665 §4.2.2)")]
    Substate,
    /// The sequence numbers of this dialog are used up (RFC 3261 §8.1.1.5).
    #[error("sequence numbers are used up (RFC 3261 §8.1.1.5)")]
    CSeq,
    /// The message could not be written.
    #[error(transparent)]
    Build(#[from] BuildError),
}
