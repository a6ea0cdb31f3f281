//! Header field names: the known ones as a small number, compact forms included.

use super::First;

/// A header field name that the crate knows. Others are compared as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum Name {
    /// `Via`, compact `v`.
    Via,
    /// `From`, compact `f`.
    From,
    /// `To`, compact `t`.
    To,
    /// `Call-ID`, compact `i`.
    CallId,
    /// `CSeq`.
    CSeq,
    /// `Contact`, compact `m`.
    Contact,
    /// `Max-Forwards`.
    MaxForwards,
    /// `Content-Length`, compact `l`.
    ContentLength,
    /// `Content-Type`, compact `c`.
    ContentType,
    /// `Route`.
    Route,
    /// `Record-Route`.
    RecordRoute,
    /// `Allow`.
    Allow,
    /// `Supported`, compact `k`.
    Supported,
    /// `Require`.
    Require,
    /// `User-Agent`.
    UserAgent,
    /// `Expires`.
    Expires,
    /// `Accept`.
    Accept,
    /// `Accept-Contact`, compact `a`.
    AcceptContact,
    /// `Accept-Encoding`.
    AcceptEncoding,
    /// `Accept-Language`.
    AcceptLanguage,
    /// `Alert-Info`.
    AlertInfo,
    /// `Allow-Events`, compact `u`.
    AllowEvents,
    /// `Authentication-Info`.
    AuthenticationInfo,
    /// `Authorization`.
    Authorization,
    /// `Call-Info`.
    CallInfo,
    /// `Content-Disposition`.
    ContentDisposition,
    /// `Content-Encoding`, compact `e`.
    ContentEncoding,
    /// `Content-Language`.
    ContentLanguage,
    /// `Date`.
    Date,
    /// `Diversion`.
    Diversion,
    /// `Error-Info`.
    ErrorInfo,
    /// `Event`, compact `o`.
    Event,
    /// `Geolocation`.
    Geolocation,
    /// `Geolocation-Error`.
    GeolocationError,
    /// `Geolocation-Routing`.
    GeolocationRouting,
    /// `History-Info`.
    HistoryInfo,
    /// `Identity`, compact `y`.
    Identity,
    /// `Info-Package`.
    InfoPackage,
    /// `In-Reply-To`.
    InReplyTo,
    /// `Join`.
    Join,
    /// `MIME-Version`.
    MimeVersion,
    /// `Min-Expires`.
    MinExpires,
    /// `Min-SE`.
    MinSe,
    /// `Organization`.
    Organization,
    /// `P-Asserted-Identity`.
    PAssertedIdentity,
    /// `P-Preferred-Identity`.
    PPreferredIdentity,
    /// `Path`.
    Path,
    /// `Priority`.
    Priority,
    /// `Privacy`.
    Privacy,
    /// `Proxy-Authenticate`.
    ProxyAuthenticate,
    /// `Proxy-Authorization`.
    ProxyAuthorization,
    /// `Proxy-Require`.
    ProxyRequire,
    /// `RAck`.
    RAck,
    /// `Reason`.
    Reason,
    /// `Recv-Info`.
    RecvInfo,
    /// `Refer-Sub`.
    ReferSub,
    /// `Refer-To`, compact `r`.
    ReferTo,
    /// `Referred-By`, compact `b`.
    ReferredBy,
    /// `Reject-Contact`, compact `j`.
    RejectContact,
    /// `Replaces`.
    Replaces,
    /// `Reply-To`.
    ReplyTo,
    /// `Request-Disposition`, compact `d`.
    RequestDisposition,
    /// `Retry-After`.
    RetryAfter,
    /// `RSeq`.
    RSeq,
    /// `Security-Client`.
    SecurityClient,
    /// `Security-Server`.
    SecurityServer,
    /// `Security-Verify`.
    SecurityVerify,
    /// `Server`.
    Server,
    /// `Service-Route`.
    ServiceRoute,
    /// `Session-Expires`, compact `x`.
    SessionExpires,
    /// `SIP-ETag`.
    SipETag,
    /// `SIP-If-Match`.
    SipIfMatch,
    /// `Subject`, compact `s`.
    Subject,
    /// `Subscription-State`.
    SubscriptionState,
    /// `Timestamp`.
    Timestamp,
    /// `Unsupported`.
    Unsupported,
    /// `User-to-User`.
    UserToUser,
    /// `Warning`.
    Warning,
    /// `WWW-Authenticate`.
    WwwAuthenticate,
    /// A name that this crate does not know.
    Unknown,
}

/// Every known name with its spelling and its compact form (RFC 3261 §7.3.3; 0 where it has none).
/// The order is that of the enum.
const NAMES: &[(Name, &str, u8)] = &[
    (Name::Via, "Via", b'v'),
    (Name::From, "From", b'f'),
    (Name::To, "To", b't'),
    (Name::CallId, "Call-ID", b'i'),
    (Name::CSeq, "CSeq", 0),
    (Name::Contact, "Contact", b'm'),
    (Name::MaxForwards, "Max-Forwards", 0),
    (Name::ContentLength, "Content-Length", b'l'),
    (Name::ContentType, "Content-Type", b'c'),
    (Name::Route, "Route", 0),
    (Name::RecordRoute, "Record-Route", 0),
    (Name::Allow, "Allow", 0),
    (Name::Supported, "Supported", b'k'),
    (Name::Require, "Require", 0),
    (Name::UserAgent, "User-Agent", 0),
    (Name::Expires, "Expires", 0),
    (Name::Accept, "Accept", 0),
    (Name::AcceptContact, "Accept-Contact", b'a'),
    (Name::AcceptEncoding, "Accept-Encoding", 0),
    (Name::AcceptLanguage, "Accept-Language", 0),
    (Name::AlertInfo, "Alert-Info", 0),
    (Name::AllowEvents, "Allow-Events", b'u'),
    (Name::AuthenticationInfo, "Authentication-Info", 0),
    (Name::Authorization, "Authorization", 0),
    (Name::CallInfo, "Call-Info", 0),
    (Name::ContentDisposition, "Content-Disposition", 0),
    (Name::ContentEncoding, "Content-Encoding", b'e'),
    (Name::ContentLanguage, "Content-Language", 0),
    (Name::Date, "Date", 0),
    (Name::Diversion, "Diversion", 0),
    (Name::ErrorInfo, "Error-Info", 0),
    (Name::Event, "Event", b'o'),
    (Name::Geolocation, "Geolocation", 0),
    (Name::GeolocationError, "Geolocation-Error", 0),
    (Name::GeolocationRouting, "Geolocation-Routing", 0),
    (Name::HistoryInfo, "History-Info", 0),
    (Name::Identity, "Identity", b'y'),
    (Name::InfoPackage, "Info-Package", 0),
    (Name::InReplyTo, "In-Reply-To", 0),
    (Name::Join, "Join", 0),
    (Name::MimeVersion, "MIME-Version", 0),
    (Name::MinExpires, "Min-Expires", 0),
    (Name::MinSe, "Min-SE", 0),
    (Name::Organization, "Organization", 0),
    (Name::PAssertedIdentity, "P-Asserted-Identity", 0),
    (Name::PPreferredIdentity, "P-Preferred-Identity", 0),
    (Name::Path, "Path", 0),
    (Name::Priority, "Priority", 0),
    (Name::Privacy, "Privacy", 0),
    (Name::ProxyAuthenticate, "Proxy-Authenticate", 0),
    (Name::ProxyAuthorization, "Proxy-Authorization", 0),
    (Name::ProxyRequire, "Proxy-Require", 0),
    (Name::RAck, "RAck", 0),
    (Name::Reason, "Reason", 0),
    (Name::RecvInfo, "Recv-Info", 0),
    (Name::ReferSub, "Refer-Sub", 0),
    (Name::ReferTo, "Refer-To", b'r'),
    (Name::ReferredBy, "Referred-By", b'b'),
    (Name::RejectContact, "Reject-Contact", b'j'),
    (Name::Replaces, "Replaces", 0),
    (Name::ReplyTo, "Reply-To", 0),
    (Name::RequestDisposition, "Request-Disposition", b'd'),
    (Name::RetryAfter, "Retry-After", 0),
    (Name::RSeq, "RSeq", 0),
    (Name::SecurityClient, "Security-Client", 0),
    (Name::SecurityServer, "Security-Server", 0),
    (Name::SecurityVerify, "Security-Verify", 0),
    (Name::Server, "Server", 0),
    (Name::ServiceRoute, "Service-Route", 0),
    (Name::SessionExpires, "Session-Expires", b'x'),
    (Name::SipETag, "SIP-ETag", 0),
    (Name::SipIfMatch, "SIP-If-Match", 0),
    (Name::Subject, "Subject", b's'),
    (Name::SubscriptionState, "Subscription-State", 0),
    (Name::Timestamp, "Timestamp", 0),
    (Name::Unsupported, "Unsupported", 0),
    (Name::UserToUser, "User-to-User", 0),
    (Name::Warning, "Warning", 0),
    (Name::WwwAuthenticate, "WWW-Authenticate", 0),
];

/// What there is to know of a name, all in one place.
#[derive(Clone, Copy)]
#[repr(align(32))]
pub(super) struct Known {
    folded: Folded,
    /// Set beyond all lengths for a name that is longer than both words.
    len: u32,
    /// What of such a name is in neither word.
    middle: [u8; 4],
    pub(super) name: Name,
    /// Its place among those of which the first line is noted; all others share one.
    place: u8,
}

impl Known {
    /// Like no name, since none is as long.
    const NONE: Self = Self { len: u32::MAX, ..Self::of(Name::Unknown, &[]) };

    /// What no line can say the length of has a place of its own.
    pub(super) const TOO_LONG: Self = Self { place: First::NAMES as u8 + 1, ..Self::NONE };

    /// Set in the length of a name of more than 16 octets.
    const LONG: u32 = 1 << 31;

    /// More than there are places, and a power of two.
    pub(super) const PLACES: usize = 2 * First::NAMES;

    const fn of(name: Name, text: &[u8]) -> Self {
        let place = if First::covers(name) { name as u8 } else { First::NAMES as u8 };
        let mark = if text.len() > 16 { Self::LONG } else { 0 };
        Self { folded: Folded::of(text), len: text.len() as u32 | mark, middle: middle(text), name, place }
    }

    /// Its place among [`PLACES`](Self::PLACES).
    #[inline]
    pub(super) fn place(&self) -> usize {
        usize::from(self.place) % Self::PLACES
    }

    /// What is known of `name`, in any case, long or compact, unless it has more than 16 octets.
    #[inline]
    pub(super) fn find(name: &[u8]) -> Option<&'static Self> {
        let folded = Folded::of(name);
        let likely = BY_SLOT.get(folded.slot())?;
        let differs = (likely.folded.head ^ folded.head) | (likely.folded.tail ^ folded.tail);
        (differs | u64::from(likely.len ^ name.len() as u32) == 0).then_some(likely)
    }

    /// The same of one that was not found.
    #[cold]
    #[inline(never)]
    pub(super) fn find_rare(name: &[u8]) -> &'static Self {
        let folded = Folded::of(name);
        let likely = BY_SLOT.get(folded.slot()).unwrap_or(&Self::NONE);
        let is_as_long = likely.len == name.len() as u32 | Self::LONG;
        match name.len() {
            _ if is_as_long && likely.folded == folded && likely.middle == middle(name) => likely,
            0..256 => &Self::NONE,
            _ => &Self::TOO_LONG,
        }
    }
}

/// The four octets behind the first eight, without their case. With both words they cover a name of up to 20.
const fn middle(name: &[u8]) -> [u8; 4] {
    let Some([_, _, _, _, _, _, _, _, middle @ ..]) = name.first_chunk::<12>() else { return [0; 4] };
    (u32::from_le_bytes(*middle) | 0x2020_2020).to_le_bytes()
}

const SLOTS: usize = 512;

/// Names and compact forms by [`Folded::slot`]; collision-free, as building the table checks.
#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
static BY_SLOT: [Known; SLOTS] = {
    let mut table = [Known::NONE; SLOTS];
    let mut i = 0;
    while i < NAMES.len() {
        let (name, text, compact) = NAMES[i];
        assert!(name as usize == i, "the table follows the order of the enum");
        let forms: [&[u8]; 2] = [text.as_bytes(), &[compact]];
        let mut form = 0;
        while form < if compact == 0 { 1 } else { 2 } {
            let slot = Folded::of(forms[form]).slot();
            assert!(matches!(table[slot].name, Name::Unknown), "two names share a slot");
            assert!(text.len() <= 20, "all of a name is compared");
            table[slot] = Known::of(name, forms[form]);
            form += 1;
        }
        i += 1;
    }
    table
};

/// A name without its case, in two words that overlap and cover one of up to 16 bytes: two comparisons tell such names apart where
/// a loop would take one for each letter.
///
/// Case is folded by setting bit 5. Of the bytes of a token that maps no two onto each other where one of them stands in a known name:
/// those are letters and hyphens only.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Folded {
    head: u64,
    tail: u64,
}

impl Folded {
    const fn of(name: &[u8]) -> Self {
        const CASE: u64 = 0x2020_2020_2020_2020;
        let (head, tail) = if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
        } else if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            (u32::from_le_bytes(*head) as u64, u32::from_le_bytes(*tail) as u64)
        } else if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            (u16::from_le_bytes(*head) as u64, u16::from_le_bytes(*tail) as u64)
        } else {
            // A compact form.
            (if let [letter] = name { *letter as u64 } else { 0 }, 0)
        };
        Self { head: head | CASE, tail: tail | CASE }
    }

    /// The factor was searched for.
    const fn slot(self) -> usize {
        (self.head.wrapping_add(self.tail).wrapping_mul(0x4a80_319f_751d_4d49) >> 55) as usize
    }
}

impl Name {
    /// The known name spelt `name`, in any case, long or compact; [`Name::Unknown`] for others.
    ///
    /// ```
    /// use sip_proto::message::Name;
    ///
    /// assert_eq!(Name::find("v"), Name::Via);
    /// assert_eq!(Name::find("CALL-id"), Name::CallId);
    /// assert_eq!(Name::find("X-Any"), Name::Unknown);
    /// ```
    pub fn find(name: &str) -> Self {
        Self::find_bytes(name.as_bytes())
    }

    #[inline]
    pub(crate) fn find_bytes(name: &[u8]) -> Self {
        Known::find(name).unwrap_or_else(|| Known::find_rare(name)).name
    }

    /// The name's usual spelling; empty for [`Name::Unknown`].
    pub fn as_str(self) -> &'static str {
        NAMES.get(self as usize).map_or("", |(_, text, _)| *text)
    }

    /// All known names.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(name, _, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for (name, text, compact) in NAMES {
            assert_eq!(Name::find(text), *name);
            assert_eq!(Name::find(&text.to_ascii_lowercase()), *name);
            assert_eq!(Name::find(&text.to_ascii_uppercase()), *name);
            assert_eq!(name.as_str(), *text);
            if *compact != 0 {
                assert_eq!(Name::find_bytes(&[*compact]), *name);
                assert_eq!(Name::find_bytes(&[compact.to_ascii_uppercase()]), *name);
            }
        }
    }

    #[test]
    fn strangers_are_unknown() {
        // The last begin and end as known ones do.
        let alike = [
            "Content-ent-Type",
            "Max-ForwForwards",
            "Subscription---State",
            "P-Asserted--Identity",
            "P-AssertXd-Identity",
        ];
        for text in ["", "X-Any", "z", "1", "@", "\u{e9}", "Viaa", "Vi", "Frim"].into_iter().chain(alike) {
            assert_eq!(Name::find(text), Name::Unknown, "{text}");
        }
    }
}
