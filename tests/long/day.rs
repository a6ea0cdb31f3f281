//! A day of calls between two endpoints, fifty a second: what lives on the heap at equal load is the same, hour after hour.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use sip_proto::context::{Invite, Reply};
use sip_proto::dialog::Modify;
use sip_proto::{ClientEvent, DialogEvent, DialogId, Event, RequestId, ServerEvent, ServerId, Timestamp};

use crate::live::live;
use crate::wire::{Watch, Wire};

/// Calls a second; how long traffic takes to repeat itself, and how often it does. What a call leaves behind is gone after four minutes.
const RATE: u64 = if cfg!(debug_assertions) { 4 } else { 50 };
const PERIOD: u64 = if cfg!(debug_assertions) { 100 } else { 600 };
const PERIODS: u64 = 6;
/// Periods until tables have found their size.
const WARM_UP: usize = 3;
const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// What becomes of a call. The name is whom it is for.
const KINDS: [(&str, u64); 9] = [
    ("caller", 40),
    ("callee", 20),
    ("cancel", 8),
    ("reject", 8),
    ("hold", 8),
    ("nowhere", 4),
    ("no-ack", 3),
    ("silent", 2),
    ("hostile", 7),
];

fn kind_of(number: u64) -> &'static str {
    let mut rest = number * 37 % 100;
    for (kind, share) in KINDS {
        if rest < share {
            return kind;
        }
        rest -= share;
    }
    unreachable!("the shares make a hundred")
}

/// ACKs of calls for `no-ack` are lost.
struct NoAcks;

impl Watch for NoAcks {
    fn sent(&mut self, _: usize, octets: &Bytes) -> bool {
        !(octets.starts_with(b"ACK") && octets.windows(11).any(|part| part == b"sip:no-ack@"))
    }

    fn arrived(&mut self, _: usize, _: &Bytes) {}
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Call(u64),
    Answer(ServerId),
    Cancel(RequestId),
    Modify(DialogId, bool),
    HangUp(usize, DialogId),
}

struct Day {
    wire: Wire<NoAcks>,
    due: BTreeMap<(Timestamp, u64), Act>,
    count: u64,
    last: u64,
    /// What began: calls, changes, incoming requests, dialogs of ours; and what ended.
    begun: [u64; 3],
    ended: [u64; 3],
    /// The results of calls.
    results: BTreeMap<u16, u64>,
}

impl Day {
    fn new(last: u64) -> Self {
        let mut day = Self {
            wire: Wire::new(1, NoAcks),
            due: BTreeMap::new(),
            count: 0,
            last,
            begun: [0; 3],
            ended: [0; 3],
            results: BTreeMap::new(),
        };
        day.wire.manners.loss = 10;
        day.wire.manners.reordering = 10;
        day.wire.manners.duplication = 10;
        day.after(0, Act::Call(0));
        day
    }

    fn after(&mut self, millis: u64, act: Act) {
        self.count += 1;
        self.due.insert((self.wire.now + Duration::from_millis(millis), self.count), act);
    }

    fn run_until(&mut self, end: Timestamp) {
        loop {
            let next = self.due.keys().next().copied();
            let limit = next.map_or(end, |(at, _)| at.min(end));
            if let Some((who, event)) = self.wire.next_until(limit) {
                self.hear(who, event);
            } else if let Some(next) = next.filter(|(at, _)| *at <= end) {
                let act = self.due.remove(&next).unwrap();
                self.act(act);
            } else {
                break;
            }
        }
    }

    fn act(&mut self, act: Act) {
        let now = self.wire.now;
        match act {
            Act::Call(number) => {
                self.call(number);
                if number + 1 < self.last {
                    self.after(1_000 / RATE, Act::Call(number + 1));
                }
            }
            Act::Answer(server) => {
                let Ok(mut server) = self.wire.ends[1].server(server) else { return };
                _ = match server.data().copied() {
                    Some(3) => server.reject(now, Reply::code(486)).map(|_| ()),
                    _ => server.accept(now, Reply::new().sdp(SDP)).map(|_| ()),
                };
            }
            Act::Cancel(call) => _ = self.wire.ends[0].client(call).and_then(|mut call| call.cancel(now)),
            Act::Modify(dialog, holds) => {
                let modify = if holds { Modify::Hold } else { Modify::Unhold };
                let dialog = self.wire.ends[0].dialog(dialog);
                if dialog.and_then(|mut dialog| dialog.modify(now, modify)).is_ok() {
                    self.begun[0] += 1;
                }
            }
            Act::HangUp(who, dialog) => {
                _ = self.wire.ends[who].dialog(dialog).and_then(|mut dialog| dialog.destroy(now));
            }
        }
    }

    fn call(&mut self, number: u64) {
        if number.is_multiple_of(RATE * PERIOD) {
            self.wire.shake(1);
        }
        let (now, kind) = (self.wire.now, kind_of(number));
        if kind == "hostile" {
            return self.attack(number % (RATE * PERIOD));
        }
        let host = if kind == "nowhere" { "192.0.2.99" } else { "192.0.2.4" };
        let invite = Invite::to(format!("sip:{kind}@{host}")).sdp(SDP);
        let call = self.wire.ends[0].invite(now, invite).unwrap();
        self.begun[0] += 1;
        let at = KINDS.iter().position(|(name, _)| *name == kind).unwrap();
        *self.wire.ends[0].client(call).unwrap().data().unwrap() = at as u32;
        if kind == "cancel" {
            self.after(1_000, Act::Cancel(call));
        }
    }

    /// What a stranger sends who means no good.
    fn attack(&mut self, number: u64) {
        let to = usize::from(!number.is_multiple_of(4));
        let request = |method: &str, to_tag: &str, more: &str| {
            format!(
                "{method} sip:hostile@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.66;branch=z9hG4bKx{number}{more}\r\n\
                 From: <sip:mallory@192.0.2.66>;tag=m{number}\r\nTo: <sip:bob@192.0.2.4>{to_tag}\r\nCall-ID: m{number}\r\n\
                 CSeq: 1 {method}\r\nContact: <sip:mallory@192.0.2.66>\r\nContent-Length: 0\r\n\r\n"
            )
        };
        let octets: Vec<String> = match number / 7 % 8 {
            // Never acknowledged, and the same again by another way (RFC 3261 §8.2.2.2).
            0 => [request("INVITE", "", ""), request("INVITE", "", "b")].into(),
            1 => [request("BYE", ";tag=guessed", ""), request("INVITE", ";tag=guessed", "")].into(),
            2 => [request("OPTIONS", "", "").replace("CSeq: 1 ", "CSeq: x ")].into(),
            3 => ["SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bKno\r\n\r\n".into()].into(),
            4 => ["\0\u{1}nonsense".repeat(40)].into(),
            5 => [request("FOO", "", ""), request("REGISTER", "", "c"), request("ACK", ";tag=x", "d")].into(),
            6 => [request("SUBSCRIBE", "", "").replace("Contact", "Event: x\r\nContact")].into(),
            _ => [request("INVITE", "", "").replace("Contact", "Require: nothing\r\nContact")].into(),
        };
        for octets in octets {
            self.wire.inject(to, "192.0.2.66:5060", octets);
        }
    }

    fn hear(&mut self, who: usize, event: Event<u32>) {
        let now = self.wire.now;
        match event {
            Event::Incoming { server, request } => {
                self.begun[1] += 1;
                let user = request.request_uri().unwrap_or_default();
                let user = user.trim_start_matches("sip:").split('@').next().unwrap_or_default();
                let at = KINDS.iter().position(|(name, _)| *name == user).unwrap_or_default();
                let Ok(mut handle) = self.wire.ends[who].server(server) else { return };
                *handle.data().unwrap() = at as u32;
                let is_ringing = handle.progress(now, Reply::new()).is_ok();
                match user {
                    "silent" if is_ringing => {}
                    _ if who == 1 => self.after(2_000, Act::Answer(server)),
                    _ => _ = handle.reject(now, Reply::new()),
                }
            }
            Event::Server { event: ServerEvent::Accepted { dialog: Some(_), .. }, .. } => self.begun[2] += 1,
            Event::Server { event: ServerEvent::Ended { .. }, .. } => self.ended[1] += 1,
            Event::Client { request: _, event } => self.hear_client(event),
            Event::Dialog { dialog, event } => match event {
                DialogEvent::Destroy { .. } => self.ended[2] += 1,
                DialogEvent::Confirmed { .. } => {
                    let kind = self.wire.ends[who].dialog(dialog).unwrap().data().copied();
                    if kind == Some(1) {
                        self.after(20_000, Act::HangUp(who, dialog));
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn hear_client(&mut self, event: ClientEvent<u32>) {
        match event {
            // Changes of a session have higher numbers.
            ClientEvent::Accepted { dialog: Some(dialog), response } if response.cseq() == 1 => {
                *self.results.entry(response.status().unwrap().code()).or_default() += 1;
                let Ok(mut handle) = self.wire.ends[0].dialog(dialog) else { return };
                let kind = handle.data().map(|kind| KINDS[*kind as usize].0);
                match kind {
                    Some("callee") => self.after(120_000, Act::HangUp(0, dialog)),
                    Some("hold") => {
                        self.after(5_000, Act::Modify(dialog, true));
                        self.after(10_000, Act::Modify(dialog, false));
                        self.after(20_000, Act::HangUp(0, dialog));
                    }
                    _ => self.after(20_000, Act::HangUp(0, dialog)),
                }
            }
            ClientEvent::Failed { response, .. } => {
                *self.results.entry(response.status().unwrap().code()).or_default() += 1;
            }
            ClientEvent::Ended { .. } => self.ended[0] += 1,
            _ => {}
        }
    }
}

/// DESIGN.md §2, contract 6: nothing is left of what has ended. With the same load, the same bytes live, to one in a hundred.
#[test]
fn memory_is_the_same_at_the_same_load() {
    let hours = std::env::var("LONG_HOURS").ok().and_then(|hours| hours.parse::<u64>().ok());
    let periods = hours.map_or(PERIODS, |hours| hours * 3_600 / PERIOD);
    let mut day = Day::new(RATE * PERIOD * periods);
    let mut loads = Vec::with_capacity(periods as usize);
    for period in 1..=periods {
        // Traffic of the next period has not begun: all points are alike.
        day.run_until(Timestamp::from_micros(period * PERIOD * 1_000_000 - 1));
        loads.push((live(), day.wire.ends.each_ref().map(sip_proto::Endpoint::counts)));
    }
    let settled: Vec<usize> = loads.iter().skip(WARM_UP).map(|(live, _)| *live).collect();
    let (least, most) = (settled.iter().min().unwrap(), settled.iter().max().unwrap());
    println!("{} calls, {:?}, {least} to {most} bytes", RATE * PERIOD * periods, day.results);
    // A dozen messages more or less wait for their end: in the small slice that alone is more than one in a hundred.
    let waiting = if cfg!(debug_assertions) { 12 * 1_500 } else { 0 };
    assert!((most - least) * 100 <= least + waiting * 100, "{loads:?}");
    assert!(loads.last().unwrap().1.iter().flatten().all(|count| *count > 0), "{loads:?}");
    day.run_until(Timestamp::from_secs(PERIOD * periods + 700));
    assert!(day.wire.is_empty() && day.due.is_empty(), "{:?}", day.wire.ends);
    assert_eq!(day.begun[..2], day.ended[..2], "requests sent, requests received");
    assert!(day.ended[2] >= day.begun[2]);
    for code in [200, 408, 486, 487, 480] {
        assert!(day.results.contains_key(&code), "{code} in {:?}", day.results);
    }
}
