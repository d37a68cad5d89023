//! Signing in by password, sessions, and the tokens that stand for them. See `domain::sessions`.
//!
//! A refresh token is `inr_` and 48 random bytes: the first 16 are shared by its family, the others are its own. Its
//! successor is made from it and from a salt that only we know; therefore the same successor can be given again for a
//! moment, and neither it nor anything that it could be made from alone is kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use innkeeper_domain::access::{Action, Actor, Proof, Refusal, may};
use innkeeper_domain::addresses::AddressRange;
use innkeeper_domain::audit::{Deed, Doer, Means};
use innkeeper_domain::factors::Factors;
use innkeeper_domain::ids::{SessionId, UserId};
use innkeeper_domain::limits::Attempt;
use innkeeper_domain::names::Email;
use innkeeper_domain::sessions::{Method, Session, Verdict, judge};
use innkeeper_domain::tickets::Purpose;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::User;
use innkeeper_store::sessions::{FirstTokens, Rotation};
use innkeeper_store::{Tx, factors, impersonations, limits, sessions, users};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::net::IpAddr;

use crate::callers::{hash_of, new_token};
use crate::error::allow;
use crate::limits::Counted;
use crate::{Engine, Error, Visitor};

/// Somebody who just signed in, or refreshed.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The session.
    pub session: Session,
    /// Stands for the session for a short while; not kept anywhere here.
    pub access: SecretString,
    /// When it ends.
    pub access_expires_at: Timestamp,
    /// Gets the next pair of tokens, once; not kept anywhere here.
    pub refresh: SecretString,
}

/// How far a sign-in got.
#[derive(Clone, Debug)]
pub enum Entered {
    /// All the way.
    In(Box<SignedIn>),
    /// A second factor is asked for.
    Halfway(Halfway),
}

/// Half a sign-in: the first factor was right.
#[derive(Clone, Debug)]
pub struct Halfway {
    /// To be given back with the second factor.
    pub ticket: SecretString,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What may follow.
    pub factors: Factors,
}

/// What belongs to a ticket between the two halves of a sign-in.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FirstHalf {
    pub(crate) method: Method,
}

pub(crate) const WRONG: Error =
    Error::Denied { code: "wrong_credentials", message: "the e-mail address or the password is wrong" };

const ENDED: Error =
    Error::Denied { code: "session_ended", message: "this session has ended; sign in again" };

/// Bytes of a refresh token that its family shares, and all of them.
const FAMILY: usize = 16;
const REFRESH: usize = 48;

fn refresh_text(bytes: &[u8]) -> SecretString {
    format!("inr_{}", URL_SAFE_NO_PAD.encode(bytes)).into()
}

/// The bytes of a refresh token, if it can be one.
fn read_refresh(token: &str) -> Option<[u8; REFRESH]> {
    let text = token.strip_prefix("inr_").filter(|text| text.len() == REFRESH / 3 * 4)?;
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn hash_bytes(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// What follows a refresh token: the next one, and an access token.
struct Successors {
    refresh: [u8; REFRESH],
    access: SecretString,
}

impl Successors {
    fn of(token: &[u8; REFRESH], salt: &[u8]) -> Self {
        let derive = |what: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(token).expect("HMAC takes keys of any length");
            mac.update(what);
            mac.update(salt);
            mac.finalize().into_bytes()
        };
        let mut refresh = *token;
        refresh[FAMILY..].copy_from_slice(&derive(b"refresh"));
        let access = format!("ink_{}", URL_SAFE_NO_PAD.encode(derive(b"access"))).into();
        Self { refresh, access }
    }
}

impl Engine {
    /// Signs in by password. A wrong one, an unknown address and one that has no password are told alike, and take as
    /// long.
    pub async fn sign_in(
        &self,
        visitor: &Visitor,
        email: &str,
        password: &SecretString,
    ) -> Result<Entered, Error> {
        // A malformed address is simply one that nobody has.
        let Ok(email) = email.parse::<Email>() else {
            self.count(&Counted::by_address(Attempt::Password, visitor)).await?;
            self.0.passwords.verify(None, None, password).await?;
            self.record_refusal(&visitor.doer(), Deed::refused("session.create", "")).await?;
            return Err(WRONG);
        };
        let counted = self.guess_at(Attempt::Password, &email, visitor).await?;
        self.count(&counted).await?;
        let (user, hash) = users::by_email(self.db(), &email).await?.unzip();
        let hash = hash.flatten();
        let imported = users::an_imported_password(self.db()).await?;
        let right = self.0.passwords.verify(hash.clone(), imported, password).await?;
        let (Some(user), Some(hash), true) = (&user, hash, right) else {
            // Under no name that was typed in: people type passwords there.
            let object = user.map(|user| user.id.to_string()).unwrap_or_default();
            self.record_refusal(&visitor.doer(), Deed::refused("session.create", object)).await?;
            return Err(WRONG);
        };
        if let Err(banned) = self.admit(user) {
            self.record_refusal(&visitor.doer(), Deed::refused("session.create", user.id)).await?;
            return Err(banned);
        }
        let upgraded = self.0.passwords.upgrade(&hash, password).await?;
        let mut tx = self.db().begin().await?;
        // It may have been replaced while we verified, and all sessions ended for it: none is opened by the old one.
        if !users::has_password(&mut tx, user.id, &hash).await? {
            return Err(WRONG);
        }
        if let Some(new) = upgraded {
            users::upgrade_password(&mut tx, user.id, &hash, &new).await?;
        }
        let entered = self.enter(&mut tx, visitor, user, Method::Password).await?;
        self.forgive(&mut tx, &counted).await?;
        tx.commit().await?;
        Ok(entered)
    }

    /// Lets somebody in who has proved one factor, or asks for the second where one is on.
    pub(crate) async fn enter(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        user: &User,
        method: Method,
    ) -> Result<Entered, Error> {
        let factors = factors::of_tx(tx, user.id).await?;
        if factors.second_needed() {
            let (ticket, kept) =
                self.issue_ticket(tx, Purpose::SecondFactor, Some(user.id), &FirstHalf { method }).await?;
            return Ok(Entered::Halfway(Halfway { ticket, expires_at: kept.expires_at, factors }));
        }
        Ok(Entered::In(Box::new(self.open_session(tx, visitor, user, method).await?)))
    }

    /// Opens a session for somebody who has proved all that is asked for.
    pub(crate) async fn open_session(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        user: &User,
        method: Method,
    ) -> Result<SignedIn, Error> {
        self.admit(user)?;
        let now = self.clock().now();
        let lifetimes = self.options().access.lifetimes;
        let session = Session {
            id: SessionId::new(),
            user_id: user.id,
            method,
            address: visitor.address,
            user_agent: visitor.user_agent(),
            created_at: now,
            last_used_at: now,
            expires_at: now.after(lifetimes.idle),
        };
        // Two halves, since arrays of this length have no `random` of their own.
        let mut bytes = [0; REFRESH];
        bytes[..FAMILY].copy_from_slice(&rand::random::<[u8; FAMILY]>());
        bytes[FAMILY..].copy_from_slice(&rand::random::<[u8; REFRESH - FAMILY]>());
        let access = new_token("ink_");
        let access_expires_at = now.after(lifetimes.access);
        let first = FirstTokens { family: &hash_bytes(&bytes[..FAMILY]), refresh: &hash_bytes(&bytes) };
        sessions::insert(tx, &session, first).await?;
        sessions::insert_access(tx, session.id, &hash_of(access.expose_secret()), access_expires_at).await?;
        if let Some(address) = visitor.address {
            limits::remember(tx, user.id, AddressRange::of_caller(address), now).await?;
        }
        let deed = Deed::done("session.create", session.id).after(json!({ "method": method }));
        self.record_by(tx, &doer(&session, visitor.address), deed);
        let refresh = refresh_text(&bytes);
        Ok(SignedIn { user: user.clone().as_of(now), session, access, access_expires_at, refresh })
    }

    /// Gets the next pair of tokens for a refresh token. One that was replaced before ends the session, unless that was
    /// a moment ago and its successor has not been used: then it gets the same pair again, since an answer may be lost,
    /// and two windows may ask at once.
    pub async fn refresh(&self, visitor: &Visitor, token: &SecretString) -> Result<SignedIn, Error> {
        let bytes = read_refresh(token.expose_secret()).ok_or(ENDED)?;
        let (now, lifetimes) = (self.clock().now(), self.options().access.lifetimes);
        let (family_hash, shown) = (hash_bytes(&bytes[..FAMILY]), hash_bytes(&bytes));
        // Most that is no token of ours ends here, without a turn to write.
        if !sessions::is_family(self.db(), &family_hash, now).await? {
            return Err(ENDED);
        }
        let mut tx = self.db().begin().await?;
        let family = sessions::family(&mut tx, &family_hash, &shown, now).await?.ok_or(ENDED)?;
        let mut session = family.session;
        let user = users::by_id_in(&mut tx, session.user_id).await?.ok_or(ENDED)?;
        self.admit_session(session.created_at, &user)?;
        let salt = match (judge(family.link, lifetimes, now), family.salt) {
            (Verdict::Rotate, _) => rand::random::<[u8; 32]>().to_vec(),
            (Verdict::Repeat, Some(salt)) => salt,
            (Verdict::Repeat, None) | (Verdict::EndFamily, _) => {
                sessions::delete(&mut tx, session.user_id, session.id).await?;
                self.record_by(&mut tx, &visitor.doer(), Deed::refused("session.reuse", session.id));
                tx.commit().await?;
                tracing::warn!(session = %session.id, "a refresh token was used twice; its session has been ended");
                return Err(ENDED);
            }
        };
        let successors = Successors::of(&bytes, &salt);
        let access_expires_at = now.after(lifetimes.access);
        if judge(family.link, lifetimes, now) == Verdict::Rotate {
            let user_agent = visitor.user_agent();
            let rotation = Rotation {
                shown: &shown,
                successor: &hash_bytes(&successors.refresh),
                salt: &salt,
                at: now,
                expires_at: now.after(lifetimes.idle),
                address: visitor.address,
                user_agent: user_agent.as_deref(),
            };
            sessions::rotate(&mut tx, session.id, &rotation).await?;
            session = Session {
                last_used_at: now,
                expires_at: rotation.expires_at,
                address: visitor.address.or(session.address),
                user_agent: user_agent.or(session.user_agent),
                ..session
            };
        }
        let access_hash = hash_of(successors.access.expose_secret());
        sessions::insert_access(&mut tx, session.id, &access_hash, access_expires_at).await?;
        tx.commit().await?;
        let refresh = refresh_text(&successors.refresh);
        Ok(SignedIn { user: user.as_of(now), session, access: successors.access, access_expires_at, refresh })
    }

    /// The session that this access token stands for, and its user.
    pub(crate) async fn session_of(&self, token: &str) -> Result<Option<(Session, User)>, Error> {
        Ok(sessions::by_access(self.db(), &hash_of(token), self.clock().now()).await?)
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

    /// Ends all of the actor's sessions but the one that they ask with, and says how many.
    pub async fn end_other_sessions(&self, actor: &Actor) -> Result<u64, Error> {
        allow(may(actor, Action::ChangeAccount), "session")?;
        let user = actor.user_id.ok_or(Error::NotFound("session"))?;
        let mut tx = self.db().begin().await?;
        let ended = end_sessions(&mut tx, user, actor.session()).await?;
        if ended > 0 {
            let deed = Deed::done("session.end_others", user).after(json!({ "ended": ended }));
            self.record(&mut tx, actor, deed);
        }
        tx.commit().await?;
        Ok(ended)
    }
}

/// Ends all of a user's sessions but this one, also those in which they act for somebody else, and says how many of
/// their own that were.
pub(crate) async fn end_sessions(tx: &mut Tx, user: UserId, keep: Option<SessionId>) -> Result<u64, Error> {
    let ended = sessions::delete_of(tx, user, keep).await?;
    impersonations::delete_by(tx, user).await?;
    Ok(ended)
}

/// Whoever holds this session, as the audit log names them.
pub(crate) fn doer(session: &Session, address: Option<IpAddr>) -> Doer {
    Doer {
        user_id: Some(session.user_id),
        means: Means::Session,
        proof_id: Some(session.id.to_string()),
        ..Doer::stranger(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_and_a_salt_give_one_pair_and_the_family_stays() {
        let token = [7; REFRESH];
        let (one, same, other) =
            (Successors::of(&token, b"a"), Successors::of(&token, b"a"), Successors::of(&token, b"b"));
        assert_eq!(one.refresh, same.refresh);
        assert_eq!(one.access.expose_secret(), same.access.expose_secret());
        assert_ne!(one.refresh, other.refresh);
        assert_ne!(one.access.expose_secret(), other.access.expose_secret());
        assert_eq!(one.refresh[..FAMILY], token[..FAMILY]);
        assert_ne!(one.refresh[FAMILY..], token[FAMILY..]);
        assert_eq!(read_refresh(refresh_text(&one.refresh).expose_secret()), Some(one.refresh));
        for bad in
            ["", "inr_", "ink_AAAA", &format!("inr_{}", "A".repeat(63)), &format!("inr_{}", "=".repeat(64))]
        {
            assert_eq!(read_refresh(bad), None, "{bad}");
        }
    }
}
