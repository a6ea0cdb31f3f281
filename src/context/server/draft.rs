//! An answer that is written and not given yet: until it is, nothing has changed.

use alloc::sync::Arc;
use core::time::Duration;

use super::ServerContext;
use crate::context::{ContextError, Defaults, Reply, Settings};
use crate::message::{Message, StatusCode};
use crate::time::Timestamp;

/// Which of the four methods of a server context gives an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Progress,
    Accept,
    Reject,
    Reply,
}

impl Verb {
    /// The method's default code, and the lowest and highest that it gives.
    fn codes(self) -> (Option<u16>, u16, u16) {
        match self {
            Self::Progress => (Some(180), 100, 199),
            Self::Accept => (Some(200), 200, 299),
            Self::Reject => (Some(480), 300, 699),
            Self::Reply => (None, 100, 699),
        }
    }

    /// The status that `reply` comes to.
    pub(crate) fn status(self, reply: &Reply) -> Result<StatusCode, ContextError> {
        let (default, lowest, highest) = self.codes();
        let code = reply.code.or(default).ok_or(ContextError::CodeMissing)?;
        let within = (lowest..=highest).contains(&code);
        StatusCode::new(code).filter(|_| within).ok_or(ContextError::CodeOutOfRange { code, lowest, highest })
    }
}

/// An answer that may be given.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(super) status: StatusCode,
    pub(super) message: Arc<Message>,
    /// Its number, if it is a reliable provisional one.
    pub(super) rseq: Option<u32>,
    /// Whether it waits for the PRACK of an earlier one.
    pub(super) is_held: bool,
}

impl Draft {
    /// The answer, if it goes out as soon as it is given.
    pub(crate) fn sent(&self) -> Option<&Message> {
        (!self.is_held).then_some(&*self.message)
    }
}

impl ServerContext {
    /// Writes an answer.
    ///
    /// # Errors
    /// Why it may not be given.
    pub(crate) fn draft(
        &self,
        now: Timestamp,
        status: StatusCode,
        reply: &Reply,
        defaults: &Defaults<'_>,
        settings: &Settings,
    ) -> Result<Draft, ContextError> {
        self.may_answer(now, status, settings)?;
        let request = self.request.as_deref().ok_or(ContextError::Ended)?;
        let rseq = match settings.rel100.applies(request, status, reply.reliable) {
            true => Some(self.next_rseq().ok_or(ContextError::Unacknowledged)?),
            false => None,
        };
        // Others do not say it (RFC 3261 §8.2.6.1).
        let delay = if status == StatusCode::TRYING { now - self.since } else { Duration::ZERO };
        let message =
            reply.build((request, self.ringing.as_deref()), status, &self.tag, rseq, delay, defaults)?;
        let waiting = self.unacknowledged.as_deref();
        // RFC 3262 §5: the first reliable one has the offer that the INVITE has not.
        let is_first = rseq.is_some() && waiting.is_none();
        if is_first && request.session_description().or(message.session_description()).is_none() {
            return Err(ContextError::OfferMissing);
        }
        let is_held = waiting.is_some_and(|waiting| match rseq {
            Some(_) => waiting.out().is_some(),
            None => status.is_success() && waiting.has_description(),
        });
        Ok(Draft { status, message, rseq, is_held })
    }
}
