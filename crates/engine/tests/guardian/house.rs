//! A house with one host: a simulated cluster of one node, and a socket where magic packets arrive.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::clusters::{Cluster, Endpoint, Health, Node, Storage, VmidRange};
use innkeeper_domain::hosts::{Host, Profile, Reading, Secrets, SignalKind, State, Wake};
use innkeeper_domain::ids::{ClusterId, HostId};
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_engine::{Engine, Error, HostChange, NewHost, Options};
use innkeeper_store::{Db, KeyRing, SealKey, clusters, hosts, nodes};
use pve_sim::{ClusterOptions, Kind, Sim};
use tokio::net::UdpSocket;

/// A Saturday, shortly after midnight.
const NOW: i64 = 1_795_221_883;

/// The node.
pub(crate) const BARN: &str = "barn";

pub(crate) const SECRET: &str = "6b1f1f36-3a2e-4d5e-9a51-6f5d8f0f2a11";

pub(crate) const MAC: [u8; 6] = [0x00, 0x23, 0x7d, 0xfd, 0xc0, 0x5c];

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// More looks than any way takes.
const MOST_LOOKS: usize = 300;

pub(crate) struct House {
    pub(crate) db: Db,
    pub(crate) engine: Engine,
    pub(crate) sim: Sim,
    pub(crate) clock: Clock,
    pub(crate) cluster: ClusterId,
    pub(crate) id: HostId,
    keys: KeyRing,
    packets: UdpSocket,
}

impl House {
    /// A host that is awake, and sleeps by itself after a minute of quiet and half a minute of countdown.
    pub(crate) async fn open(db: Db) -> Self {
        Self::open_with(db, |_| {}).await
    }

    pub(crate) async fn open_with(db: Db, set: impl FnOnce(&mut Profile)) -> Self {
        let house = Self::build(db, set).await;
        house.until(State::Ready).await;
        house
    }

    /// The same, and the host has no power.
    pub(crate) async fn open_asleep(db: Db) -> Self {
        let house = Self::build(db, |_| {}).await;
        house.cut_power();
        house.until(State::Off).await;
        house
    }

    async fn build(db: Db, set: impl FnOnce(&mut Profile)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = pve_sim::Options {
            clusters: vec![ClusterOptions::named("annex", &[BARN])],
            ..Default::default()
        };
        let sim = Sim::start(options).await.unwrap();
        sim.cluster("annex").with(|world| world.add_token("root@pam", "inn", false, SECRET));
        let clock = Clock::manual(Timestamp(NOW * 1_000_000));
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let engine = Engine::new(db.clone(), keys.clone(), clock.clone(), options_of());
        let cluster = furnish(&db, &keys, &sim, clock.now()).await;
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
        let (name, node) = ("shed".parse().unwrap(), BARN.parse().unwrap());
        let new = NewHost { name, cluster_id: cluster, node, profile, secrets };
        let id = engine.add_host(add_host(&Actor::house(), new)Actor::house(), new, None).await.unwrap().id;
        Self { db, engine, sim, clock, cluster, id, keys, packets }
    }

    /// The process ends, and another begins.
    pub(crate) fn restart(&mut self) {
        self.engine = self.another();
    }

    /// Another process of the same house.
    pub(crate) fn another(&self) -> Engine {
        Engine::new(self.db.clone(), self.keys.clone(), self.clock.clone(), options_of())
    }

    pub(crate) async fn host(&self) -> Host {
        hosts::by_id(&self.db, self.id).await.unwrap().unwrap()
    }

    /// The host is looked at this much later, due or not.
    pub(crate) async fn look(&self, after: Duration) -> Host {
        self.clock.advance(after);
        let mut tx = self.db.begin().await.unwrap();
        hosts::hurry(&mut tx, self.id, self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        self.look_if_due().await
    }

    /// The host is looked at now if its time has come.
    pub(crate) async fn look_if_due(&self) -> Host {
        self.engine.watch_hosts().await.unwrap();
        self.host().await
    }

    /// The host is looked at until it stands there, every few seconds.
    pub(crate) async fn until(&self, state: State) -> Host {
        for _ in 0..MOST_LOOKS {
            let host = self.look(3 * SECOND).await;
            if host.course.state == state {
                return host;
            }
        }
        panic!("it never was {state}: {:?}", self.host().await);
    }

    /// For as long as it takes to fall asleep, and more, it is looked at; answers where it stood.
    pub(crate) async fn wait(&self) -> Vec<State> {
        let mut states = Vec::new();
        for _ in 0..60 {
            states.push(self.look(5 * SECOND).await.course.state);
        }
        states.dedup();
        states
    }

    pub(crate) fn cut_power(&self) {
        self.sim.cluster("annex").with(|world| world.kill_node(BARN));
    }

    pub(crate) fn power_on(&self) {
        self.sim.cluster("annex").with(|world| world.power_on(BARN));
    }

    /// A container that is not ours and runs.
    pub(crate) fn stranger(&self, vmid: u32) {
        self.sim.cluster("annex").with(|world| {
            world.add_guest(BARN, Kind::Lxc, vmid, &[("hostname", "stranger")], true);
        });
    }

    pub(crate) fn runs(&self, vmid: u32) -> bool {
        self.sim.cluster("annex").with(|world| world.guest(vmid).unwrap().is_running())
    }

    /// How often the node was told to switch itself off.
    pub(crate) fn told_off(&self) -> u64 {
        let stats = self.sim.cluster("annex").stats();
        let told =
            stats.calls.iter().filter(|(call, _)| call.starts_with("POST ") && call.ends_with("}/status"));
        told.map(|(_, count)| count).sum()
    }

    /// The magic packets that have arrived.
    pub(crate) async fn packets(&self) -> Vec<Vec<u8>> {
        let mut arrived = Vec::new();
        let mut buffer = [0; 200];
        // What was sent over the loopback is there when sending has ended.
        while let Ok(read) = self.packets.try_recv(&mut buffer) {
            arrived.push(buffer[..read].to_vec());
            tokio::task::yield_now().await;
        }
        arrived
    }

    /// What this kind of need says.
    pub(crate) async fn reading(&self, kind: SignalKind) -> Reading {
        let host = self.host().await;
        host.signals
            .iter()
            .find(|signal| signal.kind == kind)
            .unwrap_or_else(|| panic!("no {kind}: {host:?}"))
            .reading
    }

    pub(crate) async fn change(&self, set: impl FnOnce(&mut Profile)) {
        let mut profile = self.host().await.profile;
        set(&mut profile);
        let change = HostChange { profile: Some(profile), ..HostChange::default() };
        self.engine.change_host(&Actor::house(), self.id, change).await.unwrap();
    }

    pub(crate) async fn wake(&self) {
        self.engine.wake_host(&Actor::house(), self.id, Some("game night")).await.unwrap();
    }

    /// Where it stood from the beginning on.
    pub(crate) async fn way(&self) -> Vec<State> {
        let (from, to) = (Timestamp(0), self.clock.now().after(SECOND));
        let turns = self.engine.host_history(&Actor::house(), self.id, from, to).await.unwrap();
        turns.into_iter().map(|turn| turn.state).collect()
    }
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result.unwrap_err() {
        Error::Conflict { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn options_of() -> Options {
    Options { call_timeout: Duration::from_secs(10), ..Options::default() }
}

async fn furnish(db: &Db, keys: &KeyRing, sim: &Sim, now: Timestamp) -> ClusterId {
    let at = sim.cluster("annex").endpoint(BARN);
    let cluster = Cluster {
        id: ClusterId::new(),
        name: "Annex".parse().unwrap(),
        endpoints: vec![Endpoint { url: at.url, fingerprint: Some(at.fingerprint) }],
        token_id: "root@pam!inn".into(),
        bridge: "vmbr0".into(),
        pool: None,
        vmids: VmidRange { first: 10_000, last: 10_999 },
        priority: 0,
        open: true,
        health: Health::Healthy,
        problem: None,
        version: None,
        seen_at: Some(now),
        created_at: now,
    };
    let node = Node {
        cluster_id: cluster.id,
        name: BARN.parse().unwrap(),
        online: true,
        maintenance: false,
        cores: 64,
        memory_total: 1 << 40,
        memory_used: 0,
        seen_at: now,
    };
    let storage = Storage {
        cluster_id: cluster.id,
        node: node.name.clone(),
        name: "local-lvm".parse().unwrap(),
        holds_containers: true,
        holds_disks: true,
        holds_backups: true,
        shared: false,
        available: true,
        total: 1 << 44,
        used: 0,
        seen_at: now,
    };
    let sealed = keys.seal(SECRET.as_bytes(), &format!("clusters/token_secret/{}", cluster.id));
    let mut tx = db.begin().await.unwrap();
    clusters::insert(&mut tx, &cluster, &sealed).await.unwrap();
    nodes::replace(&mut tx, cluster.id, &[node], &[storage]).await.unwrap();
    tx.commit().await.unwrap();
    cluster.id
}
