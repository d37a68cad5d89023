//! Says where two answers differ, once what changes from run to run is taken out of both.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::fixture;
use crate::wire;

/// Numbers that measure rather than decide: only their type is compared.
const MEASURED: &[&str] = &[
    "cpu",
    "mem",
    "uptime",
    "disk",
    "netin",
    "netout",
    "diskread",
    "diskwrite",
    "pid",
    "pstart",
    "starttime",
    "endtime",
    "ctime",
    "time",
    "timestamp",
    "snaptime",
    "created",
    "size",
    "used",
    "total",
    "avail",
    "used_fraction",
    "free",
    "memhost",
    "uid",
    "utc",
    "maxdisk",
];

/// Texts that are sets: their order changes from answer to answer.
const SETS: &[&str] = &["content"];

/// What an operator's or a host's figures depend on, not Proxmox: compared by type below these paths.
const HOST: &[&str] = &["[node/", "metric"];

static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (
            r"UPID:([a-z0-9-]+):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:([^:]*):([^:]*):([^:]*):",
            "UPID:$1:-:-:-:$2:$3:$4:",
        ),
        (r"(?s)-----BEGIN CERTIFICATE-----.*", "<certificate>"),
        (r"PVE:([^:]+):[0-9A-F]{8}::\S+", "PVE:$1:<signed>"),
        (r"PVE:!tfa!(.*?):[0-9A-F]{8}::\S+", "PVE:!tfa!$1:<signed>"),
        (r"^.{8}:PVEVNC:[0-9A-F]{8}::\S+", "<password>:PVEVNC:<signed>"),
        (r"PVEVNC:[0-9A-F]{8}::\S+", "PVEVNC:<signed>"),
        (r"^[0-9A-F]{8}:[A-Za-z0-9+/]{43}$", "<csrf>"),
        (r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", "<fingerprint>"),
        (r"(?i)\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", "<mac>"),
        (r"fe80::[0-9a-f:]+", "<link-local>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
        (r"\b[0-9a-f]{64}\b", "<digest>"),
        (r"\b[0-9a-f]{40}\b", "<digest>"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<time>"),
        (r"\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d", "<time>"),
        (r"\d\d:\d\d:\d\d", "<duration>"),
        (r"Total bytes (read|written): .*", "Total bytes $1: <size>"),
        (r"^((?:Number of|Total|Literal|File list|sent) [^0-9]*)[0-9].*", "$1<figures>"),
        (r"^total size is .*", "total size is <figures>"),
        (r"[\d.]+ ?[KMG]i?B/s", "<rate>"),
        (r"[\d.]+ ?[KMG]i?B\b", "<size>"),
        (r"ctime=\d+", "ctime=<time>"),
        (r"\.tmp\.\d+", ".tmp.<pid>"),
        (r"^\d+:(pve\d*)$", "<number>:$1"),
    ]
    .into_iter()
    .map(|(pattern, with)| (Regex::new(pattern).expect("pattern"), with))
    .collect()
});

/// Text without its volatile parts.
pub(crate) fn settle(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, with) in RULES.iter() {
        text = pattern.replace_all(&text, *with).into_owned();
    }
    text
}

/// Everything in which `ours` differs from the recorded answer, one line each.
pub(crate) fn differences(recorded: &fixture::Answer, ours: &wire::Answer) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |what: &str, theirs: String, mine: String| {
        if theirs != mine {
            found.push(format!("{what}: recorded `{theirs}`, simulator `{mine}`"));
        }
    };
    say("status", recorded.status.to_string(), ours.status.to_string());
    say("reason", settle(&recorded.reason), settle(&ours.reason));
    for name in ["Connection", "Content-Type", "Upgrade", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"] {
        let theirs: Vec<_> = recorded
            .headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
            .collect();
        say(name, theirs.join(" + "), ours.all(name).join(" + "));
    }
    let length = |present: bool| if present { "present" } else { "absent" }.to_owned();
    say(
        "Content-Length",
        length(recorded.header("content-length").is_some()),
        length(ours.first("content-length").is_some()),
    );
    if recorded.status != 101 {
        say("bytes after the body", "0".into(), ours.surplus.len().to_string());
    }
    let is_json = recorded.header("content-type").is_some_and(|v| v.contains("json"))
        || recorded.body.starts_with("{\"");
    if is_json {
        // How many lines a log has counts; how many tasks or bytes there are in all depends on the house.
        let (theirs, mine) = (recorded.json(), ours.json());
        if theirs["data"][0].get("t").is_some() && theirs["total"] != mine["total"] {
            found.push(format!("body.total: recorded {}, simulator {}", theirs["total"], mine["total"]));
        }
        compare("body", &recorded.json(), &ours.json(), recorded.shortened, &mut found);
    } else if recorded.header("content-type").is_none() {
        let mut say = |theirs: String, mine: String| {
            if theirs != mine {
                found.push(format!("body: recorded `{theirs}`, simulator `{mine}`"));
            }
        };
        say(settle(recorded.body.trim_end()), settle(ours.text().trim_end()));
    }
    found
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn compare(path: &str, theirs: &Value, ours: &Value, shortened: bool, found: &mut Vec<String>) {
    let key = path.rsplit('.').next().unwrap_or("");
    match (theirs, ours) {
        (Value::Object(a), Value::Object(b)) => {
            for name in a.keys().filter(|name| !b.contains_key(*name)) {
                found.push(format!("{path}.{name}: missing (recorded {})", a[name]));
            }
            for name in b.keys().filter(|name| !a.contains_key(*name)) {
                found.push(format!("{path}.{name}: not recorded (simulator {})", b[name]));
            }
            for (name, value) in a {
                if let Some(mine) = b.get(name) {
                    compare(&format!("{path}.{name}"), value, mine, shortened, found);
                }
            }
        }
        (Value::Array(a), Value::Array(b)) => lists(path, a, b, shortened, found),
        (Value::String(a), Value::String(b)) => {
            if key == "password" {
                if a.len() != b.len() {
                    found.push(format!("{path}: recorded {} characters, simulator {}", a.len(), b.len()));
                }
            } else if !MEASURED.contains(&key) {
                let set = |text: &str| {
                    let mut words: Vec<_> = text.split(',').collect();
                    words.sort_unstable();
                    words.join(",")
                };
                let (a, b) = if SETS.contains(&key) { (set(a), set(b)) } else { (settle(a), settle(b)) };
                if a != b {
                    found.push(format!("{path}: recorded {a:?}, simulator {b:?}"));
                }
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let measured = MEASURED.contains(&key) || HOST.iter().any(|part| path.contains(part));
            if !measured && a.as_f64() != b.as_f64() {
                found.push(format!("{path}: recorded {a}, simulator {b}"));
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}: recorded {} {a}, simulator {} {b}", kind(a), kind(b))),
    }
}

/// What tells the elements of a list apart, where they are objects.
fn identity(value: &Value) -> Option<String> {
    let object = value.as_object()?;
    if let (Some(id), Some(metric)) = (object.get("id"), object.get("metric")) {
        return Some(format!("{id} metric {metric}"));
    }
    if let Some(id) = object.get("id").and_then(Value::as_str).filter(|id| id.contains('/')) {
        return Some(id.to_owned());
    }
    [
        "upid",
        "vmid",
        "storage",
        "key",
        "id",
        "n",
        "name",
        "iface",
        "service",
        "path",
        "volid",
        "tokenid",
        "userid",
        "pos",
        "handle",
        "sid",
        "ip-address",
        "time",
        "timestamp",
        "uid",
    ]
    .iter()
    .find_map(|name| object.get(*name))
    .map(|value| match value {
        Value::String(text) => settle(text),
        other => other.to_string(),
    })
}

/// Times and message numbers order a list without naming its elements.
fn ordered_only(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|o| (o.contains_key("time") || o.contains_key("timestamp")) && !o.contains_key("metric"))
}

fn lists(path: &str, a: &[Value], b: &[Value], shortened: bool, found: &mut Vec<String>) {
    let named = a.iter().chain(b).all(|v| identity(v).is_some()) && !a.iter().chain(b).any(ordered_only);
    if !named {
        if a.len() != b.len() && !shortened {
            found.push(format!("{path}: recorded {} elements, simulator {}", a.len(), b.len()));
        }
        for (at, (theirs, ours)) in a.iter().zip(b).enumerate() {
            compare(&format!("{path}.{at}"), theirs, ours, false, found);
        }
        return;
    }
    let mut left: Vec<&Value> = b.iter().collect();
    for theirs in a {
        let id = identity(theirs);
        if let Some(at) = left.iter().position(|ours| identity(ours) == id) {
            let label = format!("{path}[{}]", id.unwrap_or_default().replace('.', "·"));
            compare(&label, theirs, left.remove(at), false, found);
        } else {
            found.push(format!("{path}: element {} is missing", id.unwrap_or_default()));
        }
    }
    if !shortened {
        for ours in left {
            let id = identity(ours).unwrap_or_default();
            found.push(format!("{path}: element {id} was not recorded"));
        }
    }
}

#[test]
fn the_comparison_sees_what_it_must_see() {
    let see = |a: &str, b: &str| {
        let mut found = Vec::new();
        let (a, b) = (serde_json::from_str(a).unwrap(), serde_json::from_str(b).unwrap());
        compare("body", &a, &b, false, &mut found);
        found
    };
    assert!(see(r#"{"mem":1,"vmid":100}"#, r#"{"mem":2,"vmid":100}"#).is_empty());
    assert_eq!(see(r#"{"mem":1}"#, r#"{"mem":"1"}"#).len(), 1, "types count");
    assert_eq!(see(r#"{"vmid":100}"#, r#"{"vmid":101}"#).len(), 1, "values count");
    assert_eq!(see(r#"{"a":1}"#, r#"{"b":1}"#).len(), 2, "keys count both ways");
    assert_eq!(see(r#"[{"n":1,"t":"x"}]"#, r#"[{"n":1,"t":"y"}]"#).len(), 1);
    assert_eq!(see(r#"[{"vmid":1}]"#, r#"[{"vmid":1},{"vmid":2}]"#).len(), 1);
    assert!(
        see(
            r#""UPID:pve:00000126:0003389D:6B00E899:vzstart:4711:root@pam!lab:""#,
            r#""UPID:pve:00000001:00000002:6B000000:vzstart:4711:root@pam!lab:""#
        )
        .is_empty()
    );
    assert_eq!(
        see(
            r#""UPID:pve:00000126:0003389D:6B00E899:vzstart:4711:root@pam!lab:""#,
            r#""UPID:pve:00000001:00000002:6B000000:vzstop:4711:root@pam!lab:""#
        )
        .len(),
        1
    );
}
