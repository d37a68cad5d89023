//! A forgotten password: a link, mailed to the address of the account, good once and for half an hour. What is answered
//! does not depend on whether there is an account.

use innkeeper_domain::addresses::AddressRange;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::limits::Attempt;
use innkeeper_domain::mails::Letter;
use innkeeper_domain::names::Email;
use innkeeper_domain::tickets::Purpose;
use innkeeper_store::{factors, identities, keys, limits, tickets, users};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::limits::Counted;
use crate::mails::NO_MAIL;
use crate::registration::Confirmation;
use crate::sessions::end_sessions;
use crate::{Engine, Error, Visitor};

impl Engine {
    /// Mails a link to this address, if it is somebody's.
    pub async fn ask_to_recover(&self, visitor: &Visitor, email: &str) -> Result<(), Error> {
        if !self.sends_mail() {
            return Err(NO_MAIL);
        }
        self.count(&Counted::by_address(Attempt::Mail, visitor)).await?;
        // What is no address is nobody's.
        let Ok(email) = email.parse::<Email>() else { return Ok(()) };
        let user = users::by_email(self.db(), &email).await?.map(|(user, _)| user);
        let mut tx = self.db().begin().await?;
        match self.count_in(&mut tx, &Counted::by_account(Attempt::Mail, email.as_str())).await {
            Ok(()) => {}
            // Enough was mailed there; that is said to nobody.
            Err(Error::TooMany(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
        // Nobody gets one too, which is mailed to nobody: writing it takes as long.
        let body = Confirmation { email };
        let (token, _) =
            self.issue_ticket(&mut tx, Purpose::Recovery, user.as_ref().map(|user| user.id), &body).await?;
        if let Some(user) = &user {
            let link = self.link(&format!("/recover#token={}", token.expose_secret()));
            self.write_to(&mut tx, user, Letter::Recovery, &[("link", &link)]).await?;
            self.record_by(&mut tx, &visitor.doer(), Deed::done("user.ask_recovery", user.id));
        }
        Ok(tx.commit().await?)
    }

    /// Replaces a forgotten password. All sessions end; a second factor is still asked for.
    pub async fn recover(
        &self,
        visitor: &Visitor,
        token: &SecretString,
        password: &SecretString,
    ) -> Result<(), Error> {
        let counted = Counted::by_address(Attempt::Token, visitor);
        self.count(&counted).await?;
        let ended = || Error::conflict("link_ended", "this link was used or has ended; ask for another one");
        let mut tx = self.db().begin().await?;
        let found: Option<(_, Confirmation)> =
            self.look_at_ticket(&mut tx, Purpose::Recovery, token.expose_secret()).await?;
        tx.rollback().await?;
        if found.is_none() {
            return Err(ended());
        }
        let hash = self.0.passwords.hash(password).await?;
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let found: Option<(_, Confirmation)> =
            self.redeem_ticket(&mut tx, Purpose::Recovery, token.expose_secret()).await?;
        let Some((ticket, Confirmation { email })) = found else { return Err(ended()) };
        let id = ticket.user_id.ok_or_else(ended)?;
        // Whoever had the old password may have begun anything with it: a change of address, for one.
        for &purpose in Purpose::ALL {
            tickets::delete_of(&mut tx, id, purpose).await?;
        }
        let user = users::by_id_in(&mut tx, id).await?.ok_or_else(ended)?;
        // Mailed to an address that is no longer theirs.
        if user.email != email {
            return Err(ended());
        }
        users::set_password(&mut tx, id, &hash).await?;
        if user.email_verified_at.is_none() {
            users::set_email(&mut tx, id, &email, now).await?;
            // Until now it was not known to be theirs: whatever opens it may be a stranger's who registered their address.
            factors::delete_all(&mut tx, id, now).await?;
            identities::delete_of(&mut tx, id).await?;
            keys::delete_of(&mut tx, id).await?;
        }
        let ended = end_sessions(&mut tx, id, None).await?;
        // Whoever reads their mail here may sign in from here, even while strangers keep guessing.
        if let Some(address) = visitor.address {
            limits::remember(&mut tx, id, AddressRange::of_caller(address), now).await?;
        }
        let deed = Deed::done("user.recover", id).after(json!({ "sessions_ended": ended }));
        self.record_by(&mut tx, &visitor.doer(), deed);
        let link = self.link("/recover");
        self.write_to(&mut tx, &user, Letter::PasswordChanged, &[("link", &link)]).await?;
        self.forgive(&mut tx, &counted).await?;
        Ok(tx.commit().await?)
    }
}
