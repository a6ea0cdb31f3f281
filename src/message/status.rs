//! Status codes and their reason phrases.

use core::fmt;

/// A status code, 100 to 699 (RFC 3261 §7.2), an open set.
///
/// ```
/// use sip_proto::StatusCode;
///
/// assert_eq!(StatusCode::new(486), Some(StatusCode::BUSY_HERE));
/// assert_eq!(StatusCode::BUSY_HERE.reason(), "Busy Here");
/// assert_eq!(StatusCode::new(700), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusCode(u16);

impl StatusCode {
    /// 100 Trying.
    pub const TRYING: Self = Self(100);
    /// 180 Ringing.
    pub const RINGING: Self = Self(180);
    /// 181 Call Is Being Forwarded.
    pub const CALL_IS_BEING_FORWARDED: Self = Self(181);
    /// 182 Queued.
    pub const QUEUED: Self = Self(182);
    /// 183 Session Progress.
    pub const SESSION_PROGRESS: Self = Self(183);
    /// 199 Early Dialog Terminated.
    pub const EARLY_DIALOG_TERMINATED: Self = Self(199);
    /// 200 OK.
    pub const OK: Self = Self(200);
    /// 202 Accepted.
    pub const ACCEPTED: Self = Self(202);
    /// 204 No Notification.
    pub const NO_NOTIFICATION: Self = Self(204);
    /// 300 Multiple Choices.
    pub const MULTIPLE_CHOICES: Self = Self(300);
    /// 301 Moved Permanently.
    pub const MOVED_PERMANENTLY: Self = Self(301);
    /// 302 Moved Temporarily.
    pub const MOVED_TEMPORARILY: Self = Self(302);
    /// 305 Use Proxy.
    pub const USE_PROXY: Self = Self(305);
    /// 380 Alternative Service.
    pub const ALTERNATIVE_SERVICE: Self = Self(380);
    /// 400 Bad Request.
    pub const BAD_REQUEST: Self = Self(400);
    /// 401 Unauthorized.
    pub const UNAUTHORIZED: Self = Self(401);
    /// 402 Payment Required.
    pub const PAYMENT_REQUIRED: Self = Self(402);
    /// 403 Forbidden.
    pub const FORBIDDEN: Self = Self(403);
    /// 404 Not Found.
    pub const NOT_FOUND: Self = Self(404);
    /// 405 Method Not Allowed.
    pub const METHOD_NOT_ALLOWED: Self = Self(405);
    /// 406 Not Acceptable.
    pub const NOT_ACCEPTABLE: Self = Self(406);
    /// 407 Proxy Authentication Required.
    pub const PROXY_AUTHENTICATION_REQUIRED: Self = Self(407);
    /// 408 Request Timeout.
    pub const REQUEST_TIMEOUT: Self = Self(408);
    /// 410 Gone.
    pub const GONE: Self = Self(410);
    /// 412 Conditional Request Failed.
    pub const CONDITIONAL_REQUEST_FAILED: Self = Self(412);
    /// 413 Request Entity Too Large.
    pub const REQUEST_ENTITY_TOO_LARGE: Self = Self(413);
    /// 414 Request-URI Too Long.
    pub const REQUEST_URI_TOO_LONG: Self = Self(414);
    /// 415 Unsupported Media Type.
    pub const UNSUPPORTED_MEDIA_TYPE: Self = Self(415);
    /// 416 Unsupported URI Scheme.
    pub const UNSUPPORTED_URI_SCHEME: Self = Self(416);
    /// 417 Unknown Resource-Priority.
    pub const UNKNOWN_RESOURCE_PRIORITY: Self = Self(417);
    /// 420 Bad Extension.
    pub const BAD_EXTENSION: Self = Self(420);
    /// 421 Extension Required.
    pub const EXTENSION_REQUIRED: Self = Self(421);
    /// 422 Session Interval Too Small.
    pub const SESSION_INTERVAL_TOO_SMALL: Self = Self(422);
    /// 423 Interval Too Brief.
    pub const INTERVAL_TOO_BRIEF: Self = Self(423);
    /// 424 Bad Location Information.
    pub const BAD_LOCATION_INFORMATION: Self = Self(424);
    /// 425 Bad Alert Message.
    pub const BAD_ALERT_MESSAGE: Self = Self(425);
    /// 428 Use Identity Header.
    pub const USE_IDENTITY_HEADER: Self = Self(428);
    /// 429 Provide Referrer Identity.
    pub const PROVIDE_REFERRER_IDENTITY: Self = Self(429);
    /// 430 Flow Failed.
    pub const FLOW_FAILED: Self = Self(430);
    /// 433 Anonymity Disallowed.
    pub const ANONYMITY_DISALLOWED: Self = Self(433);
    /// 436 Bad Identity-Info.
    pub const BAD_IDENTITY_INFO: Self = Self(436);
    /// 437 Unsupported Certificate.
    pub const UNSUPPORTED_CERTIFICATE: Self = Self(437);
    /// 438 Invalid Identity Header.
    pub const INVALID_IDENTITY_HEADER: Self = Self(438);
    /// 439 First Hop Lacks Outbound Support.
    pub const FIRST_HOP_LACKS_OUTBOUND_SUPPORT: Self = Self(439);
    /// 440 Max-Breadth Exceeded.
    pub const MAX_BREADTH_EXCEEDED: Self = Self(440);
    /// 469 Bad Info Package.
    pub const BAD_INFO_PACKAGE: Self = Self(469);
    /// 470 Consent Needed.
    pub const CONSENT_NEEDED: Self = Self(470);
    /// 478 Unresolvable Destination.
    pub const UNRESOLVABLE_DESTINATION: Self = Self(478);
    /// 480 Temporarily Unavailable.
    pub const TEMPORARILY_UNAVAILABLE: Self = Self(480);
    /// 481 Call/Transaction Does Not Exist.
    pub const CALL_TRANSACTION_DOES_NOT_EXIST: Self = Self(481);
    /// 482 Loop Detected.
    pub const LOOP_DETECTED: Self = Self(482);
    /// 483 Too Many Hops.
    pub const TOO_MANY_HOPS: Self = Self(483);
    /// 484 Address Incomplete.
    pub const ADDRESS_INCOMPLETE: Self = Self(484);
    /// 485 Ambiguous.
    pub const AMBIGUOUS: Self = Self(485);
    /// 486 Busy Here.
    pub const BUSY_HERE: Self = Self(486);
    /// 487 Request Terminated.
    pub const REQUEST_TERMINATED: Self = Self(487);
    /// 488 Not Acceptable Here.
    pub const NOT_ACCEPTABLE_HERE: Self = Self(488);
    /// 489 Bad Event.
    pub const BAD_EVENT: Self = Self(489);
    /// 491 Request Pending.
    pub const REQUEST_PENDING: Self = Self(491);
    /// 493 Undecipherable.
    pub const UNDECIPHERABLE: Self = Self(493);
    /// 494 Security Agreement Required.
    pub const SECURITY_AGREEMENT_REQUIRED: Self = Self(494);
    /// 500 Internal Server Error.
    pub const INTERNAL_SERVER_ERROR: Self = Self(500);
    /// 501 Not Implemented.
    pub const NOT_IMPLEMENTED: Self = Self(501);
    /// 502 Bad Gateway.
    pub const BAD_GATEWAY: Self = Self(502);
    /// 503 Service Unavailable.
    pub const SERVICE_UNAVAILABLE: Self = Self(503);
    /// 504 Server Time-out.
    pub const SERVER_TIME_OUT: Self = Self(504);
    /// 505 Version Not Supported.
    pub const VERSION_NOT_SUPPORTED: Self = Self(505);
    /// 513 Message Too Large.
    pub const MESSAGE_TOO_LARGE: Self = Self(513);
    /// 555 Push Notification Service Not Supported.
    pub const PUSH_NOTIFICATION_SERVICE_NOT_SUPPORTED: Self = Self(555);
    /// 580 Precondition Failure.
    pub const PRECONDITION_FAILURE: Self = Self(580);
    /// 600 Busy Everywhere.
    pub const BUSY_EVERYWHERE: Self = Self(600);
    /// 603 Decline.
    pub const DECLINE: Self = Self(603);
    /// 604 Does Not Exist Anywhere.
    pub const DOES_NOT_EXIST_ANYWHERE: Self = Self(604);
    /// 606 Not Acceptable.
    pub const NOT_ACCEPTABLE_ANYWHERE: Self = Self(606);
    /// 607 Unwanted.
    pub const UNWANTED: Self = Self(607);
    /// 608 Rejected.
    pub const REJECTED: Self = Self(608);

    /// The status code `code`; `None` outside 100 to 699.
    pub const fn new(code: u16) -> Option<Self> {
        if 100 <= code && code <= 699 { Some(Self(code)) } else { None }
    }

    /// The number.
    pub const fn code(self) -> u16 {
        self.0
    }

    /// The code's usual reason phrase, from the registry of SIP response codes; empty for a code without one.
    pub const fn reason(self) -> &'static str {
        match self.0 {
            100 => "Trying",
            180 => "Ringing",
            181 => "Call Is Being Forwarded",
            182 => "Queued",
            183 => "Session Progress",
            199 => "Early Dialog Terminated",
            200 => "OK",
            202 => "Accepted",
            204 => "No Notification",
            300 => "Multiple Choices",
            301 => "Moved Permanently",
            302 => "Moved Temporarily",
            305 => "Use Proxy",
            380 => "Alternative Service",
            400 => "Bad Request",
            401 => "Unauthorized",
            402 => "Payment Required",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            406 => "Not Acceptable",
            407 => "Proxy Authentication Required",
            408 => "Request Timeout",
            410 => "Gone",
            412 => "Conditional Request Failed",
            413 => "Request Entity Too Large",
            414 => "Request-URI Too Long",
            415 => "Unsupported Media Type",
            416 => "Unsupported URI Scheme",
            417 => "Unknown Resource-Priority",
            420 => "Bad Extension",
            421 => "Extension Required",
            422 => "Session Interval Too Small",
            423 => "Interval Too Brief",
            424 => "Bad Location Information",
            425 => "Bad Alert Message",
            428 => "Use Identity Header",
            429 => "Provide Referrer Identity",
            430 => "Flow Failed",
            433 => "Anonymity Disallowed",
            436 => "Bad Identity-Info",
            437 => "Unsupported Certificate",
            438 => "Invalid Identity Header",
            439 => "First Hop Lacks Outbound Support",
            440 => "Max-Breadth Exceeded",
            469 => "Bad Info Package",
            470 => "Consent Needed",
            478 => "Unresolvable Destination",
            480 => "Temporarily Unavailable",
            481 => "Call/Transaction Does Not Exist",
            482 => "Loop Detected",
            483 => "Too Many Hops",
            484 => "Address Incomplete",
            485 => "Ambiguous",
            486 => "Busy Here",
            487 => "Request Terminated",
            488 => "Not Acceptable Here",
            489 => "Bad Event",
            491 => "Request Pending",
            493 => "Undecipherable",
            494 => "Security Agreement Required",
            500 => "Internal Server Error",
            501 => "Not Implemented",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            504 => "Server Time-out",
            505 => "Version Not Supported",
            513 => "Message Too Large",
            555 => "Push Notification Service Not Supported",
            580 => "Precondition Failure",
            600 => "Busy Everywhere",
            603 => "Decline",
            604 => "Does Not Exist Anywhere",
            606 => "Not Acceptable",
            607 => "Unwanted",
            608 => "Rejected",
            _ => "",
        }
    }

    /// What stands before the reason phrase in a status line (RFC 3261 §7.2).
    pub(super) fn before_reason(self) -> [u8; 12] {
        let (hundreds, rest) = ((self.0 / 100) as u8, (self.0 % 100) as u8);
        let [hundreds, tens, ones] = [hundreds, rest / 10, rest % 10].map(|digit| b'0'.wrapping_add(digit));
        [b'S', b'I', b'P', b'/', b'2', b'.', b'0', b' ', hundreds, tens, ones, b' ']
    }

    /// Whether this is a provisional answer, 100 to 199.
    pub const fn is_provisional(self) -> bool {
        self.0 < 200
    }

    /// Whether this is a final answer, 200 to 699.
    pub const fn is_final(self) -> bool {
        !self.is_provisional()
    }

    /// Whether this is a successful final answer, 200 to 299.
    pub const fn is_success(self) -> bool {
        200 <= self.0 && self.0 < 300
    }

    /// Whether this is an unsuccessful final answer, 300 to 699.
    pub const fn is_failure(self) -> bool {
        300 <= self.0
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
