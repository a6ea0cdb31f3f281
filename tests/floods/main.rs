//! Floods: whatever comes in, and however much, the calls that are up go on, nothing grows beyond `Limits`, and afterwards nothing is left.
//!
//! The counts are small here; `cargo bench --bench floods` runs the same at full length and prints bytes and instructions for each message.
//! Times are asserted nowhere.
//!
//! | file | subject |
//! |---|---|
//! | `scene` | an endpoint with calls in progress; the allocator that counts |
//! | `attacks` | the floods of datagrams |
//! | `collisions` | branches of one hash |
//! | `streams` | peers that dribble, or never finish |
//! | `full` | tables and queues that are full |

#![allow(unsafe_code, reason = "a counting allocator is unsafe to implement; the library itself forbids it")]

mod attacks;
mod collisions;
mod full;
mod scene;
mod streams;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use attacks::{Attack, attacks};
use scene::{App, Scene, live, peak, pieces};
use sip_proto::transaction::{HashKey, MatchId};
use sip_proto::{Message, Method};

#[global_allocator]
static ALLOCATOR: scene::Counting = scene::Counting;

/// How many messages the longest flood has.
const COUNT: u64 = 1_500;
const CALLS: usize = 20;
/// The longest tail: an unanswered INVITE waits three minutes, then its rejection 64·T1.
const TAIL: Duration = Duration::from_secs(400);

/// What is left of a flood in the tables for each message that was there at once: room, which the next ones take. In bytes.
const ROOM: usize = 2_500;

/// Runs a flood beside calls: they are served all along; what is held for it stays within its bound; nothing is left of it.
fn flood(attack: &Attack) {
    let mut scene = Scene::new(CALLS, attack.app, |_| {});
    let count = COUNT / attack.fewer;
    drop((attack.input)(&scene, 0));
    let fresh = live();
    let mut left = None;
    for round in 0..3 {
        run(&mut scene, attack, round * count, count);
        // The first round makes tables. A table may grow later than that, and is still one piece.
        let before = *left.get_or_insert(pieces());
        assert_eq!(pieces(), before, "{}: pieces that live after round {round} and its tail", attack.what);
        let kept = if attack.kept == 0 { 0 } else { ROOM };
        let room = live().saturating_sub(fresh);
        assert!(room <= count as usize * kept + 16 * 1024, "{}: {room} bytes of room are kept", attack.what);
    }
    scene.end();
}

/// One flood and its tail.
fn run(scene: &mut Scene, attack: &Attack, from: u64, count: u64) {
    let before = live();
    peak();
    let mut octets = 0;
    for n in 0..count {
        let input = (attack.input)(scene, from + n);
        octets = octets.max(octets_of(&input));
        let came = scene.take(input);
        assert!(came.sent <= 1, "{}: {came:?}", attack.what);
        if n % (count / 8).max(1) == 0 {
            scene.exercise(n as usize % CALLS);
        }
    }
    for n in 0..CALLS {
        scene.exercise(n);
    }
    let most = match attack.kept {
        0 => 64 * 1024 + 4 * octets,
        kept => count as usize * (kept + octets_kept(attack, octets)) + 128 * 1024,
    };
    let held = peak().saturating_sub(before);
    assert!(
        held <= most,
        "{}: {held} bytes held for {count} messages, {} each",
        attack.what,
        held / count as usize
    );
    scene.pass(TAIL);
    assert_eq!(scene.sip.counts(), [0, 0, CALLS], "{}", attack.what);
}

fn octets_of(input: &sip_proto::Input) -> usize {
    match input {
        sip_proto::Input::Datagram { payload, .. } => payload.len(),
        _ => 0,
    }
}

/// An INVITE that waits is kept whole; of what was answered the answer is.
fn octets_kept(attack: &Attack, octets: usize) -> usize {
    if attack.what.starts_with("INVITE") { octets } else { 0 }
}

/// One test for each flood, so that they run side by side and are named where they fail.
macro_rules! floods {
    ($($name:ident: $what:literal,)*) => {
        $(#[test]
        fn $name() {
            let all = attacks(COUNT);
            let attack = all.iter().find(|attack| attack.what == $what).unwrap();
            flood(attack);
        })*

        #[test]
        fn every_flood_is_run() {
            let listed: HashSet<_> = [$($what),*].into();
            assert_eq!(attacks(2).iter().map(|attack| attack.what).collect::<HashSet<_>>(), listed);
        }
    };
}

floods! {
    invites_that_wait: "INVITE, left unanswered",
    invites_that_are_rejected: "INVITE, rejected",
    invites_that_are_accepted: "INVITE, accepted",
    branches_that_collide_in_fx_hash: "INVITE, branches that collide in FxHash",
    branches_that_collide_in_fnv: "INVITE, branches that collide in FNV-1a, 32 bits",
    branches_that_collide_in_31: "INVITE, branches that collide in h · 31 + c",
    options: "OPTIONS",
    cancels_of_nothing: "CANCEL of nothing",
    acks_of_nothing: "ACK of nothing",
    byes_of_nothing: "BYE of nothing",
    answers_of_nothing: "200 of nothing",
    acks_with_guessed_tags: "ACK of a call, tag guessed",
    byes_with_guessed_tags: "BYE of a call, tag guessed",
    invites_with_guessed_tags: "INVITE of a call, tag guessed",
    cancels_of_a_call: "CANCEL of a call's INVITE",
    options_with_a_long_header: "OPTIONS with a header of 60 KB",
    invites_with_a_long_header: "INVITE with a header of 60 KB",
    invites_with_many_headers: "INVITE with 250 headers",
    options_with_too_many_headers: "OPTIONS with 10,000 headers",
    options_with_too_many_vias: "OPTIONS with 10,000 Vias",
    options_with_many_vias_in_a_line: "OPTIONS with 4,000 Vias in a line",
    octets_of_no_sense: "octets of no sense",
}

/// The branches do collide, in the hashes that they are made for; in ours none does, whatever the key, and they spread over its buckets like any
/// others (RFC 3261 §17.2.3 leaves branches to the client).
#[test]
fn branches_that_collide_elsewhere_do_not_here() {
    const BUCKETS: u128 = 1 << 12;
    for (what, collisions) in [
        ("FxHash", collisions::fx(COUNT)),
        ("FNV-1a", collisions::fnv(COUNT)),
        ("· 31", collisions::times_31(COUNT)),
    ] {
        let hashes: HashSet<u64> = (0..COUNT).map(|n| collisions.hash_of(n)).collect();
        assert_eq!(hashes.len(), 1, "{what}");
        let branches: HashSet<String> = (0..COUNT).map(|n| collisions.branch(n)).collect();
        assert_eq!(branches.len() as u64, COUNT, "{what}");
        let mut orders = HashSet::new();
        for key in [[1; 16], [2; 16]] {
            let key = HashKey::new(key);
            let ids: Vec<u128> = (0..COUNT).map(|n| id(&key, &collisions.branch(n))).collect();
            assert_eq!(ids.iter().collect::<HashSet<_>>().len() as u64, COUNT, "{what}");
            // Of the low half, which buckets are numbered by, and of the seven bits at its top, which are compared first.
            for (shift, buckets, most) in [(0, BUCKETS, 12), (57, 128, 80)] {
                let mut load: HashMap<u128, u32> = HashMap::new();
                ids.iter().for_each(|id| *load.entry((id >> shift) % buckets).or_default() += 1);
                let fullest = load.values().max().copied().unwrap_or_default();
                assert!(fullest <= most, "{what}: {fullest} in one of {buckets} buckets");
            }
            orders.insert(ids.iter().map(|id| id % BUCKETS).collect::<Vec<_>>());
        }
        assert_eq!(orders.len(), 2, "{what}: another key, other buckets");
    }
}

fn id(key: &HashKey, branch: &str) -> u128 {
    let text = format!(
        "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{branch}\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
         Call-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"
    );
    MatchId::server(key, &Message::parse(text).unwrap(), &Method::Invite).unwrap().as_u128()
}

/// The calls are those of the scene, not of its floods.
#[test]
fn floods_and_calls_share_no_call_id() {
    let scene = Scene::new(3, App::Ignores, |_| {});
    assert!((0..3).all(|n| !attacks::call_id_of(&scene, n).starts_with("flood")));
    scene.end();
}
