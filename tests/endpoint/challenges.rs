//! Requests that are challenged: what the application needs to send them again (RFC 3261 §8.1.3.5, §22).

use crate::support::{CONTACT, Heard, Req, SDP, Ua, answer, secs};
use sip_proto::context::{Invite, Rel100, Request};
use sip_proto::dialog::{InDialog, Modify, SessionTimers, TimerMode};
use sip_proto::endpoint::{By, Why};
use sip_proto::message::{BuildError, Header, Name};
use sip_proto::{ClientEvent, DialogEvent, DialogId, Event, Message, Method, Refused, Shard};
use std::sync::Arc;

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"h\", nonce=\"1\"\r\n";
const BY_PROXY: &str = "Proxy-Authenticate: Digest realm=\"h\", nonce=\"2\"\r\n";
const CREDENTIALS: &str = "Digest username=\"bob\", realm=\"h\", nonce=\"1\", uri=\"sip:h\", response=\"0\"";

fn with_credentials() -> Vec<Header> {
    vec![Header::new("Authorization", CREDENTIALS)]
}

/// The ends of this dialog: whose they are, why, and the answer that they name.
fn ends(heard: &Heard, id: DialogId) -> Vec<(By, Why, Option<u16>)> {
    let of = |event: &Event<u32>| match event {
        Event::Dialog { dialog, event: DialogEvent::Destroy { by, why, response, .. } } if *dialog == id => {
            Some((*by, *why, response.as_ref().map(|response| response.status().unwrap().code())))
        }
        _ => None,
    };
    heard.events().into_iter().filter_map(of).collect()
}

/// The answer that a request of ours has failed with.
fn failure(heard: &Heard) -> Arc<Message> {
    let found = heard.events().into_iter().find_map(|event| match event {
        Event::Client { event: ClientEvent::Failed { response, .. }, .. } => Some(response.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no failure in {heard:?}"))
}

/// RFC 3261 §22.2, §22.3: a BYE that is challenged goes out again with credentials, and the dialog ends with the answer to that.
#[test]
fn a_bye_that_is_challenged_goes_out_again() {
    for (calls, (code, challenge)) in
        [(false, (401, CHALLENGE)), (true, (401, CHALLENGE)), (true, (407, BY_PROXY))]
    {
        let mut ua = Ua::new();
        let dialog = if calls { ua.placed_call().2 } else { ua.answered_call().1 };
        let first = ua.destroy(dialog).only();
        let heard = ua.hear(answer(&first, code, "", challenge));
        assert_eq!(heard.lines(), [format!("* challenged {code} X (BYE)")]);
        let Event::Dialog { event: DialogEvent::Challenged { message, response }, .. } = heard.events()[0]
        else {
            panic!("{heard:?}")
        };
        assert_eq!((&**message, response.status().unwrap().code()), (&first, code));
        // §15.1.1: the session is over all the same.
        let mut handle = ua.sip.dialog(dialog).unwrap();
        assert!(handle.info(ua.now, "text/plain", "x").is_err());
        assert!(handle.modify(ua.now, Modify::Hold).is_err());
        let bad = vec![Header::new("CSeq", "x")];
        assert!(handle.destroy_with(ua.now, bad).is_err(), "and nothing has changed");
        handle.destroy_with(ua.now, with_credentials()).unwrap();
        let second = ua.drain().only();
        assert_eq!((second.method(), second.cseq()), (&Method::Bye, first.cseq() + 1));
        assert_eq!(second.value(Name::Authorization), Some(CREDENTIALS));
        for name in [Name::CallId, Name::From, Name::To] {
            assert_eq!(second.value(name), first.value(name), "{name:?}");
        }
        assert_eq!(ua.destroy(dialog).lines(), [""; 0], "it is on its way");
        let heard = ua.hear(answer(&second, 200, "", ""));
        assert_eq!(ends(&heard, dialog), [(By::Local, Why::Bye, Some(200))]);
        ua.pass_all();
    }
}

/// A BYE that is challenged again can be sent again; whoever sends no other one has the end told after 64·T1 (RFC 3261 §17.1.2.2's patience).
#[test]
fn a_challenged_bye_that_is_left_alone() {
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    let first = ua.destroy(dialog).only();
    ua.hear(answer(&first, 407, "", BY_PROXY));
    let second = ua.destroy(dialog).only();
    assert_eq!(ua.hear(answer(&second, 401, "", CHALLENGE)).lines(), ["* challenged 401 X (BYE)"]);
    assert_eq!(ua.pass(secs(31)).lines(), [""; 0]);
    let heard = ua.pass(secs(1));
    assert_eq!(ends(&heard, dialog), [(By::Local, Why::Bye, Some(401))]);
    assert!(ua.sip.dialog(dialog).is_err());
    ua.pass_all();
}

/// While the application looks for credentials the peer's BYE ends the dialog, and its other requests find it over (RFC 3261 §15.1.1).
#[test]
fn the_peer_while_a_bye_is_challenged() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let bye = ua.destroy(dialog).only();
    ua.hear(answer(&bye, 401, "", CHALLENGE));
    let info = ua.hear(Req::within(&ok, "INFO", 2).text());
    assert_eq!(info.lines(), ["481 Call/Transaction Does Not Exist (INFO)"]);
    let heard = ua.hear(Req::within(&ok, "BYE", 3).text());
    assert_eq!(heard.lines(), ["200 OK (BYE)", "* destroy by Local: Bye"]);
    assert_eq!(ends(&heard, dialog), [(By::Local, Why::Bye, Some(401))]);
    ua.pass_all();
}

/// A 401 or 407 that says not how has nothing to answer to: the dialog is over (RFC 3261 §22.2, §22.3).
#[test]
fn a_401_without_a_challenge_ends_the_call() {
    for (code, lines) in [(401, ""), (401, BY_PROXY), (407, CHALLENGE), (403, CHALLENGE)] {
        let mut ua = Ua::new();
        let (_, dialog) = ua.answered_call();
        let bye = ua.destroy(dialog).only();
        let heard = ua.hear(answer(&bye, code, "", lines));
        assert_eq!(ends(&heard, dialog), [(By::Local, Why::Bye, Some(code))]);
        ua.pass_all();
    }
}

/// PEERS.md D20: what the endpoint sends of its own accord is challenged too. The refresh of a session goes out again with the application's
/// credentials, and the session goes on (RFC 4028 §10).
#[test]
fn a_refresh_that_is_challenged() {
    for updates in [true, false] {
        let interval = secs(90);
        let timers = SessionTimers { interval, mode: TimerMode::Requested, ..SessionTimers::DEFAULT };
        let mut ua = Ua::with(|config| config.set_session_timers(timers).unwrap());
        let (_, invite) = ua.call_alice();
        let allow = if updates { "Allow: INVITE, UPDATE\r\n" } else { "Allow: INVITE\r\n" };
        let said = format!("{CONTACT}{allow}Require: timer\r\nSession-Expires: 90;refresher=uac\r\n");
        let dialog = ua.hear(answer(&invite, 200, "a", &said)).dialog();
        let sent = ua.pass(secs(45)).sent().pop().unwrap();
        assert_eq!(sent.method() == &Method::Update, updates);
        let heard = ua.hear(answer(&sent, 407, "", BY_PROXY));
        let told = format!("* challenged 407 X ({})", sent.method());
        assert_eq!(heard.lines().last(), Some(&told));
        let again = InDialog { headers: with_credentials(), ..InDialog::new(sent.method().clone()) };
        let again = if updates { again } else { again.sdp(sent.body().to_vec()) };
        ua.sip.dialog(dialog).unwrap().request(ua.now, again).unwrap();
        let sent = ua.drain().only();
        assert_eq!(sent.value(Name::SessionExpires), Some("90;refresher=uac"));
        let heard = ua.hear(answer(&sent, 200, "", &said));
        assert!(heard.lines().iter().any(|line| line.starts_with("* accepted 200")), "{heard:?}");
        assert_eq!(ends(&ua.pass(secs(44)), dialog), []);
        let bye = ua.destroy(dialog).message("BYE");
        ua.hear(answer(&bye, 200, "", ""));
        ua.pass_all();
    }
}

/// PEERS.md D20, RFC 3262 §4: so is a PRACK.
#[test]
fn a_prack_that_is_challenged() {
    let mut ua = Ua::with(|config| config.settings.rel100 = Rel100::Supported);
    let (_, invite) = ua.call_alice();
    let reliable = format!("{CONTACT}Require: 100rel\r\nRSeq: 7\r\n");
    let heard = ua.hear(answer(&invite, 183, "a", &reliable));
    let (prack, dialog) = (heard.message("PRACK"), heard.dialog());
    assert_eq!(ua.hear(answer(&prack, 401, "", CHALLENGE)).lines(), ["* challenged 401 X (PRACK)"]);
    let rack = prack.value(Name::RAck).unwrap().to_string();
    let again = InDialog { headers: with_credentials(), ..InDialog::new(Method::Prack) };
    ua.sip.dialog(dialog).unwrap().request(ua.now, again.header("RAck", rack)).unwrap();
    let again = ua.drain().only();
    assert_eq!((again.value(Name::RAck), again.cseq()), (prack.value(Name::RAck), prack.cseq() + 1));
    ua.hear(answer(&again, 200, "", ""));
    ua.hear(answer(&invite, 486, "a", ""));
    ua.pass_all();
}

/// RFC 3261 §8.1.3.5, §22.2: an INVITE that is sent again with credentials is a new transaction with the Call-ID, To and From of the first, and
/// the next number.
// Holds: 3261-8.1.3.5-1, 3261-8.1.3.5-6
#[test]
fn a_challenged_invite_is_sent_again() {
    for (code, challenge) in [(401, CHALLENGE), (407, BY_PROXY)] {
        let mut ua = Ua::new();
        let (_, first) = ua.call_alice();
        let challenge = failure(&ua.hear(answer(&first, code, "x", challenge)));
        let invite = Invite::to("sip:alice@192.0.2.1").sdp(SDP).header("Authorization", CREDENTIALS);
        let (_, heard) = ua.invite(invite.after(&challenge));
        let second = heard.message("INVITE");
        assert_eq!((first.cseq(), second.cseq()), (1, 2));
        for name in [Name::CallId, Name::From, Name::To] {
            assert_eq!(second.value(name), first.value(name), "{name:?}");
        }
        assert_ne!(second.top_via().unwrap().branch(), first.top_via().unwrap().branch());
        assert_eq!(second.value(Name::Authorization), Some(CREDENTIALS));
        // The first one's answer is acknowledged again.
        assert_eq!(ua.hear(answer(&first, code, "x", "")).lines(), ["ACK"]);
        let heard = ua.hear(answer(&second, 200, "a", CONTACT));
        let ack = heard.message("ACK");
        assert_eq!((ack.cseq(), ack.value(Name::Authorization)), (2, Some(CREDENTIALS)));
        let bye = ua.destroy(heard.dialog()).only();
        assert_eq!(bye.cseq(), 3);
        ua.hear(answer(&bye, 200, "", ""));
        ua.pass_all();
    }
}

/// RFC 3261 §8.1.3.5, §10.2: other requests too, and REGISTERs one after the other.
#[test]
fn requests_that_follow_another() {
    let mut ua = Ua::new();
    let mut before: Option<(Message, Message)> = None;
    for (cseq, code) in [(1, 401), (2, 200), (3, 200)] {
        let mut request = Request::new(Method::Register, "sip:192.0.2.1").to("sip:bob@192.0.2.4");
        if let Some((_, answer)) = &before {
            request = request.after(answer);
        }
        ua.sip.request(ua.now, request).unwrap();
        let sent = ua.drain().only();
        assert_eq!(sent.cseq(), cseq);
        if let Some((first, _)) = &before {
            assert_eq!(
                (sent.value(Name::CallId), sent.value(Name::From)),
                (first.value(Name::CallId), first.value(Name::From))
            );
        }
        let answered = answer(&sent, code, "r", CHALLENGE);
        ua.hear(answered.clone());
        before = Some((sent, crate::support::parse(&answered)));
    }
    ua.pass_all();
}

/// RFC 3261 §8.1.3.5, RFC 6665 §4.1.2.1: a SUBSCRIBE that is sent again awaits its NOTIFY by the same Call-ID and tag.
#[test]
fn a_challenged_subscribe_is_sent_again() {
    let mut ua = Ua::new();
    let subscribe = || {
        let request = Request::new(Method::Subscribe, "sip:alice@192.0.2.1");
        request.header("Event", "presence").header("Expires", "600")
    };
    ua.sip.request(ua.now, subscribe()).unwrap();
    let first = ua.drain().only();
    let challenge = failure(&ua.hear(answer(&first, 401, "x", CHALLENGE)));
    ua.sip.request(ua.now, subscribe().after(&challenge)).unwrap();
    let second = ua.drain().only();
    assert_eq!((second.call_id(), second.cseq()), (first.call_id(), 2));
    ua.hear(answer(&second, 200, "n", &format!("{CONTACT}Expires: 600\r\n")));
    let notify = Req::new("NOTIFY")
        .from(&format!("{};tag=n", second.value(Name::To).unwrap()))
        .to(second.value(Name::From).unwrap())
        .call_id(second.call_id())
        .line("Event: presence")
        .line("Subscription-State: active;expires=600")
        .line("Contact: <sip:alice@192.0.2.1>");
    // The first transaction ends meanwhile, and takes nothing of the second with it.
    ua.pass(secs(6));
    let heard = ua.hear(notify.text());
    assert_eq!(heard.sent()[0].status().unwrap().code(), 200, "{heard:?}");
    let dialog = heard.dialog();
    let last = ua.destroy(dialog).only();
    assert_eq!((last.value(Name::Expires), last.cseq()), (Some("0"), 3));
    ua.hear(answer(&last, 481, "", ""));
    ua.pass_all();
}

/// What no request of ours can have said is refused, or leaves the request one of its own (RFC 3261 §8.1.1.5, §25.1).
#[test]
fn what_cannot_be_followed() {
    let mut ua = Ua::new();
    let (_, sent) = ua.call_alice();
    let own = || Request::new(Method::Message, "sip:alice@192.0.2.1");
    let changed =
        |from: &str, to: &str| crate::support::parse(&answer(&sent, 401, "x", "").replace(from, to));
    let number = changed("CSeq: 1 ", "CSeq: 2147483647 ");
    assert!(ua.sip.request(ua.now, own().after(&number)).is_err());
    let broken = changed(sent.call_id(), "a b");
    let refused = ua.sip.request(ua.now, own().after(&broken));
    let fault = sip_proto::context::ContextError::Build(BuildError::CallId);
    assert_eq!(refused, Err(Refused::Context(fault)));
    assert_eq!(ua.drain().lines(), [""; 0]);
    // Without a tag it is a request as any other.
    let untagged = changed(";tag=", ";x=");
    ua.sip.request(ua.now, own().after(&untagged)).unwrap();
    let other = ua.drain().only();
    assert_eq!(other.cseq(), 1);
    assert_ne!(other.call_id(), sent.call_id());
    // So it is at an endpoint that its answer would not come to.
    let mut shards = [0, 1].map(|index| Ua::with(|config| config.shard = Shard::new(index, 2)));
    let kept = shards.each_mut().map(|ua| {
        ua.sip.request(ua.now, own().after(&sent)).unwrap();
        ua.drain().only().call_id() == sent.call_id()
    });
    assert_eq!(kept.iter().filter(|kept| **kept).count(), 1);
}

/// RFC 6665 §4.1.2.4, RFC 3261 §8.1.3.5: a SUBSCRIBE that got 408 may still be followed by a NOTIFY; once it is sent again that is for the second, and tells of one
/// subscription.
#[test]
fn a_subscribe_that_timed_out_is_sent_again() {
    let mut ua = Ua::new();
    let subscribe = || {
        let request = Request::new(Method::Subscribe, "sip:alice@192.0.2.1");
        request.header("Event", "presence").header("Expires", "600")
    };
    ua.sip.request(ua.now, subscribe()).unwrap();
    let first = ua.drain().only();
    let timeout = failure(&ua.hear(answer(&first, 408, "x", "")));
    ua.pass(secs(6));
    ua.sip.request(ua.now, subscribe().after(&timeout)).unwrap();
    let second = ua.drain().message("SUBSCRIBE");
    let notify = Req::new("NOTIFY")
        .from(&format!("{};tag=n", second.value(Name::To).unwrap()))
        .to(second.value(Name::From).unwrap())
        .call_id(second.call_id())
        .line("Event: presence")
        .line("Subscription-State: active")
        .line("Contact: <sip:alice@192.0.2.1>");
    let dialog = ua.hear(notify.text()).dialog();
    let heard = ua.hear(answer(&second, 200, "n", &format!("{CONTACT}Expires: 100\r\n")));
    assert_eq!(heard.dialog(), dialog);
    let heard = ua.pass(secs(100));
    assert_eq!(heard.times("SUBSCRIBE").first(), Some(&(6_000 + 68_000)), "{heard:?}");
    assert!(heard.times("* no notify").is_empty(), "{heard:?}");
}

/// A REFER of Alice's in a call that she has ended since: its dialog.
fn referred(ua: &mut Ua) -> DialogId {
    use sip_proto::context::Reply;
    let (ok, dialog) = ua.answered_call();
    let refer = Req::within(&ok, "REFER", 2).line(CONTACT.trim_end()).line("Refer-To: <sip:carol@192.0.2.9>");
    let heard = ua.hear(refer.text());
    let Some(Event::Dialog { event: DialogEvent::Refer(asked), .. }) = heard.events().pop() else {
        panic!("{heard:?}")
    };
    let sip_proto::endpoint::Answer::Ask(server) = asked.answer else { panic!("{heard:?}") };
    let heard = ua.accept(server, Reply::new()).unwrap();
    ua.hear(answer(&heard.message("NOTIFY"), 200, "", ""));
    ua.hear(Req::within(&ok, "BYE", 3).text());
    ua.pass(secs(2));
    dialog
}

/// RFC 3261 §22.3, RFC 5057 §5.1 remark (17): the NOTIFY that ends a subscription is challenged. Until it went out again with credentials the subscription is
/// there, for 64·T1 at most: the referrer is to hear what became of its REFER (RFC 3515 §2.4.5).
#[test]
fn a_last_notify_that_is_challenged() {
    let again = || {
        InDialog { headers: with_credentials(), ..InDialog::new(Method::Notify) }
            .header("Event", "refer")
            .header("Subscription-State", "terminated;reason=noresource")
            .body("message/sipfrag", "SIP/2.0 200 OK\r\n")
    };
    let usage = |ua: &mut Ua, dialog| ua.sip.dialog(dialog).unwrap().subscriptions().unwrap()[0].id();
    for (code, challenge) in [(401, CHALLENGE), (407, BY_PROXY)] {
        let mut ua = Ua::new();
        let dialog = referred(&mut ua);
        let told = usage(&mut ua, dialog);
        let status = sip_proto::StatusCode::OK;
        ua.sip.dialog(dialog).unwrap().report_refer(ua.now, told, status).unwrap();
        let mut last = ua.drain().message("NOTIFY");
        for _ in 0..2 {
            let heard = ua.hear(answer(&last, code, "", challenge));
            assert_eq!(heard.lines(), [format!("* failed {code} X (NOTIFY)")]);
            let state = InDialog::new(Method::Notify).header("Event", "refer");
            let state = state.header("Subscription-State", "active");
            assert!(ua.sip.dialog(dialog).unwrap().request(ua.now, state).is_err(), "it is over");
            ua.pass(secs(1));
            ua.sip.dialog(dialog).unwrap().request(ua.now, again()).unwrap();
            last = ua.drain().message("NOTIFY");
            assert_eq!(last.value(Name::SubscriptionState), Some("terminated;reason=noresource"));
        }
        let heard = ua.hear(answer(&last, 200, "", ""));
        assert_eq!(heard.times("* subscription ended: refer").len(), 1);
        assert_eq!(ends(&heard, dialog), [(By::Local, Why::Unsubscribed, None)]);
        ua.pass_all();
    }

    // Of the endpoint's own accord; and left alone.
    let mut ua = Ua::new();
    let dialog = referred(&mut ua);
    let last = ua.pass(secs(298)).message("NOTIFY");
    let heard = ua.hear(answer(&last, 407, "", BY_PROXY));
    assert_eq!(heard.lines(), ["* challenged 407 X (NOTIFY)"]);
    assert_eq!(ends(&ua.pass(secs(31)), dialog), []);
    assert_eq!(ends(&ua.pass(secs(1)), dialog), [(By::Local, Why::Unsubscribed, None)]);
    ua.pass_all();

    // One that says not what it asks for cannot be sent again.
    let mut ua = Ua::new();
    let dialog = referred(&mut ua);
    let last = ua.pass(secs(298)).message("NOTIFY");
    assert_eq!(ends(&ua.hear(answer(&last, 401, "", "")), dialog).len(), 1);
    ua.pass_all();
}
