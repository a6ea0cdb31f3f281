//! The rooms of the crate and the one way through them, read off the `use` lines, so that a reader can trust the picture.

use std::fs;
use std::path::{Path, PathBuf};

/// Lower rooms first. A room may use what stands before it, and nobody uses `testing`.
const ROOMS: [&[&str]; 8] = [
    &["time", "random", "limits"],
    &["message"],
    &["sdp"],
    &["transaction"],
    &["context"],
    &["dialog"],
    &["endpoint"],
    &["testing"],
];

fn height(room: &str) -> Option<usize> {
    ROOMS.iter().position(|rooms| rooms.contains(&room))
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false if path.extension().is_some_and(|ext| ext == "rs") => found.push(path),
            false => {}
        }
    }
    found
}

/// The room that a file belongs to: `message` for `src/message/uri.rs`, `time` for `src/time.rs`.
fn room_of(path: &Path, src: &Path) -> String {
    let first = path.strip_prefix(src).unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The rooms that a line of code reaches into by a path from the crate's root.
fn rooms_named(line: &str) -> Vec<&str> {
    let is_comment = line.trim_start().starts_with("//");
    let paths = line.match_indices("crate::").filter(|_| !is_comment);
    paths
        .map(|(at, found)| {
            line[at + found.len()..].split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
        })
        .collect()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn imports_go_one_way() {
    let src = src();
    let mut arrows = 0;
    for path in sources(&src) {
        let room = room_of(&path, &src);
        if room == "lib" {
            continue;
        }
        let own =
            height(&room).unwrap_or_else(|| panic!("{} stands in a room without a place", path.display()));
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            for named in rooms_named(line).into_iter().filter(|named| *named != room) {
                let there =
                    height(named).unwrap_or_else(|| panic!("{}:{}: {line}", path.display(), number + 1));
                assert!(there < own, "{}:{}: {room} may not use {named}", path.display(), number + 1);
                arrows += 1;
            }
        }
    }
    assert!(arrows > 40, "the reading of the sources is broken: {arrows} arrows");
}

/// `message` knows no time; machines below the endpoint know no queue, no ids, no parsing of bytes.
#[test]
fn machines_leave_to_others_what_is_theirs() {
    let src = src();
    let forbidden = [
        ("message", vec!["Timestamp;", "crate::time"]),
        ("sdp", vec!["crate::time", "crate::random"]),
        ("transaction", vec!["crate::random", "Message::parse", "Bytes"]),
        ("context", vec!["slotmap", "VecDeque", "Message::parse"]),
        ("dialog", vec!["slotmap", "VecDeque", "Message::parse", "crate::random"]),
    ];
    for path in sources(&src) {
        let room = room_of(&path, &src);
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in lines {
            let rules = forbidden.iter().filter(|(owner, _)| *owner == room).flat_map(|(_, words)| words);
            for word in rules {
                assert!(!line.contains(word), "{}: {line}", path.display());
            }
        }
    }
}

/// Every folder's `mod.rs` opens with prose.
#[test]
fn every_room_says_what_it_is_for() {
    for path in sources(&src()) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not say what it is for", path.display());
    }
}
