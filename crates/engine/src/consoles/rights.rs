//! Whether a console may stay open: asked when it opens, from time to time, and at once when somebody may have lost a
//! right.

use std::net::IpAddr;
use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::consoles::{Ending, Pass};
use innkeeper_domain::ids::UserId;
use innkeeper_domain::instances::{Goal, Instance};
use innkeeper_store::{Topic, instances, restrictions};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::warn;

use crate::shares::Need;
use crate::{Engine, Error};

/// Hints come in bursts; more often than this nobody asks because of them.
const BREATH: Duration = Duration::from_secs(1);

/// Asks whether a console may stay open.
pub(super) struct Rights {
    engine: Engine,
    pass: Pass,
    user_id: Option<UserId>,
    address: Option<IpAddr>,
    hints: watch::Receiver<u64>,
    restrictions: watch::Receiver<u64>,
    asked_at: Instant,
    /// We could not tell the last time.
    unsure: bool,
}

impl Rights {
    pub(super) fn new(engine: &Engine, pass: Pass, user_id: Option<UserId>, address: Option<IpAddr>) -> Self {
        Self {
            hints: engine.db().wakeups(Topic::Rights),
            restrictions: engine.db().wakeups(Topic::Restrictions),
            engine: engine.clone(),
            pass,
            user_id,
            address,
            asked_at: Instant::now(),
            unsure: false,
        }
    }

    /// Who uses the console, and what they see by it; or why they may not.
    pub(super) async fn ask(&mut self) -> Result<Result<(Actor, Instance), Ending>, Error> {
        // Before looking: what happens from here on makes us look again.
        self.hints.mark_unchanged();
        self.restrictions.mark_unchanged();
        self.asked_at = Instant::now();
        let actor = match self.engine.still(self.pass.way, self.user_id, self.address).await {
            Ok(actor) => actor,
            Err(Error::Unauthenticated(_) | Error::Banned(_) | Error::Forbidden(_)) => {
                return Ok(Err(Ending::NotAllowed));
            }
            Err(error) => return Err(error),
        };
        let Some(instance) = instances::by_id(self.engine.db(), self.pass.instance_id).await? else {
            return Ok(Err(Ending::Deleted));
        };
        match self.engine.allow_on(&actor, &instance, Need::Use).await {
            Ok(()) => {}
            Err(Error::NotFound(_) | Error::Forbidden(_)) => return Ok(Err(Ending::NotAllowed)),
            Err(error) => return Err(error),
        }
        if instance.deleted_at.is_some() || instance.course.wish.goal == Goal::Absent {
            return Ok(Err(Ending::Deleted));
        }
        if !restrictions::of(self.engine.db(), instance.project_id).await?.is_empty() {
            return Ok(Err(Ending::Restricted));
        }
        Ok(Ok((actor, instance)))
    }

    /// Returns when they may not any more. Who cannot be told twice in a row may not.
    pub(super) async fn until_lost(&mut self) -> Ending {
        let ask_again = self.engine.options().consoles.ask_again;
        let mut hinted_at: Option<Instant> = None;
        loop {
            let hinted = tokio::select! {
                _ = self.hints.changed() => true,
                _ = self.restrictions.changed() => true,
                () = tokio::time::sleep_until(self.asked_at + ask_again) => false,
            };
            if hinted {
                if let Some(at) = hinted_at {
                    tokio::time::sleep_until(at + BREATH).await;
                }
                hinted_at = Some(Instant::now());
            }
            match self.ask().await {
                Ok(Ok(_)) => self.unsure = false,
                Ok(Err(ending)) => return ending,
                Err(error) if self.unsure => {
                    warn!(console = %self.pass.console_id, %error, "nobody can tell whether it may stay open");
                    return Ending::Internal;
                }
                Err(error) => {
                    warn!(console = %self.pass.console_id, %error, "asking whether it may stay open failed");
                    self.unsure = true;
                }
            }
        }
    }
}
