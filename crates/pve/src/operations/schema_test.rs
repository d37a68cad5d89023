//! The table against the API schema of Proxmox VE 9.2: every call exists, with every parameter it may send.
//!
//! `tests/fixtures/operations-9.2.json` is the schema cut down to the calls in the table. Where the whole schema is
//! present (`../shared/pve` beside the project, or the folder in `INNKEEPER_SHARED`), the fixture is compared with a
//! fresh cut. To renew it after a change of the table, run this test there with `PVE_RENEW_FIXTURE=1`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use super::{Operation, operations};

/// Path and method to what the call takes: parameter name to type, those of the path included.
type Cut = BTreeMap<String, BTreeMap<String, String>>;

fn key(method: &str, path: &str) -> String {
    format!("{path} {method}")
}

fn own_key(operation: &Operation) -> String {
    key(operation.method().as_str(), operation.path())
}

fn fixture_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/operations-9.2.json")
}

fn fixture() -> Cut {
    serde_json::from_str(&std::fs::read_to_string(fixture_path()).unwrap()).unwrap()
}

fn whole_schema() -> Option<Vec<Value>> {
    let folder = std::env::var_os("INNKEEPER_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let text = std::fs::read_to_string(folder.join("pve/schema-9.2.json")).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

fn cut(schema: &[Value]) -> Cut {
    let wanted: BTreeSet<String> = operations().map(own_key).collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    schema
        .iter()
        .filter_map(|operation| {
            let key = key(operation["method"].as_str()?, operation["path"].as_str()?);
            let parameters = operation["parameters"]["properties"].as_object();
            let types =
                parameters.into_iter().flatten().map(|(name, p)| (name.clone(), text(&p["type"]))).collect();
            wanted.contains(&key).then_some((key, types))
        })
        .collect()
}

fn path_parameters(path: &str) -> Vec<&str> {
    path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}')).collect()
}

fn check(against: &Cut) -> Vec<String> {
    let mut wrong = Vec::new();
    for operation in operations() {
        let key = own_key(operation);
        let Some(known) = against.get(&key) else {
            wrong.push(format!("{key} does not exist"));
            continue;
        };
        let in_path = path_parameters(operation.path());
        for name in operation.parameters().iter().chain(&in_path) {
            if !known.contains_key(*name) {
                wrong.push(format!("{key} has no parameter {name}"));
            }
        }
        for name in operation.parameters() {
            if in_path.contains(name) {
                wrong.push(format!("{key} takes {name} in its path"));
            }
        }
    }
    wrong
}

#[test]
fn every_call_exists_with_every_parameter_it_may_send() {
    let wrong = check(&fixture());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_check_would_notice_a_call_or_a_parameter_that_does_not_exist() {
    let mut less = fixture();
    less.remove("/version GET").unwrap();
    less.get_mut("/nodes/{node}/lxc POST").unwrap().remove("net[n]").unwrap();
    assert_eq!(check(&less).len(), 2);
}

#[test]
fn the_fixture_is_the_schema_cut_to_the_table() {
    let Some(schema) = whole_schema() else {
        println!("skipped: the whole schema is not here (set INNKEEPER_SHARED)");
        return;
    };
    let fresh = cut(&schema);
    if std::env::var_os("PVE_RENEW_FIXTURE").is_some() {
        std::fs::write(fixture_path(), serde_json::to_string_pretty(&fresh).unwrap() + "\n").unwrap();
    }
    assert_eq!(fixture(), fresh);
    let wrong = check(&fresh);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_call_is_listed_twice() {
    let all: Vec<String> = operations().map(own_key).collect();
    let different: BTreeSet<&String> = all.iter().collect();
    assert_eq!(all.len(), different.len());
}
