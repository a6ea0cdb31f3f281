//! Dialogs: how they begin, what comes and goes within them, how they end (RFC 3261 §12, §13, §15).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use smallvec::SmallVec;

use super::counters::bump;
use super::event::{Asked, By, DialogEvent, Why};
use super::flow::{Flow, KeptFlow};
use super::ids::{DialogId, RequestId, ServerId};
use super::inspect::Refusal;
use super::policy::Handling;
use super::refresh::add_terms;
use super::refusals::check_owed;
use super::slots::{DialogSlot, Held, Purpose, Rare};
use super::transports::{Route, Task};
use super::{Endpoint, Event, Refused};
use crate::context::{Hop, Reply, Verb, carries_contact, check_headers};
use crate::dialog::{
    Dialog, DialogError, DialogState, Impact, InDialog, Role, UsageError, UsageId, UsageKind, Usages,
    Verdict, Within,
};
use crate::message::{Header, Message, Method, Name, StatusCode, supplies};
use crate::sdp::{Change, Meaning, Side};
use crate::transaction::MatchId;

impl<D: Default> Endpoint<D> {
    /// Takes in a dialog that an answer of ours has made.
    pub(super) fn adopt(&mut self, server: ServerId, id: DialogId) {
        let Some(slot) = self.dialogs.get(id) else { return };
        self.index.dialogs.insert_dialog(&slot.dialog, id);
        let is_confirmed = slot.dialog.state() == DialogState::Confirmed;
        let Some(request) = self.servers.get_mut(server) else { return };
        request.dialog = Some(id);
        let is_call = request.context.is_invite();
        if let Some(slot) = self.dialogs.get_mut(id) {
            slot.reached_by(&request.flow.get());
            match is_call {
                true => slot.servers.push(server),
                false => slot.usages = Usages::default(),
            }
        }
        if is_confirmed {
            self.hand_over(server, id);
        }
    }

    pub(super) fn insert_dialog(&mut self, dialog: Dialog) -> DialogId {
        let timers = self.config.session_timers();
        let id = self.dialogs.insert(DialogSlot::new(dialog, timers));
        if let Some(slot) = self.dialogs.get(id) {
            self.index.dialogs.insert_dialog(&slot.dialog, id);
        }
        id
    }

    /// The application's data moves from the context to the dialog.
    fn hand_over(&mut self, server: ServerId, dialog: DialogId) {
        if let Some((slot, context)) = self.dialogs.get_mut(dialog).zip(self.servers.get_mut(server)) {
            slot.take_data(&mut context.data);
        }
    }

    /// A 2xx of ours answers a request in a dialog: it confirms an early dialog, or changes the session and the target. Yields the dialog in which a change
    /// that waits may go, once the answer has gone.
    pub(super) fn session_answered(&mut self, server: ServerId, request: &Message) -> Option<DialogId> {
        let slot = self.servers.get(server)?;
        let (id, is_in_dialog, response) = (slot.dialog?, slot.is_in_dialog, slot.context.response());
        // An answer to another request is about neither.
        if slot.session_method.is_none() && !request.method().refreshes_target() {
            return None;
        }
        let is_told = !matches!(request.method(), Method::Prack) || self.is_session_prack(request);
        let slot = self.dialogs.get_mut(id)?;
        if !is_in_dialog {
            if let Some(response) = response {
                slot.dialog.confirm_uas(response);
            }
            self.hand_over(server, id);
            return None;
        }
        if request.method().refreshes_target() {
            slot.take_target(request);
            if let Some(server) = self.servers.get(server) {
                slot.reached_by(&server.flow.get());
            }
            if let Some(response) = response {
                slot.dialog.refresh_contact(response);
            }
        }
        if let (Some(response), true) = (response, is_told) {
            slot.dialog.note_sent(response);
        }
        Some(id)
    }

    /// The ACK of a 2xx of ours came. A BYE that waited for it goes out now (§15).
    pub(super) fn call_acknowledged(&mut self, server: ServerId, ack: Arc<Message>) {
        let Some(server_slot) = self.servers.get(server) else { return };
        let (Some(id), cseq, is_in_dialog) = (server_slot.dialog, server_slot.cseq, server_slot.is_in_dialog)
        else {
            return;
        };
        let has_newer = self.has_newer_success(id, cseq);
        // RFC 3262 §3: the PRACK of what it was answered before may be late.
        let awaits_prack = server_slot.context.awaits_prack();
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        slot.servers.retain(|other| *other != server || awaits_prack);
        let event = |ack| match is_in_dialog {
            true => DialogEvent::Ack { request: ack },
            false => DialogEvent::Confirmed { ack },
        };
        if has_newer {
            return self.emit(Event::Dialog { dialog: id, event: event(ack) });
        }
        let is_unanswered = slot.dialog.note(Side::Theirs, &ack) == Ok(Meaning::Missing);
        let event = event(ack);
        let deferred = slot.take_deferred();
        self.emit(Event::Dialog { dialog: id, event });
        if is_unanswered {
            return self.hang_up(id, &deferred.unwrap_or_default(), Why::NoAnswer);
        }
        match deferred {
            None => self.pump(id),
            Some(headers) if self.bye_or_end(id, &headers).is_err() => _ = self.bye_or_end(id, &[]),
            Some(_) => {}
        }
    }

    /// Whether we have accepted an INVITE of the dialog that is newer than the one with this number, and await its ACK. An older ACK is
    /// not that one, and brings no answer: its offer and answer were exchanged before (§13.2.2.4, RFC 5407 §3.1.4).
    fn has_newer_success(&self, id: DialogId, cseq: u32) -> bool {
        let servers = self.dialogs.get(id).map(|slot| slot.servers.as_slice()).unwrap_or_default();
        let mut slots = servers.iter().filter_map(|server| self.servers.get(*server));
        slots.any(|slot| slot.cseq > cseq && slot.context.awaits_ack())
    }

    /// The ACK of a 2xx of ours never came: the session ends with a BYE (§13.3.1.4).
    pub(super) fn call_not_acknowledged(&mut self, server: ServerId) {
        let Some(server_slot) = self.servers.get(server) else { return };
        let (Some(id), cseq, is_in_dialog) = (server_slot.dialog, server_slot.cseq, server_slot.is_in_dialog)
        else {
            return;
        };
        let has_newer_success = self.has_newer_success(id, cseq);
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        // RFC 6141 §5.4: a newer re-INVITE has come, and waits for an ACK of its own. One that was refused for the offer in the 2xx of the older leaves that
        // open: no other could ever follow (RFC 3264 §4).
        let goes_on = has_newer_success || !slot.dialog.negotiation().awaits_ack();
        let has_newer = slot.dialog.has_newer_invite(cseq) && goes_on;
        if is_in_dialog && slot.rare().deferred.is_none() && has_newer {
            slot.servers.retain(|other| *other != server);
            return self.pump(id);
        }
        let headers = slot.take_deferred().unwrap_or_default();
        self.hang_up(id, &headers, Why::NoAck);
    }

    /// A request within a dialog (§12.2.2).
    pub(super) fn inspect_in_dialog(
        &mut self,
        flow: &Flow,
        id: MatchId,
        dialog: DialogId,
        request: Arc<Message>,
    ) {
        // The one BYE that ends a call is owed its answer whatever else waits.
        let is_over =
            self.dialogs.get(dialog).is_none_or(|slot| slot.dialog.state() == DialogState::Terminated);
        let is_owed = *request.method() == Method::Bye && !is_over;
        if self.is_full() && !is_owed {
            bump(&mut self.counters.queue_full);
            return;
        }
        if self.servers.len() >= self.config.limits.servers && !is_owed {
            return self.overloaded(flow, &request);
        }
        self.take_in_dialog(flow, id, dialog, request);
    }

    /// A request within a dialog that there is room for.
    pub(super) fn take_in_dialog(
        &mut self,
        flow: &Flow,
        id: MatchId,
        dialog: DialogId,
        request: Arc<Message>,
    ) {
        let is_bye = *request.method() == Method::Bye;
        if *request.method() == Method::Prack {
            return self.inspect_prack(flow, id, Some(dialog), request);
        }
        if let (Method::Refer, Some(slot)) = (request.method(), self.dialogs.get_mut(dialog)) {
            slot.first_refer.get_or_insert(request.cseq());
        }
        let is_known = match *request.method() {
            Method::Notify => self.notify_refusal(dialog, &request).is_none(),
            _ => self.is_known_subscription(Some(dialog), &request),
        };
        let handling = match self.in_dialog_refusal(Some(dialog), &request, is_known) {
            Ok(handling) => handling,
            Err(refusal) => return self.refuse(flow, &request, refusal),
        };
        if let Some(refusal) = self.timer_refusal(Some(dialog), &request) {
            return self.refuse(flow, &request, refusal);
        }
        let change = self.change_asked(dialog, &request);
        // RFC 3261 §8.2.1: what Allow leaves out is refused whatever it would change.
        let is_barred = *request.method() == Method::Update && matches!(handling, Handling::Reject(_));
        let handling = match change {
            Some(Change::Refresh | Change::Hold | Change::Unhold) if !is_barred => self.config.policy.session,
            Some(_) | None => handling,
        };
        if let Some(refusal) = self.order_refusal(dialog, &request) {
            return self.refuse_in_dialog(flow, id, dialog, request, refusal);
        }
        if is_bye {
            let server = self.begin_unscheduled(flow, id, request.clone(), Some(dialog));
            return self.bye_received(server, dialog, request);
        }
        let server = self.begin(flow, id, request.clone(), Some(dialog));
        let Some(slot) = self.dialogs.get_mut(dialog) else { return };
        slot.reached_by(flow);
        if handling == Handling::Ask || *request.method() == Method::Invite || slot.rare().held.is_some() {
            slot.servers.push(server);
        }
        let held = Held { server, handling, change };
        match slot.rare.as_mut().and_then(|rare| rare.held.as_mut()) {
            Some(list) => list.push(held),
            None => self.serve(dialog, held),
        }
        if *request.method() == Method::Notify && is_known {
            self.notified(dialog, &request);
        }
    }

    /// Whether a request within a dialog is out of order, or collides with another INVITE (§12.2.2, §14.2).
    fn order_refusal(&mut self, dialog: DialogId, request: &Message) -> Option<Refusal> {
        let slot = self.dialogs.get_mut(dialog)?;
        let is_bye = *request.method() == Method::Bye;
        // RFC 5057 §4: subscriptions outlive the session.
        let outlasts = UsageKind::of(request.method()) == Some(UsageKind::Subscription) && slot.outlives();
        let verdict = match outlasts {
            true => slot.dialog.receive_of_usage(request),
            false => slot.dialog.receive(request),
        };
        match verdict {
            Verdict::InOrder => {}
            Verdict::OutOfOrder => return Some((StatusCode::INTERNAL_SERVER_ERROR, None)),
            // Our BYE is under way: the peer's is answered all the same.
            Verdict::Terminated if is_bye => return None,
            Verdict::Terminated => return Some((StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST, None)),
        }
        // §14.2, RFC 3311 §5.2.
        let status = slot.dialog.note(Side::Theirs, request).err()?.status();
        let retry_after = (status == StatusCode::INTERNAL_SERVER_ERROR)
            .then(|| (Name::RetryAfter, alloc::format!("{}", self.random.between(0, 10))));
        Some((status, retry_after))
    }

    /// §15.1.2: a BYE is answered 200, and what is still open in its session 487.
    fn bye_received(&mut self, server: ServerId, dialog: DialogId, bye: Arc<Message>) {
        self.answer_alone(server, &bye);
        let Some(slot) = self.dialogs.get_mut(dialog) else { return };
        match slot.dialog.state() {
            DialogState::Terminated => return self.give_up_bye(dialog),
            // What was subscribed to in an early dialog does not outlive it.
            DialogState::Early => slot.usages.end_subscriptions(),
            DialogState::Confirmed => {}
        }
        slot.dialog.terminate();
        // It may have come before the 2xx of its fork.
        self.note_parted(dialog);
        // §13.2.2.4: a 2xx is acknowledged, even if its offer gets no answer any more.
        self.settle_ack(dialog);
        let Some(slot) = self.dialogs.get_mut(dialog) else { return };
        let servers = core::mem::take(&mut slot.servers);
        for open in &servers {
            // Whoever ends the session has seen its 2xx.
            if self.servers.get(*open).is_some_and(|slot| slot.context.awaits_ack()) {
                self.stop_waiting(*open);
            }
        }
        if let Some(slot) = self.dialogs.get_mut(dialog) {
            slot.servers = servers;
        }
        self.end_dialog(dialog, By::Remote, Why::Bye, Some(bye), None);
    }

    fn stop_waiting(&mut self, server: ServerId) {
        if let Some(slot) = self.servers.get_mut(server) {
            _ = slot.context.acknowledged(self.now, &self.config.settings);
        }
        self.schedule_server(server);
    }

    /// Sends a request within a dialog.
    pub(super) fn send_in_dialog(&mut self, id: DialogId, request: &InDialog) -> Result<RequestId, Refused> {
        check_owed(&request.method, &request.headers)?;
        self.check_session(id, &request.method)?;
        match request.method {
            Method::Bye => Err(DialogError::Method.into()),
            Method::Invite | Method::Update => self.wish(id, request.clone(), None),
            Method::Notify => self.notify_worded(id, request),
            _ => self.send_for(id, request, Purpose::App),
        }
    }

    /// Refuses a request about a session that has ended, or never was, in a dialog that goes on for its subscriptions (RFC 5057 §4, §5.5).
    pub(super) fn check_session(&self, id: DialogId, method: &Method) -> Result<(), Refused> {
        let slot = self.dialogs.get(id).ok_or(Refused::Gone)?;
        match UsageKind::of(method) {
            Some(UsageKind::Invite) if !slot.usages.has_invite() => Err(DialogError::Terminated.into()),
            _ => Ok(()),
        }
    }

    pub(super) fn send_for(
        &mut self,
        id: DialogId,
        request: &InDialog,
        purpose: Purpose,
    ) -> Result<RequestId, Refused> {
        self.send_about(id, request, purpose, None)
    }

    /// Sends a request within a dialog that is about this usage of it. It may fail before this is over: then its result is known already.
    pub(super) fn send_about(
        &mut self,
        id: DialogId,
        request: &InDialog,
        purpose: Purpose,
        usage: Option<UsageId>,
    ) -> Result<RequestId, Refused> {
        if purpose == Purpose::App && (self.clients.len() >= self.config.limits.clients || self.is_full()) {
            return Err(Refused::Full);
        }
        if purpose == Purpose::App && !self.has_room_for(id, request) {
            return Err(UsageError::Full.into());
        }
        let (message, route) = self.write_in_dialog(id, request)?;
        let usage = match purpose {
            Purpose::App | Purpose::Refresh if usage.is_none() => self.subscribe_within(id, &message)?,
            _ => usage,
        };
        let client = self.begin_client(Arc::new(message), purpose, Some(id));
        if let Some(slot) = self.clients.get_mut(client) {
            slot.usage = usage;
        }
        self.go_within(id, route, Task::Launch(client));
        Ok(client)
    }

    /// Writes a request within a dialog, and finds its way. If it is refused, nothing has changed.
    pub(super) fn write_in_dialog(
        &mut self,
        id: DialogId,
        request: &InDialog,
    ) -> Result<(Message, Route), Refused> {
        let route = self.dialog_route(id)?;
        let mut random = self.random.clone();
        let branch = random.token();
        let names = self.transports.names(route.transport(), route.towards());
        let hop = Hop { transport: route.transport(), sent_by: &names.sent_by, branch };
        let within = Within {
            allow: &self.described.allow,
            supported: &self.described.supported,
            user_agent: &self.config.user_agent,
        };
        let slot = self.dialogs.get_mut(id).ok_or(Refused::Gone)?;
        let terms = slot.session_terms(&request.method);
        let mut request = Cow::Borrowed(request);
        if let Some(terms) = terms {
            add_terms(&mut request.to_mut().headers, &terms);
        }
        // §12.2.1.1: where we are reached is said again when it changes.
        let is_said = !carries_contact(&request.method) || supplies(&request.headers, Name::Contact);
        let moved = if is_said { None } else { self.transports.contact_since(slot.dialog.local_contact()) };
        if let Some(contact) = moved {
            let contact = Header::new(Name::Contact.as_str(), String::from(contact));
            request.to_mut().headers.push(contact);
        }
        let outlasts = UsageKind::of(&request.method) == Some(UsageKind::Subscription) && slot.outlives();
        let message = match outlasts {
            true => slot.dialog.request_of_usage(&request, &hop, &within)?,
            false => slot.dialog.request(&request, &hop, &within)?,
        };
        self.random = random;
        Ok((message, route))
    }

    /// Ends a dialog at the application's wish, in the way that its state asks for (§15): CANCEL or a rejection while it is early, BYE once
    /// it is up, deferred until the ACK on the side that answered. A second wish changes nothing, but to a BYE that was challenged.
    pub(super) fn destroy(&mut self, id: DialogId, headers: Vec<Header>) -> Result<(), Refused> {
        check_headers(&headers)?;
        let slot = self.dialogs.get(id).ok_or(Refused::Gone)?;
        let role = slot.dialog.role();
        match slot.dialog.state() {
            DialogState::Terminated => self.bye_again(id, &headers),
            DialogState::Confirmed if !slot.usages.has_invite() => self.unsubscribe_all(id, &headers),
            DialogState::Early => match (role, slot.client, slot.servers.first().copied()) {
                (Role::Uac, Some(client), _) => self.cancel_client(client, &headers),
                (_, _, Some(server)) => {
                    let reply = Reply { headers, ..Reply::new() };
                    self.respond(server, Verb::Reject, &reply)
                }
                _ => Err(Refused::Gone),
            },
            DialogState::Confirmed if self.awaits_ack(id) => {
                if let Some(slot) = self.dialogs.get_mut(id) {
                    slot.rare_mut().deferred.get_or_insert(headers);
                }
                Ok(())
            }
            DialogState::Confirmed => self.bye_or_end(id, &headers),
        }
    }

    /// §15: who answered may not send BYE before the ACK.
    pub(super) fn awaits_ack(&self, id: DialogId) -> bool {
        let servers = self.dialogs.get(id).map(|slot| slot.servers.as_slice()).unwrap_or_default();
        servers.iter().any(|server| self.servers.get(*server).is_some_and(|slot| slot.context.awaits_ack()))
    }

    /// Ends a dialog on our own account: the event now, the BYE on its way.
    ///
    /// A callee sends no BYE on an early dialog (§15): there its INVITE's 487 says it.
    pub(super) fn hang_up(&mut self, id: DialogId, headers: &[Header], why: Why) {
        let dialog = self.dialogs.get(id).map(|slot| &slot.dialog);
        let is_early_callee =
            dialog.is_some_and(|dialog| dialog.role() == Role::Uas && dialog.state() == DialogState::Early);
        let has_session = self.dialogs.get(id).is_some_and(|slot| slot.usages.has_invite());
        let bye =
            if is_early_callee || !has_session { None } else { self.bye(id, headers, Purpose::Quiet).ok() };
        let message = bye.and_then(|bye| self.clients.get(bye)?.request().cloned());
        self.note_parted(id);
        self.end_dialog(id, By::Local, why, message, None);
    }

    /// Ends a dialog that the application never heard of.
    pub(super) fn hang_up_unheard(&mut self, id: DialogId) {
        _ = self.bye(id, &[], Purpose::Quiet);
        if let Some(slot) = self.dialogs.remove(id) {
            self.index.dialogs.remove_dialog(&slot.dialog, id);
            self.timers.release(slot.timer);
        }
    }

    /// The one end of every dialog the application knows. What is still open in it is answered 487 (§15.1.2), a SUBSCRIBE 481.
    pub(super) fn end_dialog(
        &mut self,
        id: DialogId,
        by: By,
        why: Why,
        message: Option<Arc<Message>>,
        response: Option<Arc<Message>>,
    ) {
        if self.dialogs.get(id).is_some_and(DialogSlot::outlives) {
            return self.end_session(id, by, why, message);
        }
        self.serve_notifies(id);
        let Some(slot) = self.dialogs.remove(id) else { return };
        self.index.dialogs.remove_dialog(&slot.dialog, id);
        self.timers.release(slot.timer);
        let active = slot.rare.as_ref().and_then(|rare| rare.active);
        if let Some(rare) = slot.rare {
            self.give_up_wishes(active, rare.wishes);
        }
        self.give_up_all_telling(id);
        if let Some(client) = active {
            self.leave_behind(client, slot.dialog, slot.flow.map(|flow| flow.get()));
        }
        for open in slot.servers {
            let Some(open_slot) = self.servers.get(open).filter(|slot| slot.context.is_pending()) else {
                continue;
            };
            // RFC 6665 §4.1.2.2: after another refusal the subscriber would take its subscription to go on.
            let subscribes =
                open_slot.context.request().is_some_and(|request| *request.method() == Method::Subscribe);
            let code = if subscribes { 481 } else { 487 };
            _ = self.respond(open, Verb::Reject, &Reply::code(code));
        }
        let data = slot.data.unwrap_or_default();
        let event = DialogEvent::Destroy { by, why, message, response, data };
        self.emit(Event::Dialog { dialog: id, event });
    }
}

impl<D: Default> Endpoint<D> {
    /// NOTIFYs that are held back when their dialog ends are answered and told of all the same (RFC 6665 §4.1.3).
    fn serve_notifies(&mut self, id: DialogId) {
        let rare = self.dialogs.get_mut(id).and_then(|slot| slot.rare.as_mut());
        for held in rare.and_then(|rare| rare.held.take()).unwrap_or_default() {
            let request = self.servers.get(held.server).and_then(|slot| slot.context.request());
            if request.is_some_and(|request| *request.method() == Method::Notify) {
                self.serve(id, held);
            }
        }
    }

    /// Whether a request of the peer's is about the session of its dialog (RFC 5057 §5.3), or is done with.
    fn is_about_a_session(&self, server: ServerId) -> bool {
        let request = self.servers.get(server).and_then(|slot| slot.context.request());
        request.is_none_or(|request| UsageKind::of(request.method()) == Some(UsageKind::Invite))
    }

    /// Ends the session of a dialog in which subscriptions go on (RFC 5057 §4).
    fn end_session(&mut self, id: DialogId, by: By, why: Why, message: Option<Arc<Message>>) {
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        slot.usages.end(UsageKind::Invite, None, Impact::Usage);
        if let Some(session) = &mut slot.session {
            session.stop();
        }
        let Rare { query, active, wishes, held, .. } = slot.rare.take().map(|rare| *rare).unwrap_or_default();
        let left = active.map(|client| (client, slot.dialog.clone(), slot.flow.as_ref().map(KeptFlow::get)));
        slot.dialog.outlive_session();
        if query.is_some() || held.is_some() {
            *slot.rare_mut() = Rare { query, held, ..Rare::default() };
        }
        let all = core::mem::take(&mut slot.servers);
        let (servers, others): (SmallVec<[ServerId; 1]>, _) =
            all.into_iter().partition(|server| self.is_about_a_session(*server));
        if let Some(slot) = self.dialogs.get_mut(id) {
            slot.servers = others;
        }
        self.give_up_wishes(active, wishes);
        if let Some((client, dialog, flow)) = left {
            self.leave_behind(client, dialog, flow);
        }
        for open in servers {
            if self.servers.get(open).is_some_and(|slot| slot.context.is_pending()) {
                _ = self.respond(open, Verb::Reject, &Reply::code(487));
            }
        }
        self.emit(Event::Dialog { dialog: id, event: DialogEvent::SessionEnded { by, why, message } });
        self.schedule_dialog(id);
    }
}

/// The event of a request within a dialog.
pub(super) fn asked<D>(asked: Asked) -> DialogEvent<D> {
    match asked.request.method() {
        Method::Info => DialogEvent::Info(asked),
        Method::Invite => DialogEvent::Modify(asked),
        Method::Update => DialogEvent::Update(asked),
        Method::Prack => DialogEvent::Prack(asked),
        Method::Notify => DialogEvent::Notify(asked),
        Method::Refer => DialogEvent::Refer(asked),
        Method::Message => DialogEvent::Message(asked),
        Method::Options => DialogEvent::Options(asked),
        Method::Subscribe => DialogEvent::Subscribe(asked),
        Method::Publish => DialogEvent::Publish(asked),
        _ => DialogEvent::Other(asked),
    }
}
