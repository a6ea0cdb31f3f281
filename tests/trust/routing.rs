//! Where answers go: to where the request came from, whatever its Via claims, but for the two exceptions that RFC 3261 §18.2.2 makes
//! for UDP: the port in sent-by, and `maddr`, which a policy can ignore (RFC 3581 §4 takes the port back).

use core::net::SocketAddr;

use sip_proto::context::Reply;
use sip_proto::endpoint::Connect;
use sip_proto::{Flow, Input, Output, Transport};

use crate::support::{BOB, Heard, Req, Ua, address, millis, secs};

/// Where the requests come from.
const SOURCE: &str = "192.0.2.1:40000";
/// Whom their Vias point at.
const VICTIM: &str = "203.0.113.9";

/// Via values that name others, and where their answers may go: with `maddr` honoured, and without.
fn vias() -> Vec<(String, SocketAddr, SocketAddr)> {
    let mut vias = Vec::new();
    for host in ["192.0.2.1", VICTIM, "victim.example.com", "[2001:db8::9]"] {
        for port in [None, Some(7_777)] {
            for rport in ["", ";rport", ";rport=7778"] {
                for received in ["", ";received=203.0.113.9", ";received=2001:db8::9"] {
                    for maddr in
                        ["", ";maddr=203.0.113.9", ";maddr=victim.example.com", ";ttl=16;maddr=224.0.1.75"]
                    {
                        let sent_by = port.map_or(host.to_owned(), |port| format!("{host}:{port}"));
                        let via = format!("SIP/2.0/UDP {sent_by}{rport}{received}{maddr}");
                        let source = address(SOURCE);
                        let port = if rport.is_empty() { port.unwrap_or(5060) } else { source.port() };
                        let plain = SocketAddr::new(source.ip(), port);
                        let ip = maddr.split("maddr=").nth(1).and_then(|ip| ip.parse().ok());
                        let pointed = ip.map_or(plain, |ip| {
                            let sent_by = if sent_by.ends_with("7777") { 7_777 } else { 5060 };
                            SocketAddr::new(ip, sent_by)
                        });
                        vias.push((via, pointed, plain));
                    }
                }
            }
        }
    }
    vias
}

/// Everything that can be answered, and all that comes of it: at once, from the application, by timers, on retransmission, on CANCEL.
fn answers(ua: &mut Ua, via: &str) -> Vec<Heard> {
    let from = |ua: &mut Ua, req: Req| ua.hear_from(SOURCE, req.via(via).text());
    let mut all = vec![
        from(ua, Req::new("OPTIONS")),
        from(ua, Req::new("BYE").tagged("x")),
        from(ua, Req::new("FOO")),
        from(ua, Req { version: "SIP/3.0", ..Req::new("INFO") }),
        from(ua, Req::new("MESSAGE").line("Content-Type: ;")),
        from(ua, Req::new("CANCEL").branch("z9hG4bK-none")),
    ];
    let contact = "Contact: <sip:alice@192.0.2.1:40000>";
    let invite = Req::new("INVITE").line(contact);
    let server = from(ua, invite.clone()).server();
    all.push(ua.pass(millis(300)));
    all.push(ua.progress(server, Reply::new()).unwrap());
    all.push(from(ua, invite.clone()));
    all.push(ua.pass(secs(61)));
    all.push(from(ua, invite.follow("CANCEL")));
    all.push(ua.pass(secs(40)));
    let accepted = Req::new("INVITE").branch("z9hG4bK-second").call_id("second").line(contact);
    let server = from(ua, accepted).server();
    all.push(ua.accept(server, Reply::new()).unwrap());
    all.push(ua.pass(secs(5)));
    all
}

#[test]
fn answers_over_udp_go_to_whoever_asked() {
    for honour_maddr in [true, false] {
        for (via, pointed, plain) in vias() {
            let mut ua = Ua::with(|config| config.policy.honour_maddr = honour_maddr);
            let allowed = if honour_maddr { pointed } else { plain };
            let heard = answers(&mut ua, &via);
            let outputs: Vec<_> = heard.iter().flat_map(|heard| &heard.0).collect();
            let mut count = 0;
            for (_, output) in outputs {
                match output {
                    Output::Transmit(transmit) => {
                        assert_eq!(transmit.flow.remote, allowed, "{via}: {transmit:?}");
                        assert_eq!(transmit.flow.local, address(BOB), "{via}");
                        count += 1;
                    }
                    Output::Event(_) => {}
                    other => panic!("{via}: nothing is looked up or opened: {other:?}"),
                }
            }
            assert!(count > 25, "{via}: {count}");
        }
    }
}

/// RFC 3261 §18.2.1, RFC 3581 §4: an answer says where its request came from; what the client said of that itself is left out.
#[test]
fn what_via_claims_of_its_source_is_overwritten() {
    for (via, ..) in vias() {
        let mut ua = Ua::new();
        let answer = ua.hear_from(SOURCE, Req::new("OPTIONS").via(&via).text()).only();
        let top = answer.top_via().unwrap();
        assert_eq!(answer.via().count(), 1, "{via}");
        for name in ["received", "rport"] {
            assert!(top.params.iter().filter(|param| param.name == name).count() <= 1, "{via}: {top}");
        }
        assert!(top.received().is_none_or(|ip| ip == address(SOURCE).ip()), "{via}: {top}");
        assert_eq!(top.rport(), via.contains("rport").then_some(40_000), "{via}: {top}");
        let is_other = !via.contains("UDP 192.0.2.1");
        assert!(!is_other || top.received().is_some(), "{via}: {top}");
    }
}

/// RFC 3261 §18.2.2: on a stream, the connection that the request came by; when that is gone, one to the host that it came from, and to the port in sent-by.
#[test]
fn answers_on_streams_go_back_on_them() {
    for (via, ..) in vias() {
        let via = via.replace("/UDP", "/TCP");
        let mut ua = Ua::new();
        let flow = Flow { transport: Transport::Tcp, local: address(BOB), remote: address(SOURCE), conn: 9 };
        for request in [Req::new("OPTIONS"), Req::new("BYE").tagged("x"), Req::new("FOO")] {
            let heard = ua.hear_on(flow, request.via(&via).text());
            assert_eq!(heard.transmits()[0].flow, flow, "{via}");
        }
        let invite = Req::new("INVITE").via(&via).line("Contact: <sip:alice@192.0.2.1:40000>");
        let server = ua.hear_on(flow, invite.text()).server();
        ua.input(Input::Closed { flow });
        let heard = ua.reject(server, Reply::new()).unwrap();
        let connects = heard.0.iter().filter_map(|(_, output)| match output {
            Output::Connect(Connect { remote, .. }) => Some(*remote),
            Output::Event(_) => None,
            other => panic!("{via}: {other:?}"),
        });
        let port = if via.contains(":7777") { 7_777 } else { 5060 };
        assert_eq!(connects.collect::<Vec<_>>(), [SocketAddr::new(address(SOURCE).ip(), port)], "{via}");
    }
}

/// RFC 3261 §18.1.2: what an answer of a peer's claims in Via sends nothing of ours anywhere.
#[test]
fn an_answers_via_moves_nothing() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let branch = invite.top_via().unwrap().branch().unwrap().to_owned();
    let ok = crate::support::answer(&invite, 200, "a", crate::support::CONTACT);
    let claimed = format!("{branch};received={VICTIM};rport=7777;maddr={VICTIM}");
    let heard = ua.hear(ok.replace(&format!("{branch};rport"), &claimed));
    let ack = heard.transmits()[0];
    assert_eq!(ack.flow.remote, address("192.0.2.1:5060"));
    let via = ack.payload.message().unwrap().top_via().unwrap();
    assert_eq!((via.received(), via.maddr()), (None, None));
}
