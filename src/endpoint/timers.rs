//! The deadlines of all machines in one index.
//!
//! SIP uses a handful of durations, and time does not run backwards: deadlines of like duration are set in the order in which they
//! fall due. Each class of durations therefore has a list that is sorted by construction; setting and clearing are O(1), and
//! the next deadline is the least of a few heads. A deadline that would have to be placed far from its list's tail goes to an ordered map.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::ids::Owner;
use crate::time::Timestamp;

/// A machine's place in the index. It is the machine's for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle(u32);

impl Handle {
    pub(super) const NONE: Self = Self(NIL);
}

#[derive(Clone, Debug)]
pub(super) struct TimerIndex {
    nodes: Vec<Node>,
    free: u32,
    lists: [List; CLASSES],
    /// Which lists are not empty, by bit.
    used: u32,
    odd: BTreeMap<(Timestamp, Owner), u32>,
}

#[derive(Clone, Debug)]
struct Node {
    at: Timestamp,
    owner: Owner,
    place: Place,
    prev: u32,
    next: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Idle,
    List(u8),
    Odd,
}

#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    tail: u32,
}

const NIL: u32 = u32::MAX;
/// One class for each power of two of units of 1,024 µs, the last one open.
const CLASSES: usize = 24;
/// How far from its list's tail a deadline may be placed.
const MAX_STEPS: usize = 8;

impl TimerIndex {
    pub(super) fn new() -> Self {
        let empty = List { head: NIL, tail: NIL };
        Self { nodes: Vec::new(), free: NIL, lists: [empty; CLASSES], used: 0, odd: BTreeMap::new() }
    }

    /// Whether no deadline is set.
    pub(super) fn is_empty(&self) -> bool {
        self.used == 0 && self.odd.is_empty()
    }

    /// Sets, moves or clears the deadline of `owner`.
    pub(super) fn set(&mut self, handle: &mut Handle, owner: Owner, at: Option<Timestamp>, now: Timestamp) {
        let Some(at) = at else {
            self.unlink(handle.0);
            return;
        };
        if handle.0 == NIL {
            *handle = Handle(self.allocate(owner));
        }
        if self.nodes.get(handle.0 as usize).is_none_or(|node| node.at != at || node.place == Place::Idle) {
            self.unlink(handle.0);
            self.link(handle.0, owner, at, now);
        }
    }

    /// Gives the place up.
    pub(super) fn release(&mut self, handle: Handle) {
        self.unlink(handle.0);
        let free = self.free;
        if let Some(node) = self.nodes.get_mut(handle.0 as usize) {
            node.next = free;
            self.free = handle.0;
        }
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.first().map(|(at, _)| at)
    }

    /// Takes out the earliest deadline that is not after `now`; ties in the order of their owners.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<Owner> {
        let (at, owner) = self.first()?;
        if at > now {
            return None;
        }
        let index = self.heads().find(|index| self.key(*index) == Some((at, owner)));
        let index = index.or_else(|| self.odd.get(&(at, owner)).copied())?;
        self.unlink(index);
        Some(owner)
    }

    fn first(&self) -> Option<(Timestamp, Owner)> {
        let listed = self.heads().filter_map(|index| self.key(index)).min();
        let odd = self.odd.keys().next().copied();
        match (listed, odd) {
            (Some(listed), Some(odd)) => Some(listed.min(odd)),
            (listed, odd) => listed.or(odd),
        }
    }

    fn heads(&self) -> impl Iterator<Item = u32> {
        let mut used = self.used;
        core::iter::from_fn(move || {
            let class = used.trailing_zeros();
            used &= used.wrapping_sub(1);
            self.lists.get(class as usize).map(|list| list.head)
        })
    }

    fn key(&self, index: u32) -> Option<(Timestamp, Owner)> {
        self.nodes.get(index as usize).map(|node| (node.at, node.owner))
    }

    fn allocate(&mut self, owner: Owner) -> u32 {
        let free = self.free;
        if let Some(node) = self.nodes.get_mut(free as usize) {
            self.free = node.next;
            return free;
        }
        let index = self.nodes.len() as u32;
        self.nodes.push(Node { at: Timestamp::ZERO, owner, place: Place::Idle, prev: NIL, next: NIL });
        index
    }

    fn link(&mut self, index: u32, owner: Owner, at: Timestamp, now: Timestamp) {
        let class = class_of(at, now);
        let (place, prev, next) = match self.predecessor(class, (at, owner)) {
            Some(prev) => (Place::List(class as u8), prev, self.chain(index, prev, class)),
            None => (self.place_odd(index, owner, at), NIL, NIL),
        };
        if let Some(node) = self.nodes.get_mut(index as usize) {
            *node = Node { at, owner, place, prev, next };
        }
    }

    #[cold]
    fn place_odd(&mut self, index: u32, owner: Owner, at: Timestamp) -> Place {
        self.odd.insert((at, owner), index);
        Place::Odd
    }

    #[cold]
    fn remove_odd(&mut self, owner: Owner, at: Timestamp) {
        self.odd.remove(&(at, owner));
    }

    /// The node after which a deadline belongs, `NIL` for the head; `None` when it is too far from the tail.
    fn predecessor(&self, class: usize, key: (Timestamp, Owner)) -> Option<u32> {
        let mut at = self.lists.get(class)?.tail;
        for _ in 0..MAX_STEPS {
            match self.nodes.get(at as usize) {
                Some(node) if (node.at, node.owner) > key => at = node.prev,
                _ => return Some(at),
            }
        }
        None
    }

    /// Has the nodes before and after it lead to a node that is to stand behind `prev`. Yields the one after it.
    fn chain(&mut self, index: u32, prev: u32, class: usize) -> u32 {
        let Some(list) = self.lists.get_mut(class) else { return NIL };
        let next = match self.nodes.get_mut(prev as usize) {
            Some(node) => core::mem::replace(&mut node.next, index),
            None => core::mem::replace(&mut list.head, index),
        };
        match self.nodes.get_mut(next as usize) {
            Some(node) => node.prev = index,
            None => list.tail = index,
        }
        self.used |= 1 << class;
        next
    }

    fn unlink(&mut self, index: u32) {
        let Some(node) = self.nodes.get_mut(index as usize) else { return };
        let (place, at, owner, prev, next) = (node.place, node.at, node.owner, node.prev, node.next);
        node.place = Place::Idle;
        match place {
            Place::Idle => {}
            Place::Odd => self.remove_odd(owner, at),
            Place::List(class) => self.unchain(class.into(), prev, next),
        }
    }

    fn unchain(&mut self, class: usize, prev: u32, next: u32) {
        let Some(list) = self.lists.get_mut(class) else { return };
        match self.nodes.get_mut(prev as usize) {
            Some(node) => node.next = next,
            None => list.head = next,
        }
        match self.nodes.get_mut(next as usize) {
            Some(node) => node.prev = prev,
            None => list.tail = prev,
        }
        if list.head == NIL {
            self.used &= !(1 << class);
        }
    }
}

/// The class of a deadline: the power of two of its distance.
fn class_of(at: Timestamp, now: Timestamp) -> usize {
    let units = at.as_micros().saturating_sub(now.as_micros()) >> 10;
    let power = u64::BITS.saturating_sub(units.leading_zeros());
    (power as usize).min(CLASSES.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::ids::ServerId;
    use slotmap::KeyData;

    fn owner(n: u64) -> Owner {
        Owner::Server(ServerId::from(KeyData::from_ffi(1 << 32 | n)))
    }

    fn len(index: &TimerIndex) -> usize {
        index.nodes.iter().filter(|node| node.place != Place::Idle).count()
    }

    /// Against an ordered map alone, through thousands of steps of a small generator.
    #[test]
    fn it_is_an_ordered_map() {
        let mut index = TimerIndex::new();
        let mut model = BTreeMap::new();
        let mut handles = [Handle::NONE; 64];
        let mut times = [None; 64];
        let (mut seed, mut now) = (1_u64, Timestamp::ZERO);
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (n, pick, ms) = ((seed >> 58) as usize, (seed >> 40) % 8, (seed >> 20) % 40_000);
            let id = owner(n as u64);
            if let Some(at) = times[n].take() {
                model.remove(&(at, id));
            }
            match pick {
                0 => index.set(&mut handles[n], id, None, now),
                1 => {
                    index.release(handles[n]);
                    handles[n] = Handle::NONE;
                }
                _ => {
                    let at = now + core::time::Duration::from_millis(if pick < 4 { 32_000 } else { ms });
                    index.set(&mut handles[n], id, Some(at), now);
                    times[n] = Some(at);
                    model.insert((at, id), n);
                }
            }
            now = now + core::time::Duration::from_millis(ms % 300);
            while let Some(due) = index.pop_due(now) {
                let ((at, id), n) = model.pop_first().unwrap();
                assert_eq!(due, id);
                assert!(at <= now);
                times[n] = None;
            }
            assert_eq!(index.next(), model.keys().next().map(|(at, _)| *at));
            assert_eq!(len(&index), model.len());
            assert_eq!(index.is_empty(), model.is_empty());
        }
    }
}
