//! Hosts that wake and sleep: the engine against a simulated Proxmox whose node really goes away, on both databases. Time
//! passes when a test says so, and each look is one that a test asks for.
#![allow(clippy::unwrap_used, missing_docs)]

#[macro_use]
#[path = "../../../store/tests/both/engines.rs"]
#[allow(dead_code)]
mod engines;

mod asleep;
mod awake;
mod discord;
mod house;
mod needed;
mod restarts;
