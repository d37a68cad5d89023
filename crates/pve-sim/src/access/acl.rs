//! The access control list over the wire.

use serde_json::{Value, json};

use crate::auth::acl::{Entry, Kind, is_valid_path};
use crate::call::Call;
use crate::error::{ApiError, Outcome, null};

/// `GET /access/acl`: entries on paths whose rights one may change or audit.
pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let auditor = call.may("/access", "Sys.Audit");
    let seen = call.world.access.acl.iter().filter(|e| auditor || call.may(&e.path, "Permissions.Modify"));
    let rows = seen.map(|e| {
        json!({
            "path": e.path, "type": e.kind.name(), "ugid": e.subject, "roleid": e.role,
            "propagate": u8::from(e.propagate),
        })
    });
    Ok(Value::Array(rows.collect()).into())
}

/// `PUT /access/acl`.
pub(crate) fn update(call: &mut Call<'_>) -> Outcome {
    let path = match call.params.required("path").trim_end_matches('/') {
        "" => "/".to_owned(),
        path => path.to_owned(),
    };
    if !is_valid_path(&path) {
        return Err(ApiError::parameter("path", format!("invalid ACL path '{path}'")));
    }
    call.need_users_file("ACL update")?;
    let (roles, delete) = (call.words("roles"), call.params.flag("delete"));
    let propagate = call.params.text("propagate") != Some("0");
    let subjects: Vec<(Kind, String)> =
        [(Kind::User, "users"), (Kind::Group, "groups"), (Kind::Token, "tokens")]
            .into_iter()
            .flat_map(|(kind, name)| call.words(name).into_iter().map(move |s| (kind, s)))
            .collect();
    if subjects.is_empty() {
        return Err(ApiError::parameter("users", "either 'users', 'groups' or 'tokens' is required."));
    }
    let access = &mut call.world.access;
    let failed =
        |what: &str, name: &str| ApiError::die(format!("ACL update failed: {what} '{name}' does not exist"));
    if let Some(unknown) = roles.iter().find(|r| !access.roles.contains_key(*r)) {
        return Err(failed("role", unknown));
    }
    for (kind, subject) in &subjects {
        let known = match kind {
            Kind::User => access.users.contains_key(subject),
            Kind::Group => access.groups.contains_key(subject),
            Kind::Token => subject
                .split_once('!')
                .is_some_and(|(user, id)| access.users.get(user).is_some_and(|u| u.tokens.contains_key(id))),
        };
        if !known {
            return Err(failed(kind.name(), subject));
        }
    }
    for (kind, subject) in subjects {
        for role in &roles {
            access
                .acl
                .retain(|e| !(e.path == path && e.kind == kind && e.subject == subject && e.role == *role));
            if !delete {
                let (path, role) = (path.clone(), role.clone());
                access.acl.push(Entry { path, kind, subject: subject.clone(), role, propagate });
            }
        }
    }
    null()
}
