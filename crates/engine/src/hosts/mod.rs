//! Hosts: what people ask of them, and the loop that looks after each: looks at it, hears what needs it, asks the rules
//! what comes next, writes that down, and does it.

mod acting;
mod asking;
mod checking;
mod history;
mod looking;
mod needs;
mod watching;

use std::collections::HashSet;

use innkeeper_connectors::ssh::{HostKey, KeyPair};
use innkeeper_domain::abilities::Ability;
use innkeeper_domain::access::{Action, Actor, Answer, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::hosts::{BadProfile, Course, Host, Profile, Secrets, Seen, State, Wake};
use innkeeper_domain::ids::{ClusterId, HostId};
use innkeeper_domain::names::{Hostname, NodeName};
use innkeeper_store::{Sealed, Topic, Tx, clusters, hosts, nodes};
use secrecy::ExposeSecret;
use serde_json::json;

pub use checking::{Link, LinkName};
pub use history::HostReport;
pub(crate) use watching::run;

use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// The comment of our keys for hosts.
const KEY_COMMENT: &str = "innkeeper-host";

/// A host to look after.
#[derive(Clone, Debug)]
pub struct NewHost {
    /// What people call it.
    pub name: Hostname,
    /// Its cluster.
    pub cluster_id: ClusterId,
    /// Its node.
    pub node: NodeName,
    /// How it is woken and switched off, and when it may sleep.
    pub profile: Profile,
    /// What is secret about waking it.
    pub secrets: Secrets,
}

/// What is to be changed of a host.
#[derive(Clone, Debug, Default)]
pub struct HostChange {
    /// What people call it.
    pub name: Option<Hostname>,
    /// How it is woken and switched off, and when it may sleep.
    pub profile: Option<Profile>,
    /// What is secret about waking it; kept when not given.
    pub secrets: Option<Secrets>,
    /// Make a new key for telling it by SSH to switch itself off.
    pub new_key: bool,
}

/// Which secrets of a host are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretsSet {
    /// A SecureOn password.
    pub secure_on: bool,
    /// The request of a webhook.
    pub webhook: bool,
}

/// What a sealed secret of a host is bound to.
fn place(column: &str, id: HostId) -> String {
    format!("hosts/{column}/{id}")
}

impl From<BadProfile> for Error {
    fn from(bad: BadProfile) -> Self {
        Self::invalid(bad.field, bad.message)
    }
}

/// Whether the actor may do this with a host.
pub(crate) fn may_use(actor: &Actor, host: &Host, ability: Ability) -> Answer {
    let granted = &host.profile.users_may;
    // Whoever may do something with it may see it.
    let open = granted.contains(&ability) || ability == Ability::See && !granted.is_empty();
    may(actor, Action::Guard { ability, open })
}

/// Refuses what the actor may not do with a host; one that they may not see does not exist for them.
pub(crate) fn allow_host(actor: &Actor, host: &Host, ability: Ability) -> Result<(), Error> {
    allow(may_use(actor, host, Ability::See), "host")?;
    allow(may_use(actor, host, ability), "host")
}

impl Engine {
    /// The hosts that the actor may see, by name.
    pub async fn hosts(&self, actor: &Actor) -> Result<Vec<Host>, Error> {
        allow(may(actor, Action::Look), "host")?;
        let mut all = hosts::list(self.db()).await?;
        all.retain(|host| may_use(actor, host, Ability::See) == Answer::Yes);
        Ok(all)
    }

    /// Those of these hosts that the actor may see.
    pub async fn seen_of_hosts(
        &self,
        actor: &Actor,
        mut ids: HashSet<HostId>,
    ) -> Result<HashSet<HostId>, Error> {
        if !ids.is_empty() {
            let seen = |host: &Host| may_use(actor, host, Ability::See) == Answer::Yes;
            let all = hosts::list(self.db()).await?;
            let seen: HashSet<HostId> = all.iter().filter(|host| seen(host)).map(|host| host.id).collect();
            ids.retain(|id| seen.contains(id));
        }
        Ok(ids)
    }

    /// One host.
    pub async fn host(&self, actor: &Actor, id: HostId) -> Result<Host, Error> {
        let host = hosts::by_id(self.db(), id).await?.ok_or(Error::NotFound("host"))?;
        allow_host(actor, &host, Ability::See)?;
        Ok(host)
    }

    /// What the actor may do with a host.
    pub fn host_abilities(&self, actor: &Actor, host: &Host) -> Vec<Ability> {
        Ability::ALL.iter().copied().filter(|ability| may_use(actor, host, *ability) == Answer::Yes).collect()
    }

    /// The line that a host's `authorized_keys` is to have, so that it can be told by SSH to switch itself off; for staff.
    pub async fn host_key_line(&self, actor: &Actor, id: HostId) -> Result<Option<String>, Error> {
        allow(may(actor, Action::RunHouse), "host")?;
        let keys = hosts::keys(self.db(), id).await?;
        Ok(keys.map(|keys| format!("restrict,command=\"/usr/local/sbin/innkeeper-host\" {}", keys.public)))
    }

    /// Which secrets of a host are set; for staff. What they are is shown to nobody.
    pub async fn host_secrets_set(&self, actor: &Actor, id: HostId) -> Result<SecretsSet, Error> {
        allow(may(actor, Action::SeeHouse), "host")?;
        let secrets = self.secrets_of(id).await?;
        Ok(SecretsSet { secure_on: secrets.secure_on.is_some(), webhook: secrets.webhook.is_some() })
    }

    /// Has a node looked after.
    pub async fn add_host(
        &self,
        actor: &Actor,
        new: NewHost,
        key: Option<&Idempotency>,
    ) -> Result<Host, Error> {
        allow(may(actor, Action::RunHouse), "host")?;
        check(&new.profile, Some(&new.secrets))?;
        clusters::by_id(self.db(), new.cluster_id).await?.ok_or(Error::NotFound("cluster"))?;
        let known = nodes::list(self.db(), Some(new.cluster_id)).await?;
        if !known.iter().any(|node| node.name == new.node) {
            let names: Vec<&str> = known.iter().map(|node| node.name.as_str()).collect();
            let names = if names.is_empty() { "none yet".to_owned() } else { names.join(", ") };
            return Err(Error::invalid("node", format!("the cluster has no such node; it has: {names}")));
        }
        let now = self.clock().now();
        let host = Host {
            id: HostId::new(),
            name: new.name,
            cluster_id: new.cluster_id,
            node: new.node,
            profile: new.profile,
            course: Course::new(now),
            seen: Seen::default(),
            signals: Vec::new(),
            created_at: now,
            fence: 0,
        };
        let sealed = self.seal_secrets(host.id, &new.secrets)?;
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay::<HostId>(&mut tx, actor, key).await? {
            drop(tx);
            return hosts::by_id(self.db(), before).await?.ok_or(Error::NotFound("host"));
        }
        hosts::insert(&mut tx, &host, sealed.as_ref()).await.map_err(taken)?;
        self.with_key(&mut tx, &host, false).await?;
        let after = json!({ "name": host.name, "node": host.node, "profile": host.profile });
        self.record(&mut tx, actor, Deed::done("host.create", host.id).after(after));
        self.remember(&mut tx, actor, key, &host.id).await?;
        tx.wake(Topic::Guardian);
        tx.commit().await?;
        Ok(host)
    }

    /// Changes how a host is looked after.
    pub async fn change_host(&self, actor: &Actor, id: HostId, change: HostChange) -> Result<Host, Error> {
        allow(may(actor, Action::RunHouse), "host")?;
        let kept = self.secrets_of(id).await?;
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let mut host = hosts::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("host"))?;
        let before = json!({ "name": host.name, "profile": host.profile });
        if let Some(profile) = change.profile {
            host.profile = profile;
        }
        check(&host.profile, Some(change.secrets.as_ref().unwrap_or(&kept)))?;
        if let Some(name) = change.name {
            host.name = name;
        }
        if let Some(secrets) = &change.secrets {
            let sealed = self.seal_secrets(id, secrets)?;
            hosts::set_wake_secret(&mut tx, id, sealed.as_ref()).await?;
        }
        hosts::wish(&mut tx, &host, now).await.map_err(taken)?;
        self.with_key(&mut tx, &host, change.new_key).await?;
        let after =
            json!({ "name": host.name, "profile": host.profile, "new_secrets": change.secrets.is_some() });
        self.record(&mut tx, actor, Deed::done("host.update", id).before(before).after(after));
        tx.wake(Topic::Guardian);
        tx.commit().await?;
        Ok(host)
    }

    /// Looks after a host no longer. It stays as it is.
    pub async fn remove_host(&self, actor: &Actor, id: HostId) -> Result<(), Error> {
        allow(may(actor, Action::RunHouse), "host")?;
        let mut tx = self.db().begin().await?;
        let host = hosts::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("host"))?;
        if matches!(host.course.state, State::Draining | State::ShuttingDown) {
            return Err(Error::conflict(
                "host_going_to_sleep",
                "the host is on its way to sleep; wait until it is off, or call it back first",
            ));
        }
        hosts::remove(&mut tx, id).await.map_err(|error| match error {
            innkeeper_store::Error::Conflict(_) => {
                Error::conflict("host_in_use", "services are on this host; remove them first")
            }
            other => other.into(),
        })?;
        let before = json!({ "name": host.name, "node": host.node });
        self.record(&mut tx, actor, Deed::done("host.delete", id).before(before));
        tx.wake(Topic::Guardian);
        Ok(tx.commit().await?)
    }

    /// A host that can be told by SSH has a key pair of ours.
    async fn with_key(&self, tx: &mut Tx, host: &Host, anew: bool) -> Result<(), Error> {
        if host.profile.fallback.is_none() || !anew && hosts::keys(self.db(), host.id).await?.is_some() {
            return Ok(());
        }
        let failed = |error: innkeeper_connectors::ssh::Error| Error::Internal(format!("a new key: {error}"));
        let pair = KeyPair::generate(KEY_COMMENT).map_err(failed)?;
        let private = pair.private_part().map_err(failed)?;
        let sealed = self.0.keys.seal(private.expose_secret().as_bytes(), &place("private_key", host.id));
        let keys = hosts::Keys { public: pair.public_part().map_err(failed)?, private: sealed };
        Ok(hosts::set_keys(tx, host.id, &keys).await?)
    }

    fn seal_secrets(&self, id: HostId, secrets: &Secrets) -> Result<Option<Sealed>, Error> {
        if *secrets == Secrets::default() {
            return Ok(None);
        }
        let text = serde_json::to_vec(secrets).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Some(self.0.keys.seal(&text, &place("wake_secret", id))))
    }

    /// What is secret about waking a host.
    async fn secrets_of(&self, id: HostId) -> Result<Secrets, Error> {
        let Some(sealed) = hosts::wake_secret(self.db(), id).await? else { return Ok(Secrets::default()) };
        let bad =
            |error: String| Error::Internal(format!("the secrets of host {id} cannot be opened: {error}"));
        let plain = self.0.keys.open(&sealed, &place("wake_secret", id)).map_err(|e| bad(e.to_string()))?;
        serde_json::from_slice(&plain).map_err(|error| bad(error.to_string()))
    }
}

fn taken(error: innkeeper_store::Error) -> Error {
    match error {
        innkeeper_store::Error::Conflict("host name") => {
            Error::conflict("name_taken", "another host has this name; choose another")
        }
        innkeeper_store::Error::Conflict(_) => {
            Error::conflict("node_taken", "this node is looked after already, under another name")
        }
        other => other.into(),
    }
}

fn check(profile: &Profile, secrets: Option<&Secrets>) -> Result<(), Error> {
    profile.check()?;
    if let Some(ssh) = &profile.fallback {
        ssh.host_key.parse::<HostKey>().map_err(|error| Error::invalid("fallback.host_key", error))?;
    }
    let Some(secrets) = secrets else { return Ok(()) };
    if let Some(word) = &secrets.secure_on {
        acting::six(word)?;
    }
    match (&profile.wake, &secrets.webhook) {
        (Wake::Webhook, None) => {
            Err(Error::invalid("webhook", "write the request that switches the host on"))
        }
        (_, Some(webhook)) => acting::hook(webhook).map(drop),
        _ => Ok(()),
    }
}
