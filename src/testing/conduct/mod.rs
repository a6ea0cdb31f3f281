//! How an endpoint behaves, watched from outside: what it sends and tells, held against what it was sent.
//!
//! Nothing here knows what the endpoint thinks: each rule goes by octets, events and times alone. Inputs and outputs are told in the order in which
//! they were and were caused. Peers and applications are taken to keep the rules themselves.
//!
//! | file | rules |
//! |---|---|
//! | `form` | each message is what the grammar says, with the headers that it owes |
//! | `asked` | what is asked: transactions, numbers, CANCEL, ACK, who may offer when |
//! | `answered` | what is answered: once, with one tag, by the way that the request came |
//! | `dialogs` | what a dialog says of itself on the wire: its end, its BYE |
//! | `told` | the order of events |

mod answered;
mod asked;
mod dialogs;
mod form;
mod told;

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::net::SocketAddr;
use core::time::Duration;

use crate::endpoint::{Flow, Input, Output, Payload};
use crate::limits::Limits;
use crate::message::{Framer, Message, Method, Unit};
use crate::time::Timestamp;

/// 64·T1, after which nothing is repeated any more (RFC 3261 §17.1.1.2).
const TAIL: Duration = Duration::from_secs(32);

type Checked<T = ()> = Result<T, String>;

/// What one endpoint has been sent, has sent and has told.
#[derive(Clone, Debug, Default)]
pub(super) struct Conduct {
    limits: Limits,
    framers: BTreeMap<(u32, SocketAddr), Framer>,
    form: form::Form,
    asked: asked::Asked,
    answered: answered::Answered,
    dialogs: dialogs::Dialogs,
    told: told::Told,
}

/// A dialog on the wire: Call-ID, our tag, the peer's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    call_id: String,
    local: String,
    remote: String,
}

impl Name {
    /// The dialog of a message that has From `ours` if `is_ours`.
    fn of(message: &Message, is_from_us: bool) -> Self {
        let from = tag(message.from().ok().and_then(|from| from.tag()));
        let to = tag(message.to().ok().and_then(|to| to.tag()));
        let (local, remote) = if is_from_us { (from, to) } else { (to, from) };
        Self { call_id: message.call_id().into(), local, remote }
    }

    /// The dialogs of forks begin as this one (RFC 3261 §12.1.2).
    fn begins(&self) -> Self {
        Self { remote: String::new(), ..self.clone() }
    }
}

/// Tags are compared without regard to case (RFC 3261 §7.3.1).
fn tag(tag: Option<&str>) -> String {
    tag.unwrap_or_default().to_ascii_lowercase()
}

/// The transaction that a message belongs to: ACK to its INVITE, CANCEL to itself (RFC 3261 §17.1.3, §17.2.3).
fn transaction(message: &Message, method: &Method) -> String {
    let via = message.top_via().ok();
    let branch = via.and_then(|via| Some((via.branch()?.to_ascii_lowercase(), via.host, via.port)));
    let method = if *method == Method::Ack { &Method::Invite } else { method };
    alloc::format!("{branch:?} {method}")
}

impl Conduct {
    /// Nothing yet, with the limits of the endpoint.
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Something goes in.
    pub(super) fn input(&mut self, now: Timestamp, input: &Input) {
        match input {
            Input::Datagram { flow, payload } | Input::Message { flow, payload } => {
                self.heard(now, *flow, payload);
            }
            Input::Stream { flow, payload } => {
                let framer = self.framers.entry((flow.conn, flow.remote)).or_default();
                framer.push(payload);
                let mut whole = alloc::vec::Vec::new();
                while let Ok(Some(unit)) = framer.next(&self.limits) {
                    if let Unit::Message(octets) = unit {
                        whole.push(octets);
                    }
                }
                for octets in whole {
                    self.heard(now, *flow, &octets);
                }
            }
            Input::Closed { flow } => {
                self.framers.remove(&(flow.conn, flow.remote));
                self.asked.closed(*flow);
                self.answered.closed(*flow);
            }
            Input::SendFailed { token } => self.asked.failed(*token),
            Input::Connected { .. } | Input::Resolved { .. } | Input::Bound(_) => {}
        }
    }

    fn heard(&mut self, now: Timestamp, flow: Flow, octets: &[u8]) {
        let Ok(message) = Message::parse(octets.to_vec()) else { return };
        let head = octets.len().saturating_sub(message.body().len());
        let Limits { head: most, headers, body, .. } = self.limits;
        if head > most || message.lines().count() > headers || message.body().len() > body {
            return;
        }
        self.form.heard(&message);
        match message.is_request() {
            true => {
                let is_over = self.dialogs.is_over(&message);
                self.answered.heard(now, flow, &message, is_over);
                self.dialogs.heard_request(&message);
            }
            false => {
                self.asked.heard(now, &message);
                self.dialogs.heard_answer(&message);
            }
        }
    }

    /// Something comes out.
    ///
    /// # Errors
    /// The rule that is broken.
    pub(super) fn output<D>(&mut self, now: Timestamp, output: &Output<D>) -> Checked {
        let transmit = match output {
            Output::Event(event) => {
                self.told.see(event)?;
                if let Some(over) = self.dialogs.see(event) {
                    self.asked.over(&over);
                }
                return Ok(());
            }
            Output::Transmit(transmit) => transmit,
            Output::Close { flow } => {
                self.framers.remove(&(flow.conn, flow.remote));
                self.answered.closed(*flow);
                return Ok(());
            }
            Output::Connect(_) | Output::Resolve(_) => return Ok(()),
        };
        let Payload::Message(message) = &transmit.payload else { return Ok(()) };
        let broken =
            |fault: String| alloc::format!("{fault}\n{}", String::from_utf8_lossy(message.as_bytes()));
        let checked = self.form.check(message).and_then(|()| match message.is_request() {
            true => {
                let is_new = self.asked.sent(now, transmit, message)?;
                if !is_new {
                    return Ok(());
                }
                self.answered.check_ours(now, message)?;
                self.dialogs.sent_request(now, message, transmit.flow.transport.is_reliable())
            }
            false => {
                let begins = self.answered.sent(now, transmit, message)?;
                self.dialogs.answered(now, message, begins);
                Ok(())
            }
        });
        checked.map_err(broken)
    }

    /// It is quiet, and nobody was cut off: what is owed has been done.
    ///
    /// # Errors
    /// What has not.
    pub(super) fn check_quiet(&self) -> Checked {
        self.asked.check_quiet()?;
        self.answered.check_quiet()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Bound, Config, Endpoint, Token, Transmit};
    use crate::message::Transport;
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    const INVITE: &str = "INVITE sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
        From: <sip:alice@192.0.2.1>;tag=1\r\nTo: <sip:bob@192.0.2.4>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
        Contact: <sip:alice@192.0.2.1>\r\nContent-Length: 0\r\n\r\n";

    fn answer(code: u16, tag: &str) -> Message {
        let status = crate::message::StatusCode::new(code).unwrap();
        let mut answer = Message::parse(INVITE).unwrap().answer(status, status.reason(), tag);
        answer.header(crate::message::Name::Contact, "<sip:bob@192.0.2.4>").finish().unwrap()
    }

    /// That of any answer.
    fn some_token(flow: Flow) -> Token {
        let mut sip: Endpoint = Endpoint::new(Config::new("sip:bob@192.0.2.4").unwrap(), [1; 32]);
        let bound = Bound { transport: Transport::Udp, local: flow.local, advertised: None };
        sip.handle_input(Timestamp::ZERO, Input::Bound(bound));
        let payload = INVITE.replace("INVITE", "OPTIONS").into();
        sip.handle_input(Timestamp::ZERO, Input::Datagram { flow, payload });
        let Some(Output::Transmit(transmit)) = sip.poll_output() else { panic!("an answer to OPTIONS") };
        transmit.token
    }

    /// What is said of these answers to an INVITE: nothing, or of the last.
    fn judged(answers: impl IntoIterator<Item = Message>) -> Checked {
        let flow = Flow::udp("192.0.2.4:5060".parse().unwrap(), "192.0.2.1:5060".parse().unwrap());
        let mut conduct = Conduct::new(Limits::DEFAULT);
        conduct.input(Timestamp::ZERO, &Input::Datagram { flow, payload: INVITE.into() });
        let token = some_token(flow);
        let answers: Vec<_> = answers.into_iter().collect();
        let count = answers.len();
        for (number, answer) in answers.into_iter().enumerate() {
            let transmit = Transmit { flow, payload: Payload::Message(Arc::new(answer)), token };
            let said = conduct.output::<()>(Timestamp::from_millis(1), &Output::Transmit(transmit));
            if number + 1 == count {
                return said;
            }
            said?;
        }
        Ok(())
    }

    #[test]
    fn misconduct_is_told() {
        let ok = || answer(200, "t");
        assert_eq!(judged([answer(180, "t"), ok(), ok()]), Ok(()));
        // RFC 3261 §8.2.6.2, §17.2: one tag, one final answer, nothing provisional behind it.
        for last in [answer(200, "u"), answer(486, "t"), answer(180, "t")] {
            assert!(judged([ok(), last.clone()]).is_err(), "{last:?}");
        }
        // RFC 3261 §8.2.6.2: Via, From, Call-ID and CSeq are the request's.
        for (said, instead) in [("z9hG4bK1", "z9hG4bK2"), ("tag=1", "tag=2"), ("Call-ID: c", "Call-ID: d")] {
            let text = String::from_utf8(ok().as_bytes().to_vec()).unwrap().replace(said, instead);
            assert!(judged([Message::parse(text).unwrap()]).is_err(), "{instead}");
        }
    }
}
