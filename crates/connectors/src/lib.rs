#![doc = include_str!("../README.md")]

pub mod mail;
pub mod oidc;
pub mod payments;
pub mod paypal;
pub mod rfb;
pub mod ssh;
pub mod stripe;
mod wire;

pub use wire::Error;
