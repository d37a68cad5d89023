//! The API as its clients see it, over a real engine and a real database.
#![allow(clippy::unwrap_used, missing_docs)]

mod access;
mod credits;
mod document;
mod events;
mod factors;
mod headers;
mod house;
mod idempotency;
mod instances;
mod limits;
mod pages;
mod problems;
mod refresh;
mod sessions;
mod setup;
mod waiting;
