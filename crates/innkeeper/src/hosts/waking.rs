//! Following a host that wakes, until it is ready or cannot be woken.

use std::time::Duration;

use anyhow::bail;
use serde_json::Value;

use super::shown;
use crate::client::{Server, cell};

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What becomes of waking a host.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// It serves.
    Ready,
    /// It is on its way.
    Wait,
    /// It will not wake.
    Lost,
}

/// Somebody has asked for this host. The server ends every state on the way by its deadline.
fn outcome(host: &Value) -> Outcome {
    let asked = !host["asked"].is_null();
    match host["state"].as_str().unwrap_or_default() {
        "ready" | "idle" => Outcome::Ready,
        "waking" | "booting" => Outcome::Wait,
        // Until the next look, what was asked for stands beside where the host stood before.
        "off" | "error" | "unknown" | "draining" | "shutting_down" if asked => Outcome::Wait,
        _ => Outcome::Lost,
    }
}

/// Tells each turn of the host, until it is ready.
pub(super) async fn follow(
    server: &Server,
    path: &str,
    mut host: Value,
    quiet: bool,
) -> anyhow::Result<Value> {
    let mut told = String::new();
    loop {
        let line = shown::line(&host);
        if !quiet && line != told {
            eprintln!("  {line}");
        }
        told = line;
        match outcome(&host) {
            Outcome::Ready => return Ok(host),
            Outcome::Wait => {}
            Outcome::Lost => {
                bail!("{told}\n  try: innkeeper host check {}, then wake it again", cell(&host["name"]))
            }
        }
        tokio::time::sleep(EVERY).await;
        host = server.get(path).await?;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_of_before_is_not_the_answer_to_being_asked() {
        let host = |state, asked| outcome(&json!({ "state": state, "asked": asked }));
        let wish = json!({ "at": "2026-11-21T00:00:00Z" });
        assert_eq!(host("error", wish.clone()), Outcome::Wait);
        assert_eq!(host("shutting_down", wish), Outcome::Wait);
        assert_eq!(host("error", Value::Null), Outcome::Lost);
        assert_eq!(host("off", Value::Null), Outcome::Lost);
        assert_eq!(host("maintenance", Value::Null), Outcome::Lost);
        assert_eq!(host("booting", Value::Null), Outcome::Wait);
        assert_eq!(host("ready", Value::Null), Outcome::Ready);
    }
}
