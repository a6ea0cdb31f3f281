//! A datagram: all that can be read of it, and all that can be made of it.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::views::{read_views, views_of};
use crate::limits::Limits;
use crate::message::{
    Body, BuildError, Builder, Datagram, Header, Message, Method, Name, Parts, StatusCode, Uri,
};

/// Parses `octets`, reads everything that can be read of the message, and writes what can be made of it.
///
/// # Panics
/// When something of the crate does, or when a message is not what it is written and parsed as.
pub fn check_message(octets: &[u8]) {
    match Datagram::read(Bytes::copy_from_slice(octets), &Limits::DEFAULT) {
        Datagram::KeepAlive(_) | Datagram::NotSip(_) => {}
        Datagram::Broken(message, fault) => {
            _ = alloc::format!("{fault} {fault:?}");
            read_all(&message);
            assert!(message.validate().is_err(), "{message:?} is refused, {fault}, and passes all the same");
            _ = message.answer(StatusCode::BAD_REQUEST, "Bad", "t").finish();
        }
        Datagram::Valid(message) => {
            read_all(&message);
            check_again(&message);
            check_strict(&message);
            check_built(&message);
            if message.is_request() {
                check_made(message);
            }
        }
    }
    if let Ok(message) = Message::parse(octets.to_vec()) {
        check_again(&message);
    }
}

/// Reads every view of a message.
fn read_all(message: &Message) {
    let shown = alloc::format!("{message:?} {}", message.reason_phrase());
    assert!(!shown.contains('\n'), "{shown:?} is more than one line");
    let mut uris: Vec<&str> = message.request_uri().into_iter().collect();
    let addresses =
        [message.from(), message.to()].into_iter().chain(message.routes()).chain(message.record_routes());
    for address in
        addresses.chain(message.asserted_identities()).chain(message.contact().transpose()).flatten()
    {
        _ = (address.tag(), address.display_name(), address.params.iter().count());
        _ = address.check(address.uri);
        uris.push(address.uri);
    }
    for contact in message.contacts() {
        _ = alloc::format!("{contact:?}");
    }
    for via in message.via().chain([message.top_via()]).flatten() {
        _ = (
            via.branch(),
            via.rfc3261_branch(),
            via.port_or_default(),
            via.received(),
            via.rport(),
            via.maddr(),
        );
        _ = alloc::format!("{} {:?}", via.host, via.known_transport());
    }
    for uri in uris.into_iter().filter_map(|uri| Uri::parse(uri).ok()) {
        if let Some(uri) = uri.sip() {
            _ = (uri.transport(), uri.is_loose(), uri.maddr(), uri.params.iter().count());
        }
    }
    read_views(message);
    read_parts(message);
    for reason in message.reasons().flatten() {
        _ = (reason.cause(), reason.text());
    }
    _ = (message.max_forwards(), message.content_length(), message.expires(), message.timestamp());
    _ = message.content_type().map(|kind| kind.map(|kind| kind.is("application", "sdp")));
    _ = message.retry_after().map(|after| after.and_then(|after| after.duration()));
    let tags =
        message.allow().chain(message.supported()).chain(message.require()).chain(message.unsupported());
    _ = tags.map(str::len).sum::<usize>();
    for (name, value) in message.lines() {
        assert!(message.headers(name).any(|other| other == value), "{name} is not found by its name");
    }
    for name in Name::all() {
        assert_eq!(message.values(name).next(), message.value(name), "{name:?}");
    }
}

/// What passes strictly has no view that does not. Findings are bounded and lie within the message.
fn check_strict(message: &Message) {
    let (mut found, mut first) = (0, None);
    for finding in message.findings() {
        assert!(finding.fault.at <= message.as_bytes().len(), "{finding}");
        first = first.or(Some(finding));
        found += 1;
    }
    assert!(found <= 32 + 3 * message.lines().count(), "{found} findings");
    assert_eq!(message.validate().err(), first);
    if first.is_none() {
        assert!(
            !message.is_request() || message.parse_request_uri().is_ok(),
            "{}",
            message.as_bytes().escape_ascii()
        );
        for name in Name::all() {
            assert_eq!(views_of(message, name), Ok(()), "{}", message.as_bytes().escape_ascii());
        }
    }
}

/// How deep parts within parts are opened.
const DEPTH: usize = 4;

/// Reads the parts of the body, and the parts of these.
fn read_parts(message: &Message) {
    _ = message.session_description();
    let mut open: Vec<(usize, Parts<'_>)> =
        message.parts().ok().flatten().into_iter().map(|parts| (0, parts)).collect();
    while let Some((depth, parts)) = open.pop() {
        _ = parts.check();
        for part in parts {
            assert!(part.body.len() <= message.body().len());
            for (name, value) in part.headers() {
                assert!(part.header(name).is_some(), "{name}: {value}");
            }
            _ = (part.content_type(), part.content_disposition(), part.is_required());
            if depth < DEPTH {
                open.extend(part.parts().ok().flatten().map(|parts| (depth + 1, parts)));
            }
        }
    }
}

/// A message is what its own octets are parsed as.
fn check_again(message: &Message) {
    let parsed = Message::parse(message.as_bytes().to_vec());
    assert_eq!(parsed.as_ref(), Ok(message), "{}", message.as_bytes().escape_ascii());
}

/// What is made of a request is well-formed.
fn check_made(mut request: Message) {
    request.set_source(([192, 0, 2, 9], 5070).into());
    for status in [StatusCode::TRYING, StatusCode::RINGING, StatusCode::OK, StatusCode::BUSY_HERE] {
        let Ok(answer) = request.answer(status, status.reason(), "tag").finish() else { continue };
        check_again(&answer);
        assert_eq!((answer.call_id(), answer.cseq()), (request.call_id(), request.cseq()));
        if let Ok(ack) = request.ack_for(&answer) {
            check_again(&ack);
            assert_eq!(*ack.method(), Method::Ack);
        }
    }
    if let Ok(cancel) = request.cancel().finish() {
        check_again(&cancel);
        assert_eq!(cancel.cseq(), request.cseq());
    }
}

/// What is built of a message's parts is parsed as these parts.
fn check_built(message: &Message) {
    let mut builder = match message.status() {
        Some(status) => Builder::response(status, message.reason_phrase()),
        None => Builder::request(message.method(), message.request_uri().unwrap_or_default()),
    };
    for (spelling, value) in message.lines() {
        match Name::find(spelling) {
            Name::Unknown => builder.extra(&Header::new(String::from(spelling), String::from(value))),
            Name::CSeq => builder.cseq(message.cseq(), message.method()),
            Name::ContentType | Name::ContentLength => &mut builder,
            name => builder.header(name, value),
        };
    }
    let body = message.value(Name::ContentType).filter(|_| !message.body().is_empty());
    let body = body.map(|kind| Body::new(String::from(kind), message.body().to_vec()));
    let built = match builder.finish_with(body.as_ref()) {
        Ok(built) => built,
        Err(fault) => {
            // What an application may not write: RFC 3261 §25.1 has control characters in quoted pairs.
            let is_usual = matches!(fault, BuildError::ControlCharacter | BuildError::TooLong);
            assert!(
                is_usual || message.validate().is_err(),
                "{fault}: {}",
                message.as_bytes().escape_ascii()
            );
            return;
        }
    };
    check_again(&built);
    assert_eq!(built.status(), message.status());
    assert_eq!((built.method(), built.cseq()), (message.method(), message.cseq()));
    assert_eq!(
        (built.request_uri(), built.reason_phrase()),
        (message.request_uri(), message.reason_phrase())
    );
    for (spelling, _) in message.lines() {
        let is_kept = !matches!(Name::find(spelling), Name::CSeq | Name::ContentType | Name::ContentLength);
        if is_kept {
            assert!(built.headers(spelling).eq(message.headers(spelling)), "{spelling}");
        }
    }
    if body.is_some() {
        assert_eq!(
            (built.body(), built.value(Name::ContentType)),
            (message.body(), message.value(Name::ContentType))
        );
    }
}
