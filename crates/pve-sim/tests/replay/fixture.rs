//! The recorded exchanges, as `fixtures/cut_exchanges.py` cut them.

use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Exchange {
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) request: Option<Request>,
    pub(crate) answer: Option<Answer>,
    #[serde(default)]
    pub(crate) frames: Vec<(String, u8, String)>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Pairs to be sent form-encoded.
    pub(crate) form: Option<Vec<(String, String)>>,
    /// A body to be sent as it is.
    pub(crate) text: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Only the beginning of the body's list was recorded.
    #[serde(default)]
    pub(crate) shortened: bool,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or(serde_json::Value::Null)
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

pub(crate) fn load() -> Vec<Exchange> {
    let text = std::fs::read_to_string(folder().join("exchanges.json")).expect("fixture");
    serde_json::from_str(&text).expect("fixture is JSON")
}

/// The committed fixture is what the recording says today.
#[test]
fn the_fixture_is_a_fresh_cut_of_the_recording() {
    let shared = std::env::var_os("INNKEEPER_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let recording = shared.join("pve/transcripts.md");
    if !recording.exists() {
        println!("skipped: the recording (shared/pve/transcripts.md) is not here");
        return;
    }
    let run = Command::new("python3")
        .arg(folder().join("cut_exchanges.py"))
        .arg("--print")
        .arg(&recording)
        .output();
    let Ok(run) = run else {
        println!("skipped: no python3 to cut the recording with");
        return;
    };
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let committed = std::fs::read(folder().join("exchanges.json")).expect("fixture");
    assert!(
        committed == run.stdout,
        "fixtures/exchanges.json differs from the recording: run fixtures/cut_exchanges.py"
    );
}
