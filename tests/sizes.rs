//! How large things are, and how often the heap is asked: figures that users rely on.

#![allow(unsafe_code, reason = "a counting allocator is unsafe to implement; the library itself forbids it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use sip_proto::context::{ClientContext, Reply, ServerContext};
use sip_proto::dialog::Dialog;
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
        ok.value(sip_proto::message::Name::From).unwrap(),
        ok.value(sip_proto::message::Name::To).unwrap(),
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
