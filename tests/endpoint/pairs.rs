//! Two endpoints against each other, whatever their applications and the link do: what the fuzz target `pair` does, over moves that make sense more
//! often than octets do (DESIGN.md §2; RFC 3264 §4, §8.4; RFC 3261 §12.2.2, §15).

use proptest::collection::vec;
use proptest::prelude::*;
use sip_proto::testing::script::{
    Answering, Asking, Calling, Damage, Move, Notice, Pair, Passing, Replying, Step,
};

const WHOLE: Damage = Damage { odds: 0, at: 0, with: 0 };

fn asking(body: u8, way: u8) -> Asking {
    Asking { method: 0, uri: 0, contact: 0, routes: 0, body, odd: 0, way, damage: WHOLE }
}

fn ring(code: u8, odd: u8) -> Step {
    Step::Answer(Answering { request: 0, code, tag: 0, contact: 0, routes: 0, body: 0, odd, damage: WHOLE })
}

/// What a sensible application does.
fn sensible() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => any::<[u8; 2]>().prop_map(|[body, way]| Step::Request(asking(body, way))),
        5 => any::<u8>().prop_map(|refuses| Step::Within(refuses, asking(0, 0))),
        2 => Just(Step::Acknowledge { answer: 0, odd: 0, way: 0 }),
        2 => (0..4_u8, any::<u8>()).prop_map(|(code, odd)| ring(code, odd)),
        5 => (0..2_u8, 0..6_u8).prop_map(|(dialog, what)| Step::Modify { dialog, what, extra: 0 }),
        1 => any::<bool>().prop_map(|yes| Step::HoldBack { dialog: 0, yes }),
        // INFO, OPTIONS, MESSAGE, UPDATE.
        2 => (0..2_u8, prop::sample::select(vec![1_u8, 16, 18, 20])).prop_map(|(dialog, method)| {
            Step::Send { dialog, method, extra: 0, body: 0 }
        }),
        2 => (0..2_u8, prop::sample::select(vec![0_u8, 3, 192]), 0..4_u8).prop_map(|(dialog, what, expires)| {
            Step::Subscribe { dialog, what, expires, extra: 0 }
        }),
        2 => (0..2_u8, 0..2_u8).prop_map(|(dialog, usage)| Step::Notify { dialog, usage, body: 0 }),
        1 => (0..2_u8, any::<u8>()).prop_map(|(dialog, reason)| {
            Step::Terminate { dialog, usage: 0, reason, body: 0 }
        }),
        1 => (0..2_u8, 0..4_u8).prop_map(|(dialog, code)| Step::Report { dialog, usage: 0, code }),
        1 => (0..2_u8).prop_map(|dialog| Step::Destroy { dialog, extra: 0 }),
        1 => (0..2_u8).prop_map(|request| Step::Revoke { request, extra: 0 }),
        1 => (0..3_000_u16).prop_map(|millis| Step::Time(Passing::Briefly(millis))),
        1 => (0..40_u8).prop_map(|seconds| Step::Time(Passing::Deadlines(seconds))),
    ]
}

/// What becomes of the link, and what a stranger sends.
fn link() -> impl Strategy<Value = Step> {
    let notice = prop_oneof![
        2 => (0..64_u8).prop_map(Notice::Connected),
        1 => (0..64_u8).prop_map(Notice::Unconnected),
        1 => (0..64_u8).prop_map(|number| Notice::Resolved(number, 0)),
        1 => any::<u8>().prop_map(Notice::SendFailed),
        1 => any::<u8>().prop_map(Notice::Closed),
        2 => Just(Notice::Bound(0)),
    ];
    notice.prop_map(Step::Notice)
}

/// What an application does that does not care.
fn odd() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<[u8; 5]>().prop_map(|[method, target, extra, body, odd]| Step::Call(Calling {
            method,
            target,
            extra,
            body,
            odd
        })),
        any::<([u8; 5], u16)>().prop_map(|([server, verb, extra, reason, body], code)| {
            Step::Reply(Replying { server, verb, code, extra, reason, body })
        }),
        any::<[u8; 4]>().prop_map(|[dialog, method, extra, body]| Step::Send { dialog, method, extra, body }),
        any::<[u8; 3]>().prop_map(|[dialog, what, extra]| Step::Modify { dialog, what, extra }),
        any::<[u8; 2]>().prop_map(|[dialog, body]| Step::AnswerOffer { dialog, body }),
        any::<[u8; 4]>().prop_map(|[dialog, what, expires, extra]| Step::Subscribe {
            dialog,
            what,
            expires,
            extra
        }),
        vec(any::<u8>(), 0..60).prop_map(|octets| Step::Raw { way: 0, octets }),
    ]
}

fn pairs(odd_share: u32) -> impl Strategy<Value = Pair> {
    let step = prop_oneof![
        8 => sensible().boxed(),
        2 => link().boxed(),
        odd_share => odd().boxed(),
    ];
    let moves = vec((0..16_u8, step).prop_map(|(who, step)| Move { who, step }), 0..24);
    // A call that is up, mostly.
    let begun = prop_oneof![
        1 => Just(vec![]),
        4 => (0..2_u8, any::<[u8; 2]>()).prop_map(|(who, [body, way])| vec![
            Move { who: 12 | who, step: Step::Request(asking(body, way)) },
            Move { who: 12 | (who ^ 1), step: Step::Within(0, asking(0, 0)) },
            Move { who: 12 | who, step: Step::Acknowledge { answer: 0, odd: 0, way: 0 } },
        ]),
    ];
    (any::<u16>(), any::<[u32; 2]>(), begun, moves).prop_map(|(seed, manners, begun, moves)| {
        // What neither limits nor asks for 100rel is usual; changes that ask are half of all.
        let manners = manners.map(|bits| match bits % 5 {
            0 => bits,
            1 => bits & 0xffff,
            2 => bits & 0x3000 | 1 << (bits >> 27),
            _ => bits & 0x3000,
        });
        Pair { seed, manners, moves: [begun, moves].concat() }
    })
}

fn config(cases: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { usual.cases } else { cases };
    ProptestConfig { cases, max_shrink_iters: 2_000, failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config(100))]

    /// Both behave: what is up and quiet is the same on both sides; all of it ends.
    #[test]
    fn two_that_behave_agree(pair in pairs(0)) {
        prop_assert_eq!(Pair::from_octets(&pair.to_octets()).to_octets(), pair.to_octets());
        if let Err(violation) = pair.run(None) {
            return Err(TestCaseError::fail(violation.to_string()));
        }
    }

    /// Whatever they do, all of it ends, once.
    #[test]
    fn two_that_do_not_behave_end(pair in pairs(8)) {
        if let Err(violation) = pair.run(None) {
            return Err(TestCaseError::fail(violation.to_string()));
        }
    }
}
