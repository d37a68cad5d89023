//! Templates and their sources.

use innkeeper_domain::access::{Action, Actor, Answer, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{ClusterId, TemplateId};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::names::{NodeName, Title};
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::{Origin, Source, Template, check_volume};
use innkeeper_store::{clusters, templates};
use serde_json::json;

use crate::audit::shown;
use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// A template to be made.
#[derive(Clone, Debug)]
pub struct NewTemplate {
    /// As shown.
    pub name: Title,
    /// Container or VM.
    pub kind: Kind,
    /// The smallest size that it runs in.
    pub least: Size,
    /// The size when none is asked for.
    pub default_size: Size,
    /// The greatest size that is sold of it.
    pub most: Size,
    /// Whether its guests report their addresses.
    pub reports_address: bool,
}

/// Where a cluster keeps a template.
#[derive(Clone, Debug)]
pub struct NewSource {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The node that has it; none when every node has.
    pub node: Option<NodeName>,
    /// A template volume (containers), or the number of a template VM.
    pub origin: Origin,
}

impl Engine {
    /// The templates on offer; staff see the others too.
    pub async fn templates(&self, actor: &Actor) -> Result<Vec<Template>, Error> {
        allow(may(actor, Action::Look), "template")?;
        let staff = may(actor, Action::SeeHouse) == Answer::Yes;
        Ok(templates::list(self.db(), !staff).await?)
    }

    /// Where the templates are kept; for staff.
    pub async fn template_sources(&self, actor: &Actor, id: TemplateId) -> Result<Vec<Source>, Error> {
        allow(may(actor, Action::SeeHouse), "template")?;
        templates::by_id(self.db(), id).await?.ok_or(Error::NotFound("template"))?;
        Ok(templates::sources(self.db(), id).await?)
    }

    /// Makes a template; it needs a source before anything can be made from it.
    pub async fn create_template(
        &self,
        actor: &Actor,
        new: NewTemplate,
        key: Option<&Idempotency>,
    ) -> Result<Template, Error> {
        allow(may(actor, Action::RunHouse), "template")?;
        let template = Template {
            id: TemplateId::new(),
            name: new.name,
            kind: new.kind,
            least: new.least,
            default_size: new.default_size,
            most: new.most,
            reports_address: new.reports_address,
            offered: true,
            created_at: self.clock().now(),
        };
        template.check_sizes().map_err(|(field, error)| Error::invalid(field, error))?;
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        templates::insert(&mut tx, &template).await?;
        self.record(&mut tx, actor, Deed::done("template.create", template.id).after(shown(&template)));
        self.remember(&mut tx, actor, key, &template).await?;
        tx.commit().await?;
        Ok(template)
    }

    /// Says where a cluster keeps a template.
    pub async fn add_template_source(
        &self,
        actor: &Actor,
        id: TemplateId,
        new: NewSource,
        key: Option<&Idempotency>,
    ) -> Result<Source, Error> {
        allow(may(actor, Action::RunHouse), "template")?;
        let template = templates::by_id(self.db(), id).await?.ok_or(Error::NotFound("template"))?;
        clusters::by_id(self.db(), new.cluster_id)
            .await?
            .ok_or_else(|| Error::invalid("cluster_id", "no such cluster"))?;
        match (template.kind, &new.origin) {
            (Kind::Lxc, Origin::Volume(volume)) => {
                check_volume(volume).map_err(|error| Error::invalid("volume", error))?;
            }
            (Kind::Qemu, Origin::Vm(100..=999_999_999)) => {}
            (Kind::Qemu, Origin::Vm(_)) => {
                return Err(Error::invalid("vmid", "use a number from 100 to 999999999"));
            }
            (Kind::Lxc, Origin::Vm(_)) => {
                return Err(Error::invalid("volume", "a container template needs a volume, not a VM"));
            }
            (_, Origin::Copy { .. } | Origin::Backup { .. } | Origin::Adopted { .. }) => {
                return Err(Error::invalid("origin", "a template is made from a volume or a template VM"));
            }
            (Kind::Qemu, Origin::Volume(_)) => {
                return Err(Error::invalid(
                    "vmid",
                    "a VM template needs the number of a template VM, not a volume",
                ));
            }
        }
        if template.kind == Kind::Qemu && new.node.is_none() {
            return Err(Error::invalid("node", "name the node that has the template VM: it is cloned there"));
        }
        let source =
            Source { template_id: id, cluster_id: new.cluster_id, node: new.node, origin: new.origin };
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        templates::add_source(&mut tx, &source).await?;
        self.record(&mut tx, actor, Deed::done("template.add_source", id).after(shown(&source)));
        self.remember(&mut tx, actor, key, &source).await?;
        tx.commit().await?;
        Ok(source)
    }

    /// Offers a template, or no longer.
    pub async fn offer_template(
        &self,
        actor: &Actor,
        id: TemplateId,
        offered: bool,
    ) -> Result<Template, Error> {
        allow(may(actor, Action::RunHouse), "template")?;
        let mut tx = self.db().begin().await?;
        if !templates::set_offered(&mut tx, id, offered).await? {
            return Err(Error::NotFound("template"));
        }
        let deed = Deed::done("template.offer", id).before(json!({ "offered": !offered }));
        self.record(&mut tx, actor, deed.after(json!({ "offered": offered })));
        tx.commit().await?;
        templates::by_id(self.db(), id).await?.ok_or(Error::NotFound("template"))
    }
}
