//! What to make of a request that comes in within a dialog (RFC 3261 §12.2.2).

use super::{Dialog, DialogState, Seen};
use crate::message::{Message, Method, StatusCode, Uri};

/// What the dialog says to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// In order: to be answered by whoever handles its method.
    InOrder,
    /// Its number is lower than, or the same as, one that came before: 500 (§12.2.2).
    OutOfOrder,
    /// The dialog is over: 481.
    Terminated,
}

impl Dialog {
    /// Weighs `request`, which matches the dialog by its three parts, and takes note of its number. ACK and CANCEL take part in the
    /// number of their INVITE and are none of this function's business.
    pub fn receive(&mut self, request: &Message) -> Verdict {
        if self.state == DialogState::Terminated {
            return Verdict::Terminated;
        }
        self.receive_of_usage(request)
    }

    /// As [`receive`](Self::receive), for a usage that goes on when the BYE of the session is on its way (RFC 5057 §4).
    pub(crate) fn receive_of_usage(&mut self, request: &Message) -> Verdict {
        // §12.2.2: gaps are legal; a number that was used before is not.
        if self.remote_cseq().is_some_and(|last| request.cseq() <= last) {
            return Verdict::OutOfOrder;
        }
        self.remote_cseq = request.cseq();
        if self.seen == Seen::Nothing {
            self.seen = Seen::Request;
        }
        if *request.method() == Method::Invite {
            (self.invite_cseq, self.seen) = (request.cseq(), Seen::Invite);
        }
        Verdict::InOrder
    }

    /// Forgets the number of the request that was received last, where it is refused 491. What is refused changes no state (§12.2.2), and some peers use the
    /// number once more when they try again.
    pub(crate) fn forget_pending(&mut self, refused: &Message, status: StatusCode) {
        if status == StatusCode::REQUEST_PENDING && self.remote_cseq == refused.cseq() {
            self.remote_cseq = refused.cseq().saturating_sub(1);
        }
    }

    /// Takes the Contact of a target refresh as the remote target, once its 2xx was sent or came (§12.2.1.2, §12.2.2, RFC 6141 §4.3).
    /// A message without a usable Contact changes nothing.
    pub fn refresh_target(&mut self, message: &Message) {
        let contact = message.contact().ok().flatten();
        let Some(contact) = contact.filter(|contact| Uri::parse(contact.uri).is_ok()) else { return };
        self.text.set_remote_target(contact.uri);
    }

    /// Takes the Contact of a target refresh of ours, the request or the 2xx, as where we are, once it was accepted or sent
    /// (RFC 3261 §12.2.1.1, RFC 6141 §4.3). A message without a usable Contact changes nothing.
    pub fn refresh_contact(&mut self, message: &Message) {
        let contact = message.contact().ok().flatten();
        let Some(contact) = contact.filter(|contact| Uri::parse(contact.uri).is_ok()) else { return };
        self.text.set_local_contact(contact.uri);
    }

    /// Whether the peer has sent another INVITE since the one numbered `cseq`.
    pub(crate) fn has_newer_invite(&self, cseq: u32) -> bool {
        self.seen == Seen::Invite && cseq < self.invite_cseq
    }

    /// Whether `ack` acknowledges the 2xx that we gave to the last INVITE (§13.3.1.4).
    pub fn is_acknowledged_by(&self, ack: &Message) -> bool {
        *ack.method() == Method::Ack && self.seen == Seen::Invite && ack.cseq() == self.invite_cseq
    }
}
