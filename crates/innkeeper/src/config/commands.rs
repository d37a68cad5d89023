//! How commands find their way into instances.

use std::time::Duration;

use innkeeper_engine::CommandOptions;
use serde::{Deserialize, Serialize};

/// How commands find their way into instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Commands {
    /// The port at which instances answer by SSH.
    pub ssh_port: u16,
    /// Commands at once in one instance, per process.
    pub per_instance: usize,
    /// Commands at once of one user, per process.
    pub per_user: usize,
    /// Milliseconds for which a step of a first-boot script may be silent before another process takes it.
    pub claim_ms: u64,
    /// Milliseconds between two looks at a first-boot script, at most.
    pub look_every_ms: u64,
}

impl Default for Commands {
    fn default() -> Self {
        let options = CommandOptions::default();
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            ssh_port: options.ssh_port,
            per_instance: options.per_instance,
            per_user: options.per_user,
            claim_ms: ms(options.claim),
            look_every_ms: ms(options.look_every),
        }
    }
}

impl Commands {
    /// The engine's options.
    pub(super) fn options(&self) -> CommandOptions {
        CommandOptions {
            ssh_port: self.ssh_port,
            per_instance: self.per_instance,
            per_user: self.per_user,
            claim: Duration::from_millis(self.claim_ms),
            look_every: Duration::from_millis(self.look_every_ms),
            ..CommandOptions::default()
        }
    }
}
