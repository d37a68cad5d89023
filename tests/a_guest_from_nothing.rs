//! The main job by its two faces: `innkeeper demo` is started as a newcomer would, and a container and a VM are made
//! through the command line and through the API.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_innkeeper");

struct Demo {
    child: Child,
    url: String,
    email: String,
    password: String,
    home: tempfile::TempDir,
}

impl Demo {
    fn start() -> Self {
        // Ended by force, the demo cannot remove its folder: it goes with this one.
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(BINARY)
            .env("TMPDIR", home.path())
            .args(["demo", "--no-chain", "--latency", "0.05", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut url, mut email, mut password) = (String::new(), String::new(), String::new());
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["address", address] => (*address).clone_into(&mut url),
                ["sign", "in", who, .., secret] => {
                    (*who).clone_into(&mut email);
                    (*secret).clone_into(&mut password);
                }
                _ if line.starts_with("Ctrl-C") => break,
                _ => {}
            }
        }
        Self { child, url, email, password, home }
    }

    /// Runs a command as a user of the demo; answers its standard output.
    fn run(&self, arguments: &[&str], input: &str) -> (bool, String, String) {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_clear().env("HOME", self.home.path());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let (success, out, err) = self.run(arguments, "");
        assert!(success, "{arguments:?}: {out}{err}");
        out
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_runs_the_main_job_by_command_line_and_api() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let demo = Demo::start();
    let login = ["login", "--url", &demo.url, "--email", &demo.email];
    let (success, _, err) = demo.run(&login, "wrong\n");
    assert!(!success && err.contains("wrong"), "{err}");
    let (success, out, err) = demo.run(&login, &format!("{}\n", demo.password));
    assert!(success && out.contains("signed in"), "{out}{err}");

    // A container by the command line; its steps are told as they happen.
    let create = ["instance", "create", "web", "--template", "Debian 12", "--plan", "Small"];
    let (success, out, err) = demo.run(&create, "");
    assert!(success && out.contains("succeeded"), "{out}{err}");
    for step in ["create: done", "configure: done", "start: done"] {
        assert!(err.contains(step), "{err}");
    }
    let listed = demo.ok(&["instance", "list"]);
    let row = listed.lines().find(|line| line.contains(" web ")).unwrap();
    assert!(row.contains("running") && row.contains("lxc") && row.contains("1024 MiB"), "{listed}");

    // From a template and a plan of one's own.
    demo.ok(&["plan", "add", "Nano", "--size", "1,256,4"]);
    demo.ok(&["template", "add", "Alpine again", "--kind", "lxc"]);
    let volume = "local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz";
    demo.ok(&["template", "source", "Alpine again", "--cluster", "lodge", "--volume", volume]);
    assert!(demo.ok(&["template", "list"]).contains("Alpine again"));
    assert!(demo.ok(&["plan", "list"]).contains("Nano"));
    demo.ok(&["instance", "create", "tiny", "--template", "Alpine again", "--plan", "Nano"]);

    // A VM by the API.
    let http = reqwest::Client::new();
    let session = json!({ "email": demo.email, "password": demo.password });
    let session: Value = http
        .post(format!("{}/api/v1/sessions", demo.url))
        .json(&session)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let token = session["token"].as_str().unwrap();
    let get = async |path: &str| -> Value {
        let request = http.get(format!("{}{path}", demo.url)).bearer_auth(token);
        request.send().await.unwrap().json().await.unwrap()
    };
    let templates = get("/api/v1/templates").await;
    let machine = templates["items"].as_array().unwrap().iter().find(|t| t["kind"] == "qemu").unwrap();
    let body = json!({ "name": "box", "template_id": machine["id"] });
    let request = http.post(format!("{}/api/v1/instances", demo.url)).bearer_auth(token).json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 202);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let mut operation = get(&format!("{location}?wait=30s")).await;
    if operation["state"] == "running" {
        operation = get(&format!("{location}?wait=30s")).await;
    }
    assert_eq!(operation["state"], "succeeded", "{operation:#}");
    let acts: Vec<&str> =
        operation["steps"].as_array().unwrap().iter().map(|s| s["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["create", "configure", "grow", "start"]);
    let instance = get(&format!("/api/v1/instances/{}", operation["instance_id"].as_str().unwrap())).await;
    assert_eq!(instance["state"], "running");
    assert!(instance["address"].is_string(), "{instance:#}");

    // The rest of its life, by the command line.
    for (verb, state) in
        [("stop", "stopped"), ("start", "running"), ("reboot", "running"), ("shutdown", "stopped")]
    {
        demo.ok(&["instance", verb, "box"]);
        let shown = demo.ok(&["instance", "show", "box", "--json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["state"], state, "after {verb}");
    }
    let (success, _, err) = demo.run(&["instance", "delete", "box"], "");
    assert!(!success && err.contains("--yes"), "{err}");
    // Into the trash, out of it, and then for good.
    demo.ok(&["instance", "delete", "box", "--yes"]);
    let (success, _, err) = demo.run(&["instance", "start", "box"], "");
    assert!(!success && err.contains("trash"), "{err}");
    demo.ok(&["instance", "recover", "box"]);
    demo.ok(&["snapshot", "make", "box", "--name", "kept"]);
    assert!(demo.ok(&["snapshot", "list", "box"]).contains("kept"));
    demo.ok(&["instance", "update", "box", "--tag", "demo"]);
    assert!(demo.ok(&["instance", "actions", "box"]).contains("text_console"));
    demo.ok(&["instance", "delete", "box", "--now", "--yes"]);
    assert!(!demo.ok(&["instance", "list"]).contains(" box "));
    let (success, _, err) = demo.run(&["instance", "show", "box"], "");
    assert!(!success && err.contains("no instance is called box"), "{err}");
}
