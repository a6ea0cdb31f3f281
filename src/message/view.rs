//! Typed, lazy, borrowed access to a message's headers (RFC 3261 §20).
//!
//! Absent and malformed are different answers: `Ok(None)` and `Err`.

use core::time::Duration;

use super::{
    Address, List, MediaType, Message, Name, ParseError, Reason, RetryAfter, TimestampValue, Uri, Via, scan,
    values,
};

/// One element of Contact (RFC 3261 §20.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact<'a> {
    /// `*`: all bindings, in a REGISTER.
    Star,
    /// An address with parameters.
    Address(Address<'a>),
}

impl Message {
    /// The Request-URI, opened.
    ///
    /// # Errors
    /// As [`Uri::parse`]; for a response too.
    pub fn parse_request_uri(&self) -> Result<Uri<'_>, ParseError> {
        Uri::parse(self.request_uri().unwrap_or_default())
    }

    /// The topmost Via.
    ///
    /// # Errors
    /// When there is none, or it is malformed.
    pub fn top_via(&self) -> Result<Via<'_>, ParseError> {
        let value = self.required(Name::Via)?;
        let (first, _) = scan::split_outside(value, b',');
        Via::parse(first).map_err(|fault| self.place(fault, Name::Via))
    }

    /// All Via values, topmost first.
    pub fn via(&self) -> impl Iterator<Item = Result<Via<'_>, ParseError>> {
        self.elements(Name::Via)
            .map(|value| Via::parse(value).map_err(|f| self.place_in(f, Name::Via, value)))
    }

    /// From: who sent the request.
    ///
    /// # Errors
    /// When it is absent or malformed.
    pub fn from(&self) -> Result<Address<'_>, ParseError> {
        self.address(Name::From)
    }

    /// To: whom the request is for.
    ///
    /// # Errors
    /// When it is absent or malformed.
    pub fn to(&self) -> Result<Address<'_>, ParseError> {
        self.address(Name::To)
    }

    /// Call-ID, compared byte by byte; empty when absent, which a parsed message never is.
    pub fn call_id(&self) -> &str {
        self.value(Name::CallId).unwrap_or_default()
    }

    /// All Contact elements.
    pub fn contacts(&self) -> impl Iterator<Item = Result<Contact<'_>, ParseError>> {
        self.elements(Name::Contact).map(|value| match value {
            "*" => Ok(Contact::Star),
            _ => Address::parse(value)
                .map(Contact::Address)
                .map_err(|f| self.place_in(f, Name::Contact, value)),
        })
    }

    /// The first Contact's address.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn contact(&self) -> Result<Option<Address<'_>>, ParseError> {
        let first = self.value(Name::Contact).and_then(|value| List::new(value).next());
        match first.or_else(|| self.elements(Name::Contact).next()) {
            None | Some("*") => Ok(None),
            Some(value) => match Address::parse(value) {
                Ok(address) => Ok(Some(address)),
                Err(fault) => Err(self.place_in(fault, Name::Contact, value)),
            },
        }
    }

    /// All Route elements, in order.
    pub fn routes(&self) -> impl Iterator<Item = Result<Address<'_>, ParseError>> {
        self.addresses(Name::Route)
    }

    /// All Record-Route elements, in order.
    pub fn record_routes(&self) -> impl Iterator<Item = Result<Address<'_>, ParseError>> {
        self.addresses(Name::RecordRoute)
    }

    /// P-Asserted-Identity (RFC 3325 §9.1).
    pub fn asserted_identities(&self) -> impl Iterator<Item = Result<Address<'_>, ParseError>> {
        self.addresses(Name::PAssertedIdentity)
    }

    /// Max-Forwards (§20.22).
    ///
    /// # Errors
    /// When it is no number up to 255.
    pub fn max_forwards(&self) -> Result<Option<u8>, ParseError> {
        self.parsed(Name::MaxForwards, |value| values::number(value, "a number up to 255"))
    }

    /// Content-Length in bytes (§20.14).
    ///
    /// # Errors
    /// When it is no number that fits 32 bits.
    pub fn content_length(&self) -> Result<Option<u32>, ParseError> {
        self.parsed(Name::ContentLength, |value| values::number(value, "a length in bytes"))
    }

    /// Content-Type (§20.15).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn content_type(&self) -> Result<Option<MediaType<'_>>, ParseError> {
        self.parsed(Name::ContentType, MediaType::parse)
    }

    /// Expires (§20.19).
    ///
    /// # Errors
    /// When it is no number of seconds that fits 32 bits.
    pub fn expires(&self) -> Result<Option<Duration>, ParseError> {
        self.parsed(Name::Expires, values::seconds)
    }

    /// Retry-After (§20.33).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn retry_after(&self) -> Result<Option<RetryAfter<'_>>, ParseError> {
        self.parsed(Name::RetryAfter, RetryAfter::parse)
    }

    /// Timestamp (§20.38).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn timestamp(&self) -> Result<Option<TimestampValue<'_>>, ParseError> {
        self.parsed(Name::Timestamp, TimestampValue::parse)
    }

    /// All Reason values (RFC 3326).
    pub fn reasons(&self) -> impl Iterator<Item = Result<Reason<'_>, ParseError>> {
        self.elements(Name::Reason)
            .map(|value| Reason::parse(value).map_err(|f| self.place_in(f, Name::Reason, value)))
    }

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

    /// The comma-separated elements of all lines with this name.
    pub fn elements(&self, name: Name) -> impl Iterator<Item = &str> {
        self.values(name).flat_map(List::new)
    }

    fn addresses(&self, name: Name) -> impl Iterator<Item = Result<Address<'_>, ParseError>> {
        self.elements(name).map(move |value| Address::parse(value).map_err(|f| self.place_in(f, name, value)))
    }

    fn address(&self, name: Name) -> Result<Address<'_>, ParseError> {
        Address::parse(self.required(name)?).map_err(|fault| self.place(fault, name))
    }

    fn required(&self, name: Name) -> Result<&str, ParseError> {
        self.value(name).ok_or(ParseError { expected: "the header", header: Some(name), at: 0 })
    }

    fn parsed<'a, T>(
        &'a self,
        name: Name,
        parse: impl FnOnce(&'a str) -> Result<T, ParseError>,
    ) -> Result<Option<T>, ParseError> {
        self.value(name).map(|value| parse(value).map_err(|fault| self.place(fault, name))).transpose()
    }

    /// Checks what a receiver relies on before it acts: text that is text, the topmost Via, From, To, Max-Forwards.
    pub(super) fn check_received(&self) -> Result<(), ParseError> {
        let head = self.bytes.get(..self.body_at).unwrap_or_default();
        if !head.is_ascii() && core::str::from_utf8(head).is_err() {
            return Err(ParseError::new("UTF-8 text", 0));
        }
        let value = self.required(Name::Via)?;
        let (top, _) = scan::split_outside(value, b',');
        let placed = |fault| self.place(fault, Name::Via);
        Via::parse(top).map_err(placed)?.check(top).map_err(placed)?;
        for name in [Name::From, Name::To] {
            let value = self.required(name)?;
            let placed = |fault| self.place(fault, name);
            Address::parse(value).map_err(placed)?.params.check(scan::trim(value)).map_err(placed)?;
        }
        self.max_forwards()?;
        Ok(())
    }

    /// A fault in the first line of `name`, placed in the message.
    fn place(&self, fault: ParseError, name: Name) -> ParseError {
        fault.within(name, self.first_line(name).map_or(0, |line| usize::from(line.value.at)))
    }

    /// A fault in `value`, which lies somewhere in this message.
    fn place_in(&self, fault: ParseError, name: Name, value: &str) -> ParseError {
        fault.within(name, (value.as_ptr() as usize).saturating_sub(self.bytes.as_ptr() as usize))
    }
}
