//! The contracts of the crate's documentation, one property each, and the cases that they came from.

use proptest::collection::vec;
use proptest::prelude::*;
use sip_proto::context::{Invite, Reply};
use sip_proto::endpoint::{Action, Answer};
use sip_proto::message::{Body, BuildError, Builder, Framer, Header, Name, Unit};
use sip_proto::testing::Script;
use sip_proto::testing::script::{
    Answering, Asking, Calling, Damage, Notice, Passing, Recorded, Replying, Step, record, run,
};
use sip_proto::{
    Bound, ClientEvent, Config, DialogEvent, Endpoint, Event, Flow, Input, Limits, Message, Method, Output,
    Refused, StatusCode, Timestamp, Transport,
};

// --- properties over scripts ---

const WHOLE: Damage = Damage { odds: 0, at: 0, with: 0 };
/// The bits of a script's manners that have its outputs taken after every step.
const DRAINS: u32 = 3 << 14;

fn asking(method: u8) -> Asking {
    Asking { method, uri: 0, contact: 0, routes: 0, body: 4, odd: 0, way: 0, damage: WHOLE }
}

fn answer(code: u8, tag: u8) -> Step {
    let request = 0;
    Step::Answer(Answering { request, code, tag, contact: 0, routes: 0, body: 4, odd: 0, damage: WHOLE })
}

fn reply(verb: u8) -> Step {
    Step::Reply(Replying { server: 0, verb, code: 0, extra: 0, reason: 0, body: 8 })
}

/// A call that comes in, is answered and acknowledged.
fn call_in() -> Vec<Step> {
    let acknowledge = Step::Acknowledge { answer: 0, odd: 0, way: 0 };
    [Step::Request(asking(0)), reply(3), reply(0), acknowledge, Step::Within(0, asking(6))].into()
}

/// A call that goes out, rings at two places and is answered.
fn call_out(target: u8) -> Vec<Step> {
    let call = Step::Call(Calling { method: 0, target, extra: 0, body: 8, odd: 0 });
    let found = Step::Notice(Notice::Resolved(0, 0));
    let open = Step::Notice(Notice::Connected(0));
    [call, found, open, answer(1, 0), answer(3, 3), answer(6, 0)].into()
}

/// A re-INVITE in whichever direction, and the end.
fn changes(ours: bool) -> Vec<Step> {
    let ask = Step::Send { dialog: 0, method: 0, extra: 0, body: 8 };
    match ours {
        true => [ask, answer(6, 0), Step::Destroy { dialog: 0, extra: 0 }, answer(6, 0)].into(),
        false => [Step::Within(0, asking(1)), reply(0), Step::Within(0, asking(0))].into(),
    }
}

/// Changes of the session, of ours and of theirs, one on the other's heels. `[what, then]` are ours, `bodies` what the peer says.
fn sessions([what, then, bodies]: [u8; 3], yes: bool) -> Vec<Step> {
    let change = |what| Step::Modify { dialog: 0, what, extra: 0 };
    let hold_back = |yes| Step::HoldBack { dialog: 0, yes };
    let offered = Step::AnswerOffer { dialog: 0, body: then };
    let body = 4 | bodies & !2;
    let theirs = |method| Step::Within(0, Asking { body, ..asking(method) });
    let accepted = || {
        let (request, code, tag) = (0, 6, 0);
        Step::Answer(Answering { request, code, tag, contact: 0, routes: 0, body, odd: 0, damage: WHOLE })
    };
    [
        change(what),
        hold_back(yes),
        change(then),
        accepted(),
        offered.clone(),
        theirs(1),
        accepted(),
        offered,
        theirs(4),
        hold_back(false),
        reply(0),
        Step::Acknowledge { answer: 0, odd: 0, way: 0 },
    ]
    .into()
}

/// What is true of a subscription from its first step to its last.
const TOLD: [Step; 3] = [
    Step::Notify { dialog: 0, usage: 0, body: 15 },
    Step::Report { dialog: 0, usage: 0, code: 1 },
    Step::Terminate { dialog: 0, usage: 0, reason: 5, body: 0 },
];

/// The peer subscribes to something, or refers us, outside dialogs or in a call; each NOTIFY is answered so. `[event, expires]` choose for how
/// long it subscribes to what.
fn subscription_in(is_refer: bool, is_within: bool, [event, expires]: [u8; 2], code: u8) -> Vec<Step> {
    let (contact, routes) = (event << 4, expires << 4);
    let asks = |method| Asking { contact, routes, ..asking(method) };
    let begin = match (is_refer, is_within) {
        (true, true) => Step::Within(0, asks(10)),
        (false, true) => Step::Within(0, asks(12)),
        (true, false) => Step::Request(asks(12)),
        (false, false) => Step::Request(asks(11)),
    };
    let leave = Step::Within(0, Asking { routes: 3 << 4, ..asks(12) });
    let [tell, report, end] = TOLD;
    [begin, reply(0), answer(code, 0), tell, answer(code, 0), report, leave, reply(0), end, answer(code, 0)]
        .into()
}

/// We subscribe to something, or refer the peer. `states` are what it tells; `then` is what becomes of the subscription.
fn subscription_out(dialog: u8, what: u8, states: [u8; 2], then: u8) -> Vec<Step> {
    let ask = |expires| Step::Subscribe { dialog, what, expires, extra: 0 };
    let tell = |state| Step::Tell { request: 0, tag: 0, state, odd: 0, way: 0 };
    let [first, second] = states;
    let leave = Step::Subscribe { dialog: 0, what, expires: 3, extra: 0 };
    let end = match then % 4 {
        0 => leave,
        1 => Step::Destroy { dialog: 0, extra: 0 },
        2 => Step::Time(Passing::Deadlines(then)),
        _ => Step::Within(0, asking(0)),
    };
    [ask(1), tell(first), answer(6, 0), reply(0), end, answer(6, 0), tell(second), reply(0)].into()
}

/// A call with reliable provisional answers, of ours or of the peer's.
fn reliable(ours: bool, rack: u8) -> Vec<Step> {
    match ours {
        true => {
            let invite = Step::Request(Asking { odd: 224, ..asking(0) });
            let prack = Step::Within(0, Asking { odd: rack, ..asking(13) });
            let acknowledge = Step::Acknowledge { answer: 0, odd: 0, way: 0 };
            [invite, reply(0x83), reply(0), prack, reply(0), acknowledge].into()
        }
        false => {
            let call = Step::Call(Calling { method: 0, target: 0, extra: 0, body: 8, odd: 4 });
            // Counted from the newest: the INVITE, then the PRACK, then the INVITE behind it, and so on.
            let answer = |request, code, odd, body| {
                let (tag, damage) = (0, WHOLE);
                Step::Answer(Answering { request, code, tag, contact: 0, routes: 0, body, odd, damage })
            };
            let change = Step::Modify { dialog: 0, what: rack, extra: 0 };
            let [first, second] = [answer(0, 3, 192, 4), answer(1, 2, 193, 0)];
            [call, first, answer(0, 6, 0, 0), second, answer(0, 6, 0, 0), change, answer(2, 6, 0, 0)].into()
        }
    }
}

/// Pieces of calls, any of their steps missing, with anything in between.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let piece = prop_oneof![
        3 => Just(call_in()),
        3 => (0..16_u8).prop_map(call_out),
        2 => any::<bool>().prop_map(changes),
        3 => any::<([u8; 3], bool)>().prop_map(|(numbers, yes)| sessions(numbers, yes)),
        3 => any::<(bool, bool, [u8; 2])>().prop_map(|(is_refer, is_within, numbers)| {
            subscription_in(is_refer, is_within, numbers.map(|number| number % 16), 6)
        }),
        1 => any::<([u8; 2], u8)>().prop_map(|(numbers, code)| subscription_in(false, false, numbers, code)),
        3 => any::<(bool, u8, [u8; 2], u8)>().prop_map(|(is_within, what, states, then)| {
            subscription_out(if is_within { 0 } else { 255 }, what, states, then)
        }),
        3 => any::<(bool, u8)>().prop_map(|(ours, rack)| reliable(ours, rack)),
        1 => (0..20_u8).prop_map(|count| [Step::Time(Passing::Deadlines(count))].into()),
        4 => vec(any::<u8>(), 0..60).prop_map(|octets| Script::from_octets(&octets).steps),
    ];
    let thinned = (piece, vec(0..8_u8, 8)).prop_map(|(steps, missing): (Vec<Step>, Vec<u8>)| {
        let kept = |(at, step): (usize, Step)| (missing.get(at) != Some(&0)).then_some(step);
        steps.into_iter().enumerate().filter_map(kept).collect::<Vec<_>>()
    });
    vec(thinned, 1..7).prop_map(|pieces| pieces.concat())
}

/// The upper half is for what is seldom otherwise.
fn manners() -> impl Strategy<Value = u32> {
    prop_oneof![
        2 => any::<u16>().prop_map(u32::from),
        1 => any::<u32>(),
        2 => (any::<u16>(), 16..32_u32).prop_map(|(usual, bit)| u32::from(usual) | 1 << bit),
    ]
}

fn scripts() -> impl Strategy<Value = Script> {
    (manners(), steps()).prop_map(|(manners, steps)| Script { manners, steps })
}

/// `between` before each step.
fn interleaved(script: Script, between: Step) -> Script {
    let steps = script.steps.into_iter().flat_map(|step| [between.clone(), step]).collect();
    Script { steps, ..script }
}

fn is_command(step: &Step) -> bool {
    matches!(
        step,
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
            | Step::Destroy { .. }
    )
}

/// This many cases, or as many as `PROPTEST_CASES` says if that is more.
fn config(cases: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases.max(cases),
        max_shrink_iters: 2_000,
        failure_persistence: None,
        ..usual
    }
}

macro_rules! holds {
    ($checked:expr) => {
        match $checked {
            Ok(checked) => checked,
            Err(violation) => return Err(TestCaseError::fail(violation.to_string())),
        }
    };
}

proptest! {
    #![proptest_config(config(500))]

    /// Contract 1: same config, same seed, same operations with the same timestamps: the same outputs, byte for byte.
    #[test]
    fn contract_1_the_same_operations_give_the_same_outputs(script in scripts()) {
        let recording = holds!(record(&script));
        holds!(recording.check_replay());
    }

    /// Contract 2: network input never panics, fails or loops, and holds bounded memory; here nobody but the peer does anything.
    #[test]
    fn contract_2_peers_cannot_hurt(mut script in scripts()) {
        script.steps.retain(|step| !is_command(step));
        let recording = holds!(record(&script));
        let is_command = |recorded: &&Recorded| matches!(recorded.operation.action, Action::Command(_));
        prop_assert!(recording.operations.iter().all(|recorded| is_command(&recorded) || recorded.result == Ok(None)));
    }

    /// Contract 3: one queue; at its limit a new request counts as lost, and what existing calls are owed is bounded.
    #[test]
    fn contract_3_one_queue_is_bounded_without_being_drained(mut script in scripts()) {
        script.manners = script.manners & !DRAINS | 1 << 4;
        script.steps.retain(|step| !matches!(step, Step::Drain(128..)));
        script.steps.truncate(Script::MOST_STEPS / 2);
        let again = Step::Again { input: 0, times: 7, way: None };
        holds!(record(&interleaved(script, again)));
    }

    /// Contract 4: the deadline is the next instant at which something happens, and it moves on.
    #[test]
    fn contract_4_the_deadline_is_honest(mut script in scripts()) {
        script.manners |= DRAINS;
        script.steps.truncate(Script::MOST_STEPS / 2);
        holds!(record(&interleaved(script, Step::Time(Passing::ToDeadline))));
    }

    /// Contract 5: an older timestamp is treated as the newest seen.
    #[test]
    fn contract_5_time_only_moves_forward(mut script in scripts(), late in 1..60_000_u16) {
        script.steps.truncate(Script::MOST_STEPS / 2);
        let recording = holds!(record(&interleaved(script, Step::Time(Passing::Backwards(late)))));
        holds!(recording.check_time());
    }

    /// Contract 6: everything ends: each context with one `Ended`, each dialog with one `Destroy`, each request with one result.
    #[test]
    fn contract_6_everything_ends(script in scripts()) {
        holds!(record(&script));
    }

    /// Contract 7: misuse is a typed refusal and changes nothing: without it, all goes the same way.
    #[test]
    fn contract_7_a_refusal_changes_nothing(script in scripts(), extra in 128..=u8::MAX, odd in any::<u8>()) {
        let steps = script.steps.into_iter().flat_map(|step| {
            let call = Step::Call(Calling { method: odd, target: odd, extra, body: odd, odd });
            let reply = Step::Reply(Replying { server: 0, verb: odd, code: 0, extra, reason: odd, body: odd });
            let send = Step::Send { dialog: 0, method: odd, extra, body: odd };
            let modify = Step::Modify { dialog: 0, what: odd, extra };
            let answer = Step::AnswerOffer { dialog: 0, body: odd };
            let subscribe = Step::Subscribe { dialog: odd, what: odd, expires: odd, extra };
            let tell = Step::Notify { dialog: 0, usage: odd, body: odd };
            let report = Step::Report { dialog: 0, usage: odd, code: odd };
            let end = Step::Terminate { dialog: 0, usage: odd, reason: odd, body: odd };
            [step, reply, send, modify, answer, call, subscribe, tell, report, end]
        });
        let recording = holds!(record(&Script { manners: script.manners, steps: steps.collect() }));
        holds!(recording.check_refusals());
    }

    /// All of them at once, over octets of any kind: what the fuzz target does.
    #[test]
    fn any_octets_are_a_script_that_keeps_all_contracts(octets in vec(any::<u8>(), 0..900)) {
        holds!(run(&Script::from_octets(&octets)));
    }

    /// Corpora are written as they are read.
    #[test]
    fn a_script_is_the_octets_it_is_read_from(octets in vec(any::<u8>(), 0..300)) {
        let script = Script::from_octets(&octets);
        prop_assert_eq!(Script::from_octets(&script.to_octets()).to_octets(), script.to_octets());
    }
}

/// What the properties above are about is reached: changes that were accepted, late offers that were answered.
#[test]
fn scripts_change_sessions() {
    for (what, then, line) in [(0, 2, "sendonly"), (4, 0, "ACK sip:alice")] {
        let steps = [call_in(), sessions([what, then, 5], false)].concat();
        let steps =
            steps.into_iter().filter(|step| !matches!(step, Step::Within(0, Asking { method: 6, .. })));
        let recording = record(&Script { manners: DRAINS, steps: steps.collect() }).unwrap();
        let is_seen = |output: &Vec<u8>| String::from_utf8_lossy(output).contains(line);
        assert!(recording.outputs.iter().any(is_seen), "{line}");
        assert!(recording.outputs.iter().any(|output| output.starts_with(b"Event(Client") && {
            String::from_utf8_lossy(output).contains("Accepted")
        }));
    }
}

/// Likewise: subscriptions both ways, and reliable provisional answers both ways.
#[test]
fn scripts_subscribe_and_acknowledge() {
    let tells = |code| Step::Report { dialog: 0, usage: 0, code };
    let leave = Step::Subscribe { dialog: 0, what: 0, expires: 3, extra: 0 };
    let told = Step::Tell { request: 0, tag: 0, state: 4, odd: 0, way: 0 };
    // RFC 3515 §3.10: until the next NOTIFY may go.
    let second = Step::Time(Passing::Briefly(1_100));
    // Bits of the manners: 11 for reliable provisional answers.
    for (manners, steps, lines) in [
        (
            DRAINS,
            subscription_in(false, false, [0, 0], 6),
            &["Subscription-State: active", "reason=noresource"][..],
        ),
        (
            DRAINS,
            [
                call_in(),
                [Step::Within(0, asking(10)), reply(0), tells(1), second.clone(), tells(2), second].into(),
            ]
            .concat(),
            &["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "terminated;reason=noresource"],
        ),
        (
            DRAINS,
            [subscription_out(255, 0, [0, 0], 2), [leave, answer(6, 0), told].into()].concat(),
            &["SUBSCRIBE sip:alice@192.0.2.1 ", "Expires: 0\r\n", "SubscriptionEnded"],
        ),
        (
            DRAINS,
            subscription_out(255, 192, [0, 4], 3),
            &["Refer-To: <sip:carol@192.0.2.9>", "SubscriptionEnded"],
        ),
        (DRAINS | 1 << 11, reliable(true, 0), &["RSeq: ", "Pracked", "SIP/2.0 200 OK"]),
        (
            DRAINS | 1 << 11,
            reliable(false, 0),
            &["PRACK sip:alice", "RAck: 1 1 INVITE", "RAck: 2 1 INVITE", "ACK sip:"],
        ),
    ] {
        let recording = record(&interleaved(
            Script { manners: manners | DRAINS, steps },
            Step::Time(Passing::ToDeadline),
        ))
        .unwrap();
        let outputs: Vec<_> =
            recording.outputs.iter().map(|output| String::from_utf8_lossy(output)).collect();
        for line in lines {
            assert!(outputs.iter().any(|output| output.contains(line)), "{line}");
        }
    }
}

/// With room for one of each, what is owed has room of its own: refreshes that were refused with 491 wait for Timer D beside the next try (RFC 3261 §14.1,
/// §17.1.1.2), and each dialog's BYE is answered (§15.1.2).
#[test]
fn what_is_owed_has_its_own_room() {
    let call = Step::Call(Calling { method: 0, target: 0, extra: 0, body: 8, odd: 0 });
    let hang_up = Step::Within(0, asking(0));
    let mut refreshes = vec![call.clone(), answer(6, 0), Step::Time(Passing::Deadlines(1))];
    refreshes.extend(core::iter::repeat_n([answer(70, 0), Step::Time(Passing::ToDeadline)], 4).flatten());
    let byes = vec![Step::Request(asking(0)), reply(0), hang_up.clone(), call, answer(6, 0), hang_up];
    for (manners, steps, most) in [(1 << 7 | 1 << 18, refreshes, (1, 5)), (1 << 18, byes, (0, 3))] {
        assert_eq!(most_held(&Script { manners: manners | DRAINS, steps }, most.0), most.1);
    }
}

/// How many of one kind an endpoint has at most.
fn most_held(script: &Script, kind: usize) -> usize {
    let recording = record(script).unwrap();
    let mut endpoint: Endpoint = Endpoint::new(recording.config.clone(), recording.seed);
    let counts = recording.operations().map(|operation| {
        _ = endpoint.apply(operation);
        while endpoint.poll_output().is_some() {}
        endpoint.counts()[kind]
    });
    counts.max().unwrap_or_default()
}

// --- properties of the wire ---

fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9.!%*_+`'~-]{1,40}"
}

fn begun(method: &Method) -> Builder {
    let mut builder = Builder::request(method, "sip:bob@192.0.2.4");
    builder
        .header(Name::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
        .header(Name::From, "<sip:alice@192.0.2.1>;tag=1")
        .header(Name::To, "<sip:bob@192.0.2.4>")
        .header(Name::CallId, "c");
    builder
}

proptest! {
    #![proptest_config(config(400))]

    /// What is built is what its octets are parsed as.
    #[test]
    fn parsing_undoes_building(
        method in token(),
        cseq in any::<u32>(),
        headers in vec(("X-[A-Za-z0-9.-]{0,20}", "[ \t]{0,2}[^\\p{Cc}]{0,60}[ \t]{0,2}"), 0..6),
        body in proptest::option::of(vec(any::<u8>(), 0..200)),
    ) {
        let method = Method::parse(&method).unwrap();
        let headers: Vec<_> = headers.into_iter().map(|(name, value)| Header::new(name, value)).collect();
        let body = body.map(|octets| Body::new("application/octet-stream", octets));
        let mut builder = begun(&method);
        builder.cseq(cseq, &method);
        let built = headers.iter().fold(&mut builder, Builder::extra).finish_with(body.as_ref()).unwrap();
        // One builder writes one message.
        prop_assert_eq!(builder.finish(), Err(BuildError::Finished));
        let parsed = Message::parse(built.as_bytes().to_vec());
        prop_assert_eq!(parsed.as_ref(), Ok(&built));
        prop_assert_eq!((built.method(), built.cseq()), (&method, cseq));
        prop_assert_eq!(built.body(), body.as_ref().map(|body| &body.bytes[..]).unwrap_or_default());
        for header in &headers {
            let value = header.value.trim_matches([' ', '\t']);
            prop_assert!(built.headers(&header.name).any(|other| other == value), "{header:?}");
        }
    }

    /// Whatever an application supplies, it is refused, or it is one line.
    #[test]
    fn nothing_is_smuggled_into_a_message(name in ".{0,8}", value in "(?s).{0,30}", reason in "(?s).{0,30}") {
        let lines = |message: &Message| message.lines().count();
        let usual = lines(&begun(&Method::Info).cseq(1, &Method::Info).finish().unwrap());
        for header in [Header::new(name, "v"), Header::new("X-Any", value)] {
            if let Ok(built) = begun(&Method::Info).cseq(1, &Method::Info).extra(&header).finish() {
                prop_assert_eq!(lines(&built), usual + 1);
                prop_assert_eq!(Message::parse(built.as_bytes().to_vec()), Ok(built));
            }
        }
        let request = begun(&Method::Info).cseq(1, &Method::Info).finish().unwrap();
        if let Ok(built) = request.answer(StatusCode::OK, &reason, "t").finish() {
            prop_assert_eq!(built.reason_phrase(), &reason[..]);
            prop_assert_eq!(Message::parse(built.as_bytes().to_vec()), Ok(built));
        }
    }

    /// A stream gives the same units however it is cut.
    #[test]
    fn chunks_make_no_difference(
        units in vec(proptest::option::of(vec(any::<u8>(), 0..40)), 1..8),
        strays in vec("[\r\n]{0,3}", 8),
        lengths in vec(1..50_usize, 1..10),
    ) {
        let mut stream = Vec::new();
        for (unit, stray) in units.iter().zip(&strays) {
            stream.extend_from_slice(stray.as_bytes());
            match unit {
                Some(body) => {
                    let method = Method::Message;
                    let body = Body::new("text/plain", body.clone());
                    let built = begun(&method).cseq(1, &method).finish_with(Some(&body)).unwrap();
                    stream.extend_from_slice(built.as_bytes());
                }
                None => stream.extend_from_slice(b"\r\n\r\n"),
            }
        }
        let whole = frame(&[&stream]);
        let messages = |units: &[Unit]| units.iter().filter(|unit| matches!(unit, Unit::Message(_))).count();
        prop_assert_eq!(messages(&whole), units.iter().flatten().count());
        let mut left = &stream[..];
        let mut chunks = Vec::new();
        for length in lengths.iter().cycle() {
            let (chunk, rest) = left.split_at((*length).min(left.len()));
            chunks.push(chunk);
            left = rest;
            if left.is_empty() {
                break;
            }
        }
        prop_assert_eq!(frame(&chunks), whole);
    }
}

fn frame(chunks: &[&[u8]]) -> Vec<Unit> {
    let mut framer = Framer::new();
    let mut units = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        while let Some(unit) = framer.next(&Limits::DEFAULT).unwrap() {
            units.push(unit);
        }
    }
    units
}

// --- cases ---

const NOW: Timestamp = Timestamp::from_secs(1);

fn udp() -> Flow {
    Flow::udp("192.0.2.4:5060".parse().unwrap(), "192.0.2.1:5060".parse().unwrap())
}

fn stream(transport: Transport, conn: u32) -> Flow {
    Flow { transport, conn, ..udp() }
}

fn endpoint(change: impl FnOnce(&mut Config)) -> Endpoint {
    let mut config = Config::new("sip:bob@192.0.2.4").unwrap();
    change(&mut config);
    let mut sip = Endpoint::new(config, [7; 32]);
    for transport in [Transport::Udp, Transport::Tcp] {
        sip.handle_input(NOW, Input::Bound(Bound { transport, local: udp().local, advertised: None }));
    }
    sip
}

fn request(method: &str, number: u32, to_tag: &str, contact: &str) -> String {
    format!(
        "{method} sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{method}{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@192.0.2.1>;tag=f{number}\r\nTo: <sip:bob@192.0.2.4>{to_tag}\r\nCall-ID: call{number}\r\n\
         CSeq: {number} {method}\r\nContact: {contact}\r\nContent-Length: 0\r\n\r\n"
    )
}

fn invite(number: u32) -> String {
    request("INVITE", number, "", "<sip:alice@192.0.2.1>")
}

/// A request within the dialog that `ok` made.
fn within(ok: &Message, method: &str, cseq: u32) -> String {
    let value = |name| ok.value(name).unwrap();
    format!(
        "{method} sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{method}{cseq}\r\nMax-Forwards: 70\r\n\
         From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
        value(Name::From),
        value(Name::To),
        value(Name::CallId)
    )
}

/// An answer to a request of the endpoint's.
fn answer_to(request: &Message, status: &str, tag: &str) -> String {
    let value = |name| request.value(name).unwrap();
    let tag = if request.to().unwrap().tag().is_some() { String::new() } else { format!(";tag={tag}") };
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
         Contact: <sip:alice@192.0.2.1>\r\nContent-Length: 0\r\n\r\n",
        value(Name::Via),
        value(Name::From),
        value(Name::To),
        value(Name::CallId),
        value(Name::CSeq)
    )
}

fn give(sip: &mut Endpoint, octets: impl Into<Vec<u8>>) {
    sip.handle_input(NOW, Input::Datagram { flow: udp(), payload: octets.into().into() });
}

fn drain(sip: &mut Endpoint) -> Vec<Output> {
    std::iter::from_fn(|| sip.poll_output()).collect()
}

fn sent(outputs: &[Output]) -> Vec<&Message> {
    let messages = outputs.iter().filter_map(|output| match output {
        Output::Transmit(transmit) => transmit.payload.message(),
        _ => None,
    });
    messages.collect()
}

fn events(outputs: &[Output]) -> Vec<&Event> {
    let events = outputs.iter().filter_map(|output| match output {
        Output::Event(event) => Some(event),
        _ => None,
    });
    events.collect()
}

/// A call that was answered and acknowledged: its 2xx.
fn established(sip: &mut Endpoint, number: u32, contact: &str) -> Message {
    give(sip, request("INVITE", number, "", contact));
    let Some(Output::Event(Event::Incoming { server, .. })) = sip.poll_output() else { panic!() };
    sip.server(server).unwrap().accept(NOW, Reply::new()).unwrap();
    let outputs = drain(sip);
    let ok = sent(&outputs)[0].clone();
    give(sip, within(&ok, "ACK", number));
    assert_eq!(events(&drain(sip)).len(), 1);
    ok
}

/// Lets all timers run out; whether nothing is left.
fn runs_out(sip: &mut Endpoint) -> bool {
    for _ in 0..1_000 {
        drain(sip);
        let Some(at) = sip.poll_timeout() else { return sip.is_empty() };
        sip.handle_timeout(at);
    }
    false
}

#[test]
fn who_never_drains_stays_bounded_and_calls_still_end() {
    const QUEUE: usize = 16;
    let mut sip = endpoint(|config| config.limits.queue = QUEUE);
    let ok = established(&mut sip, 1, "<sip:alice@192.0.2.1>");
    give(&mut sip, invite(2));
    let Some(Output::Event(Event::Incoming { server, .. })) = sip.poll_output() else { panic!() };
    sip.server(server).unwrap().progress(NOW, Reply::new()).unwrap();
    drain(&mut sip);
    for number in 0..5_000 {
        give(&mut sip, invite(100 + number));
        give(&mut sip, invite(2));
        give(&mut sip, within(&ok, "INFO", 2 + number));
        give(&mut sip, "OPTIONS garbage SIP/2.0\r\n\r\n");
        give(&mut sip, request("BYE", 9_000 + number, ";tag=unknown", "<sip:alice@192.0.2.1>"));
        sip.handle_input(
            NOW,
            Input::Stream { flow: stream(Transport::Tcp, number), payload: "\r\n\r\n\r\n\r\n".into() },
        );
    }
    assert!(sip.counters().queue_full > 15_000, "{:?}", sip.counters());
    assert!(sip.counts()[0] <= QUEUE, "{:?}", sip.counts());

    give(&mut sip, within(&ok, "BYE", 9_999));
    let outputs = drain(&mut sip);
    assert!(outputs.len() <= QUEUE + 3, "{}", outputs.len());
    let answers = sent(&outputs);
    let is_bye = |message: &&&Message| *message.method() == Method::Bye && message.cseq() == 9_999;
    assert_eq!(answers.iter().find(is_bye).and_then(|answer| answer.status()), Some(StatusCode::OK));
    let is_end = |event: &&&Event| matches!(event, Event::Dialog { event: DialogEvent::Destroy { .. }, .. });
    assert_eq!(events(&outputs).iter().filter(is_end).count(), 1);
    assert!(runs_out(&mut sip));
}

#[test]
fn timers_alone_do_not_fill_a_queue_that_is_never_drained() {
    let mut sip = endpoint(|config| config.limits.queue = 16);
    for number in 0..16 {
        give(&mut sip, invite(number));
    }
    sip.invite(NOW, Invite::to("sip:alice@192.0.2.1")).unwrap_err();
    // While outputs wait, the deadline is now; an embedder that does nothing but fire timers still gets somewhere.
    for second in 0..1_000 {
        sip.handle_timeout(Timestamp::from_secs(1 + second));
    }
    let outputs = drain(&mut sip);
    // For each call: a 100, three times 180, 480 and its ten retransmissions, and the events.
    assert!(outputs.len() <= 16 * 24, "{}", outputs.len());
    assert!(sip.is_empty());
}

#[test]
fn an_answer_that_waits_for_a_connection_waits_once() {
    let mut sip = endpoint(|_| {});
    let tcp = stream(Transport::Tcp, 1);
    let octets = invite(1);
    sip.handle_input(NOW, Input::Stream { flow: tcp, payload: octets.clone().into() });
    let Some(Output::Event(Event::Incoming { server, .. })) = sip.poll_output() else { panic!() };
    sip.server(server).unwrap().progress(NOW, Reply::new()).unwrap();
    drain(&mut sip);
    sip.handle_input(NOW, Input::Closed { flow: tcp });
    for _ in 0..1_000 {
        give(&mut sip, octets.clone());
    }
    let outputs = drain(&mut sip);
    let [Output::Connect(connect)] = &outputs[..] else { panic!("{outputs:?}") };
    let flow = stream(Transport::Tcp, 2);
    sip.handle_input(NOW, Input::Connected { token: connect.token, flow });
    assert_eq!(drain(&mut sip).len(), 1);
}

#[test]
fn a_call_can_be_ended_whose_peer_cannot_be_reached() {
    // RFC 3261 §12.2.1.2: a re-INVITE may move the target to any URI; none but SIP can be sent to.
    for contact in ["<tel:+1>", "<http://example.com/>"] {
        let mut sip = endpoint(|_| {});
        let ok = established(&mut sip, 1, "<sip:alice@192.0.2.1>");
        let moves = within(&ok, "INVITE", 2)
            .replace("Content-Length", &format!("Contact: {contact}\r\nContent-Length"));
        give(&mut sip, moves);
        let outputs = drain(&mut sip);
        let asks = |event: &&Event| match event {
            Event::Dialog { dialog, event } => match event.asked()?.answer {
                Answer::Ask(server) => Some((*dialog, server)),
                Answer::Auto(_) => None,
            },
            _ => None,
        };
        let (dialog, server) = events(&outputs).iter().find_map(asks).unwrap();
        sip.server(server).unwrap().accept(NOW, Reply::new()).unwrap();
        let outputs = drain(&mut sip);
        // Deferred until the ACK, which never comes.
        sip.dialog(dialog).unwrap().destroy(NOW).unwrap();
        assert_eq!(sip.counts()[2], 1);
        give(&mut sip, within(sent(&outputs)[0], "ACK", 2));
        assert_eq!(sip.counts()[2], 0);
        let recorded = run(&Script {
            manners: DRAINS,
            steps: [
                Step::Request(Asking { contact: 10, ..asking(0) }),
                reply(0),
                Step::Acknowledge { answer: 0, odd: 0, way: 0 },
                Step::Destroy { dialog: 0, extra: 0 },
            ]
            .into(),
        });
        assert!(recorded.is_ok(), "{recorded:?}");
    }
}

#[test]
fn a_bye_that_waits_for_the_ack_is_checked_at_once() {
    let mut sip = endpoint(|_| {});
    give(&mut sip, invite(1));
    let Some(Output::Event(Event::Incoming { server, .. })) = sip.poll_output() else { panic!() };
    let dialog = sip.server(server).unwrap().accept(NOW, Reply::new()).unwrap().dialog().unwrap();
    let outputs = drain(&mut sip);
    let hostile = Header::new("Reason", "SIP;cause=200\r\nX-Smuggled: 1");
    assert!(sip.dialog(dialog).unwrap().destroy_with(NOW, [hostile].into()).is_err());
    give(&mut sip, within(sent(&outputs)[0], "ACK", 1));
    // Nothing was deferred: the call goes on.
    assert!(sent(&drain(&mut sip)).is_empty());
    sip.dialog(dialog).unwrap().destroy(NOW).unwrap();
    assert_eq!(sent(&drain(&mut sip)).len(), 1);
}

#[test]
fn a_reinvite_has_one_result_however_many_answer_it() {
    let mut sip = endpoint(|_| {});
    sip.invite(NOW, Invite::to("sip:alice@192.0.2.1")).unwrap();
    let first = sent(&drain(&mut sip))[0].clone();
    give(&mut sip, answer_to(&first, "200 OK", "t1"));
    let outputs = drain(&mut sip);
    let accepted = |event: &&Event| match event {
        Event::Client { event: ClientEvent::Accepted { dialog, .. }, .. } => *dialog,
        _ => None,
    };
    let dialog = events(&outputs).iter().find_map(accepted).unwrap();
    let again = sip_proto::dialog::InDialog::new(Method::Invite);
    sip.dialog(dialog).unwrap().request(NOW, again).unwrap();
    let second = sent(&drain(&mut sip))[0].clone();
    let ok = answer_to(&second, "200 OK", "");
    for other in [";tag=t1", ";tag=t2", ";tag=t3"] {
        give(&mut sip, ok.replace(";tag=t1", other));
    }
    let outputs = drain(&mut sip);
    assert_eq!(events(&outputs).iter().filter_map(accepted).count(), 1, "{outputs:?}");
}

#[test]
fn at_the_limit_of_forks_the_first_answer_is_acknowledged_again() {
    let mut sip = endpoint(|config| config.limits.forks = 1);
    sip.invite(NOW, Invite::to("sip:alice@192.0.2.1")).unwrap();
    let request = sent(&drain(&mut sip))[0].clone();
    let ok = answer_to(&request, "200 OK", "t1");
    for _ in 0..3 {
        give(&mut sip, ok.clone());
        let outputs = drain(&mut sip);
        assert_eq!(sent(&outputs).iter().map(|message| message.method()).collect::<Vec<_>>(), [&Method::Ack]);
    }
    give(&mut sip, answer_to(&request, "200 OK", "t2"));
    assert_eq!((drain(&mut sip).len(), sip.counters().forks_dropped), (0, 1));
}

#[test]
fn a_fork_is_known_by_its_to_tag_alone() {
    let mut sip = endpoint(|_| {});
    sip.invite(NOW, Invite::to("sip:alice@192.0.2.1")).unwrap();
    let request = sent(&drain(&mut sip))[0].clone();
    give(&mut sip, answer_to(&request, "180 Ringing", "t1"));
    let from = request.value(Name::From).unwrap();
    let strange = answer_to(&request, "180 Ringing", "t1").replace(from, "<sip:bob@192.0.2.4>;tag=strange");
    give(&mut sip, strange);
    assert_eq!(sip.counts()[2], 1);
}

#[test]
fn answers_to_a_web_socket_message_go_back_by_its_connection() {
    let mut sip = endpoint(|_| {});
    let flow = stream(Transport::Ws, 3);
    sip.handle_input(NOW, Input::Message { flow, payload: invite(1).replace("/UDP", "/WS").into() });
    let Some(Output::Event(Event::Incoming { server, .. })) = sip.poll_output() else { panic!() };
    sip.server(server).unwrap().accept(NOW, Reply::new()).unwrap();
    let Some(Output::Transmit(transmit)) = sip.poll_output() else { panic!() };
    assert_eq!(transmit.flow, flow);
}

#[test]
fn a_bare_cr_is_no_part_of_an_answer() {
    // RFC 3261 §25.1: a quoted pair holds no CR. To some receivers it ends a line.
    for display_name in ["\"\\\rX-Smuggled: 1\"", "\"\rX-Smuggled: 1\"", "\rX-Smuggled: 1"] {
        let mut sip = endpoint(|_| {});
        give(&mut sip, invite(1).replace("From: ", &format!("From: {display_name} ")));
        assert!(sip.poll_output().is_none(), "{display_name:?}");
        assert_eq!(sip.counters().broken_dropped, 1, "{display_name:?}");
    }
}

#[test]
fn a_lost_stream_is_told_of_once_there_is_room() {
    let mut sip = endpoint(|config| config.limits.queue = 1);
    give(&mut sip, invite(1));
    let flow = stream(Transport::Tcp, 1);
    let garbage = || Input::Stream { flow, payload: "no length\r\n\r\n".into() };
    sip.handle_input(NOW, garbage());
    assert!(!drain(&mut sip).contains(&Output::Close { flow }));
    sip.handle_input(NOW, garbage());
    assert!(drain(&mut sip).contains(&Output::Close { flow }));
}

#[test]
fn the_end_of_time_is_no_trap() {
    let mut sip = endpoint(|_| {});
    sip.handle_timeout(Timestamp::MAX);
    give(&mut sip, invite(1));
    let Some(Output::Event(Event::Incoming { server, .. })) = sip.poll_output() else { panic!() };
    sip.invite(NOW, Invite::to("sip:alice@192.0.2.1")).unwrap();
    sip.server(server).unwrap().accept(NOW, Reply::new()).unwrap();
    sip.handle_timeout(Timestamp::MAX);
    drain(&mut sip);
    assert_eq!(sip.poll_timeout(), None);
}

/// What the loop of the crate's documentation does with an event.
fn on_event(sip: &mut Endpoint, event: &Event) -> Result<(), Refused> {
    if let Event::Incoming { server, .. } = event {
        sip.server(*server)?.progress(NOW, Reply::new())?.accept(NOW, Reply::new().sdp("v=0\r\n"))?;
    }
    Ok(())
}

#[test]
fn a_race_is_refused_and_the_loop_goes_on() {
    let mut sip = endpoint(|_| {});
    give(&mut sip, invite(1));
    let mut arriving =
        [request("CANCEL", 1, "", "<sip:alice@192.0.2.1>").replace("KCANCEL", "KINVITE"), invite(2)]
            .into_iter();
    let (mut refusals, mut answers) = (Vec::new(), Vec::new());
    while let Some(output) = sip.poll_output() {
        match output {
            Output::Event(event) => {
                // What comes in between the event and its handling.
                if let (Event::Incoming { .. }, Some(octets)) = (&event, arriving.next()) {
                    give(&mut sip, octets);
                }
                if let Err(refused) = on_event(&mut sip, &event) {
                    refusals.push(refused);
                    if let Some(octets) = arriving.next() {
                        give(&mut sip, octets);
                    }
                }
            }
            Output::Transmit(transmit) => {
                let message = transmit.payload.message().unwrap();
                answers.push((message.call_id().to_owned(), message.status().unwrap().code()));
            }
            _ => {}
        }
    }
    assert_eq!(refusals, [Refused::Context(sip_proto::context::ContextError::Cancelled)]);
    let answers: Vec<_> = answers.iter().map(|(call, code)| (call.as_str(), *code)).collect();
    assert_eq!(answers, [("call1", 200), ("call1", 487), ("call2", 180), ("call2", 200)]);
}
