//! Networks, their pools and the addresses that are taken: what operators define, and what projects may use.

use std::net::IpAddr;

use innkeeper_domain::access::{Action, Actor, Answer, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{ClusterId, NetworkId, PoolId, ProjectId};
use innkeeper_domain::names::{BridgeName, Title};
use innkeeper_domain::networks::{BadNetwork, Network, Pool, PoolWanted, Reservation};
use innkeeper_store::{Error as StoreError, clusters, networks, projects};
use serde_json::json;

use crate::audit::shown;
use crate::error::allow;
use crate::projects::scope;
use crate::{Engine, Error, Idempotency};

/// A network to be made.
#[derive(Clone, Debug)]
pub struct NewNetwork {
    /// Where it is.
    pub cluster_id: ClusterId,
    /// As shown; unique in its cluster.
    pub name: Title,
    /// The bridge of the hosts.
    pub bridge: BridgeName,
    /// The tag that separates it from others on the same bridge.
    pub vlan: Option<u16>,
    /// The only project that may use it; none when all may.
    pub project_id: Option<ProjectId>,
    /// Whether instances get it that ask for no other.
    pub default: bool,
    /// The size of its packets.
    pub mtu: Option<u32>,
    /// How fast a card on it is at most, in megabits per second.
    pub rate_mbps: Option<u32>,
}

/// What to change of a network; what is none stays. Cards that are plugged in already stay as they are.
#[derive(Clone, Debug, Default)]
pub struct NetworkChange {
    /// Another name.
    pub name: Option<Title>,
    /// Whether instances get it that ask for no other.
    pub default: Option<bool>,
    /// The size of its packets, or that of the bridge.
    pub mtu: Option<Option<u32>>,
    /// How fast a card on it is at most, or as fast as it can.
    pub rate_mbps: Option<Option<u32>>,
}

impl From<BadNetwork> for Error {
    fn from(bad: BadNetwork) -> Self {
        Self::invalid(bad.field, bad)
    }
}

fn name_taken(error: StoreError, name: &Title) -> Error {
    match error {
        StoreError::Conflict("name") => {
            Error::conflict("name_taken", format!("the cluster has a network named {name} already"))
        }
        other => other.into(),
    }
}

impl Engine {
    /// The networks that the actor may use, by name; all of them for staff.
    pub async fn networks(&self, actor: &Actor) -> Result<Vec<Network>, Error> {
        allow(may(actor, Action::Look), "network")?;
        let mut all = networks::list(self.db()).await?;
        if may(actor, Action::SeeHouse) != Answer::Yes {
            let own = scope(actor)?.unwrap_or_default();
            all.retain(|network| network.project_id.is_none_or(|project| own.contains(&project)));
        }
        Ok(all)
    }

    /// Makes a network.
    pub async fn create_network(
        &self,
        actor: &Actor,
        new: NewNetwork,
        key: Option<&Idempotency>,
    ) -> Result<Network, Error> {
        allow(may(actor, Action::RunHouse), "network")?;
        let network = Network {
            id: NetworkId::new(),
            cluster_id: new.cluster_id,
            name: new.name,
            bridge: new.bridge,
            vlan: new.vlan,
            project_id: new.project_id,
            default: new.default,
            mtu: new.mtu,
            rate_mbps: new.rate_mbps,
            created_at: self.clock().now(),
        };
        network.check()?;
        clusters::by_id(self.db(), network.cluster_id)
            .await?
            .ok_or_else(|| Error::invalid("cluster_id", "no such cluster"))?;
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        // Nobody deletes the project meanwhile.
        if let Some(project) = network.project_id {
            projects::by_id_tx(&mut tx, project)
                .await?
                .ok_or_else(|| Error::invalid("project_id", "no such project"))?;
        }
        networks::insert(&mut tx, &network).await.map_err(|error| name_taken(error, &network.name))?;
        if network.default {
            networks::only_default(&mut tx, &network).await?;
        }
        self.record(&mut tx, actor, Deed::done("network.create", network.id).after(shown(&network)));
        self.remember(&mut tx, actor, key, &network).await?;
        tx.commit().await?;
        Ok(network)
    }

    /// Changes a network.
    pub async fn change_network(
        &self,
        actor: &Actor,
        id: NetworkId,
        change: NetworkChange,
    ) -> Result<Network, Error> {
        allow(may(actor, Action::RunHouse), "network")?;
        let mut tx = self.db().begin().await?;
        let before = networks::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("network"))?;
        let network = Network {
            name: change.name.unwrap_or_else(|| before.name.clone()),
            default: change.default.unwrap_or(before.default),
            mtu: change.mtu.unwrap_or(before.mtu),
            rate_mbps: change.rate_mbps.unwrap_or(before.rate_mbps),
            ..before.clone()
        };
        network.check()?;
        networks::update(&mut tx, &network).await.map_err(|error| name_taken(error, &network.name))?;
        if network.default {
            networks::only_default(&mut tx, &network).await?;
        }
        let deed = Deed::done("network.change", id).before(shown(&before)).after(shown(&network));
        self.record(&mut tx, actor, deed);
        tx.commit().await?;
        Ok(network)
    }

    /// Removes a network that nothing is plugged into.
    pub async fn remove_network(&self, actor: &Actor, id: NetworkId) -> Result<(), Error> {
        allow(may(actor, Action::RunHouse), "network")?;
        let mut tx = self.db().begin().await?;
        let network = networks::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("network"))?;
        if networks::in_use(&mut tx, id).await? {
            return Err(Error::conflict(
                "network_in_use",
                "instances have cards on this network; take them off it first",
            ));
        }
        networks::remove(&mut tx, id).await?;
        self.record(&mut tx, actor, Deed::done("network.remove", id).before(shown(&network)));
        Ok(tx.commit().await?)
    }

    /// The pools of a network, each with how many of its addresses are taken; for staff.
    pub async fn address_pools(&self, actor: &Actor, id: NetworkId) -> Result<Vec<(Pool, u64)>, Error> {
        allow(may(actor, Action::SeeHouse), "network")?;
        networks::by_id(self.db(), id).await?.ok_or(Error::NotFound("network"))?;
        let mut found = Vec::new();
        for pool in networks::pools(self.db(), id).await? {
            let taken = networks::taken(self.db(), pool.id).await?;
            found.push((pool, taken));
        }
        Ok(found)
    }

    /// Adds a pool of addresses to a network.
    pub async fn create_address_pool(
        &self,
        actor: &Actor,
        id: NetworkId,
        wanted: PoolWanted,
        key: Option<&Idempotency>,
    ) -> Result<Pool, Error> {
        allow(may(actor, Action::RunHouse), "network")?;
        let pool = wanted.pool(PoolId::new(), id, self.clock().now())?;
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        let network = networks::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("network"))?;
        let others = networks::neighbouring_pools(&mut tx, &network).await?;
        if let Some(other) = others.iter().find(|other| other.overlaps(&pool)) {
            let message = format!(
                "{} to {} are given out already by another pool on the same bridge and tag",
                other.first, other.last
            );
            return Err(Error::conflict("pool_overlaps", message));
        }
        networks::insert_pool(&mut tx, &pool).await?;
        self.record(&mut tx, actor, Deed::done("network.add_pool", id).after(shown(&pool)));
        self.remember(&mut tx, actor, key, &pool).await?;
        tx.commit().await?;
        Ok(pool)
    }

    /// Removes a pool of which no instance has an address.
    pub async fn remove_address_pool(&self, actor: &Actor, id: NetworkId, pool: PoolId) -> Result<(), Error> {
        allow(may(actor, Action::RunHouse), "network")?;
        let mut tx = self.db().begin().await?;
        networks::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("network"))?;
        let pools = networks::pools_tx(&mut tx, id).await?;
        let found = pools.iter().find(|other| other.id == pool).ok_or(Error::NotFound("pool"))?;
        if networks::pool_in_use(&mut tx, pool).await? {
            return Err(Error::conflict("pool_in_use", "instances have addresses of this pool"));
        }
        networks::remove_pool(&mut tx, pool).await?;
        self.record(&mut tx, actor, Deed::done("network.remove_pool", id).before(shown(found)));
        Ok(tx.commit().await?)
    }

    /// The addresses of a network that are taken; for staff.
    pub async fn addresses(&self, actor: &Actor, id: NetworkId) -> Result<Vec<Reservation>, Error> {
        allow(may(actor, Action::SeeHouse), "network")?;
        networks::by_id(self.db(), id).await?.ok_or(Error::NotFound("network"))?;
        Ok(networks::reservations(self.db(), id).await?)
    }

    /// Keeps an address of a network for something else.
    pub async fn keep_address(
        &self,
        actor: &Actor,
        id: NetworkId,
        address: IpAddr,
        note: &str,
        key: Option<&Idempotency>,
    ) -> Result<Reservation, Error> {
        allow(may(actor, Action::RunHouse), "network")?;
        let note = note.trim();
        if note.is_empty() || note.chars().count() > 200 || note.chars().any(char::is_control) {
            return Err(Error::invalid("note", "say what for, in 1 to 200 characters"));
        }
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        networks::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("network"))?;
        let pool = pool_of(networks::pools_tx(&mut tx, id).await?, address, "address")?;
        networks::claim(&mut tx, &pool, address, None, Some(note), now)
            .await
            .map_err(|error| address_taken(error, address))?;
        let note = Some(note.to_owned());
        let kept = Reservation { pool_id: pool.id, address, instance_id: None, note, created_at: now };
        self.record(&mut tx, actor, Deed::done("network.keep_address", id).after(shown(&kept)));
        self.remember(&mut tx, actor, key, &kept).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Gives an address back that was kept for something else.
    pub async fn give_address_back(
        &self,
        actor: &Actor,
        id: NetworkId,
        address: IpAddr,
    ) -> Result<(), Error> {
        allow(may(actor, Action::RunHouse), "network")?;
        let mut tx = self.db().begin().await?;
        networks::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("network"))?;
        let mut found = false;
        for pool in networks::pools_tx(&mut tx, id).await? {
            found |= networks::release_kept(&mut tx, pool.id, address).await?;
        }
        if !found {
            return Err(Error::NotFound("address that is kept"));
        }
        let deed = Deed::done("network.give_address_back", id).before(json!({ "address": address }));
        self.record(&mut tx, actor, deed);
        Ok(tx.commit().await?)
    }
}

/// The pool that gives this address out.
pub(crate) fn pool_of(pools: Vec<Pool>, address: IpAddr, field: &'static str) -> Result<Pool, Error> {
    let ranges: Vec<String> = pools.iter().map(|pool| format!("{} to {}", pool.first, pool.last)).collect();
    let found = pools.into_iter().find(|pool| pool.place_of(address).is_some());
    found.ok_or_else(|| {
        let there = match ranges.as_slice() {
            [] => "it has no pool".to_owned(),
            ranges => format!("it has {}", ranges.join(", ")),
        };
        Error::invalid(field, format!("no pool of the network gives out {address}; {there}"))
    })
}

pub(crate) fn address_taken(error: StoreError, address: IpAddr) -> Error {
    match error {
        StoreError::Conflict("address") => {
            Error::conflict("address_taken", format!("{address} is taken; ask for another, or for `auto`"))
        }
        other => other.into(),
    }
}
