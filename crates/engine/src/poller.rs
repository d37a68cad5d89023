//! The poller: one `/cluster/resources` per cluster and cycle tells how every node, storage and guest is. Nothing is
//! asked per guest. With several processes, one of them polls a given cluster in a given cycle.

use std::collections::{HashMap, HashSet};

use innkeeper_domain::clusters::{Cluster, Health, Node, Storage};
use innkeeper_domain::discord::AlertKind;
use innkeeper_domain::events::Subject;
use innkeeper_domain::hosts::State;
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::instances::{Course, Guest, Instance, Kind, Owner, Power, Seen, Task};
use innkeeper_domain::mark;
use innkeeper_domain::names::NodeName;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::usage::tariff;
use innkeeper_store::{Topic, clusters, events, hosts, instances, nodes, vmids};
use pve::{GuestKind, Resource, RunState};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use crate::connections::CallError;
use crate::{Engine, Error};

/// Polls every cluster until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let polls = TaskTracker::new();
    let mut running: HashMap<ClusterId, JoinHandle<()>> = HashMap::new();
    loop {
        match clusters::list(engine.db()).await {
            Ok(known) => {
                for cluster in known {
                    // One that has ended has panicked; the cluster must not stay unobserved for that.
                    if running.get(&cluster.id).is_none_or(JoinHandle::is_finished) {
                        let poll = poll_forever(engine.clone(), cluster.id, stop.clone());
                        running.insert(cluster.id, polls.spawn(poll));
                    }
                }
            }
            Err(error) => error!(%error, "listing the clusters failed; will try again"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = engine.0.connections.added() => {}
            () = tokio::time::sleep(engine.options().poll_every) => {}
        }
    }
    polls.close();
    polls.wait().await;
}

async fn poll_forever(engine: Engine, id: ClusterId, stop: CancellationToken) {
    loop {
        if let Err(error) = engine.poll(id).await {
            error!(%error, cluster = %id, "polling failed; will try again");
        }
        // Spread by ±10 %, so that many clusters are not asked in the same instant.
        let pause = engine.options().poll_every.mul_f64(0.9 + rand::random::<f64>() * 0.2);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

impl Engine {
    /// Observes one cluster once, unless another process just did.
    pub(crate) async fn poll(&self, id: ClusterId) -> Result<(), Error> {
        let begun = self.clock().now();
        let mut tx = self.db().begin().await?;
        // A little less than the period: our own next turn must not find our own claim.
        let until = begun.after(self.options().poll_every.mul_f64(0.8));
        let mine = clusters::claim_poll(&mut tx, id, begun, until).await?;
        tx.commit().await?;
        if !mine {
            return Ok(());
        }
        let connection = self.connection(id).await?;
        let before = clusters::by_id(self.db(), id).await?.ok_or(Error::NotFound("cluster"))?;
        let version = match before.version {
            Some(_) => None,
            None => {
                connection.probe(|client| async move { client.version().await }).await.ok().map(|v| v.version)
            }
        };
        match connection.probe(|client| async move { client.resources().await }).await {
            Ok(rows) => self.take_in(&before, &rows, version.as_deref(), begun).await,
            Err(CallError::Resting(_)) => Ok(()),
            Err(CallError::Pve(error)) => {
                let health = match error {
                    pve::Error::Unauthorized { .. } | pve::Error::Forbidden { .. } => Health::Refused,
                    _ => Health::Unreachable,
                };
                warn!(cluster = %before.name, %error, "the cluster does not answer as it should");
                self.note_health(&before, health, Some(&error.to_string()), None).await
            }
        }
    }

    async fn take_in(
        &self,
        cluster: &Cluster,
        rows: &[Resource],
        version: Option<&str>,
        begun: Timestamp,
    ) -> Result<(), Error> {
        let nodes: Vec<Node> = rows.iter().filter_map(|row| node(cluster.id, row, begun)).collect();
        let storages: Vec<Storage> = rows.iter().filter_map(|row| storage(cluster.id, row, begun)).collect();
        let down: Vec<&str> =
            nodes.iter().filter(|node| !node.online).map(|node| node.name.as_str()).collect();
        let problem = (!down.is_empty()).then(|| format!("offline: {}", down.join(", ")));
        let health = match (&problem, nodes.is_empty()) {
            (None, false) => Health::Healthy,
            _ => Health::Degraded,
        };
        let problem = problem.or_else(|| {
            nodes.is_empty().then(|| "the token sees no node; it needs Sys.Audit on /nodes".to_owned())
        });
        let mut tx = self.db().begin().await?;
        nodes::replace(&mut tx, cluster.id, &nodes, &storages).await?;
        tx.commit().await?;
        self.note_health(cluster, health, problem.as_deref(), version).await?;
        self.note_guests(cluster, rows, begun).await
    }

    async fn note_health(
        &self,
        before: &Cluster,
        health: Health,
        problem: Option<&str>,
        version: Option<&str>,
    ) -> Result<(), Error> {
        let now = self.clock().now();
        let alert = self.news_of_health(before, health).await?;
        let mut tx = self.db().begin().await?;
        clusters::observed(&mut tx, before.id, health, problem, version, now).await?;
        if before.health != health || before.problem.as_deref() != problem {
            events::append(&mut tx, now, None, Subject::Cluster, &before.id.to_string(), health.as_str())
                .await?;
        }
        if let Some(kind) = alert {
            self.alert(&mut tx, kind, before.name.as_str(), problem.unwrap_or_default()).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Whether staff are to be told. That a cluster is silent all of whose nodes sleep, or are on their way, is no news.
    async fn news_of_health(&self, before: &Cluster, health: Health) -> Result<Option<AlertKind>, Error> {
        let answers = |health| matches!(health, Health::Healthy | Health::Degraded);
        let silent = |health| matches!(health, Health::Unreachable | Health::Refused);
        let kind = match (before.health, health) {
            (was, is) if answers(was) && silent(is) => AlertKind::ClusterLost,
            (was, is) if silent(was) && answers(is) => AlertKind::ClusterBack,
            _ => return Ok(None),
        };
        let hosts = hosts::list(self.db()).await?;
        let nodes = nodes::list(self.db(), Some(before.id)).await?;
        let sleeps = |node: &Node| {
            let host = hosts.iter().find(|host| host.cluster_id == before.id && host.node == node.name);
            host.is_some_and(|host| {
                matches!(host.course.state, State::Off | State::Waking | State::Booting | State::ShuttingDown)
            })
        };
        Ok((nodes.is_empty() || !nodes.iter().all(sleeps)).then_some(kind))
    }

    /// Writes down what changed of our guests, and which numbers of our range others use.
    async fn note_guests(&self, cluster: &Cluster, rows: &[Resource], begun: Timestamp) -> Result<(), Error> {
        let mut seen: HashMap<u32, &pve::GuestRow> = HashMap::new();
        for row in rows {
            if let Resource::Guest(guest) = row {
                seen.insert(guest.vmid.get(), guest);
            }
        }
        let ours = instances::in_cluster(self.db(), cluster.id).await?;
        let numbers: HashSet<u32> = ours.iter().map(|instance| instance.vmid).collect();
        let others = seen.keys().copied().filter(|vmid| cluster.vmids.contains(*vmid));
        let mut foreign: Vec<u32> = others.filter(|vmid| !numbers.contains(vmid)).collect();
        foreign.sort_unstable();
        let mut tx = self.db().begin().await?;
        vmids::set_foreign(&mut tx, cluster.id, &foreign).await?;
        tx.commit().await?;
        for instance in &ours {
            let Some(news) = self.news(instance, seen.get(&instance.vmid).copied(), begun) else { continue };
            let mut tx = self.db().begin().await?;
            let (id, fence) = (instance.id, instance.fence);
            let problem = news.problem.as_deref();
            if instances::observed(&mut tx, id, &news.seen, &news.node, problem, begun, fence).await? {
                let mut after = instance.clone();
                after.course.seen = news.seen;
                let next = tariff(&after.course, false, instance.tariff);
                if next != instance.tariff {
                    crate::usage::seen(&mut tx, instance, next, begun).await?;
                }
                if after.state() != instance.state() {
                    // Started behind our back, perhaps, while it should not run.
                    tx.wake(Topic::Restrictions);
                    crate::instances::tell(&mut tx, &after, begun).await?;
                }
                tx.commit().await?;
            } else {
                tx.rollback().await?;
            }
        }
        self.note_drift(cluster, &ours, &seen, begun).await
    }

    /// What a poll says of an instance, if that is new and can be trusted: the figures of a poll may be 10 s old, so
    /// that a fresher look of our own wins, and an operation under way knows better.
    fn news(&self, instance: &Instance, row: Option<&pve::GuestRow>, begun: Timestamp) -> Option<News> {
        let busy = instance.operation.is_some() || instance.course.task != Task::None;
        let fresh = instance.seen_at.is_some_and(|at| at.after(self.options().poll_lag) > begun);
        if busy || fresh || !instance.course.born {
            return None;
        }
        let news = match row {
            None => News {
                seen: Seen::Absent,
                node: instance.node.clone(),
                problem: Some(format!("guest {} is gone from Proxmox", instance.vmid)),
            },
            Some(row) if row.kind != kind_of(instance.kind) => News {
                seen: Seen::Present(Guest { owner: Owner::Foreign, ..before(instance) }),
                node: instance.node.clone(),
                problem: Some(format!("guest {} is another's now", instance.vmid)),
            },
            Some(row) => {
                let power = match &row.status {
                    RunState::Running => Power::Running,
                    RunState::Stopped => Power::Stopped,
                    RunState::Other(_) => Power::Paused,
                    // The node is away, or the guest is new. What was seen last stays.
                    RunState::Unknown => return None,
                };
                // A poll shows no description: our tag must do until the guest is looked at.
                let ours = row.tags.contains(mark::TAG);
                let doubt =
                    || format!("guest {} no longer has our tag `{}`; is it still ours?", row.vmid, mark::TAG);
                News {
                    seen: Seen::Present(Guest {
                        owner: if ours { Owner::Ours } else { Owner::Doubtful },
                        power,
                        locked: row.lock.is_some(),
                        ..before(instance)
                    }),
                    node: row.node.as_str().parse().ok()?,
                    problem: (!ours).then(doubt),
                }
            }
        };
        let old = (&instance.course.seen, &instance.node, &instance.problem);
        let changed = old != (&news.seen, &news.node, &news.problem);
        // One that nobody has metered so far, since it was made by an older release.
        let after = Course { seen: news.seen, ..instance.course };
        let unmetered = tariff(&after, false, instance.tariff) != instance.tariff;
        (changed || unmetered).then_some(news)
    }
}

struct News {
    seen: Seen,
    node: NodeName,
    problem: Option<String>,
}

fn before(instance: &Instance) -> Guest {
    match instance.course.seen {
        Seen::Present(guest) => guest,
        _ => Guest {
            owner: Owner::Ours,
            power: Power::Stopped,
            locked: false,
            fitted: true,
            grown: true,
            guarded: true,
            addressed: instance.address.is_some(),
        },
    }
}

fn kind_of(kind: Kind) -> GuestKind {
    match kind {
        Kind::Lxc => GuestKind::Lxc,
        Kind::Qemu => GuestKind::Qemu,
    }
}

fn node(cluster_id: ClusterId, row: &Resource, seen_at: Timestamp) -> Option<Node> {
    let Resource::Node(node) = row else { return None };
    Some(Node {
        cluster_id,
        name: node.node.as_str().parse().ok()?,
        online: node.is_online(),
        maintenance: false,
        cores: node.maxcpu.unwrap_or(0.0) as u32,
        memory_total: node.maxmem.unwrap_or(0),
        memory_used: node.mem.unwrap_or(0),
        seen_at,
    })
}

fn storage(cluster_id: ClusterId, row: &Resource, seen_at: Timestamp) -> Option<Storage> {
    let Resource::Storage(storage) = row else { return None };
    Some(Storage {
        cluster_id,
        node: storage.node.as_str().parse().ok()?,
        name: storage.storage.as_str().parse().ok()?,
        holds_containers: storage.holds("rootdir"),
        holds_disks: storage.holds("images"),
        holds_backups: storage.holds("backup"),
        shared: storage.shared,
        available: storage.status == "available",
        total: storage.maxdisk.unwrap_or(0),
        used: storage.disk.unwrap_or(0),
        seen_at,
    })
}
