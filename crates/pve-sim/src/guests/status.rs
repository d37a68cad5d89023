//! What guests show of themselves while they run: status, lists, addresses.

use serde_json::{Value, json};

use super::{Guest, Kind};
use crate::call::Call;
use crate::clock::SECOND;
use crate::error::Outcome;
use crate::property;
use crate::world::World;

/// Figures that move a little, the same for the same guest and second.
pub(crate) struct Figures {
    pub(crate) cpu: f64,
    pub(crate) mem: u64,
    pub(crate) disk: u64,
    pub(crate) netin: u64,
    pub(crate) netout: u64,
    pub(crate) uptime: i64,
}

impl Figures {
    /// All zero, as a stopped guest shows.
    pub(crate) const NONE: Self = Self { cpu: 0.0, mem: 0, disk: 0, netin: 0, netout: 0, uptime: 0 };

    /// The figures of a guest that started so many seconds ago.
    pub(crate) fn after(vmid: u32, seconds: u64, memory: u64, disk: u64) -> Self {
        let wave = ((seconds / 10 + u64::from(vmid)) % 17) as f64 / 17.0;
        Self {
            cpu: if seconds == 0 { 0.0 } else { 0.01 + wave * 0.05 },
            mem: memory / 8 + (wave * memory as f64 / 16.0) as u64,
            disk: disk / 8,
            netin: seconds * 70 + 402,
            netout: seconds * 30 + 80,
            // The first reading of a container just started is one second short.
            uptime: if seconds == 0 { -1 } else { seconds as i64 },
        }
    }
}

impl World {
    fn figures(&self, guest: &Guest) -> Figures {
        let Some(run) = &guest.run else { return Figures::NONE };
        let seconds = self.now().saturating_sub(run.started_at) / SECOND;
        let mut figures = Figures::after(guest.vmid, seconds, guest.memory(), guest.disk_size());
        if guest.kind == Kind::Qemu {
            (figures.disk, figures.uptime) = (0, seconds as i64);
        }
        figures
    }

    /// A guest's live row, as in `/nodes/{node}/{lxc,qemu}` and `status/current`.
    pub(crate) fn live_row(&self, guest: &Guest) -> Value {
        let host = self.nodes.get(&guest.node).map_or(1, |n| n.cores);
        let creating = guest.config.is_empty() || guest.config.keys().all(|k| k == "lock");
        let figures = self.figures(guest);
        // With a limit alone the figure is the limit's text.
        let limit = guest
            .get("cpulimit")
            .filter(|l| guest.kind == Kind::Lxc && *l != "0" && guest.get("cores").is_none());
        let cpus = limit.map_or_else(|| json!(guest.cpus(host) as u64), |limit| json!(limit));
        let mut row = json!({
            "vmid": guest.vmid, "status": if guest.is_running() { "running" } else { "stopped" },
            "name": guest.name(), "cpus": cpus,
            "cpu": figures.cpu, "mem": figures.mem, "maxmem": guest.memory(),
            "disk": figures.disk, "maxdisk": guest.disk_size(), "netin": figures.netin, "netout": figures.netout,
            "uptime": figures.uptime, "diskread": 0, "diskwrite": 0,
        });
        if let Some(run) = &guest.run {
            row["pid"] = json!(run.pid);
        }
        if creating && guest.kind == Kind::Lxc {
            row["name"] = json!(format!("CT{}", guest.vmid));
        }
        for option in ["tags", "lock"] {
            if let Some(value) = guest.get(option).filter(|v| !v.is_empty()) {
                row[option] = json!(value);
            }
        }
        if guest.is_template() {
            row["template"] = json!(1);
        }
        match guest.kind {
            Kind::Lxc => self.lxc_extra(guest, &mut row),
            Kind::Qemu => self.qemu_extra(guest, &mut row),
        }
        row
    }

    fn pressures(&self, row: &mut Value, value: &Value) {
        if self.profile < crate::Profile::V9_2 {
            return;
        }
        for kind in ["cpu", "io", "memory"] {
            for how in ["some", "full"] {
                row[format!("pressure{kind}{how}")] = value.clone();
            }
        }
    }

    fn lxc_extra(&self, guest: &Guest, row: &mut Value) {
        row["type"] = json!("lxc");
        let swap = guest.get("swap").and_then(|s| s.parse::<u64>().ok()).unwrap_or(512) << 20;
        let creating = guest.config.keys().all(|k| k == "lock");
        row["maxswap"] = json!(if creating { 0 } else { swap });
        row["swap"] = json!(0);
        if guest.is_running() {
            self.pressures(row, &Value::Null);
            // The file system is a little smaller than its volume.
            row["maxdisk"] = json!(guest.disk_size() / 100 * 95);
        }
    }

    fn qemu_extra(&self, guest: &Guest, row: &mut Value) {
        if guest.config.keys().any(|k| k.starts_with("serial")) {
            row["serial"] = json!(1);
        }
        if self.profile >= crate::Profile::V9_2 {
            row["memhost"] = json!(0);
        }
        for gone in ["diskread", "diskwrite"] {
            if !guest.is_running() {
                row.as_object_mut().map(|r| r.remove(gone));
            }
        }
        if guest.is_running() {
            self.pressures(row, &json!(0));
        }
    }

    fn ha_state(&self, guest: &Guest) -> Value {
        let short = if guest.kind == Kind::Lxc { "ct" } else { "vm" };
        match self.ha.get(&format!("{short}:{}", guest.vmid)) {
            Some(resource) => json!({ "managed": 1, "state": resource.get("state") }),
            None => json!({ "managed": 0 }),
        }
    }
}

/// How QEMU itself would call the guest's state.
pub(crate) fn qmp_status(guest: &Guest) -> &'static str {
    match &guest.run {
        Some(run) if run.paused => "paused",
        Some(_) => "running",
        None => "stopped",
    }
}

pub(crate) fn lxc_current(call: &mut Call<'_>) -> Outcome {
    current(call, Kind::Lxc)
}

pub(crate) fn qemu_current(call: &mut Call<'_>) -> Outcome {
    current(call, Kind::Qemu)
}

fn current(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let guest = call.guest(kind)?;
    let mut row = call.world.live_row(guest);
    row["ha"] = call.world.ha_state(guest);
    if kind == Kind::Qemu {
        row["qmpstatus"] = json!(qmp_status(guest));
        if guest.get("agent").is_some_and(has_agent) {
            row["agent"] = json!(1);
        }
        if guest.is_running() {
            let netin = row["netin"].clone();
            row["nics"] =
                json!({ format!("tap{}i0", guest.vmid): { "netin": netin, "netout": row["netout"] } });
        }
    }
    Ok(row.into())
}

/// Whether an `agent` option switches the agent on.
pub(crate) fn has_agent(value: &str) -> bool {
    let parts = property::loose(value);
    matches!(
        parts.get("").or_else(|| parts.get("enabled")).map(String::as_str),
        Some("1" | "on" | "yes" | "true")
    )
}

pub(crate) fn lxc_list(call: &mut Call<'_>) -> Outcome {
    list(call, Kind::Lxc)
}

pub(crate) fn qemu_list(call: &mut Call<'_>) -> Outcome {
    list(call, Kind::Qemu)
}

fn list(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let here = call.world.guests.values().filter(|g| g.kind == kind && g.node == call.node);
    let seen = here.filter(|g| call.may(&format!("/vms/{}", g.vmid), "VM.Audit"));
    Ok(Value::Array(seen.map(|g| call.world.live_row(g)).collect()).into())
}

/// `GET /nodes/{node}/lxc/{vmid}/interfaces`: null while stopped, else `lo` and the interfaces with their addresses.
pub(crate) fn lxc_interfaces(call: &mut Call<'_>) -> Outcome {
    let guest = call.guest(Kind::Lxc)?;
    if !guest.is_running() {
        return Ok(Value::Null.into());
    }
    let mut rows = vec![interface("lo", "00:00:00:00:00:00", &["127.0.0.1/8".into()], &["::1/128".into()])];
    for (_, value) in guest.config.iter().filter(|(k, _)| super::config::is_net(k)) {
        let parts = property::loose(value);
        let mac = parts.get("hwaddr").map(|m| m.to_lowercase()).unwrap_or_default();
        let v4 = match parts.get("ip").map(String::as_str) {
            Some("dhcp") if call.world.has_booted(guest) => {
                guest.run.as_ref().and_then(|r| r.lease).map(|a| format!("{a}/10"))
            }
            Some("dhcp" | "manual") | None => None,
            Some(address) => Some(address.to_owned()),
        };
        let name = parts.get("name").map_or("eth0", String::as_str);
        rows.push(interface(name, &mac, v4.as_slice(), &[link_local(&mac)]));
    }
    Ok(Value::Array(rows).into())
}

fn interface(name: &str, mac: &str, v4: &[String], v6: &[String]) -> Value {
    let entry = |kind: &str, address: &String| {
        let (ip, prefix) = address.split_once('/').unwrap_or((address, ""));
        json!({ "ip-address-type": kind, "ip-address": ip, "prefix": prefix })
    };
    let addresses: Vec<Value> =
        v4.iter().map(|a| entry("inet", a)).chain(v6.iter().map(|a| entry("inet6", a))).collect();
    let mut row = json!({ "name": name, "hwaddr": mac, "hardware-address": mac, "ip-addresses": addresses });
    if let Some(last) = v4.last() {
        row["inet"] = json!(last);
    }
    if let Some(last) = v6.last() {
        row["inet6"] = json!(last);
    }
    row
}

/// The IPv6 link-local address that follows from a MAC address.
pub(crate) fn link_local(mac: &str) -> String {
    let bytes: Vec<u16> = mac.split(':').filter_map(|b| u16::from_str_radix(b, 16).ok()).collect();
    if bytes.len() != 6 {
        return "fe80::1/64".into();
    }
    // The seventh bit is turned over, ff:fe put in the middle.
    let word = |high: u16, low: u16| (high << 8) | low;
    let words =
        [word(bytes[0] ^ 2, bytes[1]), word(bytes[2], 0xff), word(0xfe, bytes[3]), word(bytes[4], bytes[5])];
    let address = std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, words[0], words[1], words[2], words[3]);
    format!("{address}/64")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_addresses_follow_the_mac() {
        assert_eq!(link_local("bc:24:11:a1:ec:a3"), "fe80::be24:11ff:fea1:eca3/64");
    }

    #[test]
    fn a_container_being_created_shows_defaults() {
        let mut world = World::for_test();
        world.add_guest("pve", Kind::Lxc, 100, &[("lock", "create")], false);
        let row = world.live_row(world.guest(100).unwrap());
        assert_eq!(
            (&row["name"], &row["maxmem"], &row["maxdisk"]),
            (&json!("CT100"), &json!(512 << 20), &json!(4_u64 << 30))
        );
        assert_eq!(row["lock"], "create");
    }
}
