//! A house with a simulated cluster of two nodes, polled all the time.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::clusters::{Cluster, Endpoint, VmidRange};
use innkeeper_domain::ids::{ProjectId, SessionId, TemplateId};
use innkeeper_domain::instances::{Instance, Kind};
use innkeeper_domain::operations::{Operation, State};
use innkeeper_domain::projects::Membership;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_domain::time::Clock;
use innkeeper_domain::users::Role;
use innkeeper_engine::{
    Engine, NewCluster, NewInstance, NewSource, NewTemplate, NewUser, Options, WantedSize,
};
use innkeeper_store::{Db, KeyRing, SealKey};
use pve_sim::{ClusterOptions, Profile, Sim};
use tokio_util::sync::CancellationToken;

const SECRET: &str = "6b1f1f36-3a2e-4d5e-9a51-6f5d8f0f2a11";

/// Long for a computer that has better things to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) db: Db,
    pub(crate) keys: KeyRing,
    pub(crate) sim: Sim,
    pub(crate) cluster: Cluster,
    pub(crate) container: TemplateId,
    pub(crate) machine: TemplateId,
    pub(crate) owner: Actor,
    pub(crate) project: ProjectId,
    pub(crate) stop: CancellationToken,
    _folder: tempfile::TempDir,
}

pub(crate) fn options() -> Options {
    Options {
        settle: Duration::from_millis(200),
        poll_every: Duration::from_millis(100),
        poll_lag: Duration::ZERO,
        ..Options::default()
    }
}

impl House {
    pub(crate) async fn open(profile: Profile) -> Self {
        Self::open_with(profile, options()).await
    }

    pub(crate) async fn open_with(profile: Profile, options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = ClusterOptions { profile, ..ClusterOptions::named("lodge", &["oak", "elm"]) };
        let sim = pve_sim::Options { clusters: vec![cluster], ..Default::default() };
        let sim = Sim::start(sim).await.unwrap();
        sim.cluster("lodge").with(|world| world.add_token("root@pam", "inn", false, SECRET));
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("t.db").display())).await.unwrap();
        db.migrate().await.unwrap();
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let engine = Engine::new(db.clone(), keys.clone(), Clock::system(), options);
        let stop = CancellationToken::new();
        run(&engine, &stop);
        let house = Actor::house();
        let new = NewUser {
            email: "owner@inn.example".parse().unwrap(),
            name: "Owner".parse().unwrap(),
            role: Role::User,
            password: "correct horse battery".to_owned().into(),
        };
        let user = engine.create_user(&house, new, None).await.unwrap();
        let project = user.personal_project;
        let memberships = vec![(project, Membership::Owner)];
        let owner = Actor::user(user.id, Role::User, memberships, SessionId::new());
        let endpoints = sim.cluster("lodge").endpoints().iter();
        let new = NewCluster {
            name: "lodge".parse().unwrap(),
            endpoints: endpoints
                .map(|e| Endpoint { url: e.url.clone(), fingerprint: Some(e.fingerprint.clone()) })
                .collect(),
            token_id: "root@pam!inn".into(),
            token_secret: SECRET.to_owned().into(),
            bridge: "vmbr0".into(),
            pool: None,
            vmids: VmidRange { first: 10_000, last: 10_999 },
            priority: 0,
        };
        let cluster = engine.add_cluster(&house, new, None).await.unwrap();
        let container = template(&engine, &cluster, Kind::Lxc).await;
        let machine = template(&engine, &cluster, Kind::Qemu).await;
        Self { engine, db, keys, sim, cluster, container, machine, owner, project, stop, _folder: folder }
    }

    pub(crate) async fn create(&self, name: &str, template_id: TemplateId) -> Instance {
        let new = NewInstance {
            project_id: None,
            name: name.parse().unwrap(),
            template_id,
            size: WantedSize::Default,
            ssh_keys: Vec::new(),
            fittings: innkeeper_engine::Fittings::default(),
        };
        let operation = self.engine.create_instance(&self.owner, new, None).await.unwrap();
        let made = self.settled(operation).await;
        assert_eq!(made.state, State::Succeeded, "{made:#?}");
        self.engine.instance(&self.owner, made.instance_id).await.unwrap()
    }

    pub(crate) async fn settled(&self, operation: Operation) -> Operation {
        let ended = self.engine.await_operation(&self.owner, operation.id, PATIENCE).await.unwrap();
        assert!(ended.state.is_final(), "{ended:#?}");
        ended
    }

    /// How often the cluster's inventory was read.
    pub(crate) fn polls(&self) -> u64 {
        self.calls("GET /cluster/resources")
    }

    pub(crate) fn calls(&self, template: &str) -> u64 {
        self.sim.cluster("lodge").stats().calls.get(template).copied().unwrap_or(0)
    }
}

/// Runs the loops of an engine until `stop`.
pub(crate) fn run(engine: &Engine, stop: &CancellationToken) {
    let (engine, stop) = (engine.clone(), stop.clone());
    tokio::spawn(async move { engine.run(stop).await });
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn template(engine: &Engine, cluster: &Cluster, kind: Kind) -> TemplateId {
    let house = Actor::house();
    let size = |cores, memory_mib, disk_gib| Size { cores, memory_mib, disk_gib };
    let new = NewTemplate {
        name: kind.as_str().parse().unwrap(),
        kind,
        least: size(1, 64, 1),
        default_size: size(2, 512, 6),
        most: size(8, 8192, 50),
        reports_address: true,
    };
    let template = engine.create_template(&house, new, None).await.unwrap();
    let (node, origin) = match kind {
        Kind::Lxc => (None, Origin::Volume("local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst".into())),
        Kind::Qemu => (Some("oak".parse().unwrap()), Origin::Vm(9000)),
    };
    let source = NewSource { cluster_id: cluster.id, node, origin };
    engine.add_template_source(&house, template.id, source, None).await.unwrap();
    template.id
}
