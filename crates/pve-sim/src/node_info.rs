//! The smaller things a node tells about itself.

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::clock::SECOND;
use crate::error::{ApiError, Outcome, null};

/// Services and whether they run without a cluster.
const SERVICES: [(&str, bool); 19] = [
    ("chrony", true),
    ("corosync", false),
    ("cron", true),
    ("ksmtuned", true),
    ("lxcfs", true),
    ("postfix", true),
    ("proxmox-firewall", true),
    ("pve-cluster", true),
    ("pve-firewall", true),
    ("pve-ha-crm", true),
    ("pve-ha-lrm", true),
    ("pvedaemon", true),
    ("pvefw-logger", true),
    ("pveproxy", true),
    ("pvescheduler", true),
    ("pvestatd", true),
    ("qmeventd", true),
    ("spiceproxy", true),
    ("sshd", true),
];

/// `GET /nodes/{node}/version`.
pub(crate) fn version(call: &mut Call<'_>) -> Outcome {
    crate::cluster::version(call)
}

/// `GET /nodes/{node}/time`.
pub(crate) fn time(call: &mut Call<'_>) -> Outcome {
    let now = call.world.now() / SECOND;
    Ok(json!({ "time": now, "localtime": now, "timezone": "Etc/UTC" }).into())
}

/// `GET /nodes/{node}/dns`.
pub(crate) fn dns(_: &mut Call<'_>) -> Outcome {
    Ok(json!({ "dns1": "10.255.255.53", "search": "lab.test" }).into())
}

/// `GET /nodes/{node}/hosts`.
pub(crate) fn hosts(call: &mut Call<'_>) -> Outcome {
    let rows = call.world.nodes.values().map(|n| format!("{} {}.lab.test {}\n", n.address(), n.name, n.name));
    let data: String = std::iter::once("127.0.0.1 localhost\n".to_owned()).chain(rows).collect();
    Ok(json!({ "data": data, "digest": "60b22308a04dbf46e09c764ff4f26f242ec5f3e1" }).into())
}

fn bridge(call: &Call<'_>, name: &str) -> Value {
    let address = call.world.nodes[&call.node].address();
    let mut row = json!({
        "iface": name, "type": "bridge", "active": 1, "autostart": 1, "priority": 3, "bridge_ports": "",
        "bridge_fd": "0", "bridge_stp": "off", "families": ["inet"], "method": "manual", "method6": "manual",
    });
    if name == "vmbr0" {
        let more = json!({ "method": "static", "address": address, "netmask": "24", "cidr": format!("{address}/24") });
        if let (Some(row), Value::Object(more)) = (row.as_object_mut(), more) {
            row.extend(more);
        }
    }
    row
}

/// `GET /nodes/{node}/network`: bridges one may neither see nor use are left out.
pub(crate) fn network(call: &mut Call<'_>) -> Outcome {
    let kind = call.params.text("type");
    if kind.is_some_and(|t| !matches!(t, "bridge" | "any_bridge" | "any_local_bridge" | "include_sdn")) {
        return Ok(json!([]).into());
    }
    let old = call.world.profile < crate::Profile::V8_4;
    let bridges = call.world.nodes[&call.node].bridges.iter().filter(|b| {
        let path = format!("/sdn/zones/localnetwork/{b}");
        old || call.world.may(&call.caller, &path, &["SDN.Audit", "SDN.Use"])
    });
    Ok(bridges.map(|b| bridge(call, b)).collect::<Value>().into())
}

/// `GET /nodes/{node}/network/{iface}`.
pub(crate) fn interface(call: &mut Call<'_>) -> Outcome {
    let name = call.params.required("iface");
    if !call.world.nodes[&call.node].bridges.iter().any(|b| b == name) {
        return Err(ApiError::parameter("iface", "interface does not exist"));
    }
    Ok(bridge(call, name).into())
}

/// `GET /nodes/{node}/services`.
pub(crate) fn services(call: &mut Call<'_>) -> Outcome {
    Ok(SERVICES.iter().map(|(name, up)| service_row(call, name, *up)).collect::<Value>().into())
}

fn service_row(call: &Call<'_>, name: &str, up: bool) -> Value {
    let up = up || call.world.nodes.len() > 1;
    json!({
        "service": name, "name": name, "desc": format!("{name} daemon"), "unit-state": "enabled",
        "state": if up { "running" } else { "dead" }, "active-state": if up { "active" } else { "inactive" },
    })
}

/// `GET /nodes/{node}/services/{service}/state`.
pub(crate) fn service(call: &mut Call<'_>) -> Outcome {
    let name = call.params.required("service");
    let found = SERVICES.iter().find(|(known, _)| *known == name);
    let (name, up) =
        found.ok_or_else(|| ApiError::parameter("service", format!("no such service '{name}'")))?;
    Ok(service_row(call, name, *up).into())
}

/// `GET /nodes/{node}/subscription`.
pub(crate) fn subscription(_: &mut Call<'_>) -> Outcome {
    Ok(json!({
        "status": "notfound", "message": "There is no subscription key", "serverid": null,
        "url": "https://www.proxmox.com/en/proxmox-virtual-environment/pricing",
    })
    .into())
}

/// `GET /nodes/{node}/certificates/info`.
pub(crate) fn certificates(call: &mut Call<'_>) -> Outcome {
    let node = &call.world.nodes[&call.node];
    Ok(json!([{
        "filename": "pve-ssl.pem", "fingerprint": node.fingerprint, "pem": node.certificate,
        "subject": format!("/OU=PVE Cluster Node/O=Proxmox Virtual Environment/CN={}.lab.test", node.name),
        "san": [node.name, "localhost"], "public-key-type": "id-ecPublicKey", "public-key-bits": 256,
    }])
    .into())
}

/// `GET /nodes/{node}/config`.
pub(crate) fn config(call: &mut Call<'_>) -> Outcome {
    let node = &call.world.nodes[&call.node];
    let mut object = Map::new();
    if let Some(text) = &node.description {
        object.insert("description".into(), json!(text));
    }
    if let Some(mac) = &node.wake_on_lan {
        object.insert("wakeonlan".into(), json!(mac));
    }
    if let Some(property) = call.params.text("property") {
        object.retain(|name, _| name == property);
    }
    Ok(Value::Object(object).into())
}

/// `PUT /nodes/{node}/config`: description and wake-on-LAN address.
pub(crate) fn set_config(call: &mut Call<'_>) -> Outcome {
    let (text, mac) = (
        call.params.text("description").map(str::to_owned),
        call.params.text("wakeonlan").map(str::to_owned),
    );
    let gone = call.words("delete");
    let Some(node) = call.world.nodes.get_mut(&call.node) else { return null() };
    node.description = text.or(node.description.take()).filter(|_| !gone.contains(&"description".into()));
    node.wake_on_lan = mac.or(node.wake_on_lan.take()).filter(|_| !gone.contains(&"wakeonlan".into()));
    null()
}

/// `GET /nodes/{node}/netstat`.
pub(crate) fn netstat(call: &mut Call<'_>) -> Outcome {
    let running = call.world.guests.values().filter(|g| g.node == call.node && g.is_running());
    let rows = running.map(|g| {
        let row = call.world.live_row(g);
        json!({ "vmid": g.vmid.to_string(), "dev": "net0", "in": row["netin"].to_string(), "out": row["netout"].to_string() })
    });
    Ok(rows.collect::<Value>().into())
}

/// `GET /nodes/{node}/apt/versions`: the packages that decide what a client can do.
pub(crate) fn packages(call: &mut Call<'_>) -> Outcome {
    let (version, ..) = call.world.profile.version();
    let container = if call.world.profile == crate::Profile::V9_2 { "6.1.10" } else { "5.3.0" };
    let rows = [("pve-manager", version), ("pve-container", container), ("qemu-server", "9.2.6")].map(|(name, version)| {
        json!({
            "Package": name, "Title": name, "Version": version, "OldVersion": version, "CurrentState": "Installed",
            "Arch": "all", "Origin": "Proxmox", "Priority": "optional", "Section": "admin", "Description": name,
        })
    });
    Ok(rows.into_iter().collect::<Value>().into())
}
