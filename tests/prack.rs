//! Reliable provisional answers between user agents (RFC 3262): PRACK both ways, offer and answer in it, what waits for it, and its
//! races.

mod support;

use sip_proto::context::{Invite, Rel100, Reply};
use sip_proto::dialog::DialogState;
use sip_proto::message::Name;
use sip_proto::{Config, DialogEvent, Event, Message};
use support::{CONTACT, Heard, Req, SDP, Ua, answer, millis, secs};

/// Bob, who takes part in reliable provisional answers as far as `policy` says.
fn bob(policy: Rel100) -> Ua {
    Ua::with(|config: &mut Config| config.settings.rel100 = policy)
}

const SUPPORTED: &str = "Supported: 100rel";
const REQUIRED: &str = "Require: 100rel";

/// Alice's INVITE with an offer.
fn invite() -> Req {
    Req::invite().line(SUPPORTED).body("application/sdp", SDP)
}

/// The PRACK of `ours`.
fn prack(ours: &Message, cseq: u32) -> Req {
    let rack = format!("RAck: {} {} INVITE", ours.rseq().unwrap().unwrap(), ours.cseq());
    Req::within(ours, "PRACK", cseq).line(&rack)
}

// The server side.

#[test]
fn a_call_with_a_reliable_answer() {
    let mut ua = bob(Rel100::Supported);
    let server = ua.hear(invite().text()).server();
    let heard = ua.progress(server, Reply::code(183).sdp(SDP).reliable()).unwrap();
    assert_eq!(heard.lines(), ["183 Session Progress (INVITE) +body", "* progress 183 reliable"]);
    let progress = heard.message("183 Session Progress (INVITE)");
    let dialog = heard.dialog();
    assert!(progress.contact().unwrap().is_some(), "§4: it makes a dialog");
    assert_eq!(ua.accept(server, Reply::new()).unwrap().lines(), [] as [&str; 0], "it waits");
    assert_eq!(ua.pass(millis(500)).lines(), ["183 Session Progress (INVITE) +body"]);
    let heard = ua.hear(prack(&progress, 2).text());
    let lines = ["200 OK (PRACK)", "* pracked", "200 OK (INVITE)", "* accepted 200"];
    assert_eq!(heard.lines(), lines);
    let slot = ua.sip.dialog(dialog).unwrap();
    let session = slot.get().unwrap();
    assert_eq!(
        (session.state(), session.local().sdp, session.remote().sdp),
        (DialogState::Confirmed, SDP.as_bytes(), SDP.as_bytes())
    );
    let ok = heard.message("200 OK (INVITE)");
    assert_eq!(ua.hear(Req::within(&ok, "ACK", 1).text()).lines(), ["* confirmed"]);
    assert_eq!(ua.hear(Req::within(&ok, "BYE", 3).text()).lines()[0], "200 OK (BYE)");
    ua.pass_all();
}
