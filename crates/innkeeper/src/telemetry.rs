//! What is logged, to standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::Log;

/// Starts logging.
pub(crate) fn init(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| anyhow::anyhow!("log.filter `{}` cannot be read: {error}", log.filter))?;
    let registry = tracing_subscriber::registry().with(filter);
    if log.json {
        registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).try_init()?;
    } else {
        // Colours are for people; in a file or a journal they are noise.
        let colours = std::io::stderr().is_terminal();
        let text = tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(std::io::stderr);
        registry.with(text).try_init()?;
    }
    Ok(())
}
