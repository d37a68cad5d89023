//! Every function of the store on both databases. The PostgreSQL half needs `INNKEEPER_TEST_POSTGRES`, which
//! `scripts/test` sets.
#![allow(clippy::unwrap_used)]

#[macro_use]
mod engines;
mod house;

mod database;
