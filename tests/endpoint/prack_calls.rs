//! Whole calls with reliable provisional answers (RFC 3262): golden ladders, the loss of any packets, bad links.

use crate::ladder::golden;
use crate::lossy::{Lossy, Side};
use crate::support::{SDP, Ua, millis};
use sip_proto::context::{Invite, Rel100, Reply};
use sip_proto::testing::{Network, Node};
use sip_proto::{ClientEvent, Config, DialogEvent, Event, RequestId, ServerEvent, ServerId, Timestamp};

/// What Bob says.
const OURS: &str =
    "v=0\r\no=- 4 1 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n";

// ---- Golden ladders ----

/// Alice calls Bob, who answers 183 reliably; the network runs no further.
fn ringing(invite: Invite) -> (Network, [Node; 2], RequestId, ServerId) {
    let mut net = Network::new(7);
    let [alice, bob] = [("alice", "192.0.2.1"), ("bob", "192.0.2.4")].map(|(name, ip)| {
        let mut config = Config::new(&format!("sip:{name}@{ip}")).unwrap();
        config.settings.rel100 = Rel100::Supported;
        net.node_with(name, ip, config)
    });
    let now = net.now();
    let call = net.endpoint(alice).invite(now, invite).unwrap();
    let server = loop {
        if let (_, Event::Incoming { server, .. }) = net.next_event().unwrap() {
            break server;
        }
    };
    (net, [alice, bob], call, server)
}

fn progress(net: &mut Network, bob: Node, server: ServerId) {
    let now = net.now();
    let reply = Reply::code(183).sdp(OURS).reliable();
    net.endpoint(bob).server(server).unwrap().progress(now, reply).unwrap();
}

fn accept(net: &mut Network, bob: Node, server: ServerId) {
    let now = net.now();
    net.endpoint(bob).server(server).unwrap().accept(now, Reply::new()).unwrap();
}

/// Whoever is called ends the call as soon as it is up; then all is over.
fn end_by_callee(net: &mut Network) {
    while let Some((who, event)) = net.next_event() {
        let now = net.now();
        match event {
            Event::Dialog { dialog, event: DialogEvent::Confirmed { .. } } => {
                net.endpoint(who).dialog(dialog).unwrap().destroy(now).unwrap();
            }
            Event::Dialog { dialog, event: DialogEvent::Offer { .. } } => {
                net.endpoint(who).dialog(dialog).unwrap().answer(now, SDP).unwrap();
            }
            _ => {}
        }
    }
    assert!(net.is_empty());
}

/// RFC 3262 §3, §5: the offer in the INVITE, the answer in the 183; the 200 waits for the PRACK.
#[test]
fn ladder_of_a_call_with_a_reliable_answer() {
    for (name, uri) in [("prack_udp", "sip:bob@192.0.2.4"), ("prack_tcp", "sip:bob@192.0.2.4;transport=tcp")]
    {
        let (mut net, [_, bob], _, server) = ringing(Invite::to(uri).sdp(SDP));
        progress(&mut net, bob, server);
        accept(&mut net, bob, server);
        end_by_callee(&mut net);
        golden(name, &net);
    }
}

/// RFC 3262 §5: no offer in the INVITE; it is in the 183, and the answer in the PRACK.
#[test]
fn ladder_of_an_offer_in_a_provisional_answer() {
    let (mut net, [_, bob], _, server) = ringing(Invite::to("sip:bob@192.0.2.4"));
    progress(&mut net, bob, server);
    accept(&mut net, bob, server);
    end_by_callee(&mut net);
    golden("prack_offer", &net);
}

/// RFC 3262 §5: the application does not answer the offer. A PRACK would have to: the INVITE is cancelled.
#[test]
fn ladder_of_an_offer_that_is_not_answered() {
    let (mut net, [_, bob], _, server) = ringing(Invite::to("sip:bob@192.0.2.4"));
    progress(&mut net, bob, server);
    net.run_until_idle();
    assert!(net.is_empty());
    golden("prack_no_answer", &net);
}

/// RFC 3262 §3: two PRACKs and a 183 are lost; both repeat themselves.
#[test]
fn ladder_of_lost_pracks() {
    let (mut net, [alice, bob], _, server) = ringing(Invite::to("sip:bob@192.0.2.4").sdp(SDP));
    net.drop_next(bob, 1);
    progress(&mut net, bob, server);
    accept(&mut net, bob, server);
    net.run_for(millis(505));
    net.drop_next(alice, 2);
    end_by_callee(&mut net);
    golden("prack_lost", &net);
}

/// A CANCEL that crosses the 183: it is acknowledged all the same.
#[test]
fn ladder_of_a_cancel_and_a_prack() {
    let (mut net, [alice, bob], call, server) = ringing(Invite::to("sip:bob@192.0.2.4").sdp(SDP));
    progress(&mut net, bob, server);
    accept(&mut net, bob, server);
    net.run_for(millis(5));
    let now = net.now();
    net.endpoint(alice).client(call).unwrap().cancel(now).unwrap();
    net.run_until_idle();
    assert!(net.is_empty());
    golden("prack_cancel", &net);
}

/// RFC 3262 §3: nobody acknowledges: 504.
#[test]
fn ladder_of_an_answer_that_nobody_acknowledges() {
    let (mut net, [alice, bob], _, server) = ringing(Invite::to("sip:bob@192.0.2.4").sdp(SDP));
    net.drop_next(bob, 7);
    progress(&mut net, bob, server);
    accept(&mut net, bob, server);
    net.drop_next(alice, 100);
    net.run_until_idle();
    assert!(net.is_empty());
    golden("prack_none", &net);
}

// ---- Loss ----

/// What the two sides agreed on: our description and the peer's, at either.
type Agreed = [Option<[String; 2]>; 2];

/// A call over a wire that loses these datagrams; accepted late means after the PRACK.
fn lossy_call(lost: &[usize], hangs_up: Side, has_offer: bool, is_late: bool) -> (Lossy, Agreed) {
    let uas = [(); 2].map(|()| Ua::with(|config| config.settings.rel100 = Rel100::Supported));
    let invite = Invite::to("sip:bob@192.0.2.4");
    let invite = if has_offer { invite.sdp(SDP) } else { invite };
    let mut agreed = [None, None];
    let pair = Lossy::call(uas, lost, invite, &mut |sip, now, side, event| match event {
        Event::Incoming { server, .. } => {
            let mut server = sip.server(server).unwrap();
            server.progress(now, Reply::code(183).sdp(OURS).reliable()).unwrap();
            if !is_late {
                server.accept(now, Reply::new()).unwrap();
            }
        }
        Event::Server { server, event: ServerEvent::Pracked { .. } } if is_late => {
            sip.server(server).unwrap().accept(now, Reply::new()).unwrap();
        }
        Event::Dialog { dialog, event: DialogEvent::Offer { .. } } => {
            sip.dialog(dialog).unwrap().answer(now, SDP).unwrap();
        }
        Event::Client { event: ClientEvent::Accepted { dialog: Some(dialog), .. }, .. }
        | Event::Server { event: ServerEvent::Accepted { dialog: Some(dialog), .. }, .. } => {
            let mut slot = sip.dialog(dialog).unwrap();
            let dialog = slot.get().unwrap();
            let text = |sdp: &[u8]| String::from_utf8(sdp.to_vec()).unwrap();
            agreed[side as usize] = Some([text(dialog.local().sdp), text(dialog.remote().sdp)]);
            if side == hangs_up {
                slot.destroy(now).unwrap();
            }
        }
        _ => {}
    });
    (pair, agreed)
}

/// RFC 3262 §3, DESIGN.md §2 contract 6: no packet is so important that its loss, or that of two, would leave something behind, tell the
/// end twice, or leave the two sides with different sessions.
#[test]
fn the_loss_of_any_packets_is_survived() {
    for (hangs_up, has_offer, is_late) in [
        (Side::Caller, true, false),
        (Side::Callee, true, false),
        (Side::Caller, true, true),
        (Side::Caller, false, false),
        (Side::Callee, false, true),
    ] {
        for first in 0..10 {
            for second in first..11 {
                let (pair, agreed) = lossy_call(&[first, second], hangs_up, has_offer, is_late);
                let what = format!(
                    "{hangs_up:?} ends, offer in INVITE {has_offer}, late {is_late}, packets {first} and {second} of {} lost",
                    pair.sent
                );
                pair.assert_over(hangs_up, &what);
                let both = |ours: &str, theirs: &str| Some([ours.to_string(), theirs.to_string()]);
                assert_eq!(agreed, [both(SDP, OURS), both(OURS, SDP)], "{what}");
            }
        }
    }
}

/// RFC 3262, RFC 3261 §17: calls survive a bad link that repeats and reorders, and end everywhere.
#[test]
fn calls_over_a_bad_link_leave_nothing() {
    for seed in 0..60 {
        let mut net: Network = Network::new(seed);
        let nodes = [("alice", "192.0.2.1"), ("bob", "192.0.2.4")].map(|(name, ip)| {
            let mut config = Config::new(&format!("sip:{name}@{ip}")).unwrap();
            config.settings.rel100 = Rel100::Supported;
            net.node_with(name, ip, config)
        });
        (net.link.loss, net.link.duplication, net.link.reordering) = (0.2, 0.1, 0.2);
        net.link.jitter = millis(30);
        let invite = Invite::to("sip:bob@192.0.2.4");
        let invite = if seed % 3 == 0 { invite } else { invite.sdp(SDP) };
        let call = net.endpoint(nodes[0]).invite(Timestamp::ZERO, invite).unwrap();
        let mut ends = [0, 0];
        while let Some((who, event)) = net.next_event() {
            let now = net.now();
            match event {
                Event::Incoming { server, .. } => {
                    let mut server = net.endpoint(who).server(server).unwrap();
                    server.progress(now, Reply::code(183).sdp(OURS).reliable()).unwrap();
                    server.progress(now, Reply::code(180).reliable()).unwrap();
                    server.accept(now, Reply::new()).unwrap();
                }
                Event::Dialog { dialog, event: DialogEvent::Offer { .. } } => {
                    net.endpoint(who).dialog(dialog).unwrap().answer(now, SDP).unwrap();
                }
                Event::Client { event: ClientEvent::Progress { .. }, .. } if seed % 4 == 1 => {
                    _ = net.endpoint(who).client(call).unwrap().cancel(now);
                }
                Event::Dialog { dialog, event: DialogEvent::Confirmed { .. } } => {
                    net.endpoint(who).dialog(dialog).unwrap().destroy(now).unwrap();
                }
                Event::Dialog { event: DialogEvent::Destroy { .. }, .. } => {
                    ends[usize::from(who == nodes[1])] += 1;
                }
                _ => {}
            }
        }
        assert!(ends.iter().all(|ends| *ends <= 1), "{seed}\n{}", net.ladder());
        assert!(net.is_empty(), "{seed}\n{}", net.ladder());
    }
}
