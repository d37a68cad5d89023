//! A house in one process: an engine on a database of its own, and a simulated cluster. Who needs more puts their own
//! house around it.
#![allow(dead_code)] // each test uses some of it

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::clusters::Cluster;
use innkeeper_domain::ids::{OperationId, ProjectId, TemplateId, UserId};
use innkeeper_domain::instances::{Instance, Kind, State as InstanceState};
use innkeeper_domain::operations::{Operation, State, Verb};
use innkeeper_domain::time::Clock;
use innkeeper_domain::users::{Role, User};
use innkeeper_engine::{Engine, NewCluster, Options};
use innkeeper_store::{Db, KeyRing, SealKey};
use innkeeper_testing::{database, instance, offer, person, run, simulate, template};
use pve_sim::{ClusterOptions, Profile, Sim};
use tokio_util::sync::CancellationToken;

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
    pub(crate) user: UserId,
    pub(crate) project: ProjectId,
    pub(crate) stop: CancellationToken,
    pub(crate) folder: tempfile::TempDir,
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
        let lodge = ClusterOptions { profile, ..ClusterOptions::named("lodge", &["oak", "elm"]) };
        let clusters = vec![lodge, ClusterOptions::named("annex", &["barn"])];
        let mut options = Options { settle: Duration::from_millis(200), ..Options::default() };
        set(&mut options);
        Self::build(pve_sim::Options { clusters, ..Default::default() }, clock, options).await
    }

    /// A house with these clusters, of which the lodge is introduced to it.
    pub(crate) async fn build(clusters: pve_sim::Options, clock: Clock, options: Options) -> Self {
        let (db, folder) = database().await;
        Self::build_on(db, folder, clusters, clock, options).await
    }

    /// The same on a database that is there.
    pub(crate) async fn build_on(
        db: Db,
        folder: tempfile::TempDir,
        clusters: pve_sim::Options,
        clock: Clock,
        options: Options,
    ) -> Self {
        let sim = simulate(clusters).await;
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let engine = Engine::new(db.clone(), keys.clone(), clock, options);
        let stop = CancellationToken::new();
        run(&engine, &stop);
        let (user, owner) = person(&engine, "owner@inn.example", Role::User).await;
        let cluster = engine.add_cluster(&Actor::house(), introduction(&sim), None).await.unwrap();
        let container = offer(&engine, cluster.id, template(Kind::Lxc)).await;
        let machine = offer(&engine, cluster.id, template(Kind::Qemu)).await;
        let (user, project) = (user.id, user.personal_project);
        Self { engine, db, keys, sim, cluster, container, machine, owner, user, project, stop, folder }
    }

    pub(crate) async fn create(&self, name: &str, template_id: TemplateId) -> Operation {
        let new = instance(name, template_id);
        let operation = self.engine.create_instance(&self.owner, new, None).await.unwrap();
        self.settled(operation.id).await
    }

    /// An instance that was made.
    pub(crate) async fn made(&self, name: &str, template_id: TemplateId) -> Instance {
        let made = self.create(name, template_id).await;
        assert_eq!(made.state, State::Succeeded, "{made:#?}");
        self.engine.instance(&self.owner, made.instance_id).await.unwrap()
    }

    /// Somebody else, with a project of their own.
    pub(crate) async fn user(&self, email: &str) -> User {
        person(&self.engine, email, Role::User).await.0
    }

    pub(crate) async fn settled(&self, id: OperationId) -> Operation {
        let operation = self.engine.await_operation(&self.owner, id, PATIENCE).await.unwrap();
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

/// The lodge, as it is introduced to the house.
pub(crate) fn introduction(sim: &Sim) -> NewCluster {
    innkeeper_testing::introduction(sim, "lodge")
}
