//! Session descriptions: what is read, held, offered and answered.

use alloc::vec::Vec;

use crate::sdp::{self, Change, Direction, Ours, Session};

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
