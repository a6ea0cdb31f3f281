//! Two endpoints against each other over a bad link. Both applications do what they like: well-behaved ones agree in the end.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use bytes::Bytes;

use super::drive::command;
use super::watch::{self, Watch};
use super::{Notice, Passing, Promise, Step, Violation, manners};
use crate::context::{Invite, Reply};
use crate::dialog::{Dialog, DialogState, InDialog, Modify};
use crate::endpoint::{Action, Answer, Command, DialogEvent, DialogId, Event, Operation, Output, ServerId};
use crate::message::{Header, Method, Name, Transport};
use crate::testing::{Link, Network, Node};

/// What two applications do to each other, and what the link between them does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// What decides the chances of the link.
    pub seed: u16,
    /// The manners of each endpoint, as a [`Script`](super::Script) has them.
    pub manners: [u32; 2],
    /// Who does what, and how it goes on then. Only the first [`Pair::MOST_MOVES`] count.
    pub moves: Vec<Move>,
}

/// One thing that one of two applications does, or that becomes of the link.
///
/// Steps of a script's application are what they are there. Those of its peer have other meanings, which [`Pair::run`] gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Bit 0: who. The next three: how long the network then runs.
    pub who: u8,
    /// What is done.
    pub step: Step,
}

impl<'a> Arbitrary<'a> for Pair {
    fn arbitrary(octets: &mut Unstructured<'a>) -> Result<Self> {
        let (seed, manners) = (octets.arbitrary()?, [octets.arbitrary()?, octets.arbitrary()?]);
        let mut moves = Vec::new();
        while !octets.is_empty() && moves.len() < Self::MOST_MOVES {
            moves.push(Move { who: octets.arbitrary()?, step: octets.arbitrary()? });
        }
        Ok(Self { seed, manners, moves })
    }
}

/// The bytes that live on the heap of this thread, for who counts them.
pub type Live<'a> = &'a dyn Fn() -> usize;

impl Pair {
    /// How many moves are made.
    pub const MOST_MOVES: usize = 60;

    /// The pair that `octets` stand for. Any octets stand for one.
    pub fn from_octets(octets: &[u8]) -> Self {
        let empty = Self { seed: 0, manners: [0; 2], moves: Vec::new() };
        Self::arbitrary_take_rest(Unstructured::new(octets)).unwrap_or(empty)
    }

    /// Octets that stand for this pair: a seed for a corpus.
    pub fn to_octets(&self) -> Vec<u8> {
        let mut octets = Vec::from(self.seed.to_le_bytes());
        octets.extend(self.manners.iter().flat_map(|bits| bits.to_le_bytes()));
        for Move { who, step } in &self.moves {
            octets.push(*who);
            step.write(&mut octets);
        }
        octets
    }

    /// Has the two work against each other, twice, and looks at both: what ends, ends once and leaves nothing; what is up and quiet is the same on
    /// both sides where the applications behaved; the same moves give the same run. With `live`, what each endpoint holds is
    /// held against what it says that it holds.
    ///
    /// # Errors
    /// The first promise that was not kept.
    pub fn run(&self, live: Option<Live<'_>>) -> core::result::Result<(), Violation> {
        let first = Run::new(self, live)?.finish()?;
        match first == Run::new(self, None)?.finish()? {
            true => Ok(()),
            false => Err(Violation {
                promise: Promise::Deterministic,
                after: self.moves.len(),
                what: "the same moves gave another run".into(),
            }),
        }
    }
}

/// What a run of two endpoints has come to.
struct Run<'a> {
    net: Network,
    nodes: [Node; 2],
    watches: [Watch; 2],
    asked: [Vec<ServerId>; 2],
    due: [Vec<DialogId>; 2],
    /// The dialogs whose session is over, if not they.
    over: [Vec<DialogId>; 2],
    version: u32,
    /// Whether both have offered and answered only what is sensible, and have room for it.
    is_polite: bool,
    is_over: bool,
    done: usize,
    log: Vec<u8>,
    live: Option<Live<'a>>,
    /// The most units that an endpoint had.
    peak: [usize; 2],
}

/// How long the network runs after a move, in milliseconds: not at all, less than a message takes, about as long, longer.
const GAPS: [u64; 8] = [0, 0, 5, 10, 15, 45, 250, 3_000];
const TARGETS: [&str; 2] = ["sip:bob@192.0.2.4", "sip:alice@192.0.2.1"];

/// A sensible description.
fn sdp(who: usize, version: u32) -> Bytes {
    let (ip, port) = (["192.0.2.1", "192.0.2.4"][who], 4_000 + version % 1_000 * 2);
    format!("v=0\r\no=- {who} {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8\r\n").into()
}

type Checked<T = ()> = core::result::Result<T, Violation>;

impl<'a> Run<'a> {
    fn new(pair: &Pair, live: Option<Live<'a>>) -> Checked<Self> {
        let mut net = Network::new(pair.seed.into());
        let fault = |what: &str| Violation { promise: Promise::WellFormed, after: 0, what: what.into() };
        let mut nodes = Vec::new();
        for (who, name, [ip, other]) in
            [(0, "alice", ["192.0.2.1", "192.0.2.4"]), (1, "bob", ["192.0.2.4", "192.0.2.1"])]
        {
            let config = manners::config_of_two(pair.manners[who], other);
            nodes.push(net.node_with(name, ip, config.ok_or_else(|| fault("the configuration is refused"))?));
        }
        let nodes = [nodes[0], nodes[1]];
        net.watch();
        net.name("name.example", Transport::Udp, nodes[1]);
        let mut run = Self {
            net,
            nodes,
            watches: Default::default(),
            asked: Default::default(),
            due: Default::default(),
            over: Default::default(),
            version: 0,
            is_polite: pair.manners.iter().all(|manners| manners::has_room(*manners)),
            is_over: false,
            done: 0,
            log: Vec::new(),
            live,
            peak: [0; 2],
        };
        for one in pair.moves.iter().take(Pair::MOST_MOVES) {
            run.done += 1;
            run.make(usize::from(one.who % 2), &one.step)?;
            run.go_on(Duration::from_millis(GAPS[usize::from(one.who / 2 % 8)]))?;
            run.check_memory()?;
        }
        Ok(run)
    }

    fn fault<T>(&self, promise: Promise, what: String) -> Checked<T> {
        Err(Violation { promise, after: self.done, what: format!("{what}\n{}", self.net.ladder()) })
    }

    fn make(&mut self, who: usize, step: &Step) -> Checked {
        match step {
            Step::Request(asking) => {
                let mut target = String::from(TARGETS[who]);
                if asking.way >= 200 {
                    target += ";transport=tcp";
                }
                self.version += 1;
                let invite = Invite::to(target);
                let invite = if asking.body < 200 { invite.sdp(sdp(who, self.version)) } else { invite };
                self.command(who, Command::Invite(invite))
            }
            Step::Within(refuses, _) => self.answer_asked(who, *refuses < 224),
            Step::Acknowledge { .. } => self.answer_due(who),
            Step::Answer(answering) => {
                let Some(server) = super::peer::newest(&self.asked[who], answering.request).copied() else {
                    return Ok(());
                };
                let reply = Reply::code([180, 183, 100, 181][usize::from(answering.code % 4)]);
                let reply = if answering.odd < 128 { reply } else { reply.reliable() };
                self.command(who, Command::Progress(server, reply))
            }
            Step::Raw { octets, .. } => {
                let stranger = core::net::SocketAddr::from(([192, 0, 2, 66], 5060));
                self.net.inject(stranger, self.nodes[who], octets.clone());
                Ok(())
            }
            Step::Notice(notice) => {
                self.change_link(who, *notice);
                Ok(())
            }
            Step::Time(passing) => self.go_on(length_of(*passing)),
            Step::Again { .. } | Step::Cancel { .. } | Step::Drain(_) => Ok(()),
            step => {
                let endpoint = self.net.endpoint(self.nodes[who]);
                let Some(mut command) = command(endpoint, &mut self.watches[who], step) else {
                    return Ok(());
                };
                self.is_polite &= is_sensible(&command);
                if let (0, Command::Invite(Invite { request, .. }) | Command::Request(request)) =
                    (who, &mut command)
                {
                    request.uri = request.uri.replace("alice@192.0.2.1", "bob@192.0.2.4").into();
                }
                self.command(who, command)
            }
        }
    }

    fn change_link(&mut self, who: usize, notice: Notice) {
        let link = &mut self.net.link;
        match notice {
            Notice::Connected(number) => link.loss = f64::from(number % 64) / 100.0,
            Notice::Unconnected(number) => link.duplication = f64::from(number % 64) / 100.0,
            Notice::Resolved(number, _) => link.reordering = f64::from(number % 64) / 100.0,
            Notice::SendFailed(number) => link.jitter = Duration::from_millis(number.into()),
            Notice::Closed(number) if number < 128 => self.net.cut = [self.nodes[who]].into(),
            Notice::Closed(_) => self.net.break_streams(self.nodes[0], self.nodes[1]),
            Notice::Bound(_) => {
                *link = Link::default();
                self.net.cut.clear();
            }
        }
    }

    fn command(&mut self, who: usize, command: Command) -> Checked {
        let operation = Operation { at: self.net.now(), action: Action::Command(command) };
        if let Ok(Some(request)) = self.net.endpoint(self.nodes[who]).apply(operation) {
            self.watches[who].begin(request);
        }
        self.go_on(Duration::ZERO)
    }

    /// Lets time pass, and hears what happens. Afterwards nothing is due any more.
    fn go_on(&mut self, length: Duration) -> Checked {
        let limit = self.net.now() + length;
        while let Some((node, event)) = self.net.next_event_until(limit) {
            self.hear(usize::from(node == self.nodes[1]), event)?;
        }
        if let Some(what) = self.net.misconduct().filter(|_| self.is_polite) {
            return self.fault(Promise::Conduct, what.into());
        }
        for who in [0, 1] {
            let endpoint = self.net.endpoint(self.nodes[who]);
            let (next, units) = (endpoint.poll_timeout(), endpoint.counts().iter().sum());
            self.peak[who] = self.peak[who].max(units);
            if next.is_some_and(|next| next < self.net.now()) {
                return self.fault(Promise::HonestDeadline, format!("{next:?} has passed"));
            }
        }
        Ok(())
    }

    fn hear(&mut self, who: usize, event: Event) -> Checked {
        let asks = match &event {
            Event::Incoming { server, .. } => Some(*server),
            Event::Dialog { event, .. } => match event.asked().map(|asked| asked.answer) {
                Some(Answer::Ask(server)) => Some(server),
                Some(Answer::Auto(_)) | None => None,
            },
            _ => None,
        };
        self.asked[who].extend(asks);
        if let Event::Dialog { dialog, event: DialogEvent::Offer { .. } } = &event {
            self.due[who].push(*dialog);
        }
        let ended = match &event {
            Event::Dialog { dialog, event: DialogEvent::SessionEnded { .. } } => Some(*dialog),
            _ => None,
        };
        self.over[who].extend(ended);
        let output = Output::Event(event);
        self.log.extend(watch::describe(&output));
        match self.watches[who].see(&output) {
            Ok(()) if self.is_over => {
                // RFC 5057 §4: the BYE has ended the session, and the subscriptions beside it are to be ended too.
                if let Some(dialog) = ended {
                    self.command(who, Command::Destroy(dialog, Vec::new()))?;
                }
                self.answer_asked(who, false)
            }
            Ok(()) => Ok(()),
            Err((promise, what)) => self.fault(promise, what),
        }
    }

    /// Answers whatever asks, as a sensible application would.
    fn answer_asked(&mut self, who: usize, accepts: bool) -> Checked {
        for id in core::mem::take(&mut self.asked[who]) {
            self.version += 1;
            let version = self.version;
            let endpoint = self.net.endpoint(self.nodes[who]);
            let Ok(server) = endpoint.server(id) else { continue };
            let Some(request) = server.request().cloned() else { continue };
            let dialog = server.dialog();
            let dialog = dialog.and_then(|dialog| endpoint.dialog(dialog).ok()?.get().ok().cloned());
            let known = dialog.filter(|dialog| !dialog.local().sdp.is_empty());
            let offer = request.session_description();
            let is_invite = *request.method() == Method::Invite;
            let answer = match (&known, offer) {
                (Some(dialog), Some(offer)) => dialog.answer_to(offer).ok(),
                (Some(dialog), None) if is_invite => Some(Bytes::copy_from_slice(dialog.local().sdp)),
                (None, Some(offer)) => crate::sdp::answer(offer, &crate::sdp::Ours::new(&sdp(who, version)))
                    .ok()
                    .map(Bytes::from),
                (None, None) if is_invite => Some(sdp(who, version)),
                _ => Some(Bytes::new()),
            };
            let command = match answer.filter(|_| accepts) {
                Some(answer) if answer.is_empty() => Command::Accept(id, Reply::new()),
                Some(answer) => Command::Accept(id, Reply::new().sdp(answer)),
                None => Command::Reject(id, Reply::code(488)),
            };
            self.command(who, command)?;
        }
        Ok(())
    }

    fn answer_due(&mut self, who: usize) -> Checked {
        for dialog in core::mem::take(&mut self.due[who]) {
            self.version += 1;
            let offer = self.net.endpoint(self.nodes[who]).dialog(dialog).ok();
            let offer = offer.and_then(|dialog| {
                let (_, offer) = dialog.get().ok()?.negotiation().offer()?;
                Some(Bytes::copy_from_slice(offer))
            });
            let ours = sdp(who, self.version);
            let answer =
                offer.and_then(|offer| crate::sdp::answer(&offer, &crate::sdp::Ours::new(&ours)).ok());
            if let Some(answer) = answer {
                self.command(who, Command::Answer(dialog, answer.into()))?;
            }
        }
        Ok(())
    }

    /// The link is good again, and both answer what they are asked: after a while it is quiet. Then all is ended.
    fn finish(mut self) -> Checked<Vec<u8>> {
        self.net.link = Link::default();
        self.net.cut.clear();
        for who in [0, 1] {
            for dialog in self.watches[who].dialogs() {
                self.command(who, Command::HoldBack(dialog, false))?;
            }
        }
        for _ in 0..CALM {
            for who in [0, 1] {
                self.answer_asked(who, true)?;
                self.answer_due(who)?;
            }
            self.go_on(Duration::from_secs(2))?;
        }
        // A refresh may be under way just now.
        let mut all = self.confirmed(0).into_iter().chain(self.confirmed(1));
        if all.any(|dialog| !dialog.negotiation().is_stable()) {
            self.go_on(Duration::from_secs(2))?;
        }
        self.check_agreement()?;
        self.end()?;
        self.check_memory()?;
        self.log.extend(format!("{}", self.net.ladder()).bytes());
        Ok(self.log)
    }

    fn end(&mut self) -> Checked {
        self.is_over = true;
        for who in [0, 1] {
            for server in self.watches[who].servers() {
                self.command(who, Command::Reject(server, Reply::new()))?;
            }
            for client in self.watches[who].clients() {
                self.command(who, Command::Cancel(client, Vec::new()))?;
            }
            for dialog in self.watches[who].dialogs() {
                self.command(who, Command::Destroy(dialog, Vec::new()))?;
            }
        }
        self.go_on(Duration::from_secs(48 * 3_600))?;
        if !self.net.is_empty() {
            let left = self.nodes.map(|node| self.net.endpoint(node).counts());
            return self.fault(Promise::EverythingEnds, format!("{left:?} are left"));
        }
        for who in [0, 1] {
            if let Err((promise, what)) = self.watches[who].check_ended() {
                return self.fault(promise, what);
            }
        }
        Ok(())
    }

    /// RFC 3264 §4, §8.4, RFC 3261 §12.2.2: what is up on both sides is the same on both.
    fn check_agreement(&mut self) -> Checked {
        if !self.is_polite {
            return Ok(());
        }
        let [alice, bob] = [0, 1].map(|who| self.confirmed(who));
        for one in &alice {
            let other = bob.iter().find(|other| {
                let (here, there) = (one.sip(), other.sip());
                (here.call_id, here.local_tag, here.remote_tag)
                    == (there.call_id, there.remote_tag, there.local_tag)
            });
            let Some(other) = other else { continue };
            for (one, other) in [(one, other), (other, one)] {
                let said = |sdp: &[u8]| String::from_utf8_lossy(sdp).into_owned();
                let (told, heard) = (said(one.local().sdp), said(other.remote().sdp));
                if told != heard || one.local_hold() != other.remote_hold() {
                    let holds = (one.local_hold(), other.remote_hold());
                    return self.fault(Promise::Agreement, format!("{told}\nand\n{heard}\n{holds:?}"));
                }
                if !one.negotiation().is_stable() || one.remote_cseq() > Some(other.local_cseq()) {
                    return self.fault(Promise::Agreement, format!("{one:?} {:?}", one.negotiation()));
                }
            }
        }
        Ok(())
    }

    fn confirmed(&mut self, who: usize) -> Vec<Dialog> {
        let mut dialogs = self.watches[who].dialogs();
        dialogs.retain(|dialog| !self.over[who].contains(dialog));
        let endpoint = self.net.endpoint(self.nodes[who]);
        let found = dialogs.into_iter().filter_map(|id| endpoint.dialog(id).ok()?.get().ok().cloned());
        found.filter(|dialog| dialog.state() == DialogState::Confirmed).collect()
    }

    /// What a copy of an endpoint takes, messages that it shares left out.
    fn check_memory(&mut self) -> Checked {
        let Some(live) = self.live else { return Ok(()) };
        for who in [0, 1] {
            let endpoint = self.net.endpoint(self.nodes[who]);
            let before = live();
            let copy = endpoint.clone();
            let held = live().saturating_sub(before);
            let units: usize = copy.counts().iter().sum();
            let most = FIXED + units * PER_UNIT + self.peak[who] * PER_PAST_UNIT;
            if held > most {
                return self.fault(Promise::Bounded, format!("{held} bytes for {units} units, not {most}"));
            }
        }
        Ok(())
    }
}

/// How often two seconds pass until it is quiet: an INVITE whose final answer was lost with its connection is cancelled after four minutes, and given up 64·T1
/// later (RFC 3261 §9.1).
const CALM: usize = 150;
/// The bytes of an endpoint that has nothing to do: its configuration, tables of the least size.
const FIXED: usize = 12 << 10;
/// What a context or dialog takes, messages that are shared left out: its own text, descriptions, headers that wait for the BYE.
const PER_UNIT: usize = 8 << 10;
/// What stays of one that has been: its place in tables.
const PER_PAST_UNIT: usize = 1 << 10;

fn length_of(passing: Passing) -> Duration {
    match passing {
        Passing::Silently(number) | Passing::Backwards(number) => {
            Duration::from_millis(u64::from(number % 1_000))
        }
        Passing::Briefly(number) | Passing::PastDeadline(number) => Duration::from_millis(number.into()),
        Passing::ToDeadline => Duration::from_millis(500),
        Passing::Deadlines(number) => Duration::from_secs(u64::from(number % 40)),
        Passing::Long(number) => Duration::from_secs(u64::from(number % 400)),
    }
}

/// Whether what a command says is what a well-behaved application would say.
fn is_sensible(command: &Command) -> bool {
    match command {
        Command::Modify(_, modify, headers) => !matches!(modify, Modify::Sdp(_)) && headers.is_empty(),
        Command::Send(_, InDialog { method, headers, body }) => {
            let is_whole = match method {
                Method::Info | Method::Options | Method::Message | Method::Update => headers.is_empty(),
                Method::Subscribe | Method::Refer => headers.iter().all(is_good),
                _ => false,
            };
            is_whole && body.is_none()
        }
        Command::Notify(_, _, body) | Command::Authorise(_, _, body) | Command::Terminate(_, _, _, body) => {
            body.is_none()
        }
        Command::HoldBack(..) | Command::Destroy(..) | Command::Cancel(..) | Command::ReportRefer(..) => true,
        _ => false,
    }
}

/// Whether a line of a SUBSCRIBE or REFER is a good one.
fn is_good(Header { name, value }: &Header) -> bool {
    match Name::find(name) {
        Name::Event => value.starts_with("presence") || value == "dialog;id=1",
        Name::Expires => value.bytes().all(|byte| byte.is_ascii_digit()),
        Name::ReferTo => value == "<sip:carol@192.0.2.9>",
        Name::ReferSub => true,
        _ => false,
    }
}
