//! Networks of clusters: where the cards of instances are plugged in, and the pools that addresses come from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::addresses::AddressRange;
use crate::ids::{ClusterId, InstanceId, NetworkId, PoolId, ProjectId};
use crate::names::{BadName, BridgeName, Title};
use crate::time::Timestamp;

/// The most cards that an instance has.
pub const MOST_NICS: usize = 8;

/// The most servers of names that a pool tells of.
pub const MOST_DNS: usize = 4;

/// The most addresses that one pool leaves out by name.
pub const MOST_EXCLUDED: usize = 256;

/// A network of one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Identity.
    pub id: NetworkId,
    /// Where it is.
    pub cluster_id: ClusterId,
    /// As shown.
    pub name: Title,
    /// The bridge of the hosts.
    pub bridge: BridgeName,
    /// The tag that separates it from others on the same bridge.
    pub vlan: Option<u16>,
    /// The only project that may use it; none when all may.
    pub project_id: Option<ProjectId>,
    /// Whether instances get it that ask for no other.
    pub default: bool,
    /// The size of its packets, where that is not the bridge's own.
    pub mtu: Option<u32>,
    /// How fast a card on it is at most, in megabits per second.
    pub rate_mbps: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Addresses of a network that are given out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Identity.
    pub id: PoolId,
    /// Its network.
    pub network_id: NetworkId,
    /// The range that they are of; its length is their prefix.
    pub range: AddressRange,
    /// The way out.
    pub gateway: Option<IpAddr>,
    /// The first that is given out.
    pub first: IpAddr,
    /// The last that is given out.
    pub last: IpAddr,
    /// Those in between that are not.
    pub excluded: Vec<IpAddr>,
    /// Servers of names.
    pub dns: Vec<IpAddr>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An address that is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Of which pool.
    pub pool_id: PoolId,
    /// Which one.
    pub address: IpAddr,
    /// By whom; none when a person keeps it for something else.
    pub instance_id: Option<InstanceId>,
    /// What for, in a person's words.
    pub note: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
}

/// Why a network or a pool cannot be as asked, with the field that is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadNetwork {
    /// The field, as in the request.
    pub field: &'static str,
    /// What is wrong, and what would be right.
    pub message: String,
}

fn bad(field: &'static str, message: impl Into<String>) -> BadNetwork {
    BadNetwork { field, message: message.into() }
}

/// The fastest that we limit a card to, in megabits per second.
pub const MOST_RATE: u32 = 400_000;

/// Whether a limit of speed is one.
pub fn check_rate(rate_mbps: Option<u32>) -> Result<(), BadNetwork> {
    match rate_mbps {
        Some(rate) if !(1..=MOST_RATE).contains(&rate) => {
            Err(bad("rate_mbps", format!("use 1 to {MOST_RATE} megabits per second, or none for no limit")))
        }
        _ => Ok(()),
    }
}

impl Network {
    /// Whether tag, packets and speed are possible.
    pub fn check(&self) -> Result<(), BadNetwork> {
        if self.vlan.is_some_and(|tag| !(1..=4094).contains(&tag)) {
            return Err(bad("vlan", "use a VLAN tag from 1 to 4094, or none"));
        }
        if self.mtu.is_some_and(|mtu| !(576..=65_520).contains(&mtu)) {
            return Err(bad("mtu", "use 576 to 65520 bytes, or none for the bridge's own"));
        }
        check_rate(self.rate_mbps)
    }

    /// Whether a project may use it.
    pub fn serves(&self, project: ProjectId) -> bool {
        self.project_id.is_none_or(|only| only == project)
    }
}

/// A pool to be made, before what is not said is filled in.
#[derive(Clone, Debug)]
pub struct PoolWanted {
    /// The range that the addresses are of.
    pub range: AddressRange,
    /// The way out.
    pub gateway: Option<IpAddr>,
    /// The first that is given out; the range's second when not said.
    pub first: Option<IpAddr>,
    /// The last that is given out; the range's last but one when not said.
    pub last: Option<IpAddr>,
    /// Those in between that are not.
    pub excluded: Vec<IpAddr>,
    /// Servers of names.
    pub dns: Vec<IpAddr>,
}

impl PoolWanted {
    /// The pool, when everything lies where it must.
    pub fn pool(self, id: PoolId, network_id: NetworkId, created_at: Timestamp) -> Result<Pool, BadNetwork> {
        let range = self.range;
        let (bits, longest) = if range.base().is_ipv4() { (32, 30) } else { (128, 126) };
        if range.length() > longest || range.length() < 8 {
            return Err(bad(
                "cidr",
                format!("use a range with a length from /8 to /{longest}, for example 192.0.2.0/24"),
            ));
        }
        if range.base().is_multicast() || range.base().is_loopback() {
            return Err(bad("cidr", "guests cannot have addresses of this range"));
        }
        let inside = |field, address: IpAddr| {
            if range.contains(address) && address.is_ipv4() == range.base().is_ipv4() {
                Ok(address)
            } else {
                Err(bad(field, format!("{address} is not in {range}")))
            }
        };
        let gateway = self.gateway.map(|address| inside("gateway", address)).transpose()?;
        let first = inside("first", self.first.unwrap_or_else(|| step(range.base(), 1)))?;
        // Of an IPv6 range the first 65 536 are plenty where nobody says otherwise.
        let most = if bits == 32 { u128::MAX } else { 0xffff };
        let end = number(range.last()).saturating_sub(1).min(number(range.base()).saturating_add(most));
        let last = inside("last", self.last.unwrap_or_else(|| address(end, bits == 32)))?;
        if number(first) > number(last) {
            return Err(bad("last", format!("{last} comes before {first}")));
        }
        if bits == 32 && (first == range.base() || last == range.last()) {
            return Err(bad(
                if first == range.base() { "first" } else { "last" },
                format!("{} and {} are the network's own", range.base(), range.last()),
            ));
        }
        if number(last) - number(first) >= 1 << 32 {
            return Err(bad(
                "last",
                "a pool holds 4294967296 addresses at most; bring its ends closer together",
            ));
        }
        if gateway == Some(range.base()) {
            return Err(bad("gateway", format!("{} is the network's own", range.base())));
        }
        if self.excluded.len() > MOST_EXCLUDED {
            return Err(bad("excluded", format!("name at most {MOST_EXCLUDED} addresses")));
        }
        for address in &self.excluded {
            inside("excluded", *address)?;
        }
        if self.dns.len() > MOST_DNS {
            return Err(bad("dns", format!("name at most {MOST_DNS} servers")));
        }
        if let Some(odd) = self.dns.iter().find(|a| a.is_unspecified() || a.is_multicast()) {
            return Err(bad("dns", format!("{odd} is no server's address")));
        }
        let (excluded, dns) = (self.excluded, self.dns);
        Ok(Pool { id, network_id, range, gateway, first, last, excluded, dns, created_at })
    }
}

impl Pool {
    /// Whether its addresses are IPv4.
    pub fn is_v4(&self) -> bool {
        self.range.base().is_ipv4()
    }

    /// Which of the pool's addresses this is, counted from its first; none when it gives that out not.
    pub fn place_of(&self, address: IpAddr) -> Option<u64> {
        let within = address.is_ipv4() == self.is_v4() && address >= self.first && address <= self.last;
        within.then(|| u64::try_from(number(address) - number(self.first)).ok()).flatten()
    }

    /// The address at this place.
    pub fn at(&self, place: u64) -> IpAddr {
        step(self.first, u128::from(place))
    }

    /// How many places there are.
    pub fn places(&self) -> u64 {
        u64::try_from(number(self.last) - number(self.first)).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// The places that are never given out: those left out by name, and the gateway's.
    pub fn never(&self) -> Vec<u64> {
        let mut places: Vec<u64> =
            self.excluded.iter().copied().chain(self.gateway).filter_map(|a| self.place_of(a)).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Whether two pools could give out the same address.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.is_v4() == other.is_v4() && self.first <= other.last && other.first <= self.last
    }

    /// One of its addresses as a card is told.
    pub fn card_address(&self, address: IpAddr) -> CardAddress {
        CardAddress {
            pool_id: self.id,
            address,
            prefix: self.range.length(),
            gateway: self.gateway,
            dns: self.dns.clone(),
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn address(number: u128, v4: bool) -> IpAddr {
    if v4 {
        IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(u32::MAX)))
    } else {
        IpAddr::V6(Ipv6Addr::from_bits(number))
    }
}

fn step(from: IpAddr, by: u128) -> IpAddr {
    address(number(from).saturating_add(by), from.is_ipv4())
}

/// A fixed address of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardAddress {
    /// The pool that it is of.
    pub pool_id: PoolId,
    /// The address.
    pub address: IpAddr,
    /// The length of its network.
    pub prefix: u8,
    /// The way out.
    pub gateway: Option<IpAddr>,
    /// Servers of names.
    pub dns: Vec<IpAddr>,
}

/// How a card comes by an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressing {
    /// It asks the network.
    Dhcp,
    /// It makes one from what the routers of the network say; IPv6 only.
    Slaac,
    /// It has this one.
    Fixed(CardAddress),
    /// It has none.
    #[default]
    None,
}

impl Addressing {
    /// The fixed address, if it is one.
    pub fn fixed(&self) -> Option<&CardAddress> {
        match self {
            Self::Fixed(fixed) => Some(fixed),
            _ => None,
        }
    }
}

/// How somebody wants a card to come by an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressWanted {
    /// It asks the network.
    Dhcp,
    /// It makes one from what the routers of the network say.
    Slaac,
    /// The next free one of the network's pools.
    Auto,
    /// This one, of one of the network's pools.
    This(IpAddr),
    /// None.
    None,
}

impl FromStr for AddressWanted {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        Ok(match text {
            "dhcp" => Self::Dhcp,
            "slaac" => Self::Slaac,
            "auto" => Self::Auto,
            "none" => Self::None,
            address => {
                let bad = || {
                    BadName("use `auto`, `dhcp`, `slaac` (IPv6 only), `none`, or an address of the network")
                };
                Self::This(address.parse().map_err(|_| bad())?)
            }
        })
    }
}

/// A card of an instance, and where it is plugged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nic {
    /// Its number: `net0` is card 0.
    pub number: u8,
    /// Where it is plugged in; none leaves the card as Proxmox has it.
    pub plug: Option<Plug>,
}

/// Where a card is plugged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plug {
    /// The network.
    pub network_id: NetworkId,
    /// Its bridge.
    pub bridge: BridgeName,
    /// Its tag.
    pub vlan: Option<u16>,
    /// The size of its packets.
    pub mtu: Option<u32>,
    /// How the card comes by its IPv4 address.
    pub ipv4: Addressing,
    /// How the card comes by its IPv6 address.
    pub ipv6: Addressing,
    /// How fast it is at most, in megabits per second.
    pub rate_mbps: Option<u32>,
}

impl Plug {
    /// Its fixed addresses.
    pub fn fixed(&self) -> impl Iterator<Item = &CardAddress> {
        [&self.ipv4, &self.ipv6].into_iter().filter_map(Addressing::fixed)
    }

    /// Whether every address that it has is known beforehand.
    pub fn is_fixed(&self) -> bool {
        [&self.ipv4, &self.ipv6].into_iter().all(|a| matches!(a, Addressing::Fixed(_) | Addressing::None))
    }
}

/// The servers of names that these cards tell of, each once, in their order.
pub fn name_servers(nics: &[Nic]) -> Vec<IpAddr> {
    let mut servers = Vec::new();
    for fixed in nics.iter().filter_map(|nic| nic.plug.as_ref()).flat_map(Plug::fixed) {
        for server in &fixed.dns {
            if !servers.contains(server) {
                servers.push(*server);
            }
        }
    }
    servers
}

/// A card's limit as Proxmox counts it: millions of bytes per second, eight bits each.
pub fn megabytes(rate_mbps: u32) -> f64 {
    f64::from(rate_mbps) / 8.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(range: &str) -> PoolWanted {
        PoolWanted {
            range: range.parse().unwrap(),
            gateway: None,
            first: None,
            last: None,
            excluded: Vec::new(),
            dns: Vec::new(),
        }
    }

    fn made(wanted: PoolWanted) -> Result<Pool, &'static str> {
        wanted.pool(PoolId::new(), NetworkId::new(), Timestamp(0)).map_err(|bad| bad.field)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_pool_gives_out_what_lies_between_its_ends() {
        let pool = made(PoolWanted {
            gateway: Some(ip("192.0.2.1")),
            excluded: vec![ip("192.0.2.9"), ip("192.0.2.9")],
            ..wanted("192.0.2.0/24")
        })
        .unwrap();
        assert_eq!((pool.first, pool.last, pool.places()), (ip("192.0.2.1"), ip("192.0.2.254"), 254));
        assert_eq!(pool.never(), [0, 8]);
        assert_eq!(pool.at(8), ip("192.0.2.9"));
        assert_eq!(pool.place_of(ip("192.0.2.255")), None);
        assert_eq!(pool.place_of(ip("::ffff:192.0.2.9")), None);
        let six = made(wanted("2001:db8::/64")).unwrap();
        assert_eq!((six.first, six.last), (ip("2001:db8::1"), ip("2001:db8::ffff")));
        assert_eq!(six.place_of(six.at(77)), Some(77));
        let near = PoolWanted { first: Some(ip("192.0.2.200")), ..wanted("192.0.2.0/24") };
        assert!(pool.overlaps(&made(near).unwrap()) && !pool.overlaps(&six));
    }

    #[test]
    fn what_lies_elsewhere_is_named_with_its_field() {
        let four = || wanted("192.0.2.0/24");
        let far = Some(ip("198.51.100.1"));
        for (asked, field) in [
            (wanted("192.0.2.0/31"), "cidr"),
            (wanted("127.0.0.0/8"), "cidr"),
            (wanted("ff00::/64"), "cidr"),
            (PoolWanted { gateway: far, ..four() }, "gateway"),
            (PoolWanted { gateway: Some(ip("192.0.2.0")), ..four() }, "gateway"),
            (PoolWanted { gateway: Some(ip("2001:db8::1")), ..four() }, "gateway"),
            (PoolWanted { first: far, ..four() }, "first"),
            (PoolWanted { first: Some(ip("192.0.2.0")), ..four() }, "first"),
            (PoolWanted { last: Some(ip("192.0.2.255")), ..four() }, "last"),
            (PoolWanted { first: Some(ip("192.0.2.9")), last: Some(ip("192.0.2.8")), ..four() }, "last"),
            (PoolWanted { last: Some(ip("2001:db8::1:0:0:0")), ..wanted("2001:db8::/48") }, "last"),
            (PoolWanted { excluded: vec![ip("198.51.100.1")], ..four() }, "excluded"),
            (PoolWanted { dns: vec![ip("0.0.0.0")], ..four() }, "dns"),
            (PoolWanted { dns: vec![ip("192.0.2.1"); 5], ..four() }, "dns"),
        ] {
            assert_eq!(made(asked.clone()).unwrap_err(), field, "{asked:?}");
        }
    }

    #[test]
    fn speeds_are_megabits_here_and_megabytes_there() {
        assert!((megabytes(100) - 12.5).abs() < f64::EPSILON);
        assert!(check_rate(Some(0)).is_err() && check_rate(Some(1)).is_ok() && check_rate(None).is_ok());
    }
}
