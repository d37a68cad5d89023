//! What people choose to be told, and how; and what becomes of what was to be told at Discord and was not.

use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, Refusal, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::discord::Outcome;
use innkeeper_domain::ids::AlertId;
use innkeeper_domain::mails::{Letter, Words};
use innkeeper_domain::notifications::{BadChoice, Choice, Kind, Ways};
use innkeeper_domain::users::User;
use innkeeper_store::discord::{self, Matter, Notice, Recipient};
use innkeeper_store::{Tx, notifications, users};
use tracing::info;

use crate::audit::shown;
use crate::error::allow;
use crate::{Engine, Error};

/// What must arrive and was not told at Discord by then is mailed: the bot may be gone.
const PATIENCE: Duration = Duration::from_mins(10);

/// Mailed in one go.
const BATCH: i64 = 100;

/// How somebody is told of things, and what can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notifications {
    /// Of every kind, as it is in effect.
    pub choices: Vec<Choice>,
    /// Whether their account is linked with one at Discord.
    pub linked: bool,
}

impl From<BadChoice> for Error {
    fn from(bad: BadChoice) -> Self {
        Self::invalid(bad.field(), bad)
    }
}

impl Engine {
    /// How the actor is told of things.
    pub async fn notifications(&self, actor: &Actor) -> Result<Notifications, Error> {
        allow(may(actor, Action::SeeAccount), "user")?;
        let id = actor.user_id.ok_or(Error::Forbidden(Refusal::Role))?;
        let user = users::by_id(self.db(), id).await?.ok_or(Error::NotFound("user"))?;
        let linked = discord::of_user(self.db(), id).await?.is_some();
        let ways = self.ways_to(&user, linked);
        let chosen = notifications::of_user(self.db(), id).await?;
        let choices = chosen.into_iter().map(|choice| choice.in_effect(ways)).collect();
        Ok(Notifications { choices, linked })
    }

    /// The actor chooses how they are told of one kind of thing; what is none stays.
    pub async fn choose_notification(
        &self,
        actor: &Actor,
        kind: Kind,
        email: Option<bool>,
        discord: Option<bool>,
    ) -> Result<Choice, Error> {
        allow(may(actor, Action::ChangeAccount), "user")?;
        let id = actor.user_id.ok_or(Error::Forbidden(Refusal::Role))?;
        let mut tx = self.db().begin().await?;
        // Two at once would each leave the way that the other one takes away.
        let user = users::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("user"))?;
        let linked = discord::link_of_tx(&mut tx, id).await?.is_some();
        let before = notifications::of_kind_tx(&mut tx, id, kind).await?;
        let after = before.changed(email, discord, self.ways_to(&user, linked))?;
        notifications::choose(&mut tx, id, after).await?;
        let deed = Deed::done("user.notifications", id).before(shown(&before)).after(shown(&after));
        self.record(&mut tx, actor, deed);
        tx.commit().await?;
        Ok(after)
    }

    /// Whether anybody can be told anything at all.
    pub(crate) async fn tells_anybody(&self) -> Result<bool, Error> {
        Ok(self.sends_mail() || notifications::any_by_discord(self.db()).await?)
    }

    /// How a user can be told anything. An address that nobody has confirmed may be somebody else's.
    fn ways_to(&self, user: &User, linked: bool) -> Ways {
        Ways { email: self.sends_mail() && user.email_verified_at.is_some(), discord: linked }
    }

    /// Tells a user something that they may have chosen to be told otherwise, or not at all.
    pub(crate) async fn tell_as_chosen(
        &self,
        tx: &mut Tx,
        user: &User,
        kind: Kind,
        letter: Letter,
        told: &[(&str, &str)],
    ) -> Result<(), Error> {
        let linked = discord::link_of_tx(tx, user.id).await?.is_some();
        let ways = self.ways_to(user, linked);
        let choice = notifications::of_kind_tx(tx, user.id, kind).await?.in_effect(ways);
        let email = choice.email && ways.email;
        if email {
            self.write_mail(tx, &user.email, user.language, letter, told).await?;
        }
        if choice.discord {
            let words: Words =
                told.iter().map(|(name, word)| ((*name).to_owned(), (*word).to_owned())).collect();
            let notice = Notice {
                id: AlertId::new(),
                to: Recipient::User(user.id),
                language: user.language,
                matter: Matter::Letter { letter, words, mailed: email },
                created_at: self.clock().now(),
            };
            discord::insert(tx, &notice).await?;
        }
        Ok(())
    }

    /// Mails what must arrive and could not be told at Discord, unless it was mailed anyway.
    pub(crate) async fn mail_instead(&self, tx: &mut Tx, notice: &Notice) -> Result<(), Error> {
        let (Recipient::User(user), Matter::Letter { letter, words, mailed: false }) =
            (notice.to, &notice.matter)
        else {
            return Ok(());
        };
        if !letter.kind().is_some_and(Kind::must_arrive) {
            return Ok(());
        }
        let Some(user) = users::by_id(self.db(), user).await? else { return Ok(()) };
        if user.email_verified_at.is_some() {
            info!(notice = %notice.id, %letter, "it was not told at Discord, and is mailed");
            let told: Vec<_> = words.iter().map(|(name, word)| (name.as_str(), word.as_str())).collect();
            self.write_mail(tx, &user.email, notice.language, *letter, &told).await?;
        }
        Ok(())
    }

    /// Mails what must arrive and has waited too long for the bot; it is not told at Discord any more.
    pub async fn mail_what_waits(&self) -> Result<(), Error> {
        let now = self.clock().now();
        let before = now.before(PATIENCE);
        let must = |letter: &Letter| letter.kind().is_some_and(Kind::must_arrive);
        let letters: Vec<Letter> = Letter::ALL.iter().copied().filter(must).collect();
        if !discord::letter_waits(self.db(), &letters, before).await? {
            return Ok(());
        }
        let mut tx = self.db().begin().await?;
        for claimed in discord::waiting_letters(&mut tx, &letters, before, BATCH).await? {
            let (id, tries) = (claimed.notice.id, claimed.tries);
            let why = Some("it has waited too long, and is mailed");
            if discord::end(&mut tx, id, tries, Outcome::GivenUp, why, now).await? {
                self.mail_instead(&mut tx, &claimed.notice).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}
