//! Several endpoints behind one UDP socket on loopback, one a thread: each has the calls of its own, and they share nothing.
//!
//! `cargo run --release --example sharded`
//!
//! The first thread reads the socket and hands each datagram to the endpoint that its Call-ID names; what an endpoint sends goes out by
//! itself. A caller on another socket places some calls, and ends each of them after its 200.

use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use sip_proto::context::{Invite, Reply};
use sip_proto::endpoint::shard;
use sip_proto::{
    Bound, ClientEvent, Config, DialogEvent, Endpoint, Event, Flow, Input, Output, Refused, Shard, Timestamp,
    Transport,
};

const SHARDS: u32 = 2;
const CALLS: usize = 40;

/// A datagram, and where it came from.
type Arrived = (SocketAddr, Vec<u8>);

static IS_OVER: AtomicBool = AtomicBool::new(false);

fn main() -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_millis(10)))?;
    let local = socket.local_addr()?;
    let ended = std::thread::scope(|scope| {
        let (mut inboxes, mut workers) = (Vec::new(), Vec::new());
        for index in 0..SHARDS {
            let (sender, inbox) = channel();
            let socket = socket.try_clone()?;
            inboxes.push(sender);
            workers
                .push(scope.spawn(move || serve(index, &socket, &inbox).map_err(|error| error.to_string())));
        }
        let caller = scope.spawn(move || {
            let called = call(local).map_err(|error| error.to_string());
            IS_OVER.store(true, Ordering::Relaxed);
            called
        });
        hand_out(&socket, &inboxes);
        drop(inboxes);
        caller.join().map_err(|_| "the caller panicked")??;
        let served = workers.into_iter().map(|worker| worker.join().map_err(|_| "an endpoint panicked")?);
        served.collect::<Result<Vec<usize>, _>>().map_err(Box::<dyn Error>::from)
    })?;
    println!("calls served by each endpoint: {ended:?}");
    match ended.iter().sum::<usize>() == CALLS && ended.iter().all(|calls| *calls > 0) {
        true => Ok(()),
        false => Err("not all calls were served, or not by all endpoints".into()),
    }
}

/// Reads the socket: what has no Call-ID is for the first endpoint.
fn hand_out(socket: &UdpSocket, inboxes: &[Sender<Arrived>]) {
    let mut buffer = [0; 65_535];
    while !IS_OVER.load(Ordering::Relaxed) {
        let Ok((length, remote)) = socket.recv_from(&mut buffer) else { continue };
        let datagram = &buffer[..length];
        let index = shard(datagram).unwrap_or(0) % SHARDS;
        _ = inboxes[index as usize].send((remote, datagram.to_vec()));
    }
}

/// One endpoint: how many calls ended in it.
fn serve(index: u32, socket: &UdpSocket, inbox: &Receiver<Arrived>) -> Result<usize, Box<dyn Error>> {
    let mut party = Party::new("bob", socket.try_clone()?, Shard::new(index, SHARDS), index as u8)?;
    loop {
        party.drain(|sip, now, event| match event {
            Event::Incoming { server, .. } => {
                sip.server(server)?.progress(now, Reply::new())?.accept(now, Reply::new().sdp(SDP))?;
                Ok(false)
            }
            Event::Dialog { event: DialogEvent::Destroy { .. }, .. } => Ok(true),
            _ => Ok(false),
        })?;
        match inbox.recv_timeout(party.wait()) {
            Ok((remote, datagram)) => party.receive(remote, datagram),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(party.ended),
        }
        party.timeout();
    }
}

/// Places the calls, ten at a time, and returns when all have ended.
fn call(remote: SocketAddr) -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let mut party = Party::new("alice", socket.try_clone()?, None, 100)?;
    let (mut begun, deadline) = (0, Instant::now() + Duration::from_secs(20));
    let mut buffer = [0; 65_535];
    while party.ended < CALLS {
        while begun < CALLS && begun < party.ended + 10 {
            party.sip.invite(party.now(), Invite::to(format!("sip:bob@{remote}")).sdp(SDP))?;
            begun += 1;
        }
        party.drain(|sip, now, event| match event {
            Event::Client { event: ClientEvent::Accepted { dialog: Some(dialog), .. }, .. } => {
                sip.dialog(dialog)?.destroy(now)?;
                Ok(false)
            }
            Event::Dialog { event: DialogEvent::Destroy { .. }, .. } => Ok(true),
            _ => Ok(false),
        })?;
        socket.set_read_timeout(Some(party.wait()))?;
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            party.receive(from, buffer[..length].to_vec());
        }
        party.timeout();
        if Instant::now() > deadline {
            return Err(format!("{} of {CALLS} calls ended in time", party.ended).into());
        }
    }
    Ok(())
}

/// An endpoint, its socket, its clock.
struct Party {
    sip: Endpoint,
    socket: UdpSocket,
    local: SocketAddr,
    start: Instant,
    ended: usize,
}

impl Party {
    fn new(name: &str, socket: UdpSocket, shard: Option<Shard>, seed: u8) -> Result<Self, Box<dyn Error>> {
        let local = socket.local_addr()?;
        let mut config = Config::new(&format!("sip:{name}@{local}"))?;
        config.shard = shard;
        // A real seed comes from the operating system, one for each endpoint: here demonstration values do.
        let mut sip = Endpoint::new(config, [seed; 32]);
        let bound = Bound { transport: Transport::Udp, local, advertised: None };
        sip.handle_input(Timestamp::ZERO, Input::Bound(bound));
        Ok(Self { sip, socket, local, start: Instant::now(), ended: 0 })
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.start.elapsed().as_micros() as u64)
    }

    fn receive(&mut self, remote: SocketAddr, datagram: Vec<u8>) {
        let flow = Flow::udp(self.local, remote);
        self.sip.handle_input(self.now(), Input::Datagram { flow, payload: datagram.into() });
    }

    /// Does what the endpoint asks for; `on_event` says whether a call ended.
    fn drain(
        &mut self,
        on_event: impl Fn(&mut Endpoint, Timestamp, Event) -> Result<bool, Refused>,
    ) -> Result<(), Box<dyn Error>> {
        while let Some(output) = self.sip.poll_output() {
            let now = self.now();
            match output {
                Output::Transmit(transmit) => {
                    self.socket.send_to(&transmit.payload, transmit.flow.remote)?;
                }
                // A refusal is a race that was lost.
                Output::Event(event) => {
                    self.ended += usize::from(on_event(&mut self.sip, now, event).unwrap_or(false));
                }
                other => println!("not for calls between addresses: {other:?}"),
            }
        }
        Ok(())
    }

    fn wait(&self) -> Duration {
        let wait = self.sip.poll_timeout().map_or(Duration::from_millis(10), |at| at - self.now());
        wait.clamp(Duration::from_micros(1), Duration::from_millis(10))
    }

    fn timeout(&mut self) {
        let now = self.now();
        if self.sip.poll_timeout().is_some_and(|at| at <= now) {
            self.sip.handle_timeout(now);
        }
    }
}

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
