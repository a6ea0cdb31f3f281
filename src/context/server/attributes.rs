//! What a [`ServerContext`] says of itself.

use alloc::sync::Arc;

use super::{Phase, ServerContext};
use crate::context::EndReason;
use crate::message::{Address, Message, ParseError, RAck};
use crate::random::Token;
use crate::transaction::{Kind, State};

const GONE: ParseError = ParseError { expected: "a request that is still held", header: None, at: 0 };

impl ServerContext {
    /// The request; `None` once it got its final answer.
    pub fn request(&self) -> Option<&Arc<Message>> {
        self.request.as_ref()
    }

    /// The To header: the local side.
    ///
    /// # Errors
    /// When it is malformed or the request is gone.
    pub fn local_identity(&self) -> Result<Address<'_>, ParseError> {
        self.request.as_ref().map_or(Err(GONE), |request| request.to())
    }

    /// The From header: the remote side.
    ///
    /// # Errors
    /// When it is malformed or the request is gone.
    pub fn remote_identity(&self) -> Result<Address<'_>, ParseError> {
        self.request.as_ref().map_or(Err(GONE), |request| request.from())
    }

    /// The To tag of our answers, where the request had none.
    pub fn tag(&self) -> &Token {
        &self.tag
    }

    /// Whether the PRACK of a reliable provisional answer is awaited: the last one that was sent.
    pub fn awaits_prack(&self) -> bool {
        self.unacknowledged.as_ref().is_some_and(|waiting| waiting.awaits_prack())
    }

    /// Whether a PRACK with this RAck acknowledges what was sent last: see [`ServerContext::prack`].
    pub fn is_pracked_by(&self, rack: &RAck) -> bool {
        self.unacknowledged.as_ref().is_some_and(|waiting| waiting.is_pracked_by(rack))
    }

    /// The reliable provisional answer that is repeated until its PRACK comes.
    pub fn unacknowledged(&self) -> Option<&Arc<Message>> {
        self.unacknowledged.as_ref().and_then(|waiting| waiting.out())
    }

    /// Whether a 2xx was given that waits for a PRACK and was not sent yet.
    pub fn is_held(&self) -> bool {
        matches!(self.phase, Phase::Held(_))
    }

    /// Whether no final answer was sent: the request can still be rejected.
    pub fn is_pending(&self) -> bool {
        self.phase == Phase::Pending || self.is_held()
    }

    /// Whether the peer cancelled the request before a final answer.
    pub fn is_cancelled(&self) -> bool {
        self.phase == Phase::Cancelled
    }

    /// Whether a 2xx was given to an INVITE whose ACK is awaited.
    pub fn awaits_ack(&self) -> bool {
        self.is_invite() && matches!(self.phase, Phase::Final(status) if status.is_success())
    }

    /// Whether the request is an INVITE.
    pub fn is_invite(&self) -> bool {
        self.transaction.kind() == Kind::InviteServer
    }

    /// The state of the transaction.
    pub fn state(&self) -> State {
        self.transaction.state()
    }

    /// How the context came, or will come, to its end.
    pub fn end_reason(&self) -> EndReason {
        match self.phase {
            Phase::NoAck => EndReason::NoAck,
            Phase::Unanswered => EndReason::Unanswered,
            Phase::Pending | Phase::Held(_) | Phase::Final(_) | Phase::Cancelled | Phase::Acked(_) => {
                EndReason::Done
            }
        }
    }
}
