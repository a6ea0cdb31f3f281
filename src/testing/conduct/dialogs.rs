//! What becomes of dialogs on the wire: RFC 3261 §12.2, §15.

use alloc::collections::BTreeMap;
use alloc::format;

use super::{Checked, Name, TAIL};
use crate::endpoint::{By, ClientEvent, DialogEvent, DialogId, Event, ServerEvent};
use crate::message::{Message, Method};
use crate::time::Timestamp;

#[derive(Clone, Debug, Default)]
pub(super) struct Dialogs {
    names: BTreeMap<DialogId, Name>,
    known: BTreeMap<Name, Known>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    is_over: bool,
    is_session_over: bool,
    /// Whether the peer's INVITE made it.
    is_called: bool,
    /// When the 2xx to each INVITE of the peer's went out first, by its number, until its ACK comes.
    unacknowledged: BTreeMap<u32, Timestamp>,
    /// The highest number of an INVITE of the peer's that has a 2xx.
    accepted: Option<u32>,
    /// The number of the BYE that the end was told with, which may wait for its way.
    bye: Option<u32>,
}

impl Dialogs {
    /// Whether a request of the peer's comes for a dialog whose end was told.
    pub(super) fn is_over(&self, message: &Message) -> bool {
        // RFC 3262 §3: a PRACK is served after the final answer too; RFC 6665 §4.1.2.4: a NOTIFY may make the dialog.
        let is_dialogs =
            !matches!(message.method(), Method::Ack | Method::Cancel | Method::Prack | Method::Notify);
        is_dialogs && self.known.get(&Name::of(message, false)).is_some_and(|known| known.is_over)
    }

    pub(super) fn heard_request(&mut self, message: &Message) {
        if *message.method() == Method::Ack
            && let Some(known) = self.known.get_mut(&Name::of(message, false))
            && known.unacknowledged.contains_key(&message.cseq())
        {
            // Who acknowledges a later one has seen the earlier ones.
            known.unacknowledged.retain(|cseq, _| *cseq > message.cseq());
        }
    }

    /// An answer may begin a dialog anew whose early one is over (RFC 5407 §3.1.3).
    pub(super) fn heard_answer(&mut self, message: &Message) {
        let begins = *message.method() == Method::Invite
            && message.status().is_some_and(|status| !status.is_failure());
        if let (true, Some(known)) = (begins, self.known.get_mut(&Name::of(message, true))) {
            known.is_over = false;
            known.is_session_over = false;
        }
    }

    /// An answer has gone out; `begins` tells that its request came outside dialogs.
    pub(super) fn answered(&mut self, now: Timestamp, message: &Message, begins: bool) {
        let Some(status) = message.status().filter(|status| !status.is_failure()) else { return };
        let name = Name::of(message, false);
        if *message.method() != Method::Invite || name.local.is_empty() {
            return;
        }
        let known = self.known.entry(name).or_default();
        known.is_called |= begins;
        if status.is_success() && known.accepted < Some(message.cseq()) && !known.is_over {
            known.accepted = Some(message.cseq());
            known.unacknowledged.insert(message.cseq(), now);
        }
    }

    /// A request goes out. What goes by a stream may have waited for the connection.
    pub(super) fn sent_request(&mut self, now: Timestamp, message: &Message, is_stream: bool) -> Checked {
        let Some(known) = self.known.get(&Name::of(message, true)) else { return Ok(()) };
        let is_last = *message.method() == Method::Bye && known.bye == Some(message.cseq());
        if known.is_over && !is_last && *message.method() != Method::Cancel {
            return Err(format!("{} in a dialog that is over", message.method()));
        }
        if known.is_session_over && matches!(message.method(), Method::Invite | Method::Update | Method::Info)
        {
            return Err(format!("{} in a session that is over", message.method()));
        }
        if *message.method() == Method::Bye {
            if known.is_called && known.accepted.is_none() {
                return Err("BYE of the callee in an early dialog (RFC 3261 §15)".into());
            }
            // One whose ACK never came ends the session (§13.3.1.4).
            let waits = known.unacknowledged.values().all(|at| now < *at + TAIL);
            if let Some((cseq, at)) = known.unacknowledged.first_key_value().filter(|_| waits && !is_stream) {
                return Err(format!(
                    "BYE before the ACK of the 2xx to INVITE {cseq}, sent {at:?} (RFC 3261 §15)"
                ));
            }
        }
        Ok(())
    }

    /// Learns from an event; yields the dialog that ends with it.
    pub(super) fn see<D>(&mut self, event: &Event<D>) -> Option<Name> {
        match event {
            Event::Server {
                event:
                    ServerEvent::Progress { dialog: Some(dialog), report, .. }
                    | ServerEvent::Accepted { dialog: Some(dialog), report },
                ..
            } => {
                if let Some(response) = &report.response {
                    let name = Name::of(response, false);
                    self.name(*dialog, name.clone());
                    // It may wait for a connection.
                    let known = self.known.entry(name).or_default();
                    if *response.method() == Method::Invite && report.code >= 200 {
                        known.accepted = known.accepted.max(Some(response.cseq()));
                    }
                }
            }
            Event::Client {
                event:
                    ClientEvent::Progress { dialog: Some(dialog), response }
                    | ClientEvent::Accepted { dialog: Some(dialog), response }
                    | ClientEvent::Forked { dialog, response },
                ..
            } => {
                self.name(*dialog, Name::of(response, true));
            }
            Event::Dialog { dialog, event } => {
                if let Some(asked) = event.asked() {
                    self.name(*dialog, Name::of(&asked.request, false));
                }
                let name = self.names.get(dialog).cloned()?;
                let known = self.known.entry(name.clone()).or_default();
                known.is_over |= matches!(event, DialogEvent::Destroy { .. });
                known.is_session_over |= matches!(event, DialogEvent::SessionEnded { .. });
                if let DialogEvent::Destroy { by: By::Local, message: Some(bye), .. }
                | DialogEvent::SessionEnded { by: By::Local, message: Some(bye), .. } = event
                {
                    known.bye = Some(bye.cseq());
                }
                return known.is_over.then_some(name);
            }
            _ => {}
        }
        None
    }

    /// A dialog may have the name of one that is over.
    fn name(&mut self, dialog: DialogId, name: Name) {
        if self.names.insert(dialog, name.clone()).is_none()
            && let Some(known) = self.known.get_mut(&name)
        {
            known.is_over = false;
            known.is_session_over = false;
        }
    }
}
