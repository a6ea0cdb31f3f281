//! Answers to offers: streams, formats, directions, what depends on the offer (RFC 3264 §6, RFC 6337 §5).

use sip_proto::sdp::{self, Direction, Ours, Session, Unusable};

const THEIRS: &str = "v=0\r\no=alice 1 5 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
const OURS: &str = "v=0\r\no=bob 7 9 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n";

fn answer(offer: &[&str], ours: &[&str]) -> Result<String, Unusable> {
    let answer = sdp::answer(offer.concat().as_bytes(), &Ours::new(ours.concat().as_bytes()))?;
    Ok(String::from_utf8(answer).unwrap())
}

/// The answer without its session part.
fn streams(offer: &[&str], ours: &[&str]) -> String {
    let answer = answer(offer, ours).unwrap();
    answer[answer.find("m=").unwrap_or(answer.len())..].to_owned()
}

// Holds: 3264-6.1-11, 3264-6.1-12, 3264-6.1-14, 3264-6.1-16
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
// Holds: 3264-6-2, 3264-6-3, 3264-6-7, 3264-6-8, 3264-6.1-18
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
    assert_eq!(streams(&[THEIRS, audio], &[OURS, ours, ours]), [ours, "a=sendrecv\r\n"].concat(), "one less");
}

// Holds: 3264-6.1-10
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

// Holds: 3264-6-4, 3264-5.1-4, 3264-8.2-1
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

// Holds: 3264-6-1, 3264-6-5, 3264-6.1-1, 3264-8-1, 3264-8-2
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
// Holds: 3264-6.1-3, 3264-6.1-4, 3264-6.1-5, 3264-8.4-3
#[test]
fn directions_are_mirrored_and_no_wider_than_ours() {
    for (offered, ours) in Direction::ALL.into_iter().flat_map(|one| Direction::ALL.map(|two| (one, two))) {
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

/// What the peer's last direction forced on us is forced no longer: it only listened, or only spoke, and now does both.
#[test]
fn a_direction_that_was_forced_is_no_wish() {
    let audio = |direction: Direction| format!("m=audio 4000 RTP/AVP 0\r\na={direction}\r\n");
    let offer = [THEIRS, &audio(Direction::SendRecv)].concat();
    for forced in [Direction::RecvOnly, Direction::SendOnly, Direction::Inactive] {
        let before = [THEIRS, &audio(forced)].concat();
        let ours = [OURS, &audio(forced.reversed())].concat();
        for (is_holding, expected) in [(false, "a=sendrecv\r\n"), (true, "a=sendonly\r\n")] {
            let ours = Ours::new(ours.as_bytes()).after(before.as_bytes()).holding(is_holding);
            let answer = String::from_utf8(sdp::answer(offer.as_bytes(), &ours).unwrap()).unwrap();
            assert!(answer.ends_with(expected), "RFC 6337 §5.3: {forced}, holding: {is_holding}: {answer}");
        }
    }
}

/// A device that only receives is not made to send.
// Holds: 3264-5.1-2
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
    assert_eq!(answer(&[&offer], &ours), Err(Unusable::NothingInCommon), "no key in common: RFC 4568 §5.1.2");
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
