//! The network cards of instances.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use innkeeper_domain::ids::{InstanceId, NetworkId};
use innkeeper_domain::names::BadName;
use innkeeper_domain::networks::{AddressWanted, Addressing, Nic};
use innkeeper_engine::{Engine, InstanceUpdate, NicChange, NicWanted};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{At, Key, Keyed, Query};
use crate::operations::{Accepted, Operation};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// How a card should come by an address: `auto` (the next free one of the network's pool), `dhcp`, `slaac` (IPv6 only),
/// `none`, or an address of the network's pool.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct AddressAsked(AddressWanted);

impl TryFrom<String> for AddressAsked {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse().map(Self)
    }
}

impl PartialSchema for AddressAsked {
    fn schema() -> RefOr<Schema> {
        let about = "How a card should come by an address: `auto` (the next free one of the network's pool), `dhcp`, \
                     `slaac` (IPv6 only), `none`, or an address of the network's pool.";
        let text = ObjectBuilder::new().schema_type(Type::String).description(Some(about));
        text.examples(["auto", "dhcp", "192.0.2.9"]).into()
    }
}

impl ToSchema for AddressAsked {}

/// A network card that is wanted.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "network_id": "net_0190b2c35d5e7cc0a1b2c3d4e5f60718", "ipv4": "auto", "ipv6": "none" }))]
pub(crate) struct CardAsked {
    /// The network that it is plugged into.
    network_id: NetworkId,
    /// Its IPv4 address; when not said, `auto` where the network has a pool of them, else `dhcp`.
    ipv4: Option<AddressAsked>,
    /// Its IPv6 address; when not said, `auto` where the network has a pool of them, else `none`.
    ipv6: Option<AddressAsked>,
    /// How fast it is at most, in megabits per second (1 000 000 bits); never faster than the network allows.
    #[schema(minimum = 1, maximum = 400_000)]
    rate_mbps: Option<u32>,
}

impl From<CardAsked> for NicWanted {
    fn from(asked: CardAsked) -> Self {
        Self {
            network_id: asked.network_id,
            ipv4: asked.ipv4.map(|asked| asked.0),
            ipv6: asked.ipv6.map(|asked| asked.0),
            rate_mbps: asked.rate_mbps,
        }
    }
}

/// How a card comes by an address.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AddressMode {
    /// It asks the network.
    Dhcp,
    /// It makes one from what the network's routers say.
    Slaac,
    /// It has a fixed one.
    Fixed,
    /// It has none.
    None,
}

/// An address of a card.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CardAddress {
    /// How it comes by it.
    mode: AddressMode,
    /// The address, where it is fixed.
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// The length of its network, where it is fixed.
    prefix: Option<u8>,
    /// The way out, where it is fixed and has one.
    #[schema(value_type = Option<String>)]
    gateway: Option<IpAddr>,
}

impl From<Addressing> for CardAddress {
    fn from(addressing: Addressing) -> Self {
        let mode = match &addressing {
            Addressing::Dhcp => AddressMode::Dhcp,
            Addressing::Slaac => AddressMode::Slaac,
            Addressing::Fixed(_) => AddressMode::Fixed,
            Addressing::None => AddressMode::None,
        };
        let fixed = addressing.fixed();
        Self {
            mode,
            address: fixed.map(|fixed| fixed.address),
            prefix: fixed.map(|fixed| fixed.prefix),
            gateway: fixed.and_then(|fixed| fixed.gateway),
        }
    }
}

/// A network card of an instance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Card {
    /// Its number, by which it is changed and removed.
    number: u8,
    /// The network that it is plugged into; null for a card of before there were networks, which is left as it is.
    network_id: Option<NetworkId>,
    /// The tag of that network.
    vlan: Option<u16>,
    /// Its IPv4 address.
    ipv4: Option<CardAddress>,
    /// Its IPv6 address.
    ipv6: Option<CardAddress>,
    /// How fast it is at most, in megabits per second; null for no limit.
    rate_mbps: Option<u32>,
}

impl From<Nic> for Card {
    fn from(nic: Nic) -> Self {
        let number = nic.number;
        let Some(plug) = nic.plug else {
            return Self { number, network_id: None, vlan: None, ipv4: None, ipv6: None, rate_mbps: None };
        };
        Self {
            number,
            network_id: Some(plug.network_id),
            vlan: plug.vlan,
            ipv4: Some(plug.ipv4.into()),
            ipv6: Some(plug.ipv6.into()),
            rate_mbps: plug.rate_mbps,
        }
    }
}

/// The number of a card; what is none names a card that no instance has.
fn card(number: &str) -> u8 {
    number.parse().unwrap_or(u8::MAX)
}

/// The network cards of an instance, by number.
#[utoipa::path(get, path = "/instances/{id}/networks", tag = "networks",
    params(("id" = InstanceId, Path, description = "The instance"), Paging),
    responses((status = 200, description = "A page of them", body = Page<Card>)),
)]
pub(crate) async fn list_cards(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Card>>, Problem> {
    let nics = engine.instance(&caller.actor, id).await?.settings.nics.unwrap_or_default();
    Page::within(nics, paging, |nic| nic.number.to_string(), Card::from).map(Json)
}

/// Give an instance another network card.
///
/// A container has it at once; so has a virtual machine, but what cloud-init tells it of its address is read when it
/// is next restarted (the operation then says so).
#[utoipa::path(post, path = "/instances/{id}/networks", tag = "networks", request_body = CardAsked,
    params(("id" = InstanceId, Path, description = "The instance"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "Another operation has not ended (`operation_in_progress`), it has as many cards as it can (`too_many_networks`), no address is left (`pool_exhausted`), the one that was asked for is taken (`address_taken`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn add_card(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Keyed { body, key }: Keyed<CardAsked>,
) -> Result<Accepted, Problem> {
    let update = InstanceUpdate { nics: Some(NicChange::Add(body.into())), ..InstanceUpdate::default() };
    let operation = engine.update_instance(&caller.actor, id, update, key.as_ref()).await?;
    Ok(Accepted::new(operation, &caller))
}

/// Plug a network card in elsewhere, or give it another address or speed.
///
/// It keeps its hardware address. An address that it no longer needs is free again when the guest has let go of it.
#[utoipa::path(put, path = "/instances/{id}/networks/{number}", tag = "networks", request_body = CardAsked,
    params(("id" = InstanceId, Path, description = "The instance"), ("number" = String, Path, description = "The card")),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "Another operation has not ended (`operation_in_progress`), no address is left (`pool_exhausted`), or the one that was asked for is taken (`address_taken`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn change_card(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, number)): At<(InstanceId, String)>,
    crate::extract::Asked(body): crate::extract::Asked<CardAsked>,
) -> Result<Accepted, Problem> {
    let nics = Some(NicChange::Change(card(&number), body.into()));
    let update = InstanceUpdate { nics, ..InstanceUpdate::default() };
    Ok(Accepted::new(engine.update_instance(&caller.actor, id, update, None).await?, &caller))
}

/// Remove a network card.
#[utoipa::path(delete, path = "/instances/{id}/networks/{number}", tag = "networks",
    params(("id" = InstanceId, Path, description = "The instance"), ("number" = String, Path, description = "The card"), IdempotencyKey),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "Another operation has not ended (`operation_in_progress`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn remove_card(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, number)): At<(InstanceId, String)>,
    Key(key): Key,
) -> Result<Accepted, Problem> {
    let update = InstanceUpdate { nics: Some(NicChange::Remove(card(&number))), ..InstanceUpdate::default() };
    Ok(Accepted::new(engine.update_instance(&caller.actor, id, update, key.as_ref()).await?, &caller))
}
