//! The four transaction machines once more: slow, plain, and written from RFC 3261 §17, RFC 6026 §8 and RFC 4320 §4 alone.
//!
//! The states, the timers and what is done are those of the RFCs' figures, by the RFCs' names. The timers that run are a list. Where the RFCs
//! leave something open, the code says so; there the crate's own rules decide (deadlines that are met late, the order of timers).

use alloc::vec::Vec;
use core::time::Duration;

use crate::time::Timestamp;

/// Which of the four.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    InviteClient,
    NonInviteClient,
    InviteServer,
    NonInviteServer,
}

/// The states of RFC 3261 §17, and "Accepted" of RFC 6026 §7.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Calling,
    Trying,
    Proceeding,
    Accepted,
    Completed,
    Confirmed,
    Terminated,
}

/// The timers of RFC 3261 appendix A and RFC 6026 §8.11. Timer C is a proxy's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    A,
    B,
    D,
    E,
    F,
    G,
    H,
    I,
    J,
    K,
    L,
    M,
    /// When a 100 is owed: RFC 3261 §17.2.1 after 200 ms, RFC 4320 §4.1 when Timer E has come to T2. It has no letter.
    Trying,
}

/// What a transaction is told. A response is one that was received (client), or that the transaction's user passes (server).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    /// A 100.
    Trying,
    /// 101–199.
    Provisional,
    /// 2xx.
    Success,
    /// 300–699.
    Rejection,
    /// A 408, which RFC 4320 §4.2 forbids a server to send to what is no INVITE.
    Timeout,
    /// The request again (server).
    Request,
    /// An ACK that matches (INVITE server).
    Ack,
    /// What was sent last could not be sent.
    SendFailed,
}

/// What a transaction does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deed {
    /// Sends the request, or the response that it was just passed.
    Send,
    /// Sends what it sent last once more.
    Resend,
    /// Sends a 100 of its own.
    SendTrying,
    /// Sends the ACK of a rejection.
    SendAck,
    /// Passes what was received to its user.
    Pass,
    /// Tells its user that nobody answered, or nobody acknowledged.
    InformTimeout,
    /// Tells its user that something could not be sent.
    InformFailure,
    /// Is no more.
    Terminate,
}

/// T1, T2 and T4 (RFC 3261 §17.1.1.1, §17.1.2.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimates {
    pub(crate) t1: Duration,
    pub(crate) t2: Duration,
    pub(crate) t4: Duration,
}

/// A transaction.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    kind: Kind,
    is_reliable: bool,
    estimates: Estimates,
    pub(crate) state: State,
    /// The timers that run.
    pub(crate) running: Vec<(Timestamp, Timer)>,
    /// What the timer that repeats was last set to.
    interval: Duration,
    /// Whether a provisional response was sent (server).
    pub(crate) has_answered: bool,
    deeds: Vec<Deed>,
}

impl Model {
    /// A transaction begins: a client's with the request that it sends, a server's with the request that it passes to its user.
    pub(crate) fn new(
        kind: Kind,
        is_reliable: bool,
        estimates: Estimates,
        now: Timestamp,
    ) -> (Self, Vec<Deed>) {
        let state = match kind {
            Kind::InviteClient => State::Calling,
            Kind::NonInviteClient | Kind::NonInviteServer => State::Trying,
            Kind::InviteServer => State::Proceeding,
        };
        let mut model = Self {
            kind,
            is_reliable,
            estimates,
            state,
            running: Vec::new(),
            interval: Duration::ZERO,
            has_answered: false,
            deeds: Vec::new(),
        };
        let Estimates { t1, t2, .. } = estimates;
        match kind {
            // §17.1.1.2.
            Kind::InviteClient => {
                model.deeds.push(Deed::Send);
                if !is_reliable {
                    model.repeat(now, now, Timer::A, t1);
                }
                model.set(now, Timer::B, 64 * t1);
            }
            // §17.1.2.2.
            Kind::NonInviteClient => {
                model.deeds.push(Deed::Send);
                if !is_reliable {
                    model.repeat(now, now, Timer::E, t1);
                }
                model.set(now, Timer::F, 64 * t1);
            }
            // §17.2.1: a 100, unless an answer comes within 200 ms.
            Kind::InviteServer => {
                model.deeds.push(Deed::Pass);
                model.set(now, Timer::Trying, Duration::from_millis(200));
            }
            // §17.2.2; RFC 4320 §4.1.
            Kind::NonInviteServer => {
                model.deeds.push(Deed::Pass);
                model.set(now, Timer::Trying, time_until_timer_e_is_t2(t1, t2));
            }
        }
        let deeds = core::mem::take(&mut model.deeds);
        (model, deeds)
    }

    /// Something happens.
    pub(crate) fn tell(&mut self, now: Timestamp, told: Told) -> Vec<Deed> {
        let told = match told {
            Told::Timeout if self.kind == Kind::NonInviteServer => return Vec::new(),
            Told::Timeout => Told::Rejection,
            told => told,
        };
        if self.state != State::Terminated {
            match self.kind {
                Kind::InviteClient => self.tell_invite_client(now, told),
                Kind::NonInviteClient => self.tell_non_invite_client(now, told),
                Kind::InviteServer => self.tell_invite_server(now, told),
                Kind::NonInviteServer => self.tell_non_invite_server(now, told),
            }
        }
        core::mem::take(&mut self.deeds)
    }

    /// One timer that is due fires. The RFCs do not say which comes first: what ends a transaction comes before what repeats.
    pub(crate) fn wake(&mut self, now: Timestamp) -> Option<Vec<Deed>> {
        let due = |for_good| {
            self.running.iter().find(|(at, timer)| *at <= now && is_for_good(*timer) == for_good).copied()
        };
        let (at, timer) = due(true).or(due(false))?;
        self.running.retain(|running| *running != (at, timer));
        self.fire(at, now, timer);
        Some(core::mem::take(&mut self.deeds))
    }

    /// When the next timer fires.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.running.iter().map(|(at, _)| *at).min()
    }

    /// RFC 3261 §17.1.1.2, figure 5 of RFC 6026 §8.4.
    fn tell_invite_client(&mut self, now: Timestamp, told: Told) {
        match (self.state, told) {
            (State::Calling | State::Proceeding, Told::Trying | Told::Provisional) => {
                self.deeds.push(Deed::Pass);
                self.stop(Timer::A);
                // The figure has Timer B fire in "Calling" only.
                self.stop(Timer::B);
                self.state = State::Proceeding;
            }
            (State::Calling | State::Proceeding, Told::Success) => {
                self.deeds.push(Deed::Pass);
                self.enter(State::Accepted);
                self.set(now, Timer::M, 64 * self.estimates.t1);
            }
            (State::Calling | State::Proceeding, Told::Rejection) => {
                self.deeds.push(Deed::Pass);
                self.deeds.push(Deed::SendAck);
                self.enter(State::Completed);
                // At least 32 s, and at least as long as the server may repeat itself if its T1 is ours.
                let unreliable = Duration::from_secs(32).max(64 * self.estimates.t1);
                self.set(now, Timer::D, if self.is_reliable { Duration::ZERO } else { unreliable });
            }
            (State::Accepted, Told::Success) => self.deeds.push(Deed::Pass),
            (State::Completed, Told::Rejection) => self.deeds.push(Deed::SendAck),
            // The INVITE, or the ACK: the states in which something is sent.
            (State::Calling | State::Completed, Told::SendFailed) => {
                self.deeds.push(Deed::InformFailure);
                self.terminate();
            }
            _ => {}
        }
    }

    /// RFC 3261 §17.1.2.2, figure 6.
    fn tell_non_invite_client(&mut self, now: Timestamp, told: Told) {
        match (self.state, told) {
            (State::Trying | State::Proceeding, Told::Trying | Told::Provisional) => {
                self.deeds.push(Deed::Pass);
                self.state = State::Proceeding;
            }
            (State::Trying | State::Proceeding, Told::Success | Told::Rejection) => {
                self.deeds.push(Deed::Pass);
                self.enter(State::Completed);
                self.set(now, Timer::K, if self.is_reliable { Duration::ZERO } else { self.estimates.t4 });
            }
            (State::Trying | State::Proceeding, Told::SendFailed) => {
                self.deeds.push(Deed::InformFailure);
                self.terminate();
            }
            _ => {}
        }
    }

    /// RFC 3261 §17.2.1, figure 7 of RFC 6026 §8.6.
    fn tell_invite_server(&mut self, now: Timestamp, told: Told) {
        match (self.state, told) {
            (State::Proceeding, Told::Trying | Told::Provisional) => {
                self.deeds.push(Deed::Send);
                self.stop(Timer::Trying);
                self.has_answered = true;
            }
            // The most recent provisional, if there is one.
            (State::Proceeding, Told::Request) if self.has_answered => self.deeds.push(Deed::Resend),
            (State::Proceeding, Told::Success) => {
                self.deeds.push(Deed::Send);
                self.enter(State::Accepted);
                self.set(now, Timer::L, 64 * self.estimates.t1);
            }
            (State::Proceeding, Told::Rejection) => {
                self.deeds.push(Deed::Send);
                self.enter(State::Completed);
                if !self.is_reliable {
                    self.repeat(now, now, Timer::G, self.estimates.t1);
                }
                self.set(now, Timer::H, 64 * self.estimates.t1);
            }
            (State::Accepted, Told::Success) => self.deeds.push(Deed::Send),
            (State::Accepted, Told::Ack) => self.deeds.push(Deed::Pass),
            (State::Completed, Told::Request) => self.deeds.push(Deed::Resend),
            (State::Completed, Told::Ack) => {
                self.enter(State::Confirmed);
                self.set(now, Timer::I, if self.is_reliable { Duration::ZERO } else { self.estimates.t4 });
            }
            // RFC 6026 §8.8: told, and nothing else. Figure 7 has it in the states that send; as it may be heard of late, in "Confirmed" too.
            (_, Told::SendFailed) => self.deeds.push(Deed::InformFailure),
            _ => {}
        }
    }

    /// RFC 3261 §17.2.2, figure 8; RFC 4320 §4.1; RFC 6026 §8.8.
    fn tell_non_invite_server(&mut self, now: Timestamp, told: Told) {
        match (self.state, told) {
            // No 1xx but 100, and that not too early where requests are repeated.
            (State::Trying, Told::Trying)
                if self.is_reliable || self.next().is_none_or(|trying_at| trying_at <= now) =>
            {
                self.deeds.push(Deed::Send);
                self.has_answered = true;
                self.stop(Timer::Trying);
                self.state = State::Proceeding;
            }
            (State::Proceeding, Told::Trying) => self.deeds.push(Deed::Send),
            (State::Trying | State::Proceeding, Told::Success | Told::Rejection) => {
                self.deeds.push(Deed::Send);
                self.enter(State::Completed);
                let unreliable = 64 * self.estimates.t1;
                self.set(now, Timer::J, if self.is_reliable { Duration::ZERO } else { unreliable });
            }
            (State::Proceeding | State::Completed, Told::Request) => self.deeds.push(Deed::Resend),
            // In "Trying" nothing was sent yet.
            (State::Proceeding | State::Completed, Told::SendFailed) => self.deeds.push(Deed::InformFailure),
            _ => {}
        }
    }

    fn fire(&mut self, due: Timestamp, now: Timestamp, timer: Timer) {
        let Estimates { t2, .. } = self.estimates;
        match timer {
            Timer::A => {
                self.deeds.push(Deed::Resend);
                self.repeat(due, now, Timer::A, 2 * self.interval);
            }
            Timer::E => {
                self.deeds.push(Deed::Resend);
                let next = if self.state == State::Trying { t2.min(2 * self.interval) } else { t2 };
                self.repeat(due, now, Timer::E, next);
            }
            Timer::G => {
                self.deeds.push(Deed::Resend);
                self.repeat(due, now, Timer::G, t2.min(2 * self.interval));
            }
            Timer::B | Timer::F | Timer::H => {
                self.deeds.push(Deed::InformTimeout);
                self.terminate();
            }
            Timer::D | Timer::I | Timer::J | Timer::K | Timer::L | Timer::M => self.terminate(),
            Timer::Trying => {
                self.deeds.push(Deed::SendTrying);
                self.has_answered = true;
                if self.kind == Kind::NonInviteServer {
                    self.state = State::Proceeding;
                }
            }
        }
    }

    /// A timer that repeats, an interval after it was due; after now where it is so late that this has passed too.
    fn repeat(&mut self, due: Timestamp, now: Timestamp, timer: Timer, interval: Duration) {
        self.interval = interval;
        let start = if due + interval > now { due } else { now };
        self.running.push((start + interval, timer));
    }

    /// A timer of zero fires as it is set.
    fn set(&mut self, now: Timestamp, timer: Timer, after: Duration) {
        if after.is_zero() {
            self.fire(now, now, timer);
        } else {
            self.running.push((now + after, timer));
        }
    }

    fn stop(&mut self, timer: Timer) {
        self.running.retain(|(_, running)| *running != timer);
    }

    /// None of the timers of a state with no final response runs on.
    fn enter(&mut self, state: State) {
        self.state = state;
        self.running.clear();
    }

    fn terminate(&mut self) {
        self.enter(State::Terminated);
        self.deeds.push(Deed::Terminate);
    }
}

fn is_for_good(timer: Timer) -> bool {
    !matches!(timer, Timer::A | Timer::E | Timer::G | Timer::Trying)
}

/// RFC 4320 §4.1: how long it takes until a client's Timer E is set to T2.
fn time_until_timer_e_is_t2(t1: Duration, t2: Duration) -> Duration {
    let (mut passed, mut interval) = (t1, t1);
    loop {
        interval = t2.min(2 * interval);
        if interval == t2 {
            return passed;
        }
        passed += interval;
    }
}

/// What a UAS core owes for its 2xx (RFC 3261 §13.3.1.4, RFC 6026 §8.1).
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) again_at: Timestamp,
    interval: Duration,
    pub(crate) give_up_at: Timestamp,
}

impl Answered {
    /// From T1 on until its ACK, on any transport; 64·T1 at the most.
    pub(crate) fn new(now: Timestamp, estimates: Estimates) -> Self {
        let Estimates { t1, .. } = estimates;
        Self { again_at: now + t1, interval: t1, give_up_at: now + 64 * t1 }
    }

    /// Whether the 2xx is repeated now.
    pub(crate) fn repeats(&mut self, now: Timestamp, estimates: Estimates) -> bool {
        if now < self.again_at {
            return false;
        }
        self.interval = estimates.t2.min(2 * self.interval);
        let start = if self.again_at + self.interval > now { self.again_at } else { now };
        self.again_at = start + self.interval;
        true
    }
}
