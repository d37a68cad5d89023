//! A host that lets Innkeeper shut it down and do nothing else: the forced command, with keys of both kinds, and hosts of
//! both kinds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use innkeeper_connectors::ssh::{self, Error, HostKey, KeyPair, Order, Outcome};

use crate::sshd::Sshd;

const PATIENCE: Duration = Duration::from_secs(30);

/// The folder of everything that belongs to an `sshd`.
fn folder(sshd: &Sshd) -> PathBuf {
    sshd.home().parent().unwrap().to_owned()
}

/// A key as `ssh-keygen` makes it.
fn keygen(file: &Path, arguments: &[&str]) {
    let _ = std::fs::remove_file(file);
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-N", "", "-C", "key", "-f"]).arg(file).args(arguments);
    assert!(make.status().unwrap().success());
}

fn read(file: &Path) -> Result<KeyPair, Error> {
    KeyPair::read(&std::fs::read_to_string(file).unwrap().into())
}

/// The script as it is shipped, but for where it finds its programs: this machine is to stay on.
fn script(sshd: &Sshd) -> PathBuf {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/innkeeper-host");
    let text = std::fs::read_to_string(shipped).unwrap();
    let bin = sshd.home().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for (name, does) in [("shutdown", "echo \"scheduled: $*\""), ("uptime", "echo up")] {
        write(&bin.join(name), &format!("#!/bin/sh\n{does}\n"));
    }
    let path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n";
    assert_eq!(text.matches(path).count(), 1);
    let script = sshd.home().join("innkeeper-host");
    write(&script, &text.replace(path, &format!("PATH={}\n", bin.display())));
    script
}

fn write(file: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn let_in(sshd: &Sshd, key: &KeyPair) {
    let script = script(sshd);
    sshd.authorize(&format!("restrict,command=\"{}\" {}", script.display(), key.public_part().unwrap()));
}

async fn run(sshd: &Sshd, key: &KeyPair, command: &str) -> Outcome {
    let known = sshd.host_key().parse().unwrap();
    let mut session = ssh::connect(sshd.address, Some(known), PATIENCE).await.unwrap();
    session.sign_in(&Sshd::user(), key, PATIENCE).await.unwrap();
    let order = Order {
        command: command.to_owned(),
        input: bytes::Bytes::new(),
        limit: PATIENCE,
        most_output: 4096,
        shell: false,
    };
    session.run(order, std::future::pending()).await.unwrap()
}

#[tokio::test]
async fn a_host_can_be_shut_down_and_nothing_else() {
    let Some(sshd) = Sshd::start() else { return };
    let key = KeyPair::generate("innkeeper").unwrap();
    let_in(&sshd, &key);
    for (command, said) in [("shutdown -h now", "scheduled: -h now\n"), ("uptime", "up\n"), ("true", "")] {
        let done = run(&sshd, &key, command).await;
        let expected = Outcome { exit_code: Some(0), stdout: said.into(), ..Outcome::default() };
        assert_eq!(done, expected, "{command}");
    }
    let refused = [
        "reboot",
        "shutdown -r now",
        "shutdown -h now; id",
        "shutdown -h now\nid",
        " true",
        "true ",
        "$(id)",
        "*",
        "sh -c true",
    ];
    for command in refused {
        let done = run(&sshd, &key, command).await;
        assert_eq!((done.exit_code, done.stdout.as_slice()), (Some(77), &b""[..]), "{command}");
        assert!(String::from_utf8(done.stderr).unwrap().contains("refused"), "{command}");
    }
}

#[tokio::test]
async fn an_rsa_key_of_either_form_opens_and_never_signs_with_sha_1() {
    for accepted in ["rsa-sha2-512,rsa-sha2-256", "rsa-sha2-256", "rsa-sha2-512"] {
        let Some(sshd) = Sshd::start_with(&format!("PubkeyAcceptedAlgorithms {accepted}")) else { return };
        let file = folder(&sshd).join("id");
        for form in [["-t", "rsa", "-b", "3072", "-m", "RFC4716"], ["-t", "rsa", "-b", "2048", "-m", "PEM"]] {
            keygen(&file, &form);
            let key = read(&file).unwrap();
            let public = std::fs::read_to_string(file.with_extension("pub")).unwrap();
            let same = |line: &str| line.split(' ').nth(1).unwrap().to_owned();
            assert_eq!(same(&key.public_part().unwrap()), same(public.trim()), "the same as OpenSSH's");
            let_in(&sshd, &key);
            assert_eq!(run(&sshd, &key, "true").await.exit_code, Some(0), "{accepted} {form:?}");
            // What we write of it is read back.
            let again = KeyPair::read(&key.private_part().unwrap()).unwrap();
            assert_eq!(again.public_part().unwrap(), key.public_part().unwrap());
        }
        sshd.authorize("");
        let mut session = ssh::connect(sshd.address, None, PATIENCE).await.unwrap();
        let refused = session.sign_in(&Sshd::user(), &read(&file).unwrap(), PATIENCE).await.unwrap_err();
        assert!(matches!(refused, Error::KeyRefused), "{refused:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_too_short_or_locked_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("id");
    if Command::new("ssh-keygen").arg("-?").output().is_err() {
        println!("skipped: ssh-keygen is not installed");
        return;
    }
    keygen(&file, &["-t", "rsa", "-b", "1024"]);
    let error = read(&file).unwrap_err().to_string();
    assert!(error.contains("1024 bits") && error.contains("2048"), "{error}");
    for kind in ["ed25519", "rsa"] {
        let _ = std::fs::remove_file(&file);
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "locked", "-f"]).arg(&file).status();
        assert!(made.unwrap().success());
        assert!(matches!(read(&file), Err(Error::BadKey(_))), "{kind}");
    }
}

#[tokio::test]
async fn a_host_that_has_only_an_rsa_key_is_known_again() {
    let Some(mut sshd) = Sshd::start() else { return };
    keygen(&folder(&sshd).join("host_key"), &["-t", "rsa", "-b", "2048"]);
    sshd.resume();
    let first = ssh::connect(sshd.address, None, PATIENCE).await.unwrap();
    let known: HostKey = sshd.host_key().parse().unwrap();
    assert_eq!(*first.host_key(), known);
    let key = KeyPair::generate("innkeeper").unwrap();
    let_in(&sshd, &key);
    assert_eq!(run(&sshd, &key, "true").await.exit_code, Some(0));
    keygen(&folder(&sshd).join("host_key"), &["-t", "rsa", "-b", "2048"]);
    sshd.resume();
    let changed = ssh::connect(sshd.address, Some(known), PATIENCE).await.unwrap_err();
    assert!(matches!(changed, Error::HostKeyChanged { .. }), "{changed:?}");
}
