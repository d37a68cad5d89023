//! Somebody who has an address, a text and a wallet gets a container, works in it and gives it back: by a program that
//! knows nothing else of us, and by the examples of the documentation as they stand there.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Chain, Inn, foreign, in_repository};

/// 1 core, 512 MiB and 4 GiB for an hour: 5,400; and 5,000 for every order.
const HOUR: u128 = 10_400;

async fn begin() -> Option<(Chain, Inn)> {
    let chain = Chain::start()?;
    let inn = Inn::open(&chain).await?;
    Some((chain, inn))
}

fn containers(inn: &Inn) -> usize {
    inn.sim
        .cluster("lodge")
        .with(|world| world.guests().filter(|guest| !guest.config.contains_key("template")).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_rents_works_renews_and_leaves() {
    let Some((chain, inn)) = begin().await else { return };
    let had = chain.dollars("alice").await;
    let mut command = Command::new("node");
    command.arg(in_repository("tests/foreign/x402/stranger.mjs")).arg(format!("{}/llms.txt", inn.url));
    let (well, said) = chain.line(command, "alice").await;
    assert!(well, "{said:#}");
    let steps = said["steps"].as_array().unwrap();
    for step in
        ["rent: paid", "rent: delivered", "it runs", "uname", "renew: delivered", "an hour longer", "gone"]
    {
        assert!(steps.contains(&json!(step)), "{step}: {said:#}");
    }
    assert_eq!(had - chain.dollars("alice").await, 2 * HOUR);
    assert_eq!(chain.dollars("seller").await, 2 * HOUR);
    assert_eq!(chain.ether("alice").await, 0);
    assert_eq!(containers(&inn), 0);
}

/// Runs an example where its packages are, and answers what it prints.
async fn example(chain: &Chain, mut command: Command, who: &str) -> String {
    chain.furnish(&mut command, who);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_do_what_they_say() {
    let Some((chain, inn)) = begin().await else { return };
    // As it is written, beside the packages that its reader installs.
    let folder = tempfile::tempdir().unwrap();
    let copied = folder.path().join("rent.mjs");
    std::fs::copy(in_repository("docs/examples/rent.mjs"), &copied).unwrap();
    std::os::unix::fs::symlink(foreign().join("node/node_modules"), folder.path().join("node_modules"))
        .unwrap();
    let mut node = Command::new("node");
    node.arg(copied).arg(&inn.url);
    let mut python = Command::new(foreign().join("python/bin/python"));
    python.arg(in_repository("docs/examples/rent.py")).arg(&inn.url).env("NO_PROXY", "127.0.0.1");
    for (number, (command, who)) in [(node, "alice"), (python, "bob")].into_iter().enumerate() {
        let had = chain.dollars(who).await;
        let said = example(&chain, command, who).await;
        let (uname, lease) = said.trim().split_once('\n').unwrap_or_else(|| panic!("{said}"));
        assert!(uname.contains("Linux"), "{said}");
        let lease: Value = serde_json::from_str(lease).unwrap();
        assert!(lease["token"].as_str().unwrap().starts_with("ikl_"), "{lease}");
        assert!(lease["expires_at"].is_string(), "{lease}");
        assert_eq!(had - chain.dollars(who).await, HOUR);
        assert_eq!(containers(&inn), number + 1);
    }
    let mut shell = Command::new("sh");
    shell.arg(in_repository("docs/examples/rent.sh")).arg(&inn.url);
    let said = example(&chain, shell, "poor").await;
    let (first, second) = said.trim().split_once('\n').unwrap_or_else(|| panic!("{said}"));
    let (first, second): (Value, Value) =
        (serde_json::from_str(first).unwrap(), serde_json::from_str(second).unwrap());
    assert_eq!((&first["x402Version"], &second["x402Version"]), (&json!(1), &json!(2)));
    assert_eq!(first["accepts"][0]["maxAmountRequired"], HOUR.to_string());
    assert_eq!(second["accepts"][0]["amount"], HOUR.to_string());
    assert_eq!(containers(&inn), 2, "it buys nothing");
}
