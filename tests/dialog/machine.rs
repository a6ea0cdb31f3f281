//! `Dialog` from the outside: what it takes from request and answer, the requests that it writes and where they go, and its verdict on
//! those that come in.

use bytes::Bytes;

use sip_proto::context::Hop;
use sip_proto::dialog::{Dialog, DialogError, DialogState, InDialog, Role, Verdict, Within};
use sip_proto::message::{Body, BuildError, Name};
use sip_proto::random::Token;
use sip_proto::sdp::{Meaning, Side};
use sip_proto::{Message, Method, Transport};

const WITHIN: Within<'static> =
    Within { allow: "INVITE, ACK, BYE", supported: "100rel", user_agent: "Test/1.0" };

/// The methods that an application sends within a dialog.
const METHODS: [Method; 9] = [
    Method::Invite,
    Method::Update,
    Method::Info,
    Method::Notify,
    Method::Refer,
    Method::Message,
    Method::Options,
    Method::Subscribe,
    Method::Bye,
];

fn hop() -> Hop<'static> {
    Hop { transport: Transport::Udp, sent_by: "192.0.2.4:5060", branch: Token::from_bits(5) }
}

/// The INVITE of Alice to Bob, with `lines` besides.
fn invite(lines: &str) -> Message {
    request("INVITE", 314_159, lines)
}

fn request(method: &str, cseq: u32, lines: &str) -> Message {
    parse(&format!(
        "{method} sip:bob@biloxi.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\n\
         From: Alice <sip:alice@atlanta.com>;tag=alices-tag\r\n\
         To: Bob <sip:bob@biloxi.com>\r\n\
         Call-ID: a84b4c76e66710\r\n\
         CSeq: {cseq} {method}\r\n\
         {lines}\r\n"
    ))
}

/// Bob's answer to that INVITE, with `lines` besides.
fn answer(code: u16, lines: &str) -> Message {
    answer_tagged(code, ";tag=bobs-tag", lines)
}

fn answer_tagged(code: u16, tag: &str, lines: &str) -> Message {
    parse(&format!(
        "SIP/2.0 {code} Some\r\n\
         Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\n\
         From: Alice <sip:alice@atlanta.com>;tag=alices-tag\r\n\
         To: Bob <sip:bob@biloxi.com>{tag}\r\n\
         Call-ID: a84b4c76e66710\r\n\
         CSeq: 314159 INVITE\r\n\
         {lines}\r\n"
    ))
}

/// A request of the peer's within the dialog.
fn within(method: &str, cseq: u32, lines: &str) -> Message {
    request(method, cseq, lines)
}

fn parse(text: &str) -> Message {
    Message::parse(text.as_bytes().to_vec()).unwrap()
}

fn with_sdp(message: &Message, sdp: &str) -> Message {
    let head = String::from_utf8(message.as_bytes().to_vec()).unwrap();
    let head = head.strip_suffix("\r\n").unwrap();
    let len = sdp.len();
    parse(&format!("{head}Content-Type: application/sdp\r\nContent-Length: {len}\r\n\r\n{sdp}"))
}

const ALICE: &str = "Contact: <sip:alice@pc33.atlanta.com>\r\n";
const BOB: &str = "Contact: <sip:bob@192.0.2.4>\r\n";

/// Bob's side of a call, with these Record-Route lines.
fn uas(routes: &str) -> Dialog {
    Dialog::uas(&invite(&format!("{ALICE}{routes}")), &answer(200, BOB)).unwrap()
}

/// Alice's side of a call, with these Record-Route lines.
fn uac(routes: &str) -> Dialog {
    Dialog::uac(&invite(ALICE), &answer(200, &format!("{BOB}{routes}"))).unwrap()
}

/// The next request of this method, as the peer reads it.
fn next(dialog: &mut Dialog, method: Method) -> Message {
    send(dialog, &InDialog::new(method))
}

fn send(dialog: &mut Dialog, request: &InDialog) -> Message {
    let written = dialog.request(request, &hop(), &WITHIN).unwrap();
    let read = Message::parse(written.as_bytes().to_vec()).unwrap();
    assert_eq!(read, written, "what is written is what is read");
    read
}

fn routes(message: &Message) -> Vec<&str> {
    message.elements(Name::Route).collect()
}

// What a dialog is made of.

/// RFC 3261 §12.1.1, PEERS B.1: what the UAS takes from the request and from its own answer.
// Holds: 3261-12.1-1, 3261-12.1.1-10, 3261-12.1.1-11, 3261-12.1.1-12, 3261-12.1.1-17
#[test]
fn a_uas_dialog_is_made_of_request_and_sent_answer() {
    let invite = with_sdp(&invite(ALICE), "v=0\r\no=alice\r\n");
    let ok = with_sdp(&answer(200, BOB), "v=0\r\no=bob\r\n");
    let dialog = Dialog::uas(&invite, &ok).unwrap();
    assert_eq!((dialog.role(), dialog.state()), (Role::Uas, DialogState::Confirmed));
    let sip = dialog.sip();
    assert_eq!((sip.call_id, sip.local_tag, sip.remote_tag), ("a84b4c76e66710", "bobs-tag", "alices-tag"));
    assert_eq!((dialog.local_cseq(), dialog.remote_cseq()), (0, Some(314_159)));
    let (local, remote) = (dialog.local(), dialog.remote());
    assert_eq!((local.uri, local.contact), ("Bob <sip:bob@biloxi.com>", "sip:bob@192.0.2.4"));
    assert_eq!((remote.uri, remote.contact), ("Alice <sip:alice@atlanta.com>", "sip:alice@pc33.atlanta.com"));
    assert_eq!((local.sdp, remote.sdp), (&b"v=0\r\no=bob\r\n"[..], &b"v=0\r\no=alice\r\n"[..]));
    assert_eq!(dialog.route_set().count(), 0);
}

/// RFC 3261 §12.1.2, PEERS B.1: what the UAC takes from its own request and from the answer.
// Holds: 3261-12.1.2-6, 3261-12.1.2-7, 3261-12.1.2-8, 3261-12.1.2-9, 3261-12.1.2-13
#[test]
fn a_uac_dialog_is_made_of_sent_request_and_answer() {
    let invite = with_sdp(&invite(ALICE), "v=0\r\no=alice\r\n");
    let ok = with_sdp(&answer(200, BOB), "v=0\r\no=bob\r\n");
    let dialog = Dialog::uac(&invite, &ok).unwrap();
    assert_eq!((dialog.role(), dialog.state()), (Role::Uac, DialogState::Confirmed));
    let sip = dialog.sip();
    assert_eq!((sip.call_id, sip.local_tag, sip.remote_tag), ("a84b4c76e66710", "alices-tag", "bobs-tag"));
    assert_eq!((dialog.local_cseq(), dialog.remote_cseq()), (314_159, None));
    let (local, remote) = (dialog.local(), dialog.remote());
    assert_eq!((local.uri, local.contact), ("Alice <sip:alice@atlanta.com>", "sip:alice@pc33.atlanta.com"));
    assert_eq!((remote.uri, remote.contact), ("Bob <sip:bob@biloxi.com>", "sip:bob@192.0.2.4"));
    assert_eq!((local.sdp, remote.sdp), (&b"v=0\r\no=alice\r\n"[..], &b"v=0\r\no=bob\r\n"[..]));
}

/// RFC 3261 §12.1: 101–199 make an early dialog, any 2xx a confirmed one, on both sides.
// Holds: 5057-4.1-1
#[test]
fn provisional_answers_make_early_dialogs() {
    for (code, state) in [
        (101, DialogState::Early),
        (180, DialogState::Early),
        (199, DialogState::Early),
        (200, DialogState::Confirmed),
        (202, DialogState::Confirmed),
    ] {
        let sent = answer(code, BOB);
        assert_eq!(Dialog::uas(&invite(ALICE), &sent).unwrap().state(), state, "{code}");
        assert_eq!(Dialog::uac(&invite(ALICE), &sent).unwrap().state(), state, "{code}");
    }
}

/// PEERS B.1: a header that the dialog is made of is named when it is missing.
#[test]
fn a_missing_header_is_named() {
    let untagged = |message: &Message, tag: &str| {
        parse(&String::from_utf8(message.as_bytes().to_vec()).unwrap().replace(tag, ""))
    };
    let missing = |name| Some(DialogError::Missing(name));
    let (with, without) = (invite(ALICE), invite(""));
    let (ok, bare) = (answer(200, BOB), answer(200, ""));
    assert_eq!(Dialog::uas(&without, &ok).err(), missing(Name::Contact));
    assert_eq!(Dialog::uas(&with, &bare).err(), missing(Name::Contact));
    assert_eq!(Dialog::uas(&with, &answer_tagged(200, "", BOB)).err(), missing(Name::To));
    assert_eq!(Dialog::uac(&without, &ok).err(), missing(Name::Contact));
    assert_eq!(Dialog::uac(&with, &bare).err(), missing(Name::Contact));
    assert_eq!(Dialog::uac(&untagged(&with, ";tag=alices-tag"), &ok).err(), missing(Name::From));
    assert_eq!(Dialog::uas(&with, &invite(BOB)).err(), Some(DialogError::NoDialog));
    assert_eq!(Dialog::uac(&with, &invite(BOB)).err(), Some(DialogError::NoDialog));
}

/// PEERS B.1: what is there and illegible is named too, and is not taken for missing.
#[test]
fn a_malformed_header_is_named() {
    let named = |made: Result<Dialog, DialogError>| match made {
        Err(DialogError::Malformed(fault)) => fault.header,
        other => panic!("{other:?}"),
    };
    let contact = "Contact: <sip:@>\r\n";
    assert_eq!(named(Dialog::uas(&invite(contact), &answer(200, BOB))), Some(Name::Contact));
    assert_eq!(named(Dialog::uac(&invite(ALICE), &answer(200, contact))), Some(Name::Contact));
    let route = "Record-Route: <sip:p1\r\n";
    assert_eq!(
        named(Dialog::uas(&invite(&format!("{ALICE}{route}")), &answer(200, BOB))),
        Some(Name::RecordRoute)
    );
    assert_eq!(
        named(Dialog::uac(&invite(ALICE), &answer(200, &format!("{BOB}{route}")))),
        Some(Name::RecordRoute)
    );
}

/// RFC 3261 §12.1.2: a peer of RFC 2543 gives no tag; the tag is null then, and is not written.
// Holds: 3261-12.1.1-16, 3261-12.1.2-12, 3261-12.2.1.1-5
#[test]
fn a_peer_without_tag_has_the_null_tag() {
    let mut uac = Dialog::uac(&invite(ALICE), &answer_tagged(200, "", BOB)).unwrap();
    assert_eq!((uac.sip().remote_tag, uac.sip().local_tag), ("", "alices-tag"));
    assert_eq!(next(&mut uac, Method::Bye).value(Name::To), Some("Bob <sip:bob@biloxi.com>"));

    let old = String::from_utf8(invite(ALICE).as_bytes().to_vec()).unwrap().replace(";tag=alices-tag", "");
    let mut uas = Dialog::uas(&parse(&old), &answer(200, BOB)).unwrap();
    assert_eq!((uas.sip().remote_tag, uas.sip().local_tag), ("", "bobs-tag"));
    assert_eq!(next(&mut uas, Method::Bye).value(Name::To), Some("Alice <sip:alice@atlanta.com>"));
}

/// RFC 3261 §12.1.1, §12.1.2: a dialog is secure when its request was for a SIPS URI.
#[test]
fn a_sips_request_makes_a_secure_dialog() {
    let text = String::from_utf8(invite(ALICE).as_bytes().to_vec()).unwrap();
    let sips = parse(&text.replace("INVITE sip:", "INVITE sips:"));
    assert!(Dialog::uas(&sips, &answer(200, BOB)).unwrap().is_secure());
    assert!(Dialog::uac(&sips, &answer(200, BOB)).unwrap().is_secure());
    assert!(!uas("").is_secure() && !uac("").is_secure());
}

/// DESIGN §4: a dialog keeps copies; the datagrams that it was made of are not held.
#[test]
fn a_dialog_holds_no_message() {
    let shared = |message: &Message| Bytes::copy_from_slice(message.as_bytes());
    let routes = format!("{ALICE}Record-Route: <sip:p1.example.com;lr>\r\n");
    let request = shared(&with_sdp(&invite(&routes), "v=0\r\n"));
    let response = shared(&with_sdp(&answer(200, BOB), "v=0\r\n"));
    let refresh = shared(&within("INVITE", 400_000, "Contact: <sip:alice@192.0.2.99>\r\n"));
    let mut dialog = {
        let invite = Message::parse(request.clone()).unwrap();
        let ok = Message::parse(response.clone()).unwrap();
        assert!(!request.is_unique() && !response.is_unique(), "a message shares its buffer");
        Dialog::uas(&invite, &ok).unwrap()
    };
    {
        let again = Message::parse(refresh.clone()).unwrap();
        dialog.receive(&again);
        dialog.refresh_target(&again);
    }
    assert!(request.is_unique() && response.is_unique() && refresh.is_unique());
    let bye = next(&mut dialog, Method::Bye);
    assert_eq!((bye.request_uri(), bye.call_id()), (Some("sip:alice@192.0.2.99"), "a84b4c76e66710"));
}

// Route sets and where requests go.

/// RFC 3261 §12.1.1: the UAS takes the Record-Route elements in order, over lines and commas, with all parameters.
// Holds: 3261-12.1.1-8
#[test]
fn a_uas_takes_the_route_set_in_order() {
    let dialog = uas(
        "Record-Route: <sip:p3;lr>;x=1, \"P, two\" <sip:p2;lr;maddr=192.0.2.1>\r\nRecord-Route: <sip:p1;lr>\r\n",
    );
    let expected = ["<sip:p3;lr>;x=1", "\"P, two\" <sip:p2;lr;maddr=192.0.2.1>", "<sip:p1;lr>"];
    assert_eq!(dialog.route_set().collect::<Vec<_>>(), expected);
}

/// RFC 3261 §12.1.2: the UAC takes them in reverse, over lines and commas.
// Holds: 3261-12.1.2-4
#[test]
fn a_uac_takes_the_route_set_in_reverse() {
    let dialog = uac("Record-Route: <sip:p3;lr>;x=1, <sip:p2;lr>\r\nRecord-Route: <sip:p1;lr>\r\n");
    assert_eq!(dialog.route_set().collect::<Vec<_>>(), ["<sip:p1;lr>", "<sip:p2;lr>", "<sip:p3;lr>;x=1"]);
}

/// RFC 3261 §12.1.1, §12.1.2: each side takes its route set from what it received, not from what it sent.
// Holds: 3261-12.1.1-9, 3261-12.1.2-5
#[test]
fn the_route_set_comes_from_what_was_received() {
    let route = "Record-Route: <sip:p1;lr>\r\n";
    let uas = Dialog::uas(&invite(ALICE), &answer(200, &format!("{BOB}{route}"))).unwrap();
    let uac = Dialog::uac(&invite(&format!("{ALICE}{route}")), &answer(200, BOB)).unwrap();
    assert_eq!((uas.route_set().count(), uac.route_set().count()), (0, 0));
}

/// RFC 3261 §12.2.1.1: without a route set the request goes to the remote target and has no Route.
// Holds: 3261-12.2.1.1-11, 3261-12.2.1.1-12
#[test]
fn without_a_route_set_requests_go_to_the_target() {
    for (mut dialog, target) in [(uas(""), "sip:alice@pc33.atlanta.com"), (uac(""), "sip:bob@192.0.2.4")] {
        assert_eq!(dialog.next_hop(), target);
        let info = next(&mut dialog, Method::Info);
        assert_eq!((info.request_uri(), routes(&info).len()), (Some(target), 0));
    }
}

/// RFC 3261 §12.2.1.1, §16.12.1.1: loose routers: the target in the Request-URI, the route set in Route; both ends of the trapezoid.
// Holds: 3261-12.2.1.1-13, 3261-12.2.1.1-14
#[test]
fn loose_routers_are_passed_through_route() {
    let recorded = "Record-Route: <sip:p2.domain.com;lr>\r\nRecord-Route: <sip:p1.example.com;lr>\r\n";
    let mut caller = uac(recorded);
    let bye = next(&mut caller, Method::Bye);
    assert_eq!(bye.request_uri(), Some("sip:bob@192.0.2.4"));
    assert_eq!(routes(&bye), ["<sip:p1.example.com;lr>", "<sip:p2.domain.com;lr>"]);
    assert_eq!(caller.next_hop(), "sip:p1.example.com;lr");

    let mut callee = uas(recorded);
    let bye = next(&mut callee, Method::Bye);
    assert_eq!(bye.request_uri(), Some("sip:alice@pc33.atlanta.com"));
    assert_eq!(routes(&bye), ["<sip:p2.domain.com;lr>", "<sip:p1.example.com;lr>"]);
    assert_eq!(callee.next_hop(), "sip:p2.domain.com;lr");
}

/// RFC 3261 §16.12.1.2: a strict router further on is not the user agent's concern.
// Holds: 3261-12.2.1.1-13, 3261-12.2.1.1-14
#[test]
fn a_strict_router_further_on_changes_nothing() {
    let mut callee = uas("Record-Route: <sip:p4.domain.com;lr>\r\nRecord-Route: <sip:p3.middle.com>\r\n\
         Record-Route: <sip:p2.example.com;lr>\r\nRecord-Route: <sip:p1.example.com;lr>\r\n");
    let bye = next(&mut callee, Method::Bye);
    assert_eq!(bye.request_uri(), Some("sip:alice@pc33.atlanta.com"));
    assert_eq!(
        routes(&bye),
        [
            "<sip:p4.domain.com;lr>",
            "<sip:p3.middle.com>",
            "<sip:p2.example.com;lr>",
            "<sip:p1.example.com;lr>"
        ]
    );
}

/// RFC 3261 §12.2.1.1, its example: a strict router comes first: it is the Request-URI, the target is last in Route.
// Holds: 3261-12.2.1.1-15, 3261-12.2.1.1-16, 3261-12.2.1.1-17
#[test]
fn a_strict_first_router_gets_the_request_uri() {
    let mut callee = Dialog::uas(
        &invite("Contact: <sip:user@remoteua>\r\nRecord-Route: <sip:proxy1>,<sip:proxy2>,<sip:proxy3;lr>,<sip:proxy4>\r\n"),
        &answer(200, BOB),
    )
    .unwrap();
    for method in METHODS {
        let request = next(&mut callee, method);
        assert_eq!(request.request_uri(), Some("sip:proxy1"));
        let expected = ["<sip:proxy2>", "<sip:proxy3;lr>", "<sip:proxy4>", "<sip:user@remoteua>"];
        assert_eq!(routes(&request), expected);
    }
    assert_eq!(callee.next_hop(), "sip:proxy1");
}

/// RFC 3261 §12.2.1.1: a strict router alone: Route holds the target only.
// Holds: 3261-12.2.1.1-15, 3261-12.2.1.1-17
#[test]
fn a_lone_strict_router_gets_the_target_in_route() {
    let mut caller = uac("Record-Route: <sip:proxy1;transport=tcp>\r\n");
    let bye = next(&mut caller, Method::Bye);
    assert_eq!(bye.request_uri(), Some("sip:proxy1;transport=tcp"));
    assert_eq!(routes(&bye), ["<sip:bob@192.0.2.4>"]);
}

/// RFC 3261 §16.12.1.3: the two sides may have different route sets; each goes by its own.
#[test]
fn each_side_goes_by_its_own_route_set() {
    let mut caller = uac("Record-Route: <sip:gateway.leftprivatespace.com;lr>\r\n");
    let mut callee = uas("Record-Route: <sip:gateway.rightprivatespace.com;lr>\r\n");
    assert_eq!(routes(&next(&mut caller, Method::Bye)), ["<sip:gateway.leftprivatespace.com;lr>"]);
    assert_eq!(routes(&next(&mut callee, Method::Bye)), ["<sip:gateway.rightprivatespace.com;lr>"]);
}

// Requests within the dialog.

/// RFC 3261 §12.2.1.1, §8.1.1: From and To are the two sides with their tags; Call-ID; a Via for the hop; Max-Forwards.
// Holds: 3261-12.2.1.1-1, 3261-12.2.1.1-2, 3261-12.2.1.1-3, 3261-12.2.1.1-4, 3261-12.2.1.1-6
#[test]
fn a_request_names_both_sides() {
    for (mut dialog, from, to) in [
        (uas(""), "Bob <sip:bob@biloxi.com>;tag=bobs-tag", "Alice <sip:alice@atlanta.com>;tag=alices-tag"),
        (uac(""), "Alice <sip:alice@atlanta.com>;tag=alices-tag", "Bob <sip:bob@biloxi.com>;tag=bobs-tag"),
    ] {
        for method in METHODS {
            let request = next(&mut dialog, method.clone());
            assert_eq!(request.method(), &method);
            assert_eq!((request.value(Name::From), request.value(Name::To)), (Some(from), Some(to)));
            assert_eq!((request.call_id(), request.max_forwards()), ("a84b4c76e66710", Ok(Some(70))));
            let via = request.top_via().unwrap();
            assert_eq!(via.branch(), Some(format!("z9hG4bK{}", hop().branch).as_str()));
            assert_eq!((request.via().count(), via.wants_rport()), (1, true));
            assert_eq!(request.value(Name::UserAgent), Some("Test/1.0"));
        }
    }
}

/// RFC 3261 §12.2.1.1: Contact in target refresh requests, and not in BYE, INFO or MESSAGE; an application's own takes its place.
// Holds: 3261-12.2.1.1-18, 3261-12.2.1.1-19
#[test]
fn target_refresh_requests_carry_contact() {
    let mut dialog = uas("");
    for method in [Method::Invite, Method::Update, Method::Subscribe, Method::Notify, Method::Refer] {
        assert_eq!(next(&mut dialog, method).value(Name::Contact), Some("<sip:bob@192.0.2.4>"));
    }
    for method in [Method::Bye, Method::Info, Method::Message] {
        assert_eq!(next(&mut dialog, method).value(Name::Contact), None);
    }
    let own = send(&mut dialog, &InDialog::new(Method::Invite).header("m", "<sip:bob@192.0.2.9>"));
    assert_eq!(own.values(Name::Contact).collect::<Vec<_>>(), ["<sip:bob@192.0.2.9>"]);
}

/// PEERS B.2: headers in the order given, a body with its type; what the application supplies takes the default's place.
#[test]
fn headers_and_body_are_the_applications() {
    let mut dialog = uac("");
    let request = InDialog::new(Method::Info)
        .header("Info-Package", "dtmf")
        .header("X-One", "1")
        .header("user-agent", "Mine")
        .header("X-One", "2")
        .body("application/dtmf-relay", "Signal=5\r\n");
    let info = send(&mut dialog, &request);
    assert_eq!(info.headers("X-One").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(info.headers("Info-Package").collect::<Vec<_>>(), ["dtmf"]);
    assert_eq!(info.values(Name::UserAgent).collect::<Vec<_>>(), ["Mine"]);
    assert_eq!((info.body(), info.content_length()), (&b"Signal=5\r\n"[..], Ok(Some(10))));
    assert!(info.content_type().unwrap().unwrap().is("application", "dtmf-relay"));
    let offer = send(&mut dialog, &InDialog::new(Method::Invite).sdp("v=0\r\n"));
    assert!(offer.content_type().unwrap().unwrap().is("application", "sdp"));
}

/// RFC 3261 §12.2.1.1: each request's number is one higher, across methods; a UAS starts anew, well below 2³¹.
// Holds: 3261-12.2.1.1-7, 3261-12.2.1.1-8, 3261-12.2.1.1-9, 3261-12.2.1.1-10
#[test]
fn sequence_numbers_rise_by_one() {
    let (mut uac, mut uas) = (uac(""), uas(""));
    for (place, method) in (1..).zip(METHODS) {
        let sent = next(&mut uac, method.clone());
        assert_eq!(sent.value(Name::CSeq), Some(&*format!("{} {method}", 314_159 + place)));
        assert_eq!((uac.local_cseq(), uac.remote_cseq()), (314_159 + place, None));
        assert_eq!(next(&mut uas, method).cseq(), place);
        assert_eq!((uas.local_cseq(), uas.remote_cseq()), (place, Some(314_159)));
    }
}

/// RFC 3261 §8.1.1.5: a number is below 2³¹; when they are used up the dialog refuses.
// Holds: 3261-8.1.1.5-2, 3261-8.1.1.5-3
#[test]
fn sequence_numbers_stay_below_two_to_the_31() {
    let last = (1 << 31) - 1;
    let ok = |cseq: u32| {
        parse(
            &String::from_utf8(answer(200, BOB).as_bytes().to_vec())
                .unwrap()
                .replace("314159", &cseq.to_string()),
        )
    };
    let mut dialog = Dialog::uac(&request("INVITE", last - 1, ALICE), &ok(last - 1)).unwrap();
    assert_eq!(next(&mut dialog, Method::Info).cseq(), last);
    for started in [last, 1 << 31, u32::MAX] {
        let mut dialog = Dialog::uac(&request("INVITE", started, ALICE), &ok(started)).unwrap();
        let before = dialog.clone();
        let refused = dialog.request(&InDialog::new(Method::Bye), &hop(), &WITHIN);
        assert_eq!(refused, Err(DialogError::CSeq), "{started}");
        assert_eq!(dialog, before);
    }
}

/// PEERS A.3, DESIGN §2.7: injection is refused through every string, and the sequence number is not used up.
#[test]
fn injection_is_refused_and_changes_nothing() {
    let info = || InDialog::new(Method::Info);
    let mut attempts = Vec::new();
    for evil in ["x\r\nVia: y", "x\ry", "x\ny", "x\0"] {
        attempts.push((info().header("X-Any", evil), BuildError::ControlCharacter));
        attempts.push((info().header(evil, "x"), BuildError::Name));
        attempts.push((info().body(evil, "x"), BuildError::ControlCharacter));
    }
    for (name, known) in [
        ("Via", Name::Via),
        ("f", Name::From),
        ("To", Name::To),
        ("i", Name::CallId),
        ("CSeq", Name::CSeq),
        ("Content-Length", Name::ContentLength),
    ] {
        attempts.push((info().header(name, "x"), BuildError::Reserved(known)));
    }
    attempts.push((info().header("", "x"), BuildError::Name));
    attempts.push((info().body("", "x"), BuildError::Body));
    let mut dialog = uac("Record-Route: <sip:p1;lr>\r\n");
    let before = dialog.clone();
    for (request, fault) in attempts {
        assert_eq!(dialog.request(&request, &hop(), &WITHIN), Err(DialogError::Build(fault)), "{request:?}");
        assert_eq!(dialog, before, "{request:?}");
    }
    for within in [
        Within { user_agent: "x\r\nX: y", ..WITHIN },
        Within { allow: "x\nX: y", ..WITHIN },
        Within { supported: "x\0", ..WITHIN },
    ] {
        let refused = dialog.request(&InDialog::new(Method::Invite), &hop(), &within);
        assert_eq!(refused, Err(DialogError::Build(BuildError::ControlCharacter)));
        assert_eq!(dialog, before);
    }
    assert_eq!(next(&mut dialog, Method::Info).cseq(), 314_160);
}

/// RFC 3261 §13.2.2.4, §9: ACK and CANCEL are not requests of their own.
#[test]
fn ack_and_cancel_are_refused() {
    for method in [Method::Ack, Method::Cancel] {
        let mut dialog = uac("");
        let before = dialog.clone();
        let refused = dialog.request(&InDialog::new(method), &hop(), &WITHIN);
        assert_eq!(refused, Err(DialogError::Method));
        assert_eq!(dialog, before);
    }
}

/// DESIGN §2.7: a dialog that is over sends nothing, and answers 481 to what comes in.
#[test]
fn a_terminated_dialog_sends_and_takes_nothing() {
    let mut dialog = uas("");
    dialog.terminate();
    let before = dialog.clone();
    assert_eq!(dialog.state(), DialogState::Terminated);
    for method in METHODS {
        let refused = dialog.request(&InDialog::new(method), &hop(), &WITHIN);
        assert_eq!(refused, Err(DialogError::Terminated));
    }
    assert_eq!(dialog.receive(&within("INFO", 314_160, "")), Verdict::Terminated);
    assert_eq!(dialog, before);
}

/// RFC 3261 §8.1.1.8, §11.1, §12.2.1.1: which requests within a dialog say where we are reached: once, in brackets, and the application's
/// Contact in place of ours.
#[test]
fn contact_goes_with_what_refreshes_the_target_and_with_options() {
    let mut dialog = uac("");
    let ours = format!("<{}>", dialog.local().contact);
    for method in [Method::Invite, Method::Update, Method::Refer, Method::Notify, Method::Options] {
        let request = dialog.request(&InDialog::new(method.clone()), &hop(), &WITHIN).unwrap();
        assert_eq!(request.values(Name::Contact).collect::<Vec<_>>(), [ours.as_str()], "{method}");
        let named = InDialog::new(method).header("m", "<sip:x@y>");
        let request = dialog.request(&named, &hop(), &WITHIN).unwrap();
        assert_eq!(request.values(Name::Contact).collect::<Vec<_>>(), ["<sip:x@y>"]);
    }
    for method in [Method::Bye, Method::Info, Method::Message] {
        let request = dialog.request(&InDialog::new(method.clone()), &hop(), &WITHIN).unwrap();
        assert_eq!(request.contacts().count(), 0, "{method}");
    }
}

/// RFC 3261 §13.2.2.4: the ACK has the INVITE's number, whatever was sent since, the dialog's route and both tags; it uses up no number.
// Holds: 3261-13.2.2.4-5, 3261-13.2.2.4-6
#[test]
fn the_ack_has_the_number_of_its_invite() {
    let mut dialog = uac("Record-Route: <sip:p1;lr>\r\n");
    let written = dialog.ack(314_159, Vec::new(), Some(Body::sdp("v=0\r\n")), &hop()).unwrap();
    let ack = Message::parse(written.as_bytes().to_vec()).unwrap();
    assert_eq!((ack.value(Name::CSeq), ack.body()), (Some("314159 ACK"), &b"v=0\r\n"[..]));
    assert_eq!((ack.request_uri(), routes(&ack)), (Some("sip:bob@192.0.2.4"), vec!["<sip:p1;lr>"]));
    assert_eq!((ack.from().unwrap().tag(), ack.to().unwrap().tag()), (Some("alices-tag"), Some("bobs-tag")));
    assert_eq!(ack.top_via().unwrap().branch(), Some(format!("z9hG4bK{}", hop().branch).as_str()));
    assert_eq!(dialog.local_cseq(), 314_159);

    let reinvite = next(&mut dialog, Method::Invite);
    next(&mut dialog, Method::Info);
    let ack = dialog.ack(reinvite.cseq(), Vec::new(), None, &hop()).unwrap();
    assert_eq!((ack.value(Name::CSeq), ack.body()), (Some("314160 ACK"), &b""[..]));
    dialog.terminate();
    assert!(
        dialog.ack(reinvite.cseq(), Vec::new(), None, &hop()).is_ok(),
        "a 2xx that comes after BYE is acknowledged too"
    );
}

// Requests that come in.

/// RFC 3261 §12.2.2: a lower number, or the same one, is out of order and changes nothing; a gap is legal.
// Holds: 3261-12.2.2-4, 3261-12.2.2-5
#[test]
fn numbers_of_incoming_requests_only_rise() {
    let mut dialog = uas("");
    for (cseq, verdict, last) in [
        (314_158, Verdict::OutOfOrder, 314_159),
        (314_159, Verdict::OutOfOrder, 314_159),
        (0, Verdict::OutOfOrder, 314_159),
        (314_160, Verdict::InOrder, 314_160),
        (314_160, Verdict::OutOfOrder, 314_160),
        (900_000, Verdict::InOrder, 900_000),
        (899_999, Verdict::OutOfOrder, 900_000),
        (u32::MAX, Verdict::InOrder, u32::MAX),
    ] {
        assert_eq!(dialog.receive(&within("INFO", cseq, "")), verdict, "{cseq}");
        assert_eq!(dialog.remote_cseq(), Some(last));
    }
    assert_eq!(dialog.local_cseq(), 0, "the two directions count apart");
}

/// RFC 3261 §12.2.2: where the peer has sent nothing yet, any number is in order.
// Holds: 3261-12.2.2-2
#[test]
fn the_first_request_of_the_peer_sets_its_number() {
    for first in [0, 1, 7_000_000] {
        let mut dialog = uac("");
        assert_eq!(dialog.receive(&within("BYE", first, "")), Verdict::InOrder);
        assert_eq!(dialog.remote_cseq(), Some(first));
        assert_eq!(dialog.receive(&within("BYE", first, "")), Verdict::OutOfOrder);
    }
}

/// RFC 3261 §13.3.1.4, §12.2.2: an ACK belongs to the INVITE of its number, the last one, and to nothing else.
#[test]
fn an_ack_belongs_to_the_last_invite() {
    let mut dialog = uas("");
    assert!(dialog.is_acknowledged_by(&within("ACK", 314_159, "")));
    assert!(!dialog.is_acknowledged_by(&within("ACK", 314_160, "")));
    assert!(!dialog.is_acknowledged_by(&within("INFO", 314_159, "")));
    dialog.receive(&within("INFO", 314_160, ""));
    assert!(dialog.is_acknowledged_by(&within("ACK", 314_159, "")), "an INFO in between");
    dialog.receive(&within("INVITE", 314_161, ALICE));
    assert!(dialog.is_acknowledged_by(&within("ACK", 314_161, "")));
    assert!(!dialog.is_acknowledged_by(&within("ACK", 314_159, "")), "the ACK of an older INVITE");

    let mut caller = uac("");
    assert!(!caller.is_acknowledged_by(&within("ACK", 314_159, "")), "the peer sent no INVITE");
    caller.receive(&within("INVITE", 5, BOB));
    assert!(caller.is_acknowledged_by(&within("ACK", 5, "")));
}

// Target refresh, confirmation, sessions.

/// RFC 3261 §12.2.1.2, §12.2.2, PEERS B.1: a target refresh moves the remote target, both ways; route set and identities stay.
// Holds: 3261-12.2.1.2-1, 3261-12.2.2-6
#[test]
fn a_target_refresh_moves_the_target_only() {
    let route = "Record-Route: <sip:p1;lr>\r\n";
    for (mut dialog, moved) in [
        (uas(route), within("INVITE", 400_000, "Contact: <sip:moved@192.0.2.77:5070;transport=tcp>\r\n")),
        (uac(route), answer(200, "Contact: <sip:moved@192.0.2.77:5070;transport=tcp>\r\n")),
    ] {
        let (id, local) = (dialog.clone(), dialog.clone());
        dialog.refresh_target(&moved);
        assert_eq!(dialog.remote().contact, "sip:moved@192.0.2.77:5070;transport=tcp");
        assert_eq!((dialog.sip(), dialog.local()), (id.sip(), local.local()));
        assert_eq!(dialog.remote().uri, id.remote().uri);
        assert_eq!(dialog.route_set().collect::<Vec<_>>(), ["<sip:p1;lr>"]);
        let bye = next(&mut dialog, Method::Bye);
        assert_eq!(bye.request_uri(), Some("sip:moved@192.0.2.77:5070;transport=tcp"));
        assert_eq!(routes(&bye), ["<sip:p1;lr>"]);
    }
}

/// RFC 3261 §12.2.2: Record-Route in a target refresh means nothing: the route set is fixed.
#[test]
fn a_target_refresh_leaves_the_route_set() {
    let mut dialog = uas("Record-Route: <sip:p1;lr>\r\n");
    dialog.refresh_target(&within("INVITE", 400_000, &format!("{ALICE}Record-Route: <sip:other;lr>\r\n")));
    assert_eq!(dialog.route_set().collect::<Vec<_>>(), ["<sip:p1;lr>"]);
}

/// RFC 3261 §12.2.2: without a usable Contact nothing moves.
#[test]
fn a_refresh_without_a_usable_contact_changes_nothing() {
    for lines in ["", "Contact: *\r\n", "Contact: <sip:@>\r\n", "Contact: <\r\n"] {
        let mut dialog = uas("Record-Route: <sip:p1;lr>\r\n");
        let before = dialog.clone();
        dialog.refresh_target(&within("INVITE", 400_000, lines));
        assert_eq!(dialog, before, "{lines:?}");
    }
}

/// RFC 3261 §13.2.2.4, §12.1.2: the 2xx confirms an early dialog, whose route set and target are taken anew from it.
// Holds: 3261-13.2.2.4-1, 3261-13.2.2.4-2
#[test]
fn the_2xx_takes_the_route_set_anew() {
    let early = format!("{BOB}Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\n");
    let invite = with_sdp(&invite(ALICE), "offer");
    let mut dialog = Dialog::uac(&invite, &with_sdp(&answer(183, &early), "early answer")).unwrap();
    assert_eq!(dialog.state(), DialogState::Early);
    assert_eq!(next(&mut dialog, Method::Update).cseq(), 314_160);

    let lines = "Contact: <sip:bob@192.0.2.40>\r\nRecord-Route: <sip:p3;lr>, <sip:p1;lr>\r\n";
    dialog.confirm_uac(&invite, &with_sdp(&answer(200, lines), "answer")).unwrap();
    assert_eq!(dialog.state(), DialogState::Confirmed);
    assert_eq!(dialog.route_set().collect::<Vec<_>>(), ["<sip:p1;lr>", "<sip:p3;lr>"]);
    // The description is the first one that came (RFC 3261 §13.2.1).
    assert_eq!((dialog.remote().contact, dialog.remote().sdp), ("sip:bob@192.0.2.40", &b"early answer"[..]));
    assert_eq!(dialog.local_cseq(), 314_160, "numbers that were used stay used");
    assert_eq!(dialog.sip().remote_tag, "bobs-tag");
}

/// RFC 3261 §13.2.1: a 2xx without a session description leaves what an earlier answer said.
#[test]
fn a_2xx_without_sdp_keeps_the_early_answer() {
    let invite = with_sdp(&invite(ALICE), "offer");
    let mut uac = Dialog::uac(&invite, &with_sdp(&answer(183, BOB), "answer")).unwrap();
    uac.confirm_uac(&invite, &answer(200, BOB)).unwrap();
    assert_eq!((uac.remote().sdp, uac.local().sdp), (&b"answer"[..], &b"offer"[..]));

    let mut uas = Dialog::uas(&invite, &with_sdp(&answer(183, BOB), "answer")).unwrap();
    uas.confirm_uas(&answer(200, BOB));
    assert_eq!((uas.state(), uas.local().sdp), (DialogState::Confirmed, &b"answer"[..]));
    let mut uas = Dialog::uas(&invite, &answer(180, BOB)).unwrap();
    uas.confirm_uas(&with_sdp(&answer(200, BOB), "answer"));
    assert_eq!((uas.local().sdp, uas.remote().sdp), (&b"answer"[..], &b"offer"[..]));
}

/// RFC 3261 §12.1.1: the Contact of a 2xx is where its sender wants to be reached from now on, whatever that of the 180 was.
#[test]
fn a_2xx_of_ours_may_bring_another_contact() {
    let mut dialog = Dialog::uas(&invite(ALICE), &answer(180, BOB)).unwrap();
    dialog.confirm_uas(&answer(200, "Contact: <sip:bob@192.0.2.40>\r\n"));
    assert_eq!(dialog.local().contact, "sip:bob@192.0.2.40");
    let next = next(&mut dialog, Method::Update);
    assert_eq!(next.value(Name::Contact), Some("<sip:bob@192.0.2.40>"));
}

/// DESIGN §2.7: a 2xx that makes no dialog leaves the early one as it is.
#[test]
fn a_broken_2xx_confirms_nothing() {
    let mut dialog = Dialog::uac(&invite(ALICE), &answer(180, BOB)).unwrap();
    let before = dialog.clone();
    let refused = dialog.confirm_uac(&invite(ALICE), &answer(200, ""));
    assert_eq!((refused, &dialog), (Err(DialogError::Missing(Name::Contact)), &before));
}

/// RFC 3261 §12.1.2, PEERS B.1: many peers' 180 has no Contact; the early dialog's target is then the INVITE's until the 2xx.
#[test]
fn an_early_dialog_without_contact_has_the_invites_target() {
    let mut dialog = Dialog::uac(&invite(ALICE), &answer(180, "")).unwrap();
    assert_eq!(dialog.remote().contact, "sip:bob@biloxi.com");
    dialog.confirm_uac(&invite(ALICE), &answer(200, BOB)).unwrap();
    assert_eq!(dialog.remote().contact, "sip:bob@192.0.2.4");
}

/// RFC 3261 §13.2.1, PEERS B.1: where the 2xx carried the offer, the answer is in the ACK; an ACK says nothing else about the session.
#[test]
fn the_answer_to_an_offer_in_the_2xx_is_in_the_ack() {
    let mut dialog = Dialog::uas(&invite(ALICE), &with_sdp(&answer(200, BOB), "offer")).unwrap();
    assert_eq!(dialog.remote().sdp, b"");
    _ = dialog.note(Side::Theirs, &with_sdp(&within("ACK", 314_159, ""), "answer"));
    assert_eq!((dialog.remote().sdp, dialog.local().sdp), (&b"answer"[..], &b"offer"[..]));
    _ = dialog.note(Side::Theirs, &within("ACK", 314_159, ""));
    assert_eq!(dialog.remote().sdp, b"answer");
}

/// RFC 3261 §13.2.1: where the INVITE carried the offer and the 2xx the answer, a body in the ACK is no session description.
#[test]
fn an_ack_adds_nothing_to_a_session_that_is_complete() {
    let invite = with_sdp(&invite(ALICE), "offer");
    let mut dialog = Dialog::uas(&invite, &with_sdp(&answer(200, BOB), "answer")).unwrap();
    _ = dialog.note(Side::Theirs, &with_sdp(&within("ACK", 314_159, ""), "stray"));
    assert_eq!((dialog.remote().sdp, dialog.local().sdp), (&b"offer"[..], &b"answer"[..]));
}

/// RFC 3262 §5: the offer belongs in the first reliable answer. Where the application leaves it out there the peer takes the 2xx for the offer, and so do
/// we: the ACK completes the round.
#[test]
fn an_offer_that_a_reliable_ringing_lacks_is_in_the_2xx() {
    let ringing = answer(180, &format!("{BOB}Require: 100rel\r\nRSeq: 1\r\n"));
    let mut dialog = Dialog::uas(&invite(ALICE), &ringing).unwrap();
    dialog.confirm_uas(&with_sdp(&answer(200, BOB), "offer"));
    assert_eq!(dialog.negotiation().offer(), Some((Side::Ours, &b"offer"[..])));
    _ = dialog.note(Side::Theirs, &with_sdp(&within("ACK", 314_159, ""), "answer"));
    assert_eq!((dialog.local().sdp, dialog.remote().sdp), (&b"offer"[..], &b"answer"[..]));
}

/// RFC 3261 §13.2.1, RFC 3311 §5.1: a 2xx may say again what a reliable answer said. The peer ignores that, and its offer in an UPDATE waits
/// for the answer all the same.
#[test]
fn what_is_said_again_leaves_an_offer_alone() {
    let ringing = answer(183, &format!("{BOB}Require: 100rel\r\nRSeq: 1\r\n"));
    let mut dialog = Dialog::uas(&invite(ALICE), &with_sdp(&ringing, "offer")).unwrap();
    assert_eq!(
        dialog.note(Side::Theirs, &with_sdp(&within("PRACK", 314_160, ""), "answer")),
        Ok(Meaning::Answer)
    );
    let text = String::from_utf8(answer(200, BOB).as_bytes().to_vec()).unwrap();
    dialog.note_sent(&parse(&text.replace("314159 INVITE", "314160 PRACK")));
    assert_eq!(
        dialog.note(Side::Theirs, &with_sdp(&within("UPDATE", 314_161, ""), "new")),
        Ok(Meaning::Offer)
    );
    dialog.confirm_uas(&with_sdp(&answer(200, BOB), "offer"));
    assert_eq!(dialog.negotiation().offer(), Some((Side::Theirs, &b"new"[..])));
    assert_eq!((dialog.local().sdp, dialog.remote().sdp), (&b"offer"[..], &b"answer"[..]));
}

/// PEERS B.1: only `application/sdp` is a session description.
#[test]
fn other_bodies_are_no_session_descriptions() {
    let text = String::from_utf8(with_sdp(&invite(ALICE), "hi").as_bytes().to_vec()).unwrap();
    let plain = parse(&text.replace("application/sdp", "text/plain"));
    let dialog = Dialog::uas(&plain, &answer(200, BOB)).unwrap();
    assert_eq!((dialog.remote().sdp, dialog.local().sdp), (&b""[..], &b""[..]));
    let spelt = parse(&text.replace("application/sdp", "Application/SDP;charset=utf-8"));
    let dialog = Dialog::uas(&spelt, &with_sdp(&answer(200, BOB), "ho")).unwrap();
    assert_eq!((dialog.remote().sdp, dialog.local().sdp), (&b"hi"[..], &b"ho"[..]));
}

/// RFC 6665 §4.2, PEERS B.1: SUBSCRIBE makes a dialog as INVITE does, with its number; an ACK is none of its business.
// Holds: 3261-12.1.1-11
#[test]
fn a_subscribe_makes_a_dialog_too() {
    let subscribe = request("SUBSCRIBE", 10, &format!("{ALICE}Event: presence\r\n"));
    let text = String::from_utf8(answer(200, BOB).as_bytes().to_vec()).unwrap();
    let ok = parse(&text.replace("314159 INVITE", "10 SUBSCRIBE"));
    let mut notifier = Dialog::uas(&subscribe, &ok).unwrap();
    assert_eq!(next(&mut notifier, Method::Notify).request_uri(), Some("sip:alice@pc33.atlanta.com"));
    assert!(!notifier.is_acknowledged_by(&within("ACK", 10, "")));
    assert_eq!(notifier.remote_cseq(), Some(10));
    assert_eq!(notifier.receive(&within("SUBSCRIBE", 10, "")), Verdict::OutOfOrder);
    let mut subscriber = Dialog::uac(&subscribe, &ok).unwrap();
    assert_eq!(next(&mut subscriber, Method::Subscribe).cseq(), 11);
}

/// STYLE: `Debug` of a dialog is one line without bodies.
#[test]
fn debug_shows_no_body() {
    let dialog = Dialog::uas(&with_sdp(&invite(ALICE), "secret"), &answer(200, BOB)).unwrap();
    let shown = format!("{dialog:?} {:?}", dialog.remote());
    assert!(shown.contains("a84b4c76e66710") && shown.contains("bobs-tag"));
    assert!(!shown.contains("secret") && !shown.contains('\n'));
}

/// RFC 3261 §12.1: a failure makes none, even with all that a dialog is made of, and neither does any answer to a method that makes none.
#[test]
fn what_makes_no_dialog() {
    let none = Some(DialogError::NoDialog);
    for code in [300, 404, 486, 603] {
        assert_eq!(Dialog::uas(&invite(ALICE), &answer(code, BOB)).err(), none, "{code}");
        assert_eq!(Dialog::uac(&invite(ALICE), &answer(code, BOB)).err(), none, "{code}");
    }
    let options = request("OPTIONS", 314_159, ALICE);
    for code in [183, 200] {
        assert_eq!(Dialog::uas(&options, &answer(code, BOB)).err(), none, "{code}");
        assert_eq!(Dialog::uac(&options, &answer(code, BOB)).err(), none, "{code}");
    }
}

/// RFC 3261 §13.2.2.4: an early dialog is confirmed by a 2xx of its own fork, once.
#[test]
fn an_early_dialog_is_confirmed_by_its_own_2xx_once() {
    let invite = invite(ALICE);
    let mut dialog = Dialog::uac(&invite, &answer(180, BOB)).unwrap();
    let of_another_fork = answer_tagged(200, ";tag=other", BOB);
    let none = Err(DialogError::NoDialog);
    for no_confirmation in [&of_another_fork, &answer(183, BOB)] {
        assert_eq!(dialog.confirm_uac(&invite, no_confirmation), none);
        assert_eq!(dialog.state(), DialogState::Early);
    }
    assert_eq!(dialog.confirm_uac(&invite, &answer_tagged(200, ";tag=BOBS-tag", BOB)), Ok(()));
    assert_eq!(dialog.state(), DialogState::Confirmed);
    for late in [&of_another_fork, &answer(200, BOB)] {
        assert_eq!(dialog.confirm_uac(&invite, late), none);
    }
}

/// RFC 3261 §12.1.1, RFC 4475 §3.4.1: a peer of RFC 2543's that leaves out Contact is reached where From says, if that is a URI.
#[test]
fn an_old_peer_without_contact_is_reached_where_from_says() {
    let invite = |from: &str, branch: &str| {
        parse(&format!(
            "INVITE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch={branch}\r\nFrom: <{from}>;tag=a\r\nTo: <sip:bob@h>\r\n\
             Call-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"
        ))
    };
    let target = |from: &str, branch: &str| {
        let dialog = Dialog::uas(&invite(from, branch), &answer(200, BOB))?;
        Ok(dialog.remote().contact.to_owned())
    };
    let missing = Err(DialogError::Missing(Name::Contact));
    assert_eq!(target("sip:alice@h", "1"), Ok("sip:alice@h".into()));
    assert_eq!(target("alice", "1"), missing);
    assert_eq!(target("sip:alice@h", "z9hG4bK1"), missing);
}
