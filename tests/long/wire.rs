//! Two endpoints and the wire between them: no picture of what happened, so that millions of calls go through.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use sip_proto::endpoint::Payload;
use sip_proto::{Bound, Config, Endpoint, Event, Flow, Input, Output, Timestamp, Transport};

/// Who calls, and who is called.
pub(crate) const ADDRESSES: [&str; 2] = ["192.0.2.1:5060", "192.0.2.4:5060"];

/// What the wire does to datagrams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    pub(crate) delay: Duration,
    /// Out of a thousand: how many are lost, arrive twice, or take ten times as long.
    pub(crate) loss: u64,
    pub(crate) duplication: u64,
    pub(crate) reordering: u64,
    /// Whose datagrams are lost, all of them.
    pub(crate) is_cut: [bool; 2],
}

impl Manners {
    pub(crate) const GOOD: Self =
        Self { delay: Duration::from_millis(50), loss: 0, duplication: 0, reordering: 0, is_cut: [false; 2] };
}

/// Who watches the wire: told of what is sent, and of what arrives.
pub(crate) trait Watch {
    /// Whether it may go on.
    fn sent(&mut self, who: usize, octets: &Bytes) -> bool;
    fn arrived(&mut self, who: usize, octets: &Bytes);
}

pub(crate) struct Wire<W> {
    pub(crate) ends: [Endpoint<u32>; 2],
    pub(crate) now: Timestamp,
    pub(crate) manners: Manners,
    pub(crate) watch: W,
    random: u64,
    flying: BTreeMap<(Timestamp, u64), (usize, Flow, Bytes)>,
    count: u64,
}

impl<W: Watch> Wire<W> {
    pub(crate) fn new(seed: u64, watch: W) -> Self {
        let ends = [0, 1].map(|who: usize| {
            let name = ["alice", "bob"][who];
            let host = ADDRESSES[who].split(':').next().unwrap();
            let config = Config::new(&format!("sip:{name}@{host}")).unwrap();
            let mut octets = [who as u8; 32];
            octets[..8].copy_from_slice(&seed.to_le_bytes());
            let mut end = Endpoint::new(config, octets);
            let bound =
                Bound { transport: Transport::Udp, local: ADDRESSES[who].parse().unwrap(), advertised: None };
            end.handle_input(Timestamp::ZERO, Input::Bound(bound));
            end
        });
        let mut wire = Self {
            ends,
            now: Timestamp::ZERO,
            manners: Manners::GOOD,
            watch,
            random: 0,
            flying: BTreeMap::new(),
            count: 0,
        };
        wire.shake(seed);
        wire
    }

    /// Chances begin anew.
    pub(crate) fn shake(&mut self, seed: u64) {
        self.random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for _ in 0..4 {
            self.chance(0);
        }
    }

    /// A chance of so many out of a thousand (`xorshift64*`).
    pub(crate) fn chance(&mut self, of_a_thousand: u64) -> bool {
        self.below(1_000) < of_a_thousand
    }

    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % most
    }

    /// The next event of either's, until `limit` at the latest.
    pub(crate) fn next_until(&mut self, limit: Timestamp) -> Option<(usize, Event<u32>)> {
        loop {
            for who in [0, 1] {
                while let Some(output) = self.ends[who].poll_output() {
                    match output {
                        Output::Event(event) => return Some((who, event)),
                        Output::Transmit(transmit) => {
                            if let Payload::Message(message) = &transmit.payload {
                                self.send(who, transmit.flow, Bytes::copy_from_slice(message.as_bytes()));
                            }
                        }
                        _ => {}
                    }
                }
            }
            let arrival = self.flying.keys().next().map(|(at, _)| *at);
            let timeouts = self.ends.iter().filter_map(Endpoint::poll_timeout).min();
            let Some(next) = arrival.into_iter().chain(timeouts).min().filter(|next| *next <= limit) else {
                self.now = if limit == Timestamp::MAX { self.now } else { limit };
                return None;
            };
            self.now = self.now.max(next);
            if arrival == Some(next) {
                let Some((_, (to, flow, payload))) = self.flying.pop_first() else { continue };
                self.watch.arrived(to, &payload);
                self.ends[to].handle_input(self.now, Input::Datagram { flow, payload });
            } else {
                for end in &mut self.ends {
                    if end.poll_timeout().is_some_and(|at| at <= next) {
                        end.handle_timeout(next);
                    }
                }
            }
        }
    }

    fn send(&mut self, from: usize, flow: Flow, octets: Bytes) {
        let to = ADDRESSES.iter().position(|address| *address == flow.remote.to_string());
        let may = self.watch.sent(from, &octets);
        let Some(to) = to.filter(|_| may && !self.manners.is_cut[from]) else { return };
        if self.chance(self.manners.loss) {
            return;
        }
        let copies = if self.chance(self.manners.duplication) { 2 } else { 1 };
        for _ in 0..copies {
            let slow = if self.chance(self.manners.reordering) { 10 } else { 1 };
            self.post(to, Flow::udp(flow.remote, flow.local), octets.clone(), self.manners.delay * slow);
        }
    }

    /// Octets of a stranger's.
    pub(crate) fn inject(&mut self, to: usize, from: &str, octets: impl Into<Bytes>) {
        let flow = Flow::udp(ADDRESSES[to].parse().unwrap(), from.parse().unwrap());
        self.post(to, flow, octets.into(), self.manners.delay);
    }

    fn post(&mut self, to: usize, flow: Flow, octets: Bytes, delay: Duration) {
        self.count += 1;
        self.flying.insert((self.now + delay, self.count), (to, flow, octets));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.flying.is_empty() && self.ends.iter().all(Endpoint::is_empty)
    }
}
