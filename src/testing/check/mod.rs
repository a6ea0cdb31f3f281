//! What must hold for any octets: the bodies of the fuzz targets, and of the test that replays their corpora.
//!
//! | file | target |
//! |---|---|
//! | `message`, `views` | `message`: a datagram, all that can be read of it and made of it |
//! | `header` | `header`: one value, alone and in a message |
//! | `uri` | `uri`: two URIs, and text to escape |
//! | `stream` | `stream`: a stream, whole and in chunks |
//! | `sdp` | `sdp`: a session description, or two |
//! | `dialog` | `dialog`: a dialog made by hand |
//! | `transaction` | `transaction`: a transaction machine beside its model |

mod dialog;
mod header;
mod message;
mod sdp;
mod stream;
mod transaction;
mod uri;
mod views;

pub use dialog::check_dialog;
pub use header::check_header;
pub use message::check_message;
pub use sdp::check_sdp;
pub use stream::check_stream;
pub use transaction::check_transaction;
pub use uri::check_uri;
pub use views::read_views;

#[cfg(feature = "arbitrary")]
use crate::testing::script::Live;

/// Carries out the [`Script`](crate::testing::Script) that `octets` stand for, with all that an endpoint promises. With `live`, which tells how many
/// bytes live on this thread's heap, what it holds is bounded too.
///
/// # Panics
/// When a promise is not kept.
#[cfg(feature = "arbitrary")]
pub fn check_script(octets: &[u8], live: Option<Live<'_>>) {
    let script = crate::testing::Script::from_octets(octets);
    let kept = crate::testing::script::run(&script)
        .and_then(|recording| live.map_or(Ok(()), |live| recording.check_memory(live)));
    let fault = kept.err().map(|violation| alloc::format!("{violation}\n{script:#?}"));
    assert!(fault.is_none(), "{}", fault.unwrap_or_default());
}

/// Has the two endpoints of the [`Pair`](crate::testing::script::Pair) that `octets` stand for work against each other. `live` is as in [`check_script`].
///
/// # Panics
/// When a promise is not kept.
#[cfg(feature = "arbitrary")]
pub fn check_pair(octets: &[u8], live: Option<Live<'_>>) {
    let pair = crate::testing::script::Pair::from_octets(octets);
    let fault = pair.run(live).err().map(|violation| alloc::format!("{violation}\n{pair:#?}"));
    assert!(fault.is_none(), "{}", fault.unwrap_or_default());
}
