//! How large things are, and how often the heap is asked: figures that users rely on.

#![allow(unsafe_code, reason = "a counting allocator is unsafe to implement; the library itself forbids it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sip_proto::context::{ClientContext, Invite, Reply, ServerContext};
use sip_proto::dialog::Dialog;
use sip_proto::message::{Name, Uri};
use sip_proto::transaction::Transaction;
use sip_proto::{
    Bound, Config, DialogEvent, Endpoint, Event, Flow, Input, Message, Output, StatusCode, Timestamp,
    Transport,
};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<usize> = const { Cell::new(0) };
}

/// Counts what this thread allocates, and what of it is alive.
struct Counting;

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        LIVE.with(|live| live.set(live.get().wrapping_add(layout.size())));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.with(|live| live.set(live.get().wrapping_sub(layout.size())));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        LIVE.with(|live| live.set(live.get().wrapping_sub(layout.size()).wrapping_add(size)));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = COUNT.with(Cell::get);
    let result = work();
    (result, COUNT.with(Cell::get) - before)
}

#[test]
fn an_output_is_small() {
    assert!(size_of::<Output>() <= 96, "{}", size_of::<Output>());
}

#[test]
fn machines_are_small() {
    let sizes = [
        ("Transaction", size_of::<Transaction>(), 24),
        ("ServerContext", size_of::<ServerContext>(), 128),
        ("ClientContext", size_of::<ClientContext>(), 192),
        ("Dialog", size_of::<Dialog>(), 128),
        ("Message", size_of::<Message>(), 360),
    ];
    for (name, size, limit) in sizes {
        assert!(size <= limit, "{name} takes {size} bytes, more than {limit}");
    }
}

const INVITE: &str = include_str!("messages/invite.sip");

fn wire(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

#[test]
fn parsing_a_normal_message_allocates_nothing() {
    for text in [
        INVITE,
        include_str!("messages/options.sip"),
        include_str!("messages/ok.sip"),
        include_str!("messages/register.sip"),
    ] {
        let bytes = bytes::Bytes::from(wire(text));
        let (message, count) = allocations(|| Message::parse(bytes).unwrap());
        assert_eq!(count, 0, "{message:?}");
        let (findings, count) = allocations(|| message.findings().count());
        assert_eq!(count, 0, "{message:?}: {findings}");
    }
}

/// How many values all views of a message yield. Methods and texts that are unquoted are left out: those are owned.
fn views(message: &Message) -> usize {
    fn one<T, E>(view: &Result<Option<T>, E>) -> usize {
        view.as_ref().map_or(0, |value| usize::from(value.is_some()))
    }
    fn good<T, E>(view: impl Iterator<Item = Result<T, E>>) -> usize {
        view.filter(Result::is_ok).count()
    }
    let times = one(&message.date())
        + one(&message.expires())
        + one(&message.min_expires())
        + one(&message.retry_after())
        + one(&message.timestamp())
        + one(&message.session_expires())
        + one(&message.min_se());
    let content = one(&message.content_type())
        + one(&message.content_disposition())
        + one(&message.mime_version())
        + one(&message.content_length())
        + message.content_encoding().count()
        + message.content_language().count()
        + good(message.accept())
        + good(message.accept_encoding())
        + good(message.accept_language());
    let references = one(&message.event())
        + message.allow_events().count()
        + one(&message.subscription_state())
        + one(&message.refer_sub())
        + one(&message.replaces())
        + one(&message.join())
        + one(&message.rseq())
        + one(&message.rack())
        + one(&message.info_package())
        + good(message.recv_info())
        + one(&message.sip_etag())
        + one(&message.sip_if_match())
        + good(message.in_reply_to());
    let credentials = good(message.www_authenticate())
        + good(message.proxy_authenticate())
        + good(message.authorization())
        + good(message.proxy_authorization())
        + one(&message.authentication_info())
        + good(message.security_client())
        + good(message.security_server())
        + good(message.security_verify());
    let people = good(message.reasons())
        + good(message.warnings())
        + good(message.alert_info())
        + good(message.call_info())
        + good(message.error_info())
        + good(message.geolocation())
        + one(&message.geolocation_routing())
        + one(&message.geolocation_error())
        + good(message.user_to_user())
        + one(&message.priority())
        + message.privacy().count()
        + message.identities().count();
    let addresses = good(message.via())
        + good(message.contacts())
        + good(message.routes())
        + good(message.record_routes())
        + good(message.paths())
        + good(message.service_routes())
        + good(message.asserted_identities())
        + good(message.preferred_identities())
        + good(message.diversions())
        + good(message.history_info())
        + one(&message.refer_to())
        + one(&message.referred_by())
        + one(&message.reply_to())
        + one(&message.max_forwards());
    let capabilities = message.allow().count()
        + message.supported().count()
        + message.require().count()
        + message.unsupported().count()
        + message.proxy_require().count()
        + message.request_disposition().count()
        + good(message.accept_contact())
        + good(message.reject_contact());
    let texts = [message.user_agent(), message.server(), message.subject(), message.organization()];
    let texts = texts.iter().flatten().count();
    times + content + references + credentials + people + addresses + capabilities + texts
}

#[test]
fn views_allocate_nothing() {
    let message = Message::parse(wire(include_str!("messages/every_header.sip"))).unwrap();
    for name in Name::all() {
        assert!(message.value(name).is_some(), "{name:?} is missing");
    }
    let (yielded, count) = allocations(|| views(&message));
    // From, To, Call-ID and CSeq have been read already.
    assert!(yielded >= Name::all().count() - 4, "{yielded}");
    assert_eq!(count, 0);
}

#[test]
fn comparing_uris_and_splitting_bodies_allocates_nothing() {
    let one = "sip:%61lice:p@h;a=1;b=2;transport=tcp?to=%3Csip:bob%40h%3E&subject=x";
    let two = "sip:alice:p@H;transport=TCP;b=2;a=1?s=X&to=sip:bob%40h";
    let tel = ("tel:+1-2;a=1;ext=3", "tel:+12;EXT=3;a=1");
    let ((), count) = allocations(|| {
        for (one, two) in [(one, two), tel] {
            assert!(Uri::parse(one).unwrap().equals(&Uri::parse(two).unwrap()));
        }
    });
    assert_eq!(count, 0);

    let body = "--b\nContent-Type: application/sdp\nContent-Disposition: session\n\nv=0\n--b--\n";
    let head = INVITE.split("\n\n").next().unwrap().replace("application/sdp", "multipart/mixed;boundary=b");
    let lines = head.lines().filter(|line| !line.starts_with("Content-Length") && !line.starts_with("l:"));
    let text: String = lines.chain(["", body]).collect::<Vec<_>>().join("\n");
    let message = Message::parse(wire(&text)).unwrap();
    let ((), count) = allocations(|| {
        let parts = message.parts().unwrap().unwrap();
        assert_eq!((parts.check(), parts.map(|part| part.headers().count()).sum::<usize>()), (Ok(()), 2));
        assert_eq!(message.session_description(), Some(&b"v=0"[..]));
    });
    assert_eq!(count, 0);
}

#[test]
fn a_200_takes_one_allocation() {
    let request = Message::parse(wire(INVITE)).unwrap();
    let (answer, count) = allocations(|| {
        let mut answer = request.answer(StatusCode::OK, "OK", "tag");
        answer.header(Name::Contact, "<sip:bob@192.0.2.4>").finish().unwrap()
    });
    assert_eq!(count, 1, "{answer:?}");
    // One more where several share it.
    let (_, count) = allocations(|| Arc::new(answer));
    assert_eq!(count, 1);
}

fn drain(sip: &mut Endpoint) -> Vec<Output> {
    std::iter::from_fn(|| sip.poll_output()).collect()
}

/// The octets of a request within the dialog that `ok` made.
fn within(ok: &Message, method: &str, cseq: u32) -> Vec<u8> {
    let contact = ok.contact().unwrap().unwrap().uri;
    let text = format!(
        "{method} {contact} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{method}{}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
        ok.call_id(),
        ok.value(Name::From).unwrap(),
        ok.value(Name::To).unwrap(),
        ok.call_id(),
    );
    text.into_bytes()
}

fn bob() -> SocketAddr {
    "192.0.2.4:5060".parse().unwrap()
}

fn endpoint() -> Endpoint {
    let mut sip: Endpoint = Endpoint::new(Config::new("sip:bob@192.0.2.4").unwrap(), [1; 32]);
    let bound = Bound { transport: Transport::Udp, local: bob(), advertised: None };
    sip.handle_input(Timestamp::ZERO, Input::Bound(bound));
    sip
}

fn datagram(octets: Vec<u8>) -> Input {
    Input::Datagram { flow: Flow::udp(bob(), "192.0.2.1:5060".parse().unwrap()), payload: octets.into() }
}

/// The INVITE of another call.
fn invite(call: usize) -> Vec<u8> {
    let text = INVITE.replace("z9hG4bK721e4", &format!("z9hG4bK{call:05}"));
    wire(&text.replace("2xTb9vxSit55X", &format!("2xTb9vxS{call:05}")))
}

#[test]
fn a_call_answered_takes_few_allocations() {
    let mut sip = endpoint();
    let sdp = bytes::Bytes::from_static(b"v=0\r\n");
    let mut totals = Vec::new();
    for call in 0..96 {
        let now = Timestamp::from_secs(call * 100);
        let invite = datagram(invite(call as usize));
        let mut total = 0;
        let ((), count) = allocations(|| sip.handle_input(now, invite));
        total += count;
        let mut ok = None;
        while let Some(output) = sip.poll_output() {
            let Output::Event(Event::Incoming { server, .. }) = output else { continue };
            let (answered, count) = allocations(|| {
                sip.server(server)?.reply(now, Reply::code(100))?.progress(now, Reply::new())?;
                sip.server(server)?.accept(now, Reply::new().sdp(sdp.clone()))?;
                Ok::<_, sip_proto::Refused>(())
            });
            answered.unwrap();
            total += count;
            ok = drain(&mut sip).iter().filter_map(sent).next_back().map(|answer| answer.as_bytes().to_vec());
        }
        let ok = Message::parse(ok.unwrap()).unwrap();
        for (method, cseq) in [("ACK", ok.cseq()), ("BYE", ok.cseq() + 1)] {
            let input = datagram(within(&ok, method, cseq));
            let ((), count) = allocations(|| sip.handle_input(now, input));
            total += count;
            let outputs = drain(&mut sip);
            if method == "BYE" {
                let ended = |output: &Output| {
                    matches!(output, Output::Event(Event::Dialog { event: DialogEvent::Destroy { .. }, .. }))
                };
                assert!(outputs.iter().any(ended), "{outputs:?}");
            }
        }
        totals.push(total);
    }
    println!("{totals:?}");
    // Tables grow now and then, and most so during the first calls. A final answer that is kept for the tail of its transaction is copied to a
    // buffer of its own size, some calls later: one allocation more a call.
    let calls = &totals[32..];
    assert!(calls.iter().filter(|total| **total <= 14).count() >= calls.len() * 2 / 5, "{calls:?}");
    assert!(calls.iter().sum::<usize>() < 16 * calls.len(), "{calls:?}");
}

/// The message of an output.
fn sent(output: &Output) -> Option<&Message> {
    match output {
        Output::Transmit(transmit) => transmit.payload.message(),
        _ => None,
    }
}

/// So many that tables are as full as those of a million are.
const MANY: usize = 8_000;

/// Less than nothing, modulo the word, where this thread has freed what another one allocated: only differences count.
fn live() -> usize {
    LIVE.with(Cell::get)
}

/// Bytes alive for each of [`MANY`] calls that were taken so far, and the length of their answer; all of it within one second.
fn bytes_of(
    step: Duration,
    answer: impl Fn(&mut Endpoint, Timestamp, sip_proto::ServerId),
    is_acknowledged: bool,
) -> (Endpoint, usize, usize) {
    let mut sip = endpoint();
    let (before, mut length) = (live(), 0);
    for call in 0..MANY {
        let now = Timestamp::ZERO + step * call as u32;
        sip.handle_timeout(now);
        drop(drain(&mut sip));
        sip.handle_input(now, datagram(invite(call)));
        let Some(Output::Event(Event::Incoming { server, request })) = sip.poll_output() else { panic!() };
        drop(request);
        answer(&mut sip, now, server);
        let last =
            drain(&mut sip).iter().filter_map(sent).next_back().map(|last| last.as_bytes().to_vec()).unwrap();
        length = last.len();
        if is_acknowledged {
            let ok = Message::parse(last).unwrap();
            sip.handle_input(now, datagram(within(&ok, "ACK", ok.cseq())));
            drop(drain(&mut sip));
        }
    }
    let bytes = live().wrapping_sub(before) / MANY;
    (sip, bytes, length)
}

fn accept(sip: &mut Endpoint, now: Timestamp, server: sip_proto::ServerId) {
    sip.server(server).unwrap().accept(now, Reply::new().sdp("v=0\r\n")).unwrap();
}

#[test]
fn dialogs_and_lingering_transactions_are_small() {
    let before = live();
    let (mut sip, ..) = bytes_of(Duration::from_millis(40), accept, true);
    let later = Timestamp::from_secs(40 * MANY as u64 / 1_000 + 60);
    sip.handle_timeout(later);
    drop(drain(&mut sip));
    assert_eq!(sip.counts(), [0, 0, MANY]);
    let dialog = live().wrapping_sub(before) / MANY;
    drop(sip);
    // Both descriptions, in one buffer.
    let sdp = Message::parse(invite(0)).unwrap().body().len() + 5 + 24;
    println!("dialog: {} bytes and {sdp} of descriptions", dialog - sdp);
    assert!(dialog <= 700 + sdp, "{dialog}");

    let quick = Duration::from_micros(10);
    let (sip, bytes, _) = bytes_of(quick, accept, true);
    assert_eq!(sip.counts(), [MANY, 0, MANY]);
    println!("after the ACK: {} bytes", bytes - dialog);
    assert!(bytes <= dialog + 300, "{bytes}");
    drop(sip);

    let (sip, bytes, length) = bytes_of(quick, accept, false);
    assert_eq!(sip.counts(), [MANY, 0, MANY]);
    println!("before the ACK: {} bytes and {length} of its answer", bytes - dialog - length);
    assert!(bytes <= dialog + length + 350, "{bytes}");
}

/// A rejected call is its transaction and the answer alone.
#[test]
fn rejected_calls_are_small() {
    let busy = |sip: &mut Endpoint, now, server| {
        sip.server(server).unwrap().reject(now, Reply::code(486)).unwrap();
    };
    let (sip, bytes, _) = bytes_of(Duration::from_micros(10), busy, false);
    assert_eq!(sip.counts(), [MANY, 0, 0]);
    println!("with its 486: {bytes} bytes");
    assert!(bytes <= 900, "{bytes}");
}

/// DESIGN.md §2 contract 2, RFC 3261 §18.1.1: a long request waits for its connection, and takes what it is long, with no more to spare than a usual one has.
#[test]
fn a_request_that_waits_takes_its_own_length() {
    let waiting = |length: usize, body: usize| {
        let mut sip = endpoint();
        let bound = Bound { transport: Transport::Tcp, local: bob(), advertised: None };
        sip.handle_input(Timestamp::ZERO, Input::Bound(bound));
        let before = live();
        let invite = Invite::to("sip:alice@192.0.2.1;transport=tcp").header("X-Long", "x".repeat(length));
        sip.invite(Timestamp::ZERO, invite.sdp("v".repeat(body))).unwrap();
        let Some(Output::Connect(_)) = sip.poll_output() else { panic!() };
        live().wrapping_sub(before)
    };
    let usual = waiting(1, 1);
    for length in [400, 1_000, 3_000, 21_000, 65_000] {
        let bytes = [waiting(length, 1), waiting(1, length)];
        assert!(bytes.iter().all(|bytes| *bytes <= usual + length + 640), "{bytes:?} for {length}, {usual}");
    }
}
