//! Where messages come from and go to.

use alloc::boxed::Box;
use core::net::{SocketAddr, SocketAddrV4};

use crate::message::{Host, SipUri, Transport, Uri};

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

/// A flow as machines keep it: small where both addresses are of IPv4.
#[derive(Clone, Debug)]
pub(super) enum KeptFlow {
    V4 { transport: Transport, local: SocketAddrV4, remote: SocketAddrV4, conn: u32 },
    Other(Box<Flow>),
}

impl KeptFlow {
    pub(super) fn get(&self) -> Flow {
        match self {
            Self::V4 { transport, local, remote, conn } => {
                Flow { transport: *transport, local: (*local).into(), remote: (*remote).into(), conn: *conn }
            }
            Self::Other(flow) => **flow,
        }
    }
}

impl From<Flow> for KeptFlow {
    fn from(flow: Flow) -> Self {
        match (flow.local, flow.remote) {
            (SocketAddr::V4(local), SocketAddr::V4(remote)) => {
                Self::V4 { transport: flow.transport, local, remote, conn: flow.conn }
            }
            _ => Self::Other(Box::new(flow)),
        }
    }
}

/// A socket that the embedder has bound: where our requests come from and answers to them are expected.
///
/// Via and Contact name it. For a transport without one they name the host of the identity, as if it were bound for UDP: whoever only answers
/// over UDP at that host can do without; a Contact that is to lead to us over TCP, TLS or WebSocket cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The transport.
    pub transport: Transport,
    /// The local address.
    pub local: SocketAddr,
    /// Host and port that peers are to use, where these are others than the local ones: a public address, a name. One who only opens connections, and knows
    /// no address of its own, names a host under `.invalid` (RFC 7118 §B.1). What is no `host [":" port]` (RFC 3261 §25.1) is passed over.
    pub advertised: Option<Box<str>>,
}

impl Bound {
    /// What Via and Contact say: the advertised host and port, or the local address.
    pub(super) fn sent_by(&self) -> Box<str> {
        match self.advertised.as_ref().filter(|advertised| is_host_and_port(advertised)) {
            Some(advertised) => advertised.clone(),
            None => alloc::format!("{}:{}", Host::Ip(self.local.ip()), self.local.port()).into(),
        }
    }
}

fn is_host_and_port(text: &str) -> bool {
    let uri = alloc::format!("sip:{text}");
    let plain =
        |uri: SipUri<'_>| uri.user.is_none() && uri.headers.is_none() && uri.params.as_str().is_empty();
    Uri::parse(&uri).ok().and_then(Uri::sip).is_some_and(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_flow_is_small_and_the_same() {
        assert!(size_of::<KeptFlow>() <= 24);
        for (local, remote) in
            [("192.0.2.4:5060", "192.0.2.1:5061"), ("[2001:db8::4]:5060", "[2001:db8::1]:1")]
        {
            let flow = Flow {
                transport: Transport::Tcp,
                local: local.parse().unwrap(),
                remote: remote.parse().unwrap(),
                conn: 7,
            };
            assert_eq!(KeptFlow::from(flow).get(), flow);
        }
    }

    #[test]
    fn what_is_advertised_is_a_host() {
        let local: SocketAddr = "192.0.2.4:5060".parse().unwrap();
        let sent_by = |advertised: &str| {
            Bound { transport: Transport::Udp, local, advertised: Some(advertised.into()) }.sent_by()
        };
        assert_eq!(&*sent_by("sip.example.com:5070"), "sip.example.com:5070");
        assert_eq!(&*sent_by("[2001:db8::1]"), "[2001:db8::1]");
        for bad in ["", "a b", "h\r\nX: y", "u@h", "h;lr", "h?x=y", "h:port"] {
            assert_eq!(&*sent_by(bad), "192.0.2.4:5060", "{bad:?}");
        }
    }
}
