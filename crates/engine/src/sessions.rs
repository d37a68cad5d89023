//! Signing in and out. A session's token is shown once and kept only as a hash.

use std::net::IpAddr;

use innkeeper_domain::access::{Action, Actor, Proof, Refusal, may};
use innkeeper_domain::audit::{Deed, Doer, Means};
use innkeeper_domain::ids::SessionId;
use innkeeper_domain::names::Email;
use innkeeper_domain::users::{SESSION_LIFETIME, Session, User};
use innkeeper_store::{sessions, users};
use secrecy::{ExposeSecret, SecretString};

use crate::callers::{hash_of, new_token};
use crate::error::allow;
use crate::{Engine, Error};

/// Somebody who just signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The session.
    pub session: Session,
    /// Proves the session from now on; not kept anywhere here.
    pub token: SecretString,
}

const WRONG: Error = Error::Unauthenticated("the e-mail address or the password is wrong");

impl Engine {
    /// Signs in by password.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &SecretString,
        address: Option<IpAddr>,
    ) -> Result<SignedIn, Error> {
        // A malformed address is simply one that nobody has.
        let found = match email.parse::<Email>() {
            Ok(email) => users::by_email(self.db(), &email).await?,
            Err(_) => None,
        };
        let (user, hash) = match found {
            Some((user, hash)) => (Some(user), hash),
            None => (None, None),
        };
        if !self.0.passwords.verify(hash, password).await? {
            // Under no name that was typed in: people type passwords there.
            let object = user.map(|user| user.id.to_string()).unwrap_or_default();
            self.record_refusal(&Doer::stranger(address), Deed::refused("session.create", object)).await?;
            return Err(WRONG);
        }
        let user = user.ok_or(WRONG)?.as_of(self.clock().now());
        if let Err(banned) = self.admit(&user) {
            self.record_refusal(&Doer::stranger(address), Deed::refused("session.create", user.id)).await?;
            return Err(banned);
        }
        let token = new_token("ink_");
        let now = self.clock().now();
        let session = Session {
            id: SessionId::new(),
            user_id: user.id,
            created_at: now,
            expires_at: now.after(SESSION_LIFETIME),
        };
        let mut tx = self.db().begin().await?;
        sessions::insert(&mut tx, &session, &hash_of(token.expose_secret())).await?;
        let doer = Doer {
            user_id: Some(user.id),
            means: Means::Session,
            proof_id: Some(session.id.to_string()),
            ..Doer::stranger(address)
        };
        self.record_by(&mut tx, &doer, Deed::done("session.create", session.id));
        tx.commit().await?;
        Ok(SignedIn { user, session, token })
    }

    /// The session that this token proves, and its user.
    pub(crate) async fn session_of(&self, token: &str) -> Result<Option<(Session, User)>, Error> {
        Ok(sessions::by_token(self.db(), &hash_of(token), self.clock().now()).await?)
    }

    /// The sessions of the actor that have not ended.
    pub async fn sessions(&self, actor: &Actor) -> Result<Vec<Session>, Error> {
        allow(may(actor, Action::SeeAccount), "session")?;
        let Some(user) = actor.user_id else { return Ok(Vec::new()) };
        Ok(sessions::list_of(self.db(), user, self.clock().now()).await?)
    }

    /// Ends the session that the actor asks with.
    pub async fn sign_out(&self, actor: &Actor) -> Result<(), Error> {
        allow(may(actor, Action::Leave), "session")?;
        self.end_session(actor, actor.session().ok_or(Error::NotFound("session"))?).await
    }

    /// Ends one of the actor's sessions.
    pub async fn end_session(&self, actor: &Actor, id: SessionId) -> Result<(), Error> {
        allow(may(actor, Action::Leave), "session")?;
        let user = actor.user_id.ok_or(Error::NotFound("session"))?;
        if let Proof::Impersonation { session, .. } = actor.proof {
            // Their own they end; those of the user are the user's.
            return if id == session {
                self.end_impersonation(actor, id).await
            } else {
                Err(Error::Forbidden(Refusal::Impersonated))
            };
        }
        let mut tx = self.db().begin().await?;
        if !sessions::delete(&mut tx, user, id).await? {
            return Err(Error::NotFound("session"));
        }
        self.record(&mut tx, actor, Deed::done("session.end", id));
        Ok(tx.commit().await?)
    }
}
