//! Guests in bubblewrap: own process, network, host name and mount namespaces, own root folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Backend, Room, answers};

/// Whether this machine lets an ordinary user make the namespaces.
pub(super) fn works() -> bool {
    answers("bwrap", &["--unshare-all", "--ro-bind", "/", "/", "true"])
}

pub(super) struct Bubble {
    /// A busybox that runs without libraries; without it the guest borrows the host's `/usr`.
    busybox: Option<PathBuf>,
}

impl Bubble {
    pub(super) fn new() -> Self {
        let busybox = ["/bin/busybox", "/usr/bin/busybox"].iter().map(PathBuf::from).find(|p| is_static(p));
        Self { busybox }
    }

    fn arguments(&self, room: &Room) -> Vec<String> {
        let root = room.root.to_string_lossy().into_owned();
        let mut all: Vec<String> = [
            "bwrap",
            "--unshare-all",
            "--uid",
            "0",
            "--gid",
            "0",
            "--cap-add",
            "ALL",
            "--die-with-parent",
            "--hostname",
            &room.hostname,
            "--bind",
            &root,
            "/",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--tmpfs",
            "/tmp",
            "--chdir",
            "/root",
        ]
        .map(str::to_owned)
        .into();
        if self.busybox.is_none() {
            all.extend(["--ro-bind", "/usr", "/usr"].map(str::to_owned));
        }
        all
    }
}

impl Backend for Bubble {
    fn name(&self) -> &'static str {
        "bwrap"
    }

    fn furnish(&self, room: &Room) -> std::io::Result<()> {
        for folder in ["etc", "root", "tmp", "proc", "dev", "var", "usr"] {
            fs::create_dir_all(room.root.join(folder))?;
        }
        fs::write(room.root.join("etc/hostname"), format!("{}\n", room.hostname))?;
        fs::write(room.root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
        fs::write(room.root.join("etc/group"), "root:x:0:\n")?;
        let Some(busybox) = &self.busybox else {
            for name in ["bin", "sbin", "lib", "lib64"] {
                if Path::new("/usr").join(name).exists() {
                    symlink(format!("usr/{name}"), room.root.join(name))?;
                }
            }
            return Ok(());
        };
        fs::create_dir_all(room.root.join("bin"))?;
        symlink("bin", room.root.join("sbin"))?;
        fs::copy(busybox, room.root.join("bin/busybox"))?;
        let applets = Command::new(busybox).arg("--list").output()?;
        for applet in String::from_utf8_lossy(&applets.stdout).lines() {
            let link = room.root.join("bin").join(applet.rsplit('/').next().unwrap_or(applet));
            if !link.exists() {
                symlink("busybox", link)?;
            }
        }
        Ok(())
    }

    fn shell(&self, room: &Room) -> Vec<String> {
        let mut all = self.arguments(room);
        all.extend(["/bin/sh", "-i"].map(str::to_owned));
        all
    }

    fn exec(&self, room: &Room, shell: u32, command: &[String]) -> Vec<String> {
        // Inside the guest's namespaces when its first process can be found, so that `ps` and the
        // network are the guest's; else in a bubble of its own over the same files.
        let inside = first_child(shell).filter(|_| answers("nsenter", &["--version"]));
        let mut all = match inside {
            Some(pid) => {
                let target = pid.to_string();
                [
                    "nsenter",
                    "-t",
                    &target,
                    "--user",
                    "--preserve-credentials",
                    "--mount",
                    "--pid",
                    "--uts",
                    "--ipc",
                    "--net",
                    "--root",
                    "--wd=/root",
                    "--",
                ]
                .map(str::to_owned)
                .into()
            }
            None => self.arguments(room),
        };
        all.extend_from_slice(command);
        all
    }
}

fn first_child(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// The kind of an ELF segment that names an interpreter.
const INTERPRETER: [u8; 4] = [3, 0, 0, 0];

/// A program without an interpreter in its ELF header needs no library of the host.
fn is_static(program: &Path) -> bool {
    let Ok(bytes) = fs::read(program) else { return false };
    let Some(offset) = bytes.get(32..40).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes) else {
        return false;
    };
    let (Some(size), Some(count)) = (word(&bytes, 54), word(&bytes, 56)) else { return false };
    bytes.starts_with(b"\x7fELF\x02")
        && (0..count).all(|n| {
            let at = offset as usize + n * size;
            bytes.get(at..at + 4).is_some_and(|kind| kind != INTERPRETER)
        })
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..at + 2)?.try_into().ok().map(|b| usize::from(u16::from_le_bytes(b)))
}
