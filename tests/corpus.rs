//! What fuzzing has found worth keeping, replayed: every file of `fuzz/corpus`, through the code of its target.

#![allow(unsafe_code, reason = "a counting allocator is unsafe to implement; the library itself forbids it")]

#[path = "long/live.rs"]
mod live;

use std::path::Path;

use sip_proto::testing::{
    check_dialog, check_header, check_message, check_pair, check_script, check_sdp, check_stream,
    check_transaction, check_uri,
};

/// Checks every file of a target's corpus. A published package comes without `fuzz`, and has nothing to replay.
fn replay(target: &str, check: fn(&[u8])) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    if !fuzz.exists() {
        return;
    }
    let mut files: Vec<_> = std::fs::read_dir(fuzz.join("corpus").join(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    assert!(files.len() >= 10, "{} files of {target}", files.len());
    for path in files {
        println!("{}", path.display());
        check(&std::fs::read(path).unwrap());
    }
}

#[test]
fn messages() {
    replay("message", check_message);
}

#[test]
fn streams() {
    replay("stream", check_stream);
}

#[test]
fn scripts() {
    replay("endpoint", |octets| check_script(octets, Some(&live::live)));
}

#[test]
fn descriptions() {
    replay("sdp", check_sdp);
}

#[test]
fn uris() {
    replay("uri", check_uri);
}

#[test]
fn header_values() {
    replay("header", check_header);
}

#[test]
fn transactions() {
    replay("transaction", check_transaction);
}

#[test]
fn dialogs() {
    replay("dialog", check_dialog);
}

#[test]
fn pairs() {
    replay("pair", |octets| check_pair(octets, Some(&live::live)));
}
