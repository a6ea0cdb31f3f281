//! Session timers: what INVITE, UPDATE and their answers say of them, the refresh, and the end of a session that nobody refreshes (RFC 4028).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::event::Why;
use super::ids::{DialogId, RequestId, ServerId};
use super::inspect::Refusal;
use super::slots::{ClientSlot, DialogSlot, ServerSlot, Stage, Wish};
use super::{Endpoint, Refused};
use crate::context::{Hop, Reply, again};
use crate::dialog::{
    DialogState, Failure, Impact, InDialog, SessionEffects, SessionTerms, SessionTimer, TIMER, TimerMode,
    Unacceptable,
};
use crate::message::{Header, Message, Method, Name, StatusCode, supplies};

/// How often an INVITE that starts a call is sent again, where each 422 asks for more than the one before.
const MOST_RETRIES: u8 = 3;

/// What a BYE says of a session that nobody refreshed (RFC 3326 §2).
const EXPIRED: &str = "SIP;cause=408;text=\"Session timer expired\"";

impl<D: Default> Endpoint<D> {
    /// How an INVITE or UPDATE of the peer's is refused on account of the session timer (RFC 4028 §9).
    pub(super) fn timer_refusal(&mut self, dialog: Option<DialogId>, request: &Message) -> Option<Refusal> {
        let settings = self.config.session_timers();
        if settings.mode == TimerMode::Off || !concerns(request.method()) {
            return None;
        }
        let Ok(terms) = SessionTerms::of(request) else { return Some((StatusCode::BAD_REQUEST, None)) };
        let mut fresh = SessionTimer::new(settings);
        let timer = match dialog.and_then(|dialog| self.dialogs.get_mut(dialog)) {
            Some(slot) => slot.session.as_deref_mut().unwrap_or(&mut fresh),
            None => &mut fresh,
        };
        match timer.receive(&terms).err()? {
            Unacceptable::TooSmall(least) => {
                let min_se = alloc::format!("{}", least.as_secs());
                Some((StatusCode::SESSION_INTERVAL_TOO_SMALL, Some((Name::MinSe, min_se))))
            }
            Unacceptable::Unsupported => {
                Some((StatusCode::EXTENSION_REQUIRED, Some((Name::Require, TIMER.into()))))
            }
        }
    }

    /// What an INVITE that starts a call says.
    pub(super) fn first_terms(&self, method: &Method) -> Option<SessionTerms> {
        (*method == Method::Invite).then(|| SessionTimer::new(self.config.session_timers()).request())
    }

    /// A 2xx of ours with what it says of the session timer (§9), where it says something.
    pub(super) fn reply_with_terms(&self, slot: &ServerSlot<D>, reply: &Reply) -> Option<Reply> {
        let settings = self.config.session_timers();
        if settings.mode == TimerMode::Off {
            return None;
        }
        let request = slot.context.request().filter(|request| concerns(request.method()))?;
        let terms = SessionTerms::of(request).ok()?;
        let within = slot.dialog.and_then(|dialog| self.dialogs.get(dialog));
        // What an UPDATE before the session is up would agree nobody keeps: the INVITE's 2xx says it.
        if slot.is_in_dialog && !within.is_some_and(|within| within.has_session(request.method())) {
            return None;
        }
        let known = within.map(|slot| slot.session().clone());
        let mut timer = known.unwrap_or_else(|| SessionTimer::new(settings));
        _ = timer.receive(&terms);
        let mut reply = reply.clone();
        let is_other = |header: &Header| Name::find(&header.name) != Name::SessionExpires;
        reply.headers.retain(|header| is_other(header) || terms.may_be_answered(&header.value));
        add_terms(&mut reply.headers, &timer.answer(&terms));
        Some(reply)
    }

    /// A 2xx of ours was sent: what it says of the session timer holds (§9).
    pub(super) fn session_answered_so(&mut self, server: ServerId, request: &Message) {
        if self.config.session_timers().mode == TimerMode::Off {
            return;
        }
        let Some(slot) = self.servers.get(server) else { return };
        let (Some(id), Some(response)) = (slot.dialog, slot.context.response()) else { return };
        let now = self.now;
        let Some(slot) = self.dialogs.get_mut(id).filter(|slot| slot.has_session(request.method())) else {
            return;
        };
        let Some(session) = &mut slot.session else { return };
        let (Ok(asked), Ok(said)) = (SessionTerms::of(request), SessionTerms::of(response)) else { return };
        _ = session.receive(&asked);
        session.answered(now, &said);
        self.schedule_dialog(id);
    }

    /// A 2xx to an INVITE or UPDATE of ours came: what it says of the session timer holds (§7.2). One that cannot be read says nothing.
    pub(super) fn session_accepted_so(&mut self, client: RequestId, id: DialogId, response: &Message) {
        let Some(sent) = self.clients.get(client).and_then(ClientSlot::request) else { return };
        let (Ok(sent_terms), method) = (SessionTerms::of(sent), sent.method().clone()) else { return };
        let said = SessionTerms::of(response).unwrap_or_default();
        let now = self.now;
        let Some(slot) = self.dialogs.get_mut(id).filter(|slot| slot.has_session(&method)) else { return };
        if let Some(session) = &mut slot.session {
            session.accepted(now, &sent_terms, &said);
        }
        self.schedule_dialog(id);
    }

    /// A request of ours within the dialog failed: when a refresh is to be sent again (§10). The failure of a change is not that of the refresh, which may
    /// wait behind it.
    pub(super) fn refresh_failed(
        &mut self,
        id: DialogId,
        method: &Method,
        failure: Failure,
        is_refresh: bool,
    ) {
        let now = self.now;
        let pause = core::time::Duration::from_millis(10).saturating_mul(self.random.between(210, 400));
        let Some(slot) = self.dialogs.get_mut(id).filter(|slot| slot.has_session(method)) else { return };
        let refuses = [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
        let is_unknown = *method == Method::Update && refuses.contains(&failure.status());
        if is_unknown {
            // §7.4: then by re-INVITE.
            slot.dialog.forget_updates();
        }
        let is_spared = !is_refresh && failure.impact(method) == Impact::Transaction;
        match &mut slot.session {
            Some(session) if is_unknown && is_refresh => session.refresh_now(now),
            Some(session) if !is_spared => _ = session.failed(now, method, failure, pause),
            Some(_) | None => {}
        }
        self.schedule_dialog(id);
    }

    /// The session timer of a dialog has something due.
    pub(super) fn fire_session(&mut self, id: DialogId) {
        let now = self.now;
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        let step = |session: &mut Box<SessionTimer>| session.step(now);
        let effects = slot.session.as_mut().map_or(SessionEffects::empty(), step);
        self.schedule_dialog(id);
        if effects.contains(SessionEffects::EXPIRED) {
            return self.session_expired(id);
        }
        if !effects.contains(SessionEffects::REFRESH) {
            return;
        }
        let wish = Wish::new(InDialog::new(Method::Invite), None, true);
        if self.take_on(id, wish).is_err() {
            self.refresh_failed(id, &Method::Invite, Failure::TransportError, true);
        }
    }

    /// Nobody refreshed the session in time: a BYE, unless one waits for its ACK already (§10).
    fn session_expired(&mut self, id: DialogId) {
        let headers = [Header::new(Name::Reason.as_str(), EXPIRED)];
        match self.awaits_ack(id) {
            true => _ = self.destroy(id, headers.into()),
            false => self.hang_up(id, &headers, Why::Expired),
        }
    }

    /// The refresh as it is to go out now: UPDATE without an offer where the peer takes it, else a re-INVITE with our description as it is
    /// (§7.4).
    pub(super) fn refresh_request(&self, id: DialogId) -> Result<InDialog, Refused> {
        let dialog = &self.dialogs.get(id).ok_or(Refused::Gone)?.dialog;
        if dialog.peer_updates() {
            return Ok(InDialog::new(Method::Update));
        }
        let local = dialog.negotiation().local().map(Bytes::copy_from_slice);
        let request = InDialog::new(Method::Invite);
        Ok(match local {
            Some(local) => request.sdp(local),
            None => request,
        })
    }

    /// An INVITE that starts a call met a 422 that makes sense to answer with another: same Call-ID, From and To, the next number (§7.3). The
    /// transaction that was answered so lives on under another name, which is handed back.
    pub(super) fn start_again(&mut self, client: RequestId, response: &Message) -> Option<RequestId> {
        let slot = self.clients.get_mut(client).filter(|slot| slot.dialog.is_none())?;
        let is_cancelled = slot.context()?.is_cancelled();
        let (request, flow) = (slot.request()?.clone(), slot.flow?);
        if *request.method() != Method::Invite || is_cancelled || slot.too_small >= MOST_RETRIES {
            return None;
        }
        let sent = SessionTerms::of(&request).ok()?;
        let mut timer = SessionTimer::new(self.config.session_timers());
        timer.too_small(&SessionTerms::default(), sent.min_se);
        if !timer.too_small(&sent, SessionTerms::of(response).ok()?.min_se) {
            return None;
        }
        let names = self.transports.names(flow.transport, Some(flow.remote.ip()));
        let branch = self.random.token();
        let hop = Hop { transport: flow.transport, sent_by: &names.sent_by, branch };
        // Require is there already.
        let terms = SessionTerms { required: false, ..timer.request() };
        let said = request.value(Name::Contact).unwrap_or_default();
        let contact = self.transports.contact_instead(said, flow.transport, Some(flow.remote.ip()));
        let contact = contact.map(|contact| Header::new(Name::Contact.as_str(), String::from(contact)));
        let headers: Vec<_> = terms.headers().chain(contact).collect();
        let message = again(&request, None, &hop, &headers, None).ok()?;
        self.end_early_forks(client, Why::Failed(StatusCode::SESSION_INTERVAL_TOO_SMALL));
        let slot = self.clients.get_mut(client)?;
        slot.too_small = slot.too_small.saturating_add(1);
        let tail = self.hand_on(client, Stage::Parked(Arc::new(message)))?;
        let route = self.transports.route_again(flow);
        let route = route.unwrap_or_else(|| self.transports.route_after(&request, flow));
        self.launch_by(route, client);
        Some(tail)
    }
}

impl<D> DialogSlot<D> {
    /// What an INVITE or UPDATE of ours within the dialog says of the session timer.
    pub(super) fn session_terms(&self, method: &Method) -> Option<SessionTerms> {
        self.has_session(method).then(|| self.session().request())
    }

    /// Takes in a 422 to an INVITE or UPDATE of ours; whether it makes sense to send another.
    pub(super) fn is_too_small(&mut self, sent: &Message, response: &Message) -> bool {
        let (Ok(sent), Ok(said)) = (SessionTerms::of(sent), SessionTerms::of(response)) else { return false };
        self.session.as_mut().is_some_and(|session| session.too_small(&sent, said.min_se))
    }

    /// Whether a request with this method is about a session that is up.
    fn has_session(&self, method: &Method) -> bool {
        concerns(method) && self.usages.has_invite() && self.dialog.state() == DialogState::Confirmed
    }
}

fn concerns(method: &Method) -> bool {
    matches!(method, Method::Invite | Method::Update)
}

/// Adds what a message says of the session timer to its headers. What the application says itself stands.
pub(super) fn add_terms(headers: &mut Vec<Header>, terms: &SessionTerms) {
    for header in terms.headers() {
        let name = Name::find(&header.name);
        if name == Name::Require || !supplies(headers, name) {
            headers.push(header);
        }
    }
}
