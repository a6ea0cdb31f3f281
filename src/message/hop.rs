//! The topmost Via as a hop: what answers are matched by, and the way that they go (RFC 3261 §17.1.3, §17.2.3, §18.2.2).

use core::net::IpAddr;

use super::via::is_rfc3261;
use super::{Host, Param, ParseError, Via, scan};

/// The topmost Via, as far as answers are matched and requests answered by it (RFC 3261 §17.1.3, §17.2.3, §18.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TopVia<'a> {
    /// The branch; empty where there is none.
    pub(crate) branch: &'a [u8],
    /// The host of sent-by, opened already or as it is written.
    pub(super) host: Result<Host<'a>, &'a [u8]>,
    /// The port of sent-by or, where none is given, its transport's.
    pub(crate) port: u16,
    /// Whether there is `rport`, with a value or without.
    pub(crate) wants_rport: bool,
    /// Whether there is `received`.
    pub(super) is_stamped: bool,
    /// Whether there is `maddr`.
    pub(crate) has_maddr: bool,
    pub(super) has_branch: bool,
}

impl<'a> TopVia<'a> {
    /// What `via` says.
    pub(super) fn of(via: &Via<'a>) -> Self {
        let mut hop = Self::without_params(via, Ok(via.host));
        via.params.iter().for_each(|param| hop.see(param));
        hop
    }

    /// What `via`, which is all of `value`, says if it is what the grammar has.
    pub(super) fn checked(via: &Via<'a>, value: &'a str) -> Result<Self, ParseError> {
        let host = match via.host {
            Host::Ip(IpAddr::V4(_)) => Ok(via.host),
            Host::Name(name) => Err(name.as_bytes()),
            Host::Ip(IpAddr::V6(_)) => {
                let brackets =
                    [memchr::memchr(b'[', value.as_bytes()), memchr::memchr(b']', value.as_bytes())];
                let [start, end] = brackets.map(Option::unwrap_or_default);
                Err(value.as_bytes().get(start..=end).unwrap_or_default())
            }
        };
        let mut hop = Self::without_params(via, host);
        via.params.walk(scan::trim(value), |param| hop.see(param))?;
        Ok(hop)
    }

    fn without_params(via: &Via<'a>, host: Result<Host<'a>, &'a [u8]>) -> Self {
        Self {
            branch: b"",
            host,
            port: via.port_or_default(),
            wants_rport: false,
            is_stamped: false,
            has_branch: false,
            has_maddr: false,
        }
    }

    /// Of each name the first parameter counts.
    fn see(&mut self, param: Param<'a>) {
        let is = |name| param.name.eq_ignore_ascii_case(name);
        if is("branch") && !self.has_branch {
            (self.branch, self.has_branch) = (param.value.unwrap_or_default().as_bytes(), true);
        }
        self.wants_rport |= is("rport");
        self.is_stamped |= is("received");
        self.has_maddr |= is("maddr");
    }

    /// The host of sent-by.
    #[inline]
    pub(crate) fn host(&self) -> Host<'a> {
        match self.host {
            Ok(host) => host,
            Err(written) => opened(scan::text(written)),
        }
    }

    /// The branch, if it is unique as RFC 3261 has it.
    pub(crate) fn rfc3261_branch(&self) -> Option<&'a [u8]> {
        is_rfc3261(self.branch).then_some(self.branch)
    }
}

/// What is neither an IPv4 address nor in brackets is a name.
fn opened(host: &str) -> Host<'_> {
    let address = host.starts_with('[').then(|| Host::parse(host)).flatten();
    address.unwrap_or(Host::Name(host))
}

/// What a Via says of the way back (RFC 3261 §18.2.2, RFC 3581 §4).
#[derive(Clone, Copy)]
pub(crate) struct ReturnHop {
    pub(crate) port: u16,
    pub(crate) wants_rport: bool,
    pub(super) is_stamped: bool,
    pub(crate) has_maddr: bool,
}
