//! Which way media flows on a stream (RFC 3264 §5.1, RFC 8866 §6.7).

use core::fmt;

/// The direction of a stream, as seen by whoever wrote the description. Without an attribute it is [`Direction::SendRecv`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Hash)]
pub enum Direction {
    /// `sendrecv`: the writer sends and receives.
    #[default]
    SendRecv,
    /// `sendonly`: the writer sends only.
    SendOnly,
    /// `recvonly`: the writer receives only.
    RecvOnly,
    /// `inactive`: neither.
    Inactive,
}

impl Direction {
    /// All four.
    pub const ALL: [Self; 4] = [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive];

    /// The direction whose writer sends and receives as said.
    pub const fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Reads an attribute's name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|direction| direction.as_str().eq_ignore_ascii_case(name))
    }

    /// The attribute's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Whether the writer sends.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the writer receives.
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same stream as seen from its other end: the widest answer that an offer leaves (RFC 3264 §6.1).
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    /// The direction once its writer holds the peer: nothing is received any more (RFC 3264 §8.4).
    #[must_use]
    pub const fn held(self) -> Self {
        Self::new(self.sends(), false)
    }

    /// The direction once its writer holds the peer no longer: the inverse of [`Direction::held`] for what can be held.
    #[must_use]
    pub const fn unheld(self) -> Self {
        Self::new(self.sends(), true)
    }

    /// What both allow.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self::new(self.sends() && other.sends(), self.receives() && other.receives())
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Direction::{self, Inactive, RecvOnly, SendOnly, SendRecv};

    #[test]
    fn the_four_directions_and_what_is_made_of_them() {
        // direction, reversed (RFC 3264 §6.1), held, unheld (§8.4)
        let table = [
            (SendRecv, SendRecv, SendOnly, SendRecv),
            (SendOnly, RecvOnly, SendOnly, SendRecv),
            (RecvOnly, SendOnly, Inactive, RecvOnly),
            (Inactive, Inactive, Inactive, RecvOnly),
        ];
        for (direction, reversed, held, unheld) in table {
            assert_eq!(
                (direction.reversed(), direction.held(), direction.unheld()),
                (reversed, held, unheld),
                "{direction}"
            );
            assert_eq!(direction.reversed().reversed(), direction);
            assert_eq!(Direction::parse(direction.as_str()), Some(direction));
        }
        assert_eq!(Direction::parse("SendOnly"), Some(SendOnly));
        assert_eq!(Direction::parse("sendonly "), None);
        assert_eq!(SendOnly.and(RecvOnly), Inactive);
    }
}
