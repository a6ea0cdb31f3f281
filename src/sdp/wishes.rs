//! What a side wishes of its streams, whatever the other's directions leave it to say (RFC 6337 §5.1, §5.3).

use alloc::vec::Vec;

use super::answer::wish_of;
use super::hold::redirect_each;
use super::{Direction, Session, Side};
use crate::message::ParseError;

/// Our wishes, one a stream, once a round is complete that `by` has answered: those that were `known`, or are told by the descriptions of `before`, ours
/// first, as far as this round says nothing new. An offer of ours says what we wish, unless it is to hold the peer; an answer does where the offer left
/// the choice.
pub(crate) fn wishes(
    by: Side,
    [local, remote]: [&Session<'_>; 2],
    before: Option<[&Session<'_>; 2]>,
    known: &[Direction],
    is_holding: bool,
) -> Vec<Direction> {
    let mut ours_before = before.into_iter().flat_map(|[ours, _]| ours.streams());
    let mut theirs_before = before.into_iter().flat_map(|[_, theirs]| theirs.streams());
    let mut known = known.iter().copied();
    let is_said = before.is_some_and(|[ours, _]| ours.as_bytes() == local.as_bytes());
    let streams = local.streams().zip(remote.streams());
    let wishes = streams.map(|(ours, theirs)| {
        let (old, old_theirs) = (ours_before.next(), theirs_before.next());
        let told = || old.map_or(Direction::SendRecv, |old| wish_of(&old, old_theirs.as_ref()));
        let known = known.next().unwrap_or_else(told);
        if ours.is_disabled() || theirs.is_disabled() {
            return known;
        }
        match by {
            Side::Theirs if is_holding || is_said => known,
            Side::Theirs => ours.direction,
            Side::Ours => {
                let (asks, gives) = (theirs.direction.receives(), theirs.direction.sends() && !is_holding);
                let sends = if asks { ours.direction.sends() } else { known.sends() };
                let receives = if gives { ours.direction.receives() } else { known.receives() };
                Direction::new(sends, receives)
            }
        }
    });
    wishes.collect()
}

/// A description of ours with the directions that we wish, in the next version if they are others; a stream of which nothing is known keeps its own. Where
/// we hold the peer, no stream receives.
///
/// # Errors
/// When `sdp` is no description: see [`Session::parse`].
pub(crate) fn wished(sdp: &[u8], wishes: &[Direction], is_holding: bool) -> Result<Vec<u8>, ParseError> {
    let mut wishes = wishes.iter().copied();
    let targets: Vec<Direction> = Session::parse(sdp)?
        .streams()
        .map(|stream| match (wishes.next().unwrap_or(stream.direction), is_holding) {
            (wish, true) => wish.held(),
            (wish, false) => wish,
        })
        .collect();
    redirect_each(sdp, &targets)
}
