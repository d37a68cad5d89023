//! How a host stands, in words.

use serde_json::Value;

use crate::client::cell;

/// What keeps a host awake: what is busy, or cannot be read.
fn needs(host: &Value) -> Vec<&str> {
    let signals = host["signals"].as_array().into_iter().flatten();
    signals
        .filter(|signal| signal["reading"] != "quiet")
        .filter_map(|signal| signal["reason"].as_str())
        .collect()
}

/// A host as a row: name, state, since, until, what needs it.
pub(super) fn row(host: &Value) -> Vec<String> {
    let needs = needs(host);
    let needs = match needs.as_slice() {
        [] => "-".to_owned(),
        [one] => (*one).to_owned(),
        [first, rest @ ..] => format!("{first} (+{})", rest.len()),
    };
    let cells = ["name", "state", "since", "deadline"].map(|name| cell(&host[name]));
    cells.into_iter().chain([needs]).collect()
}

/// A host in one line.
pub(super) fn line(host: &Value) -> String {
    let mut line = vec![format!("{} is {}", cell(&host["name"]), cell(&host["state"]))];
    line.extend(host["reason"].as_str().map(|reason| format!(" ({reason})")));
    line.extend(host["deadline"].as_str().map(|deadline| format!(", until {deadline} at most")));
    line.extend(host["awake_until"].as_str().map(|until| format!(", kept awake until {until}")));
    if !host["asked"].is_null() && host["state"] != "ready" {
        line.push(", wanted awake".to_owned());
    }
    line.concat()
}

/// A host with everything that needs it, and what each probe found.
pub(super) fn in_full(host: &Value) -> String {
    let mut lines = vec![line(host), format!("since {}", cell(&host["since"]))];
    for signal in host["signals"].as_array().into_iter().flatten() {
        let [reading, kind, reason] = ["reading", "kind", "reason"].map(|name| cell(&signal[name]));
        lines.push(format!("  {reading:10}  {kind:10}  {reason}"));
    }
    for probe in host["probes"].as_array().into_iter().flatten() {
        let answers = match probe["answers"].as_bool() {
            Some(true) => "answers",
            Some(false) => "silent",
            None => "not asked",
        };
        let said = probe["report"]["message"].as_str().unwrap_or_default();
        lines.push(format!("  {answers:10}  {:10}  {said}", cell(&probe["probe"])));
    }
    lines.join("\n")
}

pub(super) const REPORT: [&str; 6] = ["name", "asleep", "awake", "unknown", "wakes", "saved_wh"];

/// How a host spent its time, as a row under [`REPORT`].
pub(super) fn report(report: &Value) -> Vec<String> {
    let hours = |name: &str| {
        let minutes = report[name].as_u64().unwrap_or_default() / 60;
        format!("{}:{:02}", minutes / 60, minutes % 60)
    };
    let times = ["asleep_seconds", "awake_seconds", "unknown_seconds"].map(hours);
    let name = cell(&report["name"]);
    let rest = [cell(&report["wakes"]), cell(&report["saved_wh"])];
    [name].into_iter().chain(times).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_read_keeps_a_host_awake_too() {
        let host = json!({
            "name": "barn", "state": "ready", "since": "x", "deadline": null,
            "signals": [
                { "kind": "asked", "reading": "quiet", "reason": "nobody asks" },
                { "kind": "players", "reading": "busy", "reason": "3 play" },
                { "kind": "tasks", "reading": "unreadable", "reason": "no answer" },
            ],
        });
        assert_eq!(row(&host), ["barn", "ready", "x", "-", "3 play (+1)"]);
        assert!(in_full(&host).contains("unreadable  tasks"), "{}", in_full(&host));
    }

    #[test]
    fn time_is_told_in_hours_and_minutes() {
        let told = json!({
            "name": "barn", "asleep_seconds": 90_060, "awake_seconds": 59, "unknown_seconds": 3600, "wakes": 2,
            "saved_wh": null,
        });
        assert_eq!(report(&told), ["barn", "25:01", "0:00", "1:00", "2", "-"]);
    }
}
