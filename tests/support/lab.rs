//! Simulated clusters, in the test's own process so that a test sees and spoils everything.

use pve_sim::{ClusterOptions, GuestProcesses, Kind as GuestKind, Latency, Sim};
use serde_json::{Value, json};

/// The secret of the token in every simulated cluster.
const SECRET: &str = "0d5c7c36-9a1f-4f0e-9a51-6f5d8f0f2a11";

pub struct Lab {
    pub sim: Sim,
    pub names: Vec<String>,
}

impl Lab {
    /// Clusters of this many nodes each, whose tasks take no time unless `latency` says so.
    pub async fn start(clusters: usize, nodes: usize, latency: Latency) -> Self {
        Self::with(clusters, nodes, latency, GuestProcesses::Off).await
    }

    /// The same, with these processes behind the guests' consoles and agents.
    pub async fn with(clusters: usize, nodes: usize, latency: Latency, guests: GuestProcesses) -> Self {
        let names: Vec<String> = (1..=clusters).map(|n| format!("c{n}")).collect();
        let node_names: Vec<String> = (1..=nodes).map(|n| format!("n{n}")).collect();
        let node_names: Vec<&str> = node_names.iter().map(String::as_str).collect();
        let mut options = pve_sim::Options { latency, guests, ..pve_sim::Options::default() };
        options.clusters = names.iter().map(|name| ClusterOptions::named(name, &node_names)).collect();
        for node in options.clusters.iter_mut().flat_map(|cluster| &mut cluster.nodes) {
            node.memory = 1 << 40;
        }
        let sim = Sim::start(options).await.unwrap();
        for name in &names {
            sim.cluster(name).with(|world| {
                world.add_token("root@pam", "inn", false, SECRET);
                for (number, node) in (9001..).zip(node_names.iter().skip(1)) {
                    world.add_machine_template(node, number, "debian-12-cloud");
                }
            });
        }
        Self { sim, names }
    }

    /// The request that adds a cluster to a server.
    pub fn introduction(&self, name: &str) -> Value {
        let endpoints: Vec<Value> = self
            .sim
            .cluster(name)
            .endpoints()
            .iter()
            .map(|endpoint| json!({ "url": endpoint.url, "fingerprint": endpoint.fingerprint }))
            .collect();
        json!({
            "name": name,
            "endpoints": endpoints,
            "token_id": "root@pam!inn",
            "token_secret": SECRET,
            "bridge": "vmbr0",
            "vmids": { "first": 10_000, "last": 19_999 },
        })
    }

    /// Every guest of a cluster but the template VMs.
    pub fn guests(&self, name: &str) -> Vec<Seen> {
        self.sim.cluster(name).with(|world| {
            let ours = world.guests().filter(|guest| !guest.config.contains_key("template"));
            let seen = ours.map(|guest| Seen {
                vmid: guest.vmid,
                running: guest.run.is_some(),
                paused: guest.run.as_ref().is_some_and(|run| run.paused),
                description: guest.config.get("description").cloned().unwrap_or_default(),
            });
            seen.collect()
        })
    }

    /// Puts a guest of somebody else's on a number of our range.
    pub fn add_stranger(&self, cluster: &str, vmid: u32) {
        self.sim.cluster(cluster).with(|world| {
            let options =
                [("hostname", "stranger"), ("memory", "512"), ("onboot", "1"), ("description", STRANGER)];
            world.add_guest("n1", GuestKind::Lxc, vmid, &options, true);
        });
    }
}

/// What a stranger's guest says of itself; must be left as it is.
pub const STRANGER: &str = "somebody else's";

/// A guest as the simulator has it.
#[derive(Debug)]
pub struct Seen {
    pub vmid: u32,
    pub running: bool,
    pub paused: bool,
    pub description: String,
}
