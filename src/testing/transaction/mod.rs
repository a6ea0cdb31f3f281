//! The four transaction machines, held against a reference model of them.
//!
//! A [`Course`] is a machine, a transport, estimates of times, and what happens. [`Course::run`] takes the crate's machine and the model
//! through it side by side, and a server's context too, and compares after each step: the state, what is sent and told, the timers
//! that run and when they fire, the end.

mod model;

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::time::Duration;

use self::model::{Answered, Deed, Estimates, Model};
use crate::context::{Defaults, Reply, ServerContext, ServerEffects, Settings};
use crate::message::Message;
use crate::random::Token;
use crate::time::Timestamp;
use crate::transaction::{Effects, Kind, State, Stimulus, Timer, TimerSet, Timers, Transaction, running};

/// Something that happens to a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Happening {
    /// A response of this status class is received (client), or given by the user (server): 1 is a 100, 0 any other provisional, 7 is a 408.
    Response(u8),
    /// The request comes again (server).
    Request,
    /// The ACK comes (INVITE server).
    Ack,
    /// What was sent last could not be sent.
    SendFailed,
    /// So many milliseconds pass, and no timer is looked at.
    Silence(u16),
    /// So many milliseconds pass.
    Pass(u16),
    /// Time passes until the next timer fires.
    ToDeadline,
    /// Time passes until so many milliseconds after the next timer was to fire.
    PastDeadline(u16),
}

/// A transaction and what happens to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Course {
    /// Which machine.
    pub kind: Kind,
    /// Whether the transport is reliable.
    pub is_reliable: bool,
    /// T1, T2 and T4; T1 and T2 are more than nothing.
    pub timers: Timers,
    /// What happens, in order.
    pub happenings: Vec<Happening>,
}

impl Course {
    /// The course that `octets` stand for. Any octets stand for one.
    pub fn from_octets(octets: &[u8]) -> Self {
        let (first, rest) = octets.split_first().unwrap_or((&0, &[]));
        let kind = match first % 4 {
            0 => Kind::InviteClient,
            1 => Kind::NonInviteClient,
            2 => Kind::InviteServer,
            _ => Kind::NonInviteServer,
        };
        let millis = |[t1, t2, t4]: [u64; 3]| Timers {
            t1: Duration::from_millis(t1),
            t2: Duration::from_millis(t2),
            t4: Duration::from_millis(t4),
        };
        let estimates = [[500, 4_000, 5_000], [2_000, 5_000, 9_000], [4_000, 4_000, 0], [5_000, 900, 1]];
        let timers = millis(estimates[usize::from(first / 8) % estimates.len()]);
        let happenings = rest.chunks(3).map(|chunk| {
            let [choice, low, high] = [0, 1, 2].map(|at| chunk.get(at).copied().unwrap_or_default());
            let number = u16::from_le_bytes([low, high]);
            match choice % 16 {
                0..=4 => Happening::Response(low % 8),
                5 => Happening::Request,
                6 => Happening::Ack,
                7 => Happening::SendFailed,
                8 => Happening::Silence(number),
                9 => Happening::Pass(number),
                10 | 11 => Happening::PastDeadline(number),
                _ => Happening::ToDeadline,
            }
        });
        Self { kind, is_reliable: first & 4 != 0, timers, happenings: happenings.collect() }
    }

    /// Takes machine and model through the course, and on to their ends; yields what was reached on the way, to be counted.
    ///
    /// # Errors
    /// The first difference between the two.
    pub fn run(&self) -> Result<BTreeSet<String>, String> {
        let mut pair = Pair::new(self)?;
        for happening in &self.happenings {
            pair.take(*happening).map_err(|what| format!("{what}\nat {happening:?}: {pair:#?}"))?;
        }
        pair.finish().map_err(|what| format!("{what}\nafterwards: {pair:#?}"))?;
        Ok(pair.reached)
    }
}

/// A machine, its model, and a server's context.
#[derive(Debug)]
struct Pair {
    machine: Transaction,
    model: Model,
    timers: Timers,
    now: Timestamp,
    server: Option<Server>,
    reached: BTreeSet<String>,
}

/// A context, and what its 2xx and its silence are to come to.
#[derive(Debug)]
struct Server {
    context: ServerContext,
    settings: Settings,
    answered: Option<Answered>,
    /// When a non-INVITE request that got no final answer is given up.
    unanswered_at: Option<Timestamp>,
    is_over: bool,
}

const DEFAULTS: Defaults<'static> =
    Defaults { contact: "<sip:bob@192.0.2.4>", allow: "", supported: "", server: "" };

fn same<T: PartialEq + Debug>(what: &str, machine: T, model: T) -> Result<(), String> {
    match machine == model {
        true => Ok(()),
        false => Err(format!("{what}: {machine:?}, the model has {model:?}")),
    }
}

impl Pair {
    fn new(course: &Course) -> Result<Self, String> {
        let Course { kind, is_reliable, timers, .. } = *course;
        let now = Timestamp::from_secs(1);
        let estimates = Estimates { t1: timers.t1, t2: timers.t2, t4: timers.t4 };
        let kind_there = match kind {
            Kind::InviteClient => model::Kind::InviteClient,
            Kind::NonInviteClient => model::Kind::NonInviteClient,
            Kind::InviteServer => model::Kind::InviteServer,
            Kind::NonInviteServer => model::Kind::NonInviteServer,
        };
        let (machine, effects) = Transaction::new(kind, is_reliable, now, &timers);
        let (model, deeds) = Model::new(kind_there, is_reliable, estimates, now);
        let server = matches!(kind, Kind::InviteServer | Kind::NonInviteServer)
            .then(|| Server::new(kind == Kind::InviteServer, is_reliable, timers, now));
        let mut pair = Self { machine, model, timers, now, server, reached: BTreeSet::new() };
        pair.compare(effects, &deeds)?;
        Ok(pair)
    }

    fn take(&mut self, happening: Happening) -> Result<(), String> {
        let deadline = self.next().unwrap_or(self.now);
        let millis = |number: u16| Duration::from_millis(number.into());
        match happening {
            Happening::Silence(number) => self.now = self.now + millis(number),
            Happening::Pass(number) => {
                self.now = self.now + millis(number);
                self.wake()?;
            }
            Happening::ToDeadline => {
                self.now = self.now.max(deadline);
                self.wake()?;
            }
            Happening::PastDeadline(number) => {
                self.now = self.now.max(deadline) + millis(number);
                self.wake()?;
            }
            Happening::Response(class) => {
                let (stimulus, told) = match class {
                    0 => (Stimulus::Provisional, model::Told::Provisional),
                    1 => (Stimulus::Provisional, model::Told::Trying),
                    2 => (Stimulus::Success, model::Told::Success),
                    7 => (Stimulus::Failure, model::Told::Timeout),
                    _ => (Stimulus::Failure, model::Told::Rejection),
                };
                self.tell(stimulus, told, class)?;
            }
            Happening::Request => self.tell(Stimulus::Request, model::Told::Request, 0)?,
            Happening::Ack => self.tell(Stimulus::Ack, model::Told::Ack, 0)?,
            Happening::SendFailed => self.tell(Stimulus::TransportError, model::Told::SendFailed, 0)?,
        }
        self.look_at_timers()
    }

    fn tell(&mut self, stimulus: Stimulus, told: model::Told, class: u8) -> Result<(), String> {
        let before = self.model.state;
        let deeds = self.model.tell(self.now, told);
        // RFC 4320 §4.1 binds the user of the transaction: what it must not send, it does not pass down.
        let is_withheld = self.machine.kind() == Kind::NonInviteServer
            && (stimulus == Stimulus::Provisional || told == model::Told::Timeout)
            && deeds.is_empty();
        let mut effects = match is_withheld {
            true => Effects::NONE,
            false => self.machine.step(self.now, stimulus, &self.timers),
        };
        // The machine holds no message: whoever does has none to send again before the first.
        if before == model::State::Proceeding && !self.model.has_answered {
            effects.remove(Effects::RESEND);
        }
        if let Some(server) = &mut self.server {
            server.tell(self.now, stimulus, class, before, &deeds)?;
        }
        self.compare(effects, &deeds)?;
        self.wake()
    }

    /// Lets fire what is due.
    fn wake(&mut self) -> Result<(), String> {
        let mut fired = Vec::new();
        while let Some(deeds) = self.model.wake(self.now) {
            // The 100 is the work of the transaction's user here.
            let effects = match deeds.contains(&Deed::SendTrying) {
                true => Some(self.machine.step(self.now, Stimulus::Provisional, &self.timers)),
                false => self.machine.fire(self.now, &self.timers),
            };
            self.compare(effects.ok_or_else(|| format!("no timer fires for {deeds:?}"))?, &deeds)?;
            fired.extend(deeds);
        }
        same("a timer too many", self.machine.fire(self.now, &self.timers), None)?;
        match &mut self.server {
            Some(server) => server.wake(self.now, self.model.state, &fired),
            None => Ok(()),
        }
    }

    fn compare(&mut self, effects: Effects, deeds: &[Deed]) -> Result<(), String> {
        self.reached.insert(format!("{:?} {:?} {deeds:?}", self.machine.kind(), self.model.state));
        let is_terminated = self.model.state == model::State::Terminated;
        let expected = deeds.iter().map(|deed| match deed {
            Deed::Send | Deed::SendTrying => Effects::SEND,
            Deed::Resend => Effects::RESEND,
            Deed::SendAck => Effects::ACK,
            Deed::Pass => Effects::UP,
            Deed::InformTimeout => Effects::TIMEOUT,
            Deed::InformFailure => Effects::TRANSPORT_ERROR,
            Deed::Terminate => Effects::END,
        });
        let expected = expected.fold(Effects::NONE, Effects::union);
        // A timer of zero ends the model with the step that sets it, and the machine with the next call.
        let (effects, due) = match is_terminated && self.machine.deadline() == Some(self.now) {
            true => (effects | self.machine.fire(self.now, &self.timers).unwrap_or_default(), None),
            false => (effects, self.machine.deadline()),
        };
        same("effects", effects, expected)?;
        same("state", self.machine.state(), state(self.model.state))?;
        let timed = self.model.running.iter().filter(|(_, timer)| *timer != model::Timer::Trying);
        same("deadline", due, timed.map(|(at, _)| *at).min())
    }

    /// The same timers run, none other does anything, and none fires early.
    fn look_at_timers(&mut self) -> Result<(), String> {
        let names: Vec<Timer> = self.model.running.iter().filter_map(|(_, timer)| letter(*timer)).collect();
        let machine = self.machine;
        let set = running(machine.kind(), machine.state(), machine.is_reliable());
        same("timers", set, TimerSet::of(&names))?;
        for timer in Timer::ALL {
            let is_due = |(at, running): &(Timestamp, model::Timer)| {
                *at <= self.now && letter(*running) == Some(timer)
            };
            if self.model.running.iter().any(is_due) {
                continue;
            }
            let mut stray = machine;
            let effects = stray.step(self.now, Stimulus::Timer(timer), &self.timers);
            same("a stray timer", (effects, stray), (Effects::NONE, machine))?;
        }
        Ok(())
    }

    /// When something happens next, in any of the three.
    fn next(&self) -> Option<Timestamp> {
        let server = self.server.as_ref().and_then(|server| server.context.deadline());
        self.model.next().into_iter().chain(server).min()
    }

    /// Nothing but time is left.
    fn finish(&mut self) -> Result<(), String> {
        let repeats = 64 * self.timers.t1.as_micros() / self.timers.t2.as_micros().max(1);
        for _ in 0..repeats + 100 {
            let Some(at) = self.next() else { break };
            self.now = self.now.max(at);
            self.wake()?;
            self.look_at_timers()?;
        }
        same("it goes on", self.next(), None)
    }
}

impl Server {
    fn new(is_invite: bool, is_reliable: bool, timers: Timers, now: Timestamp) -> Self {
        let method = if is_invite { "INVITE" } else { "INFO" };
        let text = format!(
            "{method} sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:bob@h>\r\n\
             Call-ID: c\r\nCSeq: 1 {method}\r\nContact: <sip:a@h>\r\n\r\n"
        );
        let request = Arc::new(Message::parse(text.into_bytes()).expect("a request"));
        // What the crate adds to the RFCs' rules is switched off.
        let settings = Settings {
            timers,
            repeat_every: Duration::ZERO,
            repeat_ringing: false,
            answer_within: None,
            ..Settings::DEFAULT
        };
        let context = ServerContext::new(now, request, is_reliable, Token::from_bits(1), &settings);
        let unanswered_at = (!is_invite).then(|| now + 64 * timers.t1);
        Self { context, settings, answered: None, unanswered_at, is_over: false }
    }

    fn tell(
        &mut self,
        now: Timestamp,
        stimulus: Stimulus,
        class: u8,
        before: model::State,
        deeds: &[Deed],
    ) -> Result<(), String> {
        if self.is_over {
            return Ok(());
        }
        let (context, settings) = (&mut self.context, &self.settings);
        match stimulus {
            Stimulus::Request => {
                let sent = context.retransmitted(now, settings).contains(ServerEffects::SEND);
                same("the context repeats itself", sent, deeds.contains(&Deed::Resend))
            }
            Stimulus::Ack => {
                let acked = context.acknowledged(now, settings).contains(ServerEffects::ACKED);
                let is_first = deeds.contains(&Deed::Pass) && self.answered.take().is_some();
                same("the context is acknowledged", acked, is_first)
            }
            Stimulus::TransportError => {
                let told = context.transport_failed(now, settings).contains(ServerEffects::SEND_FAILED);
                same("the context tells a failure", told, deeds.contains(&Deed::InformFailure))
            }
            _ => {
                let code = [183, 100, 200, 302, 486, 503, 603, 408][usize::from(class % 8)];
                let sent = context.reply(now, &Reply::code(code), &DEFAULTS, settings);
                // RFC 6026 §8.5 lets a proxy pass a second 2xx down; a UAS has one.
                let may = deeds.contains(&Deed::Send) && before != model::State::Accepted;
                same("the context answers", sent.is_ok(), may)?;
                if may && stimulus != Stimulus::Provisional {
                    self.unanswered_at = None;
                }
                if may && stimulus == Stimulus::Success && self.context.is_invite() {
                    self.answered = Some(Answered::new(now, self.estimates()));
                }
                Ok(())
            }
        }
    }

    fn estimates(&self) -> Estimates {
        let Timers { t1, t2, t4 } = self.settings.timers;
        Estimates { t1, t2, t4 }
    }

    /// Lets fire what is due in the context; `fired` is what the model did.
    fn wake(&mut self, now: Timestamp, after: model::State, fired: &[Deed]) -> Result<(), String> {
        if self.is_over {
            return same("the context rests", self.context.deadline(), None);
        }
        let mut sent = 0;
        let mut effects = ServerEffects::NONE;
        for _ in 0..100 {
            let Some(one) = self.context.fire(now, &DEFAULTS, &self.settings) else { break };
            sent += usize::from(one.contains(ServerEffects::SEND));
            effects |= one;
        }
        let is_unanswered = self.unanswered_at.is_some_and(|at| at <= now);
        let is_sent = |deed: &&Deed| matches!(deed, Deed::Resend | Deed::SendTrying);
        let mut expected = fired.iter().filter(is_sent).count();
        let estimates = self.estimates();
        let is_given_up = self.answered.as_ref().is_some_and(|answered| answered.give_up_at <= now);
        if is_given_up {
            self.answered = None;
        } else if let Some(answered) = &mut self.answered {
            expected += usize::from(answered.repeats(now, estimates));
        }
        same("no ACK", effects.contains(ServerEffects::NO_ACK), is_given_up)?;
        same("unanswered", effects.contains(ServerEffects::UNANSWERED), is_unanswered)?;
        // The 100 that falls due at the same time as the end is either's choice.
        if !is_unanswered {
            same("sent by timers", sent, expected)?;
            same("the context's state", self.context.state(), state(after))?;
        }
        self.is_over = is_unanswered || after == model::State::Terminated;
        same("the context ends", effects.contains(ServerEffects::END), self.is_over)
    }
}

fn state(state: model::State) -> State {
    match state {
        model::State::Calling => State::Calling,
        model::State::Trying => State::Trying,
        model::State::Proceeding => State::Proceeding,
        model::State::Accepted => State::Accepted,
        model::State::Completed => State::Completed,
        model::State::Confirmed => State::Confirmed,
        model::State::Terminated => State::Terminated,
    }
}

fn letter(timer: model::Timer) -> Option<Timer> {
    Some(match timer {
        model::Timer::A => Timer::A,
        model::Timer::B => Timer::B,
        model::Timer::D => Timer::D,
        model::Timer::E => Timer::E,
        model::Timer::F => Timer::F,
        model::Timer::G => Timer::G,
        model::Timer::H => Timer::H,
        model::Timer::I => Timer::I,
        model::Timer::J => Timer::J,
        model::Timer::K => Timer::K,
        model::Timer::L => Timer::L,
        model::Timer::M => Timer::M,
        model::Timer::Trying => return None,
    })
}
