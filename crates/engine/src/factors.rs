//! Second factors: codes by the clock, recovery codes, and the second half of a sign-in. Passkeys have a file of their
//! own. See `domain::factors`.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::factors::{
    Factors, RECOVERY_CODES, STEP, good_steps, recovery_code, typed_recovery_code,
};
use innkeeper_domain::ids::UserId;
use innkeeper_domain::limits::Attempt;
use innkeeper_domain::mails::Letter;
use innkeeper_domain::tickets::{CODES_PER_TICKET, Purpose};
use innkeeper_domain::users::User;
use innkeeper_store::{Tx, factors, tickets, users};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Secret, Totp};

use crate::callers::hash_of;
use crate::error::allow;
use crate::sessions::{FirstHalf, end_sessions};
use crate::{Engine, Error, SignedIn, Visitor};

/// What an authenticator needs to make codes. Shown once.
#[derive(Clone, Debug)]
pub struct TotpOffer {
    /// The secret in base 32, to be typed in.
    pub secret: SecretString,
    /// The same as an address that authenticators read from a picture.
    pub uri: SecretString,
}

/// A second factor as somebody shows it.
#[derive(Clone, Debug)]
pub enum Second {
    /// A code by the clock.
    Code(SecretString),
    /// A recovery code.
    RecoveryCode(SecretString),
}

/// Bytes of a secret: as many as RFC 4226 advises.
const SECRET: usize = 20;

pub(crate) const WRONG_CODE: Error =
    Error::Denied { code: "wrong_code", message: "the code is wrong, was used before, or has ended" };

pub(crate) const TICKET_ENDED: Error = Error::Denied {
    code: "ticket_ended",
    message: "this has taken too long, or was tried too often; begin again",
};

fn place(user: UserId) -> String {
    format!("totp/secret/{user}")
}

/// Recovery codes are kept as hashes, each for its user.
fn code_hash(user: UserId, code: &str) -> Vec<u8> {
    Sha256::digest(format!("{user} {code}").as_bytes()).to_vec()
}

impl Engine {
    /// Which second factors the actor has.
    pub async fn factors(&self, actor: &Actor) -> Result<Factors, Error> {
        allow(may(actor, Action::SeeAccount), "user")?;
        let user = actor.user_id.ok_or(Error::NotFound("user"))?;
        Ok(factors::of(self.db(), user).await?)
    }

    /// Offers a secret for codes by the clock. Nothing changes until [`Engine::confirm_totp`].
    pub async fn offer_totp(&self, actor: &Actor, password: &SecretString) -> Result<TotpOffer, Error> {
        let user = self.prove_again(actor, password).await?;
        let secret = rand::random::<[u8; SECRET]>();
        let totp = self.totp(&user, &secret)?;
        let failed = |error: &dyn std::fmt::Display| Error::Internal(format!("TOTP: {error}"));
        let uri = totp.to_url().map_err(|error| failed(&error))?;
        let mut tx = self.db().begin().await?;
        let sealed = self.0.keys.seal(&secret, &place(user.id));
        if !factors::offer_totp(&mut tx, user.id, &sealed, self.clock().now()).await? {
            return Err(Error::conflict("totp_on", "codes are on already; switch them off first"));
        }
        tx.commit().await?;
        Ok(TotpOffer { secret: totp.secret().to_base32().into(), uri: uri.into() })
    }

    /// Switches codes by the clock on, when somebody shows one. Answers recovery codes if there were none: shown once.
    pub async fn confirm_totp(&self, actor: &Actor, code: &SecretString) -> Result<Vec<SecretString>, Error> {
        allow(may(actor, Action::ChangeAccount), "user")?;
        let user = self.user_of(actor).await?;
        let counted = self.guess_at(Attempt::Code, &user.email, &visitor_of(actor)).await?;
        let mut tx = self.db().begin().await?;
        self.count_in(&mut tx, &counted).await?;
        let kept =
            factors::totp(&mut tx, user.id).await?.filter(|totp| !totp.confirmed).ok_or_else(|| {
                Error::conflict("no_totp_offered", "ask for a secret first, and add it to an authenticator")
            })?;
        if !self.spend_code(&mut tx, &user, &kept, code).await? {
            tx.commit().await?;
            return Err(Error::invalid(
                "code",
                "this is not the present code; is the authenticator's clock right?",
            ));
        }
        factors::confirm_totp(&mut tx, user.id, self.clock().now()).await?;
        self.forgive(&mut tx, &counted).await?;
        let codes = self.first_recovery_codes(&mut tx, &user).await?;
        self.record(&mut tx, actor, Deed::done("user.totp_on", user.id));
        self.tell_of_factors(&mut tx, &user).await?;
        tx.commit().await?;
        Ok(codes)
    }

    /// Switches codes by the clock off.
    pub async fn remove_totp(&self, actor: &Actor, password: &SecretString) -> Result<(), Error> {
        let user = self.prove_again(actor, password).await?;
        let mut tx = self.db().begin().await?;
        if !factors::remove_totp(&mut tx, user.id).await? {
            return Err(Error::NotFound("code generator"));
        }
        self.drop_useless_codes(&mut tx, &user).await?;
        self.record(&mut tx, actor, Deed::done("user.totp_off", user.id));
        self.tell_of_factors(&mut tx, &user).await?;
        Ok(tx.commit().await?)
    }

    /// Replaces the recovery codes: shown once, and those of before are worth nothing.
    pub async fn renew_recovery_codes(
        &self,
        actor: &Actor,
        password: &SecretString,
    ) -> Result<Vec<SecretString>, Error> {
        let user = self.prove_again(actor, password).await?;
        let mut tx = self.db().begin().await?;
        if !factors::of_tx(&mut tx, user.id).await?.second_needed() {
            return Err(Error::conflict("no_second_factor", "switch a second factor on first"));
        }
        let codes = self.new_recovery_codes(&mut tx, &user).await?;
        self.record(&mut tx, actor, Deed::done("user.recovery_codes", user.id));
        tx.commit().await?;
        Ok(codes)
    }

    /// The second half of a sign-in. Each code is good once, over all processes and however many ask at once.
    pub async fn second_factor(
        &self,
        visitor: &Visitor,
        ticket: &SecretString,
        second: &Second,
    ) -> Result<SignedIn, Error> {
        let mut tx = self.db().begin().await?;
        let Some((kept, FirstHalf { .. })) =
            self.look_at_ticket(&mut tx, Purpose::SecondFactor, ticket.expose_secret()).await?
        else {
            return Err(TICKET_ENDED);
        };
        tx.rollback().await?;
        let user = kept.user_id.ok_or(TICKET_ENDED)?;
        let account = self.account_of(user).await?;
        let counted = self.guess_at(Attempt::Code, &account, visitor).await?;
        let mut tx = self.db().begin().await?;
        self.count_in(&mut tx, &counted).await?;
        let tried: Option<(_, FirstHalf)> =
            self.try_ticket(&mut tx, Purpose::SecondFactor, ticket.expose_secret(), CODES_PER_TICKET).await?;
        let Some((_, half)) = tried else { return Err(TICKET_ENDED) };
        let user = users::by_id_in(&mut tx, user).await?.ok_or(TICKET_ENDED)?;
        let right = match second {
            Second::Code(code) => match factors::totp(&mut tx, user.id).await? {
                Some(totp) if totp.confirmed => self.spend_code(&mut tx, &user, &totp, code).await?,
                _ => false,
            },
            Second::RecoveryCode(code) => match typed_recovery_code(code.expose_secret()) {
                Some(code) => {
                    let hash = code_hash(user.id, &code);
                    factors::spend_recovery_code(&mut tx, user.id, &hash, self.clock().now()).await?
                }
                None => false,
            },
        };
        if !right {
            self.record_by(&mut tx, &visitor.doer(), Deed::refused("session.second_factor", user.id));
            tx.commit().await?;
            return Err(WRONG_CODE);
        }
        tickets::redeem(&mut tx, Purpose::SecondFactor, &hash_of(ticket.expose_secret()), self.clock().now())
            .await?;
        self.forgive(&mut tx, &counted).await?;
        if matches!(second, Second::RecoveryCode(_)) {
            let left = factors::of_tx(&mut tx, user.id).await?.recovery_codes;
            let deed = Deed::done("user.recovery_code_used", user.id).after(json!({ "left": left }));
            self.record_by(&mut tx, &visitor.doer(), deed);
        }
        let signed_in = self.open_session(&mut tx, visitor, &user, half.method).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    /// Takes all second factors from a user who has lost them, and ends their sessions. For administrators.
    pub async fn reset_factors(&self, actor: &Actor, id: UserId) -> Result<(), Error> {
        allow(may(actor, Action::RunPeople), "user")?;
        let user = users::by_id(self.db(), id).await?.ok_or(Error::NotFound("user"))?;
        let mut tx = self.db().begin().await?;
        let before = factors::of_tx(&mut tx, id).await?;
        factors::delete_all(&mut tx, id, self.clock().now()).await?;
        let keep = actor.session().filter(|_| actor.user_id == Some(id));
        end_sessions(&mut tx, id, keep).await?;
        tickets::delete_of(&mut tx, id, Purpose::SecondFactor).await?;
        let before = json!({ "totp": before.totp, "passkeys": before.passkeys });
        self.record(&mut tx, actor, Deed::done("user.reset_factors", id).before(before));
        self.tell_of_factors(&mut tx, &user).await?;
        Ok(tx.commit().await?)
    }

    /// Spends the step that this code is of; false when it is of none that is good now.
    async fn spend_code(
        &self,
        tx: &mut Tx,
        user: &User,
        kept: &factors::Totp,
        code: &SecretString,
    ) -> Result<bool, Error> {
        let secret = self.0.keys.open(&kept.secret, &place(user.id));
        let secret = secret.map_err(|error| Error::Internal(format!("the TOTP secret: {error}")))?;
        let totp = self.totp(user, &secret)?;
        let code: String = code.expose_secret().chars().filter(|c| !c.is_whitespace()).take(12).collect();
        for step in good_steps(kept.last_step, self.clock().now()) {
            if totp.check(&code, (step * STEP).cast_unsigned()).is_some() {
                return Ok(factors::spend_step(tx, user.id, step).await?);
            }
        }
        Ok(false)
    }

    fn totp(&self, user: &User, secret: &[u8]) -> Result<Totp, Error> {
        // Both stand before a colon in what authenticators read.
        let clean = |text: &str| text.replace(':', " ");
        Builder::new()
            .with_secret(Secret::new(secret.into()))
            .with_skew(0)
            .with_step_duration(STEP.cast_unsigned())
            .with_account_name(clean(user.email.as_str()))
            .with_issuer(Some(clean(&self.options().access.house_name)))
            .build()
            .map_err(|error| Error::Internal(format!("TOTP: {error}")))
    }

    /// Recovery codes for the first factor that is switched on; none when there are some.
    pub(crate) async fn first_recovery_codes(
        &self,
        tx: &mut Tx,
        user: &User,
    ) -> Result<Vec<SecretString>, Error> {
        if factors::of_tx(tx, user.id).await?.recovery_codes > 0 {
            return Ok(Vec::new());
        }
        self.new_recovery_codes(tx, user).await
    }

    async fn new_recovery_codes(&self, tx: &mut Tx, user: &User) -> Result<Vec<SecretString>, Error> {
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code(rand::random())).collect();
        let plain = codes.iter().filter_map(|code| typed_recovery_code(code));
        let hashes: Vec<Vec<u8>> = plain.map(|code| code_hash(user.id, &code)).collect();
        factors::set_recovery_codes(tx, user.id, &hashes, self.clock().now()).await?;
        Ok(codes.into_iter().map(SecretString::from).collect())
    }

    /// Without a second factor, recovery codes have nothing to recover.
    pub(crate) async fn drop_useless_codes(&self, tx: &mut Tx, user: &User) -> Result<(), Error> {
        if !factors::of_tx(tx, user.id).await?.second_needed() {
            factors::set_recovery_codes(tx, user.id, &[], self.clock().now()).await?;
        }
        Ok(())
    }

    /// Writes to a user that their factors have changed.
    pub(crate) async fn tell_of_factors(&self, tx: &mut Tx, user: &User) -> Result<(), Error> {
        let link = self.link("/account/security");
        self.write_to(tx, user, Letter::FactorsChanged, &[("link", &link)]).await
    }
}

/// A signed-in user, as somebody who makes guesses.
pub(crate) fn visitor_of(actor: &Actor) -> Visitor {
    Visitor { address: actor.address, ..Visitor::default() }
}
