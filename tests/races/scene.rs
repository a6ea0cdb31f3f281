//! Two parties in a call, and what must be true of them whatever crosses.

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::Path;

use sip_proto::context::{Invite, Reply};
use sip_proto::dialog::{DialogState, Modify};
use sip_proto::endpoint::{By, Config, Handling, Why};
use sip_proto::testing::{Ladder, Network, Node};
use sip_proto::{
    ClientEvent, DialogEvent, DialogId, Event, Method, Refused, RequestId, ServerId, Timestamp, Transport,
};

use crate::support::{millis, secs};

/// The one that called.
pub(crate) const ALICE: usize = 0;
/// The one that was called.
pub(crate) const BOB: usize = 1;

/// What a race starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Bob rings, and Alice has heard it.
    Ringing,
    /// The call is up, and everybody has been quiet for a while.
    Up,
    /// Bob has the INVITE, which has an offer, and has said nothing yet.
    Called,
    /// The same, and he has answered the offer in a reliable 183, which Alice has acknowledged (RFC 3262).
    Previewed,
    /// The INVITE had no offer. It came in a reliable 183, and Alice has not answered yet.
    Offered,
}

/// One thing that a party does.
pub(crate) type Act = fn(&mut Scene) -> Result<(), Refused>;

/// What can be different from one race to the other.
#[derive(Clone, Copy)]
pub(crate) struct Race {
    pub(crate) name: &'static str,
    pub(crate) start: Start,
    pub(crate) config: fn(usize, &mut Config),
    pub(crate) alice: Act,
    pub(crate) bob: Act,
}

pub(crate) struct Scene {
    pub(crate) net: Network,
    pub(crate) nodes: [Node; 2],
    /// Alice's INVITE.
    pub(crate) call: RequestId,
    /// Bob's context of it.
    pub(crate) server: Option<ServerId>,
    pub(crate) dialogs: [Option<DialogId>; 2],
    is_confirmed: bool,
    /// Every `Destroy`.
    pub(crate) ends: [Vec<(By, Why)>; 2],
    /// The results and the ends of the requests of each side.
    results: BTreeMap<(usize, RequestId), (usize, usize)>,
    /// How often a session was offered in a 2xx.
    pub(crate) offers: usize,
    /// Whether Alice answers what is offered to her in a 2xx.
    pub(crate) answers_offers: bool,
    /// Whether Bob rings as soon as he is called.
    rings: bool,
    version: u32,
}

/// What this party offers or answers; the version tells one from the other.
pub(crate) fn sdp(who: usize, version: u32) -> String {
    let (name, ip) = [("alice", "192.0.2.1"), ("bob", "192.0.2.4")][who];
    format!(
        "v=0\r\no={name} 1 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio {} RTP/AVP 0 8\r\n",
        4_000 + 2 * version
    )
}

pub(crate) fn plain(_: usize, config: &mut Config) {
    config.policy.set_in_dialog(Method::Invite, Handling::Auto);
}

impl Scene {
    /// Alice has sent her INVITE.
    pub(crate) fn called(transport: Transport, config: fn(usize, &mut Config), offers: bool) -> Self {
        let mut net = Network::new(11);
        net.watch();
        let nodes = [("alice", "192.0.2.1"), ("bob", "192.0.2.4")].map(|(name, ip)| {
            let mut own = Config::new(&format!("sip:{name}@{ip}")).unwrap();
            plain(0, &mut own);
            config(usize::from(name == "bob"), &mut own);
            net.node_with(name, ip, own)
        });
        let invite = Invite::to(format!("sip:bob@192.0.2.4;transport={}", transport.as_str()));
        let invite = if offers { invite.sdp(sdp(ALICE, 1)) } else { invite };
        let call = net.endpoint(nodes[ALICE]).invite(Timestamp::ZERO, invite).unwrap();
        Self {
            net,
            nodes,
            call,
            server: None,
            dialogs: [None; 2],
            is_confirmed: false,
            ends: [vec![], vec![]],
            results: [((ALICE, call), (0, 0))].into(),
            offers: 0,
            answers_offers: true,
            rings: true,
            version: 1,
        }
    }

    /// Runs for this long. Whatever asks for an answer is answered by policy.
    pub(crate) fn run(&mut self, length: Duration) {
        let limit = self.net.now() + length;
        while let Some((node, event)) = self.net.next_event_until(limit) {
            self.hear(usize::from(node == self.nodes[BOB]), event);
        }
    }

    pub(crate) fn run_until(&mut self, is_done: impl Fn(&Self) -> bool) {
        let limit = self.net.now() + secs(100);
        while !is_done(self) {
            let Some((node, event)) = self.net.next_event_until(limit) else { return };
            self.hear(usize::from(node == self.nodes[BOB]), event);
        }
    }

    fn hear(&mut self, who: usize, event: Event) {
        match event {
            Event::Incoming { server, .. } => {
                self.server = Some(server);
                if self.rings {
                    self.progress(Reply::new()).unwrap();
                }
            }
            Event::Server { event: sip_proto::ServerEvent::Progress { dialog, .. }, .. }
            | Event::Server { event: sip_proto::ServerEvent::Accepted { dialog, .. }, .. } => {
                self.dialogs[who] = self.dialogs[who].or(dialog);
            }
            Event::Client { request, event } => self.hear_of_request(who, request, &event),
            Event::Dialog { dialog, event } => self.hear_of_dialog(who, dialog, &event),
            _ => {}
        }
    }

    fn hear_of_request(&mut self, who: usize, request: RequestId, event: &ClientEvent) {
        let results = self.results.entry((who, request)).or_default();
        match event {
            ClientEvent::Accepted { dialog, .. } => {
                results.0 += 1;
                self.dialogs[who] = self.dialogs[who].or(*dialog);
            }
            ClientEvent::Progress { dialog, .. } => self.dialogs[who] = self.dialogs[who].or(*dialog),
            ClientEvent::Failed { .. } => results.0 += 1,
            ClientEvent::Ended { .. } => results.1 += 1,
            _ => {}
        }
    }

    fn hear_of_dialog(&mut self, who: usize, dialog: DialogId, event: &DialogEvent) {
        match event {
            DialogEvent::Confirmed { .. } => self.is_confirmed = true,
            DialogEvent::Destroy { by, why, .. } => {
                assert_eq!(self.dialogs[who], Some(dialog), "{}", self.net.ladder());
                self.ends[who].push((*by, *why));
            }
            DialogEvent::Offer { .. } => {
                self.offers += 1;
                if self.answers_offers {
                    let (now, answer) = (self.net.now(), sdp(who, self.next_version()));
                    self.net.endpoint(self.nodes[who]).dialog(dialog).unwrap().answer(now, answer).unwrap();
                }
            }
            _ => {}
        }
    }

    fn next_version(&mut self) -> u32 {
        self.version += 1;
        self.version
    }

    /// Bob answers the call.
    pub(crate) fn accept(&mut self) -> Result<(), Refused> {
        self.accept_with(Reply::new().sdp(sdp(BOB, 1)))
    }

    pub(crate) fn accept_with(&mut self, reply: Reply) -> Result<(), Refused> {
        let (now, node) = (self.net.now(), self.nodes[BOB]);
        let server = self.server.ok_or(Refused::Gone)?;
        self.net.endpoint(node).server(server)?.accept(now, reply)?;
        Ok(())
    }

    /// Bob gives a provisional answer.
    pub(crate) fn progress(&mut self, reply: Reply) -> Result<(), Refused> {
        let (now, node) = (self.net.now(), self.nodes[BOB]);
        let server = self.server.ok_or(Refused::Gone)?;
        self.net.endpoint(node).server(server)?.progress(now, reply)?;
        Ok(())
    }

    /// Alice answers the offer that waits for it.
    pub(crate) fn answer(&mut self) -> Result<(), Refused> {
        let (now, answer) = (self.net.now(), sdp(ALICE, self.next_version()));
        let dialog = self.dialogs[ALICE].ok_or(Refused::Gone)?;
        self.net.endpoint(self.nodes[ALICE]).dialog(dialog)?.answer(now, answer)
    }

    /// Alice cancels the call.
    pub(crate) fn cancel(&mut self) -> Result<(), Refused> {
        let now = self.net.now();
        self.net.endpoint(self.nodes[ALICE]).client(self.call)?.cancel(now)
    }

    pub(crate) fn destroy(&mut self, who: usize) -> Result<(), Refused> {
        let now = self.net.now();
        let dialog = self.dialogs[who].ok_or(Refused::Gone)?;
        self.net.endpoint(self.nodes[who]).dialog(dialog)?.destroy(now)
    }

    pub(crate) fn modify(&mut self, who: usize, modify: Modify) -> Result<(), Refused> {
        let now = self.net.now();
        let dialog = self.dialogs[who].ok_or(Refused::Gone)?;
        let request = self.net.endpoint(self.nodes[who]).dialog(dialog)?.modify(now, modify)?;
        self.results.insert((who, request), (0, 0));
        Ok(())
    }

    /// Offers another session.
    pub(crate) fn move_media(&mut self, who: usize) -> Result<(), Refused> {
        let sdp = sdp(who, self.next_version());
        self.modify(who, Modify::Sdp(sdp.into()))
    }

    pub(crate) fn request(
        &mut self,
        who: usize,
        request: sip_proto::dialog::InDialog,
    ) -> Result<(), Refused> {
        let now = self.net.now();
        let dialog = self.dialogs[who].ok_or(Refused::Gone)?;
        let request = self.net.endpoint(self.nodes[who]).dialog(dialog)?.request(now, request)?;
        self.results.insert((who, request), (0, 0));
        Ok(())
    }

    pub(crate) fn hold_back(&mut self, who: usize, yes: bool) -> Result<(), Refused> {
        let now = self.net.now();
        let dialog = self.dialogs[who].ok_or(Refused::Gone)?;
        self.net.endpoint(self.nodes[who]).dialog(dialog)?.hold_back(now, yes)
    }

    fn is_up(&mut self, who: usize) -> bool {
        let Some(dialog) = self.dialogs[who] else { return false };
        let state = self.net.endpoint(self.nodes[who]).dialog(dialog).ok();
        state.is_some_and(|dialog| dialog.get().is_ok_and(|dialog| dialog.state() == DialogState::Confirmed))
    }

    /// Both sides have, or neither has, the call; and they agree on what it is (RFC 3264 §4, §8.4; RFC 3261 §12.2.2).
    pub(crate) fn check_agreement(&mut self, what: &str) {
        let up = [ALICE, BOB].map(|who| self.is_up(who));
        assert_eq!(up[ALICE], up[BOB], "{what}: one side is up\n{}", self.net.ladder());
        if !up[ALICE] {
            return;
        }
        let [alice, bob] = [ALICE, BOB].map(|who| {
            let id = self.dialogs[who].unwrap();
            self.net.endpoint(self.nodes[who]).dialog(id).unwrap().get().unwrap().clone()
        });
        for (one, other) in [(&alice, &bob), (&bob, &alice)] {
            let said = |sdp: &[u8]| String::from_utf8_lossy(sdp).into_owned();
            let ladder = self.net.ladder();
            assert_eq!(said(one.local().sdp), said(other.remote().sdp), "{what}\n{ladder}");
            assert_eq!(one.local_hold(), other.remote_hold(), "{what}: hold\n{ladder}");
            assert!(one.negotiation().is_stable(), "{what}: an offer waits\n{ladder}");
            assert!(one.remote_cseq() <= Some(other.local_cseq()), "{what}\n{ladder}");
        }
    }

    /// Ends what is left, and holds both sides against contract 6.
    pub(crate) fn finish(mut self, what: &str) -> Network {
        self.run(secs(12));
        self.check_agreement(what);
        _ = self.destroy(ALICE);
        _ = self.cancel();
        self.net.run_for(Duration::ZERO);
        while let Some((node, event)) = self.net.next_event() {
            self.hear(usize::from(node == self.nodes[BOB]), event);
        }
        let ladder = self.net.ladder();
        for who in [ALICE, BOB] {
            let most = usize::from(self.dialogs[who].is_some());
            assert_eq!(self.ends[who].len(), most, "{what}: one Destroy for {who}\n{ladder}");
        }
        for ((who, _), count) in &self.results {
            assert_eq!(*count, (1, 1), "{what}: results and ends of a request of {who}\n{ladder}");
        }
        let counts = self.nodes.map(|node| self.net.endpoint(node).counts());
        assert!(self.net.is_empty(), "{what}: {counts:?} are left\n{}", self.net.ladder());
        assert_eq!(self.net.misconduct(), None, "{what}\n{}", self.net.ladder());
        self.net
    }

    /// A call up to where it starts, without a trace of how it came there.
    pub(crate) fn begin(start: Start, transport: Transport, config: fn(usize, &mut Config)) -> Self {
        let scene = Self::called(transport, config, start != Start::Offered);
        scene.brought_to(start)
    }

    pub(crate) fn brought_to(mut self, start: Start) -> Self {
        match start {
            Start::Ringing => self.ring(),
            Start::Up => {
                self.ring();
                self.accept().unwrap();
                self.run_until(|scene| scene.is_confirmed);
                self.run(secs(2));
            }
            Start::Called | Start::Previewed | Start::Offered => {
                self.rings = false;
                self.run_until(|scene| scene.server.is_some());
                if start != Start::Called {
                    self.answers_offers = false;
                    self.progress(Reply::code(183).sdp(sdp(BOB, 1)).reliable()).unwrap();
                    self.run(millis(100));
                }
            }
        }
        self.net.clear_ladder();
        self
    }

    fn ring(&mut self) {
        self.run_until(|scene| scene.dialogs[ALICE].is_some());
        self.run(secs(1));
    }
}

/// Who acts how long before the other; below 10 ms what they send crosses.
pub(crate) const GAPS: [u64; 4] = [5, 0, 15, 600];

impl Race {
    /// Both orders of arrival, several distances, both transports, each datagram lost once.
    pub(crate) fn run(self) {
        for first in [ALICE, BOB] {
            let order = ["alice", "bob"][first];
            let name = format!("{}_{order}_first", self.name);
            let (net, sent) = self.once(first, GAPS[0], Transport::Udp, None);
            golden(&name, net.ladder());
            for lost in sent {
                self.once(first, GAPS[0], Transport::Udp, Some(lost));
            }
            for gap in GAPS {
                self.once(first, gap, Transport::Udp, None);
                self.once(first, gap, Transport::Tcp, None);
            }
        }
    }

    fn once(
        self,
        first: usize,
        gap: u64,
        transport: Transport,
        lost: Option<u64>,
    ) -> (Network, core::ops::Range<u64>) {
        let what = format!("{}, {first} first by {gap} ms, {transport}, lost {lost:?}", self.name);
        let mut scene = Scene::begin(self.start, transport, self.config);
        let begun = scene.net.datagrams();
        lost.into_iter().for_each(|lost| scene.net.lose(lost));
        let acts = [self.alice, self.bob];
        // Too late is a normal outcome.
        _ = acts[first](&mut scene);
        scene.run(millis(gap));
        _ = acts[1 - first](&mut scene);
        let net = scene.finish(&what);
        // RFC 3261 §13.2.2.4: every 2xx is acknowledged, whatever it crosses.
        assert!(lost.is_some() || !net.ladder().contains("NoAck"), "{what}\n{}", net.ladder());
        let sent = begun..net.datagrams();
        (net, sent)
    }
}

/// A course of events: over both transports, and with each datagram lost once. One ladder, unless `name` is empty.
pub(crate) fn flow(name: &str, begin: impl Fn(Transport) -> Scene, course: impl Fn(&mut Scene)) {
    let once = |transport, lost: Option<u64>| {
        let mut scene = begin(transport);
        let begun = scene.net.datagrams();
        lost.into_iter().for_each(|lost| scene.net.lose(lost));
        course(&mut scene);
        let net = scene.finish(&format!("{name}, {transport}, lost {lost:?}"));
        let sent = begun..net.datagrams();
        (net, sent)
    };
    let (net, sent) = once(Transport::Udp, None);
    golden(name, net.ladder());
    for lost in sent {
        once(Transport::Udp, Some(lost));
    }
    once(Transport::Tcp, None);
}

/// Compares with `tests/ladders/races/NAME.txt`; `BLESS=1` writes it anew.
pub(crate) fn golden(name: &str, ladder: &Ladder) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/ladders/races/{name}.txt"));
    let drawn = ladder.to_string();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, drawn).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(drawn == expected, "{name} has changed (BLESS=1 accepts it):\n{drawn}\ninstead of:\n{expected}");
}
