//! Two endpoints and a wire that loses the datagrams with some numbers: what comes of it must be told of both by the time that nothing is left to happen.

use std::collections::BTreeMap;

use crate::support::{Ua, address, millis};
use bytes::Bytes;
use sip_proto::context::Invite;
use sip_proto::endpoint::{By, Why};
use sip_proto::{DialogEvent, Endpoint, Event, Flow, Input, Output, Timestamp, Transport};

/// One of the two, and who hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Caller,
    Callee,
}

pub(crate) const SIDES: [Side; 2] = [Side::Caller, Side::Callee];

const ADDRESSES: [&str; 2] = ["192.0.2.1:5060", "192.0.2.4:5060"];

/// What the applications of both do with an event.
pub(crate) type Application<'a> = &'a mut dyn FnMut(&mut Endpoint<u32>, Timestamp, Side, Event<u32>);

pub(crate) struct Lossy {
    uas: [Ua; 2],
    flight: BTreeMap<(Timestamp, usize), (usize, Bytes)>,
    /// How many datagrams were sent.
    pub(crate) sent: usize,
    lost: Vec<usize>,
    /// How dialogs ended, at either side.
    pub(crate) ends: [Vec<(By, Why)>; 2],
}

impl Lossy {
    /// The first of `uas` calls the second.
    pub(crate) fn call(
        mut uas: [Ua; 2],
        lost: &[usize],
        invite: Invite,
        application: Application<'_>,
    ) -> Self {
        for (ua, local) in uas.iter_mut().zip(ADDRESSES) {
            ua.bind(Transport::Udp, local);
        }
        uas[0].sip.invite(Timestamp::ZERO, invite).unwrap();
        let (flight, ends) = (BTreeMap::new(), [vec![], vec![]]);
        let mut pair = Self { uas, flight, sent: 0, lost: lost.into(), ends };
        pair.run(application);
        pair
    }

    fn run(&mut self, application: Application<'_>) {
        self.drain(Timestamp::ZERO, application);
        loop {
            let packet = self.flight.keys().next().map(|(at, _)| *at);
            let timer = self.uas.iter().filter_map(|ua| ua.sip.poll_timeout()).min();
            let Some(now) = packet.into_iter().chain(timer).min() else { return };
            if packet == Some(now) {
                let (_, (to, payload)) = self.flight.pop_first().unwrap();
                let flow = Flow::udp(address(ADDRESSES[to]), address(ADDRESSES[1 - to]));
                self.uas[to].sip.handle_input(now, Input::Datagram { flow, payload });
            } else {
                self.uas.iter_mut().for_each(|ua| ua.sip.handle_timeout(now));
            }
            self.drain(now, application);
        }
    }

    fn drain(&mut self, now: Timestamp, application: Application<'_>) {
        for (who, side) in SIDES.into_iter().enumerate() {
            while let Some(output) = self.uas[who].sip.poll_output() {
                match output {
                    Output::Transmit(transmit) => {
                        assert_eq!(transmit.flow.remote, address(ADDRESSES[1 - who]));
                        if !self.lost.contains(&self.sent) {
                            let payload = Bytes::copy_from_slice(&transmit.payload);
                            self.flight.insert((now + millis(10), self.sent), (1 - who, payload));
                        }
                        self.sent += 1;
                    }
                    Output::Event(event) => {
                        if let Event::Dialog { event: DialogEvent::Destroy { by, why, .. }, .. } = &event {
                            self.ends[who].push((*by, *why));
                        }
                        application(&mut self.uas[who].sip, now, side, event);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    /// Holds that each side was told once that `hangs_up` ended the call, and that nothing is left.
    pub(crate) fn assert_over(&self, hangs_up: Side, what: &str) {
        let end = |side| vec![(if side == hangs_up { By::Local } else { By::Remote }, Why::Bye)];
        assert_eq!(self.ends, SIDES.map(end), "{what}");
        assert!(self.uas.iter().all(|ua| ua.sip.is_empty()), "{what}");
    }
}
