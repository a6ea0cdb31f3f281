//! The order in which a UAS examines a request (RFC 3261 §8.2).

use alloc::string::String;
use alloc::sync::Arc;

use super::counters::bump;
use super::flow::Flow;
use super::ids::{DialogId, ServerId};
use super::policy::Handling;
use super::reliable::is_option_tag;
use super::{Endpoint, asks_by};
use crate::context::{OPTION_TAG, Rel100};
use crate::dialog::remote_target;
use crate::message::{
    self, Address, DialogKeys, MediaType, Message, Method, Name, StatusCode, Uri, is_sendable, octets,
};
use crate::transaction::MatchId;

/// A refusal: its status, and a header that says more.
pub(super) type Refusal = (StatusCode, Option<(Name, String)>);

/// What is known of a request outside dialogs that is served.
pub(super) struct Accepted {
    pub(super) handling: Handling,
    /// What a merged one would share with it.
    pub(super) merged: MatchId,
    /// Whether it asks to be reached by a SIPS URI.
    pub(super) is_secure: bool,
}

impl<D: Default> Endpoint<D> {
    /// A valid request: one that is known already, an ACK, a CANCEL, one within a dialog, or a new one.
    pub(super) fn inspect(&mut self, flow: &Flow, request: Arc<Message>) {
        let method = request.method();
        if *method == Method::Ack {
            return self.ack(request);
        }
        let Ok(id) = MatchId::server(&self.key, &request, method) else { return };
        match self.server_of(id) {
            Some(known) => self.retransmitted(known),
            None if *method == Method::Cancel => self.cancel(flow, id, request),
            None => self.inspect_new(flow, id, request),
        }
    }

    fn inspect_new(&mut self, flow: &Flow, id: MatchId, request: Arc<Message>) {
        let uri = request.request_uri().unwrap_or_default();
        if uri.len() > self.config.limits.uri {
            return self.refuse(flow, &request, (StatusCode::REQUEST_URI_TOO_LONG, None));
        }
        // What could be rung and never be rejected is not begun (§21.5.7).
        if !request.leaves_room() {
            return self.refuse(flow, &request, (StatusCode::MESSAGE_TOO_LARGE, None));
        }
        let keys = request.dialog_keys();
        let (dialog, has_to_tag) = (self.dialog_of(keys), !keys.to_tag.is_empty());
        // Before anything that reads it (RFC 4475 §3.1.2.7, §3.1.2.8; RFC 5118 §4.2). What we are called in the dialog can be read.
        let is_ours =
            dialog.and_then(|id| self.dialogs.get(id)).is_some_and(|slot| slot.dialog.local_contact() == uri);
        let target_refusal = match is_ours {
            true => None,
            false => match Uri::parse(uri) {
                Ok(target) => self.target_refusal(target),
                Err(_) => return self.refuse(flow, &request, (StatusCode::BAD_REQUEST, None)),
            },
        };
        match dialog {
            Some(dialog) => self.inspect_in_dialog(flow, id, dialog, request),
            None if !has_to_tag => {
                let number = (request.cseq(), request.method());
                let merged = MatchId::twin(&self.key, keys.from_tag, keys.call_id, number);
                self.inspect_initial(flow, (id, merged), request, target_refusal);
            }
            // Its answer may have outlived the dialog (RFC 3262 §3).
            _ if *request.method() == Method::Prack && !self.is_full() => {
                self.inspect_prack(flow, id, None, request);
            }
            _ => {
                let to_tag = String::from(request.tag_in_to());
                if !self.inspect_first_notify(flow, id, request.clone(), &to_tag) {
                    self.refuse(flow, &request, (StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST, None));
                }
            }
        }
    }

    /// A request outside dialogs (§8.2.1 to §8.2.3); what its Request-URI has it refused for is not the first that is asked.
    fn inspect_initial(
        &mut self,
        flow: &Flow,
        (id, merged): (MatchId, MatchId),
        request: Arc<Message>,
        target_refusal: Option<StatusCode>,
    ) {
        if self.is_full() {
            bump(&mut self.counters.queue_full);
            return;
        }
        let accepted = match self.initial_refusal(&request, merged, target_refusal) {
            Ok(accepted) => accepted,
            Err(refusal) => return self.refuse(flow, &request, refusal),
        };
        let refusal = self.timer_refusal(None, &request);
        if let Some(refusal) = refusal.or_else(|| self.subscribe_refusal(None, &request)) {
            return self.refuse(flow, &request, refusal);
        }
        let limits = &self.config.limits;
        if self.servers.len() >= limits.strangers() || self.dialogs.len() >= limits.dialogs {
            return self.overloaded(flow, &request);
        }
        self.begin_initial(flow, id, request, accepted);
    }

    /// Why a request outside dialogs is not served, if it is not.
    fn initial_refusal(
        &self,
        request: &Message,
        merged: MatchId,
        target_refusal: Option<StatusCode>,
    ) -> Result<Accepted, Refusal> {
        let Some(handling) = self.config.policy.initial(request.method()) else {
            return Err(self.method_refusal(request.method()));
        };
        if let Some(status) = target_refusal {
            return Err((status, None));
        }
        if self.twin_of(merged).is_some() {
            return Err((StatusCode::LOOP_DETECTED, None));
        }
        self.check_extensions(request)?;
        if let Some((status, name)) = self.config.settings.rel100.refusal(request) {
            return Err((status, Some((name, OPTION_TAG.into()))));
        }
        self.check_content(request)?;
        self.check_accepted(request)?;
        let is_secure = match request.method().creates_dialog() {
            true => self.dialog_possible(request)?,
            false => false,
        };
        Ok(Accepted { handling, merged, is_secure })
    }

    /// §8.2.1: methods that only live within dialogs are told that there is none; others 405, unknown ones 501. Both say what
    /// would do (§21.4.6, RFC 4475 §3.1.1.2).
    fn method_refusal(&self, method: &Method) -> Refusal {
        match method {
            Method::Bye | Method::Info | Method::Prack | Method::Update | Method::Notify => {
                (StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST, None)
            }
            method => {
                let known = method.is_known();
                let status = if known { StatusCode::METHOD_NOT_ALLOWED } else { StatusCode::NOT_IMPLEMENTED };
                (status, Some((Name::Allow, self.described.allow.clone())))
            }
        }
    }

    /// §8.2.2.1: a scheme that we serve, a user that we are. An escape is its character (§19.1.2, RFC 4475 §3.1.1.3).
    fn target_refusal(&self, target: Uri<'_>) -> Option<StatusCode> {
        let user = match target {
            Uri::Sip(uri) => uri.user.unwrap_or_default(),
            Uri::Tel(uri) => uri.number,
            Uri::Other { .. } => return Some(StatusCode::UNSUPPORTED_URI_SCHEME),
        };
        let users = self.config.policy.users.as_ref()?;
        let is_known = users.iter().any(|known| octets(known).eq(octets(user)));
        (!is_known).then_some(StatusCode::NOT_FOUND)
    }

    /// §8.2.2.3: everything that Require names is supported.
    fn check_extensions(&self, request: &Message) -> Result<(), Refusal> {
        match request.value(Name::Require) {
            Some(_) => self.check_required(request),
            None => Ok(()),
        }
    }

    #[inline(never)]
    fn check_required(&self, request: &Message) -> Result<(), Refusal> {
        let supported = |tag: &str| match is_option_tag(tag) {
            true => self.config.settings.rel100 != Rel100::Unsupported,
            false => self.config.supported.iter().any(|known| known.eq_ignore_ascii_case(tag)),
        };
        let mut unsupported = String::new();
        for tag in request.require().filter(|tag| !supported(tag)) {
            if !unsupported.is_empty() {
                unsupported.push_str(", ");
            }
            unsupported.push_str(tag);
        }
        match unsupported.is_empty() {
            true => Ok(()),
            false => Err((StatusCode::BAD_EXTENSION, Some((Name::Unsupported, unsupported)))),
        }
    }

    /// §8.2.3: a body that we understand, or that may be left out of account (§20.11).
    fn check_content(&self, request: &Message) -> Result<(), Refusal> {
        let is_optional = || {
            let disposition = request.content_disposition().ok().flatten();
            disposition.is_some_and(|disposition| disposition.handling() == message::Handling::Optional)
        };
        if request.body().is_empty() || self.not_understood(request).next().is_none() || is_optional() {
            return Ok(());
        }
        // What would do is said where it is refused.
        Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, None))
    }

    /// §20.1, §21.4.7, RFC 4475 §3.3.15: the answer to an INVITE has a session description in it, which the caller must accept.
    fn check_accepted(&self, request: &Message) -> Result<(), Refusal> {
        match request.value(Name::Accept) {
            // What nearly all say.
            None | Some("application/sdp") => Ok(()),
            Some(_) if matches!(request.method(), Method::Invite) => self.check_sdp_accepted(request),
            Some(_) => Ok(()),
        }
    }

    #[inline(never)]
    fn check_sdp_accepted(&self, request: &Message) -> Result<(), Refusal> {
        if request.elements(Name::Accept).any(covers_sdp) {
            return Ok(());
        }
        Err((StatusCode::NOT_ACCEPTABLE, Some(self.warning("Session descriptions are not in Accept"))))
    }

    /// Whether we are to be reached by a SIPS URI in the dialog that can be made of a request.
    ///
    /// # Errors
    /// Where none can: for want of a target, or of Record-Routes that can be read (§12.1.1); or where the first hop, which is the target if no route is recorded,
    /// is nothing that our requests could be sent to (§8.1.1.8).
    fn dialog_possible(&self, request: &Message) -> Result<bool, Refusal> {
        let bad = || (StatusCode::BAD_REQUEST, None);
        let target = remote_target(request).ok().ok_or_else(bad)?;
        let routes = request.recorded_routes().ok().ok_or_else(bad)?;
        let first = routes.first().map(|route| match route.strip_prefix('<') {
            Some(uri) => uri,
            None => Address::parse(route).map_or("", |route| route.uri),
        });
        let is_reached = match first {
            Some(route) => is_sendable(route.split('>').next().unwrap_or_default()),
            None => request.noted_target().is_some() || is_sendable(target),
        };
        if !is_reached {
            let what = if first.is_some() { "Record-Route" } else { "Contact" };
            let warning = self.warning(&alloc::format!("Nothing can be sent to the {what}"));
            return Err((StatusCode::BAD_REQUEST, Some(warning)));
        }
        Ok(asks_by(request, first))
    }

    /// A Warning for a person to read (§20.43).
    fn warning(&self, text: &str) -> (Name, String) {
        let (host, _) = self.config.host_and_user();
        (Name::Warning, alloc::format!("399 {host} \"{text}\""))
    }

    /// What keeps a request within a dialog from being served, its number aside.
    pub(super) fn in_dialog_refusal(
        &mut self,
        dialog: Option<DialogId>,
        request: &Message,
        is_known: bool,
    ) -> Result<Handling, Refusal> {
        if let Some(refusal) = dialog.and_then(|dialog| self.usage_refusal(dialog, request, is_known)) {
            return Err(refusal);
        }
        let policy = &self.config.policy;
        let handling = match request.method() {
            Method::Bye => Handling::Auto,
            Method::Prack => policy.prack(),
            // RFC 6665 §4.1.3, §4.2.1.1: nobody waits for a user.
            Method::Notify if is_known => Handling::Auto,
            Method::Subscribe if is_known => policy.resubscribe(),
            method => match (policy.in_dialog(method), method) {
                (Some(handling), _) => handling,
                (None, Method::Notify) => {
                    let status = StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST;
                    let refusal = dialog.and_then(|dialog| self.notify_refusal(dialog, request));
                    return Err(refusal.unwrap_or((status, None)));
                }
                (None, method) => return Err(self.method_refusal(method)),
            },
        };
        if !matches!(handling, Handling::Reject(_))
            && let Some(refusal) = self.subscribe_refusal(dialog, request)
        {
            return Err(refusal);
        }
        self.check_extensions(request)?;
        self.check_content(request)?;
        self.check_accepted(request)?;
        Ok(handling)
    }

    /// A table is full (§21.5.4).
    pub(super) fn overloaded(&mut self, flow: &Flow, request: &Message) {
        bump(&mut self.counters.overloaded);
        let refusal = (StatusCode::SERVICE_UNAVAILABLE, Some((Name::RetryAfter, "10".into())));
        self.refuse(flow, request, refusal);
    }

    /// An ACK is that of a 2xx that a dialog waits for the ACK of, or that of another final answer, whose transaction it then belongs to
    /// (§17.1.1.3).
    fn ack(&mut self, ack: Arc<Message>) {
        match self.dialog_awaiting(&ack).or_else(|| self.transaction_awaiting(&ack)) {
            Some(server) => self.acknowledged(server, ack),
            None if self.is_repeated_ack(&ack) => {}
            None => bump(&mut self.counters.stray_acks),
        }
    }

    fn transaction_awaiting(&self, ack: &Message) -> Option<ServerId> {
        let id = MatchId::server(&self.key, ack, &Method::Invite).ok()?;
        self.server_of(id).filter(|server| self.is_ack_of(*server, ack))
    }

    /// An RFC 2543 peer's ACK is told from others by the To tag that we gave (§17.2.3).
    fn is_ack_of(&self, server: ServerId, ack: &Message) -> bool {
        let is_new = ack.top_hop().is_ok_and(|hop| hop.rfc3261_branch().is_some());
        let tag = ack.tag_in_to();
        let Some(slot) = self.servers.get(server) else { return false };
        is_new || slot.is_in_dialog || tag.eq_ignore_ascii_case(slot.context.tag().as_str())
    }

    /// The INVITE whose 2xx this ACK acknowledges: that of the dialog, with the ACK's number (§13.3.1.4).
    fn dialog_awaiting(&self, ack: &Message) -> Option<ServerId> {
        let dialog = self.dialog_of(ack.dialog_keys())?;
        let servers = &self.dialogs.get(dialog)?.servers;
        servers.iter().copied().find(|server| {
            self.servers.get(*server).is_some_and(|slot| slot.cseq == ack.cseq() && slot.context.awaits_ack())
        })
    }

    /// The dialog that a request of the peer's is in: the To tag is ours, the From tag the peer's (§12.2.2).
    fn dialog_of(&self, DialogKeys { call_id, from_tag, to_tag }: DialogKeys<'_>) -> Option<DialogId> {
        if to_tag.is_empty() { None } else { self.dialog_with(call_id, to_tag, from_tag) }
    }

    /// Whether this is the ACK of a dialog's last 2xx, come again.
    fn is_repeated_ack(&self, ack: &Message) -> bool {
        let dialog = self.dialog_of(ack.dialog_keys()).and_then(|id| self.dialogs.get(id));
        dialog.is_some_and(|slot| slot.dialog.is_acknowledged_by(ack))
    }
}

/// Whether a media range of Accept covers session descriptions (§20.1). `q=0` says that it does not.
fn covers_sdp(range: &str) -> bool {
    let Ok(range) = MediaType::parse(range) else { return false };
    let is_refused = range.params.value("q").is_some_and(|q| q.bytes().all(|b| matches!(b, b'0' | b'.')));
    let covers = |part: &str, name: &str| part == "*" || part.eq_ignore_ascii_case(name);
    covers(range.main, "application") && covers(range.sub, "sdp") && !is_refused
}
