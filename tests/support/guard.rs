//! A house that looks after machines, and what its stories ask of both.

use std::net::Ipv4Addr;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::machine::{Machine, Made, NODE};
use super::{DatabaseKind, Server, TestDatabase};

/// One that can be switched off by its API, and whose card asks for a password.
pub const BARN: Made = Made {
    name: "barn",
    mac: "00:23:7d:fd:c0:5c",
    address: Ipv4Addr::new(10, 88, 0, 11),
    secure_on: Some("01:02:03:04:05:06"),
    power_by_api: true,
    ssh: false,
    game: None,
};

/// One that refuses to be switched off by its API.
pub const SHED: Made = Made {
    name: "shed",
    mac: "00:23:7d:fd:c0:6d",
    address: Ipv4Addr::new(10, 88, 0, 12),
    secure_on: None,
    power_by_api: false,
    ssh: true,
    game: None,
};

/// How a machine is looked after, unless `more` says otherwise.
pub fn profile(made: &Made, more: &Value) -> Value {
    let mut profile = json!({
        "address": made.address, "port": 8006,
        "wake": { "by": "packet", "mac": made.mac, "interface": "br0" },
        "automatic": false, "idle_seconds": 30, "countdown_seconds": 10, "startup_seconds": 120,
        "shutdown_seconds": 60, "guest_seconds": 30,
    });
    profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    profile
}

pub struct Guard {
    pub server: Server,
}

impl Guard {
    pub async fn open() -> Self {
        let database = TestDatabase::make(DatabaseKind::Sqlite).await.unwrap();
        Self { server: Server::start(database, &[]).await }
    }

    /// Looks after a machine that is awake; answers the host's path.
    pub async fn look_after(&self, machine: &Machine, profile: &Value) -> String {
        let made = &machine.made;
        let cluster = self.server.post("/clusters", machine.introduction()).await;
        let host = json!({
            "name": made.name, "cluster_id": cluster["id"], "node": NODE, "profile": profile,
            "secrets": { "secure_on": made.secure_on },
        });
        let host = self.server.post("/hosts", host).await;
        let path = format!("/hosts/{}", host["id"].as_str().unwrap());
        self.stands(&path, "ready").await;
        path
    }

    /// A template of containers on the machine's cluster.
    pub async fn template(&self, machine: &Machine) -> String {
        let size = |cores, memory, disk| json!({ "cores": cores, "memory_mib": memory, "disk_gib": disk });
        let template = json!({
            "name": "Debian 12", "kind": "lxc", "least": size(1, 64, 1), "default_size": size(1, 256, 4),
            "most": size(8, 16_384, 100), "reports_address": true,
        });
        let template = self.server.post("/templates", template).await;
        let id = template["id"].as_str().unwrap().to_owned();
        let clusters = self.server.get("/clusters").await;
        let all = clusters["items"].as_array().unwrap();
        let cluster = all.iter().find(|cluster| cluster["name"] == machine.made.name).unwrap();
        let volume = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";
        let source = json!({ "cluster_id": cluster["id"], "volume": volume });
        self.server.post(&format!("/templates/{id}/sources"), source).await;
        id
    }

    /// Has a host go to sleep, once nothing is seen to need it.
    pub async fn lay_to_rest(&self, path: &str) {
        let mut answer = Value::Null;
        for _ in 0..600 {
            let asked = self.server.request(Method::POST, &format!("{path}/sleep"), None).await;
            if asked.0.is_success() {
                return;
            }
            answer = asked.1;
            assert_eq!(answer["code"], "host_needed", "{answer:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it is always needed: {answer:#}");
    }

    /// Waits until a host stands there.
    pub async fn stands(&self, path: &str, state: &str) -> Value {
        self.until(path, &format!("the host is {state}"), |host| host["state"] == state).await
    }

    pub async fn until(&self, path: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Value::Null;
        for _ in 0..1200 {
            seen = self.server.get(path).await;
            if is(&seen) {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it never came true that {what}: {seen:#}");
    }

    pub async fn change(&self, path: &str, change: Value) -> Value {
        let (status, answer) = self.server.request(Method::PATCH, path, Some(change)).await;
        assert!(status.is_success(), "{answer:#}");
        answer
    }

    /// The last turns that a host took, this many.
    pub async fn last_turns(&self, path: &str, count: usize) -> Vec<String> {
        let past = self.server.get(&format!("{path}/history")).await;
        let mut past: Vec<String> =
            past.as_array().unwrap().iter().map(|turn| turn["state"].as_str().unwrap().to_owned()).collect();
        past.dedup();
        past.split_off(past.len().saturating_sub(count))
    }

    /// What the command line says, and whether it ended well.
    pub async fn cli(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = self.server.command(arguments);
        command.env("INNKEEPER_URL", &self.server.url).env("INNKEEPER_TOKEN", &self.server.token);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    /// Dies at once, and is started again.
    pub fn dies(&mut self) {
        self.server.kill();
        self.server.revive();
    }
}

/// Waits for something of the test's own.
pub async fn until(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came true that {what}");
}

/// What a magic packet for this card carries, in hexadecimal.
pub fn magic(made: &Made, password: &str) -> String {
    let plain = |text: &str| text.replace(':', "");
    "ff".repeat(6) + &plain(made.mac).repeat(16) + &plain(password)
}

/// To whom a frame was sent, and what its packet carries: 14 bytes are of Ethernet, 20 of IP and 8 of UDP.
pub fn parts(frame: &str) -> (&str, &str) {
    assert_eq!((&frame[24..28], &frame[46..48]), ("0800", "11"), "UDP over IPv4");
    let length = usize::from_str_radix(&frame[76..80], 16).unwrap();
    (&frame[..12], &frame[84..68 + 2 * length])
}

/// What one probe of a host found.
pub fn answers(host: &Value, probe: &str) -> Option<bool> {
    let probes = host["probes"].as_array().unwrap();
    probes.iter().find(|found| found["probe"] == probe).and_then(|found| found["answers"].as_bool())
}

/// Whether a kind of need keeps a host awake.
pub fn needs(host: &Value, kind: &str) -> bool {
    let signals = host["signals"].as_array().unwrap();
    signals.iter().any(|signal| signal["kind"] == kind && signal["reading"] == "busy")
}
