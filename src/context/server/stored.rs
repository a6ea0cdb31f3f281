//! The last answer of a server context: a message, or, once it has been sent for good, its octets alone. Most final answers are never sent
//! again, and their transactions linger for 32 s.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::ServerContext;
use crate::message::Message;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stored {
    Message(Option<Arc<Message>>),
    Octets(Box<[u8]>),
}

impl Stored {
    pub(super) const NONE: Self = Self::Message(None);

    pub(super) fn message(&self) -> Option<&Arc<Message>> {
        match self {
            Self::Message(message) => message.as_ref(),
            Self::Octets(_) => None,
        }
    }

    pub(super) fn is_some(&self) -> bool {
        !matches!(self, Self::Message(None))
    }
}

impl From<Arc<Message>> for Stored {
    fn from(message: Arc<Message>) -> Self {
        Self::Message(Some(message))
    }
}

impl ServerContext {
    /// The last answer; `None` before the first, once a 2xx was acknowledged, and while it is [settled](Self::settle).
    pub fn response(&self) -> Option<&Arc<Message>> {
        self.response.message()
    }

    /// Keeps no more of a final answer than its octets, unless someone else still holds it: to be called some time after it was sent, where
    /// memory counts. A driver that is to [send](crate::context::ServerEffects::SEND) it again makes a message of [those](Self::settled) and
    /// [gives it back](Self::recall).
    pub fn settle(&mut self) {
        if self.is_pending() {
            return;
        }
        let Stored::Message(stored) = &mut self.response else { return };
        if let Some(response) = stored.take_if(|response| Arc::strong_count(response) == 1) {
            self.response = Stored::Octets(response.as_bytes().into());
        }
    }

    /// The octets of the last answer, where no more of it is kept.
    pub fn settled(&self) -> Option<&[u8]> {
        match &self.response {
            Stored::Message(_) => None,
            Stored::Octets(octets) => Some(octets),
        }
    }

    /// Takes back, as a message, an answer that is [settled](Self::settle).
    pub fn recall(&mut self, answer: Arc<Message>) {
        if let Stored::Octets(octets) = &self.response
            && **octets == *answer.as_bytes()
        {
            self.response = Stored::from(answer);
        }
    }
}
