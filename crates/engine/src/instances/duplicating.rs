//! Duplicating: another instance like one that is there, with all that is on it.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::disks::{plus, price as disk_price, total_rate};
use innkeeper_domain::ids::{InstanceId, ProjectId};
use innkeeper_domain::instances::{self as rules, Instance, Kind, Settings, State};
use innkeeper_domain::names::{Hostname, SnapshotName};
use innkeeper_domain::operations::Operation;
use innkeeper_domain::prices::Rate;
use innkeeper_domain::templates::{Origin, Source};
use innkeeper_store::{plans, prices, templates};

use super::{Fittings, Making, NicWanted, WantedSize};
use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// How to duplicate an instance.
#[derive(Clone, Debug)]
pub struct Duplicate {
    /// The name of the copy, unique in its project.
    pub name: Hostname,
    /// Whose it will be; none means the project of the one that is copied.
    pub project_id: Option<ProjectId>,
    /// As it was at this snapshot; none means as it is.
    pub snapshot: Option<SnapshotName>,
}

impl Engine {
    /// Asks for a copy of an instance: same size, same tags, at today's price, with addresses of its own.
    pub async fn duplicate_instance(
        &self,
        actor: &Actor,
        id: InstanceId,
        copy: Duplicate,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        let source = self.instance(actor, id).await?;
        // Its content is given away: that is for its own project to decide.
        allow(may(actor, Action::UseProject(source.project_id)), "instance")?;
        let project_id = copy.project_id.unwrap_or(source.project_id);
        allow(may(actor, Action::UseProject(project_id)), "project")?;
        self.check_unrestricted(source.project_id).await?;
        if let Some(bar) = rules::bar(rules::Action::Duplicate, &source) {
            return Err(Error::conflict(bar.code, bar.reason));
        }
        if source.kind == Kind::Lxc && source.state() != State::Stopped && copy.snapshot.is_none() {
            return Err(Error::conflict(
                "running",
                "a running container can be copied only from a snapshot: name one in `snapshot`, or shut it down first",
            ));
        }
        if let Some(name) = &copy.snapshot {
            self.known_snapshot(&source, name).await?;
        }
        // One that was adopted has none.
        let template = match source.template_id {
            Some(template) => templates::by_id(self.db(), template).await?,
            None => None,
        };
        let plan = match source.plan_id {
            Some(plan) => plans::by_id(self.db(), plan).await?.filter(|plan| plan.offered),
            None => None,
        };
        let size = plan.map_or(WantedSize::Custom(source.size), |plan| WantedSize::Plan(plan.id));
        let (plan_id, price, size, _) = self.sized(template.as_ref(), size).await?;
        // It has what it had, where a plan has changed since.
        let (plan_id, price, size) =
            if size == source.size { (plan_id, price, size) } else { (None, None, source.size) };
        let rate = self.rate(price, size).await?;
        let origin =
            Origin::Copy { vmid: source.vmid, instance_id: source.id, snapshot: copy.snapshot.clone() };
        let (settings, fittings, disks) = self.alike(&source).await?;
        let rate = plus(rate, disks)?;
        let making = Making {
            project_id,
            name: copy.name,
            kind: source.kind,
            template_id: source.template_id,
            reports_address: template.map_or(source.course.wish.address, |template| template.reports_address),
            plan_id,
            size,
            rate,
            ssh_keys: source.ssh_keys.clone(),
            settings,
            fittings,
            sources: vec![Source {
                // It is of this one instance, and of no template.
                template_id: source.template_id.unwrap_or_default(),
                cluster_id: source.cluster_id,
                node: Some(source.node),
                origin,
            }],
            // What is on its disk is the other's, with the key in it.
            management: self.key_of(source.id).await?,
            user_data: None,
        };
        self.make(actor, making, key).await
    }

    /// What another like this one has besides its size: cards on the same networks with addresses of their own, the same
    /// firewall, disks as large; and what those disks cost today.
    pub(crate) async fn alike(&self, source: &Instance) -> Result<(Settings, Fittings, Rate), Error> {
        let networks: Vec<NicWanted> =
            source.settings.plugs().map(|(_, plug)| NicWanted::like(plug)).collect();
        let numbers = source.settings.plugs().map(|(number, _)| number);
        let unplugged = numbers.filter(|number| usize::from(*number) >= networks.len()).collect();
        let list = prices::current(self.db()).await?;
        let mut disks = source.settings.disks.clone();
        for disk in &mut disks {
            (disk.rate, disk.volume) = (disk_price(list.as_ref(), disk.size_gib)?, None);
        }
        let rate = total_rate(&disks)?;
        let settings = Settings {
            tags: source.settings.tags.clone(),
            unplugged,
            firewall: source.settings.firewall.clone(),
            disks,
            ..Settings::default()
        };
        Ok((settings, Fittings { networks, ..Fittings::default() }, rate))
    }
}
