//! Session descriptions: reading, hold, what changes, answers (RFC 8866, RFC 3264, RFC 6337 §5).

#![allow(clippy::arithmetic_side_effects, reason = "test")]

use proptest::prelude::*;
use sip_proto::sdp::{self, Change, Direction, Ours, Session};
use sip_proto::testing::check_sdp;

const THEIRS: &str = "v=0\r\no=alice 1 5 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
const OURS: &str = "v=0\r\no=bob 7 9 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n";

fn fault(sdp: &str) -> String {
    Session::parse(sdp.as_bytes()).map(|_| ()).unwrap_err().to_string()
}

mod reading {
    use super::*;

    #[test]
    fn every_part_is_found() {
        let sdp = "v=0\r\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\ns=Call\r\ni=x\r\nu=http://x\r\ne=j\r\n\
            c=IN IP6 2001:db8::2\r\nb=CT:5\r\nt=3724394400 3724398000\r\na=recvonly\r\na=tool:x\r\n\
            m=audio 49170 RTP/AVP 0 97\r\na=rtpmap:97 iLBC/8000\r\n\
            m=video 51372/2 RTP/AVP 99\r\nc=IN IP4 224.2.1.1/127/3\r\na=inactive\r\na=sendonly\r\n";
        let session = Session::parse(sdp.as_bytes()).unwrap();
        let origin = session.origin;
        assert_eq!(
            (origin.username, origin.session_id, origin.version),
            ("jdoe", "3724394400", 3_724_394_405)
        );
        assert_eq!((origin.network, origin.address_type, origin.address), ("IN", "IP4", "198.51.100.1"));
        assert_eq!(session.attributes().count(), 2);
        let [audio, video] = session.streams().collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((audio.media, audio.port, audio.count, audio.proto), ("audio", 49170, 1, "RTP/AVP"));
        assert_eq!(audio.formats().collect::<Vec<_>>(), ["0", "97"]);
        assert_eq!(audio.connection.unwrap().address, "2001:db8::2");
        assert_eq!((audio.direction, audio.own_direction), (Direction::RecvOnly, None));
        let attribute = audio.attributes().next().unwrap();
        assert_eq!((attribute.name, attribute.value), ("rtpmap", Some("97 iLBC/8000")));
        assert_eq!((video.port, video.count), (51372, 2));
        assert!(video.connection.unwrap().is_multicast());
        assert_eq!(video.direction, Direction::SendOnly, "the stream's own, the last one");
        assert!(video.is_rtp());
    }

    /// RFC 8866 §5.7: a group's address is under ff00::/8, with all its digits, or from 224.0.0.0 to 239.255.255.255.
    #[test]
    fn groups_are_told_by_their_addresses() {
        let is_multicast = |connection: &str| {
            let text = format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN {connection}\r\nt=0 0\r\n");
            Session::parse(text.as_bytes()).unwrap().connection.unwrap().is_multicast()
        };
        for group in ["IP4 224.2.1.1/127", "IP4 239.255.255.255/1/3", "IP6 ff15::101", "ip6 FF02::1/3"] {
            assert!(is_multicast(group), "{group}");
        }
        for one in [
            "IP4 223.255.255.255",
            "IP4 240.0.0.1",
            "IP4 230.example.com",
            "IP6 ff::1",
            "IP6 ff1:2::3",
            "IP6 ffx.example.com",
        ] {
            assert!(!is_multicast(one), "{one}");
        }
    }

    #[test]
    fn what_peers_do_is_borne() {
        for sdp in [
            "v=0\no=- 1 1 IN IP4 h\nc=IN IP4 h\nm=audio 4 RTP/AVP 0\n",
            "v=0\r\no=- 1 1 IN IP4 h\r\ns=\r\nt=0 0\r\nm=audio 0 RTP/AVP\r\n",
            "v=0\r\no=-  20041231235959123456789012  1  IN IP4  h \r\ns=-\r\nX=?\r\nt=0 0\r\n\r\n",
            "v=0\r\nt=0 0\r\no=- 1 1 IN IP4 h\r\nm=audio 4 RTP/AVP 0 \r\na=x:\r\nc=IN IP4 h",
        ] {
            assert!(Session::parse(sdp.as_bytes()).is_ok(), "{sdp:?}");
        }
        let latin =
            b"v=0\r\no=- 1 1 IN IP4 h\r\ns=caf\xe9\r\nc=IN IP4 h\r\nm=audio 4 RTP/AVP 0\r\na=\xe9\r\n";
        assert_eq!(Session::parse(latin).unwrap().streams().next().unwrap().attributes().count(), 0);
    }

    // Holds: 3264-5-4
    #[test]
    fn a_fault_says_what_and_where() {
        const O: &str = "v=0\r\no=- 1 1 IN IP4 h\r\n";
        for (sdp, expected) in [
            ("", "Expected the version (v=0) at byte 0"),
            ("v=1\r\n", "Expected the version (v=0) at byte 0"),
            ("\r\nv=0\r\n", "Expected the version (v=0) at byte 0"),
            ("v=0\r\ns=-\r\n", "Expected an origin (o=) before the streams at byte 10"),
            ("v=0\r\no=- 1 1 IN IP4\r\n", "Expected an address in the origin (o=) at byte 19"),
            ("v=0\r\no=- 1 -1 IN IP4 h\r\n", "Expected a version of digits in the origin (o=) at byte 11"),
            (
                "v=0\r\no=- 1 18446744073709551616 IN IP4 h",
                "Expected a version of digits in the origin (o=) at byte 11",
            ),
            ("v=0\r\no=- 1 1 IN IP4 h h\r\n", "Expected six fields in the origin (o=) at byte 5"),
        ] {
            assert_eq!(fault(sdp), expected, "{sdp:?}");
        }
        for (tail, expected) in [
            (O.trim_start_matches("v=0\r\n"), "Expected a single origin (o=) at byte 23"),
            ("v=0\r\n", "Expected a single session description at byte 23"),
            ("hello\r\n", "Expected a letter and an equals sign at byte 23"),
            ("s=a\rb\r\n", "Expected no NUL or CR in a line at byte 26"),
            ("s=a\0b\r\n", "Expected no NUL or CR in a line at byte 26"),
            ("c=IN IP4\r\n", "Expected an address in a connection (c=) at byte 31"),
            ("m=audio 65536 RTP/AVP 0\r\n", "Expected a port below 65,536 in a stream (m=) at byte 31"),
            ("m=audio 4/0 RTP/AVP 0\r\n", "Expected a port below 65,536 in a stream (m=) at byte 31"),
            ("m=audio 4 RTP/AVP\r\n", "Expected a format in a stream (m=) at byte 40"),
            ("m=audio 4 RTP/AVP 0\r\n", "Expected a connection (c=) for the stream at byte 23"),
        ] {
            assert_eq!(fault(&[O, tail].concat()), expected, "{tail:?}");
        }
    }
}

mod holding {
    use super::*;

    /// RFC 3264 §8.4, as a table: what a description says, and whether it holds its receiver.
    #[test]
    fn who_is_held_by_an_offer() {
        let level = |at_session: &str, at_stream: &str, address: &str| {
            let sdp = [
                "v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4 ",
                address,
                "\r\n",
                at_session,
                "m=audio 4000 RTP/AVP 0\r\n",
                at_stream,
                "m=video 0 RTP/AVP 31\r\na=sendrecv\r\n",
            ];
            Session::parse(sdp.concat().as_bytes()).unwrap().is_hold()
        };
        for direction in Direction::ALL {
            let line = format!("a={direction}\r\n");
            let expected = matches!(direction, Direction::SendOnly | Direction::Inactive);
            assert_eq!(level(&line, "", "192.0.2.1"), expected, "{direction} at the session");
            assert_eq!(level("", &line, "192.0.2.1"), expected, "{direction} at the stream");
            for other in Direction::ALL {
                let other = format!("a={other}\r\n");
                assert_eq!(
                    level(&other, &line, "192.0.2.1"),
                    expected,
                    "{direction} at the stream overrides {other}"
                );
            }
            assert!(level("", &line, "0.0.0.0"), "{direction}, to nowhere");
        }
        assert!(!level("", "", "192.0.2.1"), "sendrecv is what nobody says");
        assert!(!level("", "c=IN IP4 192.0.2.1\r\n", "0.0.0.0"), "the stream's own address counts");
        assert!(level("", "c=IN IP4 0.0.0.0\r\n", "192.0.2.1"));
    }

    #[test]
    fn all_streams_in_use_have_to_be_held() {
        let held = |tail: &str| Session::parse([THEIRS, tail].concat().as_bytes()).unwrap().is_hold();
        assert!(!held(""), "no stream");
        assert!(!held("a=inactive\r\nm=audio 0 RTP/AVP 0\r\n"), "none in use");
        assert!(!held("m=audio 4 RTP/AVP 0\r\na=sendonly\r\nm=video 6 RTP/AVP 31\r\n"), "one of two");
        assert!(held("m=audio 4 RTP/AVP 0\r\na=sendonly\r\nm=video 6 RTP/AVP 31\r\na=inactive\r\n"));
    }

    /// In an answer a direction may be forced: only where the offer wanted to send does it say something (RFC 3264 §6.1, RFC 6337 §5.3).
    #[test]
    fn who_is_held_by_an_answer() {
        use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
        let table = [
            (
                SendRecv,
                [
                    (SendRecv, Some(false)),
                    (SendOnly, Some(true)),
                    (RecvOnly, Some(false)),
                    (Inactive, Some(true)),
                ],
            ),
            (
                SendOnly,
                [
                    (RecvOnly, Some(false)),
                    (Inactive, Some(true)),
                    (SendRecv, Some(false)),
                    (SendOnly, Some(true)),
                ],
            ),
            (RecvOnly, [(SendOnly, None), (Inactive, None), (SendRecv, None), (RecvOnly, None)]),
            (Inactive, [(Inactive, None), (SendRecv, None), (SendOnly, None), (RecvOnly, None)]),
        ];
        for (offered, answers) in table {
            for (answered, expected) in answers {
                for at_session in [false, true] {
                    let write = |head: &str, direction: Direction| match at_session {
                        true => format!("{head}a={direction}\r\nm=audio 4000 RTP/AVP 0\r\n"),
                        false => format!("{head}m=audio 4000 RTP/AVP 0\r\na={direction}\r\n"),
                    };
                    let (offer, answer) = (write(OURS, offered), write(THEIRS, answered));
                    let (offer, answer) =
                        (Session::parse(offer.as_bytes()), Session::parse(answer.as_bytes()));
                    assert_eq!(
                        answer.unwrap().is_hold_answering(&offer.unwrap()),
                        expected,
                        "{offered} answered by {answered}"
                    );
                }
            }
        }
    }
}

mod changing {
    use super::*;

    fn compare(old: &[&str], new: &[&str]) -> Change {
        sdp::compare(old.concat().as_bytes(), new.concat().as_bytes())
    }

    const AUDIO: &str = "m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 opus/48000/2\r\n";

    /// Every pair of directions, at either level, in the same version and the next one: the version decides nothing but the refresh (RFC 3264 §8).
    #[test]
    fn the_hold_table() {
        for (old, new) in Direction::ALL.into_iter().flat_map(|old| Direction::ALL.map(|new| (old, new))) {
            for (next, at_session) in [(false, false), (false, true), (true, false), (true, true)] {
                let head = THEIRS.replace(" 5 IN", if next { " 6 IN" } else { " 5 IN" });
                let before = format!("a={old}\r\n");
                let after = format!("a={new}\r\n");
                let changed = match at_session {
                    true => compare(&[THEIRS, &before, AUDIO], &[&head, &after, AUDIO]),
                    false => compare(&[THEIRS, AUDIO, &before], &[&head, AUDIO, &after]),
                };
                let is_held = |direction: Direction| !direction.receives();
                let expected = match (old == new, is_held(old), is_held(new)) {
                    (true, _, _) if next => Change::Modify,
                    (true, _, _) => Change::Refresh,
                    (false, _, true) => Change::Hold,
                    (false, true, false) => Change::Unhold,
                    (false, false, false) => Change::Modify,
                };
                assert_eq!(
                    changed, expected,
                    "{old} to {new}, next version: {next}, at the session: {at_session}"
                );
            }
        }
    }

    // Holds: 3264-8.4-5
    #[test]
    fn the_address_of_nowhere_is_hold_too() {
        let nowhere = THEIRS.replace("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0");
        let elsewhere = THEIRS.replace("c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.9");
        assert_eq!(compare(&[THEIRS, AUDIO], &[&nowhere, AUDIO]), Change::Hold, "RFC 3264 §8.4");
        assert_eq!(compare(&[&nowhere, AUDIO], &[THEIRS, AUDIO]), Change::Unhold);
        assert_eq!(compare(&[&nowhere, AUDIO], &[&nowhere, AUDIO]), Change::Refresh);
        assert_eq!(compare(&[THEIRS, AUDIO], &[&elsewhere, AUDIO]), Change::Modify);
    }

    #[test]
    fn what_else_changes_with_a_hold_makes_it_a_modification() {
        let held = "a=sendonly\r\n";
        for (part, other) in [
            ("4000", "4002"),
            ("audio", "image"),
            ("RTP/AVP", "RTP/SAVP"),
            (" 0 96", " 0"),
            ("opus", "speex"),
            ("a=rtpmap", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\na=rtpmap"),
            ("m=", "m=video 0 RTP/AVP 31\r\nm="),
            ("4000", "0"),
        ] {
            let changed = AUDIO.replace(part, other);
            assert_eq!(compare(&[THEIRS, AUDIO], &[THEIRS, &changed, held]), Change::Modify, "{other}");
        }
    }

    /// The models compare texts, and miss these.
    #[test]
    fn what_does_not_matter_does_not_matter() {
        let next = THEIRS.replace(" 5 IN", " 6 IN");
        let bare = AUDIO.replace("\r\n", "\n");
        assert_eq!(
            compare(&[THEIRS, AUDIO], &[&next.replace("\r\n", "\n"), &bare, "a=sendonly\n"]),
            Change::Hold
        );
        assert_eq!(compare(&[THEIRS, AUDIO], &[&next, "a=ptime:20\r\na=sendonly\r\n", AUDIO]), Change::Hold);
        assert_eq!(compare(&[THEIRS, AUDIO, "a=sendrecv\r\n"], &[THEIRS, AUDIO]), Change::Refresh);
        let video = "m=video 0 RTP/AVP 31\r\n";
        let other = "m=video 0 RTP/AVP 99\r\na=sendonly\r\n";
        assert_eq!(compare(&[THEIRS, AUDIO, video], &[THEIRS, AUDIO, other]), Change::Refresh, "disabled");
    }

    #[test]
    fn bodies_that_are_no_description() {
        assert_eq!(compare(&["x"], &["x"]), Change::Refresh);
        assert_eq!(compare(&["x"], &[THEIRS]), Change::Modify);
        assert_eq!(compare(&[THEIRS], &["v=0\r\n"]), Change::Modify);
    }
}

/// A description of some streams, each with a direction, some of them stated at the session.
fn description() -> impl Strategy<Value = String> {
    let direction = prop::option::of(prop::sample::select(&Direction::ALL[..]));
    let formats = prop::sample::subsequence(vec![0, 8, 18, 96, 97, 101], 1..=6).prop_shuffle();
    let stream = (
        prop::sample::select(vec!["audio", "audio", "video"]),
        prop::sample::select(vec![0_u16, 4000, 4002]),
        formats,
        direction.clone(),
        any::<bool>(),
    );
    let names = ["opus/48000/2", "iLBC/8000", "telephone-event/8000"];
    let line = |direction: Option<Direction>| direction.map_or(String::new(), |it| format!("a={it}\r\n"));
    (any::<u64>(), direction, prop::collection::vec(stream, 0..4)).prop_map(
        move |(version, direction, streams)| {
            let mut sdp =
                format!("v=0\r\no=- 1 {version} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n");
            sdp += &line(direction);
            for (media, port, formats, direction, is_turned) in streams {
                sdp += &format!("m={media} {port} RTP/AVP");
                formats.iter().for_each(|format| sdp += &format!(" {format}"));
                sdp += "\r\n";
                for (at, format) in [96, 97, 101].into_iter().enumerate() {
                    let name = names[if is_turned { (at + 1) % 3 } else { at }];
                    sdp += &format!("a=rtpmap:{format} {name}\r\n");
                }
                sdp += &line(direction);
            }
            sdp
        },
    )
}

proptest! {
    #[test]
    fn no_octets_do_harm(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        check_sdp(&octets);
    }

    /// Lines of descriptions in any order, twice, missing, cut.
    #[test]
    fn no_lines_do_harm(
        lines in prop::collection::vec(prop::sample::select(vec![
            "v=0", "o=- 1 1 IN IP4 h", "o=- 1 1 IN IP4", "s=-", "c=IN IP4 h", "c=IN IP4 0.0.0.0", "t=0 0", "a=sendonly", "a=recvonly",
            "m=audio 4 RTP/AVP 0 96 96", "m=audio 0 RTP/AVP", "m=video 6/2 RTP/AVP 97", "a=rtpmap:96 x/8000", "a=fmtp:96 x", "a=mid:1",
            "a=setup:actpass", "a=group:BUNDLE 1", "a=", "", "x=", "a=crypto:1 x y", "m=image 8 udptl t38 t38", "a=inactive ", "k=x",
        ]), 0..20),
        end in prop::sample::select(vec!["\r\n", "\n"]),
        cut in 0_usize..6,
    ) {
        let sdp = format!("v=0{end}o=- 1 1 IN IP4 h{end}c=IN IP4 h{end}{}", lines.join(end));
        check_sdp(&sdp.as_bytes()[..sdp.len() - cut]);
        let both = format!("{sdp}\0{THEIRS}m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 x/8000\r\nm=video 4002 RTP/AVP 97\r\n");
        check_sdp(both.as_bytes());
    }

    /// What the checks of the fuzz target promise, for descriptions that are in order.
    // Holds: 3264-5-1
    #[test]
    fn promises_hold(offer in description(), ours in description()) {
        check_sdp(format!("{offer}\0{ours}").as_bytes());
    }

    /// Letting go is the inverse of holding for all that received (RFC 3264 §8.4), octet for octet where directions were stated.
    #[test]
    fn unhold_is_the_inverse_of_hold(sdp in description()) {
        let session = Session::parse(sdp.as_bytes()).unwrap();
        prop_assume!(session.streams().all(|stream| stream.direction.receives()));
        let held = sdp::hold(sdp.as_bytes()).unwrap();
        let again = String::from_utf8(sdp::unhold(&held).unwrap()).unwrap();
        let is_stated = |stream: &sdp::Stream<'_>| stream.own_direction.or(session.direction).is_some();
        if session.streams().all(|stream| is_stated(&stream)) {
            let is_held = held != sdp.as_bytes();
            let version = session.origin.version;
            let expected = if is_held { version.wrapping_add(2) } else { version };
            prop_assert_eq!(again, sdp.replacen(&format!(" {version} "), &format!(" {expected} "), 1));
        } else {
            prop_assert_eq!(sdp::compare(&held, again.as_bytes()) == Change::Unhold, held != sdp.as_bytes());
        }
    }

    /// A peer's hold is seen as one, and its end too.
    #[test]
    fn a_hold_is_seen_as_one(sdp in description()) {
        let held = sdp::hold(sdp.as_bytes()).unwrap();
        prop_assume!(held != sdp.as_bytes());
        prop_assert_eq!(sdp::compare(sdp.as_bytes(), &held), Change::Hold);
        prop_assert_eq!(sdp::compare(&held, &sdp::unhold(&held).unwrap()), Change::Unhold);
    }

    /// What is answered is among what was offered, and its formats mean the same.
    // Holds: 3264-6.1-2, 3264-6.1-6, 3264-6.1-7, 3264-6.1-8, 3264-6.1-9
    #[test]
    fn answers_are_cut_from_offers(offer in description(), ours in description()) {
        let Ok(answer) = sdp::answer(offer.as_bytes(), &Ours::new(ours.as_bytes())) else { return Ok(()) };
        let (offer, answer) = (Session::parse(offer.as_bytes()).unwrap(), Session::parse(&answer).unwrap());
        for (offered, answered) in offer.streams().zip(answer.streams()) {
            prop_assert_eq!((offered.media, offered.proto), (answered.media, answered.proto));
            let map = |stream: &sdp::Stream<'_>, format: &str| {
                let start = format!("{format} ");
                let map = stream.attributes().find(|it| it.name == "rtpmap" && it.value.is_some_and(|it| it.starts_with(&start)));
                map.and_then(|map| map.value).map(str::to_owned)
            };
            for format in answered.formats() {
                prop_assert!(offered.formats().any(|other| other == format));
                if !answered.is_disabled() {
                    prop_assert_eq!(map(&offered, format), map(&answered, format));
                }
            }
        }
    }
}

/// RFC 8866 §9: fields are parted by blanks, not by other white space.
#[test]
fn a_form_feed_is_a_format() {
    let sdp = format!("{THEIRS}m=image 4000 udptl \u{c}\r\n");
    let session = Session::parse(sdp.as_bytes()).unwrap();
    assert_eq!(session.streams().next().unwrap().formats().collect::<Vec<_>>(), ["\u{c}"]);
}

/// Many formats against many attributes, and many streams: what `benches/linear.rs` measures, in a debug build.
#[test]
fn long_descriptions() {
    const COUNT: usize = 300;
    let list: String = (0..COUNT).map(|at| format!(" {}", at % 128)).collect();
    let maps: String =
        (0..COUNT).map(|at| format!("a=rtpmap:{} x/{at}\r\na=crypto:{at} s k\r\n", at % 128)).collect();
    let names: String = (0..COUNT).map(|at| format!(" f{at}")).collect();
    for tail in [
        format!("m=audio 4000 RTP/AVP{list}\r\n{maps}"),
        "m=audio 4000 RTP/AVP 0\r\na=mid:x\r\n".repeat(COUNT),
        format!("m=image 4000 udptl{names}\r\n"),
    ] {
        check_sdp(format!("{THEIRS}{tail}").as_bytes());
    }
}
