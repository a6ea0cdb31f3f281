//! Addresses with parameters of their own: contacts, diversions, the history of a request.

use alloc::borrow::Cow;
use core::fmt;
use core::time::Duration;

use super::content::{Q, QValue};
use super::cursor::Cursor;
use crate::message::{Address, ParseError, scan, unquote};

/// One element of Contact (RFC 3261 §20.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact<'a> {
    /// `*`: all bindings, in a REGISTER.
    Star,
    /// An address with parameters.
    Address(Address<'a>),
}

impl<'a> Contact<'a> {
    /// The one element that is all of `value`.
    ///
    /// # Errors
    /// As [`Address::parse`].
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        match scan::trim(value) {
            "*" => Ok(Self::Star),
            _ => Address::parse(value).map(Self::Address),
        }
    }

    /// The address, unless this is `*`.
    pub fn address(self) -> Option<Address<'a>> {
        match self {
            Self::Star => None,
            Self::Address(address) => Some(address),
        }
    }
}

/// How long a binding lasts whose `expires` is malformed (RFC 3261 §20.10).
const USUAL_EXPIRES: u32 = 3600;

/// Parameters of a Contact.
impl<'a> Address<'a> {
    /// How this contact is preferred among several: `q` (RFC 3261 §20.10).
    ///
    /// # Errors
    /// When it is no number from 0 to 1; the place is counted from the parameters' first byte.
    pub fn q(&self) -> Result<Option<QValue>, ParseError> {
        Cursor::new(self.params.as_str()).param(self.params, "q", Q, QValue::read)
    }

    /// How long the contact is valid: `expires`. A malformed value is read as 3600 seconds, one of 2³² or more as
    /// 2³² − 1 (RFC 3261 §10.2, §20.10).
    pub fn expires(&self) -> Option<Duration> {
        let value = self.params.get("expires")?.unwrap_or_default();
        let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = match scan::number::<u32>(value) {
            Some(seconds) => seconds,
            None if is_number => u32::MAX,
            None => USUAL_EXPIRES,
        };
        Some(Duration::from_secs(seconds.into()))
    }

    /// The URN of the device, without quotes and brackets: `+sip.instance` (RFC 5626 §4.1).
    pub fn instance(&self) -> Option<&'a str> {
        let value = self.params.value("+sip.instance")?;
        value.strip_prefix("\"<").and_then(|value| value.strip_suffix(">\""))
    }

    /// The number of the registration flow: `reg-id`, from 1 to 2³¹ − 1 (RFC 5626 §4.2).
    ///
    /// # Errors
    /// When it is no such number; the place is counted from the parameters' first byte.
    pub fn reg_id(&self) -> Result<Option<u32>, ParseError> {
        let read = |value| scan::number::<u32>(value).filter(|id| (1..1 << 31).contains(id));
        Cursor::new(self.params.as_str()).param(self.params, "reg-id", "a number from 1 to 2^31 - 1", read)
    }

    /// The public GRUU that a registrar gave: `pub-gruu` (RFC 5627 §3.2).
    pub fn pub_gruu(&self) -> Option<Cow<'a, str>> {
        self.params.value("pub-gruu").map(unquote)
    }

    /// The temporary GRUU that a registrar gave: `temp-gruu` (RFC 5627 §3.2).
    pub fn temp_gruu(&self) -> Option<Cow<'a, str>> {
        self.params.value("temp-gruu").map(unquote)
    }

    /// The Content-ID of the body that proves a Referred-By: `cid` (RFC 3892 §3).
    pub fn cid(&self) -> Option<Cow<'a, str>> {
        self.params.value("cid").map(unquote)
    }
}

/// An address in brackets, its parameters looked at.
fn name_addr<'a>(cursor: Cursor<'a>, value: &'a str) -> Result<Address<'a>, ParseError> {
    let address = Address::parse(value)?;
    let uri_at = (address.uri.as_ptr() as usize).wrapping_sub(value.as_ptr() as usize);
    let before = uri_at.checked_sub(1).and_then(|at| value.as_bytes().get(at));
    if before != Some(&b'<') {
        return Err(cursor.fault_at("'<'", address.uri));
    }
    address.params.check(value.trim_end_matches([' ', '\t', '\r', '\n']))?;
    Ok(address)
}

/// One element of `Diversion` (RFC 5806 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diversion<'a> {
    /// Who diverted the call, with `reason`, `counter`, `limit`, `privacy`, `screen` and others.
    pub address: Address<'a>,
}

impl<'a> Diversion<'a> {
    /// The one element that is all of `value`.
    ///
    /// # Errors
    /// Where the address is malformed or not in brackets, or a counter has not one or two digits.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let cursor = Cursor::new(value);
        let address = name_addr(cursor, value)?;
        for name in ["counter", "limit"] {
            cursor.param(address.params, name, "one or two digits", two_digits)?;
        }
        Ok(Self { address })
    }

    /// Why: `user-busy`, `no-answer`, `unconditional`, `deflection` and others.
    pub fn reason(&self) -> Option<Cow<'a, str>> {
        self.address.params.value("reason").map(unquote)
    }

    /// How many diversions this element stands for; 1 where nothing is said.
    pub fn counter(&self) -> u8 {
        self.address.params.value("counter").and_then(two_digits).unwrap_or(1)
    }

    /// How many more diversions are allowed.
    pub fn limit(&self) -> Option<u8> {
        self.address.params.value("limit").and_then(two_digits)
    }

    /// What to keep private: `full`, `name`, `uri`, `off` and others.
    pub fn privacy(&self) -> Option<Cow<'a, str>> {
        self.address.params.value("privacy").map(unquote)
    }

    /// Whether the address was verified: `yes`, `no` and others.
    pub fn screen(&self) -> Option<Cow<'a, str>> {
        self.address.params.value("screen").map(unquote)
    }
}

impl fmt::Display for Diversion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

fn two_digits(text: &str) -> Option<u8> {
    scan::number(text).filter(|_| text.len() <= 2)
}

/// One element of `History-Info`: a target that the request has had (RFC 7044 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryInfo<'a> {
    /// The target, with `index`, `rc`, `mp`, `np` and others. Reason and Privacy may stand among the URI's headers.
    pub address: Address<'a>,
}

impl<'a> HistoryInfo<'a> {
    /// The one element that is all of `value`.
    ///
    /// # Errors
    /// Where the address is malformed or not in brackets, there is no index, or an index is none.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let cursor = Cursor::new(value);
        let address = name_addr(cursor, value)?;
        let read = |value| is_index(value).then_some(());
        for name in ["index", "rc", "mp", "np"] {
            cursor.param(address.params, name, INDEX, read)?;
        }
        if address.params.get("index").is_none() {
            return Err(cursor.fault_at(INDEX, value.get(value.len()..).unwrap_or_default()));
        }
        Ok(Self { address })
    }

    /// The place in the tree of targets: `1.2.1`.
    pub fn index(&self) -> &'a str {
        self.address.params.value("index").unwrap_or_default()
    }

    /// The index of the entry from which this target came by a change of the Request-URI that is not a new user: `rc`.
    pub fn rc(&self) -> Option<&'a str> {
        self.address.params.value("rc")
    }

    /// The index of the entry whose user was mapped to another: `mp`.
    pub fn mp(&self) -> Option<&'a str> {
        self.address.params.value("mp")
    }

    /// The index of the entry whose target was kept: `np`.
    pub fn np(&self) -> Option<&'a str> {
        self.address.params.value("np")
    }
}

impl fmt::Display for HistoryInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

const INDEX: &str = "an index of numbers and dots";

/// Numbers without leading zeros, dots between them (RFC 7044 §5 `index-val`).
fn is_index(text: &str) -> bool {
    let is_number = |number: &str| {
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        digits && (number.len() == 1 || !number.starts_with('0'))
    };
    text.split('.').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn fault<T>(result: Result<T, ParseError>) -> (&'static str, usize) {
        result.map(|_| ()).map_err(|fault| (fault.expected, fault.at)).unwrap_err()
    }

    #[test]
    fn contacts_of_a_registration() {
        // RFC 5626 §4.2.
        let value = "<sip:line1@192.0.2.2;transport=tcp>; reg-id=1; q=0.7;expires=60;\
            +sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"";
        let contact = Contact::parse(value).unwrap().address().unwrap();
        assert_eq!(contact.reg_id(), Ok(Some(1)));
        assert_eq!(contact.q().unwrap().unwrap().thousandths(), 700);
        assert_eq!(contact.expires(), Some(Duration::from_secs(60)));
        assert_eq!(contact.instance(), Some("urn:uuid:00000000-0000-1000-8000-000A95A0E128"));
        assert_eq!(Contact::parse(" * "), Ok(Contact::Star));
        assert_eq!(Contact::Star.address(), None);
    }

    #[test]
    fn malformed_parameters_of_a_contact() {
        let contact = |params: &'static str| Address {
            raw_display_name: "",
            uri: "sip:a@b",
            params: crate::message::Params::new(params),
        };
        // RFC 3261 §20.10: malformed values are equivalent to 3600; §10.2: greater ones to 2^32 - 1.
        for (params, seconds) in [
            (";expires=x", 3600),
            (";expires", 3600),
            (";expires=-1", 3600),
            (";expires=\"Thu, 01 Dec 1994\"", 3600),
            (";expires=4294967296", u64::from(u32::MAX)),
            (";Expires=0;expires=9", 0),
        ] {
            assert_eq!(contact(params).expires().unwrap().as_secs(), seconds, "{params}");
        }
        assert_eq!(contact(";x").expires(), None);
        assert_eq!(fault(contact(";x;q=1.1").q()), (Q, 5));
        assert_eq!(fault(contact(";q").q()), (Q, 0));
        // RFC 5626 §4.2.1.
        for none in [";reg-id=0", ";reg-id=2147483648"] {
            assert_eq!(fault(contact(none).reg_id()), ("a number from 1 to 2^31 - 1", 8));
        }
        assert_eq!(contact(";+sip.instance=\"urn:x\"").instance(), None);
    }

    #[test]
    fn gruus_and_proofs_are_unquoted() {
        // RFC 5627 §3.2, RFC 3892 §3.
        let value = "<sip:a@b>;pub-gruu=\"sip:callee@example.com;gr=x\";temp-gruu=\"sip:t@h;gr\"";
        let contact = Address::parse(value).unwrap();
        assert_eq!(contact.pub_gruu().unwrap(), "sip:callee@example.com;gr=x");
        assert_eq!(contact.temp_gruu().unwrap(), "sip:t@h;gr");
        let referrer =
            Address::parse("sip:r@ref.example;cid=\"20398823.2UWQFN309shb3@ref.example\"").unwrap();
        assert_eq!(referrer.cid().unwrap(), "20398823.2UWQFN309shb3@ref.example");
    }

    #[test]
    fn diversions() {
        // RFC 5806 §4, §9.
        let diversion = Diversion::parse(
            "<sip:+19195551002>;reason=user-busy;privacy=\"full\";counter=4;limit=9;screen=no",
        );
        let diversion = diversion.unwrap();
        assert_eq!((diversion.counter(), diversion.limit()), (4, Some(9)));
        assert_eq!(diversion.reason().unwrap(), "user-busy");
        assert_eq!(diversion.privacy().unwrap(), "full");
        assert_eq!(diversion.screen().unwrap(), "no");
        assert_eq!(Diversion::parse("<sip:a@b>").unwrap().counter(), 1);
        assert_eq!(fault(Diversion::parse("<sip:a@b>;counter=100")), ("one or two digits", 18));
        assert_eq!(fault(Diversion::parse("sip:a@b;counter=1")), ("'<'", 0));
        assert_eq!(fault(Diversion::parse("<sip:a@b>;;")), ("a parameter name", 10));
    }

    #[test]
    fn the_history_of_a_request() {
        // RFC 7044 §5.
        let entry = HistoryInfo::parse(
            "<sip:UserB@example.com?Privacy=history&Reason=SIP%3Bcause%3D486>;index=1.2;mp=1.1",
        );
        let entry = entry.unwrap();
        assert_eq!((entry.index(), entry.mp(), entry.rc(), entry.np()), ("1.2", Some("1.1"), None, None));
        assert!(entry.to_string().ends_with(">;index=1.2;mp=1.1"));
        assert_eq!(HistoryInfo::parse("<sip:a@b>;index=1.10.0;np=1").unwrap().np(), Some("1"));
        assert_eq!(fault(HistoryInfo::parse("<sip:a@b>;np=1")), (INDEX, 14));
        for none in ["", ".", "1.", "01", "1.01", "1..2", "x"] {
            assert!(!is_index(none), "{none}");
        }
        assert_eq!(fault(HistoryInfo::parse("<sip:a@b>;index=1.")), (INDEX, 16));
        assert_eq!(fault(HistoryInfo::parse("sip:a@b;index=1")), ("'<'", 0));
    }
}
