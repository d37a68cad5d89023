//! Creating virtual machines.

use super::lxc::{need_allocate, need_bridges, need_free, need_option_rights, need_space};
use super::{Config, Kind, disks};
use crate::call::Call;
use crate::clock::SECOND;
use crate::error::{ApiError, Outcome};
use crate::tasks::{Job, Log};
use crate::world::World;

/// Parameters of a create that are not options of the machine.
const NOT_OPTIONS: [&str; 15] = [
    "node",
    "vmid",
    "archive",
    "storage",
    "pool",
    "start",
    "force",
    "unique",
    "bwlimit",
    "live-restore",
    "ha-managed",
    "import-working-storage",
    "digest",
    "skiplock",
    "background_delay",
];

pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    call.need_quorum()?;
    let vmid = call.params.vmid();
    let pool = call.params.text("pool").map(str::to_owned);
    let archive = call.params.text("archive").map(str::to_owned);
    need_allocate(call, vmid, pool.as_deref(), archive.is_some())?;
    let options: Config = call
        .params
        .0
        .keys()
        .filter(|k| !NOT_OPTIONS.contains(&k.as_str()))
        .filter_map(|k| Some((k.clone(), call.params.text(k)?.to_owned())))
        .collect();
    need_option_rights(call, Kind::Qemu, vmid, pool.as_deref(), &options)?;
    if call.params.flag("start") && call.world.profile >= crate::Profile::V9_2 {
        call.need_on_guest_or_pool(vmid, pool.as_deref(), "VM.PowerMgmt")?;
    }
    if options.contains_key("startup") {
        call.need("/", "Sys.Modify")?;
    }
    need_space(call, Kind::Qemu, &options)?;
    need_bridges(call, &options)?;
    if let Some(pool) = &pool
        && !call.world.pools.contains_key(pool)
    {
        return Err(ApiError::die(format!("pool '{pool}' does not exist")));
    }
    let replace = archive.is_some() && call.params.flag("force") && call.world.guests.contains_key(&vmid);
    if !replace {
        need_free(call, vmid, &format!("unable to create VM {vmid} - "))?;
    }
    let (node, start, unique) = (call.node.clone(), call.params.flag("start"), call.params.flag("unique"));
    let storage = call.params.text("storage").map(str::to_owned);
    let target = options.values().find_map(|v| disks::allocates_on(v)).or_else(|| storage.clone());
    let (on, caller) = (node.clone(), call.caller.clone());
    let job = Job::on_guest(if archive.is_some() { "qmrestore" } else { "qmcreate" }, vmid)
        .allocating(target)
        .failing_with(if archive.is_some() {
            format!("unable to restore VM {vmid} - ")
        } else {
            format!("unable to create VM {vmid} - ")
        })
        .begin(move |world, _| world.claim(&on, Kind::Qemu, vmid, pool, replace))
        .effect(move |world, log| {
            let built = match archive {
                Some(archive) => {
                    world.restore(&node, Kind::Qemu, vmid, &archive, options, storage.as_deref(), unique, log)
                }
                None => world.build_machine(&node, vmid, options, log),
            };
            if let Err(text) = built {
                world.remove_guest(vmid);
                return Err(text);
            }
            if start {
                log.say("Execute autostart");
                world.start_later(&node, &caller, Kind::Qemu, vmid);
            }
            Ok(())
        })
        .undo(move |world| world.remove_guest(vmid));
    call.start(job)
}

impl World {
    fn build_machine(
        &mut self,
        node: &str,
        vmid: u32,
        mut options: Config,
        log: &mut Log,
    ) -> Result<(), String> {
        self.allocate_disks(node, Kind::Qemu, vmid, &mut options, log)?;
        let now = self.now() / SECOND;
        if !options.contains_key("boot") {
            let order = boot_order(&options);
            if !order.is_empty() {
                options.insert("boot".into(), format!("order={order}"));
            }
        }
        let (uuid, vmgenid) = (self.uuid(), self.uuid());
        options.entry("smbios1".into()).or_insert(format!("uuid={uuid}"));
        options.entry("vmgenid".into()).or_insert(vmgenid);
        options.insert("meta".into(), format!("creation-qemu=10.0.13,ctime={now}"));
        let shaped: Config = options
            .into_iter()
            .map(|(k, v)| {
                let v = self.normalise(Kind::Qemu, &k, &v);
                (k, v)
            })
            .collect();
        self.guest_on_mut(node, Kind::Qemu, vmid)?.config = shaped;
        Ok(())
    }
}

/// First disk, first CD drive, first network card, as Proxmox orders them.
fn boot_order(options: &Config) -> String {
    let is_cdrom = |v: &String| v.contains("media=cdrom");
    let first = |wanted: &dyn Fn(&String, &String) -> bool| {
        options.iter().find(|(k, v)| wanted(k, v)).map(|(k, _)| k.clone())
    };
    let disk = first(&|k, v| {
        disks::is_disk(Kind::Qemu, k) && !is_cdrom(v) && !k.starts_with("efidisk") && !k.starts_with("tpm")
    });
    let cdrom = first(&|k, v| disks::is_disk(Kind::Qemu, k) && is_cdrom(v));
    let net = first(&|k, _| super::config::is_net(k));
    [disk, cdrom, net].into_iter().flatten().collect::<Vec<_>>().join(";")
}

/// `POST monitor`: only what a stopped or running machine says to `info status`.
pub(crate) fn monitor(call: &mut Call<'_>) -> Outcome {
    let vmid = call.params.vmid();
    let guest = call.guest(Kind::Qemu)?;
    let answer = if !guest.is_running() {
        format!("ERROR: VM {vmid} not running\n")
    } else if call.params.required("command") == "info status" {
        let paused = guest.run.as_ref().is_some_and(|r| r.paused);
        format!("VM status: {}\n", if paused { "paused" } else { "running" })
    } else {
        return Err(ApiError::not_implemented("simulator: not simulated: this monitor command"));
    };
    Ok(serde_json::Value::String(answer).into())
}
