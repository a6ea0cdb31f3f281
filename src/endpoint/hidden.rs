//! What `Debug` does not show of inputs, commands and the configuration: octets by their length, passwords not at all.

use core::fmt;

use super::{Command, Config, Flow, Input};
use crate::message::{Hidden, Length};

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut octets = |name: &str, flow: &Flow, length: usize| {
            f.debug_struct(name).field("flow", flow).field("payload", &Length(length)).finish()
        };
        match self {
            Self::Datagram { flow, payload } => octets("Datagram", flow, payload.len()),
            Self::Stream { flow, payload } => octets("Stream", flow, payload.len()),
            Self::Message { flow, payload } => octets("Message", flow, payload.len()),
            Self::Connected { token, flow } => {
                f.debug_struct("Connected").field("token", token).field("flow", flow).finish()
            }
            Self::Closed { flow } => f.debug_struct("Closed").field("flow", flow).finish(),
            Self::SendFailed { token } => f.debug_struct("SendFailed").field("token", token).finish(),
            Self::Resolved { query, targets } => {
                f.debug_struct("Resolved").field("query", query).field("targets", targets).finish()
            }
            Self::Bound(bound) => f.debug_tuple("Bound").field(bound).finish(),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invite(invite) => f.debug_tuple("Invite").field(invite).finish(),
            Self::Request(request) => f.debug_tuple("Request").field(request).finish(),
            Self::Cancel(id, headers) => f.debug_tuple("Cancel").field(id).field(headers).finish(),
            Self::Progress(id, reply) => f.debug_tuple("Progress").field(id).field(reply).finish(),
            Self::Accept(id, reply) => f.debug_tuple("Accept").field(id).field(reply).finish(),
            Self::Reject(id, reply) => f.debug_tuple("Reject").field(id).field(reply).finish(),
            Self::Reply(id, reply) => f.debug_tuple("Reply").field(id).field(reply).finish(),
            Self::Send(id, request) => f.debug_tuple("Send").field(id).field(request).finish(),
            Self::Modify(id, modify, headers) => {
                f.debug_tuple("Modify").field(id).field(modify).field(headers).finish()
            }
            Self::Answer(id, sdp) => f.debug_tuple("Answer").field(id).field(&Length(sdp.len())).finish(),
            Self::HoldBack(id, yes) => f.debug_tuple("HoldBack").field(id).field(yes).finish(),
            Self::Notify(id, usage, body) => {
                f.debug_tuple("Notify").field(id).field(usage).field(body).finish()
            }
            Self::Authorise(id, usage, body) => {
                f.debug_tuple("Authorise").field(id).field(usage).field(body).finish()
            }
            Self::Terminate(id, usage, reason, body) => {
                f.debug_tuple("Terminate").field(id).field(usage).field(reason).field(body).finish()
            }
            Self::ReportRefer(id, usage, status) => {
                f.debug_tuple("ReportRefer").field(id).field(usage).field(status).finish()
            }
            Self::Destroy(id, headers) => f.debug_tuple("Destroy").field(id).field(headers).finish(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("identity", &Hidden(self.identity()))
            .field("session_timers", &self.session_timers())
            .field("settings", &self.settings)
            .field("policy", &self.policy)
            .field("limits", &self.limits)
            .field("server", &self.server)
            .field("user_agent", &self.user_agent)
            .field("contact", &Hidden(&self.contact))
            .field("outbound_proxy", &Hidden(&self.outbound_proxy))
            .field("granting", &self.granting)
            .field("shard", &self.shard)
            .field("supported", &self.supported)
            .finish()
    }
}
