//! Call flows as text.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::endpoint::{Answer, Asked, ClientEvent, DialogEvent, Event, ServerEvent};
use crate::message::Message;
use crate::time::Timestamp;

/// A call-flow ladder: a column for each party, a line for each packet and each event.
///
/// ```
/// use sip_proto::Timestamp;
/// use sip_proto::testing::Ladder;
///
/// let mut ladder = Ladder::new(["alice", "bob"]);
/// ladder.packet(Timestamp::ZERO, 0, 1, "INVITE", false);
/// ladder.event(Timestamp::from_millis(10), 1, "incoming INVITE");
/// assert_eq!(ladder.to_string().lines().nth(1).unwrap().trim(), "0.000  |-------------- INVITE ------------->|");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    names: Vec<String>,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    at: Timestamp,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Packet { from: usize, to: usize, label: String, lost: bool },
    Event { who: usize, label: String },
}

/// From one column's bar to the next.
const WIDTH: usize = 36;
const MARGIN: usize = 12;

impl Ladder {
    /// A ladder for these parties, left to right.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { names: names.into_iter().map(String::from).collect(), lines: Vec::new() }
    }

    /// Adds a party on the right; its column.
    pub fn party(&mut self, name: &str) -> usize {
        self.names.push(name.into());
        self.names.len() - 1
    }

    /// Adds a packet.
    pub fn packet(&mut self, at: Timestamp, from: usize, to: usize, label: &str, lost: bool) {
        self.lines.push(Line { at, what: What::Packet { from, to, label: label.into(), lost } });
    }

    /// Adds an event.
    pub fn event(&mut self, at: Timestamp, who: usize, label: &str) {
        self.lines.push(Line { at, what: What::Event { who, label: label.into() } });
    }

    /// Whether some line's label contains `text`.
    pub fn contains(&self, text: &str) -> bool {
        self.lines.iter().any(|line| match &line.what {
            What::Packet { label, .. } | What::Event { label, .. } => label.contains(text),
        })
    }

    /// Forgets the lines, keeps the parties.
    pub fn clear(&mut self) {
        self.lines.clear();
    }

    fn bar(&self, column: usize) -> usize {
        MARGIN + column * (WIDTH + 1)
    }

    /// The bars of all parties, as characters to draw on.
    fn bars(&self) -> Vec<char> {
        let mut row = alloc::vec![' '; self.bar(self.names.len()).max(1)];
        for column in 0..self.names.len() {
            let bar = self.bar(column);
            row[bar] = '|';
        }
        row
    }

    fn draw_packet(&self, from: usize, to: usize, label: &str, lost: bool) -> Vec<char> {
        let mut row = self.bars();
        if from == to {
            return place(row, self.bar(from) + 2, &alloc::format!("(to itself) {label}"));
        }
        let (left, right) = (self.bar(from.min(to)) + 1, self.bar(from.max(to)));
        row[left..right].fill('-');
        match (from < to, lost) {
            (true, false) => row[right - 1] = '>',
            (false, false) => row[left] = '<',
            (true, true) => row[right - 1] = 'x',
            (false, true) => row[left] = 'x',
        }
        let room = right - left - 4;
        let label: String = label.chars().take(room).collect();
        let start = left + (right - left).saturating_sub(label.chars().count() + 2) / 2;
        place(row, start, &alloc::format!(" {label} "))
    }
}

/// Writes `text` over `row` from `start` on.
fn place(mut row: Vec<char>, start: usize, text: &str) -> Vec<char> {
    for (offset, c) in text.chars().enumerate() {
        match row.get_mut(start + offset) {
            Some(cell) => *cell = c,
            None => row.push(c),
        }
    }
    row
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut head = alloc::vec![' '; MARGIN];
        for (column, name) in self.names.iter().enumerate() {
            let start = self.bar(column).saturating_sub(name.chars().count() / 2);
            head.resize(head.len().max(start), ' ');
            head = place(head, start, name);
        }
        writeln!(f, "{}", head.into_iter().collect::<String>().trim_end())?;
        for line in &self.lines {
            let row = match &line.what {
                What::Packet { from, to, label, lost } => self.draw_packet(*from, *to, label, *lost),
                What::Event { who, label } => {
                    place(self.bars(), self.bar(*who), &alloc::format!("* {label}"))
                }
            };
            let row: String = row.into_iter().skip(MARGIN).collect();
            let millis = line.at.as_millis();
            writeln!(f, "{:>6}.{:03}  {}", millis / 1_000, millis % 1_000, row.trim_end())?;
        }
        Ok(())
    }
}

/// A message in a few words: `INVITE`, `200 OK (BYE)`.
pub fn describe_message(message: &Message) -> String {
    let sdp = if message.body().is_empty() { "" } else { " +body" };
    match message.status() {
        Some(status) => alloc::format!("{status} {} ({}){sdp}", message.reason_phrase(), message.method()),
        None => alloc::format!("{}{sdp}", message.method()),
    }
}

/// An event in a few words.
pub fn describe_event<D>(event: &Event<D>) -> String {
    match event {
        Event::Incoming { request, .. } => alloc::format!("incoming {}", request.method()),
        Event::Server { event, .. } => describe_server_event(event),
        Event::Client { event, .. } => describe_client_event(event),
        Event::Dialog { event, .. } => describe_dialog_event(event),
    }
}

fn describe_server_event<D>(event: &ServerEvent<D>) -> String {
    match event {
        ServerEvent::Progress { report, is_reliable, .. } => {
            let reliable = if *is_reliable { " reliable" } else { "" };
            alloc::format!("progress {}{reliable}", report.code)
        }
        ServerEvent::Pracked { .. } => "pracked".into(),
        ServerEvent::Accepted { report, .. } => alloc::format!("accepted {}", report.code),
        ServerEvent::Rejected(report) => alloc::format!("rejected {}", report.code),
        ServerEvent::Failed(report) => alloc::format!("failed {} {}", report.code, report.cause_text()),
        ServerEvent::Cancelled { .. } => "cancelled".into(),
        ServerEvent::CancelTooLate { .. } => "cancel too late".into(),
        ServerEvent::SendFailed(report) => alloc::format!("send failed {}", report.code),
        ServerEvent::Ended { why, .. } => alloc::format!("server ended {why:?}"),
    }
}

fn describe_client_event<D>(event: &ClientEvent<D>) -> String {
    match event {
        ClientEvent::Progress { response, .. } => alloc::format!("got {}", describe_message(response)),
        ClientEvent::Accepted { response, .. } => alloc::format!("accepted {}", describe_message(response)),
        ClientEvent::Failed { response, synthetic, .. } => {
            let made_up = if *synthetic { " (made up)" } else { "" };
            alloc::format!("failed {}{made_up}", describe_message(response))
        }
        ClientEvent::Redirected { response, .. } => {
            alloc::format!("redirected by {}", describe_message(response))
        }
        ClientEvent::Forked { response, .. } => alloc::format!("forked {}", describe_message(response)),
        ClientEvent::NoNotify => "no notify".into(),
        ClientEvent::Ended { .. } => "client ended".into(),
    }
}

fn describe_dialog_event<D>(event: &DialogEvent<D>) -> String {
    match event {
        DialogEvent::Confirmed { .. } => "confirmed".into(),
        DialogEvent::Ack { .. } => "ack".into(),
        DialogEvent::Destroy { by, why, .. } => alloc::format!("destroy by {by:?}: {why:?}"),
        DialogEvent::SubscriptionEnded { event, .. } => alloc::format!("subscription ended: {event}"),
        DialogEvent::SessionEnded { by, why, .. } => alloc::format!("session ended by {by:?}: {why:?}"),
        DialogEvent::Challenged { response, .. } => {
            alloc::format!("challenged {}", describe_message(response))
        }
        DialogEvent::Unsubscribe(asked) => alloc::format!("unsubscribe: {}", describe_asked(asked)),
        DialogEvent::Offer { .. } => "offer: answer due".into(),
        DialogEvent::Refresh(asked) => alloc::format!("refresh: {}", describe_asked(asked)),
        DialogEvent::Hold(asked) => alloc::format!("hold: {}", describe_asked(asked)),
        DialogEvent::Unhold(asked) => alloc::format!("unhold: {}", describe_asked(asked)),
        asks => asks.asked().map(describe_asked).unwrap_or_default(),
    }
}

fn describe_asked(asked: &Asked) -> String {
    let method = asked.request.method();
    match asked.answer {
        Answer::Auto(status) => alloc::format!("{method} answered {status}"),
        Answer::Ask(_) => alloc::format!("{method} asks"),
    }
}
