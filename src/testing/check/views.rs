//! Every typed view of a message; and what is written of a value, read again.

use alloc::string::{String, ToString};
use core::cell::OnceCell;
use core::fmt::{Debug, Display};

use crate::message::{
    Address, AuthenticationInfo, CSeq, Challenge, Contact, Credentials, Date, Disposition, Diversion,
    EventPackage, FeatureSet, GeolocationError, HistoryInfo, InfoPackage, Join, Link, MediaType, Message,
    MimeVersion, MinSe, Name, ParseError, Preference, RAck, Reason, ReferSub, Replaces, RetryAfter,
    SecurityMechanism, SessionExpires, SubscriptionState, TimestampValue, UserToUser, Via, Warning,
};

type Seen = Result<(), ParseError>;

/// Reads every typed view of a message, and asks each value all that it answers.
///
/// # Panics
/// When a value is not parsed as what is written of it, or a fault lies outside of the message.
pub fn read_views(message: &Message) {
    for name in Name::all() {
        if let Err(fault) = views_of(message, name) {
            assert!(fault.header.is_some(), "{fault} has no header");
            assert!(fault.at <= message.as_bytes().len(), "{fault} lies outside of {message:?}");
        }
    }
    ask(message);
    let lists = message.proxy_require().chain(message.request_disposition()).chain(message.allow_events());
    let lists = lists.chain(message.content_encoding()).chain(message.content_language());
    _ = lists.chain(message.privacy()).chain(message.identities()).map(str::len).sum::<usize>();
    _ = (message.user_agent(), message.server(), message.subject(), message.organization());
}

/// Reads the views of one header, every element of them.
///
/// # Errors
/// The first fault.
///
/// # Panics
/// When a value is not parsed as what is written of it.
pub(super) fn views_of(message: &Message, name: Name) -> Seen {
    match name {
        Name::Via => all(name, message.via().chain([message.top_via()])),
        Name::From => addresses(name, [message.from()]),
        Name::To => addresses(name, [message.to()]),
        Name::Route => addresses(name, message.routes()),
        Name::RecordRoute => addresses(name, message.record_routes()),
        Name::PAssertedIdentity => addresses(name, message.asserted_identities()),
        Name::PPreferredIdentity => addresses(name, message.preferred_identities()),
        Name::Path => addresses(name, message.paths()),
        Name::ServiceRoute => addresses(name, message.service_routes()),
        Name::ReferTo => addresses(name, message.refer_to().transpose()),
        Name::ReferredBy => addresses(name, message.referred_by().transpose()),
        Name::ReplyTo => addresses(name, message.reply_to().transpose()),
        Name::Contact => {
            addresses(
                name,
                message.contacts().filter_map(|contact| contact.map(Contact::address).transpose()),
            )?;
            addresses(name, message.contact().transpose())
        }
        Name::MaxForwards => message.max_forwards().map(drop),
        Name::ContentLength => message.content_length().map(drop),
        Name::ContentType => all(name, message.content_type().transpose()),
        Name::ContentDisposition => all(name, message.content_disposition().transpose()),
        Name::MimeVersion => all(name, message.mime_version().transpose()),
        Name::Accept => all(name, message.accept()),
        Name::AcceptEncoding => all(name, message.accept_encoding()),
        Name::AcceptLanguage => all(name, message.accept_language()),
        Name::AcceptContact => all(name, message.accept_contact()),
        Name::RejectContact => all(name, message.reject_contact()),
        Name::AlertInfo => links(name, message.alert_info()),
        Name::CallInfo => links(name, message.call_info()),
        Name::ErrorInfo => links(name, message.error_info()),
        Name::Geolocation => links(name, message.geolocation()),
        Name::GeolocationError => all(name, message.geolocation_error().transpose()),
        Name::GeolocationRouting => message.geolocation_routing().map(drop),
        Name::AuthenticationInfo => all(name, message.authentication_info().transpose()),
        Name::WwwAuthenticate => all(name, message.www_authenticate()),
        Name::ProxyAuthenticate => all(name, message.proxy_authenticate()),
        Name::Authorization => all(name, message.authorization()),
        Name::ProxyAuthorization => all(name, message.proxy_authorization()),
        Name::SecurityClient => all(name, message.security_client()),
        Name::SecurityServer => all(name, message.security_server()),
        Name::SecurityVerify => all(name, message.security_verify()),
        Name::Date => all(name, message.date().transpose()),
        Name::Expires => message.expires().map(drop),
        Name::MinExpires => message.min_expires().map(drop),
        Name::RetryAfter => all(name, message.retry_after().transpose()),
        Name::Timestamp => all(name, message.timestamp().transpose()),
        Name::SessionExpires => all(name, message.session_expires().transpose()),
        Name::MinSe => all(name, message.min_se().transpose()),
        Name::Event => all(name, message.event().transpose()),
        Name::SubscriptionState => all(name, message.subscription_state().transpose()),
        Name::ReferSub => all(name, message.refer_sub().transpose()),
        Name::Replaces => all(name, message.replaces().transpose()),
        Name::Join => all(name, message.join().transpose()),
        Name::RAck => all(name, message.rack().transpose()),
        Name::RSeq => message.rseq().map(drop),
        Name::InfoPackage => all(name, message.info_package().transpose()),
        Name::RecvInfo => all(name, message.recv_info()),
        Name::SipETag => message.sip_etag().map(drop),
        Name::SipIfMatch => message.sip_if_match().map(drop),
        Name::Diversion => all(name, message.diversions()),
        Name::HistoryInfo => all(name, message.history_info()),
        Name::Reason => all(name, message.reasons()),
        Name::Warning => all(name, message.warnings()),
        Name::UserToUser => all(name, message.user_to_user()),
        Name::InReplyTo => message.in_reply_to().try_for_each(|id| id.map(drop)),
        Name::Priority => message.priority().map(drop),
        // Text, and tokens as they were written.
        Name::CallId
        | Name::CSeq
        | Name::Allow
        | Name::AllowEvents
        | Name::ContentEncoding
        | Name::ContentLanguage
        | Name::Identity
        | Name::Organization
        | Name::Privacy
        | Name::ProxyRequire
        | Name::RequestDisposition
        | Name::Require
        | Name::Server
        | Name::Subject
        | Name::Supported
        | Name::Unsupported
        | Name::UserAgent
        | Name::Unknown => Ok(()),
    }
}

/// Reads all, then says what the first fault is. What is read is written, read and written as the same again.
fn all<T: Display>(name: Name, views: impl IntoIterator<Item = Result<T, ParseError>>) -> Seen {
    let mut seen = Ok(());
    for view in views {
        match view {
            Ok(value) => {
                let text = value.to_string();
                if let Some(again) = rewritten(name, &text) {
                    assert_eq!(again.as_ref(), Ok(&text), "{name:?}");
                }
            }
            Err(fault) => seen = seen.and(Err(fault)),
        }
    }
    seen
}

fn addresses<'a>(name: Name, views: impl IntoIterator<Item = Result<Address<'a>, ParseError>>) -> Seen {
    let mut seen = Ok(());
    for view in views {
        let opened = view.and_then(|address| {
            _ = (address.q(), address.expires(), address.instance(), address.reg_id());
            _ = (address.pub_gruu(), address.temp_gruu(), address.cid());
            if is_delimited(&address) {
                all(name, [Ok(address)])?;
            }
            // The place within the URI is not the message's.
            address.parse_uri().map_err(|fault| ParseError { header: Some(name), at: 0, ..fault })
        });
        seen = seen.and(opened.map(drop));
    }
    seen
}

/// A URI is not opened when an address is: one with brackets of its own is not written as it was.
fn is_delimited(address: &Address<'_>) -> bool {
    !address.uri.contains(['<', '>'])
}

fn links<'a>(name: Name, views: impl IntoIterator<Item = Result<Link<'a>, ParseError>>) -> Seen {
    all(
        name,
        views
            .into_iter()
            .inspect(|view| _ = view.as_ref().map(|link| (link.parse_uri().is_ok(), link.purpose()))),
    )
}

/// What is written of the value of `name` that is all of `text`; `None` when the header has no type of its own.
///
/// # Panics
/// When that is not parsed as the same value.
pub(super) fn rewritten(name: Name, text: &str) -> Option<Result<String, ParseError>> {
    let place = &OnceCell::new();
    Some(match name {
        Name::Via => same(text, place, Via::parse),
        Name::From
        | Name::To
        | Name::Route
        | Name::RecordRoute
        | Name::PAssertedIdentity
        | Name::PPreferredIdentity
        | Name::Path
        | Name::ServiceRoute
        | Name::ReferTo
        | Name::ReferredBy
        | Name::ReplyTo => match Address::parse(text) {
            Ok(address) if !is_delimited(&address) => return None,
            _ => same(text, place, Address::parse),
        },
        Name::Contact => match Contact::parse(text) {
            Ok(Contact::Address(address)) if !is_delimited(&address) => return None,
            _ => same(text, place, Contact::parse),
        },
        Name::CSeq => same(text, place, CSeq::parse),
        Name::ContentType => same(text, place, MediaType::parse),
        Name::Accept => same(text, place, MediaType::parse_range),
        Name::AcceptEncoding => same(text, place, Preference::parse_encoding),
        Name::AcceptLanguage => same(text, place, Preference::parse_language),
        Name::ContentDisposition => same(text, place, Disposition::parse),
        Name::MimeVersion => same(text, place, MimeVersion::parse),
        Name::AcceptContact | Name::RejectContact => same(text, place, FeatureSet::parse),
        Name::AlertInfo | Name::CallInfo | Name::ErrorInfo | Name::Geolocation => {
            same(text, place, Link::parse)
        }
        Name::GeolocationError => same(text, place, GeolocationError::parse),
        Name::AuthenticationInfo => same(text, place, AuthenticationInfo::parse),
        Name::WwwAuthenticate | Name::ProxyAuthenticate => same(text, place, Challenge::parse),
        Name::Authorization | Name::ProxyAuthorization => same(text, place, Credentials::parse),
        Name::SecurityClient | Name::SecurityServer | Name::SecurityVerify => {
            same(text, place, SecurityMechanism::parse)
        }
        Name::Date => same(text, place, Date::parse),
        Name::RetryAfter => same(text, place, RetryAfter::parse),
        Name::Timestamp => same(text, place, TimestampValue::parse),
        Name::SessionExpires => same(text, place, SessionExpires::parse),
        Name::MinSe => same(text, place, MinSe::parse),
        Name::Event => same(text, place, EventPackage::parse),
        Name::SubscriptionState => same(text, place, SubscriptionState::parse),
        Name::ReferSub => same(text, place, ReferSub::parse),
        Name::Replaces => same(text, place, Replaces::parse),
        Name::Join => same(text, place, Join::parse),
        Name::RAck => same(text, place, RAck::parse),
        Name::InfoPackage | Name::RecvInfo => same(text, place, InfoPackage::parse),
        Name::Diversion => same(text, place, Diversion::parse),
        Name::HistoryInfo => same(text, place, HistoryInfo::parse),
        Name::Reason => same(text, place, Reason::parse),
        Name::Warning => same(text, place, Warning::parse),
        Name::UserToUser => same(text, place, UserToUser::parse),
        _ => return None,
    })
}

/// Parses, writes into `place`, parses again: the same value.
fn same<'a, T: Display + Debug + PartialEq>(
    text: &'a str,
    place: &'a OnceCell<String>,
    parse: fn(&'a str) -> Result<T, ParseError>,
) -> Result<String, ParseError> {
    let value = parse(text)
        .inspect_err(|fault| assert!(fault.at <= text.len(), "{fault} lies outside of {text:?}"))?;
    let written = place.get_or_init(|| value.to_string());
    assert_eq!(parse(written), Ok(value), "{text:?} is written as {written:?}");
    Ok(written.clone())
}

/// What typed values answer beyond their fields.
fn ask(message: &Message) {
    for challenge in message.www_authenticate().chain(message.proxy_authenticate()).flatten() {
        _ = (challenge.realm(), challenge.nonce(), challenge.qop().count(), challenge.domain().count());
        _ = (challenge.stale(), challenge.algorithm(), challenge.opaque(), challenge.userhash());
    }
    for credentials in message.authorization().chain(message.proxy_authorization()).flatten() {
        _ = (credentials.username(), credentials.response(), credentials.nc(), credentials.qop());
        _ = (credentials.uri(), credentials.params.iter().count());
    }
    for mechanism in message.security_client().flatten() {
        _ = mechanism.q();
    }
    for kind in message.accept().flatten() {
        _ = (kind.q(), kind.covers("application", "sdp"));
    }
    for preference in message.accept_encoding().chain(message.accept_language()).flatten() {
        _ = preference.q();
    }
    for warning in message.warnings().flatten() {
        _ = warning.text();
    }
    for data in message.user_to_user().flatten() {
        _ = (data.data(), data.purpose(), data.content(), data.encoding());
    }
    for set in message.accept_contact().chain(message.reject_contact()).flatten() {
        _ = (set.features().count(), set.require(), set.explicit());
    }
    for diversion in message.diversions().flatten() {
        _ = (diversion.counter(), diversion.limit(), diversion.reason(), diversion.privacy());
    }
    for entry in message.history_info().flatten() {
        _ = (entry.index(), entry.rc(), entry.mp(), entry.np());
    }
    for date in message.date().into_iter().flatten() {
        _ = (date.is_valid(), date.unix_seconds());
    }
    for state in message.subscription_state().into_iter().flatten() {
        _ = (state.reason(), state.expires(), state.retry_after());
    }
    for event in message.event().into_iter().flatten() {
        _ = (event.package(), event.templates().count(), event.id());
    }
    for disposition in message.content_disposition().into_iter().flatten() {
        _ = disposition.handling();
    }
}
