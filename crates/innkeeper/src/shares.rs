//! `innkeeper share`: instances that other projects may see or use.

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use crate::client::{Remote, Server, cell, cells, find};
use crate::out::say;

/// Share instances with other projects.
#[derive(Debug, Subcommand)]
pub(crate) enum Share {
    /// List with whom an instance is shared; without one, what others share with you.
    List {
        /// The instance, by name or id.
        instance: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Share an instance with a project.
    With {
        /// The instance, by name or id.
        instance: String,
        /// The id of the project.
        project: String,
        /// Let its people start and stop it and work in it, not only see it.
        #[arg(long)]
        r#use: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Share an instance with a project no longer.
    End {
        /// The instance, by name or id.
        instance: String,
        /// The id of the project.
        project: String,
        #[command(flatten)]
        remote: Remote,
    },
}

impl Share {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List { instance: Some(instance), remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, "instances", &instance).await?;
                let found = server.get(&format!("/api/v1/instances/{id}/shares")).await?;
                let items = found.as_array().cloned().unwrap_or_default();
                let columns = ["project_id", "right", "created_at"];
                remote.tell_list(items, &columns, |row| cells(row, &columns));
            }
            Self::List { instance: None, remote } => {
                let server = Server::find(&remote)?;
                let items = server.get("/api/v1/shares").await?.as_array().cloned().unwrap_or_default();
                remote.tell_list(items, &["right", "id", "name", "state"], |row| {
                    [vec![cell(&row["right"])], cells(&row["instance"], &["id", "name", "state"])].concat()
                });
            }
            Self::With { instance, project, r#use, remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, "instances", &instance).await?;
                let path = format!("/api/v1/instances/{id}/shares/{project}");
                let body = json!({ "right": if r#use { "use" } else { "see" } });
                let share = server.request(Method::PUT, &path, Some(&body)).await?;
                remote.tell(&share, || format!("{project} may {} {instance}", cell(&share["right"])));
            }
            Self::End { instance, project, remote } => {
                let server = Server::find(&remote)?;
                let id = find(&server, "instances", &instance).await?;
                let path = format!("/api/v1/instances/{id}/shares/{project}");
                server.request(Method::DELETE, &path, None).await?;
                say!("{instance} is not shared with {project} any more");
            }
        }
        Ok(())
    }
}
