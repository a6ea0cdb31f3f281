//! REFER (RFC 3515): what is sent, what is taken, and what its NOTIFYs say.

use crate::support::{CONTACT, Heard, Req, Ua, answer, secs};
use sip_proto::context::{Reply, Request};
use sip_proto::dialog::InDialog;
use sip_proto::endpoint::Handling;
use sip_proto::message::Name;
use sip_proto::{DialogEvent, DialogId, Event, Message, Method, ServerId, StatusCode};

const TARGET: &str = "Refer-To: <sip:carol@192.0.2.9>";

/// Bob, who is asked about REFER in and out of dialogs.
fn ua() -> Ua {
    Ua::with(|config| config.policy.set_initial(Method::Refer, Handling::Ask))
}

fn refer(lines: &[&str]) -> Req {
    lines.iter().fold(Req::new("REFER").line(CONTACT.trim_end()), |refer, line| refer.line(line))
}

/// A NOTIFY of Alice's about a REFER of ours.
fn notify(refer: &Message, tag: &str, cseq: u32, state: &str) -> Req {
    Req::new("NOTIFY")
        .from(&format!("<sip:alice@192.0.2.1>;tag={tag}"))
        .to(refer.value(Name::From).unwrap())
        .call_id(refer.call_id())
        .branch(&format!("z9hG4bK-notify-{tag}-{cseq}"))
        .cseq(cseq)
        .line(CONTACT.trim_end())
        .line("Event: refer")
        .line(&format!("Subscription-State: {state}"))
        .body("message/sipfrag", "SIP/2.0 100 Trying")
}

fn asked(heard: &Heard) -> ServerId {
    use sip_proto::endpoint::Answer;
    let asked = heard.events().into_iter().find_map(|event| match event {
        Event::Incoming { server, .. } => Some(*server),
        Event::Dialog { event, .. } => match event.asked()?.answer {
            Answer::Ask(server) => Some(server),
            Answer::Auto(_) => None,
        },
        _ => None,
    });
    asked.unwrap_or_else(|| panic!("nothing asks in {heard:?}"))
}

fn usage(ua: &mut Ua, dialog: DialogId) -> sip_proto::dialog::UsageId {
    ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().last().unwrap().id()
}

// ---- Ours (§2, §2.4.1) ----

/// §2, §2.4.1: one Refer-To and one Contact; within a dialog by its route set.
// Holds: 3515-2-1, 3515-2-2, 3515-2.4.1-1
#[test]
fn a_refer_of_ours() {
    let mut ua = ua();
    let request =
        Request::new(Method::Refer, "sip:alice@192.0.2.1").header("Refer-To", "<sip:carol@192.0.2.9>");
    ua.sip.request(ua.now, request).unwrap();
    let sent = ua.drain().only();
    assert_eq!((sent.values(Name::ReferTo).count(), sent.contacts().count()), (1, 1));

    let server = ua.hear(Req::invite().line("Record-Route: <sip:192.0.2.70;lr>").text()).server();
    let heard = ua.accept(server, Reply::new()).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    ua.hear(Req::within(&ok, "ACK", 1).text());
    ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
    let sent = ua.drain().only();
    assert_eq!((sent.values(Name::ReferTo).count(), sent.contacts().count()), (1, 1));
    assert_eq!(
        (sent.request_uri(), sent.value(Name::Route)),
        (Some("sip:alice@192.0.2.1"), Some("<sip:192.0.2.70;lr>"))
    );
}

/// §2.4.4: the NOTIFY may come before the REFER is answered, outside dialogs and within.
// Holds: 3515-2.4.4-5, 6665-8.3.1-1
#[test]
fn a_notify_before_the_answer() {
    let mut ua = ua();
    let request =
        Request::new(Method::Refer, "sip:alice@192.0.2.1").header("Refer-To", "<sip:carol@192.0.2.9>");
    ua.sip.request(ua.now, request).unwrap();
    let sent = ua.drain().only();
    let heard = ua.hear(notify(&sent, "n", 1, "active;expires=60").text());
    assert_eq!(heard.lines(), ["200 OK (NOTIFY)", "* NOTIFY answered 200"]);
    let dialog = heard.dialog();
    let heard = ua.hear(answer(&sent, 202, "n", CONTACT));
    assert_eq!((heard.lines(), heard.dialog()), (vec!["* accepted 202 X (REFER)".into()], dialog));
    let heard = ua.hear(notify(&sent, "n", 2, "terminated;reason=noresource").text());
    assert_eq!(heard.lines()[2..], ["* subscription ended: refer", "* destroy by Remote: Unsubscribed"]);
    ua.pass_all();

    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
    let sent = ua.drain().only();
    let early = Req::within(&ok, "NOTIFY", 2)
        .line(CONTACT.trim_end())
        .line("Event: refer")
        .line("Subscription-State: active;expires=60");
    assert_eq!(ua.hear(early.text()).lines()[0], "200 OK (NOTIFY)");
    assert_eq!(ua.hear(answer(&sent, 202, "", CONTACT)).lines(), ["* accepted 202 X (REFER)"]);
}

/// §3.9: a REFER that forked: each NOTIFY of another place is a subscription of its own, with its own end.
// Holds: 3515-3.9-1
#[test]
fn a_forked_refer() {
    let mut ua = Ua::with(|config| config.policy.keep_forks = true);
    let request =
        Request::new(Method::Refer, "sip:alice@192.0.2.1").header("Refer-To", "<sip:carol@192.0.2.9>");
    ua.sip.request(ua.now, request).unwrap();
    let sent = ua.drain().only();
    let dialogs = ["n", "m"].map(|tag| ua.hear(notify(&sent, tag, 1, "active;expires=60").text()).dialog());
    assert_ne!(dialogs[0], dialogs[1]);
    ua.hear(answer(&sent, 202, "n", CONTACT));
    ua.hear(notify(&sent, "n", 2, "terminated;reason=noresource").text());
    assert!(ua.sip.dialog(dialogs[0]).is_err() && ua.sip.dialog(dialogs[1]).is_ok());
}

/// §2.4.6: the SUBSCRIBE that ends the subscription of the second REFER names it.
// Holds: 3515-2.4.6-2, 6665-4.1.2.3-1
#[test]
fn the_end_of_two_subscriptions() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let mut numbers = Vec::new();
    for _ in 0..2 {
        ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
        let sent = ua.drain().only();
        numbers.push(sent.cseq());
        ua.hear(answer(&sent, 200, "", CONTACT));
    }
    for (cseq, event) in [(2, "refer".into()), (3, format!("refer;id={}", numbers[1]))] {
        let told = Req::within(&ok, "NOTIFY", cseq)
            .line(CONTACT.trim_end())
            .line(&format!("Event: {event}"))
            .line("Subscription-State: active;expires=600");
        assert_eq!(ua.hear(told.text()).lines()[0], "200 OK (NOTIFY)");
    }
    ua.hear(Req::within(&ok, "BYE", 4).text());
    let farewells = ua.destroy(dialog).sent();
    let said: Vec<_> =
        farewells.iter().map(|sent| (sent.value(Name::Event).unwrap(), sent.value(Name::Expires))).collect();
    assert_eq!(said, [("refer", Some("0")), (&*format!("refer;id={}", numbers[1]), Some("0"))]);
}

// ---- The peer's (§2.4.2) ----

/// §2.1: a bare URI, a name with parameters, the short name, and any scheme.
// Holds: 3515-2.1-1
#[test]
fn what_is_referred_to() {
    for (line, uri) in [
        ("Refer-To: sip:carol@192.0.2.9", "sip:carol@192.0.2.9"),
        ("r: \"Carol\" <sips:carol@h?Replaces=a%3Bto-tag%3Db>;x=y", "sips:carol@h?Replaces=a%3Bto-tag%3Db"),
        ("refer-to: <sip:carol@h;method=SUBSCRIBE>", "sip:carol@h;method=SUBSCRIBE"),
        ("Refer-To: http://www.ietf.org", "http://www.ietf.org"),
        ("Refer-To: tel:+15551234", "tel:+15551234"),
    ] {
        let mut ua = ua();
        let heard = ua.hear(refer(&[line]).text());
        let Event::Incoming { request, .. } = heard.events()[0] else { panic!("{heard:?}") };
        assert_eq!(request.refer_to().unwrap().unwrap().uri, uri);
    }
}

/// §2.4.2: without a Refer-To, with several, or with one that cannot be read: 400, in and out of dialogs, whoever answers REFER.
// Holds: 3515-2.4.2-3
#[test]
fn a_refer_to_nobody_or_to_several() {
    let wrong: [&[&str]; 5] = [
        &[],
        &[TARGET, TARGET],
        &["Refer-To: <sip:carol@192.0.2.9>, <sip:dave@192.0.2.9>"],
        &[TARGET, "r: <sip:dave@192.0.2.9>"],
        &["Refer-To: <"],
    ];
    for (lines, handling) in
        wrong.into_iter().flat_map(|lines| [Handling::Ask, Handling::Auto].map(|it| (lines, it)))
    {
        let mut ua = Ua::with(|config| {
            config.policy.set_initial(Method::Refer, handling);
            config.policy.set_in_dialog(Method::Refer, handling);
        });
        assert_eq!(ua.hear(refer(lines).text()).lines(), ["400 Bad Request (REFER)"], "{lines:?}");
        let (ok, _) = ua.answered_call();
        let within = lines
            .iter()
            .fold(Req::within(&ok, "REFER", 2).line(CONTACT.trim_end()), |it, line| it.line(line));
        assert_eq!(ua.hear(within.text()).lines(), ["400 Bad Request (REFER)"], "{lines:?}");
    }
}

/// A REFER of Alice's, outside dialogs or within one, that was accepted and reported on up to its end; our answer, and the NOTIFYs.
fn reported(within: bool) -> (Req, Message, Vec<Message>) {
    let mut ua = ua();
    let request = match within {
        false => refer(&[TARGET]),
        true => {
            let (ok, _) = ua.answered_call();
            Req::within(&ok, "REFER", 2).line(CONTACT.trim_end()).line(TARGET)
        }
    };
    let server = asked(&ua.hear(request.text()));
    let heard = ua.accept(server, Reply::new()).unwrap();
    assert_eq!(heard.lines(), ["200 OK (REFER)", "* accepted 200", "NOTIFY +body"], "at once");
    let (ok, first, dialog) = (heard.message("200 OK (REFER)"), heard.message("NOTIFY"), heard.dialog());
    ua.hear(answer(&first, 200, "", ""));
    let mut told = vec![first];
    for code in [180, 200] {
        ua.pass(secs(1));
        let usage = usage(&mut ua, dialog);
        let status = StatusCode::new(code).unwrap();
        ua.sip.dialog(dialog).unwrap().report_refer(ua.now, usage, status).unwrap();
        told.push(ua.drain().message("NOTIFY"));
        let heard = ua.hear(answer(told.last().unwrap(), 200, "", ""));
        assert_eq!(heard.lines().iter().any(|line| line == "* subscription ended: refer"), code == 200);
    }
    (request, ok, told)
}

/// §2.4.4, §2.4.5, §2.4.7: each NOTIFY is in the dialog of the REFER, about `refer`, with a state and a sipfrag.
// Holds: 3515-2.4.4-2, 3515-2.4.4-3, 3515-2.4.4-4, 3515-2.4.5-1, 3515-2.4.7-1
#[test]
fn what_each_notify_has() {
    for within in [false, true] {
        let (request, ok, told) = reported(within);
        for notify in &told {
            assert_eq!(notify.call_id(), request.call_id);
            assert_eq!(notify.from().unwrap().tag(), ok.to().unwrap().tag());
            assert_eq!(notify.to().unwrap().tag(), Some("alice"));
            assert_eq!(notify.value(Name::Event), Some("refer"));
            assert_eq!(notify.values(Name::SubscriptionState).count(), 1);
            assert!(notify.content_type().unwrap().unwrap().is("message", "sipfrag"));
        }
        assert_eq!(told.len(), 3);
    }
}

/// §2.4.4, §2.4.7, §3.4: how long the subscription lasts, longer than a call may ring; and that the last NOTIFY ends it.
// Holds: 3515-2.4.2-6, 3515-2.4.4-8, 3515-2.4.4-9, 3515-2.4.7-2, 3515-3.4-1
#[test]
fn how_long_a_refer_is_told_of() {
    for within in [false, true] {
        let (_, _, told) = reported(within);
        let states: Vec<_> =
            told.iter().map(|notify| notify.subscription_state().unwrap().unwrap()).collect();
        let lasts = states[0].expires().unwrap();
        assert!(Some(lasts) > sip_proto::context::Settings::DEFAULT.answer_within, "{lasts:?}");
        assert!(!states[1].is_terminated());
        assert_eq!((states[2].is_terminated(), states[2].reason()), (true, Some("noresource")));
    }
}

/// §2.4.5: the body is a status line, at first a bare 100.
// Holds: 3515-2.4.5-2, 3515-2.4.5-3
#[test]
fn what_a_sipfrag_says() {
    let (_, _, told) = reported(true);
    let bodies: Vec<_> = told.iter().map(Message::body).collect();
    let lines = ["SIP/2.0 100 Trying\r\n", "SIP/2.0 180 Ringing\r\n", "SIP/2.0 200 OK\r\n"];
    assert_eq!(bodies, lines.map(str::as_bytes));
}

/// §2.4.2: whoever serves no REFER still answers it in time, and reports that nothing came of it.
// Holds: 3515-2.4.2-5
#[test]
fn a_refer_that_nobody_serves() {
    let mut ua = Ua::with(|config| config.policy.set_automatic());
    let (ok, _) = ua.answered_call();
    let heard = ua.hear(Req::within(&ok, "REFER", 2).line(CONTACT.trim_end()).line(TARGET).text());
    assert_eq!(heard.times("200 OK (REFER)"), [0]);
    let last = heard.sent().pop().unwrap();
    assert_eq!(last.value(Name::SubscriptionState), Some("terminated;reason=noresource"));
    assert_eq!(last.body(), b"SIP/2.0 603 Decline\r\n");
}

/// §2.4.4: unsubscribing ends the reports and nothing else: what we called for it goes on.
// Holds: 3515-2.4.4-6
#[test]
fn the_referrer_unsubscribes() {
    let mut ua = ua();
    let heard = ua.hear(refer(&[TARGET]).text());
    let heard = ua.accept(asked(&heard), Reply::new()).unwrap();
    let ok = heard.message("200 OK (REFER)");
    ua.hear(answer(&heard.message("NOTIFY"), 200, "", ""));
    let (call, _) = ua.call_alice();
    let farewell =
        Req::within(&ok, "SUBSCRIBE", 2).line(CONTACT.trim_end()).line("Event: refer").line("Expires: 0");
    let heard = ua.hear(farewell.text());
    assert_eq!(heard.message("NOTIFY").value(Name::SubscriptionState), Some("terminated;reason=timeout"));
    ua.hear(answer(&heard.message("NOTIFY"), 200, "", ""));
    assert!(ua.sip.client(call).is_ok());
    assert!(ua.pass(secs(10)).sent().iter().all(|sent| *sent.method() == Method::Invite));
}

/// §2.4.4: only a REFER makes such a subscription: SUBSCRIBE gets 403, outside a dialog and within, unless there is one.
// Holds: 3515-2.4.4-7
#[test]
fn a_subscribe_to_refer() {
    let mut ua = Ua::with(|config| config.policy.set_initial(Method::Subscribe, Handling::Ask));
    let subscribe = Req::new("SUBSCRIBE").line(CONTACT.trim_end()).line("Event: refer").line("Expires: 60");
    assert_eq!(ua.hear(subscribe.text()).lines(), ["403 Forbidden (SUBSCRIBE)"]);
    let (ok, dialog) = ua.answered_call();
    let within = |cseq| {
        Req::within(&ok, "SUBSCRIBE", cseq).line(CONTACT.trim_end()).line("Event: refer").line("Expires: 60")
    };
    assert_eq!(ua.hear(within(2).text()).lines(), ["403 Forbidden (SUBSCRIBE)"]);
    let heard = ua.hear(Req::within(&ok, "REFER", 3).line(CONTACT.trim_end()).line(TARGET).text());
    ua.accept(asked(&heard), Reply::new()).unwrap();
    assert_eq!(ua.hear(within(4).text()).lines()[0], "200 OK (SUBSCRIBE)");
    assert!(ua.sip.dialog(dialog).is_ok());
}

/// §2.4.4: a 403 to a SUBSCRIBE says that there is no such subscription. Whoever wants to leave one has left it then, and the dialog ends with it;
/// a 403 to a refresh ends nothing before its time (RFC 6665 §4.1.2.2).
#[test]
fn a_farewell_to_a_subscription_that_is_gone() {
    for (leaves, code, is_over) in [(true, 403, true), (false, 403, false), (true, 400, false)] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
        let sent = ua.drain().only();
        ua.hear(answer(&sent, 200, "", CONTACT));
        let told = Req::within(&ok, "NOTIFY", 2)
            .line(CONTACT.trim_end())
            .line("Event: refer")
            .line("Subscription-State: active;expires=3600");
        ua.hear(told.text());
        ua.hear(Req::within(&ok, "BYE", 3).text());
        let asks = if leaves { secs(0) } else { secs(600) };
        ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "refer", asks).unwrap();
        let sent = ua.drain().only();
        assert_eq!(*sent.method(), Method::Subscribe);
        ua.hear(answer(&sent, code, "", ""));
        assert_eq!(ua.sip.dialog(dialog).is_err(), is_over, "{leaves} {code}");
    }
}

/// What cannot be a REFER is not sent as one (§2.4.1).
// Holds: 3515-2.4.1-1
#[test]
fn a_refer_of_ours_without_a_target() {
    let mut ua = Ua::new();
    for lines in [&[][..], &["<sip:carol@192.0.2.9>", "<sip:dave@192.0.2.9>"]] {
        let with = |request: Request| lines.iter().fold(request, |it, to| it.header("Refer-To", *to));
        let request = with(Request::new(Method::Refer, "sip:alice@192.0.2.1"));
        assert!(ua.sip.request(ua.now, request).is_err(), "{lines:?}");
    }
    let (_, dialog) = ua.answered_call();
    for lines in [&[][..], &["<sip:carol@192.0.2.9>", "<sip:dave@192.0.2.9>"]] {
        let request = lines.iter().fold(InDialog::new(Method::Refer), |it, to| it.header("Refer-To", *to));
        assert!(ua.sip.dialog(dialog).unwrap().request(ua.now, request).is_err(), "{lines:?}");
    }
    assert_eq!(ua.drain().lines(), [""; 0]);
}

/// The events tell the application which request of its own a NOTIFY is about.
#[test]
fn the_event_of_a_notify() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
    let sent = ua.drain().only();
    ua.hear(answer(&sent, 200, "", CONTACT));
    let told = Req::within(&ok, "NOTIFY", 2)
        .line(CONTACT.trim_end())
        .line(&format!("Event: refer;id={}", sent.cseq()))
        .line("Subscription-State: active;expires=60");
    let heard = ua.hear(told.text());
    let is_told = |event: &&Event<u32>| matches!(event, Event::Dialog { event: DialogEvent::Notify(_), .. });
    assert_eq!(heard.events().into_iter().filter(is_told).count(), 1, "the first REFER may be named too");
}

// ---- Which REFER a NOTIFY is about (§2.4.6) ----

/// RFC 6665 §4.1.3: the state is what counts; a reason that says nothing to us changes nothing about that. Linphone writes this one.
#[test]
fn a_reason_that_is_no_token() {
    let mut ua = ua();
    let request =
        Request::new(Method::Refer, "sip:alice@192.0.2.1").header("Refer-To", "<sip:carol@192.0.2.9>");
    ua.sip.request(ua.now, request).unwrap();
    let sent = ua.drain().only();
    ua.hear(answer(&sent, 202, "n", CONTACT));
    ua.hear(notify(&sent, "n", 1, "active").text());
    let heard = ua.hear(notify(&sent, "n", 2, "terminated;reason=reason=noresource").text());
    let lines = heard.lines();
    assert_eq!(lines[0], "200 OK (NOTIFY)");
    assert!(lines.iter().any(|line| line.contains("subscription ended")), "{lines:?}");
}

/// A NOTIFY of Alice's in the dialog of `ok`, about the REFER that `event` names.
fn told(ok: &Message, cseq: u32, event: &str, state: &str) -> Req {
    Req::within(ok, "NOTIFY", cseq)
        .line(CONTACT.trim_end())
        .line(&format!("Event: {event}"))
        .line(&format!("Subscription-State: {state}"))
        .body("message/sipfrag", "SIP/2.0 100 Trying")
}

/// What each SUBSCRIBE says that `destroy` sends in a dialog without a session.
fn farewells(ua: &mut Ua, dialog: DialogId) -> Vec<String> {
    ua.destroy(dialog).sent().iter().map(|sent| sent.value(Name::Event).unwrap().into()).collect()
}

/// A subscription of ours in the dialog that no REFER has made.
fn subscribed(ua: &mut Ua, dialog: DialogId) {
    let request = InDialog::new(Method::Subscribe).header("Event", "presence").header("Expires", "600");
    ua.sip.dialog(dialog).unwrap().request(ua.now, request).unwrap();
    let sent = ua.drain().only();
    ua.hear(answer(&sent, 200, "", &format!("{CONTACT}Expires: 600\r\n")));
}

/// §2.4.6: the REFER that made the dialog is the first in it: the next one is named.
#[test]
fn a_second_refer_where_the_first_made_the_dialog() {
    let mut ua = ua();
    let request =
        Request::new(Method::Refer, "sip:alice@192.0.2.1").header("Refer-To", "<sip:carol@192.0.2.9>");
    ua.sip.request(ua.now, request).unwrap();
    let first = ua.drain().only();
    let dialog = ua.hear(notify(&first, "n", 1, "active;expires=60").text()).dialog();
    ua.hear(answer(&first, 200, "n", CONTACT));
    ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
    let second = ua.drain().only();
    ua.hear(answer(&second, 200, "", CONTACT));
    let named = format!("refer;id={}", second.cseq());
    let told = notify(&first, "n", 2, "active;expires=60").text();
    let heard = ua.hear(told.replace("Event: refer\r\n", &format!("Event: {named}\r\n")));
    assert_eq!(heard.lines()[0], "200 OK (NOTIFY)");
    assert_eq!(farewells(&mut ua, dialog), ["refer".into(), named]);
}

/// §2.4.6, RFC 3261 §22.3: a REFER that a proxy has challenged was not received: the one that is sent again is the first that is, and its NOTIFYs need not name
/// it. Where the peer itself had refused the first, they do.
#[test]
fn a_refer_that_is_sent_again() {
    for (is_named, failures) in [(false, 1), (true, 1), (false, 2)] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        for _ in 0..failures {
            ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
            let sent = ua.drain().only();
            ua.hear(answer(&sent, 407, "", "Proxy-Authenticate: Digest realm=\"h\", nonce=\"1\"\r\n"));
        }
        ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
        let again = ua.drain().only();
        ua.hear(answer(&again, 200, "", CONTACT));
        let event = if is_named { format!("refer;id={}", again.cseq()) } else { "refer".into() };
        let heard = ua.hear(told(&ok, 2, &event, "active;expires=60").text());
        assert_eq!(heard.lines()[0], "200 OK (NOTIFY)", "{is_named} {failures}");
        // The next one is none that was received first.
        ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
        let next = ua.drain().only();
        ua.hear(answer(&next, 200, "", CONTACT));
        ua.hear(Req::within(&ok, "BYE", 3).text());
        assert_eq!(farewells(&mut ua, dialog), [event, format!("refer;id={}", next.cseq())]);
    }
}

/// §2.4.6: of two REFERs under way the first was challenged: the second is the first that was received. Subscriptions to anything else are none of them.
#[test]
fn a_refer_overtakes_one_that_is_challenged() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    subscribed(&mut ua, dialog);
    let sent = [0, 1].map(|_| {
        ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
        ua.drain().only()
    });
    ua.hear(answer(&sent[1], 200, "", CONTACT));
    ua.hear(answer(&sent[0], 407, "", "Proxy-Authenticate: Digest realm=\"h\", nonce=\"1\"\r\n"));
    let heard = ua.hear(told(&ok, 2, "refer", "active;expires=60").text());
    assert_eq!(heard.lines()[0], "200 OK (NOTIFY)");
}

/// §2.4.6: the first REFER was received, and is over. Of the later ones the one that is challenged makes no first one of the others: they are named.
#[test]
fn a_later_refer_that_is_challenged_was_not_the_first() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let sent = [0, 1, 2, 3].map(|_| {
        ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
        ua.drain().only()
    });
    ua.hear(answer(&sent[0], 200, "", CONTACT));
    let heard = ua.hear(told(&ok, 2, "refer", "terminated;reason=noresource").text());
    assert_eq!(heard.lines()[0], "200 OK (NOTIFY)");
    ua.hear(answer(&sent[1], 407, "", "Proxy-Authenticate: Digest realm=\"h\", nonce=\"1\"\r\n"));
    ua.hear(answer(&sent[2], 200, "", CONTACT));
    ua.hear(answer(&sent[3], 200, "", CONTACT));
    let nameless = ua.hear(told(&ok, 3, "refer", "active;expires=60").text());
    assert_eq!(nameless.lines()[0], "481 Call/Transaction Does Not Exist (NOTIFY)");
    let named = format!("refer;id={}", sent[2].cseq());
    let heard = ua.hear(told(&ok, 4, &named, "active;expires=60").text());
    assert_eq!(heard.lines()[0], "200 OK (NOTIFY)");
}

/// §2.4.6, RFC 6665 §8.2.1: a peer that does not name later REFERs is understood where only one is open and the first is over by its own word: nothing else can
/// be meant. Where several are open, or the peer may have more to say of the first, it has to say which.
#[test]
fn a_later_refer_that_the_peer_does_not_name() {
    let refer = |ua: &mut Ua, dialog| {
        ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
        let sent = ua.drain().only();
        ua.hear(answer(&sent, 200, "", CONTACT));
        sent
    };
    let [active, over] = ["active;expires=60", "terminated;reason=noresource"];
    for open in 0..=2 {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        subscribed(&mut ua, dialog);
        refer(&mut ua, dialog);
        // Sent before the first is over, or after.
        for _ in 0..open {
            refer(&mut ua, dialog);
        }
        ua.hear(told(&ok, 2, "refer", over).text());
        let last = if open == 0 { Some(refer(&mut ua, dialog)) } else { None };
        let heard = ua.hear(told(&ok, 3, "refer", active).text());
        let line = if open < 2 { "200 OK (NOTIFY)" } else { "481 Call/Transaction Does Not Exist (NOTIFY)" };
        assert_eq!(heard.lines()[0], line, "{open}");
        if let Some(last) = last {
            let named = format!("refer;id={}", last.cseq());
            assert_eq!(ua.hear(told(&ok, 4, &named, active).text()).lines()[0], "200 OK (NOTIFY)");
            ua.hear(told(&ok, 5, "refer", over).text());
            let left = ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().len();
            assert_eq!(left, 1, "that of no REFER");
        }
    }
    // We have ended the first, and what the peer says of it may be late.
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    refer(&mut ua, dialog);
    ua.pass(secs(33));
    assert!(ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().is_empty(), "no NOTIFY came");
    refer(&mut ua, dialog);
    let heard = ua.hear(told(&ok, 2, "refer", over).text());
    assert_eq!(heard.lines()[0], "481 Call/Transaction Does Not Exist (NOTIFY)");
}

/// §2.4.6: a peer that names the first REFER too is asked by that name to end it.
#[test]
fn a_first_refer_that_the_peer_names() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
    let sent = ua.drain().only();
    ua.hear(answer(&sent, 200, "", CONTACT));
    let named = format!("refer;id={}", sent.cseq());
    ua.hear(told(&ok, 2, &named, "active;expires=60").text());
    ua.hear(Req::within(&ok, "BYE", 3).text());
    assert_eq!(farewells(&mut ua, dialog), [named]);
}

/// RFC 6665 §8.3.1, RFC 7647 §5: 202 is 200, whichever method of the application's says it.
#[test]
fn a_refer_accepted_by_any_method() {
    let mut ua = ua();
    let server = asked(&ua.hear(refer(&[TARGET]).text()));
    assert_eq!(ua.reply(server, Reply::code(202)).unwrap().lines()[0], "200 OK (REFER)");
}

// ---- Without a subscription (RFC 7614) ----

/// RFC 7614: a REFER that requires `nosub` or `explicitsub` makes no subscription, whoever sends it: no NOTIFY follows its 2xx, and none is waited for.
#[test]
fn a_refer_that_requires_no_subscription() {
    for tag in ["nosub", "explicitsub", "NoSub"] {
        let mut ua = Ua::with(|config| {
            config.policy.set_initial(Method::Refer, Handling::Ask);
            config.supported = vec!["nosub".into(), "explicitsub".into()];
        });
        let required = format!("Require: {tag}");
        let server = asked(&ua.hear(refer(&[TARGET, &required]).text()));
        assert_eq!(ua.accept(server, Reply::new()).unwrap().lines(), ["200 OK (REFER)", "* accepted 200"]);
        let request = Request::new(Method::Refer, "sip:alice@192.0.2.1")
            .header("Refer-To", "<sip:carol@192.0.2.9>")
            .header("Require", tag);
        ua.sip.request(ua.now, request).unwrap();
        let sent = ua.drain().only();
        ua.hear(answer(&sent, 200, "n", CONTACT));
        assert!(ua.pass_all().events().iter().all(|event| !format!("{event:?}").contains("NoNotify")));

        let (ok, dialog) = ua.answered_call();
        let within = Req::within(&ok, "REFER", 2).line(CONTACT.trim_end()).line(TARGET).line(&required);
        let server = asked(&ua.hear(within.text()));
        assert_eq!(ua.accept(server, Reply::new()).unwrap().sent().len(), 1);
        let request = InDialog::new(Method::Refer).header("Refer-To", "<sip:carol@192.0.2.9>");
        ua.sip.dialog(dialog).unwrap().request(ua.now, request.header("Require", tag)).unwrap();
        let sent = ua.drain().only();
        ua.hear(answer(&sent, 200, "", CONTACT));
        assert!(ua.sip.dialog(dialog).unwrap().subscriptions().unwrap().is_empty());
    }
}
