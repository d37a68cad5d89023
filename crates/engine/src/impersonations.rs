//! An administrator acts for a user for a short while, to see what they see. Both are named in the audit log, and the
//! user's account stays closed to them.

use innkeeper_domain::access::{Action, Actor, Proof, Refusal, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{SessionId, UserId};
use innkeeper_domain::impersonations::{Impersonation, LIFETIME, PREFIX};
use innkeeper_domain::names::Reason;
use innkeeper_domain::users::{Role, User};
use innkeeper_store::{impersonations, users};
use secrecy::{ExposeSecret, SecretString};

use crate::audit::shown;
use crate::callers::{hash_of, new_token};
use crate::error::allow;
use crate::{Engine, Error};

/// A session just opened for somebody else.
#[derive(Clone, Debug)]
pub struct Impersonated {
    /// For whom.
    pub user: User,
    /// The session.
    pub session: Impersonation,
    /// Proves the session from now on; not kept anywhere here.
    pub token: SecretString,
}

impl Engine {
    /// Opens a session in which an administrator acts for a user.
    pub async fn impersonate(
        &self,
        actor: &Actor,
        id: UserId,
        reason: Reason,
    ) -> Result<Impersonated, Error> {
        allow(may(actor, Action::RunPeople), "user")?;
        // Not by a key, whose scopes it would not have; and not by the house, which is nobody to name.
        let (Some(by), Proof::Session(_)) = (actor.user_id, &actor.proof) else {
            return Err(Error::Forbidden(Refusal::Scope));
        };
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let user = users::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("user"))?;
        if user.role == Role::Admin {
            return Err(Error::conflict("is_admin", "nobody acts for an administrator"));
        }
        if user.measures.ban_now(now).is_some() {
            return Err(Error::conflict(
                "is_banned",
                "this user is banned, and gets in nowhere; unban them first",
            ));
        }
        let session = Impersonation {
            id: SessionId::new(),
            user_id: id,
            by,
            reason,
            created_at: now,
            expires_at: now.after(LIFETIME),
        };
        let token = new_token(PREFIX);
        impersonations::insert(&mut tx, &session, &hash_of(token.expose_secret())).await?;
        self.record(&mut tx, actor, Deed::done("user.impersonate", id).after(shown(&session)));
        tx.commit().await?;
        Ok(Impersonated { user: user.as_of(now), session, token })
    }

    /// The sessions in which somebody acts for somebody else right now, newest first.
    pub async fn impersonations(&self, actor: &Actor) -> Result<Vec<Impersonation>, Error> {
        allow(may(actor, Action::RunPeople), "impersonation")?;
        Ok(impersonations::list(self.db(), self.clock().now()).await?)
    }

    /// Ends one: any administrator may, and whoever is in it.
    pub async fn end_impersonation(&self, actor: &Actor, id: SessionId) -> Result<(), Error> {
        if actor.session() != Some(id) {
            allow(may(actor, Action::RunPeople), "impersonation")?;
        }
        let mut tx = self.db().begin().await?;
        let ended = impersonations::delete(&mut tx, id).await?.ok_or(Error::NotFound("impersonation"))?;
        self.record(
            &mut tx,
            actor,
            Deed::done("user.impersonation_ends", ended.user_id).before(shown(&ended)),
        );
        Ok(tx.commit().await?)
    }
}
