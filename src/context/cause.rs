//! Why a request failed, in the words that applications of the model know.

use core::fmt;

use crate::message::StatusCode;

/// The cause of a failure, as `SIP.C.causes` has it: a typed value with the documented text.
///
/// ```
/// use sip_proto::StatusCode;
/// use sip_proto::context::Cause;
///
/// assert_eq!(Cause::of(StatusCode::BUSY_HERE), Cause::Busy);
/// assert_eq!(Cause::RequestTimeout.as_str(), "Request Timeout");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The transport failed.
    ConnectionError,
    /// No final answer came in time.
    RequestTimeout,
    /// A status code without a cause of its own.
    SipFailureCode,
    /// A fault on our side.
    InternalError,
    /// 486, 600.
    Busy,
    /// 403, 603.
    Rejected,
    /// 300, 301, 302, 305, 380.
    Redirected,
    /// 480, 410, 408, 430.
    Unavailable,
    /// 404, 604.
    NotFound,
    /// 484.
    AddressIncomplete,
    /// 488, 606.
    IncompatibleSdp,
    /// 401, 407.
    AuthenticationError,
    /// The dialog failed.
    DialogError,
    /// WebRTC is not there.
    WebRtcNotSupported,
    /// WebRTC failed.
    WebRtcError,
    /// The request was cancelled.
    Canceled,
    /// Nobody answered.
    NoAnswer,
    /// The request expired.
    Expires,
    /// No ACK came.
    NoAck,
    /// No PRACK came.
    NoPrack,
    /// The user denied access to media.
    UserDeniedMediaAccess,
    /// A session description was missing or bad.
    BadMediaDescription,
    /// Media stopped.
    RtpTimeout,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 23] = [
        Self::ConnectionError,
        Self::RequestTimeout,
        Self::SipFailureCode,
        Self::InternalError,
        Self::Busy,
        Self::Rejected,
        Self::Redirected,
        Self::Unavailable,
        Self::NotFound,
        Self::AddressIncomplete,
        Self::IncompatibleSdp,
        Self::AuthenticationError,
        Self::DialogError,
        Self::WebRtcNotSupported,
        Self::WebRtcError,
        Self::Canceled,
        Self::NoAnswer,
        Self::Expires,
        Self::NoAck,
        Self::NoPrack,
        Self::UserDeniedMediaAccess,
        Self::BadMediaDescription,
        Self::RtpTimeout,
    ];

    /// The cause that a failure code maps to; [`Cause::SipFailureCode`] for codes without one.
    pub fn of(status: StatusCode) -> Self {
        match status.code() {
            300 | 301 | 302 | 305 | 380 => Self::Redirected,
            486 | 600 => Self::Busy,
            403 | 603 => Self::Rejected,
            404 | 604 => Self::NotFound,
            480 | 410 | 408 | 430 => Self::Unavailable,
            484 => Self::AddressIncomplete,
            488 | 606 => Self::IncompatibleSdp,
            401 | 407 => Self::AuthenticationError,
            _ => Self::SipFailureCode,
        }
    }

    /// The documented text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionError => "Connection Error",
            Self::RequestTimeout => "Request Timeout",
            Self::SipFailureCode => "SIP Failure Code",
            Self::InternalError => "Internal Error",
            Self::Busy => "Busy",
            Self::Rejected => "Rejected",
            Self::Redirected => "Redirected",
            Self::Unavailable => "Unavailable",
            Self::NotFound => "Not Found",
            Self::AddressIncomplete => "Address Incomplete",
            Self::IncompatibleSdp => "Incompatible SDP",
            Self::AuthenticationError => "Authentication Error",
            Self::DialogError => "Dialog Error",
            Self::WebRtcNotSupported => "WebRTC Not Supported",
            Self::WebRtcError => "WebRTC Error",
            Self::Canceled => "Canceled",
            Self::NoAnswer => "No Answer",
            Self::Expires => "Expires",
            Self::NoAck => "No ACK",
            Self::NoPrack => "No PRACK",
            Self::UserDeniedMediaAccess => "User Denied Media Access",
            Self::BadMediaDescription => "Bad Media Description",
            Self::RtpTimeout => "RTP Timeout",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
