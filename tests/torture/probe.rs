//! The fields of a message by name, as text: `via.2.branch`, `from.param.x`, `uri.host`.
//!
//! | text | stands for |
//! |---|---|
//! | `(none)` | there is no such thing |
//! | `(no value)` | a parameter without `=` |
//! | `(empty)` | there, and empty |
//! | `(malformed)` | there, and not to be read |
//! | `␀ ␇ ␍ ␊` and their kin | the control character |

use sip_proto::message::{Address, Contact, Host, Message, Params, ParseError, Uri, Via};
use sip_proto::sdp::Session;

const NONE: &str = "(none)";
const MALFORMED: &str = "(malformed)";

/// The field `key` of `message`.
pub(crate) fn probe(message: &Message, key: &str) -> String {
    if let Some(key) = key.strip_suffix(".len").filter(|key| *key != "body") {
        return raw(message, key).map_or(NONE.into(), |value| value.len().to_string());
    }
    show(raw(message, key))
}

/// A value fit for one line.
fn show(value: Option<String>) -> String {
    let Some(value) = value else { return NONE.into() };
    if value.is_empty() {
        return "(empty)".into();
    }
    let picture = |c: char| match c {
        '\x7f' => '␡',
        c if c < ' ' => char::from_u32(0x2400 + u32::from(c)).unwrap(),
        c => c,
    };
    value.chars().map(picture).collect()
}

fn raw(message: &Message, key: &str) -> Option<String> {
    let (first, rest) = key.split_once('.').unwrap_or((key, ""));
    match first {
        "method" => Some(message.method().as_str().into()),
        "status" => message.status().map(|status| status.code().to_string()),
        "reason" => Some(message.reason_phrase().into()),
        "cseq" => Some(message.cseq().to_string()),
        "call-id" => Some(message.call_id().into()),
        "max-forwards" => optional(message.max_forwards().map(|hops| hops.map(|hops| hops.to_string()))),
        "expires" => optional(message.expires().map(|time| time.map(|time| time.as_secs().to_string()))),
        "content-length" => optional(message.content_length().map(|n| n.map(|n| n.to_string()))),
        "content-type" => optional(message.content_type().map(|kind| {
            kind.and_then(|kind| match rest {
                "" => Some(format!("{}/{}", kind.main, kind.sub)),
                name => param(kind.params, name),
            })
        })),
        "octets" => Some(message.as_bytes().len().to_string()),
        "body" if rest == "len" => Some(message.body().len().to_string()),
        "body" => Some(String::from_utf8_lossy(message.body()).into()),
        // What every line of a session description with this type says.
        "sdp" => {
            let text = String::from_utf8_lossy(message.body());
            let lines = text.lines().filter_map(|line| line.strip_prefix(rest)?.strip_prefix('='));
            some_joined(lines.map(Into::into).collect())
        }
        "part" => of_part(message, rest),
        "date" => optional(message.date().map(|date| date.map(|date| date.to_string()))),
        "retry-after" => {
            optional(message.retry_after().map(|wait| wait.map(|wait| wait.after.as_secs().to_string())))
        }
        "warning" => nth(message.warnings(), rest, |warning, _| {
            Some(format!("{} {} {}", warning.code, warning.agent, warning.raw_text))
        }),
        "authorization" => nth(message.authorization(), rest, |credentials, field| match field {
            "scheme" => Some(credentials.scheme.into()),
            name => credentials.params.value(name).map(Into::into),
        }),
        // A stream of the session description: what, where to.
        "media" => of_stream(message, rest),
        "uri" => message.request_uri().and_then(|uri| of_uri(uri, rest)),
        "header" => some_joined(message.headers(rest).map(Into::into).collect()),
        "from" => of_address(message.from().map(Some), rest),
        "to" => of_address(message.to().map(Some), rest),
        "via" => match rest {
            "count" => Some(message.via().count().to_string()),
            _ => nth(message.via(), rest, of_via),
        },
        "contact" => match rest {
            "count" => Some(message.contacts().count().to_string()),
            _ => nth(message.contacts(), rest, |contact, rest| match contact {
                Contact::Star => Some("*".into()),
                Contact::Address(address) => of_address(Ok(Some(address)), rest),
            }),
        },
        "route" => nth(message.routes(), rest, |route, rest| of_address(Ok(Some(route)), rest)),
        "record-route" => nth(message.record_routes(), rest, |route, rest| of_address(Ok(Some(route)), rest)),
        "require" => some_joined(message.require().map(Into::into).collect()),
        "elements" => {
            let values = message.headers(rest).flat_map(sip_proto::message::List::new);
            some_joined(values.map(Into::into).collect())
        }
        // All names in the order and the spelling of the wire.
        "names" => some_joined(message.lines().map(|(name, _)| name.into()).collect()),
        _ => panic!("no field is called {key}"),
    }
}

fn some_joined(values: Vec<String>) -> Option<String> {
    (!values.is_empty()).then(|| values.join(" | "))
}

fn optional(value: Result<Option<String>, ParseError>) -> Option<String> {
    value.unwrap_or_else(|_| Some(MALFORMED.into()))
}

/// `part.count`, and of a part its `type`, `text`, `len` and how many NULs it has.
fn of_part(message: &Message, field: &str) -> Option<String> {
    let Ok(parts) = message.parts() else { return Some(MALFORMED.into()) };
    let mut parts = parts?;
    if field == "count" {
        return Some(parts.count().to_string());
    }
    let (number, field) = field.split_once('.').unwrap();
    let part = parts.nth(number.parse::<usize>().unwrap() - 1)?;
    match field {
        "type" => part.content_type().unwrap().map(|kind| format!("{}/{}", kind.main, kind.sub)),
        "text" => Some(String::from_utf8_lossy(part.body).into()),
        "octets" => Some(part.body.len().to_string()),
        "nuls" => Some(part.body.iter().filter(|octet| **octet == 0).count().to_string()),
        field => panic!("a part has no {field}"),
    }
}

fn of_stream(message: &Message, number: &str) -> Option<String> {
    let Ok(session) = Session::parse(message.body()) else { return Some(MALFORMED.into()) };
    let stream = session.streams().nth(number.parse::<usize>().unwrap() - 1)?;
    let connection = stream.connection.map_or("", |connection| connection.address);
    let formats = stream.formats().collect::<Vec<_>>().join(" ");
    Some(format!("{} {connection} {} {} {formats}", stream.media, stream.port, stream.proto))
}

/// The field `2.branch` of the second of many.
fn nth<T>(
    mut all: impl Iterator<Item = Result<T, ParseError>>,
    rest: &str,
    of: impl FnOnce(T, &str) -> Option<String>,
) -> Option<String> {
    let (number, rest) = rest.split_once('.').unwrap_or((rest, ""));
    match all.nth(number.parse::<usize>().unwrap() - 1)? {
        Ok(one) => of(one, rest),
        Err(_) => Some(MALFORMED.into()),
    }
}

fn of_via(via: Via<'_>, field: &str) -> Option<String> {
    match field {
        "" => Some(format!("{} {}{}", via.transport, of_host(via.host), of_port(via.port))),
        "branch" => via.branch().map(Into::into),
        // The branch of an element that keeps to RFC 3261.
        "rfc3261-branch" => via.rfc3261_branch().map(Into::into),
        "received" => via.received().map(|ip| ip.to_string()),
        "rport" => via.rport().map(|port| port.to_string()),
        "params" => Some(params(via.params)),
        field => param(via.params, field.strip_prefix("param.").unwrap_or_else(|| panic!("Via: {field}"))),
    }
}

fn of_host(host: Host<'_>) -> String {
    match host {
        Host::Name(name) => name.into(),
        // The braces tell an address from a name.
        Host::Ip(ip) => format!("{{{ip}}}"),
    }
}

fn of_port(port: Option<u16>) -> String {
    port.map(|port| format!(":{port}")).unwrap_or_default()
}

fn of_address(address: Result<Option<Address<'_>>, ParseError>, field: &str) -> Option<String> {
    let Ok(address) = address else { return Some(MALFORMED.into()) };
    let address = address?;
    match field {
        "" | "uri" => Some(address.uri.into()),
        "display" => address.display_name().map(Into::into),
        "tag" => address.tag().map(Into::into),
        "params" => Some(params(address.params)),
        field => match field.strip_prefix("param.") {
            Some(name) => param(address.params, name),
            None => of_uri(address.uri, field.strip_prefix("uri.").unwrap_or_else(|| panic!("{field}"))),
        },
    }
}

fn of_uri(text: &str, field: &str) -> Option<String> {
    if field.is_empty() {
        return Some(text.into());
    }
    let Ok(uri) = Uri::parse(text) else { return Some(MALFORMED.into()) };
    // Whether the URI behind the `=` is equivalent (RFC 3261 §19.1.4).
    if let Some(other) = field.strip_prefix('=') {
        return Some(if uri.equals(&Uri::parse(other).unwrap()) { "same" } else { "another" }.into());
    }
    match (uri, field) {
        (Uri::Sip(uri), "scheme") => Some(if uri.secure { "sips" } else { "sip" }.into()),
        (Uri::Sip(uri), "user") => uri.user.map(Into::into),
        (Uri::Sip(uri), "password") => uri.password.map(Into::into),
        (Uri::Sip(uri), "host") => Some(format!("{}{}", of_host(uri.host), of_port(uri.port))),
        (Uri::Sip(uri), "params") => Some(params(uri.params)),
        (Uri::Sip(uri), "headers") => uri.headers.map(Into::into),
        (Uri::Sip(uri), field) => {
            param(uri.params, field.strip_prefix("param.").unwrap_or_else(|| panic!("SIP URI: {field}")))
        }
        (Uri::Tel(tel), "number") => Some(tel.number.into()),
        (Uri::Other { scheme, .. }, "scheme") => Some(scheme.into()),
        (Uri::Other { opaque, .. }, "opaque") => Some(opaque.into()),
        (_, field) => panic!("{text} has no {field}"),
    }
}

/// The names and values of all parameters.
fn params(params: Params<'_>) -> String {
    let all = params.iter().map(|param| match param.value {
        Some(value) => format!("{}={value}", param.name),
        None => param.name.into(),
    });
    all.collect::<Vec<_>>().join("; ")
}

fn param(params: Params<'_>, name: &str) -> Option<String> {
    params.get(name).map(|value| value.unwrap_or("(no value)").into())
}
