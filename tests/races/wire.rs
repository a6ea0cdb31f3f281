//! Any number of endpoints, each with an address of its own or several, and perhaps a proxy between them. What crosses there is seen as it is
//! on the wire: where it goes, and by which route.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use bytes::Bytes;
use sip_proto::context::{Invite, Reply};
use sip_proto::dialog::{Dialog, DialogState, Modify};
use sip_proto::endpoint::{Answer, Bound, By, Config, Connect, Payload, Transmit, Why};
use sip_proto::message::{Header, Name, Uri};
use sip_proto::testing::{Ladder, describe_event, describe_message};
use sip_proto::{
    ClientEvent, DialogEvent, DialogId, Endpoint, Event, Flow, Input, Message, Method, Output, Refused,
    RequestId, ServerEvent, ServerId, Timestamp, Transport,
};

use crate::proxy::{PROXY, Proxy};
use crate::scene::{GAPS, golden, plain, sdp};
use crate::support::{address, millis, secs};

/// Who calls; the others follow.
pub(crate) const CALLER: usize = 0;
/// The first one that is called.
pub(crate) const FIRST: usize = 1;
/// The second one.
pub(crate) const SECOND: usize = 2;

pub(crate) struct Party {
    pub(crate) sip: Endpoint,
    /// Where it is reached, the newest address last.
    pub(crate) homes: Vec<SocketAddr>,
    column: usize,
    /// The context of the INVITE that came.
    pub(crate) server: Option<ServerId>,
    pub(crate) dialogs: Vec<DialogId>,
    pub(crate) ends: BTreeMap<DialogId, Vec<(By, Why)>>,
    results: BTreeMap<RequestId, (usize, usize)>,
}

/// What is on its way to a party, or to the proxy.
enum Flight {
    Party(usize, Input),
    Proxy(SocketAddr, Box<Message>),
}

pub(crate) struct Wire {
    pub(crate) now: Timestamp,
    pub(crate) parties: Vec<Party>,
    pub(crate) proxy: Option<Proxy>,
    transport: Transport,
    call: Option<RequestId>,
    /// Whether those that are called ring at once.
    pub(crate) rings: bool,
    flight: BTreeMap<(Timestamp, u64), Flight>,
    posted: u64,
    datagrams: u64,
    lost: Option<u64>,
    conns: u32,
    /// The connections with the proxy, as the parties see them.
    proxied: Vec<Flow>,
    ladder: Ladder,
    /// The requests that parties put on the wire: when, who, where to.
    pub(crate) requests: Vec<(Timestamp, usize, SocketAddr, Message)>,
    /// Whether a party that moves is no longer found where it was.
    pub(crate) leaves: bool,
    version: u32,
}

const NAMES: [(&str, &str); 3] = [("alice", "192.0.2.1"), ("bob", "192.0.2.4"), ("carol", "192.0.2.5")];

impl Wire {
    /// So many parties, and the proxy beside the first one.
    pub(crate) fn new(
        transport: Transport,
        count: usize,
        proxy: Option<Proxy>,
        config: fn(usize, &mut Config),
    ) -> Self {
        let mut ladder = Ladder::default();
        let mut parties = vec![];
        for (who, (name, ip)) in NAMES.into_iter().take(count).enumerate() {
            let column = ladder.party(name);
            if proxy.is_some() && who == CALLER {
                ladder.party("proxy");
            }
            let mut own = Config::new(&format!("sip:{name}@{ip}")).unwrap();
            plain(0, &mut own);
            config(who, &mut own);
            parties.push(Party {
                sip: Endpoint::new(own, [who as u8 + 1; 32]),
                homes: vec![],
                column,
                server: None,
                dialogs: vec![],
                ends: BTreeMap::new(),
                results: BTreeMap::new(),
            });
        }
        let mut wire = Self {
            now: Timestamp::ZERO,
            parties,
            proxy,
            transport,
            call: None,
            rings: true,
            flight: BTreeMap::new(),
            posted: 0,
            datagrams: 0,
            lost: None,
            conns: 0,
            proxied: vec![],
            ladder,
            requests: vec![],
            leaves: true,
            version: 1,
        };
        for who in 0..count {
            wire.move_to(who, 5060);
        }
        wire
    }

    /// A party is at another port from now on.
    pub(crate) fn move_to(&mut self, who: usize, port: u16) {
        let home: SocketAddr = (NAMES[who].1.parse::<core::net::IpAddr>().unwrap(), port).into();
        self.parties[who].homes.push(home);
        for transport in [Transport::Udp, Transport::Tcp] {
            let bound = Bound { transport, local: home, advertised: None };
            self.parties[who].sip.handle_input(self.now, Input::Bound(bound));
        }
    }

    /// The caller calls: by the proxy, if there is one.
    pub(crate) fn call(&mut self) {
        let host = if self.proxy.is_some() { "192.0.2.10" } else { "192.0.2.4" };
        let invite = Invite::to(format!("sip:bob@{host};transport={}", self.transport.as_str()));
        let caller = &mut self.parties[CALLER];
        let call = caller.sip.invite(self.now, invite.sdp(sdp(CALLER, 1))).unwrap();
        caller.results.insert(call, (0, 0));
        self.call = Some(call);
    }

    // ---- What parties do ----

    pub(crate) fn progress(&mut self, who: usize, reply: Reply) -> Result<(), Refused> {
        let server = self.parties[who].server.ok_or(Refused::Gone)?;
        self.parties[who].sip.server(server)?.progress(self.now, reply)?;
        Ok(())
    }

    pub(crate) fn accept(&mut self, who: usize) -> Result<(), Refused> {
        let server = self.parties[who].server.ok_or(Refused::Gone)?;
        self.parties[who].sip.server(server)?.accept(self.now, Reply::new().sdp(sdp(1, 1)))?;
        Ok(())
    }

    pub(crate) fn reject(&mut self, who: usize, code: u16) -> Result<(), Refused> {
        let server = self.parties[who].server.ok_or(Refused::Gone)?;
        self.parties[who].sip.server(server)?.reject(self.now, Reply::code(code))?;
        Ok(())
    }

    pub(crate) fn cancel(&mut self) -> Result<(), Refused> {
        let call = self.call.ok_or(Refused::Gone)?;
        self.parties[CALLER].sip.client(call)?.cancel(self.now)
    }

    pub(crate) fn modify(&mut self, who: usize, modify: Modify) -> Result<(), Refused> {
        let dialog = *self.parties[who].dialogs.first().ok_or(Refused::Gone)?;
        let headers = self.contact(who);
        let request = self.parties[who].sip.dialog(dialog)?.modify_with(self.now, modify, headers)?;
        self.parties[who].results.insert(request, (0, 0));
        Ok(())
    }

    /// What a party that has moved says of where it is. One that has not leaves that to its endpoint.
    fn contact(&self, who: usize) -> Vec<Header> {
        let [_, .., home] = &self.parties[who].homes[..] else { return vec![] };
        let param = if self.is_stream() { ";transport=tcp" } else { "" };
        vec![Header::new("Contact", format!("<sip:{}@{home}{param}>", NAMES[who].0))]
    }

    /// Answers what asks in a dialog as policy would, and says where the party is.
    fn answer_asked(&mut self, who: usize, dialog: DialogId, asked: ServerId) {
        let headers = self.contact(who);
        let sip = &mut self.parties[who].sip;
        let offer = sip.server(asked).unwrap().body().to_vec();
        let answer = sip.dialog(dialog).unwrap().get().unwrap().answer_to(&offer).unwrap();
        let reply = Reply { headers, ..Reply::new().sdp(answer) };
        sip.server(asked).unwrap().accept(self.now, reply).unwrap();
    }

    /// Offers another session.
    pub(crate) fn move_media(&mut self, who: usize) -> Result<(), Refused> {
        self.version += 1;
        self.modify(who, Modify::Sdp(sdp(who, self.version).into()))
    }

    /// Ends all calls of a party.
    pub(crate) fn destroy(&mut self, who: usize) -> Result<(), Refused> {
        for dialog in self.parties[who].dialogs.clone() {
            if let Ok(mut dialog) = self.parties[who].sip.dialog(dialog) {
                dialog.destroy(self.now)?;
            }
        }
        Ok(())
    }

    // ---- Time ----

    pub(crate) fn run(&mut self, length: Duration) {
        let limit = self.now + length;
        self.run_while(limit, |_| true);
        self.now = limit;
    }

    pub(crate) fn run_until(&mut self, is_done: impl Fn(&Self) -> bool) {
        self.run_while(self.now + secs(100), |wire| !is_done(wire));
    }

    fn run_while(&mut self, limit: Timestamp, goes_on: impl Fn(&Self) -> bool) {
        self.drain();
        while goes_on(self) {
            let packet = self.flight.keys().next().map(|(at, _)| *at);
            let timers = self.parties.iter().filter_map(|party| party.sip.poll_timeout());
            let proxy = self.proxy.as_ref().and_then(|proxy| proxy.deadline);
            let Some(next) = timers.chain(packet).chain(proxy).min().filter(|at| *at <= limit) else {
                return;
            };
            self.now = self.now.max(next);
            if packet == Some(next) {
                let (_, flight) = self.flight.pop_first().unwrap();
                self.arrive(flight);
            } else if proxy == Some(next) {
                let sent = self.proxy.as_mut().unwrap().repeat(self.now);
                self.send_by_proxy(sent);
            } else {
                for party in &mut self.parties {
                    party.sip.handle_timeout(self.now);
                }
            }
            self.drain();
        }
    }

    fn arrive(&mut self, flight: Flight) {
        match flight {
            Flight::Party(who, input) => self.parties[who].sip.handle_input(self.now, input),
            Flight::Proxy(from, message) => {
                let sent = self.proxy.as_mut().unwrap().hear(self.now, from, &message);
                self.send_by_proxy(sent);
            }
        }
    }

    fn post(&mut self, flight: Flight) {
        self.posted += 1;
        self.flight.insert((self.now + millis(10), self.posted), flight);
    }

    // ---- Packets ----

    fn drain(&mut self) {
        for who in 0..self.parties.len() {
            while let Some(output) = self.parties[who].sip.poll_output() {
                match output {
                    Output::Transmit(transmit) => self.transmit(who, &transmit),
                    Output::Event(event) => {
                        self.ladder.event(self.now, self.parties[who].column, &describe_event(&event));
                        self.hear(who, event);
                    }
                    Output::Connect(connect) => self.connect(who, connect),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    fn party_at(&self, address: SocketAddr) -> Option<usize> {
        self.parties.iter().position(|party| match self.leaves {
            true => party.homes.last() == Some(&address),
            false => party.homes.contains(&address),
        })
    }

    fn is_lost(&mut self) -> bool {
        self.datagrams += 1;
        self.lost == Some(self.datagrams - 1)
    }

    fn transmit(&mut self, from: usize, transmit: &Transmit) {
        let Payload::Message(message) = &transmit.payload else { panic!("{transmit:?}") };
        let Transmit { flow, .. } = *transmit;
        if message.is_request() {
            self.requests.push((self.now, from, flow.remote, Message::clone(message)));
        }
        let is_stream = flow.transport.is_reliable();
        let is_lost = !is_stream && self.is_lost();
        let (label, source) = (describe_message(message), self.parties[from].column);
        let remote = flow.remote;
        let to = self.parties.iter().position(|party| {
            party.homes.contains(&remote) || is_stream && party.homes[0].ip() == remote.ip()
        });
        let is_proxy = self.proxy.is_some() && remote.ip() == address(PROXY).ip();
        let port =
            if remote.port() == 5060 || is_stream { String::new() } else { format!(" :{}", remote.port()) };
        let gone = to.is_some() && !is_stream && self.party_at(remote).is_none();
        let column = if is_proxy {
            1
        } else {
            to.map_or_else(|| panic!("nobody at {remote}"), |to| self.parties[to].column)
        };
        self.ladder.packet(self.now, source, column, &format!("{label}{port}"), is_lost || gone);
        if is_lost || gone {
            return;
        }
        if is_proxy {
            return self.post(Flight::Proxy(self.parties[from].homes[0], Box::new(Message::clone(message))));
        }
        let arrived = Flow { local: flow.remote, remote: flow.local, ..flow };
        let payload = Bytes::copy_from_slice(message.as_bytes());
        let input = match is_stream {
            true => Input::Stream { flow: arrived, payload },
            false => Input::Datagram { flow: arrived, payload },
        };
        self.post(Flight::Party(to.unwrap(), input));
    }

    fn connect(&mut self, from: usize, connect: Connect) {
        self.conns += 1;
        let local = SocketAddr::new(self.parties[from].homes[0].ip(), 40_000 + self.conns as u16);
        let flow = Flow { transport: connect.transport, local, remote: connect.remote, conn: self.conns };
        let is_proxy = connect.remote == address(PROXY);
        if is_proxy {
            self.proxied.push(flow);
        }
        let input = match is_proxy || self.party_at(connect.remote).is_some() {
            true => Input::Connected { token: connect.token, flow },
            false => Input::SendFailed { token: connect.token },
        };
        self.post(Flight::Party(from, input));
    }

    fn send_by_proxy(&mut self, sent: Vec<(SocketAddr, String)>) {
        for (remote, text) in sent {
            let message = Message::parse(text.clone().into_bytes()).unwrap();
            let to = self.parties.iter().position(|party| party.homes[0].ip() == remote.ip()).unwrap();
            let is_stream = self.transport.is_reliable();
            let is_lost = !is_stream && (self.is_lost() || self.party_at(remote).is_none());
            self.ladder.packet(self.now, 1, self.parties[to].column, &describe_message(&message), is_lost);
            if is_lost {
                continue;
            }
            let payload = Bytes::from(text);
            let input = match is_stream {
                true => Input::Stream { flow: self.proxied_flow(remote), payload },
                false => Input::Datagram { flow: Flow::udp(remote, address(PROXY)), payload },
            };
            self.post(Flight::Party(to, input));
        }
    }

    /// The connection between the proxy and one of the parties.
    fn proxied_flow(&mut self, remote: SocketAddr) -> Flow {
        let known = self.proxied.iter().find(|flow| flow.local.ip() == remote.ip());
        if let Some(flow) = known {
            return *flow;
        }
        self.conns += 1;
        let flow =
            Flow { transport: self.transport, local: remote, remote: address(PROXY), conn: self.conns };
        self.proxied.push(flow);
        flow
    }

    // ---- Events ----

    fn hear(&mut self, who: usize, event: Event) {
        let party = &mut self.parties[who];
        match event {
            Event::Incoming { server, .. } => {
                party.server = Some(server);
                if self.rings {
                    self.progress(who, Reply::new()).unwrap();
                }
            }
            Event::Server {
                event: ServerEvent::Progress { dialog, .. } | ServerEvent::Accepted { dialog, .. },
                ..
            } => party.meet(dialog),
            Event::Client { request, event } => {
                let results = party.results.entry(request).or_default();
                match event {
                    ClientEvent::Accepted { dialog, .. } => {
                        results.0 += 1;
                        party.meet(dialog);
                    }
                    ClientEvent::Failed { .. } => results.0 += 1,
                    ClientEvent::Ended { .. } => results.1 += 1,
                    ClientEvent::Progress { dialog, .. } => party.meet(dialog),
                    ClientEvent::Forked { dialog, .. } => party.meet(Some(dialog)),
                    _ => {}
                }
            }
            Event::Dialog { dialog, event: DialogEvent::Destroy { by, why, .. } } => {
                party.ends.entry(dialog).or_default().push((by, why));
            }
            Event::Dialog { dialog, event } => {
                if let Some(Answer::Ask(asked)) = event.asked().map(|asked| asked.answer) {
                    self.answer_asked(who, dialog, asked);
                }
            }
            _ => {}
        }
    }

    // ---- What must be true ----

    /// Whether connections carry what passes: then a request goes by the one that is there, wherever its target is.
    pub(crate) fn is_stream(&self) -> bool {
        self.transport.is_reliable()
    }

    /// The calls of a party that are up.
    pub(crate) fn calls(&mut self, who: usize) -> Vec<Dialog> {
        let party = &mut self.parties[who];
        let dialogs = party.dialogs.iter().filter_map(|id| {
            let dialog = party.sip.dialog(*id).ok()?;
            let dialog = dialog.get().ok()?.clone();
            (dialog.state() == DialogState::Confirmed).then_some(dialog)
        });
        dialogs.collect()
    }

    /// Each call of the caller's is a call of one of the others, and the reverse; both sides agree on what it is.
    fn check_agreement(&mut self, what: &str) {
        let ours = self.calls(CALLER);
        let mut theirs: Vec<Dialog> = (FIRST..self.parties.len()).flat_map(|who| self.calls(who)).collect();
        let ladder = &self.ladder;
        for one in ours {
            let at = theirs.iter().position(|other| other.sip().local_tag == one.sip().remote_tag);
            let at = at.unwrap_or_else(|| panic!("{what}: a call that only the caller has\n{ladder}"));
            let other = theirs.swap_remove(at);
            for (one, other) in [(&one, &other), (&other, &one)] {
                assert_eq!(one.local().sdp, other.remote().sdp, "{what}\n{ladder}");
                assert_eq!(one.local_hold(), other.remote_hold(), "{what}\n{ladder}");
                assert_eq!(one.local().contact, other.remote().contact, "{what}\n{ladder}");
                assert!(one.remote_cseq() <= Some(other.local_cseq()), "{what}\n{ladder}");
            }
        }
        assert!(theirs.is_empty(), "{what}: a call that the caller does not have\n{ladder}");
    }

    /// RFC 3261 §8.1.2: without a route a request goes to where its Request-URI says. (Streams are kept while they last.)
    fn check_next_hops(&self, what: &str) {
        for (_, _, remote, request) in &self.requests {
            let Ok(Uri::Sip(uri)) = request.parse_request_uri() else { panic!("{request:?}") };
            let is_stream = self.transport.is_reliable();
            if request.value(Name::Route).is_none() && !is_stream {
                let port = uri.port.unwrap_or(5060);
                assert_eq!(remote.to_string(), format!("{}:{port}", uri.host), "{what}: {request:?}");
            }
        }
    }

    /// Ends what is left, and holds all of it against contract 6.
    fn finish(&mut self, what: &str) {
        // Longer than anyone waits for an ACK.
        self.run(secs(40));
        self.check_agreement(what);
        _ = self.destroy(CALLER);
        _ = self.cancel();
        self.run(secs(300));
        self.check_next_hops(what);
        let ladder = &self.ladder;
        assert!(self.flight.is_empty(), "{what}: packets are under way\n{ladder}");
        for party in &self.parties {
            let counts = party.sip.counts();
            assert!(party.sip.is_empty(), "{what}: {counts:?} are left\n{ladder}");
            for dialog in &party.dialogs {
                let ends = party.ends.get(dialog);
                assert_eq!(ends.map(Vec::len), Some(1), "{what}: one Destroy\n{ladder}");
            }
            for count in party.results.values() {
                assert_eq!(*count, (1, 1), "{what}: results and ends of a request\n{ladder}");
            }
        }
    }
}

impl Party {
    fn meet(&mut self, dialog: Option<DialogId>) {
        self.dialogs.extend(dialog.filter(|dialog| !self.dialogs.contains(dialog)));
    }
}

/// One thing that a party does.
pub(crate) type WireAct = fn(&mut Wire) -> Result<(), Refused>;

/// A race on a wire.
pub(crate) struct WireRace {
    pub(crate) name: &'static str,
    /// What it starts from, and nothing is on its way.
    pub(crate) begin: fn(Transport) -> Wire,
    /// Who acts, in words, and how.
    pub(crate) acts: [(&'static str, WireAct); 2],
    /// What else must be true when it is over, and whether a datagram was lost.
    pub(crate) check: fn(&mut Wire, bool),
}

impl WireRace {
    /// Both orders of arrival, several distances, both transports, each datagram lost once.
    pub(crate) fn run(self) {
        for first in [0, 1] {
            let order = self.acts[first].0;
            let (wire, sent) = self.once(first, GAPS[0], Transport::Udp, None);
            golden(&format!("{}_{order}_first", self.name), &wire.ladder);
            for lost in sent {
                self.once(first, GAPS[0], Transport::Udp, Some(lost));
            }
            for gap in GAPS {
                self.once(first, gap, Transport::Udp, None);
                self.once(first, gap, Transport::Tcp, None);
            }
        }
    }

    fn once(
        &self,
        first: usize,
        gap: u64,
        transport: Transport,
        lost: Option<u64>,
    ) -> (Wire, core::ops::Range<u64>) {
        let what = format!("{}, {first} first by {gap} ms, {transport}, lost {lost:?}", self.name);
        let mut wire = (self.begin)(transport);
        wire.ladder.clear();
        wire.requests.clear();
        let begun = wire.datagrams;
        wire.lost = lost;
        // Too late is a normal outcome.
        _ = self.acts[first].1(&mut wire);
        wire.run(millis(gap));
        _ = self.acts[1 - first].1(&mut wire);
        wire.finish(&what);
        (self.check)(&mut wire, lost.is_some());
        let sent = begun..wire.datagrams;
        (wire, sent)
    }
}

/// When and where to the first request of this method was sent by a party.
pub(crate) fn first(wire: &Wire, from: usize, method: &Method) -> Option<(Timestamp, SocketAddr)> {
    let mut requests = wire.requests.iter();
    let found = requests.find(|(_, who, _, request)| *who == from && request.method() == method);
    found.map(|(at, _, remote, _)| (*at, *remote))
}
