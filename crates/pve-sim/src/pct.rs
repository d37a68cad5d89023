//! What `pct exec` does on a node: a command in a running container of that node, by real processes.

use std::sync::Arc;

use crate::backend::LiveGuests;
use crate::consoles::{Look, enter};
use crate::guests::Kind;

/// The way from the nodes of a cluster into their containers.
#[derive(Clone)]
pub struct Pct {
    pub(crate) live: Arc<LiveGuests>,
    pub(crate) look: Look,
}

/// What a command left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Its exit code, as a shell tells it.
    pub code: i32,
    /// What it wrote.
    pub out: Vec<u8>,
    /// What it wrote as errors.
    pub err: Vec<u8>,
}

impl Pct {
    /// Runs a command in a container of this node. What keeps it from running is told as `pct` does, with an exit code.
    /// Dropped, the command is killed.
    pub async fn exec(&self, node: &str, vmid: u32, command: &[String], input: &[u8]) -> Executed {
        let failed = |code: i32, text: String| Executed { code, out: Vec::new(), err: text.into_bytes() };
        let mut found = None;
        (self.look)(&mut |world| {
            let guest = world.guest(vmid).filter(|guest| guest.node == node && guest.kind == Kind::Lxc);
            found = guest.map(|guest| (guest.run.as_ref().map(|run| run.boot_id), guest.name()));
        });
        let Some((boot, name)) = found else {
            return failed(2, format!("Configuration file 'nodes/{node}/lxc/{vmid}.conf' does not exist\n"));
        };
        let Some(boot) = boot else { return failed(255, format!("container '{vmid}' not running!\n")) };
        let done = match enter(&self.live, vmid, boot, &name, &self.look) {
            Ok(guest) => self.live.run(&guest, command, input).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(done) => Executed {
                code: done.code.unwrap_or_else(|| 128 + done.signal.unwrap_or(0)),
                out: done.out,
                err: done.err,
            },
            Err(error) => failed(255, format!("{error}\n")),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{ClusterOptions, GuestProcesses, Kind, Options, Sim};

    #[tokio::test]
    async fn commands_run_in_running_containers_of_the_node_and_nowhere_else() {
        let clusters = vec![ClusterOptions::named("lodge", &["oak", "elm"])];
        let guests = GuestProcesses::Process;
        let sim = Sim::start(Options { clusters, guests, ..Options::default() }).await.unwrap();
        let cluster = sim.cluster("lodge");
        cluster.with(|world| {
            let options = [("hostname", "web"), ("memory", "512")];
            world.add_guest("oak", Kind::Lxc, 100, &options, true);
            world.add_guest("oak", Kind::Lxc, 101, &options, false);
        });
        let pct = cluster.pct().unwrap();
        let words = ["sh", "-c", "cat; echo err >&2; exit 7"].map(str::to_owned);
        let done = pct.exec("oak", 100, &words, b"given").await;
        assert_eq!((done.code, done.out.as_slice(), done.err.as_slice()), (7, &b"given"[..], &b"err\n"[..]));
        for (node, vmid, told) in
            [("elm", 100, "does not exist"), ("oak", 99, "does not exist"), ("oak", 101, "not running")]
        {
            let done = pct.exec(node, vmid, &words, b"").await;
            assert!(done.code != 0 && String::from_utf8_lossy(&done.err).contains(told), "{done:?}");
        }
        sim.shutdown().await;
    }
}
