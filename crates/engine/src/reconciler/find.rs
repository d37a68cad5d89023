//! Finding out what became of a call whose answer was lost: its task is looked for among those of the node that we
//! have not recorded; the call is not repeated.

use innkeeper_domain::instances::{Act, Instance, Kind};
use innkeeper_domain::templates::Origin;
use innkeeper_domain::time::Timestamp;
use pve::{TaskFilter, Upid};

use super::look::guest_ref;
use crate::connections::{CallError, Connection};

/// Clocks of hosts differ; a task may seem to have begun this long before we asked for it.
const SKEW_SECONDS: i64 = 120;

/// The type of task that an act becomes in Proxmox; none for those that leave no task we could recognise: a change
/// of settings is immediate or has a task of any name, and a clone is recorded under the number of what is copied.
fn task_type(instance: &Instance, act: Act) -> Option<&'static str> {
    let (container, machine) = match act {
        Act::Configure | Act::Guard => return None,
        Act::Create => match instance.origin {
            Origin::Vm(_) | Origin::Copy { .. } | Origin::Adopted { .. } => return None,
            Origin::Backup { .. } => ("vzrestore", "qmrestore"),
            Origin::Volume(_) => ("vzcreate", "qmcreate"),
        },
        Act::Grow => ("resize", "resize"),
        Act::Start => ("vzstart", "qmstart"),
        Act::Shutdown => ("vzshutdown", "qmshutdown"),
        Act::Stop => ("vzstop", "qmstop"),
        Act::Pause => ("vzsuspend", "qmpause"),
        Act::Resume => ("vzresume", "qmresume"),
        Act::Reboot => ("vzreboot", "qmreboot"),
        Act::Snapshot => ("vzsnapshot", "qmsnapshot"),
        Act::Rollback => ("vzrollback", "qmrollback"),
        Act::DropSnapshot => ("vzdelsnapshot", "qmdelsnapshot"),
        Act::BackUp => ("vzdump", "vzdump"),
        Act::Restore => ("vzrestore", "qmrestore"),
        Act::Migrate => ("vzmigrate", "qmigrate"),
        Act::Delete => ("vzdestroy", "qmdestroy"),
    };
    Some(match instance.kind {
        Kind::Lxc => container,
        Kind::Qemu => machine,
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
    let Some(task_type) = task_type(instance, act) else { return Ok(Found::NoTrace) };
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
