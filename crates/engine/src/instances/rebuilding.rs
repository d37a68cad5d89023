//! Rebuilding: an instance is made anew from a template. Its identity, size, price and place stay; all that is on it is
//! lost.

use innkeeper_domain::access::Actor;
use innkeeper_domain::ids::{InstanceId, TemplateId};
use innkeeper_domain::instances::{Errand, Instance};
use innkeeper_domain::names::SshKey;
use innkeeper_domain::operations::{Operation, Verb};
use innkeeper_store::templates;

use super::MOST_KEYS;
use super::changing::{Anew, Change};
use crate::{Engine, Error, Idempotency};

/// How to make an instance anew.
#[derive(Clone, Debug, Default)]
pub struct Rebuild {
    /// From what; none means from what it was made from.
    pub template_id: Option<TemplateId>,
    /// Keys that may sign in to it; none means those that it has.
    pub ssh_keys: Option<Vec<SshKey>>,
    /// The instance's name, where whoever asks must show that they mean this one.
    pub confirm: Option<String>,
}

/// What loses data asks for the name of what it is lost on.
pub(crate) fn confirmed(instance: &Instance, name: Option<&str>) -> Result<(), Error> {
    if name.is_none_or(|name| name == instance.name.as_str()) {
        return Ok(());
    }
    Err(Error::invalid("confirm", "give the instance's name, so that the right one loses what is on it"))
}

impl Engine {
    /// Asks for an instance to be made anew.
    pub async fn rebuild_instance(
        &self,
        actor: &Actor,
        id: InstanceId,
        rebuild: Rebuild,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        let instance = self.instance_to(actor, id, Verb::Rebuild).await?;
        confirmed(&instance, rebuild.confirm.as_deref())?;
        if rebuild.ssh_keys.as_ref().is_some_and(|keys| keys.len() > MOST_KEYS) {
            return Err(Error::invalid("ssh_keys", format!("give at most {MOST_KEYS} keys")));
        }
        let wanted = rebuild.template_id.or(instance.template_id).ok_or_else(|| {
            Error::invalid(
                "template_id",
                "it was adopted and not made from a template; say from which to make it",
            )
        })?;
        let template = templates::by_id(self.db(), wanted).await?;
        // What it was made from may be off the shelf by now; it stays good for what was made from it.
        let template =
            template.filter(|template| template.offered || Some(template.id) == instance.template_id);
        let template = template.ok_or_else(|| Error::invalid("template_id", "no such template on offer"))?;
        if template.kind != instance.kind {
            return Err(Error::invalid(
                "template_id",
                format!(
                    "the instance is of kind `{}`, the template makes `{}`",
                    instance.kind, template.kind
                ),
            ));
        }
        instance.size.check_within(template.least, template.most).map_err(|error| {
            Error::invalid("template_id", format!("the instance's size does not suit this template: {error}"))
        })?;
        let sources = templates::sources(self.db(), template.id).await?;
        let here = sources.into_iter().find(|source| {
            source.cluster_id == instance.cluster_id
                && source.node.as_ref().is_none_or(|node| *node == instance.node)
        });
        let origin = here.map(|source| source.origin).ok_or_else(|| {
            Error::conflict(
                "template_unavailable",
                "the template is not there where the instance is; choose another, or make a new instance",
            )
        })?;
        let anew = Anew {
            errand: Errand::Rebuild { origin },
            template_id: template.id,
            reports_address: template.reports_address,
            ssh_keys: rebuild.ssh_keys,
        };
        self.change(actor, id, &Change::Rebuild(anew), key).await
    }

    /// Asks for something that is done once.
    pub(crate) async fn once(
        &self,
        actor: &Actor,
        id: InstanceId,
        verb: Verb,
        errand: Errand,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        self.change(actor, id, &Change::Once(verb, errand), key).await
    }
}
