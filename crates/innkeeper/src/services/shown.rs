//! How a service stands, in words.

use serde_json::Value;

use crate::client::{cell, cells};

pub(super) const STATUS: [&str; 5] = ["name", "state", "players", "version", "seen_at"];

/// A service as a row under [`STATUS`].
pub(super) fn status(service: &Value) -> Vec<String> {
    let [name, state, seen_at] = ["name", "state", "seen_at"].map(|field| cell(&service[field]));
    vec![name, state, count(&service["answer"]), cell(&service["answer"]["version"]), seen_at]
}

/// How many of how many play.
fn count(answer: &Value) -> String {
    match (answer["players"].as_u64(), answer["most"].as_u64()) {
        (Some(players), Some(most)) => format!("{players}/{most}"),
        (Some(players), None) => players.to_string(),
        _ => "-".to_owned(),
    }
}

/// Who plays, a name a line.
pub(super) fn players(answer: &Value) -> String {
    let names = answer["names"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut lines = vec![match answer["players"].as_u64() {
        Some(0) => "nobody plays".to_owned(),
        Some(_) => format!("{} play", count(answer)),
        None => "it does not say how many play".to_owned(),
    }];
    lines.extend(names.map(|name| format!("  {name}")));
    lines.join("\n")
}

/// A service with all that is known of it.
pub(super) fn in_full(service: &Value) -> String {
    let state = service["state"].as_str().unwrap_or("not looked at yet");
    let mut lines = vec![format!("{} is {state}", cell(&service["name"]))];
    let mut tell = |name: &str, value: &Value| {
        if !value.is_null() {
            lines.push(format!("  {name:12}  {}", cell(value)));
        }
    };
    tell("kind", &service["kind"]);
    tell("seen", &service["seen_at"]);
    let answer = &service["answer"];
    if !answer["players"].is_null() {
        tell("players", &count(answer).into());
    }
    tell("version", &answer["version"]);
    tell("message", &answer["motd"]);
    tell("join at", &service["join_address"]);
    let staff = &service["staff"];
    tell("runs on", &place(&staff["at"]));
    tell("address", &staff["address"]);
    tell("port", &staff["port"]);
    tell("console", &staff["rcon_port"]);
    tell("doorman", &staff["doorman"]["listen"]);
    tell("door problem", &staff["door_problem"]);
    tell("last look", &staff["report"]["message"]);
    tell("because", &staff["report"]["error"]["message"]);
    lines.join("\n")
}

/// Where it runs, in words; null for those who are not told.
fn place(at: &Value) -> Value {
    let guest = &at["guest"];
    if guest.is_object() {
        return format!("guest {} of {}", guest["vmid"], cell(&guest["host"])).into();
    }
    if at["host"].is_string() { at["host"].clone() } else { at["instance"].clone() }
}

pub(super) const RESTART: [&str; 6] = ["id", "asked_at", "asked_by", "state", "seconds", "error"];

/// A restart as a row under [`RESTART`].
pub(super) fn restart(restart: &Value) -> Vec<String> {
    let mut row = cells(restart, &RESTART[..5]);
    row.push(cell(&restart["error"]["code"]));
    row
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn players_are_counted_as_far_as_the_service_says() {
        assert_eq!(count(&json!({ "players": 2, "most": 20 })), "2/20");
        assert_eq!(count(&json!({ "players": 2, "most": null })), "2");
        assert_eq!(count(&Value::Null), "-");
        assert_eq!(players(&json!({ "players": 0, "names": [] })), "nobody plays");
        let two = json!({ "players": 2, "most": 20, "names": ["Grace", "Linus"] });
        assert_eq!(players(&two), "2/20 play\n  Grace\n  Linus");
    }

    #[test]
    fn who_is_told_less_reads_no_empty_lines() {
        let seen = json!({ "name": "survival", "kind": "minecraft_java", "state": "up", "answer": { "players": 1 } });
        assert_eq!(in_full(&seen), "survival is up\n  kind          minecraft_java\n  players       1");
        let at = json!({ "guest": { "host": "hst_1", "vmid": 105 } });
        assert_eq!(place(&at), "guest 105 of hst_1");
        assert_eq!(place(&json!({ "instance": "ins_1" })), "ins_1");
        assert!(place(&Value::Null).is_null());
    }

    #[test]
    fn a_restart_that_failed_names_why() {
        let row = restart(&json!({ "id": "rst_1", "state": "failed", "error": { "code": "not_ready" } }));
        assert_eq!(row, ["rst_1", "-", "-", "failed", "-", "not_ready"]);
    }
}
