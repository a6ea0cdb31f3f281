//! Provisional answers that are acknowledged (RFC 3262): the PRACKs that come for ours, and those that we send for the peer's.

use alloc::string::{String, ToString};
use alloc::sync::Arc;

use super::event::ServerEvent;
use super::flow::Flow;
use super::ids::{DialogId, ServerId};
use super::policy::Handling;
use super::slots::{Held, Purpose};
use super::transports::Task;
use super::{Config, Endpoint, Refused};
use crate::context::{OPTION_TAG, Rel100, Reply, ServerEffects, Verb, rack};
use crate::dialog::{DialogError, InDialog, Verdict};
use crate::message::{Body, Message, Method, StatusCode, is_token};
use crate::sdp::{Change, Meaning, Side};
use crate::transaction::MatchId;

impl<D: Default> Endpoint<D> {
    /// A PRACK, in the dialog that the answer which it acknowledges has made; `None` when that is over (RFC 3262 §3).
    pub(super) fn inspect_prack(
        &mut self,
        flow: &Flow,
        id: MatchId,
        dialog: Option<DialogId>,
        prack: Arc<Message>,
    ) {
        let handling = match self.in_dialog_refusal(dialog, &prack, false) {
            Ok(handling) => handling,
            Err(refusal) => return self.refuse(flow, &prack, refusal),
        };
        if !matches!(prack.rack(), Ok(Some(_))) {
            return self.refuse(flow, &prack, (StatusCode::BAD_REQUEST, None));
        }
        let Some(invite) = self.pracked_by(&prack) else {
            return self.refuse(flow, &prack, (StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST, None));
        };
        let Some(dialog) = dialog else {
            if self.servers.len() >= self.config.limits.servers {
                return self.overloaded(flow, &prack);
            }
            let server = self.begin(flow, id, prack.clone(), None);
            return self.answer_alone(server, &prack);
        };
        let is_about_session = self.is_about_session(invite, &prack);
        let Some(slot) = self.dialogs.get_mut(dialog) else { return };
        let refused = match slot.dialog.receive(&prack) {
            Verdict::InOrder => None,
            Verdict::OutOfOrder => Some(StatusCode::INTERNAL_SERVER_ERROR),
            Verdict::Terminated => Some(StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST),
        };
        if let Some(status) = refused {
            return self.refuse(flow, &prack, (status, None));
        }
        let meaning = match is_about_session {
            true => slot.dialog.note(Side::Theirs, &prack),
            false => Ok(Meaning::Nothing),
        };
        match meaning {
            Ok(meaning) => {
                let server = self.begin(flow, id, prack.clone(), Some(dialog));
                self.serve_prack(server, dialog, &prack, (meaning, handling));
                if meaning == Meaning::Missing {
                    // RFC 3262 §5: the offer got no answer, so there is no session.
                    let reply = Reply::code(StatusCode::NOT_ACCEPTABLE_HERE.code());
                    _ = self.respond(invite, Verb::Reject, &reply);
                }
            }
            // Its number was taken note of: seen again, it would be refused otherwise. The session was not told of it.
            Err(refusal) => {
                let server = self.begin(flow, id, prack, None);
                _ = self.respond(server, Verb::Reject, &Reply::code(refusal.status().code()));
            }
        }
    }

    /// Has a PRACK answered. Only one with an offer is anybody's business.
    fn serve_prack(
        &mut self,
        server: ServerId,
        dialog: DialogId,
        prack: &Message,
        (meaning, handling): (Meaning, Handling),
    ) {
        let offer = prack.session_description().filter(|_| meaning == Meaning::Offer);
        let Some(slot) = self.dialogs.get_mut(dialog).filter(|_| offer.is_some()) else {
            return self.answer_alone(server, prack);
        };
        let change = slot.dialog.change(offer);
        let handling = match change {
            Change::Refresh | Change::Hold | Change::Unhold => self.config.policy.session,
            Change::Modify => handling,
        };
        if handling == Handling::Ask {
            slot.servers.push(server);
        }
        self.serve(dialog, Held { server, handling, change: Some(change) });
    }

    /// A PRACK was answered 2xx: what it acknowledges is not repeated any more, and what waited for that goes out.
    pub(super) fn pracked(&mut self, prack: &Arc<Message>) {
        let (now, settings) = (self.now, self.config.settings);
        let Some((invite, rack)) = self.pracked_by(prack).zip(prack.rack().ok().flatten()) else { return };
        let Some(slot) = self.servers.get_mut(invite) else { return };
        let request = slot.context.request().cloned();
        let effects = slot.context.prack(now, &rack, &settings);
        self.tell_server(invite, ServerEvent::Pracked { request: prack.clone() });
        let mut changed = None;
        if let (Some(request), true) = (request, effects.contains(ServerEffects::ACCEPTED)) {
            changed = self.session_answered(invite, &request);
            self.session_answered_so(invite, &request);
        }
        if effects.contains(ServerEffects::PROGRESS) {
            self.note_progress(invite);
        }
        self.carry_out_server(invite, effects, None);
        if let Some(dialog) = changed {
            self.pump(dialog);
        }
    }

    /// The INVITE whose provisional answer this PRACK acknowledges: one of its dialog's, or, where that is over or the ACK came, the one that
    /// made it.
    fn pracked_by(&self, prack: &Message) -> Option<ServerId> {
        let rack = prack.rack().ok().flatten()?;
        let (from, to) = (prack.from().ok()?, prack.to().ok()?);
        let (remote_tag, local_tag) = (from.tag().unwrap_or_default(), to.tag()?);
        let (call_id, remote_tag) = (prack.call_id().as_bytes(), remote_tag.as_bytes());
        let dialog = self.dialog_with(call_id, local_tag.as_bytes(), remote_tag);
        let open = dialog.and_then(|dialog| self.dialogs.get(dialog)).map(|slot| slot.servers.as_slice());
        let twin = MatchId::twin(&self.key, remote_tag, call_id, (rack.cseq, &rack.method));
        let is_ours = |server: &ServerId| {
            let tag = self.servers.get(*server).map(|slot| slot.context.tag().as_str());
            tag.is_some_and(|tag| tag.eq_ignore_ascii_case(local_tag))
        };
        let initial = self.twin_of(twin).filter(is_ours);
        open.unwrap_or_default()
            .iter()
            .copied()
            .chain(initial)
            .find(|server| self.servers.get(*server).is_some_and(|slot| slot.context.is_pracked_by(&rack)))
    }

    /// Whether offer and answer have to do with a PRACK: it has a description, or the answer that it acknowledges has.
    fn is_about_session(&self, invite: ServerId, prack: &Message) -> bool {
        let out = self.servers.get(invite).and_then(|slot| slot.context.unacknowledged());
        let has_description = |message: &Message| message.session_description().is_some();
        has_description(prack) || out.is_some_and(|out| has_description(out))
    }

    /// Whether a PRACK within a dialog that was answered takes part in offer and answer.
    pub(super) fn is_session_prack(&self, prack: &Message) -> bool {
        // The INVITE of one that brought an offer may be over by now.
        prack.session_description().is_some()
            || self.pracked_by(prack).is_some_and(|invite| self.is_about_session(invite, prack))
    }

    /// Sends the PRACK of a reliable provisional answer, with our answer if that brought the offer (RFC 3262 §4, §5).
    ///
    /// One that is refused is not followed by another, not where it was out of order either (500, RFC 3261 §12.2.2): what it acknowledges is dropped when it
    /// comes again (RFC 3262 §4), a 500 does not tell that order was its cause, and what comes of the INVITE is the peer's to say (§3).
    pub(super) fn send_prack(
        &mut self,
        id: DialogId,
        response: &Message,
        answer: Option<Body>,
    ) -> Result<(), Refused> {
        let rack = rack(response).ok_or(DialogError::NoDialog)?;
        let is_about_session = answer.is_some() || response.session_description().is_some();
        let request =
            InDialog { body: answer, ..InDialog::new(Method::Prack).header("RAck", rack.to_string()) };
        let (message, route) = self.write_in_dialog(id, &request)?;
        if let Some(slot) = self.dialogs.get_mut(id).filter(|_| is_about_session) {
            slot.dialog.note_sent(&message);
        }
        let purpose = if is_about_session { Purpose::SessionPrack } else { Purpose::Quiet };
        let client = self.begin_client(Arc::new(message), purpose, Some(id));
        self.go_within(id, route, Task::Launch(client));
        Ok(())
    }

    /// Our PRACK has its final answer.
    pub(super) fn prack_answered(&mut self, id: DialogId, response: &Message) {
        if let Some(slot) = self.dialogs.get_mut(id) {
            _ = slot.dialog.note(Side::Theirs, response);
        }
        self.pump(id);
    }
}

/// The value of Supported (RFC 3261 §20.37): the application's list, and 100rel by its policy.
pub(super) fn supported(config: &Config, rel100: Rel100) -> String {
    let own = config.supported.iter().map(AsRef::as_ref).filter(|tag| is_token(tag) && !is_option_tag(tag));
    let mut supported = String::new();
    for tag in own.chain((rel100 != Rel100::Unsupported).then_some(OPTION_TAG)) {
        if !supported.is_empty() {
            supported.push_str(", ");
        }
        supported.push_str(tag);
    }
    supported
}

pub(super) fn is_option_tag(tag: &str) -> bool {
    tag.eq_ignore_ascii_case(OPTION_TAG)
}
