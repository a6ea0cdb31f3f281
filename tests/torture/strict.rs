//! The verdict of `validate()`, which knows no leniency.

use super::table::Entry;
use super::{ROLES, check_all, compare, originals, own, place, play, receive};

/// Valid, or refused and in which headers the faults lie. What is no message at all has the fault that it has on receipt.
fn check_strict(entry: &Entry, octets: Vec<u8>, wrong: &mut Vec<String>) {
    let (received, message) = receive(&octets);
    let verdict = match &message {
        Some(message) => {
            let mut places: Vec<_> = message.findings().map(|finding| place(&finding.fault)).collect();
            places.sort_unstable();
            places.dedup();
            if message.validate().is_ok() != places.is_empty() {
                wrong.push("validate and findings differ".into());
            }
            if places.is_empty() { "valid".into() } else { format!("refused: {}", places.join(", ")) }
        }
        None => received.replace("not SIP", "refused"),
    };
    if verdict == "valid" && received != "accepted" {
        wrong.push(format!("valid, but on receipt {received}"));
    }
    compare("strict", &verdict, entry.get("strict").unwrap_or_default(), wrong);
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

/// What is sent in answer to a message that the grammar has, the grammar has too.
fn check_answers(entry: &Entry, octets: Vec<u8>, wrong: &mut Vec<String>) {
    if entry.get("strict") != Some("valid") {
        return;
    }
    for role in ROLES.into_iter().filter(|role| *role != "client" && entry.get(role).is_some()) {
        let (_, heard) = play(role, octets.clone());
        for answer in heard.sent() {
            let found = answer.findings().map(|finding| format!("{role}: {answer:?}: {finding}"));
            wrong.extend(found);
        }
    }
}

#[test]
fn answers_to_own_messages() {
    check_all(own(), check_answers);
}

#[test]
fn answers_to_original_messages() {
    if let Some(set) = originals() {
        check_all(set, check_answers);
    }
}
