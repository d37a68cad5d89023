//! A real `sshd` on loopback, as an ordinary process that ends with the test.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where Debian puts it.
const SSHD: &str = "/usr/sbin/sshd";

pub(crate) struct Sshd {
    child: Option<Child>,
    folder: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    extra: String,
}

impl Sshd {
    /// One that lets nobody in yet; `None` where this machine has none and need not.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// The same with further lines of configuration.
    pub(crate) fn start_with(extra: &str) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            let say = format!("{SSHD} is not installed: `apt-get install openssh-server` (.ci/run does)");
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{say}");
            println!("skipped: {say}");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("sshd-").tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        std::fs::write(folder.path().join("authorized_keys"), "").unwrap();
        // Root's sshd insists on this folder; an ordinary user's needs none.
        let _ = std::fs::create_dir("/run/sshd");
        let mut sshd = Self {
            child: None,
            folder,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            extra: extra.to_owned(),
        };
        sshd.new_host_key();
        sshd.resume();
        Some(sshd)
    }

    /// Lets in whoever has the key of this line, and nobody else.
    pub(crate) fn authorize(&self, line: &str) {
        std::fs::write(self.folder.path().join("authorized_keys"), format!("{line}\n")).unwrap();
    }

    /// The home of whoever signs in.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Whoever runs this test is the only user there.
    pub(crate) fn user() -> String {
        let named = Command::new("id").arg("-un").output().unwrap();
        String::from_utf8(named.stdout).unwrap().trim().to_owned()
    }

    /// It shows another key from its next start on.
    pub(crate) fn new_host_key(&self) {
        let file = self.folder.path().join("host_key");
        let _ = std::fs::remove_file(&file);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "host", "-f"])
            .arg(&file)
            .status();
        assert!(made.unwrap().success());
    }

    /// The line of the key that it shows.
    pub(crate) fn host_key(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("host_key.pub")).unwrap().trim().to_owned()
    }

    /// Ends it: nobody answers any more.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it, at another port than before.
    pub(crate) fn resume(&mut self) {
        self.stop();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        self.address = free.local_addr().unwrap();
        drop(free);
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let settings = format!(
            "{}\nPort {}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
             MaxStartups 100\nSetEnv HOME={}\n",
            // Of what is said twice, the first counts.
            self.extra,
            self.address.port(),
            at("host_key"),
            at("authorized_keys"),
            at("home"),
        );
        std::fs::write(at("config"), settings).unwrap();
        // Only absolute paths: it goes to / first.
        let child = Command::new(SSHD)
            .args(["-D", "-f", &at("config"), "-E", &at("log")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let began = Instant::now();
        while std::net::TcpStream::connect(self.address).is_err() {
            let log = std::fs::read_to_string(at("log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(10), "sshd does not answer: {log}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}
