//! The transport layer (RFC 3261 §18, RFC 3581): by which transport a request goes, what its Via says, from where answers are taken and
//! where they leave from, and what is over.

use crate::support::{ALICE, BOB, CONTACT, Heard, Req, SDP, Ua, address, answer, millis, secs};
use sip_proto::context::{Invite, Reply, Request};
use sip_proto::dialog::InDialog;
use sip_proto::message::{Header, Name, StatusCode};
use sip_proto::{Bound, Event, Flow, Input, Method, Output, RequestId, Transport};

/// Bob where there is UDP only.
fn without_tcp() -> Ua {
    let config = sip_proto::Config::new("sip:bob@192.0.2.4").unwrap();
    let mut ua = Ua::new();
    ua.sip = sip_proto::Endpoint::new(config, [4; 32]);
    ua.bind(Transport::Udp, BOB);
    ua
}

/// A MESSAGE to Alice whose whole is this long.
fn long_message(ua: &mut Ua, length: usize) -> (RequestId, Heard) {
    let message = |subject: usize| {
        let request = Request::new(Method::Message, "sip:alice@192.0.2.1").body("text/plain", "hello");
        request.header("Subject", "x".repeat(subject))
    };
    let mut other = without_tcp();
    other.sip.request(other.now, message(0)).unwrap();
    let rest = other.drain().only().as_bytes().len();
    let id = ua.sip.request(ua.now, message(length - rest)).unwrap();
    (id, ua.drain())
}

// ---- The size of a request (RFC 3261 §18.1.1) ----

/// RFC 3261 §18.1.1: up to 1300 bytes by UDP; above by TCP, and the Via says so.
// Holds: 3261-18.1.1-1, 3261-18.1.1-2
#[test]
fn a_long_request_goes_by_tcp() {
    let mut ua = Ua::new();
    let heard = long_message(&mut ua, 1_300).1;
    let sent = heard.only();
    assert_eq!((sent.as_bytes().len(), heard.transmits()[0].flow.transport), (1_300, Transport::Udp));
    let mut ua = Ua::new();
    let heard = long_message(&mut ua, 1_301).1;
    assert_eq!(heard.lines(), ["connect TCP 192.0.2.1:5060"]);
    let flow = ua.tcp(ALICE, 1);
    let heard = ua.input(Input::Connected { token: heard.token(), flow });
    assert_eq!(heard.transmits()[0].flow, flow);
    let sent = heard.only();
    let via = sent.top_via().unwrap();
    assert_eq!((via.transport, via.wants_rport(), sent.values(Name::Via).count()), ("TCP", false, 1));
    assert_eq!(ua.hear_on(flow, answer(&sent, 200, "a", "")).lines(), ["* accepted 200 X (MESSAGE)"]);
    ua.pass_all();
}

/// RFC 3261 §18.1.1: who refuses TCP gets it by UDP, which works as ever.
// Holds: 3261-18.1.1-4
#[test]
fn a_long_request_that_tcp_refuses_goes_by_udp() {
    let mut ua = Ua::new();
    let token = long_message(&mut ua, 2_000).1.token();
    let heard = ua.input(Input::SendFailed { token });
    assert_eq!(heard.transmits()[0].flow, ua.udp(ALICE));
    let sent = heard.only();
    let via = sent.top_via().unwrap();
    assert_eq!((via.transport, via.wants_rport(), sent.values(Name::Via).count()), ("UDP", true, 1));
    assert_eq!(ua.pass(secs(1)).times("MESSAGE +body"), [500], "Timer E runs");
    assert_eq!(ua.hear(answer(&sent, 200, "a", "")).lines(), ["* accepted 200 X (MESSAGE)"]);
    ua.pass_all();
}

/// RFC 3261 §9.1: the CANCEL goes by the transport of its INVITE, however long it is: its Via says so.
#[test]
fn a_long_cancel_goes_where_its_invite_went() {
    let mut ua = Ua::new();
    let (id, heard) = ua.invite(Invite::to(format!("sip:{}@192.0.2.1", "a".repeat(1_300))));
    let invite = ua.input(Input::SendFailed { token: heard.token() }).only();
    ua.hear(answer(&invite, 180, "a", CONTACT));
    let heard = ua.cancel(id);
    assert_eq!(heard.lines(), ["CANCEL"]);
    assert_eq!(heard.transmits()[0].flow, ua.udp(ALICE));
    assert_eq!(heard.only().value(Name::Via), invite.value(Name::Via));
}

/// RFC 3261 §12.2.1.1, §12.2.2, §18.1.1: while a long request of a dialog waits for its connection the next ones wait behind it: before it they would have it
/// refused. A BYE waits for nothing.
#[test]
fn what_follows_a_long_request_does_not_overtake_it() {
    for is_refused in [false, true] {
        let mut ua = Ua::new();
        let (_, _, dialog) = ua.placed_call();
        let other = ua.answered_call().1;
        let info = |ua: &mut Ua, dialog, length| {
            ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x".repeat(length)).unwrap();
            ua.drain()
        };
        let heard = info(&mut ua, dialog, 1_400);
        assert_eq!(heard.lines(), ["connect TCP 192.0.2.1:5060"]);
        assert_eq!(info(&mut ua, dialog, 1).lines(), [""; 0]);
        assert_eq!(info(&mut ua, other, 1).lines(), ["INFO +body"], "another dialog");
        let (token, flow) = (heard.token(), ua.tcp(ALICE, 1));
        let input = if is_refused { Input::SendFailed { token } } else { Input::Connected { token, flow } };
        let heard = ua.input(input);
        let sent: Vec<_> = heard.sent().iter().map(|sent| (sent.cseq(), sent.body().len())).collect();
        assert_eq!(sent, [(2, 1_400), (3, 1)]);
        let flow = if is_refused { ua.udp(ALICE) } else { flow };
        assert!(heard.transmits().iter().all(|transmit| transmit.flow == flow), "{heard:?}");
        let via = if is_refused { "UDP" } else { "TCP" };
        assert!(heard.sent().iter().all(|sent| sent.top_via().unwrap().transport == via), "{heard:?}");
    }
    let mut ua = Ua::new();
    let (_, _, dialog) = ua.placed_call();
    ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x".repeat(1_400)).unwrap();
    ua.drain();
    assert_eq!(ua.destroy(dialog).lines(), ["BYE"]);
}

/// RFC 3261 §12.3, §15.1.2: what waits for its way when the peer hangs up is not sent any more, and has its result.
#[test]
fn a_request_that_waits_ends_with_its_dialog() {
    let mut ua = Ua::new();
    let (invite, ok, dialog) = ua.placed_call();
    ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x".repeat(1_400)).unwrap();
    let token = ua.drain().token();
    let heard = ua.hear(Req::back(&invite, &ok, "BYE", 1).text());
    assert_eq!(heard.lines(), ["200 OK (BYE)", "* destroy by Remote: Bye"]);
    let flow = ua.tcp(ALICE, 1);
    let heard = ua.input(Input::Connected { token, flow });
    assert_eq!(heard.lines(), ["* failed 487 Request Terminated (INFO) (made up)", "* client ended"]);
    ua.pass_all();
}

/// The path may be known to take more, or anything; and without a TCP socket there is no choice.
#[test]
fn how_long_a_datagram_may_be_can_be_set() {
    for (limit, length, line) in [
        (1_300, 2_000, "connect TCP 192.0.2.1:5060"),
        (1_999, 2_000, "connect TCP 192.0.2.1:5060"),
        (2_000, 2_000, "MESSAGE +body"),
        (usize::MAX, 60_000, "MESSAGE +body"),
    ] {
        let mut ua = Ua::with(|config| config.policy.datagram = limit);
        assert_eq!(long_message(&mut ua, length).1.lines(), [line], "{limit}");
    }
    assert_eq!(long_message(&mut without_tcp(), 2_000).1.lines(), ["MESSAGE +body"]);
}

/// RFC 3261 §18.1.1: a connection that is open is used, within a call too; a cancel of what waits sends nothing.
// Holds: 3261-18.1.1-1, 3261-18.1.1-15
#[test]
fn long_requests_of_a_call_go_by_tcp() {
    let mut ua = Ua::new();
    let long = format!("{SDP}{}", "a=x:0123456789\r\n".repeat(100));
    let (id, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1").sdp(long.clone()));
    assert_eq!(heard.lines(), ["connect TCP 192.0.2.1:5060"]);
    let flow = ua.tcp(ALICE, 1);
    let invite = ua.input(Input::Connected { token: heard.token(), flow }).message("INVITE");
    let heard = ua.hear_on(flow, answer(&invite, 200, "a", CONTACT));
    assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE)"]);
    assert_eq!(heard.transmits()[0].flow.transport, Transport::Udp, "a short one, to the Contact");
    let dialog = heard.dialog();
    let changed = long.replace("o=- 1 1", "o=- 1 2").replace("4000", "4002");
    ua.sip.dialog(dialog).unwrap().modify(ua.now, sip_proto::dialog::Modify::Sdp(changed.into())).unwrap();
    let heard = ua.drain();
    assert_eq!((heard.lines(), heard.transmits()[0].flow), (vec!["INVITE +body".into()], flow));
    assert!(ua.sip.client(id).is_ok());

    let mut ua = Ua::new();
    let (id, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1").sdp(long));
    assert_eq!(ua.cancel(id).transmits().len(), 0);
    assert_eq!(ua.input(Input::SendFailed { token: heard.token() }).lines(), [""; 0]);
    assert!(ua.sip.is_empty());
}

/// RFC 3261 §18.1.1: whatever its method, a long request of a dialog goes by TCP, and its Via says so.
// Holds: 3261-18.1.1-1, 3261-18.1.1-2
#[test]
fn long_requests_of_any_method_go_by_tcp() {
    let long = || "x".repeat(1_400);
    for method in ["INVITE", "UPDATE", "INFO", "OPTIONS", "MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER", "JUMP"] {
        let mut ua = Ua::new();
        let (_, dialog) = ua.answered_call();
        let request = InDialog::new(Method::parse(method).unwrap()).header("Subject", long());
        let request = match method {
            "SUBSCRIBE" => request.header("Event", "presence").header("Expires", "60"),
            "NOTIFY" => request.header("Event", "talk").header("Subscription-State", "active"),
            "REFER" => request.header("Refer-To", "<sip:carol@192.0.2.9>"),
            _ => request,
        };
        ua.sip.dialog(dialog).unwrap().request(ua.now, request).unwrap();
        let heard = ua.drain();
        assert_eq!(heard.lines(), ["connect TCP 192.0.2.1:5060"], "{method}");
        let flow = ua.tcp(ALICE, 1);
        let sent = ua.input(Input::Connected { token: heard.token(), flow });
        assert_eq!((sent.lines(), sent.transmits()[0].flow), (vec![method.into()], flow));
        assert_eq!(sent.only().top_via().unwrap().transport, "TCP", "{method}");
    }
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().destroy_with(ua.now, vec![Header::new("Reason", long())]).unwrap();
    assert_eq!(ua.drain().lines()[0], "connect TCP 192.0.2.1:5060", "BYE");
}

/// RFC 3261 §18.1.1, §13.2.2.4: an ACK with a long answer is a request like others; by UDP where TCP is refused.
// Holds: 3261-18.1.1-1, 3261-18.1.1-4
#[test]
fn a_long_ack_goes_by_tcp() {
    for is_refused in [false, true] {
        let mut ua = Ua::new();
        let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1"));
        let invite = heard.message("INVITE");
        let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}", SDP.len());
        let ok = answer(&invite, 200, "a", CONTACT).replace("Content-Length: 0\r\n\r\n", &body);
        let dialog = ua.hear(ok.clone()).dialog();
        let long = format!("{SDP}{}", "a=x:0123456789\r\n".repeat(100));
        ua.sip.dialog(dialog).unwrap().answer(ua.now, long).unwrap();
        let heard = ua.drain();
        assert_eq!(heard.lines(), ["connect TCP 192.0.2.1:5060"]);
        assert_eq!(ua.hear(ok.clone()).lines(), [""; 0], "the ACK waits");
        let flow = ua.tcp(ALICE, 1);
        let token = heard.token();
        let heard = match is_refused {
            true => ua.input(Input::SendFailed { token }),
            false => ua.input(Input::Connected { token, flow }),
        };
        assert_eq!(heard.lines(), ["ACK +body"]);
        let expected = if is_refused { ua.udp(ALICE) } else { flow };
        assert_eq!(heard.transmits()[0].flow, expected);
        assert_eq!(heard.only().top_via().unwrap().transport, if is_refused { "UDP" } else { "TCP" });
        if !is_refused {
            assert_eq!(ua.hear(ok).transmits()[0].flow, flow, "the 2xx again");
        }
    }
}

/// RFC 3261 §18.1.1: the longest datagram that there is, 65 535 bytes with its IP and UDP headers, is read and answered.
// Holds: 3261-18.1.1-3
#[test]
fn the_longest_datagram_is_read() {
    let request = |body: usize| Req::new("MESSAGE").body("text/plain", &"x".repeat(body)).text();
    let text = request(65_507 - request(10_000).len() + 10_000);
    assert_eq!(text.len(), 65_507);
    let mut ua = Ua::new();
    let heard = ua.hear(text);
    let Output::Event(Event::Incoming { request, .. }) = &heard.0[0].1 else { panic!("{heard:?}") };
    assert!(request.body().len() > 65_000);
    let server = heard.server();
    assert_eq!(ua.accept(server, Reply::new()).unwrap().lines()[0], "200 OK (MESSAGE)");
}

// ---- Via (RFC 3261 §18.1.1, RFC 3581 §3) ----

/// RFC 3261 §18.1.1, RFC 3581 §3: sent-by is what is bound, or the name that it is advertised by; rport has no value.
// Holds: 3261-18.1.1-7, 3261-18.1.1-8, 3581-3-1
#[test]
fn a_request_says_where_it_was_sent_from() {
    for (advertised, sent_by) in [(None, BOB), (Some("sip.example.com:5090"), "sip.example.com:5090")] {
        let mut ua = Ua::new();
        let advertised = advertised.map(Into::into);
        ua.input(Input::Bound(Bound { transport: Transport::Udp, local: address(BOB), advertised }));
        let invite = ua.call_alice().1;
        let via = invite.value(Name::Via).unwrap();
        let rest = via.strip_prefix(&format!("SIP/2.0/UDP {sent_by};")).unwrap_or_else(|| panic!("{via}"));
        let params: Vec<_> = rest.split(';').collect();
        assert!(params.contains(&"rport"), "{via}");
        assert!(params.iter().any(|param| param.starts_with("branch=z9hG4bK")), "{via}");
    }
}

/// RFC 3261 §18.1.1: a multicast request has its group in its Via, and goes one hop.
// Holds: 3261-18.1.1-5, 3261-18.1.1-6
#[test]
fn a_multicast_request_has_maddr() {
    for uri in ["sip:224.0.1.75", "sip:registrar.example.com;maddr=224.0.1.75"] {
        let mut ua = Ua::new();
        ua.sip.request(ua.now, Request::new(Method::Options, uri)).unwrap();
        let heard = ua.drain();
        assert_eq!(heard.transmits()[0].flow.remote, address("224.0.1.75:5060"));
        let request = heard.only();
        let via = request.top_via().unwrap();
        assert_eq!(via.maddr().unwrap().to_string(), "224.0.1.75");
        assert!(request.value(Name::Via).unwrap().contains(";ttl=1"));
        assert!(via.rfc3261_branch().is_some());
        let ok = ua.hear_from("192.0.2.99:5060", answer(&request, 200, "a", ""));
        assert_eq!(ok.lines(), ["* accepted 200 X (OPTIONS)"], "the first answer counts");
        let other = ua.hear_from("192.0.2.98:5060", answer(&request, 200, "b", ""));
        assert_eq!(other.lines(), [""; 0], "RFC 3261 §17.1.3: others are retransmissions");
    }
    let invite = Ua::new().call_alice().1;
    assert_eq!(invite.top_via().unwrap().maddr(), None);
}

// ---- Whence answers are taken (RFC 3261 §18.1.1, RFC 3581 §3) ----

/// RFC 3261 §18.1.1: on a new connection that the peer has opened to us.
// Holds: 3261-18.1.1-10, 3261-18.1.2-2
#[test]
fn an_answer_on_another_connection_is_taken() {
    let mut ua = Ua::new();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1;transport=tcp"));
    let flow = ua.tcp(ALICE, 1);
    let invite = ua.input(Input::Connected { token: heard.token(), flow }).message("INVITE");
    ua.input(Input::Closed { flow });
    let theirs = ua.tcp("192.0.2.1:40000", 2);
    assert_eq!(ua.hear_on(theirs, answer(&invite, 180, "a", CONTACT)).lines(), ["* got 180 X (INVITE)"]);
}

/// RFC 3261 §18.1.1, RFC 3581 §3: at the socket that it went from, at the one that sent-by names, and from wherever it comes.
// Holds: 3261-18.1.1-12, 3581-3-2, 3581-3-3
#[test]
fn an_answer_at_either_port_is_taken() {
    for (local, remote) in
        [(BOB, ALICE), ("192.0.2.4:5090", ALICE), (BOB, "192.0.2.1:9"), ("192.0.2.4:5090", "192.0.2.77:7")]
    {
        let mut ua = Ua::new();
        let advertised = Some("192.0.2.4:5090".into());
        ua.input(Input::Bound(Bound { transport: Transport::Udp, local: address(BOB), advertised }));
        let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1"));
        assert_eq!(heard.transmits()[0].flow, Flow::udp(address(BOB), address(ALICE)), "the source address");
        let flow = Flow::udp(address(local), address(remote));
        let payload = answer(&heard.only(), 180, "a", CONTACT).into();
        let heard = ua.input(Input::Datagram { flow, payload });
        assert_eq!(heard.lines(), ["* got 180 X (INVITE)"], "{remote} to {local}");
    }
}

/// RFC 3261 §17.1.1.2: the ACK of a failure goes where the INVITE went, whatever Contact and Route say.
// Holds: 3261-17.1.1.2-22
#[test]
fn the_ack_of_a_failure_goes_where_its_invite_went() {
    let elsewhere = "Contact: <sip:alice@192.0.2.66>\r\nRecord-Route: <sip:192.0.2.67;lr>\r\n";
    for via in [ALICE, "192.0.2.9:5070"] {
        let mut ua = Ua::new();
        let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1"));
        let flow = heard.transmits()[0].flow;
        let heard = ua.hear_from(via, answer(&heard.only(), 486, "a", elsewhere));
        assert_eq!((heard.lines()[0].as_str(), heard.transmits()[0].flow), ("ACK", flow));
    }
    let mut ua = Ua::new();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1;transport=tcp"));
    let flow = ua.tcp(ALICE, 1);
    let invite = ua.input(Input::Connected { token: heard.token(), flow }).only();
    let heard = ua.hear_on(flow, answer(&invite, 486, "a", elsewhere));
    assert_eq!((heard.lines()[0].as_str(), heard.transmits()[0].flow), ("ACK", flow));
}

// ---- Requests (RFC 3261 §18.2, §18.3) ----

/// RFC 3261 §18.2.1: over a stream too the Via says where a request came from.
// Holds: 3261-18.2.1-4, 3261-18.2.1-5, 3261-18.2.1-6, 3581-4-1, 3581-4-2
#[test]
fn the_via_of_a_request_on_a_stream_says_where_it_came_from() {
    for (via, added) in [
        ("SIP/2.0/TCP 192.0.2.1:5060", ""),
        ("SIP/2.0/TCP 192.0.2.8:5060", ";received=192.0.2.1"),
        ("SIP/2.0/TCP pc33.example.com", ";received=192.0.2.1"),
        ("SIP/2.0/TCP 192.0.2.1:5060;rport", ";received=192.0.2.1;rport=40000"),
    ] {
        let mut ua = Ua::new();
        let flow = ua.tcp("192.0.2.1:40000", 1);
        let sent = ua.hear_on(flow, Req::new("OPTIONS").via(via).text()).only();
        let bare = via.trim_end_matches(";rport");
        let expected = format!("{bare};branch=z9hG4bK-OPTIONS{added}");
        assert_eq!(sent.value(Name::Via), Some(&*expected));
    }
}

/// RFC 3581 §4: of several sockets, from the one that the request came to.
// Holds: 3581-4-4
#[test]
fn an_answer_leaves_from_where_its_request_came_to() {
    for local in [BOB, "192.0.2.4:5070", "192.0.2.5:5060"] {
        for via in ["SIP/2.0/UDP 192.0.2.1:5060;rport", "SIP/2.0/UDP 192.0.2.1:5060"] {
            let mut ua = Ua::new();
            let flow = Flow::udp(address(local), address(ALICE));
            let payload = Req::invite().via(via).text().into();
            let server = ua.input(Input::Datagram { flow, payload }).server();
            assert_eq!(ua.progress(server, Reply::new()).unwrap().transmits()[0].flow.local, address(local));
            ua.accept(server, Reply::new()).unwrap();
            let again = ua.pass(secs(1));
            assert_eq!(again.transmits()[0].flow.local, address(local), "retransmissions too");
        }
    }
}

/// RFC 3261 §18.3: what was cut off is an error; of a response nobody is told.
// Holds: 3261-18.3-2
#[test]
fn a_response_cut_off_within_its_body_is_dropped() {
    let mut ua = Ua::new();
    let invite = ua.call_alice().1;
    let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}", SDP.len());
    let ok = answer(&invite, 200, "a", CONTACT).replace("Content-Length: 0\r\n\r\n", &body);
    for cut in [1, SDP.len()] {
        assert_eq!(ua.hear(ok[..ok.len() - cut].to_string()).lines(), [""; 0]);
    }
    assert_eq!(ua.sip.counters().broken_dropped, 2);
    assert_eq!(ua.hear(ok).lines(), ["ACK", "* accepted 200 X (INVITE) +body"]);
}

/// RFC 3261 §18.3: everything that goes over a stream has its length in it: INVITE, CANCEL, both ACKs, BYE, answers with and without state.
// Holds: 3261-18.3-4
#[test]
fn what_goes_over_a_stream_has_its_length() {
    let mut ua = Ua::new();
    let flow = ua.tcp(ALICE, 1);
    let contact = "Contact: <sip:alice@192.0.2.1;transport=tcp>\r\n";
    let uri = "sip:alice@192.0.2.1;transport=tcp";
    let mut sent = Vec::new();
    let (_, heard) = ua.invite(Invite::to(uri).sdp(SDP));
    let invite = ua.input(Input::Connected { token: heard.token(), flow }).only();
    let heard = ua.hear_on(flow, answer(&invite, 200, "a", contact));
    let dialog = heard.dialog();
    sent.extend(heard.sent());
    sent.extend(ua.destroy(dialog).sent());
    let (id, heard) = ua.invite(Invite::to(uri));
    let second = heard.only();
    ua.hear_on(flow, answer(&second, 180, "b", contact));
    sent.extend(ua.cancel(id).sent());
    sent.extend(ua.hear_on(flow, answer(&second, 487, "b", "")).sent());
    sent.extend([invite, second]);
    for request in [Req::new("OPTIONS"), Req::new("REGISTER"), Req::new("OPTIONS").line("Max-Forwards: x")] {
        let request = request.via("SIP/2.0/TCP 192.0.2.1").branch(&format!("z9hG4bK-{}", sent.len()));
        sent.extend(ua.hear_on(flow, request.text()).sent());
    }
    let methods: Vec<_> = sent.iter().map(|message| message.method().as_str()).collect();
    let expected = ["ACK", "BYE", "CANCEL", "ACK", "INVITE", "INVITE", "OPTIONS", "REGISTER", "OPTIONS"];
    assert_eq!(methods, expected);
    for message in sent {
        assert_eq!(message.content_length(), Ok(Some(message.body().len() as u32)), "{message:?}");
        assert_eq!(message.values(Name::ContentLength).count(), 1);
    }
}

// ---- What answers at once, and what is over (RFC 3261 §17) ----

/// RFC 3261 §17.1: what the endpoint answers by itself it answers at once.
// Holds: 3261-17.1-1
#[test]
fn what_is_answered_alone_is_answered_at_once() {
    for method in ["OPTIONS", "INFO", "MESSAGE", "BYE"] {
        let mut ua = Ua::new();
        let (ok, _) = ua.answered_call();
        let heard = ua.hear(Req::within(&ok, method, 2).text());
        assert_eq!(heard.lines()[0], format!("200 OK ({method})"));
    }
    let mut ua = Ua::new();
    ua.called();
    assert_eq!(ua.hear(Req::invite().follow("CANCEL").text()).lines()[0], "200 OK (CANCEL)");
    for (method, status) in [("OPTIONS", 200), ("REGISTER", 405), ("JUMP", 501), ("BYE", 481)] {
        let answer = Ua::new().hear(Req::new(method).text()).only();
        assert_eq!(answer.status(), StatusCode::new(status));
    }
}

/// RFC 3261 §17.1.1.2, §17.1.2.2, RFC 6026 §7.2: at the very instant, however a client ends; over a stream nothing is waited for that would come again.
// Holds: 3261-17.1.1.2-29, 3261-17.1.2.2-18, 6026-7.2-5
#[test]
fn a_client_that_is_over_is_gone() {
    for (method, code, over_udp, over_tcp) in [
        (Method::Invite, None, 32_000, 32_000),
        (Method::Invite, Some(486), 32_000, 0),
        (Method::Invite, Some(200), 32_000, 32_000),
        (Method::Message, None, 32_000, 32_000),
        (Method::Message, Some(200), 5_000, 0),
        (Method::Message, Some(404), 5_000, 0),
    ] {
        for (is_stream, after) in [(false, over_udp), (true, over_tcp)] {
            let mut ua = Ua::new();
            let flow = if is_stream { ua.tcp(ALICE, 1) } else { Flow::udp(address(BOB), address(ALICE)) };
            let uri = if is_stream { "sip:alice@192.0.2.1;transport=tcp" } else { "sip:alice@192.0.2.1" };
            ua.sip.request(ua.now, Request::new(method.clone(), uri)).unwrap();
            let mut heard = ua.drain();
            if is_stream {
                heard = ua.input(Input::Connected { token: heard.token(), flow });
            }
            let request = heard.only();
            if let Some(code) = code {
                ua.hear_on(flow, answer(&request, code, "a", CONTACT));
            }
            if after > 0 {
                ua.pass(millis(after - 1));
                assert_eq!(ua.sip.counts()[1], 1, "{method} {code:?}");
            }
            let last = ua.pass(millis(after.min(1))).lines();
            assert_eq!(last.last().unwrap(), "* client ended", "{method} {code:?}");
            assert_eq!(ua.sip.counts()[1], 0, "{method} {code:?}");
            let late = ua.hear_on(flow, answer(&request, 200, "b", CONTACT));
            let seen = (late.lines().len(), ua.sip.counters().stray_responses);
            assert_eq!(seen, (0, 1), "{method} {code:?}");
        }
    }
}

/// RFC 3261 §17.2.1, §17.2.2, RFC 6026 §7.1: at the very instant, however a server ends; what comes then is a new request.
// Holds: 3261-17.2.1-16, 3261-17.2.2-11, 6026-7.1-6
#[test]
fn a_server_that_is_over_is_gone() {
    for (method, code, is_acked, over_udp, over_tcp) in [
        ("INVITE", 486, false, 32_000, 32_000),
        ("INVITE", 486, true, 5_000, 0),
        ("INVITE", 200, true, 32_000, 32_000),
        ("MESSAGE", 200, false, 32_000, 0),
        ("MESSAGE", 404, false, 32_000, 0),
    ] {
        for (is_stream, after) in [(false, over_udp), (true, over_tcp)] {
            let mut ua = Ua::new();
            let flow = if is_stream { ua.tcp(ALICE, 1) } else { Flow::udp(address(BOB), address(ALICE)) };
            let request = if method == "INVITE" { Req::invite() } else { Req::new(method) };
            let request =
                request.via(if is_stream { "SIP/2.0/TCP 192.0.2.1" } else { "SIP/2.0/UDP 192.0.2.1" });
            let server = ua.hear_on(flow, request.text()).server();
            let sent = ua.reply(server, Reply::code(code)).unwrap().sent().remove(0);
            if is_acked {
                let ack = request.follow("ACK").to(sent.value(Name::To).unwrap());
                ua.hear_on(flow, if code == 200 { ack.branch("z9hG4bK-2xx").text() } else { ack.text() });
            }
            if after > 0 {
                ua.pass(millis(after - 1));
                assert_eq!(ua.sip.counts()[0], 1, "{method} {code} {is_stream}");
            }
            ua.pass(millis(after.min(1)));
            assert_eq!(ua.sip.counts()[0], 0, "{method} {code} {is_stream}");
            assert!(ua.sip.server(server).is_err());
        }
    }
}

/// RFC 3261 §18.1.1: one connection serves all requests to an address. Those that come while it is being opened wait for it, and take no
/// room of their own.
#[test]
fn what_waits_for_a_connection_takes_no_other() {
    let mut ua = Ua::with(|config| config.limits.flows = 1);
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1;transport=tcp").sdp(SDP));
    assert_eq!(heard.lines(), ["connect TCP 192.0.2.1:5060"]);
    let token = heard.token();
    let (_, heard) = ua.invite(Invite::to("sip:carol@192.0.2.1;transport=tcp").sdp(SDP));
    assert_eq!(heard.lines(), [""; 0]);
    let flow = ua.tcp(ALICE, 1);
    assert_eq!(ua.input(Input::Connected { token, flow }).lines(), ["INVITE +body", "INVITE +body"]);
}

/// RFC 3261 §18.1.1: a connection that opens after it was given up serves the next request, or is closed where there is no room for it.
#[test]
fn a_connection_that_opens_late_is_used() {
    for has_room in [true, false] {
        let mut ua = Ua::with(|config| config.limits.flows = 1);
        let to_alice = || Invite::to("sip:alice@192.0.2.1;transport=tcp").sdp(SDP);
        let token = ua.invite(to_alice()).1.token();
        ua.pass(secs(33));
        let (flow, other) = (ua.tcp(ALICE, 1), ua.tcp("192.0.2.9:40000", 2));
        if has_room {
            assert_eq!(ua.input(Input::Connected { token, flow }).lines(), [""; 0]);
            assert_eq!(ua.invite(to_alice()).1.transmits()[0].flow, flow);
        } else {
            ua.hear_on(other, "\r\n");
            assert_eq!(ua.input(Input::Connected { token, flow }).lines(), ["close"]);
        }
    }
}

/// RFC 7118 §B.1: a browser's Contact names nobody; requests within the dialog go by the connection that it has, the newest one after it has lost one.
#[test]
fn a_browser_is_reached_by_its_connection() {
    const NOBODY: &str = "Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>";
    let socket = |conn| Flow {
        transport: Transport::Ws,
        local: address("192.0.2.4:80"),
        remote: address(&format!("192.0.2.1:{}", 40_000 + conn)),
        conn,
    };
    let via = "SIP/2.0/WS df7jal23ls0d.invalid";
    let call = || {
        let mut ua = Ua::new();
        ua.bind(Transport::Ws, "192.0.2.4:80");
        let invite = Req::new("INVITE").via(via).line(NOBODY).body("application/sdp", SDP).text();
        let server = ua.input(Input::Message { flow: socket(1), payload: invite.into() }).server();
        let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
        let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
        let ack = Req::within(&ok, "ACK", 1).via(via).text();
        assert_eq!(
            ua.input(Input::Message { flow: socket(1), payload: ack.into() }).lines(),
            ["* confirmed"]
        );
        (ua, ok, dialog)
    };
    let bye = |mut ua: Ua, dialog| {
        let heard = ua.destroy(dialog);
        assert_eq!(heard.sent().first().map(|bye| bye.method().clone()), Some(Method::Bye), "{heard:?}");
        heard.transmits()[0].flow
    };
    let (ua, _, dialog) = call();
    assert_eq!(bye(ua, dialog), socket(1));
    // It comes back.
    let (mut ua, ok, dialog) = call();
    ua.input(Input::Closed { flow: socket(1) });
    let again = Req::within(&ok, "OPTIONS", 2).via(via).text();
    ua.input(Input::Message { flow: socket(2), payload: again.into() });
    assert_eq!(bye(ua, dialog), socket(2));
    // While it has none it cannot be reached.
    let (mut ua, _, dialog) = call();
    ua.input(Input::Closed { flow: socket(1) });
    assert_eq!(ua.destroy(dialog).lines().first().map(String::as_str), Some("resolve df7jal23ls0d.invalid"));
}

/// A browser's connection, the `conn`th.
fn browser(conn: u32) -> Flow {
    let [local, remote] = ["192.0.2.4:80", &format!("192.0.2.1:{}", 40_000 + conn)].map(address);
    Flow { transport: Transport::Ws, local, remote, conn }
}

/// RFC 7118 §B.1: a browser that is called by its connection answers with a Contact that names nobody: ACK and BYE go by that connection.
#[test]
fn a_browser_is_called_by_its_connection() {
    let mut ua = Ua::new();
    ua.bind(Transport::Ws, "192.0.2.4:80");
    ua.input(Input::Message { flow: browser(1), payload: "\r\n\r\n".into() });
    let way = "<sip:192.0.2.1:40001;transport=ws;lr>";
    let (_, heard) = ua.invite(Invite::to("sip:alice@df7jal23ls0d.invalid;transport=ws").route(way).sdp(SDP));
    let nobody = "Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>\r\n";
    for (code, line) in [(180, "* got 180 X (INVITE)"), (200, "ACK")] {
        let payload = answer(&heard.only(), code, "a", nobody).into();
        let heard = ua.input(Input::Message { flow: browser(1), payload });
        assert_eq!(heard.lines()[0], line);
        if code == 200 {
            assert_eq!(heard.transmits()[0].flow, browser(1));
            let bye = ua.destroy(heard.dialog());
            assert_eq!((bye.lines(), bye.transmits()[0].flow), (vec!["BYE".into()], browser(1)));
        }
    }
}

/// RFC 7118 §B.1, RFC 3261 §12.2.2: one that takes another name, in its re-INVITE or in the answer to ours, is reached as before; so it is after it came
/// back with it.
#[test]
fn a_browser_with_another_name() {
    const NOBODY: &str = "Contact: <sip:alice@one.invalid;transport=ws>";
    const ANOTHER: &str = "Contact: <sip:alice@two.invalid;transport=ws>";
    let via = "SIP/2.0/WS one.invalid";
    for case in 0..3 {
        let mut ua = Ua::new();
        ua.bind(Transport::Ws, "192.0.2.4:80");
        let hear = |ua: &mut Ua, conn, text: String| {
            ua.input(Input::Message { flow: browser(conn), payload: text.into() })
        };
        let invite = Req::new("INVITE").via(via).line(NOBODY).body("application/sdp", SDP);
        let server = hear(&mut ua, 1, invite.text()).server();
        let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
        let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
        hear(&mut ua, 1, Req::within(&ok, "ACK", 1).via(via).text());
        let conn = if case == 2 { 2 } else { 1 };
        if case == 0 {
            ua.sip.dialog(dialog).unwrap().modify(ua.now, sip_proto::dialog::Modify::Hold).unwrap();
            let invite = ua.drain().only();
            assert_eq!(
                hear(&mut ua, 1, answer(&invite, 200, "", &format!("{ANOTHER}\r\n"))).lines()[0],
                "ACK"
            );
        } else {
            let again = Req::within(&ok, "INVITE", 2).via(via).line(ANOTHER).body("application/sdp", SDP);
            assert_eq!(hear(&mut ua, conn, again.text()).lines()[0], "200 OK (INVITE) +body");
            hear(&mut ua, conn, Req::within(&ok, "ACK", 2).via(via).text());
        }
        let bye = ua.destroy(dialog);
        assert_eq!(bye.lines(), ["BYE"], "{case}");
        assert_eq!(
            (bye.only().request_uri(), bye.transmits()[0].flow),
            (Some("sip:alice@two.invalid;transport=ws"), browser(conn))
        );
    }
}

// ---- Two connections between the same addresses (RFC 3261 §18.2.2) ----

/// RFC 3261 §18.2.2, §18.1.1: a connection is not hidden by another one to the same address: what came by it is answered by it, and when the other one
/// closes it is found again.
#[test]
fn a_second_connection_to_the_same_address() {
    let mut ua = Ua::new();
    let (first, second) = (ua.tcp(ALICE, 1), ua.tcp(ALICE, 2));
    let via = |request: Req| request.via("SIP/2.0/TCP 192.0.2.1:5060");
    let contact = "Contact: <sip:alice@192.0.2.1;transport=tcp>";
    let invite = via(Req::new("INVITE").line(contact)).body("application/sdp", SDP);
    let server = ua.hear_on(first, invite.text()).server();
    let options = |branch: &str| via(Req::new("OPTIONS").call_id(branch).branch(branch)).text();
    assert_eq!(ua.hear_on(second, options("z9hG4bK-1")).transmits()[0].flow, second);
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    assert_eq!(heard.transmits()[0].flow, first, "§18.2.2");
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    ua.hear_on(second, via(Req::within(&ok, "ACK", 1)).text());
    ua.input(Input::Closed { flow: second });
    let next = |ua: &mut Ua| {
        ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
        ua.drain()
    };
    let heard = next(&mut ua);
    assert_eq!(heard.lines(), ["INFO +body"]);
    assert_eq!(heard.transmits()[0].flow, first, "no third one is asked for");
    ua.hear_on(first, answer(&heard.only(), 200, "", ""));
    // Of two that are open, the one that was heard of last; of none, none.
    let third = ua.tcp(ALICE, 3);
    for (flow, branch) in [(third, "z9hG4bK-2"), (first, "z9hG4bK-3"), (third, "z9hG4bK-4")] {
        ua.hear_on(flow, options(branch));
    }
    ua.input(Input::Closed { flow: first });
    let message = Request::new(Method::Message, "sip:alice@192.0.2.1;transport=tcp");
    ua.sip.request(ua.now, message.clone()).unwrap();
    assert_eq!(ua.drain().transmits()[0].flow, third);
    ua.input(Input::Closed { flow: third });
    ua.sip.request(ua.now, message).unwrap();
    assert_eq!(ua.drain().lines(), ["connect TCP 192.0.2.1:5060"]);
}
