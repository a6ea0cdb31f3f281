//! Shows one message as a tree, every part with the byte at which it begins, and what strict validation finds in it.
//!
//! `cargo run --example dissect -- FILE|-`
//!
//! Exits 1 when the message is refused on receipt, with the fault and the place in its line.

use std::fmt::{self, Write};
use std::io::Read;
use std::process::ExitCode;

use sip_proto::message::{Address, CSeq, Datagram, List, Name, Params, ParseError, Uri, Via};
use sip_proto::{Limits, Message};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: dissect FILE|-")?;
    let mut octets = Vec::new();
    match path.as_str() {
        "-" => _ = std::io::stdin().read_to_end(&mut octets)?,
        path => octets = std::fs::read(path)?,
    }
    let mut shown = String::new();
    let is_received = dissect(&octets, &mut shown)?;
    print!("{shown}");
    Ok(if is_received { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes the tree, the findings and a refusal; whether the message would be received.
pub(crate) fn dissect(octets: &[u8], out: &mut impl Write) -> Result<bool, fmt::Error> {
    let (message, refusal) = match Datagram::read(octets.to_vec().into(), &Limits::DEFAULT) {
        Datagram::Valid(message) => (message, None),
        Datagram::Broken(message, fault) => (message, Some(fault)),
        Datagram::NotSip(fault) => return refused(octets, fault, out).map(|()| false),
        other => return writeln!(out, "no message: {other:?}").map(|()| true),
    };
    if !octets.starts_with(message.as_bytes()) {
        writeln!(out, "The head is shown in its normal form, in which offsets count.\n")?;
    }
    Tree { message: &message, out }.show()?;
    let findings: Vec<_> = message.findings().collect();
    writeln!(out, "\nstrictness findings: {}", findings.len())?;
    findings.iter().try_for_each(|finding| writeln!(out, "  {finding}"))?;
    match refusal {
        Some(fault) => refused(message.as_bytes(), fault, out).map(|()| false),
        None => Ok(true),
    }
}

/// The fault, the line in which it lies, and a caret under the byte.
fn refused(octets: &[u8], fault: ParseError, out: &mut impl Write) -> fmt::Result {
    let at = fault.at.min(octets.len());
    let (before, after) = octets.split_at(at);
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |feed| feed + 1);
    let end =
        after.iter().position(|byte| matches!(byte, b'\r' | b'\n')).map_or(octets.len(), |end| at + end);
    writeln!(out, "\nrefused: {fault}\n  {}", printable(&octets[start..end]))?;
    writeln!(out, "  {}^", " ".repeat(printable(&octets[start..at]).chars().count()))
}

/// Text as one line; a control character shows as a dot.
fn printable(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).chars().map(|c| if c.is_control() { '.' } else { c }).collect()
}

struct Tree<'a, W> {
    message: &'a Message,
    out: &'a mut W,
}

impl<W: Write> Tree<'_, W> {
    fn show(&mut self) -> fmt::Result {
        let message = self.message;
        match message.status() {
            None => {
                self.part(0, "request", message.method().as_str(), message.as_bytes())?;
                self.uri(message.request_uri().unwrap_or_default())?;
            }
            Some(status) => {
                self.part(0, "response", &status.to_string(), message.as_bytes())?;
                self.text(1, "reason phrase", message.reason_phrase())?;
            }
        }
        for (written, value) in message.lines() {
            let name = Name::find(written);
            let label = match name {
                Name::Unknown => format!("{written} (unknown)"),
                name if written.len() == 1 => format!("{} (compact)", name.as_str()),
                name => name.as_str().to_owned(),
            };
            self.part(0, &label, value, written.as_bytes())?;
            if self.value(name, value).is_err() {
                self.part(1, "malformed", "", value.as_bytes())?;
            }
        }
        let kind = message.value(Name::ContentType).unwrap_or("no type");
        match message.body() {
            [] => Ok(()),
            body => self.part(0, "body", &format!("{} bytes, {kind}", body.len()), body),
        }
    }

    /// The parts of a value, where it has a typed view.
    fn value(&mut self, name: Name, value: &str) -> Result<(), Box<dyn std::error::Error>> {
        match name {
            Name::Via => {
                for via in List::new(value).map(Via::parse) {
                    let via = via?;
                    self.text(1, "transport", via.transport)?;
                    let port = via.port.map(|port| format!(":{port}")).unwrap_or_default();
                    let behind = via.transport.as_ptr().wrapping_add(via.transport.len() + 1);
                    let place = behind as usize - self.message.as_bytes().as_ptr() as usize;
                    self.row(place, 1, "sent-by", &format!("{}{port}", via.host))?;
                    self.params(2, via.params)?;
                }
            }
            Name::CSeq => {
                let cseq = CSeq::parse(value)?;
                self.part(1, "number", &cseq.number.to_string(), value.as_bytes())?;
                self.text(1, "method", value.split_ascii_whitespace().next_back().unwrap_or_default())?;
            }
            Name::ContentType
            | Name::ContentDisposition
            | Name::Event
            | Name::SubscriptionState
            | Name::SessionExpires
            | Name::MinSe
            | Name::Replaces
            | Name::Join
            | Name::Reason => {
                for element in List::new(value) {
                    let (head, params) = element.split_at(element.find(';').unwrap_or(element.len()));
                    self.text(1, "value", head)?;
                    self.params(2, Params::new(params))?;
                }
            }
            Name::Contact if value == "*" => self.text(1, "all", value)?,
            Name::From
            | Name::To
            | Name::Contact
            | Name::Route
            | Name::RecordRoute
            | Name::ReplyTo
            | Name::ReferTo
            | Name::ReferredBy
            | Name::Path
            | Name::ServiceRoute
            | Name::Diversion
            | Name::PAssertedIdentity
            | Name::PPreferredIdentity
            | Name::HistoryInfo => {
                // From, To and their like hold one address, whatever commas it has.
                let is_single = matches!(name, Name::From | Name::To | Name::ReplyTo | Name::ReferTo);
                let elements = List::new(value).take(if is_single { 0 } else { usize::MAX });
                for address in elements.chain(is_single.then_some(value)).map(Address::parse) {
                    let address = address?;
                    if !address.raw_display_name.is_empty() {
                        self.text(1, "display name", address.raw_display_name)?;
                    }
                    self.uri(address.uri)?;
                    self.params(1, address.params)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn uri(&mut self, text: &str) -> fmt::Result {
        self.text(1, "URI", text)?;
        match Uri::parse(text) {
            Ok(Uri::Sip(uri)) => {
                uri.user.map_or(Ok(()), |user| self.text(2, "user", user))?;
                self.params(2, uri.params)?;
                uri.headers.map_or(Ok(()), |headers| self.text(2, "headers", headers))
            }
            Ok(Uri::Tel(uri)) => self.text(2, "number", uri.number).and(self.params(2, uri.params)),
            Ok(_) => Ok(()),
            Err(fault) => self.part(2, "malformed, expected", fault.expected, text.as_bytes()),
        }
    }

    fn params(&mut self, depth: usize, params: Params<'_>) -> fmt::Result {
        params.iter().try_for_each(|param| {
            self.part(
                depth,
                &format!(";{}", param.name),
                param.value.unwrap_or_default(),
                param.name.as_bytes(),
            )
        })
    }

    fn text(&mut self, depth: usize, label: &str, text: &str) -> fmt::Result {
        self.part(depth, label, text, text.as_bytes())
    }

    /// A line about `part`, a piece of the message.
    fn part(&mut self, depth: usize, label: &str, text: &str, part: &[u8]) -> fmt::Result {
        let whole = self.message.as_bytes();
        let place = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        self.row(if place > whole.len() { 0 } else { place }, depth, label, text)
    }

    fn row(&mut self, place: usize, depth: usize, label: &str, text: &str) -> fmt::Result {
        let (indent, text) = ("  ".repeat(depth), printable(text.as_bytes()));
        writeln!(self.out, "{}", format!("{place:>6}  {indent}{label}  {text}").trim_end())
    }
}
