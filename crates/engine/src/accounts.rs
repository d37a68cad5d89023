//! One's own account: proving again who one is, and the password.

use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::limits::Attempt;
use innkeeper_domain::mails::{Language, Letter};
use innkeeper_domain::names::Title;
use innkeeper_domain::tickets::Purpose;
use innkeeper_domain::users::User;
use innkeeper_store::{sessions, tickets, users};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::error::allow;
use crate::factors::visitor_of;
use crate::sessions::end_sessions;
use crate::{Engine, Error};

/// How fresh the session of somebody without a password must be where others give theirs.
const FRESH: Duration = Duration::from_mins(10);

impl Engine {
    /// The actor's own user.
    pub(crate) async fn user_of(&self, actor: &Actor) -> Result<User, Error> {
        let id = actor.user_id.ok_or(Error::NotFound("user"))?;
        users::by_id(self.db(), id).await?.ok_or(Error::NotFound("user"))
    }

    /// Whether the actor has a password: those who do not prove themselves again by signing in again.
    pub async fn has_password(&self, actor: &Actor) -> Result<bool, Error> {
        let user = self.user_of(actor).await?;
        Ok(users::password_of(self.db(), user.id).await?.is_some())
    }

    /// Before something that a stolen session must not do: the password once more, or, without one, a session that has
    /// just been opened.
    pub(crate) async fn prove_again(&self, actor: &Actor, password: &SecretString) -> Result<User, Error> {
        allow(may(actor, Action::ChangeAccount), "user")?;
        let user = self.user_of(actor).await?;
        let Some(hash) = users::password_of(self.db(), user.id).await? else {
            let now = self.clock().now();
            let found = match actor.session() {
                Some(session) => sessions::by_id(self.db(), session, now).await?,
                None => None,
            };
            return match found {
                Some((session, _)) if now.since(session.created_at) <= FRESH => Ok(user),
                _ => Err(Error::conflict(
                    "sign_in_again",
                    "sign out and in again, then try this within 10 minutes",
                )),
            };
        };
        let counted = self.guess_at(Attempt::Password, &user.email, &visitor_of(actor)).await?;
        self.count(&counted).await?;
        if !self.0.passwords.verify(Some(hash), None, password).await? {
            self.record_refusal(&actor.into(), Deed::refused("user.prove_again", user.id)).await?;
            return Err(Error::invalid("password", "this is not your present password"));
        }
        let mut tx = self.db().begin().await?;
        self.forgive(&mut tx, &counted).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Changes the actor's password. Their other sessions end, and so do links that were mailed to replace it.
    pub async fn change_password(
        &self,
        actor: &Actor,
        present: &SecretString,
        new: &SecretString,
    ) -> Result<(), Error> {
        let user = self.prove_again(actor, present).await?;
        if present.expose_secret() == new.expose_secret() {
            return Err(Error::invalid("new_password", "this is your present password; choose another one"));
        }
        let hash = self.0.passwords.hash(new).await.map_err(|error| match error {
            Error::Invalid { message, .. } => Error::invalid("new_password", message),
            other => other,
        })?;
        let mut tx = self.db().begin().await?;
        // Tickets first, as whoever uses one does: two who do both never wait for each other crosswise.
        // All of them: whoever knew the old password may have begun anything with it.
        for &purpose in Purpose::ALL {
            tickets::delete_of(&mut tx, user.id, purpose).await?;
        }
        users::set_password(&mut tx, user.id, &hash).await?;
        end_sessions(&mut tx, user.id, actor.session()).await?;
        self.record(&mut tx, actor, Deed::done("user.change_password", user.id));
        let link = self.link("/recover");
        self.write_to(&mut tx, &user, Letter::PasswordChanged, &[("link", &link)]).await?;
        Ok(tx.commit().await?)
    }

    /// Changes how the actor is greeted, and in which language they are written to.
    pub async fn change_profile(
        &self,
        actor: &Actor,
        name: Option<Title>,
        language: Option<Language>,
    ) -> Result<User, Error> {
        allow(may(actor, Action::ChangeAccount), "user")?;
        let user = self.user_of(actor).await?;
        let shown = |user: &User| json!({ "name": user.name, "language": user.language });
        let before = shown(&user);
        let changed = User {
            name: name.unwrap_or_else(|| user.name.clone()),
            language: language.unwrap_or(user.language),
            ..user
        };
        let mut tx = self.db().begin().await?;
        users::set_profile(&mut tx, changed.id, &changed.name, changed.language).await?;
        let deed = Deed::done("user.change", changed.id).before(before).after(shown(&changed));
        self.record(&mut tx, actor, deed);
        tx.commit().await?;
        Ok(changed)
    }
}
