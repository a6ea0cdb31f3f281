//! Carries a script out on one endpoint, and looks at it after every operation.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::app;
use super::peer::{self, Peer, newest};
use super::recording::{Look, Recorded, Recording};
use super::watch::{self, Watch};
use super::{Notice, Passing, Promise, Step, Violation, manners};
use crate::context::Reply;
use crate::dialog::InDialog;
use crate::endpoint::{
    Action, Bound, Command, Counters, Endpoint, Flow, Input, Operation, Refused, RequestId,
};
use crate::message::{Method, Transport};
use crate::time::Timestamp;

pub(super) struct Driver {
    endpoint: Endpoint,
    recording: Recording,
    watch: Watch,
    peer: Peer,
    /// What the embedder's clock shows.
    clock: Timestamp,
    newest: Timestamp,
    /// How old the next operation's time is.
    late: Duration,
    /// Whether all outputs are taken after every step.
    drains: bool,
    /// How many dialogs are no more, those that the application never heard of among them.
    gone: usize,
    /// What the queue may hold by now, beyond its limit.
    owed: usize,
}

/// What one context or dialog may at most put out while nothing is taken, timers aside: answers, events, the BYE.
const PER_UNIT: usize = 16;
/// What a timer may put out at one time: a message, the events of an end.
const PER_TIMER: usize = 8;
/// How many timers a context has in its life: retransmissions up to 64·T1, guards, tails.
const TIMERS: usize = 40;

impl Driver {
    pub(super) fn new(manners: u32) -> Result<Self, Violation> {
        let config = manners::config(manners).ok_or_else(|| Violation {
            promise: Promise::WellFormed,
            after: 0,
            what: "the configuration is refused".into(),
        })?;
        let seed = [manners as u8; 32];
        let mut driver = Self {
            endpoint: Endpoint::new(config.clone(), seed),
            recording: Recording {
                config,
                seed,
                operations: Vec::new(),
                outputs: Vec::new(),
                counters: Counters::default(),
            },
            watch: Watch::default(),
            peer: Peer::default(),
            clock: Timestamp::from_secs(1),
            newest: Timestamp::ZERO,
            late: Duration::ZERO,
            drains: manners >> 14 & 3 != 0,
            gone: 0,
            owed: 0,
        };
        for transport in [Transport::Udp, Transport::Tcp] {
            driver.bind(transport, true, None)?;
        }
        Ok(driver)
    }

    pub(super) fn step(&mut self, step: &Step) -> Result<(), Violation> {
        match step {
            Step::Request(asking) => {
                let octets = self.peer.request(asking);
                self.bring(asking.way, octets)?;
            }
            Step::Within(dialog, asking) => {
                if let Some(octets) = self.peer.within(*dialog, asking) {
                    self.bring(asking.way, octets)?;
                }
            }
            Step::Acknowledge { answer, odd, way } => {
                if let Some(octets) = self.peer.acknowledge(*answer, *odd, *way) {
                    self.bring(*way, octets)?;
                }
            }
            Step::Cancel { request, odd, way } => {
                if let Some(octets) = self.peer.cancel(*request, *odd) {
                    self.bring(*way, octets)?;
                }
            }
            Step::Answer(answering) => {
                if let Some(input) = self.peer.answer(answering) {
                    self.input(input)?;
                }
            }
            Step::Tell { request, tag, state, odd, way } => {
                if let Some(octets) = self.peer.tell(*request, *tag, *state, *odd, *way) {
                    self.bring(*way, octets)?;
                }
            }
            Step::Again { input, times, way } => {
                for _ in 0..=times % 8 {
                    let Some(input) = self.peer.again(*input, *way) else { break };
                    self.input(input)?;
                }
            }
            Step::Raw { way, octets } => self.bring(*way, octets.clone())?,
            Step::Notice(notice) => self.notice(*notice)?,
            Step::Time(passing) => self.pass(*passing)?,
            Step::Drain(count) => {
                let count = if *count < 128 { usize::from(*count) } else { usize::MAX };
                self.drain(count)?;
            }
            Step::Call(_)
            | Step::Revoke { .. }
            | Step::Reply(_)
            | Step::Send { .. }
            | Step::Modify { .. }
            | Step::AnswerOffer { .. }
            | Step::HoldBack { .. }
            | Step::Subscribe { .. }
            | Step::Notify { .. }
            | Step::Terminate { .. }
            | Step::Report { .. }
            | Step::Destroy { .. } => {
                if let Some(command) = command(&mut self.endpoint, &mut self.watch, step) {
                    self.apply(Action::Command(command))?;
                }
            }
        }
        if self.drains { self.drain(usize::MAX) } else { Ok(()) }
    }

    fn bring(&mut self, way: u8, octets: Vec<u8>) -> Result<(), Violation> {
        for input in self.peer.bring(way, octets) {
            self.input(input)?;
        }
        Ok(())
    }

    fn input(&mut self, input: Input) -> Result<(), Violation> {
        self.apply(Action::Input(input)).map(|_| ())
    }

    fn bind(&mut self, transport: Transport, v4: bool, advertised: Option<&str>) -> Result<(), Violation> {
        let advertised = advertised.map(Into::into);
        self.input(Input::Bound(Bound { transport, local: peer::bob(v4), advertised }))
    }

    fn notice(&mut self, notice: Notice) -> Result<(), Violation> {
        match notice {
            Notice::Connected(number) => {
                let Some(connect) = newest(&self.peer.connects, number).cloned() else { return Ok(()) };
                let conn = 100 + self.peer.flows.len() as u32;
                let flow = Flow {
                    transport: connect.transport,
                    local: peer::bob(connect.remote.is_ipv4()),
                    remote: connect.remote,
                    conn,
                };
                self.peer.flows.push(flow);
                self.input(Input::Connected { token: connect.token, flow })
            }
            Notice::Unconnected(number) => {
                let Some(connect) = newest(&self.peer.connects, number).cloned() else { return Ok(()) };
                self.input(Input::SendFailed { token: connect.token })
            }
            Notice::Resolved(number, how) => {
                let Some(query) = newest(&self.peer.queries, number).map(|query| query.query) else {
                    return Ok(());
                };
                let at = |transport| (transport, core::net::SocketAddr::from(([192, 0, 2, 1], 5060)));
                let targets = match how % 8 {
                    0..=2 => [at(Transport::Udp)].into(),
                    3 | 4 => [at(Transport::Tcp), at(Transport::Udp)].into(),
                    5 => [at(Transport::Udp), at(Transport::Tls)].into(),
                    _ => Vec::new(),
                };
                self.input(Input::Resolved { query, targets })
            }
            Notice::SendFailed(number) => {
                let Some(token) = newest(&self.peer.tokens, number).copied() else { return Ok(()) };
                self.input(Input::SendFailed { token })
            }
            Notice::Closed(number) => self.input(Input::Closed { flow: self.peer.flow(number) }),
            Notice::Bound(number) => match number % 8 {
                0 => self.bind(Transport::Udp, true, Some("bob.example:5062")),
                1 => self.bind(Transport::Udp, false, None),
                2 => self.bind(Transport::Tls, true, None),
                4 => self.bind(Transport::Tcp, true, Some("bob.example")),
                5 => self.bind(Transport::Ws, true, None),
                6 => self.bind(Transport::Tcp, false, None),
                _ => self.bind(Transport::Udp, true, None),
            },
        }
    }

    fn pass(&mut self, passing: Passing) -> Result<(), Violation> {
        let millis = |number: u16| Duration::from_millis(number.into());
        match passing {
            Passing::Silently(number) => self.clock = self.clock + millis(number % 1_000),
            Passing::Briefly(number) => {
                self.clock = self.clock + millis(number % 2_000);
                self.fire()?;
            }
            Passing::ToDeadline => self.run_to_deadline()?,
            Passing::Deadlines(number) => {
                for _ in 0..=number % 16 {
                    self.run_to_deadline()?;
                }
            }
            Passing::PastDeadline(number) => {
                let deadline = self.endpoint.poll_timeout().unwrap_or(self.clock);
                self.clock = self.clock.max(deadline) + millis(number);
                self.fire()?;
            }
            Passing::Long(number) => {
                self.clock = self.clock + Duration::from_secs(u64::from(number) * 60);
                self.fire()?;
            }
            Passing::Backwards(number) => self.late = millis(number),
        }
        Ok(())
    }

    /// Lets time run to the next deadline. Just before it, nothing is due.
    fn run_to_deadline(&mut self) -> Result<(), Violation> {
        self.drain(usize::MAX)?;
        let Some(deadline) = self.endpoint.poll_timeout() else { return Ok(()) };
        if let Some(early) =
            deadline.as_micros().checked_sub(1).filter(|early| *early > self.newest.as_micros())
        {
            let mut early_bird = self.endpoint.clone();
            early_bird.handle_timeout(Timestamp::from_micros(early));
            if early_bird.poll_output().is_some() || early_bird.poll_timeout() != Some(deadline) {
                return self
                    .fault(Promise::HonestDeadline, format!("something happened before {deadline:?}"));
            }
        }
        self.clock = self.clock.max(deadline);
        self.fire()?;
        self.drain(usize::MAX)
    }

    /// Time is up. What is due has been done when this returns: the deadline has moved on.
    fn fire(&mut self) -> Result<(), Violation> {
        self.apply(Action::Timeout)?;
        if Look::of(&self.endpoint).queue > 0 {
            return Ok(());
        }
        match self.endpoint.poll_timeout() {
            Some(next) if next <= self.newest => {
                self.fault(Promise::HonestDeadline, format!("{next:?} is still due at {:?}", self.newest))
            }
            _ => Ok(()),
        }
    }

    fn apply(&mut self, action: Action) -> Result<Option<RequestId>, Violation> {
        let late = core::mem::replace(&mut self.late, Duration::ZERO);
        let at = Timestamp::from_micros(
            self.clock.as_micros().saturating_sub(u64::try_from(late.as_micros()).unwrap_or(u64::MAX)),
        );
        let operation = Operation { at, action };
        let before = Look::of(&self.endpoint);
        self.newest = self.newest.max(at);
        let result = self.endpoint.apply(operation.clone());
        let after = Look::of(&self.endpoint);
        self.recording.operations.push(Recorded {
            operation: operation.clone(),
            newest: self.newest,
            result,
            polled: 0,
        });
        self.check_result(&operation.action, result, before, after)?;
        self.check_bounds(&operation.action, before, after)?;
        if after.queue > 0 && after.timeout != Some(self.newest) {
            let what = format!("{:?} with outputs that wait, newest is {:?}", after.timeout, self.newest);
            return self.fault(Promise::HonestDeadline, what);
        }
        if let Ok(Some(request)) = result {
            self.watch.begin(request);
        }
        Ok(result.ok().flatten())
    }

    fn check_result(
        &self,
        action: &Action,
        result: Result<Option<RequestId>, Refused>,
        before: Look,
        after: Look,
    ) -> Result<(), Violation> {
        match (action, result) {
            (Action::Command(_), Ok(_)) | (_, Ok(None)) => Ok(()),
            (Action::Command(_), Err(refused)) => {
                // The time that a refused command carries counts.
                let same = Look { timeout: before.timeout, ..after } == before
                    && (after.queue > 0 || after.timeout == before.timeout);
                match same {
                    true => Ok(()),
                    false => {
                        self.fault(Promise::Refusals, format!("{refused:?}: {before:?} became {after:?}"))
                    }
                }
            }
            (_, result) => self.fault(Promise::Bounded, format!("an input yields {result:?}")),
        }
    }

    fn check_bounds(&mut self, action: &Action, before: Look, after: Look) -> Result<(), Violation> {
        let limits = self.recording.config.limits;
        let [servers, clients, dialogs] = after.counts;
        // Each request of ours may have a CANCEL beside it, each dialog its BYE, each SUBSCRIBE or REFER of a peer's the
        // NOTIFY that it is owed (RFC 6665 §4.2.1.2). Of ends whose events still wait, nobody knows yet; of a dialog whose 2xx crosses a CANCEL, or is a fork's,
        // nobody ever hears, but it has its BYE too (RFC 3261 §9.1, §13.2.2.4).
        // A peer's BYE is served whatever else there is, one in each dialog.
        // A change that is tried again after a 491 leaves what was refused behind for its Timer D each time (RFC 3261 §14.1, §17.1.1.2).
        self.gone += before.counts[2].saturating_sub(dialogs);
        let ended = self.watch.dialogs().len().max(self.gone + dialogs);
        let retries = usize::from(self.recording.config.policy.glare_retries);
        let within = servers <= limits.servers + ended
            && clients
                <= (2 + limits.forks) * limits.clients + (1 + retries) * ended + servers + before.queue
            && dialogs <= limits.dialogs
            && self.watch.live_clients() <= limits.clients + before.queue;
        if !within {
            return self.fault(Promise::Bounded, format!("{:?} within {limits:?}", after.counts));
        }
        let grown = after.queue.saturating_sub(before.queue);
        let units = before.units().max(after.units());
        let allowed = match action {
            Action::Input(Input::Datagram { payload, .. } | Input::Message { payload, .. }) => {
                if watch::is_owed(payload) {
                    PER_UNIT + 4 * units
                } else {
                    0
                }
            }
            Action::Input(Input::Stream { .. }) => PER_UNIT + 4 * units,
            Action::Timeout => PER_TIMER * units,
            Action::Command(_) | Action::Input(_) => PER_UNIT + PER_TIMER * units,
        };
        if before.queue >= limits.queue && grown > allowed {
            let what = format!("{grown} outputs, not {allowed}, for {action:?} with a full queue");
            return self.fault(Promise::OneQueue, what);
        }
        // Peers alone cannot add to a full queue without end: only what existing contexts and dialogs are owed.
        match after.queue <= limits.queue {
            true => self.owed = units * (PER_UNIT + TIMERS),
            false => {
                let is_peer = matches!(
                    action,
                    Action::Timeout
                        | Action::Input(
                            Input::Datagram { .. } | Input::Stream { .. } | Input::Message { .. }
                        )
                );
                self.owed = self.owed.max(units * (PER_UNIT + TIMERS)) + if is_peer { 0 } else { allowed };
            }
        }
        if after.queue > limits.queue + self.owed {
            let what = format!("{} outputs wait, {} are owed", after.queue, self.owed);
            return self.fault(Promise::OneQueue, what);
        }
        Ok(())
    }

    fn drain(&mut self, most: usize) -> Result<(), Violation> {
        for _ in 0..most {
            let Some(output) = self.endpoint.poll_output() else { break };
            if let Some(last) = self.recording.operations.last_mut() {
                last.polled += 1;
            }
            self.recording.outputs.push(watch::describe(&output));
            if let Err((promise, what)) = self.watch.see(&output) {
                return self.fault(promise, what);
            }
            self.peer.hear(&output);
        }
        if self.watch.unreadable > self.endpoint.counters().broken_answered {
            return self
                .fault(Promise::WellFormed, "a 400 that cannot be parsed, but nothing was broken".into());
        }
        Ok(())
    }

    fn fault<T>(&self, promise: Promise, what: String) -> Result<T, Violation> {
        Err(Violation { promise, after: self.recording.operations.len(), what })
    }

    /// No more input: the application ends everything, timers run out, and nothing is left.
    pub(super) fn finish(mut self) -> Result<Recording, Violation> {
        self.late = Duration::ZERO;
        self.drain(usize::MAX)?;
        for server in self.watch.servers() {
            self.apply(Action::Command(Command::Reject(server, Reply::new())))?;
        }
        for client in self.watch.clients() {
            self.apply(Action::Command(Command::Cancel(client, Vec::new())))?;
        }
        for dialog in self.watch.dialogs() {
            self.apply(Action::Command(Command::Destroy(dialog, Vec::new())))?;
        }
        self.drain(usize::MAX)?;
        let units: usize = self.endpoint.counts().iter().sum();
        let mut left = (units + 8) * TIMERS;
        while let Some(deadline) = self.endpoint.poll_timeout() {
            left = match left.checked_sub(1) {
                Some(left) => left,
                None => {
                    let what = format!("timers fire on and on, next {deadline:?}: {:?}", self.endpoint);
                    return self.fault(Promise::EverythingEnds, what);
                }
            };
            self.clock = self.clock.max(deadline);
            self.apply(Action::Timeout)?;
            self.drain(usize::MAX)?;
            if self.endpoint.poll_timeout().is_some_and(|next| next <= deadline) {
                return self.fault(Promise::HonestDeadline, format!("{deadline:?} has not moved on"));
            }
        }
        if !self.endpoint.is_empty() {
            return self.fault(Promise::EverythingEnds, format!("this is left: {:?}", self.endpoint));
        }
        if let Err((promise, what)) = self.watch.check_ended() {
            return self.fault(promise, what);
        }
        self.recording.counters = self.endpoint.counters();
        Ok(self.recording)
    }
}

/// What the application does in a step; `None` when there is nothing yet to do it to.
pub(super) fn command(endpoint: &mut Endpoint, watch: &mut Watch, step: &Step) -> Option<Command> {
    let dialog = |number: u8| newest(&watch.dialogs(), number).copied();
    Some(match step {
        Step::Call(calling) => app::call(calling, watch.result()),
        Step::Revoke { request, extra } => {
            Command::Cancel(*newest(&watch.clients(), *request)?, app::headers(*extra))
        }
        Step::Reply(replying) => app::reply(*newest(&watch.servers(), replying.server)?, replying),
        Step::Send { dialog: number, method, extra, body } => {
            let common = if method % 2 == 0 { Method::Invite } else { Method::Info };
            let method = app::method(*method, common);
            let request = InDialog { method, headers: app::headers(*extra), body: app::body(*body) };
            Command::Send(dialog(*number)?, request)
        }
        Step::Modify { dialog: number, what, extra } => {
            Command::Modify(dialog(*number)?, app::modify(*what), app::headers(*extra))
        }
        Step::AnswerOffer { dialog: number, body } => Command::Answer(dialog(*number)?, app::sdp(*body)),
        Step::HoldBack { dialog: number, yes } => Command::HoldBack(dialog(*number)?, *yes),
        Step::Subscribe { dialog: number, what, expires, extra } => {
            let within = dialog(*number).filter(|_| *number < 192);
            app::subscribe(within, *what, *expires, *extra)
        }
        Step::Notify { dialog, usage, body } => {
            let (dialog, usage) = watch.usage(endpoint, *dialog, *usage)?;
            match *body {
                240.. => Command::Authorise(dialog, usage, app::body(*body)),
                _ => Command::Notify(dialog, usage, app::body(*body)),
            }
        }
        Step::Terminate { dialog, usage, reason, body } => {
            let (dialog, usage) = watch.usage(endpoint, *dialog, *usage)?;
            Command::Terminate(dialog, usage, app::reason(*reason), app::body(*body))
        }
        Step::Report { dialog, usage, code } => {
            let (dialog, usage) = watch.usage(endpoint, *dialog, *usage)?;
            Command::ReportRefer(dialog, usage, app::referred(*code))
        }
        Step::Destroy { dialog: number, extra } => Command::Destroy(dialog(*number)?, app::headers(*extra)),
        _ => return None,
    })
}
