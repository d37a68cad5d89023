//! A PostgreSQL for the measurements, when there is none yet: started by `scripts/postgres`, stopped at the end.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Names a server of one's own.
const VARIABLE: &str = "INNKEEPER_TEST_POSTGRES";

/// Runs this program again with a PostgreSQL beside it; false when there is one already, or none is installed.
pub(crate) fn ran_with_one() -> bool {
    if std::env::var_os(VARIABLE).is_some() {
        return false;
    }
    let parent = tempfile::tempdir().unwrap();
    // PostgreSQL runs as a user of its own, who must be able to go through.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(parent.path(), open).unwrap();
    let script = |word: &str| {
        let mut command = Command::new(root().join("scripts/postgres"));
        command.arg(word).env("PG_FOLDER", parent.path().join("pg")).stderr(Stdio::inherit());
        command.output().unwrap()
    };
    let started = script("start");
    if !started.status.success() {
        return false;
    }
    let url = String::from_utf8(started.stdout).unwrap();
    let mut again = tokio::process::Command::new(std::env::current_exe().unwrap());
    again.args(std::env::args_os().skip(1)).env(VARIABLE, url.trim());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(async {
        let mut child = again.spawn()?;
        tokio::select! {
            ended = child.wait() => ended,
            // The terminal tells the child as well; what is started here is stopped all the same.
            _ = tokio::signal::ctrl_c() => child.wait().await,
        }
    });
    script("stop");
    assert!(ended.unwrap().success(), "the measurements were broken off");
    true
}

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
