//! Where a message comes from and where it goes: Request-URI, Via, From, To, Contact, Route and their kin.

use crate::message::{Address, Contact, List, Message, Name, ParseError, Uri, Via, scan, values};

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

    /// All Path elements, in order (RFC 3327 §4).
    pub fn paths(&self) -> impl Iterator<Item = Result<Address<'_>, ParseError>> {
        self.addresses(Name::Path)
    }

    /// All Service-Route elements, in order (RFC 3608 §5).
    pub fn service_routes(&self) -> impl Iterator<Item = Result<Address<'_>, ParseError>> {
        self.addresses(Name::ServiceRoute)
    }

    /// Max-Forwards (§20.22).
    ///
    /// # Errors
    /// When it is no number up to 255.
    pub fn max_forwards(&self) -> Result<Option<u8>, ParseError> {
        self.parsed(Name::MaxForwards, |value| values::number(value, "a number up to 255"))
    }
}
