//! How the endpoint of a script is configured: what each bit of its manners stands for. With none, policies and timers are the
//! defaults, but for SUBSCRIBE and REFER, which are asked about; limits are small in any case.

use alloc::borrow::Cow;
use core::time::Duration;

use super::peer::pick;
use crate::context::Rel100;
use crate::dialog::{Granting, RefreshBy, SessionTimers, TimerMode};
use crate::endpoint::{Config, Handling, Shard};
use crate::limits::Limits;
use crate::message::{Method, StatusCode};
use crate::transaction::Timers;

/// The bit of those timers that are not the RFC's.
const QUICK: u32 = 27;

/// What a script's bits stand for.
pub(super) fn config(manners: u32) -> Option<Config> {
    let has = |bit: u32| manners & (1 << bit) != 0;
    let mut config = Config::new("\"Bob\" <sip:bob@192.0.2.4>").ok()?;
    config.limits = limits(manners);
    config.policy.keep_forks = has(6);
    config.policy.honour_maddr = !has(7);
    if has(8) {
        config.settings.answer_within = None;
    }
    for method in [Method::Subscribe, Method::Refer] {
        config.policy.set_initial(method, if has(9) { Handling::Auto } else { Handling::Ask });
    }
    if has(9) {
        config.policy.set_initial(Method::Invite, Handling::Auto);
        for method in [Method::Info, Method::Options, Method::Notify] {
            config.policy.set_in_dialog(method, Handling::Ask);
        }
    }
    if has(10) {
        config.policy.set_initial(Method::Options, Handling::Ask);
        config.policy.set_in_dialog(Method::Invite, Handling::Auto);
        config.policy.accept = [Cow::Borrowed("application/sdp")].into();
        config.policy.users = Some([Cow::Borrowed("bob"), Cow::Borrowed("+123")].into());
    }
    if has(11) {
        config.settings.rel100 = if has(6) { Rel100::Required } else { Rel100::Supported };
        config.server = "test/1".into();
        config.user_agent = "test/1".into();
    }
    config.policy.modify_by_update = has(12);
    if has(7) {
        let mode = if has(12) { TimerMode::Required } else { TimerMode::Requested };
        config.set_session_timers(SessionTimers { mode, ..SessionTimers::DEFAULT }).ok()?;
    }
    if has(13) {
        config.policy.session = Handling::Ask;
        config.policy.set_in_dialog(Method::Update, Handling::Ask);
    }
    // 14 and 15 are the driver's.
    handle(&mut config, manners >> 16);
    find_ways(&mut config, manners >> 20);
    time(&mut config, manners >> 26);
    Some(config)
}

/// The same for one that talks to another at `other`, whom the outbound proxy is then: with the RFC's timers, which both have.
pub(super) fn config_of_two(manners: u32, other: &str) -> Option<Config> {
    let mut config = config(manners & !(1 << QUICK))?;
    if !config.outbound_proxy.is_empty() {
        config.outbound_proxy = alloc::format!("<sip:{other};lr>").into();
    }
    Some(config)
}

/// Whether there is room for a call or two, and for a connection of either side's: where there is none, what comes and goes counts as lost.
pub(super) fn has_room(manners: u32) -> bool {
    manners & (3 << 18 | 1 << 5) == 0
}

/// Small ones, so that they are met; by bits 18 and 19 those that leave next to no room, or none.
fn limits(manners: u32) -> Limits {
    let has = |bit: u32| manners & (1 << bit) != 0;
    let limits = Limits {
        head: if has(0) { 2_048 } else { 65_535 },
        body: 4_096,
        headers: if has(0) { 40 } else { 256 },
        uri: 64,
        servers: if has(1) { 3 } else { 10 },
        clients: if has(1) { 3 } else { 10 },
        dialogs: if has(2) { 2 } else { 8 },
        forks: if has(3) { 1 } else { 3 },
        queue: if has(4) { 6 } else { 24 },
        flows: if has(5) { 1 } else { 4 },
    };
    match manners >> 18 & 3 {
        0 => limits,
        1 => Limits { servers: 1, clients: 1, dialogs: 1, forks: 1, queue: 1, flows: 1, ..limits },
        2 => Limits { forks: 0, flows: 0, ..limits },
        _ if has(4) => Limits { servers: 0, dialogs: 0, headers: 0, ..limits },
        _ => Limits { clients: 0, queue: 0, body: 0, uri: 0, ..limits },
    }
}

/// Two bits: who serves requests of all methods, INVITE outside dialogs apart.
fn handle(config: &mut Config, bits: u32) {
    let policy = &mut config.policy;
    let handling = match bits & 3 {
        0 => return,
        1 => return policy.set_automatic(),
        2 => Handling::Ask,
        _ => Handling::Reject(StatusCode::DECLINE),
    };
    for method in Method::KNOWN {
        if method != Method::Invite {
            policy.set_initial(method.clone(), handling);
        }
        policy.set_in_dialog(method, handling);
    }
    (policy.session, policy.other) = (handling, handling);
}

/// Six bits: where requests go, whence answers may come, and what is said of oneself.
fn find_ways(config: &mut Config, bits: u32) {
    let has = |bit: u32| bits & (1 << bit) != 0;
    config.policy.datagram = pick(&[1_300, 0, 600, usize::MAX], bits as u8 & 3).copied().unwrap_or(1_300);
    if has(2) {
        config.outbound_proxy = "<sip:192.0.2.1;lr>".into();
        config.policy.encodings = [Cow::Borrowed("gzip")].into();
        config.policy.languages = [Cow::Borrowed("en")].into();
    }
    if has(3) {
        config.shard = Shard::new(1, 3);
        config.contact = "<sip:bob@192.0.2.4>;x=y".into();
        config.supported.push("foo".into());
    }
    config.policy.check_source = has(4);
    if has(5) {
        config.policy.redirects = 2;
        config.policy.redirects_keep_uri = has(4);
    }
}

/// Six bits: how long what is waited for.
fn time(config: &mut Config, bits: u32) {
    let has = |bit: u32| bits & (1 << bit) != 0;
    if has(0) {
        config.settings.trying_after = Duration::ZERO;
        config.settings.repeat_every = if has(5) { Duration::from_secs(5) } else { Duration::ZERO };
        config.settings.repeat_ringing = has(5);
        config.settings.ring_within = Some(Duration::from_secs(8)).filter(|_| has(5));
        config.settings.honour_expires = false;
    }
    if has(1) {
        let [t1, t2, t4] = [50, 400, 500].map(Duration::from_millis);
        config.settings.timers = Timers { t1, t2, t4 };
    }
    if has(2) {
        let [unasked, least, most, pace] = [0, 60, 120, 2].map(Duration::from_secs);
        config.granting = Granting { unasked, least, most, pace };
    }
    if has(3) {
        let refresh_by = if has(4) { RefreshBy::Us } else { RefreshBy::Peer };
        let interval = Duration::from_secs(if has(5) { 90 } else { 300 });
        let min_se = if has(4) { interval } else { SessionTimers::DEFAULT.min_se };
        let timers = SessionTimers { interval, min_se, refresh_by, ..config.session_timers() };
        let mode = if timers.mode == TimerMode::Off { TimerMode::Supported } else { timers.mode };
        // Their values are within the ranges.
        _ = config.set_session_timers(SessionTimers { mode, ..timers });
    }
    if has(4) {
        config.policy.glare_retries = u8::from(has(5));
    }
}
