//! The cluster as a whole: version, free guest numbers, members and quorum.

use serde::Deserialize;

use crate::call::Call;
use crate::client::Client;
use crate::error::Error;
use crate::ids::Vmid;
use crate::lenient;
use crate::operations as ops;

/// The version of the server that answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Version {
    /// For example `9.2.11`.
    #[serde(deserialize_with = "lenient::required")]
    pub version: String,
    /// For example `9.2`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub release: String,
    /// The build.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub repoid: String,
}

impl Version {
    /// Major and minor number, `(9, 2)`; zeros where unreadable. Better than asking for a version is trying.
    pub fn numbers(&self) -> (u32, u32) {
        let text = self.version.replace('-', ".");
        let mut parts = text.split('.').map(|p| p.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }
}

/// Members and quorum; see [`Client::cluster_status`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterStatus {
    /// The cluster's name; none for a server on its own.
    pub name: Option<String>,
    /// Whether changes are possible. A server on its own always may.
    pub quorate: bool,
    /// The members.
    pub nodes: Vec<ClusterMember>,
}

/// One member of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClusterMember {
    /// The node's name.
    #[serde(deserialize_with = "lenient::required")]
    pub name: String,
    /// Its address in the cluster network.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub ip: Option<String>,
    /// Whether it takes part.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub online: bool,
    /// Whether it is the one that answered.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub local: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum StatusRow {
    Cluster {
        #[serde(default, deserialize_with = "lenient::optional")]
        name: Option<String>,
        #[serde(default, deserialize_with = "lenient::or_default")]
        quorate: bool,
    },
    Node(ClusterMember),
    #[serde(other)]
    Other,
}

impl Client {
    /// The version. Needs valid credentials, and no privilege: the call to test both with.
    pub async fn version(&self) -> Result<Version, Error> {
        self.send(Call::new(&ops::VERSION)).await
    }

    /// The smallest free guest number at this moment. Nothing is reserved: only creating claims a number.
    pub async fn next_id(&self) -> Result<Vmid, Error> {
        self.send(Call::new(&ops::NEXT_ID)).await
    }

    /// Whether a guest number is free in the cluster, also among guests the caller may not see.
    pub async fn is_free(&self, vmid: Vmid) -> Result<bool, Error> {
        match self.send_unit(Call::new(&ops::NEXT_ID).param("vmid", vmid)).await {
            Ok(()) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Members and quorum. Needs `Sys.Audit` on `/`.
    pub async fn cluster_status(&self) -> Result<ClusterStatus, Error> {
        let rows: Vec<StatusRow> = self.send(Call::new(&ops::CLUSTER_STATUS)).await?;
        let mut status = ClusterStatus { quorate: true, ..ClusterStatus::default() };
        for row in rows {
            match row {
                StatusRow::Cluster { name, quorate } => (status.name, status.quorate) = (name, quorate),
                StatusRow::Node(member) => status.nodes.push(member),
                StatusRow::Other => {}
            }
        }
        Ok(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_ages_have_numbers() {
        for (text, numbers) in [("9.2.11", (9, 2)), ("7.4-16", (7, 4)), ("8.4.5", (8, 4)), ("x", (0, 0))] {
            let version = Version { version: text.to_owned(), release: String::new(), repoid: String::new() };
            assert_eq!(version.numbers(), numbers);
        }
    }
}
