//! [`Earlier`]: what a request that is sent again keeps of the one before it (RFC 3261 §8.1.3.5).

use alloc::boxed::Box;

use crate::message::Message;

/// A request that another one is a try of, or follows: its Call-ID, From tag and number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Earlier {
    call_id: Box<str>,
    tag: Box<str>,
    cseq: u32,
}

impl Earlier {
    /// The request that `message` answers, or is; `None` where Call-ID or From tag is missing, as in an answer that was made up for want
    /// of one.
    pub fn of(message: &Message) -> Option<Self> {
        let (call_id, tag) = (message.call_id(), message.tag_in_from());
        let is_whole = !call_id.is_empty() && !tag.is_empty();
        is_whole.then(|| Self { call_id: call_id.into(), tag: tag.into(), cseq: message.cseq() })
    }

    /// Its Call-ID.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Its From tag.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The number after its own; `None` when the numbers are used up (§8.1.1.5).
    pub fn next_cseq(&self) -> Option<u32> {
        self.cseq.checked_add(1).filter(|next| *next < 1 << 31)
    }
}
