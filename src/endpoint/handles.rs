//! The application's way to a context or a dialog: a short-lived handle with methods.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::ids::{DialogId, RequestId, ServerId};
use super::slots::{ClientSlot, DialogSlot, ServerSlot, Stage};
use super::{Config, Endpoint, Refused};
use crate::context::{Reply, ServerContext, Verb};
use crate::dialog::{Dialog, InDialog, Modify, Reason, SessionTimer, Subscription, UsageId};
use crate::message::{Address, Body, Header, Message, Method, ParseError, StatusCode};
use crate::time::Timestamp;

impl<D: Default> Endpoint<D> {
    /// The context of a received request.
    ///
    /// # Errors
    /// [`Refused::Gone`] when it is over.
    pub fn server(&mut self, id: ServerId) -> Result<ServerRef<'_, D>, Refused> {
        match self.servers.get(id).is_some_and(|slot| slot.is_announced) {
            true => Ok(ServerRef { endpoint: self, id }),
            false => Err(Refused::Gone),
        }
    }

    /// The context of a request of ours.
    ///
    /// # Errors
    /// [`Refused::Gone`] when it is over.
    pub fn client(&mut self, id: RequestId) -> Result<ClientRef<'_, D>, Refused> {
        match self.clients.contains_key(id) {
            true => Ok(ClientRef { endpoint: self, id }),
            false => Err(Refused::Gone),
        }
    }

    /// A dialog.
    ///
    /// # Errors
    /// [`Refused::Gone`] when it is over.
    pub fn dialog(&mut self, id: DialogId) -> Result<DialogRef<'_, D>, Refused> {
        match self.dialogs.contains_key(id) {
            true => Ok(DialogRef { endpoint: self, id }),
            false => Err(Refused::Gone),
        }
    }
}

/// A received request that waits for, or has had, its answer. Commands yield the handle, so that they chain.
#[derive(Debug)]
pub struct ServerRef<'a, D> {
    endpoint: &'a mut Endpoint<D>,
    id: ServerId,
}

impl<D: Default> ServerRef<'_, D> {
    /// Gives a provisional answer, 100 to 199; 180 Ringing by default.
    ///
    /// A non-INVITE request takes none but 100, and over UDP that not at once: there the default is refused (RFC 4320 §4.1).
    ///
    /// # Errors
    /// [`Refused`], and nothing has changed.
    pub fn progress(&mut self, now: Timestamp, reply: Reply) -> Result<&mut Self, Refused> {
        self.respond(now, Verb::Progress, &reply)
    }

    /// Gives a successful final answer, 200 to 299; 200 OK by default. To an INVITE it makes a dialog, which takes the application's data
    /// over.
    ///
    /// The peer goes by the first description that it was told, in a provisional answer too (RFC 3261 §13.2.1), which a 2xx without a body says again. What is to
    /// take its place, as that of another fork behind a back-to-back user agent, is offered afterwards, by [`DialogRef::modify`].
    ///
    /// # Errors
    /// [`Refused`], and nothing has changed. A re-INVITE or UPDATE cannot be accepted behind our BYE
    /// ([`DialogError::Terminated`](crate::dialog::DialogError::Terminated)): it is answered 487 when that has its answer.
    pub fn accept(&mut self, now: Timestamp, reply: Reply) -> Result<&mut Self, Refused> {
        self.respond(now, Verb::Accept, &reply)
    }

    /// Gives an unsuccessful final answer, 300 to 699; 480 Temporarily Unavailable by default. A 405 says what is served; a 415 what would do, as far as
    /// the configuration tells.
    ///
    /// # Errors
    /// [`Refused::AnswerLacks`] names a header that the status owes and only the application knows the value of; for others see
    /// [`Refused`], and nothing has changed.
    pub fn reject(&mut self, now: Timestamp, reply: Reply) -> Result<&mut Self, Refused> {
        self.respond(now, Verb::Reject, &reply)
    }

    /// Gives any answer, 100 to 699. The code is required.
    ///
    /// # Errors
    /// [`Refused`], and nothing has changed.
    pub fn reply(&mut self, now: Timestamp, reply: Reply) -> Result<&mut Self, Refused> {
        self.respond(now, Verb::Reply, &reply)
    }

    /// The context's name.
    pub fn id(&self) -> ServerId {
        self.id
    }

    /// The user agent that received the request.
    pub fn ua(&self) -> &Config {
        &self.endpoint.config
    }

    /// The machine: its state, its last answer, its deadline.
    pub fn context(&self) -> Option<&ServerContext> {
        self.slot().map(|slot| &slot.context)
    }

    /// The request; `None` once it got its final answer.
    pub fn request(&self) -> Option<&Arc<Message>> {
        self.context().and_then(ServerContext::request)
    }

    /// The request's method; `None` once it got its final answer.
    pub fn method(&self) -> Option<&Method> {
        self.request().map(|request| request.method())
    }

    /// To: the local side; `None` once the request got its final answer.
    pub fn local_identity(&self) -> Option<Result<Address<'_>, ParseError>> {
        self.request().map(|request| request.to())
    }

    /// From: the remote side; `None` once the request got its final answer.
    pub fn remote_identity(&self) -> Option<Result<Address<'_>, ParseError>> {
        self.request().map(|request| request.from())
    }

    /// The first P-Asserted-Identity (RFC 3325 §9.1).
    pub fn asserted_identity(&self) -> Option<Result<Address<'_>, ParseError>> {
        self.request().and_then(|request| request.asserted_identities().next())
    }

    /// The request's body; empty when it has none.
    pub fn body(&self) -> &[u8] {
        self.request().map(|request| request.body()).unwrap_or_default()
    }

    /// The value of the request's Content-Type.
    pub fn content_type(&self) -> Option<&str> {
        self.request().and_then(|request| request.value(crate::message::Name::ContentType))
    }

    /// The dialog that the request came in, or that its answers have made.
    pub fn dialog(&self) -> Option<DialogId> {
        self.slot().and_then(|slot| slot.dialog)
    }

    /// The application's data; `None` once a dialog has taken it over.
    pub fn data(&mut self) -> Option<&mut D> {
        self.endpoint.servers.get_mut(self.id).and_then(|slot| slot.data.as_mut())
    }

    fn slot(&self) -> Option<&ServerSlot<D>> {
        self.endpoint.servers.get(self.id)
    }

    fn respond(&mut self, now: Timestamp, verb: Verb, reply: &Reply) -> Result<&mut Self, Refused> {
        self.endpoint.advance(now);
        self.endpoint.respond(self.id, verb, reply)?;
        Ok(self)
    }
}

/// A request of ours.
#[derive(Debug)]
pub struct ClientRef<'a, D> {
    endpoint: &'a mut Endpoint<D>,
    id: RequestId,
}

impl<D: Default> ClientRef<'_, D> {
    /// Cancels an INVITE (RFC 3261 §9.1). The CANCEL waits for a provisional answer; a 2xx that crosses it is acknowledged and its call ended. Cancelling
    /// again changes nothing.
    ///
    /// # Errors
    /// When the request is no INVITE, or has its result.
    pub fn cancel(&mut self, now: Timestamp) -> Result<(), Refused> {
        self.cancel_with(now, &[])
    }

    /// Cancels an INVITE with headers in the CANCEL: Reason, for one (RFC 3326).
    ///
    /// # Errors
    /// As [`ClientRef::cancel`], and when a header cannot stand in a message.
    pub fn cancel_with(&mut self, now: Timestamp, headers: &[Header]) -> Result<(), Refused> {
        self.endpoint.advance(now);
        self.endpoint.cancel_client(self.id, headers)
    }

    /// The request's name.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// The request as it was, or will be, sent; `None` while it waits for its turn in its dialog.
    pub fn request(&self) -> Option<&Arc<Message>> {
        self.slot().and_then(ClientSlot::request)
    }

    /// Whether the request waits for an address or a connection: nothing of it was sent yet.
    pub fn is_resolving(&self) -> bool {
        self.slot().is_some_and(|slot| matches!(slot.stage, Stage::Parked(_)))
    }

    /// The application's data; `None` once a dialog has taken it over.
    pub fn data(&mut self) -> Option<&mut D> {
        self.endpoint.clients.get_mut(self.id).and_then(|slot| slot.data.as_mut())
    }

    fn slot(&self) -> Option<&ClientSlot<D>> {
        self.endpoint.clients.get(self.id)
    }
}

/// A dialog.
#[derive(Debug)]
pub struct DialogRef<'a, D> {
    endpoint: &'a mut Endpoint<D>,
    id: DialogId,
}

impl<D: Default> DialogRef<'_, D> {
    /// Sends a request within the dialog. Its result comes as `ClientEvent::Accepted` or `Failed`. BYE is `destroy`'s to send.
    ///
    /// # Errors
    /// [`Refused`], and nothing has changed.
    pub fn request(&mut self, now: Timestamp, request: InDialog) -> Result<RequestId, Refused> {
        self.endpoint.advance(now);
        self.endpoint.send_in_dialog(self.id, &request)
    }

    /// Sends INFO with this body (RFC 6086).
    ///
    /// # Errors
    /// As [`DialogRef::request`].
    pub fn info(
        &mut self,
        now: Timestamp,
        content_type: impl Into<Cow<'static, str>>,
        body: impl Into<bytes::Bytes>,
    ) -> Result<RequestId, Refused> {
        self.request(now, InDialog::new(Method::Info).body(content_type, body))
    }

    /// Changes the session: another description, hold, unhold, or a request for the peer's offer (RFC 3261 §14). Its result comes as `ClientEvent::Accepted` or
    /// `Failed`. Only one change is under way at a time: others wait for their turn, behind the peer's too, until the application has answered that. So two legs
    /// of a call, each with a change that is to be passed on to the other, would wait for each other: one of the two is to be rejected, with 491 (RFC 3261
    /// §14.2). One that collides with the peer's is tried again ([`super::Policy::glare_retries`]).
    ///
    /// # Errors
    /// [`Refused`], and nothing has changed: [`DialogError::NoSession`](crate::dialog::DialogError::NoSession) and
    /// [`DialogError::NotHeld`](crate::dialog::DialogError::NotHeld) among them, and
    /// [`DialogError::Terminated`](crate::dialog::DialogError::Terminated) once the session is over, though subscriptions go on in the dialog.
    pub fn modify(&mut self, now: Timestamp, modify: Modify) -> Result<RequestId, Refused> {
        self.modify_with(now, modify, Vec::new())
    }

    /// Changes the session with headers in the request.
    ///
    /// # Errors
    /// As [`DialogRef::modify`], and when a header cannot stand in a message.
    pub fn modify_with(
        &mut self,
        now: Timestamp,
        modify: Modify,
        headers: Vec<Header>,
    ) -> Result<RequestId, Refused> {
        self.endpoint.advance(now);
        let request = InDialog { method: Method::Invite, headers, body: None };
        self.endpoint.wish(self.id, request, Some(modify))
    }

    /// Answers the offer that came in the 2xx to an INVITE of ours: its ACK carries this description (RFC 3261 §13.2.2.4).
    ///
    /// # Errors
    /// [`DialogError::NoOffer`](crate::dialog::DialogError::NoOffer) when no answer is owed, or what cannot stand in a message.
    pub fn answer(&mut self, now: Timestamp, sdp: impl Into<bytes::Bytes>) -> Result<(), Refused> {
        self.endpoint.advance(now);
        self.endpoint.answer_offer(self.id, sdp.into())
    }

    /// Holds back what the peer asks for in the dialog, BYE and ACK excepted, until it is let go: then it is told in the order in which it came.
    ///
    /// # Errors
    /// [`Refused::Gone`] when the dialog is over.
    pub fn hold_back(&mut self, now: Timestamp, yes: bool) -> Result<(), Refused> {
        self.endpoint.advance(now);
        self.endpoint.hold_back(self.id, yes)
    }

    /// Ends the dialog: BYE once it is up, deferred until the ACK on the side that answered; CANCEL or 480 while it is early (RFC 3261 §15). `DialogEvent::Destroy`
    /// follows when the peer has answered, or has not in time. A second call before that changes nothing, unless the BYE was
    /// [challenged](super::DialogEvent::Challenged): then it sends another one.
    ///
    /// Subscriptions in the dialog outlive its session (RFC 5057 §4): `DialogEvent::SessionEnded` follows instead then. Without a session,
    /// `destroy` ends the subscriptions: ours with Expires 0, the peer's with a last NOTIFY (RFC 6665 §4.1.2.3, §4.2.2), and `Destroy` follows the last of them.
    ///
    /// # Errors
    /// [`Refused`], and nothing has changed.
    pub fn destroy(&mut self, now: Timestamp) -> Result<(), Refused> {
        self.destroy_with(now, Vec::new())
    }

    /// Ends the dialog with headers in the BYE: Reason, for one (RFC 3326).
    ///
    /// # Errors
    /// As [`DialogRef::destroy`], and when a header cannot stand in a message.
    pub fn destroy_with(&mut self, now: Timestamp, headers: Vec<Header>) -> Result<(), Refused> {
        self.endpoint.advance(now);
        self.endpoint.destroy(self.id, headers)
    }

    /// The dialog's name.
    pub fn id(&self) -> DialogId {
        self.id
    }

    /// The machine: `local()`, `remote()`, `sip()`, `role()`, `state()`.
    ///
    /// # Errors
    /// [`Refused::Gone`] when it is over.
    pub fn get(&self) -> Result<&Dialog, Refused> {
        self.slot().map(|slot| &slot.dialog).ok_or(Refused::Gone)
    }

    /// Tells the peer of the state that it has subscribed to (RFC 6665 §4.2.2). The state that a 2xx to its SUBSCRIBE carries as its body goes out
    /// by itself, in the NOTIFY that follows at once. That after a refresh has the state where the application is asked for it:
    /// [`Policy::in_dialog`](field@super::Policy::in_dialog).
    ///
    /// A NOTIFY that follows too soon upon another ([`Granting::pace`](crate::dialog::Granting::pace), a second for those about a REFER, RFC 3515 §3.10) waits for its
    /// turn. What is told while one waits takes the place of what it would have said, and is that one request: its id is yielded again.
    ///
    /// # Errors
    /// When the subscription is over or is ours, or something supplied cannot stand in a message.
    pub fn tell(&mut self, now: Timestamp, usage: UsageId, body: Option<Body>) -> Result<RequestId, Refused> {
        self.endpoint.advance(now);
        self.endpoint.notify(self.id, usage, body)
    }

    /// Makes a subscription of the peer's that is pending active, and tells the state (RFC 6665 §4.2.2, Figure 2). [`Reply::pending`] leaves one pending;
    /// permission that is not given is told with [`terminate`](Self::terminate) and `Rejected`.
    ///
    /// # Errors
    /// As [`tell`](Self::tell), and [`DialogError::Substate`](crate::dialog::DialogError::Substate) when it is not pending.
    pub fn authorise(
        &mut self,
        now: Timestamp,
        usage: UsageId,
        body: Option<Body>,
    ) -> Result<RequestId, Refused> {
        self.endpoint.advance(now);
        self.endpoint.authorise(self.id, usage, body)
    }

    /// Ends a subscription of the peer's with a last NOTIFY (RFC 6665 §4.2.2).
    ///
    /// # Errors
    /// As [`tell`](Self::tell).
    pub fn terminate(
        &mut self,
        now: Timestamp,
        usage: UsageId,
        reason: Reason,
        body: Option<Body>,
    ) -> Result<RequestId, Refused> {
        self.endpoint.advance(now);
        self.endpoint.terminate(self.id, usage, reason, body)
    }

    /// Tells how far a REFER of the peer's has come: a NOTIFY with `status` as a status line. A final one ends the subscription (RFC 3515 §2.4.5,
    /// §2.4.7); a provisional one above 100 makes a subscription that is pending active.
    ///
    /// # Errors
    /// As [`tell`](Self::tell).
    pub fn report_refer(
        &mut self,
        now: Timestamp,
        usage: UsageId,
        status: StatusCode,
    ) -> Result<RequestId, Refused> {
        self.endpoint.advance(now);
        self.endpoint.report_refer(self.id, usage, status)
    }

    /// The subscriptions in the dialog, ours and the peer's, in the order in which they were made: after a SUBSCRIBE or REFER that was accepted, the last
    /// one is its own, if it makes one.
    ///
    /// # Errors
    /// [`Refused::Gone`] when the dialog is over.
    pub fn subscriptions(&self) -> Result<&[Subscription], Refused> {
        self.slot().map(|slot| slot.usages.subscriptions()).ok_or(Refused::Gone)
    }

    /// The session timer (RFC 4028): interval, refresher, deadline.
    ///
    /// # Errors
    /// [`Refused::Gone`] when the dialog is over.
    pub fn session_timer(&self) -> Result<&SessionTimer, Refused> {
        self.slot().map(DialogSlot::session).ok_or(Refused::Gone)
    }

    /// The application's data.
    ///
    /// An early dialog has a value of its own, each fork one, from when it is first asked for: it keeps that with the 2xx, and the context what it has. Where
    /// it was never asked for, that of the context moves here.
    pub fn data(&mut self) -> Option<&mut D> {
        self.endpoint.dialogs.get_mut(self.id).map(|slot| slot.data.get_or_insert_default())
    }

    fn slot(&self) -> Option<&DialogSlot<D>> {
        self.endpoint.dialogs.get(self.id)
    }
}
