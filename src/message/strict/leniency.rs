//! Where receiving is more lenient than the grammar, as data.

use alloc::string::String;

use bitflags::bitflags;

use super::Finding;
use crate::message::Message;

bitflags! {
    /// What a message in normal form no longer shows.
    #[derive(Clone, Copy, Debug)]
    pub(in crate::message) struct Lost: u8 {
        /// Empty lines stood before the start line.
        const EMPTY_LINES = 1;
        /// A bare LF ended a line.
        const BARE_LF = 1 << 1;
        /// No empty line ended the head.
        const NO_EMPTY_LINE = 1 << 2;
        /// The start line was continued by a fold.
        const START_FOLDED = 1 << 3;
        /// A line that is no header was left out.
        const LEFT_OUT = 1 << 4;
        /// Two folds stood where one is legal.
        const BLANK_FOLD = 1 << 5;
        /// A fold stood behind the backslash of a quoted pair.
        const ESCAPED_FOLD = 1 << 6;
    }
}

/// What normalising lost is no part of what a message says: two messages of the same octets are the same.
impl PartialEq for Lost {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Message {
    /// The first thing that normalising lost; where it stood is lost too.
    pub(super) fn lost(&self) -> Option<Finding> {
        let all = [
            (Lost::EMPTY_LINES, "a start line", "RFC 3261 §7.5"),
            (Lost::BARE_LF, "CR and LF", "RFC 3261 §7"),
            (Lost::NO_EMPTY_LINE, "an empty line", "RFC 3261 §7"),
            (Lost::START_FOLDED, "a start line in one line", "RFC 3261 §7.1"),
            (Lost::LEFT_OUT, "a header name and ':'", "RFC 3261 §7.3"),
            (Lost::BLANK_FOLD, "no fold of white space alone", "RFC 3261 §25.1"),
            (Lost::ESCAPED_FOLD, "a character that can be escaped", "RFC 3261 §25.1"),
        ];
        let (lost, expected, section) = all.into_iter().find(|(lost, ..)| self.lost.contains(*lost))?;
        let is_at_end = lost.contains(Lost::NO_EMPTY_LINE);
        Some(Finding::new(expected, if is_at_end { self.head_len() } else { 0 }, section))
    }
}

/// One respect in which receiving is more lenient than the grammar.
///
/// `usual` is a piece of [`Leniency::ORDINARY`]; with `example` in its place the message still parses, and
/// [`Message::validate`] refuses it with a finding of `section`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leniency {
    /// What is accepted.
    pub what: &'static str,
    /// Why.
    pub why: &'static str,
    /// The rule that the grammar has there.
    pub section: &'static str,
    /// What stands in an ordinary message.
    pub usual: &'static str,
    /// What is accepted in its place.
    pub example: &'static str,
}

impl Leniency {
    /// A request that passes [`Message::validate`].
    pub const ORDINARY: &'static str = "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n\
        Via: SIP/2.0/UDP atlanta.example.com;branch=z9hG4bK74bf9\r\n\
        Max-Forwards: 70\r\n\
        From: Alice <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n\
        To: Bob <sip:bob@biloxi.example.com>\r\n\
        Call-ID: 3848276298220188511@atlanta.example.com\r\n\
        CSeq: 1 INVITE\r\n\
        Contact: <sip:alice@atlanta.example.com>\r\n\
        Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n\
        Content-Type: text/plain\r\n\
        Content-Length: 0\r\n\
        \r\n";

    /// A response that passes [`Message::validate`], for examples that it holds the usual form of and the request does not.
    pub const ORDINARY_RESPONSE: &'static str = "SIP/2.0 486 Busy Here\r\n\
        Via: SIP/2.0/UDP atlanta.example.com;branch=z9hG4bK74bf9\r\n\
        From: Alice <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n\
        To: Bob <sip:bob@biloxi.example.com>;tag=8321234356\r\n\
        Call-ID: 3848276298220188511@atlanta.example.com\r\n\
        CSeq: 1 INVITE\r\n\
        Content-Length: 0\r\n\
        \r\n";

    /// The ordinary message with the example in it.
    pub fn message(&self) -> String {
        let whole =
            [Self::ORDINARY, Self::ORDINARY_RESPONSE].into_iter().find(|text| text.contains(self.usual));
        whole.unwrap_or_default().replacen(self.usual, self.example, 1)
    }
}

const fn row(
    what: &'static str,
    why: &'static str,
    section: &'static str,
    usual: &'static str,
    example: &'static str,
) -> Leniency {
    Leniency { what, why, section, usual, example }
}

const LATER: &str = "examined when it is read";
const LEGIBLE: &str = "legible all the same";
const OLD: &str = "RFC 2543 peers do so";
const ENDPOINT: &str = "the endpoint answers for the Request-URI";

/// Every respect in which receiving is more lenient than the grammar. Receiving is [`Message::parse`] and what is
/// checked of a [`Datagram`](crate::message::Datagram) before it is valid.
///
#[doc = include_str!("leniencies.md")]
pub const LENIENCIES: &[Leniency] = &[
    row(
        "empty lines before the start line",
        "stream peers send them",
        "RFC 3261 §7.5",
        "INVITE sip",
        "\r\n\r\nINVITE sip",
    ),
    row("LF alone as a line's end", LEGIBLE, "RFC 3261 §7", "Max-Forwards: 70\r\n", "Max-Forwards: 70\n"),
    row(
        "no empty line behind the headers of a datagram",
        "a datagram has an end",
        "RFC 3261 §7",
        "Content-Length: 0\r\n\r\n",
        "Content-Length: 0\r\n",
    ),
    row("a start line that is folded", LEGIBLE, "RFC 3261 §7.1", "Busy Here\r\n", "Busy\r\n Here\r\n"),
    row("folds of white space alone", LEGIBLE, "RFC 3261 §25.1", "CSeq: 1 INVITE", "CSeq: 1\r\n \r\n INVITE"),
    row("a fold behind a backslash", LEGIBLE, "RFC 3261 §25.1", "From: Alice <", "From: \"Al\\\r\n ice\" <"),
    row(
        "several blanks between the parts of the start line",
        LEGIBLE,
        "RFC 3261 §7.1",
        "INVITE sip:bob",
        "INVITE  sip:bob",
    ),
    row("several blanks before a status code", LEGIBLE, "RFC 3261 §7.2", "SIP/2.0 486", "SIP/2.0  486"),
    row("blanks at the start line's end", LEGIBLE, "RFC 3261 §7.1", "SIP/2.0\r\nVia", "SIP/2.0  \r\nVia"),
    row(
        "a Request-URI in angle brackets",
        ENDPOINT,
        "RFC 3261 §25.1",
        "sip:bob@biloxi.example.com SIP",
        "<sip:bob@biloxi.example.com> SIP",
    ),
    row(
        "blanks within a Request-URI",
        ENDPOINT,
        "RFC 3261 §19.1.1",
        "sip:bob@biloxi.example.com SIP",
        "sip:bob@biloxi.example.com; lr SIP",
    ),
    row(
        "header fields in a Request-URI",
        ENDPOINT,
        "RFC 3261 §19.1.1",
        "sip:bob@biloxi.example.com SIP",
        "sip:bob@biloxi.example.com?Route=x SIP",
    ),
    row("no space behind a status code", "many peers leave it out", "RFC 3261 §7.2", "486 Busy Here", "486"),
    row("any text as a reason phrase", "it is for people", "RFC 3261 §25.1", "Busy Here", "\"Busy\" <Here>"),
    row(
        "names with the characters of HTTP's tokens",
        LEGIBLE,
        "RFC 3261 §25.1",
        "Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n",
        "X#1: y\r\n",
    ),
    row(
        "white space at a header line's end",
        LEGIBLE,
        "RFC 3261 §25.1",
        "CSeq: 1 INVITE\r\n",
        "CSeq: 1 INVITE \r\n",
    ),
    row("no Max-Forwards", OLD, "RFC 3261 §8.1.1.6", "Max-Forwards: 70\r\n", ""),
    row("no tag in From", OLD, "RFC 3261 §8.1.1.3", ";tag=9fxced76sl", ""),
    row("no tag in the To of an answer", OLD, "RFC 3261 §8.2.6.2", ";tag=8321234356", ""),
    row("CSeq numbers of 32 bits", LEGIBLE, "RFC 3261 §8.1.1.5", "CSeq: 1 INVITE", "CSeq: 4294967295 INVITE"),
    row(
        "any text as a Call-ID",
        "it is compared, not opened",
        "RFC 3261 §20.8",
        "3848276298220188511@atlanta.example.com",
        "a b,c@d@e",
    ),
    row(
        "any URI within From and To",
        LATER,
        "RFC 3261 §25.1",
        "<sip:bob@biloxi.example.com>",
        "< bob@biloxi.example.com >",
    ),
    row(
        "a display name that is no token and not quoted",
        LEGIBLE,
        "RFC 3261 §20.20",
        "From: Alice <",
        "From: Bell, Alexander <",
    ),
    row(
        "a bare URI with a question mark",
        LEGIBLE,
        "RFC 3261 §20.10",
        "To: Bob <sip:bob@biloxi.example.com>",
        "To: sip:bob@biloxi.example.com?x=y",
    ),
    row(
        "parameter values with the characters of URI parameters, or `=`",
        LEGIBLE,
        "RFC 3261 §20.20",
        ";tag=9fxced76sl",
        ";tag=9fx/ced@76=",
    ),
    row(
        "a parameter twice",
        "the first one counts",
        "RFC 3261 §7.3.1",
        ";tag=9fxced76sl",
        ";tag=9fxced76sl;tag=2",
    ),
    row(
        "a received address in brackets, or one that is none",
        "RFC 5118 §4.5",
        "RFC 3261 §20.42",
        ";branch=",
        ";received=[2001:db8::9];branch=",
    ),
    row(
        "a colon too many before the IPv4 part of an IPv6 address",
        "RFC 5118 §4.10",
        "RFC 5954 §4.1",
        "UDP atlanta.example.com;",
        "UDP [2001:db8:::192.0.2.1];",
    ),
    row("a ttl beyond 255", LATER, "RFC 3261 §20.42", ";branch=", ";ttl=256;branch="),
    row(
        "host names with underscores and other labels",
        LEGIBLE,
        "RFC 3261 §20.42",
        "UDP atlanta.example.com;",
        "UDP atlanta_1.example.com;",
    ),
    row(
        "Via values behind the topmost",
        LATER,
        "RFC 3261 §20.42",
        ";branch=z9hG4bK74bf9",
        ";branch=z9hG4bK74bf9, x",
    ),
    row(
        "empty elements in a list",
        LEGIBLE,
        "RFC 3261 §20.42",
        ";branch=z9hG4bK74bf9",
        ";branch=z9hG4bK74bf9,, SIP/2.0/UDP h",
    ),
    row("other headers of any content", LATER, "RFC 3261 §20.17", "GMT", "EST"),
    row(
        "Contacts of any content",
        LATER,
        "RFC 3261 §20.10",
        "Contact: <sip:alice@atlanta.example.com>",
        "Contact: sip:alice@atlanta.example.com?Route=x",
    ),
    row(
        "a semicolon behind a media type or a disposition",
        LEGIBLE,
        "RFC 3261 §20.15",
        "Content-Type: text/plain",
        "Content-Type: text/plain;",
    ),
    row(
        "headers twice that stand once, beyond those that matching needs",
        "the first one counts",
        "RFC 3261 §7.3.1",
        "Content-Type: text/plain\r\n",
        "Content-Type: text/plain\r\nContent-Type: text/html\r\n",
    ),
    row(
        "an INVITE without a Contact, or with several",
        "it matches and is answered all the same",
        "RFC 3261 §8.1.1.8",
        "Contact: <sip:alice@atlanta.example.com>\r\n",
        "",
    ),
    row(
        "an untyped body",
        "it matches and is answered all the same",
        "RFC 3261 §20.15",
        "Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n",
        "Content-Length: 1\r\n\r\nx",
    ),
];
