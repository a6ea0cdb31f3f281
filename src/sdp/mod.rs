//! Just enough of the Session Description Protocol for a signalling library (RFC 8866, RFC 4566; RFC 3264, RFC 6337): who
//! describes, which streams, where and in which direction; hold and unhold; what changed; an answer to an offer; and whose
//! turn it is.
//!
//! What codecs mean, ICE, keys and preconditions are left to whoever handles the media: their lines are carried, not understood.
//!
//! Reading is lazy and borrows: [`Session::parse`] looks at every octet once and allocates nothing, [`Session::streams`] looks
//! again. Writing ([`hold`], [`unhold`], [`answer`], [`next_offer`]) makes one new body. All work is linear in the octets.
//!
//! ```
//! use sip_proto::sdp::{self, Change, Direction, Ours, Session};
//!
//! let theirs = b"v=0\r\no=alice 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n";
//! let ours = b"v=0\r\no=bob 7 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n";
//!
//! let held = sdp::hold(theirs)?;
//! assert_eq!(sdp::compare(theirs, &held), Change::Hold);
//! assert!(Session::parse(&held)?.is_hold());
//!
//! let answer = sdp::answer(&held, &Ours::new(ours).after(theirs))?;
//! let stream = Session::parse(&answer)?.streams().next().unwrap();
//! assert_eq!((stream.direction, stream.formats().collect::<Vec<_>>()), (Direction::RecvOnly, vec!["0"]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Received descriptions are read leniently where peers are known to be sloppy: line ends of LF alone, blank lines, letters of
//! unknown meaning, lines out of order, absent `s=` and `t=`, several blanks between fields, a disabled stream without
//! a format or an address. What is written keeps the order of RFC 8866 §5.

mod answer;
mod attributes;
mod compare;
mod connection;
mod direction;
mod formats;
mod hold;
mod lines;
mod negotiation;
mod offer;
mod session;
mod state;
mod stream;
mod table;
mod wishes;
mod write;

pub use answer::{Ours, Unusable, answer, decline};
pub use compare::{Change, compare};
pub(crate) use compare::{compare_agreed, flow_alike};
pub use connection::Connection;
pub use direction::Direction;
pub(crate) use hold::may_hold;
pub use hold::{hold, unhold};
pub(crate) use negotiation::Agreed;
pub use negotiation::{Negotiation, Taken};
pub use offer::next_offer;
pub(crate) use offer::{beyond, version};
pub use session::{Origin, Session};
pub use state::{Body, Carrier, Invite, Meaning, Phase, Refusal, Round, Side, State, Stimulus};
pub use stream::{Attribute, Attributes, Stream};
pub use table::step;
pub(crate) use wishes::{wished, wishes};
