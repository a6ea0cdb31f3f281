//! What a dialog is there for: a session, subscriptions, or several of them, each ending alone (RFC 5057 §2).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::InDialog;
use super::subscription::{Notifier, NotifierState, REFER, Sipfrag, Subscriber, SubscriptionEffects};
use super::usage::{Impact, UsageKind};
use crate::message::{EventPackage, Message, Method, Name, Param, StatusCode};
use crate::time::Timestamp;

/// Names one subscription within its dialog. Never given twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UsageId(u32);

/// What a subscription is about: the event package, and what tells it from others of the same package (RFC 6665 §8.2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    name: Box<str>,
    id: Option<Box<str>>,
    /// The first REFER of a dialog: its NOTIFYs may leave out the id (RFC 3515 §2.4.6).
    may_omit_id: bool,
    /// Whether our requests leave it out.
    omits_id: bool,
}

impl Subject {
    /// The subject that an Event header names.
    pub fn of(event: &EventPackage<'_>) -> Self {
        Self { name: event.name.into(), id: event.id().map(Into::into), may_omit_id: false, omits_id: false }
    }

    /// The subject of the subscription that a REFER numbered `cseq` makes; `is_first` for the first one that its UAS gets in the dialog
    /// (RFC 3515 §2.4.6).
    pub fn refer(cseq: u32, is_first: bool) -> Self {
        let id = alloc::format!("{cseq}").into_boxed_str();
        Self { name: REFER.into(), id: Some(id), may_omit_id: is_first, omits_id: is_first }
    }

    /// The same for one that is the first if none of those before it was received.
    pub(crate) fn perhaps_first(self) -> Self {
        Self { may_omit_id: true, ..self }
    }

    /// Whether an Event header names this subject: package and id, byte by byte, and no other parameter.
    pub fn matches(&self, event: &EventPackage<'_>) -> bool {
        let is_same_id = match event.id() {
            None => self.id.is_none() || self.may_omit_id,
            id => id == self.id.as_deref(),
        };
        is_same_id && *self.name == *event.name
    }

    /// The package with its templates.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is the other's subject, however either is named.
    fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.id == other.id
    }

    /// Whether a NOTIFY may leave out the id.
    pub(crate) fn may_omit_id(&self) -> bool {
        self.may_omit_id
    }

    /// Whether a REFER has made it.
    pub(crate) fn is_refer(&self) -> bool {
        *self.name == *REFER
    }

    /// The value of Event in requests of this subscription.
    pub fn event(&self) -> String {
        match &self.id {
            Some(id) if !self.omits_id => alloc::format!("{};id={id}", self.name),
            _ => (*self.name).into(),
        }
    }
}

/// Our part in a subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Party {
    /// We are told.
    Subscriber(Subscriber),
    /// We tell.
    Notifier(Notifier),
}

/// One subscription in a dialog.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    id: UsageId,
    subject: Subject,
    /// Our part, and how far it has come.
    pub party: Party,
    /// How far a REFER has come, as was told last: no NOTIFY of it goes without (RFC 3515 §2.4.5).
    reported: StatusCode,
    /// What the last SUBSCRIBE of ours said that the next one says again, if it did.
    said: Option<Box<Said>>,
}

/// What a refresh says as the SUBSCRIBE before it did (RFC 6665 §4.1.2.2).
#[derive(Clone, PartialEq, Eq, Debug)]
struct Said {
    /// Parameters of Event but the id: they are the package's (RFC 6665 §8.2.1).
    event: Box<str>,
    /// Accept.
    accept: Option<Box<str>>,
}

impl Subscription {
    /// Its id.
    pub fn id(&self) -> UsageId {
        self.id
    }

    /// What it is about.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Whether it is being ended by us.
    pub fn is_leaving(&self) -> bool {
        match &self.party {
            Party::Subscriber(subscriber) => subscriber.is_leaving(),
            Party::Notifier(notifier) => notifier.state() == NotifierState::Terminated,
        }
    }

    /// How far a REFER has come, as was told last; 100 at first.
    pub fn reported(&self) -> StatusCode {
        self.reported
    }

    /// Takes note of how a NOTIFY of the peer's names it: so do our requests (RFC 3515 §2.4.6, RFC 6665 §8.2.1).
    pub(crate) fn named(&mut self, event: &EventPackage<'_>) {
        if self.subject.may_omit_id {
            self.subject.omits_id = event.id().is_none();
        }
    }

    /// Takes note of what a request of ours says, if it is a SUBSCRIBE.
    pub(crate) fn says(&mut self, subscribe: &Message) {
        if *subscribe.method() != Method::Subscribe {
            return;
        }
        let params = subscribe.event().ok().flatten().map(|event| event.params).unwrap_or_default();
        let mut event = String::new();
        for Param { name, value } in params.iter().filter(|param| !param.name.eq_ignore_ascii_case("id")) {
            let value = value.map(|value| ["=", value].concat()).unwrap_or_default();
            event.extend([";", name, &value]);
        }
        let accept: Vec<_> = subscribe.values(Name::Accept).collect();
        let accept = (!accept.is_empty()).then(|| accept.join(", ").into_boxed_str());
        let is_said = accept.is_some() || !event.is_empty();
        self.said = is_said.then(|| Box::new(Said { event: event.into_boxed_str(), accept }));
    }

    /// The next SUBSCRIBE of ours, which asks for this long.
    pub(crate) fn subscribe(&self, asks: Duration) -> InDialog {
        let mut event = self.subject.event();
        let said = self.said.as_deref();
        event.push_str(said.map_or("", |said| &said.event));
        let request = InDialog::new(Method::Subscribe).header(Name::Event.as_str(), event);
        let request = match said.and_then(|said| said.accept.as_deref()) {
            Some(accept) => request.header(Name::Accept.as_str(), String::from(accept)),
            None => request,
        };
        request.header(Name::Expires.as_str(), alloc::format!("{}", asks.as_secs()))
    }

    /// Takes note of what a NOTIFY of ours says of a REFER.
    pub(crate) fn report(&mut self, body: &[u8]) {
        if let Some(told) = Sipfrag::parse(body) {
            self.reported = told.status;
        }
    }

    /// What is due.
    pub fn step(&mut self, now: Timestamp) -> SubscriptionEffects {
        match &mut self.party {
            Party::Subscriber(subscriber) => subscriber.step(now),
            Party::Notifier(notifier) => notifier.step(now),
        }
    }

    /// When the next step has something to do.
    pub fn deadline(&self) -> Option<Timestamp> {
        match &self.party {
            Party::Subscriber(subscriber) => subscriber.deadline(),
            Party::Notifier(notifier) => notifier.deadline(),
        }
    }
}

/// Why a usage cannot be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// The dialog has [`Usages::MOST`] subscriptions. A peer's request for another is safely refused with 603 (RFC 5057 §5.6).
    #[error("the dialog has as many subscriptions as it may (RFC 5057 §5.6)")]
    Full,
    /// There is one with the same subject and party: a SUBSCRIBE that names it refreshes it (RFC 6665 §4.1.2.2).
    #[error("the dialog has a subscription with this subject (RFC 6665 §4.1.2.2)")]
    Exists,
}

/// The usages of one dialog. The dialog lasts as long as any of them does (RFC 5057 §2).
///
/// ```
/// use core::time::Duration;
/// use sip_proto::Timestamp;
/// use sip_proto::dialog::{Impact, Notifier, Party, Subject, UsageKind, Usages};
///
/// let mut usages = Usages::invite();
/// let (notifier, _) = Notifier::new(Timestamp::ZERO, Duration::from_secs(180), true);
/// let refer = usages.add(Subject::refer(7, true), Party::Notifier(notifier))?;
/// usages.end(UsageKind::Invite, None, Impact::Usage); // a BYE
/// assert!(!usages.is_over());
/// usages.end(UsageKind::Subscription, Some(refer), Impact::Usage);
/// assert!(usages.is_over());
/// # Ok::<(), sip_proto::dialog::UsageError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Usages {
    has_invite: bool,
    next: u32,
    subscriptions: Vec<Subscription>,
}

impl Usages {
    /// The most subscriptions that one dialog holds.
    pub const MOST: usize = 16;

    /// The usages of a dialog that an INVITE made. One that a SUBSCRIBE, NOTIFY or REFER makes begins with [`Usages::default`].
    pub fn invite() -> Self {
        Self { has_invite: true, ..Self::default() }
    }

    /// Adds a subscription.
    ///
    /// # Errors
    /// When there are too many, or there is one with the same subject and party. Nothing has changed then.
    pub fn add(&mut self, subject: Subject, party: Party) -> Result<UsageId, UsageError> {
        if self.is_full() {
            return Err(UsageError::Full);
        }
        let is_same = |other: &Subscription| {
            other.subject.is(&subject)
                && core::mem::discriminant(&other.party) == core::mem::discriminant(&party)
                && !matches!(&other.party, Party::Notifier(notifier) if notifier.is_through())
        };
        if self.subscriptions.iter().any(is_same) {
            return Err(UsageError::Exists);
        }
        let id = UsageId(self.next);
        self.next = self.next.wrapping_add(1);
        self.subscriptions.push(Subscription {
            id,
            subject,
            party,
            reported: StatusCode::TRYING,
            said: None,
        });
        Ok(id)
    }

    /// Whether there is a session.
    pub fn has_invite(&self) -> bool {
        self.has_invite
    }

    /// The subscriptions, oldest first.
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// Whether there are as many subscriptions as there may be.
    pub(crate) fn is_full(&self) -> bool {
        self.subscriptions.len() >= Self::MOST
    }

    /// The subscription with this id.
    pub fn get_mut(&mut self, id: UsageId) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|subscription| subscription.id == id)
    }

    /// The subscription that a NOTIFY of the peer with this Event belongs to; without one it is answered 481 (RFC 6665 §4.1.3).
    pub fn notified(&mut self, event: &EventPackage<'_>) -> Option<(UsageId, &mut Subscriber)> {
        self.subscriptions.iter_mut().filter(|held| held.subject.matches(event)).find_map(|held| {
            match &mut held.party {
                Party::Subscriber(subscriber) => Some((held.id, subscriber)),
                Party::Notifier(_) => None,
            }
        })
    }

    /// The subscription that a SUBSCRIBE of the peer with this Event refreshes; without one it asks for another (RFC 6665 §4.2.1.4). One whose last NOTIFY
    /// is under way comes after all others.
    pub fn subscribed(&mut self, event: &EventPackage<'_>) -> Option<(UsageId, &mut Notifier)> {
        let matching = self.subscriptions.iter_mut().filter(|held| held.subject.matches(event));
        let told = matching.filter_map(|held| match &mut held.party {
            Party::Notifier(notifier) => Some((held.id, notifier)),
            Party::Subscriber(_) => None,
        });
        told.min_by_key(|(_, notifier)| notifier.is_through())
    }

    /// Our subscription with this subject.
    pub(crate) fn subscriber_of(&mut self, subject: &Subject) -> Option<(UsageId, &mut Subscriber)> {
        self.subscriptions.iter_mut().find_map(|held| match &mut held.party {
            Party::Subscriber(subscriber) if held.subject.is(subject) => Some((held.id, subscriber)),
            Party::Subscriber(_) | Party::Notifier(_) => None,
        })
    }

    /// The first REFER of ours may not have been received, and is over: the oldest of the others may be the first then (RFC 3515 §2.4.6). Whether there is one.
    pub(crate) fn pass_first_on(&mut self) -> bool {
        let is_ours =
            |held: &&mut Subscription| held.subject.is_refer() && matches!(held.party, Party::Subscriber(_));
        let next = self.subscriptions.iter_mut().find(is_ours);
        next.map(|held| held.subject.may_omit_id = true).is_some()
    }

    /// How many REFERs of ours are open.
    pub(crate) fn refers(&self) -> usize {
        let is_ours =
            |held: &&Subscription| held.subject.is_refer() && matches!(held.party, Party::Subscriber(_));
        self.subscriptions.iter().filter(is_ours).count()
    }

    /// Ends what a request that failed, or that ended its usage, takes with it. `kind` and `id` name the usage of the request.
    pub fn end(&mut self, kind: UsageKind, id: Option<UsageId>, impact: Impact) {
        match (impact, kind) {
            (Impact::Transaction, _) => {}
            (Impact::Usage, UsageKind::Invite) => self.has_invite = false,
            (Impact::Usage, UsageKind::Subscription) => {
                self.subscriptions.retain(|subscription| Some(subscription.id) != id);
            }
            (Impact::Dialog, _) => {
                self.has_invite = false;
                self.subscriptions.clear();
            }
        }
    }

    /// Ends all subscriptions.
    pub(crate) fn end_subscriptions(&mut self) {
        self.subscriptions.clear();
    }

    /// Whether nothing is left, and the dialog is over with it.
    pub fn is_over(&self) -> bool {
        !self.has_invite && self.subscriptions.is_empty()
    }

    /// Lets every subscription that has something due do it: the oldest of them, with what it asks for. To be called until it says
    /// `None`.
    pub fn step(&mut self, now: Timestamp) -> Option<(UsageId, SubscriptionEffects)> {
        self.subscriptions.iter_mut().find_map(|subscription| {
            let effects = subscription.step(now);
            (!effects.is_empty()).then_some((subscription.id, effects))
        })
    }

    /// When the next step has something to do.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.subscriptions.iter().filter_map(Subscription::deadline).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::Timers;
    use core::time::Duration;

    const START: Timestamp = Timestamp::ZERO;

    fn event(value: &str) -> EventPackage<'_> {
        EventPackage::parse(value).unwrap()
    }

    fn subscriber() -> Party {
        Party::Subscriber(Subscriber::implicit(START, &Timers::DEFAULT))
    }

    fn notifier(seconds: u64) -> Party {
        Party::Notifier(Notifier::new(START, Duration::from_secs(seconds), true).0)
    }

    /// RFC 6665 §8.2.1.
    // Holds: 6665-8.2.1-1
    #[test]
    fn events_match_by_package_and_id() {
        let subject = Subject::of(&event("foo;id=1234"));
        for (value, matches) in [
            ("foo;id=1234", true),
            ("foo;param=abcd;id=1234", true),
            ("foo", false),
            ("Foo;id=1234", false),
            ("foo;id=12345", false),
            ("foo.winfo;id=1234", false),
        ] {
            assert_eq!(subject.matches(&event(value)), matches, "{value}");
        }
        assert!(!Subject::of(&event("foo")).matches(&event("foo;id=1")));
        assert_eq!((subject.event().as_str(), subject.name()), ("foo;id=1234", "foo"));
    }

    /// RFC 3515 §2.4.6: the id is the number of the REFER, and may be left out for the first.
    #[test]
    fn refers_of_one_dialog() {
        let (first, second) = (Subject::refer(7, true), Subject::refer(9, false));
        assert_eq!((first.event().as_str(), second.event().as_str()), ("refer", "refer;id=9"));
        let mut usages = Usages::invite();
        let ids = [first, second].map(|subject| usages.add(subject, subscriber()).unwrap());
        for (value, expected) in [
            ("refer", Some(ids[0])),
            ("refer;id=7", Some(ids[0])),
            ("refer;id=9", Some(ids[1])),
            ("refer;id=8", None),
        ] {
            assert_eq!(usages.notified(&event(value)).map(|(id, _)| id), expected, "{value}");
            assert!(usages.subscribed(&event(value)).is_none());
        }
    }

    /// RFC 5057 §3.2, Figure 3: two that watch each other in one dialog.
    // Holds: 5057-2-3
    #[test]
    fn each_ends_alone() {
        let mut usages = Usages::default();
        let subject = || Subject::of(&event("presence"));
        let told = usages.add(subject(), subscriber()).unwrap();
        let tells = usages.add(subject(), notifier(600)).unwrap();
        assert_eq!(usages.add(subject(), subscriber()), Err(UsageError::Exists));
        assert_eq!(usages.notified(&event("presence")).unwrap().0, told);
        assert_eq!(usages.subscribed(&event("presence")).unwrap().0, tells);
        usages.end(UsageKind::Subscription, Some(told), Impact::Transaction);
        assert_eq!(usages.subscriptions().len(), 2);
        usages.end(UsageKind::Subscription, Some(told), Impact::Usage);
        assert!(!usages.is_over());
        usages.end(UsageKind::Subscription, Some(tells), Impact::Usage);
        assert!(usages.is_over());
    }

    /// RFC 5057 §5.1: an answer that ends the dialog ends all that is in it; §2: the INVITE's usage is one among them.
    // Holds: 5057-2-3
    #[test]
    fn a_dialog_ends_with_its_last_usage() {
        let mut usages = Usages::invite();
        let id = usages.add(Subject::refer(7, true), notifier(60)).unwrap();
        let mut gone = usages.clone();
        gone.end(UsageKind::Subscription, Some(id), Impact::Dialog);
        assert!(gone.is_over());
        usages.end(UsageKind::Invite, None, Impact::Usage);
        assert!(!usages.has_invite() && !usages.is_over());
    }

    /// DESIGN.md §2 contract 2, RFC 5057 §5.6.
    #[test]
    fn a_dialog_holds_so_many_and_no_more() {
        let mut usages = Usages::invite();
        for cseq in 0..Usages::MOST as u32 {
            usages.add(Subject::refer(cseq, cseq == 0), notifier(60)).unwrap();
        }
        assert_eq!(usages.add(Subject::refer(99, false), notifier(60)), Err(UsageError::Full));
    }

    /// DESIGN.md §2 contract 4: each due subscription is heard once, and the deadline moves on.
    // Holds: 5057-2-2, 6665-4.5.2-3
    #[test]
    fn every_subscription_keeps_its_own_time() {
        let mut usages = Usages::default();
        let ids = [30, 20, 40]
            .map(|seconds| usages.add(Subject::refer(seconds, false), notifier(seconds.into())).unwrap());
        assert_eq!(usages.deadline(), Some(Timestamp::from_secs(20)));
        let now = Timestamp::from_secs(30);
        let mut due = Vec::new();
        while let Some((id, effects)) = usages.step(now) {
            assert_eq!(effects, SubscriptionEffects::NOTIFY);
            due.push(id);
        }
        assert_eq!(due, [ids[0], ids[1]]);
        assert_eq!(usages.deadline(), Some(Timestamp::from_secs(40)));
    }
}
