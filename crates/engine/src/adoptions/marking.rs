//! Writing our mark on a guest, and taking it off again: the only things that adoption changes in Proxmox.

use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::mark;
use pve::{ConfigChange, GuestRef};

use crate::connections::{CallError, Connection};

/// What became of a guest that was to be marked, or to be marked no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is as it should be, and was seen to be.
    Yes,
    /// It was written, and must be looked at before that is believed.
    Asked,
    /// It carries a mark that is not ours: it is left alone.
    Anothers,
    /// Our mark has no room.
    NoRoom,
    /// Proxmox holds a lock on it.
    Locked,
}

/// Writes our mark for this instance after the description of a guest, and adds our tag; unless both are there. Under
/// the digest of what was read, so that a change in between is refused.
pub(crate) async fn mark_guest(
    connection: &Connection,
    at: &GuestRef,
    id: InstanceId,
) -> Result<Written, CallError> {
    let guest = at.clone();
    let config = connection.call(|client| async move { client.guest(&guest).config().await }).await?;
    let common = config.common();
    let description = common.raw.get("description").map_or("", String::as_str);
    let marked = mark::read(description) == Some(id);
    if !marked && mark::is_marked(description) {
        return Ok(Written::Anothers);
    }
    let tagged = common.tags.contains(mark::TAG);
    if marked && tagged {
        return Ok(Written::Yes);
    }
    if common.lock.is_some() {
        return Ok(Written::Locked);
    }
    let mut change = ConfigChange { digest: common.digest.clone(), ..ConfigChange::default() };
    if !marked {
        let Some(text) = mark::append(description, id) else { return Ok(Written::NoRoom) };
        change.description = Some(text);
    }
    if !tagged {
        // As they stand, in their own letters and order, and ours after them.
        let tags = common.raw.get("tags").map(|tags| tags.trim()).filter(|tags| !tags.is_empty());
        let tags = tags.map_or_else(|| mark::TAG.to_owned(), |tags| format!("{tags};{}", mark::TAG));
        change.extra.push("tags", tags);
    }
    let guest = at.clone();
    connection.call(|client| async move { client.guest(&guest).set_config(&change).await }).await?;
    Ok(Written::Asked)
}

/// Takes our mark for this instance off a guest, and our tag if `tag`; everything else stays as it is.
pub(super) async fn unmark_guest(
    connection: &Connection,
    at: &GuestRef,
    id: InstanceId,
    tag: bool,
) -> Result<Written, CallError> {
    let guest = at.clone();
    let config = connection.call(|client| async move { client.guest(&guest).config().await }).await?;
    let common = config.common();
    let description = common.raw.get("description").map_or("", String::as_str);
    if mark::read(description) != Some(id) {
        // Nothing of ours is there any more, and the tag is not ours to take.
        return Ok(Written::Yes);
    }
    if common.lock.is_some() {
        return Ok(Written::Locked);
    }
    let mut change = ConfigChange { digest: common.digest.clone(), ..ConfigChange::default() };
    let rest = mark::remove(description, id);
    if rest.is_empty() {
        change.delete.insert("description".to_owned());
    } else {
        change.description = Some(rest);
    }
    if tag && common.tags.contains(mark::TAG) {
        let tags = common.raw.get("tags").map_or("", String::as_str);
        let kept: Vec<&str> = tags
            .split(|c: char| matches!(c, ';' | ',') || c.is_whitespace())
            .filter(|tag| !tag.is_empty() && !tag.eq_ignore_ascii_case(mark::TAG))
            .collect();
        if kept.is_empty() {
            change.delete.insert("tags".to_owned());
        } else {
            change.extra.push("tags", kept.join(";"));
        }
    }
    let guest = at.clone();
    connection.call(|client| async move { client.guest(&guest).set_config(&change).await }).await?;
    Ok(Written::Asked)
}
