//! An answer to an offer, made of what we said last (RFC 3264 §6).

use alloc::vec::Vec;

use super::attributes::Offered;
use super::formats::Common;
use super::stream::attribute_of;
use super::{Direction, Origin, Session, Stream, write};
use crate::message::{ParseError, StatusCode};

/// What we bring to an answer.
#[derive(Clone, Copy)]
pub struct Ours<'a> {
    local: &'a [u8],
    remote: Option<&'a [u8]>,
    wishes: &'a [Direction],
    is_holding: bool,
}

impl core::fmt::Debug for Ours<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Ours").field("is_holding", &self.is_holding).finish_non_exhaustive()
    }
}

impl<'a> Ours<'a> {
    /// Our current description: the last one that we sent in the session, or what we would offer.
    pub fn new(local: &'a [u8]) -> Self {
        Self { local, remote: None, wishes: &[], is_holding: false }
    }

    /// The peer's description that ours went with. It tells which of our directions were our wish and which were forced on us: a stream
    /// that is `recvonly` because the peer held us is `sendrecv` again when the peer lets go (RFC 6337 §5.3). Without it, no stream
    /// gets wider than it is.
    #[must_use]
    pub fn after(self, remote: &'a [u8]) -> Self {
        Self { remote: Some(remote), ..self }
    }

    /// What we wish of each stream, where that is known: then neither description is asked.
    #[must_use]
    pub(crate) fn wishing(self, wishes: &'a [Direction]) -> Self {
        Self { wishes, ..self }
    }

    /// Whether we hold the peer: then no stream receives.
    #[must_use]
    pub fn holding(self, is_holding: bool) -> Self {
        Self { is_holding, ..self }
    }
}

/// Why there is no answer to an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unusable {
    /// The offer is no description.
    #[error("offer: {0}")]
    Offer(ParseError),
    /// Our own description is none.
    #[error("local description: {0}")]
    Local(ParseError),
    /// Of the streams that are offered for use there is none whose kind, transport and a format are ours too (RFC 3264 §6.1).
    #[error("no stream of the offer is usable")]
    NothingInCommon,
}

impl Unusable {
    /// The status that refuses the offer (RFC 3261 §21.4.26): 488.
    pub const fn status(&self) -> StatusCode {
        StatusCode::NOT_ACCEPTABLE_HERE
    }
}

/// Answers `offer` with what we have: per stream the formats that both have under the offer's payload types and in its order, our
/// address and port, the mirrored direction as far as we allow it; port 0 for a stream that is not ours at the same place, of the same
/// media type, protocol and port count, or that is multicast (RFC 3264 §6). Times are the offer's. The origin is ours, its version one higher unless
/// the answer is what we said last (§8).
///
/// Formats are the same by name, clock rate and channels; of several such, those with the same parameters. Whether a codec can do
/// what differing parameters ask is for whoever knows the codec.
///
/// # Errors
/// [`Unusable`], to be answered 488: a body that is no description, or nothing in common. An offer without a stream in use
/// has an answer.
pub fn answer(offer: &[u8], ours: &Ours<'_>) -> Result<Vec<u8>, Unusable> {
    let offer = Session::parse(offer).map_err(Unusable::Offer)?;
    let local = Session::parse(ours.local).map_err(Unusable::Local)?;
    let remote = ours.remote.and_then(|remote| Session::parse(remote).ok());
    let Ours { wishes, is_holding, .. } = *ours;
    let answering = Answering { offer, local, remote, wishes, is_holding, takes: true };
    let (same, count) = answering.write(local.origin.version);
    if count == 0 && offer.streams().any(|stream| !stream.is_disabled()) {
        return Err(Unusable::NothingInCommon);
    }
    if same == ours.local {
        return Ok(same);
    }
    Ok(answering.write(local.origin.version.wrapping_add(1)).0)
}

/// The answer that takes nothing of `offer`: each of its streams is there with port 0 (RFC 3264 §6). The origin is that of our description in its next version; without
/// one, an origin that names nobody.
///
/// It is for an offer that has to be answered though nobody wants it (RFC 3261 §13.2.2.4).
///
/// ```
/// use sip_proto::sdp;
///
/// let offer = b"v=0\r\no=alice 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n";
/// let answer = sdp::decline(offer, None)?;
/// assert!(answer.ends_with(b"m=audio 0 RTP/AVP 8\r\n"));
/// # Ok::<(), sdp::Unusable>(())
/// ```
///
/// # Errors
/// Where the offer, or our own description, is none.
pub fn decline(offer: &[u8], local: Option<&[u8]>) -> Result<Vec<u8>, Unusable> {
    let offer = Session::parse(offer).map_err(Unusable::Offer)?;
    let nobody = match offer.origin.address_type {
        "IP6" => NOBODY_IP6,
        _ => NOBODY,
    };
    let local = Session::parse(local.unwrap_or(nobody)).map_err(Unusable::Local)?;
    let version = local.origin.version.wrapping_add(1);
    Ok(Answering { offer, local, remote: None, wishes: &[], is_holding: false, takes: false }
        .write(version)
        .0)
}

/// The description of one who has none.
const NOBODY: &[u8] = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n";
const NOBODY_IP6: &[u8] = b"v=0\r\no=- 0 0 IN IP6 ::\r\ns=-\r\nc=IN IP6 ::\r\nt=0 0\r\n";

struct Answering<'a> {
    offer: Session<'a>,
    local: Session<'a>,
    remote: Option<Session<'a>>,
    wishes: &'a [Direction],
    is_holding: bool,
    /// Whether anything is taken of the offer.
    takes: bool,
}

impl Answering<'_> {
    /// The answer in this version, and how many streams it accepts.
    fn write(&self, version: u64) -> (Vec<u8>, usize) {
        let mut out = Vec::with_capacity(self.local.as_bytes().len().saturating_add(64));
        let session = Offered::of(self.offer.attributes(), None);
        self.write_head(&mut out, version, &session);
        let mut ours = self.local.streams();
        let mut before = self.remote.iter().flat_map(Session::streams);
        let mut wishes = self.wishes.iter().copied();
        let mut count = 0_usize;
        for offered in self.offer.streams() {
            let (ours, before) = (ours.next().filter(|_| self.takes), before.next());
            let wish = wishes.next();
            let known = Offered::of(offered.attributes(), Some(&session));
            match ours.and_then(|ours| Some((ours, common(&offered, &ours, &known)?))) {
                Some((ours, formats)) => {
                    count = count.saturating_add(1);
                    let wish = wish.unwrap_or_else(|| wish_of(&ours, before.as_ref()));
                    let direction = offered.direction.reversed().and(match self.is_holding {
                        true => wish.held(),
                        false => wish,
                    });
                    accept(&mut out, &offered, &ours, &formats, &known);
                    // RFC 3264 §6.1: no wider than the offer's, mirrored; no wider than our wish.
                    write::line(&mut out, &[b"a=", direction.as_str().as_bytes()]);
                }
                None => write::disabled(&mut out, &offered, &self.local),
            }
        }
        (out, count)
    }

    /// The session part, in the order of RFC 8866 §5.
    fn write_head(&self, out: &mut Vec<u8>, version: u64, offered: &Offered<'_>) {
        let lines = |kind: u8| self.local.head().filter(move |line| line.is(kind));
        write::line(out, &[b"v=0"]);
        write::origin_as(out, &Origin { version, ..self.local.origin });
        match lines(b's').next() {
            Some(line) => write::copy_value(out, &line),
            None => write::line(out, &[b"s=-"]),
        }
        b"iuep".iter().flat_map(|kind| lines(*kind)).for_each(|line| write::copy_value(out, &line));
        lines(b'c').take(1).chain(lines(b'b')).for_each(|line| write::copy_value(out, &line));
        self.write_times(out);
        lines(b'k').for_each(|line| write::copy_value(out, &line));
        for line in lines(b'a') {
            match attribute_of(&line) {
                Some(attribute) => offered.write(out, &attribute, None),
                None => write::copy_value(out, &line),
            }
        }
    }

    /// RFC 3264 §6: the answer's times are the offer's.
    fn write_times(&self, out: &mut Vec<u8>) {
        if !self.offer.head().any(|line| line.is(b't')) {
            return write::line(out, &[b"t=0 0"]);
        }
        let is_time = |kind| matches!(kind, Some(b't' | b'r' | b'z'));
        for line in self.offer.head().filter(|line| is_time(line.kind)) {
            write::copy_value(out, &line);
        }
    }
}

/// What we wish of a stream, after one description of it of either side: what we said, and what the peer's direction left us no choice to say.
pub(super) fn wish_of(ours: &Stream<'_>, theirs: Option<&Stream<'_>>) -> Direction {
    let theirs = theirs.filter(|theirs| !theirs.is_disabled()).map(|theirs| theirs.direction);
    let sends = ours.direction.sends() || theirs.is_some_and(|theirs| !theirs.receives());
    let receives = ours.direction.receives() || theirs.is_some_and(|theirs| !theirs.sends());
    Direction::new(sends, receives)
}

/// The formats that make `offered` usable for us.
fn common<'a>(offered: &Stream<'a>, ours: &Stream<'_>, known: &Offered<'_>) -> Option<Common<'a>> {
    let is_same_kind = offered.media.eq_ignore_ascii_case(ours.media)
        && offered.proto.eq_ignore_ascii_case(ours.proto)
        && offered.count == ours.count;
    // RFC 3264 §6.2 would have us answer multicast with the group's own address, which is not ours.
    let is_multicast = offered.connection.is_some_and(|connection| connection.is_multicast());
    let is_usable = !offered.is_disabled() && !ours.is_disabled() && is_same_kind && !is_multicast;
    (is_usable && has_keys(ours, known)).then(|| Common::of(offered, ours)).flatten()
}

/// Whether one of our keys is for a suite that is offered, if keys are what we have (RFC 4568 §5.1.2).
fn has_keys(ours: &Stream<'_>, known: &Offered<'_>) -> bool {
    let mut keys = ours.attributes().filter(|attribute| attribute.name == "crypto").peekable();
    keys.peek().is_none()
        || keys.any(|key| known.knows(&key))
        || ours.attributes().any(|attribute| attribute.name == "fingerprint")
}

fn accept(
    out: &mut Vec<u8>,
    offered: &Stream<'_>,
    ours: &Stream<'_>,
    common: &Common<'_>,
    known: &Offered<'_>,
) {
    write::media(out, offered, ours.port, ours.count);
    match common {
        Common::Payloads(pairs) => pairs.iter().for_each(|(payload, _)| {
            out.push(b' ');
            write::number(out, (*payload).into());
        }),
        Common::Names(names) => names.iter().for_each(|name| {
            out.push(b' ');
            out.extend_from_slice(name.as_bytes());
        }),
    }
    write::line(out, &[]);
    let mut has_key = false;
    for line in ours.lines().skip(1) {
        match attribute_of(&line) {
            // RFC 4568 §5.1.2: an answer takes one key.
            Some(attribute) if attribute.name == "crypto" && (has_key || !known.knows(&attribute)) => {}
            Some(attribute) => {
                has_key |= attribute.name == "crypto";
                known.write(out, &attribute, Some(common));
            }
            None if matches!(line.kind, Some(b'i' | b'c' | b'b' | b'k' | b'a')) => {
                write::copy_value(out, &line);
            }
            None => {}
        }
    }
    if let Some(mid) = known.mid() {
        write::line(out, &[b"a=mid:", mid.as_bytes()]);
    }
}
