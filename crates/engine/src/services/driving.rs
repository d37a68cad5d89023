//! The loop that goes on with restarts. One process at a time goes on with one; whatever it is about to do is written
//! down first, under the number of its claim, so that a crash at any point is a look more and nothing else.

use std::time::Duration;

use innkeeper_connectors::minecraft::Error as ConsoleError;
use innkeeper_connectors::minecraft::rcon::Rcon;
use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::discord::AlertKind;
use innkeeper_domain::reports::{Fault, Report};
use innkeeper_domain::restarts::{Restart, RestartState, Step, announcement, next};
use innkeeper_domain::services::{Service, ServiceState};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Topic, Tx, restarts, services};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info, info_span};

use super::ground::Ground;
use super::tell;
use crate::{Engine, Error, turns};

/// The longest pause between two looks for restarts that are due.
const SWEEP: Duration = Duration::from_secs(5);

/// How long the console may take to say something.
const SAYING: Duration = Duration::from_secs(3);

/// How long it may take to save the world.
const SAVING: Duration = Duration::from_secs(45);

/// Goes on with restarts until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let drives = TaskTracker::new();
    let hints = engine.db().wakeups(Topic::Guardian);
    turns::take("looking for restarts", hints, SWEEP, &stop, || claim_and_drive(&engine, &drives)).await;
    drives.close();
    drives.wait().await;
}

async fn claim_and_drive(engine: &Engine, drives: &TaskTracker) -> Result<Duration, Error> {
    let now = engine.clock().now();
    let mut tx = engine.db().begin().await?;
    let claimed = restarts::claim(&mut tx, now, now.after(engine.options().claim)).await?;
    tx.commit().await?;
    for (restart, fence) in claimed {
        let engine = engine.clone();
        let span = info_span!("restart", id = %restart.id);
        drives.spawn(async move { engine.drive_claimed(restart, fence).await }.instrument(span));
    }
    let next = restarts::next_due(engine.db()).await?;
    let sweep = if drives.is_empty() { SWEEP } else { Duration::from_millis(100) };
    Ok(turns::pause(next, engine.clock().now(), sweep))
}

impl Engine {
    async fn drive_claimed(&self, restart: Restart, fence: i64) {
        let id = restart.id;
        let keep = |mut tx: Tx, until| async move {
            let kept = restarts::keep_claim(&mut tx, id, fence, until).await?;
            tx.commit().await?;
            Ok(kept)
        };
        let driven = Box::pin(self.drive(restart, fence));
        if let Some(Err(error)) = turns::holding(self, keep, driven).await {
            // The claim runs out by itself, and the restart is gone on with.
            error!(%error, "the restart was broken off; it will be taken up again");
        }
    }

    /// Takes steps until there is nothing more to do for now.
    async fn drive(&self, mut restart: Restart, fence: i64) -> Result<(), Error> {
        loop {
            let Some(watched) = services::by_id(self.db(), restart.service_id).await? else { return Ok(()) };
            let service = watched.service;
            let answered =
                watched.sighting.filter(|seen| seen.state == ServiceState::Up).map(|seen| seen.seen_at);
            let now = self.clock().now();
            let until = match next(&restart, &service, answered, now) {
                Step::Tell(left) => self.announce(&mut restart, &service, fence, left).await?,
                Step::Save => self.save_world(&mut restart, &service, fence).await?,
                Step::Push => self.push(&mut restart, &service, fence).await?,
                Step::Find => self.find_push(&mut restart, &service, fence).await?,
                Step::Follow => self.follow_push(&mut restart, &service, fence).await?,
                Step::Enter(state) => {
                    if service.rcon_port.is_none() {
                        let message = "Players were not told and the world was not saved.";
                        let why = "the service has no remote console that we may use";
                        restart.reports.push(Report::failure(now, message, "no_console", why));
                    }
                    self.turn_to(&mut restart, &service, fence, state).await?
                }
                Step::Finish(seconds) => {
                    restart.seconds = Some(seconds);
                    let message = format!("The service answers again, {seconds} s after it was asked for.");
                    restart.reports.push(Report::success(now, message).with("seconds", seconds));
                    self.turn_to(&mut restart, &service, fence, RestartState::Done).await?
                }
                Step::Fail(fault) => self.fail(&mut restart, &service, fence, fault).await?,
                Step::Wait(until) => Some(until),
            };
            if restart.state.is_final() {
                return Ok(());
            }
            if let Some(until) = until {
                let mut tx = self.db().begin().await?;
                restarts::rest(&mut tx, restart.id, fence, until).await?;
                return Ok(tx.commit().await?);
            }
        }
    }

    /// Writes how a restart stands; an error when another goes on with it, so that nothing more is done here.
    pub(super) async fn write(&self, restart: &Restart, fence: i64) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        if !restarts::save(&mut tx, restart, fence).await? {
            return Err(Error::Internal("another process goes on with this restart".into()));
        }
        Ok(tx.commit().await?)
    }

    /// Goes on to a state, and tells of it.
    pub(super) async fn turn_to(
        &self,
        restart: &mut Restart,
        service: &Service,
        fence: i64,
        state: RestartState,
    ) -> Result<Option<Timestamp>, Error> {
        let now = self.clock().now();
        let ground = self.ground(service).await?;
        restart.enter(state, service, now);
        info!(service = %service.name, %state, "the restart goes on");
        let mut tx = self.db().begin().await?;
        if !restarts::save(&mut tx, restart, fence).await? {
            return Err(Error::Internal("another process goes on with this restart".into()));
        }
        if matches!(state, RestartState::Rebooting | RestartState::Waiting) {
            // From now on it is looked at often.
            services::hurry(&mut tx, service.id, now).await?;
        }
        let what = if state.is_final() { format!("restart_{state}") } else { state.to_string() };
        tell(&mut tx, service.id, ground.project(), &what, now).await?;
        if state.is_final() {
            let after = json!({ "restart": restart.id, "seconds": restart.seconds, "fault": restart.fault });
            let mut deed = Deed::done(&format!("service.{what}"), service.id).after(after);
            deed.project_id = ground.project();
            self.record(&mut tx, &Actor::house(), deed);
        }
        if let Some(fault) = restart.fault.as_ref().filter(|_| state == RestartState::Failed) {
            self.alert(&mut tx, AlertKind::RestartFailed, service.name.as_str(), &fault.message).await?;
        }
        tx.wake(Topic::Guardian);
        tx.commit().await?;
        Ok(None)
    }

    pub(super) async fn fail(
        &self,
        restart: &mut Restart,
        service: &Service,
        fence: i64,
        fault: Fault,
    ) -> Result<Option<Timestamp>, Error> {
        info!(service = %service.name, code = %fault.code, "the restart failed");
        restart.fault = Some(fault);
        self.turn_to(restart, service, fence, RestartState::Failed).await
    }

    /// Tells players how long they have. Who cannot be told is not waited for.
    async fn announce(
        &self,
        restart: &mut Restart,
        service: &Service,
        fence: i64,
        left: u32,
    ) -> Result<Option<Timestamp>, Error> {
        let first = restart.told.is_none();
        restart.told = Some(left);
        self.write(restart, fence).await?;
        let said = match self.console(service, SAYING).await? {
            Ok(mut console) => console.say(&announcement(service.language, left)).await.map(drop),
            Err(error) => Err(error),
        };
        let now = self.clock().now();
        match said {
            Ok(()) if first => {
                let message = format!("Players were told that {left} s are left.");
                restart.reports.push(Report::success(now, message).with("seconds", left));
                self.write(restart, fence).await?;
                Ok(None)
            }
            Ok(()) => Ok(None),
            Err(error) => {
                let message = "Players were not told of the restart.";
                restart.reports.push(Report::failure(now, message, error.code(), error));
                self.turn_to(restart, service, fence, RestartState::Saving).await
            }
        }
    }

    /// Writes the world to the disk. What cannot be saved is not waited for either: the guest shuts down in order.
    async fn save_world(
        &self,
        restart: &mut Restart,
        service: &Service,
        fence: i64,
    ) -> Result<Option<Timestamp>, Error> {
        let saved = match self.console(service, SAVING).await? {
            Ok(mut console) => console.save_all().await,
            Err(error) => Err(error),
        };
        let now = self.clock().now();
        restart.reports.push(match saved {
            Ok(_) => Report::success(now, "The world was saved."),
            Err(error) => Report::failure(now, "The world was not saved.", error.code(), error),
        });
        self.turn_to(restart, service, fence, RestartState::Rebooting).await
    }

    /// The console of a service, opened.
    async fn console(
        &self,
        service: &Service,
        patience: Duration,
    ) -> Result<Result<Rcon, ConsoleError>, Error> {
        let Ground { address, .. } = self.ground(service).await?;
        let password = self.rcon_password(service.id).await?;
        let (Some(address), Some(port), Some(password)) = (address, service.rcon_port, password) else {
            return Ok(Err(ConsoleError::BadCommand("its address or its console is not known")));
        };
        Ok(Rcon::open(&address, port, &password, patience).await)
    }
}
