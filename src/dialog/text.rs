//! The text that a dialog keeps, in one buffer of its own size: a tag must not pin the datagram that it came in.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;

use super::SipInfo;
use crate::message::{List, Party, TAG};

/// Call-ID, both identities with their tags, both contacts, the route set.
#[derive(Clone, PartialEq)]
pub(super) struct Text {
    buffer: Box<str>,
    /// Where each field but the last ends. A field fits its message's head, and so does their sum two heads.
    ends: [u32; FIELDS],
}

const FIELDS: usize = 7;

/// What stands behind each route: elements of a list that are empty do not count.
const SEPARATOR: &str = ",";

#[derive(Clone, Copy)]
#[repr(usize)]
enum Field {
    CallId,
    Local,
    LocalTag,
    Remote,
    RemoteTag,
    LocalContact,
    RemoteTarget,
    Routes,
}

impl Text {
    /// Gathers the fields; of `parties` and `contacts` ours is the first.
    pub(super) fn new<'a>(
        call_id: &str,
        parties: [&Party<'_>; 2],
        contacts: [&str; 2],
        routes: impl Iterator<Item = &'a Cow<'a, str>> + Clone,
    ) -> Self {
        let ([local, remote], [local_contact, remote_target]) = (parties, contacts);
        let joined = routes.clone().map(|route| route.len().wrapping_add(SEPARATOR.len()));
        let fields = [
            call_id.len(),
            local.name_addr().len(),
            local.tag().len(),
            remote.name_addr().len(),
            remote.tag().len(),
            local_contact.len(),
            remote_target.len(),
        ];
        let mut length = 0_usize;
        let ends = fields.map(|field| {
            length = length.wrapping_add(field);
            length as u32
        });
        let mut buffer = String::with_capacity(joined.fold(length, usize::wrapping_add));
        for part in [call_id, local.as_str(), remote.as_str(), local_contact, remote_target] {
            buffer.push_str(part);
        }
        for route in routes {
            buffer.push_str(route);
            buffer.push_str(SEPARATOR);
        }
        Self { buffer: buffer.into(), ends }
    }

    pub(super) fn sip(&self) -> SipInfo<'_> {
        SipInfo {
            call_id: self.field(Field::CallId),
            local_tag: self.local_tag(),
            remote_tag: self.tag(Field::RemoteTag),
        }
    }

    pub(super) fn local_tag(&self) -> &str {
        self.tag(Field::LocalTag)
    }

    pub(super) fn local(&self) -> &str {
        self.field(Field::Local)
    }

    pub(super) fn remote(&self) -> &str {
        self.field(Field::Remote)
    }

    /// Our identity and our tag, as From carries them.
    pub(super) fn local_party(&self) -> &str {
        self.fields(Field::Local, Field::LocalTag)
    }

    /// The peer's identity and its tag, as To carries them.
    pub(super) fn remote_party(&self) -> &str {
        self.fields(Field::Remote, Field::RemoteTag)
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
        self.fields(field, field)
    }

    fn fields(&self, first: Field, last: Field) -> &str {
        let ((start, _), (_, end)) = (self.span(first), self.span(last));
        self.buffer.get(start..end).unwrap_or_default()
    }

    /// A tag without the name of its parameter.
    fn tag(&self, field: Field) -> &str {
        let (start, end) = self.span(field);
        self.buffer.get(start.saturating_add(TAG.len())..end).unwrap_or_default()
    }

    fn span(&self, field: Field) -> (usize, usize) {
        let index = field as usize;
        let end_of = |index: usize| self.ends.get(index).map_or(self.buffer.len(), |end| *end as usize);
        (index.checked_sub(1).map_or(0, end_of), end_of(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Message, Name};
    use alloc::vec::Vec;

    #[test]
    fn fields_stand_apart_and_the_target_can_change() {
        let text = "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: \"A\" <sip:a@h>;tag=l\r\nTo: <sip:b@h>\r\n\
            Call-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n";
        let message = Message::parse(text).unwrap();
        let [local, remote] = [Name::From, Name::To].map(|name| message.party(name).unwrap());
        let sip = SipInfo { call_id: "c", local_tag: "l", remote_tag: "" };
        let routes = ["<sip:p1;lr>;x=1", "<sip:p2;lr>"].map(Cow::Borrowed);
        let mut text = Text::new("c", [&local, &remote], ["sip:a@1", "sip:b@2"], routes.iter());
        for target in ["sip:b@2", "sip:somewhere.else.example.com", ""] {
            text.set_remote_target(target);
            assert_eq!(text.sip(), sip);
            assert_eq!((text.local(), text.remote()), ("\"A\" <sip:a@h>", "<sip:b@h>"));
            assert_eq!((text.local_party(), text.remote_party()), ("\"A\" <sip:a@h>;tag=l", "<sip:b@h>"));
            assert_eq!((text.local_contact(), text.remote_target()), ("sip:a@1", target));
            assert_eq!(text.routes().collect::<Vec<_>>(), ["<sip:p1;lr>;x=1", "<sip:p2;lr>"]);
        }
    }
}
