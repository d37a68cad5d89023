//! `/storage` and the storages of a node.

use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use crate::call::Call;
use crate::error::{ApiError, Outcome, null};
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

/// A storage as configured.
fn configured(call: &Call<'_>, storage: &Storage) -> Value {
    let mut hash = Sha1::new();
    for id in call.world.storages.keys() {
        hash.update(id);
    }
    let mut row = json!({
        "storage": storage.id, "type": storage.kind, "content": storage.content.join(","),
        "digest": hex::encode(hash.finalize()),
    });
    if let Some(path) = &storage.path {
        row["path"] = json!(path);
    }
    if storage.shared {
        row["shared"] = json!(1);
    }
    if !storage.nodes.is_empty() {
        row["nodes"] = json!(storage.nodes.join(","));
    }
    if storage.disabled {
        row["disable"] = json!(1);
    }
    row
}

/// `GET /storage`.
pub(crate) fn all(call: &mut Call<'_>) -> Outcome {
    let seen = call.world.storages.values().filter(|s| {
        call.world.may(&call.caller, &format!("/storage/{}", s.id), &SEE)
            && call.params.text("type").is_none_or(|t| t == s.kind)
    });
    Ok(seen.map(|s| configured(call, s)).collect::<Value>().into())
}

/// `GET /storage/{storage}`.
pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let id = call.params.required("storage");
    let storage = call.world.storages.get(id);
    let storage = storage.ok_or_else(|| ApiError::die(format!("storage '{id}' does not exist")))?;
    Ok(configured(call, storage).into())
}

/// `POST /storage`.
pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    let (id, kind) = (call.params.required("storage").to_owned(), call.params.required("type").to_owned());
    need_file(call, "create storage")?;
    if call.world.storages.contains_key(&id) {
        return Err(ApiError::die(format!("create storage failed: storage ID '{id}' already defined")));
    }
    let shared =
        call.params.flag("shared") || matches!(kind.as_str(), "nfs" | "cifs" | "rbd" | "cephfs" | "pbs");
    let content = call.params.text("content").unwrap_or("images,rootdir");
    let mut storage = Storage::new(&id, &kind, content, shared, 1 << 40);
    storage.path = call.params.text("path").map(str::to_owned);
    storage.nodes = call.words("nodes");
    storage.disabled = call.params.flag("disable");
    call.world.storages.insert(id.clone(), storage);
    Ok(json!({ "storage": id, "type": kind }).into())
}

/// `PUT /storage/{storage}`.
pub(crate) fn update(call: &mut Call<'_>) -> Outcome {
    let id = call.params.required("storage").to_owned();
    need_file(call, "update storage")?;
    let (content, nodes) = (call.params.has("content").then(|| call.words("content")), call.words("nodes"));
    let (disable, frees_nodes) = (
        call.params.has("disable").then(|| call.params.flag("disable")),
        call.words("delete").contains(&"nodes".into()),
    );
    let storage = call.world.storages.get_mut(&id);
    let storage = storage
        .ok_or_else(|| ApiError::die(format!("update storage failed: storage '{id}' does not exist")))?;
    if let Some(content) = content {
        storage.content = content;
    }
    if !nodes.is_empty() || frees_nodes {
        storage.nodes = nodes;
    }
    if let Some(disable) = disable {
        storage.disabled = disable;
    }
    let kind = storage.kind.clone();
    Ok(json!({ "storage": id, "type": kind }).into())
}

/// `DELETE /storage/{storage}`.
pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let id = call.params.required("storage").to_owned();
    need_file(call, "delete storage")?;
    if call.world.storages.remove(&id).is_none() {
        return Err(ApiError::die(format!("delete storage failed: storage '{id}' does not exist")));
    }
    null()
}

fn need_file(call: &Call<'_>, what: &str) -> Result<(), ApiError> {
    if call.world.quorate {
        return Ok(());
    }
    Err(ApiError::die(format!("{what} failed: cfs-lock 'file-storage_cfg' error: no quorum!")))
}
