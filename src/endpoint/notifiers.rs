//! Subscriptions of the peer's: SUBSCRIBE and REFER answered, NOTIFYs sent, the end (RFC 6665 §4.2, RFC 3515 §2.4).

use alloc::borrow::Cow;
use alloc::sync::Arc;
use core::time::Duration;

use super::event::By;
use super::ids::{DialogId, RequestId, ServerId};
use super::inspect::Refusal;
use super::slots::Purpose;
use super::{Endpoint, Refused};
use crate::context::Reply;
use crate::dialog::{
    DialogError, Failure, Impact, InDialog, Notifier, Party, REFER, Reason, SIPFRAG, Sipfrag, Subject,
    Subscription, SubscriptionEffects, TooBrief, UsageId, UsageKind, Usages, makes_subscription,
};
use crate::message::{Body, Header, Message, Method, Name, StatusCode, supplies};

/// How long the subscription of a REFER lasts where its result is not reported: longer than a call may ring (RFC 3515 §3.4).
const REFER_LASTS: Duration = Duration::from_secs(300);

impl<D: Default> Endpoint<D> {
    /// Why a SUBSCRIBE is refused before anyone is asked: too brief an Expires (RFC 6665 §4.2.1.1), no Event (§4.2.3), or a `refer` that no REFER has
    /// made (RFC 3515 §2.4.4).
    pub(super) fn subscribe_refusal(
        &mut self,
        dialog: Option<DialogId>,
        request: &Message,
    ) -> Option<Refusal> {
        if *request.method() != Method::Subscribe {
            return None;
        }
        let event = match request.event() {
            Ok(Some(event)) => event,
            Ok(None) => return Some((StatusCode::BAD_EVENT, None)),
            Err(_) => return Some((StatusCode::BAD_REQUEST, None)),
        };
        let Ok(asked) = request.expires() else { return Some((StatusCode::BAD_REQUEST, None)) };
        if let Err(TooBrief(least)) = self.config.granting.grant(asked) {
            let least = alloc::format!("{}", least.as_secs());
            return Some((StatusCode::INTERVAL_TOO_BRIEF, Some((Name::MinExpires, least))));
        }
        (event.name == REFER && !self.is_known_subscription(dialog, request))
            .then_some((StatusCode::FORBIDDEN, None))
    }

    /// Whether a dialog has room for one more subscription of the peer's (RFC 5057 §5.6).
    pub(super) fn usage_refusal(
        &self,
        dialog: DialogId,
        request: &Message,
        is_known: bool,
    ) -> Option<Refusal> {
        let usages = &self.dialogs.get(dialog)?.usages;
        let has_session = usages.has_invite();
        match UsageKind::of(request.method()) {
            Some(UsageKind::Invite) if !has_session && *request.method() == Method::Invite => {
                Some((StatusCode::DECLINE, None))
            }
            Some(UsageKind::Invite) if !has_session => {
                Some((StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST, None))
            }
            Some(UsageKind::Subscription) if !is_known && usages.subscriptions().len() >= Usages::MOST => {
                Some((StatusCode::DECLINE, None))
            }
            _ => None,
        }
    }

    /// Whether a SUBSCRIBE is about a subscription that is there.
    pub(super) fn is_known_subscription(&mut self, dialog: Option<DialogId>, request: &Message) -> bool {
        let slot = dialog.and_then(|dialog| self.dialogs.get_mut(dialog));
        let (Some(slot), Ok(Some(event))) = (slot, request.event()) else { return false };
        *request.method() == Method::Subscribe && slot.usages.subscribed(&event).is_some()
    }

    /// A 2xx of ours to a SUBSCRIBE says how long it lasts, and leaves its body, which is the state, to the NOTIFY (RFC 6665 §4.2.1.1).
    pub(super) fn reply_with_expires<'a>(&self, server: ServerId, reply: Cow<'a, Reply>) -> Cow<'a, Reply> {
        let request = self.servers.get(server).and_then(|slot| slot.context.request());
        let code = reply.code.unwrap_or(StatusCode::OK.code());
        let Some(request) = request.filter(|_| (200..300).contains(&code)) else { return reply };
        let is_subscribe = *request.method() == Method::Subscribe;
        if !is_subscribe && *request.method() != Method::Refer {
            return reply;
        }
        let mut reply = reply.into_owned();
        reply.body = None;
        // RFC 6665 §8.3.1, RFC 7647 §5.
        reply.code = reply.code.filter(|code| *code != StatusCode::ACCEPTED.code());
        if is_subscribe && !supplies(&reply.headers, Name::Expires) {
            let asked = request.expires().ok().flatten();
            let granted = self.config.granting.grant(asked).unwrap_or_default();
            reply.headers.push(Header::of(Name::Expires, granted.as_secs()));
        }
        Cow::Owned(reply)
    }

    /// A 2xx of ours to a SUBSCRIBE or REFER has gone out: the subscription is there, or lasts longer, or is over, and a NOTIFY follows at
    /// once (§4.2.1.2).
    pub(super) fn subscription_answered(
        &mut self,
        id: DialogId,
        request: &Message,
        response: &Message,
        state: Option<Body>,
    ) {
        let is_refer = match request.method() {
            Method::Subscribe => false,
            Method::Refer => true,
            _ => return,
        };
        let now = self.now;
        if is_refer && !makes_subscription(request, response) {
            return self.end_if_over(id);
        }
        let granted = response.expires().ok().flatten().unwrap_or(REFER_LASTS);
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        let is_first = !slot.is_referred;
        slot.is_referred |= is_refer;
        let subject = match (is_refer, request.event()) {
            (true, _) => Subject::refer(request.cseq(), is_first),
            (false, Ok(Some(event))) => {
                if let Some((usage, notifier)) = slot.usages.subscribed(&event) {
                    let effects = notifier.refreshed(now, granted);
                    self.schedule_dialog(id);
                    return self.carry_out_notifier(id, usage, effects, state);
                }
                Subject::of(&event)
            }
            (false, _) => return self.end_if_over(id),
        };
        let (notifier, effects) = Notifier::new(now, granted, true);
        let Ok(usage) = slot.usages.add(subject, Party::Notifier(notifier)) else {
            return self.end_if_over(id);
        };
        self.schedule_dialog(id);
        let state = if is_refer { Some(sipfrag(StatusCode::TRYING)) } else { state };
        self.carry_out_notifier(id, usage, effects, state);
    }

    /// A dialog that an answer has made, but no usage.
    fn end_if_over(&mut self, id: DialogId) {
        if self.dialogs.get(id).is_some_and(|slot| slot.usages.is_over()) {
            self.end_dialog(id, By::Local, super::Why::Unsubscribed, None, None);
        }
    }

    /// Does what a notifier asks for.
    pub(super) fn carry_out_notifier(
        &mut self,
        id: DialogId,
        usage: UsageId,
        effects: SubscriptionEffects,
        state: Option<Body>,
    ) {
        if effects.contains(SubscriptionEffects::NOTIFY)
            && self.send_notify(id, usage, state, &[], Purpose::Refresh).is_err()
        {
            // Where nothing can be sent, nothing more is owed.
            return self.subscription_over(id, usage, By::Local, Impact::Usage, None);
        }
        if effects.contains(SubscriptionEffects::ENDED) {
            self.subscription_over(id, usage, By::Local, Impact::Usage, None);
        }
    }

    /// Sends a NOTIFY with the state of the subscription as it is now.
    pub(super) fn send_notify(
        &mut self,
        id: DialogId,
        usage: UsageId,
        body: Option<Body>,
        headers: &[Header],
        purpose: Purpose,
    ) -> Result<RequestId, Refused> {
        let now = self.now;
        let slot = self.dialogs.get_mut(id).ok_or(Refused::Gone)?;
        let held = slot.usages.get_mut(usage).ok_or(Refused::Gone)?;
        let Party::Notifier(notifier) = &held.party else { return Err(DialogError::Method.into()) };
        let mut request = InDialog::new(Method::Notify)
            .header(Name::Event.as_str(), held.subject().event())
            .header(Name::SubscriptionState.as_str(), alloc::format!("{}", notifier.line(now)));
        request.headers.extend_from_slice(headers);
        request.body = body;
        self.send_about(id, &request, purpose, Some(usage))
    }

    /// The application tells of the state.
    pub(super) fn notify(
        &mut self,
        id: DialogId,
        usage: UsageId,
        body: Option<Body>,
    ) -> Result<RequestId, Refused> {
        let slot = self.dialogs.get_mut(id).ok_or(Refused::Gone)?;
        let held = slot.usages.get_mut(usage).ok_or(Refused::Gone)?;
        match &held.party {
            Party::Notifier(notifier) if notifier.deadline().is_some() => {}
            _ => return Err(DialogError::Terminated.into()),
        }
        self.send_notify(id, usage, body, &[], Purpose::App)
    }

    /// The application ends a subscription of the peer's.
    pub(super) fn terminate(
        &mut self,
        id: DialogId,
        usage: UsageId,
        reason: Reason,
        body: Option<Body>,
    ) -> Result<RequestId, Refused> {
        let slot = self.dialogs.get_mut(id).ok_or(Refused::Gone)?;
        let held = slot.usages.get_mut(usage).ok_or(Refused::Gone)?;
        let Party::Notifier(notifier) = &mut held.party else { return Err(DialogError::Method.into()) };
        let before = notifier.clone();
        if notifier.terminate(Some(reason), None).is_empty() {
            return Err(DialogError::Terminated.into());
        }
        let sent = self.send_notify(id, usage, body, &[], Purpose::App);
        match &sent {
            Ok(_) => self.schedule_dialog(id),
            Err(_) => {
                let held = self.dialogs.get_mut(id).and_then(|slot| slot.usages.get_mut(usage));
                if let Some(held) = held {
                    held.party = Party::Notifier(before);
                }
            }
        }
        sent
    }

    /// How far a REFER has come: its NOTIFY, the last one for a final status (RFC 3515 §2.4.5, §2.4.7).
    pub(super) fn report_refer(
        &mut self,
        id: DialogId,
        usage: UsageId,
        status: StatusCode,
    ) -> Result<RequestId, Refused> {
        match Sipfrag::new(status).is_final() {
            true => self.terminate(id, usage, Reason::Noresource, Some(sipfrag(status))),
            false => self.notify(id, usage, Some(sipfrag(status))),
        }
    }

    /// A REFER that nobody serves is answered 200 all the same: its subscription ends at once with 603 (RFC 3515 §2.4.5).
    pub(super) fn decline_refer(&mut self, id: DialogId, request: &Message) {
        let cseq = request.cseq();
        let Some(slot) = self.dialogs.get(id) else { return };
        let made = slot.usages.subscriptions().iter().find(|held| held.subject().is_refer(cseq));
        if let Some(usage) = made.map(Subscription::id) {
            _ = self.report_refer(id, usage, StatusCode::DECLINE);
        }
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
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        let Some(Party::Notifier(notifier)) = slot.usages.get_mut(usage).map(|held| &mut held.party) else {
            return;
        };
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

    /// Everything that the subscriptions of a dialog have due.
    pub(super) fn fire_usages(&mut self, id: DialogId) {
        let now = self.now;
        while let Some((usage, effects)) = self.dialogs.get_mut(id).and_then(|slot| slot.usages.step(now)) {
            self.schedule_dialog(id);
            if effects.contains(SubscriptionEffects::REFRESH) {
                self.refresh_subscription(id, usage);
            }
            self.carry_out_notifier(id, usage, effects, None);
        }
    }

    /// Ends the subscriptions of a dialog without a session at the application's wish: NOTIFY terminated, SUBSCRIBE with Expires 0.
    pub(super) fn unsubscribe_all(&mut self, id: DialogId, headers: &[Header]) -> Result<(), Refused> {
        let slot = self.dialogs.get(id).ok_or(Refused::Gone)?;
        let all: alloc::vec::Vec<_> = slot
            .usages
            .subscriptions()
            .iter()
            .map(|held| {
                let tells = matches!(held.party, Party::Notifier(_));
                (held.id(), held.subject().event(), tells, held.is_leaving())
            })
            .collect();
        for (usage, event, tells, is_leaving) in all {
            if is_leaving {
                continue;
            }
            let sent = match tells {
                true => {
                    let held = self.dialogs.get_mut(id).and_then(|slot| slot.usages.get_mut(usage));
                    if let Some(Party::Notifier(notifier)) = held.map(|held| &mut held.party) {
                        _ = notifier.terminate(Some(Reason::Deactivated), None);
                    }
                    self.send_notify(id, usage, None, headers, Purpose::Refresh)
                }
                false => self.send_subscribe(id, event, Duration::ZERO, headers),
            };
            match sent {
                Ok(_) => self.schedule_dialog(id),
                Err(_) => self.subscription_over(id, usage, By::Local, Impact::Usage, None),
            }
        }
        Ok(())
    }
}

/// The body of a NOTIFY that tells of a REFER.
fn sipfrag(status: StatusCode) -> Body {
    Body::new(SIPFRAG, alloc::format!("{}", Sipfrag::new(status)))
}
