//! The loop that looks after hosts. One process at a time looks after a host; whatever it is about to do is written down
//! first, under the fence of its claim, so that a crash at any point is a look more and nothing else.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::discord::AlertKind;
use innkeeper_domain::events::Subject;
use innkeeper_domain::hosts::{Act, Host, State, Way, next, pause};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Topic, events, hosts, instances, services};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info, info_span};

use crate::{Engine, Error, turns};

/// How long a process looks after a host without a word.
const CLAIM: Duration = Duration::from_secs(60);

/// The longest pause between two looks for hosts that are due.
const SWEEP: Duration = Duration::from_secs(5);

/// Looks after hosts until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let looks = TaskTracker::new();
    let hints = engine.db().wakeups(Topic::Guardian);
    turns::take("looking for hosts", hints, SWEEP, &stop, || claim_and_look(&engine, &looks)).await;
    looks.close();
    looks.wait().await;
}

async fn claim_and_look(engine: &Engine, looks: &TaskTracker) -> Result<Duration, Error> {
    let now = engine.clock().now();
    let mut tx = engine.db().begin().await?;
    let claimed = hosts::claim(&mut tx, now, now.after(CLAIM)).await?;
    tx.commit().await?;
    for host in claimed {
        let engine = engine.clone();
        let span = info_span!("host", name = %host.name);
        looks.spawn(
            async move {
                if let Err(error) = engine.look_after_host(host).await {
                    // The claim runs out by itself, and the host is looked at again.
                    error!(%error, "the look was broken off; it will be taken up again");
                }
            }
            .instrument(span),
        );
    }
    let next = hosts::next_due(engine.db()).await?;
    Ok(turns::pause(next, engine.clock().now(), SWEEP))
}

impl Engine {
    /// Looks after every host that is due, once and one after the other. [`Engine::run`] does it by itself.
    pub async fn watch_hosts(&self) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let claimed = hosts::claim(&mut tx, now, now.after(CLAIM)).await?;
        tx.commit().await?;
        for host in claimed {
            self.look_after_host(host).await?;
        }
        Ok(())
    }

    /// Looks at a host that was claimed, and takes one step.
    pub(crate) async fn look_after_host(&self, mut host: Host) -> Result<(), Error> {
        let seen = self.look_at_host(&host).await;
        let needs = self.needs(&host, seen.presence).await?;
        let now = self.clock().now();
        let (course, act) =
            next(&host.profile, &host.course, seen.presence, &needs.signals, needs.resting, now);
        let before = host.clone();
        host.course = course;
        host.seen = seen;
        host.signals.clone_from(&needs.signals);

        let mut tx = self.db().begin().await?;
        let current = hosts::by_id_tx(&mut tx, host.id).await?;
        if current.is_none_or(|current| current.fence != host.fence) {
            // Somebody wished something of it, or took it up: what was seen is seen again.
            return Ok(());
        }
        if act == Some(Act::Off(Way::Api))
            && instances::under_way(&mut tx, host.cluster_id, &host.node).await?
        {
            // Asked for since the look. The row is locked: whoever drives it waits, and sees that the host still serves.
            hosts::rest(&mut tx, host.id, host.fence, now).await?;
            return Ok(tx.commit().await?);
        }
        hosts::save(&mut tx, &host).await?;
        let way = |host: &Host| host.course.commanded.as_ref().map(|command| command.way);
        // Told a second time, in another way, is a turn too.
        let told = host.course.state == State::ShuttingDown && way(&host) != way(&before);
        if host.course.state != before.course.state || told {
            self.note_turn(&mut tx, &before, &host, now).await?;
        } else if host.signals != before.signals || host.course != before.course {
            self.tell_host(&mut tx, &host, now).await?;
        }
        tx.commit().await?;
        if let Some(act) = act {
            self.act_on_host(&host, act, needs).await?;
        }
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        hosts::rest(&mut tx, host.id, host.fence, now.after(pause(&host.course, now))).await?;
        Ok(tx.commit().await?)
    }

    /// It stands elsewhere now: that is kept, told, and those who wait for it are woken.
    async fn note_turn(
        &self,
        tx: &mut innkeeper_store::Tx,
        before: &Host,
        host: &Host,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (from, to) = (before.course.state, host.course.state);
        info!(%from, %to, reason = host.course.reason.as_deref().unwrap_or_default(), "the host has turned");
        hosts::note(tx, host).await?;
        self.tell_host(tx, host, now).await?;
        if matches!(to, State::Waking | State::ShuttingDown | State::Error) {
            let deed = match to {
                State::Waking => "host.called",
                State::ShuttingDown => "host.switched_off",
                _ => "host.failed",
            };
            let after = json!({ "state": to, "reason": host.course.reason });
            let deed = Deed::done(deed, host.id).before(json!({ "state": from })).after(after);
            self.record(tx, &Actor::house(), deed);
        }
        if to == State::Error {
            let kind = match from {
                State::Waking | State::Booting => AlertKind::HostStartFailed,
                State::Draining | State::ShuttingDown => AlertKind::HostStopFailed,
                _ => AlertKind::HostUnreachable,
            };
            let reason = host.course.reason.as_deref().unwrap_or_default();
            self.alert(tx, kind, host.name.as_str(), reason).await?;
        }
        if to.serves() != from.serves() || to == State::Error {
            // Whatever waits for the host, or no longer needs to.
            instances::hurry(tx, host.cluster_id, &host.node, now).await?;
            tx.wake(Topic::Work);
        }
        if to.serves() != from.serves() || to == State::Waking {
            // What is on it comes and goes with it.
            services::hurry_on(tx, host, now).await?;
        }
        tx.wake(Topic::Guardian);
        Ok(())
    }

    async fn tell_host(
        &self,
        tx: &mut innkeeper_store::Tx,
        host: &Host,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (id, state) = (host.id.to_string(), host.course.state);
        Ok(events::append(tx, now, None, Subject::Host, &id, state.as_str()).await?)
    }
}
