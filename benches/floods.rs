//! The floods of `tests/floods` at full length: bytes that live and instructions for each message, before, during and after; and what the calls beside
//! them cost meanwhile.
//!
//! `cargo bench --bench floods`, or with `-- COUNT` messages in place of a million. Bytes are counted by the allocator. Instructions are counted by
//! Valgrind's callgrind, where it is installed, in a run of this program of its own with fewer messages; where it is not, there are times beside
//! `httparse` on the same head. The bounds on bytes are asserted in `tests/floods`, with fewer messages; times are asserted nowhere.

#![allow(unsafe_code, reason = "a counting allocator is unsafe to implement; the library itself forbids it")]

#[path = "../tests/floods/attacks.rs"]
mod attacks;
#[path = "../tests/floods/collisions.rs"]
mod collisions;
#[path = "../tests/floods/scene.rs"]
mod scene;

use std::collections::HashMap;
use std::env;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use attacks::{Attack, attacks};
use scene::{Scene, live, peak};
use sip_proto::Input;

#[global_allocator]
static ALLOCATOR: scene::Counting = scene::Counting;

const COUNT: u64 = 1_000_000;
/// Under callgrind, which takes fifty times as long.
const COUNTED: u64 = 20_000;
const CALLS: usize = 100;
/// How many messages of the calls, and of the flood, are measured at each point.
const SAMPLE: usize = 1_000;
const TAIL: Duration = Duration::from_secs(400);
/// Names the attack that a run under callgrind is for.
const COUNTING: &str = "FLOODS_ATTACK";

/// One figure at each of the points: the calls before, the flood, the calls during, the calls after.
type Points = [f64; 4];

fn main() {
    let count = env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(COUNT);
    if let Ok(what) = env::var(COUNTING) {
        let all = attacks(count);
        let attack = all.iter().find(|attack| attack.what == what);
        _ = attack.map(|attack| run(attack, count / attack.fewer));
        return;
    }
    let has_callgrind = Command::new("valgrind").arg("--version").output().is_ok();
    let unit = if has_callgrind { "instructions a message" } else { "times httparse on the head" };
    println!(
        "{:<50} {:>9} | {:>13} {:>10} {:>12} | {unit}\n{:<50} {:>9} | {:>13} {:>10} {:>12} | {:>8} {:>8} {:>8} {:>8}",
        "",
        "",
        "live bytes",
        "",
        "",
        "flood",
        "messages",
        "at most/msg",
        "after/msg",
        "beyond calls",
        "calls",
        "flood",
        "calls",
        "after"
    );
    for attack in attacks(count) {
        let messages = (count / attack.fewer).max(1);
        let Figures { most, left, times } = run(&attack, messages);
        let points = match has_callgrind {
            true => counted(attack.what, count.min(COUNTED) / attack.fewer, attack.fewer),
            false => Some(times),
        };
        let points =
            points.map_or_else(|| "?".into(), |points| points.map(|point| format!("{point:>8.0}")).join(" "));
        println!(
            "{:<50} {messages:>9} | {:>13.1} {:>10.1} {left:>12} | {points}",
            attack.what,
            most as f64 / messages as f64,
            left as f64 / messages as f64,
        );
    }
}

struct Figures {
    /// Bytes that lived at most beyond those before.
    most: usize,
    /// Bytes that live beyond those before, when the flood's tail is over: room in tables.
    left: usize,
    /// In times of `httparse` on the head.
    times: Points,
}

fn run(attack: &Attack, count: u64) -> Figures {
    let mut scene = Scene::new(CALLS, attack.app, |_| {});
    let octets = head_of(&(attack.input)(&scene, 0));
    let yardstick = yardstick(&octets);
    for n in 0..CALLS {
        scene.exercise(n);
    }
    scene.pass(Duration::from_secs(64));
    let (before, _) = (live(), peak());
    let start = timed(|| region_before(&mut scene));
    let sample = (SAMPLE as u64).min(count);
    for n in 0..count - sample {
        let input = (attack.input)(&scene, n);
        scene.take(input);
    }
    let inputs: Vec<Input> = (count - sample..count).map(|n| (attack.input)(&scene, n)).collect();
    let flood = timed(|| region_flood(&mut scene, inputs));
    let during = timed(|| region_during(&mut scene));
    let most = peak().saturating_sub(before);
    scene.pass(TAIL);
    let left = live().saturating_sub(before);
    let after = timed(|| region_after(&mut scene));
    scene.end();
    let each = [SAMPLE as f64, sample as f64, SAMPLE as f64, SAMPLE as f64];
    let took = [start, flood, during, after];
    let times = std::array::from_fn(|at| took[at].as_nanos() as f64 / each[at] / yardstick);
    Figures { most, left, times }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// What callgrind counts is in these. They bear names of their own, and are not to become one.
#[inline(never)]
fn region_before(scene: &mut Scene) {
    exercise(scene, black_box(1));
}

#[inline(never)]
fn region_flood(scene: &mut Scene, inputs: Vec<Input>) {
    for input in inputs {
        black_box(scene.take(input));
    }
}

#[inline(never)]
fn region_during(scene: &mut Scene) {
    exercise(scene, black_box(2));
}

#[inline(never)]
fn region_after(scene: &mut Scene) {
    exercise(scene, black_box(3));
}

fn exercise(scene: &mut Scene, _: u32) {
    for n in 0..SAMPLE {
        scene.exercise(n % CALLS);
    }
}

fn head_of(input: &Input) -> Vec<u8> {
    match input {
        Input::Datagram { payload, .. } => payload.to_vec(),
        _ => Vec::new(),
    }
}

/// Nanoseconds that `httparse` takes for the header lines, the best of several.
fn yardstick(octets: &[u8]) -> f64 {
    let at = octets.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut headers = vec![httparse::EMPTY_HEADER; 20_000];
    let mut best = f64::MAX;
    for _ in 0..20 {
        let took = timed(|| {
            for _ in 0..10 {
                _ = black_box(httparse::parse_headers(black_box(&octets[at..]), &mut headers));
            }
        });
        best = best.min(took.as_nanos() as f64 / 10.0);
    }
    best.max(1.0)
}

/// Instructions for each message, as callgrind counts them in a run of this program of its own.
fn counted(what: &str, count: u64, fewer: u64) -> Option<Points> {
    let out = env::temp_dir().join(format!("floods-{}.callgrind", std::process::id()));
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*region_*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe().ok()?)
        .arg((count * fewer).to_string())
        .env(COUNTING, what)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let points = ran.ok().filter(ExitStatus::success).and_then(|_| read(&out, count));
    _ = std::fs::remove_file(&out);
    points
}

/// The costs of the four regions, what they call included.
fn read(out: &Path, count: u64) -> Option<Points> {
    let text = Command::new("callgrind_annotate")
        .args(["--inclusive=yes", "--threshold=100"])
        .arg(out)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    let mut costs = HashMap::new();
    for line in text.lines() {
        for region in ["region_before", "region_flood", "region_during", "region_after"] {
            if line.contains(region) {
                let digits: String = line
                    .trim_start()
                    .chars()
                    .take_while(|c| c.is_ascii_digit() || *c == ',')
                    .filter(|c| *c != ',')
                    .collect();
                let cost = digits.parse::<f64>().ok()?;
                let most = costs.entry(region).or_insert(0.0_f64);
                *most = most.max(cost);
            }
        }
    }
    let of = |region: &str, messages: f64| costs.get(region).map(|cost| cost / messages);
    let sample = SAMPLE as f64;
    let flood = (SAMPLE as u64).min(count) as f64;
    Some([
        of("region_before", sample)?,
        of("region_flood", flood)?,
        of("region_during", sample)?,
        of("region_after", sample)?,
    ])
}
