//! The wire, through the public API: what is read, what is refused, and what is written.
//!
//! | file | subject |
//! |---|---|
//! | `lists` | lists, parameters, quoted strings and comments (RFC 3261 §7.3.1, §25.1) |
//! | `uris` | URIs: parts, text, escapes, equality (RFC 3261 §19.1, RFC 3966, RFC 5954) |
//! | `views` | typed views: every known header read by an accessor of its own, and written as it is read |
//! | `multipart` | bodies of several parts (RFC 2046 §5.1, RFC 5621) |
//! | `strict` | strict validation, and what it means against receiving (RFC 3261 §25.1) |
//! | `grammar` | strict validation against the ABNF, interpreted (RFC 3261 §25.1, RFC 5234) |
//! | `dissect` | the example that shows a message as a tree |
//!
//! What bounds a message on the wire is in `tests/endpoint/limits.rs`; the torture messages are in `tests/torture.rs`.

mod dissect;
mod grammar;
mod lists;
mod multipart;
mod strict;
mod uris;
mod views;
