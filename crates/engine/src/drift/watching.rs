//! Watching: each poll compares what the inventory says with what we hold, and looks at a guest where that is not
//! enough: its row differs from what we hold and from what it was when we last looked, or it is its turn.
//!
//! The inventory is never believed about settings. Its figures are seconds old, and know nothing of what waits for a
//! restart; they only give reason to read the guest's configuration, once for each change. What no row tells, such as a
//! description, is found by the round: a few guests in each poll, whatever their number.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt as _;
use innkeeper_domain::clusters::Cluster;
use innkeeper_domain::drift::{
    Drift, Facts, Held, Mark, Row, Wanted, by_facts, by_row, carried_on, held, is_suspect, leaves_as_it_is,
};
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::{ClusterId, InstanceId};
use innkeeper_domain::instances::{Instance, Kind, Task};
use innkeeper_domain::mark;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::drift::Told;
use innkeeper_store::{drift, events, instances};
use pve::{GuestConfig, GuestRef, GuestRow, PropertyString, RunState};

use crate::connections::CallError;
use crate::reconciler::{root_disk, size};
use crate::{Engine, Error};

/// Guests looked at in one poll because their rows changed.
const SUSPECTS: usize = 16;

/// Guests looked at in one poll because it is their turn.
const ROUND: usize = 2;

/// The row that a guest had when it was looked at, and what we wanted and held of it then.
type Looked = (Row, Wanted, Option<Held>);

/// What was seen of guests when they were last looked at.
#[derive(Default)]
pub(crate) struct Watch {
    /// While nothing of this changes there is nothing new to learn.
    looked: Mutex<HashMap<InstanceId, Looked>>,
    /// Who was looked at last in the round of each cluster.
    round: Mutex<HashMap<ClusterId, InstanceId>>,
}

impl Watch {
    /// The next poll looks at this guest if there is any reason to.
    pub(crate) fn forget(&self, id: InstanceId) {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn is_known(&self, id: InstanceId, seen: &Looked) -> bool {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).get(&id) == Some(seen)
    }

    fn note(&self, id: InstanceId, seen: Looked) {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).insert(id, seen);
    }

    /// Forgets those that are not there any more.
    fn keep_only(&self, cluster: &[Instance], all: impl Fn(InstanceId) -> bool) {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        // Only when many of them are another cluster's or gone.
        if looked.len() > 4 * cluster.len() + 1000 {
            looked.retain(|id, _| all(*id));
        }
    }

    /// Whose turn it is among those that could be looked at, in the order of their ids.
    fn turns(&self, cluster: ClusterId, there: &[InstanceId]) -> Vec<InstanceId> {
        let mut round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
        let after = round.get(&cluster).copied();
        let begin = after.map_or(0, |after| there.partition_point(|id| *id <= after));
        let turns: Vec<InstanceId> =
            there.iter().cycle().skip(begin).take(ROUND.min(there.len())).copied().collect();
        if let Some(last) = turns.last() {
            round.insert(cluster, *last);
        }
        turns
    }
}

/// An instance whose guest is compared in this poll.
struct Compared<'a> {
    instance: &'a Instance,
    wanted: Wanted,
    held: Option<Held>,
    before: Vec<Drift>,
    row: Option<(&'a GuestRow, Row)>,
}

impl Engine {
    /// Compares what the inventory says of our guests with what we hold of them, and writes down what differs.
    pub(crate) async fn note_drift(
        &self,
        cluster: &Cluster,
        ours: &[Instance],
        rows: &HashMap<u32, &GuestRow>,
        begun: Timestamp,
    ) -> Result<(), Error> {
        let known = drift::in_cluster(self.db(), cluster.id).await?;
        let mut baselines = drift::baselines(self.db(), cluster.id).await?;
        let watch = &self.0.drift;
        watch.keep_only(ours, |id| ours.iter().any(|instance| instance.id == id));
        let mut compared: Vec<Compared<'_>> = Vec::new();
        for instance in ours.iter().filter(|instance| Self::can_be_compared(instance, begun)) {
            let row = rows.get(&instance.vmid).copied();
            // Its node is away, or its figures have not come in: nothing is known, so nothing differs.
            if row.is_some_and(|row| row.status == RunState::Unknown) {
                continue;
            }
            let held = match baselines.remove(&instance.id) {
                Some(held) => self.still_held(instance, held, begun).await?,
                None => None,
            };
            let before = known.get(&instance.id);
            compared.push(Compared {
                instance,
                wanted: Wanted::of(instance),
                held,
                before: before.into_iter().flatten().map(|(drift, _)| drift.clone()).collect(),
                row: row.map(|row| (row, row_of(row))),
            });
        }
        let mut facts = self.look_at_some(cluster.id, &compared).await;
        for one in &compared {
            let seen = facts.remove(&one.instance.id);
            let (drifts, first) = differences(one, seen, begun);
            let told = known.get(&one.instance.id).map(Vec::as_slice).unwrap_or_default();
            self.write_drift(one.instance, told, carried_on(&one.before, drifts), first, begun).await?;
        }
        Ok(())
    }

    /// What is held of a guest, unless we ourselves have done something with it since that may have changed that: then
    /// what is seen next is what we made.
    async fn still_held(
        &self,
        instance: &Instance,
        held: Held,
        now: Timestamp,
    ) -> Result<Option<Held>, Error> {
        if held.fence == instance.fence {
            return Ok(Some(held));
        }
        let since = drift::verbs_since(self.db(), instance.id, held.at).await?;
        if !since.into_iter().all(leaves_as_it_is) {
            return Ok(None);
        }
        let held = Held { at: now, fence: instance.fence, ..held };
        let mut tx = self.db().begin().await?;
        drift::hold(&mut tx, instance.id, &held).await?;
        tx.commit().await?;
        Ok(Some(held))
    }

    /// Nothing is under way that would change the guest, nor has been since the inventory was asked for. Its figures are
    /// older than that, but they only give reason to look; what is believed of it, where a guest is, its tags and its
    /// lock, is of that moment.
    fn can_be_compared(instance: &Instance, begun: Timestamp) -> bool {
        let busy = instance.operation.is_some() || instance.course.task != Task::None;
        // What we saw after the inventory was asked for is newer than the inventory.
        let fresher = instance.seen_at.is_some_and(|at| at > begun);
        instance.course.born && !busy && !fresher && instance.resize_from.is_none()
    }

    /// Reads the configuration of those that look different, and of those whose turn it is.
    async fn look_at_some(
        &self,
        cluster: ClusterId,
        compared: &[Compared<'_>],
    ) -> HashMap<InstanceId, (Facts, String)> {
        let watch = &self.0.drift;
        let there: Vec<InstanceId> = compared
            .iter()
            .filter(|one| one.row.as_ref().is_some_and(|(row, _)| row.kind == kind_of(one.instance.kind)))
            .map(|one| one.instance.id)
            .collect();
        let turns = watch.turns(cluster, &there);
        let mut suspects = 0;
        let mut looks = Vec::new();
        for one in compared.iter().filter(|one| there.contains(&one.instance.id)) {
            let Some((row, seen)) = &one.row else { continue };
            let differs = one.held.as_ref().is_none_or(|held| is_suspect(&one.wanted, held, seen));
            let told = one.before.iter().any(|drift| drift.kind.needs_a_look());
            let key = (seen.clone(), one.wanted.clone(), one.held.clone());
            let suspect = suspects < SUSPECTS && (differs || told) && !watch.is_known(one.instance.id, &key);
            if suspect || turns.contains(&one.instance.id) {
                suspects += usize::from(suspect);
                looks.push((one.instance.id, row.at(), key));
            }
        }
        let Ok(connection) = self.connection(cluster).await else { return HashMap::new() };
        let connection = &connection;
        let looks = looks.into_iter().map(|(id, at, key)| async move {
            let guest = at.clone();
            let config = connection.call(|client| async move { client.guest(&guest).config().await }).await;
            match config {
                Ok(config) => Some((id, facts_of(&config, id), at, key)),
                Err(error) => {
                    if let CallError::Pve(error) = error {
                        tracing::debug!(%error, instance = %id, "the guest cannot be looked at");
                    }
                    None
                }
            }
        });
        let seen: Vec<_> = futures_util::stream::iter(looks).buffer_unordered(ROUND).collect().await;
        let mut facts = HashMap::new();
        for (id, found, at, key) in seen.into_iter().flatten() {
            watch.note(id, key);
            facts.insert(id, (found, at.node.to_string()));
        }
        facts
    }

    /// Writes down where an instance differs, unless something has been done with it since it was read; and tells of
    /// what is new and of what is over.
    async fn write_drift(
        &self,
        read: &Instance,
        before: &[Told],
        drifts: Vec<Drift>,
        first: Option<Held>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let patience = self.options().lock_patience;
        let was_told = |drift: &Drift| {
            before.iter().any(|(old, told)| *told && (old.kind, &old.what) == (drift.kind, &drift.what))
        };
        let after: Vec<Told> = drifts
            .into_iter()
            .map(|drift| {
                let told = was_told(&drift) || drift.is_told(now, patience);
                (drift, told)
            })
            .collect();
        if after == before && first.is_none() {
            return Ok(());
        }
        let mut tx = self.db().begin().await?;
        let still = instances::by_id_tx(&mut tx, read.id).await?.is_some_and(|instance| {
            instance.fence == read.fence
                && instance.operation.is_none()
                && instance.course.task == Task::None
                && instance.deleted_at.is_none()
        });
        if !still {
            self.0.drift.forget(read.id);
            tx.rollback().await?;
            return Ok(());
        }
        if let Some(held) = first {
            drift::hold(&mut tx, read.id, &held).await?;
        }
        drift::replace(&mut tx, read.id, &after).await?;
        let news = after.iter().any(|(drift, told)| *told && !was_told(drift));
        let over = before.iter().any(|(_, told)| *told) && !after.iter().any(|(_, told)| *told);
        if let Some(what) = if news { Some("drift") } else { over.then_some("drift_over") } {
            let (project, id) = (Some(read.project_id), read.id.to_string());
            events::append(&mut tx, now, project, Subject::Instance, &id, what).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Where a guest differs now, and what is held of it from now on if nothing was.
fn differences(
    one: &Compared<'_>,
    seen: Option<(Facts, String)>,
    now: Timestamp,
) -> (Vec<Drift>, Option<Held>) {
    let Some((row, known)) = &one.row else { return (vec![Drift::vanished(now)], None) };
    if row.kind != kind_of(one.instance.kind) {
        return (vec![Drift::anothers(now)], None);
    }
    let mut found = by_row(one.held.as_ref(), known, now);
    let mut first = None;
    if let Some((facts, node)) = seen {
        // Without anything held, whose it is can be told all the same.
        let seen = held(&facts, &node, one.wanted.size, now, one.instance.fence);
        found.extend(by_facts(&one.wanted, one.held.as_ref().unwrap_or(&seen), &facts, now));
        if one.held.is_none() && facts.mark == Mark::Ours {
            first = Some(seen);
        }
    } else {
        // Not looked at this time: what a look had told still stands.
        let stands = |drift: &&Drift| {
            drift.kind.needs_a_look() || drift.kind == innkeeper_domain::drift::Kind::AnothersMark
        };
        found.extend(one.before.iter().filter(stands).cloned());
    }
    (found, first)
}

fn kind_of(kind: Kind) -> pve::GuestKind {
    match kind {
        Kind::Lxc => pve::GuestKind::Lxc,
        Kind::Qemu => pve::GuestKind::Qemu,
    }
}

/// What the inventory says, as far as it says anything.
fn row_of(row: &GuestRow) -> Row {
    // While a container runs, its figure is that of its file system.
    let measures_disk = row.kind == pve::GuestKind::Qemu || row.status == RunState::Stopped;
    let disk = row.maxdisk.filter(|bytes| measures_disk && *bytes > 0);
    Row {
        node: row.node.to_string(),
        name: row.name.clone(),
        tags: row.tags.iter().map(str::to_owned).collect(),
        cores: row.maxcpu.filter(|cores| *cores > 0.0).map(|cores| cores.ceil() as u32),
        memory_mib: row.maxmem.filter(|bytes| *bytes > 0).and_then(|bytes| u32::try_from(bytes >> 20).ok()),
        disk_gib: disk.and_then(|bytes| u32::try_from(bytes.div_ceil(1 << 30)).ok()),
        lock: row.lock.clone(),
    }
}

/// What a guest's configuration says.
pub(super) fn facts_of(config: &GuestConfig, id: InstanceId) -> Facts {
    let common = config.common();
    let description = common.raw.get("description").map_or("", String::as_str);
    let mark = match mark::read(description) {
        Some(found) if found == id => Mark::Ours,
        _ if mark::is_marked(description) => Mark::Anothers,
        _ => Mark::Missing,
    };
    let settings = |card: &PropertyString| -> BTreeMap<String, String> {
        let default = card.default_value().map(|value| (String::new(), value.to_owned()));
        let named = card.entries().map(|(key, value)| (key.to_owned(), value.to_owned()));
        default.into_iter().chain(named).collect()
    };
    let sockets = config.as_qemu().and_then(|machine| machine.sockets).unwrap_or(1);
    // Of a machine, no number means one.
    let cores = common.cores.or(config.as_qemu().map(|_| 1));
    Facts {
        cores: size(config).map(|size| size.cores).or(cores.map(|cores| cores * sockets)),
        memory_mib: common.memory_mib.and_then(|mib| u32::try_from(mib).ok()),
        disk_gib: root_disk(config).and_then(|(_, bytes)| u32::try_from(bytes.div_ceil(1 << 30)).ok()),
        name: common.name.clone(),
        tags: common.tags.iter().map(str::to_owned).collect(),
        nets: common.nets.iter().map(|(number, card)| (format!("net{number}"), settings(card))).collect(),
        mark,
    }
}

/// Where the guest of an instance should be.
pub(super) fn place_of(instance: &Instance) -> Result<GuestRef, Error> {
    crate::reconciler::guest_ref(instance).map_err(|error| Error::Internal(error.to_string()))
}
