//! Keys: what programs use in place of a session. Only a person at a session makes one.

use innkeeper_domain::access::{Action, Actor, Proof, Refusal, Scope, may};
use innkeeper_domain::addresses::AddressRange;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{KeyId, ProjectId};
use innkeeper_domain::keys::{Key, MOST_KEYS, MOST_RANGES, PREFIX};
use innkeeper_domain::names::Title;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::Standing;
use innkeeper_store::{keys, users};
use secrecy::{ExposeSecret, SecretString};

use crate::audit::shown;
use crate::callers::{hash_of, new_token};
use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it is for.
    pub name: Title,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The only project that it is good for.
    pub project_id: Option<ProjectId>,
    /// From where it may be used; empty means from anywhere.
    pub ranges: Vec<AddressRange>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

impl Engine {
    /// Makes a key and gives its token, which is kept nowhere. A repeated request gets the key without the token.
    pub async fn create_key(
        &self,
        actor: &Actor,
        mut new: NewKey,
        key: Option<&Idempotency>,
    ) -> Result<(Key, Option<SecretString>), Error> {
        allow(may(actor, Action::ChangeAccount), "key")?;
        let (Some(user_id), Proof::Session(_)) = (actor.user_id, &actor.proof) else {
            return Err(Error::Forbidden(Refusal::Scope));
        };
        match actor.standing {
            Standing::Good => {}
            Standing::Unverified => return Err(Error::Forbidden(Refusal::Unverified)),
            Standing::Suspended => return Err(Error::Forbidden(Refusal::Suspended)),
            Standing::Banned => return Err(Error::Forbidden(Refusal::Banned)),
        }
        new.scopes.sort_unstable();
        new.scopes.dedup();
        if new.scopes.is_empty() {
            return Err(Error::invalid("scopes", "name at least one: what the key may be used for"));
        }
        if new.ranges.len() > MOST_RANGES {
            return Err(Error::invalid("ranges", format!("give at most {MOST_RANGES} ranges")));
        }
        let now = self.clock().now();
        if new.expires_at.is_some_and(|at| at <= now) {
            return Err(Error::invalid("expires_at", "give a time in the future, or none"));
        }
        if let Some(project) = new.project_id {
            allow(may(actor, Action::SeeProject(project)), "project")?;
            innkeeper_store::projects::by_id(self.db(), project).await?.ok_or(Error::NotFound("project"))?;
        }
        let NewKey { name, scopes, project_id, ranges, expires_at } = new;
        let id = KeyId::new();
        let made = Key {
            id,
            user_id,
            name,
            scopes,
            project_id,
            ranges,
            created_at: now,
            expires_at,
            last_used_at: None,
        };
        let token = new_token(PREFIX);
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok((before, None));
        }
        // The row of the user makes several at once take turns.
        users::by_id_tx(&mut tx, user_id).await?.ok_or(Error::NotFound("user"))?;
        if keys::count_of(&mut tx, user_id).await? >= MOST_KEYS {
            let message = format!("you have {MOST_KEYS} keys already; end one that is not used any more");
            return Err(Error::conflict("too_many_keys", message));
        }
        keys::insert(&mut tx, &made, &hash_of(token.expose_secret())).await?;
        self.record(&mut tx, actor, Deed::done("key.create", id).after(shown(&made)));
        self.remember(&mut tx, actor, key, &made).await?;
        tx.commit().await?;
        Ok((made, Some(token)))
    }

    /// The actor's keys, newest first.
    pub async fn keys(&self, actor: &Actor) -> Result<Vec<Key>, Error> {
        allow(may(actor, Action::SeeAccount), "key")?;
        let Some(user) = actor.user_id else { return Ok(Vec::new()) };
        Ok(keys::list_of(self.db(), user).await?)
    }

    /// Ends one of the actor's keys.
    pub async fn end_key(&self, actor: &Actor, id: KeyId) -> Result<(), Error> {
        allow(may(actor, Action::ChangeAccount), "key")?;
        let user = actor.user_id.ok_or(Error::NotFound("key"))?;
        let mut tx = self.db().begin().await?;
        if !keys::delete(&mut tx, user, id).await? {
            return Err(Error::NotFound("key"));
        }
        self.record(&mut tx, actor, Deed::done("key.end", id));
        Ok(tx.commit().await?)
    }
}
