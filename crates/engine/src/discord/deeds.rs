//! What is asked of hosts by buttons, each done once: a press that comes twice gets the answer of the first.

use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::{Host, State};
use innkeeper_domain::ids::HostId;
use innkeeper_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Engine, Error, Idempotency};

/// What is asked of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostDeed {
    /// Wake it.
    Wake,
    /// Have it go to sleep.
    Sleep,
    /// Call that off.
    CancelSleep,
    /// Keep it awake for so many hours.
    KeepAwake(u8),
    /// Take it out of the guardian's hands, or give it back.
    Maintain(bool),
}

/// What became of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostOutcome {
    /// It is done.
    Done,
    /// It was so before.
    Already,
    /// It is under way since then.
    UnderWay(Timestamp),
}

impl Engine {
    /// Asks something of a host, once per key. The deeds say how things are to be, so that two presses at the very same
    /// moment do no more than one; what was answered is kept, so that a late repetition does nothing at all.
    pub async fn ask_host_once(
        &self,
        actor: &Actor,
        id: HostId,
        deed: HostDeed,
        key: &Idempotency,
    ) -> Result<HostOutcome, Error> {
        let mut tx = self.db().begin().await?;
        let before: Option<HostOutcome> = self.replay(&mut tx, actor, Some(key)).await?;
        tx.rollback().await?;
        if let Some(before) = before {
            return Ok(before);
        }
        let at = self.clock().now();
        let seen = self.host(actor, id).await?.course;
        let outcome = match deed {
            HostDeed::Wake => {
                let host = self.wake_host(actor, id, None).await?;
                if seen.state == State::Ready { HostOutcome::Already } else { woken(&host, at) }
            }
            HostDeed::Sleep => {
                self.sleep_host(actor, id).await?;
                if seen.state == State::Off { HostOutcome::Already } else { HostOutcome::UnderWay(at) }
            }
            HostDeed::CancelSleep => match self.cancel_sleep(actor, id).await {
                Ok(_) => HostOutcome::Done,
                Err(Error::Conflict { code: "not_going_to_sleep", .. }) => HostOutcome::Already,
                Err(error) => return Err(error),
            },
            HostDeed::KeepAwake(hours) => {
                let until = at.after(std::time::Duration::from_hours(hours.clamp(1, 24 * 7 - 1).into()));
                self.keep_awake(actor, id, Some(until)).await?;
                HostOutcome::Done
            }
            HostDeed::Maintain(on) => {
                self.maintain_host(actor, id, on).await?;
                let was = seen.state == State::Maintenance;
                if was == on { HostOutcome::Already } else { HostOutcome::Done }
            }
        };
        let mut tx = self.db().begin().await?;
        let other: Option<HostOutcome> = self.replay(&mut tx, actor, Some(key)).await?;
        if let Some(other) = other {
            return Ok(other);
        }
        self.remember(&mut tx, actor, Some(key), &outcome).await?;
        tx.commit().await?;
        Ok(outcome)
    }
}

/// A countdown that was ended has ended at once; anything else takes its time.
fn woken(host: &Host, at: Timestamp) -> HostOutcome {
    if host.course.state == State::Ready { HostOutcome::Done } else { HostOutcome::UnderWay(at) }
}
