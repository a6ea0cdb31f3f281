//! A thousand calls through every kind of bad network: all of them end, on both sides, once; nobody sends more often than the RFC allows;
//! what became of them is a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use sip_proto::context::{Invite, Reply};
use sip_proto::dialog::Modify;
use sip_proto::{
    ClientEvent, DialogEvent, DialogId, Event, Message, Method, RequestId, ServerEvent, ServerId, Timestamp,
};

use crate::wire::{Manners, Watch, Wire};

const SEEDS: u64 = if cfg!(debug_assertions) { 12 } else { 1_000 };
const LOSSES: [u64; 4] = [0, 5, 20, 50];
const FAULTS: [&str; 4] = ["duplication", "reordering", "10 x delay", "one-way cut"];
/// When the network is good again.
const FAULTS_END: Timestamp = Timestamp::from_secs(60);
const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// RFC 3261 §17.1.1.2: an INVITE is sent seven times in 64·T1.
const INVITES: usize = 7;
/// §17.1.2.2, §17.2.1, §13.3.1.4: at 0, 0.5, 1.5, 3.5 s, and every 4 s then: eleven times in 64·T1.
const OTHERS: usize = 11;

/// How often each message was sent, and what arrived.
#[derive(Default)]
struct Counts {
    sent: BTreeMap<(usize, Bytes), usize>,
    /// By receiver, number, and kind: `INVITE`, or `INVITE 200`.
    arrived: BTreeMap<(usize, u32, String), usize>,
    total: usize,
}

fn kind(message: &Message) -> String {
    match message.status() {
        Some(status) => format!("{} {status}", message.method()),
        None => message.method().to_string(),
    }
}

impl Watch for Counts {
    fn sent(&mut self, who: usize, octets: &Bytes) -> bool {
        *self.sent.entry((who, octets.clone())).or_default() += 1;
        self.total += 1;
        true
    }

    fn arrived(&mut self, who: usize, octets: &Bytes) {
        let message = Message::parse(octets.clone()).unwrap();
        *self.arrived.entry((who, message.cseq(), kind(&message))).or_default() += 1;
    }
}

impl Counts {
    /// Nobody sends a message more often than timers and what arrives make him.
    fn check(&self) {
        for ((who, octets), count) in &self.sent {
            let message = Message::parse(octets.clone()).unwrap();
            let arrived = |kind: &str| {
                let key = (*who, message.cseq(), kind.to_string());
                self.arrived.get(&key).copied().unwrap_or_default()
            };
            let method = message.method();
            let most = match (message.status(), method) {
                (None, Method::Invite) => INVITES,
                // §13.2.2.4, §17.1.1.2: one for each final answer that arrives.
                (None, Method::Ack) => {
                    let finals = |((to, cseq, kind), _): &(&(usize, u32, String), &usize)| {
                        to == who
                            && *cseq == message.cseq()
                            && kind.starts_with("INVITE ")
                            && kind.as_str() >= "INVITE 2"
                    };
                    self.arrived.iter().filter(finals).map(|(_, count)| *count).sum()
                }
                (None, _) => OTHERS,
                // RFC 6026 §8.7: a 2xx is repeated by its user alone.
                (Some(status), Method::Invite) if status.is_success() => OTHERS,
                (Some(status), Method::Invite) if status.is_failure() => OTHERS + arrived("INVITE"),
                // §13.3.1.1: and once a minute.
                (Some(_), Method::Invite) => 1 + arrived("INVITE") + 3,
                (Some(_), method) => arrived(method.as_str()),
            };
            assert!(*count <= most, "{message:?} went out {count} times, not {most}");
        }
    }
}

/// A call between two applications.
struct Call {
    wire: Wire<Counts>,
    seed: u64,
    /// What is to be done.
    due: BTreeMap<(Timestamp, usize), Act>,
    clients: BTreeMap<(usize, RequestId), [usize; 2]>,
    servers: BTreeMap<(usize, ServerId), usize>,
    dialogs: BTreeMap<(usize, DialogId), usize>,
    call: RequestId,
    result: String,
    ends: [String; 2],
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Answer(ServerId),
    Cancel,
    Modify(usize, bool),
    HangUp(usize),
    Cut(usize),
    Heal,
    Finish,
}

impl Call {
    fn new(seed: u64, loss: u64, fault: &str) -> Self {
        let mut wire = Wire::new(seed, Counts::default());
        let call = wire.ends[0].invite(Timestamp::ZERO, Invite::to("sip:bob@192.0.2.4").sdp(SDP)).unwrap();
        wire.manners.loss = loss * 10;
        match fault {
            "duplication" => wire.manners.duplication = 300,
            "reordering" => wire.manners.reordering = 300,
            "10 x delay" => wire.manners.delay *= 10,
            _ => {}
        }
        let mut this = Self {
            wire,
            seed,
            due: BTreeMap::new(),
            clients: [((0, call), [0, 0])].into(),
            servers: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            call,
            result: String::new(),
            ends: Default::default(),
        };
        if fault == "one-way cut" {
            let (from, length) = (this.wire.below(18_000), 1_000 + this.wire.below(30_000));
            this.after(from, Act::Cut(usize::from(seed % 4 > 1)));
            this.after(from + length, Act::Heal);
        }
        if seed % 10 == 5 {
            let after = 100 + this.wire.below(4_000);
            this.after(after, Act::Cancel);
        }
        this.due.insert((FAULTS_END, 0), Act::Finish);
        this
    }

    fn after(&mut self, millis: u64, act: Act) {
        let at = self.wire.now + Duration::from_millis(millis);
        self.due.insert((at, self.due.len() + 1), act);
    }

    /// Takes the call to its end, and on until nothing is left.
    fn run(&mut self) {
        loop {
            let next = self.due.keys().next().copied();
            let limit = next.map_or(Timestamp::MAX, |(at, _)| at);
            if let Some((who, event)) = self.wire.next_until(limit) {
                self.hear(who, event);
            } else if let Some(act) = next.and_then(|next| self.due.remove(&next)) {
                self.act(act);
            } else {
                break;
            }
        }
    }

    fn act(&mut self, act: Act) {
        let now = self.wire.now;
        match act {
            Act::Answer(server) => {
                let Ok(mut server) = self.wire.ends[1].server(server) else { return };
                _ = match self.seed % 10 {
                    6 => server.reject(now, Reply::code(486)).map(|_| ()),
                    _ => server.accept(now, Reply::new().sdp(SDP)).map(|_| ()),
                };
            }
            Act::Cancel => _ = self.wire.ends[0].client(self.call).and_then(|mut call| call.cancel(now)),
            Act::Modify(who, holds) => {
                let modify = if holds { Modify::Hold } else { Modify::Unhold };
                for (_, dialog) in self.alive(who) {
                    let Ok(mut dialog) = self.wire.ends[who].dialog(dialog) else { continue };
                    if let Ok(request) = dialog.modify(now, modify.clone()) {
                        self.clients.insert((who, request), [0, 0]);
                    }
                }
            }
            Act::HangUp(who) => {
                for (_, dialog) in self.alive(who) {
                    _ = self.wire.ends[who].dialog(dialog).and_then(|mut dialog| dialog.destroy(now));
                }
            }
            Act::Cut(who) => self.wire.manners.is_cut[who] = true,
            Act::Heal => self.wire.manners.is_cut = [false; 2],
            Act::Finish => {
                self.wire.manners = Manners::GOOD;
                self.act(Act::Cancel);
                let servers: Vec<_> = self.servers.keys().map(|(_, server)| *server).collect();
                for server in servers {
                    let Ok(mut server) = self.wire.ends[1].server(server) else { continue };
                    _ = server.reject(now, Reply::new());
                }
                self.act(Act::HangUp(0));
                self.act(Act::HangUp(1));
            }
        }
    }

    fn alive(&self, who: usize) -> Vec<(usize, DialogId)> {
        self.dialogs
            .iter()
            .filter(|((owner, _), ends)| *owner == who && **ends == 0)
            .map(|(key, _)| *key)
            .collect()
    }

    fn hear(&mut self, who: usize, event: Event<u32>) {
        match event {
            Event::Incoming { server, .. } => {
                self.servers.insert((who, server), 0);
                let now = self.wire.now;
                self.wire.ends[who].server(server).unwrap().progress(now, Reply::new()).unwrap();
                self.after(2_000, Act::Answer(server));
            }
            Event::Server { server, event } => match event {
                ServerEvent::Progress { dialog, .. } | ServerEvent::Accepted { dialog, .. } => {
                    self.meet(who, dialog);
                }
                ServerEvent::Ended { .. } => *self.servers.entry((who, server)).or_default() += 1,
                _ => {}
            },
            Event::Client { request, event } => self.hear_client(who, request, event),
            Event::Dialog { dialog, event } => match event {
                DialogEvent::Destroy { by, why, .. } => {
                    *self.dialogs.entry((who, dialog)).or_default() += 1;
                    _ = write!(self.ends[who], "{by:?} {why:?}");
                }
                DialogEvent::Confirmed { .. } => self.up(1),
                _ => {}
            },
            _ => {}
        }
    }

    fn hear_client(&mut self, who: usize, request: RequestId, event: ClientEvent<u32>) {
        let counts = self.clients.get_mut(&(who, request)).expect("a request of ours");
        match event {
            ClientEvent::Progress { dialog, .. } => self.meet(who, dialog),
            ClientEvent::Accepted { dialog, response } => {
                counts[0] += 1;
                self.meet(who, dialog);
                if request == self.call && who == 0 {
                    self.result = kind(&response);
                    self.up(0);
                }
            }
            ClientEvent::Failed { response, synthetic, .. } => {
                counts[0] += 1;
                if request == self.call && who == 0 {
                    let made_up = if synthetic { " made up" } else { "" };
                    self.result = format!("{}{made_up}", kind(&response));
                }
            }
            ClientEvent::Ended { .. } => counts[1] += 1,
            _ => {}
        }
    }

    fn meet(&mut self, who: usize, dialog: Option<DialogId>) {
        if let Some(dialog) = dialog {
            self.dialogs.entry((who, dialog)).or_default();
        }
    }

    /// The call is up on this side.
    fn up(&mut self, who: usize) {
        let changes = matches!(self.seed % 10, 7 | 8);
        if changes && usize::from(self.seed % 10 == 8) == who {
            self.after(5_000, Act::Modify(who, true));
            self.after(8_000, Act::Modify(who, false));
        }
        let hangs_up = (self.seed / 10 % 2) as usize == who || self.seed % 10 == 9;
        if hangs_up {
            self.after(15_000, Act::HangUp(who));
        }
    }

    fn check(&self) {
        assert!(self.wire.is_empty(), "{:?}", self.wire.ends);
        // 64·T1 for a BYE, and Timer D, J or L after it.
        assert!(self.wire.now <= FAULTS_END + Duration::from_secs(32 + 32 + 32), "{:?}", self.wire.now);
        assert!(self.clients.values().all(|counts| *counts == [1, 1]), "{:?}", self.clients);
        assert!(self.servers.values().all(|ended| *ended == 1), "{:?}", self.servers);
        assert!(self.dialogs.values().all(|ended| *ended == 1), "{:?}", self.dialogs);
        self.wire.watch.check();
    }
}

/// RFC 3261 §13, §15, §17: whatever the network does, calls end, on both sides, once, and with no more messages than the timers make. What becomes of
/// them is `tests/long/outcomes`; `BLESS=1` writes that anew.
#[test]
fn calls_end_through_all_faults() {
    let mut table = String::new();
    for loss in LOSSES {
        for fault in FAULTS {
            _ = writeln!(table, "{loss} % loss, {fault}");
            let (mut results, mut total) = (BTreeMap::<String, usize>::new(), 0);
            for seed in 0..SEEDS {
                let mut call = Call::new(seed, loss, fault);
                call.run();
                call.check();
                let [caller, callee] = call.ends.each_ref().map(|end| if end.is_empty() { "-" } else { end });
                *results.entry(format!("{:<20} {caller:<22} {callee}", call.result)).or_default() += 1;
                total += call.wire.watch.total;
            }
            for (result, count) in results {
                _ = writeln!(table, "{count:>6}  {result}");
            }
            _ = writeln!(table, "{total:>6}  messages\n");
        }
    }
    let path = format!("{}/tests/long/outcomes/{SEEDS}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(table == expected, "{path} has changed (BLESS=1 accepts it):\n{table}");
}
