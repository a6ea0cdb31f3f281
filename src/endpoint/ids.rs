//! Names for what lives in an endpoint: small, `Copy`, typed, generational. A name that outlived its thing
//! names nothing, never something else.

slotmap::new_key_type! {
    /// A request that was received.
    pub struct ServerId;
    /// A request of ours.
    pub struct RequestId;
    /// A dialog.
    pub struct DialogId;
    /// A question that was put with `Output::Resolve`.
    pub struct QueryId;
    /// A connection that was asked for with `Output::Connect`.
    pub struct ConnectId;
}

/// Who asked for something to be sent. The embedder gives it back when sending fails.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Token(pub(super) Sender);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Sender {
    /// An answer without state, an ACK, a pong: nobody waits to hear of it.
    Nobody,
    Server(ServerId),
    /// And which time it was sent on its way.
    Client(RequestId, u8),
    Connect(ConnectId),
}

/// Whose deadline an entry of the timer index is. Ties fire in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Owner {
    Server(ServerId),
    // A dialog's guard may have something to say through a client context that ends at the same time.
    Dialog(DialogId),
    Client(RequestId),
    Connect(ConnectId),
    Query(QueryId),
}
