//! The client against a scripted TLS server: what goes over the wire, and what comes of what comes back.
#![allow(clippy::unwrap_used)]

mod connections;
mod consoles;
mod every_call;
mod recorded;
mod requests;
mod server;
mod sessions;
mod tasks;
