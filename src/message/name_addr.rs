//! Addresses as a dialog keeps them: in brackets (RFC 3261 §12.1, §25.1 `name-addr`).
//!
//! Nearly all peers write them so already, and then they are taken as they stand.

use alloc::borrow::Cow;
use alloc::string::String;

use smallvec::SmallVec;

use super::{Address, List, Message, Name, ParseError, usual};

/// What stands between whom From or To names and the tag.
pub(crate) const TAG: &str = ";tag=";

/// Who one side is: `"Bob" <sip:bob@example.com>;tag=a6c8`, with no other parameters.
pub(crate) struct Party<'a> {
    text: Cow<'a, str>,
    name_addr: usize,
}

impl Party<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn name_addr(&self) -> &str {
        self.text.get(..self.name_addr).unwrap_or_default()
    }

    /// The tag with the name of the parameter; empty where there is none.
    pub(crate) fn tag(&self) -> &str {
        self.text.get(self.name_addr..).unwrap_or_default()
    }
}

impl Message {
    /// Whom the first line with this name, From or To, names.
    ///
    /// # Errors
    /// Where there is none or it is malformed.
    pub(crate) fn party(&self, name: Name) -> Result<Party<'_>, ParseError> {
        if let Some(line) = self.first_line(name)
            && let Some(end) = usual::party(&self.bytes, line.value)
        {
            let name_addr = end.wrapping_sub(line.value.at).into();
            return Ok(Party { text: Cow::Borrowed(self.text(line.value)), name_addr });
        }
        let address = self.address(name)?;
        let mut text = written(&address, "");
        let name_addr = text.len();
        if let Some(tag) = address.tag() {
            text.push_str(TAG);
            text.push_str(tag);
        }
        Ok(Party { text: Cow::Owned(text), name_addr })
    }

    /// The elements of Record-Route in their order, parameters and all: `<sip:p1.example.com;lr>;x=1`.
    ///
    /// # Errors
    /// Where one is malformed.
    pub(crate) fn recorded_routes(&self) -> Result<SmallVec<[Cow<'_, str>; 4]>, ParseError> {
        let mut routes = SmallVec::new();
        for line in self.lines_of(Name::RecordRoute) {
            if usual::is_route(&self.bytes, line.value) {
                routes.push(Cow::Borrowed(self.text(line.value)));
                continue;
            }
            for element in List::new(self.text(line.value)) {
                let parsed = Address::parse(element);
                let address = parsed.map_err(|fault| self.place_in(fault, Name::RecordRoute, element))?;
                routes.push(Cow::Owned(written(&address, address.params.as_str())));
            }
        }
        Ok(routes)
    }
}

/// Display name, URI in brackets, parameters.
fn written(address: &Address<'_>, params: &str) -> String {
    let name = address.raw_display_name;
    let blank = if name.is_empty() { "" } else { " " };
    [name, blank, "<", address.uri, ">", params].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn message(values: &[String; 3]) -> Option<Message> {
        let [from, first, second] = values;
        let text = alloc::format!(
            "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\
             Record-Route: {first}\r\nFrom: {from}\r\nRecord-Route: {second}\r\nContent-Length: 0\r\n\r\n"
        );
        Message::parse(text).ok()
    }

    /// What the views say.
    fn from_views(message: &Message) -> (Result<[String; 3], ParseError>, Result<Vec<String>, ParseError>) {
        let routes = message.record_routes();
        let party = |from: Address<'_>| {
            let tag = from.tag().map(|tag| alloc::format!(";tag={tag}")).unwrap_or_default();
            let name_addr = written(&from, "");
            [[&*name_addr, &*tag].concat(), name_addr, tag]
        };
        (
            message.from().map(party),
            routes.map(|route| route.map(|route| written(&route, route.params.as_str()))).collect(),
        )
    }

    /// Holds what is kept against the views; says what stood so already.
    fn hold(values: &[String; 3]) -> [bool; 2] {
        let Some(message) = message(values) else { return [false; 2] };
        let (from, routes) = (message.party(Name::From), message.recorded_routes());
        let is_borrowed = |text: &Cow<'_, str>| matches!(text, Cow::Borrowed(_));
        let stood = [
            from.as_ref().is_ok_and(|from| is_borrowed(&from.text)),
            routes.as_ref().is_ok_and(|routes| routes.iter().all(is_borrowed)),
        ];
        let routes = routes.map(|routes| routes.into_iter().map(Cow::into_owned).collect());
        let from = from.map(|from| [from.as_str(), from.name_addr(), from.tag()].map(String::from));
        assert_eq!((from, routes), from_views(&message), "{values:?}");
        stood
    }

    #[test]
    fn the_usual_form_is_kept_as_it_stands() {
        let cases = [
            ("\"Bob\" <sip:bob@h>;tag=1", [true; 2]),
            ("Bob B <sip:bob@h>", [true, false]),
            ("<sip:p1;lr>", [true; 2]),
            // Other parameters than a tag are left out of From.
            ("<sip:p1;lr>;x=y", [false, true]),
            ("<sip:p1;lr>;tag=y;x", [false, true]),
            ("\"Bob\"<sip:bob@h>", [false; 2]),
            ("Bob  <sip:bob@h>", [false; 2]),
            ("sip:bob@h;tag=1", [false; 2]),
            ("<sip:p1>, <sip:p2>", [false; 2]),
            ("<sip:p1>;x=\",\",<sip:p2>", [false; 2]),
        ];
        for (value, [from, route]) in cases {
            let stood = hold(&[value, value, "<sip:p0;lr>"].map(String::from));
            // A route with a display name is opened.
            assert_eq!(stood, [from, route && value.starts_with('<')], "{value}");
        }
        assert_eq!(hold(&["<sip:a@h>", "<sip:p1", "<sip:p2>"].map(String::from)), [true, false]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

        /// RFC 3261 §12.1: what a dialog keeps is what the headers say, of whatever a peer sends.
        #[test]
        fn what_is_kept_is_what_the_views_say(values in prop::array::uniform3(
            "(\"[a\\\\\" ]{0,3}\" ?|[aB\" \u{e9}]{0,3}|)<?(sip:[ab,;<>@\t]{1,4}|)>?([;,= \"<>ax\u{e9}]|;lr|;tag=ax|, <sip:p>){0,4}"
        )) {
            hold(&values);
        }
    }
}
