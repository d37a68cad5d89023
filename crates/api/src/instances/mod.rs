//! Instances. Where one is (cluster, node, number) and what Proxmox says of it is shown to staff only.

pub(crate) mod bulk;
pub(crate) mod changing;
pub(crate) mod power;

use std::collections::{HashMap, HashSet};

use axum::Json;
use axum::extract::State;
use innkeeper_domain::drift::Drift as Differs;
use innkeeper_domain::ids::{
    BackupId, ClusterId, HostId, InstanceId, IsoId, OperationId, PlanId, ProjectId, TemplateId,
};
use innkeeper_domain::instances::{self as domain, Action, Kind, State as InstanceState};
use innkeeper_domain::names::{Hostname, NodeName, SshKey, StorageName, Tag};
use innkeeper_domain::operations::Verb;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::projects::Restriction;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::usage::Tariff;
use innkeeper_engine::{Engine, Fittings, InstanceFilter, NewFromBackup, NewInstance, Setup, WantedSize};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::cards::{Card, CardAsked};
use crate::disks::{Disk, DiskAsked};
use crate::docs::IdempotencyKey;
use crate::drift::Drift;
use crate::extract::{At, Keyed, Query};
use crate::firewall::FirewallAsked;
use crate::operations::{Accepted, Operation};
use crate::page::{Cursor, Limit, Page};
use crate::problem::{MEDIA_TYPE, Problem};

/// A guest that belongs to a project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Instance {
    /// Identity.
    id: InstanceId,
    /// Whose it is.
    project_id: ProjectId,
    /// Its host name.
    name: Hostname,
    /// Container or virtual machine.
    kind: Kind,
    /// How it is.
    state: InstanceState,
    /// What it was made from; null for a guest that was adopted.
    template_id: Option<TemplateId>,
    /// The plan it was asked by, if any.
    plan_id: Option<PlanId>,
    /// How big it is.
    size: Size,
    /// What it costs per hour, in micro-credits, since it was made.
    rate: Rate,
    /// Which of the two prices it pays at present, if any.
    tariff: Option<Tariff>,
    /// Public keys that may sign in to it.
    ssh_keys: Vec<SshKey>,
    /// Its network cards; null when it has those that it was made with, before there were networks.
    networks: Option<Vec<Card>>,
    /// Its extra disks, those that are on their way among them.
    disks: Vec<Disk>,
    /// Its IP address, as last reported.
    address: Option<String>,
    /// Words by which it is found again.
    tags: Vec<Tag>,
    /// Whether it starts with its host.
    onboot: bool,
    /// The disc in its drive, if any.
    disc: Option<Disc>,
    /// Settings that it has taken, but uses only from its next start, by the names that Proxmox has for them.
    pending: Vec<String>,
    /// Whether it is kept from being removed or made anew.
    protected: bool,
    /// It is in the trash, and is removed for good at this time.
    trashed_until: Option<Timestamp>,
    /// What can be done with it now; what cannot says why. Nothing else may be under way, but for what takes its place.
    actions: Vec<Possible>,
    /// What it waits for, if anything: it goes on when its host is awake.
    awaits: Option<Awaits>,
    /// What is wrong with it, if anything.
    problem: Option<String>,
    /// The operation that has not ended, if any.
    operation: Option<ActiveOperation>,
    /// When it was last seen.
    seen_at: Option<Timestamp>,
    /// When it was asked for.
    created_at: Timestamp,
    /// When it was gone.
    deleted_at: Option<Timestamp>,
    /// Where it differs from what is held of it; empty where it does not.
    drift: Vec<Drift>,
    /// Where it is; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<Placement>,
}

/// A disc in a drive.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Disc {
    /// Which image.
    iso_id: IsoId,
    /// Whether it is started from.
    boot: bool,
}

/// Something that can be done with an instance, or not.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "what is possible is the word for it")]
pub(crate) struct Possible {
    /// What.
    action: Action,
    /// Whether it can be done now.
    possible: bool,
    /// Why not, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// Why not, and what to do about it, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl Possible {
    fn all(instance: &domain::Instance, restriction: Option<Restriction>, staff: bool) -> Vec<Self> {
        let offered = |action: &&Action| staff || **action != Action::Migrate;
        let show = |&action| {
            let bar = domain::bar(action, instance).or_else(|| domain::restriction_bar(action, restriction));
            Self {
                action,
                possible: bar.is_none(),
                code: bar.map(|bar| bar.code),
                reason: bar.map(|bar| bar.reason),
            }
        };
        Action::ALL.iter().filter(offered).map(show).collect()
    }
}

/// An operation that has not ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActiveOperation {
    /// Identity.
    id: OperationId,
    /// What was asked for.
    verb: Verb,
}

/// Where an instance is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Placement {
    /// The cluster.
    cluster_id: ClusterId,
    /// The node, as far as known.
    node: NodeName,
    /// The storage of its disk.
    storage: StorageName,
    /// Its number in the cluster.
    vmid: u32,
    /// The Proxmox task under way.
    upid: Option<String>,
}

/// What an instance waits for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Awaits {
    /// The host, for those who may see it.
    host_id: Option<HostId>,
}

/// What is told of instances beside themselves.
struct Beside {
    /// Where they differ from what is held of them.
    drifts: HashMap<InstanceId, Vec<Differs>>,
    /// What stands against their projects.
    restricted: HashMap<ProjectId, Restriction>,
    /// The hosts that they wait for and that the caller may see.
    hosts: HashSet<HostId>,
}

impl Beside {
    async fn of(engine: &Engine, caller: &Caller, instances: &[domain::Instance]) -> Result<Self, Problem> {
        let ids: Vec<InstanceId> = instances.iter().map(|instance| instance.id).collect();
        // Most are of one project.
        let projects: HashSet<ProjectId> = instances.iter().map(|instance| instance.project_id).collect();
        let projects: Vec<ProjectId> = projects.into_iter().collect();
        let awaited: HashSet<HostId> = instances.iter().filter_map(|instance| instance.awaits).collect();
        Ok(Self {
            drifts: engine.drifts(&ids).await?,
            restricted: engine.restricted(&projects).await?,
            hosts: engine.seen_of_hosts(&caller.actor, awaited).await?,
        })
    }

    fn show(&mut self, instance: domain::Instance, staff: bool) -> Instance {
        let drift = self.drifts.remove(&instance.id).unwrap_or_default();
        let restriction = self.restricted.get(&instance.project_id).copied();
        let awaits = instance
            .awaits
            .map(|host| Awaits { host_id: Some(host).filter(|host| self.hosts.contains(host)) });
        let shown = Instance::new(instance, restriction, staff).differing(drift, staff);
        Instance { awaits, ..shown }
    }
}

impl Instance {
    /// An instance as this caller may see it.
    pub(crate) async fn of(
        engine: &Engine,
        caller: &Caller,
        instance: domain::Instance,
    ) -> Result<Self, Problem> {
        let mut beside = Beside::of(engine, caller, std::slice::from_ref(&instance)).await?;
        Ok(beside.show(instance, caller.is_staff()))
    }

    /// Instances as this caller may see them.
    pub(crate) async fn all(
        engine: &Engine,
        caller: &Caller,
        instances: Vec<domain::Instance>,
    ) -> Result<Vec<Self>, Problem> {
        let mut beside = Beside::of(engine, caller, &instances).await?;
        Ok(instances.into_iter().map(|instance| beside.show(instance, caller.is_staff())).collect())
    }

    fn new(instance: domain::Instance, restriction: Option<Restriction>, staff: bool) -> Self {
        let state = instance.state();
        let actions = Possible::all(&instance, restriction, staff);
        let problem = match instance.problem {
            // It names numbers and nodes.
            Some(text) if staff => Some(text),
            Some(_) if state == InstanceState::Missing => {
                Some("it is missing; an operator must look at it".to_owned())
            }
            Some(_) => Some("something is wrong with it; an operator can see what".to_owned()),
            None => None,
        };
        let placement = staff.then_some(Placement {
            cluster_id: instance.cluster_id,
            node: instance.node,
            storage: instance.storage,
            vmid: instance.vmid,
            upid: instance.upid,
        });
        Self {
            id: instance.id,
            project_id: instance.project_id,
            name: instance.name,
            kind: instance.kind,
            state,
            template_id: instance.template_id,
            plan_id: instance.plan_id,
            size: instance.size,
            rate: instance.rate,
            tariff: instance.tariff,
            ssh_keys: instance.ssh_keys,
            disks: instance.settings.disks.into_iter().map(Disk::from).collect(),
            networks: instance.settings.nics.map(|nics| nics.into_iter().map(Card::from).collect()),
            address: instance.address,
            tags: instance.settings.tags.into_iter().collect(),
            onboot: instance.settings.onboot,
            disc: instance.settings.disc.map(|disc| Disc { iso_id: disc.iso_id, boot: disc.boot }),
            pending: instance.pending,
            protected: instance.protected,
            trashed_until: instance.trashed_until,
            actions,
            awaits: None,
            problem,
            operation: instance.operation.map(|(id, verb)| ActiveOperation { id, verb }),
            seen_at: instance.seen_at,
            created_at: instance.created_at,
            deleted_at: instance.deleted_at,
            drift: Vec::new(),
            placement,
        }
    }
}

impl Instance {
    /// The same, with where it differs from what is held of it.
    fn differing(mut self, drift: Vec<Differs>, staff: bool) -> Self {
        self.drift = drift.into_iter().map(|drift| Drift::new(drift, staff)).collect();
        self
    }
}

/// An instance to be made. Give `plan_id` or `size`, or neither for the template's own size.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "web-1",
    "template_id": "tpl_0190b2c35d5e7cc0a1b2c3d4e5f60718",
    "size": { "cores": 2, "memory_mib": 2048, "disk_gib": 20 },
    "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZ0d2V0b3Jrc2FyZWp1c3RsaWtlZmFrZWtleXM ada"],
}))]
pub(crate) struct InstanceAsked {
    /// Whose it will be; your own project when not said.
    project_id: Option<ProjectId>,
    /// Its host name, unique in the project: 1 to 63 lower-case letters, digits and hyphens.
    name: Hostname,
    /// What it is made from. Give this or `backup_id`.
    template_id: Option<TemplateId>,
    /// The backup whose content it gets, of an instance that is there or was. It comes without `ssh_keys`: who may sign
    /// in is inside it. Its project is that of the backup when not said; its size that of the instance that was saved.
    backup_id: Option<BackupId>,
    /// A plan, for its size.
    plan_id: Option<PlanId>,
    /// A size of your own, within what the template allows.
    size: Option<Size>,
    /// Public keys that may sign in to it, in OpenSSH form.
    #[serde(default)]
    #[schema(max_items = 20)]
    ssh_keys: Vec<SshKey>,
    /// The networks that its cards are plugged into, all of one place; the default network where there is one when not
    /// said.
    #[serde(default)]
    #[schema(max_items = 8)]
    networks: Vec<CardAsked>,
    /// Its firewall; without one, what Proxmox does by itself: nothing is kept out.
    firewall: Option<FirewallAsked>,
    /// Its extra disks.
    #[serde(default)]
    #[schema(max_items = 8)]
    disks: Vec<DiskAsked>,
    /// Whether a key of ours is put into it beside them, by which commands can be run, passwords set and `user_data` be
    /// run.
    #[serde(default = "yes")]
    #[schema(default = true)]
    management_key: bool,
    /// A script that is run in it once, as root, after its first start; `GET …/first-boot` tells how it stands. It is for
    /// `/bin/sh` unless its first line names another interpreter.
    #[schema(max_length = 65536)]
    user_data: Option<String>,
}

fn yes() -> bool {
    true
}

/// What a new instance is made from.
enum Made {
    New(NewInstance, Setup),
    FromBackup(NewFromBackup),
}

impl InstanceAsked {
    fn asked(self) -> Result<Made, Problem> {
        let size = match (self.plan_id, self.size) {
            (None, None) => WantedSize::Default,
            (Some(plan), None) => WantedSize::Plan(plan),
            (None, Some(size)) => WantedSize::Custom(size),
            (Some(_), Some(_)) => {
                return Err(Problem::invalid_field("size", "give `plan_id` or `size`, not both"));
            }
        };
        let (project_id, name) = (self.project_id, self.name);
        let setup = Setup { management_key: self.management_key, user_data: self.user_data };
        let fitted = !self.networks.is_empty() || self.firewall.is_some() || !self.disks.is_empty();
        match (self.template_id, self.backup_id) {
            (Some(template_id), None) => {
                let fittings = Fittings {
                    networks: self.networks.into_iter().map(Into::into).collect(),
                    firewall: self.firewall.map(Into::into),
                    disks: self.disks.into_iter().map(Into::into).collect(),
                };
                let new =
                    NewInstance { project_id, name, template_id, size, ssh_keys: self.ssh_keys, fittings };
                Ok(Made::New(new, setup))
            }
            (None, Some(_)) if !self.ssh_keys.is_empty() => Err(Problem::invalid_field(
                "ssh_keys",
                "leave them out: who may sign in is inside the backup",
            )),
            (None, Some(_)) if setup.user_data.is_some() => Err(Problem::invalid_field(
                "user_data",
                "leave it out: what is in the backup has been set up already",
            )),
            (None, Some(_)) if fitted => Err(Problem::invalid_field(
                "backup_id",
                "leave `networks`, `firewall` and `disks` out: it is made as it was saved; change them afterwards",
            )),
            (None, Some(backup_id)) => {
                Ok(Made::FromBackup(NewFromBackup { backup_id, project_id, name, size }))
            }
            _ => Err(Problem::invalid_field("template_id", "give either `template_id` or `backup_id`")),
        }
    }
}

/// Which instances, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only those of this project.
    project_id: Option<ProjectId>,
    /// Only those on this cluster; for staff.
    cluster_id: Option<ClusterId>,
    /// Only containers, or only virtual machines.
    kind: Option<Kind>,
    /// Only those whose name contains this.
    name: Option<String>,
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// The instances that you may see, newest first, without those that are deleted.
#[utoipa::path(get, path = "/instances", tag = "instances", params(Wanted), responses(
    (status = 200, description = "A page of them", body = Page<Instance>),
))]
pub(crate) async fn list_instances(
    caller: Caller,
    State(engine): State<Engine>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Instance>>, Problem> {
    let staff = caller.is_staff();
    if wanted.cluster_id.is_some() && !staff {
        return Err(Problem::forbidden("forbidden", "only staff may ask where instances are"));
    }
    let filter = InstanceFilter {
        project_id: wanted.project_id,
        cluster_id: wanted.cluster_id,
        kind: wanted.kind,
        name_contains: wanted.name,
    };
    let after = Cursor::read(wanted.cursor)?;
    let instances = engine.instances(&caller.actor, &filter, after, wanted.limit.rows()).await?;
    let shown = Instance::all(&engine, &caller, instances).await?;
    Ok(Json(Page::of(shown, wanted.limit, |instance| instance.id.to_string(), |instance| instance)))
}

/// Ask for a new instance.
#[utoipa::path(post, path = "/instances", tag = "instances", params(IdempotencyKey), request_body = InstanceAsked, responses(
    (status = 202, description = "It is being made; follow the operation", body = Operation,
     headers(("Location" = String, description = "The operation"))),
    (status = 402, description = "The project has less than is held for a billing period; `needed_micros` and `available_micros` say how much (`insufficient_credits`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 404, description = "No such project, as far as you may know (`not_found`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 409, description = "The name is taken (`name_taken`), there is no room (`no_capacity`, `no_memory`, `no_disk`, `template_unavailable`), no address is left (`pool_exhausted`), the one that was asked for is taken (`address_taken`), the backup is not there (`backup_pending`, `backup_unusable`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn create_instance(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<InstanceAsked>,
) -> Result<Accepted, Problem> {
    let operation = match body.asked()? {
        Made::New(new, setup) => engine.create_instance_with(&caller.actor, new, setup, key.as_ref()).await?,
        Made::FromBackup(new) => engine.create_from_backup(&caller.actor, new, key.as_ref()).await?,
    };
    Ok(Accepted::new(operation, &caller))
}

/// One instance.
#[utoipa::path(get, path = "/instances/{id}", tag = "instances",
    params(("id" = InstanceId, Path, description = "The instance")),
    responses((status = 200, description = "The instance", body = Instance)),
)]
pub(crate) async fn get_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
) -> Result<Json<Instance>, Problem> {
    let instance = engine.instance(&caller.actor, id).await?;
    Ok(Json(Instance::of(&engine, &caller, instance).await?))
}
