//! A dialog that a session and subscriptions share: what ends the one leaves the others alone (RFC 5057 §4, §5).

use crate::support::{CONTACT, Req, SDP, Ua, answer, secs};
use sip_proto::context::Reply;
use sip_proto::dialog::{InDialog, Modify};
use sip_proto::endpoint::Answer;
use sip_proto::message::Name;
use sip_proto::{DialogId, Event, Message, Method, StatusCode};

/// A call from Alice in which a REFER of ours is told of: our 200 and the dialog. Her next number is 3.
fn referred(ua: &mut Ua) -> (Message, DialogId) {
    let (ok, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
    let sent = ua.drain().only();
    ua.hear(answer(&sent, 200, "", CONTACT));
    assert_eq!(ua.hear(told(&ok, 2, "active;expires=3600").text()).lines()[0], "200 OK (NOTIFY)");
    (ok, dialog)
}

/// A NOTIFY of Alice's about that REFER.
fn told(ok: &Message, cseq: u32, state: &str) -> Req {
    Req::within(ok, "NOTIFY", cseq)
        .line(CONTACT.trim_end())
        .line("Event: refer")
        .line(&format!("Subscription-State: {state}"))
}

/// The session is over, the subscription is not: it goes on, and ends the dialog with its own end.
fn assert_goes_on(ua: &mut Ua, ok: &Message, dialog: DialogId, cseq: u32) {
    assert!(ua.sip.dialog(dialog).is_ok(), "the dialog is there");
    assert_eq!(ua.hear(told(ok, cseq, "active;expires=600").text()).lines()[0], "200 OK (NOTIFY)");
    let heard = ua.hear(told(ok, cseq + 1, "terminated;reason=noresource").text());
    assert_eq!(heard.lines()[2..], ["* subscription ended: refer", "* destroy by Remote: Unsubscribed"]);
    ua.pass_all();
}

/// RFC 5057 §4.2, RFC 4488 §4: the session of a dialog is over, and the REFER that is left makes no subscription: nothing keeps the dialog.
#[test]
fn a_refer_without_subscription_after_the_session() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let refer =
        InDialog::new(Method::Refer).header("Refer-To", "<sip:carol@192.0.2.9>").header("Refer-Sub", "false");
    ua.sip.dialog(dialog).unwrap().request(ua.now, refer).unwrap();
    let sent = ua.drain().only();
    ua.hear(Req::within(&ok, "BYE", 2).text());
    let heard = ua.hear(answer(&sent, 200, "", "Contact: <sip:alice@192.0.2.1>\r\nRefer-Sub: false\r\n"));
    assert_eq!(heard.lines()[0], "* accepted 200 X (REFER)");
    assert!(ua.sip.dialog(dialog).is_err(), "no usage is left: {heard:?}");
    ua.pass_all();
}

/// RFC 5057 §5.1: a 481 to a request about the session ends the session, which has ended before: their requests crossed.
#[test]
fn a_request_of_the_session_fails_after_it() {
    for code in [481, 408, 480] {
        let mut ua = Ua::new();
        let (ok, dialog) = referred(&mut ua);
        ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
        let info = ua.drain().only();
        assert_eq!(
            ua.hear(Req::within(&ok, "BYE", 3).text()).lines()[1..],
            ["* session ended by Remote: Bye"]
        );
        ua.hear(answer(&info, code, "", ""));
        assert_goes_on(&mut ua, &ok, dialog, 4);
    }
}

/// The same for a re-INVITE.
#[test]
fn a_reinvite_fails_after_the_session() {
    let mut ua = Ua::new();
    let (ok, dialog) = referred(&mut ua);
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
    let invite = ua.drain().only();
    ua.hear(Req::within(&ok, "BYE", 3).text());
    ua.hear(answer(&invite, 481, "", ""));
    assert_goes_on(&mut ua, &ok, dialog, 4);
}

/// The session ended with an answer to another request than the BYE, whose own answer ends no more than that.
#[test]
fn a_bye_is_answered_after_the_session() {
    let mut ua = Ua::new();
    let (ok, dialog) = referred(&mut ua);
    ua.sip.dialog(dialog).unwrap().info(ua.now, "text/plain", "x").unwrap();
    let info = ua.drain().only();
    let bye = ua.destroy(dialog).only();
    ua.hear(answer(&info, 481, "", ""));
    ua.hear(answer(&bye, 200, "", ""));
    assert_goes_on(&mut ua, &ok, dialog, 3);
}

/// DESIGN.md §2 contract 6: a re-INVITE that rings on when the session ends is given up 64·T1 later.
#[test]
fn a_reinvite_without_an_end() {
    let mut ua = Ua::new();
    let (ok, dialog) = referred(&mut ua);
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
    let invite = ua.drain().only();
    ua.hear(answer(&invite, 180, "", ""));
    ua.hear(Req::within(&ok, "BYE", 3).text());
    let heard = ua.pass(secs(33)).lines();
    assert!(heard.iter().any(|line| line.starts_with("* failed 408")), "{heard:?}");
    assert_goes_on(&mut ua, &ok, dialog, 4);
}

/// RFC 3261 §13.2.2.4, RFC 4028 §10: a 2xx to the re-INVITE of a session that is over is acknowledged, and starts no timer.
#[test]
fn a_reinvite_is_accepted_after_the_session() {
    let mut ua = Ua::new();
    let (ok, dialog) = referred(&mut ua);
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
    let invite = ua.drain().only();
    ua.hear(Req::within(&ok, "BYE", 3).text());
    let lines = format!("{CONTACT}Require: timer\r\nSession-Expires: 90;refresher=uac\r\n");
    let heard = ua.hear(answer(&invite, 200, "", &lines));
    assert_eq!(heard.message("ACK").cseq(), invite.cseq());
    assert_eq!(ua.pass(secs(100)).sent().len(), 0);
    assert_goes_on(&mut ua, &ok, dialog, 4);
}

/// RFC 5057 §5.1, §5.3: a NOTIFY is not about the session, which the answer to it does not end where nobody has subscribed.
#[test]
fn a_notify_that_nobody_waits_for() {
    for code in [481, 489, 405, 408, 480] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        let notify =
            InDialog::new(Method::Notify).header("Event", "talk").header("Subscription-State", "active");
        ua.sip.dialog(dialog).unwrap().request(ua.now, notify).unwrap();
        let sent = ua.drain().only();
        let heard = ua.hear(answer(&sent, code, "", ""));
        assert_eq!(heard.sent().len(), 0, "{code}: {heard:?}");
        assert_eq!(ua.hear(Req::within(&ok, "INFO", 2).text()).lines()[0], "200 OK (INFO)", "{code}");
        assert!(ua.sip.dialog(dialog).is_ok(), "{code}");
    }
}

/// RFC 3261 §15: who answered sends no BYE before the ACK, whatever ends the dialog.
#[test]
fn a_refer_that_ends_the_dialog_before_the_ack() {
    let mut ua = Ua::new();
    let server = ua.called();
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    ua.sip.dialog(dialog).unwrap().refer(ua.now, "<sip:carol@192.0.2.9>").unwrap();
    let refer = ua.drain().only();
    let heard = ua.hear(answer(&refer, 404, "", ""));
    assert!(heard.sent().is_empty(), "{heard:?}");
    let heard = ua.hear(Req::within(&ok, "ACK", 1).text());
    heard.message("BYE");
}

/// RFC 5057 §4, §5.3, RFC 3261 §15.1.2: with the session end its pending requests; those of the subscription, and of nobody, wait on.
#[test]
fn what_is_pending_when_the_session_ends() {
    let mut ua = Ua::new();
    let (ok, dialog) = referred(&mut ua);
    ua.sip.dialog(dialog).unwrap().hold_back(ua.now, true).unwrap();
    let hears = |ua: &mut Ua, request: Req| assert_eq!(ua.hear(request.text()).lines(), [""; 0]);
    hears(&mut ua, Req::within(&ok, "INFO", 3));
    hears(&mut ua, told(&ok, 4, "active;expires=600"));
    hears(&mut ua, Req::within(&ok, "MESSAGE", 5).body("text/plain", "x"));
    let heard = ua.hear(Req::within(&ok, "BYE", 6).text()).lines();
    assert_eq!(heard, ["200 OK (BYE)", "487 Request Terminated (INFO)", "* session ended by Remote: Bye"]);
    ua.sip.dialog(dialog).unwrap().hold_back(ua.now, false).unwrap();
    let heard = ua.drain().lines();
    assert_eq!(heard[..2], ["200 OK (NOTIFY)", "* NOTIFY answered 200"]);
    assert!(heard.iter().any(|line| line.contains("MESSAGE")), "{heard:?}");
    assert_goes_on(&mut ua, &ok, dialog, 7);
}

/// RFC 6665 §4.1.3: NOTIFYs that are held back are answered 200 and told of, even where the last of them ends the dialog.
#[test]
fn notifies_that_are_held_back_to_the_end() {
    let mut ua = Ua::new();
    let (ok, dialog) = referred(&mut ua);
    ua.hear(Req::within(&ok, "BYE", 3).text());
    ua.sip.dialog(dialog).unwrap().hold_back(ua.now, true).unwrap();
    assert_eq!(ua.hear(told(&ok, 4, "active;expires=600").text()).lines(), [""; 0]);
    let heard = ua.hear(told(&ok, 5, "terminated;reason=noresource").text()).lines();
    let [ok, told] = ["200 OK (NOTIFY)", "* NOTIFY answered 200"];
    let end = ["* subscription ended: refer", "* destroy by Remote: Unsubscribed"];
    assert_eq!(heard, [end[0], ok, told, ok, told, end[1]]);
    ua.pass_all();
}

/// RFC 5057 §4, §5.3: our BYE is no end of the subscription: while it has no answer yet, what is to be told of it is told.
#[test]
fn a_notify_while_our_bye_has_no_answer() {
    for first_bye in [true, false] {
        let mut ua = Ua::new();
        let (ok, dialog) = ua.answered_call();
        let refer =
            Req::within(&ok, "REFER", 2).line(CONTACT.trim_end()).line("Refer-To: <sip:carol@192.0.2.9>");
        let heard = ua.hear(refer.text());
        let server = heard.events().into_iter().find_map(|event| match event {
            Event::Dialog { event, .. } => match event.asked()?.answer {
                Answer::Ask(server) => Some(server),
                Answer::Auto(_) => None,
            },
            _ => None,
        });
        let heard = ua.accept(server.unwrap(), Reply::new()).unwrap();
        ua.hear(answer(&heard.message("NOTIFY"), 200, "", ""));
        let usage = ua.sip.dialog(dialog).unwrap().subscriptions().unwrap()[0].id();
        if first_bye {
            ua.pass(secs(2));
        }
        let bye = ua.destroy(dialog).message("BYE");
        // At once, or when it is its turn.
        ua.sip.dialog(dialog).unwrap().report_refer(ua.now, usage, StatusCode::OK).unwrap();
        let notify = ua.pass(secs(1)).message("NOTIFY");
        assert_eq!(notify.value(Name::SubscriptionState), Some("terminated;reason=noresource"));
        assert!(notify.cseq() > bye.cseq());
        assert_eq!(ua.hear(answer(&bye, 200, "", "")).lines()[0], "* session ended by Local: Bye");
        let heard = ua.hear(answer(&notify, 200, "", "")).lines();
        assert!(heard.iter().any(|line| line.starts_with("* destroy")), "{heard:?}");
        ua.pass_all();
    }
}

/// The same for a subscription of ours.
#[test]
fn a_subscribe_while_our_bye_has_no_answer() {
    let mut ua = Ua::new();
    let (_, dialog) = referred(&mut ua);
    let bye = ua.destroy(dialog).message("BYE");
    ua.sip.dialog(dialog).unwrap().subscribe(ua.now, "refer", secs(0)).unwrap();
    let farewell = ua.drain().message("SUBSCRIBE");
    ua.hear(answer(&bye, 200, "", ""));
    ua.hear(answer(&farewell, 481, "", ""));
    assert!(ua.sip.dialog(dialog).is_err());
    ua.pass_all();
}

/// RFC 3261 §12.2.2: nor are numbers left out of account meanwhile.
#[test]
fn notifies_out_of_order_while_our_bye_has_no_answer() {
    let mut ua = Ua::new();
    let (ok, dialog) = referred(&mut ua);
    let bye = ua.destroy(dialog).message("BYE");
    for (cseq, first) in [(5, "200 OK (NOTIFY)"), (4, "500 Internal Server Error (NOTIFY)")] {
        assert_eq!(ua.hear(told(&ok, cseq, "active;expires=600").text()).lines()[0], first);
    }
    ua.hear(answer(&bye, 200, "", ""));
    assert_goes_on(&mut ua, &ok, dialog, 6);
}

/// RFC 5057 §4, RFC 3261 §22.2: nor is a BYE that is challenged: the session ends with the answer to the next one, or when none comes in its place.
#[test]
fn a_challenged_bye_beside_a_subscription() {
    for is_sent_again in [true, false] {
        let mut ua = Ua::new();
        let (ok, dialog) = referred(&mut ua);
        let bye = ua.destroy(dialog).message("BYE");
        let challenge = "WWW-Authenticate: Digest realm=\"h\", nonce=\"1\"\r\n";
        assert_eq!(ua.hear(answer(&bye, 401, "", challenge)).lines(), ["* challenged 401 X (BYE)"]);
        assert_eq!(ua.hear(told(&ok, 3, "active;expires=600").text()).lines()[0], "200 OK (NOTIFY)");
        let heard = match is_sent_again {
            true => {
                let bye = ua.destroy(dialog).message("BYE");
                ua.hear(answer(&bye, 200, "", ""))
            }
            false => ua.pass(secs(32)),
        };
        assert_eq!(heard.lines().last().unwrap(), "* session ended by Local: Bye");
        assert_goes_on(&mut ua, &ok, dialog, 4);
    }
}
