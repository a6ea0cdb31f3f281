//! What is left to taste: tables that the application can change.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::message::Method;

/// Who answers a request of some method.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum Handling {
    /// The endpoint, as documented.
    Auto,
    /// The application: it gets the id of a context that waits.
    Ask,
}

/// Which requests are served and by whom, and what else user agents differ in.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Requests outside dialogs, by method. One that is not in the table is answered 405, or 501 if its method is unknown. `Auto` is
    /// 200 with Allow, Accept and Supported for OPTIONS, 200 for others.
    pub initial: Vec<(Method, Handling)>,
    /// Requests within dialogs, by method. `Auto` is 200. BYE, ACK and CANCEL are not the table's business.
    pub in_dialog: Vec<(Method, Handling)>,
    /// Content types that a body may have, as in Accept; empty for any. Others are answered 415 (RFC 3261 §8.2.3).
    pub accept: Vec<Cow<'static, str>>,
    /// Users for whom requests outside dialogs may come, as in a URI; `None` for any. Others are answered 404 (§8.2.2.1).
    pub users: Option<Vec<Cow<'static, str>>>,
    /// Whether the dialogs of further forks that answer 2xx are kept; else they are ended with BYE (§13.2.2.4). False by default.
    pub keep_forks: bool,
    /// Whether an answer goes to the `maddr` of a Via (§18.2.2). True by default; a server that faces strangers may
    /// prefer false, since it sends where a stranger points.
    pub honour_maddr: bool,
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
                (Method::Update, Ask),
                (Method::Refer, Ask),
            ]
            .into(),
            accept: Vec::new(),
            users: None,
            keep_forks: false,
            honour_maddr: true,
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

    pub(super) fn in_dialog(&self, method: &Method) -> Option<Handling> {
        find(&self.in_dialog, method)
    }

    /// The value of Allow (RFC 3261 §20.5): everything that is served, in or out of dialogs.
    pub(super) fn allow(&self) -> String {
        let mut allow = String::from("ACK, BYE, CANCEL");
        let later = self.in_dialog.iter().filter(|(method, _)| find(&self.initial, method).is_none());
        for (method, _) in self.initial.iter().chain(later) {
            allow.push_str(", ");
            allow.push_str(method.as_str());
        }
        allow
    }

    /// The value of Accept (§20.1).
    pub(super) fn accept(&self) -> String {
        if self.accept.is_empty() { "*/*".into() } else { self.accept.join(", ") }
    }
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
