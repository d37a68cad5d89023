//! Rows and transactions: one SQL code base over SQLite and PostgreSQL.
//!
//! Only this crate writes SQL. Writes take `&mut Tx`, single reads take `&Db`, and no function opens a transaction of
//! its own: the use case decides what belongs together. One file per noun, named as in `innkeeper-domain`.

#[macro_use]
mod db;
mod columns;
pub mod drains;
mod error;
mod wake;

pub mod adoptions;
pub mod announcements;
pub mod audit;
pub mod backups;
pub mod challenges;
pub mod clusters;
pub mod consoles;
pub mod deliveries;
pub mod discord;
pub mod drift;
pub mod events;
pub mod factors;
pub mod finance;
pub mod first_boots;
pub mod hosts;
pub mod idempotency;
pub mod identities;
pub mod impersonations;
pub mod instances;
pub mod invitations;
pub mod invoices;
pub mod isos;
pub mod keys;
pub mod leases;
pub mod ledger;
pub mod limits;
pub mod mails;
pub mod management;
pub mod networks;
pub mod node_access;
pub mod nodes;
pub mod notices;
pub mod notifications;
pub mod operations;
pub mod orders;
pub mod payers;
pub mod payments;
pub mod placements;
pub mod plans;
pub mod prices;
pub mod project_invitations;
pub mod projects;
pub mod quotas;
pub mod refunds;
pub mod restarts;
pub mod restraint;
pub mod restrictions;
pub mod rests;
pub mod schedules;
pub mod seal;
pub mod secrets;
pub mod services;
pub mod sessions;
pub mod settings;
pub mod shares;
pub mod slots;
pub mod snapshots;
pub mod templates;
pub mod tickets;
pub mod usage;
pub mod users;
pub mod vmids;
pub mod voices;
pub mod vouchers;
pub mod webhooks;

pub use db::{Db, Engine, Tx};
pub use error::Error;
pub use seal::{KeyRing, Keys, SealError, SealKey, Sealed};
pub use wake::Topic;
