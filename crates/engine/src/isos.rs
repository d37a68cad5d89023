//! ISO images: what operators offer, the disc in an instance's drive, and starting from a rescue disc.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{ClusterId, InstanceId, IsoId};
use innkeeper_domain::instances::{self as rules, Instance};
use innkeeper_domain::isos::{Disc, Iso, check_volume};
use innkeeper_domain::names::Title;
use innkeeper_domain::operations::{Operation, Verb};
use innkeeper_store::{clusters, isos};
use serde_json::json;

use crate::error::allow;
use crate::instances::Change;
use crate::{Engine, Error, Idempotency, InstanceUpdate};

/// An image to be offered.
#[derive(Clone, Debug)]
pub struct NewIso {
    /// The cluster that has it.
    pub cluster_id: ClusterId,
    /// As shown.
    pub name: Title,
    /// What Proxmox calls it.
    pub volume: String,
    /// Whether machines are started from it to be rescued.
    pub rescue: bool,
}

impl Engine {
    /// The images on offer.
    pub async fn isos(&self, actor: &Actor) -> Result<Vec<Iso>, Error> {
        allow(may(actor, Action::Look), "iso")?;
        Ok(isos::list(self.db()).await?)
    }

    /// Offers an image.
    pub async fn add_iso(&self, actor: &Actor, new: NewIso, key: Option<&Idempotency>) -> Result<Iso, Error> {
        allow(may(actor, Action::RunHouse), "iso")?;
        check_volume(&new.volume).map_err(|bad| Error::invalid("volume", bad))?;
        let cluster = clusters::by_id(self.db(), new.cluster_id).await?;
        cluster.ok_or_else(|| Error::invalid("cluster_id", "no such cluster"))?;
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        let iso = Iso {
            id: IsoId::new(),
            cluster_id: new.cluster_id,
            name: new.name,
            volume: new.volume,
            rescue: new.rescue,
            created_at: self.clock().now(),
        };
        isos::insert(&mut tx, &iso).await.map_err(|error| match error {
            innkeeper_store::Error::Conflict(_) => {
                Error::conflict("iso_offered", "the cluster offers this image already")
            }
            other => other.into(),
        })?;
        self.record(
            &mut tx,
            actor,
            Deed::done("iso.add", iso.id).after(json!({ "name": iso.name, "volume": iso.volume })),
        );
        self.remember(&mut tx, actor, key, &iso).await?;
        tx.commit().await?;
        Ok(iso)
    }

    /// Offers an image no longer. Discs that are in drives stay there.
    pub async fn remove_iso(&self, actor: &Actor, id: IsoId) -> Result<(), Error> {
        allow(may(actor, Action::RunHouse), "iso")?;
        let iso = isos::by_id(self.db(), id).await?.ok_or(Error::NotFound("iso"))?;
        let mut tx = self.db().begin().await?;
        if !isos::delete(&mut tx, id).await? {
            return Err(Error::NotFound("iso"));
        }
        self.record(&mut tx, actor, Deed::done("iso.remove", id).before(json!({ "name": iso.name })));
        Ok(tx.commit().await?)
    }

    /// Asks for a disc in an instance's drive, or for none. With `boot` it starts from it, until it is taken out; a
    /// running machine has it from its next start.
    pub async fn insert_disc(
        &self,
        actor: &Actor,
        id: InstanceId,
        iso: Option<(IsoId, bool)>,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        let instance = self.with_drive(actor, id, rules::Action::Disc).await?;
        let disc = match iso {
            Some((iso, boot)) => {
                let iso =
                    isos::by_id(self.db(), iso).await?.filter(|iso| iso.cluster_id == instance.cluster_id);
                let iso = iso.ok_or_else(|| {
                    Error::invalid("iso_id", "there is no such image where the instance is; see `GET /isos`")
                })?;
                Some(Disc { iso_id: iso.id, volume: iso.volume, boot })
            }
            None => None,
        };
        let update = InstanceUpdate { disc: Some(disc), ..InstanceUpdate::default() };
        self.change(actor, id, &Change::Update(update), key).await
    }

    /// Asks for an instance to be started from a rescue disc, or from its own disk again. It is restarted if it runs.
    pub async fn rescue_instance(
        &self,
        actor: &Actor,
        id: InstanceId,
        on: bool,
        key: Option<&Idempotency>,
    ) -> Result<Operation, Error> {
        let instance = self.with_drive(actor, id, rules::Action::Rescue).await?;
        let disc = if on {
            let found = isos::list(self.db()).await?;
            let iso = found.into_iter().find(|iso| iso.rescue && iso.cluster_id == instance.cluster_id);
            let iso = iso.ok_or_else(|| {
                Error::conflict(
                    "no_rescue_disc",
                    "the house offers no rescue disc where the instance is; ask an operator",
                )
            })?;
            Some(Disc { iso_id: iso.id, volume: iso.volume, boot: true })
        } else {
            None
        };
        let verb = if instance.course.runs() { Verb::Reboot } else { Verb::Update };
        self.change(actor, id, &Change::Rescue(verb, disc), key).await
    }

    async fn with_drive(
        &self,
        actor: &Actor,
        id: InstanceId,
        action: rules::Action,
    ) -> Result<Instance, Error> {
        let instance = self.instance_to(actor, id, Verb::Update).await?;
        match rules::bar(action, &instance) {
            Some(bar) => Err(Error::conflict(bar.code, bar.reason)),
            None => Ok(instance),
        }
    }
}
