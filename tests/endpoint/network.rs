//! The virtual network that tests of users stand on: its time, what is cut or closed, names.

use crate::support::{SDP, secs};
use sip_proto::context::{Invite, Reply};
use sip_proto::testing::{Network, Node};
use sip_proto::{ClientEvent, DialogId, Event, Timestamp};

fn two() -> (Network, Node, Node) {
    let mut net = Network::new(1);
    let (alice, bob) = (net.node("alice", "192.0.2.1"), net.node("bob", "192.0.2.4"));
    (net, alice, bob)
}

fn call(net: &mut Network, from: Node, uri: &str) {
    let now = net.now();
    net.endpoint(from).invite(now, Invite::to(String::from(uri)).sdp(SDP)).unwrap();
}

/// A call over TCP that is up; Alice's dialog.
fn call_over_tcp() -> (Network, [Node; 2], DialogId) {
    let (mut net, alice, bob) = two();
    call(&mut net, alice, "sip:bob@192.0.2.4;transport=tcp");
    let mut dialog = None;
    while let Some((who, event)) = net.next_event_until(Timestamp::from_secs(1)) {
        let now = net.now();
        match event {
            Event::Incoming { server, .. } => {
                _ = net.endpoint(who).server(server).unwrap().accept(now, Reply::new().sdp(SDP)).unwrap();
            }
            Event::Client { event: ClientEvent::Accepted { dialog: made, .. }, .. } => dialog = made,
            _ => {}
        }
    }
    (net, [alice, bob], dialog.unwrap())
}

/// Time passes where nothing happens, and does not run backwards.
#[test]
fn time_passes_while_nothing_happens() {
    let (mut net, ..) = two();
    assert!(net.run_for(secs(10)).is_empty());
    assert_eq!(net.now(), Timestamp::from_secs(10));
    assert!(net.next_event_until(Timestamp::from_secs(4)).is_none());
    assert_eq!(net.now(), Timestamp::from_secs(10));
    net.run_until_idle();
    assert_eq!(net.now(), Timestamp::from_secs(10));
}

/// The same where something waits that is due later.
#[test]
fn time_does_not_run_backwards_while_something_waits() {
    let (mut net, alice, _) = two();
    call(&mut net, alice, "sip:bob@192.0.2.4");
    net.run_for(secs(10));
    assert!(net.next_event_until(Timestamp::from_secs(4)).is_none());
    assert_eq!(net.now(), Timestamp::from_secs(10));
}

/// A node that is cut off reaches nobody over TCP either, and nobody reaches it.
#[test]
fn a_cut_is_a_cut_for_streams_too() {
    for is_caller in [false, true] {
        let (mut net, alice, bob) = two();
        net.cut = [if is_caller { alice } else { bob }].into();
        call(&mut net, alice, "sip:bob@192.0.2.4;transport=tcp");
        net.run_for(secs(5));
        assert!(!net.ladder().contains("incoming"), "{}", net.ladder());

        let (mut net, [alice, bob], dialog) = call_over_tcp();
        net.cut = [if is_caller { alice } else { bob }].into();
        let now = net.now();
        net.endpoint(alice).dialog(dialog).unwrap().destroy(now).unwrap();
        net.run_for(secs(5));
        assert!(!net.ladder().contains("destroy by Remote"), "{}", net.ladder());
    }
}

/// What is sent on a connection that is closed already does not arrive on it: it takes a new one.
#[test]
fn a_closed_connection_carries_nothing() {
    let (mut net, [alice, bob], dialog) = call_over_tcp();
    net.break_streams(alice, bob);
    let now = net.now();
    net.endpoint(alice).dialog(dialog).unwrap().destroy(now).unwrap();
    net.run_for(secs(1));
    let ladder = net.ladder().to_string();
    assert!(ladder.lines().any(|line| line.contains("BYE") && line.contains("x|")), "{ladder}");
    assert!(!net.endpoint(bob).is_empty() || ladder.contains("destroy by Remote"), "{ladder}");
}

/// RFC 3263 §4: a port that stands beside a name is the port; names have no case (RFC 4343 §3).
#[test]
fn names_have_no_case_and_ports_count() {
    for (uri, is_reached) in [
        ("sip:bob@Bob.Example.COM;transport=tcp", true),
        ("sip:bob@bob.example.com:5070;transport=tcp", false),
    ] {
        let (mut net, alice, bob) = two();
        net.name("bob.example.com", sip_proto::Transport::Udp, bob);
        call(&mut net, alice, uri);
        net.run_for(secs(5));
        assert_eq!(net.ladder().contains("incoming"), is_reached, "{}", net.ladder());
    }
}

/// RFC 3263 §4.3: a name with two addresses, the first of which is cut off: the call is the second one's, by TCP too.
#[test]
fn a_name_with_two_addresses() {
    for transport in [sip_proto::Transport::Udp, sip_proto::Transport::Tcp] {
        let (mut net, alice, bob) = two();
        let gone = net.node("gone", "192.0.2.9");
        net.cut.push(gone);
        for node in [gone, bob] {
            net.name("bob.example.com", transport, node);
        }
        call(&mut net, alice, "sip:bob@bob.example.com");
        net.run_for(secs(40));
        assert_eq!(net.ladder().to_string().matches("incoming INVITE").count(), 1, "{}", net.ladder());
        assert!(!net.ladder().contains("failed"), "{}", net.ladder());
    }
}

/// A datagram to a port where nobody is goes nowhere.
#[test]
fn a_datagram_to_another_port_is_lost() {
    let (mut net, alice, _) = two();
    call(&mut net, alice, "sip:bob@192.0.2.4:5070");
    net.run_for(secs(5));
    assert!(!net.ladder().contains("incoming"), "{}", net.ladder());
    assert!(net.ladder().contains("to nowhere"));
}
