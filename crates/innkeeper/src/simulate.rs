//! `innkeeper simulate`: simulated Proxmox VE clusters, alone, for whoever wants to try a client against them.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use pve_sim::{ClusterOptions, Latency, Profile, Sim};
use serde_json::json;

use crate::serve::stopped;

/// Serve simulated Proxmox VE clusters alone.
#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    /// How many clusters.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=50))]
    clusters: u16,
    /// How many nodes each has.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=32))]
    nodes: u16,
    /// The address to listen on; only this machine by default.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// The port of the first node, the others count up; by default the system chooses.
    #[arg(long)]
    first_port: Option<u16>,
    /// Which version to behave like.
    #[arg(long, default_value = "9.2", value_parser = ["7.4", "8.4", "9.2"])]
    version_of_proxmox: String,
    /// How long tasks take, as a multiple of real life: 0 is at once, 1 as on a real server.
    #[arg(long, default_value_t = 1.0)]
    latency: f64,
    /// Milliseconds by which refused credentials are answered late; real servers take 3000.
    #[arg(long, default_value_t = 3000)]
    auth_delay_ms: u64,
    /// Memory of each node in GiB.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=65536))]
    node_memory_gib: u64,
    /// The secret of the token `root@pam!innkeeper`; by default a new one each time.
    #[arg(long, env = "INNKEEPER_SIMULATE_TOKEN", hide_env_values = true)]
    token_secret: Option<String>,
    /// Where certificates are kept, so that fingerprints survive a restart.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

/// The name of the token that a simulated cluster accepts.
const TOKEN: (&str, &str) = ("root@pam", "innkeeper");

impl Simulate {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut port = self.first_port;
        let clusters = (1..=self.clusters).map(|number| {
            let names: Vec<String> = (1..=self.nodes).map(|node| format!("pve{node}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut cluster = ClusterOptions::named(&format!("sim{number}"), &names);
            for node in &mut cluster.nodes {
                node.memory = self.node_memory_gib << 30;
            }
            cluster.profile = match self.version_of_proxmox.as_str() {
                "7.4" => Profile::V7_4,
                "8.4" => Profile::V8_4,
                _ => Profile::V9_2,
            };
            cluster.first_port = port;
            port = port.map(|port| port.saturating_add(self.nodes));
            cluster
        });
        let clusters: Vec<ClusterOptions> = clusters.collect();
        let latency = if self.latency <= 0.0 { Latency::Zero } else { Latency::Scaled(self.latency) };
        let options = pve_sim::Options {
            clusters: clusters.clone(),
            bind: self.bind,
            latency,
            auth_delay: Duration::from_millis(self.auth_delay_ms),
            control: true,
            state_dir: self.state_dir.clone(),
            ..pve_sim::Options::default()
        };
        let sim = Sim::start(options).await.context("the simulator cannot start")?;
        let secret = self.token_secret.clone().unwrap_or_else(new_secret);
        for cluster in &clusters {
            sim.cluster(&cluster.name).with(|world| world.add_token(TOKEN.0, TOKEN.1, false, &secret));
        }
        self.tell(&sim, &clusters, &secret);
        stopped().await;
        sim.shutdown().await;
        Ok(())
    }

    fn tell(&self, sim: &Sim, clusters: &[ClusterOptions], secret: &str) {
        let token = format!("{}!{}", TOKEN.0, TOKEN.1);
        let control = sim.control_addr().map(|addr| format!("http://{addr}"));
        if self.json {
            let clusters: Vec<_> = clusters
                .iter()
                .map(|cluster| {
                    let endpoints = sim.cluster(&cluster.name).endpoints().iter().map(|endpoint| {
                        json!({ "node": endpoint.node, "url": endpoint.url, "fingerprint": endpoint.fingerprint })
                    });
                    json!({ "name": cluster.name, "endpoints": endpoints.collect::<Vec<_>>() })
                })
                .collect();
            println!(
                "{}",
                json!({ "clusters": clusters, "token_id": token, "token_secret": secret, "control": control })
            );
            return;
        }
        for cluster in clusters {
            println!("cluster {}", cluster.name);
            for endpoint in sim.cluster(&cluster.name).endpoints() {
                println!("  {:6} {}  {}", endpoint.node, endpoint.url, endpoint.fingerprint);
            }
        }
        println!("token   {token}={secret}");
        if let Some(control) = control {
            println!("control {control}/faults, {control}/stats, {control}/guests");
        }
    }
}

/// A token secret in the form that Proxmox gives them.
pub(crate) fn new_secret() -> String {
    let hex = format!("{:032x}", rand::random::<u128>());
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
