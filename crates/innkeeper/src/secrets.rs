//! `innkeeper secrets`: the keys that seal secrets at rest, on the machine of the key file.

use anyhow::bail;
use clap::Subcommand;
use innkeeper_domain::access::Actor;

use crate::config::Config;
use crate::out::say;
use crate::{house, keys};

/// Look after the keys that seal secrets in the database; on the machine of the key file.
#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// Make a new key and seal all secrets anew under it. Servers may run meanwhile; one that was stopped halfway is
    /// gone on with by running it again.
    Rotate {
        /// Make a new key even if an earlier rotation has not ended.
        #[arg(long)]
        new_key: bool,
        /// Remove the keys that seal nothing any more. Backups from before cannot be read without them.
        #[arg(long)]
        drop_old: bool,
    },
    /// Count the secrets under each key.
    Status,
}

impl Secrets {
    pub(crate) async fn run(self, config: &Config) -> anyhow::Result<()> {
        let actor = Actor::house();
        let file = config.key_file();
        // Makes the first key, if there is none.
        let engine = house::open(config).await?;
        let census = engine.count_secrets(&actor).await?;
        let Self::Rotate { new_key, drop_old } = self else {
            let current = keys::ids(&file)?.into_iter().next();
            for (id, columns) in census {
                let which = if Some(&id) == current.as_ref() { " (current)" } else { "" };
                say!("{id}{which}: {} secrets", columns.values().sum::<u64>());
                for (column, count) in columns {
                    say!("  {column} {count}");
                }
            }
            return Ok(());
        };
        let current = keys::ids(&file)?.into_iter().next().unwrap_or_default();
        let unfinished = census.iter().any(|(id, columns)| *id != current && !columns.is_empty());
        let engine = if unfinished && !new_key {
            say!("going on with the rotation to {current}");
            engine
        } else {
            let id = keys::add(&file)?;
            say!("made the key {id}; keep a copy of {} apart from the database's backups", file.display());
            house::open(config).await?
        };
        let done = engine.reseal_secrets(&actor).await?;
        say!("{} secrets are sealed anew", done.resealed);
        for line in &done.unopened {
            say!("{line}");
        }
        if !done.unopened.is_empty() {
            bail!(
                "some secrets did not open and stay as they are; put the key that sealed them back into {}",
                file.display()
            );
        }
        if drop_old {
            // Counted again: a server may have sealed something under the old key in between.
            let census = engine.count_secrets(&actor).await?;
            let used = |id: &str| census.get(id).is_some_and(|columns| !columns.is_empty());
            for id in keys::drop_unused(&file, used)? {
                say!("removed the key {id}");
            }
        }
        Ok(())
    }
}
