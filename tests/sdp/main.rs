//! Session descriptions, and offer and answer.
//!
//! | file | subject |
//! |---|---|
//! | `descriptions` | reading, hold, what changes, what may follow (RFC 8866, RFC 3264, RFC 6337 §5) |
//! | `answer` | answers to offers: streams, formats, directions (RFC 3264 §6, RFC 6337 §5) |
//! | `table` | the table of offer and answer against its transcription (RFC 6337 §2.2, §4; RFC 3311 §5) |
//! | `negotiation` | the descriptions that offer and answer leave in a dialog |

mod answer;
mod descriptions;
mod negotiation;
mod table;
