//! Firewalls of instances: what is let through, as people say it, checked before anything of it reaches Proxmox.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::addresses::AddressRange;
use crate::names::BadName;

/// The most rules that an instance has.
pub const MOST_RULES: usize = 100;

words! {
    /// What becomes of what a rule is about.
    pub enum Verdict as "FirewallVerdict" {
        /// It is let through.
        Accept = "accept",
        /// It is dropped without a word.
        Drop = "drop",
        /// It is refused, and the sender is told.
        Reject = "reject",
    }
}

words! {
    /// Which way something goes.
    pub enum Direction as "FirewallDirection" {
        /// To the instance.
        In = "in",
        /// From the instance.
        Out = "out",
    }
}

words! {
    /// What a rule is about.
    pub enum Protocol as "FirewallProtocol" {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
        /// ICMP, of IPv4.
        Icmp = "icmp",
        /// ICMP of IPv6.
        Icmpv6 = "icmpv6",
        /// SCTP.
        Sctp = "sctp",
        /// GRE.
        Gre = "gre",
        /// ESP.
        Esp = "esp",
    }
}

impl Protocol {
    /// Whether it has ports.
    pub fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp | Self::Sctp)
    }

    /// The name that Proxmox takes from `/etc/protocols`.
    pub fn in_proxmox(self) -> &'static str {
        match self {
            Self::Icmpv6 => "ipv6-icmp",
            other => other.as_str(),
        }
    }
}

/// Ports, each alone or a range: `80`, `80,443`, `8000-8100,9000`; at most 15.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ports(Vec<(u16, u16)>);

const BAD_PORTS: BadName =
    BadName("use 1 to 15 ports or ranges from 1 to 65535, for example `22,80,8000-8100`");

impl FromStr for Ports {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let port = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<u16>().ok().filter(|port| plain && *port > 0).ok_or(BAD_PORTS)
        };
        let mut ranges = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (first, last) = part.split_once(['-', ':']).unwrap_or((part, part));
            let (first, last) = (port(first.trim())?, port(last.trim())?);
            if first > last {
                return Err(BAD_PORTS);
            }
            ranges.push((first, last));
        }
        // A range counts for two where Proxmox hands them on.
        let count: usize = ranges.iter().map(|(first, last)| if first == last { 1 } else { 2 }).sum();
        if count > 15 {
            return Err(BAD_PORTS);
        }
        Ok(Self(ranges))
    }
}

impl TryFrom<String> for Ports {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<Ports> for String {
    fn from(ports: Ports) -> Self {
        ports.to_string()
    }
}

impl Ports {
    fn written(&self, to: &str) -> String {
        let part = |(first, last): &(u16, u16)| {
            if first == last { first.to_string() } else { format!("{first}{to}{last}") }
        };
        self.0.iter().map(part).collect::<Vec<_>>().join(",")
    }

    /// As Proxmox writes them: a colon between the ends of a range.
    pub fn in_proxmox(&self) -> String {
        self.written(":")
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written("-"))
    }
}

/// One rule; of several, the first that fits counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Which way.
    pub direction: Direction,
    /// What becomes of it.
    pub action: Verdict,
    /// What it is about; none means everything.
    pub protocol: Option<Protocol>,
    /// To which ports.
    pub ports: Option<Ports>,
    /// From where; none means from anywhere.
    pub source: Option<AddressRange>,
    /// To where; none means to anywhere.
    pub destination: Option<AddressRange>,
    /// Whether it counts.
    pub enabled: bool,
    /// A remark, on one line.
    pub comment: String,
}

/// The firewall of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewall {
    /// Whether it is on.
    pub enabled: bool,
    /// What becomes of what comes in and no rule fits.
    pub inbound: Verdict,
    /// What becomes of what goes out and no rule fits.
    pub outbound: Verdict,
    /// The rules, in their order.
    pub rules: Vec<Rule>,
    /// Whether the instance may use no addresses but its own.
    pub antispoofing: bool,
}

/// Why a firewall cannot be as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadFirewall(pub String);

impl Firewall {
    /// Whether everything in it goes together.
    pub fn check(&self) -> Result<(), BadFirewall> {
        if self.rules.len() > MOST_RULES {
            return Err(BadFirewall(format!("give at most {MOST_RULES} rules")));
        }
        for (n, rule) in self.rules.iter().enumerate() {
            rule.check().map_err(|why| BadFirewall(format!("rule {}: {why}", n + 1)))?;
        }
        Ok(())
    }
}

impl Rule {
    fn check(&self) -> Result<(), &'static str> {
        if self.ports.is_some() && !self.protocol.is_some_and(Protocol::has_ports) {
            return Err("ports go with the protocols tcp, udp and sctp only; name one of them");
        }
        let ends = [self.source, self.destination];
        let families: BTreeSet<bool> = ends.iter().flatten().map(|end| end.base().is_ipv4()).collect();
        if families.len() > 1 {
            return Err("source and destination must both be IPv4 or both IPv6");
        }
        match self.protocol {
            Some(Protocol::Icmp) if families.contains(&false) => {
                return Err("icmp is of IPv4; use icmpv6 with IPv6 addresses");
            }
            Some(Protocol::Icmpv6) if families.contains(&true) => {
                return Err("icmpv6 is of IPv6; use icmp with IPv4 addresses");
            }
            _ => {}
        }
        if self.comment.chars().count() > 100 || self.comment.chars().any(char::is_control) {
            return Err("a comment has at most 100 characters on one line");
        }
        Ok(())
    }
}

/// An end of a rule in one spelling: Proxmox writes a single address without its length.
pub fn end(text: &str) -> Option<AddressRange> {
    text.parse().ok()
}

/// An end as Proxmox takes it.
pub fn end_in_proxmox(range: AddressRange) -> String {
    let single = if range.base().is_ipv4() { 32 } else { 128 };
    if range.length() == single { range.base().to_string() } else { range.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        Rule {
            direction: Direction::In,
            action: Verdict::Accept,
            protocol: Some(Protocol::Tcp),
            ports: Some("22".parse().unwrap()),
            source: None,
            destination: None,
            enabled: true,
            comment: String::new(),
        }
    }

    #[test]
    fn ports_are_read_strictly_and_written_for_both() {
        let ports: Ports = "22, 80,8000-8100,9000:9001".parse().unwrap();
        assert_eq!(ports.to_string(), "22,80,8000-8100,9000-9001");
        assert_eq!(ports.in_proxmox(), "22,80,8000:8100,9000:9001");
        let many = vec!["1"; 16].join(",");
        for bad in ["", "0", "65536", "-1", "+1", "22,", "9-8", "ssh", "1-2-3", "22 23", "22;reboot", &many] {
            assert!(bad.parse::<Ports>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_the_rule() {
        let four: Option<AddressRange> = Some("192.0.2.0/24".parse().unwrap());
        let six: Option<AddressRange> = Some("2001:db8::/32".parse().unwrap());
        assert_eq!(rule().check(), Ok(()));
        assert_eq!(Rule { source: four, destination: four, ..rule() }.check(), Ok(()));
        let no_ports = || Rule { ports: None, ..rule() };
        for bad in [
            Rule { protocol: None, ..rule() },
            Rule { protocol: Some(Protocol::Icmp), ..rule() },
            Rule { source: four, destination: six, ..rule() },
            Rule { protocol: Some(Protocol::Icmp), source: six, ..no_ports() },
            Rule { protocol: Some(Protocol::Icmpv6), destination: four, ..no_ports() },
            Rule { comment: "x\ny".into(), ..rule() },
            Rule { comment: "x".repeat(101), ..rule() },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        let firewall = |rules| Firewall {
            enabled: true,
            inbound: Verdict::Drop,
            outbound: Verdict::Accept,
            rules,
            antispoofing: false,
        };
        let why = firewall(vec![rule(), Rule { protocol: None, ..rule() }]).check().unwrap_err();
        assert!(why.to_string().starts_with("rule 2: "), "{why}");
        assert!(firewall(vec![rule(); 101]).check().is_err());
        assert_eq!(end("192.0.2.7"), end("192.0.2.7/32"));
        assert_eq!(end_in_proxmox("192.0.2.7/32".parse().unwrap()), "192.0.2.7");
    }
}
