//! The endpoint: it parses, matches, routes, keeps the deadlines and queues the outputs.
//!
//! It composes the machines of the layers below. Everything that enters is an [`Operation`]; everything that leaves is an [`Output`], in
//! one queue, in the order in which it was caused.
//!
//! | file | subject |
//! |---|---|
//! | `config`, `policy` | who this user agent is; what is left to taste |
//! | `operation`, `output`, `event`, `ids`, `flow`, `error`, `counters` | what goes in and comes out |
//! | `receive` | from octets to a request or an answer (RFC 3261 §18) |
//! | `inspect`, `refusals` | the order in which a UAS examines a request (§8.2); answers without state, what a refusal owes (§8.2.7, §21.4) |
//! | `uas` | contexts of received requests (§8.2, §13.3) |
//! | `uac` | contexts of our requests (§8.1, §13.2) |
//! | `failover` | requests that one address of a name fails (RFC 3263 §4.3) |
//! | `redirects`, `target_set` | INVITEs that are redirected (§8.1.3.4) |
//! | `forks` | early dialogs, forks and the ACK of every 2xx (§12.1.2, §13.2.2) |
//! | `calls`, `farewell` | dialogs (§12, §15); our BYE and what its answer comes to (§15.1.1, §22) |
//! | `reliable` | provisional answers that are acknowledged (RFC 3262) |
//! | `session` | changes of a session: queue, glare, the peer's offers, what is held back (§14, RFC 3311) |
//! | `refresh` | session timers (RFC 4028) |
//! | `subscribers`, `notifiers`, `telling` | subscriptions (RFC 6665), what became of a REFER (RFC 3515) |
//! | `send` | from a message to a flow: routes, look-ups, connections |
//! | `handles`, `shortcuts` | the application's way to a context or a dialog |
//! | `shard` | several endpoints behind one address |
//! | `index`, `timers`, `transports`, `slots` | the tables |
//! | `hidden` | what `Debug` does not show |

mod calls;
mod config;
mod counters;
mod error;
mod event;
mod failover;
mod farewell;
mod flow;
mod forks;
mod handles;
mod hidden;
mod ids;
mod index;
mod inspect;
mod notifiers;
mod operation;
mod output;
mod policy;
mod receive;
mod redirects;
mod refresh;
mod refusals;
mod reliable;
mod send;
mod session;
pub mod shard;
mod shortcuts;
mod slots;
mod subscribers;
mod target_set;
mod telling;
mod timers;
mod transports;
mod uac;
mod uas;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use slotmap::SlotMap;

pub use config::Config;
pub use counters::Counters;
pub use error::Refused;
pub use event::{Answer, Asked, By, ClientEvent, DialogEvent, Event, ServerEvent, Why};
pub use flow::{Bound, Flow};
pub use handles::{ClientRef, DialogRef, ServerRef};
pub use ids::{ConnectId, DialogId, QueryId, RequestId, ServerId, Token};
pub use operation::{Action, Command, Input, Operation};
pub use output::{Connect, Output, Payload, Resolve, Transmit};
pub use policy::{Handling, Policy};
pub use shard::{Shard, shard, shard_of};

use crate::context::{Defaults, Invite, Rel100, Request};
use crate::message::{Hidden, Message, Method, Transport, is_sips};
use crate::random::Random;
use crate::time::Timestamp;
use crate::transaction::HashKey;
use ids::Owner;
use index::Index;
use slots::{ClientSlot, DialogSlot, ServerSlot};
use target_set::TargetSet;
use timers::TimerIndex;
use transports::Transports;

/// How many outputs the queue keeps room for while it is empty.
const QUEUE_ROOM: usize = 256;

/// A SIP user agent without a socket, a clock or a thread.
///
/// `D` is the application's own type; a value of it stays with each context, moves into the dialog that the context makes, and comes back
/// with the terminal event.
///
/// ```
/// use sip_proto::{Config, Endpoint, Event, Flow, Input, Output, Timestamp};
/// use sip_proto::context::Reply;
///
/// let mut sip: Endpoint = Endpoint::new(Config::new("sip:bob@192.0.2.4")?, [7; 32]);
/// let (bob, alice) = ("192.0.2.4:5060".parse()?, "192.0.2.1:5060".parse()?);
/// let invite = "INVITE sip:bob@192.0.2.4 SIP/2.0\r\n\
///     Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
///     From: <sip:alice@192.0.2.1>;tag=1\r\nTo: <sip:bob@192.0.2.4>\r\nCall-ID: c\r\n\
///     CSeq: 1 INVITE\r\nContact: <sip:alice@192.0.2.1>\r\nContent-Length: 0\r\n\r\n";
/// let now = Timestamp::ZERO;
/// sip.handle_input(now, Input::Datagram { flow: Flow::udp(bob, alice), payload: invite.into() });
/// let Some(Output::Event(Event::Incoming { server, .. })) = sip.poll_output() else { panic!() };
/// sip.server(server)?.progress(now, Reply::new())?.accept(now, Reply::new().sdp("v=0\r\n"))?;
/// let Some(Output::Transmit(ringing)) = sip.poll_output() else { panic!() };
/// assert!(ringing.payload.starts_with(b"SIP/2.0 180 Ringing\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Endpoint<D = ()> {
    config: Config,
    /// The values of Allow, Supported and the three of Accept, written once.
    described: Described,
    random: Random,
    key: HashKey,
    now: Timestamp,
    queue: VecDeque<Output<D>>,
    counters: Counters,
    servers: SlotMap<ServerId, ServerSlot<D>>,
    clients: SlotMap<RequestId, ClientSlot<D>>,
    dialogs: SlotMap<DialogId, DialogSlot<D>>,
    index: Index,
    telling: telling::Telling,
    timers: TimerIndex,
    transports: Transports,
    /// Contexts whose final answer was sent of late.
    sent: Vec<ServerId>,
}

/// So many final answers are kept as messages until they are kept as octets: by then most of those that are acknowledged have been.
const MOST_SENT: usize = 4;

#[derive(Clone)]
struct Described {
    allow: String,
    accept: String,
    accept_encoding: String,
    accept_language: String,
    supported: String,
}

impl<D: Default> Endpoint<D> {
    /// An endpoint with this configuration. `seed` must come from the operating system's source of randomness and is never used
    /// again: whoever knows it knows every tag and branch.
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        let mut random = Random::from_seed(seed);
        let (host, user) = config.host_and_user();
        let described = Described {
            allow: allow(&config),
            accept: config.policy.accept(),
            accept_encoding: config.policy.accept_encoding(),
            accept_language: config.policy.accept_language(),
            supported: reliable::supported(&config, config.settings.rel100),
        };
        Self {
            key: HashKey::new(random.key()),
            transports: Transports::new(host, user, &config.contact, random.key()),
            described,
            config,
            random,
            now: Timestamp::ZERO,
            queue: VecDeque::new(),
            counters: Counters::default(),
            servers: SlotMap::with_key(),
            clients: SlotMap::with_key(),
            dialogs: SlotMap::with_key(),
            index: Index::default(),
            telling: telling::Telling::new(),
            timers: TimerIndex::new(),
            sent: Vec::new(),
        }
    }

    /// Takes in something from the embedder's sockets. It never fails: what is wrong with it is answered or
    /// counted.
    pub fn handle_input(&mut self, now: Timestamp, input: Input) {
        self.advance(now);
        match input {
            Input::Datagram { flow, payload } => self.datagram(&flow, payload),
            Input::Message { flow, payload } => match self.transports.open(flow, self.config.limits.flows) {
                true => self.datagram(&flow, payload),
                false => self.give_up(flow),
            },
            Input::Stream { flow, payload } => self.stream(flow, &payload),
            Input::Connected { token, flow } => self.connected(token, flow),
            Input::Closed { flow } => self.transports.close(&flow),
            Input::SendFailed { token } => self.send_failed(token),
            Input::Resolved { query, targets } => self.resolved(query, &targets),
            Input::Bound(bound) => self.transports.bind(bound, &self.config.contact),
        }
    }

    /// Fires every timer that is due at `now`, each once, in the order of their deadlines.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.advance(now);
        while let Some(owner) = self.timers.pop_due(self.now) {
            match owner {
                Owner::Server(id) => self.fire_server(id),
                Owner::Client(id) => self.fire_client(id),
                Owner::Dialog(id) => self.fire_dialog(id),
                Owner::Connect(id) => self.connect_failed(id),
                Owner::Query(id) => self.resolved(id, &[]),
            }
        }
    }

    /// The next thing for the embedder to do; `None` until something more goes in.
    pub fn poll_output(&mut self) -> Option<Output<D>> {
        if self.queue.is_empty() && self.queue.capacity() > QUEUE_ROOM {
            // What a burst took is given back.
            self.queue.shrink_to(QUEUE_ROOM);
        }
        self.queue.pop_front()
    }

    /// When something would happen next if nothing went in: the newest timestamp seen while outputs wait, else the next deadline; `None` for never.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        if self.queue.is_empty() { self.timers.next() } else { Some(self.now) }
    }

    /// Carries out an operation: the one way in that all others lead to. A command that starts a request yields its id.
    ///
    /// # Errors
    /// As the command; inputs and timeouts are never refused.
    pub fn apply(&mut self, operation: Operation) -> Result<Option<RequestId>, Refused> {
        let Operation { at, action } = operation;
        match action {
            Action::Input(input) => self.handle_input(at, input),
            Action::Timeout => self.handle_timeout(at),
            Action::Command(command) => return self.command(at, command),
        }
        Ok(None)
    }

    /// Starts a call.
    ///
    /// # Errors
    /// [`Refused::Unroutable`], [`Refused::Full`], or what cannot stand in a message.
    ///
    /// ```
    /// use sip_proto::context::Invite;
    /// use sip_proto::{Config, Endpoint, Output, Timestamp};
    ///
    /// let mut sip: Endpoint = Endpoint::new(Config::new("sip:bob@192.0.2.4")?, [7; 32]);
    /// let call = sip.invite(Timestamp::ZERO, Invite::to("sip:alice@192.0.2.1").sdp("v=0\r\n"))?;
    /// let Some(Output::Transmit(sent)) = sip.poll_output() else { panic!() };
    /// assert!(sent.payload.starts_with(b"INVITE sip:alice@192.0.2.1 SIP/2.0\r\n"));
    /// sip.client(call)?.cancel(Timestamp::ZERO)?; // waits for a provisional answer
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn invite(&mut self, now: Timestamp, invite: Invite) -> Result<RequestId, Refused> {
        self.advance(now);
        let rel100 = invite.rel100.unwrap_or(self.config.settings.rel100);
        let client = self.start(&invite.request, invite.ring_within, rel100)?;
        if let Some(slot) = self.clients.get_mut(client) {
            let most = invite.redirects.unwrap_or(self.config.policy.redirects);
            let keeps_uri = invite.keeps_uri.unwrap_or(self.config.policy.redirects_keep_uri);
            slot.targets = slot
                .request()
                .and_then(|request| TargetSet::new(request, &invite.request.uri, most, keeps_uri));
        }
        Ok(client)
    }

    /// Sends a request outside dialogs.
    ///
    /// # Errors
    /// As [`Endpoint::invite`].
    pub fn request(&mut self, now: Timestamp, request: Request) -> Result<RequestId, Refused> {
        self.advance(now);
        self.start(&request, None, self.config.settings.rel100)
    }

    /// The dialog with these three parts (RFC 3261 §12). What a Replaces names has its `to_tag` as ours and its `from_tag` as the peer's (RFC 3891 §3).
    pub fn find_dialog(&self, call_id: &str, local_tag: &str, remote_tag: &str) -> Option<DialogId> {
        self.dialog_with(call_id.as_bytes(), local_tag.as_bytes(), remote_tag.as_bytes())
    }

    /// What Contact says in requests that go by this transport, to an address of this family where both are bound: what a REGISTER
    /// binds (RFC 3261 §10.2), which has no Contact but the application's own.
    ///
    /// ```
    /// use sip_proto::context::Request;
    /// use sip_proto::{Bound, Config, Endpoint, Input, Method, Timestamp, Transport};
    ///
    /// let mut sip: Endpoint = Endpoint::new(Config::new("sip:alice@example.com")?, [7; 32]);
    /// let bound = Bound { transport: Transport::Tcp, local: "192.0.2.4:5060".parse()?, advertised: None };
    /// sip.handle_input(Timestamp::ZERO, Input::Bound(bound));
    /// let contact = sip.contact(Transport::Tcp, None).to_string();
    /// assert_eq!(contact, "<sip:alice@192.0.2.4:5060;transport=tcp>");
    /// let register = Request::new(Method::Register, "sip:example.com;transport=tcp")
    ///     .to("<sip:alice@example.com>")
    ///     .header("Contact", contact);
    /// sip.request(Timestamp::ZERO, register)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn contact(&self, transport: Transport, towards: Option<IpAddr>) -> &str {
        self.transports.contact(transport, towards, false)
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What was dropped or refused so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether nothing is left: no context, no dialog, no timer, nothing that waits or is queued.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
            && self.servers.is_empty()
            && self.clients.is_empty()
            && self.dialogs.is_empty()
            && self.timers.is_empty()
            && self.index.is_empty()
            && self.transports.connects() == 0
            && self.transports.queries.is_empty()
    }

    /// How many server contexts, client contexts and dialogs there are.
    pub fn counts(&self) -> [usize; 3] {
        [self.servers.len(), self.clients.len(), self.dialogs.len()]
    }

    /// Time only moves forward.
    fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        // What waits to be polled is held there, and is not settled.
        let is_drained = self.queue.is_empty() || self.sent.len() >= self.config.limits.queue;
        if self.sent.len() >= MOST_SENT && is_drained {
            self.settle();
        }
    }

    fn is_full(&self) -> bool {
        self.queue.len() >= self.config.limits.queue
    }

    fn emit(&mut self, event: Event<D>) {
        self.queue.push_back(Output::Event(event));
    }

    fn command(&mut self, at: Timestamp, command: Command) -> Result<Option<RequestId>, Refused> {
        self.advance(at);
        match command {
            Command::Invite(invite) => return self.invite(at, invite).map(Some),
            Command::Request(request) => return self.request(at, request).map(Some),
            Command::Send(dialog, request) => return self.dialog(dialog)?.request(at, request).map(Some),
            Command::Cancel(request, headers) => self.client(request)?.cancel_with(at, &headers)?,
            Command::Progress(server, reply) => _ = self.server(server)?.progress(at, reply)?,
            Command::Accept(server, reply) => _ = self.server(server)?.accept(at, reply)?,
            Command::Reject(server, reply) => _ = self.server(server)?.reject(at, reply)?,
            Command::Reply(server, reply) => _ = self.server(server)?.reply(at, reply)?,
            Command::Modify(dialog, modify, headers) => {
                return self.dialog(dialog)?.modify_with(at, modify, headers).map(Some);
            }
            Command::Notify(dialog, usage, body) => {
                return self.dialog(dialog)?.tell(at, usage, body).map(Some);
            }
            Command::Authorise(dialog, usage, body) => {
                return self.dialog(dialog)?.authorise(at, usage, body).map(Some);
            }
            Command::Terminate(dialog, usage, reason, body) => {
                return self.dialog(dialog)?.terminate(at, usage, reason, body).map(Some);
            }
            Command::ReportRefer(dialog, usage, status) => {
                return self.dialog(dialog)?.report_refer(at, usage, status).map(Some);
            }
            Command::Answer(dialog, sdp) => self.dialog(dialog)?.answer(at, sdp)?,
            Command::HoldBack(dialog, yes) => self.dialog(dialog)?.hold_back(at, yes)?,
            Command::Destroy(dialog, headers) => self.dialog(dialog)?.destroy_with(at, headers)?,
        }
        Ok(None)
    }
}

impl<D> fmt::Debug for Endpoint<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("identity", &Hidden(self.config.identity()))
            .field("now", &self.now)
            .field("queue", &self.queue.len())
            .field("servers", &self.servers.len())
            .field("clients", &self.clients.len())
            .field("dialogs", &self.dialogs.len())
            .finish_non_exhaustive()
    }
}

/// What answers of ours carry unless the application says otherwise.
fn defaults<'a>(config: &'a Config, described: &'a Described, contact: &'a str) -> Defaults<'a> {
    Defaults { contact, allow: &described.allow, supported: &described.supported, server: &config.server }
}

/// Whether we are to be reached by a SIPS URI in the dialog that this request makes (RFC 3261 §12.1.1): for its Request-URI, its topmost Record-Route, or
/// its Contact if it has none.
fn asks_for_sips(request: &Message) -> bool {
    let first = || request.record_routes().next().map(|route| route.map_or("", |route| route.uri));
    request.method().creates_dialog() && asks_by(request, first())
}

/// As [`asks_for_sips`], of a request that makes a dialog, with this URI in its topmost Record-Route.
fn asks_by(request: &Message, route: Option<&str>) -> bool {
    request.request_uri().is_some_and(is_sips)
        || match route {
            Some(uri) => is_sips(uri),
            None => request.contact().ok().flatten().is_some_and(|contact| is_sips(contact.uri)),
        }
}

/// The value of Allow: what the policy serves, and PRACK where provisional answers may be reliable.
fn allow(config: &Config) -> String {
    let mut allow = config.policy.allow();
    if config.settings.rel100 != Rel100::Unsupported && !allow.contains(Method::Prack.as_str()) {
        allow.push_str(", PRACK");
    }
    allow
}
