//! Events as they happen, for live screens.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::events::Event;
use innkeeper_store::Topic;
use innkeeper_store::events::{self, Sight};
use tokio::sync::watch;

use crate::projects::scope;
use crate::{Engine, Error};

/// A reader that follows events from a point on.
pub struct Watched {
    engine: Engine,
    actor: Actor,
    seq: i64,
    hints: watch::Receiver<u64>,
}

const BATCH: i64 = 100;

impl Engine {
    /// The point from which on events of the last moments are told.
    pub async fn moments_ago(&self, back: Duration) -> Result<i64, Error> {
        Ok(events::latest_before(self.db(), self.clock().now().before(back)).await?)
    }

    /// Follows events after `seq`, or from now on.
    pub async fn watch(&self, actor: &Actor, seq: Option<i64>) -> Result<Watched, Error> {
        scope(actor)?;
        let hints = self.db().wakeups(Topic::Events);
        let seq = match seq {
            Some(seq) => seq,
            None => events::latest(self.db()).await?,
        };
        Ok(Watched { engine: self.clone(), actor: actor.clone(), seq, hints })
    }

    /// The hosts and services of which the actor may see what happens to them.
    async fn things_seen(&self, actor: &Actor) -> Result<Vec<String>, Error> {
        let hosts = self.hosts(actor).await?.into_iter().map(|host| host.id.to_string());
        let services = self.services(actor).await?.into_iter().map(|watched| watched.service.id.to_string());
        Ok(hosts.chain(services).collect())
    }
}

impl Watched {
    /// The next events that the actor may see; waits until there are some.
    pub async fn next(&mut self) -> Result<Vec<Event>, Error> {
        let scope = scope(&self.actor)?;
        loop {
            self.hints.mark_unchanged();
            // Asked anew each time: what is open to everybody today may be closed tomorrow.
            let sight = match &scope {
                Some(projects) => Some(Sight {
                    projects: projects.clone(),
                    things: self.engine.things_seen(&self.actor).await?,
                }),
                None => None,
            };
            let found = events::after(self.engine.db(), self.seq, sight.as_ref(), BATCH).await?;
            if let Some(last) = found.last() {
                self.seq = last.seq;
                return Ok(found);
            }
            let _ = tokio::time::timeout(self.engine.options().sweep_every, self.hints.changed()).await;
        }
    }
}
