//! Mails: written as rows in the transaction of what they tell of; a loop sends them. See `domain::mails`.

use innkeeper_domain::ids::MailId;
use innkeeper_domain::mails::{Language, Letter};
use innkeeper_domain::names::Email;
use innkeeper_domain::users::User;
use innkeeper_store::mails::Mail;
use innkeeper_store::{Tx, mails};

use crate::{Engine, Error};

pub(crate) const NO_MAIL: Error =
    Error::Unavailable { code: "no_mail", message: "this house sends no mail; ask an administrator" };

fn place(id: MailId) -> String {
    format!("mails/words/{id}")
}

impl Engine {
    /// An address of the portal. Without `server.public_url` it is only the path, and no mail is sent either.
    pub(crate) fn link(&self, path: &str) -> String {
        format!("{}{path}", self.options().access.public_url.as_deref().unwrap_or_default())
    }

    /// Whether this house sends mails.
    pub fn sends_mail(&self) -> bool {
        self.options().access.mailer.is_some()
    }

    /// Writes a letter to an address, to be sent when the transaction commits. Without a way to send it, nothing is
    /// written: what must not be lost asks [`Engine::sends_mail`] first.
    pub(crate) async fn write_mail(
        &self,
        tx: &mut Tx,
        recipient: &Email,
        language: Language,
        letter: Letter,
        told: &[(&str, &str)],
    ) -> Result<(), Error> {
        let id = MailId::new();
        if !self.sends_mail() {
            tracing::info!(%letter, "a mail is not written: this house sends none");
            return Ok(());
        }
        let told: std::collections::BTreeMap<_, _> = told.iter().copied().collect();
        let body = serde_json::to_vec(&told).map_err(|error| Error::Internal(error.to_string()))?;
        let mail = Mail {
            id,
            recipient: recipient.clone(),
            letter,
            language,
            words: self.0.keys.seal(&body, &place(id)),
            created_at: self.clock().now(),
            attempts: 0,
        };
        Ok(mails::insert(tx, &mail).await?)
    }

    /// Writes a letter to a user, in their language and with their name in it.
    pub(crate) async fn write_to(
        &self,
        tx: &mut Tx,
        user: &User,
        letter: Letter,
        told: &[(&str, &str)],
    ) -> Result<(), Error> {
        let told: Vec<_> = told.iter().copied().chain([("name", user.name.as_str())]).collect();
        self.write_mail(tx, &user.email, user.language, letter, &told).await
    }
}
