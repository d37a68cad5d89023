//! The rules of the house: pure functions over plain values. No I/O, no async; the clock is passed in.
//!
//! One file per noun of the product; `store`, `engine` and `api` carry files of the same names.

#[macro_use]
mod words;

pub mod abilities;
pub mod access;
pub mod addresses;
pub mod adoptions;
pub mod audit;
pub mod backups;
pub mod breaker;
pub mod clusters;
pub mod commands;
pub mod consoles;
pub mod disks;
pub mod drains;
pub mod drift;
pub mod events;
pub mod factors;
pub mod firewall;
pub mod first_boots;
pub mod hosts;
pub mod identities;
pub mod ids;
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
pub mod mark;
pub mod metrics;
pub mod money;
pub mod names;
pub mod networks;
pub mod node_access;
pub mod notices;
pub mod operations;
pub mod orders;
pub mod payments;
pub mod placement;
pub mod plans;
pub mod prices;
pub mod projects;
pub mod quotas;
pub mod reports;
pub mod retention;
pub mod retry;
pub mod schedules;
pub mod sessions;
pub mod shares;
pub mod sizes;
pub mod snapshots;
pub mod standing;
pub mod templates;
pub mod tickets;
pub mod time;
pub mod usage;
pub mod users;
pub mod vouchers;
pub mod wallets;
