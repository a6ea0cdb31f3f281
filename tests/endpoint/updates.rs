//! UPDATE (RFC 3311): in early dialogs and in calls, sent and received, refused and tried again.

use crate::support::{CONTACT, Heard, Req, SDP, Ua, answer, millis, parse, secs};
use sip_proto::context::{Rel100, Reply};
use sip_proto::dialog::{DialogState, InDialog, Modify};
use sip_proto::endpoint::{By, Why};
use sip_proto::message::Name;
use sip_proto::{DialogId, Event, Message, Method, ServerId, StatusCode};

/// A description that moves the stream.
fn moved() -> String {
    SDP.replace("1 1 IN", "1 2 IN").replace("4000", "4002")
}

fn ua() -> Ua {
    Ua::with(|config| {
        config.settings.rel100 = Rel100::Supported;
        config.policy.modify_by_update = true;
    })
}

fn with_sdp(text: &str, sdp: &str) -> String {
    let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
    text.replace("Content-Length: 0\r\n\r\n", &body)
}

/// A reliable provisional answer of Alice's, with a description.
fn reliable(invite: &Message) -> String {
    let lines = format!("{CONTACT}Allow: INVITE, UPDATE, PRACK\r\nRequire: 100rel\r\nRSeq: 1\r\n");
    with_sdp(&answer(invite, 183, "a", &lines), SDP)
}

/// An INVITE of Alice's, answered reliably with a description: our 183, and the early dialog.
fn ringing(ua: &mut Ua) -> (ServerId, Message, DialogId) {
    let invite =
        Req::invite().line("Supported: 100rel").line("Allow: INVITE, UPDATE").body("application/sdp", SDP);
    let server = ua.hear(invite.text()).server();
    let heard = ua.progress(server, Reply::code(183).sdp(SDP).reliable()).unwrap();
    (server, heard.sent().remove(0), heard.dialog())
}

fn prack(progress: &Message) -> Req {
    let rack = format!("RAck: {} {} INVITE", progress.rseq().unwrap().unwrap(), progress.cseq());
    Req::within(progress, "PRACK", 2).line(&rack)
}

fn update(ua: &mut Ua, dialog: DialogId, sdp: Option<&str>) -> Heard {
    ua.sip.dialog(dialog).unwrap().update(ua.now, sdp.map(|sdp| sdp.to_owned().into())).unwrap();
    ua.drain()
}

/// Our description and hers.
fn session(ua: &mut Ua, dialog: DialogId) -> (String, String) {
    let handle = ua.sip.dialog(dialog).unwrap();
    let text = |sdp: &[u8]| String::from_utf8(sdp.to_vec()).unwrap();
    let dialog = handle.get().unwrap();
    (text(dialog.local().sdp), text(dialog.remote().sdp))
}

// ---- Who can be updated (§4) ----

/// §4: Allow names UPDATE in our INVITE, in a reliable provisional answer with a description, and in the 2xx.
// Holds: 3311-4-1, 3311-4-2, 3311-4-3
#[test]
fn allow_names_update() {
    let mut ua = ua();
    let names = |message: &Message| message.allow().any(|method| method == "UPDATE");
    assert!(names(&ua.call_alice().1));
    let (server, progress, _) = ringing(&mut ua);
    assert!(names(&progress), "{progress:?}");
    ua.hear(prack(&progress).text());
    assert!(names(&ua.accept(server, Reply::new()).unwrap().message("200 OK (INVITE)")));
}

/// §4, §5.1, RFC 3261 §12.2.1: a reliable provisional answer makes a dialog that UPDATE goes in, from either side, like any request.
// Holds: 3311-4-4, 3311-5.1-1, 3311-5.2-1, 3311-5.3-1
#[test]
fn an_update_in_an_early_dialog() {
    let mut ua = ua();
    let (_, invite) = ua.call_alice();
    let route = "Record-Route: <sip:192.0.2.70;lr>\r\n";
    let progress = reliable(&invite).replace("Require", &format!("{route}Require"));
    let heard = ua.hear(progress.clone());
    let (first, dialog) = (heard.message("PRACK"), heard.dialog());
    ua.hear(answer(&first, 200, "", ""));
    let sent = update(&mut ua, dialog, Some(&moved())).only();
    assert_eq!((sent.method(), sent.body()), (&Method::Update, moved().as_bytes()));
    assert_eq!((sent.call_id(), sent.cseq()), (invite.call_id(), first.cseq() + 1));
    assert_eq!(
        (sent.to().unwrap().tag(), sent.from().unwrap().tag()),
        (Some("a"), invite.from().unwrap().tag())
    );
    assert_eq!(
        (sent.request_uri(), sent.value(Name::Route)),
        (Some("sip:alice@192.0.2.1"), Some("<sip:192.0.2.70;lr>"))
    );
    assert!(sent.contact().unwrap().is_some(), "it refreshes the target");
    let heard = ua.hear(with_sdp(&answer(&sent, 200, "", "Contact: <sip:alice@192.0.2.31>\r\n"), SDP));
    assert_eq!(heard.lines(), ["* accepted 200 X (UPDATE) +body"]);
    let handle = ua.sip.dialog(dialog).unwrap();
    let state = handle.get().unwrap();
    assert_eq!((state.state(), state.remote().contact), (DialogState::Early, "sip:alice@192.0.2.31"));
    assert_eq!(state.local().sdp, moved().as_bytes());
    // Hers, to us.
    let theirs = Req::back(&invite, &parse(&progress), "UPDATE", 1).line("Contact: <sip:alice@192.0.2.32>");
    let heard = ua.hear(theirs.body("application/sdp", SDP).text());
    assert_eq!(heard.lines()[0], "200 OK (UPDATE) +body");
    let handle = ua.sip.dialog(dialog).unwrap();
    assert_eq!(handle.get().unwrap().remote().contact, "sip:alice@192.0.2.32");
}

/// §5.1: what an UPDATE of ours, or our answer to one, said of our Contact while the INVITE waited, its 2xx says too.
// Holds: 3311-5.1-3
#[test]
fn the_2xx_repeats_the_contact_of_an_update() {
    for by_answer in [false, true] {
        let mut ua = Ua::with(|config| {
            config.settings.rel100 = Rel100::Supported;
            config.policy.set_in_dialog(Method::Update, sip_proto::endpoint::Handling::Ask);
        });
        let (server, progress, dialog) = ringing(&mut ua);
        ua.hear(prack(&progress).text());
        let moved_to = "<sip:bob@192.0.2.44>";
        if by_answer {
            let update = Req::within(&progress, "UPDATE", 3).line(CONTACT.trim_end());
            let asked = ua.hear(update.body("application/sdp", &moved()).text());
            ua.accept(self::server(&asked), Reply::new().sdp(SDP).header("Contact", moved_to)).unwrap();
        } else {
            let request = InDialog::new(Method::Update).header("Contact", moved_to);
            ua.sip.dialog(dialog).unwrap().request(ua.now, request).unwrap();
            let sent = ua.drain().only();
            assert_eq!(sent.contact().unwrap().unwrap().uri, "sip:bob@192.0.2.44");
            ua.hear(answer(&sent, 200, "", CONTACT));
        }
        let ok = ua.accept(server, Reply::new()).unwrap().message("200 OK (INVITE)");
        assert_eq!(ok.contact().unwrap().unwrap().uri, "sip:bob@192.0.2.44");
    }
}

// ---- When an offer may go in it (§5.1) ----

/// Whether an UPDATE with this offer goes out; else it waits.
fn goes_out(ua: &mut Ua, dialog: DialogId, sdp: &str) -> bool {
    !update(ua, dialog, Some(sdp)).sent().is_empty()
}

/// §5.1, the caller's side: an offer goes out once the INVITE's own is answered reliably and no other is open.
// Holds: 3311-5.1-4, 3311-5.1-5
#[test]
fn a_callers_offer_waits() {
    let mut ua = ua();
    let (_, invite) = ua.call_alice();
    let early = answer(&invite, 180, "a", &format!("{CONTACT}Allow: UPDATE\r\n"));
    let dialog = ua.hear(early).dialog();
    assert!(!goes_out(&mut ua, dialog, &moved()), "the INVITE's offer has no answer");
    let heard = ua.hear(reliable(&invite));
    assert_eq!(heard.times("UPDATE +body"), [0; 0], "the PRACK has no answer");
    let sent = ua.hear(answer(&heard.message("PRACK"), 200, "", "")).only();
    assert_eq!((sent.method(), sent.body()), (&Method::Update, moved().as_bytes()), "it waited");
    assert!(!goes_out(&mut ua, dialog, SDP), "ours is open");
    let heard = ua.hear(with_sdp(&answer(&sent, 200, "", CONTACT), SDP));
    assert_eq!(heard.message("UPDATE").body(), SDP.as_bytes(), "it waited");
}

/// §5.1, the callee's side: an offer goes out once the reliable answer was acknowledged and no other is open.
// Holds: 3311-5.1-10, 3311-5.1-11
#[test]
fn a_callees_offer_waits() {
    let mut ua = ua();
    let (_, progress, dialog) = ringing(&mut ua);
    assert!(!goes_out(&mut ua, dialog, &moved()), "no PRACK");
    let heard = ua.hear(prack(&progress).text());
    assert_eq!(heard.lines(), ["200 OK (PRACK)", "* pracked", "UPDATE +body"], "it waited");
    let sent = heard.message("UPDATE");
    assert!(!goes_out(&mut ua, dialog, SDP), "ours is open");
    let theirs = Req::within(&progress, "UPDATE", 3).line(CONTACT.trim_end()).body("application/sdp", SDP);
    assert_eq!(ua.hear(theirs.text()).lines(), ["491 Request Pending (UPDATE)"]);
    let heard = ua.hear(with_sdp(&answer(&sent, 200, "", CONTACT), SDP));
    assert_eq!(heard.message("UPDATE").body(), SDP.as_bytes());
}

// ---- Receiving (§5.2) ----

/// Bob, asked about each UPDATE, in a call with Alice.
fn asking() -> (Ua, Message, DialogId) {
    let mut ua = Ua::with(|config| {
        config.policy.set_in_dialog(Method::Update, sip_proto::endpoint::Handling::Ask);
        config.policy.session = sip_proto::endpoint::Handling::Ask;
    });
    let (ok, dialog) = ua.answered_call();
    (ua, ok, dialog)
}

fn theirs(ok: &Message, cseq: u32, sdp: Option<&str>) -> Req {
    let update = Req::within(ok, "UPDATE", cseq).line(CONTACT.trim_end());
    sdp.map_or(update.clone(), |sdp| update.body("application/sdp", sdp))
}

/// §5.2: 500 with Retry-After, 0 to 10 s by chance, for a second UPDATE before the first is answered, with or without offers; the first
/// one still gets its answer, and the same refusal again is the same.
// Holds: 3311-5.2-2, 3311-5.2-3
#[test]
fn a_second_update_before_the_first_is_answered() {
    for (first, second) in [(None, None), (None, Some(SDP)), (Some(SDP), None), (Some(SDP), Some(SDP))] {
        let (mut ua, ok, _) = asking();
        let asked = ua.hear(theirs(&ok, 2, first).text());
        let mut said = Vec::new();
        for cseq in 3..23 {
            let request = theirs(&ok, cseq, second).text();
            let refusal = ua.hear(request.clone()).only();
            assert_eq!(refusal.status(), Some(StatusCode::INTERNAL_SERVER_ERROR), "{first:?} {second:?}");
            said.push(refusal.retry_after().unwrap().unwrap().after.as_secs());
            assert_eq!(ua.hear(request).only(), refusal, "RFC 3261 §17.2.2");
        }
        assert!(
            said.iter().all(|seconds| *seconds <= 10) && said.iter().any(|other| *other != said[0]),
            "{said:?}"
        );
        let server = server(&asked);
        let reply = if first.is_some() { Reply::new().sdp(SDP) } else { Reply::new() };
        assert!(ua.accept(server, reply).unwrap().lines()[0].starts_with("200 OK (UPDATE)"));
        assert_ne!(ua.hear(theirs(&ok, 30, None).text()).lines(), ["500 Internal Server Error (UPDATE)"]);
    }
}

fn server(heard: &Heard) -> ServerId {
    use sip_proto::endpoint::Answer;
    let asked = heard.events().into_iter().find_map(|event| match event {
        Event::Dialog { event, .. } => match event.asked()?.answer {
            Answer::Ask(server) => Some(server),
            Answer::Auto(_) => None,
        },
        _ => None,
    });
    asked.unwrap_or_else(|| panic!("nothing asks in {heard:?}"))
}

/// §5.2: 491 for an offer while ours is out, in a re-INVITE or an UPDATE; 500 with Retry-After while we owe an answer; the same refusal
/// when it comes again (RFC 3261 §17.2.2).
// Holds: 3311-5.2-4, 3311-5.2-5, 3311-5.2-6
#[test]
fn offers_that_cross() {
    for by_update in [false, true] {
        let mut ua = Ua::with(|config| config.policy.modify_by_update = by_update);
        let invite = Req::invite().line("Allow: INVITE, UPDATE").body("application/sdp", SDP);
        let server = ua.hear(invite.text()).server();
        let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
        let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
        ua.hear(Req::within(&ok, "ACK", 1).text());
        ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Sdp(moved().into())).unwrap();
        let ours = ua.drain().only();
        assert_eq!(*ours.method() == Method::Update, by_update);
        let request = theirs(&ok, 2, Some(SDP)).text();
        let refusal = ua.hear(request.clone()).only();
        assert_eq!(refusal.status(), Some(StatusCode::REQUEST_PENDING));
        assert_eq!(ua.hear(request).only(), refusal);
        ua.hear(with_sdp(&answer(&ours, 200, "", CONTACT), SDP));
        assert_eq!(session(&mut ua, dialog).0, moved());
    }
    // An answer is owed to a re-INVITE.
    let (mut ua, ok, _) = asking();
    ua.hear(Req::within(&ok, "INVITE", 2).line(CONTACT.trim_end()).body("application/sdp", &moved()).text());
    let request = theirs(&ok, 3, Some(SDP)).text();
    let refusal = ua.hear(request.clone()).only();
    assert_eq!(refusal.status(), Some(StatusCode::INTERNAL_SERVER_ERROR));
    assert!(refusal.retry_after().unwrap().unwrap().after <= secs(10));
    assert_eq!(ua.hear(request).only(), refusal);
}

/// §7: the name is in capitals: `update` is another method.
// Holds: 3311-7-1
#[test]
fn the_name_of_the_method() {
    let mut ua = Ua::new();
    let (ok, _) = ua.answered_call();
    assert_eq!(ua.hear(theirs(&ok, 2, None).text()).lines()[1], "* refresh: UPDATE answered 200");
    let other = Req::within(&ok, "update", 3).line(CONTACT.trim_end());
    assert_eq!(ua.hear(other.text()).lines(), ["* update asks"]);
}

/// §5.2: what is the same by version, or by content where the version lies, changes nothing; a change is answered and holds, at once.
// Holds: 3311-5.2-7, 3311-5.2-8, 3311-5.2-9, 3311-5.2-11
#[test]
fn a_description_in_an_update() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let same = ua.hear(theirs(&ok, 2, Some(SDP)).text());
    assert_eq!(same.lines(), ["200 OK (UPDATE) +body", "* refresh: UPDATE answered 200"]);
    assert_eq!(same.sent()[0].body(), SDP.as_bytes());
    // The same version, another content.
    let lying = SDP.replace("4000", "4010");
    let heard = ua.hear(theirs(&ok, 3, Some(&lying)).text());
    assert_eq!(heard.lines(), ["200 OK (UPDATE) +body", "* UPDATE answered 200"]);
    assert_eq!(session(&mut ua, dialog).1, lying);
    let heard = ua.hear(theirs(&ok, 4, Some(&moved())).text());
    assert_eq!(heard.times("200 OK (UPDATE) +body"), [0]);
    assert_eq!(session(&mut ua, dialog).1, moved());
    // What cannot be answered is 488, with a Warning.
    let video = moved().replace("1 2 IN", "1 3 IN").replace("m=audio", "m=video");
    let heard = ua.hear(theirs(&ok, 5, Some(&video)).text());
    let refusal = heard.message("488 Not Acceptable Here (UPDATE)");
    assert!(refusal.value(Name::Warning).is_some_and(|warning| warning.starts_with("305 ")), "{refusal:?}");
    assert_eq!(session(&mut ua, dialog).1, moved());
}

// ---- Its answer (§5.3) ----

/// §5.3: a final answer other than 2xx leaves the session; 481, 408 and silence end the call.
// Holds: 3311-5.3-2, 3311-5.3-3
#[test]
fn an_update_that_fails() {
    for code in [403, 488, 500, 504, 603] {
        let mut ua = Ua::new();
        let (_, dialog) = ua.answered_call();
        let sent = update(&mut ua, dialog, Some(&moved())).only();
        assert_eq!(*sent.method(), Method::Update);
        let heard = ua.hear(answer(&sent, code, "", ""));
        assert_eq!(heard.lines(), [format!("* failed {code} X (UPDATE)")]);
        assert_eq!(session(&mut ua, dialog), (SDP.into(), SDP.into()));
    }
    for code in [481, 408, 0] {
        let mut ua = Ua::new();
        let (_, dialog) = ua.answered_call();
        let sent = update(&mut ua, dialog, Some(&moved())).only();
        let heard = match code {
            0 => ua.pass(secs(33)),
            code => ua.hear(answer(&sent, code, "", "")),
        };
        let status = StatusCode::new(if code == 0 { 408 } else { code }).unwrap();
        assert_eq!(heard.ends(), [(By::Local, Why::Response(status))]);
        assert!(heard.lines().contains(&"BYE".into()));
    }
}

/// §5.3: 491: the owner of the Call-ID waits 2.1 to 4 s, the other up to 2 s, in steps of 10 ms; then the UPDATE goes out again, unless
/// the call was ended meanwhile.
// Holds: 3311-5.3-4, 3311-5.3-5, 3311-5.3-6, 3311-5.3-7
#[test]
fn an_update_that_collides() {
    for (is_owner, waits) in [(true, 2_100..=4_000), (false, 0..=2_000)] {
        let mut seen = Vec::new();
        for _ in 0..2 {
            let mut ua = Ua::new();
            let dialog = if is_owner { ua.placed_call().2 } else { ua.answered_call().1 };
            ua.pass(millis(700));
            let mut sent = update(&mut ua, dialog, Some(&moved())).only();
            for _ in 0..3 {
                let since = ua.now.as_millis();
                assert_eq!(ua.hear(answer(&sent, 491, "", "")).lines(), [""; 0]);
                let heard = ua.pass(millis(4_000));
                let waited = heard.times("UPDATE +body")[0] - since;
                assert!(waits.contains(&waited) && waited.is_multiple_of(10), "{is_owner}: {waited} ms");
                seen.push(waited);
                let again = heard.message("UPDATE");
                assert_eq!((again.body(), again.cseq()), (sent.body(), sent.cseq() + 1));
                sent = again;
            }
        }
        assert!(seen.iter().any(|waited| *waited != seen[0]), "by chance: {seen:?}");
    }
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    let sent = update(&mut ua, dialog, Some(&moved())).only();
    ua.hear(answer(&sent, 491, "", ""));
    let bye = ua.destroy(dialog).message("BYE");
    ua.hear(answer(&bye, 200, "", ""));
    assert_eq!(ua.pass(secs(5)).times("UPDATE +body"), [0; 0]);
}

/// §5.1, RFC 4028 §7.4: a change that goes out as UPDATE to a peer which does not take that after all, whatever its Allow said, goes on as re-INVITE;
/// so does the next one, and one after an Allow that names UPDATE no more. What the application asked for as an UPDATE is its own to try.
#[test]
fn a_peer_that_does_not_take_update_after_all() {
    for (code, lines) in
        [(405, "Allow: INVITE, ACK, BYE, CANCEL\r\n"), (405, "Allow: INVITE, UPDATE\r\n"), (501, "")]
    {
        let mut ua = Ua::with(|config| {
            config.policy.modify_by_update = true;
            config.policy.glare_retries = 0;
        });
        let (_, invite) = ua.call_alice();
        let ok = with_sdp(&answer(&invite, 200, "a", &format!("{CONTACT}Allow: INVITE, UPDATE\r\n")), SDP);
        let dialog = ua.hear(ok).dialog();
        let id = ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
        let sent = ua.drain().only();
        assert_eq!(*sent.method(), Method::Update);
        assert_eq!(ua.hear(answer(&sent, code, "", lines)).lines(), [""; 0]);
        let again = ua.pass(millis(1)).only();
        assert_eq!((again.method(), again.cseq()), (&Method::Invite, sent.cseq() + 1));
        assert!(again.body().ends_with(b"a=sendonly\r\n"), "{again:?}");
        let refused = ua.hear(answer(&again, 488, "", ""));
        assert_eq!(refused.lines(), ["ACK", "* failed 488 X (INVITE)"]);
        let is_its = |event: &&Event<u32>| matches!(event, Event::Client { request, .. } if *request == id);
        assert!(refused.events().iter().any(is_its), "the one result");
        ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
        let next = ua.drain().only();
        assert_eq!(*next.method(), Method::Invite);
        let heard = ua.hear(with_sdp(&answer(&next, 200, "", CONTACT), SDP));
        assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE) +body"]);
    }
    let mut ua = Ua::with(|config| config.policy.modify_by_update = true);
    let invite = Req::invite().line("Allow: INVITE, UPDATE").body("application/sdp", SDP);
    let server = ua.hear(invite.text()).server();
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    ua.hear(Req::within(&ok, "ACK", 1).text());
    let sent = update(&mut ua, dialog, Some(&moved())).only();
    assert_eq!(
        ua.hear(answer(&sent, 501, "", "Allow: INVITE, UPDATE\r\n")).lines(),
        ["* failed 501 X (UPDATE)"]
    );
    ua.hear(Req::within(&ok, "OPTIONS", 2).line("Allow: INVITE, UPDATE").text());
    ua.hear(Req::within(&ok, "OPTIONS", 3).line("Allow: INVITE").text());
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
    assert_eq!(*ua.drain().only().method(), Method::Invite);
}
