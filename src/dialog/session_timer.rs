//! Session timers (RFC 4028): whether a call is still there, found out by refreshing it.
//!
//! A [`SessionTimer`] stands beside each dialog that has a session. It says what goes into every INVITE, UPDATE and 2xx, takes in
//! what the peer's say, and keeps two deadlines: the refresh, for the side that refreshes, and the end.
//!
//! ```text
//!          2xx with Session-Expires            half the interval: REFRESH
//! no timer ────────────────────────▶ running ─────────────────────────────▶ refresh due ──┐ 2xx: running
//!    ▲                                 │  ▲                                     │         │ 491, 422, 5xx …: again, later
//!    └──── 2xx without (§7.2, §9) ─────┘  └─────────────────────────────────────┴─────────┘ 408, 481, silence: EXPIRED
//!                                      │
//!                                      └─ we refresh: the interval; the peer does: min(32 s, ⅓) earlier ─▶ EXPIRED, BYE (§10)
//! ```

use core::time::Duration;

use super::session_terms::{LEAST_INTERVAL, RefreshBy, SessionTerms, SessionTimers, TimerMode};
use super::usage::{Failure, Impact, part};
use crate::message::{Method, Refresher, StatusCode};
use crate::sdp::Side;
use crate::time::Timestamp;

bitflags::bitflags! {
    /// What a step of the session timer asks of whoever drives it.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub struct SessionEffects: u8 {
        /// Refresh the session: send an UPDATE without an offer where the peer allows it, else a re-INVITE (§7.4).
        const REFRESH = 1 << 0;
        /// The session has run out: send a BYE (§10). Nothing is due any more.
        const EXPIRED = 1 << 1;
    }
}

/// Why an INVITE or UPDATE is not acceptable to the session timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unacceptable {
    /// The session interval is too small: 422, with this Min-SE (§9).
    TooSmall(Duration),
    /// The peer does not know the extension, which is [required](TimerMode::Required): 421, with `timer` in Require (RFC 3261 §21.4.16).
    Unsupported,
}

/// The session timer of one dialog.
///
/// ```
/// use sip_proto::Timestamp;
/// use sip_proto::dialog::{SessionTimer, SessionTimers, TimerMode};
/// use sip_proto::sdp::Side;
///
/// let settings = SessionTimers { mode: TimerMode::Requested, ..SessionTimers::DEFAULT };
/// let (mut alice, mut bob) = (SessionTimer::new(settings), SessionTimer::new(settings));
///
/// let invite = alice.request();
/// bob.receive(&invite).unwrap();
/// let ok = bob.answer(&invite);
/// bob.answered(Timestamp::ZERO, &ok);
/// alice.accepted(Timestamp::ZERO, &invite, &ok);
/// assert_eq!((alice.refresher(), bob.refresher()), (Some(Side::Ours), Some(Side::Theirs)));
/// assert_eq!(alice.deadline(), Some(Timestamp::from_secs(900)));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionTimer {
    settings: SessionTimers,
    /// The greatest Min-SE heard in a 422 or in a request of the peer (§7.4).
    heard: Option<Duration>,
    peer_knows: bool,
    running: Option<Running>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Running {
    interval: Duration,
    refresher: Side,
    refresh: Refresh,
    /// When the session runs out, by our own count.
    ends: Timestamp,
}

/// What has become of the next refresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refresh {
    /// None is ours to send.
    No,
    /// It falls due then, after so many have failed.
    At(Timestamp, u8),
    /// It is due, or on its way, after so many have failed.
    Due(u8),
}

/// The non-refresher gives up at least this much before the session's end, or a third of the interval where that is less (§10).
const BEFORE_THE_END: Duration = Duration::from_secs(32);

/// How often a refresh is sent again after a 491 at the pace that the 491 asks for.
const QUICK_RETRIES: u8 = 3;

/// So near to the end a failed refresh is not sent again.
const LAST_RETRY: Duration = Duration::from_secs(8);

impl SessionTimer {
    /// The timer of a session that is not agreed yet. `settings` are within their [ranges](SessionTimers::check).
    pub const fn new(settings: SessionTimers) -> Self {
        Self { settings, heard: None, peer_knows: false, running: None }
    }

    /// What goes into an INVITE or UPDATE of ours, be it the first one, a refresh or one for another purpose (§7.1, §7.4).
    pub fn request(&self) -> SessionTerms {
        let SessionTimers { interval, min_se, refresh_by, mode } = self.settings;
        if mode == TimerMode::Off {
            return SessionTerms::default();
        }
        let own = (min_se > LEAST_INTERVAL).then_some(min_se);
        let least = self.heard.map(|heard| heard.max(min_se)).or(own);
        let floor = least.unwrap_or(LEAST_INTERVAL);
        let (interval, refresher) = match self.running {
            // §7.4: the role of the refresher does not change on its own, nor does the interval.
            Some(running) => {
                (Some(running.interval), Some(by(running.refresher, Refresher::Uac, Refresher::Uas)))
            }
            None if mode >= TimerMode::Requested => {
                let refresher = match refresh_by {
                    RefreshBy::Us => Some(Refresher::Uac),
                    // §7.4: only of a peer that is known to support it.
                    RefreshBy::Peer if self.peer_knows => Some(Refresher::Uas),
                    RefreshBy::Peer | RefreshBy::Either => None,
                };
                (Some(interval), refresher)
            }
            None => (None, None),
        };
        SessionTerms {
            supported: true,
            required: mode == TimerMode::Required,
            interval: interval.map(|interval| interval.max(floor)),
            refresher,
            min_se: least,
        }
    }

    /// Takes in an INVITE or UPDATE of the peer's, and says whether it may be answered 2xx (§9).
    ///
    /// # Errors
    /// How it is to be refused.
    pub fn receive(&mut self, request: &SessionTerms) -> Result<(), Unacceptable> {
        if self.settings.mode == TimerMode::Off {
            return Ok(());
        }
        self.peer_knows |= request.knows_timers();
        // §7.4: a Min-SE under 90 s is none.
        if request.min_se.is_some() {
            self.hear(request.floor());
        }
        if self.settings.mode == TimerMode::Required && !request.knows_timers() {
            return Err(Unacceptable::Unsupported);
        }
        match request.interval {
            // A peer without the extension could make nothing of a 422.
            Some(asked) if request.knows_timers() && asked < self.settings.min_se => {
                Err(Unacceptable::TooSmall(self.settings.min_se))
            }
            _ => Ok(()),
        }
    }

    /// What goes into our 2xx to an INVITE or UPDATE that was [received](Self::receive) (§9, Table 2).
    pub fn answer(&self, request: &SessionTerms) -> SessionTerms {
        let SessionTimers { interval, min_se, mode, .. } = self.settings;
        if mode == TimerMode::Off {
            return SessionTerms::default();
        }
        let floor = request.floor().max(min_se);
        let agreed = match (request.interval, self.running) {
            // Less than we agree to, by a peer or proxy that could make nothing of a 422: no timer, since it may not be raised either.
            (Some(asked), _) if asked < min_se => None,
            (Some(asked), _) => Some(asked.min(interval.max(floor))),
            (None, Some(running)) => Some(running.interval.max(floor)),
            (None, None) => (mode >= TimerMode::Requested).then_some(interval.max(floor)),
        };
        let Some(agreed) = agreed else { return SessionTerms { supported: true, ..SessionTerms::default() } };
        let refresher = if request.knows_timers() { self.choose(request) } else { Refresher::Uas };
        SessionTerms {
            supported: true,
            // A MUST where the UAC refreshes, a SHOULD where it knows the extension.
            required: request.knows_timers(),
            interval: Some(agreed),
            refresher: Some(refresher),
            min_se: None,
        }
    }

    /// Whether nothing is done about session timers.
    pub fn is_off(&self) -> bool {
        self.settings.mode == TimerMode::Off
    }

    /// Takes in our own 2xx, at the time when it is sent: whatever it says holds from now on (§9).
    pub fn answered(&mut self, now: Timestamp, answer: &SessionTerms) {
        let agreed = answer.interval.filter(|_| self.settings.mode != TimerMode::Off);
        self.running = agreed.map(|interval| {
            let refresher = answer.refresher.unwrap_or(Refresher::Uas);
            Running::new(now, interval, side(refresher, Refresher::Uas))
        });
    }

    /// Takes in the 2xx to an INVITE or UPDATE of ours that said `sent` (§7.2).
    ///
    /// An interval under 90 s, which no UAS may choose (§9), counts as 90 s: nobody makes us refresh faster than that.
    pub fn accepted(&mut self, now: Timestamp, sent: &SessionTerms, answer: &SessionTerms) {
        if self.settings.mode == TimerMode::Off {
            return;
        }
        // Require and `uac` may be a proxy's (§8.2); the rest is the peer's own.
        self.peer_knows |= answer.supported || answer.refresher == Some(Refresher::Uas);
        self.running = match (answer.interval, sent.interval) {
            (Some(agreed), _) => {
                let refresher = answer.refresher.unwrap_or(Refresher::Uac);
                Some(Running::new(now, agreed.max(LEAST_INTERVAL), side(refresher, Refresher::Uac)))
            }
            // The peer does not know the extension: the timer is for our own benefit, and ours alone to keep.
            (None, Some(asked)) if !self.peer_knows && self.settings.mode >= TimerMode::Requested => {
                Some(Running::new(now, asked, Side::Ours))
            }
            (None, Some(_)) => None,
            // It went out before there was a timer, and says nothing of the one that was agreed meanwhile.
            (None, None) => self.running,
        };
    }

    /// Takes in the Min-SE of a 422 to an INVITE or UPDATE of ours that said `sent`; true when it makes sense to send another with what
    /// [`request`](Self::request) says now (§7.3, §7.4). An INVITE that makes no dialog yet is retried with the same Call-ID, From and To.
    pub fn too_small(&mut self, sent: &SessionTerms, min_se: Option<Duration>) -> bool {
        let Some(least) = min_se.map(|least| least.max(LEAST_INTERVAL)) else { return false };
        let had = sent.min_se.unwrap_or(Duration::ZERO);
        self.hear(least);
        self.settings.mode != TimerMode::Off && least > had
    }

    /// Takes in the failure of an INVITE or UPDATE of ours within the dialog (§10, RFC 5057 §5.1).
    ///
    /// A 422 goes to [`too_small`](Self::too_small) first; one that was of no use there comes here. A failed refresh that leaves the session alone
    /// is sent again: after `pause`, a random time of the caller's, where a 491 asks for it (RFC 3261 §14.1), not before
    /// Retry-After, else in the middle of the time that is left.
    pub fn failed(
        &mut self,
        now: Timestamp,
        method: &Method,
        failure: Failure,
        pause: Duration,
    ) -> SessionEffects {
        if failure.impact(method) != Impact::Transaction {
            // §10: 408, 481 and silence; RFC 5057 §5.1: the other codes after which nothing is left to refresh.
            self.running = None;
            return SessionEffects::EXPIRED;
        }
        let Some(running) = &mut self.running else { return SessionEffects::empty() };
        let Refresh::Due(failed) = running.refresh else { return SessionEffects::empty() };
        let left = running.ends - now;
        let pause = match failure.status() {
            StatusCode::REQUEST_PENDING if failed < QUICK_RETRIES => pause,
            // §10: not continuously.
            _ if left < LAST_RETRY => left,
            _ => failure.retry_after().unwrap_or(Duration::ZERO).max(part(left, 2)),
        };
        running.refresh = Refresh::At(now + pause, failed.saturating_add(1));
        SessionEffects::empty()
    }

    /// Makes a refresh due at once: after a 422 that [makes sense](Self::too_small) to answer with another, or a method that the peer does not
    /// know after all. Nothing where the refresh is not ours.
    pub fn refresh_now(&mut self, now: Timestamp) {
        let Some(running) = &mut self.running else { return };
        running.refresh = match running.refresh {
            Refresh::No => Refresh::No,
            Refresh::At(_, failed) | Refresh::Due(failed) => Refresh::At(now, failed),
        };
    }

    /// What is due. A refresh is asked for once; the session's end comes alone.
    pub fn step(&mut self, now: Timestamp) -> SessionEffects {
        let Some(running) = &mut self.running else { return SessionEffects::empty() };
        if running.ends <= now {
            self.running = None;
            return SessionEffects::EXPIRED;
        }
        match running.refresh {
            Refresh::At(at, failed) if at <= now => {
                running.refresh = Refresh::Due(failed);
                SessionEffects::REFRESH
            }
            Refresh::At(..) | Refresh::Due(_) | Refresh::No => SessionEffects::empty(),
        }
    }

    /// When the next step has something to do; `None` where no timer runs.
    pub fn deadline(&self) -> Option<Timestamp> {
        let running = self.running.as_ref()?;
        Some(match running.refresh {
            Refresh::At(at, _) => at.min(running.ends),
            Refresh::Due(_) | Refresh::No => running.ends,
        })
    }

    /// Stops the timer: the session is over.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// The session interval agreed; `None` where no timer runs.
    pub fn interval(&self) -> Option<Duration> {
        self.running.map(|running| running.interval)
    }

    /// Who refreshes; `None` where no timer runs.
    pub fn refresher(&self) -> Option<Side> {
        self.running.map(|running| running.refresher)
    }

    /// Whether a refresh was asked for that no 2xx has met yet: one that still waits behind other requests is needless once this is false.
    pub fn is_refresh_due(&self) -> bool {
        self.running.is_some_and(|running| matches!(running.refresh, Refresh::Due(_)))
    }

    fn hear(&mut self, least: Duration) {
        self.heard = self.heard.max(Some(least));
    }

    /// The fourth to sixth row of Table 2: what the UAC chose, else whoever refreshes now, else as preferred.
    fn choose(&self, request: &SessionTerms) -> Refresher {
        let current = self.running.map(|running| by(running.refresher, Refresher::Uas, Refresher::Uac));
        let preferred = match self.settings.refresh_by {
            RefreshBy::Us => Refresher::Uas,
            RefreshBy::Either | RefreshBy::Peer => Refresher::Uac,
        };
        request.refresher.or(current).unwrap_or(preferred)
    }
}

impl Running {
    fn new(now: Timestamp, interval: Duration, refresher: Side) -> Self {
        let (refresh, lasts) = match refresher {
            Side::Ours => (Refresh::At(now + part(interval, 2), 0), interval),
            Side::Theirs => (Refresh::No, interval.saturating_sub(BEFORE_THE_END.min(part(interval, 3)))),
        };
        Self { interval, refresher, refresh, ends: now + lasts }
    }
}

/// The side that `refresher` names to one whose role in the transaction is `own`.
fn side(refresher: Refresher, own: Refresher) -> Side {
    if refresher == own { Side::Ours } else { Side::Theirs }
}

/// The name of `side` in a transaction where we are `own` and the peer is `other`.
fn by(side: Side, own: Refresher, other: Refresher) -> Refresher {
    match side {
        Side::Ours => own,
        Side::Theirs => other,
    }
}
