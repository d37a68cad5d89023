//! Following the restart of a service to its end.

use anyhow::{Context, bail};
use serde_json::Value;

use crate::client::{Server, cell};

/// A restart in one line.
pub(super) fn line(service: &str, restart: &Value) -> String {
    let due = || format!("until {} at most", cell(&restart["due_at"]));
    match restart["state"].as_str().unwrap_or_default() {
        "announcing" => format!("players of {service} are told; it restarts at {}", cell(&restart["due_at"])),
        "saving" => format!("the world of {service} is saved, {}", due()),
        "rebooting" => format!("the guest of {service} reboots, {}", due()),
        "waiting" => format!("{service} is awaited, {}", due()),
        "done" => format!("{service} answers again, {} s after it was asked for", cell(&restart["seconds"])),
        "failed" => format!("{service} was not restarted: {}", cell(&restart["error"]["message"])),
        state => format!("{service}: {state}"),
    }
}

/// An error, where the restart has failed.
pub(super) fn ended(service: &str, restart: &Value) -> anyhow::Result<()> {
    if restart["state"] == "failed" {
        bail!("the restart of {service} has failed ({})", cell(&restart["error"]["code"]));
    }
    Ok(())
}

/// Tells each turn of the restart, until it has ended. The server ends each of its states by its deadline.
pub(super) async fn follow(
    server: &Server,
    service: &str,
    mut restart: Value,
    quiet: bool,
) -> anyhow::Result<Value> {
    let id = restart["id"].as_str().context("the server's answer holds no restart")?.to_owned();
    let mut told = Value::Null;
    loop {
        if matches!(restart["state"].as_str(), Some("done" | "failed")) {
            return Ok(restart);
        }
        if !quiet && restart["state"] != told {
            eprintln!("  {}", line(service, &restart));
        }
        told = restart["state"].clone();
        // Short waits, so that each turn is shown.
        restart = server.get(&format!("/api/v1/restarts/{id}?wait=1s")).await?;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_restart_is_told_as_it_stands_and_a_failed_one_is_an_error() {
        let done = json!({ "state": "done", "seconds": 42 });
        assert_eq!(line("survival", &done), "survival answers again, 42 s after it was asked for");
        ended("survival", &done).unwrap();
        let failed = json!({ "state": "failed", "error": { "code": "not_ready", "message": "no answer" } });
        assert_eq!(line("survival", &failed), "survival was not restarted: no answer");
        assert!(ended("survival", &failed).unwrap_err().to_string().contains("not_ready"));
        ended("survival", &json!({ "state": "announcing" })).unwrap();
    }
}
