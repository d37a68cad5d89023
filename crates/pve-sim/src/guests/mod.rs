//! Guests: containers and virtual machines, their configuration and whether they run.

pub(crate) mod agent;
pub(crate) mod change;
pub(crate) mod clone;
pub(crate) mod cloudinit;
pub(crate) mod common;
pub(crate) mod config;
pub(crate) mod disks;
pub(crate) mod lxc;
pub(crate) mod migrate;
pub(crate) mod pause;
pub(crate) mod power;
pub(crate) mod qemu;
pub(crate) mod status;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use sha1::{Digest as _, Sha1};

use crate::clock::Micros;
use crate::property;
use crate::world::World;

/// What a guest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A container.
    Lxc,
    /// A virtual machine.
    Qemu,
}

impl Kind {
    /// `lxc` or `qemu`, as in paths and `type` fields.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lxc => "lxc",
            Self::Qemu => "qemu",
        }
    }

    /// `CT` or `VM`, as in messages.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Lxc => "CT",
            Self::Qemu => "VM",
        }
    }

    /// The folder of its configuration file.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Lxc => "lxc",
            Self::Qemu => "qemu-server",
        }
    }

    /// The template of an operation on a guest of this kind.
    pub(crate) fn template(self, rest: &str) -> String {
        format!("/nodes/{{node}}/{}/{{vmid}}{rest}", self.name())
    }
}

/// Option name to value, as in the configuration file.
pub(crate) type Config = BTreeMap<String, String>;

/// One guest.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Its id, unique in the cluster.
    pub vmid: u32,
    /// Container or virtual machine.
    pub kind: Kind,
    /// The node it lives on.
    pub node: String,
    /// The pool it belongs to.
    pub pool: Option<String>,
    /// Its configuration, values as text.
    pub config: BTreeMap<String, String>,
    /// Changes that wait for the next start; `None` deletes.
    pub pending: BTreeMap<String, Option<String>>,
    /// Its snapshots, oldest first.
    pub snapshots: Vec<Snapshot>,
    /// Set while it runs.
    pub run: Option<Run>,
    /// Whether it ignores requests to shut down.
    pub ignores_shutdown: bool,
    pub(crate) firewall: Option<Box<crate::firewall::Firewall>>,
}

/// A snapshot of a guest.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// What was written about it.
    pub description: Option<String>,
    /// UNIX seconds.
    pub time: u64,
    /// The snapshot before it.
    pub parent: Option<String>,
    /// Whether memory is part of it.
    pub vmstate: bool,
    /// The configuration as it was then.
    pub config: Config,
}

/// A running guest.
#[derive(Clone, Debug)]
pub struct Run {
    /// Process id on the node.
    pub pid: u32,
    /// When it started.
    pub started_at: Micros,
    /// Differs for every start.
    pub boot_id: u64,
    /// Whether a virtual machine is paused.
    pub paused: bool,
    /// The address DHCP gave it, if it asked.
    pub lease: Option<Ipv4Addr>,
}

impl Guest {
    pub(crate) fn new(vmid: u32, kind: Kind, node: &str) -> Self {
        Self {
            vmid,
            kind,
            node: node.to_owned(),
            pool: None,
            config: Config::new(),
            pending: BTreeMap::new(),
            snapshots: Vec::new(),
            run: None,
            ignores_shutdown: false,
            firewall: None,
        }
    }

    /// Whether it runs (a paused machine does).
    pub fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// Whether it is a template.
    pub fn is_template(&self) -> bool {
        self.flag("template")
    }

    /// An option's value.
    pub fn get(&self, option: &str) -> Option<&str> {
        self.config.get(option).map(String::as_str)
    }

    pub(crate) fn flag(&self, option: &str) -> bool {
        self.get(option) == Some("1")
    }

    /// The name shown for it.
    pub fn name(&self) -> String {
        let (option, prefix) = match self.kind {
            Kind::Lxc => ("hostname", "CT"),
            Kind::Qemu => ("name", "VM "),
        };
        self.get(option).map_or_else(|| format!("{prefix}{}", self.vmid), str::to_owned)
    }

    /// Memory limit in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.get("memory").and_then(|m| m.parse::<u64>().ok()).unwrap_or(512) << 20
    }

    /// CPUs it may use.
    pub(crate) fn cpus(&self, host: u32) -> f64 {
        let number = |name: &str| self.get(name).and_then(|v| v.parse::<f64>().ok()).filter(|n| *n > 0.0);
        match self.kind {
            Kind::Lxc => number("cores").or(number("cpulimit")).unwrap_or(f64::from(host)),
            Kind::Qemu => {
                number("vcpus").unwrap_or(number("sockets").unwrap_or(1.0) * number("cores").unwrap_or(1.0))
            }
        }
    }

    /// The option that holds its main disk.
    pub(crate) fn main_disk(&self) -> Option<String> {
        if self.kind == Kind::Lxc {
            return Some("rootfs".into());
        }
        let boot = property::loose(self.get("boot").unwrap_or_default());
        let order = boot.get("order").map(|o| o.split(';').map(str::to_owned).collect::<Vec<_>>());
        let disk = |name: &String| disks::is_disk(self.kind, name) && !self.is_cdrom(name);
        order
            .into_iter()
            .flatten()
            .find(|n| self.config.contains_key(n) && disk(n))
            .or_else(|| self.config.keys().find(|n| disk(n)).cloned())
    }

    pub(crate) fn is_cdrom(&self, option: &str) -> bool {
        self.get(option).is_some_and(|v| v.contains("media=cdrom"))
    }

    /// Size of its main disk in bytes.
    pub(crate) fn disk_size(&self) -> u64 {
        let value = self.main_disk().and_then(|name| self.get(&name).map(str::to_owned));
        let size = value.and_then(|v| property::loose(&v).get("size").and_then(|s| property::parse_size(s)));
        size.unwrap_or(if self.kind == Kind::Lxc { 4 << 30 } else { 0 })
    }

    /// SHA-1 of the configuration file.
    pub(crate) fn digest(&self) -> String {
        let mut hash = Sha1::new();
        for (key, value) in &self.config {
            hash.update(format!("{key}: {value}\n"));
        }
        for (key, value) in &self.pending {
            hash.update(format!("[pending]{key}: {value:?}\n"));
        }
        for snapshot in &self.snapshots {
            hash.update(format!("[{}]\n", snapshot.name));
        }
        hex::encode(hash.finalize())
    }
}

impl World {
    /// The error for a guest that is not on that node.
    pub(crate) fn missing_guest(node: &str, kind: Kind, vmid: u32) -> String {
        format!("Configuration file 'nodes/{node}/{}/{vmid}.conf' does not exist", kind.folder())
    }

    /// The guest of this kind on this node.
    pub(crate) fn guest_on(&self, node: &str, kind: Kind, vmid: u32) -> Result<&Guest, String> {
        self.guests
            .get(&vmid)
            .filter(|g| g.kind == kind && g.node == node)
            .ok_or_else(|| Self::missing_guest(node, kind, vmid))
    }

    pub(crate) fn guest_on_mut(&mut self, node: &str, kind: Kind, vmid: u32) -> Result<&mut Guest, String> {
        self.guests
            .get_mut(&vmid)
            .filter(|g| g.kind == kind && g.node == node)
            .ok_or_else(|| Self::missing_guest(node, kind, vmid))
    }

    /// Adds a guest that nobody asked the API for, running or not. For tests and seeding.
    pub fn add_guest(&mut self, node: &str, kind: Kind, vmid: u32, options: &[(&str, &str)], running: bool) {
        let mut guest = Guest::new(vmid, kind, node);
        guest.config = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        self.guests.insert(vmid, guest);
        self.register_volumes(vmid);
        if running {
            self.boot_guest(vmid);
        }
    }

    /// Removes a guest as if somebody had deleted it behind the API's back.
    pub fn remove_guest(&mut self, vmid: u32) {
        self.drop_volumes(vmid);
        self.guests.remove(&vmid);
        self.published.remove(&vmid);
        self.access.acl.retain(|e| e.path != format!("/vms/{vmid}"));
    }
}
