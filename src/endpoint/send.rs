//! From a message to a flow: where answers and requests go, and what waits for an address or a connection
//! (RFC 3261 §8.1.2, §12.2.1.1, §18.1.1, §18.2.2; RFC 3581 §4; RFC 3263 §5).

use alloc::string::String;
use alloc::sync::Arc;
use core::net::{IpAddr, SocketAddr};

use super::counters::bump;
use super::flow::Flow;
use super::ids::{ConnectId, DialogId, Owner, QueryId, RequestId, Sender, ServerId, Token};
use super::output::{Connect, Payload, Resolve, Transmit};
use super::transports::{Query, Route, Task};
use super::{Endpoint, Output, Refused};
use crate::context::{ServerEffects, carries_contact};
use crate::message::{Host, Message, Name, Transport};
use crate::transaction::State;

impl<D: Default> Endpoint<D> {
    pub(super) fn transmit(&mut self, flow: Flow, payload: Payload, token: Token) {
        bump(&mut self.counters.sent);
        self.queue.push_back(Output::Transmit(Transmit { flow, payload, token }));
    }

    /// Sends the stored answer of a context: on the flow that the request came by, or, if that connection is gone, on a new one to where it came
    /// from (§18.2.2).
    pub(super) fn send_answer(&mut self, server: ServerId) {
        let Some(slot) = self.servers.get_mut(server) else { return };
        if slot.context.settled().is_some() {
            slot.recall();
        }
        let Some(response) = slot.context.response() else { return };
        let flow = slot.flow.get();
        if self.transports.is_open(&flow) {
            let payload = Payload::Message(response.clone());
            if !slot.context.is_pending() {
                self.sent.push(server);
            }
            return self.transmit(flow, payload, Token(Sender::Server(server)));
        }
        let remote = SocketAddr::new(flow.remote.ip(), slot.return_port);
        let sent_by = response.top_via().ok().and_then(|via| match via.host {
            Host::Name(name) => Some(name),
            Host::Ip(_) => None,
        });
        let route = self.transports.route_to(flow.transport, remote, sent_by);
        if let Some(slot) = self.servers.get_mut(server).filter(|slot| !slot.is_waiting) {
            slot.is_waiting = true;
            self.go(route, Task::Answer(server));
        }
    }

    /// What has been sent for good is kept as octets from here on: whoever got it to send has let go of it.
    #[inline(never)]
    pub(super) fn settle(&mut self) {
        for server in self.sent.drain(..) {
            if let Some(slot) = self.servers.get_mut(server) {
                slot.context.settle();
            }
        }
    }

    /// The way to the next request's hop of a dialog. An address that was found for it is used again.
    pub(super) fn dialog_route(&self, id: DialogId) -> Result<Route, Refused> {
        let slot = self.dialogs.get(id).ok_or(Refused::Gone)?;
        match slot.flow.as_ref().and_then(|flow| self.transports.route_again(flow.get())) {
            Some(route) => Ok(route),
            None => self.transports.locate_in(&slot.dialog).map_err(Refused::Unroutable),
        }
    }

    /// Does a task of a dialog. Its tasks that wait for the same name wait together.
    pub(super) fn go_within(&mut self, dialog: DialogId, route: Route, task: Task) {
        let asked = self.dialogs.get(dialog).and_then(|slot| slot.rare().query);
        let asked = asked.filter(|_| matches!(route, Route::Resolve { .. }));
        if let Some(query) = asked.and_then(|query| self.transports.queries.get_mut(query)) {
            query.tasks.push(task);
            return;
        }
        let query = self.go(route, task);
        if let Some(slot) = self.dialogs.get_mut(dialog) {
            slot.set_query(query);
        }
    }

    /// Does a task when there is a flow for it: now, or once an address or a connection is there. A task that waits for 64·T1 in vain has
    /// failed. Yields the question that was put.
    pub(super) fn go(&mut self, route: Route, task: Task) -> Option<QueryId> {
        let expiry = self.now + self.config.settings.timers.give_up();
        match route {
            Route::Flow(flow) => self.perform(task, Some(flow)),
            Route::Connect(far) => {
                let known = self.transports.streams().saturating_add(self.transports.connects());
                let is_full = known >= self.config.limits.flows;
                if is_full && !self.transports.is_connecting(&far) {
                    self.perform(task, None);
                    return None;
                }
                let (transport, remote, name) = far.clone();
                let id = self.transports.wait_for(far, task)?;
                if let Some(timer) = self.transports.connect_timer(id) {
                    self.timers.set(timer, Owner::Connect(id), Some(expiry), self.now);
                }
                let token = Token(Sender::Connect(id));
                self.queue.push_back(Output::Connect(Connect { transport, remote, name, token }));
            }
            Route::Resolve { host, port, transport, secure } => {
                let timer = super::timers::Handle::NONE;
                let tasks = [task].into_iter().collect();
                let query =
                    self.transports.queries.insert(Query { host: host.clone(), secure, tasks, timer });
                if let Some(entry) = self.transports.queries.get_mut(query) {
                    self.timers.set(&mut entry.timer, Owner::Query(query), Some(expiry), self.now);
                }
                self.queue.push_back(Output::Resolve(Resolve { query, host, port, transport, secure }));
                return Some(query);
            }
        }
        None
    }

    /// Does what waited for a flow; without one it has failed.
    fn perform(&mut self, task: Task, flow: Option<Flow>) {
        match (task, flow) {
            (Task::Launch(client), Some(flow)) => self.launch(client, flow),
            (Task::Launch(client), None) => self.launch_failed(client),
            (Task::Cancel(client), Some(flow)) => self.launch_cancel(client, flow),
            // The INVITE ends all the same (§9.1).
            (Task::Cancel(_), None) => {}
            (Task::Ack(client, tag), Some(flow)) => self.send_ack(client, &tag, flow),
            (Task::Answer(server), Some(flow)) => {
                if let Some(slot) = self.servers.get_mut(server) {
                    slot.is_waiting = false;
                    slot.flow = flow.into();
                    self.send_answer(server);
                    self.end_if_through(server);
                }
            }
            (Task::Answer(server), None) => {
                if let Some(slot) = self.servers.get_mut(server) {
                    slot.is_waiting = false;
                }
                self.answer_failed(server);
            }
            (Task::HopAck(ack), Some(flow)) => {
                self.transmit(flow, Payload::Message(ack), Token(Sender::Nobody));
            }
            // Its 3xx to 6xx may come again.
            (Task::HopAck(_), None) => {}
            (Task::Ack(client, tag), None) => self.ack_failed(client, &tag),
        }
    }

    pub(super) fn launch_by(&mut self, route: Route, client: RequestId) {
        self.go(route, Task::Launch(client));
    }

    /// A connection that was asked for is open. One that nobody waits for any more serves what comes next.
    pub(super) fn connected(&mut self, token: Token, flow: Flow) {
        let Token(Sender::Connect(id)) = token else { return };
        let connect = self.transports.take_connect(id);
        let has_room = self.transports.open(flow, self.config.limits.flows);
        if !has_room {
            self.queue.push_back(Output::Close { flow });
        }
        let Some(connect) = connect else { return };
        self.timers.release(connect.timer);
        for task in self.transports.opened(&flow, connect) {
            self.perform(task, has_room.then_some(flow));
        }
    }

    /// A connection could not be opened, or nobody said whether it could.
    pub(super) fn connect_failed(&mut self, id: ConnectId) {
        let Some(connect) = self.transports.take_connect(id) else { return };
        self.timers.release(connect.timer);
        for task in connect.tasks {
            self.perform(task, None);
        }
    }

    /// A look-up has its answer; none, or none that will do, is a failure.
    pub(super) fn resolved(&mut self, query: QueryId, targets: &[(Transport, SocketAddr)]) {
        let Some(Query { host, secure, tasks, timer }) = self.transports.queries.remove(query) else {
            return;
        };
        self.timers.release(timer);
        let mut targets = targets.iter().copied().filter(|(transport, _)| !secure || transport.is_secure());
        let first = targets.next();
        for task in tasks {
            if let Task::Launch(client) = task {
                self.note_others(client, &host, targets.clone());
            }
            match first {
                Some((transport, remote)) => {
                    _ = self.go(self.transports.route_to(transport, remote, Some(&host)), task);
                }
                None => self.perform(task, None),
            }
        }
    }

    pub(super) fn send_failed(&mut self, token: Token) {
        match token.0 {
            Sender::Nobody => {}
            Sender::Server(server) => self.answer_failed(server),
            Sender::Client(client, attempt) => self.request_failed(client, attempt),
            Sender::Connect(connect) => self.connect_failed(connect),
        }
    }

    fn answer_failed(&mut self, server: ServerId) {
        let Some(slot) = self.servers.get_mut(server) else { return };
        let effects = match slot.context.state() {
            // What it waited for to end.
            State::Terminated => ServerEffects::SEND_FAILED | ServerEffects::END,
            _ => slot.context.transport_failed(self.now, &self.config.settings),
        };
        self.carry_out_server(server, effects, None);
    }

    /// The way by TCP for a request that is too long for this flow's datagrams (RFC 3261 §18.1.1); `None` where it is not, or there is no TCP.
    pub(super) fn stream_for(&self, request: &Message, flow: &Flow) -> Option<Route> {
        let is_too_long =
            flow.transport == Transport::Udp && request.as_bytes().len() > self.config.policy.datagram;
        let is_unicast = !flow.remote.ip().is_multicast();
        let goes = is_too_long && is_unicast && self.transports.has(Transport::Tcp);
        goes.then(|| self.transports.route_to(Transport::Tcp, flow.remote, None))
    }

    /// The way by TCP for a request within a dialog where an earlier one, which was too long for datagrams, waits for that connection: it goes behind that one.
    /// Before it, that one would be out of order (RFC 3261 §12.2.2).
    pub(super) fn stream_behind(&self, dialog: DialogId, flow: &Flow) -> Option<Route> {
        let is_earlier = |task: &Task| match task {
            Task::Launch(client) => self.clients.get(*client).is_some_and(|slot| slot.dialog == Some(dialog)),
            _ => false,
        };
        let is_waiting =
            flow.transport == Transport::Udp && self.transports.waiting(flow.remote).iter().any(is_earlier);
        is_waiting.then(|| self.transports.route_to(Transport::Tcp, flow.remote, None))
    }

    /// Hands a message to a flow, with a Via for its transport where another was guessed, and a Contact for `found`: the flow that was found for it, by which
    /// it would go if it were not too long. A multicast request names its group in Via, and goes one hop (RFC 3261 §18.1.1).
    pub(super) fn fit_via(&mut self, message: Arc<Message>, flow: &Flow, found: &Flow) -> Arc<Message> {
        let Ok(via) = message.top_via() else { return message };
        let names = self.transports.names(flow.transport, Some(flow.remote.ip()));
        let written = message.value(Name::Via).and_then(|value| value.split_once(' '));
        let sent_by = written.and_then(|(_, rest)| rest.split_once(';')).map(|(sent_by, _)| sent_by);
        let group = Some(flow.remote.ip()).filter(IpAddr::is_multicast);
        let is_fit = via.known_transport() == Some(flow.transport) && sent_by == Some(&*names.sent_by);
        if is_fit && group.is_none() {
            return message;
        }
        let branch = via.branch().unwrap_or_default();
        let mut value = via_value(flow.transport, &names.sent_by, branch);
        if let Some(group) = group {
            let hops = if group.is_ipv4() { ";ttl=1" } else { "" };
            value = alloc::format!("{value};maddr={}{hops}", Host::Ip(group));
        }
        let contact = self.contact_by(&message, found);
        message.with_top_via(&value, contact).map_or_else(|_| message.clone(), Arc::new)
    }

    /// What Contact is to say in a request that goes by this flow, where it was left to us: outside dialogs, where we are reached by those that it goes to;
    /// within one, where we are reached if another socket was bound while it waited (§8.1.1.8, §12.2.1.1).
    fn contact_by(&self, request: &Message, flow: &Flow) -> Option<&str> {
        let said = request.value(Name::Contact).filter(|_| carries_contact(request.method()))?;
        match request.tag_in_to().is_empty() {
            true => self.transports.contact_instead(said, flow.transport, Some(flow.remote.ip())),
            false => self.transports.contact_since(request.contact_text()?),
        }
    }
}

/// Via of a request of ours by this transport (RFC 3261 §18.1.1, RFC 3581 §3).
pub(super) fn via_value(transport: Transport, sent_by: &str, branch: &str) -> String {
    let rport = if transport.is_reliable() { "" } else { ";rport" };
    alloc::format!("SIP/2.0/{transport} {sent_by};branch={branch}{rport}")
}

/// Makes of the flow that a request came by the one that its answers go by: the same for a stream; over UDP to `maddr`, to the port that it came from if
/// the client asks with `rport`, else to the port of sent-by (§18.2.2, RFC 3581 §4). Yields the port to connect to when the stream is gone.
pub(super) fn turn_back(flow: &mut Flow, request: &Message, honour_maddr: bool) -> u16 {
    let Some(hop) = request.return_hop() else { return flow.remote.port() };
    if flow.transport.is_reliable() {
        return hop.port;
    }
    match (honour_maddr && hop.has_maddr).then(|| request.maddr()).flatten() {
        Some(maddr) => flow.remote = SocketAddr::new(maddr, hop.port),
        None if hop.wants_rport => {}
        // A link-local address stays that of its link.
        None => flow.remote.set_port(hop.port),
    }
    hop.port
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv6Addr, SocketAddrV6};

    /// Where the answers to a request with this Via go, which came from port 9988 of a link-local address, and the port for a new connection.
    fn back(params: &str, transport: Transport, honour_maddr: bool) -> (SocketAddr, u16) {
        let text = alloc::format!(
            "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h:5070;branch=z9hG4bK1{params}\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
             Call-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"
        );
        let mut flow = Flow { transport, local: link_local(5060), remote: link_local(9988), conn: 0 };
        let port = turn_back(&mut flow, &Message::parse(text).unwrap(), honour_maddr);
        assert_eq!((flow.transport, flow.local), (transport, link_local(5060)));
        (flow.remote, port)
    }

    fn link_local(port: u16) -> SocketAddr {
        SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), port, 0, 3).into()
    }

    #[test]
    fn answers_go_back_by_the_topmost_via() {
        // RFC 3261 §18.2.2, RFC 3581 §4.
        let maddr: SocketAddr = "192.0.2.9:5070".parse().unwrap();
        assert_eq!(back("", Transport::Udp, true), (link_local(5070), 5070));
        assert_eq!(back(";rport", Transport::Udp, true), (link_local(9988), 5070));
        assert_eq!(back(";maddr=192.0.2.9", Transport::Udp, true), (maddr, 5070));
        assert_eq!(back(";rport;maddr=192.0.2.9", Transport::Udp, true), (maddr, 5070));
        assert_eq!(back(";maddr=192.0.2.9", Transport::Udp, false), (link_local(5070), 5070));
        assert_eq!(back(";maddr=192.0.2.9", Transport::Tcp, true), (link_local(9988), 5070));
    }
}
