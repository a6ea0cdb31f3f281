//! What the endpoint tells the application.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::{DialogId, RequestId, ServerId};
use crate::context::{Cause, EndReason, Report};
use crate::dialog::{SubscriberEnd, UsageId};
use crate::message::{Message, StatusCode};

/// An application event. `D` is the application's own data, which terminal events hand back.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<D = ()> {
    /// A request outside dialogs came and waits for its answer: `sip.server(server)`.
    Incoming {
        /// The context that waits.
        server: ServerId,
        /// The request.
        request: Arc<Message>,
    },
    /// Something became of a request that was received.
    Server {
        /// The context.
        server: ServerId,
        /// What happened.
        event: ServerEvent<D>,
    },
    /// Something became of a request of ours.
    Client {
        /// The request.
        request: RequestId,
        /// What happened.
        event: ClientEvent<D>,
    },
    /// Something happened in a dialog.
    Dialog {
        /// The dialog.
        dialog: DialogId,
        /// What happened.
        event: DialogEvent<D>,
    },
}

/// What became of a request that was received.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ServerEvent<D = ()> {
    /// A provisional answer was sent.
    Progress {
        /// The answer.
        report: Report,
        /// The early dialog that it made, or belongs to.
        dialog: Option<DialogId>,
        /// Whether it goes out again until its PRACK comes (RFC 3262): `Pracked` follows then, or `Failed` with 504.
        is_reliable: bool,
    },
    /// The PRACK of our last reliable provisional answer came, and was answered 2xx. What waited for it goes out.
    Pracked {
        /// The PRACK.
        request: Arc<Message>,
    },
    /// A 2xx was sent.
    Accepted {
        /// The answer.
        report: Report,
        /// The dialog that it made or confirmed, or belongs to.
        dialog: Option<DialogId>,
    },
    /// A 3xx to 6xx was sent. `Failed` follows.
    Rejected(Report),
    /// The request failed: with the answer after `Rejected`; with code 0 and no answer when the context ended without
    /// one. At most once.
    Failed(Report),
    /// The peer cancelled the request; `Rejected` and `Failed` with 487 follow. Its Reason tells why (RFC 3326).
    Cancelled {
        /// The CANCEL.
        request: Arc<Message>,
    },
    /// A CANCEL came after our 2xx. The call lives (RFC 3261 §9.2).
    CancelTooLate {
        /// The CANCEL.
        request: Arc<Message>,
    },
    /// The transport could not send an answer. The context lives on and will try again when the peer does.
    SendFailed(Report),
    /// The context is over. Exactly once, and last.
    Ended {
        /// How it ended.
        why: EndReason,
        /// The application's data, unless a dialog has taken it over.
        data: Option<D>,
    },
}

/// What became of a request of ours. `Accepted` or `Failed` comes exactly once.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent<D = ()> {
    /// A provisional answer came.
    Progress {
        /// The answer.
        response: Arc<Message>,
        /// The early dialog that it made, or belongs to.
        dialog: Option<DialogId>,
    },
    /// The request was redirected, or a target that it was redirected to has failed: it goes on to the next one (RFC 3261 §8.1.3.4). Early dialogs that it made have
    /// ended.
    Redirected {
        /// The answer; one made up here when none came.
        response: Arc<Message>,
        /// The request as it goes out next.
        request: Arc<Message>,
    },
    /// A 2xx came: the result. That of an INVITE has been acknowledged.
    Accepted {
        /// The answer.
        response: Arc<Message>,
        /// The dialog that it made or confirmed, or belongs to.
        dialog: Option<DialogId>,
    },
    /// The request failed: the result. Early dialogs that an INVITE made have ended: their `Destroy` came before, with [`Why::Failed`] or [`Why::Cancelled`].
    Failed {
        /// The answer; one made up here when none came: 408 for a timeout, 503 for the transport, 487 for a cancelled request
        /// (RFC 3261 §8.1.3.1). For a change that was never sent it is a status line and CSeq alone,
        /// with the number 0.
        response: Arc<Message>,
        /// What it comes down to.
        cause: Cause,
        /// Whether the answer was made up here.
        synthetic: bool,
    },
    /// A further fork answered 2xx and the policy keeps it (RFC 3261 §13.2.2.4).
    Forked {
        /// The answer.
        response: Arc<Message>,
        /// The dialog that it made or confirmed.
        dialog: DialogId,
    },
    /// A SUBSCRIBE or REFER was answered 2xx, or got no answer, and no NOTIFY came within 64·T1: there is no subscription (RFC 6665 §4.1.2.4).
    NoNotify,
    /// The context is over. Exactly once, and last.
    Ended {
        /// The application's data, unless a dialog has taken it over.
        data: Option<D>,
    },
}

/// What happened in a dialog.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum DialogEvent<D = ()> {
    /// The ACK of our 2xx came: the call is up on both sides.
    Confirmed {
        /// The ACK.
        ack: Arc<Message>,
    },
    /// The ACK of our 2xx to a re-INVITE came.
    Ack {
        /// The ACK.
        request: Arc<Message>,
    },
    /// INFO (RFC 6086).
    Info(Asked),
    /// A re-INVITE that changes the session.
    Modify(Asked),
    /// A re-INVITE or UPDATE that changes nothing: the session goes on (RFC 4028 §7.4).
    Refresh(Asked),
    /// A re-INVITE or UPDATE with which the peer holds us (RFC 3264 §8.4).
    Hold(Asked),
    /// A re-INVITE or UPDATE with which the peer holds us no longer.
    Unhold(Asked),
    /// The first reliable answer to an INVITE of ours without a description brought the peer's offer: a 2xx, or a reliable provisional one. Its ACK or
    /// PRACK waits for our answer: `sip.dialog(dialog)?.answer(now, sdp)`. Where none is given within 63·T1 the call ends, or the
    /// INVITE is cancelled (RFC 3261 §13.2.2.4, RFC 3262 §5).
    Offer {
        /// The answer with the offer.
        response: Arc<Message>,
    },
    /// UPDATE that changes the session (RFC 3311).
    Update(Asked),
    /// PRACK with an offer that changes the session (RFC 3262 §5). Until it is answered the INVITE gets no 2xx.
    Prack(Asked),
    /// NOTIFY (RFC 6665).
    Notify(Asked),
    /// REFER (RFC 3515).
    Refer(Asked),
    /// MESSAGE (RFC 3428).
    Message(Asked),
    /// OPTIONS (RFC 3261 §11).
    Options(Asked),
    /// SUBSCRIBE (RFC 6665). One that refreshes a subscription has been answered, and its NOTIFY sent, without a body, unless
    /// [`Policy::in_dialog`](field@super::Policy::in_dialog) says `Ask`.
    Subscribe(Asked),
    /// SUBSCRIBE with Expires 0 for a subscription that is there (§4.2.1.4). It has been answered too, unless the policy says `Ask`.
    Unsubscribe(Asked),
    /// A subscription in the dialog is over. Where it was the last usage, `Destroy` follows.
    SubscriptionEnded {
        /// Which one.
        usage: UsageId,
        /// Its event package, with the id if it has one.
        event: Box<str>,
        /// How it ended; `None` for a subscription of the peer's.
        end: Option<SubscriberEnd>,
    },
    /// The session is over, and subscriptions go on in the dialog (RFC 5057 §4) until they end or are ended, by `DialogRef::destroy` all at once.
    /// `Destroy` comes when the last of them has ended.
    SessionEnded {
        /// Who ended it.
        by: By,
        /// Why.
        why: Why,
        /// The BYE, theirs or ours.
        message: Option<Arc<Message>>,
    },
    /// A request that was sent in the dialog without a `RequestId` was answered 401 or 407, and can be sent again with the credentials that are asked
    /// for (RFC 3261 §22.2, §22.3).
    ///
    /// For a BYE that is [`DialogRef::destroy_with`](super::DialogRef::destroy_with): where it is not called within 64·T1, or not again after
    /// another challenge, `Destroy` follows. For what refreshes the session or a subscription, a NOTIFY or a PRACK it is
    /// [`DialogRef::request`](super::DialogRef::request). A NOTIFY that ends its subscription is waited for as long as the BYE is.
    Challenged {
        /// The request.
        message: Arc<Message>,
        /// The answer, with the challenge.
        response: Arc<Message>,
    },
    /// PUBLISH (RFC 3903).
    Publish(Asked),
    /// A request of any other method.
    Other(Asked),
    /// The dialog is over. Exactly once, and last.
    Destroy {
        /// Who ended it.
        by: By,
        /// Why.
        why: Why,
        /// The BYE, theirs or ours; `None` where none was sent.
        message: Option<Arc<Message>>,
        /// The answer to our BYE, made up here if none came.
        response: Option<Arc<Message>>,
        /// The application's data.
        data: D,
    },
}

impl<D> DialogEvent<D> {
    /// The request that the event is about, of whatever method, and who answers it; `None` for events that ask for no answer.
    pub fn asked(&self) -> Option<&Asked> {
        match self {
            Self::Info(asked)
            | Self::Modify(asked)
            | Self::Refresh(asked)
            | Self::Hold(asked)
            | Self::Unhold(asked)
            | Self::Update(asked)
            | Self::Prack(asked)
            | Self::Notify(asked)
            | Self::Refer(asked)
            | Self::Message(asked)
            | Self::Options(asked)
            | Self::Subscribe(asked)
            | Self::Unsubscribe(asked)
            | Self::Publish(asked)
            | Self::Other(asked) => Some(asked),
            Self::Confirmed { .. }
            | Self::Ack { .. }
            | Self::Offer { .. }
            | Self::SubscriptionEnded { .. }
            | Self::SessionEnded { .. }
            | Self::Challenged { .. }
            | Self::Destroy { .. } => None,
        }
    }
}

/// A request of the peer's within a dialog, and who answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The request.
    pub request: Arc<Message>,
    /// Who answers it.
    pub answer: Answer,
}

/// Who answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has been answered so, by policy.
    Auto(StatusCode),
    /// The application is to answer it.
    Ask(ServerId),
}

/// Which side ended a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// We did.
    Local,
    /// The peer did.
    Remote,
}

/// Why a dialog ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// A BYE.
    Bye,
    /// The ACK of our 2xx never came (RFC 3261 §13.3.1.4).
    NoAck,
    /// An offer in a 2xx got no answer in its ACK, from the peer or from the application (RFC 3261 §13.2.1).
    NoAnswer,
    /// The INVITE that made the early dialog got this final answer.
    Failed(StatusCode),
    /// Another fork answered (§13.2.2.4), or 199 ended this one (RFC 6228).
    OtherFork,
    /// The INVITE was cancelled.
    Cancelled,
    /// A request of ours within the dialog got this answer, which ends it (§12.2.1.2).
    Response(StatusCode),
    /// Its time ran out: nobody refreshed the session (RFC 4028 §10) or the subscription, or no NOTIFY came for one (RFC 6665 §4.1.2.2).
    Expired,
    /// Its last subscription was ended (RFC 6665 §4.4.1).
    Unsubscribed,
}
