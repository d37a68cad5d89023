//! Users and their passwords.

use serde_json::{Map, Value, json};

use crate::auth::User;
use crate::call::Call;
use crate::error::{ApiError, Outcome, null};

/// A user as listed; `userid` and `realm-type` are the list's own.
fn row(user: &User) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("enable".into(), json!(u8::from(user.enable)));
    row.insert("expire".into(), json!(user.expire));
    let texts = [
        ("comment", &user.comment),
        ("email", &user.email),
        ("firstname", &user.firstname),
        ("lastname", &user.lastname),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            row.insert(name.into(), json!(text));
        }
    }
    row
}

/// `GET /access/users`: oneself, and everybody whose groups one may see.
pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let auditor = call.world.may(&call.caller, "/access/groups", &["User.Modify", "Sys.Audit"]);
    let (full, enabled) = (call.params.flag("full"), call.params.text("enabled"));
    let access = &call.world.access;
    let seen = access.users.iter().filter(|(id, user)| {
        (auditor || **id == call.caller.user) && enabled.is_none_or(|e| (e == "1") == user.enable)
    });
    let rows = seen.map(|(id, user)| {
        let mut row = row(user);
        row.insert("userid".into(), json!(id));
        row.insert("realm-type".into(), json!(id.rsplit_once('@').map_or("pam", |(_, realm)| realm)));
        if full {
            row.insert("groups".into(), json!(access.groups_of(id).join(",")));
            row.insert(
                "tokens".into(),
                user.tokens.iter().map(|(id, t)| super::tokens::row(id, t)).collect(),
            );
        }
        Value::Object(row)
    });
    Ok(Value::Array(rows.collect()).into())
}

/// `GET /access/users/{userid}`.
pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let id = call.params.required("userid");
    let user = find(call, id)?;
    let mut row = row(user);
    row.insert("groups".into(), json!(call.world.access.groups_of(id)));
    let tokens: Map<String, Value> =
        user.tokens.iter().map(|(id, t)| (id.clone(), super::tokens::info(t))).collect();
    row.insert("tokens".into(), Value::Object(tokens));
    Ok(Value::Object(row).into())
}

fn find<'a>(call: &'a Call<'_>, id: &str) -> Result<&'a User, ApiError> {
    call.world.access.users.get(id).ok_or_else(|| ApiError::die(format!("no such user ('{id}')")))
}

/// Whether a text is `name@realm`.
fn is_userid(id: &str) -> bool {
    id.rsplit_once('@').is_some_and(|(name, realm)| {
        !name.is_empty() && realm.len() > 1 && !name.contains([':', '/', ' ', '!'])
    })
}

/// `POST /access/users`.
pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    let id = call.params.required("userid").to_owned();
    if !is_userid(&id) {
        return Err(ApiError::die(format!("value '{id}' does not look like a valid user name")));
    }
    call.need_users_file("create user")?;
    let realm = id.rsplit_once('@').map_or("", |(_, realm)| realm);
    if !call.world.access.realms.contains_key(realm) {
        return Err(ApiError::die(format!("create user failed: domain '{realm}' does not exist")));
    }
    if call.world.access.users.contains_key(&id) {
        return Err(ApiError::die(format!("create user failed: user '{id}' already exists")));
    }
    let password = call.params.text("password").map(str::to_owned);
    let user = User { enable: true, password, ..User::default() };
    call.world.access.users.insert(id.clone(), user);
    write(call, &id)?;
    null()
}

/// `PUT /access/users/{userid}`.
pub(crate) fn update(call: &mut Call<'_>) -> Outcome {
    let id = call.params.required("userid").to_owned();
    find(call, &id)?;
    call.need_users_file("update user")?;
    write(call, &id)?;
    null()
}

/// Writes the parameters given into the user.
fn write(call: &mut Call<'_>, id: &str) -> Result<(), ApiError> {
    let params = call.params.clone();
    let groups = params.has("groups").then(|| params.list("groups"));
    if let Some(unknown) = groups.iter().flatten().find(|g| !call.world.access.groups.contains_key(*g)) {
        return Err(ApiError::die(format!("no such group '{unknown}'")));
    }
    if let Some(user) = call.world.access.users.get_mut(id) {
        let text = |name: &str, old: &mut Option<String>| {
            if let Some(text) = params.text(name) {
                *old = Some(text.to_owned());
            }
        };
        text("comment", &mut user.comment);
        text("email", &mut user.email);
        text("firstname", &mut user.firstname);
        text("lastname", &mut user.lastname);
        if params.has("enable") {
            user.enable = params.flag("enable");
        }
        if let Some(expire) = params.int("expire") {
            user.expire = expire.max(0) as u64;
        }
    }
    if let Some(groups) = groups {
        for (name, group) in &mut call.world.access.groups {
            if groups.contains(name) {
                group.members.insert(id.to_owned());
            } else if !params.flag("append") {
                group.members.remove(id);
            }
        }
    }
    Ok(())
}

/// `DELETE /access/users/{userid}`.
pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let id = call.params.required("userid").to_owned();
    call.need_users_file("delete user")?;
    let access = &mut call.world.access;
    if access.users.remove(&id).is_none() {
        return Err(ApiError::die(format!("delete user failed: user '{id}' does not exist")));
    }
    for group in access.groups.values_mut() {
        group.members.remove(&id);
    }
    let tokens = format!("{id}!");
    access.acl.retain(|e| e.subject != id && !e.subject.starts_with(&tokens));
    null()
}

/// `PUT /access/password`.
pub(crate) fn password(call: &mut Call<'_>) -> Outcome {
    let id = call.params.required("userid").to_owned();
    find(call, &id)?;
    if !call.caller.is_root() {
        let own = call.world.access.users.get(&call.caller.user).and_then(|u| u.password.clone());
        if call.params.text("confirmation-password").map(str::to_owned) != own {
            return Err(ApiError::unauthenticated("authentication failure"));
        }
    }
    let password = call.params.required("password").to_owned();
    call.world.set_password(&id, &password);
    null()
}

/// `GET /access/domains`, which needs no login.
pub(crate) fn domains(call: &mut Call<'_>) -> Outcome {
    let rows = call.world.access.realms.iter().map(|(realm, kind)| {
        let comment = match kind.as_str() {
            "pam" => "Linux PAM standard authentication",
            _ => "Proxmox VE authentication server",
        };
        json!({ "realm": realm, "type": kind, "comment": comment })
    });
    Ok(Value::Array(rows.collect()).into())
}

impl crate::auth::Access {
    /// The groups a user is in.
    fn groups_of(&self, user: &str) -> Vec<String> {
        self.groups.iter().filter(|(_, g)| g.members.contains(user)).map(|(name, _)| name.clone()).collect()
    }
}
