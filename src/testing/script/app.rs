//! The application of a script: how its endpoint is configured, and what it asks for, sensible or hostile.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::peer::pick;
use super::words::{EVENTS, EXPIRES};
use super::{Calling, Replying};
use crate::context::{Earlier, Invite, Permission, Rel100, Reply, Request};
use crate::dialog::{InDialog, Modify, Reason};
use crate::endpoint::{Command, DialogId, ServerId};
use crate::message::{Body, Header, Message, Method, StatusCode};

const HEADERS: [(&str, &str); 32] = [
    ("X-Good", "good"),
    ("Reason", "SIP;cause=200;text=\"fine, thanks\""),
    ("Contact", "<sip:bob@192.0.2.77>"),
    ("X-Bad", "v\r\nX-Smuggled: 1"),
    ("X-Bad", "v\nX-Smuggled: 1"),
    ("X-Bad", "v\rX-Smuggled: 1"),
    ("X-Bad\r\nX-Smuggled", "1"),
    ("X-Bad: 1\r\nX-Smuggled", "1"),
    ("", "1"),
    ("Via", "SIP/2.0/UDP evil"),
    ("l", "5"),
    ("X-Nul", "\0"),
    ("X-Blank", " padded\t"),
    ("X-Control", "a\u{1}b\u{7f}"),
    ("X-Umlaut", "\u{fc}\u{2028}"),
    ("Record-Route", "<sip:evil"),
    ("Authorization", "Digest username=\"bob\", realm=\"h\", nonce=\"1\", uri=\"sip:h\", response=\"0\""),
    (
        "Proxy-Authorization",
        "Digest username=\"bob\", realm=\"h\", nonce=\"1\", uri=\"sip:h\", response=\"0\"",
    ),
    ("Event", "presence"),
    ("Subscription-State", "active;expires=30"),
    ("Event", "refer"),
    ("Subscription-State", "terminated;reason=timeout"),
    ("Event", "presence;id=7"),
    ("RAck", "1 1 INVITE"),
    ("Expires", "1"),
    ("Require", "100rel"),
    ("Supported", "timer"),
    ("Session-Expires", "90;refresher=uas"),
    ("Replaces", "call1;to-tag=a;from-tag=b"),
    ("Route", "<sip:192.0.2.9;lr>"),
    ("Content-Encoding", "gzip"),
    ("Retry-After", "1"),
];
const REASONS: [Option<&str>; 8] = [
    None,
    None,
    None,
    Some("Fine"),
    Some(""),
    Some("a\r\nX-Smuggled: 1"),
    Some(" \u{fc} "),
    Some("a\u{1}\0"),
];
const TARGETS: [&str; 16] = [
    "sip:alice@192.0.2.1",
    "sip:alice@192.0.2.1",
    "sip:alice@192.0.2.1",
    "sip:alice@192.0.2.1;transport=tcp",
    "sip:alice@192.0.2.1;transport=tcp",
    "sip:alice@name.example",
    "sip:alice@name.example;transport=tls",
    "sips:alice@192.0.2.1",
    "sip:alice@192.0.2.2:5070",
    "sip:alice@[2001:db8::1]",
    "sip:alice@192.0.2.9;transport=tcp",
    "tel:+1",
    "nonsense",
    "sip:alice@h\r\nX-Smuggled: 1",
    "sip:alice@192.0.2.1 x",
    "sips:alice@name.example",
];
const ROUTES: [&str; 8] = [
    "<sip:192.0.2.1;lr>",
    "<sip:proxy.example;lr>",
    "<sip:192.0.2.1>",
    "<tel:1>",
    "<sip:192.0.2.1;lr>\r\nX-Smuggled: 1",
    "nonsense",
    "<sip:192.0.2.2;lr;transport=tcp>",
    "\"a\u{1}\" <sip:192.0.2.1;lr>",
];
const FROMS: [&str; 4] = [
    "\"Bob, B.\" <sip:bob@192.0.2.4>;tag=mine",
    "sip:bob@192.0.2.4;x=y",
    "\"\r\nX-Smuggled: 1\" <sip:bob@192.0.2.4>",
    "<sip:bob@192.0.2.4>\r\nX-Smuggled: 1",
];

const REFERRED: [&str; 4] =
    ["<sip:carol@192.0.2.9>", "sip:carol@192.0.2.9", "<sip:carol@192.0.2.9>\r\nX-Smuggled: 1", "nonsense"];

/// No header up to 127, then one of the table's, from 224 on with the one behind it.
pub(super) fn headers(number: u8) -> Vec<Header> {
    let Some(at) = number.checked_sub(128) else { return Vec::new() };
    let next = (number >= 224).then(|| at.wrapping_add(1));
    let found = [at].into_iter().chain(next).filter_map(|at| pick(&HEADERS, at));
    found.map(|(name, value)| Header::new(*name, *value)).collect()
}

pub(super) fn body(number: u8) -> Option<Body> {
    match number % 16 {
        0..=7 => None,
        8..=11 => Some(Body::sdp(sdp(number))),
        12 => Some(Body::new("text/plain\r\nX-Smuggled: 1", "z")),
        13 => Some(Body::new("", "z")),
        14 => Some(Body::new("text/plain", alloc::vec![b'x'; 3_000])),
        _ => Some(Body::new(" text/plain ", "")),
    }
}

/// A session description: whole, of one direction, with two streams, or broken off.
pub(super) fn sdp(number: u8) -> Bytes {
    const HEAD: &str = "v=0\r\no=- 2 2 IN IP4 192.0.2.4\r\ns=-\r\n";
    const STREAM: &str = "c=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\n";
    match number % 8 {
        0 | 1 => format!("{HEAD}{STREAM}").into(),
        2 => format!("{HEAD}{STREAM}a=sendonly\r\n").into(),
        3 => Bytes::from_static(HEAD.as_bytes()),
        4 => format!("{HEAD}{STREAM}m=video 4002 RTP/AVP 99\r\na=inactive\r\n").into(),
        5 => format!("{HEAD}{STREAM}a=recvonly\r\n").into(),
        6 => Bytes::new(),
        _ => HEAD.replace("2 2", "2 3").into_bytes().into_iter().chain(STREAM.bytes()).collect(),
    }
}

/// A change of the session.
pub(super) fn modify(number: u8) -> Modify {
    match number % 8 {
        0 | 1 => Modify::Hold,
        2 | 3 => Modify::Unhold,
        4 | 5 => Modify::Offerless,
        _ => Modify::Sdp(sdp(number / 8)),
    }
}

pub(super) fn method(number: u8, common: Method) -> Method {
    const SELDOM: [Method; 6] =
        [Method::Notify, Method::Publish, Method::Prack, Method::Update, Method::Notify, Method::Subscribe];
    if number >= 224 {
        return pick(&SELDOM, number).cloned().unwrap_or(common);
    }
    match number % 32 {
        0..=15 => common,
        16 | 17 => Method::Options,
        18 | 19 => Method::Message,
        20 => Method::Update,
        21 => Method::Info,
        22 => Method::Ack,
        23 => Method::Cancel,
        24 => Method::Bye,
        25 => Method::Register,
        26 => Method::Refer,
        27 => Method::Other("FOO".into()),
        28 => Method::Other("A B".into()),
        29 => Method::Other("INVITE".into()),
        30 => Method::Other("A\r\nX-Smuggled: 1".into()),
        _ => Method::Other("".into()),
    }
}

/// SUBSCRIBE or REFER, in a dialog or outside.
pub(super) fn subscribe(dialog: Option<DialogId>, what: u8, expires: u8, extra: u8) -> Command {
    let mut added = headers(extra);
    let method = match what {
        0..192 => {
            added.extend(pick(&EVENTS, what).map(|event| Header::new("Event", *event)));
            added.extend(pick(&EXPIRES, expires).map(|expires| Header::new("Expires", *expires)));
            Method::Subscribe
        }
        192.. => {
            added.extend(pick(&REFERRED, what).map(|target| Header::new("Refer-To", *target)));
            added.extend((expires % 8 == 7).then(|| Header::new("Refer-Sub", "false")));
            Method::Refer
        }
    };
    match dialog {
        Some(dialog) => Command::Send(dialog, InDialog { method, headers: added, body: None }),
        None => {
            let request = Request::new(method, "sip:alice@192.0.2.1");
            Command::Request(Request { headers: added, ..request })
        }
    }
}

pub(super) fn reason(number: u8) -> Reason {
    pick(&Reason::ALL, number).copied().unwrap_or(Reason::Noresource)
}

/// How far a REFER has come.
pub(super) fn referred(number: u8) -> StatusCode {
    const STATUSES: [StatusCode; 4] =
        [StatusCode::TRYING, StatusCode::RINGING, StatusCode::OK, StatusCode::DECLINE];
    pick(&STATUSES, number).copied().unwrap_or(StatusCode::OK)
}

/// A request of the application's outside dialogs, at times another try of the one that `answer` is for.
pub(super) fn call(calling: &Calling, answer: Option<&Message>) -> Command {
    let target = *pick(&TARGETS, calling.target).unwrap_or(&"");
    let mut request = Request::new(method(calling.method, Method::Invite), target);
    request.headers = headers(calling.extra);
    request.body = body(calling.body);
    match calling.odd {
        0..=127 => {}
        128..=159 => request.after = answer.and_then(Earlier::of),
        160..=191 => {
            request.route =
                pick(&ROUTES, calling.odd).map(|route| Cow::Borrowed(*route)).into_iter().collect();
        }
        192..=207 => request.from = pick(&FROMS, calling.odd).map(|from| Cow::Borrowed(*from)),
        208..=223 => request.to = pick(&FROMS, calling.odd).map(|to| Cow::Borrowed(*to)),
        224..=239 => request.headers = (0..4).flat_map(|n| headers(calling.extra.wrapping_add(n))).collect(),
        240.. => {
            request.headers = [Header::new("X-Long", "x".repeat(65_000))].into();
        }
    }
    match request.method == Method::Invite {
        true => Command::Invite(Invite {
            request,
            ring_within: (calling.odd % 4 == 3).then_some(Duration::from_secs(5)),
            redirects: (calling.odd % 2 == 1).then_some(3),
            keeps_uri: (calling.odd % 7 == 5).then_some(true),
            rel100: (calling.odd % 5 == 4).then_some(Rel100::Required),
        }),
        false => Command::Request(request),
    }
}

/// An answer of the application's.
pub(super) fn reply(server: ServerId, replying: &Replying) -> Command {
    let reply = Reply {
        code: match replying.code {
            0..0x8000 => None,
            code => Some(code & 0x3ff),
        },
        reason: pick(&REASONS, replying.reason).copied().flatten().map(Cow::Borrowed),
        headers: headers(replying.extra),
        body: body(replying.body),
        reliable: replying.verb & 0x80 != 0,
        permission: match replying.verb & 0x60 {
            0x20 => Permission::Pending,
            0x40 => Permission::Denied,
            _ => Permission::Granted,
        },
    };
    match replying.verb % 8 {
        0..=2 => Command::Accept(server, reply),
        3 | 4 => Command::Progress(server, reply),
        5 | 6 => Command::Reply(server, reply),
        _ => Command::Reject(server, reply),
    }
}
