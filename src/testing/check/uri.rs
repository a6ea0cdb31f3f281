//! URIs: what is read, written, compared; and text that is escaped.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::message::{Component, Params, Uri, escape, octets, unescape};

/// Reads `input` as two URIs, parted at the first octet 0, or as one and itself; and escapes both as text.
///
/// # Panics
/// When something of the crate does; when a URI is not what it is written and parsed as; when equality is not reflexive and symmetric; or when
/// what is escaped is not what is unescaped.
pub fn check_uri(input: &[u8]) {
    let mut parts = input.splitn(2, |octet| *octet == 0);
    let Ok(one) = core::str::from_utf8(parts.next().unwrap_or_default()) else { return };
    let Ok(two) = parts.next().map_or(Ok(one), core::str::from_utf8) else { return };
    for text in [one, two] {
        check_escapes(text);
        match Uri::parse(text) {
            Ok(uri) => check_parsed(&uri),
            Err(fault) => assert!(fault.at <= text.len(), "{fault} lies outside of {text:?}"),
        }
    }
    if let (Ok(one), Ok(two)) = (Uri::parse(one), Uri::parse(two)) {
        assert_eq!(one.equals(&two), two.equals(&one), "{one} and {two}");
        assert!(one != two || one.equals(&two), "{one} and {two}");
    }
}

fn check_parsed(uri: &Uri<'_>) {
    let written = uri.to_string();
    let again = Uri::parse(&written);
    assert_eq!(again.as_ref(), Ok(uri), "written as {written:?}");
    assert!(uri.equals(uri), "{uri:?}");
    assert!(again.is_ok_and(|again| again.equals(uri) && again.to_string() == written));
    _ = uri.scheme();
    if let Some(sip) = uri.sip() {
        _ = (sip.transport(), sip.maddr(), sip.ttl(), sip.method(), sip.phone(), sip.gruu());
        _ = (sip.is_loose(), sip.is_outbound(), sip.header_fields().count());
        check_params(sip.params);
        for field in sip.header_fields() {
            assert!(!field.name.is_empty());
            check_unescaped(field.value);
        }
    }
    if let Some(tel) = uri.tel() {
        _ = (tel.digits().count(), tel.phone_context(), tel.extension(), tel.isdn_subaddress());
        _ = (tel.is_global(), tel.mandatory().count());
        check_params(tel.params);
    }
}

/// Parameters are found by their names: the first one of each.
fn check_params(params: Params<'_>) {
    for param in params.iter().take(64) {
        assert!(params.get(param.name).is_some(), "{}", param.name);
    }
    let written: Vec<_> = params.iter().map(|param| param.to_string()).collect();
    assert!(Params::new(&written.concat()).iter().eq(params.iter()), "{params:?}");
}

/// Unescaping gives the octets, and borrows what has no escapes.
fn check_unescaped(text: &str) {
    match unescape(text) {
        Some(plain) => assert!(plain.bytes().eq(octets(text)), "{text:?}"),
        None => assert!(core::str::from_utf8(&octets(text).collect::<Vec<_>>()).is_err(), "{text:?}"),
    }
}

/// What is escaped is unescaped as it was, and stands in its component.
fn check_escapes(text: &str) {
    check_unescaped(text);
    for component in [Component::User, Component::Password, Component::Parameter, Component::Header] {
        let written = escape(text, component).to_string();
        assert_eq!(unescape(&written).as_deref(), Some(text), "{written:?}");
        if text.is_empty() {
            continue;
        }
        let whole = match component {
            Component::User => alloc::format!("sip:{written}@h"),
            Component::Password => alloc::format!("sip:u:{written}@h"),
            Component::Parameter => alloc::format!("sip:h;{written}={written}"),
            Component::Header => alloc::format!("sip:h?{written}={written}"),
        };
        let uri = Uri::parse(&whole).ok().and_then(Uri::sip).expect("what is escaped has its place");
        let found = match component {
            Component::User => uri.user,
            Component::Password => uri.password,
            Component::Parameter => uri.params.value(&written),
            Component::Header => uri.header_fields().next().map(|field| field.value),
        };
        assert_eq!(found, Some(&*written), "{whole}");
    }
}
