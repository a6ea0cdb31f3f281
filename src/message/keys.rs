//! What matching and routing read of every message: the topmost Via, the tags of From and To. On receipt their places are noted,
//! so that they are found once.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::hop::{ReturnHop, TopVia};
use super::usual::{self, Hop, Sender};
use super::{Host, Message, Name, ParseError, Span, Uri, is_sendable};

/// What a dialog is known by, as a message has it; empty where it has none.
#[derive(Clone, Copy)]
pub(crate) struct DialogKeys<'a> {
    pub(crate) call_id: &'a [u8],
    pub(crate) from_tag: &'a [u8],
    pub(crate) to_tag: &'a [u8],
}

/// Where the keys of a received message stand. They say nothing that its octets do not: two messages do not differ by them.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    is_known: bool,
    hop: Hop,
    from_tag: Span,
    to_tag: Span,
    target: Span,
}

impl Keys {
    /// None are noted.
    pub(super) const NONE: Self = Self {
        is_known: false,
        hop: Hop::NONE,
        from_tag: Span::EMPTY,
        to_tag: Span::EMPTY,
        target: Span::EMPTY,
    };
}

impl PartialEq for Keys {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Message {
    /// The branch of the topmost Via (RFC 3261 §8.1.1.7): what [`Via::branch`](super::Via::branch) of [`Message::top_via`] says, for less. `None` where there is
    /// none or the Via is malformed.
    ///
    /// ```
    /// # use sip_proto::message::Message;
    /// # let head = "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK776\r\nFrom: <sip:a@h>;tag=1\r\n\
    /// #     To: <sip:b@h>\r\nContact: <sip:a@192.0.2.1>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n";
    /// let message = Message::parse(head)?;
    /// assert_eq!(message.branch(), Some("z9hG4bK776"));
    /// assert_eq!((message.from_tag(), message.to_tag()), (Some("1"), None));
    /// assert_eq!(message.contact_uri().and_then(|uri| uri.sip()?.user), Some("a"));
    /// # Ok::<(), sip_proto::message::ParseError>(())
    /// ```
    pub fn branch(&self) -> Option<&str> {
        let usual = || usual::branch(&self.bytes, self.first_line(Name::Via)?.value);
        match self.keys.is_known.then_some(self.keys.hop.branch).or_else(usual) {
            Some(branch) => self.text_if_any(branch),
            None => self.top_via().ok()?.branch().filter(|branch| !branch.is_empty()),
        }
    }

    /// The tag in From (RFC 3261 §19.3): what [`Address::tag`](super::Address::tag) of [`Message::from`] says, for less. `None` where there is
    /// none or From is malformed.
    pub fn from_tag(&self) -> Option<&str> {
        self.tag_in(Name::From, self.keys.from_tag)
    }

    /// The tag in To (RFC 3261 §19.3): what [`Address::tag`](super::Address::tag) of [`Message::to`] says, for less. `None` where there is
    /// none or To is malformed.
    pub fn to_tag(&self) -> Option<&str> {
        self.tag_in(Name::To, self.keys.to_tag)
    }

    /// The tag in the first line with this name: what stands at `noted`, once the keys are known.
    fn tag_in(&self, name: Name, noted: Span) -> Option<&str> {
        match self.keys.is_known {
            true => self.text_if_any(noted),
            false => self.find_tag(name),
        }
    }

    #[inline(never)]
    fn find_tag(&self, name: Name) -> Option<&str> {
        match usual::read_tag(&self.bytes, self.first_line(name)?.value) {
            Some(tag) => self.text_if_any(tag),
            None => self.address(name).ok()?.tag(),
        }
    }

    fn text_if_any(&self, span: Span) -> Option<&str> {
        (span != Span::EMPTY).then(|| self.text(span))
    }

    /// Notes where the keys stand, if the message has them in their usual form.
    #[inline]
    pub(super) fn note_usual_keys(&mut self) -> Option<()> {
        let value = |name| self.first_line(name).map(|line| line.value);
        let (from, to, via) = (value(Name::From)?, value(Name::To)?, value(Name::Via)?);
        self.keys = Keys::NONE;
        self.keys.from_tag = usual::tag(&self.bytes, from)?;
        self.keys.to_tag = usual::tag(&self.bytes, to)?;
        usual::top_via(&self.bytes, via, &mut self.keys.hop)?;
        self.keys.is_known = true;
        Some(())
    }

    /// Where the keys stand: in the topmost Via, and the tags of From and To.
    pub(super) fn keys_from(&self, hop: &TopVia<'_>, [from_tag, to_tag]: [&str; 2]) -> Keys {
        let hop = Hop {
            branch: self.span_of(hop.branch),
            host: match hop.host {
                Ok(Host::Ip(IpAddr::V4(ip))) => Sender::V4(ip.to_bits()),
                Ok(_) => Sender::At(Span::EMPTY),
                Err(written) => Sender::At(self.span_of(written)),
            },
            port: hop.port,
            wants_rport: hop.wants_rport,
            is_stamped: hop.is_stamped,
            has_maddr: hop.has_maddr,
        };
        Keys {
            is_known: true,
            hop,
            from_tag: self.span_of(from_tag.as_bytes()),
            to_tag: self.span_of(to_tag.as_bytes()),
            target: Span::EMPTY,
        }
    }

    /// Where `text`, a part of this message, stands.
    fn span_of(&self, text: &[u8]) -> Span {
        let at = (text.as_ptr() as usize).wrapping_sub(self.bytes.as_ptr() as usize) as u16;
        if text.is_empty() { Span::EMPTY } else { Span { at, end: at.wrapping_add(text.len() as u16) } }
    }

    /// The topmost Via, as far as matching and routing go by it.
    ///
    /// # Errors
    /// As [`Message::top_via`].
    #[inline]
    pub(crate) fn top_hop(&self) -> Result<TopVia<'_>, ParseError> {
        match self.keys.is_known {
            true => Ok(self.hop_of(&self.keys.hop)),
            false => self.find_top_hop(),
        }
    }

    #[inline(never)]
    fn find_top_hop(&self) -> Result<TopVia<'_>, ParseError> {
        let mut hop = Hop::NONE;
        let via = self.first_line(Name::Via);
        match via.and_then(|line| usual::top_via(&self.bytes, line.value, &mut hop)) {
            Some(()) => Ok(self.hop_of(&hop)),
            None => self.top_via().map(|via| TopVia::of(&via)),
        }
    }

    /// What stands where `hop` says.
    #[inline]
    fn hop_of(&self, hop: &Hop) -> TopVia<'_> {
        TopVia {
            branch: self.raw(hop.branch),
            host: match hop.host {
                Sender::V4(ip) => Ok(Host::Ip(Ipv4Addr::from_bits(ip).into())),
                Sender::At(span) => Err(self.raw(span)),
            },
            port: hop.port,
            wants_rport: hop.wants_rport,
            is_stamped: hop.is_stamped,
            has_branch: hop.branch != Span::EMPTY,
            has_maddr: hop.has_maddr,
        }
    }

    /// Of the topmost Via, what says where an answer goes; `None` where [`Message::top_hop`] fails.
    pub(crate) fn return_hop(&self) -> Option<ReturnHop> {
        let TopVia { port, wants_rport, is_stamped, has_maddr, .. } = self.top_hop().ok()?;
        Some(ReturnHop { port, wants_rport, is_stamped, has_maddr })
    }

    /// The tag in From; empty where there is none.
    pub(crate) fn tag_in_from(&self) -> &str {
        self.from_tag().unwrap_or_default()
    }

    /// The tag in To; empty where there is none.
    pub(crate) fn tag_in_to(&self) -> &str {
        self.to_tag().unwrap_or_default()
    }

    /// What a dialog is known by, in octets (RFC 3261 §12): what [`Message::call_id`], [`Message::from_tag`] and [`Message::to_tag`] say, for less.
    pub(crate) fn dialog_keys(&self) -> DialogKeys<'_> {
        let octets: &[u8] = &self.bytes;
        let raw = |span: Span| octets.get(span.at.into()..span.end.into()).unwrap_or_default();
        let call_id = self.first_line(Name::CallId).map(|line| raw(line.value)).unwrap_or_default();
        let [from_tag, to_tag] = match self.keys.is_known {
            true => [raw(self.keys.from_tag), raw(self.keys.to_tag)],
            false => [self.tag_in_from(), self.tag_in_to()].map(str::as_bytes),
        };
        DialogKeys { call_id, from_tag, to_tag }
    }

    /// The URI of the first Contact, opened: what [`Message::contact`] and [`Address::parse_uri`](super::Address::parse_uri) say, for less.
    /// `None` where there is no address or either is malformed.
    pub fn contact_uri(&self) -> Option<Uri<'_>> {
        Uri::parse(self.contact_text()?).ok()
    }

    /// The URI of the first Contact, unopened.
    pub(crate) fn contact_text(&self) -> Option<&str> {
        let line = self.first_line(Name::Contact)?;
        match usual::contact(&self.bytes, line.value) {
            Some(uri) => Some(self.text(uri)),
            None => self.contact().ok()?.map(|contact| contact.uri),
        }
    }

    /// Whether Contact is this URI in brackets and nothing else: then [`Message::contact_text`] says the same.
    pub(crate) fn is_contact(&self, uri: &str) -> bool {
        let value = self.first_line(Name::Contact).map(|line| self.raw(line.value));
        let bare = value.and_then(|value| value.strip_prefix(b"<")?.strip_suffix(b">"));
        bare == Some(uri.as_bytes())
    }

    /// Notes the URI of the first Contact of a request that can make a dialog, if it is one that can be sent to.
    pub(crate) fn note_target(&mut self) {
        if !self.is_request() || !self.method.creates_dialog() {
            return;
        }
        if let Some(uri) = self.contact_text()
            && is_sendable(uri)
        {
            self.keys.target = self.span_of(uri.as_bytes());
        }
    }

    /// The URI that [`Message::note_target`] has noted.
    pub(crate) fn noted_target(&self) -> Option<&str> {
        self.text_if_any(self.keys.target)
    }

    /// Whether the answer must say in the topmost Via that the request came from `source`: where sent-by is another host, and to a client
    /// that asks (RFC 3261 §18.2.1, RFC 3581 §4).
    pub(super) fn must_say(&self, source: SocketAddr) -> bool {
        let hop = &self.keys.hop;
        match (self.keys.is_known, hop.host) {
            (true, Sender::V4(ip)) => {
                return hop.wants_rport || hop.is_stamped || source.ip() != Ipv4Addr::from_bits(ip);
            }
            // A name is no address.
            (true, Sender::At(host)) if self.raw(host).first() != Some(&b'[') => return true,
            _ => {}
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
    use super::*;
    use crate::limits::Limits;
    use crate::message::{Datagram, Uri};
    use alloc::string::String;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// A request with these values, in octets that need not be text.
    fn request([via, from, to, contact]: &[Vec<u8>; 4]) -> Vec<u8> {
        let mut octets = b"OPTIONS sip:b@h SIP/2.0\r\nCall-ID: c\r\nCSeq: 1 OPTIONS".to_vec();
        for (name, value) in [("Via", via), ("From", from), ("To", to), ("Contact", contact)] {
            octets.extend_from_slice(alloc::format!("\r\n{name}: ").as_bytes());
            octets.extend_from_slice(value);
        }
        octets.extend_from_slice(b"\r\n\r\n");
        octets
    }

    /// The fields, by the shortcuts and by the views.
    fn fields(message: &Message) -> [[Option<String>; 4]; 2] {
        let user = |uri: Option<Uri<'_>>| uri.map(|uri| alloc::format!("{uri:?}"));
        let text = |text: Option<&str>| text.map(String::from);
        let contact = message.contact().ok().flatten().and_then(|contact| contact.parse_uri().ok());
        let shortcuts = [message.branch(), message.from_tag(), message.to_tag()].map(text);
        let views = [
            message.top_via().ok().and_then(|via| via.branch()),
            message.from().ok().and_then(|from| from.tag()),
            message.to().ok().and_then(|to| to.tag()),
        ]
        .map(text);
        let with = |[branch, from, to]: [Option<String>; 3], uri| [branch, from, to, user(uri)];
        [with(shortcuts, message.contact_uri()), with(views, contact)]
    }

    /// What is taken of a message for one purpose is what the views say (RFC 3261 §12, §18.2.2).
    fn hold_parts(message: &Message) {
        let DialogKeys { call_id, from_tag, to_tag } = message.dialog_keys();
        let views = [message.call_id(), message.tag_in_from(), message.tag_in_to()].map(str::as_bytes);
        assert_eq!([call_id, from_tag, to_tag], views, "{}", message.as_bytes().escape_ascii());
        let back = message.return_hop().map(|hop| (hop.port, hop.wants_rport, hop.is_stamped, hop.has_maddr));
        let top = message.top_via().map(|via| TopVia::of(&via));
        let flags = top.ok().map(|hop| (hop.port, hop.wants_rport, hop.is_stamped, hop.has_maddr));
        assert_eq!(back, flags);
    }

    /// Holds a message against its views: as it is parsed, as it is received, as it is received where nothing is usual.
    fn hold(octets: &[u8]) -> usize {
        let Ok(parsed) = Message::parse(octets.to_vec()) else { return 0 };
        let [shortcuts, views] = fields(&parsed);
        assert_eq!(shortcuts, views, "{}", octets.escape_ascii());
        hold_parts(&parsed);
        let hop = |message: &Message, via: Result<TopVia<'_>, ParseError>| {
            let flags = |hop: &TopVia<'_>| (hop.port, hop.wants_rport, hop.is_stamped, hop.has_maddr);
            let parts =
                |hop: TopVia<'_>| (flags(&hop), hop.branch.to_vec(), alloc::format!("{:?}", hop.host()));
            (via.map(parts), message.maddr())
        };
        let top = hop(&parsed, parsed.top_via().map(|via| TopVia::of(&via)));
        assert_eq!(hop(&parsed, parsed.top_hop()), top, "{}", octets.escape_ascii());
        let keys = |keys: &Keys| {
            let hop = keys.hop;
            let flags = (hop.port, hop.wants_rport, hop.is_stamped, hop.has_maddr);
            let spans = [hop.branch, keys.from_tag, keys.to_tag].map(|span| (span.at, span.end));
            (flags, spans, alloc::format!("{:?}", hop.host))
        };
        let mut noted = parsed.clone();
        let usual = noted.note_usual_keys().map(|()| noted.keys);
        if let Some(usual) = &usual {
            let checked = parsed.check_keys().map(|checked| keys(&checked));
            assert_eq!(checked, Ok(keys(usual)), "{}", octets.escape_ascii());
        }
        if let Datagram::Valid(read) = Datagram::read(octets.to_vec().into(), &Limits::DEFAULT) {
            assert!(read.keys.is_known);
            hold_parts(&read);
            assert_eq!(fields(&read), [views.clone(), views], "{}", octets.escape_ascii());
            assert_eq!(hop(&read, read.top_hop()), top);
        }
        usual.iter().count()
    }

    /// What values are made of, and what does not belong in them.
    const PIECES: [&str; 48] = [
        "SIP/2.0/UDP ",
        "SIP/2.0/TLS ",
        "SIP/2.0/tcp ",
        "h",
        "192.0.2.1",
        "[::1]",
        ":5060",
        ":99999",
        ":",
        ";branch=z9hG4bK1",
        ";branch",
        ";BRANCH=x",
        ";rport",
        ";received=192.0.2.7",
        ";maddr=192.0.2.8",
        ";x=y",
        ";",
        "=",
        ", ",
        ",",
        " ",
        "\t",
        "<sip:a@h>",
        "<",
        ">",
        "<sip:a:b@h:5070;lr>",
        "<tel:1>",
        "sip:b@h",
        "\"Bob\" ",
        "\"B\"",
        "Bob ",
        "\"",
        "\\",
        ";tag=1",
        ";tag=a6c8~x",
        ";TAG=q",
        ";tag",
        ";tag=\"q\"",
        ";tag=1,2",
        "*",
        "\u{e9}",
        "\u{0}",
        "%41",
        "@",
        "?a=b",
        "sips:a;x@h",
        "0123456789012345",
        ";a-long-name=a.long.value",
    ];

    fn value(likely: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
        let piece = || prop::sample::select(PIECES.to_vec()).prop_map(|piece| piece.as_bytes().to_vec());
        let tail = || {
            let octets = prop::collection::vec(any::<u8>(), 0..3);
            prop::collection::vec(prop_oneof![12 => piece(), 1 => octets], 0..4)
                .prop_map(|pieces| pieces.concat())
        };
        let head = prop::sample::select(likely.to_vec()).prop_map(|head| head.as_bytes().to_vec());
        prop_oneof![3 => (head, tail()).prop_map(|(head, tail)| [head, tail].concat()), 1 => tail()]
    }

    const VIAS: &[&str] =
        &["SIP/2.0/UDP h", "SIP/2.0/TCP h.example.com:5070;branch=z9hG4bK1", "SIP/2.0/TLS 192.0.2.1;rport"];
    const ADDRESSES: &[&str] =
        &["<sip:a@h>", "\"A B\" <sip:a@h>;tag=1", "A <sip:a@192.0.2.1:5060>", "\"x", "sip:a@h"];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        /// RFC 3261 §20: shortcuts say what the views say, of whatever a peer sends.
        #[test]
        fn shortcuts_say_what_the_views_say(
            values in (value(VIAS), value(ADDRESSES), value(ADDRESSES), value(ADDRESSES))
        ) {
            let (via, from, to, contact) = values;
            hold(&request(&[via, from, to, contact]));
        }
    }

    /// Most of what is well formed is read without the views.
    #[test]
    fn the_usual_form_is_usual() {
        let vias = [
            "SIP/2.0/UDP h:1;branch=z9hG4bK1;rport",
            "SIP/2.0/TLS 192.0.2.1;branch=z9hG4bK-a.b_c~d, SIP/2.0/UDP h",
        ];
        let addresses = [
            "<sip:a@h>",
            "\"A <x> B\" <sip:a@h>;x;tag=1",
            "\"\"<sip:a@h>;tag=1",
            "A B <sips:a@h;lr>;tag=0123456789012345-x",
        ];
        for (via, address) in vias.iter().flat_map(|via| addresses.map(|address| (via, address))) {
            let [via, address] = [*via, address].map(|text| text.as_bytes().to_vec());
            assert_eq!(hold(&request(&[via, address.clone(), address.clone(), address])), 1);
        }
    }

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
            ("REFER", alloc::format!("Contact: {uri}\r\n").replace(";transport=udp", ""), uri.get(..20)),
            ("OPTIONS", alloc::format!("Contact: <{uri}>\r\n"), None),
            ("INVITE", String::from("Contact: *\r\n"), None),
            ("INVITE", String::from("Contact: <sip:>\r\nContact: <sip:a@h>\r\n"), None),
            ("INVITE", String::from("Contact: <sip:a@h\r\n"), None),
            ("INVITE", String::from("Contact: <tel:+1>\r\n"), None),
            ("INVITE", String::from("Contact: <sip:a@h;transport=sctp>\r\n"), None),
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
