//! What a datagram with somebody else's address on it brings upon that somebody: datagrams and octets sent for each received, counted
//! until nothing is left of it. The table is kept beside this file; `BLESS=1` writes it anew.

use core::fmt::Write as _;
use std::path::Path;

use sip_proto::context::Reply;
use sip_proto::{Config, Output};

use crate::support::{ALICE, Heard, Req, SDP, Ua, answer, parse, secs};

/// Whose address the datagrams bear.
const VICTIM: &str = ALICE;
/// Who is named in Contact and `maddr`.
const OTHER: &str = "203.0.113.9:5060";

/// What the application does with an INVITE or MESSAGE.
#[derive(Clone, Copy, PartialEq)]
enum App {
    Ignores,
    Rings,
    Accepts,
    Rejects,
}

struct Case {
    what: &'static str,
    app: App,
    datagrams: Vec<String>,
}

fn invite() -> Req {
    Req::invite().body("application/sdp", SDP)
}

fn cases() -> Vec<Case> {
    let case = |what, app, datagrams: &[String]| Case { what, app, datagrams: datagrams.into() };
    let elsewhere = Req::new("INVITE").line("Contact: <sip:x@203.0.113.9>").body("application/sdp", SDP);
    let named = Req::new("INVITE").line("Contact: <sip:x@victim.example.com>").body("application/sdp", SDP);
    let maddr = |req: Req| req.via("SIP/2.0/UDP 192.0.2.1:5060;maddr=203.0.113.9");
    let stray = parse(&Req::new("OPTIONS").text());
    vec![
        case("octets that are no SIP", App::Ignores, &["hello".repeat(20)]),
        case("keep-alive", App::Ignores, &["\r\n\r\n".into()]),
        case("200 of nothing", App::Ignores, &[answer(&stray, 200, "x", "")]),
        case("ACK of nothing", App::Ignores, &[Req::new("ACK").tagged("x").text()]),
        case("BYE of nothing", App::Ignores, &[Req::new("BYE").tagged("x").text()]),
        case("CANCEL of nothing", App::Ignores, &[Req::new("CANCEL").text()]),
        case("unknown method", App::Ignores, &[Req::new("FOO").text()]),
        case("broken request", App::Ignores, &[Req::new("INFO").line("Max-Forwards: x").text()]),
        case("OPTIONS", App::Ignores, &[Req::new("OPTIONS").text()]),
        case("OPTIONS ten times", App::Ignores, &[(); 10].map(|()| Req::new("OPTIONS").text())),
        case("OPTIONS with maddr", App::Ignores, &[maddr(Req::new("OPTIONS")).text()]),
        case("MESSAGE, ignored", App::Ignores, &[Req::new("MESSAGE").text()]),
        case("MESSAGE, accepted", App::Accepts, &[Req::new("MESSAGE").text()]),
        case("INVITE, ignored", App::Ignores, &[invite().text()]),
        case("INVITE, rings", App::Rings, &[invite().text()]),
        case("INVITE, rings, ten times", App::Rings, &[(); 10].map(|()| invite().text())),
        case("INVITE, rings, cancelled", App::Rings, &[invite().text(), invite().follow("CANCEL").text()]),
        case("INVITE, rejected", App::Rejects, &[invite().text()]),
        case("INVITE, accepted", App::Accepts, &[invite().text()]),
        case("INVITE, accepted, Contact elsewhere", App::Accepts, &[elsewhere.text()]),
        case("INVITE, accepted, Contact a name", App::Accepts, &[named.text()]),
        case("INVITE, accepted, maddr elsewhere", App::Accepts, &[maddr(invite()).text()]),
    ]
}

/// Datagrams and octets.
#[derive(Clone, Copy, Default)]
struct Sum {
    datagrams: usize,
    octets: usize,
}

impl Sum {
    fn add(&mut self, octets: usize) {
        self.datagrams += 1;
        self.octets += octets;
    }
}

struct Row {
    what: &'static str,
    received: Sum,
    to_victim: Sum,
    to_other: Sum,
    look_ups: usize,
}

fn run(case: &Case, change: fn(&mut Config)) -> Row {
    let mut ua = Ua::with(change);
    let mut row = Row {
        what: case.what,
        received: Sum::default(),
        to_victim: Sum::default(),
        to_other: Sum::default(),
        look_ups: 0,
    };
    for datagram in &case.datagrams {
        row.received.add(datagram.len());
        let heard = ua.hear_from(VICTIM, datagram.clone());
        let is_asked = heard.lines().iter().any(|line| line.starts_with("* incoming"));
        let server = is_asked.then(|| heard.server());
        row.count(&heard);
        let answered = match (server, case.app) {
            (None, _) | (_, App::Ignores) => continue,
            (Some(server), App::Rings) => ua.progress(server, Reply::new()),
            (Some(server), App::Accepts) => ua.accept(server, Reply::new().sdp(SDP)),
            (Some(server), App::Rejects) => ua.reject(server, Reply::code(486)),
        };
        row.count(&answered.unwrap());
        row.count(&ua.pass(secs(1)));
    }
    row.count(&ua.pass_all());
    row
}

impl Row {
    fn count(&mut self, heard: &Heard) {
        for (_, output) in &heard.0 {
            match output {
                Output::Transmit(transmit) if transmit.flow.remote.to_string() == VICTIM => {
                    self.to_victim.add(transmit.payload.len());
                }
                Output::Transmit(transmit) => {
                    assert_eq!(transmit.flow.remote.to_string(), OTHER);
                    self.to_other.add(transmit.payload.len());
                }
                Output::Resolve(_) => self.look_ups += 1,
                Output::Event(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Octets sent for each received.
    fn factor(&self) -> f64 {
        (self.to_victim.octets + self.to_other.octets) as f64 / self.received.octets as f64
    }
}

/// As it comes.
fn usual(_: &mut Config) {}

/// For who faces strangers: nothing but what RFC 3261 asks for, and no `maddr`.
fn guarded(config: &mut Config) {
    config.policy.honour_maddr = false;
    config.settings.repeat_every = secs(0);
    config.settings.repeat_ringing = false;
    config.settings.answer_within = Some(secs(32));
}

fn table(title: &str, rows: &[Row]) -> String {
    let mut text = format!(
        "{title:<36} {:>8} {:>12} {:>12} {:>8} {:>7}\n",
        "received", "to source", "to others", "look-ups", "octets"
    );
    for row in rows {
        let sum = |sum: Sum| format!("{}/{}", sum.datagrams, sum.octets);
        let (received, victim, other) = (sum(row.received), sum(row.to_victim), sum(row.to_other));
        _ = writeln!(
            text,
            "{:<36} {received:>8} {victim:>12} {other:>12} {:>8} {:>6.1}x",
            row.what,
            row.look_ups,
            row.factor()
        );
    }
    text
}

/// RFC 3261 §17.2.1 and §13.3.1.4 have 3xx to 6xx and 2xx to INVITE repeated until their ACK comes; nobody but an INVITE gets more than one
/// datagram for each of his.
#[test]
fn what_a_spoofed_datagram_costs_its_victim() {
    let measured = |change| cases().iter().map(|case| run(case, change)).collect::<Vec<_>>();
    let (usually, guardedly) = (measured(usual), measured(guarded));
    for row in usually.iter().chain(&guardedly) {
        let sent = row.to_victim.datagrams + row.to_other.datagrams;
        let most = match row.what.starts_with("INVITE") {
            // A 100, two 180, a final answer eleven times: T1 to T2 within 64·T1. Or a 2xx and a BYE eleven times each.
            true => 22 + row.received.datagrams,
            false => row.received.datagrams,
        };
        assert!(sent <= most, "{}: {sent} datagrams for {}", row.what, row.received.datagrams);
        assert!(row.look_ups <= 1, "{}", row.what);
        let is_single = !row.what.starts_with("INVITE");
        assert!(!is_single || row.factor() < 1.7, "{}: {:.2}", row.what, row.factor());
        assert!(row.factor() < 22.0, "{}: {:.2}", row.what, row.factor());
    }
    // To whom only `maddr` points, nothing goes where it is not honoured.
    let others = |rows: &[Row]| {
        rows.iter().filter(|row| row.what.contains("maddr")).map(|row| row.to_other.datagrams).sum::<usize>()
    };
    assert!(others(&usually) > 0 && others(&guardedly) == 0);
    let text = format!("{}\n{}", table("as it comes", &usually), table("guarded", &guardedly));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trust/amplification.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "BLESS=1 writes it anew");
}

/// An application that answers strangers with 100 or nothing, and a final answer without ACK: what one datagram costs does not depend on how many came before.
#[test]
fn the_cost_is_the_same_for_each() {
    let mut ua = Ua::new();
    let mut sent = Vec::new();
    for n in 0..50 {
        let heard = ua
            .hear(Req::new("OPTIONS").branch(&format!("z9hG4bK{n:04}")).call_id(&format!("c{n:04}")).text());
        sent.push(heard.transmits().iter().map(|transmit| transmit.payload.len()).sum::<usize>());
    }
    assert!(sent.iter().all(|octets| *octets == sent[0]), "{sent:?}");
}
