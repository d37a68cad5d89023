//! A house with a simulated cluster, a host that the guardian looks after, and a game.

use std::future::Future;
use std::time::Duration;

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::access::{Actor, Proof};
use innkeeper_domain::clusters::{Cluster, Endpoint, VmidRange};
use innkeeper_domain::hosts::{Host, Profile as HostProfile, Secrets};
use innkeeper_domain::ids::{RestartId, ServiceId, SessionId, TemplateId};
use innkeeper_domain::instances::{Instance, Kind};
use innkeeper_domain::mails::Language;
use innkeeper_domain::operations::State;
use innkeeper_domain::projects::Membership;
use innkeeper_domain::restarts::{Restart, RestartState};
use innkeeper_domain::services::{Place, ServiceKind, ServiceState};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_domain::time::Clock;
use innkeeper_domain::users::Role;
use innkeeper_engine::{
    Engine, NewCluster, NewHost, NewInstance, NewService, NewSource, NewTemplate, NewUser, Options,
    RconAccess, WantedSize, WatchedService,
};
use innkeeper_store::{Db, KeyRing, SealKey, restarts, services};
use pve_sim::{ClusterOptions, Sim};
use tokio_util::sync::CancellationToken;

use crate::game::{Game, PASSWORD};

const SECRET: &str = "6b1f1f36-3a2e-4d5e-9a51-6f5d8f0f2a11";

/// The guest that is not ours.
pub(crate) const GUEST: u32 = 105;

/// So often is looked for what is waited for, for so long: ages for a computer that has better things to do.
const LOOKS: usize = 1200;
const LOOK: Duration = Duration::from_millis(50);

pub(crate) struct House {
    pub(crate) db: Db,
    pub(crate) engine: Engine,
    pub(crate) keys: KeyRing,
    pub(crate) sim: Sim,
    pub(crate) owner: Actor,
    pub(crate) host: Host,
    pub(crate) game: Game,
    template: TemplateId,
    stop: CancellationToken,
}

pub(crate) fn options() -> Options {
    Options {
        settle: Duration::from_millis(300),
        poll_every: Duration::from_millis(200),
        poll_lag: Duration::ZERO,
        claim: Duration::from_secs(2),
        ..Options::default()
    }
}

/// Somebody whom only Discord knows, whose roles there allow this.
pub(crate) fn on_discord(id: u64, abilities: &[Ability]) -> Actor {
    Actor::by_discord(None, Proof::Discord { id, abilities: abilities.to_vec() })
}

impl House {
    pub(crate) async fn open(db: Db) -> Self {
        Self::open_at(db, Clock::system()).await
    }

    pub(crate) async fn open_at(db: Db, clock: Clock) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = ClusterOptions::named("lodge", &["oak", "elm"]);
        let sim =
            Sim::start(pve_sim::Options { clusters: vec![cluster], ..Default::default() }).await.unwrap();
        sim.cluster("lodge").with(|world| {
            world.add_token("root@pam", "inn", false, SECRET);
            world.add_guest("oak", pve_sim::Kind::Lxc, GUEST, &[("hostname", "game")], true);
        });
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let engine = Engine::new(db.clone(), keys.clone(), clock, options());
        let stop = CancellationToken::new();
        run(&engine, &stop);
        let staff = Actor::house();
        let new = NewUser {
            email: "owner@inn.example".parse().unwrap(),
            name: "Owner".parse().unwrap(),
            role: Role::User,
            password: "correct horse battery".to_owned().into(),
        };
        let user = engine.create_user(&staff, new, None).await.unwrap();
        let project = user.personal_project;
        let owner = Actor::user(user.id, Role::User, vec![(project, Membership::Owner)], SessionId::new());
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
        let cluster = engine.add_cluster(&staff, new, None).await.unwrap();
        let template = template(&engine, &cluster).await;
        let host = until("the node is known", async || {
            let new = NewHost {
                name: "oak".parse().unwrap(),
                cluster_id: cluster.id,
                node: "oak".parse().unwrap(),
                profile: HostProfile::default(),
                secrets: Secrets::default(),
            };
            engine.add_host(add_host(&staff, new)staff, new, None).await.ok()
        })
        .await;
        let game = Game::start().await;
        Self { db, engine, keys, sim, owner, host, game, template, stop }
    }

    pub(crate) async fn instance(&self, name: &str) -> Instance {
        let new = NewInstance {
            project_id: None,
            name: name.parse().unwrap(),
            template_id: self.template,
            size: WantedSize::Default,
            ssh_keys: Vec::new(),
            fittings: innkeeper_engine::Fittings::default(),
        };
        let operation = self.engine.create_instance(&self.owner, new, None).await.unwrap();
        let made = self.engine.await_operation(&self.owner, operation.id, Duration::from_secs(60)).await;
        let made = made.unwrap();
        assert_eq!(made.state, State::Succeeded, "{made:#?}");
        self.engine.instance(&self.owner, made.instance_id).await.unwrap()
    }

    pub(crate) fn guest(&self) -> Place {
        Place::Guest { host: self.host.id, vmid: GUEST }
    }

    /// The game as a service there.
    pub(crate) fn new_service(&self, name: &str, at: Place) -> NewService {
        NewService {
            name: name.parse().unwrap(),
            at,
            kind: ServiceKind::MinecraftJava,
            language: Language::Fr,
            address: Some("127.0.0.1".into()),
            port: self.game.port,
            path: None,
            rests: true,
            ready_seconds: 300,
            warn_seconds: 1,
            rcon: Some(RconAccess { port: self.game.console, password: PASSWORD.to_owned().into() }),
            doorman: None,
            users_may: Vec::new(),
        }
    }

    /// The game as a service there, once it was seen to be up.
    pub(crate) async fn service(&self, at: Place) -> ServiceId {
        let new = self.new_service("survival", at);
        let id = self.engine.add_service(&Actor::house(), new, None).await.unwrap().service.id;
        self.seen(id, ServiceState::Up).await;
        id
    }

    /// The service, once it is seen so.
    pub(crate) async fn seen(&self, id: ServiceId, state: ServiceState) -> WatchedService {
        until(&format!("the service is {state}"), async || {
            let watched = services::by_id(&self.db, id).await.unwrap().unwrap();
            let seen = watched.sighting.as_ref().is_some_and(|seen| seen.state == state);
            seen.then_some(watched)
        })
        .await
    }

    /// The restart, once it stands so.
    pub(crate) async fn stands(&self, id: RestartId, state: RestartState) -> Restart {
        until(&format!("the restart is {state}"), async || {
            let restart = restarts::by_id(&self.db, id).await.unwrap().unwrap();
            assert!(restart.state == state || !restart.state.is_final(), "{restart:#?}");
            (restart.state == state).then_some(restart)
        })
        .await
    }

    /// How many tasks of that type Proxmox has begun.
    pub(crate) fn tasks(&self, kind: &str) -> u64 {
        self.sim.cluster("lodge").stats().tasks.get(kind).copied().unwrap_or(0)
    }
}

/// What comes, when it has come.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(LOOK).await;
    }
    panic!("in vain: {what}");
}

/// Runs the loops of an engine until `stop`.
pub(crate) fn run(engine: &Engine, stop: &CancellationToken) {
    let (engine, stop) = (engine.clone(), stop.clone());
    tokio::spawn(async move { engine.run(stop).await });
}

impl House {
    /// Somebody of the staff, who has to wait like everybody else.
    pub(crate) fn staff(&self) -> Actor {
        Actor { role: Role::Operator, ..self.owner.clone() }
    }

    /// The only service that there is.
    pub(crate) async fn only(&self) -> ServiceId {
        services::list(&self.db).await.unwrap().remove(0).service.id
    }

    /// The loops end; what comes after is another's.
    pub(crate) fn rest(&self) {
        self.stop.cancel();
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn template(engine: &Engine, cluster: &Cluster) -> TemplateId {
    let staff = Actor::house();
    let size = |cores, memory_mib, disk_gib| Size { cores, memory_mib, disk_gib };
    let new = NewTemplate {
        name: "lxc".parse().unwrap(),
        kind: Kind::Lxc,
        least: size(1, 64, 1),
        default_size: size(1, 512, 4),
        most: size(8, 8192, 50),
        reports_address: true,
    };
    let template = engine.create_template(&staff, new, None).await.unwrap();
    let origin = Origin::Volume("local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst".into());
    let source = NewSource { cluster_id: cluster.id, node: None, origin };
    engine.add_template_source(&staff, template.id, source, None).await.unwrap();
    template.id
}
