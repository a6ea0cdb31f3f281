//! Every string that an application can supply, with what would end its line, its header or its element: a typed refusal after which nothing
//! has happened, or a message of the same shape (RFC 3261 §7.3.1, §25.1; DESIGN.md §4).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::path::Path;

use sip_proto::message::{Message, Name};

use crate::support::Ua;

mod endpoint;
mod machines;

/// What was written, or why it was not.
type Written = Result<Vec<Message>, String>;

/// Where a string goes in.
struct Entry {
    /// What it is, for whoever reads a failure.
    what: &'static str,
    /// The public items that it goes in by, as `file/item`.
    covers: &'static [&'static str],
    /// A string as it is meant.
    good: &'static str,
    /// What else the string may hold: its structure is the application's.
    may_hold: &'static str,
    /// Supplies it.
    write: fn(String) -> Written,
}

fn entries() -> Vec<Entry> {
    [endpoint::entries(), machines::entries()].into_iter().flatten().collect()
}

/// A value whose commas, semicolons, quotes and brackets are the application's business: a header of its own.
const ANY_VALUE: &str = ",;>\" ";

/// What ends a line for someone.
const LINE_ENDS: [&str; 8] = [
    "\r\nX-Smuggled: 1",
    "\nX-Smuggled: 1",
    "\rX-Smuggled: 1",
    "\r\n\r\nINVITE sip:mallory@192.0.2.66 SIP/2.0\r\n",
    "\0",
    "\r\n X-Folded",
    "\u{1}",
    "\u{7f}",
];

/// What ends a value, an element, a URI or a quoted string.
const STRUCTURE: [&str; 12] = [
    ",",
    ";",
    ">",
    "\"",
    ", <sip:mallory@192.0.2.66>",
    ",<sip:mallory@192.0.2.66>;x=1",
    ";tag=forged",
    ">;tag=forged, <sip:mallory@192.0.2.66",
    "\"mallory",
    "\", \"",
    " SIP/2.0",
    ";branch=z9hG4bKforged",
];

fn hostile(entry: &Entry) -> Vec<String> {
    let good = entry.good;
    let (head, tail) = good.split_at(good.char_indices().nth(1).map_or(good.len(), |(at, _)| at));
    let is_structure = |text: &&str| {
        let first = text.chars().next().unwrap_or_default();
        !entry.may_hold.contains(first)
    };
    let pieces = LINE_ENDS.into_iter().chain(STRUCTURE.into_iter().filter(is_structure));
    pieces
        .flat_map(|piece| {
            [format!("{good}{piece}"), format!("{piece}{good}"), format!("{head}{piece}{tail}")]
        })
        .collect()
}

/// How a message is built: names, elements and parameters, whatever their values.
#[derive(Debug, PartialEq)]
struct Shape {
    names: Vec<String>,
    elements: Vec<usize>,
    tags: [Option<String>; 2],
    vias: Vec<usize>,
    findings: usize,
    body: usize,
}

fn shape(message: &Message) -> Shape {
    let counted = [
        Name::Via,
        Name::Route,
        Name::Contact,
        Name::Allow,
        Name::Supported,
        Name::Accept,
        Name::From,
        Name::To,
        Name::Event,
        Name::SubscriptionState,
        Name::ReferTo,
        Name::ContentType,
    ];
    let tag = |address: Result<sip_proto::message::Address<'_>, _>| {
        address
            .map_err(|_: sip_proto::message::ParseError| ())
            .ok()
            .and_then(|address| address.tag().map(String::from))
    };
    let vias = message.via().map(|via| via.map_or(99, |via| via.params.iter().count()));
    Shape {
        names: message.lines().map(|(name, _)| name.to_owned()).collect(),
        elements: counted.map(|name| message.elements(name).count()).into(),
        tags: [tag(message.from()), tag(message.to()).filter(|_| message.is_request())],
        vias: vias.collect(),
        findings: message.findings().count(),
        body: message.body().len(),
    }
}

impl Shape {
    /// Whether there is no line, element or parameter more than was meant. Something may be left out. What is wrong with a value that is the
    /// application's own is its own affair.
    fn adds_nothing_to(&self, meant: &Self, is_value: bool) -> bool {
        let mut left = meant.names.iter();
        let fewer = |got: &[usize], meant: &[usize]| got.iter().zip(meant).all(|(got, meant)| got <= meant);
        self.names.iter().all(|name| left.any(|other| other == name))
            && fewer(&self.elements, &meant.elements)
            && self.vias == meant.vias
            && self.tags == meant.tags
            && self.body == meant.body
            && (is_value || self.findings <= meant.findings)
    }
}

/// RFC 3261 §7.3.1: no string starts a line, an element or a parameter that it was not meant for.
#[test]
fn nothing_is_smuggled_in_anywhere() {
    let mut faults = Vec::new();
    for entry in entries() {
        let meant = (entry.write)(entry.good.to_owned());
        let meant = meant.unwrap_or_else(|refused| panic!("{}: {:?}: {refused}", entry.what, entry.good));
        let meant: Vec<Shape> = meant.iter().map(shape).collect();
        assert!(!meant.is_empty(), "{} writes nothing", entry.what);
        let leniency = usize::from(!entry.good.is_ascii());
        assert!(meant.iter().all(|shape| shape.findings <= leniency), "{}: {meant:?}", entry.what);
        for text in hostile(&entry) {
            let Ok(written) = (entry.write)(text.clone()) else { continue };
            for message in &written {
                let octets = String::from_utf8_lossy(message.as_bytes()).into_owned();
                let again = Message::parse(message.as_bytes().to_vec());
                if again.as_ref() != Ok(message) {
                    faults.push(format!("{} {text:?} is read as another message:\n{octets}", entry.what));
                }
            }
            let shapes: Vec<Shape> = written.iter().map(shape).collect();
            let is_value = entry.may_hold == ANY_VALUE;
            let same = shapes.len() == meant.len()
                && shapes.iter().zip(&meant).all(|(got, meant)| got.adds_nothing_to(meant, is_value));
            if !same {
                faults.push(format!("{} {text:?}:\n{}", entry.what, octets_of(&written)));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

fn octets_of(messages: &[Message]) -> String {
    messages.iter().map(|message| String::from_utf8_lossy(message.as_bytes()).into_owned()).collect()
}

/// The list above is whole: whatever public item takes text for a message is among what it covers. Such text is `Cow<'static, str>` by the
/// habit of this crate, a body's type once `&'static str`; the machines below the endpoint borrow theirs, and are listed by hand.
#[test]
fn every_entry_point_is_listed() {
    let mut found = BTreeSet::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 25, "the reading of the sources is broken: {found:?}");
    let listed = entries();
    let covered: BTreeSet<&str> = listed.iter().flat_map(|entry| entry.covers).copied().collect();
    // Compared with what comes in, and never written.
    let never_written = ["policy.rs/users"];
    let missing: Vec<_> = found
        .iter()
        .filter(|item| !covered.contains(item.as_str()) && !never_written.contains(&item.as_str()))
        .collect();
    assert!(missing.is_empty(), "nobody tries {missing:?}");
    let gone: Vec<_> =
        covered.iter().filter(|item| !item.contains("::") && !found.contains(**item)).collect();
    assert!(gone.is_empty(), "there is no {gone:?}");
}

fn read(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && file != "testing" {
            read(&path, found);
        } else if file.ends_with(".rs") {
            read_items(&file, &fs::read_to_string(&path).unwrap(), found);
        }
    }
}

/// Public functions and fields that take text.
fn read_items(file: &str, text: &str, found: &mut BTreeSet<String>) {
    const TAKEN: [&str; 3] =
        ["Cow<'static, str>", "content_type: &'static str", "advertised: Option<Box<str>>"];
    let mut item = None;
    for line in text.split("#[cfg(test)]").next().unwrap().lines() {
        let line = line.trim_start();
        let is_comment = line.starts_with("//");
        if let Some(rest) = line.strip_prefix("pub fn ").or_else(|| line.strip_prefix("pub ")) {
            item = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(String::from);
        } else if line.starts_with("fn ") || line.starts_with("pub(") || line.starts_with('}') {
            item = None;
        }
        let takes = TAKEN.iter().any(|taken| line.split(" -> ").next().unwrap_or_default().contains(taken));
        if let (Some(item), true, false) = (&item, takes, is_comment) {
            found.insert(format!("{file}/{item}"));
        }
    }
}

/// What an endpoint did with a command: messages sent, or a refusal after which nothing has happened.
fn outcome<T, E: Display>(ua: &mut Ua, result: Result<T, E>) -> Written {
    let heard = ua.drain();
    match result {
        Ok(_) => Ok(heard.sent()),
        Err(refused) => {
            assert!(heard.0.is_empty(), "refused with {refused}, and yet {heard:?}");
            Err(refused.to_string())
        }
    }
}

fn owned(text: String) -> Cow<'static, str> {
    Cow::Owned(text)
}
