//! Doing what comes next for a host: calling it, stopping its guests, switching it off, starting its guests again. What
//! is to be done was written down before; what came of it is written down after, unless somebody wished otherwise.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use innkeeper_connectors::hook::{self, Hook};
use innkeeper_connectors::ssh::{self, KeyPair};
use innkeeper_connectors::wake;
use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::{Act, Fallback, Host, Wake, Way, Webhook};
use innkeeper_domain::operations::Verb;
use innkeeper_domain::reports::Report;
use innkeeper_store::rests::Rest;
use innkeeper_store::{hosts, instances, rests};
use pve::ShutdownOptions;
use pve::{Class, NodePower};
use secrecy::SecretString;
use tracing::{info, warn};

use super::looking::resolve;
use super::needs::{Needs, Sleeper};
use super::place;
use crate::connections::CallError;
use crate::{Engine, Error};

/// How long calling a host may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the other side of our key runs (`docs/examples/innkeeper-host`).
const SHUTDOWN: &str = "shutdown -h now";

impl Engine {
    pub(super) async fn act_on_host(&self, host: &Host, act: Act, needs: Needs) -> Result<(), Error> {
        match act {
            Act::Call => {
                let report = self.call_host(host).await?;
                info!(host = %host.name, success = report.success, message = %report.message, "called");
                self.keep_report(host, report).await
            }
            Act::Stop => self.stop_next(host, needs).await,
            Act::Off(way) => {
                let refused = match way {
                    Way::Api => self.off_by_api(host).await?,
                    Way::Ssh => self.off_by_ssh(host).await?,
                };
                self.keep_outcome(host, refused).await
            }
            Act::Rouse => self.rouse(host).await,
        }
    }

    /// Calls a host in the way that its profile names.
    pub(super) async fn call_host(&self, host: &Host) -> Result<Report, Error> {
        let secrets = self.secrets_of(host.id).await?;
        let now = self.clock().now();
        Ok(match &host.profile.wake {
            Wake::None => {
                Report::failure(now, "no way to wake it is set", "cannot_be_woken", "see its profile")
            }
            Wake::Packet { mac, interface, address, ports } => {
                let mut target = wake::Target::new(*mac);
                target.secure_on = secrets.secure_on.as_deref().map(six).transpose()?;
                target.interface.clone_from(interface);
                target.address = *address;
                target.ports.clone_from(ports);
                wake::send(self.clock(), &target).await
            }
            Wake::Cluster => self.call_by_cluster(host).await?,
            Wake::Webhook => match &secrets.webhook {
                Some(webhook) => hook::call(self.clock(), &hook(webhook)?, PATIENCE).await,
                None => Report::failure(now, "its webhook is not set", "cannot_be_woken", "see its profile"),
            },
        })
    }

    async fn call_by_cluster(&self, host: &Host) -> Result<Report, Error> {
        let node = node_of(host)?;
        let connection = self.connection(host.cluster_id).await?;
        let asked = connection.probe(|client| async move { client.wake_node(&node).await });
        let asked = tokio::time::timeout(PATIENCE, asked).await;
        let now = self.clock().now();
        let failed = |code, said: String| Report::failure(now, "the cluster did not call it", code, said);
        Ok(match asked {
            Ok(Ok(mac)) => {
                Report::success(now, "another node of the cluster has sent a packet").with("mac", mac)
            }
            Ok(Err(CallError::Pve(error))) => failed("refused", error.to_string()),
            Ok(Err(CallError::Resting(_))) => failed("no_answer", "the cluster did not answer lately".into()),
            Err(_) => failed("timeout", format!("no answer within {} s", PATIENCE.as_secs())),
        })
    }

    /// What calling it brought is shown beside what the probes brought.
    async fn keep_report(&self, host: &Host, report: Report) -> Result<(), Error> {
        if report.success {
            return Ok(());
        }
        let mut changed = host.clone();
        let said =
            report.error.map_or(report.message.clone(), |e| format!("{}: {}", report.message, e.message));
        changed.course.reason = Some(said);
        let mut tx = self.db().begin().await?;
        hosts::save(&mut tx, &changed).await?;
        Ok(tx.commit().await?)
    }

    /// Asks the next of its guests to stop, one after the other.
    async fn stop_next(&self, host: &Host, needs: Needs) -> Result<(), Error> {
        let Some(sleeper) = needs.to_stop.first() else { return Ok(()) };
        let now = self.clock().now();
        let vmid = sleeper.at.vmid.get();
        let begun = rests::of(self.db(), host.id).await?.into_iter().find(|rest| rest.vmid == vmid);
        // Asked already: Proxmox cuts it off by itself when its time is over. If that was lost too, it is asked again.
        if begun.as_ref().is_some_and(|rest| now <= rest.deadline) {
            return Ok(());
        }
        let patience = Duration::from_secs(host.profile.guest_seconds.into());
        let rest = Rest {
            host_id: host.id,
            vmid,
            instance_id: sleeper.instance.as_ref().map(|instance| instance.id),
            asked_at: now,
            deadline: now.after(patience + Duration::from_secs(10)),
            rouse: true,
        };
        let mut tx = self.db().begin().await?;
        if begun.is_some() {
            rests::remove(&mut tx, host.id, vmid).await?;
        }
        rests::insert(&mut tx, &rest).await?;
        tx.commit().await?;
        info!(host = %host.name, vmid, "stopping a guest for the sleep of its host");
        match &sleeper.instance {
            Some(instance) => {
                let house = Actor::house();
                match self.change_instance(&house, instance.id, Verb::Shutdown, None).await {
                    Ok(_) | Err(Error::Busy(_)) => Ok(()),
                    Err(Error::Conflict { message, .. }) => {
                        warn!(vmid, message, "an instance cannot be stopped");
                        Ok(())
                    }
                    Err(error) => Err(error),
                }
            }
            None => self.stop_foreign(host, sleeper).await,
        }
    }

    async fn stop_foreign(&self, host: &Host, sleeper: &Sleeper) -> Result<(), Error> {
        let options = ShutdownOptions { timeout_seconds: Some(host.profile.guest_seconds), force_stop: true };
        let at = sleeper.at.clone();
        let connection = self.connection(host.cluster_id).await?;
        let asked = connection.call(|client| async move { client.guest(&at).shutdown(options).await });
        if let Err(CallError::Pve(error)) = asked.await {
            warn!(vmid = %sleeper.at.vmid, %error, "a guest was not asked to stop; the next look tells");
        }
        Ok(())
    }

    /// Tells a host by its API to switch itself off. Some reason when that certainly had no effect.
    async fn off_by_api(&self, host: &Host) -> Result<Option<String>, Error> {
        let node = node_of(host)?;
        let connection = self.connection(host.cluster_id).await?;
        info!(host = %host.name, "switching off");
        let told =
            connection.probe(|client| async move { client.node_power(&node, NodePower::Shutdown).await });
        Ok(match told.await {
            Ok(()) => None,
            Err(CallError::Resting(_)) => Some("its cluster did not answer lately".to_owned()),
            Err(CallError::Pve(error)) if error.class() == Class::Unknown => {
                warn!(host = %host.name, %error, "whether it was told is not known; it is looked at");
                None
            }
            Err(CallError::Pve(error)) => Some(format!("its API refuses to switch it off: {error}")),
        })
    }

    /// Tells a host by SSH to switch itself off. Some reason when that certainly had no effect.
    async fn off_by_ssh(&self, host: &Host) -> Result<Option<String>, Error> {
        let Some(fallback) = &host.profile.fallback else {
            return Ok(Some("no way by SSH is set in its profile".to_owned()));
        };
        info!(host = %host.name, "switching off by SSH");
        Ok(match self.tell_by_ssh(host, fallback, SHUTDOWN).await? {
            // A host that goes away may break the connection before it answers.
            Ok(outcome) if outcome.exit_code.is_none_or(|code| code == 0) => None,
            Ok(outcome) => {
                let said = String::from_utf8_lossy(&outcome.stderr);
                let code = outcome.exit_code.unwrap_or_default();
                Some(format!("by SSH it refused with exit code {code}: {}", said.trim()))
            }
            Err(ssh::Error::Broken(_)) => None,
            Err(error) => Some(format!("it could not be told by SSH: {error}")),
        })
    }

    /// Runs one of the commands that our key allows on a host.
    pub(super) async fn tell_by_ssh(
        &self,
        host: &Host,
        fallback: &Fallback,
        command: &str,
    ) -> Result<Result<ssh::Outcome, ssh::Error>, Error> {
        let keys = hosts::keys(self.db(), host.id).await?.ok_or(Error::NotFound("key of the host"))?;
        let plain = self.0.keys.open(&keys.private, &place("private_key", host.id));
        let plain = plain
            .map_err(|error| Error::Internal(format!("the key of the host cannot be opened: {error}")))?;
        let text = String::from_utf8(plain.to_vec()).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(talk(host, fallback, command, SecretString::from(text)).await)
    }

    async fn keep_outcome(&self, host: &Host, refused: Option<String>) -> Result<(), Error> {
        let mut changed = host.clone();
        let Some(command) = &mut changed.course.commanded else { return Ok(()) };
        if refused.is_none() {
            return Ok(());
        }
        warn!(host = %host.name, ?refused, "it did not switch itself off");
        command.refused = refused;
        let mut tx = self.db().begin().await?;
        hosts::save(&mut tx, &changed).await?;
        Ok(tx.commit().await?)
    }

    /// Starts again what was stopped for the sleep of a host.
    async fn rouse(&self, host: &Host) -> Result<(), Error> {
        for rest in rests::of(self.db(), host.id).await? {
            let started = match rest.instance_id {
                _ if !rest.rouse => true,
                Some(id) => match instances::by_id(self.db(), id).await? {
                    // Its being stopped has not ended yet.
                    Some(instance) if instance.operation.is_some() => false,
                    Some(instance) if instance.deleted_at.is_none() => self.start_again(id).await?,
                    _ => true,
                },
                None => self.start_foreign(host, rest.vmid).await?,
            };
            if started {
                let mut tx = self.db().begin().await?;
                rests::remove(&mut tx, host.id, rest.vmid).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    async fn start_again(&self, id: innkeeper_domain::ids::InstanceId) -> Result<bool, Error> {
        match self.change_instance(&Actor::house(), id, Verb::Start, None).await {
            Ok(_) => Ok(true),
            Err(Error::Busy(_)) => Ok(false),
            // Held back, trashed, or running already: nothing is left to be done.
            Err(Error::Restricted(_) | Error::Conflict { .. } | Error::NotFound(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn start_foreign(&self, host: &Host, number: u32) -> Result<bool, Error> {
        let vmid = super::needs::vmid(number)?;
        let connection = self.connection(host.cluster_id).await?;
        let found = connection.call(|client| async move { client.find_guest(vmid).await }).await;
        let Ok(found) = found else { return Ok(false) };
        let Some(row) = found else { return Ok(true) };
        let at = match row.kind {
            pve::GuestKind::Lxc => pve::GuestRef::lxc(row.node, vmid),
            pve::GuestKind::Qemu => pve::GuestRef::qemu(row.node, vmid),
        };
        info!(host = %host.name, vmid = number, "starting a guest again");
        let started = connection.call(|client| async move { client.guest(&at).start().await }).await;
        Ok(match started {
            Ok(_) => true,
            Err(CallError::Pve(error)) => {
                // Running already, or gone: Proxmox may have started it with the node.
                warn!(vmid = number, %error, "a guest was not started again");
                matches!(error.class(), Class::Conflict | Class::Permanent)
            }
            Err(CallError::Resting(_)) => false,
        })
    }
}

async fn talk(
    host: &Host,
    fallback: &Fallback,
    command: &str,
    key: SecretString,
) -> Result<ssh::Outcome, ssh::Error> {
    let name = host.profile.address.as_deref().unwrap_or_default();
    let address = resolve(name).await.map_err(ssh::Error::Unreachable)?;
    let known = fallback.host_key.parse()?;
    let mut session = ssh::connect(SocketAddr::new(address, fallback.port), Some(known), PATIENCE).await?;
    session.sign_in(&fallback.user, &KeyPair::read(&key)?, PATIENCE).await?;
    let order = ssh::Order {
        command: command.to_owned(),
        input: Bytes::new(),
        limit: PATIENCE,
        most_output: 4096,
        shell: false,
    };
    session.run(order, std::future::pending()).await
}

fn node_of(host: &Host) -> Result<pve::NodeName, Error> {
    pve::NodeName::new(host.node.as_str()).map_err(|error| Error::Internal(error.to_string()))
}

/// The six bytes of a SecureOn password.
pub(super) fn six(word: &str) -> Result<[u8; 6], Error> {
    wake::six(word).map_err(|error| Error::invalid("secure_on", error))
}

/// The request of a webhook, as it is sent.
pub(super) fn hook(webhook: &Webhook) -> Result<Hook, Error> {
    let method = match webhook.method.as_str() {
        "GET" => hook::Method::Get,
        "POST" => hook::Method::Post,
        "PUT" => hook::Method::Put,
        _ => return Err(Error::invalid("webhook.method", "write GET, POST or PUT")),
    };
    let headers =
        webhook.headers.iter().map(|(name, value)| (name.clone(), SecretString::from(value.clone())));
    let hook = Hook {
        url: SecretString::from(webhook.url.clone()),
        method,
        headers: headers.collect(),
        body: webhook.body.clone().map(SecretString::from),
    };
    hook.address().map_err(|error| Error::invalid("webhook.url", error))?;
    Ok(hook)
}
