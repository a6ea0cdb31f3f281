//! The user agent client: results, retransmission, CANCEL, forks, ACKs, look-ups, connections.

use crate::support::{
    ALICE, BOB, CONTACT, Heard, Req, SDP, Ua, address, answer, millis, parse, question, secs,
};
use sip_proto::context::{Cause, ContextError, Invite, Reply, Request};
use sip_proto::endpoint::{By, Why};
use sip_proto::message::{BuildError, Header, Name, StatusCode};
use sip_proto::{
    ClientEvent, DialogEvent, Event, Input, Message, Method, Refused, RequestId, Timestamp, Transport,
};

/// A MESSAGE to this URI.
fn message(ua: &mut Ua, uri: &'static str) -> (RequestId, Heard) {
    let request = Request::new(Method::Message, uri).body("text/plain", "hello");
    let id = ua.sip.request(ua.now, request).unwrap();
    (id, ua.drain())
}

/// The one failure in what was heard: its code, cause, and whether it was made up here.
fn failure(heard: &Heard) -> (u16, Cause, bool) {
    let failures: Vec<_> = heard
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Client { event: ClientEvent::Failed { response, cause, synthetic }, .. } => {
                Some((response.status().unwrap().code(), *cause, *synthetic))
            }
            _ => None,
        })
        .collect();
    assert_eq!(failures.len(), 1, "{heard:?}");
    failures[0]
}

/// How many results and ends each request had.
fn results(heard: &Heard) -> (usize, usize) {
    let count = |wanted: fn(&ClientEvent<u32>) -> bool| {
        let is = |event: &&Event<u32>| matches!(event, Event::Client { event, .. } if wanted(event));
        heard.events().into_iter().filter(|event| is(event)).count()
    };
    (
        count(|event| matches!(event, ClientEvent::Accepted { .. } | ClientEvent::Failed { .. })),
        count(|event| matches!(event, ClientEvent::Ended { .. })),
    )
}

// ---- Requests outside dialogs ----

/// RFC 3261 §8.1.1: what a request of ours has.
// Holds: 3261-8.1.1.1-1, 3261-8.1.1.2-1, 3261-8.1.1.2-3, 3261-8.1.1.6-1, 3261-8.1.1.6-2
#[test]
fn a_request_has_what_it_must() {
    let (_, heard) = message(&mut Ua::new(), "sip:alice@192.0.2.1:5070");
    let request = heard.only();
    assert_eq!(heard.transmits()[0].flow.remote, address("192.0.2.1:5070"));
    assert_eq!(request.request_uri(), Some("sip:alice@192.0.2.1:5070"));
    let via = request.top_via().unwrap();
    assert!(via.wants_rport() && via.rfc3261_branch().is_some());
    assert_eq!((via.transport, via.port), ("UDP", Some(5060)));
    assert_eq!(request.from().unwrap().uri, "sip:bob@192.0.2.4");
    assert_eq!(Some(request.to().unwrap().uri), request.request_uri());
    assert!(request.from().unwrap().tag().is_some());
    assert_eq!(request.to().unwrap().tag(), None);
    assert_eq!(request.max_forwards(), Ok(Some(70)));
    assert_eq!(request.contacts().count(), 0, "RFC 3428 §4: no Contact in MESSAGE");
}

/// RFC 3261 §8.1.1.8: an INVITE has one Contact.
// Holds: 3261-13.2.1-1, 3261-13.2.1-2
#[test]
fn an_invite_has_a_contact() {
    let (_, invite) = Ua::new().call_alice();
    assert_eq!(invite.contact().unwrap().unwrap().uri, "sip:bob@192.0.2.4:5060");
    for method in ["BYE", "INFO"] {
        assert!(invite.allow().any(|allowed| allowed == method), "{method}");
    }
}

/// RFC 3261 §8.1.3: provisional answers, the result, the end.
// Holds: 3261-18.1.2-2
#[test]
fn a_request_has_one_result_and_one_end() {
    for (code, result) in [
        (200, "* accepted 200 X (MESSAGE)"),
        (202, "* accepted 202 X (MESSAGE)"),
        (302, "* failed 302 X (MESSAGE)"),
        (404, "* failed 404 X (MESSAGE)"),
        (503, "* failed 503 X (MESSAGE)"),
        (603, "* failed 603 X (MESSAGE)"),
    ] {
        let mut ua = Ua::new();
        let request = message(&mut ua, "sip:alice@192.0.2.1").1.only();
        assert_eq!(ua.hear(answer(&request, 100, "", "")).lines(), ["* got 100 X (MESSAGE)"]);
        assert_eq!(ua.hear(answer(&request, code, "a", "")).lines(), [result]);
        assert_eq!(ua.hear(answer(&request, code, "a", "")).lines(), [""; 0], "absorbed by Timer K");
        assert_eq!(ua.pass_all().timed(), ["5.0 * client ended"]);
    }
}

/// PEERS.md A.7: a failure's cause.
#[test]
fn a_failure_has_its_cause() {
    for (code, cause) in [
        (302, Cause::Redirected),
        (401, Cause::AuthenticationError),
        (404, Cause::NotFound),
        (480, Cause::Unavailable),
        (486, Cause::Busy),
        (488, Cause::IncompatibleSdp),
        (500, Cause::SipFailureCode),
        (603, Cause::Rejected),
    ] {
        let mut ua = Ua::new();
        let (_, invite) = ua.call_alice();
        assert_eq!(failure(&ua.hear(answer(&invite, code, "a", ""))), (code, cause, false));
    }
}

/// RFC 3261 §17.1.2.2: over UDP at T1, doubling to T2, for 64·T1; then a 408 that is marked as made up here.
// Holds: 3261-8.1.3.1-1
#[test]
fn a_request_over_udp_is_repeated_until_it_times_out() {
    let mut ua = Ua::new();
    message(&mut ua, "sip:alice@192.0.2.1");
    let heard = ua.pass_all();
    let expected = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(heard.times("MESSAGE +body"), expected);
    assert_eq!(failure(&heard), (408, Cause::RequestTimeout, true));
    assert_eq!(
        heard.timed()[10..],
        ["32.0 * failed 408 Request Timeout (MESSAGE) (made up)", "32.0 * client ended"]
    );
}

/// RFC 3261 §17.1.2.2: after a provisional answer, each T2.
#[test]
fn a_provisional_slows_the_repetition() {
    let mut ua = Ua::new();
    let request = message(&mut ua, "sip:alice@192.0.2.1").1.only();
    ua.hear(answer(&request, 100, "", ""));
    let heard = ua.pass_all();
    assert_eq!(heard.times("MESSAGE +body"), [500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500]);
    assert_eq!(failure(&heard), (408, Cause::RequestTimeout, true));
}

/// RFC 3261 §17.1.1.2: an INVITE doubles without bound until Timer B; a provisional answer stops it.
// Holds: 3261-8.1.3.1-1
#[test]
fn an_invite_over_udp_is_repeated_until_it_is_heard() {
    let mut ua = Ua::new();
    ua.call_alice();
    let heard = ua.pass_all();
    assert_eq!(heard.times("INVITE +body"), [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert_eq!(failure(&heard), (408, Cause::RequestTimeout, true));
    assert_eq!(results(&heard), (1, 1));
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    ua.hear(answer(&invite, 100, "", ""));
    assert_eq!(ua.pass(secs(60)).lines(), [""; 0]);
}

/// RFC 3261 §17.1.1.2, §17.1.2.2: nothing is repeated over a stream.
#[test]
fn nothing_is_repeated_over_a_stream() {
    for method in [Method::Message, Method::Invite] {
        let mut ua = Ua::new();
        let request = Request::new(method.clone(), "sip:alice@192.0.2.1;transport=tcp");
        ua.sip.request(ua.now, request).unwrap();
        let heard = ua.drain();
        assert_eq!(heard.lines(), ["connect TCP 192.0.2.1:5060"]);
        let flow = ua.tcp(ALICE, 1);
        let heard = ua.input(Input::Connected { token: heard.token(), flow });
        let sent = heard.only();
        assert_eq!(sent.top_via().unwrap().transport, "TCP");
        assert!(!sent.top_via().unwrap().wants_rport());
        let heard = ua.pass_all();
        assert_eq!(heard.transmits().len(), 0);
        assert_eq!(failure(&heard), (408, Cause::RequestTimeout, true));
        assert_eq!(heard.times("* client ended"), [32_000]);
    }
}

/// RFC 3261 §8.1.3.1: what cannot be sent is a 503, marked as made up here.
// Holds: 3261-18.4-1, 3261-17.1.4-1, 3261-8.1.3.1-2
#[test]
fn a_send_failure_is_503() {
    for is_invite in [false, true] {
        let mut ua = Ua::new();
        let method = if is_invite { Method::Invite } else { Method::Message };
        ua.sip.request(ua.now, Request::new(method, "sip:alice@192.0.2.1")).unwrap();
        let token = ua.drain().token();
        let heard = ua.input(Input::SendFailed { token });
        assert_eq!(failure(&heard), (503, Cause::ConnectionError, true));
        assert_eq!(results(&heard), (1, 1));
        assert!(ua.sip.is_empty());
        assert_eq!(ua.input(Input::SendFailed { token }).lines(), [""; 0], "a late one means nothing");
    }
}

/// DESIGN.md §2, contract 6: a send failure after the result is not a second one.
#[test]
fn a_send_failure_after_the_result_changes_nothing() {
    let mut ua = Ua::new();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1").sdp(SDP));
    let (token, invite) = (heard.token(), heard.only());
    ua.hear(answer(&invite, 486, "a", ""));
    assert_eq!(ua.input(Input::SendFailed { token }).lines(), [""; 0]);
    assert_eq!(ua.hear(answer(&invite, 486, "a", "")).lines(), ["ACK"], "Timer D still runs");
}

/// DESIGN.md §2, contract 7: what cannot go anywhere, or cannot be written, is refused.
#[test]
fn what_cannot_be_sent_is_refused() {
    let mut ua = Ua::new();
    for uri in ["tel:+49123", "http://h", "nonsense", "sip:a@h\r\nX: y"] {
        assert!(ua.sip.request(ua.now, Request::new(Method::Options, uri)).is_err(), "{uri}");
    }
    for method in [Method::Ack, Method::Cancel] {
        assert!(ua.sip.request(ua.now, Request::new(method, "sip:alice@192.0.2.1")).is_err());
    }
    for name in ["Via", "f", "To", "Call-ID", "CSeq", "Content-Length"] {
        let request = Request::new(Method::Options, "sip:alice@192.0.2.1").header(name, "x");
        assert!(ua.sip.request(ua.now, request).is_err(), "{name}");
    }
    assert!(ua.drain().0.is_empty() && ua.sip.is_empty());
}

/// RFC 3263 §4.1, RFC 3261 §19.1.1: a URI that names a transport which nobody here knows leads nowhere, numeric host or name; not by UDP.
#[test]
fn a_transport_that_is_not_known() {
    let unroutable = |refused| matches!(refused, Err(Refused::Unroutable(_)));
    for host in ["192.0.2.1", "example.com"] {
        let uri = format!("sip:alice@{host};transport=SCTP");
        let mut ua = Ua::new();
        assert!(unroutable(ua.sip.request(ua.now, Request::new(Method::Options, uri.clone()))), "{uri}");
        assert!(unroutable(ua.sip.invite(ua.now, Invite::to(format!("sips:alice@{host};transport=x")))));
        let routed = Invite::to("sip:alice@192.0.2.1").route(format!("<sip:{host};lr;transport=sctp>"));
        assert!(unroutable(ua.sip.invite(ua.now, routed)));
        assert!(ua.drain().0.is_empty() && ua.sip.is_empty());
        // Behind a proxy that is known it is the proxy's business.
        let routed = Invite::to(uri.clone()).route("<sip:192.0.2.7;lr>");
        assert_eq!(ua.invite(routed).1.only().request_uri(), Some(&*uri));
        // A 2xx with such a Contact makes no call.
        let (_, invite) = ua.call_alice();
        let heard = ua.hear(answer(&invite, 200, "a", &format!("Contact: <{uri}>\r\n")));
        assert_eq!(heard.lines(), ["ACK", "BYE", "* failed 200 X (INVITE)"]);
        assert_eq!(heard.message("BYE").request_uri(), Some("sip:alice@192.0.2.1"));
    }
}

/// DESIGN.md §2: the limit of contexts refuses, and frees up.
#[test]
fn a_full_table_refuses() {
    let mut ua = Ua::with(|config| config.limits.clients = 1);
    let request = message(&mut ua, "sip:alice@192.0.2.1").1.only();
    let second = Request::new(Method::Options, "sip:alice@192.0.2.1");
    assert_eq!(ua.sip.request(ua.now, second.clone()), Err(Refused::Full));
    ua.hear(answer(&request, 200, "a", ""));
    ua.pass_all();
    assert!(ua.sip.request(ua.now, second).is_ok());
}

// ---- Which answers are ours (RFC 3261 §17.1.3, §18.1.2, §8.1.3.3) ----

/// Wrong branch, wrong sent-by, wrong CSeq method, two Vias: stray, counted.
// Holds: 3261-18.1.2-1, 6026-8.9-1, 3261-8.1.3.3-1
#[test]
fn a_spoofed_answer_is_stray() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let ok = answer(&invite, 200, "a", CONTACT);
    let branch = invite.top_via().unwrap().branch().unwrap();
    let spoofs = [
        ok.replace(branch, "z9hG4bKother"),
        ok.replace("SIP/2.0/UDP 192.0.2.4:5060", "SIP/2.0/UDP 192.0.2.5:5060"),
        ok.replace("SIP/2.0/UDP 192.0.2.4:5060", "SIP/2.0/UDP 192.0.2.4:5061"),
        ok.replace("CSeq: 1 INVITE", "CSeq: 1 OPTIONS"),
        ok.replace("\r\nFrom", "\r\nVia: SIP/2.0/UDP 192.0.2.9\r\nFrom"),
    ];
    for (n, spoof) in spoofs.into_iter().enumerate() {
        assert_ne!(spoof, ok);
        assert_eq!(ua.hear(spoof).lines(), [""; 0], "{n}");
        assert_eq!(ua.sip.counters().stray_responses, n as u64 + 1);
    }
    let stamped = ok.replace(branch, &format!("{branch};received=192.0.2.77;rport=9"));
    assert_eq!(ua.hear(stamped).lines(), ["ACK", "* accepted 200 X (INVITE)"]);
}

// ---- CANCEL (RFC 3261 §9.1) ----

const CROSSED: [&str; 2] = ["* failed 487 Request Terminated (INVITE) (made up)", "* client ended"];

/// RFC 3261 §9.1: before any 1xx the CANCEL waits; then it goes where the INVITE went, with its branch and number.
// Holds: 3261-9.1-2, 3261-9.1-3, 3261-9.1-7, 3261-9.1-8, 3261-9.1-9
#[test]
fn a_cancel_waits_for_a_provisional() {
    let mut ua = Ua::new();
    let (id, invite) = ua.call_alice();
    assert_eq!(ua.cancel(id).lines(), [""; 0]);
    assert_eq!(ua.pass(millis(600)).lines(), ["INVITE +body"], "it is still repeated");
    let heard = ua.hear(answer(&invite, 100, "", ""));
    assert_eq!(heard.lines(), ["* got 100 X (INVITE)", "CANCEL"]);
    let cancel = heard.sent().remove(0);
    for name in [Name::Via, Name::From, Name::To, Name::CallId] {
        assert_eq!(cancel.value(name), invite.value(name));
    }
    assert_eq!((cancel.request_uri(), cancel.cseq()), (invite.request_uri(), invite.cseq()));
    assert_eq!(cancel.values(Name::Via).count(), 1);
    assert_eq!(ua.hear(answer(&cancel, 200, "a", "")).lines(), [""; 0]);
    let heard = ua.hear(answer(&invite, 487, "a", ""));
    assert_eq!(heard.lines(), ["ACK", "* failed 487 X (INVITE)"]);
    assert_eq!(failure(&heard), (487, Cause::SipFailureCode, false));
    let ack = heard.sent().remove(0);
    assert_eq!(ack.value(Name::Via), invite.value(Name::Via));
    assert_eq!(ack.to().unwrap().tag(), Some("a"));
    assert_eq!(ua.pass_all().timed(), ["32.6 * client ended"]);
}

/// RFC 3261 §9.1: a second cancel changes nothing; headers go into the CANCEL; after the result it is refused.
// Holds: 3261-9.1-1, 3261-9.1-10
#[test]
fn a_second_cancel_changes_nothing() {
    let mut ua = Ua::new();
    let (id, invite) = ua.call_alice();
    ua.hear(answer(&invite, 180, "a", CONTACT));
    let reason = [Header::new("Reason", "SIP;cause=200")];
    ua.sip.client(id).unwrap().cancel_with(ua.now, &reason).unwrap();
    assert_eq!(ua.drain().only().value(Name::Reason), Some("SIP;cause=200"));
    assert_eq!(ua.cancel(id).lines(), [""; 0]);
    ua.hear(answer(&invite, 487, "a", ""));
    let refused = ua.sip.client(id).unwrap().cancel(ua.now).unwrap_err();
    assert_eq!(refused, Refused::Context(ContextError::Ended));
    let bad = [Header::new("Via", "x")];
    let (id, _) = ua.call_alice();
    assert!(ua.sip.client(id).unwrap().cancel_with(ua.now, &bad).is_err());
    let (id, _) = message(&mut ua, "sip:alice@192.0.2.1");
    let refused = ua.sip.client(id).unwrap().cancel(ua.now).unwrap_err();
    assert_eq!(refused, Refused::Context(ContextError::NotInvite));
}

/// RFC 3261 §9.1, PEERS.md D1: a 200 that crosses our CANCEL is acknowledged, and its call ended; one failure, marked.
#[test]
fn a_200_that_crosses_our_cancel() {
    let mut ua = Ua::new();
    let (id, invite) = ua.call_alice();
    let early = ua.hear(answer(&invite, 180, "a", CONTACT)).dialog();
    let cancel = ua.cancel(id).only();
    let heard = ua.hear(answer(&invite, 200, "a", CONTACT));
    assert_eq!(heard.lines()[..2], ["ACK", "BYE"]);
    assert_eq!(failure(&heard), (487, Cause::Canceled, true));
    let destroyed = |event: &&Event<u32>| matches!(event, Event::Dialog { dialog, event: DialogEvent::Destroy { .. } } if *dialog == early);
    assert_eq!(heard.events().into_iter().filter(destroyed).count(), 1, "the early dialog that was told of");
    let bye = heard.message("BYE");
    assert_eq!(bye.cseq(), 2);
    assert_eq!(ua.hear(answer(&cancel, 481, "a", "")).lines(), [""; 0]);
    assert_eq!(ua.hear(answer(&bye, 200, "a", "")).lines(), [""; 0]);
    let again = ua.hear(answer(&invite, 200, "a", CONTACT));
    assert_eq!(again.only(), heard.message("ACK"));
    assert_eq!(ua.pass_all().lines(), ["* client ended"]);
}

/// RFC 3261 §9.1: a 200 that comes while the CANCEL waits for its first 1xx crosses it too; no CANCEL goes out.
#[test]
fn a_200_that_comes_before_the_cancel_went_out() {
    let mut ua = Ua::new();
    let (id, invite) = ua.call_alice();
    ua.cancel(id);
    let heard = ua.hear(answer(&invite, 200, "a", CONTACT));
    assert_eq!(heard.lines()[..2], ["ACK", "BYE"]);
    assert_eq!(failure(&heard), (487, Cause::Canceled, true));
    assert!(!heard.lines().contains(&"CANCEL".to_string()));
    ua.hear(answer(&heard.message("BYE"), 200, "a", ""));
    assert_eq!(ua.pass_all().lines(), ["* client ended"]);
}

/// RFC 3261 §9.1: 64·T1 after the CANCEL without a final answer the request is over.
// Holds: 3261-9.1-12, 3261-9.1-13
#[test]
fn a_cancelled_invite_without_final_ends_after_64_t1() {
    let mut ua = Ua::new();
    let (id, invite) = ua.call_alice();
    ua.hear(answer(&invite, 100, "", ""));
    ua.pass(secs(10));
    let cancel = ua.cancel(id).only();
    ua.hear(answer(&cancel, 200, "", ""));
    assert_eq!(ua.pass_all().timed(), [format!("42.0 {}", CROSSED[0]), format!("42.0 {}", CROSSED[1])]);
}

/// DESIGN.md §5: a cancelled INVITE that is never heard of times out as cancelled.
#[test]
fn a_cancelled_invite_that_is_never_heard_of() {
    let mut ua = Ua::new();
    let (id, _) = ua.call_alice();
    ua.cancel(id);
    let heard = ua.pass_all();
    assert_eq!(heard.times("CANCEL"), [0; 0]);
    assert_eq!(failure(&heard), (487, Cause::Canceled, true));
    assert_eq!(results(&heard), (1, 1));
}

/// DESIGN.md §2 (guards): a call that rings too long is cancelled.
#[test]
fn a_call_that_rings_too_long_is_cancelled() {
    let mut ua = Ua::new();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1").ring_within(secs(20)));
    let invite = heard.only();
    ua.pass(secs(2));
    ua.hear(answer(&invite, 100, "", ""));
    ua.pass(secs(3));
    ua.hear(answer(&invite, 180, "a", CONTACT));
    let heard = ua.pass(secs(20));
    assert_eq!(heard.times("CANCEL")[0], 22_000, "counted from the first provisional");
    ua.hear(answer(&invite, 487, "a", ""));
    ua.pass_all();
}

// ---- Forks (RFC 3261 §12.1.2, §13.2.2.4; RFC 6228) ----

/// Two early dialogs of one INVITE, with the tags `a` and `b`.
fn forked(ua: &mut Ua) -> (RequestId, Message, [sip_proto::DialogId; 2]) {
    let (id, invite) = ua.call_alice();
    let heard = ua.hear(answer(&invite, 180, "a", CONTACT));
    assert_eq!(heard.lines(), ["* got 180 X (INVITE)"]);
    let one = heard.dialog();
    let two = ua.hear(answer(&invite, 183, "b", "Contact: <sip:carol@192.0.2.2>\r\n")).dialog();
    assert_ne!(one, two);
    assert_eq!(ua.hear(answer(&invite, 180, "A", CONTACT)).dialog(), one, "tags compare without case");
    assert_eq!(ua.sip.counts()[2], 2);
    (id, invite, [one, two])
}

/// The dialogs that were destroyed, with by and why.
fn destroyed(heard: &Heard) -> Vec<(sip_proto::DialogId, By, Why)> {
    let all = heard.events().into_iter().filter_map(|event| match event {
        Event::Dialog { dialog, event: DialogEvent::Destroy { by, why, .. } } => Some((*dialog, *by, *why)),
        _ => None,
    });
    all.collect()
}

/// RFC 3261 §13.2.2.4: 64·T1 after the first 2xx the other early dialogs are over.
#[test]
fn other_forks_end_64_t1_after_the_2xx() {
    let mut ua = Ua::new();
    let (_, invite, [one, two]) = forked(&mut ua);
    ua.pass(secs(5));
    let heard = ua.hear(answer(&invite, 200, "a", CONTACT));
    assert_eq!(
        (heard.lines(), heard.dialog()),
        (vec!["ACK".into(), "* accepted 200 X (INVITE)".into()], one)
    );
    let heard = ua.pass(secs(40));
    assert_eq!(destroyed(&heard), [(two, By::Remote, Why::OtherFork)]);
    assert_eq!(heard.timed(), ["37.0 * destroy by Remote: OtherFork", "37.0 * client ended"]);
    assert!(ua.sip.dialog(one).is_ok() && ua.sip.dialog(two).is_err());
}

/// RFC 6228 §6: a 199 ends its early dialog, and no other.
#[test]
fn a_199_ends_its_fork() {
    let mut ua = Ua::new();
    let (_, invite, [one, two]) = forked(&mut ua);
    let heard = ua.hear(answer(&invite, 199, "b", ""));
    assert_eq!(heard.lines(), ["* got 199 X (INVITE)", "* destroy by Remote: OtherFork"]);
    assert_eq!(destroyed(&heard), [(two, By::Remote, Why::OtherFork)]);
    assert_eq!(ua.hear(answer(&invite, 199, "c", "")).lines(), ["* got 199 X (INVITE)"]);
    assert_eq!(ua.hear(answer(&invite, 200, "a", CONTACT)).dialog(), one);
    assert_eq!(destroyed(&ua.pass(secs(40))), []);
}

/// RFC 3261 §13.2.2.3: a non-2xx final ends all early dialogs, each once.
#[test]
fn a_rejection_ends_every_fork() {
    let mut ua = Ua::new();
    let (_, invite, dialogs) = forked(&mut ua);
    let heard = ua.hear(answer(&invite, 486, "a", ""));
    let mut ended: Vec<_> = destroyed(&heard).into_iter().map(|(dialog, ..)| dialog).collect();
    ended.sort();
    assert_eq!(ended, dialogs);
    for (_, by, why) in destroyed(&heard) {
        assert_eq!((by, why), (By::Remote, Why::Failed(StatusCode::BUSY_HERE)));
    }
    assert_eq!(results(&heard), (1, 0));
    assert_eq!(ua.pass_all().lines(), ["* client ended"]);
}

/// RFC 3261 §13.2.2.4, PEERS.md D9: a second fork's 2xx is acknowledged, and its call ended.
// Holds: 3261-17.1.1.3-1, 3261-13.2.2.4-4, 3261-13.2.2.4-5, 3261-13.2.2.4-11
#[test]
fn a_second_forks_2xx_is_acknowledged_and_ended() {
    let mut ua = Ua::new();
    let (_, invite, [one, two]) = forked(&mut ua);
    let first = ua.hear(answer(&invite, 200, "a", CONTACT)).message("ACK");
    let heard = ua.hear(answer(&invite, 200, "b", "Contact: <sip:carol@192.0.2.2>\r\n"));
    assert_eq!(heard.lines()[..2], ["ACK", "BYE"]);
    assert_eq!(destroyed(&heard), [(two, By::Local, Why::OtherFork)]);
    assert_eq!(results(&heard), (0, 0), "the request has had its result");
    let ack = heard.message("ACK");
    assert_eq!((ack.to().unwrap().tag(), ack.request_uri()), (Some("b"), Some("sip:carol@192.0.2.2")));
    assert_eq!((ack.cseq(), ack.method()), (1, &Method::Ack));
    assert_ne!(ack.top_via().unwrap().branch(), first.top_via().unwrap().branch());
    assert_eq!(heard.transmits()[1].flow.remote, address("192.0.2.2:5060"));
    ua.hear(answer(&heard.message("BYE"), 200, "b", ""));
    assert!(ua.sip.dialog(one).is_ok());
}

/// RFC 3261 §13.2.2.4 by policy: kept, it is told as a fork.
// Holds: 3261-13.2.2.4-3, 3261-13.2.2.4-4
#[test]
fn a_second_forks_2xx_can_be_kept() {
    let mut ua = Ua::with(|config| config.policy.keep_forks = true);
    let (_, invite) = ua.call_alice();
    let one = ua.hear(answer(&invite, 200, "a", CONTACT)).dialog();
    let heard = ua.hear(answer(&invite, 200, "b", CONTACT));
    assert_eq!(heard.lines(), ["ACK", "* forked 200 X (INVITE)"]);
    let two = heard.dialog();
    assert_ne!(one, two);
    assert_eq!(ua.pass(secs(40)).lines(), ["* client ended"]);
    for dialog in [one, two] {
        let bye = ua.destroy(dialog).only();
        assert_eq!(ua.hear(answer(&bye, 200, "", "")).lines(), ["* destroy by Local: Bye"]);
    }
    ua.pass_all();
}

/// RFC 3261 §13.2.2.4, PEERS.md D8: a 200 that comes again gets the same ACK again, octet by octet, for 64·T1.
// Holds: 6026-8.9-1, 3261-13.2.2.4-10
#[test]
fn a_200_that_comes_again_gets_the_same_ack() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let ok = answer(&invite, 200, "a", CONTACT);
    let heard = ua.hear(ok.clone());
    let (ack, dialog) = (heard.message("ACK"), heard.dialog());
    for _ in 0..3 {
        ua.pass(secs(5));
        assert_eq!(ua.hear(ok.clone()).only().as_bytes(), ack.as_bytes());
    }
    let bye = ua.destroy(dialog).only();
    assert_eq!(ua.hear(ok.clone()).only(), ack, "while our BYE is under way");
    ua.hear(answer(&bye, 200, "a", ""));
    ua.pass(secs(16));
    assert_eq!(ua.hear(ok.clone()).only(), ack, "and after the call");
    assert_eq!(ua.pass(secs(2)).timed(), ["32.0 * client ended"]);
    assert_eq!(ua.hear(ok).lines(), [""; 0]);
    assert_eq!(ua.sip.counters().stray_responses, 1);
    assert!(ua.sip.is_empty());
}

/// RFC 3261 §13.2.2.4: a late fork's ACK is kept for its own 64·T1.
#[test]
fn a_late_forks_ack_is_kept_as_long() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    ua.hear(answer(&invite, 200, "a", CONTACT));
    ua.pass(secs(30));
    let late = answer(&invite, 200, "b", CONTACT);
    let heard = ua.hear(late.clone());
    ua.hear(answer(&heard.message("BYE"), 200, "b", ""));
    ua.pass(secs(30));
    assert_eq!(ua.hear(late).only(), heard.message("ACK"));
    assert_eq!(ua.pass(secs(3)).times("* client ended"), [62_000]);
}

/// RFC 3261 §17.1.1.3: a rejection that comes again gets the same ACK again.
// Holds: 3261-13.2.2.3-1
#[test]
fn a_rejection_that_comes_again_gets_the_same_ack() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let busy = answer(&invite, 486, "a", "");
    let ack = ua.hear(busy.clone()).message("ACK");
    assert_eq!(ua.hear(busy).only(), ack);
    assert_eq!(ua.pass_all().timed(), ["32.0 * client ended"]);
}

/// DESIGN.md §2: how many early dialogs one INVITE may gather is limited; the rest is counted.
#[test]
fn forks_are_limited() {
    let mut ua = Ua::with(|config| config.limits.forks = 2);
    let (_, invite, _) = forked(&mut ua);
    let heard = ua.hear(answer(&invite, 180, "c", CONTACT));
    assert_eq!((heard.lines().len(), ua.sip.counts()[2]), (1, 2));
    assert_eq!(ua.sip.counters().forks_dropped, 1);
}

/// RFC 3261 §12.1.2: a 100, and a 1xx without a tag, make no dialog.
#[test]
fn no_dialog_without_a_tag() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    ua.hear(answer(&invite, 100, "a", CONTACT));
    ua.hear(answer(&invite, 180, "", CONTACT));
    assert_eq!(ua.sip.counts()[2], 0);
}

/// RFC 3261 §12.1.2: a 2xx without To tag, of an RFC 2543 peer, makes a dialog with a null tag.
// Holds: 3261-12.1.2-12, 3261-12.2.1.1-5
#[test]
fn a_2xx_without_to_tag() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let heard = ua.hear(answer(&invite, 200, "", CONTACT));
    assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"]);
    let bye = ua.destroy(heard.dialog()).only();
    assert_eq!(bye.to().unwrap().tag(), None);
}

/// RFC 3261 §13.2.2.4: the 2xx sets route set and target anew: the early dialog's were not final.
// Holds: 6141-4.9-2, 3261-13.2.2.4-2
#[test]
fn the_2xx_sets_the_route_set_anew() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let early = "Record-Route: <sip:192.0.2.7;lr>\r\nContact: <sip:early@192.0.2.8>\r\n";
    ua.hear(answer(&invite, 180, "a", early));
    let ack = ua.hear(answer(&invite, 200, "a", "Contact: <sip:late@192.0.2.9>\r\n"));
    assert_eq!(ack.message("ACK").request_uri(), Some("sip:late@192.0.2.9"));
    assert_eq!(ack.message("ACK").routes().count(), 0);
    assert_eq!(ack.transmits()[0].flow.remote, address("192.0.2.9:5060"));
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    ua.hear(answer(&invite, 180, "a", early));
    let late = early.replace("192.0.2.7", "192.0.2.6");
    let bye = |ua: &mut Ua, heard: &Heard| ua.destroy(heard.dialog()).only();
    let heard = ua.hear(answer(&invite, 200, "a", &late));
    for sent in [heard.message("ACK"), bye(&mut ua, &heard)] {
        assert_eq!(sent.elements(Name::Route).collect::<Vec<_>>(), ["<sip:192.0.2.6;lr>"]);
    }
}

/// DESIGN.md §3: the application's data goes from the request to the dialog; that of a failed one comes back in `Ended`.
#[test]
fn data_moves_from_the_request_to_the_dialog() {
    let mut ua = Ua::new();
    let (id, invite) = ua.call_alice();
    *ua.sip.client(id).unwrap().data().unwrap() = 42;
    let dialog = ua.hear(answer(&invite, 200, "a", CONTACT)).dialog();
    assert_eq!(ua.sip.dialog(dialog).unwrap().data(), Some(&mut 42));
    assert_eq!(ua.sip.client(id).unwrap().data(), None);
    let (id, invite) = ua.call_alice();
    *ua.sip.client(id).unwrap().data().unwrap() = 43;
    ua.hear(answer(&invite, 486, "a", ""));
    let heard = ua.pass(secs(40));
    let data: Vec<_> = heard
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Client { event: ClientEvent::Ended { data }, .. } => Some(*data),
            _ => None,
        })
        .collect();
    assert_eq!(data, [None, Some(43)]);
}

/// What the application has put into an early dialog of its INVITE, each fork one, stays there with the 2xx; then the request keeps its own.
#[test]
fn data_of_an_early_dialog_stays() {
    let ended = |heard: &Heard| {
        let ended = heard.events().into_iter().find_map(|event| match event {
            Event::Client { event: ClientEvent::Ended { data }, .. } => Some(*data),
            _ => None,
        });
        ended.unwrap()
    };
    let mut ua = Ua::new();
    let (id, invite) = ua.call_alice();
    *ua.sip.client(id).unwrap().data().unwrap() = 42;
    let forks = ["a", "b", "c"].map(|tag| ua.hear(answer(&invite, 180, tag, CONTACT)).dialog());
    for (fork, data) in forks.iter().zip([1, 2]) {
        *ua.sip.dialog(*fork).unwrap().data().unwrap() = data;
    }
    let heard = ua.hear(answer(&invite, 200, "b", CONTACT));
    assert_eq!(heard.dialog(), forks[1]);
    assert_eq!(ua.sip.dialog(forks[1]).unwrap().data(), Some(&mut 2));
    assert_eq!(ua.sip.client(id).unwrap().data(), Some(&mut 42));
    assert_eq!(ended(&ua.pass(secs(40))), Some(42));
    // Where nothing was put there, that of the request moves.
    let mut ua = Ua::new();
    let (id, invite) = ua.call_alice();
    *ua.sip.client(id).unwrap().data().unwrap() = 42;
    let early = ua.hear(answer(&invite, 180, "a", CONTACT)).dialog();
    ua.hear(answer(&invite, 200, "a", CONTACT));
    assert_eq!(ua.sip.dialog(early).unwrap().data(), Some(&mut 42));
    assert_eq!(ended(&ua.pass(secs(40))), None);
    // The same where we answer.
    let mut ua = Ua::new();
    let server = ua.called();
    *ua.sip.server(server).unwrap().data().unwrap() = 42;
    let early = ua.progress(server, Reply::new()).unwrap().dialog();
    *ua.sip.dialog(early).unwrap().data().unwrap() = 1;
    ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    assert_eq!(ua.sip.dialog(early).unwrap().data(), Some(&mut 1));
    assert_eq!(ua.sip.server(server).unwrap().data(), Some(&mut 42));
}

// ---- Look-ups and connections (RFC 3261 §8.1.2, §18.1.1; RFC 3263; DESIGN.md §3) ----

fn resolved(ua: &mut Ua, heard: &Heard, transport: Transport, to: &str) -> Heard {
    let query = question(heard).query;
    ua.input(Input::Resolved { query, targets: vec![(transport, address(to))] })
}

/// DESIGN.md §3: for a name there is a question and nothing else; the answer sends the request.
// Holds: 3261-8.1.2-1
#[test]
fn a_named_host_is_looked_up_first() {
    let mut ua = Ua::new();
    let (id, heard) = message(&mut ua, "sip:alice@example.com:5070;transport=udp");
    let asked = question(&heard);
    assert_eq!(
        (&*asked.host, asked.port, asked.transport),
        ("example.com", Some(5070), Some(Transport::Udp))
    );
    assert!(!asked.secure && ua.sip.client(id).unwrap().is_resolving());
    assert_eq!(ua.pass(secs(10)).lines(), [""; 0], "nothing is sent or repeated");
    let heard = resolved(&mut ua, &heard, Transport::Udp, "192.0.2.1:5070");
    assert_eq!(heard.lines(), ["MESSAGE +body"]);
    assert_eq!(heard.transmits()[0].flow.remote, address("192.0.2.1:5070"));
    assert!(!ua.sip.client(id).unwrap().is_resolving());
    assert_eq!(ua.pass(millis(600)).times("MESSAGE +body"), [10_500], "Timer E begins with the sending");
}

/// DESIGN.md §3: numeric hosts are never asked for, `maddr` and Route first.
// Holds: 3261-8.1.2-6
#[test]
fn a_number_is_never_looked_up() {
    for uri in ["sip:alice@192.0.2.1", "sip:alice@[2001:db8::1]:5070", "sip:example.com;maddr=192.0.2.1"] {
        assert_eq!(message(&mut Ua::new(), uri).1.lines(), ["MESSAGE +body"], "{uri}");
    }
    let mut ua = Ua::new();
    let request = Request::new(Method::Options, "sip:alice@example.com").route("<sip:192.0.2.7:5080;lr>");
    ua.sip.request(ua.now, request).unwrap();
    let heard = ua.drain();
    assert_eq!(heard.transmits()[0].flow.remote, address("192.0.2.7:5080"));
    assert_eq!(heard.only().request_uri(), Some("sip:alice@example.com"));
}

/// DESIGN.md §3: a cancel ends a parked INVITE without a packet; the late answer means nothing.
#[test]
fn a_parked_invite_is_cancelled_without_a_packet() {
    let mut ua = Ua::new();
    let (id, asked) = ua.invite(Invite::to("sip:alice@example.com"));
    let heard = ua.cancel(id);
    assert_eq!(heard.lines(), CROSSED);
    assert_eq!(failure(&heard), (487, Cause::Canceled, true));
    assert_eq!(resolved(&mut ua, &asked, Transport::Udp, ALICE).lines(), [""; 0]);
    assert!(ua.sip.is_empty());
}

/// DESIGN §2.6: a request that leaves an answer no room has its one result all the same.
#[test]
fn a_request_of_the_greatest_size_has_its_result() {
    let mut ua = Ua::new();
    let from = |length: usize| format!("<sip:{}@192.0.2.4>", "a".repeat(length));
    let call = |length| Invite::to("sip:alice@192.0.2.1").from(from(length));
    let now = Timestamp::ZERO;
    let lengths: Vec<_> = (64_000..65_535).collect();
    let fits = |length: &usize| Ua::new().sip.invite(now, call(*length)).is_ok();
    let longest = lengths[lengths.partition_point(fits) - 1];
    assert!(longest < 65_534 && ua.sip.invite(now, call(longest)).is_ok());
    let heard = ua.pass_all();
    assert_eq!(results(&heard), (1, 1));
    assert!(ua.sip.is_empty());
}

/// RFC 3261 §9.1: what a CANCEL may not carry is refused whether or not the INVITE has gone out.
#[test]
fn a_cancel_carries_no_require() {
    for target in ["sip:alice@example.com", "sip:alice@192.0.2.1"] {
        let mut ua = Ua::new();
        let (id, _) = ua.invite(Invite::to(target));
        for (name, known) in [("Require", Name::Require), ("Max-Forwards", Name::MaxForwards)] {
            let headers = [Header::new(name, "1")];
            let refused =
                ua.sip.client(id).unwrap().cancel_with(Timestamp::from_secs(1), &headers).unwrap_err();
            assert_eq!(refused, BuildError::Reserved(known).into(), "{target}");
        }
        assert!(ua.sip.client(id).is_ok());
    }
}

/// DESIGN.md §3, RFC 3261 §8.1.3.1: a look-up that fails, or is not answered in 64·T1, is a 503.
#[test]
fn a_look_up_that_fails_is_503() {
    for is_answered in [true, false] {
        let mut ua = Ua::new();
        let (_, heard) = message(&mut ua, "sip:alice@example.com");
        let query = question(&heard).query;
        let heard = match is_answered {
            true => ua.input(Input::Resolved { query, targets: vec![] }),
            false => ua.pass_all(),
        };
        assert_eq!(failure(&heard), (503, Cause::ConnectionError, true));
        assert_eq!(results(&heard), (1, 1));
        assert_eq!(heard.0.last().unwrap().0.as_millis(), if is_answered { 0 } else { 32_000 });
        assert_eq!(ua.input(Input::Resolved { query, targets: vec![] }).lines(), [""; 0]);
        assert!(ua.sip.is_empty());
    }
}

/// RFC 3263 §4.1, RFC 3261 §18.1.1: a TCP target leads to a connection, and the Via says TCP.
// Holds: 3261-18.1.1-9
#[test]
fn a_tcp_target_is_connected_to() {
    let mut ua = Ua::new();
    let (_, asked) = message(&mut ua, "sip:alice@example.com");
    let heard = resolved(&mut ua, &asked, Transport::Tcp, ALICE);
    assert_eq!(heard.lines(), ["connect TCP 192.0.2.1:5060"]);
    let flow = ua.tcp(ALICE, 3);
    let heard = ua.input(Input::Connected { token: heard.token(), flow });
    let sent = heard.only();
    assert_eq!((sent.top_via().unwrap().transport, heard.transmits()[0].flow), ("TCP", flow));
    assert!(sent.top_via().unwrap().rfc3261_branch().is_some());
    assert_eq!(sent.body(), b"hello");
    assert_eq!(ua.hear_on(flow, answer(&sent, 200, "a", "")).lines(), ["* accepted 200 X (MESSAGE)"]);
    assert_eq!(ua.pass(millis(0)).lines(), ["* client ended"], "Timer K is 0");
}

/// RFC 3261 §18.1.1: the CANCEL of such a request goes on the same connection with the same Via.
// Holds: 3261-9.1-11
#[test]
fn a_cancel_follows_its_invite_over_tcp() {
    let mut ua = Ua::new();
    let (id, asked) = ua.invite(Invite::to("sip:alice@example.com"));
    let token = resolved(&mut ua, &asked, Transport::Tcp, ALICE).token();
    let flow = ua.tcp(ALICE, 3);
    let invite = ua.input(Input::Connected { token, flow }).only();
    ua.hear_on(flow, answer(&invite, 100, "", ""));
    let heard = ua.cancel(id);
    assert_eq!((heard.transmits()[0].flow, heard.only().value(Name::Via)), (flow, invite.value(Name::Via)));
}

/// DESIGN.md §3: a SIPS URI takes only secure targets.
// Holds: 3261-8.1.1.2-2, 3261-8.1.2-4
#[test]
fn sips_takes_secure_targets_only() {
    let mut ua = Ua::new();
    let (_, heard) = message(&mut ua, "sips:alice@example.com");
    let asked = question(&heard);
    assert!(asked.secure);
    let targets = vec![(Transport::Udp, address(ALICE)), (Transport::Tls, address("192.0.2.1:5061"))];
    let heard = ua.input(Input::Resolved { query: asked.query, targets });
    assert_eq!(heard.lines(), ["connect TLS 192.0.2.1:5061"]);
    let (_, heard) = message(&mut ua, "sips:alice@192.0.2.2");
    assert_eq!(heard.lines(), ["connect TLS 192.0.2.2:5061"]);
}

/// RFC 3261 §18.1.1: requests to one address share a connection, those that wait for it too.
// Holds: 3261-18.1.1-15
#[test]
fn a_connection_is_shared() {
    let mut ua = Ua::new();
    let uri = "sip:alice@192.0.2.1;transport=tcp";
    let connect = message(&mut ua, uri).1;
    assert_eq!(message(&mut ua, uri).1.lines(), [""; 0]);
    let flow = ua.tcp(ALICE, 1);
    let heard = ua.input(Input::Connected { token: connect.token(), flow });
    assert_eq!(heard.lines(), ["MESSAGE +body"; 2]);
    assert_eq!(message(&mut ua, uri).1.lines(), ["MESSAGE +body"]);
    ua.input(Input::Closed { flow });
    assert_eq!(message(&mut ua, uri).1.lines(), ["connect TCP 192.0.2.1:5060"]);
}

/// RFC 3261 §8.1.3.1: a connection that fails, or is not answered for in 64·T1, is a 503 for all that waits.
// Holds: 3261-18.4-3, 3261-8.1.3.1-2
#[test]
fn a_connection_that_fails_is_503() {
    for is_answered in [true, false] {
        let mut ua = Ua::new();
        let (_, heard) = message(&mut ua, "sip:alice@192.0.2.1;transport=tcp");
        let token = heard.token();
        let heard = match is_answered {
            true => ua.input(Input::SendFailed { token }),
            false => ua.pass_all(),
        };
        assert_eq!(failure(&heard), (503, Cause::ConnectionError, true));
        assert_eq!(results(&heard), (1, 1));
        assert!(ua.sip.is_empty());
    }
}

/// DESIGN.md §3: what is parked counts in the limit.
#[test]
fn parked_requests_count_in_the_limit() {
    let mut ua = Ua::with(|config| config.limits.clients = 1);
    message(&mut ua, "sip:alice@example.com");
    let second = Request::new(Method::Options, "sip:alice@192.0.2.1");
    assert_eq!(ua.sip.request(ua.now, second), Err(Refused::Full));
}

/// RFC 3261 §8.1.1.7: Via and Contact come from what is bound, and may change at any time.
#[test]
fn via_and_contact_come_from_what_is_bound() {
    let mut ua = Ua::new();
    let advertised = Some("sip.example.com:5090".into());
    let bound = sip_proto::Bound { transport: Transport::Udp, local: address(BOB), advertised };
    ua.input(Input::Bound(bound));
    let (_, invite) = ua.call_alice();
    assert_eq!(invite.top_via().unwrap().port, Some(5090));
    assert_eq!(invite.contact().unwrap().unwrap().uri, "sip:bob@sip.example.com:5090");
    let ok = answer(&invite, 200, "a", CONTACT);
    assert_eq!(ua.hear(ok).lines()[0], "ACK", "an answer names the sent-by that we wrote");
}

/// DESIGN.md §2, contract 6: every kind of ending leaves nothing behind and reports once.
#[test]
fn every_ending_reports_once_and_leaves_nothing() {
    let endings: [fn(&mut Ua, RequestId, &Message) -> Heard; 6] = [
        |ua, _, _| ua.pass_all(),
        |ua, _, invite| ua.hear(answer(invite, 603, "a", "")),
        |ua, id, _| ua.cancel(id),
        |ua, id, invite| {
            let mut heard = ua.hear(answer(invite, 180, "a", CONTACT));
            heard.0.extend(ua.cancel(id).0);
            heard
        },
        |ua, id, invite| {
            ua.hear(answer(invite, 180, "a", CONTACT));
            ua.cancel(id);
            ua.hear(answer(invite, 200, "b", CONTACT))
        },
        |ua, _, invite| {
            let heard = ua.hear(answer(invite, 200, "a", CONTACT));
            ua.hear(Req::back(invite, &parse(&answer(invite, 200, "a", CONTACT)), "BYE", 1).text());
            heard
        },
    ];
    for (n, end) in endings.into_iter().enumerate() {
        let mut ua = Ua::new();
        let (id, invite) = ua.call_alice();
        let mut heard = end(&mut ua, id, &invite);
        heard.0.extend(ua.pass_all().0);
        assert_eq!(results(&heard), (1, 1), "ending {n}");
    }
}

// ---- What review found ----

/// RFC 3261 §13.2.2.4: each 2xx is acknowledged; one without Contact, whose call cannot be, is then ended.
#[test]
fn a_2xx_without_contact() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let heard = ua.hear(answer(&invite, 200, "a", ""));
    assert_eq!(heard.times("ACK"), [0], "{:?}", heard.lines());
}

/// RFC 3261 §12.1.1, §13.2.2.4: a Contact that nothing can be sent to is none; proxies that have recorded a route know better.
#[test]
fn a_2xx_whose_contact_is_no_sip_uri() {
    for contact in ["<tel:+49123>", "<mailto:alice@example.com>"] {
        let mut ua = Ua::new();
        let (_, invite) = ua.call_alice();
        let lines = format!("Contact: {contact}\r\n");
        ua.hear(answer(&invite, 180, "a", &lines));
        let heard = ua.hear(answer(&invite, 200, "a", &lines));
        assert_eq!(
            heard.lines(),
            ["* destroy by Local: Failed(200)", "ACK", "BYE", "* failed 200 X (INVITE)"],
            "{contact}"
        );
        assert_eq!(heard.message("BYE").request_uri(), Some("sip:alice@192.0.2.1"));

        let mut ua = Ua::new();
        let (_, invite) = ua.call_alice();
        let lines = format!("{lines}Record-Route: <sip:192.0.2.7;lr>\r\n");
        let heard = ua.hear(answer(&invite, 200, "a", &lines));
        assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"], "{contact}");
        assert_eq!(heard.transmits()[0].flow.remote, address("192.0.2.7:5060"));
    }
}

/// RFC 3261 §13.2.2.4: a 200 that comes again is acknowledged again, at the limit of forks too.
#[test]
fn a_200_that_comes_again_at_the_limit_of_forks() {
    let mut ua = Ua::with(|config| config.limits.forks = 1);
    let (_, invite) = ua.call_alice();
    let ok = answer(&invite, 200, "a", CONTACT);
    let ack = ua.hear(ok.clone()).message("ACK");
    assert_eq!(ua.hear(ok).sent(), [ack]);
}

/// RFC 3261 §13.2.2.4: our own call's 200 is acknowledged when there is no room for its dialog.
// Holds: 3261-13.2.2.4-4
#[test]
fn a_200_without_room_for_its_dialog() {
    let mut ua = Ua::with(|config| config.limits.dialogs = 1);
    ua.answered_call();
    let (_, invite) = ua.call_alice();
    let heard = ua.hear(answer(&invite, 200, "a", CONTACT));
    assert_eq!(heard.times("ACK"), [0], "{:?}", heard.lines());
}

/// RFC 3261 §8.1.1.1, §12.2.1.1: a pre-existing route set that begins with a strict router.
// Holds: 3261-8.1.1.1-3
#[test]
fn a_preloaded_strict_route() {
    let mut ua = Ua::new();
    let request = Request::new(Method::Options, "sip:alice@192.0.2.1")
        .route("<sip:192.0.2.70>")
        .route("<sip:192.0.2.71;lr>");
    ua.sip.request(ua.now, request).unwrap();
    let sent = ua.drain().only();
    let routes: Vec<_> = sent.routes().map(|route| route.unwrap().uri.to_string()).collect();
    assert_eq!(sent.request_uri(), Some("sip:192.0.2.70"));
    assert_eq!(routes, ["sip:192.0.2.71;lr", "sip:alice@192.0.2.1"]);
}

/// RFC 3261 §8.1.2, §12.2.1.1: the address of a strict router that stands first is not that of the name that stands behind it.
#[test]
fn the_name_behind_a_strict_router_is_asked_for() {
    for routes in
        [&["<sip:strict.example.com>"][..], &["<sip:strict.example.com>", "<sip:alice.example.com;lr>"]]
    {
        let mut ua = Ua::new();
        let call =
            routes.iter().fold(Invite::to("sip:alice@alice.example.com"), |call, route| call.route(*route));
        let (_, asked) = ua.invite(call.sdp(SDP));
        assert_eq!(&*question(&asked).host, "strict.example.com");
        let invite = resolved(&mut ua, &asked, Transport::Udp, "192.0.2.70:5060").only();
        let lines = match routes.len() {
            1 => "Contact: <sip:alice@alice.example.com>\r\n",
            _ => "Contact: <sip:alice@192.0.2.1>\r\nRecord-Route: <sip:alice.example.com;lr>\r\n",
        };
        let heard = ua.hear(answer(&invite, 200, "a", lines));
        assert_eq!(heard.lines()[0], "resolve alice.example.com", "{routes:?}");
    }
}

/// RFC 3261 §18.1.1, §8.1.1.8: Via and Contact name the socket of the family that the request goes out by.
#[test]
fn via_and_contact_over_ipv6() {
    let mut ua = Ua::new();
    ua.bind(Transport::Udp, "[2001:db8::4]:5060");
    let (_, heard) = ua.invite(Invite::to("sip:alice@[2001:db8::1]"));
    let invite = heard.only();
    assert_eq!(heard.transmits()[0].flow.local, address("[2001:db8::4]:5060"));
    assert!(invite.value(Name::Via).unwrap().contains("[2001:db8::4]:5060"), "{:?}", invite.value(Name::Via));
    assert!(invite.value(Name::Contact).unwrap().contains("[2001:db8::4]:5060"));
}

/// RFC 3261 §8.1.1.8, §12.1.2: where a name leads to another transport or family than was guessed, Contact says so as Via does: the dialog's requests come
/// back by it. What the application says itself stands.
#[test]
fn the_contact_follows_the_name() {
    let contact = |message: &Message| message.contact().unwrap().unwrap().uri.to_string();
    let cases = [
        ("sip:alice@example.com", Transport::Udp, "[2001:db8::1]:5060", "sip:bob@[2001:db8::4]:5060"),
        ("sip:alice@example.com", Transport::Udp, ALICE, "sip:bob@192.0.2.4:5060"),
        ("sip:alice@example.com", Transport::Tcp, ALICE, "sip:bob@192.0.2.4:5060;transport=tcp"),
        ("sips:alice@example.com", Transport::Tls, ALICE, "sips:bob@192.0.2.4:5061"),
        ("sips:alice@example.com", Transport::Wss, ALICE, "sips:bob@192.0.2.4:5443;transport=ws"),
    ];
    for (uri, transport, to, expected) in cases {
        for own in
            [None, Some("<sip:bob@192.0.2.99>")].into_iter().take(if uri.starts_with("sips") { 1 } else { 2 })
        {
            let mut ua = Ua::new();
            ua.bind(Transport::Udp, "[2001:db8::4]:5060");
            ua.bind(Transport::Tls, "192.0.2.4:5061");
            ua.bind(Transport::Wss, "192.0.2.4:5443");
            let invite =
                own.into_iter().fold(Invite::to(uri).sdp(SDP), |invite, own| invite.header("Contact", own));
            let (_, asked) = ua.invite(invite);
            let mut heard = resolved(&mut ua, &asked, transport, to);
            if transport.is_reliable() {
                let flow = sip_proto::Flow { transport, ..ua.tcp(to, 1) };
                heard = ua.input(Input::Connected { token: heard.token(), flow });
            }
            let invite = heard.only();
            let expected = if own.is_some() { "sip:bob@192.0.2.99" } else { expected };
            assert_eq!(contact(&invite), expected, "{uri} by {transport}");
            assert_eq!(invite.contacts().count(), 1);
            assert_eq!(invite.body(), SDP.as_bytes());
        }
    }
}

/// RFC 3261 §8.1.1.8, §18.1.1: a request that goes by TCP for its length says where it would have come from.
#[test]
fn the_contact_of_a_long_request_stays() {
    let mut ua = Ua::new();
    let long = format!("{SDP}{}", "a=x:0123456789\r\n".repeat(100));
    let (_, asked) = ua.invite(Invite::to("sip:alice@example.com").sdp(long));
    let heard = resolved(&mut ua, &asked, Transport::Udp, ALICE);
    let flow = ua.tcp(ALICE, 1);
    let invite = ua.input(Input::Connected { token: heard.token(), flow }).only();
    assert_eq!(invite.contact().unwrap().unwrap().uri, "sip:bob@192.0.2.4:5060");
}

/// DESIGN.md §5, CANCEL: one terminal event, none of a dialog that nobody heard of.
#[test]
fn a_crossed_call_has_one_terminal_event() {
    let mut ua = Ua::new();
    let (id, invite) = ua.call_alice();
    ua.hear(answer(&invite, 100, "", ""));
    ua.cancel(id);
    let heard = ua.hear(answer(&invite, 200, "a", CONTACT));
    assert_eq!(heard.lines(), ["ACK", "BYE", "* failed 487 Request Terminated (INVITE) (made up)"]);
}

/// RFC 3261 §12.1.2, DESIGN.md §5: one dialog per To tag, though a peer garbles what it should copy.
#[test]
fn a_peer_that_drops_the_from_tag() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let from = invite.value(Name::From).unwrap();
    let bare = from.split(";tag=").next().unwrap();
    for _ in 0..3 {
        ua.hear(answer(&invite, 180, "a", CONTACT).replace(from, bare));
    }
    assert!(ua.sip.counts()[2] <= 1, "{} dialogs", ua.sip.counts()[2]);
}

/// RFC 3261 §13.2.2.4, §18: the ACK of a 200 that comes again goes somewhere that is open.
#[test]
fn a_200_that_comes_again_on_another_connection() {
    let mut ua = Ua::new();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1;transport=tcp"));
    let old = ua.tcp(ALICE, 1);
    let invite = ua.input(Input::Connected { token: heard.token(), flow: old }).only();
    let ok = answer(&invite, 200, "a", "Contact: <sip:alice@192.0.2.1;transport=tcp>\r\n");
    assert_eq!(ua.hear_on(old, ok.clone()).lines()[0], "ACK");
    ua.input(Input::Closed { flow: old });
    let new = ua.tcp("192.0.2.1:40000", 2);
    let heard = ua.hear_on(new, ok);
    assert!(heard.transmits().iter().all(|transmit| transmit.flow != old), "sent on a closed connection");
}

/// RFC 3261 §9.1, §18: a CANCEL does not go out on a connection that is closed.
#[test]
fn a_cancel_whose_connection_is_gone() {
    let mut ua = Ua::new();
    let (id, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1;transport=tcp"));
    let old = ua.tcp(ALICE, 1);
    let invite = ua.input(Input::Connected { token: heard.token(), flow: old }).only();
    ua.hear_on(old, answer(&invite, 180, "a", CONTACT));
    ua.input(Input::Closed { flow: old });
    assert_eq!(ua.cancel(id).lines(), ["connect TCP 192.0.2.1:5060"]);
}

/// RFC 3261 §17.1.1.3, §18.1.1: the ACK of a 3xx to 6xx goes where its INVITE went, on a connection that is open; so it does where the
/// INVITE goes on to another place.
#[test]
fn a_rejection_whose_connection_is_gone() {
    for code in [486, 302] {
        let mut ua = Ua::new();
        let call = Invite { redirects: Some(1), ..Invite::to("sip:alice@192.0.2.1;transport=tcp") };
        let (_, heard) = ua.invite(call);
        let old = ua.tcp(ALICE, 1);
        let invite = ua.input(Input::Connected { token: heard.token(), flow: old }).only();
        ua.input(Input::Closed { flow: old });
        let rejection = answer(&invite, code, "a", "Contact: <sip:carol@192.0.2.9>\r\n");
        let heard = ua.hear_on(ua.tcp("192.0.2.1:40000", 2), rejection);
        assert_eq!(heard.lines()[0], "connect TCP 192.0.2.1:5060", "{heard:?}");
        let again = ua.tcp(ALICE, 3);
        let heard = ua.input(Input::Connected { token: heard.token(), flow: again });
        assert_eq!((heard.lines(), heard.transmits()[0].flow), (vec!["ACK".into()], again));
        assert_eq!(heard.only().value(Name::Via), invite.value(Name::Via), "{code}");
    }
}

/// DESIGN.md §2.6, RFC 3261 §13.2.2.4: a further fork that the application has not heard of ends unheard.
#[test]
fn a_second_fork_that_nobody_heard_of() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let one = ua.hear(answer(&invite, 200, "a", CONTACT)).dialog();
    assert_eq!(ua.hear(answer(&invite, 200, "b", CONTACT)).lines(), ["ACK", "BYE"]);
    assert!(ua.sip.dialog(one).is_ok());
    assert_eq!(ua.sip.counts()[2], 1);
}

/// RFC 3261 §13.2.2.4, §15.1.2: a peer that hangs up before its 2xx came has hung up: the 2xx is acknowledged, and is no call.
#[test]
fn a_bye_that_overtakes_the_2xx() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let ringing = answer(&invite, 180, "a", CONTACT);
    ua.hear(ringing.clone());
    let heard = ua.hear(Req::back(&invite, &parse(&ringing), "BYE", 1).text());
    assert_eq!(heard.lines(), ["200 OK (BYE)", "* destroy by Remote: Bye"]);
    let heard = ua.hear(answer(&invite, 200, "a", CONTACT));
    assert_eq!(heard.lines(), ["ACK", "BYE", "* failed 487 Request Terminated (INVITE) (made up)"]);
    ua.pass_all();
}

/// RFC 3261 §13.2.2.4: another place that rings on is not concerned.
#[test]
fn a_bye_of_one_early_dialog_of_two() {
    let mut ua = Ua::new();
    let (_, invite, [one, two]) = forked(&mut ua);
    let ringing = answer(&invite, 180, "a", CONTACT);
    let heard = ua.hear(Req::back(&invite, &parse(&ringing), "BYE", 1).text());
    assert_eq!(destroyed(&heard), [(one, By::Remote, Why::Bye)]);
    let heard = ua.hear(answer(&invite, 200, "b", "Contact: <sip:carol@192.0.2.2>\r\n"));
    assert_eq!((heard.lines()[1].as_str(), heard.dialog()), ("* accepted 200 X (INVITE)", two));
}

/// RFC 3261 §13.2.2.4: a 2xx whose Contact or Record-Route leads nowhere is acknowledged, and its call ended, by the way of the INVITE; it is no call.
#[test]
fn a_2xx_that_leads_nowhere() {
    let tel = "Contact: <tel:+15551234>\r\n";
    for lines in [
        tel.to_string(),
        format!("{CONTACT}Record-Route: <tel:+15551234>\r\n"),
        format!("{CONTACT}Record-Route: <sip:192.0.2.7;lr\r\n"),
    ] {
        for is_ringing in [false, true] {
            let mut ua = Ua::new();
            let (_, invite) = ua.call_alice();
            if is_ringing {
                ua.hear(answer(&invite, 180, "a", &lines));
            }
            let early = ua.sip.counts()[2];
            let heard = ua.hear(answer(&invite, 200, "a", &lines));
            let said: Vec<_> =
                heard.lines().into_iter().filter(|line| !line.starts_with("* destroy")).collect();
            assert_eq!(said, ["ACK", "BYE", "* failed 200 X (INVITE)"], "{lines} {is_ringing}");
            assert_eq!(destroyed(&heard).len(), early, "one that was heard of ends: {lines}");
            assert!(heard.transmits().iter().all(|transmit| transmit.flow == ua.udp(ALICE)));
            let ack = heard.message("ACK");
            assert_eq!(
                (ack.request_uri(), ack.to().unwrap().tag()),
                (Some("sip:alice@192.0.2.1"), Some("a"))
            );
            assert_eq!(ua.hear(answer(&invite, 200, "a", &lines)).only(), ack);
            ua.hear(answer(&heard.message("BYE"), 200, "a", ""));
            ua.pass_all();
        }
    }
    // With an offer in it, which would wait for the application.
    let mut ua = Ua::new();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1"));
    let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}", SDP.len());
    let ok = answer(&heard.only(), 200, "a", tel).replace("Content-Length: 0\r\n\r\n", &body);
    assert_eq!(ua.hear(ok).lines(), ["ACK +body", "BYE", "* failed 200 X (INVITE) +body"]);
    ua.pass_all();
}
