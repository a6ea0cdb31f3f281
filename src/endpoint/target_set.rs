//! The target set of an INVITE that may be redirected: where it may go yet, and where it has been (RFC 3261 §8.1.3.4).
//!
//! The targets stand in the order of their `q`; each URI is tried once, so that no loop can be.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::context::as_request_uri;
use crate::message::{Contact, Message, Method, QValue, SipUri, Uri, is_sips};

/// Where an INVITE may go yet, and where it has been.
#[derive(Clone, Debug)]
pub(super) struct TargetSet {
    /// How many more requests may be sent.
    left: u8,
    /// Whether the Request-URI stays, and targets are next hops.
    pub(super) keeps_uri: bool,
    /// Whether the call is for a SIPS URI.
    is_secure: bool,
    /// What is to be tried, the best first: no more than may be, or [`MOST`]; some may turn out to be of no use.
    targets: Vec<(QValue, Box<str>)>,
    /// What has been tried, as it stands, or would stand, in Request-URIs.
    tried: Vec<Box<str>>,
}

/// So many targets are kept, however few may be tried.
const MOST: usize = 16;

impl TargetSet {
    /// For a request for `uri`, which `left` others may follow.
    pub(super) fn new(request: &Message, uri: &str, left: u8, keeps_uri: bool) -> Option<Box<Self>> {
        if left == 0 {
            return None;
        }
        let first_hop = request.routes().next().and_then(Result::ok).map(|route| route.uri);
        let tried = first_hop.filter(|_| keeps_uri).unwrap_or(uri);
        let tried = [as_request_uri(tried).into()].into();
        Some(Box::new(Self { left, keeps_uri, is_secure: is_sips(uri), targets: Vec::new(), tried }))
    }

    /// Takes the targets that a 3xx names (§8.1.3.4): those that an INVITE can be sent to and that are new.
    pub(super) fn take(&mut self, response: &Message) {
        for contact in response.contacts().flatten().filter_map(Contact::address) {
            let Ok(uri) = Uri::parse(contact.uri) else { continue };
            let method = uri.sip().and_then(SipUri::method);
            let is_invite = method.is_none_or(|method| method == Method::Invite.as_str());
            // What was called securely is not called otherwise unseen.
            let is_safe = !self.is_secure || is_sips(contact.uri);
            if is_invite && is_safe && !self.knows(contact.uri) {
                let q = contact.q().ok().flatten().unwrap_or(QValue::ONE);
                let place = self.targets.partition_point(|(known, _)| *known >= q);
                self.targets.insert(place, (q, contact.uri.into()));
                self.targets.truncate(MOST.max(self.left.into()));
            }
        }
    }

    /// Whether a URI was tried, or is about to be.
    fn knows(&self, uri: &str) -> bool {
        let uri = as_request_uri(uri);
        let is_same = |known: &str| match (Uri::parse(&as_request_uri(known)), Uri::parse(&uri)) {
            (Ok(known), Ok(uri)) => known.equals(&uri),
            _ => known == uri,
        };
        self.tried.iter().chain(self.targets.iter().map(|(_, uri)| uri)).any(|known| is_same(known))
    }

    /// A request has gone to one of them.
    pub(super) fn went(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    /// The next target.
    pub(super) fn next(&mut self) -> Option<Box<str>> {
        if self.left == 0 || self.targets.is_empty() {
            return None;
        }
        let (_, uri) = self.targets.remove(0);
        self.tried.push(as_request_uri(&uri).into());
        Some(uri)
    }
}
