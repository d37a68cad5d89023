//! Acts: each is one call to Proxmox.

mod create;
mod errands;

use innkeeper_domain::instances::{Act, Errand, Instance};
use innkeeper_domain::operations::{Fault, GRACE};
use pve::{ConfigChange, DeleteOptions, GuestConfig, GuestRef, NewSize, ShutdownOptions, Size, Upid};

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
        Act::Create => create::create(connection, instance, at).await?,
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
    let asked = at.clone();
    let config = connection.call(|client| async move { client.guest(&asked).config().await }).await?;
    let mut change = fit::lacking(instance, &config)?;
    if change == ConfigChange::default() {
        return Ok(Reply::Done);
    }
    change.digest.clone_from(&config.common().digest);
    if let GuestConfig::Qemu(_) = config {
        // In the background: what takes longer than Proxmox gives itself would come back without an answer.
        let task = connection
            .call(|client| async move { client.guest(&at).change_in_background(&change).await })
            .await?;
        return Ok(task.map_or(Reply::Done, Reply::Task));
    }
    connection.call(|client| async move { client.guest(&at).set_config(&change).await }).await?;
    Ok(Reply::Done)
}

async fn grow(connection: &Connection, instance: &Instance, at: GuestRef) -> Result<Reply, CallError> {
    let asked = at.clone();
    let config = connection.call(|client| async move { client.guest(&asked).config().await }).await?;
    let Some((disk, _)) = root_disk(&config) else { return Ok(Reply::Done) };
    // Absolute, so that asking twice grows once.
    let to = NewSize::Absolute(Size::bytes(instance.size.disk_bytes()));
    let task = connection.call(|client| async move { client.guest(&at).resize(&disk, to).await }).await?;
    Ok(task.map_or(Reply::Done, Reply::Task))
}
