//! The connectors against the real other side where there is one, and against strict doubles where there is none.
#![allow(clippy::unwrap_used)]

#[path = "../doubles/mod.rs"]
mod doubles;
mod foreign;
mod mail;
mod oidc;
mod paypal;
mod ssh;
#[path = "../foreign/sshd.rs"]
mod sshd;
mod stripe;
mod x402;
