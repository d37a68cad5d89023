//! `/cluster/ha`: which guests are looked after, as far as clients need it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::error::{ApiError, Outcome, null};

/// `ct:100` of `ct:100`, `vm:100` or `100`.
fn sid(call: &Call<'_>, text: &str) -> Result<String, ApiError> {
    let (short, id) = text.split_once(':').unwrap_or(("", text));
    let guest = id.parse().ok().and_then(|vmid: u32| call.world.guests.get(&vmid));
    let guest = guest
        .ok_or_else(|| ApiError::die(format!("cannot add resource '{text}', guest '{id}' does not exist")))?;
    let own = if guest.kind == crate::guests::Kind::Lxc { "ct" } else { "vm" };
    if !short.is_empty() && short != own {
        return Err(ApiError::die(format!("resource '{text}' does not exist in cluster")));
    }
    Ok(format!("{own}:{id}"))
}

fn row(sid: &str, resource: &BTreeMap<String, String>) -> Value {
    let mut row: Map<String, Value> = resource.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    row.insert("sid".into(), json!(sid));
    row.insert("type".into(), json!(sid.split(':').next()));
    Value::Object(row)
}

/// `GET /cluster/ha/resources`.
pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    Ok(call.world.ha.iter().map(|(sid, r)| row(sid, r)).collect::<Value>().into())
}

/// `GET /cluster/ha/resources/{sid}`.
pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let sid = call.params.required("sid");
    let found = call.world.ha.get(sid);
    Ok(row(sid, found.ok_or_else(|| ApiError::die(format!("no such resource '{sid}'")))?).into())
}

fn given(call: &Call<'_>) -> BTreeMap<String, String> {
    let names = ["state", "comment", "group", "max_restart", "max_relocate", "failback"];
    names.iter().filter_map(|n| Some(((*n).to_owned(), call.params.text(n)?.to_owned()))).collect()
}

/// `POST /cluster/ha/resources`.
pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    let sid = sid(call, call.params.required("sid"))?;
    call.need_quorum()?;
    if call.world.ha.contains_key(&sid) {
        return Err(ApiError::die(format!("resource ID '{sid}' already defined")));
    }
    let mut resource = given(call);
    resource.entry("state".into()).or_insert("started".into());
    call.world.ha.insert(sid, resource);
    null()
}

/// `PUT /cluster/ha/resources/{sid}`.
pub(crate) fn update(call: &mut Call<'_>) -> Outcome {
    let (sid, given) = (sid(call, call.params.required("sid"))?, given(call));
    match call.world.ha.get_mut(&sid) {
        Some(resource) => resource.extend(given),
        None => return Err(ApiError::die(format!("no such resource '{sid}'"))),
    }
    null()
}

/// `DELETE /cluster/ha/resources/{sid}`.
pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let sid = call.params.required("sid").to_owned();
    if call.world.ha.remove(&sid).is_none() {
        return Err(ApiError::die(format!("cannot delete service '{sid}', not HA managed!")));
    }
    null()
}

/// `GET /cluster/ha/status/current`.
pub(crate) fn current(call: &mut Call<'_>) -> Outcome {
    let mut rows = vec![
        json!({
            "id": "quorum", "type": "quorum", "node": call.local,
            "status": if call.world.quorate { "OK" } else { "No quorum!" }, "quorate": u8::from(call.world.quorate),
        }),
        json!({
            "id": "fencing", "type": "fencing", "node": call.local, "armed-state": "standby",
            "status": "standby (CRM watchdog standby)",
        }),
    ];
    for (sid, resource) in &call.world.ha {
        let vmid = sid.split(':').nth(1).and_then(|v| v.parse().ok()).unwrap_or_default();
        let Some(guest) = call.world.guests.get(&vmid) else { continue };
        let state = resource.get("state").map_or("started", String::as_str);
        rows.push(json!({
            "id": format!("service:{sid}"), "type": "service", "sid": sid, "node": guest.node, "state": state,
            "request_state": state, "status": format!("{sid} ({}, {state})", guest.node), "max_restart": 1,
            "max_relocate": 1, "failback": 1,
        }));
    }
    Ok(Value::Array(rows).into())
}

/// `GET /cluster/ha/groups` and rules: none.
pub(crate) fn none(_: &mut Call<'_>) -> Outcome {
    Ok(json!([]).into())
}
