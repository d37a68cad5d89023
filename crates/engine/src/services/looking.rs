//! The loop that looks at services: each by its own protocol, many side by side. While somebody waits for one to be ready
//! it is asked every half second, so that readiness is noticed within one.

use std::time::Duration;

use innkeeper_domain::hosts::State;
use innkeeper_domain::operations::Verb;
use innkeeper_domain::reports::Report;
use innkeeper_domain::restarts::RestartState;
use innkeeper_domain::services::{Heard, Place, Service, ServiceState, Sighting};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::services::Watched;
use innkeeper_store::{Topic, hosts, restarts, services};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info_span};

use super::asking::ask;
use super::ground::Ground;
use super::tell;
use crate::{Engine, Error, turns};

/// Services that are looked at at once in this process.
const AT_ONCE: usize = 64;

/// How long a process looks at a service without a word.
const CLAIM: Duration = Duration::from_secs(15);

/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long, while somebody waits for it: a server that is just opening its door may never answer who came too early.
const IMPATIENCE: Duration = Duration::from_millis(700);

/// Of so many hasty looks one is patient, for a server that is slow and there.
const PATIENT_EVERY: i64 = 8;

/// How long Proxmox may take to say whether a guest runs.
const ASKING: Duration = Duration::from_secs(5);

/// The longest pause between two looks for services that are due.
const SWEEP: Duration = Duration::from_secs(5);

/// Looks at services until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let looks = TaskTracker::new();
    let hints = engine.db().wakeups(Topic::Guardian);
    turns::take("looking for services", hints, SWEEP, &stop, || claim_and_look(&engine, &looks)).await;
    looks.close();
    looks.wait().await;
}

async fn claim_and_look(engine: &Engine, looks: &TaskTracker) -> Result<Duration, Error> {
    let now = engine.clock().now();
    let free = AT_ONCE.saturating_sub(looks.len());
    if free > 0 {
        let mut tx = engine.db().begin().await?;
        let claimed = services::claim(&mut tx, now, now.after(CLAIM), free as i64).await?;
        tx.commit().await?;
        for watched in claimed {
            let engine = engine.clone();
            let span = info_span!("service", name = %watched.service.name);
            looks.spawn(
                async move {
                    if let Err(error) = engine.look_at_service(watched, now).await {
                        // The claim runs out by itself, and the service is looked at again.
                        error!(%error, "the look was broken off; it will be taken up again");
                    }
                }
                .instrument(span),
            );
        }
    }
    let next = services::next_due(engine.db()).await?;
    // What is being looked at comes due again before the next sweep.
    let sweep = if looks.is_empty() { SWEEP } else { Duration::from_millis(100) };
    Ok(turns::pause(next, engine.clock().now(), sweep))
}

impl Engine {
    /// Looks at a service that was claimed, and writes down what it saw.
    async fn look_at_service(&self, watched: Watched, claimed_at: Timestamp) -> Result<(), Error> {
        let Watched { service, sighting: before, fence, .. } = watched;
        let ground = self.ground(&service).await?;
        let restart = restarts::under_way(self.db(), service.id).await?;
        let awaited = restart
            .is_some_and(|restart| matches!(restart.state, RestartState::Rebooting | RestartState::Waiting));
        let up = before.as_ref().is_some_and(|before| before.state == ServiceState::Up);
        let coming = awaited || !up && self.is_coming(&service, &ground);
        let hasty = coming || before.as_ref().is_some_and(|before| before.state == ServiceState::Starting);
        let patient = fence % PATIENT_EVERY == 0;
        let began = self.clock().now();
        let (heard, report) = match (&ground.address, ground.guest) {
            (_, Some(false)) => {
                (Heard::Unasked, Report::success(began, "It was not asked: its guest does not run."))
            }
            (None, _) => {
                let message = "It could not be asked: the instance has not reported an address.";
                (Heard::Nothing, Report::failure(began, message, "no_address", "no address is known"))
            }
            (Some(address), _) => {
                let patience = if hasty && !patient { IMPATIENCE } else { PATIENCE };
                ask(self.clock(), &service, address, patience).await
            }
        };
        let guest = match (service.at, &heard) {
            (Place::Guest { vmid, .. }, Heard::Refused | Heard::Nothing) if !hasty || patient => {
                self.guest_runs(&ground, vmid).await
            }
            (Place::Guest { .. }, Heard::Refused | Heard::Nothing) => {
                before.as_ref().and_then(|before| before.guest)
            }
            _ => ground.guest,
        };
        let seen = Sighting::judge(&service, before.as_ref(), heard, guest, awaited, report, began);
        self.write_sighting(&service, &ground, before.as_ref(), &seen, fence, coming, claimed_at).await
    }

    #[allow(clippy::too_many_arguments, reason = "what was, what is, and whose turn it was")]
    async fn write_sighting(
        &self,
        service: &Service,
        ground: &Ground,
        before: Option<&Sighting>,
        seen: &Sighting,
        fence: i64,
        awaited: bool,
        claimed_at: Timestamp,
    ) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        if !services::saw(&mut tx, service.id, fence, seen, claimed_at, seen.next_look(awaited)).await? {
            return Ok(());
        }
        if seen.tells_more_than(before) {
            tell(&mut tx, service.id, ground.project(), seen.state.as_str(), now).await?;
            if let Some(host) = &ground.host {
                hosts::hurry(&mut tx, host.id, now).await?;
            }
            tx.wake(Topic::Guardian);
        }
        if awaited && seen.state == ServiceState::Up {
            restarts::hurry(&mut tx, service.id, now).await?;
            tx.wake(Topic::Guardian);
        }
        Ok(tx.commit().await?)
    }

    /// Whether it may be ready at any moment: it is being started, or its host is being woken or was just now. What
    /// Proxmox says of its guest is too old to tell.
    fn is_coming(&self, service: &Service, ground: &Ground) -> bool {
        let operation = ground.instance.as_ref().and_then(|instance| instance.operation);
        if operation.is_some_and(|(_, verb)| matches!(verb, Verb::Start | Verb::Reboot)) {
            return true;
        }
        let Some(course) = ground.host.as_ref().map(|host| &host.course) else { return false };
        let patience = Duration::from_secs(service.ready_seconds.into());
        match course.state {
            State::Waking | State::Booting => true,
            State::Ready => self.clock().now() < course.since.after(patience),
            _ => false,
        }
    }

    /// Whether a guest that is not ours runs, by Proxmox; none where it does not say.
    async fn guest_runs(&self, ground: &Ground, vmid: u32) -> Option<bool> {
        if ground.guest.is_some() {
            return ground.guest;
        }
        let host = ground.host.as_ref()?;
        let found = tokio::time::timeout(ASKING, self.find_guest(host, vmid)).await.ok()?.ok()?;
        match found?.status {
            pve::RunState::Stopped => Some(false),
            pve::RunState::Unknown => None,
            pve::RunState::Running | pve::RunState::Other(_) => Some(true),
        }
    }
}
