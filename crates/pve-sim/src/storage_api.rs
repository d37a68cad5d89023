//! `/storage` and `/nodes/{node}/storage`.

use serde_json::{Value, json};

use crate::call::Call;
use crate::error::Outcome;
use crate::storage::{Storage, Volume};

const SEE: [&str; 2] = ["Datastore.Audit", "Datastore.AllocateSpace"];

fn figures(storage: &Storage, node: &str) -> Value {
    let used = storage.used(node);
    json!({
        "type": storage.kind, "content": storage.content.join(","), "shared": u8::from(storage.shared),
        "total": storage.total, "used": used, "avail": storage.total - used,
        "enabled": u8::from(!storage.disabled), "active": u8::from(!storage.disabled),
    })
}

/// `GET /nodes/{node}/storage`.
pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let content = call.params.list("content");
    let rows = call.world.storages.values().filter(|s| {
        s.is_on(&call.node)
            && call.world.may(&call.caller, &format!("/storage/{}", s.id), &SEE)
            && call.params.text("storage").is_none_or(|id| id == s.id)
            && (content.is_empty() || content.iter().any(|c| s.holds(c)))
            && !(call.params.flag("enabled") && s.disabled)
    });
    let rows = rows.map(|s| {
        let mut row = figures(s, &call.node);
        row["storage"] = json!(s.id);
        row["used_fraction"] = json!(s.used(&call.node) as f64 / s.total as f64);
        row
    });
    Ok(Value::Array(rows.collect()).into())
}

/// `GET /nodes/{node}/storage/{storage}/status`.
pub(crate) fn status(call: &mut Call<'_>) -> Outcome {
    Ok(figures(call.world.storage_on(&call.node, call.params.required("storage"))?, &call.node).into())
}

/// A volume as listed.
pub(crate) fn row(volid: &str, volume: &Volume) -> Value {
    let mut row = json!({
        "volid": volid, "content": volume.content, "format": volume.format, "size": volume.size,
        "ctime": volume.ctime,
    });
    if let Some(vmid) = volume.vmid {
        row["vmid"] = json!(vmid);
    }
    if matches!(volume.content.as_str(), "images" | "rootdir") {
        row["used"] = json!(volume.used);
        row["parent"] = json!(volume.parent);
    }
    if let Some(backup) = &volume.backup {
        row["subtype"] = json!(backup.kind.name());
    }
    if let Some(notes) = &volume.notes {
        row["notes"] = json!(notes);
    }
    if volume.protected {
        row["protected"] = json!(1);
    }
    row
}

/// `GET /nodes/{node}/storage/{storage}/content`. Without Datastore.Allocate, guests' volumes show to who audits them.
pub(crate) fn content(call: &mut Call<'_>) -> Outcome {
    let id = call.params.required("storage");
    let storage = call.world.storage_on(&call.node, id)?;
    let all = call.may(&format!("/storage/{id}"), "Datastore.Allocate");
    let vmid = call.params.int("vmid").map(|v| v as u32);
    let wanted = call.params.text("content");
    let rows = storage.on(&call.node).filter(|(_, v)| {
        wanted.is_none_or(|w| v.content == w)
            && vmid.is_none_or(|id| v.vmid == Some(id))
            && (all || v.vmid.is_none_or(|owner| call.may(&format!("/vms/{owner}"), "VM.Audit")))
    });
    Ok(Value::Array(rows.map(|(volid, volume)| row(volid, volume)).collect()).into())
}
