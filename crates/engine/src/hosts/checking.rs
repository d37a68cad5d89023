//! Checking the whole chain by which a host is woken, watched and switched off, and naming each link that is broken.

use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::hosts::{Host, Probe, Wake};
use innkeeper_domain::ids::HostId;
use innkeeper_domain::reports::Report;
use innkeeper_store::hosts;

use crate::connections::CallError;
use crate::error::allow;
use crate::{Engine, Error};

const PATIENCE: Duration = Duration::from_secs(5);

/// The links of the chain.
pub type LinkName = &'static str;

/// One link of the chain.
#[derive(Clone, Debug)]
pub struct Link {
    /// Which.
    pub name: LinkName,
    /// Whether it holds; none where that cannot be said now.
    pub holds: Option<bool>,
    /// What was found.
    pub report: Report,
}

impl Engine {
    /// Tries every link that can be tried without waking the host or switching it off.
    pub async fn check_host(&self, actor: &Actor, id: HostId) -> Result<Vec<Link>, Error> {
        allow(may(actor, Action::RunHouse), "host")?;
        let host = hosts::by_id(self.db(), id).await?.ok_or(Error::NotFound("host"))?;
        let seen = self.look_at_host(&host).await;
        let mut links: Vec<Link> = seen
            .probes
            .into_iter()
            .map(|probed| Link {
                name: match probed.probe {
                    Probe::Api => "api",
                    Probe::Ping => "ping",
                    Probe::Tcp => "tcp",
                },
                holds: probed.answers,
                report: probed.report,
            })
            .collect();
        let serves = links.iter().any(|link| link.name == "api" && link.holds == Some(true));
        links.push(self.check_waking(&host).await);
        links.push(self.check_privileges(&host, serves).await);
        links.extend(self.check_fallback(&host).await?);
        Ok(links)
    }

    async fn check_waking(&self, host: &Host) -> Link {
        let now = self.clock().now();
        let (holds, report) = match &host.profile.wake {
            Wake::None => (
                Some(false),
                Report::failure(
                    now,
                    "it cannot be woken",
                    "cannot_be_woken",
                    "its profile names no way to wake it",
                ),
            ),
            Wake::Packet { mac, .. } => (
                None,
                Report::success(now, "it is woken by magic packets; whether they arrive shows when it wakes")
                    .with("mac", mac.to_string()),
            ),
            Wake::Webhook => (
                None,
                Report::success(now, "it is woken by a webhook; whether that works shows when it wakes"),
            ),
            Wake::Cluster => {
                let others = innkeeper_store::nodes::list(self.db(), Some(host.cluster_id)).await;
                let other =
                    others.ok().and_then(|all| all.into_iter().find(|n| n.online && n.name != host.node));
                match other {
                    Some(node) => (
                        Some(true),
                        Report::success(now, "another node can call it").with("node", node.name.as_str()),
                    ),
                    None => {
                        let said = "no other node of its cluster is online";
                        (Some(false), Report::failure(now, "nobody can call it", "no_other_node", said))
                    }
                }
            }
        };
        Link { name: "wake", holds, report }
    }

    async fn check_privileges(&self, host: &Host, serves: bool) -> Link {
        let name = "power_privilege";
        let now = self.clock().now();
        let path = format!("/nodes/{}", host.node);
        let found = async {
            let connection = self.connection(host.cluster_id).await.map_err(|error| error.to_string())?;
            let at = path.clone();
            let asked = connection.probe(|client| async move { client.permissions_at(&at).await });
            match tokio::time::timeout(PATIENCE, asked).await {
                Ok(Ok(permissions)) => Ok(permissions.has(&path, "Sys.PowerMgmt")),
                Ok(Err(CallError::Pve(error))) => Err(error.to_string()),
                Ok(Err(CallError::Resting(_))) => Err("the cluster did not answer lately".to_owned()),
                Err(_) => Err("no answer in time".to_owned()),
            }
        };
        let what = "our token may switch it off (Sys.PowerMgmt)";
        let (holds, report) = match found.await {
            Ok(true) => (Some(true), Report::success(now, what)),
            Ok(false) => {
                let said = format!("give the token the privilege Sys.PowerMgmt on {path}");
                (
                    Some(false),
                    Report::failure(now, "our token may not switch it off", "missing_privilege", said),
                )
            }
            Err(said) => {
                let holds = serves.then_some(false);
                (
                    holds,
                    Report::failure(
                        now,
                        "whether our token may switch it off is not known",
                        "no_answer",
                        said,
                    ),
                )
            }
        };
        Link { name, holds, report }
    }

    async fn check_fallback(&self, host: &Host) -> Result<Option<Link>, Error> {
        let Some(fallback) = &host.profile.fallback else { return Ok(None) };
        let talked = self.tell_by_ssh(host, fallback, "true").await?;
        let now = self.clock().now();
        let failed = |code, said: String| Report::failure(now, "it cannot be told by SSH", code, said);
        let (holds, report) = match talked {
            Ok(outcome) if outcome.exit_code == Some(0) => {
                (Some(true), Report::success(now, "our key runs its one program there"))
            }
            Ok(outcome) => {
                let code = outcome.exit_code.map_or("none".to_owned(), |code| code.to_string());
                (
                    Some(false),
                    failed("refused", format!("the program on the host ended with exit code {code}")),
                )
            }
            Err(error @ innkeeper_connectors::ssh::Error::Unreachable(_)) => {
                (None, failed("no_answer", error.to_string()))
            }
            Err(error) => (Some(false), failed("refused", error.to_string())),
        };
        Ok(Some(Link { name: "ssh", holds, report }))
    }
}
