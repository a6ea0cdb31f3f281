//! Offer and answer in a dialog: the [table](super::step) with the descriptions that pass.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::{fmt, mem};

use super::state::{Body, Carrier, Invite, Meaning, Phase, Refusal, Round, Side, State, Stimulus};
use super::table::step;

/// What has been agreed in a dialog, and the offer that waits.
///
/// Descriptions become the session's only when a round is complete, both at once; an offer that fails leaves no trace, and neither
/// do the offer and answer of an INVITE that fails (RFC 3261 §14.1). What a PRACK or an UPDATE within it changed stays.
/// They are kept in buffers of their own size; a clone shares them.
///
/// The driver tells of every message that [`Carrier`] names and that belongs to the dialog, in the order in which they are sent and received,
/// and of no repetition that a transaction absorbs. Of the PRACK of a 1xx without a description neither the request nor its end is told, unless
/// the PRACK has one: what it ends could be taken for what another PRACK waits for. A request of the peer that is refused was never here: neither is its failure
/// told. Which descriptions are well-formed is not looked at.
///
/// ```
/// use sip_proto::sdp::{Body, Carrier, Meaning, Negotiation, Taken};
///
/// // A call comes in with an offer (RFC 6337 §2.2, pattern 1).
/// let mut negotiation = Negotiation::new();
/// assert_eq!(negotiation.received(Carrier::Invite, Some(b"offer")), Taken::As(Meaning::Offer));
/// assert_eq!(negotiation.needs(Carrier::Success), Ok(Body::Must(Meaning::Answer)));
/// negotiation.sent(Carrier::Success, Some(b"answer"))?;
/// assert_eq!(negotiation.local(), Some(&b"answer"[..]));
/// assert_eq!(negotiation.remote(), Some(&b"offer"[..]));
/// # Ok::<(), sip_proto::sdp::Refusal>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Negotiation {
    state: State,
    agreed: Option<Agreed>,
    /// The offer of the open round.
    offer: Option<Arc<[u8]>>,
    /// What only some INVITEs bring, while they last; never empty.
    aside: Option<Box<Aside>>,
    is_changed: bool,
}

#[derive(Clone, PartialEq, Eq, Default)]
struct Aside {
    /// What an unreliable 1xx said the answer will be, or one of ours the offer.
    preview: Option<Arc<[u8]>>,
    /// What the exchange of an INVITE that has no final response yet replaced.
    undo: Option<Option<Agreed>>,
}

/// Our description and the peer's in one buffer, behind the length of the first.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Agreed(Arc<[u8]>);

const PREFIX: usize = size_of::<u32>();

impl Agreed {
    fn new(local: &[u8], remote: &[u8]) -> Self {
        let length = PREFIX.saturating_add(local.len()).saturating_add(remote.len());
        let mut buffer: Arc<[u8]> = core::iter::repeat_n(0, length).collect();
        if let Some(rest) = Arc::get_mut(&mut buffer)
            && let Some((prefix, rest)) = rest.split_at_mut_checked(PREFIX)
            && let Some((first, second)) = rest.split_at_mut_checked(local.len())
        {
            prefix.copy_from_slice(&u32::try_from(local.len()).unwrap_or(u32::MAX).to_be_bytes());
            first.copy_from_slice(local);
            second.copy_from_slice(remote);
        }
        Self(buffer)
    }

    /// Our description and the peer's.
    pub(crate) fn split(&self) -> (&[u8], &[u8]) {
        let Some((prefix, rest)) = self.0.split_first_chunk() else { return (&[], &[]) };
        rest.split_at_checked(u32::from_be_bytes(*prefix) as usize).unwrap_or((rest, &[]))
    }

    /// Our description.
    pub(crate) fn local(&self) -> &[u8] {
        self.split().0
    }

    /// The peer's description.
    pub(crate) fn remote(&self) -> &[u8] {
        self.split().1
    }
}

/// What became of a message of the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Taken {
    /// It was taken, and means this.
    As(Meaning),
    /// It is a request that is to be refused with [`Refusal::status`]; nothing has changed.
    Refused(Refusal),
}

impl Negotiation {
    /// Nothing agreed, nothing offered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Our description in the session, once a round is complete.
    pub fn local(&self) -> Option<&[u8]> {
        self.agreed.as_ref().map(Agreed::local)
    }

    /// Both descriptions.
    pub(crate) fn agreed(&self) -> Option<&Agreed> {
        self.agreed.as_ref()
    }

    /// The peer's description in the session, once a round is complete.
    pub fn remote(&self) -> Option<&[u8]> {
        self.agreed.as_ref().map(Agreed::remote)
    }

    /// The offer that waits for its answer, and whose it is.
    pub fn offer(&self) -> Option<(Side, &[u8])> {
        match self.state.round {
            Round::Open(side, _) => Some((side, self.offer.as_deref().unwrap_or_default())),
            Round::Stable => None,
        }
    }

    /// What an unreliable 1xx of this INVITE said the answer will be, if one did: media may flow by it (RFC 3261 §13.2.1). Where the INVITE has no offer, what
    /// one of ours said: no offer yet, but the one that the 2xx is to have.
    pub fn preview(&self) -> Option<&[u8]> {
        self.aside.as_ref()?.preview.as_deref()
    }

    /// The state of the table.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether no offer waits.
    pub fn is_stable(&self) -> bool {
        self.state.round == Round::Stable
    }

    /// Whether the offer in a 2xx of ours waits for the ACK.
    pub(crate) fn awaits_ack(&self) -> bool {
        self.state.round == Round::Open(Side::Ours, Carrier::Success)
    }

    /// Whether what is agreed hangs on the final response to an INVITE: if that fails, what was agreed before is in force again.
    pub(crate) fn may_be_undone(&self) -> bool {
        self.aside.as_ref().is_some_and(|aside| aside.undo.is_some())
    }

    /// Whether a round was completed since the last INVITE began. When that INVITE fails, the two ends may disagree on what is in
    /// force: its sender offers again what [`Negotiation::local`] says then (RFC 6141 §3.4).
    pub fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Whether we may make an offer in this message now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_offer(&self, carrier: Carrier) -> Result<(), Refusal> {
        match self.ours(carrier, true)? {
            (_, Meaning::Offer) => Ok(()),
            _ => Err(Refusal::SdpMisplaced),
        }
    }

    /// What this message of ours has to carry now.
    ///
    /// # Errors
    /// The message must not be sent now, with whatever in it.
    pub fn needs(&self, carrier: Carrier) -> Result<Body, Refusal> {
        match (self.ours(carrier, true), self.ours(carrier, false)) {
            (Ok((_, meaning)), Err(_)) => Ok(Body::Must(meaning)),
            (Ok((_, meaning)), Ok(_)) => Ok(Body::May(meaning)),
            (Err(_), Ok(_)) => Ok(Body::Nothing),
            (Err(refusal), Err(_)) => Err(refusal),
        }
    }

    /// Takes note of a message that we send, with its session description if it has one, and says what it means.
    ///
    /// # Errors
    /// The message must not be sent; nothing has changed.
    pub fn sent(&mut self, carrier: Carrier, sdp: Option<&[u8]>) -> Result<Meaning, Refusal> {
        self.take(Side::Ours, carrier, sdp).map(|(meaning, _)| meaning)
    }

    /// Takes note of a message of the peer, with its session description if it has one, and says what it means.
    ///
    /// Any response or ACK is taken. Where there was a preview it is the answer, whatever the response that brings the answer says (RFC 3261 §13.2.1,
    /// RFC 6337 §3.1.1): a 2xx without a description is taken too, since peers that answer in an unreliable 183 alone are many.
    pub fn received(&mut self, carrier: Carrier, sdp: Option<&[u8]>) -> Taken {
        match self.take(Side::Theirs, carrier, sdp) {
            Ok((meaning, _)) => Taken::As(meaning),
            Err(refusal) => Taken::Refused(refusal),
        }
    }

    /// Keeps what an unreliable 1xx of ours says where the INVITE has no offer. The peer ignores it: an offer begins with the first reliable answer
    /// (RFC 3261 §13.2.1).
    pub(crate) fn announce(&mut self, sdp: &[u8]) {
        if self.preview().is_none() && self.needs(Carrier::Success) == Ok(Body::Must(Meaning::Offer)) {
            self.aside.get_or_insert_default().preview = Some(Arc::from(sdp));
        }
    }

    /// Drops the offer that waits, whatever it waits for: the INVITE and UPDATEs of the dialog are over.
    pub fn abandon(&mut self) {
        self.state = State::default();
        self.offer = None;
        self.aside = None;
    }

    fn ours(&self, carrier: Carrier, has_sdp: bool) -> Result<(State, Meaning), Refusal> {
        step(self.state, Stimulus { by: Side::Ours, carrier, has_sdp })
    }

    /// Takes note of a message of either side: what it means, and what was agreed before, if that is in force no more.
    pub(crate) fn take(
        &mut self,
        by: Side,
        carrier: Carrier,
        sdp: Option<&[u8]>,
    ) -> Result<(Meaning, Option<Agreed>), Refusal> {
        // RFC 3261 §13.2.1, RFC 6337 §3.1.1: the first description counts, whatever comes later.
        let is_answer = || carrier == Carrier::Success || (carrier == Carrier::Reliable && sdp.is_some());
        let awaits_answer = || self.state.round == Round::Open(by.other(), Carrier::Invite);
        let preview = match by {
            Side::Theirs if is_answer() && awaits_answer() => self.take_preview(),
            Side::Theirs | Side::Ours => None,
        };
        let has_sdp = sdp.is_some() || preview.is_some();
        let before = self.state;
        let (state, meaning) = step(before, Stimulus { by, carrier, has_sdp })?;
        self.state = state;
        if carrier == Carrier::Invite {
            self.is_changed = false;
            self.aside = None;
        }
        let kept = || sdp.map(Arc::from);
        let mut replaced = None;
        match meaning {
            Meaning::Nothing | Meaning::Ignored => {}
            Meaning::Offer => self.offer = kept(),
            // RFC 3261 §13.2.1: the first one counts.
            Meaning::Preview if self.preview().is_some() => {}
            Meaning::Preview => self.aside.get_or_insert_default().preview = kept(),
            Meaning::Answer => {
                replaced = self.commit(by, carrier, preview.as_deref().or(sdp).unwrap_or_default());
            }
            Meaning::RolledBack | Meaning::Missing => self.offer = None,
        }
        if matches!(state.invite, Invite::None | Invite::Open(_, Phase::Accepted)) {
            let undo = self.aside.take().and_then(|aside| aside.undo);
            let undo = undo.filter(|_| carrier == Carrier::Failure && before.invite != state.invite);
            if let Some(agreed) = undo {
                return Ok((Meaning::RolledBack, mem::replace(&mut self.agreed, agreed)));
            }
        }
        Ok((meaning, replaced))
    }

    /// RFC 3264 §4: the session is what the two descriptions say, from the answer on. Yields what it was before.
    fn commit(&mut self, answered_by: Side, carrier: Carrier, answer: &[u8]) -> Option<Agreed> {
        let offer = self.offer.take();
        let offer = offer.as_deref().unwrap_or_default();
        let agreed = match answered_by {
            Side::Ours => Agreed::new(answer, offer),
            Side::Theirs => Agreed::new(offer, answer),
        };
        let replaced = self.agreed.replace(agreed);
        // Patterns 3 and 4 hang on the INVITE's final response.
        let undo = matches!(carrier, Carrier::Reliable | Carrier::Prack).then(|| replaced.clone());
        self.aside = undo.map(|undo| Box::new(Aside { preview: None, undo: Some(undo) }));
        self.is_changed = true;
        replaced
    }

    fn take_preview(&mut self) -> Option<Arc<[u8]>> {
        let preview = self.aside.as_mut()?.preview.take();
        if self.aside.as_ref().is_some_and(|aside| aside.undo.is_none()) {
            self.aside = None;
        }
        preview
    }
}

impl fmt::Debug for Negotiation {
    /// The state, and the lengths of the descriptions: they may carry keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Negotiation")
            .field("state", &self.state)
            .field("local", &self.local().map(<[u8]>::len))
            .field("remote", &self.remote().map(<[u8]>::len))
            .field("offer", &self.offer.as_ref().map(|sdp| sdp.len()))
            .finish_non_exhaustive()
    }
}
