//! How large things are, and how often the heap is asked: figures that users rely on.

#![allow(unsafe_code, reason = "a counting allocator is unsafe to implement; the library itself forbids it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use sip_proto::context::{ClientContext, Reply, ServerContext};
use sip_proto::dialog::Dialog;
use sip_proto::message::{Name, Uri};
use sip_proto::transaction::Transaction;
use sip_proto::{
    Bound, Config, DialogEvent, Endpoint, Event, Flow, Input, Message, Output, StatusCode, Timestamp,
    Transport,
};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// Counts what this thread allocates.
struct Counting;

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
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
        ("Transaction", size_of::<Transaction>(), 32),
        ("ServerContext", size_of::<ServerContext>(), 160),
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
fn a_200_takes_two_allocations() {
    let request = Message::parse(wire(INVITE)).unwrap();
    let (answer, count) =
        allocations(|| Arc::new(request.answer(StatusCode::OK, "OK", "tag").finish().unwrap()));
    assert!(count <= 2, "{count} for {answer:?}");
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

#[test]
fn a_call_answered_takes_few_allocations() {
    let (bob, alice) = ("192.0.2.4:5060".parse().unwrap(), "192.0.2.1:5060".parse().unwrap());
    let mut sip: Endpoint = Endpoint::new(Config::new("sip:bob@192.0.2.4").unwrap(), [1; 32]);
    let bound = Bound { transport: Transport::Udp, local: bob, advertised: None };
    sip.handle_input(Timestamp::ZERO, Input::Bound(bound));
    let datagram = |octets: Vec<u8>| Input::Datagram { flow: Flow::udp(bob, alice), payload: octets.into() };

    // Tables grow on the first call; the second one is what a call costs.
    for round in 0..2 {
        let now = Timestamp::from_secs(round * 100);
        let invite = INVITE
            .replace("z9hG4bK", &format!("z9hG4bK{round}"))
            .replace("Call-ID: ", &format!("Call-ID: {round}"));
        let invite = datagram(wire(&invite));
        let sdp = bytes::Bytes::from_static(b"v=0\r\n");
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
            for output in drain(&mut sip) {
                if let Output::Transmit(transmit) = output {
                    ok = transmit
                        .payload
                        .message()
                        .filter(|m| m.status() == Some(StatusCode::OK))
                        .cloned()
                        .or(ok);
                }
            }
        }
        let ok = ok.unwrap();
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
        println!("call {round}: {total} allocations");
        if round == 1 {
            assert!(total <= 20, "{total} allocations");
        }
    }
}
