//! While a project is restricted nothing of it runs, whoever starts it; afterwards exactly what ran runs again.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::clusters::{Endpoint, VmidRange};
use innkeeper_domain::ids::{InstanceId, OperationId, SessionId, TemplateId, UserId};
use innkeeper_domain::instances::{Instance, Kind, State as InstanceState};
use innkeeper_domain::names::Reason;
use innkeeper_domain::operations::{Operation, State, Verb};
use innkeeper_domain::projects::{Membership, Restriction};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_domain::time::Clock;
use innkeeper_domain::users::Role;
use innkeeper_engine::{
    Engine, Error, Fittings, NewCluster, NewInstance, NewSource, NewTemplate, NewUser, Options, WantedSize,
};
use innkeeper_store::{Db, KeyRing, SealKey};
use pve_sim::{ClusterOptions, Sim};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SECRET: &str = "6b1f1f36-3a2e-4d5e-9a51-6f5d8f0f2a11";

struct House {
    engine: Engine,
    sim: Sim,
    template: TemplateId,
    owner: Actor,
    user: UserId,
    loops: Option<(CancellationToken, JoinHandle<()>)>,
    _folder: tempfile::TempDir,
}

impl House {
    async fn open() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clusters = vec![ClusterOptions::named("lodge", &["oak"])];
        let sim = Sim::start(pve_sim::Options { clusters, ..Default::default() }).await.unwrap();
        sim.cluster("lodge").with(|world| world.add_token("root@pam", "inn", false, SECRET));
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("t.db").display())).await.unwrap();
        db.migrate().await.unwrap();
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let options = Options {
            settle: Duration::from_millis(200),
            poll_every: Duration::from_millis(200),
            poll_lag: Duration::ZERO,
            sweep_every: Duration::from_millis(200),
            ..Options::default()
        };
        let engine = Engine::new(db, keys, Clock::system(), options);
        let house = Actor::house();
        let new = NewUser {
            email: "owner@inn.example".parse().unwrap(),
            name: "Owner".parse().unwrap(),
            role: Role::User,
            password: "correct horse battery".to_owned().into(),
        };
        let user = engine.create_user(&house, new, None).await.unwrap();
        let memberships = vec![(user.personal_project, Membership::Owner)];
        let owner = Actor::user(user.id, Role::User, memberships, SessionId::new());
        let endpoints = sim.cluster("lodge").endpoints().iter();
        let cluster = NewCluster {
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
        let cluster = engine.add_cluster(&house, cluster, None).await.unwrap();
        let size = |cores, memory_mib, disk_gib| Size { cores, memory_mib, disk_gib };
        let template = NewTemplate {
            name: "Debian".parse().unwrap(),
            kind: Kind::Lxc,
            least: size(1, 64, 1),
            default_size: size(1, 256, 4),
            most: size(8, 8192, 50),
            reports_address: true,
        };
        let template = engine.create_template(&house, template, None).await.unwrap().id;
        let origin = Origin::Volume("local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst".into());
        let source = NewSource { cluster_id: cluster.id, node: None, origin };
        engine.add_template_source(&house, template, source, None).await.unwrap();
        let user = user.id;
        let mut house = Self { engine, sim, template, owner, user, loops: None, _folder: folder };
        house.run();
        house
    }

    /// Runs the loops.
    fn run(&mut self) {
        let stop = CancellationToken::new();
        let (engine, ends) = (self.engine.clone(), stop.clone());
        let task = tokio::spawn(async move { engine.run(ends).await.unwrap() });
        self.loops = Some((stop, task));
    }

    /// Ends them: what is asked for from now on waits.
    async fn rest(&mut self) {
        let (stop, task) = self.loops.take().unwrap();
        stop.cancel();
        task.await.unwrap();
    }

    async fn try_create(&self, name: &str) -> Result<Operation, Error> {
        let new = NewInstance {
            project_id: None,
            name: name.parse().unwrap(),
            template_id: self.template,
            size: WantedSize::Default,
            ssh_keys: Vec::new(),
            fittings: Fittings::default(),
        };
        self.engine.create_instance(&self.owner, new, None).await
    }

    async fn create(&self, name: &str) -> InstanceId {
        let asked = self.try_create(name).await.unwrap();
        assert_eq!(self.settled(asked.id).await.state, State::Succeeded);
        asked.instance_id
    }

    async fn settled(&self, id: OperationId) -> Operation {
        let operation = self.engine.await_operation(&self.owner, id, Duration::from_secs(30)).await.unwrap();
        assert!(operation.state.is_final(), "{operation:#?}");
        operation
    }

    async fn ask(&self, id: InstanceId, verb: Verb) -> Result<Operation, Error> {
        self.engine.change_instance(&self.owner, id, verb, None).await
    }

    async fn instance(&self, id: InstanceId) -> Instance {
        self.engine.instance(&self.owner, id).await.unwrap()
    }

    /// Waits until the instance rests in this state, and Proxmox says the same.
    async fn comes_to(&self, id: InstanceId, state: InstanceState) {
        let mut events = self.engine.watch(&self.owner, None).await.unwrap();
        let came = async {
            loop {
                let instance = self.instance(id).await;
                let runs = self.runs(instance.vmid);
                if instance.state() == state
                    && instance.operation.is_none()
                    && runs == (state == InstanceState::Running)
                {
                    return;
                }
                let _ = tokio::time::timeout(Duration::from_millis(100), events.next()).await;
            }
        };
        let came = tokio::time::timeout(Duration::from_secs(30), came).await;
        assert!(came.is_ok(), "it never came to be {state}: {:#?}", self.instance(id).await);
    }

    fn runs(&self, vmid: u32) -> bool {
        self.sim.cluster("lodge").with(|world| world.guest(vmid).unwrap().run.is_some())
    }

    /// What somebody does who has Proxmox in front of them.
    async fn start_in_proxmox(&self, id: InstanceId) {
        let oak = self.sim.cluster("lodge").endpoint("oak");
        let trust = pve::Trust::pin(oak.fingerprint.parse().unwrap());
        let endpoint = pve::Endpoint::new(&oak.url, trust).unwrap();
        let root = pve::Credentials::token("root@pam!inn", SECRET.to_owned()).unwrap();
        let client = pve::Client::builder(endpoint, root).build().unwrap();
        let vmid = pve::Vmid::new(self.instance(id).await.vmid).unwrap();
        let guest = pve::GuestRef::lxc(pve::NodeName::new("oak").unwrap(), vmid);
        client.guest(&guest).start().await.unwrap();
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some((stop, _)) = &self.loops {
            stop.cancel();
        }
    }
}

fn why() -> Reason {
    "the invoice of May is open".parse().unwrap()
}

fn refused_as(result: Result<Operation, Error>, expected: Restriction) {
    assert!(matches!(result, Err(Error::Restricted(found)) if found == expected), "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_suspended_owner_has_stops_stays_stopped_and_runs_again() {
    let house = House::open().await;
    let (web, spare) = (house.create("web").await, house.create("spare").await);
    house.settled(house.ask(spare, Verb::Stop).await.unwrap().id).await;

    let staff = Actor::house();
    house.engine.suspend_user(&staff, house.user, why(), None).await.unwrap();
    house.comes_to(web, InstanceState::Stopped).await;
    refused_as(house.try_create("more").await, Restriction::Suspended);
    refused_as(house.ask(web, Verb::Start).await, Restriction::Suspended);
    refused_as(house.ask(spare, Verb::Start).await, Restriction::Suspended);

    house.start_in_proxmox(spare).await;
    // It is seen to run, and stopped again.
    let mut events = house.engine.watch(&house.owner, None).await.unwrap();
    let noticed = async {
        while house.instance(spare).await.operation.is_none() {
            let _ = tokio::time::timeout(Duration::from_millis(50), events.next()).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), noticed).await.unwrap();
    house.comes_to(spare, InstanceState::Stopped).await;

    house.engine.unsuspend_user(&staff, house.user, None).await.unwrap();
    house.comes_to(web, InstanceState::Running).await;
    assert_eq!(house.instance(spare).await.state(), InstanceState::Stopped, "it was not meant to run");
    assert!(!house.runs(house.instance(spare).await.vmid));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reboot_is_refused_and_a_start_from_before_a_ban_is_refused_at_the_last_moment() {
    let mut house = House::open().await;
    let (web, spare) = (house.create("web").await, house.create("spare").await);
    house.settled(house.ask(spare, Verb::Stop).await.unwrap().id).await;
    house.rest().await;
    let queued = house.ask(spare, Verb::Start).await.unwrap();
    let until = house.engine.clock().now().after(Duration::from_secs(3));
    house.engine.ban_user(&Actor::house(), house.user, why(), Some(until), None).await.unwrap();
    refused_as(house.ask(web, Verb::Reboot).await, Restriction::Banned);
    house.run();
    let refused = house.settled(queued.id).await;
    assert_eq!(refused.state, State::Failed, "{refused:#?}");
    assert_eq!(refused.fault.unwrap().code, Restriction::Banned.as_str());
    assert!(!house.runs(house.instance(spare).await.vmid));
    house.comes_to(web, InstanceState::Stopped).await;
    // The ban ends by itself, and what ran before runs again.
    house.comes_to(web, InstanceState::Running).await;
    assert!(house.engine.clock().now() >= until);
    house.comes_to(spare, InstanceState::Stopped).await;
}
