//! The torture messages of RFC 4475 and RFC 5118: this crate's own, one per section, and with `SIP_TORTURE_DIR` the originals too.
//!
//! `tests/torture/own.txt` and `originals.txt` say what each must come to: on receipt, under `validate()`, field by field, and
//! at an endpoint. All of it is taken from the RFCs' prose.

#[path = "torture/probe.rs"]
mod probe;
#[path = "torture/strict.rs"]
mod strict;
#[expect(dead_code, reason = "the endpoint's tests use all of it")]
mod support;
#[path = "torture/table.rs"]
mod table;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use probe::probe;
use sip_proto::context::Reply;
use sip_proto::endpoint::Handling;
use sip_proto::message::{Contact, Datagram, Framer, Name, ParseError, Unit, Uri};
use sip_proto::{Event, Limits, Message, Method, Output};
use support::{ALICE, Heard, Ua};
use table::Entry;

/// Parents of the sections of RFC 4475 that hold one message each, and how many there are: 49.
const RFC_4475: [(&str, u32); 5] = [("3.1.1", 13), ("3.1.2", 19), ("3.2", 1), ("3.3", 15), ("3.4", 1)];
/// Sections of RFC 5118; two of them have two messages: 12.
const RFC_5118: [(&str, u32); 1] = [("4", 10)];

/// The messages of RFC 4475 §3.1.2 that its prose lets a liberal receiver take. The other ten are refused on receipt.
const FORGIVEN: [&str; 9] =
    ["lwsstart", "trws", "escruri", "baddate", "regbadct", "badaspec", "baddn", "ltgtruri", "lwsruri"];

fn own() -> (PathBuf, Vec<Entry>) {
    (
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture"),
        table::read(include_str!("torture/own.txt")),
    )
}

/// The RFCs' own messages, where somebody has them; they are not part of this crate.
fn originals() -> Option<(PathBuf, Vec<Entry>)> {
    let directory = std::env::var_os("SIP_TORTURE_DIR")?;
    Some((directory.into(), table::read(include_str!("torture/originals.txt"))))
}

/// The octets of a message. One that is missing is heard.
fn load(directory: &Path, entry: &Entry) -> Vec<u8> {
    let path = directory.join(format!("{}.sip", entry.name));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs `check`, which pushes what is wrong, over a whole set.
fn check_all((directory, entries): (PathBuf, Vec<Entry>), check: impl Fn(&Entry, Vec<u8>, &mut Vec<String>)) {
    let mut wrong = Vec::new();
    for entry in &entries {
        let mut found = Vec::new();
        check(entry, load(&directory, entry), &mut found);
        let place = format!("{} ({})", entry.name, entry.section);
        wrong.extend(found.into_iter().map(|what| format!("{place}: {what}")));
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}

fn compare(key: &str, actual: &str, expected: &str, wrong: &mut Vec<String>) {
    if actual != expected {
        wrong.push(format!("{key}\n  is       {actual}\n  expected {expected}"));
    }
}

// ---- What a table covers ----

fn check_coverage(directory: &Path, entries: &[Entry]) {
    assert_eq!(table::missing_sections(entries, "rfc4475/", &RFC_4475), [""; 0]);
    assert_eq!(table::missing_sections(entries, "rfc5118/", &RFC_5118), [""; 0]);
    for (rfc, count) in [("rfc4475", 49), ("rfc5118", 12)] {
        let mut files: Vec<_> = std::fs::read_dir(directory.join(rfc))
            .unwrap_or_else(|error| panic!("{}/{rfc}: {error}", directory.display()))
            .map(|file| {
                format!("{rfc}/{}", file.unwrap().file_name().to_str().unwrap().trim_end_matches(".sip"))
            })
            .collect();
        files.sort();
        let mut named: Vec<_> =
            entries.iter().map(|entry| &entry.name).filter(|name| name.starts_with(rfc)).collect();
        named.sort();
        assert_eq!(files.len(), count, "{rfc}");
        assert!(files.iter().eq(named), "{rfc}: the files and the table differ");
    }
    for entry in entries {
        for key in ["receipt", "strict", "user-agent"] {
            assert!(entry.get(key).is_some(), "{}: no {key}", entry.name);
        }
    }
    // RFC 4475 §3.1.1: every message is accepted, and the grammar has it; §3.1.2: it has none of them.
    for entry in entries.iter().filter(|entry| entry.name.starts_with("rfc4475")) {
        if entry.section.starts_with("§3.1.1.") {
            assert_eq!(entry.get("receipt"), Some("accepted"), "{}", entry.name);
            assert_eq!(entry.get("strict"), Some("valid"), "{}", entry.name);
        }
        if entry.section.starts_with("§3.1.2.") {
            let is_forgiven = FORGIVEN.iter().any(|name| entry.name.ends_with(name));
            assert_eq!(entry.get("receipt") == Some("accepted"), is_forgiven, "{}", entry.name);
            assert!(entry.get("strict").unwrap().starts_with("refused: "), "{}", entry.name);
        }
    }
}

/// There is a message of ours for every section, and something is expected of each.
#[test]
fn every_section_has_a_message() {
    let (directory, entries) = own();
    check_coverage(&directory, &entries);
}

/// With `SIP_TORTURE_DIR`, every original is there, and something is expected of each.
#[test]
fn every_original_is_there() {
    if let Some((directory, entries)) = originals() {
        check_coverage(&directory, &entries);
    }
}

// ---- On receipt, and field by field ----

/// The verdict on receipt, and what could be made out.
fn receive(octets: &[u8]) -> (String, Option<Message>) {
    match Datagram::read(Bytes::copy_from_slice(octets), &Limits::DEFAULT) {
        Datagram::Valid(message) => ("accepted".into(), Some(message)),
        Datagram::Broken(message, fault) => (format!("refused: {}", place(&fault)), Some(message)),
        Datagram::NotSip(fault) => (format!("not SIP: {}", place(&fault)), None),
        other => (format!("{other:?}"), None),
    }
}

/// The header in which a fault lies, or `head` for the start line and for where the head ends.
fn place(fault: &ParseError) -> &'static str {
    fault.header.map_or("head", Name::as_str)
}

/// The verdict, the fields, and that a message which is accepted parses alike on its own.
fn check_receipt(entry: &Entry, octets: Vec<u8>, wrong: &mut Vec<String>) {
    let (verdict, message) = receive(&octets);
    compare("receipt", &verdict, entry.get("receipt").unwrap_or_default(), wrong);
    let parsed = Message::parse(octets);
    if verdict == "accepted" && parsed.ok() != message {
        wrong.push("parse and receipt differ".into());
    }
    for (key, expected) in entry.lines.iter().filter(|(key, _)| is_field(key)) {
        match &message {
            Some(message) => compare(key, &probe(message, key), expected, wrong),
            None => wrong.push(format!("{key}: there is no message")),
        }
    }
}

/// Keys of verdicts and answers; every other one is a field.
const VERDICTS: [&str; 2] = ["receipt", "strict"];
/// Whom a message is given to.
const ROLES: [&str; 5] = ["user-agent", "sdp-only", "registrar", "stream", "client"];

fn is_field(key: &str) -> bool {
    let first = key.split_once('.').map_or(key, |(first, _)| first);
    !VERDICTS.contains(&first) && !ROLES.contains(&first)
}

#[test]
fn own_messages_on_receipt() {
    check_all(own(), check_receipt);
}

#[test]
fn originals_on_receipt() {
    if let Some(set) = originals() {
        check_all(set, check_receipt);
    }
}

/// RFC 3261 §18.3: octet by octet on a stream, the same message comes out as of a datagram. One that has no Content-Length, or
/// no end of its head, is nothing for a stream.
fn check_stream(_: &Entry, octets: Vec<u8>, wrong: &mut Vec<String>) {
    let Ok(whole) = Message::parse(octets.clone()) else { return };
    let has_end = octets.windows(4).any(|end| end == b"\r\n\r\n");
    if !has_end || whole.value(Name::ContentLength).is_none() {
        return;
    }
    let mut framer = Framer::new();
    let first = octets.iter().find_map(|octet| {
        framer.push(&[*octet]);
        framer.next(&Limits::DEFAULT).transpose()
    });
    match first {
        Some(Ok(Unit::Message(framed))) if Message::parse(framed.clone()).as_ref() == Ok(&whole) => {}
        other => wrong.push(format!("on a stream {other:?}")),
    }
}

#[test]
fn own_messages_on_a_stream() {
    check_all(own(), check_stream);
}

#[test]
fn originals_on_a_stream() {
    if let Some(set) = originals() {
        check_all(set, check_stream);
    }
}

// ---- At an endpoint ----

/// What became of it, in order: the codes of answers, what the application is asked, what is closed; or silence, and what was
/// counted.
fn outcome(ua: &Ua, heard: &Heard) -> String {
    let words = heard.0.iter().map(|(_, output)| match output {
        Output::Transmit(transmit) => transmit.payload.message().map_or("pong".into(), |message| {
            message.status().map_or(message.method().as_str().into(), |status| status.code().to_string())
        }),
        Output::Event(Event::Incoming { request, .. }) => format!("asks {}", request.method()),
        Output::Event(_) => String::new(),
        Output::Close { .. } => "close".into(),
        other => format!("{other:?}"),
    });
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    if !words.is_empty() {
        return words.join(", ");
    }
    let counters = format!("{:?}", ua.sip.counters());
    let inner = counters.split_once('{').unwrap().1.trim_end_matches('}');
    let counted = inner.split(',').filter_map(|pair| {
        let (name, count) = pair.split_once(':')?;
        (count.trim() != "0" && name.trim() != "received").then(|| name.trim())
    });
    let counted: Vec<_> = counted.collect();
    if counted.is_empty() { "silence".into() } else { format!("silence: {}", counted.join(", ")) }
}

/// A registrar so small that it keeps no bindings: it answers with those that the request asks for (RFC 3261 §10.3).
fn register(ua: &mut Ua, heard: &Heard) -> Heard {
    let Some(Event::Incoming { server, request }) = heard.events().first().copied() else {
        return Heard(Vec::new());
    };
    let to = request.to().unwrap();
    let Ok(Uri::Sip(_)) = to.parse_uri() else { return ua.reject(*server, Reply::code(400)).unwrap() };
    let mut reply = Reply::new();
    for contact in request.contacts() {
        if let Ok(Contact::Address(address)) = contact {
            reply = reply.header("Contact", format!("<{}>{}", address.uri, address.params.as_str()));
        }
    }
    ua.accept(*server, reply).unwrap()
}

/// The user agent in a role, and what it makes of a message.
fn play(role: &str, octets: Vec<u8>) -> (Ua, Heard) {
    let mut ua = Ua::with(|config| match role {
        "sdp-only" => config.policy.accept = vec!["application/sdp".into()],
        "registrar" => config.policy.set_initial(Method::Register, Handling::Ask),
        _ => {}
    });
    let mut heard = match role {
        "stream" => ua.hear_on(ua.tcp(ALICE, 1), octets),
        _ => ua.hear(octets),
    };
    if role == "registrar" {
        heard.0.extend(register(&mut ua, &heard).0);
    }
    (ua, heard)
}

fn check_endpoint(entry: &Entry, octets: Vec<u8>, wrong: &mut Vec<String>) {
    for role in ROLES.into_iter().filter(|role| *role != "client") {
        let Some(expected) = entry.get(role) else { continue };
        let (mut ua, heard) = play(role, octets.clone());
        compare(role, &outcome(&ua, &heard), expected, wrong);
        let answer = heard.sent().into_iter().next_back();
        let told = entry
            .lines
            .iter()
            .filter_map(|(key, value)| Some((key, key.strip_prefix(role)?.strip_prefix('.')?, value)));
        for (key, field, expected) in told {
            match &answer {
                Some(answer) => compare(key, &probe(answer, field), expected, wrong),
                None => wrong.push(format!("{key}: there is no answer")),
            }
        }
        if role == "user-agent" {
            check_repeat(&mut ua, &octets, answer.as_ref(), wrong);
        }
        ua.pass_all();
    }
}

/// RFC 3261 §17.2, §8.2.7: a request that comes again gets the answer it got, and the application is not asked twice.
fn check_repeat(ua: &mut Ua, octets: &[u8], answer: Option<&Message>, wrong: &mut Vec<String>) {
    let again = ua.hear(octets.to_vec());
    if again.sent().last() != answer || !again.events().is_empty() {
        wrong.push(format!("when it comes again\n  is       {again:?}\n  expected {answer:?}"));
    }
}

#[test]
fn own_messages_at_an_endpoint() {
    check_all(own(), check_endpoint);
}

#[test]
fn originals_at_an_endpoint() {
    if let Some(set) = originals() {
        check_all(set, check_endpoint);
    }
}

/// RFC 5118 §4.5: what we write into `received` has no brackets, whatever stood there.
#[test]
fn received_is_written_without_brackets() {
    for name in ["with", "no"] {
        let path = format!("tests/torture/rfc5118/via-received-param-{name}-delim.sip");
        let octets = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        let answer = Ua::new().hear_from("[2001:db8:f::7]:5060", octets).only();
        assert_eq!(probe(&answer, "via.1.param.received"), "2001:db8:f::7", "{name}");
    }
}

// ---- Responses, given to a call of ours ----

/// The response `octets` as the answer to `invite`: its own start line, header lines and body, with what matching rests on
/// taken from the request. A sequence number that is none stays what it is.
fn as_answer(octets: &[u8], invite: &Message) -> Vec<u8> {
    let head_len = octets.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    let head = core::str::from_utf8(&octets[..head_len]).unwrap();
    let mut lines: Vec<String> = Vec::new();
    let mut is_top = true;
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        lines.push(match name {
            "Via" if core::mem::take(&mut is_top) => format!("Via: {}", invite.value(Name::Via).unwrap()),
            "From" => format!("From: {}", invite.value(Name::From).unwrap()),
            "To" => format!("To: {};tag=theirs", invite.value(Name::To).unwrap()),
            "Call-ID" => format!("Call-ID: {}", invite.call_id()),
            "CSeq" => match value.trim().split_once(' ').unwrap().0.parse::<u32>() {
                Ok(_) => format!("CSeq: {}", invite.value(Name::CSeq).unwrap()),
                Err(_) => line.into(),
            },
            _ => line.into(),
        });
    }
    let mut answer = lines.join("\r\n").into_bytes();
    answer.extend_from_slice(&octets[head_len..]);
    answer
}

fn check_client(entry: &Entry, octets: Vec<u8>, wrong: &mut Vec<String>) {
    let Some(expected) = entry.get("client") else { return };
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let answer = as_answer(&octets, &invite);
    let heard = ua.hear(answer);
    let words = if heard.0.is_empty() { "(nothing)".into() } else { heard.lines().join(", ") };
    compare("client", &words, expected, wrong);
}

/// A response that is not to be acted on leaves the call as it was; one that looks odd and is fine counts.
#[test]
fn own_responses_at_a_client() {
    check_all(own(), check_client);
}

#[test]
fn original_responses_at_a_client() {
    if let Some(set) = originals() {
        check_all(set, check_client);
    }
}
