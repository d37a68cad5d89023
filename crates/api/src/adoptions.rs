//! Guests that are in Proxmox already: what there is, adopting them, and giving them back; for staff.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::adoptions::{self as domain, Draft, Obstacle, State as AdoptionState};
use innkeeper_domain::ids::{AdoptionId, ClusterId, InstanceId, PlanId, ProjectId};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::mark;
use innkeeper_domain::names::{Hostname, NodeName, StorageName};
use innkeeper_domain::prices::Rate;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{AdoptionPrice, Engine, GuestSeen, NewAdoptions, PlannedAdoption};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{At, Key, Keyed, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// A guest of a cluster, ours or not.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClusterGuest)]
pub(crate) struct Guest {
    /// Its number.
    vmid: u32,
    /// Container or virtual machine.
    kind: Kind,
    /// Its node.
    node: String,
    /// Its name, once known.
    name: Option<String>,
    /// `running`, `stopped`, `paused` or `unknown`.
    status: &'static str,
    /// Its tags.
    tags: Vec<String>,
    /// The pool it is in, as far as the token may see.
    pool: Option<String>,
    /// What holds a lock on it.
    lock: Option<String>,
    /// Whether it is a template.
    template: bool,
    /// Whether its number is of our range.
    in_range: bool,
    /// The instance that it is, if it is one.
    instance_id: Option<InstanceId>,
    /// It carries our tag and is no instance: whose it is, its description must tell.
    doubtful: bool,
    /// Whether it can be adopted, as far as the inventory tells; a dry run looks closer.
    adoptable: bool,
    /// Why it cannot be adopted.
    obstacle: Option<Obstacle>,
    /// The same for people.
    message: Option<&'static str>,
}

impl From<GuestSeen> for Guest {
    fn from(seen: GuestSeen) -> Self {
        let GuestSeen {
            vmid,
            kind,
            node,
            name,
            status,
            tags,
            pool,
            lock,
            template,
            in_range,
            instance_id,
            doubtful,
            obstacle,
        } = seen;
        let (adoptable, message) = (obstacle.is_none(), obstacle.map(Obstacle::message));
        Self {
            vmid,
            kind,
            node,
            name,
            status,
            tags,
            pool,
            lock,
            template,
            in_range,
            instance_id,
            doubtful,
            adoptable,
            obstacle,
            message,
        }
    }
}

/// Which guests to adopt, for whom, at which price. Give `vmids` or `all`; and `plan_id` or `rate`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "vmids": [105, 106],
    "project_id": "prj_0190b2c35d5e7cc0a1b2c3d4e5f60718",
    "rate": { "running_micros": 0, "stopped_micros": 0 },
    "dry_run": true,
}))]
pub(crate) struct AdoptionsAsked {
    /// Their numbers, 200 at most.
    #[schema(max_items = 200)]
    vmids: Option<Vec<u32>>,
    /// All that can be adopted.
    #[serde(default)]
    all: bool,
    /// For which project.
    project_id: ProjectId,
    /// A plan, for its price: its own, or else that of the price list for each guest's size.
    plan_id: Option<PlanId>,
    /// What each costs per hour from then on, in micro-credits; nothing, where both are zero. For administrators.
    rate: Option<Rate>,
    /// Only say what would be done.
    dry_run: bool,
}

impl AdoptionsAsked {
    fn asked(self) -> Result<NewAdoptions, Problem> {
        let vmids = match (self.vmids, self.all) {
            (Some(vmids), false) if !vmids.is_empty() => Some(vmids),
            (None, true) => None,
            _ => return Err(Problem::invalid_field("vmids", "give the numbers in `vmids`, or `all`")),
        };
        let price = match (self.plan_id, self.rate) {
            (Some(plan), None) => AdoptionPrice::Plan(plan),
            (None, Some(rate)) => AdoptionPrice::Rate(rate),
            _ => {
                let message = "give `plan_id` or `rate`; a rate of zero and zero if it is to cost nothing";
                return Err(Problem::invalid_field("rate", message));
            }
        };
        Ok(NewAdoptions { vmids, project_id: self.project_id, price })
    }
}

/// What a guest becomes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AdoptionDraft {
    /// Its name with us; that in Proxmox stays.
    name: Hostname,
    /// Container or virtual machine.
    kind: Kind,
    /// Its node.
    node: NodeName,
    /// Where its system disk is.
    storage: StorageName,
    /// How big it is.
    size: Size,
    /// What it costs per hour from then on, in micro-credits.
    rate: Rate,
    /// The plan whose price that is.
    plan_id: Option<PlanId>,
}

impl From<Draft> for AdoptionDraft {
    fn from(draft: Draft) -> Self {
        let Draft { name, kind, node, storage, size, rate, plan_id, .. } = draft;
        Self { name, kind, node, storage, size, rate, plan_id }
    }
}

/// One adoption.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Adoption {
    /// Identity.
    id: AdoptionId,
    /// The guest's number.
    vmid: u32,
    /// The instance that it becomes; it is there when the state is `adopted`.
    instance_id: InstanceId,
    /// Whose that is.
    project_id: ProjectId,
    /// How it stands.
    state: AdoptionState,
    /// What it becomes.
    draft: AdoptionDraft,
    /// What is or was in the way.
    problem: Option<String>,
    /// When it was asked for.
    created_at: Timestamp,
    /// When the guest was let go, or was not taken after all.
    over_at: Option<Timestamp>,
}

impl From<domain::Adoption> for Adoption {
    fn from(adoption: domain::Adoption) -> Self {
        Self {
            id: adoption.id,
            vmid: adoption.vmid,
            instance_id: adoption.instance_id,
            project_id: adoption.project_id,
            state: adoption.state,
            draft: adoption.draft.into(),
            problem: adoption.problem,
            created_at: adoption.created_at,
            over_at: adoption.over_at,
        }
    }
}

/// One line of a guest's configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConfigLine {
    /// Its name, for example `net0`.
    name: String,
    /// Its value, as it stands.
    value: String,
}

/// Everything that is written in Proxmox.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdoptionWrites)]
pub(crate) struct Writes {
    /// This line, after the description as it stands.
    description_line: String,
    /// This tag, after those that are there; null when it is there already.
    tag: Option<&'static str>,
}

/// What would be done with one guest, or is being done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AdoptionItem {
    /// Its number.
    vmid: u32,
    /// Whether it can be adopted.
    adoptable: bool,
    /// Why it cannot be, for programs.
    code: Option<&'static str>,
    /// Why it cannot be, for people.
    message: Option<String>,
    /// Its name in Proxmox, which stays.
    guest_name: Option<String>,
    /// What it becomes.
    draft: Option<AdoptionDraft>,
    /// What is written in Proxmox, and nothing else.
    writes: Option<Writes>,
    /// Its network cards, which stay.
    nets: Vec<ConfigLine>,
    /// Its disks, which stay.
    disks: Vec<ConfigLine>,
    /// The adoption, when it was asked for.
    adoption: Option<Adoption>,
}

impl From<PlannedAdoption> for AdoptionItem {
    fn from(item: PlannedAdoption) -> Self {
        let lines = |lines: Vec<(String, String)>| {
            lines.into_iter().map(|(name, value)| ConfigLine { name, value }).collect()
        };
        let id = item.adoption.as_ref().map(|adoption| adoption.instance_id);
        let writes = item.draft.as_ref().map(|draft| Writes {
            description_line: id.map_or_else(
                || "innkeeper-instance: ins_…, the id that it is given".to_owned(),
                mark::description,
            ),
            tag: draft.adds_tag.then_some(mark::TAG),
        });
        let (code, message) = item.problem.map_or((None, None), |(code, why)| (Some(code), Some(why)));
        Self {
            vmid: item.vmid,
            adoptable: item.draft.is_some(),
            code,
            message,
            guest_name: item.guest_name,
            writes,
            draft: item.draft.map(AdoptionDraft::from),
            nets: lines(item.nets),
            disks: lines(item.disks),
            adoption: item.adoption.map(Adoption::from),
        }
    }
}

/// What would be done, or is being done, guest by guest.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Adoptions {
    /// Whether it was only a question.
    dry_run: bool,
    /// Guest by guest, in the order of their numbers.
    items: Vec<AdoptionItem>,
}

/// All guests of a cluster that its token may see, ours and others; for staff.
#[utoipa::path(get, path = "/clusters/{id}/guests", tag = "clusters",
    params(("id" = ClusterId, Path, description = "The cluster"), Paging),
    responses(
        (status = 200, description = "A page of them", body = Page<Guest>),
        (status = 502, description = "The cluster does not do its part (`cluster_problem`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "The cluster does not answer (`cluster_unreachable`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn list_guests(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ClusterId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Guest>>, Problem> {
    let guests = engine.guests(&caller.actor, id).await?;
    // Numbers of equal length, so that their texts sort as they do.
    Page::within(guests, paging, |guest| format!("{:09}", guest.vmid), Guest::from).map(Json)
}

/// The adoptions of a cluster, newest first; for staff.
#[utoipa::path(get, path = "/clusters/{id}/adoptions", tag = "clusters",
    params(("id" = ClusterId, Path, description = "The cluster"), Paging),
    responses((status = 200, description = "A page of them", body = Page<Adoption>)),
)]
pub(crate) async fn list_adoptions(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ClusterId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Adoption>>, Problem> {
    let limit = paging.limit();
    let found = engine.adoptions(&caller.actor, id, paging.after()?, limit.rows()).await?;
    Ok(Json(Page::of(found, limit, |adoption| adoption.id.to_string(), Adoption::from)))
}

/// Adopt guests that are in Proxmox already; for staff.
///
/// Nothing of a guest is changed but that our mark is written after its description and our tag is added to its tags,
/// and that only if nobody has changed its configuration in between. It is paid for from the moment at which the mark
/// was seen to stand.
#[utoipa::path(post, path = "/clusters/{id}/adoptions", tag = "clusters", request_body = AdoptionsAsked,
    params(("id" = ClusterId, Path, description = "The cluster"), IdempotencyKey),
    responses(
        (status = 200, description = "What would be done, guest by guest: it was a dry run", body = Adoptions),
        (status = 202, description = "Asked; follow each adoption in the list of them", body = Adoptions),
        (status = 409, description = "The project may not have so much (`quota_exceeded`), nothing of it may run (`billing_hold`, `suspended`, `banned`), one is being adopted already (`under_way`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 502, description = "The cluster does not do its part (`cluster_problem`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "The cluster does not answer (`cluster_unreachable`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn adopt_guests(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ClusterId>,
    Keyed { body, key }: Keyed<AdoptionsAsked>,
) -> Result<(StatusCode, Json<Adoptions>), Problem> {
    let dry_run = body.dry_run;
    let wanted = body.asked()?;
    let (status, items) = if dry_run {
        (StatusCode::OK, engine.plan_adoptions(&caller.actor, id, &wanted).await?)
    } else {
        (StatusCode::ACCEPTED, engine.adopt(&caller.actor, id, &wanted, key.as_ref()).await?)
    };
    let items = items.into_iter().map(AdoptionItem::from).collect();
    Ok((status, Json(Adoptions { dry_run, items })))
}

/// Give an adopted guest back; for staff.
///
/// The instance is forgotten at once, and what it owes is settled. The guest goes on as it is; our mark is taken off
/// it, and our tag if we had added it.
#[utoipa::path(post, path = "/instances/{id}/release", tag = "instances",
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "It is no instance any more; the mark is being taken off", body = Adoption),
        (status = 409, description = "It was not adopted (`not_adopted`), is deleted (`wrong_state`), or an operation has not ended (`operation_in_progress`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn release_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Key(key): Key,
) -> Result<(StatusCode, Json<Adoption>), Problem> {
    let adoption = engine.release_instance(&caller.actor, id, key.as_ref()).await?;
    Ok((StatusCode::ACCEPTED, Json(adoption.into())))
}
