//! Keeping: protection against removal, and the trash, from which an instance can be taken back for a while.

use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::instances::{self as rules, Instance, State};
use innkeeper_domain::operations::{Operation, Verb};
use innkeeper_store::{Tx, instances};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::changing::Change;
use super::tell;
use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// Instances taken out of the trash for good in one go.
const BATCH: i64 = 100;

/// How often we look whose time in the trash is over.
const PERIOD: Duration = Duration::from_secs(30);

/// Empties the trash until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    loop {
        if let Err(error) = engine.empty_trash().await {
            error!(%error, "emptying the trash failed; will try again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

impl Engine {
    /// Asks for the removal of an instance: into the trash, or `now`, at once and for good. What has nothing to keep goes
    /// for good. Asking twice is no more than asking once: only `now` takes what is in the trash.
    pub async fn remove_instance(
        &self,
        actor: &Actor,
        id: InstanceId,
        now: bool,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        let instance = self.instance_to(actor, id, Verb::Delete).await?;
        let nothing_to_keep =
            matches!(instance.state(), State::Failed | State::Missing | State::Provisioning);
        let trash = self.options().trash;
        if now || trash.is_zero() || nothing_to_keep {
            return self.change(actor, id, &Change::Plain(Verb::Delete), key).await;
        }
        let until = self.clock().now().after(trash);
        self.change(actor, id, &Change::Trash(until), key).await
    }

    /// Takes an instance out of the trash. It stays stopped.
    pub async fn recover_instance(&self, actor: &Actor, id: InstanceId) -> Result<Instance, Error> {
        let (mut tx, mut instance) = self.to_keep(actor, id, rules::Action::Recover).await?;
        instances::set_trashed(&mut tx, id, None).await?;
        let before = json!({ "trashed_until": instance.trashed_until.take() });
        tell(&mut tx, &instance, self.clock().now()).await?;
        let deed = Deed::done("instance.recover", id).of(instance.project_id).before(before);
        self.record(&mut tx, actor, deed);
        tx.commit().await?;
        Ok(instance)
    }

    /// Keeps an instance from being removed or made anew, or no longer.
    pub async fn protect_instance(
        &self,
        actor: &Actor,
        id: InstanceId,
        protected: bool,
    ) -> Result<Instance, Error> {
        let (mut tx, mut instance) = self.to_keep(actor, id, rules::Action::Protect).await?;
        if instance.protected != protected {
            instances::set_protected(&mut tx, id, protected).await?;
            instance.protected = protected;
            tell(&mut tx, &instance, self.clock().now()).await?;
            let deed = Deed::done("instance.protect", id).of(instance.project_id);
            let deed =
                deed.before(json!({ "protected": !protected })).after(json!({ "protected": protected }));
            self.record(&mut tx, actor, deed);
        }
        tx.commit().await?;
        Ok(instance)
    }

    async fn to_keep(
        &self,
        actor: &Actor,
        id: InstanceId,
        action: rules::Action,
    ) -> Result<(Tx, Instance), Error> {
        let mut tx = self.db().begin().await?;
        let instance = instances::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("instance"))?;
        allow(may(actor, Action::UseProject(instance.project_id)), "instance")?;
        if let Some(bar) = rules::bar(action, &instance) {
            return Err(Error::conflict(bar.code, bar.reason));
        }
        Ok((tx, instance))
    }

    /// Removes for good what has been in the trash long enough.
    pub(crate) async fn empty_trash(&self) -> Result<(), Error> {
        for id in instances::trash_over(self.db(), self.clock().now(), BATCH).await? {
            match self.change_instance(&Actor::house(), id, Verb::Delete, None).await {
                // Somebody was faster: taken back, or being removed already.
                Ok(_) | Err(Error::Busy(_) | Error::NotFound(_) | Error::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
