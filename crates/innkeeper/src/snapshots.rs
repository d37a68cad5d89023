//! `innkeeper snapshot`: states of instances, kept and gone back to.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, cells, find};
use crate::instances::settle;

/// Keep states of instances, and go back to them.
#[derive(Debug, Subcommand)]
pub(crate) enum Snapshot {
    /// List those of an instance, as last seen.
    List {
        /// The instance, by name or id.
        instance: String,
        /// Read them from the cluster first.
        #[arg(long)]
        fresh: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Keep the present state.
    Make {
        /// The instance, by name or id.
        instance: String,
        /// Its name; one by the date when not said.
        #[arg(long)]
        name: Option<String>,
        /// What to remember of it.
        #[arg(long, default_value = "")]
        description: String,
        /// Keep what is in memory, too; for running virtual machines.
        #[arg(long)]
        memory: bool,
        #[command(flatten)]
        how: How,
    },
    /// Go back to one; what came after is lost.
    Rollback(Named),
    /// Remove one.
    Delete(Named),
}

/// Which snapshot.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The instance, by name or id.
    instance: String,
    /// The snapshot.
    name: String,
    #[command(flatten)]
    how: How,
}

/// Whether to wait, and where the server is.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// Return at once instead of following it.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Snapshot {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List { instance, fresh, remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, "instances", &instance).await?;
                let found = server.get(&format!("/api/v1/instances/{id}/snapshots?fresh={fresh}")).await?;
                let items = found["items"].as_array().cloned().unwrap_or_default();
                let columns = ["name", "made_at", "memory", "parent", "description"];
                remote.tell_list(items, &columns, |row| cells(row, &columns));
                Ok(())
            }
            Self::Make { instance, name, description, memory, how } => {
                let body = json!({ "name": name, "description": description, "memory": memory });
                how.ask(&instance, Method::POST, "", Some(&body)).await
            }
            Self::Rollback(one) => {
                one.how.ask(&one.instance, Method::POST, &format!("/{}/rollback", one.name), None).await
            }
            Self::Delete(one) => {
                one.how.ask(&one.instance, Method::DELETE, &format!("/{}", one.name), None).await
            }
        }
    }
}

impl How {
    async fn ask(
        self,
        instance: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<()> {
        let server = Server::find(&self.remote)?;
        let id = find(&server, "instances", instance).await?;
        let path = format!("/api/v1/instances/{id}/snapshots{path}");
        let operation = server.request(method, &path, body).await?;
        settle(&server, operation, self.no_wait, &self.remote).await
    }
}
