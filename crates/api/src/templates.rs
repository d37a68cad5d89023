//! Templates: what instances are made from. Where clusters keep them is for staff.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{ClusterId, TemplateId};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::names::{NodeName, Title};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::{self as domain, Origin};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, NewSource, NewTemplate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Keyed, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// What an instance is made from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Template {
    /// Identity.
    id: TemplateId,
    /// As shown.
    name: Title,
    /// Container or virtual machine.
    kind: Kind,
    /// The smallest size that it runs in.
    least: Size,
    /// The size when none is asked for.
    default_size: Size,
    /// The greatest size of it that one can ask for.
    most: Size,
    /// Whether its instances report their addresses.
    reports_address: bool,
    /// Whether new instances can be made from it.
    offered: bool,
    /// When it was made.
    created_at: Timestamp,
}

impl From<domain::Template> for Template {
    fn from(t: domain::Template) -> Self {
        let domain::Template {
            id,
            name,
            kind,
            least,
            default_size,
            most,
            reports_address,
            offered,
            created_at,
        } = t;
        Self { id, name, kind, least, default_size, most, reports_address, offered, created_at }
    }
}

/// A template to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Debian 12",
    "kind": "lxc",
    "least": { "cores": 1, "memory_mib": 128, "disk_gib": 2 },
    "default_size": { "cores": 1, "memory_mib": 512, "disk_gib": 8 },
    "most": { "cores": 8, "memory_mib": 16384, "disk_gib": 200 },
}))]
pub(crate) struct TemplateAsked {
    /// As shown: 1 to 64 characters.
    name: Title,
    /// Container or virtual machine.
    kind: Kind,
    /// The smallest size that it runs in.
    least: Size,
    /// The size when none is asked for.
    default_size: Size,
    /// The greatest size of it that one can ask for.
    most: Size,
    /// Whether its instances report their addresses: every container can, a virtual machine only with the QEMU guest
    /// agent. When not said: yes for containers, no for virtual machines.
    reports_address: Option<bool>,
}

/// What to change of a template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "offered": false }))]
pub(crate) struct TemplateChange {
    /// Whether new instances can be made from it.
    offered: bool,
}

/// Where one cluster keeps a template: a volume for containers, a template VM for virtual machines.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "cluster_id": "clu_0190b2c35d5e7cc0a1b2c3d4e5f60718",
    "node": null,
    "volume": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst",
}))]
pub(crate) struct Source {
    /// The cluster.
    cluster_id: ClusterId,
    /// The node that has it; none when every node of the cluster can read it. A virtual machine needs it.
    node: Option<NodeName>,
    /// A container template, as `pveam list` shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    volume: Option<String>,
    /// The number of a template VM.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 100, maximum = 999_999_999)]
    vmid: Option<u32>,
}

impl From<domain::Source> for Source {
    fn from(source: domain::Source) -> Self {
        let (volume, vmid) = match source.origin {
            Origin::Volume(volume) => (Some(volume), None),
            Origin::Vm(vmid) => (None, Some(vmid)),
            // Only instances are made from these.
            Origin::Copy { .. } | Origin::Backup { .. } | Origin::Adopted { .. } => (None, None),
        };
        Self { cluster_id: source.cluster_id, node: source.node, volume, vmid }
    }
}

impl Source {
    fn asked(self) -> Result<NewSource, Problem> {
        let origin = match (self.volume, self.vmid) {
            (Some(volume), None) => Origin::Volume(volume),
            (None, Some(vmid)) => Origin::Vm(vmid),
            (None, None) => return Err(Problem::invalid_field("volume", "give `volume` or `vmid`")),
            (Some(_), Some(_)) => {
                return Err(Problem::invalid_field("vmid", "give `volume` or `vmid`, not both"));
            }
        };
        Ok(NewSource { cluster_id: self.cluster_id, node: self.node, origin })
    }
}

/// The templates that instances can be made from, by name. Staff see the others too.
#[utoipa::path(get, path = "/templates", tag = "templates", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<Template>),
))]
pub(crate) async fn list_templates(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Template>>, Problem> {
    let templates = engine.templates(&caller.actor).await?;
    Page::within(templates, paging, |template| template.id.to_string(), Template::from).map(Json)
}

/// Make a template. For staff.
///
/// Nothing can be made from it before a source is added.
#[utoipa::path(post, path = "/templates", tag = "templates", params(IdempotencyKey), request_body = TemplateAsked, responses(
    (status = 201, description = "Made", body = Template),
    (status = 409, description = "The key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn create_template(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<TemplateAsked>,
) -> Result<(StatusCode, Json<Template>), Problem> {
    let new = NewTemplate {
        name: body.name,
        kind: body.kind,
        least: body.least,
        default_size: body.default_size,
        most: body.most,
        reports_address: body.reports_address.unwrap_or(body.kind == Kind::Lxc),
    };
    let template = engine.create_template(&caller.actor, new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(template.into())))
}

/// Offer a template, or no longer. For staff.
#[utoipa::path(patch, path = "/templates/{id}", tag = "templates", request_body = TemplateChange,
    params(("id" = TemplateId, Path, description = "The template")),
    responses((status = 200, description = "The template as it is now", body = Template)),
)]
pub(crate) async fn change_template(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<TemplateId>,
    Asked(change): Asked<TemplateChange>,
) -> Result<Json<Template>, Problem> {
    Ok(Json(engine.offer_template(&caller.actor, id, change.offered).await?.into()))
}

/// Where clusters keep a template. For staff.
#[utoipa::path(get, path = "/templates/{id}/sources", tag = "templates",
    params(("id" = TemplateId, Path, description = "The template"), Paging),
    responses((status = 200, description = "A page of them", body = Page<Source>)),
)]
pub(crate) async fn list_sources(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<TemplateId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Source>>, Problem> {
    let sources = engine.template_sources(&caller.actor, id).await?;
    let place = |source: &domain::Source| {
        let node = source.node.as_ref().map_or("", NodeName::as_str);
        format!("{}/{node}", source.cluster_id)
    };
    Page::within(sources, paging, place, Source::from).map(Json)
}

/// Say where a cluster keeps a template. For staff.
#[utoipa::path(post, path = "/templates/{id}/sources", tag = "templates", request_body = Source,
    params(("id" = TemplateId, Path, description = "The template"), IdempotencyKey),
    responses(
        (status = 201, description = "Added", body = Source),
        (status = 409, description = "The key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn add_source(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<TemplateId>,
    Keyed { body, key }: Keyed<Source>,
) -> Result<(StatusCode, Json<Source>), Problem> {
    let source = engine.add_template_source(&caller.actor, id, body.asked()?, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(source.into())))
}
