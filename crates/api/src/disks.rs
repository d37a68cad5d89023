//! The extra disks of instances.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::disks::{self as domain, Bus, MountPath, Seat};
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::prices::Rate;
use innkeeper_engine::{DiskChange, DiskWanted, Engine};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Key, Keyed, Query};
use crate::operations::{Accepted, Operation};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// An extra disk that is wanted.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "size_gib": 20, "path": "/srv/data" }))]
pub(crate) struct DiskAsked {
    /// How much it holds, in GiB.
    #[schema(minimum = 1, maximum = 16384)]
    size_gib: u32,
    /// Where a container sees it: an absolute path. Virtual machines mount their disks themselves.
    #[schema(value_type = Option<String>)]
    path: Option<MountPath>,
    /// On which bus a virtual machine sees it; `scsi` when not said.
    bus: Option<Bus>,
}

impl From<DiskAsked> for DiskWanted {
    fn from(asked: DiskAsked) -> Self {
        Self { size_gib: asked.size_gib, path: asked.path, bus: asked.bus }
    }
}

/// Another size of a disk.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "size_gib": 40 }))]
pub(crate) struct DiskChanged {
    /// How much it is to hold, in GiB; never less than it does.
    #[schema(minimum = 1, maximum = 16384)]
    size_gib: u32,
}

/// An extra disk of an instance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Disk {
    /// Its number, by which it is changed and removed.
    number: u8,
    /// How much it holds, in GiB.
    size_gib: u32,
    /// Where a container sees it.
    #[schema(value_type = Option<String>)]
    path: Option<MountPath>,
    /// On which bus a virtual machine sees it.
    bus: Option<Bus>,
    /// By which serial number a virtual machine tells it from others.
    serial: Option<String>,
    /// What it costs per hour, in micro-credits; in the instance's price from when it is there.
    rate: Rate,
}

impl From<domain::Disk> for Disk {
    fn from(disk: domain::Disk) -> Self {
        let serial = disk.serial();
        let (path, bus) = match disk.seat {
            Seat::Path(path) => (Some(path), None),
            Seat::Bus(bus) => (None, Some(bus)),
        };
        let serial = bus.map(|_| serial);
        Self { number: disk.number, size_gib: disk.size_gib, path, bus, serial, rate: disk.rate }
    }
}

/// The number of a disk; what is none names a disk that no instance has.
fn disk(number: &str) -> u8 {
    number.parse().unwrap_or(0)
}

/// The extra disks of an instance, by number.
#[utoipa::path(get, path = "/instances/{id}/disks", tag = "instances",
    params(("id" = InstanceId, Path, description = "The instance"), Paging),
    responses((status = 200, description = "A page of them", body = Page<Disk>)),
)]
pub(crate) async fn list_disks(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Disk>>, Problem> {
    let disks = engine.instance(&caller.actor, id).await?.settings.disks;
    Page::within(disks, paging, |disk| disk.number.to_string(), Disk::from).map(Json)
}

/// Give an instance another disk.
///
/// It is paid by the price list, also beside a plan, from when it is there. It goes on running.
#[utoipa::path(post, path = "/instances/{id}/disks", tag = "instances", request_body = DiskAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 402, description = "The project has less than is held for a billing period (`insufficient_credits`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 409, description = "Another operation has not ended (`operation_in_progress`), it has as many disks as it can (`too_many_disks`), there is no room (`no_disk`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn add_disk(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<DiskAsked>,
) -> Result<Accepted, Problem> {
    let change = DiskChange::Add(body.into());
    Ok(Accepted::new(engine.change_disks(&caller.actor, id, change, key.as_ref()).await?, &caller))
}

/// Make an extra disk larger.
#[utoipa::path(patch, path = "/instances/{id}/disks/{number}", tag = "instances", request_body = DiskChanged,
    params(("id" = InstanceId, Path, description = "The instance"), ("number" = String, Path, description = "The disk")),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 402, description = "The project has less than is held for a billing period (`insufficient_credits`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 409, description = "Another operation has not ended (`operation_in_progress`), or there is no room (`no_disk`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn grow_disk(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, number)): At<(InstanceId, String)>,
    Asked(body): Asked<DiskChanged>,
) -> Result<Accepted, Problem> {
    let change = DiskChange::Grow(disk(&number), body.size_gib);
    Ok(Accepted::new(engine.change_disks(&caller.actor, id, change, None).await?, &caller))
}

/// Remove an extra disk and everything on it, for good.
///
/// The instance must be stopped.
#[utoipa::path(delete, path = "/instances/{id}/disks/{number}", tag = "instances",
    params(("id" = InstanceId, Path, description = "The instance"), ("number" = String, Path, description = "The disk"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "Another operation has not ended (`operation_in_progress`), the instance is not stopped (`running`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn remove_disk(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, number)): At<(InstanceId, String)>,
    Key(key): Key,
) -> Result<Accepted, Problem> {
    let change = DiskChange::Remove(disk(&number));
    Ok(Accepted::new(engine.change_disks(&caller.actor, id, change, key.as_ref()).await?, &caller))
}
