//! A simulated Proxmox VE that knows us.

use innkeeper_domain::clusters::{Endpoint, VmidRange};
use innkeeper_engine::NewCluster;
use pve_sim::Sim;

/// The secret of our token, `root@pam!inn`.
pub const SECRET: &str = "6b1f1f36-3a2e-4d5e-9a51-6f5d8f0f2a11";

/// Simulates what is wanted; our token is good in every cluster.
pub async fn simulate(options: pve_sim::Options) -> Sim {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sim = Sim::start(options).await.unwrap();
    for cluster in sim.clusters() {
        cluster.with(|world| world.add_token("root@pam", "inn", false, SECRET));
    }
    sim
}

/// The cluster of that name, as it is introduced to the engine.
pub fn introduction(sim: &Sim, name: &str) -> NewCluster {
    let endpoints = sim.cluster(name).endpoints().iter();
    NewCluster {
        name: name.parse().unwrap(),
        endpoints: endpoints
            .map(|e| Endpoint { url: e.url.clone(), fingerprint: Some(e.fingerprint.clone()) })
            .collect(),
        token_id: "root@pam!inn".into(),
        token_secret: SECRET.to_owned().into(),
        bridge: "vmbr0".into(),
        pool: None,
        vmids: VmidRange { first: 10_000, last: 10_999 },
        priority: 0,
    }
}
