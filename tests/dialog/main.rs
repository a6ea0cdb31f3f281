//! What goes on within a dialog, from the outside and with no endpoint.
//!
//! | file | subject |
//! |---|---|
//! | `machine` | `Dialog`: what it takes from request and answer, the requests that it writes, its verdict on those that come in |
//! | `session` | its session: what is left of a change that fails, who holds whom, the answer to an offer (RFC 3264, RFC 3261 §14) |
//! | `session_timer` | the session timer alone (RFC 4028) |
//! | `subscription` | subscribers and notifiers alone (RFC 6665, RFC 3515) |
//! | `usages` | what failures do to usages, code by code (RFC 5057) |
//!
//! Dialogs of an endpoint are in `tests/endpoint`, row by row of the model in its `model_dialog.rs`.

mod machine;
mod session;
mod session_timer;
mod subscription;
mod usages;
