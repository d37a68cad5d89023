//! Figures of guests and nodes, now and over time. A person waits for them, so they are bounded by a time-out and by
//! the limits of the connection; many who look at the same thing ask Proxmox once.

use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::ids::{ClusterId, InstanceId};
use innkeeper_domain::instances::{Instance, State};
use innkeeper_domain::mark;
use innkeeper_domain::metrics::{Consolidation, Now, Point, Series, Timeframe};
use innkeeper_domain::names::NodeName;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{instances, nodes};
use pve::{Client, GuestRef, GuestStatus, NodeStatus, RrdPoint, RunState};

use crate::connections::CallError;
use crate::error::allow;
use crate::kept::Kept;
use crate::reconciler::guest_ref;
use crate::shares::Need;
use crate::{Engine, Error};

/// How long figures of now are fresh.
const NOW_FRESH: Duration = Duration::from_secs(3);

/// How long figures of the past are fresh: Proxmox adds a point a minute at most.
const PAST_FRESH: Duration = Duration::from_secs(30);

/// How long a person waits for figures.
const PATIENCE: Duration = Duration::from_secs(8);

/// Why there are no figures: a stable code and a sentence.
type Silence = (&'static str, &'static str);

const CLUSTER: Silence =
    ("cluster_unreachable", "the figures cannot be had: where they are measured does not answer");
const NODE: Silence =
    ("node_unreachable", "the figures cannot be had: the machine that measures them is away");
const REFUSED: Silence =
    ("figures_unavailable", "the figures cannot be had at the moment; an operator can see why");

/// What figures are of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Guest(InstanceId, GuestRef),
    Node(ClusterId, pve::NodeName),
}

/// Figures that are kept for a moment.
pub(crate) struct Metrics {
    now: Kept<Subject, Now, Silence>,
    past: Kept<(Subject, Timeframe, Consolidation), Series, Silence>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { now: Kept::new(NOW_FRESH), past: Kept::new(PAST_FRESH) }
    }
}

/// Figures, and when they were taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken<T> {
    /// The figures.
    pub figures: T,
    /// When they were taken.
    pub taken_at: Timestamp,
    /// How old they are.
    pub age: Duration,
    /// They are older than they should be: nothing newer could be had.
    pub stale: bool,
}

impl Engine {
    /// What an instance does now.
    pub async fn metrics(&self, actor: &Actor, id: InstanceId) -> Result<Taken<Now>, Error> {
        let (cluster, subject) = self.measured(actor, id).await?;
        self.figures_now(cluster, subject).await
    }

    /// What an instance did.
    pub async fn metrics_history(
        &self,
        actor: &Actor,
        id: InstanceId,
        timeframe: Timeframe,
        consolidation: Consolidation,
    ) -> Result<Taken<Series>, Error> {
        let (cluster, subject) = self.measured(actor, id).await?;
        self.figures_past(cluster, subject, timeframe, consolidation).await
    }

    /// What a node does now; for staff.
    pub async fn node_metrics(
        &self,
        actor: &Actor,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<Taken<Now>, Error> {
        let subject = self.measured_node(actor, cluster, node).await?;
        self.figures_now(cluster, subject).await
    }

    /// What a node did; for staff.
    pub async fn node_metrics_history(
        &self,
        actor: &Actor,
        cluster: ClusterId,
        node: &NodeName,
        timeframe: Timeframe,
        consolidation: Consolidation,
    ) -> Result<Taken<Series>, Error> {
        let subject = self.measured_node(actor, cluster, node).await?;
        self.figures_past(cluster, subject, timeframe, consolidation).await
    }

    /// The guest of an instance, if it has one that is ours.
    async fn measured(&self, actor: &Actor, id: InstanceId) -> Result<(ClusterId, Subject), Error> {
        let instance = instances::by_id(self.db(), id).await?.ok_or(Error::NotFound("instance"))?;
        self.allow_on(actor, &instance, Need::See).await?;
        there(&instance)?;
        let guest = guest_ref(&instance).map_err(|error| Error::Internal(error.to_string()))?;
        Ok((instance.cluster_id, Subject::Guest(id, guest)))
    }

    async fn measured_node(
        &self,
        actor: &Actor,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<Subject, Error> {
        allow(may(actor, Action::SeeHouse), "node")?;
        self.cluster(actor, cluster).await?;
        let known = nodes::list(self.db(), Some(cluster)).await?;
        if !known.iter().any(|known| known.name == *node) {
            return Err(Error::NotFound("node"));
        }
        let name = pve::NodeName::new(node.as_str()).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Subject::Node(cluster, name))
    }

    async fn figures_now(&self, cluster: ClusterId, subject: Subject) -> Result<Taken<Now>, Error> {
        let about = subject.clone();
        let ask = || self.within_patience(cluster, |client| async move { now(&client, &about).await });
        let kept = self.0.metrics.now.get(&subject, self.clock(), ask).await;
        self.taken(kept, NOW_FRESH)
    }

    async fn figures_past(
        &self,
        cluster: ClusterId,
        subject: Subject,
        timeframe: Timeframe,
        consolidation: Consolidation,
    ) -> Result<Taken<Series>, Error> {
        let about = subject.clone();
        let ask = || {
            self.within_patience(cluster, move |client| async move {
                past(&client, &about, timeframe, consolidation).await
            })
        };
        let key = (subject, timeframe, consolidation);
        let kept = self.0.metrics.past.get(&key, self.clock(), ask).await;
        self.taken(kept, PAST_FRESH)
    }

    fn taken<T>(&self, kept: Result<(Timestamp, T), Silence>, fresh: Duration) -> Result<Taken<T>, Error> {
        let (taken_at, figures) = kept.map_err(|(code, message)| Error::Away { code, message })?;
        let age = self.clock().now().since(taken_at);
        Ok(Taken { figures, taken_at, age, stale: age > fresh })
    }

    async fn within_patience<T, F, Fut>(&self, cluster: ClusterId, ask: F) -> Result<T, Silence>
    where
        F: FnOnce(Client) -> Fut,
        Fut: Future<Output = Result<T, pve::Error>>,
    {
        let connection = self.connection(cluster).await.map_err(|error| {
            tracing::error!(%error, %cluster, "no way to the cluster");
            REFUSED
        })?;
        match tokio::time::timeout(PATIENCE, connection.call(ask)).await {
            Ok(Ok(figures)) => Ok(figures),
            Err(_) | Ok(Err(CallError::Resting(_))) => Err(CLUSTER),
            Ok(Err(CallError::Pve(error))) => Err(silence(&error)),
        }
    }
}

/// Whether there is a guest of ours to measure.
fn there(instance: &Instance) -> Result<(), Error> {
    let why = match instance.state() {
        State::Deleted => "the instance is deleted",
        State::Failed => "the instance could not be made",
        State::Missing => "the guest is missing; an operator must look at it",
        _ if !instance.course.born => "the instance is being made; there are no figures yet",
        _ => return Ok(()),
    };
    Err(Error::conflict("no_figures", why))
}

fn silence(error: &pve::Error) -> Silence {
    match error {
        pve::Error::NodeUnreachable { .. } => NODE,
        pve::Error::Unreachable { .. } | pve::Error::NoAnswer { .. } | pve::Error::OutcomeUnknown { .. } => {
            CLUSTER
        }
        // It has moved, perhaps; the next poll knows where to.
        other => {
            tracing::warn!(error = %other, "no figures");
            REFUSED
        }
    }
}

async fn now(client: &Client, subject: &Subject) -> Result<Now, pve::Error> {
    match subject {
        Subject::Guest(_, guest) => {
            let status = client.guest(guest).status().await?;
            if !status.tags.contains(mark::TAG) {
                // Another's by now, perhaps: its figures are none of ours to show.
                return Err(pve::Error::GuestMissing {
                    message: format!("guest {} does not carry our tag", status.vmid),
                });
            }
            Ok(of_guest(guest, &status))
        }
        Subject::Node(_, node) => Ok(of_node(&client.node_status(node).await?)),
    }
}

async fn past(
    client: &Client,
    subject: &Subject,
    timeframe: Timeframe,
    consolidation: Consolidation,
) -> Result<Series, pve::Error> {
    let timeframe = match timeframe {
        Timeframe::Hour => pve::Timeframe::Hour,
        Timeframe::Day => pve::Timeframe::Day,
        Timeframe::Week => pve::Timeframe::Week,
        Timeframe::Month => pve::Timeframe::Month,
        Timeframe::Year => pve::Timeframe::Year,
    };
    let cf = match consolidation {
        Consolidation::Average => pve::Consolidation::Average,
        Consolidation::Max => pve::Consolidation::Max,
    };
    let points = match subject {
        Subject::Guest(_, guest) => client.guest(guest).rrddata(timeframe, cf).await?,
        Subject::Node(_, node) => client.node_rrddata(node, timeframe, cf).await?,
    };
    Ok(Series::of(points.into_iter().map(point)))
}

fn of_guest(at: &GuestRef, status: &GuestStatus) -> Now {
    let runs = status.status == RunState::Running;
    Now {
        cpu: status.cpu.filter(|_| runs),
        cores: status.cpus,
        memory_used: status.mem.filter(|_| runs),
        memory_total: status.maxmem,
        // Of a virtual machine Proxmox says 0: it cannot look inside.
        disk_used: status.disk.filter(|_| runs && at.kind == pve::GuestKind::Lxc),
        disk_total: status.maxdisk,
        network_in: status.netin.filter(|_| runs),
        network_out: status.netout.filter(|_| runs),
        disk_read: status.diskread.filter(|_| runs),
        disk_written: status.diskwrite.filter(|_| runs),
        // -1 has been seen just after a start.
        uptime_seconds: status.uptime.map(|seconds| u64::try_from(seconds).unwrap_or(0)),
    }
}

fn of_node(status: &NodeStatus) -> Now {
    Now {
        cpu: status.cpu,
        cores: (status.cpuinfo.cpus > 0).then_some(f64::from(status.cpuinfo.cpus)),
        memory_used: Some(status.memory.used),
        memory_total: Some(status.memory.total),
        disk_used: Some(status.rootfs.used),
        disk_total: Some(status.rootfs.total),
        uptime_seconds: status.uptime.and_then(|seconds| u64::try_from(seconds).ok()),
        ..Now::default()
    }
}

fn point(row: RrdPoint) -> Point {
    Point {
        time: row.time,
        cpu: row.cpu,
        memory_used: row.mem,
        memory_total: row.maxmem,
        disk_used: row.disk,
        disk_total: row.maxdisk,
        network_in: row.netin,
        network_out: row.netout,
        disk_read: row.diskread,
        disk_written: row.diskwrite,
    }
}
