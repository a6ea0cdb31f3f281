//! What a message owes as a whole: headers that must be there, a body that is announced.

use super::cursor::Cursor;
use super::params::one;
use super::{Finding, start};
use crate::message::{Message, Method, Name, StatusCode, scan};

type Check = fn(&Message) -> Option<Finding>;

/// Each finds one thing at most.
pub(super) const CHECKS: &[Check] = &[
    utf8,
    empty_lines,
    |m| needed(m, Name::Via, "RFC 3261 §8.1.1"),
    |m| needed(m, Name::From, "RFC 3261 §8.1.1"),
    |m| needed(m, Name::To, "RFC 3261 §8.1.1"),
    |m| needed(m, Name::CallId, "RFC 3261 §8.1.1"),
    |m| needed(m, Name::CSeq, "RFC 3261 §8.1.1"),
    max_forwards,
    cseq_method,
    from_tag,
    to_tag,
    contact_of_invite,
    star,
    star_expires,
    of_method,
    of_status,
    reliable,
    content_length,
    content_type,
];

fn absent(message: &Message, name: Name, section: &'static str) -> Finding {
    Finding::new("the header", message.head_len(), section).within(name)
}

fn needed(message: &Message, name: Name, section: &'static str) -> Option<Finding> {
    message.first_line(name).is_none().then(|| absent(message, name, section))
}

/// Where the first line's value begins, and the value.
fn first(message: &Message, name: Name) -> Option<(usize, &str)> {
    message.first_line(name).map(|line| (usize::from(line.value.at), message.text(line.value)))
}

/// §7: the head is UTF-8.
fn utf8(message: &Message) -> Option<Finding> {
    let head = message.bytes.get(..message.head_len()).unwrap_or_default();
    let fault = core::str::from_utf8(head).err()?;
    Some(Finding::new("UTF-8 text", fault.valid_up_to(), "RFC 3261 §7"))
}

/// §7.5.
fn empty_lines(message: &Message) -> Option<Finding> {
    (start::leading(message) > 0).then(|| Finding::new("a start line", 0, "RFC 3261 §7.5"))
}

fn max_forwards(message: &Message) -> Option<Finding> {
    let is_missing = message.is_request() && message.first_line(Name::MaxForwards).is_none();
    is_missing.then(|| absent(message, Name::MaxForwards, "RFC 3261 §8.1.1.6"))
}

fn cseq_method(message: &Message) -> Option<Finding> {
    let (at, value) = first(message, Name::CSeq).filter(|_| message.is_request())?;
    let method = value.rsplit([' ', '\t']).next().unwrap_or_default();
    let place = at.saturating_add(value.len().saturating_sub(method.len()));
    let is_same = method == message.method().as_str();
    (!is_same).then(|| Finding::new("the request's method", place, "RFC 3261 §8.1.1.5").within(Name::CSeq))
}

/// Whether a parameter of this name stands outside quotes and brackets in `value`.
fn has_param(value: &str, name: &str) -> bool {
    let mut rest = scan::split_outside(value, b';').1;
    while let Some(text) = rest {
        let c = Cursor::new(text.as_bytes(), 0);
        let mut trimmed = c;
        trimmed.sws();
        if one(trimmed, name) {
            return true;
        }
        rest = scan::split_outside(text, b';').1;
    }
    false
}

/// §8.1.1.3.
fn from_tag(message: &Message) -> Option<Finding> {
    let (at, value) = first(message, Name::From)?;
    let end = at.saturating_add(value.len());
    (!has_param(value, "tag")).then(|| Finding::new("a tag", end, "RFC 3261 §8.1.1.3").within(Name::From))
}

/// §8.2.6.2: every answer but 100 has one.
fn to_tag(message: &Message) -> Option<Finding> {
    message.status().filter(|status| *status != StatusCode::TRYING)?;
    let (at, value) = first(message, Name::To)?;
    let end = at.saturating_add(value.len());
    (!has_param(value, "tag")).then(|| Finding::new("a tag", end, "RFC 3261 §8.2.6.2").within(Name::To))
}

/// §8.1.1.8: exactly one.
fn contact_of_invite(message: &Message) -> Option<Finding> {
    if !message.is_request() || *message.method() != Method::Invite {
        return None;
    }
    const SECTION: &str = "RFC 3261 §8.1.1.8";
    let mut contacts = message.elements(Name::Contact);
    if contacts.next().is_none() {
        return Some(absent(message, Name::Contact, SECTION));
    }
    let second = contacts.next()?;
    let at = (second.as_ptr() as usize).saturating_sub(message.bytes.as_ptr() as usize);
    Some(Finding::new("one Contact", at, SECTION).within(Name::Contact))
}

/// §10.2.2: `*` stands alone, in a REGISTER.
fn star(message: &Message) -> Option<Finding> {
    let place = message.elements(Name::Contact).find(|contact| *contact == "*")?;
    let is_alone = message.elements(Name::Contact).nth(1).is_none() && *message.method() == Method::Register;
    let at = (place.as_ptr() as usize).saturating_sub(message.bytes.as_ptr() as usize);
    (!is_alone)
        .then(|| Finding::new("'*' alone and in a REGISTER", at, "RFC 3261 §10.2.2").within(Name::Contact))
}

/// §10.2.2: `*` is for a removal, which Expires says.
fn star_expires(message: &Message) -> Option<Finding> {
    let is_star = |value: &str| scan::trim(value) == "*";
    let (at, _) = first(message, Name::Contact).filter(|(_, value)| is_star(value))?;
    if !message.is_request() || *message.method() != Method::Register {
        return None;
    }
    let expires = message.value(Name::Expires).and_then(scan::number::<u32>);
    (expires != Some(0))
        .then(|| Finding::new("Expires: 0 beside '*'", at, "RFC 3261 §10.2.2").within(Name::Contact))
}

/// What requests of a method owe beyond the rest.
const OF_METHOD: &[(Method, Name, &str)] = &[
    (Method::Subscribe, Name::Event, "RFC 6665 §8.2.1"),
    (Method::Subscribe, Name::Contact, "RFC 6665 §4.1.2.1"),
    (Method::Notify, Name::Event, "RFC 6665 §8.2.1"),
    (Method::Notify, Name::SubscriptionState, "RFC 6665 §8.2.3"),
    (Method::Notify, Name::Contact, "RFC 6665 §4.2.2"),
    (Method::Refer, Name::ReferTo, "RFC 3515 §2.4.1"),
    (Method::Refer, Name::Contact, "RFC 3515 §2.2"),
    (Method::Prack, Name::RAck, "RFC 3262 §7.2"),
    (Method::Publish, Name::Event, "RFC 3903 §4"),
    (Method::Update, Name::Contact, "RFC 3311 §5.1"),
];

fn of_method(message: &Message) -> Option<Finding> {
    let owed = OF_METHOD.iter().filter(|(method, ..)| message.is_request() && method == message.method());
    owed.filter_map(|(_, name, section)| needed(message, *name, section)).next()
}

/// What responses of a code owe (§20, tables 2 and 3, §21).
const OF_STATUS: &[(u16, Name, &str)] = &[
    (401, Name::WwwAuthenticate, "RFC 3261 §20.44"),
    (405, Name::Allow, "RFC 3261 §20.5"),
    (407, Name::ProxyAuthenticate, "RFC 3261 §20.27"),
    (420, Name::Unsupported, "RFC 3261 §20.40"),
    (421, Name::Require, "RFC 3261 §21.4.16"),
    (422, Name::MinSe, "RFC 4028 §6"),
    (423, Name::MinExpires, "RFC 3261 §20.23"),
    (469, Name::RecvInfo, "RFC 6086 §4.2.2"),
];

fn of_status(message: &Message) -> Option<Finding> {
    let code = message.status()?.code();
    let owed = OF_STATUS.iter().filter(|(status, ..)| *status == code);
    owed.filter_map(|(_, name, section)| needed(message, *name, section)).next()
}

/// The header that an answer owes by its status and has not; of those of which one would do, the first.
pub(crate) fn lacking_in(answer: &Message) -> Option<Name> {
    let status = answer.status()?;
    let has = |name: &Name| answer.first_line(*name).is_some();
    let owed = match status {
        // §21.4.13: depending on what is wrong with the body.
        StatusCode::UNSUPPORTED_MEDIA_TYPE
            if [Name::AcceptEncoding, Name::AcceptLanguage].iter().any(has) =>
        {
            None
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Some(Name::Accept),
        status => OF_STATUS.iter().find(|(code, ..)| *code == status.code()).map(|(_, name, _)| *name),
    };
    owed.filter(|name| !has(name))
}

/// RFC 3262 §3: a provisional response that is sent reliably has a number.
fn reliable(message: &Message) -> Option<Finding> {
    let is_provisional = message.status().is_some_and(|status| (101..200).contains(&status.code()));
    let is_reliable = is_provisional && message.require().any(|tag| tag.eq_ignore_ascii_case("100rel"));
    is_reliable.then(|| needed(message, Name::RSeq, "RFC 3262 §3")).flatten()
}

/// §20.14: the body is as long as announced.
fn content_length(message: &Message) -> Option<Finding> {
    let (at, value) = first(message, Name::ContentLength)?;
    let length: usize = scan::number(scan::trim(value))?;
    let is_as_announced = length == message.body().len();
    (!is_as_announced).then(|| {
        Finding::new("a body as long as announced", at, "RFC 3261 §20.14").within(Name::ContentLength)
    })
}

/// §20.15.
fn content_type(message: &Message) -> Option<Finding> {
    let is_missing = !message.body().is_empty() && message.first_line(Name::ContentType).is_none();
    is_missing.then(|| absent(message, Name::ContentType, "RFC 3261 §20.15"))
}
