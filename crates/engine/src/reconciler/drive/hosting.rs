//! Waiting for the host: an instance whose node sleeps has it woken, and goes on when it is awake. That time is not counted
//! against the operation.

use std::time::Duration;

use innkeeper_domain::hosts::{Host, State as HostState};
use innkeeper_domain::instances::Task;
use innkeeper_domain::operations::{Fault, State, Verb};
use innkeeper_store::{Topic, Tx, hosts, operations};
use tracing::info;

use super::{Drive, Flow};
use crate::Error;

/// A host that is on its way is looked at again after this long even if nobody wakes us.
const PATIENCE: Duration = Duration::from_secs(5);

impl Drive<'_> {
    /// Some flow when the instance cannot be driven before its host is awake.
    pub(super) async fn await_host(&mut self) -> Result<Option<Flow>, Error> {
        let (cluster, node) = (self.instance.cluster_id, &self.instance.node);
        let host = hosts::of_node(self.engine.db(), cluster, node).await?;
        let Some(host) = host.filter(|host| !self.is_served(host)) else {
            self.instance.awaits = None;
            return Ok(None);
        };
        let failed = host.course.state == HostState::Error && host.course.since > self.operation.created_at;
        if failed && self.operation.state != State::Undoing && self.instance.course.task == Task::None {
            return self.give_up(not_woken(&host)).await.map(Some);
        }
        info!(host = %host.name, state = %host.course.state, "waiting for the host");
        let now = self.now();
        let news = self.instance.awaits.replace(host.id) != Some(host.id);
        self.operation.deadline = self.operation.verb.deadline(now);
        let mut tx = self.engine.db().begin().await?;
        operations::postpone(&mut tx, self.operation.id, self.operation.deadline).await?;
        hosts::hurry(&mut tx, host.id, now).await?;
        tx.wake(Topic::Guardian);
        if news {
            self.tell_operation(&mut tx, "waiting for the host").await?;
        }
        Ok(Some(match self.save(tx).await? {
            Flow::On => Flow::Later(now.after(PATIENCE)),
            other => other,
        }))
    }

    /// The same, as the last word before something is asked of Proxmox: the host is not told to switch itself off
    /// between this and the intent.
    pub(super) async fn host_serves(&self, tx: &mut Tx) -> Result<bool, Error> {
        let host = hosts::of_node_tx(tx, self.instance.cluster_id, &self.instance.node).await?;
        Ok(host.is_none_or(|host| self.is_served(&host)))
    }

    fn is_served(&self, host: &Host) -> bool {
        match host.course.state {
            // What is being stopped for its sleep, and what was begun before it.
            HostState::Draining => {
                matches!(self.operation.verb, Verb::Shutdown | Verb::Stop | Verb::Trash)
                    || self.instance.course.task != Task::None
            }
            state => state.serves(),
        }
    }
}

fn not_woken(host: &Host) -> Fault {
    let why = host.course.reason.as_deref().unwrap_or("it is not known why");
    Fault {
        code: "host_not_woken".into(),
        message: format!("the host {} did not wake: {why}; an operator must look at it", host.name),
    }
}
