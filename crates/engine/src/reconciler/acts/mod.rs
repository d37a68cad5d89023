//! Acts: each is one call to Proxmox.

mod create;
pub(super) mod errands;

use innkeeper_domain::instances::{Act, Errand, Instance};
use innkeeper_domain::operations::{Fault, GRACE};
use pve::{ConfigChange, DeleteOptions, GuestConfig, GuestRef, NewSize, ShutdownOptions, Size, Upid};

use super::disks;
use super::fit;
use super::guard;
use super::look::{guest_ref, root_disk};
use crate::connections::{CallError, Connection};

/// What became of it.
pub(super) enum Reply {
    /// Proxmox works on it.
    Task(Upid),
    /// It is done.
    Done,
    /// It cannot be, and Proxmox was not asked for it.
    Refused(Fault),
}

/// Asks for one change; `errand` is what belongs to the act, if anything does.
pub(super) async fn perform(
    connection: &Connection,
    instance: &Instance,
    act: Act,
    errand: Option<&Errand>,
) -> Result<Reply, CallError> {
    let at = guest_ref(instance)?;
    let task = match act {
        Act::Create => {
            if let Some(reply) = errands::brings_other_disks(connection, instance).await? {
                return Ok(reply);
            }
            create::create(connection, instance, at).await?
        }
        Act::Configure => return configure(connection, instance, at).await,
        Act::Grow => return grow(connection, instance, at).await,
        Act::Guard => {
            guard::guard(connection, instance, &at).await?;
            return Ok(Reply::Done);
        }
        Act::Start => connection.call(|client| async move { client.guest(&at).start().await }).await?,
        Act::Shutdown => {
            let how = ShutdownOptions { timeout_seconds: Some(grace_seconds()), force_stop: true };
            connection.call(|client| async move { client.guest(&at).shutdown(how).await }).await?
        }
        Act::Stop => connection.call(|client| async move { client.guest(&at).stop().await }).await?,
        Act::Pause => connection.call(|client| async move { client.guest(&at).suspend(false).await }).await?,
        Act::Resume => connection.call(|client| async move { client.guest(&at).resume().await }).await?,
        Act::Reboot => {
            let patience = Some(grace_seconds());
            connection.call(|client| async move { client.guest(&at).reboot(patience).await }).await?
        }
        Act::Delete => delete(connection, at).await?,
        Act::Snapshot | Act::Rollback | Act::DropSnapshot | Act::BackUp | Act::Restore | Act::Migrate => {
            match errand {
                Some(errand) if errand.act() == act => {
                    return errands::run(connection, instance, at, errand).await;
                }
                _ => return Ok(Reply::Refused(nothing_to_do(act))),
            }
        }
    };
    Ok(Reply::Task(task))
}

/// The operation does not say what exactly is to be done: one from a newer release, perhaps.
fn nothing_to_do(act: Act) -> Fault {
    Fault {
        code: "unknown_errand".into(),
        message: format!("{act}: the operation does not say of what; ask again"),
    }
}

pub(super) fn grace_seconds() -> u32 {
    u32::try_from(GRACE.as_secs()).unwrap_or(u32::MAX)
}

/// Removes the guest. Ours is the last word on whether it is protected: what Proxmox has of that is taken off first.
async fn delete(connection: &Connection, at: GuestRef) -> Result<Upid, CallError> {
    let asked = at.clone();
    let config = connection.call(|client| async move { client.guest(&asked).config().await }).await?;
    if config.common().protection {
        let change = ConfigChange { protection: Some(false), ..ConfigChange::default() };
        let asked = at.clone();
        connection.call(|client| async move { client.guest(&asked).set_config(&change).await }).await?;
    }
    let what = DeleteOptions { purge: true, ..DeleteOptions::default() };
    connection.call(|client| async move { client.guest(&at).delete(what).await }).await
}

/// Makes the settings what is asked. Tags come here for containers too: at creation, Proxmox checks the right to set
/// them on the guest's own path, which a token with rights on a pool does not have yet.
async fn configure(connection: &Connection, instance: &Instance, at: GuestRef) -> Result<Reply, CallError> {
    // A disk of a container goes in two steps: out of its slot, and then for good.
    for _ in 0..3 {
        let asked = at.clone();
        let config = connection.call(|client| async move { client.guest(&asked).config().await }).await?;
        if let Some(slot) = disks::occupied(instance, &config) {
            return Ok(Reply::Refused(occupied(&slot)));
        }
        let mut change = fit::lacking(instance, &config)?;
        if change == ConfigChange::default() {
            return Ok(Reply::Done);
        }
        change.digest.clone_from(&config.common().digest);
        let asked = at.clone();
        if let GuestConfig::Qemu(_) = config {
            // In the background: what takes longer than Proxmox gives itself would come back without an answer.
            let task = connection
                .call(|client| async move { client.guest(&asked).change_in_background(&change).await })
                .await?;
            return Ok(task.map_or(Reply::Done, Reply::Task));
        }
        connection.call(|client| async move { client.guest(&asked).set_config(&change).await }).await?;
        if instance.settings.removed_disks.is_empty() {
            break;
        }
    }
    Ok(Reply::Done)
}

/// A slot that we would use is taken by what is not ours.
fn occupied(slot: &str) -> Fault {
    Fault {
        code: "disk_slot_taken".into(),
        message: format!(
            "{slot} of the guest holds a disk that Innkeeper did not put there; it was not touched. An operator must move \
             it to a slot below 8"
        ),
    }
}

async fn grow(connection: &Connection, instance: &Instance, at: GuestRef) -> Result<Reply, CallError> {
    let asked = at.clone();
    let config = connection.call(|client| async move { client.guest(&asked).config().await }).await?;
    let wanted = instance.size.disk_bytes();
    let root = root_disk(&config).filter(|(_, bytes)| *bytes < wanted).map(|(disk, _)| (disk, wanted));
    let Some((disk, bytes)) = root.or_else(|| disks::too_small(instance, &config)) else {
        return Ok(Reply::Done);
    };
    // Absolute, so that asking twice grows once.
    let to = NewSize::Absolute(Size::bytes(bytes));
    let task = connection.call(|client| async move { client.guest(&at).resize(&disk, to).await }).await?;
    Ok(task.map_or(Reply::Done, Reply::Task))
}
