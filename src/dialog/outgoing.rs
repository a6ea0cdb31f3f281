//! The requests that go out within a dialog (RFC 3261 §12.2.1.1), and where they go.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Dialog, DialogError, DialogState, FIRST_CSEQ};
use crate::context::{
    Hop, Identifiers, Routing, as_request_uri, carries_contact, check_contact, check_no_route,
};
use crate::message::{Address, Body, Builder, Header, Message, Method, Name, supplies};

/// A request within a dialog: method, extra headers, body.
///
/// ```
/// use sip_proto::Method;
/// use sip_proto::dialog::InDialog;
///
/// let info = InDialog::new(Method::Info).body("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n");
/// # _ = info;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InDialog {
    /// The method.
    pub method: Method,
    /// Headers to add, in this order.
    pub headers: Vec<Header>,
    /// The body with its type.
    pub body: Option<Body>,
}

impl InDialog {
    /// A request with this method.
    pub fn new(method: Method) -> Self {
        Self { method, headers: Vec::new(), body: None }
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

    /// Sets a session description as the body.
    #[must_use]
    pub fn sdp(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = Some(Body::sdp(bytes));
        self
    }
}

/// What the user agent adds to a request within a dialog unless the application supplies it. Empty values are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Within<'a> {
    /// Allow.
    pub allow: &'a str,
    /// Supported.
    pub supported: &'a str,
    /// User-Agent.
    pub user_agent: &'a str,
}

impl Dialog {
    /// The next request within the dialog; its number is one higher than the last one's (§12.2.1.1).
    ///
    /// # Errors
    /// When the dialog is over, the method is ACK or CANCEL, the numbers are used up, or something supplied cannot stand in
    /// a message. Nothing has changed then.
    pub fn request(
        &mut self,
        request: &InDialog,
        hop: &Hop<'_>,
        within: &Within<'_>,
    ) -> Result<Message, DialogError> {
        if self.state == DialogState::Terminated {
            return Err(DialogError::Terminated);
        }
        self.request_of_usage(request, hop, within)
    }

    /// As [`request`](Self::request), for a usage that goes on when the BYE of the session is on its way (RFC 5057 §4).
    pub(crate) fn request_of_usage(
        &mut self,
        request: &InDialog,
        hop: &Hop<'_>,
        within: &Within<'_>,
    ) -> Result<Message, DialogError> {
        if matches!(request.method, Method::Ack | Method::Cancel) {
            return Err(DialogError::Method);
        }
        let cseq = self.local_cseq.checked_add(1).filter(|next| *next < 1 << 31).ok_or(DialogError::CSeq)?;
        let cseq = cseq.max(FIRST_CSEQ);
        let message = self.write(request, cseq, hop, within)?;
        self.local_cseq = cseq;
        Ok(message)
    }

    /// The ACK of the 2xx to our INVITE numbered `cseq` (§13.2.2.4), with the INVITE's credentials in `headers` (§22.1) and an answer where
    /// the 2xx carried the offer.
    ///
    /// # Errors
    /// When something supplied cannot stand in a message.
    pub fn ack(
        &self,
        cseq: u32,
        headers: Vec<Header>,
        body: Option<Body>,
        hop: &Hop<'_>,
    ) -> Result<Message, DialogError> {
        let ack = InDialog { method: Method::Ack, headers, body };
        self.write(&ack, cseq, hop, &Within::default())
    }

    /// The URI whose host the next request is sent to: the first route, or the remote target (§8.1.2, §12.2.1.1).
    pub fn next_hop(&self) -> &str {
        let first = self.text.routes().next().and_then(|route| Address::parse(route).ok());
        first.map_or(self.text.remote_target(), |route| route.uri)
    }

    /// Whether a request that was written within the dialog goes to the hop that the next one would go to: the target, or the route set, may have
    /// changed since.
    pub(crate) fn is_towards(&self, request: &Message) -> bool {
        let uri = request.request_uri().unwrap_or_default();
        let is_to = |hop: &str| uri == hop || uri == as_request_uri(hop);
        // Behind a strict router the first element of Route is not the first hop.
        match self.text.routes().next() {
            None => request.elements(Name::Route).next().is_none() && is_to(self.text.remote_target()),
            Some(_) => request.elements(Name::Route).eq(self.text.routes()) || is_to(self.next_hop()),
        }
    }

    fn write(
        &self,
        request: &InDialog,
        cseq: u32,
        hop: &Hop<'_>,
        within: &Within<'_>,
    ) -> Result<Message, DialogError> {
        check_no_route(&request.headers)?;
        let first = self.text.routes().next().and_then(|route| Address::parse(route).ok());
        let routing = Routing::new(self.text.remote_target(), first);
        let mut builder = Builder::request(&request.method, &routing.request_uri);
        hop.write(&mut builder);
        for route in self.text.routes().skip(routing.skip) {
            builder.relayed_line(Name::Route, |line| line.text(route));
        }
        routing.write_last(&mut builder);
        builder.relayed_line(Name::From, |line| line.text(self.text.local_party()));
        builder.relayed_line(Name::To, |line| line.text(self.text.remote_party()));
        builder.header(Name::CallId, self.sip().call_id).cseq(cseq, &request.method);
        if carries_contact(&request.method) && !supplies(&request.headers, Name::Contact) {
            builder.line(Name::Contact, |line| {
                line.text("<");
                line.text(self.text.local_contact());
                line.text(">");
            });
        }
        let ids = Identifiers {
            allow: within.allow,
            supported: within.supported,
            user_agent: within.user_agent,
            ..Identifiers::default()
        };
        builder.extras(ids.for_request(&request.method), &request.headers);
        let message = builder.finish_with(request.body.as_ref())?;
        check_contact(&message, request.method.refreshes_target(), &request.headers)?;
        Ok(message)
    }
}
