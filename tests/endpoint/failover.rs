//! The other addresses of a name: a request that one of them fails goes to the next (RFC 3263 §4.3).

use crate::support::{CONTACT, Heard, Req, SDP, Ua, address, answer, question, results, secs};
use sip_proto::context::{Invite, Reply, Request};
use sip_proto::dialog::Modify;
use sip_proto::message::Name;
use sip_proto::{DialogId, Flow, Input, Message, Method, Output, RequestId, Transport};

const FIRST: &str = "192.0.2.11:5060";
const SECOND: &str = "192.0.2.12:5060";
const THIRD: &str = "192.0.2.13:5060";

/// The answer to the question that was put.
fn found(ua: &mut Ua, heard: &Heard, targets: &[(Transport, &str)]) -> Heard {
    let targets = targets.iter().map(|(transport, at)| (*transport, address(at))).collect();
    ua.input(Input::Resolved { query: question(heard).query, targets })
}

/// An INVITE to a name with these addresses, and the first one sent.
fn call(ua: &mut Ua, targets: &[(Transport, &str)]) -> (RequestId, Heard) {
    let (id, heard) = ua.invite(Invite::to("sip:alice@example.com").sdp(SDP));
    (id, found(ua, &heard, targets))
}

/// A MESSAGE, likewise.
fn message(ua: &mut Ua, targets: &[(Transport, &str)]) -> (RequestId, Heard) {
    let request = Request::new(Method::Message, "sip:alice@example.com");
    let id = ua.sip.request(ua.now, request).unwrap();
    let heard = ua.drain();
    (id, found(ua, &heard, targets))
}

/// That this is the same request once more, as another transaction.
fn assert_again(first: &Message, next: &Message, via: &str) {
    assert_ne!(next.branch(), first.branch());
    assert!(next.value(Name::Via).unwrap().starts_with(via), "{:?}", next.value(Name::Via));
    let rest = |message: &Message| {
        let lines: Vec<_> =
            message.lines().filter(|(name, _)| *name != "Via" && *name != "Contact").collect();
        format!("{:?} {lines:?} {:?}", message.request_uri(), message.body())
    };
    assert_eq!(rest(next), rest(first));
}

fn remote(heard: &Heard, line: &str) -> String {
    let sent = heard.transmits().into_iter().rfind(|sent| sent.payload.starts_with(line.as_bytes()));
    sent.unwrap_or_else(|| panic!("no {line} in {heard:?}")).flow.remote.to_string()
}

const UDP: Transport = Transport::Udp;

/// RFC 3263 §4.3: what leaves the request without any answer, cannot be connected to, or answers 503 has failed it; the next one gets it, in a
/// transaction of its own. The application hears of one result.
#[test]
fn the_next_address_is_tried() {
    for starts in [call, message] {
        let mut ua = Ua::new();
        let (id, heard) =
            starts(&mut ua, &[(UDP, FIRST), (Transport::Tcp, SECOND), (UDP, THIRD), (UDP, FIRST)]);
        let (first, method) = (heard.sent().remove(0), heard.lines().remove(0));
        let name = first.method().as_str();
        assert_eq!(remote(&heard, name), FIRST);
        // Timer B, Timer F.
        let heard = ua.pass(secs(32));
        assert_eq!(heard.lines().last().unwrap(), "connect TCP 192.0.2.12:5060", "{heard:?}");
        assert_eq!(results(&heard, id), [0; 0]);
        let heard = ua.input(Input::SendFailed { token: last_connect(&heard) });
        assert_eq!((heard.lines(), remote(&heard, name)), (vec![method.clone()], THIRD.into()));
        let third = heard.sent().remove(0);
        assert_again(&first, &third, "SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK");
        // Nobody hears what the first one says so late.
        assert_eq!(ua.hear_from(FIRST, answer(&first, 486, "x", "")).lines(), [""; 0]);
        let heard = ua.hear_from(THIRD, answer(&third, 503, "x", "Retry-After: 9\r\n"));
        let is_invite = first.method() == &Method::Invite;
        let expected = if is_invite { vec!["ACK".into(), method] } else { vec![method] };
        assert_eq!((heard.lines(), remote(&heard, name)), (expected, FIRST.into()));
        let fourth = heard.sent().pop().unwrap();
        assert_again(&first, &fourth, "SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK");
        // There is no other.
        let heard = ua.hear_from(FIRST, answer(&fourth, 503, "x", ""));
        assert_eq!(results(&heard, id), [503]);
        ua.pass_all();
    }
}

fn last_connect(heard: &Heard) -> sip_proto::endpoint::Token {
    let Some((_, Output::Connect(connect))) = heard.0.last() else { panic!("{heard:?}") };
    connect.token
}

/// RFC 3263 §4.3: the call is with the address that took it: what follows in its dialog goes there.
#[test]
fn the_call_is_with_the_address_that_took_it() {
    let mut ua = Ua::new();
    let (_, heard) = call(&mut ua, &[(UDP, FIRST), (UDP, SECOND)]);
    let first = heard.sent().remove(0);
    let heard = ua.hear_from(FIRST, answer(&first, 503, "x", ""));
    assert_eq!(
        (heard.lines(), remote(&heard, "ACK")),
        (vec!["ACK".into(), "INVITE +body".into()], FIRST.into())
    );
    let second = heard.sent().pop().unwrap();
    let route = "Record-Route: <sip:example.com;lr>\r\n";
    let ok = answer(&second, 200, "a", &format!("{CONTACT}{route}"));
    let heard = ua.hear_from(SECOND, ok);
    assert_eq!(
        (heard.lines(), remote(&heard, "ACK")),
        (vec!["ACK".into(), "* accepted 200 X (INVITE)".into()], SECOND.into())
    );
    let heard = ua.destroy(heard.dialog());
    assert_eq!(remote(&heard, "BYE"), SECOND);
    ua.hear_from(SECOND, answer(&heard.message("BYE"), 200, "", ""));
    ua.pass_all();
}

/// RFC 3263 §4.3: any other answer is the result, and so is silence after a provisional one.
#[test]
fn what_a_server_has_taken_stays_with_it() {
    for code in [404, 408, 486, 500, 600] {
        let mut ua = Ua::new();
        let (id, heard) = call(&mut ua, &[(UDP, FIRST), (UDP, SECOND)]);
        let heard = ua.hear_from(FIRST, answer(&heard.only(), code, "x", ""));
        assert_eq!((heard.sent().len(), results(&heard, id)), (1, vec![code]));
        ua.pass_all();
    }
    let mut ua = Ua::new();
    let (id, heard) = message(&mut ua, &[(UDP, FIRST), (UDP, SECOND)]);
    let request = heard.only();
    ua.hear_from(FIRST, answer(&request, 100, "", ""));
    let heard = ua.pass(secs(40));
    assert!(heard.transmits().iter().all(|sent| sent.flow.remote == address(FIRST)), "{heard:?}");
    assert_eq!(results(&heard, id), [408]);
    ua.pass_all();
}

/// RFC 3263 §4.3, RFC 3261 §12.3: a 503 after a 180 ends the early dialog; the next address may make another.
#[test]
fn early_dialogs_end_with_their_address() {
    let mut ua = Ua::new();
    let (id, heard) = call(&mut ua, &[(UDP, FIRST), (UDP, SECOND)]);
    let first = heard.only();
    ua.hear_from(FIRST, answer(&first, 180, "a", CONTACT));
    let heard = ua.hear_from(FIRST, answer(&first, 503, "a", ""));
    assert_eq!(heard.lines(), ["ACK", "* destroy by Remote: Failed(503)", "INVITE +body"]);
    let second = heard.message("INVITE");
    let heard = ua.hear_from(SECOND, answer(&second, 180, "b", CONTACT));
    assert_eq!(heard.lines(), ["* got 180 X (INVITE)"]);
    let heard = ua.hear_from(SECOND, answer(&second, 486, "b", ""));
    assert_eq!(results(&heard, id), [486]);
    ua.pass_all();
}

/// RFC 3261 §9.1: what is taken back goes nowhere else.
#[test]
fn a_cancelled_call_is_not_tried_elsewhere() {
    for is_heard in [false, true] {
        let mut ua = Ua::new();
        let (id, heard) = call(&mut ua, &[(UDP, FIRST), (UDP, SECOND)]);
        let first = heard.only();
        if is_heard {
            ua.hear_from(FIRST, answer(&first, 180, "a", CONTACT));
        }
        ua.cancel(id);
        let heard = match is_heard {
            true => ua.hear_from(FIRST, answer(&first, 503, "a", "")),
            false => ua.pass(secs(40)),
        };
        assert_eq!(results(&heard, id).len(), 1, "{heard:?}");
        assert!(heard.transmits().iter().all(|sent| sent.flow.remote == address(FIRST)), "{heard:?}");
        ua.pass_all();
    }
}

/// A call from Alice, whose Contact is a name: our 200, and the dialog.
fn answered() -> (Ua, Message, DialogId) {
    let mut ua = Ua::new();
    let invite = Req::new("INVITE").line("Contact: <sip:alice@example.com>");
    let server = ua.hear(invite.body("application/sdp", SDP).text()).server();
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    ua.hear(Req::within(&ok, "ACK", 1).text());
    (ua, ok, dialog)
}

/// RFC 3263 §4.3 for a request within a dialog: the peer's Contact is a name.
#[test]
fn within_a_dialog() {
    let (mut ua, _, dialog) = answered();
    let asked = ua.destroy(dialog);
    let heard = found(&mut ua, &asked, &[(UDP, FIRST), (UDP, SECOND)]);
    let bye = heard.only();
    let heard = ua.pass(secs(32));
    let again = heard.sent().pop().unwrap();
    assert_eq!(remote(&heard, "BYE"), SECOND);
    assert_again(&bye, &again, "SIP/2.0/UDP");
    let heard = ua.hear_from(SECOND, answer(&again, 200, "", ""));
    assert_eq!(heard.lines(), ["* destroy by Local: Bye"]);
    ua.pass_all();
}

/// RFC 3263 §4.3, RFC 3261 §12.2: a change that is tried again goes to where the peer is by then, which has no other address.
#[test]
fn another_try_has_the_addresses_of_its_target() {
    let (mut ua, ok, dialog) = answered();
    let change = ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
    let asked = ua.drain();
    let heard = found(&mut ua, &asked, &[(UDP, FIRST), (UDP, SECOND)]);
    ua.hear_from(FIRST, answer(&heard.only(), 491, "", ""));
    let moved = Req::within(&ok, "UPDATE", 2).line("Contact: <sip:alice@192.0.2.13>");
    ua.hear(moved.text());
    let heard = ua.pass(secs(5));
    let again = heard.message("INVITE");
    assert_eq!(remote(&heard, "INVITE"), THIRD);
    let heard = ua.hear_from(THIRD, answer(&again, 503, "", ""));
    assert_eq!(results(&heard, change), [503]);
    assert_eq!(heard.sent().len(), 1, "{heard:?}");
}

/// RFC 6665 §4.1.2.4: a NOTIFY makes the subscription, whatever becomes of the answer to its SUBSCRIBE: no other server is asked for another one.
#[test]
fn a_subscription_that_was_made_stays_where_it_is() {
    for code in [None, Some(503)] {
        let outcome = |targets: &[(Transport, &str)]| {
            let mut ua = Ua::new();
            let request = Request::new(Method::Subscribe, "sip:alice@example.com")
                .header("Event", "presence")
                .header("Expires", "600");
            ua.sip.request(ua.now, request).unwrap();
            let asked = ua.drain();
            let subscribe = found(&mut ua, &asked, targets).only();
            let notify = Req {
                from: "<sip:alice@example.com>;tag=n".into(),
                to: subscribe.value(Name::From).unwrap().into(),
                call_id: subscribe.call_id().into(),
                uri: "sip:bob@192.0.2.4:5060".into(),
                ..Req::new("NOTIFY")
            };
            let notify = notify.line(CONTACT.trim_end()).line("Event: presence");
            let mut heard = ua.hear(notify.line("Subscription-State: active;expires=600").text());
            assert_eq!(heard.lines()[0], "200 OK (NOTIFY)", "{heard:?}");
            if let Some(code) = code {
                heard.0.extend(ua.hear_from(FIRST, answer(&subscribe, code, "n", "")).0);
            }
            heard.0.extend(ua.pass(secs(60)).0);
            heard.lines()
        };
        assert_eq!(outcome(&[(UDP, FIRST), (UDP, SECOND)]), outcome(&[(UDP, FIRST)]), "{code:?}");
    }
}

/// So many addresses of a name are tried, however many there are.
#[test]
fn sixteen_are_tried() {
    let mut ua = Ua::new();
    let many = vec![(Transport::Tcp, FIRST); 400];
    let (id, mut heard) = message(&mut ua, &many);
    let mut tried = 0;
    while heard.lines() == ["connect TCP 192.0.2.11:5060"] {
        tried += 1;
        heard = ua.input(Input::SendFailed { token: heard.token() });
    }
    assert_eq!((tried, results(&heard, id)), (16, vec![503]));
    // A SIPS URI takes only those that are secure.
    let id = ua.sip.request(ua.now, Request::new(Method::Message, "sips:alice@example.com")).unwrap();
    let heard = ua.drain();
    let targets = [(Transport::Tls, FIRST), (UDP, SECOND), (Transport::Tls, THIRD)];
    let heard = found(&mut ua, &heard, &targets);
    assert_eq!(heard.lines(), ["connect TLS 192.0.2.11:5060"]);
    let heard = ua.input(Input::SendFailed { token: heard.token() });
    assert_eq!(heard.lines(), ["connect TLS 192.0.2.13:5060"]);
    let heard = ua.input(Input::SendFailed { token: heard.token() });
    assert_eq!(results(&heard, id), [503]);
    ua.pass_all();
}

/// What was asked to be opened: to which address, for which domain.
fn connects(heard: &Heard) -> Vec<(String, Option<String>)> {
    let of = |output: &Output<u32>| match output {
        Output::Connect(connect) => {
            Some((connect.remote.to_string(), connect.name.as_deref().map(String::from)))
        }
        _ => None,
    };
    heard.0.iter().filter_map(|(_, output)| of(output)).collect()
}

/// RFC 5922 §7.3: over TLS the domain that was looked up is what the certificate has to be for. Who has shown that for one domain has not for another
/// that is at the same address; a URI that has the address itself goes to whoever is there.
#[test]
fn a_connection_over_tls_is_for_a_domain() {
    let mut ua = Ua::new();
    let tls = |conn| Flow { transport: Transport::Tls, ..Ua::new().tcp(FIRST, conn) };
    let send = |ua: &mut Ua, uri: &str| {
        ua.sip.request(ua.now, Request::new(Method::Message, uri.to_string())).unwrap();
        let heard = ua.drain();
        match uri.contains("192.") {
            true => heard,
            false => found(ua, &heard, &[(Transport::Tls, FIRST), (Transport::Tls, SECOND)]),
        }
    };
    let here = |name: &str| vec![(FIRST.to_string(), Some(name.to_string()))];
    let heard = send(&mut ua, "sips:alice@Example.com");
    assert_eq!(connects(&heard), here("example.com"));
    let again = send(&mut ua, "sips:alice@EXAMPLE.COM");
    assert_eq!(again.lines(), [""; 0], "it waits for the same");
    let other = send(&mut ua, "sips:alice@example.net");
    assert_eq!(connects(&other), here("example.net"));
    let opened = ua.input(Input::Connected { token: heard.token(), flow: tls(1) });
    assert_eq!(opened.lines(), ["MESSAGE"; 2]);
    assert!(opened.transmits().iter().all(|sent| sent.flow == tls(1)));
    // What is heard of a connection makes it none of another domain.
    ua.hear_on(tls(1), "\r\n\r\n");
    let opened = ua.input(Input::Connected { token: other.token(), flow: tls(2) });
    assert_eq!(opened.transmits().iter().map(|sent| sent.flow).collect::<Vec<_>>(), [tls(2)]);
    let uris =
        [("sips:alice@example.com", 1), ("sips:alice@example.net", 2), ("sips:alice@192.0.2.11:5060", 2)];
    for (uri, conn) in uris {
        let heard = send(&mut ua, uri);
        let ways: Vec<_> = heard.transmits().iter().map(|sent| sent.flow).collect();
        assert_eq!(ways, [tls(conn)], "{uri}");
    }
    // The next address of a name is that name's too.
    ua.input(Input::Closed { flow: tls(1) });
    let heard = send(&mut ua, "sips:alice@example.com");
    assert_eq!(connects(&heard), here("example.com"));
    let heard = ua.input(Input::SendFailed { token: heard.token() });
    assert_eq!(connects(&heard), [(SECOND.to_string(), Some("example.com".into()))]);
    // Over TCP connections are shared.
    for uri in ["sip:alice@example.com", "sip:alice@example.net"] {
        let id = ua.sip.request(ua.now, Request::new(Method::Message, uri)).unwrap();
        let heard = ua.drain();
        let heard = found(&mut ua, &heard, &[(Transport::Tcp, THIRD)]);
        let expected = if uri.ends_with("com") { vec![(THIRD.to_string(), None)] } else { vec![] };
        assert_eq!(connects(&heard), expected, "{id:?}");
    }
}

/// RFC 5922 §7.3: what goes where an INVITE went, whose connection is gone, is for the domain that the INVITE was for: ACK and CANCEL.
#[test]
fn what_follows_an_invite_is_for_its_domain() {
    for is_cancelled in [false, true] {
        let mut ua = Ua::new();
        let tls = |conn| Flow { transport: Transport::Tls, ..Ua::new().tcp(FIRST, conn) };
        let (id, heard) = ua.invite(Invite::to("sips:alice@example.com").sdp(SDP));
        let heard = found(&mut ua, &heard, &[(Transport::Tls, FIRST)]);
        let invite = ua.input(Input::Connected { token: heard.token(), flow: tls(1) }).only();
        ua.hear_on(tls(1), answer(&invite, 180, "a", ""));
        ua.input(Input::Closed { flow: tls(1) });
        let heard = match is_cancelled {
            true => ua.cancel(id),
            // §18.2.2: the server has opened another one.
            false => ua.hear_on(tls(7), answer(&invite, 486, "a", "")),
        };
        let expected = vec![(FIRST.to_string(), Some("example.com".to_string()))];
        assert_eq!(connects(&heard), expected, "{heard:?}");
    }
}
