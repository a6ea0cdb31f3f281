//! The next offer in a session that has begun (RFC 3264 §8).

use alloc::vec::Vec;

use super::{Origin, Session, write};
use crate::message::ParseError;

/// Makes of the description `wanted` an offer that may follow `last`, the last one that we sent in the session (RFC 3264 §8): its origin is `last`'s, one version higher
/// unless nothing else changes, and streams that `wanted` leaves away are there still, disabled.
///
/// A `last` that is no description binds nobody: `wanted` comes back as it is.
///
/// # Errors
/// When `wanted` is no description: see [`Session::parse`].
pub fn next_offer(last: &[u8], wanted: &[u8]) -> Result<Vec<u8>, ParseError> {
    let wanted = Session::parse(wanted)?;
    let Ok(last) = Session::parse(last) else { return Ok(wanted.as_bytes().to_vec()) };
    let same = write_offer(&last, &wanted, last.origin.version, true);
    if same == last.as_bytes() {
        return Ok(same);
    }
    Ok(write_offer(&last, &wanted, last.origin.version.wrapping_add(1), true))
}

/// Gives a description, which follows `last`, a version of its own: one behind that of `spent`, which was sent and came to nothing, unless it is either of
/// these (RFC 3264 §8).
pub(crate) fn beyond(spent: &[u8], last: &[u8], sdp: Vec<u8>) -> Vec<u8> {
    let (Ok(session), Ok(before)) = (Session::parse(&sdp), Session::parse(spent)) else { return sdp };
    let is_taken = session.origin.version <= before.origin.version
        && session.origin.is_same_session(&before.origin)
        && ![spent, last].contains(&&*sdp);
    if !is_taken {
        return sdp;
    }
    write_offer(&before, &session, before.origin.version.wrapping_add(1), false)
}

/// The version of a description; `None` where it is none.
pub(crate) fn version(sdp: &[u8]) -> Option<u64> {
    Session::parse(sdp).ok().map(|session| session.origin.version)
}

/// Writes `wanted` in this version, with the streams of `last` that are not there disabled where it `keeps` them.
fn write_offer(last: &Session<'_>, wanted: &Session<'_>, version: u64, keeps: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(wanted.as_bytes().len().saturating_add(64));
    for line in wanted.head() {
        match line.kind {
            None => {}
            Some(b'o') => write::origin_as(&mut out, &Origin { version, ..last.origin }),
            Some(_) => write::copy(&mut out, &line),
        }
    }
    for line in wanted.streams().flat_map(|stream| stream.lines()).filter(|line| line.kind.is_some()) {
        write::copy(&mut out, &line);
    }
    for stream in last.streams().skip(wanted.streams().count()).filter(|_| keeps) {
        write::disabled(&mut out, &stream, wanted);
    }
    out
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    const HEAD: &str = "v=0\r\no=bob 7 4 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n";
    const AUDIO: &str = "m=audio 5000 RTP/AVP 0\r\n";
    const VIDEO: &str = "m=video 5002/2 RTP/AVP 31 34\r\na=rtpmap:31 H261/90000\r\n";

    fn next(last: &[&str], wanted: &[&str]) -> String {
        String::from_utf8(next_offer(last.concat().as_bytes(), wanted.concat().as_bytes()).unwrap()).unwrap()
    }

    // Holds: 3264-8-1, 3264-8-2, 3264-8-3
    #[test]
    fn the_version_moves_when_something_changes_and_only_then() {
        let other = HEAD.replace("bob 7 4 IN IP4 192.0.2.2", "- 99 1 IN IP4 host.invalid");
        assert_eq!(next(&[HEAD, AUDIO], &[&other, AUDIO]), [HEAD, AUDIO].concat(), "RFC 3264 §8");
        let changed = AUDIO.replace("5000", "5004");
        let expected = [&HEAD.replace(" 4 IN", " 5 IN"), &*changed].concat();
        assert_eq!(next(&[HEAD, AUDIO], &[&other, &changed]), expected);
    }

    // Holds: 3264-8-6, 3264-8-7, 3264-8-8, 3264-8.1-1
    #[test]
    fn a_stream_is_disabled_but_never_removed() {
        let expected = [&HEAD.replace(" 4 IN", " 5 IN"), AUDIO, "m=video 0 RTP/AVP 31\r\n"].concat();
        assert_eq!(next(&[HEAD, AUDIO, VIDEO], &[HEAD, AUDIO]), expected, "RFC 3264 §8.2");
        assert_eq!(next(&[&expected], &[HEAD, AUDIO]), expected, "and stays so, in the same version");
        // One more is appended; a disabled slot is used again (§8.1).
        let expected = [&HEAD.replace(" 4 IN", " 5 IN"), AUDIO, VIDEO].concat();
        assert_eq!(next(&[HEAD, AUDIO], &[HEAD, AUDIO, VIDEO]), expected);
    }

    #[test]
    fn a_last_description_that_is_none_binds_nobody() {
        assert_eq!(next(&["hello"], &[HEAD, AUDIO]), [HEAD, AUDIO].concat());
        assert!(next_offer(HEAD.as_bytes(), b"hello").is_err());
    }
}
