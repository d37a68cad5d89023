//! A real house at a Discord of our own: the engine on a database, a simulated cluster of one node that can be switched
//! off, a socket where magic packets arrive, and the bot between them. The clock is ours: time passes when it is told to.

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use innkeeper_discord::{Bot, Config, Desk, Error};
use innkeeper_domain::access::Actor;
use innkeeper_domain::discord::Settings;
use innkeeper_domain::hosts::{Host, Profile, State};
use innkeeper_domain::ids::{ServiceId, UserId};
use innkeeper_domain::mails::Language;
use innkeeper_domain::services::{Place, ServiceKind, ServiceState};
use innkeeper_domain::users::Role;
use innkeeper_engine::{NewService, Options};
use innkeeper_store::{services, voices};
use innkeeper_testing::{BARN, Barn, database, person};
use pve_sim::Kind;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, ROLE_KEEPER, TEXT, TOKEN, VOICE};

/// The guest that the game runs on.
pub(crate) const GUEST: u32 = 105;

pub(crate) use innkeeper_testing::SECOND;

/// More looks than any way takes.
const MOST_LOOKS: usize = 400;

/// For how long, and how often, is looked for what comes by itself.
const LOOKS: usize = 1200;
const LOOK: Duration = Duration::from_millis(20);

pub(crate) struct House {
    barn: Barn,
    pub(crate) discord: Fake,
    bot: Option<Running>,
    loops: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Deref for House {
    type Target = Barn;

    fn deref(&self) -> &Barn {
        &self.barn
    }
}

/// A bot that runs.
struct Running {
    stop: CancellationToken,
    run: tokio::task::JoinHandle<Result<(), Error>>,
}

fn settings() -> Settings {
    let set = serde_json::json!({
        "language": "fr",
        "everyone": ["see", "wake", "restart"],
        "roles": { ROLE_KEEPER.to_string(): ["sleep", "maintain", "report"] },
        "board_channels": { TEXT.to_string(): "fr" },
    });
    serde_json::from_value(set).unwrap()
}

impl House {
    /// A host that is awake, listens to the voice channel, and sleeps by itself after a minute of quiet and half a minute
    /// of countdown.
    pub(crate) async fn open() -> Self {
        let house = Self::build().await;
        house.until(State::Ready).await;
        house
    }

    /// The same, and the host sleeps.
    pub(crate) async fn open_asleep() -> Self {
        let house = Self::build().await;
        house.cut_power();
        house.until(State::Off).await;
        house
    }

    async fn build() -> Self {
        let (db, folder) = database().await;
        let set = |profile: &mut Profile| {
            profile.voice_channels = vec![VOICE.to_string()];
            profile.may_stop = vec![GUEST];
        };
        let barn = Barn::build(db, "cube", options(), set).await;
        barn.engine.set_discord_settings(&Actor::house(), settings()).await.unwrap();
        let (discord, loops) = (Fake::start().await, CancellationToken::new());
        let mut house = Self { barn, discord, bot: None, loops, _folder: folder };
        house.start_bot().await;
        house
    }

    /// The bot begins, and knows who is there.
    pub(crate) async fn start_bot(&mut self) {
        let key = self.engine.discord_button_key();
        let mut config = Config::new(SecretString::from(TOKEN), key);
        config.rest_url = Some(self.discord.rest_url());
        config.gateway_url = Some(self.discord.gateway_url());
        config.natural_language = true;
        config.clock = self.clock.clone();
        config.pace.edit = Duration::from_millis(10);
        config.pace.board = Duration::from_millis(20);
        config.pace.look = Duration::from_millis(20);
        config.pace.back_off = Duration::from_millis(10);
        config.pace.longest_back_off = Duration::from_millis(200);
        let bot = Bot::new(Arc::new(Desk::new(self.engine.clone())), config).unwrap();
        let stop = CancellationToken::new();
        let run = tokio::spawn({
            let stop = stop.clone();
            async move { Box::pin(bot.run(stop)).await }
        });
        self.bot = Some(Running { stop, run });
        self.readable(true).await;
    }

    /// The process dies, bot and all, without a word; another begins.
    pub(crate) async fn die_and_begin(&mut self) {
        if let Some(bot) = self.bot.take() {
            bot.run.abort();
            let _ = bot.run.await;
        }
        self.barn.engine = self.another();
        // What the dead one said is older than what the next one says.
        self.clock.advance(SECOND);
        self.start_bot().await;
    }

    /// From now on the loops run by themselves.
    pub(crate) fn run(&self) {
        innkeeper_testing::run(&self.engine, &self.loops);
    }

    pub(crate) async fn end(mut self) {
        self.loops.cancel();
        if let Some(bot) = self.bot.take() {
            bot.stop.cancel();
            bot.run.await.unwrap().unwrap();
        }
    }

    async fn voice(&self) -> Option<voices::Voice> {
        let channel = VOICE.to_string();
        voices::list(&self.db).await.unwrap().into_iter().find(|voice| voice.channel == channel)
    }

    /// The house can say who is in the channel, or knows that it cannot.
    pub(crate) async fn readable(&self, readable: bool) {
        until(&format!("the channel is readable: {readable}"), async || {
            let voice = self.voice().await;
            let now = self.clock.now();
            match voice {
                Some(voice) => {
                    (voice.readable == readable && (!readable || voice.seen_at == now)).then_some(())
                }
                None => (!readable).then_some(()),
            }
        })
        .await;
    }

    /// The house knows that so many people are there.
    pub(crate) async fn there(&self, members: u32) {
        until(&format!("{members} in the channel"), async || {
            self.voice().await.filter(|voice| voice.readable && voice.members == members).map(drop)
        })
        .await;
    }

    /// Somebody joins or leaves, and the house knows.
    pub(crate) async fn joins(&self, who: u64, members: u32) {
        self.discord.voice(who, Some(VOICE));
        self.there(members).await;
    }

    pub(crate) async fn leaves(&self, who: u64, members: u32) {
        self.discord.voice(who, None);
        self.there(members).await;
    }

    /// The host is looked at this much later.
    pub(crate) async fn look(&self, after: Duration) -> Host {
        self.clock.advance(after);
        // What the bot says of the channel is as old as the clock says.
        if self.voice().await.is_some_and(|voice| voice.readable) && self.bot.is_some() {
            until("the bot says again who is there", async || {
                let voice = self.voice().await?;
                (!voice.readable || voice.seen_at == self.clock.now()).then_some(())
            })
            .await;
        }
        self.look_now().await
    }

    /// The host is looked at until it stands there, every few seconds; less often for an error, which time alone brings.
    pub(crate) async fn until(&self, state: State) -> Host {
        let pause = if state == State::Error { 30 * SECOND } else { 3 * SECOND };
        for _ in 0..MOST_LOOKS {
            let host = self.look(pause).await;
            if host.course.state == state {
                return host;
            }
        }
        panic!("it never was {state}: {:?}", self.host().await);
    }

    /// For longer than it takes to fall asleep it is looked at; answers where it stood.
    pub(crate) async fn wait(&self) -> Vec<State> {
        let mut states = Vec::new();
        for _ in 0..30 {
            states.push(self.look(5 * SECOND).await.course.state);
        }
        states.dedup();
        states
    }

    /// How many guests were told to reboot.
    pub(crate) fn reboots(&self) -> u64 {
        self.sim.cluster("annex").stats().tasks.get("vzreboot").copied().unwrap_or(0)
    }

    /// A game on a guest of the host: a port that answers.
    pub(crate) async fn game(&self) -> (ServiceId, TcpListener) {
        self.sim.cluster("annex").with(|world| {
            world.add_guest(BARN, Kind::Lxc, GUEST, &[("hostname", "game")], true);
        });
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let new = NewService {
            name: "survie".parse().unwrap(),
            at: Place::Guest { host: self.id, vmid: GUEST },
            kind: ServiceKind::Tcp,
            language: Language::Fr,
            address: Some("127.0.0.1".into()),
            port: door.local_addr().unwrap().port(),
            join_address: Some("play.inn.example".into()),
            path: None,
            rests: true,
            ready_seconds: 300,
            warn_seconds: 0,
            rcon: None,
            doorman: None,
            users_may: Vec::new(),
        };
        let id = self.engine.add_service(&Actor::house(), new, None).await.unwrap().service.id;
        self.run();
        until("the game is up", async || {
            let watched = services::by_id(&self.db, id).await.unwrap().unwrap();
            watched.sighting.is_some_and(|seen| seen.state == ServiceState::Up).then_some(())
        })
        .await;
        (id, door)
    }

    /// Somebody with an account.
    pub(crate) async fn user(&self, email: &str, role: Role) -> (UserId, Actor) {
        let (user, actor) = person(&self.engine, email, role).await;
        (user.id, actor)
    }

    /// Changes what is set for the bot.
    pub(crate) async fn set(&self, change: impl FnOnce(&mut Settings)) {
        let mut set = self.engine.discord_settings_now().await.unwrap();
        change(&mut set);
        self.engine.set_discord_settings(&Actor::house(), set).await.unwrap();
    }
}

/// What comes by itself, when it has come.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(LOOK).await;
    }
    panic!("in vain: {what}");
}

fn options() -> Options {
    let access = innkeeper_engine::Access {
        public_url: Some("https://inn.example".to_owned()),
        ..innkeeper_engine::Access::default()
    };
    Options { call_timeout: Duration::from_secs(10), access, ..Options::default() }
}
