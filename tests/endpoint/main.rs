//! The endpoint: user agents against a peer that is played by hand, and against each other.
//!
//! | file | subject |
//! |---|---|
//! | `uas`, `ua_answers` | the server: examining requests, answering them, where answers go, CANCEL; what every answer keeps to (RFC 3261 §8.2) |
//! | `uac`, `ua_requests` | the client: results, CANCEL, forks, ACKs, look-ups; what every request keeps to (RFC 3261 §8.1) |
//! | `challenges` | requests that are challenged, and sent again (RFC 3261 §8.1.3.5, §22) |
//! | `redirects` | redirections, and what else decides where a request goes first (RFC 3261 §8.1.3.4) |
//! | `failover` | the other addresses of a name (RFC 3263 §4.3) |
//! | `transport`, `limits`, `settled`, `shard` | flows and Vias (RFC 3261 §18), bounds of messages, answers kept as octets, several endpoints behind one address |
//! | `calls`, `ua_sessions` | whole calls and every way for them to end; rules that take more than one message to see |
//! | `model_dialog` | the model's `Dialog`, row by row |
//! | `prack`, `prack_calls` | reliable provisional answers (RFC 3262) |
//! | `updates`, `targets` | UPDATE (RFC 3311); what refreshes a target (RFC 6141 §4) |
//! | `session_timers` | session timers (RFC 4028) |
//! | `subscriptions`, `events`, `notifies`, `refers` | SUBSCRIBE, NOTIFY, REFER (RFC 6665, RFC 3515) |
//! | `shared` | a session and subscriptions in one dialog (RFC 5057) |
//! | `changes` | a session where one thing meets another: changes, PRACK, timers, the end |
//! | `meetings`, `conduct` | two features that meet; which message goes before which |
//! | `contracts` | the contracts of the crate's documentation, one property each |
//! | `network` | the virtual network itself: its time, what is cut or closed, names |
//! | `ladder`, `lossy` | golden ladders; two endpoints and a wire that loses datagrams by their numbers |
//! | `pairs`, `agreement` | two endpoints, whatever their applications and the link do |

#[path = "../support/mod.rs"]
mod support;

mod agreement;
mod calls;
mod challenges;
mod changes;
mod conduct;
mod contracts;
mod events;
mod failover;
mod ladder;
mod limits;
mod lossy;
mod meetings;
mod model_dialog;
mod network;
mod notifies;
mod pairs;
mod prack;
mod prack_calls;
mod redirects;
mod refers;
mod session_timers;
mod settled;
mod shard;
mod shared;
mod subscriptions;
mod targets;
mod transport;
mod ua_answers;
mod ua_requests;
mod ua_sessions;
mod uac;
mod uas;
mod updates;
