//! What watching everything that is sent has found (`src/testing/conduct`): which message goes before which, and what still goes when a dialog is over.

use sip_proto::context::{Invite, Reply};
use sip_proto::dialog::{InDialog, Modify};
use sip_proto::endpoint::{Answer, Handling};
use sip_proto::message::Body;
use sip_proto::{DialogEvent, Event, Input, Method, Output, ServerId};

use crate::support::{CONTACT, Req, SDP, Ua, answer, secs};

/// A description of the peer's, the session's or another one.
fn offered(request: Req) -> String {
    request.line(CONTACT.trim_end()).line("Allow: INVITE, UPDATE").body("application/sdp", SDP).text()
}

/// RFC 3261 §14.1: no INVITE of ours while one of the peer's is not answered, though the application holds it back.
#[test]
fn no_reinvite_while_one_is_held_back() {
    let mut ua = Ua::with(|config| config.policy.session = Handling::Ask);
    let (ok, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().hold_back(ua.now, true).unwrap();
    ua.hear(offered(Req::within(&ok, "INVITE", 2)));
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
    assert_eq!(ua.drain().lines(), [""; 0], "the change waits");
    ua.sip.dialog(dialog).unwrap().hold_back(ua.now, false).unwrap();
    let server = ua.drain().events().into_iter().find_map(asks).unwrap();
    let heard = ua.accept(server, Reply::new().sdp(SDP)).unwrap();
    assert_eq!(heard.lines(), ["200 OK (INVITE) +body", "* accepted 200"]);
    let heard = ua.hear(Req::within(&heard.message("200 OK (INVITE)"), "ACK", 2).text());
    assert_eq!(heard.lines(), ["* ack", "INVITE +body"]);
}

/// Likewise where the one that was held back is cancelled: the change goes when that is acknowledged.
#[test]
fn a_held_back_reinvite_that_is_cancelled_is_in_no_ones_way() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().hold_back(ua.now, true).unwrap();
    let invite = Req::within(&ok, "INVITE", 2);
    ua.hear(offered(invite.clone()));
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
    let heard = ua.hear(invite.follow("CANCEL").text());
    assert_eq!(heard.lines(), ["200 OK (CANCEL)", "487 Request Terminated (INVITE)"]);
    let heard = ua.hear(invite.follow("ACK").text());
    assert_eq!(heard.lines(), ["INVITE +body"]);
}

fn asks(event: &Event<u32>) -> Option<ServerId> {
    let Event::Dialog { event, .. } = event else { return None };
    match event.asked()?.answer {
        Answer::Ask(server) => Some(server),
        Answer::Auto(_) => None,
    }
}

/// RFC 3264 §4, RFC 3311 §5.1: the answer to the peer's offer goes before an offer of ours that waits.
#[test]
fn the_answer_goes_before_the_next_offer() {
    let mut ua = Ua::with(|config| config.policy.modify_by_update = true);
    let server = ua.called();
    let ok = ua.accept(server, Reply::new().sdp(SDP)).unwrap().message("200 OK (INVITE)");
    let dialog = ua.sip.server(server).unwrap().dialog().unwrap();
    // By re-INVITE it has to wait for the ACK; by UPDATE, which the peer now says it takes, it need not.
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold).unwrap();
    assert_eq!(ua.drain().lines(), [""; 0]);
    let heard = ua.hear(offered(Req::within(&ok, "UPDATE", 2)));
    let sent: Vec<_> = heard.lines().into_iter().filter(|line| !line.starts_with('*')).collect();
    assert_eq!(sent, ["200 OK (UPDATE) +body", "UPDATE +body"]);
}

/// RFC 3261 §13.2.2.4: a 2xx with an offer is acknowledged though our BYE is out; nobody is asked for an answer.
#[test]
fn a_2xx_with_an_offer_after_our_bye_is_acknowledged() {
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Offerless).unwrap();
    let invite = ua.drain().message("INVITE");
    assert_eq!(ua.destroy(dialog).lines(), ["BYE"]);
    let offer = answer(&invite, 200, "", CONTACT).replace(
        "Content-Length: 0\r\n\r\n",
        &format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}", SDP.len()),
    );
    let heard = ua.hear(offer.clone());
    assert_eq!(heard.lines(), ["ACK +body", "* accepted 200 X (INVITE) +body"]);
    assert_eq!(ua.hear(offer).lines(), ["ACK +body"]);
}

/// RFC 3261 §13.2.2.4, §15.1.2: likewise where the peer's BYE comes before the application has answered the offer.
#[test]
fn a_2xx_with_an_offer_before_their_bye_is_acknowledged() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Offerless).unwrap();
    let invite = ua.drain().message("INVITE");
    let offer = answer(&invite, 200, "", CONTACT).replace(
        "Content-Length: 0\r\n\r\n",
        &format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}", SDP.len()),
    );
    let heard = ua.hear(offer.clone());
    assert_eq!(heard.lines(), ["* accepted 200 X (INVITE) +body", "* offer: answer due"]);
    let sent = ua.hear(Req::within(&ok, "BYE", 2).text());
    assert!(sent.lines().contains(&"ACK +body".into()), "{sent:?}");
    assert_eq!(ua.hear(offer).lines(), ["ACK +body"]);
}

/// RFC 3261 §12.2.1: what waits for a connection is not sent any more when the dialog is over; its result tells so.
#[test]
fn what_waits_for_a_connection_ends_with_its_dialog() {
    let mut ua = Ua::new();
    let contact = "Contact: <sip:alice@192.0.2.1;transport=tcp>";
    let mut invite = Req::invite().body("application/sdp", SDP);
    invite.lines = format!("{contact}\r\nContent-Type: application/sdp\r\n");
    let server = ua.hear(invite.text()).server();
    let dialog = ua.progress(server, Reply::new()).unwrap().dialog();
    let info = InDialog { method: Method::Info, headers: vec![], body: None };
    ua.sip.dialog(dialog).unwrap().request(ua.now, info).unwrap();
    let connect = ua.drain();
    assert_eq!(connect.lines(), ["connect TCP 192.0.2.1:5060"]);
    ua.reject(server, Reply::code(486)).unwrap();
    let heard = ua.input(Input::Connected { token: connect.token(), flow: ua.tcp("192.0.2.1:5060", 3) });
    assert_eq!(heard.lines(), ["* failed 487 Request Terminated (INFO) (made up)", "* client ended"]);
    ua.pass(secs(1));
}

/// RFC 3261 §12.2.1.1: numbers rise in the order in which requests go, though one waits for a connection that another has no need of (§18.1.1).
#[test]
fn numbers_rise_as_requests_go() {
    for connects in [true, false] {
        let mut ua = Ua::new();
        let (_, dialog) = ua.answered_call();
        let info = |length| InDialog {
            method: Method::Info,
            headers: vec![],
            body: Some(Body::new("text/plain", "x".repeat(length))),
        };
        ua.sip.dialog(dialog).unwrap().request(ua.now, info(3_000)).unwrap();
        let connect = ua.drain();
        assert_eq!(connect.lines(), ["connect TCP 192.0.2.1:5060"]);
        // The short one waits for its turn.
        ua.sip.dialog(dialog).unwrap().request(ua.now, info(3)).unwrap();
        assert_eq!(ua.drain().lines(), [""; 0]);
        let token = connect.token();
        let heard = ua.input(match connects {
            true => Input::Connected { token, flow: ua.tcp("192.0.2.1:5060", 3) },
            false => Input::SendFailed { token },
        });
        let went: Vec<_> = heard.sent().iter().map(|info| (info.cseq(), info.body().len())).collect();
        assert_eq!(went, [(1, 3_000), (2, 3)], "{heard:?}");
    }
}

/// RFC 3261 §12.2.1.1: likewise what the endpoint sends of its own accord, here the NOTIFY that follows a SUBSCRIBE.
#[test]
fn numbers_of_the_endpoints_own_requests_rise_too() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let body = Some(Body::new("text/plain", "x".repeat(3_000)));
    let info = InDialog { method: Method::Info, headers: vec![], body };
    ua.sip.dialog(dialog).unwrap().request(ua.now, info).unwrap();
    let token = ua.drain().token();
    let mut subscribe = Req::within(&ok, "SUBSCRIBE", 2).line("Event: presence").line("Expires: 600");
    subscribe.lines = format!("{CONTACT}{}", subscribe.lines);
    let server = asks(ua.hear(subscribe.text()).events()[0]).unwrap();
    let mut sent = ua.accept(server, Reply::new()).unwrap().sent();
    sent.extend(ua.input(Input::Connected { token, flow: ua.tcp("192.0.2.1:5060", 3) }).sent());
    let asked = sent.iter().filter(|message| message.is_request());
    let went: Vec<_> = asked.map(|request| (request.cseq(), request.method().clone())).collect();
    assert_eq!(went, [(1, Method::Info), (2, Method::Notify)]);
}

/// RFC 3261 §15: what waited while the BYE went does not follow it.
#[test]
fn nothing_that_waited_follows_the_bye() {
    let mut ua = Ua::new();
    let (_, dialog) = ua.answered_call();
    let body = Some(Body::new("text/plain", "x".repeat(3_000)));
    let info = InDialog { method: Method::Info, headers: vec![], body };
    ua.sip.dialog(dialog).unwrap().request(ua.now, info).unwrap();
    let token = ua.drain().token();
    assert_eq!(ua.destroy(dialog).lines(), ["BYE"]);
    let heard = ua.input(Input::Connected { token, flow: ua.tcp("192.0.2.1:5060", 3) });
    assert_eq!(heard.lines(), ["* failed 487 Request Terminated (INFO) (made up)", "* client ended"]);
}

/// A dialog's `Destroy` is the last that is told of it, also where the answer to what ends its last subscription ends it at once: the target of that request
/// is one that no NOTIFY can be sent to (RFC 6665 §4.2.1.4, §4.2.2).
#[test]
fn nothing_is_told_behind_the_end() {
    let mut ua = Ua::new();
    let (ok, dialog) = ua.answered_call();
    let subscribe = |cseq, lines: [&str; 2]| {
        let [contact, expires] = lines.map(|line| format!("{line}\r\n"));
        let mut request = Req::within(&ok, "SUBSCRIBE", cseq).line("Event: presence");
        request.lines = format!("{contact}{expires}{}", request.lines);
        request.text()
    };
    let heard = ua.hear(subscribe(2, [CONTACT.trim_end(), "Expires: 600"]));
    let server = asks(heard.events()[0]).unwrap();
    let notify = ua.accept(server, Reply::new()).unwrap().message("NOTIFY");
    ua.hear(answer(&notify, 200, "", ""));
    ua.hear(Req::within(&ok, "BYE", 3).text());
    let heard = ua.hear(subscribe(4, ["Contact: <tel:+49123>", "Expires: 0"]));
    assert!(matches!(heard.events().last(), Some(Event::Dialog { event: DialogEvent::Destroy { .. }, .. })));
    assert!(ua.sip.dialog(dialog).is_err());
}

/// RFC 3261 §12.3, RFC 6665 §4.2.1: likewise what the endpoint itself tells a subscriber, where the end of the session is that of the dialog.
#[test]
fn a_notify_that_waits_for_a_connection_ends_with_its_dialog() {
    let mut ua = Ua::new();
    let server = ua.called();
    let ringing = ua.progress(server, Reply::new()).unwrap().message("180 Ringing (INVITE)");
    let mut subscribe = Req::within(&ringing, "SUBSCRIBE", 2).line("Event: presence").line("Expires: 600");
    subscribe.lines = format!("Contact: <sip:alice@192.0.2.1;transport=tcp>\r\n{}", subscribe.lines);
    let asked = asks(ua.hear(subscribe.text()).events()[0]).unwrap();
    let heard = ua.accept(asked, Reply::new()).unwrap();
    let Some((_, Output::Connect(connect))) = heard.0.last() else { panic!("{heard:?}") };
    let heard = ua.reject(server, Reply::code(486)).unwrap();
    assert_eq!(heard.ends().len(), 1, "{heard:?}");
    let heard = ua.input(Input::Connected { token: connect.token, flow: ua.tcp("192.0.2.1:5060", 3) });
    assert_eq!(heard.lines(), [""; 0]);
}

/// RFC 3261 §9.1: a CANCEL that waits for a connection is not sent when the final answer has come meanwhile.
#[test]
fn a_cancel_that_waits_for_a_connection_is_too_late_after_the_answer() {
    for code in [200, 486] {
        let mut ua = Ua::new();
        let (id, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1;transport=tcp").sdp(SDP));
        let flow = ua.tcp("192.0.2.1:5060", 1);
        let invite = ua.input(Input::Connected { token: heard.token(), flow }).message("INVITE");
        ua.hear_on(flow, answer(&invite, 180, "a", CONTACT));
        ua.input(Input::Closed { flow });
        let connect = ua.cancel(id);
        assert_eq!(connect.lines(), ["connect TCP 192.0.2.1:5060"]);
        ua.hear_on(ua.tcp("192.0.2.1:40000", 2), answer(&invite, code, "a", CONTACT));
        let heard = ua.input(Input::Connected { token: connect.token(), flow: ua.tcp("192.0.2.1:5060", 3) });
        let sent = heard.sent();
        assert!(sent.iter().all(|message| *message.method() != Method::Cancel), "{code}: {heard:?}");
    }
}
