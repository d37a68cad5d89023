//! What an administrator sets for the bot: one document, checked whole.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::discord::{BadSetting, Settings};
use innkeeper_store::settings;

use crate::audit::shown;
use crate::error::allow;
use crate::{Engine, Error};

const KEY: &str = "discord";

impl From<BadSetting> for Error {
    fn from(bad: BadSetting) -> Self {
        Self::invalid(bad.field, bad.message)
    }
}

impl Engine {
    /// What is set for the bot; for administrators.
    pub async fn discord_settings(&self, actor: &Actor) -> Result<Settings, Error> {
        allow(may(actor, Action::RunPeople), "settings")?;
        self.discord_settings_now().await
    }

    /// Sets it. What roles at Discord may do is part of it, so it is as grave as changing a role here.
    pub async fn set_discord_settings(&self, actor: &Actor, new: Settings) -> Result<Settings, Error> {
        allow(may(actor, Action::RunPeople), "settings")?;
        new.check()?;
        let before = self.discord_settings_now().await?;
        let text = serde_json::to_string(&new).map_err(|error| Error::Internal(error.to_string()))?;
        let mut tx = self.db().begin().await?;
        settings::put(&mut tx, KEY, &text).await?;
        let deed = Deed::done("discord.set_settings", "discord").before(shown(&before)).after(shown(&new));
        self.record(&mut tx, actor, deed);
        tx.commit().await?;
        Ok(new)
    }

    /// What is set for the bot, for the bot.
    pub async fn discord_settings_now(&self) -> Result<Settings, Error> {
        let Some(text) = settings::get(self.db(), KEY).await? else { return Ok(Settings::default()) };
        serde_json::from_str(&text)
            .map_err(|error| Error::Internal(format!("the settings of the bot cannot be read: {error}")))
    }
}
