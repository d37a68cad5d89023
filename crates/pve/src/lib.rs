#![doc = include_str!("../README.md")]

mod access;
mod backup;
mod call;
mod client;
mod cluster;
mod credentials;
mod endpoint;
mod error;
mod guest;
mod host;
mod ids;
mod lenient;
mod node;
mod operations;
mod permissions;
mod pool;
mod property;
mod resources;
mod rrd;
mod session;
mod storage;
mod task;
mod trust;
mod upid;

pub use access::{AclEntry, Grant, Grantee, NewToken, Role, User};
pub use backup::{Backup, BackupMode};
pub use call::{ParamValue, Params};
pub use client::{Client, ClientBuilder};
pub use cluster::{ClusterMember, ClusterStatus, Version};
pub use credentials::{Credentials, FactorAnswer, SecondFactor};
pub use endpoint::Endpoint;
pub use error::{Attempt, Class, ConsoleFault, Error};
pub use guest::agent::{Agent, ExecStatus, OsInfo};
pub use guest::config::{CommonConfig, ConfigChange, GuestConfig, LxcConfig, PendingOption, QemuConfig};
pub use guest::console::{ConsoleReader, Terminal, TerminalWriter, Vnc, VncWriter};
pub use guest::firewall::{FirewallOptions, FirewallRule, IpSetEntry, Network};
pub use guest::interfaces::{Address, Interface};
pub use guest::lxc::LxcCreate;
pub use guest::qemu::{CloudInit, QemuCreate};
pub use guest::snapshot::{NewSnapshot, Snapshot};
pub use guest::status::{GuestStatus, HaState, RunState};
pub use guest::{CloneOptions, DeleteOptions, Feature, Guest, MigrateOptions, NewSize, ShutdownOptions};
pub use ids::{
    GuestKind, GuestRef, InvalidName, IpSetName, NodeName, PoolId, RoleId, SnapshotName, StorageId,
    TokenName, UserId, Vmid, VolumeId,
};
pub use node::{CpuInfo, NodeNetwork, NodePower, NodeStatus, Usage};
pub use operations::{Method, Operation, operations};
pub use permissions::Permissions;
pub use pool::{Pool, PoolChange};
pub use property::{InvalidProperty, InvalidSize, PropertyString, Size, Tags};
pub use resources::{GuestRow, NodeRow, PoolRow, Resource, ResourceKind, StorageRow};
pub use rrd::{Consolidation, RrdPoint, Timeframe};
pub use storage::{Appliance, Content, Download, NodeStorage, Volume};
pub use task::{LogLine, LogPage, Patience, Task, TaskFilter, TaskInfo, TaskOutcome, TaskSource, TaskStatus};
pub use trust::{Fingerprint, InvalidFingerprint, Trust, probe_fingerprint};
pub use upid::Upid;
