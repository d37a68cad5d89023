//! Telling the owners of a project what is to be known about its credits, as each has chosen.
//!
//! A notice is marked as told in the transaction that writes to them, so that each is told once.

use std::time::Duration;

use innkeeper_domain::mails::Letter;
use innkeeper_domain::notices::{Kind, Notice};
use innkeeper_store::{notices, projects};

use crate::mails::moment;
use crate::{Engine, Error};

/// Notices told in one go.
const BATCH: i64 = 100;

/// What is older than this is no news any more: a house that has just learnt to send mails does not begin with the past.
const NEWS: Duration = Duration::from_hours(24);

impl Engine {
    /// Writes to every owner for each notice that nobody has been told of. Where the house can tell nobody, notices are
    /// shown by the API alone.
    pub(super) async fn tell_notices(&self) -> Result<(), Error> {
        if !self.tells_anybody().await? {
            return Ok(());
        }
        for notice in notices::untold(self.db(), BATCH).await? {
            self.tell_notice(&notice).await?;
        }
        Ok(())
    }

    async fn tell_notice(&self, notice: &Notice) -> Result<(), Error> {
        let now = self.clock().now();
        let project = projects::by_id(self.db(), notice.project_id).await?;
        let project = project.map(|project| project.name.to_string()).unwrap_or_default();
        let held_since = notices::runway(self.db(), notice.project_id).await?.held_since;
        let ends = held_since.unwrap_or(notice.at).after(self.options().billing.grace);
        let when = moment(ends);
        let letter = match notice.kind {
            Kind::DayLeft => Some((Letter::Runway, "24 h")),
            Kind::SixHoursLeft => Some((Letter::Runway, "6 h")),
            Kind::HourLeft => Some((Letter::Runway, "1 h")),
            Kind::HoldBegan => Some((Letter::BillingHold, "")),
            Kind::HalfGrace | Kind::LastDay => Some((Letter::Deletion, "")),
            // Nothing to be done about it any more, and good news that the reader has brought about.
            Kind::GraceEnded | Kind::HoldLifted => None,
        };
        let readers = self.readers_of(notice.project_id).await?;
        let link = self.link(&format!("/projects/{}/credits", notice.project_id));
        let mut tx = self.db().begin().await?;
        if !notices::told(&mut tx, notice.id, now).await? {
            // Another process was faster.
            return Ok(());
        }
        if let Some((letter, left)) = letter.filter(|_| now.since(notice.at) < NEWS) {
            let told = [("project", project.as_str()), ("left", left), ("when", &when), ("link", &link)];
            for reader in &readers {
                self.write_to(&mut tx, reader, letter, &told).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}
