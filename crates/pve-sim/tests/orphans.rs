//! Guests' processes end with the simulator, even when it is killed without a word.
#![allow(clippy::unwrap_used)]

mod house;
mod wire;

use std::process::Stdio;
use std::time::{Duration, Instant};

use house::{House, keys, read_until};
use pve_sim::GuestProcesses;
use tokio::io::{AsyncBufReadExt, BufReader};

/// Tells this test that it is the simulator to be killed, and with which backend.
const ROLE: &str = "PVE_SIM_TEST_TO_BE_KILLED";

fn processes_of(name: &str) -> GuestProcesses {
    if name == "bwrap" { GuestProcesses::Bwrap } else { GuestProcesses::Process }
}

/// The part of the simulator: opens a console, says so, and waits for its end.
async fn be_the_simulator(backend: &str) {
    let house = House::with(processes_of(backend)).await;
    house.container(100).await;
    let (mut socket, _) = house.terminal("lxc/100").await;
    keys(&mut socket, "sleep 1000 & echo ready-$((6*7))\n").await;
    read_until(&mut socket, "ready-42").await;
    println!("READY");
    std::future::pending::<()>().await;
}

/// Ids of all processes that descend from `ancestor`.
fn descendants(ancestor: u32) -> Vec<u32> {
    let mut parents = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // The name in parentheses may hold anything, so the fields are counted from its end.
        let parent =
            stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        parents.insert(pid, parent.unwrap_or(0));
    }
    let descends = |mut pid: u32| {
        while let Some(parent) = parents.get(&pid).copied().filter(|p| *p != 0) {
            if parent == ancestor {
                return true;
            }
            pid = parent;
        }
        false
    };
    parents.keys().copied().filter(|pid| descends(*pid)).collect()
}

fn is_alive(pid: u32) -> bool {
    // A zombie has ended; it only waits to be noticed.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z')))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_simulator_leaves_no_process_behind() {
    if let Ok(backend) = std::env::var(ROLE) {
        return be_the_simulator(&backend).await;
    }
    if !std::path::Path::new("/proc/self/stat").exists() {
        println!("skipped: there is no /proc to find processes in");
        return;
    }
    let mut backends = vec!["process"];
    let bubblewrap =
        std::process::Command::new("bwrap").args(["--unshare-all", "--ro-bind", "/", "/", "true"]).status();
    if bubblewrap.is_ok_and(|status| status.success()) {
        backends.push("bwrap");
    }
    for backend in backends {
        // A temporary folder of its own, so that no other test's guests are counted.
        let temporary = tempfile::tempdir().unwrap();
        let mut simulator = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_killed_simulator_leaves_no_process_behind", "--nocapture"])
            .env(ROLE, backend)
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(simulator.stdout.take().unwrap()).lines();
        loop {
            let line =
                tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await.unwrap().unwrap();
            if line.expect("the simulator gets ready").ends_with("READY") {
                break;
            }
        }
        let folders: Vec<_> =
            std::fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!folders.is_empty(), "the guest has a folder");
        let family = descendants(simulator.id().unwrap());
        assert!(family.len() >= 2, "a shell and its sleep run with {backend}: {family:?}");
        simulator.kill().await.unwrap();
        let since = Instant::now();
        while family.iter().any(|pid| is_alive(*pid)) {
            assert!(since.elapsed() < Duration::from_secs(10), "{backend}: processes are left of {family:?}");
            tokio::task::yield_now().await;
        }
        while folders.iter().any(|folder| folder.exists()) {
            assert!(since.elapsed() < Duration::from_secs(10), "{backend}: a folder is left of {folders:?}");
            tokio::task::yield_now().await;
        }
    }
}
