//! Who gets in, and how: what the operator decides.

use innkeeper_connectors::mail::Mailer;
use innkeeper_domain::invitations::Registration;
use innkeeper_domain::sessions::Lifetimes;

use crate::{Engine, Provider};

/// What the operator decides about signing in.
#[derive(Clone, Debug)]
pub struct Access {
    /// Who may register.
    pub registration: Registration,
    /// How long tokens are good for.
    pub lifetimes: Lifetimes,
    /// How the house is called in mails, and where authenticators show who asks.
    pub house_name: String,
    /// Where people reach the portal, for example `https://rooms.example.org`, without a slash at the end. Links in
    /// mails lead there, and passkeys belong to its host; without it there are neither.
    pub public_url: Option<String>,
    /// How mails are sent; none when they are not.
    pub mailer: Option<Mailer>,
    /// Other houses by which people may sign in.
    pub providers: Vec<Provider>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            registration: Registration::Closed,
            lifetimes: Lifetimes::default(),
            house_name: "Innkeeper".to_owned(),
            public_url: None,
            mailer: None,
            providers: Vec::new(),
        }
    }
}

impl Engine {
    /// Who may register.
    pub fn registration(&self) -> Registration {
        self.options().access.registration
    }
}
