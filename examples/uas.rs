//! Answers calls on a UDP socket: 180, 200 with SDP, ACK, BYE, CANCEL, OPTIONS, and what is retransmitted. This is the loop to copy.
//!
//! `cargo run --release --example uas -- 127.0.0.1:5060 [--calls N] [--ring MS] [--timer SECONDS] [--loss SHARE] [--shard I/N]`
//!
//! With `--calls` it stops after that many calls and their tails, prints its counters, and fails if anything is left. With `--timer` sessions have this interval
//! at most (RFC 4028). With `--shard` it is one of several behind a front end that goes by Call-ID, and fails as well if anything came that was for
//! another.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use sip_proto::context::{Rel100, Reply};
use sip_proto::dialog::SessionTimers;
use sip_proto::{
    Bound, Config, DialogEvent, Endpoint, Event, Flow, Input, Output, Refused, ServerEvent, ServerId, Shard,
    Timestamp, Transport, endpoint,
};

/// What the application keeps beside the endpoint: who is to be answered when, and how many calls there were.
#[derive(Default)]
struct App {
    ring: Duration,
    ringing: BTreeSet<(Timestamp, ServerId)>,
    begun: u64,
    ended: u64,
    /// Datagrams that another shard should have got.
    astray: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let usage = "usage: uas ADDRESS [--calls N] [--ring MS] [--timer SECONDS] [--loss SHARE]";
    let local: SocketAddr = args.get(1).ok_or(usage)?.parse()?;
    let (calls, loss) = (option(&args, "--calls")? as u64, option(&args, "--loss")?);
    let mut app = App { ring: Duration::from_secs_f64(option(&args, "--ring")? / 1e3), ..App::default() };

    let (socket, start) = (UdpSocket::bind(local)?, Instant::now());
    let mut config = Config::new(&format!("sip:uas@{local}"))?;
    config.settings.rel100 = Rel100::Supported;
    config.shard = shard_option(&args)?;
    if let interval @ 1.. = option(&args, "--timer")? as u64 {
        config.set_session_timers(SessionTimers::requested(Duration::from_secs(interval)))?;
    }
    let mut sip: Endpoint = Endpoint::new(config, seed()?);
    let clock = || Timestamp::from_micros(start.elapsed().as_micros() as u64);
    sip.handle_input(clock(), Input::Bound(Bound { transport: Transport::Udp, local, advertised: None }));
    let (mut buffer, mut dice) = ([0; 65_535], 1_u64);
    let mut lose = || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((dice >> 33) as f64) < loss * (1_u64 << 31) as f64
    };
    println!("uas: answering on {local}");

    let mut now = clock();
    loop {
        // 0. Answer who has rung for long enough.
        while let Some((_, server)) = app.ringing.first().copied().filter(|(at, _)| *at <= now) {
            app.ringing.pop_first();
            if let Ok(mut call) = sip.server(server) {
                let insists = call.request().is_some_and(|request| Rel100::of(request) == Rel100::Required);
                _ = call.accept(now, if insists { Reply::new() } else { Reply::new().sdp(SDP) });
            }
        }
        // 1. Do what the endpoint asks for.
        while let Some(output) = sip.poll_output() {
            match output {
                Output::Transmit(transmit) if lose() => drop(transmit),
                Output::Transmit(transmit) => _ = socket.send_to(&transmit.payload, transmit.flow.remote),
                Output::Event(event) => {
                    if let Err(refused) = on_event(&mut sip, &mut app, now, event) {
                        println!("uas: {refused}"); // a race that was lost: the loop goes on
                    }
                }
                other => println!("uas: {other:?} is not for a UDP server"),
            }
        }
        if calls > 0 && app.begun >= calls && app.ended >= app.begun && sip.is_empty() {
            break;
        }

        // 2. Wait for a datagram or for the next deadline.
        let next = [sip.poll_timeout(), app.ringing.first().map(|(at, _)| *at)].into_iter().flatten().min();
        let wait = next.map_or(Duration::from_secs(1), |at| at - now).min(Duration::from_secs(1));
        socket.set_read_timeout(Some(wait.max(Duration::from_micros(1))))?;
        let received = socket.recv_from(&mut buffer);
        now = clock();
        if let (Ok((length, remote)), false) = (received, lose()) {
            let is_mine =
                |shard: Shard| endpoint::shard(&buffer[..length]).is_none_or(|number| shard.takes(number));
            app.astray += u64::from(!sip.config().shard.is_none_or(is_mine));
            let payload = buffer[..length].to_vec().into();
            sip.handle_input(now, Input::Datagram { flow: Flow::udp(local, remote), payload });
        }
        if sip.poll_timeout().is_some_and(|at| at <= now) {
            sip.handle_timeout(now);
        }
    }
    println!("uas: {} calls, {:?}", app.begun, sip.counters());
    match app.astray {
        0 if sip.is_empty() => Ok(()),
        0 => Err(format!("left behind: {sip:?}").into()),
        astray => Err(format!("{astray} datagrams were for another shard").into()),
    }
}

fn on_event(sip: &mut Endpoint, app: &mut App, now: Timestamp, event: Event) -> Result<(), Refused> {
    match event {
        Event::Incoming { server, request } if request.method().as_str() == "INVITE" => {
            app.begun += 1;
            // Who insists on reliable provisional answers has ours in the first one (RFC 3262).
            let ringing = match Rel100::of(&request) {
                Rel100::Required => Reply::code(183).sdp(SDP),
                Rel100::Supported | Rel100::Unsupported => Reply::new(),
            };
            sip.server(server)?.progress(now, ringing)?;
            app.ringing.insert((now + app.ring, server));
        }
        Event::Incoming { server, .. } => _ = sip.server(server)?.accept(now, Reply::new())?,
        Event::Server { event: ServerEvent::Failed(_), .. } => app.ended += 1,
        Event::Dialog { event: DialogEvent::Destroy { why, .. }, .. } => {
            let counted = matches!(why, endpoint::Why::Failed(_) | endpoint::Why::Cancelled);
            app.ended += u64::from(!counted);
        }
        Event::Dialog { event: DialogEvent::Modify(asked), .. } => {
            if let endpoint::Answer::Ask(server) = asked.answer {
                sip.server(server)?.accept(now, Reply::new().sdp(SDP))?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The number behind `name`; 0 without one.
fn option(args: &[String], name: &str) -> Result<f64, Box<dyn Error>> {
    let value = args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    Ok(value.map_or(Ok(0.0), |value| value.parse())?)
}

/// Which shard this is, as `I/N`.
fn shard_option(args: &[String]) -> Result<Option<Shard>, Box<dyn Error>> {
    let Some(at) = args.iter().position(|arg| arg == "--shard") else { return Ok(None) };
    let (index, count) = args.get(at + 1).and_then(|text| text.split_once('/')).ok_or("--shard takes I/N")?;
    Ok(Some(Shard::new(index.parse()?, count.parse()?).ok_or("there is no such shard")?))
}

/// 32 octets that nobody can guess, never used twice.
fn seed() -> std::io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut seed)?;
    Ok(seed)
}

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
