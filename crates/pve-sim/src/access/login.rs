//! Logging in, and asking what one may do.

use serde_json::{Map, Value, json};

use crate::auth::{Caller, secrets, tfa};
use crate::call::Call;
use crate::clock::SECOND;
use crate::error::{ApiError, Outcome, null};

/// `GET /access/ticket`, there for the API's own pages.
pub(crate) fn nothing(_: &mut Call<'_>) -> Outcome {
    null()
}

/// `POST /access/ticket`.
pub(crate) fn ticket(call: &mut Call<'_>) -> Outcome {
    let failed = || ApiError::unauthenticated("authentication failure");
    let (now, key) = (call.world.now(), call.world.access.key);
    let seconds = now / SECOND;
    let name = call.params.required("username");
    let user = match call.params.text("realm") {
        Some(realm) if !name.contains('@') => format!("{name}@{realm}"),
        _ => name.to_owned(),
    };
    let password = call.params.required("password").to_owned();
    let account = call.world.access.active(&user, now).cloned().ok_or_else(failed)?;
    let renews = call
        .world
        .access
        .ticket_user(&password, now)
        .is_some_and(|owner| owner == user || owner == "root@pam");
    if let Some(challenge) = call.params.text("tfa-challenge") {
        let (data, at) = secrets::open(&key, "PVE", &user, challenge).ok_or_else(failed)?;
        if !data.starts_with("!tfa!") || seconds > at + 7200 || !second_factor(call, &user, &password) {
            return Err(failed());
        }
    } else if !renews {
        if account.password.as_deref() != Some(password.as_str()) {
            return Err(failed());
        }
        let at_once = call.params.text("otp").map(str::to_owned);
        if let Some(answer) = at_once.filter(|_| !account.factors.is_empty()) {
            if !second_factor(call, &user, &answer) {
                return Err(failed());
            }
        } else if !account.factors.is_empty() {
            let csrf = secrets::csrf(&key, &user, seconds);
            let challenge = format!("!tfa!{}", challenge_of(&account.factors));
            let half = secrets::assemble(&key, "PVE", Some(&challenge), &user, seconds);
            return Ok(
                json!({ "username": user, "ticket": half, "CSRFPreventionToken": csrf, "NeedTFA": 1 }).into(),
            );
        }
    }
    let caller = Caller::user(&user);
    if let (Some(path), privileges) = (call.params.text("path"), call.words("privs")) {
        let needed: Vec<&str> = privileges.iter().map(String::as_str).collect();
        if !call.world.may(&caller, path, &needed) {
            return Err(failed());
        }
    }
    let mut answer = json!({
        "username": user, "ticket": secrets::ticket(&key, &user, seconds),
        "CSRFPreventionToken": secrets::csrf(&key, &user, seconds), "cap": capabilities(call, &caller),
    });
    if call.world.nodes.len() > 1 && call.world.may(&caller, "/", &["Sys.Audit"]) {
        answer["clustername"] = json!(call.world.name);
    }
    Ok(answer.into())
}

/// The challenge in a half ticket: which factors would do.
fn challenge_of(factors: &[tfa::Factor]) -> Value {
    let mut challenge = Map::new();
    for factor in factors {
        match &factor.secret {
            tfa::Secret::Totp(_) => challenge.insert("totp".into(), json!(true)),
            tfa::Secret::Recovery(left) => {
                let state = if left.len() > 3 {
                    "available"
                } else if left.is_empty() {
                    "unavailable"
                } else {
                    "low"
                };
                challenge.insert("recovery".into(), json!(state))
            }
        };
    }
    Value::Object(challenge)
}

/// Checks `totp:123456` or `recovery:key`, and uses a recovery key up.
fn second_factor(call: &mut Call<'_>, user: &str, answer: &str) -> bool {
    let seconds = call.world.now() / SECOND;
    let Some((kind, code)) = answer.split_once(':') else { return false };
    let Some(account) = call.world.access.users.get_mut(user) else { return false };
    account.factors.iter_mut().any(|factor| match &mut factor.secret {
        tfa::Secret::Totp(key) if kind == "totp" => tfa::verify_totp(key, code, seconds),
        tfa::Secret::Recovery(left) if kind == "recovery" => {
            let before = left.len();
            left.retain(|k| k != code);
            left.len() < before
        }
        _ => false,
    })
}

/// The `cap` of a login: what the web interface may offer.
fn capabilities(call: &Call<'_>, caller: &Caller) -> Value {
    let areas = [
        ("vms", "/vms", "VM."),
        ("storage", "/storage", "Datastore."),
        ("nodes", "/nodes", "Sys."),
        ("access", "/access", "User.|Group.|Permissions."),
        ("dc", "/", "Sys.|SDN."),
        ("sdn", "/sdn", "SDN."),
        ("mapping", "/mapping", "Mapping."),
    ];
    let mut object = Map::new();
    for (area, root, stems) in areas {
        let paths = call.world.access.acl_paths();
        let below = paths
            .iter()
            .filter(|p| (root != "/" && p.starts_with(root)) || (area == "vms" && p.starts_with("/pool")));
        let mut held = Map::new();
        for path in std::iter::once(root.to_owned()).chain(below.cloned()) {
            for privilege in call.world.privileges(caller, &path).into_keys() {
                if stems.split('|').any(|s| privilege.starts_with(s)) || privilege == "Permissions.Modify" {
                    held.insert(privilege, json!(1));
                }
            }
        }
        object.insert(area.into(), Value::Object(held));
    }
    Value::Object(object)
}

/// `GET /access/permissions`: path to privilege to "propagates".
pub(crate) fn permissions(call: &mut Call<'_>) -> Outcome {
    let caller = match call.params.text("userid") {
        Some(id) if id != call.caller.authid() => {
            if !call.may("/access", "Sys.Audit") && id.split('!').next() != Some(call.caller.user.as_str()) {
                return Err(ApiError::denied_for("/access, Sys.Audit"));
            }
            let (user, token) = id.split_once('!').map_or((id, None), |(u, t)| (u, Some(t.to_owned())));
            Caller { user: user.to_owned(), token }
        }
        _ => call.caller.clone(),
    };
    let mut paths: Vec<String> = match call.params.text("path") {
        Some(path) => vec![path.to_owned()],
        None => ["/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms", "/mapping"]
            .map(str::to_owned)
            .to_vec(),
    };
    if !call.params.has("path") {
        paths.extend(call.world.access.acl_paths());
        for (name, pool) in &call.world.pools {
            let held = call.world.privileges(&caller, &format!("/pool/{name}"));
            if held.is_empty() {
                continue;
            }
            let guests = call.world.guests.values().filter(|g| g.pool.as_deref() == Some(name));
            paths.extend(guests.map(|g| format!("/vms/{}", g.vmid)));
            paths.extend(pool.storages.iter().map(|s| format!("/storage/{s}")));
        }
    }
    let mut object = Map::new();
    for path in paths {
        let held = call.world.privileges(&caller, &path);
        if !held.is_empty() {
            let held: Map<String, Value> = held.into_iter().map(|(p, f)| (p, json!(u8::from(f)))).collect();
            object.insert(path, Value::Object(held));
        }
    }
    Ok(Value::Object(object).into())
}
