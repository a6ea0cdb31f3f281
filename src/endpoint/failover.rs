//! The other addresses of a name: where one of them fails a request, it goes to the next (RFC 3263 §4.3).
//!
//! The request stays the application's, with its one result: each try is a transaction of its own, and the request is the same but for its branch.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::Endpoint;
use super::event::Why;
use super::ids::RequestId;
use super::send::via_value;
use super::slots::{Others, Stage};
use super::transports::Route;
use crate::context::Synthetic;
use crate::message::{MAGIC_COOKIE, Method, StatusCode, Transport};

/// So many addresses of a name are tried.
const MOST: usize = 16;

impl<D: Default> Endpoint<D> {
    /// Takes note of where a request may go if the address that it goes to first fails it.
    pub(super) fn note_others(
        &mut self,
        client: RequestId,
        name: &str,
        others: impl Iterator<Item = (Transport, SocketAddr)>,
    ) {
        let Some(slot) = self.clients.get_mut(client) else { return };
        let mut addresses: Vec<_> = others.take(MOST.saturating_sub(1)).collect();
        addresses.reverse();
        slot.others = match addresses.is_empty() {
            true => None,
            false => Some(Box::new(Others { name: name.into(), addresses })),
        };
    }

    /// The way to the next address of a request, if there is one that was not tried.
    pub(super) fn next_address(&mut self, client: RequestId) -> Option<Route> {
        let others = self.clients.get_mut(client)?.others.as_mut()?;
        let (transport, remote) = others.addresses.pop()?;
        Some(self.transports.route_to(transport, remote, Some(&others.name)))
    }

    /// A request was answered 503: it goes to its next address. The transaction that was answered lives on under another name, which is handed back.
    pub(super) fn fail_over(&mut self, client: RequestId) -> Option<RequestId> {
        let slot = self.clients.get_mut(client)?;
        // Within a dialog a provisional answer may have changed the session.
        match slot.dialog.is_none() || !slot.context()?.was_heard() {
            true => self.go_to_next(client, StatusCode::SERVICE_UNAVAILABLE),
            false => None,
        }
    }

    /// A request was never answered: the same. One that was answered provisionally is with the server that did.
    pub(super) fn fail_over_unanswered(&mut self, client: RequestId, why: Synthetic) -> Option<RequestId> {
        let is_silent = matches!(why, Synthetic::Timeout | Synthetic::Transport);
        let context = self.clients.get_mut(client)?.context()?;
        match is_silent && !context.was_heard() {
            true => self.go_to_next(client, why.status()),
            false => None,
        }
    }

    fn go_to_next(&mut self, client: RequestId, status: StatusCode) -> Option<RequestId> {
        let slot = self.clients.get_mut(client)?;
        let is_cancelled = slot.context()?.is_cancelled();
        let request = slot.request()?.clone();
        // RFC 6665 §4.1.2.4: a NOTIFY has made the subscription, whatever becomes of the answer.
        let is_made = *request.method() != Method::Invite && !slot.forks.is_empty();
        // What is new has no place in a queue that is full.
        if is_cancelled || is_made || self.is_full() {
            return None;
        }
        let route = self.next_address(client)?;
        let names = self.transports.names(route.transport(), route.towards());
        let branch = alloc::format!("{MAGIC_COOKIE}{}", self.random.token().as_str());
        let via = via_value(route.transport(), &names.sent_by, &branch);
        let message = Arc::new(request.with_top_via(&via, None).ok()?);
        self.end_early_forks(client, Why::Failed(status));
        let tail = self.hand_on(client, Stage::Parked(message))?;
        self.launch_by(route, client);
        Some(tail)
    }
}
