//! Subscriptions of ours: SUBSCRIBE and REFER on their way, the NOTIFY that begins a dialog, refreshes, the end (RFC 6665 §4.1, RFC 3515).

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::counters::bump;
use super::event::{By, ClientEvent, DialogEvent, Why};
use super::flow::Flow;
use super::ids::{DialogId, RequestId};
use super::inspect::Refusal;
use super::slots::{ClientSlot, Pending, Purpose, Referred};
use super::telling::header;
use super::{Endpoint, Event, Refused};
use crate::dialog::{
    Dialog, Failure, Impact, InDialog, Party, Subject, Subscriber, SubscriberEnd, SubscriberState,
    SubscriptionEffects, UsageError, UsageId, UsageKind, Usages, makes_subscription,
};
use crate::message::{EventPackage, Header, Message, Method, Name, StatusCode};
use crate::transaction::MatchId;

/// What a SUBSCRIBE without Expires is taken to ask for: the event package would know (RFC 6665 §3.1.1).
const UNASKED: Duration = Duration::from_secs(3600);

impl<D: Default> Endpoint<D> {
    /// A SUBSCRIBE or REFER is sent: from now on a NOTIFY may come (RFC 6665 §4.1.2.4).
    pub(super) fn await_notify(&mut self, client: RequestId) {
        let Some(slot) = self.clients.get_mut(client) else { return };
        let Some(request) = slot.request().filter(|request| begins(request.method())).cloned() else {
            return;
        };
        if let Some(dialog) = slot.dialog {
            let usage = slot.usage;
            return self.await_notify_within(dialog, usage);
        }
        let (request, timers) = (&*request, &self.config.settings.timers);
        let Some((subject, subscriber)) = subscription_of(request, true, || match asked(request) {
            Some(asked) => Subscriber::new(self.now, asked, timers),
            None => Subscriber::implicit(self.now, timers),
        }) else {
            return;
        };
        let tag = request.tag_in_from();
        let id = MatchId::dialog(&self.key, request.call_id(), tag, "");
        // One that this is another try of awaits it no longer.
        let earlier = self.subscribing_of(id).filter(|earlier| {
            let pending = self.clients.get(*earlier).and_then(|slot| slot.pending.as_ref());
            pending.is_some_and(|pending| {
                pending.subject == subject || pending.subject.is_refer() && subject.is_refer()
            })
        });
        if let Some(earlier) = earlier {
            self.forget_pending(earlier);
        }
        if let Some(slot) = self.clients.get_mut(client) {
            slot.pending = Some(Box::new(Pending { id, subject, subscriber, is_through: false }));
            self.index.subscribing.insert(id, client);
        }
    }

    /// The same within a dialog: what is known of the subscription stays.
    fn await_notify_within(&mut self, dialog: DialogId, usage: Option<UsageId>) {
        let now = self.now;
        let held =
            self.dialogs.get_mut(dialog).zip(usage).and_then(|(slot, usage)| slot.usages.get_mut(usage));
        if let Some(Party::Subscriber(subscriber)) = held.map(|held| &mut held.party) {
            subscriber.launched(now);
            self.schedule_dialog(dialog);
        }
    }

    /// A NOTIFY that belongs to no dialog: the first one of a subscription of ours makes it (RFC 6665 §4.4.1).
    pub(super) fn first_notify(&mut self, notify: &Message, tag: &str) -> Option<DialogId> {
        let id = MatchId::dialog(&self.key, notify.call_id(), tag, "");
        let client = self.subscribing_of(id)?;
        if *notify.method() != Method::Notify || self.dialogs.len() >= self.config.limits.dialogs {
            return None;
        }
        let event = notify.event().ok().flatten()?;
        let slot = self.clients.get(client)?;
        let pending = slot.pending.as_ref().filter(|pending| pending.subject.matches(&event))?;
        // A dialog with this tag, were there one still, would have it.
        let from = notify.tag_in_from();
        let is_over = slot.parted.iter().any(|tag| tag.eq_ignore_ascii_case(from));
        let is_lost = slot.forks.len() >= self.config.limits.forks || is_over;
        if is_lost || notify.subscription_state().ok().flatten().is_none() {
            return None;
        }
        let dialog = Dialog::notified(slot.request()?, notify).ok()?;
        let mut usages = Usages::default();
        let party = Party::Subscriber(pending.subscriber.clone());
        let usage = usages.add(pending.subject.clone(), party).ok()?;
        if let (Some(held), Some(request)) = (usages.get_mut(usage), slot.request()) {
            held.says(request);
        }
        let dialog = self.insert_dialog(dialog);
        let data = self.clients.get_mut(client).and_then(|slot| {
            slot.forks.push(dialog);
            slot.parted.push(from.into());
            slot.data.take()
        });
        if let Some(slot) = self.dialogs.get_mut(dialog) {
            if usages.subscriptions().iter().any(|held| held.subject().is_refer()) {
                slot.referred = Referred::Yes;
            }
            slot.usages = usages;
            slot.data = data;
        }
        if !self.config.policy.keep_forks {
            self.forget_pending(client);
        }
        Some(dialog)
    }

    /// The dialogs that NOTIFYs have made of a SUBSCRIBE or REFER of ours.
    fn subscribed_dialogs(&mut self, client: RequestId) -> impl Iterator<Item = DialogId> + use<D> {
        let forks = self.clients.get(client).map(|slot| slot.forks.clone()).unwrap_or_default();
        forks.into_iter()
    }

    /// The result of a SUBSCRIBE or REFER outside dialogs has come: a 2xx.
    pub(super) fn subscribe_accepted(&mut self, client: RequestId, response: Arc<Message>) {
        let (now, status) = (self.now, response.status().unwrap_or(StatusCode::OK));
        let granted = response.expires().ok().flatten();
        let dialogs: smallvec::SmallVec<[DialogId; 1]> = self.subscribed_dialogs(client).collect();
        let event = ClientEvent::Accepted { response: response.clone(), dialog: dialogs.first().copied() };
        let Some(slot) = self.clients.get_mut(client) else { return };
        let makes_one = slot.request().is_some_and(|request| makes_subscription(request, &response));
        if let Some(pending) = &mut slot.pending {
            pending.subscriber.answered(now, status, granted);
        }
        if slot.purpose == Purpose::App {
            self.emit(Event::Client { request: client, event });
        }
        // RFC 6665 §4.1.2.2: after a 204 no NOTIFY comes.
        if !makes_one || status == StatusCode::NO_NOTIFICATION {
            self.forget_pending(client);
        }
        for dialog in dialogs {
            self.with_subscription_of(client, dialog, |subscriber| {
                subscriber.answered(now, status, granted);
                SubscriptionEffects::empty()
            });
        }
    }

    /// The result of a SUBSCRIBE or REFER outside dialogs has come: it failed.
    pub(super) fn subscribe_failed(&mut self, client: RequestId, failure: Failure) {
        let now = self.now;
        let is_silence = failure.status() == StatusCode::REQUEST_TIMEOUT;
        if !is_silence {
            self.forget_pending(client);
        }
        let dialogs: smallvec::SmallVec<[DialogId; 1]> = self.subscribed_dialogs(client).collect();
        for dialog in dialogs {
            self.with_subscription_of(client, dialog, |subscriber| subscriber.failed(now, failure));
        }
    }

    /// Steps the subscription that a SUBSCRIBE or REFER outside dialogs has made in this dialog. Others there are none of its business.
    fn with_subscription_of(
        &mut self,
        client: RequestId,
        dialog: DialogId,
        step: impl FnOnce(&mut Subscriber) -> SubscriptionEffects,
    ) {
        let request = self.clients.get(client).and_then(ClientSlot::request);
        let Some(subject) = request.and_then(|request| subject_of(request, true)) else { return };
        let Some(slot) = self.dialogs.get_mut(dialog) else { return };
        let Some((usage, subscriber)) = slot.usages.subscriber_of(&subject) else { return };
        match step(subscriber).contains(SubscriptionEffects::ENDED) {
            true => self.subscription_over(dialog, usage, By::Remote, Impact::Usage, None),
            false => self.schedule_dialog(dialog),
        }
    }

    /// No other NOTIFY begins a dialog any more. A client that was kept for its sake ends.
    pub(super) fn forget_pending(&mut self, client: RequestId) {
        let Some(pending) = self.clients.get_mut(client).and_then(|slot| slot.pending.take()) else { return };
        self.index.subscribing.remove(pending.id, client);
        match pending.is_through {
            true => self.end_client(client),
            false => self.schedule_client(client),
        }
    }

    /// The transaction of a SUBSCRIBE or REFER is over, but a NOTIFY may still come: true where the client is kept for it.
    pub(super) fn waits_for_notify(&mut self, client: RequestId) -> bool {
        let Some(pending) = self.clients.get_mut(client).and_then(|slot| slot.pending.as_mut()) else {
            return false;
        };
        pending.is_through = true;
        self.schedule_client(client);
        true
    }

    /// Timer N of a SUBSCRIBE or REFER outside dialogs (§4.1.2.4). Where no NOTIFY ever came, the application is told.
    pub(super) fn fire_pending(&mut self, client: RequestId) {
        let now = self.now;
        let Some(slot) = self.clients.get_mut(client) else { return };
        let Some(pending) = &mut slot.pending else { return };
        if pending.subscriber.deadline().is_none_or(|at| at > now) {
            return;
        }
        _ = pending.subscriber.step(now);
        let is_unheard = pending.subscriber.state() == SubscriberState::Terminated && slot.forks.is_empty();
        let has_result = slot.context().is_none_or(|context| context.has_result());
        if is_unheard && has_result && slot.purpose == Purpose::App {
            self.emit(Event::Client { request: client, event: ClientEvent::NoNotify });
        }
        self.forget_pending(client);
    }

    /// Whether a dialog has room for what a request of ours would begin in it (RFC 5057 §5.6). A SUBSCRIBE to what is subscribed to begins nothing.
    pub(super) fn has_room_for(&mut self, id: DialogId, request: &InDialog) -> bool {
        let full = self.dialogs.get_mut(id).filter(|slot| slot.usages.is_full() && begins(&request.method));
        let Some(slot) = full else { return true };
        let event = header(request, Name::Event).and_then(|event| EventPackage::parse(event).ok());
        let is_subscribe = request.method == Method::Subscribe;
        event.is_some_and(|event| is_subscribe && slot.usages.notified(&event).is_some())
    }

    /// A SUBSCRIBE or REFER within a dialog is about to go out: the subscription that it is for, new or known.
    pub(super) fn subscribe_within(
        &mut self,
        id: DialogId,
        request: &Message,
    ) -> Result<Option<UsageId>, Refused> {
        let (now, timers) = (self.now, self.config.settings.timers);
        let slot = self.dialogs.get_mut(id).ok_or(Refused::Gone)?;
        let asked = asked(request).or((*request.method() == Method::Subscribe).then_some(UNASKED));
        if *request.method() == Method::Subscribe
            && let Ok(Some(event)) = request.event()
            && let (Some((usage, subscriber)), Some(asked)) = (slot.usages.notified(&event), asked)
        {
            subscriber.sent(now, asked);
            subscriber.parked();
            if let Some(held) = slot.usages.get_mut(usage) {
                held.says(request);
            }
            self.schedule_dialog(id);
            return Ok(Some(usage));
        }
        let is_first = slot.referred == Referred::Never;
        let Some((subject, mut subscriber)) = subscription_of(request, is_first, || match asked {
            Some(asked) => Subscriber::new(now, asked, &timers),
            None => Subscriber::implicit(now, &timers),
        }) else {
            return Ok(None);
        };
        let subject = match (subject.is_refer(), slot.referred) {
            (true, Referred::InVain) => subject.perhaps_first(),
            _ => subject,
        };
        if *request.method() == Method::Refer {
            slot.referred = Referred::Yes;
        }
        subscriber.parked();
        let usage = slot.usages.add(subject, Party::Subscriber(subscriber)).map_err(|error| match error {
            UsageError::Full => Refused::Full,
            error => Refused::Usage(error),
        })?;
        if let Some(held) = slot.usages.get_mut(usage) {
            held.says(request);
        }
        self.schedule_dialog(id);
        Ok(Some(usage))
    }

    /// A SUBSCRIBE or REFER within a dialog got its 2xx.
    pub(super) fn subscribed_within(
        &mut self,
        id: DialogId,
        usage: UsageId,
        request: &Message,
        response: &Message,
    ) {
        let (now, status) = (self.now, response.status().unwrap_or(StatusCode::OK));
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        if !makes_subscription(request, response) {
            slot.usages.end(UsageKind::Subscription, Some(usage), Impact::Usage);
            if slot.usages.is_over() {
                return self.end_dialog(id, By::Local, Why::Unsubscribed, None, None);
            }
        } else if let Some(Party::Subscriber(subscriber)) =
            slot.usages.get_mut(usage).map(|held| &mut held.party)
        {
            subscriber.answered(now, status, response.expires().ok().flatten());
        }
        self.schedule_dialog(id);
    }

    /// A SUBSCRIBE or REFER within a dialog failed. Whether the dialog survives that, its other usages say.
    pub(super) fn subscribe_within_failed(
        &mut self,
        id: DialogId,
        usage: UsageId,
        method: &Method,
        response: &Message,
        failure: Failure,
    ) {
        let now = self.now;
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        let Some(held) = slot.usages.get_mut(usage) else { return };
        let (is_refer, was_first) = (held.subject().is_refer(), held.subject().may_omit_id());
        let Party::Subscriber(subscriber) = &mut held.party else { return };
        let was_waiting = subscriber.state() == SubscriberState::NotifyWait;
        let effects = match failure.status() {
            StatusCode::INTERVAL_TOO_BRIEF
                if !was_waiting && subscriber.too_brief(now, response.min_expires().ok().flatten()) =>
            {
                SubscriptionEffects::empty()
            }
            // RFC 3515 §2.4.4: what no REFER has made, or is over already, is refused so.
            StatusCode::FORBIDDEN if is_refer && subscriber.is_leaving() => subscriber.unknown(failure),
            _ => subscriber.failed(now, failure),
        };
        match effects.contains(SubscriptionEffects::ENDED) {
            // Nothing was ever heard of it, and the request's own result says so.
            true if was_waiting && failure.impact(method) != Impact::Dialog => {
                slot.usages.end(UsageKind::Subscription, Some(usage), Impact::Usage);
                if was_first && !slot.usages.pass_first_on() {
                    slot.referred = Referred::InVain;
                }
                match slot.usages.is_over() {
                    true => self.end_dialog(id, By::Remote, Why::Response(failure.status()), None, None),
                    false => self.schedule_dialog(id),
                }
            }
            true => self.subscription_over(id, usage, By::Remote, failure.impact(method), None),
            false => self.schedule_dialog(id),
        }
    }

    /// Why a NOTIFY within a dialog is refused: no subscription matches it (§4.1.3), or it does not say what has become of that. `None` where a
    /// subscription takes it.
    pub(super) fn notify_refusal(&mut self, dialog: DialogId, notify: &Message) -> Option<Refusal> {
        let slot = self.dialogs.get_mut(dialog)?;
        let event = match notify.event() {
            Ok(Some(event)) => event,
            _ if slot.usages.subscriptions().is_empty() => {
                return Some((StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST, None));
            }
            Ok(None) => return Some((StatusCode::BAD_EVENT, None)),
            Err(_) => return Some((StatusCode::BAD_REQUEST, None)),
        };
        match slot.usages.notified(&event) {
            None => Some((StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST, None)),
            Some(_) if !matches!(notify.subscription_state(), Ok(Some(_))) => {
                Some((StatusCode::BAD_REQUEST, None))
            }
            Some(_) => None,
        }
    }

    /// A NOTIFY was answered: what it says of its subscription.
    pub(super) fn notified(&mut self, dialog: DialogId, notify: &Arc<Message>) {
        let now = self.now;
        let (Ok(Some(event)), Ok(Some(state))) = (notify.event(), notify.subscription_state()) else {
            return;
        };
        let Some(slot) = self.dialogs.get_mut(dialog) else { return };
        let Some((usage, subscriber)) = slot.usages.notified(&event) else { return };
        let effects = subscriber.notified(now, &state);
        if let Some(held) = slot.usages.get_mut(usage) {
            held.named(&event);
        }
        if effects.contains(SubscriptionEffects::ENDED) {
            return self.subscription_over(dialog, usage, By::Remote, Impact::Usage, Some(notify.clone()));
        }
        self.schedule_dialog(dialog);
    }

    /// A subscription of ours is to be refreshed.
    pub(super) fn refresh_subscription(&mut self, id: DialogId, usage: UsageId) {
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        let Some(held) = slot.usages.get_mut(usage) else { return };
        let Party::Subscriber(subscriber) = &held.party else { return };
        let asks = subscriber.asks();
        if self.send_subscribe(id, usage, asks, &[]).is_err() {
            let (now, failure) = (self.now, Failure::TransportError);
            let held = self.dialogs.get_mut(id).and_then(|slot| slot.usages.get_mut(usage));
            let Some(Party::Subscriber(subscriber)) = held.map(|held| &mut held.party) else { return };
            match subscriber.failed(now, failure).contains(SubscriptionEffects::ENDED) {
                true => self.subscription_over(id, usage, By::Local, Impact::Usage, None),
                false => self.schedule_dialog(id),
            }
        }
    }

    /// Sends a SUBSCRIBE of the endpoint's own within a dialog.
    pub(super) fn send_subscribe(
        &mut self,
        id: DialogId,
        usage: UsageId,
        asks: Duration,
        headers: &[Header],
    ) -> Result<RequestId, Refused> {
        let slot = self.dialogs.get_mut(id).ok_or(Refused::Gone)?;
        let mut request = slot.usages.get_mut(usage).ok_or(Refused::Gone)?.subscribe(asks);
        request.headers.extend_from_slice(headers);
        self.send_for(id, &request, Purpose::Refresh)
    }

    /// A subscription is over, and with the last usage its dialog.
    pub(super) fn subscription_over(
        &mut self,
        id: DialogId,
        usage: UsageId,
        by: By,
        impact: Impact,
        message: Option<Arc<Message>>,
    ) {
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        let Some(held) = slot.usages.get_mut(usage) else { return };
        let (end, failure) = match &held.party {
            Party::Subscriber(subscriber) => (subscriber.end(), None),
            Party::Notifier(notifier) => (None, notifier.failure()),
        };
        let event = held.subject().event().into_boxed_str();
        // RFC 3515 §2.4.6: the peer has nothing more to say of its first REFER. Who leaves out the id now is about the one that is open, or comes next.
        let was_first = held.subject().is_refer() && held.subject().may_omit_id();
        let is_told_out = was_first && matches!(end, Some(SubscriberEnd::Notified(_)));
        self.give_up_telling(id, usage);
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        // A farewell may fail with less of an impact than its own.
        let impact = impact.max(Impact::Usage);
        // What ends the dialog ends its session, whose peer is told so.
        let hangs_up = impact == Impact::Dialog && slot.usages.has_invite();
        match hangs_up {
            true => slot.usages.end_subscriptions(),
            false => slot.usages.end(UsageKind::Subscription, Some(usage), impact),
        }
        match slot.usages.refers() {
            0 if is_told_out => slot.referred = Referred::InVain,
            1 if is_told_out => _ = slot.usages.pass_first_on(),
            _ => {}
        }
        let is_over = slot.usages.is_over();
        let why = match (end, failure) {
            (Some(SubscriberEnd::Refused(failure)), _) => Why::Response(failure.status()),
            (Some(SubscriberEnd::NoNotify | SubscriberEnd::Expired), _) => Why::Expired,
            // It took the dialog with it, whatever else there was.
            (None, Some(failure)) if impact == Impact::Dialog => Why::Response(failure.status()),
            (Some(SubscriberEnd::Notified(_)) | None, _) => Why::Unsubscribed,
        };
        self.emit(Event::Dialog { dialog: id, event: DialogEvent::SubscriptionEnded { usage, event, end } });
        match is_over {
            // RFC 3261 §15: the BYE waits for the ACK of our 2xx.
            _ if hangs_up && self.awaits_ack(id) => _ = self.destroy(id, Vec::new()),
            _ if hangs_up => self.hang_up(id, &[], why),
            true => self.end_dialog(id, by, why, message, None),
            false => self.schedule_dialog(id),
        }
    }

    /// A NOTIFY from nowhere, to one of our SUBSCRIBEs: the dialog that it begins takes it. One that is lost or refused begins none.
    pub(super) fn inspect_first_notify(
        &mut self,
        flow: &Flow,
        id: MatchId,
        request: Arc<Message>,
        to_tag: &str,
    ) -> bool {
        let awaited = MatchId::dialog(&self.key, request.call_id(), to_tag, "");
        if *request.method() != Method::Notify || self.subscribing_of(awaited).is_none() {
            return false;
        }
        if self.is_full() {
            bump(&mut self.counters.queue_full);
            return true;
        }
        if self.servers.len() >= self.config.limits.servers {
            self.overloaded(flow, &request);
            return true;
        }
        if let Err(refusal) = self.in_dialog_refusal(None, &request, true) {
            self.refuse(flow, &request, refusal);
            return true;
        }
        let Some(dialog) = self.first_notify(&request, to_tag) else { return false };
        self.take_in_dialog(flow, id, dialog, request);
        true
    }
}

/// The subscription that a SUBSCRIBE or REFER asks for; `None` for other methods, and a SUBSCRIBE without Event.
fn subscription_of(
    request: &Message,
    is_first: bool,
    subscriber: impl FnOnce() -> Subscriber,
) -> Option<(Subject, Subscriber)> {
    Some((subject_of(request, is_first)?, subscriber()))
}

fn subject_of(request: &Message, is_first: bool) -> Option<Subject> {
    match request.method() {
        Method::Subscribe => Some(Subject::of(&request.event().ok().flatten()?)),
        Method::Refer => Some(Subject::refer(request.cseq(), is_first)),
        _ => None,
    }
}

/// Whether a request with this method begins a subscription, or is about one of ours.
fn begins(method: &Method) -> bool {
    matches!(method, Method::Subscribe | Method::Refer)
}

/// What a SUBSCRIBE asks for; `None` for a REFER.
fn asked(request: &Message) -> Option<Duration> {
    let is_subscribe = *request.method() == Method::Subscribe;
    is_subscribe.then(|| request.expires().ok().flatten().unwrap_or(UNASKED))
}

impl<D> ClientSlot<D> {
    /// When Timer N of a subscription without a dialog falls due.
    pub(super) fn pending_deadline(&self) -> Option<crate::time::Timestamp> {
        self.pending.as_ref().and_then(|pending| pending.subscriber.deadline())
    }
}
