//! [`ServerContext`]: a request that was received, and the answers to it (RFC 3261 §8.2, §9.2, §13.3; RFC 3262 §3).

mod attributes;
mod draft;
mod stored;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use draft::Draft;
pub(crate) use draft::Verb;
use stored::Stored;

use super::reliable::{Unacknowledged, rack};
use super::{ContextError, Defaults, Reply, ServerEffects, Settings};
use crate::message::{Message, Method, RAck, StatusCode};
use crate::random::Token;
use crate::time::Timestamp;
use crate::transaction::{Effects, Kind, Stimulus, Transaction, again_after};

/// One received request and the answers to it.
///
/// It decides what may be sent and when, keeps the one To tag of all answers and the last answer for retransmissions, and makes
/// sure that every request is answered or ends.
///
/// ```
/// use std::sync::Arc;
/// use sip_proto::context::{Defaults, Reply, ServerContext, ServerEffects, Settings};
/// use sip_proto::random::Token;
/// use sip_proto::{Message, Timestamp};
///
/// let request = Message::parse(&b"MESSAGE sip:b@h SIP/2.0\r\n\
///     Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
///     Call-ID: c\r\nCSeq: 1 MESSAGE\r\n\r\n"[..])?;
/// let (now, settings) = (Timestamp::ZERO, Settings::default());
/// let mut context = ServerContext::new(now, Arc::new(request), false, Token::from_bits(7), &settings);
/// let effects = context.accept(now, &Reply::new(), &Defaults::default(), &settings).unwrap();
/// assert!(effects.contains(ServerEffects::SEND | ServerEffects::ACCEPTED));
/// assert_eq!(context.response().unwrap().status().unwrap().code(), 200);
/// # Ok::<(), sip_proto::message::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ServerContext {
    transaction: Transaction,
    /// Held while a final answer is awaited: nothing is written from it after that.
    request: Option<Arc<Message>>,
    response: Stored,
    /// The last provisional answer but 100: what is repeated each minute.
    ringing: Option<Arc<Message>>,
    tag: Token,
    since: Timestamp,
    phase: Phase,
    /// When the request gets its 100.
    trying_at: Timestamp,
    /// When the stored answer goes out again: a provisional each minute, a 2xx by T1 to T2.
    again_at: Timestamp,
    /// How often the 2xx went out again.
    repeats: u8,
    /// When patience ends: with the application, or with the ACK.
    guard_at: Timestamp,
    /// Whether that is because the request's Expires ran out.
    guard_is_expiry: bool,
    /// Reliable provisional answers, once there was one.
    unacknowledged: Option<Box<Unacknowledged>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Pending,
    /// A 2xx was given that waits for a PRACK.
    Held(StatusCode),
    Final(StatusCode),
    Cancelled,
    Acked(StatusCode),
    NoAck,
    Unanswered,
}

impl ServerContext {
    /// A context for `request`, received now over a transport that is `reliable` or not. All its answers will carry `tag`, which must be
    /// fresh, unless the request has a To tag.
    #[inline]
    pub fn new(
        now: Timestamp,
        request: Arc<Message>,
        reliable: bool,
        tag: Token,
        settings: &Settings,
    ) -> Self {
        let is_invite = *request.method() == Method::Invite;
        let kind = if is_invite { Kind::InviteServer } else { Kind::NonInviteServer };
        let (transaction, _) = Transaction::new(kind, reliable, now, &settings.timers);
        let expires = match is_invite && settings.honour_expires {
            true => request.expires().ok().flatten(),
            false => None,
        };
        let patience = if is_invite { settings.answer_within } else { Some(settings.timers.give_up()) };
        let trying = if is_invite { settings.trying_after } else { settings.trying_non_invite_after() };
        let guard_is_expiry =
            expires.is_some_and(|expires| patience.is_none_or(|patience| expires <= patience));
        let guard = if guard_is_expiry { expires } else { patience };
        Self {
            transaction,
            request: Some(request),
            response: Stored::NONE,
            ringing: None,
            tag,
            since: now,
            phase: Phase::Pending,
            trying_at: now + trying,
            again_at: match is_invite && settings.repeat_ringing {
                true => again_after(now, settings.repeat_every, now),
                false => Timestamp::MAX,
            },
            repeats: 0,
            guard_at: guard.map_or(Timestamp::MAX, |guard| now + guard),
            guard_is_expiry,
            unacknowledged: None,
        }
    }

    /// Gives a provisional answer, 100 to 199; 180 Ringing by default.
    ///
    /// One that is reliable (RFC 3262) goes out when those before it were acknowledged: until then it is
    /// [held](ServerEffects::HELD). To an INVITE without an offer the first reliable one has to have it (RFC 3262 §5).
    ///
    /// A non-INVITE request takes none but 100 (RFC 4320 §4.1), so there the default is refused.
    ///
    /// # Errors
    /// [`ContextError`], and nothing has changed.
    pub fn progress(
        &mut self,
        now: Timestamp,
        reply: &Reply,
        defaults: &Defaults<'_>,
        settings: &Settings,
    ) -> Result<ServerEffects, ContextError> {
        self.answer(now, Verb::Progress.status(reply)?, reply, defaults, settings)
    }

    /// Gives a successful final answer, 200 to 299; 200 OK by default.
    ///
    /// While a reliable provisional answer with a session description is not acknowledged, it is [held](ServerEffects::HELD)
    /// (RFC 3262 §3). Until it is sent the request can still be cancelled or rejected.
    ///
    /// # Errors
    /// [`ContextError`], and nothing has changed.
    pub fn accept(
        &mut self,
        now: Timestamp,
        reply: &Reply,
        defaults: &Defaults<'_>,
        settings: &Settings,
    ) -> Result<ServerEffects, ContextError> {
        self.answer(now, Verb::Accept.status(reply)?, reply, defaults, settings)
    }

    /// Gives an unsuccessful final answer, 300 to 699; 480 Temporarily Unavailable by default.
    ///
    /// # Errors
    /// [`ContextError`], and nothing has changed.
    pub fn reject(
        &mut self,
        now: Timestamp,
        reply: &Reply,
        defaults: &Defaults<'_>,
        settings: &Settings,
    ) -> Result<ServerEffects, ContextError> {
        self.answer(now, Verb::Reject.status(reply)?, reply, defaults, settings)
    }

    /// Gives any answer, 100 to 699. The code is required. What follows is the code's doing, not the method's: a 486
    /// given here rejects like [`ServerContext::reject`].
    ///
    /// # Errors
    /// [`ContextError`], and nothing has changed.
    pub fn reply(
        &mut self,
        now: Timestamp,
        reply: &Reply,
        defaults: &Defaults<'_>,
        settings: &Settings,
    ) -> Result<ServerEffects, ContextError> {
        self.answer(now, Verb::Reply.status(reply)?, reply, defaults, settings)
    }

    /// Takes in the request again: the stored answer goes out again where the transaction says so.
    pub fn retransmitted(&mut self, now: Timestamp, settings: &Settings) -> ServerEffects {
        let effects = self.transaction.step(now, Stimulus::Request, &settings.timers);
        self.sent(effects)
    }

    /// Takes in the ACK: for a 3xx to 6xx, matched by the transaction; for a 2xx, matched by the dialog.
    pub fn acknowledged(&mut self, now: Timestamp, settings: &Settings) -> ServerEffects {
        let effects = self.transaction.step(now, Stimulus::Ack, &settings.timers);
        match self.phase {
            Phase::Final(status) if status.is_success() && effects.contains(Effects::UP) => {
                self.phase = Phase::Acked(status);
                self.release();
                ServerEffects::ACKED
            }
            _ => self.sent(effects),
        }
    }

    /// Takes in a PRACK of the dialog that our answers have made, with this RAck: [`ServerEffects::PRACKED`] says that it
    /// acknowledges what was sent last (RFC 3262 §3). What waited for that goes out.
    pub fn prack(&mut self, now: Timestamp, rack: &RAck, settings: &Settings) -> ServerEffects {
        let Some(waiting) = &mut self.unacknowledged else { return ServerEffects::NONE };
        if !waiting.acknowledge(rack) {
            return ServerEffects::NONE;
        }
        if let Some(success) = waiting.release() {
            return ServerEffects::PRACKED | self.give(now, success, settings);
        }
        match waiting.advance(now, &settings.timers) {
            Some(next) => ServerEffects::PRACKED | self.give(now, next, settings),
            None => ServerEffects::PRACKED,
        }
    }

    /// Takes in a CANCEL (§9.2): a request that waits for its final answer is answered 487; one whose 487 cannot be written
    /// ends without an answer.
    pub fn cancel(&mut self, now: Timestamp, defaults: &Defaults<'_>, settings: &Settings) -> ServerEffects {
        match self.phase {
            _ if !self.is_invite() => ServerEffects::NONE,
            Phase::Pending | Phase::Held(_) => {
                let status = StatusCode::REQUEST_TERMINATED;
                let answered = self.answer(now, status, &Reply::new(), defaults, settings);
                if answered.is_ok() {
                    self.phase = Phase::Cancelled;
                }
                answered.unwrap_or_else(|_| self.end_unanswered()) | ServerEffects::CANCELLED
            }
            Phase::Final(status) | Phase::Acked(status) if status.is_success() => {
                ServerEffects::CANCEL_TOO_LATE
            }
            _ => ServerEffects::NONE,
        }
    }

    /// Takes in that an answer could not be sent.
    pub fn transport_failed(&mut self, now: Timestamp, settings: &Settings) -> ServerEffects {
        let effects = self.transaction.step(now, Stimulus::TransportError, &settings.timers);
        ServerEffects::when(effects.contains(Effects::TRANSPORT_ERROR), ServerEffects::SEND_FAILED)
    }

    /// Fires what is due at `now`, one thing a call: to be called until it yields `None`.
    pub fn fire(
        &mut self,
        now: Timestamp,
        defaults: &Defaults<'_>,
        settings: &Settings,
    ) -> Option<ServerEffects> {
        if self.guard_at <= now && self.guard_at != Timestamp::MAX {
            self.guard_at = Timestamp::MAX;
            return Some(self.patience_ends(now, defaults, settings));
        }
        if self.unacknowledged.as_ref().is_some_and(|waiting| waiting.is_given_up(now)) {
            return Some(self.not_pracked(now, defaults, settings));
        }
        if let Some(effects) = self.transaction.fire(now, &settings.timers) {
            return Some(self.sent(effects));
        }
        if let Some(answer) = self.unacknowledged.as_mut().and_then(|waiting| waiting.again(now)) {
            return Some(self.send_again(now, answer, settings));
        }
        if self.trying_at <= now && self.trying_at != Timestamp::MAX {
            self.trying_at = Timestamp::MAX;
            let trying = self.answer(now, StatusCode::TRYING, &Reply::new(), defaults, settings);
            return Some(ServerEffects::when(trying.is_ok(), ServerEffects::SEND));
        }
        if self.again_at <= now && self.again_at != Timestamp::MAX {
            return Some(self.again(now, defaults, settings));
        }
        None
    }

    /// When [`ServerContext::fire`] is next to be called; `None` for never.
    pub fn deadline(&self) -> Option<Timestamp> {
        let own = self.trying_at.min(self.again_at).min(self.guard_at);
        let own = self.unacknowledged.as_ref().map_or(own, |waiting| own.min(waiting.deadline()));
        let at = self.transaction.deadline().unwrap_or(Timestamp::MAX).min(own);
        (at != Timestamp::MAX).then_some(at)
    }

    fn answer(
        &mut self,
        now: Timestamp,
        status: StatusCode,
        reply: &Reply,
        defaults: &Defaults<'_>,
        settings: &Settings,
    ) -> Result<ServerEffects, ContextError> {
        let draft = self.draft(now, status, reply, defaults, settings)?;
        Ok(self.give_draft(now, draft, settings).0)
    }

    /// Gives an answer that was written just now. If it is final and goes out, the request is handed over: it is not held any longer.
    #[inline]
    pub(crate) fn give_draft(
        &mut self,
        now: Timestamp,
        draft: Draft,
        settings: &Settings,
    ) -> (ServerEffects, Option<Arc<Message>>) {
        match draft {
            Draft { status, message, rseq: None, is_held: false } => {
                let request = if status.is_provisional() { None } else { self.request.take() };
                (self.give(now, message, settings), request)
            }
            _ => (self.give_in_turn(now, draft, settings), None),
        }
    }

    /// Gives an answer that is acknowledged by PRACK, or waits for the PRACK of another (RFC 3262 §3).
    #[cold]
    fn give_in_turn(&mut self, now: Timestamp, draft: Draft, settings: &Settings) -> ServerEffects {
        let Draft { status, message, rseq, is_held } = draft;
        if let (Some(rseq), Some(request)) = (rseq, &self.request) {
            let (tag, cseq) = (self.tag, request.cseq());
            let new = || Box::new(Unacknowledged::new(tag.rseq(), cseq));
            let waiting = self.unacknowledged.get_or_insert_with(new);
            waiting.push(now, rseq, message.clone(), &settings.timers);
        }
        if !is_held {
            return self.give(now, message, settings);
        }
        if let Some(waiting) = self.unacknowledged.as_mut().filter(|_| status.is_success()) {
            waiting.hold(message);
            self.rest();
            self.phase = Phase::Held(status);
        }
        ServerEffects::HELD
    }

    fn next_rseq(&self) -> Option<u32> {
        self.unacknowledged.as_ref().map_or(Some(self.tag.rseq()), |waiting| waiting.rseq())
    }

    /// An answer that was given is sent now, for the first time.
    fn give(&mut self, now: Timestamp, message: Arc<Message>, settings: &Settings) -> ServerEffects {
        let Some(status) = message.status() else { return ServerEffects::NONE };
        let stimulus = match status {
            status if status.is_provisional() => Stimulus::Provisional,
            status if status.is_success() => Stimulus::Success,
            _ => Stimulus::Failure,
        };
        self.transaction.step(now, stimulus, &settings.timers);
        self.trying_at = Timestamp::MAX;
        let effects = match stimulus {
            Stimulus::Provisional => {
                if self.is_invite() && status > StatusCode::TRYING {
                    if self.phase == Phase::Pending {
                        self.again_at = again_after(now, self.repeat_every(&message, settings), now);
                    }
                    self.ringing = Some(message.clone());
                }
                ServerEffects::PROGRESS
            }
            Stimulus::Success => {
                self.become_final(status);
                self.await_ack(now, settings);
                ServerEffects::ACCEPTED
            }
            _ => {
                self.become_final(status);
                ServerEffects::REJECTED
            }
        };
        self.response = Stored::from(message);
        ServerEffects::SEND | effects
    }

    fn may_answer(
        &self,
        now: Timestamp,
        status: StatusCode,
        settings: &Settings,
    ) -> Result<(), ContextError> {
        match self.phase {
            Phase::Pending => {}
            // A 2xx that was not sent can be taken back.
            Phase::Held(_) if status.is_failure() => {}
            Phase::Held(status) | Phase::Final(status) | Phase::Acked(status) => {
                return Err(ContextError::AlreadyFinal(status));
            }
            Phase::Cancelled => return Err(ContextError::Cancelled),
            Phase::NoAck | Phase::Unanswered => return Err(ContextError::Ended),
        }
        if self.is_invite() {
            return Ok(());
        }
        // RFC 4320 §4.1 and §4.2.
        let is_too_early =
            || !self.transaction.is_reliable() && now < self.since + settings.trying_non_invite_after();
        match status {
            StatusCode::TRYING if is_too_early() => Err(ContextError::TryingTooEarly),
            StatusCode::TRYING => Ok(()),
            status if status.is_provisional() => Err(ContextError::ProvisionalToNonInvite),
            StatusCode::REQUEST_TIMEOUT => Err(ContextError::TimeoutToNonInvite),
            _ => Ok(()),
        }
    }

    fn become_final(&mut self, status: StatusCode) {
        self.phase = Phase::Final(status);
        self.request = None;
        self.ringing = None;
        if let Some(waiting) = &mut self.unacknowledged {
            waiting.finish();
        }
        self.rest();
    }

    /// No timer of ours runs.
    fn rest(&mut self) {
        self.trying_at = Timestamp::MAX;
        self.again_at = Timestamp::MAX;
        self.guard_at = Timestamp::MAX;
    }

    /// §13.3.1.4: a 2xx to an INVITE goes out again, on any transport, until its ACK comes or 64·T1 have passed.
    fn await_ack(&mut self, now: Timestamp, settings: &Settings) {
        if self.is_invite() {
            self.repeats = 0;
            self.again_at = again_after(now, settings.timers.t1, now);
            self.guard_at = now + settings.timers.give_up();
        }
    }

    fn patience_ends(
        &mut self,
        now: Timestamp,
        defaults: &Defaults<'_>,
        settings: &Settings,
    ) -> ServerEffects {
        match self.phase {
            Phase::Pending if self.is_invite() => {
                let (status, why) = match self.guard_is_expiry {
                    true => (StatusCode::REQUEST_TERMINATED, ServerEffects::EXPIRED),
                    // RFC 5057 §5.1: a 480 to a re-INVITE would end the call.
                    false if self.is_within_dialog() => {
                        (StatusCode::SERVER_TIME_OUT, ServerEffects::NO_ANSWER)
                    }
                    false => (StatusCode::TEMPORARILY_UNAVAILABLE, ServerEffects::NO_ANSWER),
                };
                let answered = self.answer(now, status, &Reply::new(), defaults, settings);
                answered.unwrap_or_else(|_| self.end_unanswered()) | why
            }
            Phase::Pending => self.end_unanswered(),
            Phase::Final(_) => {
                self.phase = Phase::NoAck;
                self.release();
                ServerEffects::NO_ACK
            }
            Phase::Held(_) | Phase::Cancelled | Phase::Acked(_) | Phase::NoAck | Phase::Unanswered => {
                ServerEffects::NONE
            }
        }
    }

    fn is_within_dialog(&self) -> bool {
        self.request.as_ref().is_some_and(|request| !request.tag_in_to().is_empty())
    }

    /// RFC 3262 §3: a client that does not acknowledge a reliable provisional answer gets a 5xx.
    fn not_pracked(&mut self, now: Timestamp, defaults: &Defaults<'_>, settings: &Settings) -> ServerEffects {
        let status = StatusCode::SERVER_TIME_OUT;
        let answered = self.answer(now, status, &Reply::new(), defaults, settings);
        answered.unwrap_or_else(|_| self.end_unanswered()) | ServerEffects::NO_PRACK
    }

    /// The request will get no answer: its client has given up, or none can be written.
    fn end_unanswered(&mut self) -> ServerEffects {
        self.phase = Phase::Unanswered;
        self.release();
        ServerEffects::UNANSWERED | ServerEffects::END
    }

    /// The stored answer once more: each minute while the INVITE is pending (§13.3.1.1), T1 to T2 for a 2xx.
    fn again(&mut self, now: Timestamp, defaults: &Defaults<'_>, settings: &Settings) -> ServerEffects {
        if self.phase != Phase::Pending {
            self.repeats = self.repeats.saturating_add(1);
            let factor = 1_u32.checked_shl(self.repeats.into()).unwrap_or(u32::MAX);
            let interval = settings.timers.t1.saturating_mul(factor).min(settings.timers.t2);
            self.again_at = again_after(self.again_at, interval, now);
            let effects = self.transaction.step(now, Stimulus::Success, &settings.timers);
            return self.sent(effects);
        }
        let Some(ringing) = self.ringing.clone() else {
            self.again_at = again_after(now, settings.repeat_every, now);
            let ringing = Reply::new();
            return self.answer(now, StatusCode::RINGING, &ringing, defaults, settings).unwrap_or_default();
        };
        self.again_at = again_after(now, self.repeat_every(&ringing, settings), now);
        match ringing.status().filter(|_| self.is_reliable(&ringing)) {
            None => self.send_again(now, ringing, settings),
            // Repeated as it is.
            Some(_) if self.awaits_prack() => ServerEffects::NONE,
            // The same one would be dropped as its own repetition (RFC 3262 §4).
            Some(status) => {
                let next = Reply::new().reliable();
                self.answer(now, status, &next, defaults, settings).unwrap_or_default()
            }
        }
    }

    /// How often a provisional answer is repeated: each minute by default (§13.3.1.1), each two and a half if it is
    /// reliable (RFC 3262 §3).
    fn repeat_every(&self, answer: &Message, settings: &Settings) -> Duration {
        let every = settings.repeat_every;
        match self.is_reliable(answer) {
            true => every.saturating_mul(5).checked_div(2).unwrap_or(every),
            false => every,
        }
    }

    fn is_reliable(&self, answer: &Message) -> bool {
        self.unacknowledged.is_some() && rack(answer).is_some()
    }

    /// A provisional answer once more.
    fn send_again(&mut self, now: Timestamp, answer: Arc<Message>, settings: &Settings) -> ServerEffects {
        self.response = Stored::from(answer);
        let effects = self.transaction.step(now, Stimulus::Provisional, &settings.timers);
        self.sent(effects)
    }

    /// Turns the transaction's effects into the context's.
    fn sent(&mut self, effects: Effects) -> ServerEffects {
        if effects.contains(Effects::TIMEOUT) {
            self.phase = Phase::NoAck;
        }
        let sends = effects.contains(Effects::SEND) || effects.contains(Effects::RESEND);
        ServerEffects::when(sends && self.response.is_some(), ServerEffects::SEND)
            | ServerEffects::when(effects.contains(Effects::END), ServerEffects::END)
    }

    /// Lets go of the messages: nothing will be answered or sent again.
    fn release(&mut self) {
        self.request = None;
        self.response = Stored::NONE;
        self.ringing = None;
        if let Some(waiting) = &mut self.unacknowledged {
            waiting.finish();
        }
        self.rest();
    }
}
