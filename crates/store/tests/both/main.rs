//! Every function of the store on both databases. The PostgreSQL half needs `INNKEEPER_TEST_POSTGRES`, which
//! `scripts/test` sets.
#![allow(clippy::unwrap_used)]
// A list of one reads better beside lists of two.
#![allow(clippy::cloned_ref_to_slice_refs)]

#[macro_use]
mod engines;
mod house;

mod adoptions;
mod announcements;
mod audit;
mod backups;
mod catalogue;
mod claims;
mod clusters;
mod commands;
mod consoles;
mod database;
mod discord;
mod drift;
mod events;
mod factors;
mod histories;
mod idempotency;
mod instances;
mod invitations;
mod invoices;
mod leases;
mod ledger;
mod limits;
mod mails;
mod money;
mod networks;
mod notifications;
mod operations;
mod payments;
mod people;
mod placements;
mod restrictions;
mod schema;
mod seal;
mod secrets;
mod services;
mod sessions;
mod slots;
mod standing;
mod teams;
mod tickets;
mod upgrade;
mod vmids;
mod vouchers;
mod wake;
mod webhooks;
