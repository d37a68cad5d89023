//! Starting and stopping simulators, and the handles tests hold.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::backend::{self, Backend, LiveGuests};
use crate::faults::Faults;
use crate::options::{ClusterOptions, Options};
use crate::pct::Pct;
use crate::server::tls::TlsError;
use crate::server::{Shared, control, listen, tls};
use crate::stats::{Counters, Stats};
use crate::world::World;

/// How often a cluster brings itself up to the clock while nobody looks.
const TICK: Duration = Duration::from_millis(50);

/// A simulator that could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port could not be bound.
    #[error("binding a port: {0}")]
    Bind(#[from] std::io::Error),
    /// A certificate could not be made or read.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Two clusters, or two nodes of one, have the same name.
    #[error("the name {0:?} is given twice")]
    Twice(String),
}

/// A running simulator. Dropping it ends it.
pub struct Sim {
    clusters: Vec<Cluster>,
    control: Option<SocketAddr>,
    tasks: JoinSet<()>,
}

/// One simulated cluster. Clones are the same one.
#[derive(Clone)]
pub struct Cluster {
    name: String,
    endpoints: Vec<Endpoint>,
    shared: Arc<Shared>,
}

/// Where a node is reached.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The node's name.
    pub node: String,
    /// Address and port it listens on.
    pub addr: SocketAddr,
    /// `https://address:port`, without a path.
    pub url: String,
    /// SHA-256 of its certificate, `AA:BB:..`.
    pub fingerprint: String,
}

impl Sim {
    /// Builds the clusters and opens one listener per node.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let backend = backend::choose(options.guests);
        let mut tasks = JoinSet::new();
        let mut clusters: Vec<Cluster> = Vec::new();
        for (at, cluster) in options.clusters.iter().enumerate() {
            if clusters.iter().any(|c| c.name == cluster.name) {
                return Err(StartError::Twice(cluster.name.clone()));
            }
            clusters.push(start_cluster(&options, cluster, at as u64, backend.clone(), &mut tasks).await?);
        }
        let control = if options.control {
            let listener = listen::bind(options.bind, None).await?;
            let address = listener.local_addr()?;
            let shared = clusters.iter().map(|c| (c.name.clone(), c.shared.clone())).collect();
            tasks.spawn(control::serve(listener, shared));
            Some(address)
        } else {
            None
        };
        Ok(Self { clusters, control, tasks })
    }

    /// The cluster called `name`.
    ///
    /// # Panics
    /// If there is none: a test asks only for what it started.
    pub fn cluster(&self, name: &str) -> &Cluster {
        self.clusters.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no cluster {name:?}"))
    }

    /// All clusters.
    pub fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }

    /// Where the control port listens, if asked for.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control
    }

    /// Closes every listener and connection, and ends the guests' processes.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
        for cluster in &self.clusters {
            let live = cluster.with(|world| world.desk.live.clone());
            live.end_all();
        }
    }
}

async fn start_cluster(
    options: &Options,
    cluster: &ClusterOptions,
    at: u64,
    backend: Option<Arc<dyn Backend>>,
    tasks: &mut JoinSet<()>,
) -> Result<Cluster, StartError> {
    let seed = options.seed.wrapping_add(at.wrapping_mul(0x9E37_79B9));
    let mut world = World::new(cluster, options.latency, options.clock.clone(), seed);
    if world.nodes.len() < cluster.nodes.len() {
        return Err(StartError::Twice(cluster.name.clone()));
    }
    let mut endpoints = Vec::new();
    let mut listeners = Vec::new();
    for (at, node) in cluster.nodes.iter().enumerate() {
        let port = node.port.or(cluster.first_port.map(|p| p + at as u16));
        let listener = listen::bind(options.bind, port).await?;
        let addr = listener.local_addr()?;
        let identity = tls::identity(&cluster.name, &node.name, options.bind, options.state_dir.as_deref())?;
        if let Some(known) = world.nodes.get_mut(&node.name) {
            (known.fingerprint, known.certificate) = (identity.fingerprint.clone(), identity.pem);
            listeners.push((node.name.clone(), listener, identity.acceptor, known.power.subscribe()));
        }
        endpoints.push(Endpoint {
            node: node.name.clone(),
            addr,
            url: format!("https://{addr}"),
            fingerprint: identity.fingerprint,
        });
    }
    world.desk.live = Arc::new(LiveGuests::new(backend));
    let shared = Arc::new(Shared::new(world, options.auth_delay));
    let back = Arc::downgrade(&shared);
    shared.world().desk.look =
        Some(Arc::new(move |look| back.upgrade().map(|shared| look(&mut shared.world())).is_some()));
    for (node, listener, acceptor, power) in listeners {
        tasks.spawn(listen::serve(shared.clone(), node, listener, acceptor, power));
    }
    tasks.spawn(keep_time(shared.clone()));
    Ok(Cluster { name: cluster.name.clone(), endpoints, shared })
}

/// What is due happens also while nobody asks: a node that was told to go down closes its port.
async fn keep_time(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(TICK).await;
        drop(shared.world());
    }
}

impl Cluster {
    /// The cluster's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where `node` is reached.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn endpoint(&self, node: &str) -> Endpoint {
        let found = self.endpoints.iter().find(|e| e.node == node);
        found.unwrap_or_else(|| panic!("no node {node:?} in {:?}", self.name)).clone()
    }

    /// Where all nodes are reached, in the order given at the start.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Looks at the state or changes it. What is due happens first.
    pub fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.shared.world())
    }

    /// The way from its nodes into its containers; none where guests run no processes.
    pub fn pct(&self) -> Option<Pct> {
        self.with(|world| {
            let live = world.desk.live.clone();
            world.desk.look.clone().filter(|_| live.enabled()).map(|look| Pct { live, look })
        })
    }

    /// The cluster's faults.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Lets go of every task a fault holds.
    pub fn release_tasks(&self) {
        self.with(World::release_tasks);
    }

    /// What was counted until now.
    pub fn stats(&self) -> Stats {
        self.shared.counters.read()
    }

    /// The live counters, for setting them back.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }
}
