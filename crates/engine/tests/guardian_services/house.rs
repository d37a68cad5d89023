//! A house with a simulated cluster, a host that the guardian looks after, and a game.

use std::future::Future;
use std::ops::Deref;
use std::time::Duration;

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::access::{Actor, Proof};
use innkeeper_domain::hosts::{Host, Profile as HostProfile, Secrets};
use innkeeper_domain::ids::{RestartId, ServiceId};
use innkeeper_domain::instances::Instance;
use innkeeper_domain::mails::Language;
use innkeeper_domain::restarts::{Restart, RestartState};
use innkeeper_domain::services::{Place, ServiceKind, ServiceState};
use innkeeper_domain::time::Clock;
use innkeeper_domain::users::Role;
use innkeeper_engine::{NewHost, NewService, Options, RconAccess, WatchedService};
use innkeeper_store::{Db, restarts, services};
use pve_sim::ClusterOptions;

use crate::game::{Game, PASSWORD};
use crate::plain;

/// The guest that is not ours.
pub(crate) const GUEST: u32 = 105;

/// So often is looked for what is waited for, for so long: ages for a computer that has better things to do.
const LOOKS: usize = 1200;
const LOOK: Duration = Duration::from_millis(50);

pub(crate) struct House {
    plain: plain::House,
    pub(crate) host: Host,
    pub(crate) game: Game,
}

impl Deref for House {
    type Target = plain::House;

    fn deref(&self) -> &plain::House {
        &self.plain
    }
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
        let clusters = vec![ClusterOptions::named("lodge", &["oak", "elm"])];
        let clusters = pve_sim::Options { clusters, ..Default::default() };
        let folder = tempfile::tempdir().unwrap();
        let house = plain::House::build_on(db, folder, clusters, clock, options()).await;
        house.sim.cluster("lodge").with(|world| {
            world.add_guest("oak", pve_sim::Kind::Lxc, GUEST, &[("hostname", "game")], true);
        });
        let host = until("the node is known", async || {
            let new = NewHost {
                name: "oak".parse().unwrap(),
                cluster_id: house.cluster.id,
                node: "oak".parse().unwrap(),
                profile: HostProfile::default(),
                secrets: Secrets::default(),
            };
            house.engine.add_host(&Actor::house(), new, None).await.ok()
        })
        .await;
        Self { plain: house, host, game: Game::start().await }
    }

    pub(crate) async fn instance(&self, name: &str) -> Instance {
        self.made(name, self.container).await
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
            join_address: None,
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
