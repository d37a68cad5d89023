//! The loop behind the bot: writes the reports that are due, and counts players now and then, so that a report can say
//! how many there were at most.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::discord::{Digest, Period};
use innkeeper_domain::hosts::State;
use innkeeper_domain::ids::AlertId;
use innkeeper_domain::restarts::RestartState;
use innkeeper_domain::services::ServiceState;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::discord::{self, Matter, Notice, Recipient};
use innkeeper_store::{restarts, services};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{Engine, Error};

/// How often the loop looks.
const PERIOD: Duration = Duration::from_mins(1);

/// A report that could not be written for so long is not written any more: nobody wants last week's on Friday.
const LATE: Duration = Duration::from_hours(6);

/// The most restarts of a service that a report looks at.
const MOST: i64 = 500;

const HOUR: i64 = 3_600_000_000;

impl Engine {
    /// What happened until now, of what the actor may read about.
    pub async fn digest(&self, actor: &Actor, period: Period) -> Result<Digest, Error> {
        let now = self.clock().now();
        self.digest_until(actor, period, now).await
    }

    async fn digest_until(&self, actor: &Actor, period: Period, to: Timestamp) -> Result<Digest, Error> {
        let from = to.before(period.lasts());
        let mut digest =
            Digest { period, from, to, wakes: 0, hours_slept: 0, restarts: 0, most_players: 0, failures: 0 };
        let mut asleep = Duration::ZERO;
        for host in self.host_report(actor, from, to).await? {
            digest.wakes = digest.wakes.saturating_add(host.slept.wakes);
            asleep += host.slept.asleep;
            let changes = self.host_history(actor, host.id, from, to).await?;
            let troubles = changes.iter().filter(|change| change.state == State::Error && change.at >= from);
            digest.failures =
                digest.failures.saturating_add(u32::try_from(troubles.count()).unwrap_or(u32::MAX));
        }
        digest.hours_slept = u32::try_from(asleep.as_secs() / 3600).unwrap_or(u32::MAX);
        for watched in self.services(actor).await? {
            let lately = restarts::list(self.db(), watched.service.id, None, MOST).await?;
            for restart in lately.iter().filter(|restart| (from..to).contains(&restart.asked_at)) {
                digest.restarts = digest.restarts.saturating_add(1);
                digest.failures += u32::from(restart.state == RestartState::Failed);
            }
        }
        digest.most_players =
            discord::most_players(self.db(), from.0.div_euclid(HOUR), to.0.div_euclid(HOUR) + 1).await?;
        Ok(digest)
    }

    /// Writes the reports that are due, each once. [`Engine::run`] does it by itself.
    pub async fn write_discord_reports(&self) -> Result<(), Error> {
        let settings = self.discord_settings_now().await?;
        let now = self.clock().now();
        for report in &settings.reports {
            let Some(due) = report.last_due(now).filter(|due| now.since(*due) <= LATE) else { continue };
            let digest = self.digest_until(&Actor::house(), report.period, due).await?;
            let notice = Notice {
                id: AlertId::new(),
                to: Recipient::Channel(report.channel),
                language: report.language,
                matter: Matter::Report(digest),
                created_at: now,
            };
            let mut tx = self.db().begin().await?;
            let new = discord::insert(&mut tx, &notice).await?;
            tx.commit().await?;
            if new {
                info!(channel = %report.channel, period = %report.period, "a report was written");
            }
        }
        Ok(())
    }

    /// Counts who plays at this moment.
    pub(crate) async fn count_players(&self) -> Result<(), Error> {
        let seen = services::list(self.db()).await?.into_iter().filter_map(|watched| watched.sighting);
        let up = seen.filter(|sighting| sighting.state == ServiceState::Up);
        let players: u32 = up.filter_map(|sighting| sighting.answer.players).sum();
        if players == 0 {
            return Ok(());
        }
        let mut tx = self.db().begin().await?;
        discord::note_players(&mut tx, self.clock().now().0.div_euclid(HOUR), players).await?;
        Ok(tx.commit().await?)
    }
}

/// Writes reports and counts players until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    loop {
        if let Err(error) = engine.count_players().await {
            error!(%error, "counting players failed; will try again");
        }
        if let Err(error) = engine.write_discord_reports().await {
            error!(%error, "writing reports failed; will try again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}
