//! Commands in instances: by the agent of a simulated machine that runs real processes, by SSH against a real `sshd`,
//! and through a node with the program that nodes are given.
#![allow(clippy::unwrap_used, missing_docs)]

mod agent;
mod first_boot;
mod house;
mod node;
#[path = "../house/mod.rs"]
mod plain;
mod ssh;
#[path = "../../../connectors/tests/foreign/sshd.rs"]
mod sshd;
