//! Who this user agent is, and how it behaves.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::policy::Policy;
use super::shard::Shard;
use crate::context::Settings;
use crate::dialog::{Granting, SessionTimers, SessionTimersError, TIMER, TimerMode};
use crate::limits::Limits;
use crate::message::{Address, ParseError, Uri};

/// The configuration of an endpoint: identity, timing, policy, limits.
///
/// ```
/// use sip_proto::Config;
///
/// let mut config = Config::new("\"Bob\" <sip:bob@192.0.2.4>")?;
/// config.server = "example/1.0".into();
/// config.settings.answer_within = None;
/// # Ok::<(), sip_proto::message::ParseError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Config {
    identity: String,
    session_timers: SessionTimers,
    /// How long contexts wait, and what they do on their own.
    pub settings: Settings,
    /// Which requests are served, and by whom.
    pub policy: Policy,
    /// What a peer may at most make this endpoint hold.
    pub limits: Limits,
    /// The value of Server in answers (RFC 3261 §20.35); empty for none.
    pub server: Cow<'static, str>,
    /// The value of User-Agent in requests (§20.41); empty for none.
    pub user_agent: Cow<'static, str>,
    /// The value of Contact in place of the one made from identity and bound address; empty for that one, which is a SIPS URI where a call asks for it (RFC 3261
    /// §8.1.1.8, §12.1.1).
    pub contact: Cow<'static, str>,
    /// The proxy that requests outside dialogs go through (RFC 3261 §8.1.2), a Route element: `<sip:proxy.example.com;lr>`; empty for none. A request that the application
    /// gives a Route of its own goes by that one.
    pub outbound_proxy: Cow<'static, str>,
    /// How long subscriptions of peers may last (RFC 6665 §4.2.1). An Expires that the application gives a 2xx holds in place of it, unless it is longer than
    /// was asked for (§3.1.1).
    pub granting: Granting,
    /// Which share of the Call-IDs is this endpoint's, where [several](super::shard()) serve one address: those that it draws are of it. `None` where it
    /// is alone.
    pub shard: Option<Shard>,
    /// Option tags in Supported, which Require is checked against (§8.2.2.3).
    pub supported: Vec<Cow<'static, str>>,
}

impl Config {
    /// The default configuration for `identity`, a URI or `name-addr`: it is what From says, its user stands in Contact, its
    /// host in Via until a socket is bound.
    ///
    /// # Errors
    /// When `identity` is no SIP or SIPS address.
    pub fn new(identity: &str) -> Result<Self, ParseError> {
        let address = Address::parse(identity)?;
        address.check(identity)?;
        let Uri::Sip(_) = Uri::parse(address.uri)? else {
            return Err(ParseError { expected: "a SIP or SIPS URI", header: None, at: 0 });
        };
        Ok(Self {
            identity: identity.into(),
            session_timers: SessionTimers { mode: TimerMode::Off, ..SessionTimers::DEFAULT },
            settings: Settings::DEFAULT,
            policy: Policy::default(),
            limits: Limits::DEFAULT,
            server: Cow::Borrowed(""),
            user_agent: Cow::Borrowed(""),
            contact: Cow::Borrowed(""),
            outbound_proxy: Cow::Borrowed(""),
            granting: Granting::DEFAULT,
            shard: None,
            supported: Vec::new(),
        })
    }

    /// The identity, as it was given.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// What is done about session timers (RFC 4028): nothing by default.
    pub fn session_timers(&self) -> SessionTimers {
        self.session_timers
    }

    /// Sets what is done about session timers. `timer` stands among [`supported`](Self::supported) then, or no more.
    ///
    /// # Errors
    /// Names the value that is out of its range; nothing has changed then.
    ///
    /// ```
    /// use core::time::Duration;
    /// use sip_proto::Config;
    /// use sip_proto::dialog::{SessionTimers, TimerMode};
    ///
    /// let mut config = Config::new("sip:bob@192.0.2.4")?;
    /// config.set_session_timers(SessionTimers { mode: TimerMode::Requested, ..SessionTimers::DEFAULT }).unwrap();
    /// assert_eq!(config.supported, ["timer"]);
    /// let brief = SessionTimers { interval: Duration::from_secs(30), ..config.session_timers() };
    /// assert!(config.set_session_timers(brief).is_err());
    /// # Ok::<(), sip_proto::message::ParseError>(())
    /// ```
    pub fn set_session_timers(&mut self, timers: SessionTimers) -> Result<(), SessionTimersError> {
        timers.check()?;
        self.session_timers = timers;
        self.supported.retain(|tag| !tag.eq_ignore_ascii_case(TIMER));
        if timers.mode != TimerMode::Off {
            self.supported.push(TIMER.into());
        }
        Ok(())
    }

    /// The host of the identity's URI, and the user in it.
    pub(super) fn host_and_user(&self) -> (String, String) {
        let uri = Address::parse(&self.identity)
            .ok()
            .and_then(|address| address.parse_uri().ok())
            .and_then(Uri::sip);
        let Some(uri) = uri else { return (String::new(), String::new()) };
        let host = match uri.port {
            Some(port) => alloc::format!("{}:{port}", uri.host),
            None => alloc::format!("{}", uri.host),
        };
        (host, uri.user.unwrap_or_default().into())
    }
}
