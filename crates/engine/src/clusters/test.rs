//! Testing a cluster for real: connection, certificate, token, each privilege, and the bridge.

use pve::{Client, NodeRow, Permissions, Resource, ResourceKind};
use serde::{Deserialize, Serialize};

/// One thing that was tried at a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was tried, in a word.
    pub name: String,
    /// Whether it worked.
    pub ok: bool,
    /// What was found; when it did not work, what to do.
    pub message: String,
}

/// What a test of a cluster found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterTest {
    /// Whether everything worked.
    pub ok: bool,
    /// Each thing that was tried.
    pub checks: Vec<Check>,
}

/// What our work needs on a guest's path (or the pool's).
const ON_GUESTS: &[&str] = &[
    "VM.Allocate",
    "VM.Audit",
    "VM.Clone",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Console",
    "VM.PowerMgmt",
];

/// Tries everything that our work needs, for real: connection, certificate, token, and each privilege.
pub(super) async fn test(client: &Client, bridge: &str, pool: Option<&str>) -> ClusterTest {
    let mut checks = Vec::new();
    let mut note = |name: &str, result: Result<String, String>| {
        let ok = result.is_ok();
        let message = result.unwrap_or_else(|reason| reason);
        checks.push(Check { name: name.to_owned(), ok, message });
        ok
    };
    let version = client.version().await;
    let major = version.as_ref().map_or(0, |version| version.numbers().0);
    let connected =
        version.map(|version| format!("Proxmox VE {}", version.version)).map_err(|error| match error {
            pve::Error::Unauthorized { .. } => {
                format!("the token is refused; check its id and its secret ({error})")
            }
            pve::Error::FingerprintMismatch { .. } => {
                format!("{error}; compare with `pvenode cert info` on that node")
            }
            error => error.to_string(),
        });
    if !note("connection", connected) {
        return ClusterTest { ok: false, checks };
    }
    let rows = client.resources_of(ResourceKind::Nodes).await.map_err(|error| error.to_string());
    let nodes = rows.map(|rows| {
        let node = |row| if let Resource::Node(node) = row { Some(node) } else { None };
        rows.into_iter().filter_map(node).collect::<Vec<_>>()
    });
    note("nodes", nodes.as_deref().map_err(Clone::clone).and_then(see_nodes));
    match client.permissions().await {
        Err(error) => {
            note("privileges", Err(error.to_string()));
        }
        Ok(permissions) if permissions.is_empty() => {
            let advice =
                "the token has no rights at all; grant it a role, or make it without privilege separation";
            note("privileges", Err(advice.to_owned()));
        }
        Ok(permissions) => {
            let guests = pool.map_or_else(|| "/vms".to_owned(), |pool| format!("/pool/{pool}"));
            note("guests", demand(&permissions, &guests, ON_GUESTS));
            let agent: &[&str] = if major >= 9 { &["VM.GuestAgent.Audit"] } else { &["VM.Monitor"] };
            note("guest_agent", demand(&permissions, &guests, agent));
            note(
                "storage",
                demand_somewhere(&permissions, "/storage", &["Datastore.AllocateSpace", "Datastore.Audit"]),
            );
            if major >= 8 {
                let zone = format!("/sdn/zones/localnetwork/{bridge}");
                note("bridge", demand(&permissions, &zone, &["SDN.Use"]));
            }
        }
    }
    if let Ok(nodes) = &nodes {
        note("bridge_exists", find_bridge(client, nodes, bridge).await);
    }
    ClusterTest { ok: checks.iter().all(|check| check.ok), checks }
}

/// Placement needs the nodes' figures, not only their names.
fn see_nodes(nodes: &[NodeRow]) -> Result<String, String> {
    match (nodes.len(), nodes.iter().any(|node| node.maxmem.is_some())) {
        (0, _) => Err("the token sees no node".to_owned()),
        (_, false) => Err("the token sees no figures of the nodes; grant Sys.Audit on /nodes".to_owned()),
        (1, true) => Ok("1 node".to_owned()),
        (count, true) => Ok(format!("{count} nodes")),
    }
}

fn demand(permissions: &Permissions, path: &str, wanted: &[&str]) -> Result<String, String> {
    let missing = permissions.missing(path, wanted);
    if missing.is_empty() {
        Ok(format!("all privileges on {path}"))
    } else {
        Err(format!("grant {} on {path} to the token and to its user", missing.join(", ")))
    }
}

/// Rights on one storage are enough: which ones we may use is the operator's choice.
fn demand_somewhere(permissions: &Permissions, root: &str, wanted: &[&str]) -> Result<String, String> {
    let below = permissions.paths().filter(|path| path.starts_with(root));
    let good = below.filter(|path| permissions.missing(path, wanted).is_empty()).count();
    if good > 0 || permissions.missing(root, wanted).is_empty() {
        Ok(format!("space can be allocated below {root}"))
    } else {
        Err(format!("grant {} on {root}, or on one storage, to the token and to its user", wanted.join(", ")))
    }
}

/// Each node that answers must have the bridge: a guest may be placed on any of them.
async fn find_bridge(client: &Client, nodes: &[NodeRow], bridge: &str) -> Result<String, String> {
    let online: Vec<&NodeRow> = nodes.iter().filter(|node| node.is_online()).collect();
    for node in &online {
        let networks = client.node_networks(&node.node, None).await.map_err(|error| error.to_string())?;
        if !networks.iter().any(|network| network.iface == bridge) {
            let seen: Vec<&str> =
                networks.iter().filter(|n| n.kind.ends_with("ridge")).map(|n| n.iface.as_str()).collect();
            let seen = if seen.is_empty() { "no bridge".to_owned() } else { seen.join(", ") };
            return Err(format!(
                "node {} has no bridge {bridge} that the token may see; it sees {seen}",
                node.node
            ));
        }
    }
    Ok(format!("{bridge} is there on {} nodes", online.len()))
}
