//! Messages of strangers that look as if they belonged to a transaction or a dialog of ours. Each is dropped or refused and counted; what it
//! aimed at goes on, octet by octet, as it would have gone without it.

use sip_proto::context::Reply;
use sip_proto::endpoint::Counters;
use sip_proto::message::Name;
use sip_proto::{Endpoint, Flow, Input, Message, Output, Timestamp, Transport};

use crate::support::{ALICE, BOB, CONTACT, Heard, Req, SDP, Ua, address, answer, millis, secs};

/// Someone who is not Alice.
const MALLORY: &str = "198.51.100.66:5060";

/// Outputs to the octet, with their times.
fn exactly(heard: &Heard) -> Vec<(Timestamp, String)> {
    let exact = |(at, output): &(Timestamp, Output<u32>)| {
        let octets = match output {
            Output::Transmit(transmit) => String::from_utf8_lossy(&transmit.payload).into_owned(),
            _ => String::new(),
        };
        (*at, format!("{output:?} {octets}"))
    };
    heard.0.iter().map(exact).collect()
}

type Spoof<'a> = &'a dyn Fn(&Ua, &Message) -> Input;

/// A request of ours from its start to its end, with this input while it waits for an answer: what came out for it, and all else to the octet.
struct Course {
    heard: Vec<String>,
    rest: Vec<(Timestamp, String)>,
    before: Counters,
    after: Counters,
}

fn course(mut ua: Ua, method: &str, spoof: Option<Spoof<'_>>) -> Course {
    let (ask, sent) = match method {
        "INVITE" => {
            let (_, invite) = ua.call_alice();
            ("INVITE", invite)
        }
        _ => {
            let (ok, dialog) = ua.answered_call();
            _ = ok;
            let info = sip_proto::dialog::InDialog::new(sip_proto::Method::Info);
            ua.sip.dialog(dialog).unwrap().request(ua.now, info).unwrap();
            ("INFO", ua.drain().message("INFO"))
        }
    };
    assert_eq!(sent.method().as_str(), ask);
    let mut rest = exactly(&ua.pass(millis(700)));
    let before = ua.sip.counters();
    let heard = match spoof {
        Some(spoof) => {
            let input = spoof(&ua, &sent);
            ua.input(input).lines()
        }
        None => Vec::new(),
    };
    let after = ua.sip.counters();
    rest.extend(exactly(&ua.pass(secs(2))));
    if ask == "INVITE" {
        rest.extend(exactly(&ua.hear(answer(&sent, 180, "a", CONTACT))));
        rest.extend(exactly(&ua.pass(secs(2))));
    }
    rest.extend(exactly(&ua.hear(answer(&sent, 200, "a", CONTACT))));
    rest.extend(exactly(&ua.pass(secs(400))));
    Course { heard, rest, before, after }
}

fn datagram(ua: &Ua, from: &str, text: String) -> Input {
    Input::Datagram { flow: ua.udp(from), payload: text.into() }
}

/// The text with the last octet of this part changed.
fn altered(text: &str, part: &str) -> String {
    let last = part.chars().last().unwrap();
    let other = if last == '0' || last == 'a' { 'b' } else { 'a' };
    text.replace(part, &format!("{}{other}", &part[..part.len() - 1]))
}

fn branch_of(request: &Message) -> String {
    request.top_via().unwrap().branch().unwrap().into()
}

/// Ways in which an answer misses the request that it was made for.
const MISSES: [(&str, fn(&Message, String) -> String); 12] = [
    ("a branch of another octet", |sent, text| altered(&text, &branch_of(sent))),
    ("a branch cut short", |sent, text| {
        let branch = branch_of(sent);
        text.replace(&branch, &branch[..branch.len() - 1])
    }),
    ("a longer branch", |sent, text| text.replace(&branch_of(sent), &(branch_of(sent) + "a"))),
    ("the cookie alone", |sent, text| text.replace(&branch_of(sent), "z9hG4bK")),
    ("no branch", |sent, text| text.replace(&format!(";branch={}", branch_of(sent)), "")),
    ("another host in sent-by", |_, text| text.replace(&format!("UDP {BOB}"), "UDP 192.0.2.5:5060")),
    ("another port in sent-by", |_, text| text.replace(&format!("UDP {BOB}"), "UDP 192.0.2.4:5062")),
    ("another method in CSeq", |sent, text| {
        text.replace(sent.value(Name::CSeq).unwrap(), &format!("{} OPTIONS", sent.cseq()))
    }),
    ("another number in CSeq", |sent, text| {
        text.replace(sent.value(Name::CSeq).unwrap(), &format!("{} {}", sent.cseq() + 1, sent.method()))
    }),
    ("the number of the request before", |sent, text| {
        text.replace(sent.value(Name::CSeq).unwrap(), &format!("{} {}", sent.cseq() - 1, sent.method()))
    }),
    ("a Via below ours", |_, text| {
        text.replace("\r\nFrom:", "\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\nFrom:")
    }),
    ("a Via above ours", |_, text| {
        text.replacen("\r\nVia:", "\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\nVia:", 1)
    }),
];

/// RFC 3261 §17.1.3, §18.1.2, §8.1.3.3: branch, sent-by, method and number of an answer are those of its request, and it has one Via.
#[test]
fn an_answer_that_misses_its_request_touches_nothing() {
    for method in ["INVITE", "INFO"] {
        let undisturbed = course(Ua::new(), method, None).rest;
        assert!(undisturbed.iter().any(|(_, line)| line.contains("ccepted")), "{undisturbed:?}");
        for (miss, change) in MISSES {
            for code in [100, 180, 200, 302, 401, 481, 486, 503] {
                let spoof = |ua: &Ua, sent: &Message| {
                    let genuine = answer(sent, code, "m", CONTACT);
                    let text = change(sent, genuine.clone());
                    assert_ne!(text, genuine, "{miss} changes nothing");
                    datagram(ua, ALICE, text)
                };
                let Course { heard, rest, before, after } = course(Ua::new(), method, Some(&spoof));
                assert_eq!(heard, [""; 0], "{code} to {method} with {miss}");
                assert_eq!(
                    after.stray_responses,
                    before.stray_responses + 1,
                    "{code} to {method} with {miss}"
                );
                assert_eq!(rest, undisturbed, "{code} to {method} with {miss}");
            }
        }
    }
}

/// RFC 3261 §18.2.2: an answer goes back by the transport that its request came by. One that comes by another, without the protection of TLS for one, is
/// a stranger's.
#[test]
fn an_answer_by_another_transport_touches_nothing() {
    let undisturbed = course(Ua::new(), "INVITE", None).rest;
    for code in [180, 200, 302, 486] {
        for transport in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
            let spoof = |ua: &Ua, sent: &Message| {
                let flow = Flow { transport, local: address(BOB), remote: address(ALICE), conn: 7 };
                let payload = answer(sent, code, "m", CONTACT).into();
                match transport {
                    Transport::Ws | Transport::Wss => Input::Message { flow, payload },
                    _ => {
                        assert_eq!(ua.udp(ALICE).remote, flow.remote);
                        Input::Stream { flow, payload }
                    }
                }
            };
            let Course { heard, rest, before, after } = course(Ua::new(), "INVITE", Some(&spoof));
            assert_eq!(heard, [""; 0], "{code} by {transport}");
            assert_eq!(after.stray_responses, before.stray_responses + 1, "{code} by {transport}");
            assert_eq!(rest, undisturbed, "{code} by {transport}");
        }
    }
}

fn wary() -> Ua {
    Ua::with(|config| config.policy.check_source = true)
}

/// `Policy::check_source`: the branch is known to every server on the path; an address that the request did not go to has no business with it.
#[test]
fn an_answer_from_elsewhere_is_a_matter_of_policy() {
    for method in ["INVITE", "INFO"] {
        let undisturbed = course(wary(), method, None).rest;
        assert_eq!(undisturbed, course(Ua::new(), method, None).rest);
        for code in [180, 200, 302, 401, 486, 503] {
            let from = |remote: &'static str| {
                move |ua: &Ua, sent: &Message| datagram(ua, remote, answer(sent, code, "m", CONTACT))
            };
            let Course { heard, rest, before, after } = course(wary(), method, Some(&from(MALLORY)));
            assert_eq!((heard.len(), after.stray_responses), (0, before.stray_responses + 1), "{code}");
            assert_eq!(rest, undisturbed, "{code} to {method}");
            // Another port of the same host may be a NAT's doing, or a server's that sends from a port of its own.
            for ua in [wary(), Ua::new()] {
                assert!(!course(ua, method, Some(&from("192.0.2.1:40000"))).heard.is_empty(), "{code}");
            }
            // RFC 3261 §17.1.3 asks for no address, and servers have several.
            assert!(!course(Ua::new(), method, Some(&from(MALLORY))).heard.is_empty(), "{code}");
        }
    }
}

/// RFC 3261 §18.2.2: the same on streams, where the answer may come by a new connection from the same host.
#[test]
fn an_answer_on_a_strangers_connection() {
    for (remote, is_heard) in [("192.0.2.1:33333", true), (MALLORY, false)] {
        let mut ua = wary();
        let ours = ua.tcp(ALICE, 1);
        ua.hear_on(ours, "\r\n");
        let (_, heard) = ua.invite(sip_proto::context::Invite::to("sip:alice@192.0.2.1;transport=tcp"));
        let invite = heard.message("INVITE");
        let theirs = ua.tcp(remote, 2);
        let heard = ua.hear_on(theirs, answer(&invite, 486, "m", ""));
        assert_eq!(!heard.lines().is_empty(), is_heard, "{remote}");
        assert_eq!(ua.sip.counters().stray_responses, u64::from(!is_heard));
    }
}

// --- requests ---

/// A call that is up, and what comes of it after these datagrams.
fn call(ua: &mut Ua, attack: impl FnOnce(&mut Ua, &Message)) -> Vec<(Timestamp, String)> {
    let (ok, dialog) = ua.answered_call();
    attack(ua, &ok);
    let mut rest = exactly(&ua.pass(secs(1)));
    rest.extend(exactly(&ua.hear(Req::within(&ok, "INFO", 2).text())));
    let again = Req::within(&ok, "INVITE", 3).line(CONTACT.trim_end()).body("application/sdp", SDP);
    rest.extend(exactly(&ua.hear(again.text())));
    rest.extend(exactly(&ua.hear(Req::within(&ok, "ACK", 3).text())));
    let machine = ua.sip.dialog(dialog).unwrap();
    rest.push((Timestamp::ZERO, format!("{:?} {:?}", machine.get(), machine.get().unwrap().remote())));
    rest.extend(exactly(&ua.hear(Req::within(&ok, "BYE", 4).text())));
    rest.extend(exactly(&ua.pass_all()));
    rest
}

const METHODS: [&str; 12] = [
    "BYE",
    "INVITE",
    "UPDATE",
    "INFO",
    "REFER",
    "NOTIFY",
    "MESSAGE",
    "OPTIONS",
    "SUBSCRIBE",
    "PRACK",
    "PUBLISH",
    "FOO",
];

fn hostile(ok: &Message, method: &str, number: u32) -> Req {
    let request = Req::within(ok, method, number)
        .branch(&format!("z9hG4bK-guess-{method}-{number}"))
        .line("Contact: <sip:mallory@198.51.100.66>")
        .line("RAck: 1 1 INVITE")
        .line("Event: presence")
        .line("Subscription-State: active")
        .line("Refer-To: <sip:mallory@198.51.100.66>");
    request.body("application/sdp", &SDP.replace("192.0.2.1", "198.51.100.66"))
}

type Guess = fn(Req) -> Req;

/// RFC 3261 §12.2.2: a request belongs to a dialog by Call-ID and both tags. Any of them guessed wrong: 481, from wherever it comes.
#[test]
fn requests_with_guessed_tags_touch_no_dialog() {
    let undisturbed = call(&mut Ua::new(), |_, _| {});
    let guesses: [(&str, Guess); 5] = [
        ("our tag", |req| Req { to: altered(&req.to, req.to.split("tag=").nth(1).unwrap()), ..req }),
        ("our tag cut short", |req| Req { to: req.to[..req.to.len() - 1].into(), ..req }),
        ("the peer's tag", |req| Req { from: altered(&req.from, "tag=alice"), ..req }),
        ("the Call-ID", |req| Req { call_id: altered(&req.call_id, "call-1"), ..req }),
        ("the tags the wrong way round", |req| {
            let tag = |text: &str| text.split("tag=").nth(1).unwrap().to_owned();
            let (from, to) = (tag(&req.from), tag(&req.to));
            Req { from: req.from.replace(&from, &to), to: req.to.replace(&to, &from), ..req }
        }),
    ];
    for (guess, change) in guesses {
        for remote in [ALICE, MALLORY] {
            let rest = call(&mut Ua::new(), |ua, ok| {
                for (number, method) in (2..).zip(METHODS) {
                    let before = ua.sip.counters();
                    let heard = ua.hear_from(remote, change(hostile(ok, method, number)).text());
                    let code = heard.only().status().unwrap().code();
                    assert_eq!(code, 481, "{method} with {guess} guessed");
                    assert_eq!(ua.sip.counters().refused, before.refused + 1);
                    let ack = change(Req::within(ok, "ACK", number)).branch("z9hG4bK-guess").text();
                    assert_eq!(ua.hear_from(remote, ack).lines(), [""; 0], "an ACK is never answered");
                    assert_eq!(ua.sip.counters().stray_acks, before.stray_acks + 1);
                }
                assert_eq!(ua.sip.counts()[2], 1);
            });
            assert_eq!(rest, undisturbed, "{guess} from {remote}");
        }
    }
}

/// RFC 3261 §13.3.1.4: a 2xx waits for the ACK of its dialog, whoever sends others.
#[test]
fn a_guessed_ack_does_not_end_the_wait() {
    let times = |attack: bool| {
        let mut ua = Ua::new();
        let server = ua.called();
        let ok = ua.accept(server, Reply::new().sdp(SDP)).unwrap().message("200 OK (INVITE)");
        if attack {
            for (number, tag) in [(1, "x"), (2, ok.to().unwrap().tag().unwrap()), (0, "")] {
                let ack = Req::within(&ok, "ACK", number).to(&format!("<sip:bob@192.0.2.4>;tag={tag}"));
                assert_eq!(ua.hear_from(MALLORY, ack.text()).lines(), [""; 0]);
            }
        }
        ua.pass_all().timed()
    };
    assert_eq!(times(true), times(false));
}

/// RFC 3261 §9.2: a CANCEL is known by the branch and sent-by of its INVITE. One that has them wrong is 481.
#[test]
fn a_cancel_that_guesses_cancels_nothing() {
    let run = |attack: bool| {
        let mut ua = Ua::new();
        let invite = Req::invite().body("application/sdp", SDP);
        let server = ua.hear(invite.text()).server();
        if attack {
            let cancel = || invite.follow("CANCEL");
            let guesses = [
                cancel().branch("z9hG4bK-INVITF"),
                cancel().branch("z9hG4bK-INVIT"),
                cancel().via("SIP/2.0/UDP 192.0.2.1:5061"),
                cancel().via("SIP/2.0/UDP 198.51.100.66"),
                cancel().branch(""),
            ];
            for (guess, remote) in guesses.iter().flat_map(|guess| [(guess, ALICE), (guess, MALLORY)]) {
                assert_eq!(
                    ua.hear_from(remote, guess.text()).only().status().unwrap().code(),
                    481,
                    "{guess:?}"
                );
            }
        }
        let mut rest = exactly(&ua.pass(secs(5)));
        rest.extend(exactly(&ua.accept(server, Reply::new().sdp(SDP)).unwrap()));
        rest.extend(exactly(&ua.pass_all()));
        rest
    };
    assert_eq!(run(true), run(false));
}

/// RFC 3261 §22.1: a CANCEL cannot be challenged; it is to come from the hop that the INVITE came from. `Policy::check_source` insists.
#[test]
fn a_cancel_from_elsewhere_is_a_matter_of_policy() {
    let statuses = |mut ua: Ua, remote: &str| {
        let invite = Req::invite().body("application/sdp", SDP);
        ua.hear(invite.text()).server();
        let heard = ua.hear_from(remote, invite.follow("CANCEL").text());
        heard.sent().iter().map(|m| m.status().unwrap().code()).collect::<Vec<_>>()
    };
    assert_eq!(statuses(wary(), MALLORY), [481]);
    assert_eq!(statuses(wary(), ALICE), [200, 487]);
    assert_eq!(statuses(wary(), "192.0.2.1:40000"), [200, 487]);
    assert_eq!(statuses(Ua::new(), MALLORY), [200, 487]);
    // By another transport, it is another hop's whatever its address.
    let mut ua = wary();
    let invite = Req::invite().body("application/sdp", SDP);
    ua.hear(invite.text()).server();
    let stream = ua.tcp(ALICE, 3);
    assert_eq!(ua.hear_on(stream, invite.follow("CANCEL").text()).only().status().unwrap().code(), 481);
}

/// RFC 3261 §17.2.1: an INVITE that comes again from elsewhere brings the answer to where the first one came from.
#[test]
fn a_replayed_request_brings_nothing_to_who_replays_it() {
    let mut ua = Ua::new();
    let invite = Req::invite().body("application/sdp", SDP);
    let server = ua.hear(invite.text()).server();
    ua.progress(server, Reply::new()).unwrap();
    let heard = ua.hear_from(MALLORY, invite.text());
    assert_eq!(heard.lines(), ["180 Ringing (INVITE)"]);
    assert_eq!(heard.transmits()[0].flow.remote, address(ALICE));
}

/// The same seed and the same calls: the identifiers do not depend on what strangers send, so that they cannot be steered.
#[test]
fn strangers_draw_nothing_from_the_seed_for_what_is_refused() {
    let tag = |strays: u32| {
        let mut ua = Ua::new();
        for number in 0..strays {
            let request = Req::new("BYE").tagged("x").branch(&format!("z9hG4bK{number}"));
            ua.hear_from(MALLORY, request.text());
        }
        let server = ua.called();
        ua.reject(server, Reply::new()).unwrap().sent()[0].to().unwrap().tag().unwrap().to_owned()
    };
    assert_eq!(tag(0), tag(100));
}

/// Two endpoints of one configuration and two seeds have nothing in common: an answer to one is a stray for the other.
#[test]
fn an_answer_to_another_endpoint_is_a_stray() {
    let mut ours = Ua::new();
    ours.call_alice();
    let mut other: Endpoint = Endpoint::new(ours.sip.config().clone(), [5; 32]);
    other.invite(Timestamp::ZERO, sip_proto::context::Invite::to("sip:alice@192.0.2.1")).unwrap();
    let Some(Output::Transmit(sent)) = other.poll_output() else { panic!() };
    let theirs = sent.payload.message().unwrap();
    assert_eq!(ours.hear(answer(theirs, 486, "x", "")).lines(), [""; 0]);
    assert_eq!(ours.sip.counters().stray_responses, 1);
}
