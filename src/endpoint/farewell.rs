//! The BYE of ours: how it goes out, and what its answer comes to (RFC 3261 §15.1.1).
//!
//! With the BYE the session is over for us. The dialog waits for the answer, and where that asks for credentials, for the application to send
//! another one with them (§22.2, §22.3): for 64·T1 at most. A BYE that a later request of ours has overtaken, as those of subscriptions beside the session may (RFC 5057
//! §4), is out of order for the peer, whose session goes on (§12.2.2): another one follows it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::event::{By, DialogEvent, Why};
use super::ids::{DialogId, RequestId};
use super::slots::{Challenged, Purpose};
use super::{Endpoint, Event, Refused};
use crate::dialog::InDialog;
use crate::message::{Header, Message, Method, Name, StatusCode};

impl<D: Default> Endpoint<D> {
    /// Sends the BYE. Nothing else goes out in the dialog after it.
    pub(super) fn bye(
        &mut self,
        id: DialogId,
        headers: &[Header],
        purpose: Purpose,
    ) -> Result<RequestId, Refused> {
        self.settle_ack(id);
        let bye = InDialog { method: Method::Bye, headers: headers.to_vec(), body: None };
        let client = self.send_for(id, &bye, purpose)?;
        let Some(slot) = self.dialogs.get_mut(id) else { return Ok(client) };
        slot.dialog.terminate();
        // RFC 4028 §10: there is no session to run out any more.
        if let Some(session) = slot.session.as_mut().filter(|session| session.interval().is_some()) {
            session.stop();
            self.schedule_dialog(id);
        }
        Ok(client)
    }

    /// Sends the BYE. Where the peer's Contact or Record-Route leaves it no way to go, or makes it too long, the dialog ends
    /// without one.
    pub(super) fn bye_or_end(&mut self, id: DialogId, headers: &[Header]) -> Result<(), Refused> {
        match self.bye(id, headers, Purpose::Bye) {
            Ok(_) => {}
            // The application can leave its headers out.
            Err(refused @ (Refused::Dialog(_) | Refused::Context(_))) if !headers.is_empty() => {
                return Err(refused);
            }
            Err(_) => self.end_dialog(id, By::Local, Why::Bye, None, None),
        }
        Ok(())
    }

    /// Our BYE has its result, and ends a session that is still there; not yet, where it is challenged.
    pub(super) fn bye_answered(&mut self, id: DialogId, bye: Arc<Message>, response: Arc<Message>) {
        let until = self.now + self.config.settings.timers.give_up();
        let Some(slot) = self.dialogs.get_mut(id).filter(|slot| slot.usages.has_invite()) else { return };
        let is_overtaken = response.status() == Some(StatusCode::INTERNAL_SERVER_ERROR)
            && slot.dialog.local_cseq() > bye.cseq();
        // §15: not before the ACK of a 2xx that followed the first one.
        if is_overtaken && !self.awaits_ack(id) && self.bye_anew(id, &own_lines(&bye)).is_ok() {
            return;
        }
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        if !is_challenge(&response) {
            return self.end_dialog(id, By::Local, Why::Bye, Some(bye), Some(response));
        }
        let challenged = Challenged { bye: bye.clone(), response: response.clone(), until };
        slot.rare_mut().challenged = Some(Box::new(challenged));
        let event = DialogEvent::Challenged { message: bye, response };
        self.emit(Event::Dialog { dialog: id, event });
        self.schedule_dialog(id);
    }

    /// A request that went out in the dialog of its own accord has failed. Where it is challenged, the application may have what is asked for, and
    /// is told.
    pub(super) fn tell_challenge(&mut self, id: DialogId, request: &Arc<Message>, response: &Arc<Message>) {
        if is_challenge(response) && self.dialogs.contains_key(id) {
            let event = DialogEvent::Challenged { message: request.clone(), response: response.clone() };
            self.emit(Event::Dialog { dialog: id, event });
        }
    }

    /// Sends another BYE in place of the one that was challenged; where none was, nothing is to be done.
    pub(super) fn bye_again(&mut self, id: DialogId, headers: &[Header]) -> Result<(), Refused> {
        let slot = self.dialogs.get_mut(id).ok_or(Refused::Gone)?;
        if slot.rare().challenged.is_none() {
            return Ok(());
        }
        let sent = self.bye_anew(id, headers);
        if let Some(slot) = self.dialogs.get_mut(id) {
            if sent.is_ok() {
                slot.rare_mut().challenged = None;
            }
            self.schedule_dialog(id);
        }
        sent
    }

    /// Sends another BYE.
    fn bye_anew(&mut self, id: DialogId, headers: &[Header]) -> Result<(), Refused> {
        let slot = self.dialogs.get_mut(id).ok_or(Refused::Gone)?;
        slot.dialog.take_back_bye();
        let sent = self.bye_or_end(id, headers);
        if let Some(slot) = self.dialogs.get_mut(id) {
            slot.dialog.terminate();
        }
        sent
    }

    /// No other BYE comes in place of the one that was challenged.
    pub(super) fn give_up_bye(&mut self, id: DialogId) {
        let slot = self.dialogs.get_mut(id);
        if let Some(challenged) = slot.and_then(|slot| slot.rare.as_mut()?.challenged.take()) {
            let Challenged { bye, response, .. } = *challenged;
            self.end_dialog(id, By::Local, Why::Bye, Some(bye), Some(response));
        }
    }
}

/// The lines of a request that are not its dialog's to write.
fn own_lines(request: &Message) -> Vec<Header> {
    let all = request.lines().map(|(name, value)| Header::new(String::from(name), String::from(value)));
    let is_written = |header: &Header| matches!(Name::find(&header.name), Name::Route | Name::MaxForwards);
    all.filter(|header| header.check().is_ok() && !is_written(header)).collect()
}

/// Whether an answer asks for credentials, and says how (§22.2, §22.3).
pub(super) fn is_challenge(response: &Message) -> bool {
    let name = match response.status() {
        Some(StatusCode::UNAUTHORIZED) => Name::WwwAuthenticate,
        Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED) => Name::ProxyAuthenticate,
        _ => return false,
    };
    response.value(name).is_some()
}
