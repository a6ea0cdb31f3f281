//! What an endpoint refuses.

use crate::context::ContextError;
use crate::dialog::{DialogError, UsageError};
use crate::message::{BuildError, Name, ParseError};

/// Why a command was not carried out. Nothing was sent, queued or changed. Most refusals are normal outcomes of races, and none is a
/// reason to stop the run loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// What the id named is over.
    #[error("it is over")]
    Gone,
    /// A limit is reached: contexts, dialogs, or outputs that wait.
    #[error("a limit is reached")]
    Full,
    /// The request has no way to go: its URI, or the first Route, is no SIP or SIPS URI, or names a transport that is not known (RFC 3263 §4.1).
    #[error("no way to go: {0}")]
    Unroutable(ParseError),
    /// The request has none of a header that its method needs once, or several: Refer-To in REFER (RFC 3515 §2.4.1), Event in SUBSCRIBE
    /// (RFC 6665 §3.1.2).
    #[error("the request needs exactly one {}", .0.as_str())]
    Lacks(Name),
    /// The answer lacks a header that its status owes and only the application knows the value of: WWW-Authenticate in a 401, Proxy-Authenticate in a 407,
    /// Accept, Accept-Encoding or Accept-Language in a 415, Unsupported in a 420, Require in a 421, Min-Expires in a 423 (RFC 3261 §21.4), Min-SE in a
    /// 422 (RFC 4028 §6), Recv-Info in a 469 (RFC 6086 §4.2.2).
    #[error("an answer with this status needs {}", .0.as_str())]
    AnswerLacks(Name),
    /// The context refuses.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The dialog refuses.
    #[error(transparent)]
    Dialog(#[from] DialogError),
    /// The dialog cannot have another subscription.
    #[error(transparent)]
    Usage(#[from] UsageError),
}

impl From<BuildError> for Refused {
    fn from(fault: BuildError) -> Self {
        Self::Context(fault.into())
    }
}
