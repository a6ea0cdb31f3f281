//! What an endpoint has told of its contexts and dialogs, held against contract 6; and what it sends, held against the grammar.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Promise;
use super::peer::newest;
use crate::dialog::{Subscription, UsageId};
use crate::endpoint::{
    Answer, ClientEvent, DialogEvent, DialogId, Endpoint, Event, Output, Payload, RequestId, ServerEvent,
    ServerId,
};
use crate::message::{Message, Method, StatusCode};

/// The name of a header that hostile text tries to smuggle in.
pub(super) const SMUGGLED: &str = "X-Smuggled";

/// What has been told so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    servers: BTreeMap<ServerId, Server>,
    clients: BTreeMap<RequestId, Client>,
    dialogs: BTreeMap<DialogId, usize>,
    /// The subscriptions that each dialog has had.
    usages: BTreeMap<DialogId, Vec<UsageId>>,
    /// The result that came last.
    result: Option<Arc<Message>>,
    /// The subscriptions whose end was told.
    over: BTreeSet<(DialogId, UsageId)>,
    /// Answers that do not parse, which only answers to broken requests may be.
    pub(super) unreadable: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Server {
    finals: usize,
    failed: usize,
    ended: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Client {
    results: usize,
    ended: usize,
}

type Fault = (Promise, String);

impl Watch {
    /// The application's request has begun.
    pub(super) fn begin(&mut self, request: RequestId) {
        self.clients.entry(request).or_default();
    }

    pub(super) fn servers(&self) -> Vec<ServerId> {
        self.servers.keys().copied().collect()
    }

    pub(super) fn clients(&self) -> Vec<RequestId> {
        self.clients.keys().copied().collect()
    }

    pub(super) fn dialogs(&self) -> Vec<DialogId> {
        self.dialogs.keys().copied().collect()
    }

    /// One of the subscriptions that a dialog has, or has had.
    pub(super) fn usage(
        &mut self,
        endpoint: &mut Endpoint,
        number: u8,
        usage: u8,
    ) -> Option<(DialogId, UsageId)> {
        let dialog = *newest(&self.dialogs(), number)?;
        let known = self.usages.entry(dialog).or_default();
        if let Ok(held) = endpoint.dialog(dialog) {
            for usage in held.subscriptions().unwrap_or_default().iter().map(Subscription::id) {
                if !known.contains(&usage) {
                    known.push(usage);
                }
            }
        }
        Some((dialog, *newest(known, usage)?))
    }

    /// The result of a request of the application's that came last.
    pub(super) fn result(&self) -> Option<&Message> {
        self.result.as_deref()
    }

    /// How many requests of the application's have not ended.
    pub(super) fn live_clients(&self) -> usize {
        self.clients.values().filter(|client| client.ended == 0).count()
    }

    /// Looks at an output.
    pub(super) fn see(&mut self, output: &Output) -> Result<(), Fault> {
        match output {
            Output::Transmit(transmit) => match &transmit.payload {
                Payload::Message(message) => self.see_message(message),
                Payload::Pong => Ok(()),
            },
            Output::Event(event) => self.see_event(event).map_err(|what| (Promise::EverythingEnds, what)),
            Output::Connect(_) | Output::Resolve(_) | Output::Close { .. } => Ok(()),
        }
    }

    fn see_message(&mut self, message: &Message) -> Result<(), Fault> {
        let fault = |what| Err((Promise::WellFormed, what));
        let octets = message.as_bytes();
        let head = octets.get(..octets.len().saturating_sub(message.body().len())).unwrap_or_default();
        let smuggled = head.split(|byte| matches!(byte, b'\r' | b'\n')).any(|line| {
            line.get(..SMUGGLED.len()).is_some_and(|name| name.eq_ignore_ascii_case(SMUGGLED.as_bytes()))
        });
        if smuggled {
            return fault(format!("a line was smuggled into {message:?}"));
        }
        let parsed = Message::parse(octets.to_vec());
        if parsed.as_ref() == Ok(message) {
            return Ok(());
        }
        // What a broken request has in Via, From, To, Call-ID and CSeq, its answer has too.
        let tells = [StatusCode::BAD_REQUEST, StatusCode::VERSION_NOT_SUPPORTED];
        if message.status().is_some_and(|status| tells.contains(&status)) {
            self.unreadable += 1;
            return Ok(());
        }
        fault(format!("{message:?} is parsed as {parsed:?}: {}", show(octets)))
    }

    fn see_event(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Incoming { server, .. } => self.announce(*server),
            Event::Server { server, event } => self.see_server(*server, event),
            Event::Client { request, event } => self.see_client(*request, event),
            Event::Dialog { dialog, event } => self.see_dialog(*dialog, event),
        }
    }

    fn announce(&mut self, server: ServerId) -> Result<(), String> {
        match self.servers.insert(server, Server::default()) {
            None => Ok(()),
            Some(_) => Err(format!("{server:?} was announced twice")),
        }
    }

    fn see_server(&mut self, id: ServerId, event: &ServerEvent) -> Result<(), String> {
        let Some(server) = self.servers.get_mut(&id) else {
            return Err(format!("{id:?} was never announced: {event:?}"));
        };
        if server.ended > 0 {
            return Err(format!("{id:?} has ended before {event:?}"));
        }
        match event {
            ServerEvent::Accepted { .. } | ServerEvent::Rejected(_) => server.finals += 1,
            ServerEvent::Failed(_) => server.failed += 1,
            ServerEvent::Ended { .. } => server.ended += 1,
            ServerEvent::Progress { .. }
            | ServerEvent::Pracked { .. }
            | ServerEvent::Cancelled { .. }
            | ServerEvent::CancelTooLate { .. }
            | ServerEvent::SendFailed(_) => {}
        }
        if server.finals > 1 || server.failed > 1 {
            return Err(format!("{id:?} has {server:?} with {event:?}"));
        }
        if let ServerEvent::Progress { dialog: Some(dialog), .. }
        | ServerEvent::Accepted { dialog: Some(dialog), .. } = event
        {
            self.dialogs.entry(*dialog).or_default();
        }
        Ok(())
    }

    fn see_client(&mut self, id: RequestId, event: &ClientEvent) -> Result<(), String> {
        let Some(client) = self.clients.get_mut(&id) else {
            return Err(format!("{id:?} is no request of the application's: {event:?}"));
        };
        if client.ended > 0 {
            return Err(format!("{id:?} has ended before {event:?}"));
        }
        let named = match event {
            ClientEvent::Accepted { dialog, response } => {
                client.results += 1;
                self.result = Some(response.clone());
                *dialog
            }
            ClientEvent::Failed { response, .. } => {
                client.results += 1;
                self.result = Some(response.clone());
                None
            }
            ClientEvent::Ended { .. } => {
                client.ended += 1;
                None
            }
            ClientEvent::Redirected { .. } => None,
            ClientEvent::NoNotify => None,
            ClientEvent::Progress { dialog, .. } => *dialog,
            ClientEvent::Forked { dialog, .. } => Some(*dialog),
        };
        if client.results > 1 || (client.ended > 0 && client.results == 0) {
            return Err(format!("{id:?} has {} results at {event:?}", client.results));
        }
        if let Some(dialog) = named {
            self.dialogs.entry(dialog).or_default();
        }
        Ok(())
    }

    fn see_dialog(&mut self, id: DialogId, event: &DialogEvent) -> Result<(), String> {
        let destroyed = self.dialogs.entry(id).or_default();
        if *destroyed > 0 {
            return Err(format!("{id:?} was destroyed before {event:?}"));
        }
        if let DialogEvent::Destroy { .. } = event {
            *destroyed += 1;
        }
        if let DialogEvent::SubscriptionEnded { usage, .. } = event
            && !self.over.insert((id, *usage))
        {
            return Err(format!("{usage:?} of {id:?} ended twice"));
        }
        match event.asked().map(|asked| asked.answer) {
            Some(Answer::Ask(server)) => self.announce(server),
            Some(Answer::Auto(_)) | None => Ok(()),
        }
    }

    /// Whether everything that was told of has ended.
    pub(super) fn check_ended(&self) -> Result<(), Fault> {
        let server = self.servers.iter().find(|(_, server)| server.ended != 1);
        let client = self.clients.iter().find(|(_, client)| client.ended != 1 || client.results != 1);
        let dialog = self.dialogs.iter().find(|(_, destroyed)| **destroyed != 1);
        match (server, client, dialog) {
            (None, None, None) => Ok(()),
            left => Err((Promise::EverythingEnds, format!("these were not told the end of: {left:?}"))),
        }
    }
}

/// Octets as text, shortened.
fn show(octets: &[u8]) -> String {
    let text =
        String::from_utf8_lossy(octets.get(..octets.len().min(1_500)).unwrap_or_default()).into_owned();
    format!("{text:?}")
}

/// An output as it is compared: all that is shown of it, and the octets that it sends.
pub(super) fn describe(output: &Output) -> Vec<u8> {
    let mut text = format!("{output:?}").into_bytes();
    if let Output::Transmit(transmit) = output {
        text.extend_from_slice(b"\n");
        text.extend_from_slice(&transmit.payload);
    }
    text
}

/// Whether a datagram may add to a full queue: what ends, acknowledges or answers an existing call.
pub(super) fn is_owed(octets: &[u8]) -> bool {
    match Message::parse(octets.to_vec()) {
        Ok(message) => match message.status() {
            Some(status) => status.is_final(),
            None => matches!(message.method(), Method::Bye | Method::Cancel | Method::Ack | Method::Prack),
        },
        Err(_) => false,
    }
}
