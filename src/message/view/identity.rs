//! Who takes part, who was asked before, and what is to be kept private.

use crate::message::{
    Address, Diversion, GeolocationError, HistoryInfo, Link, Message, Name, ParseError, scan, values,
};

impl Message {
    /// Reply-To (§20.31).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn reply_to(&self) -> Result<Option<Address<'_>>, ParseError> {
        self.parsed(Name::ReplyTo, Address::parse)
    }

    /// P-Asserted-Identity (RFC 3325 §9.1).
    pub fn asserted_identities(&self) -> impl Iterator<Item = Result<Address<'_>, ParseError>> {
        self.addresses(Name::PAssertedIdentity)
    }

    /// P-Preferred-Identity (RFC 3325 §9.2).
    pub fn preferred_identities(&self) -> impl Iterator<Item = Result<Address<'_>, ParseError>> {
        self.addresses(Name::PPreferredIdentity)
    }

    /// Identity as it was written: the signatures are not opened (RFC 8224 §4).
    pub fn identities(&self) -> impl Iterator<Item = &str> {
        self.values(Name::Identity)
    }

    /// The values of Privacy: `header`, `session`, `user`, `id`, `history`, `none`, `critical` and others (RFC 3323 §4.2).
    pub fn privacy(&self) -> impl Iterator<Item = &str> {
        self.values(Name::Privacy)
            .flat_map(|value| value.split(';'))
            .map(scan::trim)
            .filter(|value| !value.is_empty())
    }

    /// All Diversion elements, the latest first (RFC 5806 §4).
    pub fn diversions(&self) -> impl Iterator<Item = Result<Diversion<'_>, ParseError>> {
        self.each(Name::Diversion, Diversion::parse)
    }

    /// All History-Info elements, in order (RFC 7044 §5).
    pub fn history_info(&self) -> impl Iterator<Item = Result<HistoryInfo<'_>, ParseError>> {
        self.each(Name::HistoryInfo, HistoryInfo::parse)
    }

    /// Where the location is told: all Geolocation elements (RFC 6442 §4.1).
    pub fn geolocation(&self) -> impl Iterator<Item = Result<Link<'_>, ParseError>> {
        self.each(Name::Geolocation, Link::parse)
    }

    /// Geolocation-Routing: `yes`, `no` or another token (RFC 6442 §4.2).
    ///
    /// # Errors
    /// When it is no token.
    pub fn geolocation_routing(&self) -> Result<Option<&str>, ParseError> {
        self.parsed(Name::GeolocationRouting, |value| values::token(value, "yes, no or a token"))
    }

    /// Geolocation-Error (RFC 6442 §4.3).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn geolocation_error(&self) -> Result<Option<GeolocationError<'_>>, ParseError> {
        self.parsed(Name::GeolocationError, GeolocationError::parse)
    }
}
