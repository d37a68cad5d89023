//! `innkeeper serve` as a child process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Lab, TestDatabase};

const BINARY: &str = env!("CARGO_BIN_EXE_innkeeper");
const EMAIL: &str = "admin@inn.example";
const PASSWORD: &str = "correct horse battery";

pub struct Server {
    child: Option<Child>,
    pub url: String,
    pub token: String,
    folder: tempfile::TempDir,
    database: TestDatabase,
    http: reqwest::Client,
    settings: Vec<(&'static str, String)>,
}

impl Server {
    /// Sets up a house with an administrator and starts it. The settings are environment variables without their
    /// prefix, for example `("ENGINE__SETTLE_MS", "200")`.
    pub async fn start(database: TestDatabase, settings: &[(&'static str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let settings = settings.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(90)).build().unwrap();
        let mut server =
            Self { child: None, url: String::new(), token: String::new(), folder, database, http, settings };
        let mut create =
            server.command(&["admin", "create", "--email", EMAIL]).stdin(Stdio::piped()).spawn().unwrap();
        writeln!(create.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        assert!(create.wait().unwrap().success(), "the administrator could not be made");
        server.revive();
        let signed_in = server.post("/sessions", json!({ "email": EMAIL, "password": PASSWORD })).await;
        signed_in["token"].as_str().unwrap().clone_into(&mut server.token);
        server
    }

    /// A second process over the same database, with the same key.
    pub fn replica(&self) -> Self {
        let mut settings = self.settings.clone();
        let key = self.folder.path().join("secret.key");
        settings.push(("SECRETS__KEY_FILE", key.to_str().unwrap().to_owned()));
        let mut server = Self {
            child: None,
            url: String::new(),
            token: self.token.clone(),
            folder: tempfile::tempdir().unwrap(),
            database: self.database.clone(),
            http: self.http.clone(),
            settings,
        };
        server.revive();
        server
    }

    /// The binary with this house's settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("INNKEEPER__DATA_DIR", self.folder.path());
        command.env("INNKEEPER__SERVER__LISTEN", "127.0.0.1:0");
        // Houses of these tests are large.
        for what in ["INSTANCES", "CORES", "MEMORY_MIB", "DISK_GIB"] {
            command.env(format!("INNKEEPER__QUOTAS__{what}"), "1000000000");
        }
        command.env(
            "INNKEEPER__LOG__FILTER",
            std::env::var("SYSTEM_TEST_LOG").unwrap_or_else(|_| "error".into()),
        );
        command.env("HOME", self.folder.path());
        if let Some(url) = self.database.url() {
            command.env("INNKEEPER__DATABASE__URL", url);
        }
        for (key, value) in &self.settings {
            command.env(format!("INNKEEPER__{key}"), value);
        }
        command
    }

    /// The folder of the house.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of what it logs, where the settings say what that is.
    pub fn log(&self) -> std::path::PathBuf {
        self.folder.path().join("log")
    }

    /// Starts the process; returns when it listens.
    pub fn revive(&mut self) {
        let mut command = self.command(&["serve"]);
        if self.settings.iter().any(|(key, _)| *key == "LOG__FILTER") {
            let log = std::fs::File::options().create(true).append(true).open(self.log()).unwrap();
            command.stderr(log);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ");
        url.unwrap_or_else(|| panic!("the server did not start: {line:?}")).clone_into(&mut self.url);
        self.child = Some(child);
    }

    /// Ends the process at once, by SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub async fn request(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request =
            self.http.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.request(Method::GET, path, None).await;
        assert!(status.is_success(), "GET {path}: {status} {body:#}");
        body
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.request(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "POST {path}: {status} {answer:#}");
        answer
    }

    /// Adds the clusters of a lab, a container template and a VM template that all of them have.
    pub async fn furnish(&self, lab: &Lab) -> (String, String) {
        let size = |cores, memory, disk| json!({ "cores": cores, "memory_mib": memory, "disk_gib": disk });
        let template = |name: &str, kind: &str| {
            json!({
                "name": name, "kind": kind, "least": size(1, 64, 1), "default_size": size(1, 256, 4),
                "most": size(8, 16_384, 100), "reports_address": true,
            })
        };
        let container = self.post("/templates", template("Debian 12", "lxc")).await;
        let machine = self.post("/templates", template("Debian 12 VM", "qemu")).await;
        let ids = [&container, &machine].map(|template| template["id"].as_str().unwrap().to_owned());
        for name in &lab.names {
            let cluster = self.post("/clusters", lab.introduction(name)).await;
            let volume = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";
            let source = json!({ "cluster_id": cluster["id"], "volume": volume });
            self.post(&format!("/templates/{}/sources", ids[0]), source).await;
            for (vmid, endpoint) in (9000..).zip(lab.sim.cluster(name).endpoints()) {
                let source = json!({ "cluster_id": cluster["id"], "node": endpoint.node, "vmid": vmid });
                self.post(&format!("/templates/{}/sources", ids[1]), source).await;
            }
        }
        let [container, machine] = ids;
        (container, machine)
    }

    /// Asks for an instance; answers the operation.
    pub async fn create(&self, name: &str, template: &str) -> Value {
        self.post("/instances", json!({ "name": name, "template_id": template })).await
    }

    /// Brings an instance that runs to where the verb makes sense.
    pub async fn prepare(&self, verb: &str, instance: &str) {
        let first = match verb {
            "start" | "duplicate" => "stop",
            "rollback" | "delete_snapshot" => "snapshot",
            "resume" => "pause",
            "restore" => "backup",
            _ => return,
        };
        let done = self.ask(first, instance).await;
        assert_eq!(self.settled(&done).await["state"], "succeeded");
    }

    /// Asks for a change of an instance; answers the operation.
    pub async fn ask(&self, verb: &str, instance: &str) -> Value {
        let of = |path: &str| format!("/instances/{instance}{path}");
        let (method, path, body) = match verb {
            "delete" => (Method::DELETE, of("?now=true"), None),
            "update" => (Method::PATCH, of(""), Some(json!({ "tags": ["crash", "test"] }))),
            "snapshot" => (Method::POST, of("/snapshots"), Some(json!({ "name": "kept" }))),
            "rollback" => (Method::POST, of("/snapshots/kept/rollback"), None),
            "delete_snapshot" => (Method::DELETE, of("/snapshots/kept"), None),
            "rebuild" => {
                let name = self.get(&of("")).await["name"].clone();
                (Method::POST, of("/rebuild"), Some(json!({ "confirm": name })))
            }
            "duplicate" => {
                let name = format!("copy-{}", &instance[instance.len() - 12..]);
                (Method::POST, of("/duplicate"), Some(json!({ "name": name })))
            }
            "backup" => (Method::POST, of("/backups"), Some(json!({}))),
            "restore" => {
                let name = self.get(&of("")).await["name"].clone();
                let backup = self.get(&of("/backups")).await["items"][0]["id"].clone();
                (Method::POST, of("/restore"), Some(json!({ "confirm": name, "backup_id": backup })))
            }
            "migrate" => (Method::POST, of("/migrate"), Some(json!({}))),
            "resize" => {
                let now = self.get(&of("")).await["size"].clone();
                let more = |name: &str| json!(now[name].as_u64().unwrap() + 1);
                let size = json!({
                    "cores": more("cores"), "memory_mib": more("memory_mib"), "disk_gib": more("disk_gib"),
                });
                (Method::POST, of("/resize"), Some(json!({ "size": size })))
            }
            verb => (Method::POST, of(&format!("/{verb}")), None),
        };
        let (status, answer) = self.request(method, &path, body).await;
        assert!(status.is_success(), "{verb}: {answer:#}");
        answer
    }

    /// Waits until an operation has ended.
    pub async fn settled(&self, operation: &Value) -> Value {
        let id = operation["id"].as_str().unwrap();
        for _ in 0..20 {
            let now = self.get(&format!("/operations/{id}?wait=10s")).await;
            if ["succeeded", "failed", "superseded"].contains(&now["state"].as_str().unwrap()) {
                return now;
            }
        }
        panic!("operation {id} did not end: {:#}", self.get(&format!("/operations/{id}")).await);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
