//! ISO images, the disc drives of virtual machines, and starting one to be rescued.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{ClusterId, InstanceId, IsoId};
use innkeeper_domain::isos as domain;
use innkeeper_domain::names::Title;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, NewIso};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{At, Key, Keyed};
use crate::operations::{Accepted, Operation};
use crate::problem::{MEDIA_TYPE, Problem};

/// An image of a disc that virtual machines can be given.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Iso {
    /// Identity.
    id: IsoId,
    /// As shown.
    name: Title,
    /// Whether machines are started from it to be rescued.
    rescue: bool,
    /// Since when it is offered.
    created_at: Timestamp,
    /// The cluster that has it; for staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<ClusterId>,
    /// What Proxmox calls it; for staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    volume: Option<String>,
}

impl Iso {
    fn new(iso: domain::Iso, staff: bool) -> Self {
        Self {
            id: iso.id,
            name: iso.name,
            rescue: iso.rescue,
            created_at: iso.created_at,
            cluster_id: staff.then_some(iso.cluster_id),
            volume: staff.then_some(iso.volume),
        }
    }
}

/// An image to be offered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "cluster_id": "clu_0190b2c35d5e7cc0a1b2c3d4e5f60718", "name": "SystemRescue", "volume": "local:iso/systemrescue.iso", "rescue": true }))]
pub(crate) struct IsoAsked {
    /// The cluster that has it, on every node.
    cluster_id: ClusterId,
    /// As shown: 1 to 64 characters.
    name: Title,
    /// What Proxmox calls it: `storage:iso/file.iso`.
    volume: String,
    /// Whether machines are started from it to be rescued.
    #[serde(default)]
    rescue: bool,
}

/// The images on offer, by name.
#[utoipa::path(get, path = "/isos", tag = "isos", responses((status = 200, description = "All of them", body = Vec<Iso>)))]
pub(crate) async fn list_isos(
    caller: Caller,
    State(engine): State<Engine>,
) -> Result<Json<Vec<Iso>>, Problem> {
    let staff = caller.is_staff();
    let isos = engine.isos(&caller.actor).await?;
    Ok(Json(isos.into_iter().map(|iso| Iso::new(iso, staff)).collect()))
}

/// Offer an image. That it is there is not looked at; whoever is given it is told when it is not.
#[utoipa::path(post, path = "/isos", tag = "isos", params(IdempotencyKey), request_body = IsoAsked, responses(
    (status = 201, description = "It is offered", body = Iso),
    (status = 409, description = "The cluster offers it already (`iso_offered`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn add_iso(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<IsoAsked>,
) -> Result<(StatusCode, Json<Iso>), Problem> {
    let IsoAsked { cluster_id, name, volume, rescue } = body;
    let new = NewIso { cluster_id, name, volume, rescue };
    let iso = engine.add_iso(&caller.actor, new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(Iso::new(iso, caller.is_staff()))))
}

/// Offer an image no longer. Discs that are in drives stay there.
#[utoipa::path(delete, path = "/isos/{id}", tag = "isos",
    params(("id" = IsoId, Path, description = "The image")),
    responses((status = 204, description = "It is not offered any more")),
)]
pub(crate) async fn remove_iso(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<IsoId>,
) -> Result<StatusCode, Problem> {
    engine.remove_iso(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A disc for a drive.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "iso_id": "iso_0190b2c35d5e7cc0a1b2c3d4e5f60718", "boot": true }))]
pub(crate) struct DiscAsked {
    /// Which image.
    iso_id: IsoId,
    /// Start from it, until it is taken out.
    #[serde(default)]
    boot: bool,
}

/// Put a disc into the drive of a virtual machine. One that runs has it from its next start.
#[utoipa::path(put, path = "/instances/{id}/disc", tag = "isos", request_body = DiscAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "It is a container (`not_for_containers`), another operation has not ended (`operation_in_progress`), it makes no sense in the present state (the code that `actions` tells), nothing of the project may run (`billing_hold`, `suspended`, `banned`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn insert_disc(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<DiscAsked>,
) -> Result<Accepted, Problem> {
    let disc = Some((body.iso_id, body.boot));
    Ok(Accepted::new(engine.insert_disc(&caller.actor, id, disc, key.as_ref()).await?, &caller))
}

/// Take the disc out of the drive of a virtual machine. One that runs is without it from its next start.
#[utoipa::path(delete, path = "/instances/{id}/disc", tag = "isos",
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "It is a container (`not_for_containers`), another operation has not ended (`operation_in_progress`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn eject_disc(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Key(key): Key,
) -> Result<Accepted, Problem> {
    Ok(Accepted::new(engine.insert_disc(&caller.actor, id, None, key.as_ref()).await?, &caller))
}

/// Whether to rescue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "on": true }))]
pub(crate) struct RescueAsked {
    /// Start from the house's rescue disc; else from its own disk again.
    on: bool,
}

/// Start a virtual machine from the house's rescue disc, or from its own disk again. It is restarted if it runs.
#[utoipa::path(put, path = "/instances/{id}/rescue", tag = "isos", request_body = RescueAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "The house has no rescue disc there (`no_rescue_disc`), it is a container (`not_for_containers`), another operation has not ended (`operation_in_progress`), nothing of the project may run (`billing_hold`, `suspended`, `banned`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn rescue_instance(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<RescueAsked>,
) -> Result<Accepted, Problem> {
    Ok(Accepted::new(engine.rescue_instance(&caller.actor, id, body.on, key.as_ref()).await?, &caller))
}
