//! Groups and roles.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::auth::Group;
use crate::call::Call;
use crate::error::{ApiError, Outcome, null};

/// `GET /access/groups`.
pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let rows = call.world.access.groups.iter().filter(|(name, _)| {
        call.world.may(
            &call.caller,
            &format!("/access/groups/{name}"),
            &["User.Modify", "Sys.Audit", "Group.Allocate"],
        )
    });
    let rows = rows.map(|(name, group)| {
        let members: Vec<&str> = group.members.iter().map(String::as_str).collect();
        let mut row = json!({ "groupid": name, "users": members.join(",") });
        if let Some(comment) = &group.comment {
            row["comment"] = json!(comment);
        }
        row
    });
    Ok(Value::Array(rows.collect()).into())
}

/// `GET /access/groups/{groupid}`.
pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let name = call.params.required("groupid");
    let group = call.world.access.groups.get(name);
    let group = group.ok_or_else(|| ApiError::die(format!("group '{name}' does not exist")))?;
    let mut object = json!({ "members": group.members });
    if let Some(comment) = &group.comment {
        object["comment"] = json!(comment);
    }
    Ok(object.into())
}

/// `POST /access/groups`.
pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    let name = call.params.required("groupid").to_owned();
    call.need_users_file("create group")?;
    if call.world.access.groups.contains_key(&name) {
        return Err(ApiError::die(format!("create group failed: group '{name}' already exists")));
    }
    let comment = call.params.text("comment").map(str::to_owned);
    call.world.access.groups.insert(name, Group { comment, members: BTreeSet::new() });
    null()
}

/// `PUT /access/groups/{groupid}`.
pub(crate) fn update(call: &mut Call<'_>) -> Outcome {
    let (name, comment) = (call.params.required("groupid"), call.params.text("comment").map(str::to_owned));
    match call.world.access.groups.get_mut(name) {
        Some(group) => group.comment = comment,
        None => return Err(ApiError::die(format!("update group failed: group '{name}' does not exist"))),
    }
    null()
}

/// `DELETE /access/groups/{groupid}`.
pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let name = call.params.required("groupid");
    if call.world.access.groups.remove(name).is_none() {
        return Err(ApiError::die(format!("delete group failed: group '{name}' does not exist")));
    }
    call.world.access.acl.retain(|e| e.subject != name || e.kind != crate::auth::acl::Kind::Group);
    null()
}

/// `GET /access/roles`.
pub(crate) fn roles(call: &mut Call<'_>) -> Outcome {
    let access = &call.world.access;
    let rows = access.roles.iter().map(|(name, privileges)| {
        let privileges: Vec<&str> = privileges.iter().map(String::as_str).collect();
        json!({ "roleid": name, "privs": privileges.join(","), "special": u8::from(access.special.contains(name)) })
    });
    Ok(Value::Array(rows.collect()).into())
}

/// `GET /access/roles/{roleid}`.
pub(crate) fn role(call: &mut Call<'_>) -> Outcome {
    let name = call.params.required("roleid");
    let privileges = call.world.access.roles.get(name);
    let privileges = privileges.ok_or_else(|| ApiError::die(format!("role '{name}' does not exist")))?;
    let object: Map<String, Value> = privileges.iter().map(|p| (p.clone(), json!(1))).collect();
    Ok(Value::Object(object).into())
}

/// `POST /access/roles`.
pub(crate) fn create_role(call: &mut Call<'_>) -> Outcome {
    let name = call.params.required("roleid").to_owned();
    call.need_users_file("create role")?;
    if call.world.access.roles.contains_key(&name) {
        return Err(ApiError::die(format!("create role failed: role '{name}' already exists")));
    }
    let privileges = privileges(call)?.into_iter().collect();
    call.world.access.roles.insert(name, privileges);
    null()
}

/// `PUT /access/roles/{roleid}`.
pub(crate) fn update_role(call: &mut Call<'_>) -> Outcome {
    let (name, append) = (call.params.required("roleid").to_owned(), call.params.flag("append"));
    need_own(call, &name, "update")?;
    let privileges = privileges(call)?;
    if let Some(role) = call.world.access.roles.get_mut(&name) {
        if !append {
            role.clear();
        }
        role.extend(privileges);
    }
    null()
}

/// `DELETE /access/roles/{roleid}`.
pub(crate) fn delete_role(call: &mut Call<'_>) -> Outcome {
    let name = call.params.required("roleid").to_owned();
    need_own(call, &name, "delete")?;
    call.world.access.roles.remove(&name);
    call.world.access.acl.retain(|e| e.role != name);
    null()
}

/// The privileges named, all of them known to this version.
fn privileges(call: &Call<'_>) -> Result<Vec<String>, ApiError> {
    let named = call.words("privs");
    match named.iter().find(|p| !call.world.profile.has_privilege(p)) {
        Some(unknown) => {
            Err(ApiError::parameter("privs", format!("invalid format - invalid privilege '{unknown}'\n")))
        }
        None => Ok(named),
    }
}

/// Refuses predefined and missing roles.
fn need_own(call: &Call<'_>, name: &str, act: &str) -> Result<(), ApiError> {
    if call.world.access.special.contains(name) {
        return Err(ApiError::die(format!("auto-generated role '{name}' cannot be modified")));
    }
    if !call.world.access.roles.contains_key(name) {
        return Err(ApiError::die(format!("{act} role failed: role '{name}' does not exist")));
    }
    Ok(())
}
