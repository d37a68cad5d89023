//! What tests of several rooms build their houses from: a simulator and its introduction to the engine, people, templates,
//! clusters that are rows and nothing else, and a host that wakes and sleeps. What only the tests of one room need stays
//! there. No part of the binary.
#![allow(clippy::unwrap_used)]

mod barn;
mod clusters;
mod instances;
mod people;
mod simulator;
mod templates;

use innkeeper_engine::Engine;
use innkeeper_store::Db;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use barn::{BARN, Barn, NOW, SECOND};
pub use clusters::{cluster, furnish, node, storage};
pub use instances::instance;
pub use people::{PASSWORD, person};
pub use simulator::{SECRET, introduction, simulate};
pub use templates::{offer, template};

/// A migrated SQLite database in a folder of its own, which goes with the folder.
pub async fn database() -> (Db, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}", folder.path().join("t.db").display())).await.unwrap();
    db.migrate().await.unwrap();
    (db, folder)
}

/// Runs the loops of an engine until `stop`.
pub fn run(engine: &Engine, stop: &CancellationToken) -> JoinHandle<()> {
    let (engine, stop) = (engine.clone(), stop.clone());
    tokio::spawn(async move { engine.run(stop).await.unwrap() })
}
