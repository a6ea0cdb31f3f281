//! Contexts of received requests: from a request to the application, from its answer to the wire (RFC 3261 §8.2, §9.2, §13.3).

use alloc::borrow::Cow;
use alloc::sync::Arc;
use core::num::NonZeroU64;

use bytes::Bytes;
use smallvec::SmallVec;

use super::counters::bump;
use super::event::{ServerEvent, Why};
use super::flow::Flow;
use super::ids::{DialogId, Owner, ServerId};
use super::inspect::Accepted;
use super::policy::Handling;
use super::send::turn_back;
use super::slots::{DialogSlot, ServerSlot, SessionMethod};
use super::timers::Handle;
use super::{By, Endpoint, Event, Refused, asks_for_sips, defaults};
use crate::context::{
    Cause, Permission, Reply, Report, ServerContext, ServerEffects, Verb, answers_with_contact, rack,
};
use crate::dialog::{Dialog, DialogError, makes_subscription};
use crate::message::{Address, Body, Message, Method, StatusCode};
use crate::random;
use crate::sdp::{Refusal, Side};
use crate::transaction::{MatchId, State};

/// What most steps of a context lead to.
const USUAL: ServerEffects = ServerEffects::SEND
    .union(ServerEffects::PROGRESS)
    .union(ServerEffects::ACCEPTED)
    .union(ServerEffects::CANCELLED)
    .union(ServerEffects::PRACKED)
    .union(ServerEffects::HELD)
    .union(ServerEffects::END);

impl<D: Default> Endpoint<D> {
    /// Begins the context of a new request outside dialogs.
    pub(super) fn begin_initial(
        &mut self,
        flow: &Flow,
        id: MatchId,
        request: Arc<Message>,
        accepted: Accepted,
    ) {
        let tag = self.random.token();
        let server = self.begin_as(flow, id, request.clone(), None, (tag, accepted.is_secure));
        if let Some(slot) = self.servers.get_mut(server) {
            slot.merged = NonZeroU64::new(accepted.merged.half());
            self.index.merged.insert(accepted.merged, server);
        }
        match accepted.handling {
            Handling::Auto => self.answer_alone(server, &request),
            Handling::Reject(status) => {
                self.answer_at_once(server, Verb::Reject, &Reply::code(status.code()));
            }
            Handling::Ask => {
                self.announce(server);
                self.schedule_server(server);
                self.emit(Event::Incoming { server, request });
            }
        }
    }

    /// Begins a context. It is quiet until it is announced.
    pub(super) fn begin(
        &mut self,
        flow: &Flow,
        id: MatchId,
        request: Arc<Message>,
        dialog: Option<DialogId>,
    ) -> ServerId {
        let server = self.begin_unscheduled(flow, id, request, dialog);
        self.schedule_server(server);
        server
    }

    /// Begins a context that is [answered alone](Self::answer_alone) at once.
    pub(super) fn begin_unscheduled(
        &mut self,
        flow: &Flow,
        id: MatchId,
        request: Arc<Message>,
        dialog: Option<DialogId>,
    ) -> ServerId {
        let tag = self.random.token();
        let is_secure = asks_for_sips(&request);
        self.begin_as(flow, id, request, dialog, (tag, is_secure))
    }

    /// Begins a context with this tag of its answers; whether we are to be reached by a SIPS URI is known. It has no timer yet.
    fn begin_as(
        &mut self,
        flow: &Flow,
        id: MatchId,
        request: Arc<Message>,
        dialog: Option<DialogId>,
        (tag, is_secure): (random::Token, bool),
    ) -> ServerId {
        let mut flow = *flow;
        let return_port = turn_back(&mut flow, &request, self.config.policy.honour_maddr);
        let (method, cseq) = (SessionMethod::of(request.method()), request.cseq());
        let reliable = flow.transport.is_reliable();
        let context = ServerContext::new(self.now, request, reliable, tag, &self.config.settings);
        let server = self.servers.insert(ServerSlot {
            context,
            flow: flow.into(),
            return_port,
            id,
            merged: None,
            session_method: method,
            cseq,
            dialog,
            is_in_dialog: dialog.is_some(),
            is_secure,
            is_announced: false,
            is_waiting: false,
            data: None,
            timer: Handle::NONE,
        });
        self.index.servers.insert(id, server);
        server
    }

    /// From here on the application knows of the context.
    pub(super) fn announce(&mut self, server: ServerId) {
        if let Some(slot) = self.servers.get_mut(server) {
            slot.is_announced = true;
            slot.data = Some(D::default());
        }
    }

    /// The documented automatic answer: 200, with what we are capable of for OPTIONS (§11.2); nobody follows a REFER, and its one NOTIFY says so
    /// (RFC 3515 §2.4.5).
    pub(super) fn answer_alone(&mut self, server: ServerId, request: &Message) {
        let mut reply = Reply::new();
        if *request.method() == Method::Refer {
            reply = reply.denied();
        }
        if *request.method() == Method::Options {
            // An empty Supported says that there are no extensions (§20.37).
            reply = reply.header("Accept", self.described.accept.clone());
            reply = reply.header("Accept-Encoding", self.described.accept_encoding.clone());
            reply = reply.header("Accept-Language", self.described.accept_language.clone());
            reply = reply.header("Supported", self.described.supported.clone());
        }
        self.answer_at_once(server, Verb::Accept, &reply);
    }

    /// Gives the answer with which a context begins. Where it cannot be given, the context waits for its end.
    fn answer_at_once(&mut self, server: ServerId, verb: Verb, reply: &Reply) {
        if self.respond(server, verb, reply).is_err() {
            bump(&mut self.counters.answers_lost);
            self.schedule_server(server);
        }
    }

    pub(super) fn retransmitted(&mut self, server: ServerId) {
        bump(&mut self.counters.retransmissions);
        if self.is_full() {
            bump(&mut self.counters.queue_full);
            return;
        }
        let Some(slot) = self.servers.get_mut(server) else { return };
        let effects = slot.context.retransmitted(self.now, &self.config.settings);
        self.carry_out_server(server, effects, None);
    }

    pub(super) fn acknowledged(&mut self, server: ServerId, ack: Arc<Message>) {
        let Some(slot) = self.servers.get_mut(server) else { return };
        let effects = slot.context.acknowledged(self.now, &self.config.settings);
        let dialog = slot.dialog.filter(|_| slot.is_in_dialog && slot.context.state() == State::Confirmed);
        self.carry_out_server(server, effects, Some(ack));
        if let Some(dialog) = dialog {
            self.pump(dialog);
        }
    }

    /// A CANCEL (§9.2): 200 if there is what it cancels, with the tag of that one's answers; else 481.
    pub(super) fn cancel(&mut self, flow: &Flow, id: MatchId, cancel: Arc<Message>) {
        let found = self.cancelled_by(&cancel).filter(|(_, slot)| self.is_hop_of(slot, flow));
        let Some((invite, slot)) = found else {
            return self.refuse(flow, &cancel, (StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST, None));
        };
        let tag = *slot.context.tag();
        match self.servers.len() >= self.config.limits.strangers() {
            // What comes again is answered the same (§8.2.7).
            true => self.answer_as(flow, &cancel, (StatusCode::OK, StatusCode::OK.reason()), &[], &tag),
            false => {
                let server = self.begin_as(flow, id, cancel.clone(), None, (tag, false));
                self.schedule_server(server);
                _ = self.respond(server, Verb::Accept, &Reply::new());
            }
        }

        let Some(slot) = self.servers.get_mut(invite) else { return };
        let defaults = defaults(&self.config, &self.described, slot.contact(&self.transports));
        let effects = slot.context.cancel(self.now, &defaults, &self.config.settings);
        self.carry_out_server(invite, effects, Some(cancel));
    }

    /// Whether a CANCEL that came by `flow` came from where the request came from, if the policy asks (§22.1).
    fn is_hop_of(&self, slot: &ServerSlot<D>, flow: &Flow) -> bool {
        let known = slot.flow.get();
        let source = slot.context.request().and_then(|request| request.source()).unwrap_or(known.remote);
        let is_transport = !self.config.policy.check_source || known.transport == flow.transport;
        is_transport && self.is_source(source.ip(), flow)
    }

    /// The context that a CANCEL is meant for. It may be one of another method than INVITE, which a CANCEL does not touch (§9.2).
    fn cancelled_by(&self, cancel: &Message) -> Option<(ServerId, &ServerSlot<D>)> {
        let policy = &self.config.policy;
        let served = policy.initial.iter().chain(&policy.in_dialog).map(|(method, _)| method);
        // Those that are served by no entry of a table, too: BYE, NOTIFY (RFC 6665 §4.6).
        let mut methods = [Method::Invite].iter().chain(served).chain(&Method::KNOWN);
        let mut tried: SmallVec<[&Method; 24]> = SmallVec::new();
        methods.find_map(|method| {
            if tried.contains(&method) {
                return None;
            }
            tried.push(method);
            let id = MatchId::server(&self.key, cancel, method).ok()?;
            let server = self.server_of(id)?;
            Some((server, self.servers.get(server)?))
        })
    }

    /// Gives an answer. If it is refused, nothing has changed.
    pub(super) fn respond(&mut self, server: ServerId, verb: Verb, reply: &Reply) -> Result<(), Refused> {
        let slot = self.servers.get(server).ok_or(Refused::Gone)?;
        let (said, permission) = (reply.body.as_ref(), reply.permission);
        let mut status = verb.status(reply)?;
        let fitted = match status {
            status if status.is_success() => self.fitted(slot, reply),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => self.with_acceptable(slot, reply),
            _ => None,
        };
        let reply = fitted.as_ref().unwrap_or(reply);
        if fitted.is_some() {
            status = verb.status(reply)?;
        }
        if status.is_success() && self.comes_too_late(slot) {
            return Err(DialogError::Terminated.into());
        }
        let contact = self.contact_in_answer(slot, status);
        let (now, settings) = (self.now, &self.config.settings);
        let defaults = defaults(&self.config, &self.described, &contact);
        let draft = slot.context.draft(now, status, reply, &defaults, settings)?;
        if status.is_failure() {
            Self::check_refusal(slot, draft.sent())?;
        }
        // §13.2.1: once offer and answer are exchanged, another description would be another offer.
        let is_description = slot.context.is_invite() && !status.is_failure();
        if let (Some(body), true) = (said, is_description)
            && let Some(within) = slot.dialog.and_then(|id| self.dialogs.get(id))
            && !within.dialog.may_describe(body, &reply.headers)
        {
            return Err(DialogError::Session(Refusal::SdpMisplaced).into());
        }
        let has_dialog = slot.dialog.is_some();
        match fitted.as_ref().and(slot.dialog).filter(|_| status.is_success()) {
            Some(dialog) => self.check_room(dialog, server, draft.sent())?,
            None if !has_dialog => _ = self.make_dialog(server, draft.sent())?,
            None => {}
        }
        let Some(slot) = self.servers.get_mut(server) else { return Err(Refused::Gone) };
        let (effects, request) = slot.context.give_draft(now, draft, &self.config.settings);
        match request.filter(|_| effects.contains(ServerEffects::ACCEPTED)) {
            Some(request) => {
                let changed = if has_dialog { self.session_answered(server, &request) } else { None };
                self.session_answered_so(server, &request);
                self.carry_out_accepted(server, effects, &request, said, permission);
                if let Some(dialog) = changed {
                    self.pump(dialog);
                }
            }
            None => {
                if has_dialog && effects.contains(ServerEffects::PROGRESS) {
                    self.note_progress(server);
                }
                self.carry_out_server(server, effects, None);
            }
        }
        Ok(())
    }

    /// What an answer with this status says in Contact: within a dialog we are where the dialog says, until the application says otherwise; an early
    /// one too (RFC 3311 §5.1). Empty where it says nothing.
    fn contact_in_answer(&self, slot: &ServerSlot<D>, status: StatusCode) -> Cow<'_, str> {
        let request = slot.context.request();
        if !request.is_some_and(|request| answers_with_contact(request.method(), status)) {
            return Cow::Borrowed("");
        }
        let contact = slot.contact(&self.transports);
        match slot.dialog.and_then(|id| self.dialogs.get(id)).map(|slot| slot.dialog.local_contact()) {
            Some(uri) if !is_contact_of(contact, uri) => Cow::Owned(alloc::format!("<{uri}>")),
            _ => Cow::Borrowed(contact),
        }
    }

    /// What only a 2xx says, or may not say (RFC 4028 §4, RFC 6665 §3.1.1, §8.3.1): the reply with it, where it is not as it was given.
    fn fitted(&self, slot: &ServerSlot<D>, reply: &Reply) -> Option<Reply> {
        let request = slot.context.request()?;
        let fitted = match request.method() {
            Method::Subscribe | Method::Refer => Some(self.reply_with_expires(request, reply)),
            Method::Notify if reply.code == Some(StatusCode::ACCEPTED.code()) => {
                Some(Reply { code: Some(StatusCode::OK.code()), ..reply.clone() })
            }
            _ => self.reply_with_terms(slot, reply),
        };
        match self.answer_said(slot, reply) {
            Some(answer) => Some(Reply { body: Some(answer), ..fitted.unwrap_or_else(|| reply.clone()) }),
            None => fitted,
        }
    }

    /// §13.2.1: the answer, or the offer, that an unreliable provisional answer has said, which the 2xx owes; `None` where the application says one itself.
    fn answer_said(&self, slot: &ServerSlot<D>, reply: &Reply) -> Option<Body> {
        if reply.body.is_some() || !slot.context.is_invite() {
            return None;
        }
        let negotiation = self.dialogs.get(slot.dialog?)?.dialog.negotiation();
        negotiation.preview().map(|answer| Body::sdp(Bytes::copy_from_slice(answer)))
    }

    fn carry_out_accepted(
        &mut self,
        server: ServerId,
        effects: ServerEffects,
        request: &Arc<Message>,
        said: Option<&Body>,
        permission: Permission,
    ) {
        let told = match request.method() {
            Method::Subscribe | Method::Refer => self.servers.get(server),
            _ => None,
        };
        let told = told.and_then(|slot| Some((slot.dialog?, slot.context.response().cloned()?)));
        self.carry_out_server(server, effects, None);
        if let Some((dialog, response)) = told {
            self.subscription_answered(dialog, request, &response, said.cloned(), permission);
        }
        if matches!(request.method(), Method::Prack) {
            self.pracked(request);
        }
    }

    /// A provisional answer of ours goes out in a dialog that an earlier message made. A reliable one moves the targets (RFC 6141 §4.5,
    /// §4.6).
    pub(super) fn note_progress(&mut self, server: ServerId) {
        let Some(slot) = self.servers.get(server) else { return };
        let (Some(dialog), Some(response)) = (slot.dialog, slot.context.response()) else { return };
        let request = slot.context.request().filter(|_| slot.is_in_dialog);
        if let Some(slot) = self.dialogs.get_mut(dialog) {
            if rack(response).is_some() {
                if let Some(request) = request {
                    slot.take_target(request);
                }
                slot.dialog.refresh_contact(response);
            }
            slot.dialog.note_sent(response);
        }
    }

    /// Takes in the dialog that an answer makes, if it is the first of its request that makes one (§12.1.1); whether it is. If it cannot be
    /// made, nothing has changed.
    fn make_dialog(&mut self, server: ServerId, response: Option<&Message>) -> Result<bool, Refused> {
        let slot = self.servers.get(server).filter(|slot| slot.dialog.is_none());
        let request = slot.and_then(|slot| slot.context.request());
        let (Some(request), Some(response)) = (request, response) else { return Ok(false) };
        if !makes_dialog(request, response) {
            return Ok(false);
        }
        if self.dialogs.len() >= self.config.limits.dialogs {
            return Err(Refused::Full);
        }
        let timers = self.config.session_timers();
        let made = |_| Dialog::uas(request, response).map(|dialog| DialogSlot::new(dialog, timers));
        let id = self.dialogs.try_insert_with_key(made)?;
        self.adopt(server, id);
        Ok(true)
    }

    pub(super) fn fire_server(&mut self, server: ServerId) {
        loop {
            let Some(slot) = self.servers.get_mut(server) else { return };
            let defaults = defaults(&self.config, &self.described, slot.contact(&self.transports));
            let Some(effects) = slot.context.fire(self.now, &defaults, &self.config.settings) else {
                return self.schedule_server(server);
            };
            if effects.contains(ServerEffects::PROGRESS) {
                self.adopt_progress(server);
            }
            self.carry_out_server(server, effects, None);
        }
    }

    /// A 180 that a guard gave makes a dialog as the application's would.
    fn adopt_progress(&mut self, server: ServerId) {
        let response = self.servers.get(server).and_then(|slot| slot.context.response().cloned());
        if let Ok(false) = self.make_dialog(server, response.as_deref()) {
            self.note_progress(server);
        }
    }

    /// Does what a context asks for, in the order in which it was caused. `message` is the CANCEL or ACK that came.
    pub(super) fn carry_out_server(
        &mut self,
        server: ServerId,
        effects: ServerEffects,
        message: Option<Arc<Message>>,
    ) {
        let has = |effect| effects.contains(effect);
        if has(ServerEffects::CANCELLED)
            && let Some(request) = &message
        {
            self.tell_server(server, ServerEvent::Cancelled { request: request.clone() });
        }
        if has(ServerEffects::SEND) {
            self.send_answer(server);
        }
        if has(ServerEffects::PROGRESS) || has(ServerEffects::ACCEPTED) {
            self.report_answer(server, effects);
        }
        if effects.intersects(ServerEffects::all().difference(USUAL)) {
            self.carry_out_others(server, effects, message);
        }
        match has(ServerEffects::END) && !self.owes_answer(server) {
            true => self.end_server(server),
            false => self.schedule_server(server),
        }
    }

    /// Whether the last answer of a context waits for a connection: it outlives its transaction, which over a stream is over at once (§17.2.2).
    fn owes_answer(&self, server: ServerId) -> bool {
        let slot = self.servers.get(server).filter(|slot| slot.is_waiting);
        slot.is_some_and(|slot| slot.context.response().is_some() || slot.context.settled().is_some())
    }

    /// An answer that has waited for a connection went out, or never will.
    pub(super) fn end_if_through(&mut self, server: ServerId) {
        if self.servers.get(server).is_some_and(|slot| slot.context.state() == State::Terminated) {
            self.end_server(server);
        }
    }

    /// Does what only some answers, a CANCEL, an ACK or the lack of one lead to.
    #[inline(never)]
    fn carry_out_others(&mut self, server: ServerId, effects: ServerEffects, message: Option<Arc<Message>>) {
        let has = |effect| effects.contains(effect);
        if has(ServerEffects::REJECTED) {
            self.report_rejection(server, effects);
        }
        if let (Some(request), true) = (&message, has(ServerEffects::CANCEL_TOO_LATE)) {
            self.tell_server(server, ServerEvent::CancelTooLate { request: request.clone() });
        }
        if let Some(ack) = message.filter(|_| has(ServerEffects::ACKED)) {
            self.call_acknowledged(server, ack);
        }
        if has(ServerEffects::NO_ACK) {
            self.call_not_acknowledged(server);
        }
        if has(ServerEffects::SEND_FAILED) {
            let slot = self.servers.get_mut(server);
            let response = slot.and_then(|slot| {
                slot.recall();
                slot.context.response().cloned()
            });
            let code = response.as_ref().and_then(|response| response.status()).map_or(0, StatusCode::code);
            let report = Report { code, response, cause: Some(Cause::ConnectionError) };
            self.tell_server(server, ServerEvent::SendFailed(report));
        }
        if has(ServerEffects::UNANSWERED) {
            self.report_unanswered(server, has(ServerEffects::CANCELLED));
        }
    }

    /// Events follow the answer, whichever method gave it.
    fn report_answer(&mut self, server: ServerId, effects: ServerEffects) {
        let Some(slot) = self.servers.get(server).filter(|slot| slot.is_announced) else { return };
        let (dialog, Some(response)) = (slot.dialog, slot.context.response().cloned()) else { return };
        let is_reliable = slot.context.unacknowledged().is_some_and(|out| Arc::ptr_eq(out, &response));
        let report = Report::of(response);
        let event = match effects.contains(ServerEffects::PROGRESS) {
            true => ServerEvent::Progress { report, dialog, is_reliable },
            false => ServerEvent::Accepted { report, dialog },
        };
        self.emit(Event::Server { server, event });
    }

    fn report_rejection(&mut self, server: ServerId, effects: ServerEffects) {
        let Some(slot) = self.servers.get(server) else { return };
        let (dialog, is_in_dialog) = (slot.dialog, slot.is_in_dialog);
        let Some(response) = slot.context.response().cloned() else { return };
        let is_cancelled = slot.context.is_cancelled();
        let status = response.status();
        if let (Some(slot), true) = (dialog.and_then(|id| self.dialogs.get_mut(id)), is_in_dialog) {
            slot.dialog.note_sent(&response);
        }
        let mut report = Report::of(response);
        // The code alone does not tell.
        let causes = [
            (is_cancelled, Cause::Canceled),
            (effects.contains(ServerEffects::NO_PRACK), Cause::NoPrack),
            (effects.contains(ServerEffects::NO_ANSWER), Cause::NoAnswer),
            (effects.contains(ServerEffects::EXPIRED), Cause::Expires),
        ];
        if let Some((_, cause)) = causes.into_iter().find(|(is_so, _)| *is_so) {
            report.cause = Some(cause);
        }
        self.tell_server(server, ServerEvent::Rejected(report.clone()));
        self.tell_server(server, ServerEvent::Failed(report));
        if let (Some(dialog), Some(status), false) = (dialog, status, is_in_dialog) {
            let (by, why) =
                if is_cancelled { (By::Remote, Why::Cancelled) } else { (By::Local, Why::Failed(status)) };
            self.end_dialog(dialog, by, why, None, None);
        } else if let (Some(dialog), true) = (dialog, is_in_dialog) {
            self.pump(dialog);
        }
    }

    /// The context ends without an answer of ours, and so does an early dialog that it made.
    fn report_unanswered(&mut self, server: ServerId, is_cancelled: bool) {
        self.tell_server(server, ServerEvent::Failed(Report::without_response(Cause::RequestTimeout)));
        let Some(slot) = self.servers.get(server) else { return };
        let Some(dialog) = slot.dialog else { return };
        if slot.is_in_dialog {
            if let (Some(method), Some(slot)) = (slot.session_method, self.dialogs.get_mut(dialog)) {
                slot.dialog.note_unanswered(Side::Theirs, &method.into());
            }
            return self.pump(dialog);
        }
        let (by, why) = match is_cancelled {
            true => (By::Remote, Why::Cancelled),
            false => (By::Local, Why::Failed(StatusCode::REQUEST_TIMEOUT)),
        };
        self.end_dialog(dialog, by, why, None, None);
    }

    pub(super) fn tell_server(&mut self, server: ServerId, event: ServerEvent<D>) {
        if self.servers.get(server).is_some_and(|slot| slot.is_announced) {
            self.emit(Event::Server { server, event });
        }
    }

    pub(super) fn schedule_server(&mut self, server: ServerId) {
        if let Some(slot) = self.servers.get_mut(server) {
            self.timers.set(&mut slot.timer, Owner::Server(server), slot.context.deadline(), self.now);
        }
    }

    fn end_server(&mut self, server: ServerId) {
        let Some(slot) = self.servers.remove(server) else { return };
        self.timers.release(slot.timer);
        self.index.servers.remove(slot.id, server);
        if let Some(merged) = slot.merged {
            self.index.merged.remove_half(merged.get(), server);
        }
        if let Some(dialog) = slot.dialog.and_then(|dialog| self.dialogs.get_mut(dialog)) {
            dialog.servers.retain(|other| *other != server);
            if let Some(held) = dialog.rare.as_mut().and_then(|rare| rare.held.as_mut()) {
                held.retain(|held| held.server != server);
            }
        }
        let waiting = slot.dialog.filter(|_| slot.is_in_dialog && slot.context.is_invite());
        if slot.is_announced {
            let event = ServerEvent::Ended { why: slot.context.end_reason(), data: slot.data };
            self.emit(Event::Server { server, event });
        }
        if let Some(dialog) = waiting {
            self.pump(dialog);
        }
    }
}

/// Whether an answer makes a dialog, if none of its request's has yet.
fn makes_dialog(request: &Message, response: &Message) -> bool {
    let status = response.status().unwrap_or(StatusCode::TRYING);
    match request.method() {
        // A 199 says that there is none (RFC 6228 §4).
        Method::Invite => {
            !matches!(status, StatusCode::TRYING | StatusCode::EARLY_DIALOG_TERMINATED)
                && !status.is_failure()
        }
        Method::Subscribe => status.is_success(),
        Method::Refer => status.is_success() && makes_subscription(request, response),
        _ => false,
    }
}

/// Whether `contact`, the value of a Contact header, has this URI.
fn is_contact_of(contact: &str, uri: &str) -> bool {
    let bare = contact.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    bare == Some(uri) || Address::parse(contact).map_or("", |contact| contact.uri) == uri
}
