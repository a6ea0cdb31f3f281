//! Which grammar each header has: a table, so that policy is data.

use super::address::{address_with_params, routes};
use super::auth::{authentication_info, challenge, credentials};
use super::cursor::{Rule, any_text, date, delta_seconds, token, trimmed_text};
use super::extensions::{
    accept_contact, allow_events, disposition, diversion, event, geolocation_error, history_info, identities,
    join, min_se, package, privacy, rack, reason, recv_info, refer_sub, referred_by, reject_contact,
    replaces, security, sequence, session_expires, subscription_state, user_to_user,
};
use super::values::{
    accept, accept_encoding, accept_language, call_id, call_info, contact, content_disposition,
    content_language, content_length, content_type, cseq, in_reply_to, infos, max_forwards, mime_version,
    optional_tokens, products, retry_after, tagged, timestamp, tokens, via, warning,
};
use crate::message::Name;

/// What is known of a header: the grammar of its value, whether a message has one at most, where that stands.
pub(super) struct Grammar {
    pub(super) name: Name,
    pub(super) rule: Rule,
    pub(super) is_single: bool,
    pub(super) section: &'static str,
}

const fn one(name: Name, rule: Rule, section: &'static str) -> Grammar {
    Grammar { name, rule, is_single: true, section }
}

const fn many(name: Name, rule: Rule, section: &'static str) -> Grammar {
    Grammar { name, rule, is_single: false, section }
}

/// The grammar of `name`; for an unknown one, any text.
pub(super) fn grammar(name: Name) -> &'static Grammar {
    const OTHER: &Grammar = &many(Name::Unknown, any_text, "RFC 3261 §25.1");
    TABLE.iter().find(|grammar| grammar.name == name).unwrap_or(OTHER)
}

const TABLE: &[Grammar] = &[
    many(Name::Via, via, "RFC 3261 §20.42"),
    one(Name::From, tagged, "RFC 3261 §20.20"),
    one(Name::To, tagged, "RFC 3261 §20.39"),
    one(Name::CallId, call_id, "RFC 3261 §20.8"),
    one(Name::CSeq, cseq, "RFC 3261 §20.16"),
    many(Name::Contact, contact, "RFC 3261 §20.10"),
    one(Name::MaxForwards, max_forwards, "RFC 3261 §20.22"),
    one(Name::ContentLength, content_length, "RFC 3261 §20.14"),
    one(Name::ContentType, content_type, "RFC 3261 §20.15"),
    many(Name::Route, routes, "RFC 3261 §20.34"),
    many(Name::RecordRoute, routes, "RFC 3261 §20.30"),
    many(Name::Allow, optional_tokens, "RFC 3261 §20.5"),
    many(Name::Supported, optional_tokens, "RFC 3261 §20.37"),
    many(Name::Require, tokens, "RFC 3261 §20.32"),
    one(Name::UserAgent, products, "RFC 3261 §20.41"),
    one(Name::Expires, delta_seconds, "RFC 3261 §20.19"),
    many(Name::Accept, accept, "RFC 3261 §20.1"),
    many(Name::AcceptContact, accept_contact, "RFC 3841 §9.2"),
    many(Name::AcceptEncoding, accept_encoding, "RFC 3261 §20.2"),
    many(Name::AcceptLanguage, accept_language, "RFC 3261 §20.3"),
    many(Name::AlertInfo, infos, "RFC 3261 §20.4"),
    many(Name::AllowEvents, allow_events, "RFC 6665 §8.2.2"),
    many(Name::AuthenticationInfo, authentication_info, "RFC 3261 §20.6"),
    many(Name::Authorization, credentials, "RFC 3261 §20.7"),
    many(Name::CallInfo, call_info, "RFC 3261 §20.9"),
    one(Name::ContentDisposition, content_disposition, "RFC 3261 §20.11"),
    many(Name::ContentEncoding, tokens, "RFC 3261 §20.12"),
    many(Name::ContentLanguage, content_language, "RFC 3261 §20.13"),
    one(Name::Date, date, "RFC 3261 §20.17"),
    many(Name::Diversion, diversion, "RFC 5806 §5.1"),
    many(Name::ErrorInfo, infos, "RFC 3261 §20.18"),
    one(Name::Event, event, "RFC 6665 §8.2.1"),
    many(Name::Geolocation, infos, "RFC 6442 §4.1"),
    one(Name::GeolocationError, geolocation_error, "RFC 6442 §4.3"),
    one(Name::GeolocationRouting, token, "RFC 6442 §4.2"),
    many(Name::HistoryInfo, history_info, "RFC 7044 §5"),
    one(Name::InfoPackage, package, "RFC 6086 §9"),
    many(Name::InReplyTo, in_reply_to, "RFC 3261 §20.21"),
    one(Name::Join, join, "RFC 3911 §7.1"),
    one(Name::MimeVersion, mime_version, "RFC 3261 §20.24"),
    one(Name::MinExpires, delta_seconds, "RFC 3261 §20.23"),
    one(Name::MinSe, min_se, "RFC 4028 §5"),
    one(Name::Organization, trimmed_text, "RFC 3261 §20.25"),
    many(Name::PAssertedIdentity, identities, "RFC 3325 §9.1"),
    many(Name::PPreferredIdentity, identities, "RFC 3325 §9.2"),
    many(Name::Path, routes, "RFC 3327 §4"),
    one(Name::Priority, token, "RFC 3261 §20.26"),
    one(Name::Privacy, privacy, "RFC 3323 §4.2"),
    many(Name::ProxyAuthenticate, challenge, "RFC 3261 §20.27"),
    many(Name::ProxyAuthorization, credentials, "RFC 3261 §20.28"),
    many(Name::ProxyRequire, tokens, "RFC 3261 §20.29"),
    one(Name::RAck, rack, "RFC 3262 §7.2"),
    many(Name::Reason, reason, "RFC 3326 §2"),
    many(Name::RecvInfo, recv_info, "RFC 6086 §9"),
    one(Name::ReferSub, refer_sub, "RFC 4488 §4"),
    one(Name::ReferTo, address_with_params, "RFC 3515 §2.1"),
    one(Name::ReferredBy, referred_by, "RFC 3892 §3"),
    many(Name::RejectContact, reject_contact, "RFC 3841 §9.2"),
    one(Name::Replaces, replaces, "RFC 3891 §6.1"),
    one(Name::ReplyTo, address_with_params, "RFC 3261 §20.31"),
    many(Name::RequestDisposition, disposition, "RFC 3841 §9.1"),
    one(Name::RetryAfter, retry_after, "RFC 3261 §20.33"),
    one(Name::RSeq, sequence, "RFC 3262 §7.1"),
    many(Name::SecurityClient, security, "RFC 3329 §2.2"),
    many(Name::SecurityServer, security, "RFC 3329 §2.2"),
    many(Name::SecurityVerify, security, "RFC 3329 §2.2"),
    one(Name::Server, products, "RFC 3261 §20.35"),
    many(Name::ServiceRoute, routes, "RFC 3608 §5"),
    one(Name::SessionExpires, session_expires, "RFC 4028 §4"),
    one(Name::SipETag, token, "RFC 3903 §11.3.1"),
    one(Name::SipIfMatch, token, "RFC 3903 §11.3.2"),
    one(Name::Subject, trimmed_text, "RFC 3261 §20.36"),
    one(Name::SubscriptionState, subscription_state, "RFC 6665 §8.2.3"),
    one(Name::Timestamp, timestamp, "RFC 3261 §20.38"),
    many(Name::Unsupported, tokens, "RFC 3261 §20.40"),
    many(Name::UserToUser, user_to_user, "RFC 7433 §4.1"),
    many(Name::Warning, warning, "RFC 3261 §20.43"),
    many(Name::WwwAuthenticate, challenge, "RFC 3261 §20.44"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_has_a_grammar_has_one_row() {
        for name in Name::all() {
            let rows = TABLE.iter().filter(|row| row.name == name).count();
            // The grammar of RFC 8224 is left to who uses it: any text.
            assert_eq!(rows, usize::from(name != Name::Identity), "{name:?}");
        }
    }
}
