//! Finding out what became of a call whose answer was lost: its task is looked for among those of the node that we
//! have not recorded; the call is not repeated.

use innkeeper_domain::instances::{Act, Instance, Kind};
use innkeeper_domain::time::Timestamp;
use pve::{TaskFilter, Upid};

use super::look::guest_ref;
use crate::connections::{CallError, Connection};

/// Clocks of hosts differ; a task may seem to have begun this long before we asked for it.
const SKEW_SECONDS: i64 = 120;

/// The type of task that an act becomes in Proxmox; none for those that leave no task we could recognise: a change
/// of settings is immediate, and a clone is recorded under the number of the template.
fn task_type(kind: Kind, act: Act) -> Option<&'static str> {
    Some(match (kind, act) {
        (_, Act::Configure) | (Kind::Qemu, Act::Create) => return None,
        (Kind::Lxc, Act::Create) => "vzcreate",
        (_, Act::Grow) => "resize",
        (Kind::Lxc, Act::Start) => "vzstart",
        (Kind::Qemu, Act::Start) => "qmstart",
        (Kind::Lxc, Act::Shutdown) => "vzshutdown",
        (Kind::Qemu, Act::Shutdown) => "qmshutdown",
        (Kind::Lxc, Act::Stop) => "vzstop",
        (Kind::Qemu, Act::Stop) => "qmstop",
        (Kind::Lxc, Act::Resume) => "vzresume",
        (Kind::Qemu, Act::Resume) => "qmresume",
        (Kind::Lxc, Act::Reboot) => "vzreboot",
        (Kind::Qemu, Act::Reboot) => "qmreboot",
        (Kind::Lxc, Act::Delete) => "vzdestroy",
        (Kind::Qemu, Act::Delete) => "qmdestroy",
    })
}

/// What a search can find.
pub(super) enum Found {
    /// The act leaves no task that could be told apart; the guest itself must tell.
    NoTrace,
    /// No such task so far.
    Nothing,
    /// This one.
    Task(Upid),
}

/// Looks for the task of `act`, asked for at `asked`. `known` are the tasks already recorded for the instance.
pub(super) async fn find(
    connection: &Connection,
    instance: &Instance,
    act: Act,
    asked: Timestamp,
    known: &[String],
) -> Result<Found, CallError> {
    let Some(task_type) = task_type(instance.kind, act) else { return Ok(Found::NoTrace) };
    let guest = guest_ref(instance)?;
    let since = asked.0 / 1_000_000 - SKEW_SECONDS;
    let filter = TaskFilter {
        vmid: Some(guest.vmid),
        kind: Some(task_type.to_owned()),
        source: pve::TaskSource::All,
        limit: Some(50),
        ..TaskFilter::default()
    };
    let node = guest.node.clone();
    let tasks = connection.call(|client| async move { client.tasks(&node, &filter).await }).await?;
    let ours = &connection.cluster.token_id;
    let newest = tasks
        .into_iter()
        .map(|task| task.upid)
        .filter(|upid| upid.user() == ours && upid.started_at() >= since)
        .filter(|upid| !known.contains(&upid.to_string()))
        .max_by_key(Upid::started_at);
    Ok(newest.map_or(Found::Nothing, Found::Task))
}
