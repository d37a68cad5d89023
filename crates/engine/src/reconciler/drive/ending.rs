//! Ending: with success, or with a reason; a create that failed is undone first.

use innkeeper_domain::disks::{Disk, kept, minus, plus, total_rate};
use innkeeper_domain::instances::{Goal, Owner, Power, Seen, Task};
use innkeeper_domain::operations::{Fault, State, Verb};
use innkeeper_domain::prices::Rate;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Tx, instances, networks, operations, vmids};
use tracing::{info, warn};

use super::super::look;
use super::{Drive, Flow, Resized, UNDO_PAUSE};
use crate::instances::tell;
use crate::{Error, usage};

impl Drive<'_> {
    /// Wish and world agree.
    pub(super) async fn finish(&mut self) -> Result<Flow, Error> {
        let now = self.now();
        let undone = self.operation.state == State::Undoing;
        let state = if undone { State::Failed } else { State::Succeeded };
        self.find_backup().await;
        let mut tx = self.engine.db().begin().await?;
        operations::set_state(&mut tx, self.operation.id, state, self.operation.fault.as_ref(), Some(now))
            .await?;
        self.operation.state = state;
        if self.instance.course.wish.goal == Goal::Absent {
            if let Seen::Present(_) = self.instance.course.seen {
                // Perhaps it is ours after all, and somebody has edited its description: only a person can tell.
                let (vmid, node) = (self.instance.vmid, &self.instance.node);
                warn!(vmid, %node, "the guest does not carry our mark and was left as it is; an operator should look at it");
            }
            self.instance.address = None;
            // Whatever has the number now is not ours, or there is nothing.
            self.instance.course.saw(Seen::Absent);
            networks::release(&mut tx, self.instance.id, &[]).await?;
        } else {
            if self.operation.verb == Verb::Update {
                // The guest has let go of those that it was to give up.
                let plugs = self.instance.settings.plugs();
                let needed = plugs.flat_map(|(_, plug)| plug.fixed()).map(|f| (f.pool_id, f.address));
                let needed: Vec<_> = needed.collect();
                networks::release(&mut tx, self.instance.id, &needed).await?;
            }
            self.instance.course.born = true;
        }
        if let Some(from) = self.instance.resize_from.take() {
            self.resized = Some(Resized::At(from.rate));
        }
        if let Some(before) = self.instance.settings.disks_before.take() {
            self.instance.settings.removed_disks.clear();
            self.rerate_disks(&before)?;
        }
        if self.operation.verb == Verb::Delete {
            self.instance.deleted_at = Some(now);
            vmids::release(&mut tx, self.instance.cluster_id, self.instance.vmid).await?;
        }
        self.instance.problem =
            self.operation.fault.as_ref().filter(|_| undone).map(|fault| fault.message.clone());
        self.end(tx, now).await
    }

    /// It will not work: what was begun is undone, and the reason is kept.
    pub(super) async fn give_up(&mut self, fault: Fault) -> Result<Flow, Error> {
        let now = self.now();
        self.instance.problem = Some(fault.message.clone());
        if self.operation.state == State::Undoing {
            // An undo is never given up: it would leave an orphan behind.
            warn!(fault = fault.message, "undoing is held up");
            return Ok(Flow::Later(now.after(UNDO_PAUSE)));
        }
        info!(verb = %self.operation.verb, code = fault.code, message = fault.message, "giving up");
        self.last_look().await;
        let fault = self.own_up(fault);
        self.keep_size().await?;
        self.keep_disks(&fault)?;
        if self.operation.verb == Verb::Rebuild && self.is_there() {
            // It was made anew, though not brought up: it is there, and paid for.
            self.instance.course.born = true;
        }
        let mut tx = self.engine.db().begin().await?;
        if self.operation.verb == Verb::Create && !self.instance.course.born {
            operations::set_state(&mut tx, self.operation.id, State::Undoing, Some(&fault), None).await?;
            self.operation.state = State::Undoing;
            self.operation.fault = Some(fault);
            self.instance.course.wish_for(Verb::Delete.wish(now, false, Power::Running, None));
            self.tell_operation(&mut tx, State::Undoing.as_str()).await?;
            return self.save(tx).await;
        }
        operations::set_state(&mut tx, self.operation.id, State::Failed, Some(&fault), Some(now)).await?;
        self.operation.state = State::Failed;
        self.operation.fault = Some(fault);
        self.end(tx, now).await
    }

    fn is_there(&self) -> bool {
        matches!(self.instance.course.seen, Seen::Present(guest) if guest.owner == Owner::Ours)
    }

    /// What became of it is worth one more call; if that fails too, the poller will tell.
    async fn last_look(&mut self) {
        let course = &mut self.instance.course;
        if course.seen != Seen::Unknown || course.task != Task::None {
            return;
        }
        if let Ok(sight) = look::look(&self.connection, &self.instance).await {
            self.instance.course.saw(sight.seen);
            self.measured = sight.size.or(self.measured);
            self.measure_disks(sight.disks);
        }
    }

    /// Another size that could not be had is neither claimed nor charged: the guest has what was read from it last, or
    /// else what it had.
    async fn keep_size(&mut self) -> Result<(), Error> {
        let Some(from) = self.instance.resize_from.take() else { return Ok(()) };
        let size = self.measured.unwrap_or(from.size);
        self.resized = Some(match size {
            _ if size == self.instance.size => Resized::At(from.rate),
            _ if size == from.size => Resized::Unchanged,
            // What is not paid by the hour is not from now on either.
            _ if from.rate == Rate::FREE => Resized::At(Rate::FREE),
            // Some of it was had.
            _ => {
                let rate = self.engine.rate(None, size).await?;
                Resized::At(plus(rate, total_rate(&self.instance.settings.disks)?)?)
            }
        });
        if size != self.instance.size {
            self.instance.plan_id = from.plan_id.filter(|_| size == from.size);
            self.instance.size = size;
        }
        Ok(())
    }

    /// What a look found of the extra disks. What Proxmox calls them is written down before anything is done to them.
    pub(super) fn measure_disks(&mut self, found: Option<Vec<(u8, String, u64)>>) {
        let Some(found) = found else { return };
        for (number, volume, _) in &found {
            self.instance.settings.name_volume(*number, volume);
        }
        let gib = |bytes: u64| u32::try_from(bytes >> 30).unwrap_or(u32::MAX);
        self.disks = Some(found.into_iter().map(|(number, _, bytes)| (number, gib(bytes))).collect());
    }

    /// Disks that could not be had are neither claimed nor charged, and those that could not be removed are both.
    fn keep_disks(&mut self, fault: &Fault) -> Result<(), Error> {
        let settings = &mut self.instance.settings;
        let Some(before) = settings.disks_before.take() else { return Ok(()) };
        // What is in its slot is another's then, and says nothing of ours.
        let taken = fault.code == "disk_slot_taken";
        settings.disks = match &self.disks {
            Some(seen) if !taken => kept(&settings.disks, &settings.removed_disks, &before, seen),
            _ => before.clone(),
        };
        settings.removed_disks.clear();
        self.rerate_disks(&before)
    }

    fn rerate_disks(&mut self, before: &[Disk]) -> Result<(), Error> {
        let (before, after) = (total_rate(before)?, total_rate(&self.instance.settings.disks)?);
        self.resized = self.resized.or(Some(Resized::Disks(before, after)));
        Ok(())
    }

    /// Closes the operation: nothing is due for the instance any more.
    pub(super) async fn end(&mut self, mut tx: Tx, now: Timestamp) -> Result<Flow, Error> {
        self.instance.operation = None;
        self.instance.awaits = None;
        self.settle_backup(&mut tx, now).await?;
        self.free_slot(&mut tx).await?;
        self.tell_operation(&mut tx, self.operation.state.as_str()).await?;
        if !usage::save(&mut tx, &mut self.instance, now).await? {
            tx.rollback().await?;
            return Ok(Flow::Lost);
        }
        if self.instance.course.wish.goal == Goal::Absent && self.instance.course.seen == Seen::Absent {
            self.engine.settle(&mut tx, self.instance.id, now).await?;
        } else if let Some(resized) = self.resized {
            let rate = match resized {
                Resized::At(rate) => Some(rate),
                Resized::Unchanged => None,
                Resized::Disks(before, after) => {
                    let now = instances::rate(&mut tx, self.instance.id).await?;
                    Some(plus(minus(now.unwrap_or(self.instance.rate), before)?, after)?)
                }
            };
            let cycle = self.engine.options().billing.cycle;
            usage::resized(&mut tx, &mut self.instance, rate, cycle, now).await?;
        }
        tell(&mut tx, &self.instance, now).await?;
        instances::schedule(&mut tx, self.instance.id, self.instance.fence, None, None).await?;
        tx.commit().await?;
        info!(verb = %self.operation.verb, state = %self.operation.state, "operation ended");
        Ok(Flow::Ended)
    }
}
