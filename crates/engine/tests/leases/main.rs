//! Leases paid by x402: whatever buyers, strangers, facilitators, chains and processes do, who pays gets what was bought,
//! or has its price as credit, once.
#![allow(clippy::unwrap_used, missing_docs)]

#[macro_use]
#[path = "../../../store/tests/both/engines.rs"]
#[allow(dead_code)]
mod engines;
#[path = "../house/mod.rs"]
mod proxmox;

mod campaign;
mod chain;
mod deaths;
mod double;
mod house;
mod lasting;
mod payments;
mod rooms;
