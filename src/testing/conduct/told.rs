//! The order in which an endpoint tells of contexts and dialogs, as the documentation of its events has it.

use alloc::collections::BTreeMap;
use alloc::format;
use core::fmt::Debug;

use super::Checked;
use crate::endpoint::{
    Answer, By, ClientEvent, DialogEvent, DialogId, Event, RequestId, ServerEvent, ServerId, Why,
};
use crate::testing::describe_event;

#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    servers: BTreeMap<ServerId, Server>,
    clients: BTreeMap<RequestId, Client>,
    dialogs: BTreeMap<DialogId, Dialog>,
    /// The context whose `Failed` is to come next.
    owed: Option<(ServerId, u16)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Waiting,
    Accepted,
    Failed,
    Over,
}

#[derive(Clone, Copy, Debug, Default)]
struct Server {
    phase: Phase,
    is_cancelled: bool,
    /// Whether a reliable provisional answer waits for its PRACK.
    is_unpracked: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Client {
    phase: Phase,
    is_without_notify: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Dialog {
    is_confirmed: bool,
    is_session_over: bool,
    is_over: bool,
}

impl Told {
    pub(super) fn see<D>(&mut self, event: &Event<D>) -> Checked {
        if let Some((server, code)) = self.owed.take() {
            let is_due = matches!(event, Event::Server { server: at, event: ServerEvent::Failed(report) }
                if *at == server && report.code == code && report.response.is_some());
            if !is_due {
                return Err(format!("`Failed` of {server:?} does not follow its `Rejected` {code}"));
            }
        }
        let checked = match event {
            Event::Incoming { server, .. } => self.announce(*server),
            Event::Server { server, event } => self.see_server(*server, event),
            Event::Client { request, event } => self.see_client(*request, event),
            Event::Dialog { dialog, event } => self.see_dialog(*dialog, event),
        };
        checked.map_err(|fault| format!("{fault}: {}", describe_event(event)))
    }

    fn announce(&mut self, server: ServerId) -> Checked {
        match self.servers.insert(server, Server::default()) {
            None => Ok(()),
            Some(_) => Err(format!("{server:?} is announced twice")),
        }
    }

    fn see_server<D>(&mut self, id: ServerId, event: &ServerEvent<D>) -> Checked {
        let Some(server) = self.servers.get_mut(&id) else {
            return Err(format!("{id:?} was never announced"));
        };
        let was = *server;
        let fits = match event {
            ServerEvent::Progress { is_reliable, .. } => {
                let waits = *is_reliable && server.is_unpracked;
                server.is_unpracked |= is_reliable;
                !waits && !server.is_cancelled && server.phase == Phase::Waiting
            }
            ServerEvent::Pracked { .. } => {
                core::mem::take(&mut server.is_unpracked) && server.phase != Phase::Over
            }
            ServerEvent::Accepted { .. } => {
                let fits = server.phase == Phase::Waiting && !server.is_cancelled;
                server.phase = Phase::Accepted;
                fits
            }
            ServerEvent::Rejected(report) => {
                let fits = server.phase == Phase::Waiting && (!server.is_cancelled || report.code == 487);
                self.owed = Some((id, report.code));
                fits
            }
            ServerEvent::Failed(report) => {
                let fits = server.phase == Phase::Waiting && (report.code == 0) == report.response.is_none();
                server.phase = Phase::Failed;
                fits
            }
            ServerEvent::Cancelled { .. } => {
                let fits = server.phase == Phase::Waiting && !server.is_cancelled;
                server.is_cancelled = true;
                fits
            }
            ServerEvent::CancelTooLate { .. } => server.phase == Phase::Accepted,
            ServerEvent::SendFailed(_) => server.phase != Phase::Over,
            ServerEvent::Ended { .. } => {
                let fits = matches!(server.phase, Phase::Accepted | Phase::Failed);
                server.phase = Phase::Over;
                fits
            }
        };
        in_order(fits, &id, &was)
    }

    fn see_client<D>(&mut self, id: RequestId, event: &ClientEvent<D>) -> Checked {
        let client = self.clients.entry(id).or_default();
        let was = *client;
        let fits = match event {
            ClientEvent::Progress { .. } | ClientEvent::Redirected { .. } => client.phase == Phase::Waiting,
            ClientEvent::Accepted { .. } => {
                core::mem::replace(&mut client.phase, Phase::Accepted) == Phase::Waiting
            }
            ClientEvent::Failed { .. } => {
                core::mem::replace(&mut client.phase, Phase::Failed) == Phase::Waiting
            }
            ClientEvent::Forked { .. } => !matches!(client.phase, Phase::Waiting | Phase::Over),
            ClientEvent::NoNotify => {
                client.phase != Phase::Over && !core::mem::replace(&mut client.is_without_notify, true)
            }
            ClientEvent::Ended { .. } => {
                matches!(core::mem::replace(&mut client.phase, Phase::Over), Phase::Accepted | Phase::Failed)
            }
        };
        in_order(fits, &id, &was)
    }

    fn see_dialog<D>(&mut self, id: DialogId, event: &DialogEvent<D>) -> Checked {
        let dialog = self.dialogs.entry(id).or_default();
        let was = *dialog;
        let fits = !dialog.is_over
            && match event {
                DialogEvent::Confirmed { .. } => {
                    !core::mem::replace(&mut dialog.is_confirmed, true) && !dialog.is_session_over
                }
                DialogEvent::SessionEnded { message, why, by } => {
                    !core::mem::replace(&mut dialog.is_session_over, true)
                        && ((*why, *by) != (Why::Bye, By::Remote) || message.is_some())
                }
                DialogEvent::Destroy { message, why, by, .. } => {
                    dialog.is_over = true;
                    (*why, *by) != (Why::Bye, By::Remote) || message.is_some()
                }
                DialogEvent::Ack { .. }
                | DialogEvent::Modify(_)
                | DialogEvent::Refresh(_)
                | DialogEvent::Hold(_)
                | DialogEvent::Unhold(_)
                | DialogEvent::Update(_)
                | DialogEvent::Prack(_)
                | DialogEvent::Offer { .. } => !dialog.is_session_over,
                _ => true,
            };
        in_order(fits, &id, &was)?;
        match event.asked().map(|asked| asked.answer) {
            Some(Answer::Ask(server)) => self.announce(server),
            Some(Answer::Auto(_)) | None => Ok(()),
        }
    }
}

fn in_order(fits: bool, id: &dyn Debug, was: &dyn Debug) -> Checked {
    if fits { Ok(()) } else { Err(format!("{id:?} was {was:?}, out of order")) }
}
