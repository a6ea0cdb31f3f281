//! A virtual network in virtual time, and call-flow ladders: for this crate's tests and for yours (feature `testing`).
//!
//! A [`Network`] carries what endpoints send each other over links that delay, lose, duplicate and reorder by a seed. Nothing waits: a call of an
//! hour takes microseconds. What happened can be looked at as a [`Ladder`].
//!
//! ```
//! use sip_proto::context::{Invite, Reply};
//! use sip_proto::testing::Network;
//! use sip_proto::{DialogEvent, Event};
//!
//! let mut net: Network = Network::new(1);
//! let alice = net.node("alice", "192.0.2.1");
//! let bob = net.node("bob", "192.0.2.2");
//! let now = net.now();
//! net.endpoint(alice).invite(now, Invite::to("sip:bob@192.0.2.2").sdp("v=0\r\n"))?;
//! while let Some((who, event)) = net.next_event() {
//!     let now = net.now();
//!     match event {
//!         Event::Incoming { server, .. } => {
//!             net.endpoint(who).server(server)?.progress(now, Reply::new())?.accept(now, Reply::new().sdp("v=0\r\n"))?;
//!         }
//!         Event::Dialog { dialog, event: DialogEvent::Confirmed { .. } } => net.endpoint(who).dialog(dialog)?.destroy(now)?,
//!         _ => {}
//!     }
//! }
//! assert!(net.endpoint(alice).is_empty() && net.endpoint(bob).is_empty());
//! assert!(net.ladder().to_string().contains("BYE"));
//! # Ok::<(), sip_proto::Refused>(())
//! ```

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    reason = "runs in tests only, where a mistake is to be heard"
)]

mod check;
mod conduct;
mod ladder;
mod link;
mod network;
#[cfg(feature = "arbitrary")]
pub mod script;
pub mod transaction;

pub use check::{
    check_dialog, check_header, check_message, check_sdp, check_stream, check_transaction, check_uri,
    read_views,
};
#[cfg(feature = "arbitrary")]
pub use check::{check_pair, check_script};
pub use ladder::{Ladder, describe_event, describe_message};
pub use link::Link;
pub use network::{Network, Node};
#[cfg(feature = "arbitrary")]
pub use script::Script;
