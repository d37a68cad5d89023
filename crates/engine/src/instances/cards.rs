//! The network cards of instances: plugging them into networks, and taking addresses for them. Everything here happens
//! in the transaction of what was asked for.

use innkeeper_domain::ids::{InstanceId, NetworkId, ProjectId};
use innkeeper_domain::instances::Instance;
use innkeeper_domain::networks::{
    AddressWanted, Addressing, MOST_NICS, Network, Nic, Plug, Pool, check_rate,
};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Tx, networks};

use crate::networks::{address_taken, pool_of};
use crate::{Engine, Error};

/// A card that somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NicWanted {
    /// The network that it is plugged into.
    pub network_id: NetworkId,
    /// How it comes by its IPv4 address; when not said, from the network's pool where it has one, else by DHCP.
    pub ipv4: Option<AddressWanted>,
    /// How it comes by its IPv6 address; when not said, from the network's pool where it has one, else not at all.
    pub ipv6: Option<AddressWanted>,
    /// How fast it is at most, in megabits per second; never faster than the network allows.
    pub rate_mbps: Option<u32>,
}

impl NicWanted {
    /// A card like this one, with an address of its own.
    pub(super) fn like(plug: &Plug) -> Self {
        let wanted = |addressing: &Addressing| match addressing {
            Addressing::Dhcp => AddressWanted::Dhcp,
            Addressing::Slaac => AddressWanted::Slaac,
            Addressing::Fixed(_) => AddressWanted::Auto,
            Addressing::None => AddressWanted::None,
        };
        Self {
            network_id: plug.network_id,
            ipv4: Some(wanted(&plug.ipv4)),
            ipv6: Some(wanted(&plug.ipv6)),
            rate_mbps: plug.rate_mbps,
        }
    }
}

/// A change of an instance's cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NicChange {
    /// One more.
    Add(NicWanted),
    /// The card of this number, plugged in like this.
    Change(u8, NicWanted),
    /// Without the card of this number.
    Remove(u8),
}

impl Engine {
    /// The networks that a new instance asks for, which must all be of one cluster; none when it asks for none.
    pub(super) async fn networks_asked(
        &self,
        project: ProjectId,
        wanted: &[NicWanted],
    ) -> Result<Vec<Network>, Error> {
        if wanted.len() > MOST_NICS {
            return Err(Error::invalid("networks", format!("ask for at most {MOST_NICS} networks")));
        }
        let mut found: Vec<Network> = Vec::new();
        for one in wanted {
            let network = networks::by_id(self.db(), one.network_id).await?;
            found.push(usable(network, project)?);
        }
        if let Some((first, rest)) = found.split_first()
            && rest.iter().any(|network| network.cluster_id != first.cluster_id)
        {
            let message = "the networks are of different clusters; an instance is in one of them";
            return Err(Error::invalid("networks", message));
        }
        Ok(found)
    }

    /// The cards of a new instance; none when it asks for none and its cluster has no default network.
    pub(super) async fn first_cards(
        &self,
        tx: &mut Tx,
        instance: &Instance,
        wanted: &[NicWanted],
        now: Timestamp,
    ) -> Result<Option<Vec<Nic>>, Error> {
        let mut wanted = wanted.to_vec();
        if wanted.is_empty() {
            let default = networks::default_for(tx, instance.cluster_id, instance.project_id).await?;
            let Some(network) = default else { return Ok(None) };
            wanted.push(NicWanted { network_id: network.id, ipv4: None, ipv6: None, rate_mbps: None });
        }
        let mut nics = Vec::new();
        for (number, one) in (0_u8..).zip(&wanted) {
            nics.push(Nic { number, plug: Some(plug(tx, instance, one, now).await?) });
        }
        Ok(Some(nics))
    }
}

/// Changes the cards of an instance that is about to be saved. Addresses that it no longer needs stay taken until its
/// guest has let go of them.
pub(super) async fn rewire(
    tx: &mut Tx,
    instance: &mut Instance,
    change: &NicChange,
    now: Timestamp,
) -> Result<(), Error> {
    // One of before there were networks has the card that it was made with.
    let mut nics = instance.settings.nics.take().unwrap_or_else(|| vec![Nic { number: 0, plug: None }]);
    match change {
        NicChange::Add(wanted) => {
            if nics.len() >= MOST_NICS {
                let message = format!("an instance has at most {MOST_NICS} network cards; remove one first");
                return Err(Error::conflict("too_many_networks", message));
            }
            let plug = plug(tx, instance, wanted, now).await?;
            let number = (0..u8::MAX).find(|n| nics.iter().all(|nic| nic.number != *n)).unwrap_or(u8::MAX);
            nics.push(Nic { number, plug: Some(plug) });
            nics.sort_by_key(|nic| nic.number);
            instance.settings.unplugged.remove(&number);
        }
        NicChange::Change(number, wanted) => {
            let at = place(&nics, *number)?;
            nics[at].plug = Some(replug(tx, instance, nics[at].plug.as_ref(), wanted, now).await?);
        }
        NicChange::Remove(number) => {
            nics.remove(place(&nics, *number)?);
            instance.settings.unplugged.insert(*number);
        }
    }
    instance.settings.nics = Some(nics);
    Ok(())
}

fn place(nics: &[Nic], number: u8) -> Result<usize, Error> {
    nics.iter().position(|nic| nic.number == number).ok_or(Error::NotFound("network card"))
}

fn usable(network: Option<Network>, project: ProjectId) -> Result<Network, Error> {
    network
        .filter(|network| network.serves(project))
        .ok_or_else(|| Error::invalid("network_id", "no such network that this project may use"))
}

/// Plugs a new card in.
async fn plug(tx: &mut Tx, instance: &Instance, wanted: &NicWanted, now: Timestamp) -> Result<Plug, Error> {
    replug(tx, instance, None, wanted, now).await
}

/// Plugs a card in, keeping addresses that it has already where they would do.
async fn replug(
    tx: &mut Tx,
    instance: &Instance,
    before: Option<&Plug>,
    wanted: &NicWanted,
    now: Timestamp,
) -> Result<Plug, Error> {
    let network = networks::by_id_tx(tx, wanted.network_id).await?;
    let network = usable(network, instance.project_id)?;
    if network.cluster_id != instance.cluster_id {
        let message = "the network is of another cluster than the instance; choose one of its own";
        return Err(Error::invalid("network_id", message));
    }
    check_rate(wanted.rate_mbps)?;
    let pools = networks::pools_tx(tx, network.id).await?;
    let (four, six): (Vec<Pool>, Vec<Pool>) = pools.into_iter().partition(Pool::is_v4);
    let or = |pools: &[Pool], otherwise| if pools.is_empty() { otherwise } else { AddressWanted::Auto };
    let ipv4 = wanted.ipv4.unwrap_or_else(|| or(&four, AddressWanted::Dhcp));
    let ipv6 = wanted.ipv6.unwrap_or_else(|| or(&six, AddressWanted::None));
    let before = before.filter(|plug| plug.network_id == network.id);
    let rates = [wanted.rate_mbps, network.rate_mbps];
    Ok(Plug {
        network_id: network.id,
        ipv4: addressing(tx, instance.id, "ipv4", ipv4, four, before.map(|plug| &plug.ipv4), now).await?,
        ipv6: addressing(tx, instance.id, "ipv6", ipv6, six, before.map(|plug| &plug.ipv6), now).await?,
        bridge: network.bridge,
        vlan: network.vlan,
        mtu: network.mtu,
        rate_mbps: rates.into_iter().flatten().min(),
    })
}

async fn addressing(
    tx: &mut Tx,
    instance: InstanceId,
    field: &'static str,
    wanted: AddressWanted,
    pools: Vec<Pool>,
    before: Option<&Addressing>,
    now: Timestamp,
) -> Result<Addressing, Error> {
    let kept = before.and_then(Addressing::fixed);
    match wanted {
        AddressWanted::None => Ok(Addressing::None),
        AddressWanted::Dhcp => Ok(Addressing::Dhcp),
        AddressWanted::Slaac if field == "ipv6" => Ok(Addressing::Slaac),
        AddressWanted::Slaac => Err(Error::invalid(field, "there is no SLAAC for IPv4; use `dhcp`")),
        AddressWanted::Auto if let Some(kept) = kept => Ok(Addressing::Fixed(kept.clone())),
        AddressWanted::Auto if pools.is_empty() => {
            let message = "the network has no pool of such addresses; use `dhcp` or `none`";
            Err(Error::invalid(field, message))
        }
        AddressWanted::Auto => {
            for pool in &pools {
                if let Some(address) = networks::claim_next(tx, pool, instance, now).await? {
                    return Ok(Addressing::Fixed(pool.card_address(address)));
                }
            }
            let message = format!("the network has no free {field} address left; an operator must add some");
            Err(Error::conflict("pool_exhausted", message))
        }
        AddressWanted::This(address) if kept.is_some_and(|kept| kept.address == address) => {
            Ok(kept.cloned().map_or(Addressing::None, Addressing::Fixed))
        }
        AddressWanted::This(address) => {
            let pool = pool_of(pools, address, field)?;
            // Its own from before, which its guest may not have let go of yet.
            let own = networks::of_instance(tx, instance).await?;
            if !own.iter().any(|held| held.pool_id == pool.id && held.address == address) {
                networks::claim(tx, &pool, address, Some(instance), None, now)
                    .await
                    .map_err(|error| address_taken(error, address))?;
            }
            Ok(Addressing::Fixed(pool.card_address(address)))
        }
    }
}
