//! The code's transition table and timers, held against their transcription from the RFCs, cell by cell; and the diagrams
//! in the documentation, generated from the same table.

#![allow(clippy::arithmetic_side_effects, reason = "test")]

use std::collections::HashSet;
use std::fmt::Write;
use std::time::Duration;

use sip_proto::transaction::{Effects, Kind, State, Stimulus, Timer, TimerSet, Timers, transition};

const MACHINES: [(Kind, &str, &str); 4] = [
    (
        Kind::InviteClient,
        "INVITE client (RFC 3261 §17.1.1, RFC 6026 §8.4)",
        include_str!("../rfc/invite_client.tsv"),
    ),
    (
        Kind::NonInviteClient,
        "Non-INVITE client (RFC 3261 §17.1.2)",
        include_str!("../rfc/non_invite_client.tsv"),
    ),
    (
        Kind::InviteServer,
        "INVITE server (RFC 3261 §17.2.1, RFC 6026 §8.7)",
        include_str!("../rfc/invite_server.tsv"),
    ),
    (
        Kind::NonInviteServer,
        "Non-INVITE server (RFC 3261 §17.2.2)",
        include_str!("../rfc/non_invite_server.tsv"),
    ),
];

const STATES: [(State, &str); 8] = [
    (State::Initial, "initial"),
    (State::Calling, "calling"),
    (State::Trying, "trying"),
    (State::Proceeding, "proceeding"),
    (State::Completed, "completed"),
    (State::Confirmed, "confirmed"),
    (State::Accepted, "accepted"),
    (State::Terminated, "terminated"),
];

fn stimuli() -> Vec<(Stimulus, String)> {
    let mut stimuli = vec![
        (Stimulus::Start, "start".into()),
        (Stimulus::Provisional, "provisional".into()),
        (Stimulus::Success, "success".into()),
        (Stimulus::Failure, "failure".into()),
        (Stimulus::Request, "request".into()),
        (Stimulus::Ack, "ack".into()),
        (Stimulus::TransportError, "transport_error".into()),
    ];
    stimuli
        .extend(Timer::ALL.map(|timer| (Stimulus::Timer(timer), format!("timer_{timer:?}").to_lowercase())));
    stimuli
}

fn rows(tsv: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = tsv.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.skip(1).map(|line| line.split('\t').collect())
}

fn transports(column: &str) -> &'static [bool] {
    match column {
        "reliable" => &[true],
        "unreliable" => &[false],
        "any" => &[false, true],
        other => panic!("transport {other}"),
    }
}

fn letters(set: TimerSet) -> String {
    let letters: Vec<_> = set.iter().map(|timer| format!("{timer:?}")).collect();
    if letters.is_empty() { "-".into() } else { letters.join(",") }
}

/// The names of the effects, in alphabetical order.
fn effect_names(effects: Effects) -> Vec<String> {
    let mut names: Vec<_> = effects.iter_names().map(|(name, _)| name.to_lowercase()).collect();
    names.sort();
    names
}

fn named<T: Copy>(list: impl IntoIterator<Item = (T, impl AsRef<str>)>, name: &str) -> T {
    list.into_iter().find(|(_, text)| text.as_ref() == name).unwrap_or_else(|| panic!("{name}")).0
}

/// RFC 3261 figures 5 to 8, as RFC 6026 changed them: every state × stimulus × reliability.
#[test]
fn every_cell_is_as_the_rfcs_have_it() {
    for (kind, _, tsv) in MACHINES {
        let mut seen = HashSet::new();
        for row in rows(tsv) {
            let [state, stimulus, transport, next, effects, set, clear, rfc] = row[..] else {
                panic!("{row:?}")
            };
            for &reliable in transports(transport) {
                let cell = transition(kind, named(STATES, state), named(stimuli(), stimulus), reliable);
                let names = effect_names(cell.effects);
                let names = if names.is_empty() { "-".into() } else { names.join(",") };
                let code = (
                    named(STATES.map(|(s, name)| (name, format!("{s:?}"))), &format!("{:?}", cell.next)),
                    names,
                );
                let code = (code.0, code.1, letters(cell.set), letters(cell.clear));
                let rfc_says = (next, effects.to_owned(), set.to_owned(), clear.to_owned());
                assert_eq!(code, rfc_says, "{kind:?} {state} {stimulus} reliable={reliable} ({rfc})");
                assert!(seen.insert((state, stimulus, reliable)), "{kind:?} {row:?} stands twice");
            }
        }
        // What the transcription leaves out cannot happen to the machine, and changes nothing.
        for (state, name) in STATES {
            for (stimulus, text) in stimuli() {
                for reliable in [false, true] {
                    if seen.contains(&(name, text.as_str(), reliable)) {
                        continue;
                    }
                    let cell = transition(kind, state, stimulus, reliable);
                    assert_eq!((cell.next, cell.effects.is_empty()), (state, true), "{kind:?} {name} {text}");
                    assert_eq!((cell.set, cell.clear), (TimerSet::NONE, TimerSet::NONE));
                }
            }
        }
    }
}

/// RFC 3261 Table 4, RFC 6026 §§8.4 and 8.7, with the default values and with others.
#[test]
fn every_timer_lasts_as_the_rfcs_have_it() {
    let slow = Timers { t1: Duration::from_secs(2), t2: Duration::from_secs(5), t4: Duration::from_secs(9) };
    for timers in [Timers::DEFAULT, slow] {
        let value = |text: &str| match text {
            "never" => None,
            "0" => Some(Duration::ZERO),
            "T1" => Some(timers.t1),
            "T2" => Some(timers.t2),
            "T4" => Some(timers.t4),
            "64*T1" => Some(timers.t1 * 64),
            "max(32s,64*T1)" => Some((timers.t1 * 64).max(Duration::from_secs(32))),
            "500ms" => Some(Duration::from_millis(500)),
            "4s" => Some(Duration::from_secs(4)),
            "5s" => Some(Duration::from_secs(5)),
            other => panic!("{other}"),
        };
        let mut checked = HashSet::new();
        for row in rows(include_str!("../rfc/timers.tsv")) {
            let [timer, transport, first, then, cap, rfc] = row[..] else { panic!("{row:?}") };
            if let "T1" | "T2" | "T4" = timer {
                let default = Timers::DEFAULT;
                let code = named([(default.t1, "T1"), (default.t2, "T2"), (default.t4, "T4")], timer);
                assert_eq!(Some(code), value(first), "{timer} ({rfc})");
                continue;
            }
            let letter = named(Timer::ALL.map(|timer| (timer, format!("{timer:?}"))), timer);
            for &reliable in transports(transport) {
                assert_eq!(
                    timers.first(letter, reliable),
                    value(first),
                    "{timer} reliable={reliable} ({rfc})"
                );
                assert!(checked.insert((letter, reliable)));
            }
            if then == "double" {
                let next = timers.next(letter, Duration::from_secs(3));
                let doubled = Duration::from_secs(6);
                assert_eq!(
                    next,
                    if cap == "T2" { doubled.min(timers.t2) } else { doubled },
                    "{timer} ({rfc})"
                );
            }
            assert_eq!(letter.repeats(), then == "double" || matches!(timer, "A" | "E" | "G"));
        }
        assert_eq!(checked.len(), Timer::ALL.len() * 2);
    }
}

/// One block a machine: what leads from each state where, with effects and timers.
fn diagrams() -> String {
    let mut text = String::from("Generated from the table; on any transport unless a line says otherwise.\n");
    for (kind, title, _) in MACHINES {
        _ = write!(text, "\n### {title}\n\n```text\n");
        for (state, name) in STATES {
            for (stimulus, label) in stimuli() {
                let cells = [false, true].map(|reliable| transition(kind, state, stimulus, reliable));
                let idle =
                    |cell: sip_proto::transaction::Transition| cell.next == state && cell.effects.is_empty();
                let shown = |cell: sip_proto::transaction::Transition| (cell.next, cell.effects, cell.set);
                let same = shown(cells[0]) == shown(cells[1]);
                for (cell, note) in
                    [(cells[0], if same { "" } else { "  [unreliable]" }), (cells[1], "  [reliable]")]
                {
                    if idle(cell) || (same && note == "  [reliable]") {
                        continue;
                    }
                    let effects = effect_names(cell.effects).join(" ");
                    let next = STATES.iter().find(|(s, _)| *s == cell.next).map_or("", |(_, name)| *name);
                    let set = if cell.set == TimerSet::NONE {
                        String::new()
                    } else {
                        format!("  start {}", letters(cell.set))
                    };
                    let line = format!("{name:>10} ──{label:─<16}▶ {next:<10} {effects}{set}{note}");
                    _ = writeln!(text, "{}", line.trim_end());
                }
            }
        }
        text.push_str("```\n");
    }
    text
}

/// `BLESS=1 cargo test` writes the file anew.
#[test]
fn the_documented_diagrams_are_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/transaction/diagrams.md");
    let text = diagrams();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        text,
        "run with BLESS=1 if the table was meant to change"
    );
}
