//! Discord: the bot. A face of the house like the portal or the command line, with no rights of its own: who asks is
//! said with every request, and the house decides.
//!
//! What Discord sends comes by the gateway ([`Bot::run`]) or as signed HTTP requests ([`Bot::interaction`]); both are
//! answered by the same code. Nothing that counts is kept in memory: buttons say, signed, what they are for, and what
//! was asked, told or shown is in the house.

mod alerts;
mod backoff;
mod board;
mod bot;
mod commands;
mod config;
mod deeds;
mod door;
mod gateway;
mod house;
mod interactions;
mod language;
mod looks;
mod messages;
mod presence;
mod rest;
mod statement;
mod texts;
mod wire;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub use bot::Bot;
pub use config::{Config, Pace};
pub use door::HttpAnswer;
pub use house::{
    Ability, Answer, Balance, Begun, Board, Caller, Deed, Delivery, End, Failure, Host, HostState, House,
    Instance, Link, Matter, Notice, Period, Players, Power, Progress, Recipient, Report, Service,
    ServiceState, Settings,
};
pub use texts::{BadText, Text, catalogue, check as check_text};

/// Why the bot stopped, or did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting cannot work.
    #[error("discord.{0}")]
    Setting(&'static str),
    /// Discord will not have us, and will not change its mind.
    #[error("Discord closed the connection for good ({code}): {remedy}")]
    Closed {
        /// Discord's code.
        code: u16,
        /// What to do.
        remedy: &'static str,
    },
}

/// Runs the bot until it is stopped, or Discord will not have it.
pub async fn run(house: Arc<impl House>, config: Config, stop: CancellationToken) -> Result<(), Error> {
    Bot::new(house, config)?.run(stop).await
}
