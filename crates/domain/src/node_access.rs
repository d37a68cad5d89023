//! The way into containers through their nodes: an account on each, whose key runs one program only. The operator sets
//! it up per cluster; see `docs/commands.md`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::clusters::VmidRange;
use crate::ids::ClusterId;
use crate::time::Timestamp;

/// How we may get at the nodes of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAccess {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The account on each node.
    pub user: String,
    /// The public part of our key.
    pub public_key: String,
    /// Where each node answers, by its name.
    pub doors: BTreeMap<String, Door>,
    /// When this was set.
    pub changed_at: Timestamp,
}

/// Where a node answers by SSH.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// Address and port.
    pub address: SocketAddr,
    /// The key that it must show, `ssh-ed25519 AAAA…`.
    pub host_key: String,
}

/// Where the program that the key runs is to be put on each node.
pub const PROGRAM: &str = "/usr/local/sbin/innkeeper-pct-exec";

/// The longest text that the program is given, in bytes; sshd hands it over as one variable, which cannot be much longer.
pub const LONGEST: usize = 120_000;

impl NodeAccess {
    /// The line for `authorized_keys` on each node.
    pub fn authorized_line(&self, vmids: VmidRange) -> String {
        let VmidRange { first, last } = vmids;
        format!("restrict,command=\"{PROGRAM} {first} {last}\" {}", self.public_key)
    }
}

/// What is asked of the program: to run these words in this container, for this long at most.
pub fn request(vmid: u32, seconds: u32, words: &[String]) -> Result<String, &'static str> {
    let words: Vec<String> = words.iter().map(|word| format!("={}", STANDARD.encode(word))).collect();
    let text = format!("pct-exec {vmid} {seconds} {}", words.join(" "));
    if text.len() > LONGEST { Err("the command is too long to go through the node") } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_so_that_none_is_empty_or_looks_like_an_option() {
        let words = ["sh", "", "-c"].map(str::to_owned);
        assert_eq!(request(100, 60, &words), Ok("pct-exec 100 60 =c2g= = =LWM=".to_owned()));
        assert!(request(100, 60, &["x".repeat(LONGEST)]).is_err());
    }
}
