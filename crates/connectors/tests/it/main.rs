//! The connectors against the real other side where there is one, and against strict doubles where there is none.
#![allow(clippy::unwrap_used)]

#[path = "../doubles/mod.rs"]
mod doubles;
mod foreign;
mod hook;
mod lab;
mod mail;
mod minecraft;
mod oidc;
mod paypal;
mod ping;
mod ssh;
mod ssh_host;
#[path = "../foreign/sshd.rs"]
mod sshd;
mod stripe;
mod tcp;
mod wake;
mod webhooks;
mod x402;
