//! Where webhooks may be told.

use std::path::PathBuf;

use anyhow::Context;
use innkeeper_domain::addresses::AddressRange;
use innkeeper_engine::WebhookOptions;
use serde::{Deserialize, Serialize};

use super::list_or_text;

/// Where webhooks may be told. Whoever owns a project chooses their addresses, and we call these from where we stand: so
/// nothing but the Internet is called unless it is named here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Webhooks {
    /// Networks of one's own that may be called, over `http://` too: `['192.168.7.0/24']`.
    #[serde(deserialize_with = "list_or_text")]
    pub own_networks: Vec<AddressRange>,
    /// A file of certificates (PEM) that are trusted besides those that the system trusts.
    pub ca_file: Option<PathBuf>,
}

impl Webhooks {
    pub(super) fn options(&self) -> anyhow::Result<WebhookOptions> {
        let read = |file: &PathBuf| {
            std::fs::read_to_string(file)
                .with_context(|| format!("webhooks.ca_file: {} cannot be read", file.display()))
        };
        Ok(WebhookOptions {
            own_networks: self.own_networks.clone(),
            extra_ca: self.ca_file.as_ref().map(read).transpose()?,
            ..WebhookOptions::default()
        })
    }
}
