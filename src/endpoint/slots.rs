//! One slot for each context and dialog: the machine, and what the endpoint keeps beside it.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::num::NonZeroU64;
use core::time::Duration;

use smallvec::SmallVec;

use super::flow::{Flow, KeptFlow};
use super::ids::{DialogId, QueryId, RequestId, ServerId};
use super::policy::Handling;
use super::target_set::TargetSet;
use super::timers::Handle;
use super::transports::Transports;
use crate::context::{ClientContext, ServerContext};
use crate::dialog::{
    Dialog, DialogState, InDialog, Modify, SessionTimer, SessionTimers, Subject, Subscriber, TimerMode,
    UsageId, Usages,
};
use crate::message::{Header, Message, Method, StatusCode, Transport};
use crate::sdp::Change;
use crate::time::Timestamp;
use crate::transaction::MatchId;

#[derive(Clone, Debug)]
pub(super) struct ServerSlot<D> {
    pub(super) context: ServerContext,
    /// Where answers go.
    pub(super) flow: KeptFlow,
    /// The port to connect to when the request's connection is gone (§18.2.2).
    pub(super) return_port: u16,
    pub(super) id: MatchId,
    /// Half of what its twin would share with it: one of 2⁶⁴ under a secret key will do to tell one.
    pub(super) merged: Option<NonZeroU64>,
    /// Its method, where that is about the session.
    pub(super) session_method: Option<SessionMethod>,
    pub(super) cseq: u32,
    /// The dialog that the request came in, or that its answers have made.
    pub(super) dialog: Option<DialogId>,
    /// Whether the request came within a dialog.
    pub(super) is_in_dialog: bool,
    /// Whether it asks to be reached by a SIPS URI.
    pub(super) is_secure: bool,
    /// Whether the application knows of the context.
    pub(super) is_announced: bool,
    /// Whether the last answer waits for a connection.
    pub(super) is_waiting: bool,
    pub(super) data: Option<D>,
    pub(super) timer: Handle,
}

/// The methods of the peer's whose failure offer and answer hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionMethod {
    Invite,
    Prack,
    Update,
}

impl SessionMethod {
    pub(super) fn of(method: &Method) -> Option<Self> {
        match method {
            Method::Invite => Some(Self::Invite),
            Method::Prack => Some(Self::Prack),
            Method::Update => Some(Self::Update),
            _ => None,
        }
    }
}

impl From<SessionMethod> for Method {
    fn from(method: SessionMethod) -> Self {
        match method {
            SessionMethod::Invite => Self::Invite,
            SessionMethod::Prack => Self::Prack,
            SessionMethod::Update => Self::Update,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct ClientSlot<D> {
    pub(super) stage: Stage,
    pub(super) purpose: Purpose,
    pub(super) flow: Option<Flow>,
    pub(super) id: Option<MatchId>,
    /// The dialog that the request is sent in.
    pub(super) dialog: Option<DialogId>,
    /// The dialogs that the answers to an INVITE have made.
    pub(super) forks: SmallVec<[DialogId; 1]>,
    /// Where the ACK of each 2xx went, by To tag.
    pub(super) ack_flows: Vec<(Box<str>, Flow)>,
    /// The To tags of forks whose early dialogs were ended with a BYE. Of a SUBSCRIBE or REFER, the tags of those that made a dialog.
    pub(super) parted: Vec<Box<str>>,
    pub(super) ring_within: Option<Duration>,
    /// How often it was sent on its way anew.
    pub(super) attempt: u8,
    /// How often its session interval was too small (RFC 4028 §7.3).
    pub(super) too_small: u8,
    /// Where an INVITE may go that is redirected.
    pub(super) targets: Option<Box<TargetSet>>,
    /// The addresses of its next hop that were not tried yet.
    pub(super) others: Option<Box<Others>>,
    /// What the request is to do to the session of its dialog.
    pub(super) wish: Option<Box<Wish>>,
    /// The dialog that ended while the re-INVITE was under way: the ACK of its 2xx is written by it.
    pub(super) ended: Option<Box<EndedDialog>>,
    /// The subscription that a SUBSCRIBE or REFER outside dialogs asks for, until its NOTIFYs make dialogs of it.
    pub(super) pending: Option<Box<Pending>>,
    /// The subscription of its dialog that the request is about.
    pub(super) usage: Option<UsageId>,
    pub(super) data: Option<D>,
    pub(super) timer: Handle,
}

/// The addresses that a request may go to yet (RFC 3263 §4.3).
#[derive(Clone, Debug)]
pub(super) struct Others {
    /// The name whose addresses they are.
    pub(super) name: Box<str>,
    /// The next one last.
    pub(super) addresses: Vec<(Transport, SocketAddr)>,
}

/// A request waits for a flow before its context begins.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// It is not written yet: others of its dialog go first, or it waits to be tried again.
    Queued,
    Parked(Arc<Message>),
    Live(ClientContext),
}

/// A change of a session that is wished for (RFC 3261 §14.1).
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// The request as the application gave it.
    pub(super) request: InDialog,
    /// Where its description is made when it is its turn; `None` for the request's own body.
    pub(super) modify: Option<Modify>,
    /// Whether it is to change nothing: the request is then written when it is its turn (RFC 4028 §7.4).
    pub(super) is_refresh: bool,
    /// Whether it was refused as UPDATE.
    pub(super) by_invite: bool,
    /// How often it was answered 491, or 422.
    pub(super) collisions: u8,
    /// When it is to be tried again.
    pub(super) again_at: Option<Timestamp>,
}

impl Wish {
    pub(super) fn new(request: InDialog, modify: Option<Modify>, is_refresh: bool) -> Self {
        Self { request, modify, is_refresh, by_invite: false, collisions: 0, again_at: None }
    }
}

/// What is left of a dialog whose re-INVITE has no final answer yet.
#[derive(Clone, Debug)]
pub(super) struct EndedDialog {
    pub(super) dialog: Dialog,
    pub(super) flow: Option<Flow>,
}

/// A subscription without a dialog (RFC 6665 §4.1.2.4).
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) id: MatchId,
    pub(super) subject: Subject,
    pub(super) subscriber: Subscriber,
    /// Whether the transaction is over, and the client kept for Timer N alone.
    pub(super) is_through: bool,
}

/// Whom the result of a request of ours concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The application.
    App,
    /// The dialog that this BYE ends.
    Bye,
    /// The endpoint itself: a refresh, a NOTIFY that is owed.
    Refresh,
    /// The session of the dialog: a PRACK that takes part in offer and answer.
    SessionPrack,
    /// Nobody: a CANCEL, the BYE of a dialog that is already gone, any other PRACK.
    Quiet,
}

#[derive(Clone, Debug)]
pub(super) struct DialogSlot<D> {
    pub(super) dialog: Dialog,
    /// The session timer (RFC 4028), where it is not switched off.
    pub(super) session: Option<Box<SessionTimer>>,
    /// What it is there for (RFC 5057 §2).
    pub(super) usages: Usages,
    /// Whether we have sent a REFER in it.
    pub(super) referred: Referred,
    /// The number of the first REFER of the peer's in it, whatever became of that (RFC 3515 §2.4.6).
    pub(super) first_refer: Option<u32>,
    /// The number of the peer's last request whose Contact was taken.
    pub(super) target_of: Option<u32>,
    /// The number of our last request whose Contact the peer has taken.
    pub(super) contact_of: Option<u32>,
    /// The flow that the next hop was last reached by.
    pub(super) flow: Option<KeptFlow>,
    /// The INVITE of ours that makes it.
    pub(super) client: Option<RequestId>,
    /// The requests of the peer's that are pending, or whose ACK is awaited.
    pub(super) servers: SmallVec<[ServerId; 1]>,
    /// What few dialogs have at a time; made when it is used.
    pub(super) rare: Option<Box<Rare>>,
    /// The application's, once it has asked for it or its context has handed it over.
    pub(super) data: Option<D>,
    pub(super) timer: Handle,
}

/// Whether a REFER of ours in a dialog is the first that the peer received there (RFC 3515 §2.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Referred {
    /// None was sent.
    Never,
    /// Those that were sent have failed, and a proxy on the way may have refused them; or the first is over by the peer's own word: a NOTIFY that names none
    /// is not about them.
    InVain,
    /// One was sent that has not.
    Yes,
}

/// What few dialogs have at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Rare {
    /// The question about the next hop that has no answer yet.
    pub(super) query: Option<QueryId>,
    /// The change of the session that is under way, or waits to be tried again.
    pub(super) active: Option<RequestId>,
    /// Those that come after it.
    pub(super) wishes: VecDeque<RequestId>,
    /// The 2xx whose ACK has to carry our answer.
    pub(super) ack_due: Option<AckDue>,
    /// The requests of the peer's that are held back; `None` while none are.
    pub(super) held: Option<Vec<Held>>,
    /// The BYE that waits for the ACK (§15).
    pub(super) deferred: Option<Vec<Header>>,
    /// The BYE of ours that the application may send again.
    pub(super) challenged: Option<Box<Challenged>>,
}

static NOTHING_RARE: Rare = Rare {
    query: None,
    active: None,
    wishes: VecDeque::new(),
    ack_due: None,
    held: None,
    deferred: None,
    challenged: None,
};

static SWITCHED_OFF: SessionTimer =
    SessionTimer::new(SessionTimers { mode: TimerMode::Off, ..SessionTimers::DEFAULT });

/// A request of the peer's, and how it is to be handled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) server: ServerId,
    pub(super) handling: Handling,
    /// What it would change in the session, if it is about that.
    pub(super) change: Option<Change>,
}

/// A BYE of ours that was answered 401 or 407.
#[derive(Clone, Debug)]
pub(super) struct Challenged {
    pub(super) bye: Arc<Message>,
    pub(super) response: Arc<Message>,
    /// When another is waited for no longer.
    pub(super) until: Timestamp,
}

/// An ACK or PRACK that waits for the application's answer.
#[derive(Clone, Debug)]
pub(super) struct AckDue {
    pub(super) client: RequestId,
    pub(super) response: Arc<Message>,
    /// When the answer is given up.
    pub(super) until: Timestamp,
}

impl AckDue {
    /// Whether it is a PRACK that waits.
    pub(super) fn is_provisional(&self) -> bool {
        self.response.status().is_some_and(StatusCode::is_provisional)
    }
}

impl Stage {
    pub(super) fn request(&self) -> Option<&Arc<Message>> {
        match self {
            Self::Queued => None,
            Self::Parked(request) => Some(request),
            Self::Live(context) => Some(context.request()),
        }
    }
}

impl<D> ServerSlot<D> {
    /// What Contact says by its flow, as a SIPS URI where the request [asks for one](super::asks_for_sips).
    pub(super) fn contact<'a>(&self, transports: &'a Transports) -> &'a str {
        let flow = self.flow.get();
        transports.contact(flow.transport, Some(flow.remote.ip()), self.is_secure)
    }

    /// What is kept as octets becomes a message once more.
    pub(super) fn recall(&mut self) {
        let answer = self.context.settled().map(|octets| Message::parse(octets.to_vec()));
        if let Some(Ok(answer)) = answer {
            self.context.recall(Arc::new(answer));
        }
    }
}

impl<D> ClientSlot<D> {
    pub(super) fn parked(request: Arc<Message>, purpose: Purpose) -> Self {
        Self::at(Stage::Parked(request), purpose)
    }

    /// A change of a session that waits for its turn.
    pub(super) fn queued(wish: Wish, dialog: DialogId) -> Self {
        let purpose = if wish.is_refresh { Purpose::Refresh } else { Purpose::App };
        let wish = Some(Box::new(wish));
        Self { dialog: Some(dialog), wish, ..Self::at(Stage::Queued, purpose) }
    }

    pub(super) fn at(stage: Stage, purpose: Purpose) -> Self {
        Self {
            stage,
            purpose,
            flow: None,
            id: None,
            dialog: None,
            forks: SmallVec::new(),
            ack_flows: Vec::new(),
            parted: Vec::new(),
            ring_within: None,
            attempt: 0,
            too_small: 0,
            targets: None,
            others: None,
            wish: None,
            ended: None,
            pending: None,
            usage: None,
            data: None,
            timer: Handle::NONE,
        }
    }

    pub(super) fn request(&self) -> Option<&Arc<Message>> {
        self.stage.request()
    }

    pub(super) fn context(&mut self) -> Option<&mut ClientContext> {
        match &mut self.stage {
            Stage::Live(context) => Some(context),
            Stage::Queued | Stage::Parked(_) => None,
        }
    }
}

impl<D: Default> DialogSlot<D> {
    /// That of a call.
    pub(super) fn new(dialog: Dialog, timers: SessionTimers) -> Self {
        Self {
            dialog,
            session: (timers.mode != TimerMode::Off).then(|| Box::new(SessionTimer::new(timers))),
            usages: Usages::invite(),
            referred: Referred::Never,
            first_refer: None,
            target_of: None,
            contact_of: None,
            flow: None,
            client: None,
            servers: SmallVec::new(),
            rare: None,
            data: None,
            timer: Handle::NONE,
        }
    }
}

impl<D> DialogSlot<D> {
    /// Whether subscriptions go on in it when its session ends.
    pub(super) fn outlives(&self) -> bool {
        self.usages.has_invite()
            && !self.usages.subscriptions().is_empty()
            && self.dialog.state() != DialogState::Early
    }

    /// Takes the target that a request of the peer's names, once an answer of ours has said so, and only once: an older request does not
    /// take back what a newer one said (RFC 6141 §4.6, §4.8).
    pub(super) fn take_target(&mut self, request: &Message) {
        if self.target_of.is_none_or(|last| last < request.cseq()) {
            self.target_of = Some(request.cseq());
            self.refresh_target(request);
        }
    }

    /// Takes note that the peer has taken the target that a request of ours names (RFC 6141 §4.4).
    pub(super) fn take_contact(&mut self, request: &Message) {
        if self.contact_of.is_none_or(|last| last < request.cseq()) {
            self.contact_of = Some(request.cseq());
            self.dialog.refresh_contact(request);
        }
    }

    /// Takes the application's data from the context, unless the application has put some here while the dialog was early.
    pub(super) fn take_data(&mut self, context: &mut Option<D>) {
        if self.data.is_none() {
            self.data = context.take();
        }
    }

    /// Takes a target refresh in. What is known of the next hop holds as long as the hop does.
    pub(super) fn refresh_target(&mut self, message: &Message) {
        let hop = String::from(self.dialog.next_hop());
        self.dialog.refresh_target(message);
        if self.dialog.next_hop() != hop {
            // A browser that has another name is reached as before (RFC 7118 §B.1).
            let flow = self.flow.take().filter(|_| Transports::is_nowhere(self.dialog.next_hop()));
            self.forget_hop();
            self.flow = flow.filter(|flow| flow.get().transport.is_reliable());
        }
    }

    /// Takes note of the flow that a request of ours went by. One that has waited for it may have been for a hop that is not the next any more.
    pub(super) fn went_by(&mut self, flow: Flow, request: &Message) {
        if self.dialog.is_towards(request) {
            self.flow = Some(flow.into());
        }
    }

    /// Takes note of the connection that a request of the peer's came by, where that is the only way back.
    pub(super) fn reached_by(&mut self, flow: &Flow) {
        if flow.transport.is_reliable() && Transports::is_nowhere(self.dialog.next_hop()) {
            self.flow = Some((*flow).into());
        }
    }

    /// Nothing is known of the next hop.
    pub(super) fn forget_hop(&mut self) {
        self.flow = None;
        self.set_query(None);
    }

    pub(super) fn set_query(&mut self, query: Option<QueryId>) {
        if query.is_some() || self.rare.is_some() {
            self.rare_mut().query = query;
        }
    }

    pub(super) fn take_deferred(&mut self) -> Option<Vec<Header>> {
        self.rare.as_mut()?.deferred.take()
    }

    pub(super) fn rare(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(&NOTHING_RARE)
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(super) fn session(&self) -> &SessionTimer {
        self.session.as_deref().unwrap_or(&SWITCHED_OFF)
    }
}
