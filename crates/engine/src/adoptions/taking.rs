//! Taking a guest in, and letting it go: one step at a time from the rows, so that a crash at any moment is gone on
//! from. Whether the mark was written is not remembered but looked at.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::adoptions::{Adoption, Obstacle, State};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::instances::{Course, Goal, Guest, Instance, Kind, Owner, Power, Seen, Task, Wish};
use innkeeper_domain::quotas::Amounts;
use innkeeper_domain::retry;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::usage::tariff;
use innkeeper_store::{Tx, adoptions, instances, vmids};
use pve::{Class, GuestRef};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::instance_of;
use super::marking::{Written, mark_guest, unmark_guest};
use crate::connections::{CallError, Connection};
use crate::instances::tell;
use crate::reconciler::look;
use crate::{Engine, Error, restrictions, usage};

/// Adoptions worked on at once in this process.
const AT_ONCE: i64 = 4;

/// How often a guest that is locked, or whose configuration somebody changes all the time, is tried before it is left
/// as it is: about half an hour.
const PATIENCE: u32 = 35;

/// Goes on with adoptions until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    loop {
        let pause = match engine.adopt_due().await {
            Ok(true) => Duration::ZERO,
            Ok(false) => engine.next_adoption().await,
            Err(error) => {
                error!(%error, "going on with adoptions failed; will try again");
                engine.options().sweep_every
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = engine.0.adopting.notified(), if !pause.is_zero() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What keeps an adoption from going on.
enum Hitch {
    /// For a while, perhaps.
    Again(String),
    /// For good: there is no such guest any more, or it is not ours to mark.
    Over(String),
}

impl From<CallError> for Hitch {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Resting(_) => Self::Again("the cluster does not answer".to_owned()),
            CallError::Pve(error) => match error.class() {
                Class::Permanent => Self::Over(error.to_string()),
                _ => Self::Again(error.to_string()),
            },
        }
    }
}

/// Where a guest was when it was wished for.
fn first_place(adoption: &Adoption) -> Result<GuestRef, pve::Error> {
    let node = pve::NodeName::new(adoption.draft.node.as_str())?;
    let vmid = pve::Vmid::new(adoption.vmid)?;
    Ok(match adoption.draft.kind {
        Kind::Lxc => GuestRef::lxc(node, vmid),
        Kind::Qemu => GuestRef::qemu(node, vmid),
    })
}

/// Where a guest is that has moved, if it is anywhere.
async fn find(connection: &Connection, was: &GuestRef) -> Result<Option<GuestRef>, CallError> {
    let vmid = was.vmid;
    let row = connection.call(|client| async move { client.find_guest(vmid).await }).await?;
    Ok(row.filter(|row| row.kind == was.kind).map(|row| row.at()))
}

fn is_missing(error: &CallError) -> bool {
    matches!(error, CallError::Pve(pve::Error::GuestMissing { .. }))
}

impl Engine {
    async fn next_adoption(&self) -> Duration {
        let sweep = self.options().sweep_every;
        match adoptions::next_due(self.db()).await {
            Ok(due) => {
                due.map_or(sweep, |due| due.since(self.clock().now()).clamp(Duration::from_millis(5), sweep))
            }
            Err(error) => {
                error!(%error, "when the next adoption is due cannot be told; will try again");
                sweep
            }
        }
    }

    /// Takes a step with each adoption that is due; false when there was none.
    async fn adopt_due(&self) -> Result<bool, Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let due = adoptions::claim_due(&mut tx, now, now.after(self.options().claim), AT_ONCE).await?;
        tx.commit().await?;
        // A step ends before its claim does, so that no two take it.
        let limit = self.options().claim.mul_f64(0.9);
        let steps = due.iter().map(|adoption| async move {
            match tokio::time::timeout(limit, self.take_step(adoption)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => error!(%error, adoption = %adoption.id, "the step was broken off"),
                Err(_) => {
                    warn!(adoption = %adoption.id, "the step took too long; it will be looked at again");
                }
            }
        });
        futures_util::future::join_all(steps).await;
        Ok(!due.is_empty())
    }

    async fn take_step(&self, adoption: &Adoption) -> Result<(), Error> {
        let connection = self.connection(adoption.cluster_id).await?;
        let hitch = match adoption.state {
            State::Wished => match self.mark_and_make(&connection, adoption).await? {
                Ok(()) => return Ok(()),
                Err(hitch) => hitch,
            },
            State::Undoing | State::Releasing => match let_go(&connection, adoption).await {
                Ok(()) => return self.gone(adoption).await,
                Err(hitch) => hitch,
            },
            State::Adopted | State::Released | State::Failed => return Ok(()),
        };
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        match hitch {
            Hitch::Again(problem) => {
                let pause = retry::pause(adoption.attempts, rand::random());
                adoptions::again(&mut tx, adoption.id, adoption.state, &problem, now.after(pause)).await?;
            }
            Hitch::Over(problem) if adoption.state == State::Wished => {
                warn!(adoption = %adoption.id, problem, "the guest was not adopted");
                self.end(&mut tx, adoption, State::Failed, &problem, now).await?;
            }
            // A mark that cannot be taken off is tried again until somebody sees why.
            Hitch::Over(problem) => {
                let pause = retry::pause(adoption.attempts.max(6), rand::random());
                adoptions::again(&mut tx, adoption.id, adoption.state, &problem, now.after(pause)).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    async fn end(
        &self,
        tx: &mut Tx,
        adoption: &Adoption,
        to: State,
        problem: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (id, from) = (adoption.id, adoption.state);
        adoptions::go_on(tx, id, from, to, Some(problem), None, Some(now)).await?;
        let deed = Deed::refused("instance.adopt", adoption.instance_id).of(adoption.project_id);
        let after = json!({ "vmid": adoption.vmid, "cluster": adoption.cluster_id, "problem": problem });
        self.record(tx, &Actor::house(), deed.after(after));
        Ok(())
    }

    /// Marks a guest, looks whether the mark stands, and makes it an instance.
    async fn mark_and_make(
        &self,
        connection: &Connection,
        adoption: &Adoption,
    ) -> Result<Result<(), Hitch>, Error> {
        let seen = match self.marked(connection, adoption).await {
            Ok(seen) => seen,
            Err(hitch) => return Ok(Err(hitch)),
        };
        match self.make_instance(adoption, seen).await {
            Ok(()) => Ok(Ok(())),
            Err(error @ (Error::Store(_) | Error::Internal(_))) => Err(error),
            // It cannot be: what was written is taken back first.
            Err(reason) => {
                let now = self.clock().now();
                let mut tx = self.db().begin().await?;
                let (from, to) = (State::Wished, State::Undoing);
                let problem = reason.to_string();
                adoptions::go_on(&mut tx, adoption.id, from, to, Some(&problem), Some(now), None).await?;
                tx.commit().await?;
                Ok(Ok(()))
            }
        }
    }

    /// The guest with our mark on it, as it was seen after the mark was written.
    async fn marked(&self, connection: &Connection, adoption: &Adoption) -> Result<Instance, Hitch> {
        let mut at = first_place(adoption).map_err(CallError::Pve)?;
        let mut written = mark_guest(connection, &at, adoption.instance_id).await;
        if written.as_ref().is_err_and(is_missing) {
            let found = find(connection, &at).await?;
            at = found.ok_or_else(|| Hitch::Over(Obstacle::NotThere.message().to_owned()))?;
            written = mark_guest(connection, &at, adoption.instance_id).await;
        }
        match written? {
            Written::Yes | Written::Asked => {}
            Written::Anothers => return Err(Hitch::Over(Obstacle::AnothersMark.message().to_owned())),
            Written::NoRoom => return Err(Hitch::Over(Obstacle::NoRoom.message().to_owned())),
            Written::Locked if adoption.attempts >= PATIENCE => {
                return Err(Hitch::Over(Obstacle::Locked.message().to_owned()));
            }
            Written::Locked => return Err(Hitch::Again(Obstacle::Locked.message().to_owned())),
        }
        let (goal, address) = (Goal::Running, adoption.draft.address);
        let wish = Wish { goal, gentle_until: None, restart: false, address, refit: false, once: None };
        let course = Course { wish, born: true, seen: Seen::Unknown, task: Task::None, attempts: 0 };
        let mut instance = instance_of(adoption, course);
        if let Ok(node) = at.node.as_str().parse() {
            instance.node = node;
        }
        let sight = look(connection, &instance).await?;
        let Seen::Present(guest) = sight.seen else {
            return Err(Hitch::Again("the guest could not be seen after it was marked".to_owned()));
        };
        if guest.owner != Owner::Ours {
            return Err(Hitch::Again("the mark was not seen after it was written".to_owned()));
        }
        instance.address = sight.address;
        // As it is, it is as it should be.
        instance.course.seen = Seen::Present(Guest { fitted: true, grown: true, ..guest });
        instance.course.wish.goal = if guest.power == Power::Stopped { Goal::Stopped } else { Goal::Running };
        Ok(instance)
    }

    /// Gives the marked guest to its project: from this moment on it is an instance, and is paid for.
    async fn make_instance(&self, adoption: &Adoption, mut instance: Instance) -> Result<(), Error> {
        let now = self.clock().now();
        instance.created_at = now;
        instance.seen_at = Some(now);
        let held = instance.rate.hold(self.options().billing.cycle)?;
        let mut tx = self.db().begin().await?;
        self.fit(&mut tx, adoption.project_id, Amounts::one(instance.size)).await?;
        if let Some(restriction) = restrictions::in_the_way(&mut tx, adoption.project_id).await? {
            return Err(Error::Restricted(restriction));
        }
        if instances::active_names(&mut tx, adoption.project_id, &instance.name).await? {
            let message = format!("the project has an instance named {} by now", instance.name);
            return Err(Error::conflict("name_taken", message));
        }
        let (id, from, to) = (adoption.id, State::Wished, State::Adopted);
        if !adoptions::go_on(&mut tx, id, from, to, None, None, None).await? {
            // Another process was faster.
            return Ok(());
        }
        let taken = || Error::conflict("vmid_taken", "another instance has this number");
        if !vmids::hold(&mut tx, adoption.cluster_id, adoption.vmid, instance.id).await? {
            return Err(taken());
        }
        instances::insert(&mut tx, &instance, None).await.map_err(|error| match error {
            innkeeper_store::Error::Conflict("vmid") => taken(),
            innkeeper_store::Error::Conflict("name") => {
                Error::conflict("name_taken", "the project has an instance of that name by now")
            }
            other => other.into(),
        })?;
        usage::begin(&mut tx, &instance, held, now).await?;
        let next = tariff(&instance.course, false, None);
        usage::seen(&mut tx, &instance, next, now).await?;
        tell(&mut tx, &instance, now).await?;
        let after = json!({
            "name": instance.name, "vmid": instance.vmid, "cluster": instance.cluster_id,
            "size": instance.size, "rate": instance.rate, "asked_by": adoption.asked_by,
        });
        let deed = Deed::done("instance.adopt", instance.id).of(instance.project_id).after(after);
        self.record(&mut tx, &Actor::house(), deed);
        tx.commit().await?;
        info!(instance = %instance.id, vmid = instance.vmid, "the guest was adopted");
        Ok(())
    }

    /// Our mark is off the guest.
    async fn gone(&self, adoption: &Adoption) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        if adoption.state == State::Undoing {
            let problem = adoption.problem.as_deref().unwrap_or("it could not become an instance");
            self.end(&mut tx, adoption, State::Failed, problem, now).await?;
        } else {
            let (id, from, to) = (adoption.id, adoption.state, State::Released);
            adoptions::go_on(&mut tx, id, from, to, None, None, Some(now)).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Ends an instance without touching its guest: what it owes is settled, and its number is nobody's of ours.
    pub(super) async fn forget_instance(&self, tx: &mut Tx, instance: &mut Instance) -> Result<(), Error> {
        let now = self.clock().now();
        instance.deleted_at = Some(now);
        instance.course.seen = Seen::Absent;
        instance.course.wish.goal = Goal::Absent;
        instance.address = None;
        instance.problem = None;
        if !usage::save(tx, instance, now).await? {
            return Err(Error::Overloaded);
        }
        self.settle(tx, instance.id, now).await?;
        vmids::release(tx, instance.cluster_id, instance.vmid).await?;
        tell(tx, instance, now).await
    }
}

/// Takes our mark off a guest and looks whether it is gone. A guest that is not there any more has none.
async fn let_go(connection: &Connection, adoption: &Adoption) -> Result<(), Hitch> {
    let mut at = first_place(adoption).map_err(CallError::Pve)?;
    let (id, tag) = (adoption.instance_id, adoption.draft.adds_tag);
    for _ in 0..2 {
        let mut written = unmark_guest(connection, &at, id, tag).await;
        if written.as_ref().is_err_and(is_missing) {
            let Some(there) = find(connection, &at).await? else { return Ok(()) };
            at = there;
            written = unmark_guest(connection, &at, id, tag).await;
        }
        match written? {
            Written::Yes => return Ok(()),
            Written::Locked => return Err(Hitch::Again(Obstacle::Locked.message().to_owned())),
            // Look again.
            Written::Asked | Written::Anothers | Written::NoRoom => {}
        }
    }
    Err(Hitch::Again("the mark is still there after it was taken off".to_owned()))
}
