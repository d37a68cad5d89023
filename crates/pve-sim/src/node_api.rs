//! `/nodes`: what a node tells about itself, and its power.

use serde_json::{Value, json};

use crate::call::Call;
use crate::error::{ApiError, Outcome, null};
use crate::tasks::Job;

/// `GET /nodes`: any user sees the names, auditors the figures.
pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let rows = call.world.nodes.values().map(|node| {
        let mut row = call.world.node_row(node, call.may(&format!("/nodes/{}", node.name), "Sys.Audit"));
        row["ssl_fingerprint"] = json!(node.fingerprint);
        row
    });
    Ok(Value::Array(rows.collect()).into())
}

/// `GET /nodes/{node}/status`.
pub(crate) fn status(call: &mut Call<'_>) -> Outcome {
    let node = &call.world.nodes[&call.node];
    let (used, total) = call.world.storages.get("local").map_or((0, 1), |s| (s.used(&node.name), s.total));
    let (version, _, repoid) = call.world.profile.version();
    let memory_used = node.memory / 10;
    Ok(json!({
        "uptime": node.uptime(call.world.now()), "cpu": 0.05, "wait": 0, "idle": 0,
        "loadavg": ["0.20", "0.15", "0.10"],
        "memory": {
            "total": node.memory, "used": memory_used, "free": node.memory - memory_used,
            "available": node.memory - memory_used,
        },
        "swap": { "total": 0, "used": 0, "free": 0 },
        "rootfs": { "total": total, "used": used, "free": total - used, "avail": total - used },
        "ksm": { "shared": 0 },
        "cpuinfo": {
            "cores": node.cores, "cpus": node.cores, "sockets": 1, "hvm": "1", "mhz": "2000.000", "user_hz": 100,
            "model": "Intel(R) Xeon(R) Processor", "vendor": "GenuineIntel", "family": "6", "flags": "fpu vme de pse",
        },
        "current-kernel": {
            "sysname": "Linux", "release": "6.14.11-3-pve", "version": "#1 SMP PREEMPT_DYNAMIC", "machine": "x86_64",
        },
        "kversion": "Linux 6.14.11-3-pve #1 SMP PREEMPT_DYNAMIC",
        "boot-info": { "mode": "efi", "secureboot": 0 },
        "pveversion": format!("pve-manager/{version}/{repoid}"),
    })
    .into())
}

/// `POST /nodes/{node}/status`: shutdown takes the node away, reboot brings it back after its boot.
pub(crate) fn command(call: &mut Call<'_>) -> Outcome {
    let (node, restarts) = (call.node.clone(), call.params.required("command") == "reboot");
    call.world.power_off_after_answer(&node, restarts);
    null()
}

/// `POST /nodes/{node}/wakeonlan`: answered by another node, tells the MAC address it woke.
pub(crate) fn wake(call: &mut Call<'_>) -> Outcome {
    let name = call.params.required("node").to_owned();
    let Some(node) = call.world.nodes.get(&name) else {
        return Err(ApiError::die(format!("no such cluster node '{name}'")));
    };
    if name == call.local {
        return Err(ApiError::parameter("node", "cannot wake up local node"));
    }
    let Some(mac) = node.wake_on_lan.clone() else {
        return Err(ApiError::die(format!("No wake on LAN MAC address defined for '{name}'!")));
    };
    if !node.is_alive() {
        call.world.power_on_later(&name);
    }
    Ok(json!(mac).into())
}

/// Starts or stops all guests of a node in one task.
fn all(call: &mut Call<'_>, kind: &'static str, act: fn(&mut crate::world::World, u32)) -> Outcome {
    let node = call.node.clone();
    let only: Vec<u32> = call.words("vms").iter().filter_map(|v| v.parse().ok()).collect();
    let force = call.params.flag("force");
    if !call.may("/vms", "VM.PowerMgmt") {
        if only.is_empty() {
            return Err(ApiError::denied_for("/vms, VM.PowerMgmt"));
        }
        only.iter().try_for_each(|vmid| call.need(&format!("/vms/{vmid}"), "VM.PowerMgmt"))?;
    }
    let job = Job::new(kind, "").effect(move |world, log| {
        let here: Vec<u32> = world
            .guests
            .values()
            .filter(|g| g.node == node && !g.is_template() && (only.is_empty() || only.contains(&g.vmid)))
            .filter(|g| {
                if kind == "startall" {
                    !g.is_running() && (force || g.flag("onboot"))
                } else {
                    g.is_running()
                }
            })
            .map(|g| g.vmid)
            .collect();
        for vmid in here {
            let label = world.guests.get(&vmid).map_or("CT", |g| g.kind.label());
            log.say(format!("{} {label} {vmid}", if kind == "startall" { "Starting" } else { "Stopping" }));
            act(world, vmid);
        }
        Ok(())
    });
    call.start(job)
}

pub(crate) fn start_all(call: &mut Call<'_>) -> Outcome {
    all(call, "startall", crate::world::World::boot_guest)
}

pub(crate) fn stop_all(call: &mut Call<'_>) -> Outcome {
    all(call, "stopall", crate::world::World::halt_guest)
}
