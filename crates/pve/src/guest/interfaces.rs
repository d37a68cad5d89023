//! The addresses a running guest has, in one form for both kinds.

use std::net::IpAddr;

use serde::Deserialize;

use super::Guest;
use crate::error::Error;
use crate::ids::GuestKind;
use crate::lenient;
use crate::operations as ops;

/// A network interface inside a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name there, for example `eth0`.
    pub name: String,
    /// Its hardware address in lower case, `bc:24:11:…`.
    pub mac: Option<String>,
    /// Its addresses.
    pub addresses: Vec<Address>,
}

/// An address with the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Bits of the network.
    pub prefix: u8,
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        let (ip, prefix) = text.split_once('/')?;
        Some(Self { ip: ip.parse().ok()?, prefix: prefix.parse().ok()? })
    }

    /// Whether it can be reached from elsewhere: neither loopback nor link-local.
    pub fn is_reachable(&self) -> bool {
        match self.ip {
            IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
            IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
        }
    }
}

#[derive(Deserialize)]
struct WireInterface {
    name: String,
    #[serde(rename = "hardware-address", default, deserialize_with = "lenient::optional")]
    hardware_address: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    hwaddr: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    inet: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    inet6: Option<String>,
    #[serde(rename = "ip-addresses", default)]
    addresses: Option<Vec<WireAddress>>,
}

#[derive(Deserialize)]
struct WireAddress {
    #[serde(rename = "ip-address", default, deserialize_with = "lenient::optional")]
    ip: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    prefix: Option<u64>,
}

impl From<WireInterface> for Interface {
    fn from(wire: WireInterface) -> Self {
        let mut addresses: Vec<Address> = wire
            .addresses
            .unwrap_or_default()
            .into_iter()
            .filter_map(|a| {
                // A zone (`%eth0`) says nothing outside the guest.
                let ip = a.ip?.split('%').next()?.parse().ok()?;
                Some(Address { ip, prefix: u8::try_from(a.prefix?).ok()? })
            })
            .collect();
        // Before 8.4 containers told one address of each family, here only.
        for text in [wire.inet, wire.inet6].into_iter().flatten() {
            addresses.extend(Address::parse(&text).filter(|a| !addresses.contains(a)));
        }
        let mac = wire.hardware_address.or(wire.hwaddr).map(|m| m.to_ascii_lowercase());
        Self { name: wire.name, mac, addresses }
    }
}

impl Guest<'_> {
    /// The interfaces inside the guest, loopback included; empty when a container is stopped. A virtual machine needs
    /// the QEMU agent ([`Error::AgentUnavailable`] without); containers need 8.1 or later.
    pub async fn interfaces(&self) -> Result<Vec<Interface>, Error> {
        #[derive(Deserialize)]
        struct Agent {
            result: Vec<WireInterface>,
        }
        let wire = match self.at.kind {
            GuestKind::Lxc => {
                let call = self.single(&ops::LXC_INTERFACES);
                self.client.send::<Option<Vec<WireInterface>>>(call).await?.unwrap_or_default()
            }
            GuestKind::Qemu => self.client.send::<Agent>(self.single(&ops::AGENT_INTERFACES)).await?.result,
        };
        Ok(wire.into_iter().map(Interface::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Interface> {
        serde_json::from_str::<Vec<WireInterface>>(text).unwrap().into_iter().map(Interface::from).collect()
    }

    #[test]
    fn a_recorded_container_is_read() {
        let found = read(
            r#"[{"hardware-address":"00:00:00:00:00:00","inet6":"::1/128","ip-addresses":[
            {"ip-address-type":"inet","prefix":"8","ip-address":"127.0.0.1"}],"inet":"127.0.0.1/8","name":"lo"},
            {"ip-addresses":[{"ip-address":"10.10.10.100","prefix":"24","ip-address-type":"inet"},
            {"ip-address-type":"inet6","ip-address":"fe80::be24:11ff:fea1:eca3","prefix":"64"}],
            "inet":"10.10.10.100/24","name":"eth0","hwaddr":"BC:24:11:a1:ec:a3"}]"#,
        );
        assert_eq!(found[0].addresses.len(), 2, "the one from inet6 is added, the one from inet is known");
        assert_eq!(found[1].mac.as_deref(), Some("bc:24:11:a1:ec:a3"));
        let reachable: Vec<_> =
            found.iter().flat_map(|i| &i.addresses).filter(|a| a.is_reachable()).collect();
        assert_eq!(reachable, [&Address { ip: "10.10.10.100".parse().unwrap(), prefix: 24 }]);
    }

    #[test]
    fn an_older_container_and_an_agent_are_read() {
        let older = read(r#"[{"name":"eth0","hwaddr":"bc:24:11:a1:ec:a3","inet":"10.0.0.5/24"}]"#);
        assert_eq!(older[0].addresses, [Address { ip: "10.0.0.5".parse().unwrap(), prefix: 24 }]);
        let agent = read(
            r#"[{"name":"ens18","hardware-address":"bc:24:11:00:00:01","statistics":{"rx-bytes":1},"ip-addresses":[
            {"ip-address":"fe80::1%ens18","ip-address-type":"ipv6","prefix":64}]},{"name":"x"}]"#,
        );
        assert_eq!(agent[0].addresses[0].ip.to_string(), "fe80::1");
        assert!(agent[1].addresses.is_empty());
    }
}
