//! What is logged: to standard error, and, where one is wanted, into a file that stays short.

mod short;

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::Log;

/// Starts logging.
pub(crate) fn init(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| anyhow::anyhow!("log.filter `{}` cannot be read: {error}", log.filter))?;
    let short = match &log.short {
        Some(short) => {
            let file = short::Short::open(&short.file, short.lines, short.keep)
                .with_context(|| format!("log.short.file `{}` cannot be written", short.file.display()))?;
            Some(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(file))
        }
        None => None,
    };
    let registry = tracing_subscriber::registry().with(filter).with(discreet()).with(short);
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

/// Whatever the filter says: the MCP library tells whole messages, and tokens and payments are in them.
fn discreet() -> FilterFn {
    fn is_discreet(what: &Metadata<'_>) -> bool {
        !what.target().starts_with("rmcp") || *what.level() <= Level::WARN
    }
    filter_fn(is_discreet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_programs_are_not_logged_even_when_everything_is() {
        let everything = EnvFilter::new("trace,rmcp::service=trace");
        let subscriber = tracing_subscriber::registry().with(everything).with(discreet());
        tracing::subscriber::with_default(subscriber, || {
            assert!(!tracing::enabled!(target: "rmcp::service", Level::DEBUG));
            assert!(!tracing::enabled!(target: "rmcp", Level::INFO));
            assert!(tracing::enabled!(target: "rmcp::service", Level::WARN));
            assert!(tracing::enabled!(target: "innkeeper_engine", Level::DEBUG));
        });
    }
}
