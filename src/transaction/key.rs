//! How a message finds its transaction, its request's twin and its dialog (RFC 3261 §§8.2.2.2, 12, 17.1.3, 17.2.3).
//!
//! What identifies them is text of the peer's choosing. It is drawn together into 128 bits of a keyed hash, so that a match table
//! holds small keys of one size, and chosen branches gain nothing: who does not know the key can neither
//! collide nor crowd a bucket.

use core::hash::Hasher;
use core::net::IpAddr;

use siphasher::sip128::SipHasher13;

use crate::message::{Host, Message, Method, Name, ParseError, TopVia};

/// The secret key of the match tables.
#[derive(Clone, PartialEq, Eq)]
pub struct HashKey([u8; 16]);

impl core::fmt::Debug for HashKey {
    /// The key stays unseen.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// The identity of a transaction, a request or a dialog within one endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct MatchId {
    high: u64,
    low: u64,
}

impl MatchId {
    /// The identity as a number.
    pub fn as_u128(self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    /// Half of the identity: what a match table keeps of one that is not decisive.
    pub(crate) fn half(self) -> u64 {
        self.high
    }

    /// The server transaction that `request` belongs to, or would, were its method `method` (§17.2.3). An ACK is matched as INVITE; a
    /// CANCEL finds what it cancels when `method` is INVITE (§9.2).
    ///
    /// A topmost branch with the magic cookie decides together with sent-by and method. A request without one comes from an
    /// RFC 2543 client: there Request-URI, From tag, Call-ID, CSeq number and topmost Via decide, and To tag for anything but INVITE
    /// and ACK; the To tag of such an ACK is compared by the context, which knows the tag it answered with.
    ///
    /// # Errors
    /// When a header that decides is malformed.
    pub fn server(key: &HashKey, request: &Message, method: &Method) -> Result<Self, ParseError> {
        let hop = request.top_hop();
        let hop = hop.as_ref().map_err(ParseError::clone)?;
        let method = if *method == Method::Ack { &Method::Invite } else { method };
        let mut text = Text::new(key);
        text.field(method.as_str());
        match hop.rfc3261_branch() {
            Some(branch) => {
                text.caseless(branch);
                text.sent_by(hop);
            }
            None => text.rfc2543(request, method),
        }
        Ok(text.digest())
    }

    /// The client transaction that a request of ours starts, and that an answer with its topmost Via and CSeq
    /// method belongs to (§17.1.3). Sent-by takes part: an answer that names another host is not ours (§18.1.2).
    ///
    /// # Errors
    /// When the topmost Via is malformed.
    pub fn client(key: &HashKey, message: &Message) -> Result<Self, ParseError> {
        let hop = message.top_hop()?;
        let mut text = Text::new(key);
        text.field("client");
        text.field(message.method().as_str());
        text.caseless(hop.branch);
        text.sent_by(&hop);
        Ok(text.digest())
    }

    /// What a merged request shares with its twin: From tag, Call-ID and CSeq (§8.2.2.2).
    ///
    /// # Errors
    /// When From is malformed.
    pub fn merged(key: &HashKey, request: &Message) -> Result<Self, ParseError> {
        let keys = request.dialog_keys();
        Ok(Self::twin(key, keys.from_tag, keys.call_id, (request.cseq(), request.method())))
    }

    /// [`MatchId::merged`] of the request with this From tag, Call-ID and CSeq.
    pub(crate) fn twin(
        key: &HashKey,
        from_tag: &[u8],
        call_id: &[u8],
        (number, method): (u32, &Method),
    ) -> Self {
        let mut text = Text::new(key);
        text.field("merged");
        text.caseless(from_tag);
        text.exact(call_id);
        text.number(number);
        text.field(method.as_str());
        text.digest()
    }

    /// The dialog with these three (§12). Tags compare without case, Call-IDs byte by byte.
    pub fn dialog(key: &HashKey, call_id: &str, local_tag: &str, remote_tag: &str) -> Self {
        let mut text = Text::new(key);
        text.field("dialog");
        text.field(call_id);
        text.caseless(local_tag.as_bytes());
        text.caseless(remote_tag.as_bytes());
        text.digest()
    }
}

impl HashKey {
    /// A key of these octets, which must be as unpredictable as the endpoint's seed.
    pub fn new(key: [u8; 16]) -> Self {
        Self(key)
    }
}

/// The fields that decide, each closed by an octet that UTF-8 does not have. They are gathered, so that they are hashed at once.
struct Text {
    hasher: SipHasher13,
    octets: [u8; ROOM + LANE],
    len: usize,
}

const END_OF_FIELD: u8 = 0xff;
/// More than the fields of most take.
const ROOM: usize = 192;
/// So many octets are folded at a time.
const LANE: usize = 16;

impl Text {
    fn new(key: &HashKey) -> Self {
        Self { hasher: SipHasher13::new_with_key(&key.0), octets: [0; ROOM + LANE], len: 0 }
    }

    fn field(&mut self, text: &str) {
        self.exact(text.as_bytes());
    }

    fn exact(&mut self, text: &[u8]) {
        self.put(text, false);
        self.end_field();
    }

    fn caseless(&mut self, text: &[u8]) {
        self.put(text, true);
        self.end_field();
    }

    fn end_field(&mut self) {
        match self.octets.get_mut(self.len) {
            Some(end) => (*end, self.len) = (END_OF_FIELD, self.len.wrapping_add(1)),
            None => self.put_long(&[END_OF_FIELD], false),
        }
    }

    fn number(&mut self, number: u32) {
        self.put(&number.to_be_bytes(), false);
    }

    fn sent_by(&mut self, hop: &TopVia<'_>) {
        let port = hop.port.to_be_bytes();
        match hop.host() {
            Host::Ip(IpAddr::V4(ip)) => {
                let ([a, b, c, d], [e, f]) = (ip.octets(), port);
                return self.put(&[a, b, c, d, e, f], false);
            }
            Host::Ip(IpAddr::V6(ip)) => self.put(&ip.octets(), false),
            Host::Name(name) => self.caseless(name.as_bytes()),
        }
        self.put(&port, false);
    }

    /// What decides beside the method where the branch does not (§17.2.3).
    #[cold]
    fn rfc2543(&mut self, request: &Message, method: &Method) {
        self.field("2543");
        self.field(request.request_uri().unwrap_or_default());
        self.caseless(request.tag_in_from().as_bytes());
        self.field(request.call_id());
        self.number(request.cseq());
        self.field(request.elements(Name::Via).next().unwrap_or_default());
        if *method != Method::Invite && *method != Method::Cancel {
            self.caseless(request.tag_in_to().as_bytes());
        }
    }

    fn put(&mut self, octets: &[u8], is_caseless: bool) {
        let (start, end) = (self.len, self.len.saturating_add(octets.len()));
        match self.octets.get_mut(start..end) {
            Some(place) if end <= ROOM => place.copy_from_slice(octets),
            _ => return self.put_long(octets, is_caseless),
        }
        if is_caseless {
            // What the last of them folds beyond the end is written over, or never looked at.
            let (lanes, _) = self.octets.get_mut(start..).unwrap_or_default().as_chunks_mut::<LANE>();
            lanes.iter_mut().take(octets.len().div_ceil(LANE)).for_each(|lane| lane.make_ascii_lowercase());
        }
        self.len = end;
    }

    /// Makes room first.
    #[cold]
    fn put_long(&mut self, octets: &[u8], is_caseless: bool) {
        for part in octets.chunks(ROOM) {
            self.hasher.write(self.octets.get(..self.len).unwrap_or_default());
            self.len = 0;
            self.put(part, is_caseless);
        }
    }

    fn digest(&self) -> MatchId {
        let hash = self.hasher.hash(self.octets.get(..self.len).unwrap_or_default());
        MatchId { high: hash.h2, low: hash.h1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> HashKey {
        HashKey::new([9; 16])
    }

    fn request(method: &str, via: &str, to_tag: &str) -> Message {
        let text = alloc::format!(
            "{method} sip:b@h SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>{to_tag}\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n\r\n"
        );
        Message::parse(text).unwrap()
    }

    fn server(method: &str, via: &str, to_tag: &str) -> MatchId {
        let request = request(method, via, to_tag);
        MatchId::server(&key(), &request, request.method()).unwrap()
    }

    const NEW: &str = "SIP/2.0/UDP h:5060;branch=z9hG4bKabc";
    const OLD: &str = "SIP/2.0/UDP h";

    #[test]
    fn branch_sent_by_and_method_decide() {
        // RFC 3261 §17.2.3.
        let invite = server("INVITE", NEW, "");
        assert_eq!(server("INVITE", "SIP/2.0/UDP H;BRANCH=Z9HG4BKABC", ""), invite);
        assert_eq!(server("ACK", NEW, ";tag=2"), invite);
        assert_ne!(server("CANCEL", NEW, ""), invite);
        assert_ne!(server("INVITE", "SIP/2.0/UDP h:5061;branch=z9hG4bKabc", ""), invite);
        assert_ne!(server("INVITE", "SIP/2.0/UDP i;branch=z9hG4bKabc", ""), invite);
        let cancel = request("CANCEL", NEW, "");
        assert_eq!(MatchId::server(&key(), &cancel, &Method::Invite).unwrap(), invite);
    }

    #[test]
    fn rfc_2543_clients_are_matched_by_their_headers() {
        // RFC 3261 §17.2.3, second list.
        let invite = server("INVITE", OLD, "");
        assert_eq!(server("ACK", OLD, ";tag=2"), invite);
        assert_ne!(server("INVITE", "SIP/2.0/UDP i", ""), invite);
        assert_ne!(server("BYE", OLD, ";tag=2"), server("BYE", OLD, ";tag=3"));
        let cancel = request("CANCEL", OLD, "");
        assert_eq!(MatchId::server(&key(), &cancel, &Method::Invite).unwrap(), invite);
    }

    #[test]
    fn an_answer_belongs_to_the_request_that_it_answers() {
        // RFC 3261 §17.1.3, §18.1.2.
        let of =
            |text: &str| MatchId::client(&key(), &Message::parse(text.as_bytes().to_vec()).unwrap()).unwrap();
        let sent = MatchId::client(&key(), &request("OPTIONS", NEW, "")).unwrap();
        let rest = "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1";
        assert_eq!(
            of(&alloc::format!("SIP/2.0 200 OK\r\nVia: {NEW};received=192.0.2.1\r\n{rest} OPTIONS\r\n\r\n")),
            sent
        );
        assert_ne!(of(&alloc::format!("SIP/2.0 200 OK\r\nVia: {NEW}\r\n{rest} INVITE\r\n\r\n")), sent);
    }

    /// Against the same octets, put together and hashed at once.
    #[test]
    fn fields_of_any_length_are_hashed_as_one_text() {
        let (text, mut whole) = ("aZ[@{9Z".repeat(100), alloc::vec::Vec::new());
        for len in (0..250).chain([384, 385, 400, 700]) {
            for (before, after) in [(0, 3), (1, 200), (20, 0), (150, 45), (191, 1), (192, 192)] {
                let [before, field, after] = [before, len, after].map(|len| &text[..len]);
                let mut gathered = Text::new(&key());
                gathered.field(before);
                gathered.caseless(field.as_bytes());
                gathered.number(len as u32);
                gathered.field(after);
                whole.clear();
                whole.extend_from_slice(before.as_bytes());
                whole.push(0xff);
                whole.extend_from_slice(field.to_ascii_lowercase().as_bytes());
                whole.push(0xff);
                whole.extend_from_slice(&(len as u32).to_be_bytes());
                whole.extend_from_slice(after.as_bytes());
                whole.push(0xff);
                let hash = SipHasher13::new_with_key(&key().0).hash(&whole);
                assert_eq!(gathered.digest(), MatchId { high: hash.h2, low: hash.h1 }, "{len}");
            }
        }
    }

    #[test]
    fn keys_and_fields_separate() {
        let dialog = |a, b, c| MatchId::dialog(&key(), a, b, c);
        assert_eq!(dialog("c", "L", "R"), dialog("c", "l", "r"));
        assert_ne!(dialog("c", "l", "r"), dialog("C", "l", "r"));
        assert_ne!(dialog("c", "lr", ""), dialog("c", "l", "r"));
        assert_ne!(MatchId::dialog(&HashKey::new([8; 16]), "c", "l", "r"), dialog("c", "l", "r"));
    }
}
