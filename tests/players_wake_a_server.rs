//! A Minecraft server goes to sleep with its host and wakes by whoever joins: the doorman answers the list meanwhile, shows
//! the player in when it is ready, and while he plays the host does not sleep. That it is ready is noticed at once.

use std::time::{Duration, Instant};

use innkeeper_connectors::minecraft::status;
use innkeeper_domain::ids::ServiceId;
use innkeeper_domain::mails::Language;
use innkeeper_domain::services::{Doorman, Place, Service, ServiceKind, ServiceState, Sighting};
use innkeeper_domain::time::Clock;
use innkeeper_store::{Db, services};
use pve_sim::Kind;
use serde_json::json;

use crate::support::game::{GAME_PORT, Player, modules};
use crate::support::guard::{BARN, Guard, needs, profile};
use crate::support::machine::{Machine, Made, NODE, lay_cables};
use crate::support::network;

const DOOR: u16 = 25565;
const GUEST: u32 = 105;

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_server_that_sleeps_wakes_it_and_plays() {
    let name = "players_wake_a_server::who_joins_a_server_that_sleeps_wakes_it_and_plays";
    if modules().is_none() || !network::inside(name) {
        return;
    }
    lay_cables();
    let barn = Machine::plug_in(Made { game: Some(GUEST), secure_on: None, ..BARN });
    barn.cluster().with(|world| world.add_guest(NODE, Kind::Lxc, GUEST, &[("hostname", "game")], true));
    let guard = Guard::open().await;
    let host = guard.look_after(&barn, &profile(&BARN, &json!({}))).await;
    let game = Game::look_after(&guard, &host).await;

    // While it is awake the list is its own, and who plays is counted.
    game.has("it is up, and empty", Some(0)).await;
    let list = Player::looks(DOOR).await;
    assert_eq!(
        (&list["description"]["text"], &list["players"]["max"]),
        (&json!("The Barn"), &json!(12)),
        "{list:#}"
    );
    let (early, first) = Player::joins(DOOR, "Alice").await;
    assert_eq!(first, json!({ "playing": true }));
    game.has("one player is seen", Some(1)).await;
    guard.until(&host, "he keeps the host awake", |host| needs(host, "players")).await;
    early.leaves().await;

    // Nobody is there: it sleeps, and the doorman says so.
    game.has("nobody is seen", Some(0)).await;
    guard.lay_to_rest(&host).await;
    guard.stands(&host, "off").await;
    assert!(!barn.is_on());
    let list = Player::looks(DOOR).await;
    assert_eq!(list["description"]["text"], "The server sleeps. Join to wake it.", "{list:#}");
    assert_eq!((&list["players"]["online"], &list["ponged"]), (&json!(0), &json!(true)), "{list:#}");
    assert!(!barn.is_on(), "to look at the list wakes nobody");

    game.until("it is seen to be down", |seen| seen.state == ServiceState::Down).await;

    // Who joins is told that it wakes.
    let seed = tokio::spawn(every_ten_seconds());
    let (_turned_away, first) = Player::joins(DOOR, "Bob").await;
    let told = first["disconnect"].to_string();
    assert!(told.contains("waking up"), "{first:#}");
    let there = tokio::spawn(answers_since());
    game.has("it is up", Some(0)).await;
    let noticed = Instant::now();
    let (there, seed) = (there.await.unwrap(), seed.await.unwrap());
    let (ours, theirs) = (noticed.saturating_duration_since(there), seed.saturating_duration_since(there));
    println!("it was noticed to be ready after {ours:?}; by a look every ten seconds, after {theirs:?}");
    // A look every half second, and room for a busy machine.
    assert!(ours <= Duration::from_secs(2), "{ours:?}");

    // He joins again and plays; meanwhile the host does not sleep, however much it would like to.
    let (player, first) = Player::joins(DOOR, "Bob").await;
    assert_eq!(first, json!({ "playing": true }));
    guard.until(&host, "he keeps the host awake", |host| needs(host, "players")).await;
    let eager = profile(&BARN, &json!({ "automatic": true }));
    let host_now = guard.change(&host, json!({ "profile": eager })).await;
    assert_eq!(host_now["state"], "ready");
    let refused = guard.server.request(reqwest::Method::POST, &format!("{host}/sleep"), None).await;
    assert_eq!((refused.0.as_u16(), &refused.1["code"]), (409, &json!("host_needed")), "{:#}", refused.1);
    // Longer than it would wait if nobody were there.
    let played = Instant::now();
    while played.elapsed() < Duration::from_secs(33) {
        let now = guard.server.get(&host).await;
        assert!(now["state"] == "ready" && now["quiet_since"].is_null(), "{now:#}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    player.leaves().await;
    guard.stands(&host, "idle").await;
    guard.stands(&host, "off").await;
    assert_eq!(barn.told_by_api(), 2, "two sleeps, two commands");
}

/// The game, as the house sees it.
struct Game {
    db: Db,
    id: ServiceId,
}

impl Game {
    /// The game on the guest, as its administrator describes it.
    async fn look_after(guard: &Guard, host: &str) -> Self {
        let file = guard.server.folder().join("innkeeper.db");
        let db = Db::open(&format!("sqlite:{}", file.display())).await.unwrap();
        let host = host.trim_start_matches("/hosts/").parse().unwrap();
        let service = Service {
            id: ServiceId::new(),
            name: "survival".parse().unwrap(),
            at: Place::Guest { host, vmid: GUEST },
            kind: ServiceKind::MinecraftJava,
            language: Language::En,
            address: Some(BARN.address.to_string()),
            port: GAME_PORT,
            join_address: None,
            path: None,
            rests: true,
            ready_seconds: 120,
            warn_seconds: 0,
            rcon_port: None,
            doorman: Some(Doorman::at(([127, 0, 0, 1], DOOR).into())),
            users_may: Vec::new(),
            created_at: Clock::system().now(),
        };
        let mut tx = db.begin().await.unwrap();
        services::insert(&mut tx, &service, None).await.unwrap();
        tx.commit().await.unwrap();
        Self { db, id: service.id }
    }

    /// Waits until it is seen to be up with this many players.
    async fn has(&self, what: &str, players: Option<u32>) {
        self.until(what, |seen| seen.state == ServiceState::Up && seen.answer.players == players).await;
    }

    async fn until(&self, what: &str, is: impl Fn(&Sighting) -> bool) {
        let mut seen = None;
        for _ in 0..7500 {
            seen = services::by_id(&self.db, self.id).await.unwrap().unwrap().sighting;
            if seen.as_ref().is_some_and(&is) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it never came true that {what}: {seen:#?}");
    }
}

/// When the game answers, as somebody sees it who does nothing else than ask.
async fn answers_since() -> Instant {
    loop {
        if game_answers(Duration::from_millis(300)).await {
            return Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// When the game is seen to answer by a look every ten seconds.
async fn every_ten_seconds() -> Instant {
    let mut looks = tokio::time::interval(Duration::from_secs(10));
    loop {
        looks.tick().await;
        if game_answers(Duration::from_secs(5)).await {
            return Instant::now();
        }
    }
}

async fn game_answers(patience: Duration) -> bool {
    status::java(&BARN.address.to_string(), GAME_PORT, patience).await.is_ok()
}
