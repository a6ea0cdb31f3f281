//! Which of our attributes an answer may carry, and how, after what the offer carries.
//!
//! Most stand for themselves. Some are legal in an answer only when the offer has them, or has the same; some are
//! the offer's to choose.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::formats::{Common, payload_of};
use super::stream::{Attribute, Attributes};
use super::{Direction, write};

/// What an offer says at one level, as far as our attributes depend on it.
pub(super) struct Offered<'a> {
    known: BTreeSet<(&'a str, &'a str)>,
    mid: Option<&'a str>,
    setup: Option<&'a str>,
}

impl<'a> Offered<'a> {
    /// Reads the attributes of a stream; `session` is asked for what they may inherit.
    pub(super) fn of(attributes: Attributes<'a>, session: Option<&Self>) -> Self {
        let mut offered =
            Self { known: BTreeSet::new(), mid: None, setup: session.and_then(|session| session.setup) };
        for attribute in attributes {
            match attribute.name {
                "mid" => offered.mid = attribute.value,
                "setup" => offered.setup = attribute.value,
                _ => {}
            }
            if let Some(key) = key_of(&attribute) {
                offered.known.insert((attribute.name, key));
            }
        }
        offered
    }

    /// The stream's name, which an answer repeats (RFC 5888 §9.1).
    pub(super) fn mid(&self) -> Option<&'a str> {
        self.mid
    }

    /// Whether the offer has an attribute like this one of ours.
    pub(super) fn knows(&self, attribute: &Attribute<'_>) -> bool {
        key_of(attribute).is_some_and(|key| self.known.contains(&(attribute.name, key)))
    }

    /// Writes one of our attributes as the answer may have it, or leaves it out.
    pub(super) fn write(&self, out: &mut Vec<u8>, ours: &Attribute<'_>, common: Option<&Common<'_>>) {
        let whole = |out: &mut Vec<u8>, value: Option<&str>| match value {
            Some(value) => write::line(out, &[b"a=", ours.name.as_bytes(), b":", value.as_bytes()]),
            None => write::line(out, &[b"a=", ours.name.as_bytes()]),
        };
        match (ours.name, ours.value) {
            ("mid", _) => {}
            (name, None) if Direction::parse(name).is_some() => {}
            ("rtpmap" | "fmtp" | "rtcp-fb", Some(value)) => self.write_format(out, ours.name, value, common),
            ("setup", Some(value)) => whole(out, Some(self.role(value))),
            _ if key_of(ours).is_some() && !self.knows(ours) => {}
            (_, value) => whole(out, value),
        }
    }

    /// An attribute of one format, under the number that the offer gives it.
    fn write_format(&self, out: &mut Vec<u8>, name: &str, value: &str, common: Option<&Common<'_>>) {
        let Some((payload, rest)) = payload_of(value) else {
            return write::line(out, &[b"a=", name.as_bytes(), b":", value.as_bytes()]);
        };
        let Some(payload) = common.and_then(|common| common.renumbered(payload)) else { return };
        out.extend_from_slice(b"a=");
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        write::number(out, payload.into());
        write::line(out, &[rest.as_bytes()]);
    }

    /// Who opens the connection: an answer says `active` or `passive`, the other of what the offer says (RFC 4145 §4.1).
    fn role<'b>(&self, ours: &'b str) -> &'b str {
        match self.setup {
            Some("active") => "passive",
            Some("passive") => "active",
            _ if ours == "actpass" => "active",
            _ => ours,
        }
    }
}

/// For an attribute that an answer has only when the offer does: what has to be the same in both. RFC 5761 §5.1.1 (`rtcp-mux`),
/// 5506 §5.1 (`rtcp-rsize`), 9143 §6 (`bundle-only`), 5888 §9.1 (`group`), 8285 §7 (`extmap`), 4568 §5.1.2 (`crypto`).
fn key_of<'a>(attribute: &Attribute<'a>) -> Option<&'a str> {
    let value = attribute.value.unwrap_or_default();
    match attribute.name {
        "rtcp-mux" | "rtcp-rsize" | "bundle-only" => Some(""),
        "group" | "extmap" => Some(value),
        // The tag and the suite; the key is each side's own.
        "crypto" => {
            let second = value.find(' ').and_then(|space| {
                let rest = space.saturating_add(1);
                value.get(rest..)?.find(' ').map(|end| end.saturating_add(rest))
            });
            Some(second.and_then(|end| value.get(..end)).unwrap_or(value))
        }
        _ => None,
    }
}
