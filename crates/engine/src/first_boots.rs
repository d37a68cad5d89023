//! Scripts that run in instances at their first start: a small loop over rows. Each round takes one step: begin, or look.
//! Both may be repeated at will, since the guest itself lets the script begin once; so a crash between any two of them
//! costs nothing but time.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::first_boots::{FirstBoot, LARGEST, Report, ScriptState};
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::instances::{Instance, State};
use innkeeper_store::first_boots::Claimed;
use innkeeper_store::{Topic, Tx, first_boots, instances};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::commands::Job;
use crate::{Engine, Error, restrictions};

const BEGIN: &str = include_str!("commands/scripts/first-boot-begin.sh");
const LOOK: &str = include_str!("commands/scripts/first-boot-look.sh");

/// Scripts looked after at once.
const BATCH: i64 = 16;

/// What the sealed script of an instance is bound to.
fn place(id: InstanceId) -> String {
    format!("first_boots/script/{id}")
}

/// How it is called in the instance.
fn name(id: InstanceId) -> String {
    format!("first-boot-{id}")
}

/// Whether this can be run at a first start.
pub(crate) fn check(script: &str) -> Result<(), Error> {
    if script.trim().is_empty() || script.len() > LARGEST || script.contains('\0') {
        let message = format!("give a script of at most {} KiB, or leave it out", LARGEST / 1024);
        return Err(Error::invalid("user_data", message));
    }
    Ok(())
}

impl Engine {
    /// Keeps the script of a new instance.
    pub(crate) async fn add_first_boot(
        &self,
        tx: &mut Tx,
        id: InstanceId,
        script: &str,
    ) -> Result<(), Error> {
        let sealed = self.0.keys.seal(script.as_bytes(), &place(id));
        Ok(first_boots::insert(tx, &FirstBoot::new(id, self.clock().now()), &sealed).await?)
    }

    /// How the script of an instance stands.
    pub async fn first_boot(&self, actor: &Actor, id: InstanceId) -> Result<FirstBoot, Error> {
        self.instance(actor, id).await?;
        first_boots::of(self.db(), id).await?.ok_or(Error::NotFound("first-boot script"))
    }

    /// Takes the next step of every script that is due, and says of how many.
    pub async fn step_first_boots(&self) -> Result<usize, Error> {
        let now = self.clock().now();
        // Most of the time there is nothing to do, and nobody must wait for a write that finds that out.
        if first_boots::next_due(self.db()).await?.is_none_or(|due| due > now) {
            return Ok(0);
        }
        let mut tx = self.db().begin().await?;
        let due =
            first_boots::claim_due(&mut tx, now, now.after(self.options().commands.claim), BATCH).await?;
        tx.commit().await?;
        let steps = due.into_iter().map(|claimed| async move {
            let id = claimed.boot.instance_id;
            if let Err(error) = self.step_first_boot(claimed).await {
                error!(instance = %id, %error, "a step of a first-boot script failed; it is taken again");
            }
        });
        Ok(futures_util::future::join_all(steps).await.len())
    }

    async fn step_first_boot(&self, mut claimed: Claimed) -> Result<(), Error> {
        let id = claimed.boot.instance_id;
        let Some(instance) = instances::by_id(self.db(), id).await? else { return Ok(()) };
        let before = claimed.boot.clone();
        let mut pause = None;
        match instance.state() {
            State::Deleted | State::Failed => {
                claimed.boot.fail("the instance is gone", self.clock().now());
            }
            State::Running if self.may_run(&instance).await? => {
                match self.advance(&instance, &claimed).await {
                    Ok(report) => claimed.boot.heard(report, self.clock().now()),
                    Err(Error::Conflict { code: "outcome_unknown", .. }) => {}
                    Err(Error::Conflict { code, message }) => {
                        info!(instance = %id, code, "a first-boot script has to wait");
                        claimed.boot.shut_out(&message, self.clock().now());
                    }
                    Err(error) => return Err(error),
                }
            }
            // It is being made, or somebody has stopped it.
            _ => pause = Some(self.options().commands.look_every),
        }
        let now = self.clock().now();
        let pause = pause.unwrap_or_else(|| claimed.boot.pause(now).min(self.options().commands.look_every));
        let due_at = (!claimed.boot.is_over()).then(|| now.after(pause));
        let mut tx = self.db().begin().await?;
        if !first_boots::save(&mut tx, &claimed, due_at).await? {
            return Ok(tx.rollback().await?);
        }
        let boot = &claimed.boot;
        if boot.state != before.state {
            info!(instance = %id, state = %boot.state, "first-boot script");
            let told = json!({ "state": boot.state, "exit_code": boot.exit_code, "problem": boot.problem });
            let deed = Deed::done(&format!("first_boot.{}", boot.state), id).of(instance.project_id);
            self.record(&mut tx, &Actor::house(), deed.after(told));
            crate::instances::tell(&mut tx, &instance, now).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn may_run(&self, instance: &Instance) -> Result<bool, Error> {
        let mut tx = self.db().begin().await?;
        let free = restrictions::in_the_way(&mut tx, instance.project_id).await?.is_none();
        tx.rollback().await?;
        Ok(free)
    }

    /// Begins the script if it has not begun, and says how it stands.
    async fn advance(&self, instance: &Instance, claimed: &Claimed) -> Result<Report, Error> {
        let found = self.look_after(instance).await?;
        if found != Report::Absent || claimed.boot.state != ScriptState::Waiting {
            return Ok(found);
        }
        let script = self.0.keys.open(&claimed.script, &place(instance.id)).map_err(|error| {
            Error::Internal(format!("the first-boot script of {} cannot be opened: {error}", instance.id))
        })?;
        let length = script.len().to_string();
        let job = Job::script(BEGIN, &[&name(instance.id), &length], script.to_vec());
        let never = CancellationToken::new().cancelled_owned();
        let ran = self.run_job(instance, None, &job, never).await?;
        if !ran.succeeded() {
            return Err(refused());
        }
        self.look_after(instance).await
    }

    async fn look_after(&self, instance: &Instance) -> Result<Report, Error> {
        let job = Job::script(LOOK, &[&name(instance.id)], Vec::new());
        let never = CancellationToken::new().cancelled_owned();
        let ran = self.run_job(instance, None, &job, never).await?;
        if !ran.succeeded() {
            return Err(refused());
        }
        Report::read(&String::from_utf8_lossy(&ran.stdout)).ok_or_else(refused)
    }
}

fn refused() -> Error {
    Error::conflict(
        "first_boot_refused",
        "the instance lets us in, but does not do what is needed for the script",
    )
}

/// Looks after the scripts, until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let mut hints = engine.db().wakeups(Topic::Work);
    let longest = engine.options().commands.look_every.max(Duration::from_millis(20));
    loop {
        hints.mark_unchanged();
        if let Err(error) = engine.step_first_boots().await {
            error!(%error, "looking after first-boot scripts failed; will try again");
        }
        let next = first_boots::next_due(engine.db()).await.ok().flatten();
        let pause = next.map_or(longest, |due| due.since(engine.clock().now()));
        tokio::select! {
            () = stop.cancelled() => return,
            _ = hints.changed() => {}
            () = tokio::time::sleep(pause.clamp(Duration::from_millis(20), longest)) => {}
        }
    }
}
