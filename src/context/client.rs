//! [`ClientContext`]: a request that was sent, and the answers to it (RFC 3261 §8.1.3, §9.1, §13.2.2).

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use smallvec::SmallVec;

use super::headers::check_cancel;
use super::reliable::{Order, Received, rack};
use super::{Cause, ContextError, Settings};
use crate::message::{BuildError, Builder, Header, Message, Method, Name, RAck, StatusCode, supplies};
use crate::time::Timestamp;
use crate::transaction::{Effects, Kind, State, Stimulus, Transaction};

bitflags::bitflags! {
    /// What a step of a client context asks of its driver: a set without payload.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub struct ClientEffects: u16 {
        /// Send [`ClientContext::request`], for the first time or again.
        const SEND = 1 << 0;
        /// Send [`ClientContext::ack`], the ACK of a 3xx to 6xx.
        const ACK = 1 << 1;
        /// A provisional answer came.
        const PROVISIONAL = 1 << 2;
        /// A 2xx came that is the first with its To tag. For an INVITE its ACK is to be made, handed to
        /// [`ClientContext::acknowledge`] and sent.
        const SUCCESS = 1 << 3;
        /// A 2xx came again: send [`ClientContext::ack_of`] again.
        const ACK_AGAIN = 1 << 4;
        /// The request's result has come with this 2xx. It is not set for those of further forks.
        const ACCEPTED = 1 << 5;
        /// A 3xx to 6xx came: the request's result.
        const FAILURE = 1 << 6;
        /// The CANCEL is to be sent now: [`ClientContext::take_cancel`].
        const CANCEL = 1 << 7;
        /// The request failed without an answer: [`ClientContext::synthetic`] says how. Its result.
        const GAVE_UP = 1 << 8;
        /// The 2xx that came crossed our CANCEL: it is to be acknowledged, and its session ended.
        const CROSSED = 1 << 9;
        /// 64·T1 passed since the first 2xx: no other fork will answer (§13.2.2.4).
        const FORKS_OVER = 1 << 10;
        /// The context is over.
        const END = 1 << 11;
        /// The provisional answer is a reliable one, in order: it is to be acknowledged by a PRACK in the dialog that it makes,
        /// with [`ClientContext::rack`] (RFC 3262 §4). One that comes again or out of order has no effect.
        const PRACK = 1 << 12;
    }
}

impl ClientEffects {
    /// Nothing.
    pub const NONE: Self = Self::empty();

    fn when(condition: bool, effects: Self) -> Self {
        if condition { effects } else { Self::NONE }
    }
}

/// A result that no peer sent. It is told as an answer that is marked as such.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum Synthetic {
    /// 408: no final answer came in time (§8.1.3.1).
    Timeout,
    /// 503: the request could not be sent, or no address was found (§8.1.3.1).
    Transport,
    /// 487: cancelled, and no final answer came, or a 2xx that crossed the CANCEL (§9.1).
    Cancelled,
    /// 488: a change of the session that has become impossible while it waited for its turn.
    Impossible,
}

impl Synthetic {
    /// The status code that stands for it.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Transport => StatusCode::SERVICE_UNAVAILABLE,
            Self::Cancelled => StatusCode::REQUEST_TERMINATED,
            Self::Impossible => StatusCode::NOT_ACCEPTABLE_HERE,
        }
    }

    /// The answer to `request` that stands for it: made up here, never sent or received. Where what an answer copies leaves no room for
    /// its status line, it is that and CSeq alone: a result there must be.
    pub fn response(self, request: &Message) -> Option<Message> {
        let full = request.answer(self.status(), self.status().reason(), "").finish().ok();
        full.or_else(|| self.bare(request.cseq(), request.method()))
    }

    /// The answer that stands for it where the request, of this method, was not written yet: a status line and CSeq with the number 0.
    pub fn response_to_unwritten(self, method: &Method) -> Option<Message> {
        self.bare(0, method)
    }

    fn bare(self, number: u32, method: &Method) -> Option<Message> {
        let status = self.status();
        Builder::response(status, status.reason()).cseq(number, method).finish().ok()
    }

    /// The cause that goes with it.
    pub fn cause(self) -> Cause {
        match self {
            Self::Timeout => Cause::RequestTimeout,
            Self::Transport => Cause::ConnectionError,
            Self::Cancelled => Cause::Canceled,
            Self::Impossible => Cause::of(self.status()),
        }
    }
}

/// One request of ours and the answers to it.
///
/// It retransmits the request, holds the CANCEL back until a provisional answer came, acknowledges, and keeps the ACK of every
/// 2xx for as long as the 2xx may come again. It outlives the dialog where the RFC's tails ask for it.
///
/// ```
/// use std::sync::Arc;
/// use sip_proto::context::{ClientContext, ClientEffects, Settings};
/// use sip_proto::{Message, StatusCode, Timestamp};
///
/// let request = Message::parse(&b"OPTIONS sip:b@h SIP/2.0\r\n\
///     Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
///     Call-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"[..])?;
/// let answer = request.answer(StatusCode::OK, "OK", "2").finish().unwrap();
/// let (now, settings) = (Timestamp::ZERO, Settings::default());
/// let (mut context, effects) = ClientContext::new(now, Arc::new(request), false, None, &settings);
/// assert_eq!(effects, ClientEffects::SEND);
/// let effects = context.receive(now, &answer, &settings);
/// assert!(effects.contains(ClientEffects::ACCEPTED));
/// # Ok::<(), sip_proto::message::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ClientContext {
    transaction: Transaction,
    request: Arc<Message>,
    /// Whether a provisional answer came.
    was_heard: bool,
    has_result: bool,
    transaction_over: bool,
    cancel: Cancel,
    synthetic: Option<Synthetic>,
    /// The ACK of a 3xx to 6xx.
    ack: Option<Arc<Message>>,
    /// The ACKs of 2xx answers by their To tags. One entry without an ACK is a 2xx that is being acknowledged.
    acks: SmallVec<[Acknowledged; 1]>,
    /// The reliable provisional answers that came, until a final one did.
    received: Received,
    ring_within: Option<Duration>,
    /// Whether the dialog that the request was sent in is over.
    outlives_dialog: bool,
    /// When a call that rings is cancelled, or a cancelled call is given up.
    guard_at: Timestamp,
    /// When no other fork will answer any more.
    forks_until: Timestamp,
    /// Until when a 2xx may come again.
    linger_until: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
struct Acknowledged {
    tag: Box<str>,
    ack: Option<Arc<Message>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Cancel {
    No,
    /// Until a provisional answer comes (§9.1).
    Waiting(Arc<Message>),
    /// To be fetched by the driver.
    Due(Arc<Message>),
    /// Fetched.
    Sent,
}

impl ClientContext {
    /// A context for `request`, sent now over a transport that is `reliable` or not.
    pub fn new(
        now: Timestamp,
        request: Arc<Message>,
        reliable: bool,
        ring_within: Option<Duration>,
        settings: &Settings,
    ) -> (Self, ClientEffects) {
        let is_invite = *request.method() == Method::Invite;
        let kind = if is_invite { Kind::InviteClient } else { Kind::NonInviteClient };
        let (transaction, _) = Transaction::new(kind, reliable, now, &settings.timers);
        // §13.2.1: an INVITE that says how long it is good for is cancelled then.
        let expiry = request.expires().ok().flatten().filter(|_| is_invite);
        let context = Self {
            transaction,
            request,
            was_heard: false,
            has_result: false,
            transaction_over: false,
            cancel: Cancel::No,
            synthetic: None,
            ack: None,
            acks: SmallVec::new(),
            received: Received::default(),
            ring_within: ring_within.or(settings.ring_within).filter(|_| is_invite),
            outlives_dialog: false,
            guard_at: expiry.map_or(Timestamp::MAX, |expiry| now + expiry),
            forks_until: Timestamp::MAX,
            linger_until: Timestamp::MAX,
        };
        (context, ClientEffects::SEND)
    }

    /// Takes in an answer that matches this request.
    pub fn receive(&mut self, now: Timestamp, response: &Message, settings: &Settings) -> ClientEffects {
        let Some(status) = response.status() else { return ClientEffects::NONE };
        let stimulus = match status {
            status if status.is_provisional() => Stimulus::Provisional,
            status if status.is_success() => Stimulus::Success,
            _ => Stimulus::Failure,
        };
        let effects = match self.transaction_over {
            true => Effects::NONE,
            false => self.transaction.step(now, stimulus, &settings.timers),
        };
        self.was_heard |= stimulus == Stimulus::Provisional;
        match stimulus {
            Stimulus::Provisional if effects.contains(Effects::UP) => {
                self.provisional(now, response, settings)
            }
            Stimulus::Success if self.is_invite() => self.invite_accepted(now, response, effects, settings),
            Stimulus::Success if effects.contains(Effects::UP) => {
                self.has_result = true;
                ClientEffects::SUCCESS | ClientEffects::ACCEPTED
            }
            Stimulus::Failure => self.failed(response, effects),
            _ => ClientEffects::NONE,
        }
    }

    /// Keeps the ACK of the 2xx with this To tag (RFC 3261 §13.2.2.4).
    pub fn acknowledge(&mut self, tag: &str, ack: Arc<Message>) {
        if let Some(entry) = self.acks.iter_mut().find(|entry| entry.tag.eq_ignore_ascii_case(tag)) {
            entry.ack = Some(ack);
        }
    }

    /// Cancels the INVITE (§9.1), with `headers` in the CANCEL. Before a provisional answer came, the CANCEL waits for one. Cancelling
    /// again changes nothing.
    ///
    /// # Errors
    /// When the request is no INVITE, or already has its result.
    pub fn cancel(
        &mut self,
        now: Timestamp,
        headers: &[Header],
        settings: &Settings,
    ) -> Result<ClientEffects, ContextError> {
        if !self.is_invite() {
            return Err(ContextError::NotInvite);
        }
        if self.has_result {
            return Err(ContextError::Ended);
        }
        let cancel = self.write_cancel(headers)?;
        if self.cancel != Cancel::No {
            return Ok(ClientEffects::NONE);
        }
        self.cancel = Cancel::Waiting(cancel);
        self.guard_at = Timestamp::MAX;
        Ok(self.cancel_if_possible(now, settings))
    }

    /// The CANCEL that [`ClientEffects::CANCEL`] announced, once; none when the result has come meanwhile, which it would do nothing to (§9.1).
    pub fn take_cancel(&mut self) -> Option<Arc<Message>> {
        let Cancel::Due(cancel) = &self.cancel else { return None };
        if self.has_result {
            return None;
        }
        let cancel = cancel.clone();
        self.cancel = Cancel::Sent;
        Some(cancel)
    }

    /// The dialog of the request is over: without a final answer within 64·T1 the request is too.
    pub fn dialog_ended(&mut self, now: Timestamp, settings: &Settings) {
        if !self.has_result && self.cancel == Cancel::No {
            self.outlives_dialog = true;
            self.guard_at = now + settings.timers.give_up();
        }
    }

    /// Takes in that the request could not be sent.
    pub fn transport_failed(&mut self, now: Timestamp, settings: &Settings) -> ClientEffects {
        if self.has_result || self.transaction_over {
            return ClientEffects::NONE;
        }
        let effects = self.transaction.step(now, Stimulus::TransportError, &settings.timers);
        if !effects.contains(Effects::END) {
            return ClientEffects::NONE;
        }
        self.transaction_over = true;
        self.give_up(Synthetic::Transport) | ClientEffects::END
    }

    /// Fires what is due at `now`, one thing a call: to be called until it yields `None`.
    pub fn fire(&mut self, now: Timestamp, settings: &Settings) -> Option<ClientEffects> {
        if self.guard_at <= now && self.guard_at != Timestamp::MAX {
            self.guard_at = Timestamp::MAX;
            return Some(self.patience_ends(now, settings));
        }
        if self.forks_until <= now && self.forks_until != Timestamp::MAX {
            self.forks_until = Timestamp::MAX;
            return Some(ClientEffects::FORKS_OVER);
        }
        if !self.transaction_over
            && let Some(effects) = self.transaction.fire(now, &settings.timers)
        {
            return Some(self.fired(effects));
        }
        if self.linger_until <= now && self.linger_until != Timestamp::MAX && self.transaction_over {
            self.linger_until = Timestamp::MAX;
            return Some(ClientEffects::END);
        }
        None
    }

    /// When [`ClientContext::fire`] is next to be called; `None` for never.
    pub fn deadline(&self) -> Option<Timestamp> {
        let at = match self.transaction_over {
            true => self.linger_until,
            false => self.transaction.deadline().unwrap_or(Timestamp::MAX),
        };
        let at = at.min(self.guard_at).min(self.forks_until);
        (at != Timestamp::MAX).then_some(at)
    }

    /// The request.
    pub fn request(&self) -> &Arc<Message> {
        &self.request
    }

    /// The ACK of the 3xx to 6xx that came.
    pub fn ack(&self) -> Option<&Arc<Message>> {
        self.ack.as_ref()
    }

    /// The ACK of the 2xx with this To tag.
    pub fn ack_of(&self, tag: &str) -> Option<&Arc<Message>> {
        self.acks
            .iter()
            .find(|entry| entry.tag.eq_ignore_ascii_case(tag))
            .and_then(|entry| entry.ack.as_ref())
    }

    /// What the PRACK of an answer to this request says in RAck (RFC 3262 §7.2); `None` if it is no reliable provisional one.
    pub fn rack(&self, response: &Message) -> Option<RAck> {
        rack(response)
    }

    /// How many 2xx answers with different To tags came.
    pub fn forks(&self) -> usize {
        self.acks.len()
    }

    /// How the request failed without an answer.
    pub fn synthetic(&self) -> Option<Synthetic> {
        self.synthetic
    }

    /// Whether the request is an INVITE.
    pub fn is_invite(&self) -> bool {
        self.transaction.kind() == Kind::InviteClient
    }

    /// Whether a provisional answer came: the server has the request.
    pub fn was_heard(&self) -> bool {
        self.was_heard
    }

    /// Whether the result has come.
    pub fn has_result(&self) -> bool {
        self.has_result
    }

    /// Whether the application, or a guard, has cancelled the request.
    pub fn is_cancelled(&self) -> bool {
        self.cancel != Cancel::No
    }

    fn provisional(&mut self, now: Timestamp, response: &Message, settings: &Settings) -> ClientEffects {
        let order = match self.is_invite() && !self.has_result {
            true => self.received.take(response),
            false => Order::Ordinary,
        };
        if order == Order::Stray {
            return ClientEffects::NONE;
        }
        if let Some(limit) = self.ring_within.take().filter(|_| self.cancel == Cancel::No) {
            self.guard_at = self.guard_at.min(now + limit);
        }
        ClientEffects::PROVISIONAL
            | ClientEffects::when(order == Order::Next, ClientEffects::PRACK)
            | self.cancel_if_possible(now, settings)
    }

    /// §9.1: a CANCEL goes out once a provisional answer came. Without a final answer 64·T1 later, the INVITE is over.
    fn cancel_if_possible(&mut self, now: Timestamp, settings: &Settings) -> ClientEffects {
        let heard = self.transaction.state() == State::Proceeding;
        let Cancel::Waiting(cancel) = &self.cancel else { return ClientEffects::NONE };
        if !heard {
            return ClientEffects::NONE;
        }
        self.cancel = Cancel::Due(cancel.clone());
        self.guard_at = now + settings.timers.give_up();
        ClientEffects::CANCEL
    }

    fn write_cancel(&self, headers: &[Header]) -> Result<Arc<Message>, BuildError> {
        check_cancel(headers)?;
        let mut cancel = self.request.cancel();
        // RFC 4028 §7.1: in each request but ACK.
        if !supplies(headers, Name::Supported) {
            for value in self.request.values(Name::Supported) {
                cancel.header(Name::Supported, value);
            }
        }
        cancel.extras([], headers).finish_shared(None)
    }

    fn invite_accepted(
        &mut self,
        now: Timestamp,
        response: &Message,
        effects: Effects,
        settings: &Settings,
    ) -> ClientEffects {
        let tag = response.tag_in_to();
        if let Some(entry) = self.acks.iter().find(|entry| entry.tag.eq_ignore_ascii_case(tag)) {
            return ClientEffects::when(entry.ack.is_some(), ClientEffects::ACK_AGAIN);
        }
        if !effects.contains(Effects::UP) {
            return ClientEffects::NONE;
        }
        self.acks.push(Acknowledged { tag: tag.into(), ack: None });
        self.linger_until = now + settings.timers.give_up();
        let mut effects = ClientEffects::SUCCESS;
        if self.is_cancelled() {
            effects |= ClientEffects::CROSSED;
        }
        if !self.has_result {
            self.has_result = true;
            self.received.finish();
            self.guard_at = Timestamp::MAX;
            self.forks_until = now + settings.timers.give_up();
            effects |= ClientEffects::ACCEPTED;
            if self.is_cancelled() {
                self.synthetic = Some(Synthetic::Cancelled);
            }
        }
        effects
    }

    fn failed(&mut self, response: &Message, effects: Effects) -> ClientEffects {
        if effects.contains(Effects::ACK) {
            // §17.1.1.3: To is that of the answer, which another fork may have sent.
            self.ack = self.request.ack_for(response).ok().map(Arc::new);
        }
        let acknowledges = effects.contains(Effects::ACK) && self.ack.is_some();
        let is_result = effects.contains(Effects::UP) && !self.has_result;
        if is_result {
            self.has_result = true;
            self.received.finish();
            self.guard_at = Timestamp::MAX;
        }
        ClientEffects::when(acknowledges, ClientEffects::ACK)
            | ClientEffects::when(is_result, ClientEffects::FAILURE)
    }

    fn patience_ends(&mut self, now: Timestamp, settings: &Settings) -> ClientEffects {
        match self.cancel {
            Cancel::No if self.outlives_dialog => {
                self.transaction_over = true;
                self.give_up(Synthetic::Timeout) | ClientEffects::END
            }
            Cancel::No => match self.write_cancel(&[]) {
                Ok(cancel) => {
                    self.cancel = Cancel::Waiting(cancel);
                    self.cancel_if_possible(now, settings)
                }
                Err(_) => self.give_up_cancelled(),
            },
            Cancel::Waiting(_) | Cancel::Due(_) | Cancel::Sent => self.give_up_cancelled(),
        }
    }

    fn give_up_cancelled(&mut self) -> ClientEffects {
        self.transaction_over = true;
        self.give_up(Synthetic::Cancelled) | ClientEffects::END
    }

    fn fired(&mut self, effects: Effects) -> ClientEffects {
        let mut result = ClientEffects::when(effects.contains(Effects::RESEND), ClientEffects::SEND);
        if effects.contains(Effects::TIMEOUT) {
            let why = if self.is_cancelled() { Synthetic::Cancelled } else { Synthetic::Timeout };
            result |= self.give_up(why);
        }
        if effects.contains(Effects::END) {
            self.transaction_over = true;
            // A later fork's 2xx may still come again.
            let lingers = self.linger_until != Timestamp::MAX;
            result |= ClientEffects::when(!lingers, ClientEffects::END);
        }
        result
    }

    fn give_up(&mut self, why: Synthetic) -> ClientEffects {
        if self.has_result {
            return ClientEffects::NONE;
        }
        self.has_result = true;
        self.received.finish();
        self.synthetic = Some(why);
        self.guard_at = Timestamp::MAX;
        ClientEffects::GAVE_UP
    }
}
