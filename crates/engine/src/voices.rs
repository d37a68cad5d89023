//! Who is in the voice channels that hosts listen to, as the bot tells.

use innkeeper_domain::time::Timestamp;
use innkeeper_store::voices::Voice;
use innkeeper_store::{Topic, hosts, voices};

use crate::{Engine, Error};

impl Engine {
    /// The channels that some host listens to.
    pub async fn watched_voices(&self) -> Result<Vec<String>, Error> {
        let mut channels: Vec<String> =
            hosts::list(self.db()).await?.into_iter().flat_map(|host| host.profile.voice_channels).collect();
        channels.sort_unstable();
        channels.dedup();
        Ok(channels)
    }

    /// So many people are in a channel now. To be told again within 90 s, or nobody believes it any more.
    pub async fn note_voice(&self, channel: &str, members: u32) -> Result<(), Error> {
        let now: Timestamp = self.clock().now();
        let known = voices::list(self.db()).await?;
        let before = known.iter().find(|voice| voice.channel == channel);
        let changed = before.is_none_or(|voice| !voice.readable || voice.members != members);
        let voice = Voice { channel: channel.to_owned(), members, readable: true, seen_at: now };
        let mut tx = self.db().begin().await?;
        voices::set(&mut tx, &voice).await?;
        if changed {
            for host in hosts::list(self.db()).await? {
                if host.profile.voice_channels.iter().any(|one| one == channel) {
                    hosts::hurry(&mut tx, host.id, now).await?;
                }
            }
            tx.wake(Topic::Guardian);
        }
        Ok(tx.commit().await?)
    }

    /// The bot has lost its connection: nobody can say who is in the channels.
    pub async fn lose_voices(&self) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        voices::lose(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}
