//! The API as its clients see it, over a real engine and a real database.
#![allow(clippy::unwrap_used, missing_docs)]

mod access;
mod credits;
mod document;
mod events;
mod headers;
mod house;
mod idempotency;
mod instances;
mod pages;
mod people;
mod problems;
mod sessions;
mod setup;
mod teams;
mod waiting;
