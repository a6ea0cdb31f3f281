//! Bounds on everything that the wire can grow.

/// What a peer may at most make this endpoint hold or do. Every field is a count or a number of bytes.
///
/// The defaults suit a server for many calls; a phone can go far lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of start line and headers, at most 65,535. Beyond it a message is not SIP to us.
    pub head: usize,
    /// Bytes of a body on a stream. (A datagram bounds itself.)
    pub body: usize,
    /// Header lines in a message.
    pub headers: usize,
    /// Bytes of a Request-URI: longer ones are answered 414.
    pub uri: usize,
    /// Server contexts alive at once: beyond it new requests are answered 503 without state. An eighth is kept for requests within dialogs, so that
    /// strangers do not crowd calls out. The BYE that ends a call is served in any case, and a CANCEL, without state where there is no room for it.
    pub servers: usize,
    /// Client contexts alive at once, those that wait for an address included. What the endpoint sends of its own accord, such as PRACK, needs room beside
    /// the requests of the application.
    pub clients: usize,
    /// Dialogs alive at once, early ones included.
    pub dialogs: usize,
    /// Early dialogs and late 2xx answers that one outgoing INVITE may gather: with none no call of ours comes about.
    pub forks: usize,
    /// Outputs waiting for `poll_output` before requests outside dialogs count as lost.
    pub queue: usize,
    /// Stream flows known at once, those being connected included.
    pub flows: usize,
}

impl Limits {
    /// The default limits.
    pub const DEFAULT: Self = Self {
        head: 65_535,
        body: 1 << 20,
        headers: 256,
        uri: 8_192,
        servers: 1 << 21,
        clients: 1 << 21,
        dialogs: 1 << 21,
        forks: 32,
        queue: 1 << 14,
        flows: 1 << 16,
    };
}

impl Limits {
    /// How many server contexts there may be for one more that is begun outside dialogs.
    pub(crate) fn strangers(&self) -> usize {
        self.servers.saturating_sub(self.servers >> 3)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
