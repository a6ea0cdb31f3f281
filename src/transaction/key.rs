//! How a message finds its transaction, its request's twin and its dialog (RFC 3261 §§8.2.2.2, 12, 17.1.3, 17.2.3).
//!
//! What identifies them is text of the peer's choosing. It is drawn together into 128 bits of a keyed hash, so that a match table
//! holds small keys of one size, and chosen branches gain nothing: who does not know the key can neither
//! collide nor crowd a bucket.

use core::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};
use smallvec::SmallVec;

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
        let hop = request.top_hop()?;
        let method = if *method == Method::Ack { &Method::Invite } else { method };
        let mut text = Text::new();
        text.field(method.as_str());
        if let Some(branch) = hop.rfc3261_branch() {
            text.caseless(branch);
            text.sent_by(&hop);
            return Ok(text.digest(key));
        }
        text.field("2543");
        text.field(request.request_uri().unwrap_or_default());
        text.caseless(request.tag_in_from());
        text.field(request.call_id());
        text.number(request.cseq());
        text.field(request.elements(Name::Via).next().unwrap_or_default());
        if *method != Method::Invite && *method != Method::Cancel {
            text.caseless(request.tag_in_to());
        }
        Ok(text.digest(key))
    }

    /// The client transaction that a request of ours starts, and that an answer with its topmost Via and CSeq
    /// method belongs to (§17.1.3). Sent-by takes part: an answer that names another host is not ours (§18.1.2).
    ///
    /// # Errors
    /// When the topmost Via is malformed.
    pub fn client(key: &HashKey, message: &Message) -> Result<Self, ParseError> {
        let hop = message.top_hop()?;
        let mut text = Text::new();
        text.field("client");
        text.field(message.method().as_str());
        text.caseless(hop.branch);
        text.sent_by(&hop);
        Ok(text.digest(key))
    }

    /// What a merged request shares with its twin: From tag, Call-ID and CSeq (§8.2.2.2).
    ///
    /// # Errors
    /// When From is malformed.
    pub fn merged(key: &HashKey, request: &Message) -> Result<Self, ParseError> {
        Ok(Self::twin(key, request.tag_in_from(), request.call_id(), (request.cseq(), request.method())))
    }

    /// [`MatchId::merged`] of the request with this From tag, Call-ID and CSeq.
    pub(crate) fn twin(
        key: &HashKey,
        from_tag: &str,
        call_id: &str,
        (number, method): (u32, &Method),
    ) -> Self {
        let mut text = Text::new();
        text.field("merged");
        text.caseless(from_tag);
        text.field(call_id);
        text.number(number);
        text.field(method.as_str());
        text.digest(key)
    }

    /// The dialog with these three (§12). Tags compare without case, Call-IDs byte by byte.
    pub fn dialog(key: &HashKey, call_id: &str, local_tag: &str, remote_tag: &str) -> Self {
        let mut text = Text::new();
        text.field("dialog");
        text.field(call_id);
        text.caseless(local_tag);
        text.caseless(remote_tag);
        text.digest(key)
    }
}

impl HashKey {
    /// A key of these octets, which must be as unpredictable as the endpoint's seed.
    pub fn new(key: [u8; 16]) -> Self {
        Self(key)
    }
}

/// The fields that decide, each closed by an octet that UTF-8 does not have.
struct Text(SmallVec<[u8; 256]>);

const END_OF_FIELD: u8 = 0xff;

impl Text {
    fn new() -> Self {
        Self(SmallVec::new())
    }

    fn field(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(END_OF_FIELD);
    }

    fn caseless(&mut self, text: &str) {
        let start = self.0.len();
        self.field(text);
        self.0.get_mut(start..).unwrap_or_default().make_ascii_lowercase();
    }

    fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    fn sent_by(&mut self, hop: &TopVia<'_>) {
        match hop.host() {
            Host::Name(name) => self.caseless(name),
            Host::Ip(core::net::IpAddr::V4(ip)) => self.0.extend_from_slice(&ip.octets()),
            Host::Ip(core::net::IpAddr::V6(ip)) => self.0.extend_from_slice(&ip.octets()),
        }
        self.0.extend_from_slice(&hop.port.to_be_bytes());
    }

    fn digest(self, key: &HashKey) -> MatchId {
        let mut hasher = SipHasher13::new_with_key(&key.0);
        hasher.write(&self.0);
        let hash = hasher.finish128();
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

    #[test]
    fn keys_and_fields_separate() {
        let dialog = |a, b, c| MatchId::dialog(&key(), a, b, c);
        assert_eq!(dialog("c", "L", "R"), dialog("c", "l", "r"));
        assert_ne!(dialog("c", "l", "r"), dialog("C", "l", "r"));
        assert_ne!(dialog("c", "lr", ""), dialog("c", "l", "r"));
        assert_ne!(MatchId::dialog(&HashKey::new([8; 16]), "c", "l", "r"), dialog("c", "l", "r"));
    }
}
