//! `/version` and `/cluster`.

use serde_json::{Value, json};

use crate::call::Call;
use crate::error::{ApiError, Outcome};

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
    let free = (100..1_000_000).find(|id| !call.world.guests.contains_key(id));
    let free = free.ok_or_else(|| ApiError::die("unable to get any free VMID in range [100, 999999]"))?;
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
