//! From octets to a request or an answer (RFC 3261 §18.1.2, §18.2.1, §18.3).

use alloc::sync::Arc;
use core::net::IpAddr;

use bytes::Bytes;

use super::counters::bump;
use super::flow::Flow;
use super::ids::{RequestId, Sender, Token};
use super::output::Payload;
use super::{Endpoint, Output};
use crate::message::{Datagram, KeepAlive, Message, Method, ParseError, StatusCode, Unit};
use crate::transaction::MatchId;

impl<D: Default> Endpoint<D> {
    /// A datagram, a WebSocket message, or one message of a stream.
    pub(super) fn datagram(&mut self, flow: &Flow, payload: Bytes) {
        if KeepAlive::of(&payload).is_some() {
            // RFC 7118 §6: a ping in a WebSocket message is answered as on any connection.
            if flow.transport.is_reliable() && *payload == *b"\r\n\r\n" {
                return self.pong(*flow);
            }
            bump(&mut self.counters.keep_alives);
            return;
        }
        // It is read where it will stay, since it is large to move.
        let mut message = Arc::new(Message::blank(payload));
        let Some(place) = Arc::get_mut(&mut message) else { return };
        match place.receive(&self.config.limits) {
            Err(_) => bump(&mut self.counters.not_sip),
            Ok(Some(fault)) => self.broken(flow, place, &fault),
            Ok(None) => {
                bump(&mut self.counters.received);
                place.set_source(flow.remote);
                place.note_target();
                match message.is_request() {
                    true => self.inspect(flow, message),
                    false => self.response(flow, message),
                }
            }
        }
    }

    /// Octets of a stream: as many messages and pings as they complete.
    pub(super) fn stream(&mut self, flow: Flow, octets: &[u8]) {
        if !self.transports.open(flow, self.config.limits.flows) {
            self.give_up(flow);
            return;
        }
        if let Some(framer) = self.transports.framer(&flow) {
            framer.push(octets);
        }
        while let Some(framer) = self.transports.framer(&flow) {
            match framer.next(&self.config.limits) {
                Ok(Some(Unit::Message(payload))) => self.datagram(&flow, payload),
                Ok(Some(Unit::Ping)) => self.pong(flow),
                Ok(None) => return,
                Err(_) => return self.give_up(flow),
            }
        }
    }

    /// The octets of a stream cannot be told apart any more.
    pub(super) fn give_up(&mut self, flow: Flow) {
        if self.is_full() {
            // A framer that is lost stays so: what comes next on the connection leads here again.
            bump(&mut self.counters.queue_full);
            return;
        }
        bump(&mut self.counters.streams_lost);
        self.transports.close(&flow);
        self.queue.push_back(Output::Close { flow });
    }

    fn pong(&mut self, flow: Flow) {
        bump(&mut self.counters.keep_alives);
        if self.is_full() {
            bump(&mut self.counters.queue_full);
            return;
        }
        self.transmit(flow, Payload::Pong, Token(Sender::Nobody));
    }

    /// A request that is legible enough gets to hear what is wrong with it; nothing else does (§8.2, §21.4.1, §21.5.6).
    fn broken(&mut self, flow: &Flow, message: &mut Message, fault: &ParseError) {
        if !message.is_answerable(fault) || *message.method() == Method::Ack {
            bump(&mut self.counters.broken_dropped);
            return;
        }
        bump(&mut self.counters.broken_answered);
        message.set_source(flow.remote);
        let status = Datagram::refusal(fault);
        if status != StatusCode::BAD_REQUEST {
            return self.answer_without_state(flow, message, status, status.reason(), &[]);
        }
        let reason = alloc::format!("{fault}");
        self.answer_without_state(flow, message, status, &reason, &[]);
    }

    /// An answer belongs to the request of ours that it matches, or to nobody (RFC 6026 §7.2).
    fn response(&mut self, flow: &Flow, response: Arc<Message>) {
        let client = MatchId::client(&self.key, &response).ok().and_then(|id| self.client_of(id));
        match client {
            Some(client) if self.is_answer_of(client, flow, &response) => self.answered(client, response),
            _ => bump(&mut self.counters.stray_responses),
        }
    }

    /// Whether an answer with the branch of a request has its number too (§8.2.6.2) and no Via but ours (§8.1.3.3), and came back by the transport that the
    /// request went by (§18.2.2).
    fn is_answer_of(&self, client: RequestId, flow: &Flow, response: &Message) -> bool {
        let Some(slot) = self.clients.get(client) else { return false };
        let is_number = slot.request().is_some_and(|request| request.cseq() == response.cseq());
        let is_way_back = slot.flow.is_some_and(|sent| {
            sent.transport == flow.transport
                && (sent.remote.ip().is_multicast() || self.is_source(sent.remote.ip(), flow))
        });
        is_number && is_way_back && response.via().nth(1).is_none()
    }

    /// Whether a message may come from where it came from, if it belongs to what went to, or came from, this address.
    pub(super) fn is_source(&self, known: IpAddr, flow: &Flow) -> bool {
        !self.config.policy.check_source || known.to_canonical() == flow.remote.ip().to_canonical()
    }
}
