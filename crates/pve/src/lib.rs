#![doc = include_str!("../README.md")]

mod call;
mod client;
mod cluster;
mod credentials;
mod endpoint;
mod error;
pub mod guest;
mod ids;
mod lenient;
mod operations;
mod permissions;
mod property;
mod resources;
mod rrd;
mod session;
mod task;
mod trust;
mod upid;

pub use call::{Params, Value};
pub use client::{Client, ClientBuilder};
pub use cluster::{ClusterMember, ClusterStatus, Version};
pub use credentials::{Credentials, FactorAnswer, SecondFactor};
pub use endpoint::Endpoint;
pub use error::{Attempt, Class, Error};
pub use guest::config::{CommonConfig, ConfigChange, GuestConfig, LxcConfig, PendingOption, QemuConfig};
pub use guest::interfaces::{Address, Interface};
pub use guest::lxc::LxcCreate;
pub use guest::qemu::{CloudInit, QemuCreate};
pub use guest::status::{GuestStatus, HaState, RunState};
pub use guest::{CloneOptions, DeleteOptions, Feature, Guest, MigrateOptions, NewSize, ShutdownOptions};
pub use ids::{
    GuestKind, GuestRef, InvalidName, IpSetName, NodeName, PoolId, RoleId, SnapshotName, StorageId,
    TokenName, UserId, Vmid, VolumeId,
};
pub use operations::{Method, Operation, operations};
pub use permissions::Permissions;
pub use property::{InvalidProperty, InvalidSize, PropertyString, Size, Tags};
pub use resources::{GuestRow, NodeRow, PoolRow, Resource, ResourceKind, StorageRow};
pub use rrd::{Consolidation, RrdPoint, Timeframe};
pub use task::{LogLine, LogPage, Patience, Task, TaskFilter, TaskInfo, TaskOutcome, TaskSource, TaskStatus};
pub use trust::{Fingerprint, InvalidFingerprint, Trust, probe_fingerprint};
pub use upid::Upid;
