//! Every typed view of a message, read; and what is written of a value, read again.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use crate::message::{
    Address, AuthenticationInfo, Challenge, Credentials, Date, Disposition, Diversion, EventPackage,
    FeatureSet, GeolocationError, HistoryInfo, InfoPackage, Join, Link, MediaType, Message, MimeVersion,
    MinSe, ParseError, Preference, RAck, Reason, ReferSub, Replaces, RetryAfter, SecurityMechanism,
    SessionExpires, SubscriptionState, TimestampValue, UserToUser, Via, Warning,
};

/// Reads all views.
///
/// # Panics
/// When a value is not parsed as what is written of it, or a fault lies outside of the message.
pub(super) fn read_views(message: &Message) {
    read_times(message);
    read_content(message);
    read_references(message);
    read_credentials(message);
    read_people(message);
    read_addresses(message);
    let lists = message.proxy_require().chain(message.request_disposition()).chain(message.allow_events());
    let lists = lists.chain(message.content_encoding()).chain(message.content_language());
    _ = lists.chain(message.privacy()).chain(message.identities()).map(str::len).sum::<usize>();
    _ = (message.user_agent(), message.server(), message.subject(), message.organization());
}

/// Each fault is placed, each value is what its own text is parsed as: `again` parses and writes.
fn check<T: Display>(
    message: &Message,
    views: impl IntoIterator<Item = Result<T, ParseError>>,
    again: impl Fn(&str) -> Result<String, ParseError>,
) {
    for view in views {
        match view {
            Ok(value) => {
                let text = value.to_string();
                assert_eq!(again(&text).as_ref(), Ok(&text));
            }
            Err(fault) => {
                assert!(fault.header.is_some(), "{fault} has no header");
                assert!(fault.at <= message.as_bytes().len(), "{fault} lies outside of {message:?}");
            }
        }
    }
}

fn written<T: Display>(parsed: Result<T, ParseError>) -> Result<String, ParseError> {
    parsed.map(|value| value.to_string())
}

fn read_times(message: &Message) {
    check(message, message.date().transpose(), |text| written(Date::parse(text)));
    check(message, message.retry_after().transpose(), |text| written(RetryAfter::parse(text)));
    check(message, message.timestamp().transpose(), |text| written(TimestampValue::parse(text)));
    check(message, message.session_expires().transpose(), |text| written(SessionExpires::parse(text)));
    check(message, message.min_se().transpose(), |text| written(MinSe::parse(text)));
    _ = (message.expires(), message.min_expires());
}

fn read_content(message: &Message) {
    check(message, message.content_type().transpose(), |text| written(MediaType::parse(text)));
    check(message, message.accept(), |text| written(MediaType::parse_range(text)));
    check(message, message.accept_encoding(), |text| written(Preference::parse_encoding(text)));
    check(message, message.accept_language(), |text| written(Preference::parse_language(text)));
    check(message, message.content_disposition().transpose(), |text| written(Disposition::parse(text)));
    check(message, message.mime_version().transpose(), |text| written(MimeVersion::parse(text)));
}

fn read_references(message: &Message) {
    check(message, message.event().transpose(), |text| written(EventPackage::parse(text)));
    check(message, message.subscription_state().transpose(), |text| written(SubscriptionState::parse(text)));
    check(message, message.refer_sub().transpose(), |text| written(ReferSub::parse(text)));
    check(message, message.replaces().transpose(), |text| written(Replaces::parse(text)));
    check(message, message.join().transpose(), |text| written(Join::parse(text)));
    check(message, message.rack().transpose(), |text| written(RAck::parse(text)));
    check(message, message.info_package().transpose().into_iter().chain(message.recv_info()), |text| {
        written(InfoPackage::parse(text))
    });
    _ = (message.rseq(), message.sip_etag(), message.sip_if_match(), message.in_reply_to().count());
}

fn read_credentials(message: &Message) {
    let challenges = || message.www_authenticate().chain(message.proxy_authenticate());
    check(message, challenges(), |text| written(Challenge::parse(text)));
    for challenge in challenges().flatten() {
        _ = (challenge.realm(), challenge.nonce(), challenge.qop().count(), challenge.domain().count());
        _ = (challenge.stale(), challenge.algorithm(), challenge.opaque(), challenge.userhash());
    }
    let credentials = || message.authorization().chain(message.proxy_authorization());
    check(message, credentials(), |text| written(Credentials::parse(text)));
    for credentials in credentials().flatten() {
        _ = (credentials.username(), credentials.response(), credentials.nc(), credentials.qop());
        _ = (credentials.uri(), credentials.params.iter().count());
    }
    check(message, message.authentication_info().transpose(), |text| {
        written(AuthenticationInfo::parse(text))
    });
    let mechanisms = message.security_client().chain(message.security_server());
    check(message, mechanisms.chain(message.security_verify()), |text| {
        written(SecurityMechanism::parse(text))
    });
}

fn read_people(message: &Message) {
    check(message, message.reasons(), |text| written(Reason::parse(text)));
    check(message, message.warnings(), |text| written(Warning::parse(text)));
    for warning in message.warnings().flatten() {
        _ = warning.text();
    }
    let links = message.alert_info().chain(message.call_info()).chain(message.error_info());
    check(message, links.chain(message.geolocation()), |text| written(Link::parse(text)));
    check(message, message.geolocation_error().transpose(), |text| written(GeolocationError::parse(text)));
    check(message, message.user_to_user(), |text| written(UserToUser::parse(text)));
    for data in message.user_to_user().flatten() {
        _ = data.data();
    }
    let sets = || message.accept_contact().chain(message.reject_contact());
    check(message, sets(), |text| written(FeatureSet::parse(text)));
    _ = sets().flatten().map(|set| set.features().count()).sum::<usize>();
    _ = (message.priority(), message.geolocation_routing());
}

fn read_addresses(message: &Message) {
    check(message, message.via(), |text| written(Via::parse(text)));
    check(message, message.diversions(), |text| written(Diversion::parse(text)));
    for diversion in message.diversions().flatten() {
        _ = (diversion.counter(), diversion.limit(), diversion.reason());
    }
    check(message, message.history_info(), |text| written(HistoryInfo::parse(text)));
    for entry in message.history_info().flatten() {
        _ = entry.index();
    }
    let single = [message.refer_to(), message.referred_by(), message.reply_to(), message.contact()];
    let lists = message.preferred_identities().chain(message.paths()).chain(message.service_routes());
    let all: Vec<_> = single.into_iter().filter_map(Result::transpose).chain(lists).collect();
    // A URI is delimited only: one with brackets of its own is not written as it was.
    let is_plain = |address: &Address<'_>| !address.uri.contains(['<', '>']);
    let plain = all.iter().copied().filter(|view| view.as_ref().map_or(true, is_plain));
    check(message, plain, |text| written(Address::parse(text)));
    for address in all.into_iter().flatten() {
        _ = (address.q(), address.expires(), address.instance(), address.reg_id());
        _ = (address.pub_gruu(), address.temp_gruu(), address.cid());
    }
}
