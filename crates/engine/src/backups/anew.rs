//! Making a new instance from a backup: with a number, network cards and a mark of its own, at today's price.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::backups::BackupState;
use innkeeper_domain::clusters::Storage;
use innkeeper_domain::disks::plus;
use innkeeper_domain::ids::{BackupId, ProjectId, TemplateId};
use innkeeper_domain::instances::Instance;
use innkeeper_domain::names::Hostname;
use innkeeper_domain::operations::Operation;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::{Origin, Source};
use innkeeper_store::{backups, instances, nodes, templates};

use super::{reaches, restorable};
use crate::error::allow;
use crate::instances::{Making, WantedSize};
use crate::{Engine, Error, Idempotency};

/// An instance to be made from a backup.
#[derive(Clone, Debug)]
pub struct NewFromBackup {
    /// From which.
    pub backup_id: BackupId,
    /// Whose it will be; none means the project of the backup.
    pub project_id: Option<ProjectId>,
    /// Its host name, unique in the project.
    pub name: Hostname,
    /// How big; its disk at least as large as the one that was saved. [`WantedSize::Default`] is the size of the
    /// instance that was saved.
    pub size: WantedSize,
}

impl Engine {
    /// Asks for a new instance with what is in a backup.
    pub async fn create_from_backup(
        &self,
        actor: &Actor,
        new: NewFromBackup,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        let no_such = || Error::invalid("backup_id", "no such backup");
        let backup = backups::by_id(self.db(), new.backup_id).await?;
        let backup = backup.filter(|b| b.state != BackupState::Deleted).ok_or_else(no_such)?;
        // Its content is given away: that is for its own project to decide.
        match allow(may(actor, Action::UseProject(backup.project_id)), "backup") {
            Err(Error::NotFound(_)) => return Err(no_such()),
            other => other?,
        }
        let project_id = new.project_id.unwrap_or(backup.project_id);
        allow(may(actor, Action::UseProject(project_id)), "project")?;
        self.check_unrestricted(backup.project_id).await?;
        let volume = restorable(&backup)?;
        let source = instances::by_id(self.db(), backup.instance_id).await?;
        let source = source.ok_or_else(|| Error::Internal("a backup without its instance".into()))?;
        // One that was adopted has none.
        let template = match source.template_id {
            Some(template) => templates::by_id(self.db(), template).await?,
            None => None,
        };
        let disk_gib = source.size.disk_gib.max(backup.disk_gib);
        let wanted = match new.size {
            WantedSize::Default => WantedSize::Custom(Size { disk_gib, ..source.size }),
            other => other,
        };
        let (plan_id, price, size, field) = self.sized(template.as_ref(), wanted).await?;
        if new.size != WantedSize::Default {
            let (least, most) = template
                .as_ref()
                .map_or((Size::LEAST, Size::MOST), |template| (template.least, template.most));
            size.check_within(least, most).map_err(|error| Error::invalid(field, error))?;
        }
        if size.disk_gib < backup.disk_gib {
            let message =
                format!("the backup is of a disk of {} GiB; ask for at least that", backup.disk_gib);
            return Err(Error::invalid(field, message));
        }
        let (settings, fittings, disks) = self.alike(&source).await?;
        let rate = plus(self.rate(price, size).await?, disks)?;
        let origin = Origin::Backup { volume, instance_id: source.id };
        let storages = nodes::storages(self.db(), Some(backup.cluster_id)).await?;
        let near =
            storages.iter().filter(|s| s.name == backup.storage && reaches(&storages, &backup, &s.node));
        let sources = near.map(|storage| at(storage, source.template_id, &origin)).collect();
        let making = Making {
            project_id,
            name: new.name,
            kind: backup.kind,
            template_id: source.template_id,
            reports_address: template.map_or(source.course.wish.address, |template| template.reports_address),
            plan_id,
            size,
            rate,
            // What may sign in to it is inside the backup.
            ssh_keys: source.ssh_keys,
            settings,
            fittings,
            sources,
            // What is on its disk is the other's, with the key in it.
            management: self.key_of(source.id).await?,
            user_data: None,
        };
        self.make(actor, making, key).await
    }

    /// Where else an instance can be made that has nothing yet: by its template, or where its backup is reached. A copy
    /// is made where the original is.
    pub(crate) async fn sources_for(&self, instance: &Instance) -> Result<Vec<Source>, Error> {
        match &instance.origin {
            Origin::Volume(_) | Origin::Vm(_) => match instance.template_id {
                Some(template) => Ok(templates::sources(self.db(), template).await?),
                None => Ok(Vec::new()),
            },
            Origin::Copy { .. } | Origin::Adopted { .. } => Ok(Vec::new()),
            Origin::Backup { volume, .. } => {
                let storages = nodes::storages(self.db(), Some(instance.cluster_id)).await?;
                let name = volume.split(':').next().unwrap_or_default();
                let near = storages.iter().filter(|s| s.name.as_str() == name && s.shared && s.available);
                Ok(near.map(|storage| at(storage, instance.template_id, &instance.origin)).collect())
            }
        }
    }
}

/// A place for it. It is of this one backup, and of no template.
fn at(storage: &Storage, template_id: Option<TemplateId>, origin: &Origin) -> Source {
    let (cluster_id, node) = (storage.cluster_id, Some(storage.node.clone()));
    Source { template_id: template_id.unwrap_or_default(), cluster_id, node, origin: origin.clone() }
}
