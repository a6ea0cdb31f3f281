//! Equality of URIs: RFC 3261 §19.1.4 with RFC 5954 §4.2, and RFC 3966 §4.
//!
//! Parameters and header fields compare in any order. Nothing is allocated: up to [`MOST`] of them are sorted on the stack;
//! longer lists are equal only if they are in the same order. So the work grows with the length of the two texts, times a
//! constant, whatever a peer writes.

use core::cmp::Ordering;

use super::escape::{Unit, octets, units};
use super::tel::is_visual_separator;
use super::{Host, SipUri, TelUri, Uri, UriHeader};
use crate::message::{Address, Name, Param, Params};

/// How many parameters, or header fields, of one URI are compared without regard to their order.
const MOST: usize = 64;

impl Uri<'_> {
    /// Whether both URIs are equivalent.
    ///
    /// * SIP and SIPS URIs by RFC 3261 §19.1.4: user and password with case, everything else without; an escape is its
    ///   character unless that is reserved; nothing absent equals its default; transport, user, ttl, method and maddr
    ///   parameters must be in both or in none, others only match where both have them; header fields must all match.
    ///   A SIP URI never equals a SIPS URI.
    /// * Telephone numbers by RFC 3966 §4: without visual separators and case, with the same parameters.
    /// * Others byte by byte behind the scheme.
    ///
    /// This is reflexive and symmetric, but **not transitive**: two URIs with different unknown parameters both equal
    /// the one without, and not each other. `==` compares the text of the parts instead.
    ///
    /// More than 64 parameters, or header fields, must be in the same order.
    ///
    /// ```
    /// use sip_proto::message::Uri;
    ///
    /// let one = Uri::parse("sip:%61lice@atlanta.com;transport=TCP")?;
    /// assert!(one.equals(&Uri::parse("sip:alice@AtLanTa.CoM;Transport=tcp")?));
    /// assert!(!one.equals(&Uri::parse("sip:ALICE@atlanta.com;transport=TCP")?));
    /// # Ok::<(), sip_proto::message::ParseError>(())
    /// ```
    pub fn equals(&self, other: &Uri<'_>) -> bool {
        match (self, other) {
            (Self::Sip(one), Uri::Sip(two)) => one.equals(two),
            (Self::Tel(one), Uri::Tel(two)) => one.equals(two),
            (Self::Other { scheme, opaque }, Uri::Other { scheme: other_scheme, opaque: other_opaque }) => {
                scheme.eq_ignore_ascii_case(other_scheme) && opaque == other_opaque
            }
            (Self::Sip(_), Uri::Tel(_) | Uri::Other { .. })
            | (Self::Tel(_), Uri::Sip(_) | Uri::Other { .. })
            | (Self::Other { .. }, Uri::Sip(_) | Uri::Tel(_)) => false,
        }
    }
}

impl SipUri<'_> {
    /// Whether both are equivalent: see [`Uri::equals`].
    pub fn equals(&self, other: &SipUri<'_>) -> bool {
        self.equals_but_headers(other) && same_headers(self, other, same_header_value)
    }

    fn equals_but_headers(&self, other: &SipUri<'_>) -> bool {
        self.secure == other.secure
            && self.port == other.port
            && self.host.is_same(other.host)
            && same_option(self.user, other.user, same_with_case)
            && same_option(self.password, other.password, same_with_case)
            && same_params(self.params, other.params)
    }
}

impl TelUri<'_> {
    /// Whether both are equivalent: see [`Uri::equals`].
    pub fn equals(&self, other: &TelUri<'_>) -> bool {
        // A global number keeps its '+', so it never equals a local one.
        same_digits(self.number, other.number) && same_tel_params(self.params, other.params)
    }
}

/// Parameters that make a difference where only one URI has them. Of transport, §19.1.4 says so in its text on default
/// values and in its examples.
const ALONE: [&str; 5] = ["transport", "user", "ttl", "method", "maddr"];

/// RFC 3261 §19.1.4. Of a name that is written more than once, the first counts.
fn same_params(one: Params<'_>, two: Params<'_>) -> bool {
    if one.as_str() == two.as_str() {
        return true;
    }
    let (Some(first), Some(second)) = (Fields::of_params(one), Fields::of_params(two)) else {
        return in_order(one.iter().map(Field::of_param), two.iter().map(Field::of_param), same_param_value);
    };
    let (mut left, mut right) = (first.distinct().peekable(), second.distinct().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return true,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.compare_names(b),
        };
        let fits = match order {
            Ordering::Less => left.next().is_none_or(Field::is_ignored_alone),
            Ordering::Greater => right.next().is_none_or(Field::is_ignored_alone),
            Ordering::Equal => match (left.next(), right.next()) {
                (Some(a), Some(b)) => same_param_value(a, b),
                _ => true,
            },
        };
        if !fits {
            return false;
        }
    }
}

/// The method compares with case (§7.1), maddr as a host, all else without case.
fn same_param_value(one: &Field<'_>, two: &Field<'_>) -> bool {
    same_option(one.value, two.value, |a, b| match () {
        () if one.is_named("method") => same_with_case(a, b),
        () if one.is_named("maddr") => match (Host::parse(a), Host::parse(b)) {
            (Some(a), Some(b)) => a.is_same(b),
            _ => same_without_case(a, b),
        },
        () => same_without_case(a, b),
    })
}

/// RFC 3966 §4: the same names with the same values.
fn same_tel_params(one: Params<'_>, two: Params<'_>) -> bool {
    one.as_str() == two.as_str()
        || same_fields(
            || one.iter().map(Field::of_param),
            || two.iter().map(Field::of_param),
            |a: &Field<'_>, b: &Field<'_>| {
                let has_digits = a.is_named("ext") || a.is_named("phone-context") && is_global(a, b);
                let same = if has_digits { same_digits } else { same_without_case };
                same_option(a.value, b.value, same)
            },
        )
}

/// Whether both values are leading digits of global numbers, where a domain name could stand too.
fn is_global(one: &Field<'_>, two: &Field<'_>) -> bool {
    [one, two].iter().all(|field| field.value.is_some_and(|value| value.starts_with('+')))
}

type Same = fn(&Field<'_>, &Field<'_>) -> bool;

/// RFC 3261 §19.1.4: header fields are never ignored.
fn same_headers(one: &SipUri<'_>, two: &SipUri<'_>, same: Same) -> bool {
    one.headers == two.headers
        || same_fields(
            || one.header_fields().map(Field::of_header),
            || two.header_fields().map(Field::of_header),
            same,
        )
}

/// RFC 3261 §20: From and To are equal when their URIs are; Call-ID and the body have case.
fn same_header_value(one: &Field<'_>, two: &Field<'_>) -> bool {
    match one.known {
        Name::From | Name::To => same_option(one.value, two.value, same_address),
        _ => same_plain_value(one, two),
    }
}

fn same_plain_value(one: &Field<'_>, two: &Field<'_>) -> bool {
    let has_case = one.known == Name::CallId || one.is_named("body");
    same_option(one.value, two.value, if has_case { same_with_case } else { same_without_case })
}

/// Octets of an address in a header field that are opened to compare it; longer ones compare as text.
const OPENED: usize = 256;

/// §20.20: display name and angle brackets make no difference. Header fields of the URI inside are not opened again.
fn same_address(one: &str, two: &str) -> bool {
    if same_with_case(one, two) {
        return true;
    }
    let (mut one_octets, mut two_octets) = ([0; OPENED], [0; OPENED]);
    let opened = (Opened::new(one, &mut one_octets), Opened::new(two, &mut two_octets));
    let (Some(a), Some(b)) = opened else { return same_without_case(one, two) };
    let same_uri = match (&a.uri, &b.uri) {
        (Uri::Sip(one), Uri::Sip(two)) => {
            one.equals_but_headers(two) && same_headers(one, two, same_plain_value)
        }
        (one, two) => one.equals(two),
    };
    same_uri && a.params.as_str().eq_ignore_ascii_case(b.params.as_str())
}

struct Opened<'a> {
    uri: Uri<'a>,
    params: Params<'a>,
}

impl<'a> Opened<'a> {
    fn new(value: &str, place: &'a mut [u8; OPENED]) -> Option<Self> {
        let address = Address::parse(core::str::from_utf8(fill(value, place)?).ok()?).ok()?;
        Some(Self { uri: address.parse_uri().ok()?, params: address.params })
    }
}

/// Writes what `text` stands for into `place`; `None` when it does not fit.
fn fill<'a>(text: &str, place: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut len = 0_usize;
    for byte in octets(text) {
        *place.get_mut(len)? = byte;
        len = len.saturating_add(1);
    }
    place.get(..len)
}

/// A parameter or a header field, ready to be found by its name.
#[derive(Clone, Copy)]
struct Field<'a> {
    known: Name,
    name: &'a str,
    value: Option<&'a str>,
    /// Of the name, so that different ones are told apart at a glance.
    digest: u64,
    /// Its place in the URI.
    at: usize,
}

impl<'a> Field<'a> {
    const NONE: Self = Self { known: Name::Unknown, name: "", value: None, digest: 0, at: 0 };

    fn of_param(param: Param<'a>) -> Self {
        Self { name: param.name, value: param.value, digest: digest(param.name), ..Self::NONE }
    }

    fn of_header(header: UriHeader<'a>) -> Self {
        // Longer names than any known one are none.
        let mut place = [0; 32];
        let known = fill(header.name, &mut place).map_or(Name::Unknown, Name::find_bytes);
        // Compact forms (§7.3.3) are the same name.
        let name = if known == Name::Unknown { header.name } else { known.as_str() };
        Self { known, name, value: Some(header.value), digest: digest(name), at: 0 }
    }

    fn is_named(&self, name: &str) -> bool {
        same_without_case(self.name, name)
    }

    fn is_ignored_alone(&self) -> bool {
        !ALONE.iter().any(|name| self.is_named(name))
    }

    fn compare_names(&self, other: &Field<'_>) -> Ordering {
        let folded = |text| units(text).map(Unit::folded);
        self.digest.cmp(&other.digest).then_with(|| folded(self.name).cmp(folded(other.name)))
    }
}

/// Fowler, Noll and Vo's hash of a name without case and escapes. It only saves time: equal digests are looked at closely.
fn digest(name: &str) -> u64 {
    units(name).fold(0xcbf2_9ce4_8422_2325, |digest, unit| {
        let byte = match unit.folded() {
            Unit::Plain(byte) => u64::from(byte),
            Unit::Reserved(byte) => u64::from(byte) | 0x100,
        };
        (digest ^ byte).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Fields sorted by name, equal names in the order in which they were written.
struct Fields<'a> {
    list: [Field<'a>; MOST],
    len: usize,
}

impl<'a> Fields<'a> {
    fn of_params(params: Params<'a>) -> Option<Self> {
        Self::new(params.iter().map(Field::of_param))
    }

    /// `None` when there are more than [`MOST`].
    fn new(fields: impl Iterator<Item = Field<'a>>) -> Option<Self> {
        let mut sorted = Self { list: [Field::NONE; MOST], len: 0 };
        for (at, field) in fields.enumerate() {
            *sorted.list.get_mut(at)? = Field { at, ..field };
            sorted.len = at.saturating_add(1);
        }
        let fields = sorted.list.get_mut(..sorted.len)?;
        fields.sort_unstable_by(|one, two| one.compare_names(two).then(one.at.cmp(&two.at)));
        Some(sorted)
    }

    fn iter(&self) -> impl Iterator<Item = &Field<'a>> {
        self.list.iter().take(self.len)
    }

    /// The first field of each name.
    fn distinct(&self) -> impl Iterator<Item = &Field<'a>> {
        let mut last: Option<&Field<'a>> = None;
        self.iter().filter(move |field| {
            let is_new = last.is_none_or(|last| last.compare_names(field) != Ordering::Equal);
            last = Some(field);
            is_new
        })
    }
}

/// Whether both have the same fields, in any order where they are few.
fn same_fields<'a, 'b, I: Iterator<Item = Field<'a>>, J: Iterator<Item = Field<'b>>>(
    one: impl Fn() -> I,
    two: impl Fn() -> J,
    same: impl Fn(&Field<'_>, &Field<'_>) -> bool,
) -> bool {
    match (Fields::new(one()), Fields::new(two())) {
        (Some(first), Some(second)) => in_order(first.iter().copied(), second.iter().copied(), same),
        _ => in_order(one(), two(), same),
    }
}

/// Whether both have the same fields in the same order.
fn in_order<'a, 'b>(
    mut one: impl Iterator<Item = Field<'a>>,
    mut two: impl Iterator<Item = Field<'b>>,
    same: impl Fn(&Field<'_>, &Field<'_>) -> bool,
) -> bool {
    loop {
        match (one.next(), two.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a.compare_names(&b) == Ordering::Equal && same(&a, &b) => {}
            _ => return false,
        }
    }
}

fn same_option(one: Option<&str>, two: Option<&str>, same: impl Fn(&str, &str) -> bool) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => same(one, two),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn same_with_case(one: &str, two: &str) -> bool {
    units(one).eq(units(two))
}

fn same_without_case(one: &str, two: &str) -> bool {
    units(one).map(Unit::folded).eq(units(two).map(Unit::folded))
}

/// Whether both are the same digits, visual separators aside (RFC 3966 §5.1.1).
fn same_digits(one: &str, two: &str) -> bool {
    let digits = |text| {
        let kept = |unit: &Unit| !matches!(unit, Unit::Plain(byte) if is_visual_separator(*byte));
        units(text).map(Unit::folded).filter(kept)
    };
    digits(one).eq(digits(two))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    fn equal(one: &str, two: &str) -> bool {
        let (one, two) = (Uri::parse(one).unwrap(), Uri::parse(two).unwrap());
        assert_eq!(one.equals(&two), two.equals(&one), "{one} and {two}");
        assert!(one.equals(&one) && two.equals(&two));
        one.equals(&two)
    }

    #[test]
    fn header_values_compare_by_their_headers_rules() {
        // RFC 3261 §20.8: Call-ID has case. §7.3.3: compact names. §20.20, §20.39: From and To by their URIs.
        assert!(!equal("sip:h?Call-ID=a", "sip:h?call-id=A"));
        assert!(equal("sip:h?Call-ID=a", "sip:h?i=a"));
        assert!(!equal("sip:h?body=a", "sip:h?body=A"));
        assert!(equal("sip:h?subject=a", "sip:h?s=A"));
        assert!(equal("sip:h?to=sip:bob%40h", "sip:h?t=%22Bob%22%20%3Csip:bob%40H%3E"));
        assert!(!equal("sip:h?to=sip:bob%40h", "sip:h?to=sip:Bob%40h"));
        assert!(!equal("sip:h?to=%3Csip:bob%40h%3E%3Btag%3D1", "sip:h?to=sip:bob%40h"));
        // A URI inside a URI inside a URI is text.
        assert!(equal("sip:h?to=%3Csip:a%3Fto%3Dsip:b%3E", "sip:h?to=%3Csip:A%3FTo%3Dsip:B%3E"));
        let long = "x".repeat(300);
        assert!(equal(&format!("sip:h?to=sip:{long}"), &format!("sip:h?to=sip:{}", long.to_uppercase())));
    }

    #[test]
    fn many_parameters_compare_in_order_only() {
        let params = |count: usize, step: usize| -> String {
            (0..count).map(|at| format!(";p{}={}", at * step % count, at * step % count)).collect()
        };
        let uri = |params: &str| format!("sip:h{params}");
        assert!(equal(&uri(&params(MOST, 1)), &uri(&params(MOST, 5))));
        assert!(!equal(&uri(&params(MOST + 1, 1)), &uri(&params(MOST + 1, 4))));
        assert!(equal(&uri(&params(MOST + 1, 1)), &uri(&params(MOST + 1, 1).to_uppercase())));
        let headers = |count, step| uri(&params(count, step).replacen(';', "?", 1).replace(';', "&"));
        assert!(equal(&headers(MOST, 1), &headers(MOST, 5)));
        assert!(!equal(&headers(MOST + 1, 1), &headers(MOST + 1, 4)));
    }

    #[test]
    fn names_with_equal_digests_are_told_apart() {
        let field = |name| Field { digest: 7, name, ..Field::NONE };
        let list = [field("b"), field("a"), field("%61"), field("A")];
        let sorted = Fields::new(list.into_iter()).unwrap();
        let names = |fields: &mut dyn Iterator<Item = &Field<'static>>| {
            fields.map(|field| field.name).collect::<alloc::vec::Vec<_>>()
        };
        assert_eq!(names(&mut sorted.iter()), ["a", "%61", "A", "b"]);
        assert_eq!(names(&mut sorted.distinct()), ["a", "b"]);
    }
}
