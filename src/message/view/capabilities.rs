//! Methods, extensions and what a caller prefers. Tokens come as they were written: one that is none is one that nobody knows.

use crate::message::{FeatureSet, List, Message, Name, ParseError, scan};

impl Message {
    /// The methods in Allow (§20.5).
    pub fn allow(&self) -> impl Iterator<Item = &str> {
        self.elements(Name::Allow)
    }

    /// Whether Allow names a method, spelt exactly so (§7.1).
    pub fn allows(&self, method: &str) -> bool {
        self.values(Name::Allow).any(|value| lists(value, method))
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

/// Whether `element` is one of a comma-separated list. Where it stands by itself the list is not taken apart.
fn lists(value: &str, element: &str) -> bool {
    let Some(first) = element.bytes().next() else { return false };
    let Some(at) = scan::find(value, first) else { return false };
    let (before, from) = value.split_at_checked(at).unwrap_or_default();
    let is_plain = scan::find(before, b'"').is_none() && scan::find(before, b'<').is_none();
    let begins = scan::trim(before).bytes().last().is_none_or(|byte| byte == b',');
    let ends = |after: &str| scan::trim_start(after).bytes().next().is_none_or(|byte| byte == b',');
    let stands_apart = is_plain && begins && from.strip_prefix(element).is_some_and(ends);
    stands_apart || List::new(value).any(|listed| listed == element)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn the_shortcut_finds_what_the_list_has() {
        let pieces = ["UPDATE", "U", "UP", ",", " ", "\"", "<", "update", "\t"];
        // Every text of up to five pieces.
        for number in 0..pieces.len().pow(5) {
            let text: String =
                (0..5).map(|place| pieces[number / pieces.len().pow(place) % pieces.len()]).collect();
            let is_listed = List::new(&text).any(|element| element == "UPDATE");
            assert_eq!(lists(&text, "UPDATE"), is_listed, "{text}");
        }
    }
}
