//! Our keys in instances: made with the instance, put into it beside its owner's, and opened when a command runs.

use innkeeper_connectors::ssh::KeyPair;
use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::commands::{KEY_COMMENT, Management};
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::instances::{Act, Instance};
use innkeeper_domain::operations::Verb;
use innkeeper_store::{Tx, first_boots, management};
use secrecy::ExposeSecret;

use crate::{Engine, Error};

/// What the sealed key of an instance is bound to.
pub(crate) fn place(id: InstanceId) -> String {
    format!("management/private_key/{id}")
}

/// Which key of ours a new instance has.
pub(crate) enum KeyInside {
    /// One of its own.
    Own,
    /// The one of the instance that it is a copy of.
    Same(KeyPair),
    /// None, as whoever asked for it wished.
    None,
    /// None, since what it is a copy of has none.
    Unknown,
}

impl Engine {
    /// The key that a copy of an instance has on its disk.
    pub(crate) async fn key_of(&self, id: InstanceId) -> Result<KeyInside, Error> {
        Ok(match management::of(self.db(), id).await? {
            Management::Declined => KeyInside::None,
            Management::Missing => KeyInside::Unknown,
            Management::Present => match management::key(self.db(), id).await? {
                Some(key) => KeyInside::Same(self.open_key(&key.private_key, &place(id))?),
                None => KeyInside::Unknown,
            },
        })
    }

    /// Makes the key of a new instance, in the transaction that makes the instance; or remembers that none is wanted.
    pub(crate) async fn make_management_key(
        &self,
        tx: &mut Tx,
        id: InstanceId,
        wanted: KeyInside,
    ) -> Result<(), Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Internal(format!("a new key: {error}"));
        let pair = match wanted {
            KeyInside::Own => KeyPair::generate(KEY_COMMENT).map_err(|error| failed(&error))?,
            KeyInside::Same(pair) => pair,
            KeyInside::None => return Ok(management::decline(tx, id).await?),
            KeyInside::Unknown => return Ok(()),
        };
        let public = pair.public_part().map_err(|error| failed(&error))?;
        let private = pair.private_part().map_err(|error| failed(&error))?;
        let sealed = self.0.keys.seal(private.expose_secret().as_bytes(), &place(id));
        Ok(management::insert(tx, id, &public, &sealed).await?)
    }

    /// The instance as it is to be set up, with our key beside its owner's.
    pub(crate) async fn with_management_key(&self, instance: &Instance, act: Act) -> Result<Instance, Error> {
        let mut dressed = instance.clone();
        if matches!(act, Act::Create | Act::Configure)
            && let Some(line) = management::public_key(self.db(), instance.id).await?
        {
            let key =
                line.parse().map_err(|_| Error::Internal("our own key is not written as one".into()))?;
            dressed.ssh_keys.push(key);
        }
        Ok(dressed)
    }

    /// The guest is made anew: its host key will be another, and its first start is yet to come.
    pub(crate) async fn forget_guest(&self, tx: &mut Tx, id: InstanceId) -> Result<(), Error> {
        management::forget_host_key(tx, id).await?;
        Ok(first_boots::begin_anew(tx, id, self.clock().now()).await?)
    }

    /// Forgets the host key of an instance, so that the next one that it shows is taken.
    pub async fn forget_host_key(&self, actor: &Actor, id: InstanceId) -> Result<(), Error> {
        // Whom the house believes is for its own project to say.
        let instance = self.instance_to(actor, id, Verb::Update).await?;
        let mut tx = self.db().begin().await?;
        management::forget_host_key(&mut tx, id).await?;
        self.record(&mut tx, actor, Deed::done("instance.forget_host_key", id).of(instance.project_id));
        Ok(tx.commit().await?)
    }
}
