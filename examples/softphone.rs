//! A call held at the terminal: commands on standard input, the call's ladder growing as it goes. No sound: what media comes is not listened to.
//!
//! `cargo run --example softphone -- 127.0.0.1:5062 [URI-TO-CALL]`
//!
//! | command | |
//! |---|---|
//! | `call URI` | calls |
//! | `answer`, `reject` | what rings |
//! | `hold`, `resume` | the peer |
//! | `transfer URI` | asks the peer to call there (RFC 3515) |
//! | `follow`, `refuse` | where the peer asks us to call |
//! | `hangup` | ends the call, or the attempt |
//! | `quit`, or the end of input | ends what there is, and the program |

use std::error::Error;
use std::io::BufRead;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use sip_proto::context::{Invite, Reply};
use sip_proto::dialog::{Modify, Sipfrag, UsageId};
use sip_proto::endpoint::{Answer, Handling, Payload};
use sip_proto::sdp::{self, Ours};
use sip_proto::testing::{Ladder, describe_event, describe_message};
use sip_proto::{
    Bound, ClientEvent, Config, DialogEvent, DialogId, Endpoint, Event, Flow, Input, Message, Method, Output,
    Refused, RequestId, ServerEvent, ServerId, StatusCode, Timestamp, Transport,
};

/// One call at a time, in one of its three ages.
#[derive(Debug, Default)]
struct Phone {
    ringing: Option<(ServerId, Option<bytes::Bytes>)>,
    calling: Option<RequestId>,
    call: Option<DialogId>,
    /// What the peer of a call has asked us to do.
    transfer: Option<Transfer>,
    /// Our description, before the peer's wishes.
    sdp: String,
    is_leaving: bool,
}

/// A REFER: whom we are to call, and where we tell of it.
#[derive(Debug)]
struct Transfer {
    call: DialogId,
    usage: UsageId,
    to: String,
}

const US: usize = 0;
const PEER: usize = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let local: SocketAddr = args.get(1).ok_or("usage: softphone ADDRESS [URI-TO-CALL]")?.parse()?;
    let (socket, start) = (UdpSocket::bind(local)?, Instant::now());
    let local = socket.local_addr()?;
    // Somebody has to own the port that media goes to.
    let media = UdpSocket::bind((local.ip(), 0))?;
    let mut config = Config::new(&format!("sip:softphone@{local}"))?;
    config.user_agent = "softphone".into();
    config.policy.set_automatic();
    config.policy.set_in_dialog(Method::Refer, Handling::Ask);
    config.policy.redirects = Invite::USUAL_REDIRECTS;
    let mut sip: Endpoint = Endpoint::new(config, seed()?);
    let now = || Timestamp::from_micros(start.elapsed().as_micros() as u64);
    sip.handle_input(now(), Input::Bound(Bound { transport: Transport::Udp, local, advertised: None }));

    let mut phone = Phone { sdp: description(media.local_addr()?), ..Phone::default() };
    let mut ladder = Ladder::new(["softphone", "peer"]);
    let (commands, mut shown, mut buffer) = (read_commands(), 0, [0; 65_535]);
    println!("softphone on {local}: {KEYS}");
    if let Some(uri) = args.get(2) {
        command(&mut sip, &mut phone, now(), &format!("call {uri}"))?;
    }
    loop {
        // 1. What the user wants.
        match commands.try_recv() {
            Ok(line) => {
                if let Err(refused) = command(&mut sip, &mut phone, now(), &line) {
                    println!("{line}: {refused}");
                }
            }
            Err(TryRecvError::Disconnected) if !phone.is_leaving => {
                _ = command(&mut sip, &mut phone, now(), "quit");
            }
            Err(_) => {}
        }
        // 2. What the endpoint wants.
        while let Some(output) = sip.poll_output() {
            match output {
                Output::Transmit(transmit) => {
                    if let Payload::Message(message) = &transmit.payload {
                        ladder.packet(now(), US, PEER, &describe_message(message), false);
                    }
                    _ = socket.send_to(&transmit.payload, transmit.flow.remote);
                }
                Output::Event(event) => {
                    ladder.event(now(), US, &describe_event(&event));
                    if let Err(refused) = on_event(&mut sip, &mut phone, now(), event) {
                        println!("{refused}");
                    }
                }
                Output::Connect(connect) => {
                    sip.handle_input(now(), Input::SendFailed { token: connect.token });
                }
                Output::Resolve(resolve) => {
                    use std::net::ToSocketAddrs;
                    let found = (&*resolve.host, resolve.port.unwrap_or(5060)).to_socket_addrs();
                    let same = |address: &SocketAddr| address.is_ipv4() == local.is_ipv4();
                    let targets = found.into_iter().flatten().filter(same);
                    let targets = targets.map(|address| (Transport::Udp, address)).collect();
                    sip.handle_input(now(), Input::Resolved { query: resolve.query, targets });
                }
                other => println!("{other:?} is not for a UDP phone"),
            }
        }
        shown = show(&ladder, shown);
        if phone.is_leaving && sip.counts()[2] == 0 && phone.calling.is_none() {
            println!("softphone: bye");
            return Ok(());
        }
        // 3. Wait for a datagram, the next deadline, or the user.
        let wait = sip.poll_timeout().map_or(Duration::MAX, |at| at - now());
        let wait = wait.clamp(Duration::from_micros(1), Duration::from_millis(50));
        socket.set_read_timeout(Some(wait))?;
        if let Ok((length, remote)) = socket.recv_from(&mut buffer) {
            let payload = bytes::Bytes::copy_from_slice(&buffer[..length]);
            if let Ok(message) = Message::parse(payload.clone()) {
                ladder.packet(now(), PEER, US, &describe_message(&message), false);
            }
            sip.handle_input(now(), Input::Datagram { flow: Flow::udp(local, remote), payload });
        }
        if sip.poll_timeout().is_some_and(|at| at <= now()) {
            sip.handle_timeout(now());
        }
    }
}

/// Does what a line says.
fn command(sip: &mut Endpoint, phone: &mut Phone, now: Timestamp, line: &str) -> Result<(), Box<dyn Error>> {
    let (verb, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    let call = || phone.call.ok_or("there is no call");
    match verb {
        "" => {}
        "call" if phone.call.is_some() || phone.calling.is_some() => return Err("one call at a time".into()),
        "call" => {
            let invite = Invite::to(rest.trim().to_string()).sdp(phone.sdp.clone());
            phone.calling = Some(sip.invite(now, invite)?);
        }
        "answer" => {
            let (server, offer) = phone.ringing.take().ok_or("nothing rings")?;
            let answer = match offer {
                Some(offer) => sdp::answer(&offer, &Ours::new(phone.sdp.as_bytes())),
                None => Ok(phone.sdp.clone().into_bytes()),
            };
            match answer {
                Ok(answer) => _ = sip.server(server)?.accept(now, Reply::new().sdp(answer))?,
                Err(unusable) => {
                    let reply = Reply::code(unusable.status().code());
                    sip.server(server)?.reject(now, reply)?;
                }
            }
        }
        "reject" => {
            let (server, _) = phone.ringing.take().ok_or("nothing rings")?;
            sip.server(server)?.reject(now, Reply::code(486))?;
        }
        "hold" => _ = sip.dialog(call()?)?.modify(now, Modify::Hold)?,
        "resume" => _ = sip.dialog(call()?)?.modify(now, Modify::Unhold)?,
        "transfer" => _ = sip.dialog(call()?)?.refer(now, format!("<{}>", rest.trim()))?,
        "follow" => {
            let to = phone
                .transfer
                .as_ref()
                .filter(|_| phone.calling.is_none())
                .map(|transfer| transfer.to.clone());
            let invite = Invite::to(to.ok_or("nobody asks")?).sdp(phone.sdp.clone());
            phone.calling = Some(sip.invite(now, invite)?);
            report(sip, phone, now, StatusCode::TRYING)?;
        }
        "refuse" => report(sip, phone, now, StatusCode::DECLINE)?,
        "hangup" => match (phone.call, phone.calling, phone.ringing.take()) {
            (Some(call), ..) => sip.dialog(call)?.destroy(now)?,
            (_, Some(calling), _) => sip.client(calling)?.cancel(now)?,
            (_, _, Some((server, _))) => _ = sip.server(server)?.reject(now, Reply::code(480))?,
            _ => return Err("there is no call".into()),
        },
        "quit" => {
            phone.is_leaving = true;
            _ = command(sip, phone, now, "hangup");
            if let Some(Transfer { call, .. }) = phone.transfer {
                _ = sip.dialog(call).map(|mut call| call.destroy(now));
            }
        }
        _ => return Err(KEYS.into()),
    }
    Ok(())
}

fn on_event(sip: &mut Endpoint, phone: &mut Phone, now: Timestamp, event: Event) -> Result<(), Refused> {
    match event {
        Event::Incoming { server, request } if *request.method() == Method::Invite => {
            if phone.ringing.is_some() || phone.call.is_some() || phone.calling.is_some() {
                sip.server(server)?.reject(now, Reply::code(486))?;
                return Ok(());
            }
            sip.server(server)?.progress(now, Reply::new())?;
            phone.ringing = Some((server, request.session_description().map(bytes::Bytes::copy_from_slice)));
        }
        Event::Incoming { server, .. } => _ = sip.server(server)?.accept(now, Reply::new())?,
        Event::Server { event: ServerEvent::Accepted { dialog, .. }, .. } if phone.call.is_none() => {
            phone.call = dialog;
        }
        Event::Server { server, event: ServerEvent::Failed(_) } => {
            phone.ringing.take_if(|(ringing, _)| *ringing == server);
        }
        Event::Client { request, event: ClientEvent::Accepted { dialog, .. } }
            if phone.calling == Some(request) =>
        {
            (phone.calling, phone.call) = (None, dialog);
            report(sip, phone, now, StatusCode::OK)?;
        }
        Event::Client { request, event: ClientEvent::Progress { response, .. } }
            if phone.calling == Some(request) =>
        {
            report(sip, phone, now, response.status().unwrap_or(StatusCode::TRYING))?;
        }
        Event::Client { request, event: ClientEvent::Failed { response, .. } }
            if phone.calling == Some(request) =>
        {
            phone.calling = None;
            report(sip, phone, now, response.status().unwrap_or(StatusCode::SERVICE_UNAVAILABLE))?;
        }
        Event::Dialog { dialog, event: DialogEvent::Refer(asked) } => {
            let Answer::Ask(server) = asked.answer else { return Ok(()) };
            let to = asked.request.refer_to().ok().flatten();
            let Some(to) = to.filter(|_| phone.transfer.is_none()) else {
                sip.server(server)?.reject(now, Reply::code(603))?;
                return Ok(());
            };
            println!("the peer asks to call {}: follow, refuse", to.uri);
            // The user takes longer than a REFER may wait for its answer (RFC 6665 §4.2.1.1).
            sip.server(server)?.accept(now, Reply::new().pending())?;
            let usage = sip.dialog(dialog)?.subscriptions()?.last().ok_or(Refused::Gone)?.id();
            phone.transfer = Some(Transfer { call: dialog, usage, to: to.uri.into() });
        }
        Event::Dialog { event: DialogEvent::Notify(asked), .. } => {
            if let Some(told) = Sipfrag::parse(asked.request.body()) {
                println!("the transfer: {} {}", told.status, told.reason);
            }
        }
        Event::Dialog { dialog, event: DialogEvent::Offer { .. } } => {
            sip.dialog(dialog)?.answer(now, phone.sdp.clone())?;
        }
        Event::Dialog { dialog, event: DialogEvent::SessionEnded { .. } } => {
            phone.call.take_if(|call| *call == dialog);
        }
        Event::Dialog { dialog, event: DialogEvent::Destroy { .. } } => {
            phone.call.take_if(|call| *call == dialog);
            phone.transfer.take_if(|transfer| transfer.call == dialog);
        }
        _ => {}
    }
    Ok(())
}

/// Tells who has asked for a transfer how far it has come; with 100, that we are on it. Who asked may be gone.
fn report(sip: &mut Endpoint, phone: &mut Phone, now: Timestamp, status: StatusCode) -> Result<(), Refused> {
    let Some(Transfer { call, usage, .. }) = phone.transfer else { return Ok(()) };
    if status.is_failure() {
        phone.transfer = None;
    }
    let Ok(mut call) = sip.dialog(call) else { return Ok(()) };
    match status {
        StatusCode::TRYING => _ = call.authorise(now, usage, None),
        status => _ = call.report_refer(now, usage, status)?,
    }
    Ok(())
}

/// Prints the ladder's lines after those that have been shown; how many there are now.
fn show(ladder: &Ladder, shown: usize) -> usize {
    let text = ladder.to_string();
    text.lines().skip(shown).for_each(|line| println!("{line}"));
    text.lines().count()
}

/// Lines from standard input, as they come.
fn read_commands() -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

const KEYS: &str = "call URI, answer, reject, hold, resume, transfer URI, follow, refuse, hangup, quit";

fn description(media: SocketAddr) -> String {
    let (family, ip, port) = (if media.is_ipv4() { 4 } else { 6 }, media.ip(), media.port());
    format!(
        "v=0\r\no=- {port} 1 IN IP{family} {ip}\r\ns=-\r\nc=IN IP{family} {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"
    )
}

/// 32 octets that nobody can guess, never used twice.
fn seed() -> std::io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut seed)?;
    Ok(seed)
}
