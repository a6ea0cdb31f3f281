//! What a UDP socket costs without SIP: receives a datagram, sends one back, as the loop of the `uas` example does. The yardstick of
//! `tests/interop/load`.
//!
//! `cargo run --release --example bare_udp -- answer 127.0.0.1:5060 COUNT` answers that many datagrams and ends.
//! `cargo run --release --example bare_udp -- ask 127.0.0.1:5060 COUNT RATE` sends that many, so many a second, and reads the answers.

use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// About as long as the messages of a call.
const LENGTH: usize = 480;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let number =
        |at: usize| args.get(at).ok_or("a number is missing")?.parse::<u64>().map_err(Box::<dyn Error>::from);
    let address: SocketAddr =
        args.get(2).ok_or("usage: bare_udp answer|ask ADDRESS COUNT [RATE]")?.parse()?;
    match args[1].as_str() {
        "answer" => answer(address, number(3)?),
        "ask" => ask(address, number(3)?, number(4)?),
        other => Err(format!("{other} is neither answer nor ask").into()),
    }
}

fn answer(local: SocketAddr, count: u64) -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind(local)?;
    let mut buffer = [0; 65_535];
    let answer = [b'a'; LENGTH];
    println!("bare_udp: answering on {local}");
    for _ in 0..count {
        // The loop of an endpoint waits for its next deadline at most.
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        let (_, remote) = socket.recv_from(&mut buffer)?;
        socket.send_to(&answer, remote)?;
    }
    Ok(())
}

fn ask(remote: SocketAddr, count: u64, rate: u64) -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let (start, question) = (Instant::now(), [b'q'; LENGTH]);
    let mut buffer = [0; 65_535];
    let (mut sent, mut answered) = (0, 0);
    while answered < count {
        let due = (start.elapsed().as_secs_f64() * rate as f64) as u64;
        while sent < due.min(count) {
            socket.send_to(&question, remote)?;
            sent += 1;
        }
        while socket.recv_from(&mut buffer).is_ok() {
            answered += 1;
        }
        if start.elapsed() > Duration::from_secs(count / rate + 3) {
            return Err(format!("{answered} of {count} were answered").into());
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    Ok(())
}
