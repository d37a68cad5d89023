//! The parts that every command on the machine of the database needs: database, keys, engine.

use anyhow::{Context, bail};
use innkeeper_domain::time::Clock;
use innkeeper_engine::{Engine, Options};
use innkeeper_store::Db;

use crate::config::Config;
use crate::keys;

/// Opens the database. A brand-new one is brought up to date at once; one with data waits for `innkeeper migrate`.
pub(crate) async fn open_database(config: &Config) -> anyhow::Result<Db> {
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("{} cannot be made", config.data_dir.display()))?;
    let db = Db::open(&config.database_url()).await.context("the database cannot be opened")?;
    if db.is_new().await? {
        db.migrate().await.context("the new database cannot be set up")?;
    }
    let pending = db.pending_migrations().await?;
    if pending > 0 {
        bail!(
            "the database is {pending} migrations behind this program; back it up, then run `innkeeper migrate`"
        );
    }
    Ok(db)
}

/// Joins the parts.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Engine> {
    open_with(config, config.engine_options()?).await
}

/// The same, with options that the configuration does not know.
pub(crate) async fn open_with(config: &Config, options: Options) -> anyhow::Result<Engine> {
    let db = open_database(config).await?;
    let file = config.key_file();
    // A new key would open none of them.
    let sealed = !innkeeper_store::clusters::list(&db).await?.is_empty()
        || innkeeper_store::factors::any_totp(&db).await?;
    if sealed && !file.exists() {
        bail!(
            "{} is missing, and the database holds secrets that were sealed with it; put it back from its copy",
            file.display()
        );
    }
    let ring = keys::load_or_make(&file)?;
    Ok(Engine::new(db, ring, Clock::system(), options))
}
