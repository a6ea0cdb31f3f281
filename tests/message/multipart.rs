//! Multipart bodies through the public API (RFC 2046 §5.1, RFC 5621).

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use sip_proto::Message;
use sip_proto::message::{Body, BodyPart, BuildError, Header, MediaType, Part, Parts};

fn parts<'a>(content_type: &str, body: &'a [u8]) -> Parts<'a> {
    Parts::new(&MediaType::parse(content_type).unwrap(), body).unwrap()
}

/// The parts' bodies behind boundary `b`.
fn bodies(body: &str) -> Vec<&str> {
    parts("multipart/mixed;boundary=b", body.as_bytes())
        .map(|part| std::str::from_utf8(part.body).unwrap())
        .collect()
}

fn check(body: &str) -> Result<(), String> {
    parts("multipart/mixed;boundary=b", body.as_bytes()).check().map_err(|fault| fault.to_string())
}

/// A message with these header lines, the body's among them.
fn message(headers: &str, body: &[u8]) -> Message {
    let head = format!(
        "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
         Call-ID: c\r\nCSeq: 1 INVITE\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    Message::parse([head.as_bytes(), body].concat()).unwrap()
}

fn session_description(content_type: &str, body: &str) -> Option<String> {
    let message = message(&format!("Content-Type: {content_type}\r\n"), body.as_bytes());
    message.session_description().map(|octets| String::from_utf8(octets.to_vec()).unwrap())
}

// --- RFC 4475 §3.1.1.11 in kind: text and binary octets ---

#[test]
fn a_text_and_a_signature() {
    let signature: &[u8] = &[0x30, 0x82, 0, b'\r', b'\n', b'-', b'-', 0xff, b'\n', 0];
    let mut body = b"--7a9cbec02ceef655\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\nHello\r\n\
        --7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        .to_vec();
    body.extend_from_slice(signature);
    body.extend_from_slice(b"\r\n--7a9cbec02ceef655--\r\n");
    let message = message("Content-Type: multipart/mixed;boundary=7a9cbec02ceef655\r\n", &body);
    let parts = message.parts().unwrap().unwrap();
    assert_eq!(parts.check(), Ok(()));
    let parts: Vec<Part<'_>> = parts.collect();
    assert_eq!(parts.len(), 2);
    assert!(parts[0].content_type().unwrap().unwrap().is("text", "plain"));
    assert_eq!((parts[0].body, parts[1].body), (&b"Hello"[..], signature));
    let headers: Vec<_> = parts[1].headers().collect();
    assert_eq!(
        headers,
        [("Content-Type", "application/octet-stream"), ("Content-Transfer-Encoding", "binary")]
    );
    assert_eq!(message.session_description(), None);
}

#[test]
fn bodies_of_other_types_have_no_parts() {
    assert!(message("Content-Type: application/sdp\r\n", b"v=0").parts().unwrap().is_none());
    assert!(message("", b"").parts().unwrap().is_none());
    let fault = message("Content-Type: multipart/mixed\r\n", b"x").parts().unwrap_err();
    assert!(fault.to_string().starts_with("Content-Type: expected a boundary"), "{fault}");
    let text = MediaType::parse("text/plain;boundary=b").unwrap();
    assert_eq!(Parts::new(&text, b"").unwrap_err().expected, "a multipart type");
}

// --- RFC 2046 §5.1.1: delimiter lines ---

#[test]
fn what_is_around_the_parts_is_ignored() {
    assert_eq!(
        bodies("preamble\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\nepilogue\r\n--b\r\n\r\nno"),
        ["one", "two"]
    );
    assert_eq!(bodies("--b\r\n\r\none\r\n--b--"), ["one"]);
    // White space that transports add to delimiter lines.
    assert_eq!(bodies("--b \t\r\n\r\none\r\n--b--  \r\nx"), ["one"]);
    // Line ends belong to the delimiter line but for those before the last one.
    assert_eq!(bodies("--b\r\n\r\none\r\n\r\n--b--"), ["one\r\n"]);
    assert_eq!(bodies("--b\n\none\n--b--\n"), ["one"]);
}

#[test]
fn lines_that_look_like_delimiters_belong_to_the_part() {
    for inside in ["--bb", " --b", "-b", "--B", "--b x", "x--b", "--b--x", "--b\rx", "--", "--b-", "---b"] {
        let body = format!("--b\r\n\r\none\r\n{inside}\r\ntwo\r\n--b--");
        assert_eq!(bodies(&body), [format!("one\r\n{inside}\r\ntwo")], "{inside:?}");
    }
}

#[test]
fn missing_lines_are_forgiven_and_told() {
    let end = |text: &str| text.len();
    for (text, found, expected) in [
        ("--b\r\n\r\none", vec!["one"], "a closing delimiter line"),
        ("--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n", vec!["one", "two\r\n"], "a closing delimiter line"),
        ("--b\r\n\r\none\r\n--b", vec!["one"], "a closing delimiter line"),
        ("", vec![], "a part"),
        ("text only", vec![], "a part"),
        ("--b--", vec![], "a part"),
        ("--b", vec![], "a part"),
    ] {
        assert_eq!(bodies(text), found, "{text:?}");
        assert_eq!(check(text), Err(format!("Expected {expected} at byte {}", end(text))), "{text:?}");
    }
    assert_eq!(check("--b\r\n\r\none\r\n--b--"), Ok(()));
    // It looks at the whole body, wherever the reading stands.
    let mut read = parts("multipart/mixed;boundary=b", b"--b\r\n\r\none");
    assert_eq!((read.next().is_some(), read.next().is_none(), read.check().is_err()), (true, true, true));
}

#[test]
fn a_boundary_has_up_to_seventy_characters() {
    let kind = |boundary: &str| {
        let value = format!("multipart/mixed;boundary={boundary}");
        MediaType::parse(&value).and_then(|kind| Parts::new(&kind, b"").map(|_| ()))
    };
    let quoted = |boundary: &str| kind(&format!("\"{boundary}\""));
    assert_eq!(kind(&"x".repeat(70)), Ok(()));
    assert!(kind(&"x".repeat(71)).is_err());
    assert_eq!(quoted("gc0pJq0M:08jU534c0p"), Ok(()));
    assert_eq!(quoted("a '()+_,-./:=?z"), Ok(()));
    // Quotes and quoted pairs are not part of it.
    assert_eq!(parts("multipart/mixed;boundary=\"a\\-b\"", b"--a-b\r\n\r\nx\r\n--a-b--").count(), 1);
    for wrong in ["", "a ", "a\\\"b", "a@b", "\u{fc}"] {
        assert!(quoted(wrong).is_err(), "{wrong:?}");
    }
    assert!(kind("").is_err());
}

// --- parts ---

#[test]
fn header_fields_fold() {
    let body = b"--b\r\nContent-Type: multipart/mixed;\r\n boundary=\"inner\"\r\nX-Folded : one\r\n\ttwo\r\nno field\r\n\
        : no name\r\nContent-ID:\r\nX-Utf: \xff\r\n\r\n--inner\r\n\r\ndeep\r\n--inner--\r\n--b--";
    let part = parts("multipart/mixed;boundary=b", body).next().unwrap();
    let headers: Vec<_> = part.headers().collect();
    assert_eq!(
        headers,
        [
            ("Content-Type", "multipart/mixed;\r\n boundary=\"inner\""),
            ("X-Folded", "one\r\n\ttwo"),
            ("Content-ID", ""),
            ("X-Utf", "")
        ]
    );
    assert_eq!((part.header("content-id"), part.header("X-Absent")), (Some(""), None));
    // RFC 3261 §7.3.1: a fold is white space to whoever reads the value.
    let inner: Vec<_> = part.parts().unwrap().unwrap().map(|part| part.body).collect();
    assert_eq!(inner, [b"deep"]);
}

#[test]
fn heads_and_bodies_may_be_empty() {
    for (text, head, body) in [
        ("\r\nbody", "", "body"),
        ("\r\n", "", ""),
        ("", "", ""),
        ("A: b\r\n\r\n", "A: b\r\n", ""),
        ("A: b\r\n", "A: b\r\n", ""),
        ("A: b", "A: b", ""),
        ("A: b\r\n\r\n\r\nx", "A: b\r\n", "\r\nx"),
        ("A: b\n\nx", "A: b\n", "x"),
    ] {
        let whole = format!("--b\r\n{text}\r\n--b--");
        let part = parts("multipart/mixed;boundary=b", whole.as_bytes()).next().unwrap();
        assert_eq!((part.head, part.body), (head.as_bytes(), body.as_bytes()), "{text:?}");
    }
}

#[test]
fn a_type_may_be_absent_or_wrong() {
    let read = |head: &str| {
        let whole = format!("--b\r\n{head}\r\n\r\nx\r\n--b--");
        let part = parts("multipart/mixed;boundary=b", whole.as_bytes()).next().unwrap();
        part.content_type()
            .map(|kind| kind.map(|kind| kind.main.to_owned()))
            .map_err(|fault| fault.to_string())
    };
    assert_eq!(read("Content-ID: x"), Ok(None));
    assert_eq!(read("content-type : Text/plain"), Ok(Some("Text".into())));
    assert_eq!(read("Content-Type: text"), Err("Content-Type: expected '/' at byte 4".into()));
}

#[test]
fn handling_is_required_unless_optional() {
    // RFC 5621 §8.1.
    for (disposition, required) in [
        ("", true),
        ("Content-Disposition: signal; handling=optional", false),
        ("Content-Disposition: signal ;x=\"y;handling=optional\";HANDLING = Optional", false),
        ("Content-Disposition: signal;handling=required", true),
        ("Content-Disposition: signal;handling=other", true),
        ("Content-Disposition: signal;x=\"y;handling=optional\"", true),
        ("Content-Disposition: handling=optional", true),
    ] {
        let whole = format!("--b\r\nX: y\r\n{disposition}\r\n\r\nx\r\n--b--");
        let part = parts("multipart/mixed;boundary=b", whole.as_bytes()).next().unwrap();
        assert_eq!(part.is_required(), required, "{disposition}");
    }
}

#[test]
fn debug_shows_no_octets() {
    let parts = parts("multipart/mixed;boundary=b", b"--b\r\nContent-Type: a/b\r\n\r\nsecret\r\n--b--");
    assert_eq!(format!("{parts:?}"), "Parts(39 bytes)");
    assert_eq!(format!("{:?}", parts.clone().next().unwrap()), "Part(a/b, 6 bytes)");
}

// --- the session description (RFC 5621 §4, §6) ---

#[test]
fn the_session_description_is_found_wherever_it_is() {
    let sdp = "Content-Type: application/sdp\r\n";
    let text = "Content-Type: text/plain\r\n";
    let mixed = "multipart/mixed;boundary=b";
    let found = |content_type: &str, body: &str| session_description(content_type, body);
    assert_eq!(found("application/sdp", "v=0"), Some("v=0".into()));
    assert_eq!(found("APPLICATION/SDP;charset=x", "v=0"), Some("v=0".into()));
    assert_eq!(found("text/plain", "v=0"), None);
    assert_eq!(found("application/sdp", ""), None);
    assert_eq!(
        found(mixed, &format!("--b\r\n{text}\r\nx\r\n--b\r\n{sdp}\r\nv=0\r\n--b--")),
        Some("v=0".into())
    );
    // Of several in multipart/mixed the first; of alternatives the last that is understood (§6.1).
    let two = format!("--b\r\n{sdp}\r\none\r\n--b\r\n{sdp}\r\ntwo\r\n--b\r\n{text}\r\nx\r\n--b--");
    assert_eq!(found(mixed, &two), Some("one".into()));
    assert_eq!(found("multipart/alternative;boundary=b", &two), Some("two".into()));
    // §4.2: unknown subtypes are read as mixed.
    assert_eq!(found("multipart/x-unknown;boundary=b", &two), Some("one".into()));
    // §4.1's nested example: a location beside alternatives.
    let nested = format!(
        "--b\r\n{text}\r\nhere\r\n--b\r\nContent-Type: multipart/alternative;boundary=\"b b\"\r\n\r\n\
         --b b\r\n{sdp}\r\nv=0\r\n--b b\r\nContent-Type: application/sdp-ng\r\n\r\nnew\r\n--b b--\r\n--b--"
    );
    assert_eq!(found(mixed, &nested), Some("v=0".into()));
}

#[test]
fn another_disposition_is_no_session() {
    // RFC 3261 §20.11, RFC 5621 §8.1.
    let found = |header: &str| {
        let body = format!("--b\r\nContent-Type: application/sdp\r\n{header}\r\nv=0\r\n--b--");
        session_description("multipart/mixed;boundary=b", &body).is_some()
    };
    assert!(found("") && found("Content-Disposition: Session;handling=optional\r\n"));
    assert!(!found("Content-Disposition: early-session\r\n") && !found("Content-Disposition: sessions\r\n"));
    // What is not there in the clear is not found.
    assert!(found("Content-Transfer-Encoding: binary\r\n"));
    assert!(!found("Content-Transfer-Encoding: base64\r\n") && !found("Content-Encoding: gzip\r\n"));
    let alone = message("Content-Type: application/sdp\r\nContent-Disposition: render\r\n", b"v=0");
    assert_eq!(alone.session_description(), None);
    let packed = message("Content-Type: application/sdp\r\ne: gzip\r\n", b"v=0");
    assert_eq!(packed.session_description(), None);
    // RFC 3261 §7.3.1: a list may stand in several lines, the codings in the order in which they were applied (§20.12).
    let coded = |lines: &str| {
        let message = message(&format!("Content-Type: application/sdp\r\n{lines}"), b"v=0");
        message.session_description().is_none()
    };
    assert!(coded("Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"));
    assert!(coded("Content-Encoding: identity, gzip\r\n"));
    assert!(!coded("Content-Encoding: identity\r\nContent-Encoding: identity,\tidentity\r\n"));
    assert!(!found("Content-Encoding: identity\r\ncontent-encoding: gzip\r\n"));
    assert!(found("Content-Encoding: identity, identity\r\n"));
}

#[test]
fn nesting_is_looked_into_eight_deep() {
    let nest = |depth: usize| {
        let mut body = String::from("v=0");
        let mut kind = String::from("application/sdp");
        for level in 0..depth {
            body = format!("--b{level}x\r\nContent-Type: {kind}\r\n\r\n{body}\r\n--b{level}x--");
            kind = format!("multipart/mixed;boundary=b{level}x");
        }
        session_description(&kind, &body)
    };
    assert_eq!(nest(8), Some("v=0".into()));
    assert_eq!(nest(9), None);
}

/// 1 MB of what could be read again and again: one pass each, where reading every rest again takes hours.
#[test]
fn hostile_bodies_take_linear_work() {
    const SIZE: usize = 1 << 20;
    let deep = "--b\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n";
    for (boundary, piece) in [
        ("b", "\r\n--b"),
        ("b", "--b"),
        ("b", "\n--bx"),
        ("-", "-"),
        ("b", "\n--b \t \t"),
        ("b", "\n--b\n"),
        ("b", "\n--b--x"),
        ("b", deep),
        ("b", " "),
        ("b", "\r\n\r\n"),
        ("b", "\r\n "),
        ("b", "A:b\r\n"),
    ] {
        let body = format!("--{boundary}\r\n{}", piece.repeat(SIZE / piece.len()));
        let kind = format!("multipart/mixed;boundary=\"{boundary}\"");
        let octets: usize =
            parts(&kind, body.as_bytes()).map(|part| part.body.len() + part.headers().count()).sum();
        let message = message(&format!("Content-Type: {kind}\r\n"), body.as_bytes());
        let description = message.session_description();
        assert!(octets <= body.len() && description.is_none());
    }
}

// --- writing ---

fn text(octets: &'static str) -> BodyPart {
    BodyPart::new(Body::new("text/plain", octets))
}

#[test]
fn what_is_written() {
    let list = text("x").header(Header::new("Content-Disposition", " recipient-list "));
    let body = Body::multipart("mixed", "b 1", &[BodyPart::new(Body::sdp("v=0\r\n")), list]).unwrap();
    assert_eq!(body.content_type, "multipart/mixed;boundary=\"b 1\"");
    assert_eq!(
        body.bytes,
        "--b 1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n\
         --b 1\r\nContent-Type: text/plain\r\nContent-Disposition: recipient-list\r\n\r\nx\r\n--b 1--\r\n"
    );
}

#[test]
fn what_is_not_written() {
    let refused = |subtype: &str, boundary: &str, part: BodyPart| {
        Body::multipart(subtype, boundary, &[part]).unwrap_err()
    };
    // RFC 2046 §5.1.1: the boundary may not occur in what it delimits.
    assert_eq!(refused("mixed", "b", text("one\r\n--b\r\ntwo")), BuildError::Boundary);
    assert_eq!(refused("mixed", "b", text("--bx")), BuildError::Boundary);
    assert_eq!(refused("mixed", "b", text("x").header(Header::new("X", "--b"))), BuildError::Boundary);
    for boundary in ["", " ", "b ", "b\r\n", "b\"", &"b".repeat(71)] {
        assert_eq!(refused("mixed", boundary, text("x")), BuildError::Boundary, "{boundary:?}");
    }
    assert_eq!(Body::multipart("mixed", "b", &[]), Err(BuildError::Multipart));
    assert_eq!(refused("mi xed", "b", text("x")), BuildError::Multipart);
    assert_eq!(refused("mixed\r\nX: y", "b", text("x")), BuildError::Multipart);
    assert_eq!(
        refused("mixed", "b", text("x").header(Header::new("X", "a\r\nb"))),
        BuildError::ControlCharacter
    );
    assert_eq!(
        refused("mixed", "b", BodyPart::new(Body::new("a/b\r\nX: y", "x"))),
        BuildError::ControlCharacter
    );
    assert_eq!(refused("mixed", "b", BodyPart::new(Body::new(" ", "x"))), BuildError::Body);
}

/// Octets that are often nearly a delimiter line.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(&b"\r\n"[..]),
        Just(&b"\n"[..]),
        Just(&b"--b"[..]),
        Just(&b"-"[..]),
        Just(&b"--"[..]),
        Just(&b" "[..]),
        Just(&b"x"[..]),
        Just(&b"A: b"[..]),
        Just(&b"\xff\0"[..]),
        Just(&b"Content-Type: multipart/mixed;boundary=b"[..]),
    ];
    prop_oneof![vec(piece, 0..24).prop_map(|pieces| pieces.concat()), vec(any::<u8>(), 0..64)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// What is written is read again, unless it was refused.
    #[test]
    fn read_after_write_is_identity(contents in vec(octets(), 1..5), boundary in "[b-]{1,3}") {
        let list: Vec<_> = contents
            .iter()
            .map(|octets| BodyPart::new(Body::new("a/b", Bytes::from(octets.clone()))).header(Header::new("X", "y")))
            .collect();
        match Body::multipart("mixed", &boundary, &list) {
            Ok(body) => {
                let read = parts(&body.content_type, &body.bytes);
                prop_assert_eq!(read.check(), Ok(()));
                let read: Vec<Part<'_>> = read.collect();
                prop_assert!(read.iter().all(|part| part.header("x") == Some("y")));
                prop_assert!(read.iter().map(|part| part.body).eq(contents.iter().map(|octets| &octets[..])));
            }
            Err(fault) => {
                prop_assert_eq!(fault, BuildError::Boundary);
                let delimiter = format!("--{boundary}");
                let written = ["Content-Type: a/b\r\nX: y\r\n\r\n".as_bytes()].into_iter().chain(contents.iter().map(|c| &c[..]));
                prop_assert!(written.into_iter().any(|octets| octets.windows(delimiter.len()).any(|w| w == delimiter.as_bytes())));
            }
        }
    }

    /// Any octets split into parts that lie in them, in order; nothing panics.
    #[test]
    fn parts_lie_in_their_body(body in octets()) {
        let read = parts("multipart/mixed;boundary=b", &body);
        let place = |part: &[u8]| part.as_ptr() as usize - body.as_ptr() as usize;
        let mut end = 0;
        for part in read.clone() {
            if !part.head.is_empty() {
                prop_assert!(place(part.head) >= end);
                end = place(part.head) + part.head.len();
            }
            if !part.body.is_empty() {
                prop_assert!(place(part.body) >= end);
                end = place(part.body) + part.body.len();
            }
            let _ = (part.headers().count(), part.content_type(), part.is_required(), part.parts().map(|p| p.map(Iterator::count)));
        }
        prop_assert!(end <= body.len());
        prop_assert!(read.check().is_err() || read.count() > 0);
        let _ = message("Content-Type: multipart/mixed;boundary=b\r\n", &body).session_description();
    }
}
