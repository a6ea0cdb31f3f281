//! Where messages come from and go to.

use alloc::boxed::Box;
use core::net::SocketAddr;

use crate::message::{Host, Transport};

/// A path between two addresses over one transport. For a stream it is one connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    /// The transport.
    pub transport: Transport,
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The embedder's number for the connection, so that a reconnected socket is another flow; 0 for UDP.
    pub conn: u32,
}

impl Flow {
    /// The flow of datagrams between two addresses.
    pub fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { transport: Transport::Udp, local, remote, conn: 0 }
    }
}

/// A socket that the embedder has bound: where our requests come from and answers to them are expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The transport.
    pub transport: Transport,
    /// The local address.
    pub local: SocketAddr,
    /// Host and port that peers are to use, where these are others than the local ones: a public address, a name.
    pub advertised: Option<Box<str>>,
}

impl Bound {
    /// What Via and Contact say: the advertised host and port, or the local address.
    pub(super) fn sent_by(&self) -> Box<str> {
        match &self.advertised {
            Some(advertised) => advertised.clone(),
            None => alloc::format!("{}:{}", Host::Ip(self.local.ip()), self.local.port()).into(),
        }
    }
}
