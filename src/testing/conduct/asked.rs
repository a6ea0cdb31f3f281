//! What an endpoint asks: the transactions of its requests (RFC 3261 §17.1, §9.1, §13.2.2.4), the numbers in its dialogs (§12.2.1.1), and who
//! may offer when (RFC 3264 §4, RFC 3261 §14.1, RFC 3311 §5.1).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Checked, Name, TAIL, transaction};
use crate::endpoint::{Flow, Token, Transmit};
use crate::message::{self, Message, Method, StatusCode};
use crate::time::Timestamp;

#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// By transaction.
    requests: BTreeMap<String, Request>,
    tokens: Vec<(Token, String)>,
    /// The highest number in each dialog; outside dialogs for each Call-ID and tag of ours.
    numbers: BTreeMap<Name, u32>,
    /// What each 2xx to INVITE was acknowledged with.
    acks: BTreeMap<(Name, u32), Ack>,
    /// Reliable provisional answers that came, by transaction, tag and RSeq.
    reliable: BTreeSet<(String, String, u32)>,
    /// What each PRACK acknowledges.
    pracked: BTreeSet<(Name, u32, u32)>,
}

/// The ACK of a 2xx.
#[derive(Clone, Debug, Default)]
struct Ack {
    /// Whether the 2xx came while the INVITE waited for it, and not as a stray (RFC 6026 §7.2).
    is_owed: bool,
    octets: Option<Bytes>,
}

#[derive(Clone, Debug)]
struct Request {
    name: Name,
    method: Method,
    cseq: u32,
    at: Timestamp,
    octets: Bytes,
    flow: Flow,
    has_offer: bool,
    /// By whom the offer was answered before the end.
    answered_by: BTreeSet<String>,
    is_provisional: bool,
    end: Option<StatusCode>,
    /// Whether that came in time.
    owes_ack: bool,
    /// Whether it could not be sent.
    has_failed: bool,
    cancelled: Option<Timestamp>,
    /// The ACK of each failure, by the To of that.
    acknowledged: BTreeMap<String, Bytes>,
    sent: usize,
}

impl Request {
    /// Whether it is sure that a final answer may come.
    fn is_surely_open(&self, now: Timestamp) -> bool {
        !self.has_failed && self.is_open(now)
    }

    /// Whether a final answer may come.
    fn is_open(&self, now: Timestamp) -> bool {
        let waits = match self.method {
            Method::Invite => self.is_provisional,
            _ => false,
        };
        self.end.is_none()
            && (waits || now < self.at + TAIL)
            && self.cancelled.is_none_or(|at| now < at + TAIL)
    }
}

impl Asked {
    pub(super) fn closed(&mut self, flow: Flow) {
        for request in self.requests.values_mut().filter(|request| request.flow == flow) {
            request.has_failed = true;
        }
    }

    pub(super) fn failed(&mut self, token: Token) {
        let key = self.tokens.iter().rev().find(|(known, _)| *known == token);
        if let Some(request) = key.and_then(|(_, key)| self.requests.get_mut(key)) {
            request.has_failed = true;
        }
    }

    /// A dialog is over. Another one of that name counts anew.
    pub(super) fn over(&mut self, name: &Name) {
        self.numbers.remove(name);
    }

    /// An answer comes.
    pub(super) fn heard(&mut self, now: Timestamp, message: &Message) {
        let key = transaction(message, message.method());
        let Some(request) = self.requests.get_mut(&key) else { return };
        let Some(status) = message.status() else { return };
        // RFC 3261 §8.1.3.3: one that was for others too is not ours.
        if message.via().count() != 1 || message.cseq() != request.cseq {
            return;
        }
        // RFC 6026 §7.2: nor is one that comes when nothing waits for it any more.
        if request.end.is_none() && !request.is_open(now) && now != request.at + TAIL {
            return;
        }
        let name = Name::of(message, true);
        // RFC 3261 §12.1.2: a 2xx without a tag names no dialog.
        if request.method == Method::Invite && status.is_success() && name.remote.is_empty() {
            return;
        }
        let has_sdp = message.session_description().is_some();
        if status.is_provisional() {
            request.is_provisional = true;
            if let (Ok(Some(rseq)), false) = (message.rseq(), name.remote.is_empty()) {
                self.reliable.insert((key, name.remote.clone(), rseq));
                if has_sdp {
                    request.answered_by.insert(name.remote);
                }
            }
            return;
        }
        let is_owed = request.is_surely_open(now);
        request.owes_ack |= is_owed;
        request.end.get_or_insert(status);
        if request.method == Method::Invite && status.is_success() {
            // The transaction is known by its branch alone (RFC 3261 §17.1.3).
            let name = Name { remote: name.remote, ..request.name.clone() };
            self.acks.entry((name, message.cseq())).or_default().is_owed |= is_owed;
        }
    }

    /// A request goes out; yields whether it is a new one.
    pub(super) fn sent(&mut self, now: Timestamp, transmit: &Transmit, message: &Message) -> Checked<bool> {
        let octets = Bytes::copy_from_slice(message.as_bytes());
        let key = transaction(message, message.method());
        self.tokens.push((transmit.token, key.clone()));
        if *message.method() == Method::Ack {
            return self.sent_ack(&key, message, octets).map(|()| false);
        }
        if let Some(known) = self.requests.get_mut(&key) {
            known.sent += 1;
            // RFC 3261 §17.1.2.2: 500 ms, doubled up to T2, for 64·T1: eleven at the most; an INVITE seven. Another connection begins anew.
            let most = if known.method == Method::Invite { 7 } else { 11 };
            return match (known.octets == octets, known.sent <= most || known.flow != transmit.flow) {
                (true, true) => Ok(false),
                (true, false) => Err(format!("sent {} times (RFC 3261 §17.1)", known.sent)),
                (false, _) => Err(format!(
                    "another request with the same branch (RFC 3261 §17.1): {}",
                    String::from_utf8_lossy(&known.octets)
                )),
            };
        }
        if *message.method() == Method::Cancel {
            self.sent_cancel(now, message)?;
        }
        let name = Name::of(message, true);
        self.check_overlap(now, &name, message)?;
        self.check_number(&name, message)?;
        if *message.method() == Method::Prack {
            self.sent_prack(&name, message)?;
        }
        let may_offer = match message.method() {
            Method::Invite | Method::Update => true,
            Method::Prack => self.may_prack_offer(message),
            _ => false,
        };
        let has_offer = may_offer && message.session_description().is_some();
        let request = Request {
            name,
            method: message.method().clone(),
            cseq: message.cseq(),
            at: now,
            octets,
            flow: transmit.flow,
            has_offer,
            answered_by: BTreeSet::new(),
            is_provisional: false,
            end: None,
            owes_ack: false,
            has_failed: false,
            cancelled: None,
            acknowledged: BTreeMap::new(),
            sent: 1,
        };
        self.requests.insert(key, request);
        Ok(true)
    }

    /// RFC 3261 §12.2.1.1: within a dialog each new request has a higher number; so has another try of one (§8.1.3.5).
    fn check_number(&mut self, name: &Name, message: &Message) -> Checked {
        if *message.method() == Method::Cancel {
            return Ok(());
        }
        match self.numbers.insert(name.clone(), message.cseq()) {
            Some(last) if last >= message.cseq() => {
                Err(format!("number {} after {last} (RFC 3261 §12.2.1.1)", message.cseq()))
            }
            _ => Ok(()),
        }
    }

    /// Requests of ours in this dialog, or those that began it, to which a final answer may come.
    fn open<'a>(&'a self, now: Timestamp, name: &'a Name) -> impl Iterator<Item = &'a Request> {
        let begins = name.begins();
        self.requests.values().filter(move |request| {
            request.is_surely_open(now) && (request.name == *name || request.name == begins)
        })
    }

    fn check_overlap(&self, now: Timestamp, name: &Name, message: &Message) -> Checked {
        if name.remote.is_empty() {
            return Ok(());
        }
        let mut open = self.open(now, name);
        if *message.method() == Method::Invite
            && let Some(other) = open.find(|other| other.method == Method::Invite)
        {
            return Err(format!("INVITE {} is not answered yet (RFC 3261 §14.1)", other.cseq));
        }
        let may_offer = matches!(message.method(), Method::Invite | Method::Update | Method::Prack);
        let mut open = self.open(now, name);
        if may_offer
            && message.session_description().is_some()
            && let Some(other) =
                open.find(|other| other.has_offer && !other.answered_by.contains(&name.remote))
        {
            // A PRACK may hold the answer.
            if *message.method() != Method::Prack {
                return Err(format!(
                    "the offer in {} {} is not answered yet (RFC 3264 §4)",
                    other.method, other.cseq
                ));
            }
        }
        Ok(())
    }

    /// RFC 3261 §9.1: for an INVITE that has a provisional answer and no final one, and its twin in all that names it.
    fn sent_cancel(&mut self, now: Timestamp, message: &Message) -> Checked {
        let Some(invite) = self.requests.get_mut(&transaction(message, &Method::Invite)) else {
            return Err("CANCEL of nothing (RFC 3261 §9.1)".into());
        };
        if !invite.is_provisional {
            return Err("CANCEL before a provisional answer (RFC 3261 §9.1)".into());
        }
        if invite.end.is_some() {
            return Err("CANCEL after the final answer (RFC 3261 §9.1)".into());
        }
        invite.cancelled = Some(now);
        let Ok(twin) = Message::parse(invite.octets.clone()) else { return Ok(()) };
        same(
            &twin,
            message,
            &[message::Name::Via, message::Name::To, message::Name::From, message::Name::Route],
        )
    }

    /// RFC 3262 §4: what came, and each once.
    fn sent_prack(&mut self, name: &Name, message: &Message) -> Checked {
        let Ok(Some(rack)) = message.rack() else { return Err("PRACK without RAck (RFC 3262 §7.2)".into()) };
        let invite = self.requests.iter().find(|(_, request)| {
            request.method == Method::Invite
                && request.cseq == rack.cseq
                && request.name.call_id == name.call_id
                && request.name.local == name.local
        });
        let came = invite
            .is_some_and(|(key, _)| self.reliable.contains(&(key.clone(), name.remote.clone(), rack.rseq)));
        if !came {
            return Err(format!("PRACK of what never came (RFC 3262 §4): {rack:?}"));
        }
        // One that is challenged may go again, with credentials.
        let is_again =
            message.authorization().next().is_some() || message.proxy_authorization().next().is_some();
        match self.pracked.insert((name.clone(), rack.cseq, rack.rseq)) || is_again {
            true => Ok(()),
            false => Err(format!("a second PRACK (RFC 3262 §4): {rack:?}")),
        }
    }

    /// Whether a description in a PRACK is an offer: the INVITE had one (RFC 3262 §5).
    fn may_prack_offer(&self, prack: &Message) -> bool {
        let name = Name::of(prack, true);
        let cseq = prack.rack().ok().flatten().map(|rack| rack.cseq);
        self.requests.values().any(|request| {
            request.method == Method::Invite
                && Some(request.cseq) == cseq
                && (request.name == name || request.name == name.begins())
                && request.has_offer
        })
    }

    fn sent_ack(&mut self, key: &str, message: &Message, octets: Bytes) -> Checked {
        if let Some(invite) = self.requests.get_mut(key) {
            // RFC 3261 §17.1.1.3.
            let to = String::from(message.value(message::Name::To).unwrap_or_default());
            if *invite.acknowledged.entry(to).or_insert_with(|| octets.clone()) != octets {
                return Err("another ACK of the same answer (RFC 3261 §17.1.1.2)".into());
            }
            let Ok(twin) = Message::parse(invite.octets.clone()) else { return Ok(()) };
            return same(&twin, message, &[message::Name::Via, message::Name::From, message::Name::Route]);
        }
        let name = Name::of(message, true);
        let known = self.acks.entry((name, message.cseq())).or_default();
        match *known.octets.get_or_insert(octets.clone()) == octets {
            true => Ok(()),
            false => Err("another ACK of the same 2xx (RFC 3261 §13.2.2.4)".into()),
        }
    }

    /// RFC 3261 §13.2.2.4, §17.1.1.2: every final answer to INVITE has been acknowledged.
    pub(super) fn check_quiet(&self) -> Checked {
        for ((name, cseq), ack) in &self.acks {
            let failed = self
                .requests
                .values()
                .any(|request| request.has_failed && request.name.call_id == name.call_id);
            if ack.is_owed && ack.octets.is_none() && !failed {
                return Err(format!("the 2xx to INVITE {cseq} has no ACK: {name:?}"));
            }
        }
        for request in self.requests.values().filter(|request| request.method == Method::Invite) {
            let is_failure = request.end.is_some_and(|status| !status.is_success());
            if request.owes_ack && is_failure && request.acknowledged.is_empty() && !request.has_failed {
                return Err(format!(
                    "{:?} to INVITE {} has no ACK: {:?}",
                    request.end, request.cseq, request.name
                ));
            }
        }
        Ok(())
    }
}

/// Whether one request has the Request-URI, Call-ID and number of another, and the same lines of these names.
fn same(one: &Message, other: &Message, names: &[message::Name]) -> Checked {
    let start = |message: &Message| {
        (message.request_uri().map(String::from), String::from(message.call_id()), message.cseq())
    };
    if start(one) != start(other) {
        return Err(format!("{:?}, not {:?}", start(other), start(one)));
    }
    for name in names {
        let [ours, theirs]: [Vec<&str>; 2] = [one, other].map(|message| message.values(*name).collect());
        if ours != theirs {
            return Err(format!("{}: {theirs:?}, not {ours:?}", name.as_str()));
        }
    }
    Ok(())
}
