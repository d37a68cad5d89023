#![doc = include_str!("../README.md")]
#![allow(clippy::unnecessary_wraps, reason = "all handlers of the route table have one signature")]

mod access;
mod auth;
mod backup;
mod call;
mod clock;
mod cluster;
mod consoles;
mod error;
mod faults;
mod firewall;
mod formats;
mod guests;
mod ha;
mod index;
mod jobs;
mod node;
mod node_api;
mod node_info;
mod options;
mod params;
mod pools;
mod profile;
mod property;
mod resources;
mod routes;
mod rrd;
mod schema;
mod seed;
mod server;
mod sim;
mod stats;
mod storage;
mod storage_api;
mod task_api;
mod tasks;
mod volumes;
mod world;

pub use clock::{Clock, Micros, SECOND};
pub use faults::{Armed, BadRule, Count, Effect, Faults, Matcher, Rule};
pub use guests::{Guest, Kind, Run, Snapshot};
pub use options::{ClusterOptions, Latency, NodeOptions, Options, Profile, StorageOptions};
pub use server::tls::TlsError;
pub use sim::{Cluster, Endpoint, Sim, StartError};
pub use stats::{Counters, Stats};
pub use world::World;
