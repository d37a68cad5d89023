//! The bot: what all its parts share, and its loops.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use innkeeper_domain::mails::Language;
use innkeeper_domain::time::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::house::{Answer, Failure, House, Settings};
use crate::presence::Presence;
use crate::rest::{Rest, RestError};
use crate::statement::{Nonce, Signer};
use crate::texts::Texts;
use crate::wire::Words;
use crate::{Error, board, commands, gateway};

/// How long the house is given for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The same where Discord waits: three seconds are all there is.
pub(crate) const HASTE: Duration = Duration::from_millis(1500);

/// How long running answers are waited for when the bot stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// The Discord bot. Clones are the same bot.
pub struct Bot<H>(Arc<Inner<H>>);

impl<H> Clone for Bot<H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<H> std::ops::Deref for Bot<H> {
    type Target = Inner<H>;
    fn deref(&self) -> &Inner<H> {
        &self.0
    }
}

/// What all parts of the bot share.
pub struct Inner<H> {
    pub(crate) house: Arc<H>,
    pub(crate) config: Config,
    pub(crate) rest: Rest,
    pub(crate) signer: Signer,
    /// Questions that stand, and what ends their waiting.
    pub(crate) asked: Mutex<HashMap<Nonce, CancellationToken>>,
    /// Questions that were answered here, until nobody could answer them any more.
    pub(crate) answered: Mutex<HashMap<Nonce, Timestamp>>,
    /// Interactions that came, for requests that come twice.
    pub(crate) came: Mutex<HashMap<u64, Timestamp>>,
    /// Languages of guilds, for those who have not said theirs.
    pub(crate) guilds: Mutex<HashMap<u64, Language>>,
    pub(crate) presence: watch::Sender<Presence>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl<H: House> Bot<H> {
    /// A bot that is not running yet. Refuses settings that cannot work.
    pub fn new(house: Arc<H>, config: Config) -> Result<Self, Error> {
        config.check()?;
        let rest = Rest::new(config.token.clone(), config.rest_url.as_deref())?;
        let signer = Signer::new(&config.button_key);
        Ok(Self(Arc::new(Inner {
            house,
            config,
            rest,
            signer,
            asked: Mutex::default(),
            answered: Mutex::default(),
            came: Mutex::default(),
            guilds: Mutex::default(),
            presence: watch::Sender::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })))
    }

    /// Runs until it is stopped, or Discord will not have it.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), Error> {
        let work = async {
            self.introduce().await?;
            let side = async {
                tokio::join!(
                    self.keep_commands(),
                    self.keep_boards(),
                    self.keep_alerts(),
                    self.keep_presence()
                );
            };
            tokio::select! {
                outcome = gateway::keep(self), if self.config.gateway => outcome,
                () = side => Ok(()),
            }
        };
        let outcome = tokio::select! {
            outcome = work => outcome,
            () = stop.cancelled() => Ok(()),
        };
        self.stop.cancel();
        self.voice_lost(None).await;
        self.tasks.close();
        if tokio::time::timeout(FAREWELL, self.tasks.wait()).await.is_err() {
            tracing::warn!("answers were still being written when the bot stopped");
        }
        outcome
    }

    /// Asks Discord who we are: a token that does not count is said at once, and not a thousand times.
    async fn introduce(&self) -> Result<(), Error> {
        let mut pause = self.config.pace.back_off;
        loop {
            match self.rest.application().await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_unauthorised() => {
                    return Err(Error::Closed { code: 4004, remedy: gateway::remedy(4004) });
                }
                Err(error) => tracing::warn!(%error, "Discord does not say who we are"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(self.config.pace.longest_back_off);
        }
    }

    /// Tells Discord our commands; until it has them.
    async fn keep_commands(&self) {
        let body = commands::all();
        let guilds: Vec<Option<u64>> = match self.config.guilds.as_slice() {
            [] => vec![None],
            guilds => guilds.iter().copied().map(Some).collect(),
        };
        for guild in guilds {
            let mut pause = self.config.pace.back_off;
            loop {
                let told = match self.rest.application().await {
                    Ok(application) => self.rest.set_commands(application.0, guild, &body).await,
                    Err(error) => Err(error),
                };
                match told {
                    Ok(()) => break,
                    Err(error) if error.is_final() => {
                        tracing::error!(?guild, %error, "the commands are refused");
                        break;
                    }
                    Err(error) => tracing::warn!(?guild, %error, "the commands cannot be told yet"),
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(self.config.pace.longest_back_off);
            }
        }
        std::future::pending::<()>().await;
    }

    /// Says who is in the watched channels, whenever that changes and again now and then: what the house missed once
    /// it hears the next time, and a channel that is newly watched is told of. One loop says both what is known and
    /// that nothing is known any more, so that these cannot overtake each other.
    async fn keep_presence(&self) {
        let mut presence = self.presence.subscribe();
        // Another process of ours may have said something before it died.
        let mut all_lost = false;
        let mut told = HashSet::new();
        loop {
            presence.mark_unchanged();
            all_lost = all_lost || self.voice_lost(None).await;
            if let Ok(settings) = self.ask(self.house.settings()).await {
                for channel in settings.voice_channels {
                    let members = self.presence.borrow().members(channel);
                    if let Some(members) = members {
                        told.insert(channel);
                        self.note_voice(channel, members.into_iter().collect()).await;
                    } else if told.contains(&channel) && self.voice_lost(Some(channel)).await {
                        told.remove(&channel);
                    }
                }
            }
            let _ = tokio::time::timeout(self.config.pace.look, presence.changed()).await;
        }
    }

    async fn note_voice(&self, channel: u64, members: Vec<u64>) {
        if let Err(error) = self.ask(self.house.note_voice(channel, &members)).await {
            tracing::warn!(channel, %error, "who is there could not be noted");
        }
    }

    /// Whether the house knows that nobody knows.
    async fn voice_lost(&self, channel: Option<u64>) -> bool {
        let told = self.ask(self.house.voice_lost(channel)).await;
        if let Err(error) = &told {
            tracing::warn!(%error, "the house was not told that voice channels are out of sight");
        }
        told.is_ok()
    }

    async fn keep_boards(&self) {
        let mut boards = board::Boards::default();
        loop {
            boards.look(self).await;
            tokio::time::sleep(self.config.pace.board).await;
        }
    }

    async fn keep_alerts(&self) {
        loop {
            self.tell_notices().await;
            tokio::time::sleep(self.config.pace.look).await;
        }
    }

    /// Asks the house, which may take its time but not for ever.
    pub(crate) async fn ask<T>(&self, question: impl Future<Output = Answer<T>>) -> Answer<T> {
        within(PATIENCE, question).await
    }

    /// The texts that count now; ours when the house does not say.
    pub(crate) async fn texts(&self) -> Texts {
        match within(HASTE, self.house.settings()).await {
            Ok(settings) => Texts::new(&settings),
            Err(_) => Texts::default(),
        }
    }

    /// What the operator set.
    pub(crate) async fn settings(&self) -> Answer<Settings> {
        self.ask(self.house.settings()).await
    }

    /// Changes a message of ours, wherever it is.
    pub(crate) async fn edit(&self, place: &Place, words: &Words) -> Result<(), RestError> {
        match place {
            Place::Answer { application, token } => self.rest.revise(*application, token, words).await,
            Place::Channel { channel, message } => self.rest.change(*channel, *message, words).await,
        }
    }

    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }
}

/// An answer of the house, or that there is none in this time.
pub(crate) async fn within<T>(patience: Duration, question: impl Future<Output = Answer<T>>) -> Answer<T> {
    tokio::time::timeout(patience, question)
        .await
        .unwrap_or_else(|_| Err(Failure::Unavailable(format!("no answer in {patience:?}"))))
}

/// Locks what nothing can break halfway.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a message of ours is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// The answer to an interaction: by its token, for fifteen minutes.
    Answer { application: u64, token: String },
    /// In a channel.
    Channel { channel: u64, message: u64 },
}
