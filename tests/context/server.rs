//! `ServerContext` from the outside, with no endpoint: what may be answered and when, what an answer holds, what goes out
//! again, and how a context ends.

use std::sync::Arc;
use std::time::Duration;

use sip_proto::context::{
    Cause, ContextError, Defaults, EndReason, Reply, Report, ServerContext, ServerEffects, Settings,
};
use sip_proto::message::{BuildError, Name};
use sip_proto::random::Token;
use sip_proto::transaction::{State, Timers};
use sip_proto::{Message, Method, StatusCode, Timestamp};

const T0: Timestamp = Timestamp::ZERO;
const SEND: ServerEffects = ServerEffects::SEND;
const END: ServerEffects = ServerEffects::END;

const DEFAULTS: Defaults<'static> = Defaults {
    contact: "<sip:bob@192.0.2.4>",
    allow: "INVITE, ACK, CANCEL, BYE, OPTIONS",
    supported: "100rel",
    server: "Bob/1.0",
};

/// The four methods by which an application answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Progress,
    Accept,
    Reject,
    Reply,
}

const BY: [By; 4] = [By::Progress, By::Accept, By::Reject, By::Reply];

/// A context with what each of its steps is given.
#[derive(Clone)]
struct Server {
    context: ServerContext,
    settings: Settings,
    defaults: Defaults<'static>,
}

impl Server {
    fn new(method: &str, reliable: bool) -> Self {
        Self::with(request(method, ""), reliable, Settings::DEFAULT)
    }

    fn with(request: Message, reliable: bool, settings: Settings) -> Self {
        let context = ServerContext::new(T0, Arc::new(request), reliable, tag(), &settings);
        Self { context, settings, defaults: DEFAULTS }
    }

    fn answer(&mut self, by: By, at: Timestamp, reply: &Reply) -> Result<ServerEffects, ContextError> {
        let (context, defaults, settings) = (&mut self.context, &self.defaults, &self.settings);
        match by {
            By::Progress => context.progress(at, reply, defaults, settings),
            By::Accept => context.accept(at, reply, defaults, settings),
            By::Reject => context.reject(at, reply, defaults, settings),
            By::Reply => context.reply(at, reply, defaults, settings),
        }
    }

    fn progress(&mut self, at: Timestamp, reply: &Reply) -> Result<ServerEffects, ContextError> {
        self.answer(By::Progress, at, reply)
    }

    fn accept(&mut self, at: Timestamp, reply: &Reply) -> Result<ServerEffects, ContextError> {
        self.answer(By::Accept, at, reply)
    }

    fn reject(&mut self, at: Timestamp, reply: &Reply) -> Result<ServerEffects, ContextError> {
        self.answer(By::Reject, at, reply)
    }

    fn reply(&mut self, at: Timestamp, code: u16) -> Result<ServerEffects, ContextError> {
        self.answer(By::Reply, at, &Reply::code(code))
    }

    fn again(&mut self, at: Timestamp) -> ServerEffects {
        self.context.retransmitted(at, &self.settings)
    }

    fn ack(&mut self, at: Timestamp) -> ServerEffects {
        self.context.acknowledged(at, &self.settings)
    }

    fn cancel(&mut self, at: Timestamp) -> ServerEffects {
        self.context.cancel(at, &self.defaults, &self.settings)
    }

    fn fail(&mut self, at: Timestamp) -> ServerEffects {
        self.context.transport_failed(at, &self.settings)
    }

    fn fire(&mut self, at: Timestamp) -> Option<ServerEffects> {
        self.context.fire(at, &self.defaults, &self.settings)
    }

    /// Everything that one call at `at` fires.
    fn fire_all(&mut self, at: Timestamp) -> Vec<ServerEffects> {
        let mut fired = Vec::new();
        while let Some(effects) = self.fire(at) {
            fired.push(effects);
            assert!(fired.len() < 100, "a context fires without end");
        }
        fired
    }

    /// Everything that happens by itself up to and at `end`, each at its deadline: milliseconds, effects, status stored then.
    fn run(&mut self, end: Timestamp) -> Vec<(u64, ServerEffects, u16)> {
        let mut log = Vec::new();
        while let Some(at) = self.context.deadline().filter(|at| *at <= end) {
            for effects in self.fire_all(at) {
                if !effects.is_empty() {
                    log.push((at.as_millis(), effects, self.code()));
                }
            }
            assert!(self.context.deadline() > Some(at) || self.context.deadline().is_none());
        }
        log
    }

    /// The status of the stored answer; 0 without one.
    fn code(&self) -> u16 {
        self.context.response().and_then(|response| response.status()).map_or(0, StatusCode::code)
    }

    /// The stored answer, as the peer reads it.
    fn sent(&self) -> Message {
        let response = self.context.response().expect("an answer is stored");
        let read = Message::parse(response.as_bytes().to_vec()).expect("an answer is legible");
        assert_eq!(read, **response, "what is kept is what is sent");
        read
    }
}

fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn secs(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn tag() -> Token {
    Token::from_bits(7)
}

/// A request as it arrives, with `extra` header lines.
fn request(method: &str, extra: &str) -> Message {
    request_to(method, "<sip:bob@example.com>", extra)
}

fn request_to(method: &str, to: &str, extra: &str) -> Message {
    Message::parse(format!(
        "{method} sip:bob@192.0.2.4 SIP/2.0\r\n\
         Via: SIP/2.0/UDP proxy.example.com;branch=z9hG4bKtop\r\n\
         Via: SIP/2.0/TCP client.example.com;branch=z9hG4bKbottom\r\n\
         Max-Forwards: 69\r\n\
         Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>\r\n\
         From: \"Alice\" <sip:alice@example.com>;tag=1928301774\r\n\
         To: {to}\r\n\
         Call-ID: a84b4c76e66710@client.example.com\r\n\
         CSeq: 314159 {method}\r\n\
         Contact: <sip:alice@client.example.com>\r\n\
         {extra}\r\n"
    ))
    .unwrap()
}

fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::DEFAULT;
    change(&mut settings);
    settings
}

/// The answer to `method` with `code`, over a transport on which every answer is allowed at once.
fn answered(method: &str, code: u16) -> Message {
    let mut server = Server::new(method, true);
    server.reply(T0, code).unwrap();
    server.sent()
}

/// When something was sent, and what.
fn sends(log: &[(u64, ServerEffects, u16)]) -> Vec<(u64, u16)> {
    log.iter().filter(|(_, effects, _)| effects.contains(SEND)).map(|(at, _, code)| (*at, *code)).collect()
}

/// The refusals of each of `attempts`, which must leave the context as it is.
fn refusals(server: &mut Server, at: Timestamp, attempts: &[(By, u16)]) -> Vec<ContextError> {
    let before = server.context.clone();
    let refuse = |(by, code): &(By, u16)| {
        let refused = server.answer(*by, at, &Reply::code(*code)).unwrap_err();
        assert_eq!(server.context, before, "{by:?} {code} was refused and changed something");
        refused
    };
    attempts.iter().map(refuse).collect()
}

/// One final of every method, and a provisional one.
const ANY: [(By, u16); 5] =
    [(By::Progress, 180), (By::Accept, 200), (By::Reject, 486), (By::Reply, 200), (By::Reply, 603)];

// What the model documents: attributes, options, ranges (PEERS A.2, A.3).

/// PEERS A.2: `request`, `method`, `localIdentity` (To, without our tag), `remoteIdentity` (From with its tag), body,
/// content type, asserted identity.
#[test]
fn the_attributes_of_the_request_are_there() {
    let head = "P-Asserted-Identity: <sip:alice@carrier.example>\r\nContent-Type: text/plain\r\n";
    let mut bytes = request("MESSAGE", head).as_bytes().to_vec();
    bytes.extend_from_slice(b"hi");
    let message = Message::parse(bytes).unwrap();
    let server = Server::with(message.clone(), false, Settings::DEFAULT);
    let context = &server.context;
    let held = context.request().unwrap();
    assert_eq!(**held, message);
    assert_eq!((held.method(), held.body()), (&Method::Message, &b"hi"[..]));
    assert!(held.content_type().unwrap().unwrap().is("text", "plain"));
    assert_eq!(held.asserted_identities().next().unwrap().unwrap().uri, "sip:alice@carrier.example");
    let local = context.local_identity().unwrap();
    assert_eq!((local.uri, local.tag()), ("sip:bob@example.com", None));
    let remote = context.remote_identity().unwrap();
    assert_eq!((remote.uri, remote.tag()), ("sip:alice@example.com", Some("1928301774")));
    assert_eq!(remote.display_name().as_deref(), Some("Alice"));
    assert!(!context.is_invite() && context.is_pending() && !context.is_cancelled());
    assert_eq!(context.tag(), &tag());
}

/// PEERS A.3: `progress` sends 180 Ringing, `accept` 200 OK, `reject` 480 Temporarily Unavailable.
#[test]
fn each_method_has_its_default_code_and_phrase() {
    for (by, code, phrase) in [
        (By::Progress, 180, "Ringing"),
        (By::Accept, 200, "OK"),
        (By::Reject, 480, "Temporarily Unavailable"),
    ] {
        let mut server = Server::new("INVITE", false);
        assert!(server.answer(by, T0, &Reply::new()).unwrap().contains(SEND));
        let sent = server.sent();
        assert_eq!((sent.status().unwrap().code(), sent.reason_phrase()), (code, phrase));
        assert!(sent.body().is_empty());
    }
}

/// PEERS A.3: `reply` has no default and fails without a code.
#[test]
fn reply_without_a_code_is_refused() {
    let mut server = Server::new("INVITE", false);
    let before = server.context.clone();
    assert_eq!(server.answer(By::Reply, T0, &Reply::new()), Err(ContextError::CodeMissing));
    assert_eq!(server.context, before);
}

/// PEERS A.3: 100–199, 200–299, 300–699, 100–699; outside, the call fails, nothing is sent and nothing is told.
#[test]
fn codes_are_held_to_the_range_of_the_method() {
    let codes = [0, 1, 99, 100, 199, 200, 299, 300, 699, 700, u16::MAX];
    for by in BY {
        let (lowest, highest) = match by {
            By::Progress => (100, 199),
            By::Accept => (200, 299),
            By::Reject => (300, 699),
            By::Reply => (100, 699),
        };
        for code in codes {
            let mut server = Server::new("INVITE", false);
            let before = server.context.clone();
            let outcome = server.answer(by, T0, &Reply::code(code));
            if (lowest..=highest).contains(&code) {
                assert!(outcome.unwrap().contains(SEND), "{by:?} {code}");
                assert_eq!(server.code(), code, "{by:?}");
            } else {
                assert_eq!(outcome, Err(ContextError::CodeOutOfRange { code, lowest, highest }), "{by:?}");
                assert_eq!(server.context, before, "{by:?} {code}");
            }
        }
    }
}

/// PEERS A.3: the given phrase, else the table's, else the empty one; a given empty phrase stands.
#[test]
fn the_reason_phrase_is_given_or_from_the_table_or_empty() {
    for (reply, phrase) in [
        (Reply::code(486), "Busy Here"),
        (Reply::code(486).reason("Gone fishing"), "Gone fishing"),
        (Reply::code(486).reason("Besetzt, später"), "Besetzt, später"),
        (Reply::code(486).reason(""), ""),
        (Reply::code(499), ""),
        (Reply::code(499).reason("Odd"), "Odd"),
    ] {
        let mut server = Server::new("INVITE", false);
        server.reject(T0, &reply).unwrap();
        assert_eq!(server.sent().reason_phrase(), phrase);
    }
}

/// PEERS A.3: extra headers go out in the order given, repeated names included.
#[test]
fn extra_headers_keep_their_order() {
    let reply = Reply::new()
        .header("X-One", "1")
        .header("Warning", "399 h \"first\"")
        .header("X-Two", "")
        .header("X-One", "3");
    for by in [By::Progress, By::Accept, By::Reject] {
        let mut server = Server::new("INVITE", false);
        server.answer(by, T0, &reply).unwrap();
        let sent = server.sent();
        let given = ["X-One", "X-Two", "Warning"];
        let extra: Vec<_> = sent.lines().filter(|(name, _)| given.contains(name)).collect();
        let expected = [("X-One", "1"), ("Warning", "399 h \"first\""), ("X-Two", ""), ("X-One", "3")];
        assert_eq!(extra, expected, "{by:?}");
    }
}

/// PEERS A.3, RFC 3261 §20.14–15: a body comes with its type and its length in octets, in any answer; without one there is
/// no type and length 0.
#[test]
fn a_body_comes_with_its_type_and_length() {
    for by in BY {
        let reply = Reply { code: (by == By::Reply).then_some(500), ..Reply::new() };
        let mut server = Server::new("INVITE", false);
        server.answer(by, T0, &reply.clone().body("text/plain;charset=utf-8", "grüß")).unwrap();
        let sent = server.sent();
        assert_eq!((sent.body(), sent.content_length()), ("grüß".as_bytes(), Ok(Some(6))));
        assert!(sent.content_type().unwrap().unwrap().is("text", "plain"));

        let mut server = Server::new("INVITE", false);
        server.answer(by, T0, &reply).unwrap();
        assert_eq!((server.sent().content_length(), server.sent().content_type()), (Ok(Some(0)), Ok(None)));
    }
    let mut server = Server::new("INVITE", false);
    server.accept(T0, &Reply::new().sdp("v=0\r\n")).unwrap();
    assert_eq!(server.sent().value(Name::ContentType), Some("application/sdp"));
    assert_eq!(server.sent().body(), b"v=0\r\n");
}

/// PEERS A.3: CR, LF and NUL are refused in every string that the application supplies, and nothing has changed.
#[test]
fn injection_is_refused_through_every_string() {
    let mut replies = Vec::new();
    for evil in ["x\r\nVia: y", "x\ry", "x\ny", "x\0y", "\r\n"] {
        replies.push((Reply::new().reason(evil), BuildError::ControlCharacter));
        replies.push((Reply::new().header("X-Any", evil), BuildError::ControlCharacter));
        replies.push((Reply::new().header("Contact", evil), BuildError::ControlCharacter));
        replies.push((Reply::new().header(evil, "x"), BuildError::Name));
        replies.push((Reply::new().body(evil, "x"), BuildError::ControlCharacter));
    }
    for name in ["", "X Any", "X-Any:", "X-Any: y", "\u{fc}"] {
        replies.push((Reply::new().header(name, "x"), BuildError::Name));
    }
    for (reply, fault) in replies {
        for by in [By::Progress, By::Accept, By::Reject] {
            let mut server = Server::new("INVITE", false);
            let before = server.context.clone();
            assert_eq!(server.answer(by, T0, &reply), Err(ContextError::Build(fault)), "{by:?} {reply:?}");
            assert_eq!(server.context, before, "{by:?} {reply:?}");
        }
    }
}

/// RFC 3261 §7.3.1: a value that the user agent itself was configured with cannot break a message either.
#[test]
fn injection_is_refused_through_the_defaults() {
    let evil = "x\r\nX-Evil: y";
    for defaults in [
        Defaults { contact: evil, ..DEFAULTS },
        Defaults { allow: evil, ..DEFAULTS },
        Defaults { supported: evil, ..DEFAULTS },
        Defaults { server: evil, ..DEFAULTS },
    ] {
        let mut server = Server { defaults, ..Server::new("INVITE", false) };
        let before = server.context.clone();
        let refused = server.accept(T0, &Reply::new());
        assert_eq!(refused, Err(ContextError::Build(BuildError::ControlCharacter)));
        assert_eq!(server.context, before);
    }
}

/// RFC 3261 §8.2.6.2: Via, From, To, Call-ID and CSeq are the request's, not the application's; lengths and types are the body's.
#[test]
fn headers_that_the_answer_copies_are_not_the_applications() {
    let reserved = [
        ("Via", "v", Name::Via),
        ("From", "f", Name::From),
        ("To", "t", Name::To),
        ("Call-ID", "i", Name::CallId),
        ("cseq", "CSEQ", Name::CSeq),
        ("Content-Length", "l", Name::ContentLength),
        ("Content-Type", "c", Name::ContentType),
    ];
    for (name, other, known) in reserved {
        for spelling in [name, other] {
            let mut server = Server::new("INVITE", false);
            let before = server.context.clone();
            let refused = server.accept(T0, &Reply::new().header(spelling, "x"));
            assert_eq!(refused, Err(ContextError::Build(BuildError::Reserved(known))), "{spelling}");
            assert_eq!(server.context, before, "{spelling}");
        }
    }
}

/// PEERS A.3: a body without a type is malformed, and refused.
#[test]
fn a_body_without_a_type_is_refused() {
    let mut server = Server::new("INVITE", false);
    let before = server.context.clone();
    let refused = server.accept(T0, &Reply::new().body("", "x"));
    assert_eq!(refused, Err(ContextError::Build(BuildError::Body)));
    assert_eq!(server.context, before);
}

/// RFC 3261 §13.3.1: after a refusal the request can still be answered.
#[test]
fn a_refused_answer_can_be_corrected() {
    let mut server = Server::new("INVITE", false);
    server.accept(T0, &Reply::code(486)).unwrap_err();
    server.accept(T0, &Reply::new().header("X\n", "")).unwrap_err();
    assert_eq!(server.accept(T0, &Reply::new()), Ok(SEND | ServerEffects::ACCEPTED));
}

// What an answer holds (PEERS A.4).

/// RFC 3261 §8.2.6.2, DESIGN §5: one To tag in all answers to one request.
// Holds: 3261-8.2.6.2-7, 3261-8.2.6.2-8, 3261-8.2.6.2-9, 3261-13.3.1.1-1
#[test]
fn all_answers_carry_one_to_tag() {
    for last in [200, 486] {
        let mut server = Server::new("INVITE", false);
        for code in [180, 183, 199, last] {
            server.reply(T0, code).unwrap();
            assert_eq!(server.sent().to().unwrap().tag(), Some(tag().as_str()), "{code}");
            assert_eq!(server.sent().to().unwrap().uri, "sip:bob@example.com");
        }
    }
    let mut server = Server::new("INVITE", false);
    server.progress(T0, &Reply::new()).unwrap();
    server.cancel(T0);
    assert_eq!((server.code(), server.sent().to().unwrap().tag()), (487, Some(tag().as_str())));
}

/// RFC 3261 §8.2.6.2: a tag that the request's To has stays.
// Holds: 3261-8.2.6.2-6
#[test]
fn a_to_tag_of_the_request_stays() {
    for code in [100, 180, 200, 487] {
        let request = request_to("INVITE", "<sip:bob@example.com>;tag=old", "");
        let mut server = Server::with(request, false, Settings::DEFAULT);
        server.reply(T0, code).unwrap();
        assert_eq!(server.sent().value(Name::To), Some("<sip:bob@example.com>;tag=old"), "{code}");
    }
}

/// RFC 3261 §8.2.6.1: a 100 needs no tag and echoes Timestamp; the application's 100 and the automatic one alike.
// Holds: 3261-17.2.1-2, 3261-8.2.6.1-3
#[test]
fn a_100_has_no_tag_and_echoes_timestamp() {
    let request = request("INVITE", "Timestamp: 54.21\r\n");
    let mut by_hand = Server::with(request.clone(), false, Settings::DEFAULT);
    by_hand.progress(T0, &Reply::code(100)).unwrap();
    let mut by_itself = Server::with(request.clone(), false, Settings::DEFAULT);
    by_itself.run(ms(200));
    let mut after_a_180 = Server::with(request.clone(), false, Settings::DEFAULT);
    after_a_180.progress(T0, &Reply::new()).unwrap();
    after_a_180.progress(ms(1), &Reply::code(100)).unwrap();
    for server in [by_hand, by_itself, after_a_180] {
        let sent = server.sent();
        assert_eq!((sent.status(), sent.reason_phrase()), (Some(StatusCode::TRYING), "Trying"));
        assert_eq!(sent.to().unwrap().tag(), None);
        assert!(sent.value(Name::Timestamp).unwrap().starts_with("54.21"));
        assert_eq!((sent.contacts().count(), sent.record_routes().count()), (0, 0));
    }
    let mut server = Server::with(request, false, Settings::DEFAULT);
    server.progress(T0, &Reply::new()).unwrap();
    assert_eq!(server.sent().value(Name::Timestamp), None);
}

/// RFC 3261 §8.2.6.1: a 100 that goes out late says how late, in seconds.
// Holds: 3261-8.2.6.1-4, 3261-8.2.6.1-5
#[test]
fn a_late_100_says_how_late_it_is() {
    for (late, timestamp, expected) in [
        (0, "54.21", "54.21"),
        (200, "54.21", "54.21 0.200"),
        (1, "54", "54 0.001"),
        (12_034, "7.", "7. 12.034"),
        (59_999, "54 7", "54 59.999"),
    ] {
        let request = request("INVITE", &format!("Timestamp: {timestamp}\r\n"));
        let mut server = Server::with(request, false, Settings::DEFAULT);
        server.progress(ms(late), &Reply::code(100)).unwrap();
        assert_eq!(server.sent().value(Name::Timestamp), Some(expected), "{late}");
    }
    let mut server = Server::with(request("INVITE", "Timestamp: 54.21\r\n"), false, Settings::DEFAULT);
    server.run(ms(200));
    assert_eq!(server.sent().value(Name::Timestamp), Some("54.21 0.200"), "the automatic one");
}

/// RFC 3261 §12.1.1, RFC 6665 §4.2.1.2, RFC 3515 §2.4.4: Record-Route, in order, in every answer that can form a dialog and in no other.
// Holds: 3261-12.1.1-1, 3261-12.1.1-2
#[test]
fn record_route_is_copied_into_dialog_forming_answers() {
    let routes = ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"];
    for (method, code, copied) in [
        ("INVITE", 100, false),
        ("INVITE", 101, true),
        ("INVITE", 180, true),
        ("INVITE", 199, true),
        ("INVITE", 200, true),
        ("INVITE", 299, true),
        ("INVITE", 302, false),
        ("INVITE", 486, false),
        ("INVITE", 603, false),
        ("SUBSCRIBE", 200, true),
        ("SUBSCRIBE", 489, false),
        ("REFER", 200, true),
        ("REFER", 202, true),
        ("REFER", 603, false),
        ("SUBSCRIBE", 100, false),
    ] {
        let answer = answered(method, code);
        let found: Vec<_> = answer.elements(Name::RecordRoute).collect();
        let expected: &[&str] = if copied { &routes } else { &[] };
        assert_eq!(found, expected, "{method} {code}");
    }
}

/// RFC 3261 §8.2.6.2: all Via values in order; From, Call-ID and CSeq as they were.
// Holds: 3261-8.2.6.2-1, 3261-8.2.6.2-2, 3261-8.2.6.2-3, 3261-8.2.6.2-4, 3261-8.2.6.2-5
#[test]
fn an_answer_copies_what_identifies_the_request() {
    for (method, code) in [("INVITE", 180), ("INVITE", 486), ("MESSAGE", 200), ("OPTIONS", 503)] {
        let (request, answer) = (request(method, ""), answered(method, code));
        for name in [Name::Via, Name::From, Name::CallId, Name::CSeq] {
            let (asked, said): (Vec<_>, Vec<_>) =
                (request.values(name).collect(), answer.values(name).collect());
            assert_eq!(said, asked, "{method} {code}");
        }
        assert_eq!((answer.method(), answer.cseq()), (request.method(), 314_159));
    }
    // What follows upon another answer, too.
    let mut server = Server::new("INVITE", false);
    server.progress(T0, &Reply::new()).unwrap();
    server.accept(T0, &Reply::new()).unwrap();
    let (request, answer) = (request("INVITE", ""), server.sent());
    for name in [Name::Via, Name::From, Name::CallId, Name::CSeq] {
        assert!(answer.values(name).eq(request.values(name)), "{name:?}");
    }
    assert!(answer.values(Name::Via).count() > 1);
}

/// RFC 3261 §18.2.1, RFC 3581 §4: the topmost Via says where the request came from; the others are left alone.
#[test]
fn answers_say_where_the_request_came_from() {
    let text = "OPTIONS sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP client.example.com;rport;branch=z9hG4bK1\r\n\
        Via: SIP/2.0/UDP further.example.com;branch=z9hG4bK0\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
        Call-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n";
    let mut request = Message::parse(text.as_bytes()).unwrap();
    request.set_source("192.0.2.77:40000".parse().unwrap());
    let mut server = Server::with(request, false, Settings::DEFAULT);
    server.accept(T0, &Reply::new()).unwrap();
    let sent = server.sent();
    let via = sent.top_via().unwrap();
    assert_eq!((via.received(), via.rport()), (Some("192.0.2.77".parse().unwrap()), Some(40_000)));
    assert_eq!(via.branch(), Some("z9hG4bK1"));
    assert_eq!(sent.values(Name::Via).nth(1), Some("SIP/2.0/UDP further.example.com;branch=z9hG4bK0"));
}

/// RFC 3261 §12.1.1, RFC 3311 §5.2: Contact in answers that form a dialog or refresh its target, whichever method sends them.
// Holds: 3261-12.1.1-3
#[test]
fn contact_is_in_answers_that_form_or_refresh_a_dialog() {
    for (method, code, there) in [
        ("INVITE", 100, false),
        ("INVITE", 101, true),
        ("INVITE", 183, true),
        ("INVITE", 200, true),
        ("INVITE", 486, false),
        ("SUBSCRIBE", 200, true),
        ("REFER", 200, true),
        ("UPDATE", 200, true),
        ("UPDATE", 491, false),
        ("MESSAGE", 200, false),
        ("BYE", 200, false),
    ] {
        let answer = answered(method, code);
        let expected = if there { Some(DEFAULTS.contact) } else { None };
        assert_eq!(answer.value(Name::Contact), expected, "{method} {code}");
    }
    let within = request_to("INVITE", "<sip:bob@example.com>;tag=old", "");
    let mut server = Server::with(within, false, Settings::DEFAULT);
    server.accept(T0, &Reply::new()).unwrap();
    assert_eq!(server.sent().value(Name::Contact), Some(DEFAULTS.contact), "2xx to a re-INVITE");
}

/// RFC 3261 §13.3.1.4, §11.2, §21.4.6: Allow in 2xx to INVITE and OPTIONS and in every 405; Supported in those 2xx.
// Holds: 3261-8.2.1-3, 3261-13.3.1.4-1
#[test]
fn allow_and_supported_are_where_the_rfc_wants_them() {
    for (method, code, allow, supported) in [
        ("INVITE", 200, true, true),
        ("INVITE", 202, true, true),
        ("OPTIONS", 200, true, true),
        ("INVITE", 405, true, false),
        ("FOO", 405, true, false),
        ("MESSAGE", 405, true, false),
        ("INVITE", 486, false, false),
        ("MESSAGE", 200, false, false),
    ] {
        let answer = answered(method, code);
        assert_eq!(answer.value(Name::Allow).is_some(), allow, "{method} {code}");
        assert_eq!(answer.value(Name::Supported).is_some(), supported, "{method} {code}");
    }
    assert_eq!(
        answered("OPTIONS", 200).allow().collect::<Vec<_>>(),
        ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"]
    );
}

/// RFC 3261 §20.35: Server, not User-Agent, in every answer, the automatic ones included.
#[test]
fn server_is_in_every_answer() {
    for (method, code) in [("INVITE", 100), ("INVITE", 180), ("INVITE", 200), ("BYE", 481), ("FOO", 501)] {
        let answer = answered(method, code);
        assert_eq!(answer.headers("Server").collect::<Vec<_>>(), ["Bob/1.0"], "{method} {code}");
        assert_eq!(answer.headers("User-Agent").count(), 0);
    }
    let mut server = Server::new("INVITE", false);
    server.run(ms(200));
    assert_eq!(server.sent().value(Name::Server), Some("Bob/1.0"));
}

/// PEERS A.4: what is not configured is left out, not sent empty.
#[test]
fn empty_defaults_are_left_out() {
    let mut server = Server { defaults: Defaults::default(), ..Server::new("INVITE", false) };
    server.accept(T0, &Reply::new()).unwrap();
    for name in [Name::Contact, Name::Allow, Name::Supported, Name::Server] {
        assert_eq!(server.sent().value(name), None, "{}", name.as_str());
    }
}

/// PEERS A.3: a header of the application's takes the place of the default of that name, in any spelling.
#[test]
fn a_header_of_the_applications_replaces_the_default() {
    for (spelling, name) in [
        ("Contact", Name::Contact),
        ("m", Name::Contact),
        ("CONTACT", Name::Contact),
        ("Allow", Name::Allow),
        ("Supported", Name::Supported),
        ("k", Name::Supported),
        ("server", Name::Server),
    ] {
        let mut server = Server::new("INVITE", false);
        server.accept(T0, &Reply::new().header(spelling, "<sip:mine@192.0.2.8>")).unwrap();
        let sent = server.sent();
        assert_eq!(sent.values(name).collect::<Vec<_>>(), ["<sip:mine@192.0.2.8>"], "{spelling}");
    }
    let mut server = Server::new("INVITE", false);
    let two = Reply::code(302).header("Contact", "<sip:a@h>").header("Contact", "<sip:b@h>");
    server.reject(T0, &two).unwrap();
    assert_eq!(server.sent().contacts().count(), 2, "RFC 3261 §8.1.3.4: a redirect names several");
}

/// RFC 3261 §12.1.1, §8.1.1.8: where Contact becomes a target there is one, a SIP or SIPS URI, also if the application supplies it. Elsewhere, in a 100 too,
/// it is the application's affair.
#[test]
fn a_contact_of_the_applications_is_one_sip_uri_where_it_is_a_target() {
    for (method, code, is_target) in [
        ("INVITE", 100, false),
        ("INVITE", 101, true),
        ("INVITE", 200, true),
        ("INVITE", 300, false),
        ("UPDATE", 200, true),
        ("MESSAGE", 200, false),
    ] {
        for contacts in [&["<tel:+1>"][..], &["<sip:a@h>", "<sip:b@h>"]] {
            let reply =
                contacts.iter().fold(Reply::code(code), |reply, value| reply.header("Contact", *value));
            let given = Server::new(method, true).answer(By::Reply, T0, &reply);
            assert_eq!(given.is_err(), is_target, "{method} {code} {contacts:?}: {given:?}");
        }
    }
}

// What is kept of an answer.

/// RFC 3261 §17.2.2: a final answer that nobody else holds is kept as its octets, and goes out again as they are; a provisional one stays a message, and so does
/// one that someone holds.
#[test]
fn a_final_answer_is_kept_as_its_octets() {
    let mut server = Server::new("INVITE", false);
    server.progress(T0, &Reply::new()).unwrap();
    server.context.settle();
    assert!(server.context.response().is_some() && server.context.settled().is_none());
    server.reject(T0, &Reply::code(486)).unwrap();
    let held = server.context.response().cloned().unwrap();
    let octets = held.as_bytes().to_vec();
    server.context.settle();
    assert_eq!((server.context.response(), server.context.settled()), (Some(&held), None));
    drop(held);
    server.context.settle();
    assert_eq!((server.context.response(), server.context.settled()), (None, Some(&*octets)));
    assert_eq!(server.again(T0), ServerEffects::SEND);
    let other = Arc::new(answered("INVITE", 480));
    server.context.recall(other);
    assert_eq!(server.context.settled(), Some(&*octets), "that is another answer");
    server.context.recall(Arc::new(Message::parse(octets.clone()).unwrap()));
    assert_eq!(server.context.response().unwrap().as_bytes(), octets);
}

// Events follow the answer (PEERS A.3, DESIGN §5).

/// DESIGN §5: what is told follows the status, not the method that sent it.
#[test]
fn effects_follow_the_answer_not_the_method() {
    for (by, code, told) in [
        (By::Progress, 100, ServerEffects::PROGRESS),
        (By::Reply, 100, ServerEffects::PROGRESS),
        (By::Progress, 183, ServerEffects::PROGRESS),
        (By::Reply, 183, ServerEffects::PROGRESS),
        (By::Accept, 202, ServerEffects::ACCEPTED),
        (By::Reply, 202, ServerEffects::ACCEPTED),
        (By::Reject, 302, ServerEffects::REJECTED),
        (By::Reply, 302, ServerEffects::REJECTED),
        (By::Reject, 486, ServerEffects::REJECTED),
        (By::Reply, 486, ServerEffects::REJECTED),
    ] {
        let mut server = Server::new("INVITE", false);
        assert_eq!(server.answer(by, T0, &Reply::code(code)), Ok(SEND | told), "{by:?} {code}");
    }
}

/// PEERS A.0, A.3: what the events carry: code, answer, and the phrase that was used as the cause in words.
#[test]
fn a_report_carries_code_answer_and_cause() {
    let mut server = Server::new("INVITE", false);
    server.reject(T0, &Reply::code(486).reason("Not now")).unwrap();
    let report = Report::of(server.context.response().unwrap().clone());
    assert_eq!((report.code, report.cause, report.cause_text()), (486, Some(Cause::Busy), "Not now"));
    assert_eq!(report.response.as_ref(), server.context.response());

    let mut server = Server::new("INVITE", false);
    server.accept(T0, &Reply::new()).unwrap();
    let report = Report::of(server.context.response().unwrap().clone());
    assert_eq!((report.code, report.cause, report.cause_text()), (200, None, "OK"));

    let report = Report::without_response(Cause::NoAck);
    assert_eq!((report.code, report.response.as_ref()), (0, None));
    assert_eq!((report.cause, report.cause_text()), (Some(Cause::NoAck), "No ACK"));
}

// After a final answer (PEERS A.5).

/// PEERS A.5, RFC 6026 §7.1: after a final answer every further one is refused, in every state that follows.
// Holds: 3261-17.2.2-9
#[test]
fn a_second_final_is_refused_in_every_state() {
    let given = |method: &str, reliable: bool, code: u16, then: &dyn Fn(&mut Server)| {
        let mut server = Server::new(method, reliable);
        server.reply(T0, code).unwrap();
        then(&mut server);
        server
    };
    let nothing = |_: &mut Server| {};
    let acked = |server: &mut Server| _ = server.ack(ms(10));
    for (mut server, state, code) in [
        (given("INVITE", false, 200, &nothing), State::Accepted, StatusCode::OK),
        (given("INVITE", true, 200, &nothing), State::Accepted, StatusCode::OK),
        (given("INVITE", false, 200, &acked), State::Accepted, StatusCode::OK),
        (given("INVITE", false, 486, &nothing), State::Completed, StatusCode::BUSY_HERE),
        (given("INVITE", true, 486, &nothing), State::Completed, StatusCode::BUSY_HERE),
        (given("INVITE", false, 486, &acked), State::Confirmed, StatusCode::BUSY_HERE),
        (given("INVITE", true, 486, &acked), State::Confirmed, StatusCode::BUSY_HERE),
        (given("MESSAGE", false, 200, &nothing), State::Completed, StatusCode::OK),
        (given("MESSAGE", true, 404, &nothing), State::Completed, StatusCode::NOT_FOUND),
    ] {
        assert_eq!(server.context.state(), state);
        assert!(!server.context.is_pending());
        let refused = refusals(&mut server, ms(20), &ANY);
        assert_eq!(refused, [ContextError::AlreadyFinal(code); 5], "{state:?} {code}");
    }
}

/// DESIGN §2.7: what has ended is answered no more, and trying to changes nothing.
#[test]
fn what_has_ended_is_answered_no_more() {
    let run = |method: &str, code: Option<u16>| {
        let mut server = Server::new(method, false);
        if let Some(code) = code {
            server.reply(T0, code).unwrap();
        }
        server.run(secs(600));
        assert_eq!(server.context.deadline(), None);
        server
    };
    for mut server in [run("INVITE", Some(200)), run("INVITE", Some(486)), run("MESSAGE", None)] {
        assert_eq!(refusals(&mut server, secs(601), &ANY), [ContextError::Ended; 5]);
    }
}

// Non-INVITE (RFC 4320).

/// RFC 4320 §4.1: 101–199 do not answer a non-INVITE request, `progress` by default included; on no transport.
// Holds: 4320-4.1-1, 3261-8.2.6.1-1
#[test]
fn provisional_answers_but_100_are_refused_to_non_invite() {
    for reliable in [false, true] {
        for method in ["MESSAGE", "OPTIONS", "SUBSCRIBE", "BYE", "FOO"] {
            let mut server = Server::new(method, reliable);
            let before = server.context.clone();
            let refused = server.progress(secs(10), &Reply::new());
            assert_eq!(refused, Err(ContextError::ProvisionalToNonInvite), "{method}");
            assert_eq!(server.context, before);
            let attempts = [(By::Progress, 101), (By::Progress, 199), (By::Reply, 180), (By::Reply, 183)];
            let refused = refusals(&mut server, secs(10), &attempts);
            assert_eq!(refused, [ContextError::ProvisionalToNonInvite; 4], "{method}");
        }
    }
}

/// RFC 4320 §4.2: a non-INVITE request is never answered 408; an INVITE may be.
// Holds: 4320-4.2-1
#[test]
fn a_408_is_refused_to_non_invite_only() {
    for reliable in [false, true] {
        let mut server = Server::new("MESSAGE", reliable);
        let refused = refusals(&mut server, secs(1), &[(By::Reject, 408), (By::Reply, 408)]);
        assert_eq!(refused, [ContextError::TimeoutToNonInvite; 2]);
        let mut server = Server::new("INVITE", reliable);
        assert_eq!(server.reply(secs(1), 408), Ok(SEND | ServerEffects::REJECTED));
    }
}

/// RFC 4320 §4.1: over UDP no 100 before Timer E reaches T2 (3.5 s); over a reliable transport at any time.
// Holds: 4320-4.1-2
#[test]
fn a_100_to_non_invite_waits_on_udp_only() {
    let mut server = Server::new("MESSAGE", false);
    for at in [T0, ms(200), ms(3_499)] {
        let refused = refusals(&mut server, at, &[(By::Progress, 100), (By::Reply, 100)]);
        assert_eq!(refused, [ContextError::TryingTooEarly; 2]);
    }
    assert_eq!(server.reply(ms(3_500), 100), Ok(SEND | ServerEffects::PROGRESS));
    assert_eq!(server.accept(ms(3_600), &Reply::new()), Ok(SEND | ServerEffects::ACCEPTED));

    let mut server = Server::new("MESSAGE", true);
    assert_eq!(server.reply(T0, 100), Ok(SEND | ServerEffects::PROGRESS));
    assert_eq!(server.context.state(), State::Proceeding);
}

/// RFC 4320 §4.1: a non-INVITE request still unanswered when Timer E reaches T2 gets one 100, on any transport, and
/// nothing is told of it (DESIGN §5).
// Holds: 4320-4.1-2, 4320-4.1-3
#[test]
fn an_unanswered_non_invite_gets_one_100_after_3500_ms() {
    for reliable in [false, true] {
        let mut server = Server::new("MESSAGE", reliable);
        assert_eq!(server.run(ms(3_499)), []);
        assert_eq!(server.run(ms(31_999)), [(3_500, SEND, 100)], "reliable: {reliable}");
        assert!(server.context.is_pending());
    }
}

/// RFC 4320 §4.1: who has been answered gets no automatic 100.
#[test]
fn an_answered_non_invite_gets_no_automatic_100() {
    let mut server = Server::new("MESSAGE", true);
    server.reply(ms(100), 100).unwrap();
    assert_eq!(server.run(ms(31_999)), [], "100 was given by hand");
    let mut server = Server::new("MESSAGE", false);
    server.accept(ms(100), &Reply::new()).unwrap();
    assert_eq!(server.run(secs(60)), [(32_100, END, 200)], "200 was given; Timer J");
}

/// RFC 4320 §4.1: the wait is what the configured timers make of it.
#[test]
fn the_wait_for_100_follows_t1_and_t2() {
    for (t1, t2, wait) in [(500, 4_000, 3_500), (1_000, 4_000, 3_000), (500, 500, 500), (100, 1_000, 1_500)] {
        let timers =
            Timers { t1: Duration::from_millis(t1), t2: Duration::from_millis(t2), ..Timers::DEFAULT };
        let settings = settings(|settings| settings.timers = timers);
        let mut server = Server::with(request("INFO", ""), true, settings);
        assert_eq!(server.run(ms(wait)), [(wait, SEND, 100)], "T1 {t1} ms, T2 {t2} ms");
    }
}

/// RFC 3261 §17.2.2: a retransmitted non-INVITE request gets the stored answer again, and nothing before there is one.
// Holds: 3261-17.2.2-4, 3261-17.2.2-8
#[test]
fn a_retransmitted_non_invite_gets_the_last_answer_again() {
    let mut server = Server::new("MESSAGE", false);
    assert_eq!(server.again(ms(500)), ServerEffects::NONE);
    server.run(ms(3_500));
    assert_eq!((server.again(ms(3_600)), server.code()), (SEND, 100));
    server.reject(ms(4_000), &Reply::code(404)).unwrap();
    let stored = server.sent();
    assert_eq!((server.again(ms(4_100)), server.again(ms(30_000))), (SEND, SEND));
    assert_eq!(server.sent(), stored);
}

/// RFC 3261 §17.2.2: after the final answer Timer J runs 64·T1 over UDP and not at all over a reliable transport.
#[test]
fn an_answered_non_invite_ends_with_timer_j() {
    for (reliable, end) in [(false, 32_000), (true, 0)] {
        let mut server = Server::new("BYE", reliable);
        server.accept(T0, &Reply::new()).unwrap();
        assert_eq!(server.run(secs(100)), [(end, END, 200)]);
        assert_eq!((server.context.end_reason(), server.context.deadline()), (EndReason::Done, None));
    }
}

/// PEERS A.6: a non-INVITE request that the application never answers ends after 64·T1, when its client has given up.
#[test]
fn an_unanswered_non_invite_ends() {
    for reliable in [false, true] {
        let mut server = Server::new("MESSAGE", reliable);
        let log = server.run(secs(100));
        assert_eq!(log, [(3_500, SEND, 100), (32_000, ServerEffects::UNANSWERED | END, 0)]);
        assert_eq!(server.context.end_reason(), EndReason::Unanswered);
        assert_eq!((server.context.deadline(), server.context.is_pending()), (None, false));
    }
}

// INVITE: while it waits for its final answer.

/// RFC 3261 §17.2.1: an INVITE that has been answered nothing for 200 ms gets 100; nothing is told of it.
// Holds: 3261-17.2.1-1
#[test]
fn an_invite_gets_100_after_200_ms() {
    for reliable in [false, true] {
        let mut server = Server::new("INVITE", reliable);
        assert_eq!(server.run(ms(199)), []);
        assert_eq!(server.run(secs(59)), [(200, SEND, 100)]);
    }
    let settings = settings(|settings| settings.trying_after = Duration::ZERO);
    let mut server = Server::with(request("INVITE", ""), false, settings);
    assert_eq!(server.run(T0), [(0, SEND, 100)], "at once, if configured so");
}

/// RFC 3261 §17.2.1: an INVITE that was answered in time gets no 100.
#[test]
fn an_answered_invite_gets_no_100() {
    for code in [100, 180, 183] {
        let mut server = Server::new("INVITE", false);
        server.reply(ms(199), code).unwrap();
        assert_eq!(server.run(secs(59)), [], "{code}");
    }
    let mut server = Server::new("INVITE", true);
    server.reject(ms(199), &Reply::new()).unwrap();
    assert_eq!(server.run(secs(30)), []);
}

/// RFC 3261 §13.3.1.1: each minute the last provisional answer goes out again, byte for byte, and nothing is told of it.
// Holds: 3261-13.3.1.1-2
#[test]
fn the_last_provisional_repeats_every_minute() {
    for (reliable, to) in
        [false, true].into_iter().flat_map(|reliable| ["", ";tag=of-a-dialog"].map(|to| (reliable, to)))
    {
        let invite = request_to("INVITE", &format!("<sip:bob@example.com>{to}"), "");
        let mut server = Server::with(invite, reliable, Settings::DEFAULT);
        server.progress(ms(10), &Reply::code(180)).unwrap();
        server.progress(secs(30), &Reply::code(183).sdp("v=0\r\n")).unwrap();
        let progress = server.sent();
        assert_eq!(server.run(secs(179)), [(90_000, SEND, 183), (150_000, SEND, 183)], "{reliable} {to}");
        assert_eq!(server.sent(), progress);
    }
}

/// RFC 3261 §13.3.1.1: where the application said nothing, the minute's answer is 180, unless that is switched off.
#[test]
fn a_silent_application_lets_the_phone_ring_by_policy() {
    let mut server = Server::new("INVITE", false);
    let log = server.run(secs(179));
    assert_eq!(sends(&log), [(200, 100), (60_000, 180), (120_000, 180)]);
    assert_eq!(server.sent().to().unwrap().tag(), Some(tag().as_str()));
    assert_eq!(server.sent().value(Name::Contact), Some(DEFAULTS.contact));

    let within = request_to("INVITE", "<sip:bob@example.com>;tag=of-a-dialog", "");
    let mut server = Server::with(within, true, Settings::DEFAULT);
    assert_eq!(sends(&server.run(secs(179))), [(200, 100), (60_000, 180), (120_000, 180)], "a re-INVITE");

    let settings = settings(|settings| settings.repeat_ringing = false);
    let mut server = Server::with(request("INVITE", ""), false, settings);
    assert_eq!(server.run(secs(179)), [(200, SEND, 100)]);
    server.progress(secs(179), &Reply::code(183)).unwrap();
    assert_eq!(server.run(ms(179_999)), []);
}

/// RFC 3261 §13.3.1.1: the repeats' interval is a setting.
#[test]
fn the_interval_of_the_repeats_can_be_set() {
    let settings = settings(|settings| settings.repeat_every = Duration::from_secs(50));
    let mut server = Server::with(request("INVITE", ""), false, settings);
    server.progress(T0, &Reply::new()).unwrap();
    assert_eq!(server.run(secs(101)), [(50_000, SEND, 180), (100_000, SEND, 180)]);
}

/// DESIGN §2.4: what repeats leaves time between; an interval of nothing means never.
#[test]
fn nothing_repeats_without_an_interval() {
    for ring in [false, true] {
        let settings = settings(|settings| settings.repeat_every = Duration::ZERO);
        let mut server = Server::with(request("INVITE", ""), false, settings);
        if ring {
            server.progress(T0, &Reply::new()).unwrap();
        }
        let expected: &[(u64, ServerEffects, u16)] = if ring { &[] } else { &[(200, SEND, 100)] };
        assert_eq!(server.run(secs(179)), expected);
    }
}

/// PEERS A.9, RFC 3261 §13.3.1.1: an INVITE that nobody answers gets 480 after three minutes, ringing or not.
#[test]
fn an_unanswered_invite_gets_480_after_three_minutes() {
    for ringing in [false, true] {
        let mut server = Server::new("INVITE", true);
        if ringing {
            server.progress(T0, &Reply::new()).unwrap();
        }
        server.run(ms(179_999));
        assert!(server.context.is_pending());
        let rejected = SEND | ServerEffects::REJECTED | ServerEffects::NO_ANSWER;
        assert_eq!(server.run(secs(180)), [(180_000, rejected, 480)]);
        assert_eq!(server.sent().to().unwrap().tag(), Some(tag().as_str()));
        assert_eq!(
            server.accept(secs(181), &Reply::new()),
            Err(ContextError::AlreadyFinal(StatusCode::TEMPORARILY_UNAVAILABLE))
        );
    }
}

/// DESIGN §2.6: how long the application may take is a setting; `None` is for ever.
#[test]
fn patience_with_the_application_can_be_set() {
    let short = settings(|settings| settings.answer_within = Some(Duration::from_secs(5)));
    let mut server = Server::with(request("INVITE", ""), true, short);
    assert_eq!(sends(&server.run(secs(30))), [(200, 100), (5_000, 480)]);

    let never = settings(|settings| settings.answer_within = None);
    let mut server = Server::with(request("INVITE", ""), true, never);
    let log = server.run(secs(24 * 3_600));
    assert!(server.context.is_pending());
    assert!(log.iter().all(|(_, effects, code)| *code < 200 && !effects.contains(END)));
    assert_eq!(log.len(), 1 + 24 * 60, "100, then a 180 each minute");
}

/// RFC 3261 §13.3.1: an INVITE that is not answered when its Expires runs out gets 487.
// Holds: 3261-13.3.1-1
#[test]
fn an_expired_invite_gets_487() {
    let mut server = Server::with(request("INVITE", "Expires: 20\r\n"), true, Settings::DEFAULT);
    server.progress(ms(5), &Reply::new()).unwrap();
    let rejected = SEND | ServerEffects::REJECTED | ServerEffects::EXPIRED;
    assert_eq!(server.run(secs(25)), [(20_000, rejected, 487)]);
    assert!(!server.context.is_cancelled(), "nobody cancelled it");
    let refused = server.accept(secs(26), &Reply::new());
    assert_eq!(refused, Err(ContextError::AlreadyFinal(StatusCode::REQUEST_TERMINATED)));
    let within = request_to("INVITE", "<sip:bob@example.com>;tag=of-a-dialog", "Expires: 20\r\n");
    let mut server = Server::with(within, false, Settings::DEFAULT);
    assert_eq!(sends(&server.run(ms(20_000))), [(200, 100), (20_000, 487)], "a re-INVITE");
}

/// RFC 3261 §13.3.1: Expires counts for an INVITE that waits, and only while nothing ends the waiting before.
#[test]
fn expires_counts_only_where_it_comes_first() {
    let run = |method: &str, expires: &str, settings: Settings, end: u64| {
        let mut server = Server::with(request(method, expires), true, settings);
        sends(&server.run(secs(end)))
    };
    let at = |at, code| vec![(200, 100), (at, code)];
    let short = settings(|settings| settings.answer_within = Some(Duration::from_secs(5)));
    let never = settings(|settings| settings.answer_within = None);
    assert_eq!(run("INVITE", "Expires: 20\r\n", short, 30), at(5_000, 480));
    assert_eq!(run("INVITE", "Expires: 20\r\n", never, 30), at(20_000, 487));
    assert_eq!(run("INVITE", "Expires: soon\r\n", short, 30), at(5_000, 480), "malformed");
    assert_eq!(run("SUBSCRIBE", "Expires: 1\r\n", Settings::DEFAULT, 30), [(3_500, 100)], "not an INVITE");
    let mut answered = Server::with(request("INVITE", "Expires: 20\r\n"), true, Settings::DEFAULT);
    answered.accept(secs(1), &Reply::new()).unwrap();
    answered.ack(secs(2));
    assert_eq!(answered.run(secs(30)), []);
}

/// RFC 3261 §13.3.1: Expires can be disregarded.
#[test]
fn expires_can_be_disregarded() {
    let settings = settings(|settings| settings.honour_expires = false);
    let mut server = Server::with(request("INVITE", "Expires: 20\r\n"), true, settings);
    server.progress(T0, &Reply::new()).unwrap();
    assert_eq!(sends(&server.run(secs(190))), [(60_000, 180), (120_000, 180), (180_000, 480)]);
}

/// RFC 3261 §17.2.1: a retransmitted INVITE gets the last provisional answer again; before there is one, nothing.
// Holds: 3261-17.2.1-5
#[test]
fn a_retransmitted_invite_gets_the_last_provisional_again() {
    let mut server = Server::new("INVITE", false);
    assert_eq!(server.again(ms(100)), ServerEffects::NONE);
    server.run(ms(200));
    assert_eq!((server.again(ms(500)), server.code()), (SEND, 100));
    server.progress(ms(600), &Reply::code(183).sdp("v=0\r\n")).unwrap();
    let progress = server.sent();
    assert_eq!((server.again(ms(1_500)), server.again(ms(3_500))), (SEND, SEND));
    assert_eq!(server.sent(), progress);
}

// INVITE: after a 2xx.

/// RFC 3261 §13.3.1.4: a 2xx goes out again after T1, 2·T1 and so on up to T2, on every transport; after 64·T1 without ACK the
/// session is to be ended, and the context is over.
// Holds: 6026-7.1-3
#[test]
fn a_2xx_repeats_from_t1_to_t2_until_64_t1() {
    for reliable in [false, true] {
        let mut server = Server::new("INVITE", reliable);
        assert_eq!(server.accept(T0, &Reply::new().sdp("v=0\r\n")), Ok(SEND | ServerEffects::ACCEPTED));
        assert!(server.context.awaits_ack());
        let stored = server.sent();
        let before = server.run(ms(31_999));
        assert_eq!(server.sent(), stored);
        let at: Vec<_> = before.iter().map(|(at, ..)| *at).collect();
        assert_eq!(at, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        assert!(before.iter().all(|(_, effects, code)| (*effects, *code) == (SEND, 200)));
        let after: Vec<_> = server.run(secs(600)).into_iter().map(|(at, effects, _)| (at, effects)).collect();
        assert_eq!(after, [(32_000, ServerEffects::NO_ACK), (32_000, END)]);
        assert_eq!((server.context.end_reason(), server.context.deadline()), (EndReason::NoAck, None));
    }
}

/// RFC 3261 §13.3.1.4: the ACK stops the 2xx, whenever it comes; it is told once, and the context ends with Timer L.
#[test]
fn the_ack_stops_the_2xx() {
    for reliable in [false, true] {
        for (at, repeats) in [(10, 0), (499, 0), (500, 1), (8_000, 4), (31_999, 10)] {
            let mut server = Server::new("INVITE", reliable);
            server.accept(T0, &Reply::new()).unwrap();
            assert_eq!(server.run(ms(at)).len(), repeats);
            assert_eq!(server.ack(ms(at)), ServerEffects::ACKED, "ACK at {at}");
            assert!(!server.context.awaits_ack());
            assert_eq!(server.ack(ms(at)), ServerEffects::NONE, "the ACK again");
            assert_eq!(server.run(secs(600)), [(32_000, END, 0)], "ACK at {at}");
            assert_eq!((server.context.end_reason(), server.context.deadline()), (EndReason::Done, None));
        }
    }
}

/// RFC 6026 §7.1: a retransmitted INVITE is absorbed after a 2xx, acknowledged or not.
#[test]
fn a_retransmitted_invite_is_absorbed_after_a_2xx() {
    let mut server = Server::new("INVITE", false);
    server.accept(T0, &Reply::new()).unwrap();
    assert_eq!(server.again(ms(100)), ServerEffects::NONE);
    server.ack(ms(200));
    assert_eq!(server.again(ms(300)), ServerEffects::NONE);
}

/// DESIGN §4: what is not needed any more is let go: the request with the final answer, the 2xx with its ACK.
#[test]
fn messages_are_let_go_when_they_are_done_with() {
    let request = Arc::new(request("INVITE", ""));
    let mut context = ServerContext::new(T0, request.clone(), false, tag(), &Settings::DEFAULT);
    assert_eq!(Arc::strong_count(&request), 2);
    context.accept(T0, &Reply::new(), &DEFAULTS, &Settings::DEFAULT).unwrap();
    assert_eq!((Arc::strong_count(&request), context.request()), (1, None));
    assert!(context.response().is_some());
    context.acknowledged(T0, &Settings::DEFAULT);
    assert_eq!(context.response(), None);
}

// INVITE: after a 3xx to 6xx.

/// RFC 3261 §17.2.1: over UDP a 3xx–6xx goes out again on Timer G, T1 to T2; Timer H ends the wait for its ACK.
// Holds: 3261-17.2.1-8, 3261-17.2.1-10
#[test]
fn a_failure_repeats_on_udp_until_timer_h() {
    for code in [302, 486, 500, 603] {
        let mut server = Server::new("INVITE", false);
        assert_eq!(server.reply(T0, code), Ok(SEND | ServerEffects::REJECTED));
        let stored = server.sent();
        let before = server.run(ms(31_999));
        let at: Vec<_> = before.iter().map(|(at, ..)| *at).collect();
        assert_eq!(at, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        assert!(before.iter().all(|(_, effects, _)| *effects == SEND));
        assert_eq!(server.sent(), stored);
        let after: Vec<_> = server.run(secs(600)).into_iter().map(|(at, effects, _)| (at, effects)).collect();
        assert_eq!(after, [(32_000, END)]);
        assert_eq!((server.context.end_reason(), server.context.deadline()), (EndReason::NoAck, None));
    }
}

/// RFC 3261 §17.2.1: over a reliable transport nothing repeats; Timer H runs all the same.
#[test]
fn a_failure_does_not_repeat_on_reliable_transports() {
    let mut server = Server::new("INVITE", true);
    server.reject(T0, &Reply::code(486)).unwrap();
    let log: Vec<_> = server.run(secs(600)).into_iter().map(|(at, effects, _)| (at, effects)).collect();
    assert_eq!(log, [(32_000, END)]);
    assert_eq!(server.context.end_reason(), EndReason::NoAck);
}

/// RFC 3261 §17.2.1: the ACK stops Timer G; Timer I then absorbs further ones for T4 over UDP and not at all over TCP.
#[test]
fn the_ack_of_a_failure_confirms_it() {
    for (reliable, end) in [(false, 6_000), (true, 1_000)] {
        let mut server = Server::new("INVITE", reliable);
        server.reject(T0, &Reply::code(486)).unwrap();
        server.run(secs(1));
        assert_eq!(server.ack(secs(1)), ServerEffects::NONE);
        assert_eq!(server.context.state(), State::Confirmed);
        assert_eq!(server.ack(secs(1)), ServerEffects::NONE);
        assert_eq!(server.again(secs(1)), ServerEffects::NONE, "a stray INVITE");
        let log: Vec<_> = server.run(secs(600)).into_iter().map(|(at, effects, _)| (at, effects)).collect();
        assert_eq!(log, [(end, END)]);
        assert_eq!((server.context.end_reason(), server.context.deadline()), (EndReason::Done, None));
    }
}

/// RFC 3261 §17.2.1, PEERS A.5: a retransmitted INVITE gets the stored final again, the final and not what came before.
// Holds: 3261-17.2.1-11
#[test]
fn a_retransmitted_invite_gets_the_failure_again() {
    for reliable in [false, true] {
        let mut server = Server::new("INVITE", reliable);
        server.progress(T0, &Reply::new()).unwrap();
        server.reject(ms(10), &Reply::code(486).header("Retry-After", "5")).unwrap();
        let stored = server.sent();
        assert_eq!((server.again(ms(100)), server.again(ms(200))), (SEND, SEND));
        assert_eq!((server.sent(), server.code()), (stored, 486));
    }
}

// CANCEL.

/// RFC 3261 §9.2: a CANCEL of a waiting INVITE answers it 487, told as cancelled and rejected; later answers are refused.
// Holds: 3261-9.2-2
#[test]
fn a_cancelled_invite_is_answered_487() {
    for before in [None, Some(100), Some(180)] {
        let mut server = Server::new("INVITE", false);
        if let Some(code) = before {
            server.reply(T0, code).unwrap();
        }
        let told = server.cancel(ms(50));
        assert_eq!(told, SEND | ServerEffects::CANCELLED | ServerEffects::REJECTED);
        let sent = server.sent();
        assert_eq!((sent.status().unwrap().code(), sent.reason_phrase()), (487, "Request Terminated"));
        assert!(server.context.is_cancelled() && !server.context.is_pending());
        assert_eq!(refusals(&mut server, ms(60), &ANY), [ContextError::Cancelled; 5]);
        assert_eq!(server.cancel(ms(70)), ServerEffects::NONE, "the CANCEL again");
        assert_eq!((server.again(ms(80)), server.code()), (SEND, 487));
        assert_eq!(server.ack(ms(90)), ServerEffects::NONE);
        assert_eq!(server.run(secs(600)), [(5_090, END, 487)]);
        assert_eq!(server.context.end_reason(), EndReason::Done);
    }
}

/// RFC 3261 §17.2.1: the 487 is a final like others: it repeats, and Timer H ends the wait for its ACK.
#[test]
fn the_487_waits_for_its_ack() {
    let mut server = Server::new("INVITE", false);
    server.cancel(T0);
    let log = server.run(secs(600));
    assert_eq!(sends(&log).len(), 10);
    assert_eq!(log.last().map(|(at, effects, _)| (*at, *effects)), Some((32_000, END)));
    assert_eq!(server.context.end_reason(), EndReason::NoAck);
}

/// RFC 3261 §9.2, PEERS B.6: a CANCEL after our 2xx changes nothing, and is told; the 2xx still waits for its ACK.
#[test]
fn a_cancel_after_a_2xx_is_too_late() {
    let mut server = Server::new("INVITE", false);
    server.accept(T0, &Reply::new()).unwrap();
    let before = server.context.clone();
    assert_eq!(server.cancel(ms(10)), ServerEffects::CANCEL_TOO_LATE);
    assert_eq!(server.context, before);
    assert_eq!(server.run(ms(500)), [(500, SEND, 200)]);
    assert_eq!(server.ack(ms(600)), ServerEffects::ACKED);
    assert_eq!(server.cancel(ms(700)), ServerEffects::CANCEL_TOO_LATE, "after the ACK too");
    assert!(!server.context.is_cancelled());
}

/// RFC 3261 §9.2: a CANCEL after a failure has no effect.
#[test]
fn a_cancel_after_a_failure_changes_nothing() {
    let mut server = Server::new("INVITE", false);
    server.reject(T0, &Reply::code(486)).unwrap();
    let before = server.context.clone();
    assert_eq!(server.cancel(ms(10)), ServerEffects::NONE);
    assert_eq!(server.context, before);
}

/// RFC 3261 §9.1, §9.2: a CANCEL of anything but an INVITE has no effect: the request is answered as if nothing had come.
#[test]
fn a_cancel_of_a_non_invite_changes_nothing() {
    let mut server = Server::new("MESSAGE", false);
    let before = server.context.clone();
    assert_eq!(server.cancel(ms(10)), ServerEffects::NONE);
    assert_eq!(server.context, before);
    assert_eq!(server.accept(ms(20), &Reply::new()), Ok(SEND | ServerEffects::ACCEPTED));
}

// Transport (PEERS A.6).

/// RFC 6026 §7.1, §8.8, PEERS A.6: an answer that could not be sent is told, and the context lives on in its state.
// Holds: 3261-17.2.4-1, 6026-6-2, 6026-7.1-7, 6026-7.1-8, 6026-8.8-2
#[test]
fn a_transport_failure_is_told_and_changes_nothing() {
    for (method, code, state) in [
        ("INVITE", 180, State::Proceeding),
        ("INVITE", 200, State::Accepted),
        ("INVITE", 486, State::Completed),
        ("MESSAGE", 200, State::Completed),
    ] {
        for reliable in [false, true] {
            let mut server = Server::new(method, reliable);
            server.reply(T0, code).unwrap();
            let before = server.context.clone();
            assert_eq!(server.fail(ms(1)), ServerEffects::SEND_FAILED, "{method} {code}");
            assert_eq!((server.context.state(), &server.context), (state, &before), "{method} {code}");
        }
    }
    let mut server = Server::new("INVITE", false);
    server.progress(T0, &Reply::new()).unwrap();
    server.fail(ms(1));
    assert_eq!(server.accept(ms(2), &Reply::new()), Ok(SEND | ServerEffects::ACCEPTED));
    server.fail(ms(3));
    assert_eq!(server.run(ms(502)), [(502, SEND, 200)], "the 2xx still repeats");
    assert_eq!(server.ack(ms(600)), ServerEffects::ACKED);
}

// Time (DESIGN §2.4).

/// DESIGN §2.4: nothing fires before its deadline, and firing too early changes nothing.
#[test]
fn nothing_fires_early() {
    let mut pending = Server::new("INVITE", false);
    let mut accepted = Server::new("INVITE", false);
    accepted.accept(T0, &Reply::new()).unwrap();
    let mut rejected = Server::new("INVITE", false);
    rejected.reject(T0, &Reply::new()).unwrap();
    for (server, deadline) in [(&mut pending, 200), (&mut accepted, 500), (&mut rejected, 500)] {
        assert_eq!(server.context.deadline(), Some(ms(deadline)));
        let before = server.context.clone();
        assert_eq!(server.fire(Timestamp::from_micros(deadline * 1_000 - 1)), None);
        assert_eq!(server.context, before);
    }
}

/// DESIGN §2.4: a late call fires each timer once, what gives up before what repeats; a repeat that was late runs from now.
#[test]
fn a_late_call_fires_each_timer_once() {
    let mut accepted = Server::new("INVITE", false);
    accepted.accept(T0, &Reply::new()).unwrap();
    assert_eq!(accepted.fire_all(secs(20)), [SEND]);
    assert_eq!(accepted.context.deadline(), Some(secs(21)), "2·T1 from now");
    assert_eq!(accepted.fire_all(secs(60)), [ServerEffects::NO_ACK, END]);

    let mut rejected = Server::new("INVITE", false);
    rejected.reject(T0, &Reply::new()).unwrap();
    assert_eq!(rejected.fire_all(secs(60)), [END]);

    let mut pending = Server::new("INVITE", true);
    assert_eq!(pending.fire_all(secs(600)), [SEND | ServerEffects::REJECTED | ServerEffects::NO_ANSWER]);
    assert_eq!((pending.code(), pending.context.deadline()), (480, Some(secs(632))));

    let mut unanswered = Server::new("MESSAGE", false);
    assert_eq!(unanswered.fire_all(secs(600)), [ServerEffects::UNANSWERED | END]);
}

/// DESIGN §2.6: whatever happened to it, a context whose request was answered ends once, and wants nothing after that.
#[test]
fn every_course_ends_once() {
    for method in ["INVITE", "MESSAGE"] {
        for reliable in [false, true] {
            for code in [None, Some(200), Some(302), Some(487)] {
                for acked in [false, true] {
                    let mut server = Server::new(method, reliable);
                    if let Some(code) = code {
                        server.reply(ms(100), code).unwrap();
                    }
                    if acked {
                        server.ack(ms(200));
                    }
                    let log = server.run(secs(3_600));
                    let ends = log.iter().filter(|(_, effects, _)| effects.contains(END)).count();
                    assert_eq!(ends, 1, "{method} {code:?} reliable {reliable} acked {acked}");
                    assert_eq!(server.context.deadline(), None);
                    assert_eq!(server.fire(Timestamp::MAX), None);
                }
            }
        }
    }
}

// Tables of the model (PEERS A.7, A.8).

/// PEERS A.7: the 23 texts of `SIP.C.causes`.
#[test]
fn causes_have_the_documented_texts() {
    let texts = [
        (Cause::ConnectionError, "Connection Error"),
        (Cause::RequestTimeout, "Request Timeout"),
        (Cause::SipFailureCode, "SIP Failure Code"),
        (Cause::InternalError, "Internal Error"),
        (Cause::Busy, "Busy"),
        (Cause::Rejected, "Rejected"),
        (Cause::Redirected, "Redirected"),
        (Cause::Unavailable, "Unavailable"),
        (Cause::NotFound, "Not Found"),
        (Cause::AddressIncomplete, "Address Incomplete"),
        (Cause::IncompatibleSdp, "Incompatible SDP"),
        (Cause::AuthenticationError, "Authentication Error"),
        (Cause::DialogError, "Dialog Error"),
        (Cause::WebRtcNotSupported, "WebRTC Not Supported"),
        (Cause::WebRtcError, "WebRTC Error"),
        (Cause::Canceled, "Canceled"),
        (Cause::NoAnswer, "No Answer"),
        (Cause::Expires, "Expires"),
        (Cause::NoAck, "No ACK"),
        (Cause::NoPrack, "No PRACK"),
        (Cause::UserDeniedMediaAccess, "User Denied Media Access"),
        (Cause::BadMediaDescription, "Bad Media Description"),
        (Cause::RtpTimeout, "RTP Timeout"),
    ];
    assert_eq!(texts.len(), Cause::ALL.len());
    for (cause, text) in texts {
        assert_eq!((cause.as_str(), cause.to_string().as_str()), (text, text));
        assert!(Cause::ALL.contains(&cause));
    }
}

/// PEERS A.7: `SIP_ERROR_CAUSES`; every other failure is a SIP failure code.
#[test]
fn failure_codes_map_to_their_causes() {
    let map: [(Cause, &[u16]); 8] = [
        (Cause::Redirected, &[300, 301, 302, 305, 380]),
        (Cause::Busy, &[486, 600]),
        (Cause::Rejected, &[403, 603]),
        (Cause::NotFound, &[404, 604]),
        (Cause::Unavailable, &[480, 410, 408, 430]),
        (Cause::AddressIncomplete, &[484]),
        (Cause::IncompatibleSdp, &[488, 606]),
        (Cause::AuthenticationError, &[401, 407]),
    ];
    for code in 300..=699 {
        let listed = map.iter().find(|(_, codes)| codes.contains(&code)).map(|(cause, _)| *cause);
        let status = StatusCode::new(code).unwrap();
        assert_eq!(Cause::of(status), listed.unwrap_or(Cause::SipFailureCode), "{code}");
    }
}

/// PEERS A.8: `SIP.C.REASON_PHRASE` in full, what the registry has besides, and the empty phrase for every other code.
#[test]
fn reason_phrases_are_the_table() {
    let lines = include_str!("../rfc/reason_phrases.tsv").lines().filter(|line| !line.starts_with('#'));
    let rows: Vec<Vec<_>> = lines.skip(1).map(|line| line.split('\t').collect()).collect();
    let from = |source: &str| rows.iter().filter(|row| row[2] == source).count();
    assert_eq!((from("model"), from("iana"), rows.len()), (71, 5, 76));
    for code in 100..=699_u16 {
        let row = rows.iter().find(|row| row[0] == code.to_string());
        let phrase = StatusCode::new(code).unwrap().reason();
        assert_eq!(phrase, row.map_or("", |row| row[1]), "{code}");
    }
}
