//! The world a cluster starts with.

use crate::guests::Kind;
use crate::options::ClusterOptions;
use crate::storage::{Storage, Volume};
use crate::world::World;

/// Templates on every `local` storage.
const TEMPLATES: [&str; 3] = [
    "debian-12-standard_12.7-1_amd64.tar.zst",
    "ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
    "alpine-3.22-default_20250617_amd64.tar.xz",
];

/// Storages, container templates, a machine template with a cloud-init drive.
pub(crate) fn default_world(world: &mut World, options: &ClusterOptions) {
    let mut local =
        Storage::new("local", "dir", "iso,vztmpl,backup,snippets,images,rootdir", false, 512 << 30);
    local.base = 20 << 30;
    world.storages.insert("local".into(), local);
    world
        .storages
        .insert("local-lvm".into(), Storage::new("local-lvm", "lvmthin", "images,rootdir", false, 2 << 40));
    for node in &options.nodes {
        for extra in &node.storages {
            let storage = world.storages.entry(extra.id.clone()).or_insert_with(|| {
                Storage::new(&extra.id, &extra.kind, &extra.content, extra.shared, extra.total)
            });
            storage.nodes.push(node.name.clone());
        }
    }
    for node in &options.nodes {
        world.add_templates(&node.name);
    }
    if let Some(first) = options.nodes.first() {
        world.add_machine_template(&first.name, 9000, "debian-12-cloud");
    }
}

impl World {
    fn add_templates(&mut self, node: &str) {
        let now = self.now() / crate::clock::SECOND;
        let Some(local) = self.storages.get_mut("local") else { return };
        for file in TEMPLATES {
            let volume = Volume {
                content: "vztmpl".into(),
                format: if file.ends_with("xz") { "txz" } else { "tzst" }.into(),
                size: 126_515_062,
                used: 126_515_062,
                ctime: now,
                ..Volume::default()
            };
            local.add(node, &format!("local:vztmpl/{file}"), volume);
        }
    }

    /// Puts a container template or another file on a storage.
    pub fn add_volume(&mut self, node: &str, volid: &str, content: &str, size: u64) {
        let now = self.now() / crate::clock::SECOND;
        let format = volid.rsplit_once('.').map_or("raw", |(_, f)| f).to_owned();
        let volume =
            Volume { content: content.into(), format, size, used: size, ctime: now, ..Volume::default() };
        if let Some(storage) = self.storages.get_mut(crate::storage::storage_of(volid)) {
            storage.add(node, volid, volume);
        }
    }

    /// Writes other notes on a volume, as if somebody had done so behind the API's back.
    pub fn set_volume_notes(&mut self, node: &str, volid: &str, notes: &str) {
        let storage = self.storages.get_mut(crate::storage::storage_of(volid));
        if let Some(volume) = storage.and_then(|storage| storage.volume_mut(node, volid)) {
            volume.notes = Some(notes.to_owned());
        }
    }

    /// Adds a machine template with a disk, a cloud-init drive and the guest agent switched on.
    pub fn add_machine_template(&mut self, node: &str, vmid: u32, name: &str) {
        let disk = format!("local-lvm:base-{vmid}-disk-0,size=3G");
        let cloudinit = format!("local-lvm:vm-{vmid}-cloudinit,media=cdrom");
        let (mac, uuid, vmgenid) = (self.mac(), self.uuid(), self.uuid());
        let options = [
            ("name", name),
            ("template", "1"),
            ("agent", "1"),
            ("cores", "1"),
            ("memory", "1024"),
            ("ostype", "l26"),
            ("scsihw", "virtio-scsi-single"),
            ("scsi0", &disk),
            ("ide2", &cloudinit),
            ("net0", &format!("virtio={mac},bridge=vmbr0")),
            ("ipconfig0", "ip=dhcp"),
            ("ciuser", "debian"),
            ("serial0", "socket"),
            ("vga", "serial0"),
            ("boot", "order=scsi0"),
            ("smbios1", &format!("uuid={uuid}")),
            ("vmgenid", &vmgenid),
        ];
        self.add_guest(node, Kind::Qemu, vmid, &options, false);
    }
}
