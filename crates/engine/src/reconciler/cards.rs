//! Network cards as Proxmox writes them: what a guest's configuration lacks of those that are asked for. Values are
//! compared as what they mean, a card keeps its hardware address, and what nobody asked about stays.

use std::net::IpAddr;

use innkeeper_domain::instances::{Instance, Kind};
use innkeeper_domain::networks::{Addressing, Plug, megabytes, name_servers};
use pve::{ConfigChange, GuestConfig, PropertyString};

/// Adds to `change` what the cards lack.
pub(super) fn lacking(instance: &Instance, config: &GuestConfig, change: &mut ConfigChange) {
    let (common, settings) = (config.common(), &instance.settings);
    for (number, plug) in settings.plugs() {
        let now = common.nets.get(&number);
        let asked = asked(instance, plug);
        if !now.is_some_and(|now| as_asked(now, &asked)) {
            change.nets.insert(number, written(instance.kind, number, now, &asked));
        }
        if instance.kind == Kind::Qemu {
            cloud_init(number, plug, config, change);
        }
    }
    // Of other cards we know nothing but that the rules are to count for them, too.
    for (number, now) in common.nets.iter().filter(|_| guarded(instance)) {
        let ours = settings.plugs().any(|(other, _)| other == *number) || settings.unplugged.contains(number);
        if !ours && now.get_flag("firewall") != Some(true) {
            change.nets.insert(*number, now.clone().flag("firewall", true));
        }
    }
    for number in &settings.unplugged {
        if common.nets.contains_key(number) {
            change.delete.insert(format!("net{number}"));
        }
        let address = format!("ipconfig{number}");
        if common.raw.contains_key(&address) {
            change.delete.insert(address);
        }
    }
    let servers = name_servers(settings.nics.as_deref().unwrap_or_default());
    let now: Vec<IpAddr> = common.raw.get("nameserver").map(|text| listed(text)).unwrap_or_default();
    if !servers.is_empty() && servers != now {
        change
            .extra
            .push("nameserver", servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    }
}

/// The cards of a container that is to be made, and the servers of names that it asks; the card of before there were
/// networks when nothing else is known.
pub(super) fn of_new_container(
    instance: &Instance,
    bridge: &str,
) -> (Vec<(u8, PropertyString)>, Option<String>) {
    let Some(nics) = &instance.settings.nics else {
        let net = PropertyString::new().set("name", "eth0").set("bridge", bridge).set("ip", "dhcp");
        return (vec![(0, net)], None);
    };
    let written =
        |(number, plug): (u8, &Plug)| (number, written(Kind::Lxc, number, None, &asked(instance, plug)));
    let servers = name_servers(nics).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    (instance.settings.plugs().map(written).collect(), (!servers.is_empty()).then_some(servers))
}

/// What is asked of one key of a card: this value, or that it is not there.
type Asked = Vec<(&'static str, Option<String>)>;

fn asked(instance: &Instance, plug: &Plug) -> Asked {
    let mut asked = of_plug(instance.kind, plug);
    if guarded(instance) {
        asked.push(("firewall", Some("1".to_owned())));
    }
    asked
}

/// Rules count for a card only where it says so.
fn guarded(instance: &Instance) -> bool {
    instance.settings.firewall.as_ref().is_some_and(|firewall| firewall.enabled)
}

fn of_plug(kind: Kind, plug: &Plug) -> Asked {
    let mut asked = vec![
        ("bridge", Some(plug.bridge.to_string())),
        ("tag", plug.vlan.map(|tag| tag.to_string())),
        ("rate", plug.rate_mbps.map(|rate| megabytes(rate).to_string())),
    ];
    // The bridge's own is what a card has anyway; a template may say so in words of its own.
    if let Some(mtu) = plug.mtu {
        asked.push(("mtu", Some(mtu.to_string())));
    }
    if kind == Kind::Lxc {
        asked.extend(addresses(plug, "auto"));
    }
    asked
}

/// Address and way out of both kinds; `slaac` is the word for an address that the routers tell of.
fn addresses(plug: &Plug, slaac: &str) -> [(&'static str, Option<String>); 4] {
    let one = |addressing: &Addressing| match addressing {
        Addressing::Dhcp => (Some("dhcp".to_owned()), None),
        Addressing::Slaac => (Some(slaac.to_owned()), None),
        Addressing::Fixed(fixed) => (
            Some(format!("{}/{}", fixed.address, fixed.prefix)),
            fixed.gateway.map(|gateway| gateway.to_string()),
        ),
        Addressing::None => (None, None),
    };
    let ((ip, gw), (ip6, gw6)) = (one(&plug.ipv4), one(&plug.ipv6));
    [("ip", ip), ("gw", gw), ("ip6", ip6), ("gw6", gw6)]
}

fn as_asked(now: &PropertyString, asked: &Asked) -> bool {
    asked.iter().all(|(key, value)| {
        let now = now.get(key).map(|text| meant(key, text)).filter(|text| !text.is_empty());
        now == value.as_deref().map(|text| meant(key, text))
    })
}

/// A value in the one spelling that we compare by.
fn meant(key: &str, text: &str) -> String {
    match key {
        "rate" => text.parse::<f64>().map_or_else(|_| text.to_owned(), |rate| rate.to_string()),
        "firewall" => if matches!(text, "1" | "on" | "yes" | "true") { "1" } else { "0" }.to_owned(),
        "gw" | "gw6" => address(text),
        "ip" | "ip6" => match text.split_once('/') {
            Some((ip, prefix)) => format!("{}/{prefix}", address(ip)),
            // The same as nothing at all.
            None if text == "manual" => String::new(),
            None => text.to_owned(),
        },
        _ => text.to_owned(),
    }
}

fn address(text: &str) -> String {
    text.parse::<IpAddr>().map_or_else(|_| text.to_owned(), |ip| ip.to_string())
}

fn listed(text: &str) -> Vec<IpAddr> {
    text.split([' ', ',', ';']).filter_map(|one| one.parse().ok()).collect()
}

/// The card anew: what it has, with what is asked in its place.
fn written(kind: Kind, number: u8, now: Option<&PropertyString>, asked: &Asked) -> PropertyString {
    let mut card = match now.map(|now| now.default_value()) {
        Some(Some(model)) => PropertyString::with_default(model),
        Some(None) => PropertyString::new(),
        None if kind == Kind::Qemu => PropertyString::with_default("virtio"),
        None => PropertyString::new().set("name", format!("eth{number}")),
    };
    for (key, value) in now.into_iter().flat_map(PropertyString::entries) {
        if !asked.iter().any(|(other, _)| *other == key) {
            card = card.set(key, value);
        }
    }
    for (key, value) in asked {
        if let Some(value) = value {
            card = card.set(*key, value);
        }
    }
    card
}

/// What cloud-init tells a machine of this card.
fn cloud_init(number: u8, plug: &Plug, config: &GuestConfig, change: &mut ConfigChange) {
    let name = format!("ipconfig{number}");
    let asked: Asked = addresses(plug, "auto").into();
    let raw = &config.common().raw;
    let now = raw.get(&name).and_then(|text| text.parse::<PropertyString>().ok()).unwrap_or_default();
    if as_asked(&now, &asked) {
        return;
    }
    let mut wanted = PropertyString::new();
    for (key, value) in asked {
        if let Some(value) = value {
            wanted = wanted.set(key, value);
        }
    }
    if !wanted.is_empty() {
        change.extra.push(name, wanted.to_string());
    } else if raw.contains_key(&name) {
        change.delete.insert(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use innkeeper_domain::ids::{NetworkId, PoolId};
    use innkeeper_domain::networks::CardAddress;

    fn plug() -> Plug {
        let fixed = CardAddress {
            pool_id: PoolId::new(),
            address: "192.0.2.9".parse().unwrap(),
            prefix: 24,
            gateway: Some("192.0.2.1".parse().unwrap()),
            dns: Vec::new(),
        };
        Plug {
            network_id: NetworkId::new(),
            bridge: "vmbr1".parse().unwrap(),
            vlan: Some(7),
            mtu: None,
            ipv4: Addressing::Fixed(fixed),
            ipv6: Addressing::Slaac,
            rate_mbps: Some(100),
        }
    }

    #[test]
    fn what_means_the_same_is_as_asked() {
        let asked = of_plug(Kind::Lxc, &plug());
        for same in [
            "name=eth0,bridge=vmbr1,tag=7,rate=12.5,ip=192.0.2.9/24,gw=192.0.2.1,ip6=auto,hwaddr=BC:24:11:00:00:01",
            "ip6=auto,gw=192.0.2.1,ip=192.0.2.9/24,rate=12.50,tag=7,bridge=vmbr1,type=veth",
        ] {
            assert!(as_asked(&same.parse().unwrap(), &asked), "{same}");
        }
        for other in [
            "bridge=vmbr0,tag=7,rate=12.5,ip=192.0.2.9/24,gw=192.0.2.1,ip6=auto",
            "bridge=vmbr1,rate=12.5,ip=192.0.2.9/24,gw=192.0.2.1,ip6=auto",
            "bridge=vmbr1,tag=7,rate=12,ip=192.0.2.9/24,gw=192.0.2.1,ip6=auto",
            "bridge=vmbr1,tag=7,rate=12.5,ip=dhcp,ip6=auto",
        ] {
            assert!(!as_asked(&other.parse().unwrap(), &asked), "{other}");
        }
    }

    #[test]
    fn a_card_keeps_its_hardware_address_and_what_nobody_asked_about() {
        let asked =
            of_plug(Kind::Lxc, &Plug { vlan: None, rate_mbps: None, ipv6: Addressing::None, ..plug() });
        let now = "name=lan,bridge=vmbr0,tag=3,rate=1,hwaddr=BC:24:11:00:00:01,ip=dhcp,link_down=1,type=veth";
        let card = written(Kind::Lxc, 0, Some(&now.parse().unwrap()), &asked);
        assert_eq!(
            card.to_string(),
            "name=lan,hwaddr=BC:24:11:00:00:01,link_down=1,type=veth,bridge=vmbr1,ip=192.0.2.9/24,gw=192.0.2.1"
        );
        let asked = vec![("bridge", Some("vmbr1".to_owned())), ("tag", None)];
        let now = "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=3,queues=4";
        let card = written(Kind::Qemu, 0, Some(&now.parse().unwrap()), &asked);
        assert_eq!(card.to_string(), "virtio=BC:24:11:00:00:01,queues=4,bridge=vmbr1");
        assert_eq!(written(Kind::Qemu, 1, None, &asked).to_string(), "virtio,bridge=vmbr1");
    }
}
