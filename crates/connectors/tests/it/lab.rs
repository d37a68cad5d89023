//! A network of the test's own: the test runs once more in namespaces where it may do anything to interfaces, and which
//! end with it. As root that needs nothing; others need user namespaces.

use std::process::{Command, Stdio};

/// Marks the run inside, and names the file by which it shows that it ran.
const INSIDE: &str = "INNKEEPER_LAB";

/// Whether this is the run inside, where the test does what it is for. The run outside starts that one, and fails or is
/// skipped with it. `test` is the test's full name.
pub(crate) fn inside(test: &str) -> bool {
    if let Some(proof) = std::env::var_os(INSIDE) {
        std::fs::write(proof, "").unwrap();
        sh("ip link set lo up");
        return true;
    }
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let namespaces = if root { ["-nm", "--kill-child"] } else { ["-Urnm", "--kill-child"] };
    let probe =
        "ip link set lo up && ip link add probe0 type veth peer name probe1 && command -v nsenter python3";
    let possible = Command::new("unshare")
        .args(namespaces)
        .args(["--fork", "sh", "-c", probe])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !possible {
        let say = "no network namespaces with iproute2 here: run as root, or allow user namespaces";
        assert!(!(root && std::env::var("CI").as_deref() == Ok("true")), "{say}");
        println!("skipped: {say}");
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    let proof = folder.path().join("ran");
    let status = Command::new("unshare")
        .args(namespaces)
        .arg("--fork")
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, &proof)
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed in its own network");
    assert!(proof.exists(), "there is no test of the name {test}");
    false
}

/// One line of shell that must succeed.
pub(crate) fn sh(line: &str) {
    let status = Command::new("sh").args(["-c", line]).stdin(Stdio::null()).status().unwrap();
    assert!(status.success(), "{line}");
}

/// A machine at the other end of a cable, with a network of its own.
pub(crate) struct Machine(std::process::Child);

impl Machine {
    /// One whose end of the cable is called `far`, and ours `near`.
    pub(crate) fn plug_in(near: &str, far: &str) -> Self {
        let mut held = Command::new("unshare")
            .args(["-n", "sh", "-c", "ip link set lo up; echo up; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut up = [0; 3];
        std::io::Read::read_exact(held.stdout.as_mut().unwrap(), &mut up).unwrap();
        let machine = Self(held);
        sh(&format!("ip link add {near} type veth peer name {far} netns {}", machine.0.id()));
        machine.sh(&format!("ip link set {far} up"));
        sh(&format!("ip link set {near} up"));
        machine
    }

    /// What starts a program there.
    pub(crate) fn command(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.0.id())).arg("--");
        command
    }

    /// One line of shell there.
    pub(crate) fn sh(&self, line: &str) {
        sh(&format!("nsenter --net=/proc/{}/ns/net -- sh -c '{line}'", self.0.id()));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
