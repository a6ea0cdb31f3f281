//! What fuzzing has found worth keeping, replayed: every file of `fuzz/corpus`, through the code of its target.

#![allow(unsafe_code, reason = "a counting allocator is unsafe to implement; the library itself forbids it")]

#[path = "long/live.rs"]
mod live;

use std::path::Path;

use sip_proto::testing::script::{Asking, Calling, Damage, Move, Pair, Step};
use sip_proto::testing::{
    Script, check_dialog, check_header, check_message, check_pair, check_script, check_sdp, check_stream,
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
    // Two at a time: pairs take the longest, and are the last to end.
    std::thread::scope(|scope| {
        for half in files.chunks(files.len().div_ceil(2)) {
            scope.spawn(move || {
                for path in half {
                    println!("{}", path.display());
                    check(&std::fs::read(path).unwrap());
                }
            });
        }
    });
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

/// DESIGN.md §2 contract 2: what the application itself puts into a request is its own to bound. RFC 3261 §18.1.1: a long one waits for a connection, and has
/// not gone out while it is held.
#[test]
fn what_the_application_says_counts_as_its_own() {
    let call = Step::Call(Calling { method: 0, target: 0, extra: 0, body: 8, odd: 255 });
    let script = Script { manners: 0x403b, steps: [call].into() };
    check_script(&script.to_octets(), Some(&live::live));
}

/// RFC 5057 §4.1, §4.2: two that end everything end the session and the subscription beside it.
#[test]
fn a_pair_ends_its_subscriptions_too() {
    let damage = Damage { odds: 0, at: 0, with: 0 };
    let asking = Asking { method: 0, uri: 0, contact: 0, routes: 0, body: 0, odd: 0, way: 0, damage };
    let moves = [
        Move { who: 12, step: Step::Request(asking) },
        Move { who: 13, step: Step::Within(0, asking) },
        Move { who: 12, step: Step::Subscribe { dialog: 0, what: 0, expires: 1, extra: 0 } },
        Move { who: 13, step: Step::Within(0, asking) },
    ];
    let pair = Pair { seed: 1, manners: [0; 2], moves: moves.into() };
    check_pair(&pair.to_octets(), Some(&live::live));
}
