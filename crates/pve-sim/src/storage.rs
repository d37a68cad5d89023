//! Storages and the volumes on them.

use std::collections::BTreeMap;

use crate::property;
use crate::world::World;

/// A storage as configured for the cluster; its volumes are per node unless it is shared.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    pub(crate) id: String,
    /// Plugin type.
    pub(crate) kind: String,
    pub(crate) content: Vec<String>,
    pub(crate) shared: bool,
    /// Nodes it is limited to; empty means all.
    pub(crate) nodes: Vec<String>,
    pub(crate) total: u64,
    /// Bytes used by what is not a volume.
    pub(crate) base: u64,
    pub(crate) disabled: bool,
    /// A fault: no space left.
    pub(crate) full: bool,
    pub(crate) path: Option<String>,
    /// Volumes per node; those of a shared storage under `""`.
    pub(crate) volumes: BTreeMap<String, BTreeMap<String, Volume>>,
    /// Bytes used by volumes, per node.
    used: BTreeMap<String, u64>,
}

/// One volume.
#[derive(Clone, Debug, Default)]
pub(crate) struct Volume {
    /// `images`, `rootdir`, `vztmpl`, `iso`, `backup`, `snippets`.
    pub(crate) content: String,
    pub(crate) format: String,
    pub(crate) size: u64,
    /// Bytes it takes on the storage.
    pub(crate) used: u64,
    /// UNIX seconds.
    pub(crate) ctime: u64,
    pub(crate) vmid: Option<u32>,
    pub(crate) parent: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) protected: bool,
    /// Of a backup: the guest's configuration.
    pub(crate) backup: Option<Box<Backup>>,
}

/// What a backup holds.
#[derive(Clone, Debug)]
pub(crate) struct Backup {
    pub(crate) kind: crate::guests::Kind,
    pub(crate) config: BTreeMap<String, String>,
}

impl Storage {
    pub(crate) fn new(id: &str, kind: &str, content: &str, shared: bool, total: u64) -> Self {
        Self {
            id: id.to_owned(),
            kind: kind.to_owned(),
            content: property::split_list(content),
            shared,
            nodes: Vec::new(),
            total,
            base: 0,
            disabled: false,
            full: false,
            path: (kind == "dir" && id == "local").then(|| "/var/lib/vz".to_owned()),
            volumes: BTreeMap::new(),
            used: BTreeMap::new(),
        }
    }

    fn shelf(&self, node: &str) -> String {
        if self.shared { String::new() } else { node.to_owned() }
    }

    pub(crate) fn is_on(&self, node: &str) -> bool {
        self.nodes.is_empty() || self.nodes.iter().any(|n| n == node)
    }

    pub(crate) fn holds(&self, content: &str) -> bool {
        self.content.iter().any(|c| c == content)
    }

    /// Whether volumes are files in directories.
    pub(crate) fn is_files(&self) -> bool {
        matches!(self.kind.as_str(), "dir" | "nfs" | "cifs" | "btrfs")
    }

    /// Whether volumes of this format can have snapshots.
    pub(crate) fn has_snapshots(&self, format: &str) -> bool {
        matches!(self.kind.as_str(), "lvmthin" | "zfspool" | "btrfs" | "rbd") || format == "qcow2"
    }

    /// The folder of a file storage.
    pub(crate) fn folder(&self) -> String {
        self.path.clone().unwrap_or_else(|| format!("/mnt/pve/{}", self.id))
    }

    pub(crate) fn on(&self, node: &str) -> impl Iterator<Item = (&String, &Volume)> {
        self.volumes.get(&self.shelf(node)).into_iter().flatten()
    }

    pub(crate) fn volume(&self, node: &str, volid: &str) -> Option<&Volume> {
        self.volumes.get(&self.shelf(node))?.get(volid)
    }

    pub(crate) fn volume_mut(&mut self, node: &str, volid: &str) -> Option<&mut Volume> {
        let shelf = self.shelf(node);
        self.volumes.get_mut(&shelf)?.get_mut(volid)
    }

    pub(crate) fn add(&mut self, node: &str, volid: &str, volume: Volume) {
        let shelf = self.shelf(node);
        self.remove(node, volid);
        let used = self.used.entry(shelf.clone()).or_default();
        *used = used.saturating_add(volume.used);
        self.volumes.entry(shelf).or_default().insert(volid.to_owned(), volume);
    }

    pub(crate) fn remove(&mut self, node: &str, volid: &str) -> Option<Volume> {
        let shelf = self.shelf(node);
        let volume = self.volumes.get_mut(&shelf)?.remove(volid)?;
        if let Some(used) = self.used.get_mut(&shelf) {
            *used = used.saturating_sub(volume.used);
        }
        Some(volume)
    }

    /// Bytes used on that node.
    pub(crate) fn used(&self, node: &str) -> u64 {
        if self.full {
            return self.total;
        }
        self.base
            .saturating_add(self.used.get(&self.shelf(node)).copied().unwrap_or_default())
            .min(self.total)
    }
}

/// The storage a volume id names.
pub(crate) fn storage_of(volid: &str) -> &str {
    volid.split(':').next().unwrap_or_default()
}

impl World {
    /// The storage on that node, or what Proxmox says about it.
    pub(crate) fn storage_on(&self, node: &str, id: &str) -> Result<&Storage, String> {
        let storage = self.storages.get(id).ok_or_else(|| format!("storage '{id}' does not exist"))?;
        if !storage.is_on(node) {
            return Err(format!("storage '{id}' is not available on node '{node}'"));
        }
        if storage.disabled {
            return Err(format!("storage '{id}' is disabled"));
        }
        Ok(storage)
    }

    /// The first free volume name for a guest, such as `vm-100-disk-0`.
    pub(crate) fn free_volume(&self, node: &str, storage: &str, vmid: u32, format: &str) -> String {
        let Some(storage) = self.storages.get(storage) else { return String::new() };
        let name = |n: u32| match (storage.is_files(), storage.kind.as_str()) {
            (true, _) => format!("{}:{vmid}/vm-{vmid}-disk-{n}.{format}", storage.id),
            (_, "zfspool") if format == "subvol" => format!("{}:subvol-{vmid}-disk-{n}", storage.id),
            _ => format!("{}:vm-{vmid}-disk-{n}", storage.id),
        };
        let taken = |volid: &str| {
            storage.volume(node, volid).is_some()
                || storage.volume(node, &volid.replace("/vm-", "/base-").replace(":vm-", ":base-")).is_some()
        };
        (0..10_000).map(name).find(|volid| !taken(volid)).unwrap_or_default()
    }

    /// Removes the volumes of a guest.
    pub(crate) fn drop_volumes(&mut self, vmid: u32) {
        let Some(node) = self.guests.get(&vmid).map(|g| g.node.clone()) else { return };
        for storage in self.storages.values_mut() {
            let gone: Vec<String> = storage
                .on(&node)
                .filter(|(_, v)| v.vmid == Some(vmid) && matches!(v.content.as_str(), "images" | "rootdir"))
                .map(|(volid, _)| volid.clone())
                .collect();
            for volid in gone {
                storage.remove(&node, &volid);
            }
        }
    }

    /// Puts the volumes a guest's configuration names onto their storages.
    pub(crate) fn register_volumes(&mut self, vmid: u32) {
        let now = self.now() / crate::clock::SECOND;
        let Some(guest) = self.guests.get(&vmid) else { return };
        let (node, kind) = (guest.node.clone(), guest.kind);
        let content = if kind == crate::guests::Kind::Lxc { "rootdir" } else { "images" };
        let disks: Vec<(String, u64)> = guest
            .config
            .iter()
            .filter(|(name, _)| crate::guests::disks::is_disk(kind, name))
            .filter_map(|(_, value)| {
                let parts = property::loose(value);
                let volid = parts.get("").or_else(|| parts.get("volume")).or_else(|| parts.get("file"))?;
                let size = parts.get("size").and_then(|s| property::parse_size(s)).unwrap_or(4 << 20);
                volid.contains(':').then(|| (volid.clone(), size))
            })
            .collect();
        for (volid, size) in disks {
            if let Some(storage) = self.storages.get_mut(storage_of(&volid)) {
                let format = volid.rsplit_once('.').map_or("raw", |(_, f)| f).to_owned();
                let volume = Volume {
                    content: content.into(),
                    format,
                    size,
                    used: size / 10,
                    ctime: now,
                    vmid: Some(vmid),
                    ..Volume::default()
                };
                storage.add(&node, &volid, volume);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_follows_the_volumes() {
        let mut storage = Storage::new("local", "dir", "images", false, 1000);
        storage.add("pve", "local:1", Volume { used: 10, ..Volume::default() });
        storage.add("pve", "local:1", Volume { used: 20, ..Volume::default() });
        assert_eq!((storage.used("pve"), storage.used("pve2")), (20, 0));
        storage.remove("pve", "local:1");
        assert_eq!(storage.used("pve"), 0);
    }

    #[test]
    fn volumes_are_named_by_their_storage() {
        let world = World::for_test();
        assert_eq!(world.free_volume("pve", "local", 105, "raw"), "local:105/vm-105-disk-0.raw");
        assert_eq!(world.free_volume("pve", "local-lvm", 105, "raw"), "local-lvm:vm-105-disk-0");
    }
}
