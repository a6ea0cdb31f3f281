//! Which headers of the application's a request may carry, beyond what [`Header::check`] says.

use crate::message::{BuildError, Header, Name, supplies};

/// Whether these can be headers of a request of ours: none is Route, by which it would not go (§8.1.2, §12.2.1.1).
pub(crate) fn check_headers(headers: &[Header]) -> Result<(), BuildError> {
    headers.iter().try_for_each(Header::check)?;
    check_no_route(headers)
}

#[inline]
pub(crate) fn check_no_route(headers: &[Header]) -> Result<(), BuildError> {
    if supplies(headers, Name::Route) { Err(BuildError::Reserved(Name::Route)) } else { Ok(()) }
}

/// Whether a CANCEL may carry these headers (§9.1): neither Require nor Proxy-Require, and its Route and Max-Forwards are written here.
pub(crate) fn check_cancel(headers: &[Header]) -> Result<(), BuildError> {
    let written = [Name::Require, Name::ProxyRequire, Name::Route, Name::MaxForwards];
    headers.iter().try_for_each(|header| {
        header.check()?;
        match written.into_iter().find(|name| *name == Name::find(&header.name)) {
            Some(name) => Err(BuildError::Reserved(name)),
            None => Ok(()),
        }
    })
}
