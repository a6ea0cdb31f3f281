//! The life of a session where one thing meets another: changes, provisional answers, timers and the end (RFC 3261 §14, RFC 3262, RFC 3311, RFC 4028).

use crate::support::{CONTACT, Heard, SDP, Ua, answer};
use sip_proto::context::Rel100;
use sip_proto::dialog::Modify;
use sip_proto::endpoint::Handling;
use sip_proto::{DialogId, Method};

/// A description that moves the stream, in this version.
fn moved(version: u32) -> String {
    SDP.replace("1 1 IN", &format!("1 {version} IN")).replace("4000", &format!("40{version:02}"))
}

fn ua() -> Ua {
    Ua::with(|config| {
        config.settings.rel100 = Rel100::Supported;
        config.policy.modify_by_update = true;
        config.policy.set_in_dialog(Method::Update, Handling::Ask);
        config.policy.set_in_dialog(Method::Prack, Handling::Ask);
    })
}

fn with_sdp(text: &str, sdp: &str) -> String {
    let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
    text.replace("Content-Length: 0\r\n\r\n", &body)
}

fn modify(ua: &mut Ua, dialog: DialogId, modify: Modify) -> Heard {
    ua.sip.dialog(dialog).unwrap().modify(ua.now, modify).unwrap();
    ua.drain()
}

// ---- The end ----

/// RFC 3261 §13.2.2.4: a 2xx with an offer that crosses our BYE is acknowledged at once: nobody will answer it.
#[test]
fn an_offer_that_crosses_our_bye() {
    let mut ua = ua();
    let (_, dialog) = ua.answered_call();
    let invite = modify(&mut ua, dialog, Modify::Offerless).message("INVITE");
    let bye = ua.destroy(dialog).only();
    let ok = with_sdp(&answer(&invite, 200, "", CONTACT), &moved(2));
    let heard = ua.hear(ok.clone());
    assert_eq!(heard.lines(), ["ACK +body", "* accepted 200 X (INVITE) +body"]);
    ua.hear(answer(&bye, 200, "", ""));
    assert_eq!(ua.hear(ok).sent(), heard.sent(), "the same again");
    ua.pass_all();
}
