//! The transaction machines and the contexts of servers, side by side with a slow model written from RFC 3261 §17, RFC 6026 and RFC 4320:
//! anything in any order, at any time, in time and late.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use sip_proto::testing::transaction::{Course, Happening};
use sip_proto::transaction::{Kind, Timers};

fn happenings() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => (0..2_u8).prop_map(Happening::Response),
        1 => (2..8_u8).prop_map(Happening::Response),
        1 => Just(Happening::Request),
        1 => Just(Happening::Ack),
        1 => Just(Happening::SendFailed),
        1 => prop_oneof![Just(200), 0..700_u16, any::<u16>()].prop_map(Happening::Silence),
        1 => prop_oneof![Just(500), 0..700_u16, 0..5_000_u16, any::<u16>()].prop_map(Happening::Pass),
        1 => prop_oneof![Just(0), Just(500), 0..2_000_u16, any::<u16>()].prop_map(Happening::PastDeadline),
        6 => Just(Happening::ToDeadline),
    ]
}

/// The values of RFC 3261 Table 4, or others; T2 may be less than T1.
fn timers() -> impl Strategy<Value = Timers> {
    let millis = Duration::from_millis;
    let other = (1..3_000_u64, 1..9_000_u64, 0..6_000_u64).prop_map(move |(t1, t2, t4)| Timers {
        t1: millis(t1),
        t2: millis(t2),
        t4: millis(t4),
    });
    prop_oneof![Just(Timers::DEFAULT), other]
}

fn courses() -> impl Strategy<Value = Course> {
    let kinds =
        [Kind::InviteClient, Kind::NonInviteClient, Kind::InviteServer, Kind::NonInviteServer].to_vec();
    (prop::sample::select(kinds), any::<bool>(), timers(), vec(happenings(), 0..24))
        .prop_map(|(kind, is_reliable, timers, happenings)| Course { kind, is_reliable, timers, happenings })
}

/// RFC 3261 §17, RFC 6026 §8, RFC 4320 §4: state, sends, what is told, timers, end. What the model can do, the courses make it do.
#[test]
fn machines_do_as_the_model_does() {
    let usual = ProptestConfig::default();
    let config = ProptestConfig { cases: usual.cases.max(2_000), failure_persistence: None, ..usual };
    let reached = RefCell::new(BTreeSet::new());
    let run = TestRunner::new(config).run(&courses(), |course| match course.run() {
        Ok(there) => {
            reached.borrow_mut().extend(there);
            Ok(())
        }
        Err(difference) => Err(TestCaseError::fail(difference)),
    });
    if let Err(difference) = run {
        panic!("{difference}");
    }
    let reached = reached.into_inner();
    let counts = ["InviteClient", "NonInviteClient", "InviteServer", "NonInviteServer"]
        .map(|kind| reached.iter().filter(|reached| reached.starts_with(&format!("{kind} "))).count());
    assert!(
        counts.iter().zip([13, 11, 16, 12]).all(|(count, least)| *count >= least),
        "{counts:?} of {reached:#?}"
    );
}

/// The octets of the fuzz target stand for courses too.
#[test]
fn any_octets_are_a_course() {
    let config = ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(octets in vec(any::<u8>(), 0..120))| {
        sip_proto::testing::check_transaction(&octets);
    });
}
