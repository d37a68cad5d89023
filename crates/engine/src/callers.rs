//! Who is asking: whoever shows the token of a session, of a key, or of a session in which an administrator acts for a
//! user. What they may do is computed here, each time, from what is true now.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use innkeeper_domain::access::{Actor, Proof, Refusal};
use innkeeper_domain::consoles::Way;
use innkeeper_domain::ids::{SessionId, UserId};
use innkeeper_domain::impersonations::{self, Impersonation};
use innkeeper_domain::keys::{self, Key};
use innkeeper_domain::sessions::Session;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::{Role, Standing, User};
use innkeeper_store::{projects, sessions};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::{Engine, Error};

/// Somebody who has proved who they are.
#[derive(Clone, Debug)]
pub struct Identified {
    /// What they may do right now.
    pub actor: Actor,
    /// Who they are; with [`Proven::Impersonation`], for whom they act.
    pub user: User,
    /// How they proved it.
    pub by: Proven,
}

/// How somebody proved who they are, with all that is known of it.
#[derive(Clone, Debug)]
pub enum Proven {
    /// By a session of their own.
    Session(Session),
    /// By a key.
    Key(Key),
    /// By a session in which an administrator acts for them.
    Impersonation(Impersonation),
}

impl Proven {
    /// The session to end when they sign out, if it is one.
    pub fn session_id(&self) -> Option<SessionId> {
        match self {
            Self::Session(session) => Some(session.id),
            Self::Impersonation(impersonation) => Some(impersonation.id),
            Self::Key(_) => None,
        }
    }
}

pub(crate) const NOBODY: Error = Error::Unauthenticated("sign in first: no session, or one that has ended");

impl Engine {
    /// Who holds this token, with what they may do right now.
    pub async fn authenticate(&self, token: &str, address: Option<IpAddr>) -> Result<Identified, Error> {
        if token.starts_with(keys::PREFIX) {
            self.by_key(token, address).await
        } else if token.starts_with(impersonations::PREFIX) {
            self.by_impersonation(token, address).await
        } else {
            let (session, user) = self.session_of(token).await?.ok_or(NOBODY)?;
            self.identified(session, user, address).await
        }
    }

    /// The same for somebody who was let in before. What lasts longer than an access token (an open stream) asks by the
    /// session itself.
    pub async fn authenticate_again(
        &self,
        by: &Proven,
        token: &str,
        address: Option<IpAddr>,
    ) -> Result<Identified, Error> {
        let Proven::Session(session) = by else { return self.authenticate(token, address).await };
        let found = sessions::by_id(self.db(), session.id, self.clock().now()).await?;
        let (session, user) = found.ok_or(NOBODY)?;
        self.identified(session, user, address).await
    }

    async fn identified(
        &self,
        session: Session,
        user: User,
        address: Option<IpAddr>,
    ) -> Result<Identified, Error> {
        self.admit_session(session.created_at, &user)?;
        let actor = self.actor(&user, Proof::Session(session.id), address).await?;
        Ok(Identified { actor, user: user.as_of(self.clock().now()), by: Proven::Session(session) })
    }

    /// What the user may do right now.
    pub(crate) async fn actor(
        &self,
        user: &User,
        proof: Proof,
        address: Option<IpAddr>,
    ) -> Result<Actor, Error> {
        let memberships = projects::memberships_of(self.db(), user.id).await?;
        let standing = user.standing(self.clock().now());
        Ok(Actor { user_id: Some(user.id), role: user.role, memberships, standing, proof, address })
    }

    async fn by_key(&self, token: &str, address: Option<IpAddr>) -> Result<Identified, Error> {
        let now = self.clock().now();
        let found = innkeeper_store::keys::by_token(self.db(), &hash_of(token), now).await?;
        let (key, user) = found.ok_or(NOBODY)?;
        let actor = self.holder_of(&key, &user, address).await?;
        if key.is_noted(now) {
            let mut tx = self.db().begin().await?;
            innkeeper_store::keys::note_use(&mut tx, key.id, now).await?;
            tx.commit().await?;
        }
        Ok(Identified { actor, user: user.as_of(now), by: Proven::Key(key) })
    }

    /// What the holder of a key may do from there.
    async fn holder_of(&self, key: &Key, user: &User, address: Option<IpAddr>) -> Result<Actor, Error> {
        self.admit(user)?;
        if !key.is_good_from(address) {
            return Err(Error::Forbidden(Refusal::Address));
        }
        let limited = key.project_id.is_some();
        let proof = Proof::Key { id: key.id, scopes: key.scopes.clone(), limited };
        let actor = self.actor(user, proof, address).await?;
        Ok(match key.project_id {
            Some(project) => actor.within(project),
            None => actor,
        })
    }

    /// What somebody may do right now who was let in before, by what they were let in by.
    pub(crate) async fn still(
        &self,
        way: Way,
        user: Option<UserId>,
        address: Option<IpAddr>,
    ) -> Result<Actor, Error> {
        let now = self.clock().now();
        let actor = match way {
            Way::Session(id) => {
                let (session, user) = sessions::by_id(self.db(), id, now).await?.ok_or(NOBODY)?;
                self.identified(session, user, address).await?.actor
            }
            Way::Key(id) => {
                let found = innkeeper_store::keys::by_id(self.db(), id, now).await?;
                let (key, user) = found.ok_or(NOBODY)?;
                self.holder_of(&key, &user, address).await?
            }
            Way::Impersonation(id) => {
                let found = innkeeper_store::impersonations::by_id(self.db(), id, now).await?;
                self.impersonated(found.ok_or(NOBODY)?, address).await?.actor
            }
            Way::Lease(id) => self.holder_of_lease(id, address).await?,
        };
        if actor.user_id == user { Ok(actor) } else { Err(NOBODY) }
    }

    async fn by_impersonation(&self, token: &str, address: Option<IpAddr>) -> Result<Identified, Error> {
        let now = self.clock().now();
        let found = innkeeper_store::impersonations::by_token(self.db(), &hash_of(token), now).await?;
        self.impersonated(found.ok_or(NOBODY)?, address).await
    }

    async fn impersonated(&self, found: Impersonation, address: Option<IpAddr>) -> Result<Identified, Error> {
        let now = self.clock().now();
        let user = self.user_by_id(found.user_id).await?;
        let by = self.user_by_id(found.by).await?;
        // Either may have become somebody else since.
        let still = by.role == Role::Admin && by.standing(now) == Standing::Good && user.role != Role::Admin;
        if !still {
            return Err(NOBODY);
        }
        self.admit(&user)?;
        let proof = Proof::Impersonation { session: found.id, by: found.by };
        let actor = self.actor(&user, proof, address).await?;
        Ok(Identified { actor, user: user.as_of(now), by: Proven::Impersonation(found) })
    }

    async fn user_by_id(&self, id: UserId) -> Result<User, Error> {
        innkeeper_store::users::by_id(self.db(), id).await?.ok_or(NOBODY)
    }

    /// Lets nobody in who is banned. To be asked only after they have proved who they are: others are told nothing.
    pub(crate) fn admit(&self, user: &User) -> Result<(), Error> {
        match user.measures.ban_now(self.clock().now()) {
            Some(ban) => Err(Error::Banned(ban.clone())),
            None => Ok(()),
        }
    }

    /// The same for a session that was opened then: a ban ends those from before it for good.
    pub(crate) fn admit_session(&self, opened: Timestamp, user: &User) -> Result<(), Error> {
        self.admit(user)?;
        match &user.measures.ban {
            Some(ban) if opened <= ban.since => Err(NOBODY),
            _ => Ok(()),
        }
    }
}

/// A new token: whoever shows it proves what it stands for. To be shown once.
pub(crate) fn new_token(prefix: &str) -> SecretString {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())).into()
}

/// What is kept of a token.
pub(crate) fn hash_of(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
