//! Subscriptions of the peer's: SUBSCRIBE and REFER answered, what they make, what is due, the end (RFC 6665 §4.2, RFC 3515 §2.4).

use core::time::Duration;

use super::event::By;
use super::ids::{DialogId, ServerId};
use super::inspect::Refusal;
use super::slots::Purpose;
use super::telling::{notify, sipfrag};
use super::{Endpoint, Refused};
use crate::context::{Permission, Reply};
use crate::dialog::{
    Impact, Notifier, Party, REFER, REFER_PACE, Reason, Subject, SubscriptionEffects, TooBrief, UsageError,
    UsageKind, makes_subscription,
};
use crate::message::{Body, Header, Message, Method, Name, StatusCode};
use crate::time::Timestamp;

/// How long the subscription of a REFER lasts where its result is not reported: longer than a call may ring (RFC 3515 §3.4).
const REFER_LASTS: Duration = Duration::from_secs(300);

impl<D: Default> Endpoint<D> {
    /// Why a SUBSCRIBE or REFER is refused before anyone is asked: too brief an Expires (RFC 6665 §4.2.1.1), no Event (§4.2.3), or a `refer` that no REFER has
    /// made (RFC 3515 §2.4.4); a REFER to none, or to several (§2.4.2).
    pub(super) fn subscribe_refusal(
        &mut self,
        dialog: Option<DialogId>,
        request: &Message,
    ) -> Option<Refusal> {
        match request.method() {
            Method::Subscribe => {}
            Method::Refer => {
                let is_one = request.values(Name::ReferTo).count() == 1 && request.refer_to().is_ok();
                return (!is_one).then_some((StatusCode::BAD_REQUEST, None));
            }
            _ => return None,
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
            Some(UsageKind::Subscription) if !is_known && usages.is_full() => {
                // RFC 6665 §4.1.3: a NOTIFY makes none, and is told otherwise that it belongs to none.
                (*request.method() != Method::Notify).then_some((StatusCode::DECLINE, None))
            }
            _ => None,
        }
    }

    /// Whether a SUBSCRIBE is about a subscription that is there. One whose last NOTIFY is under way is not: no other NOTIFY would follow the 2xx
    /// (RFC 6665 §4.2.1.2). To end that, there is nothing to ask.
    pub(super) fn is_known_subscription(&mut self, dialog: Option<DialogId>, request: &Message) -> bool {
        if *request.method() != Method::Subscribe {
            return false;
        }
        let slot = dialog.and_then(|dialog| self.dialogs.get_mut(dialog));
        let (Some(slot), Ok(Some(event))) = (slot, request.event()) else { return false };
        let leaves = request.expires().is_ok_and(|expires| expires == Some(Duration::ZERO));
        slot.usages.subscribed(&event).is_some_and(|(_, notifier)| leaves || !notifier.is_through())
    }

    /// A 2xx of ours to a SUBSCRIBE says how long it lasts, and leaves its body, which is the state, to the NOTIFY (RFC 6665 §4.2.1.1).
    pub(super) fn reply_with_expires(&self, request: &Message, reply: &Reply) -> Reply {
        let mut reply = Reply { body: None, ..reply.clone() };
        // RFC 6665 §8.3.1, RFC 7647 §5.
        if reply.code == Some(StatusCode::ACCEPTED.code()) {
            reply.code = Some(StatusCode::OK.code());
        }
        if *request.method() != Method::Subscribe {
            return reply;
        }
        let asked = request.expires().ok().flatten();
        let granted =
            || Header::of(Name::Expires, self.config.granting.grant(asked).unwrap_or_default().as_secs());
        // §3.1.1: the application's own holds where it is no longer than asked for, and a number.
        let holds = |given: &Header| {
            let given = given.value.parse::<u32>().map(|seconds| Duration::from_secs(seconds.into()));
            given.is_ok_and(|given| asked.is_none_or(|asked| given <= asked))
        };
        match reply.headers.iter_mut().find(|header| Name::find(&header.name) == Name::Expires) {
            None => reply.headers.push(granted()),
            Some(given) if !holds(given) => *given = granted(),
            Some(_) => {}
        }
        reply
    }

    /// Whether a dialog has room for the subscription that a 2xx of ours makes in it (RFC 5057 §5.6): there are others than when it was asked for.
    pub(super) fn check_room(
        &mut self,
        id: DialogId,
        server: ServerId,
        response: Option<&Message>,
    ) -> Result<(), Refused> {
        if !self.dialogs.get(id).is_some_and(|slot| slot.usages.is_full()) {
            return Ok(());
        }
        let request = self.servers.get(server).and_then(|slot| slot.context.request().cloned());
        let (Some(request), Some(response)) = (request, response) else { return Ok(()) };
        let makes_one = match request.method() {
            Method::Subscribe => !self.is_known_subscription(Some(id), &request),
            Method::Refer => makes_subscription(&request, response),
            _ => false,
        };
        if makes_one { Err(UsageError::Full.into()) } else { Ok(()) }
    }

    /// A 2xx of ours to a SUBSCRIBE or REFER has gone out: the subscription is there, or lasts longer, or is over, and a NOTIFY follows at
    /// once (§4.2.1.2).
    pub(super) fn subscription_answered(
        &mut self,
        id: DialogId,
        request: &Message,
        response: &Message,
        state: Option<Body>,
        permission: Permission,
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
        let is_first = is_refer && *slot.first_refer.get_or_insert(request.cseq()) == request.cseq();
        let subject = match (is_refer, request.event()) {
            (true, _) => Subject::refer(request.cseq(), is_first),
            (false, Ok(Some(event))) => {
                if let Some((usage, notifier)) = slot.usages.subscribed(&event)
                    && (granted.is_zero() || !notifier.is_through())
                {
                    let effects = notifier.refreshed(now, granted);
                    if permission == Permission::Denied {
                        _ = notifier.terminate(Some(refusal(event.name == REFER)), None);
                    }
                    return match effects.is_empty() {
                        // The last NOTIFY of one that was ended waits for its turn.
                        true => {}
                        false => self.notify_now(id, usage, state),
                    };
                }
                Subject::of(&event)
            }
            (false, _) => return self.end_if_over(id),
        };
        let pace = self.config.granting.pace;
        let pace = if is_refer { pace.max(REFER_PACE) } else { pace };
        let party = Party::Notifier(begun(now, granted, permission, is_refer).paced(pace));
        let Ok(usage) = slot.usages.add(subject, party) else {
            return self.end_if_over(id);
        };
        let state = match (is_refer, permission) {
            (true, Permission::Denied) => Some(sipfrag(StatusCode::DECLINE)),
            (true, Permission::Granted | Permission::Pending) => Some(sipfrag(StatusCode::TRYING)),
            (false, _) => state,
        };
        self.notify_now(id, usage, state);
    }

    /// A dialog that an answer has made, but no usage.
    fn end_if_over(&mut self, id: DialogId) {
        if self.dialogs.get(id).is_some_and(|slot| slot.usages.is_over()) {
            self.end_dialog(id, By::Local, super::Why::Unsubscribed, None, None);
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
            if effects.contains(SubscriptionEffects::NOTIFY) {
                self.notify_in_turn(id, usage);
            }
            if effects.contains(SubscriptionEffects::ENDED) {
                self.subscription_over(id, usage, By::Local, Impact::Usage, None);
            }
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
                // RFC 3515 §2.4.7: what a REFER has made is not to be made anew.
                let reason = if held.subject().is_refer() { Reason::Noresource } else { Reason::Deactivated };
                let tells = matches!(held.party, Party::Notifier(_)).then_some(reason);
                (held.id(), tells, held.is_leaving())
            })
            .collect();
        for (usage, tells, is_leaving) in all {
            if is_leaving {
                continue;
            }
            let sent = match tells {
                Some(reason) => {
                    let held = self.dialogs.get_mut(id).and_then(|slot| slot.usages.get_mut(usage));
                    if let Some(Party::Notifier(notifier)) = held.map(|held| &mut held.party) {
                        _ = notifier.terminate(Some(reason), None);
                    }
                    let request = notify(headers.to_vec(), None);
                    self.send_in_turn(id, usage, request, Purpose::Refresh)
                }
                None => self.send_subscribe(id, usage, Duration::ZERO, headers),
            };
            match sent {
                Ok(_) => self.schedule_dialog(id),
                Err(_) => self.subscription_over(id, usage, By::Local, Impact::Usage, None),
            }
        }
        Ok(())
    }
}

/// The subscription that a 2xx of ours makes. One that is denied is over before it begins (RFC 6665 §4.2.1.3, RFC 3515 §2.4.7).
fn begun(now: Timestamp, granted: Duration, permission: Permission, is_refer: bool) -> Notifier {
    let lasts = if permission == Permission::Denied { REFER_LASTS } else { granted };
    let (mut notifier, _) = Notifier::new(now, lasts, permission == Permission::Granted);
    if permission == Permission::Denied {
        _ = notifier.terminate(Some(refusal(is_refer)), None);
    }
    notifier
}

/// Why a subscription ends whose 2xx denies it (RFC 6665 §4.2.1.3, RFC 3515 §2.4.7).
fn refusal(is_refer: bool) -> Reason {
    if is_refer { Reason::Noresource } else { Reason::Rejected }
}
