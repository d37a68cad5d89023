//! Servers written by others, as child processes that end with the test.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Where `install.sh` put them, or `None` where this machine has none and need not.
pub(crate) fn ready(program: &str) -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let folder = target.join("foreign/connectors");
    if folder.join(program).exists() {
        return Some(folder);
    }
    let say = format!(
        "{} is not installed: run crates/connectors/tests/foreign/install.sh",
        folder.join(program).display()
    );
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{say}");
    println!("skipped: {say}");
    None
}

/// A script beside this test.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(name)
}

/// A server that says line by line what happens to it.
pub(crate) struct Server {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { _child: child, lines }
    }

    pub(crate) async fn line(&mut self) -> String {
        self.lines.next_line().await.unwrap().expect("the server ended")
    }
}
