//! Which of the offered formats are ours too (RFC 3264 §6.1).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Stream;
use super::lines::number;

/// A payload type, 0 to 127 (RFC 3550 §5.1).
pub(super) type Payload = u8;

const PAYLOADS: usize = 128;

/// The formats that offer and answer have in common, in the order of the offer.
pub(super) enum Common<'a> {
    /// RTP: each offered payload type, and ours for the same codec.
    Payloads(Vec<(Payload, Payload)>),
    /// Everything else: the formats by name.
    Names(Vec<&'a str>),
}

impl Common<'_> {
    /// What `offered` and `ours` have in common; `None` when that is nothing, or nothing that is heard or seen.
    pub(super) fn of<'a>(offered: &Stream<'a>, ours: &Stream<'_>) -> Option<Common<'a>> {
        if !offered.is_rtp() {
            let known: BTreeSet<&str> = ours.formats().collect();
            let names: Vec<_> = offered.formats().filter(|name| known.contains(name)).collect();
            return (!names.is_empty()).then_some(Common::Names(names));
        }
        let (offered, ours) = (Payloads::of(offered), Payloads::of(ours));
        let pairs = offered.matched(&ours);
        let carries = |payload: &Payload| !offered.is_auxiliary(*payload);
        let is_enough =
            pairs.iter().any(|(payload, _)| carries(payload)) || !offered.listed.iter().any(carries);
        (is_enough && !pairs.is_empty()).then_some(Common::Payloads(pairs))
    }

    /// The payload type that the answer writes where ours stands in a line of ours.
    pub(super) fn renumbered(&self, ours: Payload) -> Option<Payload> {
        match self {
            Self::Payloads(pairs) => pairs.iter().find(|(_, own)| *own == ours).map(|(offered, _)| *offered),
            Self::Names(_) => None,
        }
    }
}

/// A codec: what `a=rtpmap` says after the payload type (RFC 8866 §6.6).
#[derive(Clone, Copy)]
struct Codec<'a> {
    name: &'a str,
    clock: &'a str,
    channels: &'a str,
}

impl<'a> Codec<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.trim_ascii().splitn(3, '/');
        Self {
            name: parts.next().unwrap_or_default(),
            clock: parts.next().unwrap_or_default(),
            // One channel may be left unsaid.
            channels: parts.next().filter(|channels| *channels != "1").unwrap_or_default(),
        }
    }

    fn is(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(other.name)
            && self.clock == other.clock
            && self.channels == other.channels
    }
}

/// The payload types of a stream.
struct Payloads<'a> {
    /// Each once, in the order of preference.
    listed: Vec<Payload>,
    codecs: [Option<Codec<'a>>; PAYLOADS],
    parameters: [&'a str; PAYLOADS],
}

impl<'a> Payloads<'a> {
    /// Reads a stream once.
    fn of(stream: &Stream<'a>) -> Self {
        let mut codecs = [None; PAYLOADS];
        let mut parameters = [""; PAYLOADS];
        for attribute in stream.attributes() {
            let Some((payload, rest)) = attribute.value.and_then(payload_of) else { continue };
            let index = usize::from(payload);
            match attribute.name {
                "rtpmap" => set(&mut codecs, index, Some(Codec::parse(rest))),
                "fmtp" => set(&mut parameters, index, rest.trim_ascii()),
                _ => {}
            }
        }
        for (payload, codec) in STATIC {
            if let Some(slot) = codecs.get_mut(usize::from(payload)).filter(|slot| slot.is_none()) {
                *slot = Some(Codec::parse(codec));
            }
        }
        let mut seen = 0_u128;
        let mut listed = Vec::new();
        for payload in stream.formats().filter_map(number).filter(|payload: &Payload| *payload < 128) {
            let bit = 1_u128 << payload;
            if seen & bit == 0 {
                seen |= bit;
                listed.push(payload);
            }
        }
        Self { listed, codecs, parameters }
    }

    fn codec(&self, payload: Payload) -> Option<Codec<'a>> {
        self.codecs.get(usize::from(payload)).copied().flatten()
    }

    fn parameters(&self, payload: Payload) -> &'a str {
        self.parameters.get(usize::from(payload)).copied().unwrap_or_default()
    }

    /// Each of `self`'s payload types with the one of `ours` for the same codec, each of which serves once: first those whose
    /// parameters are the same, for there are codecs that parameters make another codec of; then the same number; then any.
    fn matched(&self, ours: &Self) -> Vec<(Payload, Payload)> {
        let mut found: [Option<Payload>; PAYLOADS] = [None; PAYLOADS];
        let mut used = 0_u128;
        for pass in [Pass::All, Pass::Parameters, Pass::Number, Pass::Codec] {
            for payload in self.listed.iter().copied() {
                let index = usize::from(payload);
                if found.get(index).copied().flatten().is_some() {
                    continue;
                }
                let is_free = |own: &Payload| used & (1_u128 << own) == 0;
                let mut candidates = ours.listed.iter().copied().filter(is_free);
                if let Some(own) = candidates.find(|own| self.is_same(payload, ours, *own, pass)) {
                    used |= 1_u128 << own;
                    set(&mut found, index, Some(own));
                }
            }
        }
        let pair = |payload: &Payload| Some((*payload, found.get(usize::from(*payload)).copied().flatten()?));
        self.listed.iter().filter_map(pair).collect()
    }

    fn is_same(&self, payload: Payload, ours: &Self, own: Payload, pass: Pass) -> bool {
        let is_same_number = payload == own;
        let is_same_codec = match (self.codec(payload), ours.codec(own)) {
            (Some(codec), Some(other)) => codec.is(&other),
            // A dynamic payload type that nobody explains is what it was.
            (None, None) => is_same_number,
            _ => false,
        };
        if !is_same_codec {
            return false;
        }
        let is_same_parameters = || self.parameters(payload) == ours.parameters(own);
        match pass {
            Pass::All => is_same_number && is_same_parameters(),
            _ if self.refers_to_others(payload) => false,
            Pass::Parameters => is_same_parameters(),
            Pass::Number => is_same_number,
            Pass::Codec => true,
        }
    }

    /// Whether the parameters of a payload type name other payload types, so that it cannot be given another number.
    fn refers_to_others(&self, payload: Payload) -> bool {
        self.is_named(payload, &["rtx", "red"])
    }

    /// Whether a payload type carries no media of its own: tones, comfort noise, redundancy (RFC 4733, 3389, 4588, 2198, 5109).
    fn is_auxiliary(&self, payload: Payload) -> bool {
        self.is_named(payload, &["telephone-event", "tone", "CN", "rtx", "red", "ulpfec", "flexfec"])
    }

    fn is_named(&self, payload: Payload, names: &[&str]) -> bool {
        self.codec(payload)
            .is_some_and(|codec| names.iter().any(|name| codec.name.eq_ignore_ascii_case(name)))
    }
}

/// What has to be the same beside the codec.
#[derive(Clone, Copy)]
enum Pass {
    All,
    Parameters,
    Number,
    Codec,
}

/// The payload type at the start of an attribute's value, and the rest.
pub(super) fn payload_of(value: &str) -> Option<(Payload, &str)> {
    let end = value.find(' ').unwrap_or(value.len());
    let (payload, rest) = value.split_at_checked(end)?;
    Some((number(payload).filter(|payload| *payload < 128)?, rest))
}

fn set<T>(slots: &mut [T], index: usize, value: T) {
    if let Some(slot) = slots.get_mut(index) {
        *slot = value;
    }
}

/// What the payload types are that need no `a=rtpmap` (RFC 3551 §6).
const STATIC: [(Payload, &str); 24] = [
    (0, "PCMU/8000"),
    (3, "GSM/8000"),
    (4, "G723/8000"),
    (5, "DVI4/8000"),
    (6, "DVI4/16000"),
    (7, "LPC/8000"),
    (8, "PCMA/8000"),
    (9, "G722/8000"),
    (10, "L16/44100/2"),
    (11, "L16/44100"),
    (12, "QCELP/8000"),
    (13, "CN/8000"),
    (14, "MPA/90000"),
    (15, "G728/8000"),
    (16, "DVI4/11025"),
    (17, "DVI4/22050"),
    (18, "G729/8000"),
    (25, "CelB/90000"),
    (26, "JPEG/90000"),
    (28, "nv/90000"),
    (31, "H261/90000"),
    (32, "MPV/90000"),
    (33, "MP2T/90000"),
    (34, "H263/90000"),
];
