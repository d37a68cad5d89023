//! Adoption of guests that are in Proxmox already: looking at them, saying exactly what would be done, and wishing for
//! it. The wish is a row before anything is written in Proxmox; [`taking`] does the rest.

mod marking;
mod taking;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::adoptions::{Adoption, Draft, Obstacle, Sight, State, name_for, obstacle};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{AdoptionId, ClusterId, InstanceId, PlanId, ProjectId};
use innkeeper_domain::instances::{Instance, Kind, Settings};
use innkeeper_domain::mark;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::quotas::Amounts;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_store::{adoptions, instances, plans};
use pve::{GuestConfig, GuestRow};
use serde_json::json;

use crate::connections::{CallError, Connection};
use crate::error::allow;
use crate::reconciler::root_disk;
use crate::{Engine, Error, Idempotency, restrictions};

pub(crate) use marking::{Written, mark_guest};
pub(crate) use taking::run;

/// Guests looked at in one request at most: each is one question to Proxmox.
const MOST: usize = 200;

/// How long a person waits for a list of guests, or a plan.
const PATIENCE: Duration = Duration::from_secs(40);

/// A guest of a cluster, ours or not, as its inventory has it.
#[derive(Clone, Debug)]
pub struct GuestSeen {
    /// Its number.
    pub vmid: u32,
    /// Container or virtual machine.
    pub kind: Kind,
    /// Its node.
    pub node: String,
    /// Its name, once known.
    pub name: Option<String>,
    /// As Proxmox calls how it is.
    pub status: &'static str,
    /// Its tags.
    pub tags: Vec<String>,
    /// The pool it is in, as far as the token may see.
    pub pool: Option<String>,
    /// What holds a lock on it.
    pub lock: Option<String>,
    /// It is a template.
    pub template: bool,
    /// Its number is of our range.
    pub in_range: bool,
    /// The instance that it is.
    pub instance_id: Option<InstanceId>,
    /// It has our tag and is no instance of ours: whose it is, its description must tell.
    pub doubtful: bool,
    /// Why it cannot be adopted, as far as the inventory tells; a plan looks closer.
    pub obstacle: Option<Obstacle>,
}

/// Which guests, for whom, at which price.
#[derive(Clone, Debug)]
pub struct NewAdoptions {
    /// The numbers; none means all that can be adopted.
    pub vmids: Option<Vec<u32>>,
    /// For whom.
    pub project_id: ProjectId,
    /// What they cost from then on.
    pub price: AdoptionPrice,
}

/// What adopted guests cost.
#[derive(Clone, Copy, Debug)]
pub enum AdoptionPrice {
    /// What the plan costs: its own price, or that of the price list for the guest's size.
    Plan(PlanId),
    /// This. Nothing, where both prices are zero.
    Rate(Rate),
}

/// What would be done with one guest, or is being done.
#[derive(Clone, Debug)]
pub struct PlannedAdoption {
    /// Its number.
    pub vmid: u32,
    /// What it would become; none when it cannot be adopted.
    pub draft: Option<Draft>,
    /// Why it cannot be adopted: a code and a sentence.
    pub problem: Option<(&'static str, String)>,
    /// Its name in Proxmox.
    pub guest_name: Option<String>,
    /// Its network cards, as they are configured.
    pub nets: Vec<(String, String)>,
    /// Its disks, as they are configured.
    pub disks: Vec<(String, String)>,
    /// The adoption, when it was asked for.
    pub adoption: Option<Adoption>,
}

impl Engine {
    /// All guests of a cluster that its token may see.
    pub async fn guests(&self, actor: &Actor, cluster: ClusterId) -> Result<Vec<GuestSeen>, Error> {
        allow(may(actor, Action::SeeHouse), "cluster")?;
        let cluster = self.cluster(actor, cluster).await?;
        let rows = self.inventory(cluster.id).await?;
        let (ours, held) = self.known_guests(cluster.id).await?;
        let seen = |row: &GuestRow| {
            let vmid = row.vmid.get();
            let instance_id = ours.get(&vmid).copied();
            GuestSeen {
                vmid,
                kind: kind_of(row),
                node: row.node.to_string(),
                name: row.name.clone(),
                status: match &row.status {
                    pve::RunState::Running => "running",
                    pve::RunState::Stopped => "stopped",
                    pve::RunState::Unknown => "unknown",
                    pve::RunState::Other(_) => "paused",
                },
                tags: row.tags.iter().map(str::to_owned).collect(),
                pool: row.pool.as_ref().map(ToString::to_string),
                lock: row.lock.clone(),
                template: row.template,
                in_range: cluster.vmids.contains(vmid),
                instance_id,
                doubtful: instance_id.is_none() && row.tags.contains(mark::TAG),
                obstacle: at_a_glance(row, instance_id.is_some(), held.contains(&vmid)),
            }
        };
        let mut guests: Vec<GuestSeen> = rows.iter().map(seen).collect();
        guests.sort_by_key(|guest| guest.vmid);
        Ok(guests)
    }

    /// Says exactly what adopting these guests would do. Nothing is written, here or there.
    pub async fn plan_adoptions(
        &self,
        actor: &Actor,
        cluster: ClusterId,
        wanted: &NewAdoptions,
    ) -> Result<Vec<PlannedAdoption>, Error> {
        allow(may(actor, Action::RunHouse), "cluster")?;
        if let AdoptionPrice::Rate(rate) = wanted.price {
            // Who may say what something costs decides about money.
            allow(may(actor, Action::RunPeople), "price")?;
            rate.check().map_err(|error| Error::invalid("rate", error))?;
        }
        self.cluster(actor, cluster).await?;
        let project = innkeeper_store::projects::by_id(self.db(), wanted.project_id).await?;
        project.ok_or_else(|| Error::invalid("project_id", "no such project"))?;
        let plan = match wanted.price {
            AdoptionPrice::Plan(id) => Some(
                plans::by_id(self.db(), id)
                    .await?
                    .ok_or_else(|| Error::invalid("plan_id", "no such plan"))?,
            ),
            AdoptionPrice::Rate(_) => None,
        };
        let rows: HashMap<u32, GuestRow> =
            self.inventory(cluster).await?.into_iter().map(|row| (row.vmid.get(), row)).collect();
        let (ours, held) = self.known_guests(cluster).await?;
        let mut vmids = if let Some(vmids) = &wanted.vmids {
            vmids.clone()
        } else {
            let glance = |row: &GuestRow| {
                let vmid = row.vmid.get();
                at_a_glance(row, ours.contains_key(&vmid), held.contains(&vmid)).is_none()
            };
            rows.values().filter(|row| glance(row)).map(|row| row.vmid.get()).collect()
        };
        vmids.sort_unstable();
        vmids.dedup();
        if vmids.len() > MOST {
            let message =
                format!("{} guests are too many at once; name {MOST} at most in `vmids`", vmids.len());
            return Err(Error::invalid("vmids", message));
        }
        let connection = self.connection(cluster).await?;
        let look = |vmid: u32| {
            let glance = rows.get(&vmid).map_or(Some(Obstacle::NotThere), |row| {
                at_a_glance(row, ours.contains_key(&vmid), held.contains(&vmid))
            });
            let (connection, row) = (&connection, rows.get(&vmid));
            async move {
                let Some(row) = row.filter(|_| glance.is_none()) else { return (vmid, Err(glance)) };
                (vmid, Ok((row, config_of(connection, row).await)))
            }
        };
        let looked = futures_util::stream::iter(vmids.into_iter().map(look)).buffered(4).collect::<Vec<_>>();
        let looked = tokio::time::timeout(PATIENCE, looked).await.map_err(|_| silent())?;

        let filter = instances::Filter { project_ids: Some(vec![wanted.project_id]), ..Default::default() };
        let there = instances::list(self.db(), &filter, None, i64::from(u16::MAX)).await?;
        let mut names: HashSet<String> =
            there.into_iter().map(|instance| instance.name.to_string()).collect();
        let mut planned = Vec::new();
        for (vmid, looked) in looked {
            let mut item = PlannedAdoption {
                vmid,
                draft: None,
                problem: None,
                guest_name: rows.get(&vmid).and_then(|row| row.name.clone()),
                nets: Vec::new(),
                disks: Vec::new(),
                adoption: None,
            };
            match looked {
                Err(obstacle) => item.problem = obstacle.map(|o| (o.as_str(), o.message().to_owned())),
                Ok((_, Err(error))) => item.problem = Some(unreadable(&error)),
                Ok((row, Ok(config))) => {
                    let common = config.common();
                    item.guest_name = common.name.clone().or(item.guest_name);
                    item.nets = raw_of(&config, common.nets.keys().map(|n| format!("net{n}")));
                    item.disks = raw_of(&config, common.disks.keys().cloned());
                    let whole = size_and_storage(row, &config);
                    let sight = Sight {
                        description: common.raw.get("description").map_or("", String::as_str),
                        template: common.template || row.template,
                        locked: common.lock.is_some(),
                        size: whole.as_ref().map(|(size, _)| *size),
                    };
                    match (obstacle(sight), whole) {
                        (Some(obstacle), _) => {
                            item.problem = Some((obstacle.as_str(), obstacle.message().to_owned()));
                        }
                        (None, None) => {}
                        (None, Some((size, storage))) => {
                            let kind = kind_of(row);
                            let name =
                                name_for(item.guest_name.as_deref(), kind, vmid, |name| names.contains(name));
                            if let (Some(name), Ok(node)) = (name, row.node.as_str().parse()) {
                                names.insert(name.to_string());
                                let rate = match (wanted.price, &plan) {
                                    (AdoptionPrice::Rate(rate), _) => rate,
                                    (AdoptionPrice::Plan(_), plan) => {
                                        self.rate(plan.as_ref().and_then(|plan| plan.price), size).await?
                                    }
                                };
                                item.draft = Some(Draft {
                                    name,
                                    kind,
                                    node,
                                    storage,
                                    size,
                                    rate,
                                    plan_id: plan.as_ref().map(|plan| plan.id),
                                    address: kind == Kind::Lxc || config.as_qemu().is_some_and(|vm| vm.agent),
                                    own_name: common.name.clone(),
                                    onboot: common.onboot,
                                    protected: common.protection,
                                    adds_tag: !common.tags.contains(mark::TAG),
                                });
                            } else {
                                let why = "no name of it is free in the project; rename the one that has it";
                                item.problem = Some(("name_taken", why.to_owned()));
                            }
                        }
                    }
                }
            }
            planned.push(item);
        }
        Ok(planned)
    }

    /// Asks for guests to become instances. Each is marked and then given to the project; what could not be is told
    /// with the item.
    pub async fn adopt(
        &self,
        actor: &Actor,
        cluster: ClusterId,
        wanted: &NewAdoptions,
        key: Option<&Idempotency>,
    ) -> Result<Vec<PlannedAdoption>, Error> {
        let mut planned = self.plan_adoptions(actor, cluster, wanted).await?;
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay::<Vec<(u32, Option<AdoptionId>)>>(&mut tx, actor, key).await? {
            tx.rollback().await?;
            return self.replayed(before).await;
        }
        if let Some(restriction) = restrictions::in_the_way(&mut tx, wanted.project_id).await? {
            return Err(Error::Restricted(restriction));
        }
        // All that can be taken must fit together.
        let mut all = Amounts::default();
        for draft in planned.iter().filter_map(|item| item.draft.as_ref()) {
            let one = Amounts::one(draft.size);
            all.instances += one.instances;
            all.cores += one.cores;
            all.memory_mib += one.memory_mib;
            all.disk_gib += one.disk_gib;
        }
        self.fit(&mut tx, wanted.project_id, all).await?;
        for item in &mut planned {
            let Some(draft) = item.draft.clone() else { continue };
            let adoption = Adoption {
                id: AdoptionId::new(),
                cluster_id: cluster,
                vmid: item.vmid,
                instance_id: InstanceId::new(),
                project_id: wanted.project_id,
                state: State::Wished,
                draft,
                problem: None,
                asked_by: actor.user_id,
                created_at: now,
                over_at: None,
                attempts: 0,
            };
            adoptions::insert(&mut tx, &adoption).await.map_err(|error| match error {
                innkeeper_store::Error::Conflict("vmid") => {
                    let message = format!("guest {} is being adopted or released already", item.vmid);
                    Error::conflict("under_way", message)
                }
                other => other.into(),
            })?;
            let told = json!({ "vmid": adoption.vmid, "cluster": cluster, "draft": adoption.draft });
            let deed = Deed::done("instance.ask_adoption", adoption.instance_id);
            self.record(&mut tx, actor, deed.of(wanted.project_id).after(told));
            item.adoption = Some(adoption);
        }
        let ids: Vec<(u32, Option<AdoptionId>)> =
            planned.iter().map(|item| (item.vmid, item.adoption.as_ref().map(|a| a.id))).collect();
        self.remember(&mut tx, actor, key, &ids).await?;
        tx.commit().await?;
        self.0.adopting.notify_one();
        Ok(planned)
    }

    /// The answer to a request that was carried out before, as it stands now.
    async fn replayed(&self, before: Vec<(u32, Option<AdoptionId>)>) -> Result<Vec<PlannedAdoption>, Error> {
        let mut items = Vec::new();
        for (vmid, id) in before {
            let adoption = match id {
                Some(id) => adoptions::by_id(self.db(), id).await?,
                None => None,
            };
            let why = "it was not asked for, when this request was first made";
            items.push(PlannedAdoption {
                vmid,
                draft: adoption.as_ref().map(|adoption| adoption.draft.clone()),
                problem: adoption.is_none().then(|| ("not_asked", why.to_owned())),
                guest_name: None,
                nets: Vec::new(),
                disks: Vec::new(),
                adoption,
            });
        }
        Ok(items)
    }

    /// The adoptions of a cluster, newest first.
    pub async fn adoptions(
        &self,
        actor: &Actor,
        cluster: ClusterId,
        after: Option<AdoptionId>,
        limit: i64,
    ) -> Result<Vec<Adoption>, Error> {
        allow(may(actor, Action::SeeHouse), "cluster")?;
        self.cluster(actor, cluster).await?;
        Ok(adoptions::list(self.db(), cluster, after, limit).await?)
    }

    /// The guests that the token of a cluster may see, asked now.
    async fn inventory(&self, cluster: ClusterId) -> Result<Vec<GuestRow>, Error> {
        let connection = self.connection(cluster).await?;
        let call = connection.call(|client| async move { client.guests().await });
        match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(CallError::Pve(error))) => Err(Error::Cluster(error.to_string())),
            Ok(Err(CallError::Resting(_))) | Err(_) => Err(silent()),
        }
    }

    /// The numbers of our instances in a cluster, and those whose adoption or release is under way.
    async fn known_guests(
        &self,
        cluster: ClusterId,
    ) -> Result<(HashMap<u32, InstanceId>, HashSet<u32>), Error> {
        let ours = instances::in_cluster(self.db(), cluster).await?;
        let held = adoptions::holding(self.db(), cluster).await?;
        let ours: HashMap<u32, InstanceId> =
            ours.iter().map(|instance| (instance.vmid, instance.id)).collect();
        let under_way = held.iter().filter(|adoption| adoption.state != State::Adopted);
        Ok((ours, under_way.map(|adoption| adoption.vmid).collect()))
    }

    /// Gives an adopted guest back: the instance is forgotten, and our mark is taken off the guest, which goes on as
    /// it is.
    pub async fn release_instance(
        &self,
        actor: &Actor,
        id: InstanceId,
        key: Option<&Idempotency>,
    ) -> Result<Adoption, Error> {
        let mut tx = self.db().begin().await?;
        let mut instance = instances::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("instance"))?;
        allow(may(actor, Action::SeeProject(instance.project_id)), "instance")?;
        allow(may(actor, Action::RunHouse), "instance")?;
        let adoption = adoptions::of_instance_tx(&mut tx, id).await?;
        if self.replay::<InstanceId>(&mut tx, actor, key).await?.is_some() {
            tx.rollback().await?;
            return adoption.ok_or(Error::NotFound("adoption"));
        }
        let Some(adoption) = adoption.filter(|adoption| adoption.state == State::Adopted) else {
            let message = "only a guest that was adopted can be given back; delete the instance instead";
            return Err(Error::conflict("not_adopted", message));
        };
        if let Some((active, _)) = instance.operation {
            return Err(Error::Busy(active));
        }
        if instance.deleted_at.is_some() {
            return Err(Error::conflict("wrong_state", "the instance is deleted"));
        }
        self.forget_instance(&mut tx, &mut instance).await?;
        let now = self.clock().now();
        adoptions::go_on(&mut tx, adoption.id, State::Adopted, State::Releasing, None, Some(now), None)
            .await?;
        let before = json!({ "vmid": instance.vmid, "cluster": instance.cluster_id, "name": instance.name });
        self.record(
            &mut tx,
            actor,
            Deed::done("instance.release", id).of(instance.project_id).before(before),
        );
        tx.commit().await?;
        self.0.adopting.notify_one();
        Ok(Adoption { state: State::Releasing, ..adoption })
    }
}

/// What the inventory alone tells of whether a guest can be adopted.
fn at_a_glance(row: &GuestRow, ours: bool, under_way: bool) -> Option<Obstacle> {
    if ours {
        Some(Obstacle::Ours)
    } else if under_way {
        Some(Obstacle::UnderWay)
    } else if row.template {
        Some(Obstacle::Template)
    } else if row.lock.is_some() {
        Some(Obstacle::Locked)
    } else if row.status == pve::RunState::Unknown {
        Some(Obstacle::Unknown)
    } else {
        None
    }
}

fn kind_of(row: &GuestRow) -> Kind {
    match row.kind {
        pve::GuestKind::Lxc => Kind::Lxc,
        pve::GuestKind::Qemu => Kind::Qemu,
    }
}

async fn config_of(connection: &Connection, row: &GuestRow) -> Result<GuestConfig, CallError> {
    let at = row.at();
    connection.call(|client| async move { client.guest(&at).config().await }).await
}

fn raw_of(config: &GuestConfig, names: impl Iterator<Item = String>) -> Vec<(String, String)> {
    let raw = &config.common().raw;
    names.filter_map(|name| raw.get(&name).cloned().map(|value| (name, value))).collect()
}

/// How big a guest is, and on which storage its system lies. What its configuration leaves to Proxmox, the inventory
/// tells: a container without `cores` has all of its host's, and one without `memory` the default.
fn size_and_storage(
    row: &GuestRow,
    config: &GuestConfig,
) -> Option<(Size, innkeeper_domain::names::StorageName)> {
    const GIB: u64 = 1 << 30;
    let common = config.common();
    let (disk, bytes) = root_disk(config)?;
    let volume = common.disks.get(&disk)?;
    let volume = volume.default_value().or_else(|| volume.get("volume")).or_else(|| volume.get("file"))?;
    let (storage, _) = volume.split_once(':')?;
    let sockets = config.as_qemu().and_then(|machine| machine.sockets).unwrap_or(1);
    let cores = match (common.cores, config) {
        (Some(cores), _) => cores.checked_mul(sockets)?,
        (None, GuestConfig::Qemu(_)) => sockets,
        (None, GuestConfig::Lxc(_)) => row.maxcpu.map(|cores| cores.ceil() as u32)?,
    };
    let memory_mib = common.memory_mib.or(row.maxmem.map(|bytes| bytes >> 20))?;
    let size = Size {
        cores,
        memory_mib: memory_mib.try_into().ok()?,
        disk_gib: bytes.div_ceil(GIB).try_into().ok()?,
    };
    Some((size, storage.parse().ok()?))
}

fn silent() -> Error {
    Error::Away {
        code: "cluster_unreachable",
        message: "the cluster does not answer; try again when it does",
    }
}

fn unreadable(error: &CallError) -> (&'static str, String) {
    let why = match error {
        CallError::Resting(_) => "the cluster does not answer".to_owned(),
        CallError::Pve(error) => error.to_string(),
    };
    ("unreadable", format!("its configuration cannot be read: {why}"))
}

/// The instance of an adoption, as it would be.
pub(crate) fn instance_of(adoption: &Adoption, course: innkeeper_domain::instances::Course) -> Instance {
    let draft = &adoption.draft;
    Instance {
        id: adoption.instance_id,
        project_id: adoption.project_id,
        name: draft.name.clone(),
        kind: draft.kind,
        template_id: None,
        plan_id: draft.plan_id,
        size: draft.size,
        rate: draft.rate,
        tariff: None,
        ssh_keys: Vec::new(),
        cluster_id: adoption.cluster_id,
        node: draft.node.clone(),
        storage: draft.storage.clone(),
        vmid: adoption.vmid,
        origin: Origin::Adopted { own_name: draft.own_name.clone(), our_name: draft.name.clone() },
        settings: Settings { onboot: draft.onboot, ..Settings::default() },
        course,
        upid: None,
        operation: None,
        address: None,
        awaits: None,
        problem: None,
        seen_at: None,
        created_at: adoption.created_at,
        deleted_at: None,
        resize_from: None,
        pending: Vec::new(),
        protected: draft.protected,
        trashed_until: None,
        fence: 0,
    }
}
