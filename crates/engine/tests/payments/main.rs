//! Payments, vouchers and invoices on both databases, over doubles of the providers that speak their wire.
#![allow(clippy::unwrap_used, missing_docs)]

#[macro_use]
#[path = "../../../store/tests/both/engines.rs"]
#[allow(dead_code)]
mod engines;
#[path = "../../../connectors/tests/doubles/mod.rs"]
mod doubles;
mod house;
mod invoices;
mod paypal;
mod refunds;
mod stripe;
mod vouchers;
