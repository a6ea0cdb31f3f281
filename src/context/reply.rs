//! What the application says in an answer, and what is reported of it.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::Cause;
use super::reliable::OPTION_TAG;
use super::request::check_contact;
use crate::message::{
    Body, BuildError, Builder, Header, List, Message, Method, Name, StatusCode, check_line, supplies,
};
use crate::random::Token;

/// An answer's options: code, reason phrase, extra headers, body. Everything may be left out.
///
/// ```
/// use sip_proto::context::Reply;
///
/// let busy = Reply::code(486).reason("Gone fishing").header("Retry-After", "3600");
/// let answer = Reply::new().sdp("v=0\r\n");
/// # _ = (busy, answer);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Reply {
    /// The status code; the method's default when `None`.
    pub code: Option<u16>,
    /// The reason phrase; the code's own when `None`, which is empty for a code without one.
    pub reason: Option<Cow<'static, str>>,
    /// Headers to add, in this order.
    pub headers: Vec<Header>,
    /// The body with its type.
    pub body: Option<Body>,
    /// Whether this is to be acknowledged by PRACK: see [`Reply::reliable`].
    pub reliable: bool,
    /// What becomes of the subscription that this 2xx to a SUBSCRIBE or REFER makes.
    pub permission: Permission,
}

/// Whether the peer may be told what it subscribes to with a SUBSCRIBE or REFER that is answered 2xx (RFC 6665 §4.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Permission {
    /// It may: the subscription is active.
    #[default]
    Granted,
    /// That is not known yet: the subscription is pending.
    Pending,
    /// It may not, though the request was accepted: the NOTIFY that follows at once is the last one.
    Denied,
}

impl Reply {
    /// An answer with the method's default code.
    pub fn new() -> Self {
        Self::default()
    }

    /// An answer with this code. Whether it fits is for the method to say.
    pub fn code(code: u16) -> Self {
        Self { code: Some(code), ..Self::default() }
    }

    /// Sets the reason phrase, which may be empty.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
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

    /// Sets a session description as the body.
    #[must_use]
    pub fn sdp(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = Some(Body::sdp(bytes));
        self
    }

    /// Asks for a provisional answer that is acknowledged and until then repeated (RFC 3262). It is, where both sides support
    /// that; else it is an ordinary one. 100 and final answers are not concerned.
    #[must_use]
    pub fn reliable(mut self) -> Self {
        self.reliable = true;
        self
    }

    /// Leaves the subscription that this 2xx makes pending, since its owner is yet to be asked: nobody may be waited for before the 2xx
    /// (RFC 6665 §4.2.1.1, §4.2.1.3). The NOTIFY that follows at once says `pending`; `DialogRef::authorise` or `DialogRef::terminate` decides later.
    #[must_use]
    pub fn pending(mut self) -> Self {
        self.permission = Permission::Pending;
        self
    }

    /// Denies the subscription that this 2xx makes or refreshes. One NOTIFY follows, and ends it: with the reason `rejected` after a SUBSCRIBE (RFC 6665
    /// §4.2.1.3); after a REFER with the status 603, and the reason `noresource` (RFC 3515 §2.4.5, §2.4.7). A refusal by the answer itself,
    /// 403 or 603, makes no subscription, and no NOTIFY.
    #[must_use]
    pub fn denied(mut self) -> Self {
        self.permission = Permission::Denied;
        self
    }

    /// How many bytes the answer has beyond what it copies from its request.
    fn room(&self, reason: &str, added: &[(Name, &str)]) -> usize {
        /// A line's name and punctuation, or the status line's, or those of the lines about the body.
        const PER_LINE: usize = 24;
        let defaults = added.iter().map(|(_, value)| value.len());
        let headers = self.headers.iter().map(|header| header.name.len().saturating_add(header.value.len()));
        let body = self.body.iter().map(|body| body.content_type.len().saturating_add(body.bytes.len()));
        let values = defaults.chain(headers).chain(body);
        let lines = added.len().saturating_add(self.headers.len()).saturating_add(7);
        values.sum::<usize>().saturating_add(reason.len()).saturating_add(lines.saturating_mul(PER_LINE))
    }

    /// Writes the answer to `request`, which came this long ago and has had the answer `ringing`, a provisional one but 100; with this RSeq, if it is
    /// a reliable provisional one.
    pub(super) fn build(
        &self,
        (request, ringing): (&Message, Option<&Message>),
        status: StatusCode,
        tag: &Token,
        rseq: Option<u32>,
        delay: Duration,
        defaults: &Defaults<'_>,
    ) -> Result<Arc<Message>, BuildError> {
        // Copied from the request already (§8.2.6.1, §12.1.1); the number of an answer that is acknowledged by PRACK, which no other has
        // (RFC 3262 §3, §7.1).
        let written = [Name::RecordRoute, Name::Timestamp, Name::RSeq];
        if let Some(name) = written.into_iter().find(|name| supplies(&self.headers, *name)) {
            return Err(BuildError::Reserved(name));
        }
        let added = defaults.for_answer(request.method(), status, rseq.is_some());
        let reason = match &self.reason {
            Some(reason) => check_line(reason).map(|()| &**reason)?,
            None => status.reason(),
        };
        let room = self.room(reason, &added);
        let line = (status, reason);
        let ringing = ringing.filter(|_| status > StatusCode::TRYING && !status.is_failure());
        let mut builder = Builder::new();
        match ringing {
            Some(ringing) => ringing.answer_again(&mut builder, line, room),
            None => request.answer_with_room(&mut builder, line, tag, room, delay),
        }
        builder.extras(added.iter().copied(), &self.headers);
        if let Some(rseq) = rseq {
            if !self.requires(OPTION_TAG) {
                builder.header(Name::Require, OPTION_TAG);
            }
            builder.line(Name::RSeq, |line| line.number(rseq));
        }
        let message = builder.finish_shared(self.body.as_ref())?;
        let is_due =
            request.method().refreshes_target() && status > StatusCode::TRYING && !status.is_failure();
        check_contact(&message, is_due, &self.headers)?;
        Ok(message)
    }

    /// Whether the application's own headers name this option tag in Require.
    fn requires(&self, tag: &str) -> bool {
        let own = self.headers.iter().filter(|header| Name::find(&header.name) == Name::Require);
        own.flat_map(|header| List::new(&header.value)).any(|known| known.eq_ignore_ascii_case(tag))
    }
}

/// What the user agent adds to its answers unless the application says otherwise. Empty values are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Defaults<'a> {
    /// Contact: in answers that form a dialog or refresh its target (RFC 3261 §12.1.1, §12.2.2).
    pub contact: &'a str,
    /// Allow: in 2xx to INVITE and OPTIONS (§13.3.1.4, §11.2), in reliable provisional answers (RFC 3311 §4) and in 405 (§21.4.6).
    pub allow: &'a str,
    /// Supported: in 2xx to INVITE and OPTIONS.
    pub supported: &'a str,
    /// Server: in every answer (§20.35).
    pub server: &'a str,
}

impl<'a> Defaults<'a> {
    fn for_answer(&self, method: &Method, status: StatusCode, is_reliable: bool) -> [(Name, &'a str); 4] {
        let describes = matches!(method, Method::Invite | Method::Options) && status.is_success();
        let allow = describes || is_reliable || status == StatusCode::METHOD_NOT_ALLOWED;
        let when = |yes: bool, value| if yes { value } else { "" };
        [
            (Name::Contact, when(answers_with_contact(method, status), self.contact)),
            (Name::Allow, when(allow, self.allow)),
            (Name::Supported, when(describes, self.supported)),
            (Name::Server, self.server),
        ]
    }
}

/// Whether an answer with this status to a request of this method says where we are reached (RFC 3261 §12.1.1, §12.2.2).
pub(crate) fn answers_with_contact(method: &Method, status: StatusCode) -> bool {
    match method {
        Method::Update | Method::Notify => status.is_success(),
        method => method.creates_dialog() && status > StatusCode::TRYING && !status.is_failure(),
    }
}

/// What became of a request, as its events tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The answer's status code; 0 when the end was not an answer's doing.
    pub code: u16,
    /// The answer; `None` when there was none.
    pub response: Option<Arc<Message>>,
    /// What a failure comes down to.
    pub cause: Option<Cause>,
}

impl Report {
    /// The report of an answer that was sent or received.
    #[inline]
    pub fn of(response: Arc<Message>) -> Self {
        let status = response.status();
        let cause = status.filter(|status| status.is_failure()).map(Cause::of);
        Self { code: status.map_or(0, StatusCode::code), response: Some(response), cause }
    }

    /// The report of an end without an answer.
    pub fn without_response(cause: Cause) -> Self {
        Self { code: 0, response: None, cause: Some(cause) }
    }

    /// The cause in words, as the model's events have it: the answer's reason phrase, or the documented
    /// text when there was no answer.
    pub fn cause_text(&self) -> &str {
        match (&self.response, self.cause) {
            (Some(response), _) => response.reason_phrase(),
            (None, Some(cause)) => cause.as_str(),
            (None, None) => "",
        }
    }
}
