//! The transaction machines rule by rule, each test naming the lines of the RFCs that it holds. `table.rs` has every cell;
//! here a machine is driven as its user drives it.

use std::time::Duration;

use sip_proto::Timestamp;
use sip_proto::transaction::{
    Effects, Kind, State, Stimulus, Timer, TimerSet, Timers, Transaction, again_after,
};

const T0: Timestamp = Timestamp::ZERO;
const NONE: Effects = Effects::NONE;
const SEND: Effects = Effects::SEND;
const RESEND: Effects = Effects::RESEND;
const UP: Effects = Effects::UP;
const FINALS: [Stimulus; 2] = [Stimulus::Success, Stimulus::Failure];

/// A transaction with the timers that it runs on.
#[derive(Clone)]
struct Machine {
    transaction: Transaction,
    timers: Timers,
}

impl Machine {
    fn new(kind: Kind, is_reliable: bool) -> Self {
        Self::with(kind, is_reliable, Timers::DEFAULT)
    }

    fn with(kind: Kind, is_reliable: bool, timers: Timers) -> Self {
        Self { transaction: Transaction::new(kind, is_reliable, T0, &timers).0, timers }
    }

    /// One to which these have happened at once.
    fn after(kind: Kind, is_reliable: bool, stimuli: &[Stimulus]) -> Self {
        let mut machine = Self::new(kind, is_reliable);
        for stimulus in stimuli {
            machine.step(*stimulus);
        }
        machine
    }

    fn step(&mut self, stimulus: Stimulus) -> Effects {
        self.step_at(T0, stimulus)
    }

    fn step_at(&mut self, at: Timestamp, stimulus: Stimulus) -> Effects {
        self.transaction.step(at, stimulus, &self.timers)
    }

    fn state(&self) -> State {
        self.transaction.state()
    }

    /// When the next timer is due, in milliseconds.
    fn due(&self) -> Option<u64> {
        self.transaction.deadline().map(Timestamp::as_millis)
    }

    /// Lets the next timer fire when it is due: when that was, and what it asked for.
    fn fire(&mut self) -> (u64, Effects) {
        let at = self.transaction.deadline().unwrap();
        (at.as_millis(), self.transaction.fire(at, &self.timers).unwrap())
    }

    /// Everything that fires by itself.
    fn run(&mut self) -> Vec<(u64, Effects)> {
        let mut log = Vec::new();
        while self.transaction.deadline().is_some() {
            log.push(self.fire());
            assert!(log.len() < 1_000, "a machine fires without end");
        }
        log
    }
}

/// When the request or answer went out again by itself.
fn again(log: &[(u64, Effects)]) -> Vec<u64> {
    log.iter().filter(|(_, effects)| effects.contains(RESEND)).map(|(at, _)| *at).collect()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A client that waits: no answer yet, and after a provisional one.
const WAITING: [&[Stimulus]; 2] = [&[], &[Stimulus::Provisional]];

// The INVITE client (RFC 3261 §17.1.1.2, RFC 6026 §7.2).

/// RFC 3261 §17.1.1.2.
// Holds: 3261-17.1.1.2-1, 3261-17.1.1.2-2, 3261-17.1.1.2-3, 3261-17.1.1.2-4, 3261-17.1.1.2-5
#[test]
fn an_invite_begins_in_calling() {
    for (is_reliable, first) in [(false, 500), (true, 32_000)] {
        let (transaction, effects) = Transaction::new(Kind::InviteClient, is_reliable, T0, &Timers::DEFAULT);
        assert_eq!((transaction.state(), effects), (State::Calling, SEND));
        let machine = Machine { transaction, timers: Timers::DEFAULT };
        assert_eq!(machine.due(), Some(first));
        let mut early = machine.clone();
        assert_eq!(early.step_at(Timestamp::from_micros(31_999_999), Stimulus::Timer(Timer::B)), NONE);
        let mut given_up = machine;
        let effects = given_up.step_at(Timestamp::from_secs(32), Stimulus::Timer(Timer::B));
        assert_eq!(effects, Effects::TIMEOUT | Effects::END, "Timer B");
    }
}

/// RFC 3261 §17.1.1.2: at T1, and at intervals that double, without cap.
// Holds: 3261-17.1.1.2-6, 3261-17.1.1.2-7, 3261-17.1.1.2-8, 3261-17.1.1.2-9
#[test]
fn timer_a_sends_the_invite_again_and_doubles() {
    let mut machine = Machine::new(Kind::InviteClient, false);
    for (at, next) in [(500, 1_500), (1_500, 3_500), (3_500, 7_500), (7_500, 15_500), (15_500, 31_500)] {
        assert_eq!((machine.fire(), machine.state()), ((at, RESEND), State::Calling));
        assert_eq!(machine.due(), Some(next));
    }
}

/// RFC 3261 §17.1.1.2: T1 is 500 ms unless it is said to be more or less; the intervals double all the same.
// Holds: 3261-17.1.1.2-11, 3261-17.1.1.2-12, 3261-17.1.1.2-13
#[test]
fn the_intervals_double_whatever_t1_is() {
    assert_eq!(Timers::DEFAULT.t1, millis(500));
    for t1 in [100, 500, 2_000] {
        let timers = Timers { t1: millis(t1), ..Timers::DEFAULT };
        let log = Machine::with(Kind::InviteClient, false, timers).run();
        assert_eq!(again(&log), [1, 3, 7, 15, 31, 63].map(|times| times * t1), "T1 {t1} ms");
        assert_eq!(log.last(), Some(&(64 * t1, Effects::TIMEOUT | Effects::END)));
    }
}

/// RFC 3261 §17.1.1.2: whatever was heard, the INVITE is not sent again.
// Holds: 3261-17.1.1.2-10, 3261-17.1.1.2-16
#[test]
fn an_invite_that_was_heard_is_not_sent_again() {
    for (heard, state) in [
        (Stimulus::Provisional, State::Proceeding),
        (Stimulus::Success, State::Accepted),
        (Stimulus::Failure, State::Completed),
    ] {
        let mut machine = Machine::after(Kind::InviteClient, false, &[heard]);
        assert_eq!(machine.state(), state);
        assert_eq!(machine.step_at(Timestamp::from_millis(500), Stimulus::Timer(Timer::A)), NONE);
        assert_eq!(again(&machine.run()), [0; 0], "{heard:?}");
    }
}

/// RFC 3261 §17.1.1.2: a timeout is told, and nothing is acknowledged.
// Holds: 3261-17.1.1.2-14, 3261-17.1.1.2-15
#[test]
fn timer_b_tells_of_a_timeout() {
    for is_reliable in [false, true] {
        let mut machine = Machine::new(Kind::InviteClient, is_reliable);
        let log = machine.run();
        assert_eq!(log.last(), Some(&(32_000, Effects::TIMEOUT | Effects::END)));
        assert!(log.iter().all(|(_, effects)| !effects.contains(Effects::ACK)));
        assert_eq!(machine.state(), State::Terminated);
    }
}

/// RFC 3261 §17.1.1.2.
// Holds: 3261-17.1.1.2-17, 3261-17.1.1.2-18
#[test]
fn provisional_answers_to_an_invite_reach_its_user() {
    for is_reliable in [false, true] {
        let mut machine = Machine::new(Kind::InviteClient, is_reliable);
        for _ in 0..3 {
            assert_eq!(machine.step(Stimulus::Provisional), UP);
            assert_eq!(machine.state(), State::Proceeding);
        }
    }
}

/// RFC 3261 §17.1.1.2: over a reliable transport too.
// Holds: 3261-17.1.1.2-19, 3261-17.1.1.2-20, 3261-17.1.1.2-21
#[test]
fn a_failure_reaches_its_user_and_is_acknowledged() {
    for is_reliable in [false, true] {
        for before in WAITING {
            let mut machine = Machine::after(Kind::InviteClient, is_reliable, before);
            assert_eq!(machine.step(Stimulus::Failure), UP | Effects::ACK);
            assert_eq!(machine.state(), State::Completed);
        }
    }
}

/// RFC 3261 §17.1.1.2, RFC 6026 §8.4: never below 32 s over UDP, however small T1 is.
// Holds: 3261-17.1.1.2-23, 3261-17.1.1.2-26, 6026-8.4-1
#[test]
fn timer_d_ends_a_failed_invite() {
    for (t1, is_reliable, length) in
        [(500, false, 32_000), (100, false, 32_000), (1_000, false, 64_000), (500, true, 0)]
    {
        let timers = Timers { t1: millis(t1), ..Timers::DEFAULT };
        for before in WAITING {
            let mut machine = Machine::with(Kind::InviteClient, is_reliable, timers);
            before.iter().for_each(|stimulus| _ = machine.step(*stimulus));
            machine.step(Stimulus::Failure);
            assert_eq!(machine.run(), [(length, Effects::END)], "T1 {t1} ms, reliable {is_reliable}");
            assert_eq!(machine.state(), State::Terminated);
        }
    }
}

/// RFC 3261 §17.1.1.2: the answer again has the ACK again, and nothing else; Timer D runs on.
// Holds: 3261-17.1.1.2-24, 3261-17.1.1.2-25
#[test]
fn a_failure_that_comes_again_is_only_acknowledged() {
    let mut machine = Machine::after(Kind::InviteClient, false, &[Stimulus::Failure]);
    for at in [1, 500, 31_999] {
        assert_eq!(machine.step_at(Timestamp::from_millis(at), Stimulus::Failure), Effects::ACK);
        assert_eq!((machine.state(), machine.due()), (State::Completed, Some(32_000)));
    }
}

/// RFC 6026 §7.2, §8.4: each 2xx reaches the user, who acknowledges it.
// Holds: 6026-7.2-1, 6026-7.2-2, 6026-7.2-3, 6026-7.2-4, 3261-17.1.1.2-28
#[test]
fn a_2xx_keeps_the_invite_client_for_64_t1() {
    for is_reliable in [false, true] {
        for before in WAITING {
            let mut machine = Machine::after(Kind::InviteClient, is_reliable, before);
            assert_eq!(machine.step(Stimulus::Success), UP);
            for at in [0, 500, 31_999] {
                assert_eq!(machine.step_at(Timestamp::from_millis(at), Stimulus::Success), UP);
                assert_eq!((machine.state(), machine.due()), (State::Accepted, Some(32_000)));
            }
            assert_eq!(machine.run(), [(32_000, Effects::END)], "Timer M");
            assert_eq!(machine.state(), State::Terminated);
        }
    }
}

// The non-INVITE client (RFC 3261 §17.1.2.2).

/// RFC 3261 §17.1.2.2.
// Holds: 3261-17.1.2.2-1, 3261-17.1.2.2-2, 3261-17.1.2.2-3
#[test]
fn a_request_begins_in_trying() {
    for (is_reliable, first) in [(false, 500), (true, 32_000)] {
        let (transaction, effects) =
            Transaction::new(Kind::NonInviteClient, is_reliable, T0, &Timers::DEFAULT);
        assert_eq!((transaction.state(), effects), (State::Trying, SEND));
        let mut machine = Machine { transaction, timers: Timers::DEFAULT };
        assert_eq!(machine.due(), Some(first));
        assert_eq!(machine.run().last(), Some(&(32_000, Effects::TIMEOUT | Effects::END)), "Timer F");
    }
}

/// RFC 3261 §17.1.2.2: in Trying and in Proceeding.
// Holds: 3261-17.1.2.2-4, 3261-17.1.2.2-5, 3261-17.1.2.2-12, 3261-17.1.2.2-13
#[test]
fn timer_f_tells_of_a_timeout() {
    for is_reliable in [false, true] {
        for (before, state) in WAITING.into_iter().zip([State::Trying, State::Proceeding]) {
            let mut machine = Machine::after(Kind::NonInviteClient, is_reliable, before);
            assert_eq!(machine.state(), state);
            let effects = machine.step_at(Timestamp::from_secs(32), Stimulus::Timer(Timer::F));
            assert_eq!((effects, machine.state()), (Effects::TIMEOUT | Effects::END, State::Terminated));
        }
    }
}

/// RFC 3261 §17.1.2.2.
// Holds: 3261-17.1.2.2-6, 3261-17.1.2.2-7
#[test]
fn a_provisional_answer_to_a_request_reaches_its_user() {
    for is_reliable in [false, true] {
        let mut machine = Machine::new(Kind::NonInviteClient, is_reliable);
        assert_eq!((machine.step(Stimulus::Provisional), machine.state()), (UP, State::Proceeding));
    }
}

/// RFC 3261 §17.1.2.2: any final answer, in Trying and in Proceeding, once.
// Holds: 3261-17.1.2.2-8, 3261-17.1.2.2-9, 3261-17.1.2.2-14, 3261-17.1.2.2-15
#[test]
fn a_final_answer_to_a_request_reaches_its_user() {
    for is_reliable in [false, true] {
        for before in WAITING {
            for last in FINALS {
                let mut machine = Machine::after(Kind::NonInviteClient, is_reliable, before);
                assert_eq!((machine.step(last), machine.state()), (UP, State::Completed));
                assert_eq!((machine.step(last), machine.state()), (NONE, State::Completed));
            }
        }
    }
}

/// RFC 3261 §17.1.2.2: T2 from when it fires next.
// Holds: 3261-17.1.2.2-10, 3261-17.1.2.2-11
#[test]
fn in_proceeding_timer_e_runs_for_t2() {
    let mut machine = Machine::after(Kind::NonInviteClient, false, &[Stimulus::Provisional]);
    for (at, next) in [(500, 4_500), (4_500, 8_500), (8_500, 12_500)] {
        assert_eq!((machine.fire(), machine.state()), ((at, RESEND), State::Proceeding));
        assert_eq!(machine.due(), Some(next));
    }
}

/// RFC 3261 §17.1.2.2.
// Holds: 3261-17.1.2.2-16, 3261-17.1.2.2-17
#[test]
fn timer_k_ends_an_answered_request() {
    for (is_reliable, length) in [(false, 5_000), (true, 0)] {
        for before in WAITING {
            for last in FINALS {
                let mut machine = Machine::after(Kind::NonInviteClient, is_reliable, before);
                machine.step(last);
                assert_eq!(machine.run(), [(length, Effects::END)]);
                assert_eq!(machine.state(), State::Terminated);
            }
        }
    }
}

/// RFC 3261 §17.1.4, figures 5 and 6: where something is being sent.
// Holds: 3261-17.1.4-1, 3261-17.1.4-2
#[test]
fn a_client_that_cannot_send_is_over() {
    for (kind, before) in [
        (Kind::InviteClient, &[][..]),
        (Kind::InviteClient, &[Stimulus::Failure]),
        (Kind::NonInviteClient, &[]),
        (Kind::NonInviteClient, &[Stimulus::Provisional]),
    ] {
        for is_reliable in [false, true] {
            let mut machine = Machine::after(kind, is_reliable, before);
            let effects = machine.step(Stimulus::TransportError);
            let over = (Effects::TRANSPORT_ERROR | Effects::END, State::Terminated, None);
            assert_eq!((effects, machine.state(), machine.due()), over, "{kind:?} {before:?}");
        }
    }
}

// The INVITE server (RFC 3261 §17.2.1, RFC 6026 §7.1).

/// RFC 3261 §17.2.1: the INVITE reaches the user; what they say provisionally goes out, as often as they say something.
// Holds: 3261-17.2.1-3, 3261-17.2.1-4, 3261-17.2.1-5
#[test]
fn an_invite_server_passes_on_what_its_user_says() {
    for is_reliable in [false, true] {
        let (transaction, effects) = Transaction::new(Kind::InviteServer, is_reliable, T0, &Timers::DEFAULT);
        assert_eq!(effects, UP);
        let mut machine = Machine { transaction, timers: Timers::DEFAULT };
        for _ in 0..3 {
            assert_eq!((machine.step(Stimulus::Provisional), machine.state()), (SEND, State::Proceeding));
            assert_eq!((machine.step(Stimulus::Request), machine.state()), (RESEND, State::Proceeding));
            assert_eq!(machine.due(), None, "nothing is sent again by itself");
        }
    }
}

/// RFC 6026 §7.1, §8.5, §8.7: over every transport.
// Holds: 3261-17.2.1-6, 6026-7.1-1, 6026-8.7-1
#[test]
fn a_2xx_keeps_the_invite_server_for_64_t1() {
    for is_reliable in [false, true] {
        for before in WAITING {
            let mut machine = Machine::after(Kind::InviteServer, is_reliable, before);
            assert_eq!((machine.step(Stimulus::Success), machine.state()), (SEND, State::Accepted));
            assert_eq!(machine.due(), Some(32_000), "Timer L");
        }
    }
}

/// RFC 6026 §7.1: in Accepted INVITEs are absorbed, ACKs and 2xx pass through, and nothing is sent by itself.
// Holds: 6026-7.1-2, 6026-7.1-3, 6026-7.1-4, 6026-7.1-5
#[test]
fn an_accepted_invite_is_its_users_business() {
    for is_reliable in [false, true] {
        let mut machine = Machine::after(Kind::InviteServer, is_reliable, &[Stimulus::Success]);
        for (stimulus, effects) in
            [(Stimulus::Request, NONE), (Stimulus::Success, SEND), (Stimulus::Ack, UP), (Stimulus::Ack, UP)]
        {
            assert_eq!((machine.step(stimulus), machine.state()), (effects, State::Accepted), "{stimulus:?}");
        }
        assert_eq!(machine.run(), [(32_000, Effects::END)]);
        assert_eq!(machine.state(), State::Terminated);
    }
}

/// RFC 3261 §17.2.1: Timer G over UDP only, Timer H everywhere.
// Holds: 3261-17.2.1-8, 3261-17.2.1-9, 3261-17.2.1-10, 3261-17.2.1-13, 3261-17.2.1-14
#[test]
fn a_failure_waits_for_its_ack_for_64_t1() {
    for is_reliable in [false, true] {
        for before in WAITING {
            let mut machine = Machine::after(Kind::InviteServer, is_reliable, before);
            assert_eq!((machine.step(Stimulus::Failure), machine.state()), (SEND, State::Completed));
            let log = machine.run();
            let repeats: &[u64] = &[500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
            assert_eq!(again(&log), if is_reliable { &[] } else { repeats });
            assert_eq!(log.last(), Some(&(32_000, Effects::TIMEOUT | Effects::END)));
            assert_eq!(machine.state(), State::Terminated);
        }
    }
}

/// RFC 3261 §17.2.1: the INVITE again has the answer again; the ACK ends that, and Timer I the rest.
// Holds: 3261-17.2.1-11, 3261-17.2.1-12, 3261-17.2.1-15
#[test]
fn the_ack_of_a_failure_confirms_it() {
    for (is_reliable, length) in [(false, 5_000), (true, 0)] {
        let mut machine = Machine::after(Kind::InviteServer, is_reliable, &[Stimulus::Failure]);
        assert_eq!((machine.step(Stimulus::Request), machine.state()), (RESEND, State::Completed));
        assert_eq!((machine.step(Stimulus::Ack), machine.state()), (NONE, State::Confirmed));
        assert_eq!((machine.step(Stimulus::Ack), machine.state()), (NONE, State::Confirmed));
        assert_eq!(machine.run(), [(length, Effects::END)], "Timer I");
        assert_eq!(machine.state(), State::Terminated);
    }
}

/// RFC 6026 §7.1, §8.8: the user is told, and the machine goes on as if nothing had happened.
// Holds: 6026-6-2, 6026-7.1-7, 6026-7.1-8, 6026-8.8-1, 6026-8.8-2
#[test]
fn a_server_that_cannot_send_stays_in_its_state() {
    use Stimulus::{Ack, Failure, Provisional, Success};
    for (kind, before) in [
        (Kind::InviteServer, &[Provisional][..]),
        (Kind::InviteServer, &[Success]),
        (Kind::InviteServer, &[Failure]),
        (Kind::InviteServer, &[Failure, Ack]),
        (Kind::NonInviteServer, &[Provisional]),
        (Kind::NonInviteServer, &[Success]),
        (Kind::NonInviteServer, &[Provisional, Failure]),
    ] {
        for is_reliable in [false, true] {
            let mut machine = Machine::after(kind, is_reliable, before);
            let transaction = machine.transaction;
            assert_eq!(
                machine.step(Stimulus::TransportError),
                Effects::TRANSPORT_ERROR,
                "{kind:?} {before:?}"
            );
            assert_eq!(machine.transaction, transaction, "{kind:?} {before:?}");
        }
    }
}

// The non-INVITE server (RFC 3261 §17.2.2).

/// RFC 3261 §17.2.2: nothing answers a request that comes again before its user has; then their latest answer does.
// Holds: 3261-17.2.2-1, 3261-17.2.2-2, 3261-17.2.2-3, 3261-17.2.2-4
#[test]
fn a_server_passes_on_what_its_user_says() {
    for is_reliable in [false, true] {
        let mut machine = Machine::new(Kind::NonInviteServer, is_reliable);
        assert_eq!((machine.step(Stimulus::Request), machine.state()), (NONE, State::Trying));
        for _ in 0..3 {
            assert_eq!((machine.step(Stimulus::Provisional), machine.state()), (SEND, State::Proceeding));
            assert_eq!((machine.step(Stimulus::Request), machine.state()), (RESEND, State::Proceeding));
        }
    }
}

/// RFC 3261 §17.2.2: the final answer goes out, each time that the request comes; no other one does.
// Holds: 3261-17.2.2-5, 3261-17.2.2-6, 3261-17.2.2-8, 3261-17.2.2-9
#[test]
fn a_server_has_one_final_answer() {
    for before in WAITING {
        for last in FINALS {
            let mut machine = Machine::after(Kind::NonInviteServer, false, before);
            assert_eq!((machine.step(last), machine.state()), (SEND, State::Completed));
            for other in FINALS {
                assert_eq!((machine.step(other), machine.state()), (NONE, State::Completed));
                assert_eq!((machine.step(Stimulus::Request), machine.state()), (RESEND, State::Completed));
            }
        }
    }
}

/// RFC 3261 §17.2.2.
// Holds: 3261-17.2.2-7, 3261-17.2.2-10
#[test]
fn timer_j_ends_an_answered_server() {
    for (is_reliable, length) in [(false, 32_000), (true, 0)] {
        for before in WAITING {
            for last in FINALS {
                let mut machine = Machine::after(Kind::NonInviteServer, is_reliable, before);
                machine.step(last);
                assert_eq!(machine.run(), [(length, Effects::END)]);
                assert_eq!(machine.state(), State::Terminated);
            }
        }
    }
}

/// RFC 3261 §17.1.1.2: what repeats waits an interval from when it was due; one whole interval too late, it waits another one from now, and does
/// not come twice at once.
#[test]
fn what_is_an_interval_late_waits_another_one() {
    let (at, secs) = (Timestamp::from_secs, Duration::from_secs);
    for (now, next) in [(10, 12), (11, 12), (12, 14), (13, 15)] {
        assert_eq!(again_after(at(10), secs(2), at(now)), at(next), "at {now} s");
    }
    assert_eq!(again_after(at(10), Duration::ZERO, at(10)), Timestamp::MAX);
}

/// RFC 3261 Table 4: a set of timers is printed as its letters.
#[test]
fn a_set_of_timers_prints_its_letters() {
    assert_eq!(format!("{:?}", TimerSet::of(&[Timer::M, Timer::A, Timer::B])), "{A, B, M}");
    assert_eq!(format!("{:?}", TimerSet::NONE), "{}");
}
