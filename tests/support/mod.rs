//! What the stories share: simulated clusters in this process, and the server as a child process that can be killed.

// The bench shares these too, and needs a few things that no story needs.
#![allow(dead_code, unused_imports)]
mod check;
mod database;
mod lab;
mod server;

pub use check::check_house;
pub use database::{Kind as DatabaseKind, TestDatabase};
pub use lab::{Lab, STRANGER};
pub use server::Server;
