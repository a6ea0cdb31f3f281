//! What was dropped or refused, by reason.

/// Counts since the endpoint was made. Nothing that arrives is lost without being counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Messages that were parsed and acted upon.
    pub received: u64,
    /// Messages and keep-alive answers that were queued for sending.
    pub sent: u64,
    /// Keep-alives: CRLF, NUL, STUN.
    pub keep_alives: u64,
    /// Datagrams in which no SIP message could be made out.
    pub not_sip: u64,
    /// Broken requests that were answered 400 or 505.
    pub broken_answered: u64,
    /// Broken messages that could not be answered: responses, ACKs, and requests without legible headers.
    pub broken_dropped: u64,
    /// Retransmitted requests that found their transaction.
    pub retransmissions: u64,
    /// Responses that match no transaction (RFC 6026 §7.2).
    pub stray_responses: u64,
    /// ACKs that match neither transaction nor dialog.
    pub stray_acks: u64,
    /// Requests answered without state: 4xx, 5xx.
    pub refused: u64,
    /// Messages taken as lost since the output queue was full.
    pub queue_full: u64,
    /// Requests answered 503 since a table was full.
    pub overloaded: u64,
    /// Forks of our INVITEs beyond the limit.
    pub forks_dropped: u64,
    /// Streams given up since they were out of step, or beyond the limit of flows.
    pub streams_lost: u64,
    /// Answers that could not be written or sent anywhere.
    pub answers_lost: u64,
}

/// Counts one more.
pub(super) fn bump(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
