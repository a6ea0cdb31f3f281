//! What went into an endpoint and what came out, to be replayed.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::watch;
use super::{Promise, Violation};
use crate::context::{Invite, Reply, Request};
use crate::dialog::{InDialog, Modify};
use crate::endpoint::{Action, Command, Config, Counters, Endpoint, Input, Operation, Refused, RequestId};
use crate::message::{Body, Header};
use crate::time::Timestamp;

/// What can be seen of an endpoint from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) queue: usize,
    pub(super) counts: [usize; 3],
    pub(super) counters: Counters,
    pub(super) timeout: Option<Timestamp>,
}

impl Look {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let shown = format!("{endpoint:?}");
        let digits = shown.split("queue: ").nth(1).and_then(|rest| rest.split(',').next());
        Self {
            queue: digits.and_then(|digits| digits.parse().ok()).unwrap_or(usize::MAX),
            counts: endpoint.counts(),
            counters: endpoint.counters(),
            timeout: endpoint.poll_timeout(),
        }
    }

    pub(super) fn units(&self) -> usize {
        self.counts.iter().sum()
    }
}

/// One operation of a recording.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The operation.
    pub operation: Operation,
    /// The newest time that had been seen then, the operation's included.
    pub newest: Timestamp,
    /// What it yielded.
    pub result: Result<Option<RequestId>, Refused>,
    /// How many outputs were taken after it.
    pub polled: usize,
}

/// What went into an endpoint and what came out.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The endpoint's configuration.
    pub config: Config,
    /// The endpoint's seed.
    pub seed: [u8; 32],
    /// What went in.
    pub operations: Vec<Recorded>,
    /// What came out: all that is shown of each output, and the octets of what was sent.
    pub outputs: Vec<Vec<u8>>,
    /// What was dropped or refused.
    pub counters: Counters,
}

impl Recording {
    /// The recorded operations, to be replayed with `Endpoint::apply`.
    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        self.operations.iter().map(|recorded| recorded.operation.clone())
    }

    /// Contract 1: the same operations give the same outputs, in a fresh endpoint, and in a copy that was taken half-way.
    ///
    /// # Errors
    /// The first difference.
    pub fn check_replay(&self) -> Result<(), Violation> {
        self.replay(
            Promise::Deterministic,
            Some(self.operations.len() / 2),
            |_| true,
            |recorded| recorded.operation.at,
        )
    }

    /// Contract 5: a time that is older than the newest counts as that one.
    ///
    /// # Errors
    /// The first difference.
    pub fn check_time(&self) -> Result<(), Violation> {
        match self.operations.iter().all(|recorded| recorded.operation.at == recorded.newest) {
            true => Ok(()),
            false => self.replay(Promise::TimeForward, None, |_| true, |recorded| recorded.newest),
        }
    }

    /// Contract 7: without what was refused, everything else goes the same way.
    ///
    /// # Errors
    /// The first difference.
    pub fn check_refusals(&self) -> Result<(), Violation> {
        match self.operations.iter().all(|recorded| recorded.result.is_ok()) {
            true => Ok(()),
            false => self.replay(
                Promise::Refusals,
                None,
                |recorded| recorded.result.is_ok(),
                |recorded| recorded.newest,
            ),
        }
    }

    /// Contract 2: what an endpoint holds on the heap is bounded by what it has, contexts, dialogs, connections and outputs, and those
    /// by its limits. `live` tells how many bytes live on this thread's heap.
    ///
    /// # Errors
    /// Where it holds more.
    pub fn check_memory(&self, live: super::Live<'_>) -> Result<(), Violation> {
        let octets =
            self.operations.iter().map(|recorded| payload(&recorded.operation.action).map_or(0, <[u8]>::len));
        // A request of the application's may wait for its way, and never go out.
        let commanded = self.operations.iter().filter(|recorded| recorded.result.is_ok());
        let said = commanded.map(|recorded| said(&recorded.operation.action));
        let longest = octets.chain(self.outputs.iter().map(Vec::len)).chain(said).max().unwrap_or_default();
        let limits = self.config.limits;
        let fixed = FIXED + limits.flows * (limits.head + limits.body);
        let before = live();
        let mut endpoint: Endpoint = Endpoint::new(self.config.clone(), self.seed);
        let mut peak = 0;
        for (after, recorded) in self.operations.iter().enumerate() {
            _ = endpoint.apply(own(&recorded.operation));
            for _ in 0..recorded.polled {
                _ = endpoint.poll_output();
            }
            let held = live().saturating_sub(before);
            let look = Look::of(&endpoint);
            peak = peak.max(look.units());
            let most = fixed
                + look.units() * (PER_UNIT + MESSAGES * longest)
                + look.queue * (PER_OUTPUT + longest)
                + peak * PER_PAST_UNIT;
            if held > most {
                let what = format!("{held} bytes live, not {most}: {endpoint:?}");
                return Err(Violation { promise: Promise::Bounded, after, what });
            }
        }
        Ok(())
    }

    fn replay(
        &self,
        promise: Promise,
        copy_at: Option<usize>,
        keep: impl Fn(&Recorded) -> bool,
        time: impl Fn(&Recorded) -> Timestamp,
    ) -> Result<(), Violation> {
        let mut endpoint: Endpoint = Endpoint::new(self.config.clone(), self.seed);
        let mut expected = self.outputs.iter();
        for (after, recorded) in self.operations.iter().enumerate() {
            let fault = |what| Err(Violation { promise, after, what });
            if copy_at == Some(after) {
                let copy = endpoint.clone();
                // What happens to one is nothing to the other.
                endpoint.handle_timeout(Timestamp::from_secs(1 << 32));
                while endpoint.poll_output().is_some() {}
                endpoint = copy;
            }
            if keep(recorded) {
                let Operation { action, .. } = recorded.operation.clone();
                let result = endpoint.apply(Operation { at: time(recorded), action });
                if result != recorded.result {
                    return fault(format!("{result:?}, not {:?}", recorded.result));
                }
            }
            for _ in 0..recorded.polled {
                let (output, expected) = (endpoint.poll_output(), expected.next());
                let output = output.as_ref().map(watch::describe);
                if output.as_ref() != expected {
                    let text = |octets: Option<&Vec<u8>>| {
                        octets.map(|octets| String::from_utf8_lossy(octets).into_owned())
                    };
                    return fault(format!("{:?}, not {:?}", text(output.as_ref()), text(expected)));
                }
            }
        }
        match endpoint.counters() == self.counters && endpoint.is_empty() {
            true => Ok(()),
            false => Err(Violation {
                promise,
                after: self.operations.len(),
                what: format!("{:?}, not {:?}", endpoint.counters(), self.counters),
            }),
        }
    }
}

/// The bytes of an endpoint that has nothing to do: its configuration, tables of the least size.
const FIXED: usize = 16 << 10;
/// What a context or dialog takes beside the messages that it keeps.
const PER_UNIT: usize = 3 << 10;
/// How many messages it keeps at the most: the request, its answers, the CANCEL, the ACKs of forks, what waits.
const MESSAGES: usize = 6;
/// What an output takes beside its octets.
const PER_OUTPUT: usize = 1 << 10;
/// What stays of a context or dialog that has been: its place in tables.
const PER_PAST_UNIT: usize = 1 << 10;

/// The octets that an input brings.
fn payload(action: &Action) -> Option<&[u8]> {
    match action {
        Action::Input(
            Input::Datagram { payload, .. } | Input::Stream { payload, .. } | Input::Message { payload, .. },
        ) => Some(payload),
        _ => None,
    }
}

/// The octets that the application puts into a message.
fn said(action: &Action) -> usize {
    let Action::Command(command) = action else { return 0 };
    let lines = |headers: &[Header]| -> usize {
        headers.iter().map(|Header { name, value }| name.len() + value.len() + ": \r\n".len()).sum()
    };
    let body_of = |body: &Option<Body>| -> usize {
        body.as_ref().map_or(0, |Body { content_type, bytes }| content_type.len() + bytes.len())
    };
    match command {
        Command::Invite(Invite { request, .. }) | Command::Request(request) => {
            let Request { method, uri, from, to, route, headers, body, after } = request;
            let addresses: usize = from.iter().chain(to).chain(route).map(|text| text.len()).sum();
            // Without To, the target stands there too.
            let names = after.as_ref().map_or(0, |after| after.call_id().len() + after.tag().len());
            method.as_str().len() + 2 * uri.len() + addresses + lines(headers) + body_of(body) + names
        }
        Command::Progress(_, reply)
        | Command::Accept(_, reply)
        | Command::Reject(_, reply)
        | Command::Reply(_, reply) => {
            let Reply { reason, headers, body, .. } = reply;
            reason.as_ref().map_or(0, |reason| reason.len()) + lines(headers) + body_of(body)
        }
        Command::Send(_, InDialog { method, headers, body }) => {
            method.as_str().len() + lines(headers) + body_of(body)
        }
        Command::Modify(_, Modify::Sdp(sdp), headers) => sdp.len() + lines(headers),
        Command::Modify(_, Modify::Hold | Modify::Unhold | Modify::Offerless, headers)
        | Command::Cancel(_, headers)
        | Command::Destroy(_, headers) => lines(headers),
        Command::Answer(_, sdp) => sdp.len(),
        Command::Notify(_, _, body) | Command::Authorise(_, _, body) | Command::Terminate(_, _, _, body) => {
            body_of(body)
        }
        Command::HoldBack(..) | Command::ReportRefer(..) => 0,
    }
}

/// An operation whose octets are its own, so that they count for whoever keeps them.
fn own(operation: &Operation) -> Operation {
    let mut operation = operation.clone();
    if let Action::Input(
        Input::Datagram { payload, .. } | Input::Stream { payload, .. } | Input::Message { payload, .. },
    ) = &mut operation.action
    {
        *payload = Bytes::copy_from_slice(payload);
    }
    operation
}
