//! Values of generated parts are read as they were written, alone and by the view of a message.

use core::fmt::{Debug, Display};
use core::net::IpAddr;
use core::time::Duration;

use proptest::prelude::*;
use sip_proto::Method;
use sip_proto::message::{
    Address, AuthParams, AuthenticationInfo, CSeq, Challenge, Contact, Credentials, Date, Disposition,
    Diversion, EventPackage, FeatureSet, GeolocationError, HistoryInfo, Host, InfoPackage, Join, Link,
    MediaType, Message, MimeVersion, MinSe, Name, Params, ParseError, Preference, QValue, RAck, Reason,
    ReferSub, Replaces, RetryAfter, SecurityMechanism, SessionExpires, SubscriptionState, Substate,
    TimestampValue, UserToUser, Via, Warning, quote, unquote,
};

use sip_proto::testing::check_message;

use super::rows::rows;
use super::{built, is_usual, read, request};

fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9.!%*_+`'~-]{1,12}"
}

/// Words without dots at their ends, as event packages are.
fn word() -> impl Strategy<Value = String> {
    "[a-z0-9-]{1,8}"
}

/// Text of any kind in quotes, escapes included.
fn quoted() -> impl Strategy<Value = String> {
    "[ -~\u{e9}\t\\\\\",;<>]{0,16}".prop_map(|text| quote(&text).to_string())
}

/// Parameters that no header knows, some without value, some quoted.
fn params() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just(None),
        token().prop_map(Some),
        quoted().prop_map(Some),
        Just(Some("[::1]:5060".to_owned()))
    ];
    let separators = prop_oneof![Just((";", "=")), Just(("; ", " = ")), Just((";\t", "= "))];
    let param =
        (separators, "[a-z]{1,6}x", value).prop_map(|((semicolon, equal), name, value)| match value {
            Some(value) => format!("{semicolon}{name}{equal}{value}"),
            None => format!("{semicolon}{name}"),
        });
    prop::collection::vec(param, 0..4).prop_map(|params| params.concat())
}

/// `known`, in some order with other parameters.
fn params_with(known: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (params(), known, params()).prop_map(|(before, known, after)| format!("{before}{known}{after}"))
}

/// `;name=value`, or nothing.
fn maybe(name: &'static str, value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::option::of(value)
        .prop_map(move |value| value.map_or(String::new(), |value| format!(";{name}={value}")))
}

fn q() -> impl Strategy<Value = QValue> {
    (0..=1000_u16).prop_map(|thousandths| QValue::from_thousandths(thousandths).unwrap())
}

fn number<T: Arbitrary + Display>() -> impl Strategy<Value = String> {
    any::<T>().prop_map(|number| number.to_string())
}

fn uri() -> impl Strategy<Value = String> {
    prop_oneof![
        "sips?:[a-z;,?&=+$]{1,8}@[a-z]{1,8}(:[1-9][0-9]{0,3})?(;lr)?([?]h=[a-z%2]{0,4})?",
        "tel:[+][0-9]{1,10};phone-context=[a-z]{1,5}",
        "(urn|cid|https):[a-z/,:;]{1,10}",
    ]
}

fn display_name() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), quoted(), "[A-Za-z]{1,8}( [A-Za-z.!%*_+`'~-]{1,8}){0,2}"]
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![Just("INVITE".to_owned()), token()].prop_map(|text| Method::parse(&text).unwrap())
}

fn call_id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9<>()?{}/:\\\\\"]{1,10}(@[a-z0-9.]{1,10})?"
}

/// A comment's inside: nested and escaped.
fn comment() -> impl Strategy<Value = String> {
    "([a-z ;,\"]|\\\\[ -~]|[(][a-z]{0,3}[)]){0,6}"
}

fn auth_params() -> impl Strategy<Value = String> {
    let separators = prop_oneof![Just((",", "=")), Just((" , ", " = ")), Just((",,", "="))];
    let value = prop_oneof![token(), quoted()];
    let param = (separators, "[a-z]{1,6}x", value);
    (prop::collection::vec(param, 0..4), "[0-9a-f]{8}").prop_map(|(params, nc)| {
        let more = params.iter().map(|((comma, equal), name, value)| format!("{comma}{name}{equal}{value}"));
        format!("nc={nc}{}", more.collect::<String>())
    })
}

/// Whether `value` is parsed as what it is written as, alone and by its message's view.
fn same<'a, T: PartialEq + Debug + Display>(
    value: &T,
    text: &'a str,
    parse: impl FnOnce(&'a str) -> Result<T, ParseError>,
    name: Name,
    view: impl FnOnce(&Message, &T) -> bool,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(text, value.to_string());
    let parsed = parse(text);
    prop_assert!(parsed.as_ref() == Ok(value), "{:?} of {:?}", parsed, text);
    let message = built(name, value);
    prop_assert!(view(&message, value), "{:?}", message.values(name).next());
    Ok(())
}

proptest! {
    /// RFC 3261 §20.10, §20.20, §20.30, §20.34, §20.39 and their kin.
    #[test]
    fn addresses_are_read_as_written(name in display_name(), uri in uri(), text in params()) {
        let address = Address { raw_display_name: &name, uri: &uri, params: Params::new(&text) };
        let written = address.to_string();
        same(&address, &written, Address::parse, Name::To, |m, value| m.to() == Ok(*value))?;
        same(&address, &written, Address::parse, Name::From, |m, value| m.from() == Ok(*value))?;
        same(&address, &written, Address::parse, Name::ReferTo, |m, value| m.refer_to() == Ok(Some(*value)))?;
        same(&address, &written, Address::parse, Name::ReferredBy, |m, value| m.referred_by() == Ok(Some(*value)))?;
        same(&address, &written, Address::parse, Name::ReplyTo, |m, value| m.reply_to() == Ok(Some(*value)))?;
        same(&address, &written, Address::parse, Name::Path, |m, value| m.paths().eq([Ok(*value)]))?;
        same(&address, &written, Address::parse, Name::Route, |m, value| m.routes().eq([Ok(*value)]))?;
        let contact = Contact::Address(address);
        same(&contact, &written, Contact::parse, Name::Contact, |m, value| m.contacts().eq([Ok(*value)]))?;
        prop_assert_eq!(unquote(&name), address.display_name().unwrap_or_default());
    }

    /// RFC 3261 §20.10, RFC 5626 §4.2, RFC 5627 §3.2: the parameters of a Contact.
    #[test]
    fn contacts_say_what_was_written(
        q in q(), expires: u32, reg_id in 1..1_u32 << 31, urn in "urn:[a-z0-9:-]{1,20}", gruu in quoted(), text in params(),
    ) {
        let instance = quote(&format!("<{urn}>")).to_string();
        let text = format!("{text};q={q};expires={expires};reg-id={reg_id};+sip.instance={instance};pub-gruu={gruu}");
        let message = built(Name::Contact, &Address { raw_display_name: "", uri: "sip:a@h", params: Params::new(&text) });
        let contact = message.contact().unwrap().unwrap();
        prop_assert_eq!((contact.q(), contact.reg_id()), (Ok(Some(q)), Ok(Some(reg_id))));
        prop_assert_eq!(contact.expires(), Some(Duration::from_secs(expires.into())));
        prop_assert_eq!(contact.instance(), Some(urn.as_str()));
        prop_assert_eq!(contact.pub_gruu().unwrap(), unquote(&gruu));
    }

    /// RFC 5806 §4, RFC 7044 §5.
    #[test]
    fn diversions_and_histories_are_read_as_written(
        name in display_name(), uri in uri(),
        diverted in params_with((maybe("counter", "[0-9]{1,2}"), maybe("reason", prop_oneof![token(), quoted()])).prop_map(|(a, b)| a + &b)),
        index in params_with("([1-9][0-9]{0,2}|0)([.](0|[1-9][0-9]?)){0,3}".prop_map(|index| format!(";index={index};mp={index}"))),
    ) {
        let address = Address { raw_display_name: &name, uri: &uri, params: Params::new(&diverted) };
        let diversion = Diversion { address };
        same(&diversion, &diversion.to_string(), Diversion::parse, Name::Diversion, |m, value| m.diversions().eq([Ok(*value)]))?;
        let entry = HistoryInfo { address: Address { params: Params::new(&index), ..address } };
        same(&entry, &entry.to_string(), HistoryInfo::parse, Name::HistoryInfo, |m, value| m.history_info().eq([Ok(*value)]))?;
        prop_assert_eq!(Some(entry.index()), entry.mp());
    }

    /// RFC 3261 §20.42.
    #[test]
    fn via_is_read_as_written(
        transport in token(), ip: IpAddr, host in "[a-z]{1,8}([.][a-z]{1,8})?", is_name: bool, port: Option<u16>, text in params(),
    ) {
        let host = if is_name { Host::Name(&host) } else { Host::Ip(ip) };
        let via = Via { transport: &transport, host, port, params: Params::new(&text) };
        same(&via, &via.to_string(), Via::parse, Name::Via, |m, value| m.top_via() == Ok(*value) && m.via().eq([Ok(*value)]))?;
    }

    /// RFC 3261 §20.1–§20.3, §20.11, §20.15, §20.24.
    #[test]
    fn what_a_body_is_is_read_as_written(
        main in token(), sub in token(), plain in params(), ranked in params_with(maybe("q", q().prop_map(|q| q.to_string()))),
        language in "[a-z]{1,8}(-[A-Za-z0-9]{1,8}){0,2}|[*]", handling in params_with(maybe("handling", token())), version: (u32, u32), q in q(),
    ) {
        let kind = MediaType { main: &main, sub: &sub, params: Params::new(&plain) };
        same(&kind, &kind.to_string(), MediaType::parse, Name::ContentType, |m, value| m.content_type() == Ok(Some(*value)))?;
        let range = MediaType { params: Params::new(&ranked), ..kind };
        same(&range, &range.to_string(), MediaType::parse_range, Name::Accept, |m, value| m.accept().eq([Ok(*value)]))?;
        let coding = Preference { range: &main, params: Params::new(&ranked) };
        same(&coding, &coding.to_string(), Preference::parse_encoding, Name::AcceptEncoding, |m, value| m.accept_encoding().eq([Ok(*value)]))?;
        let language = Preference { range: &language, params: Params::new(&ranked) };
        same(&language, &language.to_string(), Preference::parse_language, Name::AcceptLanguage, |m, value| m.accept_language().eq([Ok(*value)]))?;
        let body = Disposition { kind: &main, params: Params::new(&handling) };
        same(&body, &body.to_string(), Disposition::parse, Name::ContentDisposition, |m, value| m.content_disposition() == Ok(Some(*value)))?;
        let version = MimeVersion { major: version.0, minor: version.1 };
        same(&version, &version.to_string(), MimeVersion::parse, Name::MimeVersion, |m, value| m.mime_version() == Ok(Some(*value)))?;
        prop_assert_eq!(QValue::parse(&q.to_string()), Ok(q));
    }

    /// RFC 3261 §20.17, §20.19, §20.23, §20.33, §20.38; RFC 4028 §4, §5.
    #[test]
    fn times_are_read_as_written(
        seconds: u32, unix in 0..253_402_300_800_u64, comment in prop::option::of(comment()), lasting in params_with(maybe("duration", number::<u32>())),
        refreshed in params_with(maybe("refresher", prop_oneof![Just("uac".to_owned()), Just("UAS".to_owned())])), plain in params(),
        sent in "[0-9]{1,9}([.][0-9]{0,4})?", delay in prop::option::of("[0-9]{1,4}([.][0-9]{0,4})?"),
    ) {
        let span = Duration::from_secs(seconds.into());
        let date = Date::from_unix_seconds(unix).unwrap();
        prop_assert_eq!(date.unix_seconds(), Some(unix));
        same(&date, &date.to_string(), Date::parse, Name::Date, |m, value| m.date() == Ok(Some(*value)))?;
        let retry = RetryAfter { after: span, comment: comment.as_deref(), params: Params::new(&lasting) };
        same(&retry, &retry.to_string(), RetryAfter::parse, Name::RetryAfter, |m, value| m.retry_after() == Ok(Some(*value)))?;
        let stamp = TimestampValue { sent: &sent, delay: delay.as_deref() };
        same(&stamp, &stamp.to_string(), TimestampValue::parse, Name::Timestamp, |m, value| m.timestamp() == Ok(Some(*value)))?;
        let session = SessionExpires { interval: span, params: Params::new(&refreshed) };
        same(&session, &session.to_string(), SessionExpires::parse, Name::SessionExpires, |m, value| m.session_expires() == Ok(Some(*value)))?;
        let least = MinSe { interval: span, params: Params::new(&plain) };
        same(&least, &least.to_string(), MinSe::parse, Name::MinSe, |m, value| m.min_se() == Ok(Some(*value)))?;
        prop_assert_eq!(built(Name::Expires, &seconds).expires(), Ok(Some(span)));
        prop_assert_eq!(built(Name::MinExpires, &seconds).min_expires(), Ok(Some(span)));
    }

    /// RFC 3261 §20.16, RFC 3262 §7, RFC 3891 §6.1, RFC 3911 §7.1.
    #[test]
    fn names_of_requests_and_dialogs_are_read_as_written(
        rseq in 1..=u32::MAX, cseq: u32, method in method(), call_id in call_id(), to_tag in token(), from_tag in token(), early_only: bool,
    ) {
        let number = CSeq { number: cseq, method: method.clone() };
        prop_assert_eq!(CSeq::parse(&number.to_string()), Ok(number));
        let rack = RAck { rseq, cseq, method };
        same(&rack, &rack.to_string(), RAck::parse, Name::RAck, |m, value| m.rack().as_ref() == Ok(&Some(value.clone())))?;
        prop_assert_eq!(built(Name::RSeq, &rseq).rseq(), Ok(Some(rseq)));
        let replaces = Replaces { call_id: &call_id, to_tag: &to_tag, from_tag: &from_tag, early_only };
        same(&replaces, &replaces.to_string(), Replaces::parse, Name::Replaces, |m, value| m.replaces() == Ok(Some(*value)))?;
        let join = Join { call_id: &call_id, to_tag: &to_tag, from_tag: &from_tag };
        same(&join, &join.to_string(), Join::parse, Name::Join, |m, value| m.join() == Ok(Some(*value)))?;
        prop_assert!(built(Name::InReplyTo, &call_id).in_reply_to().eq([Ok(call_id.as_str())]));
    }

    /// RFC 6665 §8.2, RFC 4488 §4, RFC 6086 §7.
    #[test]
    fn events_are_read_as_written(
        words in prop::collection::vec(word(), 1..4), plain in params(), state in 0..4_usize, token in "[a-z]{1,8}x", subscribe: bool,
        known in params_with((maybe("reason", token()), maybe("expires", number::<u32>()), maybe("retry-after", number::<u32>())).prop_map(|(a, b, c)| a + &b + &c)),
    ) {
        let name = words.join(".");
        let event = EventPackage { name: &name, params: Params::new(&plain) };
        same(&event, &event.to_string(), EventPackage::parse, Name::Event, |m, value| m.event() == Ok(Some(*value)))?;
        prop_assert_eq!((event.package(), event.templates().count()), (words[0].as_str(), words.len() - 1));
        let state = [Substate::Active, Substate::Pending, Substate::Terminated, Substate::Other(&token)][state];
        let state = SubscriptionState { state, params: Params::new(&known) };
        same(&state, &state.to_string(), SubscriptionState::parse, Name::SubscriptionState, |m, value| m.subscription_state() == Ok(Some(*value)))?;
        let sub = ReferSub { subscribe, params: Params::new(&plain) };
        same(&sub, &sub.to_string(), ReferSub::parse, Name::ReferSub, |m, value| m.refer_sub() == Ok(Some(*value)))?;
        let package = InfoPackage { name: &token, params: Params::new(&plain) };
        same(&package, &package.to_string(), InfoPackage::parse, Name::InfoPackage, |m, value| m.info_package() == Ok(Some(*value)))?;
        same(&package, &package.to_string(), InfoPackage::parse, Name::RecvInfo, |m, value| m.recv_info().eq([Ok(*value)]))?;
    }

    /// RFC 3326 §2; RFC 3261 §20.4, §20.9, §20.18, §20.43; RFC 6442 §4; RFC 7433 §4.1.
    #[test]
    fn what_is_told_is_read_as_written(
        protocol in token(), plain in params(), uri in uri(), code in 0..1000_u16, agent in "[a-z.]{1,9}(:[0-9]{1,4})?", text in quoted(),
        raw_data in prop_oneof![token(), quoted()], encoded in params_with(maybe("encoding", token())),
    ) {
        let reason = Reason { protocol: &protocol, params: Params::new(&plain) };
        same(&reason, &reason.to_string(), Reason::parse, Name::Reason, |m, value| m.reasons().eq([Ok(*value)]))?;
        let warning = Warning { code, agent: &agent, raw_text: &text };
        same(&warning, &warning.to_string(), Warning::parse, Name::Warning, |m, value| m.warnings().eq([Ok(*value)]))?;
        let link = Link { uri: &uri, params: Params::new(&plain) };
        let written = link.to_string();
        same(&link, &written, Link::parse, Name::CallInfo, |m, value| m.call_info().eq([Ok(*value)]))?;
        same(&link, &written, Link::parse, Name::Geolocation, |m, value| m.geolocation().eq([Ok(*value)]))?;
        let error = GeolocationError { code, params: Params::new(&plain) };
        same(&error, &error.to_string(), GeolocationError::parse, Name::GeolocationError, |m, value| m.geolocation_error() == Ok(Some(*value)))?;
        let data = UserToUser { raw_data: &raw_data, params: Params::new(&encoded) };
        same(&data, &data.to_string(), UserToUser::parse, Name::UserToUser, |m, value| m.user_to_user().eq([Ok(*value)]))?;
    }

    /// RFC 3261 §20.6, §20.7, §20.27, §20.28, §20.44; RFC 3329 §2.2; RFC 3841 §9.2.
    #[test]
    fn authentication_and_preferences_are_read_as_written(
        scheme in prop_oneof![Just("Digest".to_owned()), token()], text in auth_params(), opaque in "[A-Za-z0-9/+]{1,20}={0,2}",
        name in token(), ranked in params_with(maybe("q", q().prop_map(|q| q.to_string()))), features in params_with(Just(";audio;require".to_owned())),
    ) {
        let challenge = Challenge { scheme: &scheme, params: AuthParams::new(&text) };
        let written = challenge.to_string();
        same(&challenge, &written, Challenge::parse, Name::WwwAuthenticate, |m, value| m.www_authenticate().eq([Ok(*value)]))?;
        same(&challenge, &written, Challenge::parse, Name::ProxyAuthenticate, |m, value| m.proxy_authenticate().eq([Ok(*value)]))?;
        let credentials = Credentials { scheme: &scheme, params: AuthParams::new(&text) };
        same(&credentials, &written, Credentials::parse, Name::Authorization, |m, value| m.authorization().eq([Ok(*value)]))?;
        let other = Credentials { scheme: "Bearer", params: AuthParams::new(&opaque) };
        same(&other, &other.to_string(), Credentials::parse, Name::ProxyAuthorization, |m, value| m.proxy_authorization().eq([Ok(*value)]))?;
        let info = AuthenticationInfo { params: AuthParams::new(&text) };
        same(&info, &info.to_string(), AuthenticationInfo::parse, Name::AuthenticationInfo, |m, value| m.authentication_info() == Ok(Some(*value)))?;
        let mechanism = SecurityMechanism { name: &name, params: Params::new(&ranked) };
        same(&mechanism, &mechanism.to_string(), SecurityMechanism::parse, Name::SecurityClient, |m, value| m.security_client().eq([Ok(*value)]))?;
        let set = FeatureSet { params: Params::new(&features) };
        same(&set, &set.to_string(), FeatureSet::parse, Name::AcceptContact, |m, value| m.accept_contact().eq([Ok(*value)]))?;
    }

    /// RFC 3261 §25.1 quoted-string.
    #[test]
    fn quoting_is_undone_by_unquoting(text in any::<String>()) {
        let quoted = quote(&text).to_string();
        prop_assert_eq!(unquote(&quoted), text);
    }

    /// Whatever stands in a header, a view that refuses it says in which header, and at a byte of it. What it takes, it writes so
    /// that it takes it again.
    #[test]
    fn faults_lie_in_their_header(at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(), garbage in "[ -~\t]{0,12}") {
        let rows = rows();
        let row = at.get(&rows);
        // A good value, with garbage in it.
        let (before, after) = row.sent.split_at(cut.index(row.sent.len() + 1));
        let value = format!("{before}{garbage}{after}");
        if is_usual(row.name) || value.trim().is_empty() {
            return Ok(());
        }
        let text = request(row.name, &[&value]);
        check_message(text.as_bytes());
        if let Err(fault) = read(row, &text) {
            let start = text.find(&format!("{}: ", row.name.as_str())).unwrap() + row.name.as_str().len() + 2;
            let end = if row.name == Name::ContentLength { text.len() } else { start + value.len() };
            prop_assert_eq!(fault.header, Some(row.name));
            prop_assert!((start..=end).contains(&fault.at), "{} in {:?}, which begins at {}", fault, value, start);
        }
    }
}
