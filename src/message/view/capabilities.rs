//! Methods, extensions and what a caller prefers. Tokens come as they were written: one that is none is one that nobody knows.

use crate::message::{FeatureSet, Message, Name, ParseError};

impl Message {
    /// The methods in Allow (§20.5).
    pub fn allow(&self) -> impl Iterator<Item = &str> {
        self.elements(Name::Allow)
    }

    /// The option tags in Supported (§20.37).
    pub fn supported(&self) -> impl Iterator<Item = &str> {
        self.elements(Name::Supported)
    }

    /// The option tags in Require (§20.32).
    pub fn require(&self) -> impl Iterator<Item = &str> {
        self.elements(Name::Require)
    }

    /// The option tags in Unsupported (§20.40).
    pub fn unsupported(&self) -> impl Iterator<Item = &str> {
        self.elements(Name::Unsupported)
    }

    /// The option tags in Proxy-Require (§20.29).
    pub fn proxy_require(&self) -> impl Iterator<Item = &str> {
        self.elements(Name::ProxyRequire)
    }

    /// All Accept-Contact elements (RFC 3841 §9.2).
    pub fn accept_contact(&self) -> impl Iterator<Item = Result<FeatureSet<'_>, ParseError>> {
        self.each(Name::AcceptContact, FeatureSet::parse)
    }

    /// All Reject-Contact elements (RFC 3841 §9.2).
    pub fn reject_contact(&self) -> impl Iterator<Item = Result<FeatureSet<'_>, ParseError>> {
        self.each(Name::RejectContact, FeatureSet::parse)
    }

    /// The directives in Request-Disposition: `proxy`, `no-fork`, `parallel` and others (RFC 3841 §9.1).
    pub fn request_disposition(&self) -> impl Iterator<Item = &str> {
        self.elements(Name::RequestDisposition)
    }
}
