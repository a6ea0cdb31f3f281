//! Dates, waits and lifetimes.

use core::time::Duration;

use crate::message::{
    Date, Message, MinSe, Name, ParseError, RetryAfter, SessionExpires, TimestampValue, values,
};

impl Message {
    /// Date (§20.17).
    ///
    /// # Errors
    /// When it is malformed or its zone is not GMT.
    pub fn date(&self) -> Result<Option<Date>, ParseError> {
        self.parsed(Name::Date, Date::parse)
    }

    /// Expires (§20.19).
    ///
    /// # Errors
    /// When it is no number of seconds that fits 32 bits.
    pub fn expires(&self) -> Result<Option<Duration>, ParseError> {
        self.parsed(Name::Expires, values::seconds)
    }

    /// Min-Expires (§20.23).
    ///
    /// # Errors
    /// When it is no number of seconds that fits 32 bits.
    pub fn min_expires(&self) -> Result<Option<Duration>, ParseError> {
        self.parsed(Name::MinExpires, values::seconds)
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

    /// Session-Expires (RFC 4028 §4).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn session_expires(&self) -> Result<Option<SessionExpires<'_>>, ParseError> {
        self.parsed(Name::SessionExpires, SessionExpires::parse)
    }

    /// Min-SE (RFC 4028 §5).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn min_se(&self) -> Result<Option<MinSe<'_>>, ParseError> {
        self.parsed(Name::MinSe, MinSe::parse)
    }
}
