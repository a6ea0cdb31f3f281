//! One request and its answers, from the outside and with no endpoint.
//!
//! | file | subject |
//! |---|---|
//! | `server` | `ServerContext`: what may be answered and when, what an answer holds, what goes out again |
//! | `client` | `ClientContext`: what goes out again and when, the one result, ACK, CANCEL, forks |
//! | `reliable` | provisional answers that are acknowledged, on both sides (RFC 3262) |

mod client;
mod reliable;
mod server;
