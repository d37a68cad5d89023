//! Asking a service by its own protocol whether it is there.

use std::time::Duration;

use innkeeper_connectors::hook::{self, Hook, Method};
use innkeeper_connectors::minecraft::{Error as Silence, status};
use innkeeper_connectors::tcp;
use innkeeper_domain::reports::Report;
use innkeeper_domain::services::{Answer, Heard, Service, ServiceKind};
use innkeeper_domain::time::Clock;

/// Asks once. Never takes longer than `patience`, and as long again for a server of before 1.7.
pub(super) async fn ask(clock: &Clock, service: &Service, host: &str, patience: Duration) -> (Heard, Report) {
    let port = service.port;
    match service.kind {
        ServiceKind::MinecraftJava => {
            let mut said = status::java(host, port, patience).await;
            if matches!(said, Err(Silence::NotMinecraft(_) | Silence::Lost(_)))
                && let Ok(older) = status::legacy(host, port, patience).await
            {
                said = Ok(older);
            }
            minecraft(clock, &said)
        }
        ServiceKind::MinecraftBedrock => minecraft(clock, &status::bedrock(host, port, patience).await),
        ServiceKind::Tcp => plain(tcp::open(clock, host, port, patience).await, "connect_us"),
        ServiceKind::Http => {
            let name = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            let path = service.path.as_deref().unwrap_or("/");
            let hook = Hook {
                url: format!("http://{name}:{port}{path}").into(),
                method: Method::Get,
                headers: Vec::new(),
                body: None,
            };
            plain(hook::call(clock, &hook, patience).await, "")
        }
    }
}

fn minecraft(clock: &Clock, said: &Result<status::Status, Silence>) -> (Heard, Report) {
    let report = status::report(clock, said);
    let heard = match said {
        Ok(status) => Heard::Answer(Answer {
            players: status.online,
            most: status.max,
            version: Some(status.version.clone()).filter(|version| !version.is_empty()),
            names: status.sample.clone(),
            motd: Some(status.motd.clone()).filter(|motd| !motd.is_empty()),
            latency_us: u64::try_from(status.latency.as_micros()).ok(),
        }),
        Err(error) if error.code() == "refused" => Heard::Refused,
        Err(_) => Heard::Nothing,
    };
    (heard, report)
}

fn plain(report: Report, latency: &str) -> (Heard, Report) {
    let latency_us = report.details.get(latency).and_then(serde_json::Value::as_u64);
    let heard = match &report.error {
        None => Heard::Answer(Answer { latency_us, ..Answer::default() }),
        Some(error) if error.code == "refused" => Heard::Refused,
        Some(_) => Heard::Nothing,
    };
    (heard, report)
}
