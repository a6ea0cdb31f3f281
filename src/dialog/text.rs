//! The text that a dialog keeps, in one buffer of its own size: a tag must not pin the datagram that it came in.

use alloc::boxed::Box;
use alloc::string::String;

use super::SipInfo;
use crate::message::{Address, List, ParseError};

/// Call-ID, both tags, both identities, both contacts, the route set.
#[derive(Clone, PartialEq)]
pub(super) struct Text {
    buffer: Box<str>,
    /// Where each field but the last ends. A field fits its message's head, and so does their sum two heads.
    ends: [u32; FIELDS],
}

const FIELDS: usize = 7;

#[derive(Clone, Copy)]
#[repr(usize)]
enum Field {
    CallId,
    LocalTag,
    RemoteTag,
    Local,
    Remote,
    LocalContact,
    RemoteTarget,
    Routes,
}

impl Text {
    /// Gathers the fields; of `identities` and `contacts` ours is the first.
    ///
    /// # Errors
    /// Where one of the routes is no address.
    pub(super) fn new<'a>(
        sip: SipInfo<'_>,
        identities: [Address<'_>; 2],
        contacts: [&str; 2],
        routes: impl Iterator<Item = &'a &'a str> + Clone,
    ) -> Result<Self, ParseError> {
        let sum = |len: usize, more: usize| len.saturating_add(more);
        // Of the routes, each with a separator but the first one, and in brackets as nearly all are.
        let routes_len = routes
            .clone()
            .map(|route| route.len())
            .reduce(|len, more| len.saturating_add(more).saturating_add(2));
        let [local, remote] = identities.each_ref().map(address_len);
        let length = [sip.call_id, sip.local_tag, sip.remote_tag].into_iter().chain(contacts).map(str::len);
        let length = length.chain([local, remote, routes_len.unwrap_or_default()]).fold(0, sum);
        let mut buffer = String::with_capacity(length);
        let mut ends = [0; FIELDS];
        let mut place = ends.iter_mut();
        let mut close = |buffer: &String| {
            if let Some(end) = place.next() {
                *end = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
            }
        };
        for field in [sip.call_id, sip.local_tag, sip.remote_tag] {
            buffer.push_str(field);
            close(&buffer);
        }
        for address in &identities {
            push_address(&mut buffer, address, "");
            close(&buffer);
        }
        for contact in contacts {
            buffer.push_str(contact);
            close(&buffer);
        }
        for (place, route) in routes.enumerate() {
            if place > 0 {
                buffer.push_str(", ");
            }
            let route = Address::parse(route)?;
            push_address(&mut buffer, &route, route.params.as_str());
        }
        Ok(Self { buffer: buffer.into(), ends })
    }

    pub(super) fn sip(&self) -> SipInfo<'_> {
        SipInfo {
            call_id: self.field(Field::CallId),
            local_tag: self.field(Field::LocalTag),
            remote_tag: self.field(Field::RemoteTag),
        }
    }

    pub(super) fn local(&self) -> &str {
        self.field(Field::Local)
    }

    pub(super) fn remote(&self) -> &str {
        self.field(Field::Remote)
    }

    pub(super) fn local_contact(&self) -> &str {
        self.field(Field::LocalContact)
    }

    pub(super) fn remote_target(&self) -> &str {
        self.field(Field::RemoteTarget)
    }

    /// The elements of the route set, as they were written.
    pub(super) fn routes(&self) -> List<'_> {
        List::new(self.field(Field::Routes))
    }

    /// Replaces our contact.
    pub(super) fn set_local_contact(&mut self, contact: &str) {
        self.replace(Field::LocalContact, contact);
    }

    /// Replaces the remote target.
    pub(super) fn set_remote_target(&mut self, target: &str) {
        self.replace(Field::RemoteTarget, target);
    }

    fn replace(&mut self, field: Field, text: &str) {
        let (start, end) = self.span(field);
        if self.field(field) == text {
            return;
        }
        let (head, tail) =
            (self.buffer.get(..start).unwrap_or_default(), self.buffer.get(end..).unwrap_or_default());
        let length = head.len().saturating_add(text.len()).saturating_add(tail.len());
        let mut buffer = String::with_capacity(length);
        for part in [head, text, tail] {
            buffer.push_str(part);
        }
        self.buffer = buffer.into();
        for later in self.ends.iter_mut().skip(field as usize) {
            let moved =
                (*later as usize).saturating_sub(end).saturating_add(start).saturating_add(text.len());
            *later = u32::try_from(moved).unwrap_or(u32::MAX);
        }
    }

    fn field(&self, field: Field) -> &str {
        let (start, end) = self.span(field);
        self.buffer.get(start..end).unwrap_or_default()
    }

    fn span(&self, field: Field) -> (usize, usize) {
        let index = field as usize;
        let end_of = |index: usize| self.ends.get(index).map_or(self.buffer.len(), |end| *end as usize);
        (index.checked_sub(1).map_or(0, end_of), end_of(index))
    }
}

/// How much [`push_address`] adds: the buffer is made as long as it will be, so that it need not move.
fn address_len(address: &Address<'_>) -> usize {
    let bare = address.raw_display_name.len().saturating_add(address.uri.len());
    let blank = usize::from(!address.raw_display_name.is_empty());
    bare.saturating_add(blank).saturating_add(2)
}

fn push_address(buffer: &mut String, address: &Address<'_>, params: &str) {
    if !address.raw_display_name.is_empty() {
        buffer.push_str(address.raw_display_name);
        buffer.push(' ');
    }
    buffer.push('<');
    buffer.push_str(address.uri);
    buffer.push('>');
    buffer.push_str(params);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn fields_stand_apart_and_the_target_can_change() {
        let sip = SipInfo { call_id: "c", local_tag: "l", remote_tag: "" };
        let local = Address::parse("\"A\" <sip:a@h>;tag=l").unwrap();
        let remote = Address::parse("sip:b@h").unwrap();
        let routes = ["<sip:p1;lr>;x=1", "<sip:p2;lr>"];
        let mut text = Text::new(sip, [local, remote], ["sip:a@1", "sip:b@2"], routes.iter()).unwrap();
        for target in ["sip:b@2", "sip:somewhere.else.example.com", ""] {
            text.set_remote_target(target);
            assert_eq!(text.sip(), sip);
            assert_eq!((text.local(), text.remote()), ("\"A\" <sip:a@h>", "<sip:b@h>"));
            assert_eq!((text.local_contact(), text.remote_target()), ("sip:a@1", target));
            assert_eq!(text.routes().collect::<Vec<_>>(), ["<sip:p1;lr>;x=1", "<sip:p2;lr>"]);
        }
    }
}
