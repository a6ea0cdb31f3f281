//! The service of the `uas` example on tokio, over UDP and TCP: one task owns the endpoint, two more serve each connection.
//!
//! `cargo run --release --example tokio_uas -- 127.0.0.1:5060 [--calls N] [--ring MS]`
//!
//! With `--calls` it stops after that many calls and their tails, prints its counters, and fails if anything is left.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use sip_proto::context::Reply;
use sip_proto::endpoint::{Answer, Connect, Payload, Resolve, Token, Transmit, Why};
use sip_proto::{
    Bound, Config, DialogEvent, Endpoint, Event, Flow, Input, Output, Refused, ServerEvent, ServerId,
    Timestamp, Transport,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// What the application keeps beside the endpoint: who is to be answered when, and how many calls there were.
#[derive(Default)]
struct App {
    ring: Duration,
    ringing: BTreeSet<(Timestamp, ServerId)>,
    begun: u64,
    ended: u64,
}

/// What the tasks of the connections tell the task that owns the endpoint.
enum Woken {
    Octets(Flow, Bytes),
    Unsent(Token),
    Closed(Flow),
    Connected(Token, io::Result<TcpStream>),
}

/// The open connections, each with the queue of its writer. To drop a queue is to hang up.
struct Connections {
    writers: BTreeMap<u32, mpsc::Sender<(Payload, Token)>>,
    newest: u32,
    inbox: mpsc::Sender<Woken>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let local: SocketAddr = args.get(1).ok_or("usage: tokio_uas ADDRESS [--calls N] [--ring MS]")?.parse()?;
    let calls = option(&args, "--calls")? as u64;
    let mut app = App { ring: Duration::from_secs_f64(option(&args, "--ring")? / 1e3), ..App::default() };

    let (udp, tcp) = (UdpSocket::bind(local).await?, TcpListener::bind(local).await?);
    let start = Instant::now();
    let now = || Timestamp::from_micros(start.elapsed().as_micros() as u64);
    let mut sip: Endpoint = Endpoint::new(Config::new(&format!("sip:uas@{local}"))?, seed()?);
    for transport in [Transport::Udp, Transport::Tcp] {
        sip.handle_input(now(), Input::Bound(Bound { transport, local, advertised: None }));
    }
    let (sender, mut inbox) = mpsc::channel(1_024);
    let mut connections = Connections { writers: BTreeMap::new(), newest: 0, inbox: sender };
    let mut buffer = vec![0; 65_535];
    println!("uas: answering on {local}");

    loop {
        // 1. What the application does on its own: answer who has rung long enough.
        while let Some((_, server)) = app.ringing.first().copied().filter(|(at, _)| *at <= now()) {
            app.ringing.pop_first();
            if let Ok(mut call) = sip.server(server) {
                _ = call.accept(now(), Reply::new().sdp(SDP));
            }
        }

        // 2. Do what the endpoint asks for, and tell it at once what came of it.
        while let Some(output) = sip.poll_output() {
            let outcome = match output {
                Output::Transmit(Transmit { flow, payload, token }) => {
                    let is_sent = match flow.transport {
                        Transport::Udp => udp.send_to(&payload, flow.remote).await.is_ok(),
                        _ => connections.send(flow, payload, token),
                    };
                    (!is_sent).then_some(Input::SendFailed { token })
                }
                Output::Event(event) => {
                    if let Err(refused) = on_event(&mut sip, &mut app, now(), event) {
                        println!("uas: {refused}"); // a race that was lost: the loop goes on
                    }
                    None
                }
                Output::Connect(connect) => connections.connect(connect),
                Output::Close { flow } => connections.close(flow),
                // A name in a Contact: this server calls back numeric hosts only.
                Output::Resolve(Resolve { query, .. }) => {
                    Some(Input::Resolved { query, targets: Vec::new() })
                }
                other => {
                    println!("uas: {other:?} is not known here");
                    None
                }
            };
            if let Some(input) = outcome {
                sip.handle_input(now(), input);
            }
        }
        if calls > 0 && app.begun >= calls && app.ended >= app.begun && sip.is_empty() {
            break;
        }

        // 3. Wait for something to come in or for the next deadline.
        let next = [sip.poll_timeout(), app.ringing.first().map(|(at, _)| *at)].into_iter().flatten().min();
        let until = start + Duration::from_micros(next.unwrap_or_default().as_micros());
        let input = tokio::select! {
            received = udp.recv_from(&mut buffer) => received.ok().map(|(length, remote)| {
                Input::Datagram { flow: Flow::udp(local, remote), payload: buffer[..length].to_vec().into() }
            }),
            accepted = tcp.accept() => {
                // Either fails if the peer has gone already.
                _ = accepted.and_then(|(stream, _)| connections.open(stream));
                None
            }
            Some(woken) = inbox.recv() => connections.woken(woken),
            () = sleep_until(until), if next.is_some() => None,
        };
        if let Some(input) = input {
            sip.handle_input(now(), input);
        }
        if sip.poll_timeout().is_some_and(|at| at <= now()) {
            sip.handle_timeout(now());
        }
    }
    println!("uas: {} calls, {:?}", app.begun, sip.counters());
    if sip.is_empty() { Ok(()) } else { Err(format!("left behind: {sip:?}").into()) }
}

impl Connections {
    /// Starts the reader and the writer of a connection, under a number that no other had: a second connection between the same
    /// addresses is another flow.
    fn open(&mut self, stream: TcpStream) -> io::Result<Flow> {
        self.newest += 1;
        let (local, remote, conn) = (stream.local_addr()?, stream.peer_addr()?, self.newest);
        let flow = Flow { transport: Transport::Tcp, local, remote, conn };
        stream.set_nodelay(true)?;
        let (read_half, write_half) = stream.into_split();
        let (writer, queue) = mpsc::channel(1_024);
        let reader = tokio::spawn(read(read_half, flow, self.inbox.clone()));
        tokio::spawn(write(write_half, flow, queue, self.inbox.clone(), reader));
        self.writers.insert(conn, writer);
        Ok(flow)
    }

    /// Opens a connection without waiting for it.
    fn connect(&self, Connect { transport, remote, token, .. }: Connect) -> Option<Input> {
        if transport != Transport::Tcp {
            return Some(Input::SendFailed { token });
        }
        let inbox = self.inbox.clone();
        tokio::spawn(
            async move { inbox.send(Woken::Connected(token, TcpStream::connect(remote).await)).await },
        );
        None
    }

    /// Queues octets for a connection; whether it is there and has room for them.
    fn send(&self, flow: Flow, payload: Payload, token: Token) -> bool {
        self.writers.get(&flow.conn).is_some_and(|writer| writer.try_send((payload, token)).is_ok())
    }

    fn close(&mut self, flow: Flow) -> Option<Input> {
        self.writers.remove(&flow.conn).map(|_| Input::Closed { flow })
    }

    /// What the endpoint is to hear of it.
    fn woken(&mut self, woken: Woken) -> Option<Input> {
        match woken {
            // What a connection still had to say when it was closed here would open it again.
            Woken::Octets(flow, payload) => {
                self.writers.contains_key(&flow.conn).then_some(Input::Stream { flow, payload })
            }
            Woken::Unsent(token) => Some(Input::SendFailed { token }),
            Woken::Closed(flow) => self.close(flow),
            Woken::Connected(token, stream) => match stream.and_then(|stream| self.open(stream)) {
                Ok(flow) => Some(Input::Connected { token, flow }),
                Err(_) => Some(Input::SendFailed { token }),
            },
        }
    }
}

async fn read(mut half: OwnedReadHalf, flow: Flow, inbox: mpsc::Sender<Woken>) {
    let mut buffer = vec![0; 16_384];
    while let Ok(length @ 1..) = half.read(&mut buffer).await {
        _ = inbox.send(Woken::Octets(flow, buffer[..length].to_vec().into())).await;
    }
    _ = inbox.send(Woken::Closed(flow)).await;
}

async fn write(
    mut half: OwnedWriteHalf,
    flow: Flow,
    mut queue: mpsc::Receiver<(Payload, Token)>,
    inbox: mpsc::Sender<Woken>,
    reader: JoinHandle<()>,
) {
    while let Some((payload, token)) = queue.recv().await {
        if half.write_all(&payload).await.is_err() {
            _ = inbox.send(Woken::Unsent(token)).await;
            _ = inbox.send(Woken::Closed(flow)).await;
            break;
        }
    }
    // Closed here or broken: the connection is to go as a whole.
    reader.abort();
}

fn on_event(sip: &mut Endpoint, app: &mut App, now: Timestamp, event: Event) -> Result<(), Refused> {
    match event {
        Event::Incoming { server, request } if request.method().as_str() == "INVITE" => {
            app.begun += 1;
            sip.server(server)?.progress(now, Reply::new())?;
            app.ringing.insert((now + app.ring, server));
        }
        Event::Incoming { server, .. } => _ = sip.server(server)?.accept(now, Reply::new())?,
        Event::Server { event: ServerEvent::Failed(_), .. } => app.ended += 1,
        Event::Dialog { event: DialogEvent::Destroy { why, .. }, .. } => {
            let counted = matches!(why, Why::Failed(_) | Why::Cancelled);
            app.ended += u64::from(!counted);
        }
        Event::Dialog { event: DialogEvent::Modify(asked), .. } => {
            if let Answer::Ask(server) = asked.answer {
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

/// 32 octets that nobody can guess, never used twice.
fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut seed)?;
    Ok(seed)
}

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
