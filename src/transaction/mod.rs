//! The four transaction machines (RFC 3261 §17, RFC 6026) on one transition table, and how messages find them.
//!
//! A [`Transaction`] is a plain value that steps: it holds a state and at most two running timers, and says with
//! [`Effects`] what its driver is to send or to pass up. It owns no message, no identifier and no randomness.
//!
//! ```
//! use core::time::Duration;
//! use sip_proto::Timestamp;
//! use sip_proto::transaction::{Effects, Kind, Stimulus, Timers, Transaction};
//!
//! let timers = Timers::default();
//! let (mut invite, effects) = Transaction::new(Kind::InviteClient, false, Timestamp::ZERO, &timers);
//! assert_eq!(effects, Effects::SEND);
//! let wake = invite.deadline().unwrap(); // Timer A
//! assert_eq!(wake, Timestamp::ZERO + Duration::from_millis(500));
//! assert_eq!(invite.fire(wake, &timers), Some(Effects::RESEND));
//! assert_eq!(invite.step(wake, Stimulus::Failure, &timers), Effects::UP | Effects::ACK);
//! ```
//!
#![doc = include_str!("diagrams.md")]

mod key;
mod table;
mod timers;

use core::time::Duration;

pub use key::{HashKey, MatchId};
pub use table::{Effects, Kind, State, Stimulus, Transition, running, transition};
pub use timers::{Timer, TimerSet, Timers};

use crate::time::Timestamp;

/// One transaction: machine, state, timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transaction {
    kind: Kind,
    state: State,
    reliable: bool,
    /// A, E or G: when it fires; [`Timestamp::MAX`] while it is not armed.
    repeat_at: Timestamp,
    /// Microseconds that A, E or G runs this time: up to 71 minutes, far beyond 64·T1.
    interval: u32,
    /// The state's other timer, which ends the state.
    end_at: Timestamp,
}

impl Transaction {
    /// A transaction that begins now, and what to do first.
    pub fn new(kind: Kind, reliable: bool, now: Timestamp, timers: &Timers) -> (Self, Effects) {
        let mut transaction = Self {
            kind,
            state: State::Initial,
            reliable,
            repeat_at: Timestamp::MAX,
            interval: 0,
            end_at: Timestamp::MAX,
        };
        let effects = transaction.step(now, Stimulus::Start, timers);
        (transaction, effects)
    }

    /// Takes one step. A timer that is not armed, or not yet due, changes nothing.
    pub fn step(&mut self, now: Timestamp, stimulus: Stimulus, timers: &Timers) -> Effects {
        let fired = match stimulus {
            Stimulus::Timer(timer) if !self.running().contains(timer) || !self.is_due(timer, now) => {
                return Effects::NONE;
            }
            Stimulus::Timer(timer) => TimerSet::of(&[timer]),
            _ => TimerSet::NONE,
        };
        let transition = transition(self.kind, self.state, stimulus, self.reliable);
        let due = self.repeat_at;
        for stopped in [transition.clear, fired] {
            if stopped.meets(TimerSet::REPEATING) {
                self.repeat_at = Timestamp::MAX;
            }
            if stopped.without(TimerSet::REPEATING) != TimerSet::NONE {
                self.end_at = Timestamp::MAX;
            }
        }
        self.state = transition.next;
        if transition.set != TimerSet::NONE {
            self.arm_all(transition.set, now, (fired, due), timers);
        }
        transition.effects
    }

    /// Fires the timer that is due at `now`, if one is: the one that ends the state before the one that
    /// repeats. To be called until it yields `None`.
    pub fn fire(&mut self, now: Timestamp, timers: &Timers) -> Option<Effects> {
        self.deadline().filter(|at| *at <= now)?;
        let due = self.running().iter().filter(|timer| self.is_due(*timer, now));
        let timer = due.max_by_key(|timer| !timer.repeats())?;
        Some(self.step(now, Stimulus::Timer(timer), timers))
    }

    /// When the next timer fires; `None` while none is running.
    pub fn deadline(&self) -> Option<Timestamp> {
        Some(self.repeat_at.min(self.end_at)).filter(|at| *at != Timestamp::MAX)
    }

    /// Which machine this is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The machine's state.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether the transport retransmits, so that the machine need not.
    pub fn is_reliable(&self) -> bool {
        self.reliable
    }

    fn running(&self) -> TimerSet {
        running(self.kind, self.state, self.reliable)
    }

    /// Whether one of the timers that can be running is due.
    fn is_due(&self, timer: Timer, now: Timestamp) -> bool {
        let at = if timer.repeats() { self.repeat_at } else { self.end_at };
        at <= now && at != Timestamp::MAX
    }

    /// Arms these timers. Of them, those that have `fired` were due at `due`.
    #[inline(never)]
    fn arm_all(
        &mut self,
        set: TimerSet,
        now: Timestamp,
        (fired, due): (TimerSet, Timestamp),
        timers: &Timers,
    ) {
        for timer in set.iter() {
            match timer.repeats() {
                true => self.arm_again(timer, now, fired.contains(timer).then_some(due), timers),
                false => self.end_at = now + timers.first(timer, self.reliable).unwrap_or_default(),
            }
        }
    }

    #[inline(never)]
    fn arm_again(&mut self, timer: Timer, now: Timestamp, due: Option<Timestamp>, timers: &Timers) {
        let interval = match (due, timer, self.state) {
            (None, ..) => timers.t1,
            // RFC 3261 §17.1.2.2: in Proceeding, E runs for T2.
            (Some(_), Timer::E, State::Proceeding) => timers.t2,
            (Some(_), ..) => timers.next(timer, Duration::from_micros(self.interval.into())),
        };
        self.interval = u32::try_from(interval.as_micros()).unwrap_or(u32::MAX);
        self.repeat_at = again_after(due.unwrap_or(now), interval, now);
    }
}

/// When something that was due at `due` is to happen again: an interval after that, so that small delays do not add up; an interval after now
/// when it is so late that the next time has passed too. An interval of nothing means never: what repeats must leave time between.
pub fn again_after(due: Timestamp, interval: Duration, now: Timestamp) -> Timestamp {
    if interval.is_zero() {
        return Timestamp::MAX;
    }
    let next = due + interval;
    if next > now { next } else { now + interval }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const TIMERS: Timers = Timers::DEFAULT;

    /// When a client that hears nothing sends its request, in milliseconds, and when it gives up.
    fn silence(kind: Kind, reliable: bool) -> (Vec<u64>, u64) {
        let (mut client, _) = Transaction::new(kind, reliable, Timestamp::ZERO, &TIMERS);
        let mut sent = Vec::new();
        while let Some(at) = client.deadline() {
            while let Some(effects) = client.fire(at, &TIMERS) {
                if effects.contains(Effects::RESEND) {
                    sent.push(at.as_millis());
                }
                if effects.contains(Effects::TIMEOUT) {
                    return (sent, at.as_millis());
                }
            }
        }
        panic!("a client never gave up");
    }

    #[test]
    fn requests_are_retransmitted_on_the_rfc_schedule() {
        // RFC 3261 §17.1.1.2: A doubles without cap; B is 64·T1.
        assert_eq!(
            silence(Kind::InviteClient, false),
            ([500, 1500, 3500, 7500, 15500, 31500].into(), 32_000)
        );
        // RFC 3261 §17.1.2.2: E doubles up to T2; F is 64·T1.
        let at = [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];
        assert_eq!(silence(Kind::NonInviteClient, false), (at.into(), 32_000));
        assert_eq!(silence(Kind::InviteClient, true), ([].into(), 32_000));
        assert_eq!(silence(Kind::NonInviteClient, true), ([].into(), 32_000));
    }

    #[test]
    fn in_proceeding_timer_e_runs_for_t2() {
        // RFC 3261 §17.1.2.2.
        let (mut client, _) = Transaction::new(Kind::NonInviteClient, false, Timestamp::ZERO, &TIMERS);
        let early = Timestamp::from_millis(100);
        client.step(early, Stimulus::Provisional, &TIMERS);
        let first = client.deadline().unwrap();
        assert_eq!(first, Timestamp::from_millis(500));
        assert_eq!(client.fire(first, &TIMERS), Some(Effects::RESEND));
        assert_eq!(client.deadline(), Some(Timestamp::from_millis(4_500)));
    }

    #[test]
    fn a_late_call_fires_each_timer_once_and_re_arms_from_now() {
        let (mut client, _) = Transaction::new(Kind::InviteClient, false, Timestamp::ZERO, &TIMERS);
        let late = Timestamp::from_secs(10);
        assert_eq!(client.fire(late, &TIMERS), Some(Effects::RESEND));
        assert_eq!(client.fire(late, &TIMERS), None);
        assert_eq!(client.deadline(), Some(Timestamp::from_secs(11)));
        // Past the end, giving up comes before repeating.
        assert_eq!(client.fire(Timestamp::from_secs(40), &TIMERS), Some(Effects::END | Effects::TIMEOUT));
        assert_eq!(client.deadline(), None);
    }

    #[test]
    fn small_delays_do_not_add_up() {
        let (mut client, _) = Transaction::new(Kind::InviteClient, false, Timestamp::ZERO, &TIMERS);
        let mut fired = Vec::new();
        while let Some(at) = client.deadline().filter(|at| *at < Timestamp::from_secs(30)) {
            fired.push(at.as_millis());
            client.fire(at + Duration::from_millis(40), &TIMERS);
        }
        assert_eq!(fired, [500, 1500, 3500, 7500, 15500]);
    }

    #[test]
    fn early_and_stray_timers_are_dropped() {
        let (mut client, _) = Transaction::new(Kind::InviteClient, false, Timestamp::ZERO, &TIMERS);
        let before = client;
        for timer in Timer::ALL {
            assert_eq!(
                client.step(Timestamp::from_millis(499), Stimulus::Timer(timer), &TIMERS),
                Effects::NONE
            );
        }
        assert_eq!(client, before);
    }

    #[test]
    fn a_transaction_is_small() {
        assert!(size_of::<Transaction>() <= 24);
    }
}
