//! Changes of a session: those that we wish for, one at a time; those that the peer asks for; and requests of the peer's that are held back (RFC 3261
//! §14, RFC 3264, RFC 3311).

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::event::{Answer, Asked, DialogEvent, Why};
use super::ids::{DialogId, Owner, RequestId, ServerId};
use super::policy::Handling;
use super::slots::{AckDue, ClientSlot, Held, Stage, Wish};
use super::transports::{Route, Task};
use super::{Endpoint, Event, Refused};
use crate::context::{Reply, Synthetic, Verb, check_headers};
use crate::dialog::{DialogError, DialogState, InDialog, Modify, Role};
use crate::message::{Body, Message, Method, Name, StatusCode};
use crate::sdp::{self, Carrier, Change, Refusal, Side, Unusable};
use crate::transaction::State;

impl<D: Default> Endpoint<D> {
    /// Takes a change of the session on: at once, or when its turn comes.
    pub(super) fn wish(
        &mut self,
        id: DialogId,
        request: InDialog,
        modify: Option<Modify>,
    ) -> Result<RequestId, Refused> {
        self.take_on(id, Wish::new(request, modify, false))
    }

    pub(super) fn take_on(&mut self, id: DialogId, wish: Wish) -> Result<RequestId, Refused> {
        if self.clients.len() >= self.config.limits.clients || self.is_full() {
            return Err(Refused::Full);
        }
        self.check_session(id, &wish.request.method)?;
        let slot = self.dialogs.get(id).ok_or(Refused::Gone)?;
        if slot.dialog.state() == DialogState::Terminated || slot.rare().deferred.is_some() {
            return Err(DialogError::Terminated.into());
        }
        let is_idle = slot.rare().active.is_none() && slot.rare().wishes.is_empty();
        let written = if is_idle { self.write_wish(id, &wish) } else { Err(waiting()) };
        match written {
            Ok((message, route)) => {
                let slot = ClientSlot::queued(wish, id);
                let client = self.clients.insert(ClientSlot { stage: Stage::Parked(message), ..slot });
                self.launch_wish(id, client, route);
                Ok(client)
            }
            Err(refused) if can_wait(&refused) => {
                // What the message cannot hold is told now, not when its turn comes.
                check_headers(&wish.request.headers)?;
                let client = self.clients.insert(ClientSlot::queued(wish, id));
                if let Some(slot) = self.dialogs.get_mut(id) {
                    slot.rare_mut().wishes.push_back(client);
                }
                Ok(client)
            }
            Err(refused) => Err(refused),
        }
    }

    /// Writes the request of a wish, if offer and answer allow it now. If not, nothing has changed.
    fn write_wish(&mut self, id: DialogId, wish: &Wish) -> Result<(Arc<Message>, Route), Refused> {
        let slot = self.dialogs.get(id).ok_or(Refused::Gone)?;
        let mut request = wish.request.clone();
        if let Some(modify) = &wish.modify {
            let is_early = slot.dialog.state() == DialogState::Early;
            let is_allowed = slot.dialog.peer_updates() && !wish.by_invite;
            let by_update = self.config.policy.modify_by_update && is_allowed;
            // RFC 3311 §5.1: a session that is not up yet is changed by UPDATE.
            if (by_update || is_early) && *modify != Modify::Offerless {
                request.method = Method::Update;
            }
            request.body = slot.dialog.offer_of(modify)?.map(Body::sdp);
        }
        if wish.is_refresh {
            request = self.refresh_request(id)?;
        }
        let carrier = if request.method == Method::Update { Carrier::Update } else { Carrier::Invite };
        let has_sdp = request.body.as_ref().is_some_and(|body| body.description(&request.headers).is_some());
        may_send(slot.dialog.negotiation(), carrier, has_sdp).map_err(DialogError::Session)?;
        // §14.1: an INVITE of the peer's that we have refused is not over before its ACK.
        let is_refused = |server: &ServerId| {
            let context = self.servers.get(*server).map(|slot| &slot.context);
            context.is_some_and(|context| context.is_invite() && context.state() == State::Completed)
        };
        if carrier == Carrier::Invite && slot.servers.iter().any(is_refused) {
            return Err(DialogError::Session(Refusal::Unacknowledged).into());
        }
        let (message, route) = self.write_in_dialog(id, &request)?;
        if let Some(slot) = self.dialogs.get_mut(id) {
            slot.dialog.note_sent(&message);
        }
        Ok((Arc::new(message), route))
    }

    fn launch_wish(&mut self, id: DialogId, client: RequestId, route: Route) {
        if let Some(slot) = self.dialogs.get_mut(id) {
            slot.rare_mut().active = Some(client);
        }
        self.go_within(id, route, Task::Launch(client));
    }

    /// Sends the next change that waits, if it may go now.
    pub(super) fn pump(&mut self, id: DialogId) {
        let mut impossible = Vec::new();
        while let Some(slot) = self.dialogs.get(id)
            && slot.rare().active.is_none()
            // §15: nothing goes before a BYE that waits for an ACK.
            && slot.rare().deferred.is_none()
            && slot.dialog.state() != DialogState::Terminated
            && let Some(client) = slot.rare().wishes.front().copied()
        {
            let wish = self.clients.get(client).and_then(|slot| slot.wish.clone());
            // RFC 4028 §7.2: another 2xx has refreshed the session meanwhile.
            if wish.as_ref().is_some_and(|wish| wish.is_refresh) && !slot.session().is_refresh_due() {
                if let Some(slot) = self.dialogs.get_mut(id) {
                    slot.rare_mut().wishes.pop_front();
                }
                self.end_client(client);
                continue;
            }
            let written = wish.map_or(Err(Refused::Gone), |wish| self.write_wish(id, &wish));
            if written.as_ref().is_err_and(can_wait) {
                break;
            }
            if let Some(slot) = self.dialogs.get_mut(id) {
                slot.rare_mut().wishes.pop_front();
            }
            match written {
                Ok((message, route)) => {
                    if let Some(slot) = self.clients.get_mut(client) {
                        // The addresses of an earlier try may be those of another target.
                        (slot.stage, slot.others) = (Stage::Parked(message), None);
                    }
                    self.launch_wish(id, client, route);
                }
                Err(_) => impossible.push(client),
            }
        }
        // Each leads here again: not before the last one is out of the way.
        for client in impossible {
            self.give_up_wish(client, Synthetic::Impossible);
        }
    }

    /// A change that was never sent, or is not sent again, has its result.
    pub(super) fn give_up_wish(&mut self, client: RequestId, why: Synthetic) {
        if self.clients.get(client).is_some_and(|slot| matches!(slot.stage, Stage::Queued)) {
            self.conclude_without_answer(client, why);
            self.end_client(client);
        }
    }

    /// The application takes a change back that was not sent, or waits to be tried again.
    pub(super) fn drop_wish(&mut self, client: RequestId) {
        let dialog = self.clients.get(client).and_then(|slot| slot.dialog);
        if let Some(slot) = dialog.and_then(|dialog| self.dialogs.get_mut(dialog)) {
            slot.rare_mut().wishes.retain(|wish| *wish != client);
        }
        self.give_up_wish(client, Synthetic::Cancelled);
    }

    /// The change that was under way is over: the next one goes.
    pub(super) fn wish_ended(&mut self, id: DialogId, client: RequestId) {
        if let Some(slot) = self.dialogs.get_mut(id)
            && slot.rare().active == Some(client)
        {
            slot.rare_mut().active = None;
        }
        self.pump(id);
    }

    /// A change of ours collided with one of the peer's: it is tried again, after a time that is longer for the side that owns the Call-ID
    /// (§14.1). One whose session interval was too small is tried again at once (RFC 4028 §7.3). Yields the name of the transaction that lives on.
    pub(super) fn try_again(&mut self, client: RequestId, response: &Message) -> Option<RequestId> {
        let most = self.config.policy.glare_retries;
        let id = self.under_way(client)?;
        let (slot, dialog) = (self.clients.get_mut(client)?, self.dialogs.get_mut(id)?);
        let wish = slot.wish.as_mut().filter(|wish| wish.collisions < most)?;
        let is_collision = response.status() == Some(StatusCode::REQUEST_PENDING);
        if !is_collision && !dialog.is_too_small(slot.stage.request()?, response) {
            return None;
        }
        _ = dialog.dialog.note(Side::Theirs, response);
        let tens = match dialog.dialog.role() {
            _ if !is_collision => 0,
            Role::Uac => self.random.between(210, 400),
            Role::Uas => self.random.between(0, 200),
        };
        wish.collisions = wish.collisions.saturating_add(1);
        wish.again_at = Some(self.now + Duration::from_millis(10).saturating_mul(tens));
        self.hand_on(client, Stage::Queued)
    }

    /// The peer does not take UPDATE after all, whatever it has said: a change of a session that is up goes on as re-INVITE, which every peer takes
    /// (RFC 3311 §5.1). Yields the name of the transaction that lives on.
    pub(super) fn change_by_invite(&mut self, client: RequestId, response: &Message) -> Option<RequestId> {
        let id = self.under_way(client)?;
        let (slot, dialog) = (self.clients.get_mut(client)?, self.dialogs.get_mut(id)?);
        let is_update = slot.request().is_some_and(|request| *request.method() == Method::Update);
        let is_up = dialog.dialog.state() == DialogState::Confirmed;
        let wish = slot.wish.as_mut().filter(|wish| is_update && is_up && wish.modify.is_some())?;
        _ = dialog.dialog.note(Side::Theirs, response);
        dialog.dialog.forget_updates();
        wish.by_invite = true;
        wish.again_at = Some(self.now);
        self.hand_on(client, Stage::Queued)
    }

    /// The dialog in which this change is the one under way, if it may go out once more: what is taken back is not (§9.1), nor what a BYE follows.
    fn under_way(&mut self, client: RequestId) -> Option<DialogId> {
        let slot = self.clients.get_mut(client)?;
        let id = slot.dialog?;
        let is_cancelled = slot.context().is_some_and(|context| context.is_cancelled());
        let dialog = self.dialogs.get(id).filter(|slot| slot.rare().active == Some(client))?;
        let is_over = dialog.dialog.state() == DialogState::Terminated || dialog.rare().deferred.is_some();
        (!is_cancelled && !is_over).then_some(id)
    }

    /// The time to try again has come.
    pub(super) fn resume_wish(&mut self, client: RequestId) {
        let Some(slot) = self.clients.get_mut(client) else { return };
        let (Some(id), Some(wish)) = (slot.dialog, slot.wish.as_mut()) else { return };
        if wish.again_at.is_none_or(|at| at > self.now) {
            return self.schedule_client(client);
        }
        wish.again_at = None;
        if let Some(slot) = self.dialogs.get_mut(id) {
            let rare = slot.rare_mut();
            rare.active = None;
            rare.wishes.push_front(client);
        }
        self.schedule_client(client);
        self.pump(id);
    }

    /// The 2xx to an INVITE brought the peer's offer: its ACK waits for the application's answer.
    pub(super) fn await_answer(&mut self, id: DialogId, client: RequestId, response: Arc<Message>) {
        // The context that keeps the ACK ends at 64·T1.
        let timers = &self.config.settings.timers;
        let until = self.now + timers.give_up().saturating_sub(timers.t1);
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        slot.rare_mut().ack_due = Some(AckDue { client, response: response.clone(), until });
        self.schedule_dialog(id);
        self.emit(Event::Dialog { dialog: id, event: DialogEvent::Offer { response } });
    }

    /// The application's answer goes out in the ACK.
    pub(super) fn answer_offer(&mut self, id: DialogId, sdp: Bytes) -> Result<(), Refused> {
        let slot = self.dialogs.get_mut(id).ok_or(Refused::Gone)?;
        let due = slot.rare().ack_due.clone().ok_or(DialogError::NoOffer)?;
        let answer = Some(Body::sdp(sdp));
        if due.is_provisional() {
            self.send_prack(id, &due.response, answer)?;
            self.forget_ack(id);
            return Ok(());
        }
        self.forget_ack(id);
        _ = self.acknowledge(due.client, id, &due.response, answer);
        self.schedule_dialog(id);
        self.wish_ended(id, due.client);
        Ok(())
    }

    /// Acknowledges with an answer that takes nothing, since no other will come (§13.2.2.4). A PRACK is left out.
    pub(super) fn settle_ack(&mut self, id: DialogId) {
        if let Some(due) = self.forget_ack(id).filter(|due| !due.is_provisional()) {
            _ = self.acknowledge(due.client, id, &due.response, None);
        }
    }

    /// An INVITE of ours has failed: what a provisional answer to it has offered needs no answer any more (RFC 3261 §14.1).
    pub(super) fn forget_offer(&mut self, client: RequestId) {
        let Some(id) = self.clients.get(client).and_then(|slot| slot.dialog) else { return };
        let due = self.dialogs.get(id).and_then(|slot| slot.rare().ack_due.as_ref());
        if due.is_some_and(|due| due.client == client) {
            self.forget_ack(id);
        }
    }

    fn forget_ack(&mut self, id: DialogId) -> Option<AckDue> {
        let due = self.dialogs.get_mut(id)?.rare.as_mut()?.ack_due.take()?;
        self.schedule_dialog(id);
        Some(due)
    }

    pub(super) fn schedule_dialog(&mut self, id: DialogId) {
        let now = self.now;
        let Some(slot) = self.dialogs.get_mut(id) else { return };
        let ack_due = slot.rare().ack_due.as_ref().map(|due| due.until);
        let challenged = slot.rare().challenged.as_ref().map(|challenged| challenged.until);
        let own = ack_due.into_iter().chain(challenged);
        let deadline = own.chain(slot.session().deadline()).chain(slot.usages.deadline()).min();
        self.timers.set(&mut slot.timer, Owner::Dialog(id), deadline, now);
    }

    pub(super) fn fire_dialog(&mut self, id: DialogId) {
        let Some(slot) = self.dialogs.get(id) else { return };
        if let Some(due) = slot.rare().ack_due.clone().filter(|due| due.until <= self.now) {
            let is_early = slot.dialog.state() == DialogState::Early;
            self.settle_ack(id);
            // Where the 2xx has come all the same the call is up, without a session.
            let is_cancelled =
                due.is_provisional() && (self.cancel_client(due.client, &[]).is_ok() || is_early);
            if !is_cancelled {
                self.hang_up(id, &[], Why::NoAnswer);
            }
            return;
        }
        if slot.rare().challenged.as_ref().is_some_and(|challenged| challenged.until <= self.now) {
            self.give_up_bye(id);
        }
        self.fire_session(id);
        self.fire_usages(id);
    }

    /// What a request within a dialog would change in its session; `None` for one that is not about it.
    pub(super) fn change_asked(&self, dialog: DialogId, request: &Message) -> Option<Change> {
        let is_update = match request.method() {
            Method::Update => true,
            Method::Invite => false,
            _ => return None,
        };
        let slot = self.dialogs.get(dialog)?;
        Some(match request.session_description() {
            // RFC 3311 §5.2, RFC 4028 §7.4: without an offer it asks whether we are there.
            None if is_update => Change::Refresh,
            offer => slot.dialog.change(offer),
        })
    }

    /// Has a request within a dialog answered, by policy or by the application, and tells of it.
    pub(super) fn serve(&mut self, dialog: DialogId, held: Held) {
        let Held { server, handling, change } = held;
        let Some(request) = self.servers.get(server).and_then(|slot| slot.context.request().cloned()) else {
            return;
        };
        let leaves = request.expires().is_ok_and(|expires| expires == Some(Duration::ZERO));
        let is_farewell = leaves && self.is_known_subscription(Some(dialog), &request);
        let answer = match handling {
            Handling::Auto => Answer::Auto(self.answer_within(server, dialog, &request, change)),
            Handling::Reject(status) => Answer::Auto(self.reject_within(server, status)),
            Handling::Ask => {
                self.announce(server);
                Answer::Ask(server)
            }
        };
        let asked = Asked { request, answer };
        let event = match change {
            Some(Change::Refresh) => DialogEvent::Refresh(asked),
            Some(Change::Hold) => DialogEvent::Hold(asked),
            Some(Change::Unhold) => DialogEvent::Unhold(asked),
            Some(Change::Modify) | None if is_farewell => DialogEvent::Unsubscribe(asked),
            Some(Change::Modify) | None => super::calls::asked(asked),
        };
        // The answer may have ended the dialog: nothing is told of it behind its `Destroy`.
        if self.dialogs.contains_key(dialog) {
            self.emit(Event::Dialog { dialog, event });
        }
    }

    fn reject_within(&mut self, server: ServerId, status: StatusCode) -> StatusCode {
        _ = self.respond(server, Verb::Reject, &Reply::code(status.code()));
        status
    }

    /// Refuses an offer, and says why with the code that fits (RFC 3261 §13.3.1.3, §14.2, §20.43; RFC 3311 §5.2).
    fn turn_offer_down(&mut self, server: ServerId, unusable: Unusable) -> StatusCode {
        let (host, _) = self.config.host_and_user();
        let warning = match unusable {
            Unusable::NothingInCommon => alloc::format!("305 {host} \"Incompatible media format\""),
            Unusable::Offer(_) | Unusable::Local(_) => {
                alloc::format!("399 {host} \"No usable session description\"")
            }
        };
        let status = unusable.status();
        let reply = Reply::code(status.code()).header(Name::Warning.as_str(), warning);
        _ = self.respond(server, Verb::Reject, &reply);
        status
    }

    /// The automatic answer to a request within a dialog: to an offer, what our current description makes of it (RFC 3264 §6).
    fn answer_within(
        &mut self,
        server: ServerId,
        dialog: DialogId,
        request: &Message,
        change: Option<Change>,
    ) -> StatusCode {
        let Some(slot) = self.dialogs.get(dialog).filter(|_| change.is_some()) else {
            self.answer_alone(server, request);
            return StatusCode::OK;
        };
        let local = || slot.dialog.negotiation().local().map(Bytes::copy_from_slice);
        let sdp = match (request.session_description(), change) {
            (Some(offer), _) => match (slot.dialog.answer_to(offer), change) {
                (Ok(sdp), _) => Some(sdp),
                (Err(_), Some(Change::Refresh)) => local(),
                (Err(unusable), _) => return self.turn_offer_down(server, unusable),
            },
            (None, _) if *request.method() == Method::Invite => slot.dialog.offer_again(),
            (None, _) => None,
        };
        let reply = match sdp {
            Some(sdp) => Reply::new().sdp(sdp),
            None => Reply::new(),
        };
        match self.respond(server, Verb::Accept, &reply) {
            // §15.1.2: it was held back until our BYE had gone.
            Err(Refused::Dialog(DialogError::Terminated)) => {
                self.reject_within(server, StatusCode::REQUEST_TERMINATED)
            }
            _ => StatusCode::OK,
        }
    }

    /// Holds back what the peer asks for, or lets it go in the order in which it came.
    pub(super) fn hold_back(&mut self, id: DialogId, yes: bool) -> Result<(), Refused> {
        let slot = self.dialogs.get_mut(id).ok_or(Refused::Gone)?;
        if yes {
            slot.rare_mut().held.get_or_insert_default();
            return Ok(());
        }
        for held in slot.rare.as_mut().and_then(|rare| rare.held.take()).unwrap_or_default() {
            // One that was cancelled meanwhile has its answer.
            if self.servers.get(held.server).is_some_and(|slot| slot.context.is_pending()) {
                self.serve(id, held);
            }
        }
        Ok(())
    }

    /// What still waits in a dialog that is over has its result.
    pub(super) fn give_up_wishes(
        &mut self,
        active: Option<RequestId>,
        wishes: impl IntoIterator<Item = RequestId>,
    ) {
        let all: Vec<_> = active.into_iter().chain(wishes).collect();
        for client in all {
            self.give_up_wish(client, Synthetic::Cancelled);
        }
    }
}

/// Whether this message may go out now, with or without a description.
fn may_send(negotiation: &sdp::Negotiation, carrier: Carrier, has_sdp: bool) -> Result<(), Refusal> {
    match negotiation.needs(carrier)? {
        // It says for what an offer has to wait.
        sdp::Body::Nothing if has_sdp => negotiation.may_offer(carrier),
        sdp::Body::Must(_) if !has_sdp => Err(Refusal::SdpMissing),
        _ => Ok(()),
    }
}

fn waiting() -> Refused {
    DialogError::Session(Refusal::OfferOut).into()
}

/// Whether a change that is refused so may go later.
fn can_wait(refused: &Refused) -> bool {
    use Refusal::{AnswerOwed, OfferOut, Unacknowledged};
    matches!(refused, Refused::Dialog(DialogError::Session(OfferOut | AnswerOwed | Unacknowledged)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Config, Event, Flow, Input, Output};
    use crate::time::Timestamp;
    use alloc::format;

    /// DESIGN.md §2 contract 2: of a request that was held back for so long that its client has given up, nothing is kept.
    #[test]
    fn what_is_held_back_for_too_long_is_forgotten() {
        let mut sip: Endpoint = Endpoint::new(Config::new("sip:bob@192.0.2.4").unwrap(), [7; 32]);
        let flow = Flow::udp("192.0.2.4:5060".parse().unwrap(), "192.0.2.1:5060".parse().unwrap());
        let mut now = Timestamp::ZERO;
        let hear = |sip: &mut Endpoint, now: Timestamp, method: &str, number: u32, to: &str| {
            let branch = format!("z9hG4bK{method}{number}");
            let text = format!(
                "{method} sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch={branch}\r\n\
                 From: <sip:alice@192.0.2.1>;tag=1\r\nTo: <sip:bob@192.0.2.4>{to}\r\nCall-ID: c\r\n\
                 CSeq: {number} {method}\r\nContact: <sip:alice@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"
            );
            sip.handle_input(now, Input::Datagram { flow, payload: text.into() });
        };
        hear(&mut sip, now, "INVITE", 1, "");
        let Some(Output::Event(Event::Incoming { server, .. })) = sip.poll_output() else { panic!() };
        sip.server(server).unwrap().accept(now, Reply::new()).unwrap();
        let id = sip.server(server).unwrap().dialog().unwrap();
        let tag = format!(";tag={}", sip.dialog(id).unwrap().get().unwrap().sip().local_tag);
        hear(&mut sip, now, "ACK", 1, &tag);
        sip.dialog(id).unwrap().hold_back(now, true).unwrap();
        let give_up = sip.config().settings.timers.give_up().as_secs();
        for number in 2..500 {
            now = now + Duration::from_secs(1);
            sip.handle_timeout(now);
            hear(&mut sip, now, "INFO", number, &tag);
            while sip.poll_output().is_some() {}
            let held = sip.dialogs.get(id).unwrap().rare().held.as_ref().unwrap().len();
            assert!(held as u64 <= give_up + 1, "{held} after {number} s");
        }
        // What is let go is told in the order in which it came.
        sip.dialog(id).unwrap().hold_back(now, false).unwrap();
        let told = core::iter::from_fn(|| sip.poll_output()).filter_map(|output| match output {
            Output::Event(Event::Dialog { event, .. }) => event.asked().map(|asked| asked.request.cseq()),
            _ => None,
        });
        let told: Vec<u32> = told.collect();
        assert!(told.is_sorted() && told.last() == Some(&499) && told.len() as u64 >= give_up, "{told:?}");
    }
}
