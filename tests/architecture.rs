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

/// Each path that a source file's `use` lines name, its braces resolved.
fn uses(text: &str) -> Vec<Vec<String>> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let code: String =
        code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join(" ");
    let statements = code.split(';').filter_map(|part| part.rsplit_once("use ").map(|(_, tree)| tree.trim()));
    let mut all = Vec::new();
    statements.for_each(|tree| expand(tree, &[], &mut all));
    all
}

/// The paths of a tree of `use`, behind `prefix`.
fn expand(tree: &str, prefix: &[String], all: &mut Vec<Vec<String>>) {
    let tree = tree.trim().trim_end_matches('}');
    match tree.split_once('{') {
        Some((path, inner)) => {
            let path: Vec<_> = path.split("::").map(str::trim).filter(|name| !name.is_empty()).collect();
            let prefix: Vec<_> = prefix.iter().cloned().chain(path.into_iter().map(String::from)).collect();
            let mut depth = 0_i32;
            let of_this = |letter: char| {
                depth += i32::from(letter == '{') - i32::from(letter == '}');
                depth == 0 && letter == ','
            };
            inner.split(of_this).for_each(|part| expand(part, &prefix, all));
        }
        None if tree.is_empty() => {}
        None => {
            let names = tree.split("::").map(|name| name.split(" as ").next().unwrap().trim().to_owned());
            all.push(prefix.iter().cloned().chain(names).collect());
        }
    }
}

/// A file's place among the modules: `["sdp", "stream"]`; a folder's own for its `mod.rs`.
fn module_of(path: &Path, src: &Path) -> Vec<String> {
    let path = path.strip_prefix(src).unwrap().with_extension("");
    let names = path.iter().map(|name| name.to_str().unwrap().to_owned());
    names.filter(|name| name != "mod" && name != "lib").collect()
}

/// No files within a room import each other in a circle. What a folder's `mod.rs` hands on counts as imported from where it stands.
#[test]
fn files_stand_on_each_other() {
    use std::collections::{BTreeMap, BTreeSet};
    let src = src();
    let files: BTreeMap<_, _> = sources(&src)
        .into_iter()
        .map(|path| {
            (module_of(&path, &src), (path.ends_with("mod.rs"), uses(&fs::read_to_string(&path).unwrap())))
        })
        .collect();
    // Where a path leads: the file that it names, or that its folder takes the name from.
    let find = |from: &[String], path: &[String]| {
        let mut at = from.to_vec();
        let mut rest = path;
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "crate" => at.clear(),
                "super" => _ = at.pop(),
                "self" => {}
                name => {
                    let deeper: Vec<_> = at.iter().cloned().chain([name.to_owned()]).collect();
                    let handed = files.get(&at).and_then(|(is_folder, uses)| {
                        uses.iter().find(|path| *is_folder && path.last().is_some_and(|last| last == name))
                    });
                    match (files.contains_key(&deeper), handed) {
                        (true, _) => at = deeper,
                        (false, Some(path)) if path.len() > 1 => {
                            at.extend(path[..path.len() - 1].iter().filter(|name| *name != "self").cloned());
                        }
                        _ => return files.contains_key(&at).then_some(at),
                    }
                }
            }
            rest = others;
        }
        Some(at)
    };
    let mut arrows: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    for (module, (is_folder, uses)) in &files {
        let named = uses.iter().filter(|path| ["crate", "super", "self"].contains(&path[0].as_str()));
        for there in named.filter_map(|path| find(module, path)) {
            let is_file = files.get(&there).is_some_and(|(is_folder, _)| !is_folder);
            if !is_folder && is_file && there != *module {
                arrows.entry(module.clone()).or_default().insert(there);
            }
        }
    }
    let count: usize = arrows.values().map(BTreeSet::len).sum();
    assert!(count > 300, "the reading of the sources is broken: {count} arrows");
    let mut circles = Vec::new();
    for (file, there) in &arrows {
        let mut below = there.clone();
        let mut next: Vec<_> = there.iter().collect();
        while let Some(file) = next.pop() {
            next.extend(
                arrows.get(file).into_iter().flatten().filter(|there| below.insert((*there).clone())),
            );
        }
        if below.contains(file) {
            circles.push(file.join("/"));
        }
    }
    assert_eq!(circles, [""; 0], "these files import each other in a circle");
}
