//! Guarding: a guest's firewall in Proxmox is made what is asked. Every call is decided by what is read, so that one
//! whose answer was lost, or that was made before a crash, is not made again.

use std::net::IpAddr;

use innkeeper_domain::firewall::{self, Direction, Firewall, Rule, Verdict};
use innkeeper_domain::instances::{Instance, Kind};
use pve::{FirewallOptions, FirewallRule, GuestRef, IpSetName, Network};

use crate::connections::{CallError, Connection};

/// More calls than any change of a hundred rules takes; somebody else must be writing, too.
const MOST_CALLS: usize = 600;

/// Whether the firewall is as asked; where none is asked for, Proxmox is not asked either.
pub(super) async fn guarded(
    connection: &Connection,
    instance: &Instance,
    at: &GuestRef,
) -> Result<bool, CallError> {
    let Some(asked) = &instance.settings.firewall else { return Ok(true) };
    let guest = at.clone();
    let now = connection.call(|client| async move { client.guest(&guest).firewall_options().await }).await?;
    if options_lacking(instance, asked, &now).is_some() {
        return Ok(false);
    }
    if !same_rules(&asked.rules, &rules(connection, at).await?) {
        return Ok(false);
    }
    for (name, wanted) in own_addresses(instance, asked) {
        if addresses(connection, at, &name).await? != Some(wanted) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes the firewall what is asked. While it changes, the instance is never more open than it was before or will be
/// afterwards: new rules come before old ones, which go last; it is switched on last, and off first.
pub(super) async fn guard(
    connection: &Connection,
    instance: &Instance,
    at: &GuestRef,
) -> Result<(), CallError> {
    let Some(asked) = &instance.settings.firewall else { return Ok(()) };
    if !asked.enabled {
        set_options(connection, instance, asked, at).await?;
    }
    for (name, wanted) in own_addresses(instance, asked) {
        set_addresses(connection, at, &name, &wanted).await?;
    }
    set_rules(connection, asked, at).await?;
    if asked.enabled {
        set_options(connection, instance, asked, at).await?;
    }
    Ok(())
}

fn word(verdict: Verdict) -> String {
    verdict.as_str().to_uppercase()
}

/// Addresses can be checked only where all of them are known; hardware addresses always are.
fn checks_addresses(instance: &Instance, asked: &Firewall) -> bool {
    let mut nics = instance.settings.nics.iter().flatten();
    let known = instance.settings.nics.is_some()
        && nics.all(|nic| nic.plug.as_ref().is_some_and(innkeeper_domain::networks::Plug::is_fixed));
    asked.antispoofing && known
}

fn options_lacking(instance: &Instance, asked: &Firewall, now: &FirewallOptions) -> Option<FirewallOptions> {
    let wanted = FirewallOptions {
        enable: Some(asked.enabled),
        policy_in: Some(word(asked.inbound)),
        policy_out: Some(word(asked.outbound)),
        macfilter: Some(asked.antispoofing),
        ipfilter: Some(checks_addresses(instance, asked)),
        ..FirewallOptions::default()
    };
    let same = wanted.enable == now.enable
        && wanted.policy_in == now.policy_in
        && wanted.policy_out == now.policy_out
        && wanted.macfilter == now.macfilter
        && wanted.ipfilter == now.ipfilter;
    (!same).then(|| FirewallOptions { digest: now.digest.clone(), ..wanted })
}

async fn set_options(
    connection: &Connection,
    instance: &Instance,
    asked: &Firewall,
    at: &GuestRef,
) -> Result<(), CallError> {
    let guest = at.clone();
    let now = connection.call(|client| async move { client.guest(&guest).firewall_options().await }).await?;
    let Some(change) = options_lacking(instance, asked, &now) else { return Ok(()) };
    let guest = at.clone();
    connection.call(|client| async move { client.guest(&guest).set_firewall_options(&change).await }).await
}

async fn rules(connection: &Connection, at: &GuestRef) -> Result<Vec<FirewallRule>, CallError> {
    let guest = at.clone();
    let mut rules =
        connection.call(|client| async move { client.guest(&guest).firewall_rules().await }).await?;
    rules.sort_by_key(|rule| rule.pos);
    Ok(rules)
}

/// New rules are put before the others, the last of them first; when all stand there, what is behind them goes.
async fn set_rules(connection: &Connection, asked: &Firewall, at: &GuestRef) -> Result<(), CallError> {
    for _ in 0..MOST_CALLS {
        let now = rules(connection, at).await?;
        let guest = at.clone();
        match next(&asked.rules, &now) {
            Next::Nothing => return Ok(()),
            Next::Add(rule) => {
                let rule = written(rule);
                connection
                    .call(|client| async move { client.guest(&guest).add_firewall_rule(&rule).await })
                    .await?;
            }
            Next::DropLast => {
                let (last, digest) =
                    now.last().map_or((0, None), |rule| (rule.pos.unwrap_or(0), rule.digest.clone()));
                connection
                    .call(|client| async move {
                        client.guest(&guest).delete_firewall_rule(last, digest.as_deref()).await
                    })
                    .await?;
            }
        }
    }
    Err(CallError::Pve(pve::Error::Locked {
        lock: "firewall".into(),
        message: "somebody else is changing the rules of its firewall".into(),
    }))
}

enum Next<'a> {
    Nothing,
    Add(&'a Rule),
    DropLast,
}

fn next<'a>(asked: &'a [Rule], now: &[FirewallRule]) -> Next<'a> {
    if now.len() >= asked.len() && same_rules(asked, &now[..asked.len()]) {
        return if now.len() == asked.len() { Next::Nothing } else { Next::DropLast };
    }
    // The most of the end of what is asked that stands at the beginning already.
    let there = (0..asked.len())
        .rev()
        .find(|n| now.len() >= *n && same_rules(&asked[asked.len() - n..], &now[..*n]))
        .unwrap_or(0);
    match asked.get(asked.len() - there - 1) {
        Some(rule) => Next::Add(rule),
        None => Next::Nothing,
    }
}

fn same_rules(asked: &[Rule], now: &[FirewallRule]) -> bool {
    asked.len() == now.len() && asked.iter().zip(now).all(|(asked, now)| same(asked, now))
}

/// A rule as Proxmox takes it. Nothing in it is text of a person's but the comment, which stands in a parameter of its
/// own and has no line breaks.
fn written(rule: &Rule) -> FirewallRule {
    FirewallRule {
        direction: match rule.direction {
            Direction::In => "in".into(),
            Direction::Out => "out".into(),
        },
        action: word(rule.action),
        enable: rule.enabled,
        proto: rule.protocol.map(|protocol| protocol.in_proxmox().to_owned()),
        source: rule.source.map(firewall::end_in_proxmox),
        dest: rule.destination.map(firewall::end_in_proxmox),
        dport: rule.ports.as_ref().map(firewall::Ports::in_proxmox),
        comment: (!rule.comment.is_empty()).then(|| rule.comment.clone()),
        ..FirewallRule::default()
    }
}

/// Whether a rule means what is asked; one with more to it than we ever write is somebody else's.
fn same(asked: &Rule, now: &FirewallRule) -> bool {
    let range = |text: &Option<String>| text.as_deref().map(firewall::end);
    let ports = |text: &Option<String>| text.as_deref().map(str::parse::<firewall::Ports>);
    let wanted = written(asked);
    let comment = now.comment.as_deref().map(str::trim_end).filter(|text| !text.is_empty());
    now.direction == wanted.direction
        && now.action.eq_ignore_ascii_case(&wanted.action)
        && now.enable == asked.enabled
        && now.proto == wanted.proto
        && range(&now.source) == asked.source.map(Some)
        && range(&now.dest) == asked.destination.map(Some)
        && ports(&now.dport) == asked.ports.clone().map(Ok)
        && comment == wanted.comment.as_deref().map(str::trim_end).filter(|text| !text.is_empty())
        && now.service.is_none()
        && now.sport.is_none()
        && now.iface.is_none()
}

/// The sets by which Proxmox knows a machine's own addresses; those of a container it reads from its configuration.
fn own_addresses(instance: &Instance, asked: &Firewall) -> Vec<(IpSetName, Vec<IpAddr>)> {
    if instance.kind == Kind::Lxc || !checks_addresses(instance, asked) {
        return Vec::new();
    }
    let set = |(number, plug): (u8, &innkeeper_domain::networks::Plug)| {
        let mut addresses: Vec<IpAddr> = plug.fixed().map(|fixed| fixed.address).collect();
        addresses.sort_unstable();
        IpSetName::new(format!("ipfilter-net{number}")).ok().map(|name| (name, addresses))
    };
    instance.settings.plugs().filter_map(set).collect()
}

/// The members of a set in order; none when there is no such set.
async fn addresses(
    connection: &Connection,
    at: &GuestRef,
    name: &IpSetName,
) -> Result<Option<Vec<IpAddr>>, CallError> {
    let guest = at.clone();
    let sets = connection.call(|client| async move { client.guest(&guest).ipsets().await }).await?;
    if !sets.contains(name) {
        return Ok(None);
    }
    let (guest, set) = (at.clone(), name.clone());
    let entries = connection.call(|client| async move { client.guest(&guest).ipset(&set).await }).await?;
    let single = |text: &str| text.split('/').next().and_then(|text| text.parse::<IpAddr>().ok());
    let mut found: Vec<IpAddr> = entries.iter().filter_map(|entry| single(&entry.cidr)).collect();
    found.sort_unstable();
    Ok(Some(found))
}

async fn set_addresses(
    connection: &Connection,
    at: &GuestRef,
    name: &IpSetName,
    wanted: &[IpAddr],
) -> Result<(), CallError> {
    let now = addresses(connection, at, name).await?;
    if now.is_none() {
        let (guest, set) = (at.clone(), name.clone());
        connection.call(|client| async move { client.guest(&guest).create_ipset(&set, None).await }).await?;
    }
    let now = now.unwrap_or_default();
    for address in wanted.iter().filter(|address| !now.contains(address)) {
        let (guest, set, network) = (at.clone(), name.clone(), member(*address)?);
        connection
            .call(|client| async move { client.guest(&guest).add_to_ipset(&set, network).await })
            .await?;
    }
    for address in now.iter().filter(|address| !wanted.contains(address)) {
        let (guest, set, network) = (at.clone(), name.clone(), member(*address)?);
        connection
            .call(|client| async move { client.guest(&guest).remove_from_ipset(&set, network).await })
            .await?;
    }
    Ok(())
}

fn member(address: IpAddr) -> Result<Network, pve::Error> {
    address.to_string().parse().map_err(pve::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(port: u16) -> Rule {
        Rule {
            direction: Direction::In,
            action: Verdict::Accept,
            protocol: Some(firewall::Protocol::Tcp),
            ports: Some(port.to_string().parse().unwrap()),
            source: Some("192.0.2.7".parse().unwrap()),
            destination: None,
            enabled: true,
            comment: "a door".into(),
        }
    }

    #[test]
    fn what_proxmox_says_of_a_rule_is_what_was_asked() {
        let mut now = written(&Rule { ports: Some("80,8000-8100".parse().unwrap()), ..rule(1) });
        assert_eq!((now.dport.as_deref(), now.source.as_deref()), (Some("80,8000:8100"), Some("192.0.2.7")));
        let asked = Rule { ports: Some("80,8000:8100".parse().unwrap()), ..rule(1) };
        assert!(same(&asked, &now));
        now.source = Some("192.0.2.7/32".into());
        assert!(same(&asked, &now));
        now.service = Some("SSH".into());
        assert!(!same(&asked, &now));
    }

    /// Whatever is there, whatever is asked, and wherever it is broken off: it ends as asked.
    #[test]
    fn rules_always_become_those_that_are_asked() {
        let lists: Vec<Vec<u16>> = (0..5_u32)
            .flat_map(|length| {
                (0..2_u32.pow(length))
                    .map(move |bits| (0..length).map(|n| 1 + (bits >> n & 1) as u16).collect())
            })
            .collect();
        for asked in &lists {
            for before in &lists {
                let asked: Vec<Rule> = asked.iter().map(|port| rule(*port)).collect();
                let mut now: Vec<FirewallRule> = before.iter().map(|port| written(&rule(*port))).collect();
                for calls in 0.. {
                    match next(&asked, &now) {
                        Next::Nothing => break,
                        Next::Add(rule) => now.insert(0, written(rule)),
                        Next::DropLast => drop(now.pop()),
                    }
                    assert!(calls <= 12, "{asked:?}");
                }
                assert!(same_rules(&asked, &now));
            }
        }
    }
}
