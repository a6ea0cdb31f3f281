//! Two endpoints, random commands, a bad link: while a call is up and quiet both agree on what it is, and in the end nothing is left
//! (RFC 3264 §4, §8.4; RFC 3261 §12.2.2, §15; DESIGN.md §2, contract 6).

use core::time::Duration;
use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use sip_proto::context::{Invite, Rel100, Reply};
use sip_proto::dialog::{
    Dialog, DialogState, InDialog, Modify, Party, Reason, RefreshBy, SessionTimers, TimerMode, UsageId,
};
use sip_proto::endpoint::{Answer, Config, Handling};
use sip_proto::testing::{Link, Network, Node};
use sip_proto::{
    ClientEvent, DialogEvent, DialogId, Event, Message, Method, Refused, RequestId, ServerEvent, ServerId,
    StatusCode, Timestamp,
};

/// What a party does.
#[derive(Clone, Copy, Debug)]
enum Do {
    Move,
    Hold,
    Unhold,
    Offerless,
    Info,
    Refresh,
    /// An UPDATE with an offer.
    Update,
    /// A provisional answer to a change that asks: whether it is to be reliable, and whether it says the answer, or the offer.
    Ring(bool, bool),
    /// Takes the newest request back.
    TakeBack,
    HoldBack(bool),
    /// Subscribes to the peer's presence; not any more.
    Subscribe,
    Unsubscribe,
    Refer,
    /// Tells of the state of the newest subscription of the peer's; of its end; how far its REFER has come.
    Tell,
    Terminate,
    Report(bool),
    /// Answers, or refuses, what asks, the call included.
    Accept,
    Reject,
    Destroy,
    Cancel,
}

#[derive(Clone, Debug)]
struct Plan {
    seed: u64,
    link: Link,
    tcp: bool,
    /// Whether the first INVITE has an offer.
    offers: bool,
    /// Whether Bob shows his answer in a 183 first.
    previews: bool,
    /// Whether he lets the call ring.
    waits: bool,
    /// By side: reliable provisional answers; session timers, and who is to refresh.
    rel100: [Rel100; 2],
    timers: [(TimerMode, RefreshBy); 2],
    /// By side: UPDATE in place of re-INVITE; ask the application about changes; answer late offers at once.
    updates: [bool; 2],
    asks: [bool; 2],
    /// By side: the longest datagram; what is longer goes by TCP.
    datagram: [usize; 2],
    answers: [bool; 2],
    /// Who does what, and how many milliseconds later the next is done.
    steps: Vec<(usize, Do, u64)>,
}

struct Run {
    net: Network,
    nodes: [Node; 2],
    call: RequestId,
    plan: Plan,
    dialogs: [Option<DialogId>; 2],
    ends: BTreeMap<(usize, DialogId), usize>,
    results: BTreeMap<(usize, RequestId), [usize; 2]>,
    asked: [Vec<ServerId>; 2],
    due: [Vec<DialogId>; 2],
    /// Bob's context of the call, which rings.
    ringing: Option<ServerId>,
    /// Whose session has ended, if not the subscriptions in its dialog.
    is_session_over: [bool; 2],
    version: u32,
    is_ending: bool,
    /// By side: the 2xx to INVITE and UPDATE, in the order in which it gave or got them.
    words: [Vec<Word>; 2],
    /// What each side has heard of the other's descriptions, by their versions; and what it has refused.
    heard: [BTreeMap<u64, Vec<Vec<u8>>>; 2],
}

/// A 2xx to INVITE or UPDATE: whose request it answers, the request's number, its method.
type Word = (usize, u32, Method);

fn sdp(who: usize, version: u32) -> String {
    let (name, ip) = [("alice", "192.0.2.1"), ("bob", "192.0.2.4")][who];
    format!(
        "v=0\r\no={name} 1 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP 0 8\r\n",
        4_000 + 2 * version
    )
}

impl Run {
    fn new(plan: &Plan) -> Self {
        let mut net = Network::new(plan.seed);
        net.watch();
        let nodes = [(0, "alice", "192.0.2.1"), (1, "bob", "192.0.2.4")].map(|(who, name, ip)| {
            let mut config = Config::new(&format!("sip:{name}@{ip}")).unwrap();
            config.policy.modify_by_update = plan.updates[who];
            let handling = if plan.asks[who] { Handling::Ask } else { Handling::Auto };
            for method in [Method::Invite, Method::Update, Method::Prack] {
                config.policy.set_in_dialog(method, handling);
            }
            config.policy.datagram = plan.datagram[who];
            config.settings.rel100 = plan.rel100[who];
            let (mode, refresh_by) = plan.timers[who];
            let interval = Duration::from_secs(90);
            let timers = SessionTimers { mode, refresh_by, interval, ..SessionTimers::DEFAULT };
            config.set_session_timers(timers).unwrap();
            net.node_with(name, ip, config)
        });
        let invite =
            Invite::to(if plan.tcp { "sip:bob@192.0.2.4;transport=tcp" } else { "sip:bob@192.0.2.4" });
        let invite = if plan.offers { invite.sdp(sdp(0, 1)) } else { invite };
        let call = net.endpoint(nodes[0]).invite(Timestamp::ZERO, invite).unwrap();
        net.link = plan.link;
        Self {
            net,
            nodes,
            call,
            plan: plan.clone(),
            dialogs: [None; 2],
            ends: BTreeMap::new(),
            results: [((0, call), [0, 0])].into(),
            asked: [vec![], vec![]],
            due: [vec![], vec![]],
            ringing: None,
            is_session_over: [false; 2],
            version: 1,
            is_ending: false,
            words: [vec![], vec![]],
            heard: Default::default(),
        }
    }

    /// Takes note of a description that a message of the peer's has.
    fn note_description(&mut self, who: usize, message: &Message) {
        let Some(sdp) = message.session_description() else { return };
        let Ok(session) = sip_proto::sdp::Session::parse(sdp) else { return };
        let known = self.heard[who].entry(session.origin.version).or_default();
        if !known.iter().any(|known| known == sdp) {
            known.push(sdp.to_vec());
        }
    }

    fn run(&mut self, length: Duration) {
        let limit = self.net.now() + length;
        while let Some((node, event)) = self.net.next_event_until(limit) {
            self.hear(usize::from(node == self.nodes[1]), event);
        }
    }

    fn hear(&mut self, who: usize, event: Event) {
        match event {
            Event::Incoming { server, .. } => self.called(who, server),
            Event::Server { event, server } => match event {
                ServerEvent::Progress { dialog, .. } => self.meet(who, dialog),
                ServerEvent::Accepted { dialog, report } => {
                    self.note_word(who, 1 - who, report.response.as_deref());
                    self.meet(who, dialog);
                }
                ServerEvent::Ended { .. } => self.asked[who].retain(|asked| *asked != server),
                _ => {}
            },
            Event::Client { request, event } => {
                let counts = self.results.entry((who, request)).or_default();
                match event {
                    ClientEvent::Accepted { dialog, response } => {
                        counts[0] += 1;
                        self.note_description(who, &response);
                        self.note_word(who, who, Some(&response));
                        self.meet(who, dialog);
                    }
                    ClientEvent::Failed { .. } => {
                        counts[0] += 1;
                        let client = self.net.endpoint(self.nodes[who]).client(request).ok();
                        if let Some(sent) = client.and_then(|client| client.request().cloned()) {
                            self.note_description(1 - who, &sent);
                        }
                    }
                    ClientEvent::Ended { .. } => counts[1] += 1,
                    ClientEvent::Progress { dialog, .. } => self.meet(who, dialog),
                    _ => {}
                }
            }
            Event::Dialog { dialog, event } => self.hear_of_dialog(who, dialog, &event),
            _ => {}
        }
    }

    fn called(&mut self, who: usize, server: ServerId) {
        let now = self.net.now();
        let preview = Reply::code(183).sdp(sdp(who, 1)).reliable();
        let mut context = self.net.endpoint(self.nodes[who]).server(server).unwrap();
        // Without an offer in the INVITE it is one, and none can be in an answer that is not reliable.
        if !self.plan.previews || context.progress(now, preview).is_err() {
            // And the first reliable one has to have it (RFC 3262 §5).
            _ = context.progress(now, Reply::new().reliable()).is_ok()
                || context.progress(now, Reply::new()).is_ok();
        }
        self.ringing = Some(server);
        if !self.is_ending && !self.plan.waits {
            self.answer_call();
        }
    }

    /// Bob answers the call, with a description if one belongs there.
    fn answer_call(&mut self) {
        let now = self.net.now();
        let Some(server) = self.ringing.take() else { return };
        let Ok(mut server) = self.net.endpoint(self.nodes[1]).server(server) else { return };
        if server.accept(now, Reply::new().sdp(sdp(1, 1))).is_err() {
            _ = server.accept(now, Reply::new());
        }
    }

    fn meet(&mut self, who: usize, dialog: Option<DialogId>) {
        let Some(dialog) = dialog else { return };
        self.dialogs[who] = Some(dialog);
        self.ends.entry((who, dialog)).or_default();
    }

    fn hear_of_dialog(&mut self, who: usize, dialog: DialogId, event: &DialogEvent) {
        if let Some(asked) = event.asked() {
            self.note_description(who, &asked.request);
            match asked.answer {
                Answer::Ask(server) => self.asked[who].push(server),
                Answer::Auto(status) if status.is_success() => {
                    self.note_word(who, 1 - who, Some(&asked.request));
                }
                Answer::Auto(_) => {}
            }
        }
        match event {
            DialogEvent::SessionEnded { .. } => self.is_session_over[who] = true,
            DialogEvent::Destroy { .. } => *self.ends.entry((who, dialog)).or_default() += 1,
            DialogEvent::Offer { .. } => {
                self.due[who].push(dialog);
                if self.plan.answers[who] {
                    self.answer_due(who);
                }
            }
            _ => {}
        }
    }

    /// Takes note of a 2xx to a request of `whose`, by it or by that request itself.
    fn note_word(&mut self, who: usize, whose: usize, message: Option<&Message>) {
        let Some(message) = message else { return };
        if matches!(message.method(), Method::Invite | Method::Update) {
            self.words[who].push((whose, message.cseq(), message.method().clone()));
        }
    }

    /// Whether an UPDATE has crossed the 2xx to an INVITE, and nothing that both saw last has settled it since.
    fn is_last_word_crossed(&self) -> bool {
        let [alice, bob] = [0, 1].map(|who: usize| {
            let (own, other) = (&self.words[who], &self.words[1 - who]);
            own.iter().filter(|word| other.contains(word)).collect::<Vec<_>>()
        });
        let place = |word: &Word| bob.iter().position(|other| *other == word);
        let crosses = |one: &Word, later: &Word| one.2 != later.2 && place(one) > place(later);
        alice.last() != bob.last()
            && (0..alice.len()).any(|i| alice[i..].iter().any(|later| crosses(alice[i], later)))
    }

    /// Answers what was offered in a 2xx.
    fn answer_due(&mut self, who: usize) {
        self.version += 1;
        let (now, answer) = (self.net.now(), sdp(who, self.version));
        for dialog in core::mem::take(&mut self.due[who]) {
            if let Ok(mut dialog) = self.net.endpoint(self.nodes[who]).dialog(dialog) {
                _ = dialog.answer(now, answer.clone());
            }
        }
    }

    /// Answers what asks: the offer as policy would.
    fn answer_asked(&mut self, who: usize, accepts: bool) {
        let now = self.net.now();
        for id in core::mem::take(&mut self.asked[who]) {
            let endpoint = self.net.endpoint(self.nodes[who]);
            let Ok(server) = endpoint.server(id) else { continue };
            let Some(request) = server.request().cloned() else { continue };
            let dialog = server.dialog();
            let subscribes = matches!(request.method(), Method::Subscribe | Method::Refer);
            let answer = dialog.and_then(|dialog| {
                let dialog = endpoint.dialog(dialog).ok()?;
                let dialog = dialog.get().ok()?;
                match request.session_description() {
                    _ if subscribes => Some(Reply::new()),
                    Some(offer) => dialog.answer_to(offer).ok().map(|sdp| Reply::new().sdp(sdp)),
                    None if *request.method() == Method::Invite => {
                        Some(Reply::new().sdp(dialog.local().sdp.to_vec()))
                    }
                    None => Some(Reply::new()),
                }
            });
            let Ok(mut server) = self.net.endpoint(self.nodes[who]).server(id) else { continue };
            _ = match answer.filter(|_| accepts) {
                // A description may have gone before.
                Some(reply) if server.accept(now, reply.clone()).is_ok() => Ok(()),
                Some(_) => server.accept(now, Reply::new()).map(|_| ()),
                None => server.reject(now, Reply::code(488)).map(|_| ()),
            };
        }
    }

    /// Gives provisional answers to the changes that ask.
    fn ring(&mut self, who: usize, is_reliable: bool, describes: bool) {
        let now = self.net.now();
        for id in self.asked[who].clone() {
            let endpoint = self.net.endpoint(self.nodes[who]);
            let Ok(server) = endpoint.server(id) else { continue };
            let Some(request) = server.request().filter(|request| *request.method() == Method::Invite) else {
                continue;
            };
            let (request, dialog) = (request.clone(), server.dialog());
            let description = dialog.filter(|_| describes).and_then(|dialog| {
                let dialog = endpoint.dialog(dialog).ok()?;
                let dialog = dialog.get().ok()?;
                match request.session_description() {
                    Some(offer) => dialog.answer_to(offer).ok(),
                    None => Some(dialog.local().sdp.to_vec().into()),
                }
            });
            let reply = Reply::code(if describes { 183 } else { 180 });
            let reply = if is_reliable { reply.reliable() } else { reply };
            let reply = match description {
                Some(sdp) => reply.sdp(sdp),
                None => reply,
            };
            if let Ok(mut server) = self.net.endpoint(self.nodes[who]).server(id) {
                _ = server.progress(now, reply).is_ok();
            }
        }
    }

    fn act(&mut self, who: usize, action: Do) -> Result<(), Refused> {
        let now = self.net.now();
        match action {
            Do::Accept | Do::Reject => {
                self.answer_asked(who, matches!(action, Do::Accept));
                self.answer_due(who);
                if who == 1 && matches!(action, Do::Accept) {
                    self.answer_call();
                }
                return Ok(());
            }
            Do::Cancel => return self.net.endpoint(self.nodes[0]).client(self.call)?.cancel(now),
            Do::Ring(is_reliable, describes) => {
                self.ring(who, is_reliable, describes);
                return Ok(());
            }
            Do::TakeBack => {
                let newest =
                    self.results.keys().filter(|(whose, id)| *whose == who && *id != self.call).max();
                let newest = newest.map(|(_, id)| *id).ok_or(Refused::Gone)?;
                return self.net.endpoint(self.nodes[who]).client(newest)?.cancel(now);
            }
            _ => {}
        }
        let dialog = self.dialogs[who].ok_or(Refused::Gone)?;
        self.version += 1;
        let offer = sdp(who, self.version);
        let mut dialog = self.net.endpoint(self.nodes[who]).dialog(dialog)?;
        let told = || {
            let all = dialog.subscriptions().ok()?.iter();
            all.rev()
                .find(|held| matches!(held.party, Party::Notifier(_)))
                .map(sip_proto::dialog::Subscription::id)
        };
        let told: Option<UsageId> = told();
        let request = match action {
            Do::Move => dialog.modify(now, Modify::Sdp(offer.into()))?,
            Do::Hold => dialog.modify(now, Modify::Hold)?,
            Do::Unhold => dialog.modify(now, Modify::Unhold)?,
            Do::Offerless => dialog.modify(now, Modify::Offerless)?,
            Do::Info => dialog.info(now, "text/plain", "x")?,
            Do::Refresh => dialog.request(now, InDialog::new(Method::Update))?,
            Do::Update => dialog.request(now, InDialog::new(Method::Update).sdp(offer))?,
            Do::Subscribe => dialog.subscribe(now, "presence", Duration::from_secs(600))?,
            Do::Unsubscribe => dialog.subscribe(now, "presence", Duration::ZERO)?,
            Do::Refer => dialog.refer(now, "<sip:carol@192.0.2.9>")?,
            Do::Tell => dialog.tell(now, told.ok_or(Refused::Gone)?, None)?,
            Do::Terminate => dialog.terminate(now, told.ok_or(Refused::Gone)?, Reason::Noresource, None)?,
            Do::Report(is_final) => {
                let status = if is_final { StatusCode::OK } else { StatusCode::RINGING };
                dialog.report_refer(now, told.ok_or(Refused::Gone)?, status)?
            }
            Do::HoldBack(yes) => return dialog.hold_back(now, yes),
            Do::Destroy => return dialog.destroy(now),
            Do::Accept | Do::Reject | Do::Cancel | Do::Ring(..) | Do::TakeBack => return Ok(()),
        };
        self.results.insert((who, request), [0, 0]);
        Ok(())
    }

    fn dialog(&mut self, who: usize) -> Option<Dialog> {
        let id = self.dialogs[who].filter(|_| !self.is_session_over[who])?;
        let dialog = self.net.endpoint(self.nodes[who]).dialog(id).ok()?.get().ok()?.clone();
        (dialog.state() == DialogState::Confirmed).then_some(dialog)
    }

    /// The link is good again, and everybody answers: after a while it is quiet.
    fn calm_down(&mut self) {
        self.net.link = Link::default();
        self.plan.answers = [true; 2];
        for who in [0, 1] {
            _ = self.act(who, Do::HoldBack(false));
        }
        if !self.is_ending {
            self.answer_call();
        }
        for _ in 0..60 {
            for who in [0, 1] {
                self.answer_asked(who, true);
                self.answer_due(who);
            }
            self.run(Duration::from_secs(2));
        }
        for who in [0, 1] {
            self.tell_all(who);
        }
        self.run(Duration::from_secs(5));
    }

    /// Tells of the state of every subscription of the peer's.
    fn tell_all(&mut self, who: usize) {
        let now = self.net.now();
        let Some(id) = self.dialogs[who] else { return };
        let Ok(mut dialog) = self.net.endpoint(self.nodes[who]).dialog(id) else { return };
        let told = dialog.subscriptions().unwrap_or_default().iter();
        let told: Vec<_> = told
            .filter(|held| matches!(held.party, Party::Notifier(_)))
            .map(sip_proto::dialog::Subscription::id)
            .collect();
        for usage in told {
            if let Ok(request) = dialog.tell(now, usage, None) {
                self.results.insert((who, request), [0, 0]);
            }
        }
    }

    /// What the subscriptions are about in which a party is told, and those in which it tells.
    fn subscriptions(&mut self, who: usize) -> [Vec<String>; 2] {
        let mut both = [vec![], vec![]];
        let Some(id) = self.dialogs[who] else { return both };
        let Ok(dialog) = self.net.endpoint(self.nodes[who]).dialog(id) else { return both };
        for held in dialog.subscriptions().unwrap_or_default() {
            both[usize::from(matches!(held.party, Party::Notifier(_)))].push(held.subject().event());
        }
        both.iter_mut().for_each(|events| events.sort());
        both
    }

    /// Both sides know of the same session timer, where both know of timers at all (RFC 4028 §9, §10). Each 2xx settles it anew: where
    /// an UPDATE crosses the 2xx to INVITE, the two ends see the last word in different orders, and no RFC says which one counts. That is left
    /// out, and only that: [`Self::is_last_word_crossed`].
    fn check_timers(&mut self) -> Result<(), TestCaseError> {
        if self.is_last_word_crossed() || self.plan.timers.iter().any(|(mode, _)| *mode == TimerMode::Off) {
            return Ok(());
        }
        let timers = [0, 1].map(|who| {
            let id = self.dialogs[who].unwrap();
            let dialog = self.net.endpoint(self.nodes[who]).dialog(id).unwrap();
            let timer = dialog.session_timer().unwrap();
            (timer.interval(), timer.refresher())
        });
        let [alice, bob] = timers;
        let ladder = self.net.ladder();
        prop_assert_eq!(alice, (bob.0, bob.1.map(sip_proto::sdp::Side::other)), "\n{}", ladder);
        Ok(())
    }

    fn check_agreement(&mut self) -> Result<(), TestCaseError> {
        // One that refreshes the session right now is heard out.
        let is_busy = |run: &mut Self| {
            let dialogs = [run.dialog(0), run.dialog(1)];
            dialogs.iter().flatten().any(|dialog| !dialog.negotiation().is_stable())
        };
        if is_busy(self) {
            self.run(Duration::from_secs(2));
        }
        let [[alice_hears, alice_tells], [bob_hears, bob_tells]] = [0, 1].map(|who| self.subscriptions(who));
        // RFC 6665 §4.2.2: where nobody hears a NOTIFY any more, it is told so. The reverse takes as long as a subscription lasts.
        for (tells, hears) in [(bob_tells, alice_hears), (alice_tells, bob_hears)] {
            let ladder = self.net.ladder();
            prop_assert!(
                tells.iter().all(|event| hears.contains(event)),
                "{:?} {:?}\n{}",
                tells,
                hears,
                ladder
            );
        }
        let dialogs = [self.dialog(0), self.dialog(1)];
        let [Some(alice), Some(bob)] = &dialogs else {
            let up = dialogs.map(|dialog| dialog.is_some());
            prop_assert_eq!(up[0], up[1], "one side is up\n{}", self.net.ladder());
            return Ok(());
        };
        for (one, other) in [(alice, bob), (bob, alice)] {
            let ladder = self.net.ladder();
            let said = |sdp: &[u8]| String::from_utf8_lossy(sdp).into_owned();
            prop_assert_eq!(said(one.local().sdp), said(other.remote().sdp), "\n{}", ladder);
            prop_assert_eq!(one.local_hold(), other.remote_hold(), "hold\n{}", ladder);
            prop_assert!(one.negotiation().is_stable(), "an offer waits\n{}", ladder);
            prop_assert!(one.remote_cseq() <= Some(other.local_cseq()), "\n{}", ladder);
        }
        self.check_timers()
    }

    fn finish(mut self) -> Result<(), TestCaseError> {
        self.is_ending = true;
        // The session first, then what is subscribed to.
        for _ in 0..2 {
            for who in [0, 1] {
                _ = self.act(who, Do::Destroy);
            }
            _ = self.act(0, Do::Cancel);
            self.run(Duration::from_secs(64 + 3));
        }
        let counts = self.nodes.map(|node| self.net.endpoint(node).counts());
        prop_assert_eq!(self.net.misconduct(), None, "\n{}", self.net.ladder());
        prop_assert!(self.net.is_empty(), "{:?} are left\n{}", counts, self.net.ladder());
        for ((who, dialog), count) in &self.ends {
            prop_assert_eq!(*count, 1, "{} {:?}\n{}", who, dialog, self.net.ladder());
        }
        for ((who, request), counts) in &self.results {
            prop_assert_eq!(*counts, [1, 1], "{} {:?}\n{}", who, request, self.net.ladder());
        }
        Ok(())
    }
}

fn actions() -> impl Strategy<Value = Do> {
    prop_oneof![
        4 => Just(Do::Move),
        4 => Just(Do::Hold),
        3 => Just(Do::Unhold),
        2 => Just(Do::Offerless),
        1 => Just(Do::Info),
        2 => Just(Do::Refresh),
        2 => Just(Do::Update),
        3 => (any::<bool>(), any::<bool>()).prop_map(|(reliable, describes)| Do::Ring(reliable, describes)),
        1 => Just(Do::TakeBack),
        1 => any::<bool>().prop_map(Do::HoldBack),
        1 => Just(Do::Subscribe),
        1 => Just(Do::Unsubscribe),
        1 => Just(Do::Refer),
        1 => Just(Do::Tell),
        1 => Just(Do::Terminate),
        1 => any::<bool>().prop_map(Do::Report),
        4 => Just(Do::Accept),
        1 => Just(Do::Reject),
    ]
}

fn links() -> impl Strategy<Value = Link> {
    let shares = (0..4_u8, 0..3_u8, 0..3_u8, 0..60_u64);
    shares.prop_map(|(loss, duplication, reordering, jitter)| Link {
        loss: f64::from(loss) * 0.08,
        duplication: f64::from(duplication) * 0.1,
        reordering: f64::from(reordering) * 0.1,
        jitter: Duration::from_millis(jitter),
        ..Link::default()
    })
}

fn reliability() -> impl Strategy<Value = Rel100> {
    prop_oneof![2 => Just(Rel100::Unsupported), 4 => Just(Rel100::Supported), 1 => Just(Rel100::Required)]
}

fn timers() -> impl Strategy<Value = (TimerMode, RefreshBy)> {
    let mode = prop_oneof![
        2 => Just(TimerMode::Off),
        1 => Just(TimerMode::Supported),
        1 => Just(TimerMode::Requested),
        1 => Just(TimerMode::Required),
    ];
    (mode, prop_oneof![Just(RefreshBy::Either), Just(RefreshBy::Us), Just(RefreshBy::Peer)])
}

fn plans() -> impl Strategy<Value = Plan> {
    let step = (0..2_usize, actions(), prop_oneof![Just(0), 0..40_u64, 0..3_000_u64]);
    let bits = (any::<[bool; 2]>(), any::<[bool; 2]>(), any::<[bool; 2]>());
    let kinds = (any::<bool>(), prop::bool::weighted(0.8), any::<bool>(), any::<bool>());
    let datagram = || prop_oneof![4 => Just(1_300_usize), 1 => Just(0), 1 => Just(600)];
    let extensions = ([reliability(), reliability()], [timers(), timers()], [datagram(), datagram()]);
    (any::<u64>(), links(), kinds, bits, extensions, vec(step, 0..14)).prop_map(
        |(
            seed,
            link,
            (tcp, offers, previews, waits),
            (updates, asks, answers),
            (rel100, timers, datagram),
            steps,
        )| {
            Plan {
                seed,
                waits,
                rel100,
                timers,
                datagram,
                link,
                tcp,
                offers,
                previews,
                updates,
                asks,
                answers,
                steps,
            }
        },
    )
}

fn cases(cases: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(cases), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(cases(400))]

    /// RFC 3264 §4, §8.4, RFC 3261 §12.2.2: after any changes both sides agree; then it ends, everywhere and once.
    #[test]
    fn both_sides_agree_when_it_is_quiet(plan in plans()) {
        let mut run = Run::new(&plan);
        run.run(Duration::from_millis(100));
        for (who, action, millis) in &plan.steps {
            _ = run.act(*who, *action);
            run.run(Duration::from_millis(*millis));
        }
        run.calm_down();
        run.check_agreement()?;
        run.finish()?;
    }

    /// DESIGN.md §2, contract 6: whenever somebody hangs up or cancels, however bad the link is then, all of it ends.
    #[test]
    fn everything_ends_whenever_it_is_ended(
        plan in plans(),
        ends in vec((0..2_usize, prop_oneof![Just(Do::Destroy), Just(Do::Cancel)], 0..20_u64), 1..4),
        calms in any::<bool>(),
    ) {
        let mut run = Run::new(&plan);
        run.run(Duration::from_millis(plan.seed % 60));
        for (who, action, millis) in plan.steps.iter().chain(&ends) {
            _ = run.act(*who, *action);
            run.run(Duration::from_millis(*millis));
        }
        if calms {
            run.net.link = Link::default();
        }
        run.run(Duration::from_secs(70));
        run.calm_down();
        run.check_agreement()?;
        run.finish()?;
    }
}

proptest! {
    #![proptest_config(cases(400))]

    /// RFC 3264 §8: a version of ours is one description, whatever was refused or collided; by what the endpoints write themselves.
    #[test]
    fn a_version_is_one_description(plan in plans()) {
        let plan = Plan { offers: true, previews: false, waits: false, asks: [false; 2], ..plan };
        let mut run = Run::new(&plan);
        run.run(Duration::from_millis(100));
        for (who, action, millis) in &plan.steps {
            if !matches!(action, Do::Move | Do::Update | Do::Offerless) {
                _ = run.act(*who, *action);
            }
            run.run(Duration::from_millis(*millis));
        }
        run.calm_down();
        for (version, descriptions) in run.heard.iter().flatten() {
            let texts: Vec<_> = descriptions.iter().map(|sdp| String::from_utf8_lossy(sdp)).collect();
            prop_assert_eq!(descriptions.len(), 1, "{} {:?}\n{}", version, texts, run.net.ladder());
        }
    }
}

/// The peer may refuse a change: then all is as before (RFC 3261 §14.1).
#[test]
fn a_refused_change_leaves_both_as_they_were() {
    let plan = Plan {
        seed: 1,
        link: Link::default(),
        tcp: false,
        offers: true,
        previews: false,
        waits: false,
        rel100: [Rel100::Unsupported; 2],
        timers: [(TimerMode::Off, RefreshBy::Either); 2],
        updates: [false; 2],
        asks: [true; 2],
        datagram: [1_300; 2],
        answers: [true; 2],
        steps: vec![],
    };
    let mut run = Run::new(&plan);
    run.run(Duration::from_secs(1));
    let before = run.dialog(0).unwrap();
    run.act(0, Do::Move).unwrap();
    run.run(Duration::from_secs(1));
    run.act(1, Do::Reject).unwrap();
    run.run(Duration::from_secs(1));
    let after = run.dialog(0).unwrap();
    assert_eq!((before.local().sdp, before.remote().sdp), (after.local().sdp, after.remote().sdp));
    assert!(run.net.ladder().contains(StatusCode::NOT_ACCEPTABLE_HERE.reason()));
    run.check_agreement().unwrap();
    run.finish().unwrap();
}
