//! Mails: written as rows in the transaction of what they tell of; a loop sends them. See `domain::mails`.

use std::time::Duration;

use innkeeper_connectors::mail::{Error as Unsent, Letter as Envelope, Mailer};
use innkeeper_domain::ids::{MailId, ProjectId};
use innkeeper_domain::mails::{Language, Letter, Words, try_again, write};
use innkeeper_domain::names::Email;
use innkeeper_domain::projects::Membership;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::User;
use innkeeper_store::mails::Mail;
use innkeeper_store::{Topic, Tx, mails, projects, users};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{Engine, Error};

pub(crate) const NO_MAIL: Error =
    Error::Unavailable { code: "no_mail", message: "this house sends no mail; ask an administrator" };

/// How long one process may take to send a mail before another one tries.
const CLAIM: Duration = Duration::from_mins(2);

/// Mails claimed in one go, and sent one after the other: no server likes a crowd.
const BATCH: i64 = 10;

/// The longest pause between two looks for mails.
const LOOK_EVERY: Duration = Duration::from_secs(30);

fn place(id: MailId) -> String {
    format!("mails/words/{id}")
}

/// A time as letters tell it: the day and the minute; the rest is noise.
pub(crate) fn moment(at: Timestamp) -> String {
    format!("{} UTC", at.to_string().replace('T', " ").chars().take(16).collect::<String>())
}

impl Engine {
    /// An address of the portal. Without `server.public_url` it is only the path, and no mail is sent either.
    pub(crate) fn link(&self, path: &str) -> String {
        format!("{}{path}", self.options().access.public_url.as_deref().unwrap_or_default())
    }

    /// How the house signs what it writes.
    pub fn house_name(&self) -> &str {
        &self.options().access.house_name
    }

    /// Whether this house sends mails.
    pub fn sends_mail(&self) -> bool {
        self.options().access.mailer.is_some()
    }

    /// The owners of a project, who are told of it. Read before anything is locked.
    pub(crate) async fn readers_of(&self, project: ProjectId) -> Result<Vec<User>, Error> {
        let mut owners = Vec::new();
        for member in projects::members(self.db(), project).await? {
            if member.membership == Membership::Owner {
                owners.extend(users::by_id(self.db(), member.user_id).await?);
            }
        }
        Ok(owners)
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
        if !self.sends_mail() {
            info!(%letter, "a mail is not written: this house sends none");
            return Ok(());
        }
        let id = MailId::new();
        let told: Words = told.iter().map(|(name, word)| ((*name).to_owned(), (*word).to_owned())).collect();
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

    /// Writes a letter to a user, in their language and with their name in it; what they may choose to be told otherwise
    /// is told as they have chosen.
    pub(crate) async fn write_to(
        &self,
        tx: &mut Tx,
        user: &User,
        letter: Letter,
        told: &[(&str, &str)],
    ) -> Result<(), Error> {
        let told: Vec<_> = told.iter().copied().chain([("name", user.name.as_str())]).collect();
        match letter.kind() {
            Some(kind) => self.tell_as_chosen(tx, user, kind, letter, &told).await,
            None => self.write_mail(tx, &user.email, user.language, letter, &told).await,
        }
    }

    /// Sends the mails that are due and says how many were tried. None are, where the house sends no mail.
    pub async fn send_mails(&self) -> Result<usize, Error> {
        let Some(mailer) = self.options().access.mailer.clone() else { return Ok(0) };
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let due = mails::claim_due(&mut tx, now, now.after(CLAIM), BATCH).await?;
        tx.commit().await?;
        for mail in &due {
            self.send_mail(&mailer, mail).await?;
        }
        Ok(due.len())
    }

    async fn send_mail(&self, mailer: &Mailer, mail: &Mail) -> Result<(), Error> {
        let sent = match self.envelope(mail) {
            Ok(envelope) => mailer.send(&envelope, self.clock().now()).await,
            Err(error) => Err(Unsent::Lasting(error.to_string())),
        };
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        match sent {
            Ok(()) => {
                info!(mail = %mail.id, letter = %mail.letter, "a mail was sent");
                mails::sent(&mut tx, mail, now).await?;
            }
            Err(problem) => {
                let attempts = u32::try_from(mail.attempts).unwrap_or(u32::MAX);
                let again = match problem {
                    Unsent::Lasting(_) => None,
                    // Settings can be mended while mails wait.
                    Unsent::Passing(_) | Unsent::Settings(_) => {
                        try_again(mail.created_at, attempts, rand::random(), now)
                    }
                };
                warn!(mail = %mail.id, letter = %mail.letter, %problem, given_up = again.is_none(), "a mail was not sent");
                mails::failed(&mut tx, mail, &problem.to_string(), again).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// The letter written out. It is named by its id, so that one sent twice can be known as one.
    fn envelope(&self, mail: &Mail) -> Result<Envelope, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Internal(format!("its words: {error}"));
        let words = self.0.keys.open(&mail.words, &place(mail.id)).map_err(|error| failed(&error))?;
        let words: Words = serde_json::from_slice(&words).map_err(|error| failed(&error))?;
        let written = write(mail.letter, mail.language, &self.options().access.house_name, &words);
        Ok(Envelope {
            id: mail.id.to_string(),
            to: mail.recipient.clone(),
            subject: written.subject,
            text: written.text,
            html: None,
        })
    }
}

/// Sends mails as they are written, until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let mut hints = engine.db().wakeups(Topic::Mails);
    loop {
        hints.mark_unchanged();
        if let Err(error) = engine.mail_what_waits().await {
            error!(%error, "what was not told at Discord was not mailed; will try again");
        }
        match engine.send_mails().await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => error!(%error, "sending mails failed; will try again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            _ = hints.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}
