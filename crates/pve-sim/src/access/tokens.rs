//! API tokens.

use serde_json::{Map, Value, json};

use crate::auth::Token;
use crate::call::Call;
use crate::error::{ApiError, Outcome, null};

/// What is told of a token; never its secret.
pub(super) fn info(token: &Token) -> Value {
    let mut info = json!({ "privsep": u8::from(token.privsep), "expire": token.expire });
    if let Some(comment) = &token.comment {
        info["comment"] = json!(comment);
    }
    info
}

/// A token in a list.
pub(super) fn row(id: &str, token: &Token) -> Value {
    let mut row = info(token);
    row["tokenid"] = json!(id);
    row
}

fn names(call: &Call<'_>) -> (String, String) {
    (call.params.required("userid").to_owned(), call.params.required("tokenid").to_owned())
}

fn find<'a>(call: &'a Call<'_>, user: &str, id: &str) -> Result<&'a Token, ApiError> {
    let owner =
        call.world.access.users.get(user).ok_or_else(|| ApiError::die(format!("no such user ('{user}')")))?;
    owner.tokens.get(id).ok_or_else(|| ApiError::die(format!("no such token '{id}' for user '{user}'")))
}

/// `GET /access/users/{userid}/token`.
pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let user = call.params.required("userid");
    let owner =
        call.world.access.users.get(user).ok_or_else(|| ApiError::die(format!("no such user ('{user}')")))?;
    Ok(owner.tokens.iter().map(|(id, t)| row(id, t)).collect::<Value>().into())
}

/// `GET /access/users/{userid}/token/{tokenid}`.
pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let (user, id) = names(call);
    Ok(info(find(call, &user, &id)?).into())
}

/// `POST /access/users/{userid}/token/{tokenid}`: the one time the secret is told.
pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    let (user, id) = names(call);
    if find(call, &user, &id).is_ok() {
        return Err(ApiError::parameter("tokenid", "Token already exists."));
    }
    call.need_users_file("generating token")?;
    if !call.world.access.users.contains_key(&user) {
        return Err(ApiError::die(format!("no such user ('{user}')")));
    }
    let secret = call.world.uuid();
    let token = Token {
        secret: secret.clone(),
        privsep: call.params.text("privsep") != Some("0"),
        expire: call.params.int("expire").unwrap_or(0).max(0) as u64,
        comment: call.params.text("comment").map(str::to_owned),
    };
    // What was given comes back as it came: as text. What was not is a number.
    let mut told = Map::new();
    told.insert("privsep".into(), call.params.text("privsep").map_or(json!(1), |p| json!(p)));
    for name in ["expire", "comment"] {
        if let Some(text) = call.params.text(name) {
            told.insert(name.into(), json!(text));
        }
    }
    if let Some(owner) = call.world.access.users.get_mut(&user) {
        owner.tokens.insert(id.clone(), token);
    }
    Ok(json!({ "full-tokenid": format!("{user}!{id}"), "info": told, "value": secret }).into())
}

/// `PUT /access/users/{userid}/token/{tokenid}`.
pub(crate) fn update(call: &mut Call<'_>) -> Outcome {
    let (user, id) = names(call);
    let mut token = find(call, &user, &id)?.clone();
    call.need_users_file("updating token")?;
    if call.params.has("privsep") {
        token.privsep = call.params.flag("privsep");
    }
    if let Some(expire) = call.params.int("expire") {
        token.expire = expire.max(0) as u64;
    }
    if let Some(comment) = call.params.text("comment") {
        token.comment = Some(comment.to_owned());
    }
    let mut told = info(&token);
    if let Some(expire) = call.params.text("expire") {
        told["expire"] = json!(expire);
    }
    if call.params.flag("regenerate") {
        token.secret = call.world.uuid();
        told["value"] = json!(token.secret);
        told["full-tokenid"] = json!(format!("{user}!{id}"));
    }
    if let Some(owner) = call.world.access.users.get_mut(&user) {
        owner.tokens.insert(id, token);
    }
    Ok(told.into())
}

/// `DELETE /access/users/{userid}/token/{tokenid}`.
pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let (user, id) = names(call);
    find(call, &user, &id)?;
    call.need_users_file("deleting token")?;
    call.world.revoke_token(&user, &id);
    let subject = format!("{user}!{id}");
    call.world.access.acl.retain(|e| e.subject != subject);
    null()
}
