//! Clients of Proxmox VE written by others drive the simulator and must see what they would see on a
//! real server. They are installed by `install.sh` beside this file, never by this test; where they are
//! missing it says so and passes, unless `CI=true`.
#![allow(clippy::unwrap_used)]

#[path = "../wire/mod.rs"]
mod wire;

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pve_sim::{ClusterOptions, Options, Sim};
use serde_json::{Value, json};

const SECRET: &str = "7e0b5a0e-3f0a-4d38-9d0c-0c8f1f3c9d11";

fn installed() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    target.join("foreign")
}

/// The folder the clients are in, or `None` when this machine has none and need not.
fn ready(program: &Path) -> Option<PathBuf> {
    let folder = installed();
    if folder.join(program).exists() {
        return Some(folder);
    }
    let say = format!(
        "{} is not installed: run crates/pve-sim/tests/foreign/install.sh",
        folder.join(program).display()
    );
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{say}");
    println!("skipped: {say}");
    None
}

/// The certificate the simulator shows, as a file another program can trust.
async fn certificate(place: &wire::Place, folder: &Path) -> PathBuf {
    let stream = place.connect().await;
    let (_, session) = stream.get_ref();
    let mut text = String::new();
    for certificate in session.peer_certificates().unwrap() {
        text += "-----BEGIN CERTIFICATE-----\n";
        for line in STANDARD.encode(certificate).as_bytes().chunks(64) {
            text += std::str::from_utf8(line).unwrap();
            text += "\n";
        }
        text += "-----END CERTIFICATE-----\n";
    }
    let file = folder.join("ca.pem");
    std::fs::write(&file, text).unwrap();
    file
}

/// Starts a simulator, runs one script against it, and gives back what the script saw.
async fn drive(program: &Path, script: &str, modules: &Path) -> Value {
    let done = run(program, script, modules, Trust::TheSimulator).await;
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{script} failed: {}\n{err}\n{out}", done.status);
    serde_json::from_str(out.lines().last().unwrap_or_default())
        .unwrap_or_else(|_| panic!("{script} said {out}"))
}

/// Whose certificate a script is told to trust.
enum Trust {
    TheSimulator,
    SomebodyElse,
}

async fn run(program: &Path, script: &str, modules: &Path, trust: Trust) -> Output {
    let options = Options { clusters: vec![ClusterOptions::named("lab", &["pve"])], ..Options::default() };
    let sim = Sim::start(options).await.unwrap();
    let cluster = sim.cluster("lab");
    cluster.with(|world| {
        world.set_password("root@pam", "root-pw-12");
        world.add_token("root@pam", "foreign", false, SECRET);
    });
    let endpoint = cluster.endpoint("pve");
    let place = wire::Place::new(endpoint.addr, &endpoint.fingerprint);
    let folder = tempfile::tempdir().unwrap();
    let ca = match trust {
        Trust::TheSimulator => certificate(&place, folder.path()).await,
        Trust::SomebodyElse => {
            let other = Sim::start(Options::default()).await.unwrap();
            let endpoint = other.clusters()[0].endpoints()[0].clone();
            certificate(&wire::Place::new(endpoint.addr, &endpoint.fingerprint), folder.path()).await
        }
    };
    let run = tokio::process::Command::new(program)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(script))
        .env("PVE_HOST", endpoint.addr.ip().to_string())
        .env("PVE_PORT", endpoint.addr.port().to_string())
        .env("PVE_CA", &ca)
        .env("PVE_USER", "root@pam")
        .env("PVE_PASSWORD", "root-pw-12")
        .env("PVE_TOKEN_NAME", "foreign")
        .env("PVE_TOKEN_VALUE", SECRET)
        .env("PVE_NODE", "pve")
        .env("PVE_TEMPLATE", "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst")
        .env("PVE_STORAGE", "local-lvm")
        .env("FOREIGN_MODULES", modules)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let done = tokio::time::timeout(Duration::from_mins(2), run).await.expect("the client ends").unwrap();
    sim.shutdown().await;
    done
}

/// The scripts verify: with another server's certificate to trust, none of them talks to ours.
async fn assert_refuses_a_stranger(program: &Path, script: &str, modules: &Path) {
    let done = run(program, script, modules, Trust::SomebodyElse).await;
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(!done.status.success(), "{script} talked to a server it should not trust: {said}");
    assert!(said.to_lowercase().contains("certificate"), "{script} failed for another reason: {said}");
}

fn refused(status: u16, reason: &str) -> Value {
    json!({ "status": status, "reason": reason })
}

/// One container's life as every client must have seen it.
fn assert_life(seen: &Value, vmid: u32) {
    let successful =
        |text: &Value| text == "OK" || text.as_str().is_some_and(|t| t.starts_with("WARNINGS: "));
    assert_eq!(seen["version"], "9.2.11");
    for task in ["create", "start", "stop", "delete"] {
        assert!(successful(&seen[task]), "{task}: {}", seen[task]);
    }
    assert_eq!([&seen["created"], &seen["started"], &seen["stopped"]], ["stopped", "running", "stopped"]);
    assert_eq!(seen["memory"], 256);
    assert_eq!(seen["create again"], refused(500, &format!("CT {vmid} already exists on node 'pve'")));
    assert_eq!(seen["start again"], refused(500, &format!("CT {vmid} already running")));
    assert_eq!(
        seen["exec"],
        refused(501, &format!("Method 'POST /nodes/pve/lxc/{vmid}/exec' not implemented"))
    );
    assert_eq!(seen["missing"], refused(500, "Configuration file 'nodes/pve/lxc/4711.conf' does not exist"));
    assert_eq!(
        seen["delete running"],
        refused(500, &format!("unable to destroy CT {vmid} - container is running"))
    );
    assert_eq!(
        seen["deleted"],
        refused(500, &format!("Configuration file 'nodes/pve/lxc/{vmid}.conf' does not exist"))
    );
}

async fn node_client(script: &str, first_vmid: u32) {
    let Some(folder) = ready(Path::new("node/node_modules/.package-lock.json")) else { return };
    let seen = drive(Path::new("node"), script, &folder.join("node")).await;
    assert_refuses_a_stranger(Path::new("node"), script, &folder.join("node")).await;
    assert_life(&seen["ticket"], first_vmid);
    assert_life(&seen["token"], first_vmid + 1);
    assert_eq!(seen["wrong password"], "refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxmoxer_drives_the_simulator() {
    let Some(folder) = ready(Path::new("python/bin/python")) else { return };
    let python = folder.join("python/bin/python");
    let seen = drive(&python, "drive_proxmoxer.py", &folder).await;
    assert_refuses_a_stranger(&python, "drive_proxmoxer.py", &folder).await;
    assert_life(&seen["ticket"], 901);
    assert_life(&seen["token"], 902);
    assert_eq!(seen["wrong password"], "refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxmox_api_drives_the_simulator() {
    node_client("drive_proxmox_api.mjs", 911).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cv4pve_drives_the_simulator() {
    node_client("drive_cv4pve.cjs", 921).await;
}
