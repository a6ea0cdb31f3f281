//! What a datagram is, before anything acts on it.

use bytes::Bytes;

use super::parse::{Flaw, VERSION};
use super::stream::SHORTER_BODY;
use super::{Message, Name, ParseError, StatusCode};
use crate::limits::Limits;

/// A received datagram, weighed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Datagram {
    /// Traffic that holds a NAT binding open. It carries no message and is no fault.
    KeepAlive(KeepAlive),
    /// No SIP message can be made out: to be dropped and counted.
    NotSip(ParseError),
    /// A SIP message with a fault that matters on receipt. A request is answered 400, or 505 for
    /// [`Datagram::is_other_version`], when it is legible enough to be answered.
    Broken(Message, ParseError),
    /// A message to act on.
    Valid(Message),
}

/// What keeps a flow alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeepAlive {
    /// Empty, CR and LF only (RFC 5626 §3.5.1), or a single NUL, as some phones send.
    Blank,
    /// A STUN message on the SIP flow (RFC 5626 §3.5.2, RFC 8489 §5).
    Stun,
}

impl Datagram {
    /// Weighs `payload`.
    pub fn read(payload: Bytes, limits: &Limits) -> Self {
        if let Some(kind) = KeepAlive::of(&payload) {
            return Self::KeepAlive(kind);
        }
        let mut message = Message::blank(payload);
        match message.receive(limits) {
            Err(fault) => Self::NotSip(fault),
            Ok(Some(fault)) => Self::Broken(message, fault),
            Ok(None) => Self::Valid(message),
        }
    }

    /// The status that a request with `fault` is answered: 505 for its version, 513 for its length, 400 for all else
    /// (RFC 3261 §21.4.1, §21.5.6, §21.5.7).
    pub fn refusal(fault: &ParseError) -> StatusCode {
        match () {
            () if Self::is_other_version(fault) => StatusCode::VERSION_NOT_SUPPORTED,
            () if fault.expected == SHORTER_BODY => StatusCode::MESSAGE_TOO_LARGE,
            () => StatusCode::BAD_REQUEST,
        }
    }

    /// Whether `fault` is the protocol version (RFC 3261 §21.5.6).
    pub fn is_other_version(fault: &ParseError) -> bool {
        fault.header.is_none() && fault.expected == VERSION
    }
}

impl KeepAlive {
    /// What `payload` keeps alive, if it does no more than that.
    pub(crate) fn of(payload: &[u8]) -> Option<Self> {
        let is_blank = payload == [0] || payload.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        // RFC 8489 §5: two zero bits, and the magic cookie in the second word.
        let is_stun = payload.first().is_some_and(|byte| *byte < 4)
            && payload.get(4..8) == Some(&[0x21, 0x12, 0xa4, 0x42]);
        if is_blank { Some(Self::Blank) } else { is_stun.then_some(Self::Stun) }
    }
}

impl Message {
    /// Reads what came where it stands, from [`blank`](Self::blank) on, with the keys noted: the fault that matters on receipt, or `Err` when this is
    /// not SIP.
    pub(crate) fn receive(&mut self, limits: &Limits) -> Result<Option<ParseError>, ParseError> {
        match self.read(limits) {
            None => {}
            Some(Flaw::Broken(fault)) => return Ok(Some(fault)),
            Some(Flaw::NotSip(fault)) => return Err(fault),
        }
        Ok(self.check_received().err())
    }

    /// Whether a request that is broken by `fault` can be answered all the same: the answer finds its way by the topmost Via and is
    /// known by that and CSeq (RFC 3261 §17.1.3). From, To and Call-ID may be missing (RFC 4475 §3.3.1). Of another version
    /// of the protocol the Via need not be legible (RFC 4475 §3.1.2.16).
    pub(crate) fn is_answerable(&self, fault: &ParseError) -> bool {
        // A bare CR is some receivers' line end: what is copied of such a line might start a header of its own.
        let ends_lines = self.lines.iter().any(|line| self.raw(line.value).contains(&b'\r'));
        self.is_request()
            && !ends_lines
            && (self.top_via().is_ok() || Datagram::is_other_version(fault))
            && [Name::Via, Name::CSeq]
                .into_iter()
                .all(|name| self.value(name).is_some_and(|value| !value.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &'static [u8]) -> Datagram {
        Datagram::read(Bytes::from_static(payload), &Limits::DEFAULT)
    }

    #[test]
    fn keep_alives_are_no_faults() {
        for blank in [&b""[..], b"\r\n\r\n", b"\0", b"\n"] {
            assert_eq!(read(blank), Datagram::KeepAlive(KeepAlive::Blank));
        }
        assert_eq!(read(b"\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl"), Datagram::KeepAlive(KeepAlive::Stun));
        assert!(matches!(read(b"\0\0"), Datagram::NotSip(_)));
    }

    #[test]
    fn verdicts_are_layered() {
        assert!(matches!(read(b"\x16\x03\x01 tls hello"), Datagram::NotSip(_)));
        // RFC 4475 §3.1.2.1: extraneous header field separators.
        let broken = read(b"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.15;;,;,,\r\nFrom: <sip:a@h>;;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n");
        let Datagram::Broken(message, fault) = broken else { panic!("{broken:?}") };
        assert_eq!(fault.header, Some(Name::Via));
        assert!(message.is_answerable(&fault));
        // RFC 3261 §25.1: text is UTF-8, in headers that nobody reads too.
        let latin = b"OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@h>\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nSubject: \xe9\r\n\r\n";
        let at = latin.iter().position(|byte| *byte == 0xe9).unwrap();
        assert!(
            matches!(read(latin), Datagram::Broken(_, fault) if (fault.expected, fault.at) == ("UTF-8 text", at))
        );
        // RFC 4475 §3.1.2.16: another version is answered 505.
        let broken = read(b"OPTIONS sip:b@h SIP/7.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@h>\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n");
        let Datagram::Broken(message, fault) = broken else { panic!() };
        assert!(Datagram::is_other_version(&fault) && message.is_answerable(&fault));
    }
}
