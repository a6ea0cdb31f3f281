//! Whole calls with machines made by hand and no endpoint: two user agents exchange octets, each message parsed anew at its
//! hop, and time is passed by hand.

use std::sync::Arc;

use sip_proto::context::{
    ClientContext, ClientEffects, Defaults, EndReason, Hop, Identifiers, Invite, Reply, ServerContext,
    ServerEffects, Settings, Synthetic,
};
use sip_proto::dialog::{Dialog, DialogState, InDialog, Role, Verdict, Within};
use sip_proto::message::Name;
use sip_proto::random::Random;
use sip_proto::sdp::Side;
use sip_proto::{Message, Method, Timestamp, Transport};

const OFFER: &str = "v=0\r\no=alice 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
const ANSWER: &str = "v=0\r\no=bob 1 1 IN IP4 192.0.2.4\r\ns=-\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n";

/// Later than anything that a call leaves behind.
const AN_HOUR: Timestamp = Timestamp::from_secs(3_600);

/// One user agent: what it shares among its contexts and its dialog.
struct Agent {
    random: Random,
    sent_by: &'static str,
    contact: &'static str,
    settings: Settings,
    reliable: bool,
}

impl Agent {
    fn alice(reliable: bool) -> Self {
        let (sent_by, contact) = ("192.0.2.1:5060", "<sip:alice@192.0.2.1>");
        Self { random: Random::from_seed([1; 32]), sent_by, contact, settings: Settings::DEFAULT, reliable }
    }

    fn bob(reliable: bool) -> Self {
        let (sent_by, contact) = ("192.0.2.4:5060", "<sip:bob@192.0.2.4>");
        Self { random: Random::from_seed([2; 32]), sent_by, contact, settings: Settings::DEFAULT, reliable }
    }

    fn hop(&mut self) -> Hop<'static> {
        let transport = if self.reliable { Transport::Tcp } else { Transport::Udp };
        Hop { transport, sent_by: self.sent_by, branch: self.random.token() }
    }

    fn defaults(&self) -> Defaults<'static> {
        Defaults {
            contact: self.contact,
            allow: "INVITE, ACK, CANCEL, BYE, INFO",
            supported: "",
            server: "test",
        }
    }

    /// Sends an INVITE outside dialogs.
    fn invite(&mut self, now: Timestamp) -> Client {
        let (call_id, tag, hop) = (self.random.token(), self.random.token(), self.hop());
        let ids = Identifiers {
            call_id: call_id.as_str(),
            tag: tag.as_str(),
            cseq: 1,
            identity: "\"Alice\" <sip:alice@example.com>",
            contact: self.contact,
            ..Identifiers::default()
        };
        let invite = Invite::to("sip:bob@192.0.2.4").sdp(OFFER);
        let message = invite.request.build(&ids, &hop).unwrap();
        self.send(now, message)
    }

    fn send(&self, now: Timestamp, message: Message) -> Client {
        let request = Arc::new(message);
        let (context, effects) = ClientContext::new(now, request, self.reliable, None, &self.settings);
        assert_eq!(effects, ClientEffects::SEND);
        Client { context, settings: self.settings, log: vec![effects] }
    }

    /// Sends a request within the dialog.
    fn send_within(&mut self, now: Timestamp, dialog: &mut Dialog, request: &InDialog) -> Client {
        let hop = self.hop();
        let message = dialog.request(request, &hop, &Within::default()).unwrap();
        self.send(now, message)
    }

    /// Receives a request.
    fn serve(&mut self, now: Timestamp, request: Message) -> Server {
        let tag = self.random.token();
        let context = ServerContext::new(now, Arc::new(request), self.reliable, tag, &self.settings);
        Server { context, settings: self.settings, defaults: self.defaults(), log: Vec::new() }
    }

    /// Makes the ACK of a 2xx, keeps it with its INVITE, and sends it.
    fn acknowledge(&mut self, client: &mut Client, dialog: &Dialog) -> Message {
        let hop = self.hop();
        let ack = dialog.ack(client.context.request().cseq(), Vec::new(), None, &hop).unwrap();
        let octets = wire(&ack);
        client.context.acknowledge(dialog.sip().remote_tag, Arc::new(ack));
        octets
    }
}

struct Client {
    context: ClientContext,
    settings: Settings,
    log: Vec<ClientEffects>,
}

impl Client {
    /// The request, as its peer reads it.
    fn request(&self) -> Message {
        wire(self.context.request())
    }

    fn receive(&mut self, now: Timestamp, response: &Message) -> ClientEffects {
        let effects = self.context.receive(now, response, &self.settings);
        self.log.push(effects);
        effects
    }

    fn fire(&mut self, now: Timestamp) -> Vec<ClientEffects> {
        let mut fired = Vec::new();
        while let Some(effects) = self.context.fire(now, &self.settings) {
            fired.push(effects);
            assert!(fired.len() < 100, "a context fires without end");
        }
        self.log.extend(&fired);
        fired
    }

    fn count(&self, effect: ClientEffects) -> usize {
        self.log.iter().filter(|effects| effects.contains(effect)).count()
    }
}

struct Server {
    context: ServerContext,
    settings: Settings,
    defaults: Defaults<'static>,
    log: Vec<ServerEffects>,
}

impl Server {
    /// Answers, and yields the answer as its peer reads it.
    fn reply(&mut self, now: Timestamp, reply: &Reply) -> Message {
        let effects = self.context.reply(now, reply, &self.defaults, &self.settings).unwrap();
        assert!(effects.contains(ServerEffects::SEND));
        self.log.push(effects);
        self.response()
    }

    /// The stored answer, as its peer reads it.
    fn response(&self) -> Message {
        wire(self.context.response().expect("an answer is stored"))
    }

    fn acknowledged(&mut self, now: Timestamp) -> ServerEffects {
        let effects = self.context.acknowledged(now, &self.settings);
        self.log.push(effects);
        effects
    }

    fn cancel(&mut self, now: Timestamp) -> ServerEffects {
        let effects = self.context.cancel(now, &self.defaults, &self.settings);
        self.log.push(effects);
        effects
    }

    fn fire(&mut self, now: Timestamp) -> Vec<ServerEffects> {
        let mut fired = Vec::new();
        while let Some(effects) = self.context.fire(now, &self.defaults, &self.settings) {
            fired.push(effects);
            assert!(fired.len() < 100, "a context fires without end");
        }
        self.log.extend(&fired);
        fired
    }

    fn count(&self, effect: ServerEffects) -> usize {
        self.log.iter().filter(|effects| effects.contains(effect)).count()
    }
}

/// A message as it arrives: its octets, parsed anew.
fn wire(message: &Message) -> Message {
    Message::parse(message.as_bytes().to_vec()).expect("what is sent is legible")
}

fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Lets time pass until no context wants anything more: each has ended, once, with one result.
fn run_out(clients: &mut [&mut Client], servers: &mut [&mut Server]) {
    let next = |clients: &[&mut Client], servers: &[&mut Server]| {
        let theirs = clients.iter().filter_map(|client| client.context.deadline());
        theirs.chain(servers.iter().filter_map(|server| server.context.deadline())).min()
    };
    while let Some(now) = next(clients, servers) {
        clients.iter_mut().for_each(|client| _ = client.fire(now));
        servers.iter_mut().for_each(|server| _ = server.fire(now));
        assert!(next(clients, servers).is_none_or(|next| next > now), "time stands still");
        assert!(now < AN_HOUR, "a call never ends");
    }
    let results = [ClientEffects::ACCEPTED, ClientEffects::FAILURE, ClientEffects::GAVE_UP];
    for client in clients {
        assert_eq!(client.count(ClientEffects::END), 1, "{:?}", client.log);
        let count: usize = results.iter().map(|result| client.count(*result)).sum();
        assert_eq!(count, 1, "{:?}", client.log);
    }
    for server in servers {
        assert_eq!(server.count(ServerEffects::END), 1, "{:?}", server.log);
    }
}

/// Whether both sides hold the same dialog, seen from their ends.
fn assert_mirrored(one: &Dialog, other: &Dialog) {
    let (a, b) = (one.sip(), other.sip());
    assert_eq!((a.call_id, a.local_tag, a.remote_tag), (b.call_id, b.remote_tag, b.local_tag));
    assert_eq!((one.local(), one.remote()), (other.remote(), other.local()));
}

/// A request within the dialog, answered 200 by the other side: both its contexts.
fn exchange(
    now: Timestamp,
    from: (&mut Agent, &mut Dialog),
    to: (&mut Agent, &mut Dialog),
    request: &InDialog,
) -> (Client, Server) {
    let mut client = from.0.send_within(now, from.1, request);
    let received = client.request();
    assert_eq!(to.1.receive(&received), Verdict::InOrder);
    assert_eq!(received.request_uri(), Some(to.1.local().contact));
    let mut server = to.0.serve(now, received);
    let ok = server.reply(now, &Reply::code(200));
    assert_eq!(client.receive(now, &ok), ClientEffects::SUCCESS | ClientEffects::ACCEPTED);
    (client, server)
}

/// INVITE, 100, 180, 200, ACK; INFO each way; BYE: RFC 3261 §13, §12.2, §15, RFC 3665 §3.1, over either kind of transport.
#[test]
fn a_call_from_invite_to_bye() {
    for reliable in [false, true] {
        let (mut alice, mut bob) = (Agent::alice(reliable), Agent::bob(reliable));
        let mut invite = alice.invite(Timestamp::ZERO);
        let mut incoming = bob.serve(ms(20), invite.request());

        assert_eq!(incoming.fire(ms(220)), [ServerEffects::SEND], "the automatic 100");
        let trying = incoming.response();
        assert_eq!((trying.status().unwrap().code(), trying.to().unwrap().tag()), (100, None));
        assert_eq!(invite.receive(ms(240), &trying), ClientEffects::PROVISIONAL);

        let received = invite.request();
        let ringing = incoming.reply(ms(1_000), &Reply::code(180));
        let mut called = Dialog::uas(&received, &ringing).unwrap();
        assert_eq!(invite.receive(ms(1_020), &ringing), ClientEffects::PROVISIONAL);
        let mut calling = Dialog::uac(invite.context.request(), &ringing).unwrap();
        assert_eq!((calling.state(), called.state()), (DialogState::Early, DialogState::Early));

        let ok = incoming.reply(ms(5_000), &Reply::code(200).sdp(ANSWER));
        assert_eq!(ok.to().unwrap().tag(), ringing.to().unwrap().tag());
        called.confirm_uas(&ok);
        let told = invite.receive(ms(5_020), &ok);
        assert_eq!(told, ClientEffects::SUCCESS | ClientEffects::ACCEPTED);
        calling.confirm_uac(invite.context.request(), &ok).unwrap();
        assert_mirrored(&calling, &called);
        assert_eq!((calling.role(), called.role()), (Role::Uac, Role::Uas));
        assert_eq!((calling.local().sdp, calling.remote().sdp), (OFFER.as_bytes(), ANSWER.as_bytes()));

        let ack = alice.acknowledge(&mut invite, &calling);
        assert!(called.is_acknowledged_by(&ack));
        assert_eq!(incoming.acknowledged(ms(5_040)), ServerEffects::ACKED);
        _ = called.note(Side::Theirs, &ack);

        let dtmf = InDialog::new(Method::Info).body("application/dtmf-relay", "Signal=5\r\n");
        let (mut info, mut informed) =
            exchange(ms(10_000), (&mut alice, &mut calling), (&mut bob, &mut called), &dtmf);
        let (mut back, mut backed) =
            exchange(ms(11_000), (&mut bob, &mut called), (&mut alice, &mut calling), &dtmf);
        assert_eq!((info.request().cseq(), back.request().cseq()), (2, 1));
        assert_eq!(info.request().body(), b"Signal=5\r\n");

        let bye = InDialog::new(Method::Bye);
        let (mut bye, mut ended) =
            exchange(ms(60_000), (&mut alice, &mut calling), (&mut bob, &mut called), &bye);
        assert_eq!(bye.request().cseq(), 3);
        calling.terminate();
        called.terminate();

        run_out(
            &mut [&mut invite, &mut info, &mut back, &mut bye],
            &mut [&mut incoming, &mut informed, &mut backed, &mut ended],
        );
        assert_eq!(incoming.context.end_reason(), EndReason::Done);
        let told = [ServerEffects::PROGRESS, ServerEffects::ACCEPTED, ServerEffects::ACKED];
        assert_eq!(told.map(|effect| incoming.count(effect)), [1, 1, 1]);
        assert_eq!(invite.count(ClientEffects::FORKS_OVER), 1);
    }
}

/// RFC 3261 §13.3.1.4, §13.2.2.4: the ACK is lost twice: the 2xx comes again and gets the same ACK again.
#[test]
fn a_lost_ack_is_sent_again_for_the_repeated_2xx() {
    for reliable in [false, true] {
        let (mut alice, mut bob) = (Agent::alice(reliable), Agent::bob(reliable));
        let mut invite = alice.invite(Timestamp::ZERO);
        let mut incoming = bob.serve(Timestamp::ZERO, invite.request());
        let received = invite.request();
        let ok = incoming.reply(ms(100), &Reply::code(200).sdp(ANSWER));
        let called = Dialog::uas(&received, &ok).unwrap();
        invite.receive(ms(100), &ok);
        let calling = Dialog::uac(invite.context.request(), &ok).unwrap();
        let lost = alice.acknowledge(&mut invite, &calling);

        assert_eq!(incoming.context.deadline(), Some(ms(600)));
        assert_eq!(incoming.fire(ms(600)), [ServerEffects::SEND]);
        assert_eq!(incoming.response(), ok);
        assert_eq!(invite.receive(ms(600), &incoming.response()), ClientEffects::ACK_AGAIN);

        assert_eq!(incoming.fire(ms(1_600)), [ServerEffects::SEND]);
        assert_eq!(invite.receive(ms(1_600), &incoming.response()), ClientEffects::ACK_AGAIN);
        let again = wire(invite.context.ack_of(calling.sip().remote_tag).unwrap());
        assert_eq!(again, lost, "the same ACK");
        assert!(called.is_acknowledged_by(&again));
        assert_eq!(incoming.acknowledged(ms(1_600)), ServerEffects::ACKED);

        run_out(&mut [&mut invite], &mut [&mut incoming]);
        assert_eq!(incoming.count(ServerEffects::SEND), 3);
        assert_eq!((incoming.count(ServerEffects::NO_ACK), invite.count(ClientEffects::SUCCESS)), (0, 1));
    }
}

/// RFC 3261 §13.3.1.4, §15: every ACK is lost: after 64·T1 the callee ends the session with BYE.
#[test]
fn a_call_without_ack_is_ended_by_the_callee() {
    let (mut alice, mut bob) = (Agent::alice(false), Agent::bob(false));
    let mut invite = alice.invite(Timestamp::ZERO);
    let mut incoming = bob.serve(Timestamp::ZERO, invite.request());
    let received = invite.request();
    let ok = incoming.reply(Timestamp::ZERO, &Reply::code(200));
    let mut called = Dialog::uas(&received, &ok).unwrap();
    invite.receive(Timestamp::ZERO, &ok);
    let mut calling = Dialog::uac(invite.context.request(), &ok).unwrap();
    alice.acknowledge(&mut invite, &calling);

    let mut acks = 0;
    while let Some(now) = incoming.context.deadline() {
        for effects in incoming.fire(now) {
            if effects.contains(ServerEffects::SEND) {
                assert_eq!(invite.receive(now, &incoming.response()), ClientEffects::ACK_AGAIN);
                acks += 1;
            }
        }
        assert!(incoming.context.deadline().is_none_or(|next| next > now), "time stands still");
        assert!(now < AN_HOUR, "a call never ends");
    }
    assert_eq!((acks, incoming.count(ServerEffects::NO_ACK)), (10, 1));
    assert_eq!(incoming.context.end_reason(), EndReason::NoAck);

    let bye = InDialog::new(Method::Bye);
    let (mut bye, mut ended) =
        exchange(ms(32_000), (&mut bob, &mut called), (&mut alice, &mut calling), &bye);
    run_out(&mut [&mut invite, &mut bye], &mut [&mut incoming, &mut ended]);
}

/// RFC 3261 §9, RFC 3665 §3.8: CANCEL waits for the 180, goes out as a request of its own, is answered 200 with the INVITE's To tag;
/// the INVITE is answered 487 and acknowledged.
#[test]
fn a_cancelled_call() {
    for reliable in [false, true] {
        let (mut alice, mut bob) = (Agent::alice(reliable), Agent::bob(reliable));
        let mut invite = alice.invite(Timestamp::ZERO);
        let settings = alice.settings;
        let waits = invite.context.cancel(ms(10), &[], &settings).unwrap();
        assert_eq!(waits, ClientEffects::NONE);

        let mut incoming = bob.serve(ms(20), invite.request());
        let ringing = incoming.reply(ms(100), &Reply::code(180));
        let told = invite.receive(ms(120), &ringing);
        assert_eq!(told, ClientEffects::PROVISIONAL | ClientEffects::CANCEL);

        let mut cancel = alice.send(ms(120), invite.context.take_cancel().unwrap().as_ref().clone());
        let received = cancel.request();
        assert_eq!(
            received.value(Name::Via),
            invite.request().value(Name::Via),
            "it travels with its INVITE"
        );
        // §9.2: the To tag of the answer to the CANCEL is that of the answers to the INVITE.
        let tag = *incoming.context.tag();
        let context = ServerContext::new(ms(140), Arc::new(received), reliable, tag, &settings);
        let mut cancelled = Server { context, settings, defaults: bob.defaults(), log: Vec::new() };
        let ok = cancelled.reply(ms(140), &Reply::code(200));
        assert_eq!(ok.to().unwrap().tag(), ringing.to().unwrap().tag());
        let told = incoming.cancel(ms(140));
        assert_eq!(told, ServerEffects::SEND | ServerEffects::CANCELLED | ServerEffects::REJECTED);

        let told = cancel.receive(ms(160), &ok);
        assert_eq!(told, ClientEffects::SUCCESS | ClientEffects::ACCEPTED);
        let told = invite.receive(ms(160), &incoming.response());
        assert_eq!(told, ClientEffects::FAILURE | ClientEffects::ACK);
        let ack = wire(invite.context.ack().unwrap());
        assert_eq!((ack.method(), ack.cseq()), (&Method::Ack, 1));
        assert_eq!(ack.to().unwrap().tag(), ringing.to().unwrap().tag());
        assert_eq!(incoming.acknowledged(ms(180)), ServerEffects::NONE);

        run_out(&mut [&mut invite, &mut cancel], &mut [&mut incoming, &mut cancelled]);
        assert_eq!((incoming.context.end_reason(), invite.context.synthetic()), (EndReason::Done, None));
    }
}

/// RFC 3261 §9.1, DESIGN §5: the 200 crosses the CANCEL: the caller acknowledges and ends with BYE, the callee's 2xx stands.
#[test]
fn a_cancel_that_crosses_the_200() {
    let (mut alice, mut bob) = (Agent::alice(false), Agent::bob(false));
    let mut invite = alice.invite(Timestamp::ZERO);
    let received = invite.request();
    let mut incoming = bob.serve(ms(20), invite.request());
    let ringing = incoming.reply(ms(100), &Reply::code(180));
    invite.receive(ms(120), &ringing);

    let ok = incoming.reply(ms(1_000), &Reply::code(200));
    let mut called = Dialog::uas(&received, &ok).unwrap();
    let settings = alice.settings;
    let told = invite.context.cancel(ms(1_010), &[], &settings).unwrap();
    assert_eq!(told, ClientEffects::CANCEL);
    let mut cancel = alice.send(ms(1_010), invite.context.take_cancel().unwrap().as_ref().clone());
    assert_eq!(incoming.cancel(ms(1_020)), ServerEffects::CANCEL_TOO_LATE);
    let mut too_late = bob.serve(ms(1_020), cancel.request());
    cancel.receive(ms(1_040), &too_late.reply(ms(1_020), &Reply::code(200)));

    let told = invite.receive(ms(1_030), &ok);
    assert!(told.contains(ClientEffects::SUCCESS | ClientEffects::CROSSED | ClientEffects::ACCEPTED));
    assert_eq!(invite.context.synthetic(), Some(Synthetic::Cancelled));
    let mut calling = Dialog::uac(invite.context.request(), &ok).unwrap();
    let ack = alice.acknowledge(&mut invite, &calling);
    assert!(called.is_acknowledged_by(&ack));
    assert_eq!(incoming.acknowledged(ms(1_050)), ServerEffects::ACKED);

    let bye = InDialog::new(Method::Bye);
    let (mut bye, mut ended) = exchange(ms(1_060), (&mut alice, &mut calling), (&mut bob, &mut called), &bye);
    run_out(&mut [&mut invite, &mut cancel, &mut bye], &mut [&mut incoming, &mut too_late, &mut ended]);
}

/// RFC 3261 §13.3.1.3, §17.2.1: a rejected call: the lost ACK of the 486 is sent again when the 486 comes again.
#[test]
fn a_rejected_call_with_a_lost_ack() {
    let (mut alice, mut bob) = (Agent::alice(false), Agent::bob(false));
    let mut invite = alice.invite(Timestamp::ZERO);
    let mut incoming = bob.serve(Timestamp::ZERO, invite.request());
    let busy = incoming.reply(ms(100), &Reply::code(486));
    assert_eq!(invite.receive(ms(100), &busy), ClientEffects::FAILURE | ClientEffects::ACK);
    assert_eq!(incoming.fire(ms(600)), [ServerEffects::SEND], "Timer G");
    assert_eq!(invite.receive(ms(600), &incoming.response()), ClientEffects::ACK);
    assert_eq!(incoming.acknowledged(ms(600)), ServerEffects::NONE);
    run_out(&mut [&mut invite], &mut [&mut incoming]);
    assert_eq!((incoming.context.end_reason(), incoming.count(ServerEffects::SEND)), (EndReason::Done, 2));
}
