//! Several endpoints behind one address: every message of a call finds the one that has the call (RFC 3261 §8.1.1.4, §20.8).

use std::path::Path;

use sip_proto::context::{Invite, Reply};
use sip_proto::dialog::InDialog;
use sip_proto::endpoint::{shard, shard_of};
use sip_proto::message::Message;
use sip_proto::{
    Bound, ClientEvent, Config, Endpoint, Event, Flow, Input, Method, Output, Shard, Timestamp, Transport,
};

/// What lies in a folder, as octets.
fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    paths.map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn whatever_can_be_read_has_the_number_of_its_call_id() {
    // RFC 3261 §7.3, RFC 4475, RFC 5118.
    let folders = ["tests/messages", "tests/torture/rfc4475", "tests/torture/rfc5118", "fuzz/corpus/message"];
    let mut read = 0;
    for octets in folders.into_iter().flat_map(files) {
        for octets in [octets.clone(), String::from_utf8_lossy(&octets).replace('\n', "\r\n").into_bytes()] {
            let found = shard(&octets);
            let Ok(message) = Message::parse(octets) else { continue };
            let replaced = message.replaces().ok().flatten().map(|it| it.call_id.to_string());
            let joined = message.join().ok().flatten().map(|it| it.call_id.to_string());
            let other =
                replaced.or(joined).filter(|_| *message.method() == Method::Invite && message.is_request());
            let id = other.unwrap_or_else(|| message.call_id().to_string());
            assert_eq!(found, Some(shard_of(id.as_bytes())), "{message:?}");
            read += 1;
        }
    }
    assert!(read >= 40, "{read}");
}

const COUNT: u32 = 5;
const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// One address, and the endpoints behind it.
struct Site {
    address: std::net::SocketAddr,
    endpoints: Vec<Endpoint>,
}

impl Site {
    fn new(name: &str, address: &str) -> Self {
        let address = address.parse().unwrap();
        let endpoint = |index: u32| {
            let mut config = Config::new(&format!("sip:{name}@{address}")).unwrap();
            config.shard = Shard::new(index, COUNT);
            let mut sip = Endpoint::new(config, [index as u8 + name.len() as u8; 32]);
            let bound = Bound { transport: Transport::Udp, local: address, advertised: None };
            sip.handle_input(Timestamp::ZERO, Input::Bound(bound));
            sip
        };
        Self { address, endpoints: (0..COUNT).map(endpoint).collect() }
    }
}

/// Lets everything that is sent arrive at the endpoint that its Call-ID names; who sent it must have the same number. Yields the methods that
/// went over the wire.
fn settle(now: Timestamp, sites: &mut [Site; 2], cancels: bool) -> Vec<(bool, String)> {
    let mut sent = Vec::new();
    loop {
        let mut was_quiet = true;
        for (from, index) in (0..2).flat_map(|site| (0..COUNT as usize).map(move |index| (site, index))) {
            while let Some(output) = sites[from].endpoints[index].poll_output() {
                was_quiet = false;
                match output {
                    Output::Transmit(transmit) => {
                        let octets = transmit.payload.to_vec();
                        let number = shard(&octets).expect("a Call-ID") % COUNT;
                        assert_eq!(number as usize, index, "{:?}", transmit.payload);
                        let message = transmit.payload.message().unwrap();
                        sent.push((message.is_request(), message.method().to_string()));
                        let flow = Flow::udp(sites[1 - from].address, sites[from].address);
                        let input = Input::Datagram { flow, payload: octets.into() };
                        sites[1 - from].endpoints[number as usize].handle_input(now, input);
                    }
                    Output::Event(event) => on_event(now, &mut sites[from].endpoints[index], event, cancels),
                    other => panic!("{other:?}"),
                }
            }
        }
        if was_quiet {
            return sent;
        }
    }
}

fn on_event(now: Timestamp, sip: &mut Endpoint, event: Event, cancels: bool) {
    match event {
        Event::Incoming { server, .. } => {
            let mut server = sip.server(server).unwrap();
            server.progress(now, Reply::new()).unwrap();
            if !cancels {
                server.accept(now, Reply::new().sdp(SDP)).unwrap();
            }
        }
        Event::Client { request, event: ClientEvent::Progress { .. } } if cancels => {
            sip.client(request).unwrap().cancel(now).unwrap();
        }
        Event::Client { event: ClientEvent::Accepted { response, dialog: Some(dialog) }, .. } => {
            let mut dialog = sip.dialog(dialog).unwrap();
            match response.method() {
                Method::Invite => _ = dialog.request(now, InDialog::new(Method::Info)).unwrap(),
                _ => dialog.destroy(now).unwrap(),
            }
        }
        _ => {}
    }
}

#[test]
fn all_messages_of_a_call_are_for_one_endpoint() {
    for (index, cancels) in (0..COUNT as usize).flat_map(|index| [(index, false), (index, true)]) {
        let mut sites = [Site::new("alice", "192.0.2.1:5060"), Site::new("bob", "192.0.2.4:5060")];
        let invite = Invite::to("sip:bob@192.0.2.4").sdp(SDP);
        sites[0].endpoints[index].invite(Timestamp::ZERO, invite).unwrap();
        let sent = settle(Timestamp::ZERO, &mut sites, cancels);
        let has =
            |method: &str| sent.contains(&(true, method.into())) && sent.contains(&(false, method.into()));
        let methods: &[&str] = if cancels { &["INVITE", "CANCEL"] } else { &["INVITE", "INFO", "BYE"] };
        assert!(methods.iter().all(|method| has(method)), "{sent:?}");
        assert!(sent.contains(&(true, "ACK".into())), "{sent:?}");
        for (site, at) in (0..2).flat_map(|site| (0..COUNT as usize).map(move |at| (site, at))) {
            let [servers, clients, dialogs] = sites[site].endpoints[at].counts();
            assert_eq!((servers + clients > 0, dialogs), (at == index, 0), "site {site}, endpoint {at}");
        }
    }
}
