//! Networks and their pools. What they are made of in Proxmox, and who has which address, is for staff.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::addresses::AddressRange;
use innkeeper_domain::ids::{ClusterId, InstanceId, NetworkId, PoolId, ProjectId};
use innkeeper_domain::names::{BridgeName, Title};
use innkeeper_domain::networks as domain;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, NetworkChange, NewNetwork};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Keyed, Query, said};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// Where the cards of instances are plugged in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Network {
    /// Identity.
    id: NetworkId,
    /// As shown.
    name: Title,
    /// Its VLAN tag, if any.
    vlan: Option<u16>,
    /// The only project that may use it; null when all may.
    project_id: Option<ProjectId>,
    /// Whether instances get it that ask for no other.
    default: bool,
    /// The size of its packets in bytes; null for the usual.
    mtu: Option<u32>,
    /// How fast a card on it is at most, in megabits per second (1 000 000 bits); null for no limit.
    rate_mbps: Option<u32>,
    /// Where it is; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<ClusterId>,
    /// The bridge of the hosts; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    bridge: Option<BridgeName>,
    /// When it was made.
    created_at: Timestamp,
}

impl Network {
    fn new(network: domain::Network, staff: bool) -> Self {
        Self {
            id: network.id,
            name: network.name,
            vlan: network.vlan,
            project_id: network.project_id,
            default: network.default,
            mtu: network.mtu,
            rate_mbps: network.rate_mbps,
            cluster_id: staff.then_some(network.cluster_id),
            bridge: staff.then_some(network.bridge),
            created_at: network.created_at,
        }
    }
}

/// A network to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "cluster_id": "clu_0190b2c35d5e7cc0a1b2c3d4e5f60718", "name": "Guests", "bridge": "vmbr0", "vlan": 40,
    "default": true, "rate_mbps": 1000,
}))]
pub(crate) struct NetworkAsked {
    /// Where it is.
    cluster_id: ClusterId,
    /// As shown; unique in its cluster: 1 to 64 characters.
    name: Title,
    /// The bridge of the hosts, or a network of Proxmox's SDN; every node must have it.
    bridge: BridgeName,
    /// The VLAN tag.
    #[schema(minimum = 1, maximum = 4094)]
    vlan: Option<u16>,
    /// The only project that may use it; all may when not said.
    project_id: Option<ProjectId>,
    /// Whether instances get it that ask for no other; it takes the place of the default before.
    #[serde(default)]
    default: bool,
    /// The size of its packets in bytes; the bridge's own when not said.
    #[schema(minimum = 576, maximum = 65520)]
    mtu: Option<u32>,
    /// How fast a card on it is at most, in megabits per second. Proxmox counts megabytes; it is told an eighth.
    #[schema(minimum = 1, maximum = 400_000)]
    rate_mbps: Option<u32>,
}

/// What to change of a network; what is left out stays. Cards that are plugged in already stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "default": true }))]
#[expect(clippy::option_option, reason = "null and left out say different things")]
pub(crate) struct NetworkChanged {
    /// Another name.
    name: Option<Title>,
    /// Whether instances get it that ask for no other.
    default: Option<bool>,
    /// The size of its packets in bytes; null for the bridge's own.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<u32>)]
    mtu: Option<Option<u32>>,
    /// How fast a card on it is at most, in megabits per second; null for no limit.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<u32>)]
    rate_mbps: Option<Option<u32>>,
}

/// Addresses of a network that are given out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AddressPool {
    /// Identity.
    id: PoolId,
    /// Its network.
    network_id: NetworkId,
    /// The range that they are of.
    cidr: AddressRange,
    /// The way out.
    #[schema(value_type = Option<String>)]
    gateway: Option<IpAddr>,
    /// The first that is given out.
    #[schema(value_type = String)]
    first: IpAddr,
    /// The last that is given out.
    #[schema(value_type = String)]
    last: IpAddr,
    /// Those in between that are not.
    #[schema(value_type = Vec<String>)]
    excluded: Vec<IpAddr>,
    /// Servers of names.
    #[schema(value_type = Vec<String>)]
    dns: Vec<IpAddr>,
    /// How many it gives out.
    size: u64,
    /// How many of them are taken.
    taken: u64,
    /// When it was made.
    created_at: Timestamp,
}

impl AddressPool {
    fn new(pool: domain::Pool, taken: u64) -> Self {
        let size = pool.places().saturating_sub(pool.never().len() as u64);
        Self {
            id: pool.id,
            network_id: pool.network_id,
            cidr: pool.range,
            gateway: pool.gateway,
            first: pool.first,
            last: pool.last,
            excluded: pool.excluded,
            dns: pool.dns,
            size,
            taken,
            created_at: pool.created_at,
        }
    }
}

/// A pool of addresses to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "cidr": "192.0.2.0/24", "gateway": "192.0.2.1", "first": "192.0.2.50", "last": "192.0.2.199",
    "excluded": ["192.0.2.77"], "dns": ["192.0.2.53"],
}))]
pub(crate) struct PoolAsked {
    /// The network's range: its length becomes the prefix of the addresses.
    cidr: AddressRange,
    /// The way out, within the range; it is never given out.
    #[schema(value_type = Option<String>)]
    gateway: Option<IpAddr>,
    /// The first that is given out; the range's second when not said.
    #[schema(value_type = Option<String>)]
    first: Option<IpAddr>,
    /// The last that is given out; the range's last but one when not said, and of IPv6 the 65 536th.
    #[schema(value_type = Option<String>)]
    last: Option<IpAddr>,
    /// Addresses in between that are not given out.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 256)]
    excluded: Vec<IpAddr>,
    /// Servers of names that guests with these addresses are told of.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 4)]
    dns: Vec<IpAddr>,
}

/// An address that is taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reservation {
    /// Of which pool.
    pool_id: PoolId,
    /// Which one.
    #[schema(value_type = String)]
    address: IpAddr,
    /// The instance that has it; null when a person keeps it for something else.
    instance_id: Option<InstanceId>,
    /// What it is kept for.
    note: Option<String>,
    /// Since when.
    created_at: Timestamp,
}

impl From<domain::Reservation> for Reservation {
    fn from(taken: domain::Reservation) -> Self {
        let domain::Reservation { pool_id, address, instance_id, note, created_at } = taken;
        Self { pool_id, address, instance_id, note, created_at }
    }
}

/// An address to be kept for something else than an instance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "address": "192.0.2.60", "note": "the printer on the second floor" }))]
pub(crate) struct ReservationAsked {
    /// Which one; a pool of the network must give it out.
    #[schema(value_type = String)]
    address: IpAddr,
    /// What it is kept for: 1 to 200 characters.
    note: String,
}

/// The networks that you may use, by name. Staff see all, and what they are made of.
#[utoipa::path(get, path = "/networks", tag = "networks", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<Network>),
))]
pub(crate) async fn list_networks(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Network>>, Problem> {
    let networks = engine.networks(&caller.actor).await?;
    let staff = caller.is_staff();
    let show = |network| Network::new(network, staff);
    Page::within(networks, paging, |network| network.id.to_string(), show).map(Json)
}

/// Make a network. For staff.
#[utoipa::path(post, path = "/networks", tag = "networks", params(IdempotencyKey), request_body = NetworkAsked, responses(
    (status = 201, description = "Made", body = Network),
    (status = 409, description = "The name is taken (`name_taken`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn create_network(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<NetworkAsked>,
) -> Result<(StatusCode, Json<Network>), Problem> {
    let new = NewNetwork {
        cluster_id: body.cluster_id,
        name: body.name,
        bridge: body.bridge,
        vlan: body.vlan,
        project_id: body.project_id,
        default: body.default,
        mtu: body.mtu,
        rate_mbps: body.rate_mbps,
    };
    let network = engine.create_network(&caller.actor, new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(Network::new(network, true))))
}

/// Change a network. For staff.
#[utoipa::path(patch, path = "/networks/{id}", tag = "networks", request_body = NetworkChanged,
    params(("id" = NetworkId, Path, description = "The network")),
    responses(
        (status = 200, description = "The network as it is now", body = Network),
        (status = 409, description = "The name is taken (`name_taken`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn change_network(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<NetworkId>,
    Asked(body): Asked<NetworkChanged>,
) -> Result<Json<Network>, Problem> {
    let change =
        NetworkChange { name: body.name, default: body.default, mtu: body.mtu, rate_mbps: body.rate_mbps };
    Ok(Json(Network::new(engine.change_network(&caller.actor, id, change).await?, true)))
}

/// Remove a network that nothing is plugged into, with its pools. For staff.
#[utoipa::path(delete, path = "/networks/{id}", tag = "networks",
    params(("id" = NetworkId, Path, description = "The network")),
    responses(
        (status = 204, description = "Removed"),
        (status = 409, description = "Instances have cards on it (`network_in_use`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn remove_network(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<NetworkId>,
) -> Result<StatusCode, Problem> {
    engine.remove_network(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The pools of a network. For staff.
#[utoipa::path(get, path = "/networks/{id}/pools", tag = "networks",
    params(("id" = NetworkId, Path, description = "The network"), Paging),
    responses((status = 200, description = "A page of them", body = Page<AddressPool>)),
)]
pub(crate) async fn list_pools(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<NetworkId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<AddressPool>>, Problem> {
    let pools = engine.address_pools(&caller.actor, id).await?;
    let show = |(pool, taken)| AddressPool::new(pool, taken);
    Page::within(pools, paging, |(pool, _)| pool.id.to_string(), show).map(Json)
}

/// Add a pool of addresses to a network. For staff.
#[utoipa::path(post, path = "/networks/{id}/pools", tag = "networks", request_body = PoolAsked,
    params(("id" = NetworkId, Path, description = "The network"), IdempotencyKey),
    responses(
        (status = 201, description = "Added", body = AddressPool),
        (status = 409, description = "Another pool on the same bridge and tag gives out some of these (`pool_overlaps`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn add_pool(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<NetworkId>,
    Keyed { body, key }: Keyed<PoolAsked>,
) -> Result<(StatusCode, Json<AddressPool>), Problem> {
    let wanted = domain::PoolWanted {
        range: body.cidr,
        gateway: body.gateway,
        first: body.first,
        last: body.last,
        excluded: body.excluded,
        dns: body.dns,
    };
    let pool = engine.create_address_pool(&caller.actor, id, wanted, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(AddressPool::new(pool, 0))))
}

/// Remove a pool of which no instance has an address. For staff.
#[utoipa::path(delete, path = "/networks/{id}/pools/{pool_id}", tag = "networks",
    params(("id" = NetworkId, Path, description = "The network"), ("pool_id" = PoolId, Path, description = "The pool")),
    responses(
        (status = 204, description = "Removed"),
        (status = 409, description = "Instances have addresses of it (`pool_in_use`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn remove_pool(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, pool)): At<(NetworkId, PoolId)>,
) -> Result<StatusCode, Problem> {
    engine.remove_address_pool(&caller.actor, id, pool).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The addresses of a network that are taken. For staff.
#[utoipa::path(get, path = "/networks/{id}/addresses", tag = "networks",
    params(("id" = NetworkId, Path, description = "The network"), Paging),
    responses((status = 200, description = "A page of them", body = Page<Reservation>)),
)]
pub(crate) async fn list_addresses(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<NetworkId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Reservation>>, Problem> {
    let taken = engine.addresses(&caller.actor, id).await?;
    Page::within(taken, paging, |taken| taken.address.to_string(), Reservation::from).map(Json)
}

/// Keep an address of a network for something else than an instance. For staff.
#[utoipa::path(post, path = "/networks/{id}/addresses", tag = "networks", request_body = ReservationAsked,
    params(("id" = NetworkId, Path, description = "The network"), IdempotencyKey),
    responses(
        (status = 201, description = "Kept", body = Reservation),
        (status = 409, description = "It is taken (`address_taken`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn keep_address(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<NetworkId>,
    Keyed { body, key }: Keyed<ReservationAsked>,
) -> Result<(StatusCode, Json<Reservation>), Problem> {
    let kept = engine.keep_address(&caller.actor, id, body.address, &body.note, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(kept.into())))
}

/// Give an address back that was kept. For staff.
#[utoipa::path(delete, path = "/networks/{id}/addresses/{address}", tag = "networks",
    params(("id" = NetworkId, Path, description = "The network"), ("address" = String, Path, description = "The address")),
    responses((status = 204, description = "Given back")),
)]
pub(crate) async fn give_address_back(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, address)): At<(NetworkId, String)>,
) -> Result<StatusCode, Problem> {
    // What is no address is kept by nobody.
    let address = address.parse().unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
    engine.give_address_back(&caller.actor, id, address).await?;
    Ok(StatusCode::NO_CONTENT)
}
