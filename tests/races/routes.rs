//! Where requests within a dialog go while its targets move and its routes are strict (RFC 3261 §12.2.1.1, §12.2.2, §16.12.1.2; RFC 6141 §4).

use sip_proto::dialog::Modify;
use sip_proto::endpoint::{Config, Handling};
use sip_proto::{Method, Refused, Transport};

use crate::proxy::{Manner, Proxy};
use crate::scene::plain;
use crate::support::{address, millis, secs};
use crate::wire::{CALLER, FIRST, Wire, WireRace, first};

/// Two parties in a call, and everybody has been quiet for a while.
fn up(transport: Transport, proxy: Option<Proxy>, config: fn(usize, &mut Config)) -> Wire {
    let mut wire = Wire::new(transport, 2, proxy, config);
    wire.call();
    wire.run_until(|wire| wire.parties[FIRST].server.is_some());
    wire.run(secs(1));
    wire.accept(FIRST).unwrap();
    wire.run(secs(3));
    assert!(wire.calls(CALLER).len() == 1 && wire.calls(FIRST).len() == 1);
    wire
}

/// Where Bob was, and where he is then.
const OLD: &str = "192.0.2.4:5060";
const NEW: &str = "192.0.2.4:5070";

fn moved(wire: &mut Wire) -> Result<(), Refused> {
    wire.move_to(FIRST, 5070);
    wire.move_media(FIRST)
}

fn updates(_: usize, config: &mut Config) {
    config.policy.modify_by_update = true;
}

fn asks(_: usize, config: &mut Config) {
    config.policy.session = Handling::Ask;
}

/// The BYE goes to where the target was when it was sent.
fn check_bye(wire: &mut Wire, method: &Method) {
    let (told, _) = first(wire, FIRST, method).unwrap();
    let (hung_up, remote) = first(wire, CALLER, &Method::Bye).unwrap();
    let home = if hung_up >= told + millis(10) { NEW } else { OLD };
    assert_eq!(remote, address(home));
}

/// RFC 3261 §12.2.2, RFC 6141 §4.4: a re-INVITE brings another Contact, and a BYE goes there from when it was accepted.
#[test]
fn target_refresh_and_bye() {
    let race = WireRace {
        name: "target_bye",
        begin: |transport| up(transport, None, plain),
        acts: [("bob", moved), ("alice", |wire| wire.destroy(CALLER))],
        check: |wire, is_lost| {
            if !is_lost && first(wire, FIRST, &Method::Invite).is_some() {
                check_bye(wire, &Method::Invite);
            }
        },
    };
    race.run();
}

/// RFC 3311 §5.2: the same by UPDATE.
#[test]
fn target_refresh_by_update_and_bye() {
    let race = WireRace {
        name: "target_update_bye",
        begin: |transport| up(transport, None, updates),
        acts: [("bob", moved), ("alice", |wire| wire.destroy(CALLER))],
        check: |wire, is_lost| {
            if !is_lost && first(wire, FIRST, &Method::Update).is_some() {
                check_bye(wire, &Method::Update);
            }
        },
    };
    race.run();
}

/// RFC 3261 §12.2.1.2: the 2xx to a re-INVITE brings another Contact: the BYE goes there.
#[test]
fn target_refresh_by_the_2xx() {
    let race = WireRace {
        name: "target_2xx",
        begin: |transport| {
            let mut wire = up(transport, None, asks);
            wire.leaves = false;
            wire
        },
        acts: [
            ("alice", |wire| wire.modify(CALLER, Modify::Hold)),
            ("bob", |wire| {
                wire.move_to(FIRST, 5070);
                Ok(())
            }),
        ],
        // That both sides agree on the targets, and requests go there, is checked for all.
        check: |wire, _| {
            let (_, remote) = first(wire, CALLER, &Method::Bye).unwrap();
            assert!([OLD, NEW].map(address).contains(&remote), "{remote}");
        },
    };
    race.run();
}

/// RFC 6141 §4.4, §4.6: both move at once: 491 for both, and no target has moved until the change is tried again and accepted.
#[test]
fn target_refresh_and_target_refresh() {
    let race = WireRace {
        name: "target_target",
        begin: |transport| {
            let mut wire = up(transport, None, plain);
            wire.leaves = false;
            wire
        },
        acts: [
            ("bob", moved),
            ("alice", |wire| {
                wire.move_to(CALLER, 5072);
                wire.move_media(CALLER)
            }),
        ],
        check: |wire, is_lost| {
            let (_, remote) = first(wire, CALLER, &Method::Bye).unwrap();
            assert!(is_lost || remote == address(NEW), "{remote}");
        },
    };
    race.run();
}

/// Two parties with a strict router between them.
fn strict(transport: Transport) -> Wire {
    let proxy = Proxy::new(Manner::Strict, transport, &["bob@192.0.2.4"]);
    up(transport, Some(proxy), plain)
}

/// RFC 3261 §12.2.1.1, §16.12.1.2: each request within the dialog has the strict router as its Request-URI, and the remote target last in Route.
fn check_strict(wire: &mut Wire, _: bool) {
    let proxy = wire.proxy.as_ref().unwrap();
    assert!(!proxy.routed.is_empty());
    for (from, uri, routes) in &proxy.routed {
        let target =
            if from.ip() == address(OLD).ip() { "sip:alice@192.0.2.1:" } else { "sip:bob@192.0.2.4:" };
        assert!(uri.starts_with("sip:192.0.2.10"), "{uri}");
        assert!(routes.len() == 1 && routes[0].starts_with(target), "{routes:?}");
    }
}

/// RFC 3261 §16.12.1.2: BYE × re-INVITE by way of a strict router.
#[test]
fn strict_router_bye_and_reinvite() {
    let race = WireRace {
        name: "strict_bye_reinvite",
        begin: strict,
        acts: [("alice", |wire| wire.modify(CALLER, Modify::Hold)), ("bob", |wire| wire.destroy(FIRST))],
        check: check_strict,
    };
    race.run();
}

/// RFC 3261 §14.1: re-INVITE × re-INVITE by way of a strict router: the ACKs of the 491s go by it as well (§17.1.1.3).
#[test]
fn strict_router_reinvite_and_reinvite() {
    let race = WireRace {
        name: "strict_reinvite_reinvite",
        begin: strict,
        acts: [("alice", |wire| wire.modify(CALLER, Modify::Hold)), ("bob", |wire| wire.move_media(FIRST))],
        check: check_strict,
    };
    race.run();
}

/// RFC 3261 §12.2.2, §16.12.1.2: target refresh × BYE by way of a strict router: the router stays, and the last Route is the new target.
#[test]
fn strict_router_target_refresh_and_bye() {
    let race = WireRace {
        name: "strict_target_bye",
        begin: strict,
        acts: [("bob", moved), ("alice", |wire| wire.destroy(CALLER))],
        check: |wire, is_lost| {
            check_strict(wire, is_lost);
            let (Some((told, _)), Some((hung_up, _))) =
                (first(wire, FIRST, &Method::Invite), first(wire, CALLER, &Method::Bye))
            else {
                return;
            };
            let mut byes = wire.requests.iter().filter(|(.., request)| *request.method() == Method::Bye);
            let route = byes.next().unwrap().3.routes().last().unwrap().unwrap().uri.to_string();
            if !is_lost && hung_up >= told + millis(20) {
                assert!(route.starts_with("sip:bob@192.0.2.4:5070"), "{route}");
            }
        },
    };
    race.run();
}
