//! Making containers.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::{numbered, printed};
use crate::call::{Call, Params};
use crate::client::Client;
use crate::error::Error;
use crate::ids::{NodeName, PoolId, StorageId, Vmid, VolumeId};
use crate::operations as ops;
use crate::property::{PropertyString, Tags, ssh_keys_lxc};
use crate::upid::Upid;

/// A container to be made. What is none is left to the server.
#[derive(Debug, Clone)]
pub struct LxcCreate {
    /// Its number.
    pub vmid: Vmid,
    /// The template it is unpacked from, or the backup it is restored from (see [`restore`](Self::restore)).
    pub ostemplate: VolumeId,
    /// Whether [`ostemplate`](Self::ostemplate) is a backup.
    pub restore: bool,
    /// Overwrite a stopped container of this number; for restoring.
    pub force: bool,
    /// Make new hardware addresses; for restoring.
    pub unique: bool,
    /// Host name: no underscore, 255 characters at most.
    pub hostname: Option<String>,
    /// Password of root inside, at least 5 characters.
    pub password: Option<SecretString>,
    /// Keys that may log in as root, one per entry.
    pub ssh_public_keys: Vec<String>,
    /// Where disks go that do not say it themselves.
    pub storage: Option<StorageId>,
    /// The root disk: `storage:GiB` as default value.
    pub rootfs: Option<PropertyString>,
    /// More disks, by number; each needs `mp=/path`.
    pub mount_points: BTreeMap<u8, PropertyString>,
    /// Network cards, by number; each needs `name=`.
    pub nets: BTreeMap<u8, PropertyString>,
    /// Processor cores.
    pub cores: Option<u32>,
    /// Share of processor time, in processors.
    pub cpulimit: Option<f64>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// Swap in MiB.
    pub swap_mib: Option<u64>,
    /// DNS servers, separated by blanks.
    pub nameserver: Option<String>,
    /// DNS search domain.
    pub searchdomain: Option<String>,
    /// Whether root inside is an ordinary user outside. Always sent: the server's default differs by version.
    pub unprivileged: bool,
    /// Features; everything but `nesting` is for root@pam with a ticket only. Left out when empty.
    pub features: PropertyString,
    /// Start with the node.
    pub onboot: Option<bool>,
    /// Protect against removal.
    pub protection: Option<bool>,
    /// Tags. Checked against the guest itself, not its pool: with rights on a pool only, set them afterwards.
    pub tags: Tags,
    /// Description.
    pub description: Option<String>,
    /// The pool it joins.
    pub pool: Option<PoolId>,
    /// Start it when it is made.
    pub start: bool,
    /// Any other parameter of the call.
    pub extra: Params,
}

impl LxcCreate {
    /// An unprivileged container with the server's defaults.
    pub fn new(vmid: Vmid, ostemplate: VolumeId) -> Self {
        Self {
            vmid,
            ostemplate,
            restore: false,
            force: false,
            unique: false,
            hostname: None,
            password: None,
            ssh_public_keys: Vec::new(),
            storage: None,
            rootfs: None,
            mount_points: BTreeMap::new(),
            nets: BTreeMap::new(),
            cores: None,
            cpulimit: None,
            memory_mib: None,
            swap_mib: None,
            nameserver: None,
            searchdomain: None,
            unprivileged: true,
            features: PropertyString::new(),
            onboot: None,
            protection: None,
            tags: Tags::default(),
            description: None,
            pool: None,
            start: false,
            extra: Params::new(),
        }
    }

    /// A container from a backup of one.
    pub fn from_backup(vmid: Vmid, backup: VolumeId) -> Self {
        Self { restore: true, ..Self::new(vmid, backup) }
    }

    fn params(&self) -> Result<Params, Error> {
        let mut params = Params::new();
        params.push("vmid", self.vmid);
        params.push("ostemplate", &self.ostemplate);
        params.push("unprivileged", self.unprivileged);
        for (name, wanted) in
            [("restore", self.restore), ("force", self.force), ("unique", self.unique), ("start", self.start)]
        {
            params.push_some(name, wanted.then_some(true));
        }
        params.push_some("hostname", self.hostname.as_ref());
        params.push_some("password", self.password.as_ref().map(ExposeSecret::expose_secret));
        if !self.ssh_public_keys.is_empty() {
            params.push("ssh-public-keys", ssh_keys_lxc(self.ssh_public_keys.iter().map(String::as_str)));
        }
        params.push_some("storage", self.storage.as_ref());
        if let Some(rootfs) = &self.rootfs {
            params.push("rootfs", printed(rootfs)?);
        }
        for (number, disk) in &self.mount_points {
            params.push(numbered("mp", *number), printed(disk)?);
        }
        for (number, net) in &self.nets {
            params.push(numbered("net", *number), printed(net)?);
        }
        params.push_some("cores", self.cores);
        params.push_some("cpulimit", self.cpulimit);
        params.push_some("memory", self.memory_mib);
        params.push_some("swap", self.swap_mib);
        params.push_some("nameserver", self.nameserver.as_ref());
        params.push_some("searchdomain", self.searchdomain.as_ref());
        if !self.features.is_empty() {
            params.push("features", printed(&self.features)?);
        }
        params.push_some("onboot", self.onboot);
        params.push_some("protection", self.protection);
        params.push_some("tags", (!self.tags.is_empty()).then_some(&self.tags));
        params.push_some("description", self.description.as_ref());
        params.push_some("pool", self.pool.as_ref());
        params.extend(&self.extra);
        Ok(params)
    }
}

impl Client {
    /// Makes a container, or restores one. The number is claimed at once ([`Error::AlreadyExists`] if it is taken),
    /// except when two calls race: then the second fails in its task.
    pub async fn create_lxc(&self, node: &NodeName, container: &LxcCreate) -> Result<Upid, Error> {
        self.send(Call::new(&ops::LXC_CREATE).at("node", node).params(&container.params()?)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_spelled_out() {
        let mut container =
            LxcCreate::new(Vmid::new(100).unwrap(), VolumeId::new("local:vztmpl/d.tar.zst").unwrap());
        container.rootfs = Some(PropertyString::with_default("local:8"));
        container
            .nets
            .insert(0, PropertyString::new().set("name", "eth0").set("bridge", "vmbr0").set("ip", "dhcp"));
        container.ssh_public_keys = vec!["ssh-ed25519 A x".to_owned(), "ssh-rsa B y\n".to_owned()];
        container.password = Some("hunter2".into());
        container.start = true;
        let params: Vec<_> = container.params().unwrap().iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            params,
            [
                "vmid=100",
                "ostemplate=local:vztmpl/d.tar.zst",
                "unprivileged=1",
                "start=1",
                "password=hunter2",
                "ssh-public-keys=ssh-ed25519 A x\nssh-rsa B y",
                "rootfs=local:8",
                "net0=name=eth0,bridge=vmbr0,ip=dhcp",
            ]
        );
        assert!(!format!("{container:?}").contains("hunter2"));
        for (name, _) in container.params().unwrap().iter() {
            assert!(ops::LXC_CREATE.accepts(name), "{name}");
        }
    }
}
