//! The match tables: from what identifies a message to what it belongs to (RFC 3261 §12, §17.1.3, §17.2.3).
//!
//! A [`MatchId`] is a keyed hash already: a table keeps 32 bits of it beside the machine's name, so that it can grow without a
//! look at the machines, and whoever looks something up compares the rest with what the machine has. Nothing iterates the tables.
//!
//! A dialog stands by our tag in it, which no peer chooses: it is drawn from the seed. At most [`Limits::forks`](crate::Limits::forks) share one.

use hashbrown::HashTable;

use super::Endpoint;
use super::ids::{DialogId, RequestId, ServerId};
use super::slots::{ClientSlot, DialogSlot, ServerSlot};
use crate::dialog::Dialog;
use crate::transaction::MatchId;

#[derive(Clone, Debug)]
pub(super) struct Table<T>(HashTable<Entry<T>>);

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    hash: u32,
    name: T,
}

impl<T> Entry<T> {
    /// 64 bits for the table, which takes a place from the low ones and a mark from the high ones.
    fn spread(&self) -> u64 {
        spread(self.hash)
    }
}

fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(HashTable::new())
    }
}

impl<T: Copy + PartialEq> Table<T> {
    /// The name of the machine that has this identity; `is_it` compares the whole of it.
    pub(super) fn find(&self, id: MatchId, is_it: impl Fn(T) -> bool) -> Option<T> {
        self.find_hash(id.half() as u32, is_it)
    }

    fn find_hash(&self, hash: u32, is_it: impl Fn(T) -> bool) -> Option<T> {
        self.0.find(spread(hash), |entry| entry.hash == hash && is_it(entry.name)).map(|entry| entry.name)
    }

    pub(super) fn insert(&mut self, id: MatchId, name: T) {
        self.insert_hash(id.half() as u32, name);
    }

    fn insert_hash(&mut self, hash: u32, name: T) {
        self.0.insert_unique(spread(hash), Entry { hash, name }, Entry::spread);
    }

    pub(super) fn remove(&mut self, id: MatchId, name: T) {
        self.remove_half(id.half(), name);
    }

    /// Removes what was inserted under an identity with this half.
    pub(super) fn remove_half(&mut self, half: u64, name: T) {
        self.remove_hash(half as u32, name);
    }

    fn remove_hash(&mut self, hash: u32, name: T) {
        if let Ok(entry) = self.0.find_entry(spread(hash), |entry| entry.name == name) {
            entry.remove();
        }
    }
}

impl Table<DialogId> {
    pub(super) fn insert_dialog(&mut self, dialog: &Dialog, id: DialogId) {
        self.insert_hash(hash_of_tag(dialog.local_tag().as_bytes()), id);
    }

    pub(super) fn remove_dialog(&mut self, dialog: &Dialog, id: DialogId) {
        self.remove_hash(hash_of_tag(dialog.local_tag().as_bytes()), id);
    }
}

/// 32 bits of a tag's first 40 random ones, in whatever case it is written. Tags of ours are never shorter.
fn hash_of_tag(tag: &[u8]) -> u32 {
    let start = tag.first_chunk().copied().unwrap_or_default();
    let folded = u64::from_le_bytes(start) | u64::from_le_bytes([0x20; 8]);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

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
    /// Dialogs by our tag.
    pub(super) dialogs: Table<DialogId>,
}

impl Index {
    pub(super) fn is_empty(&self) -> bool {
        self.servers.0.is_empty()
            && self.merged.0.is_empty()
            && self.clients.0.is_empty()
            && self.subscribing.0.is_empty()
            && self.dialogs.0.is_empty()
    }
}

impl<D> Endpoint<D> {
    /// The server transaction with this identity.
    pub(super) fn server_of(&self, id: MatchId) -> Option<ServerId> {
        let has = |slot: &ServerSlot<D>| slot.id == id;
        self.index.servers.find(id, |server| self.servers.get(server).is_some_and(has))
    }

    /// The context of the request that one with this identity is the twin of.
    pub(super) fn twin_of(&self, id: MatchId) -> Option<ServerId> {
        let has = |slot: &ServerSlot<D>| slot.merged.is_some_and(|merged| merged.get() == id.half());
        self.index.merged.find(id, |server| self.servers.get(server).is_some_and(has))
    }

    /// The client transaction with this identity.
    pub(super) fn client_of(&self, id: MatchId) -> Option<RequestId> {
        let has = |slot: &ClientSlot<D>| slot.id == Some(id);
        self.index.clients.find(id, |client| self.clients.get(client).is_some_and(has))
    }

    /// The request whose subscription, not yet a dialog, has this identity.
    pub(super) fn subscribing_of(&self, id: MatchId) -> Option<RequestId> {
        let has = |slot: &ClientSlot<D>| slot.pending.as_ref().is_some_and(|pending| pending.id == id);
        self.index.subscribing.find(id, |client| self.clients.get(client).is_some_and(has))
    }

    /// The dialog with these three parts (§12). Tags compare without case, Call-IDs byte by byte.
    pub(super) fn dialog_with(
        &self,
        call_id: &[u8],
        local_tag: &[u8],
        remote_tag: &[u8],
    ) -> Option<DialogId> {
        let has = |slot: &DialogSlot<D>| {
            let sip = slot.dialog.sip();
            sip.call_id.as_bytes() == call_id
                && is_tag(sip.local_tag, local_tag)
                && is_tag(sip.remote_tag, remote_tag)
        };
        let hash = hash_of_tag(local_tag);
        self.index.dialogs.find_hash(hash, |dialog| self.dialogs.get(dialog).is_some_and(has))
    }
}

/// Nearly all write a tag as it was given to them.
fn is_tag(known: &str, tag: &[u8]) -> bool {
    known.as_bytes() == tag || known.as_bytes().eq_ignore_ascii_case(tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn tags_are_spread_whatever_their_case() {
        // RFC 3261 §7.3.1, §19.3.
        let mut random = Random::from_seed([3; 32]);
        let mut seen = alloc::collections::BTreeSet::new();
        for _ in 0..1_000 {
            let tag = random.token();
            let hash = hash_of_tag(tag.as_bytes());
            assert_eq!(hash, hash_of_tag(&tag.as_bytes().to_ascii_uppercase()));
            seen.insert(hash % 4_096);
        }
        assert!(seen.len() > 800, "{}", seen.len());
    }
}
