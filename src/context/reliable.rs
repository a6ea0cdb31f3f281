//! Provisional answers that are acknowledged (RFC 3262): who wants them, what a server owes for them, which of them a client takes.
//!
//! The server's [`Unacknowledged`] is a queue with one answer out at a time; the client's [`Received`] is a number a fork.
//!
//! ```text
//! Unacknowledged                                            Received, by To tag
//! empty ─ 1xx ─▶ out ─ PRACK ─▶ the next out, or empty      first: any RSeq ─▶ PRACK
//!                 ├── T1, 2·T1, 4·T1 …: again               one more than the last ─▶ PRACK
//!                 ├── 64·T1: the INVITE is rejected         any other: dropped
//!                 └── final answer: no more, a late PRACK still matches
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::message::{Message, Method, Name, RAck, StatusCode};
use crate::time::Timestamp;
use crate::transaction::{Timers, again_after};

/// The option tag (RFC 3262 §8.1).
pub(crate) const OPTION_TAG: &str = "100rel";

/// Whether provisional answers to an INVITE are acknowledged: what we are willing to do, or what a peer has said.
///
/// ```
/// use sip_proto::StatusCode;
/// use sip_proto::context::Rel100;
/// use sip_proto::message::{Message, Name};
///
/// let invite = Message::parse(&b"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
///     From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nRequire: 100rel\r\n\r\n"[..])?;
/// assert_eq!(Rel100::of(&invite), Rel100::Required);
/// assert_eq!(Rel100::Unsupported.refusal(&invite), Some((StatusCode::BAD_EXTENSION, Name::Unsupported)));
/// # Ok::<(), sip_proto::message::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Rel100 {
    /// None is: `none` in the model.
    #[default]
    Unsupported,
    /// Those are that their sender wants to be.
    Supported,
    /// All are, but 100.
    Required,
}

impl Rel100 {
    /// What the sender of a request says in Require and Supported (RFC 3262 §3, §4). Only an INVITE can say so.
    pub fn of(request: &Message) -> Self {
        match request.method() {
            Method::Invite if requires(request) => Self::Required,
            Method::Invite if request.supported().any(is_tag) => Self::Supported,
            _ => Self::Unsupported,
        }
    }

    /// What an INVITE is to be rejected with if this is our policy, and the header that then names the option tag: 420 if
    /// we lack what it requires (RFC 3262 §3), 421 if it lacks what we require (RFC 3261 §21.4.16).
    pub fn refusal(self, request: &Message) -> Option<(StatusCode, Name)> {
        let is_invite = *request.method() == Method::Invite;
        match self {
            Self::Unsupported if is_invite && requires(request) => {
                Some((StatusCode::BAD_EXTENSION, Name::Unsupported))
            }
            Self::Required if is_invite && Self::of(request) == Self::Unsupported => {
                Some((StatusCode::EXTENSION_REQUIRED, Name::Require))
            }
            Self::Unsupported | Self::Supported | Self::Required => None,
        }
    }

    /// The header of an INVITE of ours that says so, with `100rel` as its value or one of its values (RFC 3262 §4).
    pub fn header(self) -> Option<Name> {
        match self {
            Self::Unsupported => None,
            Self::Supported => Some(Name::Supported),
            Self::Required => Some(Name::Require),
        }
    }

    /// Whether a provisional answer to `request` is sent reliably, by our policy, the peer's and the application's `wish` (RFC 3262 §3).
    pub(super) fn applies(self, request: &Message, status: StatusCode, wish: bool) -> bool {
        if self == Self::Unsupported || !status.is_provisional() || status == StatusCode::TRYING {
            return false;
        }
        match (self, Self::of(request)) {
            (Self::Unsupported, _) | (_, Self::Unsupported) => false,
            (_, Self::Required) | (Self::Required, Self::Supported) => true,
            (Self::Supported, Self::Supported) => wish,
        }
    }
}

fn is_tag(tag: &str) -> bool {
    tag.eq_ignore_ascii_case(OPTION_TAG)
}

fn requires(message: &Message) -> bool {
    message.require().any(is_tag)
}

/// How many reliable provisional answers may wait at once for their PRACK or for their turn.
const MOST: usize = 8;

/// The reliable provisional answers to one INVITE that were not acknowledged yet, and the 2xx that waits for that.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unacknowledged {
    /// The RSeq of the next one; `None` when the numbers are used up.
    next: Option<u32>,
    /// The INVITE's number.
    cseq: u32,
    /// The one that was sent last, until its PRACK comes.
    out: Option<u32>,
    /// That one in front while it is repeated; those behind it were not sent yet.
    answers: Vec<Answer>,
    /// The 2xx that waits.
    success: Option<Arc<Message>>,
    interval: Duration,
    /// When the one that is out goes out again.
    again_at: Timestamp,
    /// When it is given up.
    until: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
struct Answer {
    rseq: u32,
    message: Arc<Message>,
}

impl Unacknowledged {
    /// None yet, to the INVITE with this number. The first one's RSeq is `first`, 1 to 2³¹ − 1.
    pub(super) fn new(first: u32, cseq: u32) -> Self {
        Self {
            next: Some(first),
            cseq,
            out: None,
            answers: Vec::new(),
            success: None,
            interval: Duration::ZERO,
            again_at: Timestamp::MAX,
            until: Timestamp::MAX,
        }
    }

    /// The RSeq for one more; `None` when too many wait. Numbers do not wrap around (RFC 3262 §3).
    pub(super) fn rseq(&self) -> Option<u32> {
        self.next.filter(|_| self.answers.len() < MOST)
    }

    /// Takes the answer that was given this RSeq. It goes out when those before it were acknowledged (RFC 3262 §3): now, if
    /// none is [out](Self::out).
    pub(super) fn push(&mut self, now: Timestamp, rseq: u32, message: Arc<Message>, timers: &Timers) {
        self.next = rseq.checked_add(1);
        self.answers.push(Answer { rseq, message });
        if self.answers.len() == 1 {
            self.send(now, timers);
        }
    }

    /// Whether a PRACK acknowledges the answer that is out.
    pub(super) fn is_pracked_by(&self, rack: &RAck) -> bool {
        self.out == Some(rack.rseq) && rack.cseq == self.cseq && rack.method == Method::Invite
    }

    /// Takes a PRACK: whether it acknowledges the answer that is out.
    pub(super) fn acknowledge(&mut self, rack: &RAck) -> bool {
        let is_match = self.is_pracked_by(rack);
        if is_match {
            self.out = None;
            self.answers.drain(..self.answers.len().min(1));
            self.rest();
        }
        is_match
    }

    /// Takes a 2xx that has to wait: until no answer [with a session description](Self::has_description) does (RFC 3262 §3, §5).
    pub(super) fn hold(&mut self, success: Arc<Message>) {
        self.success = Some(success);
    }

    /// The 2xx, once it need not wait any more.
    pub(super) fn release(&mut self) -> Option<Arc<Message>> {
        let holds = self.has_description();
        self.success.take_if(|_| !holds)
    }

    /// The next answer, sent now that the one before was acknowledged; `None` when there is none.
    pub(super) fn advance(&mut self, now: Timestamp, timers: &Timers) -> Option<Arc<Message>> {
        let next = self.current()?;
        self.send(now, timers);
        Some(next)
    }

    /// The answer that is out, to be sent again if it is due: at intervals that double without cap (RFC 3262 §3).
    pub(super) fn again(&mut self, now: Timestamp) -> Option<Arc<Message>> {
        if self.again_at > now || self.again_at == Timestamp::MAX {
            return None;
        }
        self.interval = self.interval.saturating_mul(2);
        self.again_at = again_after(self.again_at, self.interval, now);
        self.current()
    }

    /// Whether the PRACK has not come within 64·T1 (RFC 3262 §3).
    pub(super) fn is_given_up(&self, now: Timestamp) -> bool {
        self.until <= now && self.until != Timestamp::MAX
    }

    /// The final answer goes out: nothing is sent any more, but the PRACK of what is out is still awaited (RFC 3262 §3).
    pub(super) fn finish(&mut self) {
        self.answers = Vec::new();
        self.success = None;
        self.rest();
    }

    /// Whether an answer is out whose PRACK has not come.
    pub(super) fn awaits_prack(&self) -> bool {
        self.out.is_some()
    }

    /// The answer that is out, while it is repeated.
    pub(super) fn out(&self) -> Option<&Arc<Message>> {
        self.answers.first().map(|answer| &answer.message)
    }

    /// When [`Unacknowledged::again`] or [`Unacknowledged::is_given_up`] has something to say.
    pub(super) fn deadline(&self) -> Timestamp {
        self.again_at.min(self.until)
    }

    /// Whether an answer that waits has a session description.
    pub(super) fn has_description(&self) -> bool {
        self.answers.iter().any(Answer::has_description)
    }

    fn current(&self) -> Option<Arc<Message>> {
        self.out().cloned()
    }

    fn send(&mut self, now: Timestamp, timers: &Timers) {
        self.out = self.answers.first().map(|answer| answer.rseq);
        self.interval = timers.t1;
        self.again_at = again_after(now, self.interval, now);
        self.until = now + timers.give_up();
    }

    fn rest(&mut self) {
        self.again_at = Timestamp::MAX;
        self.until = Timestamp::MAX;
    }
}

impl Answer {
    fn has_description(&self) -> bool {
        self.message.session_description().is_some()
    }
}

/// How many forks of one INVITE may answer reliably.
const MOST_FORKS: usize = 64;

/// The last reliable provisional answer of each fork of an INVITE of ours (RFC 3262 §4).
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Received(Vec<(Box<str>, u32)>);

/// What a provisional answer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// An ordinary one: nobody waits for an acknowledgement.
    Ordinary,
    /// A reliable one, in order: it is to be acknowledged.
    Next,
    /// A reliable one that came before, or out of order: it is dropped.
    Stray,
}

impl Received {
    /// Takes a provisional answer to our INVITE. RSeq counts only where Require names 100rel, in a 101 to 199 with a To tag.
    pub(super) fn take(&mut self, response: &Message) -> Order {
        let Some((tag, rack)) = of_dialog(response) else { return Order::Ordinary };
        let is_full = self.0.len() >= MOST_FORKS;
        match self.0.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(tag)) {
            Some((_, last)) if last.checked_add(1) == Some(rack.rseq) => {
                *last = rack.rseq;
                Order::Next
            }
            Some(_) => Order::Stray,
            None if is_full => Order::Stray,
            None => {
                self.0.push((tag.into(), rack.rseq));
                Order::Next
            }
        }
    }

    /// The final answer came: no more is acknowledged.
    pub(super) fn finish(&mut self) {
        self.0 = Vec::new();
    }
}

/// What a PRACK of this answer says in RAck (RFC 3262 §7.2); `None` if it is no reliable provisional answer.
pub(crate) fn rack(response: &Message) -> Option<RAck> {
    response.status().filter(|status| status.is_provisional() && *status > StatusCode::TRYING)?;
    let rseq = response.rseq().ok().flatten().filter(|_| requires(response))?;
    Some(RAck { rseq, cseq: response.cseq(), method: response.method().clone() })
}

fn of_dialog(response: &Message) -> Option<(&str, RAck)> {
    let rack = rack(response)?;
    let tag = response.to().ok()?.tag()?;
    Some((tag, rack))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Arc<Message> {
        let text = "SIP/2.0 183 X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
            To: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n\r\n";
        Arc::new(Message::parse(text).unwrap())
    }

    // Holds: 3262-3-19
    #[test]
    fn numbers_do_not_wrap_around() {
        // RFC 3262 §3.
        let mut waiting = Unacknowledged::new(u32::MAX, 7);
        assert_eq!(waiting.rseq(), Some(u32::MAX));
        waiting.push(Timestamp::ZERO, u32::MAX, answer(), &Timers::DEFAULT);
        assert_eq!(waiting.rseq(), None);
        assert!(waiting.acknowledge(&RAck { rseq: u32::MAX, cseq: 7, method: Method::Invite }));
        assert_eq!(waiting.rseq(), None);
    }

    #[test]
    fn only_so_many_wait() {
        let mut waiting = Unacknowledged::new(1, 7);
        for _ in 0..MOST {
            let rseq = waiting.rseq().unwrap();
            waiting.push(Timestamp::ZERO, rseq, answer(), &Timers::DEFAULT);
        }
        assert_eq!(waiting.rseq(), None);
        assert!(waiting.acknowledge(&RAck { rseq: 1, cseq: 7, method: Method::Invite }));
        assert_eq!(waiting.rseq(), Some(1 + MOST as u32));
    }

    #[test]
    fn policies_meet() {
        // RFC 3262 §3: our policy, the peer's, the application's wish.
        use Rel100::{Required, Supported, Unsupported};
        let ringing = StatusCode::RINGING;
        for (ours, peer, unasked, asked) in [
            (Unsupported, Unsupported, false, false),
            (Unsupported, Supported, false, false),
            (Unsupported, Required, false, false),
            (Supported, Unsupported, false, false),
            (Supported, Supported, false, true),
            (Supported, Required, true, true),
            (Required, Unsupported, false, false),
            (Required, Supported, true, true),
            (Required, Required, true, true),
        ] {
            let says = peer.header().map_or_else(alloc::string::String::new, |name| {
                alloc::format!("{}: {OPTION_TAG}\r\n", name.as_str())
            });
            let peer = Message::parse(alloc::format!(
                "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
                 To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n{says}\r\n"
            ))
            .unwrap();
            let got = [false, true].map(|wish| ours.applies(&peer, ringing, wish));
            assert_eq!(got, [unasked, asked], "{ours:?} {peer:?}");
            for never in [StatusCode::TRYING, StatusCode::OK, StatusCode::BUSY_HERE] {
                assert!(!ours.applies(&peer, never, true), "{never:?}");
            }
        }
    }
}
