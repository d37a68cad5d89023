//! What people are told by direct message: written in the transaction of what happened, for staff one for each of them
//! whose account is linked, and told by whoever speaks for the bot.

use std::time::Duration;

use innkeeper_domain::discord::{AlertKind, Outcome};
use innkeeper_domain::ids::AlertId;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::{Role, Standing};
use innkeeper_store::discord::{self, Claimed, Matter, Notice, Recipient, Told};
use innkeeper_store::{Tx, users};

use crate::{Engine, Error};

/// Whoever takes a notice upon them has it for so long.
const CLAIM: Duration = Duration::from_mins(1);

/// A notice is tried for so long.
const LONGEST: Duration = Duration::from_hours(24);

/// The first pause before a notice is told again; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(30);

/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(30);

/// The longest detail that is kept.
const LONGEST_DETAIL: usize = 1000;

/// A notice to be told now.
#[derive(Clone, Debug)]
pub struct DueNotice {
    /// The notice.
    pub notice: Notice,
    /// Which claim of it this is: to be named when it is settled.
    pub tries: i64,
    /// The number at Discord of the person; none for a channel.
    pub discord_id: Option<u64>,
    /// How the same was told to the same person before.
    pub told: Told,
}

/// What became of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It was told.
    Told,
    /// The same was told too short a time ago.
    HeldBack,
    /// They cannot be reached.
    Undeliverable(String),
    /// Not now.
    Later(String),
}

impl Engine {
    /// Has staff told of something. Nobody linked, nobody told: that the audit log has it is another matter.
    pub(crate) async fn alert(
        &self,
        tx: &mut Tx,
        kind: AlertKind,
        subject: &str,
        detail: &str,
    ) -> Result<(), Error> {
        let created_at = self.clock().now();
        for (user, language) in discord::linked_staff(tx).await? {
            let detail = detail.chars().take(LONGEST_DETAIL).collect();
            let matter = Matter::Alert { kind, subject: subject.to_owned(), detail };
            let to = Recipient::User(user);
            discord::insert(tx, &Notice { id: AlertId::new(), to, language, matter, created_at }).await?;
        }
        Ok(())
    }

    /// Takes notices that are due upon whoever asks, for a minute. Who is no staff any more is told of no alert, and nobody
    /// of what is old.
    pub async fn claim_discord_notices(&self, most: usize) -> Result<Vec<DueNotice>, Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let most = i64::try_from(most).unwrap_or(1);
        let claimed = discord::claim(&mut tx, now, now.after(CLAIM), most).await?;
        tx.commit().await?;
        let mut due = Vec::new();
        for one in claimed {
            let id = one.notice.id;
            if let Some(found) = self.address_notice(&one).await? {
                due.push(found);
            } else {
                let gone = Delivery::Undeliverable("too old, no staff any more, or not linked".to_owned());
                self.settle_discord_notice(id, one.tries, one.notice.created_at, gone).await?;
            }
        }
        Ok(due)
    }

    async fn address_notice(&self, claimed: &Claimed) -> Result<Option<DueNotice>, Error> {
        let Claimed { notice, tries } = claimed.clone();
        let Recipient::User(user) = notice.to else {
            return Ok(Some(DueNotice { notice, tries, discord_id: None, told: Told::default() }));
        };
        let now = self.clock().now();
        let welcome = match &notice.matter {
            Matter::Alert { .. } => users::by_id(self.db(), user)
                .await?
                .is_some_and(|user| user.role >= Role::Operator && user.standing(now) == Standing::Good),
            _ => now.since(notice.created_at) <= LONGEST,
        };
        let Some(link) = discord::of_user(self.db(), user).await?.filter(|_| welcome) else {
            return Ok(None);
        };
        let told = match &notice.matter {
            Matter::Alert { kind, subject, .. } => {
                discord::told_before(self.db(), user, *kind, subject).await?
            }
            _ => Told::default(),
        };
        Ok(Some(DueNotice { notice, tries, discord_id: Some(link.discord_id.get()), told }))
    }

    /// Writes down what became of a notice that was claimed.
    pub async fn settle_discord_notice(
        &self,
        id: AlertId,
        tries: i64,
        created_at: Timestamp,
        delivery: Delivery,
    ) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let (outcome, why) = match delivery {
            Delivery::Told => (Outcome::Told, None),
            Delivery::HeldBack => (Outcome::HeldBack, None),
            Delivery::Undeliverable(why) => (Outcome::Undeliverable, Some(why)),
            Delivery::Later(why) if now.since(created_at) > LONGEST => (Outcome::GivenUp, Some(why)),
            Delivery::Later(why) => {
                discord::again(&mut tx, id, tries, &why, now.after(pause(tries))).await?;
                return Ok(tx.commit().await?);
            }
        };
        if matches!(outcome, Outcome::Undeliverable | Outcome::GivenUp)
            && let Some(notice) = discord::claimed_tx(&mut tx, id, tries).await?
        {
            self.mail_instead(&mut tx, &notice).await?;
        }
        discord::end(&mut tx, id, tries, outcome, why.as_deref(), now).await?;
        Ok(tx.commit().await?)
    }
}

fn pause(tries: i64) -> Duration {
    let doublings = u32::try_from(tries.clamp(1, 10) - 1).unwrap_or(0);
    (PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!(pause(1), PAUSE);
        assert_eq!(pause(2), 2 * PAUSE);
        assert_eq!(pause(i64::MAX), LONGEST_PAUSE);
    }
}
