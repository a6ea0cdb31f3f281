//! Everything that enters an endpoint, as data. Recording operations is recording the endpoint.

use alloc::vec::Vec;

use bytes::Bytes;

use super::flow::{Bound, Flow};
use super::ids::{DialogId, QueryId, RequestId, ServerId, Token};
use crate::context::{Invite, Reply, Request};
use crate::dialog::{InDialog, Modify, Reason, UsageId};
use crate::message::{Body, Header, StatusCode, Transport};
use crate::time::Timestamp;
use core::net::SocketAddr;

/// One thing that happens to an endpoint at one time.
#[derive(Clone, Debug)]
pub struct Operation {
    /// When. An earlier time than the latest seen is taken as that one.
    pub at: Timestamp,
    /// What.
    pub action: Action,
}

/// What happens to an endpoint.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Something came in.
    Input(Input),
    /// Time passed: `poll_timeout` has come.
    Timeout,
    /// The application asks for something.
    Command(Command),
}

/// What comes in from the embedder's sockets.
#[derive(Clone)]
#[non_exhaustive]
pub enum Input {
    /// A datagram.
    Datagram {
        /// Between which addresses.
        flow: Flow,
        /// Its octets.
        payload: Bytes,
    },
    /// Octets of a stream, in any chunks. The first ones of a connection that the peer has opened make it known.
    Stream {
        /// On which connection.
        flow: Flow,
        /// The octets.
        payload: Bytes,
    },
    /// A WebSocket message (RFC 7118 §5).
    Message {
        /// On which connection.
        flow: Flow,
        /// Its octets.
        payload: Bytes,
    },
    /// A connection that `Output::Connect` asked for is open.
    Connected {
        /// The token of the request.
        token: Token,
        /// The connection.
        flow: Flow,
    },
    /// A connection is closed. What goes there next asks for another one with `Output::Connect`.
    Closed {
        /// The connection.
        flow: Flow,
    },
    /// Something could not be sent, or a connection could not be opened.
    SendFailed {
        /// The token of the output.
        token: Token,
    },
    /// `Output::Resolve` has its answer: addresses in the order of preference; none for a failure. A request that one of them answers with 503, or leaves without
    /// any answer, goes to the next, in a transaction of its own (RFC 3263 §4.3): up to 16 are tried.
    Resolved {
        /// The question.
        query: QueryId,
        /// Transport and address of each.
        targets: Vec<(Transport, SocketAddr)>,
    },
    /// A socket is bound. Via and Contact come from it; a second one for the same transport and address family takes the first one's place.
    Bound(Bound),
}

/// What an application can ask for. The handles of the endpoint are a shorter way to say the same.
#[derive(Clone)]
#[non_exhaustive]
pub enum Command {
    /// Start a call.
    Invite(Invite),
    /// Send a request outside dialogs.
    Request(Request),
    /// Cancel an INVITE of ours, with these headers in the CANCEL.
    Cancel(RequestId, Vec<Header>),
    /// Give a provisional answer.
    Progress(ServerId, Reply),
    /// Give a 2xx.
    Accept(ServerId, Reply),
    /// Give a 3xx to 6xx.
    Reject(ServerId, Reply),
    /// Give any answer.
    Reply(ServerId, Reply),
    /// Send a request within a dialog.
    Send(DialogId, InDialog),
    /// Change the session of a dialog, with these headers in the request.
    Modify(DialogId, Modify, Vec<Header>),
    /// Answer the offer in the 2xx to an INVITE of ours: the ACK carries this description.
    Answer(DialogId, Bytes),
    /// Hold back what the peer asks for in a dialog, or let it go.
    HoldBack(DialogId, bool),
    /// Tell a subscriber of the state that it has subscribed to.
    Notify(DialogId, UsageId, Option<Body>),
    /// Tell a subscriber whose subscription is pending that it may be told, with the state.
    Authorise(DialogId, UsageId, Option<Body>),
    /// End a subscription of the peer's, with this reason and last state.
    Terminate(DialogId, UsageId, Reason, Option<Body>),
    /// Tell how far a REFER of the peer's has come.
    ReportRefer(DialogId, UsageId, StatusCode),
    /// End a dialog, with these headers in the BYE.
    Destroy(DialogId, Vec<Header>),
}
