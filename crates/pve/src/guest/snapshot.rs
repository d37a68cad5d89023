//! Snapshots of a guest. Whether its storage can make any is told by [`Guest::has_feature`].

use serde::Deserialize;

use super::Guest;
use crate::error::Error;
use crate::ids::{GuestKind, SnapshotName};
use crate::lenient;
use crate::operations as ops;
use crate::upid::Upid;

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// Its description, without the line break the server puts at its end.
    #[serde(default, deserialize_with = "description")]
    pub description: String,
    /// When it was made, seconds since 1970.
    #[serde(default, rename = "snaptime", deserialize_with = "lenient::optional")]
    pub made_at: Option<i64>,
    /// The one before it.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub parent: Option<String>,
    /// Whether it holds the memory too.
    #[serde(default, rename = "vmstate", deserialize_with = "lenient::or_default")]
    pub with_memory: bool,
}

fn description<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text: String = lenient::or_default(deserializer)?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// A snapshot to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSnapshot {
    /// Its name.
    pub name: SnapshotName,
    /// Its description.
    pub description: Option<String>,
    /// Keep the memory too; refused for containers.
    pub with_memory: bool,
}

impl Guest<'_> {
    /// All snapshots; the present state, which the server lists as `current`, is left out.
    pub async fn snapshots(&self) -> Result<Vec<Snapshot>, Error> {
        let mut found: Vec<Snapshot> = self.client.send(self.call(&ops::SNAPSHOTS)).await?;
        found.retain(|snapshot| snapshot.name != "current");
        Ok(found)
    }

    /// Makes a snapshot. A name in use and a storage without snapshots fail in the task.
    pub async fn create_snapshot(&self, snapshot: &NewSnapshot) -> Result<Upid, Error> {
        if snapshot.with_memory {
            self.only(GuestKind::Qemu, "a snapshot with memory")?;
        }
        let call = self
            .call(&ops::SNAPSHOT_CREATE)
            .param("snapname", &snapshot.name)
            .param_some("description", snapshot.description.as_ref())
            .param_some("vmstate", snapshot.with_memory.then_some(true));
        self.client.send(call).await
    }

    /// Changes the description of a snapshot.
    pub async fn describe_snapshot(&self, name: &SnapshotName, description: &str) -> Result<(), Error> {
        let call = self.call(&ops::SNAPSHOT_DESCRIBE).at("snapname", name).param("description", description);
        self.client.send_unit(call).await
    }

    /// Goes back to a snapshot. With `start` the guest is started by a second task, after this one's end.
    pub async fn rollback(&self, name: &SnapshotName, start: bool) -> Result<Upid, Error> {
        let call = self.call(&ops::ROLLBACK).at("snapname", name).param_some("start", start.then_some(true));
        self.client.send(call).await
    }

    /// Removes a snapshot; with `force` from the configuration even if the disks resist.
    pub async fn delete_snapshot(&self, name: &SnapshotName, force: bool) -> Result<Upid, Error> {
        let call =
            self.call(&ops::SNAPSHOT_DELETE).at("snapname", name).param_some("force", force.then_some(true));
        self.client.send(call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_list_is_read() {
        let text = r#"[{"description":"before update\n","snaptime":1795222095,"name":"before","vmstate":"0"},
            {"running":1,"name":"current","description":"You are here!","parent":"before","digest":"16fe"}]"#;
        let found: Vec<Snapshot> = serde_json::from_str(text).unwrap();
        assert_eq!((found[0].description.as_str(), found[0].made_at), ("before update", Some(1_795_222_095)));
        assert!(!found[0].with_memory && found[1].made_at.is_none());
    }
}
