//! One action on many instances, with one result for each.

use std::collections::BTreeSet;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::operations::{Operation, Verb};

use crate::error::allow;
use crate::{Engine, Error, NewSnapshot};

/// The most instances at once.
const MOST: usize = 100;

/// What can be done to many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bulk {
    /// What the verb says: start, shut down, stop, reboot.
    Power(Verb),
    /// Keep their present state, under a name by the date.
    Snapshot,
    /// Put them into the trash.
    Trash,
}

impl Engine {
    /// Asks the same of many instances. Each stands for itself: what cannot be done to one keeps nobody else from it.
    pub async fn change_instances(
        &self,
        actor: &Actor,
        bulk: Bulk,
        ids: BTreeSet<InstanceId>,
    ) -> Result<Vec<(InstanceId, Result<Operation, Error>)>, Error> {
        allow(may(actor, Action::Look), "instance")?;
        if ids.is_empty() || ids.len() > MOST {
            return Err(Error::invalid("instance_ids", format!("give 1 to {MOST} instances")));
        }
        let mut results = Vec::with_capacity(ids.len());
        for id in ids {
            let asked = match bulk {
                Bulk::Power(verb) => self.change_instance(actor, id, verb, None).await,
                Bulk::Snapshot => {
                    let new = NewSnapshot { name: None, description: String::new(), memory: false };
                    self.create_snapshot(actor, id, new, None).await
                }
                Bulk::Trash => self.remove_instance(actor, id, false, None).await,
            };
            results.push((id, asked));
        }
        Ok(results)
    }
}
