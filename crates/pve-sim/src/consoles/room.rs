//! One admitted websocket and what it looks at.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::session;
use super::source::Terminal;
use crate::backend::LiveGuests;
use crate::guests::Kind;
use crate::world::World;

/// How often an open console looks whether its guest and its task are still there.
const LOOKS: Duration = Duration::from_millis(100);

/// A way to look at the cluster's world; answers whether the cluster is still there.
pub(crate) type Look = Arc<dyn Fn(&mut dyn FnMut(&mut World)) -> bool + Send + Sync>;

/// What a console shows.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) graphics: bool,
    pub(crate) vmid: Option<u32>,
    pub(crate) kind: Option<Kind>,
    pub(crate) name: String,
}

/// A websocket that may be served.
pub(crate) struct Session {
    /// `None`: the ticket is right, but nobody listens on the port any more.
    admitted: Option<Admitted>,
}

struct Admitted {
    live: Arc<LiveGuests>,
    view: View,
    secret: String,
    upid: String,
    place: (String, u16),
    /// The guest's boot when the client came; `None` when it did not run.
    boot: Option<u64>,
    /// A machine without a serial port has no terminal.
    has_terminal: bool,
    challenge: [u8; 16],
}

impl Session {
    pub(crate) fn nobody() -> Self {
        Self { admitted: None }
    }

    pub(crate) fn new(
        world: &mut World,
        view: View,
        secret: String,
        upid: String,
        place: (String, u16),
    ) -> Self {
        let guest = view.vmid.and_then(|vmid| world.guest(vmid));
        let boot = guest.and_then(|g| g.run.as_ref()).map(|run| run.boot_id);
        let has_terminal =
            guest.is_none_or(|g| g.kind == Kind::Lxc || g.config.keys().any(|k| k.starts_with("serial")));
        let mut challenge = [0; 16];
        for half in challenge.chunks_exact_mut(8) {
            half.copy_from_slice(&world.random().to_le_bytes());
        }
        let live = world.desk.live.clone();
        Self { admitted: Some(Admitted { live, view, secret, upid, place, boot, has_terminal, challenge }) }
    }

    /// Whether somebody listens on the port. If not, a real server never answers the handshake.
    pub(crate) fn is_expected(&self) -> bool {
        self.admitted.is_some()
    }

    /// Serves the websocket until either side leaves. The handshake has been answered.
    pub(crate) async fn run<S: AsyncRead + AsyncWrite + Send>(self, stream: S, look: Look) {
        let Some(admitted) = self.admitted else { return };
        // Also when the connection is cut off: the port must not stay taken.
        let _leaving =
            Leaving { look: look.clone(), place: admitted.place.clone(), upid: admitted.upid.clone() };
        tokio::select! {
            served = admitted.serve(stream, &look) => {
                if let Err(error) = served {
                    tracing::debug!(%error, upid = admitted.upid, "a console ended");
                }
            }
            () = admitted.gone(&look) => {}
        }
    }
}

/// Gives the port back and ends the task when the session is over, however it ends.
struct Leaving {
    look: Look,
    place: (String, u16),
    upid: String,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        (self.look)(&mut |world| world.leave_console(&self.place, &self.upid));
    }
}

impl Admitted {
    async fn serve<S: AsyncRead + AsyncWrite + Send>(&self, stream: S, look: &Look) -> std::io::Result<()> {
        let terminal = self.terminal(look)?;
        if self.view.graphics {
            let name = self.view.name.clone();
            session::graphics(stream, &self.secret, &name, self.challenge, terminal).await
        } else {
            session::terminal(stream, &self.secret, self.has_terminal.then_some(terminal)).await
        }
    }

    fn terminal(&self, look: &Look) -> std::io::Result<Terminal> {
        let name = &self.view.name;
        let Some(vmid) = self.view.vmid else { return Ok(Terminal::prompt(name)) };
        let Some(boot) = self.boot else { return Ok(Terminal::ended()) };
        if !self.live.enabled() {
            return Ok(Terminal::prompt(name));
        }
        Ok(Terminal::of(&*enter(&self.live, vmid, boot, name, look)?))
    }

    /// Until the guest stops, starts anew or leaves, or the task is stopped.
    async fn gone(&self, look: &Look) {
        loop {
            tokio::time::sleep(LOOKS).await;
            let mut here = false;
            let there = look(&mut |world| {
                let boot = self.view.vmid.and_then(|vmid| Some(world.guest(vmid)?.run.as_ref()?.boot_id));
                let task = world.tasks.get(&self.place.0, &self.upid);
                here = boot == self.boot && task.is_some_and(crate::tasks::Task::is_running);
            });
            if !there || !here {
                return;
            }
        }
    }
}

/// The guest's shell, which from now on is watched so that it ends with the guest's boot.
pub(crate) fn enter(
    live: &Arc<LiveGuests>,
    vmid: u32,
    boot: u64,
    name: &str,
    look: &Look,
) -> std::io::Result<Arc<crate::backend::Live>> {
    let first = !live.keep(|_| true);
    let entered = live.enter(&key(vmid, boot), name)?;
    if first {
        let (live, look) = (live.clone(), look.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOKS).await;
                let mut running = std::collections::BTreeSet::new();
                let there = look(&mut |world| {
                    let boots = world.guests().filter_map(|g| Some(key(g.vmid, g.run.as_ref()?.boot_id)));
                    running = boots.collect();
                });
                if !live.keep(|key| there && running.contains(key)) {
                    return;
                }
            }
        });
    }
    Ok(entered)
}

fn key(vmid: u32, boot: u64) -> String {
    format!("{vmid}/{boot}")
}
