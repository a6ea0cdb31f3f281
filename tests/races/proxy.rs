//! A proxy between the parties of a [`Wire`](crate::wire::Wire): it forks an INVITE to some user agents (RFC 3261 §16.7), or is a strict router of old
//! in their route sets (§16.12.1.2). It is no more than these races need.

use core::net::{IpAddr, SocketAddr};

use sip_proto::message::Name;
use sip_proto::{Message, Method, StatusCode, Timestamp, Transport};

use crate::support::{address, millis};

/// Where the proxy is.
pub(crate) const PROXY: &str = "192.0.2.10:5060";
/// How long it waits for what was lost.
const AGAIN: u64 = 500;

/// What kind of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It forks, and passes on the best of the failures when all have come.
    Forks,
    /// It forks, passes on the first final answer whatever it is, and cancels the first branch alone.
    HastyForks,
    /// It puts itself into the route set without `lr`, and routes as RFC 2543 had it.
    Strict,
}

/// How far the CANCEL of a branch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    None,
    Wanted,
    Sent,
    Answered,
}

/// One branch of an INVITE.
#[derive(Debug)]
struct Fork {
    uri: String,
    to: SocketAddr,
    invite: String,
    /// The last status that came.
    status: u16,
    cancel: Cancel,
}

/// What it sends, and where to.
pub(crate) type Sent = (SocketAddr, String);

#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) manner: Manner,
    pub(crate) transport: Transport,
    forks: Vec<Fork>,
    /// Who asked.
    above: Option<SocketAddr>,
    /// The failure that was passed on, and whether it was acknowledged.
    failure: Option<(String, bool)>,
    failures: Vec<(u16, String)>,
    has_success: bool,
    /// When it says again what has had no answer.
    pub(crate) deadline: Option<Timestamp>,
    /// Who sent each request within a dialog that came to a strict router, its Request-URI and its Route.
    pub(crate) routed: Vec<(SocketAddr, String, Vec<String>)>,
}

impl Proxy {
    pub(crate) fn new(manner: Manner, transport: Transport, targets: &[&str]) -> Self {
        let forks = targets.iter().map(|target| {
            let ip: IpAddr = target.rsplit('@').next().unwrap().parse().unwrap();
            let uri = format!("sip:{target}");
            Fork { uri, to: (ip, 5060).into(), invite: String::new(), status: 0, cancel: Cancel::None }
        });
        Self {
            manner,
            transport,
            forks: forks.collect(),
            above: None,
            failure: None,
            failures: vec![],
            has_success: false,
            deadline: None,
            routed: vec![],
        }
    }

    /// A message that came from `from`.
    pub(crate) fn hear(&mut self, now: Timestamp, from: SocketAddr, message: &Message) -> Vec<Sent> {
        self.deadline = self.deadline.or((!self.transport.is_reliable()).then_some(now + millis(AGAIN)));
        match message.is_request() {
            true => self.hear_request(from, message),
            false => self.hear_answer(message),
        }
    }

    /// Says again what has had no answer. For as long as somebody may wait.
    pub(crate) fn repeat(&mut self, now: Timestamp) -> Vec<Sent> {
        self.deadline = None;
        let mut sent = self.cancels(&[Cancel::Wanted, Cancel::Sent]);
        let silent = self.forks.iter().filter(|fork| fork.status == 0 && !fork.invite.is_empty());
        sent.extend(silent.map(|fork| (fork.to, fork.invite.clone())));
        if let Some((text, false)) = &self.failure {
            sent.push((self.above.unwrap(), text.clone()));
        }
        self.deadline = (!sent.is_empty() && now.as_millis() < 60_000).then_some(now + millis(AGAIN));
        sent
    }

    fn hear_request(&mut self, from: SocketAddr, request: &Message) -> Vec<Sent> {
        if request.value(Name::Route).is_some() {
            return self.route_strictly(from, request);
        }
        match request.method() {
            Method::Invite => self.fork(from, request),
            Method::Cancel => {
                let count = if self.manner == Manner::HastyForks { 1 } else { self.forks.len() };
                self.forks.iter_mut().take(count).for_each(Fork::give_up);
                let mut sent = self.cancels(&[Cancel::Wanted]);
                sent.push((from, answer(request)));
                sent
            }
            Method::Ack => {
                self.failure.iter_mut().for_each(|failure| failure.1 = true);
                vec![]
            }
            other => panic!("a proxy that forks has no part in {other}"),
        }
    }

    fn fork(&mut self, from: SocketAddr, invite: &Message) -> Vec<Sent> {
        self.above = Some(from);
        let param = if self.transport.is_reliable() { ";transport=tcp" } else { "" };
        let records = (self.manner == Manner::Strict).then(|| format!("<sip:192.0.2.10{param}>"));
        for (at, fork) in self.forks.iter_mut().enumerate() {
            let uri = format!("{}{param}", fork.uri);
            fork.invite = pass_on(invite, &uri, self.transport, at, records.as_deref());
        }
        let silent = self.forks.iter().filter(|fork| fork.status == 0);
        silent.map(|fork| (fork.to, fork.invite.clone())).collect()
    }

    /// A strict router (RFC 2543 §6.29): the next Route becomes the Request-URI.
    fn route_strictly(&mut self, from: SocketAddr, request: &Message) -> Vec<Sent> {
        let routes: Vec<String> = request.routes().map(|route| route.unwrap().uri.to_string()).collect();
        let uri = request.request_uri().unwrap().to_string();
        self.routed.push((from, uri, routes.clone()));
        let next = &routes[0];
        let host = next.split(['@', ';']).nth(1).unwrap();
        let to = if host.contains(':') { address(host) } else { address(&format!("{host}:5060")) };
        vec![(to, pass_on(request, next, self.transport, 9, None))]
    }

    fn hear_answer(&mut self, message: &Message) -> Vec<Sent> {
        let branch = message.top_via().unwrap().branch().unwrap().to_string();
        let at: usize = branch["z9hG4bKp".len()..][..1].parse().unwrap();
        let status = message.status().unwrap().code();
        let upwards = || {
            let above = message.via().nth(1).unwrap().unwrap();
            let above = address(&format!("{}:{}", above.host, above.port_or_default()));
            vec![(above, without_top_via(message))]
        };
        let Some(fork) = self.forks.get_mut(at) else { return upwards() };
        match message.method() {
            Method::Cancel => {
                fork.cancel = Cancel::Answered;
                vec![]
            }
            Method::Invite if status == 100 => {
                fork.status = fork.status.max(status);
                vec![]
            }
            Method::Invite if status < 200 => {
                fork.status = fork.status.max(status);
                let mut sent = if self.has_success || self.failure.is_some() { vec![] } else { upwards() };
                sent.extend(self.cancels(&[Cancel::Wanted]));
                sent
            }
            Method::Invite if status < 300 => {
                fork.status = status;
                self.has_success = true;
                // RFC 3261 §16.7 step 10.
                self.forks.iter_mut().for_each(Fork::give_up);
                let mut sent = upwards();
                sent.extend(self.cancels(&[Cancel::Wanted]));
                sent
            }
            Method::Invite => {
                let (is_new, to) = (fork.status < 200, fork.to);
                fork.status = status;
                let mut sent = vec![(to, follow(&fork.invite, "ACK", Some(message)))];
                if is_new {
                    self.failures.push((status, without_top_via(message)));
                    sent.extend(self.choose());
                }
                sent
            }
            _ => upwards(),
        }
    }

    /// The best failure, once all have come (RFC 3261 §16.7 step 6).
    fn choose(&mut self) -> Option<Sent> {
        let is_over = self.manner == Manner::HastyForks || self.forks.iter().all(|fork| fork.status >= 300);
        if !is_over || self.has_success || self.failure.is_some() {
            return None;
        }
        let (_, best) = self.failures.iter().min_by_key(|(status, _)| status / 100)?;
        self.failure = Some((best.clone(), false));
        Some((self.above?, best.clone()))
    }

    /// A CANCEL for each branch that has rung (RFC 3261 §9.1) and whose CANCEL has come so far.
    fn cancels(&mut self, so_far: &[Cancel]) -> Vec<Sent> {
        let waits = |fork: &&mut Fork| so_far.contains(&fork.cancel) && (101..200).contains(&fork.status);
        let waiting = self.forks.iter_mut().filter(waits).map(|fork| {
            fork.cancel = Cancel::Sent;
            (fork.to, follow(&fork.invite, "CANCEL", None))
        });
        waiting.collect()
    }
}

impl Fork {
    /// It is to be cancelled, unless it has its answer.
    fn give_up(&mut self) {
        if self.status < 200 && self.cancel == Cancel::None {
            self.cancel = Cancel::Wanted;
        }
    }
}

fn octets(message: &Message) -> &str {
    core::str::from_utf8(message.as_bytes()).unwrap()
}

/// A request on its way to `uri`, with a Via of the proxy's, and without the first Route.
fn pass_on(
    request: &Message,
    uri: &str,
    transport: Transport,
    branch: usize,
    records: Option<&str>,
) -> String {
    let above = request.top_via().unwrap().branch().unwrap().to_string();
    let via = format!("SIP/2.0/{transport} {PROXY};branch=z9hG4bKp{branch}{above}");
    let mut text = format!("{} {uri} SIP/2.0\r\nVia: {via}\r\n", request.method());
    if let Some(records) = records {
        text += &format!("Record-Route: {records}\r\n");
    }
    let (_, rest) = octets(request).split_once("\r\n").unwrap();
    let rest = match request.value(Name::Route) {
        Some(route) => rest.replacen(&format!("Route: {route}\r\n"), "", 1),
        None => rest.to_string(),
    };
    text + &rest.replacen("Max-Forwards: 70\r\n", "Max-Forwards: 69\r\n", 1)
}

fn without_top_via(response: &Message) -> String {
    let text = octets(response);
    let start = text.find("\r\nVia:").unwrap() + 2;
    let end = start + text[start..].find("\r\n").unwrap() + 2;
    format!("{}{}", &text[..start], &text[end..])
}

/// The CANCEL of an INVITE that was passed on, or the ACK of its failure (RFC 3261 §9.1, §17.1.1.3).
fn follow(invite: &str, method: &str, answer: Option<&Message>) -> String {
    let invite = Message::parse(invite.as_bytes().to_vec()).unwrap();
    let value = |name| invite.value(name).unwrap();
    let to = answer.map_or(value(Name::To), |answer| answer.value(Name::To).unwrap());
    format!(
        "{method} {} SIP/2.0\r\nVia: {}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\nContent-Length: 0\r\n\r\n",
        invite.request_uri().unwrap(),
        value(Name::Via),
        value(Name::From),
        invite.call_id(),
        invite.cseq(),
    )
}

/// The proxy's own 200 to a CANCEL.
fn answer(cancel: &Message) -> String {
    crate::support::answer(cancel, StatusCode::OK.code(), "proxy", "").replacen(" X", " OK", 1)
}
