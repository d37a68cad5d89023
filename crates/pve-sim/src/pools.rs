//! `/pools`.

use serde_json::{Value, json};

use crate::call::Call;
use crate::error::{ApiError, Outcome, null};
use crate::world::{Pool, World};

/// `GET /pools`, or with `poolid` that pool with its members.
pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let wanted = call.params.text("poolid");
    if let Some(id) = wanted {
        call.need(&format!("/pool/{id}"), "Pool.Audit")?;
        return Ok(json!([object(call, id)?]).into());
    }
    let seen = call.world.pools.iter().filter(|(id, _)| call.may(&format!("/pool/{id}"), "Pool.Audit"));
    Ok(seen.map(|(id, pool)| head(id, pool)).collect::<Value>().into())
}

fn head(id: &str, pool: &Pool) -> Value {
    let mut row = json!({ "poolid": id });
    if let Some(comment) = &pool.comment {
        row["comment"] = json!(comment);
    }
    row
}

fn object(call: &Call<'_>, id: &str) -> Result<Value, ApiError> {
    let pool =
        call.world.pools.get(id).ok_or_else(|| ApiError::die(format!("pool '{id}' does not exist")))?;
    let mut object = head(id, pool);
    let guests = call.world.guests.values().filter(|g| g.pool.as_deref() == Some(id));
    let mut members: Vec<Value> = guests.map(|g| call.world.guest_row(g, false)).collect();
    for storage in pool.storages.iter().filter_map(|s| call.world.storages.get(s)) {
        for node in call.world.nodes.values().filter(|n| storage.is_on(&n.name)) {
            members.push(call.world.storage_row(storage, node));
        }
    }
    object["members"] = Value::Array(members);
    Ok(object)
}

/// `GET /pools/{poolid}`.
pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let mut object = object(call, call.params.required("poolid"))?;
    if let Some(kind) = call.params.text("type")
        && let Some(members) = object["members"].as_array_mut()
    {
        members.retain(|m| m["type"] == kind);
    }
    Ok(object.into())
}

/// `POST /pools`.
pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    let id = call.params.required("poolid").to_owned();
    need_file(call, "create pool")?;
    if call.world.pools.contains_key(&id) {
        return Err(ApiError::die(format!("create pool failed: pool '{id}' already exists")));
    }
    if let Some((parent, _)) = id.rsplit_once('/')
        && !call.world.pools.contains_key(parent)
    {
        return Err(ApiError::die(format!(
            "create pool failed: parent '{parent}' of pool '{id}' does not exist"
        )));
    }
    let comment = call.params.text("comment").map(str::to_owned);
    call.world.pools.insert(id, Pool { comment, ..Pool::default() });
    null()
}

fn need_file(call: &Call<'_>, what: &str) -> Result<(), ApiError> {
    if call.world.quorate {
        return Ok(());
    }
    Err(ApiError::die(format!("{what} failed: cfs-lock 'file-user_cfg' error: no quorum!")))
}

/// `PUT /pools` and `PUT /pools/{poolid}`: comment, members in, members out.
pub(crate) fn update(call: &mut Call<'_>) -> Outcome {
    let id = call.params.required("poolid").to_owned();
    need_file(call, "update pools")?;
    if !call.world.pools.contains_key(&id) {
        return Err(ApiError::die(format!("update pools failed: pool '{id}' does not exist")));
    }
    let (delete, moves) = (call.params.flag("delete"), call.params.flag("allow-move"));
    let guests: Vec<u32> = call.words("vms").iter().filter_map(|v| v.parse().ok()).collect();
    for vmid in &guests {
        call.need(&format!("/vms/{vmid}"), "VM.Allocate")?;
        check_move(call.world, *vmid, &id, delete, moves)?;
    }
    for vmid in guests {
        if let Some(guest) = call.world.guests.get_mut(&vmid) {
            guest.pool = (!delete).then(|| id.clone());
        }
    }
    for storage in call.words("storage") {
        call.need(&format!("/storage/{storage}"), "Datastore.Allocate")?;
        let Some(pool) = call.world.pools.get_mut(&id) else { continue };
        if delete {
            pool.storages.remove(&storage)
        } else {
            pool.storages.insert(storage)
        };
    }
    if let Some(comment) = call.params.text("comment").map(str::to_owned)
        && let Some(pool) = call.world.pools.get_mut(&id)
    {
        pool.comment = Some(comment);
    }
    null()
}

fn check_move(world: &World, vmid: u32, pool: &str, delete: bool, moves: bool) -> Result<(), ApiError> {
    let refuse = |text: String| Err(ApiError::die(format!("update pools failed: {text}")));
    let Some(guest) = world.guests.get(&vmid) else { return refuse(format!("VM {vmid} does not exist")) };
    match (&guest.pool, delete) {
        (Some(old), true) if old == pool => Ok(()),
        (_, true) => refuse(format!("VM {vmid} is not a pool member")),
        (Some(old), false) if old == pool => refuse(format!("VM {vmid} is already a pool member")),
        (Some(old), false) if !moves => {
            refuse(format!("VM {vmid} belongs already to pool '{old}' and allow-move is not set"))
        }
        _ => Ok(()),
    }
}

/// `DELETE /pools` and `DELETE /pools/{poolid}`.
pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let id = call.params.required("poolid").to_owned();
    need_file(call, "delete pool")?;
    let refuse = |text: String| Err(ApiError::die(format!("delete pool failed: {text}")));
    let Some(pool) = call.world.pools.get(&id) else { return refuse(format!("pool '{id}' does not exist")) };
    if call.world.guests.values().any(|g| g.pool.as_ref() == Some(&id)) {
        let vmid = call.world.guests.values().find(|g| g.pool.as_ref() == Some(&id)).map_or(0, |g| g.vmid);
        return refuse(format!("pool '{id}' is not empty (contains VM {vmid})"));
    }
    if let Some(storage) = pool.storages.iter().next() {
        return refuse(format!("pool '{id}' is not empty (contains storage '{storage}')"));
    }
    call.world.pools.remove(&id);
    call.world.access.acl.retain(|e| e.path != format!("/pool/{id}"));
    null()
}
