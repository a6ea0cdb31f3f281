//! INVITEs that are redirected: from a 3xx, or a target that failed, to the next target (RFC 3261 §8.1.3.4).
//!
//! The request stays the application's, with its one result: each try is a transaction of its own, with the Call-ID, From and To of the first and the next
//! number.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::event::{ClientEvent, Why};
use super::ids::RequestId;
use super::slots::Stage;
use super::transports::Route;
use super::{Endpoint, Event};
use crate::context::{Hop, Synthetic, again};
use crate::message::{Header, Message, Name, SipUri, StatusCode, Uri, is_sips, unescape};

impl<D: Default> Endpoint<D> {
    /// An INVITE has failed with an answer: it goes on to its next target, if that is wanted and there is one. The transaction that was answered lives
    /// on under another name, which is handed back.
    pub(super) fn redirect(&mut self, client: RequestId, response: &Arc<Message>) -> Option<RequestId> {
        let status = response.status()?;
        let slot = self.clients.get_mut(client)?;
        let is_cancelled = slot.context().is_some_and(|context| context.is_cancelled());
        let targets = slot.targets.as_mut().filter(|_| !is_cancelled)?;
        match status {
            // They name no other place of the one who is called (§21.3.4, §21.3.5).
            StatusCode::USE_PROXY | StatusCode::ALTERNATIVE_SERVICE => return None,
            // Who has the credentials tries again (§8.1.3.5).
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => return None,
            // It speaks for every place (§21.6).
            _ if status.code() >= 600 => return None,
            _ if status.code() < 400 => targets.take(response),
            _ => {}
        }
        self.try_next(client, response)
    }

    /// An INVITE has failed without an answer: the same.
    pub(super) fn redirect_unanswered(&mut self, client: RequestId, why: Synthetic) -> Option<RequestId> {
        let slot = self.clients.get_mut(client)?;
        let is_cancelled = slot.context().is_some_and(|context| context.is_cancelled());
        if slot.targets.is_none() || is_cancelled || why == Synthetic::Cancelled {
            return None;
        }
        let response = why.response(slot.request()?)?;
        self.try_next(client, &Arc::new(response))
    }

    fn try_next(&mut self, client: RequestId, response: &Arc<Message>) -> Option<RequestId> {
        // What is new has no place in a queue that is full.
        if self.is_full() {
            return None;
        }
        loop {
            let target = self.clients.get_mut(client)?.targets.as_mut()?.next()?;
            if let Some((message, route)) = self.write_for(client, &target) {
                return self.begin_again(client, response, Arc::new(message), route);
            }
        }
    }

    /// The request for another target; `None` where none can be made.
    fn write_for(&mut self, client: RequestId, target: &str) -> Option<(Message, Route)> {
        let slot = self.clients.get(client)?;
        let request = slot.request()?;
        // Behind a strict router the Request-URI is the router's, and stays so.
        let first = request.routes().next().transpose().ok()?;
        let is_loose = |uri: &str| Uri::parse(uri).ok().and_then(Uri::sip).is_some_and(SipUri::is_loose);
        let keeps_uri = slot.targets.as_ref().is_some_and(|targets| targets.keeps_uri);
        let hop = match first {
            Some(first) if !is_loose(first.uri) => return None,
            Some(first) if !keeps_uri => first.uri,
            Some(_) | None => target,
        };
        let is_secure = is_sips(target) || is_sips(hop);
        let route = self.transports.locate(hop, is_sips(target)).ok()?;
        let (uri, mut headers, without) = match keeps_uri {
            true => (None, later_routes(request), Some(Name::Route)),
            false => (Some(target), self.headers_from(target, request)?, None),
        };
        let contact = request.contact().ok().flatten();
        let contact = match is_secure && !contact.is_some_and(|contact| is_sips(contact.uri)) {
            true => Some(self.transports.contact(route.transport(), route.towards(), true)),
            false => {
                let said = request.value(Name::Contact).unwrap_or_default();
                self.transports.contact_instead(said, route.transport(), route.towards())
            }
        };
        headers.extend(contact.map(|contact| Header::new(Name::Contact.as_str(), String::from(contact))));
        let names = self.transports.names(route.transport(), route.towards());
        let branch = self.random.token();
        let hop = Hop { transport: route.transport(), sent_by: &names.sent_by, branch };
        Some((again(request, uri, &hop, &headers, without).ok()?, route))
    }

    /// The headers that a target's URI asks for, as far as strangers may (§8.1.3.4, §19.1.5); `None` if it asks for an extension that we do not have.
    fn headers_from(&self, target: &str, request: &Message) -> Option<Vec<Header>> {
        let Some(uri) = Uri::parse(target).ok()?.sip() else { return Some(Vec::new()) };
        let mut headers: Vec<Header> = Vec::new();
        for field in uri.header_fields() {
            let (name, value) = (unescape(field.name)?, unescape(field.value)?);
            match Name::find(&name) {
                Name::Require | Name::ProxyRequire => {
                    let has =
                        |tag: &str| self.config.supported.iter().any(|own| own.eq_ignore_ascii_case(tag));
                    if !value.split(',').map(str::trim).all(has) {
                        return None;
                    }
                }
                known if !may_be_asked_for(known, &name) => continue,
                known => add(&mut headers, request, known, (name.into(), value.into()))?,
            }
        }
        Some(headers)
    }

    fn begin_again(
        &mut self,
        client: RequestId,
        response: &Arc<Message>,
        message: Arc<Message>,
        route: Route,
    ) -> Option<RequestId> {
        let status = response.status().unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        self.end_early_forks(client, Why::Failed(status));
        if let Some(slot) = self.clients.get_mut(client) {
            // RFC 4028 §7.3: each place has its own least interval.
            slot.too_small = 0;
            slot.others = None;
            if let Some(targets) = &mut slot.targets {
                targets.went();
            }
        }
        let tail = self.hand_on(client, Stage::Parked(message.clone()))?;
        let event = ClientEvent::Redirected { response: response.clone(), request: message };
        self.emit(Event::Client { request: client, event });
        self.launch_by(route, client);
        Some(tail)
    }
}

/// The Route elements behind the first hop, whose place a target takes.
fn later_routes(request: &Message) -> Vec<Header> {
    let later = request
        .elements(Name::Route)
        .skip(1)
        .map(|route| Header::new(Name::Route.as_str(), String::from(route)));
    later.collect()
}

/// Adds a header that a URI asks for: in the place of the request's, or behind it where its values make a list.
fn add(
    headers: &mut Vec<Header>,
    request: &Message,
    known: Name,
    (name, value): (String, String),
) -> Option<()> {
    let asked = headers.iter().position(|header| header.name.eq_ignore_ascii_case(&name));
    let mut values: Vec<String> = match asked.map(|place| headers.remove(place)) {
        _ if !is_list(known) => Vec::new(),
        Some(header) => [header.value.into()].into(),
        None => request.values(known).map(String::from).collect(),
    };
    values.push(value);
    let header = Header::new(name, values.join(", "));
    header.check().ok()?;
    headers.push(header);
    Some(())
}

/// Whether a header may be taken from a URI: not one that says who sends what to whom, where we are or what we are capable of, or what the body is
/// (RFC 3261 §19.1.5).
fn may_be_asked_for(known: Name, name: &str) -> bool {
    let is_ours = matches!(
        known,
        Name::From
            | Name::To
            | Name::CallId
            | Name::CSeq
            | Name::Via
            | Name::RecordRoute
            | Name::Route
            | Name::MaxForwards
            | Name::Accept
            | Name::AcceptEncoding
            | Name::AcceptLanguage
            | Name::Allow
            | Name::Contact
            | Name::Organization
            | Name::Supported
            | Name::UserAgent
            | Name::Authorization
            | Name::ProxyAuthorization
            | Name::ContentDisposition
            | Name::ContentEncoding
            | Name::ContentLanguage
            | Name::ContentLength
            | Name::ContentType
            | Name::Date
            | Name::MimeVersion
            | Name::Timestamp
            | Name::SessionExpires
            | Name::MinSe
    );
    !is_ours && !name.eq_ignore_ascii_case("body")
}

/// Headers whose values are lists: what a URI asks for joins them (§8.1.3.4).
fn is_list(name: Name) -> bool {
    matches!(
        name,
        Name::CallInfo
            | Name::AlertInfo
            | Name::ErrorInfo
            | Name::InReplyTo
            | Name::Reason
            | Name::HistoryInfo
            | Name::AcceptContact
            | Name::RejectContact
            | Name::RequestDisposition
    )
}
