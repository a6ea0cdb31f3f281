//! The back-to-back user agent: what is told of one leg, and what the other one is told then.

use std::collections::HashMap;

use sip_proto::context::{Invite, Rel100, Reply};
use sip_proto::dialog::{InDialog, Modify};
use sip_proto::endpoint::{Answer, Asked, By, Handling, Why};
use sip_proto::message::{Body, Header, Name};
use sip_proto::{
    ClientEvent, Config, DialogEvent, DialogId, Endpoint, Event, Message, Method, Refused, RequestId,
    ServerEvent, ServerId, StatusCode, Timestamp, sdp,
};

/// What is under way between the legs of calls, and which legs are one call.
#[derive(Debug, Default)]
pub(crate) struct B2bua {
    /// Where calls go.
    target: String,
    /// Requests of ours, by what each stands for.
    relayed: HashMap<RequestId, Relayed>,
    /// The other leg of each.
    other: HashMap<DialogId, DialogId>,
}

/// A request that was received and waits for the answer to one of ours.
#[derive(Clone, Copy, Debug)]
struct Relayed {
    server: ServerId,
    /// The leg that it came in; `None` for a call.
    leg: Option<DialogId>,
    is_change: bool,
}

type Done<T = ()> = Result<T, Refused>;

/// Headers that mean the same on both legs.
const PASSED: [&str; 7] =
    ["Subject", "Reason", "Retry-After", "Refer-To", "Referred-By", "WWW-Authenticate", "Proxy-Authenticate"];

impl B2bua {
    /// One that takes calls to this URI.
    pub(crate) fn to(target: String) -> Self {
        Self { target, ..Self::default() }
    }

    /// Whether nothing is under way, and no call is up.
    pub(crate) fn is_empty(&self) -> bool {
        self.relayed.is_empty() && self.other.is_empty()
    }

    /// What a back-to-back user agent does otherwise than a phone.
    pub(crate) fn config(config: &mut Config) {
        config.settings.rel100 = Rel100::Supported;
        config.settings.repeat_ringing = false; // Whether it rings is the other leg's to say.
        config.policy.session = Handling::Ask;
        for method in
            [Method::Invite, Method::Update, Method::Prack, Method::Info, Method::Message, Method::Refer]
        {
            config.policy.set_in_dialog(method, Handling::Ask);
        }
    }

    /// Takes an event to the other leg.
    pub(crate) fn on_event(&mut self, sip: &mut Endpoint, now: Timestamp, event: Event) -> Done {
        match event {
            Event::Incoming { server, request } if *request.method() == Method::Invite => {
                let sent = sip.invite(now, self.onward(&request));
                self.waits(sip, now, Relayed { server, leg: None, is_change: true }, sent)?;
            }
            Event::Incoming { server, .. } => _ = sip.server(server)?.reject(now, Reply::code(405))?,
            // It was taken back, or its time is over. The result of ours comes all the same.
            Event::Server { server, event: ServerEvent::Failed(_) } => {
                if let Some((call, _)) = self.relayed.iter().find(|(_, relayed)| relayed.server == server) {
                    sip.client(*call)?.cancel(now)?;
                }
            }
            Event::Server { server, event: ServerEvent::Pracked { request } } => {
                let leg = sip.server(server)?.dialog();
                self.acknowledged(sip, now, leg, &request)?;
            }
            Event::Client { request, event: ClientEvent::Progress { response, dialog } } => {
                let Some(Relayed { server, .. }) = self.relayed.get(&request) else { return Ok(()) };
                if response.status() > Some(StatusCode::TRYING) {
                    let is_reliable = matches!(response.rseq(), Ok(Some(_)));
                    let reply = Reply { reliable: is_reliable, ..reply_like(&response) };
                    let ours = sip.server(*server)?.progress(now, reply)?.dialog();
                    self.join(ours, dialog);
                }
            }
            Event::Client { request, event: ClientEvent::Accepted { response, dialog } } => {
                let Some(relayed) = self.relayed.remove(&request) else { return Ok(()) };
                match (accept(sip, now, relayed.server, &response), dialog) {
                    (Ok(ours), theirs) => self.join(ours, theirs),
                    // Nobody waits for this call any more.
                    (Err(_), Some(leg)) if relayed.leg.is_none() => sip.dialog(leg)?.destroy(now)?,
                    (Err(refused), _) => {
                        _ = sip.server(relayed.server)?.reject(now, Reply::code(500));
                        return Err(refused);
                    }
                }
            }
            Event::Client { request, event: ClientEvent::Failed { response, .. } } => {
                let Some(relayed) = self.relayed.remove(&request) else { return Ok(()) };
                let mut server = sip.server(relayed.server)?;
                // It may lack what it owes, which is not passed on, or be our 408, which no request but INVITE is answered (RFC 4320 §4.2).
                if server.request().is_some() && server.reject(now, reply_like(&response)).is_err() {
                    server.reject(now, Reply::code(500))?;
                }
            }
            Event::Dialog { dialog, event: DialogEvent::Confirmed { ack: request } }
            | Event::Dialog { dialog, event: DialogEvent::Ack { request } } => {
                self.acknowledged(sip, now, Some(dialog), &request)?;
            }
            Event::Dialog { dialog, event: DialogEvent::SessionEnded { by: By::Remote, message, .. } } => {
                let Some(other) = self.other.get(&dialog) else { return Ok(()) };
                sip.dialog(*other)?.destroy_with(now, message.map_or(Vec::new(), |bye| passed(&bye)))?;
            }
            Event::Dialog { dialog, event: DialogEvent::Destroy { why, message, .. } } => {
                // It may be another fork that the other leg is joined with now.
                let other = self.other.remove(&dialog).filter(|other| self.other.get(other) == Some(&dialog));
                let Some(other) = other else { return Ok(()) };
                self.other.remove(&other);
                // An early dialog ends with its INVITE, whose result is passed on.
                if !matches!(why, Why::Failed(_) | Why::Cancelled | Why::OtherFork) {
                    sip.dialog(other)?.destroy_with(now, message.map_or(Vec::new(), |bye| passed(&bye)))?;
                }
            }
            // What became of a REFER that was passed on. It was answered by the endpoint.
            Event::Dialog { dialog, event: DialogEvent::Notify(Asked { request, .. }) } => {
                let state = request.value(Name::SubscriptionState).unwrap_or_default().to_owned();
                let Some(other) = self.other.get(&dialog) else { return Ok(()) };
                sip.dialog(*other)?.notify(now, "refer", state, body_of(&request))?;
            }
            // That a session goes on is between us and each side (RFC 4028).
            Event::Dialog {
                dialog,
                event: DialogEvent::Refresh(Asked { request, answer: Answer::Ask(server) }),
            } => {
                let offer = request.session_description();
                let answer =
                    offer.and_then(|offer| sip.dialog(dialog).ok()?.get().ok()?.answer_to(offer).ok());
                sip.server(server)?.accept(now, Reply { body: answer.map(Body::sdp), ..Reply::new() })?;
            }
            Event::Dialog { dialog, event } => {
                if let Some(Asked { request, answer: Answer::Ask(server) }) = event.asked() {
                    self.asked(sip, now, dialog, *server, request)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The call that goes on.
    fn onward(&self, request: &Message) -> Invite {
        let hops = request.max_forwards().ok().flatten().unwrap_or(70).saturating_sub(1);
        let mut invite = Invite::to(self.target.clone()).rel100(Rel100::of(request));
        invite.request.from = request.value(Name::From).map(|from| from.to_owned().into());
        invite.request.headers = passed(request);
        invite.request.body = body_of(request);
        invite.header("Max-Forwards", hops.to_string()) // No loop between two of us.
    }

    fn join(&mut self, ours: Option<DialogId>, theirs: Option<DialogId>) {
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            self.other.extend([(ours, theirs), (theirs, ours)]);
        }
    }

    /// An ACK or PRACK with an answer in it: the other leg's waits for that.
    fn acknowledged(&self, sip: &mut Endpoint, now: Timestamp, leg: Option<DialogId>, ack: &Message) -> Done {
        let other = leg.and_then(|leg| self.other.get(&leg));
        let (Some(other), Some(sdp)) = (other, ack.session_description()) else { return Ok(()) };
        let mut other = sip.dialog(*other)?;
        if other.get()?.owes_answer() || other.get()?.owes_prack_answer() {
            other.answer(now, sdp.to_vec())?;
        }
        Ok(())
    }

    /// A request within one leg: the other one's answer to the same will be its answer.
    fn asked(
        &mut self,
        sip: &mut Endpoint,
        now: Timestamp,
        leg: DialogId,
        server: ServerId,
        request: &Message,
    ) -> Done {
        let is_change = matches!(request.method(), Method::Invite | Method::Update | Method::Prack);
        let other = self.other.get(&leg).copied();
        // RFC 3261 §14.2: two that cross would wait for each other.
        if is_change && self.relayed.values().any(|earlier| earlier.is_change && earlier.leg == other) {
            return sip.server(server)?.reject(now, Reply::code(491)).map(drop);
        }
        let (headers, body) = (passed(request), body_of(request));
        let sent =
            other.ok_or(Refused::Gone).and_then(|other| sip.dialog(other)).and_then(|mut other| {
                match (is_change, request.session_description()) {
                    (true, Some(sdp)) => other.modify_with(now, Modify::Sdp(sdp.to_vec().into()), headers),
                    (true, None) => other.modify_with(now, Modify::Offerless, headers),
                    (false, _) => other
                        .request(now, InDialog { headers, body, ..InDialog::new(request.method().clone()) }),
                }
            });
        self.waits(sip, now, Relayed { server, leg: Some(leg), is_change }, sent)
    }

    fn waits(&mut self, sip: &mut Endpoint, now: Timestamp, relayed: Relayed, sent: Done<RequestId>) -> Done {
        match sent {
            Ok(sent) => _ = self.relayed.insert(sent, relayed),
            Err(_) => _ = sip.server(relayed.server)?.reject(now, Reply::code(500))?,
        }
        Ok(())
    }
}

/// Accepts what was passed on, and yields its leg.
fn accept(
    sip: &mut Endpoint,
    now: Timestamp,
    server: ServerId,
    response: &Message,
) -> Done<Option<DialogId>> {
    let leg = sip.server(server)?.dialog();
    let said =
        leg.and_then(|leg| sip.dialog(leg).ok()?.get().ok()?.negotiation().preview().map(<[u8]>::to_vec));
    // RFC 3261 §13.2.1: what was told first is the answer. What another fork says is offered next.
    let next = response.session_description().filter(|sdp| said.as_ref().is_some_and(|said| said != sdp));
    let reply = reply_like(response);
    let body = reply.body.clone().filter(|_| next.is_none());
    let leg = sip.server(server)?.accept(now, Reply { body, ..reply })?.dialog();
    if let (Some(leg), Some(next), Some(said)) = (leg, next, said) {
        let offer = sdp::next_offer(&said, next).unwrap_or_default();
        sip.dialog(leg)?.modify(now, Modify::Sdp(offer.into()))?;
    }
    Ok(leg)
}

fn passed(message: &Message) -> Vec<Header> {
    let of = |name: &'static str| message.headers(name).map(move |value| Header::new(name, value.to_owned()));
    PASSED.into_iter().flat_map(of).collect()
}

fn body_of(message: &Message) -> Option<Body> {
    message.value(Name::ContentType).map(|kind| Body::new(kind.to_owned(), message.body().to_vec()))
}

fn reply_like(response: &Message) -> Reply {
    let code = response.status().map(StatusCode::code);
    let reply = Reply { code, headers: passed(response), body: body_of(response), ..Reply::new() };
    reply.reason(response.reason_phrase().to_owned())
}
