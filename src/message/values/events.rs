//! Event packages, subscriptions, REFER and INFO (RFC 6665, RFC 4488, RFC 6086).

use core::fmt;
use core::time::Duration;

use super::cursor::Cursor;
use super::time::{SECONDS, span};
use crate::message::{Params, ParseError};

/// `Event` (RFC 6665 §8.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPackage<'a> {
    /// The package and its templates: `presence.winfo`. Compared byte by byte.
    pub name: &'a str,
    /// `id` and others.
    pub params: Params<'a>,
}

impl<'a> EventPackage<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where the name or a template is no token, or a parameter is none.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        let start = cursor;
        let name = cursor.token("an event package")?;
        if name.split('.').any(str::is_empty) {
            return Err(start.fault("an event package"));
        }
        Ok(Self { name, params: cursor.params()? })
    }

    /// The package without its templates.
    pub fn package(&self) -> &'a str {
        self.name.split_once('.').map_or(self.name, |(package, _)| package)
    }

    /// The templates behind the package.
    pub fn templates(&self) -> impl Iterator<Item = &'a str> {
        self.name.split('.').skip(1)
    }

    /// The `id` parameter, which tells subscriptions of one dialog apart.
    pub fn id(&self) -> Option<&'a str> {
        self.params.value("id")
    }
}

impl fmt::Display for EventPackage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.params)
    }
}

/// `Subscription-State` (RFC 6665 §8.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionState<'a> {
    /// What has become of the subscription.
    pub state: Substate<'a>,
    /// `reason`, `expires`, `retry-after` and others.
    pub params: Params<'a>,
}

/// What has become of a subscription (RFC 6665 §4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Substate<'a> {
    /// Accepted and authorised.
    Active,
    /// Received, not yet authorised.
    Pending,
    /// Over.
    Terminated,
    /// Another token.
    Other(&'a str),
}

impl<'a> Substate<'a> {
    fn of(token: &'a str) -> Self {
        let known = [Self::Active, Self::Pending, Self::Terminated];
        let same = known.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(token));
        same.unwrap_or(Self::Other(token))
    }

    /// The token.
    pub fn as_str(self) -> &'a str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Terminated => "terminated",
            Self::Other(token) => token,
        }
    }
}

impl<'a> SubscriptionState<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where the state is no token, or a number of seconds does not fit 32 bits.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        let state = Substate::of(cursor.token("a subscription state")?);
        let params = cursor.params()?;
        cursor.param(params, "expires", SECONDS, span)?;
        cursor.param(params, "retry-after", SECONDS, span)?;
        Ok(Self { state, params })
    }

    /// Whether the subscription is over.
    pub fn is_terminated(&self) -> bool {
        self.state == Substate::Terminated
    }

    /// Why the subscription is over: `deactivated`, `probation`, `rejected`, `timeout`, `giveup`, `noresource`, `invariant` and others.
    pub fn reason(&self) -> Option<&'a str> {
        self.params.value("reason")
    }

    /// How long the subscription still lasts.
    pub fn expires(&self) -> Option<Duration> {
        self.params.value("expires").and_then(span)
    }

    /// How long to wait before the next subscription.
    pub fn retry_after(&self) -> Option<Duration> {
        self.params.value("retry-after").and_then(span)
    }
}

impl fmt::Display for SubscriptionState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.state.as_str(), self.params)
    }
}

/// `Refer-Sub`: whether a REFER makes a subscription (RFC 4488 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferSub<'a> {
    /// Whether it does.
    pub subscribe: bool,
    /// None are defined.
    pub params: Params<'a>,
}

impl<'a> ReferSub<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where it is neither `true` nor `false`.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        let start = cursor;
        let subscribe = match cursor.token("true or false")? {
            yes if yes.eq_ignore_ascii_case("true") => true,
            no if no.eq_ignore_ascii_case("false") => false,
            _ => return Err(start.fault("true or false")),
        };
        Ok(Self { subscribe, params: cursor.params()? })
    }
}

impl fmt::Display for ReferSub<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.subscribe, self.params)
    }
}

/// `Info-Package`, and one element of `Recv-Info` (RFC 6086 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InfoPackage<'a> {
    /// The package. Compared byte by byte (§7.2).
    pub name: &'a str,
    /// The package's own parameters.
    pub params: Params<'a>,
}

impl<'a> InfoPackage<'a> {
    /// The value that is all of `value`.
    ///
    /// # Errors
    /// Where the name is no token, or a parameter is none.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        let name = cursor.token("an Info Package")?;
        Ok(Self { name, params: cursor.params()? })
    }
}

impl fmt::Display for InfoPackage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn fault<T>(result: Result<T, ParseError>) -> (&'static str, usize) {
        result.map(|_| ()).map_err(|fault| (fault.expected, fault.at)).unwrap_err()
    }

    // Holds: 6665-8.2.1-2
    #[test]
    fn events_are_packages_and_templates() {
        // RFC 6665 §8.2.1, §8.4.
        let event = EventPackage::parse("presence.winfo.winfo ;id=7").unwrap();
        assert_eq!((event.package(), event.id()), ("presence", Some("7")));
        assert_eq!(event.templates().collect::<Vec<_>>(), ["winfo", "winfo"]);
        assert_eq!(event.to_string(), "presence.winfo.winfo;id=7");
        for none in ["", ".", "a.", ".a", "a..b", "\"a\""] {
            assert_eq!(fault(EventPackage::parse(none)), ("an event package", 0), "{none}");
        }
        assert_eq!(fault(EventPackage::parse("refer;;")), ("a parameter name", 6));
    }

    #[test]
    fn states_of_a_subscription() {
        // RFC 6665 §4.1.3, §8.2.3.
        let state = SubscriptionState::parse("Active;expires=60").unwrap();
        assert_eq!((state.state, state.expires()), (Substate::Active, Some(Duration::from_secs(60))));
        assert_eq!(state.to_string(), "active;expires=60");
        let state = SubscriptionState::parse("terminated;reason=probation;retry-after=0").unwrap();
        assert_eq!((state.reason(), state.retry_after()), (Some("probation"), Some(Duration::ZERO)));
        assert_eq!(SubscriptionState::parse("waiting").unwrap().state, Substate::Other("waiting"));
        assert_eq!(fault(SubscriptionState::parse("active;expires=1h")), (SECONDS, 15));
        assert_eq!(fault(SubscriptionState::parse(";expires=1")), ("a subscription state", 0));
        assert_eq!(fault(SubscriptionState::parse("active, pending")), ("';'", 6));
    }

    #[test]
    fn refer_sub_is_a_truth_value() {
        // RFC 4488 §4.
        assert!(!ReferSub::parse("false").unwrap().subscribe);
        assert_eq!(ReferSub::parse("TRUE;x=y").unwrap().to_string(), "true;x=y");
        assert_eq!(fault(ReferSub::parse("no")), ("true or false", 0));
    }

    #[test]
    fn info_packages() {
        // RFC 6086 §7.
        assert_eq!(InfoPackage::parse("foo").unwrap().name, "foo");
        assert_eq!(InfoPackage::parse("foo ; x").unwrap().to_string(), "foo; x");
        assert_eq!(fault(InfoPackage::parse("")), ("an Info Package", 0));
        assert_eq!(fault(InfoPackage::parse("foo bar")), ("';'", 4));
    }
}
