//! The model's `Dialog`, row by row: what it documents works, what it gets wrong is right here.
//!
//! | model | tests |
//! |---|---|
//! | constructor: a missing header is named | `tests/dialog/machine.rs` |
//! | `sip`, `local`, `remote`, `type`, `id`, `connected`, `data` | `the_members_of_a_dialog` |
//! | `remote.uri` is never updated | `the_peers_contact_follows_its_refreshes` |
//! | `local.contact`, `Contact` in `modify`'s headers | `a_contact_of_the_applications` |
//! | `local.sdp`, `remote.sdp` overwritten before the answer | `descriptions_are_kept_when_a_round_is_complete`, `what_the_application_answers_is_kept`, `an_answer_in_the_ack_is_kept` |
//! | `onHold` | `the_two_holds_are_two_facts` |
//! | `dialogType`, `subscribeEvent`, `subscriptions` | `tests/dialog/usages.rs`, `subscriptions.rs` |
//! | `queueRequests` | `requests_are_held_back_and_told_in_order`, `a_dialog_that_ends_answers_what_it_held` |
//! | `toJSON` | `tests/dialog/machine.rs`: `debug_shows_no_body` |
//! | `destroy` | `destroy_tells_what_it_sent_and_got`, `a_second_destroy_sends_nothing`, `destroy_answers_what_waits`, `destroy_before_the_ack_keeps_its_headers`; `calls.rs` |
//! | `destroy` of a subscription | `subscriptions.rs` |
//! | `modify(sdp)` | `any_2xx_changes_the_session`, `a_change_of_an_ended_dialog_is_refused`, `headers_of_a_change` |
//! | failure of `modify` | `a_failed_change_leaves_no_trace`, `a_change_that_gets_no_answer` |
//! | `_reinvitesInProgress` | `changes_go_one_at_a_time`, `a_waiting_change_is_taken_back`, `a_waiting_change_that_has_become_impossible` |
//! | 491 | `a_collision_is_tried_again`; races in `races/` |
//! | `modify('hold')`, `modify('unhold')` | `hold_and_unhold_of_any_description`, `unhold_of_what_is_not_held_is_refused`, `hold_twice_is_hold_once` |
//! | UPDATE in place of re-INVITE | `changes_by_update` |
//! | `modify({noAck})` | `an_offer_is_asked_for`, `an_offer_that_is_not_answered_ends_the_call` |
//! | `request` | `a_request_has_one_final_result`, `a_request_that_says_there_is_no_dialog` |
//! | `info`, `notify`, `update`, … | `requests_by_name` |
//! | BYE → `destroy(req, reason)` | `a_bye_is_told_with_its_reason`; `calls.rs` for no ACK and for crossings |
//! | INVITE → `refresh` | `a_refresh_is_answered_alone` |
//! | INVITE → `hold`, `unhold` | `hold_and_unhold_of_the_peers`, `what_a_new_description_is`, `formats_that_were_not_taken_up_may_go` |
//! | INVITE → `modify` | `a_change_of_the_peers_asks`, `an_automatic_answer_is_a_valid_one`, `nothing_usable_is_488`, `a_reinvite_without_an_offer` |
//! | `remote.sdp.replace` throws | `a_reinvite_in_a_call_without_a_session` |
//! | INFO, REFER, OPTIONS, MESSAGE, PUBLISH, NOTIFY, SUBSCRIBE, unknown | `who_answers_what` |
//! | UPDATE | `an_update_of_the_peers`, `an_update_while_our_invite_is_out` |
//! | ACK | `an_answer_in_the_ack_is_kept` |
//! | handlers that are late | `what_asks_waits` |
//! | PRACK, RSeq | `tests/context/reliable.rs`, `prack.rs`, `prack_calls.rs` |
//! | session timers | `tests/dialog/session_timer.rs`, `session_timers.rs` |
//! | `createUAS` | `a_callees_dialog_is_there_with_its_2xx`, `a_cancelled_call_makes_no_dialog`; `uas.rs` |
//! | `createUAC` | `a_callers_dialog_is_there_with_any_2xx`, `an_offer_in_the_2xx_of_a_call`, `a_2xx_without_contact`; redirects, headers, names, Route in `redirects.rs` |
//! | `findDialogById`, `findDialogByCallIDAndFromTag` | `dialogs_are_found` |

use crate::support::{CONTACT, Heard, Req, Ua, answer, parse, secs};
use bytes::Bytes;
use sip_proto::context::{Invite, Reply};
use sip_proto::dialog::{DialogError, DialogState, InDialog, Modify, Role};
use sip_proto::endpoint::{By, Handling, Why};
use sip_proto::message::{Body, Header, Name};
use sip_proto::{
    ClientEvent, DialogEvent, DialogId, Event, Message, Method, Refused, RequestId, ServerId, StatusCode,
};

/// Our description in a call.
const OURS: &str =
    "v=0\r\no=bob 7 1 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n";
/// Alice's.
const THEIRS: &str =
    "v=0\r\no=alice 3 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// A call with Alice that is up.
struct Call {
    ua: Ua,
    dialog: DialogId,
    /// Our INVITE, if we called.
    invite: Option<Message>,
    /// The 200 that made the dialog.
    ok: Message,
    /// The number of Alice's next request.
    cseq: u32,
}

const ROLES: [Role; 2] = [Role::Uac, Role::Uas];

/// An answer of Alice's with a description.
fn answer_sdp(request: &Message, code: u16, lines: &str, sdp: &str) -> String {
    let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
    answer(request, code, "a", lines).replace("Content-Length: 0\r\n\r\n", &body)
}

impl Call {
    fn up(role: Role) -> Self {
        Self::up_in(Ua::new(), role)
    }

    fn up_in(ua: Ua, role: Role) -> Self {
        Self::up_with(ua, role, OURS, "")
    }

    /// With our description, and more lines in Alice's INVITE or 200.
    fn up_with(mut ua: Ua, role: Role, ours: &str, lines: &str) -> Self {
        let ours = Bytes::copy_from_slice(ours.as_bytes());
        match role {
            Role::Uac => {
                let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1").sdp(ours));
                let invite = heard.message("INVITE");
                let ok = answer_sdp(&invite, 200, &[CONTACT, lines].concat(), THEIRS);
                let heard = ua.hear(ok.clone());
                assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE) +body"]);
                Self { dialog: heard.dialog(), ua, invite: Some(invite), ok: parse(&ok), cseq: 1 }
            }
            Role::Uas => {
                let mut invite = Req::invite().body("application/sdp", THEIRS);
                invite.lines += lines;
                let server = ua.hear(invite.text()).server();
                let heard = ua.accept(server, Reply::new().sdp(ours)).unwrap();
                let ok = heard.message("200 OK (INVITE)");
                let dialog = heard.dialog();
                assert_eq!(ua.hear(Req::within(&ok, "ACK", 1).text()).lines(), ["* confirmed"]);
                Self { ua, dialog, invite: None, ok, cseq: 2 }
            }
        }
    }

    /// The next request of Alice's in the call, with a Contact.
    fn theirs(&mut self, method: &str) -> Req {
        let cseq = self.cseq;
        self.cseq += 1;
        match &self.invite {
            Some(invite) => Req::back(invite, &self.ok, method, cseq),
            None => Req::within(&self.ok, method, cseq),
        }
        .line("Contact: <sip:alice@192.0.2.1>")
    }

    /// Alice offers this.
    fn offered(&mut self, method: &str, sdp: &str) -> Heard {
        let request = self.theirs(method).body("application/sdp", sdp);
        self.ua.hear(request.text())
    }

    /// Alice acknowledges the 2xx to her last INVITE.
    fn acked(&mut self) -> Heard {
        self.cseq -= 1;
        let ack = self.theirs("ACK").text();
        self.ua.hear(ack)
    }

    /// Alice offers this and it is accepted alone: our answer, and the event.
    fn offered_alone(&mut self, method: &str, sdp: &str) -> (String, String) {
        let heard = self.offered(method, sdp);
        let (ok, lines) = (heard.sent().remove(0), heard.lines());
        assert_eq!((ok.status(), lines.len()), (Some(StatusCode::OK), 2), "{lines:?}");
        if method == "INVITE" {
            assert_eq!(self.acked().lines(), ["* ack"]);
        }
        (body(&ok), lines[1].clone())
    }

    /// Asks for a change; the request that goes out for it.
    fn modify(&mut self, modify: Modify) -> (RequestId, Message) {
        let id = self.wish(modify).unwrap();
        (id, self.ua.drain().only())
    }

    fn wish(&mut self, modify: Modify) -> Result<RequestId, Refused> {
        self.ua.sip.dialog(self.dialog).unwrap().modify(self.ua.now, modify)
    }

    /// A change that Alice accepts with this description; what it offered.
    fn modified(&mut self, modify: Modify, theirs: &str) -> String {
        let (_, request) = self.modify(modify);
        let heard = self.ua.hear(answer_sdp(&request, 200, CONTACT, theirs));
        assert!(heard.lines().last().unwrap().starts_with("* accepted 200"), "{heard:?}");
        body(&request)
    }

    /// Our description and hers, as agreed.
    fn sdp(&mut self) -> (String, String) {
        let mut handle = self.ua.sip.dialog(self.dialog).unwrap();
        assert!(handle.data().is_some());
        let dialog = handle.get().unwrap();
        (text(dialog.local().sdp), text(dialog.remote().sdp))
    }

    /// Whether we hold her, and she holds us.
    fn holds(&mut self) -> (bool, bool) {
        let handle = self.ua.sip.dialog(self.dialog).unwrap();
        let dialog = handle.get().unwrap();
        (dialog.local_hold(), dialog.remote_hold())
    }

    fn remote_contact(&mut self) -> String {
        self.ua.sip.dialog(self.dialog).unwrap().get().unwrap().remote().contact.into()
    }

    fn local_contact(&mut self) -> String {
        self.ua.sip.dialog(self.dialog).unwrap().get().unwrap().local().contact.into()
    }

    /// Ends the call; nothing is left, and there was one `Destroy`.
    fn over(mut self) {
        let bye = self.ua.destroy(self.dialog).message("BYE");
        let mut heard = self.ua.hear(answer(&bye, 200, "", ""));
        heard.0.extend(self.ua.pass_all().0);
        assert_eq!(destroys(&heard), [(By::Local, Why::Bye)]);
    }
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

fn body(message: &Message) -> String {
    text(message.body())
}

/// A description with another direction, and another version.
fn with(sdp: &str, version: u64, direction: &str) -> String {
    let sdp = sdp.replace(" 1 IN", &format!(" {version} IN"));
    if direction.is_empty() { sdp } else { format!("{sdp}a={direction}\r\n") }
}

fn destroys(heard: &Heard) -> Vec<(By, Why)> {
    let ends = heard.events().into_iter().filter_map(|event| match event {
        Event::Dialog { event: DialogEvent::Destroy { by, why, .. }, .. } => Some((*by, *why)),
        _ => None,
    });
    ends.collect()
}

/// The results of this request of ours: the code of each.
fn results(heard: &Heard, id: RequestId) -> Vec<(u16, bool)> {
    let of = |event: &Event<u32>| match event {
        Event::Client { request, event: ClientEvent::Accepted { response, .. } } if *request == id => {
            Some((response.status()?.code(), false))
        }
        Event::Client { request, event: ClientEvent::Failed { response, synthetic, .. } }
            if *request == id =>
        {
            Some((response.status()?.code(), *synthetic))
        }
        _ => None,
    };
    heard.events().into_iter().filter_map(of).collect()
}

/// The context that a re-INVITE, or whatever else, asks with.
fn asks(heard: &Heard) -> ServerId {
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

// ---- B.1: members ----

/// RFC 3261 §12.1: both ways to make a dialog; `local.uri` is who we are, the contact where we are.
// Holds: 3261-12.1.1-13, 3261-12.1.1-14, 3261-12.1.1-15, 3261-12.1.2-10, 3261-12.1.2-11
#[test]
fn the_members_of_a_dialog() {
    for role in ROLES {
        let mut call = Call::up(role);
        let mut handle = call.ua.sip.dialog(call.dialog).unwrap();
        assert_eq!(handle.id(), call.dialog);
        *handle.data().unwrap() = 7;
        let dialog = handle.get().unwrap();
        assert_eq!((dialog.role(), dialog.state()), (role, DialogState::Confirmed));
        let local = match &call.invite {
            Some(invite) => invite.from().unwrap().tag().unwrap().to_string(),
            None => call.ok.to().unwrap().tag().unwrap().to_string(),
        };
        let remote = if role == Role::Uac { "a" } else { "alice" };
        assert_eq!((dialog.sip().call_id, dialog.sip().local_tag), (call.ok.call_id(), &*local));
        assert_eq!(dialog.sip().remote_tag, remote);
        assert_eq!(
            (dialog.local().uri, dialog.remote().uri),
            ("<sip:bob@192.0.2.4>", "<sip:alice@192.0.2.1>")
        );
        assert_eq!(dialog.local().contact, "sip:bob@192.0.2.4:5060");
        assert_eq!(dialog.remote().contact, "sip:alice@192.0.2.1");
        assert_eq!((dialog.local().sdp, dialog.remote().sdp), (OURS.as_bytes(), THEIRS.as_bytes()));
        assert!(!dialog.is_secure() && !dialog.local_hold() && !dialog.remote_hold());
        assert!(!format!("{dialog:?}").contains("m=audio"));
        // The data stays with the dialog, and comes back with its end.
        let bye = call.ua.destroy(call.dialog).only();
        let heard = call.ua.hear(answer(&bye, 200, "", ""));
        let data = heard.events().into_iter().find_map(|event| match event {
            Event::Dialog { event: DialogEvent::Destroy { data, .. }, .. } => Some(*data),
            _ => None,
        });
        assert_eq!(data, Some(7));
        assert_eq!(call.ua.sip.dialog(call.dialog).err(), Some(Refused::Gone));
    }
}

/// RFC 3261 §12.2, RFC 6141 §4.3: re-INVITE, UPDATE and the 2xx to ours move the target; what fails does not.
// Holds: 3311-5.2-1, 5057-5.4-1, 6141-4.6-5, 6141-4.7-1, 3261-12.2.1.2-1
#[test]
fn the_peers_contact_follows_its_refreshes() {
    for role in ROLES {
        let mut call = Call::up(role);
        let moved = |call: &mut Call, method: &str, to: &str| {
            let mut request = call.theirs(method).body("application/sdp", THEIRS);
            request.lines = request.lines.replace("192.0.2.1", to);
            call.ua.hear(request.text())
        };
        moved(&mut call, "INVITE", "192.0.2.21");
        assert_eq!(call.remote_contact(), "sip:alice@192.0.2.21");
        call.acked();
        moved(&mut call, "UPDATE", "192.0.2.22");
        assert_eq!(call.remote_contact(), "sip:alice@192.0.2.22");
        let (_, request) = call.modify(Modify::Hold);
        assert_eq!(request.request_uri(), Some("sip:alice@192.0.2.22"));
        call.ua.hear(answer_sdp(&request, 200, "Contact: <sip:alice@192.0.2.23>\r\n", THEIRS));
        assert_eq!(call.remote_contact(), "sip:alice@192.0.2.23");
        // Refused by either side: as before.
        let (_, request) = call.modify(Modify::Unhold);
        call.ua.hear(answer(&request, 488, "a", "Contact: <sip:alice@192.0.2.24>\r\n"));
        let heard = {
            let mut request = call.theirs("INVITE").body("application/sdp", &THEIRS.replace("4000", "4002"));
            request.lines = request.lines.replace("192.0.2.1", "192.0.2.25");
            call.ua.hear(request.text())
        };
        call.ua.reject(asks(&heard), Reply::code(488)).unwrap();
        call.acked();
        assert_eq!(call.remote_contact(), "sip:alice@192.0.2.23");
        call.over();
    }
}

/// RFC 3261 §12.2.1.1, §12.2.2: a Contact that the application gives is where we are from then on, if the peer has taken it.
// Holds: 3261-12.2.1.1-19
#[test]
fn a_contact_of_the_applications() {
    let mut call = Call::up(Role::Uas);
    let contact = |uri: &'static str| vec![Header::new("Contact", uri)];
    let (now, dialog) = (call.ua.now, call.dialog);
    let send = |call: &mut Call, uri| {
        call.ua.sip.dialog(dialog).unwrap().modify_with(now, Modify::Hold, contact(uri)).unwrap();
        call.ua.drain().only()
    };
    let request = send(&mut call, "<sip:bob@192.0.2.44>");
    assert_eq!(request.contact().unwrap().unwrap().uri, "sip:bob@192.0.2.44");
    call.ua.hear(answer(&request, 500, "a", ""));
    assert_eq!(call.local_contact(), "sip:bob@192.0.2.4:5060", "RFC 6141 §4.3: it was not taken");
    let request = send(&mut call, "<sip:bob@192.0.2.45>");
    call.ua.hear(answer_sdp(&request, 200, CONTACT, &with(THEIRS, 2, "recvonly")));
    assert_eq!(call.local_contact(), "sip:bob@192.0.2.45");
    let (_, request) = call.modify(Modify::Unhold);
    assert_eq!(request.contact().unwrap().unwrap().uri, "sip:bob@192.0.2.45");
    call.ua.hear(answer_sdp(&request, 200, CONTACT, &with(THEIRS, 3, "")));
    // What is answered alone says the same.
    let heard = call.offered("INVITE", &with(THEIRS, 3, ""));
    assert_eq!(heard.sent()[0].contact().unwrap().unwrap().uri, "sip:bob@192.0.2.45");
    call.acked();
    // And in an answer.
    let heard = call.offered("INVITE", &with(&THEIRS.replace("4000", "4002"), 4, ""));
    let reply = Reply::new().header("Contact", "<sip:bob@192.0.2.46>").sdp(OURS);
    call.ua.accept(asks(&heard), reply).unwrap();
    assert_eq!(call.local_contact(), "sip:bob@192.0.2.46");
    call.acked();
    call.over();
}

/// RFC 3264 §4, §8: an offer changes nothing until it is answered, in either direction, and nothing at all if it is refused.
// Holds: 3264-4-1, 3261-8.2-1, 3261-8.2-2, 3261-14.2-5
#[test]
fn descriptions_are_kept_when_a_round_is_complete() {
    for role in ROLES {
        let mut call = Call::up(role);
        let agreed = (OURS.to_string(), THEIRS.to_string());
        let other = with(&OURS.replace("5000", "5002"), 2, "");
        let (_, request) = call.modify(Modify::Sdp(other.clone().into()));
        assert_eq!((body(&request), call.sdp()), (other.clone(), agreed.clone()));
        call.ua.hear(answer_sdp(&request, 200, CONTACT, &with(THEIRS, 2, "")));
        let agreed = (other, with(THEIRS, 2, ""));
        assert_eq!(call.sdp(), agreed);

        let offer = with(&THEIRS.replace("4000", "4002"), 3, "");
        let heard = call.offered("INVITE", &offer);
        assert_eq!(call.sdp(), agreed, "not before it is answered");
        call.ua.reject(asks(&heard), Reply::code(488)).unwrap();
        call.acked();
        assert_eq!(call.sdp(), agreed);
        let heard = call.offered("INVITE", &offer);
        let ours = with(&OURS.replace("5000", "5004"), 3, "");
        call.ua.accept(asks(&heard), Reply::new().sdp(ours.clone())).unwrap();
        assert_eq!(call.sdp(), (ours, offer));
        call.acked();
        call.over();
    }
}

/// Each side's hold is a fact of its own; either may end first (RFC 3264 §8.4).
#[test]
fn the_two_holds_are_two_facts() {
    for (role, first) in ROLES.into_iter().flat_map(|role| [(role, "ours"), (role, "theirs")]) {
        let mut call = Call::up(role);
        call.modified(Modify::Hold, &with(THEIRS, 2, "recvonly"));
        assert_eq!(call.holds(), (true, false), "{role:?}");
        let (answer, event) = call.offered_alone("INVITE", &with(THEIRS, 3, "inactive"));
        assert!(answer.contains("a=inactive") && event.starts_with("* hold"), "{event} {answer}");
        assert_eq!(call.holds(), (true, true));
        match first {
            "ours" => {
                let offer = call.modified(Modify::Unhold, &with(THEIRS, 4, "sendonly"));
                assert!(!offer.contains("a=inactive"), "{offer}");
                assert_eq!(call.holds(), (false, true));
                let (answer, event) = call.offered_alone("INVITE", &with(THEIRS, 5, "sendrecv"));
                assert!(event.starts_with("* unhold"), "{event}");
                assert!(!answer.contains("only") && !answer.contains("inactive"), "{answer}");
            }
            _ => {
                let (answer, event) = call.offered_alone("INVITE", &with(THEIRS, 4, "recvonly"));
                assert!(event.starts_with("* unhold"), "{event}");
                assert!(answer.contains("a=sendonly"), "{answer}");
                assert_eq!(call.holds(), (true, false));
                let offer = call.modified(Modify::Unhold, &with(THEIRS, 5, ""));
                assert!(!offer.contains("only") && !offer.contains("inactive"), "{offer}");
            }
        }
        assert_eq!(call.holds(), (false, false));
        call.over();
    }
}

/// RFC 6337 §5.3: the peer's hold forces our answer, not our wish: whoever holds last and whoever lets go first, nobody is stuck.
#[test]
fn a_hold_upon_the_peers_hold_ends_with_it() {
    for (role, first) in ROLES.into_iter().flat_map(|role| [(role, "ours"), (role, "theirs")]) {
        let mut call = Call::up(role);
        let (answer, _) = call.offered_alone("INVITE", &with(THEIRS, 2, "sendonly"));
        assert!(answer.contains("a=recvonly"), "{answer}");
        call.modified(Modify::Hold, &with(THEIRS, 3, "inactive"));
        assert_eq!(call.holds(), (true, true), "{role:?}");
        match first {
            "ours" => {
                call.modified(Modify::Unhold, &with(THEIRS, 4, "sendonly"));
                assert_eq!(call.holds(), (false, true));
                let (answer, _) = call.offered_alone("INVITE", &with(THEIRS, 5, "sendrecv"));
                assert!(!answer.contains("only") && !answer.contains("inactive"), "{answer}");
            }
            _ => {
                let (answer, _) = call.offered_alone("INVITE", &with(THEIRS, 4, "sendrecv"));
                assert!(answer.contains("a=sendonly"), "{answer}");
                assert_eq!(call.holds(), (true, false));
                let offer = call.modified(Modify::Unhold, &with(THEIRS, 5, ""));
                assert!(!offer.contains("only") && !offer.contains("inactive"), "{offer}");
            }
        }
        assert_eq!(call.holds(), (false, false));
        call.over();
    }
}

/// RFC 6337 §5.3: who is asked for an offer says what it wishes, not what the peer's hold has forced on it; a hold of its own stays.
#[test]
fn an_offer_that_is_asked_for_says_what_we_wish() {
    for (role, holds) in ROLES.into_iter().flat_map(|role| [(role, false), (role, true)]) {
        let mut call = Call::up_in(Ua::with(|config| config.policy.set_automatic()), role);
        if holds {
            call.modified(Modify::Hold, &with(THEIRS, 2, "recvonly"));
        }
        let hold = if holds { "inactive" } else { "sendonly" };
        let (forced, _) = call.offered_alone("INVITE", &with(THEIRS, 3, hold));
        let request = call.theirs("INVITE");
        let offer = body(&call.ua.hear(request.text()).message("200 OK (INVITE)"));
        let direction = if holds { "a=sendonly\r\n" } else { "a=sendrecv\r\n" };
        assert!(offer.ends_with(direction), "{forced} {offer}");
        let version = |sdp: &str| sip_proto::sdp::Session::parse(sdp.as_bytes()).unwrap().origin.version;
        assert_eq!(version(&offer), version(&forced) + 1, "RFC 3264 §8");
        call.cseq -= 1;
        let ack =
            call.theirs("ACK").body("application/sdp", &with(THEIRS, 4, if holds { "recvonly" } else { "" }));
        call.ua.hear(ack.text());
        assert_eq!(call.holds(), (holds, false));
        call.over();
    }
}

/// RFC 3264 §5.1, RFC 6337 §5.3: who offers to receive only wishes no more, whatever the peer answers and offers then.
#[test]
fn a_direction_that_we_offered_is_our_wish() {
    for role in ROLES {
        let mut call = Call::up(role);
        call.modified(Modify::Sdp(with(OURS, 2, "recvonly").into()), &with(THEIRS, 2, "sendonly"));
        for (version, offer) in [(2, "sendonly"), (3, "sendrecv"), (4, "sendonly"), (5, "sendrecv")] {
            let (answer, _) = call.offered_alone("INVITE", &with(THEIRS, version, offer));
            assert!(answer.ends_with("a=recvonly\r\n"), "{offer}: {answer}");
        }
        call.modified(Modify::Sdp(with(OURS, 3, "sendonly").into()), &with(THEIRS, 6, "recvonly"));
        call.over();
    }
}

/// RFC 3264 §8, §8.4: what was agreed during a hold stays when it ends: our new port and a stream that was added; only directions change.
#[test]
fn an_unhold_takes_back_the_hold_and_no_more() {
    for role in ROLES {
        let mut call = Call::up(role);
        call.modified(Modify::Hold, &with(THEIRS, 2, "recvonly"));
        let video = "m=video 4006 RTP/AVP 31\r\n";
        let heard =
            call.offered("INVITE", &[&with(&THEIRS.replace("4000", "4002"), 3, "recvonly"), video].concat());
        let moved = OURS.replace("5000", "5004");
        let ours = [&with(&moved, 3, "sendonly"), "m=video 5006 RTP/AVP 31\r\na=sendonly\r\n"].concat();
        call.ua.accept(asks(&heard), Reply::new().sdp(ours)).unwrap();
        call.acked();
        assert_eq!(call.holds(), (true, false), "{role:?}");
        let offer = call.modified(Modify::Unhold, &[&with(THEIRS, 4, ""), video].concat());
        let streams = "m=audio 5004 RTP/AVP 0\r\na=sendrecv\r\nm=video 5006 RTP/AVP 31\r\na=sendrecv\r\n";
        assert_eq!(
            offer,
            [&*with(&moved, 4, "").replace("m=audio 5004 RTP/AVP 0\r\n", ""), streams].concat()
        );
        assert_eq!(call.holds(), (false, false));
        call.over();
    }
}

/// RFC 3264 §8, RFC 6337 §5.2.5: a version that an offer of ours has had is no other description's, though the offer was refused; the same offer again has
/// it again.
#[test]
fn a_version_that_was_refused_is_spent() {
    let version = |sdp: &str| sip_proto::sdp::Session::parse(sdp.as_bytes()).unwrap().origin.version;
    for (role, code) in ROLES.into_iter().flat_map(|role| [488, 491].map(|code| (role, code))) {
        let mut call = Call::up(role);
        let (_, request) = call.modify(Modify::Hold);
        assert_eq!(version(&body(&request)), 2);
        call.ua.hear(answer(&request, code, "a", ""));
        if code == 488 {
            let (_, again) = call.modify(Modify::Hold);
            assert_eq!(body(&again), body(&request));
            call.ua.hear(answer(&again, code, "a", ""));
        }
        let (unchanged, _) = call.offered_alone("INVITE", THEIRS);
        assert_eq!(unchanged, OURS, "{role:?} {code}");
        let (forced, _) = call.offered_alone("INVITE", &with(THEIRS, 2, "sendonly"));
        assert_eq!(forced, with(OURS, 3, "recvonly"), "{role:?} {code}");
        let request = match code {
            491 => call.ua.pass(secs(5)).message("INVITE"),
            _ => call.modify(Modify::Hold).1,
        };
        assert_eq!(version(&body(&request)), 4);
        call.ua.hear(answer_sdp(&request, 200, CONTACT, &with(THEIRS, 3, "inactive")));
        call.over();
    }
}

/// The model's `queueRequests`: what comes waits, and is told in the order in which it came. BYE does not wait.
#[test]
fn requests_are_held_back_and_told_in_order() {
    for role in ROLES {
        let mut call = Call::up(role);
        let now = call.ua.now;
        call.ua.sip.dialog(call.dialog).unwrap().hold_back(now, true).unwrap();
        for method in ["INFO", "REFER", "MESSAGE"] {
            let request = call.theirs(method).line("Refer-To: <sip:c@h>").body("text/plain", method).text();
            assert_eq!(call.ua.hear(request.clone()).lines(), [""; 0]);
            assert_eq!(call.ua.hear(request).lines(), [""; 0], "and when it comes again");
        }
        assert_eq!(call.offered("INVITE", &with(THEIRS, 2, "sendonly")).lines(), ["100 Trying (INVITE)"; 0]);
        call.ua.sip.dialog(call.dialog).unwrap().hold_back(now, false).unwrap();
        let heard = call.ua.drain();
        let expected = [
            "200 OK (INFO)",
            "* INFO answered 200",
            "* REFER asks",
            "200 OK (MESSAGE)",
            "* MESSAGE answered 200",
            "200 OK (INVITE) +body",
            "* hold: INVITE answered 200",
        ];
        assert_eq!(heard.lines(), expected);
        call.ua.reject(asks(&heard), Reply::code(603)).unwrap();
        call.acked();
        let info = call.theirs("INFO").text();
        assert_eq!(call.ua.hear(info).lines().len(), 2, "nothing waits any more");
        call.over();
    }
}

/// The model never answers what it held when it ends; here it is 487 (RFC 3261 §15.1.2).
#[test]
fn a_dialog_that_ends_answers_what_it_held() {
    for (role, by) in ROLES.into_iter().flat_map(|role| [(role, By::Local), (role, By::Remote)]) {
        let mut call = Call::up(role);
        let now = call.ua.now;
        call.ua.sip.dialog(call.dialog).unwrap().hold_back(now, true).unwrap();
        let info = call.theirs("INFO").text();
        assert_eq!(call.ua.hear(info).lines(), [""; 0]);
        assert_eq!(call.offered("INVITE", &with(THEIRS, 2, "sendonly")).lines(), [""; 0]);
        let heard = match by {
            By::Local => {
                let bye = call.ua.destroy(call.dialog).message("BYE");
                call.ua.hear(answer(&bye, 200, "", ""))
            }
            By::Remote => {
                let bye = call.theirs("BYE").text();
                call.ua.hear(bye)
            }
        };
        let lines = heard.lines();
        for method in ["INFO", "INVITE"] {
            let line = format!("487 Request Terminated ({method})");
            assert!(lines.contains(&line), "{role:?} {by:?}: {lines:?}");
        }
        assert!(!lines.iter().any(|line| line.contains("INFO asks")), "{lines:?}");
        assert_eq!(destroys(&heard), [(by, Why::Bye)]);
        call.cseq -= 1;
        let ack = call.theirs("ACK").branch("z9hG4bK-INVITE").text();
        call.ua.hear(ack);
        call.ua.pass_all();
    }
}

// ---- B.2: methods ----

/// The result of `destroy`: the request, and the answer or the timeout (RFC 3261 §15.1.1).
#[test]
fn destroy_tells_what_it_sent_and_got() {
    for (role, code) in ROLES.into_iter().flat_map(|role| [(role, 200), (role, 500), (role, 0)]) {
        let mut call = Call::up(role);
        let headers = vec![Header::new("Reason", "Q.850;cause=16"), Header::new("X-Any", "1")];
        let mut handle = call.ua.sip.dialog(call.dialog).unwrap();
        handle.destroy_with(call.ua.now, headers).unwrap();
        let bye = call.ua.drain().only();
        assert_eq!((bye.method(), bye.value(Name::Reason)), (&Method::Bye, Some("Q.850;cause=16")));
        let heard = match code {
            0 => call.ua.pass(secs(33)),
            code => {
                assert_eq!(call.ua.hear(answer(&bye, 100, "", "")).lines(), [""; 0], "not with a 100");
                call.ua.hear(answer(&bye, code, "", ""))
            }
        };
        let end = heard.events().into_iter().find_map(|event| match event {
            Event::Dialog { dialog, event: DialogEvent::Destroy { by, why, message, response, .. } } => {
                assert_eq!((*dialog, *by, *why), (call.dialog, By::Local, Why::Bye));
                Some((message.clone().unwrap(), response.clone().unwrap()))
            }
            _ => None,
        });
        let (message, response) = end.unwrap();
        assert_eq!(*message, bye);
        assert_eq!(response.status().unwrap().code(), if code == 0 { 408 } else { code });
        call.ua.pass_all();
    }
}

/// The model sends a second BYE. Here the second call changes nothing.
#[test]
fn a_second_destroy_sends_nothing() {
    let mut call = Call::up(Role::Uac);
    let bye = call.ua.destroy(call.dialog).only();
    assert_eq!(call.ua.destroy(call.dialog).lines(), [""; 0]);
    let mut heard = call.ua.hear(answer(&bye, 200, "", ""));
    let mut gone = call.ua.sip.dialog(call.dialog);
    assert!(matches!(gone.as_mut().err(), Some(Refused::Gone)));
    heard.0.extend(call.ua.pass_all().0);
    assert_eq!(destroys(&heard).len(), 1);
}

/// Changes that are under way or wait have their result, once each, before the end is told.
#[test]
fn destroy_answers_what_waits() {
    for role in ROLES {
        let mut call = Call::up(role);
        let (first, request) = call.modify(Modify::Hold);
        let second = call.wish(Modify::Unhold).unwrap();
        let info = call.ua.sip.dialog(call.dialog).unwrap().info(call.ua.now, "text/plain", "x").unwrap();
        let mut heard = call.ua.destroy(call.dialog);
        let bye = heard.message("BYE");
        heard.0.extend(call.ua.hear(answer(&bye, 200, "", "")).0);
        // RFC 3261 §15.1.2: the peer answers what is open.
        heard.0.extend(call.ua.hear(answer(&request, 487, "a", "")).0);
        heard.0.extend(call.ua.pass_all().0);
        assert_eq!(results(&heard, first), [(487, false)]);
        assert_eq!(results(&heard, second), [(487, true)]);
        assert_eq!(results(&heard, info).len(), 1);
        assert_eq!(destroys(&heard), [(By::Local, Why::Bye)]);
    }
}

/// RFC 3261 §15: who answered waits for the ACK, and sends then what it was told to.
#[test]
fn destroy_before_the_ack_keeps_its_headers() {
    let mut ua = Ua::new();
    let server = ua.called();
    let heard = ua.accept(server, Reply::new().sdp(OURS)).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    let headers = vec![Header::new("Reason", "Q.850;cause=16")];
    ua.sip.dialog(dialog).unwrap().destroy_with(ua.now, headers).unwrap();
    assert_eq!(ua.destroy(dialog).lines(), [""; 0], "no BYE yet, and the first call counts");
    let refused = ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold);
    assert_eq!(refused, Err(DialogError::Terminated.into()));
    let heard = ua.hear(Req::within(&ok, "ACK", 1).text());
    assert_eq!(heard.message("BYE").value(Name::Reason), Some("Q.850;cause=16"));
    ua.pass_all();
}

/// RFC 3261 §14.1: success is any 2xx; it is acknowledged, and the change is in force.
#[test]
fn any_2xx_changes_the_session() {
    for (role, code) in ROLES.into_iter().flat_map(|role| [200, 202, 299].map(|code| (role, code))) {
        let mut call = Call::up(role);
        let ours = with(&OURS.replace("5000", "5002"), 2, "");
        let (id, request) = call.modify(Modify::Sdp(ours.clone().into()));
        assert_eq!((request.method(), body(&request)), (&Method::Invite, ours.clone()));
        let heard = call.ua.hear(answer_sdp(&request, code, CONTACT, &with(THEIRS, 2, "")));
        assert_eq!(heard.lines(), ["ACK".into(), format!("* accepted {code} X (INVITE) +body")]);
        assert_eq!(results(&heard, id), [(code, false)]);
        assert_eq!(call.sdp(), (ours, with(THEIRS, 2, "")));
        call.over();
    }
}

/// The model refuses at once what a completed dialog is asked for.
#[test]
fn a_change_of_an_ended_dialog_is_refused() {
    let mut call = Call::up(Role::Uas);
    call.ua.destroy(call.dialog);
    for modify in [Modify::Hold, Modify::Offerless, Modify::Sdp(OURS.into())] {
        assert_eq!(call.wish(modify), Err(DialogError::Terminated.into()));
    }
    let mut handle = call.ua.sip.dialog(call.dialog).unwrap();
    let refused = handle.request(call.ua.now, InDialog::new(Method::Info));
    assert_eq!(refused, Err(DialogError::Terminated.into()));
    assert_eq!(call.ua.drain().lines(), [""; 0]);
}

/// Headers of the application's in the request; one that cannot stand there is refused, now and not at its turn.
#[test]
fn headers_of_a_change() {
    let mut call = Call::up(Role::Uas);
    let (now, dialog) = (call.ua.now, call.dialog);
    let modify = |call: &mut Call, value: &'static str| {
        let headers = vec![Header::new("X-Any", value)];
        call.ua.sip.dialog(dialog).unwrap().modify_with(now, Modify::Hold, headers)
    };
    assert!(modify(&mut call, "a\r\nb").is_err());
    modify(&mut call, "1").unwrap();
    let request = call.ua.drain().only();
    assert!(request.lines().any(|line| line == ("X-Any", "1")));
    assert!(modify(&mut call, "a\r\nb").is_err(), "though it would have waited");
    assert_eq!(call.ua.drain().lines(), [""; 0]);
}

/// RFC 3261 §14.1: a final answer other than 2xx leaves the session as it was, hold included, and the next change goes.
// Holds: 3261-14.1-5
#[test]
fn a_failed_change_leaves_no_trace() {
    for (role, code) in ROLES.into_iter().flat_map(|role| [302, 401, 488, 500, 603].map(|code| (role, code)))
    {
        let mut call = Call::up(role);
        let (first, request) = call.modify(Modify::Hold);
        let second = call.wish(Modify::Sdp(with(&OURS.replace("5000", "5002"), 2, "").into())).unwrap();
        let mut heard = call.ua.hear(answer(&request, code, "a", ""));
        assert_eq!(results(&heard, first), [(code, false)]);
        assert_eq!((call.sdp(), call.holds()), ((OURS.into(), THEIRS.into()), (false, false)));
        let next = heard.message("INVITE");
        assert_eq!(next.cseq(), request.cseq() + 1);
        heard = call.ua.hear(answer_sdp(&next, 200, CONTACT, THEIRS));
        assert_eq!(results(&heard, second), [(200, false)]);
        // A failed unhold leaves the hold.
        call.modified(Modify::Hold, &with(THEIRS, 2, "recvonly"));
        let held = call.sdp();
        let (_, request) = call.modify(Modify::Unhold);
        call.ua.hear(answer(&request, code, "a", ""));
        assert_eq!((call.sdp(), call.holds()), (held, (true, false)));
        call.over();
    }
}

/// RFC 3261 §14.1, §12.2.1.2: no answer at all is 408, which ends the call.
// Holds: 3261-12.2.1.2-3
#[test]
fn a_change_that_gets_no_answer() {
    let mut call = Call::up(Role::Uac);
    let (id, _) = call.modify(Modify::Hold);
    let heard = call.ua.pass_all();
    assert_eq!(results(&heard, id), [(408, true)]);
    assert_eq!(destroys(&heard), [(By::Local, Why::Response(StatusCode::REQUEST_TIMEOUT))]);
    assert!(heard.lines().contains(&"BYE".into()));
}

/// One at a time, in order; each offer is made when its turn comes.
// Holds: 3264-4-3, 3261-14.1-2, 3261-14.1-3
#[test]
fn changes_go_one_at_a_time() {
    for role in ROLES {
        let mut call = Call::up(role);
        let (hold, first) = call.modify(Modify::Hold);
        let unhold = call.wish(Modify::Unhold).unwrap();
        let ours: String = with(&OURS.replace("5000", "5002"), 9, "");
        let other = call.wish(Modify::Sdp(ours.clone().into())).unwrap();
        assert_eq!(call.ua.drain().lines(), [""; 0]);
        assert!(call.ua.sip.client(unhold).unwrap().request().is_none(), "it is not written yet");
        assert_eq!(call.ua.hear(answer(&first, 100, "", "")).sent().len(), 0, "not with a 100");
        let heard = call.ua.hear(answer_sdp(&first, 200, CONTACT, &with(THEIRS, 2, "recvonly")));
        assert_eq!(results(&heard, hold), [(200, false)]);
        let second = heard.message("INVITE");
        assert_eq!(
            (body(&second), second.cseq()),
            (with(OURS, 3, "sendrecv").replace("a=sendrecv\r\n", ""), first.cseq() + 1)
        );
        let heard = call.ua.hear(answer_sdp(&second, 200, CONTACT, &with(THEIRS, 3, "")));
        assert_eq!(results(&heard, unhold), [(200, false)]);
        let third = heard.message("INVITE");
        assert_eq!(body(&third), ours);
        let heard = call.ua.hear(answer_sdp(&third, 200, CONTACT, &with(THEIRS, 4, "")));
        assert_eq!(results(&heard, other), [(200, false)]);
        call.over();
    }
}

/// A change that was not sent yet ends without a packet when it is cancelled.
#[test]
fn a_waiting_change_is_taken_back() {
    let mut call = Call::up(Role::Uas);
    let (_, first) = call.modify(Modify::Hold);
    let second = call.wish(Modify::Unhold).unwrap();
    let heard = call.ua.cancel(second);
    assert_eq!(results(&heard, second), [(487, true)]);
    assert_eq!(heard.sent().len(), 0);
    let heard = call.ua.hear(answer_sdp(&first, 200, CONTACT, &with(THEIRS, 2, "recvonly")));
    assert_eq!(heard.lines(), ["ACK", "* accepted 200 X (INVITE) +body"]);
    call.over();
}

/// An unhold that waits for a hold which then fails has nothing to take back.
#[test]
fn a_waiting_change_that_has_become_impossible() {
    let mut call = Call::up(Role::Uac);
    let (_, first) = call.modify(Modify::Hold);
    let unhold = call.wish(Modify::Unhold).unwrap();
    let again = call.wish(Modify::Hold).unwrap();
    let heard = call.ua.hear(answer(&first, 488, "a", ""));
    assert_eq!(results(&heard, unhold), [(488, true)]);
    let next = heard.message("INVITE");
    assert!(body(&next).contains("a=sendonly"));
    let heard = call.ua.hear(answer_sdp(&next, 200, CONTACT, &with(THEIRS, 2, "recvonly")));
    assert_eq!(results(&heard, again), [(200, false)]);
    call.over();
}

/// RFC 3261 §14.1: 491 is tried again in 2.1 to 4 s by who made the call, in up to 2 s by the other, three times; one result.
// Holds: 6141-3.5-2, 3261-14.1-6, 3261-14.1-7
#[test]
fn a_collision_is_tried_again() {
    for (role, from, to) in [(Role::Uac, 2_100, 4_000), (Role::Uas, 0, 2_000)] {
        let mut call = Call::up(role);
        let (id, mut request) = call.modify(Modify::Hold);
        for attempt in 0..3 {
            let heard = call.ua.hear(answer(&request, 491, "a", ""));
            assert!(results(&heard, id).is_empty(), "{role:?} {attempt}");
            let start = call.ua.now.as_millis();
            let heard = call.ua.pass(secs(4));
            let again = heard.message("INVITE");
            let after = heard.times("INVITE +body")[0] - start;
            assert!((from..=to).contains(&after) && after.is_multiple_of(10), "{role:?}: {after} ms");
            assert_eq!((body(&again), again.cseq()), (body(&request), request.cseq() + 1));
            request = again;
        }
        let heard = call.ua.hear(answer(&request, 491, "a", ""));
        assert_eq!(results(&heard, id), [(491, false)]);
        assert_eq!((call.sdp(), call.holds()), ((OURS.into(), THEIRS.into()), (false, false)));
        call.over();
    }
}

/// RFC 3264 §8.4: every stream, from `sendrecv` to `sendonly` and from `recvonly` to `inactive`, wherever the direction is stated; the version rises by
/// one; unhold gives back what was before.
// Holds: 3264-8-1, 3264-8-2, 3264-8.4-1, 3264-8.4-2, 3261-14.1-1
#[test]
fn hold_and_unhold_of_any_description() {
    let rows = [
        // Nothing is stated: sendrecv.
        ("m=audio 5000 RTP/AVP 0\r\n", "m=audio 5000 RTP/AVP 0\r\na=sendonly\r\n"),
        (
            "m=audio 5000 RTP/AVP 0\r\na=sendrecv\r\na=ptime:20\r\n",
            "m=audio 5000 RTP/AVP 0\r\na=sendonly\r\na=ptime:20\r\n",
        ),
        ("m=audio 5000 RTP/AVP 0\r\na=recvonly\r\n", "m=audio 5000 RTP/AVP 0\r\na=inactive\r\n"),
        ("a=sendrecv\r\nm=audio 5000 RTP/AVP 0\r\n", "a=sendonly\r\nm=audio 5000 RTP/AVP 0\r\n"),
        (
            "m=audio 5000 RTP/AVP 0\r\nm=video 5002 RTP/AVP 31\r\na=sendrecv\r\nm=video 0 RTP/AVP 31\r\n",
            "m=audio 5000 RTP/AVP 0\r\na=sendonly\r\nm=video 5002 RTP/AVP 31\r\na=sendonly\r\nm=video 0 RTP/AVP 31\r\n",
        ),
        // One stream never received: unhold does not make it.
        (
            "m=audio 5000 RTP/AVP 0\r\nm=video 5002 RTP/AVP 31\r\na=sendonly\r\n",
            "m=audio 5000 RTP/AVP 0\r\na=sendonly\r\nm=video 5002 RTP/AVP 31\r\na=sendonly\r\n",
        ),
    ];
    let head = OURS.split("m=").next().unwrap();
    for (role, (streams, held)) in ROLES.into_iter().flat_map(|role| rows.map(|row| (role, row))) {
        let ours = [head, streams].concat();
        let mut call = Call::up_with(Ua::new(), role, &ours, "");
        assert_eq!(call.holds(), (false, false), "{streams}");
        let offer = call.modified(Modify::Hold, &with(THEIRS, 2, "recvonly"));
        assert_eq!(offer, [&head.replace(" 1 IN", " 2 IN"), held].concat());
        assert_eq!((call.holds(), call.sdp().0), ((true, false), offer));
        let offer = call.modified(Modify::Unhold, &with(THEIRS, 3, ""));
        assert_eq!(offer, [&head.replace(" 1 IN", " 3 IN"), streams].concat());
        assert_eq!((call.holds(), call.sdp().0), ((false, false), offer));
        call.over();
    }
}

/// The model: 'attempt to unhold session that is not on hold'.
#[test]
fn unhold_of_what_is_not_held_is_refused() {
    for role in ROLES {
        let mut call = Call::up(role);
        assert_eq!(call.wish(Modify::Unhold), Err(DialogError::NotHeld.into()));
        // That the peer holds us is not ours to take back.
        call.offered_alone("INVITE", &with(THEIRS, 2, "sendonly"));
        assert_eq!(call.wish(Modify::Unhold), Err(DialogError::NotHeld.into()));
        assert_eq!(call.ua.drain().lines(), [""; 0]);
        call.over();
    }
    // And there may be no session at all.
    let mut ua = Ua::new();
    let (_, _, dialog) = ua.placed_call();
    let refused = ua.sip.dialog(dialog).unwrap().modify(ua.now, Modify::Hold);
    assert_eq!(refused, Err(DialogError::NoSession.into()));
}

/// RFC 3264 §8: a second hold offers the same again, version included; one unhold takes both back.
// Holds: 3264-8-3
#[test]
fn hold_twice_is_hold_once() {
    let mut call = Call::up(Role::Uac);
    let first = call.modified(Modify::Hold, &with(THEIRS, 2, "recvonly"));
    let second = call.modified(Modify::Hold, &with(THEIRS, 2, "recvonly"));
    assert_eq!(first, second);
    let offer = call.modified(Modify::Unhold, &with(THEIRS, 3, ""));
    assert_eq!((offer, call.holds()), (with(OURS, 3, ""), (false, false)));
    call.over();
}

/// RFC 3311 §5.1: by option, and only if the peer's Allow names it; a request for an offer stays a re-INVITE.
// Holds: 3311-5.1-2
#[test]
fn changes_by_update() {
    for role in ROLES {
        let by_update = || Ua::with(|config| config.policy.modify_by_update = true);
        let mut call = Call::up_in(by_update(), role);
        assert_eq!(call.modify(Modify::Hold).1.method(), &Method::Invite, "the peer has not said so");
        let mut call = Call::up_with(by_update(), role, OURS, "Allow: INVITE, BYE\r\n");
        assert_eq!(call.modify(Modify::Hold).1.method(), &Method::Invite);
        let mut call = Call::up_with(Ua::new(), role, OURS, "Allow: INVITE, UPDATE\r\n");
        assert_eq!(call.modify(Modify::Hold).1.method(), &Method::Invite, "not asked for");

        let mut call = Call::up_with(by_update(), role, OURS, "Allow: INVITE, UPDATE\r\n");
        let (id, update) = call.modify(Modify::Hold);
        assert_eq!((update.method(), body(&update)), (&Method::Update, with(OURS, 2, "sendonly")));
        assert!(update.contact().unwrap().is_some());
        let waiting = call.wish(Modify::Unhold).unwrap();
        let heard = call.ua.hear(answer_sdp(&update, 200, CONTACT, &with(THEIRS, 2, "recvonly")));
        assert_eq!((results(&heard, id), call.holds()), (vec![(200, false)], (true, false)));
        let update = heard.message("UPDATE");
        let heard = call.ua.hear(answer(&update, 504, "a", ""));
        assert_eq!((results(&heard, waiting), call.holds()), (vec![(504, false)], (true, false)));
        let (_, invite) = call.modify(Modify::Offerless);
        assert_eq!(invite.method(), &Method::Invite);
    }
}

/// RFC 3261 §14.1, §13.2.2.4; RFC 3725 §4: the 2xx to a re-INVITE without an offer brings one; the ACK has our answer. Others wait for it.
// Holds: 3261-13.2.1-9, 3261-13.2.2.4-8
#[test]
fn an_offer_is_asked_for() {
    for role in ROLES {
        let mut call = Call::up(role);
        let (id, request) = call.modify(Modify::Offerless);
        assert_eq!((request.method(), body(&request)), (&Method::Invite, String::new()));
        let waiting = call.wish(Modify::Hold).unwrap();
        let offer = with(&THEIRS.replace("4000", "4002"), 2, "");
        let ok = answer_sdp(&request, 200, CONTACT, &offer);
        let heard = call.ua.hear(ok.clone());
        assert_eq!(heard.lines(), ["* accepted 200 X (INVITE) +body", "* offer: answer due"]);
        assert_eq!(results(&heard, id), [(200, false)]);
        assert_eq!(call.sdp(), (OURS.into(), THEIRS.into()));
        assert_eq!(call.ua.hear(ok.clone()).lines(), [""; 0], "no ACK before there is an answer");
        let ours = with(OURS, 2, "");
        call.ua.sip.dialog(call.dialog).unwrap().answer(call.ua.now, ours.clone()).unwrap();
        let heard = call.ua.drain();
        assert_eq!(heard.lines(), ["ACK +body", "INVITE +body"]);
        let ack = heard.message("ACK");
        assert_eq!((body(&ack), ack.cseq()), (ours.clone(), request.cseq()));
        assert_eq!(call.sdp(), (ours, offer));
        assert_eq!(call.ua.hear(ok).only(), ack, "the same again");
        let refused = call.ua.sip.dialog(call.dialog).unwrap().answer(call.ua.now, OURS);
        assert_eq!(refused, Err(DialogError::NoOffer.into()));
        let held =
            call.ua.hear(answer_sdp(&heard.message("INVITE"), 200, CONTACT, &with(THEIRS, 3, "recvonly")));
        assert_eq!(results(&held, waiting), [(200, false)]);
        call.over();
    }
}

/// RFC 3261 §13.2.2.4, §14.1: an offer in a 2xx that the application never answers ends the call; so does one in a dialog that is ended.
#[test]
fn an_offer_that_is_not_answered_ends_the_call() {
    for ends in [false, true] {
        let mut call = Call::up(Role::Uas);
        let (_, request) = call.modify(Modify::Offerless);
        call.ua.hear(answer_sdp(&request, 200, CONTACT, THEIRS));
        let mut heard = match ends {
            false => call.ua.pass(secs(33)),
            true => call.ua.destroy(call.dialog),
        };
        assert_eq!(heard.lines()[..2], ["ACK +body", "BYE"], "{:?}", heard.timed());
        let bye = heard.message("BYE");
        heard.0.extend(call.ua.hear(answer(&bye, 200, "", "")).0);
        heard.0.extend(call.ua.pass_all().0);
        assert_eq!(destroys(&heard), [(By::Local, if ends { Why::Bye } else { Why::NoAnswer })]);
    }
}

/// The model answers its caller with the first answer, a 100 even. Here the result is final, and comes once.
#[test]
fn a_request_has_one_final_result() {
    for (role, code) in ROLES.into_iter().flat_map(|role| [200, 202, 404, 603].map(|code| (role, code))) {
        let mut call = Call::up(role);
        let request = InDialog::new(Method::Info).header("X-Any", "1").body("text/plain", "hello");
        let id = call.ua.sip.dialog(call.dialog).unwrap().request(call.ua.now, request).unwrap();
        let sent = call.ua.drain().only();
        assert_eq!((sent.method(), body(&sent)), (&Method::Info, "hello".into()));
        assert_eq!(call.ua.hear(answer(&sent, 100, "", "")).lines(), ["* got 100 X (INFO)"]);
        let mut heard = call.ua.hear(answer(&sent, code, "", ""));
        heard.0.extend(call.ua.hear(answer(&sent, code, "", "")).0);
        assert_eq!(results(&heard, id), [(code, false)]);
        if code != 404 {
            call.over();
        }
    }
    let mut call = Call::up(Role::Uas);
    for method in [Method::Ack, Method::Cancel, Method::Bye] {
        let mut handle = call.ua.sip.dialog(call.dialog).unwrap();
        let refused = handle.request(call.ua.now, InDialog::new(method));
        assert_eq!(refused, Err(DialogError::Method.into()));
    }
}

/// RFC 3261 §12.2.1.2: 481 and 408 to a request end the call, with a BYE and one `Destroy`.
#[test]
fn a_request_that_says_there_is_no_dialog() {
    for (role, code) in ROLES.into_iter().flat_map(|role| [481, 408].map(|code| (role, code))) {
        let mut call = Call::up(role);
        let id = call.ua.sip.dialog(call.dialog).unwrap().info(call.ua.now, "text/plain", "x").unwrap();
        let sent = call.ua.drain().only();
        let mut heard = call.ua.hear(answer(&sent, code, "", ""));
        assert_eq!(results(&heard, id), [(code, false)]);
        assert!(heard.lines().contains(&"BYE".into()));
        heard.0.extend(call.ua.pass_all().0);
        assert_eq!(destroys(&heard), [(By::Local, Why::Response(StatusCode::new(code).unwrap()))]);
    }
}

/// The model's shortcuts throw. Here each sends its method, with what the method needs.
// Holds: 5057-2-1
#[test]
fn requests_by_name() {
    let mut call = Call::up(Role::Uas);
    let (now, dialog) = (call.ua.now, call.dialog);
    let body = || Some(Body::new("text/plain", "x"));
    let mut handle = call.ua.sip.dialog(dialog).unwrap();
    let ids = [
        handle.info(now, "text/plain", "x").unwrap(),
        handle.message(now, "text/plain", "x").unwrap(),
        handle.options(now).unwrap(),
        handle.update(now, None).unwrap(),
        handle.refer(now, "<sip:carol@192.0.2.9>").unwrap(),
        handle.notify(now, "presence", "active;expires=60", body()).unwrap(),
        handle.subscribe(now, "presence", secs(600)).unwrap(),
        handle.publish(now, "presence", body()).unwrap(),
    ];
    let sent = call.ua.drain().sent();
    let methods: Vec<_> = sent.iter().map(|message| message.method().as_str()).collect();
    let expected = ["INFO", "MESSAGE", "OPTIONS", "UPDATE", "REFER", "NOTIFY", "SUBSCRIBE", "PUBLISH"];
    assert_eq!(methods, expected);
    let cseqs: Vec<_> = sent.iter().map(Message::cseq).collect();
    assert!(cseqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{cseqs:?}");
    assert_eq!(sent[4].value(Name::ReferTo), Some("<sip:carol@192.0.2.9>"));
    assert_eq!(
        (sent[5].value(Name::Event), sent[5].value(Name::SubscriptionState)),
        (Some("presence"), Some("active;expires=60"))
    );
    assert_eq!((sent[6].value(Name::Event), sent[6].value(Name::Expires)), (Some("presence"), Some("600")));
    for (id, message) in ids.into_iter().zip(&sent) {
        let heard = call.ua.hear(answer(message, 200, "", CONTACT));
        assert_eq!(results(&heard, id), [(200, false)], "{message:?}");
    }
    // UPDATE with an offer waits for its turn like a change.
    let (_, invite) = call.modify(Modify::Hold);
    call.ua.sip.dialog(dialog).unwrap().update(now, Some(OURS.into())).unwrap();
    assert_eq!(call.ua.drain().lines(), [""; 0]);
    let heard = call.ua.hear(answer(&invite, 500, "a", ""));
    assert_eq!(heard.lines(), ["ACK", "* failed 500 X (INVITE)", "UPDATE +body"]);
}

// ---- B.3: events and automatic answers ----

/// RFC 3261 §15.1.2, RFC 3326: 200 first, then the event with the BYE.
#[test]
fn a_bye_is_told_with_its_reason() {
    for role in ROLES {
        let mut call = Call::up(role);
        let bye = call.theirs("BYE").line("Reason: SIP;cause=200;text=\"elsewhere\"").text();
        let heard = call.ua.hear(bye);
        assert_eq!(heard.lines(), ["200 OK (BYE)", "* destroy by Remote: Bye"]);
        let Event::Dialog { event: DialogEvent::Destroy { message: Some(bye), .. }, .. } = heard.events()[0]
        else {
            panic!("{heard:?}")
        };
        assert_eq!(bye.value(Name::Reason), Some("SIP;cause=200;text=\"elsewhere\""));
        call.ua.pass_all();
    }
}

/// RFC 3264 §8, RFC 4028 §7.4: the same origin and streams, by re-INVITE or UPDATE; and an UPDATE without a description.
// Holds: 3264-8-4, 3264-8-5, 4028-7.4-14
#[test]
fn a_refresh_is_answered_alone() {
    for role in ROLES {
        let mut call = Call::up(role);
        for method in ["INVITE", "UPDATE"] {
            let (answer, event) = call.offered_alone(method, THEIRS);
            assert_eq!((answer, event), (OURS.into(), format!("* refresh: {method} answered 200")));
        }
        let update = call.theirs("UPDATE").text();
        let heard = call.ua.hear(update);
        assert_eq!(heard.lines(), ["200 OK (UPDATE)", "* refresh: UPDATE answered 200"]);
        assert!(heard.sent()[0].contact().unwrap().is_some(), "RFC 3261 §12.2.2");
        assert_eq!(call.sdp(), (OURS.into(), THEIRS.into()));
        call.over();
    }
}

/// RFC 3264 §6.1, §8.4: hold is answered `recvonly`, unhold `sendrecv`, in a version one higher each.
// Holds: 3264-8.4-3, 3264-6.1-3
#[test]
fn hold_and_unhold_of_the_peers() {
    for (role, method) in ROLES.into_iter().flat_map(|role| ["INVITE", "UPDATE"].map(|method| (role, method)))
    {
        let mut call = Call::up(role);
        let offer = with(THEIRS, 2, "sendonly");
        let (answer, event) = call.offered_alone(method, &offer);
        assert_eq!(event, format!("* hold: {method} answered 200"));
        assert_eq!(answer, with(OURS, 2, "recvonly"));
        assert_eq!((call.holds(), call.sdp()), ((false, true), (answer, offer)));
        let (answer, event) = call.offered_alone(method, &with(THEIRS, 3, "sendrecv"));
        assert_eq!(event, format!("* unhold: {method} answered 200"));
        assert!(answer.contains(" 3 IN") && !answer.contains("recvonly"), "{answer}");
        assert_eq!(call.holds(), (false, false));
        call.over();
    }
}

/// What is a refresh, a hold, an unhold, a change: by streams and origin, not by comparing text (the model takes anything but one spelling for a
/// change, and what does not change for a hold).
// Holds: 3261-14.2-4
#[test]
fn what_a_new_description_is() {
    let at = |version, direction| with(THEIRS, version, direction);
    let rows = [
        ("line ends", at(1, "").replace("\r\n", "\n"), "refresh"),
        ("sendrecv said aloud", at(1, "sendrecv"), "refresh"),
        ("sendonly", at(2, "sendonly"), "hold"),
        ("inactive", at(2, "inactive"), "hold"),
        ("sendonly for the session", at(2, "").replace("t=0 0\r\n", "t=0 0\r\na=sendonly\r\n"), "hold"),
        ("the address of old", at(2, "").replace("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0"), "hold"),
        ("in an old version", at(1, "sendonly"), "hold"),
        ("another port", at(2, "").replace("4000", "4002"), "INVITE"),
        ("another port in an old version", at(1, "").replace("4000", "4002"), "INVITE"),
        ("another format", at(2, "").replace("AVP 0", "AVP 8"), "INVITE"),
        ("one more stream", at(2, "") + "m=video 4002 RTP/AVP 31\r\n", "INVITE"),
        ("held and moved", at(2, "sendonly").replace("4000", "4002"), "INVITE"),
        ("no description", "hello".into(), "INVITE"),
    ];
    for (role, (what, offer, expected)) in
        ROLES.into_iter().flat_map(|role| rows.clone().map(|row| (role, row)))
    {
        let mut call = Call::up(role);
        let heard = call.offered("INVITE", &offer);
        let event = heard.lines().last().unwrap().clone();
        assert!(event.starts_with(&format!("* {expected}")), "{what}: {event}");
        assert_eq!(event.ends_with("asks"), expected == "INVITE", "{what}: {event}");
    }
}

/// RFC 3264 §8.3.2: a format that was offered and not taken up is left out of later offers; that is no change of the session. baresip does
/// so when it holds. Any other format that goes is one.
#[test]
fn formats_that_were_not_taken_up_may_go() {
    let format = |number: u8| format!("a=rtpmap:{number} X{number}/8000\r\na=fmtp:{number} 0-15\r\n");
    let stream = |formats: &[u8]| {
        let list: Vec<_> = formats.iter().map(u8::to_string).collect();
        let map: String = formats.iter().map(|number| format(*number)).collect();
        THEIRS.replace("AVP 0\r\n", &format!("AVP {}\r\n{map}", list.join(" ")))
    };
    for (formats, expected) in
        [(&[97, 98][..], "hold"), (&[97], "INVITE"), (&[98, 97], "INVITE"), (&[97, 99], "INVITE")]
    {
        let mut ua = Ua::new();
        let server = ua.hear(Req::invite().body("application/sdp", &stream(&[97, 98, 101])).text()).server();
        let ours = OURS.replace("AVP 0\r\n", &format!("AVP 97 98\r\n{}{}", format(97), format(98)));
        let heard = ua.accept(server, Reply::new().sdp(ours)).unwrap();
        let ok = heard.message("200 OK (INVITE)");
        ua.hear(Req::within(&ok, "ACK", 1).text());
        let offer = with(&stream(formats), 2, "sendonly");
        let heard = ua
            .hear(Req::within(&ok, "INVITE", 2).line(CONTACT.trim()).body("application/sdp", &offer).text());
        let event = heard.lines().last().unwrap().clone();
        assert!(event.starts_with(&format!("* {expected}")), "{formats:?}: {event}");
    }
}

/// The default: the application answers a change, with whatever it likes.
// Holds: 3261-14.2-5
#[test]
fn a_change_of_the_peers_asks() {
    for (role, method) in ROLES.into_iter().flat_map(|role| ["INVITE", "UPDATE"].map(|method| (role, method)))
    {
        let ua = Ua::with(|config| config.policy.set_in_dialog(Method::Update, Handling::Ask));
        let mut call = Call::up_in(ua, role);
        let offer = with(&THEIRS.replace("4000", "4002"), 2, "");
        let heard = call.offered(method, &offer);
        assert_eq!(heard.lines(), [format!("* {method} asks")]);
        let Event::Dialog { event, .. } = heard.events()[0] else { panic!() };
        assert!(matches!(
            (event, method),
            (DialogEvent::Modify(_), "INVITE") | (DialogEvent::Update(_), "UPDATE")
        ));
        assert_eq!(event.asked().unwrap().request.body(), offer.as_bytes());
        let ours = with(&OURS.replace("5000", "5002"), 2, "");
        let ok = call.ua.accept(asks(&heard), Reply::new().sdp(ours.clone())).unwrap().sent().remove(0);
        assert!(ok.contact().unwrap().is_some(), "RFC 3261 §12.2.2");
        assert_eq!(call.sdp(), (ours, offer));
        if method == "INVITE" {
            call.acked();
        }
        call.over();
    }
}

/// RFC 3264 §6: the model answers any offer with its last description. Here each stream of the offer has its place in the answer.
// Holds: 3261-13.2.1-13, 3261-13.3.1.4-2
#[test]
fn an_automatic_answer_is_a_valid_one() {
    for role in ROLES {
        let mut call = Call::up_in(Ua::with(|config| config.policy.set_automatic()), role);
        let offer = with(&THEIRS.replace("4000 RTP/AVP 0", "4002 RTP/AVP 8 0"), 2, "")
            + "m=video 4004 RTP/AVP 31\r\n";
        let (answer, event) = call.offered_alone("INVITE", &offer);
        assert_eq!(event, "* INVITE answered 200");
        assert!(
            answer.contains("m=audio 5000 RTP/AVP 0\r\na=sendrecv\r\nm=video 0 RTP/AVP 31\r\n"),
            "{answer}"
        );
        assert!(answer.contains("o=bob 7 2 IN"), "RFC 3264 §8: {answer}");
        assert_eq!(call.sdp(), (answer, offer));
        call.over();
    }
}

/// RFC 3264 §6, RFC 3261 §14.2: an offer with nothing for us is 488, and the session stays.
// Holds: 3261-13.3.1.3-3, 3261-13.3.1.3-4, 3261-14.2-6
#[test]
fn nothing_usable_is_488() {
    for (role, method) in ROLES.into_iter().flat_map(|role| ["INVITE", "UPDATE"].map(|method| (role, method)))
    {
        let mut call = Call::up_in(Ua::with(|config| config.policy.set_automatic()), role);
        for offer in [with(&THEIRS.replace("AVP 0", "AVP 8"), 2, ""), "hello".into()] {
            let heard = call.offered(method, &offer);
            let expected =
                [format!("488 Not Acceptable Here ({method})"), format!("* {method} answered 488")];
            assert_eq!(heard.lines(), expected);
            let warning = heard.sent()[0].value(Name::Warning).unwrap().to_string();
            let code = if offer == "hello" { "399" } else { "305" };
            assert!(warning.starts_with(&format!("{code} 192.0.2.4 \"")), "{warning}");
            if method == "INVITE" {
                let mut ack = call.theirs("ACK");
                (call.cseq, ack.cseq) = (call.cseq - 1, ack.cseq - 1);
                ack.branch = ack.branch.replace("ACK", "INVITE");
                call.ua.hear(ack.text());
            }
            assert_eq!(call.sdp(), (OURS.into(), THEIRS.into()));
        }
        call.over();
    }
}

/// RFC 3261 §14.2: the 2xx to a re-INVITE without an offer has ours; the ACK brings the answer, or the call ends.
// Holds: 3261-14.2-10, 3261-13.3.1-2, 3261-13.3.1.4-3
#[test]
fn a_reinvite_without_an_offer() {
    for (role, answered) in ROLES.into_iter().flat_map(|role| [true, false].map(|answered| (role, answered)))
    {
        let mut call = Call::up_in(Ua::with(|config| config.policy.set_automatic()), role);
        let request = call.theirs("INVITE").text();
        let heard = call.ua.hear(request);
        assert_eq!(heard.lines(), ["200 OK (INVITE) +body", "* INVITE answered 200"]);
        assert_eq!(body(&heard.sent()[0]), OURS);
        assert_eq!(call.sdp(), (OURS.into(), THEIRS.into()));
        call.cseq -= 1;
        let theirs = with(&THEIRS.replace("4000", "4002"), 2, "");
        let ack = call.theirs("ACK");
        if answered {
            let ack = ack.body("application/sdp", &theirs).text();
            assert_eq!(call.ua.hear(ack).lines(), ["* ack"]);
            assert_eq!(call.sdp(), (OURS.into(), theirs));
            call.over();
        } else {
            let heard = call.ua.hear(ack.text());
            assert_eq!(heard.lines(), ["* ack", "BYE", "* destroy by Local: NoAnswer"]);
        }
    }
    // By default the application is asked, and says what is offered.
    let mut call = Call::up(Role::Uas);
    let request = call.theirs("INVITE").text();
    let heard = call.ua.hear(request);
    assert_eq!(heard.lines(), ["* INVITE asks"]);
    let ours = with(&OURS.replace("5000", "5002"), 2, "");
    call.ua.accept(asks(&heard), Reply::new().sdp(ours.clone())).unwrap();
    call.cseq -= 1;
    let ack = call.theirs("ACK").body("application/sdp", THEIRS).text();
    assert_eq!(call.ua.hear(ack).lines(), ["* ack"]);
    assert_eq!(call.sdp(), (ours, THEIRS.into()));
}

/// A call that never had a session: nothing throws, and a change begins one.
#[test]
fn a_reinvite_in_a_call_without_a_session() {
    for automatic in [false, true] {
        let mut ua = Ua::with(|config| {
            if automatic {
                config.policy.set_automatic();
            }
        });
        let server = ua.hear(Req::invite().text()).server();
        let heard = ua.accept(server, Reply::new()).unwrap();
        let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
        let heard = ua.hear(Req::within(&ok, "ACK", 1).text());
        assert_eq!(heard.lines(), ["* confirmed"], "who offers nothing owes nobody an answer");
        let request = Req::within(&ok, "INVITE", 2).line("Contact: <sip:alice@192.0.2.1>");
        let heard = ua.hear(request.body("application/sdp", THEIRS).text());
        if automatic {
            assert_eq!(heard.lines()[0], "488 Not Acceptable Here (INVITE)");
        } else {
            ua.accept(asks(&heard), Reply::new().sdp(OURS)).unwrap();
            let handle = ua.sip.dialog(dialog).unwrap();
            assert_eq!(handle.get().unwrap().local().sdp, OURS.as_bytes());
        }
    }
}

/// The table of policy: by default, all by the endpoint, and each method as the application wants it.
// Holds: 6665-4.2.1.1-3
#[test]
fn who_answers_what() {
    let default = [
        ("INFO", "200"),
        ("OPTIONS", "200"),
        ("MESSAGE", "200"),
        ("REFER", "asks"),
        ("PUBLISH", "asks"),
        ("JUMP", "asks"),
    ];
    let automatic = [
        ("INFO", "200"),
        ("OPTIONS", "200"),
        ("MESSAGE", "200"),
        ("PUBLISH", "200"),
        ("SUBSCRIBE", "489"),
        ("JUMP", "501"),
    ];
    let check = |change: fn(&mut sip_proto::Config), method: &str, expected: &str| {
        let mut call = Call::up_in(Ua::with(change), Role::Uas);
        let request = call.theirs(method).line("Refer-To: <sip:c@h>").line("Event: x").text();
        let heard = call.ua.hear(request);
        if expected == "asks" {
            assert_eq!(heard.lines(), [format!("* {method} asks")]);
            let heard = call.ua.reject(asks(&heard), Reply::code(603)).unwrap();
            assert_eq!(heard.lines()[0], format!("603 Decline ({method})"));
        } else {
            let lines = heard.lines();
            assert!(lines[0].starts_with(expected), "{method}: {lines:?}");
            assert_eq!(lines[1..], [format!("* {method} answered {expected}")]);
        }
        assert!(call.ua.sip.dialog(call.dialog).is_ok());
    };
    for (method, expected) in default {
        check(|_| {}, method, expected);
    }
    for (method, expected) in automatic {
        check(|config| config.policy.set_automatic(), method, expected);
    }
    check(|config| config.policy.set_in_dialog(Method::Info, Handling::Ask), "INFO", "asks");
    check(|config| config.policy.other = Handling::Reject(StatusCode::NOT_IMPLEMENTED), "JUMP", "501");
    check(|config| config.policy.other = Handling::Auto, "JUMP", "200");
    let not_here = |config: &mut sip_proto::Config| {
        config.policy.set_in_dialog(Method::Message, Handling::Reject(StatusCode::METHOD_NOT_ALLOWED));
    };
    check(not_here, "MESSAGE", "405");
    // Refresh, hold and unhold have a switch of their own.
    for (offer, event) in [(THEIRS.into(), "refresh"), (with(THEIRS, 2, "sendonly"), "hold")] {
        let mut call = Call::up_in(Ua::with(|config| config.policy.session = Handling::Ask), Role::Uac);
        let heard = call.offered("INVITE", &offer);
        assert_eq!(heard.lines(), [format!("* {event}: INVITE asks")]);
        call.ua.accept(asks(&heard), Reply::new().sdp(with(OURS, 2, "recvonly"))).unwrap();
        assert_eq!(call.sdp().1, offer);
        let reject = Handling::Reject(StatusCode::NOT_ACCEPTABLE_HERE);
        let mut call = Call::up_in(Ua::with(|config| config.policy.session = reject), Role::Uac);
        let heard = call.offered("INVITE", &offer);
        assert_eq!(heard.lines()[1], format!("* {event}: INVITE answered 488"));
        assert_eq!((call.sdp().1, call.holds()), (THEIRS.into(), (false, false)));
    }
}

/// RFC 3311 §5.2: an UPDATE that changes the session gets a valid answer alone by default.
#[test]
fn an_update_of_the_peers() {
    for role in ROLES {
        let mut call = Call::up(role);
        let offer = with(&THEIRS.replace("4000", "4002"), 2, "");
        let (answer, event) = call.offered_alone("UPDATE", &offer);
        assert_eq!(event, "* UPDATE answered 200");
        assert_eq!(call.sdp(), (answer, offer));
        call.over();
    }
}

/// RFC 3311 §5.2: while our offer waits, an UPDATE with one is 491; one without is answered.
#[test]
fn an_update_while_our_invite_is_out() {
    let mut ua = Ua::new();
    let (_, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1").sdp(OURS));
    let invite = heard.message("INVITE");
    let ringing = parse(&answer(&invite, 180, "a", CONTACT));
    ua.hear(answer(&invite, 180, "a", CONTACT));
    let update = |cseq| Req::back(&invite, &ringing, "UPDATE", cseq).line("Contact: <sip:alice@192.0.2.8>");
    let heard = ua.hear(update(1).body("application/sdp", THEIRS).text());
    assert_eq!(heard.lines()[0], "491 Request Pending (UPDATE)");
    let heard = ua.hear(update(2).text());
    assert_eq!(heard.lines(), ["200 OK (UPDATE)", "* refresh: UPDATE answered 200"]);
    let handle = ua.sip.dialog(heard.dialog()).unwrap();
    assert_eq!(handle.get().unwrap().remote().contact, "sip:alice@192.0.2.8");
}

/// RFC 3261 §13.2.1, §13.3.1.4: the ACK is told, and the answer in it kept.
#[test]
fn an_answer_in_the_ack_is_kept() {
    let mut ua = Ua::new();
    let server = ua.hear(Req::invite().text()).server();
    let heard = ua.accept(server, Reply::new().sdp(OURS)).unwrap();
    let (ok, dialog) = (heard.message("200 OK (INVITE)"), heard.dialog());
    let handle = ua.sip.dialog(dialog).unwrap();
    assert_eq!(handle.get().unwrap().local().sdp, b"", "not before the answer");
    let heard = ua.hear(Req::within(&ok, "ACK", 1).body("application/sdp", THEIRS).text());
    let Event::Dialog { event: DialogEvent::Confirmed { ack }, .. } = heard.events()[0] else { panic!() };
    assert_eq!(ack.body(), THEIRS.as_bytes());
    let handle = ua.sip.dialog(dialog).unwrap();
    let (local, remote) = (handle.get().unwrap().local().sdp, handle.get().unwrap().remote().sdp);
    assert_eq!((local, remote), (OURS.as_bytes(), THEIRS.as_bytes()));
}

/// PEERS.md D4, D13: there is no handler to register in time. What asks waits, and may be answered after others.
#[test]
fn what_asks_waits() {
    let mut call = Call::up_in(Ua::with(|config| config.policy.other = Handling::Ask), Role::Uac);
    let refer = call.theirs("REFER").line("Refer-To: <sip:c@h>").text();
    let first = call.ua.hear(refer);
    let jump = call.theirs("JUMP").text();
    let second = call.ua.hear(jump);
    assert_eq!(call.ua.accept(asks(&second), Reply::new()).unwrap().lines()[0], "200 OK (JUMP)");
    call.ua.pass(secs(2));
    assert_eq!(call.ua.reject(asks(&first), Reply::code(603)).unwrap().lines()[0], "603 Decline (REFER)");
    call.over();
}

// ---- B.4: making dialogs ----

/// RFC 3261 §12.1.1: with any 2xx, when it is sent; early with a 1xx.
#[test]
fn a_callees_dialog_is_there_with_its_2xx() {
    for code in [200, 202] {
        let mut ua = Ua::new();
        let server = ua.hear(Req::invite().body("application/sdp", THEIRS).text()).server();
        let heard = ua.progress(server, Reply::code(183)).unwrap();
        let early = heard.dialog();
        let handle = ua.sip.dialog(early).unwrap();
        assert_eq!(handle.get().unwrap().state(), DialogState::Early);
        let heard = ua.accept(server, Reply::code(code).sdp(OURS)).unwrap();
        assert_eq!(heard.dialog(), early);
        let handle = ua.sip.dialog(early).unwrap();
        let dialog = handle.get().unwrap();
        assert_eq!((dialog.state(), dialog.local().sdp), (DialogState::Confirmed, OURS.as_bytes()));
        let ok = heard.sent().remove(0);
        assert_eq!(ua.hear(Req::within(&ok, "ACK", 1).text()).lines(), ["* confirmed"]);
    }
}

/// RFC 3261 §9.2: 487, and the early dialog has its end.
#[test]
fn a_cancelled_call_makes_no_dialog() {
    let mut ua = Ua::new();
    let invite = Req::invite().body("application/sdp", THEIRS);
    let server = ua.hear(invite.text()).server();
    ua.progress(server, Reply::new()).unwrap();
    let heard = ua.hear(invite.follow("CANCEL").text());
    assert!(heard.lines().contains(&"487 Request Terminated (INVITE)".into()));
    assert_eq!(destroys(&heard), [(By::Remote, Why::Cancelled)]);
    assert!(ua.accept(server, Reply::new().sdp(OURS)).is_err());
    assert_eq!(ua.sip.counts()[2], 0);
}

/// RFC 3261 §13.2.2.4: any 2xx is a call; the model takes others than 200 for a failure.
// Holds: 3261-13.2.1-11, 3261-13.2.1-12
#[test]
fn a_callers_dialog_is_there_with_any_2xx() {
    for code in [200, 202, 299] {
        let mut ua = Ua::new();
        let (id, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1").sdp(OURS));
        let invite = heard.message("INVITE");
        let heard = ua.hear(answer_sdp(&invite, code, CONTACT, THEIRS));
        assert_eq!(results(&heard, id), [(code, false)]);
        assert_eq!(heard.lines()[0], "ACK");
        let handle = ua.sip.dialog(heard.dialog()).unwrap();
        let dialog = handle.get().unwrap();
        assert_eq!((dialog.local().sdp, dialog.remote().sdp), (OURS.as_bytes(), THEIRS.as_bytes()));
    }
}

/// RFC 3725 §4.1: an INVITE without an offer; the 2xx has it, our answer goes in the ACK.
// Holds: 3261-13.2.1-9, 3261-13.2.1-11
#[test]
fn an_offer_in_the_2xx_of_a_call() {
    for early in [false, true] {
        let mut ua = Ua::new();
        let (id, heard) = ua.invite(Invite::to("sip:alice@192.0.2.1"));
        let invite = heard.message("INVITE");
        if early {
            ua.hear(answer(&invite, 180, "a", CONTACT));
        }
        let ok = answer_sdp(&invite, 200, CONTACT, THEIRS);
        let heard = ua.hear(ok.clone());
        assert_eq!(heard.lines(), ["* accepted 200 X (INVITE) +body", "* offer: answer due"]);
        assert_eq!(results(&heard, id), [(200, false)]);
        let dialog = heard.dialog();
        ua.sip.dialog(dialog).unwrap().answer(ua.now, OURS).unwrap();
        let ack = ua.drain().only();
        assert_eq!((ack.method(), body(&ack)), (&Method::Ack, OURS.into()));
        assert_eq!(ua.hear(ok).only(), ack);
        let handle = ua.sip.dialog(dialog).unwrap();
        let dialog = handle.get().unwrap();
        assert_eq!((dialog.local().sdp, dialog.remote().sdp), (OURS.as_bytes(), THEIRS.as_bytes()));
    }
}

/// RFC 3261 §12.1.2: without a Contact there is no dialog to keep; it is acknowledged and ended, and the result is a failure.
#[test]
fn a_2xx_without_contact() {
    let mut ua = Ua::new();
    let (id, invite) = ua.call_alice();
    let heard = ua.hear(answer(&invite, 200, "a", ""));
    assert_eq!(heard.lines()[..2], ["ACK", "BYE"]);
    assert_eq!(results(&heard, id), [(200, false)]);
    let bye = heard.message("BYE");
    ua.hear(answer(&bye, 200, "", ""));
    ua.pass_all();
}

/// By id, and by what is on the wire.
#[test]
fn dialogs_are_found() {
    for role in ROLES {
        let mut call = Call::up(role);
        let handle = call.ua.sip.dialog(call.dialog).unwrap();
        let sip = handle.get().unwrap().sip();
        let (call_id, local, remote) =
            (sip.call_id.to_string(), sip.local_tag.to_string(), sip.remote_tag.to_string());
        assert_eq!(call.ua.sip.find_dialog(&call_id, &local, &remote), Some(call.dialog));
        assert_eq!(call.ua.sip.find_dialog(&call_id, &remote, &local), None);
        assert_eq!(call.ua.sip.find_dialog("other", &local, &remote), None);
        let bye = call.theirs("BYE").text();
        call.ua.hear(bye);
        assert_eq!(call.ua.sip.find_dialog(&call_id, &local, &remote), None);
    }
}
