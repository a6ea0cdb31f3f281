//! SIP user-agent core, sans-IO.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
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
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod transaction;

pub use endpoint::{
    Bound, ClientEvent, Config, DialogEvent, DialogId, Endpoint, Event, Flow, Input, Operation, Output,
    Refused, RequestId, ServerEvent, ServerId,
};
pub use limits::Limits;
pub use message::{Message, Method, StatusCode, Transport};
pub use time::Timestamp;
