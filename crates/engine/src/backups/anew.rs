//! Making a new instance from a backup: with a number, network cards and a mark of its own, at today's price.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::backups::BackupState;
use innkeeper_domain::clusters::Storage;
use innkeeper_domain::ids::{BackupId, ProjectId, TemplateId};
use innkeeper_domain::instances::{Instance, Settings};
use innkeeper_domain::names::Hostname;
use innkeeper_domain::operations::Operation;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::{Origin, Source};
use innkeeper_store::{backups, instances, nodes, templates};

use super::reaches;
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
        let volume = self.restorable(&backup)?;
        let source = instances::by_id(self.db(), backup.instance_id).await?;
        let source = source.ok_or_else(|| Error::Internal("a backup without its instance".into()))?;
        let template = templates::by_id(self.db(), source.template_id).await?;
        let template = template.ok_or_else(|| Error::Internal("an instance without a template".into()))?;
        let disk_gib = source.size.disk_gib.max(backup.disk_gib);
        let wanted = match new.size {
            WantedSize::Default => WantedSize::Custom(Size { disk_gib, ..source.size }),
            other => other,
        };
        let (plan_id, price, size, field) = self.sized(&template, wanted).await?;
        if new.size != WantedSize::Default {
            size.check_within(template.least, template.most).map_err(|error| Error::invalid(field, error))?;
        }
        if size.disk_gib < backup.disk_gib {
            let message =
                format!("the backup is of a disk of {} GiB; ask for at least that", backup.disk_gib);
            return Err(Error::invalid(field, message));
        }
        let rate = self.rate(price, size).await?;
        let origin = Origin::Backup { volume, instance_id: source.id };
        let storages = nodes::storages(self.db(), Some(backup.cluster_id)).await?;
        let near =
            storages.iter().filter(|s| s.name == backup.storage && reaches(&storages, &backup, &s.node));
        let sources = near.map(|storage| at(storage, template.id, &origin)).collect();
        let making = Making {
            project_id,
            name: new.name,
            kind: backup.kind,
            template_id: template.id,
            reports_address: template.reports_address,
            plan_id,
            size,
            rate,
            // What may sign in to it is inside the backup.
            ssh_keys: source.ssh_keys,
            settings: Settings { tags: source.settings.tags, ..Settings::default() },
            sources,
        };
        self.make(actor, making, key).await
    }

    /// Where else an instance can be made that has nothing yet: by its template, or where its backup is reached. A copy
    /// is made where the original is.
    pub(crate) async fn sources_for(&self, instance: &Instance) -> Result<Vec<Source>, Error> {
        match &instance.origin {
            Origin::Volume(_) | Origin::Vm(_) => {
                Ok(templates::sources(self.db(), instance.template_id).await?)
            }
            Origin::Copy { .. } => Ok(Vec::new()),
            Origin::Backup { volume, .. } => {
                let storages = nodes::storages(self.db(), Some(instance.cluster_id)).await?;
                let name = volume.split(':').next().unwrap_or_default();
                let near = storages.iter().filter(|s| s.name.as_str() == name && s.shared && s.available);
                Ok(near.map(|storage| at(storage, instance.template_id, &instance.origin)).collect())
            }
        }
    }
}

fn at(storage: &Storage, template_id: TemplateId, origin: &Origin) -> Source {
    let (cluster_id, node) = (storage.cluster_id, Some(storage.node.clone()));
    Source { template_id, cluster_id, node, origin: origin.clone() }
}
