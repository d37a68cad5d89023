//! Signing in and out. A session's token is shown once and kept only as a hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::net::IpAddr;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::{Deed, Doer, Means};
use innkeeper_domain::ids::SessionId;
use innkeeper_domain::names::Email;
use innkeeper_domain::users::{SESSION_LIFETIME, Session, User};
use innkeeper_store::{projects, sessions, users};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

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
        let user = user.ok_or(WRONG)?;
        let token = SecretString::from(format!("ink_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())));
        let now = self.clock().now();
        let session = Session {
            id: SessionId::new(),
            user_id: user.id,
            created_at: now,
            expires_at: now.after(SESSION_LIFETIME),
        };
        let mut tx = self.db().begin().await?;
        sessions::insert(&mut tx, &session, &token_hash(token.expose_secret())).await?;
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

    /// Who holds this token, with what they may do right now.
    pub async fn authenticate(
        &self,
        token: &str,
        address: Option<IpAddr>,
    ) -> Result<(Actor, Session, User), Error> {
        let none = Error::Unauthenticated("sign in first: no session, or one that has ended");
        let found = sessions::by_token(self.db(), &token_hash(token), self.clock().now()).await?;
        let Some((session, user)) = found else { return Err(none) };
        let memberships = projects::memberships_of(self.db(), user.id).await?;
        let actor = Actor { address, ..Actor::user(user.id, user.role, memberships, session.id) };
        Ok((actor, session, user))
    }

    /// The sessions of the actor that have not ended.
    pub async fn sessions(&self, actor: &Actor) -> Result<Vec<Session>, Error> {
        let Some(user) = actor.user_id else { return Ok(Vec::new()) };
        Ok(sessions::list_of(self.db(), user, self.clock().now()).await?)
    }

    /// Ends one of the actor's sessions.
    pub async fn end_session(&self, actor: &Actor, id: SessionId) -> Result<(), Error> {
        allow(may(actor, Action::Leave), "session")?;
        let user = actor.user_id.ok_or(Error::NotFound("session"))?;
        let mut tx = self.db().begin().await?;
        if !sessions::delete(&mut tx, user, id).await? {
            return Err(Error::NotFound("session"));
        }
        self.record(&mut tx, actor, Deed::done("session.end", id));
        Ok(tx.commit().await?)
    }
}

fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
