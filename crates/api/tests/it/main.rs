//! The API as its clients see it, over a real engine and a real database.
#![allow(clippy::unwrap_used, missing_docs)]

mod access;
mod consoles;
mod credits;
mod document;
mod events;
mod factors;
mod headers;
mod house;
mod idempotency;
mod instances;
mod limits;
mod matrix;
mod oidc;
mod pages;
mod passkeys;
mod people;
mod placements;
mod problems;
mod recovery;
mod refresh;
mod registration;
mod sessions;
mod setup;
mod teams;
mod waiting;
