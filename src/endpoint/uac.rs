//! Contexts of our requests: from the application to the wire, from the answers to the application (RFC 3261 §8.1, §9.1, §13.2).

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::counters::bump;
use super::event::{ClientEvent, Why};
use super::flow::Flow;
use super::ids::{DialogId, Owner, RequestId, Sender, Token};
use super::output::Payload;
use super::refresh::add_terms;
use super::refusals::check_owed;
use super::reliable::{is_option_tag, supported};
use super::slots::{ClientSlot, DialogSlot, Purpose, Stage};
use super::transports::Task;
use super::{Endpoint, Event, Refused};
use crate::context::{
    Cause, ClientContext, ClientEffects, ContextError, Earlier, Hop, Identifiers, OPTION_TAG, Rel100,
    Request, Synthetic, check_cancel,
};
use crate::dialog::{DialogError, DialogState, Failure, Impact, UsageKind};
use crate::message::{Address, Header, List, Message, Method, Name, StatusCode, is_sips};
use crate::sdp::Side;
use crate::transaction::MatchId;

/// The number of our requests outside dialogs that follow no other.
const CSEQ: u32 = 1;

impl<D: Default> Endpoint<D> {
    /// Starts a request outside dialogs.
    pub(super) fn start(
        &mut self,
        request: &Request,
        ring_within: Option<Duration>,
        rel100: Rel100,
    ) -> Result<RequestId, Refused> {
        // §15: there is no BYE outside a dialog.
        if matches!(request.method, Method::Ack | Method::Cancel | Method::Bye) {
            return Err(DialogError::Method.into());
        }
        if self.clients.len() >= self.config.limits.clients || self.is_full() {
            return Err(Refused::Full);
        }
        check_owed(&request.method, &request.headers)?;
        let is_ours =
            |earlier: &&Earlier| self.config.shard.is_none_or(|shard| shard.owns(earlier.call_id()));
        let earlier = request.after.as_ref().filter(is_ours);
        let cseq = earlier.map_or(Some(CSEQ), Earlier::next_cseq).ok_or(DialogError::CSeq)?;
        let mut request = Cow::Borrowed(request);
        let proxy = &self.config.outbound_proxy;
        if request.route.is_empty() && !proxy.is_empty() {
            request.to_mut().route.push(proxy.clone());
        }
        let next_hop = request.route.first().map_or(&*request.uri, |route| route);
        let uri = if request.route.is_empty() { next_hop } else { uri_of(next_hop)? };
        let is_secure = is_sips(&request.uri);
        let route = self.transports.locate(uri, is_secure).map_err(Refused::Unroutable)?;
        let transport = route.transport();
        // What is drawn for a request that is refused has not been drawn.
        let mut random = self.random.clone();
        let call_id = match self.config.shard {
            Some(shard) => shard.call_id(&mut random),
            None => random.token(),
        };
        let [tag, branch] = [random.token(), random.token()];
        let names = self.transports.names(transport, route.towards());
        let supported = match rel100 == self.config.settings.rel100 {
            true => Cow::Borrowed(self.described.supported.as_str()),
            false => Cow::Owned(supported(&self.config, rel100)),
        };
        let ids = Identifiers {
            call_id: earlier.map_or(call_id.as_str(), Earlier::call_id),
            tag: earlier.map_or(tag.as_str(), Earlier::tag),
            cseq,
            identity: self.config.identity(),
            contact: self.transports.contact(transport, route.towards(), is_secure || is_sips(uri)),
            allow: &self.described.allow,
            supported: &supported,
            user_agent: &self.config.user_agent,
        };
        require_reliable(&mut request, rel100);
        if let Some(terms) = self.first_terms(&request.method) {
            add_terms(&mut request.to_mut().headers, &terms);
        }
        let message = request.build(&ids, &Hop { transport, sent_by: &names.sent_by, branch })?;
        self.random = random;
        let message = Arc::new(message);
        let client = self.begin_client(message, Purpose::App, None);
        if let Some(slot) = self.clients.get_mut(client) {
            slot.ring_within = ring_within;
            slot.data = Some(D::default());
        }
        self.launch_by(route, client);
        Ok(client)
    }

    /// A slot for a request that waits for its flow.
    pub(super) fn begin_client(
        &mut self,
        request: Arc<Message>,
        purpose: Purpose,
        dialog: Option<DialogId>,
    ) -> RequestId {
        self.clients.insert(ClientSlot { dialog, ..ClientSlot::parked(request, purpose) })
    }

    /// The request has its flow: its context begins.
    pub(super) fn launch(&mut self, client: RequestId, flow: Flow) {
        let Some(slot) = self.clients.get(client) else { return };
        let Stage::Parked(request) = &slot.stage else { return };
        let (dialog, request) = (slot.dialog, request.clone());
        // §12.3, §15: what is sent in a dialog that has ended meanwhile ends with it.
        if dialog.is_some_and(|dialog| self.is_too_late(dialog, &request)) {
            self.conclude_without_answer(client, Synthetic::Cancelled);
            return self.end_client(client);
        }
        // §9.1: a CANCEL has the Via of its INVITE, whatever socket is bound meanwhile, and goes by its transport, however long it is.
        let is_cancel = *request.method() == Method::Cancel;
        let found = slot.flow.unwrap_or(flow);
        let request = if is_cancel { request } else { self.fit_via(request, &flow, &found) };
        let id = MatchId::client(&self.key, &request).ok();
        let stream = if is_cancel { None } else { self.stream_for(&request, &flow) };
        // §15: nothing follows a BYE, which waits for nothing.
        let waits = *request.method() != Method::Bye;
        let stream = stream.or_else(|| self.stream_behind(dialog.filter(|_| waits)?, &flow));
        let Some(slot) = self.clients.get_mut(client) else { return };
        if let (Some(stream), None) = (stream, slot.flow) {
            // It stays parked. Where nobody takes it by TCP it goes by this flow.
            slot.flow = Some(flow);
            return self.launch_by(stream, client);
        }
        let reliable = flow.transport.is_reliable();
        let (context, effects) =
            ClientContext::new(self.now, request, reliable, slot.ring_within, &self.config.settings);
        slot.stage = Stage::Live(context);
        (slot.flow, slot.id) = (Some(flow), id);
        if let Some(id) = id {
            self.index.clients.insert(id, client);
        }
        self.await_notify(client);
        let request = self.clients.get(client).and_then(ClientSlot::request);
        if let (Some(request), Some(slot)) = (request, dialog.and_then(|dialog| self.dialogs.get_mut(dialog)))
        {
            slot.went_by(flow, request);
        }
        self.carry_out_client(client, effects, None);
    }

    /// Whether a request that waited for its way comes too late for its dialog. BYE is what its end waits for; what is about a subscription goes on
    /// beside it (RFC 5057 §4).
    fn is_too_late(&self, dialog: DialogId, request: &Message) -> bool {
        if *request.method() == Method::Bye {
            return false;
        }
        let is_over = |slot: &DialogSlot<D>| slot.dialog.state() == DialogState::Terminated;
        let is_of_session = UsageKind::of(request.method()) != Some(UsageKind::Subscription);
        self.dialogs.get(dialog).is_none_or(|slot| is_of_session && is_over(slot))
    }

    /// The request has no flow and will get none, but the one that it was too long for.
    pub(super) fn launch_failed(&mut self, client: RequestId) {
        let parked = self.clients.get(client).filter(|slot| matches!(slot.stage, Stage::Parked(_)));
        if let Some(flow) = parked.and_then(|slot| slot.flow) {
            return self.launch(client, self.transports.as_bound(flow));
        }
        if parked.is_some() {
            if let Some(route) = self.next_address(client) {
                return self.launch_by(route, client);
            }
            match self.redirect_unanswered(client, Synthetic::Transport) {
                Some(tail) => _ = self.clients.remove(tail),
                None => {
                    self.conclude_without_answer(client, Synthetic::Transport);
                    self.end_client(client);
                }
            }
        }
    }

    /// The request could not be sent. One that goes another way meanwhile does not mind.
    pub(super) fn request_failed(&mut self, client: RequestId, attempt: u8) {
        let (now, settings) = (self.now, self.config.settings);
        if self.clients.get(client).is_none_or(|slot| slot.attempt != attempt) {
            return;
        }
        let Some(context) = self.clients.get_mut(client).and_then(ClientSlot::context) else { return };
        let effects = context.transport_failed(now, &settings);
        self.carry_out_client(client, effects, None);
    }

    /// An answer came for the request.
    pub(super) fn answered(&mut self, client: RequestId, response: Arc<Message>) {
        let status = response.status().unwrap_or(StatusCode::TRYING);
        let (now, settings, is_full) = (self.now, self.config.settings, self.is_full());
        let is_crowded = self.clients.len() >= self.config.limits.clients;
        let Some(context) = self.clients.get_mut(client).and_then(ClientSlot::context) else { return };
        if is_full && (status.is_provisional() || context.has_result()) {
            bump(&mut self.counters.queue_full);
            return;
        }
        // One that cannot be acknowledged is as good as lost: it will come again (RFC 3262 §3).
        if is_crowded && context.rack(&response).is_some() {
            bump(&mut self.counters.overloaded);
            return;
        }
        let tag = response.tag_in_to();
        let is_new = status.is_success() && context.ack_of(tag).is_none();
        if is_new && context.forks() >= self.config.limits.forks {
            bump(&mut self.counters.forks_dropped);
            return;
        }
        let effects = context.receive(now, &response, &settings);
        self.carry_out_client(client, effects, Some(response));
    }

    /// Cancels an INVITE of ours. One that waits for its flow ends without a packet.
    pub(super) fn cancel_client(&mut self, client: RequestId, headers: &[Header]) -> Result<(), Refused> {
        let (now, settings) = (self.now, self.config.settings);
        let slot = self.clients.get_mut(client).ok_or(Refused::Gone)?;
        match &mut slot.stage {
            // A NOTIFY that waits for its turn.
            Stage::Queued if slot.usage.is_some() => Err(ContextError::NotInvite.into()),
            Stage::Queued => {
                check_cancel(headers)?;
                self.drop_wish(client);
                Ok(())
            }
            Stage::Parked(request) if *request.method() != Method::Invite => {
                Err(ContextError::NotInvite.into())
            }
            Stage::Parked(_) => {
                check_cancel(headers)?;
                self.conclude_without_answer(client, Synthetic::Cancelled);
                self.end_client(client);
                Ok(())
            }
            Stage::Live(context) => {
                let effects = context.cancel(now, headers, &settings)?;
                self.carry_out_client(client, effects, None);
                Ok(())
            }
        }
    }

    pub(super) fn fire_client(&mut self, client: RequestId) {
        if self.clients.get(client).is_some_and(|slot| matches!(slot.stage, Stage::Queued)) {
            return self.resume_wish(client);
        }
        self.fire_pending(client);
        loop {
            let (now, settings) = (self.now, self.config.settings);
            let Some(context) = self.clients.get_mut(client).and_then(ClientSlot::context) else { return };
            let Some(effects) = context.fire(now, &settings) else { return self.schedule_client(client) };
            self.carry_out_client(client, effects, None);
        }
    }

    /// Does what a context asks for, in the order in which it was caused.
    fn carry_out_client(
        &mut self,
        mut client: RequestId,
        effects: ClientEffects,
        response: Option<Arc<Message>>,
    ) {
        let has = |effect| effects.contains(effect);
        if has(ClientEffects::SEND) {
            self.send_request(client);
        }
        if has(ClientEffects::ACK) {
            self.send_hop_ack(client);
        }
        if let Some(response) = response {
            if has(ClientEffects::PROVISIONAL) {
                self.progressed(client, effects, response.clone());
            }
            if has(ClientEffects::SUCCESS) {
                self.succeeded(client, effects, response.clone());
            }
            if has(ClientEffects::ACK_AGAIN) {
                self.send_ack_again(client, &response);
            }
            if has(ClientEffects::FAILURE) {
                self.forget_offer(client);
                let status = response.status().unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
                let again = match status {
                    StatusCode::REQUEST_PENDING => self.try_again(client, &response),
                    StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                        self.change_by_invite(client, &response)
                    }
                    StatusCode::SESSION_INTERVAL_TOO_SMALL => {
                        self.start_again(client, &response).or_else(|| self.try_again(client, &response))
                    }
                    StatusCode::SERVICE_UNAVAILABLE => self.fail_over(client),
                    _ => None,
                };
                let again = again.or_else(|| self.redirect(client, &response));
                match again {
                    Some(tail) => client = tail,
                    None => self.conclude(client, response, Cause::of(status), false),
                }
            }
        }
        if has(ClientEffects::CANCEL) {
            self.send_cancel(client);
        }
        if has(ClientEffects::GAVE_UP) {
            self.forget_offer(client);
            let context = self.clients.get_mut(client).and_then(ClientSlot::context);
            if let Some(why) = context.and_then(|context| context.synthetic()) {
                let again = self.fail_over_unanswered(client, why);
                match again.or_else(|| self.redirect_unanswered(client, why)) {
                    Some(tail) => client = tail,
                    None => self.conclude_without_answer(client, why),
                }
            }
        }
        if has(ClientEffects::FORKS_OVER) {
            self.end_early_forks(client, Why::OtherFork);
        }
        match has(ClientEffects::END) {
            true if self.waits_for_notify(client) => {}
            true => self.end_client(client),
            false => self.schedule_client(client),
        }
    }

    fn send_request(&mut self, client: RequestId) {
        let Some(slot) = self.clients.get(client) else { return };
        if let (Some(flow), Some(request)) = (slot.flow, slot.request()) {
            let payload = Payload::Message(request.clone());
            self.transmit(flow, payload, Token(Sender::Client(client, slot.attempt)));
        }
    }

    /// A request that was answered is sent once more, otherwise: it goes on as `next`. The transaction that was answered lives on under another
    /// name, which is handed back.
    pub(super) fn hand_on(&mut self, client: RequestId, next: Stage) -> Option<RequestId> {
        let slot = self.clients.get_mut(client)?;
        let stage = core::mem::replace(&mut slot.stage, next);
        let (flow, id) = (slot.flow.take(), slot.id.take());
        slot.attempt = slot.attempt.wrapping_add(1);
        let tail = self.clients.insert(ClientSlot { flow, id, ..ClientSlot::at(stage, Purpose::Quiet) });
        if let Some(id) = id {
            self.index.clients.remove(id, client);
            self.index.clients.insert(id, tail);
        }
        self.schedule_client(client);
        Some(tail)
    }

    /// The ACK of a 3xx to 6xx goes where its INVITE went (§17.1.1.3).
    fn send_hop_ack(&mut self, client: RequestId) {
        let Some(slot) = self.clients.get_mut(client) else { return };
        let flow = slot.flow;
        let ack = slot.context().and_then(|context| context.ack().cloned());
        let Some((flow, ack)) = flow.zip(ack) else { return };
        match self.transports.is_open(&flow) {
            true => self.transmit(flow, Payload::Message(ack), Token(Sender::Nobody)),
            false => _ = self.go(self.transports.route_after(&ack, flow), Task::HopAck(ack)),
        }
    }

    /// The CANCEL goes where its INVITE went, in a transaction of its own (§9.1).
    fn send_cancel(&mut self, client: RequestId) {
        let Some(slot) = self.clients.get(client) else { return };
        let Some((flow, request)) = slot.flow.zip(slot.request()) else { return };
        match self.transports.is_open(&flow) {
            true => self.launch_cancel(client, flow),
            false => _ = self.go(self.transports.route_after(request, flow), Task::Cancel(client)),
        }
    }

    /// The CANCEL has its flow: it goes, unless the INVITE has been answered while it waited.
    pub(super) fn launch_cancel(&mut self, client: RequestId, flow: Flow) {
        let context = self.clients.get_mut(client).and_then(ClientSlot::context);
        if let Some(cancel) = context.and_then(ClientContext::take_cancel) {
            let cancel = self.begin_client(cancel, Purpose::Quiet, None);
            self.launch(cancel, flow);
        }
    }

    /// A 2xx with a new To tag.
    fn succeeded(&mut self, client: RequestId, effects: ClientEffects, response: Arc<Message>) {
        let Some(slot) = self.clients.get(client) else { return };
        match (slot.dialog, *response.method() == Method::Invite) {
            (Some(dialog), _) if effects.contains(ClientEffects::ACCEPTED) => {
                self.succeeded_within(client, dialog, response);
            }
            // A request within a dialog does not fork: another To tag is a stranger's.
            (Some(_), _) => {}
            (None, true) => self.call_answered(client, effects, response),
            (None, false) if matches!(response.method(), Method::Subscribe | Method::Refer) => {
                self.subscribe_accepted(client, response);
            }
            (None, false) if slot.purpose == Purpose::App => {
                let event = ClientEvent::Accepted { response, dialog: None };
                self.emit(Event::Client { request: client, event });
            }
            (None, false) => {}
        }
    }

    /// A 2xx to a request within a dialog.
    fn succeeded_within(&mut self, client: RequestId, dialog: DialogId, response: Arc<Message>) {
        let Some(slot) = self.clients.get(client) else { return };
        let (usage, is_left) = (slot.usage, slot.ended.is_some());
        let (purpose, Some(request)) = (slot.purpose, slot.request().cloned()) else { return };
        match purpose {
            Purpose::Bye => return self.bye_answered(dialog, request, response),
            Purpose::SessionPrack => return self.prack_answered(dialog, &response),
            Purpose::App | Purpose::Refresh | Purpose::Quiet => {}
        }
        // RFC 3262 §5: a PRACK that is not about the session ends nothing in it.
        if let Some(slot) = self.dialogs.get_mut(dialog).filter(|_| purpose != Purpose::Quiet) {
            if request.method().refreshes_target() {
                slot.refresh_target(&response);
                slot.take_contact(&request);
            }
            _ = slot.dialog.note(Side::Theirs, &response);
        }
        self.session_accepted_so(client, dialog, &response);
        let is_invite = *request.method() == Method::Invite;
        // §13.2.2.4: behind our BYE nobody waits for an answer.
        let owes = |slot: &DialogSlot<D>| {
            slot.dialog.owes_answer() && slot.dialog.state() != DialogState::Terminated
        };
        let waits = is_invite && self.dialogs.get(dialog).is_some_and(owes);
        match is_invite && !waits {
            true if self.dialogs.contains_key(dialog) && !is_left => {
                _ = self.acknowledge(client, dialog, &response, None);
            }
            true => self.acknowledge_afterwards(client, &response),
            false => {}
        }
        if purpose == Purpose::App {
            let event = ClientEvent::Accepted { response: response.clone(), dialog: Some(dialog) };
            self.emit(Event::Client { request: client, event });
        }
        match (usage, *request.method() == Method::Notify) {
            (Some(usage), true) => return self.notify_ended(dialog, usage, &request, None),
            (Some(usage), false) => return self.subscribed_within(dialog, usage, &request, &response),
            (None, _) => {}
        }
        match waits {
            true => self.await_answer(dialog, client, response),
            false => self.wish_ended(dialog, client),
        }
    }

    pub(super) fn conclude_without_answer(&mut self, client: RequestId, why: Synthetic) {
        let Some(slot) = self.clients.get(client) else { return };
        let response = match (slot.request(), &slot.wish) {
            (Some(request), _) => why.response(request),
            (None, Some(wish)) => why.response_to_unwritten(&wish.request.method),
            (None, None) => None,
        };
        if let Some(response) = response {
            self.conclude(client, Arc::new(response), why.cause(), true);
        }
    }

    /// The request has failed: its one result, and what that means for its dialogs.
    pub(super) fn conclude(
        &mut self,
        client: RequestId,
        response: Arc<Message>,
        cause: Cause,
        synthetic: bool,
    ) {
        let Some(slot) = self.clients.get_mut(client) else { return };
        let (purpose, dialog, request) = (slot.purpose, slot.dialog, slot.request().cloned());
        let usage = slot.usage;
        let is_cancelled = slot.context().is_some_and(|context| context.is_cancelled());
        let status = response.status().unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let is_call = request.as_ref().is_none_or(|request| *request.method() == Method::Invite);
        if is_call {
            self.end_early_forks(client, if is_cancelled { Why::Cancelled } else { Why::Failed(status) });
        }
        if let (Purpose::Refresh | Purpose::SessionPrack | Purpose::Quiet, Some(dialog), Some(request)) =
            (purpose, dialog, &request)
        {
            self.tell_challenge(dialog, request, &response);
        }
        match (purpose, dialog) {
            (Purpose::Bye, Some(dialog)) => {
                if let Some(bye) = request {
                    self.bye_answered(dialog, bye, response);
                }
            }
            (Purpose::App | Purpose::Refresh, dialog) => {
                let slot = dialog.and_then(|id| self.dialogs.get_mut(id));
                if let (Some(slot), Some(_)) = (slot, &request) {
                    _ = slot.dialog.note(Side::Theirs, &response);
                }
                let failure = Failure::of(&response).unwrap_or(Failure::response(status));
                let method = request.as_ref().map(|request| request.method().clone());
                let answer = response.clone();
                if purpose == Purpose::App {
                    let event = ClientEvent::Failed { response, cause, synthetic };
                    self.emit(Event::Client { request: client, event });
                }
                match (dialog, usage, &request) {
                    (Some(dialog), Some(usage), Some(notify)) if *notify.method() == Method::Notify => {
                        if self.may_say_again(dialog, usage, notify, &answer) {
                            return;
                        }
                        return self.notify_ended(dialog, usage, notify, Some(failure));
                    }
                    (Some(dialog), Some(usage), Some(request)) => {
                        let method = request.method();
                        return self.subscribe_within_failed(dialog, usage, method, &answer, failure);
                    }
                    (None, _, _) => return self.subscribe_failed(client, failure),
                    _ => {}
                }
                let impact = method
                    .as_ref()
                    .map_or(Impact::Transaction, |method| self.impact_within(dialog, failure, method));
                if let (Some(dialog), Some(method)) = (dialog, &method) {
                    self.refresh_failed(dialog, method, failure, purpose == Purpose::Refresh);
                }
                // RFC 5057 §5.1: the end of the session's usage is that of its dialog.
                if let (Some(slot), Impact::Dialog) = (dialog.and_then(|id| self.dialogs.get_mut(id)), impact)
                {
                    slot.usages.end_subscriptions();
                }
                match dialog.filter(|_| impact != Impact::Transaction) {
                    // §15: the BYE waits for the ACK of our 2xx.
                    Some(dialog) if self.awaits_ack(dialog) => _ = self.destroy(dialog, Vec::new()),
                    Some(dialog) => self.hang_up(dialog, &[], Why::Response(status)),
                    None => {}
                }
                if let Some(dialog) = dialog {
                    self.wish_ended(dialog, client);
                }
            }
            (Purpose::SessionPrack, Some(dialog)) => self.prack_answered(dialog, &response),
            (Purpose::Bye | Purpose::SessionPrack | Purpose::Quiet, _) => {}
        }
    }

    /// How far the failure of a request reaches that was about no subscription. The usage that it ends is the session, if it was about that and that has
    /// not ended meanwhile (RFC 5057 §4, §5.3).
    fn impact_within(&self, dialog: Option<DialogId>, failure: Failure, method: &Method) -> Impact {
        let slot = dialog.and_then(|dialog| self.dialogs.get(dialog));
        let has_session = slot.is_some_and(|slot| slot.usages.has_invite());
        let is_about_session = has_session && UsageKind::of(method) == Some(UsageKind::Invite);
        match failure.impact(method) {
            Impact::Usage if !is_about_session => Impact::Transaction,
            impact => impact,
        }
    }

    pub(super) fn schedule_client(&mut self, client: RequestId) {
        let now = self.now;
        let Some(slot) = self.clients.get_mut(client) else { return };
        let deadline = match &slot.stage {
            Stage::Queued => slot.wish.as_ref().and_then(|wish| wish.again_at),
            Stage::Parked(_) => None,
            Stage::Live(context) => context.deadline(),
        };
        let deadline = deadline.into_iter().chain(slot.pending_deadline()).min();
        self.timers.set(&mut slot.timer, Owner::Client(client), deadline, now);
    }

    pub(super) fn end_client(&mut self, client: RequestId) {
        let Some(slot) = self.clients.remove(client) else { return };
        self.timers.release(slot.timer);
        if let Some(id) = slot.id {
            self.index.clients.remove(id, client);
        }
        if let Some(pending) = slot.pending {
            self.index.subscribing.remove(pending.id, client);
        }
        if slot.purpose == Purpose::App {
            self.emit(Event::Client { request: client, event: ClientEvent::Ended { data: slot.data } });
        }
    }
}

/// An INVITE that insists on reliable provisional answers says so (RFC 3262 §4).
fn require_reliable(request: &mut Cow<'_, Request>, rel100: Rel100) {
    let is_required = |header: &Header| {
        Name::find(&header.name) == Name::Require && List::new(&header.value).any(is_option_tag)
    };
    let is_due = request.method == Method::Invite && rel100 == Rel100::Required;
    if is_due && !request.headers.iter().any(is_required) {
        request.to_mut().headers.push(Header::new(Name::Require.as_str(), OPTION_TAG));
    }
}

/// The URI of a Route element.
fn uri_of(route: &str) -> Result<&str, Refused> {
    Address::parse(route).map(|address| address.uri).map_err(Refused::Unroutable)
}
