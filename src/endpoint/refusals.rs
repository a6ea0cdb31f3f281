//! Refusals: the answers that need no state (RFC 3261 §8.2.7), those within a dialog (§12.2.2), what a refusal owes by its status (§21.4), and what of
//! the application's is refused for what it lacks, or for coming too late.

use alloc::string::String;
use alloc::sync::Arc;

use smallvec::SmallVec;

use super::counters::bump;
use super::flow::Flow;
use super::ids::{DialogId, Sender, Token};
use super::inspect::Refusal;
use super::output::Payload;
use super::send::turn_back;
use super::slots::{ServerSlot, SessionMethod};
use super::{Endpoint, Refused};
use crate::context::{Reply, Verb};
use crate::dialog::DialogState;
use crate::message::{Header, MediaType, Message, Method, Name, StatusCode, lacking_in, supplies};
use crate::random;
use crate::transaction::MatchId;

/// How many of the peer's requests an INVITE of ours may have to wait for.
const MOST_WAITED_FOR: usize = 16;

impl<D: Default> Endpoint<D> {
    pub(super) fn refuse(&mut self, flow: &Flow, request: &Message, refusal: Refusal) {
        if !self.is_full() {
            bump(&mut self.counters.refused);
        }
        let (status, header) = refusal;
        let mut headers: SmallVec<[(Name, String); 3]> = header.into_iter().collect();
        if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            headers.extend(self.not_understood(request).map(|(name, value)| (name, String::from(value))));
        }
        self.answer_without_state(flow, request, status, status.reason(), &headers);
    }

    /// Answers a request and forgets it: a retransmission will be answered the same, with the same tag (§8.2.7).
    pub(super) fn answer_without_state(
        &mut self,
        flow: &Flow,
        request: &Message,
        status: StatusCode,
        reason: &str,
        headers: &[(Name, String)],
    ) {
        let twin = MatchId::server(&self.key, request, request.method());
        let tag = random::Token::from_bits(twin.map_or(0, MatchId::as_u128));
        self.answer_as(flow, request, (status, reason), headers, &tag);
    }

    /// As [`Endpoint::answer_without_state`], with this To tag.
    pub(super) fn answer_as(
        &mut self,
        flow: &Flow,
        request: &Message,
        (status, reason): (StatusCode, &str),
        headers: &[(Name, String)],
        tag: &random::Token,
    ) {
        if self.is_full() {
            bump(&mut self.counters.queue_full);
            return;
        }
        let mut answer = request.answer(status, reason, tag.as_str());
        for (name, value) in headers {
            answer.header(*name, value);
        }
        if !self.config.server.is_empty() {
            answer.header(Name::Server, &self.config.server);
        }
        let mut flow = *flow;
        turn_back(&mut flow, request, self.config.policy.honour_maddr);
        match answer.finish() {
            Ok(answer) => self.transmit(flow, Payload::Message(Arc::new(answer)), Token(Sender::Nobody)),
            Err(_) => bump(&mut self.counters.answers_lost),
        }
    }

    /// Refuses a request whose number the dialog has taken note of: seen again, it would be judged otherwise, so a transaction
    /// repeats the answer (§17.2.1). One that is out of order is so again.
    pub(super) fn refuse_in_dialog(
        &mut self,
        flow: &Flow,
        id: MatchId,
        dialog: DialogId,
        request: Arc<Message>,
        (status, header): Refusal,
    ) {
        let is_noted =
            self.dialogs.get(dialog).is_some_and(|slot| slot.dialog.remote_cseq() == Some(request.cseq()));
        let is_about_session = matches!(request.method(), Method::Invite | Method::Update);
        if !is_noted || !is_about_session || self.server_of(id).is_some() {
            return self.refuse(flow, &request, (status, header));
        }
        bump(&mut self.counters.refused);
        if let Some(slot) = self.dialogs.get_mut(dialog) {
            slot.dialog.forget_pending(&request, status);
        }
        let server = self.begin(flow, id, request, Some(dialog));
        // Offer and answer know nothing of it: its answer is not to be taken for that of another.
        if let Some(slot) = self.servers.get_mut(server) {
            slot.dialog = None;
        }
        let mut reply = Reply::code(status.code());
        if let Some((name, value)) = header {
            reply = reply.header(name.as_str(), value);
        }
        _ = self.respond(server, Verb::Reject, &reply);
        // §14.1: an INVITE of ours waits for its ACK. A flood of them is not waited for.
        if let (Some(context), Some(slot)) = (self.servers.get_mut(server), self.dialogs.get_mut(dialog))
            && slot.servers.len() < MOST_WAITED_FOR
        {
            context.dialog = Some(dialog);
            slot.servers.push(server);
        }
    }

    /// What of a body is not understood: type, coding, language, by the header that says what would do.
    pub(super) fn not_understood(&self, request: &Message) -> impl Iterator<Item = (Name, &str)> {
        let (policy, described) = (&self.config.policy, &self.described);
        let is_of = |kind: MediaType<'_>, known: &str| {
            known.split_once('/').is_some_and(|(main, sub)| kind.is(main, sub))
        };
        let kind = || request.content_type().ok().flatten();
        let is_known = policy.accept.is_empty()
            || kind().is_some_and(|kind| policy.accept.iter().any(|known| is_of(kind, known)));
        let is_plain = request.content_encoding().all(|coding| policy.undoes(coding));
        let is_spoken = policy.languages.is_empty()
            || request.content_language().next().is_none()
            || request.content_language().any(|language| policy.speaks(language));
        let checks = [
            (is_known, Name::Accept, &described.accept),
            (is_plain, Name::AcceptEncoding, &described.accept_encoding),
            (is_spoken, Name::AcceptLanguage, &described.accept_language),
        ];
        let faults = checks.into_iter().filter(|(is_understood, ..)| !is_understood);
        faults.map(|(_, name, value)| (name, value.as_str()))
    }

    /// A 415 of the application's with what would do, as far as that is known and the application does not say it (§21.4.13): what of the body we do not
    /// understand, or else what we accept. A 405 has its Allow by the context's defaults.
    pub(super) fn with_acceptable(&self, slot: &ServerSlot<D>, reply: &Reply) -> Option<Reply> {
        let said = [Name::Accept, Name::AcceptEncoding, Name::AcceptLanguage];
        if said.into_iter().any(|name| supplies(&reply.headers, name)) {
            return None;
        }
        let accept = Some((Name::Accept, self.described.accept.as_str()));
        let accept = accept.filter(|_| !self.config.policy.accept.is_empty());
        let header = |(name, value): (Name, &str)| Header::new(name.as_str(), String::from(value));
        let mut reply = reply.clone();
        reply.headers.extend(self.not_understood(slot.context.request()?).map(header));
        if !said.into_iter().any(|name| supplies(&reply.headers, name)) {
            reply.headers.extend(accept.map(header));
        }
        Some(reply)
    }

    /// Whether a refusal has what it owes by its status, which the application alone knows: a challenge, the extension that is asked for, the least
    /// interval. Those that the policy gives go out as they are.
    pub(super) fn check_refusal(slot: &ServerSlot<D>, answer: Option<&Message>) -> Result<(), Refused> {
        match answer.filter(|_| slot.is_announced).and_then(lacking_in) {
            Some(name) => Err(Refused::AnswerLacks(name)),
            None => Ok(()),
        }
    }

    /// Whether a 2xx to this request would begin or change a session that our BYE has ended (§15.1.1): nobody would acknowledge it.
    pub(super) fn comes_too_late(&self, slot: &ServerSlot<D>) -> bool {
        let is_change = matches!(slot.session_method, Some(SessionMethod::Invite | SessionMethod::Update));
        let within = slot.dialog.filter(|_| slot.is_in_dialog && is_change);
        let within = within.and_then(|id| self.dialogs.get(id));
        within.is_some_and(|within| within.dialog.state() == DialogState::Terminated)
    }
}

/// What a request owes by its method has to be there once: the application says what it is (RFC 3515 §2.4.1, RFC 6665 §3.1.2).
pub(super) fn check_owed(method: &Method, headers: &[Header]) -> Result<(), Refused> {
    let owed: &[Name] = match method {
        Method::Refer => &[Name::ReferTo],
        Method::Subscribe => &[Name::Event],
        _ => &[],
    };
    let is_once =
        |name: &&Name| headers.iter().filter(|header| Name::find(&header.name) == **name).count() == 1;
    match owed.iter().find(|name| !is_once(name)) {
        Some(name) => Err(Refused::Lacks(*name)),
        None => Ok(()),
    }
}
