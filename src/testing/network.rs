//! Endpoints, links and time, all virtual.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use bytes::Bytes;

use super::conduct::Conduct;
use super::ladder::{Ladder, describe_event, describe_message};
use super::link::Link;
use crate::endpoint::{
    Bound, Config, Connect, Endpoint, Event, Flow, Input, Output, Payload, Resolve, Transmit,
};
use crate::message::Transport;
use crate::random::Random;
use crate::time::Timestamp;

/// An endpoint's place in a [`Network`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Node(usize);

/// Endpoints that talk to each other over links of some manners, in virtual time.
///
/// The same seed and the same calls give the same run. See the [module's](super) example.
#[derive(Clone, Debug)]
pub struct Network<D = ()> {
    nodes: Vec<Place<D>>,
    now: Timestamp,
    random: Random,
    /// What is on its way, by time of arrival and order of sending.
    in_flight: BTreeMap<(Timestamp, u64), Delivery>,
    sent: u64,
    connections: u32,
    /// Connections that are no more, by number.
    closed: BTreeSet<u32>,
    names: BTreeMap<String, Vec<(Transport, SocketAddr)>>,
    drop_next: BTreeMap<usize, usize>,
    datagrams: u64,
    lost: Vec<u64>,
    late: Vec<(u64, Duration)>,
    ladder: Ladder,
    watches: bool,
    misconduct: Option<String>,
    /// How links behave from now on.
    pub link: Link,
    /// Nodes that are cut off, both ways: what they send or are sent is lost, messages on streams too, and no connection is opened.
    pub cut: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Place<D> {
    address: SocketAddr,
    endpoint: Endpoint<D>,
    events: VecDeque<Event<D>>,
    conduct: Conduct,
}

#[derive(Clone, Debug)]
struct Delivery {
    to: usize,
    input: Input,
}

impl<D: Default> Network<D> {
    /// An empty network whose chances are decided by `seed`.
    pub fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            nodes: Vec::new(),
            now: Timestamp::ZERO,
            random: Random::from_seed(bytes),
            in_flight: BTreeMap::new(),
            sent: 0,
            connections: 0,
            closed: BTreeSet::new(),
            names: BTreeMap::new(),
            drop_next: BTreeMap::new(),
            datagrams: 0,
            lost: Vec::new(),
            late: Vec::new(),
            ladder: Ladder::default(),
            watches: false,
            misconduct: None,
            link: Link::default(),
            cut: Vec::new(),
        }
    }

    /// Adds an endpoint with the default configuration at this IP address, port 5060, bound for UDP and TCP. Its identity is `sip:NAME@IP`.
    pub fn node(&mut self, name: &str, ip: &str) -> Node {
        let config = Config::new(&alloc::format!("sip:{name}@{ip}")).expect("an identity");
        self.node_with(name, ip, config)
    }

    /// Adds an endpoint with a configuration of its own.
    pub fn node_with(&mut self, name: &str, ip: &str, config: Config) -> Node {
        let ip: IpAddr = ip.parse().expect("an IP address");
        let address = SocketAddr::new(ip, 5060);
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(&self.random.key());
        let conduct = Conduct::new(config.limits);
        let mut endpoint = Endpoint::new(config, seed);
        for transport in [Transport::Udp, Transport::Tcp] {
            let bound = Bound { transport, local: address, advertised: None };
            endpoint.handle_input(self.now, Input::Bound(bound));
        }
        self.ladder.party(name);
        self.nodes.push(Place { address, endpoint, events: VecDeque::new(), conduct });
        Node(self.nodes.len() - 1)
    }

    /// Gives a domain name an address, which `Output::Resolve` is answered with, behind those that it has: another is tried where these fail.
    pub fn name(&mut self, name: &str, transport: Transport, node: Node) {
        let address = self.nodes[node.0].address;
        self.names.entry(name.to_ascii_lowercase()).or_default().push((transport, address));
    }

    /// The endpoint at a node.
    pub fn endpoint(&mut self, node: Node) -> &mut Endpoint<D> {
        &mut self.nodes[node.0].endpoint
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Loses the next `count` datagrams that this node sends.
    pub fn drop_next(&mut self, node: Node, count: usize) {
        self.drop_next.insert(node.0, count);
    }

    /// How many datagrams the nodes have sent, lost ones among them.
    pub fn datagrams(&self) -> u64 {
        self.datagrams
    }

    /// Loses the one datagram before which [`Network::datagrams`] is `number`.
    pub fn lose(&mut self, number: u64) {
        self.lost.push(number);
    }

    /// Has the one datagram before which [`Network::datagrams`] is `number` take so much longer: those that follow overtake it.
    pub fn delay(&mut self, number: u64, longer: Duration) {
        self.late.push((number, longer));
    }

    /// Puts octets on the network as if from `from`, a stranger at an address of its own.
    pub fn inject(&mut self, from: SocketAddr, to: Node, octets: impl Into<Bytes>) {
        let flow = Flow::udp(self.nodes[to.0].address, from);
        self.post(self.link.delay, to.0, Input::Datagram { flow, payload: octets.into() });
    }

    /// Holds everything that the endpoints send and tell from now on against what they are sent: against the RFCs' rules for transactions, dialogs,
    /// offers and answers, and against the order of events that their documentation promises. What is injected may break rules too.
    pub fn watch(&mut self) {
        self.watches = true;
    }

    /// The first rule that an endpoint broke since [`Network::watch`], with its message.
    pub fn misconduct(&self) -> Option<&str> {
        self.misconduct.as_deref()
    }

    /// Whether all is done that is owed, where it is quiet and nothing was cut off or refused: each request answered, each final answer to INVITE
    /// acknowledged.
    ///
    /// # Errors
    /// What is not.
    pub fn check_quiet(&self) -> Result<(), String> {
        for (who, node) in self.nodes.iter().enumerate() {
            node.conduct.check_quiet().map_err(|fault| alloc::format!("node {who}: {fault}"))?;
        }
        Ok(())
    }

    fn judge(&mut self, node: usize, output: &Output<D>) {
        if self.watches
            && self.misconduct.is_none()
            && let Err(fault) = self.nodes[node].conduct.output(self.now, output)
        {
            self.misconduct = Some(alloc::format!("node {node}: {fault}"));
        }
    }

    /// What happened so far.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// Forgets what happened so far.
    pub fn clear_ladder(&mut self) {
        self.ladder.clear();
    }

    /// Whether nothing is left anywhere: no event, no packet, no context, no timer.
    pub fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
            && self.nodes.iter().all(|node| node.events.is_empty() && node.endpoint.is_empty())
    }

    /// Runs until an endpoint has an event for its application, and yields it; `None` when nothing will happen any more.
    pub fn next_event(&mut self) -> Option<(Node, Event<D>)> {
        self.next_event_until(Timestamp::MAX)
    }

    /// Like [`Network::next_event`], but not past `limit`: then it is `limit`, if that is not over, and `None`.
    pub fn next_event_until(&mut self, limit: Timestamp) -> Option<(Node, Event<D>)> {
        loop {
            self.drain();
            if let Some(node) = self.nodes.iter().position(|node| !node.events.is_empty()) {
                return self.nodes[node].events.pop_front().map(|event| (Node(node), event));
            }
            if !self.step(limit) {
                return None;
            }
        }
    }

    /// Runs until nothing will happen any more, and drops the events on the way.
    pub fn run_until_idle(&mut self) {
        while self.next_event().is_some() {}
    }

    /// Runs for this long, and yields the events of that time.
    pub fn run_for(&mut self, length: Duration) -> Vec<(Node, Event<D>)> {
        let limit = self.now + length;
        core::iter::from_fn(|| self.next_event_until(limit)).collect()
    }

    /// Delivers the next packet or fires the next timer, whichever is first, but nothing past `limit`.
    fn step(&mut self, limit: Timestamp) -> bool {
        let packet = self.in_flight.keys().next().map(|(at, _)| *at);
        let timer = self.nodes.iter().filter_map(|node| node.endpoint.poll_timeout()).min();
        let Some(next) = packet.into_iter().chain(timer).min().filter(|next| *next <= limit) else {
            // For ever is no time.
            if limit < Timestamp::MAX {
                self.now = self.now.max(limit);
            }
            return false;
        };
        self.now = self.now.max(next);
        if packet == Some(next) {
            let Some((_, delivery)) = self.in_flight.pop_first() else { return false };
            let place = &mut self.nodes[delivery.to];
            if self.watches {
                place.conduct.input(self.now, &delivery.input);
            }
            place.endpoint.handle_input(self.now, delivery.input);
        } else {
            for node in &mut self.nodes {
                if node.endpoint.poll_timeout().is_some_and(|at| at <= next) {
                    node.endpoint.handle_timeout(self.now);
                }
            }
        }
        true
    }

    /// Carries out what the endpoints ask for.
    fn drain(&mut self) {
        for node in 0..self.nodes.len() {
            while let Some(output) = self.nodes[node].endpoint.poll_output() {
                self.judge(node, &output);
                match output {
                    Output::Transmit(transmit) => self.transmit(node, &transmit),
                    Output::Event(event) => {
                        self.ladder.event(self.now, node, &describe_event(&event));
                        self.nodes[node].events.push_back(event);
                    }
                    Output::Connect(connect) => self.connect(node, connect),
                    Output::Resolve(resolve) => self.resolve(node, &resolve),
                    Output::Close { flow } => self.close(flow),
                }
            }
        }
    }

    fn node_at(&self, address: SocketAddr) -> Option<usize> {
        self.nodes.iter().position(|node| node.address == address)
    }

    fn transmit(&mut self, from: usize, transmit: &Transmit) {
        let flow = transmit.flow;
        let is_stream = flow.transport.is_reliable();
        let to = match is_stream {
            // A connection's own port tells nobody.
            true => self.node_with_ip(flow.remote.ip()),
            false => self.node_at(flow.remote),
        };
        let number = self.datagrams;
        let is_closed = is_stream && self.closed.contains(&flow.conn);
        let lost = if is_stream { is_closed || self.is_cut(from, to) } else { self.is_lost(from, to) };
        let label = match &transmit.payload {
            Payload::Message(message) => describe_message(message),
            Payload::Pong => "pong".into(),
        };
        let Some(to) = to else {
            self.ladder.event(self.now, from, &alloc::format!("sent {label} to nowhere"));
            return;
        };
        self.ladder.packet(self.now, from, to, &label, lost);
        if is_closed {
            self.post(Duration::ZERO, from, Input::SendFailed { token: transmit.token });
        }
        if lost {
            return;
        }
        let payload = Bytes::copy_from_slice(&transmit.payload);
        if is_stream {
            return self.send_stream(to, mirrored(flow), payload);
        }
        let arrival = Flow::udp(flow.remote, self.nodes[from].address);
        let late = self.late.iter().filter(|(late, _)| *late == number).map(|(_, longer)| *longer);
        let late = late.max().unwrap_or_default();
        let copies = if self.chance(self.link.duplication) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = self.datagram_delay() + late;
            self.post(delay, to, Input::Datagram { flow: arrival, payload: payload.clone() });
        }
    }

    fn node_with_ip(&self, ip: IpAddr) -> Option<usize> {
        self.nodes.iter().position(|node| node.address.ip() == ip)
    }

    fn is_lost(&mut self, from: usize, to: Option<usize>) -> bool {
        let number = self.datagrams;
        self.datagrams += 1;
        if self.lost.contains(&number) {
            return true;
        }
        if let Some(count) = self.drop_next.get_mut(&from).filter(|count| **count > 0) {
            *count -= 1;
            return true;
        }
        let is_cut = self.is_cut(from, to);
        self.chance(self.link.loss) || is_cut
    }

    fn is_cut(&self, from: usize, to: Option<usize>) -> bool {
        self.cut.iter().any(|node| node.0 == from || Some(node.0) == to)
    }

    /// A stream keeps its order; its chunks are cut anywhere.
    fn send_stream(&mut self, to: usize, flow: Flow, mut payload: Bytes) {
        while !payload.is_empty() {
            let length = self.random.between(1, 700).min(payload.len() as u32) as usize;
            let chunk = payload.split_to(length);
            self.post(self.link.delay, to, Input::Stream { flow, payload: chunk });
        }
    }

    fn connect(&mut self, from: usize, connect: Connect) {
        let Some(to) = self.node_at(connect.remote).filter(|to| !self.is_cut(from, Some(*to))) else {
            return self.post(self.link.delay, from, Input::SendFailed { token: connect.token });
        };
        self.connections += 1;
        let port = 40_000 + (self.connections % 20_000) as u16;
        let flow = Flow {
            transport: connect.transport,
            local: SocketAddr::new(self.nodes[from].address.ip(), port),
            remote: self.nodes[to].address,
            conn: self.connections,
        };
        self.post(self.link.delay, from, Input::Connected { token: connect.token, flow });
    }

    fn resolve(&mut self, from: usize, resolve: &Resolve) {
        let found = self.names.get(&resolve.host.to_ascii_lowercase());
        let targets = found.into_iter().flatten().map(|(transport, address)| {
            let port = resolve.port.unwrap_or(address.port());
            (resolve.transport.unwrap_or(*transport), SocketAddr::new(address.ip(), port))
        });
        let input = Input::Resolved { query: resolve.query, targets: targets.collect() };
        self.post(self.link.delay, from, input);
    }

    fn close(&mut self, flow: Flow) {
        self.closed.insert(flow.conn);
        let other = mirrored(flow);
        for flow in [flow, other] {
            if let Some(node) = self.node_with_ip(flow.local.ip()) {
                self.post(self.link.delay, node, Input::Closed { flow });
            }
        }
    }

    /// Closes every stream between two nodes, as a broken path would. Both hear of it in time; what is sent on them until then is not.
    pub fn break_streams(&mut self, one: Node, two: Node) {
        let ips = [self.nodes[one.0].address.ip(), self.nodes[two.0].address.ip()];
        for conn in 1..=self.connections {
            let port = 40_000 + (conn % 20_000) as u16;
            for (client, server) in [(0, 1), (1, 0)] {
                let (local, remote) =
                    (SocketAddr::new(ips[client], port), SocketAddr::new(ips[server], 5060));
                for transport in [Transport::Tcp, Transport::Tls] {
                    self.close(Flow { transport, local, remote, conn });
                }
            }
        }
    }

    fn post(&mut self, delay: Duration, to: usize, input: Input) {
        self.sent += 1;
        self.in_flight.insert((self.now + delay, self.sent), Delivery { to, input });
    }

    fn datagram_delay(&mut self) -> Duration {
        let jitter = u32::try_from(self.link.jitter.as_micros()).unwrap_or(u32::MAX);
        let delay = self.link.delay + Duration::from_micros(self.random.between(0, jitter).into());
        if self.chance(self.link.reordering) { delay * 10 } else { delay }
    }

    fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && f64::from(self.random.between(0, 999_999)) < share * 1e6
    }
}

/// A connection as its other end sees it.
fn mirrored(flow: Flow) -> Flow {
    Flow { local: flow.remote, remote: flow.local, ..flow }
}
