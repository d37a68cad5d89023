//! The backend that works everywhere: an ordinary `sh` in a temporary folder.

use super::{Backend, Room, answers};

pub(super) struct Plain {
    /// `setpriv` is here, so that commands die with a simulator that was killed itself. The shell
    /// needs no such help: its terminal hangs up.
    setpriv: bool,
}

impl Plain {
    pub(super) fn new() -> Self {
        Self { setpriv: answers("setpriv", &["--pdeathsig", "KILL", "true"]) }
    }
}

impl Backend for Plain {
    fn name(&self) -> &'static str {
        "process"
    }

    fn furnish(&self, _room: &Room) -> std::io::Result<()> {
        Ok(())
    }

    fn shell(&self, _room: &Room) -> Vec<String> {
        vec!["/bin/sh".into(), "-i".into()]
    }

    fn exec(&self, _room: &Room, _shell: u32, command: &[String]) -> Vec<String> {
        let guard = ["setpriv", "--pdeathsig", "KILL"].map(str::to_owned);
        let guard = if self.setpriv { &guard[..] } else { &[] };
        guard.iter().chain(command).cloned().collect()
    }
}
