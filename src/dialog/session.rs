//! The session of a dialog: whose turn it is to offer, what is agreed, who holds whom (RFC 3261 §14, RFC 3264, RFC 6337).

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::{fmt, mem};

use bytes::Bytes;

use super::{Dialog, DialogError};
use crate::context::rack;
use crate::message::{Header, Length, Message, Method, StatusCode};
use crate::sdp::{
    self, Agreed, Body, Carrier, Change, Direction, Meaning, Negotiation, Ours, Refusal, Session, Side,
    Unusable,
};

/// What becomes of the session (the model's `modify`).
#[derive(Clone, PartialEq, Eq)]
pub enum Modify {
    /// This description is offered, as it is. Where it comes from someone else than the last one that was sent, [`next_offer`](crate::sdp::next_offer) makes it one
    /// that may follow (RFC 3264 §8).
    Sdp(Bytes),
    /// The peer is held: no stream receives any more (RFC 3264 §8.4).
    Hold,
    /// The peer is held no longer: the session is as it was before, but for what was agreed since.
    Unhold,
    /// The peer is asked for an offer (RFC 3261 §14.1).
    Offerless,
}

impl fmt::Debug for Modify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sdp(sdp) => f.debug_tuple("Sdp").field(&Length(sdp.len())).finish(),
            Self::Hold => f.write_str("Hold"),
            Self::Unhold => f.write_str("Unhold"),
            Self::Offerless => f.write_str("Offerless"),
        }
    }
}

impl Dialog {
    /// Takes note of a message of the dialog in the order in which it is sent or received, repetitions left out: what it means for
    /// offer and answer. Messages that cannot carry a description mean nothing.
    ///
    /// # Errors
    /// A request of the peer's that is to be refused with [`Refusal::status`], or a message of ours that must not be sent so.
    /// The session has not changed then.
    pub fn note(&mut self, side: Side, message: &Message) -> Result<Meaning, Refusal> {
        if side == Side::Theirs
            && let Some(updates) = message.says_it_allows(Method::Update.as_str())
        {
            self.session.holds.peer_updates = updates;
        }
        let Some(carrier) = carrier_of(message) else { return Ok(Meaning::Nothing) };
        // RFC 6337 §3.1.1: the 2xx says what the unreliable 1xx said, even where it does not repeat it.
        let repeated = match (side, carrier, &self.session.negotiation) {
            (Side::Ours, Carrier::Success, negotiation) if !negotiation.is_stable() => {
                negotiation.preview().map(Bytes::copy_from_slice)
            }
            _ => None,
        };
        let sdp = message.session_description().or(repeated.as_deref());
        let offered = self.session.offer_that_may_fail(carrier);
        let (meaning, before) = self.session.negotiation.take(side, carrier, sdp)?;
        match meaning {
            Meaning::Answer => self.session.agreed(side, before.as_ref()),
            Meaning::RolledBack => self.session.rolled_back(before.as_ref(), offered),
            _ => {}
        }
        Ok(meaning)
    }

    /// Takes note of a message of ours that goes out whatever offer and answer say of it: an application that leaves its descriptions
    /// out, or carries them elsewhere, has no offer that waits.
    pub fn note_sent(&mut self, message: &Message) {
        let Err(refusal) = self.note(Side::Ours, message) else { return };
        let is_taken = match (refusal, carrier_of(message)) {
            (Refusal::SdpMisplaced, Some(Carrier::Provisional)) => {
                self.session.negotiation.announce(message.session_description().unwrap_or_default());
                true
            }
            // RFC 3262 §5: it lacks the offer. The peer looks for it in the 2xx then.
            (Refusal::SdpMissing, Some(Carrier::Reliable)) => true,
            // RFC 3261 §13.2.1, RFC 6337 §2.2: the peer ignores the description, that of before said again.
            (Refusal::SdpMisplaced, Some(carrier)) => self.session.negotiation.sent(carrier, None).is_ok(),
            _ => false,
        };
        if !is_taken {
            self.session.negotiation.abandon();
        }
    }

    /// Takes note that a request of this method and side ended without an answer.
    pub fn note_unanswered(&mut self, by: Side, method: &Method) {
        let carrier = match method {
            Method::Invite => Carrier::Failure,
            Method::Prack => Carrier::PrackFailure,
            Method::Update => Carrier::UpdateFailure,
            _ => return,
        };
        let offered = self.session.offer_that_may_fail(carrier);
        if let Ok((_, undone)) = self.session.negotiation.take(by.other(), carrier, None) {
            self.session.rolled_back(undone.as_ref(), offered);
        }
    }

    /// Whether we hold the peer.
    pub fn local_hold(&self) -> bool {
        self.session.holds().local
    }

    /// Whether the peer holds us.
    pub fn remote_hold(&self) -> bool {
        self.session.holds().remote
    }

    /// What is agreed, and the offer that waits.
    pub fn negotiation(&self) -> &Negotiation {
        &self.session.negotiation
    }

    /// Whether the peer has said that it takes UPDATE (RFC 3311 §4).
    pub fn peer_updates(&self) -> bool {
        self.session.holds.peer_updates
    }

    /// Takes note that the peer does not take UPDATE after all.
    pub(crate) fn forget_updates(&mut self) {
        self.session.holds.peer_updates = false;
    }

    /// Whether the ACK of the peer's 2xx has to carry our answer (RFC 3261 §13.2.2.4).
    pub fn owes_answer(&self) -> bool {
        self.session.negotiation.needs(Carrier::Ack) == Ok(Body::Must(Meaning::Answer))
    }

    /// Whether the PRACK of the peer's reliable provisional answer has to carry our answer (RFC 3262 §5).
    pub fn owes_prack_answer(&self) -> bool {
        self.session.negotiation.needs(Carrier::Prack) == Ok(Body::Must(Meaning::Answer))
    }

    /// What an offer of the peer's would change: `None` for a re-INVITE without an offer.
    pub fn change(&self, offer: Option<&[u8]>) -> Change {
        match (self.session.negotiation.remote(), offer) {
            (Some(before), Some(offer)) => {
                let ours = self.session.negotiation.local().unwrap_or_default();
                sdp::compare_agreed(before, offer, ours)
            }
            _ => Change::Modify,
        }
    }

    /// The answer to an offer of the peer's that our current description makes (RFC 3264 §6): where the offer changes nothing, that description
    /// as it is (§8).
    ///
    /// # Errors
    /// When there is none: to be answered 488.
    pub fn answer_to(&self, offer: &[u8]) -> Result<Bytes, Unusable> {
        let (session, holds) = (&self.session, self.session.holds());
        let local = session.negotiation.local().unwrap_or_default();
        let mut ours = Ours::new(local).wishing(holds.wishes()).holding(holds.local);
        if let Some(remote) = session.negotiation.remote() {
            ours = ours.after(remote);
        }
        let answer = session.fresh(sdp::answer(offer, &ours)?);
        let is_unchanged = self.change(Some(offer)) == Change::Refresh && sdp::flow_alike(local, &answer);
        Ok(if is_unchanged { Bytes::copy_from_slice(local) } else { answer.into() })
    }

    /// What we offer where the peer asks for an offer and nothing is to change: our description with the directions that we wish, whatever the peer's have
    /// made of them (RFC 6337 §5.3). `None` where there is no session.
    pub(crate) fn offer_again(&self) -> Option<Bytes> {
        let (session, holds) = (&self.session, self.session.holds());
        let local = session.negotiation.local()?;
        let offer = sdp::wished(local, holds.wishes(), holds.local);
        Some(offer.map_or_else(|_| Bytes::copy_from_slice(local), |offer| session.fresh(offer).into()))
    }

    /// The answer that takes nothing of the offer in the peer's 2xx, if one is owed (RFC 3261 §13.2.2.4); `None` too where the offer is no description.
    pub(crate) fn declining(&self) -> Option<Bytes> {
        let (_, offer) = self.session.negotiation.offer().filter(|_| self.owes_answer())?;
        let answer = sdp::decline(offer, self.session.negotiation.local()).ok()?;
        Some(self.session.fresh(answer).into())
    }

    /// Whether an answer of ours to the peer's INVITE may carry this body: a description that is another than the one before would be another
    /// offer (RFC 3261 §13.2.1).
    pub(crate) fn may_describe(&self, body: &crate::message::Body, headers: &[Header]) -> bool {
        let negotiation = &self.session.negotiation;
        let is_said = || {
            let ours = negotiation.offer().filter(|(side, _)| *side == Side::Ours).map(|(_, offer)| offer);
            let said = ours.or(negotiation.local());
            body.description(headers).is_none_or(|described| said == Some(&*described))
        };
        let has_place =
            !matches!(negotiation.needs(Carrier::Success), Ok(Body::Nothing) | Err(Refusal::Unacknowledged));
        has_place || is_said()
    }

    /// The offer that a wish comes to now; `None` where none is to be made.
    ///
    /// # Errors
    /// [`DialogError::NoSession`] without a description that could be held, [`DialogError::NotHeld`] where there is nothing to take back.
    pub fn offer_of(&self, modify: &Modify) -> Result<Option<Bytes>, DialogError> {
        let (session, holds) = (&self.session, self.session.holds());
        let local = || session.negotiation.local().ok_or(DialogError::NoSession);
        let before_hold = holds.unusual.as_ref().and_then(|unusual| unusual.before_hold.as_ref());
        let offer = match (modify, before_hold) {
            (Modify::Sdp(sdp), _) => return Ok(Some(sdp.clone())),
            (Modify::Offerless, _) => return Ok(None),
            (Modify::Hold, _) => sdp::hold(local()?)?,
            (Modify::Unhold, _) if !holds.local => return Err(DialogError::NotHeld),
            (Modify::Unhold, Some(before)) => {
                let (local, wishes) = (local()?, holds.wishes());
                // What was agreed during the hold stays (RFC 3264 §8).
                match sdp::next_offer(local, &sdp::hold(before)?)? == local {
                    true => sdp::next_offer(local, &sdp::wished(before, wishes, false)?)?,
                    false => sdp::wished(local, wishes, false)?,
                }
            }
            (Modify::Unhold, None) => sdp::unhold(local()?)?,
        };
        Ok(Some(session.fresh(offer).into()))
    }
}

/// Offer and answer in a dialog, and what they come to.
#[derive(Clone, PartialEq, Default)]
pub(super) struct SessionState {
    pub(super) negotiation: Negotiation,
    holds: Holds,
}

impl SessionState {
    /// Who holds whom.
    fn holds(&self) -> Cow<'_, Holds> {
        match (self.holds.answered, self.negotiation.agreed()) {
            (Some(by), Some(agreed)) => Cow::Owned(self.holds.after(by, None, agreed)),
            _ => Cow::Borrowed(&self.holds),
        }
    }

    /// The offer of ours that a message of this kind may be the end of.
    fn offer_that_may_fail(&self, carrier: Carrier) -> Option<Box<[u8]>> {
        let fails = matches!(carrier, Carrier::Failure | Carrier::PrackFailure | Carrier::UpdateFailure);
        let (_, offer) = self.negotiation.offer().filter(|(side, _)| fails && *side == Side::Ours)?;
        Some(offer.into())
    }

    /// A description of ours that is about to be sent, in a version that no other has had (RFC 3264 §8).
    fn fresh(&self, sdp: Vec<u8>) -> Vec<u8> {
        let spent = self.holds.unusual.as_ref().and_then(|unusual| unusual.spent.as_ref());
        match spent {
            Some(spent) => sdp::beyond(spent, self.negotiation.local().unwrap_or_default(), sdp),
            None => sdp,
        }
    }

    /// A round is complete; `by` has answered, after what was agreed `before`.
    fn agreed(&mut self, by: Side, before: Option<&Agreed>) {
        let Some(before) = before else {
            self.holds.answered = Some(by);
            return;
        };
        self.look_back(before);
        if let Some(agreed) = self.negotiation.agreed() {
            let after = self.holds.after(by, Some(before), agreed);
            let replaced = mem::replace(&mut self.holds, after);
            if self.negotiation.may_be_undone() {
                self.holds.keep(replaced);
            }
        }
    }

    /// Looks into the first exchange, which is in force no more.
    fn look_back(&mut self, first: &Agreed) {
        if let Some(by) = self.holds.answered {
            self.holds = self.holds.after(by, None, first);
        }
    }

    /// An offer of ours, if it is one that is `offered`, has come to nothing, and so has what was agreed by it and is `undone`.
    fn rolled_back(&mut self, undone: Option<&Agreed>, offered: Option<Box<[u8]>>) {
        if let Some(undone) = undone {
            self.look_back(undone);
        }
        if let Some(spent) = offered.or_else(|| undone.map(|undone| undone.local().into())) {
            self.holds.unusual.get_or_insert_default().spend(spent);
        }
        if undone.is_none() || self.holds.take_back() {
            return;
        }
        let holds = |sdp: Option<&[u8]>| {
            Session::parse(sdp.unwrap_or_default()).is_ok_and(|session| session.is_hold())
        };
        self.holds.local &= holds(self.negotiation.local());
        self.holds.remote &= holds(self.negotiation.remote());
    }
}

/// Who holds whom, and whatever else is known beside the descriptions.
#[derive(Clone, PartialEq, Default)]
struct Holds {
    /// Whether we hold the peer.
    local: bool,
    /// Whether the peer holds us.
    remote: bool,
    /// Who has answered the first offer, until that exchange is looked into: nobody may ever ask.
    answered: Option<Side>,
    /// Whether the peer takes UPDATE.
    peer_updates: bool,
    /// What only sessions have in which media does not flow both ways, as in each hold, or an offer has failed.
    unusual: Option<Box<Unusual>>,
}

#[derive(Clone, PartialEq, Default)]
struct Unusual {
    /// Our description before we held the peer.
    before_hold: Option<Box<[u8]>>,
    /// What we wish of each stream, our hold aside.
    wishes: Box<[Direction]>,
    /// A description of ours that came to nothing: its version is spent.
    spent: Option<Box<[u8]>>,
    /// What was before an exchange that hangs on the final answer to its INVITE.
    replaced: Option<Box<Holds>>,
}

impl Unusual {
    /// A description of ours came to nothing. Of several the one counts whose version is the last: it may have been one that was in force said again.
    fn spend(&mut self, sdp: Box<[u8]>) {
        let known = self.spent.as_deref().and_then(sdp::version);
        if known < sdp::version(&sdp) {
            self.spent = Some(sdp);
        }
    }
}

impl Holds {
    /// Keeps what was `replaced` by this for as long as it may come back. Where nobody held anybody nothing would.
    fn keep(&mut self, mut replaced: Self) {
        if let Some(unusual) = &mut replaced.unusual {
            unusual.replaced = None;
        }
        if replaced.unusual.is_some() {
            self.unusual.get_or_insert_default().replaced = Some(Box::new(replaced));
        }
    }

    /// What was replaced is in force again, if it was kept; whether it was.
    fn take_back(&mut self) -> bool {
        let Some(unusual) = &mut self.unusual else { return false };
        let (replaced, spent) = (unusual.replaced.take(), unusual.spent.take());
        let was_kept = replaced.is_some();
        if let Some(replaced) = replaced {
            *self = Self { peer_updates: self.peer_updates, ..*replaced };
        }
        if let Some(spent) = spent {
            self.unusual.get_or_insert_default().spend(spent);
        }
        was_kept
    }

    fn wishes(&self) -> &[Direction] {
        self.unusual.as_ref().map_or(&[], |unusual| &unusual.wishes)
    }

    /// What becomes of it by an exchange that `by` has answered, after what was agreed `before`. A hold that the answerer had no choice about stays as it
    /// was.
    fn after(&self, by: Side, before: Option<&Agreed>, agreed: &Agreed) -> Self {
        let (local, remote) = agreed.split();
        // The usual session is not opened: nothing in it could hold anybody.
        let is_usual = ![local, remote].into_iter().any(sdp::may_hold);
        let mut after = Self { answered: None, ..self.clone() };
        if is_usual && self.unusual.is_none() {
            return after;
        }
        let mut unusual = after.unusual.take().unwrap_or_default();
        unusual.replaced = None;
        if let (Ok(local), Ok(remote)) = (Session::parse(local), Session::parse(remote)) {
            match by {
                Side::Ours => {
                    after.remote = remote.is_hold();
                    after.local = local.is_hold_answering(&remote).unwrap_or(self.local);
                }
                Side::Theirs => {
                    after.local = local.is_hold();
                    after.remote = remote.is_hold_answering(&local).unwrap_or(self.remote);
                }
            }
            let before = before
                .map(Agreed::split)
                .map(|(ours, theirs)| (Session::parse(ours), Session::parse(theirs)));
            let before = match &before {
                Some((Ok(ours), Ok(theirs))) => Some([ours, theirs]),
                _ => None,
            };
            unusual.wishes = sdp::wishes(by, [&local, &remote], before, &unusual.wishes, after.local).into();
        }
        match after.local {
            true if !self.local => unusual.before_hold = before.map(|before| before.local().into()),
            true => {}
            false => unusual.before_hold = None,
        }
        if unusual.spent.as_ref().is_some_and(|spent| sdp::version(local) >= sdp::version(spent)) {
            unusual.spent = None;
        }
        let is_over = is_usual && !after.local && !after.remote && unusual.spent.is_none();
        after.unusual = (!is_over).then_some(unusual);
        after
    }
}

/// Which step of offer and answer a message is.
fn carrier_of(message: &Message) -> Option<Carrier> {
    let Some(status) = message.status() else {
        return match message.method() {
            Method::Invite => Some(Carrier::Invite),
            Method::Ack => Some(Carrier::Ack),
            Method::Prack => Some(Carrier::Prack),
            Method::Update => Some(Carrier::Update),
            _ => None,
        };
    };
    let of = |success, failure| match status.is_success() {
        true => success,
        false => failure,
    };
    match message.method() {
        Method::Invite if status == StatusCode::TRYING => None,
        Method::Invite if status.is_provisional() => match rack(message) {
            Some(_) => Some(Carrier::Reliable),
            None => Some(Carrier::Provisional),
        },
        _ if status.is_provisional() => None,
        Method::Invite => Some(of(Carrier::Success, Carrier::Failure)),
        Method::Prack => Some(of(Carrier::PrackSuccess, Carrier::PrackFailure)),
        Method::Update => Some(of(Carrier::UpdateSuccess, Carrier::UpdateFailure)),
        _ => None,
    }
}
