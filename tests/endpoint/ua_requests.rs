//! What every request of a user agent client keeps to, and what its answers mean, method by method (RFC 3261 §8.1, §9.1, §12.2.1, §15).

use std::collections::HashSet;

use crate::support::{ALICE, CONTACT, Heard, Req, SDP, Ua, address, answer, parse, secs};
use sip_proto::context::{self, Invite, Rel100, Request};
use sip_proto::dialog::{DialogError, InDialog, Modify, SessionTimers, TimerMode};
use sip_proto::endpoint::Resolve;
use sip_proto::message::{BuildError, Header, Name};
use sip_proto::{ClientEvent, Event, Input, Message, Method, Output, Refused, Transport};

/// The methods of requests outside dialogs.
const METHODS: [Method; 7] = [
    Method::Invite,
    Method::Options,
    Method::Message,
    Method::Register,
    Method::Subscribe,
    Method::Refer,
    Method::Publish,
];

fn send(ua: &mut Ua, request: Request) -> Heard {
    ua.sip.request(ua.now, request).unwrap();
    ua.drain()
}

fn to_alice(method: Method) -> Request {
    Request::new(method, "sip:alice@192.0.2.1").header("Event", "presence").header("Refer-To", "<sip:c@h>")
}

fn contact(message: &Message) -> &str {
    let contacts: Vec<_> = message.contacts().collect();
    assert_eq!(contacts.len(), 1, "{message:?}");
    message.contact().unwrap().unwrap().uri
}

fn branch(message: &Message) -> &str {
    message.top_via().unwrap().branch().unwrap()
}

/// The question that was asked.
fn question(heard: &Heard) -> Resolve {
    let asked = heard.0.iter().find_map(|(_, output)| match output {
        Output::Resolve(resolve) => Some(resolve.clone()),
        _ => None,
    });
    asked.unwrap_or_else(|| panic!("no question in {heard:?}"))
}

// ---- What a request is made of (§8.1.1) ----

/// RFC 3261 §8.1.1: the six headers; a From tag, a Call-ID that no other request has; a number below 2³¹ with the request's method.
// Holds: 3261-8.1.1-1, 3261-8.1.1.3-2, 3261-8.1.1.4-3, 3261-8.1.1.5-1, 3261-8.1.1.5-3
#[test]
fn every_request_is_one_of_a_kind() {
    let mut ua = Ua::new();
    let (mut tags, mut call_ids) = (HashSet::new(), HashSet::new());
    for method in METHODS.into_iter().cycle().take(70) {
        let sent = send(&mut ua, to_alice(method.clone())).only();
        for name in [Name::To, Name::From, Name::CSeq, Name::CallId, Name::MaxForwards, Name::Via] {
            assert_eq!(sent.values(name).count(), 1, "{method} {name:?}");
        }
        let (number, of) = sent.value(Name::CSeq).unwrap().split_once(' ').unwrap();
        assert_eq!(of, method.as_str());
        assert!(number.parse::<u32>().unwrap() < 1 << 31, "{number}");
        let tag = sent.from().unwrap().tag().unwrap().to_string();
        assert!(tag.len() >= 8 && tags.insert(tag), "a tag twice, or none: {sent:?}");
        assert!(call_ids.insert(sent.call_id().to_string()), "a Call-ID twice: {sent:?}");
    }
}

/// RFC 3261 §11.1: who asks what the peer is capable of says what it may answer with.
// Holds: 3261-11.1-1
#[test]
fn options_say_what_is_accepted() {
    let mut ua = Ua::new();
    let asked = send(&mut ua, to_alice(Method::Options)).only();
    assert_eq!(asked.value(Name::Accept), Some("application/sdp"));
    let own = send(&mut ua, to_alice(Method::Options).header("Accept", "text/plain")).only();
    assert_eq!(own.values(Name::Accept).collect::<Vec<_>>(), ["text/plain"]);
    let (_, _, dialog) = ua.placed_call();
    ua.sip.dialog(dialog).unwrap().options(ua.now).unwrap();
    assert_eq!(ua.drain().only().value(Name::Accept), Some("application/sdp"), "within a dialog too");
}

/// RFC 3261 §8.1.1.7: one Via, SIP/2.0, whose branch begins with the magic cookie and is nobody else's; a CANCEL and the ACK of a failure have
/// that of their INVITE, the ACK of a 2xx has one of its own.
// Holds: 3261-8.1.1.7-1, 3261-8.1.1.7-2, 3261-8.1.1.7-3, 3261-8.1.1.7-4, 3261-8.1.1.7-5
#[test]
fn every_request_has_a_via_of_its_own() {
    let mut ua = Ua::new();
    let mut sent: Vec<Message> =
        METHODS.into_iter().map(|method| send(&mut ua, to_alice(method)).only()).collect();
    let (invite, ok, dialog) = ua.placed_call();
    let ack = ua.hear(answer(&invite, 200, "a", CONTACT)).only();
    for _ in 0..3 {
        ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
        sent.push(ua.drain().only());
    }
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Sdp(SDP.into())).unwrap();
    sent.push(ua.drain().only());
    sent.push(ua.destroy(dialog).only());
    let (id, second) = ua.call_alice();
    ua.hear(answer(&second, 180, "a", CONTACT));
    let cancel = ua.cancel(id).only();
    let hop_ack = ua.hear(answer(&second, 487, "a", "")).message("ACK");
    assert_eq!((branch(&cancel), branch(&hop_ack)), (branch(&second), branch(&second)));
    assert_eq!(ok.method(), &Method::Invite);
    sent.extend([invite, ack, second]);
    let mut branches = HashSet::new();
    for request in &sent {
        assert_eq!(request.via().count(), 1);
        assert!(request.value(Name::Via).unwrap().starts_with("SIP/2.0/UDP "), "{request:?}");
        assert!(branch(request).starts_with("z9hG4bK"), "{request:?}");
        assert!(branches.insert(branch(request)), "a branch twice: {request:?}");
    }
    for request in sent.iter().chain([&cancel, &hop_ack]) {
        assert_eq!(request.values(Name::MaxForwards).collect::<Vec<_>>(), ["70"], "§8.1.1.6: {request:?}");
    }
}

/// RFC 3261 §8.1.1.8, §12.1.2: an INVITE has one Contact, a SIP or SIPS URI. The application's own takes its place if it is one too.
// Holds: 3261-8.1.1.8-1
#[test]
fn an_invite_has_one_sip_contact() {
    let mut ua = Ua::new();
    assert_eq!(contact(&ua.call_alice().1), "sip:bob@192.0.2.4:5060");
    let with = |lines: &[&'static str]| {
        lines.iter().fold(to_alice(Method::Invite), |request, line| request.header("Contact", *line))
    };
    assert_eq!(contact(&send(&mut ua, with(&["<sip:bob@192.0.2.9>"])).only()), "sip:bob@192.0.2.9");
    assert_eq!(contact(&send(&mut ua, with(&["<sips:bob@192.0.2.9>"])).only()), "sips:bob@192.0.2.9");
    for lines in [&["<tel:+49123>"][..], &["*"], &["<sip:a@h>, <sip:b@h>"], &["<sip:a@h>", "<sip:b@h>"]] {
        assert!(ua.sip.request(ua.now, with(lines)).is_err(), "{lines:?}");
    }
    assert!(ua.drain().0.is_empty());
    let (_, _, dialog) = ua.placed_call();
    let reinvite = InDialog::new(Method::Invite).header("Contact", "<tel:+49123>").sdp(SDP);
    assert!(ua.sip.dialog(dialog).unwrap().request(ua.now, reinvite).is_err());
    assert!(ua.drain().0.is_empty());
}

/// RFC 3261 §8.1.2, §12.2.1.1: a request goes to the first Route; one that is a header of the application's would stand there, and the request go elsewhere.
#[test]
fn a_route_is_no_header_of_the_applications() {
    let mut ua = Ua::new();
    let route = || Header::new("route", "<sip:192.0.2.7;lr>");
    let refused = |refused: Refused| {
        let is_reserved = |fault: BuildError| fault == BuildError::Reserved(Name::Route);
        match refused {
            Refused::Context(context::ContextError::Build(fault)) => is_reserved(fault),
            Refused::Dialog(DialogError::Build(fault)) => is_reserved(fault),
            _ => false,
        }
    };
    for method in [Method::Invite, Method::Message] {
        let request = to_alice(method).header("Route", "<sip:192.0.2.7;lr>");
        assert!(refused(ua.sip.request(ua.now, request).unwrap_err()));
    }
    let (_, dialog) = ua.answered_call();
    let info = InDialog::new(Method::Info).header("Route", "<sip:192.0.2.7;lr>");
    let mut call = ua.sip.dialog(dialog).unwrap();
    assert!(refused(call.request(ua.now, info).unwrap_err()));
    assert!(refused(call.modify_with(ua.now, Modify::Hold, vec![route()]).unwrap_err()));
    // One that has to wait for its turn, too.
    call.modify(ua.now, Modify::Hold).unwrap();
    assert!(refused(call.modify_with(ua.now, Modify::Hold, vec![route()]).unwrap_err()));
    assert!(refused(call.destroy_with(ua.now, vec![route()]).unwrap_err()));
    assert_eq!(ua.drain().lines(), ["INVITE +body"]);
    let request = to_alice(Method::Message).route("<sip:192.0.2.7;lr>");
    let heard = send(&mut ua, request);
    assert_eq!(heard.transmits()[0].flow.remote, address("192.0.2.7:5060"));
}

/// RFC 3261 §8.1.1.8, §12.1.1, §12.1.2: what Contact says is served outside the dialog too, while it lasts and after it.
// Holds: 3261-8.1.1.8-2, 3261-12.1.2-1, 3261-12.1.1-6
#[test]
fn requests_from_outside_reach_our_contact() {
    let mut ua = Ua::with(|config| config.policy.users = Some(vec!["bob".into()]));
    let (invite, ok, dialog) = ua.placed_call();
    let uri = contact(&invite).to_string();
    let call = |n: u32| Req::invite().uri(&uri).branch(&format!("z9hG4bK-{n}")).call_id(&format!("new-{n}"));
    let heard = ua.hear_from("192.0.2.7:5060", call(1).text());
    assert_eq!(heard.lines(), ["* incoming INVITE"]);
    ua.reject(heard.server(), context::Reply::code(486)).unwrap();
    ua.hear(Req::back(&invite, &ok, "BYE", 1).text());
    assert!(ua.sip.dialog(dialog).is_err());
    assert_eq!(ua.hear_from("192.0.2.7:5060", call(2).text()).lines(), ["* incoming INVITE"]);
    let (ok, _) = Ua::answered_call(&mut Ua::new());
    assert_eq!(contact(&ok), uri);
}

/// RFC 3261 §8.1.1.9, §20.32, §20.37: what we say of our own accord are the option tags of RFC 3262, RFC 4028 and RFC 4488, all of them on the standards track;
/// what the application insists on goes out as it says.
// Holds: 3261-8.1.1.9-2, 3261-8.1.1.9-3, 3261-8.1.1.9-4, 3261-8.1.1.9-5
#[test]
fn option_tags_are_of_the_standards_track() {
    let known = ["100rel", "timer", "norefersub"];
    let mut ua = Ua::with(|config| {
        config.settings.rel100 = Rel100::Required;
        let timers = SessionTimers { mode: TimerMode::Requested, ..SessionTimers::DEFAULT };
        config.set_session_timers(timers).unwrap();
    });
    for method in METHODS {
        let sent = send(&mut ua, to_alice(method.clone())).only();
        for tag in sent.supported().chain(sent.require()) {
            assert!(known.contains(&tag), "{method}: {tag}");
        }
        assert_eq!(sent.require().any(|tag| tag == "100rel"), method == Method::Invite);
        assert_eq!(sent.value(Name::ProxyRequire), None);
    }
    let request = to_alice(Method::Invite).header("Require", "replaces").header("Proxy-Require", "path");
    let sent = send(&mut ua, request).only();
    assert!(sent.require().any(|tag| tag == "replaces"));
    assert_eq!(sent.value(Name::ProxyRequire), Some("path"));
}

/// RFC 3261 §15: there is no BYE outside a dialog.
// Holds: 3261-15-2
#[test]
fn no_bye_outside_a_dialog() {
    let mut ua = Ua::new();
    assert!(ua.sip.request(ua.now, Request::new(Method::Bye, "sip:alice@192.0.2.1")).is_err());
    assert!(ua.drain().0.is_empty() && ua.sip.is_empty());
}

// ---- What a SIPS URI asks for ----

/// A user agent that is reached over TLS too.
fn secured() -> Ua {
    let mut ua = Ua::new();
    ua.bind(Transport::Tls, "192.0.2.4:5061");
    ua
}

/// Has what waits for a TLS connection sent: the message.
fn over_tls(ua: &mut Ua, heard: &Heard, remote: &str) -> Message {
    assert_eq!(heard.lines(), [format!("connect TLS {remote}")]);
    let flow = sip_proto::Flow { transport: Transport::Tls, ..ua.tcp(remote, 9) };
    ua.input(Input::Connected { token: heard.token(), flow }).only()
}

/// RFC 3261 §8.1.1.8, §12.1.2: Contact is a SIPS URI where the Request-URI or the first Route is one, and goes on being one in the dialog.
// Holds: 3261-8.1.1.2-2, 3261-8.1.1.8-3, 3261-12.1.2-2, 3261-12.2.1.1-20
#[test]
fn a_sips_uri_asks_for_a_sips_contact() {
    for (target, route) in [
        ("sips:alice@192.0.2.1", None),
        ("sip:alice@example.com", Some("<sips:192.0.2.1;lr>")),
        ("sips:alice@example.com", Some("<sip:192.0.2.1;lr>")),
    ] {
        let mut ua = secured();
        let invite = Invite::to(target).sdp(SDP);
        let invite = route.into_iter().fold(invite, Invite::route);
        let (_, heard) = ua.invite(invite);
        let invite = over_tls(&mut ua, &heard, "192.0.2.1:5061");
        assert_eq!(contact(&invite), "sips:bob@192.0.2.4:5061", "{target} {route:?}");
        let flow = sip_proto::Flow { transport: Transport::Tls, ..ua.tcp("192.0.2.1:5061", 9) };
        let ok = answer(&invite, 200, "a", "Contact: <sips:alice@192.0.2.1>\r\n");
        let dialog = ua.hear_on(flow, ok).dialog();
        ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Sdp(SDP.into())).unwrap();
        assert_eq!(contact(&ua.drain().only()), "sips:bob@192.0.2.4:5061", "{target} {route:?}");
    }
    let mut ua = secured();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1;transport=tls"));
    let invite = over_tls(&mut ua, &heard, "192.0.2.1:5061");
    assert!(contact(&invite).starts_with("sip:"), "TLS alone asks for nothing");
}

/// RFC 3261 §8.1.3.4, §8.1.1.8: a redirection that leads from SIP to SIPS brings another Contact.
#[test]
fn a_redirection_to_sips_has_a_sips_contact() {
    let mut ua = secured();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1").sdp(SDP).follow_redirects(1));
    let first = heard.only();
    let heard = ua.hear(answer(&first, 302, "r", "Contact: <sips:alice@192.0.2.1>\r\n"));
    assert_eq!(heard.lines().last().unwrap(), "connect TLS 192.0.2.1:5061");
    let token = heard.0.iter().find_map(|(_, output)| match output {
        Output::Connect(connect) => Some(connect.token),
        _ => None,
    });
    let flow = sip_proto::Flow { transport: Transport::Tls, ..ua.tcp("192.0.2.1:5061", 9) };
    let second = ua.input(Input::Connected { token: token.unwrap(), flow }).only();
    assert_eq!(contact(&second), "sips:bob@192.0.2.4:5061");
}

/// RFC 3261 §8.1.2: a SIPS Request-URI takes TLS, whatever the Route says that leads there, outside dialogs and within them.
// Holds: 3261-8.1.2-3
#[test]
fn a_sips_request_goes_by_tls_whatever_its_route() {
    for route in ["<sip:proxy.example.com;lr>", "<sip:proxy.example.com;transport=udp;lr>"] {
        let mut ua = secured();
        let heard =
            send(&mut ua, Request::new(Method::Options, "sips:alice@example.com").route(route.to_string()));
        let asked = question(&heard);
        assert!(asked.secure && asked.transport != Some(Transport::Udp), "{route}: {asked:?}");
        let plain = vec![(Transport::Udp, address(ALICE)), (Transport::Tls, address("192.0.2.1:5061"))];
        let heard = ua.input(Input::Resolved { query: asked.query, targets: plain });
        assert_eq!(heard.lines(), ["connect TLS 192.0.2.1:5061"], "{route}");
    }
    let mut ua = secured();
    assert_eq!(
        send(&mut ua, Request::new(Method::Options, "sips:alice@192.0.2.1;transport=udp")).lines(),
        ["connect TLS 192.0.2.1:5061"]
    );
    let mut ua = secured();
    let (_, invite) = ua.call_alice();
    let lines = "Contact: <sips:alice@192.0.2.1>\r\nRecord-Route: <sip:192.0.2.7;lr>\r\n";
    let heard = ua.hear(answer(&invite, 200, "a", lines));
    assert_eq!(heard.lines()[0], "connect TLS 192.0.2.7:5061", "the ACK");
}

// ---- What answers mean (§8.1.3) ----

/// RFC 3261 §8.1.3.2: an unknown code counts as x00 of its class, 183 if it is provisional; x00 of every class, 100 and 183 are processed.
// Holds: 3261-8.1.3.2-1, 3261-8.1.3.2-2, 3261-8.1.3.2-3, 3261-8.1.3.2-4
#[test]
fn unknown_codes_count_as_their_class() {
    let is_early = |code: u16| {
        let mut ua = Ua::new();
        let (_, invite) = ua.call_alice();
        assert_eq!(
            ua.hear(answer(&invite, code, "a", CONTACT)).lines(),
            [format!("* got {code} X (INVITE)")]
        );
        assert_eq!(ua.pass(secs(30)).lines(), [""; 0], "{code}: the INVITE is not repeated");
        ua.sip.counts()[2]
    };
    assert_eq!([100, 183, 101, 185, 198].map(is_early), [0, 1, 1, 1, 1]);
    // A call through a redirection to two places: what each code at the first one comes to.
    let outcome = |code: u16| {
        let mut ua = Ua::new();
        let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1").sdp(SDP).follow_redirects(5));
        let moved = "Contact: <sip:b@192.0.2.22>, <sip:c@192.0.2.23>\r\n";
        let invite = ua.hear(answer(&heard.only(), 300, "r", moved)).message("INVITE");
        let lines = format!("{CONTACT}Contact: <sip:d@192.0.2.24>\r\n");
        let heard = ua.hear(answer(&invite, code, "a", if code < 300 { CONTACT } else { &lines[..] }));
        let next = heard.sent().into_iter().find(|sent| *sent.method() == Method::Invite);
        let ended = heard.events().into_iter().find_map(|event| match event {
            Event::Client { event: ClientEvent::Accepted { .. }, .. } => Some("accepted"),
            Event::Client { event: ClientEvent::Failed { .. }, .. } => Some("failed"),
            _ => None,
        });
        assert_eq!(heard.times("ACK"), [0], "{code}");
        ended.map_or_else(|| format!("next {}", next.unwrap().request_uri().unwrap()), str::to_string)
    };
    for (known, unknown) in [(200, 299), (300, 399), (400, 431), (400, 499), (500, 599), (600, 699)] {
        assert_eq!(outcome(known), outcome(unknown), "{known} and {unknown}");
    }
    assert_eq!(
        [200, 400, 500, 600].map(outcome),
        ["accepted", "next sip:c@192.0.2.23", "next sip:c@192.0.2.23", "failed"]
    );
}

/// RFC 3261 §8.1.3.2, RFC 5057 §5.1: within a dialog too.
#[test]
fn unknown_codes_within_a_dialog() {
    for code in [400, 431, 499, 500, 599, 600, 699] {
        let mut ua = Ua::new();
        let (_, dialog) = ua.answered_call();
        ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
        let info = ua.drain().only();
        assert_eq!(ua.hear(answer(&info, code, "", "")).lines(), [format!("* failed {code} X (INFO)")]);
        assert!(ua.sip.dialog(dialog).is_ok());
    }
}

// ---- CANCEL and ACK (§9.1, §8.2.2.3, §13.2.2.4) ----

/// RFC 3261 §8.2.2.3, §9.1: neither the CANCEL nor the ACK of a failure requires anything, whatever the INVITE did; §22.1: the ACK has its credentials.
// Holds: 3261-8.2.2.3-3, 3261-9.1-6
#[test]
fn cancel_and_the_ack_of_a_failure_require_nothing() {
    let mut ua = Ua::new();
    let invite =
        Invite::to("sip:alice@192.0.2.1").header("Require", "replaces").header("Proxy-Require", "path");
    let credentials = ["Digest username=\"bob\", realm=\"a\"", "Digest username=\"bob\", realm=\"b\""];
    let invite = invite.header("Authorization", credentials[0]).header("Proxy-Authorization", credentials[1]);
    let (id, heard) = ua.invite(invite);
    let invite = heard.only();
    assert_eq!(
        (invite.value(Name::Require), invite.value(Name::ProxyRequire)),
        (Some("replaces"), Some("path"))
    );
    ua.hear(answer(&invite, 180, "a", CONTACT));
    for name in ["Require", "Proxy-Require"] {
        assert!(ua.sip.client(id).unwrap().cancel_with(ua.now, &[Header::new(name, "x")]).is_err());
    }
    let cancel = ua.cancel(id).only();
    let ack = ua.hear(answer(&invite, 487, "a", "")).message("ACK");
    let said = [Name::Authorization, Name::ProxyAuthorization].map(|name| ack.value(name));
    assert_eq!(said, credentials.map(Some));
    for message in [cancel, ack] {
        assert_eq!((message.value(Name::Require), message.value(Name::ProxyRequire)), (None, None));
    }
}

/// RFC 3261 §13.2.2.4, §8.2.2.3: the ACK of a 2xx has the credentials of its INVITE, and requires nothing that the INVITE did not.
// Holds: 3261-13.2.2.4-7, 3261-8.2.2.3-5
#[test]
fn the_ack_of_a_2xx_has_the_credentials_and_requires_nothing_new() {
    let mut ua = Ua::with(|config| config.settings.rel100 = Rel100::Required);
    let (bob, proxy) = ("Digest username=\"bob\", realm=\"a\"", "Digest username=\"bob\", realm=\"b\"");
    let invite = Invite::to("sip:alice@192.0.2.1").sdp(SDP);
    let invite = invite.header("Authorization", bob).header("Proxy-Authorization", proxy);
    let (_, heard) = ua.invite(invite.header("Proxy-Authorization", bob));
    let invite = heard.only();
    let heard = ua.hear(answer(&invite, 200, "a", CONTACT));
    let check = |ack: &Message, invite: &Message| {
        for name in [Name::Authorization, Name::ProxyAuthorization] {
            assert!(ack.values(name).eq(invite.values(name)), "{name:?}");
        }
        assert!(ack.require().all(|tag| invite.require().any(|known| known == tag)));
        assert_eq!(ack.value(Name::ProxyRequire), None);
    };
    assert_eq!(invite.values(Name::ProxyAuthorization).count(), 2);
    check(&heard.message("ACK"), &invite);
    let reinvite = InDialog::new(Method::Invite).header("Authorization", proxy).sdp(SDP);
    ua.sip.dialog(heard.dialog()).unwrap().request(ua.now, reinvite).unwrap();
    let again = ua.drain().only();
    check(&ua.hear(answer(&again, 200, "", CONTACT)).message("ACK"), &again);
}

/// RFC 3261 §13.2.1: an INVITE that says how long it is good for is cancelled when that time is over.
// Holds: 3261-13.2.1-4
#[test]
fn an_invite_of_ours_that_expires_is_cancelled() {
    let call = |ua: &mut Ua| ua.invite(Invite::to("sip:alice@192.0.2.1").header("Expires", "20")).1.only();
    let mut ua = Ua::new();
    let invite = call(&mut ua);
    ua.pass(secs(2));
    ua.hear(answer(&invite, 180, "a", CONTACT));
    assert_eq!(ua.pass(secs(30)).times("CANCEL")[0], 20_000);
    let mut ua = Ua::new();
    let invite = call(&mut ua);
    let heard = ua.pass(secs(25));
    assert_eq!(heard.times("CANCEL"), [0; 0], "no CANCEL before a provisional answer (§9.1)");
    assert_eq!(ua.hear(answer(&invite, 100, "", "")).lines(), ["* got 100 X (INVITE)", "CANCEL"]);
    let mut ua = Ua::new();
    let invite = call(&mut ua);
    ua.hear(answer(&invite, 200, "a", CONTACT));
    assert_eq!(ua.pass(secs(30)).times("CANCEL"), [0; 0], "it was answered in time");
    let mut ua = Ua::new();
    let (_, _, dialog) = ua.placed_call();
    let again = InDialog::new(Method::Invite).header("Expires", "20").sdp(SDP);
    ua.sip.dialog(dialog).unwrap().request(ua.now, again).unwrap();
    let again = ua.drain().only();
    ua.hear(answer(&again, 100, "", ""));
    assert_eq!(ua.pass(secs(30)).times("CANCEL")[0], 20_000, "a re-INVITE");
}

// ---- Within a dialog (§12.2.1.1) ----

/// RFC 3261 §12.2.1.1, §19.1.1: a strict router's URI loses what a Request-URI may not have; the other routes keep all parameters.
// Holds: 3261-12.2.1.1-15, 3261-12.2.1.1-16, 3261-12.2.1.1-17
#[test]
fn a_strict_router_in_the_request_uri() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let routes =
        "Record-Route: <sip:192.0.2.72;lr;x=1>;y=2, <sip:192.0.2.70;method=INVITE;a=b?Subject=x>\r\n";
    let heard = ua.hear(answer(&invite, 200, "a", &format!("{CONTACT}{routes}")));
    let bye = ua.destroy(heard.dialog()).only();
    for request in [heard.message("ACK"), bye] {
        assert_eq!(request.request_uri(), Some("sip:192.0.2.70;a=b"));
        let routes: Vec<_> = request.elements(Name::Route).collect();
        assert_eq!(routes, ["<sip:192.0.2.72;lr;x=1>;y=2", "<sip:alice@192.0.2.1>"]);
    }
}

/// RFC 3261 §12.1.2: the client keeps the dialog as it was for as long as nobody ends it.
// Holds: 3261-12.1.2-3
#[test]
fn a_callers_dialog_lasts() {
    let mut ua = Ua::new();
    let (_, invite) = ua.call_alice();
    let lines = format!("{CONTACT}Record-Route: <sip:192.0.2.7;lr>\r\n");
    let ok = answer(&invite, 200, "a", &lines);
    let dialog = ua.hear(ok.clone()).dialog();
    assert_eq!(ua.pass(secs(48 * 3_600)).lines(), ["* client ended"]);
    let info = Req::back(&invite, &parse(&ok), "INFO", 7);
    assert_eq!(ua.hear(info.text()).lines(), ["200 OK (INFO)", "* INFO answered 200"]);
    let bye = ua.destroy(dialog).only();
    assert_eq!((bye.cseq(), bye.call_id()), (2, invite.call_id()));
    assert_eq!((bye.value(Name::Route), bye.to().unwrap().tag()), (Some("<sip:192.0.2.7;lr>"), Some("a")));
    assert_eq!(bye.request_uri(), Some("sip:alice@192.0.2.1"));
}

/// §19.1.1, Table 1: what only a URI outside messages may have stands neither in the Request-URI nor in To, which begins as that (§8.1.1.1, §8.1.1.2).
#[test]
fn a_uri_from_outside() {
    for method in [Method::Invite, Method::Message] {
        let mut ua = Ua::new();
        let uri = "sip:alice@192.0.2.1;x=y;method=INVITE?Subject=dinner&Priority=urgent";
        ua.sip.request(ua.now, Request::new(method, uri)).unwrap();
        let sent = ua.drain().only();
        let target = "sip:alice@192.0.2.1;x=y";
        assert_eq!((sent.request_uri(), sent.to().unwrap().uri), (Some(target), target));
    }
}
