//! What a message looks like.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

use super::Checked;
use crate::message::{Finding, Message, Method, Name, StatusCode};

/// Calls in which a peer has said what no grammar allows: its words come back.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    tainted: BTreeSet<String>,
}

/// What every message has, once (RFC 3261 §8.1.1, §20.14).
const ONCE: [Name; 4] = [Name::From, Name::To, Name::CallId, Name::CSeq];

/// What an application says in its own words.
const SAID: [Name; 14] = [
    Name::RecordRoute,
    Name::Event,
    Name::Expires,
    Name::ReferTo,
    Name::Reason,
    Name::ContentType,
    // What a status code of its choice owes.
    Name::Unsupported,
    Name::WwwAuthenticate,
    Name::ProxyAuthenticate,
    Name::Allow,
    Name::MinSe,
    Name::MinExpires,
    Name::AllowEvents,
    Name::Require,
];

impl Form {
    pub(super) fn heard(&mut self, message: &Message) {
        if message.validate().is_err() {
            self.tainted.insert(message.call_id().into());
        }
    }

    pub(super) fn check(&self, message: &Message) -> Checked {
        // What cannot be read is answered with what can be made of it.
        let tells = [StatusCode::BAD_REQUEST, StatusCode::VERSION_NOT_SUPPORTED];
        let is_told = message.status().is_some_and(|status| tells.contains(&status));
        if is_told || self.tainted.contains(message.call_id()) {
            return Ok(());
        }
        for name in ONCE {
            let count = message.values(name).count();
            if count != 1 {
                return Err(format!("{count} of {} (RFC 3261 §8.1.1)", name.as_str()));
            }
        }
        if message.values(Name::ContentLength).count() != 1 {
            return Err("no Content-Length (RFC 3261 §18.3)".into());
        }
        if message.is_request() {
            if message.values(Name::MaxForwards).count() != 1 {
                return Err("no Max-Forwards (RFC 3261 §8.1.1.6)".into());
            }
            let makes_target = matches!(
                message.method(),
                Method::Invite | Method::Update | Method::Subscribe | Method::Refer | Method::Notify
            );
            if makes_target && message.contacts().count() != 1 {
                return Err("a request that sets a target needs one Contact (RFC 3261 §8.1.1.8)".into());
            }
        }
        let is_trying = message.status() == Some(StatusCode::TRYING);
        if !message.is_request() && !is_trying && message.to().is_ok_and(|to| to.tag().is_none()) {
            return Err("an answer without a To tag (RFC 3261 §8.2.6.2)".into());
        }
        let is_ours = |finding: &Finding| finding.fault.header.is_none_or(|header| !SAID.contains(&header));
        match message.findings().find(is_ours) {
            None => Ok(()),
            Some(finding) => Err(format!("{finding}")),
        }
    }
}
