//! Endpoints on two cores beside `httparse` on two cores.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::calls::Scene;

const ROUNDS: usize = 5;
const CALLS: usize = 8_000;
const PARSES: usize = 200_000;

/// How often a second a call is answered, or a head is read, by so many threads at once; the best of several rounds.
pub(crate) fn table() {
    let mut best = [[0.0_f64; 2]; 2];
    for _ in 0..ROUNDS {
        for (work, rates) in [parse as fn(&Barrier) -> f64, calls].into_iter().zip(&mut best) {
            for (threads, rate) in [1, 2].into_iter().zip(rates) {
                *rate = rate.max(together(threads, work));
            }
        }
    }
    for (name, [one, two]) in ["httparse", "calls"].into_iter().zip(best) {
        println!("{name:>9}  one core {one:>10.0}/s  two cores {two:>10.0}/s  x {:.3}", two / one);
    }
    let [parsed, answered] = best.map(|[one, two]| two / one);
    println!("{:>9}  {:.3} of what httparse scales", "calls", answered / parsed);
}

fn together(threads: usize, work: fn(&Barrier) -> f64) -> f64 {
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&barrier))).collect();
        running.into_iter().map(|thread| thread.join().expect("it works")).sum()
    })
}

fn parse(barrier: &Barrier) -> f64 {
    let text = include_str!("../../tests/messages/invite.sip").replace('\n', "\r\n").into_bytes();
    let lines = text.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
    barrier.wait();
    let begun = Instant::now();
    for _ in 0..PARSES {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        black_box(httparse::parse_headers(black_box(&text[lines..]), &mut headers).is_ok());
    }
    PARSES as f64 / begun.elapsed().as_secs_f64()
}

fn calls(barrier: &Barrier) -> f64 {
    let mut scene = Scene::lingering(1_000);
    scene.warm_up(1_000);
    let invites: Vec<_> = (0..CALLS).map(|_| scene.invite()).collect();
    barrier.wait();
    let took: Duration = invites.into_iter().map(|invite| scene.call(invite)).sum();
    CALLS as f64 / took.as_secs_f64()
}
