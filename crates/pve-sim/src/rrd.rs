//! Figures over time of guests and nodes.

use serde_json::{Value, json};

use crate::Profile;
use crate::call::Call;
use crate::clock::SECOND;
use crate::error::Outcome;
use crate::guests::Kind;
use crate::guests::status::Figures;

/// Points and seconds between them. Version 9 keeps more of them, and closer together.
fn scale(profile: Profile, timeframe: &str) -> (u64, u64) {
    if profile < Profile::V9_2 {
        let step = match timeframe {
            "hour" => 60,
            "day" => 1800,
            "week" => 10_800,
            "month" => 43_200,
            _ => 604_800,
        };
        return (70, step);
    }
    match timeframe {
        "hour" => (60, 60),
        "day" => (1440, 60),
        "week" => (336, 1800),
        "month" => (1440, 1800),
        _ => (1440, 21_600),
    }
}

fn points(call: &Call<'_>, figures: impl Fn(u64) -> Option<Value>) -> Value {
    let (count, step) = scale(call.world.profile, call.params.required("timeframe"));
    let last = call.world.now() / SECOND / step * step;
    let times = (0..count).rev().map(|n| last - n * step);
    let row = |time| {
        let mut row = figures(time).unwrap_or_else(|| json!({}));
        row["time"] = json!(time);
        row
    };
    times.map(row).collect()
}

pub(crate) fn lxc(call: &mut Call<'_>) -> Outcome {
    guest(call, Kind::Lxc)
}

pub(crate) fn qemu(call: &mut Call<'_>) -> Outcome {
    guest(call, Kind::Qemu)
}

/// Empty rows before the guest's start: nothing was measured.
fn guest(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let guest = call.guest(kind)?;
    let host = call.world.nodes.get(&guest.node).map_or(1, |n| n.cores);
    let started = guest.run.as_ref().map(|r| r.started_at / SECOND);
    let rows = points(call, |time| {
        // The first measure is taken a while after the start.
        let seconds = time.checked_sub(started?).filter(|s| *s >= 10)?;
        let figures = Figures::after(guest.vmid, seconds, guest.memory(), guest.disk_size());
        Some(json!({
            "cpu": figures.cpu, "maxcpu": guest.cpus(host), "mem": figures.mem, "maxmem": guest.memory(),
            "disk": figures.disk, "maxdisk": guest.disk_size(), "netin": 70.0, "netout": 30.0,
            "diskread": 0, "diskwrite": 0,
        }))
    });
    Ok(rows.into())
}

pub(crate) fn node(call: &mut Call<'_>) -> Outcome {
    let node = &call.world.nodes[&call.node];
    let rows = points(call, |time| {
        (time * SECOND >= node.booted).then(|| {
            json!({
                "cpu": 0.05, "maxcpu": node.cores, "memtotal": node.memory, "memused": node.memory / 10,
                "loadavg": 0.2, "iowait": 0, "netin": 1000.0, "netout": 1000.0,
            })
        })
    });
    Ok(rows.into())
}

pub(crate) fn storage(call: &mut Call<'_>) -> Outcome {
    let storage = call.world.storage_on(&call.node, call.params.required("storage"))?;
    let (used, total) = (storage.used(&call.node), storage.total);
    Ok(points(call, |_| Some(json!({ "used": used, "total": total }))).into())
}
