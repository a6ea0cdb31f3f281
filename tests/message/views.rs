//! Typed views through the public API: every known header is read by an accessor of its own, and what is written of a value is
//! read as the same value.

mod rows;
mod written;

use core::fmt::Display;
use core::time::Duration;

use rows::{Read, Row, rows};
use sip_proto::Method;
use sip_proto::message::{
    Address, Builder, Contact, Header, Message, Name, Params, ParseError, QValue, quote,
};

/// The headers without which a message is none.
const USUAL: [(Name, &str); 5] = [
    (Name::Via, "SIP/2.0/UDP h;branch=z9hG4bK1"),
    (Name::From, "<sip:a@h>;tag=1"),
    (Name::To, "<sip:b@h>"),
    (Name::CallId, "c"),
    (Name::CSeq, "1 OPTIONS"),
];

fn is_usual(name: Name) -> bool {
    USUAL.iter().any(|(usual, _)| *usual == name)
}

/// A request with these lines, and the usual ones that are not among them. The lines come first.
fn request(name: Name, values: &[&str]) -> String {
    let own = values.iter().map(|value| (name, *value));
    let usual = USUAL.into_iter().filter(|(usual, _)| *usual != name);
    let lines: String =
        own.chain(usual).map(|(name, value)| format!("{}: {value}\r\n", name.as_str())).collect();
    format!("OPTIONS sip:b@h SIP/2.0\r\n{lines}\r\n")
}

fn read(row: &Row, text: &str) -> Read {
    (row.accessor)(&Message::parse(text.as_bytes().to_vec())?)
}

#[test]
fn every_name_has_its_row() {
    let rows = rows();
    for name in Name::all() {
        let count = rows.iter().filter(|row| row.name == name).count();
        assert_eq!(count, 1, "{name:?} has {count} rows");
    }
    assert_eq!(rows.len(), Name::all().count());
}

#[test]
fn every_name_is_read_by_its_accessor() {
    for row in rows() {
        let name = row.name.as_str();
        assert_eq!(read(&row, &request(row.name, &[row.sent])).unwrap(), row.read, "{name}");
        if !is_usual(row.name) {
            assert_eq!(read(&row, &request(row.name, &[])), Ok(vec![]), "{name} is absent");
        }
    }
}

/// The table in the documentation has a line for every name.
#[test]
fn every_name_is_documented() {
    let page = include_str!("../../src/message/view/mod.rs");
    for name in Name::all() {
        let line = format!("/// | `{}` | [`", name.as_str());
        assert_eq!(page.matches(&line).count(), 1, "{line}");
    }
}

/// RFC 3261 §7.3.1: lines of one name are a list; of a header that stands once, the first counts.
#[test]
fn lines_of_a_list_go_on_where_the_one_before_ended() {
    for row in rows().iter().filter(|row| !is_usual(row.name) && row.name != Name::MaxForwards) {
        if row.name == Name::ContentLength {
            continue; // A second one is a defect of the message.
        }
        let twice = read(row, &request(row.name, &[row.sent, row.sent])).unwrap();
        let is_list = row.read.len() > 1 || twice.len() == 2 * row.read.len();
        let expected = if is_list { row.read.repeat(2) } else { row.read.to_vec() };
        assert_eq!(twice, expected, "{}", row.name.as_str());
    }
}

#[test]
fn faults_are_placed_in_header_and_byte() {
    for row in rows() {
        let Some((value, expected, at)) = row.malformed else { continue };
        let text = request(row.name, &[value]);
        let line = format!("{}: ", row.name.as_str());
        let value_at = text.find(&line).unwrap() + line.len();
        let fault = read(&row, &text).unwrap_err();
        let placed = ParseError { expected, header: Some(row.name), at: value_at + at };
        assert_eq!(fault, placed, "{value}");
    }
}

/// RFC 3261 §25.1: what is not UTF-8 reads as empty, where it stands.
#[test]
fn faults_of_octets_are_placed_too() {
    let mut octets = request(Name::Authorization, &["?"]).into_bytes();
    let at = octets.iter().position(|octet| *octet == b'?').unwrap();
    octets[at] = 0xff;
    let message = Message::parse(octets).unwrap();
    let faults = message.authorization().map(|view| view.unwrap_err().at);
    assert_eq!(faults.collect::<Vec<_>>(), [at]);
}

#[test]
fn what_is_written_of_a_view_is_read_again() {
    for row in rows() {
        for written in row.read.iter().filter(|_| row.name != Name::ContentLength) {
            let built = built(row.name, &written);
            assert_eq!((row.accessor)(&built).unwrap(), [*written], "{}", row.name.as_str());
        }
    }
}

/// A message with this header, through the builder.
fn built(name: Name, value: &dyn Display) -> Message {
    let header = Header::of(name, value);
    let mut builder = Builder::request(&Method::Options, "sip:b@h");
    for (usual, text) in USUAL.into_iter().filter(|(usual, _)| *usual != name && *usual != Name::CSeq) {
        builder.header(usual, text);
    }
    match header.check() {
        Ok(()) => builder.extra(&header),
        // The library's to write.
        Err(_) => builder.header(name, &header.value),
    };
    if name != Name::CSeq {
        builder.cseq(1, &Method::Options);
    }
    let message = builder.finish().unwrap();
    let parsed = Message::parse(message.as_bytes().to_vec());
    parsed.unwrap_or(message)
}

#[test]
fn the_contact_of_a_registration_is_built_and_read() {
    // RFC 5626 §4.2.1, RFC 3261 §20.10.
    let name = quote("Bob \"B\"").to_string();
    let params = format!(";q=0.5;expires=60;reg-id=1;+sip.instance={}", quote("<urn:uuid:0000>"));
    let address = Address { raw_display_name: &name, uri: "sip:bob@h;ob", params: Params::new(&params) };
    let message = built(Name::Contact, &Contact::Address(address));
    let read = message.contact().unwrap().unwrap();
    assert_eq!(read, address);
    assert_eq!(read.display_name().unwrap(), "Bob \"B\"");
    assert_eq!((read.q(), read.reg_id()), (Ok(QValue::from_thousandths(500)), Ok(Some(1))));
    assert_eq!((read.expires(), read.instance()), (Some(Duration::from_secs(60)), Some("urn:uuid:0000")));
    assert_eq!(built(Name::Contact, &Contact::Star).contacts().next(), Some(Ok(Contact::Star)));
}

#[test]
fn a_header_without_a_name_is_refused() {
    assert!(Header::of(Name::Unknown, "x").check().is_err());
    assert!(Header::of(Name::Subject, quote("a\r\nVia: b")).check().is_err());
}
