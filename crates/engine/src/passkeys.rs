//! Passkeys (WebAuthn): as a second factor, and alone, since they verify their user themselves.
//!
//! What must be remembered between the two halves of a ceremony lies in a ticket: used once, over all processes. Passkeys
//! belong to the host of `server.public_url`; without it there are none.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::factors::{PASSKEYS_MAX, Passkey};
use innkeeper_domain::ids::PasskeyId;
use innkeeper_domain::limits::Attempt;
use innkeeper_domain::names::Title;
use innkeeper_domain::sessions::Method;
use innkeeper_domain::tickets::Purpose;
use innkeeper_store::{factors, tickets, users};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;
use webauthn_rs::prelude as wire;
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::access::Access;
use crate::audit::shown;
use crate::error::allow;
use crate::factors::TICKET_ENDED;
use crate::limits::Counted;
use crate::sessions::FirstHalf;
use crate::{Engine, Error, SignedIn, Visitor};

/// Half a ceremony: what the browser is asked to do.
#[derive(Clone, Debug)]
pub struct Ceremony {
    /// To be given back with what the browser answers.
    pub ticket: SecretString,
    /// For `navigator.credentials.create` or `get`.
    pub options: Value,
}

/// What belongs to a ticket of a sign-in by passkey.
#[derive(Serialize, Deserialize)]
enum Asked {
    /// For any passkey of this house.
    Alone(wire::DiscoverableAuthentication),
    /// For one of this user's, after the first factor.
    Second { state: wire::PasskeyAuthentication, method: Method },
}

const WRONG: Error = Error::Denied {
    code: "wrong_passkey",
    message: "this passkey is not known here, or did not verify its user",
};

const UNAVAILABLE: Error = Error::Unavailable {
    code: "passkeys_unavailable",
    message: "passkeys need `server.public_url` to be set, to a name with https:// (or http://localhost)",
};

/// The ceremonies of this house, if its address allows any.
pub(crate) fn ceremonies(access: &Access) -> Option<Webauthn> {
    let url = Url::parse(access.public_url.as_deref()?).ok()?;
    let host = url.domain()?;
    let built =
        WebauthnBuilder::new(host, &url).and_then(|builder| builder.rp_name(&access.house_name).build());
    built.inspect_err(|error| tracing::warn!(%error, %url, "there are no passkeys at this address")).ok()
}

fn read<T: serde::de::DeserializeOwned>(credential: Value) -> Result<T, Error> {
    // What is wrong with it helps nobody who did not write the browser.
    serde_json::from_value(credential)
        .map_err(|_| Error::invalid("credential", "give what `navigator.credentials` answered, as JSON"))
}

fn kept(credential: &str) -> Result<wire::Passkey, Error> {
    serde_json::from_str(credential).map_err(|error| Error::Internal(format!("a passkey: {error}")))
}

fn written<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))
}

impl Engine {
    fn webauthn(&self) -> Result<&Webauthn, Error> {
        self.0.webauthn.as_ref().ok_or(UNAVAILABLE)
    }

    /// Whether there can be passkeys here.
    pub fn has_passkeys(&self) -> bool {
        self.0.webauthn.is_some()
    }

    /// Begins to add a passkey.
    pub async fn begin_passkey(&self, actor: &Actor, password: &SecretString) -> Result<Ceremony, Error> {
        let webauthn = self.webauthn()?;
        let user = self.prove_again(actor, password).await?;
        let others = factors::passkeys_of(self.db(), user.id).await?;
        if others.len() >= PASSKEYS_MAX {
            return Err(Error::conflict("too_many_passkeys", "remove a passkey before you add another one"));
        }
        let known = others.iter().map(|(_, credential)| Ok(kept(credential)?.cred_id().clone()));
        let known = known.collect::<Result<Vec<_>, Error>>()?;
        let begun = webauthn.start_passkey_registration(
            user.id.0,
            user.email.as_str(),
            user.name.as_str(),
            Some(known),
        );
        let (options, state) = begun.map_err(|error| Error::Internal(format!("WebAuthn: {error}")))?;
        let mut options = shown(&options);
        // So that it can sign in alone, where the authenticator has room for that.
        options["publicKey"]["authenticatorSelection"]["residentKey"] = json!("preferred");
        let mut tx = self.db().begin().await?;
        let (ticket, _) =
            self.issue_ticket(&mut tx, Purpose::PasskeyEnrolment, Some(user.id), &state).await?;
        tx.commit().await?;
        Ok(Ceremony { ticket, options })
    }

    /// Adds the passkey that the browser has made. Answers recovery codes if there were none: shown once.
    pub async fn add_passkey(
        &self,
        actor: &Actor,
        ticket: &SecretString,
        name: Title,
        credential: Value,
    ) -> Result<(Passkey, Vec<SecretString>), Error> {
        let webauthn = self.webauthn()?;
        allow(may(actor, Action::ChangeAccount), "passkey")?;
        let user = self.user_of(actor).await?;
        let credential: webauthn_rs::prelude::RegisterPublicKeyCredential = read(credential)?;
        let mut tx = self.db().begin().await?;
        let found: Option<(_, wire::PasskeyRegistration)> =
            self.redeem_ticket(&mut tx, Purpose::PasskeyEnrolment, ticket.expose_secret()).await?;
        let ended = || Error::conflict("ticket_ended", "this has taken too long; begin again");
        let Some((kept, state)) = found else { return Err(ended()) };
        if kept.user_id != Some(user.id) {
            return Err(ended());
        }
        let made = webauthn.finish_passkey_registration(&credential, &state).map_err(|error| {
            tracing::info!(%error, "a passkey was refused");
            Error::invalid("credential", "this passkey did not do what was asked of it; begin again")
        });
        let made = match made {
            Ok(made) => made,
            // The ticket is used up all the same.
            Err(error) => {
                tx.commit().await?;
                return Err(error);
            }
        };
        let now = self.clock().now();
        let passkey =
            Passkey { id: PasskeyId::new(), user_id: user.id, name, created_at: now, last_used_at: None };
        let id = URL_SAFE_NO_PAD.encode(made.cred_id());
        match factors::insert_passkey(&mut tx, &passkey, &id, &written(&made)?).await {
            Err(innkeeper_store::Error::Conflict(_)) => {
                return Err(Error::conflict("passkey_known", "this passkey was added before"));
            }
            other => other?,
        }
        let codes = self.first_recovery_codes(&mut tx, &user).await?;
        let deed = Deed::done("passkey.create", passkey.id).after(json!({ "name": passkey.name }));
        self.record(&mut tx, actor, deed);
        self.tell_of_factors(&mut tx, &user).await?;
        tx.commit().await?;
        Ok((passkey, codes))
    }

    /// The actor's passkeys, oldest first.
    pub async fn passkeys(&self, actor: &Actor) -> Result<Vec<Passkey>, Error> {
        allow(may(actor, Action::SeeAccount), "passkey")?;
        let user = actor.user_id.ok_or(Error::NotFound("user"))?;
        let kept = factors::passkeys_of(self.db(), user).await?;
        Ok(kept.into_iter().map(|(passkey, _)| passkey).collect())
    }

    /// Renames one of the actor's passkeys.
    pub async fn rename_passkey(&self, actor: &Actor, id: PasskeyId, name: &Title) -> Result<Passkey, Error> {
        allow(may(actor, Action::ChangeAccount), "passkey")?;
        let user = actor.user_id.ok_or(Error::NotFound("passkey"))?;
        let mut tx = self.db().begin().await?;
        if !factors::rename_passkey(&mut tx, user, id, name).await? {
            return Err(Error::NotFound("passkey"));
        }
        self.record(&mut tx, actor, Deed::done("passkey.rename", id).after(json!({ "name": name })));
        tx.commit().await?;
        let found = self.passkeys(actor).await?.into_iter().find(|passkey| passkey.id == id);
        found.ok_or(Error::NotFound("passkey"))
    }

    /// Removes one of the actor's passkeys.
    pub async fn remove_passkey(
        &self,
        actor: &Actor,
        id: PasskeyId,
        password: &SecretString,
    ) -> Result<(), Error> {
        let user = self.prove_again(actor, password).await?;
        let mut tx = self.db().begin().await?;
        if !factors::delete_passkey(&mut tx, user.id, id).await? {
            return Err(Error::NotFound("passkey"));
        }
        self.drop_useless_codes(&mut tx, &user).await?;
        self.record(&mut tx, actor, Deed::done("passkey.remove", id));
        self.tell_of_factors(&mut tx, &user).await?;
        Ok(tx.commit().await?)
    }

    /// Begins a sign-in by passkey: alone, or as the second factor of a sign-in whose ticket this is.
    pub async fn begin_passkey_sign_in(
        &self,
        visitor: &Visitor,
        first: Option<&SecretString>,
    ) -> Result<Ceremony, Error> {
        let webauthn = self.webauthn()?;
        self.count(&Counted::by_address(Attempt::Token, visitor)).await?;
        let failed = |error| Error::Internal(format!("WebAuthn: {error}"));
        let (user, asked, options) = match first {
            None => {
                let (options, state) = webauthn.start_discoverable_authentication().map_err(failed)?;
                (None, Asked::Alone(state), shown(&options))
            }
            Some(first) => {
                let mut tx = self.db().begin().await?;
                let found: Option<(_, FirstHalf)> =
                    self.look_at_ticket(&mut tx, Purpose::SecondFactor, first.expose_secret()).await?;
                tx.rollback().await?;
                let (ticket, half) = found.ok_or(TICKET_ENDED)?;
                let user = ticket.user_id.ok_or(TICKET_ENDED)?;
                let known = factors::passkeys_of(self.db(), user).await?;
                let known = known.iter().map(|(_, credential)| kept(credential));
                let known = known.collect::<Result<Vec<_>, Error>>()?;
                if known.is_empty() {
                    return Err(WRONG);
                }
                let (options, state) = webauthn.start_passkey_authentication(&known).map_err(failed)?;
                (Some(user), Asked::Second { state, method: half.method }, shown(&options))
            }
        };
        // Whether the browser offers it beside the fields of the form is the page's affair.
        let options = json!({ "publicKey": options["publicKey"] });
        let mut tx = self.db().begin().await?;
        let (ticket, _) = self.issue_ticket(&mut tx, Purpose::PasskeySignIn, user, &asked).await?;
        tx.commit().await?;
        Ok(Ceremony { ticket, options })
    }

    /// Signs in by what the browser answered.
    pub async fn sign_in_by_passkey(
        &self,
        visitor: &Visitor,
        ticket: &SecretString,
        credential: Value,
    ) -> Result<SignedIn, Error> {
        let webauthn = self.webauthn()?;
        let counted = Counted::by_address(Attempt::Token, visitor);
        self.count(&counted).await?;
        let credential: wire::PublicKeyCredential = read(credential)?;
        let mut tx = self.db().begin().await?;
        let found: Option<(_, Asked)> =
            self.redeem_ticket(&mut tx, Purpose::PasskeySignIn, ticket.expose_secret()).await?;
        let Some((asked_of, asked)) = found else { return Err(TICKET_ENDED) };
        let id = URL_SAFE_NO_PAD.encode(credential.get_credential_id());
        let known = factors::passkey_by_credential(&mut tx, &id).await?;
        let verified = match known {
            Some((passkey, kept_as)) if asked_of.user_id.is_none_or(|user| user == passkey.user_id) => {
                let mut own = kept(&kept_as)?;
                // A passkey that signs in alone says whose it is; it must be right.
                let handle = credential.get_user_unique_id();
                let handle_fits = handle.is_none_or(|handle| handle == passkey.user_id.0.as_bytes());
                let (result, method) = match asked {
                    Asked::Alone(state) => (
                        webauthn.finish_discoverable_authentication_v2(&credential, state, &own),
                        Method::Passkey,
                    ),
                    Asked::Second { state, method } => {
                        (webauthn.finish_passkey_authentication(&credential, &state), method)
                    }
                };
                match result {
                    Ok(result) if handle_fits && result.user_verified() => {
                        own.update_credential(&result);
                        Some((passkey, written(&own)?, method))
                    }
                    Ok(_) => None,
                    Err(error) => {
                        tracing::info!(passkey = %passkey.id, %error, "a passkey was refused");
                        None
                    }
                }
            }
            _ => None,
        };
        let Some((passkey, credential, method)) = verified else {
            self.record_by(&mut tx, &visitor.doer(), Deed::refused("session.passkey", ""));
            tx.commit().await?;
            return Err(WRONG);
        };
        let user = users::by_id_in(&mut tx, passkey.user_id).await?.ok_or(WRONG)?;
        factors::passkey_used(&mut tx, passkey.id, &credential, self.clock().now()).await?;
        if asked_of.user_id.is_some() {
            tickets::delete_of(&mut tx, user.id, Purpose::SecondFactor).await?;
        }
        let signed_in = self.open_session(&mut tx, visitor, &user, method).await?;
        self.forgive(&mut tx, &counted).await?;
        tx.commit().await?;
        Ok(signed_in)
    }
}
