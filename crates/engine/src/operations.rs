//! Operations: looking at them, and waiting for them to end.

use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::ids::{InstanceId, OperationId};
use innkeeper_domain::operations::Operation;
use innkeeper_store::Topic;
use innkeeper_store::operations;

use crate::error::allow;
use crate::projects::scope;
use crate::{Engine, Error, turns};

/// Which operations to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only those of this instance.
    pub instance_id: Option<InstanceId>,
    /// Only those that have not ended.
    pub active_only: bool,
}

impl Engine {
    /// One operation with its steps.
    pub async fn operation(&self, actor: &Actor, id: OperationId) -> Result<Operation, Error> {
        let operation = operations::by_id(self.db(), id).await?.ok_or(Error::NotFound("operation"))?;
        if let Err(refused) = allow(may(actor, Action::SeeProject(operation.project_id)), "operation") {
            // Who may see the instance by a share may see what is done to it.
            self.instance(actor, operation.instance_id).await.map_err(|_| refused)?;
        }
        Ok(operation)
    }

    /// One operation, as soon as it has ended or after `patience`, whichever comes first.
    pub async fn await_operation(
        &self,
        actor: &Actor,
        id: OperationId,
        patience: Duration,
    ) -> Result<Operation, Error> {
        let hints = self.db().wakeups(Topic::Events);
        turns::wait_for(hints, patience, || self.operation(actor, id), |found| found.state.is_final()).await
    }

    /// Operations, newest first.
    pub async fn operations(
        &self,
        actor: &Actor,
        filter: Filter,
        after: Option<OperationId>,
        limit: i64,
    ) -> Result<Vec<Operation>, Error> {
        let filter = operations::Filter {
            project_ids: scope(actor)?,
            instance_id: filter.instance_id,
            active_only: filter.active_only,
        };
        Ok(operations::list(self.db(), &filter, after, limit).await?)
    }
}
