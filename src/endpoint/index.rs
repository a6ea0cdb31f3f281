//! The match tables: from what identifies a message to what it belongs to (RFC 3261 §12, §17.1.3, §17.2.3).
//!
//! Keys are 128 bits of a keyed hash, so that the tables hash no further; and nothing iterates them.

use core::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

use super::ids::{DialogId, RequestId, ServerId};
use crate::transaction::MatchId;

/// Passes half of a [`MatchId`] through.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PassThrough(u64);

impl Hasher for PassThrough {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, number: u128) {
        self.0 = number as u64;
    }
}

type Table<T> = HashMap<MatchId, T, BuildHasherDefault<PassThrough>>;

#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Server transactions.
    pub(super) servers: Table<ServerId>,
    /// Requests that a merged one would be the twin of (§8.2.2.2).
    pub(super) merged: Table<ServerId>,
    /// Client transactions.
    pub(super) clients: Table<RequestId>,
    /// Subscriptions without a dialog, by Call-ID and our tag.
    pub(super) subscribing: Table<RequestId>,
    /// Dialogs by Call-ID and both tags.
    pub(super) dialogs: Table<DialogId>,
}

impl Index {
    pub(super) fn is_empty(&self) -> bool {
        self.servers.is_empty()
            && self.merged.is_empty()
            && self.clients.is_empty()
            && self.subscribing.is_empty()
            && self.dialogs.is_empty()
    }
}
