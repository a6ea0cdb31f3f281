//! The four transaction machines (RFC 3261 §17, RFC 6026, RFC 4320).
//!
//! | file | subject |
//! |---|---|
//! | `table` | transitions and timers against their transcription from the RFCs, cell by cell; the diagrams |
//! | `machines` | the machines rule by rule, driven as their user drives them |
//! | `model` | machines and server contexts side by side with a slow model: anything in any order, at any time |

mod machines;
mod model;
mod table;
