//! The verdict of `validate()`, which knows no leniency.

use sip_proto::Message;

use super::table::Entry;
use super::{check_all, compare, originals, own};

/// Whether the grammar has the message. What cannot be read at all is refused too.
fn check_strict(entry: &Entry, octets: Vec<u8>, wrong: &mut Vec<String>) {
    let verdict = match Message::parse(octets) {
        Ok(message) if message.validate().is_ok() => "valid",
        _ => "refused",
    };
    compare("strict", verdict, entry.get("strict").unwrap_or_default(), wrong);
}

#[test]
fn own_messages() {
    check_all(own(), check_strict);
}

#[test]
fn original_messages() {
    if let Some(set) = originals() {
        check_all(set, check_strict);
    }
}
