//! Firewall rules and options of guests, nodes and the cluster.

use std::collections::BTreeMap;

/// The firewall of one guest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Firewall {
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) rules: Vec<BTreeMap<String, String>>,
    pub(crate) ipsets: BTreeMap<String, IpSet>,
}

/// A set of addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct IpSet {
    pub(crate) comment: Option<String>,
    pub(crate) members: BTreeMap<String, BTreeMap<String, String>>,
}
