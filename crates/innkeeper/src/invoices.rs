//! `innkeeper invoice`: a month's account on paper, as a client of the server.

use clap::Subcommand;
use innkeeper_domain::invoices::Month;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Remote, Server, all, cell, cells};
use crate::credits::{Of, items, save};

/// Look after invoices.
#[derive(Debug, Subcommand)]
pub(crate) enum Invoice {
    /// List the invoices of a project, newest first.
    List {
        #[command(flatten)]
        of: Of,
    },
    /// List all invoices, newest first. For administrators.
    All {
        #[command(flatten)]
        remote: Remote,
    },
    /// Issue the invoice of a month that is over.
    Issue {
        /// The month, for example `2026-10`.
        month: Month,
        #[command(flatten)]
        of: Of,
    },
    /// Write an invoice as PDF to standard output: `innkeeper invoice pdf inv_… > invoice.pdf`.
    Pdf {
        /// The invoice's id.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
}

const HEADINGS: [&str; 5] = ["id", "number", "month", "issued", "project"];

fn row(invoice: &Value) -> Vec<String> {
    cells(invoice, &["id", "number", "month", "issued_at", "project_id"])
}

impl Invoice {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List { of } => {
                let (server, id) = of.find().await?;
                let page = server.get(&format!("/api/v1/projects/{id}/invoices?limit=200")).await?;
                of.remote().tell_list(items(&page), &HEADINGS, row);
            }
            Self::All { remote } => {
                let invoices = all(&Server::find(&remote)?, "invoices").await?;
                remote.tell_list(invoices, &HEADINGS, row);
            }
            Self::Issue { month, of } => {
                let (server, id) = of.find().await?;
                let path = format!("/api/v1/projects/{id}/invoices");
                let invoice = server.request(Method::POST, &path, Some(&json!({ "month": month }))).await?;
                of.remote().tell(&invoice, || {
                    format!("invoice {} is {}", cell(&invoice["number"]), cell(&invoice["id"]))
                });
            }
            Self::Pdf { id, remote } => {
                let path = format!("/api/v1/invoices/{id}/pdf");
                save(&Server::find(&remote)?.download(&path).await?)?;
            }
        }
        Ok(())
    }
}
