//! Live processes behind guests: a shell that really runs, so that a console shows something real
//! and a command has a real exit code.
//!
//! Off unless asked for. When on, a guest costs nothing until somebody opens its console or runs a
//! command in it; its processes end with the guest and never outlive the simulator.

mod bwrap;
pub(crate) mod exec;
mod live;
mod process;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

pub(crate) use live::{Input, Live, LiveGuests};

/// What runs behind a guest's console and behind `agent/exec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GuestProcesses {
    /// Nothing: consoles show a login prompt that lets nobody in, and the QEMU agent runs nothing.
    #[default]
    Off,
    /// [`Bwrap`](Self::Bwrap) where it works, else [`Process`](Self::Process).
    Auto,
    /// A plain `sh` in a private temporary folder. It has the rights of the simulator's own user:
    /// whoever may open a guest's console may do what that user may.
    Process,
    /// A shell in its own namespaces and file system (bubblewrap). The guest sees nothing of the host
    /// but its programs.
    Bwrap,
}

/// One guest as its backend sees it.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    /// Host name shown in the prompt.
    pub(crate) hostname: String,
    /// The guest's private folder on the host.
    pub(crate) root: PathBuf,
    /// Marks every process of the guest, so that none is left behind.
    pub(crate) mark: String,
}

/// How a guest's programs are started.
pub(crate) trait Backend: Send + Sync {
    /// Its name, for logs.
    fn name(&self) -> &'static str;
    /// Fills the guest's private folder.
    fn furnish(&self, room: &Room) -> std::io::Result<()>;
    /// Program and arguments of the shell on the guest's console.
    fn shell(&self, room: &Room) -> Vec<String>;
    /// Program and arguments that run `command` in the guest whose shell has process id `shell`.
    fn exec(&self, room: &Room, shell: u32, command: &[String]) -> Vec<String>;
    /// Folder the programs start in, as the host sees it.
    fn folder<'a>(&self, room: &'a Room) -> &'a Path {
        &room.root
    }
}

/// The backend `wanted` stands for on this machine; `None` when off.
pub(crate) fn choose(wanted: GuestProcesses) -> Option<Arc<dyn Backend>> {
    let backend: Arc<dyn Backend> = match wanted {
        GuestProcesses::Off => return None,
        GuestProcesses::Bwrap => Arc::new(bwrap::Bubble::new()),
        GuestProcesses::Auto if bwrap::works() => Arc::new(bwrap::Bubble::new()),
        GuestProcesses::Process | GuestProcesses::Auto => Arc::new(process::Plain::new()),
    };
    tracing::info!(backend = backend.name(), "guests run real processes");
    Some(backend)
}

/// Whether guests can be kept in namespaces of their own on this machine ([`GuestProcesses::Bwrap`]).
pub fn bubblewrap_works() -> bool {
    bwrap::works()
}

/// Whether `program` can be started and answers success.
fn answers(program: &str, arguments: &[&str]) -> bool {
    std::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
