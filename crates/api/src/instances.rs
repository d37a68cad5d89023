//! Instances. Where one is (cluster, node, number) and what Proxmox says of it is shown to staff only.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::ids::{ClusterId, InstanceId, OperationId, PlanId, ProjectId, TemplateId};
use innkeeper_domain::instances::{self as domain, Kind, State as InstanceState};
use innkeeper_domain::names::{Hostname, NodeName, SshKey, StorageName};
use innkeeper_domain::operations::Verb;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::usage::Tariff;
use innkeeper_engine::{Engine, Fittings, InstanceFilter, NewInstance, WantedSize};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::cards::{Card, CardAsked};
use crate::disks::{Disk, DiskAsked};
use crate::docs::IdempotencyKey;
use crate::extract::{At, Key, Keyed, Query};
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
    /// What it was made from.
    template_id: TemplateId,
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
    /// Where it is; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<Placement>,
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

impl Instance {
    pub(crate) fn new(instance: domain::Instance, staff: bool) -> Self {
        let state = instance.state();
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
            problem,
            operation: instance.operation.map(|(id, verb)| ActiveOperation { id, verb }),
            seen_at: instance.seen_at,
            created_at: instance.created_at,
            deleted_at: instance.deleted_at,
            placement,
        }
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
    /// What it is made from.
    template_id: TemplateId,
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
}

impl InstanceAsked {
    fn asked(self) -> Result<NewInstance, Problem> {
        let size = match (self.plan_id, self.size) {
            (None, None) => WantedSize::Default,
            (Some(plan), None) => WantedSize::Plan(plan),
            (None, Some(size)) => WantedSize::Custom(size),
            (Some(_), Some(_)) => {
                return Err(Problem::invalid_field("size", "give `plan_id` or `size`, not both"));
            }
        };
        Ok(NewInstance {
            project_id: self.project_id,
            name: self.name,
            template_id: self.template_id,
            size,
            ssh_keys: self.ssh_keys,
            fittings: Fittings {
                networks: self.networks.into_iter().map(Into::into).collect(),
                firewall: self.firewall.map(Into::into),
                disks: self.disks.into_iter().map(Into::into).collect(),
            },
        })
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
    let show = |instance| Instance::new(instance, staff);
    Ok(Json(Page::of(instances, wanted.limit, |instance| instance.id.to_string(), show)))
}

/// Ask for a new instance.
#[utoipa::path(post, path = "/instances", tag = "instances", params(IdempotencyKey), request_body = InstanceAsked, responses(
    (status = 202, description = "It is being made; follow the operation", body = Operation,
     headers(("Location" = String, description = "The operation"))),
    (status = 402, description = "The project has less than is held for a billing period; `needed_micros` and `available_micros` say how much (`insufficient_credits`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 404, description = "No such project, as far as you may know (`not_found`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 409, description = "The name is taken (`name_taken`), there is no room (`no_capacity`, `no_memory`, `no_disk`, `template_unavailable`), no address is left (`pool_exhausted`), the one that was asked for is taken (`address_taken`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn create_instance(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<InstanceAsked>,
) -> Result<Accepted, Problem> {
    let operation = engine.create_instance(&caller.actor, body.asked()?, key.as_ref()).await?;
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
    Ok(Json(Instance::new(engine.instance(&caller.actor, id).await?, caller.is_staff())))
}

/// Another size. Give `plan_id` or `size`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "size": { "cores": 4, "memory_mib": 4096, "disk_gib": 40 } }))]
pub(crate) struct ResizeAsked {
    /// A plan, for its size.
    plan_id: Option<PlanId>,
    /// A size of your own, within what the template allows. The disk cannot become smaller.
    size: Option<Size>,
}

/// Give an instance another size.
///
/// It goes on running. A container has its new size at once; a virtual machine gets its new disk at once, and its new
/// cores and memory when it is next restarted.
#[utoipa::path(post, path = "/instances/{id}/resize", tag = "instances", request_body = ResizeAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation. When the same is under way already, this is that operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "Another operation has not ended (`operation_in_progress`), it makes no sense in the present state (`wrong_state`), there is no room (`no_capacity`, `no_memory`, `no_disk`), nothing of the project may run (`billing_hold`, `suspended`, `banned`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn resize_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<ResizeAsked>,
) -> Result<Accepted, Problem> {
    let to = match (body.plan_id, body.size) {
        (Some(plan), None) => WantedSize::Plan(plan),
        (None, Some(size)) => WantedSize::Custom(size),
        _ => return Err(Problem::invalid_field("size", "give either `plan_id` or `size`")),
    };
    let operation = engine.resize_instance(&caller.actor, id, to, key.as_ref()).await?;
    Ok(Accepted::new(operation, &caller))
}

/// Defines a handler that asks for one verb. They differ in nothing but the verb and what is said about it.
macro_rules! verbs {
    ($($(#[doc = $doc:literal])+ $method:ident $path:literal $name:ident = $verb:ident;)+) => { $(
        $(#[doc = $doc])+
        #[utoipa::path($method, path = $path, tag = "instances",
            params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
            responses(
                (status = 202, description = "Asked; follow the operation. When the same is under way already, this is that operation", body = Operation,
                 headers(("Location" = String, description = "The operation"))),
                (status = 409, description = "Another operation has not ended (`operation_in_progress`), it makes no sense in the present state (`wrong_state`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
            ),
        )]
        pub(crate) async fn $name(
            caller: Caller,
            State(engine): State<Engine>,
            At(id): At<InstanceId>,
            Key(key): Key,
        ) -> Result<Accepted, Problem> {
            let operation = engine.change_instance(&caller.actor, id, Verb::$verb, key.as_ref()).await?;
            Ok(Accepted::new(operation, &caller))
        }
    )+ };
}

verbs! {
    /// Run an instance.
    post "/instances/{id}/start" start_instance = Start;
    /// Ask an instance to stop, and cut it off when it has not done so after a minute.
    post "/instances/{id}/shutdown" shut_down_instance = Shutdown;
    /// Cut an instance off, as if its plug were pulled.
    post "/instances/{id}/stop" stop_instance = Stop;
    /// Stop an instance and run it again.
    post "/instances/{id}/reboot" reboot_instance = Reboot;
    /// Remove an instance and everything on it, for good.
    delete "/instances/{id}" delete_instance = Delete;
}
