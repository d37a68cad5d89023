//! Instances: asking for one, and looking at them. Nothing here talks to Proxmox: the wish and
//! an operation are written in one transaction, and the reconciler is woken.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::disks::{plus, total_rate};
use innkeeper_domain::events::Subject;
use innkeeper_domain::firewall::Firewall;
use innkeeper_domain::ids::{ClusterId, InstanceId, OperationId, PlanId, ProjectId, TemplateId};
use innkeeper_domain::instances::{Course, Errand, Instance, Kind, Power, Settings};
use innkeeper_domain::names::{Hostname, SshKey};
use innkeeper_domain::operations::{Operation, State, Verb};
use innkeeper_domain::placement::{Placement, Wanted, chosen, survey};
use innkeeper_domain::prices::Rate;
use innkeeper_domain::quotas::Amounts;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::{Source, Template};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::Topic;
use innkeeper_store::{Tx, events, instances, nodes, operations, prices, templates, vmids};
use serde_json::{Value, json};

mod bulk;
mod cards;
mod changing;
mod disks;
mod duplicating;
pub(crate) mod keeping;
mod rebuilding;

pub use bulk::Bulk;
pub use cards::{NicChange, NicWanted};
pub(crate) use changing::Change;
pub use changing::Update;
pub use disks::{DiskChange, DiskWanted};
pub use duplicating::Duplicate;
pub use rebuilding::Rebuild;

use changing::name_taken;

use crate::error::allow;
use crate::management::KeyInside;
use crate::projects::scope;
use crate::shares::Need;
use crate::{Engine, Error, Idempotency, first_boots, restrictions};

/// How big a new instance should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedSize {
    /// As the template says.
    Default,
    /// As a plan says.
    Plan(PlanId),
    /// As asked.
    Custom(Size),
}

/// An instance to be made.
#[derive(Clone, Debug)]
pub struct NewInstance {
    /// Whose it will be; none means the actor's own project.
    pub project_id: Option<ProjectId>,
    /// Its host name, unique in the project.
    pub name: Hostname,
    /// What it is made from.
    pub template_id: TemplateId,
    /// How big.
    pub size: WantedSize,
    /// Keys that may sign in to it.
    pub ssh_keys: Vec<SshKey>,
    /// What it has besides.
    pub fittings: Fittings,
}

/// What a new instance has besides its size.
#[derive(Clone, Debug, Default)]
pub struct Fittings {
    /// The networks that its cards are plugged into; with none, its cluster's default network, where it has one.
    pub networks: Vec<NicWanted>,
    /// Its firewall; none leaves it as Proxmox has it.
    pub firewall: Option<Firewall>,
    /// Its extra disks.
    pub disks: Vec<DiskWanted>,
}

/// What a new instance is set up with, besides what it is.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Put a key of ours into it, by which commands can be run.
    pub management_key: bool,
    /// A script that runs in it once, after its first start.
    pub user_data: Option<String>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { management_key: true, user_data: None }
    }
}

/// Which instances to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of this project.
    pub project_id: Option<ProjectId>,
    /// Only those on this cluster.
    pub cluster_id: Option<ClusterId>,
    /// Only containers, or only VMs.
    pub kind: Option<Kind>,
    /// Only those whose name contains this.
    pub name_contains: Option<String>,
}

/// The most keys that an instance takes.
pub(crate) const MOST_KEYS: usize = 20;

impl Engine {
    /// Asks for a new instance.
    pub async fn create_instance(
        &self,
        actor: &Actor,
        new: NewInstance,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        self.create_instance_with(actor, new, Setup::default(), key).await
    }

    /// The same, saying what it is set up with.
    pub async fn create_instance_with(
        &self,
        actor: &Actor,
        new: NewInstance,
        setup: Setup,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        let project_id = match new.project_id {
            Some(id) => id,
            None => self.own_project(actor).await?,
        };
        allow(may(actor, Action::UseProject(project_id)), "project")?;
        let (template, plan_id, plan_price, size) = self.size_of(&new).await?;
        let rate = self.rate(plan_price, size).await?;
        if new.ssh_keys.len() > MOST_KEYS {
            return Err(Error::invalid("ssh_keys", format!("give at most {MOST_KEYS} keys")));
        }
        if let Some(firewall) = &new.fittings.firewall {
            firewall.check().map_err(|bad| Error::invalid("firewall", bad))?;
        }
        let mut sources = templates::sources(self.db(), template.id).await?;
        if let Some(network) = self.networks_asked(project_id, &new.fittings.networks).await?.first() {
            sources.retain(|source| source.cluster_id == network.cluster_id);
        }
        let list = prices::current(self.db()).await?;
        let disks = disks::first_disks(template.kind, &new.fittings.disks, list.as_ref())?;
        let rate = plus(rate, total_rate(&disks)?)?;
        if let Some(script) = &setup.user_data {
            first_boots::check(script)?;
            let agent = template.kind == Kind::Qemu && template.reports_address;
            if !setup.management_key && !agent {
                let message = "it is run by our key: leave `management_key` on, or leave the script out";
                return Err(Error::invalid("user_data", message));
            }
        }
        let making = Making {
            project_id,
            name: new.name,
            kind: template.kind,
            template_id: Some(template.id),
            reports_address: template.reports_address,
            plan_id,
            size,
            rate,
            ssh_keys: new.ssh_keys,
            settings: Settings { firewall: new.fittings.firewall.clone(), disks, ..Settings::default() },
            fittings: new.fittings,
            sources,
            management: if setup.management_key { KeyInside::Own } else { KeyInside::None },
            user_data: setup.user_data,
        };
        self.make(actor, making, key).await
    }

    /// Makes an instance: everything is written in one transaction, or nothing.
    pub(crate) async fn make(
        &self,
        actor: &Actor,
        mut making: Making,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        let project_id = making.project_id;
        let held = making.rate.hold(self.options().billing.cycle)?;
        // From here on everything is read by the transaction: on PostgreSQL, many that each hold one connection and
        // wait for a second one would wait for each other. The semaphore is never closed, so that this only waits.
        let _turn = self.0.placing.acquire().await;
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        changing::check_room_wanted(&mut tx, actor, project_id).await?;
        // All of its disks lie on one storage.
        let extra = u32::try_from(making.settings.extra_disk_gib()).unwrap_or(u32::MAX);
        let whole = Size { disk_gib: making.size.disk_gib.saturating_add(extra), ..making.size };
        self.fit(&mut tx, project_id, Amounts::one(whole)).await?;
        if instances::active_names(&mut tx, project_id, &making.name).await? {
            return Err(name_taken(&making.name));
        }
        if let Some(restriction) = restrictions::in_the_way(&mut tx, project_id).await? {
            return Err(Error::Restricted(restriction));
        }
        let (nodes, storages) = nodes::offers(&mut tx).await?;
        let (kind, size) = (making.kind, whole);
        let wanted = Wanted { kind, size, sources: Some(&making.sources), avoid: &[] };
        let verdicts = survey(wanted, &nodes, &storages);
        let placement = chosen(wanted, &nodes, &verdicts)?;
        let now = self.clock().now();
        let wish = Verb::Create.wish(now, making.reports_address, Power::Stopped, None);
        let fittings = making.fittings.clone();
        let inside = std::mem::replace(&mut making.management, KeyInside::None);
        let user_data = making.user_data.take();
        let mut instance = making.instance(placement, Course::new(wish), now);
        instance.vmid = vmids::claim(&mut tx, instance.cluster_id, instance.id).await?.ok_or_else(|| {
            Error::conflict(
                "vmids_exhausted",
                "the cluster has no free VMID left in its range; an operator must widen it",
            )
        })?;
        instance.settings.nics = self.first_cards(&mut tx, &instance, &fittings.networks, now).await?;
        let operation = new_operation(&instance, Verb::Create, None, actor, now);
        instance.operation = Some((operation.id, Verb::Create));
        // On PostgreSQL two can have asked for the name at once; the index lets one of them in.
        instances::insert(&mut tx, &instance, Some(now)).await.map_err(|error| match error {
            innkeeper_store::Error::Conflict("name") => name_taken(&instance.name),
            other => other.into(),
        })?;
        let mut told = asked_for(&instance);
        told["management_key"] = json!(!matches!(inside, KeyInside::None | KeyInside::Unknown));
        told["user_data_bytes"] = json!(user_data.as_ref().map(String::len));
        self.make_management_key(&mut tx, instance.id, inside).await?;
        if let Some(script) = &user_data {
            self.add_first_boot(&mut tx, instance.id, script).await?;
        }
        operations::insert(&mut tx, &operation).await?;
        crate::placements::keep(&mut tx, instance.id, verdicts, now).await?;
        crate::usage::begin(&mut tx, &instance, held, now).await?;
        tell(&mut tx, &instance, now).await?;
        tx.wake(Topic::Work);
        self.record(&mut tx, actor, Deed::done("instance.create", instance.id).of(project_id).after(told));
        self.remember(&mut tx, actor, key, &operation).await?;
        tx.commit().await?;
        Ok(operation)
    }

    /// One instance.
    pub async fn instance(&self, actor: &Actor, id: InstanceId) -> Result<Instance, Error> {
        let instance = instances::by_id(self.db(), id).await?.ok_or(Error::NotFound("instance"))?;
        self.allow_on(actor, &instance, Need::See).await?;
        Ok(instance)
    }

    /// Instances that are not deleted, newest first.
    pub async fn instances(
        &self,
        actor: &Actor,
        filter: &Filter,
        after: Option<InstanceId>,
        limit: i64,
    ) -> Result<Vec<Instance>, Error> {
        let project_ids = match filter.project_id {
            Some(id) => {
                allow(may(actor, Action::SeeProject(id)), "project")?;
                Some(vec![id])
            }
            None => scope(actor)?,
        };
        let filter = instances::Filter {
            project_ids,
            cluster_id: filter.cluster_id,
            kind: filter.kind,
            name_contains: filter.name_contains.clone(),
            include_deleted: false,
        };
        Ok(instances::list(self.db(), &filter, after, limit).await?)
    }

    async fn own_project(&self, actor: &Actor) -> Result<ProjectId, Error> {
        let user = actor.user_id.ok_or_else(|| Error::invalid("project_id", "name the project"))?;
        let user = innkeeper_store::users::by_id(self.db(), user).await?.ok_or(Error::NotFound("project"))?;
        Ok(user.personal_project)
    }

    /// The template, the plan with the price that it has of its own, and the size.
    async fn size_of(
        &self,
        new: &NewInstance,
    ) -> Result<(Template, Option<PlanId>, Option<Rate>, Size), Error> {
        let template = templates::by_id(self.db(), new.template_id)
            .await?
            .filter(|template| template.offered)
            .ok_or_else(|| Error::invalid("template_id", "no such template on offer"))?;
        let (plan_id, price, size, field) = self.sized(Some(&template), new.size).await?;
        size.check_within(template.least, template.most).map_err(|error| Error::invalid(field, error))?;
        Ok((template, plan_id, price, size))
    }

    /// The size that is wanted, the plan it comes by with its price, and the field that says so. Without a template
    /// there is no default.
    pub(crate) async fn sized(
        &self,
        template: Option<&Template>,
        wanted: WantedSize,
    ) -> Result<(Option<PlanId>, Option<Rate>, Size, &'static str), Error> {
        Ok(match wanted {
            WantedSize::Default => {
                let template = template.ok_or_else(|| Error::invalid("size", "give `plan_id` or `size`"))?;
                (None, None, template.default_size, "template_id")
            }
            WantedSize::Custom(size) => (None, None, size, "size"),
            WantedSize::Plan(id) => {
                let plan = self.plan_on_offer(id).await?;
                (Some(id), plan.price, plan.size, "plan_id")
            }
        })
    }

    /// Places an instance that has nothing in Proxmox yet on another node than the one it was meant for.
    /// `sources` are those of its template.
    pub(crate) async fn place_elsewhere(
        &self,
        tx: &mut Tx,
        instance: &Instance,
        mut sources: Vec<Source>,
    ) -> Result<Placement, Error> {
        // The number is claimed in this cluster only.
        sources.retain(|source| source.cluster_id == instance.cluster_id);
        let (nodes, storages) = nodes::offers(tx).await?;
        let avoid = [(instance.cluster_id, instance.node.clone())];
        let extra = u32::try_from(instance.settings.extra_disk_gib()).unwrap_or(u32::MAX);
        let whole = Size { disk_gib: instance.size.disk_gib.saturating_add(extra), ..instance.size };
        let (kind, size) = (instance.kind, whole);
        let wanted = Wanted { kind, size, sources: Some(&sources), avoid: &avoid };
        let verdicts = survey(wanted, &nodes, &storages);
        let placement = chosen(wanted, &nodes, &verdicts)?;
        crate::placements::keep(tx, instance.id, verdicts, self.clock().now()).await?;
        Ok(placement)
    }
}

/// An instance that is about to be made: all that is known before it has a place.
pub(crate) struct Making {
    pub(crate) project_id: ProjectId,
    pub(crate) name: Hostname,
    pub(crate) kind: Kind,
    pub(crate) template_id: Option<TemplateId>,
    pub(crate) reports_address: bool,
    pub(crate) plan_id: Option<PlanId>,
    pub(crate) size: Size,
    pub(crate) rate: Rate,
    pub(crate) ssh_keys: Vec<SshKey>,
    pub(crate) settings: Settings,
    pub(crate) fittings: Fittings,
    /// Where it can be made, and from what.
    pub(crate) sources: Vec<Source>,
    /// Which key of ours it has.
    pub(crate) management: KeyInside,
    /// A script that runs in it once.
    pub(crate) user_data: Option<String>,
}

impl Making {
    fn instance(self, placement: Placement, course: Course, now: Timestamp) -> Instance {
        Instance {
            id: InstanceId::new(),
            project_id: self.project_id,
            name: self.name,
            kind: self.kind,
            template_id: self.template_id,
            plan_id: self.plan_id,
            size: self.size,
            rate: self.rate,
            tariff: None,
            ssh_keys: self.ssh_keys,
            cluster_id: placement.cluster_id,
            node: placement.node,
            storage: placement.storage,
            vmid: 0,
            origin: placement.origin,
            course,
            upid: None,
            operation: None,
            address: None,
            awaits: None,
            problem: None,
            seen_at: None,
            created_at: now,
            deleted_at: None,
            resize_from: None,
            settings: self.settings,
            pending: Vec::new(),
            protected: false,
            trashed_until: None,
            fence: 0,
        }
    }
}

pub(super) fn new_operation(
    instance: &Instance,
    verb: Verb,
    errand: Option<Errand>,
    actor: &Actor,
    now: Timestamp,
) -> Operation {
    Operation {
        id: OperationId::new(),
        instance_id: instance.id,
        project_id: instance.project_id,
        verb,
        errand,
        state: State::Pending,
        asked_by: actor.user_id,
        created_at: now,
        ended_at: None,
        deadline: verb.deadline(now),
        fault: None,
        steps: Vec::new(),
    }
}

/// What was asked for, for the audit log.
fn asked_for(instance: &Instance) -> Value {
    json!({
        "name": instance.name,
        "kind": instance.kind,
        "template": instance.template_id,
        "plan": instance.plan_id,
        "size": instance.size,
        "rate": instance.rate,
        "ssh_keys": instance.ssh_keys.len(),
        "networks": instance.settings.nics,
        "firewall": instance.settings.firewall,
        "disks": instance.settings.disks,
    })
}

/// Appends what is now true of an instance to the events.
pub(crate) async fn tell(tx: &mut Tx, instance: &Instance, now: Timestamp) -> Result<(), Error> {
    let state = instance.state();
    let id = instance.id.to_string();
    Ok(events::append(tx, now, Some(instance.project_id), Subject::Instance, &id, state.as_str()).await?)
}
