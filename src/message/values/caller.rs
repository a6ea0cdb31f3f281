//! What a caller prefers of the callee's devices (RFC 3841 §9).

use core::fmt;

use super::cursor::Cursor;
use crate::message::{Param, Params, ParseError};

/// One element of `Accept-Contact` or `Reject-Contact`: features that a contact is held against (RFC 3841 §9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureSet<'a> {
    /// The features, `require`, `explicit` and others.
    pub params: Params<'a>,
}

impl<'a> FeatureSet<'a> {
    /// The one element that is all of `value`.
    ///
    /// # Errors
    /// Where it does not begin with `*`, or a parameter is none.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(value);
        cursor.literal("*", "'*'")?;
        Ok(Self { params: cursor.params()? })
    }

    /// Whether contacts that do not match are left out.
    pub fn require(&self) -> bool {
        self.params.get("require").is_some()
    }

    /// Whether a contact that is silent about a feature does not match.
    pub fn explicit(&self) -> bool {
        self.params.get("explicit").is_some()
    }

    /// The features: all parameters but `require` and `explicit`.
    pub fn features(&self) -> impl Iterator<Item = Param<'a>> {
        let is_rule = |name: &str| ["require", "explicit"].iter().any(|rule| rule.eq_ignore_ascii_case(name));
        self.params.iter().filter(move |param| !is_rule(param.name))
    }
}

impl fmt::Display for FeatureSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "*{}", self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    #[test]
    fn features_and_rules() {
        // RFC 3841 §9.2.
        let set = FeatureSet::parse("* ;audio;Require;methods=\"INVITE,BYE\"").unwrap();
        let features: Vec<_> = set.features().map(|feature| (feature.name, feature.value)).collect();
        assert_eq!(features, [("audio", None), ("methods", Some("\"INVITE,BYE\""))]);
        assert!(set.require() && !set.explicit());
        assert_eq!(set.to_string(), "*;audio;Require;methods=\"INVITE,BYE\"");
        assert!(FeatureSet::parse("*;video;explicit").unwrap().explicit());
        assert_eq!(FeatureSet::parse("*").unwrap().features().count(), 0);
        assert_eq!(FeatureSet::parse("audio").unwrap_err(), ParseError::new("'*'", 0));
        assert_eq!(FeatureSet::parse("*audio").unwrap_err(), ParseError::new("';'", 1));
    }
}
