//! A dialog made by hand: requests out and in, offers and answers, and the end, in any order.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::context::Hop;
use crate::dialog::{
    Dialog, DialogError, DialogState, InDialog, Modify, SessionTerms, SessionTimer, SessionTimers, TimerMode,
    Verdict, Within,
};
use crate::message::{Message, Method, Name, Transport};
use crate::random::Token;
use crate::sdp::{Session, Side};
use crate::time::Timestamp;

/// Makes a dialog and works with it as `octets` say.
///
/// # Panics
/// When something of the crate does; when numbers are not those of RFC 3261 §12.2; when a refusal has changed something; when what is written
/// cannot be read, or is not of the dialog; when the same again gives something else.
pub fn check_dialog(octets: &[u8]) {
    let first = run(octets);
    assert_eq!(first, run(octets), "the same operations");
}

/// Everything that was written and told.
fn run(octets: &[u8]) -> Vec<u8> {
    let mut choices = Choices(octets);
    let Some(mut bench) = Bench::new(&mut choices) else { return Vec::new() };
    for _ in 0..MOST_STEPS {
        if choices.0.is_empty() {
            break;
        }
        bench.step(&mut choices);
        bench.check();
    }
    bench.log.extend(format!("{:?} {:?}", bench.dialog, bench.dialog.negotiation()).bytes());
    bench.log
}

const MOST_STEPS: usize = 120;
const METHODS: [&str; 12] = [
    "INVITE",
    "INVITE",
    "UPDATE",
    "UPDATE",
    "PRACK",
    "INFO",
    "BYE",
    "SUBSCRIBE",
    "OPTIONS",
    "FOO",
    "ACK",
    "CANCEL",
];
const CODES: [u16; 10] = [200, 200, 200, 180, 183, 100, 202, 302, 491, 699];
const CONTACTS: [&str; 8] = [
    "Contact: <sip:alice@192.0.2.1>\r\n",
    "Contact: <sip:alice@192.0.2.1>\r\n",
    "Contact: <sip:alice@192.0.2.1>\r\n",
    "Contact: <sips:alice@[2001:db8::1]:5061;x=y>\r\n",
    "m: \"A, \\\" B\" <sip:alice@name.example?h=v>;expires=3\r\n",
    "Contact: <tel:+1>\r\n",
    "Contact: *\r\n",
    "",
];
const ROUTES: [&str; 8] = [
    "",
    "",
    "Record-Route: <sip:192.0.2.9;lr>\r\n",
    "Record-Route: <sip:192.0.2.9>\r\n",
    "Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\nRecord-Route: \"P, 3\" <sip:p3.example>;x=\"a,b\"\r\n",
    "Record-Route: <tel:1>\r\n",
    "Record-Route: nonsense\r\n",
    "Record-Route: sip:192.0.2.9;lr\r\n",
];
const TAGS: [&str; 8] = [";tag=b", ";tag=b", ";tag=b", ";tag=B", ";tag=other", "", ";tag=", ";TAG=b"];
const EXTRAS: [&str; 8] = [
    "",
    "",
    "",
    "Allow: INVITE, UPDATE\r\n",
    "Session-Expires: 90;refresher=uas\r\nSupported: timer\r\n",
    "Require: 100rel\r\nRSeq: 7\r\n",
    "RAck: 7 1 INVITE\r\n",
    "Session-Expires: 5\r\nMin-SE: x\r\n",
];

/// Choices, an octet each; 0 when there are no more.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::from(self.next()) % list.len()]
    }

    fn number(&mut self) -> u32 {
        u32::from_le_bytes([self.next(), self.next(), self.next(), self.next()])
    }
}

/// A description, of ours or the peer's.
fn sdp(number: u8) -> Option<String> {
    let version = number / 16;
    let head = format!("v=0\r\no=- 1 {version} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n");
    Some(match number % 16 {
        0..=3 => return None,
        4..=8 => format!("{head}m=audio 4000 RTP/AVP 0 8\r\n"),
        9 => format!("{head}m=audio 4000 RTP/AVP 0 8\r\na=sendonly\r\n"),
        10 => {
            format!("{head}a=inactive\r\nm=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 99\r\na=sendrecv\r\n")
        }
        11 => format!("{head}m=audio 0 RTP/AVP 0\r\n"),
        12 => format!("{head}m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n"),
        13 => head,
        14 => "nonsense".into(),
        _ => String::new(),
    })
}

/// A dialog at work.
struct Bench {
    dialog: Dialog,
    /// The request that made it.
    first: Message,
    timer: SessionTimer,
    now: Timestamp,
    /// The numbers as RFC 3261 §12.2 has them.
    local_cseq: u32,
    remote_cseq: Option<u32>,
    is_over: bool,
    branches: u8,
    log: Vec<u8>,
}

fn message(
    start: &str,
    cseq: u32,
    method: &str,
    tags: [&str; 2],
    lines: &str,
    body: Option<&str>,
) -> Option<Message> {
    let kind = if body.is_some() { "Content-Type: application/sdp\r\n" } else { "" };
    let body = body.unwrap_or_default();
    let [from, to] = tags;
    let text = format!(
        "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:alice@h>{from}\r\nTo: <sip:bob@h>{to}\r\nCall-ID: c\r\n\
         CSeq: {cseq} {method}\r\n{lines}{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Message::parse(text.into_bytes()).ok()
}

impl Bench {
    fn new(choices: &mut Choices<'_>) -> Option<Self> {
        let bits = choices.next();
        let is_uac = bits & 1 != 0;
        let scheme = if bits & 2 != 0 { "sips" } else { "sip" };
        let method = if bits & 0xc0 == 0xc0 { choices.pick(&METHODS) } else { "INVITE" };
        let cseq = if bits & 4 != 0 { choices.number() } else { u32::from(choices.next()) };
        let request_lines = format!("{}{}", choices.pick(&CONTACTS), choices.pick(&ROUTES));
        let uri = format!("{method} {scheme}:bob@h SIP/2.0");
        let offer = sdp(choices.next());
        let first = message(&uri, cseq, method, [";tag=a", ""], &request_lines, offer.as_deref())?;
        let status = format!("SIP/2.0 {} OK", choices.pick(&CODES));
        let lines = format!("{}{}{}", choices.pick(&CONTACTS), choices.pick(&ROUTES), choices.pick(&EXTRAS));
        let (tag, answer) = (choices.pick(&TAGS), sdp(choices.next()));
        let answer = message(&status, cseq, method, [";tag=a", tag], &lines, answer.as_deref())?;
        let made = if is_uac { Dialog::uac(&first, &answer) } else { Dialog::uas(&first, &answer) };
        let dialog = made.ok()?;
        let sip = dialog.sip();
        let expected = if is_uac { ("a", "b") } else { ("b", "a") };
        if tag == ";tag=b" {
            assert_eq!((sip.local_tag, sip.remote_tag), expected, "§12.1.1, §12.1.2");
        }
        let settings = SessionTimers { mode: TimerMode::Requested, ..SessionTimers::DEFAULT };
        Some(Self {
            local_cseq: if is_uac { cseq } else { 0 },
            remote_cseq: (!is_uac).then_some(cseq),
            is_over: dialog.state() == DialogState::Terminated,
            dialog,
            first,
            timer: SessionTimer::new(settings),
            now: Timestamp::from_secs(1),
            branches: 0,
            log: Vec::new(),
        })
    }

    /// What must hold at any time.
    fn check(&self) {
        assert_eq!(self.dialog.local_cseq(), self.local_cseq, "§12.2.1.1");
        assert_eq!(self.dialog.remote_cseq(), self.remote_cseq, "§12.2.2");
        assert_eq!(self.dialog.state() == DialogState::Terminated, self.is_over);
        assert_eq!(self.dialog, self.dialog.clone());
        let negotiation = self.dialog.negotiation();
        assert!(negotiation.offer().is_none() || !negotiation.is_stable(), "an offer waits");
        assert!(self.timer.deadline().is_none_or(|at| at > self.now), "the deadline has moved on");
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        match choices.next() % 16 {
            0..=2 => self.send(choices),
            3..=5 => self.receive(choices),
            6..=8 => self.note(choices),
            9 => {
                let by = choices.pick(&[Side::Ours, Side::Theirs]);
                self.dialog.note_unanswered(by, &method(choices.pick(&METHODS)));
            }
            10 => self.wish(choices),
            11 => self.acknowledge(choices),
            12 => self.confirm(choices),
            13 => self.refresh(choices),
            14 => self.pass_time(choices),
            _ if choices.next() > 200 => {
                self.dialog.terminate();
                self.is_over = true;
            }
            _ => {}
        }
    }

    fn hop(&mut self) -> Hop<'static> {
        self.branches = self.branches.wrapping_add(1);
        let branch = Token::from_bits(u128::from(self.branches));
        Hop { transport: Transport::Udp, sent_by: "192.0.2.4:5060", branch }
    }

    /// Contract 7, and RFC 3261 §12.2.1.1.
    fn send(&mut self, choices: &mut Choices<'_>) {
        let mut request = InDialog::new(method(choices.pick(&METHODS)));
        let named = choices.pick(&["", "", "", "X-Any", "Contact", "CSeq", "X\r\nY", "Subject"]);
        if !named.is_empty() {
            request =
                request.header(named, choices.pick(&["v", "<sip:x@h>", "v\r\nX-Smuggled: 1", "\u{fc}", ""]));
        }
        if let Some(sdp) = sdp(choices.next()) {
            request = request.sdp(sdp);
        }
        let (before, hop) = (self.dialog.clone(), self.hop());
        let within = Within { allow: "INVITE, ACK, BYE", supported: "", user_agent: "" };
        match self.dialog.request(&request, &hop, &within) {
            Ok(message) => {
                assert!(!self.is_over, "nothing is sent in a dialog that has ended");
                self.local_cseq = (self.local_cseq + 1).max(1);
                assert_eq!((message.cseq(), message.method()), (self.local_cseq, &request.method));
                assert!(self.local_cseq < 1 << 31, "§8.1.1.5");
                self.look_at(&message);
                if choices.next().is_multiple_of(2) {
                    self.dialog.note_sent(&message);
                }
            }
            Err(refused) => {
                assert_eq!(self.dialog, before, "{refused} has changed something");
                assert!(!self.is_over || refused == DialogError::Terminated, "{refused}");
                self.log.extend(format!("{refused}").bytes());
            }
        }
    }

    /// What we write is read as what it is, and is of the dialog.
    fn look_at(&mut self, message: &Message) {
        assert_eq!(Message::parse(message.as_bytes().to_vec()).as_ref(), Ok(message));
        assert!(
            !message.lines().any(|(name, _)| name.eq_ignore_ascii_case("X-Smuggled")),
            "a line was smuggled in"
        );
        let sip = self.dialog.sip();
        assert_eq!(message.call_id(), sip.call_id);
        let tag = |tag: Option<&str>| String::from(tag.unwrap_or_default());
        assert_eq!(tag(message.from().expect("a From").tag()), sip.local_tag);
        assert_eq!(tag(message.to().expect("a To").tag()), sip.remote_tag);
        self.log.extend_from_slice(message.as_bytes());
    }

    fn acknowledge(&mut self, choices: &mut Choices<'_>) {
        let (before, hop) = (self.dialog.clone(), self.hop());
        let cseq = choices.number();
        let ack = self.dialog.ack(cseq, Vec::new(), None, &hop);
        assert_eq!(self.dialog, before);
        if let Ok(ack) = ack {
            assert_eq!((ack.method(), ack.cseq()), (&Method::Ack, cseq));
            self.look_at(&ack);
        }
    }

    /// A request of the peer's.
    fn theirs(&mut self, choices: &mut Choices<'_>) -> Option<Message> {
        let near = self.remote_cseq.unwrap_or(1_000);
        let cseq = match choices.next() % 8 {
            0..=3 => near.saturating_add(1),
            4 => near,
            5 => near.saturating_sub(1),
            6 => near.saturating_add(u32::from(choices.next())),
            _ => choices.number(),
        };
        let method = choices.pick(&METHODS);
        let lines = format!("{}{}", choices.pick(&CONTACTS), choices.pick(&EXTRAS));
        let body = sdp(choices.next());
        let sip = self.dialog.sip();
        let [from, to] = [sip.remote_tag, sip.local_tag].map(|tag| format!(";tag={tag}"));
        message(&format!("{method} sip:bob@h SIP/2.0"), cseq, method, [&from, &to], &lines, body.as_deref())
    }

    /// RFC 3261 §12.2.2.
    fn receive(&mut self, choices: &mut Choices<'_>) {
        let Some(request) = self.theirs(choices) else { return };
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            self.log.push(u8::from(self.dialog.is_acknowledged_by(&request)));
            return;
        }
        let before = self.dialog.clone();
        let verdict = self.dialog.receive(&request);
        let expected = match self.remote_cseq {
            _ if self.is_over => Verdict::Terminated,
            Some(last) if request.cseq() <= last => Verdict::OutOfOrder,
            _ => Verdict::InOrder,
        };
        assert_eq!(verdict, expected, "{request:?} after {:?}", self.remote_cseq);
        match verdict {
            Verdict::InOrder => self.remote_cseq = Some(request.cseq()),
            _ => assert_eq!(self.dialog, before),
        }
        _ = self.dialog.note(Side::Theirs, &request);
    }

    /// Any message, of either side. Contract 7.
    fn note(&mut self, choices: &mut Choices<'_>) {
        let (method, code) = (choices.pick(&METHODS), choices.pick(&CODES));
        let side = choices.pick(&[Side::Ours, Side::Theirs]);
        let start = match choices.next() % 2 {
            0 => format!("{method} sip:bob@h SIP/2.0"),
            _ => format!("SIP/2.0 {code} Any"),
        };
        let (lines, body) = (choices.pick(&EXTRAS), sdp(choices.next()));
        let Some(message) = message(&start, 1, method, [";tag=a", ";tag=b"], lines, body.as_deref()) else {
            return;
        };
        let before = self.dialog.clone();
        match self.dialog.note(side, &message) {
            Ok(meaning) => self.log.extend(format!("{meaning:?}").bytes()),
            Err(refusal) => {
                assert!(
                    lines.starts_with("Allow") || self.dialog == before,
                    "{refusal} has changed something"
                );
                self.log.extend(format!("{refusal}").bytes());
            }
        }
    }

    /// RFC 3264 §8: what is offered for a wish.
    fn wish(&mut self, choices: &mut Choices<'_>) {
        let own = sdp(choices.next()).unwrap_or_default();
        let wishes = [Modify::Hold, Modify::Unhold, Modify::Offerless, Modify::Sdp(own.into())];
        let wish = &wishes[usize::from(choices.next()) % wishes.len()];
        let before = self.dialog.clone();
        let offer = self.dialog.offer_of(wish);
        let peers = sdp(choices.next()).unwrap_or_default();
        let answer = self.dialog.answer_to(peers.as_bytes());
        _ = self.dialog.change(Some(peers.as_bytes()));
        assert_eq!(self.dialog, before, "questions change nothing");
        self.log.extend(format!("{offer:?} {answer:?}").bytes());
        if let (Modify::Hold | Modify::Unhold, Ok(Some(offer))) = (wish, &offer) {
            assert!(Session::parse(offer).is_ok(), "{offer:?}");
        }
        if let (Ok(answer), Ok(offer)) = (&answer, Session::parse(peers.as_bytes())) {
            let answer = Session::parse(answer).expect("an answer is a description");
            assert_eq!(answer.streams().count(), offer.streams().count(), "RFC 3264 §6");
        }
    }

    fn confirm(&mut self, choices: &mut Choices<'_>) {
        let lines = format!("{}{}", choices.pick(&CONTACTS), choices.pick(&ROUTES));
        let (tag, body) = (choices.pick(&TAGS), sdp(choices.next()));
        let (cseq, method) = (self.first.cseq(), self.first.method().clone());
        let Some(ok) =
            message("SIP/2.0 200 OK", cseq, method.as_str(), [";tag=a", tag], &lines, body.as_deref())
        else {
            return;
        };
        let before = self.dialog.clone();
        match self.dialog.confirm_uac(&self.first, &ok) {
            Ok(()) => assert_eq!(
                (before.state(), self.dialog.state()),
                (DialogState::Early, DialogState::Confirmed)
            ),
            Err(refused) => assert_eq!(self.dialog, before, "{refused} has changed something"),
        }
        if before.state() == DialogState::Early && choices.next().is_multiple_of(2) {
            self.dialog.confirm_uas(&ok);
            assert_eq!(self.dialog.state(), DialogState::Confirmed);
        }
    }

    fn refresh(&mut self, choices: &mut Choices<'_>) {
        let Some(request) = self.theirs(choices) else { return };
        let before = self.dialog.clone();
        match choices.next() % 2 {
            0 => self.dialog.refresh_target(&request),
            _ => self.dialog.refresh_contact(&request),
        }
        if request.value(Name::Contact).is_none() {
            assert_eq!(self.dialog, before, "no Contact");
        }
        self.log.extend(self.dialog.next_hop().bytes());
    }

    /// RFC 4028, and contract 4: nothing happens before the deadline.
    fn pass_time(&mut self, choices: &mut Choices<'_>) {
        let Some(request) = self.theirs(choices) else { return };
        let Ok(terms) = SessionTerms::of(&request) else { return };
        match choices.next() % 6 {
            0 => {
                if self.timer.receive(&terms).is_ok() {
                    let answer = self.timer.answer(&terms);
                    self.timer.answered(self.now, &answer);
                }
            }
            1 => {
                let sent = self.timer.request();
                self.timer.accepted(self.now, &sent, &terms);
            }
            2 => _ = self.timer.too_small(&terms, Some(Duration::from_secs(choices.next().into()))),
            3 => self.timer.stop(),
            _ => {
                let Some(at) = self.timer.deadline() else { return };
                let early = Timestamp::from_micros(at.as_micros().saturating_sub(1)).max(self.now);
                if early < at {
                    let before = self.timer.clone();
                    assert!(self.timer.step(early).is_empty(), "something happened before {at:?}");
                    assert_eq!(self.timer, before);
                }
                self.now = at + Duration::from_secs(choices.next().into());
                for _ in 0..4 {
                    self.log.extend(format!("{:?}", self.timer.step(self.now)).bytes());
                }
            }
        }
        self.log.extend(format!("{:?}", self.timer.deadline()).bytes());
    }
}

fn method(name: &str) -> Method {
    Method::parse(name).unwrap_or(Method::Options)
}
