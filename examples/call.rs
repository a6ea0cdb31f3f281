//! One whole call between two endpoints over two UDP sockets on loopback, shown as a ladder.
//!
//! `cargo run --example call`

use std::error::Error;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use sip_proto::context::{Invite, Reply};
use sip_proto::endpoint::Payload;
use sip_proto::testing::{Ladder, describe_event, describe_message};
use sip_proto::{
    Bound, ClientEvent, Config, Endpoint, Event, Flow, Input, Output, Refused, Timestamp, Transport,
};

const ALICE: usize = 0;
const BOB: usize = 1;

struct Party {
    socket: UdpSocket,
    sip: Endpoint,
}

fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut parties = [party("alice")?, party("bob")?];
    let mut ladder = Ladder::new(["alice", "bob"]);
    let bob = parties[BOB].socket.local_addr()?;
    parties[ALICE].sip.invite(Timestamp::ZERO, Invite::to(format!("sip:bob@{bob}")).sdp(SDP))?;

    // Two seconds are plenty for a call on loopback.
    while start.elapsed() < Duration::from_secs(2) {
        let now = Timestamp::from_micros(start.elapsed().as_micros() as u64);
        for who in [ALICE, BOB] {
            drain(&mut parties, who, now, &mut ladder)?;
            receive(&mut parties[who], now)?;
        }
        if parties.iter().all(|party| party.sip.counts()[2] == 0) && ladder.contains("200 OK (BYE)") {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }

    // The transactions now absorb what might still be under way, for up to 32 s. Nobody waits for that here: time is what
    // the embedder says it is.
    for who in [ALICE, BOB] {
        while let Some(later) = parties[who].sip.poll_timeout() {
            parties[who].sip.handle_timeout(later);
            drain(&mut parties, who, later, &mut ladder)?;
        }
    }

    println!("{ladder}");
    let packets = [
        "INVITE +body",
        "100 Trying",
        "180 Ringing",
        "200 OK (INVITE)",
        "ACK",
        "INFO",
        "200 OK (INFO)",
        "BYE",
        "200 OK (BYE)",
    ];
    let events = [
        "incoming INVITE",
        "accepted 200 OK (INVITE)",
        "confirmed",
        "INFO answered 200",
        "destroy by Remote",
        "destroy by Local",
    ];
    let missing: Vec<_> = packets.into_iter().chain(events).filter(|label| !ladder.contains(label)).collect();
    let left: Vec<_> = parties.iter().filter(|party| !party.sip.is_empty()).map(|party| &party.sip).collect();
    if !missing.is_empty() || !left.is_empty() {
        return Err(format!("missing: {missing:?}; left behind: {left:?}").into());
    }
    println!("Both sides saw the whole call, and nothing is left in either.");
    Ok(())
}

fn party(name: &str) -> Result<Party, Box<dyn Error>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let local = socket.local_addr()?;
    // A real seed comes from the operating system: here two demonstration values do.
    let mut sip = Endpoint::new(Config::new(&format!("sip:{name}@{local}"))?, [name.len() as u8; 32]);
    sip.handle_input(
        Timestamp::ZERO,
        Input::Bound(Bound { transport: Transport::Udp, local, advertised: None }),
    );
    Ok(Party { socket, sip })
}

fn receive(party: &mut Party, now: Timestamp) -> Result<(), Box<dyn Error>> {
    let mut buffer = [0; 65_535];
    let local = party.socket.local_addr()?;
    while let Ok((length, remote)) = party.socket.recv_from(&mut buffer) {
        let payload = buffer[..length].to_vec().into();
        party.sip.handle_input(now, Input::Datagram { flow: Flow::udp(local, remote), payload });
    }
    if party.sip.poll_timeout().is_some_and(|at| at <= now) {
        party.sip.handle_timeout(now);
    }
    Ok(())
}

fn drain(
    parties: &mut [Party; 2],
    who: usize,
    now: Timestamp,
    ladder: &mut Ladder,
) -> Result<(), Box<dyn Error>> {
    while let Some(output) = parties[who].sip.poll_output() {
        match output {
            Output::Transmit(transmit) => {
                if let Payload::Message(message) = &transmit.payload {
                    ladder.packet(now, who, 1 - who, &describe_message(message), false);
                }
                parties[who].socket.send_to(&transmit.payload, transmit.flow.remote)?;
            }
            Output::Event(event) => {
                ladder.event(now, who, &describe_event(&event));
                if let Err(refused) = on_event(&mut parties[who].sip, now, event) {
                    println!("refused: {refused}");
                }
            }
            other => println!("not for a call between addresses: {other:?}"),
        }
    }
    Ok(())
}

fn on_event(sip: &mut Endpoint, now: Timestamp, event: Event) -> Result<(), Refused> {
    match event {
        Event::Incoming { server, .. } => {
            sip.server(server)?
                .reply(now, Reply::code(100))?
                .progress(now, Reply::new())?
                .accept(now, Reply::new().sdp(SDP))?;
        }
        Event::Client { event: ClientEvent::Accepted { response, dialog: Some(dialog) }, .. } => {
            match response.method().as_str() {
                "INVITE" => _ = sip.dialog(dialog)?.info(now, "application/dtmf-relay", DTMF)?,
                _ => sip.dialog(dialog)?.destroy(now)?,
            }
        }
        _ => {}
    }
    Ok(())
}

const DTMF: &str = "Signal=5\r\nDuration=160\r\n";
const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
