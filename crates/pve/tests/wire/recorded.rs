//! Every exchange recorded from a real Proxmox VE, where the recordings are at hand: answers are read, refusals named.
//!
//! They lie in `../shared/pve` beside the project or in the folder that `INNKEEPER_SHARED` names; without them these
//! tests say so and pass, and the texts quoted in the unit tests stand for them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pve::Error;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::server::{Reply, Server, ct};

struct Exchange {
    title: String,
    method: String,
    path: String,
    status: u16,
    reason: String,
    body: String,
}

fn shared(file: &str) -> Option<String> {
    let folder = std::env::var_os("INNKEEPER_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let text = std::fs::read_to_string(folder.join("pve").join(file)).ok();
    if text.is_none() {
        println!("skipped: {file} is not here (set INNKEEPER_SHARED)");
    }
    text
}

fn exchanges(text: &str) -> Vec<Exchange> {
    let read = |section: &str| {
        let request = section.lines().find_map(|l| l.strip_prefix("> "))?;
        let status = section.lines().find_map(|l| l.strip_prefix("< HTTP/1.1 "))?;
        let mut words = request.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let path = target.strip_prefix("/api2/json")?.split('?').next()?.to_owned();
        let (code, reason) = status.split_once(' ')?;
        let body =
            section.split_once("\n< \n").map_or("", |(_, rest)| rest.split("```").next().unwrap_or(""));
        let body = body.lines().next().unwrap_or_default().to_owned();
        let title = section.lines().next()?.to_owned();
        Some(Exchange { title, method, path, status: code.parse().ok()?, reason: reason.to_owned(), body })
    };
    text.split("\n### ").filter_map(read).collect()
}

fn readable<T: DeserializeOwned>(data: &Value) -> Result<(), String> {
    T::deserialize(data).map(drop).map_err(|e| e.to_string())
}

/// Reads the answer to `GET path` as the method of this crate for that call would; none if it has no such method.
fn read_as_ours(path: &str, data: &Value) -> Option<Result<(), String>> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    // An empty name makes another call of it on the server; this crate cannot send one.
    if segments.contains(&"") {
        return None;
    }
    Some(match segments[..] {
        ["version"] => readable::<pve::Version>(data),
        ["cluster", "resources"] => readable::<Vec<pve::Resource>>(data).and(every_row_known(data)),
        ["cluster", "nextid"] => readable::<pve::Vmid>(data),
        ["cluster", "tasks"] | ["nodes", _, "tasks"] => readable::<Vec<pve::TaskInfo>>(data),
        ["nodes"] => readable::<Vec<pve::NodeRow>>(data),
        ["nodes", _, "status"] => readable::<pve::NodeStatus>(data),
        ["nodes", _, "network"] => readable::<Vec<pve::NodeNetwork>>(data),
        ["nodes", _, "aplinfo"] => readable::<Vec<pve::Appliance>>(data),
        ["nodes", _, "storage"] => readable::<Vec<pve::NodeStorage>>(data),
        ["nodes", _, "storage", _, "status"] => readable::<pve::NodeStorage>(data),
        ["nodes", _, "storage", _, "content"] => readable::<Vec<pve::Volume>>(data),
        ["nodes", _, "tasks", _, "status"] => readable::<pve::TaskStatus>(data),
        ["nodes", _, "tasks", _, "log"] => readable::<Vec<pve::LogLine>>(data),
        ["nodes", _, "lxc" | "qemu"] => readable::<Vec<pve::GuestStatus>>(data),
        ["nodes", _, "lxc", _, "config"] => readable::<pve::LxcConfig>(data),
        ["nodes", _, "qemu", _, "config"] => readable::<pve::QemuConfig>(data),
        ["nodes", _, "lxc" | "qemu", _, "status", "current"] => readable::<pve::GuestStatus>(data),
        ["nodes", _, "lxc" | "qemu", _, "pending"] => readable::<Vec<pve::PendingOption>>(data),
        ["nodes", _, "lxc" | "qemu", _, "snapshot"] => readable::<Vec<pve::Snapshot>>(data),
        ["nodes", _, "lxc" | "qemu", _, "rrddata"] | ["nodes", _, "rrddata"] => {
            readable::<Vec<pve::RrdPoint>>(data)
        }
        ["nodes", _, "lxc" | "qemu", _, "firewall", "options"] => readable::<pve::FirewallOptions>(data),
        ["nodes", _, "lxc" | "qemu", _, "firewall", "rules"] => readable::<Vec<pve::FirewallRule>>(data),
        ["pools"] => readable::<Vec<pve::Pool>>(data),
        ["pools", _] => readable::<pve::Pool>(data),
        ["access", "permissions"] => readable::<pve::Permissions>(data),
        ["access", "acl"] => readable::<Vec<pve::AclEntry>>(data),
        ["access", "roles"] => readable::<Vec<pve::Role>>(data),
        ["access", "users"] => readable::<Vec<pve::User>>(data),
        _ => return None,
    })
}

/// Rows that cannot be read are kept as they came; a recorded guest, node, storage or pool must not be among them.
fn every_row_known(data: &Value) -> Result<(), String> {
    let rows: Vec<pve::Resource> = serde_json::from_value(data.clone()).map_err(|e| e.to_string())?;
    let ours = ["lxc", "qemu", "node", "storage", "pool"];
    let lost = rows
        .iter()
        .find(|row| matches!(row, pve::Resource::Other(v) if ours.iter().any(|t| v["type"] == *t)));
    lost.map_or(Ok(()), |row| Err(format!("not understood: {row:?}")))
}

#[test]
fn recorded_answers_are_read() {
    let Some(text) = shared("transcripts.md") else { return };
    let mut read = 0;
    for exchange in exchanges(&text).iter().filter(|e| e.method == "GET" && e.status == 200) {
        let Ok(answer) = serde_json::from_str::<Value>(&exchange.body) else { continue };
        if let Some(outcome) = read_as_ours(&exchange.path, &answer["data"]) {
            outcome.unwrap_or_else(|e| panic!("{}: {} {e}", exchange.title, exchange.path));
            read += 1;
        }
    }
    assert!(read > 150, "only {read} answers were found");
}

#[test]
fn answers_of_the_sweep_are_read() {
    let Some(text) = shared("get-sweep.json") else { return };
    let sweep: BTreeMap<String, (String, String)> = serde_json::from_str(&text).unwrap();
    let mut read = 0;
    for (path, (status, body)) in &sweep {
        let Ok(answer) = serde_json::from_str::<Value>(body) else { continue };
        if status == "200"
            && let Some(outcome) = read_as_ours(path, &answer["data"])
        {
            outcome.unwrap_or_else(|e| panic!("{path}: {e}"));
            read += 1;
        }
    }
    assert!(read > 20, "only {read} answers were found");
}

#[tokio::test]
async fn recorded_refusals_have_a_name() {
    let Some(text) = shared("transcripts.md") else { return };
    let current = Arc::new(Mutex::new(String::new()));
    let server = Server::start({
        let current = Arc::clone(&current);
        move |_| Reply::SendAndClose(current.lock().unwrap().clone())
    })
    .await;
    let client = server.client();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut unnamed = Vec::new();
    // A websocket is refused in another way; see the consoles.
    for exchange in exchanges(&text).iter().filter(|e| e.status >= 400 && !e.path.ends_with("vncwebsocket")) {
        let Exchange { status, reason, body, .. } = exchange;
        *current.lock().unwrap() =
            format!("HTTP/1.1 {status} {reason}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let error = match exchange.method.as_str() {
            "GET" | "HEAD" => client.version().await.unwrap_err(),
            _ => client.guest(&ct()).stop().await.unwrap_err(),
        };
        assert!(!error.to_string().is_empty() && !error.to_string().ends_with('\n'), "{}", exchange.title);
        let name = format!("{error:?}").split([' ', '(']).next().unwrap_or_default().to_owned();
        *names.entry(name).or_default() += 1;
        if let Error::Server { message, .. } = error {
            unnamed.push(message);
        }
    }
    assert!(names.values().sum::<usize>() > 90, "{names:?}");
    for expected in
        ["InvalidParameters", "Unauthorized", "Forbidden", "GuestMissing", "AlreadyExists", "NoQuorum"]
    {
        assert!(names.contains_key(expected), "{expected} is missing in {names:?}");
    }
    println!("{names:#?}\n{unnamed:#?}");
    assert!(unnamed.len() < 20, "{unnamed:#?}");
}
