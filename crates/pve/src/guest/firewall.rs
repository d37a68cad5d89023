//! A guest's firewall: options, rules in their order, sets of addresses.

use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;

use super::Guest;
use crate::call::Params;
use crate::error::Error;
use crate::ids::{InvalidName, IpSetName, Segment};
use crate::lenient;
use crate::operations as ops;

/// Options of a guest's firewall. What is none is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct FirewallOptions {
    /// Whether it is on. The cluster's firewall must be on too.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub enable: Option<bool>,
    /// Whether DHCP is let through.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub dhcp: Option<bool>,
    /// Whether only the guest's own addresses may leave it.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub ipfilter: Option<bool>,
    /// Whether only its own hardware address may leave it.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub macfilter: Option<bool>,
    /// Whether neighbour discovery is let through.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub ndp: Option<bool>,
    /// Whether the guest may announce itself as a router.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub radv: Option<bool>,
    /// `ACCEPT`, `REJECT` or `DROP` for what comes in.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub policy_in: Option<String>,
    /// The same for what goes out.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub policy_out: Option<String>,
    /// Names this state; given back, a change is refused if another came first.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub digest: Option<String>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct FirewallRule {
    /// Its place, from 0; the first that fits counts. Ignored when adding: the new rule comes first.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub pos: Option<u32>,
    /// `in`, `out` or `group`.
    #[serde(rename = "type", deserialize_with = "lenient::or_default")]
    pub direction: String,
    /// `ACCEPT`, `DROP`, `REJECT`, or a security group.
    #[serde(deserialize_with = "lenient::or_default")]
    pub action: String,
    /// Whether it counts.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub enable: bool,
    /// A named service, for example `SSH`.
    #[serde(default, rename = "macro", deserialize_with = "lenient::optional")]
    pub service: Option<String>,
    /// Protocol, for example `tcp`.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub proto: Option<String>,
    /// From where.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub source: Option<String>,
    /// To where.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub dest: Option<String>,
    /// Ports it comes from.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub sport: Option<String>,
    /// Ports it goes to, for example `80,443` or `8000:8100`.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub dport: Option<String>,
    /// The guest's card, for example `net0`.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub iface: Option<String>,
    /// A remark.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub comment: Option<String>,
    /// Names the state of the list.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub digest: Option<String>,
}

impl FirewallRule {
    fn params(&self) -> Params {
        let mut params = Params::new();
        params.push("type", &self.direction);
        params.push("action", &self.action);
        params.push("enable", self.enable);
        for (name, value) in [
            ("macro", &self.service),
            ("proto", &self.proto),
            ("source", &self.source),
            ("dest", &self.dest),
            ("sport", &self.sport),
            ("dport", &self.dport),
            ("iface", &self.iface),
            ("comment", &self.comment),
        ] {
            params.push_some(name, value.as_ref());
        }
        params
    }
}

/// An address or a network, `10.0.0.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    ip: IpAddr,
    prefix: Option<u8>,
}

impl FromStr for Network {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let read = || {
            let (ip, prefix) = match text.split_once('/') {
                None => (text.parse().ok()?, None),
                Some((ip, prefix)) => (ip.parse().ok()?, Some(prefix.parse().ok()?)),
            };
            let bits = match ip {
                IpAddr::V4(_) => 32,
                IpAddr::V6(_) => 128,
            };
            prefix.is_none_or(|p: u8| p <= bits).then_some(Self { ip, prefix })
        };
        read().ok_or_else(|| InvalidName { what: "network", text: text.to_owned() })
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.prefix {
            None => self.ip.fmt(f),
            Some(prefix) => write!(f, "{}/{prefix}", self.ip),
        }
    }
}

impl Segment for Network {
    fn segment(&self) -> String {
        self.to_string()
    }
}

/// A member of a set of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IpSetEntry {
    /// Address, network, or the name of an alias.
    pub cidr: String,
    /// Whether it is an exception.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub nomatch: bool,
    /// A remark.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub comment: Option<String>,
}

impl Guest<'_> {
    /// Its firewall's options; what is none has the server's default.
    pub async fn firewall_options(&self) -> Result<FirewallOptions, Error> {
        self.client.send(self.call(&ops::FIREWALL_OPTIONS)).await
    }

    /// Changes its firewall's options; what is none stays.
    pub async fn set_firewall_options(&self, options: &FirewallOptions) -> Result<(), Error> {
        let call = self
            .call(&ops::FIREWALL_OPTIONS_SET)
            .param_some("enable", options.enable)
            .param_some("dhcp", options.dhcp)
            .param_some("ipfilter", options.ipfilter)
            .param_some("macfilter", options.macfilter)
            .param_some("ndp", options.ndp)
            .param_some("radv", options.radv)
            .param_some("policy_in", options.policy_in.as_ref())
            .param_some("policy_out", options.policy_out.as_ref())
            .param_some("digest", options.digest.as_ref());
        self.client.send_unit(call).await
    }

    /// Its rules in their order.
    pub async fn firewall_rules(&self) -> Result<Vec<FirewallRule>, Error> {
        self.client.send(self.call(&ops::FIREWALL_RULES)).await
    }

    /// Adds a rule before all others.
    pub async fn add_firewall_rule(&self, rule: &FirewallRule) -> Result<(), Error> {
        self.client.send_unit(self.call(&ops::FIREWALL_RULE_ADD).params(&rule.params())).await
    }

    /// Writes the rule at `pos` anew; `digest` guards against a list that moved meanwhile.
    pub async fn set_firewall_rule(
        &self,
        pos: u32,
        rule: &FirewallRule,
        digest: Option<&str>,
    ) -> Result<(), Error> {
        let call = self.call(&ops::FIREWALL_RULE_SET).at("pos", &pos).params(&rule.params());
        self.client.send_unit(call.param_some("digest", digest)).await
    }

    /// Removes the rule at `pos`; `digest` guards against a list that moved meanwhile.
    pub async fn delete_firewall_rule(&self, pos: u32, digest: Option<&str>) -> Result<(), Error> {
        let call = self.call(&ops::FIREWALL_RULE_DELETE).at("pos", &pos).param_some("digest", digest);
        self.client.send_unit(call).await
    }

    /// Names of its sets of addresses.
    pub async fn ipsets(&self) -> Result<Vec<IpSetName>, Error> {
        #[derive(Deserialize)]
        struct Wire {
            name: IpSetName,
        }
        let sets: Vec<Wire> = self.client.send(self.call(&ops::IPSETS)).await?;
        Ok(sets.into_iter().map(|set| set.name).collect())
    }

    /// Makes a set of addresses. The name `ipfilter-net0` limits what card 0 may send.
    pub async fn create_ipset(&self, name: &IpSetName, comment: Option<&str>) -> Result<(), Error> {
        self.client
            .send_unit(self.call(&ops::IPSET_CREATE).param("name", name).param_some("comment", comment))
            .await
    }

    /// Removes a set of addresses; a filled one needs `force` (7.4 and later).
    pub async fn delete_ipset(&self, name: &IpSetName, force: bool) -> Result<(), Error> {
        let call = self.call(&ops::IPSET_DELETE).at("name", name).param_some("force", force.then_some(true));
        self.client.send_unit(call).await
    }

    /// Members of a set.
    pub async fn ipset(&self, name: &IpSetName) -> Result<Vec<IpSetEntry>, Error> {
        self.client.send(self.call(&ops::IPSET_ENTRIES).at("name", name)).await
    }

    /// Adds a member to a set.
    pub async fn add_to_ipset(&self, name: &IpSetName, network: Network) -> Result<(), Error> {
        self.client
            .send_unit(self.call(&ops::IPSET_ADD).at("name", name).param("cidr", network.to_string()))
            .await
    }

    /// Removes a member of a set.
    pub async fn remove_from_ipset(&self, name: &IpSetName, network: Network) -> Result<(), Error> {
        self.client.send_unit(self.call(&ops::IPSET_REMOVE).at("name", name).at("cidr", &network)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_rule_is_read_and_written() {
        let text = r#"{"action":"ACCEPT","type":"in","dport":"22","enable":1,"digest":"82ff","proto":"tcp","pos":0}"#;
        let rule: FirewallRule = serde_json::from_str(text).unwrap();
        assert!(rule.enable && rule.pos == Some(0));
        let params: Vec<_> = rule.params().iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(params, ["type=in", "action=ACCEPT", "enable=1", "proto=tcp", "dport=22"]);
    }

    #[test]
    fn networks_are_checked() {
        for good in ["10.0.0.0/24", "10.0.0.1", "fd00::/64"] {
            assert_eq!(good.parse::<Network>().unwrap().to_string(), good);
        }
        for bad in ["", "..", "10.0.0.0/33", "10.0.0.0/x", "x/24", "fd00::/129"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
