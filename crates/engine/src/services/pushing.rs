//! Rebooting the guest of a service. An instance by an operation, under a key that is the restart's, so that asking again
//! answers with the same one; another guest by a task of Proxmox, which is looked for before it is asked again.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::Host;
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::operations::{State, Verb};
use innkeeper_domain::reports::{Fault, Report};
use innkeeper_domain::restarts::{Push, Restart, RestartState};
use innkeeper_domain::services::{Place, Service};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{operations, restarts};
use pve::{Class, GuestKind, GuestRow, Resource, RunState, TaskFilter, TaskSource, TaskStatus, Upid};

use crate::connections::CallError;
use crate::{Engine, Error, Idempotency};

/// How often a reboot is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How long a guest has to shut down in order, in seconds.
const GENTLE_SECONDS: u32 = 120;

/// Clocks of hosts differ; a task may seem to have begun this long before we asked for it.
const SKEW: Duration = Duration::from_mins(2);

type Next = Result<Option<Timestamp>, Error>;

impl Engine {
    fn soon(&self) -> Timestamp {
        self.clock().now().after(LOOK)
    }

    /// Writes down what the guest is to be asked, and asks it.
    pub(super) async fn push(&self, restart: &mut Restart, service: &Service, fence: i64) -> Next {
        let ground = self.ground(service).await?;
        match service.at {
            Place::Instance(id) => {
                let push = if ground.guest == Some(false) { Push::Start } else { Push::Reboot };
                restart.pushed = Some((push, self.clock().now()));
                self.write(restart, fence).await?;
                self.push_instance(restart, service, fence, id, push).await
            }
            Place::Guest { vmid, .. } => {
                let Some(host) = &ground.host else { return self.guest_gone(restart, service, fence).await };
                let found = match self.find_guest(host, vmid).await {
                    Ok(found) => found,
                    Err(CallError::Pve(error)) if error.class() == Class::Permanent => {
                        return self.refused(restart, service, fence, &error).await;
                    }
                    // Nothing was asked yet.
                    Err(_) => return Ok(Some(self.soon())),
                };
                let Some(row) = found else { return self.guest_gone(restart, service, fence).await };
                let push = if row.status == RunState::Stopped { Push::Start } else { Push::Reboot };
                restart.pushed = Some((push, self.clock().now()));
                self.write(restart, fence).await?;
                self.push_guest(restart, service, fence, host, &row, push).await
            }
            Place::Host(_) => self.guest_gone(restart, service, fence).await,
        }
    }

    /// Finds out what became of the asking.
    pub(super) async fn find_push(&self, restart: &mut Restart, service: &Service, fence: i64) -> Next {
        let Some((push, asked)) = restart.pushed else { return Ok(None) };
        let (host, vmid) = match service.at {
            Place::Instance(id) => return self.push_instance(restart, service, fence, id, push).await,
            Place::Guest { vmid, .. } => (self.ground(service).await?.host, vmid),
            Place::Host(_) => (None, 0),
        };
        let Some(host) = host else { return self.guest_gone(restart, service, fence).await };
        let Ok(found) = self.find_guest(&host, vmid).await else { return Ok(Some(self.soon())) };
        let Some(row) = found else { return self.guest_gone(restart, service, fence).await };
        let others = restarts::tasks_of_others(self.db(), restart.id, asked.before(SKEW * 2)).await?;
        let Ok(task) = self.find_task(&host, &row, push, asked, &others).await else {
            return Ok(Some(self.soon()));
        };
        if let Some(upid) = task {
            restart.upid = Some(upid.to_string());
            self.write(restart, fence).await?;
            return Ok(None);
        }
        let now = self.clock().now();
        if now.since(asked) < self.options().settle {
            return Ok(Some(self.soon()));
        }
        // Without a task of ours, the guest itself may show that it was done.
        let Ok(uptime) = self.uptime_of(&host, &row).await else { return Ok(Some(self.soon())) };
        if uptime.is_some_and(|uptime| uptime < now.since(asked)) {
            let message = "The guest was started after it was asked for.";
            restart.reports.push(Report::success(now, message));
            return self.turn_to(restart, service, fence, RestartState::Waiting).await;
        }
        restart.pushed = Some((push, now));
        self.write(restart, fence).await?;
        self.push_guest(restart, service, fence, &host, &row, push).await
    }

    /// Looks how far the reboot is.
    pub(super) async fn follow_push(&self, restart: &mut Restart, service: &Service, fence: i64) -> Next {
        if let Some(id) = restart.operation_id {
            let Some(operation) = operations::by_id(self.db(), id).await? else {
                return self.guest_gone(restart, service, fence).await;
            };
            return match operation.state {
                State::Succeeded => self.rebooted(restart, service, fence).await,
                State::Failed => {
                    let told =
                        operation.fault.map(|fault| Fault { code: fault.code, message: fault.message });
                    let fault = told.unwrap_or_else(|| fault("reboot_failed", "The reboot failed."));
                    self.fail(restart, service, fence, fault).await
                }
                State::Superseded => {
                    let message = "Something else was asked of the instance, and the reboot given up for it.";
                    self.fail(restart, service, fence, fault("superseded", message)).await
                }
                State::Pending | State::Running | State::Undoing => Ok(Some(self.soon())),
            };
        }
        let upid: Option<Upid> = restart.upid.as_deref().and_then(|upid| upid.parse().ok());
        let host = self.ground(service).await?.host;
        let (Some(upid), Some(host)) = (upid, host) else {
            return self.guest_gone(restart, service, fence).await;
        };
        let connection = self.connection(host.cluster_id).await?;
        match connection.call(|client| async move { client.task(&upid).status().await }).await {
            Ok(TaskStatus::Ended(outcome)) => match outcome.into_result() {
                Ok(()) => self.rebooted(restart, service, fence).await,
                Err(error) => self.refused(restart, service, fence, &error).await,
            },
            Err(CallError::Pve(error)) if error.class() == Class::Permanent => {
                self.refused(restart, service, fence, &error).await
            }
            Ok(TaskStatus::Running) | Err(_) => Ok(Some(self.soon())),
        }
    }

    async fn rebooted(&self, restart: &mut Restart, service: &Service, fence: i64) -> Next {
        let now = self.clock().now();
        restart.reports.push(Report::success(now, "The guest was rebooted."));
        self.turn_to(restart, service, fence, RestartState::Waiting).await
    }

    async fn guest_gone(&self, restart: &mut Restart, service: &Service, fence: i64) -> Next {
        let message = "The guest of the service is not there any more.";
        self.fail(restart, service, fence, fault("guest_missing", message)).await
    }

    async fn refused(
        &self,
        restart: &mut Restart,
        service: &Service,
        fence: i64,
        error: &pve::Error,
    ) -> Next {
        let message = format!("Proxmox did not reboot the guest: {error}");
        self.fail(restart, service, fence, fault("reboot_failed", message)).await
    }

    async fn push_instance(
        &self,
        restart: &mut Restart,
        service: &Service,
        fence: i64,
        id: InstanceId,
        push: Push,
    ) -> Next {
        let verb = match push {
            Push::Reboot => Verb::Reboot,
            Push::Start => Verb::Start,
        };
        let name = restart.id.to_string();
        let key = Idempotency::new(&format!("restart:{name}"), &[b"service.restart", name.as_bytes()])?;
        match self.change_instance(&Actor::house(), id, verb, Some(&key)).await {
            Ok(operation) => {
                restart.operation_id = Some(operation.id);
                self.write(restart, fence).await?;
                Ok(None)
            }
            // Something else is being done to it; that ends.
            Err(Error::Busy(_)) => Ok(Some(self.soon())),
            Err(error @ (Error::Store(_) | Error::Internal(_))) => Err(error),
            Err(Error::NotFound(_)) => self.guest_gone(restart, service, fence).await,
            Err(error) => {
                let code = match &error {
                    Error::Conflict { code, .. } => code,
                    Error::Restricted(restriction) => restriction.as_str(),
                    _ => "reboot_refused",
                };
                self.fail(restart, service, fence, fault(code, error.to_string())).await
            }
        }
    }

    async fn push_guest(
        &self,
        restart: &mut Restart,
        service: &Service,
        fence: i64,
        host: &Host,
        row: &GuestRow,
        push: Push,
    ) -> Next {
        let connection = self.connection(host.cluster_id).await?;
        let at = row.at();
        let asked = connection
            .call(|client| async move {
                match push {
                    Push::Reboot => client.guest(&at).reboot(Some(GENTLE_SECONDS)).await,
                    Push::Start => client.guest(&at).start().await,
                }
            })
            .await;
        match asked {
            Ok(upid) => {
                restart.upid = Some(upid.to_string());
                self.write(restart, fence).await?;
                Ok(None)
            }
            Err(CallError::Pve(error)) if error.class() == Class::Permanent => {
                self.refused(restart, service, fence, &error).await
            }
            Err(CallError::Pve(error)) if error.class() == Class::Unknown => Ok(Some(self.soon())),
            // Certainly not done.
            Err(_) => {
                restart.pushed = None;
                self.write(restart, fence).await?;
                Ok(Some(self.soon()))
            }
        }
    }

    /// Starts a guest that is not ours, if it does not run.
    pub(super) async fn start_guest(&self, host: &Host, vmid: u32) -> Result<(), CallError> {
        let found = self.find_guest(host, vmid).await?;
        let Some(row) = found.filter(|row| row.status == RunState::Stopped && !row.template) else {
            return Ok(());
        };
        let connection = self.connection_to(host).await?;
        let at = row.at();
        connection.call(|client| async move { client.guest(&at).start().await }).await.map(drop)
    }

    /// A guest of the host's cluster by its number; it may have moved to another node.
    pub(super) async fn find_guest(&self, host: &Host, vmid: u32) -> Result<Option<GuestRow>, CallError> {
        let connection = self.connection_to(host).await?;
        let rows = connection.call(|client| async move { client.resources().await }).await?;
        let guests = rows.into_iter().filter_map(|row| match row {
            Resource::Guest(guest) => Some(guest),
            _ => None,
        });
        Ok(guests.into_iter().find(|guest| guest.vmid.get() == vmid))
    }

    async fn find_task(
        &self,
        host: &Host,
        row: &GuestRow,
        push: Push,
        asked: Timestamp,
        others: &[String],
    ) -> Result<Option<Upid>, CallError> {
        let connection = self.connection_to(host).await?;
        let kind = match (row.kind, push) {
            (GuestKind::Lxc, Push::Reboot) => "vzreboot",
            (GuestKind::Lxc, Push::Start) => "vzstart",
            (GuestKind::Qemu, Push::Reboot) => "qmreboot",
            (GuestKind::Qemu, Push::Start) => "qmstart",
        };
        let filter = TaskFilter {
            vmid: Some(row.vmid),
            kind: Some(kind.to_owned()),
            source: TaskSource::All,
            limit: Some(50),
            ..TaskFilter::default()
        };
        let node = row.node.clone();
        let tasks = connection.call(|client| async move { client.tasks(&node, &filter).await }).await?;
        let (ours, since) = (&connection.cluster.token_id, asked.before(SKEW).0 / 1_000_000);
        Ok(tasks
            .into_iter()
            .map(|task| task.upid)
            .filter(|upid| upid.user() == ours && upid.started_at() >= since)
            .filter(|upid| !others.contains(&upid.to_string()))
            .max_by_key(Upid::started_at))
    }

    /// How long a guest has been running; none when it does not.
    async fn uptime_of(&self, host: &Host, row: &GuestRow) -> Result<Option<Duration>, CallError> {
        let connection = self.connection_to(host).await?;
        let at = row.at();
        let status = connection.call(|client| async move { client.guest(&at).status().await }).await?;
        if status.status != RunState::Running {
            return Ok(None);
        }
        // Just after the start it says -1.
        Ok(status.uptime.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0))))
    }

    async fn connection_to(
        &self,
        host: &Host,
    ) -> Result<std::sync::Arc<crate::connections::Connection>, CallError> {
        // A connection that cannot be made is one that does not answer.
        self.connection(host.cluster_id).await.map_err(|_| CallError::Resting(self.clock().now()))
    }
}

fn fault(code: &str, message: impl Into<String>) -> Fault {
    Fault { code: code.to_owned(), message: message.into() }
}
