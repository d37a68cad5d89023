//! Commands by SSH, against a real `sshd`.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use innkeeper_connectors::ssh::{self, Error, HostKey, KeyPair, Order, Outcome, Session};

use crate::sshd::Sshd;

const PATIENCE: Duration = Duration::from_secs(20);

struct Host {
    sshd: Sshd,
    key: KeyPair,
}

impl Host {
    fn open() -> Option<Self> {
        let (sshd, key) = (Sshd::start()?, KeyPair::generate("innkeeper").unwrap());
        sshd.authorize(&key.public_part().unwrap());
        Some(Self { sshd, key })
    }

    async fn session(&self) -> Session {
        let known = self.sshd.host_key().parse().unwrap();
        let mut session = ssh::connect(self.sshd.address, Some(known), PATIENCE).await.unwrap();
        session.sign_in(&Sshd::user(), &self.key, PATIENCE).await.unwrap();
        session
    }

    async fn run(&self, command: &str, input: &[u8]) -> Outcome {
        self.session().await.run(order(command, input), std::future::pending()).await.unwrap()
    }
}

fn order(command: &str, input: &[u8]) -> Order {
    Order {
        command: command.to_owned(),
        input: input.to_vec().into(),
        limit: Duration::from_secs(60),
        most_output: 1 << 20,
        shell: true,
    }
}

/// Waits until a process is gone.
async fn gone(pid: &str) {
    let gone = async {
        while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the process is still there");
}

#[tokio::test]
async fn a_command_has_its_exit_code_both_outputs_and_its_input() {
    let Some(host) = Host::open() else { return };
    let done = host.run("cat; echo err >&2; exit 7", b"given").await;
    let expected = Outcome {
        exit_code: Some(7),
        stdout: b"given".to_vec(),
        stderr: b"err\n".to_vec(),
        ..Outcome::default()
    };
    assert_eq!(done, expected);
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let done = host.run("cat", &bytes).await;
    assert_eq!((done.exit_code, done.stdout), (Some(0), bytes));
    let ignored = host.run("exec true", &vec![b'x'; 300_000]).await;
    assert_eq!(ignored.exit_code, Some(0), "nobody has to read their input");
}

#[tokio::test]
async fn a_signal_is_named() {
    let Some(host) = Host::open() else { return };
    let done = host.run("kill -TERM $$", b"").await;
    assert_eq!((done.exit_code, done.signal.as_deref()), (None, Some("TERM")));
}

#[tokio::test]
async fn ten_megabytes_are_cut_and_the_command_goes_on_to_its_end() {
    let Some(host) = Host::open() else { return };
    let done = host.run("head -c 10000000 /dev/zero; echo few >&2; exit 3", b"").await;
    assert_eq!((done.stdout.len(), done.stdout_truncated), (1 << 20, true));
    assert_eq!((done.stderr.as_slice(), done.stderr_truncated), (&b"few\n"[..], false));
    assert_eq!(done.exit_code, Some(3));
}

#[tokio::test]
async fn what_runs_for_too_long_is_killed_with_what_it_started() {
    let Some(host) = Host::open() else { return };
    let mut order = order("sleep 1000 & echo $!; wait", b"");
    order.limit = Duration::from_secs(1);
    let done = host.session().await.run(order, std::future::pending()).await.unwrap();
    assert!(done.timed_out && done.exit_code.is_none() && !done.cancelled, "{done:?}");
    gone(String::from_utf8(done.stdout).unwrap().trim()).await;
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_killed() {
    let Some(host) = Host::open() else { return };
    let file = host.sshd.home().join("began");
    let told = async {
        while !file.exists() {
            tokio::task::yield_now().await;
        }
    };
    let order = order("echo $$; touch ~/began; exec sleep 1000", b"");
    let done = host.session().await.run(order, told).await.unwrap();
    assert!(done.cancelled && !done.timed_out, "{done:?}");
    gone(String::from_utf8(done.stdout).unwrap().trim()).await;
}

#[tokio::test]
async fn what_goes_on_in_the_background_keeps_nobody_waiting() {
    let Some(host) = Host::open() else { return };
    let done = host.run("sleep 1000 & echo $!", b"").await;
    assert_eq!(done.exit_code, Some(0));
    let pid = String::from_utf8(done.stdout).unwrap();
    host.run(&format!("kill {pid}"), b"").await;
    gone(pid.trim()).await;
}

#[tokio::test]
async fn a_host_that_shows_another_key_is_refused() {
    let Some(mut host) = Host::open() else { return };
    // The first time, whatever it shows is taken.
    let first = ssh::connect(host.sshd.address, None, PATIENCE).await.unwrap();
    let known: HostKey = host.sshd.host_key().parse().unwrap();
    assert_eq!(*first.host_key(), known);
    host.sshd.new_host_key();
    host.sshd.resume();
    let refused = ssh::connect(host.sshd.address, Some(known.clone()), PATIENCE).await.unwrap_err();
    let Error::HostKeyChanged { known: was, shown } = refused else { panic!("{refused:?}") };
    let shows: HostKey = host.sshd.host_key().parse().unwrap();
    assert_eq!((was, shown), (known.fingerprint(), shows.fingerprint()));
}

#[tokio::test]
async fn a_key_that_was_taken_out_is_refused_by_name() {
    let Some(host) = Host::open() else { return };
    assert_eq!(host.run("true", b"").await.exit_code, Some(0));
    host.sshd.authorize("");
    let mut session = ssh::connect(host.sshd.address, None, PATIENCE).await.unwrap();
    let refused = session.sign_in(&Sshd::user(), &host.key, PATIENCE).await.unwrap_err();
    assert!(matches!(refused, Error::KeyRefused), "{refused:?}");
}

#[tokio::test]
async fn a_host_that_is_down_or_silent_is_unreachable() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let patience = Duration::from_millis(300);
    let nobody = ssh::connect(silent.local_addr().unwrap(), None, patience).await.unwrap_err();
    assert!(matches!(nobody, Error::Unreachable(_)), "{nobody:?}");
    let closed = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let nobody = ssh::connect(closed, None, PATIENCE).await.unwrap_err();
    assert!(matches!(nobody, Error::Unreachable(_)), "{nobody:?}");
}
