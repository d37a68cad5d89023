//! The live message: one in each channel that the operator chose, changed when what it shows has changed, found again
//! after a restart, made anew when somebody deleted it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use innkeeper_domain::mails::Language;
use tokio::time::Instant;

use crate::bot::Bot;
use crate::house::{Board, Deed, Failure, House};
use crate::looks::whole;
use crate::rest::RestError;
use crate::statement::Statement;
use crate::texts::{Put, Texts, shorten};
use crate::wire::{Button, Words};

/// By this a live message of ours is known even when the house has lost it. It shows as nothing.
const MARK: &str = "\u{2063}\u{2064}\u{2063}";

/// A channel that will not have us is left alone for so long.
const REST: Duration = Duration::from_mins(10);

/// Discord's «unknown channel».
const UNKNOWN_CHANNEL: u64 = 10003;

/// What stands where, as far as this process knows.
#[derive(Default)]
pub(crate) struct Boards {
    shown: HashMap<u64, (u64, Words)>,
    resting: HashMap<u64, Instant>,
}

impl Boards {
    /// Brings every live message up to date.
    pub(crate) async fn look<H: House>(&mut self, bot: &Bot<H>) {
        let Ok(settings) = bot.settings().await else { return };
        self.shown.retain(|channel, _| settings.board_channels.contains_key(channel));
        self.resting.retain(|_, until| *until > Instant::now());
        let texts = Texts::new(&settings);
        let mut boards: BTreeMap<Language, Words> = BTreeMap::new();
        for (&channel, &language) in &settings.board_channels {
            if self.resting.contains_key(&channel) {
                continue;
            }
            let words = match boards.entry(language) {
                Entry::Occupied(there) => there.into_mut(),
                Entry::Vacant(place) => match bot.ask(bot.house.board(language)).await {
                    Ok(board) => place.insert(bot.board_words(&texts, language, &board)),
                    Err(error) => {
                        tracing::warn!(%error, "the live messages stay as they are");
                        return;
                    }
                },
            };
            match self.bring(bot, channel, words).await {
                Ok(()) => {}
                Err(Trouble::Rest(error)) if error.is_final() => {
                    tracing::warn!(channel, %error, "this channel has no live message for a while");
                    self.shown.remove(&channel);
                    self.resting.insert(channel, Instant::now() + REST);
                }
                Err(Trouble::Rest(error)) => {
                    tracing::warn!(channel, %error, "a live message is not up to date");
                }
                Err(Trouble::House(error)) => {
                    tracing::warn!(channel, %error, "a live message is not up to date");
                }
            }
        }
    }

    async fn bring<H: House>(&mut self, bot: &Bot<H>, channel: u64, words: &Words) -> Result<(), Trouble> {
        if !self.shown.contains_key(&channel)
            && let Some(found) = find(bot, channel).await?
        {
            self.shown.insert(channel, (found, Words::default()));
        }
        if let Some((message, shown)) = self.shown.get_mut(&channel) {
            if shown == words {
                return Ok(());
            }
            match bot.rest.change(channel, *message, words).await {
                Ok(()) => {
                    *shown = words.clone();
                    return Ok(());
                }
                Err(error) if is_message_gone(&error) => {
                    self.shown.remove(&channel);
                }
                Err(error) => return Err(error.into()),
            }
        }
        // Against a doubled retry, and no longer: one that somebody deleted would be given back for minutes.
        let nonce = hex::encode(rand::random::<[u8; 8]>());
        let message = bot.rest.say(channel, &words.clone().once(&nonce)).await?.0;
        self.shown.insert(channel, (message, words.clone()));
        bot.ask(bot.house.keep_board_message(channel, message)).await?;
        Ok(())
    }
}

/// The message that the house remembers, or else the latest of ours with the mark.
async fn find<H: House>(bot: &Bot<H>, channel: u64) -> Result<Option<u64>, Trouble> {
    if let Some(message) = bot.ask(bot.house.board_message(channel)).await? {
        match bot.rest.message(channel, message).await {
            Ok(_) => return Ok(Some(message)),
            Err(error) if is_message_gone(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let us = bot.rest.application().await?;
    let latest = bot.rest.latest(channel).await?;
    let ours = latest.iter().find(|message| message.author.id == us && message.content.starts_with(MARK));
    let Some(ours) = ours else { return Ok(None) };
    bot.ask(bot.house.keep_board_message(channel, ours.id.0)).await?;
    Ok(Some(ours.id.0))
}

fn is_message_gone(error: &RestError) -> bool {
    error.is_gone() && !matches!(error, RestError::Refused { code: UNKNOWN_CHANNEL, .. })
}

enum Trouble {
    House(Failure),
    Rest(RestError),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::House(failure)
    }
}

impl From<RestError> for Trouble {
    fn from(error: RestError) -> Self {
        Self::Rest(error)
    }
}

impl<H: House> Bot<H> {
    fn board_words(&self, texts: &Texts, language: Language, board: &Board) -> Words {
        let title = texts.say(language, "board.title", &[]);
        let said = shorten(format!("{MARK}{title}\n{}", whole(texts, language, board)));
        // Five buttons fit into a row, and more than five countdowns at once are not worth a second.
        let buttons: Vec<Button> = board
            .hosts
            .iter()
            .filter_map(|host| {
                let until = host.sleeps_at?;
                // The same countdown makes the same button: a message whose words stay is not changed.
                let nonce = self.signer.nonce_of(&format!("stay {} {}", host.key, until.0));
                let deed = Deed::CancelSleep { host: host.key.clone() };
                let id = self.signer.write(&Statement { who: None, until, nonce, yes: true, deed })?;
                let name: String = host.name.chars().take(40).collect();
                let label = texts.say(language, "button.stay", &[("name", Put::Ours(&name))]);
                Some(Button::good(label.chars().take(80).collect(), id))
            })
            .take(5)
            .collect();
        Words::new(said).with(&buttons)
    }
}
