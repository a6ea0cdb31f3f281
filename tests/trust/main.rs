//! Trust: what a stranger can bring about, and what leaks.
//!
//! | file | subject |
//! |---|---|
//! | `spoofing` | answers and requests that only look as if they belonged to us (RFC 3261 §17.1.3, §18.1.2, §12.2.2, §9.2) |
//! | `unpredictable` | branches, tags, Call-IDs: 128 bits each (§8.1.1.7, §19.3) |
//! | `injection` | every string that an application can supply |
//! | `amplification` | what goes to a third party for one datagram with its address on it |
//! | `routing` | where answers go, whatever Via claims (§18.2.2, RFC 3581 §4) |
//! | `secrets` | what `Debug` must not show |

#[expect(dead_code, reason = "the endpoint's tests use all of it")]
#[path = "../support/mod.rs"]
mod support;

mod amplification;
mod injection;
mod routing;
mod secrets;
mod spoofing;
mod unpredictable;
