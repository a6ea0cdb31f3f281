//! What must hold for any octets: the bodies of the fuzz targets, and of the test that replays their corpora.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::limits::Limits;
use crate::message::{Contact, Datagram, Framer, Message, Method, Name, ParseError, StatusCode, Unit, Uri};
use crate::sdp::{self, Change, Direction, Ours, Session};

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
        assert_eq!(every_view(message), Ok(()), "{:?}", message.as_bytes());
    }
}

fn every_view(message: &Message) -> Result<(), ParseError> {
    if message.is_request() {
        message.parse_request_uri()?;
    }
    for via in message.via().chain([message.top_via()]) {
        via?;
    }
    let addresses = [message.from(), message.to()].into_iter().chain(message.routes());
    for address in addresses.chain(message.record_routes()).chain(message.asserted_identities()) {
        address?.parse_uri()?;
    }
    for contact in message.contacts() {
        if let Contact::Address(address) = contact? {
            address.parse_uri()?;
        }
    }
    for reason in message.reasons() {
        reason?;
    }
    message.contact()?;
    message.max_forwards()?;
    message.content_length()?;
    message.content_type()?;
    message.expires()?;
    message.retry_after()?;
    message.timestamp()?;
    Ok(())
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

/// Reads `octets` as a session description, or, parted at the first octet 0, as an offer and what we said last; and writes what can be made of them.
///
/// # Panics
/// When something of the crate does; when holding and letting go again does not give the same directions; or when an answer is no
/// description with as many streams as its offer.
pub fn check_sdp(octets: &[u8]) {
    let mut parts = octets.splitn(2, |octet| *octet == 0);
    let offer = parts.next().unwrap_or_default();
    let ours = parts.next().unwrap_or(offer);
    for sdp in [offer, ours] {
        match Session::parse(sdp) {
            Ok(session) => check_session(&session),
            Err(fault) => {
                assert!(fault.at <= sdp.len(), "{fault} is beyond the end");
                assert_eq!(sdp::hold(sdp), Err(fault));
            }
        }
    }
    _ = sdp::compare(ours, offer);
    assert_eq!(sdp::compare(offer, offer), Change::Refresh);
    check_answer(offer, ours);
    if let Ok(next) = sdp::next_offer(ours, offer) {
        let next_streams = streams_of(&next);
        assert!(next_streams.len() >= streams_of(offer).len().max(streams_of(ours).len()));
        if Session::parse(ours).is_ok() {
            assert_eq!(sdp::next_offer(&next, offer).as_ref(), Ok(&next), "the same again is no change");
        }
    }
}

/// The directions of the streams; those in use are marked.
fn streams_of(sdp: &[u8]) -> Vec<(bool, Direction)> {
    let session = Session::parse(sdp).ok();
    let streams = session.iter().flat_map(Session::streams);
    streams.map(|stream| (!stream.is_disabled(), stream.direction)).collect()
}

fn check_session(session: &Session<'_>) {
    _ = alloc::format!("{session:?} {:?}", session.streams().collect::<Vec<_>>());
    for stream in session.streams() {
        assert!(stream.is_disabled() || (stream.formats().next().is_some() && stream.connection.is_some()));
        _ = stream.attributes().chain(session.attributes()).count();
    }
    let sdp = session.as_bytes();
    let held = sdp::hold(sdp).expect("what can be read can be held");
    let unheld = sdp::unhold(&held).expect("and let go");
    let (before, held_streams, unheld_streams) = (streams_of(sdp), streams_of(&held), streams_of(&unheld));
    assert_eq!((before.len(), before.len()), (held_streams.len(), unheld_streams.len()));
    for ((before, held), unheld) in before.into_iter().zip(held_streams).zip(unheld_streams) {
        assert_eq!((before.0, before.0), (held.0, unheld.0), "a stream is in use, or not, as before");
        if before.0 {
            assert_eq!(held.1, before.1.held());
            assert_eq!(unheld.1, before.1.unheld(), "RFC 3264 §8.4");
        }
    }
    assert_eq!(sdp::hold(&held).as_deref(), Ok(&*held), "twice is once");
    if held != sdp {
        let version = Session::parse(&held).map(|held| held.origin.version);
        assert_eq!(version, Ok(session.origin.version.wrapping_add(1)), "RFC 3264 §8");
    }
}

fn check_answer(offer: &[u8], ours: &[u8]) {
    for is_holding in [false, true] {
        let Ok(answer) = sdp::answer(offer, &Ours::new(ours).holding(is_holding)) else { continue };
        let (offered, answered) = (streams_of(offer), streams_of(&answer));
        assert_eq!(offered.len(), answered.len(), "RFC 3264 §6");
        for (offered, answered) in offered.into_iter().zip(answered).filter(|(_, answered)| answered.0) {
            assert!(offered.0, "what is not offered is not accepted");
            let widest = offered.1.reversed();
            assert_eq!(answered.1.and(widest), answered.1, "RFC 3264 §6.1");
            assert!(!(is_holding && answered.1.receives()));
        }
        let again = sdp::answer(offer, &Ours::new(&answer).holding(is_holding));
        assert_eq!(again.as_deref(), Ok(&*answer), "the same offer again has the same answer");
    }
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
