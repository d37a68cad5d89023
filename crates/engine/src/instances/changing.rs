//! Changing an instance: the wish and an operation are written in one transaction, and the reconciler is woken.

use std::collections::BTreeSet;

use innkeeper_domain::access::{Actor, Proof};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::backups::Backup;
use innkeeper_domain::disks::{plus, total_rate};
use innkeeper_domain::events::Subject;
use innkeeper_domain::firewall::Firewall;
use innkeeper_domain::ids::{InstanceId, PlanId, ProjectId, TemplateId};
use innkeeper_domain::instances::{
    self as rules, Errand, Goal, Instance, Power, Resizing, Seen, Settings, Wish,
};
use innkeeper_domain::isos::Disc;
use innkeeper_domain::leases::LeaseState;
use innkeeper_domain::names::{Hostname, SshKey, Tag};
use innkeeper_domain::operations::{Operation, State, Verb};
use innkeeper_domain::placement::room_to_grow;
use innkeeper_domain::prices::{PriceList, Rate};
use innkeeper_domain::quotas::Amounts;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Topic, Tx, events, instances, leases, nodes, operations, templates};
use serde_json::{Value, json};

use super::{DiskChange, NicChange, WantedSize, cards, new_operation, tell};
use crate::backups::still_restorable;
use crate::{Engine, Error, Idempotency, restrictions};

/// The most tags that an instance takes.
const MOST_TAGS: usize = 20;

/// Other settings; what is none stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// Another name, unique in the project.
    pub name: Option<Hostname>,
    /// All its tags.
    pub tags: Option<BTreeSet<Tag>>,
    /// Whether it starts with its host.
    pub onboot: Option<bool>,
    /// Another network card, or one less.
    pub nics: Option<NicChange>,
    /// Its firewall; what Proxmox has of one until then is replaced.
    pub firewall: Option<Firewall>,
    /// The disc in its drive, or none.
    pub disc: Option<Option<Disc>>,
}

/// A change of an instance, with what belongs to it.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// What the verb alone says.
    Plain(Verb),
    /// Another size, the plan it comes by, and what it costs.
    Resize(Resize),
    /// Other settings.
    Update(Update),
    /// Other extra disks, at these prices.
    Disks(DiskChange, Option<PriceList>),
    /// Something that is done once.
    Once(Verb, Errand),
    /// Save it: what is to be done, and the row that tells of it.
    BackUp(Errand, Box<Backup>),
    /// Made anew.
    Rebuild(Anew),
    /// Another disc, or none, and a restart if it runs.
    Rescue(Verb, Option<Disc>),
    /// Into the trash until then.
    Trash(Timestamp),
}

/// What an instance is made anew from, and for whom.
#[derive(Clone, Debug)]
pub(crate) struct Anew {
    /// From what.
    pub(super) errand: Errand,
    /// The template that is.
    pub(super) template_id: TemplateId,
    /// Whether guests of that template say where they are.
    pub(super) reports_address: bool,
    /// Other keys that may sign in to it.
    pub(super) ssh_keys: Option<Vec<SshKey>>,
}

/// Another size, the plan it comes by, and what it costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resize {
    size: Size,
    plan_id: Option<PlanId>,
    rate: Rate,
}

impl Change {
    fn verb(&self) -> Verb {
        match self {
            Self::Plain(verb) | Self::Once(verb, _) | Self::Rescue(verb, _) => *verb,
            Self::Resize(_) => Verb::Resize,
            Self::Update(_) | Self::Disks(..) => Verb::Update,
            Self::BackUp(..) => Verb::BackUp,
            Self::Rebuild(_) => Verb::Rebuild,
            Self::Trash(_) => Verb::Trash,
        }
    }

    fn errand(&self) -> Option<&Errand> {
        match self {
            Self::Once(_, errand) | Self::BackUp(errand, _) => Some(errand),
            Self::Rebuild(anew) => Some(&anew.errand),
            _ => None,
        }
    }

    /// Whether this is what the operation under way does already.
    fn is(&self, under_way: &Operation, instance: &Instance) -> bool {
        self.verb() == under_way.verb
            && match self {
                Self::Plain(_) | Self::Trash(_) => true,
                Self::Resize(to) => to.size == instance.size && to.plan_id == instance.plan_id,
                Self::Once(_, errand) | Self::BackUp(errand, _) => Some(errand) == under_way.errand.as_ref(),
                Self::Rescue(_, disc) => *disc == instance.settings.disc,
                // Asked twice, one more is two more.
                Self::Disks(..) => false,
                Self::Update(update) if update.nics.is_some() => false,
                Self::Rebuild(anew) => {
                    let keys = anew.ssh_keys.as_ref();
                    Some(anew.template_id) == instance.template_id
                        && keys.is_none_or(|keys| *keys == instance.ssh_keys)
                }
                Self::Update(update) => {
                    let mut after = instance.clone();
                    update.apply(&mut after);
                    after == *instance
                }
            }
    }
}

impl Update {
    fn check(&self) -> Result<(), Error> {
        if self.tags.as_ref().is_some_and(|tags| tags.len() > MOST_TAGS) {
            return Err(Error::invalid("tags", format!("give at most {MOST_TAGS} tags")));
        }
        if let Some(firewall) = &self.firewall {
            firewall.check().map_err(|bad| Error::invalid("rules", bad))?;
        }
        Ok(())
    }

    fn apply(&self, instance: &mut Instance) {
        if let Some(name) = &self.name {
            instance.name = name.clone();
        }
        if let Some(tags) = &self.tags {
            instance.settings.retag(tags.clone());
        }
        if let Some(onboot) = self.onboot {
            instance.settings.onboot = onboot;
        }
        if let Some(firewall) = &self.firewall {
            instance.settings.firewall = Some(firewall.clone());
        }
        if let Some(disc) = &self.disc {
            instance.settings.insert(disc.clone());
        }
    }
}

impl Engine {
    /// Asks for a change of an instance. Asking again for what is already under way answers with that operation.
    pub async fn change_instance(
        &self,
        actor: &Actor,
        id: InstanceId,
        verb: Verb,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        self.change(actor, id, &Change::Plain(verb), key).await
    }

    /// Asks for another size: cores, memory, a larger disk. A disk never becomes smaller.
    pub async fn resize_instance(
        &self,
        actor: &Actor,
        id: InstanceId,
        to: WantedSize,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        let instance = self.instance_to(actor, id, Verb::Resize).await?;
        // An adopted one has no template that would bound it.
        let template = match instance.template_id {
            Some(id) => templates::by_id(self.db(), id).await?,
            None => None,
        };
        let (plan_id, price, size, field) = self.sized(template.as_ref(), to).await?;
        let (least, most) =
            template.map_or((Size::LEAST, Size::MOST), |template| (template.least, template.most));
        size.check_within(least, most).map_err(|error| Error::invalid(field, error))?;
        let to = Resize { size, plan_id, rate: self.rate(price, size).await? };
        self.change(actor, id, &Change::Resize(to), key).await
    }

    /// Gives the instance of a lease another size, for which nothing is charged here: its lease is paid by the time.
    pub(crate) async fn resize_leased(
        &self,
        instance: &Instance,
        size: Size,
        plan_id: Option<PlanId>,
    ) -> Result<Operation, Error> {
        let to = Resize { size, plan_id, rate: Rate::FREE };
        self.change(&Actor::house(), instance.id, &Change::Resize(to), None).await
    }

    /// Brings an instance back to the size that we hold of it, where Proxmox has another.
    pub(crate) async fn refit(&self, actor: &Actor, instance: &Instance) -> Result<Operation, Error> {
        let to = Resize { size: instance.size, plan_id: instance.plan_id, rate: instance.rate };
        self.change(actor, instance.id, &Change::Resize(to), None).await
    }

    /// Asks for other settings: name, tags and the like.
    pub async fn update_instance(
        &self,
        actor: &Actor,
        id: InstanceId,
        update: Update,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        self.instance_to(actor, id, Verb::Update).await?;
        update.check()?;
        self.change(actor, id, &Change::Update(update), key).await
    }

    /// Asks for a change, whatever it is.
    pub(crate) async fn change(
        &self,
        actor: &Actor,
        id: InstanceId,
        change: &Change,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        loop {
            // The worker that drives the instance may write between our read and our write; then look again.
            if let Some(operation) = self.try_change(actor, id, change, key).await? {
                return Ok(operation);
            }
        }
    }

    async fn try_change(
        &self,
        actor: &Actor,
        id: InstanceId,
        change: &Change,
        key: Option<&Idempotency>,
    ) -> Result<Option<Operation>, Error> {
        let verb = change.verb();
        let _turn = match change {
            // Like a new instance, it takes room; see there.
            Change::Resize(_) | Change::Disks(..) => self.0.placing.acquire().await.ok(),
            _ => None,
        };
        let mut tx = self.db().begin().await?;
        let mut instance = instances::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("instance"))?;
        self.allow_verb(&mut tx, actor, &instance, verb).await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(Some(before));
        }
        check_possible(actor, &instance, verb)?;
        let of_lease = match change {
            Change::Resize(_) | Change::Disks(..) | Change::Trash(_) => true,
            // They keep the container of a stranger away from the house's own networks.
            Change::Update(update) => update.firewall.is_some() || update.nics.is_some(),
            _ => false,
        };
        if of_lease {
            check_not_leased(&mut tx, actor, instance.project_id).await?;
        }
        let restricted = restrictions::in_the_way(&mut tx, instance.project_id).await?;
        if let Some(restriction) = restricted.filter(|_| restrictions::binds(verb)) {
            return Err(Error::Restricted(restriction));
        }
        if let Some((active, _)) = instance.operation {
            let under_way =
                operations::by_id_tx(&mut tx, active).await?.ok_or(Error::NotFound("operation"))?;
            if change.is(&under_way, &instance) {
                drop(tx);
                let operation = self.operation(actor, active).await?;
                return self.answer_once(actor, key, operation).await.map(Some);
            }
            if !verb.supersedes(under_way.verb) {
                return Err(Error::Busy(active));
            }
            supersede(&mut tx, &under_way, self.clock().now()).await?;
        }
        let before = seen_before(&instance);
        self.write_change(&mut tx, &mut instance, change).await?;
        let now = self.clock().now();
        let address = instance.course.wish.address;
        let power = power_before(&instance);
        let errand = change.errand();
        let operation = new_operation(&instance, verb, errand.cloned(), actor, now);
        // What the house itself stops for a restriction, and was meant to run, runs again afterwards; whoever asks for
        // anything else has said what they want.
        let by_force = restricted.is_some() && actor.proof == Proof::House && verb == Verb::Shutdown;
        let meant_to_run = instance.course.wish.goal == Goal::Running;
        if !by_force || meant_to_run {
            innkeeper_store::restrictions::set_resumes(&mut tx, id, by_force).await?;
        }
        instance.operation = Some((operation.id, verb));
        let wish = verb.wish(now, address, power, errand.map(Errand::act));
        // A restart alone changes no settings; one into a rescue does.
        let refit = wish.refit || matches!(change, Change::Rescue(..));
        instance.course.wish_for(Wish { refit, ..wish });
        operations::insert(&mut tx, &operation).await?;
        if !instances::rewish(&mut tx, &instance, now).await.map_err(|error| match error {
            innkeeper_store::Error::Conflict("name") => name_taken(&instance.name),
            other => other.into(),
        })? {
            return Ok(None);
        }
        tell(&mut tx, &instance, now).await?;
        tx.wake(Topic::Work);
        let deed = Deed::done(&format!("instance.{verb}"), id)
            .of(instance.project_id)
            .before(before)
            .after(asked_for(&instance, &operation));
        self.record(&mut tx, actor, deed);
        self.remember(&mut tx, actor, key, &operation).await?;
        tx.commit().await?;
        Ok(Some(operation))
    }

    /// Writes what is asked for into the row that is about to be saved.
    async fn write_change(&self, tx: &mut Tx, instance: &mut Instance, change: &Change) -> Result<(), Error> {
        match change {
            Change::Plain(Verb::Delete) => instance.trashed_until = None,
            Change::Trash(until) => instance.trashed_until = Some(*until),
            Change::Once(_, Errand::Restore { backup_id, .. }) => still_restorable(tx, *backup_id).await?,
            Change::BackUp(_, backup) => self.begin_backup(tx, backup).await?,
            Change::Rebuild(anew) => {
                if let Errand::Rebuild { origin } = &anew.errand {
                    instance.origin = origin.clone();
                }
                instance.template_id = Some(anew.template_id);
                instance.course.wish.address = anew.reports_address;
                if let Some(keys) = &anew.ssh_keys {
                    instance.ssh_keys.clone_from(keys);
                }
            }
            Change::Rescue(_, disc) => instance.settings.insert(disc.clone()),
            Change::Resize(to) => self.grow(tx, instance, *to).await?,
            Change::Disks(change, list) => self.redisk(tx, instance, change, list.as_ref()).await?,
            Change::Update(update) => {
                let renamed = update.name.as_ref().filter(|name| **name != instance.name);
                if let Some(name) = renamed
                    && instances::active_names(tx, instance.project_id, name).await?
                {
                    return Err(name_taken(name));
                }
                update.apply(instance);
                if let Some(nics) = &update.nics {
                    cards::rewire(tx, instance, nics, self.clock().now()).await?;
                }
            }
            Change::Plain(_) | Change::Once(..) => {}
        }
        Ok(())
    }

    async fn grow(&self, tx: &mut Tx, instance: &mut Instance, to: Resize) -> Result<(), Error> {
        let from = instance.size;
        to.size.check_grown_from(from).map_err(|why| Error::invalid("disk_gib", why))?;
        self.fit(tx, instance.project_id, Amounts::growth(from, to.size)).await?;
        let (nodes, storages) = nodes::offers(tx).await?;
        let place = (instance.cluster_id, &instance.node, &instance.storage);
        room_to_grow(place, from, to.size, &nodes, &storages)?;
        let plan_id = instance.plan_id;
        let rate = plus(to.rate, total_rate(&instance.settings.disks)?)?;
        instance.resize_from = Some(Resizing { size: from, plan_id, rate });
        (instance.size, instance.plan_id) = (to.size, to.plan_id);
        let held = rate.hold(self.options().billing.cycle)?;
        crate::usage::raise_hold(tx, instance, held, self.clock().now()).await
    }

    /// Keeps the answer to a request that changed nothing, so that its retry does not find the way free later on and
    /// change something after all.
    async fn answer_once(
        &self,
        actor: &Actor,
        key: Option<&Idempotency>,
        operation: Operation,
    ) -> Result<Operation, Error> {
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        self.remember(&mut tx, actor, key, &operation).await?;
        tx.commit().await?;
        Ok(operation)
    }
}

/// Whether the verb makes sense for the instance as it is. The house itself removes what is protected, too: when
/// nobody pays for it any longer.
fn check_possible(actor: &Actor, instance: &Instance, verb: Verb) -> Result<(), Error> {
    let Some(action) = verb.action() else { return Ok(()) };
    match rules::bar(action, instance) {
        Some(bar) if bar.code == "protected" && actor.proof == Proof::House => Ok(()),
        Some(bar) => Err(Error::conflict(bar.code, bar.reason)),
        None => Ok(()),
    }
}

/// What a lease pays for follows from the lease, and from nothing that is asked of its project.
async fn check_not_leased(tx: &mut Tx, actor: &Actor, project: ProjectId) -> Result<(), Error> {
    if actor.proof == Proof::House || leases::of_project(tx, project).await?.is_none() {
        return Ok(());
    }
    Err(leased())
}

/// The same for a new instance: the house makes one for a lease that waits for it, and for none that was given up
/// meanwhile. Whoever gives one up has its row first, too.
pub(super) async fn check_room_wanted(tx: &mut Tx, actor: &Actor, project: ProjectId) -> Result<(), Error> {
    let Some(lease) = leases::of_project(tx, project).await? else { return Ok(()) };
    let lease = leases::by_id_tx(tx, lease.id).await?;
    let wanted = lease.is_some_and(|lease| lease.state == LeaseState::Making);
    if actor.proof == Proof::House && wanted { Ok(()) } else { Err(leased()) }
}

fn leased() -> Error {
    let message = "this belongs to a lease: resize, renew or end the lease, or use another project";
    Error::conflict("leased", message)
}

/// Ends an operation in favour of a later one.
async fn supersede(tx: &mut Tx, operation: &Operation, now: Timestamp) -> Result<(), Error> {
    operations::set_state(tx, operation.id, State::Superseded, None, Some(now)).await?;
    // A task under way goes on as a step of the new operation.
    operations::abandon_steps(tx, operation.id, now).await?;
    let (project, id) = (Some(operation.project_id), operation.id.to_string());
    Ok(events::append(tx, now, project, Subject::Operation, &id, "superseded").await?)
}

/// How the instance is now, or was meant to be where that is not known.
fn power_before(instance: &Instance) -> Power {
    match (instance.course.seen, instance.course.wish.goal) {
        (Seen::Present(guest), _) => guest.power,
        (_, Goal::Running) => Power::Running,
        (_, Goal::Paused) => Power::Paused,
        (_, Goal::Stopped | Goal::Absent) => Power::Stopped,
    }
}

pub(super) fn name_taken(name: &Hostname) -> Error {
    Error::conflict("name_taken", format!("the project has an instance named {name} already"))
}

/// What is about to change, for the audit log.
fn seen_before(instance: &Instance) -> Value {
    let (size, plan) =
        instance.resize_from.map_or((instance.size, instance.plan_id), |from| (from.size, from.plan_id));
    json!({
        "goal": instance.course.wish.goal,
        "state": instance.state(),
        "name": instance.name,
        "size": size,
        "plan": plan,
        "settings": told(&instance.settings),
    })
}

/// What was asked for, for the audit log.
fn asked_for(instance: &Instance, operation: &Operation) -> Value {
    json!({
        "goal": instance.course.wish.goal,
        "name": instance.name,
        "size": instance.size,
        "plan": instance.plan_id,
        "settings": told(&instance.settings),
        "errand": operation.errand.as_ref().map(errand_told),
        "operation": operation.id,
    })
}

/// Settings as their owner may read them: nothing of how Proxmox calls things.
fn told(settings: &Settings) -> Value {
    let disks: Vec<Value> = settings
        .disks
        .iter()
        .map(|disk| json!({ "number": disk.number, "size_gib": disk.size_gib }))
        .collect();
    let networks: Vec<Value> = settings
        .plugs()
        .map(|(number, plug)| json!({ "number": number, "network_id": plug.network_id, "ipv4": plug.ipv4, "ipv6": plug.ipv6 }))
        .collect();
    json!({
        "tags": settings.tags,
        "onboot": settings.onboot,
        "networks": networks,
        "firewall": settings.firewall,
        "disks": disks,
        "disc": settings.disc.as_ref().map(|disc| disc.iso_id),
    })
}

/// The same of what is done once.
fn errand_told(errand: &Errand) -> Value {
    match errand {
        Errand::Snapshot { name, memory, .. } => json!({ "snapshot": name, "memory": memory }),
        Errand::Rollback { name } | Errand::DropSnapshot { name } => json!({ "snapshot": name }),
        Errand::BackUp { backup_id, mode, .. } => json!({ "backup": backup_id, "mode": mode }),
        Errand::Restore { backup_id, .. } => json!({ "backup": backup_id }),
        Errand::Rebuild { .. } | Errand::Migrate { .. } => json!({}),
    }
}
