//! Pools: guests and storages under one name, to give rights on.

use serde::Deserialize;

use crate::call::Call;
use crate::client::Client;
use crate::error::Error;
use crate::ids::{PoolId, StorageId, Vmid};
use crate::lenient;
use crate::operations as ops;
use crate::resources::Resource;

/// A pool.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Pool {
    /// Its name; the server leaves it out when asked about one by path.
    #[serde(default, rename = "poolid", deserialize_with = "lenient::parsed")]
    pub id: Option<PoolId>,
    /// A remark.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub comment: Option<String>,
    /// What is in it; empty in the list of pools.
    #[serde(default)]
    pub members: Vec<Resource>,
}

/// A change of a pool's members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolChange {
    /// Guests to add or remove.
    pub guests: Vec<Vmid>,
    /// Storages to add or remove.
    pub storages: Vec<StorageId>,
    /// Remove instead of add.
    pub remove: bool,
    /// A new remark.
    pub comment: Option<String>,
}

/// Pools within pools came with 8.1, and with them calls that name the pool in a parameter instead of the path.
fn nested(id: &PoolId) -> bool {
    id.as_str().contains('/')
}

impl Client {
    /// The pools the caller may see, without their members.
    pub async fn pools(&self) -> Result<Vec<Pool>, Error> {
        self.send(Call::new(&ops::POOL_LIST)).await
    }

    /// One pool with its members.
    pub async fn pool(&self, id: &PoolId) -> Result<Pool, Error> {
        if !nested(id) {
            return self.send(Call::new(&ops::POOL_GET).at("poolid", id)).await;
        }
        let found: Vec<Pool> = self.send(Call::new(&ops::POOL_LIST).param("poolid", id)).await?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| Error::NotFound { message: format!("pool '{id}' does not exist") })
    }

    /// Makes a pool.
    pub async fn create_pool(&self, id: &PoolId, comment: Option<&str>) -> Result<(), Error> {
        self.send_unit(Call::new(&ops::POOL_CREATE).param("poolid", id).param_some("comment", comment)).await
    }

    /// Changes a pool's members or remark.
    pub async fn change_pool(&self, id: &PoolId, change: &PoolChange) -> Result<(), Error> {
        let guests: Vec<String> = change.guests.iter().map(ToString::to_string).collect();
        let storages: Vec<String> = change.storages.iter().map(ToString::to_string).collect();
        let call = if nested(id) {
            Call::new(&ops::NESTED_POOL_SET).param("poolid", id)
        } else {
            Call::new(&ops::POOL_SET).at("poolid", id)
        };
        let call = call
            .param_some("vms", (!guests.is_empty()).then(|| guests.join(",")))
            .param_some("storage", (!storages.is_empty()).then(|| storages.join(",")))
            .param_some("delete", change.remove.then_some(true))
            .param_some("comment", change.comment.as_ref());
        self.send_unit(call).await
    }

    /// Removes an empty pool.
    pub async fn delete_pool(&self, id: &PoolId) -> Result<(), Error> {
        let call = if nested(id) {
            Call::new(&ops::NESTED_POOL_DELETE).param("poolid", id)
        } else {
            Call::new(&ops::POOL_DELETE).at("poolid", id)
        };
        self.send_unit(call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_pool_is_read() {
        let text = r#"{"poolid":"tenant1","members":[{"id":"lxc/101","node":"pve","status":"running","name":"ct101",
            "template":0,"maxcpu":1,"vmid":101,"type":"lxc","uptime":323}]}"#;
        let pool: Pool = serde_json::from_str(text).unwrap();
        assert!(matches!(&pool.members[..], [Resource::Guest(guest)] if guest.vmid.get() == 101));
    }
}
