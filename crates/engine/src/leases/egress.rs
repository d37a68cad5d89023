//! What the instances of strangers may reach: rules for Proxmox's own firewall.

use innkeeper_domain::firewall::{Direction, Firewall, Protocol, Rule, Verdict};

/// What the instances of strangers may reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Egress {
    /// Everything.
    Open,
    /// Everything but mail servers and private networks.
    #[default]
    Internet,
    /// Nothing but name servers.
    Closed,
}

/// Networks that are nobody's on the Internet (RFC 1918, 6598, 3927, 4193, 4291): what is there is the house's own.
const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

fn rule(action: Verdict, comment: &str) -> Rule {
    Rule {
        direction: Direction::Out,
        action,
        protocol: None,
        ports: None,
        source: None,
        destination: None,
        enabled: true,
        comment: comment.to_owned(),
    }
}

impl Egress {
    /// The firewall of an instance that may reach so much. Everything may reach it: what listens there is its holder's.
    pub fn firewall(self) -> Firewall {
        let names = [Protocol::Udp, Protocol::Tcp].map(|protocol| Rule {
            protocol: Some(protocol),
            ports: "53".parse().ok(),
            ..rule(Verdict::Accept, "name servers")
        });
        let mail = Rule {
            protocol: Some(Protocol::Tcp),
            ports: "25,465,587".parse().ok(),
            ..rule(Verdict::Reject, "no mail")
        };
        let private = PRIVATE.iter().map(|range| Rule {
            destination: range.parse().ok(),
            ..rule(Verdict::Drop, "no private networks")
        });
        let (outbound, rules) = match self {
            Self::Open => (Verdict::Accept, Vec::new()),
            Self::Internet => (Verdict::Accept, names.into_iter().chain([mail]).chain(private).collect()),
            Self::Closed => (Verdict::Drop, names.to_vec()),
        };
        Firewall { enabled: true, inbound: Verdict::Accept, outbound, rules, antispoofing: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_one_that_proxmox_takes_and_names_what_it_is_about() {
        for egress in [Egress::Open, Egress::Internet, Egress::Closed] {
            egress.firewall().check().unwrap();
        }
        let rules = Egress::Internet.firewall().rules;
        assert!(rules.iter().all(|rule| rule.destination.is_some() || rule.ports.is_some()), "{rules:?}");
        assert_eq!(rules.len(), 3 + PRIVATE.len());
    }
}
