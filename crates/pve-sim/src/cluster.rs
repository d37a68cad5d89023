//! `/version` and `/cluster`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::clock::SECOND;
use crate::error::{ApiError, Outcome, null};

/// `GET /version`.
pub(crate) fn version(call: &mut Call<'_>) -> Outcome {
    let (version, release, repoid) = call.world.profile.version();
    Ok(json!({ "version": version, "release": release, "repoid": repoid }).into())
}

/// `GET /cluster/nextid`: the smallest free id, not reserved.
pub(crate) fn nextid(call: &mut Call<'_>) -> Outcome {
    if let Some(vmid) = call.params.text("vmid") {
        let taken = vmid.parse::<u32>().is_ok_and(|v| call.world.guests.contains_key(&v));
        if taken {
            return Err(ApiError::parameter("vmid", format!("VM {vmid} already exists")));
        }
        return Ok(json!(vmid).into());
    }
    let range = crate::property::loose(call.world.options.get("next-id").map_or("", String::as_str));
    let bound = |name: &str, default: u32| range.get(name).and_then(|v| v.parse().ok()).unwrap_or(default);
    let (lower, upper) = (bound("lower", 100), bound("upper", 1_000_000));
    let free = (lower..upper).find(|id| !call.world.guests.contains_key(id));
    let text = format!("unable to get any free VMID in range [{lower}, {}]", upper.saturating_sub(1));
    let free = free.ok_or_else(|| ApiError::die(text))?;
    Ok(json!(free.to_string()).into())
}

/// `GET /cluster/status`; a single server has no `cluster` row.
pub(crate) fn status(call: &mut Call<'_>) -> Outcome {
    let world = &*call.world;
    let single = world.nodes.len() == 1;
    let mut rows: Vec<Value> = world
        .nodes
        .values()
        .map(|node| {
            let row = world.node_row(node, false);
            json!({
                "type": "node", "id": format!("node/{}", node.name), "name": node.name, "level": "",
                "ip": node.address(), "nodeid": if single { 0 } else { node.id },
                "local": u8::from(node.name == call.local), "online": u8::from(row["status"] == "online"),
            })
        })
        .collect();
    if !single {
        rows.insert(0, json!({
            "type": "cluster", "id": "cluster", "name": world.name, "nodes": world.nodes.len(), "version": world.nodes.len(),
            "quorate": u8::from(world.quorate),
        }));
    }
    Ok(Value::Array(rows).into())
}

/// `GET /cluster/log`: newest first; without Sys.Syslog only one's own lines.
pub(crate) fn log(call: &mut Call<'_>) -> Outcome {
    let max = call.params.int("max").unwrap_or(50).max(1) as usize;
    let all = call.may("/", "Sys.Syslog");
    let own = call.caller.authid();
    let rows = call.world.log.iter().filter(|line| all || line["user"] == own.as_str()).take(max);
    Ok(rows.cloned().collect::<Value>().into())
}

/// `GET /cluster/options`.
pub(crate) fn options(call: &mut Call<'_>) -> Outcome {
    let mut object: Map<String, Value> =
        call.world.options.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    object.entry("mac_prefix").or_insert(json!("BC:24:11"));
    object.entry("description").or_insert(json!(""));
    let tags: BTreeSet<&str> = call
        .world
        .guests
        .values()
        .filter_map(|g| g.get("tags"))
        .flat_map(|t| t.split(';'))
        .filter(|t| !t.is_empty())
        .collect();
    object.insert("allowed-tags".into(), json!(tags));
    Ok(Value::Object(object).into())
}

/// `PUT /cluster/options`.
pub(crate) fn set_options(call: &mut Call<'_>) -> Outcome {
    call.need_quorum()?;
    let given = call.params.0.keys().filter(|k| *k != "delete");
    let given: Vec<(String, String)> =
        given.filter_map(|k| Some((k.clone(), call.params.text(k)?.to_owned()))).collect();
    let gone = call.words("delete");
    call.world.options.extend(given);
    call.world.options.retain(|k, _| !gone.contains(k));
    null()
}

/// `GET /cluster/backup-info`, for root@pam itself.
pub(crate) fn backup_info(_: &mut Call<'_>) -> Outcome {
    Ok(json!([{ "subdir": "not-backed-up" }]).into())
}

/// Lists that are empty on every cluster simulated: SDN, backup jobs, notification targets.
pub(crate) fn none(_: &mut Call<'_>) -> Outcome {
    Ok(json!([]).into())
}

/// `GET /cluster/config/nodes`.
pub(crate) fn config_nodes(call: &mut Call<'_>) -> Outcome {
    if call.world.nodes.len() == 1 {
        return none(call);
    }
    let rows = call.world.nodes.values().map(|n| {
        json!({
            "node": n.name, "name": n.name, "nodeid": n.id.to_string(), "ring0_addr": n.address(), "quorum_votes": "1",
        })
    });
    Ok(rows.collect::<Value>().into())
}

/// `GET /cluster/config/join`: addresses and fingerprints of all nodes.
pub(crate) fn join_info(call: &mut Call<'_>) -> Outcome {
    if call.world.nodes.len() == 1 {
        let text = "node is not in a cluster, no join info available!";
        return Err(ApiError { status: 424, newline: false, ..ApiError::die(text) });
    }
    let nodes: Vec<Value> = call
        .world
        .nodes
        .values()
        .map(|n| {
            json!({
                "name": n.name, "nodeid": n.id.to_string(), "ring0_addr": n.address(), "pve_addr": n.address(),
                "pve_fp": n.fingerprint, "quorum_votes": "1",
            })
        })
        .collect();
    Ok(json!({
        "nodelist": nodes, "preferred_node": call.local, "config_digest": "0000000000000000000000000000000000000000",
        "totem": { "cluster_name": call.world.name, "version": "2", "config_version": "2" },
    })
    .into())
}

/// `GET /cluster/notifications/targets`: the one every server has.
pub(crate) fn notification_targets(_: &mut Call<'_>) -> Outcome {
    Ok(json!([{
        "name": "mail-to-root", "type": "sendmail", "origin": "builtin",
        "comment": "Send mails to root@pam's email address",
    }])
    .into())
}

/// One figure of `metrics/export`.
fn metric(rows: &mut Vec<Value>, id: &str, metric: &str, value: impl Into<Value>, now: u64) {
    let derived = ["net_in", "net_out", "disk_read", "disk_write"].contains(&metric);
    let kind = if derived { "derive" } else { "gauge" };
    rows.push(json!({ "id": id, "metric": metric, "type": kind, "value": value.into(), "timestamp": now }));
}

/// `GET /cluster/metrics/export`: the figures of this moment.
pub(crate) fn metrics(call: &mut Call<'_>) -> Outcome {
    let world = &*call.world;
    let now = world.now() / SECOND;
    let mut rows = Vec::new();
    for node in world.nodes.values().filter(|n| n.is_alive()) {
        let id = format!("node/{}", node.name);
        let disk = world.storages.get("local").map_or((0, 0), |s| (s.used(&node.name), s.total));
        metric(&mut rows, &id, "uptime", node.uptime(world.now()), now);
        metric(&mut rows, &id, "cpu_max", node.cores, now);
        metric(&mut rows, &id, "cpu_current", 0.05, now);
        for name in ["cpu_avg1", "cpu_avg5", "cpu_avg15"] {
            metric(&mut rows, &id, name, 0.2, now);
        }
        metric(&mut rows, &id, "mem_total", node.memory, now);
        metric(&mut rows, &id, "mem_used", node.memory / 10, now);
        metric(&mut rows, &id, "disk_used", disk.0, now);
        metric(&mut rows, &id, "disk_total", disk.1, now);
        for name in ["net_in", "net_out", "cpu_iowait", "swap_total", "swap_used"] {
            metric(&mut rows, &id, name, 0, now);
        }
    }
    for guest in world.guests.values() {
        let row = world.live_row(guest);
        let id = format!("{}/{}", guest.kind.name(), guest.vmid);
        metric(&mut rows, &id, "uptime", row["uptime"].as_i64().unwrap_or(0).max(0), now);
        let mut fields = vec![("cpu_max", "cpus"), ("mem_total", "maxmem"), ("disk_total", "maxdisk")];
        if guest.is_running() {
            fields.extend([("cpu_current", "cpu"), ("mem_used", "mem"), ("disk_used", "disk")]);
            fields.extend([
                ("net_in", "netin"),
                ("net_out", "netout"),
                ("disk_read", "diskread"),
                ("disk_write", "diskwrite"),
            ]);
        }
        for (name, field) in fields {
            metric(&mut rows, &id, name, row[field].clone(), now);
        }
    }
    for storage in world.storages.values() {
        for node in world.nodes.values().filter(|n| storage.is_on(&n.name)) {
            let id = format!("storage/{}/{}", node.name, storage.id);
            metric(&mut rows, &id, "disk_total", storage.total, now);
            metric(&mut rows, &id, "disk_used", storage.used(&node.name), now);
        }
    }
    Ok(json!({ "data": rows }).into())
}
