//! What an endpoint refuses.

use crate::context;
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
    /// The request has no way to go: its URI, or the first Route, is no SIP or SIPS URI.
    #[error("no way to go: {0}")]
    Unroutable(ParseError),
    /// The request has none of a header that its method needs once, or several: Refer-To in REFER (RFC 3515 §2.4.1), Event in SUBSCRIBE
    /// (RFC 6665 §3.1.2).
    #[error("the request needs exactly one {}", .0.as_str())]
    Lacks(Name),
    /// The context refuses.
    #[error(transparent)]
    Context(#[from] context::Refused),
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
