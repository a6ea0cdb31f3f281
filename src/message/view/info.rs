//! What a message tells people and applications.

use crate::message::{Link, Message, Name, ParseError, Reason, UserToUser, Warning, scan, values};

impl Message {
    /// User-Agent as it was written (§20.41).
    pub fn user_agent(&self) -> Option<&str> {
        self.value(Name::UserAgent)
    }

    /// Server as it was written (§20.35).
    pub fn server(&self) -> Option<&str> {
        self.value(Name::Server)
    }

    /// Subject as it was written (§20.36).
    pub fn subject(&self) -> Option<&str> {
        self.value(Name::Subject)
    }

    /// Organization as it was written (§20.25).
    pub fn organization(&self) -> Option<&str> {
        self.value(Name::Organization)
    }

    /// Priority: `emergency`, `urgent`, `normal`, `non-urgent` or another token (§20.26).
    ///
    /// # Errors
    /// When it is no token.
    pub fn priority(&self) -> Result<Option<&str>, ParseError> {
        self.parsed(Name::Priority, |value| values::token(value, "a priority"))
    }

    /// The Call-IDs in In-Reply-To (§20.21).
    pub fn in_reply_to(&self) -> impl Iterator<Item = Result<&str, ParseError>> {
        // A Call-ID may have quotes and brackets, which hide no comma.
        let ids = self.values(Name::InReplyTo).flat_map(|value| value.split(',')).map(scan::trim);
        ids.filter(|id| !id.is_empty()).map(|id| match values::is_call_id(id) {
            true => Ok(id),
            false => Err(self.place_in(ParseError::new("a Call-ID", 0), Name::InReplyTo, id)),
        })
    }

    /// All Reason values (RFC 3326).
    pub fn reasons(&self) -> impl Iterator<Item = Result<Reason<'_>, ParseError>> {
        self.elements(Name::Reason)
            .map(|value| Reason::parse(value).map_err(|f| self.place_in(f, Name::Reason, value)))
    }

    /// All Warning values (§20.43).
    pub fn warnings(&self) -> impl Iterator<Item = Result<Warning<'_>, ParseError>> {
        self.each(Name::Warning, Warning::parse)
    }

    /// All Alert-Info elements (§20.4).
    pub fn alert_info(&self) -> impl Iterator<Item = Result<Link<'_>, ParseError>> {
        self.each(Name::AlertInfo, Link::parse)
    }

    /// All Call-Info elements (§20.9).
    pub fn call_info(&self) -> impl Iterator<Item = Result<Link<'_>, ParseError>> {
        self.each(Name::CallInfo, Link::parse)
    }

    /// All Error-Info elements (§20.18).
    pub fn error_info(&self) -> impl Iterator<Item = Result<Link<'_>, ParseError>> {
        self.each(Name::ErrorInfo, Link::parse)
    }

    /// All User-to-User values (RFC 7433 §4.1).
    pub fn user_to_user(&self) -> impl Iterator<Item = Result<UserToUser<'_>, ParseError>> {
        self.each(Name::UserToUser, UserToUser::parse)
    }
}
