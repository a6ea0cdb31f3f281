//! What a peer's new description changes (RFC 3264 §8).

use super::stream::Attribute;
use super::{Connection, Session, Stream};

/// What a new description of the peer means after its last one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Change {
    /// Nothing: the same origin, version included, and the same streams by port, address and direction.
    Refresh,
    /// The peer holds us now; but for directions (or the address `0.0.0.0`) the streams are the same.
    Hold,
    /// The peer holds us no longer; but for directions (or the address `0.0.0.0`) the streams are the same.
    Unhold,
    /// Anything else: it has to be looked at.
    Modify,
}

/// Weighs the peer's description `new` against the one it sent before, both as they came in offers.
///
/// The version decides nothing but [`Change::Refresh`]: there are peers that change streams and not the version. For [`Change::Hold`] and [`Change::Unhold`]
/// media types, ports, protocols, formats and what the formats, keys and ICE are must be the same, line ends and other
/// attributes need not. Two bodies of the same octets are a refresh; else a body that is no description modifies.
///
/// ```
/// use sip_proto::sdp::{Change, compare};
///
/// let before = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n";
/// let after = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n";
/// assert_eq!(compare(before, after), Change::Hold);
/// ```
pub fn compare(old: &[u8], new: &[u8]) -> Change {
    match (Session::parse(old), Session::parse(new)) {
        (Ok(old), Ok(new)) => Change::between(&old, &new),
        _ if old == new => Change::Refresh,
        _ => Change::Modify,
    }
}

/// Weighs the peer's description like [`compare`], where `ours` is what we said in the session: formats that we did not take up are gone without a change.
pub(crate) fn compare_agreed(old: &[u8], new: &[u8], ours: &[u8]) -> Change {
    match (Session::parse(old), Session::parse(new), Session::parse(ours)) {
        (Ok(old), Ok(new), Ok(ours)) => Change::weigh(&old, &new, Some(&ours)),
        _ => compare(old, new),
    }
}

impl Change {
    /// Weighs `new` against `old`: see [`compare`].
    pub fn between(old: &Session<'_>, new: &Session<'_>) -> Self {
        Self::weigh(old, new, None)
    }

    fn weigh(old: &Session<'_>, new: &Session<'_>, ours: Option<&Session<'_>>) -> Self {
        if new.is_refresh_of(old) {
            return Self::Refresh;
        }
        if is_same_flow(old, new) || !is_same_but_for_hold(old, new, ours) {
            return Self::Modify;
        }
        match (old.is_hold(), new.is_hold()) {
            (_, true) => Self::Hold,
            (true, false) => Self::Unhold,
            (false, false) => Self::Modify,
        }
    }
}

impl Session<'_> {
    /// Whether `self` says nothing new after `old`: the same origin, version included, and the same streams by port, address and
    /// direction (RFC 3264 §8, RFC 4028 §7.4).
    pub fn is_refresh_of(&self, old: &Session<'_>) -> bool {
        self.origin == old.origin && is_same_flow(old, self)
    }
}

/// Whether media flows from and to the same places in the same directions by both of these descriptions of one side.
pub(crate) fn flow_alike(one: &[u8], other: &[u8]) -> bool {
    match (Session::parse(one), Session::parse(other)) {
        (Ok(one), Ok(other)) => is_same_flow(&one, &other),
        _ => false,
    }
}

/// Whether media flows from and to the same places in the same directions.
fn is_same_flow(old: &Session<'_>, new: &Session<'_>) -> bool {
    pairwise(old, new, |old, new| {
        old.port == new.port
            && (old.is_disabled() || (old.connection == new.connection && old.direction == new.direction))
    })
}

/// Whether the streams differ in nothing that matters but their directions and the address `0.0.0.0`.
fn is_same_but_for_hold(old: &Session<'_>, new: &Session<'_>, ours: Option<&Session<'_>>) -> bool {
    let mut ours = ours.map(Session::streams);
    let is_same = |old: &Stream<'_>, new: &Stream<'_>| {
        let is_disabled = old.is_disabled() && new.is_disabled();
        let shape = |stream: &Stream<'_>| (stream.port, stream.count);
        // What was offered and not taken up may be left out from then on (RFC 3264 §8.3.2).
        let ours = ours.as_mut().and_then(Iterator::next);
        let is_live = |format: &str| ours.is_none_or(|ours| ours.formats().any(|own| own == format));
        let narrowed = || old.formats().filter(|format| is_live(format));
        let is_kept = |attribute: &Attribute<'_>| is_about(attribute, new.formats());
        let is_same_kind = old.media == new.media && old.proto == new.proto && shape(old) == shape(new);
        is_disabled
            || (is_same_kind
                && is_same_place(old.connection, new.connection)
                && (old.formats().eq(new.formats()) || narrowed().eq(new.formats()))
                && weighty(old.attributes()).filter(is_kept).eq(weighty(new.attributes()).filter(is_kept)))
    };
    weighty(old.attributes()).eq(weighty(new.attributes())) && pairwise(old, new, is_same)
}

/// Whether an attribute is about the stream, or about one of these formats of it.
fn is_about<'a>(attribute: &Attribute<'_>, mut formats: impl Iterator<Item = &'a str>) -> bool {
    let format = match attribute.name {
        "rtpmap" | "fmtp" => attribute.value.and_then(|value| value.split(' ').next()),
        _ => None,
    };
    format.is_none_or(|format| formats.any(|known| known == format))
}

fn is_same_place(old: Option<Connection<'_>>, new: Option<Connection<'_>>) -> bool {
    let is_nowhere = |place: Option<Connection<'_>>| place.is_some_and(|place| place.is_nowhere());
    old == new || is_nowhere(old) || is_nowhere(new)
}

/// The attributes without which media would break if they changed unseen: what formats are, keys, ICE.
fn weighty<'a>(attributes: impl Iterator<Item = Attribute<'a>>) -> impl Iterator<Item = Attribute<'a>> {
    const NAMES: [&str; 10] = [
        "rtpmap",
        "fmtp",
        "crypto",
        "fingerprint",
        "setup",
        "ice-ufrag",
        "ice-pwd",
        "candidate",
        "rtcp",
        "rtcp-mux",
    ];
    attributes.filter(|attribute| NAMES.contains(&attribute.name))
}

fn pairwise(
    old: &Session<'_>,
    new: &Session<'_>,
    mut holds: impl FnMut(&Stream<'_>, &Stream<'_>) -> bool,
) -> bool {
    let (mut old, mut new) = (old.streams(), new.streams());
    loop {
        match (old.next(), new.next()) {
            (None, None) => return true,
            (Some(old), Some(new)) if holds(&old, &new) => {}
            _ => return false,
        }
    }
}
