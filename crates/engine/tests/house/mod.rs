//! A house in one process: an engine on a database of its own, and a simulated cluster. Shared by the tests that need no
//! more than that.
#![allow(dead_code)] // each test uses some of it

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::clusters::{Cluster, Endpoint, VmidRange};
use innkeeper_domain::ids::{OperationId, ProjectId, SessionId, TemplateId};
use innkeeper_domain::instances::{Kind, State as InstanceState};
use innkeeper_domain::operations::{Operation, Verb};
use innkeeper_domain::projects::Membership;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_domain::time::Clock;
use innkeeper_domain::users::{Role, User};
use innkeeper_engine::{
    Engine, Fittings, NewCluster, NewInstance, NewSource, NewTemplate, NewUser, Options, WantedSize,
};
use innkeeper_store::{Db, KeyRing, SealKey};
use pve_sim::{ClusterOptions, Profile, Sim};
use tokio_util::sync::CancellationToken;

pub(crate) const SECRET: &str = "6b1f1f36-3a2e-4d5e-9a51-6f5d8f0f2a11";

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) sim: Sim,
    pub(crate) cluster: Cluster,
    pub(crate) container: TemplateId,
    pub(crate) machine: TemplateId,
    pub(crate) owner: Actor,
    pub(crate) project: ProjectId,
    pub(crate) stop: CancellationToken,
    pub(crate) _folder: tempfile::TempDir,
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::open_on(Profile::V9_2).await
    }

    /// A house whose cluster behaves like this version of Proxmox VE.
    pub(crate) async fn open_on(profile: Profile) -> Self {
        Self::open_with(profile, |_| {}).await
    }

    /// The same with other options.
    pub(crate) async fn open_with(profile: Profile, set: impl FnOnce(&mut Options)) -> Self {
        Self::open_at(profile, Clock::system(), set).await
    }

    /// The same by another clock.
    pub(crate) async fn open_at(profile: Profile, clock: Clock, set: impl FnOnce(&mut Options)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = ClusterOptions { profile, ..ClusterOptions::named("lodge", &["oak", "elm"]) };
        let other = ClusterOptions::named("annex", &["barn"]);
        let options = pve_sim::Options { clusters: vec![cluster, other], ..Default::default() };
        let sim = Sim::start(options).await.unwrap();
        for cluster in sim.clusters() {
            cluster.with(|world| world.add_token("root@pam", "inn", false, SECRET));
        }
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("t.db").display())).await.unwrap();
        db.migrate().await.unwrap();
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let mut options = Options { settle: Duration::from_millis(200), ..Options::default() };
        set(&mut options);
        let engine = Engine::new(db, keys, clock, options);
        let stop = CancellationToken::new();
        tokio::spawn({
            let (engine, stop) = (engine.clone(), stop.clone());
            async move { engine.run(stop).await }
        });
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
        let cluster = engine.add_cluster(&house, introduction(&sim), None).await.unwrap();
        let container = template(&engine, &cluster, Kind::Lxc).await;
        let machine = template(&engine, &cluster, Kind::Qemu).await;
        Self { engine, sim, cluster, container, machine, owner, project, stop, _folder: folder }
    }

    pub(crate) async fn create(&self, name: &str, template_id: TemplateId) -> Operation {
        let new = NewInstance {
            project_id: None,
            name: name.parse().unwrap(),
            template_id,
            size: WantedSize::Default,
            ssh_keys: Vec::new(),
            fittings: Fittings::default(),
        };
        let operation = self.engine.create_instance(&self.owner, new, None).await.unwrap();
        self.settled(operation.id).await
    }

    /// Somebody else, with a project of their own.
    pub(crate) async fn user(&self, email: &str) -> User {
        let new = NewUser {
            email: email.parse().unwrap(),
            name: "Somebody".parse().unwrap(),
            role: Role::User,
            password: "correct horse battery".to_owned().into(),
        };
        self.engine.create_user(&Actor::house(), new, None).await.unwrap()
    }

    pub(crate) async fn settled(&self, id: OperationId) -> Operation {
        let operation = self.engine.await_operation(&self.owner, id, Duration::from_secs(30)).await.unwrap();
        assert!(operation.state.is_final(), "{operation:#?}");
        operation
    }

    pub(crate) async fn change(&self, of: &Operation, verb: Verb) -> Operation {
        let operation = self.engine.change_instance(&self.owner, of.instance_id, verb, None).await.unwrap();
        self.settled(operation.id).await
    }

    pub(crate) async fn state(&self, of: &Operation) -> InstanceState {
        self.engine.instance(&self.owner, of.instance_id).await.unwrap().state()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn introduction(sim: &Sim) -> NewCluster {
    let endpoints = sim.cluster("lodge").endpoints().iter();
    NewCluster {
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
    }
}

pub(crate) async fn template(engine: &Engine, cluster: &Cluster, kind: Kind) -> TemplateId {
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
