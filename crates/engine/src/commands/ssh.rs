//! By SSH: into the instance itself with its own key, or to its node, where our key runs one program only.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::{Duration, Instant};

use innkeeper_connectors::ssh::{self, HostKey, KeyPair, Order, Outcome};
use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::commands::{By, shell_text};
use innkeeper_domain::instances::{Instance, Kind};
use innkeeper_domain::node_access::request;
use innkeeper_store::{Sealed, management, node_access};
use secrecy::SecretString;
use serde_json::json;
use tracing::{error, info, warn};

use super::running::{Job, Ran, Unreached};
use crate::{Engine, Error};

/// How much longer than it should the program on a node is waited for.
const GRACE: Duration = Duration::from_secs(10);

/// What the program on a node ends with when it refuses.
const REFUSED: u32 = 97;

/// An address at which a tenant may have something that is theirs. Guests report their own addresses, and must not lead
/// us to ourselves.
pub(crate) fn is_a_tenants(address: IpAddr) -> bool {
    let odd = match address.to_canonical() {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast() || ip.octets()[0] == 0,
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    let address = address.to_canonical();
    !(odd || address.is_loopback() || address.is_unspecified() || address.is_multicast())
}

fn outcome(by: By, outcome: Outcome) -> Ran {
    Ran {
        exit_code: outcome.exit_code.map(i64::from),
        signal: outcome.signal,
        stdout: outcome.stdout,
        stderr: outcome.stderr,
        stdout_truncated: outcome.stdout_truncated,
        stderr_truncated: outcome.stderr_truncated,
        timed_out: outcome.timed_out,
        cancelled: outcome.cancelled,
        ..Ran::by(by)
    }
}

impl Engine {
    /// Where an instance answers by SSH.
    pub(super) fn ssh_address(&self, instance: &Instance) -> Option<SocketAddr> {
        let options = &self.options().commands;
        if let Some(reach) = &options.reach {
            return reach.0(instance);
        }
        let address: IpAddr = instance.address.as_deref()?.parse().ok()?;
        is_a_tenants(address).then(|| SocketAddr::new(address, options.ssh_port))
    }

    /// A pair of keys that is kept sealed at this place.
    pub(crate) fn open_key(&self, sealed: &Sealed, place: &str) -> Result<KeyPair, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Internal(format!("the key at {place}: {error}"));
        let plain = self.0.keys.open(sealed, place).map_err(|error| failed(&error))?;
        let text = std::str::from_utf8(&plain).map_err(|error| failed(&error))?;
        KeyPair::read(&SecretString::from(text.to_owned())).map_err(|error| failed(&error))
    }

    pub(super) async fn by_ssh(
        &self,
        instance: &Instance,
        job: &Job,
        cancelled: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Ran, Unreached> {
        let options = &self.options().commands;
        let no_key = || Unreached::before("key_missing", "the instance has no key of ours");
        let kept = management::key(self.db(), instance.id).await?.ok_or_else(no_key)?;
        let no_address = || Unreached::before("no_address", "the instance has not reported an address yet");
        let address = self.ssh_address(instance).ok_or_else(no_address)?;
        let key = self.open_key(&kept.private_key, &crate::management::place(instance.id))?;
        let known = match kept.host_key.as_deref().map(str::parse::<HostKey>).transpose() {
            Ok(known) => known,
            Err(error) => return Err(Error::Internal(format!("the pinned host key: {error}")).into()),
        };
        let unknown = known.is_none();
        let mut session = ssh::connect(address, known, options.patience).await.map_err(refused)?;
        if unknown {
            // Kept before anything is told to that host; when another process was faster, theirs counts.
            self.pin_host_key(instance, session.host_key()).await?;
        }
        // In a virtual machine the keys are those of the user whom its image makes: who else it is to be must sign in.
        let user = match (&job.user, instance.kind) {
            (Some(user), Kind::Qemu) => user,
            _ => &options.ssh_user,
        };
        session.sign_in(user, &key, options.patience).await.map_err(refused)?;
        let order = Order {
            command: shell_text(&job.words_as(user)),
            input: job.input.clone().into(),
            limit: Duration::from_secs(job.seconds.into()),
            most_output: job.most_output,
            shell: true,
        };
        session.run(order, cancelled).await.map(|done| outcome(By::Ssh, done)).map_err(refused)
    }

    async fn pin_host_key(&self, instance: &Instance, shown: &HostKey) -> Result<(), Unreached> {
        let text = shown.to_string();
        let mut tx = self.db().begin().await?;
        let pinned = management::pin(&mut tx, instance.id, &text).await?;
        if pinned.as_deref() != Some(text.as_str()) {
            return Err(changed());
        }
        let deed = Deed::done("command.pin_host_key", instance.id).of(instance.project_id);
        let deed = deed.after(json!({ "fingerprint": shown.fingerprint() }));
        self.record(&mut tx, &Actor::house(), deed);
        Ok(tx.commit().await?)
    }

    pub(super) async fn by_node(
        &self,
        instance: &Instance,
        job: &Job,
        cancelled: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Ran, Unreached> {
        let failed = || {
            let message = "the host of the instance does not let us in; an operator can see why";
            Unreached::before("node_unreachable", message)
        };
        let Some((access, sealed)) = node_access::of(self.db(), instance.cluster_id).await? else {
            return Err(failed());
        };
        let Some(door) = access.doors.get(instance.node.as_str()) else { return Err(failed()) };
        // The number must be this instance's, not another's.
        let connection = self.connection(instance.cluster_id).await?;
        self.own_guest(&connection, instance).await?;
        let key = self.open_key(&sealed, &crate::node_access::place(access.cluster_id))?;
        let known: HostKey =
            door.host_key.parse().map_err(|error| Error::Internal(format!("a node's host key: {error}")))?;
        let text = request(instance.vmid, job.seconds, &job.words_as("root"))
            .map_err(|why| Unreached::before("command_too_long", why))?;
        let patience = self.options().commands.patience;
        let node = &instance.node;
        let mut session = ssh::connect(door.address, Some(known), patience).await.map_err(|error| {
            error!(%node, %error, "the node is not reached by SSH");
            failed()
        })?;
        session.sign_in(&access.user, &key, patience).await.map_err(|error| {
            error!(%node, %error, "the node does not let us in");
            failed()
        })?;
        let limit = Duration::from_secs(job.seconds.into());
        let order = Order {
            command: text,
            input: job.input.clone().into(),
            limit: limit + GRACE,
            most_output: job.most_output,
            shell: false,
        };
        let began = Instant::now();
        let done = session.run(order, cancelled).await.map_err(|error| {
            error!(%node, %error, "a command through the node was broken off");
            lost()
        })?;
        if done.exit_code == Some(REFUSED) && done.stderr.starts_with(b"innkeeper-pct-exec: refused") {
            error!(%node, told = %String::from_utf8_lossy(&done.stderr), "the node refused a command");
            return Err(failed());
        }
        let mut ran = outcome(By::Node, done);
        if began.elapsed() >= limit && matches!(ran.exit_code, Some(124 | 137)) {
            (ran.timed_out, ran.exit_code) = (true, None);
        }
        Ok(ran)
    }
}

fn lost() -> Unreached {
    let message = "the connection broke; the command may have run, look in the instance before trying again";
    Unreached::stop("outcome_unknown", message)
}

fn changed() -> Unreached {
    let message = "the instance shows another SSH host key than before; if you have set it up anew, forget the old one \
        (`DELETE /api/v1/instances/{id}/host-key`), otherwise somebody may be in between";
    Unreached::stop("host_key_changed", message)
}

/// What stands in the way into an instance, as its owner may know it.
fn refused(error: ssh::Error) -> Unreached {
    match error {
        ssh::Error::HostKeyChanged { known, shown } => {
            warn!(known, shown, "an instance shows another host key");
            changed()
        }
        ssh::Error::Unreachable(cause) => {
            info!(cause, "an instance does not answer by SSH");
            let message =
                "the instance does not answer by SSH; is an SSH server installed, running and let through?";
            Unreached::before("ssh_unreachable", message)
        }
        ssh::Error::KeyRefused => {
            let message = "the instance does not accept our key; put the line with the comment `innkeeper` back into \
                authorized_keys, or use another way";
            Unreached::before("ssh_key_refused", message)
        }
        ssh::Error::Refused => {
            Unreached::before("ssh_refused", "the instance lets us in, but runs no commands")
        }
        ssh::Error::Broken(cause) => {
            warn!(cause, "a connection to an instance broke");
            lost()
        }
        ssh::Error::BadKey(cause) => Error::Internal(format!("our key: {cause}")).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_cannot_lead_us_to_ourselves() {
        for good in ["10.0.0.5", "192.168.1.2", "100.64.0.9", "2001:db8::1", "fd00::1"] {
            assert!(is_a_tenants(good.parse().unwrap()), "{good}");
        }
        let bad = [
            "127.0.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
        ];
        for bad in bad.into_iter().chain(["fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"])
        {
            assert!(!is_a_tenants(bad.parse().unwrap()), "{bad}");
        }
    }
}
