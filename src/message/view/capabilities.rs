//! Methods, extensions and what a caller prefers. Tokens come as they were written: one that is none is one that nobody knows.

use crate::message::lanes::{self, Lanes};
use crate::message::{FeatureSet, List, Message, Name, ParseError, scan};

impl Message {
    /// The methods in Allow (§20.5).
    pub fn allow(&self) -> impl Iterator<Item = &str> {
        self.elements(Name::Allow)
    }

    /// Whether Allow names a method, spelt exactly so (§7.1).
    pub fn allows(&self, method: &str) -> bool {
        self.says_it_allows(method) == Some(true)
    }

    /// The same; `None` where there is no Allow.
    pub(crate) fn says_it_allows(&self, method: &str) -> Option<bool> {
        let mut values = self.lines_of(Name::Allow).map(|line| self.raw(line.value));
        let first = values.next()?;
        Some(lists(first, method) || values.any(|value| lists(value, method)))
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
fn lists(value: &[u8], element: &str) -> bool {
    let Some(first) = element.bytes().next() else { return false };
    let begins_or_hides = |lanes: Lanes| lanes.is(first) | lanes.is(b'"') | lanes.is(b'<');
    let Some(at) = lanes::position(value, begins_or_hides) else { return false };
    let (before, from) = value.split_at_checked(at).unwrap_or_default();
    let is_apart = |octet: Option<&u8>| octet.is_none_or(|octet| *octet == b',');
    let begins = is_apart(before.iter().rfind(|octet| !scan::is_lws(**octet)));
    let ends = |after: &[u8]| is_apart(after.iter().find(|octet| !scan::is_lws(**octet)));
    let stands_apart = begins && from.strip_prefix(element.as_bytes()).is_some_and(ends);
    (stands_apart && scan::is_ascii(value)) || List::new(scan::text(value)).any(|listed| listed == element)
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
            assert_eq!(lists(text.as_bytes(), "UPDATE"), is_listed, "{text}");
        }
    }
}
