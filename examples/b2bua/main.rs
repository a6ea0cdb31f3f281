//! A back-to-back user agent: Alice's calls go on to Carol, over three UDP sockets on loopback, shown as a ladder. One is answered, held, tells
//! of a key, is not transferred, and is hung up; one is taken back while it rings; one is refused.
//!
//! `cargo run --example b2bua`

mod bridge;

use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use bridge::B2bua;
use sip_proto::context::{Invite, Reply};
use sip_proto::dialog::Modify;
use sip_proto::endpoint::{Answer, Asked, Payload, Why};
use sip_proto::testing::{Ladder, describe_event, describe_message};
use sip_proto::{
    Bound, ClientEvent, Config, DialogEvent, DialogId, Endpoint, Event, Flow, Input, Method, Output, Refused,
    Timestamp, Transport,
};

/// Alice calls three times; Carol answers, rings, and is busy.
#[derive(Default)]
struct Phones {
    b2bua: String,
    placed: u32,
    call: Option<DialogId>,
    received: u32,
}

impl Phones {
    fn alice(&mut self, sip: &mut Endpoint, now: Timestamp, event: Event) -> Result<(), Refused> {
        match event {
            Event::Client { event: ClientEvent::Accepted { response, dialog: Some(dialog) }, .. } => {
                self.call = Some(dialog);
                let mut call = sip.dialog(dialog)?;
                match (response.method(), response.cseq()) {
                    (Method::Invite, 1) => _ = call.modify(now, Modify::Hold)?,
                    (Method::Invite, _) => _ = call.info(now, "application/dtmf-relay", "Signal=5\r\n")?,
                    _ => _ = call.refer(now, "<sip:dave@example.com>")?,
                }
            }
            Event::Client { request, event: ClientEvent::Progress { dialog: Some(_), .. } }
                if self.placed == 2 =>
            {
                sip.client(request)?.cancel(now)?;
            }
            Event::Client { event: ClientEvent::Failed { response, .. }, .. } => match self.call {
                Some(call) if *response.method() == Method::Refer => sip.dialog(call)?.destroy(now)?,
                _ => self.place(sip, now)?,
            },
            Event::Dialog { event: DialogEvent::Destroy { why: Why::Bye, .. }, .. } => {
                self.place(sip, now)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn place(&mut self, sip: &mut Endpoint, now: Timestamp) -> Result<(), Refused> {
        self.placed += 1;
        if self.placed <= 3 {
            sip.invite(now, Invite::to(self.b2bua.clone()).sdp(SDP))?;
        }
        Ok(())
    }

    fn carol(&mut self, sip: &mut Endpoint, now: Timestamp, event: Event) -> Result<(), Refused> {
        match event {
            Event::Incoming { server, .. } => {
                self.received += 1;
                let mut server = sip.server(server)?;
                match self.received {
                    1 => _ = server.progress(now, Reply::new())?.accept(now, Reply::new().sdp(SDP))?,
                    2 => _ = server.progress(now, Reply::new())?,
                    _ => _ = server.progress(now, Reply::new())?.reject(now, Reply::code(486))?,
                }
            }
            Event::Dialog {
                event: DialogEvent::Refer(Asked { answer: Answer::Ask(server), .. }), ..
            } => {
                sip.server(server)?.reject(now, Reply::code(603))?;
            }
            _ => {}
        }
        Ok(())
    }
}

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

// ---- Sockets ----

struct Party {
    socket: UdpSocket,
    at: SocketAddr,
    sip: Endpoint,
}

const NAMES: [&str; 3] = ["alice", "b2bua", "carol"];

fn party(name: &str) -> Result<Party, Box<dyn Error>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let at = socket.local_addr()?;
    let mut config = Config::new(&format!("sip:{name}@{at}"))?;
    if name == "b2bua" {
        B2bua::config(&mut config);
    }
    // A real seed comes from the operating system: here demonstration values do.
    let mut sip = Endpoint::new(config, [name.as_bytes()[0]; 32]);
    let bound = Bound { transport: Transport::Udp, local: at, advertised: None };
    sip.handle_input(Timestamp::ZERO, Input::Bound(bound));
    Ok(Party { socket, at, sip })
}

fn main() -> Result<(), Box<dyn Error>> {
    let (start, mut ladder) = (Instant::now(), Ladder::new(NAMES));
    let mut parties = [party(NAMES[0])?, party(NAMES[1])?, party(NAMES[2])?];
    let mut b2bua = B2bua::to(format!("sip:carol@{}", parties[2].at));
    let mut phones = Phones { b2bua: format!("sip:carol@{}", parties[1].at), ..Phones::default() };
    phones.place(&mut parties[0].sip, Timestamp::ZERO)?;
    let places = parties.each_ref().map(|party| party.at);
    let mut buffer = [0; 65_535];
    // Six seconds are plenty on loopback. When all calls are over, what waits for what might still be under way is let go: time is what the embedder says it is.
    while parties.iter().any(|party| !party.sip.is_empty()) && start.elapsed() < Duration::from_secs(6) {
        let is_over = phones.placed > 3 && parties.iter().all(|party| party.sip.counts()[2] == 0);
        for (who, Party { socket, at, sip }) in parties.iter_mut().enumerate() {
            let mut now = Timestamp::from_micros(start.elapsed().as_micros() as u64);
            while let Ok((length, remote)) = socket.recv_from(&mut buffer) {
                let payload = buffer[..length].to_vec().into();
                sip.handle_input(now, Input::Datagram { flow: Flow::udp(*at, remote), payload });
            }
            now = sip.poll_timeout().filter(|_| is_over).unwrap_or(now);
            sip.handle_timeout(now);
            while let Some(output) = sip.poll_output() {
                match output {
                    Output::Transmit(transmit) => {
                        let to = places.iter().position(|place| *place == transmit.flow.remote);
                        if let (Payload::Message(message), Some(to)) = (&transmit.payload, to) {
                            ladder.packet(now, who, to, &describe_message(message), false);
                        }
                        socket.send_to(&transmit.payload, transmit.flow.remote)?;
                    }
                    Output::Event(event) => {
                        ladder.event(now, who, &describe_event(&event));
                        let done = match NAMES[who] {
                            "alice" => phones.alice(sip, now, event),
                            "b2bua" => b2bua.on_event(sip, now, event),
                            _ => phones.carol(sip, now, event),
                        };
                        done.unwrap_or_else(|refused| println!("{}: {refused}", NAMES[who]));
                    }
                    other => println!("not for a call between addresses: {other:?}"),
                }
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("{ladder}");
    let lines = [
        "hold: INVITE asks",
        "INFO asks",
        "failed 603 Decline (REFER)",
        "failed 487",
        "failed 486 Busy Here (INVITE)",
    ];
    let missing: Vec<_> = lines.into_iter().filter(|line| !ladder.contains(line)).collect();
    let is_left = parties.iter().any(|party| !party.sip.is_empty());
    if !missing.is_empty() || is_left || !b2bua.is_empty() {
        return Err(format!("missing: {missing:?}; or something is left behind").into());
    }
    println!("Three calls went through, and nothing is left of them.");
    Ok(())
}
