//! `ClientContext` from the outside, with no endpoint: what goes out again and when, the one result, ACK, CANCEL, forks, and how
//! a context ends.

use std::sync::Arc;
use std::time::Duration;

use sip_proto::context::{Cause, ClientContext, ClientEffects, ContextError, Settings, Synthetic};
use sip_proto::message::{BuildError, Header, Name};
use sip_proto::{Message, Method, StatusCode, Timestamp};

const T0: Timestamp = Timestamp::ZERO;
const NONE: ClientEffects = ClientEffects::NONE;
const SEND: ClientEffects = ClientEffects::SEND;
const ACK: ClientEffects = ClientEffects::ACK;
const PROVISIONAL: ClientEffects = ClientEffects::PROVISIONAL;
const SUCCESS: ClientEffects = ClientEffects::SUCCESS;
const ACCEPTED: ClientEffects = ClientEffects::ACCEPTED;
const FAILURE: ClientEffects = ClientEffects::FAILURE;
const CANCEL: ClientEffects = ClientEffects::CANCEL;
const GAVE_UP: ClientEffects = ClientEffects::GAVE_UP;
const CROSSED: ClientEffects = ClientEffects::CROSSED;
const AGAIN: ClientEffects = ClientEffects::ACK_AGAIN;
const FORKS_OVER: ClientEffects = ClientEffects::FORKS_OVER;
const END: ClientEffects = ClientEffects::END;

/// Effects, any of which is a request's result.
const RESULTS: [ClientEffects; 3] = [ACCEPTED, FAILURE, GAVE_UP];

/// A context with what each of its steps is given, and everything that its steps asked for.
#[derive(Clone)]
struct Client {
    context: ClientContext,
    settings: Settings,
    seen: Vec<ClientEffects>,
}

impl Client {
    fn new(method: &str, reliable: bool) -> Self {
        Self::with(method, reliable, None, Settings::DEFAULT)
    }

    fn with(method: &str, reliable: bool, ring_within: Option<Duration>, settings: Settings) -> Self {
        let request = Arc::new(request(method));
        let (context, effects) = ClientContext::new(T0, request, reliable, ring_within, &settings);
        assert_eq!(effects, SEND);
        Self { context, settings, seen: vec![effects] }
    }

    fn note(&mut self, effects: ClientEffects) -> ClientEffects {
        self.seen.push(effects);
        effects
    }

    fn receive(&mut self, at: Timestamp, response: &Message) -> ClientEffects {
        let effects = self.context.receive(at, response, &self.settings);
        self.note(effects)
    }

    /// An answer with this code and the To tag `t`.
    fn answer(&mut self, at: Timestamp, code: u16) -> ClientEffects {
        self.answer_from(at, code, "t")
    }

    fn answer_from(&mut self, at: Timestamp, code: u16, tag: &str) -> ClientEffects {
        let response = answer(self.context.request(), code, tag);
        self.receive(at, &response)
    }

    fn cancel(&mut self, at: Timestamp) -> Result<ClientEffects, ContextError> {
        self.cancel_with(at, Vec::new())
    }

    fn cancel_with(&mut self, at: Timestamp, headers: Vec<Header>) -> Result<ClientEffects, ContextError> {
        let effects = self.context.cancel(at, &headers, &self.settings)?;
        Ok(self.note(effects))
    }

    fn fail(&mut self, at: Timestamp) -> ClientEffects {
        let effects = self.context.transport_failed(at, &self.settings);
        self.note(effects)
    }

    /// Hands over an ACK of the 2xx with this To tag.
    fn acknowledge(&mut self, tag: &str) -> Arc<Message> {
        let ok = answer(self.context.request(), 200, tag);
        let ack = Arc::new(self.context.request().ack_for(&ok).unwrap());
        self.context.acknowledge(tag, ack.clone());
        ack
    }

    fn fire_all(&mut self, at: Timestamp) -> Vec<ClientEffects> {
        let mut fired = Vec::new();
        while let Some(effects) = self.context.fire(at, &self.settings) {
            fired.push(self.note(effects));
            assert!(fired.len() < 100, "a context fires without end");
        }
        fired
    }

    /// Everything that happens by itself up to and at `end`, each at its deadline, in milliseconds.
    fn run(&mut self, end: Timestamp) -> Vec<(u64, ClientEffects)> {
        let mut log = Vec::new();
        while let Some(at) = self.context.deadline().filter(|at| *at <= end) {
            let fired = self.fire_all(at);
            log.extend(
                fired
                    .into_iter()
                    .filter(|effects| !effects.is_empty())
                    .map(|effects| (at.as_millis(), effects)),
            );
            assert!(self.context.deadline().is_none_or(|next| next > at), "the deadline moves on");
        }
        log
    }

    /// How often one of `effects` was asked for.
    fn count(&self, effects: &[ClientEffects]) -> usize {
        self.seen.iter().filter(|seen| effects.iter().any(|effect| seen.contains(*effect))).count()
    }
}

fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn secs(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// A request as it was sent.
fn request(method: &str) -> Message {
    Message::parse(format!(
        "{method} sip:bob@biloxi.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds;rport\r\n\
         Route: <sip:p1.atlanta.com;lr>\r\n\
         Route: <sip:p2.atlanta.com;lr>, <sip:p3.atlanta.com>\r\n\
         Max-Forwards: 70\r\n\
         To: Bob <sip:bob@biloxi.com>\r\n\
         From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n\
         Call-ID: a84b4c76e66710\r\n\
         CSeq: 314159 {method}\r\n\
         Contact: <sip:alice@pc33.atlanta.com>\r\n\
         Require: 100rel\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: 5\r\n\r\nv=0\r\n"
    ))
    .unwrap()
}

/// An answer as it arrives.
fn answer(request: &Message, code: u16, tag: &str) -> Message {
    let status = StatusCode::new(code).unwrap();
    let written = request.answer(status, status.reason(), tag).finish().unwrap();
    Message::parse(written.as_bytes().to_vec()).unwrap()
}

fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::DEFAULT;
    change(&mut settings);
    settings
}

fn at(log: &[(u64, ClientEffects)], effect: ClientEffects) -> Vec<u64> {
    log.iter().filter(|(_, effects)| effects.contains(effect)).map(|(at, _)| *at).collect()
}

// Schedules and results.

/// RFC 3261 §17.1.1.2: an INVITE goes out again on Timer A, which doubles without cap; Timer B, 64·T1, gives up.
// Holds: 3261-17.1.1.2-6, 3261-17.1.1.2-9, 3261-17.1.1.2-14, 3261-8.1.3.1-1
#[test]
fn an_invite_repeats_on_timer_a_and_gives_up_with_timer_b() {
    let mut client = Client::new("INVITE", false);
    let log = client.run(secs(600));
    assert_eq!(at(&log, SEND), [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert_eq!(log.last(), Some(&(32_000, GAVE_UP | END)));
    assert_eq!((client.context.synthetic(), client.context.has_result()), (Some(Synthetic::Timeout), true));
    assert_eq!((client.context.deadline(), client.context.request().method()), (None, &Method::Invite));
}

/// RFC 3261 §17.1.2.2: other requests go out again on Timer E, up to T2; Timer F, 64·T1, gives up.
// Holds: 3261-17.1.2.2-3, 3261-17.1.2.2-4
#[test]
fn a_non_invite_repeats_on_timer_e_and_gives_up_with_timer_f() {
    let mut client = Client::new("MESSAGE", false);
    let log = client.run(secs(600));
    let expected = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(at(&log, SEND), expected);
    assert_eq!(log.last(), Some(&(32_000, GAVE_UP | END)));
    assert_eq!(client.context.synthetic(), Some(Synthetic::Timeout));
    assert_eq!(client.context.deadline(), None);
}

/// RFC 3261 §17.1.2.2: once a provisional answer came, Timer E runs T2; Timer F still gives up.
// Holds: 3261-17.1.2.2-11, 3261-17.1.2.2-12
#[test]
fn a_provisional_slows_a_non_invite_down() {
    let mut client = Client::new("MESSAGE", false);
    assert_eq!(client.answer(ms(100), 100), PROVISIONAL);
    let log = client.run(secs(600));
    assert_eq!(at(&log, SEND), [500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500]);
    assert_eq!(log.last(), Some(&(32_000, GAVE_UP | END)));
}

/// RFC 3261 §17.1.1.2, §17.1.2.2: over a reliable transport nothing goes out again; B and F run.
// Holds: 3261-17.1.1.2-4, 3261-17.1.1.2-5
#[test]
fn nothing_repeats_on_reliable_transports() {
    for method in ["INVITE", "MESSAGE"] {
        let mut client = Client::new(method, true);
        assert_eq!(client.run(secs(600)), [(32_000, GAVE_UP | END)]);
    }
}

/// RFC 3261 §17.1.1.2: a provisional answer stops the INVITE's retransmissions and its Timer B; each is told, none is the result.
// Holds: 3261-17.1.1.2-16, 3261-17.1.1.2-17, 3261-17.1.1.2-18
#[test]
fn a_provisional_stops_an_invite() {
    let mut client = Client::new("INVITE", false);
    client.run(ms(500));
    for (at, code) in [(600, 100), (700, 180), (800, 180), (900, 183)] {
        assert_eq!(client.answer(ms(at), code), PROVISIONAL);
    }
    assert!(!client.context.has_result());
    assert_eq!(client.run(secs(239)), []);
}

/// RFC 3261 §13.2.2.4: the first 2xx is the result; provisional answers and failures after it are nobody's business.
#[test]
fn a_2xx_is_the_result_of_an_invite() {
    for code in [200, 202, 299] {
        let mut client = Client::new("INVITE", false);
        client.answer(ms(100), 180);
        assert_eq!(client.answer(ms(200), code), SUCCESS | ACCEPTED);
        assert!(client.context.has_result() && client.context.synthetic().is_none());
        client.acknowledge("t");
        for late in [100, 180, 486, 600] {
            assert_eq!(client.answer(ms(300), late), NONE, "{late}");
        }
        client.run(secs(600));
        assert_eq!(client.count(&RESULTS), 1);
    }
}

/// RFC 3261 §17.1.2.2: the first final is the result of any other request; Timer K absorbs what comes again.
#[test]
fn the_first_final_is_the_result_of_a_non_invite() {
    for (reliable, end) in [(false, 5_100), (true, 100)] {
        for (code, told) in [(200, SUCCESS | ACCEPTED), (302, FAILURE), (486, FAILURE), (603, FAILURE)] {
            let mut client = Client::new("MESSAGE", reliable);
            assert_eq!(client.answer(ms(100), code), told);
            for again in [code, 200, 500, 100] {
                assert_eq!(client.answer(ms(100), again), NONE, "{code}, then {again}");
            }
            assert_eq!(client.context.ack(), None);
            assert_eq!(client.run(secs(600)), [(end, END)]);
            assert_eq!((client.count(&RESULTS), client.count(&[END])), (1, 1));
        }
    }
}

/// RFC 3261 §17.1.1.2: a 3xx–6xx is the result, once; each time it comes its ACK goes out; Timer D absorbs over UDP.
// Holds: 3261-17.1.1.2-20, 3261-17.1.1.2-24, 3261-17.1.1.2-25, 6026-8.4-1, 3261-13.2.2.3-1
#[test]
fn a_failure_is_told_once_and_acknowledged_each_time() {
    for code in [300, 401, 486, 487, 500, 603, 699] {
        let mut client = Client::new("INVITE", false);
        client.answer(ms(50), 180);
        assert_eq!(client.answer(ms(100), code), FAILURE | ACK);
        let ack = client.context.ack().unwrap().clone();
        for again in [600, 1_600, 32_099] {
            assert_eq!(client.answer(ms(again), code), ACK, "{code} at {again}");
            assert_eq!(client.context.ack(), Some(&ack));
        }
        assert_eq!(client.run(secs(600)), [(32_100, END)]);
        assert_eq!((client.count(&RESULTS), client.context.deadline()), (1, None));
    }
}

/// RFC 3261 §17.1.1.2: over a reliable transport Timer D is zero.
#[test]
fn a_failure_ends_at_once_on_reliable_transports() {
    let mut client = Client::new("INVITE", true);
    assert_eq!(client.answer(ms(100), 486), FAILURE | ACK);
    assert_eq!(client.run(secs(600)), [(100, END)]);
}

/// RFC 3261 §17.1.1.2, figure 5: once a failure came, a late 2xx or provisional answer means nothing.
// Holds: 3261-13.2.2.3-1
#[test]
fn a_2xx_after_a_failure_means_nothing() {
    let mut client = Client::new("INVITE", false);
    client.answer(ms(100), 486);
    for (code, tag) in [(200, "t"), (200, "other"), (180, "t")] {
        assert_eq!(client.answer_from(ms(200), code, tag), NONE);
    }
    assert_eq!((client.context.forks(), client.count(&RESULTS)), (0, 1));
}

/// An INVITE, and the ACK of its 404 as the peer reads it.
fn invite_and_ack_of_404() -> (Message, Message) {
    let mut client = Client::new("INVITE", false);
    client.answer_from(ms(100), 404, "bobs-tag");
    let written = client.context.ack().unwrap();
    let ack = Message::parse(written.as_bytes().to_vec()).unwrap();
    assert_eq!(ack, **written);
    ((**client.context.request()).clone(), ack)
}

/// RFC 3261 §17.1.1.3: the ACK of a failure has the INVITE's Request-URI, its topmost Via and no other, From, Call-ID; the answer's
/// To.
// Holds: 3261-17.1.1.3-2, 3261-17.1.1.3-3, 3261-17.1.1.3-4, 3261-17.1.1.3-5
#[test]
fn the_ack_of_a_failure_is_made_of_invite_and_answer() {
    let (invite, ack) = invite_and_ack_of_404();
    assert_eq!((ack.method(), ack.request_uri()), (&Method::Ack, invite.request_uri()));
    assert_eq!(ack.values(Name::Via).collect::<Vec<_>>(), [invite.value(Name::Via).unwrap()]);
    assert_eq!(ack.value(Name::From), invite.value(Name::From));
    assert_eq!(ack.value(Name::To), Some("Bob <sip:bob@biloxi.com>;tag=bobs-tag"));
    assert_eq!(ack.call_id(), invite.call_id());
}

/// RFC 3261 §17.1.1.3: the INVITE's number, its Route; no body and no Require.
// Holds: 3261-17.1.1.3-6, 3261-17.1.1.3-7, 3261-17.1.1.3-8, 3261-17.1.1.3-9
#[test]
fn the_ack_of_a_failure_has_number_and_route_and_no_body() {
    let (invite, ack) = invite_and_ack_of_404();
    assert_eq!(ack.value(Name::CSeq), Some("314159 ACK"));
    assert!(ack.elements(Name::Route).eq(invite.elements(Name::Route)));
    assert_eq!(ack.elements(Name::Route).count(), 3);
    assert_eq!(ack.max_forwards(), Ok(Some(70)));
    assert_eq!((ack.body(), ack.content_length(), ack.content_type()), (&b""[..], Ok(Some(0)), Ok(None)));
    assert_eq!(ack.require().count(), 0);
}

// Results without an answer.

/// RFC 3261 §8.1.3.1: a transport failure is a 503, at once and once; the context is over.
// Holds: 3261-17.1.4-1, 3261-17.1.4-2, 3261-8.1.3.1-2
#[test]
fn a_transport_failure_is_the_result() {
    for (method, is_heard) in [("INVITE", false), ("MESSAGE", false), ("MESSAGE", true)] {
        let mut client = Client::new(method, false);
        if is_heard {
            client.answer(ms(10), 100);
        }
        assert_eq!(client.fail(ms(20)), GAVE_UP | END, "{method}");
        assert_eq!(client.context.synthetic(), Some(Synthetic::Transport));
        assert_eq!(client.fail(ms(30)), NONE);
        assert_eq!(client.answer(ms(40), 200), NONE);
        assert_eq!((client.run(secs(600)), client.context.deadline()), (Vec::new(), None));
        assert_eq!((client.count(&RESULTS), client.count(&[END])), (1, 1));
    }
}

/// RFC 3261 figure 5: an INVITE in Proceeding sends nothing, so a failure heard of late does not end a call that rings.
#[test]
fn a_transport_failure_heard_of_late_does_not_end_a_call_that_rings() {
    let mut client = Client::new("INVITE", false);
    client.answer(ms(10), 180);
    assert_eq!(client.fail(ms(20)), NONE);
    assert_eq!(client.answer(ms(30), 200), SUCCESS | ACCEPTED);
}

/// DESIGN §2.6: a transport failure after the result is no second result.
#[test]
fn a_transport_failure_after_the_result_is_none() {
    for (method, code) in [("INVITE", 200), ("INVITE", 486), ("MESSAGE", 200)] {
        let mut client = Client::new(method, false);
        client.answer(ms(10), code);
        assert_eq!(client.fail(ms(20)), NONE, "{method} {code}");
        client.run(secs(600));
        assert_eq!((client.count(&RESULTS), client.count(&[END])), (1, 1), "{method} {code}");
        assert_eq!(client.context.synthetic(), None);
    }
}

/// RFC 3261 §8.1.3.1, PEERS C4: a result without an answer is told as one: 408, 503, 487, with the cause that goes with it.
#[test]
fn synthetic_answers_have_their_codes_and_causes() {
    let client = Client::new("INVITE", false);
    for (why, code, phrase, cause) in [
        (Synthetic::Timeout, 408, "Request Timeout", Cause::RequestTimeout),
        (Synthetic::Transport, 503, "Service Unavailable", Cause::ConnectionError),
        (Synthetic::Cancelled, 487, "Request Terminated", Cause::Canceled),
    ] {
        assert_eq!((why.status().code(), why.cause()), (code, cause));
        let response = why.response(client.context.request()).unwrap();
        assert_eq!((response.status(), response.reason_phrase()), (StatusCode::new(code), phrase));
        assert_eq!(response.call_id(), "a84b4c76e66710");
        assert_eq!((response.method(), response.cseq()), (&Method::Invite, 314_159));
        assert_eq!(response.to().unwrap().tag(), None, "no peer answered");
        // Of a request that was not written yet nothing is known but its method.
        let response = why.response_to_unwritten(&Method::Update).unwrap();
        assert_eq!((response.status(), response.reason_phrase()), (StatusCode::new(code), phrase));
        assert_eq!((response.method(), response.cseq()), (&Method::Update, 0));
    }
}

// CANCEL.

/// RFC 3261 §9.1: before a provisional answer the CANCEL waits, and the INVITE goes on; the first provisional answer, a 100
/// will do, lets it out, once.
// Holds: 3261-9.1-8, 3261-9.1-9
#[test]
fn a_cancel_waits_for_a_provisional_answer() {
    for code in [100, 180] {
        let mut client = Client::new("INVITE", false);
        assert_eq!(client.cancel(ms(100)), Ok(NONE));
        assert!(client.context.is_cancelled() && !client.context.has_result());
        assert_eq!(client.run(ms(1_500)), [(500, SEND), (1_500, SEND)]);
        assert_eq!(client.answer(ms(1_600), code), PROVISIONAL | CANCEL);
        assert_eq!(client.context.take_cancel().unwrap().method(), &Method::Cancel);
        assert_eq!(client.answer(ms(1_700), 180), PROVISIONAL);
        assert_eq!(client.context.take_cancel(), None);
    }
}

/// RFC 3261 §9.1: a CANCEL that has not been sent when the final answer comes is not sent any more.
#[test]
fn a_cancel_is_not_taken_after_the_final_answer() {
    for code in [200, 486] {
        let mut client = Client::new("INVITE", false);
        client.answer(ms(100), 180);
        assert_eq!(client.cancel(ms(200)), Ok(CANCEL));
        client.answer(ms(300), code);
        assert_eq!(client.context.take_cancel(), None);
    }
}

/// RFC 3261 §9.1: after a provisional answer the CANCEL goes out at once; cancelling again changes nothing.
#[test]
fn a_cancel_goes_out_at_once_after_a_provisional_answer() {
    let mut client = Client::new("INVITE", false);
    client.answer(ms(100), 180);
    assert_eq!(client.cancel(ms(200)), Ok(CANCEL));
    assert!(client.context.take_cancel().is_some());
    let before = client.context.clone();
    assert_eq!(client.cancel_with(ms(300), vec![Header::new("Reason", "SIP;cause=200")]), Ok(NONE));
    assert_eq!(client.context, before);
    assert_eq!(client.context.take_cancel(), None);
}

/// RFC 3261 §9.1: cancelling again while the CANCEL waits changes nothing: the first one's headers go out.
#[test]
fn the_first_cancel_is_the_one_that_goes_out() {
    let mut client = Client::new("INVITE", false);
    client.cancel_with(ms(10), vec![Header::new("Reason", "SIP;cause=200;text=\"first\"")]).unwrap();
    let before = client.context.clone();
    assert_eq!(client.cancel_with(ms(20), vec![Header::new("Reason", "SIP;cause=486")]), Ok(NONE));
    assert_eq!(client.context, before);
    client.answer(ms(30), 100);
    let cancel = client.context.take_cancel().unwrap();
    assert_eq!(cancel.values(Name::Reason).collect::<Vec<_>>(), ["SIP;cause=200;text=\"first\""]);
}

/// RFC 3261 §9.1, RFC 3326 §2: the CANCEL has the INVITE's Request-URI, To, From, Call-ID, CSeq number, its topmost Via and Route; no
/// Require, no body; and the headers that were given.
// Holds: 3261-9.1-2, 3261-9.1-3, 3261-9.1-4, 3261-9.1-5
#[test]
fn the_cancel_is_made_of_the_invite() {
    let mut client = Client::new("INVITE", false);
    client.answer(ms(100), 183);
    let headers = vec![
        Header::new("Reason", "SIP;cause=200;text=\"Call completed elsewhere\""),
        Header::new("X-Any", "1"),
    ];
    client.cancel_with(ms(200), headers).unwrap();
    let written = client.context.take_cancel().unwrap();
    let cancel = Message::parse(written.as_bytes().to_vec()).unwrap();
    assert_eq!(cancel, *written);
    let invite = client.context.request();
    assert_eq!((cancel.method(), cancel.request_uri()), (&Method::Cancel, invite.request_uri()));
    assert_eq!(cancel.values(Name::Via).collect::<Vec<_>>(), [invite.value(Name::Via).unwrap()]);
    for name in [Name::From, Name::To, Name::CallId] {
        assert_eq!(cancel.value(name), invite.value(name), "{}", name.as_str());
    }
    assert_eq!(cancel.value(Name::CSeq), Some("314159 CANCEL"));
    assert!(cancel.elements(Name::Route).eq(invite.elements(Name::Route)));
    assert_eq!((cancel.require().count(), cancel.body()), (0, &b""[..]));
    let reason = cancel.reasons().next().unwrap().unwrap();
    assert_eq!((reason.cause(), reason.text().as_deref()), (Some(200), Some("Call completed elsewhere")));
    assert_eq!(cancel.headers("X-Any").collect::<Vec<_>>(), ["1"]);
}

/// RFC 3261 §9.1: only an INVITE is cancelled. DESIGN §2.7: what is refused changes nothing.
// Holds: 3261-9.1-1, 3261-9.1-10
#[test]
fn a_cancel_is_refused_where_it_makes_no_sense() {
    let mut options = Client::new("OPTIONS", false);
    options.answer(ms(10), 100);
    let mut accepted = Client::new("INVITE", false);
    accepted.answer(ms(10), 200);
    let mut failed = Client::new("INVITE", false);
    failed.answer(ms(10), 486);
    let mut timed_out = Client::new("INVITE", false);
    timed_out.run(secs(32));
    let mut broken = Client::new("INVITE", false);
    broken.fail(ms(10));
    for (mut client, why) in [
        (options, ContextError::NotInvite),
        (accepted, ContextError::Ended),
        (failed, ContextError::Ended),
        (timed_out, ContextError::Ended),
        (broken, ContextError::Ended),
    ] {
        let before = client.context.clone();
        assert_eq!(client.cancel(secs(33)), Err(why));
        assert_eq!(client.context, before);
    }
}

/// PEERS A.3: injection through the CANCEL's headers is refused, and the call is not cancelled.
#[test]
fn injection_through_a_cancel_is_refused() {
    for (header, fault) in [
        (Header::new("Reason", "SIP\r\nX: y"), BuildError::ControlCharacter),
        (Header::new("Reason", "SIP\0"), BuildError::ControlCharacter),
        (Header::new("Reason: SIP\r\nX", "y"), BuildError::Name),
        (Header::new("", "y"), BuildError::Name),
        (Header::new("t", "<sip:mallory@h>"), BuildError::Reserved(Name::To)),
        (Header::new("Via", "SIP/2.0/UDP h"), BuildError::Reserved(Name::Via)),
    ] {
        let mut client = Client::new("INVITE", false);
        client.answer(ms(10), 180);
        let before = client.context.clone();
        assert_eq!(client.cancel_with(ms(20), vec![header]), Err(ContextError::Build(fault)));
        assert_eq!(client.context, before);
        assert!(!client.context.is_cancelled());
    }
}

/// RFC 3261 §9.1: the 487 that follows a CANCEL is the INVITE's result, from the peer, acknowledged.
#[test]
fn the_487_is_the_result_of_a_cancelled_invite() {
    let mut client = Client::new("INVITE", false);
    client.answer(ms(10), 180);
    client.cancel(ms(20)).unwrap();
    client.context.take_cancel();
    assert_eq!(client.answer(ms(30), 487), FAILURE | ACK);
    assert_eq!((client.context.synthetic(), client.count(&RESULTS)), (None, 1));
    assert_eq!(client.run(secs(600)), [(32_030, END)]);
}

/// RFC 3261 §9.1: a failure that comes while the CANCEL still waits is the result; no CANCEL goes out.
// Holds: 3261-9.1-10
#[test]
fn a_failure_before_any_provisional_needs_no_cancel() {
    let mut client = Client::new("INVITE", false);
    client.cancel(ms(20)).unwrap();
    assert_eq!(client.answer(ms(30), 486), FAILURE | ACK);
    client.run(secs(600));
    assert_eq!((client.count(&[CANCEL]), client.count(&RESULTS), client.count(&[END])), (0, 1, 1));
}

/// DESIGN §5, PEERS D 1: a 2xx that crosses our CANCEL, sent or waiting, is acknowledged and ended; the result is "cancelled", once.
#[test]
fn a_2xx_that_crosses_a_cancel_is_told_as_cancelled() {
    for rings in [false, true] {
        let mut client = Client::new("INVITE", false);
        if rings {
            client.answer(ms(10), 180);
        }
        client.cancel(ms(20)).unwrap();
        assert_eq!(client.answer(ms(30), 200), SUCCESS | CROSSED | ACCEPTED);
        assert_eq!(client.context.synthetic(), Some(Synthetic::Cancelled));
        let ack = client.acknowledge("t");
        assert_eq!(client.answer(ms(530), 200), AGAIN);
        assert_eq!(client.context.ack_of("t"), Some(&ack));
        client.run(secs(600));
        assert_eq!((client.count(&RESULTS), client.count(&[END])), (1, 1));
    }
}

/// RFC 3261 §9.1: 64·T1 after the CANCEL went out without a final answer, the INVITE is over.
// Holds: 3261-9.1-12, 3261-9.1-13
#[test]
fn a_cancelled_invite_is_given_up_after_64_t1() {
    let mut client = Client::new("INVITE", false);
    client.answer(secs(1), 180);
    client.cancel(secs(10)).unwrap();
    client.context.take_cancel();
    client.answer(secs(20), 180);
    assert_eq!(client.run(secs(600)), [(42_000, GAVE_UP | END)]);
    assert_eq!(client.context.synthetic(), Some(Synthetic::Cancelled));
    assert_eq!((client.answer(secs(43), 200), client.answer(secs(43), 487)), (NONE, NONE));
    assert_eq!((client.count(&RESULTS), client.context.deadline()), (1, None));
}

/// RFC 3261 §9.1: the 64·T1 run from the CANCEL, not from the wish to cancel.
#[test]
fn the_wait_for_the_487_runs_from_the_cancel() {
    let mut client = Client::new("INVITE", false);
    client.cancel(ms(100)).unwrap();
    client.answer(secs(20), 100);
    client.context.take_cancel();
    assert_eq!(at(&client.run(secs(600)), GAVE_UP), [52_000]);
}

/// RFC 3261 §9.1, §17.1.1.2: a cancelled INVITE that nobody ever answers ends with Timer B, as cancelled.
#[test]
fn a_cancelled_invite_that_nobody_answers_ends_with_timer_b() {
    for reliable in [false, true] {
        let mut client = Client::new("INVITE", reliable);
        client.cancel(ms(100)).unwrap();
        let log = client.run(secs(600));
        assert_eq!(log.last(), Some(&(32_000, GAVE_UP | END)));
        assert_eq!(client.context.synthetic(), Some(Synthetic::Cancelled));
        assert_eq!((client.count(&[CANCEL]), client.count(&RESULTS)), (0, 1));
    }
}

// How long a call rings.

/// RFC 3261 §13.2.2, §16.6 item 11: a call that rings without an answer is cancelled after four minutes, counted from the first
/// provisional answer; and given up 64·T1 after that.
#[test]
fn a_call_that_rings_too_long_is_cancelled() {
    let mut client = Client::new("INVITE", false);
    client.answer(secs(1), 100);
    client.answer(secs(100), 180);
    assert_eq!(client.run(secs(241)), [(241_000, CANCEL)]);
    assert!(client.context.is_cancelled());
    assert_eq!(client.context.take_cancel().unwrap().method(), &Method::Cancel);
    assert_eq!(client.run(secs(600)), [(273_000, GAVE_UP | END)]);
    assert_eq!(client.context.synthetic(), Some(Synthetic::Cancelled));
}

/// DESIGN §2.6: the limit is the call's own, or a setting; `None` in the settings is for ever.
#[test]
fn how_long_a_call_may_ring_can_be_set() {
    let rings = |own: Option<u64>, configured: Option<u64>| {
        let settings = settings(|settings| settings.ring_within = configured.map(Duration::from_secs));
        let mut client = Client::with("INVITE", false, own.map(Duration::from_secs), settings);
        client.answer(T0, 180);
        at(&client.run(secs(10_000)), CANCEL)
    };
    assert_eq!(rings(Some(30), Some(60)), [30_000]);
    assert_eq!(rings(Some(90), Some(60)), [90_000]);
    assert_eq!(rings(None, Some(60)), [60_000]);
    assert_eq!(rings(Some(30), None), [30_000]);
    assert_eq!(rings(None, None), [0_u64; 0]);
}

/// RFC 3261 §9.1: the limit ends with the answer or the CANCEL, and does not concern other requests.
#[test]
fn the_limit_ends_with_the_answer() {
    let limit = Some(Duration::from_secs(10));
    for code in [200, 486] {
        let mut client = Client::with("INVITE", false, limit, Settings::DEFAULT);
        client.answer(ms(10), 180);
        client.answer(ms(20), code);
        client.run(secs(600));
        assert_eq!((client.count(&[CANCEL]), client.count(&[GAVE_UP])), (0, 0), "{code}");
    }
    let mut client = Client::with("INVITE", false, limit, Settings::DEFAULT);
    client.answer(ms(10), 180);
    client.cancel(ms(20)).unwrap();
    client.context.take_cancel();
    client.run(secs(600));
    assert_eq!((client.count(&[CANCEL]), client.count(&[GAVE_UP])), (1, 1));
    let mut options = Client::with("OPTIONS", true, limit, Settings::DEFAULT);
    options.answer(ms(10), 100);
    assert_eq!(options.run(secs(600)), [(32_000, GAVE_UP | END)]);
}

// 2xx answers, their ACKs, forks.

/// RFC 3261 §13.2.2.4: a 2xx that comes again gets the same ACK again, for 64·T1; before its ACK was made, nothing.
// Holds: 6026-6-1, 3261-13.2.2.4-10
#[test]
fn a_2xx_that_comes_again_gets_its_ack_again() {
    for reliable in [false, true] {
        let mut client = Client::new("INVITE", reliable);
        client.answer(ms(100), 200);
        assert_eq!(client.answer(ms(150), 200), NONE, "its ACK is being made");
        assert_eq!(client.context.ack_of("t"), None);
        let ack = client.acknowledge("t");
        for again in [600, 1_600, 32_099] {
            assert_eq!(client.answer(ms(again), 200), AGAIN, "at {again}");
            assert!(Arc::ptr_eq(client.context.ack_of("t").unwrap(), &ack));
        }
        let log = client.run(secs(600));
        assert_eq!((at(&log, FORKS_OVER), at(&log, END)), (vec![32_100], vec![32_100]));
        assert_eq!((client.count(&RESULTS), client.context.deadline()), (1, None));
    }
}

/// RFC 3261 §13.2.2.4: each To tag is another fork with its own 2xx and ACK; only the first is the request's result.
// Holds: 3261-13.2.2.4-4
#[test]
fn each_fork_has_its_own_2xx() {
    let mut client = Client::new("INVITE", false);
    client.answer_from(ms(10), 180, "one");
    client.answer_from(ms(20), 180, "two");
    assert_eq!(client.answer_from(ms(100), 200, "one"), SUCCESS | ACCEPTED);
    assert_eq!(client.answer_from(ms(200), 200, "two"), SUCCESS);
    assert_eq!(client.answer_from(ms(300), 200, "three"), SUCCESS, "a fork that never rang");
    assert_eq!(client.context.forks(), 3);
    let acks = ["one", "two", "three"].map(|tag| client.acknowledge(tag));
    for (tag, ack) in ["one", "two", "three"].into_iter().zip(&acks) {
        assert_eq!(client.answer_from(ms(600), 200, tag), AGAIN, "{tag}");
        assert!(Arc::ptr_eq(client.context.ack_of(tag).unwrap(), ack), "{tag}");
    }
    assert_eq!(client.context.ack_of("four"), None);
    assert_eq!((client.count(&RESULTS), client.context.forks()), (1, 3));
}

/// RFC 3261 §13.2.2.4: 64·T1 after the first 2xx no other fork will answer; a later fork's 2xx is still acknowledged again until 64·T1
/// after it came; then the context is over, once.
#[test]
fn a_late_fork_is_acknowledged_for_64_t1_of_its_own() {
    let mut client = Client::new("INVITE", false);
    client.answer_from(secs(1), 200, "one");
    client.acknowledge("one");
    assert_eq!(client.answer_from(secs(30), 200, "two"), SUCCESS);
    client.acknowledge("two");
    assert_eq!(client.run(secs(61)), [(33_000, FORKS_OVER)]);
    assert_eq!(client.answer_from(secs(61), 200, "two"), AGAIN);
    assert_eq!(client.answer_from(secs(61), 200, "three"), NONE, "too late to be a fork");
    assert_eq!(client.run(secs(600)), [(62_000, END)]);
    assert_eq!((client.context.forks(), client.context.deadline()), (2, None));
}

/// RFC 3261 §19.3: tags compare without case.
#[test]
fn tags_of_forks_compare_without_case() {
    let mut client = Client::new("INVITE", false);
    client.answer_from(ms(100), 200, "AbC");
    client.acknowledge("aBc");
    assert_eq!(client.answer_from(ms(600), 200, "abc"), AGAIN);
    assert!(client.context.ack_of("ABC").is_some());
    assert_eq!(client.context.forks(), 1);
}

/// RFC 3261 §12.1.2: a peer of RFC 2543 answers without To tag; its 2xx is acknowledged like others.
#[test]
fn a_2xx_without_a_tag_is_acknowledged_too() {
    let mut client = Client::new("INVITE", false);
    assert_eq!(client.answer_from(ms(100), 200, ""), SUCCESS | ACCEPTED);
    client.acknowledge("");
    assert_eq!(client.answer_from(ms(600), 200, ""), AGAIN);
}

/// RFC 3261 §13.2.2.4: every fork's 2xx that crosses the CANCEL is marked, the result is one.
#[test]
fn every_fork_that_crosses_the_cancel_is_marked() {
    let mut client = Client::new("INVITE", false);
    client.answer(ms(10), 100);
    client.cancel(ms(20)).unwrap();
    assert_eq!(client.answer_from(ms(30), 200, "one"), SUCCESS | CROSSED | ACCEPTED);
    assert_eq!(client.answer_from(ms(40), 200, "two"), SUCCESS | CROSSED);
    assert_eq!(client.count(&RESULTS), 1);
}

/// PEERS D 8: only the 2xx of an INVITE is acknowledged.
#[test]
fn a_2xx_to_a_non_invite_needs_no_ack() {
    let mut client = Client::new("BYE", false);
    assert_eq!(client.answer(ms(10), 200), SUCCESS | ACCEPTED);
    assert_eq!((client.context.forks(), client.context.ack_of("t")), (0, None));
}

// Time (DESIGN §2.4, §2.6).

/// DESIGN §2.4: nothing fires before its deadline, and firing too early changes nothing.
#[test]
fn nothing_fires_early() {
    let calling = Client::new("INVITE", false);
    let mut ringing = Client::new("INVITE", false);
    ringing.answer(T0, 180);
    let mut accepted = Client::new("INVITE", false);
    accepted.answer(T0, 200);
    for (mut client, deadline) in [(calling, 500), (ringing, 240_000), (accepted, 32_000)] {
        assert_eq!(client.context.deadline(), Some(ms(deadline)));
        let before = client.context.clone();
        assert_eq!(client.fire_all(Timestamp::from_micros(deadline * 1_000 - 1)), []);
        assert_eq!(client.context, before);
    }
}

/// DESIGN §2.4: a late call looks at what gives up before what repeats.
#[test]
fn a_late_call_gives_up_before_it_repeats() {
    for method in ["INVITE", "MESSAGE"] {
        let mut client = Client::new(method, false);
        assert_eq!(client.fire_all(secs(60)), [GAVE_UP | END], "{method}");
    }
    let mut client = Client::new("INVITE", false);
    assert_eq!(client.fire_all(secs(20)), [SEND]);
    assert_eq!(client.context.deadline(), Some(secs(21)), "2·T1 from now");
}

/// DESIGN §2.6: whatever happened, there is one result and one end, and nothing is wanted after that.
#[test]
fn every_course_has_one_result_and_one_end() {
    for method in ["INVITE", "MESSAGE"] {
        for reliable in [false, true] {
            for course in [&[][..], &[100], &[200], &[486], &[100, 200, 200], &[180, 503, 503], &[200, 486]] {
                for cancel in [false, true] {
                    let mut client = Client::new(method, reliable);
                    let cancelled = cancel && client.cancel(ms(5)).is_ok();
                    for (place, code) in (1..).zip(course) {
                        let told = client.answer(ms(place * 100), *code);
                        if told.contains(SUCCESS) {
                            client.acknowledge("t");
                        }
                    }
                    client.run(secs(3_600));
                    let case = format!("{method} {course:?} reliable {reliable} cancelled {cancelled}");
                    assert_eq!((client.count(&RESULTS), client.count(&[END])), (1, 1), "{case}");
                    assert_eq!(client.context.deadline(), None, "{case}");
                    assert_eq!(client.fire_all(Timestamp::MAX), [], "{case}");
                }
            }
        }
    }
}

/// RFC 3261 §17.1.1.2: over TCP Timer D is zero. After it, nothing is left that would acknowledge the answer again.
#[test]
fn after_the_end_no_answer_is_acknowledged() {
    let mut client = Client::new("INVITE", true);
    assert_eq!(client.answer(T0, 486), ACK | FAILURE);
    assert_eq!(client.answer(T0, 486), ACK);
    assert_eq!(client.fire_all(T0), [END]);
    assert_eq!(client.answer(T0, 486), NONE);
}

/// RFC 3261 §9.1, DESIGN.md §2 contract 6: the dialog of a request ends. That limits the wait of one that has neither its result nor a CANCEL; the others
/// keep the time they have.
#[test]
fn the_end_of_its_dialog_limits_only_a_request_that_waits() {
    let mut waiting = Client::with("INVITE", false, None, settings(|settings| settings.ring_within = None));
    waiting.answer(T0, 180);
    let (mut accepted, mut cancelled) = (waiting.clone(), waiting.clone());
    assert_eq!(waiting.context.deadline(), None);
    waiting.context.dialog_ended(secs(10), &waiting.settings);
    assert_eq!(waiting.context.deadline(), Some(secs(42)));
    assert_eq!(accepted.answer(T0, 200), SUCCESS | ACCEPTED);
    assert_eq!(cancelled.cancel(T0), Ok(CANCEL));
    for mut other in [accepted, cancelled] {
        let before = other.context.clone();
        other.context.dialog_ended(secs(10), &other.settings);
        assert_eq!(other.context, before);
        assert_eq!(other.context.deadline(), Some(secs(32)));
    }
}
