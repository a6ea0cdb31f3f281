//! What the answers to an INVITE of ours make: early dialogs, the call, further forks, and the ACK of every 2xx (RFC 3261 §12.1.2,
//! §13.2.2; RFC 6228).

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::counters::bump;
use super::event::{By, ClientEvent, Why};
use super::flow::Flow;
use super::ids::{DialogId, RequestId, Sender, Token};
use super::output::Payload;
use super::slots::{ClientSlot, EndedDialog, Purpose, Stage};
use super::transports::{Route, Task, Transports, first_hop};
use super::{Endpoint, Event};
use crate::context::{Cause, ClientEffects, Hop, Synthetic};
use crate::dialog::Dialog;
use crate::message::{Body, Header, Message, Method, Name, StatusCode, Uri, is_sips};
use crate::random;
use crate::sdp::Side;

impl<D: Default> Endpoint<D> {
    /// A provisional answer: to an INVITE, with a tag, it makes an early dialog (§12.1.2).
    ///
    /// A reliable one is acknowledged in its dialog, by the application where it brought the offer (RFC 3262 §4, §5).
    pub(super) fn progressed(&mut self, client: RequestId, effects: ClientEffects, response: Arc<Message>) {
        let Some(slot) = self.clients.get(client) else { return };
        let (purpose, within) = (slot.purpose, slot.dialog);
        let is_reliable = effects.contains(ClientEffects::PRACK);
        let is_initial_invite = *response.method() == Method::Invite && within.is_none();
        let dialog = match is_initial_invite {
            true if response.status() == Some(StatusCode::EARLY_DIALOG_TERMINATED) => {
                if let Some(dialog) = self.fork_of(client, &response).filter(|_| is_reliable) {
                    _ = self.send_prack(dialog, &response, None);
                }
                return self.fork_ended(client, response);
            }
            true if response.status() > Some(StatusCode::TRYING) && !self.is_parted(client, &response) => {
                self.fork(client, &response)
            }
            true => None,
            false => within,
        };
        self.targets_told(client, dialog.filter(|_| is_reliable), &response);
        // RFC 6337 §3.1.1: an unreliable one may say what the answer will be.
        if let Some(slot) = within.and_then(|within| self.dialogs.get_mut(within)) {
            _ = slot.dialog.note(Side::Theirs, &response);
        }
        let reliable = dialog.filter(|_| is_reliable);
        // RFC 3262 §5: the PRACK of the one that brought the offer answers it, not that of another.
        let owing = reliable
            .filter(|_| response.session_description().is_some())
            .filter(|dialog| self.dialogs.get(*dialog).is_some_and(|slot| slot.dialog.owes_prack_answer()));
        if let (Some(dialog), None) = (reliable, owing) {
            _ = self.send_prack(dialog, &response, None);
        }
        if purpose == Purpose::App {
            let event = ClientEvent::Progress { response: response.clone(), dialog };
            self.emit(Event::Client { request: client, event });
        }
        if let Some(dialog) = owing {
            self.await_answer(dialog, client, response);
        }
    }

    /// A reliable provisional answer of the peer's moves both targets (RFC 6141 §4.4, §4.7).
    fn targets_told(&mut self, client: RequestId, dialog: Option<DialogId>, response: &Message) {
        let request =
            self.clients.get(client).filter(|slot| slot.dialog.is_some()).and_then(ClientSlot::request);
        let Some(slot) = dialog.and_then(|dialog| self.dialogs.get_mut(dialog)) else { return };
        slot.refresh_target(response);
        if let Some(request) = request {
            slot.take_contact(request);
        }
    }

    /// The dialog of a fork, made if this is the first that is heard of it.
    fn fork(&mut self, client: RequestId, response: &Message) -> Option<DialogId> {
        if let Some(known) = self.fork_of(client, response) {
            if let Some(slot) = self.dialogs.get_mut(known) {
                _ = slot.dialog.note(Side::Theirs, response);
            }
            return Some(known);
        }
        let slot = self.clients.get(client)?;
        let limits = &self.config.limits;
        // Early dialogs do not stand in the way of a 2xx: those are counted where they come in.
        let is_crowded =
            slot.forks.len() >= limits.forks && response.status().is_some_and(StatusCode::is_provisional);
        if is_crowded || self.dialogs.len() >= limits.dialogs {
            bump(&mut self.counters.forks_dropped);
            return None;
        }
        let dialog = Dialog::uac(slot.request()?, response).ok()?;
        let id = self.insert_dialog(dialog);
        if let Some(slot) = self.dialogs.get_mut(id) {
            slot.client = Some(client);
        }
        self.inherit_flow(client, id);
        if let Some(slot) = self.clients.get_mut(client) {
            slot.forks.push(id);
        }
        Some(id)
    }

    /// The fork with the To tag of an answer. Call-ID and From tag are those of our request, whatever the answer says.
    pub(super) fn fork_of(&self, client: RequestId, response: &Message) -> Option<DialogId> {
        let slot = self.clients.get(client)?;
        let request = slot.request()?;
        let (from, to) = (request.from().ok()?, response.to().ok()?);
        let (call_id, tags) = (request.call_id(), [from.tag()?, to.tag().unwrap_or_default()]);
        let [local_tag, remote_tag] = tags.map(str::as_bytes);
        let id = self.dialog_with(call_id.as_bytes(), local_tag, remote_tag)?;
        slot.forks.contains(&id).then_some(id)
    }

    /// 199 ends the early dialog of a fork (RFC 6228 §6).
    fn fork_ended(&mut self, client: RequestId, response: Arc<Message>) {
        let dialog = self.fork_of(client, &response);
        let event = ClientEvent::Progress { response, dialog };
        self.emit(Event::Client { request: client, event });
        if let Some(dialog) = dialog {
            self.forget_fork(client, dialog);
            self.end_dialog(dialog, By::Remote, Why::OtherFork, None, None);
        }
    }

    /// Keeps in mind that a fork's early dialog was ended with a BYE, which its 2xx may cross (RFC 5407 §3.1.3), or come after.
    pub(super) fn note_parted(&mut self, dialog: DialogId) {
        let Some(slot) = self.dialogs.get(dialog) else { return };
        if let Some(client) = slot.client.and_then(|client| self.clients.get_mut(client))
            && client.forks.contains(&dialog)
            && client.parted.len() < self.config.limits.forks
        {
            client.parted.push(Box::from(slot.dialog.sip().remote_tag));
        }
    }

    fn is_parted(&self, client: RequestId, response: &Message) -> bool {
        let tag = response.tag_in_to();
        let parted = self.clients.get(client).map(|slot| slot.parted.as_slice()).unwrap_or_default();
        parted.iter().any(|parted| parted.eq_ignore_ascii_case(tag))
    }

    fn forget_fork(&mut self, client: RequestId, dialog: DialogId) {
        if let Some(slot) = self.clients.get_mut(client) {
            slot.forks.retain(|fork| *fork != dialog);
        }
    }

    /// A 2xx to an INVITE that starts a call: acknowledged in any case; then it is the call, a further fork, or one that
    /// crossed our CANCEL (§9.1, §13.2.2.4).
    pub(super) fn call_answered(
        &mut self,
        client: RequestId,
        effects: ClientEffects,
        response: Arc<Message>,
    ) {
        let is_result = effects.contains(ClientEffects::ACCEPTED);
        let has_crossed = effects.contains(ClientEffects::CROSSED) || self.is_parted(client, &response);
        let is_known = self.fork_of(client, &response).is_some();
        let dialog = self.confirm(client, &response);
        let is_kept = is_result || self.config.policy.keep_forks;
        let waits = dialog
            .filter(|_| is_kept && !has_crossed)
            .filter(|dialog| self.dialogs.get(*dialog).is_some_and(|slot| slot.dialog.owes_answer()));
        if let Some(dialog) = dialog {
            self.session_accepted_so(client, dialog, &response);
        }
        let is_reached = match (dialog, waits) {
            (Some(dialog), None) => self.acknowledge(client, dialog, &response, None),
            (_, Some(dialog)) => self.dialog_route(dialog).is_ok(),
            (None, None) => true,
        };
        let [dialog, waits] = [dialog, waits].map(|dialog| dialog.filter(|_| is_reached));
        match dialog {
            Some(dialog) if has_crossed => {
                self.part_with(client, dialog, is_known, Why::Cancelled);
                if is_result {
                    self.conclude_without_answer(client, Synthetic::Cancelled);
                }
            }
            Some(dialog) if is_result => {
                let slots = self.dialogs.get_mut(dialog).zip(self.clients.get_mut(client));
                if let Some((slot, context)) = slots {
                    slot.take_data(&mut context.data);
                }
                self.forget_fork(client, dialog);
                let event = ClientEvent::Accepted { response: response.clone(), dialog: Some(dialog) };
                self.emit(Event::Client { request: client, event });
            }
            Some(dialog) if self.config.policy.keep_forks => {
                self.forget_fork(client, dialog);
                let event = ClientEvent::Forked { response: response.clone(), dialog };
                self.emit(Event::Client { request: client, event });
            }
            Some(dialog) => self.part_with(client, dialog, is_known, Why::OtherFork),
            None => {
                self.turn_down(client, &response, is_known);
                match (is_result, has_crossed) {
                    (true, true) => self.conclude_without_answer(client, Synthetic::Cancelled),
                    (true, false) => self.conclude(client, response.clone(), Cause::DialogError, false),
                    (false, _) => {}
                }
            }
        }
        match (dialog, waits) {
            (_, Some(dialog)) => self.await_answer(dialog, client, response),
            (Some(dialog), None) => self.pump(dialog),
            (None, None) => {}
        }
    }

    /// A 2xx that no dialog can be kept for: it names no Contact, or one that nothing can be sent to, or there is no room. It is acknowledged, and its
    /// session ended, all the same (§13.2.2.4).
    fn turn_down(&mut self, client: RequestId, response: &Message, is_known: bool) {
        let known = self.fork_of(client, response);
        let usable = known.filter(|known| self.dialog_route(*known).is_ok());
        if let (Some(known), None) = (known, usable) {
            self.part_with(client, known, is_known, Why::Failed(StatusCode::OK));
        }
        let made = if usable.is_none() { self.dialog_anyhow(client, response) } else { None };
        let Some(dialog) = usable.or(made) else { return };
        _ = self.acknowledge(client, dialog, response, None);
        self.part_with(client, dialog, usable.is_some(), Why::Failed(StatusCode::OK));
    }

    /// The dialog of a 2xx, towards our Request-URI if it names no usable Contact, and where nothing can be sent to its routes or its target, by the flow of
    /// the INVITE.
    fn dialog_anyhow(&mut self, client: RequestId, response: &Message) -> Option<DialogId> {
        let slot = self.clients.get(client)?;
        let (request, flow) = (slot.request()?, slot.flow);
        let contact = response.contact().ok().flatten().map(|contact| contact.uri);
        let target = contact.filter(|uri| Uri::parse(uri).is_ok()).or(request.request_uri())?;
        let made = Dialog::uac_towards(request, response, target, true).ok();
        let made = made.filter(|dialog| self.transports.locate_in(dialog).is_ok());
        let is_reached = made.is_some();
        let anyhow = || Dialog::uac_towards(request, response, request.request_uri()?, false).ok();
        let id = self.insert_dialog(made.or_else(anyhow)?);
        if let Some(slot) = self.dialogs.get_mut(id).filter(|_| !is_reached) {
            slot.flow = flow.map(Into::into);
        }
        Some(id)
    }

    /// Ends the session of a 2xx that is not wanted. A dialog that the application has not heard of ends unheard.
    fn part_with(&mut self, client: RequestId, dialog: DialogId, is_known: bool, why: Why) {
        self.forget_fork(client, dialog);
        match is_known {
            true => self.hang_up(dialog, &[], why),
            false => self.hang_up_unheard(dialog),
        }
    }

    /// The dialog that a 2xx makes or confirms.
    fn confirm(&mut self, client: RequestId, response: &Message) -> Option<DialogId> {
        let Some(known) = self.fork_of(client, response) else { return self.fork(client, response) };
        let request = self.clients.get(client)?.request()?.clone();
        let slot = self.dialogs.get_mut(known)?;
        slot.dialog.confirm_uac(&request, response).ok()?;
        slot.forget_hop();
        self.inherit_flow(client, known);
        Some(known)
    }

    /// Where the next hop of a dialog is the name that was looked up for its INVITE, it is not asked for again. Where it is a name that no look-up finds,
    /// the INVITE's connection is the only way (RFC 7118 §B.1).
    fn inherit_flow(&mut self, client: RequestId, dialog: DialogId) {
        let (Some(client), Some(slot)) = (self.clients.get(client), self.dialogs.get(dialog)) else { return };
        let Some(request) = client.request() else { return };
        let hop = first_hop(request);
        let is_secure = request.request_uri().is_some_and(is_sips);
        let asked = hop.and_then(|hop| self.transports.locate(hop, is_secure).ok());
        let next = self.transports.locate_in(&slot.dialog).ok();
        let is_same = matches!(asked, Some(Route::Resolve { .. })) && asked == next;
        let is_only_way =
            |flow: &Flow| flow.transport.is_reliable() && Transports::is_nowhere(slot.dialog.next_hop());
        let flow = client.flow.filter(|flow| is_same || is_only_way(flow));
        if let Some(slot) = self.dialogs.get_mut(dialog) {
            slot.flow = flow.map(Into::into);
        }
    }

    /// Makes the ACK of a 2xx, keeps it for as long as the 2xx may come again, and sends it; whether there is a way for it.
    pub(super) fn acknowledge(
        &mut self,
        client: RequestId,
        dialog: DialogId,
        response: &Message,
        answer: Option<Body>,
    ) -> bool {
        let Ok(route) = self.dialog_route(dialog) else { return false };
        let branch = self.random.token();
        let Some(slot) = self.dialogs.get(dialog) else { return false };
        let Some(ack) = self.write_ack(client, &slot.dialog, response, answer, (&route, branch)) else {
            return false;
        };
        if let Some(slot) = self.dialogs.get_mut(dialog) {
            slot.dialog.note_sent(&ack);
        }
        let task = self.keep_ack(client, response, ack);
        if let (Route::Flow(flow), Some(slot)) = (&route, self.dialogs.get_mut(dialog)) {
            slot.flow = Some((*flow).into());
        }
        self.go_within(dialog, route, task);
        true
    }

    /// Acknowledges the 2xx to a re-INVITE whose dialog has ended meanwhile (§13.2.2.4, RFC 5407 §3.2.3).
    pub(super) fn acknowledge_afterwards(&mut self, client: RequestId, response: &Message) {
        let Some(ended) = self.clients.get_mut(client).and_then(|slot| slot.ended.take()) else { return };
        let EndedDialog { mut dialog, flow } = *ended;
        _ = dialog.note(Side::Theirs, response);
        let known = flow.and_then(|flow| self.transports.route_again(flow));
        let Some(route) = known.or_else(|| self.transports.locate_in(&dialog).ok()) else { return };
        let branch = self.random.token();
        let Some(ack) = self.write_ack(client, &dialog, response, None, (&route, branch)) else { return };
        let task = self.keep_ack(client, response, ack);
        self.go(route, task);
    }

    /// The dialog of a re-INVITE is over: what the ACK of a 2xx to come is written by is kept. One that was not sent yet ends with it.
    pub(super) fn leave_behind(&mut self, client: RequestId, dialog: Dialog, flow: Option<Flow>) {
        let (now, settings) = (self.now, self.config.settings);
        let Some(slot) = self.clients.get_mut(client) else { return };
        match &mut slot.stage {
            Stage::Queued => {}
            Stage::Parked(_) => {
                self.conclude_without_answer(client, Synthetic::Cancelled);
                self.end_client(client);
            }
            Stage::Live(context) if context.is_invite() && !context.has_result() => {
                context.dialog_ended(now, &settings);
                slot.ended = Some(Box::new(EndedDialog { dialog, flow }));
                self.schedule_client(client);
            }
            Stage::Live(_) => {}
        }
    }

    fn write_ack(
        &self,
        client: RequestId,
        dialog: &Dialog,
        response: &Message,
        answer: Option<Body>,
        (route, branch): (&Route, random::Token),
    ) -> Option<Message> {
        let names = self.transports.names(route.transport(), route.towards());
        let hop = Hop { transport: route.transport(), sent_by: &names.sent_by, branch };
        let request = self.clients.get(client).and_then(|slot| slot.request());
        let credentials = request.map(|request| credentials(request)).unwrap_or_default();
        // An offer that nobody wants is answered all the same.
        let answer = answer.or_else(|| dialog.declining().map(Body::sdp));
        dialog.ack(response.cseq(), credentials, answer, &hop).ok()
    }

    /// Keeps an ACK for as long as its 2xx may come again, and says how to send it.
    fn keep_ack(&mut self, client: RequestId, response: &Message, ack: Message) -> Task {
        let tag = response.tag_in_to();
        if let Some(context) = self.clients.get_mut(client).and_then(ClientSlot::context) {
            context.acknowledge(tag, Arc::new(ack));
        }
        Task::Ack(client, tag.into())
    }

    /// Sends the ACK of the 2xx with this To tag, and keeps where.
    pub(super) fn send_ack(&mut self, client: RequestId, tag: &str, flow: Flow) {
        let context = self.clients.get_mut(client).and_then(ClientSlot::context);
        let Some(ack) = context.and_then(|context| context.ack_of(tag).cloned()) else { return };
        let ack = self.fit_via(ack, &flow, &flow);
        let stream = self.stream_for(&ack, &flow);
        let known = self.clients.get_mut(client).map(|slot| &mut slot.ack_flows);
        if let (Some(stream), Some(known)) = (stream, known)
            && !known.iter().any(|(known, _)| known.eq_ignore_ascii_case(tag))
        {
            known.push((tag.into(), flow));
            _ = self.go(stream, Task::Ack(client, tag.into()));
            return;
        }
        let keys = ack.dialog_keys();
        let dialog = self.dialog_with(keys.call_id, keys.from_tag, tag.as_bytes());
        if let Some(slot) = dialog.and_then(|dialog| self.dialogs.get_mut(dialog)) {
            slot.went_by(flow, &ack);
        }
        if let Some(slot) = self.clients.get_mut(client) {
            slot.ack_flows.retain(|(known, _)| !known.eq_ignore_ascii_case(tag));
            slot.ack_flows.push((tag.into(), flow));
            if let Some(context) = slot.context() {
                context.acknowledge(tag, ack.clone());
            }
        }
        self.transmit(flow, Payload::Message(ack), Token(Sender::Nobody));
    }

    /// The same 2xx again gets the same ACK again (§13.2.2.4).
    pub(super) fn send_ack_again(&mut self, client: RequestId, response: &Message) {
        let tag = response.tag_in_to();
        let Some(slot) = self.clients.get_mut(client) else { return };
        let known = slot.ack_flows.iter().find(|(known, _)| known.eq_ignore_ascii_case(tag));
        let flow = known.map(|(_, flow)| *flow);
        let Some(ack) = slot.context().and_then(|context| context.ack_of(tag).cloned()) else { return };
        let Some(flow) = flow else { return self.find_way_again(client, tag, &ack) };
        let bound = self.transports.as_bound(flow);
        if bound != flow {
            return self.send_ack(client, tag, bound);
        }
        let route = match self.transports.is_open(&flow) {
            true => self.stream_for(&ack, &flow),
            false => Some(self.transports.route_after(&ack, flow)),
        };
        match route {
            None => self.transmit(flow, Payload::Message(ack), Token(Sender::Nobody)),
            Some(route) => _ = self.go(route, Task::Ack(client, tag.into())),
        }
    }

    /// The way of an ACK is still looked for, or was not found: then it is looked for once more.
    fn find_way_again(&mut self, client: RequestId, tag: &str, ack: &Message) {
        let keys = ack.dialog_keys();
        let Some(dialog) = self.dialog_with(keys.call_id, keys.from_tag, tag.as_bytes()) else { return };
        let query = self.dialogs.get(dialog).and_then(|slot| slot.rare().query);
        if query.is_some_and(|query| self.transports.queries.contains_key(query)) {
            return;
        }
        if let Ok(route) = self.dialog_route(dialog) {
            self.go_within(dialog, route, Task::Ack(client, tag.into()));
        }
    }

    /// The ACK of the 2xx with this To tag has no flow and will get none, but the one that it was too long for.
    pub(super) fn ack_failed(&mut self, client: RequestId, tag: &str) {
        let known = self.clients.get(client).map(|slot| slot.ack_flows.as_slice()).unwrap_or_default();
        let known = known.iter().find(|(known, _)| known.eq_ignore_ascii_case(tag));
        match known.map(|(_, flow)| *flow).filter(|flow| self.transports.is_open(flow)) {
            Some(flow) => self.send_ack(client, tag, self.transports.as_bound(flow)),
            None => bump(&mut self.counters.answers_lost),
        }
    }

    pub(super) fn end_early_forks(&mut self, client: RequestId, why: Why) {
        let Some(slot) = self.clients.get_mut(client) else { return };
        for dialog in core::mem::take(&mut slot.forks) {
            let by = if why == Why::Cancelled { By::Local } else { By::Remote };
            self.end_dialog(dialog, by, why, None, None);
        }
    }
}

/// The credentials of a request, for the ACK of its 2xx (§22.1).
fn credentials(request: &Message) -> Vec<Header> {
    let of = |name: Name| {
        let values = request.values(name).map(alloc::string::String::from);
        values.map(move |value| Header::new(name.as_str(), value))
    };
    of(Name::Authorization).chain(of(Name::ProxyAuthorization)).collect()
}
