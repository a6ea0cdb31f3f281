//! The table of what is expected of each message. `own.txt` beside this file says how it is written.

use std::collections::BTreeMap;

/// What is expected of one message.
#[derive(Debug)]
pub(crate) struct Entry {
    /// `rfc4475/wsinv`.
    pub(crate) name: String,
    /// The section of that RFC, as `§3.1.1.1`.
    pub(crate) section: String,
    /// What is looked at, and what it must be, in order.
    pub(crate) lines: Vec<(String, String)>,
}

impl Entry {
    /// What is expected of `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.lines.iter().find(|(known, _)| known == key).map(|(_, value)| &**value)
    }
}

/// Reads a table. A mistake in it is heard.
pub(crate) fn read(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(title) = line.strip_prefix("== ") {
            let (name, section) = title.split_once(' ').unwrap_or_else(|| panic!("no section: {line}"));
            entries.push(Entry { name: name.into(), section: section.trim().into(), lines: Vec::new() });
            continue;
        }
        let (key, value) = line.split_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
        let entry = entries.last_mut().unwrap_or_else(|| panic!("no message yet: {line}"));
        assert!(entry.get(key).is_none(), "{}: {key} twice", entry.name);
        entry.lines.push((expand(key), expand(value.trim_start())));
    }
    let names: BTreeMap<_, _> = entries.iter().map(|entry| (&entry.name, &entry.section)).collect();
    assert_eq!(names.len(), entries.len(), "a message twice");
    entries
}

/// Writes out repetitions: `a«3×bc»d` is `abcbcbcd`.
fn expand(value: &str) -> String {
    let mut parts = value.split('«');
    let mut text: String = parts.next().unwrap_or_default().into();
    for part in parts {
        let (repetition, rest) = part.split_once('»').unwrap_or_else(|| panic!("« without »: {value}"));
        let (times, unit) = repetition.split_once('×').unwrap_or_else(|| panic!("« without ×: {value}"));
        text.push_str(&unit.repeat(times.parse().unwrap()));
        text.push_str(rest);
    }
    text
}

/// The sections of an RFC without a message: of each parent, those numbered from one to its last.
pub(crate) fn missing_sections(entries: &[Entry], rfc: &str, sections: &[(&str, u32)]) -> Vec<String> {
    let mut missing = Vec::new();
    for (parent, last) in sections {
        for number in 1..=*last {
            let section = format!("§{parent}.{number}");
            if !entries.iter().any(|entry| entry.name.starts_with(rfc) && entry.section == section) {
                missing.push(section);
            }
        }
    }
    missing
}
