//! What the guardian looks after in the demo: two hosts that it may wake and rest, and on one of them a game. The game is
//! a guest of the house's own as the simulator runs it; on the wire it speaks as a Minecraft server does to those who
//! look at its list, and tells those who join that there is no world behind.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use innkeeper_connectors::minecraft::doorman::{self, Desk, Limits, Player, Posture, Welcome};
use innkeeper_domain::abilities::Ability;
use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::{Host, Profile, Secrets, Wake, Webhook};
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::mails::Language;
use innkeeper_domain::services::{Doorman, Place, ServiceKind};
use innkeeper_engine::{Engine, NewHost, NewService};
use pve_sim::{Cluster, Kind, Sim};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The guest that the game runs in.
const GAME: u32 = 105;

/// How often is looked whether the game runs.
const LOOK: Duration = Duration::from_millis(250);

/// How often, and how long, is waited for a cluster to tell its nodes.
const PATIENCE: (Duration, usize) = (Duration::from_millis(100), 100);

/// Registers `ash`, which another node of its cluster wakes, and `barn`, which a plug switches on, with the game.
pub(super) async fn open(
    engine: &Engine,
    sim: &Sim,
    lodge: ClusterId,
    annex: ClusterId,
) -> anyhow::Result<()> {
    let users_may = vec![Ability::See, Ability::Wake, Ability::Restart];
    let ash =
        Profile { wake: Wake::Cluster, users_may: users_may.clone(), watts: Some(45), ..Profile::default() };
    register(engine, lodge, "ash", ash, Secrets::default()).await?;
    let barn = sim.cluster("annex");
    barn.with(|world| {
        world.add_guest("barn", Kind::Lxc, GAME, &[("hostname", "meadow"), ("onboot", "1")], true);
    });
    let plug = sim.control_addr().map(|control| Webhook {
        url: format!("http://{control}/world?cluster=annex"),
        method: "POST".into(),
        headers: Vec::new(),
        body: Some(r#"{"node":"barn","power":"boot"}"#.into()),
    });
    let profile = Profile {
        wake: Wake::Webhook,
        automatic: true,
        countdown_seconds: 30,
        users_may: users_may.clone(),
        watts: Some(60),
        ..Profile::default()
    };
    let host = register(engine, annex, "barn", profile, Secrets { secure_on: None, webhook: plug }).await?;
    let game = loopback().await?;
    let port = game.local_addr()?.port();
    drop(game);
    // He is found where players would look for the game; the game itself listens elsewhere.
    let door = loopback().await?.local_addr()?;
    let service = NewService {
        name: "meadow".parse()?,
        at: Place::Guest { host: host.id, vmid: GAME },
        kind: ServiceKind::MinecraftJava,
        language: Language::En,
        address: Some(Ipv4Addr::LOCALHOST.to_string()),
        join_address: Some(door.to_string()),
        port,
        path: None,
        rests: true,
        ready_seconds: 60,
        warn_seconds: 10,
        rcon: None,
        doorman: Some(Doorman::at(door)),
        users_may,
    };
    engine.add_service(&Actor::house(), service, None).await?;
    tokio::spawn(play(barn.clone(), port));
    Ok(())
}

/// A host is one of the nodes that its cluster tells, which it does a moment after it was added.
async fn register(
    engine: &Engine,
    cluster_id: ClusterId,
    name: &str,
    profile: Profile,
    secrets: Secrets,
) -> anyhow::Result<Host> {
    let new = NewHost { name: name.parse()?, cluster_id, node: name.parse()?, profile, secrets };
    let (pause, times) = PATIENCE;
    for _ in 1..times {
        if let Ok(host) = engine.add_host(&Actor::house(), new.clone(), None).await {
            return Ok(host);
        }
        tokio::time::sleep(pause).await;
    }
    Ok(engine.add_host(&Actor::house(), new, None).await?)
}

async fn loopback() -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
}

/// Answers at the game's port while its guest runs.
async fn play(annex: Cluster, port: u16) {
    let runs = || runs(&annex);
    loop {
        if runs()
            && let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
        {
            let closing = CancellationToken::new();
            let open = doorman::run(listener, Arc::new(Meadow), closing.clone(), Limits::default());
            let watch = async {
                while runs() {
                    tokio::time::sleep(LOOK).await;
                }
                closing.cancel();
            };
            tokio::join!(open, watch);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn runs(annex: &Cluster) -> bool {
    annex.with(|world| world.guest(GAME).is_some_and(pve_sim::Guest::is_running))
}

/// A game that nobody plays.
struct Meadow;

impl Desk for Meadow {
    async fn posture(&self) -> Posture {
        Posture {
            version_name: "demo".into(),
            motd: "The meadow: a demo".into(),
            online: 0,
            max: 20,
            ..Posture::default()
        }
    }

    async fn knock(&self, _: &Player) -> Welcome {
        Welcome::Later { text: "This is Innkeeper's demo: there is no world behind this door.".into() }
    }
}
