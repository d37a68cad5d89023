//! What hosts did in the past: their changes of state, and how long they slept.

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::access::{Action, Actor, Answer, may};
use innkeeper_domain::hosts::{Change, Slept, slept};
use innkeeper_domain::ids::HostId;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::hosts;

use super::{allow_host, may_use};
use crate::error::allow;
use crate::{Engine, Error};

/// The most changes that are looked at.
const MOST: i64 = 10_000;

/// How a host spent a stretch of time.
#[derive(Clone, Debug)]
pub struct HostReport {
    /// The host.
    pub id: HostId,
    /// What people call it.
    pub name: String,
    /// How long it slept, was awake, and how often it was woken.
    pub slept: Slept,
    /// Watt-hours that it did not draw while it slept; none where its draw is not known.
    pub saved_wh: Option<u64>,
}

impl Engine {
    /// Where a host stood between two times, oldest first.
    pub async fn host_history(
        &self,
        actor: &Actor,
        id: HostId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Change>, Error> {
        let host = hosts::by_id(self.db(), id).await?.ok_or(Error::NotFound("host"))?;
        allow_host(actor, &host, Ability::See)?;
        check(from, to)?;
        Ok(hosts::changes(self.db(), id, from, to, MOST).await?)
    }

    /// How the hosts that the actor may read about spent a stretch of time.
    pub async fn host_report(
        &self,
        actor: &Actor,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<HostReport>, Error> {
        allow(may(actor, Action::Look), "host")?;
        check(from, to)?;
        let to = to.min(self.clock().now());
        let mut reports = Vec::new();
        for host in hosts::list(self.db()).await? {
            if may_use(actor, &host, Ability::Report) != Answer::Yes {
                continue;
            }
            let changes = hosts::changes(self.db(), host.id, from, to, MOST).await?;
            let slept = slept(&changes, from.max(host.created_at), to);
            let saved_wh = host.profile.watts.map(|watts| u64::from(watts) * slept.asleep.as_secs() / 3600);
            reports.push(HostReport { id: host.id, name: host.name.to_string(), slept, saved_wh });
        }
        Ok(reports)
    }
}

fn check(from: Timestamp, to: Timestamp) -> Result<(), Error> {
    if from >= to { Err(Error::invalid("to", "write a time after `from`")) } else { Ok(()) }
}
