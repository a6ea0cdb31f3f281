//! What matching and routing read of every message: the topmost Via, the tags of From and To. On receipt their places are noted,
//! so that they are found once.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Host, MAGIC_COOKIE, Message, Param, ParseError, Span, Uri, Via, scan};

/// The topmost Via, as far as answers are matched and requests answered by it (RFC 3261 §17.1.3, §17.2.3, §18.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TopVia<'a> {
    /// The branch; empty where there is none.
    pub(crate) branch: &'a [u8],
    /// The host of sent-by, opened already or as it is written.
    host: Result<Host<'a>, &'a [u8]>,
    /// The port of sent-by or, where none is given, its transport's.
    pub(crate) port: u16,
    /// Whether there is `rport`, with a value or without.
    pub(crate) wants_rport: bool,
    /// Whether there is `received`.
    pub(super) is_stamped: bool,
    /// Whether there is `maddr`.
    pub(crate) has_maddr: bool,
    has_branch: bool,
}

impl<'a> TopVia<'a> {
    /// What `via` says.
    fn of(via: &Via<'a>) -> Self {
        let mut hop = Self::without_params(via, Ok(via.host));
        via.params.iter().for_each(|param| hop.see(param));
        hop
    }

    /// What `via`, which is all of `value`, says if it is what the grammar has.
    pub(super) fn checked(via: &Via<'a>, value: &'a str) -> Result<Self, ParseError> {
        let host = match via.host {
            Host::Ip(IpAddr::V4(_)) => Ok(via.host),
            Host::Name(name) => Err(name.as_bytes()),
            Host::Ip(IpAddr::V6(_)) => {
                let brackets =
                    [memchr::memchr(b'[', value.as_bytes()), memchr::memchr(b']', value.as_bytes())];
                let [start, end] = brackets.map(Option::unwrap_or_default);
                Err(value.as_bytes().get(start..=end).unwrap_or_default())
            }
        };
        let mut hop = Self::without_params(via, host);
        via.params.walk(scan::trim(value), |param| hop.see(param))?;
        Ok(hop)
    }

    fn without_params(via: &Via<'a>, host: Result<Host<'a>, &'a [u8]>) -> Self {
        Self {
            branch: b"",
            host,
            port: via.port_or_default(),
            wants_rport: false,
            is_stamped: false,
            has_branch: false,
            has_maddr: false,
        }
    }

    /// Of each name the first parameter counts.
    fn see(&mut self, param: Param<'a>) {
        let is = |name| param.name.eq_ignore_ascii_case(name);
        if is("branch") && !self.has_branch {
            (self.branch, self.has_branch) = (param.value.unwrap_or_default().as_bytes(), true);
        }
        self.wants_rport |= is("rport");
        self.is_stamped |= is("received");
        self.has_maddr |= is("maddr");
    }

    /// The host of sent-by.
    #[inline]
    pub(crate) fn host(&self) -> Host<'a> {
        match self.host {
            Ok(host) => host,
            Err(written) => opened(scan::text(written)),
        }
    }

    /// The branch, if it is unique as RFC 3261 has it.
    pub(crate) fn rfc3261_branch(&self) -> Option<&'a [u8]> {
        is_rfc3261(self.branch).then_some(self.branch)
    }
}

/// What is neither an IPv4 address nor in brackets is a name.
fn opened(host: &str) -> Host<'_> {
    let address = host.starts_with('[').then(|| Host::parse(host)).flatten();
    address.unwrap_or(Host::Name(host))
}

/// Whether a branch begins with the magic cookie and goes on (RFC 3261 §8.1.1.7).
pub(super) fn is_rfc3261(branch: &[u8]) -> bool {
    match branch.split_first_chunk() {
        Some((cookie, rest)) => !rest.is_empty() && (cookie == COOKIE || cookie.eq_ignore_ascii_case(COOKIE)),
        None => false,
    }
}

const COOKIE: &[u8; MAGIC_COOKIE.len()] = match MAGIC_COOKIE.as_bytes().first_chunk() {
    Some(cookie) => cookie,
    None => unreachable!(),
};

/// Where the keys of a received message stand. They say nothing that its octets do not: two messages do not differ by them.
#[derive(Clone, Copy, Default)]
pub(super) struct Keys {
    is_known: bool,
    wants_rport: bool,
    is_stamped: bool,
    has_maddr: bool,
    port: u16,
    branch: Span,
    host: Sender,
    from_tag: Span,
    to_tag: Span,
    target: Span,
}

/// The host of sent-by: an address, or where one stands that is yet to be opened.
#[derive(Clone, Copy)]
enum Sender {
    V4(Ipv4Addr),
    At(Span),
}

impl Default for Sender {
    fn default() -> Self {
        Self::At(Span::default())
    }
}

impl PartialEq for Keys {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Message {
    /// Where the keys stand: in the topmost Via, and the tags of From and To.
    pub(super) fn keys_from(&self, hop: &TopVia<'_>, [from_tag, to_tag]: [&str; 2]) -> Keys {
        Keys {
            is_known: true,
            wants_rport: hop.wants_rport,
            is_stamped: hop.is_stamped,
            has_maddr: hop.has_maddr,
            port: hop.port,
            branch: self.span_of(hop.branch),
            host: match hop.host {
                Ok(Host::Ip(IpAddr::V4(ip))) => Sender::V4(ip),
                Ok(_) => Sender::default(),
                Err(written) => Sender::At(self.span_of(written)),
            },
            from_tag: self.span_of(from_tag.as_bytes()),
            to_tag: self.span_of(to_tag.as_bytes()),
            target: Span::default(),
        }
    }

    /// Where `text`, a part of this message, stands.
    fn span_of(&self, text: &[u8]) -> Span {
        let at = (text.as_ptr() as usize).wrapping_sub(self.bytes.as_ptr() as usize) as u16;
        if text.is_empty() { Span::default() } else { Span { at, end: at.wrapping_add(text.len() as u16) } }
    }

    /// The topmost Via, as far as matching and routing go by it.
    ///
    /// # Errors
    /// As [`Message::top_via`].
    pub(crate) fn top_hop(&self) -> Result<TopVia<'_>, ParseError> {
        let keys = &self.keys;
        if !keys.is_known {
            return self.top_via().map(|via| TopVia::of(&via));
        }
        Ok(TopVia {
            branch: self.raw(keys.branch),
            host: match keys.host {
                Sender::V4(ip) => Ok(Host::Ip(ip.into())),
                Sender::At(span) => Err(self.raw(span)),
            },
            port: keys.port,
            wants_rport: keys.wants_rport,
            is_stamped: keys.is_stamped,
            has_branch: keys.branch != Span::default(),
            has_maddr: keys.has_maddr,
        })
    }

    /// The tag in From; empty where there is none.
    pub(crate) fn tag_in_from(&self) -> &str {
        match self.keys.is_known {
            true => self.text(self.keys.from_tag),
            false => self.from().ok().and_then(|from| from.tag()).unwrap_or_default(),
        }
    }

    /// The tag in To; empty where there is none.
    pub(crate) fn tag_in_to(&self) -> &str {
        match self.keys.is_known {
            true => self.text(self.keys.to_tag),
            false => self.to().ok().and_then(|to| to.tag()).unwrap_or_default(),
        }
    }

    /// Notes the URI of the first Contact of a request that can make a dialog, if it is one that can be sent to.
    pub(crate) fn note_target(&mut self) {
        if !self.is_request() || !self.method.creates_dialog() {
            return;
        }
        if let Ok(Some(contact)) = self.contact()
            && Uri::parse(contact.uri).is_ok()
        {
            self.keys.target = self.span_of(contact.uri.as_bytes());
        }
    }

    /// The URI that [`Message::note_target`] has noted.
    pub(crate) fn noted_target(&self) -> Option<&str> {
        (self.keys.target != Span::default()).then(|| self.text(self.keys.target))
    }

    /// Whether the answer must say in the topmost Via that the request came from `source`: where sent-by is another host, and to a client
    /// that asks (RFC 3261 §18.2.1, RFC 3581 §4).
    pub(super) fn must_say(&self, source: SocketAddr) -> bool {
        let keys = &self.keys;
        if let (true, Sender::V4(ip)) = (keys.is_known, keys.host) {
            return keys.wants_rport || keys.is_stamped || source.ip() != ip;
        }
        self.top_hop()
            .is_ok_and(|hop| hop.wants_rport || hop.is_stamped || !hop.host().is_same(Host::Ip(source.ip())))
    }

    /// The address in `maddr` of the topmost Via (RFC 3261 §18.2.2).
    pub(crate) fn maddr(&self) -> Option<IpAddr> {
        self.top_via().ok()?.maddr().and_then(Host::ip)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::limits::Limits;
    use crate::message::Datagram;

    /// What is noted on receipt is what is found without.
    #[test]
    fn keys_say_what_the_views_say() {
        let vias = [
            "SIP/2.0/UDP h",
            "SIP/2.0/TLS h:5070;branch=z9hG4bK1;rport;maddr=192.0.2.7",
            "SIP / 2.0 / UDP 192.0.2.1 : 5080 ;received=192.0.2.2;branch=x",
            "SIP/2.0/UDP [2001:db8::1]:5070;branch=Z9HG4BKx, SIP/2.0/UDP two",
            "SIP/2.0/UDP 1.2.3.4.5;rport=1;branch=z9hG4bK",
        ];
        let tails = ["", ";tag=1", ";x;tag=\"q\"", ";TAG=a;tag=b"];
        for via in vias {
            for (from, to) in tails.iter().flat_map(|one| tails.map(|two| (*one, two))) {
                let text = alloc::format!(
                    "OPTIONS sip:b@h SIP/2.0\r\nv: {via}\r\nFrom: <sip:a@h>{from}\r\nTo: B <sip:b@h>{to}\r\n\
                     Call-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"
                );
                let parsed = Message::parse(text.clone()).unwrap();
                let Datagram::Valid(read) = Datagram::read(text.clone().into(), &Limits::DEFAULT) else {
                    panic!("{text}")
                };
                assert!(read.keys.is_known && !parsed.keys.is_known);
                assert_eq!(read, parsed);
                let (noted, found) = (read.top_hop().unwrap(), parsed.top_hop().unwrap());
                let flags = |hop: &TopVia<'_>| (hop.port, hop.wants_rport, hop.is_stamped, hop.has_maddr);
                assert_eq!((noted.branch, noted.host()), (found.branch, found.host()), "{text}");
                assert_eq!(flags(&noted), flags(&found), "{text}");
                assert_eq!(
                    (read.tag_in_from(), read.tag_in_to()),
                    (parsed.tag_in_from(), parsed.tag_in_to()),
                    "{text}"
                );
                assert_eq!(read.maddr(), parsed.top_via().unwrap().maddr().and_then(Host::ip));
            }
        }
    }

    /// A target is noted where the first Contact is one.
    #[test]
    fn a_noted_target_is_the_contact() {
        let uri = "sip:a@192.0.2.1:5070;transport=udp";
        let cases = [
            ("INVITE", alloc::format!("m: \"A, B\" <{uri}>;q=1, <sip:c@h>\r\n"), Some(uri)),
            ("REFER", alloc::format!("Contact: {uri}\r\n").replace(";transport=udp", ""), uri.get(..21)),
            ("OPTIONS", alloc::format!("Contact: <{uri}>\r\n"), None),
            ("INVITE", String::from("Contact: *\r\n"), None),
            ("INVITE", String::from("Contact: <sip:>\r\nContact: <sip:a@h>\r\n"), None),
            ("INVITE", String::from("Contact: <sip:a@h\r\n"), None),
            ("INVITE", String::new(), None),
        ];
        for (method, contact, target) in cases {
            let text = alloc::format!(
                "{method} sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@h>\r\nTo: <sip:b@h>\r\n\
                 Call-ID: c\r\nCSeq: 1 {method}\r\n{contact}\r\n"
            );
            let mut message = Message::parse(text.clone()).unwrap();
            assert_eq!(message.noted_target(), None);
            message.note_target();
            assert_eq!(message.noted_target(), target, "{text}");
            let contact = message.contact().ok().flatten().map(|contact| contact.uri);
            assert!(target.is_none() || contact == target);
        }
    }
}
