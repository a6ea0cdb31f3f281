//! Session descriptions: reading, hold, what changes, answers (RFC 8866, RFC 3264, RFC 6337 §5).

#![allow(clippy::arithmetic_side_effects, reason = "test")]

use proptest::prelude::*;
use sip_proto::sdp::{self, Change, Direction, Ours, Session, Unusable};
use sip_proto::testing::check_sdp;

const THEIRS: &str = "v=0\r\no=alice 1 5 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
const OURS: &str = "v=0\r\no=bob 7 9 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n";

fn fault(sdp: &str) -> String {
    Session::parse(sdp.as_bytes()).map(|_| ()).unwrap_err().to_string()
}

fn answer(offer: &[&str], ours: &[&str]) -> Result<String, Unusable> {
    let answer = sdp::answer(offer.concat().as_bytes(), &Ours::new(ours.concat().as_bytes()))?;
    Ok(String::from_utf8(answer).unwrap())
}

/// The answer without its session part.
fn streams(offer: &[&str], ours: &[&str]) -> String {
    let answer = answer(offer, ours).unwrap();
    answer[answer.find("m=").unwrap_or(answer.len())..].to_owned()
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

mod answering {
    use super::*;

    #[test]
    fn formats_are_those_of_both_under_the_offers_numbers_and_in_its_order() {
        let offer = "m=audio 4000 RTP/AVP 8 0 111 101\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n";
        let ours = "m=audio 5000 RTP/AVP 0 100 96 98\r\na=rtpmap:0 pcmu/8000/1\r\na=rtpmap:100 Telephone-Event/8000\r\n\
            a=fmtp:100 0-16\r\na=rtpmap:96 OPUS/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:98 speex/8000\r\na=ptime:20\r\n";
        let expected = "m=audio 5000 RTP/AVP 0 111 101\r\na=rtpmap:0 pcmu/8000/1\r\na=rtpmap:101 Telephone-Event/8000\r\n\
            a=fmtp:101 0-16\r\na=rtpmap:111 OPUS/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=ptime:20\r\na=sendrecv\r\n";
        assert_eq!(streams(&[THEIRS, offer], &[OURS, ours]), expected, "RFC 3264 §6.1");
    }

    #[test]
    fn one_number_for_two_codecs_is_not_one_format() {
        let offer = "m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 iLBC/8000\r\n";
        let ours = "m=audio 5000 RTP/AVP 96\r\na=rtpmap:96 iLBC/8000\r\n";
        let expected = "m=audio 5000 RTP/AVP 97\r\na=rtpmap:97 iLBC/8000\r\na=sendrecv\r\n";
        assert_eq!(streams(&[THEIRS, offer], &[OURS, ours]), expected);
        // Another clock, other channels: another format.
        for other in ["iLBC/16000", "iLBC/8000/2", "G726-32/8000"] {
            let offer = format!("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 {other}\r\n");
            assert_eq!(answer(&[THEIRS, &offer], &[OURS, ours]), Err(Unusable::NothingInCommon), "{other}");
        }
    }

    /// Profiles of one codec: parameters tell them apart, and a format of ours serves once.
    #[test]
    fn the_same_parameters_go_first() {
        let offer = "m=video 4000 RTP/AVP 97 96\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=0\r\n\
            a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n";
        let ours = "m=video 5000 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1\r\n";
        let expected = "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=sendrecv\r\n";
        assert_eq!(streams(&[THEIRS, offer], &[OURS, ours]), expected);
    }

    #[test]
    fn tones_alone_are_no_call_unless_they_are_all_that_is_offered() {
        let tone = "a=rtpmap:101 telephone-event/8000\r\n";
        let ours = ["m=audio 5000 RTP/AVP 0 101\r\n", tone].concat();
        let offer = ["m=audio 4000 RTP/AVP 8 101\r\n", tone].concat();
        assert_eq!(answer(&[THEIRS, &offer], &[OURS, &ours]), Err(Unusable::NothingInCommon));
        let offer = ["m=audio 4000 RTP/AVP 101\r\n", tone].concat();
        assert!(streams(&[THEIRS, &offer], &[OURS, &ours]).starts_with("m=audio 5000 RTP/AVP 101\r\n"));
    }

    /// RFC 3264 §6: as many streams, at the same places.
    #[test]
    fn a_stream_we_do_not_have_there_is_refused() {
        let audio = "m=audio 4000 RTP/AVP 0\r\n";
        let ours = "m=audio 5000 RTP/AVP 0\r\n";
        for (offered, refused) in [
            ("m=video 4002 RTP/AVP 31 32\r\n", "m=video 0 RTP/AVP 31\r\n"),
            ("m=audio 0 RTP/AVP\r\n", "m=audio 0 RTP/AVP 0\r\n"),
            ("m=audio 4002 RTP/SAVP 0\r\n", "m=audio 0 RTP/SAVP 0\r\n"),
            ("m=audio 4002/2 RTP/AVP 0\r\n", "m=audio 0 RTP/AVP 0\r\n"),
            ("m=audio 4002 RTP/AVP 8\r\n", "m=audio 0 RTP/AVP 8\r\n"),
            ("m=audio 4002 RTP/AVP 0\r\nc=IN IP4 224.2.1.1/127\r\n", "m=audio 0 RTP/AVP 0\r\n"),
            ("m=audio 4002 RTP/AVP 0\r\nc=IN IP6 ff15::101\r\n", "m=audio 0 RTP/AVP 0\r\n"),
        ] {
            let expected = [ours, "a=sendrecv\r\n", refused].concat();
            assert_eq!(streams(&[THEIRS, audio, offered], &[OURS, ours, ours]), expected, "{offered}");
        }
        let expected = [ours, "a=sendrecv\r\n", "m=audio 0 RTP/AVP 0\r\n"].concat();
        assert_eq!(streams(&[THEIRS, audio, audio], &[OURS, ours]), expected, "one more than we have");
        assert_eq!(
            streams(&[THEIRS, audio, audio], &[OURS, ours, "m=audio 0 RTP/AVP 0\r\n"]),
            expected,
            "one we switched off"
        );
        assert_eq!(
            streams(&[THEIRS, audio], &[OURS, ours, ours]),
            [ours, "a=sendrecv\r\n"].concat(),
            "one less"
        );
    }

    #[test]
    fn every_stream_has_an_address_even_a_refused_one() {
        let ours = OURS.replace("c=IN IP4 192.0.2.2\r\n", "");
        let own = "m=audio 5000 RTP/AVP 0\r\nc=IN IP4 192.0.2.3\r\n";
        let offer = "m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 31\r\n";
        let expected = [own, "a=sendrecv\r\nm=video 0 RTP/AVP 31\r\nc=IN IP4 192.0.2.2\r\n"].concat();
        assert_eq!(streams(&[THEIRS, offer], &[&ours, own]), expected, "RFC 8866 §5.7");
    }

    #[test]
    fn formats_that_are_no_payload_types_are_the_same_by_name() {
        let offer = "m=image 4000 udptl t38 other\r\n";
        let ours = "m=image 5000 udptl t38\r\na=T38FaxVersion:0\r\n";
        assert_eq!(streams(&[THEIRS, offer], &[OURS, ours]), [ours, "a=sendrecv\r\n"].concat());
    }

    #[test]
    fn nothing_in_common_is_488() {
        let ours = [OURS, "m=audio 5000 RTP/AVP 0\r\n"];
        let refused = answer(&[THEIRS, "m=audio 4000 RTP/AVP 8\r\n"], &ours).unwrap_err();
        assert_eq!((refused, refused.status().code()), (Unusable::NothingInCommon, 488));
        assert!(matches!(answer(&["hello"], &ours), Err(Unusable::Offer(_))), "RFC 3261 §14.2");
        assert!(matches!(answer(&ours, &["hello"]), Err(Unusable::Local(_))));
        // Nothing is asked for: an answer that gives nothing is one.
        assert_eq!(streams(&[THEIRS], &ours), "", "RFC 3264 §6");
        assert_eq!(streams(&[THEIRS, "m=audio 0 RTP/AVP 8\r\n"], &ours), "m=audio 0 RTP/AVP 8\r\n", "§8.2");
    }

    #[test]
    fn times_are_the_offers_and_the_origin_is_ours_in_its_next_version() {
        let offer = THEIRS.replace("t=0 0", "t=1 2\r\nr=7d 1h 0 25h\r\nt=3 4");
        let ours = OURS.replace("t=0 0", "b=CT:5\r\nt=8 9\r\nz=1 2\r\na=tool:x");
        let audio = "m=audio 5000 RTP/AVP 0\r\na=sendrecv\r\n";
        let expected = "v=0\r\no=bob 7 10 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nb=CT:5\r\nt=1 2\r\nr=7d 1h 0 25h\r\nt=3 4\r\na=tool:x\r\n";
        let first = answer(&[&offer, audio], &[&ours, audio]).unwrap();
        assert_eq!(first, [expected, audio].concat(), "RFC 3264 §6, §8");
        assert_eq!(
            answer(&[&offer, audio], &[&first]).unwrap(),
            first,
            "nothing changes: neither does the version"
        );
    }

    /// RFC 3264 §6.1: directions offered, ours, and answered when we know nothing of the peer's last.
    #[test]
    fn directions_are_mirrored_and_no_wider_than_ours() {
        for (offered, ours) in Direction::ALL.into_iter().flat_map(|one| Direction::ALL.map(|two| (one, two)))
        {
            let audio = "m=audio 5000 RTP/AVP 0\r\n";
            let offer = format!("{THEIRS}a={offered}\r\n{audio}");
            let own = format!("{OURS}{audio}a={ours}\r\n");
            for is_holding in [false, true] {
                let answer =
                    sdp::answer(offer.as_bytes(), &Ours::new(own.as_bytes()).holding(is_holding)).unwrap();
                let direction = Session::parse(&answer).unwrap().streams().next().unwrap().direction;
                let mut expected = offered.reversed().and(ours);
                if is_holding {
                    expected = expected.held();
                }
                assert_eq!(direction, expected, "{offered} to {ours}, holding: {is_holding}");
            }
        }
    }

    /// The state of one end in a call that is held and resumed.
    struct End {
        local: Vec<u8>,
        is_holding: bool,
    }

    /// `one` offers what `make` makes of its description, `two` answers.
    fn round(one: &mut End, two: &mut End, make: fn(&[u8]) -> Vec<u8>) -> (Direction, Direction) {
        let offer = make(&one.local);
        let ours = Ours::new(&two.local).after(&one.local).holding(two.is_holding);
        two.local = sdp::answer(&offer, &ours).unwrap();
        one.local = offer;
        let direction = |end: &End| Session::parse(&end.local).unwrap().streams().next().unwrap().direction;
        (direction(one), direction(two))
    }

    fn ends() -> (End, End) {
        let end = |head: &str| End {
            local: [head, "m=audio 4000 RTP/AVP 0\r\n"].concat().into_bytes(),
            is_holding: false,
        };
        (end(OURS), end(THEIRS))
    }

    fn hold(sdp: &[u8]) -> Vec<u8> {
        sdp::hold(sdp).unwrap()
    }

    fn unhold(sdp: &[u8]) -> Vec<u8> {
        sdp::unhold(sdp).unwrap()
    }

    /// Nobody stays on hold after both have let go, whoever is first (RFC 6337 §5.3).
    #[test]
    fn nobody_gets_stuck_on_hold() {
        use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
        let (mut one, mut two) = ends();
        one.is_holding = true;
        assert_eq!(round(&mut one, &mut two, hold), (SendOnly, RecvOnly));
        assert_eq!(round(&mut one, &mut two, <[u8]>::to_vec), (SendOnly, RecvOnly), "a refresh");
        one.is_holding = false;
        assert_eq!(round(&mut one, &mut two, unhold), (SendRecv, SendRecv));
        for is_first_first in [true, false] {
            one.is_holding = true;
            assert_eq!(round(&mut one, &mut two, hold), (SendOnly, RecvOnly));
            two.is_holding = true;
            assert_eq!(round(&mut two, &mut one, hold), (Inactive, Inactive));
            let (first, second) = if is_first_first { (&mut one, &mut two) } else { (&mut two, &mut one) };
            first.is_holding = false;
            assert_eq!(round(first, second, unhold), (RecvOnly, SendOnly));
            second.is_holding = false;
            assert_eq!(round(second, first, unhold), (SendRecv, SendRecv), "first first: {is_first_first}");
        }
    }

    /// A device that only receives is not made to send.
    #[test]
    fn a_wish_of_our_own_is_kept() {
        let offer = [THEIRS, "m=audio 4000 RTP/AVP 0\r\n"].concat();
        let ours = [OURS, "m=audio 5000 RTP/AVP 0\r\na=recvonly\r\n"].concat();
        let ours = Ours::new(ours.as_bytes()).after(offer.as_bytes());
        let answer = sdp::answer(offer.as_bytes(), &ours).unwrap();
        assert!(answer.ends_with(b"a=recvonly\r\n"));
    }

    #[test]
    fn attributes_that_depend_on_the_offer() {
        let offer = [
            &THEIRS.replace("t=0 0\r\n", "t=0 0\r\na=group:BUNDLE a\r\n"),
            "m=audio 9 RTP/SAVP 0\r\na=mid:a\r\na=setup:actpass\r\na=rtcp-mux\r\na=extmap:1 urn:one\r\n",
            "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:theirs\r\na=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:theirs\r\n",
        ];
        let ours = [
            &OURS.replace("t=0 0\r\n", "t=0 0\r\na=group:BUNDLE a b\r\na=tool:x\r\n"),
            "m=audio 5000 RTP/SAVP 0\r\na=mid:0\r\na=setup:actpass\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=extmap:1 urn:one\r\na=extmap:2 urn:two\r\n",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:ours\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:ours\r\n\
             a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:ours\r\n",
        ];
        let expected = "m=audio 5000 RTP/SAVP 0\r\na=setup:active\r\na=rtcp-mux\r\na=extmap:1 urn:one\r\n\
            a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:ours\r\na=mid:a\r\na=sendrecv\r\n";
        assert_eq!(streams(&offer, &ours), expected);
        assert!(
            answer(&offer, &ours).unwrap().contains("t=0 0\r\na=tool:x\r\nm="),
            "no group that was not offered"
        );
        let offer = offer.concat().replace("a=crypto:2", "a=crypto:7").replace("a=crypto:3", "a=crypto:8");
        assert_eq!(
            answer(&[&offer], &ours),
            Err(Unusable::NothingInCommon),
            "no key in common: RFC 4568 §5.1.2"
        );
        for (theirs, ours, expected) in [
            ("active", "actpass", "passive"),
            ("passive", "passive", "active"),
            ("actpass", "passive", "passive"),
        ] {
            let stream = |role: &str| format!("m=image 4000 TCP t38\r\na=setup:{role}\r\n");
            let streams = streams(&[THEIRS, &stream(theirs)], &[OURS, &stream(ours)]);
            assert_eq!(streams, [&stream(expected), "a=sendrecv\r\n"].concat(), "RFC 4145 §4.1");
        }
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

/// Twice the octets, twice the work: what would be slow is many formats against many attributes, or many streams against many lines.
#[test]
fn work_is_linear() {
    let formats = |count: usize| {
        let list: String = (0..count).map(|at| format!(" {}", at % 128)).collect();
        let maps: String =
            (0..count).map(|at| format!("a=rtpmap:{} x/{at}\r\na=crypto:{at} s k\r\n", at % 128)).collect();
        format!("{THEIRS}m=audio 4000 RTP/AVP{list}\r\n{maps}")
    };
    let streams = |count: usize| THEIRS.to_owned() + &"m=audio 4000 RTP/AVP 0\r\na=mid:x\r\n".repeat(count);
    let names = |count: usize| {
        let list: String = (0..count).map(|at| format!(" f{at}")).collect();
        format!("{THEIRS}m=image 4000 udptl{list}\r\n")
    };
    for make in [&formats as &dyn Fn(usize) -> String, &streams, &names] {
        let time = |count: usize| {
            let sdp = make(count);
            let once = || {
                let start = std::time::Instant::now();
                check_sdp(sdp.as_bytes());
                start.elapsed()
            };
            (0..5).map(|_| once()).min().unwrap()
        };
        let (short, long) = (time(100), time(1600));
        assert!(long < short * 80, "16 times the octets: {short:?}, then {long:?}");
    }
}
