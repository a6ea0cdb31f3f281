//! What an endpoint answers: RFC 3261 §8.2.6, §17.2, §18.2.2; RFC 3262 §3.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Checked, Name, TAIL, tag, transaction};
use crate::endpoint::{Flow, Transmit};
use crate::message::{self, Message, Method, StatusCode, Via};
use crate::time::Timestamp;

#[derive(Clone, Debug, Default)]
pub(super) struct Answered {
    requests: BTreeMap<String, Request>,
    closed: Vec<Flow>,
}

/// A request that came, and how it was answered.
#[derive(Clone, Debug)]
struct Request {
    octets: Bytes,
    message: Message,
    name: Name,
    at: Timestamp,
    flows: Vec<Flow>,
    /// Whether others came with the same branch.
    is_muddled: bool,
    /// Whether its dialog was over when it came.
    is_late: bool,
    /// Whether it was answered without a transaction.
    is_forgotten: bool,
    tag: Option<String>,
    end: Option<(Timestamp, Bytes)>,
    /// The last reliable provisional answer, and whether its PRACK came.
    reliable: Option<(u32, Bytes, bool)>,
    /// Whether an offer of ours in an answer waits for its answer.
    offers: bool,
}

impl Answered {
    pub(super) fn closed(&mut self, flow: Flow) {
        self.closed.push(flow);
    }

    pub(super) fn heard(&mut self, now: Timestamp, flow: Flow, message: &Message, is_late: bool) {
        let name = Name::of(message, false);
        match message.method() {
            Method::Ack => {
                for request in self
                    .requests
                    .values_mut()
                    .filter(|request| request.name == name || request.tag.as_ref() == Some(&name.local))
                {
                    request.offers = false;
                }
                return;
            }
            Method::Prack => {
                if let Ok(Some(rack)) = message.rack() {
                    for request in self.requests.values_mut() {
                        let is_its = request.message.cseq() == rack.cseq
                            && request.name.call_id == name.call_id
                            && request.name.remote == name.remote;
                        if let Some((rseq, _, is_pracked)) = request.reliable.as_mut().filter(|_| is_its) {
                            *is_pracked |= *rseq == rack.rseq;
                        }
                    }
                }
            }
            _ => {}
        }
        let key = transaction(message, message.method());
        let octets = Bytes::copy_from_slice(message.as_bytes());
        if let Some(known) = self.requests.get_mut(&key) {
            known.flows.push(flow);
            known.is_muddled |= known.octets != octets || known.flows.iter().any(|known| *known != flow);
            // One that nobody has answered may have been given up.
            known.is_muddled |= known.end.is_none() && now >= known.at + TAIL;
            let is_stream = known.flows.iter().all(|flow| flow.transport.is_reliable());
            let is_over = |(at, _): &(Timestamp, Bytes)| is_stream || now >= *at + TAIL;
            if known.end.as_ref().is_none_or(|end| !is_over(end)) {
                return;
            }
        }
        let was_muddled = self.requests.get(&key).is_some_and(|known| known.is_muddled);
        let is_muddled = was_muddled || message.validate().is_err();
        let request = Request {
            octets,
            message: message.clone(),
            name,
            at: now,
            flows: [flow].into(),
            is_muddled,
            is_late,
            is_forgotten: false,
            tag: None,
            end: None,
            reliable: None,
            offers: false,
        };
        self.requests.insert(key, request);
    }

    /// An answer goes out; yields whether what it answers came outside dialogs.
    pub(super) fn sent(&mut self, now: Timestamp, transmit: &Transmit, message: &Message) -> Checked<bool> {
        let Some(status) = message.status() else { return Ok(false) };
        let key = transaction(message, message.method());
        let Some(request) = self.requests.get_mut(&key) else {
            // What cannot be parsed is answered too.
            return match status.is_failure() {
                true => Ok(false),
                false => Err("an answer to nothing".into()),
            };
        };
        if request.is_muddled {
            return Ok(false);
        }
        if *message.method() == Method::Ack {
            return Err("an answer to ACK (RFC 3261 §17.2.1)".into());
        }
        // What cannot be read is answered with what can be made of it.
        let is_told = status == StatusCode::BAD_REQUEST || status == StatusCode::VERSION_NOT_SUPPORTED;
        if is_told {
            request.is_forgotten = true;
            return Ok(false);
        }
        request.check_copies(message)?;
        if !self.closed.iter().any(|flow| request.flows.contains(flow)) {
            request.check_way(transmit)?;
        }
        // RFC 3261 §8.2.7: what there is no room for, or what is not known, is answered and forgotten.
        if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST
        {
            request.is_forgotten = true;
            return Ok(false);
        }
        let octets = Bytes::copy_from_slice(message.as_bytes());
        if status != StatusCode::TRYING {
            let to = tag(message.to().ok().and_then(|to| to.tag()));
            let known = request.tag.get_or_insert(to.clone());
            if *known != to {
                return Err(format!("To tag {to}, and {known} before (RFC 3261 §8.2.6.2)"));
            }
        }
        if let Some((_, end)) = &request.end {
            // RFC 3261 §8.2.7: what is refused without a transaction may be answered otherwise the next time.
            let first = Message::parse(end.clone()).ok().and_then(|end| end.status());
            let may_follow = status.is_failure() || *message.method() != Method::Invite;
            let may_differ = first.is_some_and(StatusCode::is_failure) && may_follow;
            return match *end == octets || may_differ {
                true => Ok(false),
                false => Err(format!(
                    "another answer after the final one (RFC 3261 §17.2): {}",
                    String::from_utf8_lossy(end)
                )),
            };
        }
        if let Ok(Some(rseq)) = message.rseq() {
            request.check_reliable(rseq, &octets)?;
        }
        let has_sdp = message.session_description().is_some();
        if status.is_final() {
            if request.is_late && ![400, 500, 505, 513].contains(&status.code()) {
                return Err(format!("{status} in a dialog that is over (RFC 3261 §12.2.2)"));
            }
            request.end = Some((now, octets));
        }
        let is_invite = *message.method() == Method::Invite;
        if is_invite && status.is_success() && has_sdp && request.message.session_description().is_none() {
            request.offers = request.reliable.is_none();
        }
        Ok(request.name.local.is_empty())
    }

    /// Whether a request of ours may go while the peer's are not answered: RFC 3261 §14.1, RFC 3264 §4.
    pub(super) fn check_ours(&self, now: Timestamp, message: &Message) -> Checked {
        let name = Name::of(message, true);
        if name.remote.is_empty() {
            return Ok(());
        }
        let mut open = self.requests.values().filter(|request| {
            !self.closed.iter().any(|flow| request.flows.contains(flow))
                && request.name == name
                && request.end.is_none()
                && !request.is_muddled
                && !request.is_forgotten
        });
        let offers = message.session_description().is_some();
        match message.method() {
            Method::Invite => match open.find(|request| *request.message.method() == Method::Invite) {
                None => Ok(()),
                Some(_) => Err("the peer's INVITE is not answered yet (RFC 3261 §14.1)".into()),
            },
            Method::Update if offers => {
                let offered = |request: &&Request| {
                    // An UPDATE that nobody answers is given up.
                    let is_waiting = match request.message.method() {
                        Method::Invite => true,
                        Method::Update => now < request.at + TAIL,
                        _ => false,
                    };
                    is_waiting
                        && request.message.session_description().is_some()
                        && request.reliable.is_none()
                };
                match open.find(offered) {
                    None => Ok(()),
                    Some(_) => Err("the peer's offer is not answered yet (RFC 3264 §4)".into()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Every request has had its answer that no application can owe it.
    pub(super) fn check_quiet(&self) -> Checked {
        let open = self.requests.values().find(|request| {
            matches!(request.message.method(), Method::Invite | Method::Bye | Method::Cancel)
                && request.end.is_none()
                && !(request.is_muddled || request.is_forgotten)
                && !self.closed.iter().any(|flow| request.flows.contains(flow))
        });
        match open {
            None => Ok(()),
            Some(request) => Err(format!("never answered: {}", String::from_utf8_lossy(&request.octets))),
        }
    }
}

impl Request {
    /// RFC 3261 §8.2.6.2: Via, From, Call-ID and CSeq are the request's, and To but for its tag.
    fn check_copies(&self, answer: &Message) -> Checked {
        let (asked, answered) = (&self.message, answer);
        for name in [message::Name::From, message::Name::CallId, message::Name::CSeq] {
            if asked.value(name) != answered.value(name) {
                let values = (answered.value(name), asked.value(name));
                return Err(format!("{}: {values:?} (RFC 3261 §8.2.6.2)", name.as_str()));
            }
        }
        let to = [asked, answered].map(|message| message.value(message::Name::To).unwrap_or_default());
        let has_tag = asked.to().is_ok_and(|to| to.tag().is_some());
        if if has_tag { to[0] != to[1] } else { !to[1].starts_with(to[0]) } {
            return Err(format!("To: {to:?} (RFC 3261 §8.2.6.2)"));
        }
        let vias = [asked, answered].map(|message| {
            let all = message.via().map(|via| via.map(|via| bare(&via)));
            all.collect::<Result<Vec<_>, _>>().unwrap_or_default()
        });
        match vias[0] == vias[1] {
            true => Ok(()),
            false => Err(format!("Via: {vias:?} (RFC 3261 §8.2.6.2)")),
        }
    }

    /// RFC 3261 §18.2.2, RFC 3581 §4: by the way that the request came.
    fn check_way(&self, transmit: &Transmit) -> Checked {
        let Ok(via) = self.message.top_via() else { return Ok(()) };
        let fits = |flow: &Flow| match flow.transport.is_reliable() {
            true => *flow == transmit.flow,
            false => flow.remote == transmit.flow.remote,
        };
        if via.maddr().is_some() || !via.wants_rport() || self.flows.iter().any(fits) {
            return Ok(());
        }
        Err(format!("sent by {:?}, the request came by {:?}", transmit.flow, self.flows))
    }

    /// RFC 3262 §3: numbers rise by one, the next waits for the PRACK of the last, and what is repeated is the same.
    fn check_reliable(&mut self, rseq: u32, octets: &Bytes) -> Checked {
        match &self.reliable {
            Some((last, known, _)) if *last == rseq => match known == octets {
                true => return Ok(()),
                false => return Err(format!("another answer with RSeq {rseq} (RFC 3262 §3)")),
            },
            Some((last, _, is_pracked)) if last.wrapping_add(1) != rseq || !is_pracked => {
                return Err(format!(
                    "RSeq {rseq} after {last}, whose PRACK came: {is_pracked} (RFC 3262 §3)"
                ));
            }
            _ => {}
        }
        self.reliable = Some((rseq, octets.clone(), false));
        Ok(())
    }
}

/// A Via without what the recipient adds.
fn bare(via: &Via<'_>) -> String {
    let params = via.params.iter().filter(|param| {
        !param.name.eq_ignore_ascii_case("received") && !param.name.eq_ignore_ascii_case("rport")
    });
    let params: Vec<_> = params.map(|param| (param.name, param.value)).collect();
    format!("{} {:?} {:?} {params:?}", via.transport, via.host, via.port)
}
