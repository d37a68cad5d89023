//! A foreign tool reads our OpenAPI document and tries every operation with all that the document allows and much that
//! it forbids, signed in as an administrator. Nothing may fail on our side, and nothing may be answered that the
//! document does not say.

use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::process::Command;

use crate::support::{DatabaseKind, Server, TestDatabase};

/// What is left out, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("/events$", "never ends"),
    ("/clusters", "talks to whatever address it is given"),
    ("/sessions/current$", "ends the very session that is tried with"),
    ("/password$", "the same"),
    ("^/api/v1/setup$", "works once"),
];

/// Where `install.sh` put it, or none where this machine has none and need not.
fn schemathesis() -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let program = target.join("foreign/api/python/bin/schemathesis");
    if program.exists() {
        return Some(program);
    }
    let say = format!("{} is not installed: run tests/foreign/install.sh", program.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{say}");
    println!("skipped: {say}");
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_one_that_the_document_names() {
    let Some(program) = schemathesis() else { return };
    let Some(database) = TestDatabase::make(DatabaseKind::Sqlite).await else { return };
    let server = Server::start(database, &[]).await;
    let size = json!({ "cores": 1, "memory_mib": 256, "disk_gib": 4 });
    server.post("/plans", json!({ "name": "Small", "size": size })).await;
    server.post("/projects", json!({ "name": "A team" })).await;
    let mut command = Command::new(program);
    command
        .args(["run", &format!("{}/api/v1/openapi.json", server.url)])
        .args(["--header", &format!("Authorization: Bearer {}", server.token)])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "4",
            "--seed",
            "1",
            "--workers",
            "1",
        ])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance"])
        .args(["--continue-on-failure", "--request-timeout", "40", "--no-color", "--warnings", "off"])
        .current_dir(server.folder());
    // Said several times, only the last would count.
    let left_out: Vec<&str> = LEFT_OUT.iter().map(|(path, _)| *path).collect();
    command.args(["--exclude-path-regex", &left_out.join("|")]);
    let output = command.output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    println!(
        "{}",
        told.lines().rev().take(25).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
    );
}
