//! Dialogs and subscriptions: what a request refers to, and what state is told of.

use crate::message::{
    Address, EventPackage, InfoPackage, Join, Message, Name, ParseError, RAck, ReferSub, Replaces,
    SubscriptionState, values,
};

impl Message {
    /// Event (RFC 6665 §8.2.1).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn event(&self) -> Result<Option<EventPackage<'_>>, ParseError> {
        self.parsed(Name::Event, EventPackage::parse)
    }

    /// The event packages in Allow-Events (RFC 6665 §8.2.2).
    pub fn allow_events(&self) -> impl Iterator<Item = &str> {
        self.elements(Name::AllowEvents)
    }

    /// Subscription-State (RFC 6665 §8.2.3).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn subscription_state(&self) -> Result<Option<SubscriptionState<'_>>, ParseError> {
        self.parsed(Name::SubscriptionState, SubscriptionState::parse)
    }

    /// Refer-To (RFC 3515 §2.1).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn refer_to(&self) -> Result<Option<Address<'_>>, ParseError> {
        self.parsed(Name::ReferTo, Address::parse)
    }

    /// Referred-By (RFC 3892 §3).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn referred_by(&self) -> Result<Option<Address<'_>>, ParseError> {
        self.parsed(Name::ReferredBy, Address::parse)
    }

    /// Refer-Sub (RFC 4488 §4).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn refer_sub(&self) -> Result<Option<ReferSub<'_>>, ParseError> {
        self.parsed(Name::ReferSub, ReferSub::parse)
    }

    /// Replaces (RFC 3891 §6.1).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn replaces(&self) -> Result<Option<Replaces<'_>>, ParseError> {
        self.parsed(Name::Replaces, Replaces::parse)
    }

    /// Join (RFC 3911 §7.1).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn join(&self) -> Result<Option<Join<'_>>, ParseError> {
        self.parsed(Name::Join, Join::parse)
    }

    /// RSeq: 1 to 2³² − 1 (RFC 3262 §7.1).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn rseq(&self) -> Result<Option<u32>, ParseError> {
        self.parsed(Name::RSeq, values::rseq)
    }

    /// RAck (RFC 3262 §7.2).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn rack(&self) -> Result<Option<RAck>, ParseError> {
        self.parsed(Name::RAck, RAck::parse)
    }

    /// Info-Package (RFC 6086 §7.2).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn info_package(&self) -> Result<Option<InfoPackage<'_>>, ParseError> {
        self.parsed(Name::InfoPackage, InfoPackage::parse)
    }

    /// The packages in Recv-Info (RFC 6086 §7.3). A header without any says that none is welcome.
    pub fn recv_info(&self) -> impl Iterator<Item = Result<InfoPackage<'_>, ParseError>> {
        self.each(Name::RecvInfo, InfoPackage::parse)
    }

    /// SIP-ETag (RFC 3903 §11.3.1).
    ///
    /// # Errors
    /// When it is no token.
    pub fn sip_etag(&self) -> Result<Option<&str>, ParseError> {
        self.parsed(Name::SipETag, |value| values::token(value, "an entity tag"))
    }

    /// SIP-If-Match (RFC 3903 §11.3.2).
    ///
    /// # Errors
    /// When it is no token.
    pub fn sip_if_match(&self) -> Result<Option<&str>, ParseError> {
        self.parsed(Name::SipIfMatch, |value| values::token(value, "an entity tag"))
    }
}
