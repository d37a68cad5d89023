//! Making virtual machines.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::{numbered, printed};
use crate::call::{Call, Params};
use crate::client::Client;
use crate::error::Error;
use crate::ids::{NodeName, PoolId, StorageId, Vmid, VolumeId};
use crate::operations as ops;
use crate::property::{PropertyString, Tags, ssh_keys_qemu};
use crate::upid::Upid;

/// What cloud-init sets up inside a virtual machine at its next start. The machine needs a cloud-init drive
/// (`ide2 = storage:cloudinit`).
#[derive(Debug, Clone, Default)]
pub struct CloudInit {
    /// The user to make.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// Keys that may log in, one per entry.
    pub ssh_public_keys: Vec<String>,
    /// Addresses by card: `ip=dhcp`, or `ip=10.0.0.2/24` and `gw=10.0.0.1`.
    pub ip: BTreeMap<u8, PropertyString>,
    /// DNS servers, separated by blanks.
    pub nameserver: Option<String>,
    /// DNS search domain.
    pub searchdomain: Option<String>,
    /// Whether packages are upgraded at the first start (8.0 and later).
    pub upgrade: Option<bool>,
}

impl CloudInit {
    /// As parameters of a create or of a [`ConfigChange`](crate::ConfigChange) (its `extra`).
    pub fn params(&self) -> Result<Params, Error> {
        let mut params = Params::new();
        params.push_some("ciuser", self.user.as_ref());
        params.push_some("cipassword", self.password.as_ref().map(ExposeSecret::expose_secret));
        if !self.ssh_public_keys.is_empty() {
            params.push("sshkeys", ssh_keys_qemu(self.ssh_public_keys.iter().map(String::as_str)));
        }
        for (number, address) in &self.ip {
            params.push(numbered("ipconfig", *number), printed(address)?);
        }
        params.push_some("nameserver", self.nameserver.as_ref());
        params.push_some("searchdomain", self.searchdomain.as_ref());
        params.push_some("ciupgrade", self.upgrade);
        Ok(params)
    }
}

/// A virtual machine to be made. What is none is left to the server.
#[derive(Debug, Clone)]
pub struct QemuCreate {
    /// Its number.
    pub vmid: Vmid,
    /// A backup to restore.
    pub archive: Option<VolumeId>,
    /// Overwrite a stopped machine of this number; for restoring.
    pub force: bool,
    /// Make new hardware addresses; for restoring.
    pub unique: bool,
    /// Where restored disks go.
    pub storage: Option<StorageId>,
    /// Name.
    pub name: Option<String>,
    /// Processor cores of one socket.
    pub cores: Option<u32>,
    /// Processor sockets.
    pub sockets: Option<u32>,
    /// Processor model, for example `x86-64-v2-AES`.
    pub cpu: Option<String>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// Disks by name: `scsi0` = `local-lvm:32`, `ide2` = `local-lvm:cloudinit`.
    pub disks: BTreeMap<String, PropertyString>,
    /// Network cards, by number: `virtio,bridge=vmbr0`.
    pub nets: BTreeMap<u8, PropertyString>,
    /// Disk controller, for example `virtio-scsi-single`.
    pub scsihw: Option<String>,
    /// Family of the system inside, for example `l26`.
    pub ostype: Option<String>,
    /// `seabios` or `ovmf`.
    pub bios: Option<String>,
    /// Order of booting, for example `order=scsi0`.
    pub boot: Option<String>,
    /// Whether to talk to the guest agent.
    pub agent: Option<bool>,
    /// A serial port as a socket, needed for a text console.
    pub serial_console: bool,
    /// Setup inside.
    pub cloud_init: CloudInit,
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

impl QemuCreate {
    /// A machine with the server's defaults.
    pub fn new(vmid: Vmid) -> Self {
        Self {
            vmid,
            archive: None,
            force: false,
            unique: false,
            storage: None,
            name: None,
            cores: None,
            sockets: None,
            cpu: None,
            memory_mib: None,
            disks: BTreeMap::new(),
            nets: BTreeMap::new(),
            scsihw: None,
            ostype: None,
            bios: None,
            boot: None,
            agent: None,
            serial_console: false,
            cloud_init: CloudInit::default(),
            onboot: None,
            protection: None,
            tags: Tags::default(),
            description: None,
            pool: None,
            start: false,
            extra: Params::new(),
        }
    }

    /// A machine from a backup of one.
    pub fn from_backup(vmid: Vmid, backup: VolumeId) -> Self {
        Self { archive: Some(backup), ..Self::new(vmid) }
    }

    fn params(&self) -> Result<Params, Error> {
        let mut params = Params::new();
        params.push("vmid", self.vmid);
        params.push_some("archive", self.archive.as_ref());
        for (name, wanted) in [("force", self.force), ("unique", self.unique), ("start", self.start)] {
            params.push_some(name, wanted.then_some(true));
        }
        params.push_some("storage", self.storage.as_ref());
        params.push_some("name", self.name.as_ref());
        params.push_some("cores", self.cores);
        params.push_some("sockets", self.sockets);
        params.push_some("cpu", self.cpu.as_ref());
        params.push_some("memory", self.memory_mib);
        for (name, disk) in &self.disks {
            params.push(name.clone(), printed(disk)?);
        }
        for (number, net) in &self.nets {
            params.push(numbered("net", *number), printed(net)?);
        }
        params.push_some("scsihw", self.scsihw.as_ref());
        params.push_some("ostype", self.ostype.as_ref());
        params.push_some("bios", self.bios.as_ref());
        params.push_some("boot", self.boot.as_ref());
        params.push_some("agent", self.agent);
        params.push_some("serial0", self.serial_console.then_some("socket"));
        params.extend(&self.cloud_init.params()?);
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
    /// Makes a virtual machine, or restores one. The number is claimed at once ([`Error::AlreadyExists`] if taken).
    pub async fn create_qemu(&self, node: &NodeName, machine: &QemuCreate) -> Result<Upid, Error> {
        self.send(Call::new(&ops::QEMU_CREATE).at("node", node).params(&machine.params()?)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_spelled_out() {
        let mut machine = QemuCreate::new(Vmid::new(200).unwrap());
        machine.disks.insert("scsi0".to_owned(), PropertyString::with_default("local:8").flag("ssd", true));
        machine.nets.insert(0, PropertyString::with_default("virtio").set("bridge", "vmbr0"));
        machine.agent = Some(true);
        machine.serial_console = true;
        machine.cloud_init.user = Some("me".to_owned());
        machine.cloud_init.password = Some("hunter2".into());
        machine.cloud_init.ssh_public_keys = vec!["ssh-ed25519 A x".to_owned()];
        machine.cloud_init.ip.insert(0, PropertyString::new().set("ip", "dhcp"));
        let params: Vec<_> = machine.params().unwrap().iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            params,
            [
                "vmid=200",
                "scsi0=local:8,ssd=1",
                "net0=virtio,bridge=vmbr0",
                "agent=1",
                "serial0=socket",
                "ciuser=me",
                "cipassword=hunter2",
                "sshkeys=ssh-ed25519%20A%20x",
                "ipconfig0=ip=dhcp",
            ]
        );
        assert!(!format!("{machine:?}").contains("hunter2"));
        for (name, _) in machine.params().unwrap().iter() {
            assert!(ops::QEMU_CREATE.accepts(name), "{name}");
            assert!(
                matches!(name, "vmid") || ops::CONFIG_SET.of(crate::GuestKind::Qemu).accepts(name),
                "{name}"
            );
        }
    }
}
