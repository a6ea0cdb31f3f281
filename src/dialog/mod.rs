//! The dialog: a call or a subscription after its first answer (RFC 3261 §12).
//!
//! A [`Dialog`] is a plain value: its three-part id, sequence numbers both ways, route set, targets, the pair of session
//! descriptions. It writes the requests that go out within it and weighs those that come in. Transactions, timers and addresses it
//! leaves to others; of contexts that are open within it, others keep count.
//!
//! ```text
//!            1xx with a tag              2xx                     BYE, 481, guard
//! request ──────────────────▶ Early ───────────▶ Confirmed ───────────────────────▶ Terminated
//!       └─────────────────── 2xx ──────────────────┘ │
//!                              └─ 3xx–6xx, 199, CANCEL, 64·T1 after another fork's 2xx ─▶ Terminated
//! ```

mod error;
mod outgoing;
mod session;
mod session_terms;
mod session_timer;
mod subscription;
mod text;
mod usage;
mod usages;
mod verdict;

use core::fmt;

pub use error::DialogError;
pub use outgoing::{InDialog, Within};
pub use session::Modify;
pub use session_terms::{
    LEAST_INTERVAL, RefreshBy, SessionTerms, SessionTimers, SessionTimersError, TIMER, TimerMode,
};
pub use session_timer::{SessionEffects, SessionTimer, Unacceptable};
pub use subscription::{
    Again, Granting, NOREFERSUB, Notifier, NotifierState, REFER, REFER_PACE, Reason, SIPFRAG, Sipfrag,
    StateLine, Subscriber, SubscriberEnd, SubscriberState, SubscriptionEffects, TooBrief,
    declines_subscription, makes_subscription,
};
pub use usage::{Failure, Impact, UsageKind};
pub use usages::{Party, Subject, Subscription, UsageError, UsageId, Usages};
pub use verdict::Verdict;

use crate::message::{Address, Hidden, Message, Method, Name, StatusCode, Uri, is_sips};
use crate::sdp::Side;
use session::SessionState;
use text::Text;

/// Which side of the request that made the dialog this is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// We sent it.
    Uac,
    /// We received it.
    Uas,
}

/// How far the dialog has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DialogState {
    /// Made by a provisional answer.
    Early,
    /// Made or confirmed by a 2xx.
    Confirmed,
    /// Over: nothing more is sent in it.
    Terminated,
}

/// The three parts that identify a dialog (§12).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SipInfo<'a> {
    /// Call-ID.
    pub call_id: &'a str,
    /// Our tag.
    pub local_tag: &'a str,
    /// The peer's tag; empty for a peer of RFC 2543 (§12.1.1).
    pub remote_tag: &'a str,
}

/// One side of the dialog.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EndpointInfo<'a> {
    /// The side's identity, as From or To carry it.
    pub uri: &'a str,
    /// Where the side is reached: the URI of its Contact. Ours, as we gave it; theirs is the remote target.
    pub contact: &'a str,
    /// The side's session description, as the last complete exchange of offer and answer left it; empty before the first (RFC 3264 §4).
    pub sdp: &'a [u8],
}

impl fmt::Debug for EndpointInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (uri, contact) = (Hidden(self.uri), Hidden(self.contact));
        write!(f, "{uri} at {contact} ({} bytes of SDP)", self.sdp.len())
    }
}

/// A dialog (§12).
///
/// ```
/// use sip_proto::dialog::{Dialog, Role};
/// use sip_proto::{Message, StatusCode};
///
/// let invite = Message::parse(&b"INVITE sip:bob@h SIP/2.0\r\n\
///     Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:alice@h>;tag=1\r\nTo: <sip:bob@h>\r\n\
///     Call-ID: c\r\nCSeq: 7 INVITE\r\nContact: <sip:alice@192.0.2.1>\r\n\r\n"[..])?;
/// let ok = invite.answer(StatusCode::OK, "OK", "2")
///     .header(sip_proto::message::Name::Contact, "<sip:bob@192.0.2.4>")
///     .finish().unwrap();
/// let dialog = Dialog::uas(&invite, &ok).unwrap();
/// assert_eq!((dialog.role(), dialog.sip().remote_tag), (Role::Uas, "1"));
/// assert_eq!(dialog.remote().contact, "sip:alice@192.0.2.1");
/// # Ok::<(), sip_proto::message::ParseError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Dialog {
    text: Text,
    role: Role,
    state: DialogState,
    secure: bool,
    local_cseq: u32,
    remote_cseq: u32,
    /// The number of the peer's last INVITE, which its ACK shares.
    invite_cseq: u32,
    seen: Seen,
    session: SessionState,
}

/// Which numbers of the peer's there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    /// That of its last request, none of which was an INVITE.
    Request,
    /// That of its last INVITE as well.
    Invite,
}

/// Our sequence numbers begin here, well below 2³¹ (§8.1.1.5).
const FIRST_CSEQ: u32 = 1;

impl Dialog {
    /// The dialog that `sent`, a 101–199 or 2xx answer of ours, makes of `request` (§12.1.1).
    ///
    /// # Errors
    /// When a header that the dialog is made of is missing or malformed, in the request or in the answer.
    pub fn uas(request: &Message, sent: &Message) -> Result<Self, DialogError> {
        let state = state_after(request, sent)?;
        let (local, remote) = (sent.party(Name::To)?, request.party(Name::From)?);
        if local.tag().is_empty() {
            return Err(DialogError::Missing(Name::To));
        }
        let contacts = [local_contact(sent)?, remote_target(request)?];
        let secure = is_sips(request.request_uri().unwrap_or_default());
        let routes = request.recorded_routes()?;
        let text = Text::new(request.call_id(), [&local, &remote], contacts, routes.iter());
        let mut dialog = Self {
            text,
            role: Role::Uas,
            state,
            secure,
            local_cseq: 0,
            remote_cseq: request.cseq(),
            invite_cseq: request.cseq(),
            seen: if *request.method() == Method::Invite { Seen::Invite } else { Seen::Request },
            session: SessionState::default(),
        };
        _ = dialog.note(Side::Theirs, request);
        dialog.note_sent(sent);
        Ok(dialog)
    }

    /// The dialog that `notify`, which the peer sent, makes of `request`, a SUBSCRIBE or REFER of ours (RFC 6665 §4.4.1). The route set
    /// is that of the NOTIFY; its number is taken in with [`receive`](Self::receive).
    ///
    /// # Errors
    /// When a header that the dialog is made of is missing or malformed.
    pub fn notified(request: &Message, notify: &Message) -> Result<Self, DialogError> {
        let (local, remote) = (request.party(Name::From)?, notify.party(Name::From)?);
        if local.tag().is_empty() {
            return Err(DialogError::Missing(Name::From));
        }
        let contacts = [local_contact(request)?, remote_target(notify)?];
        let routes = notify.recorded_routes()?;
        let text = Text::new(request.call_id(), [&local, &remote], contacts, routes.iter());
        Ok(Self {
            text,
            role: Role::Uac,
            state: DialogState::Confirmed,
            secure: is_sips(request.request_uri().unwrap_or_default()),
            local_cseq: request.cseq(),
            remote_cseq: 0,
            invite_cseq: 0,
            seen: Seen::Nothing,
            session: SessionState::default(),
        })
    }

    /// The session is over, the dialog is not: other usages go on in it (RFC 5057 §4).
    pub(crate) fn outlive_session(&mut self) {
        self.state = DialogState::Confirmed;
        self.session = SessionState::default();
    }

    /// The dialog that `response`, a 101–199 or 2xx answer, makes of `request`, which we sent (§12.1.2).
    ///
    /// # Errors
    /// When a header that the dialog is made of is missing or malformed. A provisional answer without Contact
    /// makes a dialog all the same: it has no target of its own until the 2xx.
    pub fn uac(request: &Message, response: &Message) -> Result<Self, DialogError> {
        let target = match response.contact()? {
            Some(contact) => checked(contact)?,
            None if response.status().is_some_and(StatusCode::is_provisional) => {
                request.request_uri().unwrap_or_default()
            }
            None => return Err(DialogError::Missing(Name::Contact)),
        };
        Self::uac_towards(request, response, target, true)
    }

    /// Like [`Dialog::uac`], with a remote target of the caller's choosing, and with the answer's routes or without: where a 2xx names none that can
    /// be used, its session must be ended all the same.
    pub(crate) fn uac_towards(
        request: &Message,
        response: &Message,
        remote_contact: &str,
        is_routed: bool,
    ) -> Result<Self, DialogError> {
        let state = state_after(request, response)?;
        let (local, remote) = (request.party(Name::From)?, response.party(Name::To)?);
        if state == DialogState::Early && remote.tag().is_empty() {
            return Err(DialogError::Missing(Name::To));
        }
        if local.tag().is_empty() {
            return Err(DialogError::Missing(Name::From));
        }
        let contacts = [local_contact(request)?, remote_contact];
        let secure = is_sips(request.request_uri().unwrap_or_default());
        let routes = if is_routed { response.recorded_routes()? } else { Default::default() };
        let text = Text::new(request.call_id(), [&local, &remote], contacts, routes.iter().rev());
        let mut dialog = Self {
            text,
            role: Role::Uac,
            state,
            secure,
            local_cseq: request.cseq(),
            remote_cseq: 0,
            invite_cseq: 0,
            seen: Seen::Nothing,
            session: SessionState::default(),
        };
        dialog.note_sent(request);
        _ = dialog.note(Side::Theirs, response);
        Ok(dialog)
    }

    /// Confirms an early dialog of ours with the 2xx that came. Route set and remote target are taken anew from it (§13.2.2.4).
    ///
    /// # Errors
    /// As [`Dialog::uac`], and when the dialog is not early or the 2xx belongs to another; nothing has changed then.
    pub fn confirm_uac(&mut self, request: &Message, response: &Message) -> Result<(), DialogError> {
        let confirmed = Self::uac(request, response)?;
        let is_same = confirmed.sip().remote_tag.eq_ignore_ascii_case(self.sip().remote_tag);
        if self.state != DialogState::Early || confirmed.state != DialogState::Confirmed || !is_same {
            return Err(DialogError::NoDialog);
        }
        // RFC 6141 §4.4: where we are, an UPDATE may have said since.
        let before = core::mem::replace(&mut self.text, confirmed.text);
        self.text.set_local_contact(before.local_contact());
        self.state = DialogState::Confirmed;
        _ = self.note(Side::Theirs, response);
        Ok(())
    }

    /// Confirms an early dialog with the 2xx that we sent; its Contact is ours from now on.
    pub fn confirm_uas(&mut self, sent: &Message) {
        self.state = DialogState::Confirmed;
        // Nearly always it is the one of the provisional answer.
        if !sent.is_contact(self.text.local_contact())
            && let Ok(contact) = local_contact(sent)
        {
            self.text.set_local_contact(contact);
        }
        self.note_sent(sent);
    }

    /// Ends the dialog.
    pub fn terminate(&mut self) {
        self.state = DialogState::Terminated;
    }

    /// The BYE that ended it was challenged: another one may go out (§22.2).
    pub(crate) fn take_back_bye(&mut self) {
        self.state = DialogState::Confirmed;
    }

    /// The three parts of the dialog's id.
    pub fn sip(&self) -> SipInfo<'_> {
        self.text.sip()
    }

    /// Our side.
    pub fn local(&self) -> EndpointInfo<'_> {
        EndpointInfo {
            uri: self.text.local(),
            contact: self.text.local_contact(),
            sdp: self.session.negotiation.local().unwrap_or_default(),
        }
    }

    /// The URI of our Contact: that of [`local`](Self::local).
    pub(crate) fn local_contact(&self) -> &str {
        self.text.local_contact()
    }

    /// Our tag: that of [`sip`](Self::sip).
    pub(crate) fn local_tag(&self) -> &str {
        self.text.local_tag()
    }

    /// The peer's side; its contact is the remote target.
    pub fn remote(&self) -> EndpointInfo<'_> {
        EndpointInfo {
            uri: self.text.remote(),
            contact: self.text.remote_target(),
            sdp: self.session.negotiation.remote().unwrap_or_default(),
        }
    }

    /// The route set, first hop first.
    pub fn route_set(&self) -> impl Iterator<Item = &str> {
        self.text.routes()
    }

    /// Which side of the request that made the dialog this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// How far the dialog has come.
    pub fn state(&self) -> DialogState {
        self.state
    }

    /// Whether the dialog was made with a SIPS URI (§12.1.1).
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The number of the last request that we sent; 0 before the first.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// The number of the last request that the peer sent; `None` before the first.
    pub fn remote_cseq(&self) -> Option<u32> {
        (self.seen != Seen::Nothing).then_some(self.remote_cseq)
    }
}

impl fmt::Debug for Dialog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SipInfo { call_id, local_tag, remote_tag } = self.sip();
        write!(
            f,
            "Dialog({:?} {:?}, {call_id}, local {local_tag}, remote {remote_tag})",
            self.role, self.state
        )
    }
}

/// The state of the dialog that an answer makes: 101–199 and 2xx to a request that can make one do (§12.1).
fn state_after(request: &Message, answer: &Message) -> Result<DialogState, DialogError> {
    match answer.status() {
        Some(status) if !request.method().creates_dialog() || status.is_failure() => {
            Err(DialogError::NoDialog)
        }
        Some(StatusCode::TRYING) | None => Err(DialogError::NoDialog),
        Some(status) if status.is_provisional() => Ok(DialogState::Early),
        Some(_) => Ok(DialogState::Confirmed),
    }
}

/// Where a message of ours says that we are reached. It was looked at when it was written.
fn local_contact(sent: &Message) -> Result<&str, DialogError> {
    let why = || sent.contact().err().map_or(DialogError::Missing(Name::Contact), DialogError::Malformed);
    sent.contact_text().ok_or_else(why)
}

/// Where the sender of a request that makes a dialog is reached: its Contact (RFC 3261 §12.1.1). A peer of RFC 2543's, told by its
/// branch, may leave it out: it is then reached where From says (RFC 4475 §3.4.1).
pub(crate) fn remote_target(request: &Message) -> Result<&str, DialogError> {
    if let Some(target) = request.noted_target() {
        return Ok(target);
    }
    let is_old = || request.top_hop().is_ok_and(|hop| hop.rfc3261_branch().is_none());
    match request.contact()? {
        Some(contact) => checked(contact),
        None if is_old() => match request.from()? {
            from if from.parse_uri().is_ok() => Ok(from.uri),
            _ => Err(DialogError::Missing(Name::Contact)),
        },
        None => Err(DialogError::Missing(Name::Contact)),
    }
}

fn checked(contact: Address<'_>) -> Result<&str, DialogError> {
    match Uri::parse(contact.uri) {
        Ok(_) => Ok(contact.uri),
        Err(fault) => Err(DialogError::Malformed(fault.within(Name::Contact, 0))),
    }
}
