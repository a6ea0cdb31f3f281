//! Places calls over UDP: INVITE with SDP, ACK, a while on the line, BYE, and what is retransmitted.
//!
//! `cargo run --release --example uac -- ADDRESS [--calls N] [--rate PER_SECOND] [--hold MS] [--timer SECONDS] [--loss SHARE]`
//!
//! With `--timer` its sessions have this interval (RFC 4028). It stops after its calls and their tails, prints its counters, and fails if a call failed or anything is left.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use sip_proto::context::Invite;
use sip_proto::dialog::SessionTimers;
use sip_proto::endpoint::Why;
use sip_proto::{
    Bound, ClientEvent, Config, DialogEvent, DialogId, Endpoint, Event, Flow, Input, Output, Refused,
    Timestamp, Transport,
};

/// What the application keeps beside the endpoint: which call is to be ended when, and what became of all of them.
#[derive(Debug, Default)]
struct App {
    hold: Duration,
    talking: BTreeSet<(Timestamp, DialogId)>,
    placed: u64,
    answered: u64,
    failed: u64,
    ended: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let usage =
        "usage: uac ADDRESS [--calls N] [--rate PER_SECOND] [--hold MS] [--timer SECONDS] [--loss SHARE]";
    let peer: SocketAddr = args.get(1).ok_or(usage)?.parse()?;
    let calls = option(&args, "--calls", 1.0)? as u64;
    let apart = Duration::try_from_secs_f64(1.0 / option(&args, "--rate", 10.0)?)?;
    let loss = option(&args, "--loss", 0.0)?;
    let mut app =
        App { hold: Duration::from_secs_f64(option(&args, "--hold", 0.0)? / 1e3), ..App::default() };

    let (socket, start) = (UdpSocket::bind((address_towards(peer)?, 0))?, Instant::now());
    let local = socket.local_addr()?;
    let mut config = Config::new(&format!("sip:uac@{local}"))?;
    if let interval @ 1.. = option(&args, "--timer", 0.0)? as u64 {
        config.set_session_timers(SessionTimers::requested(Duration::from_secs(interval)))?;
    }
    let mut sip: Endpoint = Endpoint::new(config, seed()?);
    let now = || Timestamp::from_micros(start.elapsed().as_micros() as u64);
    sip.handle_input(now(), Input::Bound(Bound { transport: Transport::Udp, local, advertised: None }));
    let (mut buffer, mut dice, mut next_call) = ([0; 65_535], 1_u64, Timestamp::ZERO);
    let mut lose = || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((dice >> 33) as f64) < loss * (1_u64 << 31) as f64
    };
    println!("uac: calling {peer} from {local}");

    loop {
        // 1. What the application wants now: calls that are to begin, calls that are to end.
        if app.placed < calls && next_call <= now() {
            app.placed += 1;
            next_call = next_call + apart;
            sip.invite(now(), Invite::to(format!("sip:service@{peer}")).sdp(SDP))?;
        }
        while let Some((_, dialog)) = app.talking.first().copied().filter(|(at, _)| *at <= now()) {
            app.talking.pop_first();
            // The peer may have hung up before.
            if let Ok(mut call) = sip.dialog(dialog) {
                call.destroy(now())?;
            }
        }

        // 2. Do what the endpoint asks for.
        while let Some(output) = sip.poll_output() {
            match output {
                Output::Transmit(transmit) if lose() => drop(transmit),
                Output::Transmit(transmit) => _ = socket.send_to(&transmit.payload, transmit.flow.remote),
                Output::Event(event) => {
                    if let Err(refused) = on_event(&mut sip, &mut app, now(), event) {
                        println!("uac: {refused}"); // a race that was lost: the loop goes on
                    }
                }
                other => println!("uac: {other:?} is not for a UDP client"),
            }
        }
        if app.placed >= calls && app.talking.is_empty() && sip.is_empty() {
            break;
        }

        // 3. Wait for a datagram or for what comes next.
        let next_call = (app.placed < calls).then_some(next_call);
        let hang_up = app.talking.first().map(|(at, _)| *at);
        let next = [sip.poll_timeout(), next_call, hang_up].into_iter().flatten().min();
        let wait = next.map_or(Duration::from_secs(1), |at| at - now()).min(Duration::from_secs(1));
        socket.set_read_timeout(Some(wait.max(Duration::from_micros(1))))?;
        if let (Ok((length, remote)), false) = (socket.recv_from(&mut buffer), lose()) {
            let payload = buffer[..length].to_vec().into();
            sip.handle_input(now(), Input::Datagram { flow: Flow::udp(local, remote), payload });
        }
        if sip.poll_timeout().is_some_and(|at| at <= now()) {
            sip.handle_timeout(now());
        }
    }
    let App { placed, answered, failed, ended, .. } = app;
    println!(
        "uac: {placed} calls, {answered} answered, {failed} failed, {ended} ended, {:?}",
        sip.counters()
    );
    match failed == 0 && answered == placed && ended == placed && sip.is_empty() {
        true => Ok(()),
        false => Err(format!("not every call went well: {sip:?}").into()),
    }
}

fn on_event(sip: &mut Endpoint, app: &mut App, now: Timestamp, event: Event) -> Result<(), Refused> {
    match event {
        Event::Client { event: ClientEvent::Accepted { dialog: Some(dialog), .. }, .. } => {
            app.answered += 1;
            app.talking.insert((now + app.hold, dialog));
        }
        Event::Client { event: ClientEvent::Failed { response, .. }, .. } => {
            app.failed += 1;
            println!("uac: {response:?}");
        }
        // A dialog that ends before it is up belongs to a call that is counted as failed.
        Event::Dialog { event: DialogEvent::Destroy { why: Why::Bye | Why::Expired, .. }, .. } => {
            app.ended += 1;
        }
        Event::Dialog { event: DialogEvent::Modify(asked), .. } => {
            if let sip_proto::endpoint::Answer::Ask(server) = asked.answer {
                sip.server(server)?.accept(now, sip_proto::context::Reply::new().sdp(SDP))?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Our address on the way to `peer`: what Via, Contact and SDP may name. Connecting a UDP socket sends nothing.
fn address_towards(peer: SocketAddr) -> std::io::Result<IpAddr> {
    let any = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let probe = UdpSocket::bind(any)?;
    probe.connect(peer)?;
    Ok(probe.local_addr()?.ip())
}

/// The number behind `name`, or the default.
fn option(args: &[String], name: &str, default: f64) -> Result<f64, Box<dyn Error>> {
    let value = args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    Ok(value.map_or(Ok(default), |value| value.parse())?)
}

/// 32 octets that nobody can guess, never used twice.
fn seed() -> std::io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut seed)?;
    Ok(seed)
}

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
