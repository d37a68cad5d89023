//! Whoever comes to a public door: nobody knows yet who it is, only from where they come.

use std::net::IpAddr;

use innkeeper_domain::audit::Doer;
use innkeeper_domain::mails::Language;
use innkeeper_domain::sessions::USER_AGENT_MAX;

/// Somebody who has not proved who they are.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// From where they come, as far as known. Those of whom it is not known are counted together.
    pub address: Option<IpAddr>,
    /// What their client says it is.
    pub user_agent: Option<String>,
    /// The language that they read.
    pub language: Language,
}

impl Visitor {
    /// What their client says it is, in the form that is kept.
    pub(crate) fn user_agent(&self) -> Option<String> {
        let printable = |text: &str| text.chars().filter(|c| !c.is_control()).take(USER_AGENT_MAX).collect();
        self.user_agent.as_deref().map(printable)
    }

    /// As the audit log names them.
    pub(crate) fn doer(&self) -> Doer {
        Doer::stranger(self.address)
    }
}
