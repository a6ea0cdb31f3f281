//! Races: what crosses on the wire, and what is lost or late, between two endpoints and against a peer that is played by hand
//! (RFC 5407 §§2–3, RFC 3261 §§13–15, RFC 3311 §5).
//!
//! Each race runs in both orders of arrival, at several distances in time, over UDP and TCP, and over UDP with each of its datagrams lost
//! once. The plain runs over UDP are kept as ladders in `tests/ladders/races`; `BLESS=1` writes them anew. All of them are held against
//! the same properties: see [`scene`].

#[path = "../support/mod.rs"]
mod support;

mod ending;
mod peer;
mod scene;
mod sessions;
