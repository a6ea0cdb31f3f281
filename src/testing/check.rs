//! What must hold for any octets: the bodies of the fuzz targets, and of the test that replays their corpora.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::limits::Limits;
use crate::message::{Datagram, Framer, Message, Method, Name, StatusCode, Unit, Uri};

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
            _ = message.answer(StatusCode::BAD_REQUEST, "Bad", "t").finish();
        }
        Datagram::Valid(message) => {
            read_all(&message);
            check_again(&message);
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
    super::views::read_views(message);
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

/// A message is what its own octets are parsed as.
fn check_again(message: &Message) {
    let parsed = Message::parse(message.as_bytes().to_vec());
    assert_eq!(parsed.as_ref(), Ok(message), "{:?}", message.as_bytes());
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

/// Cuts `octets` in chunks whose lengths its first octets say, and holds what a framer makes of them against what it makes of the whole.
///
/// # Panics
/// When the two differ, or the framer holds back more than its limits allow.
pub fn check_stream(octets: &[u8]) {
    let limits = Limits { head: 512, body: 256, ..Limits::DEFAULT };
    let count = usize::from(octets.first().copied().unwrap_or_default() % 16);
    let rest = octets.get(1..).unwrap_or_default();
    let (lengths, stream) = rest.split_at_checked(count).unwrap_or((rest, &[]));
    let whole = frame(core::iter::once(stream), &limits);
    let mut left = stream;
    let mut lengths = lengths.iter().cycle();
    let chunks = core::iter::from_fn(|| {
        let length = lengths.next().map_or(1, |length| usize::from(*length).max(1)).min(left.len());
        let (chunk, rest) = left.split_at_checked(length)?;
        left = rest;
        (!chunk.is_empty()).then_some(chunk)
    });
    assert_eq!(frame(chunks, &limits), whole, "in chunks, and whole");
    for unit in whole.into_iter().flatten() {
        if let Unit::Message(octets) = unit {
            check_message(&octets);
        }
    }
}

/// The units of a stream; the last one is `None` when it was given up.
fn frame<'a>(chunks: impl Iterator<Item = &'a [u8]>, limits: &Limits) -> Vec<Option<Unit>> {
    let mut framer = Framer::new();
    let mut units = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        loop {
            match framer.next(limits) {
                Ok(Some(unit)) => units.push(Some(unit)),
                Ok(None) => break,
                Err(_) => {
                    assert_eq!(framer.buffered(), 0, "a lost stream holds nothing");
                    units.push(None);
                    return units;
                }
            }
        }
        let most = limits.head + limits.body;
        assert!(framer.buffered() <= most, "{} octets are held back, {most} may be", framer.buffered());
    }
    units
}

/// Carries out the [`Script`](super::Script) that `octets` stand for, with all that an endpoint promises.
///
/// # Panics
/// When a promise is not kept.
#[cfg(feature = "arbitrary")]
pub fn check_script(octets: &[u8]) {
    let script = super::Script::from_octets(octets);
    let kept = super::script::run(&script);
    assert!(
        kept.is_ok(),
        "{}\n{script:#?}",
        kept.err().map(|violation| alloc::format!("{violation}")).unwrap_or_default()
    );
}
