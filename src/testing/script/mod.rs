//! Scripts: sequences of operations made of arbitrary octets, for property tests and fuzzing (feature `arbitrary`).
//!
//! A [`Script`] is what a peer, an embedder and an application do to one endpoint. Steps are templates, not octets: most of them make sense, some
//! are odd in one respect, few are garbage, so that scripts reach forks, races and tails of calls. Numbers choose among what exists at that
//! time, whatever their size.
//!
//! [`run`] carries a script out, holds the endpoint against its promises all the way, ends everything that is left, and replays what it
//! recorded. What an endpoint owes is written in the crate's documentation; [`Promise`] names it.

mod app;
mod drive;
mod manners;
mod octets;
mod pair;
mod peer;
mod recording;
mod watch;
mod words;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use arbitrary::{Arbitrary, Unstructured};

use drive::Driver;
pub use pair::{Live, Move, Pair};
pub use recording::{Recorded, Recording};

/// A sequence of steps, and the manners of the endpoint that takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Bits that choose limits and policies of the endpoint, and whether its outputs are taken after every step. With none, policies
    /// and timers are the defaults, but for SUBSCRIBE and REFER, which the application is asked about.
    pub manners: u32,
    /// What happens, in order. Only the first [`Script::MOST_STEPS`] count.
    pub steps: Vec<Step>,
}

impl Script {
    /// How many steps of a script are carried out.
    pub const MOST_STEPS: usize = 160;

    /// The script that `octets` stand for. Any octets stand for one.
    pub fn from_octets(octets: &[u8]) -> Self {
        let empty = Self { manners: 0, steps: Vec::new() };
        Self::arbitrary_take_rest(Unstructured::new(octets)).unwrap_or(empty)
    }
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The peer sends a request outside dialogs.
    Request(Asking),
    /// The peer sends a request within a dialog that it knows.
    Within(u8, Asking),
    /// The peer acknowledges a final answer to an INVITE.
    Acknowledge {
        /// Which answer.
        answer: u8,
        /// What is odd about the ACK; nothing, mostly.
        odd: u8,
        /// How it travels.
        way: u8,
    },
    /// The peer cancels a request of its own.
    Cancel {
        /// Which request.
        request: u8,
        /// What is odd about the CANCEL; nothing, mostly.
        odd: u8,
        /// How it travels.
        way: u8,
    },
    /// The peer answers a request of the endpoint's.
    Answer(Answering),
    /// Something that came in earlier comes in again.
    Again {
        /// Which input.
        input: u8,
        /// How often; at most eight times.
        times: u8,
        /// How it travels now; as before when `None`.
        way: Option<u8>,
    },
    /// Octets of any kind.
    Raw {
        /// How they travel.
        way: u8,
        /// The octets.
        octets: Vec<u8>,
    },
    /// The embedder says what became of an output.
    Notice(Notice),
    /// Time passes, or seems to run backwards.
    Time(Passing),
    /// The application sends a request outside dialogs.
    Call(Calling),
    /// The application cancels a request.
    Revoke {
        /// Which request.
        request: u8,
        /// Which headers the CANCEL gets.
        extra: u8,
    },
    /// The application answers a request.
    Reply(Replying),
    /// The application sends a request within a dialog.
    Send {
        /// Which dialog.
        dialog: u8,
        /// Which method.
        method: u8,
        /// Which headers.
        extra: u8,
        /// Which body.
        body: u8,
    },
    /// The application changes the session of a dialog.
    Modify {
        /// Which dialog.
        dialog: u8,
        /// How.
        what: u8,
        /// Which headers.
        extra: u8,
    },
    /// The application answers the offer that came in a 2xx.
    AnswerOffer {
        /// In which dialog.
        dialog: u8,
        /// With which body.
        body: u8,
    },
    /// The application holds back what the peer asks for in a dialog, or lets it go.
    HoldBack {
        /// Which dialog.
        dialog: u8,
        /// Whether it holds back.
        yes: bool,
    },
    /// The application ends a dialog.
    Destroy {
        /// Which dialog.
        dialog: u8,
        /// Which headers the BYE gets.
        extra: u8,
    },
    /// The application subscribes, ends a subscription of its own, or refers the peer.
    Subscribe {
        /// In which dialog; outside dialogs from 192 on.
        dialog: u8,
        /// To which event package; REFER from 192 on.
        what: u8,
        /// For how long; zero at times.
        expires: u8,
        /// Which headers.
        extra: u8,
    },
    /// The application tells of the state that the peer has subscribed to, or that it may be told, from body 240 on.
    Notify {
        /// In which dialog.
        dialog: u8,
        /// Which of its subscriptions.
        usage: u8,
        /// Which body.
        body: u8,
    },
    /// The application ends a subscription of the peer's.
    Terminate {
        /// In which dialog.
        dialog: u8,
        /// Which of its subscriptions.
        usage: u8,
        /// Why.
        reason: u8,
        /// Which body.
        body: u8,
    },
    /// The application reports how far a REFER of the peer's has come.
    Report {
        /// In which dialog.
        dialog: u8,
        /// Which of its subscriptions.
        usage: u8,
        /// Which status code.
        code: u8,
    },
    /// The peer tells of the state that the endpoint has subscribed to.
    Tell {
        /// Which SUBSCRIBE or REFER; counted from the newest.
        request: u8,
        /// Which From tag.
        tag: u8,
        /// Which state.
        state: u8,
        /// What is odd about the NOTIFY; nothing, mostly.
        odd: u8,
        /// How it travels.
        way: u8,
    },
    /// The embedder takes this many outputs; all of them from 128 on.
    Drain(u8),
}

/// A request of the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    /// Which method.
    pub method: u8,
    /// Which Request-URI.
    pub uri: u8,
    /// Which Contact.
    pub contact: u8,
    /// Which Record-Route.
    pub routes: u8,
    /// Which body.
    pub body: u8,
    /// What is odd about it; nothing, mostly.
    pub odd: u8,
    /// How it travels.
    pub way: u8,
    /// What the way does to it.
    pub damage: Damage,
}

/// An answer of the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answering {
    /// Which request; counted from the newest.
    pub request: u8,
    /// Which status code.
    pub code: u8,
    /// Which To tag.
    pub tag: u8,
    /// Which Contact.
    pub contact: u8,
    /// Which Record-Route.
    pub routes: u8,
    /// Which body.
    pub body: u8,
    /// What is odd about it; nothing, mostly.
    pub odd: u8,
    /// What the way does to it.
    pub damage: Damage,
}

/// A few octets of a message are others, seldom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// How many: none below 224, else one for each eight more.
    pub odds: u8,
    /// Where the first one is.
    pub at: u16,
    /// What it is.
    pub with: u8,
}

/// What the embedder says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A connection that was asked for is open.
    Connected(u8),
    /// A connection could not be opened.
    Unconnected(u8),
    /// A question has its answer: which question, and how good the answer is.
    Resolved(u8, u8),
    /// Something could not be sent.
    SendFailed(u8),
    /// A connection is closed.
    Closed(u8),
    /// A socket is bound.
    Bound(u8),
}

/// How time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// A few milliseconds, and nothing is said of it.
    Silently(u16),
    /// A few milliseconds.
    Briefly(u16),
    /// Until the next deadline.
    ToDeadline,
    /// From one deadline to the next, so many times; at most sixteen.
    Deadlines(u8),
    /// Past the next deadline by milliseconds.
    PastDeadline(u16),
    /// Hours.
    Long(u16),
    /// The next operation carries a time that is this many milliseconds old.
    Backwards(u16),
}

/// A request of the application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calling {
    /// Which method; INVITE, mostly.
    pub method: u8,
    /// Which URI.
    pub target: u8,
    /// Which headers.
    pub extra: u8,
    /// Which body.
    pub body: u8,
    /// What else is said.
    pub odd: u8,
}

/// An answer of the application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replying {
    /// Which request; counted from the newest.
    pub server: u8,
    /// Which of the four methods.
    pub verb: u8,
    /// Which code; the default, mostly.
    pub code: u16,
    /// Which headers.
    pub extra: u8,
    /// Which phrase.
    pub reason: u8,
    /// Which body.
    pub body: u8,
}

/// What an endpoint promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Promise {
    /// Contract 1: the same operations give the same outputs.
    Deterministic,
    /// Contract 2: every input does bounded work and holds bounded memory.
    Bounded,
    /// Contract 3: one queue, bounded by what existing calls are owed.
    OneQueue,
    /// Contract 4: `poll_timeout` is the next instant at which something happens, and moves on.
    HonestDeadline,
    /// Contract 5: an older time is taken as the newest.
    TimeForward,
    /// Contract 6: everything ends, and says so once.
    EverythingEnds,
    /// Contract 7: what is refused changes nothing.
    Refusals,
    /// What is sent can be parsed, and holds what was meant.
    WellFormed,
    /// Two endpoints have the same session when it is up and quiet.
    Agreement,
    /// What is sent, and what is told, fits what came.
    Conduct,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which promise.
    pub promise: Promise,
    /// After how many operations.
    pub after: usize,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, after {} operations: {}", self.promise, self.after, self.what)
    }
}

/// Carries a script out, holds the endpoint against its promises on the way, and ends what is left. What was recorded can
/// be looked at and replayed.
///
/// # Errors
/// The first promise that was not kept.
pub fn record(script: &Script) -> Result<Recording, Violation> {
    let mut driver = Driver::new(script.manners)?;
    for step in script.steps.iter().take(Script::MOST_STEPS) {
        driver.step(step)?;
    }
    driver.finish()
}

/// Carries a script out as [`record`] does, and replays it in all ways.
///
/// # Errors
/// The first promise that was not kept.
pub fn run(script: &Script) -> Result<Recording, Violation> {
    let recording = record(script)?;
    recording.check_replay()?;
    recording.check_time()?;
    recording.check_refusals()?;
    Ok(recording)
}
