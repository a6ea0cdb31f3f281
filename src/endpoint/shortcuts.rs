//! Requests within a dialog by name: each a shorter way to say [`DialogRef::request`].

use alloc::borrow::Cow;
use alloc::string::ToString;
use core::time::Duration;

use bytes::Bytes;

use super::{DialogRef, Refused, RequestId};
use crate::context::check_address;
use crate::dialog::InDialog;
use crate::message::{Address, Body, BuildError, EventPackage, Method, SubscriptionState, Uri};
use crate::time::Timestamp;

impl<D: Default> DialogRef<'_, D> {
    /// Sends MESSAGE with this body (RFC 3428).
    ///
    /// # Errors
    /// As [`DialogRef::request`].
    pub fn message(
        &mut self,
        now: Timestamp,
        content_type: impl Into<Cow<'static, str>>,
        body: impl Into<Bytes>,
    ) -> Result<RequestId, Refused> {
        self.request(now, InDialog::new(Method::Message).body(content_type, body))
    }

    /// Sends OPTIONS: what the peer is capable of (RFC 3261 §11).
    ///
    /// # Errors
    /// As [`DialogRef::request`].
    pub fn options(&mut self, now: Timestamp) -> Result<RequestId, Refused> {
        self.request(now, InDialog::new(Method::Options))
    }

    /// Sends UPDATE with this offer, or without one: then it only says where we are reached, and asks whether the peer is there (RFC 3311 §5.1). It waits
    /// for its turn like [`DialogRef::modify`].
    ///
    /// # Errors
    /// As [`DialogRef::request`].
    pub fn update(&mut self, now: Timestamp, sdp: Option<Bytes>) -> Result<RequestId, Refused> {
        let update = InDialog::new(Method::Update);
        self.request(now, InDialog { body: sdp.map(Body::sdp), ..update })
    }

    /// Sends REFER: the peer is asked to call `refer_to`, a `name-addr` or URI (RFC 3515 §2.1).
    ///
    /// # Errors
    /// As [`DialogRef::request`].
    pub fn refer(
        &mut self,
        now: Timestamp,
        refer_to: impl Into<Cow<'static, str>>,
    ) -> Result<RequestId, Refused> {
        self.request(now, InDialog::new(Method::Refer).header("Refer-To", bracketed(refer_to.into())?))
    }

    /// Sends NOTIFY of an event package (RFC 6665 §4.2.2): `state` is the value of Subscription-State, as `active;expires=60`.
    ///
    /// Where the peer has subscribed to that, this is a longer way to [`tell`](Self::tell), [`authorise`](Self::authorise) or
    /// [`terminate`](Self::terminate): the subscription becomes what `state` says. `expires` is the time that is left, at most what is said; reason and
    /// `retry-after` are as given. A NOTIFY that belongs to no subscription goes out as it is.
    ///
    /// # Errors
    /// As [`DialogRef::request`]; where the peer has subscribed, also when the subscription is over, `state` is malformed, or it is
    /// [no next state](crate::dialog::DialogError::Substate).
    pub fn notify(
        &mut self,
        now: Timestamp,
        event: impl Into<Cow<'static, str>>,
        state: impl Into<Cow<'static, str>>,
        body: Option<Body>,
    ) -> Result<RequestId, Refused> {
        let (event, state) = (checked_event(event.into())?, state.into());
        SubscriptionState::parse(&state).map_err(BuildError::Value)?;
        let notify = InDialog::new(Method::Notify).header("Event", event).header("Subscription-State", state);
        self.request(now, InDialog { body, ..notify })
    }

    /// Sends SUBSCRIBE to an event package for this long, in whole seconds; zero ends the subscription (RFC 6665 §4.1.2).
    ///
    /// # Errors
    /// As [`DialogRef::request`].
    pub fn subscribe(
        &mut self,
        now: Timestamp,
        event: impl Into<Cow<'static, str>>,
        expires: Duration,
    ) -> Result<RequestId, Refused> {
        let (event, expires) = (checked_event(event.into())?, expires.as_secs().to_string());
        self.request(now, InDialog::new(Method::Subscribe).header("Event", event).header("Expires", expires))
    }

    /// Sends PUBLISH of an event package's state (RFC 3903 §4).
    ///
    /// # Errors
    /// As [`DialogRef::request`].
    pub fn publish(
        &mut self,
        now: Timestamp,
        event: impl Into<Cow<'static, str>>,
        body: Option<Body>,
    ) -> Result<RequestId, Refused> {
        let publish = InDialog::new(Method::Publish).header("Event", checked_event(event.into())?);
        self.request(now, InDialog { body, ..publish })
    }
}

/// An address as a header carries it, a bare URI in brackets: its parameters are its own (RFC 3261 §20).
fn bracketed(value: Cow<'static, str>) -> Result<Cow<'static, str>, BuildError> {
    if value.contains('<') {
        let address = Address::parse(&value).map_err(BuildError::Uri)?;
        return check_address(&address, &value).map(|()| value);
    }
    Uri::parse(&value).map_err(BuildError::Uri)?;
    Ok(alloc::format!("<{value}>").into())
}

/// The value of Event, if it is one (RFC 6665 §8.2.1).
fn checked_event(event: Cow<'static, str>) -> Result<Cow<'static, str>, BuildError> {
    match EventPackage::parse(&event) {
        Ok(_) => Ok(event),
        Err(fault) => Err(BuildError::Value(fault)),
    }
}
