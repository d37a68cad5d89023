//! Webhooks: each event is told once to whoever is to hear of it, whatever dies meanwhile; those that do not listen are
//! told again, and given up in the end.
#![allow(clippy::unwrap_used, missing_docs)]

#[macro_use]
#[path = "../../../store/tests/both/engines.rs"]
#[allow(dead_code)]
mod engines;

mod house;
mod managing;
mod receiver;
mod telling;
