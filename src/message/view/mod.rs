//! Typed, lazy, borrowed access to a message's headers (RFC 3261 §20).
//!
//! Absent and malformed are different answers: `Ok(None)` and `Err`. Of a header that may stand once, the first line counts.
//! A list has the elements of all lines, in order (§7.3.1); a malformed one is an `Err` among the others. Views allocate nothing.
//!
//! A view takes what the grammar allows, with white space around separators, empty elements in lists and any case. It forgives two things:
//! `expires` of a Contact, where §20.10 asks for it, and a semicolon behind a media type or a disposition.
//!
//! | file | subject |
//! |---|---|
//! | `routing` | Request-URI, Via, From, To, Contact, Route and their kin |
//! | `capabilities` | methods, extensions, caller preferences |
//! | `content` | the body, and what bodies are welcome |
//! | `time` | dates, waits, lifetimes |
//! | `events` | dialogs and subscriptions referred to |
//! | `auth` | challenges, credentials, security mechanisms |
//! | `identity` | identities, diversions, history, privacy, location |
//! | `info` | what is for people and applications |

mod auth;
mod capabilities;
mod content;
mod events;
mod identity;
mod info;
mod routing;
mod time;

use super::hop::TopVia;
use super::keys::Keys;
use super::lanes::{self, Lanes};
use super::{Address, List, Message, Name, Param, ParseError, Start, Via, scan};

/// Typed access to headers: absent is `Ok(None)` or an empty list, malformed is an `Err` that names header and byte. Of a header that may
/// stand once the first line counts; a list has the elements of all lines.
///
/// Addresses are delimited, their URIs and parameters unopened: [`Address::check`] looks inside. Tokens of a list come as they were written.
///
/// | header | accessor | yields | RFC |
/// |---|---|---|---|
/// | `Accept` | [`accept`](Message::accept) | [`MediaType`](crate::message::MediaType)s | 3261 §20.1 |
/// | `Accept-Contact` | [`accept_contact`](Message::accept_contact) | [`FeatureSet`](crate::message::FeatureSet)s | 3841 §9.2 |
/// | `Accept-Encoding` | [`accept_encoding`](Message::accept_encoding) | [`Preference`](crate::message::Preference)s | 3261 §20.2 |
/// | `Accept-Language` | [`accept_language`](Message::accept_language) | [`Preference`](crate::message::Preference)s | 3261 §20.3 |
/// | `Alert-Info` | [`alert_info`](Message::alert_info) | [`Link`](crate::message::Link)s | 3261 §20.4 |
/// | `Allow` | [`allow`](Message::allow) | methods | 3261 §20.5 |
/// | `Allow-Events` | [`allow_events`](Message::allow_events) | event packages | 6665 §8.2.2 |
/// | `Authentication-Info` | [`authentication_info`](Message::authentication_info) | [`AuthenticationInfo`](crate::message::AuthenticationInfo) | 3261 §20.6 |
/// | `Authorization` | [`authorization`](Message::authorization) | [`Credentials`](crate::message::Credentials) a line | 3261 §20.7 |
/// | `Call-ID` | [`call_id`](Message::call_id) | text | 3261 §20.8 |
/// | `Call-Info` | [`call_info`](Message::call_info) | [`Link`](crate::message::Link)s | 3261 §20.9 |
/// | `Contact` | [`contacts`](Message::contacts), [`contact`](Message::contact), [`contact_uri`](Message::contact_uri) | [`Contact`](crate::message::Contact)s, [`Address`], [`Uri`](crate::message::Uri) | 3261 §20.10 |
/// | `Content-Disposition` | [`content_disposition`](Message::content_disposition) | [`Disposition`](crate::message::Disposition) | 3261 §20.11 |
/// | `Content-Encoding` | [`content_encoding`](Message::content_encoding) | codings | 3261 §20.12 |
/// | `Content-Language` | [`content_language`](Message::content_language) | languages | 3261 §20.13 |
/// | `Content-Length` | [`content_length`](Message::content_length) | bytes | 3261 §20.14 |
/// | `Content-Type` | [`content_type`](Message::content_type) | [`MediaType`](crate::message::MediaType) | 3261 §20.15 |
/// | `CSeq` | [`cseq`](Message::cseq), [`method`](Message::method) | number, [`Method`](crate::message::Method) | 3261 §20.16 |
/// | `Date` | [`date`](Message::date) | [`Date`](crate::message::Date) | 3261 §20.17 |
/// | `Diversion` | [`diversions`](Message::diversions) | [`Diversion`](crate::message::Diversion)s | 5806 §4 |
/// | `Error-Info` | [`error_info`](Message::error_info) | [`Link`](crate::message::Link)s | 3261 §20.18 |
/// | `Event` | [`event`](Message::event) | [`EventPackage`](crate::message::EventPackage) | 6665 §8.2.1 |
/// | `Expires` | [`expires`](Message::expires) | [`Duration`](core::time::Duration) | 3261 §20.19 |
/// | `From` | [`from`](Message::from), [`from_tag`](Message::from_tag) | [`Address`], text | 3261 §20.20 |
/// | `Geolocation` | [`geolocation`](Message::geolocation) | [`Link`](crate::message::Link)s | 6442 §4.1 |
/// | `Geolocation-Error` | [`geolocation_error`](Message::geolocation_error) | [`GeolocationError`](crate::message::GeolocationError) | 6442 §4.3 |
/// | `Geolocation-Routing` | [`geolocation_routing`](Message::geolocation_routing) | token | 6442 §4.2 |
/// | `History-Info` | [`history_info`](Message::history_info) | [`HistoryInfo`](crate::message::HistoryInfo)s | 7044 §5 |
/// | `Identity` | [`identities`](Message::identities) | text a line | 8224 §4 |
/// | `Info-Package` | [`info_package`](Message::info_package) | [`InfoPackage`](crate::message::InfoPackage) | 6086 §7.2 |
/// | `In-Reply-To` | [`in_reply_to`](Message::in_reply_to) | Call-IDs | 3261 §20.21 |
/// | `Join` | [`join`](Message::join) | [`Join`](crate::message::Join) | 3911 §7.1 |
/// | `Max-Forwards` | [`max_forwards`](Message::max_forwards) | number to 255 | 3261 §20.22 |
/// | `MIME-Version` | [`mime_version`](Message::mime_version) | [`MimeVersion`](crate::message::MimeVersion) | 3261 §20.24 |
/// | `Min-Expires` | [`min_expires`](Message::min_expires) | [`Duration`](core::time::Duration) | 3261 §20.23 |
/// | `Min-SE` | [`min_se`](Message::min_se) | [`MinSe`](crate::message::MinSe) | 4028 §5 |
/// | `Organization` | [`organization`](Message::organization) | text | 3261 §20.25 |
/// | `P-Asserted-Identity` | [`asserted_identities`](Message::asserted_identities) | [`Address`]es | 3325 §9.1 |
/// | `P-Preferred-Identity` | [`preferred_identities`](Message::preferred_identities) | [`Address`]es | 3325 §9.2 |
/// | `Path` | [`paths`](Message::paths) | [`Address`]es | 3327 §4 |
/// | `Priority` | [`priority`](Message::priority) | token | 3261 §20.26 |
/// | `Privacy` | [`privacy`](Message::privacy) | tokens | 3323 §4.2 |
/// | `Proxy-Authenticate` | [`proxy_authenticate`](Message::proxy_authenticate) | [`Challenge`](crate::message::Challenge) a line | 3261 §20.27 |
/// | `Proxy-Authorization` | [`proxy_authorization`](Message::proxy_authorization) | [`Credentials`](crate::message::Credentials) a line | 3261 §20.28 |
/// | `Proxy-Require` | [`proxy_require`](Message::proxy_require) | option tags | 3261 §20.29 |
/// | `RAck` | [`rack`](Message::rack) | [`RAck`](crate::message::RAck) | 3262 §7.2 |
/// | `Reason` | [`reasons`](Message::reasons) | [`Reason`](crate::message::Reason)s | 3326 §2 |
/// | `Record-Route` | [`record_routes`](Message::record_routes) | [`Address`]es | 3261 §20.30 |
/// | `Recv-Info` | [`recv_info`](Message::recv_info) | [`InfoPackage`](crate::message::InfoPackage)s | 6086 §7.3 |
/// | `Refer-Sub` | [`refer_sub`](Message::refer_sub) | [`ReferSub`](crate::message::ReferSub) | 4488 §4 |
/// | `Refer-To` | [`refer_to`](Message::refer_to) | [`Address`] | 3515 §2.1 |
/// | `Referred-By` | [`referred_by`](Message::referred_by) | [`Address`] | 3892 §3 |
/// | `Reject-Contact` | [`reject_contact`](Message::reject_contact) | [`FeatureSet`](crate::message::FeatureSet)s | 3841 §9.2 |
/// | `Replaces` | [`replaces`](Message::replaces) | [`Replaces`](crate::message::Replaces) | 3891 §6.1 |
/// | `Reply-To` | [`reply_to`](Message::reply_to) | [`Address`] | 3261 §20.31 |
/// | `Request-Disposition` | [`request_disposition`](Message::request_disposition) | directives | 3841 §9.1 |
/// | `Require` | [`require`](Message::require) | option tags | 3261 §20.32 |
/// | `Retry-After` | [`retry_after`](Message::retry_after) | [`RetryAfter`](crate::message::RetryAfter) | 3261 §20.33 |
/// | `Route` | [`routes`](Message::routes) | [`Address`]es | 3261 §20.34 |
/// | `RSeq` | [`rseq`](Message::rseq) | number | 3262 §7.1 |
/// | `Security-Client` | [`security_client`](Message::security_client) | [`SecurityMechanism`](crate::message::SecurityMechanism)s | 3329 §2.2 |
/// | `Security-Server` | [`security_server`](Message::security_server) | [`SecurityMechanism`](crate::message::SecurityMechanism)s | 3329 §2.2 |
/// | `Security-Verify` | [`security_verify`](Message::security_verify) | [`SecurityMechanism`](crate::message::SecurityMechanism)s | 3329 §2.2 |
/// | `Server` | [`server`](Message::server) | text | 3261 §20.35 |
/// | `Service-Route` | [`service_routes`](Message::service_routes) | [`Address`]es | 3608 §5 |
/// | `Session-Expires` | [`session_expires`](Message::session_expires) | [`SessionExpires`](crate::message::SessionExpires) | 4028 §4 |
/// | `SIP-ETag` | [`sip_etag`](Message::sip_etag) | token | 3903 §11.3.1 |
/// | `SIP-If-Match` | [`sip_if_match`](Message::sip_if_match) | token | 3903 §11.3.2 |
/// | `Subject` | [`subject`](Message::subject) | text | 3261 §20.36 |
/// | `Subscription-State` | [`subscription_state`](Message::subscription_state) | [`SubscriptionState`](crate::message::SubscriptionState) | 6665 §8.2.3 |
/// | `Supported` | [`supported`](Message::supported) | option tags | 3261 §20.37 |
/// | `Timestamp` | [`timestamp`](Message::timestamp) | [`TimestampValue`](crate::message::TimestampValue) | 3261 §20.38 |
/// | `To` | [`to`](Message::to), [`to_tag`](Message::to_tag) | [`Address`], text | 3261 §20.39 |
/// | `Unsupported` | [`unsupported`](Message::unsupported) | option tags | 3261 §20.40 |
/// | `User-Agent` | [`user_agent`](Message::user_agent) | text | 3261 §20.41 |
/// | `User-to-User` | [`user_to_user`](Message::user_to_user) | [`UserToUser`](crate::message::UserToUser)s | 7433 §4.1 |
/// | `Via` | [`via`](Message::via), [`top_via`](Message::top_via), [`branch`](Message::branch) | [`Via`]s, text | 3261 §20.42 |
/// | `Warning` | [`warnings`](Message::warnings) | [`Warning`](crate::message::Warning)s | 3261 §20.43 |
/// | `WWW-Authenticate` | [`www_authenticate`](Message::www_authenticate) | [`Challenge`](crate::message::Challenge) a line | 3261 §20.44 |
/// | any other | [`headers`](Message::headers), [`values`](Message::values), [`elements`](Message::elements) | text | 3261 §7.3 |
impl Message {
    /// The comma-separated elements of all lines with this name.
    pub fn elements(&self, name: Name) -> impl Iterator<Item = &str> {
        self.values(name).flat_map(List::new)
    }

    /// The elements of all lines, each parsed.
    fn each<'a, T>(
        &'a self,
        name: Name,
        parse: fn(&'a str) -> Result<T, ParseError>,
    ) -> impl Iterator<Item = Result<T, ParseError>> {
        self.elements(name).map(move |value| parse(value).map_err(|fault| self.place_in(fault, name, value)))
    }

    /// The lines, each parsed as one value.
    fn each_line<'a, T>(
        &'a self,
        name: Name,
        parse: fn(&'a str) -> Result<T, ParseError>,
    ) -> impl Iterator<Item = Result<T, ParseError>> {
        self.values(name).map(move |value| parse(value).map_err(|fault| self.place_in(fault, name, value)))
    }

    fn addresses(&self, name: Name) -> impl Iterator<Item = Result<Address<'_>, ParseError>> {
        self.elements(name).map(move |value| Address::parse(value).map_err(|f| self.place_in(f, name, value)))
    }

    pub(super) fn address(&self, name: Name) -> Result<Address<'_>, ParseError> {
        Address::parse(self.required(name)?).map_err(|fault| self.place(fault, name))
    }

    fn required(&self, name: Name) -> Result<&str, ParseError> {
        self.value(name).ok_or(ParseError { expected: "the header", header: Some(name), at: 0 })
    }

    fn parsed<'a, T>(
        &'a self,
        name: Name,
        parse: impl FnOnce(&'a str) -> Result<T, ParseError>,
    ) -> Result<Option<T>, ParseError> {
        self.value(name).map(|value| parse(value).map_err(|fault| self.place(fault, name))).transpose()
    }

    /// Checks what a receiver relies on before it acts: the start line, the topmost Via, From, To, Max-Forwards. Notes what it goes on to
    /// read of them.
    pub(super) fn check_received(&mut self) -> Result<(), ParseError> {
        let head = self.bytes.get(..self.head_len()).unwrap_or_default();
        if !scan::is_ascii(head)
            && let Err(fault) = core::str::from_utf8(head)
        {
            return Err(ParseError::new("UTF-8 text", fault.valid_up_to()));
        }
        let (Start::Request { uri: span } | Start::Response { reason: span, .. }) = self.start;
        // A tab is white space (RFC 3261 §25.1 `WSP`).
        let is_control = |lanes: Lanes| lanes.is_in(0, 8) | lanes.is_in(10, 31) | lanes.is(0x7f);
        if let Some(at) = lanes::position(self.raw(span), is_control) {
            return Err(ParseError::new("no control character", at.saturating_add(span.at.into())));
        }
        if self.note_usual_keys().is_none() {
            self.keys = self.check_keys()?;
        }
        // Two digits need no second look (RFC 3261 §20.22).
        let hops = self.first_line(Name::MaxForwards).map(|line| self.raw(line.value));
        if !matches!(hops, None | Some([b'0'..=b'9'] | [b'0'..=b'9', b'0'..=b'9'])) {
            self.max_forwards()?;
        }
        Ok(())
    }

    /// Checks the topmost Via, From and To in every form.
    #[cold]
    pub(super) fn check_keys(&self) -> Result<Keys, ParseError> {
        let value = self.required(Name::Via)?;
        let (top, _) = scan::split_outside(value, b',');
        let placed = |fault| self.place(fault, Name::Via);
        let via = Via::parse(top).map_err(placed)?;
        let hop = TopVia::checked(&via, top).map_err(placed)?;
        let tag = |name| {
            let value = self.required(name)?;
            let placed = |fault| self.place(fault, name);
            let address = Address::parse(value).map_err(placed)?;
            let mut first = None;
            address
                .params
                .walk(scan::trim(value), |param| {
                    if first.is_none() && param.name.eq_ignore_ascii_case("tag") {
                        first = Some(param);
                    }
                })
                .map_err(placed)?;
            match first {
                None => Ok(""),
                // No dialog could be made with it.
                Some(Param { name: text, value: None }) => {
                    Err(self.place_in(ParseError::new("a value of the tag", 0), name, text))
                }
                Some(Param { value: Some(tag), .. }) => Ok(tag),
            }
        };
        let tags = [tag(Name::From)?, tag(Name::To)?];
        Ok(self.keys_from(&hop, tags))
    }

    /// A fault in the first line of `name`, placed in the message.
    fn place(&self, fault: ParseError, name: Name) -> ParseError {
        fault.within(name, self.first_line(name).map_or(0, |line| usize::from(line.value.at)))
    }

    /// A fault in `value`, which lies somewhere in this message.
    pub(super) fn place_in(&self, fault: ParseError, name: Name, value: &str) -> ParseError {
        fault.within(name, (value.as_ptr() as usize).saturating_sub(self.bytes.as_ptr() as usize))
    }
}
