//! Networks and firewalls: what was asked is what Proxmox has, and addresses are given out once.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;

use innkeeper_domain::access::Actor;
use innkeeper_domain::firewall::{Direction, Firewall, Protocol, Rule as Door, Verdict};
use innkeeper_domain::ids::{NetworkId, TemplateId};
use innkeeper_domain::instances::{Act, Instance, Kind};
use innkeeper_domain::networks::{AddressWanted, PoolWanted};
use innkeeper_domain::operations::{Operation, State, Verb};
use innkeeper_engine::{
    Duplicate, Error, Fittings, InstanceUpdate, NewInstance, NewNetwork, NicChange, NicWanted, WantedSize,
};

mod house;

use house::House;
use pve_sim::{Count, Effect, Rule};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZ0d2V0b3Jrc2FyZWp1c3RsaWtlZmFrZWtleXM ada";

/// What a card, or what cloud-init is told, consists of.
fn parts(text: &str) -> BTreeMap<String, String> {
    let pair = |part: &str| match part.split_once('=') {
        Some((key, value)) => (key.to_owned(), value.to_owned()),
        None => (String::new(), part.to_owned()),
    };
    text.split(',').map(pair).collect()
}

impl House {
    async fn network(&self, name: &str, vlan: Option<u16>, default: bool) -> NetworkId {
        let new = NewNetwork {
            cluster_id: self.cluster.id,
            name: name.parse().unwrap(),
            bridge: "vmbr0".parse().unwrap(),
            vlan,
            project_id: None,
            default,
            mtu: None,
            rate_mbps: Some(1000),
        };
        self.engine.create_network(&Actor::house(), new, None).await.unwrap().id
    }

    async fn pool(&self, network: NetworkId, range: &str, first: &str, last: &str, way_out: &str) {
        let wanted = PoolWanted {
            range: range.parse().unwrap(),
            gateway: Some(way_out.parse().unwrap()),
            first: Some(first.parse().unwrap()),
            last: Some(last.parse().unwrap()),
            excluded: Vec::new(),
            dns: vec!["192.0.2.53".parse().unwrap()],
        };
        self.engine.create_address_pool(&Actor::house(), network, wanted, None).await.unwrap();
    }

    async fn make(&self, name: &str, template_id: TemplateId, networks: Vec<NicWanted>) -> Operation {
        let new = NewInstance {
            project_id: None,
            name: name.parse().unwrap(),
            template_id,
            size: WantedSize::Default,
            ssh_keys: vec![KEY.parse().unwrap()],
            fittings: Fittings { networks, ..Fittings::default() },
        };
        let asked = self.engine.create_instance(&self.owner, new, None).await.unwrap();
        let made = self.settled(asked.id).await;
        assert_eq!(made.state, State::Succeeded, "{made:#?}");
        made
    }

    async fn rewire(&self, of: &Operation, change: NicChange) -> Operation {
        let update = InstanceUpdate { nics: Some(change), ..InstanceUpdate::default() };
        let asked = self.engine.update_instance(&self.owner, of.instance_id, update, None).await.unwrap();
        let done = self.settled(asked.id).await;
        assert_eq!(done.state, State::Succeeded, "{done:#?}");
        done
    }

    async fn read(&self, of: &Operation) -> Instance {
        self.engine.instance(&self.owner, of.instance_id).await.unwrap()
    }

    /// The guest's configuration, with what waits for the next start counted as done.
    fn config(&self, instance: &Instance) -> BTreeMap<String, String> {
        self.sim.cluster("lodge").with(|world| {
            let guest = world.guest(instance.vmid).unwrap();
            let mut config = guest.config.clone();
            for (key, value) in &guest.pending {
                match value {
                    Some(value) => config.insert(key.clone(), value.clone()),
                    None => config.remove(key),
                };
            }
            config
        })
    }

    async fn taken(&self, network: NetworkId) -> Vec<String> {
        let taken = self.engine.addresses(&Actor::house(), network).await.unwrap();
        taken.into_iter().map(|one| one.address.to_string()).collect()
    }
}

fn card(network_id: NetworkId) -> NicWanted {
    NicWanted { network_id, ipv4: None, ipv6: None, rate_mbps: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_of_cards_is_what_proxmox_has() {
    let house = House::open().await;
    let front = house.network("Front", Some(40), true).await;
    house.pool(front, "192.0.2.0/24", "192.0.2.10", "192.0.2.99", "192.0.2.1").await;
    house.pool(front, "2001:db8::/64", "2001:db8::10", "2001:db8::99", "2001:db8::1").await;
    let back = house.network("Back", None, false).await;
    for (name, template) in [("web", house.container), ("box", house.machine)] {
        // Nobody asks for a network: it is the default one, with addresses of its pools.
        let made = house.make(name, template, Vec::new()).await;
        let instance = house.read(&made).await;
        let plug = instance.settings.nics.as_ref().unwrap()[0].plug.clone().unwrap();
        let four = plug.ipv4.fixed().unwrap().address.to_string();
        let six = plug.ipv6.fixed().unwrap().address.to_string();
        assert_eq!(instance.address.as_deref(), Some(four.as_str()), "the guest reports what it was given");
        let config = house.config(&instance);
        let net = parts(&config["net0"]);
        let told = if instance.kind == Kind::Lxc { net.clone() } else { parts(&config["ipconfig0"]) };
        assert_eq!(
            (net["bridge"].as_str(), net["tag"].as_str(), net["rate"].as_str()),
            ("vmbr0", "40", "125")
        );
        assert_eq!((told["ip"].clone(), told["gw"].as_str()), (format!("{four}/24"), "192.0.2.1"));
        assert_eq!((told["ip6"].clone(), told["gw6"].as_str()), (format!("{six}/64"), "2001:db8::1"));
        assert_eq!(config["nameserver"], "192.0.2.53");
        assert_eq!((config["cores"].as_str(), config["memory"].as_str()), ("2", "512"));
        if instance.kind == Kind::Qemu {
            assert!(config["sshkeys"].starts_with("ssh-ed25519%20AAAAC3"), "{config:?}");
        }

        // One more, without an address, and slow.
        let slow = NicWanted { ipv4: Some(AddressWanted::None), rate_mbps: Some(10), ..card(back) };
        house.rewire(&made, NicChange::Add(slow)).await;
        let config = house.config(&instance);
        let net = parts(&config["net1"]);
        assert_eq!((net["bridge"].as_str(), net["rate"].as_str(), net.get("tag")), ("vmbr0", "1.25", None));
        assert_eq!(net.get("ip"), None);
        assert_eq!(config.get("ipconfig1"), None);

        // The first one elsewhere, by DHCP: it keeps its hardware address, and lets its addresses go.
        let hardware = |net: &BTreeMap<String, String>| {
            net.values().find(|value| value.matches(':').count() == 5).unwrap().clone()
        };
        let before = hardware(&parts(&config["net0"]));
        let moved = house.rewire(&made, NicChange::Change(0, card(back))).await;
        let config = house.config(&instance);
        let net = parts(&config["net0"]);
        let told = if instance.kind == Kind::Lxc { net.clone() } else { parts(&config["ipconfig0"]) };
        assert_eq!((hardware(&net), net.get("tag"), told["ip"].as_str()), (before, None, "dhcp"));
        assert_eq!((told.get("gw"), told.get("ip6")), (None, None));
        assert!(!house.taken(front).await.contains(&four));
        // What cloud-init tells reaches a machine at its next start, and that is said.
        let waits = house.read(&made).await.pending;
        assert_eq!(waits.contains(&"ipconfig0".to_owned()), instance.kind == Kind::Qemu, "{waits:?}");
        let detail = moved.steps.iter().find(|step| step.act == Act::Configure).unwrap().detail.clone();
        assert_eq!(detail.is_some(), instance.kind == Kind::Qemu, "{detail:?}");

        house.rewire(&made, NicChange::Remove(1)).await;
        assert_eq!(house.config(&instance).get("net1"), None);
        // Another change finds nothing to do to the cards.
        let update = InstanceUpdate { onboot: Some(true), ..InstanceUpdate::default() };
        let asked = house.engine.update_instance(&house.owner, made.instance_id, update, None).await.unwrap();
        assert_eq!(house.settled(asked.id).await.steps.len(), 1);

        house.change(&made, Verb::Delete).await;
        assert_eq!(house.taken(front).await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_networks_everything_is_as_before() {
    let house = House::open().await;
    for (name, template) in [("web", house.container), ("box", house.machine)] {
        let made = house.make(name, template, Vec::new()).await;
        let instance = house.read(&made).await;
        assert_eq!(instance.settings.nics, None);
        let config = house.config(&instance);
        let net = parts(&config["net0"]);
        let told = if instance.kind == Kind::Lxc { net.clone() } else { parts(&config["ipconfig0"]) };
        assert_eq!((net["bridge"].as_str(), told["ip"].as_str()), ("vmbr0", "dhcp"));
        // One of before there were networks keeps its card when it gets another.
        let back = house.network(&format!("Back {name}"), Some(7), false).await;
        house.rewire(&made, NicChange::Add(card(back))).await;
        let after = house.config(&instance);
        assert_eq!(after["net0"], config["net0"]);
        assert_eq!(parts(&after["net1"])["tag"], "7");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_asked_for_kept_and_refused_by_name() {
    let house = House::open().await;
    let front = house.network("Front", Some(40), false).await;
    house.pool(front, "192.0.2.0/24", "192.0.2.10", "192.0.2.11", "192.0.2.1").await;
    let staff = Actor::house();
    let ip = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
    house.engine.keep_address(&staff, front, ip("192.0.2.10"), "the printer", None).await.unwrap();
    let ask = async |ipv4| {
        let new = NewInstance {
            project_id: None,
            name: "other".parse().unwrap(),
            template_id: house.container,
            size: WantedSize::Default,
            ssh_keys: Vec::new(),
            fittings: Fittings {
                networks: vec![NicWanted { ipv4: Some(ipv4), ..card(front) }],
                ..Fittings::default()
            },
        };
        house.engine.create_instance(&house.owner, new, None).await
    };
    let made = house.make("web", house.container, vec![card(front)]).await;
    assert_eq!(house.taken(front).await, ["192.0.2.10", "192.0.2.11"]);
    for (wanted, code) in [
        (AddressWanted::Auto, "pool_exhausted"),
        (AddressWanted::This(ip("192.0.2.10")), "address_taken"),
        (AddressWanted::This(ip("192.0.2.11")), "address_taken"),
    ] {
        let refused = ask(wanted).await;
        assert!(matches!(&refused, Err(Error::Conflict { code: told, .. }) if *told == code), "{refused:?}");
    }
    for wanted in [AddressWanted::This(ip("192.0.2.12")), AddressWanted::Slaac] {
        let refused = ask(wanted).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "ipv4", .. })), "{refused:?}");
    }
    let in_use = house.engine.remove_network(&staff, front).await;
    assert!(matches!(in_use, Err(Error::Conflict { code: "network_in_use", .. })));
    house.engine.give_address_back(&staff, front, ip("192.0.2.10")).await.unwrap();

    // A copy has an address of its own.
    house.change(&made, Verb::Shutdown).await;
    let copy = Duplicate { name: "copy".parse().unwrap(), project_id: None, snapshot: None };
    let asked = house.engine.duplicate_instance(&house.owner, made.instance_id, copy, None).await.unwrap();
    let copied = house.settled(asked.id).await;
    assert_eq!(copied.state, State::Succeeded, "{copied:#?}");
    let config = house.config(&house.read(&copied).await);
    assert_eq!(parts(&config["net0"])["ip"], "192.0.2.10/24");

    // An address is free again when its instance is gone.
    house.change(&made, Verb::Delete).await;
    house.change(&copied, Verb::Delete).await;
    assert_eq!(house.taken(front).await, Vec::<String>::new());
    house.engine.remove_network(&staff, front).await.unwrap();
}

fn door(ports: &str) -> Door {
    Door {
        direction: Direction::In,
        action: Verdict::Accept,
        protocol: Some(Protocol::Tcp),
        ports: Some(ports.parse().unwrap()),
        source: Some("198.51.100.0/24".parse().unwrap()),
        destination: None,
        enabled: true,
        comment: format!("door {ports}"),
    }
}

fn firewall(rules: Vec<Door>) -> Firewall {
    Firewall { enabled: true, inbound: Verdict::Drop, outbound: Verdict::Reject, rules, antispoofing: true }
}

impl House {
    async fn guard(&self, of: &Operation, firewall: Firewall) -> Operation {
        let update = InstanceUpdate { firewall: Some(firewall), ..InstanceUpdate::default() };
        let asked = self.engine.update_instance(&self.owner, of.instance_id, update, None).await.unwrap();
        self.settled(asked.id).await
    }

    /// The ports of the rules in their order, once everything else about them was found right.
    fn doors(&self, instance: &Instance) -> Vec<String> {
        self.sim.cluster("lodge").with(|world| {
            let rules = world.guest(instance.vmid).unwrap().firewall_rules();
            rules
                .into_iter()
                .map(|rule| {
                    assert_eq!((rule["type"].as_str(), rule["action"].as_str()), ("in", "ACCEPT"));
                    assert_eq!((rule["proto"].as_str(), rule["source"].as_str()), ("tcp", "198.51.100.0/24"));
                    assert_eq!(rule["enable"], "1");
                    rule["dport"].clone()
                })
                .collect()
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_of_a_firewall_is_what_proxmox_has() {
    let house = House::open().await;
    let front = house.network("Front", Some(40), false).await;
    house.pool(front, "192.0.2.0/24", "192.0.2.10", "192.0.2.99", "192.0.2.1").await;
    for (name, template) in [("web", house.container), ("box", house.machine)] {
        let fittings = Fittings {
            networks: vec![card(front)],
            firewall: Some(firewall(vec![door("22"), door("80")])),
            ..Fittings::default()
        };
        let new = NewInstance {
            project_id: None,
            name: name.parse().unwrap(),
            template_id: template,
            size: WantedSize::Default,
            ssh_keys: Vec::new(),
            fittings,
        };
        let asked = house.engine.create_instance(&house.owner, new, None).await.unwrap();
        let made = house.settled(asked.id).await;
        assert_eq!(made.state, State::Succeeded, "{made:#?}");
        let acts: Vec<Act> = made.steps.iter().map(|step| step.act).collect();
        let guard = acts.iter().position(|act| *act == Act::Guard).unwrap();
        assert!(guard < acts.iter().position(|act| *act == Act::Start).unwrap(), "before it runs: {acts:?}");
        let instance = house.read(&made).await;
        assert_eq!(house.doors(&instance), ["22", "80"]);
        assert_eq!(parts(&house.config(&instance)["net0"])["firewall"], "1");
        let options = || {
            house.sim.cluster("lodge").with(|world| {
                let guest = world.guest(instance.vmid).unwrap();
                (guest.firewall_options(), guest.firewall_addresses("ipfilter-net0"))
            })
        };
        let (set, own) = options();
        for (key, value) in [
            ("enable", "1"),
            ("policy_in", "DROP"),
            ("policy_out", "REJECT"),
            ("macfilter", "1"),
            ("ipfilter", "1"),
        ] {
            assert_eq!(set[key], value, "{key}");
        }
        let address = instance.address.clone().unwrap();
        let expected = if instance.kind == Kind::Qemu { vec![address] } else { Vec::new() };
        assert_eq!(own, expected, "Proxmox reads a container's own addresses from its configuration");

        let changed = house.guard(&made, firewall(vec![door("443"), door("80"), door("8000-8100")])).await;
        assert_eq!(changed.steps.iter().map(|step| step.act).collect::<Vec<_>>(), [Act::Guard]);
        assert_eq!(house.doors(&instance), ["443", "80", "8000:8100"]);
        // With an address that nobody knows beforehand, only hardware addresses are checked.
        let dhcp = NicWanted { ipv4: Some(AddressWanted::Dhcp), ..card(front) };
        house.rewire(&made, NicChange::Change(0, dhcp)).await;
        assert_eq!((options().0["ipfilter"].as_str(), options().0["macfilter"].as_str()), ("0", "1"));
        let off = Firewall { enabled: false, antispoofing: false, ..firewall(Vec::new()) };
        house.guard(&made, off).await;
        assert_eq!((house.doors(&instance), options().0["enable"].as_str()), (Vec::new(), "0"));
        // Asked for again, there is nothing to do.
        let off = Firewall { enabled: false, antispoofing: false, ..firewall(Vec::new()) };
        assert_eq!(house.guard(&made, off).await.steps.len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_in_the_middle_of_a_firewall_make_no_rule_twice() {
    let house = House::open().await;
    let made = house.make("web", house.container, Vec::new()).await;
    let instance = house.read(&made).await;
    let cluster = house.sim.cluster("lodge");
    let asked = || firewall(vec![door("22"), door("80"), door("443")]);
    for (effect, skip) in [(Effect::DropAfter, 1), (Effect::DropBefore, 2), (Effect::DropAfter, 0)] {
        house.guard(&made, firewall(vec![door("9")])).await;
        let rule = Rule::on_call("POST", "/firewall/rules$", effect).skip(skip);
        cluster.faults().add(rule).unwrap();
        let done = house.guard(&made, asked()).await;
        assert_eq!(done.state, State::Succeeded, "{done:#?}");
        assert_eq!(house.doors(&instance), ["22", "80", "443"]);
        assert!(done.steps.len() > 1, "the first try was broken off: {done:#?}");
        cluster.faults().clear();
    }
    let rule = Rule::on_call("DELETE", "/firewall/rules/", Effect::DropAfter).count(Count::Times(2));
    cluster.faults().add(rule).unwrap();
    assert_eq!(house.guard(&made, firewall(Vec::new())).await.state, State::Succeeded);
    assert_eq!(house.doors(&instance), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_firewall_nobody_asks_proxmox_about_one() {
    let house = House::open().await;
    let asks = Rule::on_call("GET", "/firewall/", Effect::Latency(0)).count(Count::Always);
    let asks = house.sim.cluster("lodge").faults().add(asks).unwrap();
    let struck =
        || house.sim.cluster("lodge").faults().list().iter().find(|rule| rule.id == asks).unwrap().struck;
    let made = house.make("web", house.container, Vec::new()).await;
    house.change(&made, Verb::Reboot).await;
    assert_eq!(struck(), 0);
    house.guard(&made, firewall(vec![door("22")])).await;
    let before = struck();
    assert!(before > 0);
    house.change(&made, Verb::Reboot).await;
    assert_eq!(struck(), before, "an ordinary look costs no more than it did");
}
