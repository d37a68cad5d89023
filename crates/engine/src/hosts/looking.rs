//! Looking at a host: several probes side by side, each by its name. None waits long.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use innkeeper_connectors::{ping, tcp};
use innkeeper_domain::hosts::{Host, Probe, Probed, Seen, presence};
use innkeeper_domain::reports::Report;

use crate::connections::CallError;
use crate::{Engine, Error};

/// How long each probe may take.
const PATIENCE: Duration = Duration::from_secs(2);

impl Engine {
    /// Looks at a host.
    pub(super) async fn look_at_host(&self, host: &Host) -> Seen {
        let (api, ping, tcp) =
            tokio::join!(self.probe_api(host), self.probe_ping(host), self.probe_tcp(host));
        let probes: Vec<Probed> = [Some(api), ping, tcp].into_iter().flatten().collect();
        Seen { presence: presence(&probes), probes, at: Some(self.clock().now()) }
    }

    async fn probe_api(&self, host: &Host) -> Probed {
        let asked = tokio::time::timeout(PATIENCE, self.uptime(host)).await;
        let now = self.clock().now();
        let (answers, report) = match asked {
            Ok(Ok(uptime)) => {
                let report = Report::success(now, "the API says that the node is online");
                (true, report.with("uptime_seconds", uptime))
            }
            Ok(Err(problem)) => {
                (false, Report::failure(now, "the API does not serve the node", "no_answer", problem))
            }
            Err(_) => {
                let said = format!("no answer within {} s", PATIENCE.as_secs());
                (false, Report::failure(now, "the API does not serve the node", "timeout", said))
            }
        };
        let report = report.with("node", host.node.as_str());
        Probed { probe: Probe::Api, answers: Some(answers), report }
    }

    async fn uptime(&self, host: &Host) -> Result<Option<i64>, String> {
        let node = pve::NodeName::new(host.node.as_str()).map_err(|error| error.to_string())?;
        let connection = self.connection(host.cluster_id).await.map_err(|error: Error| error.to_string())?;
        // While the host sleeps, whether it is awake again is the question that ends the rest of its cluster.
        let status = connection.probe(|client| async move { client.node_status(&node).await }).await;
        match status {
            Ok(status) => Ok(status.uptime),
            Err(CallError::Pve(error)) => Err(error.to_string()),
            Err(CallError::Resting(_)) => Err("the cluster did not answer lately".to_owned()),
        }
    }

    async fn probe_ping(&self, host: &Host) -> Option<Probed> {
        let address = host.profile.address.as_deref()?;
        let report = match resolve(address).await {
            Ok(address) => ping::echo(self.clock(), address, PATIENCE).await,
            Err(problem) => {
                Report::failure(self.clock().now(), "the address is not known", "unknown_host", problem)
            }
        };
        let unasked = ["not_permitted", "unknown_host"];
        let said = report.error.as_ref().is_some_and(|error| unasked.contains(&error.code.as_str()));
        Some(Probed { probe: Probe::Ping, answers: (!said).then_some(report.success), report })
    }

    async fn probe_tcp(&self, host: &Host) -> Option<Probed> {
        let (address, port) = (host.profile.address.as_deref()?, host.profile.port?);
        let report = tcp::open(self.clock(), address, port, PATIENCE).await;
        let unknown = report.error.as_ref().is_some_and(|error| error.code == "unknown_host");
        Some(Probed { probe: Probe::Tcp, answers: (!unknown).then_some(report.success), report })
    }
}

/// The first address of this name.
pub(super) async fn resolve(name: &str) -> Result<IpAddr, String> {
    if let Ok(address) = name.parse() {
        return Ok(address);
    }
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name, 0))).await;
    let mut found =
        found.map_err(|_| "its name was not resolved in time".to_owned())?.map_err(|e| e.to_string())?;
    let first: Option<SocketAddr> = found.next();
    first.map(|address| address.ip()).ok_or_else(|| "its name has no address".to_owned())
}
