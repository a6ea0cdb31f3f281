//! NOTIFYs of ours: what is told, when it is its turn, and what comes of it (RFC 6665 §4.2.2, §5.4.10; RFC 3515 §2.4.5, §3.10).
//!
//! Every NOTIFY of a subscription goes through its [`Notifier`], whoever words it. One that comes too soon waits for its turn as a request that is not written yet;
//! what is told meanwhile takes its place, under its id.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::event::By;
use super::farewell::is_challenge;
use super::ids::{DialogId, RequestId};
use super::slots::{ClientSlot, Purpose, Stage, Wish};
use super::transports::Task;
use super::{Endpoint, Refused};
use crate::context::{Synthetic, check_headers};
use crate::dialog::{
    DialogError, Failure, Impact, InDialog, Notifier, NotifierState, Party, Reason, SIPFRAG, Sipfrag,
    Subscription, SubscriptionEffects, UsageId,
};
use crate::message::{
    Body, EventPackage, Header, Message, Method, Name, StatusCode, SubscriptionState, Substate, supplies,
};

/// The NOTIFYs that wait for their turn: few at any time, whatever the number of dialogs.
pub(super) type Telling = BTreeMap<DialogId, Vec<(UsageId, RequestId)>>;

impl<D: Default> Endpoint<D> {
    /// The application tells of the state.
    pub(super) fn notify(
        &mut self,
        id: DialogId,
        usage: UsageId,
        body: Option<Body>,
    ) -> Result<RequestId, Refused> {
        self.tell(id, usage, notify(Vec::new(), body), |_| true)
    }

    /// The application has found that the peer may be told.
    pub(super) fn authorise(
        &mut self,
        id: DialogId,
        usage: UsageId,
        body: Option<Body>,
    ) -> Result<RequestId, Refused> {
        self.tell(id, usage, notify(Vec::new(), body), |notifier| !notifier.authorise().is_empty())
    }

    /// The application ends a subscription of the peer's.
    pub(super) fn terminate(
        &mut self,
        id: DialogId,
        usage: UsageId,
        reason: Reason,
        body: Option<Body>,
    ) -> Result<RequestId, Refused> {
        let request = notify(Vec::new(), body);
        self.tell(id, usage, request, |notifier| !notifier.terminate(Some(reason), None).is_empty())
    }

    /// How far a REFER has come: its NOTIFY, the last one for a final status (RFC 3515 §2.4.5, §2.4.7). Who reports more than 100 has permission.
    pub(super) fn report_refer(
        &mut self,
        id: DialogId,
        usage: UsageId,
        status: StatusCode,
    ) -> Result<RequestId, Refused> {
        let body = Some(sipfrag(status));
        if Sipfrag::new(status).is_final() {
            return self.terminate(id, usage, Reason::Noresource, body);
        }
        self.tell(id, usage, notify(Vec::new(), body), |notifier| {
            if status > StatusCode::TRYING {
                _ = notifier.authorise();
            }
            true
        })
    }

    /// A NOTIFY that the application has worded itself: it takes the way of all others where it belongs to a subscription of the peer's.
    pub(super) fn notify_worded(&mut self, id: DialogId, request: &InDialog) -> Result<RequestId, Refused> {
        let event = header(request, Name::Event).and_then(|event| EventPackage::parse(event).ok());
        let slot = self.dialogs.get_mut(id).ok_or(Refused::Gone)?;
        let Some((usage, _)) = event.and_then(|event| slot.usages.subscribed(&event)) else {
            return self.send_for(id, request, Purpose::App);
        };
        let (now, mut request) = (self.now, request.clone());
        let Some(said) = header(&request, Name::SubscriptionState).map(String::from) else {
            return self.tell(id, usage, request, |_| true);
        };
        let said = SubscriptionState::parse(&said).map_err(DialogError::Malformed)?;
        // §4.2.2: with the time that is left, which is known when it goes.
        if matches!(said.state, Substate::Active | Substate::Pending) {
            request.headers.retain(|header| Name::find(&header.name) != Name::SubscriptionState);
        }
        self.tell(id, usage, request, |notifier| notifier.says(now, &said))
    }

    /// Changes a subscription at the application's word, and tells the peer. Where that is refused, nothing has changed.
    fn tell(
        &mut self,
        id: DialogId,
        usage: UsageId,
        request: InDialog,
        change: impl FnOnce(&mut Notifier) -> bool,
    ) -> Result<RequestId, Refused> {
        let held = self.subscription(id, usage)?;
        let before = held.clone();
        let notifier = notifier_of(held)?;
        if notifier.state() == NotifierState::Terminated && !notifier.may_say_again() {
            return Err(DialogError::Terminated.into());
        }
        let told = match change(notifier) {
            true => self.send_in_turn(id, usage, request, Purpose::App),
            false => Err(DialogError::Substate.into()),
        };
        match (&told, self.subscription(id, usage)) {
            (Err(_), Ok(held)) => *held = before,
            _ => self.schedule_dialog(id),
        }
        told
    }

    /// Sends a NOTIFY if it is its turn, else when it is. One that waits already says this then.
    pub(super) fn send_in_turn(
        &mut self,
        id: DialogId,
        usage: UsageId,
        request: InDialog,
        purpose: Purpose,
    ) -> Result<RequestId, Refused> {
        let (now, waiting) = (self.now, self.waiting(id, usage));
        let may_go = notifier_of(self.subscription(id, usage)?)?.take_turn(now);
        match (may_go, waiting) {
            (true, None) => self.send_notify(id, usage, request, purpose),
            (true, Some(client)) => {
                self.say_instead(client, request)?;
                self.send_waiting(id, usage, client)
            }
            (false, Some(client)) => self.say_instead(client, request),
            (false, None) => self.await_turn(id, usage, request, purpose),
        }
    }

    /// Sends a NOTIFY at once, whatever the pace: one that a 2xx asks for (§4.2.1.2). Where nothing can be sent, nothing more is owed.
    pub(super) fn notify_now(&mut self, id: DialogId, usage: UsageId, state: Option<Body>) {
        let (now, waiting) = (self.now, self.waiting(id, usage));
        if let Ok(notifier) = self.subscription(id, usage).and_then(notifier_of) {
            notifier.sent(now);
        }
        let sent = match waiting {
            Some(client) => {
                let wish = self.clients.get_mut(client).and_then(|slot| slot.wish.as_mut());
                if let (Some(wish), Some(state)) = (wish, state) {
                    wish.request.body = Some(state);
                }
                self.send_waiting(id, usage, client)
            }
            None => self.send_notify(id, usage, notify(Vec::new(), state), Purpose::Refresh),
        };
        match sent {
            Ok(_) => self.schedule_dialog(id),
            Err(_) => self.subscription_over(id, usage, By::Local, Impact::Usage, None),
        }
    }

    /// A subscription has a NOTIFY due: the end of its time, or one whose turn has come.
    pub(super) fn notify_in_turn(&mut self, id: DialogId, usage: UsageId) {
        let now = self.now;
        match self.subscription(id, usage).and_then(notifier_of).is_ok_and(|notifier| notifier.take_turn(now))
        {
            true => self.notify_now(id, usage, None),
            false => self.schedule_dialog(id),
        }
    }

    /// Sends a NOTIFY with the state of the subscription as it is now.
    fn send_notify(
        &mut self,
        id: DialogId,
        usage: UsageId,
        request: InDialog,
        purpose: Purpose,
    ) -> Result<RequestId, Refused> {
        let request = self.worded(id, usage, request)?;
        self.send_about(id, &request, purpose, Some(usage))
    }

    /// What a NOTIFY that goes now says of its subscription, unless that is said already. One about a REFER has a status (RFC 3515 §2.4.5).
    fn worded(&mut self, id: DialogId, usage: UsageId, mut request: InDialog) -> Result<InDialog, Refused> {
        let now = self.now;
        let held = self.subscription(id, usage)?;
        let line = notifier_of(held)?.line(now);
        // One that is over by now has but one thing to say.
        if line.state == NotifierState::Terminated && !is_last(&request) {
            request.headers.retain(|header| Name::find(&header.name) != Name::SubscriptionState);
        }
        if !supplies(&request.headers, Name::SubscriptionState) {
            let line = Header::new(Name::SubscriptionState.as_str(), alloc::format!("{line}"));
            request.headers.insert(0, line);
        }
        if !supplies(&request.headers, Name::Event) {
            request.headers.insert(0, Header::new(Name::Event.as_str(), held.subject().event()));
        }
        if held.subject().is_refer() {
            let body = request.body.get_or_insert_with(|| sipfrag(held.reported()));
            held.report(&body.bytes);
        }
        Ok(request)
    }

    /// Keeps a NOTIFY until it is its turn.
    fn await_turn(
        &mut self,
        id: DialogId,
        usage: UsageId,
        request: InDialog,
        purpose: Purpose,
    ) -> Result<RequestId, Refused> {
        if purpose == Purpose::App && (self.clients.len() >= self.config.limits.clients || self.is_full()) {
            return Err(Refused::Full);
        }
        check(&request)?;
        let is_refresh = purpose == Purpose::Refresh;
        let wish = Wish::new(request, None, is_refresh);
        let client = self.clients.insert(ClientSlot { usage: Some(usage), ..ClientSlot::queued(wish, id) });
        self.telling.entry(id).or_default().push((usage, client));
        Ok(client)
    }

    /// The NOTIFY of a subscription that waits for its turn.
    fn waiting(&self, id: DialogId, usage: UsageId) -> Option<RequestId> {
        let mut all = self.telling.get(&id)?.iter();
        all.find(|(known, _)| *known == usage).map(|(_, client)| *client)
    }

    /// A NOTIFY that waits says this instead. A state that is told twice is told the second time; one that was told and not taken back is told.
    fn say_instead(&mut self, client: RequestId, request: InDialog) -> Result<RequestId, Refused> {
        check(&request)?;
        let slot = self.clients.get_mut(client).ok_or(Refused::Gone)?;
        let wish = slot.wish.as_mut().ok_or(Refused::Gone)?;
        let before = core::mem::replace(&mut wish.request, request);
        wish.request.body = wish.request.body.take().or(before.body);
        Ok(client)
    }

    /// A NOTIFY that has waited goes.
    fn send_waiting(
        &mut self,
        id: DialogId,
        usage: UsageId,
        client: RequestId,
    ) -> Result<RequestId, Refused> {
        self.take_waiting(id, usage);
        let slot = self.clients.get_mut(client).ok_or(Refused::Gone)?;
        let request = slot.wish.as_ref().ok_or(Refused::Gone)?.request.clone();
        let written = self.worded(id, usage, request);
        match written.and_then(|request| self.write_in_dialog(id, &request)) {
            Ok((message, route)) => {
                if let Some(slot) = self.clients.get_mut(client) {
                    (slot.stage, slot.wish) = (Stage::Parked(Arc::new(message)), None);
                }
                self.go_within(id, route, Task::Launch(client));
                Ok(client)
            }
            Err(refused) => {
                self.give_up_wish(client, Synthetic::Impossible);
                Err(refused)
            }
        }
    }

    fn take_waiting(&mut self, id: DialogId, usage: UsageId) -> Option<RequestId> {
        let client = self.waiting(id, usage)?;
        let all = self.telling.get_mut(&id)?;
        all.retain(|(known, _)| *known != usage);
        if all.is_empty() {
            self.telling.remove(&id);
        }
        Some(client)
    }

    /// A subscription is over: what still waits to be told in it has its result.
    pub(super) fn give_up_telling(&mut self, id: DialogId, usage: UsageId) {
        if let Some(client) = self.take_waiting(id, usage) {
            self.give_up_wish(client, Synthetic::Cancelled);
        }
    }

    /// A dialog is over: the same.
    pub(super) fn give_up_all_telling(&mut self, id: DialogId) {
        for (_, client) in self.telling.remove(&id).unwrap_or_default() {
            self.give_up_wish(client, Synthetic::Cancelled);
        }
    }

    /// Whether a NOTIFY of ours that is to end its subscription was challenged, and the application may send another one.
    pub(super) fn may_say_again(
        &mut self,
        id: DialogId,
        usage: UsageId,
        notify: &Message,
        response: &Message,
    ) -> bool {
        let until = self.now + self.config.settings.timers.give_up();
        let is_last = matches!(notify.subscription_state(), Ok(Some(state)) if state.is_terminated());
        let Ok(notifier) = self.subscription(id, usage).and_then(notifier_of) else { return false };
        if is_last && is_challenge(response) {
            notifier.challenged(until);
            self.schedule_dialog(id);
            return true;
        }
        false
    }

    /// A NOTIFY of ours has its result.
    pub(super) fn notify_ended(
        &mut self,
        id: DialogId,
        usage: UsageId,
        notify: &Arc<Message>,
        failure: Option<Failure>,
    ) {
        let is_last = matches!(notify.subscription_state(), Ok(Some(state)) if state.is_terminated());
        let Ok(notifier) = self.subscription(id, usage).and_then(notifier_of) else { return };
        let effects = match failure {
            Some(failure) => notifier.failed(failure, is_last),
            None => notifier.answered(is_last),
        };
        let impact =
            failure.map_or(Impact::Usage, |failure| failure.impact(&Method::Notify).max(Impact::Usage));
        match effects.contains(SubscriptionEffects::ENDED) {
            true => {
                let by = if failure.is_some() { By::Remote } else { By::Local };
                self.subscription_over(id, usage, by, impact, Some(notify.clone()));
            }
            false => self.schedule_dialog(id),
        }
    }

    fn subscription(&mut self, id: DialogId, usage: UsageId) -> Result<&mut Subscription, Refused> {
        let slot = self.dialogs.get_mut(id).ok_or(Refused::Gone)?;
        slot.usages.get_mut(usage).ok_or(Refused::Gone)
    }
}

fn notifier_of(held: &mut Subscription) -> Result<&mut Notifier, Refused> {
    match &mut held.party {
        Party::Notifier(notifier) => Ok(notifier),
        Party::Subscriber(_) => Err(DialogError::Method.into()),
    }
}

/// A NOTIFY.
pub(super) fn notify(headers: Vec<Header>, body: Option<Body>) -> InDialog {
    InDialog { headers, body, ..InDialog::new(Method::Notify) }
}

/// The body of a NOTIFY that tells of a REFER.
pub(super) fn sipfrag(status: StatusCode) -> Body {
    Body::new(SIPFRAG, alloc::format!("{}", Sipfrag::new(status)))
}

/// What the message cannot hold is told now, not when its turn comes.
fn check(request: &InDialog) -> Result<(), Refused> {
    check_headers(&request.headers)?;
    let content_type = request.body.as_ref().map(|body| body.content_type.clone());
    // As any other value: this header itself is not for an application to set.
    let content_type = content_type.map(|value| Header::new("X", value));
    Ok(content_type.iter().try_for_each(Header::check)?)
}

/// Whether a NOTIFY says itself that the subscription is over.
fn is_last(request: &InDialog) -> bool {
    let said =
        header(request, Name::SubscriptionState).and_then(|value| SubscriptionState::parse(value).ok());
    said.is_some_and(|said| said.is_terminated())
}

pub(super) fn header(request: &InDialog, name: Name) -> Option<&str> {
    request.headers.iter().find(|header| Name::find(&header.name) == name).map(|header| &*header.value)
}
