//! Signing in with an account at another house (OpenID Connect).
//!
//! What is believed of the other house: who somebody is there, by provider and subject. That an address is theirs is
//! believed only when the provider vouches for it, and it opens an account here only when the account was linked by
//! somebody who was signed in to it, or when the operator has said so for this provider and the address is confirmed here
//! too: whoever registered with an address that is not theirs must not have a door left open. A second factor that is on
//! here is asked for here, whatever the other house has asked for.

use std::sync::Arc;

use innkeeper_connectors::oidc::{Identity as Told, Oidc};
use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::identities::Identity;
use innkeeper_domain::ids::{SessionId, UserId};
use innkeeper_domain::invitations::Registration;
use innkeeper_domain::limits::Attempt;
use innkeeper_domain::names::{Email, Title};
use innkeeper_domain::sessions::Method;
use innkeeper_domain::tickets::Purpose;
use innkeeper_domain::users::{Role, User};
use innkeeper_store::{Tx, factors, identities, invitations, sessions, users};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::audit::shown;
use crate::error::allow;
use crate::limits::Counted;
use crate::users::Newcomer;
use crate::{Engine, Entered, Error, Visitor};

/// Another house by which people may sign in.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Names it in addresses and rows.
    pub name: String,
    /// Names it on the button.
    pub title: String,
    /// Whether an address that it vouches for opens the account here that has the same address, confirmed.
    pub link_verified_email: bool,
    /// Talks to it.
    pub client: Arc<Oidc>,
}

/// A sign-in elsewhere that has begun.
#[derive(Clone, Debug)]
pub struct Away {
    /// Where to send the browser.
    pub url: String,
    /// Stays with the browser, and must come back with it.
    pub ticket: SecretString,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Back {
    /// Somebody signed in, or half so.
    Entered(Entered),
    /// An account there was linked to the one here.
    Linked,
}

/// What belongs to the ticket while the browser is away.
#[derive(Serialize, Deserialize)]
struct Absence {
    provider: String,
    state: String,
    nonce: String,
    verifier: String,
    /// Where to go on, here.
    return_to: String,
    /// To whose account it is to be linked, and by which session.
    link: Option<(UserId, SessionId)>,
    invitation: Option<String>,
}

const FAILED: Error =
    Error::Denied { code: "oidc_failed", message: "signing in there did not succeed; try again" };

impl Engine {
    /// The other houses by which one may sign in.
    pub fn oidc_providers(&self) -> &[Provider] {
        &self.options().access.providers
    }

    fn oidc_provider(&self, name: &str) -> Result<&Provider, Error> {
        self.oidc_providers().iter().find(|provider| provider.name == name).ok_or(Error::NotFound("provider"))
    }

    /// Sends somebody away to sign in there.
    pub async fn begin_oidc(
        &self,
        visitor: &Visitor,
        provider: &str,
        return_to: &str,
        invitation: Option<&SecretString>,
    ) -> Result<Away, Error> {
        let invitation = invitation.map(|token| token.expose_secret().to_owned());
        self.send_away(visitor, provider, return_to, None, invitation).await
    }

    /// Sends the actor away to link an account there to the one here.
    pub async fn begin_link(
        &self,
        actor: &Actor,
        provider: &str,
        return_to: &str,
        password: &SecretString,
    ) -> Result<Away, Error> {
        let user = self.prove_again(actor, password).await?;
        let session = actor.session().ok_or(Error::NotFound("session"))?;
        let visitor = crate::factors::visitor_of(actor);
        self.send_away(&visitor, provider, return_to, Some((user.id, session)), None).await
    }

    async fn send_away(
        &self,
        visitor: &Visitor,
        provider: &str,
        return_to: &str,
        link: Option<(UserId, SessionId)>,
        invitation: Option<String>,
    ) -> Result<Away, Error> {
        let provider = self.oidc_provider(provider)?;
        let return_to = local_path(return_to).ok_or_else(|| {
            Error::invalid("return_to", "give a path of this house, for example `/instances`")
        })?;
        self.count(&Counted::by_address(Attempt::Token, visitor)).await?;
        let begun = provider.client.begin().await.map_err(|error| {
            tracing::warn!(provider = provider.name, %error, "a sign-in elsewhere cannot begin");
            Error::Unavailable {
                code: "oidc_unreachable",
                message: "signing in there does not work at the moment",
            }
        })?;
        let absence = Absence {
            provider: provider.name.clone(),
            state: begun.state,
            nonce: begun.nonce.expose_secret().to_owned(),
            verifier: begun.verifier.expose_secret().to_owned(),
            return_to: return_to.to_owned(),
            link,
            invitation,
        };
        let mut tx = self.db().begin().await?;
        let (ticket, _) =
            self.issue_ticket(&mut tx, Purpose::Oidc, link.map(|(user, _)| user), &absence).await?;
        tx.commit().await?;
        Ok(Away { url: begun.url.into(), ticket })
    }

    /// Takes somebody back in. The ticket is used up by this, whatever comes of it; the answer to where to go on stands
    /// beside it.
    pub async fn finish_oidc(
        &self,
        visitor: &Visitor,
        provider: &str,
        ticket: &SecretString,
        state: &str,
        code: Option<&str>,
    ) -> (Result<Back, Error>, String) {
        let absence = match self.back_again(visitor, ticket).await {
            Ok(absence) => absence,
            Err(error) => return (Err(error), "/".to_owned()),
        };
        let return_to = absence.return_to.clone();
        (self.take_back(visitor, provider, absence, state, code).await, return_to)
    }

    async fn back_again(&self, visitor: &Visitor, ticket: &SecretString) -> Result<Absence, Error> {
        self.count(&Counted::by_address(Attempt::Token, visitor)).await?;
        let mut tx = self.db().begin().await?;
        let found: Option<(_, Absence)> =
            self.redeem_ticket(&mut tx, Purpose::Oidc, ticket.expose_secret()).await?;
        tx.commit().await?;
        found.map(|(_, absence)| absence).ok_or(FAILED)
    }

    async fn take_back(
        &self,
        visitor: &Visitor,
        provider: &str,
        absence: Absence,
        state: &str,
        code: Option<&str>,
    ) -> Result<Back, Error> {
        let provider = self.oidc_provider(provider)?;
        // Compared by hash: equal time for all that differ.
        let same = Sha256::digest(state.as_bytes()) == Sha256::digest(absence.state.as_bytes());
        if !same || absence.provider != provider.name {
            return Err(FAILED);
        }
        let (nonce, verifier) = (absence.nonce.clone().into(), absence.verifier.clone().into());
        let now = self.clock().now();
        let told = match code {
            Some(code) => provider.client.finish(code, &nonce, &verifier, now).await,
            None => return Err(FAILED),
        };
        let told = match told {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(provider = provider.name, %error, "a sign-in elsewhere failed");
                let deed = Deed::refused("session.oidc", "").after(json!({ "provider": provider.name }));
                self.record_refusal(&visitor.doer(), deed).await?;
                return Err(FAILED);
            }
        };
        match absence.link {
            Some((user, session)) => self.link_identity(visitor, provider, &told, user, session).await,
            None => self.enter_by(visitor, provider, &told, absence.invitation).await,
        }
    }

    async fn link_identity(
        &self,
        visitor: &Visitor,
        provider: &Provider,
        told: &Told,
        user: UserId,
        session: SessionId,
    ) -> Result<Back, Error> {
        // Who has signed out meanwhile, or whose session was ended, links nothing.
        let found = sessions::by_id(self.db(), session, self.clock().now()).await?;
        let (session, user) = found.filter(|(_, found)| found.id == user).ok_or(FAILED)?;
        let mut tx = self.db().begin().await?;
        self.insert_identity(&mut tx, provider, told, user.id).await?;
        let deed = Deed::done("identity.link", user.id).after(json!({ "provider": provider.name }));
        self.record_by(&mut tx, &crate::sessions::doer(&session, visitor.address), deed);
        self.tell_of_factors(&mut tx, &user).await?;
        tx.commit().await?;
        Ok(Back::Linked)
    }

    async fn insert_identity(
        &self,
        tx: &mut Tx,
        provider: &Provider,
        told: &Told,
        user_id: UserId,
    ) -> Result<(), Error> {
        let now = self.clock().now();
        let identity = Identity {
            provider: provider.name.clone(),
            subject: told.subject.clone(),
            user_id,
            email: told.email.clone(),
            created_at: now,
            last_used_at: now,
        };
        identities::insert(tx, &identity).await.map_err(|error| match error {
            innkeeper_store::Error::Conflict("provider") => Error::conflict(
                "provider_linked",
                "your account is linked to another one there; unlink that first",
            ),
            innkeeper_store::Error::Conflict(_) => {
                Error::conflict("identity_taken", "that account is linked to another one here")
            }
            other => other.into(),
        })
    }

    async fn enter_by(
        &self,
        visitor: &Visitor,
        provider: &Provider,
        told: &Told,
        invitation: Option<String>,
    ) -> Result<Back, Error> {
        let now = self.clock().now();
        if let Some(identity) = identities::find(self.db(), &provider.name, &told.subject).await? {
            let mut tx = self.db().begin().await?;
            let user = users::by_id_in(&mut tx, identity.user_id).await?.ok_or(FAILED)?;
            let email = told.email.as_deref();
            identities::used(&mut tx, &provider.name, &told.subject, email, now).await?;
            let entered = self.enter(&mut tx, visitor, &user, Method::Oidc).await?;
            tx.commit().await?;
            return Ok(Back::Entered(entered));
        }
        let email = told.email.as_deref().filter(|_| told.email_verified);
        let Some(email) = email.and_then(|email| email.parse::<Email>().ok()) else {
            let message =
                "that house does not vouch for your e-mail address; sign in here first, then link it";
            return Err(Error::conflict("no_verified_email", message));
        };
        let mut tx = self.db().begin().await?;
        let user = match users::by_email_tx(&mut tx, &email).await? {
            Some(user) if provider.link_verified_email && user.email_verified_at.is_some() => user,
            Some(_) => {
                let message =
                    "your address has an account here already; sign in to it, then link that house to it";
                return Err(Error::conflict("link_first", message));
            }
            None => self.welcome(&mut tx, visitor, told, email, invitation).await?,
        };
        self.insert_identity(&mut tx, provider, told, user.id).await?;
        let deed = Deed::done("identity.link", user.id).after(json!({ "provider": provider.name }));
        self.record_by(&mut tx, &visitor.doer(), deed);
        let entered = self.enter(&mut tx, visitor, &user, Method::Oidc).await?;
        tx.commit().await?;
        Ok(Back::Entered(entered))
    }

    /// Makes the account of somebody who comes for the first time, if they may register.
    async fn welcome(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        told: &Told,
        email: Email,
        invitation: Option<String>,
    ) -> Result<User, Error> {
        let invitation = match (self.registration(), invitation) {
            (Registration::Closed, _) => {
                let message = "you have no account here, and nobody can register by themselves";
                return Err(Error::conflict("registration_closed", message));
            }
            (_, Some(token)) => Some(self.open_invitation(tx, &token.into(), &email).await?),
            (Registration::Invitation, None) => {
                return Err(Error::conflict("invitation_needed", "registering here takes an invitation"));
            }
            (Registration::Open, None) => None,
        };
        self.count_in(tx, &Counted::by_address(Attempt::Registration, visitor)).await?;
        let local = email.as_str().split('@').next().unwrap_or_default();
        let called = told.name.as_deref().and_then(|name| name.parse::<Title>().ok());
        let name = called.or_else(|| local.parse().ok());
        let newcomer = Newcomer {
            email,
            name: name.ok_or_else(|| Error::Internal("no name fits".to_owned()))?,
            role: invitation.as_ref().map_or(Role::User, |invitation| invitation.role),
            email_verified: true,
            language: visitor.language,
            password_hash: None,
        };
        let user = self.insert_user(tx, newcomer).await?;
        if let Some(invitation) = invitation {
            invitations::spend(tx, invitation.id, user.id, self.clock().now()).await?;
        }
        self.record_by(tx, &visitor.doer(), Deed::done("user.register", user.id).after(shown(&user)));
        Ok(user)
    }

    /// The accounts elsewhere that are linked to the actor's.
    pub async fn identities(&self, actor: &Actor) -> Result<Vec<Identity>, Error> {
        allow(may(actor, Action::SeeAccount), "identity")?;
        let user = actor.user_id.ok_or(Error::NotFound("user"))?;
        Ok(identities::list_of(self.db(), user).await?)
    }

    /// Unlinks an account elsewhere, unless it is the only way in.
    pub async fn unlink(&self, actor: &Actor, provider: &str, password: &SecretString) -> Result<(), Error> {
        allow(may(actor, Action::ChangeAccount), "identity")?;
        let user = self.prove_again(actor, password).await?;
        let others = identities::list_of(self.db(), user.id).await?;
        let password = users::password_of(self.db(), user.id).await?.is_some();
        let passkeys = factors::of(self.db(), user.id).await?.passkeys > 0;
        if others.len() < 2 && !password && !passkeys {
            let message =
                "this is your only way in; add a passkey or set a password by a recovery link first";
            return Err(Error::conflict("only_way_in", message));
        }
        let mut tx = self.db().begin().await?;
        if !identities::delete(&mut tx, user.id, provider).await? {
            return Err(Error::NotFound("identity"));
        }
        let deed = Deed::done("identity.unlink", user.id).before(json!({ "provider": provider }));
        self.record(&mut tx, actor, deed);
        self.tell_of_factors(&mut tx, &user).await?;
        Ok(tx.commit().await?)
    }
}

/// The path, if it leads nowhere but to this house, whatever a browser makes of it.
fn local_path(path: &str) -> Option<&str> {
    let mut bytes = path.bytes();
    let begins = bytes.next() == Some(b'/') && !matches!(bytes.next(), Some(b'/' | b'\\'));
    let plain = path.len() <= 512 && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\' && b != b'#');
    (begins && plain).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_returns_to_this_house_and_nowhere_else() {
        for good in ["/", "/instances", "/a/b?c=d&e=%2F"] {
            assert_eq!(local_path(good), Some(good));
        }
        for bad in [
            "",
            "instances",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nSet-Cookie: x",
            "/a b",
            "/\t/evil.example",
            "/é",
            "/a#token=x",
            "/a\\b",
        ] {
            assert_eq!(local_path(bad), None, "{bad}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(600))), None);
    }
}
