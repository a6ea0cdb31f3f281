//! Final answers that are kept as octets once they were sent: they go out again as they were (RFC 3261 §13.3.1.4, §17.2.1, §17.2.2).

use sip_proto::context::Reply;
use sip_proto::{Bound, Config, Endpoint, Event, Flow, Input, Method, Output, Timestamp, Transport};

fn request(method: &str, call: usize) -> Input {
    let (bob, alice) = ("192.0.2.4:5060".parse().unwrap(), "192.0.2.1:5060".parse().unwrap());
    let text = format!(
        "{method} sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{method}{call}\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@192.0.2.1>;tag=1\r\nTo: <sip:bob@192.0.2.4>\r\nCall-ID: {method}{call}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:alice@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"
    );
    Input::Datagram { flow: Flow::udp(bob, alice), payload: text.into() }
}

/// Answers what came in; yields the octets of all that is sent.
fn answer(sip: &mut Endpoint, now: Timestamp, code: u16) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    while let Some(output) = sip.poll_output() {
        match output {
            Output::Event(Event::Incoming { server, request }) => {
                let reply = Reply::code(code).header("X-Kept", "as it was");
                let reply = if *request.method() == Method::Invite && code < 300 {
                    reply.sdp("v=0\r\n")
                } else {
                    reply
                };
                sip.server(server).unwrap().reply(now, reply).unwrap();
            }
            Output::Transmit(transmit) => sent.push(transmit.payload.to_vec()),
            _ => {}
        }
    }
    sent
}

/// More than are kept as messages.
const CALLS: usize = 100;

#[test]
fn an_answer_goes_out_again_as_it_was() {
    for (method, code) in [("OPTIONS", 200), ("INVITE", 486), ("INVITE", 200)] {
        let mut sip: Endpoint = Endpoint::new(Config::new("sip:bob@192.0.2.4").unwrap(), [1; 32]);
        let bound =
            Bound { transport: Transport::Udp, local: "192.0.2.4:5060".parse().unwrap(), advertised: None };
        sip.handle_input(Timestamp::ZERO, Input::Bound(bound));
        let now = Timestamp::from_millis(10);
        let mut first = Vec::new();
        for call in 0..CALLS {
            sip.handle_input(now, request(method, call));
            first.extend(answer(&mut sip, now, code));
        }
        assert_eq!(first.len(), CALLS, "{method} {code}");
        // The request comes again. An accepted INVITE only absorbs it (RFC 6026 §7.1).
        if (method, code) != ("INVITE", 200) {
            for (call, before) in first.iter().enumerate() {
                sip.handle_input(now, request(method, call));
                assert_eq!(answer(&mut sip, now, code), std::slice::from_ref(before), "{method} {code}");
            }
        }
        // T1 later, final answers to INVITE go out again on their own, and another time after that.
        if method == "INVITE" {
            for later in [511, 1_511] {
                let later = Timestamp::from_millis(later);
                sip.handle_timeout(later);
                assert_eq!(answer(&mut sip, later, code), first, "{method} {code}");
            }
        }
    }
}
