//! What the stories share: simulated clusters in this process, and the server as a child process that can be killed.

// The bench shares these too, and needs a few things that no story needs.
#![allow(dead_code, unused_imports)]
mod chain;
mod check;
mod database;
pub mod game;
pub mod guard;
mod inn;
mod lab;
pub mod machine;
#[path = "../../crates/connectors/tests/it/lab.rs"]
pub mod network;
mod server;
#[path = "../../crates/connectors/tests/foreign/sshd.rs"]
pub mod sshd;

pub use chain::{Chain, foreign, in_repository};
pub use check::check_house;
pub use database::{Kind as DatabaseKind, TestDatabase};
pub use inn::{Inn, lent};
pub use lab::{Lab, STRANGER};
pub use server::Server;
