//! What the bot at Discord needs of the house: who somebody there is, what an administrator set, what is to be told, and
//! doing things once. The bot itself is a face like any other, in a crate of its own.

mod deeds;
mod links;
mod notices;
mod reports;
mod settings;

use std::time::Duration;

use innkeeper_domain::access::{Actor, Proof};
use innkeeper_domain::discord::Snowflake;
use innkeeper_store::{Topic, discord, users};
use secrecy::SecretString;
use tokio::sync::watch;

pub use deeds::{HostDeed, HostOutcome};
pub use links::{BegunLink, LinkedAs};
pub use notices::{Delivery, DueNotice};
pub(crate) use reports::run;

use crate::{Engine, Error};

/// For how long a process has the gateway without a word.
const HELD: Duration = Duration::from_secs(30);

const GATEWAY: &str = "gateway";

/// Waits for anything to happen in the house.
pub struct Happenings(watch::Receiver<u64>);

impl Happenings {
    /// What has happened until now is known; only what comes counts.
    pub fn mark(&mut self) {
        self.0.mark_unchanged();
    }

    /// Something has happened since the mark, or so much time has passed.
    pub async fn wait(&mut self, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.0.changed()).await;
    }
}

impl Engine {
    /// Whoever asks by Discord, with what they may do at this moment: by what their roles there are granted, and as the
    /// user whose account is linked.
    pub async fn discord_actor(&self, discord_id: u64, roles: &[u64]) -> Result<Actor, Error> {
        let abilities =
            self.discord_settings_now().await?.granted(roles.iter().copied()).into_iter().collect();
        let proof = Proof::Discord { id: discord_id, abilities };
        let link = match Snowflake::new(discord_id) {
            Some(id) => discord::of_discord(self.db(), id).await?,
            None => None,
        };
        let user = match link {
            Some(link) => users::by_id(self.db(), link.user_id).await?,
            None => None,
        };
        let user = match user {
            Some(user) => Some(self.actor(&user, proof.clone(), None).await?),
            None => None,
        };
        Ok(Actor::by_discord(user, proof))
    }

    /// What buttons are signed with: made from the house's key, and good for nothing else.
    pub fn discord_button_key(&self) -> SecretString {
        hex::encode(self.0.keys.derive("discord buttons").as_slice()).into()
    }

    /// Tells when something has happened: hints, as for every live screen.
    pub fn happenings(&self) -> Happenings {
        Happenings(self.db().wakeups(Topic::Events))
    }

    /// Whether this process may be connected to Discord's gateway for the next while; to be asked again well before that
    /// is over. Two at once would each tell the house who is there, and answer everything twice.
    pub async fn hold_discord_gateway(&self) -> Result<bool, Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let held = discord::hold(&mut tx, GATEWAY, &self.0.worker, now, now.after(HELD)).await?;
        tx.commit().await?;
        Ok(held)
    }

    /// Leaves the gateway to the next.
    pub async fn leave_discord_gateway(&self) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        discord::let_go(&mut tx, GATEWAY, &self.0.worker).await?;
        Ok(tx.commit().await?)
    }

    /// The live message of a channel.
    pub async fn discord_board(&self, channel: Snowflake) -> Result<Option<Snowflake>, Error> {
        Ok(discord::board(self.db(), channel).await?)
    }

    /// Remembers the live message of a channel.
    pub async fn keep_discord_board(&self, channel: Snowflake, message: Snowflake) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        discord::keep_board(&mut tx, channel, message, now).await?;
        Ok(tx.commit().await?)
    }
}
