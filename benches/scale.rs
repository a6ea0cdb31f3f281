//! What a call costs while very many others linger or are up, what all of them take in memory, what timers cost, and how two cores
//! scale.
//!
//! `cargo bench --bench scale` prints every table; each row is a process of its own. `cargo bench --bench scale -- memory 1000` prints
//! one. `benches/instructions.sh` counts instructions of the same calls under Valgrind, which no neighbour on the machine disturbs.

#![allow(unsafe_code, reason = "a counting allocator is unsafe to implement; the library itself forbids it")]

extern crate alloc;

#[path = "scale/calls.rs"]
mod calls;
#[path = "scale/cores.rs"]
mod cores;
#[path = "scale/endpoint.rs"]
mod endpoint;
#[path = "scale/heap.rs"]
mod heap;
#[path = "scale/memory.rs"]
mod memory;

/// The bench includes `src/endpoint/timers.rs`, which names it so.
mod time {
    pub(crate) use sip_proto::Timestamp;
}

use std::process::{Command, ExitCode};

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

const SIZES: [usize; 5] = [1, 1_000, 10_000, 100_000, 1_000_000];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |at: usize| args.get(at).and_then(|arg: &String| arg.parse().ok());
    match args.first().map(String::as_str) {
        None => return all(),
        Some("lingering") => calls::lingering(number(1).unwrap_or(1_000)),
        Some("dialogs") => calls::dialogs(number(1).unwrap_or(1_000)),
        Some("instructions") => {
            calls::instructions(args.get(1).map_or("", String::as_str), number(2).unwrap_or(1_000));
        }
        Some("timers") => endpoint::timers(number(1).unwrap_or(1_000)),
        Some("memory") => memory::dialogs(number(1).unwrap_or(1_000)),
        Some("transactions") => memory::transactions(number(1).unwrap_or(1_000)),
        Some("cores") => cores::table(),
        Some(other) => {
            eprintln!("{other} is no table");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Each row in a process of its own: no row finds the heap of the one before.
fn all() -> ExitCode {
    for (table, head) in [
        ("lingering", "a UAS call, bytes to bytes, while so many transactions linger"),
        ("dialogs", "a UAS call, bytes to bytes, while so many dialogs are up"),
        ("timers", "timers: the next of so many; one cleared and set, at random"),
        ("memory", "bytes of an established dialog, 60 s after its ACK, of so many"),
        ("transactions", "bytes of a server INVITE transaction, of so many"),
    ] {
        println!("\n{head}");
        for size in SIZES {
            run(&[table, &size.to_string()]);
        }
    }
    println!("\ntwo cores");
    run(&["cores"]);
    ExitCode::SUCCESS
}

fn run(args: &[&str]) {
    let program = std::env::current_exe().expect("this program has a path");
    let status = Command::new(program).args(args).status().expect("this program runs again");
    assert!(status.success(), "{args:?}: {status}");
}
