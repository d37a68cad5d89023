//! Driving one instance: ask the planner for the next step, take it, write down what came of it, and again.
//!
//! The order of writes is what makes a crash harmless: before a call its intent is committed; after it, the task or
//! the outcome. Every write carries the fence of the claim, and changes nothing once another has claimed the
//! instance.

mod acting;
mod backing;
mod ending;
mod following;
mod hosting;
mod looking;
mod placing;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use innkeeper_domain::instances::{Instance, Step};
use innkeeper_domain::operations::{Operation, StepState};
use innkeeper_domain::prices::Rate;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{instances, operations};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::faults;
use crate::connections::Connection;
use crate::{Engine, Error};

/// What to do after a step.
enum Flow {
    /// Plan the next one.
    On,
    /// Nothing to do before this time.
    Later(Timestamp),
    /// The claim was given back.
    Resting,
    /// The operation has ended.
    Ended,
    /// Another has claimed the instance.
    Lost,
}

/// Pauses up to this long are slept through; longer ones give the claim back.
const NAP: Duration = Duration::from_secs(1);

/// Failures on one node before a new instance is placed on another.
const BEFORE_MOVING: u32 = 2;

/// How long an undo rests after an answer that would end any other operation.
const UNDO_PAUSE: Duration = Duration::from_mins(1);

/// Drives an instance that was just claimed.
pub(in crate::reconciler) async fn drive(
    engine: &Engine,
    mut instance: Instance,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let operation = match instance.operation {
        Some((id, _)) => operations::by_id(engine.db(), id).await?,
        None => None,
    };
    let Some(operation) = operation else {
        // Nobody asked for anything: nothing is due.
        let mut tx = engine.db().begin().await?;
        instances::schedule(&mut tx, instance.id, instance.fence, None, None).await?;
        return Ok(tx.commit().await?);
    };
    let connection = engine.connection(instance.cluster_id).await?;
    instance.course.resumed();
    let open = operation.steps.iter().rev().find(|step| step.state == StepState::Running);
    let step = open.map(|step| (step.seq, step.started_at));
    let mut drive = Drive {
        engine,
        connection,
        instance,
        operation,
        step,
        measured: None,
        disks: None,
        made: None,
        resized: None,
    };
    if let Some(flow) = drive.await_host().await? {
        return match flow {
            Flow::Later(at) => drive.rest(at).await,
            _ => Ok(()),
        };
    }
    loop {
        let flow = if stop.is_cancelled() { Flow::Later(engine.clock().now()) } else { drive.step().await? };
        match flow {
            Flow::On => {}
            Flow::Later(at) if !stop.is_cancelled() && at.since(drive.now()) <= NAP => {
                let nap = tokio::time::sleep(at.since(drive.now()));
                tokio::select! { () = nap => {}, () = stop.cancelled() => {} }
            }
            Flow::Later(at) => return drive.rest(at).await,
            Flow::Resting | Flow::Ended | Flow::Lost => return Ok(()),
        }
    }
}

struct Drive<'a> {
    engine: &'a Engine,
    connection: Arc<Connection>,
    instance: Instance,
    operation: Operation,
    /// The number of the step that is open, if any, and when it began.
    step: Option<(i32, Timestamp)>,
    /// How big the guest was when it was last read.
    measured: Option<Size>,
    /// The backup that was made, when it was found.
    made: Option<pve::Volume>,
    /// Its extra disks, when they were last read: number and GiB.
    disks: Option<Vec<(u8, u32)>>,
    /// A resize has ended, and this is what comes of it for the price.
    resized: Option<Resized>,
}

/// What the end of a resize means for the price.
#[derive(Clone, Copy)]
enum Resized {
    /// It costs what it did.
    Unchanged,
    /// It costs this from now on.
    At(Rate),
    /// Its extra disks cost the second now, and cost the first before.
    Disks(Rate, Rate),
}

impl Drive<'_> {
    fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// Takes the next step.
    async fn step(&mut self) -> Result<Flow, Error> {
        let step = self.instance.course.next(self.now());
        debug!(?step, "next");
        match step {
            Step::Nothing => self.finish().await,
            Step::Look => self.look().await,
            Step::Find(act) => self.find(act).await,
            Step::Follow => self.follow().await,
            Step::Cancel => self.cancel().await,
            Step::Await => self.wait().await,
            Step::Do(act) => self.act(act).await,
            Step::Renumber => self.renumber().await,
            Step::Refuse(refusal) => {
                self.give_up(faults::refused(refusal, self.instance.id, self.instance.vmid)).await
            }
        }
    }
}
