//! Everything that leaves an endpoint.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::net::SocketAddr;
use core::ops::Deref;

use super::event::Event;
use super::flow::Flow;
use super::ids::{QueryId, Token};
use crate::message::{Message, Transport};

/// What the embedder is to do, in the order in which it was caused.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Output<D = ()> {
    /// Send this.
    Transmit(Transmit),
    /// Tell the application this.
    Event(Event<D>),
    /// Open a connection; answer with `Input::Connected` or `Input::SendFailed`.
    Connect(Connect),
    /// Find addresses; answer with `Input::Resolved`.
    Resolve(Resolve),
    /// Close a connection: its octets are out of step (RFC 3261 §18.3), or there is no room for it. It is forgotten already: `Input::Closed` need not follow.
    Close {
        /// The connection.
        flow: Flow,
    },
}

/// Octets to send on a flow: one datagram, one WebSocket message, or octets of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Transmit {
    /// Where to.
    pub flow: Flow,
    /// What.
    pub payload: Payload,
    /// To be given back with `Input::SendFailed`.
    pub token: Token,
}

/// The octets of a [`Transmit`]; it dereferences to them.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Payload {
    /// A message.
    Message(Arc<Message>),
    /// The answer to a keep-alive ping: one CRLF (RFC 5626 §3.5.1).
    Pong,
}

impl Payload {
    /// The message; `None` for a keep-alive.
    pub fn message(&self) -> Option<&Message> {
        match self {
            Self::Message(message) => Some(message),
            Self::Pong => None,
        }
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Message(message) => message.as_bytes(),
            Self::Pong => b"\r\n",
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => fmt::Debug::fmt(message, f),
            Self::Pong => f.write_str("pong"),
        }
    }
}

/// A connection to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// The transport.
    pub transport: Transport,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Over TLS the domain that the address was found for: the peer's certificate has to be that domain's, or the connection is none (RFC 5922 §7.3). `None`
    /// where a URI has the address itself, which any connection to that address will do for. One domain's connections are not used for another.
    pub name: Option<Box<str>>,
    /// To be given back with `Input::Connected` or `Input::SendFailed`.
    pub token: Token,
}

/// A host to look up (RFC 3263 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    /// To be given back with `Input::Resolved`.
    pub query: QueryId,
    /// The domain name.
    pub host: Box<str>,
    /// The port, where the URI has one: then there is no look-up of services.
    pub port: Option<u16>,
    /// The transport, where the URI names one.
    pub transport: Option<Transport>,
    /// Whether only TLS will do: the URI is a SIPS URI.
    pub secure: bool,
}
