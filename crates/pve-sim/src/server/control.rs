//! The control port: faults, counters and guests over plain HTTP and JSON, for people and foreign test programs.

use std::sync::Arc;

use bytes::BytesMut;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Shared;
use crate::faults::Rule;

/// The clusters the port controls, by name.
pub(crate) type Clusters = Vec<(String, Arc<Shared>)>;

/// Serves the control port until the simulator ends.
pub(crate) async fn serve(listener: TcpListener, clusters: Clusters) {
    let clusters = Arc::new(clusters);
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let clusters = clusters.clone();
        connections.spawn(async move {
            let _ = one(stream, &clusters).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Answers one request and closes.
async fn one(mut stream: TcpStream, clusters: &Clusters) -> std::io::Result<()> {
    let mut buffer = BytesMut::new();
    let (method, target, at, length) = loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        if let Ok(httparse::Status::Complete(at)) = request.parse(&buffer) {
            let length = request.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-length"));
            let length =
                length.and_then(|h| std::str::from_utf8(h.value).ok()?.trim().parse().ok()).unwrap_or(0);
            let text = |t: Option<&str>| t.unwrap_or_default().to_owned();
            break (text(request.method), text(request.path), at, length);
        }
    };
    while buffer.len() < at + length {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
    let body: Value = serde_json::from_slice(&buffer[at..at + length]).unwrap_or(Value::Null);
    let (status, answer) = match serve_call(clusters, &method, &target, body) {
        Ok(answer) => ("200 OK", answer),
        Err(text) => ("400 Bad Request", json!({ "error": text })),
    };
    let answer = answer.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

fn serve_call(clusters: &Clusters, method: &str, target: &str, body: Value) -> Result<Value, String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let wanted = query.split('&').find_map(|p| p.strip_prefix("cluster="));
    let chosen = clusters.iter().find(|(name, _)| wanted.is_none_or(|w| w == name));
    let (_, cluster) = chosen.ok_or("no such cluster")?;
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    match (method, parts.as_slice()) {
        ("GET", ["faults"]) => Ok(json!(cluster.faults.list())),
        ("POST", ["faults"]) => {
            let rule: Rule = serde_json::from_value(body).map_err(|e| e.to_string())?;
            let id = cluster.faults.add(rule).map_err(|e| e.to_string())?;
            Ok(json!({ "id": id }))
        }
        ("DELETE", ["faults"]) => {
            cluster.faults.clear();
            cluster.world().release_tasks();
            Ok(Value::Null)
        }
        ("DELETE", ["faults", id]) => Ok(json!(id.parse().is_ok_and(|id| cluster.faults.remove(id)))),
        ("GET", ["stats"]) => Ok(json!(cluster.counters.read())),
        ("DELETE", ["stats"]) => {
            cluster.counters.reset();
            Ok(Value::Null)
        }
        ("GET", ["guests"]) => {
            let world = cluster.world();
            Ok(world.guests.values().map(|g| world.live_row(g)).collect())
        }
        ("POST", ["world"]) => bend(cluster, &body),
        _ => Err(format!("no such control: {method} {path}")),
    }
}

/// `{"node":"pve","power":false}` (or `"boot"`: on once it has booted), `{"quorum":false}`, `{"storage":"local","full":true}`, `{"expire_tickets":true}`,
/// `{"revoke":"user@realm!token"}`, `{"guest":100,"ignores_shutdown":true}`, several at once.
fn bend(cluster: &Shared, body: &Value) -> Result<Value, String> {
    let object = body.as_object().ok_or("an object is wanted")?;
    let mut world = cluster.world();
    if let (Some(node), Some(power)) = (object.get("node").and_then(Value::as_str), object.get("power")) {
        match power {
            Value::Bool(true) => world.power_on(node),
            Value::String(boot) if boot == "boot" => world.power_on_later(node),
            _ => world.kill_node(node),
        }
    }
    if let Some(quorum) = object.get("quorum").and_then(Value::as_bool) {
        world.set_quorum(quorum);
    }
    if let (Some(storage), Some(full)) =
        (object.get("storage").and_then(Value::as_str), object.get("full").and_then(Value::as_bool))
    {
        world.set_storage_full(storage, full);
    }
    if object.get("expire_tickets") == Some(&json!(true)) {
        world.expire_tickets();
    }
    if let Some((user, token)) = object.get("revoke").and_then(Value::as_str).and_then(|t| t.split_once('!'))
    {
        world.revoke_token(user, token);
    }
    if let (Some(vmid), Some(deaf)) =
        (object.get("guest").and_then(Value::as_u64), object.get("ignores_shutdown").and_then(Value::as_bool))
        && let Some(guest) = world.guests.get_mut(&(vmid as u32))
    {
        guest.ignores_shutdown = deaf;
    }
    Ok(Value::Null)
}
