//! Asking for a restart, and seeing what became of it.

use std::time::Duration;

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::access::{Actor, Refusal};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{RestartId, ServiceId};
use innkeeper_domain::restarts::Restart;
use innkeeper_domain::restraint::{DAY, Lately, Person, Record, Refusal as Restrained, Why};
use innkeeper_domain::services::{Answer, Place, Service, ServiceState};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Topic, Tx, restarts, restraint, services};
use serde_json::json;

use super::ground::Ground;
use super::tell;
use crate::{Engine, Error, Idempotency, turns};

impl Engine {
    /// Has a service restarted. Whoever asks too often waits, and is told until when.
    pub async fn restart_service(
        &self,
        actor: &Actor,
        id: ServiceId,
        key: Option<&Idempotency>,
    ) -> Result<Restart, Error> {
        let watched = services::by_id(self.db(), id).await?.ok_or(Error::NotFound("service"))?;
        self.allow_service(actor, &watched.service, Ability::Restart).await?;
        let person = Person::of(actor).ok_or(Error::Forbidden(Refusal::Role))?;
        let name = self.called(actor).await?;
        loop {
            if let Some(restart) = self.try_restart(actor, person, &name, id, key).await? {
                return Ok(restart);
            }
            // The try counts though nothing comes of it; and no key is kept for a request that was refused.
            if let Some(refusal) = self.count_try(actor, person, id).await? {
                let wait = refusal.until.since(self.clock().now());
                return Err(Error::Restrained { refusal, wait });
            }
        }
    }

    /// The restart, if nobody has to wait.
    async fn try_restart(
        &self,
        actor: &Actor,
        person: Person,
        name: &str,
        id: ServiceId,
        key: Option<&Idempotency>,
    ) -> Result<Option<Restart>, Error> {
        let watched = services::by_id(self.db(), id).await?.ok_or(Error::NotFound("service"))?;
        let ground = self.ground(&watched.service).await?;
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(Some(before));
        }
        let watched = services::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("service"))?;
        let service = watched.service;
        let (record, judged) = judge(&mut tx, person, &service, now).await?;
        if judged.is_err() {
            return Ok(None);
        }
        can_be_restarted(&service, &ground)?;
        if let Some(record) = record {
            restraint::keep(&mut tx, person, &record, now).await?;
        }
        let restart = Restart::new(&service, person, name.to_owned(), now);
        restarts::insert(&mut tx, &restart).await?;
        tell(&mut tx, id, ground.project(), "restarting", now).await?;
        let mut deed = Deed::done("service.restart", id).after(json!({ "restart": restart.id }));
        deed.project_id = ground.project();
        self.record(&mut tx, actor, deed);
        self.remember(&mut tx, actor, key, &restart).await?;
        tx.wake(Topic::Guardian);
        tx.commit().await?;
        Ok(Some(restart))
    }

    /// Counts a try that was refused; none when it would not be refused any more.
    async fn count_try(
        &self,
        actor: &Actor,
        person: Person,
        id: ServiceId,
    ) -> Result<Option<Restrained>, Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let watched = services::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("service"))?;
        let (record, judged) = judge(&mut tx, person, &watched.service, now).await?;
        let Err(refusal) = judged else { return Ok(None) };
        if let Some(record) = record {
            restraint::keep(&mut tx, person, &record, now).await?;
        }
        if let Some(warning) = refusal.warning {
            let after = json!({ "person": person, "warning": warning, "banned_until": banned(&refusal) });
            self.record(&mut tx, actor, Deed::refused("service.restart", id).after(after));
        }
        tx.commit().await?;
        Ok(Some(refusal))
    }

    /// Restarts of a service, newest first.
    pub async fn restarts(
        &self,
        actor: &Actor,
        service: ServiceId,
        after: Option<RestartId>,
        limit: i64,
    ) -> Result<Vec<Restart>, Error> {
        self.service(actor, service).await?;
        Ok(restarts::list(self.db(), service, after, limit).await?)
    }

    /// One restart.
    pub async fn restart(&self, actor: &Actor, id: RestartId) -> Result<Restart, Error> {
        let restart = restarts::by_id(self.db(), id).await?.ok_or(Error::NotFound("restart"))?;
        self.service(actor, restart.service_id).await.map_err(|error| match error {
            Error::NotFound(_) => Error::NotFound("restart"),
            other => other,
        })?;
        Ok(restart)
    }

    /// A restart when it has ended, or after `patience`, whichever comes first.
    pub async fn await_restart(
        &self,
        actor: &Actor,
        id: RestartId,
        patience: Duration,
    ) -> Result<Restart, Error> {
        let hints = self.db().wakeups(Topic::Guardian);
        turns::wait_for(hints, patience, || self.restart(actor, id), |restart| restart.state.is_final()).await
    }

    /// Who plays on a service, as it last said.
    pub async fn service_players(&self, actor: &Actor, id: ServiceId) -> Result<Answer, Error> {
        let watched = self.service(actor, id).await?;
        if !watched.service.kind.counts_players() {
            let message = "this service does not say who is there; only Minecraft services do";
            return Err(Error::conflict("not_counted", message));
        }
        let up = watched.sighting.filter(|sighting| sighting.state == ServiceState::Up);
        up.map(|sighting| sighting.answer)
            .ok_or_else(|| Error::conflict("service_not_up", "the service does not answer at the moment"))
    }
}

/// Judges a try of somebody, and what is to be kept of it; nothing of the house itself, which only waits for a restart
/// that is under way. The service's row is locked by the caller.
async fn judge(
    tx: &mut Tx,
    person: Person,
    service: &Service,
    now: Timestamp,
) -> Result<(Option<Record>, Result<(), Restrained>), Error> {
    let under_way = restarts::under_way_tx(tx, service.id).await?.map(|restart| restart.ends_by(service));
    if person == Person::House {
        let refusal = |until| Restrained { why: Why::UnderWay, until, warning: None };
        return Ok((None, under_way.map_or(Ok(()), |until| Err(refusal(until)))));
    }
    let lately =
        Lately { under_way, restarts: restarts::asked_since(tx, service.id, now.before(DAY)).await? };
    let mut record = restraint::of(tx, person, now).await?;
    let judged = record.judge(&lately, now);
    Ok((Some(record), judged))
}

fn banned(refusal: &Restrained) -> Option<Timestamp> {
    (refusal.why == Why::Banned).then_some(refusal.until)
}

/// Whether there is something that can be rebooted now.
fn can_be_restarted(service: &Service, ground: &Ground) -> Result<(), Error> {
    if let Place::Host(_) = service.at {
        return Err(Error::conflict(
            "no_guest",
            "the service runs on the host itself; a whole host is not restarted for one service",
        ));
    }
    if let Some(host) = ground.asleep() {
        let message =
            format!("its host is not awake ({}); wake it, and the service starts with it", host.course.state);
        return Err(Error::conflict("host_asleep", message));
    }
    if service.at.instance().is_some() && ground.instance.is_none() {
        return Err(Error::conflict("no_guest", "the instance of this service has been deleted"));
    }
    Ok(())
}
