//! Starting and stopping guests: which mistakes are told at once, and which only in the task.

use std::net::Ipv4Addr;

use super::{Guest, Kind, Run};
use crate::auth::Caller;
use crate::call::Call;
use crate::clock::SECOND;
use crate::error::{ApiError, Outcome};
use crate::property;
use crate::tasks::{Job, Log};
use crate::world::World;

/// Seconds a guest needs after its start until DHCP and the guest agent answer.
pub(crate) const BOOT_SECONDS: f64 = 4.0;

impl World {
    /// Starts a guest at once: process, boot id, DHCP lease.
    pub(crate) fn boot_guest(&mut self, vmid: u32) {
        let Some(node) = self.guests.get(&vmid).map(|g| g.node.clone()) else { return };
        let (pid, _) = self.fork(&node);
        let (now, boot_id) = (self.now(), self.random());
        let lease = self.lease_for(vmid);
        let Some(guest) = self.guests.get_mut(&vmid) else { return };
        for (option, value) in std::mem::take(&mut guest.pending) {
            match value {
                Some(value) => guest.config.insert(option, value),
                None => guest.config.remove(&option),
            };
        }
        guest.run = Some(Run { pid, started_at: now, boot_id, paused: false, lease });
    }

    /// Starts a guest in a task of its own, which waits for the one that asks for it.
    pub(crate) fn start_later(&mut self, node: &str, caller: &Caller, kind: Kind, vmid: u32) {
        let (task, on) = (if kind == Kind::Lxc { "vzstart" } else { "qmstart" }, node.to_owned());
        let job = Job::on_guest(task, vmid)
            .effect(move |world, log| world.start_guest(&on, kind, vmid, false, log));
        self.spawn(node, caller, job);
    }

    /// An address of the DHCP pool 10.64.0.0/10, always the same for the same guest.
    fn lease_for(&self, vmid: u32) -> Option<Ipv4Addr> {
        let guest = self.guests.get(&vmid)?;
        let asks = match guest.kind {
            Kind::Lxc => guest.get("net0").is_some_and(|n| n.contains("ip=dhcp")),
            Kind::Qemu => {
                guest.get("net0").is_some()
                    && guest.get("ipconfig0").is_none_or(|i| i.contains("ip=dhcp") || !i.contains("ip="))
            }
        };
        let low = vmid % 4_000_000 + 2;
        asks.then(|| Ipv4Addr::new(10, 64 + (low >> 16) as u8, (low >> 8) as u8, low as u8))
    }

    /// Whether the guest's system is up: its DHCP lease held, its agent answering.
    pub(crate) fn has_booted(&self, guest: &Guest) -> bool {
        let need = (BOOT_SECONDS * self.latency.factor() * SECOND as f64) as u64;
        guest.run.as_ref().is_some_and(|r| !r.paused && self.now() >= r.started_at + need)
    }

    /// Refuses if the guest is not there, is a template, or is locked.
    pub(crate) fn unlocked(&self, node: &str, kind: Kind, vmid: u32) -> Result<&Guest, String> {
        let guest = self.guest_on(node, kind, vmid)?;
        match guest.get("lock") {
            Some("mounted") | None => Ok(guest),
            Some(lock) => Err(format!("{} is locked ({lock})", kind.label())),
        }
    }

    /// What stands against a start.
    fn may_start(&self, node: &str, kind: Kind, vmid: u32, skiplock: bool) -> Result<&Guest, String> {
        let guest = self.guest_on(node, kind, vmid)?;
        if !skiplock && guest.get("lock") != Some("suspended") {
            self.unlocked(node, kind, vmid)?;
        }
        if guest.is_template() {
            let what = if kind == Kind::Lxc { "a CT" } else { "a vm" };
            return Err(format!("you can't start {what} if it's a template"));
        }
        if guest.is_running() {
            return Err(format!("{} {vmid} already running", kind.label()));
        }
        let has = |bridge: &String| self.nodes.get(node).is_some_and(|n| n.bridges.contains(bridge));
        for (_, value) in guest.config.iter().filter(|(k, _)| super::config::is_net(k)) {
            if let Some(bridge) = property::loose(value).get("bridge").filter(|b| !has(b)) {
                return Err(format!("bridge '{bridge}' does not exist"));
            }
        }
        Ok(guest)
    }

    /// The checks and acts of a start, in the task.
    pub(super) fn start_guest(
        &mut self,
        node: &str,
        kind: Kind,
        vmid: u32,
        skiplock: bool,
        log: &mut Log,
    ) -> Result<(), String> {
        let guest = self.may_start(node, kind, vmid, skiplock)?;
        if kind == Kind::Lxc {
            warn_nesting(guest, log);
        }
        if guest.get("lock") == Some("suspended") {
            self.set_lock(vmid, None);
        }
        self.boot_guest(vmid);
        Ok(())
    }

    /// What a guest that ignores shutdown requests makes of one.
    fn ask_down(&self, vmid: u32, force: bool) -> Result<(), String> {
        match self.guests.get(&vmid) {
            Some(guest) if guest.ignores_shutdown && guest.is_running() && !force => Err(match guest.kind {
                Kind::Lxc => {
                    format!("command 'lxc-stop -n {vmid} --nokill --timeout 60' failed: exit code 1")
                }
                Kind::Qemu => "VM quit/powerdown failed - got timeout".into(),
            }),
            _ => Ok(()),
        }
    }

    /// Stops a guest at once.
    pub(crate) fn halt_guest(&mut self, vmid: u32) {
        if let Some(guest) = self.guests.get_mut(&vmid) {
            guest.run = None;
            for (option, value) in std::mem::take(&mut guest.pending) {
                match value {
                    Some(value) => guest.config.insert(option, value),
                    None => guest.config.remove(&option),
                };
            }
        }
    }
}

/// Warns as Proxmox does of a systemd that wants nesting.
pub(crate) fn warn_nesting(guest: &Guest, log: &mut Log) {
    let nesting =
        guest.get("features").is_some_and(|f| property::loose(f).get("nesting").is_some_and(|n| n == "1"));
    if !nesting
        && matches!(guest.get("ostype"), Some("debian" | "ubuntu" | "fedora" | "centos" | "archlinux"))
    {
        log.warn("Systemd 252 detected. You may need to enable nesting.");
    }
}

pub(crate) fn lxc_start(call: &mut Call<'_>) -> Outcome {
    start(call, Kind::Lxc)
}

pub(crate) fn qemu_start(call: &mut Call<'_>) -> Outcome {
    start(call, Kind::Qemu)
}

fn start(call: &mut Call<'_>, kind: Kind) -> Outcome {
    call.root_only(&["skiplock", "migratedfrom", "stateuri", "targetstorage"])?;
    call.need_quorum()?;
    let (node, vmid) = (call.node.clone(), call.params.vmid());
    let running = call.world.guest_on(&node, kind, vmid).is_ok_and(Guest::is_running);
    if kind == Kind::Lxc && running {
        return Err(ApiError::die(format!("CT {vmid} already running")));
    }
    if let Some(upid) = ha_request(call, kind, "start")? {
        return Ok(serde_json::Value::String(upid).into());
    }
    let skiplock = call.params.flag("skiplock");
    let task = if kind == Kind::Lxc { "vzstart" } else { "qmstart" };
    let on = node.clone();
    let job = Job::on_guest(task, vmid)
        .begin(move |world, _| world.may_start(&on, kind, vmid, skiplock).map(|_| ()))
        .effect(move |world, log| world.start_guest(&node, kind, vmid, skiplock, log));
    call.start(job)
}

pub(crate) fn lxc_stop(call: &mut Call<'_>) -> Outcome {
    need_running_ct(call)?;
    stop(call, Kind::Lxc)
}

pub(crate) fn qemu_stop(call: &mut Call<'_>) -> Outcome {
    stop(call, Kind::Qemu)
}

/// A container that does not run is told of at once; a machine's stop is then a task that does nothing.
pub(super) fn need_running_ct(call: &Call<'_>) -> Result<(), ApiError> {
    let vmid = call.params.vmid();
    // A container that is not there is not running either.
    if call.guest(Kind::Lxc).is_ok_and(Guest::is_running) {
        Ok(())
    } else {
        Err(ApiError::die(format!("CT {vmid} not running")))
    }
}

fn stop(call: &mut Call<'_>, kind: Kind) -> Outcome {
    call.root_only(&["skiplock", "migratedfrom", "keepActive"])?;
    call.need_quorum()?;
    if let Some(upid) = ha_request(call, kind, "stop")? {
        return Ok(serde_json::Value::String(upid).into());
    }
    let (node, vmid) = (call.node.clone(), call.params.vmid());
    let skiplock = call.params.flag("skiplock");
    let task = if kind == Kind::Lxc { "vzstop" } else { "qmstop" };
    let on = node.clone();
    let job = Job::on_guest(task, vmid)
        .begin(move |world, _| {
            if skiplock {
                return world.guest_on(&on, kind, vmid).map(|_| ());
            }
            world.unlocked(&on, kind, vmid).map(|_| ())
        })
        .effect(move |world, _| {
            world.halt_guest(vmid);
            Ok(())
        });
    call.start(job)
}

pub(crate) fn lxc_shutdown(call: &mut Call<'_>) -> Outcome {
    need_running_ct(call)?;
    shutdown(call, Kind::Lxc)
}

pub(crate) fn qemu_shutdown(call: &mut Call<'_>) -> Outcome {
    if call.world.guest_on(&call.node, Kind::Qemu, call.params.vmid()).is_ok_and(is_paused)
        && !call.params.flag("forceStop")
    {
        return Err(ApiError::die("VM is paused - cannot shutdown"));
    }
    shutdown(call, Kind::Qemu)
}

fn is_paused(guest: &Guest) -> bool {
    guest.run.as_ref().is_some_and(|r| r.paused)
}

fn shutdown(call: &mut Call<'_>, kind: Kind) -> Outcome {
    call.root_only(&["skiplock", "keepActive"])?;
    call.need_quorum()?;
    if let Some(upid) = ha_request(call, kind, "stop")? {
        return Ok(serde_json::Value::String(upid).into());
    }
    let vmid = call.params.vmid();
    let force = call.params.flag("forceStop");
    let job = down_job(call, kind, if kind == Kind::Lxc { "vzshutdown" } else { "qmshutdown" });
    let job = job.effect(move |world, _| {
        world.ask_down(vmid, force)?;
        world.halt_guest(vmid);
        Ok(())
    });
    call.start(job)
}

/// A task that asks the guest to go down; one that does not listen takes the whole timeout.
fn down_job(call: &Call<'_>, kind: Kind, task: &'static str) -> Job {
    let (node, vmid) = (call.node.clone(), call.params.vmid());
    let deaf = call.world.guests.get(&vmid).is_some_and(|g| g.ignores_shutdown && g.is_running());
    let timeout = call.params.int("timeout").unwrap_or(60) as f64;
    let job = Job::on_guest(task, vmid).begin(move |world, _| world.unlocked(&node, kind, vmid).map(|_| ()));
    if deaf { job.taking(timeout, timeout) } else { job }
}

pub(crate) fn lxc_reboot(call: &mut Call<'_>) -> Outcome {
    reboot(call, Kind::Lxc)
}

pub(crate) fn qemu_reboot(call: &mut Call<'_>) -> Outcome {
    reboot(call, Kind::Qemu)
}

fn reboot(call: &mut Call<'_>, kind: Kind) -> Outcome {
    call.need_quorum()?;
    let vmid = call.params.vmid();
    if !call.guest(kind).is_ok_and(Guest::is_running) {
        return Err(ApiError::die(format!("VM {vmid} not running")));
    }
    let job = down_job(call, kind, if kind == Kind::Lxc { "vzreboot" } else { "qmreboot" });
    let job = job.effect(move |world, log| {
        if kind == Kind::Qemu {
            world.ask_down(vmid, false)?;
        }
        if let Some(guest) = world.guests.get(&vmid)
            && kind == Kind::Lxc
        {
            warn_nesting(guest, log);
        }
        world.halt_guest(vmid);
        world.boot_guest(vmid);
        Ok(())
    });
    call.start(job)
}

/// For a guest under high availability: a task that only hands the wish to the manager.
fn ha_request(call: &mut Call<'_>, kind: Kind, act: &'static str) -> Result<Option<String>, ApiError> {
    let vmid = call.params.vmid();
    let short = if kind == Kind::Lxc { "ct" } else { "vm" };
    let sid = format!("{short}:{vmid}");
    if !call.world.ha.contains_key(&sid) {
        return Ok(None);
    }
    let node = call.guest(kind)?.node.clone();
    let job = Job::on_guest(if act == "start" { "hastart" } else { "hastop" }, vmid).locking(None).effect(
        move |world, log| {
            log.say(format!("Requesting HA {act} for {} {vmid}", kind.label()));
            let state = if act == "start" { "started" } else { "stopped" };
            if let Some(resource) = world.ha.get_mut(&sid) {
                resource.insert("state".into(), state.into());
            }
            if act == "start" {
                world.boot_guest(vmid);
            } else {
                world.halt_guest(vmid);
            }
            Ok(())
        },
    );
    let caller = call.caller.clone();
    Ok(Some(call.world.spawn(&node, &caller, job)))
}
