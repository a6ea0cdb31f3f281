//! The SIP user-agent core as a sans-IO library: bytes and timestamps in; datagrams, one timer request and application events out.
//!
//! It opens no socket, starts no thread, reads no clock, asks no operating system for entropy: the program that embeds it does, in
//! whatever runtime it likes. Three machines are the heart of it, and each is usable alone: the
//! [transactions](transaction), the [contexts](context) of one request and its answers, the [dialog].
//! An [`Endpoint`] composes them.
//!
//! # The run loop
//!
//! ```
//! use sip_proto::context::Reply;
//! use sip_proto::{Config, Endpoint, Event, Flow, Input, Output, Refused, Timestamp};
//!
//! # let (bob, alice): (std::net::SocketAddr, std::net::SocketAddr) = ("192.0.2.4:5060".parse()?, "192.0.2.1:5060".parse()?);
//! # let invite = "INVITE sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
//! #     From: <sip:alice@192.0.2.1>;tag=1\r\nTo: <sip:bob@192.0.2.4>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
//! #     Contact: <sip:alice@192.0.2.1>\r\nContent-Length: 0\r\n\r\n";
//! # let mut network = vec![invite];
//! # let mut sent = Vec::new();
//! # let mut clock = Timestamp::ZERO;
//! let seed = [7; 32]; // 32 octets from the operating system, never used again
//! let mut sip: Endpoint = Endpoint::new(Config::new("sip:bob@192.0.2.4")?, seed);
//! loop {
//!     // 1. Do what the endpoint asks for.
//!     while let Some(output) = sip.poll_output() {
//!         match output {
//!             Output::Transmit(transmit) => sent.push(transmit), // your socket
//!             Output::Event(event) => {
//!                 if let Err(refused) = on_event(&mut sip, clock, event) {
//!                     println!("{refused}"); // a race that was lost: the loop goes on
//!                 }
//!             }
//!             Output::Connect(_) | Output::Resolve(_) | Output::Close { .. } => {} // TCP, names
//!             _ => {}
//!         }
//!     }
//!     // 2. Wait for the network or for the deadline, whichever is first: the timer request is `poll_timeout`.
//!     match network.pop() {
//!         Some(datagram) => {
//!             let input = Input::Datagram { flow: Flow::udp(bob, alice), payload: datagram.into() };
//!             sip.handle_input(clock, input);
//!         }
//!         None => match sip.poll_timeout() {
//!             Some(deadline) => {
//!                 clock = deadline;
//!                 sip.handle_timeout(clock);
//!             }
//!             None => break,
//!         },
//!     }
//! }
//!
//! fn on_event(sip: &mut Endpoint, now: Timestamp, event: Event) -> Result<(), Refused> {
//!     if let Event::Incoming { server, .. } = event {
//!         sip.server(server)?
//!             .progress(now, Reply::new())? // 180 Ringing
//!             .accept(now, Reply::new().sdp("v=0\r\n"))?; // 200 OK: a dialog
//!     }
//!     Ok(())
//! }
//! # assert!(sip.is_empty());
//! # assert!(sent.len() > 10, "the 200 is repeated until its ACK, and without one there is a BYE");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Contracts
//!
//! Each has a property test in `tests/endpoint/contracts.rs`.
//!
//! 1. **Deterministic.** Same config, same seed, same operations with the same timestamps: the same outputs, byte for byte.
//! 2. **Peers cannot hurt it.** Network input never panics, never makes [`Endpoint::handle_input`] fail, never loops; every input does bounded work and
//!    holds bounded memory ([`Limits`], the output queue included).
//! 3. **One queue.** Outputs come out of one FIFO in the order in which they were caused. Any call order is legal, nothing is overwritten. At `Limits::queue` a new
//!    request outside dialogs counts as a lost datagram; what existing calls are owed is bounded per call and always fits.
//! 4. **Honest deadline.** [`Endpoint::poll_timeout`] is the next instant at which something would happen; while outputs are queued it is the newest
//!    timestamp seen; after a timeout is handled and drained it has moved on; with nothing pending it is `None`. A late call fires each due timer
//!    once, in the order of their deadlines.
//! 5. **Time only moves forward.** An older timestamp is treated as the newest seen.
//! 6. **Everything ends.** Once a call has been ended by either side or by a guard, after the longest RFC tail nothing is left of it. Each context reports
//!    exactly one `Ended`, each dialog exactly one `Destroy`, each [`RequestId`] exactly one result.
//! 7. **Misuse is a typed refusal, and changes nothing.** A refused command sends nothing, queues nothing, emits nothing.
//!
//! A panic is always a bug of this crate, whatever went in.
//!
//! # Layers
//!
//! Imports go one way: `time random limits → message → sdp → transaction → context → dialog → endpoint → testing`, and a test holds it.
//!
//! | module | what it does | RFC |
//! |---|---|---|
//! | [`message`] | parse, view, validate, build | 3261 §§7, 18.3, 19, 20, 25; 2046, 3966, 4475, 5118, 5621, 5954; headers of 3262, 3323, 3325, 3326, 3327, 3329, 3515, 3581, 3608, 3841, 3891, 3892, 3903, 3911, 4028, 4488, 5626, 5806, 6086, 6442, 6665, 7044, 7433, 7616 |
//! | [`sdp`] | streams, hold, answers, whose turn it is | 3264, 6337, 8866 |
//! | [`transaction`] | four state machines on one table | 3261 §17, 6026 |
//! | [`context`] | one request and its answers, reliable ones among them | 3261 §§8, 9, 13; 3262, 4320 |
//! | [`dialog`] | id, route set, targets, numbers, the session, its timer, usages and subscriptions | 3261 §§12, 14; 3264, 3515, 4028, 5057, 6141, 6665 |
//! | [`endpoint`] | matching, routing, timers, policy, glare, redirections | 3261 §§8.1.3.4, 8.2, 11, 13–15, 18; 3311, 3581, 6026, 6228 |
//! | `testing` | virtual network and time, ladders | – |
//!
//! # RFC checklist
//!
//! | RFC | here now | to come |
//! |---|---|---|
//! | 3261 | UA core: messages, transactions, UAC, UAS, CANCEL, OPTIONS, dialogs, INVITE and forks, BYE, UDP and streams | digest §22, registration §10 |
//! | 2046, 5621 | multipart bodies, split and written; whose part is required | – |
//! | 3966 | `tel:` numbers, their parts and comparison | – |
//! | 3261, 3262, 3264 and others | `tests/rfc/requirements`: a line for each MUST and SHOULD, with its test | – |
//! | 4475, 5118 | torture messages, each with its answer | – |
//! | 5954 | the grammar of addresses, their comparison | – |
//! | 3325, 3326 | P-Asserted-Identity, P-Preferred-Identity, Reason | – |
//! | 3581 | `rport`, both sides | – |
//! | 4320, 6026 | non-INVITE and 2xx corrections | – |
//! | 5626, 8489 | §3.5 keep-alives counted and answered; `reg-id`, `+sip.instance`, `ob` read | outbound |
//! | 7118 | one message a WebSocket frame, Content-Length optional | – |
//! | 6228 | 199 received | 199 sent |
//! | 3264, 6337, 8866 | hold, answers, offer and answer in dialogs, late offers | – |
//! | 3262 | reliable provisional answers, both sides | a further offer of ours in PRACK |
//! | 3311, 6141 | UPDATE, both sides, in early and confirmed dialogs; glare | – |
//! | 4028 | session timers, both sides | – |
//! | 3515, 4488, 5057, 6665, 7647 | REFER and its NOTIFYs, subscriber and notifier, usages that end alone | event packages |
//! | 7616, 8760 | challenges and credentials read and written | digest computed and checked |
//!
//! # Features
//!
//! `std` (default): conversions, and httparse's run-time SIMD. `testing`: the virtual network. `arbitrary`: inputs for fuzzing. Without `std` the crate is `no_std` + `alloc`.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::alloc_instead_of_core)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "a test that panics has failed"
    )
)]

extern crate alloc;

pub mod context;
pub mod dialog;
pub mod endpoint;
pub mod limits;
pub mod message;
pub mod random;
pub mod sdp;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod transaction;

pub use endpoint::{
    Bound, ClientEvent, Config, DialogEvent, DialogId, Endpoint, Event, Flow, Input, Operation, Output,
    Refused, RequestId, ServerEvent, ServerId, Shard,
};
pub use limits::Limits;
pub use message::{Message, Method, StatusCode, Transport};
pub use time::Timestamp;

/// The README's code, compiled and run.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../README.md")]
struct Readme;
