//! One header value, alone and in a message.

use alloc::vec::Vec;

use bytes::Bytes;

use super::views::{read_views, rewritten, views_of};
use crate::limits::Limits;
use crate::message::{Datagram, Name};

/// The headers without which a message is none.
const USUAL: [(Name, &str); 6] = [
    (Name::Via, "SIP/2.0/UDP h;branch=z9hG4bK1"),
    (Name::MaxForwards, "70"),
    (Name::From, "<sip:a@h>;tag=1"),
    (Name::To, "<sip:b@h>"),
    (Name::CallId, "c"),
    (Name::CSeq, "1 OPTIONS"),
];

/// Reads the octets behind the first as the value of a header, which the first one chooses by its number: [`Name::all`], then one
/// that no RFC knows.
///
/// # Panics
/// When something of the crate does; when a value is not parsed as what is written of it; or when strict validation finds nothing in a value
/// that its view refuses.
pub fn check_header(octets: &[u8]) {
    let Some((choice, value)) = octets.split_first() else { return };
    let name = Name::all().nth((*choice).into()).unwrap_or(Name::Unknown);
    if let Some(Err(fault)) = core::str::from_utf8(value).ok().and_then(|text| rewritten(name, text)) {
        _ = alloc::format!("{fault}");
    }
    match Datagram::read(Bytes::from(request(name, value)), &Limits::DEFAULT) {
        Datagram::Valid(message) | Datagram::Broken(message, _) => {
            read_views(&message);
            // Without a header: the whole head is no UTF-8, or not in lines.
            if message.findings().all(|finding| finding.fault.header.is_some_and(|other| other != name)) {
                assert_eq!(
                    views_of(&message, name),
                    Ok(()),
                    "{name:?} is strict in {}",
                    message.as_bytes().escape_ascii()
                );
            }
        }
        Datagram::KeepAlive(_) | Datagram::NotSip(_) => {}
    }
}

/// A request with this header, and the usual ones.
fn request(name: Name, value: &[u8]) -> Vec<u8> {
    let mut request = Vec::from(&b"OPTIONS sip:b@h SIP/2.0\r\n"[..]);
    let usual = USUAL.into_iter().filter(|(usual, _)| *usual != name);
    let usual = usual.map(|(name, value)| (name.as_str(), value.as_bytes()));
    let own = if name == Name::Unknown { "X-Any" } else { name.as_str() };
    for (name, value) in usual.chain([(own, value)]) {
        request.extend_from_slice(name.as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}
