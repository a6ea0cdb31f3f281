//! Which accessor reads which header: a value, what is read of it, and a malformed one with its fault.

use core::fmt::Display;
use core::time::Duration;

use sip_proto::message::{Message, Name, ParseError};

/// What an accessor yields, each value as it is written.
pub(crate) type Read = Result<Vec<String>, ParseError>;

pub(crate) struct Row {
    pub(crate) name: Name,
    /// A value that is sent.
    pub(crate) sent: &'static str,
    /// What is read of it.
    pub(crate) read: &'static [&'static str],
    pub(crate) accessor: fn(&Message) -> Read,
    /// A malformed value, what is expected of it, and at which of its bytes. Text views have none.
    pub(crate) malformed: Option<(&'static str, &'static str, usize)>,
}

fn row(
    name: Name,
    sent: &'static str,
    read: &'static [&'static str],
    accessor: fn(&Message) -> Read,
    malformed: Option<(&'static str, &'static str, usize)>,
) -> Row {
    Row { name, sent, read, accessor, malformed }
}

fn one<T: Display>(view: Result<Option<T>, ParseError>) -> Read {
    Ok(view?.map(|value| value.to_string()).into_iter().collect())
}

fn each<T: Display>(view: impl Iterator<Item = Result<T, ParseError>>) -> Read {
    view.map(|value| value.map(|value| value.to_string())).collect()
}

fn texts<'a>(view: impl IntoIterator<Item = &'a str>) -> Read {
    Ok(view.into_iter().map(str::to_owned).collect())
}

fn span(view: Result<Option<Duration>, ParseError>) -> Read {
    one(view.map(|span| span.map(|span| span.as_secs())))
}

const Q: &str = "a number from 0 to 1 with up to three decimals";
const SECONDS: &str = "seconds below 2^32";
const WELCOME: &[&str] = &["<sip:a@h>", "\"B, C\" <sip:b@h>;x=1"];
const WELCOME_SENT: &str = "<sip:a@h>,, \"B, C\"  <sip:b@h> ;x=1";
const NO_URI: Option<(&str, &str, usize)> = Some(("<sip:a@h>, <>", "a URI", 12));
const NO_PARAM: Option<(&str, &str, usize)> = Some(("a;;", "a parameter name", 2));
const NO_TOKEN: &str = "the end of the value";
const LINKS: &[&str] = &["<http://a/b,c>;purpose=icon", "<cid:x@y>"];
const LINKS_SENT: &str = "<http://a/b,c>;purpose=icon, <cid:x@y>";
const NO_LINK: Option<(&str, &str, usize)> = Some(("<cid:x@y>, cid:x", "'<'", 11));
const CHALLENGE: &str = "Digest realm=\"a, b\", nonce=\"c\", qop=\"auth,auth-int\"";
const CREDENTIALS: &str = "Digest username=\"bob\", realm=\"a\", nc=00000001";
const NO_DIGEST: Option<(&str, &str, usize)> = Some(("Digest realm", "'='", 12));
const MECHANISMS: &[&str] = &["tls;q=0.2", "digest;d-qop=auth"];
const NO_MECHANISM: Option<(&str, &str, usize)> = Some(("tls, digest;q=2", Q, 14));
const FEATURES: &[&str] = &["*;audio;require", "*;methods=\"INVITE,BYE\""];
const NO_FEATURES: Option<(&str, &str, usize)> = Some(("*;a, b", "'*'", 5));
const DIALOG: &[&str] = &["98732@h;to-tag=ff;from-tag=r3"];
const NO_DIALOG: Option<(&str, &str, usize)> = Some(("98732@h;to-tag=ff", "one from-tag", 17));

/// One row for every name.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = rows_of_rfc_3261();
    rows.extend(rows_of_extensions());
    rows
}

/// The headers of RFC 3261 §20, in its order.
fn rows_of_rfc_3261() -> Vec<Row> {
    vec![
        row(
            Name::Accept,
            "application/sdp;level=1, text/*;q=0.5",
            &["application/sdp;level=1", "text/*;q=0.5"],
            |m| each(m.accept()),
            Some(("a/b;q=2", Q, 6)),
        ),
        row(
            Name::AcceptEncoding,
            "gzip, *;q=0",
            &["gzip", "*;q=0"],
            |m| each(m.accept_encoding()),
            Some(("gzip;q", Q, 4)),
        ),
        row(
            Name::AcceptLanguage,
            "da, en-gb;q=0.8",
            &["da", "en-gb;q=0.8"],
            |m| each(m.accept_language()),
            Some(("da, 1a", "a language", 4)),
        ),
        row(Name::AlertInfo, LINKS_SENT, LINKS, |m| each(m.alert_info()), NO_LINK),
        row(Name::Allow, "INVITE, ,ACK", &["INVITE", "ACK"], |m| texts(m.allow()), None),
        row(
            Name::AuthenticationInfo,
            "nextnonce=\"47364c\"",
            &["nextnonce=\"47364c\""],
            |m| one(m.authentication_info()),
            Some(("nc=1", "eight hexadecimal digits", 3)),
        ),
        row(Name::Authorization, CREDENTIALS, &[CREDENTIALS], |m| each(m.authorization()), NO_DIGEST),
        row(Name::CallId, "f81d4fae@h", &["f81d4fae@h"], |m| texts([m.call_id()]), None),
        row(Name::CallInfo, LINKS_SENT, LINKS, |m| each(m.call_info()), NO_LINK),
        row(Name::Contact, WELCOME_SENT, WELCOME, |m| each(m.contacts()), NO_URI),
        row(
            Name::ContentDisposition,
            "session ;handling=optional",
            &["session;handling=optional"],
            |m| one(m.content_disposition()),
            NO_PARAM,
        ),
        row(Name::ContentEncoding, "gzip, tar", &["gzip", "tar"], |m| texts(m.content_encoding()), None),
        row(Name::ContentLanguage, "fr, en", &["fr", "en"], |m| texts(m.content_language()), None),
        row(
            Name::ContentLength,
            "0",
            &["0"],
            |m| one(m.content_length()),
            Some(("-1", "a length in bytes", 0)),
        ),
        row(
            Name::ContentType,
            "text/html; charset=ISO-8859-4",
            &["text/html; charset=ISO-8859-4"],
            |m| one(m.content_type()),
            Some(("text", "'/'", 4)),
        ),
        row(
            Name::CSeq,
            "4711 OPTIONS",
            &["4711 OPTIONS"],
            |m| texts([format!("{} {}", m.cseq(), m.method()).as_str()]),
            Some(("4294967296 OPTIONS", "a sequence number below 2^32", 0)),
        ),
        row(
            Name::Date,
            "Sat, 13 Nov 2010 23:29:00 GMT",
            &["Sat, 13 Nov 2010 23:29:00 GMT"],
            |m| one(m.date()),
            Some(("Fri, 01 Jan 2010 16:00:00 EST", "GMT", 26)),
        ),
        row(Name::ErrorInfo, LINKS_SENT, LINKS, |m| each(m.error_info()), NO_LINK),
        row(Name::Expires, "5", &["5"], |m| span(m.expires()), Some(("5m", NO_TOKEN, 1))),
        row(
            Name::From,
            "\"A. G. Bell\" <sip:agb@h> ;tag=a48s",
            &["\"A. G. Bell\" <sip:agb@h>;tag=a48s"],
            |m| one(m.from().map(Some)),
            Some(("\"A", "a closing quote", 0)),
        ),
        row(
            Name::InReplyTo,
            "70710@h, <17320@h>",
            &["70710@h", "<17320@h>"],
            |m| each(m.in_reply_to()),
            Some(("a, b@c@d", "a Call-ID", 3)),
        ),
        row(
            Name::MaxForwards,
            "6",
            &["6"],
            |m| one(m.max_forwards()),
            Some(("256", "a number up to 255", 0)),
        ),
        row(Name::MimeVersion, "1.0", &["1.0"], |m| one(m.mime_version()), Some(("1", "'.'", 1))),
        row(Name::MinExpires, "60", &["60"], |m| span(m.min_expires()), Some(("4294967296", SECONDS, 0))),
        row(Name::Organization, "Boxes by Bob", &["Boxes by Bob"], |m| texts(m.organization()), None),
        row(
            Name::Priority,
            "emergency",
            &["emergency"],
            |m| one(m.priority()),
            Some(("very urgent", NO_TOKEN, 4)),
        ),
        row(Name::ProxyAuthenticate, CHALLENGE, &[CHALLENGE], |m| each(m.proxy_authenticate()), NO_DIGEST),
        row(
            Name::ProxyAuthorization,
            CREDENTIALS,
            &[CREDENTIALS],
            |m| each(m.proxy_authorization()),
            NO_DIGEST,
        ),
        row(Name::ProxyRequire, "foo,bar", &["foo", "bar"], |m| texts(m.proxy_require()), None),
        row(Name::RecordRoute, WELCOME_SENT, WELCOME, |m| each(m.record_routes()), NO_URI),
        row(
            Name::ReplyTo,
            "Bob <sip:bob@h>",
            &["Bob <sip:bob@h>"],
            |m| one(m.reply_to()),
            Some(("<sip:a@h>, <sip:b@h>", "';'", 9)),
        ),
        row(Name::Require, "100rel", &["100rel"], |m| texts(m.require()), None),
        row(
            Name::RetryAfter,
            "120 (I'm in a meeting) ;duration=3600",
            &["120 (I'm in a meeting);duration=3600"],
            |m| one(m.retry_after()),
            Some(("5 (x", "')'", 4)),
        ),
        row(Name::Route, WELCOME_SENT, WELCOME, |m| each(m.routes()), NO_URI),
        row(Name::Server, "HomeServer v2 (x)", &["HomeServer v2 (x)"], |m| texts(m.server()), None),
        row(Name::Subject, "Need, more boxes", &["Need, more boxes"], |m| texts(m.subject()), None),
        row(Name::Supported, "100rel, ,timer", &["100rel", "timer"], |m| texts(m.supported()), None),
        row(
            Name::Timestamp,
            "54.0  1.5",
            &["54.0 1.5"],
            |m| one(m.timestamp()),
            Some(("54 x", "a delay in seconds", 3)),
        ),
        row(
            Name::To,
            "The Operator <sip:operator@h>;tag=287447",
            &["The Operator <sip:operator@h>;tag=287447"],
            |m| one(m.to().map(Some)),
            Some(("<sip:a@h", "'>'", 8)),
        ),
        row(Name::Unsupported, "foo", &["foo"], |m| texts(m.unsupported()), None),
        row(Name::UserAgent, "Softphone/Beta1.5", &["Softphone/Beta1.5"], |m| texts(m.user_agent()), None),
        row(
            Name::Via,
            "SIP/2.0/UDP h:5060 ;branch=z9hG4bK87, SIP / 2.0 / TCP [::1]",
            &["SIP/2.0/UDP h:5060;branch=z9hG4bK87", "SIP/2.0/TCP [::1]"],
            |m| each(m.via()),
            Some(("SIP/2.0/UDP h, SIP/3.0/UDP h", "\"2.0\"", 19)),
        ),
        row(
            Name::Warning,
            "307 isi.edu \"Session, not understood\", 399 x \"\"",
            &["307 isi.edu \"Session, not understood\"", "399 x \"\""],
            |m| each(m.warnings()),
            Some(("1812 overture \"In Progress\"", "a warning code of three digits", 0)),
        ),
        row(Name::WwwAuthenticate, CHALLENGE, &[CHALLENGE], |m| each(m.www_authenticate()), NO_DIGEST),
    ]
}

/// The headers of other RFCs.
fn rows_of_extensions() -> Vec<Row> {
    vec![
        row(
            Name::AcceptContact,
            "*;audio;require,*;methods=\"INVITE,BYE\"",
            FEATURES,
            |m| each(m.accept_contact()),
            NO_FEATURES,
        ),
        row(
            Name::AllowEvents,
            "refer, presence.winfo",
            &["refer", "presence.winfo"],
            |m| texts(m.allow_events()),
            None,
        ),
        row(
            Name::Diversion,
            "<sip:a@h>;reason=user-busy;counter=2",
            &["<sip:a@h>;reason=user-busy;counter=2"],
            |m| each(m.diversions()),
            Some(("<sip:a@h>;counter=x", "one or two digits", 18)),
        ),
        row(
            Name::Event,
            "presence.winfo ;id=1",
            &["presence.winfo;id=1"],
            |m| one(m.event()),
            Some(("presence.", "an event package", 0)),
        ),
        row(Name::Geolocation, LINKS_SENT, LINKS, |m| each(m.geolocation()), NO_LINK),
        row(
            Name::GeolocationError,
            "100 ;code=\"Cannot\"",
            &["100;code=\"Cannot\""],
            |m| one(m.geolocation_error()),
            Some(("x", "a code of one to three digits", 0)),
        ),
        row(
            Name::GeolocationRouting,
            "yes",
            &["yes"],
            |m| one(m.geolocation_routing()),
            Some(("yes no", NO_TOKEN, 3)),
        ),
        row(
            Name::HistoryInfo,
            "<sip:a@h>;index=1, <sip:b@h>;index=1.1;mp=1",
            &["<sip:a@h>;index=1", "<sip:b@h>;index=1.1;mp=1"],
            |m| each(m.history_info()),
            Some(("<sip:a@h>;index=1.x", "an index of numbers and dots", 16)),
        ),
        row(
            Name::Identity,
            "eyJ.sig==;info=<https://h/c.pem>",
            &["eyJ.sig==;info=<https://h/c.pem>"],
            |m| texts(m.identities()),
            None,
        ),
        row(Name::InfoPackage, "foo;x=1", &["foo;x=1"], |m| one(m.info_package()), NO_PARAM),
        row(Name::Join, "98732@h ;from-tag=r3;to-tag=ff", DIALOG, |m| one(m.join()), NO_DIALOG),
        row(Name::MinSe, "90;x", &["90;x"], |m| one(m.min_se()), Some(("ninety", SECONDS, 0))),
        row(Name::PAssertedIdentity, WELCOME_SENT, WELCOME, |m| each(m.asserted_identities()), NO_URI),
        row(Name::PPreferredIdentity, WELCOME_SENT, WELCOME, |m| each(m.preferred_identities()), NO_URI),
        row(Name::Path, WELCOME_SENT, WELCOME, |m| each(m.paths()), NO_URI),
        row(Name::Privacy, "id; user ;critical", &["id", "user", "critical"], |m| texts(m.privacy()), None),
        row(
            Name::RAck,
            "776656 1 INVITE",
            &["776656 1 INVITE"],
            |m| one(m.rack()),
            Some(("0 1 INVITE", "a response number from 1 to 2^32 - 1", 0)),
        ),
        row(
            Name::Reason,
            "SIP ;cause=200;text=\"a, b\", Q.850;cause=16",
            &["SIP;cause=200;text=\"a, b\"", "Q.850;cause=16"],
            |m| each(m.reasons()),
            Some(("SIP;cause=200, Q.850 x", "';'", 21)),
        ),
        row(
            Name::RecvInfo,
            "foo, bar;x",
            &["foo", "bar;x"],
            |m| each(m.recv_info()),
            Some(("foo, \"bar\"", "an Info Package", 5)),
        ),
        row(Name::ReferSub, "false", &["false"], |m| one(m.refer_sub()), Some(("maybe", "true or false", 0))),
        row(
            Name::ReferTo,
            "<sip:b@h?Replaces=a%3Bto-tag%3D1>",
            &["<sip:b@h?Replaces=a%3Bto-tag%3D1>"],
            |m| one(m.refer_to()),
            Some(("<sip:b@h", "'>'", 8)),
        ),
        row(
            Name::ReferredBy,
            "sip:r@h;cid=\"2@r\"",
            &["<sip:r@h>;cid=\"2@r\""],
            |m| one(m.referred_by()),
            Some(("<>", "a URI", 1)),
        ),
        row(
            Name::RejectContact,
            "*;audio;require,*;methods=\"INVITE,BYE\"",
            FEATURES,
            |m| each(m.reject_contact()),
            NO_FEATURES,
        ),
        row(Name::Replaces, "98732@h ;from-tag=r3;to-tag=ff", DIALOG, |m| one(m.replaces()), NO_DIALOG),
        row(
            Name::RequestDisposition,
            "proxy, no-fork",
            &["proxy", "no-fork"],
            |m| texts(m.request_disposition()),
            None,
        ),
        row(Name::RSeq, "988789", &["988789"], |m| one(m.rseq()), Some(("1 2", NO_TOKEN, 1))),
        row(
            Name::SecurityClient,
            "tls;q=0.2,digest;d-qop=auth",
            MECHANISMS,
            |m| each(m.security_client()),
            NO_MECHANISM,
        ),
        row(
            Name::SecurityServer,
            "tls;q=0.2,digest;d-qop=auth",
            MECHANISMS,
            |m| each(m.security_server()),
            NO_MECHANISM,
        ),
        row(
            Name::SecurityVerify,
            "tls;q=0.2,digest;d-qop=auth",
            MECHANISMS,
            |m| each(m.security_verify()),
            NO_MECHANISM,
        ),
        row(Name::ServiceRoute, WELCOME_SENT, WELCOME, |m| each(m.service_routes()), NO_URI),
        row(
            Name::SessionExpires,
            "4000; refresher=uac",
            &["4000; refresher=uac"],
            |m| one(m.session_expires()),
            Some(("4000;refresher=me", "uac or uas", 15)),
        ),
        row(
            Name::SipETag,
            "dx200xyz",
            &["dx200xyz"],
            |m| one(m.sip_etag()),
            Some(("\"dx\"", "an entity tag", 0)),
        ),
        row(
            Name::SipIfMatch,
            "dx200xyz",
            &["dx200xyz"],
            |m| one(m.sip_if_match()),
            Some(("a b", NO_TOKEN, 1)),
        ),
        row(
            Name::SubscriptionState,
            "Active;expires=600",
            &["active;expires=600"],
            |m| one(m.subscription_state()),
            Some(("active;expires=x", SECONDS, 15)),
        ),
        row(
            Name::UserToUser,
            "56a3;encoding=hex, \"a,b\"",
            &["56a3;encoding=hex", "\"a,b\""],
            |m| each(m.user_to_user()),
            Some(("56a3, \"", "a closing quote", 6)),
        ),
    ]
}
