//! Provisional answers that are acknowledged (RFC 3262), on both sides, with no endpoint: rule by rule.

use std::sync::Arc;
use std::time::Duration;

use sip_proto::context::{
    ClientContext, ClientEffects, ContextError, Defaults, Rel100, Reply, ServerContext, ServerEffects,
    Settings,
};
use sip_proto::message::{BuildError, Name, RAck};
use sip_proto::random::Token;
use sip_proto::{Message, Method, StatusCode, Timestamp};

const T0: Timestamp = Timestamp::ZERO;
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n";

fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// An INVITE has an offer.
fn request(method: &str, lines: &str) -> Message {
    match method {
        "INVITE" => with_body(method, &format!("Content-Type: application/sdp\r\n{lines}"), SDP),
        _ => with_body(method, lines, ""),
    }
}

fn with_body(method: &str, lines: &str, body: &str) -> Message {
    let text = format!(
        "{method} sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nFrom: <sip:alice@c>;tag=a\r\n\
         To: <sip:bob@h>\r\nCall-ID: call\r\nCSeq: 314159 {method}\r\nContact: <sip:alice@c>\r\n{lines}\r\n{body}"
    );
    Message::parse(text).unwrap()
}

fn settings(rel100: Rel100) -> Settings {
    Settings { rel100, repeat_ringing: false, ..Settings::DEFAULT }
}

// The server.

/// What an INVITE says about reliable answers.
const SUPPORTED: &str = "Supported: timer, 100rel\r\n";
const REQUIRED: &str = "Require: 100REL\r\n";

#[derive(Clone, Debug, PartialEq)]
struct Server {
    context: ServerContext,
    settings: Settings,
}

impl Server {
    /// An INVITE that supports reliable answers, which we support too.
    fn new() -> Self {
        Self::with(Rel100::Supported, SUPPORTED)
    }

    fn with(policy: Rel100, lines: &str) -> Self {
        Self::over(policy, lines, false)
    }

    fn over(policy: Rel100, lines: &str, is_tcp: bool) -> Self {
        let settings = settings(policy);
        let request = Arc::new(request("INVITE", lines));
        let context = ServerContext::new(T0, request, is_tcp, Token::from_bits(7), &settings);
        Self { context, settings }
    }

    fn give(&mut self, at: Timestamp, reply: Reply) -> Result<ServerEffects, ContextError> {
        self.context.reply(at, &reply, &Defaults::default(), &self.settings)
    }

    /// A 183 that is to be reliable.
    fn ring(&mut self, at: Timestamp) -> ServerEffects {
        self.give(at, Reply::code(183).reliable()).unwrap()
    }

    /// The same with a session description.
    fn ring_with_sdp(&mut self, at: Timestamp) -> ServerEffects {
        self.give(at, Reply::code(183).reliable().sdp(SDP)).unwrap()
    }

    fn accept(&mut self, at: Timestamp) -> ServerEffects {
        self.give(at, Reply::code(200)).unwrap()
    }

    /// A PRACK with this RSeq.
    fn prack(&mut self, at: Timestamp, rseq: u32) -> ServerEffects {
        self.prack_with(at, rseq, 314_159, Method::Invite)
    }

    fn prack_with(&mut self, at: Timestamp, rseq: u32, cseq: u32, method: Method) -> ServerEffects {
        self.context.prack(at, &RAck { rseq, cseq, method }, &self.settings)
    }

    fn cancel(&mut self, at: Timestamp) -> ServerEffects {
        self.context.cancel(at, &Defaults::default(), &self.settings)
    }

    /// What was sent last, as the peer reads it.
    fn sent(&self) -> Message {
        Message::parse(self.context.response().unwrap().as_bytes().to_vec()).unwrap()
    }

    fn code(&self) -> u16 {
        self.context.response().and_then(|answer| answer.status()).map_or(0, StatusCode::code)
    }

    fn rseq(&self) -> u32 {
        self.sent().rseq().unwrap().unwrap()
    }

    /// When something was sent up to `end` by itself: milliseconds, code, and what else was asked for.
    fn run(&mut self, end: Timestamp) -> Vec<(u64, u16, ServerEffects)> {
        let mut log = Vec::new();
        while let Some(at) = self.context.deadline().filter(|at| *at <= end) {
            while let Some(effects) = self.context.fire(at, &Defaults::default(), &self.settings) {
                if !effects.is_empty() {
                    log.push((at.as_millis(), self.code(), effects - ServerEffects::SEND));
                }
            }
            assert!(self.context.deadline().is_none_or(|next| next > at), "the deadline moves on");
        }
        log
    }

    /// A refusal, which changes nothing.
    fn refused(&mut self, at: Timestamp, reply: Reply) -> ContextError {
        let before = self.context.clone();
        let refused = self.give(at, reply).unwrap_err();
        assert_eq!(self.context, before, "refused, and something changed");
        refused
    }
}

const SEND: ServerEffects = ServerEffects::SEND;
const PRACKED: ServerEffects = ServerEffects::PRACKED;
const HELD: ServerEffects = ServerEffects::HELD;
const PROGRESS: ServerEffects = ServerEffects::PROGRESS;
const ACCEPTED: ServerEffects = ServerEffects::ACCEPTED;
const REJECTED: ServerEffects = ServerEffects::REJECTED;
const NOTHING: ServerEffects = ServerEffects::NONE;

/// Whether an answer is a reliable one. It is all or nothing: Require and RSeq.
fn is_reliable(answer: &Message) -> bool {
    let (required, numbered) =
        (answer.require().any(|tag| tag == "100rel"), answer.value(Name::RSeq).is_some());
    assert_eq!(required, numbered, "{answer:?}");
    numbered
}

/// RFC 3262 §3: reliable only if the INVITE says Supported or Require; always if it says Require, or our policy does; else as
/// the application wishes; 100 and final answers never; nothing but an INVITE's answers.
// Holds: 3262-3-1, 3262-3-3, 3262-3-4, 3261-8.2.4-1, 3261-8.2.4-6
#[test]
fn which_answers_are_reliable() {
    use Rel100::{Required, Supported, Unsupported};
    for (policy, lines, unasked, asked) in [
        (Unsupported, "", false, false),
        (Unsupported, SUPPORTED, false, false),
        (Unsupported, REQUIRED, false, false),
        (Supported, "", false, false),
        (Supported, SUPPORTED, false, true),
        (Supported, REQUIRED, true, true),
        (Required, "", false, false),
        (Required, SUPPORTED, true, true),
        (Required, REQUIRED, true, true),
    ] {
        for code in 101..=199 {
            for (wish, expected) in [(false, unasked), (true, asked)] {
                let mut server = Server::with(policy, lines);
                let reply = Reply { reliable: wish, ..Reply::code(code) };
                assert_eq!(server.give(T0, reply), Ok(SEND | PROGRESS));
                assert_eq!(is_reliable(&server.sent()), expected, "{policy:?} {lines} {code} {wish}");
                assert_eq!(server.context.awaits_prack(), expected);
            }
        }
        for code in [100, 200, 302, 486, 603] {
            let mut server = Server::with(policy, lines);
            server.give(T0, Reply::code(code).reliable()).unwrap();
            assert!(!is_reliable(&server.sent()), "{policy:?} {lines} {code}");
        }
    }
}

/// RFC 3262 §3: for no method but INVITE.
#[test]
fn only_answers_to_an_invite_are_reliable() {
    use Rel100::Unsupported;
    for method in ["OPTIONS", "SUBSCRIBE", "UPDATE", "PRACK"] {
        for lines in [SUPPORTED, REQUIRED] {
            assert_eq!(Rel100::of(&request(method, lines)), Unsupported, "{method}");
        }
    }
}

/// The 100 that goes out by itself is none either, whatever the peer requires (RFC 3262 §3).
// Holds: 3262-3-3
#[test]
fn the_automatic_100_is_not_reliable() {
    let mut server = Server::with(Rel100::Required, REQUIRED);
    assert_eq!(server.run(ms(1_000)), [(200, 100, NOTHING)]);
    assert!(!is_reliable(&server.sent()));
}

/// RFC 3262 §3, §7.1: the first RSeq is 1 to 2³¹ − 1, each next one is greater by one; every answer has Require and its To tag.
// Holds: 3262-3-7, 3262-3-8, 3262-3-9, 3262-3-18, 3261-8.2.4-5
#[test]
fn rseq_counts_up_by_one() {
    for bits in [0, 7, u128::MAX, u128::MAX / 3, 1 << 127] {
        let mut server = Server::new();
        let request = server.context.request().unwrap().clone();
        server.context = ServerContext::new(T0, request, false, Token::from_bits(bits), &Settings::DEFAULT);
        let mut last = None;
        for _ in 0..5 {
            assert_eq!(server.ring(T0), SEND | PROGRESS);
            let rseq = server.rseq();
            match last {
                None => assert!((1..1 << 31).contains(&rseq), "{rseq}"),
                Some(last) => assert_eq!(rseq, last + 1),
            }
            assert_eq!(server.sent().to().unwrap().tag(), Some(Token::from_bits(bits).as_str()));
            assert_eq!(server.prack(T0, rseq), PRACKED);
            last = Some(rseq);
        }
    }
}

/// RFC 3262 §3: the first RSeq may be any number of its range, and each is as likely as others.
// Holds: 3262-3-9, 3262-3-10
#[test]
fn the_first_rseq_is_anywhere_in_its_range() {
    let mut random = sip_proto::random::Random::from_seed([1; 32]);
    let mut counts = [0; 8];
    for _ in 0..8_000 {
        let settings = settings(Rel100::Supported);
        let request = Arc::new(request("INVITE", SUPPORTED));
        let context = ServerContext::new(T0, request, false, random.token(), &settings);
        let mut server = Server { context, settings };
        server.ring(T0);
        let rseq = server.rseq();
        assert!((1..1 << 31).contains(&rseq), "{rseq}");
        counts[rseq as usize >> 28] += 1;
    }
    assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
}

/// RFC 3262 §5: the first reliable answer to an INVITE without an offer has one; whoever asks for it, by whichever policy. Later ones, and
/// ordinary ones, need none.
// Holds: 3262-5-1
#[test]
fn the_first_reliable_answer_brings_the_offer() {
    use Rel100::{Required, Supported};
    for (policy, lines, wish) in
        [(Supported, SUPPORTED, true), (Supported, REQUIRED, false), (Required, SUPPORTED, false)]
    {
        let settings = Settings { repeat_ringing: true, ..settings(policy) };
        let request = Arc::new(with_body("INVITE", lines, ""));
        let context = ServerContext::new(T0, request, false, Token::from_bits(7), &settings);
        let mut server = Server { context, settings };
        let bare = |code| Reply { reliable: wish, ..Reply::code(code) };
        assert_eq!(server.refused(T0, bare(180)), ContextError::OfferMissing, "{policy:?} {lines}");
        let log = server.run(ms(179_999));
        let may_ring = |code: u16| wish || code == 100;
        assert!(log.iter().all(|(_, code, _)| may_ring(*code)), "no 180 by itself: {log:?}");
        assert!(!server.context.awaits_prack());
        assert_eq!(server.give(ms(179_999), bare(183).sdp(SDP)), Ok(SEND | PROGRESS));
        let rseq = server.rseq();
        assert_eq!(server.prack(ms(179_999), rseq), PRACKED);
        assert_eq!(server.give(ms(179_999), bare(180)), Ok(SEND | PROGRESS), "the offer was made");
        assert!(is_reliable(&server.sent()));
    }
    let settings = settings(Supported);
    let request = Arc::new(with_body("INVITE", SUPPORTED, ""));
    let context = ServerContext::new(T0, request, false, Token::from_bits(7), &settings);
    let mut server = Server { context, settings };
    assert_eq!(server.give(T0, Reply::code(180)), Ok(SEND | PROGRESS), "an ordinary one");
    assert!(!is_reliable(&server.sent()));
}

/// RFC 3262 §3: no second reliable answer before the first is acknowledged. It waits, in order, with all others.
// Holds: 3262-3-16, 3262-3-17, 3262-3-18
#[test]
fn answers_wait_for_the_prack_of_the_one_before() {
    let mut server = Server::new();
    assert_eq!(server.ring(T0), SEND | PROGRESS);
    let first = server.rseq();
    assert_eq!(server.give(T0, Reply::code(180).reliable()), Ok(HELD));
    assert_eq!(server.give(T0, Reply::code(182).reliable()), Ok(HELD));
    assert_eq!((server.code(), server.rseq()), (183, first), "nothing else was sent");
    assert_eq!(server.prack(ms(10), first + 1), NOTHING, "what was not sent cannot be acknowledged");
    assert_eq!(server.prack(ms(20), first), PRACKED | SEND | PROGRESS);
    assert_eq!((server.code(), server.rseq()), (180, first + 1));
    assert_eq!(server.run(ms(600)), [(520, 180, NOTHING)], "its own T1 runs from when it was sent");
    assert_eq!(server.prack(ms(620), first + 1), PRACKED | SEND | PROGRESS);
    assert_eq!((server.code(), server.rseq()), (182, first + 2));
    assert_eq!(server.prack(ms(630), first + 2), PRACKED);
    assert!(!server.context.awaits_prack());
}

/// An ordinary provisional answer waits for nobody.
#[test]
fn ordinary_answers_do_not_wait() {
    let mut server = Server::new();
    server.ring(T0);
    let rseq = server.rseq();
    assert_eq!(server.give(T0, Reply::code(180)), Ok(SEND | PROGRESS));
    assert!(!is_reliable(&server.sent()));
    assert_eq!(server.run(ms(500)), [(500, 183, NOTHING)]);
    assert_eq!(server.prack(ms(510), rseq), PRACKED);
}

/// What waits is bounded, and one more is refused.
#[test]
fn only_so_many_wait() {
    let mut server = Server::new();
    server.ring(T0);
    let first = server.rseq();
    for _ in 1..8 {
        assert_eq!(server.ring(T0), HELD);
    }
    assert_eq!(server.refused(T0, Reply::code(183).reliable()), ContextError::Unacknowledged);
    assert_eq!(server.prack(T0, first), PRACKED | SEND | PROGRESS);
    assert_eq!(server.ring(T0), HELD);
}

/// RFC 3262 §3: repeated from T1 at intervals that double without cap, on every transport; after 64·T1 the INVITE gets a 5xx.
// Holds: 3262-3-15
#[test]
fn repeated_until_64_t1_then_rejected() {
    for is_tcp in [false, true] {
        for with_sdp in [false, true] {
            let mut server = Server::over(Rel100::Supported, SUPPORTED, is_tcp);
            match with_sdp {
                true => server.ring_with_sdp(T0),
                false => server.ring(T0),
            };
            let again = [500, 1_500, 3_500, 7_500, 15_500, 31_500].map(|at| (at, 183, NOTHING));
            assert_eq!(server.run(ms(31_999)), again);
            let end = [(32_000, 504, REJECTED | ServerEffects::NO_PRACK)];
            assert_eq!(server.run(ms(32_000)), end);
            assert_eq!(server.sent().reason_phrase(), "Server Time-out");
            assert!(!is_reliable(&server.sent()) && !server.context.is_pending());
        }
    }
}

/// A late call fires each due timer once: giving up comes before repeating.
#[test]
fn a_late_call_repeats_once() {
    let mut server = Server::new();
    server.ring(T0);
    let defaults = Defaults::default();
    let mut late = server.clone();
    let settings = late.settings;
    assert_eq!(late.context.fire(ms(10_000), &defaults, &settings), Some(SEND));
    assert_eq!(late.context.fire(ms(10_000), &defaults, &settings), None);
    assert_eq!(late.context.deadline(), Some(ms(11_000)));
    let effects = server.context.fire(ms(40_000), &defaults, &settings).unwrap();
    assert_eq!(effects, SEND | REJECTED | ServerEffects::NO_PRACK);
    assert_eq!(server.code(), 504);
}

/// RFC 3262 §3: a PRACK matches by all of RSeq, CSeq number and method; one that matches nothing that is out gets 481.
// Holds: 3262-3-13, 3262-3-14
#[test]
fn only_a_matching_prack_acknowledges() {
    let mut server = Server::new();
    assert_eq!(server.prack(T0, 1), NOTHING, "nothing was sent yet");
    server.ring(T0);
    let rseq = server.rseq();
    let before = server.clone();
    for (rseq, cseq, method) in [
        (rseq + 1, 314_159, Method::Invite),
        (rseq - 1, 314_159, Method::Invite),
        (rseq, 314_158, Method::Invite),
        (rseq, 314_160, Method::Invite),
        (rseq, 314_159, Method::Update),
        // §7.2: the method is case-sensitive.
        (rseq, 314_159, Method::parse("invite").unwrap()),
    ] {
        assert_eq!(server.prack_with(ms(100), rseq, cseq, method.clone()), NOTHING, "{rseq} {cseq} {method}");
        assert_eq!(server, before, "a stray PRACK changes nothing");
    }
    assert_eq!(server.prack(ms(100), rseq), PRACKED);
    assert_eq!(server.run(ms(60_000)), [], "it is not repeated any more");
    assert_eq!(server.prack(ms(60_000), rseq), NOTHING, "it is acknowledged once");
    assert!(server.context.is_pending());
}

/// RFC 3262 §3, §5: a 2xx waits while an answer with a session description is not acknowledged, in both orders.
// Holds: 3262-3-20, 3262-5-5
#[test]
fn a_2xx_waits_for_the_prack_of_a_description() {
    for with_sdp in [false, true] {
        // The PRACK first.
        let mut server = Server::new();
        let ring = |server: &mut Server| match with_sdp {
            true => server.ring_with_sdp(T0),
            false => server.ring(T0),
        };
        ring(&mut server);
        let rseq = server.rseq();
        assert_eq!(server.prack(ms(50), rseq), PRACKED);
        assert_eq!(server.accept(ms(60)), SEND | ACCEPTED);

        // The 2xx first.
        let mut server = Server::new();
        ring(&mut server);
        if with_sdp {
            assert_eq!(server.accept(ms(50)), HELD);
            assert!(server.context.is_held() && server.context.is_pending() && !server.context.awaits_ack());
            assert_eq!(server.code(), 183);
            assert_eq!(server.run(ms(500)), [(500, 183, NOTHING)], "it is still repeated");
            assert_eq!(server.prack(ms(600), rseq), PRACKED | SEND | ACCEPTED);
        } else {
            assert_eq!(server.accept(ms(50)), SEND | ACCEPTED);
            assert_eq!(server.prack(ms(600), rseq), PRACKED, "§3: it is still taken");
        }
        assert_eq!(server.code(), 200);
        assert!(server.context.awaits_ack() && !server.context.is_held());
        assert_eq!(server.prack(ms(610), rseq), NOTHING);
        assert_eq!(server.context.acknowledged(ms(620), &server.settings), ServerEffects::ACKED);
    }
}

/// A 2xx that had to wait is repeated from when it was sent (RFC 3261 §13.3.1.4), and nothing else is.
#[test]
fn a_held_2xx_is_repeated_from_when_it_was_sent() {
    let mut server = Server::new();
    server.ring_with_sdp(T0);
    server.accept(ms(100));
    let rseq = server.rseq();
    server.prack(ms(400), rseq);
    let again = [(900, 200, NOTHING), (1_900, 200, NOTHING), (3_900, 200, NOTHING)];
    assert_eq!(server.run(ms(5_000)), again);
    let end = server.run(ms(32_400));
    assert_eq!(end[end.len() - 2..], [(32_400, 0, ServerEffects::NO_ACK), (32_400, 0, ServerEffects::END)]);
}

/// What waits behind is sent before the 2xx if it has a description, and never if not (RFC 3262 §3).
#[test]
fn a_2xx_waits_for_the_descriptions_that_wait() {
    let mut server = Server::new();
    server.ring(T0);
    let first = server.rseq();
    assert_eq!(server.ring_with_sdp(T0), HELD);
    assert_eq!(server.give(T0, Reply::code(180).reliable()), Ok(HELD));
    assert_eq!(server.accept(T0), HELD);
    assert_eq!(server.prack(ms(10), first), PRACKED | SEND | PROGRESS);
    assert_eq!((server.code(), server.rseq(), server.context.is_held()), (183, first + 1, true));
    assert_eq!(server.prack(ms(20), first + 1), PRACKED | SEND | ACCEPTED);
    assert_eq!(server.code(), 200);
    assert_eq!(server.prack(ms(30), first + 2), NOTHING, "the 180 was never sent");
}

/// RFC 3262 §3: any other final answer goes out at once. What it leaves behind is not repeated, but its PRACK is taken.
// Holds: 3262-3-21, 3262-3-22
#[test]
fn other_finals_do_not_wait() {
    for code in [302, 404, 486, 503, 603] {
        for is_late in [false, true] {
            let mut server = Server::new();
            server.ring_with_sdp(T0);
            let rseq = server.rseq();
            server.ring_with_sdp(T0);
            if !is_late {
                assert_eq!(server.prack(ms(50), rseq), PRACKED | SEND | PROGRESS);
            }
            assert_eq!(server.give(ms(100), Reply::code(code)), Ok(SEND | REJECTED));
            assert_eq!(server.run(ms(600)), [(600, code, NOTHING)], "Timer G, and no 183");
            let out = if is_late { rseq } else { rseq + 1 };
            assert_eq!(server.prack(ms(700), out), PRACKED);
            assert_eq!(server.code(), code);
            assert_eq!(server.prack(ms(710), out), NOTHING);
            assert_eq!(server.prack(ms(720), rseq + 1), NOTHING, "what was never sent is not out");
        }
    }
}

/// RFC 3262 §3: no new reliable answer after a final one, one that waits included.
// Holds: 3262-3-23
#[test]
fn nothing_reliable_after_a_final() {
    for code in [200, 486] {
        let mut server = Server::new();
        server.give(T0, Reply::code(code)).unwrap();
        let status = StatusCode::new(code).unwrap();
        assert_eq!(server.refused(T0, Reply::code(183).reliable()), ContextError::AlreadyFinal(status));
    }
    let mut server = Server::new();
    server.ring_with_sdp(T0);
    server.accept(T0);
    for reply in [Reply::code(183).reliable(), Reply::code(180), Reply::code(100), Reply::code(200)] {
        assert_eq!(server.refused(T0, reply), ContextError::AlreadyFinal(StatusCode::OK));
    }
}

/// Until a 2xx that waits is sent, the application can take it back: the peer has seen no final answer.
#[test]
fn a_2xx_that_waits_can_be_taken_back() {
    let mut server = Server::new();
    server.ring_with_sdp(T0);
    let rseq = server.rseq();
    server.accept(T0);
    assert_eq!(server.give(ms(10), Reply::code(480)), Ok(SEND | REJECTED));
    assert!(!server.context.is_held());
    assert_eq!(server.prack(ms(20), rseq), PRACKED);
    assert_eq!(server.code(), 480);
}

/// CANCEL and PRACK in both orders, with and without a 2xx that waits (RFC 3261 §9.2, RFC 3262 §3).
#[test]
fn cancel_and_prack() {
    for is_accepted in [false, true] {
        // CANCEL first: the 2xx was not sent, so the INVITE is cancelled; the PRACK is still answered 200.
        let mut server = Server::new();
        server.ring_with_sdp(T0);
        let rseq = server.rseq();
        if is_accepted {
            server.accept(T0);
        }
        let mut other = server.clone();
        assert_eq!(server.cancel(ms(10)), SEND | REJECTED | ServerEffects::CANCELLED);
        assert_eq!((server.code(), server.context.is_cancelled()), (487, true));
        assert_eq!(server.prack(ms(20), rseq), PRACKED);
        assert_eq!(server.code(), 487);

        // PRACK first: the 2xx goes out and the CANCEL is too late.
        let sent = if is_accepted { SEND | ACCEPTED } else { NOTHING };
        assert_eq!(other.prack(ms(10), rseq), PRACKED | sent);
        let cancelled = match is_accepted {
            true => ServerEffects::CANCEL_TOO_LATE,
            false => SEND | REJECTED | ServerEffects::CANCELLED,
        };
        assert_eq!(other.cancel(ms(20)), cancelled);
    }
}

/// A 2xx that waits for a PRACK that never comes becomes a 504 (RFC 3262 §3); nothing else ends it, and a PRACK at the last
/// moment counts.
#[test]
fn a_2xx_does_not_wait_for_ever() {
    let mut server = Server::new();
    server.ring_with_sdp(T0);
    let rseq = server.rseq();
    server.accept(ms(1_000));
    let mut other = server.clone();
    let log = server.run(ms(400_000));
    assert_eq!(log[6], (32_000, 504, REJECTED | ServerEffects::NO_PRACK));
    assert_eq!(server.context.deadline(), None, "nothing is left");

    other.run(ms(31_999));
    assert_eq!(other.prack(ms(31_999), rseq), PRACKED | SEND | ACCEPTED);
}

/// The application's patience and Expires end where the 2xx was given: it is not the application that is late.
#[test]
fn patience_ends_with_the_2xx() {
    let mut server = Server::with(Rel100::Supported, "Supported: 100rel\r\nExpires: 5\r\n");
    server.ring_with_sdp(T0);
    let mut other = server.clone();
    server.accept(T0);
    assert!(server.run(ms(20_000)).iter().all(|(_, code, _)| *code == 183));
    assert_eq!(other.run(ms(5_000)).last(), Some(&(5_000, 487, REJECTED | ServerEffects::EXPIRED)));
}

/// RFC 3262 §3: in place of the minute's repetition (RFC 3261 §13.3.1.1) a new one after two and a half, with the next number and
/// without what the first one said.
// Holds: 3262-3-5, 3262-3-6
#[test]
fn a_long_ringing_is_extended_reliably() {
    let mut server = Server::new();
    server.settings.answer_within = None;
    let request = server.context.request().unwrap().clone();
    server.context = ServerContext::new(T0, request, false, Token::from_bits(7), &server.settings);
    server.ring_with_sdp(T0);
    let rseq = server.rseq();
    server.prack(ms(100), rseq);
    assert_eq!(server.run(ms(150_000)), [(150_000, 183, PROGRESS)]);
    assert_eq!((server.rseq(), server.sent().body().len()), (rseq + 1, 0));
    assert_eq!(server.prack(ms(150_100), rseq + 1), PRACKED);
    assert_eq!(server.run(ms(300_000)), [(300_000, 183, PROGRESS)]);

    // The 180 that goes out by itself is reliable where it must be.
    let mut server = Server::with(Rel100::Supported, REQUIRED);
    let settings = Settings { repeat_ringing: true, ..server.settings };
    let request = server.context.request().unwrap().clone();
    (server.context, server.settings) =
        (ServerContext::new(T0, request, true, Token::from_bits(7), &settings), settings);
    assert_eq!(server.run(ms(60_000)), [(200, 100, NOTHING), (60_000, 180, PROGRESS)]);
    assert!(is_reliable(&server.sent()));
}

/// What is out is repeated by T1 alone: the minute's repetition adds nothing to it, whatever waits (RFC 3262 §3).
#[test]
fn what_is_not_acknowledged_is_not_extended() {
    let again = [500, 1_500, 3_500, 7_500].map(|at| (at, 183, NOTHING));
    for is_accepted in [false, true] {
        let mut server = Server::new();
        server.settings.repeat_every = Duration::from_secs(1);
        server.ring_with_sdp(T0);
        if is_accepted {
            assert_eq!(server.ring_with_sdp(T0), HELD);
            assert_eq!(server.accept(T0), HELD);
            let rseq = server.rseq();
            assert_eq!(server.prack(T0, rseq), PRACKED | SEND | PROGRESS);
        }
        assert_eq!(server.run(ms(15_000)), again, "{is_accepted}");
    }
}

/// RFC 3261 §17.2.1: the INVITE again gets the last provisional answer again, acknowledged or not.
#[test]
fn the_invite_again_gets_the_answer_again() {
    let mut server = Server::new();
    server.ring(T0);
    let rseq = server.rseq();
    assert_eq!(server.context.retransmitted(ms(10), &server.settings), SEND);
    server.prack(ms(20), rseq);
    assert_eq!(server.context.retransmitted(ms(30), &server.settings), SEND);
    assert_eq!(server.rseq(), rseq);
}

/// RFC 6026 §8.8: a transport that fails ends nothing.
#[test]
fn a_lost_answer_is_repeated() {
    let mut server = Server::new();
    server.ring(T0);
    assert_eq!(server.context.transport_failed(ms(1), &server.settings), ServerEffects::SEND_FAILED);
    assert_eq!(server.run(ms(500)), [(500, 183, NOTHING)]);
}

/// The application may require more, but RSeq is the context's to write.
#[test]
fn the_applications_headers() {
    // Nor has one that nobody waits for a PRACK of a number, as if it were copied from another's.
    let relayed = Reply::code(183).header("Require", "100rel").header("RSeq", "7");
    for reply in
        [Reply::code(183).header("RSeq", "1").reliable(), relayed, Reply::code(200).header("RSeq", "1")]
    {
        for (policy, lines) in [(Rel100::Supported, SUPPORTED), (Rel100::Unsupported, SUPPORTED)] {
            let refused = Server::with(policy, lines).refused(T0, reply.clone());
            assert_eq!(
                refused,
                ContextError::Build(BuildError::Reserved(Name::RSeq)),
                "{reply:?} {policy:?}"
            );
        }
    }
    for (own, tags) in [
        ("precondition", &["precondition", "100rel"][..]),
        ("100rel, precondition", &["100rel", "precondition"]),
    ] {
        let mut server = Server::new();
        server.give(T0, Reply::code(183).header("Require", own).reliable()).unwrap();
        assert_eq!(server.sent().require().collect::<Vec<_>>(), tags);
        assert!(is_reliable(&server.sent()));
    }
}

/// RFC 3262 §3: 420 with Unsupported where we will not; RFC 3261 §21.4.16: 421 with Require where we must and the peer cannot.
// Holds: 3262-3-2
#[test]
fn what_an_invite_is_refused_with() {
    use Rel100::{Required, Supported, Unsupported};
    let bad = Some((StatusCode::BAD_EXTENSION, Name::Unsupported));
    let lacking = Some((StatusCode::EXTENSION_REQUIRED, Name::Require));
    for (policy, none, supported, required) in
        [(Unsupported, None, None, bad), (Supported, None, None, None), (Required, lacking, None, None)]
    {
        let refusal = |lines| policy.refusal(&request("INVITE", lines));
        assert_eq!(
            [refusal(""), refusal(SUPPORTED), refusal(REQUIRED)],
            [none, supported, required],
            "{policy:?}"
        );
        assert_eq!(policy.refusal(&request("OPTIONS", "")), None);
    }
    // §4: what an INVITE of ours says.
    let headers = [Unsupported, Supported, Required].map(Rel100::header);
    assert_eq!(headers, [None, Some(Name::Supported), Some(Name::Require)]);
}

/// RFC 3261 §13.3.1.1, RFC 3262 §3: the 180 that came last is not reliable, though a 183 before it was: it is repeated each minute, as it is.
#[test]
fn an_ordinary_180_after_a_reliable_183_is_repeated_each_minute() {
    let mut server = Server::new();
    server.ring(T0);
    let rseq = server.rseq();
    assert_eq!(server.prack(T0, rseq), PRACKED);
    assert_eq!(server.give(ms(2_000), Reply::code(180)), Ok(SEND | PROGRESS));
    let ringing = server.sent();
    assert_eq!(server.run(ms(130_000)), [(62_000, 180, NOTHING), (122_000, 180, NOTHING)]);
    assert_eq!(server.sent(), ringing);
}

// The client.

const PROVISIONAL: ClientEffects = ClientEffects::PROVISIONAL;
const PRACK: ClientEffects = ClientEffects::PRACK;
const REQUIRE: &str = "Require: 100rel\r\n";

struct Client {
    context: ClientContext,
    settings: Settings,
}

impl Client {
    fn new() -> Self {
        Self::with("INVITE")
    }

    fn with(method: &str) -> Self {
        let settings = settings(Rel100::Supported);
        let request = Arc::new(request(method, SUPPORTED));
        let (context, _) = ClientContext::new(T0, request, false, None, &settings);
        Self { context, settings }
    }

    fn hear(&mut self, answer: &Message) -> ClientEffects {
        self.context.receive(T0, answer, &self.settings)
    }

    /// A reliable 183 of this fork.
    fn ring(&mut self, tag: &str, rseq: u32) -> ClientEffects {
        let answer = self.answer(183, tag, &format!("{REQUIRE}RSeq: {rseq}\r\n"));
        self.hear(&answer)
    }

    fn end(&mut self, code: u16, tag: &str) -> ClientEffects {
        let answer = self.answer(code, tag, "");
        self.hear(&answer)
    }

    fn answer(&self, code: u16, tag: &str, lines: &str) -> Message {
        let method = self.context.request().method();
        let tag = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
        let text = format!(
            "SIP/2.0 {code} X\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nFrom: <sip:alice@c>;tag=a\r\n\
             To: <sip:bob@h>{tag}\r\nCall-ID: call\r\nCSeq: 314159 {method}\r\n{lines}\r\n"
        );
        Message::parse(text).unwrap()
    }
}

/// RFC 3262 §4: the first reliable answer may have any number; after it only the next one counts, and all others are dropped.
// Holds: 3262-4-10, 3262-4-12, 3262-4-13, 3262-4-14
#[test]
fn answers_are_taken_in_order() {
    const NEXT: ClientEffects = PROVISIONAL.union(PRACK);
    const STRAY: ClientEffects = ClientEffects::NONE;
    for (rseqs, effects) in [
        (&[1, 2, 3][..], &[NEXT, NEXT, NEXT][..]),
        (&[776_656, 776_657], &[NEXT, NEXT]),
        (&[u32::MAX], &[NEXT]),
        // Again, also after the next one came.
        (&[7, 7, 8, 7, 8, 9], &[NEXT, STRAY, NEXT, STRAY, STRAY, NEXT]),
        // A gap: the missing one may still come, and then what came too early again.
        (&[7, 9, 8, 9], &[NEXT, STRAY, NEXT, NEXT]),
        // Backwards, and around.
        (&[7, 6, 5], &[NEXT, STRAY, STRAY]),
        (&[u32::MAX, 1], &[NEXT, STRAY]),
    ] {
        let mut client = Client::new();
        let got: Vec<_> = rseqs.iter().map(|rseq| client.ring("b", *rseq)).collect();
        assert_eq!(got, effects, "{rseqs:?}");
    }
}

/// RFC 3262 §4: a dropped one leaves no trace.
// Holds: 3262-4-14
#[test]
fn a_stray_answer_changes_nothing() {
    let mut client = Client::new();
    client.ring("b", 7);
    let before = client.context.clone();
    for rseq in [7, 6, 9, 1, u32::MAX] {
        assert_eq!(client.ring("b", rseq), ClientEffects::NONE);
        assert_eq!(client.context, before, "{rseq}");
    }
}

/// RFC 3262 §4: a retransmission has the same dialog. Each fork has its own numbers.
#[test]
fn forks_count_on_their_own() {
    let mut client = Client::new();
    for (tag, rseq, effects) in [
        ("b", 7, PROVISIONAL | PRACK),
        ("c", 7, PROVISIONAL | PRACK),
        ("C", 7, ClientEffects::NONE),
        ("b", 8, PROVISIONAL | PRACK),
        ("c", 9, ClientEffects::NONE),
        ("d", 1, PROVISIONAL | PRACK),
        ("c", 8, PROVISIONAL | PRACK),
    ] {
        assert_eq!(client.ring(tag, rseq), effects, "{tag} {rseq}");
    }
    // What a peer can make us keep is bounded.
    let mut client = Client::new();
    let taken = (0..1_000).filter(|n| client.ring(&format!("t{n}"), 1) == PROVISIONAL | PRACK).count();
    assert_eq!(taken, 64);
}

/// RFC 3262 §4: reliable is what Require says is, with a number, but 100; it needs a dialog. All else is an ordinary answer.
// Holds: 3262-4-4, 3262-4-5
#[test]
fn what_is_a_reliable_answer() {
    for (code, tag, lines, effects) in [
        (183, "b", "Require: 100rel\r\nRSeq: 1\r\n", PROVISIONAL | PRACK),
        (180, "b", "Require: timer, 100REL\r\nRSeq: 1\r\n", PROVISIONAL | PRACK),
        (199, "b", "Require: 100rel\r\nRSeq: 4294967295\r\n", PROVISIONAL | PRACK),
        (100, "b", "Require: 100rel\r\nRSeq: 1\r\n", PROVISIONAL),
        (183, "b", "RSeq: 1\r\n", PROVISIONAL),
        (183, "b", "Supported: 100rel\r\nRSeq: 1\r\n", PROVISIONAL),
        (183, "b", "Require: 100rel\r\n", PROVISIONAL),
        (183, "b", "Require: 100rel\r\nRSeq: 0\r\n", PROVISIONAL),
        (183, "b", "Require: 100rel\r\nRSeq: 4294967296\r\n", PROVISIONAL),
        (183, "b", "Require: 100rel\r\nRSeq: x\r\n", PROVISIONAL),
        (183, "", "Require: 100rel\r\nRSeq: 1\r\n", PROVISIONAL),
    ] {
        let mut client = Client::new();
        let answer = client.answer(code, tag, lines);
        assert_eq!(client.hear(&answer), effects, "{code} {tag} {lines}");
        // An ordinary one is told as often as it comes.
        let again = if effects == PROVISIONAL { PROVISIONAL } else { ClientEffects::NONE };
        assert_eq!(client.hear(&answer), again, "{code} {tag} {lines}");
    }
    // §4: for no method but INVITE.
    let mut client = Client::with("OPTIONS");
    assert_eq!(client.ring("b", 1), PROVISIONAL);
}

/// RFC 3262 §4: ordinary answers between reliable ones count for nothing.
// Holds: 3262-4-10, 3262-4-11
#[test]
fn ordinary_answers_do_not_disturb_the_order() {
    let mut client = Client::new();
    client.ring("b", 7);
    assert_eq!(client.end(180, "b"), PROVISIONAL);
    assert_eq!(client.ring("b", 8), PROVISIONAL | PRACK);
}

/// RFC 3262 §7.2: RAck has the number of the answer, and number and method of its CSeq.
#[test]
fn rack_names_the_answer() {
    let client = Client::new();
    let answer = client.answer(183, "b", "Require: 100rel\r\nRSeq: 776656\r\n");
    let rack = client.context.rack(&answer).unwrap();
    assert_eq!(rack.to_string(), "776656 314159 INVITE");
    assert_eq!(RAck::parse(&rack.to_string()), Ok(rack));
    for lines in ["", "RSeq: 1\r\n", "Require: 100rel\r\n"] {
        assert_eq!(client.context.rack(&client.answer(183, "b", lines)), None, "{lines}");
    }
    assert_eq!(client.context.rack(&client.answer(100, "b", "Require: 100rel\r\nRSeq: 1\r\n")), None);
    assert_eq!(client.context.rack(&client.answer(200, "b", "Require: 100rel\r\nRSeq: 1\r\n")), None);
}

/// RFC 3262 §4: what comes after the final answer may be dropped, and is; the numbers end with it.
#[test]
fn nothing_is_acknowledged_after_the_final_answer() {
    for code in [200, 302, 486, 603] {
        for tag in ["b", "c"] {
            let mut client = Client::new();
            client.ring("b", 7);
            client.end(code, tag);
            assert_eq!(client.ring("b", 8), ClientEffects::NONE, "{code} {tag}");
            assert_eq!(client.ring("d", 1), ClientEffects::NONE, "{code} {tag}");
        }
    }
}

/// RFC 3261 §9.1: a CANCEL that waits goes out with the first provisional answer, which is acknowledged all the same.
#[test]
fn cancel_and_a_reliable_answer() {
    let mut client = Client::new();
    client.context.cancel(T0, &[], &client.settings).unwrap();
    assert_eq!(client.ring("b", 7), PROVISIONAL | PRACK | ClientEffects::CANCEL);
    assert!(client.context.take_cancel().is_some());
    assert_eq!(client.ring("b", 8), PROVISIONAL | PRACK);

    let mut client = Client::new();
    assert_eq!(client.ring("b", 7), PROVISIONAL | PRACK);
    assert_eq!(client.context.cancel(T0, &[], &client.settings), Ok(ClientEffects::CANCEL));
    assert_eq!(client.ring("b", 7), ClientEffects::NONE);
}
