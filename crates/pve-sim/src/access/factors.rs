//! Second factors over the wire.

use serde_json::{Value, json};

use crate::auth::tfa::{Factor, Secret, key_of_uri, verify_totp};
use crate::call::Call;
use crate::clock::SECOND;
use crate::error::{ApiError, Outcome, null};

fn row(factor: &Factor) -> Value {
    json!({
        "id": factor.id, "type": factor.secret.kind(), "description": factor.description, "created": factor.created,
    })
}

fn user_of(call: &Call<'_>) -> Result<String, ApiError> {
    let id = call.params.required("userid");
    if call.world.access.users.contains_key(id) {
        return Ok(id.to_owned());
    }
    Err(ApiError::die(format!("no such user ('{id}')")))
}

/// Changing factors needs the caller's own password, except of root@pam.
fn need_password(call: &Call<'_>) -> Result<(), ApiError> {
    let own = call.world.access.users.get(&call.caller.user).and_then(|u| u.password.as_deref());
    if call.caller.is_root() || call.params.has("password") && call.params.text("password") == own {
        return Ok(());
    }
    Err(ApiError::unauthenticated("authentication failure"))
}

/// `GET /access/tfa`: one's own, or everybody's for auditors.
pub(crate) fn all(call: &mut Call<'_>) -> Outcome {
    let auditor = call.world.may(&call.caller, "/access/groups", &["User.Modify", "Sys.Audit"]);
    let users = call
        .world
        .access
        .users
        .iter()
        .filter(|(id, u)| !u.factors.is_empty() && (auditor || **id == call.caller.user));
    let rows =
        users.map(|(id, u)| json!({ "userid": id, "entries": u.factors.iter().map(row).collect::<Value>() }));
    Ok(Value::Array(rows.collect()).into())
}

/// `GET /access/tfa/{userid}`.
pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let user = user_of(call)?;
    Ok(call.world.access.users[&user].factors.iter().map(row).collect::<Value>().into())
}

/// `GET /access/tfa/{userid}/{id}`.
pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let user = user_of(call)?;
    let id = call.params.required("id");
    let factor = call.world.access.users[&user].factors.iter().find(|f| f.id == id);
    factor
        .map(|f| row(f).into())
        .ok_or_else(|| ApiError { status: 404, ..ApiError::die("no such tfa entry") })
}

/// `POST /access/tfa/{userid}`: a time-based code, proven at once, or ten recovery keys.
pub(crate) fn add(call: &mut Call<'_>) -> Outcome {
    let user = user_of(call)?;
    need_password(call)?;
    let seconds = call.world.now() / SECOND;
    let description = call.params.text("description").unwrap_or_default().to_owned();
    match call.params.required("type") {
        "totp" => {
            let key = key_of_uri(call.params.required("totp"));
            let key = key.ok_or_else(|| ApiError::die("failed to parse TOTP URI"))?;
            if !verify_totp(&key, call.params.required("value"), seconds) {
                return Err(ApiError::die("failed to verify TOTP challenge"));
            }
            let id = call.world.uuid();
            push(
                call,
                &user,
                Factor { id: id.clone(), description, created: seconds, secret: Secret::Totp(key) },
            );
            Ok(json!({ "id": id }).into())
        }
        "recovery" => {
            let keys: Vec<String> = (0..10)
                .map(|_| {
                    let word = format!("{:016x}", call.world.random());
                    [&word[..4], &word[4..8], &word[8..12], &word[12..]].join("-")
                })
                .collect();
            let secret = Secret::Recovery(keys.clone());
            push(call, &user, Factor { id: "recovery".into(), description, created: seconds, secret });
            Ok(json!({ "id": "recovery", "recovery": keys }).into())
        }
        other => Err(ApiError::not_implemented(format!("simulator: not simulated: second factor '{other}'"))),
    }
}

fn push(call: &mut Call<'_>, user: &str, factor: Factor) {
    if let Some(user) = call.world.access.users.get_mut(user) {
        user.factors.retain(|f| f.id != factor.id);
        user.factors.push(factor);
    }
}

/// `DELETE /access/tfa/{userid}/{id}`.
pub(crate) fn remove(call: &mut Call<'_>) -> Outcome {
    let user = user_of(call)?;
    need_password(call)?;
    let id = call.params.required("id").to_owned();
    let Some(user) = call.world.access.users.get_mut(&user) else { return null() };
    let before = user.factors.len();
    user.factors.retain(|f| f.id != id);
    if user.factors.len() == before {
        return Err(ApiError { status: 404, ..ApiError::die("no such tfa entry") });
    }
    null()
}
