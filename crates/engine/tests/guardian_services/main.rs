//! Services and their restarts: looked at by their own protocol, restarted once and with restraint, whoever asks and
//! wherever the process dies.
#![allow(clippy::unwrap_used, missing_docs)]

#[macro_use]
#[path = "../../../store/tests/both/engines.rs"]
#[allow(dead_code)]
mod engines;

mod deaths;
mod doormen;
mod game;
mod house;
#[path = "../house/mod.rs"]
mod plain;
mod restarts;
mod restraint;
mod sleeping;
