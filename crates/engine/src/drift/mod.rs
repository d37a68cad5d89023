//! Drift: noticing where a guest differs from what we hold of it, and deciding which of the two is right.

mod watching;

use std::collections::HashMap;
use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::drift::{Drift, Facts, Held, Kind, Mark, Wanted, by_facts, held};
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::instances::Instance;
use innkeeper_domain::mark;
use innkeeper_domain::names::Hostname;
use innkeeper_domain::operations::Operation;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_store::{Tx, drift, events, instances};
use pve::{ConfigChange, GuestConfig};
use serde_json::json;

pub(crate) use watching::Watch;
use watching::{facts_of, place_of};

use crate::adoptions::{Written, mark_guest};
use crate::connections::{CallError, Connection};
use crate::error::allow;
use crate::{Engine, Error, usage};

/// How long a person waits for a look at a guest, or a change of its settings.
const PATIENCE: Duration = Duration::from_secs(20);

/// What accepting drift came to.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The instance, with what Proxmox has as what is wanted.
    pub instance: Instance,
    /// What was accepted.
    pub drifts: Vec<Drift>,
}

/// What restoring came to.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What was written at once.
    pub restored: Vec<String>,
    /// What cannot be brought back by us.
    pub left: Vec<String>,
    /// The operation that brings cores, memory and disk back, where they differ.
    pub operation: Option<Operation>,
}

impl Engine {
    /// Where instances that the actor was shown differ from what we hold of them, as far as it is worth telling.
    pub async fn drifts(&self, of: &[InstanceId]) -> Result<HashMap<InstanceId, Vec<Drift>>, Error> {
        if of.is_empty() {
            return Ok(HashMap::new());
        }
        let all = drift::of(self.db(), of.iter().copied()).await?;
        let told = |drifts: Vec<drift::Told>| -> Vec<Drift> {
            drifts.into_iter().filter(|(_, told)| *told).map(|(drift, _)| drift).collect()
        };
        Ok(all.into_iter().map(|(id, drifts)| (id, told(drifts))).filter(|(_, d)| !d.is_empty()).collect())
    }

    /// Takes what Proxmox has as what is wanted from now on. Where the size differs the price is that of the new size,
    /// and a lower one only where `cheaper` says so; an adopted guest keeps the price that was agreed.
    pub async fn accept_drift(
        &self,
        actor: &Actor,
        id: InstanceId,
        cheaper: bool,
    ) -> Result<Accepted, Error> {
        let (instance, connection) = self.drifted(actor, id).await?;
        let (_, facts) = self.look_closely(&connection, &instance).await?;
        if facts.mark != Mark::Ours {
            let message = "the guest does not carry our mark; what it is set to is not ours to accept";
            return Err(Error::conflict("not_ours", message));
        }
        let from = instance.size;
        let size = Size {
            cores: facts.cores.unwrap_or(from.cores),
            memory_mib: facts.memory_mib.unwrap_or(from.memory_mib),
            disk_gib: facts.disk_gib.unwrap_or(from.disk_gib),
        };
        let free = instance.template_id.is_none() && instance.plan_id.is_none();
        let rate = if size == from || free { instance.rate } else { self.rate(None, size).await? };
        let lower = rate.running_micros < instance.rate.running_micros
            || rate.stopped_micros < instance.rate.stopped_micros;
        if lower && !cheaper {
            let message = format!(
                "this size costs {} credits per hour instead of {}, and stopped {} instead of {}; say `allow_cheaper` \
                 if that is right",
                rate.running_micros,
                instance.rate.running_micros,
                rate.stopped_micros,
                instance.rate.stopped_micros
            );
            return Err(Error::conflict("cheaper", message));
        }
        let to_hold = rate.hold(self.options().billing.cycle)?;
        let now = self.clock().now();
        let known = drift::of(self.db(), [id]).await?.remove(&id).unwrap_or_default();
        let mut tx = self.db().begin().await?;
        let mut after = instances::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("instance"))?;
        unchanged(&instance, &after)?;
        // Without our tag a guest is not known as ours: that is not ours to give up here.
        let untagged = !facts.tags.contains(mark::TAG);
        let stays = |drift: &Drift| {
            !matches!(drift.kind, Kind::Changed | Kind::Moved) || untagged && drift.what == "tags"
        };
        let (left, taken): (Vec<_>, Vec<_>) = known.into_iter().partition(|(drift, _)| stays(drift));
        self.take_name_and_tags(&mut tx, &mut after, &facts).await?;
        after.size = size;
        if size != from {
            after.plan_id = after.plan_id.filter(|_| free);
        }
        if !usage::save(&mut tx, &mut after, now).await? {
            return Err(Error::Overloaded);
        }
        usage::rerate(&mut tx, &mut after, rate, to_hold, now).await?;
        let held = held(&facts, after.node.as_str(), size, now, after.fence);
        drift::hold(&mut tx, id, &held).await?;
        drift::replace(&mut tx, id, &left).await?;
        let project = after.project_id;
        events::append(&mut tx, now, Some(project), Subject::Instance, &id.to_string(), "drift_over").await?;
        let drifts: Vec<Drift> = taken.into_iter().map(|(drift, _)| drift).collect();
        let before = json!({ "size": from, "rate": instance.rate, "drift": drifts });
        let deed = Deed::done("instance.accept_drift", id).of(project).before(before);
        self.record(&mut tx, actor, deed.after(json!({ "size": size, "rate": rate })));
        tx.commit().await?;
        self.0.drift.forget(id);
        Ok(Accepted { instance: after, drifts })
    }

    /// What its owner calls a guest, and finds it by, is from now on what Proxmox has.
    async fn take_name_and_tags(
        &self,
        tx: &mut Tx,
        instance: &mut Instance,
        facts: &Facts,
    ) -> Result<(), Error> {
        let renamed =
            facts.name.as_deref().filter(|is| instance.guest_name().is_some_and(|name| name != *is));
        if let Some(own) = renamed {
            if let Origin::Adopted { own_name, our_name } = &mut instance.origin
                && *our_name == instance.name
            {
                *own_name = Some(own.to_owned());
            } else {
                let name: Result<Hostname, _> = own.parse();
                let Ok(name) = name else {
                    let message =
                        format!("`{own}` cannot be a name here; rename the guest in Proxmox, or restore");
                    return Err(Error::conflict("bad_name", message));
                };
                if instances::active_names(tx, instance.project_id, &name).await? {
                    let message =
                        format!("the project has another instance named {name}; rename one of them");
                    return Err(Error::conflict("name_taken", message));
                }
                instance.name = name;
            }
        }
        let there = |tag: &str| facts.tags.contains(&tag.to_lowercase());
        instance.settings.tags.retain(|tag| there(tag.as_str()));
        instance.settings.untagged.retain(|tag| !there(tag.as_str()));
        Ok(instances::adjust(tx, instance.id, &instance.name, &instance.settings).await?)
    }

    /// Brings back what we hold: name, tags, network and mark at once, cores, memory and disk by an operation.
    pub async fn restore_drift(&self, actor: &Actor, id: InstanceId) -> Result<Restored, Error> {
        let (instance, connection) = self.drifted(actor, id).await?;
        let (config, facts) = self.look_closely(&connection, &instance).await?;
        if facts.mark == Mark::Anothers {
            let message = "the guest carries another's mark; it is never touched by us";
            return Err(Error::conflict("not_ours", message));
        }
        let wanted = Wanted::of(&instance);
        let now = self.clock().now();
        let seen = || held(&facts, instance.node.as_str(), instance.size, now, instance.fence);
        let held = drift::baseline(self.db(), id).await?.unwrap_or_else(seen);
        let found = self.settings_that_differ(&instance, &held, &facts);
        let (mut change, mut restored, mut left) = (ConfigChange::default(), Vec::new(), Vec::new());
        let mut refit = false;
        for drift in &found {
            match drift.what.as_str() {
                "disk_gib" if facts.disk_gib.is_some_and(|is| is > instance.size.disk_gib) => {
                    left.push(drift.what.clone());
                }
                "cores" | "memory_mib" | "disk_gib" => refit = true,
                "name" => {
                    change.name.clone_from(&wanted.name);
                    restored.push(drift.what.clone());
                }
                "tags" => {
                    let tags: Vec<String> = wanted.all_tags(&held).into_iter().collect();
                    change.extra.push("tags", tags.join(";"));
                    restored.push(drift.what.clone());
                }
                card => {
                    match held.nets.get(card) {
                        Some(settings) => change.extra.push(card.to_owned(), net_text(settings)),
                        None => drop(change.delete.insert(card.to_owned())),
                    }
                    restored.push(drift.what.clone());
                }
            }
        }
        if facts.mark == Mark::Missing {
            restored.push(Kind::MarkMissing.as_str().to_owned());
        }
        if restored.is_empty() && !refit {
            let message = if left.is_empty() {
                "nothing differs any more that could be restored"
            } else {
                "a disk that has grown cannot be made smaller; accept it"
            };
            return Err(Error::conflict("nothing_to_restore", message));
        }
        let mut tx = self.db().begin().await?;
        let still = instances::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("instance"))?;
        unchanged(&instance, &still)?;
        let before = json!({ "drift": found, "mark_missing": facts.mark == Mark::Missing });
        let deed = Deed::done("instance.restore_drift", id).of(instance.project_id).before(before);
        let after = json!({ "restored": restored, "left": left, "resized": refit, "at": now });
        self.record(&mut tx, actor, deed.after(after));
        tx.commit().await?;
        self.write_back(&connection, &instance, &config, change, facts.mark).await?;
        let operation = if refit { Some(self.refit(actor, &instance).await?) } else { None };
        self.0.drift.forget(id);
        Ok(Restored { restored, left, operation })
    }

    /// What differs of the settings, whatever the mark says: that is restored with them.
    fn settings_that_differ(&self, instance: &Instance, held: &Held, facts: &Facts) -> Vec<Drift> {
        let ours = Facts { mark: Mark::Ours, ..facts.clone() };
        by_facts(&Wanted::of(instance), held, &ours, self.clock().now())
    }

    /// An instance whose drift a person decides about.
    async fn drifted(
        &self,
        actor: &Actor,
        id: InstanceId,
    ) -> Result<(Instance, std::sync::Arc<Connection>), Error> {
        let instance = instances::by_id(self.db(), id).await?.ok_or(Error::NotFound("instance"))?;
        allow(may(actor, Action::SeeProject(instance.project_id)), "instance")?;
        allow(may(actor, Action::RunHouse), "instance")?;
        if let Some((active, _)) = instance.operation {
            return Err(Error::Busy(active));
        }
        if instance.deleted_at.is_some() || !instance.course.born {
            return Err(Error::conflict("wrong_state", "there is no guest of this instance"));
        }
        let connection = self.connection(instance.cluster_id).await?;
        Ok((instance, connection))
    }

    async fn look_closely(
        &self,
        connection: &Connection,
        instance: &Instance,
    ) -> Result<(GuestConfig, Facts), Error> {
        let at = place_of(instance)?;
        let call = connection.call(|client| async move { client.guest(&at).config().await });
        let config = answered(tokio::time::timeout(PATIENCE, call).await)?;
        let facts = facts_of(&config, instance.id);
        Ok((config, facts))
    }

    /// Writes name, tags, network and mark, under the digest of what was read.
    async fn write_back(
        &self,
        connection: &Connection,
        instance: &Instance,
        config: &GuestConfig,
        change: ConfigChange,
        marked: Mark,
    ) -> Result<(), Error> {
        let at = place_of(instance)?;
        if change != ConfigChange::default() {
            let change = ConfigChange { digest: config.common().digest.clone(), ..change };
            let guest = at.clone();
            let call =
                connection.call(|client| async move { client.guest(&guest).set_config(&change).await });
            answered(tokio::time::timeout(PATIENCE, call).await)?;
        }
        if marked == Mark::Missing {
            let mark = mark_guest(connection, &at, instance.id);
            match answered(tokio::time::timeout(PATIENCE, mark).await)? {
                Written::Yes | Written::Asked => {}
                Written::Anothers | Written::NoRoom | Written::Locked => {
                    let message = format!(
                        "the line `{}` could not be written into the guest's description; see in Proxmox why",
                        mark::description(instance.id)
                    );
                    return Err(Error::conflict("not_marked", message));
                }
            }
        }
        Ok(())
    }
}

/// Nothing was done with the instance since it was read.
fn unchanged(read: &Instance, now: &Instance) -> Result<(), Error> {
    if let Some((active, _)) = now.operation {
        return Err(Error::Busy(active));
    }
    if read.fence == now.fence && now.deleted_at.is_none() { Ok(()) } else { Err(Error::Overloaded) }
}

fn answered<T>(call: Result<Result<T, CallError>, tokio::time::error::Elapsed>) -> Result<T, Error> {
    let away = || Error::Away {
        code: "cluster_unreachable",
        message: "the cluster does not answer; try again when it does",
    };
    match call {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(CallError::Resting(_))) | Err(_) => Err(away()),
        Ok(Err(CallError::Pve(error))) => match error {
            pve::Error::GuestMissing { .. } => Err(Error::conflict(
                "vanished",
                "the guest is not where it should be; wait for the next poll",
            )),
            pve::Error::Locked { .. } | pve::Error::ConfigChanged { .. } => {
                Err(Error::conflict("guest_busy", format!("the guest is being changed: {error}; try again")))
            }
            other => Err(Error::Cluster(other.to_string())),
        },
    }
}

/// A network card as Proxmox reads it.
fn net_text(settings: &std::collections::BTreeMap<String, String>) -> String {
    let text = |(key, value): (&String, &String)| {
        if key.is_empty() { value.clone() } else { format!("{key}={value}") }
    };
    settings.iter().map(text).collect::<Vec<_>>().join(",")
}
