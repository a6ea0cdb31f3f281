//! What the application says in a request, and how it is written (RFC 3261 §8.1.1).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use super::headers::check_no_route;
use super::{Earlier, Rel100};
use crate::message::{
    Address, Body, BuildError, Builder, Contact, Header, Hidden, MAGIC_COOKIE, Message, Method, Name,
    ParseError, TAG, Transport, Uri, is_call_id, is_token, supplies,
};
use crate::random::Token;

/// A request outside dialogs: method, target and whatever else is not to be left to the user agent.
///
/// ```
/// use sip_proto::Method;
/// use sip_proto::context::Request;
///
/// let request = Request::new(Method::Message, "sip:alice@example.com")
///     .header("Subject", "hello")
///     .body("text/plain", "Hello, Alice!");
/// # _ = request;
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The Request-URI, and To unless that is given.
    pub uri: Cow<'static, str>,
    /// From, a `name-addr` or URI without tag; the configured identity when `None`.
    pub from: Option<Cow<'static, str>>,
    /// To, a `name-addr` or URI without tag; the target when `None`.
    pub to: Option<Cow<'static, str>>,
    /// Route elements to put before the target, first hop first (§8.1.2).
    pub route: Vec<Cow<'static, str>>,
    /// Headers to add, in this order.
    pub headers: Vec<Header>,
    /// The body with its type.
    pub body: Option<Body>,
    /// The request that this one is another try of, or follows: see [`Request::after`].
    pub after: Option<Earlier>,
}

impl Request {
    /// A request with this method for this URI. Header fields in the URI are left out: whoever follows one that a peer has given, as in Refer-To, adds those
    /// that it takes, Replaces for one, from [`SipUri::header_fields`](crate::message::SipUri::header_fields) (RFC 3261 §19.1.5).
    pub fn new(method: Method, uri: impl Into<Cow<'static, str>>) -> Self {
        let uri = uri.into();
        let (route, headers) = (Vec::new(), Vec::new());
        Self { method, uri, from: None, to: None, route, headers, body: None, after: None }
    }

    /// Sets From.
    #[must_use]
    pub fn from(mut self, from: impl Into<Cow<'static, str>>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// Sets To.
    #[must_use]
    pub fn to(mut self, to: impl Into<Cow<'static, str>>) -> Self {
        self.to = Some(to.into());
        self
    }

    /// Adds an element to Route, after those added before: `<sip:proxy.example.com;lr>`. The request goes to the first one; as a [`header`](Self::header)
    /// Route is refused.
    #[must_use]
    pub fn route(mut self, route: impl Into<Cow<'static, str>>) -> Self {
        self.route.push(route.into());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push(Header::new(name, value));
        self
    }

    /// Sets the body and its type.
    #[must_use]
    pub fn body(mut self, content_type: impl Into<Cow<'static, str>>, bytes: impl Into<Bytes>) -> Self {
        self.body = Some(Body::new(content_type, bytes));
        self
    }

    /// Makes it another try of the request that `answer` answers, or that `answer` is, with the same Call-ID and From tag and the next number: with
    /// credentials after 401 or 407, with another body after 413 or 415 (RFC 3261 §8.1.3.5), or the next of the REGISTERs of one
    /// registration (§10.2). From and To are for the application to say again.
    ///
    /// ```
    /// use sip_proto::context::Request;
    /// use sip_proto::{Message, Method};
    ///
    /// let challenge = Message::parse(&b"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
    ///     From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n\
    ///     WWW-Authenticate: Digest realm=\"h\", nonce=\"1\"\r\n\r\n"[..])?;
    /// let again = Request::new(Method::Message, "sip:b@h")
    ///     .header("Authorization", "Digest username=\"a\"")
    ///     .after(&challenge);
    /// assert_eq!(again.after.unwrap().call_id(), "c");
    /// # Ok::<(), sip_proto::message::ParseError>(())
    /// ```
    #[must_use]
    pub fn after(mut self, answer: &Message) -> Self {
        self.after = Earlier::of(answer);
        self
    }

    /// Writes the request (§8.1.1).
    ///
    /// # Errors
    /// When something that the application supplied cannot stand in a message.
    pub fn build(&self, ids: &Identifiers<'_>, hop: &Hop<'_>) -> Result<Message, BuildError> {
        check_no_route(&self.headers)?;
        let first = self.route.first().map(|route| checked_route(route)).transpose()?;
        // Behind a strict router the target goes into Route, where no one else looks at it.
        Uri::parse(&self.uri).map_err(BuildError::Uri)?;
        if !is_call_id(ids.call_id) {
            return Err(BuildError::CallId);
        }
        let routing = Routing::new(&self.uri, first);
        let mut builder = Builder::request(&self.method, &routing.request_uri);
        hop.write(&mut builder);
        for route in self.route.iter().skip(routing.skip) {
            checked_route(route)?;
            builder.header(Name::Route, route);
        }
        routing.write_last(&mut builder);
        let from = self.from.as_deref().unwrap_or(ids.identity);
        write_address(&mut builder, Name::From, from, ids.tag)?;
        // §19.1.1, Table 1: no method, no headers.
        let target = match routing.last {
            None => Cow::Borrowed(&*routing.request_uri),
            Some(target) => as_request_uri(target),
        };
        write_address(&mut builder, Name::To, self.to.as_deref().unwrap_or(&target), "")?;
        builder.header(Name::CallId, ids.call_id).cseq(ids.cseq, &self.method);
        builder.extras(ids.for_request(&self.method), &self.headers);
        let message = builder.finish_with(self.body.as_ref())?;
        check_contact(&message, self.method.creates_dialog(), &self.headers)?;
        Ok(message)
    }
}

/// A message that makes a dialog or refreshes its target has one Contact, a SIP or SIPS URI (§8.1.1.8, §12.1.1), also where the application
/// supplies it.
#[inline]
pub(crate) fn check_contact(message: &Message, is_due: bool, headers: &[Header]) -> Result<(), BuildError> {
    if is_due && supplies(headers, Name::Contact) { check_own_contact(message) } else { Ok(()) }
}

#[inline(never)]
fn check_own_contact(message: &Message) -> Result<(), BuildError> {
    let is_sip = |contact: Contact<'_>| {
        contact.address().is_some_and(|address| matches!(Uri::parse(address.uri), Ok(Uri::Sip(_))))
    };
    let mut contacts = message.contacts();
    match (contacts.next(), contacts.next()) {
        (Some(Ok(contact)), None) if is_sip(contact) => Ok(()),
        _ => {
            let header = Some(Name::Contact);
            Err(BuildError::Uri(ParseError { expected: "one SIP or SIPS URI", header, at: 0 }))
        }
    }
}

/// How Route shapes a request (§12.2.1.1): a loose router as the first hop leaves the target in the Request-URI; a strict one takes its
/// place there, and the target goes last in Route.
#[derive(Debug)]
pub(crate) struct Routing<'a> {
    /// What the Request-URI is.
    pub(crate) request_uri: Cow<'a, str>,
    /// How many hops Route leaves out.
    pub(crate) skip: usize,
    /// The target, last in Route behind a strict router.
    pub(crate) last: Option<&'a str>,
}

impl<'a> Routing<'a> {
    /// The shape of a request for `target` whose first hop is `first`.
    pub(crate) fn new(target: &'a str, first: Option<Address<'a>>) -> Self {
        let is_loose = |first: &Address<'_>| matches!(first.parse_uri(), Ok(Uri::Sip(uri)) if uri.is_loose());
        match first.filter(|first| !is_loose(first)) {
            None => Self { request_uri: as_request_uri(target), skip: 0, last: None },
            Some(strict) => Self { request_uri: as_request_uri(strict.uri), skip: 1, last: Some(target) },
        }
    }

    /// Adds the target behind a strict router.
    pub(crate) fn write_last(&self, builder: &mut Builder) {
        if let Some(target) = self.last {
            builder.relayed_line(Name::Route, |line| {
                line.text("<");
                line.text(target);
                line.text(">");
            });
        }
    }
}

/// The same request in a new transaction: with the next number, for `target` in place of the Request-URI if one is given, with
/// `headers` in place of those that have their names, and without those named `without` (RFC 3261 §8.1.3.4, §8.1.3.5).
pub(crate) fn again(
    request: &Message,
    target: Option<&str>,
    hop: &Hop<'_>,
    headers: &[Header],
    without: Option<Name>,
) -> Result<Message, BuildError> {
    let uri =
        target.map_or(Cow::Borrowed(request.request_uri().unwrap_or_default()), |uri| as_request_uri(uri));
    let mut builder = Builder::request(request.method(), &uri);
    hop.write(&mut builder);
    for (name, value) in request.lines() {
        let known = Name::find(name);
        let is_written = matches!(known, Name::Via | Name::CSeq | Name::ContentType | Name::ContentLength);
        match known {
            _ if is_written || Some(known) == without => {}
            _ if headers.iter().any(|header| is_name_of(header, name, known)) => {}
            Name::Unknown => _ = builder.extra(&Header::new(String::from(name), String::from(value))),
            known => builder.relayed_line(known, |line| line.text(value)),
        }
    }
    let cseq = request.cseq().saturating_add(1);
    builder.cseq(cseq, request.method()).extras([], headers);
    let content_type = request.value(Name::ContentType).map(String::from);
    let body =
        content_type.map(|content_type| Body::new(content_type, Bytes::copy_from_slice(request.body())));
    builder.finish_with(body.as_ref())
}

fn is_name_of(header: &Header, name: &str, known: Name) -> bool {
    match known {
        Name::Unknown => header.name.eq_ignore_ascii_case(name),
        known => Name::find(&header.name) == known,
    }
}

/// Whether the application may write this address: what is not in quotes or brackets is not taken for anything else.
pub(crate) fn check_address(address: &Address<'_>, value: &str) -> Result<(), BuildError> {
    let is_plain =
        |byte: u8| !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"-.!%*_+`'~ \t".contains(&byte);
    let name = address.raw_display_name;
    if !name.starts_with('"') && !name.bytes().all(is_plain) {
        return Err(BuildError::Uri(ParseError { expected: "a display name", header: None, at: 0 }));
    }
    address.check(value).map_err(BuildError::Uri)
}

/// An element of Route that the application supplied.
fn checked_route(route: &str) -> Result<Address<'_>, BuildError> {
    let address = Address::parse(route).map_err(BuildError::Uri)?;
    check_address(&address, route)?;
    Ok(address)
}

/// `uri` without what a Request-URI may not hold: header fields and the `method` parameter (§19.1.1 table 1, §12.2.1.1).
pub(crate) fn as_request_uri(uri: &str) -> Cow<'_, str> {
    let Ok(Uri::Sip(parsed)) = Uri::parse(uri) else { return Cow::Borrowed(uri) };
    let headers = parsed.headers.map_or(0, |headers| headers.len().saturating_add(1));
    let end = uri.len().saturating_sub(headers);
    let uri = uri.get(..end).unwrap_or(uri);
    if parsed.params.get("method").is_none() {
        return Cow::Borrowed(uri);
    }
    let params = uri.len().saturating_sub(parsed.params.as_str().len());
    let mut stripped = String::from(uri.get(..params).unwrap_or(uri));
    for param in parsed.params.iter().filter(|param| !param.name.eq_ignore_ascii_case("method")) {
        stripped.push(';');
        stripped.push_str(param.name);
        if let Some(value) = param.value {
            stripped.push('=');
            stripped.push_str(value);
        }
    }
    Cow::Owned(stripped)
}

/// Writes `value`, a `name-addr` or a URI, in brackets, with `tag` and without whatever parameters it came with.
fn write_address(builder: &mut Builder, name: Name, value: &str, tag: &str) -> Result<(), BuildError> {
    let address = Address::parse(value).map_err(BuildError::Uri)?;
    // A bare URI keeps its parameters: they are the URI's, since no header parameters are meant here.
    let uri = if address.uri.len() == value.len() || value.contains('<') { address.uri } else { value };
    if value.contains('<') {
        check_address(&address, value)?;
    }
    Uri::parse(uri).map_err(BuildError::Uri)?;
    if !tag.is_empty() && !is_token(tag) {
        return Err(BuildError::Tag);
    }
    builder.line(name, |line| {
        if !address.raw_display_name.is_empty() {
            line.text(address.raw_display_name);
            line.text(" ");
        }
        line.text("<");
        line.text(uri);
        line.text(">");
        if !tag.is_empty() {
            line.text(TAG);
            line.text(tag);
        }
    });
    Ok(())
}

/// An INVITE that starts a call.
///
/// ```
/// use core::time::Duration;
/// use sip_proto::context::Invite;
///
/// let invite = Invite::to("sip:alice@example.com").sdp("v=0\r\n").ring_within(Duration::from_secs(30));
/// # _ = invite;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// The request; its method is INVITE.
    pub request: Request,
    /// When to cancel a call that rings without an answer; as configured when `None`.
    pub ring_within: Option<Duration>,
    /// How many requests may follow this one to where it is redirected (§8.1.3.4); as configured when `None`.
    pub redirects: Option<u8>,
    /// Whether redirections leave the Request-URI as it is; as configured when `None`.
    pub keeps_uri: Option<bool>,
    /// What the INVITE says of reliable provisional answers (RFC 3262 §4); as configured when `None`.
    pub rel100: Option<Rel100>,
}

impl Invite {
    /// How many redirections one usually follows.
    pub const USUAL_REDIRECTS: u8 = 5;

    /// An INVITE for this URI, as [`Request::new`].
    pub fn to(uri: impl Into<Cow<'static, str>>) -> Self {
        let request = Request::new(Method::Invite, uri);
        Self { request, ring_within: None, redirects: None, keeps_uri: None, rel100: None }
    }

    /// Sets the offer (RFC 3264 §5). Without one, the answer carries the offer.
    #[must_use]
    pub fn sdp(mut self, offer: impl Into<Bytes>) -> Self {
        self.request.body = Some(Body::sdp(offer));
        self
    }

    /// Sets From.
    #[must_use]
    pub fn from(mut self, from: impl Into<Cow<'static, str>>) -> Self {
        self.request = self.request.from(from);
        self
    }

    /// Adds an element to Route, after those added before.
    #[must_use]
    pub fn route(mut self, route: impl Into<Cow<'static, str>>) -> Self {
        self.request = self.request.route(route);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Sets To, a `name-addr` or URI without tag, where it is to differ from the target: a display name, for one.
    #[must_use]
    pub fn addressed(mut self, to: impl Into<Cow<'static, str>>) -> Self {
        self.request = self.request.to(to);
        self
    }

    /// Has redirections followed, up to `most` requests after this one (RFC 3261 §8.1.3.4): [`Invite::USUAL_REDIRECTS`] is a good number. Each target is tried once,
    /// in the order of preference; 305 and 380 are results like other failures.
    #[must_use]
    pub fn follow_redirects(mut self, most: u8) -> Self {
        self.redirects = Some(most);
        self
    }

    /// Sets whether redirections leave the Request-URI as it is: then a Contact says where the INVITE goes next and no more. It takes the
    /// place of the first Route element, and of the outbound proxy; headers in its URI are not for this request (RFC 3261 §19.1.5). That is for contacts
    /// which are other proxies for the same address.
    #[must_use]
    pub fn keep_uri_on_redirect(mut self, yes: bool) -> Self {
        self.keeps_uri = Some(yes);
        self
    }

    /// Sets what the INVITE says of reliable provisional answers: nothing, that we support them, that we insist on them
    /// (RFC 3262 §4). Whichever come reliably are acknowledged in any case.
    #[must_use]
    pub fn rel100(mut self, rel100: Rel100) -> Self {
        self.rel100 = Some(rel100);
        self
    }

    /// Makes it another try of the INVITE that `answer` answers: see [`Request::after`].
    #[must_use]
    pub fn after(mut self, answer: &Message) -> Self {
        self.request = self.request.after(answer);
        self
    }

    /// Sets when to cancel a call that rings without an answer.
    #[must_use]
    pub fn ring_within(mut self, limit: Duration) -> Self {
        self.ring_within = Some(limit);
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let route: Vec<_> = self.route.iter().map(|route| Hidden(route)).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("uri", &Hidden(&self.uri))
            .field("from", &self.from.as_deref().map(Hidden))
            .field("to", &self.to.as_deref().map(Hidden))
            .field("route", &route)
            .field("headers", &self.headers)
            .field("body", &self.body)
            .field("after", &self.after)
            .finish()
    }
}

/// What makes a request of ours one of a kind, and what the user agent adds to it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Identifiers<'a> {
    /// Call-ID (§8.1.1.4).
    pub call_id: &'a str,
    /// The From tag (§8.1.1.3).
    pub tag: &'a str,
    /// The sequence number, below 2³¹ (§8.1.1.5).
    pub cseq: u32,
    /// The identity in From where the application names none.
    pub identity: &'a str,
    /// Contact, in requests that form a dialog or refresh its target, and in REGISTER by the application's own
    /// header only (§8.1.1.8).
    pub contact: &'a str,
    /// Allow, in INVITE and OPTIONS (§13.2.1).
    pub allow: &'a str,
    /// Supported, in all requests but ACK (§8.1.1.9, RFC 4028 §7.1).
    pub supported: &'a str,
    /// User-Agent (§20.41).
    pub user_agent: &'a str,
}

impl fmt::Debug for Identifiers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call_id, tag, cseq, identity, contact, .. } = *self;
        let (identity, contact) = (Hidden(identity), Hidden(contact));
        write!(f, "Identifiers({call_id}, tag {tag}, CSeq {cseq}, {identity} at {contact})")
    }
}

impl<'a> Identifiers<'a> {
    /// The headers that a request of this method gets unless the application supplies them. Empty values are left out.
    pub fn for_request(&self, method: &Method) -> [(Name, &'a str); 6] {
        let when = |yes: bool, value| if yes { value } else { "" };
        let describes = matches!(method, Method::Invite | Method::Options | Method::Update);
        [
            (Name::MaxForwards, "70"),
            (Name::Contact, when(carries_contact(method), self.contact)),
            (Name::Allow, when(describes, self.allow)),
            (Name::Supported, when(*method != Method::Ack, self.supported)),
            // §11.1: what the answer may describe us by.
            (Name::Accept, when(*method == Method::Options, "application/sdp")),
            (Name::UserAgent, self.user_agent),
        ]
    }
}

/// Whether a request of this method says where we are reached (RFC 3261 §8.1.1.8, §11.1, §12.2.1.1).
pub(crate) fn carries_contact(method: &Method) -> bool {
    method.refreshes_target() || *method == Method::Options
}

/// The Via that a request of ours gets (§8.1.1.7, §18.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop<'a> {
    /// The transport it goes over.
    pub transport: Transport,
    /// Host and port where its answers are expected.
    pub sent_by: &'a str,
    /// The random part of the branch.
    pub branch: Token,
}

impl Hop<'_> {
    /// Writes the Via, with `rport` over UDP (RFC 3581 §3).
    pub fn write(&self, builder: &mut Builder) {
        let is_sent_by = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        if self.sent_by.is_empty() || !self.sent_by.bytes().all(is_sent_by) {
            builder.refuse(BuildError::SentBy);
        }
        builder.line(Name::Via, |line| {
            for text in ["SIP/2.0/", self.transport.as_str(), " ", self.sent_by, ";branch=", MAGIC_COOKIE] {
                line.text(text);
            }
            line.text(self.branch.as_str());
            if !self.transport.is_reliable() {
                line.text(";rport");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: Identifiers<'_> = Identifiers {
        call_id: "c1",
        tag: "t1",
        cseq: 1,
        identity: "\"Bob\" <sip:bob@h>",
        contact: "<sip:bob@192.0.2.4>",
        allow: "INVITE, ACK",
        supported: "",
        user_agent: "test",
    };

    fn hop() -> Hop<'static> {
        Hop { transport: Transport::Udp, sent_by: "192.0.2.4:5060", branch: Token::from_bits(1) }
    }

    #[test]
    fn a_request_has_what_rfc_3261_section_8_1_1_asks_for() {
        let request = Request::new(Method::Invite, "sip:alice@h;transport=udp").route("<sip:p;lr>");
        let message = request.build(&IDS, &hop()).unwrap();
        assert_eq!(message.from().unwrap().tag(), Some("t1"));
        assert_eq!(message.from().unwrap().raw_display_name, "\"Bob\"");
        assert_eq!(message.to().unwrap().uri, "sip:alice@h;transport=udp");
        assert_eq!((message.to().unwrap().tag(), message.max_forwards()), (None, Ok(Some(70))));
        assert!(message.top_via().unwrap().wants_rport());
        assert_eq!(message.routes().count(), 1);
        assert_eq!(message.contact().unwrap().unwrap().uri, "sip:bob@192.0.2.4");
        assert_eq!(Message::parse(message.as_bytes().to_vec()).unwrap(), message);
    }

    #[test]
    fn what_the_application_supplies_takes_the_defaults_place() {
        let request =
            Request::new(Method::Invite, "sip:a@h").header("m", "<sip:other@h>").header("Allow", "INVITE");
        let message = request.build(&IDS, &hop()).unwrap();
        assert_eq!(message.contacts().count(), 1);
        assert_eq!(message.contact().unwrap().unwrap().uri, "sip:other@h");
        assert_eq!(message.allow().count(), 1);
    }

    #[test]
    fn a_target_behind_a_strict_router_injects_nothing() {
        let strict = |uri: &'static str| Request::new(Method::Message, uri).to("<sip:a@h>").route("<sip:p>");
        assert!(strict("sip:a@h").build(&IDS, &hop()).is_ok());
        for uri in ["sip:a@h>\r\nX: y", "sip:a@h\r\nX: y", "sip:a@h>, <sip:b@h", "sip:a\0@h"] {
            assert!(matches!(strict(uri).build(&IDS, &hop()), Err(BuildError::Uri(_))), "{uri:?}");
        }
    }

    #[test]
    fn injection_is_refused_everywhere() {
        let base = || Request::new(Method::Message, "sip:a@h");
        for request in [
            Request::new(Method::Message, "sip:a@h\r\nX: y"),
            base().from("<sip:a@h>\r\nX: y"),
            base().from("\"a\r\nX: y\" <sip:a@h>"),
            base().to("sip:a@h\nX: y"),
            base().route("<sip:p;lr>\r\nX: y"),
            base().header("X\r\nY", "z"),
            base().header("X", "y\r\nZ: z"),
            base().body("text/plain\r\nX: y", "z"),
        ] {
            let built = request.build(&IDS, &hop());
            assert!(
                built.is_err() || !built.as_ref().unwrap().lines().any(|(name, _)| name == "X"),
                "{built:?}"
            );
            if let Ok(message) = built {
                assert_eq!(Message::parse(message.as_bytes().to_vec()).unwrap(), message);
            }
        }
    }
}
