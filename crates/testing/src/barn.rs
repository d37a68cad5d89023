//! A house with one host: a simulated cluster of one node that can be switched off, and a socket where magic packets
//! arrive. Time passes when a test says so.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::clusters::{Cluster, Endpoint};
use innkeeper_domain::hosts::{Host, Profile, Secrets, Wake};
use innkeeper_domain::ids::{ClusterId, HostId};
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_engine::{Engine, NewHost, Options};
use innkeeper_store::{Db, KeyRing, SealKey, hosts};
use pve_sim::{ClusterOptions, Sim};
use tokio::net::UdpSocket;

use crate::{cluster, furnish, node, simulate};

/// The node.
pub const BARN: &str = "barn";

/// A Saturday, shortly after midnight; microseconds.
pub const NOW: Timestamp = Timestamp(1_795_221_883_000_000);

/// A second.
pub const SECOND: Duration = Duration::from_secs(1);

/// The house.
pub struct Barn {
    /// Its database.
    pub db: Db,
    /// One of its processes.
    pub engine: Engine,
    /// Proxmox.
    pub sim: Sim,
    /// What time it is.
    pub clock: Clock,
    /// The cluster.
    pub cluster: ClusterId,
    /// The host.
    pub id: HostId,
    keys: KeyRing,
    options: Options,
    packets: UdpSocket,
}

impl Barn {
    /// A host that is woken by packets, and sleeps by itself after a minute of quiet and half a minute of countdown. It
    /// has not been looked at.
    pub async fn build(db: Db, name: &str, options: Options, set: impl FnOnce(&mut Profile)) -> Self {
        let clusters = vec![ClusterOptions::named("annex", &[BARN])];
        let sim = simulate(pve_sim::Options { clusters, ..Default::default() }).await;
        let (clock, keys) = (Clock::manual(NOW), KeyRing::new(SealKey::generate(), Vec::new()));
        let engine = Engine::new(db.clone(), keys.clone(), clock.clone(), options.clone());
        let at = sim.cluster("annex").endpoint(BARN);
        let endpoints = vec![Endpoint { url: at.url, fingerprint: Some(at.fingerprint) }];
        let cluster = Cluster { endpoints, ..cluster(NOW) };
        furnish(&db, &keys, &cluster, &node(cluster.id, BARN, NOW)).await;
        let packets = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut profile = Profile {
            wake: Wake::Packet {
                mac: "00:23:7d:fd:c0:5c".parse().unwrap(),
                interface: None,
                address: Some("127.0.0.1".parse().unwrap()),
                ports: vec![packets.local_addr().unwrap().port()],
            },
            automatic: true,
            idle_seconds: 60,
            countdown_seconds: 30,
            ..Profile::default()
        };
        set(&mut profile);
        let secrets = Secrets { secure_on: Some("01:02:03:04:05:06".into()), webhook: None };
        let (name, node) = (name.parse().unwrap(), BARN.parse().unwrap());
        let new = NewHost { name, cluster_id: cluster.id, node, profile, secrets };
        let id = engine.add_host(&Actor::house(), new, None).await.unwrap().id;
        Self { db, engine, sim, clock, cluster: cluster.id, id, keys, options, packets }
    }

    /// Another process of the same house.
    pub fn another(&self) -> Engine {
        Engine::new(self.db.clone(), self.keys.clone(), self.clock.clone(), self.options.clone())
    }

    /// The host as it is written down.
    pub async fn host(&self) -> Host {
        hosts::by_id(&self.db, self.id).await.unwrap().unwrap()
    }

    /// The host is looked at now, due or not.
    pub async fn look_now(&self) -> Host {
        let mut tx = self.db.begin().await.unwrap();
        hosts::hurry(&mut tx, self.id, self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        self.engine.watch_hosts().await.unwrap();
        self.host().await
    }

    /// The node has no power any more.
    pub fn cut_power(&self) {
        self.sim.cluster("annex").with(|world| world.kill_node(BARN));
    }

    /// Somebody switches the node on.
    pub fn power_on(&self) {
        self.sim.cluster("annex").with(|world| world.power_on(BARN));
    }

    /// How often the node was told to switch itself off.
    pub fn told_off(&self) -> u64 {
        let stats = self.sim.cluster("annex").stats();
        let told =
            stats.calls.iter().filter(|(call, _)| call.starts_with("POST ") && call.ends_with("}/status"));
        told.map(|(_, count)| count).sum()
    }

    /// The magic packets that have arrived since it was last asked.
    pub async fn packets(&self) -> Vec<Vec<u8>> {
        let mut arrived = Vec::new();
        let mut buffer = [0; 200];
        // What was sent over the loopback is there when sending has ended.
        while let Ok(read) = self.packets.try_recv(&mut buffer) {
            arrived.push(buffer[..read].to_vec());
            tokio::task::yield_now().await;
        }
        arrived
    }
}
