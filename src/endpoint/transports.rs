//! What the endpoint knows of the embedder's sockets: where it is bound, which connections are open, and what waits for an
//! address or a connection (RFC 3261 §18).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::BuildHasher;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hashbrown::HashMap;
use siphasher::sip::SipHasher13;
use slotmap::SlotMap;
use smallvec::SmallVec;

use super::flow::{Bound, Flow};
use super::ids::{ConnectId, QueryId, RequestId, ServerId};
use super::timers::Handle;
use crate::dialog::Dialog;
use crate::message::{Framer, Host, Message, ParseError, SipUri, Transport, Uri, is_sips};

/// Hashes addresses that peers choose, with a key that they do not know.
#[derive(Clone, Debug)]
pub(super) struct Keyed([u8; 16]);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Transports {
    bound: Vec<Socket>,
    /// Those whose place another one has taken, the last one last.
    former: Vec<Socket>,
    /// What stands in Via and Contact until a socket is bound.
    unbound: Names,
    user: String,
    streams: HashMap<Flow, Stream, Keyed>,
    /// The open connections to each address, the one that was heard of last at the end.
    by_remote: HashMap<(Transport, SocketAddr), SmallVec<[Flow; 1]>, Keyed>,
    connects: SlotMap<ConnectId, Connecting>,
    connecting: HashMap<Far, ConnectId, Keyed>,
    pub(super) queries: SlotMap<QueryId, Query>,
}

/// So many sockets whose place others have taken are known.
const MOST_FORMER: usize = 8;

#[derive(Clone, Debug)]
struct Socket {
    bound: Bound,
    names: Names,
}

/// The other end of a connection: over TLS the domain counts too that it was opened for (RFC 5922 §7.3).
type Far = (Transport, SocketAddr, Option<Box<str>>);

/// An open connection.
#[derive(Clone, Debug, Default)]
struct Stream {
    framer: Framer,
    /// The domain that its certificate is for, if it was opened for one.
    name: Option<Box<str>>,
}

/// How peers are told to reach us over one transport.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) sent_by: Box<str>,
    contact: Box<str>,
    /// Contact as a SIPS URI.
    secure_contact: Box<str>,
}

/// A connection that is being opened, and what waits for it.
#[derive(Clone, Debug)]
pub(super) struct Connecting {
    far: Far,
    pub(super) tasks: SmallVec<[Task; 1]>,
    pub(super) timer: Handle,
}

/// A host that is being looked up, and what waits for it.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) host: Box<str>,
    pub(super) secure: bool,
    pub(super) tasks: SmallVec<[Task; 1]>,
    pub(super) timer: Handle,
}

/// What is sent once there is a flow for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Task {
    /// A request of ours.
    Launch(RequestId),
    /// The CANCEL of an INVITE of ours.
    Cancel(RequestId),
    /// The ACK of the 2xx with this To tag.
    Ack(RequestId, Box<str>),
    /// The ACK of a 3xx to 6xx whose INVITE's connection is gone.
    HopAck(Arc<Message>),
    /// The stored answer of a context.
    Answer(ServerId),
}

/// How far a next hop is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Route {
    Flow(Flow),
    Connect(Far),
    Resolve { host: Box<str>, port: Option<u16>, transport: Option<Transport>, secure: bool },
}

impl Route {
    /// The transport, as far as it is known: a guess for a name, corrected when its address is.
    pub(super) fn transport(&self) -> Transport {
        match self {
            Self::Flow(flow) => flow.transport,
            Self::Connect((transport, ..)) => *transport,
            Self::Resolve { transport: Some(transport), .. } => *transport,
            Self::Resolve { secure: true, .. } => Transport::Tls,
            Self::Resolve { .. } => Transport::Udp,
        }
    }
}

impl Route {
    /// The address of the next hop, as far as it is known.
    pub(super) fn towards(&self) -> Option<IpAddr> {
        match self {
            Self::Flow(Flow { remote, .. }) | Self::Connect((_, remote, _)) => Some(remote.ip()),
            Self::Resolve { .. } => None,
        }
    }
}

impl Transports {
    pub(super) fn new(host: String, user: String, contact: &str, key: [u8; 16]) -> Self {
        let keyed = Keyed(key);
        let unbound = Names::new(host.into(), &user, Transport::Udp, contact);
        Self {
            bound: Vec::new(),
            former: Vec::new(),
            unbound,
            user,
            streams: HashMap::with_hasher(keyed.clone()),
            by_remote: HashMap::with_hasher(keyed.clone()),
            connecting: HashMap::with_hasher(keyed),
            connects: SlotMap::with_key(),
            queries: SlotMap::with_key(),
        }
    }

    /// Takes note of a bound socket, in the place of one of the same transport and address family.
    pub(super) fn bind(&mut self, bound: Bound, contact: &str) {
        let names = Names::new(bound.sent_by(), &self.user, bound.transport, contact);
        let same = |socket: &Socket| {
            socket.bound.transport == bound.transport && socket.bound.local.is_ipv4() == bound.local.is_ipv4()
        };
        let replaced = self.bound.iter().position(same).map(|place| self.bound.remove(place));
        self.former.extend(replaced);
        self.former.retain(|socket| socket.names.contact != names.contact);
        let beyond = self.former.len().saturating_sub(MOST_FORMER);
        self.former.drain(..beyond);
        self.bound.push(Socket { bound, names });
    }

    /// What Contact says in the place of this URI, if we were reached by that on a socket whose place another one has taken.
    pub(super) fn contact_since(&self, uri: &str) -> Option<&str> {
        let former = |socket: &&Socket| {
            [&socket.names.contact, &socket.names.secure_contact].into_iter().any(|said| is_uri_of(said, uri))
        };
        let Socket { bound, .. } = self.former.iter().rev().find(former)?;
        Some(self.contact(bound.transport, Some(bound.local.ip()), is_sips(uri)))
    }

    /// What Via and Contact say over this transport, towards a peer of this address family where that matters.
    pub(super) fn names(&self, transport: Transport, towards: Option<IpAddr>) -> &Names {
        self.socket(transport, towards).map_or(&self.unbound, |socket| &socket.names)
    }

    /// Whether a socket of this transport is bound.
    pub(super) fn has(&self, transport: Transport) -> bool {
        self.bound.iter().any(|socket| socket.bound.transport == transport)
    }

    /// What Contact says over this transport: a SIPS URI where one is asked for (§8.1.1.8, §12.1.1), which leads to us by TLS.
    pub(super) fn contact(&self, transport: Transport, towards: Option<IpAddr>, is_secure: bool) -> &str {
        match is_secure {
            false => &self.names(transport, towards).contact,
            true if transport.is_secure() => &self.names(transport, towards).secure_contact,
            true => &self.names(Transport::Tls, towards).secure_contact,
        }
    }

    /// What Contact says over this transport in the place of `said`, if that is ours over another one.
    pub(super) fn contact_instead(
        &self,
        said: &str,
        transport: Transport,
        towards: Option<IpAddr>,
    ) -> Option<&str> {
        let sockets = self.bound.iter().chain(&self.former);
        let mut all = sockets.map(|socket| &socket.names).chain([&self.unbound]);
        let is_secure = all.find_map(|names| match said {
            said if *names.contact == *said => Some(false),
            said if *names.secure_contact == *said => Some(true),
            _ => None,
        })?;
        Some(self.contact(transport, towards, is_secure)).filter(|contact| *contact != said)
    }

    fn socket(&self, transport: Transport, towards: Option<IpAddr>) -> Option<&Socket> {
        let mut sockets = self.bound.iter().filter(|socket| socket.bound.transport == transport);
        let family = towards.map(|ip| ip.is_ipv4());
        let fits = |socket: &&Socket| family.is_none_or(|v4| socket.bound.local.is_ipv4() == v4);
        sockets.clone().find(fits).or_else(|| sockets.next())
    }

    /// The way to an address over a transport, which was found for the domain `name`, if for one.
    pub(super) fn route_to(&self, transport: Transport, remote: SocketAddr, name: Option<&str>) -> Route {
        if transport.is_reliable() {
            let name = name.filter(|_| transport.is_secure());
            let is_named_so = |flow: &&Flow| {
                let known = self.streams.get(*flow).and_then(|stream| stream.name.as_deref());
                name.is_none_or(|name| known.is_some_and(|known| known.eq_ignore_ascii_case(name)))
            };
            let known = self.by_remote.get(&(transport, remote));
            return match known.and_then(|flows| flows.iter().rfind(is_named_so)) {
                Some(flow) => Route::Flow(*flow),
                None => {
                    Route::Connect((transport, remote, name.map(|name| name.to_ascii_lowercase().into())))
                }
            };
        }
        let unspecified: IpAddr =
            if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let local = self.socket(transport, Some(remote.ip())).map(|socket| socket.bound.local);
        let local = local.filter(|local| local.is_ipv4() == remote.is_ipv4());
        Route::Flow(Flow {
            transport,
            local: local.unwrap_or(SocketAddr::new(unspecified, 0)),
            remote,
            conn: 0,
        })
    }

    /// The way to the host of a URI (§8.1.2, §18.1.1; RFC 3263 §4 for what needs no look-up), taken for a SIPS URI if what goes there `is_secure`. A numeric
    /// host is never looked up; a transport that is unknown leads nowhere.
    pub(super) fn locate(&self, uri: &str, is_secure: bool) -> Result<Route, ParseError> {
        let Uri::Sip(uri) = Uri::parse(uri)? else {
            return Err(ParseError { expected: "a SIP or SIPS URI", header: None, at: 0 });
        };
        let secure = uri.secure || is_secure;
        let transport = match (secure, uri.named_transport()?) {
            (true, None | Some(Transport::Tcp | Transport::Udp)) => Some(Transport::Tls),
            (true, Some(Transport::Ws)) => Some(Transport::Wss),
            (_, named) => named,
        };
        match uri.maddr().unwrap_or(uri.host) {
            Host::Ip(ip) => {
                let transport = transport.unwrap_or(Transport::Udp);
                let port = uri.port.unwrap_or(transport.default_port());
                Ok(self.route_to(transport, SocketAddr::new(ip, port), None))
            }
            Host::Name(name) => Ok(Route::Resolve { host: name.into(), port: uri.port, transport, secure }),
        }
    }

    /// Whether the host of a URI is a name that no look-up finds: browsers, which know no address of theirs, have one in Contact (RFC 7118 §B.1, RFC 2606
    /// §2).
    pub(super) fn is_nowhere(uri: &str) -> bool {
        let Some(name) = name_in(uri) else { return false };
        name.trim_end_matches('.').rsplit('.').next().is_some_and(|top| top.eq_ignore_ascii_case("invalid"))
    }

    /// The way of the next request within a dialog (§12.2.1.1).
    pub(super) fn locate_in(&self, dialog: &Dialog) -> Result<Route, ParseError> {
        self.locate(dialog.next_hop(), is_sips(dialog.remote().contact))
    }

    /// Whether a flow can be used: datagrams always can, a stream while it is open.
    pub(super) fn is_open(&self, flow: &Flow) -> bool {
        !flow.transport.is_reliable() || self.streams.contains_key(flow)
    }

    /// The way of what went by this flow before: the connection while it is open, datagrams by the socket that is bound now.
    pub(super) fn route_again(&self, flow: Flow) -> Option<Route> {
        match flow.transport.is_reliable() {
            true => self.is_open(&flow).then_some(Route::Flow(flow)),
            false => Some(self.route_to(flow.transport, flow.remote, None)),
        }
    }

    /// The way to where this request went by a connection that is gone.
    pub(super) fn route_after(&self, request: &Message, flow: Flow) -> Route {
        self.route_to(flow.transport, flow.remote, first_hop(request).and_then(name_in))
    }

    /// This flow, where it is one of datagrams from the socket that is bound now.
    pub(super) fn as_bound(&self, flow: Flow) -> Flow {
        match self.route_to(flow.transport, flow.remote, None) {
            Route::Flow(bound) if !flow.transport.is_reliable() => bound,
            _ => flow,
        }
    }

    /// Takes note of an open connection; whether there was room for it.
    pub(super) fn open(&mut self, flow: Flow, limit: usize) -> bool {
        if self.streams.len().saturating_add(self.connects.len()) >= limit
            && !self.streams.contains_key(&flow)
        {
            return false;
        }
        self.streams.entry(flow).or_default();
        let known = self.by_remote.entry((flow.transport, flow.remote)).or_default();
        if known.last() != Some(&flow) {
            known.retain(|other| *other != flow);
            known.push(flow);
        }
        true
    }

    /// Takes note that an open connection was opened for what it `was` asked for.
    pub(super) fn opened(&mut self, flow: &Flow, was: Connecting) -> SmallVec<[Task; 1]> {
        let (.., name) = was.far;
        if let Some(stream) = self.streams.get_mut(flow) {
            stream.name = name;
        }
        was.tasks
    }

    /// Forgets a connection. Another one to the same address serves in its place.
    pub(super) fn close(&mut self, flow: &Flow) {
        self.streams.remove(flow);
        let address = (flow.transport, flow.remote);
        let Some(known) = self.by_remote.get_mut(&address) else { return };
        known.retain(|other| other != flow);
        if known.is_empty() {
            self.by_remote.remove(&address);
        }
    }

    /// The octets of a connection that are not yet a message.
    pub(super) fn framer(&mut self, flow: &Flow) -> Option<&mut Framer> {
        self.streams.get_mut(flow).map(|stream| &mut stream.framer)
    }

    /// How many connections are known.
    pub(super) fn streams(&self) -> usize {
        self.streams.len()
    }

    /// How many connections are being opened.
    pub(super) fn connects(&self) -> usize {
        self.connects.len()
    }

    /// Whether a connection to there is being opened.
    pub(super) fn is_connecting(&self, far: &Far) -> bool {
        self.connecting.contains_key(far)
    }

    /// What waits for a connection by TCP to this address.
    pub(super) fn waiting(&self, remote: SocketAddr) -> &[Task] {
        if self.connects.is_empty() {
            return &[];
        }
        let connecting = self.connecting.get(&(Transport::Tcp, remote, None));
        connecting.and_then(|id| self.connects.get(*id)).map_or(&[], |connect| &connect.tasks)
    }

    /// Lets a task wait for a connection to there; the connection's id if it has yet to be asked for.
    pub(super) fn wait_for(&mut self, far: Far, task: Task) -> Option<ConnectId> {
        let connecting = self.connecting.get(&far);
        if let Some(connect) = connecting.and_then(|id| self.connects.get_mut(*id)) {
            // A stored answer is sent once, however often its request comes again meanwhile.
            if !connect.tasks.contains(&task) {
                connect.tasks.push(task);
            }
            return None;
        }
        let tasks = [task].into_iter().collect();
        let id = self.connects.insert(Connecting { far: far.clone(), tasks, timer: Handle::NONE });
        self.connecting.insert(far, id);
        Some(id)
    }

    /// The timer of a connection that is being opened.
    pub(super) fn connect_timer(&mut self, id: ConnectId) -> Option<&mut Handle> {
        self.connects.get_mut(id).map(|connect| &mut connect.timer)
    }

    /// Takes out what waits for a connection: it is open, or never will be.
    pub(super) fn take_connect(&mut self, id: ConnectId) -> Option<Connecting> {
        let connect = self.connects.remove(id)?;
        self.connecting.remove(&connect.far);
        Some(connect)
    }
}

/// The URI of the hop that a request of ours goes to first (§8.1.2, §12.2.1.1): its first Route element, or its Request-URI where it has none, or where
/// that is a strict router's; `None` where it cannot be told which.
pub(super) fn first_hop(request: &Message) -> Option<&str> {
    let mut routes = request.routes();
    let Some(first) = routes.next() else { return request.request_uri() };
    let is_loose = |uri| Uri::parse(uri).ok().and_then(Uri::sip).is_some_and(SipUri::is_loose);
    let first = first.ok()?.uri;
    // Behind a strict router the target stands last.
    let last = routes.last().map_or(Some(first), |last| last.ok().map(|last| last.uri))?;
    match (is_loose(first), is_loose(last)) {
        (false, _) => request.request_uri(),
        (true, true) => Some(first),
        (true, false) => None,
    }
}

/// The domain name that a URI leads to; `None` for an address.
pub(super) fn name_in(uri: &str) -> Option<&str> {
    match Uri::parse(uri).ok().and_then(Uri::sip).map(|uri| uri.maddr().unwrap_or(uri.host))? {
        Host::Name(name) => Some(name),
        Host::Ip(_) => None,
    }
}

/// Whether this is the URI of a Contact of ours.
fn is_uri_of(contact: &str, uri: &str) -> bool {
    contact.strip_prefix('<').and_then(|contact| contact.strip_suffix('>')) == Some(uri)
}

impl Names {
    fn new(sent_by: Box<str>, user: &str, transport: Transport, contact: &str) -> Self {
        if !contact.is_empty() {
            return Self { sent_by, contact: contact.into(), secure_contact: contact.into() };
        }
        let at = if user.is_empty() { "" } else { "@" };
        let param = match transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
            Transport::Ws | Transport::Wss => ";transport=ws",
        };
        let secure_param = if matches!(transport, Transport::Ws | Transport::Wss) { param } else { "" };
        let contact = alloc::format!("<sip:{user}{at}{sent_by}{param}>").into();
        let secure_contact = alloc::format!("<sips:{user}{at}{sent_by}{secure_param}>").into();
        Self { sent_by, contact, secure_contact }
    }
}
