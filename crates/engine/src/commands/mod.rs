//! Commands in instances: Proxmox runs none in containers, so each instance has its ways in, tried in order. What runs
//! is bounded in time, input and output, and in how many run at once; who ran which program stands in the audit log,
//! before it runs and after, and never what it was given or what it said.

mod agent;
mod busy;
mod keys;
mod passwords;
mod running;
mod ssh;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::commands::{
    By, Command, DEFAULT_SECONDS, Known, MOST_INPUT, MOST_OUTPUT, MOST_SECONDS, Way, check_user, ways,
};
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::instances::Instance;
use innkeeper_store::{instances, management, node_access, templates};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::shares::Need;
use crate::{Engine, Error};

pub(crate) use busy::Busy;
pub use passwords::{NewPassword, SetPassword};
pub use running::Ran;
pub(crate) use running::{Job, Unreached};
pub(crate) use ssh::is_a_tenants;

/// How commands find their way.
#[derive(Clone, Debug)]
pub struct CommandOptions {
    /// The port at which instances answer by SSH.
    pub ssh_port: u16,
    /// The user whose keys are set in a container at its making.
    pub ssh_user: String,
    /// Where an instance answers by SSH, if not at its own address: for tests.
    pub reach: Option<Reach>,
    /// How long a connection may take to come about.
    pub patience: Duration,
    /// Commands at once in one instance, per process.
    pub per_instance: usize,
    /// Commands at once of one user, per process.
    pub per_user: usize,
    /// How long a step of a first-boot script may be silent before another process takes it.
    pub claim: Duration,
    /// The longest pause between two looks for first-boot scripts.
    pub look_every: Duration,
}

impl Default for CommandOptions {
    fn default() -> Self {
        Self {
            ssh_port: 22,
            ssh_user: "root".to_owned(),
            reach: None,
            patience: Duration::from_secs(10),
            per_instance: 4,
            per_user: 8,
            claim: Duration::from_mins(2),
            look_every: Duration::from_secs(5),
        }
    }
}

type LookUp = dyn Fn(&Instance) -> Option<SocketAddr> + Send + Sync;

/// Says where an instance answers by SSH.
#[derive(Clone)]
pub struct Reach(Arc<LookUp>);

impl Reach {
    /// By this function.
    pub fn new(look_up: impl Fn(&Instance) -> Option<SocketAddr> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }
}

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reach(…)")
    }
}

/// A command that somebody wants to run.
#[derive(Clone, Debug)]
pub struct NewCommand {
    /// What is to be run.
    pub command: Command,
    /// What it reads.
    pub input: Vec<u8>,
    /// How many seconds it may run.
    pub timeout_seconds: Option<u32>,
    /// As whom; root when not said.
    pub user: Option<String>,
    /// By which way; the best one when not said.
    pub by: Option<By>,
}

impl NewCommand {
    /// Whether it can be run at all.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.clone().job().map(drop)
    }

    fn job(self) -> Result<Job, Error> {
        self.command.check().map_err(|why| Error::invalid("command", why))?;
        if self.input.len() > MOST_INPUT {
            return Err(Error::invalid("input", format!("give at most {} KiB", MOST_INPUT / 1024)));
        }
        let seconds = self.timeout_seconds.unwrap_or(DEFAULT_SECONDS);
        if !(1..=MOST_SECONDS).contains(&seconds) {
            return Err(Error::invalid("timeout_seconds", format!("give 1 to {MOST_SECONDS} seconds")));
        }
        if let Some(user) = &self.user {
            check_user(user).map_err(|why| Error::invalid("user", why))?;
        }
        Ok(Job {
            words: self.command.words(),
            user: self.user,
            input: self.input,
            seconds,
            most_output: MOST_OUTPUT,
        })
    }
}

impl Engine {
    /// The ways into an instance, the best first, as far as can be told without trying.
    pub async fn command_ways(&self, actor: &Actor, id: InstanceId) -> Result<[Way; 3], Error> {
        let instance = self.instance(actor, id).await?;
        self.ways_into(&instance).await
    }

    pub(crate) async fn ways_into(&self, instance: &Instance) -> Result<[Way; 3], Error> {
        let template = match instance.template_id {
            Some(id) => templates::by_id(self.db(), id).await?,
            None => None,
        };
        let node = node_access::of(self.db(), instance.cluster_id).await?;
        let node = node.is_some_and(|(access, _)| access.doors.contains_key(instance.node.as_str()));
        Ok(ways(Known {
            kind: instance.kind,
            state: instance.state(),
            agent: template.is_some_and(|template| template.reports_address),
            management: management::of(self.db(), instance.id).await?,
            addressed: self.ssh_address(instance).is_some(),
            node,
        }))
    }

    /// Runs a command in an instance and waits for its end. When nobody waits any more, it is killed.
    pub async fn run_command(&self, actor: &Actor, id: InstanceId, new: NewCommand) -> Result<Ran, Error> {
        let instance = self.usable(actor, id).await?;
        let by = new.by;
        let job = new.job()?;
        let turn = self.0.busy.enter(self.options(), instance.id, actor.user_id)?;
        // Its program, and by what it can be told whether it was this command: a hash and a length.
        let words = job.words.join("\0");
        let asked = json!({
            "program": job.program(),
            "command_sha256": hex::encode(Sha256::digest(words.as_bytes())),
            "command_bytes": words.len(),
            "input_bytes": job.input.len(),
            "user": job.user,
        });
        let mut tx = self.db().begin().await?;
        self.record(
            &mut tx,
            actor,
            Deed::done("command.ask", id).of(instance.project_id).after(asked.clone()),
        );
        tx.commit().await?;
        // In a task of its own: when the caller goes away, the command is still killed and written down.
        let cancelled = CancellationToken::new();
        let (engine, actor, watch) = (self.clone(), actor.clone(), cancelled.clone());
        let _leaving = cancelled.drop_guard();
        let run = tokio::spawn(async move {
            let ran = engine.run_job(&instance, by, &job, watch.cancelled_owned()).await;
            drop(turn);
            let mut told = asked;
            match &ran {
                Ok(ran) => {
                    told["by"] = json!(ran.by);
                    told["exit_code"] = json!(ran.exit_code);
                    told["signal"] = json!(ran.signal);
                    told["timed_out"] = json!(ran.timed_out);
                    told["cancelled"] = json!(ran.cancelled);
                }
                Err(error) => told["problem"] = json!(error.to_string()),
            }
            let mut tx = engine.db().begin().await?;
            engine.record(&mut tx, &actor, Deed::done("command.run", id).of(instance.project_id).after(told));
            tx.commit().await?;
            ran
        });
        run.await.map_err(|error| Error::Internal(format!("a command's task ended badly: {error}")))?
    }

    /// An instance of a project that the actor may use and that may run.
    pub(crate) async fn usable(&self, actor: &Actor, id: InstanceId) -> Result<Instance, Error> {
        let instance = instances::by_id(self.db(), id).await?.ok_or(Error::NotFound("instance"))?;
        self.allow_on(actor, &instance, Need::Use).await?;
        if instance.deleted_at.is_some() {
            return Err(Error::conflict("deleted", "the instance is deleted"));
        }
        if instance.trashed_until.is_some() {
            return Err(Error::conflict("trashed", "the instance is in the trash; take it out first"));
        }
        self.check_unrestricted(instance.project_id).await?;
        Ok(instance)
    }
}
