//! Offer and answer in a dialog: the [table](super::step) with the descriptions that pass.

use alloc::sync::Arc;
use core::fmt;

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
    local: Option<Arc<[u8]>>,
    remote: Option<Arc<[u8]>>,
    /// The offer of the open round.
    offer: Option<Arc<[u8]>>,
    /// What an unreliable 1xx said the answer will be.
    preview: Option<Arc<[u8]>>,
    /// What the exchange of an INVITE that has no final response yet replaced.
    undo: Option<Pair>,
    is_changed: bool,
}

/// Our description and the peer's.
type Pair = (Option<Arc<[u8]>>, Option<Arc<[u8]>>);

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
        self.local.as_deref()
    }

    /// The same, shared.
    pub(crate) fn local_shared(&self) -> Option<Arc<[u8]>> {
        self.local.clone()
    }

    /// The peer's description in the session, once a round is complete.
    pub fn remote(&self) -> Option<&[u8]> {
        self.remote.as_deref()
    }

    /// The offer that waits for its answer, and whose it is.
    pub fn offer(&self) -> Option<(Side, &[u8])> {
        match self.state.round {
            Round::Open(side, _) => Some((side, self.offer.as_deref().unwrap_or_default())),
            Round::Stable => None,
        }
    }

    /// What an unreliable 1xx of this INVITE said the answer will be, if one did: media may flow by it (RFC 3261 §13.2.1).
    pub fn preview(&self) -> Option<&[u8]> {
        self.preview.as_deref()
    }

    /// The state of the table.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether no offer waits.
    pub fn is_stable(&self) -> bool {
        self.state.round == Round::Stable
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
        self.take(Side::Ours, carrier, sdp)
    }

    /// Takes note of a message of the peer, with its session description if it has one, and says what it means.
    ///
    /// Any response or ACK is taken. Where there was a preview it is the answer, whatever the response that brings the answer says (RFC 3261 §13.2.1,
    /// RFC 6337 §3.1.1): a 2xx without a description is taken too, since peers that answer in an unreliable 183 alone are many.
    pub fn received(&mut self, carrier: Carrier, sdp: Option<&[u8]>) -> Taken {
        match self.take(Side::Theirs, carrier, sdp) {
            Ok(meaning) => Taken::As(meaning),
            Err(refusal) => Taken::Refused(refusal),
        }
    }

    /// Drops the offer that waits, whatever it waits for: the INVITE and UPDATEs of the dialog are over.
    pub fn abandon(&mut self) {
        self.state = State::default();
        self.offer = None;
        self.preview = None;
        self.undo = None;
    }

    fn ours(&self, carrier: Carrier, has_sdp: bool) -> Result<(State, Meaning), Refusal> {
        step(self.state, Stimulus { by: Side::Ours, carrier, has_sdp })
    }

    fn take(&mut self, by: Side, carrier: Carrier, sdp: Option<&[u8]>) -> Result<Meaning, Refusal> {
        // RFC 3261 §13.2.1, RFC 6337 §3.1.1: the first description counts, whatever comes later.
        let is_answer = carrier == Carrier::Success || (carrier == Carrier::Reliable && sdp.is_some());
        let awaits_answer = self.state.round == Round::Open(by.other(), Carrier::Invite);
        let preview = self.preview.take_if(|_| by == Side::Theirs && is_answer && awaits_answer);
        let has_sdp = sdp.is_some() || preview.is_some();
        let before = self.state;
        let (state, meaning) = step(before, Stimulus { by, carrier, has_sdp })?;
        self.state = state;
        if carrier == Carrier::Invite {
            self.is_changed = false;
            self.preview = None;
            self.undo = None;
        }
        let kept = || preview.or_else(|| sdp.map(Arc::from));
        match meaning {
            Meaning::Nothing | Meaning::Ignored => {}
            Meaning::Offer => self.offer = kept(),
            // RFC 3261 §13.2.1: the first one counts.
            Meaning::Preview if self.preview.is_some() => {}
            Meaning::Preview => self.preview = kept(),
            Meaning::Answer => self.commit(by, carrier, kept()),
            Meaning::RolledBack | Meaning::Missing => self.offer = None,
        }
        if matches!(state.invite, Invite::None | Invite::Open(_, Phase::Accepted)) {
            self.preview = None;
            let undo =
                self.undo.take().filter(|_| carrier == Carrier::Failure && before.invite != state.invite);
            if let Some(pair) = undo {
                (self.local, self.remote) = pair;
                return Ok(Meaning::RolledBack);
            }
        }
        Ok(meaning)
    }

    /// RFC 3264 §4: the session is what the two descriptions say, from the answer on.
    fn commit(&mut self, answered_by: Side, carrier: Carrier, answer: Option<Arc<[u8]>>) {
        let offer = self.offer.take();
        let agreed = match answered_by {
            Side::Ours => (answer, offer),
            Side::Theirs => (offer, answer),
        };
        let replaced =
            (core::mem::replace(&mut self.local, agreed.0), core::mem::replace(&mut self.remote, agreed.1));
        // Patterns 3 and 4 hang on the INVITE's final response.
        self.undo = matches!(carrier, Carrier::Reliable | Carrier::Prack).then_some(replaced);
        self.preview = None;
        self.is_changed = true;
    }
}

impl fmt::Debug for Negotiation {
    /// The state, and the lengths of the descriptions: they may carry keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |sdp: &Option<Arc<[u8]>>| sdp.as_ref().map(|sdp| sdp.len());
        f.debug_struct("Negotiation")
            .field("state", &self.state)
            .field("local", &length(&self.local))
            .field("remote", &length(&self.remote))
            .field("offer", &length(&self.offer))
            .finish_non_exhaustive()
    }
}
