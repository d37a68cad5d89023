//! Firewalls of instances.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::addresses::AddressRange;
use innkeeper_domain::firewall::{self as domain, Direction, Ports, Protocol, Verdict};
use innkeeper_domain::ids::InstanceId;
use innkeeper_engine::{Engine, InstanceUpdate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Asked, At};
use crate::operations::{Accepted, Operation};
use crate::problem::{MEDIA_TYPE, Problem};

/// One rule; of several, the first that fits counts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirewallRule {
    /// Which way it is about.
    direction: Direction,
    /// What becomes of it.
    action: Verdict,
    /// What it is about; everything when not said.
    protocol: Option<Protocol>,
    /// To which ports, for `tcp`, `udp` and `sctp`: `22`, `80,443`, `8000-8100`; at most 15, a range counts for two.
    #[schema(value_type = Option<String>, example = "80,443")]
    ports: Option<Ports>,
    /// From where: an address or a range; from anywhere when not said.
    source: Option<AddressRange>,
    /// To where: an address or a range; to anywhere when not said.
    destination: Option<AddressRange>,
    /// Whether it counts.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
    /// A remark of at most 100 characters on one line.
    #[serde(default)]
    comment: String,
}

fn yes() -> bool {
    true
}

/// The firewall that an instance should have.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "enabled": true, "inbound": "drop", "outbound": "accept", "antispoofing": true,
    "rules": [{ "direction": "in", "action": "accept", "protocol": "tcp", "ports": "22,80,443", "comment": "doors" }],
}))]
pub(crate) struct FirewallAsked {
    /// Whether it is on.
    enabled: bool,
    /// What becomes of what comes in and no rule fits.
    inbound: Verdict,
    /// What becomes of what goes out and no rule fits.
    outbound: Verdict,
    /// The rules, in their order: of several, the first that fits counts.
    #[serde(default)]
    #[schema(max_items = 100)]
    rules: Vec<FirewallRule>,
    /// Whether the instance may use no addresses but its own. Hardware addresses are always checked then, IP addresses
    /// where all of its cards have fixed ones or none.
    #[serde(default)]
    antispoofing: bool,
}

impl From<FirewallAsked> for domain::Firewall {
    fn from(asked: FirewallAsked) -> Self {
        let rule = |rule: FirewallRule| domain::Rule {
            direction: rule.direction,
            action: rule.action,
            protocol: rule.protocol,
            ports: rule.ports,
            source: rule.source,
            destination: rule.destination,
            enabled: rule.enabled,
            comment: rule.comment,
        };
        Self {
            enabled: asked.enabled,
            inbound: asked.inbound,
            outbound: asked.outbound,
            rules: asked.rules.into_iter().map(rule).collect(),
            antispoofing: asked.antispoofing,
        }
    }
}

/// The firewall of an instance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Firewall {
    /// Whether one was ever set here. Until then it is left as it is in Proxmox, and what follows says nothing.
    set: bool,
    /// Whether it is on.
    enabled: bool,
    /// What becomes of what comes in and no rule fits.
    inbound: Verdict,
    /// What becomes of what goes out and no rule fits.
    outbound: Verdict,
    /// The rules, in their order.
    rules: Vec<FirewallRule>,
    /// Whether the instance may use no addresses but its own.
    antispoofing: bool,
}

impl From<Option<domain::Firewall>> for Firewall {
    fn from(firewall: Option<domain::Firewall>) -> Self {
        let set = firewall.is_some();
        let firewall = firewall.unwrap_or(domain::Firewall {
            enabled: false,
            inbound: Verdict::Accept,
            outbound: Verdict::Accept,
            rules: Vec::new(),
            antispoofing: false,
        });
        let rule = |rule: domain::Rule| FirewallRule {
            direction: rule.direction,
            action: rule.action,
            protocol: rule.protocol,
            ports: rule.ports,
            source: rule.source,
            destination: rule.destination,
            enabled: rule.enabled,
            comment: rule.comment,
        };
        Self {
            set,
            enabled: firewall.enabled,
            inbound: firewall.inbound,
            outbound: firewall.outbound,
            rules: firewall.rules.into_iter().map(rule).collect(),
            antispoofing: firewall.antispoofing,
        }
    }
}

/// The firewall of an instance, as it was asked for.
#[utoipa::path(get, path = "/instances/{id}/firewall", tag = "networks",
    params(("id" = InstanceId, Path, description = "The instance")),
    responses((status = 200, description = "The firewall", body = Firewall)),
)]
pub(crate) async fn get_firewall(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
) -> Result<Json<Firewall>, Problem> {
    Ok(Json(engine.instance(&caller.actor, id).await?.settings.firewall.into()))
}

/// Set the firewall of an instance.
///
/// It replaces whatever was set before, and at first also what somebody has set in Proxmox itself. New rules are put
/// before old ones, which are removed last, so that the instance is not open in between.
#[utoipa::path(put, path = "/instances/{id}/firewall", tag = "networks", request_body = FirewallAsked,
    params(("id" = InstanceId, Path, description = "The instance")),
    responses(
        (status = 202, description = "Asked; follow the operation", body = Operation,
         headers(("Location" = String, description = "The operation"))),
        (status = 409, description = "Another operation has not ended (`operation_in_progress`), or it cannot be done with the instance as it is", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn set_firewall(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Asked(body): Asked<FirewallAsked>,
) -> Result<Accepted, Problem> {
    let update = InstanceUpdate { firewall: Some(body.into()), ..InstanceUpdate::default() };
    Ok(Accepted::new(engine.update_instance(&caller.actor, id, update, None).await?, &caller))
}
