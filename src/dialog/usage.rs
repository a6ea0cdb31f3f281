//! What a failed request does to its usage, and to the dialog that it shares with others (RFC 5057 §5).

use core::time::Duration;

use crate::message::{Message, Method, StatusCode};

/// How far the effect of a failed request reaches (§5.1), the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Impact {
    /// The request has failed, and nothing else is hurt.
    Transaction,
    /// The usage that the request belongs to is over.
    Usage,
    /// The dialog is over, and every usage in it.
    Dialog,
}

impl Impact {
    /// What `status` does to the usage of the request that it answers, by the table alone (§5.1 Table 2). What the remarks beneath
    /// the table add is in [`Failure::impact`].
    ///
    /// ```
    /// use sip_proto::StatusCode;
    /// use sip_proto::dialog::Impact;
    ///
    /// assert_eq!(Impact::of(StatusCode::NOT_FOUND), Impact::Dialog);
    /// assert_eq!(Impact::of(StatusCode::REQUEST_PENDING), Impact::Transaction);
    /// ```
    pub const fn of(status: StatusCode) -> Self {
        match status.code() {
            404 | 410 | 416 | 482..=485 | 502 | 604 => Self::Dialog,
            405 | 480 | 481 | 489 | 501 => Self::Usage,
            _ => Self::Transaction,
        }
    }
}

/// The kinds of usages (§2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UsageKind {
    /// A session: at most one in a dialog.
    Invite,
    /// A subscription: any number in a dialog.
    Subscription,
}

impl UsageKind {
    /// The kind of usage that requests with this method belong to; `None` for those that belong to none (§5.3). A REFER belongs to the
    /// subscription that it is about to make.
    pub fn of(method: &Method) -> Option<Self> {
        match method {
            Method::Invite
            | Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Prack
            | Method::Update
            | Method::Info => Some(Self::Invite),
            Method::Subscribe | Method::Notify | Method::Refer => Some(Self::Subscription),
            Method::Options | Method::Register | Method::Publish | Method::Message | Method::Other(_) => None,
        }
    }
}

/// How a request within a dialog failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// A final answer that is no 2xx.
    Response {
        /// Its status code.
        status: StatusCode,
        /// Its Retry-After.
        retry_after: Option<Duration>,
    },
    /// No final answer came in time.
    Timeout,
    /// The request could not be sent.
    TransportError,
}

impl Failure {
    /// The failure that `response`, a final answer other than 2xx, tells of; a Retry-After that cannot be read is none.
    pub fn of(response: &Message) -> Option<Self> {
        let status = response.status().filter(|status| status.is_failure())?;
        let retry_after = response.retry_after().ok().flatten().map(|value| value.after);
        Some(Self::Response { status, retry_after })
    }

    /// The failure with this status code and no Retry-After.
    pub const fn response(status: StatusCode) -> Self {
        Self::Response { status, retry_after: None }
    }

    /// The status code; that of a timeout is 408, and of a transport error 503 (RFC 3261 §8.1.3.1).
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Response { status, .. } => status,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::TransportError => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// How long the peer asks to be left alone (RFC 3261 §20.33): no request of the same usage goes out before (RFC 5057 §5.1).
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Response { retry_after, .. } => retry_after,
            Self::Timeout | Self::TransportError => None,
        }
    }

    /// How far the failure of a request with `method` reaches: the table, its remarks, and timeouts (§5.1, §5.2).
    pub fn impact(self, method: &Method) -> Impact {
        let status = self.status();
        match Impact::of(status) {
            // Remark (8): the UAS no longer knows the INVITE; what became of that is told by its own answer.
            Impact::Usage | Impact::Dialog if *method == Method::Cancel => Impact::Transaction,
            Impact::Dialog => Impact::Dialog,
            Impact::Usage if self.spares_usage(method) => Impact::Transaction,
            Impact::Usage => Impact::Usage,
            // Remark (4) and §5.2. What becomes of a SUBSCRIBE that nobody answers is Timer N's to say (RFC 6665 §4.1.2.2).
            Impact::Transaction if status == StatusCode::REQUEST_TIMEOUT => match method {
                Method::Subscribe | Method::Cancel => Impact::Transaction,
                _ if UsageKind::of(method).is_none() => Impact::Transaction,
                _ => Impact::Usage,
            },
            Impact::Transaction => Impact::Transaction,
        }
    }

    /// How far the failure of a request reaches that was to end its usage: BYE, SUBSCRIBE with Expires 0, NOTIFY terminated. The usage is
    /// then over unless the request can be sent again (§5.1, remarks (13) and (17); RFC 3261 §15.1.1).
    pub fn impact_on_ending(self, method: &Method) -> Impact {
        let status = self.status();
        let is_challenge =
            matches!(status, StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED);
        let least = match method {
            _ if is_challenge => Impact::Transaction,
            Method::Bye => Impact::Usage,
            _ if status.code() >= 500 => Impact::Usage,
            _ => Impact::Transaction,
        };
        self.impact(method).max(least)
    }

    /// Whether the remarks beneath the table spare the usage where the table does not.
    fn spares_usage(self, method: &Method) -> bool {
        let Some(kind) = UsageKind::of(method) else { return true };
        match self.status().code() {
            // Remark (3): a method that the usage can do without.
            405 | 501 => matches!(method, Method::Update | Method::Info | Method::Refer),
            // Remark (7): told when to come back. A subscription is over all the same (RFC 6665 §4.1.2.2, §4.2.2).
            480 => kind == UsageKind::Invite && self.retry_after().is_some(),
            // Remark (12).
            489 => !matches!(method, Method::Subscribe | Method::Notify),
            _ => false,
        }
    }
}

/// The `n`th part of a span, `n` being no zero.
pub(super) fn part(span: Duration, n: u32) -> Duration {
    span.checked_div(n).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: u16) -> Failure {
        Failure::response(StatusCode::new(code).unwrap())
    }

    /// RFC 5057 §5.3.
    // Holds: 5057-5.3-1, 5057-5.3-2
    #[test]
    fn methods_belong_to_usages() {
        let other = Method::Other("FOO".into());
        for (kind, methods) in [
            (
                Some(UsageKind::Invite),
                &[Method::Invite, Method::Update, Method::Prack, Method::Ack, Method::Bye, Method::Info][..],
            ),
            (Some(UsageKind::Subscription), &[Method::Subscribe, Method::Notify, Method::Refer]),
            (None, &[Method::Options, Method::Message, other]),
        ] {
            for method in methods {
                assert_eq!(UsageKind::of(method), kind, "{method:?}");
            }
        }
    }

    /// RFC 5057 §5.1 remark (3).
    // Holds: 5057-5.1-11
    #[test]
    fn a_method_that_is_not_integral_hurts_nothing() {
        let other = Method::Other("FOO".into());
        for code in [405, 501] {
            for method in [Method::Info, Method::Update, Method::Refer, Method::Message, other.clone()] {
                assert_eq!(failure(code).impact(&method), Impact::Transaction, "{code} {method:?}");
            }
            for method in [Method::Notify, Method::Subscribe, Method::Invite] {
                assert_eq!(failure(code).impact(&method), Impact::Usage, "{code} {method:?}");
            }
        }
    }

    /// RFC 5057 §5.1 remark (4), §5.2, §5.3; RFC 6665 §4.1.2.2.
    // Holds: 5057-5.1-12, 5057-5.2-1, 5057-5.2-2
    #[test]
    fn a_timeout_and_408_are_the_same() {
        for failure in [failure(408), Failure::Timeout] {
            for method in [Method::Notify, Method::Invite, Method::Update, Method::Info, Method::Bye] {
                assert_eq!(failure.impact(&method), Impact::Usage, "{method:?}");
            }
            for method in [Method::Options, Method::Message, Method::Subscribe, Method::Cancel] {
                assert_eq!(failure.impact(&method), Impact::Transaction, "{method:?}");
            }
        }
    }

    /// RFC 5057 §5.1 remark (7), RFC 6665 §4.2.2.
    #[test]
    fn unavailable_until_then() {
        let status = StatusCode::TEMPORARILY_UNAVAILABLE;
        let later = Failure::Response { status, retry_after: Some(Duration::from_secs(5)) };
        assert_eq!(Failure::response(status).impact(&Method::Invite), Impact::Usage);
        assert_eq!(later.impact(&Method::Invite), Impact::Transaction);
        assert_eq!(later.impact(&Method::Notify), Impact::Usage);
        assert_eq!(later.retry_after(), Some(Duration::from_secs(5)));
    }

    /// RFC 5057 §5.1 remarks (8) and (12).
    // Holds: 5057-5.1-15, 5057-5.1-18
    #[test]
    fn codes_out_of_their_place() {
        assert_eq!(failure(481).impact(&Method::Cancel), Impact::Transaction);
        assert_eq!(failure(481).impact(&Method::Info), Impact::Usage);
        assert_eq!(failure(481).impact(&Method::Options), Impact::Transaction);
        assert_eq!(failure(489).impact(&Method::Info), Impact::Transaction);
        assert_eq!(failure(404).impact(&Method::Options), Impact::Dialog);
    }

    /// RFC 5057 §5.1 remarks (13) and (17), RFC 3261 §15.1.1; DESIGN.md §5: a challenged BYE does not end the dialog first.
    // Holds: 5057-5.1-19
    #[test]
    fn a_usage_that_is_to_end_ends() {
        for code in [500, 599, 600, 699] {
            assert_eq!(failure(code).impact(&Method::Notify), Impact::Transaction);
            assert_eq!(failure(code).impact_on_ending(&Method::Notify), Impact::Usage);
        }
        assert_eq!(failure(403).impact_on_ending(&Method::Subscribe), Impact::Transaction);
        assert_eq!(failure(403).impact_on_ending(&Method::Bye), Impact::Usage);
        assert_eq!(failure(401).impact_on_ending(&Method::Bye), Impact::Transaction);
        assert_eq!(Failure::TransportError.impact_on_ending(&Method::Bye), Impact::Usage);
        assert_eq!(failure(604).impact_on_ending(&Method::Bye), Impact::Dialog);
    }
}
