//! Authentication and what protects a hop. Challenges and credentials stand one to a line (RFC 3261 §7.3.1).

use crate::message::{
    AuthenticationInfo, Challenge, Credentials, Message, Name, ParseError, SecurityMechanism,
};

impl Message {
    /// All challenges in WWW-Authenticate (§20.44).
    pub fn www_authenticate(&self) -> impl Iterator<Item = Result<Challenge<'_>, ParseError>> {
        self.each_line(Name::WwwAuthenticate, Challenge::parse)
    }

    /// All challenges in Proxy-Authenticate (§20.27).
    pub fn proxy_authenticate(&self) -> impl Iterator<Item = Result<Challenge<'_>, ParseError>> {
        self.each_line(Name::ProxyAuthenticate, Challenge::parse)
    }

    /// All credentials in Authorization (§20.7).
    pub fn authorization(&self) -> impl Iterator<Item = Result<Credentials<'_>, ParseError>> {
        self.each_line(Name::Authorization, Credentials::parse)
    }

    /// All credentials in Proxy-Authorization (§20.28).
    pub fn proxy_authorization(&self) -> impl Iterator<Item = Result<Credentials<'_>, ParseError>> {
        self.each_line(Name::ProxyAuthorization, Credentials::parse)
    }

    /// Authentication-Info (§20.6).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn authentication_info(&self) -> Result<Option<AuthenticationInfo<'_>>, ParseError> {
        self.parsed(Name::AuthenticationInfo, AuthenticationInfo::parse)
    }

    /// The mechanisms in Security-Client (RFC 3329 §2.2).
    pub fn security_client(&self) -> impl Iterator<Item = Result<SecurityMechanism<'_>, ParseError>> {
        self.each(Name::SecurityClient, SecurityMechanism::parse)
    }

    /// The mechanisms in Security-Server (RFC 3329 §2.2).
    pub fn security_server(&self) -> impl Iterator<Item = Result<SecurityMechanism<'_>, ParseError>> {
        self.each(Name::SecurityServer, SecurityMechanism::parse)
    }

    /// The mechanisms in Security-Verify (RFC 3329 §2.2).
    pub fn security_verify(&self) -> impl Iterator<Item = Result<SecurityMechanism<'_>, ParseError>> {
        self.each(Name::SecurityVerify, SecurityMechanism::parse)
    }
}
