//! Coming into the house: registration, invitations, and confirming that an address is one's own.
//!
//! Whoever registers with an address that has an account already is told exactly what everybody is told; the owner of
//! the address gets a mail.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::HouseInvitationId;
use innkeeper_domain::invitations::{HouseInvitation, LIFETIME, Registration};
use innkeeper_domain::limits::Attempt;
use innkeeper_domain::mails::{Language, Letter};
use innkeeper_domain::names::{Email, Title};
use innkeeper_domain::tickets::Purpose;
use innkeeper_domain::users::{Role, User};
use innkeeper_store::{Tx, invitations, tickets, users};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::audit::shown;
use crate::callers::{hash_of, new_token};
use crate::error::allow;
use crate::limits::Counted;
use crate::mails::NO_MAIL;
use crate::users::Newcomer;
use crate::{Engine, Error, Visitor};

/// Somebody who registers.
#[derive(Clone, Debug)]
pub struct Registrant {
    /// Signs in with it.
    pub email: Email,
    /// How to greet them.
    pub name: Title,
    /// The password, in clear; only its hash is kept.
    pub password: SecretString,
    /// In which language we write to them; that of their browser when there is none.
    pub language: Option<Language>,
    /// The token of an invitation.
    pub invitation: Option<SecretString>,
}

/// An invitation just made.
#[derive(Clone, Debug)]
pub struct Invited {
    /// The invitation.
    pub invitation: HouseInvitation,
    /// Its token, to be handed over; none when it was mailed.
    pub token: Option<SecretString>,
    /// The address to open, with the token in it; none when it was mailed.
    pub link: Option<SecretString>,
}

/// What belongs to a ticket that confirms an address.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Confirmation {
    pub(crate) email: Email,
}

const CLOSED: &str = "nobody can register here by themselves; ask an administrator";

impl Engine {
    /// Registers somebody. Answers whether they are to confirm their address by the link that was mailed to it, which
    /// depends on how they came and not on who has which address.
    pub async fn register(&self, visitor: &Visitor, new: Registrant) -> Result<bool, Error> {
        let access = &self.options().access;
        match (access.registration, &new.invitation) {
            (Registration::Closed, _) => return Err(Error::conflict("registration_closed", CLOSED)),
            (Registration::Invitation, None) => {
                return Err(Error::conflict("invitation_needed", "registering here takes an invitation"));
            }
            // Without mail, nobody could confirm an address.
            (Registration::Open, None) if !self.sends_mail() => return Err(NO_MAIL),
            _ => {}
        }
        self.count(&Counted::by_address(Attempt::Registration, visitor)).await?;
        let hash = self.0.passwords.hash(&new.password).await?;
        let mut tx = self.db().begin().await?;
        let invitation = match &new.invitation {
            Some(token) => Some(self.open_invitation(&mut tx, token, &new.email).await?),
            None => None,
        };
        // The link came by mail, or an administrator vouches because nothing can.
        let vouched =
            invitation.as_ref().is_some_and(|invitation| invitation.email.is_some() || !self.sends_mail());
        let language = new.language.unwrap_or(visitor.language);
        if let Some(owner) = users::by_email_tx(&mut tx, &new.email).await? {
            self.tell_owner(&mut tx, &owner).await?;
            self.record_by(&mut tx, &visitor.doer(), Deed::refused("user.register", owner.id));
            tx.commit().await?;
            return Ok(!vouched);
        }
        let newcomer = Newcomer {
            email: new.email,
            name: new.name,
            role: invitation.as_ref().map_or(Role::User, |invitation| invitation.role),
            email_verified: vouched,
            language,
            password_hash: Some(hash),
        };
        let user = match self.insert_user(&mut tx, newcomer).await {
            // Somebody else was faster by a moment.
            Err(Error::Conflict { .. }) => return Ok(!vouched),
            other => other?,
        };
        if let Some(invitation) = &invitation {
            invitations::spend(&mut tx, invitation.id, user.id, self.clock().now()).await?;
        }
        if !vouched {
            self.ask_to_confirm(&mut tx, &user, &user.email, Letter::VerifyEmail).await?;
        }
        let deed = Deed::done("user.register", user.id).after(shown(&user));
        self.record_by(&mut tx, &visitor.doer(), deed);
        tx.commit().await?;
        Ok(!vouched)
    }

    pub(crate) async fn open_invitation(
        &self,
        tx: &mut Tx,
        token: &SecretString,
        email: &Email,
    ) -> Result<HouseInvitation, Error> {
        let now = self.clock().now();
        let found = invitations::open(tx, &hash_of(token.expose_secret()), now).await?;
        let invitation = found.ok_or_else(|| {
            Error::conflict(
                "invitation_ended",
                "this invitation was used, taken back, or has ended; ask for another",
            )
        })?;
        if invitation.email.as_ref().is_some_and(|invited| invited != email) {
            return Err(Error::invalid("email", "this invitation is for another address"));
        }
        Ok(invitation)
    }

    /// Mails the owner of an address that somebody wanted to use it for another account; not too often.
    async fn tell_owner(&self, tx: &mut Tx, owner: &User) -> Result<(), Error> {
        let counted = Counted::by_account(Attempt::Mail, owner.email.as_str());
        match self.count_in(tx, &counted).await {
            Ok(()) => {
                let link = self.link("/sign-in");
                self.write_to(tx, owner, Letter::AddressTaken, &[("link", &link)]).await
            }
            Err(Error::TooMany(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Mails a link that confirms an address of this user.
    async fn ask_to_confirm(
        &self,
        tx: &mut Tx,
        user: &User,
        email: &Email,
        letter: Letter,
    ) -> Result<(), Error> {
        let body = Confirmation { email: email.clone() };
        let (token, _) = self.issue_ticket(tx, Purpose::Email, Some(user.id), &body).await?;
        // Behind the #, so that it is in no log on the way.
        let link = self.link(&format!("/verify-email#token={}", token.expose_secret()));
        let told = [("name", user.name.as_str()), ("link", link.as_str())];
        self.write_mail(tx, email, user.language, letter, &told).await
    }

    /// Mails the link once more that confirms the actor's address.
    pub async fn ask_to_verify(&self, actor: &Actor) -> Result<(), Error> {
        allow(may(actor, Action::ChangeAccount), "user")?;
        let user = self.user_of(actor).await?;
        if user.email_verified_at.is_some() {
            return Err(Error::conflict("already_verified", "your address is confirmed already"));
        }
        if !self.sends_mail() {
            return Err(NO_MAIL);
        }
        let mut tx = self.db().begin().await?;
        self.count_in(&mut tx, &Counted::by_account(Attempt::Mail, user.email.as_str())).await?;
        self.ask_to_confirm(&mut tx, &user, &user.email, Letter::VerifyEmail).await?;
        Ok(tx.commit().await?)
    }

    /// Asks for another address: it becomes the actor's when the link mailed there is opened. If it is somebody else's,
    /// nothing is told, and they get a mail.
    pub async fn change_email(
        &self,
        actor: &Actor,
        email: &Email,
        password: &SecretString,
    ) -> Result<(), Error> {
        let user = self.prove_again(actor, password).await?;
        if !self.sends_mail() {
            return Err(NO_MAIL);
        }
        if *email == user.email {
            return Err(Error::invalid("email", "this is your present address"));
        }
        let visitor = crate::factors::visitor_of(actor);
        self.count(&Counted::by_address(Attempt::Mail, &visitor)).await?;
        let mut tx = self.db().begin().await?;
        match users::by_email_tx(&mut tx, email).await? {
            Some(owner) => self.tell_owner(&mut tx, &owner).await?,
            None => match self.count_in(&mut tx, &Counted::by_account(Attempt::Mail, email.as_str())).await {
                Ok(()) => self.ask_to_confirm(&mut tx, &user, email, Letter::ChangeEmail).await?,
                // As with a taken address: enough was mailed there.
                Err(Error::TooMany(_)) => {}
                Err(error) => return Err(error),
            },
        }
        self.record(&mut tx, actor, Deed::done("user.ask_email", user.id).after(json!({ "email": email })));
        Ok(tx.commit().await?)
    }

    /// Confirms the address to which this ticket was mailed.
    pub async fn confirm_email(&self, visitor: &Visitor, token: &SecretString) -> Result<(), Error> {
        let counted = Counted::by_address(Attempt::Token, visitor);
        self.count(&counted).await?;
        let ended = || Error::conflict("link_ended", "this link was used or has ended; ask for another one");
        let mut tx = self.db().begin().await?;
        let found: Option<(_, Confirmation)> =
            self.redeem_ticket(&mut tx, Purpose::Email, token.expose_secret()).await?;
        let Some((ticket, Confirmation { email })) = found else { return Err(ended()) };
        let id = ticket.user_id.ok_or_else(ended)?;
        // The others are for addresses that were wanted before.
        tickets::delete_of(&mut tx, id, Purpose::Email).await?;
        let user = users::by_id_in(&mut tx, id).await?.ok_or_else(ended)?;
        match users::set_email(&mut tx, id, &email, self.clock().now()).await {
            Err(innkeeper_store::Error::Conflict(_)) => {
                return Err(Error::conflict(
                    "email_taken",
                    "somebody has registered with this address meanwhile",
                ));
            }
            other => other?,
        }
        let told = |email: &Email| json!({ "email": email });
        let deed = Deed::done("user.confirm_email", id).before(told(&user.email)).after(told(&email));
        self.record_by(&mut tx, &visitor.doer(), deed);
        if user.email != email {
            self.write_to(&mut tx, &user, Letter::EmailChanged, &[("email", email.as_str())]).await?;
        }
        self.forgive(&mut tx, &counted).await?;
        Ok(tx.commit().await?)
    }

    /// Invites somebody into the house: by mail when there is an address and the house sends mails, else by a link that
    /// is shown once. For administrators.
    pub async fn invite_into_house(
        &self,
        actor: &Actor,
        email: Option<Email>,
        role: Role,
    ) -> Result<Invited, Error> {
        allow(may(actor, Action::RunPeople), "invitation")?;
        if self.registration() == Registration::Closed {
            let message = "invitations are worth nothing while registration is closed; set access.registration to `invitation` or `open`";
            return Err(Error::conflict("registration_closed", message));
        }
        let now = self.clock().now();
        let invitation = HouseInvitation {
            id: HouseInvitationId::new(),
            email,
            role,
            invited_by: actor.user_id,
            created_at: now,
            expires_at: now.after(LIFETIME),
            used_at: None,
            used_by: None,
        };
        let by = match actor.user_id {
            Some(id) => users::by_id(self.db(), id).await?.map(|user| user.name.to_string()),
            None => None,
        };
        let by = by.unwrap_or_else(|| self.options().access.house_name.clone());
        let token = new_token("iki_");
        let link = self.link(&format!("/register#invitation={}", token.expose_secret()));
        let mut tx = self.db().begin().await?;
        invitations::insert(&mut tx, &invitation, &hash_of(token.expose_secret())).await?;
        let mailed = match &invitation.email {
            Some(email) if self.sends_mail() => {
                let told = [("link", link.as_str()), ("by", by.as_str())];
                self.write_mail(&mut tx, email, Language::default(), Letter::Invitation, &told).await?;
                true
            }
            _ => false,
        };
        let deed = Deed::done("invitation.create", invitation.id).after(shown(&invitation));
        self.record(&mut tx, actor, deed);
        tx.commit().await?;
        let (token, link) = if mailed { (None, None) } else { (Some(token), Some(link.into())) };
        Ok(Invited { invitation, token, link })
    }

    /// All invitations, in the order in which they were made. For administrators.
    pub async fn house_invitations(
        &self,
        actor: &Actor,
        after: Option<HouseInvitationId>,
        limit: i64,
    ) -> Result<Vec<HouseInvitation>, Error> {
        allow(may(actor, Action::RunPeople), "invitation")?;
        Ok(invitations::list(self.db(), after, limit).await?)
    }

    /// Takes an invitation back. For administrators.
    pub async fn withdraw_house_invitation(&self, actor: &Actor, id: HouseInvitationId) -> Result<(), Error> {
        allow(may(actor, Action::RunPeople), "invitation")?;
        let mut tx = self.db().begin().await?;
        if !invitations::delete(&mut tx, id).await? {
            return Err(Error::NotFound("invitation"));
        }
        self.record(&mut tx, actor, Deed::done("invitation.withdraw", id));
        Ok(tx.commit().await?)
    }
}
