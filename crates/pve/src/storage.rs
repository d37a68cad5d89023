//! Storages of a node: what may lie on them, what does, bringing templates and images there.

use serde::Deserialize;

use crate::call::Call;
use crate::client::Client;
use crate::error::Error;
use crate::ids::{NodeName, StorageId, Vmid, VolumeId};
use crate::lenient;
use crate::operations as ops;
use crate::upid::Upid;

/// A storage as one node sees it. Bytes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NodeStorage {
    /// Its name; absent when one storage is asked about.
    #[serde(default, deserialize_with = "lenient::parsed")]
    pub storage: Option<StorageId>,
    /// Its type, for example `lvmthin`.
    #[serde(default, rename = "type", deserialize_with = "lenient::or_default")]
    pub kind: String,
    /// What may lie on it, separated by commas.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub content: String,
    /// Whether it can be used now.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub active: bool,
    /// Whether it is switched on.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub enabled: bool,
    /// Whether it is the same on every node.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub shared: bool,
    /// Size.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub total: Option<u64>,
    /// In use.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub used: Option<u64>,
    /// Free.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub avail: Option<u64>,
}

impl NodeStorage {
    /// Whether this kind of content may lie on it.
    pub fn holds(&self, content: &str) -> bool {
        self.content.split(',').any(|c| c.trim() == content)
    }
}

/// Kinds of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    /// Disks of virtual machines.
    Images,
    /// Disks of containers.
    RootDir,
    /// Templates of containers.
    Template,
    /// CD images.
    Iso,
    /// Backups.
    Backup,
    /// Disk images to import.
    Import,
}

impl Content {
    /// As the server calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::RootDir => "rootdir",
            Self::Template => "vztmpl",
            Self::Iso => "iso",
            Self::Backup => "backup",
            Self::Import => "import",
        }
    }
}

/// Something that lies on a storage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Volume {
    /// Its name.
    pub volid: VolumeId,
    /// Its kind.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub content: String,
    /// Its format, for example `raw`, `tzst`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub format: String,
    /// Size in bytes.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub size: Option<u64>,
    /// Bytes in use.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub used: Option<u64>,
    /// When it was made, seconds since 1970.
    #[serde(default, rename = "ctime", deserialize_with = "lenient::optional")]
    pub made_at: Option<i64>,
    /// The guest it belongs to.
    #[serde(default, deserialize_with = "lenient::parsed")]
    pub vmid: Option<Vmid>,
    /// Of a backup: `lxc` or `qemu`.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub subtype: Option<String>,
    /// Notes of a backup.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub notes: Option<String>,
    /// Whether a backup is protected against removal.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub protected: bool,
    /// Of a backup on a Proxmox Backup Server: what its last verification found.
    #[serde(default)]
    pub verification: Option<Verification>,
}

/// What the verification of a backup found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Verification {
    /// `ok` or `failed`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub state: String,
}

/// An entry of the appliance index: a container template that can be fetched by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Appliance {
    /// The name to fetch it by, for example `debian-12-standard_12.7-1_amd64.tar.zst`.
    pub template: String,
    /// Package name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub package: String,
    /// Version.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub version: String,
    /// System inside, for example `debian-12`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub os: String,
    /// `system`, `turnkeylinux`, `mail`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub section: String,
    /// One line about it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub headline: String,
}

/// A file for a storage to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Where from.
    pub url: String,
    /// [`Content::Iso`], [`Content::Template`] or [`Content::Import`].
    pub content: Content,
    /// The name it gets; its ending must fit the content.
    pub filename: String,
    /// SHA-256 it must have, in hexadecimal.
    pub sha256: Option<String>,
}

impl Client {
    /// Storages of a node that hold a kind of content, or all.
    pub async fn storages(
        &self,
        node: &NodeName,
        content: Option<Content>,
    ) -> Result<Vec<NodeStorage>, Error> {
        let call = Call::new(&ops::STORAGE_LIST).at("node", node);
        self.send(call.param_some("content", content.map(Content::as_str))).await
    }

    /// How a storage stands.
    pub async fn storage_status(&self, node: &NodeName, storage: &StorageId) -> Result<NodeStorage, Error> {
        self.send(Call::new(&ops::STORAGE_STATUS).at("node", node).at("storage", storage)).await
    }

    /// What lies on a storage, by kind and guest or all.
    pub async fn volumes(
        &self,
        node: &NodeName,
        storage: &StorageId,
        content: Option<Content>,
        vmid: Option<Vmid>,
    ) -> Result<Vec<Volume>, Error> {
        let call = Call::new(&ops::STORAGE_CONTENT).at("node", node).at("storage", storage);
        self.send(call.param_some("content", content.map(Content::as_str)).param_some("vmid", vmid)).await
    }

    /// Removes a volume: a backup, a template, a disk of no guest. None when it was done at once.
    pub async fn delete_volume(&self, node: &NodeName, volume: &VolumeId) -> Result<Option<Upid>, Error> {
        let storage = volume.storage();
        self.send(
            Call::new(&ops::VOLUME_DELETE).at("node", node).at("storage", &storage).at("volume", volume),
        )
        .await
    }

    /// Has a node fetch a file onto a storage. Needs `Sys.AccessNetwork` or more besides the right on the storage.
    pub async fn download_url(
        &self,
        node: &NodeName,
        storage: &StorageId,
        file: &Download,
    ) -> Result<Upid, Error> {
        let call = Call::new(&ops::DOWNLOAD_URL)
            .at("node", node)
            .at("storage", storage)
            .param("url", &file.url)
            .param("content", file.content.as_str())
            .param("filename", &file.filename)
            .param_some("checksum", file.sha256.as_ref())
            .param_some("checksum-algorithm", file.sha256.as_ref().map(|_| "sha256"));
        self.send(call).await
    }

    /// The appliance index as the node knows it; may be empty until the node has fetched it.
    pub async fn appliances(&self, node: &NodeName) -> Result<Vec<Appliance>, Error> {
        self.send(Call::new(&ops::APPLIANCE_LIST).at("node", node)).await
    }

    /// Has a node fetch a container template of the index onto a storage that holds [`Content::Template`].
    pub async fn download_appliance(
        &self,
        node: &NodeName,
        storage: &StorageId,
        template: &str,
    ) -> Result<Upid, Error> {
        let call = Call::new(&ops::APPLIANCE_DOWNLOAD).at("node", node);
        self.send(call.param("storage", storage).param("template", template)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_content_is_read() {
        let text = r#"[{"size":3221225472,"content":"rootdir","vmid":"104","used":243175424,"parent":null,
            "volid":"local:104/vm-104-disk-0.raw","ctime":1795222257,"format":"raw"},
            {"ctime":1795222723,"format":"tar.zst","volid":"local:backup/vzdump-lxc-101-2026_11_21-00_58_43.tar.zst",
            "subtype":"lxc","size":55437954,"content":"backup","vmid":101,"protected":1}]"#;
        let found: Vec<Volume> = serde_json::from_str(text).unwrap();
        assert_eq!(found[0].vmid.map(Vmid::get), Some(104));
        assert_eq!(found[1].subtype.as_deref(), Some("lxc"));
        assert!(found[1].protected && !found[0].protected);
    }
}
