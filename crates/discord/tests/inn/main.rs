//! The workflows of a community at a real house: the engine, a simulated Proxmox VE, and a Discord of our own, with the
//! bot between them. What must never happen is told here too.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, unused_imports)] // the other stories use the rest of it
#[path = "../fake/mod.rs"]
mod fake;
mod house;

mod accounts;
mod chat;
mod never;
mod restarts;
mod voice;
