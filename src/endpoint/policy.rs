//! What is left to taste: tables that the application can change.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::message::{Method, StatusCode, is_token};

/// The coding that changes nothing (§20.2).
const IDENTITY: &str = "identity";

/// Who answers a request of some method.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum Handling {
    /// The endpoint, as documented.
    Auto,
    /// The application: it gets the id of a context that waits.
    Ask,
    /// The endpoint, with this refusal.
    Reject(StatusCode),
}

/// Which requests are served and by whom, and what else user agents differ in.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Requests outside dialogs, by method. One that is not in the table is answered 405, or 501 if its method is unknown. `Auto` is
    /// 200 with Allow, Supported and what is accepted for OPTIONS, 200 for others; after a REFER one NOTIFY with 603 follows (RFC 3515 §2.4.5). The application
    /// hears of none but those that it is asked about, and of no events of theirs but the end of a subscription that one makes,
    /// and of its dialog.
    pub initial: Vec<(Method, Handling)>,
    /// Requests within dialogs, by method. `Auto` is 200, with the same NOTIFY after a REFER; for INVITE and UPDATE with a valid answer made of the current description, or 488 where there is none
    /// (RFC 3264 §6). INVITE's entry is for those that change more than [`Policy::session`] is about. BYE, ACK and CANCEL are not the table's business.
    ///
    /// A SUBSCRIBE that refreshes or ends a subscription is answered by the endpoint, and the NOTIFY that follows has no body, unless SUBSCRIBE has an entry
    /// here that is `Ask`: then the application accepts it at once, with the state as its body, which that NOTIFY has (RFC 6665 §4.2.1.2).
    ///
    /// A NOTIFY of a subscription of ours is told and answered 200, whatever its entry here says: that is for NOTIFYs which belong to none.
    pub in_dialog: Vec<(Method, Handling)>,
    /// Re-INVITE and UPDATE that refresh the session, hold or unhold (RFC 3264 §8.4). `Auto` by default. An UPDATE that the table rejects is rejected all
    /// the same: Allow does not name it.
    pub session: Handling,
    /// Requests within dialogs of methods that are not in the table. `Ask` by default; NOTIFY that matches no subscription is answered 481 (RFC 6665 §4.1.3).
    pub other: Handling,
    /// Whether a session is changed by UPDATE where the peer takes it, in place of re-INVITE (RFC 3311 §5.1). False by default. Where the UPDATE is
    /// answered 405 or 501 all the same, the change goes on as re-INVITE.
    pub modify_by_update: bool,
    /// How many requests may follow an INVITE of ours to where it is redirected, unless the INVITE says otherwise (RFC 3261 §8.1.3.4). 0 by default: the 3xx
    /// is the result.
    pub redirects: u8,
    /// Whether redirections leave the Request-URI as it is, unless the INVITE says otherwise:
    /// [`Invite::keep_uri_on_redirect`](crate::context::Invite::keep_uri_on_redirect). False by default.
    pub redirects_keep_uri: bool,
    /// How often a change of ours that was answered 491 is tried again, after the time that RFC 3261 §14.1 says. 3 by default.
    pub glare_retries: u8,
    /// Content types that a body may have, as in Accept; empty for any. Others are answered 415 (RFC 3261 §8.2.3).
    pub accept: Vec<Cow<'static, str>>,
    /// Content codings that the application undoes, besides `identity`, which needs nobody. A body in another one is answered 415 (RFC 3261 §8.2.3).
    pub encodings: Vec<Cow<'static, str>>,
    /// Languages that a body may be in, as in Accept-Language, each with its subtags (RFC 3261 §20.3); empty for any. A body in others is answered
    /// 415 (RFC 3261 §8.2.3).
    pub languages: Vec<Cow<'static, str>>,
    /// Users for whom requests outside dialogs may come, as in a URI; `None` for any. Others are answered 404 (§8.2.2.1).
    pub users: Option<Vec<Cow<'static, str>>>,
    /// Whether the dialogs of further forks that answer 2xx are kept; else they are ended with BYE (§13.2.2.4). False by default.
    pub keep_forks: bool,
    /// Whether an answer goes to the `maddr` of a Via (§18.2.2). True by default; a server that faces strangers may
    /// prefer false, since it sends where a stranger points.
    pub honour_maddr: bool,
    /// Bytes of the longest request that goes by UDP: the path's MTU less 200 where that is known, else 1300 (RFC 3261 §18.1.1). 1300 by default;
    /// `usize::MAX` for any. A longer one goes by TCP to the same address where a TCP socket is bound, and by UDP after all where that is refused.
    pub datagram: usize,
    /// Whether an answer to a request of ours, or a CANCEL of the peer's, counts only if it comes from the host that the request went to
    /// or came from, whatever its port. Others are strays then. False by default: RFC 3261 §9.2 and §17.1.3 go by the branch alone, and a peer with several addresses may
    /// answer from another one than it was asked at. Answers to what went to a multicast address may come from anywhere.
    pub check_source: bool,
}

impl Default for Policy {
    fn default() -> Self {
        use Handling::{Ask, Auto};
        Self {
            initial: [(Method::Invite, Ask), (Method::Options, Auto), (Method::Message, Ask)].into(),
            in_dialog: [
                (Method::Invite, Ask),
                (Method::Options, Auto),
                (Method::Info, Auto),
                (Method::Message, Auto),
                (Method::Update, Auto),
                (Method::Refer, Ask),
            ]
            .into(),
            session: Auto,
            other: Ask,
            modify_by_update: false,
            redirects: 0,
            redirects_keep_uri: false,
            glare_retries: 3,
            accept: Vec::new(),
            encodings: Vec::new(),
            languages: Vec::new(),
            users: None,
            keep_forks: false,
            honour_maddr: true,
            datagram: 1_300,
            check_source: false,
        }
    }
}

impl Policy {
    /// Sets who answers requests of `method` outside dialogs.
    pub fn set_initial(&mut self, method: Method, handling: Handling) {
        set(&mut self.initial, method, handling);
    }

    /// Sets who answers requests of `method` within dialogs.
    pub fn set_in_dialog(&mut self, method: Method, handling: Handling) {
        set(&mut self.in_dialog, method, handling);
    }

    pub(super) fn initial(&self, method: &Method) -> Option<Handling> {
        find(&self.initial, method)
    }

    /// Has everything that comes in dialogs answered by the endpoint, as the model does where nobody listens: a changed session with a valid answer from the current
    /// description, SUBSCRIBE with 489, unknown methods with 501, others with 200.
    pub fn set_automatic(&mut self) {
        let known = [
            Method::Invite,
            Method::Options,
            Method::Info,
            Method::Message,
            Method::Update,
            Method::Refer,
            Method::Publish,
            Method::Notify,
        ];
        self.in_dialog = known.map(|method| (method, Handling::Auto)).into();
        self.set_in_dialog(Method::Subscribe, Handling::Reject(StatusCode::BAD_EVENT));
        self.session = Handling::Auto;
        self.other = Handling::Reject(StatusCode::NOT_IMPLEMENTED);
    }

    /// Who answers a request within a dialog; `None` for a NOTIFY that nobody asked for.
    pub(super) fn in_dialog(&self, method: &Method) -> Option<Handling> {
        let other = (*method != Method::Notify).then_some(self.other);
        find(&self.in_dialog, method).or(other)
    }

    /// Who answers a PRACK with an offer that changes the session. All others are the endpoint's to answer.
    pub(super) fn prack(&self) -> Handling {
        find(&self.in_dialog, &Method::Prack).unwrap_or(Handling::Auto)
    }

    /// Who answers a SUBSCRIBE for a subscription that is there.
    pub(super) fn resubscribe(&self) -> Handling {
        match find(&self.in_dialog, &Method::Subscribe) {
            Some(Handling::Ask) => Handling::Ask,
            Some(Handling::Auto | Handling::Reject(_)) | None => Handling::Auto,
        }
    }

    /// The value of Allow (RFC 3261 §20.5): everything that is served, in or out of dialogs.
    pub(super) fn allow(&self) -> String {
        let mut allow = String::from("ACK, BYE, CANCEL");
        let is_served = |handling: Handling| !matches!(handling, Handling::Reject(_));
        // A method that is refused outside dialogs may be served within them.
        let is_listed = |method: &Method| find(&self.initial, method).is_some_and(is_served);
        let later = self.in_dialog.iter().filter(|(method, _)| !is_listed(method));
        let served = self.initial.iter().chain(later).filter(|(_, handling)| is_served(*handling));
        // What is no token names no method, and would name others.
        for (method, _) in served.filter(|(method, _)| is_token(method.as_str())) {
            allow.push_str(", ");
            allow.push_str(method.as_str());
        }
        allow
    }

    /// The value of Accept (§20.1).
    pub(super) fn accept(&self) -> String {
        if self.accept.is_empty() { "*/*".into() } else { self.accept.join(", ") }
    }

    /// The value of Accept-Encoding (§20.2).
    pub(super) fn accept_encoding(&self) -> String {
        let encodings = tokens(&self.encodings);
        if encodings.is_empty() { IDENTITY.into() } else { alloc::format!("{IDENTITY}, {encodings}") }
    }

    /// The value of Accept-Language (§20.3).
    pub(super) fn accept_language(&self) -> String {
        let languages = tokens(&self.languages);
        if languages.is_empty() { "*".into() } else { languages }
    }

    /// Whether a body in this coding is understood.
    pub(super) fn undoes(&self, coding: &str) -> bool {
        coding.eq_ignore_ascii_case(IDENTITY)
            || self.encodings.iter().any(|known| known.eq_ignore_ascii_case(coding))
    }

    /// Whether a body in this language is among those understood.
    pub(super) fn speaks(&self, language: &str) -> bool {
        let covers = |known: &str| {
            let (start, rest) = (language.get(..known.len()), language.get(known.len()..));
            start.is_some_and(|start| start.eq_ignore_ascii_case(known))
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        self.languages.iter().any(|known| covers(known))
    }
}

/// The tokens among these texts, as a list. What is none names nothing, and would name others.
fn tokens(texts: &[Cow<'static, str>]) -> String {
    texts.iter().map(AsRef::as_ref).filter(|text| is_token(text)).collect::<Vec<&str>>().join(", ")
}

fn set(table: &mut Vec<(Method, Handling)>, method: Method, handling: Handling) {
    match table.iter_mut().find(|(known, _)| *known == method) {
        Some(entry) => entry.1 = handling,
        None => table.push((method, handling)),
    }
}

fn find(table: &[(Method, Handling)], method: &Method) -> Option<Handling> {
    table.iter().find(|(known, _)| known == method).map(|(_, handling)| *handling)
}
