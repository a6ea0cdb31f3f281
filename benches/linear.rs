//! Whether work is linear: what an octet costs, in inputs of 1 KB to 64 KB that grow in one respect each.
//!
//! `cargo bench --bench linear`, alone on a quiet machine. Prints a table of nanoseconds an octet, the best of several runs, and exits 1 where
//! an octet of a longer input costs more than 1.5 times one of a shorter.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_proto::Limits;
use sip_proto::message::{Datagram, Framer, Message, StatusCode, Uri, unescape};
use sip_proto::sdp::{self, Ours, Session};
use sip_proto::testing::read_views;

const SIZES: [usize; 4] = [1 << 10, 1 << 12, 1 << 14, 65_000];
const MOST: f64 = 1.5;
const RUNS: usize = 5;
const RETRIES: usize = 12;
const RUN: Duration = Duration::from_millis(2);

/// Limits that cut nothing short.
const LIMITS: Limits = Limits { headers: 1 << 16, uri: 1 << 16, ..Limits::DEFAULT };

fn main() -> ExitCode {
    println!("{:<34} {:<10} {}  growth", "input", "work", SIZES.map(|size| format!("{size:>8}")).concat());
    let mut is_linear = true;
    for (what, make) in messages() {
        for (work, run) in WORKS {
            is_linear &= row(what, work, |size| {
                let octets = Bytes::from(make(size));
                let message = message(&octets);
                measure(octets.len(), || run(&octets, &message))
            });
        }
    }
    for (what, make) in streams() {
        is_linear &= row(what, "frame", |size| {
            let octets = make(size);
            measure(octets.iter().map(Vec::len).sum(), || frame(&octets))
        });
    }
    for (what, make) in uris() {
        is_linear &= row(what, "equals", |size| {
            let (one, two) = make(size);
            measure(one.len() + two.len(), || compare(&one, &two))
        });
    }
    for (what, make) in descriptions() {
        is_linear &= row(what, "sdp", |size| {
            let octets = make(size);
            measure(octets.len(), || negotiate(octets.as_bytes()))
        });
    }
    if is_linear { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints what an octet costs at each size; whether that grows by less than [`MOST`].
fn row(what: &str, work: &str, cost: impl Fn(usize) -> f64) -> bool {
    let growth = |costs: &[f64]| {
        let later = |(at, cost): (usize, &f64)| {
            costs.iter().skip(at + 1).map(|after| after / cost).fold(0.0, f64::max)
        };
        costs.iter().enumerate().map(later).fold(0.0, f64::max)
    };
    let mut costs = SIZES.map(&cost);
    // A neighbour may have disturbed a run: each size keeps the best of what was seen.
    for _ in 0..RETRIES {
        if growth(&costs) <= MOST {
            break;
        }
        costs = std::array::from_fn(|at| costs[at].min(cost(SIZES[at])));
    }
    let growth = growth(&costs);
    let verdict = if growth <= MOST { "" } else { "  TOO MUCH" };
    println!(
        "{what:<34} {work:<10} {}  {growth:>6.2}{verdict}",
        costs.map(|cost| format!("{cost:>8.2}")).concat()
    );
    growth <= MOST
}

/// Nanoseconds an octet, the best of several runs.
fn measure(octets: usize, work: impl Fn() -> usize) -> f64 {
    let mut times = 1_u32;
    let mut best = f64::MAX;
    for run in 0..RUNS * 8 {
        let start = Instant::now();
        for _ in 0..times {
            black_box(work());
        }
        let took = start.elapsed();
        if took < RUN / 2 && times < 1 << 20 {
            times *= 2;
            continue;
        }
        best = best.min(took.as_nanos() as f64 / f64::from(times) / octets as f64);
        if run >= RUNS + 6 {
            break;
        }
    }
    best
}

fn message(octets: &Bytes) -> Message {
    match Datagram::read(octets.clone(), &LIMITS) {
        Datagram::Valid(message) | Datagram::Broken(message, _) => message,
        other => panic!("{other:?}"),
    }
}

type Work = (&'static str, fn(&Bytes, &Message) -> usize);

const WORKS: [Work; 4] = [
    ("parse", |octets, _| message(octets).body().len()),
    ("views", |_, message| {
        read_views(message);
        message.lines().count() + message.parts().ok().flatten().map_or(0, Iterator::count)
    }),
    ("validate", |_, message| message.findings().count()),
    ("answer", |_, message| {
        let answer = message.answer(StatusCode::OK, "OK", "t").finish();
        answer.map_or(0, |answer| answer.as_bytes().len())
    }),
];

const START: &str = "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n";
const USUAL: &str = "Via: SIP/2.0/UDP atlanta.example.com;branch=z9hG4bK74bf9\r\nMax-Forwards: 70\r\n\
    From: <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\nTo: <sip:bob@biloxi.example.com>\r\n\
    Call-ID: 3848276298220188511@atlanta.example.com\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@atlanta.example.com>\r\n";

type Make<T> = Box<dyn Fn(usize) -> T>;

/// `head`, as many of `piece` as fit, `tail`; pieces are numbered where they say `#`.
fn grown(head: &str, piece: &str, tail: &str, size: usize) -> String {
    let mut text = String::from(head);
    let mut at = 0;
    while text.len() + piece.len() + tail.len() + 4 < size {
        text += &piece.replace('#', &format!("{at:04}"));
        at += 1;
    }
    text + tail
}

/// Messages that grow by one kind of piece.
fn messages() -> Vec<(&'static str, Make<Vec<u8>>)> {
    let line = |what, head: &'static str, piece: &'static str, tail: &'static str| {
        let make = move |size| {
            grown(&format!("{START}{USUAL}{head}"), piece, &format!("{tail}\r\n"), size).into_bytes()
        };
        (what, Box::new(make) as Make<Vec<u8>>)
    };
    let body = |what, head: &'static str, piece: &'static str, tail: &'static str| {
        let make = move |size: usize| {
            let body = grown(head, piece, tail, size.saturating_sub(400));
            let kind = "Content-Type: multipart/mixed;boundary=b\r\n";
            format!("{START}{USUAL}{kind}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
        };
        (what, Box::new(make) as Make<Vec<u8>>)
    };
    vec![
        line("headers: unknown", "", "X-#: y\r\n", ""),
        line("headers: one name", "", "Subject: y\r\n", ""),
        line("headers: compact", "", "k: a\r\n", ""),
        line("headers: Via lines", "", "v: SIP/2.0/UDP h#.example.com;branch=z9hG4bK#\r\n", ""),
        line("headers: routes", "", "Record-Route: <sip:h#.example.com;lr>\r\n", ""),
        line(
            "headers: of every kind",
            "",
            "Accept: a/b;q=0.5\r\nEvent: x\r\nReason: SIP;cause=200\r\nWarning: 399 h \"x\"\r\nPath: <sip:h>\r\n",
            "",
        ),
        line("parameters", "Refer-To: <sip:h>", ";p#=#", "\r\n"),
        line("parameters: one letter", "Refer-To: <sip:h>", ";a", "\r\n"),
        line("parameters: empty", "Refer-To: <sip:h>", ";", "\r\n"),
        line("parameters: of a URI", "Refer-To: <sip:h", ";p#=#", ">\r\n"),
        line("parameters: header fields", "Refer-To: <sip:h?a=b", "&p#=#", ">\r\n"),
        line("parameters: a media type's", "Content-Type: a/b", ";p#=\"#\"", "\r\n"),
        line("parameters: a challenge's", "WWW-Authenticate: Digest a=b", ", p#=\"#\"", "\r\n"),
        line("parameters: a subscription's", "Subscription-State: active", ";p#=#", "\r\n"),
        line("quotes: one long", "Refer-To: \"", "abcdefgh", "\" <sip:h>\r\n"),
        line("quotes: escapes", "Refer-To: \"", "\\\"", "\" <sip:h>\r\n"),
        line("quotes: pairs", "Refer-To: <sip:h>;a=\"\"", ";b#=\"\"", "\r\n"),
        line("quotes: never closed", "Contact: ", "\"a,", "\r\n"),
        line("quotes: open brackets", "Contact: ", "<a,", "\r\n"),
        line("quotes: warnings", "Warning: 399 h \"\"", ", 399 h \"a\\\"b,c\"", "\r\n"),
        line("commas: contacts", "Contact: <sip:h>", ", <sip:h#>;q=0.5", "\r\n"),
        line("commas: Via values", "Via: SIP/2.0/UDP h", ", SIP/2.0/TCP h#", "\r\n"),
        line("commas: tokens", "Allow: INVITE", ", A#", "\r\n"),
        line("commas: empty", "Allow: INVITE", ",", "\r\n"),
        line("commas: between blanks", "Accept: a/b", " ,\t", "\r\n"),
        line("commas: history", "History-Info: <sip:h>;index=1", ", <sip:h>;index=1.1#", "\r\n"),
        line("folds", "Subject: a", "\r\n b", "\r\n"),
        line("folds: of blanks", "Subject: a", "\r\n \t", "\r\n"),
        line("folds: in quotes", "Refer-To: \"a", "\r\n b", "\" <sip:h>\r\n"),
        line("folds: many headers", "", "X-#: a\r\n b\r\n", ""),
        line("folds: blanks before colons", "", "X-#  \t : a\r\n", ""),
        line("comments: nested", "Retry-After: 5 ", "(", "\r\n"),
        line("comments: nested and closed", "Retry-After: 5 ", "((a)\\))", "\r\n"),
        line("comments: of a product", "User-Agent: a", " (b (c)) d/1", "\r\n"),
        line("blanks", "Subject: a", "    ", "b\r\n"),
        line("blanks in lists", "Allow: INVITE", "    ", ", ACK\r\n"),
        line("control characters", "Subject: \"", "\\\u{1}", "\"\r\n"),
        line("escapes of a URI", "Refer-To: <sip:", "%41", "@h>\r\n"),
        line("labels of a host", "Refer-To: <sip:a", ".b", ">\r\n"),
        line("colons of an address", "Refer-To: <sip:[", ":::", "]>\r\n"),
        line("UTF-8", "Subject: ", "\u{e9}\u{20ac}", "\r\n"),
        body("bodies: parts", "--b\r\n", "Content-Type: a/b\r\n\r\nx\r\n--b\r\n", "\r\nx\r\n--b--\r\n"),
        body("bodies: boundaries nearly", "--b\r\n", "--b-\r\n--bb\r\n--\r\n-", "\r\n--b--\r\n"),
        body("bodies: headers of a part", "--b\r\n", "X-#: y\r\n", "\r\n\r\n--b--\r\n"),
    ]
}

/// Streams in chunks.
fn streams() -> Vec<(&'static str, Make<Vec<Vec<u8>>>)> {
    let chunks = |what, head: &'static str, piece: &'static str, tail: &'static str, len: usize| {
        let make = move |size| {
            let stream = grown(head, piece, tail, size).into_bytes();
            stream.chunks(len).map(<[u8]>::to_vec).collect()
        };
        (what, Box::new(make) as Make<Vec<Vec<u8>>>)
    };
    vec![
        chunks("stream: pings", "", "\r\n\r\n", "", 1 << 20),
        chunks("stream: line ends, octet by octet", "", "\n\r", "", 1),
        chunks("stream: a head, octet by octet", START, "X-#: y\r\n", "l: 0\r\n\r\n", 1),
        chunks("stream: no line end", START, "abcdefgh", "", 1),
        chunks("stream: messages", "", "A b c\r\nl: 2\r\n\r\nhi", "", 1460),
        chunks("stream: messages, octet by octet", "", "A b c\r\nl: 2\r\n\r\nhi", "", 1),
    ]
}

fn frame(chunks: &[Vec<u8>]) -> usize {
    let mut framer = Framer::new();
    let mut units = 0;
    for chunk in chunks {
        framer.push(chunk);
        while let Ok(Some(unit)) = framer.next(&LIMITS) {
            black_box(&unit);
            units += 1;
        }
    }
    units
}

/// Two URIs that differ at their ends at most.
fn uris() -> Vec<(&'static str, Make<(String, String)>)> {
    let pair = |what, head: &'static str, piece: &'static str, tail: &'static str| {
        let make = move |size: usize| {
            let one = grown(head, piece, "", size / 2);
            (one.clone() + tail, one.replacen("=0", "=%30", 1) + tail)
        };
        (what, Box::new(make) as Make<(String, String)>)
    };
    vec![
        pair("equality: parameters", "sip:h", ";p#=#", ""),
        pair("equality: one letter", "sip:h", ";a", ";b=0"),
        pair("equality: header fields", "sip:h?x=0", "&p#=#", ""),
        pair("equality: escapes", "sip:", "%41", "@h;x=0"),
        pair("equality: an address inside", "sip:h?to=%3csip:h", "%3bp#=#", "%3e"),
        pair("equality: telephone numbers", "tel:+1;x=0;ext=1", ".-2", ""),
        pair("equality: common beginnings", "sip:h;a=0", LONG_NAME, ""),
        pair("equality: common header fields", "sip:h?a=0", LONG_FIELD, ""),
        pair("equality: long names", "sip:h;a=0;a", "abcdefgh", ""),
    ]
}

const LONG_NAME: &str = ";nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn#";
const LONG_FIELD: &str = "&nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn#";

fn compare(one: &str, two: &str) -> usize {
    let unescaped = unescape(one).map_or(0, |plain| plain.len());
    match (Uri::parse(one), Uri::parse(two)) {
        (Ok(one), Ok(two)) => usize::from(one.equals(&two)) + unescaped,
        _ => panic!("{one} and {two}"),
    }
}

/// Session descriptions.
fn descriptions() -> Vec<(&'static str, Make<String>)> {
    const HEAD: &str = "v=0\r\no=alice 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
    let grow = |what, head: &'static str, piece: &'static str, tail: &'static str| {
        (what, Box::new(move |size| grown(&format!("{HEAD}{head}"), piece, tail, size)) as Make<String>)
    };
    vec![
        grow("sdp: streams", "", "m=audio 4000 RTP/AVP 0\r\na=mid:#\r\n", ""),
        grow("sdp: attributes", "m=audio 4000 RTP/AVP 0\r\n", "a=x-#:y\r\n", ""),
        grow("sdp: payload types", "m=audio 4000 RTP/AVP", " 0", "\r\n"),
        grow("sdp: maps", "m=audio 4000 RTP/AVP 96 97\r\n", "a=rtpmap:96 x/#\r\n", ""),
        grow("sdp: formats by name", "m=image 4000 udptl", " f#", "\r\n"),
        grow("sdp: directions", "m=audio 4000 RTP/AVP 0\r\n", "a=sendonly\r\n", ""),
        grow("sdp: of the session", "", "a=x-#:y\r\n", "m=audio 4000 RTP/AVP 0\r\n"),
    ]
}

/// What we say ourselves, which no peer makes longer.
const OURS: &[u8] = b"v=0\r\no=bob 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n\
    m=audio 5000 RTP/AVP 0 96\r\na=rtpmap:96 x/8000\r\nm=image 5002 udptl f0007 f0009\r\n";

/// What an offer goes through.
fn negotiate(sdp: &[u8]) -> usize {
    let streams = Session::parse(sdp).map_or(0, |session| session.streams().count());
    let held = sdp::hold(sdp).map_or(0, |held| held.len());
    let answer = sdp::answer(sdp, &Ours::new(OURS)).map_or(0, |answer| answer.len());
    let offer = sdp::next_offer(OURS, sdp).map_or(0, |offer| offer.len());
    black_box(sdp::compare(sdp, sdp));
    streams + held + answer + offer
}
