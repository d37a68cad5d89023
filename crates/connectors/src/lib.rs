#![doc = include_str!("../README.md")]

pub mod hook;
pub mod mail;
pub mod minecraft;
pub mod oidc;
pub mod payments;
pub mod paypal;
pub mod ping;
pub mod rfb;
pub mod ssh;
pub mod stripe;
pub mod tcp;
pub mod wake;
pub mod webhooks;
mod wire;
pub mod x402;

pub use wire::Error;
