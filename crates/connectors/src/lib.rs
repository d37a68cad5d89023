#![doc = include_str!("../README.md")]

pub mod mail;
pub mod oidc;
pub mod payments;
pub mod paypal;
pub mod rfb;
pub mod ssh;
pub mod stripe;
mod wire;
pub mod x402;

pub use wire::Error;
