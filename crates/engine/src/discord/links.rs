//! Linking an account here with one at Discord. Discord says who asked for the link, a session here who accepts it; the
//! token that joins the two is good once, and for ten minutes.

use innkeeper_domain::access::{Action, Actor, Refusal, may};
use innkeeper_domain::audit::{Deed, Doer};
use innkeeper_domain::discord::Snowflake;
use innkeeper_domain::tickets::Purpose;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::{Standing, User};
use innkeeper_store::discord::{self, Link};
use innkeeper_store::users;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::allow;
use crate::{Engine, Error};

/// The longest name that is kept of somebody at Discord.
const LONGEST_NAME: usize = 100;

/// What somebody at Discord opens or types here, signed in.
#[derive(Clone, Debug)]
pub struct BegunLink {
    /// A page of the portal; without an address of the house, its path only.
    pub url: SecretString,
    /// The same to be typed.
    pub code: SecretString,
    /// Until when it is good.
    pub until: Timestamp,
}

/// As whom somebody is linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedAs {
    /// Their number at Discord.
    pub discord_id: Snowflake,
    /// As they were called there.
    pub name: String,
    /// Since when.
    pub linked_at: Timestamp,
}

impl From<Link> for LinkedAs {
    fn from(link: Link) -> Self {
        Self { discord_id: link.discord_id, name: link.name, linked_at: link.linked_at }
    }
}

/// What belongs to the ticket.
#[derive(Serialize, Deserialize)]
struct Body {
    discord_id: Snowflake,
    name: String,
}

impl Engine {
    /// Begins a link for whoever Discord says is asking. Shown to them alone.
    pub async fn begin_discord_link(&self, discord_id: Snowflake, name: &str) -> Result<BegunLink, Error> {
        use secrecy::ExposeSecret as _;
        let name: String = name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
        let mut tx = self.db().begin().await?;
        let body = Body { discord_id, name };
        let (token, ticket) = self.issue_ticket(&mut tx, Purpose::DiscordLink, None, &body).await?;
        tx.commit().await?;
        // Behind the `#` it stays in the browser: no log of a proxy has it.
        let url = self.link(&format!("/discord/link#{}", token.expose_secret()));
        Ok(BegunLink { url: url.into(), code: token, until: ticket.expires_at })
    }

    /// The user accepts the link that was begun at Discord.
    pub async fn complete_discord_link(&self, actor: &Actor, token: &str) -> Result<LinkedAs, Error> {
        allow(may(actor, Action::ChangeAccount), "link")?;
        let user_id = actor.user_id.ok_or(Error::Forbidden(Refusal::Role))?;
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let found = self.redeem_ticket::<Body>(&mut tx, Purpose::DiscordLink, token).await?;
        let Some((_, Body { discord_id, name })) = found else {
            let message = "this code is not good, or not any more; ask the bot for another with `/link`";
            return Err(Error::invalid("token", message));
        };
        let link = Link { discord_id, user_id, name, linked_at: now };
        if !discord::link(&mut tx, &link).await? {
            let mine = discord::link_of_tx(&mut tx, user_id).await?;
            return match mine {
                Some(same) if same.discord_id == discord_id => Ok(same.into()),
                Some(_) => Err(Error::conflict(
                    "already_linked",
                    "your account is linked to another one at Discord; end that link first",
                )),
                None => Err(Error::conflict(
                    "linked_elsewhere",
                    "this account at Discord belongs to another user here; end that link first, with `/link remove`",
                )),
            };
        }
        let after = json!({ "discord_id": link.discord_id, "name": link.name });
        self.record(&mut tx, actor, Deed::done("discord.link", user_id).after(after));
        tx.commit().await?;
        Ok(link.into())
    }

    /// The user's own link.
    pub async fn discord_link(&self, actor: &Actor) -> Result<Option<LinkedAs>, Error> {
        allow(may(actor, Action::SeeAccount), "link")?;
        let user_id = actor.user_id.ok_or(Error::Forbidden(Refusal::Role))?;
        Ok(discord::of_user(self.db(), user_id).await?.map(LinkedAs::from))
    }

    /// The user ends their link; whether there was one.
    pub async fn unlink_discord(&self, actor: &Actor) -> Result<bool, Error> {
        allow(may(actor, Action::ChangeAccount), "link")?;
        let user_id = actor.user_id.ok_or(Error::Forbidden(Refusal::Role))?;
        let mut tx = self.db().begin().await?;
        let Some(link) = discord::link_of_tx(&mut tx, user_id).await? else { return Ok(false) };
        discord::unlink_user(&mut tx, user_id).await?;
        let before = json!({ "discord_id": link.discord_id });
        self.record(&mut tx, actor, Deed::done("discord.unlink", user_id).before(before));
        tx.commit().await?;
        Ok(true)
    }

    /// To whom somebody at Discord is linked.
    pub async fn linked_user(&self, discord_id: Snowflake) -> Result<Option<User>, Error> {
        match discord::of_discord(self.db(), discord_id).await? {
            Some(link) => Ok(users::by_id(self.db(), link.user_id).await?),
            None => Ok(None),
        }
    }

    /// Somebody at Discord ends their link; whether there was one. Not while something stands against them here: the link
    /// is what keeps them from what everybody there may do.
    pub async fn unlink_by_discord(&self, discord_id: Snowflake) -> Result<bool, Error> {
        let actor = self.discord_actor(discord_id.get(), &[]).await?;
        match actor.standing {
            Standing::Banned => return Err(Error::Forbidden(Refusal::Banned)),
            Standing::Suspended => return Err(Error::Forbidden(Refusal::Suspended)),
            Standing::Good | Standing::Unverified => {}
        }
        let mut tx = self.db().begin().await?;
        let Some(link) = discord::of_discord_tx(&mut tx, discord_id).await? else { return Ok(false) };
        discord::unlink_discord(&mut tx, discord_id).await?;
        let deed = Deed::done("discord.unlink", link.user_id).before(json!({ "discord_id": discord_id }));
        self.record_by(&mut tx, &Doer::from(&actor), deed);
        tx.commit().await?;
        Ok(true)
    }
}
