//! The engine against a simulated cluster: what it measures, what it adopts, and what it notices behind its back.
#![allow(clippy::unwrap_used, missing_docs)]

mod adoptions;
mod drift;
mod house;
mod metrics;
#[path = "../house/mod.rs"]
mod plain;
