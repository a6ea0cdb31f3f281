//! Hold and unhold: a description like one of ours, but for its directions and its version (RFC 3264 §8.4).

use alloc::vec::Vec;

use super::lines::Line;
use super::stream::direction_of;
use super::{Direction, Session, write};
use crate::message::{ParseError, any_place};

/// The description that holds the peer: every stream in use goes from `sendrecv` to `sendonly` and from `recvonly` to `inactive`
/// (RFC 3264 §8.4), the version of the origin is one higher (§8). Disabled streams stay as they are.
///
/// A direction is written where it was stated, at the session or the stream; where none was, at the stream. When every stream
/// is on hold already, the description comes back as it is, version included.
///
/// # Errors
/// When `sdp` is no description: see [`Session::parse`].
pub fn hold(sdp: &[u8]) -> Result<Vec<u8>, ParseError> {
    redirect(sdp, Direction::held)
}

/// The description that holds the peer no longer: `sendonly` becomes `sendrecv`, `inactive` becomes `recvonly`, and the version is
/// one higher. It takes back what [`hold`] does to streams that received; a stream that was `sendonly` or `inactive` before
/// the hold is not told from one that was held.
///
/// # Errors
/// When `sdp` is no description: see [`Session::parse`].
pub fn unhold(sdp: &[u8]) -> Result<Vec<u8>, ParseError> {
    redirect(sdp, Direction::unheld)
}

/// Whether anything in a description could hold a peer: a direction that is not `sendrecv`, or the address `0.0.0.0`. The usual one has
/// nothing of the kind and need not be opened.
pub(crate) fn may_hold(sdp: &[u8]) -> bool {
    let is_direction = |value: &[u8]| {
        [Direction::SendOnly, Direction::Inactive].into_iter().any(|direction| {
            let direction = direction.as_str().as_bytes();
            value.get(..direction.len()).is_some_and(|start| start.eq_ignore_ascii_case(direction))
        })
    };
    let begins_hold = |rest: &[u8]| match rest {
        [b'a', b'=', value @ ..] => {
            // Few attributes begin as those directions do.
            let may_be = matches!(value.first(), Some(b's' | b'S' | b'i' | b'I' | b'\t'..=b' '));
            may_be && is_direction(value.trim_ascii_start())
        }
        [b'c', b'=', value @ ..] => {
            let end = memchr::memchr(b'\n', value).unwrap_or(value.len());
            value.get(..end).is_some_and(|line| line.windows(7).any(|word| word == b"0.0.0.0"))
        }
        _ => false,
    };
    begins_hold(sdp) || any_place(sdp, b'\n', |end| sdp.get(end.saturating_add(1)..).is_some_and(begins_hold))
}

fn redirect(sdp: &[u8], to: impl Fn(Direction) -> Direction) -> Result<Vec<u8>, ParseError> {
    let targets: Vec<Direction> = Session::parse(sdp)?.streams().map(|stream| to(stream.direction)).collect();
    redirect_each(sdp, &targets)
}

/// The description with these directions, one a stream, in the next version if they are others.
pub(super) fn redirect_each(sdp: &[u8], targets: &[Direction]) -> Result<Vec<u8>, ParseError> {
    let session = Session::parse(sdp)?;
    let each = || session.streams().zip(targets.iter().copied()).filter(|(stream, _)| !stream.is_disabled());
    if !each().any(|(stream, target)| target != stream.direction) {
        return Ok(sdp.to_vec());
    }
    let mut out = Vec::with_capacity(sdp.len().saturating_add(64));
    // All streams that inherit the session's direction have the same one: where they get the same one too, it changes in its place.
    let mut inherited = each().filter(|(stream, _)| stream.own_direction.is_none()).map(|(_, target)| target);
    let first = inherited.next().filter(|_| session.direction.is_some());
    let at_session = first.filter(|first| inherited.all(|target| target == *first));
    for line in session.head() {
        match line.kind {
            None => {}
            Some(b'o') => write::origin(&mut out, &session, &line, true),
            Some(_) => restate(&mut out, &line, at_session),
        }
    }
    let mut targets = targets.iter().copied();
    for stream in session.streams() {
        let target = targets.next().filter(|_| !stream.is_disabled());
        for line in stream.lines().filter(|line| line.kind.is_some()) {
            restate(&mut out, &line, target);
        }
        let is_unstated = stream.own_direction.is_none() && at_session.is_none();
        if let Some(target) = target.filter(|target| is_unstated && *target != stream.direction) {
            let end: &[u8] = if stream.section().contains(&b'\r') { b"\r\n" } else { b"\n" };
            state(&mut out, target, end);
        }
    }
    Ok(out)
}

/// Writes a line; if it states a direction, then the new one.
fn restate(out: &mut Vec<u8>, line: &Line<'_>, target: Option<Direction>) {
    match target.filter(|_| direction_of(line).is_some()) {
        Some(target) => state(out, target, if line.raw.ends_with(b"\r\n") { b"\r\n" } else { b"\n" }),
        None => write::copy(out, line),
    }
}

fn state(out: &mut Vec<u8>, direction: Direction, end: &[u8]) {
    out.extend_from_slice(b"a=");
    out.extend_from_slice(direction.as_str().as_bytes());
    out.extend_from_slice(end);
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    const HEAD: &str = "v=0\r\no=- 8 41 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";

    fn text(sdp: Result<Vec<u8>, ParseError>) -> String {
        String::from_utf8(sdp.unwrap()).unwrap()
    }

    /// Holds and unholds a description of `tail`, in versions 41 to 43.
    fn check(tail: &str, held: &str, unheld: &str) {
        let sdp = [HEAD, tail].concat();
        let on_hold = text(hold(sdp.as_bytes()));
        assert_eq!(on_hold, [&HEAD.replace(" 41 ", " 42 "), held].concat());
        assert_eq!(text(unhold(on_hold.as_bytes())), [&HEAD.replace(" 41 ", " 43 "), unheld].concat());
        assert_eq!(text(hold(on_hold.as_bytes())), on_hold, "twice is once");
    }

    // Holds: 3264-5.1-1, 3264-5.1-3, 3264-8.4-1, 3264-8.4-2
    #[test]
    fn streams_that_state_their_direction() {
        check(
            "m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\na=ptime:20\r\nm=video 4002 RTP/AVP 31\r\na=recvonly\r\n",
            "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\na=ptime:20\r\nm=video 4002 RTP/AVP 31\r\na=inactive\r\n",
            "m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\na=ptime:20\r\nm=video 4002 RTP/AVP 31\r\na=recvonly\r\n",
        );
    }

    #[test]
    fn a_direction_nobody_states_is_sendrecv() {
        check(
            "m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 31",
            "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\nm=video 4002 RTP/AVP 31\r\na=sendonly\n",
            "m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\nm=video 4002 RTP/AVP 31\r\na=sendrecv\n",
        );
    }

    // Holds: 3264-5.1-2, 3264-8.4-1, 3264-8.4-2
    #[test]
    fn the_sessions_direction_changes_in_its_place_for_those_who_inherit_it() {
        check(
            "a=recvonly\r\nm=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 31\r\na=sendrecv\r\n",
            "a=inactive\r\nm=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 31\r\na=sendonly\r\n",
            "a=recvonly\r\nm=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 31\r\na=sendrecv\r\n",
        );
        // Nobody inherits it: it stays.
        check(
            "a=sendrecv\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\nm=video 0 RTP/AVP 31\r\n",
            "a=sendrecv\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\nm=video 0 RTP/AVP 31\r\n",
            "a=sendrecv\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\nm=video 0 RTP/AVP 31\r\n",
        );
    }

    // Holds: 3264-5.1-4
    #[test]
    fn a_disabled_stream_is_left_alone() {
        check(
            "m=video 0 RTP/AVP 31\r\na=sendrecv\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n",
            "m=video 0 RTP/AVP 31\r\na=sendrecv\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n",
            "m=video 0 RTP/AVP 31\r\na=sendrecv\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n",
        );
    }

    #[test]
    fn line_ends_stay_as_they_are_and_blank_lines_go() {
        let sdp = "v=0\no=- 8 9 IN IP4 h\ns=-\nc=IN IP4 h\nt=0 0\nm=audio 4000 RTP/AVP 0\n\n";
        let held = "v=0\no=- 8 10 IN IP4 h\ns=-\nc=IN IP4 h\nt=0 0\nm=audio 4000 RTP/AVP 0\na=sendonly\n";
        assert_eq!(text(hold(sdp.as_bytes())), held);
    }

    // Holds: 3264-8-3
    #[test]
    fn nothing_to_hold_is_nothing_new() {
        for tail in ["", "m=audio 0 RTP/AVP 0\r\n", "a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n"] {
            let sdp = [HEAD, tail].concat();
            assert_eq!(text(hold(sdp.as_bytes())), sdp, "RFC 3264 §8: same version, same description");
        }
        assert!(hold(b"v=0\r\n").is_err());
    }

    /// A look at the octets finds whatever the opened session would.
    #[test]
    fn nothing_that_holds_is_overlooked() {
        let lines = [
            "c=IN IP4 192.0.2.1",
            "c=IN IP4 0.0.0.0",
            "c=IN IP4 0.0.0.0/127",
            "a=sendonly",
            "a=SendOnly ",
            "a= inactive",
            "a=recvonly",
            "a=sendrecv",
            "m=audio 4000 RTP/AVP 0",
            "i=a=sendonly",
        ];
        let mut held = 0;
        // Every description of three of these lines, with both ends of line.
        for number in 0..lines.len().pow(3) {
            for end in ["\r\n", "\n"] {
                let mut sdp =
                    String::from("v=0\no=- 8 41 IN IP4 192.0.2.1\ns=-\nt=0 0\nm=audio 4 RTP/AVP 0\n")
                        .replace('\n', end);
                for place in 0..3 {
                    sdp.push_str(lines[number / lines.len().pow(place) % lines.len()]);
                    sdp.push_str(end);
                }
                if Session::parse(sdp.as_bytes()).is_ok_and(|session| session.is_hold()) {
                    assert!(may_hold(sdp.as_bytes()), "{sdp}");
                    held += 1;
                }
            }
        }
        assert!(held > 100, "{held}");
        assert!(!may_hold(b"v=0\r\nc=IN IP4 10.0.0.1\r\na=sendrecv\r\ni=a=sendonly\r\n"));
    }
}
