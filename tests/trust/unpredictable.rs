//! Branches, tags and Call-IDs: whoever does not see the traffic cannot guess them (RFC 3261 §8.1.1.4, §8.1.1.7, §19.3, §26.3.2).

use std::collections::HashSet;

use sip_proto::context::{Reply, Request};
use sip_proto::random::{Random, Token};
use sip_proto::{Config, Endpoint, Event, Flow, Input, Message, Method, Output, Timestamp};

use crate::support::{ALICE, BOB, Req, address};

const NOW: Timestamp = Timestamp::ZERO;
const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz234567";
/// How many values of each kind are looked at.
const MANY: usize = 2_000;

/// The bits that a token's 26 characters stand for: all of it, nothing but it.
fn bits(token: &str) -> u128 {
    assert_eq!(token.len(), 26, "{token}");
    let digit = |c: char| ALPHABET.find(c).unwrap_or_else(|| panic!("{c} in {token}")) as u128;
    let bits = token.chars().rev().enumerate().fold(0, |bits, (place, c)| {
        assert!(place > 0 || digit(c) < 8, "the last character has three bits: {token}");
        bits << 5 | digit(c)
    });
    assert_eq!(Token::from_bits(bits).as_str(), token);
    bits
}

/// No value twice, and each of the 128 bits as often set as not.
fn assert_random(what: &str, values: &[u128]) {
    assert_eq!(values.iter().collect::<HashSet<_>>().len(), values.len(), "{what}: a value came twice");
    let half = values.len() / 2;
    for bit in 0..128 {
        let ones = values.iter().filter(|value| *value >> bit & 1 == 1).count();
        // Six standard deviations.
        let off = ones.abs_diff(half) as f64 / (values.len() as f64 / 4.0).sqrt();
        assert!(off < 6.0, "{what}: bit {bit} is set in {ones} of {}", values.len());
    }
    // Neighbours differ in half of their bits, and no counter runs through them.
    let pairs = values.windows(2).map(|pair| (pair[0] ^ pair[1]).count_ones());
    let mean = f64::from(pairs.sum::<u32>()) / (values.len() - 1) as f64;
    assert!((62.0..66.0).contains(&mean), "{what}: neighbours differ in {mean} bits");
    let steps: HashSet<_> = values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    assert_eq!(steps.len(), values.len() - 1, "{what}: a step came twice");
}

#[test]
fn a_token_is_128_bits_of_the_stream() {
    let mut random = Random::from_seed([3; 32]);
    let values: Vec<u128> = (0..20_000).map(|_| bits(random.token().as_str())).collect();
    assert_random("tokens", &values);
    for (value, text) in [(0, "a".repeat(26)), (u128::MAX, "7".repeat(25) + "h")] {
        assert_eq!(Token::from_bits(value).as_str(), text);
        assert_eq!(bits(&text), value);
    }
}

fn endpoint(seed: [u8; 32]) -> Endpoint {
    Endpoint::new(Config::new("sip:bob@192.0.2.4").unwrap(), seed)
}

fn sent(sip: &mut Endpoint) -> Vec<Message> {
    let outputs = std::iter::from_fn(|| sip.poll_output());
    let message = |output| match output {
        Output::Transmit(transmit) => transmit.payload.message().cloned(),
        _ => None,
    };
    outputs.filter_map(message).collect()
}

/// Branch, From tag and Call-ID of requests outside dialogs.
fn drawn(seed: [u8; 32], count: usize) -> [Vec<u128>; 3] {
    let mut sip = endpoint(seed);
    let mut drawn = [const { Vec::new() }; 3];
    for _ in 0..count {
        sip.request(NOW, Request::new(Method::Message, "sip:alice@192.0.2.1")).unwrap();
        let message = sent(&mut sip).remove(0);
        let branch = message.top_via().unwrap().branch().unwrap().strip_prefix("z9hG4bK").unwrap().to_owned();
        let tag = message.from().unwrap().tag().unwrap().to_owned();
        for (values, text) in drawn.iter_mut().zip([branch, tag, message.call_id().to_owned()]) {
            values.push(bits(&text));
        }
    }
    drawn
}

/// RFC 3261 §8.1.1.3, §8.1.1.4, §8.1.1.7: From tag, Call-ID and branch of each request of ours.
#[test]
fn what_requests_carry_cannot_be_guessed() {
    let drawn = drawn([1; 32], MANY);
    for (what, values) in ["branches", "From tags", "Call-IDs"].into_iter().zip(&drawn) {
        assert_random(what, values);
    }
    assert_random("all of them", &drawn.concat());
}

/// Seeds that differ in one bit have nothing in common.
#[test]
fn each_bit_of_the_seed_counts() {
    let of = |seed| drawn(seed, 8).concat();
    let known: HashSet<u128> = of([1; 32]).into_iter().collect();
    for bit in 0..256 {
        let mut seed = [1; 32];
        seed[bit / 8] ^= 1 << (bit % 8);
        assert!(of(seed).iter().all(|value| !known.contains(value)), "bit {bit} of the seed does not count");
    }
}

fn hear(sip: &mut Endpoint, text: String) {
    let flow = Flow::udp(address(BOB), address(ALICE));
    sip.handle_input(NOW, Input::Datagram { flow, payload: text.into() });
}

fn to_bits(answer: &Message) -> u128 {
    bits(answer.to().unwrap().tag().unwrap())
}

/// RFC 3261 §8.2.6.2, §19.3: the To tag of answers, drawn for contexts; for answers without state it is a keyed hash of the request, the same for the same.
#[test]
fn the_tags_of_answers_cannot_be_guessed() {
    let request = |method: &str, n: usize| {
        let request = Req::new(method).branch(&format!("z9hG4bK{n}")).call_id(&format!("c{n}"));
        request.line("Contact: <sip:alice@192.0.2.1>")
    };
    let with_state = |seed| {
        let mut sip = endpoint(seed);
        let tags = (0..MANY).map(|n| {
            hear(&mut sip, request("INVITE", n).text());
            let Some(Output::Event(Event::Incoming { server, .. })) = sip.poll_output() else { panic!() };
            sip.server(server).unwrap().reject(NOW, Reply::new()).unwrap();
            to_bits(&sent(&mut sip)[0])
        });
        tags.collect::<Vec<_>>()
    };
    let without_state = |seed| {
        let mut sip = endpoint(seed);
        let tags = (0..MANY).map(|n| {
            hear(&mut sip, request("BYE", n).text());
            to_bits(&sent(&mut sip)[0])
        });
        tags.collect::<Vec<_>>()
    };
    for (what, tags) in [("tags", with_state([1; 32])), ("tags without state", without_state([1; 32]))] {
        assert_random(what, &tags);
    }
    let others: HashSet<_> = without_state([2; 32]).into_iter().collect();
    assert!(without_state([1; 32]).iter().all(|tag| !others.contains(tag)), "the key counts");
}

/// RFC 3262 §3: the first RSeq is drawn over the whole range, and is not the same from call to call.
#[test]
fn a_first_rseq_cannot_be_guessed() {
    let mut random = Random::from_seed([1; 32]);
    let drawn: Vec<u32> = (0..MANY).map(|_| random.token().rseq()).collect();
    assert!(drawn.iter().collect::<HashSet<_>>().len() > MANY - 10);
    for bit in 0..31 {
        let ones = drawn.iter().filter(|value| *value >> bit & 1 == 1).count();
        assert!(ones.abs_diff(MANY / 2) < 135, "bit {bit} is set in {ones} of {MANY}");
    }
}
