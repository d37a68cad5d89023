//! `/cluster/resources`: live existence, figures as the status daemons last published them.

use serde_json::{Value, json};

use crate::call::Call;
use crate::clock::{Micros, SECOND};
use crate::error::Outcome;
use crate::guests::status::{Figures, qmp_status};
use crate::guests::{Guest, Kind};
use crate::node::Node;
use crate::storage::Storage;
use crate::world::World;

/// How long published figures outlive their node.
const KEPT: Micros = 300 * SECOND;

/// How long a dead node is still called online.
const GRACE: Micros = 10 * SECOND;

/// What a status daemon last said about a guest.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    name: Box<str>,
    status: &'static str,
    started_at: Option<Micros>,
    memory: u64,
    disk: u64,
    cpus: f64,
}

impl World {
    /// Has the status daemons of the living nodes publish their guests' figures as of `at`.
    pub(crate) fn publish(&mut self, at: Micros) {
        self.published_at = at;
        for guest in self.guests.values() {
            let Some(node) = self.nodes.get(&guest.node).filter(|n| n.is_alive()) else { continue };
            let fresh = Published {
                name: guest.name().into(),
                status: if guest.kind == Kind::Qemu {
                    qmp_status(guest)
                } else if guest.is_running() {
                    "running"
                } else {
                    "stopped"
                },
                started_at: guest.run.as_ref().map(|r| r.started_at),
                memory: guest.memory(),
                disk: guest.disk_size(),
                cpus: guest.cpus(node.cores),
            };
            self.published.insert(guest.vmid, fresh);
        }
    }

    /// Until when the figures of a node are shown.
    fn is_forgotten(&self, node: &Node) -> bool {
        node.dead_since.is_some_and(|since| self.now() >= since + KEPT)
    }

    fn node_status(&self, node: &Node) -> &'static str {
        match node.dead_since {
            Some(since) if self.now() >= since + GRACE => "offline",
            _ => "online",
        }
    }

    /// A guest's row in `/cluster/resources`; `pool` tells whether the caller may see its pool.
    pub(crate) fn guest_row(&self, guest: &Guest, pool: bool) -> Value {
        let mut row = json!({
            "id": format!("{}/{}", guest.kind.name(), guest.vmid), "type": guest.kind.name(),
            "vmid": guest.vmid, "node": guest.node,
        });
        let forgotten = self.nodes.get(&guest.node).is_some_and(|n| self.is_forgotten(n));
        let Some(published) = self.published.get(&guest.vmid).filter(|_| !forgotten) else {
            row["status"] = json!("unknown");
            self.add_live(guest, pool, &mut row);
            return row;
        };
        let seconds = published.started_at.map(|s| self.published_at.saturating_sub(s) / SECOND);
        let figures = match seconds {
            Some(seconds) => Figures::after(guest.vmid, seconds, published.memory, published.disk),
            None => Figures::NONE,
        };
        let disk = if guest.kind == Kind::Qemu { 0 } else { figures.disk };
        let more = json!({
            "name": published.name, "status": published.status, "template": u8::from(guest.is_template()),
            "maxcpu": published.cpus, "cpu": figures.cpu, "maxmem": published.memory, "mem": figures.mem,
            "maxdisk": published.disk, "disk": disk, "netin": figures.netin, "netout": figures.netout,
            "diskread": 0, "diskwrite": 0, "uptime": figures.uptime.max(0),
        });
        merge(&mut row, more);
        if published.cpus.fract() == 0.0 {
            row["maxcpu"] = json!(published.cpus as u64);
        }
        if self.profile >= crate::Profile::V9_2 {
            row["memhost"] = json!(0);
        }
        self.add_live(guest, pool, &mut row);
        row
    }

    /// Lock, tags and pool are read from the configuration, not from the daemons.
    fn add_live(&self, guest: &Guest, pool: bool, row: &mut Value) {
        for option in ["lock", "tags"] {
            if let Some(value) = guest.get(option).filter(|v| !v.is_empty()) {
                row[option] = json!(value);
            }
        }
        if let Some(name) = guest.pool.as_ref().filter(|_| pool) {
            row["pool"] = json!(name);
        }
        let short = if guest.kind == Kind::Lxc { "ct" } else { "vm" };
        if let Some(resource) = self.ha.get(&format!("{short}:{}", guest.vmid)) {
            row["hastate"] = json!(resource.get("state"));
        }
    }

    /// A node's row, as in `/nodes` and `/cluster/resources`.
    pub(crate) fn node_row(&self, node: &Node, with_figures: bool) -> Value {
        let status = self.node_status(node);
        let mut row = json!({
            "id": format!("node/{}", node.name), "type": "node", "node": node.name, "status": status,
        });
        if self.is_forgotten(node) {
            return row;
        }
        row["level"] = json!("");
        if with_figures {
            let disk = self.storages.get("local").map_or((0, 0), |s| (s.used(&node.name), s.total));
            merge(&mut row, json!({ "maxcpu": node.cores, "maxmem": node.memory, "maxdisk": disk.1 }));
            if status == "online" {
                let figures = json!({ "cpu": 0.05, "mem": node.memory / 10, "disk": disk.0, "uptime": node.uptime(self.now()) });
                merge(&mut row, figures);
            }
        }
        row
    }

    /// A storage's row for one node.
    pub(crate) fn storage_row(&self, storage: &Storage, node: &Node) -> Value {
        let mut row = json!({
            "id": format!("storage/{}/{}", node.name, storage.id), "type": "storage", "node": node.name,
            "storage": storage.id, "plugintype": storage.kind, "content": storage.content.join(","),
            "shared": u8::from(storage.shared),
        });
        if self.is_forgotten(node) {
            row["status"] = json!("unknown");
        } else {
            merge(
                &mut row,
                json!({ "status": "available", "disk": storage.used(&node.name), "maxdisk": storage.total }),
            );
        }
        row
    }

    fn pool_row(&self, name: &str) -> Value {
        let mut row = json!({ "id": format!("/pool/{name}"), "type": "pool", "pool": name });
        let members: Vec<Value> = self
            .guests
            .values()
            .filter(|g| g.pool.as_deref() == Some(name))
            .map(|g| self.guest_row(g, false))
            .collect();
        if members.iter().any(|m| m["status"] == "running") {
            for field in ["cpu", "mem", "maxmem", "maxcpu", "uptime"] {
                let running = members.iter().filter(|m| m["status"] == "running");
                let values = running.filter_map(|m| m[field].as_f64());
                let sum = if field == "uptime" { values.fold(0.0, f64::max) } else { values.sum() };
                row[field] = if field == "cpu" { json!(sum) } else { json!(sum as u64) };
            }
        }
        row
    }
}

fn merge(row: &mut Value, more: Value) {
    if let (Some(row), Value::Object(more)) = (row.as_object_mut(), more) {
        row.extend(more);
    }
}

/// `GET /cluster/resources`.
pub(crate) fn resources(call: &mut Call<'_>) -> Outcome {
    let world = &*call.world;
    let wanted = call.params.text("type").map(str::to_owned);
    let wants = |kind: &str| wanted.as_deref().is_none_or(|w| w == kind);
    let mut rows = Vec::new();
    if wanted.is_none() {
        for name in world.pools.keys().filter(|p| call.may(&format!("/pool/{p}"), "Pool.Audit")) {
            rows.push(world.pool_row(name));
        }
    }
    if wants("vm") {
        for guest in world.guests.values().filter(|g| call.may(&format!("/vms/{}", g.vmid), "VM.Audit")) {
            let pool = guest.pool.as_ref().is_some_and(|p| call.may(&format!("/pool/{p}"), "Pool.Audit"));
            rows.push(world.guest_row(guest, pool));
        }
    }
    if wants("node") {
        for node in world.nodes.values() {
            let seen = call.may(&format!("/nodes/{}", node.name), "Sys.Audit");
            let mut row = world.node_row(node, seen);
            row["cgroup-mode"] = json!(2);
            rows.push(row);
        }
    }
    if wants("storage") {
        for storage in world.storages.values() {
            let path = format!("/storage/{}", storage.id);
            let seen = call.world.may(&call.caller, &path, &["Datastore.Audit", "Datastore.AllocateSpace"]);
            for node in world.nodes.values().filter(|n| seen && storage.is_on(&n.name)) {
                rows.push(world.storage_row(storage, node));
            }
        }
    }
    if wanted.is_none() || wants("sdn") {
        for node in world.nodes.values().filter(|n| call.may(&format!("/nodes/{}", n.name), "Sys.Audit")) {
            rows.push(json!({
                "id": format!("network/{}/zone/localnetwork", node.name), "type": "network", "node": node.name,
                "network": "localnetwork", "network-type": "zone", "status": "ok",
            }));
        }
    }
    Ok(Value::Array(rows).into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_new_guest_is_listed_at_once_and_described_later() {
        let (mut world, clock) = World::for_test_with_clock();
        world.add_guest("pve", Kind::Lxc, 100, &[("hostname", "a")], true);
        let row = world.guest_row(world.guest(100).unwrap(), true);
        assert_eq!(
            row,
            json!({"id": "lxc/100", "type": "lxc", "vmid": 100, "node": "pve", "status": "unknown"})
        );
        clock.advance(Duration::from_secs(10));
        world.advance();
        let row = world.guest_row(world.guest(100).unwrap(), true);
        assert_eq!((&row["status"], &row["name"]), (&json!("running"), &json!("a")));
    }

    #[test]
    fn a_dead_node_fades_in_steps() {
        let (mut world, clock) = World::for_test_with_clock();
        world.add_guest("pve2", Kind::Lxc, 100, &[("hostname", "a")], true);
        world.publish_now();
        world.kill_node("pve2");
        let looks = |world: &World| {
            let node = world.node_row(&world.nodes["pve2"], true)["status"].clone();
            (node, world.guest_row(world.guest(100).unwrap(), true)["status"].clone())
        };
        assert_eq!(looks(&world), (json!("online"), json!("running")));
        clock.advance(Duration::from_mins(1));
        world.advance();
        assert_eq!(looks(&world), (json!("offline"), json!("running")));
        clock.advance(Duration::from_mins(5));
        world.advance();
        assert_eq!(looks(&world), (json!("offline"), json!("unknown")));
    }
}
